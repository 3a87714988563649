// One thread a pair of coefficients, of two columns of a matrix with `half` columns: 64 bytes of traffic for
// 16 that are used, 2 / half of the spectrum. The transform that follows moves all of it several times.
#include "cuda/kernels/fft.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void __launch_bounds__(kThreads)
    mean_of_opposites(Complex<T>* data, int64_t batch, int64_t n0, int64_t n1, int64_t half, int columns) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * kThreads, count = batch * n0 * n1 * columns;
  for (int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; at < count; at += step) {
    const int64_t row = at / columns, column = at % columns ? half - 1 : 0;
    const int64_t j = row % n1, i = row / n1 % n0;
    const int64_t other_j = j ? n1 - j : 0, other_i = i ? n0 - i : 0;
    const int64_t other = row + (other_i - i) * n1 + (other_j - j);
    if (other < row) continue;  // that thread's pair
    Complex<T>&a = data[row * half + column], &b = data[other * half + column];
    const T re = T(0.5) * a.re + T(0.5) * b.re, im = T(0.5) * a.im - T(0.5) * b.im;
    a = {re, im};
    if (other == row)
      a = {a.re, T(0)};
    else
      b = {re, -im};
  }
}

}  // namespace

void make_hermitian(const HermitianPlan& p) {
  const int columns = p.has_last && p.half > 1 ? 2 : 1;
  const int64_t blocks = ceil_div(p.batch * p.n0 * p.n1 * columns, kThreads);
  const int64_t most = static_cast<int64_t>(properties().multiprocessors) * 16;
  const LaunchConfig config{dim3(static_cast<unsigned>(blocks < most ? blocks : most)), dim3(kThreads)};
  if (p.is_double)
    launch(mean_of_opposites<double>, config, static_cast<Complex<double>*>(p.data), p.batch, p.n0, p.n1,
           p.half, columns);
  else
    launch(mean_of_opposites<float>, config, static_cast<Complex<float>*>(p.data), p.batch, p.n0, p.n1,
           p.half, columns);
}

}  // namespace plait::cuda
