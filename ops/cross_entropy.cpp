// Cross-entropy and negative log-likelihood.
//
// A mean or a sum whose derivative will be wanted comes with the gradient of the logits, written while the
// row is at hand: the logits are read once and the gradient is written once, and backward only multiplies it
// by what comes in, which it need not do for 1. A loss of each row, and a derivative that is differentiated
// again, read the logits forward (log-sum-exp of each row) and again backward.
#include <array>
#include <atomic>
#include <cmath>
#include <numeric>

#include "core/context.h"
#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/cross_entropy.h"
#include "ops/cross_entropy.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/cross_entropy.h"
#include "ops/decl/index_write.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/reduce.h"
#include "ops/decl/softmax.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using Rows = Tensor;  // (rows, classes), contiguous

constexpr int64_t kGrainElements = 16384;

// A float tensor in the type that rows are computed in.
Tensor computed(const Tensor& t, DType compute) {
  if (t.dtype() == compute && t.is_contiguous()) return t;
  Tensor out = empty_tensor(t.sizes(), compute);
  cpu::copy(out, t);
  return out;
}
DType compute_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }

void check_targets(const char* op, const Tensor& target, int64_t classes, int64_t ignore_index) {
  const auto* t = target.data<int64_t>();
  for (int64_t i = 0; i < target.numel(); ++i)
    if (t[i] != ignore_index && (t[i] < 0 || t[i] >= classes))
      fail<IndexError>(
          "{}: target {} at position {} is out of range for {} classes (and is not ignore_index {})", op,
          t[i], i, classes, ignore_index);
}

Tensor reduced(const char* op, const Tensor& terms, std::string_view reduction) {
  if (reduction == "none") return terms;
  if (reduction == "sum") return plait::sum(terms);
  check(reduction == "mean", "{}: expected reduction 'none', 'mean' or 'sum', got '{}'", op, reduction);
  return plait::mean(terms);
}

// (N, C, d...) -> (N d..., C); (C) -> (1, C).
Tensor as_rows(const Tensor& self) {
  if (self.dim() == 1) return plait::unsqueeze(self, 0);
  if (self.dim() == 2) return self;
  Dims order{0};
  for (int64_t d = 2; d < self.dim(); ++d) order.push_back(d);
  order.push_back(1);
  return plait::reshape(plait::permute(self, order), Dims{-1, self.sizes()[1]});
}

void check_class_shapes(const char* op, const Tensor& self, const Tensor& target, const Tensor& weight) {
  check(self.dim() >= 1, "{}: expected self of shape (C), (N, C) or (N, C, d1, ...), got a 0-d tensor", op);
  Dims expected(self.sizes());
  expected.erase(self.dim() == 1 ? 0 : 1);
  check(target.sizes() == expected, "{}: expected target of shape {} for self of shape {}, got {}{}", op,
        expected, self.sizes(), target.sizes(),
        target.dim() == 2 && target.sizes()[1] == 1 && self.dim() == 2 ? "; use target.squeeze(1)" : "");
  check<TypeError>(target.dtype() == DType::Int64,
                   "{}: expected class indices of dtype int64 or uint8, got {}; convert target with .long()",
                   op, target.dtype());
  const int64_t classes = self.sizes()[self.dim() == 1 ? 0 : 1];
  check(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
        "{}: expected weight of shape ({},), got {}", op, classes,
        weight.defined() ? weight.sizes() : Dims());
}

// The weight of each of the targets (rows), 0 for ignored ones.
Tensor target_weights(const Tensor& target, const Tensor& weight, int64_t classes, int64_t ignore_index,
                      DType dtype) {
  if (!weight.defined()) return plait::_convert(plait::ne(target, wrapped_scalar(ignore_index)), dtype);
  // The losses of log-probabilities of -1.
  const Tensor ones = plait::full(Dims{1}, -1, weight.dtype(), target.device());
  return plait::squeeze(plait::_nll_terms(plait::expand(ones, Dims{target.numel(), classes, 1}),
                                          plait::unsqueeze(target, 1), weight, ignore_index),
                        Dims{1});
}
// What a mean is divided by; a count without weights.
Tensor total_weight(const Tensor& target, const Tensor& weight, int64_t classes, int64_t ignore_index) {
  return plait::sum(weight.defined() ? target_weights(target, weight, classes, ignore_index, weight.dtype())
                                     : plait::ne(target, wrapped_scalar(ignore_index)));
}

// The loss of a row is keep w_t (lse - x_t) + spread sum_c w_c (lse - x_c).
template <class T>
struct RowLoss {
  const T* weight;  // null: all 1
  int64_t classes, ignore;
  T all, keep, spread;

  RowLoss(const Tensor& weights, int64_t classes, int64_t ignore, double smoothing)
      : weight(weights.defined() ? weights.data<T>() : nullptr),
        classes(classes),
        ignore(ignore),
        all(weight ? std::accumulate(weight, weight + classes, T(0)) : static_cast<T>(classes)),
        keep(static_cast<T>(1 - smoothing)),
        spread(static_cast<T>(smoothing / static_cast<double>(classes))) {}

  T of(int64_t c) const { return weight ? weight[c] : T(1); }
  T operator()(const T* x, T lse, int64_t target) const {
    const T w = of(target);
    T value = w == T(0) ? T(0) : w * (lse - x[target]);
    if (spread > 0) {
      const T dot = cpu::cross_entropy_rows<T>().weighted_sum(x, weight, classes);
      value = keep * value + spread * (all * lse - dot);
    }
    return value;
  }
  // The gradient of a row is scale softmax(x) - upper times the weights of the x above, and 0 where the
  // target is ignored. upper(r): that of row r.
  template <class F>
  void softmax_scales(const int64_t* targets, int64_t rows, const F& upper, T* scales) const {
    for (int64_t r = 0; r < rows; ++r)
      scales[r] = targets[r] == ignore ? T(0) : upper(r) * (keep * of(targets[r]) + spread * all);
  }
  void finish_gradient(T* gradient, T upper, int64_t target) const {
    if (target == ignore) {
      std::fill(gradient, gradient + classes, T(0));
      return;
    }
    gradient[target] -= upper * keep * of(target);
    if (spread > 0)
      for (int64_t c = 0; c < classes; ++c) gradient[c] -= upper * spread * of(c);
  }
};

// Calls f(first, count) for blocks of rows of logits that the first-level cache holds.
constexpr int64_t kMostRows = 256;
template <class F>
void for_rows(int64_t rows, int64_t classes, const F& f) {
  const int64_t most = std::clamp<int64_t>(4096 / std::max<int64_t>(classes, 1), 1, kMostRows);
  parallel_for(0, rows, std::max<int64_t>(1, kGrainElements / std::max<int64_t>(classes, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; r += most) f(r, std::min(most, end - r));
               });
}
template <class F>
void with_float(DType compute, const F& f) {
  compute == DType::Float64 ? f.template operator()<double>() : f.template operator()<float>();
}

// Where a result is computed: itself where it lies so, else a tensor that is copied into it at the end.
Tensor computed_result(const Tensor& out, DType compute) {
  return out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(out.sizes(), compute);
}

// Logits (rows, classes), an int64 class for each row, a weight for each class.
void check_rows(const char* op, const Tensor& logits, const Tensor& target, const Tensor& weight) {
  check(logits.dim() == 2, "{}: expected logits of shape (rows, classes), got {}", op, logits.sizes());
  check_class_shapes(op, logits, target, weight);
  check<TypeError>(!weight.defined() || is_floating(weight.dtype()), "{}: expected a floating weight, got {}",
                   op, weight.defined() ? weight.dtype() : DType::Float32);
}

}  // namespace

// Per row: (1 - smoothing) w_t (lse - x_t) + smoothing / C sum_c w_c (lse - x_c).
Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, double, bool)>
    _cross_entropy_rows{{
        .schema = "_cross_entropy_rows(Tensor self, Tensor target, Tensor? weight, int ignore_index, float "
                  "label_smoothing, bool wide) -> (Tensor loss, Tensor lse)",
        .doc = "The cross-entropy of each row of logits (rows, classes) against an int64 class, and the "
               "rows' log-sum-exp. With `wide` the losses are float32 for 16-bit logits.",
        .meta =
            [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t, double, bool wide) {
              check_rows("_cross_entropy_rows", self, target, weight);
              const TensorSpec lse(Dims{self.sizes()[0]}, compute_dtype(self.dtype()), self.device());
              TensorSpec loss = lse;
              if (!wide) loss.dtype = self.dtype();
              return std::array<TensorSpec, 2>{loss, lse};
            },
        .vjp =
            [](Vjp& v) {
              if (!v.grad(0).defined()) return;
              v.set(0, plait::_cross_entropy_rows_backward(v.grad(0), v.in(0), v.out(1), v.in(1), v.in(2),
                                                           v.attr<int64_t>(3), v.attr<double>(4)));
            },
        .save = "self, target, weight, lse",
        .kind = Kind::Loss,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& loss, const Tensor& lse, const Tensor& self, const Tensor& target,
               const Tensor& weight, int64_t ignore, double smoothing, bool) {
              const int64_t rows = self.sizes()[0], classes = self.sizes()[1];
              const Tensor t = plait::contiguous(target);
              check_targets("cross_entropy", t, classes, ignore);
              const DType compute = lse.dtype();
              const Tensor x = computed(self, compute), terms = computed_result(loss, compute),
                           w = weight.defined() ? computed(weight, compute) : Tensor();
              with_float(compute, [&]<class T>() {
                const RowLoss<T> loss_of(w, classes, ignore, smoothing);
                T *z = lse.data<T>(), *term = terms.data<T>();
                const int64_t* classes_of = t.data<int64_t>();
                for_rows(rows, classes, [&](int64_t first, int64_t count) {
                  const T* row = x.data<T>() + first * classes;
                  cpu::cross_entropy_rows<T>().log_sum_exp(row, count, classes, z + first);
                  for (int64_t r = first; r < first + count; ++r, row += classes) {
                    const int64_t c = classes_of[r];
                    term[r] = c == ignore ? T(0) : loss_of(row, z[r], c);
                  }
                });
              });
              if (!terms.same(loss)) cpu::copy(loss, terms);
            },
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, double)>
    _cross_entropy_rows_backward{{
        .schema = "_cross_entropy_rows_backward(Tensor self, Tensor logits, Tensor lse, Tensor target, "
                  "Tensor? weight, int ignore_index, float label_smoothing) -> Tensor",
        .doc = "The gradient of _cross_entropy_rows with respect to the logits; self is that of the losses.",
        .meta =
            [](const Tensor& self, const Tensor& logits, const Tensor& lse, const Tensor& target,
               const Tensor& weight, int64_t, double) {
              const char* op = "_cross_entropy_rows_backward";
              check_rows(op, logits, target, weight);
              check(self.sizes() == target.sizes() && lse.sizes() == target.sizes(),
                    "{}: expected self and lse of shape {}, got {} and {}", op, target.sizes(), self.sizes(),
                    lse.sizes());
              check<TypeError>(is_floating(logits.dtype()) && is_floating(lse.dtype()),
                               "{}: expected floating logits and lse, got {} and {}", op, logits.dtype(),
                               lse.dtype());
              return TensorSpec(logits.sizes(), logits.dtype(), logits.device());
            },
        .vjp =
            [](Vjp& v) {
              // d = g (a softmax(x) - q), where q sums to a over the classes.
              const Tensor logits = v.in(1), g = v.in(0), target = v.in(3), weight = v.in(4),
                           upper = v.grad();
              const int64_t ignore = v.attr<int64_t>(5);
              const double smoothing = v.attr<double>(6);
              if (v.needs(0)) {
                const Tensor one = plait::ones_like(g);
                v.set(0, plait::sum(upper * plait::_cross_entropy_rows_backward(one, logits, v.in(2), target,
                                                                                weight, ignore, smoothing),
                                    IntSpan(Dims{1})));
              }
              if (v.needs(1)) {
                Tensor a = target_weights(target, weight, logits.sizes()[1], ignore, logits.dtype()) *
                           Scalar(1 - smoothing);
                if (smoothing > 0) {
                  const Tensor keep =
                      plait::_convert(plait::ne(target, wrapped_scalar(ignore)), logits.dtype());
                  const Tensor all = weight.defined()
                                         ? plait::sum(weight)
                                         : plait::scalar_tensor(logits.sizes()[1], logits.dtype());
                  a = a + keep * all * Scalar(smoothing / static_cast<double>(logits.sizes()[1]));
                }
                const Tensor p = plait::softmax(logits, 1);
                const Tensor inner = p * upper;
                v.set(1,
                      plait::unsqueeze(g * a, 1) * (inner - p * plait::sum(inner, IntSpan(Dims{1}), true)));
              }
            },
        .save = "self, logits, lse, target, weight",
        .kind = Kind::Loss,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& out, const Tensor& self, const Tensor& logits, const Tensor& lse,
               const Tensor& target, const Tensor& weight, int64_t ignore, double smoothing) {
              const int64_t rows = logits.sizes()[0], classes = logits.sizes()[1];
              const DType compute = compute_dtype(logits.dtype());
              const Tensor x = computed(logits, compute), z = computed(lse, compute),
                           g = computed(self, compute), t = plait::contiguous(target);
              check_targets("cross_entropy", t, classes, ignore);
              const Tensor w = weight.defined() ? computed(weight, compute) : Tensor(),
                           dx = computed_result(out, compute);
              with_float(compute, [&]<class T>() {
                const RowLoss<T> loss_of(w, classes, ignore, smoothing);
                const T* upper = g.data<T>();
                const int64_t* classes_of = t.data<int64_t>();
                for_rows(rows, classes, [&](int64_t first, int64_t count) {
                  T scales[kMostRows];
                  loss_of.softmax_scales(
                      classes_of + first, count, [&](int64_t r) { return upper[first + r]; }, scales);
                  T* row = dx.data<T>() + first * classes;
                  cpu::cross_entropy_rows<T>().softmax_of_lse(
                      x.data<T>() + first * classes, z.data<T>() + first, scales, count, classes, row);
                  for (int64_t r = first; r < first + count; ++r, row += classes)
                    loss_of.finish_gradient(row, upper[r], classes_of[r]);
                });
              });
              if (!dx.same(out)) cpu::copy(out, dx);
            },
    }};

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, bool, double, bool)>
    _cross_entropy_with_grad{{
        .schema = "_cross_entropy_with_grad(Tensor self, Tensor target, Tensor? weight, int ignore_index, "
                  "bool mean, float label_smoothing, bool wide) -> (Tensor loss, Tensor grad)",
        .doc =
            R"(The sum, or the mean weighted by the classes' weights, of the cross-entropies of rows of logits against int64 classes;
and its gradient with respect to the logits, in the same pass. With `wide` the loss is float32 for 16-bit logits.

Shapes: self (rows, classes), target (rows), weight (classes) give loss (), grad (rows, classes). Dtypes: floats.

>>> loss, grad = plait._cross_entropy_with_grad(plait.zeros(1, 2), plait.tensor([0]), None, -100, True, 0.0, False)
>>> grad
tensor([[-0.5000,  0.5000]]))",
        .meta =
            [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t, bool, double,
               bool wide) {
              check_rows("_cross_entropy_with_grad", self, target, weight);
              const DType dtype = wide ? compute_dtype(self.dtype()) : self.dtype();
              return std::array<TensorSpec, 2>{TensorSpec(Dims{}, dtype, self.device()),
                                               TensorSpec(self.sizes(), self.dtype(), self.device())};
            },
        .vjp =
            [](Vjp& v) {
              if (!v.grad(0).defined()) return;
              if (!grad_enabled()) {
                const Tensor grad = v.is_batched() ? v.out(1) : v.take_out(1);
                v.set(0, v.grad_is_one() ? grad
                         : grad.is_batched() || v.grad(0).is_batched()
                             ? op::_scale(grad, v.grad(0))
                             : op::_scale.run_inplace(grad, v.grad(0)));
                return;
              }
              const Tensor logits = v.in(0), target = v.in(1), weight = v.in(2);
              const int64_t ignore = v.attr<int64_t>(3);
              Tensor upper = v.grad(0);
              if (v.attr<bool>(4)) upper = upper / total_weight(target, weight, logits.sizes()[1], ignore);
              v.set(0, plait::_cross_entropy_rows_backward(plait::expand(upper, target.sizes()), logits,
                                                           plait::logsumexp(logits, IntSpan(Dims{1})), target,
                                                           weight, ignore, v.attr<double>(5)));
            },
        .save = "self, target, weight, grad",
        .kind = Kind::Loss,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& loss, const Tensor& grad, const Tensor& self, const Tensor& target,
               const Tensor& weight, int64_t ignore, bool mean, double smoothing, bool) {
              const int64_t rows = self.sizes()[0], classes = self.sizes()[1];
              const Tensor t = plait::contiguous(target);
              check_targets("cross_entropy", t, classes, ignore);
              const DType compute = compute_dtype(self.dtype());
              const Tensor x = computed(self, compute), dx = computed_result(grad, compute),
                           w = weight.defined() ? computed(weight, compute) : Tensor(),
                           terms = empty_tensor(target.sizes(), compute);
              with_float(compute, [&]<class T>() {
                const RowLoss<T> loss_of(w, classes, ignore, smoothing);
                double total = mean ? 0 : 1;
                for (int64_t r = 0; mean && r < rows; ++r)
                  if (const int64_t c = t.data<int64_t>()[r]; c != ignore) total += loss_of.of(c);
                const T upper = static_cast<T>(1 / total);
                const int64_t* classes_of = t.data<int64_t>();
                T* term = terms.data<T>();
                for_rows(rows, classes, [&](int64_t first, int64_t count) {
                  T scales[kMostRows], lse[kMostRows];
                  loss_of.softmax_scales(
                      classes_of + first, count, [&](int64_t) { return upper; }, scales);
                  const T* logits = x.data<T>() + first * classes;
                  T* row = dx.data<T>() + first * classes;
                  cpu::cross_entropy_rows<T>().softmax(logits, scales, count, classes, row, lse);
                  for (int64_t r = 0; r < count; ++r, logits += classes, row += classes) {
                    const int64_t c = classes_of[first + r];
                    loss_of.finish_gradient(row, upper, c);
                    term[first + r] = c == ignore ? T(0) : loss_of(logits, lse[r], c);
                  }
                });
                double all = 0;
                for (int64_t r = 0; r < rows; ++r) all += terms.data<T>()[r];
                copy_into(loss, wrapped_scalar(all / total));
              });
              if (!dx.same(grad)) cpu::copy(grad, dx);
            },
    }};

Op<Tensor(const Tensor&, const Tensor&)> _scale{{
    .schema = "_scale(Tensor self, Tensor factor) -> Tensor",
    .doc =
        R"(self times a factor of one element on the same device. In place nothing is read or written where the factor is 1.

Shapes: factor () or one element. Dtypes: floats, both the same.

>>> plait._scale(plait.tensor([1.0, 2.0]), plait.tensor(3.0))
tensor([3., 6.]))",
    .meta =
        [](const Tensor& self, const Tensor& factor) {
          check(factor.numel() == 1, "_scale: expected a factor of one element, got shape {}",
                factor.sizes());
          check<TypeError>(is_floating(factor.dtype()), "_scale: expected a floating factor, got {}",
                           factor.dtype());
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, plait::_scale(v.grad(), v.in(1)));
          if (v.needs(1)) v.set(1, plait::reshape(plait::sum(v.grad() * v.in(0)), v.sizes(1)));
        },
    .save = "factor if self, self if factor",
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& factor) {
          NoGrad guard;
          const Scalar value = item(factor);
          if (value.equals(1) && out.data_ptr() == self.data_ptr() && out.strides() == self.strides()) return;
          op::mul.out({&out, 1}, self, wrapped_scalar(value));
        },
}};

// Of (N, C, D), (N, D) and (C) or nothing.
void check_nll(const char* op, const Tensor& target, const Tensor& weight, int64_t classes, DType dtype) {
  check(target.dim() == 2, "{}: expected target of shape (N, D), got {}", op, target.sizes());
  check<TypeError>(target.dtype() == DType::Int64, "{}: expected class indices of dtype int64, got {}", op,
                   target.dtype());
  check(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
        "{}: expected weight of shape ({},), got {}", op, classes,
        weight.defined() ? weight.sizes() : Dims());
  check<TypeError>(!weight.defined() || weight.dtype() == dtype, "{}: expected weight of dtype {}, got {}",
                   op, dtype, weight.defined() ? weight.dtype() : dtype);
}

// The gradient of the weights: the sum over a class's targets of what unweighted ones give.
Tensor nll_weight_grad(const Tensor& weight, const Tensor& terms, const Tensor& target, int64_t ignore) {
  const Tensor keep = plait::ne(target, wrapped_scalar(ignore));
  return plait::index_add(plait::zeros_like(weight), 0, plait::reshape(target * keep, Dims{-1}),
                          plait::reshape(terms, Dims{-1}));
}

// Targets in a line: of one row, or of rows of one target each.
struct TargetLine {
  const int64_t* classes;
  int64_t step;  // in memory
  int64_t row, column, count;
  bool of_rows;
};
// Calls f(TargetLine), which says whether every class was in range, for pieces of the targets (N, D).
template <class F>
void for_targets(const Tensor& target, int64_t classes, int64_t ignore, const F& f) {
  constexpr int64_t kPiece = 1024;  // results that stay in the first-level cache
  const int64_t rows = target.sizes()[0], width = target.sizes()[1];
  const int64_t row_stride = target.strides()[0], stride = target.strides()[1];
  const bool of_rows = width == 1;
  std::atomic<bool> good = true;
  parallel_for(0, rows * width, kGrainElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const int64_t row = i / width, column = i % width;
      const int64_t count = std::min({kPiece, end - i, of_rows ? rows - row : width - column});
      if (!f(TargetLine{target.data<int64_t>() + row * row_stride + column * stride,
                        of_rows ? row_stride : stride, row, column, count, of_rows}))
        good.store(false, std::memory_order_relaxed);
      i += count;
    }
  });
  if (!good) check_targets("nll_loss", plait::contiguous(target), classes, ignore);
}
// Calls f(k, class) for the targets of a line that are not ignored; says whether their classes were in range.
template <class F>
bool for_kept(const TargetLine& line, int64_t classes, int64_t ignore, const F& f) {
  bool good = true;
  const int64_t* at = line.classes;
  for (int64_t k = 0; k < line.count; ++k, at += line.step) {
    const int64_t c = *at;
    const bool known = static_cast<uint64_t>(c) < static_cast<uint64_t>(classes);
    if (known && c != ignore) [[likely]]
      f(k, c);
    else
      good &= c == ignore;
  }
  return good;
}

template <class F>
void with_element(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float>();
    default: return f.template operator()<double>();
  }
}

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t)> _nll_terms{{
    .schema = "_nll_terms(Tensor self, Tensor target, Tensor? weight, int ignore_index) -> Tensor",
    .doc =
        R"(The negative log-likelihood of each class of target under log-probabilities, times the class's weight; 0 for
ignore_index. Raises IndexError for a class out of range.

Shapes: self (N, C, D), target (N, D), weight (C) give (N, D). Dtypes: floats.

>>> plait._nll_terms(plait.tensor([[[-1.0], [-2.0]]]), plait.tensor([[1]]), None, -100)
tensor([[2.]]))",
    .meta =
        [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t) {
          const char* op = "_nll_terms";
          check(self.dim() == 3, "{}: expected self of shape (N, C, D), got {}", op, self.sizes());
          check_nll(op, target, weight, self.sizes()[1], self.dtype());
          check(target.sizes()[0] == self.sizes()[0] && target.sizes()[1] == self.sizes()[2],
                "{}: expected target of shape ({}, {}), got {}", op, self.sizes()[0], self.sizes()[2],
                target.sizes());
          return TensorSpec(target.sizes(), self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor target = v.in(1), weight = v.in(2);
          const int64_t ignore = v.attr<int64_t>(3);
          if (v.needs(0))
            v.set(0, plait::_nll_terms_backward(v.grad(), target, weight, v.sizes(0)[1], ignore));
          if (v.needs(2))
            v.set(2, nll_weight_grad(weight, v.grad() * plait::_nll_terms(v.in(0), target, Tensor(), ignore),
                                     target, ignore));
        },
    .save = "target, weight, self if weight",
    .kind = Kind::Loss,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& target, const Tensor& weights,
           int64_t ignore) {
          const Tensor weight = weights.defined() ? plait::contiguous(weights) : weights;
          const int64_t classes = self.sizes()[1], width = self.sizes()[2];
          const std::array<int64_t, 3> strides{self.strides()[0], self.strides()[1], self.strides()[2]};
          with_element(self.dtype(), [&]<class T>() {
            using C = compute_t<T>;
            const T *x = self.data<T>(), *w = weight.defined() ? weight.data<T>() : nullptr;
            T* terms = out.data<T>();
            for_targets(target, classes, ignore, [=](const TargetLine& line) {
              const T* from = x + line.row * strides[0] + line.column * strides[2];
              T* to = terms + line.row * width + line.column;
              const int64_t step = strides[line.of_rows ? 0 : 2], apart = strides[1];
              std::fill_n(to, line.count, T(0));
              const auto picked = [=](int64_t k, int64_t c) {
                return -static_cast<C>(from[k * step + c * apart]);
              };
              if (!w)
                return for_kept(line, classes, ignore,
                                [=](int64_t k, int64_t c) { to[k] = static_cast<T>(picked(k, c)); });
              return for_kept(line, classes, ignore, [=](int64_t k, int64_t c) {
                to[k] = static_cast<T>(picked(k, c) * static_cast<C>(w[c]));
              });
            });
          });
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t)> _nll_terms_backward{{
    .schema =
        "_nll_terms_backward(Tensor self, Tensor target, Tensor? weight, int classes, int ignore_index) "
        "-> Tensor",
    .doc = R"(The gradient of _nll_terms with respect to the log-probabilities; self is that of its results.

Shapes: self (N, D), target (N, D), weight (C) give (N, C, D). Dtypes: floats.

>>> plait._nll_terms_backward(plait.tensor([[3.0]]), plait.tensor([[1]]), None, 2, -100)
tensor([[[ 0.],
         [-3.]]]))",
    .meta =
        [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t classes, int64_t) {
          const char* op = "_nll_terms_backward";
          check(classes >= 0, "{}: expected classes >= 0, got {}", op, classes);
          check_nll(op, target, weight, classes, self.dtype());
          check(self.sizes() == target.sizes(), "{}: expected self of shape {}, got {}", op, target.sizes(),
                self.sizes());
          return TensorSpec(Dims{target.sizes()[0], classes, target.sizes()[1]}, self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor target = v.in(1), weight = v.in(2);
          const int64_t ignore = v.attr<int64_t>(4);
          if (v.needs(0)) v.set(0, plait::_nll_terms(v.grad(), target, weight, ignore));
          if (v.needs(2))
            v.set(2, nll_weight_grad(weight, v.in(0) * plait::_nll_terms(v.grad(), target, Tensor(), ignore),
                                     target, ignore));
        },
    .save = "target, weight, self if weight",
    .kind = Kind::Loss,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& target, const Tensor& weights,
           int64_t classes, int64_t ignore) {
          const Tensor weight = weights.defined() ? plait::contiguous(weights) : weights;
          const int64_t width = target.sizes()[1];
          const std::array<int64_t, 2> strides{self.strides()[0], self.strides()[1]};
          with_element(self.dtype(), [&]<class T>() {
            using C = compute_t<T>;
            const T *g = self.data<T>(), *w = weight.defined() ? weight.data<T>() : nullptr;
            T* dx = out.data<T>();
            for_targets(target, classes, ignore, [=](const TargetLine& line) {
              const T* from = g + line.row * strides[0] + line.column * strides[1];
              const int64_t step = strides[line.of_rows ? 0 : 1], to_step = line.of_rows ? classes : 1;
              T* to = dx + line.row * classes * width + line.column;
              if (line.of_rows)
                std::fill_n(to, line.count * classes, T(0));
              else
                for (int64_t c = 0; c < classes; ++c) std::fill_n(to + c * width, line.count, T(0));
              return for_kept(line, classes, ignore, [=](int64_t k, int64_t c) {
                const C upper = static_cast<C>(from[k * step]);
                to[k * to_step + c * width] = static_cast<T>(w ? -upper * static_cast<C>(w[c]) : -upper);
              });
            });
          });
        },
}};

Tensor cross_entropy_in(DType loss, const Tensor& self, const Tensor& target, const Tensor& weights,
                        int64_t ignore, std::string_view reduction, double smoothing) {
  check(smoothing >= 0 && smoothing <= 1, "cross_entropy: expected label_smoothing between 0 and 1, got {}",
        smoothing);
  check<TypeError>(is_floating(self.dtype()), "cross_entropy: expected logits of a floating dtype, got {}{}",
                   self.dtype(),
                   is_floating(target.dtype()) ? "; the order is cross_entropy(logits, target)" : "");
  if (target.dtype() == DType::UInt8)
    return cross_entropy_in(loss, self, plait::_convert(target, DType::Int64), weights, ignore, reduction,
                            smoothing);
  const bool wide = loss != self.dtype();
  const Tensor weight = weights.defined() && wide ? plait::_convert(weights, loss) : weights;
  if (is_floating(target.dtype())) {
    check(ignore < 0,
          "cross_entropy: ignore_index={} is for targets that are classes, got class probabilities of {}; "
          "give rows to be ignored probabilities of zero",
          ignore, target.dtype());
    if (wide)
      return cross_entropy_in(loss, plait::_convert(self, loss), plait::_convert(target, loss), weight,
                              ignore, reduction, smoothing);
    check(target.sizes() == self.sizes(),
          "cross_entropy: expected probabilities of the shape {} of self, got {}{}", self.sizes(),
          target.sizes(), target.dim() < self.dim() ? "; for classes convert target with .long()" : "");
    const int64_t dim = self.dim() == 1 ? 0 : 1, classes = self.sizes()[static_cast<int>(dim)];
    const Tensor smooth =
        smoothing > 0 ? target * Scalar(1 - smoothing) + Scalar(smoothing / static_cast<double>(classes))
                      : target;
    Tensor terms = plait::log_softmax(self, dim) * smooth;
    if (weight.defined()) {
      Dims shape(static_cast<int>(self.dim()), 1);
      shape[static_cast<int>(dim)] = classes;
      terms = terms * plait::reshape(weight, shape);
    }
    const Tensor rows = -plait::sum(terms, IntSpan(Dims{dim}));
    if (reduction != "mean") return reduced("cross_entropy", rows, reduction);
    return plait::sum(rows) / Scalar(std::max<int64_t>(rows.numel(), 1));
  }
  check_class_shapes("cross_entropy", self, target, weight);
  const Tensor flat = plait::reshape(target, Dims{-1});
  // Not in float16, whose gradients of a mean vanish where loss scaling has not been applied yet.
  if ((reduction == "mean" || reduction == "sum") && self.requires_grad() && grad_enabled() &&
      self.dtype() != DType::Float16)
    return std::get<0>(plait::_cross_entropy_with_grad(as_rows(self), flat, weight, ignore,
                                                       reduction == "mean", smoothing, wide));
  const Tensor rows = as_rows(self);
  const Tensor terms = std::get<0>(plait::_cross_entropy_rows(rows, flat, weight, ignore, smoothing, wide));
  if (reduction == "mean") return plait::sum(terms) / total_weight(flat, weight, rows.sizes()[1], ignore);
  return reduced("cross_entropy", reduction == "none" ? plait::reshape(terms, target.sizes()) : terms,
                 reduction);
}

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view, double)> cross_entropy{{
    .schema = "cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int ignore_index=-100, str "
              "reduction='mean', float label_smoothing=0.0) -> Tensor",
    .doc =
        R"(The cross-entropy of unnormalised logits against classes (int64 or uint8) or class probabilities.

Shapes: self (C), (N, C) or (N, C, d1, ...); target without C for classes, like self for probabilities. Reductions: 'mean' (weighted,
over the targets that are not ignore_index), 'sum', 'none'. Raises IndexError for a class out of range.

>>> plait.cross_entropy(plait.zeros(1, 2), plait.tensor([0]))
tensor(0.6931))",
    .composite =
        [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore,
           std::string_view reduction, double smoothing) {
          return cross_entropy_in(self.dtype(), self, target, weight, ignore, reduction, smoothing);
        },
    .kind = Kind::Loss,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view)> nll_loss{{
    .schema = "nll_loss(Tensor self, Tensor target, Tensor? weight=None, int ignore_index=-100, str "
              "reduction='mean') -> Tensor",
    .doc = R"(The negative log-likelihood of classes (int64 or uint8) under log-probabilities.

Shapes: self (C), (N, C) or (N, C, d1, ...), target without C. Raises IndexError for a class out of range.

>>> plait.nll_loss(plait.tensor([[-1.0, -2.0]]), plait.tensor([1]))
tensor(2.))",
    .composite =
        [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore,
           std::string_view reduction) {
          if (target.dtype() == DType::UInt8)
            return plait::nll_loss(self, plait::_convert(target, DType::Int64), weight, ignore, reduction);
          check_class_shapes("nll_loss", self, target, weight);
          check(!weight.defined() || weight.dtype() == self.dtype(),
                "nll_loss: expected weight of the dtype {} of self, got {}; convert it with .to()",
                self.dtype(), weight.defined() ? weight.dtype() : self.dtype());
          // (N, C, D)
          const bool lone = self.dim() == 1;
          const int64_t rows = lone ? 1 : self.sizes()[0], classes = self.sizes()[lone ? 0 : 1];
          const int64_t line = rows == 0 ? 1 : target.numel() / rows;
          const Tensor classes_of = plait::reshape(target, Dims{rows, line});
          const Tensor terms =
              plait::_nll_terms(plait::reshape(self, Dims{rows, classes, line}), classes_of, weight, ignore);
          if (reduction == "mean")
            return plait::sum(terms) /
                   total_weight(plait::reshape(target, Dims{-1}), weight, classes, ignore);
          return reduced("nll_loss", reduction == "none" ? plait::reshape(terms, target.sizes()) : terms,
                         reduction);
        },
    .kind = Kind::Loss,
}};

}  // namespace plait::op
