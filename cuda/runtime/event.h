// Events: marks in a stream that other streams and the host can wait for.
#pragma once

#include "cuda/api.h"
#include "cuda/runtime/stream.h"

namespace plait::cuda {

// Made at its first record, on the device of that stream. Not for several threads at once.
class Event final : public CudaEvent {
 public:
  Event(bool timing, bool blocking, bool external)
      : timing_(timing),
        blocking_(blocking),
        external_(external) {}
  ~Event() override;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  int device() const override { return device_; }
  uintptr_t handle() const override { return reinterpret_cast<uintptr_t>(event_); }
  void record(int device, CudaStreamHandle stream) override;
  void wait(int device, CudaStreamHandle stream) override;
  bool query() override;
  void synchronize() override;
  double elapsed_ms(CudaEvent& end) override;

 private:
  bool is_external(CudaStreamHandle stream) const;

  bool timing_, blocking_;
  bool external_;  // a node of its own in a captured graph, not an edge
  int device_ = -1;
  cudaEvent_t event_ = nullptr;
};

// Work that `then` is given from now on waits for what `first` was given until now.
void order_streams(int first_device, cudaStream_t first, int then_device, cudaStream_t then);

inline cudaStream_t to_stream(CudaStreamHandle handle) { return reinterpret_cast<cudaStream_t>(handle); }

}  // namespace plait::cuda
