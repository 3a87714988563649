// Copies within a device, between devices, and between host and device.
#include "ops/decl/copy.h"

#include "core/backend.h"
#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event.h"
#include "cuda/runtime/fault.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/pinned.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {
namespace {

bool same_layout(const Tensor& a, const Tensor& b) {
  return a.sizes() == b.sizes() && (a.strides() == b.strides() || (a.is_contiguous() && b.is_contiguous()));
}
// Do its elements fill one range of memory without gaps, in the order of `model`?
bool is_block_like(const Tensor& t, const Tensor& model) {
  if (t.dtype() != model.dtype() || !same_layout(t, model)) return false;
  return t.is_contiguous() || t.is_contiguous(MemoryFormat::ChannelsLast) ||
         t.is_contiguous(MemoryFormat::ChannelsLast3d);
}

Tensor dense_like(const Tensor& t, DType dtype, Device device) {
  return empty_tensor(TensorSpec(t.sizes(), dtype, device));
}

// The rest of a copy, after the bytes arrived on the device (or the host) in another layout or dtype.
void settle(const Tensor& out, const Tensor& arrived) {
  if (out.is_cpu())
    copy_into(out, arrived);
  else
    copy_on_device(out, arrived);
}

Tensor expanded(const Tensor& src, const Tensor& out) {
  if (src.sizes() == out.sizes()) return src;
  Tensor full = dense_like(out, src.dtype(), src.device());
  settle(full, src);
  return full;
}

// Note [Copies in a capture]: eagerly, a copy from pageable memory has read it when the call returns. A
// captured one would read it at each replay, when it may have been freed: silently, whatever lies there.
// Copying the bytes into memory of the graph's own would be safe, but freeze a batch that the user means to
// change. So it is refused, as PyTorch does. From pinned memory it is recorded: who says non_blocking=True
// keeps the memory, and writes the next batch there. Copies to the host, and any that is waited for, cannot
// be captured at all.
void check_source_in_capture(const char* op, const Tensor& out, const Tensor& source, bool non_blocking) {
  const bool pinned = is_pinned(source.storage());
  check<RuntimeError>(pinned && non_blocking && (source.is_contiguous() || is_block_like(source, out)),
                      "{}: a graph is being captured, and its replays would read {} of the host (shape {}), "
                      "{}; copy before the "
                      "capture, into a tensor on the device that the graph reads (static.copy_(x)), or make "
                      "it contiguous, pin "
                      "it (x.pin_memory()), keep it, and copy with non_blocking=True",
                      op, pinned ? "memory" : "pageable memory", source.sizes(),
                      !pinned         ? "which may be gone by then"
                      : !non_blocking ? "and the copy is to be waited for"
                                      : "which is not contiguous");
}
void check_target_in_capture(const char* op, const Tensor& out, const Tensor& source, bool non_blocking) {
  check<RuntimeError>(
      non_blocking && is_pinned(out.storage()) && is_block_like(source, out),
      "{}: a graph is being captured: nothing may wait for the device meanwhile, which a copy to "
      "the host does (shape {}); copy after the capture, or into pinned memory of the same dtype "
      "and layout with non_blocking=True",
      op, source.sizes());
}

// Sends what is smaller over the bus: the source's elements, or the result's.
void copy_to_device(const char* op, const Tensor& out, const Tensor& source, bool non_blocking) {
  DeviceGuard guard(out.device().index);
  if (is_number(source)) return copy_on_device(out, source);  // travels in the kernel's arguments
  const bool capturing = is_capturing();
  if (capturing) check_source_in_capture(op, out, source, non_blocking);
  Tensor src = source;
  if (!capturing && itemsize(out.dtype()) < itemsize(src.dtype())) {
    src = dense_like(source, out.dtype(), kCPU);
    copy_into(src, source);
  }
  const bool direct = is_block_like(src, out);
  if (!direct && !src.is_contiguous()) src = clone_plain(src);
  const Tensor to = direct ? out : dense_like(src, src.dtype(), out.device());
  const cudaStream_t stream = current_stream();
  {
    const DeviceWait waiting;  // from pageable memory it may wait for what the stream does before
    upload(to.data_ptr(), src.data_ptr(), static_cast<size_t>(src.nbytes()), stream);
  }
  // From pageable memory the call has read everything when it returns; pinned memory is read later.
  if (is_pinned(src.storage())) {
    if (non_blocking && src.storage().get() == source.storage().get())
      record_pinned_use(src.storage(), stream);
    else
      synchronize_stream(stream);
  }
  if (!direct) copy_on_device(out, to);
}

void copy_to_host(const char* op, const Tensor& out, const Tensor& source, bool non_blocking) {
  DeviceGuard guard(source.device().index);
  if (is_capturing()) check_target_in_capture(op, out, source, non_blocking);
  const cudaStream_t stream = current_stream();
  Tensor src = source;
  if (itemsize(out.dtype()) < itemsize(src.dtype())) {
    src = dense_like(source, out.dtype(), source.device());
    copy_on_device(src, source);
  }
  const bool direct = is_block_like(src, out);
  if (!direct) src = cuda::contiguous(src);
  const Tensor to = direct ? out : dense_like(src, src.dtype(), kCPU);
  {
    const DeviceWait waiting;  // to pageable memory the call itself waits
    download(to.data_ptr(), src.data_ptr(), static_cast<size_t>(src.nbytes()), stream);
  }
  if (direct && non_blocking && is_pinned(out.storage())) return record_pinned_use(out.storage(), stream);
  synchronize_stream(stream);
  if (!direct) settle(out, to);
}

void copy_between_devices(const Tensor& out, const Tensor& source) {
  const int from = source.device().index, to = out.device().index;
  Tensor src = source;
  cudaStream_t from_stream, to_stream = current_stream(to);
  {
    DeviceGuard guard(from);
    from_stream = current_stream();
    if (!is_block_like(src, out)) {
      src = dense_like(source, out.dtype(), source.device());
      copy_on_device(src, source);
    }
  }
  DeviceGuard guard(to);
  const bool direct = is_block_like(src, out);
  const Tensor there = direct ? out : dense_like(src, src.dtype(), out.device());
  // The source's stream does the copy; it waits for what was done to the destination, which then waits for
  // it.
  order_streams(to, to_stream, from, from_stream);
  enable_peer_access(from, to);
  {
    DeviceGuard copying(from);
    copy_to_peer(there.data_ptr(), to, src.data_ptr(), from, static_cast<size_t>(src.nbytes()), from_stream);
  }
  order_streams(from, from_stream, to, to_stream);
  if (!direct) copy_on_device(out, there);
}

void copy_tensor(const char* op, const Tensor& out, const Tensor& src, bool non_blocking) {
  if (out.numel() == 0) return;
  const bool to_cuda = out.device().type == DeviceType::CUDA,
             from_cuda = src.device().type == DeviceType::CUDA;
  check<RuntimeError>((to_cuda || out.is_cpu()) && (from_cuda || src.is_cpu()),
                      "{}: cannot copy from {} to {}; go through the CPU", op, src.device(), out.device());
  if (to_cuda && from_cuda) {
    if (src.device() != out.device()) return copy_between_devices(out, expanded(src, out));
    DeviceGuard guard(out.device().index);
    return copy_on_device(out, src);
  }
  if (to_cuda && is_number(src)) return copy_to_device(op, out, src, non_blocking);
  if (src.sizes() != out.sizes()) {  // broadcast after the transfer: fewer bytes
    Tensor there = dense_like(src, src.dtype(), out.device());
    copy_tensor(op, there, src, to_cuda && non_blocking);
    DeviceGuard guard(to_cuda ? out.device().index : src.device().index);
    return settle(out, there);
  }
  to_cuda ? copy_to_device(op, out, src, non_blocking) : copy_to_host(op, out, src, non_blocking);
}

struct Attach {
  Attach() {
    op::copy.attach(Key::CUDA, [](const Tensor& out, const Tensor&, const Tensor& src, bool non_blocking) {
      copy_tensor("copy_", out, src, non_blocking);
    });
    op::_to_device.attach(Key::CUDA, [](const Tensor& out, const Tensor& self, Device, bool non_blocking) {
      copy_tensor("to", out, self, non_blocking);
    });
  }
} attach;

}  // namespace
}  // namespace plait::cuda
