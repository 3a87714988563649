// Elements moved between memory where they lie apart and memory where they lie side by side: below all loops,
// so that these see dense operands only. Elements are of 1, 2, 4, 8 or 16 bytes; what they mean does not
// matter.
#pragma once

#include <cstdint>

namespace plait {

// Copies n elements, `to_stride` and `from_stride` bytes apart. A from_stride of 0 repeats one.
using StridedCopy = void (*)(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n);
StridedCopy strided_copy(int64_t size);

// Copies rows of n elements; first elements of rows are `to_row` and `from_row` bytes apart. For short ones.
using RowsCopy = void (*)(char* to, int64_t to_row, int64_t to_stride, const char* from, int64_t from_row,
                          int64_t from_stride, int64_t rows, int64_t n);
RowsCopy rows_copy(int64_t size);

constexpr int64_t kTile = 64;  // side of a square of elements: 64 lines of 64 bytes fit into L1

// to[r][c] = from[c][r] for a tile of `rows` x `columns`: `from` has its rows side by side and its columns
// `stride` bytes apart, `to` is kTile elements wide. Of 1, 2, 4 or 8 bytes.
using TurnTile = void (*)(const char* from, int64_t stride, int64_t rows, int64_t columns, char* to);
TurnTile turn_tile(int64_t size);

}  // namespace plait
