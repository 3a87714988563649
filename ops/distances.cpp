// Euclidean distances of all pairs of rows.
#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/distances.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/create_range.h"
#include "ops/decl/distances.h"
#include "ops/decl/matmul.h"
#include "ops/decl/reduce.h"
#include "ops/decl/scatter.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

template <class T>
void pairs(const cpu::DistanceLoops<T>& loops, const Tensor& out, const Tensor& self) {
  const int64_t n = self.size(0), k = self.size(1);
  const Tensor columns = plait::contiguous(plait::transpose(self, 0, 1));
  const T* const from = columns.data<T>();
  T* const to = out.data<T>();
  // Row i and row n - 2 - i together have n pairs.
  constexpr int64_t kWorthThread = 1 << 16;
  parallel_for(0, n / 2, std::max<int64_t>(1, kWorthThread / (n * (k + 1))), [&](int64_t begin, int64_t end) {
    const auto row = [&](int64_t i) {
      loops.euclidean(from, k, n, i, i + 1, n - 1 - i, to + i * (2 * n - i - 1) / 2);
    };
    for (int64_t i = begin; i < end; ++i) {
      row(i);
      if (n - 2 - i != i) row(n - 2 - i);
    }
  });
}

}  // namespace

Op<Tensor(const Tensor&)> _pdist{{
    .schema = "_pdist(Tensor self) -> Tensor",
    .doc =
        R"(The Euclidean distances of the rows of a matrix (n, k), each pair once: (0, 1), (0, 2), ..., (1, 2), ...

>>> plait._C.ops["_pdist"](plait.tensor([[0.0, 0.0], [3.0, 4.0]]))
tensor([5.]))",
    .meta =
        [](const Tensor& self) {
          check(self.dim() == 2, "_pdist: expected a matrix (n, k), got shape {}", self.sizes());
          const int64_t n = self.size(0);
          return TensorSpec(Dims{n * (n - 1) / 2}, self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          // Of d = |x_i - x_j| the derivative by x_i is (x_i - x_j) / d, or zero: with the symmetric matrix W
          // of gradient / d that is the sum over j of W_ij (x_i - x_j). Numbers near each other but far from
          // zero would cancel: the mean is taken away first.
          const Tensor x = v.in(0), d = v.out();
          const int64_t n = x.size(0);
          const Tensor zero = plait::eq(d, wrapped_scalar(0)), none = wrapped_scalar(0),
                       each = plait::masked_fill(v.grad() / plait::masked_fill(d, zero, wrapped_scalar(1)),
                                                 zero, none),
                       places = plait::triu_indices(n, n, 1, DType::Int64, x.device()),
                       at = plait::select(places, 0, 0) * Scalar(n) + plait::select(places, 0, 1);
          const Tensor upper = plait::reshape(
              plait::scatter_add(plait::zeros(Dims{n * n}, x.dtype(), x.device()), 0, at, each), Dims{n, n});
          const Tensor w = upper + plait::transpose(upper, 0, 1),
                       y = x - plait::mean(x, IntSpan(Dims{0}), true);
          v.set(0, plait::sum(w, IntSpan(Dims{1}), true) * y - plait::matmul(w, y));
        },
    .save = "self, result",
    .dtypes = static_cast<DTypeSet>(set_of(DType::Float32) | set_of(DType::Float64)),
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          if (out.numel() == 0) return;
          if (self.dtype() == DType::Float32)
            pairs(cpu::distance_table().in_float, out, self);
          else
            pairs(cpu::distance_table().in_double, out, self);
        },
}};

}  // namespace plait::op
