#include "ops/cpu/pointwise.h"

#include "ops/infer.h"

namespace plait::cpu {
namespace {

constexpr int64_t kTiny = 2048;  // elements for which building the iterator would cost more than the loop

[[noreturn]] void fail_loop(const char* op, DType compute) {
  fail<TypeError>("{}: not defined for dtype {}; convert the arguments with .to(dtype)", op, compute);
}

// Needs no conversion, no broadcast, no order of dimensions.
bool plain(const Tensor& t, const Tensor& out, DType compute) {
  return t.dtype() == compute && t.is_contiguous() && t.numel() == out.numel() && t.sizes() == out.sizes();
}

bool is_number(const Tensor& t) { return t.dim() == 0 && t.is_cpu(); }

// A 0-d tensor's element in another dtype, in the caller's buffer.
char* number_as(const Tensor& t, DType compute, char* buffer) {
  if (t.dtype() == compute) return t.data<char>();
  const Scalar value = item(t);
  visit(compute, [&]<class T>() { *reinterpret_cast<T*>(buffer) = value.to<T>(); });
  return buffer;
}

}  // namespace

Tensor converted(const Tensor& tensor, DType dtype) {
  if (tensor.dtype() == dtype) return tensor;
  if (tensor.numel() == 1 && tensor.is_cpu() && tensor.dim() == 0) return scalar_tensor(item(tensor), dtype);
  Tensor out = empty_tensor(infer::like(tensor, dtype));  // the same layout: no transposition on the way
  copy_into(out, tensor);
  return out;
}

void pointwise(const char* op, Loop loop, const Tensor& out, const Tensor& a, DType compute,
               const void* params, int cost) {
  if (__builtin_expect(!loop, 0)) fail_loop(op, compute);
  if (out.numel() <= kTiny && a.dtype() == compute && a.is_contiguous() && out.is_contiguous()) {
    char* data[] = {out.data<char>(), a.data<char>()};
    const int64_t strides[] = {itemsize(out.dtype()), itemsize(compute)};
    if (out.numel()) loop(data, strides, out.numel(), params);
    return;
  }
  const Tensor x = converted(a, compute);
  StridedIter iter;
  iter.output(out);
  iter.input(x);
  iter.build();
  iter.run(loop, params, cost);
}

void pointwise(const char* op, Loop loop, const Tensor& out, const Tensor& a, const Tensor& b, DType compute,
               const void* params, int cost) {
  if (__builtin_expect(!loop, 0)) fail_loop(op, compute);
  if (out.numel() <= kTiny && out.is_contiguous()) {
    const bool plain_a = plain(a, out, compute), plain_b = plain(b, out, compute);
    if (plain_a ? plain_b || is_number(b) : plain_b && is_number(a)) {
      alignas(16) char number[16];
      const int64_t size = itemsize(compute);
      char* data[] = {out.data<char>(), plain_a ? a.data<char>() : number_as(a, compute, number),
                      plain_b ? b.data<char>() : number_as(b, compute, number)};
      const int64_t strides[] = {itemsize(out.dtype()), plain_a ? size : 0, plain_b ? size : 0};
      if (out.numel()) loop(data, strides, out.numel(), params);
      return;
    }
  }
  const Tensor x = converted(a, compute), y = converted(b, compute);
  StridedIter iter;
  iter.output(out);
  iter.input(x);
  iter.input(y);
  iter.build();
  iter.run(loop, params, cost);
}

void pointwise(const char* op, Loop loop, const Tensor& out, const Tensor& a, const Tensor& b,
               const Tensor& c, DType compute, const void* params, int cost) {
  if (__builtin_expect(!loop, 0)) fail_loop(op, compute);
  const Tensor x = converted(a, compute), y = converted(b, compute), z = converted(c, compute);
  StridedIter iter;
  iter.output(out);
  iter.input(x);
  iter.input(y);
  iter.input(z);
  iter.build();
  iter.run(loop, params, cost);
}

}  // namespace plait::cpu
