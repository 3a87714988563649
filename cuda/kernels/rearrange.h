// The same elements in another place: padding and rolling, triangles.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// What stands outside of a dimension: a number, or an element of it.
enum class Edge : uint8_t { Number, Circular, Reflect, Replicate };

// out[i0, i1, ..] = in[i0 - before0, ..], out contiguous, with each dimension's own edges. Widths are at most
// in_size where circular, and less where reflected.
struct ShiftDim {
  int64_t out_size, in_size, before;
  int64_t stride;  // of in, in elements
  Edge edge;
};
struct ShiftPlan {
  static constexpr int kMaxDims = 32;

  const void* in;
  void* out;
  int ndim = 0;  // innermost first
  ShiftDim dim[kMaxDims];
  int64_t itemsize;
  int64_t number[2] = {0, 0};  // its bits
};
void shift_elements(const ShiftPlan& plan);

// The other way round along one dimension: in (outer, in_size, inner) = the sum of the places of out (outer,
// out_size, inner) where an element stands. Both contiguous. before may be negative; `cut` elements at the
// start of a circular dimension stand nowhere, nor do those that leave only `rest`.
struct UnpadPlan {
  const void* out;
  void* in;
  int64_t outer, inner, out_size, in_size, before;
  Edge edge;
  int64_t cut, rest;  // circular
};
void sum_edges(const UnpadPlan& plan, DType dtype);

// Matrices (count, rows, columns), contiguous: zeros above the diagonal (below it where not `lower`),
// otherwise the elements of in, which may be out.
struct TrianglePlan {
  const void* in;
  void* out;
  int64_t count, rows, columns, diagonal;
  bool lower;
  int64_t itemsize;
};
void copy_triangles(const TrianglePlan& plan);

}  // namespace plait::cuda
