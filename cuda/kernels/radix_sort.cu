#include "cuda/kernels/radix_sort.h"

#include <cub/device/device_radix_sort.cuh>

#include "cuda/device/launch.cuh"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

template <class Key>
void sort(SortBuffers<Key>& buffers, int64_t n, int bits) {
  if (n <= 1 || bits == 0) return;
  cub::DoubleBuffer<Key> keys(buffers.keys, buffers.other_keys);
  cub::DoubleBuffer<uint32_t> values(buffers.values, buffers.other_values);
  const auto run = [&](void* scratch, size_t& bytes) {
    check_cuda(cub::DeviceRadixSort::SortPairs(scratch, bytes, keys, values, static_cast<uint32_t>(n), 0,
                                               bits, current_stream()));
  };
  size_t bytes = 0;
  run(nullptr, bytes);
  const Workspace scratch(bytes ? bytes : 1);
  run(scratch.data(), bytes);
  buffers = {keys.Current(), keys.Alternate(), values.Current(), values.Alternate()};
}

}  // namespace

void sort_pairs(SortBuffers<uint32_t>& buffers, int64_t n, int bits) { sort(buffers, n, bits); }
void sort_pairs(SortBuffers<uint64_t>& buffers, int64_t n, int bits) { sort(buffers, n, bits); }

}  // namespace plait::cuda
