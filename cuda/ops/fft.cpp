// Fourier transforms: dimensions that cuFFT takes at once, the copies it needs, factors.
#include "ops/decl/fft.h"

#include <algorithm>

#include "cuda/attach.h"
#include "cuda/kernels/fft.h"
#include "cuda/ops/pointwise.h"
#include "cuda/runtime/capture.h"
#include "cuda/vendor/cufft.h"
#include "ops/cpu/fft.h"
#include "ops/decl/complex.h"
#include "ops/decl/copy.h"

namespace plait::cuda {
namespace {

// ---- layouts

bool contains(const Dims& dims, int d) { return std::find(dims.begin(), dims.end(), d) != dims.end(); }

// The dimensions that are no part of the transform, outermost first.
Dims rest_of(const Tensor& t, const Dims& signal) {
  Dims rest;
  for (int d = 0; d < t.dim(); ++d)
    if (!contains(signal, d)) rest.push_back(d);
  return rest;
}

// Memory in which the transform's dimensions are the innermost ones, in their order.
Tensor laid_out(const Tensor& like, const Dims& signal) {
  Dims order = rest_of(like, signal), strides(static_cast<int>(like.dim()), 0);
  for (const int64_t d : signal) order.push_back(d);
  int64_t stride = 1;
  for (int i = order.size(); i-- > 0;) {
    strides[static_cast<int>(order[i])] = stride;
    stride *= like.sizes()[static_cast<int>(order[i])];
  }
  return empty_tensor(TensorSpec(like.sizes(), like.dtype(), like.device(), strides));
}

// How cuFFT walks over the tensor as it lies; false where its strides do not fit, or the data are not
// aligned. The transform's dimensions have sizes above 1.
bool find_layout(FftLayout& layout, const Tensor& t, const Dims& signal) {
  const int64_t complex_size = itemsize(to_complex(t.dtype()));
  if (reinterpret_cast<uintptr_t>(t.data_ptr()) % static_cast<uintptr_t>(complex_size)) return false;
  layout.dist = 0;  // the others are one dimension of a batch
  int64_t count = 1;
  const Dims rest = rest_of(t, signal);
  for (int i = rest.size(); i-- > 0;) {
    const int d = static_cast<int>(rest[i]);
    const int64_t size = t.sizes()[d], stride = t.strides()[d];
    if (size == 1) continue;
    if (count == 1)
      layout.dist = stride;
    else if (stride != layout.dist * count)
      return false;
    count *= size;
  }
  if (count == 1)
    layout.dist = t.numel();
  else if (layout.dist <= 0)
    return false;
  const int rank = signal.size();
  layout.stride = t.strides()[static_cast<int>(signal.back())];
  if (layout.stride <= 0) return false;
  layout.embed[0] = t.sizes()[static_cast<int>(signal[0])];
  for (int i = rank - 1; i > 0; --i) {
    const int64_t inner = t.strides()[static_cast<int>(signal[i])],
                  outer = t.strides()[static_cast<int>(signal[i - 1])];
    if (outer <= 0 || outer % inner) return false;
    layout.embed[i] = outer / inner;
    if (layout.embed[i] < t.sizes()[static_cast<int>(signal[i])]) return false;
  }
  return true;
}

// out = the sums over at most three dimensions of `in`, which may be out; copies only where cuFFT cannot read
// or write a tensor as it lies. `in` is overwritten where the result is real.
void transform(const Tensor& out, const Tensor& in, const Dims& signal, FftKind kind, bool forward) {
  FftProblem p{};
  p.kind = kind;
  p.rank = static_cast<uint8_t>(signal.size());
  p.is_double = to_real(in.dtype()) == DType::Float64;
  p.batch = 1;
  const Tensor& full = kind == FftKind::ComplexToReal ? out : in;
  for (int i = 0; i < signal.size(); ++i) p.n[i] = full.sizes()[static_cast<int>(signal[i])];
  for (const int64_t d : rest_of(out, signal)) p.batch *= out.sizes()[static_cast<int>(d)];

  Tensor source = in;
  if (!find_layout(p.in, in, signal)) {
    source = laid_out(in, signal);
    copy_on_device(source, in);
    find_layout(p.in, source, signal);
  }
  Tensor target = out;
  if (!find_layout(p.out, out, signal)) {
    const bool own = kind == FftKind::ComplexToComplex && !source.same(in);
    target = own ? source : laid_out(out, signal);
    find_layout(p.out, target, signal);
  }
  cufft_run(p, source.data_ptr(), target.data_ptr(), forward);
  if (!target.same(out)) copy_on_device(out, target);
}

// ---- dimensions

// Those in which something is summed, outermost first.
Dims summed(const Tensor& self, IntSpan dims) {
  Dims kept;
  for (int d = 0; d < self.dim(); ++d)
    if (self.sizes()[d] > 1 && std::find(dims.begin(), dims.end(), d) != dims.end()) kept.push_back(d);
  return kept;
}

// Takes the last `count` of the dimensions, or all.
Dims take_last(Dims& dims, int count) {
  const int start = std::max(dims.size() - count, 0);
  const Dims taken(IntSpan(dims).subspan(static_cast<size_t>(start)));
  dims = Dims(IntSpan(dims).first(static_cast<size_t>(start)));
  return taken;
}

// The remaining passes over complex numbers, in place.
void transform_rest(const Tensor& out, Dims dims, bool forward) {
  while (!dims.empty())
    transform(out, out, take_last(dims, FftProblem::kMaxRank), FftKind::ComplexToComplex, forward);
}

// out = the sums over all the dimensions, or a copy.
void transform_all(const Tensor& out, const Tensor& self, Dims dims, bool forward) {
  if (dims.empty()) return copy_on_device(out, self);
  transform(out, self, take_last(dims, FftProblem::kMaxRank), FftKind::ComplexToComplex, forward);
  transform_rest(out, dims, forward);
}

// ---- factors

// A tensor without gaps as a row of real numbers: complex ones are multiplied by a real factor part by part.
Tensor as_row(const Tensor& t) {
  const int64_t parts = is_complex(t.dtype()) ? 2 : 1;
  return from_storage(t.storage(), to_real(t.dtype()), Dims{parts * t.numel()}, Dims{1},
                      parts * t.storage_offset());
}
// Both without gaps and of one layout, or the same.
void scale_into(const Tensor& out, const Tensor& self, double scale) {
  const Tensor row = as_row(out), source = as_row(self), factor = scalar_tensor(scale, row.dtype());
  binary("fft", fn::Binary::Mul, row, source, factor);
}
void scale_by(const Tensor& out, double scale) {
  if (scale != 1) scale_into(out, out, scale);
}

// ---- without cuFFT

void on_host(const Tensor& out, const Tensor& self, IntSpan dims, bool forward, double scale) {
  check<RuntimeError>(
      !is_capturing(),
      "fft on cuda: cuFFT was not found, so that tensors are transformed on the CPU, which a graph cannot "
      "capture; pip install nvidia-cufft (or set LD_LIBRARY_PATH to the folder of libcufft.so.12)");
  const Tensor source = plait::_to_device(self, kCPU), result = empty_tensor(out.sizes(), out.dtype());
  cpu::fft(result, source, dims, forward, scale);
  copy_into(out, result);
}

// The dimensions, counted from 0; the shape rule has checked them.
Dims wrapped(const Tensor& self, IntSpan dim) {
  Dims dims(dim);
  for (int64_t& d : dims)
    if (d < 0) d += self.dim();
  return dims;
}

// ---- the ops

CudaKernel c2c_kernel(op::_fft_c2c,
                      [](const Tensor& out, const Tensor& self, IntSpan dim, bool forward, double scale) {
                        if (out.numel() == 0) return;
                        const Dims dims = wrapped(self, dim);
                        if (!cufft_is_available()) return on_host(out, self, dims, forward, scale);
                        transform_all(out, self, summed(self, dims), forward);
                        scale_by(out, scale);
                      });

CudaKernel r2c_kernel(op::_fft_r2c, [](const Tensor& out, const Tensor& self, IntSpan dim, double scale) {
  if (out.numel() == 0) return;
  Dims dims = wrapped(self, dim);
  if (!cufft_is_available()) return on_host(out, self, dims, true, scale);
  const int64_t last = dims.back();
  dims.erase(dims.size() - 1);
  Dims others = summed(self, dims);
  if (self.sizes()[static_cast<int>(last)] == 1) {
    copy_on_device(out, self);
  } else {
    Dims signal = take_last(others, FftProblem::kMaxRank - 1);
    signal.push_back(last);
    transform(out, self, signal, FftKind::RealToComplex, true);
  }
  transform_rest(out, others, true);
  scale_by(out, scale);
});

// What is transformed to real numbers is overwritten by cuFFT and has to be Hermitian: so it is copied first.
CudaKernel c2r_kernel(op::_fft_c2r, [](const Tensor& out, const Tensor& self, IntSpan dim, int64_t n,
                                       double scale) {
  if (out.numel() == 0) return;
  Dims dims = wrapped(self, dim);
  if (!cufft_is_available()) return on_host(out, self, dims, false, scale);
  const int last = static_cast<int>(dims.back());
  dims.erase(dims.size() - 1);
  Dims others = summed(self, dims), signal;
  if (n > 1) signal = take_last(others, FftProblem::kMaxRank - 1);
  signal.push_back(last);
  const Tensor half = laid_out(self, signal);
  // The factor comes with the copy where that goes straight through memory.
  const bool straight = others.empty() && self.strides() == half.strides();
  if (straight && scale != 1)
    scale_into(half, self, scale);
  else
    transform_all(half, self, others, false);
  if (n == 1) {
    copy_on_device(out, plait::real(half));
  } else {
    const int rank = signal.size();
    const auto size = [&](int i) { return i < 0 ? 1 : half.sizes()[static_cast<int>(signal[i])]; };
    const int64_t n0 = size(rank - 3), n1 = size(rank - 2), columns = size(rank - 1);
    make_hermitian({half.data_ptr(), half.numel() / (n0 * n1 * columns), n0, n1, columns, n % 2 == 0,
                    half.dtype() == DType::Complex128});
    transform(out, half, signal, FftKind::ComplexToReal, false);
  }
  if (!straight) scale_by(out, scale);
});

}  // namespace
}  // namespace plait::cuda
