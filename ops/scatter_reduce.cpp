// scatter_reduce: sums, products, means and extremes of what falls onto each place.
#include <limits>

#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/index.h"
#include "ops/decl/pad.h"
#include "ops/decl/scatter.h"
#include "ops/decl/scatter_reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

using cpu::Reduce;

enum class Rule : uint8_t { Sum, Prod, Mean, Max, Min };

Rule rule_of(std::string_view name) {
  if (name == "sum") return Rule::Sum;
  if (name == "prod") return Rule::Prod;
  if (name == "mean") return Rule::Mean;
  if (name == "amax") return Rule::Max;
  check(name == "amin",
        "scatter_reduce: expected reduce to be 'sum', 'prod', 'mean', 'amax' or 'amin', got '{}'", name);
  return Rule::Min;
}

// What a place starts from that does not count itself.
Tensor identity(Rule rule, DType dtype) {
  if (rule == Rule::Sum || rule == Rule::Mean) return scalar_tensor(0, dtype);
  if (rule == Rule::Prod) return scalar_tensor(1, dtype);
  return visit(dtype, [&]<class T>() {
    const Tensor out = empty_tensor(Dims{}, dtype);
    if constexpr (!is_complex(dtype_of<T>)) {
      using Limits = std::numeric_limits<compute_t<T>>;
      constexpr bool kFloat = std::is_floating_point_v<compute_t<T>>;
      const compute_t<T> top = kFloat ? Limits::infinity() : Limits::max();
      const compute_t<T> bottom = kFloat ? -Limits::infinity() : Limits::lowest();
      *out.data<T>() = static_cast<T>(rule == Rule::Max ? bottom : top);
    }
    return out;
  });
}

// out / count, rounded down for integers, where both are contiguous.
void divide_by_count(const Tensor& out, const Tensor& counts) {
  const int64_t* count = counts.data<int64_t>();
  visit(out.dtype(), [&]<class T>() {
    T* at = out.data<T>();
    for (int64_t i = 0; i < out.numel(); ++i) {
      if (count[i] <= 1) continue;
      if constexpr (std::is_same_v<T, bool>) {
        at[i] = false;
      } else if constexpr (std::is_integral_v<T>) {
        const int64_t v = static_cast<int64_t>(at[i]);
        at[i] = static_cast<T>(v / count[i] - (v % count[i] < 0));
      } else if constexpr (is_complex(dtype_of<T>)) {
        at[i] /= static_cast<typename T::value_type>(count[i]);
      } else {
        at[i] = static_cast<T>(static_cast<compute_t<T>>(at[i]) / static_cast<compute_t<T>>(count[i]));
      }
    }
  });
}

void reduce_kernel(const Tensor& out, const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                   std::string_view name, bool include_self) {
  const Rule rule = rule_of(name);
  check<TypeError>(!is_complex(out.dtype()) || rule == Rule::Sum || rule == Rule::Prod || rule == Rule::Mean,
                   "scatter_reduce: complex numbers have no order; reduce '{}' is not defined for them",
                   name);
  start_from(out, self);
  const int d = wrap_dim(dim, out.dim(), "scatter_reduce");
  const Tensor checked = cpu::checked_along("scatter_reduce", without_overlap(index, out), out, d);
  const Tensor from = without_overlap(src, out);
  on_contiguous(out, [&](const Tensor& to) {
    if (!include_self) cpu::scatter_along(to, d, checked, identity(rule, to.dtype()), Reduce::Assign);
    const Reduce reduce = rule == Rule::Prod  ? Reduce::Mul
                          : rule == Rule::Max ? Reduce::Max
                          : rule == Rule::Min ? Reduce::Min
                                              : Reduce::Add;
    cpu::scatter_along(to, d, checked, from, reduce);
    if (rule == Rule::Mean) {
      const Tensor counts = plait::full(to.sizes(), include_self ? 1 : 0, DType::Int64);
      cpu::scatter_along(counts, d, checked, scalar_tensor(1, DType::Int64), Reduce::Add);
      divide_by_count(to, counts);
    }
  });
}

// ---- derivatives: each is linear in the gradient at the places, and written in ops

Tensor ones_of(const Tensor& like) { return plait::ones_like(like); }
Tensor number(const Tensor& like, double value) { return scalar_tensor(value, like.dtype(), like.device()); }
Tensor flags(const Tensor& condition, const Tensor& like) { return plait::_convert(condition, like.dtype()); }

// The part of src that is used: where index is shorter, the rest takes no part.
Tensor used_part(Tensor src, const Tensor& index) {
  for (int d = 0; d < std::min(src.dim(), index.dim()); ++d)
    if (src.sizes()[d] != index.sizes()[d]) src = plait::narrow(src, d, 0, index.sizes()[d]);
  return src;
}

Tensor padded_to(const Tensor& grad, const Dims& sizes) {
  if (grad.sizes() == sizes) return grad;
  if (grad.dim() != sizes.size()) return plait::reshape(grad, sizes);
  Dims pad;
  for (int d = sizes.size() - 1; d >= 0; --d) {
    pad.push_back(0);
    pad.push_back(sizes[d] - grad.sizes()[d]);
  }
  return plait::constant_pad_nd(grad, pad);
}

void reduce_vjp(Vjp& v) {
  const Rule rule = rule_of(v.attr<std::string_view>(4));
  const bool include_self = v.attr<bool>(5);
  const int64_t dim = v.attr<int64_t>(1);
  const Tensor index = v.in(2), self = v.in(0), src = used_part(v.in(3), index), result = v.out();
  const Tensor& grad = v.grad();
  const auto gather = [&](const Tensor& t) { return plait::gather(t, dim, index); };
  const auto untouched = [&](const Tensor& t) {
    return include_self ? t : plait::scatter(t, dim, index, wrapped_scalar(0));
  };
  Tensor for_self, for_src;
  switch (rule) {
    case Rule::Sum:
      for_self = grad;
      for_src = gather(grad);
      break;
    case Rule::Mean: {
      Tensor count = include_self ? ones_of(grad) : plait::zeros_like(grad);
      count = plait::scatter_add(count, dim, index, ones_of(src));
      count = plait::where(plait::eq(count, number(count, 0)), number(count, 1), count);
      for_self = grad / count;
      for_src = gather(for_self);
      break;
    }
    case Rule::Max:
    case Rule::Min: {  // ties share the gradient
      const Tensor own = untouched(flags(plait::eq(self, result), grad)),
                   theirs = flags(plait::eq(src, gather(result)), grad);
      const Tensor winners = plait::scatter_add(own, dim, index, theirs);
      const Tensor shared =
          grad / plait::where(plait::eq(winners, number(winners, 0)), number(winners, 1), winners);
      for_self = own * shared;
      for_src = theirs * gather(shared);
      break;
    }
    case Rule::Prod: {
      // The product of all others: result / value, and where a value is 0 the product without it, which is 0
      // too if there is another.
      const Tensor self_zero = plait::eq(self, number(self, 0)), src_zero = plait::eq(src, number(src, 0));
      const auto product = [&](const Tensor& start, const Tensor& factors) {
        return plait::scatter_reduce(start, dim, index, factors, "prod", include_self);
      };
      const Tensor safe_self = plait::where(self_zero, number(self, 1), self);
      for_self = grad * product(safe_self, src) / safe_self;
      const Tensor zeros_there =
          gather(plait::scatter_add(plait::zeros_like(self), dim, index, flags(src_zero, self)));
      const Tensor lone_zero = flags(plait::eq(zeros_there, number(self, 1)), self) * flags(src_zero, self);
      const Tensor is_lone = plait::eq(lone_zero, number(self, 1));
      const Tensor without_it = gather(grad * product(self, plait::where(is_lone, number(src, 1), src)));
      const Tensor others = gather(grad * result) / plait::where(src_zero, number(src, 1), src);
      for_src = plait::where(is_lone, without_it, others);
      break;
    }
  }
  if (v.needs(0)) v.set(0, rule == Rule::Max || rule == Rule::Min ? for_self : untouched(for_self));
  if (v.needs(3)) v.set(3, padded_to(for_src, v.sizes(3)));
}

}  // namespace

Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, std::string_view, bool)> scatter_reduce{{
    .schema = "scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool "
              "include_self=True) -> Tensor",
    .doc =
        R"(self with all values of src that index sends to a place reduced there: 'sum', 'prod', 'mean', 'amax' or 'amin', together with what
stood there unless include_self=False. Places that nothing is sent to keep their value.

Shapes: as for scatter. Raises IndexError for an index out of range.

>>> plait.zeros(2).scatter_reduce(0, plait.tensor([0, 0, 1]), plait.tensor([1., 5., 2.]), 'amax')
tensor([5., 2.]))",
    .meta =
        [](const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce,
           bool) {
          const Rule rule = rule_of(reduce);
          check<TypeError>(rule != Rule::Mean || self.dtype() != DType::Bool,
                           "scatter_reduce: bools have no mean; use self.float()");
          return infer::scatter("scatter_reduce", self, dim, index, &src);
        },
    .vjp = reduce_vjp,
    .save = "self, index, src, result",
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = reduce_kernel,
}};

}  // namespace plait::op
