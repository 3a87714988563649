// Copies and fills. Pageable host memory is read when the copy is called (it is staged), and written before
// the call returns; everything else happens in the stream's order.
#include <cstring>
#include <memory>

#include "device.h"
#include "graphs.h"
#include "launch_log.h"
#include "memory.h"
#include "streams.h"

using namespace emulator;

namespace {

// `height` rows of `width` bytes.
struct Rows {
  char* to;
  size_t to_pitch;
  const char* from;
  size_t from_pitch;
  size_t width, height;

  size_t to_bytes() const { return (height - 1) * to_pitch + width; }
  size_t from_bytes() const { return (height - 1) * from_pitch + width; }
  void copy() const {
    for (size_t i = 0; i < height; ++i) std::memmove(to + i * to_pitch, from + i * from_pitch, width);
  }
};

bool is_device(Place p) { return p.kind == Place::Device; }
uint64_t mask(Place p) { return is_device(p) ? 1ull << p.device : 0; }

// Whether the pointers are what the kind says. Pinned memory is the device's too.
cudaError_t check_kind(cudaMemcpyKind kind, Place to, Place from) {
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  if (kind < cudaMemcpyHostToHost || kind > cudaMemcpyDefault) return cudaErrorInvalidMemcpyDirection;
  if (!to.whole || !from.whole) return cudaErrorInvalidValue;
  if (kind == cudaMemcpyDefault) return cudaSuccess;
  if (to_device ? to.kind == Place::Pageable : is_device(to)) return cudaErrorInvalidValue;
  if (from_device ? from.kind == Place::Pageable : is_device(from)) return cudaErrorInvalidValue;
  return cudaSuccess;
}

enum class Wait { AsNeeded, Always };  // cudaMemcpyAsync, cudaMemcpy

cudaError_t copy(Lock& lock, Rows rows, cudaMemcpyKind kind, Stream& stream, Wait wait) {
  if (rows.width == 0 || rows.height == 0) return cudaSuccess;
  if (!rows.to || !rows.from) return cudaErrorInvalidValue;
  if (rows.height > 1 && (rows.to_pitch < rows.width || rows.from_pitch < rows.width))
    return cudaErrorInvalidPitchValue;
  const Place to = locate(rows.to, rows.to_bytes()), from = locate(rows.from, rows.from_bytes());
  if (const cudaError_t status = check_kind(kind, to, from); status != cudaSuccess) return status;

  bool synchronous = wait == Wait::Always;
  if (is_device(to) && is_device(from)) synchronous = false;
  if (!is_device(to) && (to.kind == Place::Pageable || !is_device(from))) synchronous = true;
  if (stream.capture) synchronous = false;

  const uint64_t devices = mask(to) | mask(from);
  std::function<void()> body = [rows] { rows.copy(); };
  if (!synchronous && from.kind == Place::Pageable && !stream.capture) {
    const std::shared_ptr<char[]> staged(new char[rows.width * rows.height]);
    Rows(staged.get(), rows.width, rows.from, rows.from_pitch, rows.width, rows.height).copy();
    rows.from_pitch = rows.width;
    body = [rows, staged]() mutable {
      rows.from = staged.get();
      rows.copy();
    };
  }
  launch_log::bytes("copy", rows.width * rows.height);
  Done done;
  const auto note = std::make_shared<const WorkNote>(WorkNote{.kind = WorkKind::Copy,
                                                              .bytes = rows.width * rows.height,
                                                              .from = from.kind,
                                                              .to = to.kind,
                                                              .from_device = from.device,
                                                              .to_device = to.device});
  const cudaError_t status = submit(lock, stream, {WorkKind::Copy, std::move(body), devices, note}, &done);
  return status == cudaSuccess && synchronous ? wait_for(lock, done) : status;
}

// A copy that says where it goes by a stream's handle; without one it is cudaMemcpy's, on the legacy stream.
cudaError_t copy_api(const char* name, Rows rows, cudaMemcpyKind kind, const cudaStream_t* handle) {
  return api(name, handle ? Rule::Normal : Rule::Unsafe, [&](Lock& lock) {
    Stream* stream = &current_device().null_stream;
    const cudaError_t status = handle ? find_stream(*handle, &stream) : cudaSuccess;
    if (status != cudaSuccess) return status;
    return copy(lock, rows, kind, *stream, handle ? Wait::AsNeeded : Wait::Always);
  });
}

Rows line(void* to, const void* from, size_t bytes) {
  return {static_cast<char*>(to), bytes, static_cast<const char*>(from), bytes, bytes, 1};
}

cudaError_t fill_api(const char* name, void* pointer, size_t pitch, int value, size_t width, size_t height,
                     const cudaStream_t* handle) {
  return api(name, handle ? Rule::Normal : Rule::Unsafe, [&](Lock& lock) {
    Stream* stream = &current_device().null_stream;
    const cudaError_t found = handle ? find_stream(*handle, &stream) : cudaSuccess;
    if (found != cudaSuccess) return found;
    if (width == 0 || height == 0) return cudaSuccess;
    if (height > 1 && pitch < width) return cudaErrorInvalidPitchValue;
    const Place place = locate(pointer, (height - 1) * pitch + width);
    if (place.kind == Place::Pageable || !place.whole) return cudaErrorInvalidValue;
    launch_log::bytes("fill", width * height);
    Done done;
    auto body = [=] {
      for (size_t i = 0; i < height; ++i) std::memset(static_cast<char*>(pointer) + i * pitch, value, width);
    };
    const auto note = std::make_shared<const WorkNote>(WorkNote{
        .kind = WorkKind::Fill, .bytes = width * height, .to = place.kind, .to_device = place.device});
    const cudaError_t status = submit(lock, *stream, {WorkKind::Fill, body, mask(place), note}, &done);
    // cudaMemset of pinned memory waits; of device memory it does not.
    return status == cudaSuccess && !handle && !is_device(place) ? wait_for(lock, done) : status;
  });
}

bool are_devices(int a, int b) { return a >= 0 && b >= 0 && a < device_count() && b < device_count(); }

}  // namespace

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return copy_api("cudaMemcpy", line(to, from, bytes), kind, nullptr);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return copy_api("cudaMemcpyAsync", line(to, from, bytes), kind, &stream);
}

cudaError_t cudaMemcpy2D(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                         size_t height, cudaMemcpyKind kind) {
  return copy_api(
      "cudaMemcpy2D",
      {static_cast<char*>(to), to_pitch, static_cast<const char*>(from), from_pitch, width, height}, kind,
      nullptr);
}

cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  return copy_api(
      "cudaMemcpy2DAsync",
      {static_cast<char*>(to), to_pitch, static_cast<const char*>(from), from_pitch, width, height}, kind,
      &stream);
}

cudaError_t cudaMemcpyPeer(void* to, int to_device, const void* from, int from_device, size_t bytes) {
  if (!are_devices(to_device, from_device)) return cudaErrorInvalidDevice;
  return copy_api("cudaMemcpyPeer", line(to, from, bytes), cudaMemcpyDeviceToDevice, nullptr);
}

cudaError_t cudaMemcpyPeerAsync(void* to, int to_device, const void* from, int from_device, size_t bytes,
                                cudaStream_t stream) {
  if (!are_devices(to_device, from_device)) return cudaErrorInvalidDevice;
  return copy_api("cudaMemcpyPeerAsync", line(to, from, bytes), cudaMemcpyDeviceToDevice, &stream);
}

cudaError_t cudaMemset(void* pointer, int value, size_t bytes) {
  return fill_api("cudaMemset", pointer, bytes, value, bytes, 1, nullptr);
}

cudaError_t cudaMemsetAsync(void* pointer, int value, size_t bytes, cudaStream_t stream) {
  return fill_api("cudaMemsetAsync", pointer, bytes, value, bytes, 1, &stream);
}

cudaError_t cudaMemset2DAsync(void* pointer, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return fill_api("cudaMemset2DAsync", pointer, pitch, value, width, height, &stream);
}
