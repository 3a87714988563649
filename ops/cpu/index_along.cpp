// gather and scatter along one dimension.
#include "ops/cpu/index_along.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "core/parallel.h"
#include "core/strided_iter.h"
#include "ops/cpu/element.h"
#include "ops/cpu/index.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;

// `tensor` as an operand of an iteration over `sizes`: the index gives the place along dim, so that its
// stride there is 0.
Tensor window(const Tensor& tensor, const Dims& sizes, int dim) {
  Dims strides(tensor.strides());
  if (!strides.empty()) strides[dim] = 0;
  return from_storage(tensor.storage(), tensor.dtype(), sizes, strides, tensor.storage_offset());
}

Tensor part_of(const Tensor& tensor, int dim, int64_t begin, int64_t length) {
  Dims sizes(tensor.sizes());
  sizes[dim] = length;
  return from_storage(tensor.storage(), tensor.dtype(), sizes, tensor.strides(),
                      tensor.storage_offset() + begin * tensor.strides()[dim]);
}

int64_t read_index(const char* at) { return *reinterpret_cast<const int64_t*>(at); }

template <class U>
void gather_loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const int64_t step = *static_cast<const int64_t*>(params);
  char* out = data[0];
  const char *index = data[1], *from = data[2];
  if (strides[0] == sizeof(U) && strides[1] == sizeof(int64_t) &&
      strides[2] == 0) {  // along the last dimension
    for (int64_t i = 0; i < n; ++i)
      reinterpret_cast<U*>(out)[i] =
          *reinterpret_cast<const U*>(from + reinterpret_cast<const int64_t*>(index)[i] * step);
    return;
  }
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<U*>(out + i * strides[0]) =
        *reinterpret_cast<const U*>(from + i * strides[2] + read_index(index + i * strides[1]) * step);
}

template <Reduce R, class T>
void apply(T& to, T value) {
  if constexpr (R == Reduce::Assign) {
    to = value;
  } else if constexpr (std::is_same_v<T, bool>) {
    if constexpr (R == Reduce::Add || R == Reduce::Max)
      to = to || value;
    else
      to = to && value;
  } else {
    using C = compute_t<T>;
    const C a = static_cast<C>(to), b = static_cast<C>(value);
    if constexpr (R == Reduce::Add) to = static_cast<T>(a + b);
    if constexpr (R == Reduce::Mul) to = static_cast<T>(a * b);
    if constexpr (R == Reduce::Max && !is_complex(dtype_of<T>))
      to = b > a || b != b ? value : to;  // NaN wins
    if constexpr (R == Reduce::Min && !is_complex(dtype_of<T>)) to = b < a || b != b ? value : to;
  }
}

// Places [low, high) of the result are this thread's.
struct ScatterParams {
  int64_t step, low, high;
};

template <Reduce R, class T>
void scatter_loop(char* const* data, const int64_t* strides, int64_t n, const void* params) {
  const auto& p = *static_cast<const ScatterParams*>(params);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = read_index(data[1] + i * strides[1]);
    if (at < p.low || at >= p.high) continue;
    apply<R, T>(*reinterpret_cast<T*>(data[0] + i * strides[0] + at * p.step),
                *reinterpret_cast<const T*>(data[2] + i * strides[2]));
  }
}

Loop scatter_loop_of(DType dtype, Reduce reduce) {
  if (reduce == Reduce::Assign)
    return visit_size(dtype, []<class U>() -> Loop { return &scatter_loop<Reduce::Assign, U>; });
  return visit(dtype, [&]<class T>() -> Loop {
    switch (reduce) {
      case Reduce::Mul: return &scatter_loop<Reduce::Mul, T>;
      case Reduce::Max: return &scatter_loop<Reduce::Max, T>;
      case Reduce::Min: return &scatter_loop<Reduce::Min, T>;
      default: return &scatter_loop<Reduce::Add, T>;
    }
  });
}

bool along_last(const Tensor& tensor, int dim, const Tensor& index) {
  return tensor.dim() > 0 && dim == tensor.dim() - 1 && index.dim() == tensor.dim() &&
         index.dtype() == DType::Int64 && index.is_contiguous() && index.numel() > 0;
}

// The offset in t of the beginning of row r of those that `sizes` has along its last dimension.
int64_t row_offset(const Tensor& t, const Dims& sizes, int64_t r) {
  int64_t offset = 0;
  for (int d = sizes.size() - 2; d >= 0; --d) {
    offset += r % sizes[d] * t.strides()[d];
    r /= sizes[d];
  }
  return offset;
}

// Both say whether all indices were in range; if not, the result is not complete.
bool gather_along_last(const Tensor& out, const Tensor& self, const Tensor& index) {
  const int64_t n = index.sizes().back(), size = self.sizes().back(), step = self.strides().back();
  const int64_t itemsize = plait::itemsize(out.dtype());
  const auto kernel = along_table().gather[std::countr_zero(static_cast<uint64_t>(itemsize))];
  const int64_t* at = index.data<int64_t>();
  std::atomic<bool> good{true};
  parallel_for(0, index.numel(), kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end && good.load(std::memory_order_relaxed);) {
      const int64_t r = i / n, count = std::min(end, (r + 1) * n) - i;
      const char* row = self.data<char>() + row_offset(self, index.sizes(), r) * itemsize;
      if (!kernel(out.data<char>() + i * itemsize, at + i, count, row, size, step)) good = false;
      i += count;
    }
  });
  return good;
}
bool add_along_last(const Tensor& out, const Tensor& index, const Tensor& src, bool from_zero) {
  const int64_t n = index.sizes().back(), size = out.sizes().back();
  const int64_t itemsize = plait::itemsize(out.dtype());
  const auto kernel = along_table().add[static_cast<int>(out.dtype())];
  const int64_t* at = index.data<int64_t>();
  std::atomic<bool> good{true};
  parallel_for(0, index.numel() / n, std::max<int64_t>(1, kGrain / n), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end && good.load(std::memory_order_relaxed); ++r) {
      char* row = out.data<char>() + row_offset(out, index.sizes(), r) * itemsize;
      if (from_zero) std::memset(row, 0, static_cast<size_t>(size * itemsize));
      if (!kernel(row, at + r * n, n, src.data<char>() + r * n * itemsize, size)) good = false;
    }
  });
  return good;
}
// Has each row of the index one of the result's for itself, and is there a row for each thread?
bool adds_along_last(const Tensor& out, int dim, const Tensor& index, const Tensor& src) {
  return along_last(out, dim, index) && out.is_contiguous() && src.is_contiguous() &&
         src.sizes() == index.sizes() && index.numel() / index.sizes().back() >= num_threads();
}

}  // namespace

void gather_along(const char* op, const Tensor& out, const Tensor& self, int dim, const Tensor& index) {
  const int64_t size = self.dim() ? self.sizes()[dim] : 1;
  if (along_last(self, dim, index) && out.is_contiguous()) {
    if (!gather_along_last(out, self, index)) checked_index(op, index, size, dim, false);  // raises
    return;
  }
  const Tensor checked = checked_index(op, index, size, dim, false);
  const int64_t step = (self.dim() ? self.strides()[dim] : 0) * itemsize(self.dtype());
  StridedIter iter;
  iter.output(out);
  iter.input(checked);
  const Tensor from = window(self, self.dim() ? checked.sizes() : Dims(), dim);
  iter.input(from);
  iter.build();
  iter.run_in_place(visit_size(out.dtype(), []<class U>() -> Loop { return &gather_loop<U>; }), &step, 2);
}

void gather_grad_along(const char* op, const Tensor& out, int dim, const Tensor& index, const Tensor& grad) {
  const int64_t size = out.dim() ? out.sizes()[dim] : 1;
  const bool by_rows = size > 0 && adds_along_last(out, dim, index, grad);
  const bool all_rows = by_rows && out.numel() / size == index.numel() / index.sizes().back();
  if (!all_rows && out.numel() > 0) std::memset(out.data_ptr(), 0, static_cast<size_t>(out.nbytes()));
  if (!by_rows) {
    scatter_along(out, dim, checked_index(op, index, size, dim, false), grad, Reduce::Add);
  } else if (!add_along_last(out, index, grad, all_rows)) {
    checked_index(op, index, size, dim, false);  // raises
  }
}

void scatter_along(const Tensor& out, int dim, const Tensor& index, const Tensor& src, Reduce reduce) {
  const int64_t numel = index.numel();
  if (numel == 0) return;
  if (reduce == Reduce::Add && adds_along_last(out, dim, index, src)) {
    add_along_last(out, index, src, false);
    return;
  }
  const Loop loop = scatter_loop_of(out.dtype(), reduce);
  const int64_t step = (out.dim() ? out.strides()[dim] : 0) * itemsize(out.dtype());
  const int64_t size = out.dim() ? out.sizes()[dim] : 1;
  const Dims& sizes = out.dim() ? index.sizes() : out.sizes();
  const Tensor to = window(out, sizes, dim);
  const Tensor from =
      src.numel() == 1 ? from_storage(src.storage(), src.dtype(), Dims(), Dims(), src.storage_offset())
                       : from_storage(src.storage(), src.dtype(), sizes, src.strides(), src.storage_offset());
  const auto run = [&](const Tensor& t, const Tensor& i, const Tensor& s, const ScatterParams& params) {
    StridedIter iter;
    iter.output(t);
    iter.input(i);
    iter.input(s);
    iter.build();
    iter.for_each_serial(
        [&](char* const* data, const int64_t* strides, int64_t n) { loop(data, strides, n, &params); });
  };
  // Threads share the result along another dimension where there is one, else by ranges of places: elements
  // that meet are met in their order by one thread.
  int widest = -1;
  for (int d = 0; d < sizes.size(); ++d)
    if (d != dim && (widest < 0 || sizes[d] > sizes[widest])) widest = d;
  if (widest >= 0 && sizes[widest] >= num_threads()) {
    parallel_for(0, sizes[widest], std::max<int64_t>(1, kGrain * sizes[widest] / numel),
                 [&](int64_t begin, int64_t end) {
                   const auto part = [&](const Tensor& t) {
                     return t.dim() ? part_of(t, widest, begin, end - begin) : t;
                   };
                   run(part(to), part(index), part(from), {step, 0, size});
                 });
  } else {
    parallel_for(0, size, std::max<int64_t>(1, kGrain * size / numel), [&](int64_t begin, int64_t end) {
      run(to, index, from, {step, begin, end});
    });
  }
}

}  // namespace plait::cpu
