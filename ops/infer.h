// Meta rules: shape, dtype, device and layout of a result, from the arguments alone. They run for every call
// and are all there is to an op on the Meta device.
#pragma once

#include "core/tensor.h"

namespace plait::infer {

// The layout of a result like `model` (same sizes): its strides where it is dense, else dense in the order of
// its strides; absent where that is plain contiguous.
PLAIT_API std::optional<Dims> layout_like(const Tensor& model);
// A result like `model` in shape and layout.
PLAIT_API TensorSpec like(const Tensor& model, DType dtype);
inline TensorSpec like(const Tensor& model) { return like(model, model.dtype()); }
// The float dtype that a float op computes in for this input: itself, or the default dtype for integers and
// bool.
inline DType float_dtype(DType d) { return is_integral(d, true) ? default_dtype() : d; }

// Broadcast shape and device of several operands, with a given dtype.
PLAIT_API TensorSpec elementwise(const char* op, std::initializer_list<const Tensor*> operands, DType dtype);

// The usual cases, ready to stand in a declaration's .meta (through a lambda that adds the op's name and
// drops extra arguments).
inline TensorSpec unary(const Tensor& a) { return like(a); }
inline TensorSpec unary_float(const Tensor& a) { return like(a, float_dtype(a.dtype())); }
inline TensorSpec unary_bool(const Tensor& a) { return like(a, DType::Bool); }
PLAIT_API TensorSpec binary(const char* op, const Tensor& a, const Tensor& b);  // promoted dtype
PLAIT_API TensorSpec binary_float(const char* op, const Tensor& a,
                                  const Tensor& b);  // promoted, integers to the default float
PLAIT_API TensorSpec compare(const char* op, const Tensor& a, const Tensor& b);  // bool

}  // namespace plait::infer
