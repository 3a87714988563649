#include "distributed/cpu/combine.h"

#include "ops/decl/arithmetic.h"
#include "ops/decl/logical.h"
#include "ops/decl/power.h"

namespace plait::distributed {
namespace {

// As many bytes at once as stay in the nearest cache; too few for an op to call other threads, which would
// compete with the program's.
constexpr size_t kPiece = 32 * 1024;

Tensor borrowed(const char* data, size_t numel, DType dtype) {
  auto storage = Storage::adopt(
      new StorageImpl(const_cast<char*>(data), numel * itemsize(dtype), kCPU, nullptr, nullptr));
  return from_storage(std::move(storage), dtype, Dims{static_cast<int64_t>(numel)}, Dims{1}, 0);
}

template <class F>
void in_pieces(size_t numel, DType dtype, const F& f) {
  const size_t piece = kPiece / itemsize(dtype);
  for (size_t begin = 0; begin < numel; begin += piece)
    f(begin * itemsize(dtype), std::min(piece, numel - begin));
}

}  // namespace

void check_reduction(std::string_view who, Reduction reduction, DType dtype) {
  const bool bits =
      reduction == Reduction::BitAnd || reduction == Reduction::BitOr || reduction == Reduction::BitXor;
  const bool order = reduction == Reduction::Min || reduction == Reduction::Max;
  if (bits && !is_integral(dtype) && dtype != DType::Bool)
    fail<ValueError>("{}: expected integers or bool for the reduction {}, got {}", who, name(reduction),
                     dtype);
  if (order && is_complex(dtype))
    fail<ValueError>(
        "{}: the reduction {} has no meaning for {}; reduce the real and imaginary parts "
        "(plait.view_as_real)",
        who, name(reduction), dtype);
  if (reduction == Reduction::Avg && !is_floating(dtype) && !is_complex(dtype))
    fail<ValueError>(
        "{}: expected a floating or complex dtype for the reduction avg, got {}; use ReduceOp.SUM, "
        "and divide",
        who, dtype);
}

void combine(char* into, const char* from, size_t numel, DType dtype, Reduction reduction) {
  in_pieces(numel, dtype, [&](size_t offset, size_t count) {
    const Tensor a = borrowed(into + offset, count, dtype), b = borrowed(from + offset, count, dtype);
    switch (reduction) {
      case Reduction::Sum:
      case Reduction::Avg: add_(a, b); break;
      case Reduction::Product: mul_(a, b); break;
      case Reduction::Min: minimum_(a, b); break;
      case Reduction::Max: maximum_(a, b); break;
      case Reduction::BitAnd: bitwise_and_(a, b); break;
      case Reduction::BitOr: bitwise_or_(a, b); break;
      case Reduction::BitXor: bitwise_xor_(a, b); break;
    }
  });
}

void finish(char* into, size_t numel, DType dtype, Reduction reduction, int ranks) {
  if (reduction != Reduction::Avg) return;
  const Tensor divisor = wrapped_scalar(Scalar(static_cast<double>(ranks)));
  in_pieces(numel, dtype,
            [&](size_t offset, size_t count) { div_(borrowed(into + offset, count, dtype), divisor); });
}

}  // namespace plait::distributed
