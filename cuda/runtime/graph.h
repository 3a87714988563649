// Graphs: what a stream was given to do, recorded once and launched many times with one call.
#pragma once

#include <vector>

#include "cuda/api.h"
#include "cuda/runtime/allocator.h"

namespace plait::cuda {

class Graph final : public CudaGraph {
 public:
  Graph() = default;
  ~Graph() override;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void capture_begin(CudaPoolId pool, const std::string& error_mode) override;
  void capture_end() override;
  void replay() override;
  void reset() override;
  CudaPoolId pool() const override;
  void register_generator(Generator generator) override;
  int64_t node_count() const override { return nodes_; }
  void enable_debug_mode() override { debug_ = true; }
  void debug_dump(const std::string& path) override;

 private:
  // A generator that the graph draws from. Note [Random numbers of graphs] in graph.cpp.
  struct Source {
    Generator generator;
    Storage words;  // on the device: {offset, seed}
    uint64_t token = 0;
    GeneratorImpl::Draw before{};  // its state when the capture began
    uint64_t draws = 0;            // of one replay
  };

  void finish_capture(bool ok);
  void write_words(cudaStream_t stream);
  void reset_quietly() noexcept;

  std::vector<Source> sources_;
  PoolId pool_;
  bool holds_pool_ = false, capturing_ = false, debug_ = false;
  int device_ = -1;
  cudaStream_t stream_ = nullptr;  // of the capture
  unsigned long long capture_ = 0;
  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  int64_t nodes_ = 0;
  cudaStream_t last_stream_ = nullptr;  // of the last replay
  cudaEvent_t last_replay_ = nullptr;
};

PoolId new_pool_id();

}  // namespace plait::cuda
