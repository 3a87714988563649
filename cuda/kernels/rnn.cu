#include "cuda/kernels/rnn.h"

#include "cuda/device/launch.cuh"
#include "cuda/device/math.cuh"
#include "cuda/device/numeric.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;

template <class O>
__device__ __forceinline__ O sigmoid(O x) {
  return O(1) / (O(1) + math::exp(-x));
}
// The derivatives of sigmoid and tanh by their values.
template <class O>
__device__ __forceinline__ O sigmoid_slope(O y) {
  return y * (O(1) - y);
}
template <class O>
__device__ __forceinline__ O tanh_slope(O y) {
  return O(1) - y * y;
}

// A unit of a row: reads and writes part `p` of (rows, parts * size) arrays in the opmath type.
template <class T>
struct Unit {
  using O = opmath_t<T>;
  int64_t row, j, size;

  __device__ O get(const void* array, int parts = 1, int p = 0) const {
    return to_op(static_cast<const T*>(array)[(row * parts + p) * size + j]);
  }
  __device__ O get_or_zero(const void* array, int parts = 1, int p = 0) const {
    return array ? get(array, parts, p) : O(0);
  }
  __device__ void put(void* array, O x, int parts = 1, int p = 0) const {
    static_cast<T*>(array)[(row * parts + p) * size + j] = from_op<T>(x);
  }
  __device__ O& state(void* array) const { return static_cast<O*>(array)[row * size + j]; }
};

template <class T, class Step>
__device__ __forceinline__ bool unit_of(const Step& step, Unit<T>& unit) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= step.rows * step.size) return false;
  unit = {at / step.size, at % step.size, step.size};
  return true;
}

template <class T>
__global__ void __launch_bounds__(kThreads) lstm_kernel(const LstmStep s) {
  Unit<T> u;
  if (!unit_of<T>(s, u)) return;
  const auto i = sigmoid(u.get(s.gates, 4, 0)), f = sigmoid(u.get(s.gates, 4, 1));
  const auto g = math::tanh(u.get(s.gates, 4, 2)), o = sigmoid(u.get(s.gates, 4, 3));
  const auto next = f * u.get(s.c) + i * g;
  u.put(s.next, next);
  u.put(s.h, o * math::tanh(next));
}

template <class T>
__global__ void __launch_bounds__(kThreads) lstm_grad_kernel(const LstmStepGrad s) {
  Unit<T> u;
  if (!unit_of<T>(s, u)) return;
  const auto i = sigmoid(u.get(s.gates, 4, 0)), f = sigmoid(u.get(s.gates, 4, 1));
  const auto g = math::tanh(u.get(s.gates, 4, 2)), o = sigmoid(u.get(s.gates, 4, 3));
  const auto squashed = math::tanh(u.get(s.next)), h = u.get_or_zero(s.grad_h);
  const auto d = h * o * tanh_slope(squashed) + u.get_or_zero(s.grad_c);
  u.put(s.dgates, d * g * sigmoid_slope(i), 4, 0);
  u.put(s.dgates, d * u.get(s.c) * sigmoid_slope(f), 4, 1);
  u.put(s.dgates, d * i * tanh_slope(g), 4, 2);
  u.put(s.dgates, h * squashed * sigmoid_slope(o), 4, 3);
  u.put(s.dc, d * f);
}

template <class T>
__global__ void __launch_bounds__(kThreads) gru_kernel(const GruStep s) {
  Unit<T> u;
  if (!unit_of<T>(s, u)) return;
  const auto r = sigmoid(u.get(s.gates_x, 3, 0) + u.get(s.gates_h, 3, 0));
  const auto z = sigmoid(u.get(s.gates_x, 3, 1) + u.get(s.gates_h, 3, 1));
  const auto n = math::tanh(u.get(s.gates_x, 3, 2) + r * u.get(s.gates_h, 3, 2));
  u.put(s.next, n + z * (u.get(s.h) - n));
}

template <class T>
__global__ void __launch_bounds__(kThreads) gru_grad_kernel(const GruStepGrad s) {
  using O = opmath_t<T>;
  Unit<T> u;
  if (!unit_of<T>(s, u)) return;
  const O from_h = u.get(s.gates_h, 3, 2), d = u.get(s.grad);
  const O r = sigmoid(u.get(s.gates_x, 3, 0) + u.get(s.gates_h, 3, 0));
  const O z = sigmoid(u.get(s.gates_x, 3, 1) + u.get(s.gates_h, 3, 1));
  const O n = math::tanh(u.get(s.gates_x, 3, 2) + r * from_h);
  const O d_fresh = d * (O(1) - z) * tanh_slope(n);
  const O d_update = d * (u.get(s.h) - n) * sigmoid_slope(z);
  const O d_reset = d_fresh * from_h * sigmoid_slope(r);
  u.put(s.dx, d_reset, 3, 0);
  u.put(s.dy, d_reset, 3, 0);
  u.put(s.dx, d_update, 3, 1);
  u.put(s.dy, d_update, 3, 1);
  u.put(s.dx, d_fresh, 3, 2);
  u.put(s.dy, d_fresh * r, 3, 2);
  u.put(s.dh, d * z);
}

// ---- layers

template <Cell C, class T>
__global__ void __launch_bounds__(kThreads) layer_kernel(const LayerStep s) {
  using O = opmath_t<T>;
  Unit<T> u;
  if (!unit_of<T>(s, u)) return;
  if constexpr (C == Cell::Lstm) {
    const auto sum = [&](int p) { return u.get(s.gates, 4, p) + u.get(s.x, 4, p); };
    const O i = sigmoid(sum(0)), f = sigmoid(sum(1)), g = math::tanh(sum(2)), o = sigmoid(sum(3));
    const O c = f * u.state(s.state) + i * g;
    u.state(s.state) = c;
    u.put(s.gates, i, 4, 0);
    u.put(s.gates, f, 4, 1);
    u.put(s.gates, g, 4, 2);
    u.put(s.gates, o, 4, 3);
    u.put(s.cells, c);
    u.put(s.out, o * math::tanh(c));
  } else if constexpr (C == Cell::Gru) {
    const auto own = [&](int p) {
      return u.get(s.gates, 4, p) + (s.bias ? to_op(static_cast<const T*>(s.bias)[p * s.size + u.j]) : O(0));
    };
    const O sum = own(2);
    const O r = sigmoid(u.get(s.x, 3, 0) + own(0)), z = sigmoid(u.get(s.x, 3, 1) + own(1));
    const O n = math::tanh(u.get(s.x, 3, 2) + r * sum);
    const O h = n + z * (u.state(s.state) - n);
    u.state(s.state) = h;
    u.put(s.gates, r, 4, 0);
    u.put(s.gates, z, 4, 1);
    u.put(s.gates, n, 4, 2);
    u.put(s.gates, sum, 4, 3);
    u.put(s.out, h);
  } else {
    const O x = u.get(s.out) + u.get(s.x);
    if constexpr (C == Cell::Relu)
      u.put(s.out, x <= O(0) ? O(0) : x);  // NaN stays
    else
      u.put(s.out, math::tanh(x));
  }
}

template <Cell C, class T>
__global__ void __launch_bounds__(kThreads) layer_grad_kernel(const LayerStepGrad s) {
  using O = opmath_t<T>;
  Unit<T> u;
  if (!unit_of<T>(s, u)) return;
  if constexpr (C == Cell::Lstm) {
    const O i = u.get(s.gates, 4, 0), f = u.get(s.gates, 4, 1), g = u.get(s.gates, 4, 2),
            o = u.get(s.gates, 4, 3);
    const O h = u.get(s.dh) + u.get_or_zero(s.grad_out), squashed = math::tanh(u.get(s.cells));
    const O d = u.state(s.state) + u.get_or_zero(s.grad_cells) + h * o * tanh_slope(squashed);
    const O before = u.get(u.row < s.shared ? s.before : s.initial);
    u.put(s.dx_sums, (d * g + u.get_or_zero(s.grad_gates, 4, 0)) * sigmoid_slope(i), 4, 0);
    u.put(s.dx_sums, (d * before + u.get_or_zero(s.grad_gates, 4, 1)) * sigmoid_slope(f), 4, 1);
    u.put(s.dx_sums, (d * i + u.get_or_zero(s.grad_gates, 4, 2)) * tanh_slope(g), 4, 2);
    u.put(s.dx_sums, (h * squashed + u.get_or_zero(s.grad_gates, 4, 3)) * sigmoid_slope(o), 4, 3);
    u.state(s.state) = d * f;
  } else if constexpr (C == Cell::Gru) {
    const O r = u.get(s.gates, 4, 0), z = u.get(s.gates, 4, 1), n = u.get(s.gates, 4, 2),
            sum = u.get(s.gates, 4, 3);
    const O d = u.get(s.dh) + u.state(s.state) + u.get_or_zero(s.grad_out);
    const O before = u.get(u.row < s.shared ? s.before : s.initial);
    const O d_fresh = (d * (O(1) - z) + u.get_or_zero(s.grad_gates, 4, 2)) * tanh_slope(n);
    const O d_update = (d * (before - n) + u.get_or_zero(s.grad_gates, 4, 1)) * sigmoid_slope(z);
    const O d_reset = (d_fresh * sum + u.get_or_zero(s.grad_gates, 4, 0)) * sigmoid_slope(r);
    u.put(s.dx_sums, d_reset, 3, 0);
    u.put(s.dh_sums, d_reset, 3, 0);
    u.put(s.dx_sums, d_update, 3, 1);
    u.put(s.dh_sums, d_update, 3, 1);
    u.put(s.dx_sums, d_fresh, 3, 2);
    u.put(s.dh_sums, d_fresh * r + u.get_or_zero(s.grad_gates, 4, 3), 3, 2);
    u.state(s.state) = d * z;
  } else {
    const O d = u.get(s.dh) + u.get_or_zero(s.grad_out), y = u.get(s.out);
    if constexpr (C == Cell::Relu)
      u.put(s.dx_sums, y <= O(0) ? O(0) : d);
    else
      u.put(s.dx_sums, d * tanh_slope(y));
  }
}

template <class T>
__global__ void __launch_bounds__(kThreads) add_state_kernel(T* x, const opmath_t<T>* state, int64_t n) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i < n) x[i] = from_op<T>(to_op(x[i]) + state[i]);
}

// Calls f<T>() for a float dtype.
template <class F>
void visit_float(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float>();
    default: return f.template operator()<double>();
  }
}

template <class Step>
LaunchConfig threads_for(const Step& step) {
  return {static_cast<unsigned>(ceil_div(step.rows * step.size, kThreads)), kThreads};
}

}  // namespace

void lstm_step(const LstmStep& step, DType dtype) {
  visit_float(dtype, [&]<class T>() { launch(lstm_kernel<T>, threads_for(step), step); });
}
void lstm_step_grad(const LstmStepGrad& step, DType dtype) {
  visit_float(dtype, [&]<class T>() { launch(lstm_grad_kernel<T>, threads_for(step), step); });
}
void gru_step(const GruStep& step, DType dtype) {
  visit_float(dtype, [&]<class T>() { launch(gru_kernel<T>, threads_for(step), step); });
}
void gru_step_grad(const GruStepGrad& step, DType dtype) {
  visit_float(dtype, [&]<class T>() { launch(gru_grad_kernel<T>, threads_for(step), step); });
}

void layer_step(Cell cell, const LayerStep& step, DType dtype) {
  visit_float(dtype, [&]<class T>() {
    launch(cell == Cell::Lstm   ? layer_kernel<Cell::Lstm, T>
           : cell == Cell::Gru  ? layer_kernel<Cell::Gru, T>
           : cell == Cell::Tanh ? layer_kernel<Cell::Tanh, T>
                                : layer_kernel<Cell::Relu, T>,
           threads_for(step), step);
  });
}
void layer_step_grad(Cell cell, const LayerStepGrad& step, DType dtype) {
  visit_float(dtype, [&]<class T>() {
    launch(cell == Cell::Lstm   ? layer_grad_kernel<Cell::Lstm, T>
           : cell == Cell::Gru  ? layer_grad_kernel<Cell::Gru, T>
           : cell == Cell::Tanh ? layer_grad_kernel<Cell::Tanh, T>
                                : layer_grad_kernel<Cell::Relu, T>,
           threads_for(step), step);
  });
}

void add_state(void* x, const void* state, int64_t n, DType dtype) {
  visit_float(dtype, [&]<class T>() {
    launch(add_state_kernel<T>, {static_cast<unsigned>(ceil_div(n, kThreads)), kThreads}, static_cast<T*>(x),
           static_cast<const opmath_t<T>*>(state), n);
  });
}

}  // namespace plait::cuda
