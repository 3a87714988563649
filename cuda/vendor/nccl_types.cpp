#include "cuda/vendor/nccl_types.h"

#include "core/error.h"
#include "cuda/runtime/device.h"
#include "cuda/vendor/nccl_library.h"

namespace plait::cuda {
namespace {

using distributed::Reduction;

constexpr int kFirstWithFloat8 = 22400;  // and from Hopper on

ncclDataType_t type_of(const char* collective, const Tensor& tensor) {
  switch (to_real(tensor.dtype())) {
    case DType::Bool:
    case DType::UInt8: return ncclUint8;
    case DType::Int8: return ncclInt8;
    case DType::Int32: return ncclInt32;
    case DType::Int64: return ncclInt64;
    case DType::Float16: return ncclFloat16;
    case DType::BFloat16: return ncclBfloat16;
    case DType::Float32: return ncclFloat32;
    case DType::Float64: return ncclFloat64;
#if NCCL_VERSION_CODE >= 22400
    case DType::Float8E4M3FN:
    case DType::Float8E5M2:
      if (nccl_version() >= kFirstWithFloat8 && properties(tensor.device().index).major >= 9)
        return tensor.dtype() == DType::Float8E5M2 ? ncclFloat8e5m2 : ncclFloat8e4m3;
      fail<TypeError>("{}: NCCL reduces {} from version 2.24 and from Hopper on; convert it to float16",
                      collective, tensor.dtype());
#endif
    default:
      fail<TypeError>("{}: NCCL reduces no tensors of {}; convert it to int32 or to a float", collective,
                      tensor.dtype());
  }
}

ncclRedOp_t op_of(const char* collective, const Tensor& tensor, Reduction reduction) {
  const DType dtype = tensor.dtype();
  switch (reduction) {
    // A sum of bools is whether any is true, which the sum of bytes would not stay.
    case Reduction::Sum: return dtype == DType::Bool ? ncclMax : ncclSum;
    case Reduction::Avg:
      check<TypeError>(dtype != DType::Bool, "{}: bools have no average; use sum, or convert them",
                       collective);
      return ncclAvg;
    default: break;
  }
  check(!is_complex(dtype), "{}: complex tensors have 'sum' and 'avg' with nccl, not '{}'", collective,
        name(reduction));
  switch (reduction) {
    case Reduction::Product: return ncclProd;
    case Reduction::Min: return ncclMin;
    case Reduction::Max: return ncclMax;
    default:
      fail<ValueError>("{}: nccl has no reduction '{}'; use 'sum', 'avg', 'product', 'min' or 'max', or gloo",
                       collective, name(reduction));
  }
}

}  // namespace

NcclElements nccl_reduction(const char* collective, const Tensor& tensor, int64_t count,
                            Reduction reduction) {
  const ncclRedOp_t op = op_of(collective, tensor, reduction);
  return {type_of(collective, tensor), op,
          static_cast<size_t>(is_complex(tensor.dtype()) ? 2 * count : count)};
}

}  // namespace plait::cuda
