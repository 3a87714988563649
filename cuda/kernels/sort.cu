// Rows that are sorted by the whole device: one radix sort of all rows at once, with the row as the keys'
// upper bits.
#include "cuda/kernels/sort.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/sort_key.cuh"
#include "cuda/kernels/radix_sort.h"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostElements = int64_t{1} << 31;  // of a sort of several rows

// A part of the rows: those of some `outer`, in the order of memory, or some rows one after the other. Its
// elements are numbered in that order, in which those of a row rise: that makes the sort stable.
struct Part {
  SortRows rows;
  KeyRule rule;
  int64_t first_row, count;
  bool memory_order;

  constexpr uint32_t numel() const { return static_cast<uint32_t>(count * rows.length); }
  constexpr uint32_t row_of(uint32_t element) const {
    const auto length = static_cast<uint32_t>(rows.length), inner = static_cast<uint32_t>(rows.inner);
    return memory_order ? element / inner / length * inner + element % inner : element / length;
  }
  constexpr uint32_t index_of(uint32_t element) const {
    const auto length = static_cast<uint32_t>(rows.length), inner = static_cast<uint32_t>(rows.inner);
    return (memory_order ? element / inner : element) % length;
  }
  // In x.
  constexpr uint32_t position_of(uint32_t row, uint32_t element) const {
    const uint32_t i = index_of(element);
    return rows.from ? rows.from[(first_row + row) * rows.length + i] : i;
  }
};

template <class Bits, class Key>
__global__ void __launch_bounds__(kThreads)
    keys_kernel(const Part part, Key* keys, uint32_t* elements, int row_shift) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= part.numel()) return;
  const auto element = static_cast<uint32_t>(at);
  const uint32_t row = part.row_of(element);
  const Bits x = static_cast<const Bits*>(
      part.rows.x)[part.rows.x_place(part.first_row + row, part.position_of(row, element))];
  Key key = sort_key(x, part.rule);
  if (row_shift) key |= static_cast<Key>(row) << row_shift;
  keys[at] = key;
  elements[at] = element;
}

__global__ void __launch_bounds__(kThreads)
    row_keys_kernel(const Part part, uint32_t* keys, const uint32_t* elements) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at < part.numel()) keys[at] = part.row_of(elements[at]);
}

template <class Bits>
__global__ void __launch_bounds__(kThreads) results_kernel(const Part part, const uint32_t* elements) {
  const SortRows& rows = part.rows;
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= part.count * rows.kept) return;
  // Neighbours write to neighbours.
  const auto result = static_cast<uint32_t>(at), kept = static_cast<uint32_t>(rows.kept),
             inner = static_cast<uint32_t>(rows.inner);
  const uint32_t row = part.memory_order ? result / inner / kept * inner + result % inner : result / kept;
  const uint32_t k = (part.memory_order ? result / inner : result) % kept;
  const uint32_t position = part.position_of(row, elements[row * rows.length + k]);
  const int64_t to = rows.result_place(part.first_row + row, k);
  if (rows.values)
    static_cast<Bits*>(rows.values)[to] =
        static_cast<const Bits*>(rows.x)[rows.x_place(part.first_row + row, position)];
  if (rows.indices) rows.indices[to] = position;
}

LaunchConfig threads_for(int64_t n) { return {static_cast<unsigned>(ceil_div(n, kThreads)), kThreads}; }

// Sorted, the numbers of the elements row by row, in `elements`.
template <class Bits, class Key>
void sort_part(const Part& part, bool rows_in_keys) {
  const auto n = static_cast<size_t>(part.numel());
  const int row_bits = bits_below(static_cast<uint64_t>(part.count));
  const Workspace key_space(2 * n * sizeof(Key)), space(2 * n * sizeof(uint32_t));
  SortBuffers<Key> buffers{key_space.as<Key>(), key_space.as<Key>() + n, space.as<uint32_t>(),
                           space.as<uint32_t>() + n};
  launch(keys_kernel<Bits, Key>, threads_for(part.numel()), part, buffers.keys, buffers.values,
         rows_in_keys && row_bits > 0 ? part.rule.bits : 0);
  sort_pairs(buffers, part.numel(), part.rule.bits + (rows_in_keys ? row_bits : 0));
  uint32_t* elements = buffers.values;
  if (!rows_in_keys) {  // a second, stable sort by the row
    auto* row_keys = reinterpret_cast<uint32_t*>(buffers.keys);
    SortBuffers<uint32_t> by_row{row_keys, row_keys + n, buffers.values, buffers.other_values};
    launch(row_keys_kernel, threads_for(part.numel()), part, by_row.keys, by_row.values);
    sort_pairs(by_row, part.numel(), row_bits);
    elements = by_row.values;
  }
  launch(results_kernel<Bits>, threads_for(part.count * part.rows.kept), part, elements);
}

template <class Bits>
void sort_part(const Part& part) {
  const int bits = part.rule.bits + bits_below(static_cast<uint64_t>(part.count));
  if constexpr (sizeof(Bits) < 8) {
    if (bits <= 32) return sort_part<Bits, uint32_t>(part, true);
    if (bits <= 64) return sort_part<Bits, uint64_t>(part, true);
  } else {
    return sort_part<Bits, uint64_t>(part, bits <= 64);
  }
}

}  // namespace

void sort_rows(const SortRows& rows) {
  if (rows.rows() == 0 || rows.length == 0 || rows.kept == 0) return;
  if (fits_small_sort(rows)) return sort_rows_small(rows);
  const bool memory_order =
      rows.inner > 1 && !rows.packed && !rows.from && rows.length * rows.inner < kMostElements;
  const int64_t unit = memory_order ? rows.inner : 1;  // rows that stay together
  int64_t count = kMostElements / (rows.length * unit) * unit;
  if (count < unit) count = unit;
  for (int64_t first = 0; first < rows.rows(); first += count) {
    const int64_t left = rows.rows() - first;
    const Part part{rows, KeyRule(rows.dtype, rows.descending), first, left < count ? left : count,
                    memory_order};
    switch (itemsize(rows.dtype)) {
      case 1: sort_part<uint8_t>(part); break;
      case 2: sort_part<uint16_t>(part); break;
      case 4: sort_part<uint32_t>(part); break;
      default: sort_part<uint64_t>(part); break;
    }
  }
}

}  // namespace plait::cuda
