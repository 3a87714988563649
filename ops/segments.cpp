// Reductions of consecutive segments of a dimension, and the way back: what plait.segment_reduce is made of.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/logical.h"
#include "ops/decl/segments.h"
#include "ops/decl/ternary.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// Along dimension `axis` of (outer, size, inner) there are `count` segments in each of the outer ones.
struct Segments {
  int64_t outer = 1, size, inner = 1, count;
  const int64_t* offsets;

  Segments(IntSpan whole, const Tensor& at, int64_t axis)
      : size(whole[static_cast<size_t>(axis)]),
        count(at.size(-1) - 1),
        offsets(at.data<int64_t>()) {
    for (size_t d = 0; d < whole.size(); ++d) {
      if (static_cast<int64_t>(d) < axis) outer *= whole[d];
      if (static_cast<int64_t>(d) > axis) inner *= whole[d];
    }
  }
  // Calls f(segment of all, its rows) with whatever stands in the offsets brought within the data.
  template <class F>
  void each(const F& f) const {
    constexpr int64_t kWorthThread = 1 << 14;
    const int64_t segments = outer * count, mean = segments ? outer * size * inner / segments + 1 : 1;
    parallel_for(0, segments, std::max<int64_t>(kWorthThread / mean, 1), [&](int64_t first, int64_t last) {
      for (int64_t s = first; s < last; ++s) {
        const int64_t lead = s / count, *const at = offsets + lead * (count + 1) + s % count;
        const int64_t begin = std::clamp<int64_t>(at[0], 0, size),
                      end = std::clamp<int64_t>(at[1], begin, size);
        f(s, lead * size + begin, lead * size + end);
      }
    });
  }
};

int64_t checked_axis(const char* op, const Tensor& t, const Tensor& offsets, int64_t axis) {
  const int d = wrap_dim(axis, t.dim(), op);
  check(offsets.dtype() == DType::Int64 && offsets.dim() == d + 1 && offsets.size(-1) >= 1 &&
            std::equal(offsets.sizes().begin(), offsets.sizes().begin() + d, t.sizes().begin()),
        "{}: expected int64 offsets of the sizes before dimension {} of {}, and of one or more, got {} {}",
        op, d, t.sizes(), offsets.dtype(), offsets.sizes());
  return d;
}

TensorSpec resized(const Tensor& t, int64_t axis, int64_t size) {
  Dims sizes(t.sizes());
  sizes[static_cast<int>(axis)] = size;
  return TensorSpec(sizes, t.dtype(), t.device());
}

template <class T, class F>
void reduce(const Segments& segments, const T* data, T* out, double initial, const F& combine) {
  using Acc = compute_t<T>;
  constexpr int64_t kBlock = 256;
  const int64_t inner = segments.inner;
  segments.each([&](int64_t segment, int64_t begin, int64_t end) {
    for (int64_t first = 0; first < inner; first += kBlock) {
      const int64_t width = std::min(kBlock, inner - first);
      Acc found[kBlock];
      std::fill_n(found, width, static_cast<Acc>(initial));
      for (int64_t row = begin; row < end; ++row) {
        const T* const x = data + row * inner + first;
        for (int64_t i = 0; i < width; ++i) found[i] = combine(found[i], static_cast<Acc>(x[i]));
      }
      T* const to = out + segment * inner + first;
      for (int64_t i = 0; i < width; ++i) to[i] = static_cast<T>(found[i]);
    }
  });
}

void reduce_kernel(const Tensor& out, const Tensor& self, const Tensor& offsets, int64_t axis,
                   std::string_view how, double initial) {
  if (out.numel() == 0) return;
  const Tensor x = plait::contiguous(self), at = plait::contiguous(offsets);
  const Segments segments(x.sizes(), at, wrap_dim(axis, x.dim(), "_reduce_segments"));
  visit(out.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<compute_t<T>>) {
      const auto run = [&](const auto& combine) {
        reduce(segments, x.data<T>(), out.data<T>(), initial, combine);
      };
      // NaN wins.
      if (how == "sum")
        run([](auto a, auto b) { return a + b; });
      else if (how == "prod")
        run([](auto a, auto b) { return a * b; });
      else if (how == "amax")
        run([](auto a, auto b) { return b > a || b != b ? b : a; });
      else
        run([](auto a, auto b) { return b < a || b != b ? b : a; });
    }
  });
}

void spread_kernel(const Tensor& out, const Tensor& self, const Tensor& offsets, int64_t axis) {
  plait::zero_(out);
  if (out.numel() == 0 || self.numel() == 0) return;
  const Tensor x = plait::contiguous(self), at = plait::contiguous(offsets);
  const Segments segments(out.sizes(), at, wrap_dim(axis, x.dim(), "_segment_spread"));
  visit(out.dtype(), [&]<class T>() {
    segments.each([&](int64_t segment, int64_t begin, int64_t end) {
      const T* const from = x.data<T>() + segment * segments.inner;
      for (int64_t row = begin; row < end; ++row)
        std::copy_n(from, segments.inner, out.data<T>() + row * segments.inner);
    });
  });
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, int64_t, std::string_view, double)> _reduce_segments{{
    .schema = "_reduce_segments(Tensor self, Tensor offsets, int axis, str reduce, float initial) -> Tensor",
    .doc =
        R"(Segment s of dimension `axis`, from offsets[..., s] up to offsets[..., s + 1], reduced to one element from `initial` on: "sum",
"prod", "amax" or "amin".

>>> plait._C.ops["_reduce_segments"](plait.tensor([1.0, 2.0, 3.0]), plait.tensor([0, 1, 3]), 0, "sum", 0.0)
tensor([1., 5.]))",
    .meta =
        [](const Tensor& self, const Tensor& offsets, int64_t axis, std::string_view how, double) {
          check(how == "sum" || how == "prod" || how == "amax" || how == "amin",
                "_reduce_segments: expected reduce 'sum', 'prod', 'amax' or 'amin', got '{}'", how);
          const int64_t d = checked_axis("_reduce_segments", self, offsets, axis);
          return resized(self, d, offsets.size(-1) - 1);
        },
    .vjp =
        [](Vjp& v) {
          const Tensor &x = v.in(0), &offsets = v.in(1);
          const auto axis = v.attr<int64_t>(2);
          const auto how = v.attr<std::string_view>(3);
          const double initial = v.attr<double>(4);
          const auto spread = [&](const Tensor& t) {
            return plait::_segment_spread(t, offsets, axis,
                                          v.sizes(0)[wrap_dim(axis, v.sizes(0).size(), "")]);
          };
          if (how == "sum") return v.set(0, spread(v.grad()));
          if (how == "prod") {
            // The product of all others: result / element, and for the only zero of a segment the product
            // without it.
            const Tensor one = wrapped_scalar(1), zero = plait::eq(x, wrapped_scalar(0)),
                         zeros = plait::_convert(zero, x.dtype()),
                         count = spread(plait::_reduce_segments(zeros, offsets, axis, "sum", 0)),
                         lone = plait::logical_and(zero, plait::eq(count, one)),
                         without = plait::_reduce_segments(plait::masked_fill(x, lone, one), offsets, axis,
                                                           "prod", initial);
            return v.set(0, plait::where(lone, spread(v.grad() * without),
                                         spread(v.grad() * v.out()) / plait::masked_fill(x, zero, one)));
          }
          // Those that are as large share the gradient, and so does the initial value. Among NaN it is NaN
          // that were chosen.
          const Tensor chosen = plait::logical_or(plait::eq(x, spread(v.out())), plait::ne(x, x)),
                       hit = plait::_convert(chosen, x.dtype()),
                       first = plait::_convert(plait::eq(v.out(), wrapped_scalar(initial)), x.dtype()),
                       count = plait::_reduce_segments(hit, offsets, axis, "sum", 0) + first;
          v.set(0, hit * spread(v.grad() / plait::clamp_min(count, wrapped_scalar(1))));
        },
    .save = "self, offsets, result",
    .dtypes = kFloatDTypes,
    .cpu = reduce_kernel,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t)> _segment_spread{{
    .schema = "_segment_spread(Tensor self, Tensor offsets, int axis, int size) -> Tensor",
    .doc =
        R"(`size` elements along dimension `axis`, each the one of self for the segment that it is in; zero where it is in none.

>>> plait._C.ops["_segment_spread"](plait.tensor([1.0, 5.0]), plait.tensor([0, 1, 3]), 0, 3)
tensor([1., 5., 5.]))",
    .meta =
        [](const Tensor& self, const Tensor& offsets, int64_t axis, int64_t size) {
          const int64_t d = checked_axis("_segment_spread", self, offsets, axis);
          check(
              size >= 0 && self.sizes()[static_cast<int>(d)] == offsets.size(-1) - 1,
              "_segment_spread: expected an element for each of {} segments, got shape {}, and a size of at "
              "least 0, got {}",
              offsets.size(-1) - 1, self.sizes(), size);
          return resized(self, d, size);
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_reduce_segments(v.grad(), v.in(1), v.attr<int64_t>(2), "sum", 0)); },
    .save = "offsets",
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& offsets, int64_t axis,
              int64_t) { spread_kernel(out, self, offsets, axis); },
}};

}  // namespace plait::op
