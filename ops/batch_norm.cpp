// Batch normalisation (Ioffe and Szegedy 2015).
#include "ops/cpu/batch_norm.h"

#include "ops/decl/batch_norm.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

DType statistics_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }

void check_channels(const char* op, const char* param, const Tensor& t, const Tensor& self) {
  if (t.defined())
    check(t.dim() == 1 && t.numel() == self.sizes()[1],
          "{}: expected {} of shape ({},) for self of shape {}, got {}", op, param, self.sizes()[1],
          self.sizes(), t.sizes());
}
void check_self(const char* op, const Tensor& self) {
  check(self.dim() >= 2, "{}: expected self of shape (N, C, ...), got {}", op, self.sizes());
}

// (C) as (1, C, 1, ...), to be broadcast against self.
Tensor per_channel(const Tensor& t, const Tensor& self) {
  Dims shape(static_cast<int>(self.dim()), 1);
  shape[1] = self.sizes()[1];
  return plait::reshape(t, shape);
}
Dims other_dims(const Tensor& self) {
  Dims dims{0};
  for (int64_t d = 2; d < self.dim(); ++d) dims.push_back(d);
  return dims;
}
int64_t count_of(const Tensor& self) {
  int64_t n = self.sizes()[0];
  for (int d = 2; d < self.sizes().size(); ++d) n *= self.sizes()[d];
  return n;
}

// The derivative of _batch_norm_backward, by the incoming a (for dx), b (for dweight) and c (for dbias). With
// h = (x - mean) / s the normalised x, s = sqrt(var + eps), and the projection P(u) = u - mean(u) - h mean(u
// h):
//   dx = w / s P(g), dweight = sum(g h), dbias = sum(g);
// P is its own transpose, dh/dx = P / s, d(1/s)/dx = -h / (n s^2). All is computed from x, so that it can be
// differentiated again.
void backward_vjp(Vjp& v) {
  const Tensor g = v.in(0), x = v.in(1), weight = v.in(2), a = v.grad_or_zeros(0);
  const Dims dims = other_dims(x);
  const auto mean = [&](const Tensor& t) { return plait::mean(t, dims, true); };
  const Tensor centred = x - mean(x);
  const Tensor inverse = plait::rsqrt(mean(centred * centred) + Scalar(v.attr<double>(5)));
  const Tensor h = centred * inverse;
  const Tensor scale = weight.defined() ? per_channel(weight, x) * inverse : inverse;
  const auto project = [&](const Tensor& u) { return u - mean(u) - h * mean(u * h); };
  const Tensor projected = project(a);
  const Tensor b = v.grad(1).defined() ? per_channel(plait::_convert(v.grad(1), x.dtype()), x) : Tensor();
  if (v.needs(0)) {
    Tensor to_g = scale * projected;
    if (b.defined()) to_g = to_g + b * h;
    if (v.grad(2).defined()) to_g = to_g + per_channel(plait::_convert(v.grad(2), x.dtype()), x);
    v.set(0, to_g);
  }
  const Tensor product = plait::sum(g * projected, dims, true);
  if (v.needs(1)) {
    Tensor through_h = -(scale * (a * mean(g * h) + g * mean(a * h)));
    if (b.defined()) through_h = through_h + b * g;
    const Tensor through_s = scale * inverse * product * h / Scalar(count_of(x));
    v.set(1, inverse * project(through_h) - through_s);
  }
  if (v.needs(2)) v.set(2, plait::reshape(inverse * product, Dims{x.sizes()[1]}));
}

// For _move_running_ without a kernel of its own.
void update(const Tensor& running, const Tensor& value, double momentum) {
  if (!running.defined()) return;
  plait::copy_(running,
               plait::_convert(running, value.dtype()) * Scalar(1 - momentum) + value * Scalar(momentum));
}

}  // namespace

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, double)> _batch_norm{{
    .schema = "_batch_norm(Tensor self, Tensor? weight, Tensor? bias, float eps) -> (Tensor out, Tensor "
              "mean, Tensor var)",
    .doc = "Each channel of (N, C, ...) normalised by its own mean and (biased) variance, which are given "
           "too, without gradient.",
    .meta =
        [](const Tensor& self, const Tensor& weight, const Tensor& bias, double) {
          check_self("batch_norm", self);
          check_channels("batch_norm", "weight", weight, self);
          check_channels("batch_norm", "bias", bias, self);
          const TensorSpec statistics(Dims{self.sizes()[1]}, statistics_dtype(self.dtype()), self.device());
          return std::array<TensorSpec, 3>{infer::like(self), statistics, statistics};
        },
    .vjp =
        [](Vjp& v) {
          if (!v.grad(0).defined()) return;
          const auto [dx, dweight, dbias] =
              plait::_batch_norm_backward(v.grad(0), v.in(0), v.in(1), v.out(1), v.out(2), v.attr<double>(3));
          if (v.needs(0)) v.set(0, dx);
          if (v.needs(1)) v.set(1, dweight);
          if (v.needs(2)) v.set(2, dbias);
        },
    .save = "self, weight, mean, var",
    .kind = Kind::Norm,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& mean, const Tensor& var, const Tensor& self,
              const Tensor& weight, const Tensor& bias,
              double eps) { cpu::batch_norm(out, mean, var, self, weight, bias, eps); },
}};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, double)>
    _batch_norm_backward{{
        .schema = "_batch_norm_backward(Tensor self, Tensor input, Tensor? weight, Tensor mean, Tensor var, "
                  "float eps) -> (Tensor dinput, Tensor "
                  "dweight, Tensor dbias)",
        .doc = "The gradients of _batch_norm, whose input, weight and statistics are given; self is that of "
               "the result.",
        .meta =
            [](const Tensor& self, const Tensor& input, const Tensor& weight, const Tensor& mean,
               const Tensor& var, double) {
              check_self("_batch_norm_backward", input);
              check(
                  self.sizes() == input.sizes() && self.dtype() == input.dtype(),
                  "_batch_norm_backward: expected self and input of one shape and dtype, got {} {} and {} {}",
                  self.sizes(), self.dtype(), input.sizes(), input.dtype());
              check_channels("_batch_norm_backward", "weight", weight, input);
              check_channels("_batch_norm_backward", "mean", mean, input);
              check_channels("_batch_norm_backward", "var", var, input);
              const DType dtype = statistics_dtype(input.dtype());
              check<TypeError>(mean.dtype() == dtype && var.dtype() == dtype,
                               "_batch_norm_backward: expected mean and var of dtype {}, got {} and {}",
                               dtype, mean.dtype(), var.dtype());
              const TensorSpec channel(Dims{input.sizes()[1]}, dtype, input.device());
              return std::array<TensorSpec, 3>{infer::like(input), channel, channel};
            },
        .vjp = backward_vjp,
        .save = "self, input, weight",
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dinput, const Tensor& dweight, const Tensor& dbias, const Tensor& self,
               const Tensor& input, const Tensor& weight, const Tensor& mean, const Tensor& var, double eps) {
              cpu::batch_norm_backward(dinput, dweight, dbias, self, input, weight, mean, var, eps);
            },
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double)>
    _batch_norm_given{{
        .schema =
            "_batch_norm_given(Tensor self, Tensor mean, Tensor var, Tensor? weight, Tensor? bias, float "
            "eps) -> Tensor",
        .doc = "Each channel of (N, C, ...) normalised by a given mean and variance.",
        .meta =
            [](const Tensor& self, const Tensor& mean, const Tensor& var, const Tensor& weight,
               const Tensor& bias, double) {
              check_self("batch_norm", self);
              check_channels("batch_norm", "running_mean", mean, self);
              check_channels("batch_norm", "running_var", var, self);
              check_channels("batch_norm", "weight", weight, self);
              check_channels("batch_norm", "bias", bias, self);
              return infer::like(self);
            },
        .vjp =
            [](Vjp& v) {
              // y = d inverse w + b with d = x - mean, inverse = 1 / sqrt(var + eps).
              const Tensor x = v.in(0), weight = v.in(3), g = v.grad();
              const DType compute = statistics_dtype(x.dtype());
              const auto as = [&](const Tensor& t) {
                return t.dtype() == compute ? t : plait::_convert(t, compute);
              };
              const Dims dims = other_dims(x);
              const Tensor inverse = plait::rsqrt(as(v.in(2)) + Scalar(v.attr<double>(5)));
              const Tensor scale = weight.defined() ? inverse * as(weight) : inverse;
              if (v.needs(0)) v.set(0, as(g) * per_channel(scale, x));
              Tensor total, dot;
              if (v.needs(1) || v.needs(4)) total = plait::sum(as(g), dims);
              if (v.needs(2) || v.needs(3))
                dot = plait::sum(as(g) * (as(x) - per_channel(as(v.in(1)), x)), dims);
              if (v.needs(1)) v.set(1, -(total * scale));
              if (v.needs(2)) v.set(2, dot * scale * inverse * inverse * Scalar(-0.5));
              if (v.needs(3)) v.set(3, dot * inverse);
              if (v.needs(4)) v.set(4, total);
            },
        .save = "self, mean, var, weight",
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& out, const Tensor& self, const Tensor& mean, const Tensor& var,
               const Tensor& weight, const Tensor& bias, double eps) {
              const DType compute = statistics_dtype(self.dtype());
              const auto as = [&](const Tensor& t) {
                return t.dtype() == compute ? t : plait::_convert(t, compute);
              };
              Tensor scale = plait::rsqrt(as(var) + Scalar(eps));
              if (weight.defined()) scale = scale * as(weight);
              Tensor shift = -(as(mean) * scale);
              if (bias.defined()) shift = shift + as(bias);
              const Tensor addend = per_channel(shift, self), factor = per_channel(scale, self), x = as(self);
              if (out.dtype() == compute)
                op::addcmul.out({&out, 1}, addend, x, factor, 1);
              else
                copy_into(out, plait::addcmul(addend, x, factor));
            },
    }};

Op<void(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, double)>
    _move_running_{{
        .schema = "_move_running_(Tensor? running_mean, Tensor? running_var, Tensor? num_batches_tracked, "
                  "Tensor mean, "
                  "Tensor var, float momentum, float factor) -> void",
        .doc = "Moves the running statistics of batch_norm towards those of a batch: running = running (1 - "
               "momentum) + value momentum, the variance multiplied by factor before; and counts the batch.",
        .direct =
            [](const Tensor& running_mean, const Tensor& running_var, const Tensor& num_batches_tracked,
               const Tensor& mean, const Tensor& var, double momentum, double factor) {
              if (num_batches_tracked.defined()) plait::add_(num_batches_tracked, wrapped_scalar(1));
              update(running_mean, mean, momentum);
              if (running_var.defined()) update(running_var, var * Scalar(factor), momentum);
            },
        .kind = Kind::Norm,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double,
          double)>
    _batch_norm_training{{
        .schema = "_batch_norm_training(Tensor self, Tensor? running_mean, Tensor? running_var, Tensor? "
                  "num_batches_tracked, Tensor? weight, Tensor? bias, float momentum, float eps) -> Tensor",
        .doc = "batch_norm with training, which counts the batch besides: nn.BatchNorm2d's step in one go.",
        .composite =
            [](const Tensor& self, const Tensor& running_mean, const Tensor& running_var,
               const Tensor& num_batches_tracked, const Tensor& weight, const Tensor& bias, double momentum,
               double eps) {
              check_self("batch_norm", self);
              check_channels("batch_norm", "running_mean", running_mean, self);
              check_channels("batch_norm", "running_var", running_var, self);
              check_channels("batch_norm", "weight", weight, self);
              check_channels("batch_norm", "bias", bias, self);
              check(eps >= 0, "batch_norm: expected eps of at least 0 when training, got {}", eps);
              const int64_t count = count_of(self);
              check(count != 1,
                    "batch_norm: expected more than 1 value per channel when training, got self of shape {}",
                    self.sizes());
              const auto [out, mean, var] = plait::_batch_norm(self, weight, bias, eps);
              NoGrad guard;
              if (count > 0 && !self.is_meta() && (running_mean.defined() || running_var.defined()))
                plait::_move_running_(running_mean, running_var, num_batches_tracked, mean, var, momentum,
                                      static_cast<double>(count) / static_cast<double>(count - 1));
              else if (num_batches_tracked.defined())
                plait::add_(num_batches_tracked, wrapped_scalar(1));
              return out;
            },
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double, double)>
    batch_norm{{
        .schema = "batch_norm(Tensor self, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, "
                  "Tensor? bias=None, bool training=False, "
                  "float momentum=0.1, float eps=1e-05) -> Tensor",
        .doc =
            R"((self - mean) / sqrt(var + eps) * weight + bias for each channel. With training, mean and (biased) variance are those of the
batch, and the running ones, where given, are moved towards them in place: running (1 - momentum) + value momentum, with the unbiased
variance. Else they are the running ones. Ioffe and Szegedy 2015.

Shapes: self (N, C, ...), all others (C). Dtypes: floats. Raises ValueError for other shapes, for missing running statistics without
training, and with training for one value per channel.

>>> plait.batch_norm(plait.tensor([[1.], [3.]]), None, None, training=True, eps=0.)
tensor([[-1.],
        [ 1.]]))",
        .composite =
            [](const Tensor& self, const Tensor& running_mean, const Tensor& running_var,
               const Tensor& weight, const Tensor& bias, bool training, double momentum, double eps) {
              check_self("batch_norm", self);
              check_channels("batch_norm", "running_mean", running_mean, self);
              check_channels("batch_norm", "running_var", running_var, self);
              check_channels("batch_norm", "weight", weight, self);
              check_channels("batch_norm", "bias", bias, self);
              if (!training) {
                check(running_mean.defined() && running_var.defined(),
                      "batch_norm: expected running_mean and running_var without training, got None; give "
                      "them or set training=True");
                return plait::_batch_norm_given(self, running_mean, running_var, weight, bias, eps);
              }
              return plait::_batch_norm_training(self, running_mean, running_var, {}, weight, bias, momentum,
                                                 eps);
            },
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
    }};

}  // namespace plait::op
