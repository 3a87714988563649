// Average pooling, over windows of a kernel's size or such that the result has a given size. Each op and its
// backward are linear, and transposes of each other.
#include "ops/decl/avg_pool.h"
#include "ops/pool_common.h"

namespace plait::op {
namespace {

// Of integers, as in PyTorch, int64 alone: sums of the others would soon be more than they hold.
constexpr auto kAveragedDTypes = static_cast<DTypeSet>(kFloatDTypes | set_of(DType::Int64));
constexpr int64_t kOnes[3] = {1, 1, 1};

pool::Args args_of(IntSpan kernel, IntSpan stride, IntSpan padding, bool ceil_mode) {
  return {"avg_pool", kernel, stride, padding, IntSpan(kOnes, std::min<size_t>(3, kernel.size())), ceil_mode};
}
void check_divisor(std::optional<int64_t> divisor) {
  check(
      !divisor || *divisor != 0,
      "avg_pool: expected divisor_override other than 0, got {}; leave it out to divide by the window's size",
      *divisor);
}

template <int N>
Tensor avg_pool_nd(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride, IntSpan padding,
                   bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) {
  bool added = false;
  const Tensor x = pool::batched("avg_pool", N, self, added);
  return pool::unbatched(plait::_avg_pool(x, kernel_size, stride && !stride->empty() ? *stride : kernel_size,
                                          padding, ceil_mode, count_include_pad, divisor_override),
                         added);
}
template <int N>
Tensor adaptive_nd(const Tensor& self, IntSpan output_size) {
  bool added = false;
  const Tensor x = pool::batched("adaptive_avg_pool", N, self, added);
  return pool::unbatched(plait::_adaptive_avg_pool(x, output_size), added);
}

}  // namespace

Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, bool, bool, std::optional<int64_t>)> _avg_pool{{
    .schema = "_avg_pool(Tensor self, int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool "
              "count_include_pad, int? divisor_override) "
              "-> Tensor",
    .doc = "Means of the windows over (N, C, ...).",
    .meta =
        [](const Tensor& self, IntSpan kernel, IntSpan stride, IntSpan padding, bool ceil_mode, bool,
           std::optional<int64_t> divisor) {
          check_divisor(divisor);
          const Dims sizes = pool::output_sizes(args_of(kernel, stride, padding, ceil_mode), self.sizes());
          return image_spec(pool::with_spatial(self.sizes(), sizes), self, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_avg_pool_backward(v.grad(), pool::spatial(v.sizes(0)), v.attr<IntSpan>(1),
                                             v.attr<IntSpan>(2), v.attr<IntSpan>(3), v.attr<bool>(4),
                                             v.attr<bool>(5), v.attr<std::optional<int64_t>>(6)));
        },
    .save = "self.layout",
    .kind = Kind::Pool,
    .dtypes = kAveragedDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan kernel, IntSpan stride, IntSpan padding,
           bool ceil_mode, bool count_pad, std::optional<int64_t> divisor) {
          cpu::avg_pool(out, self,
                        pool::windows(args_of(kernel, stride, padding, ceil_mode), self.sizes(), count_pad,
                                      divisor.value_or(0)));
        },
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool, bool, std::optional<int64_t>)>
    _avg_pool_backward{{
        .schema = "_avg_pool_backward(Tensor self, int[] input_size, int[] kernel_size, int[] stride, int[] "
                  "padding, bool ceil_mode, bool "
                  "count_include_pad, int? divisor_override) -> Tensor",
        .doc = "The gradient of _avg_pool with respect to its argument, whose spatial sizes are given; self "
               "is that of the result.",
        .meta =
            [](const Tensor& self, IntSpan input_size, IntSpan kernel, IntSpan stride, IntSpan padding,
               bool ceil_mode, bool, std::optional<int64_t> divisor) {
              check_divisor(divisor);
              check(self.dim() == static_cast<int64_t>(input_size.size()) + 2,
                    "_avg_pool_backward: expected self with {} dimensions, got shape {}",
                    input_size.size() + 2, self.sizes());
              const Dims sizes = pool::with_spatial(self.sizes(), input_size);
              const Dims out = pool::output_sizes(args_of(kernel, stride, padding, ceil_mode), sizes);
              check(out == pool::spatial(self.sizes()),
                    "_avg_pool_backward: expected self with spatial size {}, got shape {}", out,
                    self.sizes());
              return image_spec(sizes, self, self.dtype());
            },
        .vjp =
            [](Vjp& v) {
              v.set(0, plait::_avg_pool(v.grad(), v.attr<IntSpan>(2), v.attr<IntSpan>(3), v.attr<IntSpan>(4),
                                        v.attr<bool>(5), v.attr<bool>(6), v.attr<std::optional<int64_t>>(7)));
            },
        .kind = Kind::Pool,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& out, const Tensor& self, IntSpan, IntSpan kernel, IntSpan stride,
               IntSpan padding, bool ceil_mode, bool count_pad, std::optional<int64_t> divisor) {
              cpu::avg_pool_backward(out, self,
                                     pool::windows(args_of(kernel, stride, padding, ceil_mode), out.sizes(),
                                                   count_pad, divisor.value_or(0)));
            },
    }};

Op<Tensor(const Tensor&, IntSpan)> _adaptive_avg_pool{{
    .schema = "_adaptive_avg_pool(Tensor self, int[] output_size) -> Tensor",
    .doc = "Means of (N, C, ...) over as many windows as output_size says.",
    .meta =
        [](const Tensor& self, IntSpan output_size) {
          return image_spec(pool::adaptive_sizes("adaptive_avg_pool", self.sizes(), output_size), self,
                            self.dtype());
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_adaptive_avg_pool_backward(v.grad(), pool::spatial(v.sizes(0)))); },
    .save = "self.layout",
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan output_size) {
          if (out.numel() > 0) cpu::avg_pool(out, self, pool::adaptive_windows(self.sizes(), output_size));
        },
}};

Op<Tensor(const Tensor&, IntSpan)> _adaptive_avg_pool_backward{{
    .schema = "_adaptive_avg_pool_backward(Tensor self, int[] input_size) -> Tensor",
    .doc = "The gradient of _adaptive_avg_pool with respect to its argument, whose spatial sizes are given; "
           "self is that of the result.",
    .meta =
        [](const Tensor& self, IntSpan input_size) {
          check(self.dim() == static_cast<int64_t>(input_size.size()) + 2,
                "_adaptive_avg_pool_backward: expected self with {} dimensions, got shape {}",
                input_size.size() + 2, self.sizes());
          const Dims sizes = pool::with_spatial(self.sizes(), input_size);
          pool::adaptive_sizes("_adaptive_avg_pool_backward", sizes, pool::spatial(self.sizes()));
          return image_spec(sizes, self, self.dtype());
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_adaptive_avg_pool(v.grad(), pool::spatial(v.sizes(0)))); },
    .save = "self.layout",
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan) {
          cpu::avg_pool_backward(out, self, pool::adaptive_windows(out.sizes(), pool::spatial(self.sizes())));
        },
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool)> avg_pool1d{{
    .schema = "avg_pool1d(Tensor self, int[1] kernel_size, int[1]? stride=None, int[1] padding=0, bool "
              "ceil_mode=False, bool count_include_pad=True) -> Tensor",
    .doc =
        R"(The mean of each window over one spatial dimension. stride is kernel_size unless given; count_include_pad says whether the zeros of
the padding count; ceil_mode keeps windows that hang over the end.

Shapes: (N, C, L) or (C, L) give spatial sizes floor((size + 2 padding - kernel) / stride) + 1. Dtypes: floats, and int64, whose means are
cut towards zero. Raises
ValueError where no window fits and for padding above half the kernel.

>>> plait.avg_pool1d(plait.tensor([[1., 3., 2., 0.]]), 2)
tensor([[2., 1.]]))",
    .composite =
        [](const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride, IntSpan padding,
           bool ceil_mode, bool count_include_pad) {
          return avg_pool_nd<1>(self, kernel_size, stride, padding, ceil_mode, count_include_pad,
                                std::nullopt);
        },
    .kind = Kind::Pool,
    .dtypes = kAveragedDTypes,
}};

Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool1d{{
    .schema = "adaptive_avg_pool1d(Tensor self, int[1] output_size) -> Tensor",
    .doc =
        R"(Means over windows that give the wanted spatial size. Window o covers floor(o size / out) to ceil((o + 1) size / out).

Shapes: (N, C, L) or (C, L). Dtypes: floats. Raises ValueError for empty spatial dimensions.

>>> plait.adaptive_avg_pool1d(plait.tensor([[1., 3., 2., 0.]]), 2)
tensor([[2., 1.]]))",
    .composite = adaptive_nd<1>,
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool, std::optional<int64_t>)>
    avg_pool2d{{
        .schema = "avg_pool2d(Tensor self, int[2] kernel_size, int[2]? stride=None, int[2] padding=0, bool "
                  "ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
        .doc =
            R"(The mean of each window over two spatial dimensions. stride is kernel_size unless given; count_include_pad says whether the zeros of
the padding count; ceil_mode keeps windows that hang over the end. divisor_override replaces the divisor.

Shapes: (N, C, H, W) or (C, H, W) give spatial sizes floor((size + 2 padding - kernel) / stride) + 1. Dtypes: floats, and int64, whose means are
cut towards zero. Raises
ValueError where no window fits and for padding above half the kernel.

>>> plait.avg_pool2d(plait.ones(1, 2, 2), 2)
tensor([[[1.]]]))",
        .composite = avg_pool_nd<2>,
        .kind = Kind::Pool,
        .dtypes = kAveragedDTypes,
    }};

Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool2d{{
    .schema = "adaptive_avg_pool2d(Tensor self, int[2] output_size) -> Tensor",
    .doc =
        R"(Means over windows that give the wanted spatial size. Window o covers floor(o size / out) to ceil((o + 1) size / out).

Shapes: (N, C, H, W) or (C, H, W). Dtypes: floats. Raises ValueError for empty spatial dimensions.

>>> plait.adaptive_avg_pool2d(plait.ones(1, 5, 5), 1)
tensor([[[1.]]]))",
    .composite = adaptive_nd<2>,
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool, std::optional<int64_t>)>
    avg_pool3d{{
        .schema = "avg_pool3d(Tensor self, int[3] kernel_size, int[3]? stride=None, int[3] padding=0, bool "
                  "ceil_mode=False, bool count_include_pad=True, int? divisor_override=None) -> Tensor",
        .doc =
            R"(The mean of each window over three spatial dimensions. stride is kernel_size unless given; count_include_pad says whether the zeros of
the padding count; ceil_mode keeps windows that hang over the end. divisor_override replaces the divisor.

Shapes: (N, C, D, H, W) or (C, D, H, W) give spatial sizes floor((size + 2 padding - kernel) / stride) + 1. Dtypes: floats, and int64, whose means are
cut towards zero. Raises
ValueError where no window fits and for padding above half the kernel.

>>> plait.avg_pool3d(plait.ones(1, 4, 4, 4), 2).shape
plait.Size([1, 2, 2, 2]))",
        .composite = avg_pool_nd<3>,
        .kind = Kind::Pool,
        .dtypes = kAveragedDTypes,
    }};

Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool3d{{
    .schema = "adaptive_avg_pool3d(Tensor self, int[3] output_size) -> Tensor",
    .doc =
        R"(Means over windows that give the wanted spatial size. Window o covers floor(o size / out) to ceil((o + 1) size / out).

Shapes: (N, C, D, H, W) or (C, D, H, W). Dtypes: floats. Raises ValueError for empty spatial dimensions.

>>> plait.adaptive_avg_pool3d(plait.ones(1, 4, 4, 4), 2).shape
plait.Size([1, 2, 2, 2]))",
    .composite = adaptive_nd<3>,
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
}};

}  // namespace plait::op
