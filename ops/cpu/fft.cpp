#include "ops/cpu/fft.h"

#include "core/error.h"

namespace plait::cpu {
namespace {

FftKernel g_kernel = nullptr;

}  // namespace

void set_fft_kernel(FftKernel kernel) { g_kernel = kernel; }

void fft(const Tensor& out, const Tensor& self, IntSpan dims, bool forward, double scale) {
  check<NotImplementedError>(
      g_kernel != nullptr,
      "fft: transforms on the CPU are computed by NumPy, and Python's plait.fft is not loaded; import plait");
  if (out.numel() != 0) g_kernel(out, self, dims, forward, scale);
}

}  // namespace plait::cpu
