// Resizing of pictures: nearest, linear and cubic interpolation, also with weights that reach as much farther
// as a picture shrinks (antialias).
//
// Every mode is a linear map along each spatial dimension, which reads some neighbouring positions of the
// input for one of the output; where these lie, with which weights, is tabulated once per dimension
// (ops/cpu/resample.h). The positions are PyTorch's: pixels are squares whose centres stand at i + 1/2 (or,
// with align_corners, points at i, of which the first and last ones meet).
#include "ops/decl/interpolate.h"
#include "ops/cpu/resample.h"
#include "ops/declare.h"
#include "ops/image_layout.h"

namespace plait::op {
namespace {

cpu::ResampleMap map_of(std::string_view name, bool align_corners, bool antialias, double d, double h,
                        double w) {
  using cpu::ResampleMode;
  const auto mode = [&] {
    if (name == "nearest") return ResampleMode::Nearest;
    if (name == "nearest-exact") return ResampleMode::NearestExact;
    if (name == "linear" || name == "bilinear" || name == "trilinear") return ResampleMode::Linear;
    if (name == "bicubic") return ResampleMode::Cubic;
    fail<ValueError>(
        "interpolate: expected mode 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' "
        "or "
        "'area', got '{}'",
        name);
  };
  check(!antialias || name == "linear" || name == "bilinear" || name == "bicubic",
        "interpolate: antialias=True goes with bilinear and bicubic, not with mode '{}'", name);
  return {mode(), align_corners, antialias, {d, h, w}};
}

void check_sizes(const char* op, const Dims& in, IntSpan size, bool antialias) {
  const auto n = static_cast<size_t>(in.size()) - 2;
  check(in.size() >= 3 && in.size() <= 5 && size.size() == n,
        "{}: expected self of shape (N, C, one to three spatial dimensions) and as many sizes, got shape {} "
        "and size {}",
        op, in, size);
  check(!antialias || n == 2, "{}: expected self of shape (N, C, H, W) with antialias=True, got {}", op, in);
  for (size_t i = 0; i < n; ++i)
    check(size[i] > 0 && in[2 + static_cast<int>(i)] > 0,
          "{}: expected spatial sizes of at least 1, got shape {} and size {}", op, in, size);
}

// A tensor like this one with other spatial sizes; channels stay innermost.
TensorSpec with_spatial(const Tensor& like, IntSpan size) {
  Dims sizes = like.sizes();
  for (size_t i = 0; i < size.size(); ++i) sizes[2 + static_cast<int>(i)] = size[i];
  return image_spec(sizes, like, like.dtype());
}

}  // namespace

Op<Tensor(const Tensor&, IntSpan, std::string_view, bool, bool, double, double, double)> _resample{{
    .schema = "_resample(Tensor self, int[] size, str mode, bool align_corners, bool antialias=False, float "
              "factor_d=0, float factor_h=0, float factor_w=0) -> Tensor",
    .doc =
        R"(self (N, C, one to three spatial dimensions) resized to spatial sizes `size`, by mode nearest, nearest-exact, linear (in each dimension) or
bicubic, the latter two with antialias, too. A factor is the scale that was asked for along depth, height or width, which need not be that of
the rounded sizes; 0: none was. Dtypes: floats, and uint8, rounded to the nearest number.

>>> plait._resample(plait.tensor([[[1.0, 2.0]]]), (4,), "linear", False)
tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]]))",
    .meta =
        [](const Tensor& self, IntSpan size, std::string_view mode, bool align_corners, bool antialias,
           double d, double h, double w) {
          check_sizes("interpolate", self.sizes(), size, antialias);
          map_of(mode, align_corners, antialias, d, h, w);
          return with_spatial(self, size);
        },
    .vjp =
        [](Vjp& v) {
          const Dims in(IntSpan(v.sizes(0)).subspan(2));
          v.set(0, plait::_resample_backward(v.grad(), in, v.attr<std::string_view>(2), v.attr<bool>(3),
                                             v.attr<bool>(4), v.attr<double>(5), v.attr<double>(6),
                                             v.attr<double>(7)));
        },
    .kind = Kind::Other,
    .dtypes = kFloatDTypes | set_of(DType::UInt8),
    .cpu = [](const Tensor& out, const Tensor& self, IntSpan, std::string_view mode, bool align_corners,
              bool antialias, double d, double h,
              double w) { cpu::resample(out, self, map_of(mode, align_corners, antialias, d, h, w), false); },
}};

Op<Tensor(const Tensor&, IntSpan, std::string_view, bool, bool, double, double, double)> _resample_backward{{
    .schema = "_resample_backward(Tensor grad, int[] input_size, str mode, bool align_corners, bool "
              "antialias=False, float factor_d=0, float factor_h=0, float factor_w=0) -> Tensor",
    .doc = "The gradient of _resample for an input of the spatial sizes input_size.",
    .meta =
        [](const Tensor& grad, IntSpan input_size, std::string_view mode, bool align_corners, bool antialias,
           double d, double h, double w) {
          check_sizes("_resample_backward", grad.sizes(), input_size, antialias);
          map_of(mode, align_corners, antialias, d, h, w);
          return with_spatial(grad, input_size);
        },
    .vjp =
        [](Vjp& v) {
          const Dims out(IntSpan(v.sizes(0)).subspan(2));
          v.set(0,
                plait::_resample(v.grad(), out, v.attr<std::string_view>(2), v.attr<bool>(3), v.attr<bool>(4),
                                 v.attr<double>(5), v.attr<double>(6), v.attr<double>(7)));
        },
    .kind = Kind::Other,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& grad, IntSpan, std::string_view mode, bool align_corners,
              bool antialias, double d, double h,
              double w) { cpu::resample(out, grad, map_of(mode, align_corners, antialias, d, h, w), true); },
}};

}  // namespace plait::op
