#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace plait {

int64_t checked_numel(IntSpan sizes, const char* who) {
  if (sizes.size() > static_cast<size_t>(kMaxDims))
    fail<ValueError>("{}: expected at most {} dimensions, got {}", who, kMaxDims,
                     static_cast<int64_t>(sizes.size()));
  int64_t numel = 1;
  bool zero = false, overflow = false;
  for (const int64_t size : sizes) {
    if (size < 0) fail<ValueError>("{}: expected sizes of 0 or more, got {} in shape {}", who, size, sizes);
    zero |= size == 0;
    overflow |= __builtin_mul_overflow(numel, size, &numel);
  }
  // 16 bytes an element at the most must stay addressable as well.
  if (!zero && (overflow || numel > INT64_MAX / 16))
    fail<ValueError>("{}: the number of elements of shape {} overflows 64 bits; use smaller sizes", who,
                     sizes);
  return zero ? 0 : numel;
}

Dims contiguous_strides(IntSpan sizes) {
  const int n = static_cast<int>(sizes.size());
  Dims strides(n, 1);
  int64_t* s = strides.data();
  for (int i = n - 2; i >= 0; --i) s[i] = s[i + 1] * std::max<int64_t>(sizes[i + 1], 1);
  return strides;
}

Dims channels_last_strides(IntSpan sizes) {
  const int n = static_cast<int>(sizes.size());
  if (n != 4 && n != 5)
    fail<ValueError>("channels_last: expected a 4-D (or 5-D, channels_last_3d) tensor, got shape {}", sizes);
  Dims strides(n, 1);
  int64_t step = std::max<int64_t>(sizes[1], 1);
  for (int i = n - 1; i >= 2; --i) {
    strides[i] = step;
    step *= std::max<int64_t>(sizes[i], 1);
  }
  strides[0] = step;
  return strides;
}

bool is_contiguous(IntSpan sizes, IntSpan strides) {
  int64_t expected = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] == 0) return true;
    if (sizes[i] == 1) continue;
    if (strides[i] != expected) return std::find(sizes.begin(), sizes.begin() + i, 0) != sizes.begin() + i;
    expected *= sizes[i];
  }
  return true;
}

bool is_channels_last(IntSpan sizes, IntSpan strides) {
  if (sizes.size() != 4 && sizes.size() != 5) return false;
  const Dims expected = channels_last_strides(sizes);
  for (size_t i = 0; i < sizes.size(); ++i)
    if (sizes[i] != 1 && strides[i] != expected[static_cast<int>(i)]) return false;
  return true;
}

namespace {

// Dimensions of more than one element, by rising stride. Returns -1 for an empty tensor.
int sorted_dims(IntSpan sizes, IntSpan strides, int* order) {
  int n = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0) return -1;
    if (sizes[i] != 1) order[n++] = static_cast<int>(i);
  }
  std::sort(order, order + n, [&](int a, int b) { return strides[a] < strides[b]; });
  return n;
}

}  // namespace

int64_t row_stride(IntSpan sizes, IntSpan strides, int64_t n) {
  int d = static_cast<int>(sizes.size()) - 1;
  int64_t step = 1;  // the next dimension's stride, if it continues
  for (; d >= 0 && step < n; --d) {
    if (sizes[d] != 1 && strides[d] != step) return -1;
    step *= sizes[d];
  }
  if (step != n) return -1;
  int64_t stride = n;
  bool found = false;  // the innermost of the rows' dimensions
  for (; d >= 0; --d) {
    if (sizes[d] == 1) continue;
    if (!found)
      stride = step = strides[d];
    else if (strides[d] != step)
      return -1;
    found = true;
    step *= sizes[d];
  }
  return stride;
}

bool is_dense(IntSpan sizes, IntSpan strides) {
  int order[kMaxDims];
  const int n = sorted_dims(sizes, strides, order);
  int64_t expected = 1;
  for (int i = 0; i < n; ++i) {
    if (strides[order[i]] != expected) return false;
    expected *= sizes[order[i]];
  }
  return true;
}

bool has_internal_overlap(IntSpan sizes, IntSpan strides) {
  int order[kMaxDims];
  const int n = sorted_dims(sizes, strides, order);
  int64_t reach = 0;  // the largest offset that the dimensions before can produce
  for (int i = 0; i < n; ++i) {
    if (strides[order[i]] <= reach) return true;
    reach += strides[order[i]] * (sizes[order[i]] - 1);
  }
  return false;
}

Dims broadcast(IntSpan a, IntSpan b, const char* who) {
  if (same(a, b)) return Dims(a);
  const IntSpan longer = a.size() >= b.size() ? a : b, shorter = a.size() >= b.size() ? b : a;
  Dims out(longer);
  const size_t skip = longer.size() - shorter.size();
  for (size_t i = 0; i < shorter.size(); ++i) {
    const int64_t x = longer[skip + i], y = shorter[i];
    if (x == y || y == 1) continue;
    if (x != 1)
      fail<ValueError>(
          "{}: shapes {} and {} cannot be broadcast together: they differ at dimension {} ({} against {}); "
          "sizes must be equal or 1, counted from the last dimension",
          who, a, b, static_cast<int64_t>(skip + i), a.size() >= b.size() ? x : y,
          a.size() >= b.size() ? y : x);
    out[static_cast<int>(skip + i)] = y;
  }
  return out;
}

bool view_strides(IntSpan sizes, IntSpan strides, IntSpan new_sizes, Dims& out) {
  out = contiguous_strides(new_sizes);
  for (const int64_t size : sizes)
    if (size == 0) return true;
  // Walk both shapes from the back, in chunks of old dimensions that lie without gaps in memory.
  int view = static_cast<int>(new_sizes.size()) - 1;
  int64_t chunk = 1, filled = 1, base = strides.empty() ? 1 : strides.back();
  for (int i = static_cast<int>(sizes.size()) - 1; i >= 0; --i) {
    chunk *= sizes[i];
    const bool ends = i == 0 || (sizes[i - 1] != 1 && strides[i - 1] != chunk * base);
    if (!ends) continue;
    while (view >= 0 && (filled < chunk || new_sizes[view] == 1)) {
      out[view] = filled * base;
      filled *= new_sizes[view--];
    }
    if (filled != chunk) return false;
    if (i > 0) {
      base = strides[i - 1];
      chunk = filled = 1;
    }
  }
  for (; view >= 0; --view) {
    if (new_sizes[view] != 1) return false;
    out[view] = filled * base;
  }
  return true;
}

int wrap_dim(int64_t dim, int64_t ndim, const char* who) {
  const int64_t range = ndim == 0 ? 1 : ndim;
  if (dim < -range || dim >= range)
    fail<IndexError>("{}: dimension out of range: expected {} to {} for a {}-D tensor, got {}", who, -range,
                     range - 1, ndim, dim);
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

}  // namespace plait
