// Instance normalisation.
#include "ops/decl/instance_norm.h"
#include "ops/decl/batch_norm.h"
#include "ops/decl/exponential.h"
#include "ops/decl/group_norm.h"
#include "ops/decl/reduce.h"
#include "ops/decl/statistics.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// A tensor per channel, (C), shaped to go with (N, C, ...).
Tensor per_channel(const Tensor& t, int64_t ndim) {
  Dims shape(static_cast<int>(ndim), 1);
  shape[1] = t.numel();
  return plait::reshape(t, shape);
}

void check_channels(const Tensor& self, const Tensor& t, const char* name) {
  check(!t.defined() || (t.dim() == 1 && t.numel() == self.sizes()[1]),
        "instance_norm: expected {} of shape ({},), one element per channel of self of shape {}, got {}",
        name, self.sizes()[1], self.sizes(), t.defined() ? t.sizes() : Dims());
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double, double)>
    instance_norm{{
        .schema =
            "instance_norm(Tensor self, Tensor? running_mean=None, Tensor? running_var=None, Tensor? "
            "weight=None, "
            "Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-05) -> Tensor",
        .doc =
            R"(Normalises each channel of each sample over its spatial dimensions, then scales by weight and adds bias. With
use_input_stats=False the running statistics are used instead; otherwise they are updated where given.

Shapes: self (N, C, ...); all others (C). Dtypes: floating.
Errors: ValueError for other shapes, and where there is one spatial element only, whose variance is 0.
Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast stylization" (2016).

>>> plait.instance_norm(plait.tensor([[[1.0, 3.0]]]), eps=0.0)
tensor([[[-1.,  1.]]]))",
        .composite =
            [](const Tensor& self, const Tensor& running_mean, const Tensor& running_var,
               const Tensor& weight, const Tensor& bias, bool use_input_stats, double momentum, double eps) {
              check(self.dim() >= 2, "instance_norm: expected self of shape (N, C, ...), got {}",
                    self.sizes());
              check_channels(self, running_mean, "running_mean");
              check_channels(self, running_var, "running_var");
              check_channels(self, weight, "weight");
              check_channels(self, bias, "bias");
              const int64_t n = self.sizes()[0], channels = self.sizes()[1], ndim = self.dim();
              if (!use_input_stats) {
                check(running_mean.defined() && running_var.defined(),
                      "instance_norm: expected running_mean and running_var where use_input_stats is False, "
                      "got None");
                const Tensor scale = plait::rsqrt(running_var + eps);
                Tensor y = (self - per_channel(running_mean, ndim)) * per_channel(scale, ndim);
                if (weight.defined()) y = y * per_channel(weight, ndim);
                return bias.defined() ? y + per_channel(bias, ndim) : y;
              }
              const int64_t spatial = n * channels > 0 ? self.numel() / (n * channels) : 0;
              check(spatial != 1,
                    "instance_norm: expected more than one spatial element to normalise over, got self of "
                    "shape {}",
                    self.sizes());
              if (running_mean.defined() || running_var.defined()) {
                NoGrad guard;
                const Tensor rows = plait::reshape(self, Dims{n, channels, spatial});
                const auto [var, mean] = plait::var_mean(rows, IntSpan(Dims{2}), Scalar(1), false);
                const auto of_samples = [](const Tensor& t) { return plait::mean(t, IntSpan(Dims{0})); };
                plait::_move_running_(running_mean, running_var, {}, of_samples(mean), of_samples(var),
                                      momentum, 1);
              }
              return plait::group_norm(self, channels, weight, bias, eps);
            },
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
    }};

}  // namespace plait::op
