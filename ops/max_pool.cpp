// Max pooling, over windows of a kernel's size or such that the result has a given size.
#include "ops/decl/max_pool.h"
#include "ops/decl/index.h"
#include "ops/decl/view.h"
#include "ops/pool_common.h"

namespace plait::op {
namespace {

constexpr auto kPooledDTypes = static_cast<DTypeSet>(kIntDTypes | kFloatDTypes);

using Pair = std::tuple<Tensor, Tensor>;

std::array<TensorSpec, 2> values_and_places(const Dims& sizes, const Tensor& self) {
  return {image_spec(sizes, self, self.dtype()), image_spec(sizes, self, DType::Int64)};
}

// Of the values' gradient to self, for both kinds of windows.
void max_vjp(Vjp& v) {
  if (!v.grad(0).defined()) return;
  v.set(0, plait::_max_pool_backward(v.grad(0), v.out(1), pool::spatial(v.sizes(0)), v.attr<IntSpan>(1),
                                     v.attr<IntSpan>(2), v.attr<IntSpan>(3), v.attr<IntSpan>(4)));
}
void adaptive_max_vjp(Vjp& v) {
  if (!v.grad(0).defined()) return;
  const IntSpan none;
  v.set(0, plait::_max_pool_backward(v.grad(0), v.out(1), pool::spatial(v.sizes(0)), none, none, none, none));
}

template <int N>
Pair max_pool_nd(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride, IntSpan padding,
                 IntSpan dilation, bool ceil_mode) {
  bool added = false;
  const Tensor x = pool::batched("max_pool", N, self, added);
  auto [values, places] = plait::_max_pool(x, kernel_size, stride && !stride->empty() ? *stride : kernel_size,
                                           padding, dilation, ceil_mode);
  return {pool::unbatched(values, added), pool::unbatched(places, added)};
}
// Without the places where nothing asks for them: they are twice the values' bytes, and half of the work.
template <int N>
Tensor max_pool_values(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride,
                       IntSpan padding, IntSpan dilation, bool ceil_mode) {
  if (self.requires_grad() && grad_enabled())
    return std::get<0>(max_pool_nd<N>(self, kernel_size, stride, padding, dilation, ceil_mode));
  bool added = false;
  const Tensor x = pool::batched("max_pool", N, self, added);
  return pool::unbatched(
      plait::_max_pool_values(x, kernel_size, stride && !stride->empty() ? *stride : kernel_size, padding,
                              dilation, ceil_mode),
      added);
}
template <int N>
Pair adaptive_nd(const Tensor& self, IntSpan output_size) {
  bool added = false;
  const Tensor x = pool::batched("adaptive_max_pool", N, self, added);
  auto [values, places] = plait::_adaptive_max_pool(x, output_size);
  return {pool::unbatched(values, added), pool::unbatched(places, added)};
}

}  // namespace

Op<Pair(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool)> _max_pool{{
    .schema = "_max_pool(Tensor self, int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool "
              "ceil_mode) -> (Tensor values, Tensor indices)",
    .doc = "Maxima of the windows over (N, C, ...) and where in their plane they stand.",
    .meta =
        [](const Tensor& self, IntSpan kernel, IntSpan stride, IntSpan padding, IntSpan dilation,
           bool ceil_mode) {
          const Dims sizes =
              pool::output_sizes({"max_pool", kernel, stride, padding, dilation, ceil_mode}, self.sizes());
          return values_and_places(pool::with_spatial(self.sizes(), sizes), self);
        },
    .vjp = max_vjp,
    .save = "self.layout, indices",
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, IntSpan kernel, IntSpan stride,
           IntSpan padding, IntSpan dilation, bool ceil_mode) {
          cpu::max_pool(
              values, indices, self,
              pool::windows({"max_pool", kernel, stride, padding, dilation, ceil_mode}, self.sizes()));
        },
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool)> _max_pool_values{{
    .schema =
        "_max_pool_values(Tensor self, int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool "
        "ceil_mode) -> Tensor",
    .doc = "Maxima of the windows over (N, C, ...).",
    .meta =
        [](const Tensor& self, IntSpan kernel, IntSpan stride, IntSpan padding, IntSpan dilation,
           bool ceil_mode) {
          const Dims sizes =
              pool::output_sizes({"max_pool", kernel, stride, padding, dilation, ceil_mode}, self.sizes());
          return image_spec(pool::with_spatial(self.sizes(), sizes), self, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          const auto arg = [&](int i) { return v.attr<IntSpan>(i); };
          const Tensor places =
              std::get<1>(plait::_max_pool(v.in(0), arg(1), arg(2), arg(3), arg(4), v.attr<bool>(5)));
          v.set(0, plait::_max_pool_backward(v.grad(), places, pool::spatial(v.sizes(0)), arg(1), arg(2),
                                             arg(3), arg(4)));
        },
    .save = "self",
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan kernel, IntSpan stride, IntSpan padding,
           IntSpan dilation, bool ceil_mode) {
          cpu::max_pool(
              out, Tensor(), self,
              pool::windows({"max_pool", kernel, stride, padding, dilation, ceil_mode}, self.sizes()));
        },
}};

Op<Pair(const Tensor&, IntSpan)> _adaptive_max_pool{{
    .schema = "_adaptive_max_pool(Tensor self, int[] output_size) -> (Tensor values, Tensor indices)",
    .doc = "Maxima of (N, C, ...) over as many windows as output_size says, and where in their plane they "
           "stand.",
    .meta =
        [](const Tensor& self, IntSpan output_size) {
          return values_and_places(pool::adaptive_sizes("adaptive_max_pool", self.sizes(), output_size),
                                   self);
        },
    .vjp = adaptive_max_vjp,
    .save = "self.layout, indices",
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, IntSpan output_size) {
          if (values.numel() > 0)
            cpu::max_pool(values, indices, self, pool::adaptive_windows(self.sizes(), output_size));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, IntSpan)> _max_pool_backward{{
    .schema = "_max_pool_backward(Tensor self, Tensor indices, int[] input_size, int[] kernel_size, int[] "
              "stride, int[] padding, int[] dilation) -> Tensor",
    .doc = "Sums each element of self (N, C, ...) into its place in planes of the given size. An index lies "
           "in its window; adaptive windows have no kernel_size.",
    .meta =
        [](const Tensor& self, const Tensor& indices, IntSpan input_size, IntSpan kernel, IntSpan stride,
           IntSpan padding, IntSpan dilation) {
          check(self.dim() == static_cast<int64_t>(input_size.size()) + 2 && indices.sizes() == self.sizes(),
                "_max_pool_backward: expected self and indices of one shape, with as many spatial dimensions "
                "as input_size, got {}, {} and {}",
                self.sizes(), indices.sizes(), input_size);
          check<TypeError>(indices.dtype() == DType::Int64,
                           "_max_pool_backward: expected indices of dtype int64, got {}", indices.dtype());
          const size_t n = input_size.size();
          check((kernel.empty() && stride.empty() && padding.empty() && dilation.empty()) ||
                    (kernel.size() == n && stride.size() == n && padding.size() == n && dilation.size() == n),
                "_max_pool_backward: expected kernel_size, stride, padding and dilation with as many entries "
                "as input_size {}, or without any, got {}, {}, {} and {}",
                input_size, kernel, stride, padding, dilation);
          return image_spec(pool::with_spatial(self.sizes(), input_size), self, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          const Tensor places = v.in(1);
          const auto flat = [](const Tensor& t) {
            int64_t plane = 1;
            for (int d = 2; d < t.sizes().size(); ++d) plane *= t.sizes()[d];
            return plait::reshape(t, Dims{t.sizes()[0], t.sizes()[1], plane});
          };
          v.set(0, plait::reshape(plait::gather(flat(g), 2, flat(places)), places.sizes()));
        },
    .save = "indices",
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& indices, IntSpan, IntSpan, IntSpan,
              IntSpan, IntSpan) { cpu::max_pool_backward(out, self, indices); },
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool1d{{
    .schema = "max_pool1d(Tensor self, int[1] kernel_size, int[1]? stride=None, int[1] padding=0, int[1] "
              "dilation=1, bool ceil_mode=False) -> Tensor",
    .doc =
        R"(The maximum of each window over one spatial dimension. stride is kernel_size unless given; the padding counts as the least number there is;
ceil_mode keeps windows that hang over the end. NaN wins.

Shapes: (N, C, L) or (C, L) give spatial sizes floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. Dtypes:
integers and floats. Raises ValueError where no window fits and for padding above half the kernel.

>>> plait.max_pool1d(plait.tensor([[1., 3., 2., 0.]]), 2)
tensor([[3., 2.]]))",
    .composite = max_pool_values<1>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Pair(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool1d_with_indices{{
    .schema = "max_pool1d_with_indices(Tensor self, int[1] kernel_size, int[1]? stride=None, int[1] "
              "padding=0, int[1] dilation=1, bool ceil_mode=False) -> (Tensor values, Tensor indices)",
    .doc =
        R"(max_pool1d, and where each maximum stands: an int64 position in the flattened spatial dimensions of self.

Shapes, dtypes and errors: as max_pool1d.

>>> plait.max_pool1d_with_indices(plait.tensor([[1., 3., 2., 0.]]), 2)[1]
tensor([[1, 2]]))",
    .composite = max_pool_nd<1>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool2d{{
    .schema = "max_pool2d(Tensor self, int[2] kernel_size, int[2]? stride=None, int[2] padding=0, int[2] "
              "dilation=1, bool ceil_mode=False) -> Tensor",
    .doc =
        R"(The maximum of each window over two spatial dimensions. stride is kernel_size unless given; the padding counts as the least number there is;
ceil_mode keeps windows that hang over the end. NaN wins.

Shapes: (N, C, H, W) or (C, H, W) give spatial sizes floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. Dtypes:
integers and floats. Raises ValueError where no window fits and for padding above half the kernel.

>>> plait.max_pool2d(plait.arange(16.).reshape(1, 4, 4), 2)
tensor([[[ 5.,  7.],
         [13., 15.]]]))",
    .composite = max_pool_values<2>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Pair(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool2d_with_indices{{
    .schema = "max_pool2d_with_indices(Tensor self, int[2] kernel_size, int[2]? stride=None, int[2] "
              "padding=0, int[2] dilation=1, bool ceil_mode=False) -> (Tensor values, Tensor indices)",
    .doc =
        R"(max_pool2d, and where each maximum stands: an int64 position in the flattened spatial dimensions of self.

Shapes, dtypes and errors: as max_pool2d.

>>> plait.max_pool2d_with_indices(plait.arange(16.).reshape(1, 4, 4), 2)[1]
tensor([[[ 5,  7],
         [13, 15]]]))",
    .composite = max_pool_nd<2>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool3d{{
    .schema = "max_pool3d(Tensor self, int[3] kernel_size, int[3]? stride=None, int[3] padding=0, int[3] "
              "dilation=1, bool ceil_mode=False) -> Tensor",
    .doc =
        R"(The maximum of each window over three spatial dimensions. stride is kernel_size unless given; the padding counts as the least number there is;
ceil_mode keeps windows that hang over the end. NaN wins.

Shapes: (N, C, D, H, W) or (C, D, H, W) give spatial sizes floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. Dtypes:
integers and floats. Raises ValueError where no window fits and for padding above half the kernel.

>>> plait.max_pool3d(plait.ones(1, 4, 4, 4), 2).shape
plait.Size([1, 2, 2, 2]))",
    .composite = max_pool_values<3>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Pair(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool3d_with_indices{{
    .schema = "max_pool3d_with_indices(Tensor self, int[3] kernel_size, int[3]? stride=None, int[3] "
              "padding=0, int[3] dilation=1, bool ceil_mode=False) -> (Tensor values, Tensor indices)",
    .doc =
        R"(max_pool3d, and where each maximum stands: an int64 position in the flattened spatial dimensions of self.

Shapes, dtypes and errors: as max_pool3d.

>>> plait.max_pool3d_with_indices(plait.ones(1, 4, 4, 4), 4)[1].shape
plait.Size([1, 1, 1, 1]))",
    .composite = max_pool_nd<3>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Pair(const Tensor&, IntSpan)> adaptive_max_pool1d{{
    .schema = "adaptive_max_pool1d(Tensor self, int[1] output_size) -> (Tensor values, Tensor indices)",
    .doc =
        R"(Maxima over windows that give the wanted spatial size, and where they stand. Window o covers floor(o size / out) to
ceil((o + 1) size / out).

Shapes: (N, C, L) or (C, L). Dtypes: integers and floats. Raises ValueError for empty spatial dimensions.

>>> plait.adaptive_max_pool1d(plait.tensor([[1., 3., 2., 0.]]), 2)[0]
tensor([[3., 2.]]))",
    .composite = adaptive_nd<1>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Pair(const Tensor&, IntSpan)> adaptive_max_pool2d{{
    .schema = "adaptive_max_pool2d(Tensor self, int[2] output_size) -> (Tensor values, Tensor indices)",
    .doc =
        R"(Maxima over windows that give the wanted spatial size, and where they stand. Window o covers floor(o size / out) to
ceil((o + 1) size / out).

Shapes: (N, C, H, W) or (C, H, W). Dtypes: integers and floats. Raises ValueError for empty spatial dimensions.

>>> plait.adaptive_max_pool2d(plait.arange(16.).reshape(1, 4, 4), 2)[0]
tensor([[[ 5.,  7.],
         [13., 15.]]]))",
    .composite = adaptive_nd<2>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

Op<Pair(const Tensor&, IntSpan)> adaptive_max_pool3d{{
    .schema = "adaptive_max_pool3d(Tensor self, int[3] output_size) -> (Tensor values, Tensor indices)",
    .doc =
        R"(Maxima over windows that give the wanted spatial size, and where they stand. Window o covers floor(o size / out) to
ceil((o + 1) size / out).

Shapes: (N, C, D, H, W) or (C, D, H, W). Dtypes: integers and floats. Raises ValueError for empty spatial dimensions.

>>> plait.adaptive_max_pool3d(plait.arange(8.).reshape(1, 2, 2, 2), 1)[0]
tensor([[[[7.]]]]))",
    .composite = adaptive_nd<3>,
    .kind = Kind::Pool,
    .dtypes = kPooledDTypes,
}};

}  // namespace plait::op
