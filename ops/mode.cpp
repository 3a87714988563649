// Where the most frequent values stand: what plait.mode is made of.
#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "ops/decl/copy.h"
#include "ops/decl/mode.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

// In rising order, NaN last and different from each other; equal values in the order of their places.
template <class T>
int64_t mode_of(std::vector<std::pair<T, int64_t>>& line) {
  std::sort(line.begin(), line.end(), [](const auto& a, const auto& b) {
    const bool nan_a = a.first != a.first, nan_b = b.first != b.first;
    if (nan_a || nan_b) return nan_a == nan_b ? a.second < b.second : nan_b;
    return a.first != b.first ? a.first < b.first : a.second < b.second;
  });
  size_t longest = 0, best = 0, begin = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    if (i > 0 && !(line[i].first == line[i - 1].first)) begin = i;
    if (i - begin + 1 > longest) longest = i - begin + 1, best = i;
  }
  return line[best].second;
}

void mode_kernel(const Tensor& out, const Tensor& self, int64_t dim) {
  if (out.numel() == 0) return;
  const int d = wrap_dim(dim, self.dim(), "_mode_index");
  const Tensor x = plait::contiguous(self);
  int64_t inner = 1;
  for (int i = d + 1; i < self.dim(); ++i) inner *= self.sizes()[i];
  const int64_t size = self.dim() > 0 ? self.sizes()[d] : 1;
  visit(x.dtype(), [&]<class T>() {
    if constexpr (!is_complex(dtype_of<T>)) {
      constexpr int64_t kWorthThread = 2048;
      parallel_for(0, out.numel(), std::max<int64_t>(1, kWorthThread / size),
                   [&](int64_t begin, int64_t end) {
                     std::vector<std::pair<compute_t<T>, int64_t>> line(static_cast<size_t>(size));
                     for (int64_t l = begin; l < end; ++l) {
                       const T* const from = x.data<T>() + l / inner * size * inner + l % inner;
                       for (int64_t i = 0; i < size; ++i)
                         line[static_cast<size_t>(i)] = {static_cast<compute_t<T>>(from[i * inner]), i};
                       out.data<int64_t>()[l] = mode_of(line);
                     }
                   });
    }
  });
}

}  // namespace

Op<Tensor(const Tensor&, int64_t)> _mode_index{{
    .schema = "_mode_index(Tensor self, int dim) -> Tensor",
    .doc =
        R"(The last place of the most frequent value along a dimension, of the smallest one of several: int64, with that dimension of
size 1.

>>> plait._C.ops["_mode_index"](plait.tensor([3, 1, 3, 1, 2]), 0)
tensor([3]))",
    .meta =
        [](const Tensor& self, int64_t dim) {
          const int d = wrap_dim(dim, self.dim(), "_mode_index");
          Dims sizes(self.sizes());
          if (sizes.size() == 0) return TensorSpec(sizes, DType::Int64, self.device());
          check<IndexError>(sizes[d] > 0, "mode: dimension {} of shape {} is empty", d, self.sizes());
          sizes[d] = 1;
          return TensorSpec(sizes, DType::Int64, self.device());
        },
    .kind = Kind::Reduction,
    .dtypes = kRealDTypes,
    .cpu = mode_kernel,
}};

}  // namespace plait::op
