// pad: more (or fewer) elements at the edges, by value or by what stands there.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "ops/cpu/element.h"
#include "ops/decl/copy.h"
#include "ops/decl/index.h"
#include "ops/decl/pad.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/image_layout.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

struct Padding {
  Dims before, after;  // per dimension of the tensor
};

Padding padding_of(IntSpan pad, const Dims& sizes) {
  check(pad.size() % 2 == 0,
        "pad: expected an even number of widths (before and after, from the last dimension on), got {}", pad);
  const int n = sizes.size(), padded = static_cast<int>(pad.size()) / 2;
  check(padded <= n, "pad: widths for {} dimensions were given for a tensor of shape {}", padded, sizes);
  Padding p{Dims(n, 0), Dims(n, 0)};
  for (int i = 0; i < padded; ++i) {
    p.before[n - 1 - i] = pad[2 * i];
    p.after[n - 1 - i] = pad[2 * i + 1];
  }
  return p;
}

Dims padded_sizes(const Padding& p, const Dims& sizes, IntSpan pad) {
  Dims out(sizes);
  for (int d = 0; d < out.size(); ++d) {
    int64_t kept = sizes[d];  // what negative widths leave
    const bool overflow = __builtin_add_overflow(out[d], p.before[d], &out[d]) ||
                          __builtin_add_overflow(out[d], p.after[d], &out[d]) ||
                          __builtin_add_overflow(kept, std::min<int64_t>(p.before[d], 0), &kept) ||
                          __builtin_add_overflow(kept, std::min<int64_t>(p.after[d], 0), &kept);
    check(!overflow && kept >= 0, "pad: widths {} take more from dimension {} than its size {}", pad, d,
          sizes[d]);
  }
  checked_numel(out, "pad");
  return out;
}

// Short rows: value everywhere, then self where it belongs, each by loops that take many rows at once.
void fill_and_copy(const Tensor& out, const Tensor& self, const Padding& p, const Tensor& number) {
  cpu::copy(out, number);
  Tensor to = out, from = self;
  for (int d = 0; d < out.dim(); ++d) {
    const int64_t first = std::max<int64_t>(p.before[d], 0), skip = std::max<int64_t>(-p.before[d], 0);
    const int64_t count = std::min(self.sizes()[d] - skip, out.sizes()[d] - first);
    if (count <= 0) return;
    to = plait::narrow(to, d, first, count);
    from = plait::narrow(from, d, skip, count);
  }
  cpu::copy(to, from);
}

// One pass over the rows of the result: value, the row of self, value.
void pad_rows(const Tensor& out, const Tensor& self, const Padding& p, const Tensor& number) {
  constexpr int64_t kShortRow = 256;  // bytes
  const int n = static_cast<int>(out.dim());
  if (n == 0) return cpu::copy(out, self);
  if (out.numel() >= 4096 && out.sizes()[n - 1] * itemsize(out.dtype()) <= kShortRow)
    return fill_and_copy(out, self, p, number);
  const Tensor source = contiguous_copy(self);
  const int64_t width = out.sizes()[n - 1], inner = self.sizes()[n - 1];
  const int64_t left = std::max<int64_t>(p.before[n - 1], 0), skip = std::max<int64_t>(-p.before[n - 1], 0);
  const int64_t middle = std::max<int64_t>(0, std::min(inner - skip, width - left));
  cpu::visit_size(out.dtype(), [&]<class U>() {
    const U fill = *number.data<U>();
    parallel_for(0, out.numel() / width, std::max<int64_t>(1, 32768 / width),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t r = begin; r < end; ++r) {
                     U* row = out.data<U>() + r * width;
                     int64_t rest = r, from = 0, step = 1;
                     bool inside = true;
                     for (int d = n - 2; d >= 0; --d) {
                       const int64_t i = rest % out.sizes()[d] - p.before[d];
                       rest /= out.sizes()[d];
                       inside = inside && i >= 0 && i < self.sizes()[d];
                       from += i * step;
                       step *= self.sizes()[d];
                     }
                     if (!inside) {
                       std::fill_n(row, width, fill);
                       continue;
                     }
                     std::fill_n(row, left, fill);
                     if (middle > 0)
                       std::memcpy(row + left, source.data<U>() + from * inner + skip, middle * sizeof(U));
                     std::fill_n(row + left + middle, width - left - middle, fill);
                   }
                 });
  });
}

void constant_kernel(const Tensor& out, const Tensor& self, IntSpan pad, const Scalar& value) {
  if (out.numel() == 0) return;
  const Padding p = padding_of(pad, self.sizes());
  const Tensor number = scalar_tensor(value, out.dtype());
  if (out.is_contiguous()) return pad_rows(out, self, p, number);
  const Dims order = memory_order(out);
  Padding in_order;
  for (const int64_t d : order) {
    in_order.before.push_back(p.before[static_cast<int>(d)]);
    in_order.after.push_back(p.after[static_cast<int>(d)]);
  }
  pad_rows(plait::permute(out, order), plait::permute(self, order), in_order, number);
}

enum class Mode { Reflect, Replicate, Circular };

Mode mode_of(std::string_view name) {
  if (name == "reflect") return Mode::Reflect;
  if (name == "replicate") return Mode::Replicate;
  check(name == "circular", "pad: expected mode 'constant', 'reflect', 'replicate' or 'circular', got '{}'",
        name);
  return Mode::Circular;
}

// The padded shape, where each width suits the mode.
Dims checked_sizes(const Dims& from, IntSpan pad, std::string_view name) {
  const Mode mode = mode_of(name);
  const Padding p = padding_of(pad, from);
  const Dims sizes = padded_sizes(p, from, pad);
  const int padded = static_cast<int>(pad.size()) / 2, n = from.size();
  check(padded >= 1 && n > padded,
        "pad: mode '{}' pads the last dimensions of a tensor with at least one more, got widths {} for shape "
        "{}",
        name, pad, from);
  for (int d = 0; d < n; ++d) {
    const int64_t cut =
        mode == Mode::Circular ? std::min<int64_t>(p.before[d], 0) + std::min<int64_t>(p.after[d], 0) : 0;
    const int64_t size = from[d] + cut, most = std::max(p.before[d], p.after[d]);
    if (most <= 0) continue;
    check(size > 0, "pad: mode '{}' cannot pad dimension {} of shape {}, which is empty", name, d, from);
    check(mode != Mode::Reflect || most < size,
          "pad: mode 'reflect' needs widths smaller than size {} of dimension {}, got {}", size, d, pad);
    check(mode != Mode::Circular || most <= size,
          "pad: mode 'circular' needs widths of at most size {} of dimension {}, got {}", size, d, pad);
  }
  return sizes;
}

// For each place of the padded dimension, which element of the dimension stands there, counted from `first`.
Tensor source_index(int64_t size, int64_t before, int64_t after, Mode mode, int64_t first = 0) {
  const Tensor out = empty_tensor(Dims{size + before + after}, DType::Int64);
  for (int64_t i = 0; i < out.numel(); ++i) {
    int64_t at = i - before;
    switch (mode) {
      case Mode::Reflect: at = at < 0 ? -at : at >= size ? 2 * (size - 1) - at : at; break;
      case Mode::Replicate: at = std::clamp<int64_t>(at, 0, size - 1); break;
      case Mode::Circular: {  // negative widths are cut off first
        const int64_t cut = std::max<int64_t>(-before, 0), rest = size - cut - std::max<int64_t>(-after, 0);
        at = (((at - cut) % rest) + rest) % rest + cut;
        break;
      }
    }
    out.data<int64_t>()[i] = at + first;
  }
  return out;
}

bool only_cuts(const Padding& p, int d) { return p.before[d] <= 0 && p.after[d] <= 0; }
// The dimensions that more elements are put around.
std::vector<int> grown_dims(const Padding& p) {
  std::vector<int> dims;
  for (int d = 0; d < p.before.size(); ++d)
    if (!only_cuts(p, d)) dims.push_back(d);
  return dims;
}
// The widths of the dimensions that are only cut, as `constant_pad_nd` takes them, times `sign`.
Dims cut_widths(const Padding& p, int64_t sign) {
  Dims widths;
  for (int d = p.before.size() - 1; d >= 0; --d) {
    widths.push_back(only_cuts(p, d) ? sign * p.before[d] : 0);
    widths.push_back(only_cuts(p, d) ? sign * p.after[d] : 0);
  }
  return widths;
}

// What lies inside comes over in one copy; then, one dimension after the other, what is put around it is
// looked up in the result, which is complete in the dimensions before.
void pad_kernel(const Tensor& out, const Tensor& self, IntSpan pad, std::string_view name) {
  const Padding p = padding_of(pad, self.sizes());
  Tensor from = detached_alias(self), inside = out;
  for (int d = 0; d < self.dim(); ++d) {
    const int64_t before = p.before[d], after = p.after[d];
    const int64_t cut = std::max<int64_t>(-before, 0),
                  rest = self.sizes()[d] - cut - std::max<int64_t>(-after, 0);
    from = plait::narrow(from, d, cut, rest);
    inside = plait::narrow(inside, d, std::max<int64_t>(before, 0), rest);
  }
  cpu::copy(inside, from);
  for (const int d : grown_dims(p)) {
    const int64_t before = std::max<int64_t>(p.before[d], 0), size = inside.sizes()[d];
    Tensor around = out;  // all of dimension d, in the dimensions after it what is inside
    for (int k = d + 1; k < self.dim(); ++k)
      around = plait::narrow(around, k, std::max<int64_t>(p.before[k], 0), inside.sizes()[k]);
    const Tensor index = source_index(self.sizes()[d], p.before[d], p.after[d], mode_of(name), p.before[d]);
    const auto look_up = [&](int64_t first, int64_t count) {
      if (count == 0) return;
      cpu::copy(plait::narrow(around, d, first, count),
                plait::index_select(around, d, plait::narrow(index, 0, first, count)));
    };
    look_up(0, before);
    look_up(before + size, out.sizes()[d] - before - size);
  }
}

void pad_backward_kernel(const Tensor& out, const Tensor& grad, IntSpan size, IntSpan pad,
                         std::string_view name) {
  const Dims sizes(size);
  const Padding p = padding_of(pad, sizes);
  std::vector<int> dims = grown_dims(p);
  Tensor g = detached_alias(grad);
  for (; !dims.empty(); dims.pop_back()) {
    const int d = dims.back();
    Dims before(g.sizes());
    before[d] = sizes[d];
    g = plait::_index_select_backward(g, before, d,
                                      source_index(sizes[d], p.before[d], p.after[d], mode_of(name)));
  }
  cpu::copy(out, plait::constant_pad_nd(g, cut_widths(p, -1), 0));
}

}  // namespace

Op<Tensor(const Tensor&, IntSpan, const Scalar&)> constant_pad_nd{{
    .schema = "constant_pad_nd(Tensor self, int[] pad, Scalar value=0) -> Tensor",
    .doc =
        R"(self with `value` added before and after the last dimensions: widths in pairs, the last dimension first; negative ones cut.

>>> plait.constant_pad_nd(plait.tensor([1, 2]), (1, 2))
tensor([0, 1, 2, 0, 0]))",
    .meta =
        [](const Tensor& self, IntSpan pad, const Scalar& value) {
          check<TypeError>(!value.is_complex() || is_complex(self.dtype()),
                           "pad: a complex value does not go into a tensor of dtype {}", self.dtype());
          return image_spec(padded_sizes(padding_of(pad, self.sizes()), self.sizes(), pad), self,
                            self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          Dims back(v.attr<IntSpan>(1));
          for (int64_t& width : back) width = -width;
          v.set(0, plait::constant_pad_nd(v.grad(), back, 0));
        },
    .kind = Kind::Index,
    .cpu = constant_kernel,
}};

Op<Tensor(const Tensor&, IntSpan, std::string_view)> _pad_nd{{
    .schema = "_pad_nd(Tensor self, int[] pad, str mode) -> Tensor",
    .doc = "pad by what stands at the edges: 'reflect', 'replicate' or 'circular'.",
    .meta =
        [](const Tensor& self, IntSpan pad, std::string_view mode) {
          return image_spec(checked_sizes(self.sizes(), pad, mode), self, self.dtype());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_pad_nd_backward(v.grad(), v.sizes(0), v.attr<IntSpan>(1),
                                           v.attr<std::string_view>(2)));
        },
    .kind = Kind::Index,
    .cpu = pad_kernel,
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan, std::string_view)> _pad_nd_backward{{
    .schema = "_pad_nd_backward(Tensor grad, int[] size, int[] pad, str mode) -> Tensor",
    .doc =
        "The gradient of _pad_nd, for an argument of the given size: each element is the sum of the places "
        "where it stood.",
    .meta =
        [](const Tensor& grad, IntSpan size, IntSpan pad, std::string_view mode) {
          const Dims expected = checked_sizes(Dims(size), pad, mode);
          check(grad.sizes() == expected, "_pad_nd_backward: expected grad of shape {}, got {}", expected,
                grad.sizes());
          return image_spec(Dims(size), grad, grad.dtype());
        },
    .vjp =
        [](Vjp& v) { v.set(0, plait::_pad_nd(v.grad(), v.attr<IntSpan>(2), v.attr<std::string_view>(3))); },
    .kind = Kind::Index,
    .cpu = pad_backward_kernel,
}};

Op<Tensor(const Tensor&, IntSpan, std::string_view, std::optional<Scalar>)> pad{{
    .schema = "pad(Tensor self, int[] pad, str mode='constant', Scalar? value=None) -> Tensor",
    .doc =
        R"(self with elements added before and after the last dimensions: widths in pairs, the last dimension first. Modes: 'constant' (value,
0), 'reflect' (the edge is the mirror), 'replicate' (the edge again), 'circular' (from the other end). Negative widths cut.

Raises ValueError for widths that the size does not allow.

>>> plait.pad(plait.tensor([1., 2.]), (1, 2))
tensor([0., 1., 2., 0., 0.]))",
    .composite =
        [](const Tensor& self, IntSpan pad, std::string_view mode, std::optional<Scalar> value) {
          if (mode == "constant") return plait::constant_pad_nd(self, pad, value.value_or(Scalar(0)));
          check(!value || value->equals(0), "pad: value is for mode 'constant' only, got mode '{}'", mode);
          return plait::_pad_nd(self, pad, mode);
        },
    .kind = Kind::Index,
}};

}  // namespace plait::op
