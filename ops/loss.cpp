// Losses of predictions against targets, element by element. Each is a formula in ops, reduced by 'mean',
// 'sum' or 'none'.
#include "ops/cpu/loss.h"

#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/parallel.h"
#include "core/warning.h"
#include "ops/cpu/ternary.h"
#include "ops/decl/activation.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/loss.h"
#include "ops/decl/minmax.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/power.h"
#include "ops/decl/reduce.h"
#include "ops/decl/special.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// The loss of (N, 1) and (N) is over all N x N pairs, which trains nothing and is seldom meant.
void warn_of_broadcast(const char* op, const Tensor& self, const Tensor& target) {
  if (self.sizes() == target.sizes()) return;
  warn(message(
      "{}: target of shape {} is broadcast with self of shape {}, so that every one of its elements is "
      "compared with several; give both one shape, by target.view_as(self) where they hold as many",
      op, target.sizes(), self.sizes()));
}

Tensor reduced(const char* op, const Tensor& terms, std::string_view reduction, const Tensor& weight = {}) {
  const Tensor weighted = weight.defined() ? terms * weight : terms;
  if (reduction == "none") return weighted;
  if (reduction == "sum") return plait::sum(weighted);
  check(reduction == "mean", "{}: expected reduction 'none', 'mean' or 'sum', got '{}'", op, reduction);
  return plait::mean(weighted);
}
Tensor last(const Tensor& t) { return plait::sum(t, IntSpan(Dims{-1})); }
Tensor ramp(const Tensor& t) { return plait::clamp_min(t, wrapped_scalar(0)); }

// The sum over parts whose number does not depend on that of the threads.
template <class T, class F>
double sum_in_parts(const Tensor& a, const Tensor& b, const F& kernel) {
  constexpr int64_t kPart = 1 << 16;
  const int64_t n = a.numel(), parts = (n + kPart - 1) / kPart;
  std::vector<double> sums(static_cast<size_t>(parts));
  parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p)
      sums[static_cast<size_t>(p)] =
          kernel(a.data<T>() + p * kPart, b.data<T>() + p * kPart, std::min(kPart, n - p * kPart));
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}
bool in_one_pass(const Tensor& self, const Tensor& target, const Tensor& weight) {
  const bool cuda = self.device().type == DeviceType::CUDA;
  const bool dtype = self.dtype() == DType::Float32 || self.dtype() == DType::Float64 ||
                     (cuda && is_reduced_float(self.dtype()));
  return !weight.defined() && dtype && target.dtype() == self.dtype() && self.sizes() == target.sizes() &&
         self.is_contiguous() && target.is_contiguous() && (cuda || self.is_cpu() || self.is_meta());
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, bool)> _squared_distance{{
    .schema = "_squared_distance(Tensor self, Tensor target, bool mean) -> Tensor",
    .doc = "The sum or mean of (self - target)^2, for contiguous tensors of one shape and dtype.",
    .meta =
        [](const Tensor& self, const Tensor& target, bool) {
          check(self.sizes() == target.sizes() && self.dtype() == target.dtype() && self.is_contiguous() &&
                    target.is_contiguous(),
                "_squared_distance: expected two contiguous tensors of one shape and dtype, got {} of {} and "
                "{} of "
                "{}; use mse_loss, which takes any",
                self.sizes(), self.dtype(), target.sizes(), target.dtype());
          return TensorSpec(Dims{}, self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0), target = v.in(1);
          const double count = v.attr<bool>(2) ? static_cast<double>(self.numel()) : 1;
          const Tensor scale = v.grad() * Scalar(2 / count);
          if (v.needs(0)) v.set(0, plait::_scaled_difference(self, target, scale));
          if (v.needs(1)) v.set(1, plait::_scaled_difference(target, self, scale));
        },
    .save = "self, target",
    .kind = Kind::Loss,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& target, bool mean) {
          check<TypeError>(self.dtype() == DType::Float32 || self.dtype() == DType::Float64,
                           "_squared_distance: expected float32 or float64 on the CPU, got {}; use mse_loss, "
                           "which takes any",
                           self.dtype());
          const double sum = self.dtype() == DType::Float64
                                 ? sum_in_parts<double>(self, target, cpu::loss_table().squared_distance_f64)
                                 : sum_in_parts<float>(self, target, cpu::loss_table().squared_distance_f32);
          const double result = mean ? sum / static_cast<double>(self.numel()) : sum;
          if (out.dtype() == DType::Float64)
            *out.data<double>() = result;
          else
            *out.data<float>() = static_cast<float>(result);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _scaled_difference{{
    .schema = "_scaled_difference(Tensor self, Tensor other, Tensor scale) -> Tensor",
    .doc = "(self - other) * scale, elementwise, for tensors of one dtype.",
    .meta =
        [](const Tensor& self, const Tensor& other, const Tensor& scale) {
          return infer::elementwise("mse_loss", {&self, &other, &scale}, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor scaled = v.grad() * v.in(2);
          if (v.needs(0)) v.set(0, scaled);
          if (v.needs(1)) v.set(1, -scaled);
          if (v.needs(2)) v.set(2, v.grad() * (v.in(0) - v.in(1)));
        },
    .save = "self, other, scale",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other, const Tensor& scale) {
          cpu::ternary("mse_loss", cpu::Ternary::ScaledDifference, out, self, other, scale);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, std::string_view, const Tensor&)> mse_loss{{
    .schema = "mse_loss(Tensor self, Tensor target, *, str reduction='mean', Tensor? weight=None) -> Tensor",
    .doc = R"((self - target)^2, broadcast and reduced.

>>> plait.mse_loss(plait.tensor([1.0, 2.0]), plait.tensor([1.0, 4.0]))
tensor(2.))",
    .composite =
        [](const Tensor& self, const Tensor& target, std::string_view reduction, const Tensor& weight) {
          warn_of_broadcast("mse_loss", self, target);
          if ((reduction == "mean" || reduction == "sum") && in_one_pass(self, target, weight))
            return plait::_squared_distance(self, target, reduction == "mean");
          const Tensor d = self - target;
          return reduced("mse_loss", d * d, reduction, weight);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, std::string_view, const Tensor&)> l1_loss{{
    .schema = "l1_loss(Tensor self, Tensor target, *, str reduction='mean', Tensor? weight=None) -> Tensor",
    .doc = "|self - target|, broadcast and reduced.",
    .composite =
        [](const Tensor& self, const Tensor& target, std::string_view reduction, const Tensor& weight) {
          warn_of_broadcast("l1_loss", self, target);
          return reduced("l1_loss", plait::abs(self - target), reduction, weight);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, double)> _huber{{
    .schema = "_huber(Tensor self, Tensor other, float delta) -> Tensor",
    .doc = "d^2 / 2 where |d| < delta, else delta (|d| - delta / 2), with d = self - other.",
    .meta = [](const Tensor& self, const Tensor& other,
               double) { return infer::binary_float("huber_loss", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor change = v.grad() * plait::_clamped_difference(v.in(0), v.in(1), v.attr<double>(2));
          if (v.needs(0)) v.set(0, change);
          if (v.needs(1)) v.set(1, -change);
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other, double delta) {
          cpu::ternary("huber_loss", cpu::Ternary::Huber, out, self, other, wrapped_scalar(delta));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, double)> _clamped_difference{{
    .schema = "_clamped_difference(Tensor self, Tensor other, float delta) -> Tensor",
    .doc = "self - other, limited to [-delta, delta].",
    .meta = [](const Tensor& self, const Tensor& other,
               double) { return infer::binary_float("huber_loss", self, other); },
    .vjp =
        [](Vjp& v) {
          const Tensor inside = plait::lt(plait::abs(v.in(0) - v.in(1)), wrapped_scalar(v.attr<double>(2)));
          const Tensor change = plait::where(inside, v.grad(), wrapped_scalar(0));
          if (v.needs(0)) v.set(0, change);
          if (v.needs(1)) v.set(1, -change);
        },
    .save = "self, other",
    .kind = Kind::Pointwise,
    .dtypes = kRealDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& other, double delta) {
          cpu::ternary("huber_loss", cpu::Ternary::ClampedDifference, out, self, other,
                       wrapped_scalar(delta));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, std::string_view, double)> smooth_l1_loss{{
    .schema = "smooth_l1_loss(Tensor self, Tensor target, *, str reduction='mean', float beta=1.0) -> Tensor",
    .doc = "d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, with d = self - target (Girshick 2015).",
    .composite =
        [](const Tensor& self, const Tensor& target, std::string_view reduction, double beta) {
          warn_of_broadcast("smooth_l1_loss", self, target);
          check(beta >= 0, "smooth_l1_loss: expected beta of 0 or more, got {}", beta);
          if (beta == 0) return reduced("smooth_l1_loss", plait::abs(self - target), reduction);
          const Tensor loss = reduced("smooth_l1_loss", plait::_huber(self, target, beta), reduction);
          return beta == 1 ? loss : loss * Scalar(1 / beta);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, std::string_view, double, const Tensor&)> huber_loss{{
    .schema = "huber_loss(Tensor self, Tensor target, *, str reduction='mean', float delta=1.0, Tensor? "
              "weight=None) -> Tensor",
    .doc = "d^2 / 2 where |d| < delta, else delta (|d| - delta / 2), with d = self - target (Huber 1964).",
    .composite =
        [](const Tensor& self, const Tensor& target, std::string_view reduction, double delta,
           const Tensor& weight) {
          warn_of_broadcast("huber_loss", self, target);
          check(delta > 0, "huber_loss: expected delta above 0, got {}", delta);
          return reduced("huber_loss", plait::_huber(self, target, delta), reduction, weight);
        },
    .kind = Kind::Loss,
}};

Op<void(const Tensor&)> _check_probabilities{{
    .schema = "_check_probabilities(Tensor self) -> void",
    .doc = "Raises ValueError where an element of binary_cross_entropy's argument is not between 0 and 1.",
    .direct =
        [](const Tensor& self) {
          const double low = item(plait::amin(self)).to<double>(),
                       high = item(plait::amax(self)).to<double>();
          check(!(low < 0) && !(high > 1),
                "binary_cross_entropy: expected probabilities between 0 and 1, got values from {} to {}; "
                "use binary_cross_entropy_with_logits for logits",
                low, high);
        },
    .kind = Kind::Loss,
    .dtypes = kRealDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, std::string_view)> binary_cross_entropy{{
    .schema = "binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, *, str "
              "reduction='mean') -> Tensor",
    .doc = "-(t log p + (1 - t) log(1 - p)) for probabilities p = self, with logarithms of at least -100.",
    .composite =
        [](const Tensor& self, const Tensor& target, const Tensor& weight, std::string_view reduction) {
          check(self.sizes() == target.sizes(),
                "binary_cross_entropy: expected target of the shape {} of self, got {}", self.sizes(),
                target.sizes());
          if (!self.is_meta() && self.numel() > 0) plait::_check_probabilities(detached_alias(self));
          const Tensor log_p = plait::clamp_min(plait::log(self), wrapped_scalar(-100));
          const Tensor log_q = plait::clamp_min(plait::log1p(-self), wrapped_scalar(-100));
          return reduced("binary_cross_entropy", (target - Scalar(1)) * log_q - target * log_p, reduction,
                         weight);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, std::string_view, const Tensor&)>
    binary_cross_entropy_with_logits{{
        .schema = "binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, *, str "
                  "reduction='mean', Tensor? pos_weight=None) -> Tensor",
        .doc = "The binary cross-entropy of sigmoid(self), computed without overflow.",
        .composite =
            [](const Tensor& self, const Tensor& target, const Tensor& weight, std::string_view reduction,
               const Tensor& pos_weight) {
              check(self.sizes() == target.sizes(),
                    "binary_cross_entropy_with_logits: expected target of the shape {} of self, got {}",
                    self.sizes(), target.sizes());
              const Tensor softplus = -plait::logsigmoid(self);  // log(1 + exp(-x))
              const Tensor factor =
                  pos_weight.defined() ? (pos_weight - Scalar(1)) * target + Scalar(1) : Tensor();
              const Tensor terms =
                  (Scalar(1) - target) * self + (factor.defined() ? factor * softplus : softplus);
              return reduced("binary_cross_entropy_with_logits", terms, reduction, weight);
            },
        .kind = Kind::Loss,
    }};

Op<Tensor(const Tensor&, const Tensor&, std::string_view, bool)> kl_div{{
    .schema = "kl_div(Tensor self, Tensor target, *, str reduction='mean', bool log_target=False) -> Tensor",
    .doc = "target (log target - self) for log-probabilities self; reduction may also be 'batchmean'.",
    .composite =
        [](const Tensor& self, const Tensor& target, std::string_view reduction, bool log_target) {
          const Tensor terms = log_target ? plait::exp(target) * (target - self)
                                          : plait::xlogy(target, target) - target * self;
          if (reduction != "batchmean") return reduced("kl_div", terms, reduction);
          return self.dim() == 0 ? terms : plait::sum(terms) / Scalar(self.sizes()[0]);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, std::string_view)> margin_ranking_loss{{
    .schema = "margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0, *, str "
              "reduction='mean') -> Tensor",
    .doc = "max(0, -target (input1 - input2) + margin).",
    .composite =
        [](const Tensor& a, const Tensor& b, const Tensor& target, double margin,
           std::string_view reduction) {
          return reduced("margin_ranking_loss", ramp((b - a) * target + Scalar(margin)), reduction);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, double, std::string_view)> hinge_embedding_loss{{
    .schema = "hinge_embedding_loss(Tensor self, Tensor target, float margin=1.0, *, str reduction='mean') "
              "-> Tensor",
    .doc = "self where target is 1, max(0, margin - self) where it is -1, the sum of both elsewhere.",
    .composite =
        [](const Tensor& self, const Tensor& target, double margin, std::string_view reduction) {
          const Tensor none = wrapped_scalar(0);
          const Tensor near = plait::where(plait::ne(target, wrapped_scalar(-1)), self, none);
          const Tensor far =
              plait::where(plait::ne(target, wrapped_scalar(1)), ramp(Scalar(margin) - self), none);
          return reduced("hinge_embedding_loss", near + far, reduction);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, double)> cosine_similarity{{
    .schema = "cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
    .doc = "x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along a dimension of both broadcast together.",
    .composite =
        [](const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
          // Lengths are those of the tensors as they are but for that dimension, not of repeated ones.
          const int rank = static_cast<int>(std::max(x1.dim(), x2.dim()));
          const int at = wrap_dim(dim, rank, "cosine_similarity") - rank;
          const auto size = [&](const Tensor& x) -> int64_t {
            return -at <= x.dim() ? x.sizes()[static_cast<int>(x.dim()) + at] : 1;
          };
          const auto stretched = [&](const Tensor& x, const Tensor& other) {
            if (rank == 0 || (x.dim() >= -at && (size(x) != 1 || size(other) == 1))) return x;
            const int given = static_cast<int>(x.dim());
            Dims sizes(std::max(given, -at), 1);
            for (int d = 0; d < given; ++d) sizes[sizes.size() - given + d] = x.sizes()[d];
            sizes[sizes.size() + at] = size(other);
            return plait::expand(x, sizes);
          };
          const DType dtype = result_type(x1, x2);  // products of small integers would overflow
          check<TypeError>(
              is_floating(dtype) || is_complex(dtype),
              "cosine_similarity: expected floats or complex numbers, got {} and {}; convert one "
              "with .float()",
              x1.dtype(), x2.dtype());
          const auto same = [&](const Tensor& x) {
            return x.dtype() == dtype ? x : plait::_convert(x, dtype);
          };
          const Tensor a = stretched(same(x1), x2), b = stretched(same(x2), x1);
          const Dims dims{rank == 0 ? 0 : at};
          const auto length = [&](const Tensor& x) {
            return plait::sqrt(plait::clamp_min(plait::sum(x * x, IntSpan(dims)), wrapped_scalar(eps * eps)));
          };
          return plait::sum(a * b, IntSpan(dims)) / (length(a) * length(b));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, double, double, bool)> pairwise_distance{{
    .schema =
        "pairwise_distance(Tensor x1, Tensor x2, float p=2, float eps=1e-06, bool keepdim=False) -> Tensor",
    .doc = "The p-norm of x1 - x2 + eps over the last dimension.",
    .composite =
        [](const Tensor& a, const Tensor& b, double p, double eps, bool keepdim) {
          const Tensor d = a - b + Scalar(eps);
          if (is_complex(d.dtype())) return plait::norm(d, Scalar(p), Dims{-1}, keepdim);
          const auto total = [&](const Tensor& t) { return plait::sum(t, IntSpan(Dims{-1}), keepdim); };
          if (p == 2) return plait::sqrt(total(d * d));
          if (p == 1) return total(plait::abs(d));
          if (std::isinf(p)) return plait::amax(plait::abs(d), Dims{-1}, keepdim);
          return plait::pow(total(plait::pow(plait::abs(d), wrapped_scalar(p))), wrapped_scalar(1 / p));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, std::string_view)> cosine_embedding_loss{{
    .schema = "cosine_embedding_loss(Tensor input1, Tensor input2, Tensor target, float margin=0, *, str "
              "reduction='mean') -> Tensor",
    .doc = "1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1.",
    .composite =
        [](const Tensor& a, const Tensor& b, const Tensor& target, double margin,
           std::string_view reduction) {
          constexpr double kEps = 1e-12;  // keeps the gradient finite at zero vectors
          const Tensor cos =
              last(a * b) / plait::sqrt((last(a * a) + Scalar(kEps)) * (last(b * b) + Scalar(kEps)));
          const Tensor terms =
              plait::where(plait::eq(target, wrapped_scalar(1)), Scalar(1) - cos, ramp(cos - Scalar(margin)));
          return reduced("cosine_embedding_loss", terms, reduction);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, double, double, bool, std::string_view)>
    triplet_margin_loss{{
        .schema = "triplet_margin_loss(Tensor anchor, Tensor positive, Tensor negative, float margin=1.0, "
                  "float p=2, float eps=1e-06, bool swap=False, *, str reduction='mean') -> Tensor",
        .doc = "max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm distance (Balntas "
               "et al. 2016).",
        .composite =
            [](const Tensor& anchor, const Tensor& near, const Tensor& far, double margin, double p,
               double eps, bool swap, std::string_view reduction) {
              check(margin > 0, "triplet_margin_loss: expected a margin greater than 0, got {}", margin);
              const auto distance = [&](const Tensor& a, const Tensor& b) {
                return plait::pairwise_distance(a, b, p, eps, false);
              };
              Tensor other = distance(anchor, far);
              if (swap) other = plait::minimum(other, distance(near, far));
              return reduced("triplet_margin_loss", ramp(distance(anchor, near) - other + Scalar(margin)),
                             reduction);
            },
        .kind = Kind::Loss,
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, double, std::string_view)> gaussian_nll_loss{{
    .schema = "gaussian_nll_loss(Tensor self, Tensor target, Tensor var, bool full=False, float eps=1e-06, "
              "str reduction='mean') -> Tensor",
    .doc = "(log var + (self - target)^2 / var) / 2 with var of at least eps; `full` adds log(2 pi) / 2 (Nix "
           "and Weigend 1994). Raises ValueError for a negative variance on the CPU; other devices are not "
           "waited for.",
    .composite =
        [](const Tensor& self, const Tensor& target, const Tensor& var, bool full, double eps,
           std::string_view reduction) {
          check(!var.is_cpu() || var.is_batched() ||
                    !item(plait::any(plait::lt(detached_alias(var), wrapped_scalar(0)))).to<bool>(),
                "gaussian_nll_loss: expected var of 0 or more, got a negative one");
          // The floor is a constant: gradients flow through var as it is.
          const Tensor floor =
              plait::clamp_min(detached_alias(var), wrapped_scalar(eps)) - detached_alias(var);
          Tensor variance = var + floor;
          if (variance.dim() + 1 == self.dim()) variance = plait::unsqueeze(variance, -1);
          const Tensor d = self - target;
          Tensor terms = (plait::log(variance) + d * d / variance) * Scalar(0.5);
          if (full) terms = terms + Scalar(0.5 * std::log(2 * M_PI));
          return reduced("gaussian_nll_loss", terms, reduction);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, bool, bool, double, std::string_view)> poisson_nll_loss{{
    .schema = "poisson_nll_loss(Tensor self, Tensor target, bool log_input=True, bool full=False, float "
              "eps=1e-08, str reduction='mean') -> Tensor",
    .doc = "exp(self) - target self, or self - target log(self + eps) where log_input is False; `full` adds "
           "Stirling's approximation of "
           "log(target!).",
    .composite =
        [](const Tensor& self, const Tensor& target, bool log_input, bool full, double eps,
           std::string_view reduction) {
          Tensor terms =
              log_input ? plait::exp(self) - target * self : self - target * plait::log(self + Scalar(eps));
          if (full) {
            const Tensor t = plait::clamp_min(target, wrapped_scalar(1));
            const Tensor stirling = t * plait::log(t) - t + plait::log(t * Scalar(2 * M_PI)) * Scalar(0.5);
            terms = terms + plait::where(plait::gt(target, wrapped_scalar(1)), stirling, wrapped_scalar(0.0));
          }
          return reduced("poisson_nll_loss", terms, reduction);
        },
    .kind = Kind::Loss,
}};

}  // namespace plait::op
