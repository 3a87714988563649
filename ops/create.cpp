// New tensors.
#include "ops/cpu/convert.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

TensorSpec spec_of(const char* op, IntSpan size, std::optional<DType> dtype, std::optional<Device> device) {
  checked_numel(size, op);
  return TensorSpec(Dims(size), dtype.value_or(default_dtype()), device.value_or(kCPU));
}
void fill_with(const Tensor& out, const Scalar& value) { cpu::copy(out, scalar_tensor(value, out.dtype())); }

}  // namespace

Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> empty{{
    .schema = "empty(int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(A tensor whose elements are whatever its memory held.

>>> plait.empty(2, 3).shape
plait.Size([2, 3]))",
    .meta = [](IntSpan size, std::optional<DType> dtype, std::optional<Device> device) { return spec_of("empty", size, dtype, device); },
    .kind = Kind::Create,
    .cpu = [](const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>) {},
}};

Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> zeros{{
    .schema = "zeros(int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(A tensor of zeros.

>>> plait.zeros(2)
tensor([0., 0.]))",
    .meta = [](IntSpan size, std::optional<DType> dtype, std::optional<Device> device) { return spec_of("zeros", size, dtype, device); },
    .kind = Kind::Create,
    .out = true,
    .cpu = [](const Tensor& out, IntSpan, std::optional<DType>, std::optional<Device>) { fill_with(out, 0); },
}};

}  // namespace plait::op
