// Tensor: one intrusive pointer to sizes, strides and a storage. The only public tensor type.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "core/context.h"
#include "core/dtype.h"
#include "core/error.h"
#include "core/scalar.h"
#include "core/shape.h"
#include "core/storage.h"

namespace plait {

class Tensor;
using TensorList = std::span<const Tensor>;

enum class MemoryFormat : uint8_t { Contiguous, Preserve, ChannelsLast, ChannelsLast3d };

// What autograd keeps for a tensor; core only destroys it (autograd/variable.h).
struct PLAIT_API AutogradMetaBase {
  virtual ~AutogradMetaBase() = default;
};

struct ViewMeta;

// A dimension that ops do not see: one entry of a batch for each of its indices. Note [Batched tensors] in
// core/batch.h.
struct BatchDim {
  int64_t level = 0;  // which batch
  int64_t size = 0;
  int64_t stride = 0;  // 0: all entries share the elements
};
struct BatchDims : Pooled<BatchDims> {
  static constexpr int kMost = 8;
  const BatchDim* begin() const { return dims; }
  const BatchDim* end() const { return dims + count; }
  int count = 0;
  BatchDim dims[kMost];  // by level: the outermost batch first
};

class PLAIT_API TensorImpl final : public RefCounted, public Pooled<TensorImpl> {
 public:
  // The first cache line holds what dispatch and a small kernel read.
  KeySet keys = 0;
  DType dtype = DType::Float32;
  Device device;
  bool wrapped_number : 1 = false;  // made from a Python number: weak in promotion
  bool inference : 1 = false;       // made in inference mode: autograd must not save it
  bool owns_pyobj : 1 = false;      // the Python object lives on only through us
  bool contiguous : 1 = true;
  int64_t numel = 0;
  int64_t offset = 0;  // in elements
  Storage storage;
  std::unique_ptr<AutogradMetaBase> autograd;
  std::unique_ptr<ViewMeta> view;
  std::unique_ptr<BatchDims> batch;  // with Key::Batched
  void* pyobj = nullptr;
  Dims sizes, strides;

  TensorImpl(Storage storage_, DType dtype_, Device device_, const Dims& sizes_, const Dims& strides_,
             int64_t numel_, int64_t offset_ = 0)
      : keys(bit(device_.key())),
        dtype(dtype_),
        device(device_),
        numel(numel_),
        offset(offset_),
        storage(std::move(storage_)),
        sizes(sizes_),
        strides(strides_) {
    inference = context().inference;
  }
  static void destroy(TensorImpl* impl) noexcept {
    if (!impl->owns_pyobj || release_pyobj(impl)) delete impl;
  }

  // Installed by the Python bindings: drops the Python object that a dying tensor owns. False where somebody
  // has come to hold the object meanwhile: it owns the tensor now, which lives on.
  static bool (*release_pyobj)(TensorImpl* impl) noexcept;
};

class PLAIT_API Tensor {
 public:
  Tensor() noexcept = default;
  explicit Tensor(Ref<TensorImpl> impl) noexcept : impl_(std::move(impl)) {}

  bool defined() const noexcept { return static_cast<bool>(impl_); }
  TensorImpl* impl() const noexcept { return impl_.get(); }
  Ref<TensorImpl>& ref() noexcept { return impl_; }
  bool same(const Tensor& other) const noexcept { return impl_ == other.impl_; }

  const Dims& sizes() const noexcept { return impl_->sizes; }
  const Dims& strides() const noexcept { return impl_->strides; }
  int64_t dim() const noexcept { return impl_->sizes.size(); }
  int64_t size(int64_t d) const { return impl_->sizes[wrap_dim(d, dim(), "size")]; }
  int64_t stride(int64_t d) const { return impl_->strides[wrap_dim(d, dim(), "stride")]; }
  int64_t numel() const noexcept { return impl_->numel; }
  int64_t nbytes() const noexcept { return impl_->numel * itemsize(impl_->dtype); }
  int64_t storage_offset() const noexcept { return impl_->offset; }
  DType dtype() const noexcept { return impl_->dtype; }
  Device device() const noexcept { return impl_->device; }
  KeySet keys() const noexcept { return impl_->keys; }
  bool is_meta() const noexcept { return impl_->device.type == DeviceType::Meta; }
  bool is_cpu() const noexcept { return impl_->device.type == DeviceType::CPU; }
  const Storage& storage() const noexcept { return impl_->storage; }
  uint32_t version() const noexcept { return impl_->storage ? impl_->storage->version() : 0; }
  bool is_batched() const noexcept { return impl_->batch != nullptr; }
  bool is_wrapped_number() const noexcept { return impl_->wrapped_number; }
  bool is_contiguous(MemoryFormat format = MemoryFormat::Contiguous) const noexcept {
    return format == MemoryFormat::Contiguous ? impl_->contiguous
                                              : is_channels_last(impl_->sizes, impl_->strides);
  }

  // The first element. Null on the Meta device.
  void* data_ptr() const noexcept {
    return impl_->storage
               ? static_cast<char*>(impl_->storage->data()) + impl_->offset * itemsize(impl_->dtype)
               : nullptr;
  }
  template <class T>
  T* data() const noexcept {
    return static_cast<T*>(data_ptr());
  }

  // Declared here because everybody reads it; what it means is autograd's (autograd/variable.h).
  bool requires_grad() const;

 private:
  Ref<TensorImpl> impl_;
};

// How a view came about, which decides what in-place ops on it may do. Note [In-place on views] in
// autograd/variable.h.
enum class ViewOrigin : uint8_t { Normal, NoGrad, MultiOutput };

// A view remembers its base always, whether or not anything requires grad yet.
struct ViewMeta : Pooled<ViewMeta> {
  Tensor base;  // never itself a view
  uint32_t attr_version = 0;
  ViewOrigin origin = ViewOrigin::Normal;
};

// ---- making tensors

// Shape, dtype and layout of a tensor to be: what an op's meta rule returns.
struct TensorSpec {
  Dims sizes;
  DType dtype = DType::Float32;
  Device device;
  std::optional<Dims> strides;  // contiguous where absent

  TensorSpec() = default;
  TensorSpec(const Dims& sizes_, DType dtype_, Device device_)
      : sizes(sizes_),
        dtype(dtype_),
        device(device_) {}
  TensorSpec(const Dims& sizes_, DType dtype_, Device device_, Dims strides_)
      : sizes(sizes_),
        dtype(dtype_),
        device(device_),
        strides(std::move(strides_)) {}
};

PLAIT_API Tensor empty_tensor(const TensorSpec& spec);
inline Tensor empty_tensor(const Dims& sizes, DType dtype, Device device = kCPU) {
  return empty_tensor(TensorSpec(sizes, dtype, device));
}
// 0-d CPU tensor from a number that takes part in promotion as a weak operand.
PLAIT_API Tensor wrapped_scalar(const Scalar& value);
PLAIT_API Tensor scalar_tensor(const Scalar& value, DType dtype, Device device = kCPU);
// Shares storage; remembers the base (the base of a view's view is the first base).
PLAIT_API Tensor make_view(const Tensor& base, const Dims& sizes, const Dims& strides, int64_t offset);
// Shares storage, sizes and version, but no history and no base.
PLAIT_API Tensor detached_alias(const Tensor& tensor);
// The same in other sizes.
PLAIT_API Tensor detached_alias(const Tensor& tensor, const Dims& sizes, const Dims& strides, int64_t offset);
PLAIT_API Tensor from_storage(Storage storage, DType dtype, const Dims& sizes, const Dims& strides,
                              int64_t offset);
// Points `self` at the storage, sizes and dtype of `source` (`x.data = y`, `module.to()`).
PLAIT_API void set_data(const Tensor& self, const Tensor& source);

// Note [Lower copies]
// In an autocast region a norm's result is float32, and the matrix product behind it wants 16 bits. The
// kernel that has the numbers in registers writes both: the copy is kept with the storage, and whoever
// converts the tensor, or a reshape of it, to that dtype takes it. The same goes for the gradient of a norm's
// input, and for parameters that an optimiser has just written. A copy counts no more when the storage has
// been written to, or when its address went to code that may write unseen (`let_out`); nor on the other side
// of a graph's capture or replay (`end_lower_copies`), which writes unseen, too, and which must not be
// recorded to read what only an eager call has written. It is a hint: nothing depends on its being there.
PLAIT_API void keep_lower_copy(const Tensor& tensor, const Tensor& lower);  // of a dense tensor
PLAIT_API Tensor lower_copy(const Tensor& tensor, DType dtype);             // undefined where there is none
PLAIT_API void end_lower_copies() noexcept;

// ---- promotion

// PyTorch's result type of several operands: tensors with dimensions outrank 0-d ones, these outrank wrapped
// numbers, unless of a lower category (bool < integer < float < complex).
class PLAIT_API ResultType {
 public:
  void add(const Tensor& tensor);
  void add(const Scalar& scalar);
  DType get() const;

 private:
  void merge(std::optional<DType>& into, DType dtype);
  std::optional<DType> dims_, zero_dim_, wrapped_;
};
PLAIT_API DType result_type(const Tensor& a, const Tensor& b);
PLAIT_API DType result_type(const Tensor& a, const Scalar& b);

// The element of a one-element tensor on the CPU.
PLAIT_API Scalar item(const Tensor& tensor);
// Do the bytes of two tensors meet? `Same`: identical elements in the same order.
enum class Overlap { None, Same, Partial };
PLAIT_API Overlap overlap(const Tensor& a, const Tensor& b);

// Converted or copied by the registered `copy` op; core calls it for the derived in-place and out= forms.
PLAIT_API void copy_into(const Tensor& destination, const Tensor& source);
PLAIT_API Tensor clone_plain(const Tensor& tensor);  // contiguous copy without history

}  // namespace plait
