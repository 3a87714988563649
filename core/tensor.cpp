#include "core/tensor.h"

#include "core/backend.h"
#include "core/batch.h"
#include "core/generator.h"

namespace plait {

constinit thread_local Context t_context;
constinit thread_local uint64_t t_node_sequence = 0;
bool (*TensorImpl::release_pyobj)(TensorImpl*) noexcept = nullptr;

Generator& default_generator() {
  static auto* generator = new Generator(Generator::adopt(new GeneratorImpl));
  return *generator;
}

bool Scalar::fits(DType dtype) const {
  if (is_complex()) return plait::is_complex(dtype);
  if (plait::is_integral(dtype, true)) {
    if (is_floating()) return false;
    if (dtype == DType::Bool) return integer_ == 0 || integer_ == 1;
    if (dtype == DType::Int64) return true;
    const int bits = static_cast<int>(itemsize(dtype)) * 8;
    if (dtype == DType::UInt8) return integer_ >= 0 && integer_ < 256;
    return integer_ >= -(int64_t{1} << (bits - 1)) && integer_ < (int64_t{1} << (bits - 1));
  }
  return true;
}

Storage make_storage(size_t bytes, Device device) {
  if (device.type != DeviceType::CPU) return require_backend(device).allocate(bytes, concrete(device));
  Allocator& allocator = cpu_allocator();
  size_t capacity = 0;
  void* data = allocator.allocate(bytes, capacity);
  return Storage::adopt(new StorageImpl(data, bytes, capacity, device, &allocator));
}

// An error that memory is out names what was to be made, too.
static Storage storage_for(const TensorSpec& spec, int64_t numel) {
  try {
    return make_storage(static_cast<size_t>(numel * itemsize(spec.dtype)), spec.device);
  } catch (const OutOfMemoryError& error) {
    fail<OutOfMemoryError>("shape {}, dtype {}: {}", spec.sizes, spec.dtype, error.what());
  }
}

Tensor empty_tensor(const TensorSpec& spec) {
  const int64_t numel = checked_numel(spec.sizes, "empty");
  Storage storage;
  if (spec.device.type != DeviceType::Meta) storage = storage_for(spec, numel);
  const Device device = storage ? storage->device() : spec.device;
  Ref<TensorImpl> impl;
  if (spec.strides) {
    impl = Ref<TensorImpl>::adopt(
        new TensorImpl(std::move(storage), spec.dtype, device, spec.sizes, *spec.strides, numel));
    impl->contiguous = is_contiguous(impl->sizes, impl->strides);
  } else {
    impl = Ref<TensorImpl>::adopt(new TensorImpl(std::move(storage), spec.dtype, device, spec.sizes,
                                                 contiguous_strides(spec.sizes), numel));
  }
  return Tensor(std::move(impl));
}

Tensor scalar_tensor(const Scalar& value, DType dtype, Device device) {
  Tensor tensor = empty_tensor(Dims{}, dtype, device.type == DeviceType::Meta ? kMeta : kCPU);
  if (!tensor.is_meta()) visit_stored(dtype, [&]<class T>() { *tensor.data<T>() = value.to<T>(); });
  if (device.type == DeviceType::CPU || device.type == DeviceType::Meta) return tensor;
  Tensor there = empty_tensor(Dims{}, dtype, device);
  copy_into(there, tensor);
  return there;
}

Tensor wrapped_scalar(const Scalar& value) {
  // Full precision: the number is rounded once, to the type that the op computes in.
  const DType dtype = value.is_complex()    ? DType::Complex128
                      : value.is_floating() ? DType::Float64
                                            : value.dtype();
  Tensor tensor = scalar_tensor(value, dtype);
  tensor.impl()->wrapped_number = true;
  return tensor;
}

namespace {
void share_batch(const TensorImpl& from, TensorImpl& to) {
  if (__builtin_expect(from.batch != nullptr, 0)) {
    to.batch = std::make_unique<BatchDims>(*from.batch);
    to.keys |= bit(Key::Batched);
  }
}
}  // namespace

Tensor make_view(const Tensor& base, const Dims& sizes, const Dims& strides, int64_t offset) {
  TensorImpl* from = base.impl();
  int64_t numel = 1;
  for (const int64_t size : sizes) numel *= size;
  auto impl = Ref<TensorImpl>::adopt(
      new TensorImpl(from->storage, from->dtype, from->device, sizes, strides, numel, offset));
  impl->contiguous = is_contiguous(impl->sizes, impl->strides);
  impl->inference = from->inference;
  share_batch(*from, *impl);
  if (!context().inference && !from->inference && is_differentiable(from->dtype)) {
    auto meta = std::make_unique<ViewMeta>();
    meta->base = from->view ? from->view->base : base;
    meta->attr_version = base.version();
    // A view of a view that in-place ops must refuse is refused as well.
    meta->origin = !grad_enabled() ? ViewOrigin::NoGrad
                   : from->view    ? from->view->origin
                                   : ViewOrigin::Normal;
    impl->view = std::move(meta);
    impl->keys |= bit(Key::Autograd);  // its base may come to require grad later
  }
  return Tensor(std::move(impl));
}

Tensor detached_alias(const Tensor& tensor) {
  TensorImpl* from = tensor.impl();
  auto impl = Ref<TensorImpl>::adopt(new TensorImpl(from->storage, from->dtype, from->device, from->sizes,
                                                    from->strides, from->numel, from->offset));
  impl->contiguous = from->contiguous;
  impl->inference = from->inference;
  impl->wrapped_number = from->wrapped_number;
  share_batch(*from, *impl);
  return Tensor(std::move(impl));
}

Tensor detached_alias(const Tensor& tensor, const Dims& sizes, const Dims& strides, int64_t offset) {
  TensorImpl* from = tensor.impl();
  int64_t numel = 1;
  for (const int64_t size : sizes) numel *= size;
  auto impl = Ref<TensorImpl>::adopt(
      new TensorImpl(from->storage, from->dtype, from->device, sizes, strides, numel, offset));
  impl->contiguous = is_contiguous(impl->sizes, impl->strides);
  impl->inference = from->inference;
  share_batch(*from, *impl);
  return Tensor(std::move(impl));
}

Tensor from_storage(Storage storage, DType dtype, const Dims& sizes, const Dims& strides, int64_t offset) {
  const Device device = storage->device();
  const int64_t numel = checked_numel(sizes, "from_storage");
  auto impl = Ref<TensorImpl>::adopt(
      new TensorImpl(std::move(storage), dtype, device, sizes, strides, numel, offset));
  impl->contiguous = is_contiguous(impl->sizes, impl->strides);
  return Tensor(std::move(impl));
}

namespace {
std::atomic<uint32_t> lower_epoch{0};
}

void end_lower_copies() noexcept { lower_epoch.fetch_add(1, std::memory_order_relaxed); }

void keep_lower_copy(const Tensor& tensor, const Tensor& lower) {
  tensor.storage()->set_lower_copy({lower.storage(), lower.dtype(), tensor.dtype(), tensor.storage_offset(),
                                    tensor.numel(), tensor.version(),
                                    lower_epoch.load(std::memory_order_relaxed)});
}

Tensor lower_copy(const Tensor& tensor, DType dtype) {
  if (!tensor.storage() || tensor.is_batched()) return {};
  const auto copy = tensor.storage()->lower_copy();
  if (!copy || copy->dtype != dtype || copy->of != tensor.dtype() || copy->version != tensor.version() ||
      copy->epoch != lower_epoch.load(std::memory_order_relaxed) || copy->offset != tensor.storage_offset() ||
      copy->numel != tensor.numel() || !is_dense(tensor.sizes(), tensor.strides()))
    return {};
  return from_storage(copy->storage, dtype, tensor.sizes(), tensor.strides(), 0);
}

void set_data(const Tensor& self, const Tensor& source) {
  TensorImpl *to = self.impl(), *from = source.impl();
  to->keys = (to->keys & bit(Key::Autograd)) | (from->keys & ~bit(Key::Autograd));
  to->dtype = from->dtype;
  to->device = from->device;
  to->contiguous = from->contiguous;
  to->numel = from->numel;
  to->offset = from->offset;
  to->storage = from->storage;
  to->sizes = from->sizes;
  to->strides = from->strides;
  to->batch = from->batch ? std::make_unique<BatchDims>(*from->batch) : nullptr;
}

void ResultType::merge(std::optional<DType>& into, DType dtype) {
  into = into ? promote(*into, dtype) : dtype;
}

void ResultType::add(const Tensor& tensor) {
  if (tensor.is_wrapped_number()) {
    // Wrapped numbers are kept in full precision; in promotion a float counts as the default dtype.
    const DType d = tensor.dtype();
    merge(wrapped_, is_complex(d) ? to_complex(default_dtype()) : is_floating(d) ? default_dtype() : d);
  } else {
    merge(tensor.dim() > 0 ? dims_ : zero_dim_, tensor.dtype());
  }
}

void ResultType::add(const Scalar& scalar) { merge(wrapped_, scalar.dtype()); }

DType ResultType::get() const {
  const auto category = [](DType d) {
    return d == DType::Bool ? 0 : is_integral(d) ? 1 : is_floating(d) ? 2 : 3;
  };
  std::optional<DType> best;
  for (const std::optional<DType>& group : {dims_, zero_dim_, wrapped_}) {
    if (!group) continue;
    if (!best) {
      best = group;
    } else if (category(*group) > category(*best)) {
      // A float tensor and a complex number give the complex type of the tensor's width.
      best = is_complex(*group) && is_floating(*best) ? to_complex(*best) : *group;
    }
  }
  return best.value_or(default_dtype());
}

DType result_type(const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype() && !a.is_wrapped_number() && !b.is_wrapped_number()) return a.dtype();
  ResultType type;
  type.add(a);
  type.add(b);
  return type.get();
}

DType result_type(const Tensor& a, const Scalar& b) {
  ResultType type;
  type.add(a);
  type.add(b);
  return type.get();
}

Scalar item(const Tensor& tensor) {
  refuse_batched(tensor, "item");
  check<RuntimeError>(tensor.numel() == 1,
                      "item: expected a tensor of one element, got shape {}; index it first", tensor.sizes());
  check<RuntimeError>(!tensor.is_meta(), "item: a tensor on the meta device holds no data");
  if (!tensor.is_cpu()) {
    const Tensor host = empty_tensor(tensor.sizes(), tensor.dtype());
    copy_into(host, detached_alias(tensor));
    return item(host);
  }
  return visit_stored(tensor.dtype(), [&]<class T>() { return Scalar(*tensor.data<T>()); });
}

Overlap overlap(const Tensor& a, const Tensor& b) {
  if (!a.storage() || a.storage().get() != b.storage().get() || a.numel() == 0 || b.numel() == 0)
    return Overlap::None;
  if (a.impl() == b.impl()) return Overlap::Same;
  const auto extent = [](const Tensor& t, int64_t& low, int64_t& high) {
    low = t.storage_offset() * itemsize(t.dtype());
    int64_t last = 0;
    for (int i = 0; i < t.dim(); ++i) last += (t.sizes()[i] - 1) * t.strides()[i];
    high = low + (last + 1) * itemsize(t.dtype());
  };
  int64_t low_a, high_a, low_b, high_b;
  extent(a, low_a, high_a);
  extent(b, low_b, high_b);
  if (high_a <= low_b || high_b <= low_a) return Overlap::None;
  if (low_a == low_b && a.dtype() == b.dtype() && a.sizes() == b.sizes() && a.strides() == b.strides())
    return Overlap::Same;
  return Overlap::Partial;
}

Tensor clone_plain(const Tensor& tensor) {
  if (tensor.is_batched()) return own_entries(tensor);
  Tensor out = empty_tensor(tensor.sizes(), tensor.dtype(), tensor.device());
  copy_into(out, tensor);
  return out;
}

}  // namespace plait
