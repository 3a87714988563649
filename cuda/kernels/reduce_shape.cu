#include <algorithm>

#include "cuda/device/reduce_kernel.cuh"
#include "cuda/kernels/reduce.h"

namespace plait::cuda {

Reducer reducer(ReduceOp function, DType dtype) {
  switch (function) {
    case ReduceOp::Sum:
    case ReduceOp::NanSum:
    case ReduceOp::Prod:
    case ReduceOp::NonZero:
    case ReduceOp::Any:
    case ReduceOp::All:
    case ReduceOp::NormOne: return detail::sum_reducer(function, dtype);
    case ReduceOp::NormTwo:
    case ReduceOp::Moments:
    case ReduceOp::LogSumExp: return detail::moment_reducer(function, dtype);
    default: return detail::extreme_reducer(function, dtype);
  }
}

namespace detail {
namespace {

constexpr int64_t kMostPerBlock = int64_t{1} << 30;  // positions within a block's part are 32 bits

}  // namespace

ReduceShape reduce_shape(int64_t results, int64_t length, bool across, bool flat, int width) {
  const int64_t multiprocessors = properties().multiprocessors, capacity = multiprocessors * 2048;
  const int64_t steps = flat ? length / width : length;  // loads that a result needs
  int log_red = 0;
  if (across) {
    // Neighbouring results at least 32 at a time, so that lines are read whole; rows among threads only where
    // the results alone do not fill the device.
    while (log_red < 8 && (kReduceThreads >> (log_red + 1)) >= std::min<int64_t>(32, results) &&
           (int64_t{2} << log_red) <= steps && (results << log_red) < capacity)
      ++log_red;
  } else {
    while (log_red < 5 && (int64_t{1} << log_red) < steps) ++log_red;
    while (log_red < 8 && (steps > int64_t{8} << log_red ||
                           ((results << log_red) < capacity && steps > int64_t{1} << log_red)))
      ++log_red;
  }
  ReduceShape shape{};
  shape.log_red = log_red;
  shape.blocks = ceil_div(results, kReduceThreads >> log_red);
  int64_t splits = 1;
  if (shape.blocks < 2 * multiprocessors) {
    const int64_t worth = steps / (int64_t{2 * kReduceUnroll} << log_red);  // two full chunks a thread
    splits = std::clamp<int64_t>(ceil_div(4 * multiprocessors, shape.blocks), 1, std::max<int64_t>(1, worth));
  }
  splits = std::max(splits, ceil_div(length, kMostPerBlock));
  const int64_t unit = flat ? 16 * width : 1;  // whole lines
  shape.per_split = std::max<int64_t>(unit, ceil_div(ceil_div(length, splits), unit) * unit);
  shape.splits = static_cast<unsigned>(std::max<int64_t>(1, ceil_div(length, shape.per_split)));
  return shape;
}

bool fits_vectors(const ReducePlan& plan, const ReducePlan::Dims& inner, const ReducePlan::Dims& other,
                  int64_t itemsize, int width) {
  const int64_t bytes = itemsize * width;
  if (inner.strides[0] != itemsize || inner.sizes[0] % width || reinterpret_cast<uintptr_t>(plan.in) % bytes)
    return false;
  for (int d = 1; d < inner.count; ++d)
    if (inner.strides[d] % bytes) return false;
  for (int d = 0; d < other.count; ++d)
    if (other.sizes[d] > 1 && other.strides[d] % bytes) return false;
  return true;
}

}  // namespace detail
}  // namespace plait::cuda
