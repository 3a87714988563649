#include "cuda/ops/elementwise.h"

#include <algorithm>
#include <cstring>

#include "core/strided_iter.h"
#include "cuda/kernels/convert.h"
#include "cuda/kernels/transpose.h"

namespace plait::cuda {
namespace {

constexpr int64_t kMaxIndexed = (int64_t{1} << 31) - 1;  // elements of a plan of several dimensions
constexpr int64_t kWorthTurning =
    1 << 16;  // below it a launch costs more than scattered reads, which hit the L2 cache

// The core's iterator orders and merges dimensions; numbers stay out of it.
struct Walker {
  const char* op;
  Launcher launcher;
  const void* params;
  ElementwisePlan plan;

  void launch() {
    if (plan.numel == 0) return;
    if (plan.ndim > 1 && plan.numel > kMaxIndexed) return halve();
    launcher(plan, params);
  }
  // Cuts the outermost dimension in two, which keeps the inner ones whole.
  void halve() {
    const int d = plan.ndim - 1;
    const int64_t size = plan.sizes[d], first = size / 2;
    Walker rest = *this;
    take(0, first);
    launch();
    rest.take(first, size - first);
    rest.launch();
  }
  void take(int64_t begin, int64_t count) {
    const int d = plan.ndim - 1;
    for (int k = 0; k < plan.operands; ++k)
      if (plan.data[k]) plan.data[k] += begin * plan.strides[d][k];
    plan.numel = plan.numel / plan.sizes[d] * count;
    plan.sizes[d] = count;
    while (plan.ndim > 1 && plan.sizes[plan.ndim - 1] == 1) --plan.ndim;
  }
  // Dimensions beyond what a kernel takes are walked here: tensors with so many that do not merge are small.
  void walk(const StridedIter& iter, std::span<const int> slot, int dim, char* const* data) {
    if (dim < ElementwisePlan::kMaxDims) {
      for (size_t k = 0; k < slot.size(); ++k) plan.data[slot[k]] = data[k];
      return launch();
    }
    char* at[ElementwisePlan::kMaxOperands];
    for (int64_t i = 0; i < iter.size(dim); ++i) {
      for (size_t k = 0; k < slot.size(); ++k) at[k] = data[k] + i * iter.stride(dim, static_cast<int>(k));
      walk(iter, slot, dim - 1, at);
    }
  }
};

// An input of a plan: a tensor, or a number.
struct Operand {
  Tensor tensor;
  Number number;
  bool is_number = false;
  bool opmath = false;  // a 0-d tensor of the opmath type, taken as a number
};

// An input that is contiguous along another dimension than the result would be read one element of each
// 32-byte sector at a time, which is 8 passes over it for float32. Brings such inputs into the result's
// layout: two passes.
bool turn(const ElementwisePlan& plan, std::span<Operand> inputs, const Tensor& out) {
  if (plan.strides[0][0] != itemsize(out.dtype()) || !is_dense(out.sizes(), out.strides())) return false;
  bool any = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Operand& input = inputs[i];
    if (input.is_number || input.opmath || input.tensor.numel() != out.numel()) continue;
    if (!is_transposed(plan, static_cast<int>(i) + 1, itemsize(input.tensor.dtype()))) continue;
    TensorSpec spec(out.sizes(), input.tensor.dtype(), out.device());
    spec.strides = Dims(out.strides());
    const Tensor turned = empty_tensor(spec);
    copy_on_device(turned, input.tensor);
    input.tensor = turned;
    any = true;
  }
  return any;
}

void run(const char* op, Launcher launcher, DType compute, const Tensor& out, std::span<Operand> inputs,
         const void* params) {
  if (!launcher)
    fail<TypeError>("{}: not defined for dtype {} on cuda; convert the arguments with .to(dtype)", op,
                    compute);
  if (out.numel() == 0) return;
  Walker walker{op, launcher, params, {}};
  ElementwisePlan& plan = walker.plan;
  StridedIter iter;
  int slot[ElementwisePlan::kMaxOperands];
  int taken = 0;
  iter.output(out);
  slot[taken++] = 0;
  plan.operands = 1;
  for (const Operand& input : inputs) {
    const int k = plan.operands++;
    plan.data[k] = nullptr;
    if (input.is_number) {
      plan.numbers[k] = input.number;
      for (auto& strides : plan.strides) strides[k] = 0;
    } else {
      plan.opmath[k] = input.opmath;
      iter.input(input.tensor);
      slot[taken++] = k;
    }
  }
  iter.build();
  const int ndim = iter.ndim();
  plan.ndim = std::min(ndim, ElementwisePlan::kMaxDims);
  plan.numel = 1;
  for (int d = 0; d < plan.ndim; ++d) {
    plan.sizes[d] = iter.size(d);
    plan.numel *= iter.size(d);
    for (int k = 0; k < taken; ++k) plan.strides[d][slot[k]] = iter.stride(d, k);
  }
  char* data[ElementwisePlan::kMaxOperands];
  for (int k = 0; k < taken; ++k) data[k] = iter.data(k);
  if (plan.operands > 2 && plan.numel >= kWorthTurning && turn(plan, inputs, out))
    return run(op, launcher, compute, out, inputs, params);
  walker.walk(iter, {slot, static_cast<size_t>(taken)}, ndim - 1, data);
}

}  // namespace

Number number_of(const Scalar& value) {
  const complex128 z = value.to<complex128>();
  return {z.real(), z.imag(), value.to<int64_t>()};
}
Number number_of(const Tensor& t) { return number_of(item(t)); }

namespace {

// A 0-d tensor of float32 beside tensors of 16 bits is not rounded to 16 bits first, as a number is not.
Operand operand(const Tensor& t, DType compute) {
  if (is_number(t)) return {.tensor = {}, .number = number_of(t), .is_number = true};
  if (t.dim() == 0 && is_reduced_float(compute) && is_floating(t.dtype()) && t.dtype() != compute)
    return {.tensor = converted(t, DType::Float32), .number = {}, .opmath = true};
  return {.tensor = converted(t, compute), .number = {}};
}

Number bits_of(const Scalar& value, DType dtype) {
  return visit(dtype, [&]<class T>() {
    const T element = value.to<T>();
    Number number;
    if constexpr (sizeof(T) == 16) {
      number.real = element.real();
      number.imag = element.imag();
    } else {
      std::memcpy(&number.integer, &element, sizeof(T));
    }
    return number;
  });
}

}  // namespace

void run_elementwise(const char* op, Launcher launcher, DType compute, const Tensor& out,
                     std::initializer_list<const Tensor*> inputs, const void* params) {
  Operand list[ElementwisePlan::kMaxOperands];
  int n = 0;
  for (const Tensor* t : inputs) list[n++] = operand(*t, compute);
  run(op, launcher, compute, out, {list, static_cast<size_t>(n)}, params);
}

void run_elementwise_as_is(const char* op, Launcher launcher, const Tensor& out,
                           std::initializer_list<const Tensor*> inputs, const void* params) {
  Operand list[ElementwisePlan::kMaxOperands];
  int n = 0;
  for (const Tensor* t : inputs) {
    if (is_number(*t))
      list[n++] = {.tensor = {}, .number = number_of(*t), .is_number = true};
    else
      list[n++] = {.tensor = *t, .number = {}};
  }
  run(op, launcher, inputs.size() ? (*inputs.begin())->dtype() : out.dtype(), out,
      {list, static_cast<size_t>(n)}, params);
}

void run_choice(const char* op, Launcher launcher, const Tensor& out, const Tensor& condition,
                const Tensor& a, const Tensor& b) {
  const auto of_bits = [&](const Tensor& t) -> Operand {
    if (is_number(t)) return {.tensor = {}, .number = bits_of(item(t), out.dtype()), .is_number = true};
    return {.tensor = converted(t, out.dtype()), .number = {}};
  };
  Operand list[] = {operand(condition, DType::Bool), of_bits(a), of_bits(b)};
  run(op, launcher, out.dtype(), out, list, nullptr);
}

void copy_on_device(const Tensor& out, const Tensor& source) {
  run_elementwise_as_is("copy_", converter(out.dtype(), source.dtype()), out, {&source});
}

Tensor converted(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype && !is_number(tensor)) return tensor;
  const Tensor out = empty_tensor(TensorSpec(
      tensor.sizes(), dtype, Device{DeviceType::CUDA, static_cast<int8_t>(tensor.device().index)}));
  copy_on_device(out, tensor);
  return out;
}

Tensor contiguous(const Tensor& tensor) {
  if (tensor.is_contiguous()) return tensor;
  const Tensor out = empty_tensor(tensor.sizes(), tensor.dtype(), tensor.device());
  copy_on_device(out, tensor);
  return out;
}

}  // namespace plait::cuda
