#include "cuda/kernels/gemm.h"

#include "cuda/device/elementwise.cuh"
#include "cuda/device/tile_product.cuh"

namespace plait::cuda {
namespace {

template <class T>
struct GemmArgs {
  struct Operand {
    T* data;
    int64_t row, column;
    int64_t batch[GemmPlan::kMaxBatchDims];
  };
  int64_t m, n, k, first_batch;
  Operand c, a, b;
  int batch_dims;
  int64_t batch[GemmPlan::kMaxBatchDims];
  const T* bias;
  opmath_t<T> alpha, beta;
  bool beta_is_zero;
};

template <class T>
__global__ void __launch_bounds__(kTileThreads* kTileThreads) gemm_kernel(const GemmArgs<T> args) {
  int64_t a_at = 0, b_at = 0, c_at = 0, index = args.first_batch + blockIdx.z;
  for (int d = args.batch_dims - 1; d >= 0; --d) {
    const int64_t i = index % args.batch[d];
    index /= args.batch[d];
    a_at += i * args.a.batch[d], b_at += i * args.b.batch[d], c_at += i * args.c.batch[d];
  }
  const T* const a = args.a.data + a_at;
  const T* const b = args.b.data + b_at;
  T* const c = args.c.data + c_at;
  const auto store = [&](int64_t row, int64_t column, opmath_t<T> sum) {
    using O = opmath_t<T>;
    T& to = c[row * args.c.row + column * args.c.column];
    O value = static_cast<O>(args.alpha * sum);
    if (!args.beta_is_zero) value = static_cast<O>(value + args.beta * to_op(to));
    if (args.bias) value = static_cast<O>(value + to_op(args.bias[column]));
    to = from_op<T>(value);
  };
  for (int64_t column0 = static_cast<int64_t>(blockIdx.y) * kTile; column0 < args.n;
       column0 += static_cast<int64_t>(gridDim.y) * kTile)
    tile_product<T>(
        args.m, args.n, args.k, static_cast<int64_t>(blockIdx.x) * kTile, column0, args.a.column == 1,
        args.b.row == 1 && args.b.column != 1,
        [&](int64_t row, int64_t k) { return to_op(a[row * args.a.row + k * args.a.column]); },
        [&](int64_t k, int64_t column) { return to_op(b[k * args.b.row + column * args.b.column]); }, store);
}

template <class T>
void run(const GemmPlan& plan) {
  GemmArgs<T> args{};
  args.m = plan.m, args.n = plan.n, args.k = plan.k;
  const auto take = [&](auto& to, const GemmPlan::Operand& from) {
    to.data = static_cast<T*>(from.data);
    to.row = from.row, to.column = from.column;
    for (int d = 0; d < plan.batch_dims; ++d) to.batch[d] = from.batch[d];
  };
  take(args.c, plan.c), take(args.a, plan.a), take(args.b, plan.b);
  args.batch_dims = plan.batch_dims;
  int64_t batches = 1;
  for (int d = 0; d < plan.batch_dims; ++d) batches *= args.batch[d] = plan.batch[d];
  args.bias = static_cast<const T*>(plan.bias);
  args.alpha = number_as<T>(plan.alpha), args.beta = number_as<T>(plan.beta);
  args.beta_is_zero = plan.beta_is_zero;
  for (int64_t first = 0; first < batches; first += kMostBlocks) {
    args.first_batch = first;
    launch(gemm_kernel<T>, {tile_grid(plan.m, plan.n, batches - first), dim3(kTileThreads, kTileThreads)},
           args);
  }
}

}  // namespace

void run_gemm(const GemmPlan& plan) {
  visit(plan.dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) run<device_t<T>>(plan);
  });
}

}  // namespace plait::cuda
