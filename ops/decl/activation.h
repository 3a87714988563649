// Emitted by tools/emit_header.py from ops/activation.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&)> relu;
extern PLAIT_API Op<Tensor(const Tensor&)> sigmoid;
extern PLAIT_API Op<Tensor(const Tensor&)> logsigmoid;
extern PLAIT_API Op<Tensor(const Tensor&)> silu;
extern PLAIT_API Op<Tensor(const Tensor&)> mish;
extern PLAIT_API Op<Tensor(const Tensor&, std::string_view)> gelu;
extern PLAIT_API Op<Tensor(const Tensor&)> softsign;
extern PLAIT_API Op<Tensor(const Tensor&)> tanhshrink;
extern PLAIT_API Op<Tensor(const Tensor&)> hardsigmoid;
extern PLAIT_API Op<Tensor(const Tensor&)> hardswish;
extern PLAIT_API Op<Tensor(const Tensor&, double)> leaky_relu;
extern PLAIT_API Op<Tensor(const Tensor&, double)> elu;
extern PLAIT_API Op<Tensor(const Tensor&)> selu;
extern PLAIT_API Op<Tensor(const Tensor&, double)> celu;
extern PLAIT_API Op<Tensor(const Tensor&, double, double)> softplus;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, const Scalar&)> hardtanh;
extern PLAIT_API Op<Tensor(const Tensor&)> relu6;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, const Scalar&)> threshold;
extern PLAIT_API Op<Tensor(const Tensor&, double)> softshrink;
extern PLAIT_API Op<Tensor(const Tensor&, double)> hardshrink;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<double>)> logit;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _prelu;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> prelu;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> glu;
}  // namespace plait::op

namespace plait {
inline Tensor relu(const Tensor& self) { return op::relu(self); }
inline Tensor relu_(const Tensor& self) { return op::relu.inplace(self); }
inline Tensor sigmoid(const Tensor& self) { return op::sigmoid(self); }
inline Tensor sigmoid_(const Tensor& self) { return op::sigmoid.inplace(self); }
inline Tensor logsigmoid(const Tensor& self) { return op::logsigmoid(self); }
inline Tensor logsigmoid_(const Tensor& self) { return op::logsigmoid.inplace(self); }
inline Tensor silu(const Tensor& self) { return op::silu(self); }
inline Tensor silu_(const Tensor& self) { return op::silu.inplace(self); }
inline Tensor mish(const Tensor& self) { return op::mish(self); }
inline Tensor mish_(const Tensor& self) { return op::mish.inplace(self); }
inline Tensor gelu(const Tensor& self, std::string_view approximate = "none") { return op::gelu(self, approximate); }
inline Tensor gelu_(const Tensor& self, std::string_view approximate = "none") { return op::gelu.inplace(self, approximate); }
inline Tensor softsign(const Tensor& self) { return op::softsign(self); }
inline Tensor softsign_(const Tensor& self) { return op::softsign.inplace(self); }
inline Tensor tanhshrink(const Tensor& self) { return op::tanhshrink(self); }
inline Tensor tanhshrink_(const Tensor& self) { return op::tanhshrink.inplace(self); }
inline Tensor hardsigmoid(const Tensor& self) { return op::hardsigmoid(self); }
inline Tensor hardsigmoid_(const Tensor& self) { return op::hardsigmoid.inplace(self); }
inline Tensor hardswish(const Tensor& self) { return op::hardswish(self); }
inline Tensor hardswish_(const Tensor& self) { return op::hardswish.inplace(self); }
inline Tensor leaky_relu(const Tensor& self, double negative_slope = 0.01) { return op::leaky_relu(self, negative_slope); }
inline Tensor leaky_relu_(const Tensor& self, double negative_slope = 0.01) { return op::leaky_relu.inplace(self, negative_slope); }
inline Tensor elu(const Tensor& self, double alpha = 1.0) { return op::elu(self, alpha); }
inline Tensor elu_(const Tensor& self, double alpha = 1.0) { return op::elu.inplace(self, alpha); }
inline Tensor selu(const Tensor& self) { return op::selu(self); }
inline Tensor selu_(const Tensor& self) { return op::selu.inplace(self); }
inline Tensor celu(const Tensor& self, double alpha = 1.0) { return op::celu(self, alpha); }
inline Tensor celu_(const Tensor& self, double alpha = 1.0) { return op::celu.inplace(self, alpha); }
inline Tensor softplus(const Tensor& self, double beta = 1.0, double threshold = 20.0) { return op::softplus(self, beta, threshold); }
inline Tensor softplus_(const Tensor& self, double beta = 1.0, double threshold = 20.0) { return op::softplus.inplace(self, beta, threshold); }
inline Tensor hardtanh(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1) { return op::hardtanh(self, min_val, max_val); }
inline Tensor hardtanh_(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1) { return op::hardtanh.inplace(self, min_val, max_val); }
inline Tensor relu6(const Tensor& self) { return op::relu6(self); }
inline Tensor relu6_(const Tensor& self) { return op::relu6.inplace(self); }
inline Tensor threshold(const Tensor& self, const Scalar& threshold, const Scalar& value) { return op::threshold(self, threshold, value); }
inline Tensor threshold_(const Tensor& self, const Scalar& threshold, const Scalar& value) { return op::threshold.inplace(self, threshold, value); }
inline Tensor softshrink(const Tensor& self, double lambd = 0.5) { return op::softshrink(self, lambd); }
inline Tensor softshrink_(const Tensor& self, double lambd = 0.5) { return op::softshrink.inplace(self, lambd); }
inline Tensor hardshrink(const Tensor& self, double lambd = 0.5) { return op::hardshrink(self, lambd); }
inline Tensor hardshrink_(const Tensor& self, double lambd = 0.5) { return op::hardshrink.inplace(self, lambd); }
inline Tensor logit(const Tensor& self, std::optional<double> eps = std::nullopt) { return op::logit(self, eps); }
inline Tensor logit_(const Tensor& self, std::optional<double> eps = std::nullopt) { return op::logit.inplace(self, eps); }
inline Tensor _prelu(const Tensor& self, const Tensor& weight) { return op::_prelu(self, weight); }
inline Tensor prelu(const Tensor& self, const Tensor& weight) { return op::prelu(self, weight); }
inline Tensor prelu_(const Tensor& self, const Tensor& weight) { return op::prelu.inplace(self, weight); }
inline Tensor glu(const Tensor& self, int64_t dim = -1) { return op::glu(self, dim); }
inline Tensor glu_(const Tensor& self, int64_t dim = -1) { return op::glu.inplace(self, dim); }
}  // namespace plait
// clang-format on
