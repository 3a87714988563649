// An op with kernels for both devices: alpha x + y.
#include <plait/extension.h>
using namespace plait;

template <class T>
__global__ void saxpy_kernel(int64_t n, T alpha, const T* x, const T* y, T* out) {
  const int64_t i = blockIdx.x * static_cast<int64_t>(blockDim.x) + threadIdx.x;
  if (i < n) out[i] = alpha * x[i] + y[i];
}

void saxpy_cuda(const Tensor& out, const Tensor& x_, const Tensor& y_, double alpha) {
  const auto ready = [&](const Tensor& t) { return t.to(out.dtype()).expand(out.sizes()).contiguous(); };
  const Tensor x = ready(x_), y = ready(y_);
  const int64_t n = out.numel();
  constexpr int kThreads = 256;
  if (n == 0) return;
  visit<Types<float, double>>(out.dtype(), "saxpy", [&]<class T>() {
    saxpy_kernel<<<static_cast<unsigned>((n + kThreads - 1) / kThreads), kThreads, 0, current_stream(out)>>>(
        n, static_cast<T>(alpha), x.data<T>(), y.data<T>(), out.data<T>());
  });
  const cudaError_t status = cudaGetLastError();
  check<RuntimeError>(status == cudaSuccess, "saxpy: the kernel was not launched: {}",
                      cudaGetErrorString(status));
}

PLAIT_OP(saxpy, Tensor(const Tensor&, const Tensor&, double)){
    .schema = "saxpy(Tensor x, Tensor y, *, float alpha=1.0) -> Tensor",
    .doc = "alpha x + y, elementwise.",
    .meta =
        [](const Tensor& x, const Tensor& y, double) {
          return broadcast("saxpy", x, y).contiguous();  // whatever the layout of the arguments
        },
    .vjp =
        [](Vjp& v) {
          v.set("x", v.grad() * v.attr<double>("alpha"));
          v.set("y", v.grad());
        },
    .kind = Kind::Pointwise,
    .dtypes = set_of(DType::Float32) | set_of(DType::Float64),
    .cpu =
        [](const Tensor& out, const Tensor& x, const Tensor& y, double alpha) {
          elementwise(out, {x, y}, [alpha]<class T>(T a, T b) { return static_cast<T>(alpha) * a + b; });
        },
    .cuda = saxpy_cuda,
};
