// The stream that a CUDA kernel belongs on. Part of plait/extension.h.
//
//   void mine_cuda(const Tensor& out, const Tensor& x) {
//     mine_kernel<<<blocks, threads, 0, current_stream(out)>>>(x.data<float>(), out.data<float>());
//   }
//
// A kernel that is launched without it goes to the default stream. There it may run before what computes its
// arguments and after what reads its results, when the program works on streams of its own
// (plait.cuda.stream), and it ends the capture of a graph.
#pragma once

#include "plait/tensor.h"

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace plait {
inline namespace v1 {

// The calling thread's current stream of a CUDA device; null is the default one. Raises RuntimeError for a
// device without streams, such as the CPU.
inline CUstream_st* current_stream(Device device) {
  if (api().size < offsetof(plait_api, current_stream) + sizeof(api().current_stream))
    fail<RuntimeError>(
        "current_stream: plait {} is older than the headers this was built with, and does not know "
        "it; upgrade plait",
        api().version());
  void* stream = nullptr;
  detail::check_status(api().current_stream({static_cast<int8_t>(device.type), device.index}, &stream));
  return static_cast<CUstream_st*>(stream);
}
// Of the device that the tensor is on, which is the current one while the op's kernel runs.
inline CUstream_st* current_stream(const Tensor& tensor) { return current_stream(tensor.device()); }

}  // namespace v1
}  // namespace plait
