// Histograms of points: what plait.histogram and plait.histogramdd are made of.
#include "ops/histograms.h"

#include <algorithm>

#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/histograms.h"
#include "ops/declare.h"

namespace plait::histograms {

Dims checked_boxes(const Tensor& self, TensorList edges, const Tensor& weight) {
  check(
      self.dim() == 2 && static_cast<size_t>(self.size(1)) == edges.size(),
      "_histogram: expected points (n, d) and edges for each of the d coordinates, got shape {} and {} edges",
      self.sizes(), edges.size());
  const auto fits = [&](const Tensor& t) {
    return t.dim() == 1 && t.dtype() == self.dtype() && t.device() == self.device();
  };
  check(!weight.defined() || (fits(weight) && weight.size(0) == self.size(0)),
        "_histogram: expected a weight for each of {} points, of dtype {} on {}", self.size(0), self.dtype(),
        self.device());
  Dims sizes;
  for (const Tensor& t : edges) {
    check(fits(t) && t.size(0) >= 2, "_histogram: expected two edges or more of dtype {} on {}, got {} {}",
          self.dtype(), self.device(), t.dtype(), t.sizes());
    sizes.push_back(t.size(0) - 1);
  }
  return sizes;
}

}  // namespace plait::histograms

namespace plait::op {
namespace {

// One coordinate's edges. A bin has its left edge; the last one both.
template <class T>
struct Axis {
  const T* edges;
  int64_t bins;
  T scale;  // bins for each unit of length, as if they were equally wide

  Axis(const Tensor& t) : edges(t.data<T>()), bins(t.size(0) - 1) {
    const T width = edges[bins] - edges[0];
    scale = width > 0 ? static_cast<T>(bins) / width : T(0);
  }
  // Where it is in none, -1.
  int64_t bin_of(T x) const {
    if (!(x >= edges[0] && x <= edges[bins])) return -1;
    // Close by, where edges are equally spaced.
    const T guess = (x - edges[0]) * scale;
    int64_t bin = guess < static_cast<T>(bins) ? static_cast<int64_t>(guess) : bins - 1;
    if (!is_in(x, bin)) bin = std::upper_bound(edges, edges + bins, x) - edges - 1;
    return bin;
  }
  bool is_in(T x, int64_t bin) const {
    return bin >= 0 && edges[bin] <= x && (x < edges[bin + 1] || bin == bins - 1);
  }
};

template <class T>
void count(const Tensor& out, const Tensor& points, TensorList edges, const Tensor& weight) {
  std::vector<Axis<T>> axes;
  for (const Tensor& t : edges) axes.emplace_back(t);
  const int64_t n = points.size(0), coordinates = points.size(1);
  const T *x = points.data<T>(), *const amount = weight.defined() ? weight.data<T>() : nullptr;
  T* const counts = out.data<T>();
  for (int64_t i = 0; i < n; ++i, x += coordinates) {
    int64_t at = 0;
    for (int64_t d = 0; d < coordinates && at >= 0; ++d) {
      const Axis<T>& axis = axes[static_cast<size_t>(d)];
      const int64_t bin = axis.bin_of(x[d]);
      at = bin < 0 ? -1 : at * axis.bins + bin;
    }
    if (at >= 0) counts[at] += amount ? amount[i] : T(1);
  }
}

}  // namespace

Op<Tensor(const Tensor&, TensorList, const Tensor&)> _histogram{{
    .schema = "_histogram(Tensor self, Tensor[] edges, Tensor? weight=None) -> Tensor",
    .doc =
        R"(How many of the points (n, d) lie in each box between the edges, of which there are two or more in rising order for
each coordinate, or the sums of their weights (n).

>>> plait._C.ops["_histogram"](plait.tensor([[0.0], [1.0]]), [plait.tensor([0.0, 0.5, 1.0])])
tensor([1., 1.]))",
    .direct =
        [](const Tensor& self, TensorList edges, const Tensor& weight) {
          const Dims sizes = histograms::checked_boxes(self, edges, weight);
          const DType dtype = is_reduced_float(self.dtype()) ? DType::Float32 : self.dtype();
          const auto packed = [&](const Tensor& t) { return plait::contiguous(plait::_convert(t, dtype)); };
          std::vector<Tensor> sorted;
          for (const Tensor& t : edges) sorted.push_back(packed(t));
          const Tensor out = plait::zeros(sizes, dtype, self.device()), points = packed(self),
                       amounts = weight.defined() ? packed(weight) : weight;
          if (dtype == DType::Float32)
            count<float>(out, points, sorted, amounts);
          else
            count<double>(out, points, sorted, amounts);
          return plait::_convert(out, self.dtype());
        },
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
}};

}  // namespace plait::op
