#include "ops/cpu/convert.h"

#include <cstring>

#include "core/parallel.h"

namespace plait::cpu {

void copy(const Tensor& out, const Tensor& source) {
  const int64_t bytes = out.nbytes();
  if (out.dtype() == source.dtype() && out.numel() == source.numel() && out.sizes() == source.sizes() &&
      (out.strides() == source.strides() ? is_dense(out.sizes(), out.strides())
                                         : out.is_contiguous() && source.is_contiguous())) {
    char *to = out.data<char>(), *from = source.data<char>();
    if (to == from || bytes == 0) return;
    parallel_for(0, bytes, 256 << 10,
                 [&](int64_t begin, int64_t end) { std::memcpy(to + begin, from + begin, end - begin); });
    return;
  }
  StridedIter iter;
  iter.output(out);
  iter.input(source);
  iter.build();
  if (out.dtype() == source.dtype()) return iter.copy();
  iter.run(convert_table().loop[static_cast<int>(out.dtype())][static_cast<int>(source.dtype())]);
}

}  // namespace plait::cpu
