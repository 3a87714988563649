#include "cuda/ops/read_back.h"

#include <algorithm>

#include "cuda/runtime/memory.h"
#include "cuda/runtime/pinned.h"

namespace plait::cuda {

void read_back(int64_t* numbers, const int64_t* device, int count) {
  // From pinned memory, since a copy to any other is staged by the driver, with a wait of its own.
  const size_t bytes = static_cast<size_t>(count) * sizeof(int64_t);
  const Storage words = allocate_pinned(bytes);
  const cudaStream_t stream = current_stream();
  download(words->data(), device, bytes, stream);
  synchronize_stream(stream);
  std::copy_n(static_cast<const int64_t*>(words->data()), count, numbers);
}

int64_t read_back(const int64_t* device) {
  int64_t number;
  read_back(&number, device, 1);
  return number;
}

}  // namespace plait::cuda
