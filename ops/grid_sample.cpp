// Sampling images at places that a grid names.
#include "ops/grid_sample.h"

#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/channel_layout.h"
#include "ops/cpu/workspace.h"
#include "ops/decl/copy.h"
#include "ops/decl/grid_sample.h"
#include "ops/declare.h"
#include "ops/image_layout.h"

namespace plait::op {

using cpu::ChannelLayout;
using cpu::GridImage;
using cpu::GridSampleKernels;

namespace {

constexpr int64_t kGrainValues = 8192;  // sums of corners that are worth a fork
constexpr int64_t kBlock = 256;         // places or pixels that a thread takes at least

void check_arguments(const char* op, const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding) {
  const int64_t rank = input.dim() - 2;
  check(
      (rank == 2 || rank == 3) && grid.dim() == input.dim() && grid.sizes().back() == rank,
      "{}: expected input (N, C, H, W) with grid (N, H, W, 2), or input (N, C, D, H, W) with grid (N, D, H, "
      "W, 3), got {} and {}",
      op, input.sizes(), grid.sizes());
  check(mode >= 0 && mode <= 2,
        "{}: expected interpolation_mode 0 (bilinear), 1 (nearest) or 2 (bicubic), got {}", op, mode);
  check(padding >= 0 && padding <= 2,
        "{}: expected padding_mode 0 (zeros), 1 (border) or 2 (reflection), got {}", op, padding);
  check(mode != 2 || rank == 2, "{}: mode 'bicubic' takes input (N, C, H, W), got {}; use 'bilinear'", op,
        input.sizes());
  check(grid.sizes()[0] == input.sizes()[0], "{}: expected one batch size, got input {}, grid {}", op,
        input.sizes(), grid.sizes());
  check<TypeError>(grid.dtype() == input.dtype(), "{}: expected one dtype, got input {} and grid {}", op,
                   input.dtype(), grid.dtype());
  for (int d = 2; d < input.dim(); ++d)
    check(input.sizes()[d] > 0 && input.sizes()[d] < (int64_t{1} << 31),
          "{}: expected a non-empty image of less than 2^31 pixels a side, got input {}", op, input.sizes());
}

DType compute_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }
// How the input is read, where it need not be copied.
ChannelLayout layout_of(const Tensor& t) {
  return !t.is_contiguous() && cpu::channels_innermost(t) ? ChannelLayout::Rows : ChannelLayout::Planes;
}
Dims result_sizes(const Dims& input, const Dims& grid) {
  Dims sizes{input[0], input[1]};
  for (int d = 1; d < grid.size() - 1; ++d) sizes.push_back(grid[d]);
  return sizes;
}

// What the kernels take.
GridImage checked_image(const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding,
                        bool align_corners) {
  const GridImage image = grid_image(input.sizes(), grid.sizes(), mode, padding, align_corners);
  check<NotImplementedError>(
      image.pixels() < int64_t{1} << 31,
      "grid_sampler: expected images of less than 2^31 pixels on the CPU, got input {}; "
      "use CUDA, or a part of the image",
      input.sizes());
  return image;
}

template <class F>
void with_kernels(DType compute, const F& f) {
  if (compute == DType::Float64)
    f(cpu::grid_sample_table().f64);
  else
    f(cpu::grid_sample_table().f32);
}

// Is a copy of the image in rows, which vectors of channels are read from, worth its time?
template <class T>
bool pays_as_rows(const GridImage& image) {
  return image.channels >= (sizeof(T) == 4 ? 3 : 2) && 4 * image.places >= image.pixels();
}
template <class T>
int64_t row_pitch(const GridImage& image) {
  constexpr int64_t kVector = 16 / sizeof(T);
  return (image.channels + kVector - 1) / kVector * kVector;
}

// Calls f(image's number): in parallel where there are enough images, else one after another, so that f is
// parallel within.
template <class F>
void over_images(int64_t batch, int64_t values, const F& f) {
  const int64_t grain = batch >= num_threads() ? std::max<int64_t>(1, kGrainValues / values) : batch;
  parallel_for(0, batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) f(n);
  });
}
// Calls f(begin, end) for parts of `count`, of whole blocks, at `cost` values each.
template <class F>
void over_parts(int64_t count, int64_t block, int64_t cost, const F& f) {
  const int64_t blocks = (count + block - 1) / block;
  parallel_for(0, blocks, std::max<int64_t>(1, kGrainValues / (block * cost)),
               [&](int64_t begin, int64_t end) { f(begin * block, std::min(end * block, count)); });
}

// Planes, or rows without gaps, as rows whose pitch is filled up with zeros; and rows as planes.
template <class T>
void to_rows(const GridSampleKernels<T>& k, const GridImage& image, const T* x, ChannelLayout layout, T* rows,
             int64_t pitch) {
  over_parts(image.pixels(), kBlock, image.channels, [&](int64_t begin, int64_t end) {
    if (layout == ChannelLayout::Planes)
      return k.to_rows(image, x + begin, end - begin, rows + begin * pitch, pitch);
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(x + i * image.channels, image.channels, rows + i * pitch);
      std::fill(rows + i * pitch + image.channels, rows + (i + 1) * pitch, T(0));
    }
  });
}
template <class T>
void to_planes(const GridSampleKernels<T>& k, const GridImage& image, const T* rows, int64_t pitch,
               T* planes) {
  over_parts(image.pixels(), kBlock, image.channels, [&](int64_t begin, int64_t end) {
    k.to_planes(image, rows + begin * pitch, pitch, end - begin, planes + begin);
  });
}

// Calls as_rows(rows, pitch) or as_planes() for an image that is read.
template <class T, class R, class P>
void with_layout(const GridSampleKernels<T>& k, const GridImage& image, const T* x, ChannelLayout layout,
                 const R& as_rows, const P& as_planes) {
  const int64_t pitch = row_pitch<T>(image);
  if (layout == ChannelLayout::Rows && (pitch == image.channels || !pays_as_rows<T>(image)))
    return as_rows(x, image.channels);
  if (!pays_as_rows<T>(image)) return as_planes();
  const cpu::Workspace memory(image.pixels() * pitch * static_cast<int64_t>(sizeof(T)));
  T* copy = static_cast<T*>(memory.data());
  to_rows(k, image, x, layout, copy, pitch);
  as_rows(copy, pitch);
}

template <class T>
void sample(const GridSampleKernels<T>& k, const GridImage& image, int64_t batch, const T* x,
            ChannelLayout layout, const T* grid, T* y) {
  over_images(batch, image.channels * image.places, [&](int64_t n) {
    const T* from = x + n * image.channels * image.pixels();
    const T* at = grid + n * image.places * image.rank;
    T* to = y + n * image.channels * image.places;
    with_layout(
        k, image, from, layout,
        [&](const T* rows, int64_t pitch) {
          over_parts(image.places, kBlock, image.channels,
                     [&](int64_t begin, int64_t end) { k.rows(image, rows, pitch, at, begin, end, to); });
        },
        [&] {
          over_parts(image.places, kBlock, image.channels,
                     [&](int64_t begin, int64_t end) { k.planes(image, from, at, begin, end, to); });
        });
  });
}

// Threads share the channels, and each takes all places: sums are in the order of these.
template <class T>
void input_gradient(const GridSampleKernels<T>& k, const GridImage& image, int64_t batch, const T* dy,
                    const T* grid, T* dx, ChannelLayout layout) {
  over_images(batch, image.channels * image.places, [&](int64_t n) {
    const T* g = dy + n * image.channels * image.places;
    const T* at = grid + n * image.places * image.rank;
    T* to = dx + n * image.channels * image.pixels();
    const auto add_rows = [&](T* rows, int64_t pitch) {
      over_parts(image.pixels(), kBlock, image.channels, [&](int64_t begin, int64_t end) {
        std::fill(rows + begin * pitch, rows + end * pitch, T(0));
      });
      over_parts(image.channels, 16, image.places,
                 [&](int64_t begin, int64_t end) { k.input_rows(image, g, at, begin, end, rows, pitch); });
    };
    if (layout == ChannelLayout::Rows) return add_rows(to, image.channels);
    if (!pays_as_rows<T>(image)) {
      over_parts(image.channels, 1, image.places, [&](int64_t begin, int64_t end) {
        std::fill(to + begin * image.pixels(), to + end * image.pixels(), T(0));
        k.input_planes(image, g, at, begin, end, to);
      });
      return;
    }
    const int64_t pitch = row_pitch<T>(image);
    const cpu::Workspace memory(image.pixels() * pitch * static_cast<int64_t>(sizeof(T)));
    T* rows = static_cast<T*>(memory.data());
    add_rows(rows, pitch);
    to_planes(k, image, rows, pitch, to);
  });
}

template <class T>
void grid_gradient(const GridSampleKernels<T>& k, const GridImage& image, int64_t batch, const T* dy,
                   const T* x, ChannelLayout layout, const T* grid, T* dgrid) {
  over_images(batch, image.channels * image.places, [&](int64_t n) {
    const T* g = dy + n * image.channels * image.places;
    const T* from = x + n * image.channels * image.pixels();
    const T* at = grid + n * image.places * image.rank;
    T* to = dgrid + n * image.places * image.rank;
    with_layout(
        k, image, from, layout,
        [&](const T* rows, int64_t pitch) {
          over_parts(image.places, kBlock, image.channels, [&](int64_t begin, int64_t end) {
            k.grid_rows(image, g, rows, pitch, at, begin, end, to);
          });
        },
        [&] {
          over_parts(image.places, kBlock, image.channels,
                     [&](int64_t begin, int64_t end) { k.grid_planes(image, g, from, at, begin, end, to); });
        });
  });
}

}  // namespace

GridImage grid_image(const Dims& input, const Dims& grid, int64_t mode, int64_t padding, bool align_corners) {
  GridImage image{};
  image.mode = static_cast<cpu::GridMode>(mode);
  image.padding = static_cast<cpu::GridPadding>(padding);
  image.align_corners = align_corners;
  image.rank = input.size() - 2;
  for (int i = 0; i < image.rank; ++i) image.sizes[i] = input[input.size() - 1 - i];
  image.channels = input[1];
  image.places = 1;
  for (int d = 1; d < grid.size() - 1; ++d) image.places *= grid[d];
  return image;
}

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> grid_sampler{{
    .schema = "grid_sampler(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool "
              "align_corners) -> Tensor",
    .doc =
        R"(Values of the input at the places of the grid: what nn.functional.grid_sample calls, with numbers in place of names.
interpolation_mode: 0 bilinear, 1 nearest, 2 bicubic; padding_mode: 0 zeros, 1 border, 2 reflection.

Shapes: (N, C, H, W) and (N, H_out, W_out, 2) -> (N, C, H_out, W_out), or (N, C, D, H, W) and (N, D_out, H_out, W_out, 3) ->
(N, C, D_out, H_out, W_out). Dtypes: floats; the 16-bit ones are computed with in float32. Raises ValueError for shapes that do not go
together and for empty images. A NaN in the grid lies outside; with border or reflection, at the first pixel.

>>> plait.grid_sampler(plait.arange(4.0).reshape(1, 1, 2, 2), plait.zeros(1, 1, 1, 2), 0, 0, False)
tensor([[[[1.5000]]]]))",
    .meta =
        [](const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding, bool) {
          check_arguments("grid_sampler", input, grid, mode, padding);
          return TensorSpec(result_sizes(input.sizes(), grid.sizes()), input.dtype(), input.device());
        },
    .vjp =
        [](Vjp& v) {
          if (grad_enabled()) return grid_sample_vjp_in_ops(v);
          const auto [dx, dgrid] =
              plait::_grid_sampler_backward(v.grad(), v.in(0), v.in(1), v.attr<int64_t>(2),
                                            v.attr<int64_t>(3), v.attr<bool>(4), v.needs(0), v.needs(1));
          if (v.needs(0)) v.set(0, dx);
          if (v.needs(1)) v.set(1, dgrid);
        },
    .save = "input, grid",
    .kind = Kind::Other,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding,
           bool align_corners) {
          if (out.numel() == 0) return;
          const DType compute = compute_dtype(out.dtype());
          const ChannelLayout layout = layout_of(input);
          const Tensor x = cpu::in_layout(input, layout, compute),
                       g = cpu::in_layout(grid, ChannelLayout::Planes, compute),
                       y = cpu::target_in(out, ChannelLayout::Planes, compute);
          const GridImage image = checked_image(input, grid, mode, padding, align_corners);
          with_kernels(compute, [&]<class T>(const GridSampleKernels<T>& k) {
            sample(k, image, input.sizes()[0], x.data<T>(), layout, g.data<T>(), y.data<T>());
          });
          if (!y.same(out)) cpu::copy(out, y);
        },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t, bool, bool,
                              bool)>
    _grid_sampler_backward{{
        .schema = "_grid_sampler_backward(Tensor grad, Tensor input, Tensor grid, int interpolation_mode, "
                  "int padding_mode, bool align_corners, bool need_input, bool need_grid) -> (Tensor input, "
                  "Tensor grid)",
        .doc = "The gradients of grid_sampler; those not needed are empty.",
        .meta =
            [](const Tensor& grad, const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding,
               bool, bool need_input, bool need_grid) {
              const char* op = "_grid_sampler_backward";
              check_arguments(op, input, grid, mode, padding);
              const Dims sizes = result_sizes(input.sizes(), grid.sizes());
              check(grad.sizes() == sizes && grad.dtype() == input.dtype(),
                    "{}: expected grad of shape {} and dtype {}, got {} and {}", op, sizes, input.dtype(),
                    grad.sizes(), grad.dtype());
              const TensorSpec none(Dims{0}, input.dtype(), input.device());
              return std::array<TensorSpec, 2>{
                  need_input ? image_spec(input.sizes(), input, input.dtype()) : none,
                  need_grid ? TensorSpec(grid.sizes(), grid.dtype(), grid.device()) : none};
            },
        .kind = Kind::Other,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dgrid, const Tensor& grad, const Tensor& input,
               const Tensor& grid, int64_t mode, int64_t padding, bool align_corners, bool need_input,
               bool need_grid) {
              if (grad.numel() == 0) {
                plait::zero_(dx);
                plait::zero_(dgrid);
                return;
              }
              const DType compute = compute_dtype(grad.dtype());
              const ChannelLayout layout = layout_of(input);
              const Tensor dy = cpu::in_layout(grad, ChannelLayout::Planes, compute),
                           g = cpu::in_layout(grid, ChannelLayout::Planes, compute);
              const GridImage image = checked_image(input, grid, mode, padding, align_corners);
              const int64_t batch = input.sizes()[0];
              with_kernels(compute, [&]<class T>(const GridSampleKernels<T>& k) {
                if (need_input) {
                  const ChannelLayout to = layout_of(dx);
                  const Tensor target = cpu::target_in(dx, to, compute);
                  input_gradient(k, image, batch, dy.data<T>(), g.data<T>(), target.data<T>(), to);
                  if (!target.same(dx)) cpu::copy(dx, target);
                }
                if (need_grid) {
                  const Tensor x = cpu::in_layout(input, layout, compute),
                               target = cpu::target_in(dgrid, ChannelLayout::Planes, compute);
                  grid_gradient(k, image, batch, dy.data<T>(), x.data<T>(), layout, g.data<T>(),
                                target.data<T>());
                  if (!target.same(dgrid)) cpu::copy(dgrid, target);
                }
              });
            },
    }};

namespace {

template <int Rank>
Tensor sampler_of_rank(const Tensor& input, const Tensor& grid, int64_t mode, int64_t padding,
                       bool align_corners) {
  check(input.dim() == Rank + 2, "grid_sampler_{}d: expected input with {} dimensions, got shape {}", Rank,
        Rank + 2, input.sizes());
  return plait::grid_sampler(input, grid, mode, padding, align_corners);
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> grid_sampler_2d{{
    .schema = "grid_sampler_2d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool "
              "align_corners) -> Tensor",
    .doc = R"(grid_sampler of images (N, C, H, W), with the same arguments.

>>> plait.grid_sampler_2d(plait.ones(1, 1, 2, 2), plait.zeros(1, 1, 1, 2), 0, 0, False)
tensor([[[[1.]]]]))",
    .composite = sampler_of_rank<2>,
    .kind = Kind::Other,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> grid_sampler_3d{{
    .schema = "grid_sampler_3d(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool "
              "align_corners) -> Tensor",
    .doc = R"(grid_sampler of volumes (N, C, D, H, W), with the same arguments.

>>> plait.grid_sampler_3d(plait.ones(1, 1, 2, 2, 2), plait.zeros(1, 1, 1, 1, 3), 0, 0, False)
tensor([[[[[1.]]]]]))",
    .composite = sampler_of_rank<3>,
    .kind = Kind::Other,
}};

}  // namespace plait::op
