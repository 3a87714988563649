// Orders along a dimension: sort, top k, k-th value, median.
#include "ops/cpu/sort.h"

#include "ops/decl/create.h"
#include "ops/decl/index.h"
#include "ops/decl/sort.h"
#include "ops/decl/view.h"
#include "ops/reduce_common.h"

namespace plait::op {
namespace {

using namespace reduction;
using Pair = std::tuple<Tensor, Tensor>;
using Specs = std::array<TensorSpec, 2>;

Specs like_self(const char* op, const Tensor& self, int64_t dim) {
  wrap_dim(dim, self.dim(), op);
  return {TensorSpec(self.sizes(), self.dtype(), self.device()),
          TensorSpec(self.sizes(), DType::Int64, self.device())};
}

Specs one_of(const char* op, const Tensor& self, int64_t dim, bool keepdim) {
  const DimMask mask = mask_of(op, dim, self.dim());
  check_not_empty(op, self, mask);
  return {spec(self, mask, keepdim, self.dtype()), spec(self, mask, keepdim, DType::Int64)};
}

int64_t length_of(const Tensor& self, int64_t dim, const char* op) {
  const int d = wrap_dim(dim, self.dim(), op);
  return self.dim() == 0 ? 1 : self.sizes()[d];
}

// The gradient goes where the values came from; for ops that keep dim, which is parameter `Dim`.
template <int Dim>
void placed_vjp(Vjp& v) {
  if (!v.grad(0).defined()) return;
  if (v.sizes(0).empty()) return v.set(0, plait::reshape(v.grad(0), Dims()));
  v.set(0, plait::_gather_backward(v.grad(0), v.sizes(0), v.attr<int64_t>(Dim), v.out(1)));
}
// ... and for those that may remove it.
template <int Dim>
void reduced_vjp(Vjp& v) {
  if (!v.grad(0).defined()) return;
  const Dims& sizes = v.sizes(0);
  if (sizes.empty()) return v.set(0, v.grad(0));
  const int64_t dim = v.attr<int64_t>(Dim);
  const DimMask mask = mask_of("median", dim, sizes.size());
  v.set(0, plait::_gather_backward(keep_dims(v.grad(0), sizes, mask), sizes, dim,
                                   keep_dims(v.out(1), sizes, mask)));
}

// Of all elements.
void median_vjp(Vjp& v) {
  v.set(0, shared_gradient(v.grad(), v.in(0), v.out(0), all_dims(v.sizes(0).size())));
}

Tensor flat(const Tensor& self) { return plait::reshape(self, Dims{-1}); }

}  // namespace

Op<Pair(const Tensor&, int64_t, bool, std::optional<bool>)> sort{{
    .schema = "sort(Tensor self, int dim=-1, bool descending=False, *, bool? stable=None) -> (Tensor values, "
              "Tensor indices)",
    .doc =
        R"(The elements along dim in ascending, or descending, order, and their former indices. Equal elements always keep their order;
NaN is larger than any number.

Shapes: as self. Dtypes: real; indices are int64.
Errors: IndexError for a dimension out of range.

>>> plait.sort(plait.tensor([3.0, 1.0, 2.0])).values
tensor([1., 2., 3.]))",
    .meta = [](const Tensor& self, int64_t dim, bool,
               std::optional<bool>) { return like_self("sort", self, dim); },
    .vjp = placed_vjp<1>,
    .save = "indices",
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim, bool descending,
           std::optional<bool>) {
          cpu::sort(values, indices, self, wrap_dim(dim, self.dim(), "sort"), descending);
        },
}};

Op<Tensor(const Tensor&, int64_t, bool, bool)> argsort{{
    .schema = "argsort(Tensor self, int dim=-1, bool descending=False, *, bool stable=False) -> Tensor",
    .doc = R"(The indices that sort self along dim; see sort.

>>> plait.argsort(plait.tensor([3.0, 1.0, 2.0]))
tensor([1, 2, 0]))",
    .composite = [](const Tensor& self, int64_t dim, bool descending,
                    bool stable) { return std::get<1>(plait::sort(self, dim, descending, stable)); },
    .dtypes = kRealDTypes,
    .no_grad = true,
}};

Op<Tensor(const Tensor&)> msort{{
    .schema = "msort(Tensor self) -> Tensor",
    .doc = R"(The elements in ascending order along the first dimension.

>>> plait.msort(plait.tensor([2, 1]))
tensor([1, 2]))",
    .composite = [](const Tensor& self) { return std::get<0>(plait::sort(self, 0)); },
    .dtypes = kRealDTypes,
    .out = true,
}};

Op<Pair(const Tensor&, int64_t, int64_t, bool, bool)> topk{{
    .schema = "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, "
              "Tensor indices)",
    .doc =
        R"(The k largest, or smallest, elements along dim and their indices, in order where sorted. Of equal elements the first count;
NaN is larger than any number.

Shapes: as self, with k along dim. Dtypes: real; indices are int64.
Errors: IndexError where dim has fewer than k elements.

>>> plait.topk(plait.tensor([3.0, 1.0, 2.0]), 2).values
tensor([3., 2.]))",
    .meta = [](const Tensor& self, int64_t k, int64_t dim, bool, bool) -> Specs {
      const int64_t n = length_of(self, dim, "topk");
      check<IndexError>(k >= 0 && k <= n,
                        "topk: expected k from 0 to {}, the size of dim {} of self of shape {}, got {}", n,
                        dim, self.sizes(), k);
      Dims sizes = self.sizes();
      if (!sizes.empty()) sizes[wrap_dim(dim, self.dim(), "topk")] = k;
      return {TensorSpec(sizes, self.dtype(), self.device()), TensorSpec(sizes, DType::Int64, self.device())};
    },
    .vjp = placed_vjp<2>,
    .save = "indices",
    .dtypes = kRealDTypes,
    .out = true,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t k, int64_t dim,
           bool largest, bool sorted) {
          const bool scalar = self.dim() == 0;
          cpu::topk(values, indices, self, scalar ? 1 : k, wrap_dim(dim, self.dim(), "topk"), largest,
                    sorted);
        },
}};

Op<Pair(const Tensor&, int64_t, int64_t, bool)> kthvalue{{
    .schema =
        "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .doc =
        R"(The k-th smallest element along dim, counted from 1, and its index. NaN is larger than any number.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real; indices are int64.
Errors: IndexError where dim has fewer than k elements.

>>> plait.kthvalue(plait.tensor([3.0, 1.0, 2.0]), 2).values
tensor(2.))",
    .meta =
        [](const Tensor& self, int64_t k, int64_t dim, bool keepdim) {
          const int64_t n = length_of(self, dim, "kthvalue");
          check<IndexError>(
              k >= 1 && k <= n,
              "kthvalue: expected k from 1 to {}, the size of dim {} of self of shape {}, got {}", n, dim,
              self.sizes(), k);
          return one_of("kthvalue", self, dim, keepdim);
        },
    .vjp = reduced_vjp<2>,
    .save = "indices",
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t k, int64_t dim,
              bool) { cpu::kth_value(values, indices, self, k - 1, wrap_dim(dim, self.dim(), "kthvalue")); },
}};

Op<Pair(const Tensor&, int64_t, bool)> median_dim{{
    .schema = "median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .doc = "The median along dim and its index; see median.",
    .meta = [](const Tensor& self, int64_t dim,
               bool keepdim) { return one_of("median", self, dim, keepdim); },
    .vjp = reduced_vjp<1>,
    .save = "indices",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim,
              bool) { cpu::median(values, indices, self, wrap_dim(dim, self.dim(), "median"), false); },
}};

Op<Tensor(const Tensor&)> median{{
    .schema = "median(Tensor self) -> Tensor",
    .doc =
        R"(The median of all elements, or along dim with its index: the lower of the two in the middle where their number is even; NaN
where there is one.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real. Of nothing: NaN for floats, an IndexError otherwise.
The gradient of median(x) is shared by the elements equal to it, that of median(x, dim) goes to the index.

>>> plait.median(plait.tensor([3.0, 1.0, 2.0]))
tensor(2.)
>>> plait.median(plait.tensor([[4, 1], [2, 3]]), 1).values
tensor([1, 2]))",
    .composite =
        [](const Tensor& self) {
          if (self.numel() == 0 && is_floating(self.dtype()))
            return plait::full(Dims(), Scalar(std::numeric_limits<double>::quiet_NaN()), self.dtype(),
                               self.device());
          return std::get<0>(plait::median(flat(self), 0, false));
        },
    .vjp = median_vjp,
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
}};

Op<Pair(const Tensor&, int64_t, bool)> nanmedian_dim{{
    .schema = "nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
    .doc = "The median along dim of the elements that are not NaN, and its index; see nanmedian.",
    .meta = [](const Tensor& self, int64_t dim,
               bool keepdim) { return one_of("nanmedian", self, dim, keepdim); },
    .vjp = reduced_vjp<1>,
    .save = "indices",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim,
              bool) { cpu::median(values, indices, self, wrap_dim(dim, self.dim(), "nanmedian"), true); },
}};

Op<Tensor(const Tensor&)> nanmedian{{
    .schema = "nanmedian(Tensor self) -> Tensor",
    .doc = R"(The median of all elements that are not NaN, or along dim with its index; NaN where all are.

Shapes: dim is removed, or of size 1 with keepdim. Dtypes: real.

>>> plait.nanmedian(plait.tensor([1.0, plait.nan, 3.0, 2.0]))
tensor(2.))",
    .composite =
        [](const Tensor& self) {
          if (self.numel() == 0 && is_floating(self.dtype()))
            return plait::full(Dims(), Scalar(std::numeric_limits<double>::quiet_NaN()), self.dtype(),
                               self.device());
          return std::get<0>(plait::nanmedian(flat(self), 0, false));
        },
    .vjp = median_vjp,
    .save = "self, result",
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .out = true,
}};

}  // namespace plait::op
