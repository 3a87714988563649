// Elements by mask, in two parallel passes: count the set elements of each chunk, then move.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/element.h"
#include "ops/cpu/index.h"

namespace plait::cpu {
namespace {

constexpr int64_t kParallelChunks = 2;

// The number of bytes of n that are not zero, eight at a time.
int64_t count_set(const uint8_t* bytes, int64_t n) {
  constexpr uint64_t kLow = 0x7f7f7f7f7f7f7f7full;
  int64_t count = 0, i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + i, 8);
    count += __builtin_popcountll((((word & kLow) + kLow) | word) & ~kLow);
  }
  for (; i < n; ++i) count += bytes[i] != 0;
  return count;
}

// Calls move(k, i) for the k-th set byte i of [begin, end), k from `first` on up to `last`. Where eight more
// fit, move is called for unset bytes as well, with a k whose place is written again later: no branch in the
// loop.
template <class Move>
void for_each_set(const uint8_t* bytes, int64_t begin, int64_t end, int64_t first, int64_t last,
                  const Move& move) {
  int64_t k = first, i = begin;
  for (; i + 8 <= end && last - k >= 8; i += 8) {
    uint64_t word;
    std::memcpy(&word, bytes + i, 8);
    if (word == 0) continue;
    for (int64_t t = 0; t < 8; ++t) {
      move(k, i + t);
      k += bytes[i + t] != 0;
    }
  }
  for (; k < last; ++i)
    if (bytes[i]) move(k++, i);
}

template <class F>
void for_each_chunk(const Mask& mask, const F& f) {
  const int64_t n = mask.bytes.numel();
  parallel_for(0, static_cast<int64_t>(mask.before.size()) - 1, kParallelChunks,
               [&](int64_t begin, int64_t end) {
                 for (int64_t c = begin; c < end; ++c)
                   f(c, c * Mask::kChunk, std::min(n, (c + 1) * Mask::kChunk));
               });
}

}  // namespace

Mask::Mask(const Tensor& tensor) : bytes(tensor) {
  if (tensor.dtype() != DType::Bool || !tensor.is_contiguous()) {
    bytes = empty_tensor(tensor.sizes(), DType::Bool);
    copy(bytes, tensor);
  }
  const int64_t n = bytes.numel();
  const uint8_t* data = bytes.data<uint8_t>();
  before.assign((n + kChunk - 1) / kChunk + 1, 0);
  for_each_chunk(*this, [&](int64_t c, int64_t begin, int64_t end) {
    before[c + 1] = count_set(data + begin, end - begin);
  });
  for (size_t c = 1; c < before.size(); ++c) before[c] += before[c - 1];
}

Tensor flat_positions(const Mask& mask) {
  const Tensor out = empty_tensor(Dims{mask.count()}, DType::Int64);
  int64_t* to = out.data<int64_t>();
  for_each_chunk(mask, [&](int64_t c, int64_t begin, int64_t end) {
    for_each_set(mask.bytes.data<uint8_t>(), begin, end, mask.before[c], mask.before[c + 1],
                 [to](int64_t k, int64_t i) { to[k] = i; });
  });
  return out;
}

Tensor positions(const Mask& mask, const Dims& sizes) {
  const int n = sizes.size();
  if (n == 1) {
    const Tensor flat = flat_positions(mask);
    return from_storage(flat.storage(), DType::Int64, Dims{mask.count(), 1}, Dims{1, 1}, 0);
  }
  const Tensor out = empty_tensor(Dims{mask.count(), n}, DType::Int64);
  int64_t* to = out.data<int64_t>();
  if (n == 0 || out.numel() == 0) return out;
  const int64_t width = sizes[n - 1];
  for_each_chunk(mask, [&](int64_t c, int64_t begin, int64_t end) {
    // Row by row: the leading coordinates change only there.
    int64_t coordinates[kMaxDims];
    int64_t row = begin / width;
    for (int64_t at = begin, k = mask.before[c]; at < end; ++row) {
      const int64_t stop = std::min(end, (row + 1) * width);
      const int64_t set = count_set(mask.bytes.data<uint8_t>() + at, stop - at);
      if (set > 0) {
        int64_t rest = row;
        for (int d = n - 2; d >= 0; --d) {
          coordinates[d] = rest % sizes[d];
          rest /= sizes[d];
        }
        for_each_set(mask.bytes.data<uint8_t>(), at, stop, k, k + set, [&](int64_t to_row, int64_t i) {
          int64_t* place = to + to_row * n;
          for (int d = 0; d < n - 1; ++d) place[d] = coordinates[d];
          place[n - 1] = i - row * width;
        });
        k += set;
      }
      at = stop;
    }
  });
  return out;
}

void select_masked(const Tensor& out, const Tensor& src, const Mask& mask) {
  visit_size(out.dtype(), [&]<class U>() {
    U* to = out.data<U>();
    const U* from = src.data<U>();
    for_each_chunk(mask, [&](int64_t c, int64_t begin, int64_t end) {
      for_each_set(mask.bytes.data<uint8_t>(), begin, end, mask.before[c], mask.before[c + 1],
                   [=](int64_t k, int64_t i) { to[k] = from[i]; });
    });
  });
}

void scatter_masked(const Tensor& out, const Tensor& src, const Mask& mask) {
  visit_size(out.dtype(), [&]<class U>() {
    U* to = out.data<U>();
    const U* from = src.data<U>();
    const uint8_t* bytes = mask.bytes.data<uint8_t>();
    for_each_chunk(mask, [&](int64_t c, int64_t begin, int64_t end) {
      int64_t k = mask.before[c];
      for (int64_t i = begin; i < end; ++i)
        if (bytes[i]) to[i] = from[k++];
    });
  });
}

void fill_masked(const Tensor& out, const Tensor& value, const Mask& mask) {
  visit_size(out.dtype(), [&]<class U>() {
    U* to = out.data<U>();
    const U fill = *value.data<U>();
    const uint8_t* bytes = mask.bytes.data<uint8_t>();
    for_each_chunk(mask, [&](int64_t, int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        if (bytes[i]) to[i] = fill;
    });
  });
}

}  // namespace plait::cpu
