// Hinge losses of classes against each other, for each row: what multi_margin_loss and multilabel_margin_loss
// reduce.
#include "ops/margin_losses.h"

#include <algorithm>
#include <vector>

#include "core/parallel.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/index.h"
#include "ops/decl/index_write.h"
#include "ops/decl/margin_losses.h"
#include "ops/decl/reduce.h"
#include "ops/decl/scan.h"
#include "ops/decl/scatter.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::margin_losses {

Tensor beyond_margin(const Tensor& x, const Tensor& target, double margin) {
  const Tensor index = plait::unsqueeze(target, 1), own = plait::gather(x, 1, index);
  const Tensor terms = plait::clamp_min(x - own + Scalar(margin), wrapped_scalar(0));
  return plait::scatter(terms, 1, index, Scalar(0));
}

Labels labels_of(const Tensor& x, const Tensor& target) {
  const Tensor ended = plait::cumsum(plait::_convert(plait::lt(target, wrapped_scalar(0)), DType::Int64), 1);
  const Tensor listed = plait::_convert(plait::eq(ended, wrapped_scalar(0)), x.dtype());
  const Tensor label = plait::clamp_min(target, wrapped_scalar(0));
  const Tensor count = plait::scatter_add(plait::zeros_like(x), 1, label, listed);
  return {listed, label, plait::_convert(plait::gt(count, wrapped_scalar(0)), x.dtype())};
}

Tensor between_classes(const Tensor& x, const Labels& labels) {
  const Tensor own = plait::gather(x, 1, labels.label);
  return plait::unsqueeze(x, 1) - plait::unsqueeze(own, 2) + Scalar(1);
}

Tensor pairs_of(const Labels& labels) {
  return plait::unsqueeze(labels.listed, 2) * plait::unsqueeze(wrapped_scalar(1) - labels.is_label, 1);
}

}  // namespace plait::margin_losses

namespace plait::op {
namespace {

constexpr int64_t kWorthThread = 1 << 14;

int64_t checked_class(const char* op, int64_t value, int64_t classes) {
  check<IndexError>(value >= 0 && value < classes, "{}: expected classes from 0 to {} in target, got {}", op,
                    classes - 1, value);
  return value;
}

TensorSpec row_losses(const char* op, const Tensor& x, const Tensor& target, bool same) {
  check(x.dim() == 2 && (same ? target.sizes() == x.sizes() : target.sizes() == Dims{x.size(0)}),
        "{}: expected input (n, classes) and target {}, got {} and {}", op, same ? "of that shape" : "(n)",
        x.sizes(), target.sizes());
  check<TypeError>(is_integral(target.dtype(), false), "{}: expected a target of integers, got {}", op,
                   target.dtype());
  return TensorSpec(Dims{x.size(0)}, x.dtype(), x.device());
}

void multi_margin_kernel(const Tensor& out, const Tensor& self, const Tensor& given, const Tensor& weight,
                         int64_t p, double given_margin) {
  const Tensor x = plait::contiguous(self), target = plait::contiguous(plait::_convert(given, DType::Int64)),
               weights = weight.defined() ? plait::contiguous(weight) : weight;
  const int64_t classes = x.size(1), *const at = target.data<int64_t>();
  visit(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<compute_t<T>>) {
      using Acc = compute_t<T>;
      const auto margin = static_cast<Acc>(given_margin);
      parallel_for(0, x.size(0), std::max<int64_t>(1, kWorthThread / (classes + 1)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t n = begin; n < end; ++n) {
                       const T* const row = x.data<T>() + n * classes;
                       const int64_t own = checked_class("multi_margin_loss", at[n], classes);
                       const Acc base = margin - static_cast<Acc>(row[own]);
                       Acc sum = 0;
                       for (int64_t c = 0; c < classes; ++c) {
                         const Acc term = base + static_cast<Acc>(row[c]);
                         const Acc counted = c == own || term < 0 ? Acc(0) : term;
                         sum += p == 1 ? counted : counted * counted;
                       }
                       if (weights.defined()) sum *= static_cast<Acc>(weights.data<T>()[own]);
                       out.data<T>()[n] = static_cast<T>(sum / static_cast<Acc>(classes));
                     }
                   });
    }
  });
}

void multilabel_margin_kernel(const Tensor& out, const Tensor& self, const Tensor& given) {
  const Tensor x = plait::contiguous(self), target = plait::contiguous(plait::_convert(given, DType::Int64));
  const int64_t classes = x.size(1);
  visit(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<compute_t<T>>) {
      using Acc = compute_t<T>;
      parallel_for(0, x.size(0), std::max<int64_t>(1, kWorthThread / (classes * classes + 1)),
                   [&](int64_t begin, int64_t end) {
                     std::vector<char> is_label(static_cast<size_t>(classes));
                     std::vector<Acc> others(static_cast<size_t>(classes));
                     for (int64_t n = begin; n < end; ++n) {
                       const T* const row = x.data<T>() + n * classes;
                       const int64_t* const labels = target.data<int64_t>() + n * classes;
                       std::fill(is_label.begin(), is_label.end(), char(0));
                       int64_t listed = 0, rest = 0;
                       for (; listed < classes && labels[listed] >= 0; ++listed)
                         is_label[static_cast<size_t>(
                             checked_class("multilabel_margin_loss", labels[listed], classes))] = 1;
                       for (int64_t i = 0; i < classes; ++i)
                         if (!is_label[static_cast<size_t>(i)])
                           others[static_cast<size_t>(rest++)] = static_cast<Acc>(row[i]) + 1;
                       Acc sum = 0;
                       for (int64_t l = 0; l < listed; ++l) {
                         const auto own = static_cast<Acc>(row[labels[l]]);
                         for (int64_t i = 0; i < rest; ++i) {
                           const Acc term = others[static_cast<size_t>(i)] - own;
                           sum += term < 0 ? Acc(0) : term;
                         }
                       }
                       out.data<T>()[n] = static_cast<T>(sum / static_cast<Acc>(classes));
                     }
                   });
    }
  });
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, double)> _multi_margin{{
    .schema = "_multi_margin(Tensor self, Tensor target, Tensor? weight, int p, float margin) -> Tensor",
    .doc =
        R"(The sum over c != t of weight_t max(0, margin - x_t + x_c)^p / classes for each row: (n, classes) and the classes t (n) give (n).

>>> plait._C.ops["_multi_margin"](plait.tensor([[1.0, 0.5]]), plait.tensor([0]), None, 1, 1.0)
tensor([0.2500]))",
    .meta =
        [](const Tensor& self, const Tensor& target, const Tensor& weight, int64_t p, double) {
          check(p == 1 || p == 2, "multi_margin_loss: expected p 1 or 2, got {}", p);
          const TensorSpec spec = row_losses("multi_margin_loss", self, target, false);
          check(!weight.defined() || (weight.sizes() == Dims{self.size(1)} && weight.dtype() == self.dtype()),
                "multi_margin_loss: expected a weight of dtype {} for each of {} classes, got {} {}",
                self.dtype(), self.size(1), weight.defined() ? weight.dtype() : self.dtype(),
                weight.defined() ? weight.sizes() : self.sizes());
          return spec;
        },
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0), target = plait::_convert(v.in(1), DType::Int64), weight = v.in(2);
          const Tensor terms = margin_losses::beyond_margin(x, target, v.attr<double>(4));
          const Tensor index = plait::unsqueeze(target, 1);
          const auto each = v.grad() * Scalar(1.0 / static_cast<double>(x.size(1)));
          const bool square = v.attr<int64_t>(3) == 2;
          if (v.needs(2))
            v.set(2, plait::index_add(plait::zeros_like(weight), 0, target,
                                      each * plait::sum(square ? terms * terms : terms, IntSpan(Dims{1}))));
          if (!v.needs(0)) return;
          const Tensor factor =
              plait::unsqueeze(weight.defined() ? each * plait::index_select(weight, 0, target) : each, 1);
          const Tensor slope =
              square ? terms * Scalar(2) : plait::_convert(plait::gt(terms, wrapped_scalar(0)), x.dtype());
          const Tensor others = slope * factor;
          v.set(0,
                plait::scatter_add(others, 1, index, plait::neg(plait::sum(others, IntSpan(Dims{1}), true))));
        },
    .save = "self, target, weight",
    .dtypes = kFloatDTypes,
    .cpu = multi_margin_kernel,
}};

Op<Tensor(const Tensor&, const Tensor&)> _multilabel_margin{{
    .schema = "_multilabel_margin(Tensor self, Tensor target) -> Tensor",
    .doc =
        R"(The sum over labels j and other classes i of max(0, 1 - x_j + x_i) / classes for each row: (n, classes), and as many labels,
closed by a negative number, give (n).

>>> plait._C.ops["_multilabel_margin"](plait.tensor([[1.0, 0.5]]), plait.tensor([[0, -1]]))
tensor([0.2500]))",
    .meta = [](const Tensor& self,
               const Tensor& target) { return row_losses("multilabel_margin_loss", self, target, true); },
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0), target = plait::_convert(v.in(1), DType::Int64);
          const margin_losses::Labels labels = margin_losses::labels_of(x, target);
          const Tensor beyond = plait::gt(margin_losses::between_classes(x, labels), wrapped_scalar(0));
          const Tensor pairs = margin_losses::pairs_of(labels) * plait::_convert(beyond, x.dtype()) *
                               plait::reshape(v.grad(), Dims{-1, 1, 1}) *
                               Scalar(1.0 / static_cast<double>(x.size(1)));
          v.set(0, plait::scatter_add(plait::sum(pairs, IntSpan(Dims{1})), 1, labels.label,
                                      plait::neg(plait::sum(pairs, IntSpan(Dims{2})))));
        },
    .save = "self, target",
    .dtypes = kFloatDTypes,
    .cpu = multilabel_margin_kernel,
}};

}  // namespace plait::op
