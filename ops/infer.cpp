#include "ops/infer.h"

#include <algorithm>

namespace plait::infer {

std::optional<Dims> layout_like(const Tensor& model) {
  if (model.is_contiguous()) return std::nullopt;
  if (is_dense(model.sizes(), model.strides())) return model.strides();
  // Dense, with the dimensions in the order of the model's strides (broadcast ones keep their place).
  const int n = static_cast<int>(model.dim());
  int order[kMaxDims];  // outermost first
  for (int i = 0; i < n; ++i) order[i] = i;
  const auto outside = [&](int a, int b) {
    const int64_t x = model.strides()[a], y = model.strides()[b];
    return x != 0 && y != 0 && x > y;
  };
  for (int i = 1; i < n; ++i)
    for (int j = i; j > 0 && outside(order[j], order[j - 1]); --j) std::swap(order[j], order[j - 1]);
  Dims strides(n, 1);
  int64_t step = 1;
  for (int i = n - 1; i >= 0; --i) {
    strides[order[i]] = step;
    step *= std::max<int64_t>(model.sizes()[order[i]], 1);
  }
  return strides;
}

TensorSpec like(const Tensor& model, DType dtype) {
  TensorSpec spec(model.sizes(), dtype, model.device());
  if (!model.is_contiguous()) spec.strides = layout_like(model);
  return spec;
}

TensorSpec elementwise(const char* op, std::initializer_list<const Tensor*> operands, DType dtype) {
  TensorSpec spec;
  spec.dtype = dtype;
  bool first = true;
  for (const Tensor* t : operands) {
    if (!t->defined()) continue;
    if (first || (t->device() != spec.device && spec.device.type == DeviceType::CPU))
      spec.device = t->device();
    if (first)
      spec.sizes = t->sizes();
    else if (spec.sizes != t->sizes())
      spec.sizes = broadcast(spec.sizes, t->sizes(), op);
    first = false;
  }
  // The layout of the first operand that has the full shape.
  for (const Tensor* t : operands) {
    if (!t->defined() || t->sizes() != spec.sizes) continue;
    if (!t->is_contiguous()) spec.strides = layout_like(*t);
    break;
  }
  return spec;
}

TensorSpec binary(const char* op, const Tensor& a, const Tensor& b) {
  return elementwise(op, {&a, &b}, result_type(a, b));
}
TensorSpec binary_float(const char* op, const Tensor& a, const Tensor& b) {
  return elementwise(op, {&a, &b}, float_dtype(result_type(a, b)));
}
TensorSpec compare(const char* op, const Tensor& a, const Tensor& b) {
  return elementwise(op, {&a, &b}, DType::Bool);
}

}  // namespace plait::infer
