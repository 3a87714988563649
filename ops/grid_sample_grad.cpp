// The derivatives of grid sampling in ops: what is differentiated again when a program asks for second
// derivatives. Slow, since each corner is a look-up of rows, but of any order.
#include <array>
#include <vector>

#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/create_range.h"
#include "ops/decl/index.h"
#include "ops/decl/index_write.h"
#include "ops/decl/join.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/grid_sample.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::GridImage;
using cpu::GridMode;
using cpu::GridPadding;

// A pixel along one axis for each place: its number, whether it lies inside, its weight, and the derivative
// of that by the grid's coordinate. The latter two have a history.
struct Tap {
  Tensor pixel, inside, weight, slope;
};

Tensor zero_where(const Tensor& t, const Tensor& mask) {
  return plait::masked_fill(t, mask, wrapped_scalar(0.0));
}
Tensor odd(const Tensor& whole) {
  return plait::ne(plait::remainder(whole, wrapped_scalar(2.0)), wrapped_scalar(0.0));
}

// x inside the image, by the padding; `step` is multiplied by what becomes of a step of x. No history.
Tensor padded(const GridImage& image, Tensor x, int64_t size, Tensor& step) {
  const double last = static_cast<double>(size - 1), low = image.align_corners ? 0.0 : -0.5,
               span = image.align_corners ? last : static_cast<double>(size);
  if (image.padding == GridPadding::Zeros) return x;
  if (image.padding == GridPadding::Reflection) {
    const Tensor away = x - low, distance = plait::abs(away), flips = plait::floor(distance / span);
    const Tensor extra = distance - flips * span, back = odd(flips);
    const Tensor negative = plait::logical_xor(plait::lt(away, wrapped_scalar(0.0)), back);
    step = plait::where(negative, -step, step);
    x = plait::where(back, span - extra + low, extra + low);
  }
  const Tensor within =
      plait::logical_and(plait::gt(x, wrapped_scalar(0.0)), plait::lt(x, wrapped_scalar(last)));
  step = plait::where(within, step, plait::zeros_like(step));
  return plait::clamp(zero_where(x, plait::isnan(x)), Scalar(0.0), Scalar(last));
}

Tap tap(const Tensor& pixel, int64_t size, const Tensor& weight, const Tensor& slope) {
  const Tensor inside = plait::logical_and(plait::ge(pixel, wrapped_scalar(0.0)),
                                           plait::le(pixel, wrapped_scalar(static_cast<double>(size - 1))));
  const Tensor outside = plait::logical_not(inside);
  return {plait::_convert(zero_where(pixel, outside), DType::Int64), inside, zero_where(weight, outside),
          zero_where(slope, outside)};
}

// The pixels about `coordinate`, which has a history.
std::vector<Tap> taps_along(const GridImage& image, const Tensor& coordinate, int64_t size) {
  const double span = static_cast<double>(image.align_corners ? size - 1 : size);
  const Tensor plain = plait::detach(coordinate);
  Tensor x = ((plain + 1.0) * span - (image.align_corners ? 0.0 : 1.0)) / 2.0;
  Tensor step = plait::ones_like(plain) * (span / 2);
  if (image.mode != GridMode::Cubic) x = padded(image, x, size, step);
  if (image.mode == GridMode::Nearest)
    return {tap(plait::round(x), size, plait::ones_like(x), plait::zeros_like(x))};
  // A function of the coordinate again; what is not finite has no pixels near, and no derivative.
  const Tensor change = zero_where(coordinate - plain, plait::logical_not(plait::isfinite(plain)));
  const Tensor whole = plait::floor(x), far = x - whole + change * step;
  if (image.mode == GridMode::Linear)
    return {tap(whole, size, 1.0 - far, -step), tap(whole + 1.0, size, far, step)};
  // Keys' weights, as the kernels have them.
  const double a = -0.75;
  const auto near = [&](const Tensor& d) { return ((a + 2) * d - (a + 3)) * d * d + 1.0; };
  const auto beyond = [&](const Tensor& d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  const auto near_slope = [&](const Tensor& d) { return (3 * (a + 2) * d - 2 * (a + 3)) * d * step; };
  const auto beyond_slope = [&](const Tensor& d) { return ((3 * a * d - 10 * a) * d + 8 * a) * step; };
  const auto pixel = [&](double by) {
    Tensor unused = step;
    return padded(image, whole + by, size, unused);
  };
  return {tap(pixel(-1), size, beyond(far + 1.0), beyond_slope(far + 1.0)),
          tap(pixel(0), size, near(far), near_slope(far)),
          tap(pixel(1), size, near(1.0 - far), -near_slope(1.0 - far)),
          tap(pixel(2), size, beyond(2.0 - far), -beyond_slope(2.0 - far))};
}

// (N, C, ...) as rows (N * ..., C).
Tensor as_rows(const Tensor& t) {
  return plait::reshape(plait::movedim(t, Dims{1}, Dims{-1}), Dims{t.numel() / t.sizes()[1], t.sizes()[1]});
}

}  // namespace

void grid_sample_vjp_in_ops(Vjp& v) {
  const DType dtype = v.dtype(0) == DType::Float64 ? DType::Float64 : DType::Float32;
  const auto computed = [&](const Tensor& t) { return t.dtype() == dtype ? t : plait::_convert(t, dtype); };
  const Tensor input = computed(v.in(0)), grid = computed(v.in(1)), grad = computed(v.grad());
  if (grad.numel() == 0) {
    if (v.needs(0)) v.set(0, plait::zeros_like(input));
    if (v.needs(1)) v.set(1, plait::zeros_like(grid));
    return;
  }
  const GridImage image =
      grid_image(input.sizes(), grid.sizes(), v.attr<int64_t>(2), v.attr<int64_t>(3), v.attr<bool>(4));
  const int64_t batch = input.sizes()[0], channels = image.channels;
  const Tensor places = plait::reshape(grid, Dims{batch, image.places, image.rank});
  std::array<std::vector<Tap>, 3> axes;  // x, y and z; the last one of a single tap in two dimensions
  for (int axis = 0; axis < image.rank; ++axis)
    axes[axis] = taps_along(image, plait::select(places, 2, axis), image.sizes[axis]);

  const Tensor rows = as_rows(input), g = as_rows(grad);
  const Tensor first =
      plait::reshape(plait::arange(Scalar(batch), DType::Int64, input.device()), Dims{batch, 1});
  Tensor dinput = plait::zeros_like(rows);
  std::array<Tensor, 3> dgrid;
  const size_t taps = axes[0].size(), corners = image.rank == 3 ? taps * taps * taps : taps * taps;
  for (size_t corner = 0; corner < corners; ++corner) {
    const size_t which[3] = {corner % taps, corner / taps % taps, corner / taps / taps};
    Tensor row = first, inside;
    for (int axis = image.rank - 1; axis >= 0; --axis) {
      const Tap& t = axes[axis][which[axis]];
      row = row * image.sizes[axis] + t.pixel;
      inside = inside.defined() ? plait::logical_and(inside, t.inside) : t.inside;
    }
    row = plait::reshape(row, Dims{batch * image.places});
    const Tensor outside = plait::logical_not(inside);
    // The product of the axes' weights, of one of them its slope: a column.
    const auto factor = [&](int sloped) {
      Tensor product;
      for (int axis = 0; axis < image.rank; ++axis) {
        const Tap& t = axes[axis][which[axis]];
        const Tensor& part = axis == sloped ? t.slope : t.weight;
        product = product.defined() ? product * part : part;
      }
      return plait::reshape(zero_where(product, outside), Dims{batch * image.places, 1});
    };
    if (v.needs(0)) dinput = plait::index_add(dinput, 0, row, g * factor(-1));
    if (!v.needs(1)) continue;
    // What is outside counts as nothing at all: 0 times an infinite pixel would be NaN.
    const Tensor values =
        zero_where(plait::index_select(rows, 0, row), plait::reshape(outside, Dims{batch * image.places, 1}));
    for (int axis = 0; axis < image.rank; ++axis) {
      const Tensor part = plait::sum(g * values * factor(axis), IntSpan(Dims{1}));
      dgrid[axis] = dgrid[axis].defined() ? dgrid[axis] + part : part;
    }
  }
  if (v.needs(0)) {
    Dims sizes{batch};
    for (int d = 2; d < input.dim(); ++d) sizes.push_back(input.sizes()[d]);
    sizes.push_back(channels);
    v.set(0, plait::movedim(plait::reshape(dinput, sizes), Dims{-1}, Dims{1}));
  }
  if (v.needs(1)) {
    const std::vector<Tensor> parts(dgrid.begin(), dgrid.begin() + image.rank);
    v.set(1, plait::reshape(plait::stack(parts, 1), grid.sizes()));
  }
}

}  // namespace plait::op
