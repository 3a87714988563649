#include "ops/cpu/binary.h"

namespace plait::cpu {

Tensor converted(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  if (tensor.numel() == 1 && tensor.is_cpu() && tensor.dim() == 0) return scalar_tensor(item(tensor), dtype);
  Tensor out = empty_tensor(TensorSpec(tensor.sizes(), dtype, tensor.device()));
  copy_into(out, tensor);
  return out;
}

namespace {

bool is_number(const Tensor& t) { return t.dim() == 0; }

}  // namespace

void binary(const char* op, Binary f, const Tensor& out, const Tensor& a, const Tensor& b, DType compute, int cost) {
  const BinaryTable& table = binary_table();
  const int row = static_cast<int>(f), column = static_cast<int>(compute);
  Loop loop = table.same[row][column];
  if (__builtin_expect(!loop, 0))
    fail<TypeError>("{}: not defined for dtype {}; convert the arguments with .to(dtype)", op, compute);
  // The hot road of small tensors: nothing to convert, broadcast or order.
  if (a.dtype() == compute && b.dtype() == compute && a.numel() == b.numel() && out.numel() <= 2048 && a.sizes() == b.sizes() &&
      a.is_contiguous() && b.is_contiguous() && out.is_contiguous()) {
    char* data[] = {out.data<char>(), a.data<char>(), b.data<char>()};
    const int64_t strides[] = {itemsize(out.dtype()), itemsize(compute), itemsize(compute)};
    loop(data, strides, out.numel(), nullptr);
    return;
  }
  Tensor x = a, y = b;
  if (is_reduced_float(compute) && out.dtype() == compute && (is_number(a) != is_number(b))) {
    const int narrow = compute == DType::BFloat16;
    if (is_number(b)) {
      loop = table.number_right[row][narrow];
      y = converted(b, DType::Float32);
      x = converted(a, compute);
    } else {
      loop = table.number_left[row][narrow];
      x = converted(a, DType::Float32);
      y = converted(b, compute);
    }
  } else {
    x = converted(a, compute);
    y = converted(b, compute);
  }
  StridedIter iter;
  iter.output(out);
  iter.input(x);
  iter.input(y);
  iter.build();
  iter.run(loop, nullptr, cost);
}

}  // namespace plait::cpu
