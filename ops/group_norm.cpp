// Group normalisation.
#include "ops/cpu/group_norm.h"

#include "ops/decl/exponential.h"
#include "ops/decl/group_norm.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

DType statistics_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }

// A tensor per channel, (C), shaped to go with (N, C, ...).
Tensor per_channel(const Tensor& t, const Tensor& self) {
  Dims shape(static_cast<int>(self.dim()), 1);
  shape[1] = self.sizes()[1];
  return plait::reshape(t, shape);
}
// The sum over everything but the channels.
Tensor channel_sum(const Tensor& t) {
  Dims dims{0};
  for (int64_t d = 2; d < t.dim(); ++d) dims.push_back(d);
  return plait::sum(t, dims);
}

// The derivatives in ops, from self alone, so that they can be differentiated again.
void vjp_in_ops(Vjp& v) {
  const Tensor self = v.in(0), weight = v.in(2), g = v.grad(0);
  const int64_t groups = v.attr<int64_t>(1), n = self.sizes()[0];
  const auto grouped = [&](const Tensor& t) {
    return plait::reshape(t, Dims{n, groups, n * groups != 0 ? t.numel() / (n * groups) : 0});
  };
  const auto mean = [](const Tensor& t) { return plait::mean(t, IntSpan(Dims{-1}), true); };
  const Tensor x = grouped(self), centred = x - mean(x);
  const Tensor rstd = plait::rsqrt(mean(centred * centred) + Scalar(v.attr<double>(4)));
  const Tensor h = centred * rstd;
  if (v.needs(0)) {
    const Tensor u = grouped(weight.defined() ? g * per_channel(weight, self) : g);
    v.set(0, plait::reshape(rstd * (u - mean(u) - h * mean(u * h)), self.sizes()));
  }
  if (v.needs(2)) v.set(2, channel_sum(g * plait::reshape(h, self.sizes())));
  if (v.needs(3)) v.set(3, channel_sum(g));
}

void check_groups(const Tensor& self, int64_t groups) {
  check(self.dim() >= 2, "group_norm: expected self of shape (N, C, ...), got {}", self.sizes());
  check(groups > 0 && self.sizes()[1] % groups == 0,
        "group_norm: the {} channels of self of shape {} are not divisible into {} groups", self.sizes()[1],
        self.sizes(), groups);
}
void check_per_channel(const char* name, const Tensor& t, const Tensor& self) {
  check(!t.defined() || (t.dim() == 1 && t.numel() == self.sizes()[1]),
        "group_norm: expected {} of shape ({},), got {}", name, self.sizes()[1],
        t.defined() ? t.sizes() : Dims());
}

}  // namespace

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, int64_t, const Tensor&, const Tensor&, double)>
    _group_norm{{
        .schema = "_group_norm(Tensor self, int num_groups, Tensor? weight, Tensor? bias, float eps) -> "
                  "(Tensor output, Tensor mean, Tensor rstd)",
        .doc = "group_norm of checked arguments, with the mean and the reciprocal standard deviation of each "
               "sample's groups.",
        .meta =
            [](const Tensor& self, int64_t groups, const Tensor& weight, const Tensor& bias, double) {
              check_groups(self, groups);
              check_per_channel("weight", weight, self);
              check_per_channel("bias", bias, self);
              const TensorSpec statistics(Dims{self.sizes()[0], groups}, statistics_dtype(self.dtype()),
                                          self.device());
              return std::array<TensorSpec, 3>{infer::like(self), statistics, statistics};
            },
        .vjp =
            [](Vjp& v) {
              if (!v.grad(0).defined()) return;
              if (grad_enabled()) return vjp_in_ops(v);
              const auto [dx, dw, db] =
                  plait::_group_norm_backward(v.grad(0), v.in(0), v.out(1), v.out(2), v.in(2));
              if (v.needs(0)) v.set(0, dx);
              if (v.needs(2)) v.set(2, dw);
              if (v.needs(3)) v.set(3, db);
            },
        .save = "self, weight, mean, rstd",
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu = [](const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& self,
                  int64_t groups, const Tensor& weight, const Tensor& bias,
                  double eps) { cpu::group_norm(out, mean, rstd, self, groups, weight, bias, eps); },
    }};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&)>
    _group_norm_backward{{
        .schema = "_group_norm_backward(Tensor self, Tensor input, Tensor mean, Tensor rstd, Tensor? weight) "
                  "-> (Tensor input, Tensor weight, Tensor bias)",
        .doc = "The gradients of _group_norm, whose input, weight and statistics are given; self is that of "
               "the result.",
        .meta =
            [](const Tensor& self, const Tensor& input, const Tensor& mean, const Tensor& rstd,
               const Tensor& weight) {
              check(
                  self.sizes() == input.sizes() && self.dtype() == input.dtype(),
                  "_group_norm_backward: expected self and input of one shape and dtype, got {} {} and {} {}",
                  self.sizes(), self.dtype(), input.sizes(), input.dtype());
              check<TypeError>(mean.dtype() == statistics_dtype(input.dtype()),
                               "_group_norm_backward: expected mean of dtype {}, got {}",
                               statistics_dtype(input.dtype()), mean.dtype());
              check(mean.dim() == 2 && mean.sizes()[0] == input.sizes()[0] && rstd.sizes() == mean.sizes(),
                    "_group_norm_backward: expected mean and rstd of shape (samples, groups), got {} and {}",
                    mean.sizes(), rstd.sizes());
              check<TypeError>(rstd.dtype() == mean.dtype(),
                               "_group_norm_backward: expected mean and rstd of one dtype, got {} and {}",
                               mean.dtype(), rstd.dtype());
              check_groups(input, mean.sizes()[1]);
              check_per_channel("weight", weight, input);
              const TensorSpec channel(Dims{input.sizes()[1]}, input.dtype(), input.device());
              return std::array<TensorSpec, 3>{infer::like(input), channel, channel};
            },
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dw, const Tensor& db, const Tensor& self, const Tensor& input,
               const Tensor& mean, const Tensor& rstd, const Tensor& weight) {
              cpu::group_norm_backward(dx, dw, db, self, input, mean, rstd, weight);
            },
    }};

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, double)> group_norm{{
    .schema = "group_norm(Tensor self, int num_groups, Tensor? weight=None, Tensor? bias=None, float "
              "eps=1e-05) -> Tensor",
    .doc = "Normalises each group of channels of each sample; self (N, C, ...), weight and bias (C) (Wu and "
           "He 2018).",
    .composite = [](const Tensor& self, int64_t groups, const Tensor& weight, const Tensor& bias,
                    double eps) { return std::get<0>(plait::_group_norm(self, groups, weight, bias, eps)); },
    .kind = Kind::Norm,
}};

}  // namespace plait::op
