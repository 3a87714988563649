// Windows of pooling ops: their checks, their sizes, where they lie.
#pragma once

#include <algorithm>
#include <string>

#include "ops/cpu/pool.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/image_layout.h"
#include "ops/math.h"

namespace plait::op::pool {

struct Args {
  const char* base;  // "max_pool"
  IntSpan kernel, stride, padding, dilation;
  bool ceil_mode;
  std::string name() const { return base + std::to_string(kernel.size()) + "d"; }
};

// As many windows as fit; with ceil_mode also one that hangs over the end, if it starts inside or in the left
// padding.
inline int64_t output_size(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                           bool ceil_mode) {
  const int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
  if (room < 0 && !(ceil_mode && room > -stride)) return 0;
  int64_t out = (ceil_mode ? room + stride - 1 : room) / stride + 1;
  if (ceil_mode && (out - 1) * stride >= size + padding) --out;
  return out;
}

// The spatial sizes of the result for x (N, C, ...).
inline Dims output_sizes(const Args& a, const Dims& x) {
  const size_t n = a.kernel.size();
  constexpr int64_t kMost = int64_t{1} << 31;  // so that the sizes do not overflow
  check(n >= 1 && n <= 3 && a.stride.size() == n && a.padding.size() == n && a.dilation.size() == n &&
            x.size() == static_cast<int>(n) + 2,
        "{}: expected as many entries in kernel_size, stride, padding and dilation as self has spatial "
        "dimensions (one to three), got {}, {}, "
        "{}, {} for shape {}",
        a.base, a.kernel, a.stride, a.padding, a.dilation, x);
  Dims out;
  for (size_t i = 0; i < n; ++i) {
    check(a.kernel[i] > 0 && a.stride[i] > 0 && a.dilation[i] > 0 && a.padding[i] >= 0 &&
              a.kernel[i] < kMost && a.stride[i] < kMost && a.dilation[i] < kMost,
          "{}: expected kernel_size, stride and dilation of at least 1 and padding of at least 0, got "
          "kernel_size {}, stride {}, dilation {}, "
          "padding {}",
          a.name(), a.kernel, a.stride, a.dilation, a.padding);
    check(a.padding[i] <= (a.dilation[i] * (a.kernel[i] - 1) + 1) / 2,
          "{}: expected padding of at most half the kernel_size {}, got {}; use pad for more", a.name(),
          a.kernel, a.padding);
    const int64_t size = x[static_cast<int>(i) + 2];
    const int64_t count =
        output_size(size, a.kernel[i], a.stride[i], a.padding[i], a.dilation[i], a.ceil_mode);
    check(size > 0 && count > 0,
          "{}: a window of kernel_size {} and dilation {} does not fit into self of shape {} padded by {}",
          a.name(), a.kernel, a.dilation, x, a.padding);
    out.push_back(count);
  }
  return out;
}

// The windows over x, whose arguments have passed output_sizes.
inline cpu::Windows windows(const Args& a, const Dims& x, bool count_padding = true, int64_t divisor = 0) {
  const Dims counts = output_sizes(a, x);
  cpu::Windows w;
  w.divisor = divisor;
  const int n = counts.size();
  for (int i = 0; i < 3 - n; ++i) w.spans[static_cast<size_t>(i)] = {{0, 1, 1}};
  for (int i = 0; i < n; ++i) {
    const auto from = static_cast<size_t>(i), to = static_cast<size_t>(3 - n + i);
    const int64_t size = x[2 + i], step = a.dilation[from], padding = a.padding[from];
    w.in[to] = size;
    w.step[to] = step;
    w.kernel[to] = a.kernel[from];
    w.stride[to] = a.stride[from];
    w.padding[to] = padding;
    w.spans[to].reserve(static_cast<size_t>(counts[i]));
    for (int64_t o = 0; o < counts[i]; ++o) {
      const int64_t start = o * a.stride[from] - padding, stop = start + step * (a.kernel[from] - 1) + 1;
      const int64_t begin = start < 0 ? start + (-start + step - 1) / step * step : start,
                    end = std::min(stop, size);
      w.spans[to].push_back({std::min(begin, size - 1), end,
                             count_padding ? std::min(stop, size + padding) - start : end - begin});
    }
  }
  return w;
}

// Checks (N, C, ...) and a wanted size; output o covers floor(o size / out) to ceil((o + 1) size / out).
inline Dims adaptive_sizes(const char* op, const Dims& x, IntSpan out) {
  const size_t n = out.size();
  check(n >= 1 && n <= 3 && x.size() == static_cast<int>(n) + 2,
        "{}: expected an output_size for each spatial dimension (one to three) of self, got {} for shape {}",
        op, out, x);
  Dims sizes{x[0], x[1]};
  for (size_t i = 0; i < n; ++i) {
    check(x[static_cast<int>(i) + 2] > 0,
          "{}: expected spatial dimensions that are not empty, got self of shape {}", op, x);
    check(out[i] >= 0 && out[i] < (int64_t{1} << 31), "{}: expected output_size of at least 0, got {}", op,
          out);
    sizes.push_back(out[i]);
  }
  return sizes;
}
inline cpu::Windows adaptive_windows(const Dims& x, IntSpan out) {
  cpu::Windows w;
  const size_t n = out.size();
  for (size_t i = 0; i < 3 - n; ++i) w.spans[i] = {{0, 1, 1}};
  w.kernel = {0, 0, 0};
  for (size_t i = 0; i < n; ++i) {
    const size_t to = 3 - n + i;
    const int64_t size = w.in[to] = x[static_cast<int>(i) + 2];
    for (int64_t o = 0; o < out[i]; ++o) {
      const int64_t begin = o * size / out[i], end = ((o + 1) * size + out[i] - 1) / out[i];
      w.spans[to].push_back({begin, end, end - begin});
    }
  }
  return w;
}

inline Dims with_spatial(const Dims& x, IntSpan spatial) {
  Dims sizes{x[0], x[1]};
  for (int64_t s : spatial) sizes.push_back(s);
  return sizes;
}
inline int64_t plane_of(const Dims& sizes) {
  int64_t count = 1;
  for (int d = 2; d < sizes.size(); ++d) count *= sizes[d];
  return count;
}
inline Dims spatial(const Dims& sizes) { return Dims(IntSpan(sizes).subspan(2)); }

// self with a batch dimension; `added` says whether it had none.
inline Tensor batched(const char* base, int n, const Tensor& self, bool& added) {
  check(self.dim() == n + 2 || self.dim() == n + 1,
        "{}{}d: expected self with {} dimensions ({} without a batch), got shape {}", base, n, n + 2, n + 1,
        self.sizes());
  added = self.dim() == n + 1;
  return added ? plait::unsqueeze(self, 0) : self;
}
inline Tensor unbatched(const Tensor& t, bool added) { return added ? plait::squeeze(t, Dims{0}) : t; }

}  // namespace plait::op::pool
