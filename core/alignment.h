// Note [Alignment]
// Kernels read elements as objects of C++, which lie at multiples of their size (complex numbers: of their
// parts'). Memory of plait's own always begins so. What comes from elsewhere is looked at where it becomes a
// tensor of elements: arrays of NumPy, DLPack, buffers, mapped files, and bytes that are viewed as another
// dtype.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait {

inline int64_t alignment(DType dtype) { return is_complex(dtype) ? itemsize(dtype) / 2 : itemsize(dtype); }
inline bool is_aligned(const void* data, DType dtype) {
  return reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(alignment(dtype)) == 0;
}

}  // namespace plait
