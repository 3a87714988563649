#include "cuda/kernels/rearrange.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kUnroll = 4;
constexpr int64_t kMaxIndexed = (int64_t{1} << 31) - 1;

// Calls f<Bits>(elements of a vector) with the widest accesses of up to 16 bytes for which fits(width in
// elements) holds.
template <class Fits, class F>
void visit_width(int64_t itemsize, const Fits& fits, const F& f) {
  const auto good = [&](int64_t bytes) {
    return bytes >= itemsize && (bytes == itemsize || fits(bytes / itemsize));
  };
  if (good(16)) return f.template operator()<bits_t<16>>(16 / itemsize);
  if (good(8)) return f.template operator()<bits_t<8>>(8 / itemsize);
  if (good(4)) return f.template operator()<bits_t<4>>(4 / itemsize);
  if (good(2)) return f.template operator()<bits_t<2>>(2 / itemsize);
  return f.template operator()<bits_t<1>>(1);
}

// ---- shifts

struct Dim {
  FastDivisor out_size;
  int64_t in_size, before, stride;  // in accesses
  Edge edge;
};
template <int Dims>
struct Shift {
  const char* in;
  char* out;
  int64_t count;
  int ndim;
  int64_t number[2];
  Dim dim[Dims];
};

template <class Bits, int Dims>
__global__ void __launch_bounds__(kThreads) shift_kernel(const Shift<Dims> shift) {
  Bits fill;
  __builtin_memcpy(&fill, shift.number, sizeof(Bits));
  const int64_t first = static_cast<int64_t>(blockIdx.x) * (kThreads * kUnroll) + threadIdx.x;
  Bits value[kUnroll];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t at = first + u * kThreads;
    value[u] = fill;
    if (at >= shift.count) continue;
    uint32_t rest = static_cast<uint32_t>(at);
    int64_t from = 0;
    bool inside = true;
#pragma unroll 1
    for (int d = 0; d < shift.ndim; ++d) {
      const Dim& dim = shift.dim[d];
      uint32_t i;
      rest = dim.out_size.divide(rest, i);
      int64_t x = i - dim.before;
      const int64_t size = dim.in_size;
      if (dim.edge == Edge::Circular)
        x += x < 0 ? size : x >= size ? -size : 0;
      else if (dim.edge == Edge::Reflect)
        x = x < 0 ? -x : x >= size ? 2 * (size - 1) - x : x;
      else if (dim.edge == Edge::Replicate)
        x = x < 0 ? 0 : x >= size ? size - 1 : x;
      inside = inside && static_cast<uint64_t>(x) < static_cast<uint64_t>(size);
      from += x * dim.stride;
    }
    if (inside) value[u] = reinterpret_cast<const Bits*>(shift.in)[from];
  }
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int64_t at = first + u * kThreads;
    if (at < shift.count) reinterpret_cast<Bits*>(shift.out)[at] = value[u];
  }
}

template <class Bits, int Dims>
void launch_shift(const ShiftPlan& plan, int64_t width) {
  Shift<Dims> shift{};
  shift.in = static_cast<const char*>(plan.in);
  shift.out = static_cast<char*>(plan.out);
  shift.count = 1;
  shift.ndim = plan.ndim;
  // The number, as often as an access holds it.
  const auto itemsize = static_cast<size_t>(plan.itemsize);
  for (size_t i = 0; i < sizeof(shift.number); i += itemsize)
    __builtin_memcpy(reinterpret_cast<char*>(shift.number) + i, plan.number, itemsize);
  for (int d = 0; d < plan.ndim; ++d) {
    const ShiftDim& from = plan.dim[d];
    const int64_t w =
        d == 0 ? width : 1;  // the innermost dimension counts accesses, and so do the others' strides
    shift.count *= from.out_size / w;
    shift.dim[d] = {FastDivisor(static_cast<uint32_t>(from.out_size / w)), from.in_size / w, from.before / w,
                    d == 0 && width > 1 ? 1 : from.stride / width, from.edge};
  }
  launch(shift_kernel<Bits, Dims>,
         {static_cast<unsigned>(ceil_div(shift.count, kThreads * kUnroll)), kThreads}, shift);
}

void shift_part(const ShiftPlan& plan) {
  const auto fits = [&](int64_t width) {
    const ShiftDim& inner = plan.dim[0];
    const uintptr_t bytes = static_cast<uintptr_t>(width * plan.itemsize);
    if (inner.edge == Edge::Reflect || inner.edge == Edge::Replicate) return false;  // single elements move
    if (inner.stride != 1 || inner.out_size % width || inner.in_size % width || inner.before % width)
      return false;
    for (int d = 1; d < plan.ndim; ++d)
      if (plan.dim[d].stride % width) return false;
    return reinterpret_cast<uintptr_t>(plan.in) % bytes == 0 &&
           reinterpret_cast<uintptr_t>(plan.out) % bytes == 0;
  };
  visit_width(plan.itemsize, fits, [&]<class Bits>(int64_t width) {
    if (plan.ndim <= 4)
      launch_shift<Bits, 4>(plan, width);
    else
      launch_shift<Bits, ShiftPlan::kMaxDims>(plan, width);
  });
}

// ---- sums of edges

// The places [begin, end) of a dimension where one of its elements stands.
struct Range {
  int64_t begin, end;
};

template <class T>
__global__ void __launch_bounds__(kThreads) unpad_kernel(const UnpadPlan p) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= p.outer * p.in_size * p.inner) return;
  const int64_t inner = at % p.inner, s = at / p.inner % p.in_size, outer = at / p.inner / p.in_size,
                n = p.in_size;
  const auto clipped = [&](int64_t begin, int64_t end) {
    return Range{begin < 0 ? 0 : begin, end > p.out_size ? p.out_size : end};
  };
  const auto place = [&](int64_t i, bool there = true) { return there ? clipped(i, i + 1) : Range{0, 0}; };
  Range ranges[3] = {place(s + p.before), {0, 0}, {0, 0}};
  if (p.edge == Edge::Reflect) {
    ranges[1] = place(p.before - s, s > 0);
    ranges[2] = place(2 * (n - 1) - s + p.before, s < n - 1);
  } else if (p.edge == Edge::Replicate) {
    if (s == 0) ranges[1] = clipped(0, p.before);
    if (s == n - 1) ranges[2] = clipped(n + p.before, p.out_size);
  } else if (p.edge == Edge::Circular) {
    const bool kept = s >= p.cut && s < p.cut + p.rest;
    ranges[0] = place(s + p.before, kept);
    ranges[1] = place(s + p.before - p.rest, kept);
    ranges[2] = place(s + p.before + p.rest, kept);
  }
  opmath_t<T> sum{};
#pragma unroll
  for (const Range& range : ranges)
    for (int64_t i = range.begin; i < range.end; ++i)
      sum = static_cast<opmath_t<T>>(
          sum + to_op(static_cast<const T*>(p.out)[(outer * p.out_size + i) * p.inner + inner]));
  static_cast<T*>(p.in)[at] = from_op<T>(sum);
}

// ---- triangles

struct Triangles {
  const char* in;
  char* out;
  int64_t vectors, diagonal;
  FastDivisor columns, rows;  // columns in vectors
  bool lower;
};

template <class Bits, class Element>
__global__ void __launch_bounds__(kThreads) triangle_kernel(const Triangles t) {
  constexpr int W = static_cast<int>(sizeof(Bits) / sizeof(Element));
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= t.vectors) return;
  uint32_t column, row;
  t.rows.divide(t.columns.divide(static_cast<uint32_t>(at), column), row);
  const int64_t c = static_cast<int64_t>(column) * W,
                split = static_cast<int64_t>(row) + t.diagonal + (t.lower ? 1 : 0);
  // [0, split) is kept, or zero where not lower. What is zero is not read.
  const bool any = t.lower ? c < split : c + W > split, all = t.lower ? c + W <= split : c >= split;
  Vector<Element, W> value{};
  if (any) value = reinterpret_cast<const Vector<Element, W>*>(t.in)[at];
  if (any && !all) {
#pragma unroll
    for (int i = 0; i < W; ++i)
      if ((c + i < split) != t.lower) value.at[i] = Element{};
  }
  reinterpret_cast<Vector<Element, W>*>(t.out)[at] = value;
}

template <class Element>
void triangles(const TrianglePlan& plan) {
  const auto run = [&]<class Bits>() {
    constexpr int64_t W = sizeof(Bits) / sizeof(Element);
    const Triangles t{static_cast<const char*>(plan.in),
                      static_cast<char*>(plan.out),
                      plan.count * plan.rows * (plan.columns / W),
                      plan.diagonal,
                      FastDivisor(static_cast<uint32_t>(plan.columns / W)),
                      FastDivisor(static_cast<uint32_t>(plan.rows)),
                      plan.lower};
    launch(triangle_kernel<Bits, Element>, {static_cast<unsigned>(ceil_div(t.vectors, kThreads)), kThreads},
           t);
  };
  constexpr int64_t W = 16 / sizeof(Element);
  if (plan.columns % W == 0 && reinterpret_cast<uintptr_t>(plan.in) % 16 == 0 &&
      reinterpret_cast<uintptr_t>(plan.out) % 16 == 0)
    run.template operator()<bits_t<16>>();
  else
    run.template operator()<Element>();
}

void triangle_part(const TrianglePlan& plan) {
  switch (plan.itemsize) {
    case 1: return triangles<bits_t<1>>(plan);
    case 2: return triangles<bits_t<2>>(plan);
    case 4: return triangles<bits_t<4>>(plan);
    case 8: return triangles<bits_t<8>>(plan);
    default: return triangles<bits_t<16>>(plan);
  }
}

}  // namespace

void shift_elements(const ShiftPlan& plan) {
  int64_t numel = 1;
  for (int d = 0; d < plan.ndim; ++d) numel *= plan.dim[d].out_size;
  if (numel == 0) return;
  if (numel <= kMaxIndexed) return shift_part(plan);
  // The outermost dimension is cut: its second half begins later.
  ShiftPlan low = plan, high = plan;
  int outer = plan.ndim - 1;
  while (outer > 0 && plan.dim[outer].out_size == 1) --outer;
  const int64_t size = plan.dim[outer].out_size, first = size / 2;
  low.dim[outer].out_size = first;
  high.dim[outer].out_size = size - first;
  high.dim[outer].before -= first;
  high.out = static_cast<char*>(plan.out) + numel / size * first * plan.itemsize;
  shift_elements(low);
  shift_elements(high);
}

void sum_edges(const UnpadPlan& plan, DType dtype) {
  const int64_t n = plan.outer * plan.in_size * plan.inner;
  visit(dtype, [&]<class Element>() {
    launch(unpad_kernel<device_t<Element>>, {static_cast<unsigned>(ceil_div(n, kThreads)), kThreads}, plan);
  });
}

void copy_triangles(const TrianglePlan& plan) {
  const int64_t matrix = plan.rows * plan.columns;
  if (plan.count * matrix == 0) return;
  const int64_t most = matrix > kMaxIndexed ? 1 : kMaxIndexed / matrix;
  for (int64_t done = 0; done < plan.count; done += most) {
    TrianglePlan part = plan;
    part.in = static_cast<const char*>(plan.in) + done * matrix * plan.itemsize;
    part.out = static_cast<char*>(plan.out) + done * matrix * plan.itemsize;
    part.count = plan.count - done < most ? plan.count - done : most;
    if (matrix <= kMaxIndexed) {
      triangle_part(part);
      continue;
    }
    // One matrix of 2^31 elements and more: by rows, for which the diagonal moves on.
    const int64_t rows = kMaxIndexed / plan.columns > 0 ? kMaxIndexed / plan.columns : 1;
    for (int64_t row = 0; row < plan.rows; row += rows) {
      TrianglePlan strip = part;
      strip.in = static_cast<const char*>(part.in) + row * plan.columns * plan.itemsize;
      strip.out = static_cast<char*>(part.out) + row * plan.columns * plan.itemsize;
      strip.rows = plan.rows - row < rows ? plan.rows - row : rows;
      strip.diagonal = plan.diagonal + row;
      triangle_part(strip);
    }
  }
}

}  // namespace plait::cuda
