#include "bindings/dlpack.h"
#include "core/batch.h"

#include "core/alignment.h"
#include "core/backend.h"

// The structures of DLPack 0.8 (https://dmlc.github.io/dlpack), as every library lays them out.
extern "C" {
struct DLDevice {
  int32_t device_type;
  int32_t device_id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
}

namespace plait::python {
namespace {

enum Code : uint8_t {
  kInt = 0,
  kUInt = 1,
  kFloat = 2,
  kBfloat = 4,
  kComplex = 5,
  kBool = 6,
  kFloat8E4M3FN = 10,
  kFloat8E5M2 = 12
};
constexpr int32_t kDLCPU = 1, kDLCUDA = 2, kDLCUDAHost = 3, kDLCUDAManaged = 13;

DLDataType dl_type(DType d) {
  const auto bits = static_cast<uint8_t>(itemsize(d) * 8);
  const uint8_t code = d == DType::Bool           ? kBool
                       : d == DType::UInt8        ? kUInt
                       : is_integral(d)           ? kInt
                       : d == DType::BFloat16     ? kBfloat
                       : d == DType::Float8E4M3FN ? kFloat8E4M3FN
                       : d == DType::Float8E5M2   ? kFloat8E5M2
                       : is_floating(d)           ? kFloat
                                                  : kComplex;
  return {code, bits, 1};
}

DType plait_type(DLDataType t) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const DLDataType own = dl_type(static_cast<DType>(i));
    if (own.code == t.code && own.bits == t.bits && t.lanes == 1) return static_cast<DType>(i);
  }
  fail<TypeError>("from_dlpack: elements of type code {}, {} bits and {} lanes have no plait dtype",
                  static_cast<int>(t.code), static_cast<int>(t.bits), static_cast<int>(t.lanes));
}

struct Export {
  DLManagedTensor managed;
  Dims sizes, strides;
  Storage storage;
};

void capsule_destructor(PyObject* capsule) {
  if (PyCapsule_IsValid(capsule, "dltensor")) {  // nobody took it
    auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
    if (managed->deleter) managed->deleter(managed);
  }
}

constexpr int kMostDims = 64;  // as NumPy has

}  // namespace

PyObject* to_dlpack(const Tensor& tensor) {
  refuse_batched(tensor, "__dlpack__");
  check<RuntimeError>(tensor.is_cpu() || tensor.device().type == DeviceType::CUDA,
                      "__dlpack__: a tensor on {} cannot be handed out", tensor.device());
  check<RuntimeError>(!tensor.requires_grad(),
                      "__dlpack__: a tensor that requires grad is not handed out; use .detach()");
  auto* out = new Export{{}, tensor.sizes(), tensor.strides(), tensor.storage()};
  if (tensor.storage()) tensor.storage()->let_out();
  const bool cpu = tensor.is_cpu();
  out->managed.dl_tensor = {tensor.data_ptr(),
                            {cpu ? kDLCPU : kDLCUDA, cpu ? 0 : std::max<int>(tensor.device().index, 0)},
                            out->sizes.size(),
                            dl_type(tensor.dtype()),
                            out->sizes.data(),
                            out->strides.data(),
                            0};
  out->managed.manager_ctx = out;
  out->managed.deleter = [](DLManagedTensor* self) { delete static_cast<Export*>(self->manager_ctx); };
  return checked(PyCapsule_New(&out->managed, "dltensor", capsule_destructor));
}

Tensor from_dlpack(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, "dltensor"))
    fail<ValueError>("from_dlpack: expected an unused capsule named 'dltensor' from __dlpack__()");
  auto* managed = static_cast<DLManagedTensor*>(PyCapsule_GetPointer(capsule, "dltensor"));
  const DLTensor& t = managed->dl_tensor;
  const bool cuda = t.device.device_type == kDLCUDA || t.device.device_type == kDLCUDAManaged;
  if (!cuda && t.device.device_type != kDLCPU && t.device.device_type != kDLCUDAHost)
    fail<RuntimeError>(
        "from_dlpack: a tensor on DLPack device type {} cannot be taken; move it to the CPU first",
        t.device.device_type);
  const Device device = cuda ? Device{DeviceType::CUDA, static_cast<int8_t>(t.device.device_id)} : kCPU;
  check<ValueError>(t.device.device_id >= 0 && t.device.device_id <= INT8_MAX,
                    "from_dlpack: there is no device {}", t.device.device_id);
  if (cuda) require_backend(device);
  const DType dtype = plait_type(t.dtype);
  check<ValueError>(t.ndim >= 0 && t.ndim <= kMostDims && (t.ndim == 0 || t.shape),
                    "from_dlpack: expected up to {} dimensions and their sizes, got {}", kMostDims, t.ndim);
  const Dims sizes(IntSpan(t.shape, static_cast<size_t>(t.ndim)));
  const Dims strides =
      t.strides ? Dims(IntSpan(t.strides, static_cast<size_t>(t.ndim))) : contiguous_strides(sizes);
  const int64_t numel = checked_numel(sizes, "from_dlpack");
  int64_t last = 0, bytes = 0;
  for (int i = 0; i < t.ndim; ++i) {
    check<ValueError>(strides[i] >= 0 || sizes[i] <= 1,
                      "from_dlpack: negative strides are not supported; copy the array first");
    int64_t reach = 0;
    check<ValueError>(sizes[i] <= 1 || (!__builtin_mul_overflow(sizes[i] - 1, strides[i], &reach) &&
                                        !__builtin_add_overflow(last, reach, &last)),
                      "from_dlpack: strides {} are too large for sizes {}", IntSpan(strides), IntSpan(sizes));
  }
  check<ValueError>(
      numel == 0 || (last < INT64_MAX && !__builtin_mul_overflow(last + 1, itemsize(dtype), &bytes)),
      "from_dlpack: strides {} are too large for sizes {}", IntSpan(strides), IntSpan(sizes));
  check<ValueError>(numel == 0 || t.data, "from_dlpack: {} elements, and no data", numel);
  char* const first = t.data ? static_cast<char*>(t.data) + t.byte_offset : nullptr;
  check<ValueError>(numel == 0 || is_aligned(first, dtype),
                    "from_dlpack: expected elements of {} at a multiple of {} bytes; copy the array first",
                    dtype, alignment(dtype));
  auto storage = Storage::adopt(new StorageImpl(
      first, static_cast<size_t>(bytes), device,
      [](void* context) {
        auto* m = static_cast<DLManagedTensor*>(context);
        if (!m->deleter || !Py_IsInitialized()) return;
        WithGil gil;
        m->deleter(m);
      },
      managed));
  PyCapsule_SetName(capsule, "used_dltensor");
  return from_storage(std::move(storage), dtype, sizes, strides, 0);
}

}  // namespace plait::python
