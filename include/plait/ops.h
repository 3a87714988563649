// Every op as a function, with the names and defaults of Python; `name_` is the in-place form.
// Emitted by tools/emit_header.py: do not edit.
#pragma once

#include <limits>

#include "plait/tensor.h"

// clang-format off
namespace plait {
inline namespace v1 {
inline Tensor relu(const Tensor& self) { static detail::OpName op{"relu"}; return op.call({self}); }
inline Tensor relu_(const Tensor& self) { static detail::OpName op{"relu"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor sigmoid(const Tensor& self) { static detail::OpName op{"sigmoid"}; return op.call({self}); }
inline Tensor sigmoid_(const Tensor& self) { static detail::OpName op{"sigmoid"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor logsigmoid(const Tensor& self) { static detail::OpName op{"logsigmoid"}; return op.call({self}); }
inline Tensor silu(const Tensor& self) { static detail::OpName op{"silu"}; return op.call({self}); }
inline Tensor silu_(const Tensor& self) { static detail::OpName op{"silu"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor mish(const Tensor& self) { static detail::OpName op{"mish"}; return op.call({self}); }
inline Tensor mish_(const Tensor& self) { static detail::OpName op{"mish"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor gelu(const Tensor& self, std::string_view approximate = "none") { static detail::OpName op{"gelu"}; return op.call({self, approximate}); }
inline Tensor gelu_(const Tensor& self, std::string_view approximate = "none") { static detail::OpName op{"gelu"}; return op.call({self, approximate}, PLAIT_INPLACE); }
inline Tensor softsign(const Tensor& self) { static detail::OpName op{"softsign"}; return op.call({self}); }
inline Tensor tanhshrink(const Tensor& self) { static detail::OpName op{"tanhshrink"}; return op.call({self}); }
inline Tensor hardsigmoid(const Tensor& self) { static detail::OpName op{"hardsigmoid"}; return op.call({self}); }
inline Tensor hardsigmoid_(const Tensor& self) { static detail::OpName op{"hardsigmoid"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor hardswish(const Tensor& self) { static detail::OpName op{"hardswish"}; return op.call({self}); }
inline Tensor hardswish_(const Tensor& self) { static detail::OpName op{"hardswish"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor leaky_relu(const Tensor& self, double negative_slope = 0.01) { static detail::OpName op{"leaky_relu"}; return op.call({self, negative_slope}); }
inline Tensor leaky_relu_(const Tensor& self, double negative_slope = 0.01) { static detail::OpName op{"leaky_relu"}; return op.call({self, negative_slope}, PLAIT_INPLACE); }
inline Tensor elu(const Tensor& self, double alpha = 1.0) { static detail::OpName op{"elu"}; return op.call({self, alpha}); }
inline Tensor elu_(const Tensor& self, double alpha = 1.0) { static detail::OpName op{"elu"}; return op.call({self, alpha}, PLAIT_INPLACE); }
inline Tensor selu(const Tensor& self) { static detail::OpName op{"selu"}; return op.call({self}); }
inline Tensor selu_(const Tensor& self) { static detail::OpName op{"selu"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor celu(const Tensor& self, double alpha = 1.0) { static detail::OpName op{"celu"}; return op.call({self, alpha}); }
inline Tensor celu_(const Tensor& self, double alpha = 1.0) { static detail::OpName op{"celu"}; return op.call({self, alpha}, PLAIT_INPLACE); }
inline Tensor softplus(const Tensor& self, double beta = 1.0, double threshold = 20.0) { static detail::OpName op{"softplus"}; return op.call({self, beta, threshold}); }
inline Tensor hardtanh(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1) { static detail::OpName op{"hardtanh"}; return op.call({self, min_val, max_val}); }
inline Tensor hardtanh_(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1) { static detail::OpName op{"hardtanh"}; return op.call({self, min_val, max_val}, PLAIT_INPLACE); }
inline Tensor relu6(const Tensor& self) { static detail::OpName op{"relu6"}; return op.call({self}); }
inline Tensor threshold(const Tensor& self, const Scalar& threshold, const Scalar& value) { static detail::OpName op{"threshold"}; return op.call({self, threshold, value}); }
inline Tensor threshold_(const Tensor& self, const Scalar& threshold, const Scalar& value) { static detail::OpName op{"threshold"}; return op.call({self, threshold, value}, PLAIT_INPLACE); }
inline Tensor softshrink(const Tensor& self, double lambd = 0.5) { static detail::OpName op{"softshrink"}; return op.call({self, lambd}); }
inline Tensor hardshrink(const Tensor& self, double lambd = 0.5) { static detail::OpName op{"hardshrink"}; return op.call({self, lambd}); }
inline Tensor logit(const Tensor& self, std::optional<double> eps = std::nullopt) { static detail::OpName op{"logit"}; return op.call({self, eps}); }
inline Tensor logit_(const Tensor& self, std::optional<double> eps = std::nullopt) { static detail::OpName op{"logit"}; return op.call({self, eps}, PLAIT_INPLACE); }
inline Tensor prelu(const Tensor& self, const Operand& weight) { static detail::OpName op{"prelu"}; return op.call({self, weight}); }
inline Tensor glu(const Tensor& self, int64_t dim = -1) { static detail::OpName op{"glu"}; return op.call({self, dim}); }
inline Tensor addmm(const Tensor& self, const Operand& mat1, const Operand& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"addmm"}; return op.call({self, mat1, mat2, beta, alpha}); }
inline Tensor addmm_(const Tensor& self, const Operand& mat1, const Operand& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"addmm"}; return op.call({self, mat1, mat2, beta, alpha}, PLAIT_INPLACE); }
inline Tensor addmv(const Tensor& self, const Operand& mat, const Operand& vec, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"addmv"}; return op.call({self, mat, vec, beta, alpha}); }
inline Tensor addmv_(const Tensor& self, const Operand& mat, const Operand& vec, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"addmv"}; return op.call({self, mat, vec, beta, alpha}, PLAIT_INPLACE); }
inline Tensor addbmm(const Tensor& self, const Operand& batch1, const Operand& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"addbmm"}; return op.call({self, batch1, batch2, beta, alpha}); }
inline Tensor addbmm_(const Tensor& self, const Operand& batch1, const Operand& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"addbmm"}; return op.call({self, batch1, batch2, beta, alpha}, PLAIT_INPLACE); }
inline Tensor baddbmm(const Tensor& self, const Operand& batch1, const Operand& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"baddbmm"}; return op.call({self, batch1, batch2, beta, alpha}); }
inline Tensor baddbmm_(const Tensor& self, const Operand& batch1, const Operand& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { static detail::OpName op{"baddbmm"}; return op.call({self, batch1, batch2, beta, alpha}, PLAIT_INPLACE); }
inline Tensor absolute(const Tensor& self) { static detail::OpName op{"absolute"}; return op.call({self}); }
inline Tensor conj_physical(const Tensor& self) { static detail::OpName op{"conj_physical"}; return op.call({self}); }
inline Tensor conj_physical_(const Tensor& self) { static detail::OpName op{"conj_physical"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor negative(const Tensor& self) { static detail::OpName op{"negative"}; return op.call({self}); }
inline Tensor arccos(const Tensor& self) { static detail::OpName op{"arccos"}; return op.call({self}); }
inline Tensor arcsin(const Tensor& self) { static detail::OpName op{"arcsin"}; return op.call({self}); }
inline Tensor arctan(const Tensor& self) { static detail::OpName op{"arctan"}; return op.call({self}); }
inline Tensor arccosh(const Tensor& self) { static detail::OpName op{"arccosh"}; return op.call({self}); }
inline Tensor arcsinh(const Tensor& self) { static detail::OpName op{"arcsinh"}; return op.call({self}); }
inline Tensor arctanh(const Tensor& self) { static detail::OpName op{"arctanh"}; return op.call({self}); }
inline Tensor multiply(const Tensor& self, const Operand& other) { static detail::OpName op{"multiply"}; return op.call({self, other}); }
inline Tensor true_divide(const Tensor& self, const Operand& other) { static detail::OpName op{"true_divide"}; return op.call({self, other}); }
inline Tensor greater(const Tensor& self, const Operand& other) { static detail::OpName op{"greater"}; return op.call({self, other}); }
inline Tensor greater_equal(const Tensor& self, const Operand& other) { static detail::OpName op{"greater_equal"}; return op.call({self, other}); }
inline Tensor less(const Tensor& self, const Operand& other) { static detail::OpName op{"less"}; return op.call({self, other}); }
inline Tensor less_equal(const Tensor& self, const Operand& other) { static detail::OpName op{"less_equal"}; return op.call({self, other}); }
inline Tensor not_equal(const Tensor& self, const Operand& other) { static detail::OpName op{"not_equal"}; return op.call({self, other}); }
inline Tensor arctan2(const Tensor& self, const Operand& other) { static detail::OpName op{"arctan2"}; return op.call({self, other}); }
inline Tensor subtract(const Tensor& self, const Operand& other, const Scalar& alpha = 1) { static detail::OpName op{"subtract"}; return op.call({self, other, alpha}); }
inline Tensor divide(const Tensor& self, const Operand& other, std::optional<std::string_view> rounding_mode = std::nullopt) { static detail::OpName op{"divide"}; return op.call({self, other, rounding_mode}); }
inline Tensor clip(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { static detail::OpName op{"clip"}; return op.call({self, min, max}); }
inline Tensor clip(const Tensor& self, const Tensor& min, const Tensor& max = {}) { static detail::OpName op{"clip.Tensor"}; return op.call({self, min, max}); }
inline Tensor fix(const Tensor& self) { static detail::OpName op{"fix"}; return op.call({self}); }
inline Tensor add(const Tensor& self, const Operand& other, const Scalar& alpha = 1) { static detail::OpName op{"add"}; return op.call({self, other, alpha}); }
inline Tensor add_(const Tensor& self, const Operand& other, const Scalar& alpha = 1) { static detail::OpName op{"add"}; return op.call({self, other, alpha}, PLAIT_INPLACE); }
inline Tensor sub(const Tensor& self, const Operand& other, const Scalar& alpha = 1) { static detail::OpName op{"sub"}; return op.call({self, other, alpha}); }
inline Tensor sub_(const Tensor& self, const Operand& other, const Scalar& alpha = 1) { static detail::OpName op{"sub"}; return op.call({self, other, alpha}, PLAIT_INPLACE); }
inline Tensor mul(const Tensor& self, const Operand& other) { static detail::OpName op{"mul"}; return op.call({self, other}); }
inline Tensor mul_(const Tensor& self, const Operand& other) { static detail::OpName op{"mul"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor div(const Tensor& self, const Operand& other) { static detail::OpName op{"div"}; return op.call({self, other}); }
inline Tensor div_(const Tensor& self, const Operand& other) { static detail::OpName op{"div"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor div(const Tensor& self, const Operand& other, std::optional<std::string_view> rounding_mode) { static detail::OpName op{"div.mode"}; return op.call({self, other, rounding_mode}); }
inline Tensor div_(const Tensor& self, const Operand& other, std::optional<std::string_view> rounding_mode) { static detail::OpName op{"div.mode"}; return op.call({self, other, rounding_mode}, PLAIT_INPLACE); }
inline Tensor floor_divide(const Tensor& self, const Operand& other) { static detail::OpName op{"floor_divide"}; return op.call({self, other}); }
inline Tensor floor_divide_(const Tensor& self, const Operand& other) { static detail::OpName op{"floor_divide"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor remainder(const Tensor& self, const Operand& other) { static detail::OpName op{"remainder"}; return op.call({self, other}); }
inline Tensor remainder_(const Tensor& self, const Operand& other) { static detail::OpName op{"remainder"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor fmod(const Tensor& self, const Operand& other) { static detail::OpName op{"fmod"}; return op.call({self, other}); }
inline Tensor fmod_(const Tensor& self, const Operand& other) { static detail::OpName op{"fmod"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor scaled_dot_product_attention(const Tensor& query, const Operand& key, const Operand& value, const Tensor& attn_mask = {}, double dropout_p = 0.0, bool is_causal = false, std::optional<double> scale = std::nullopt, bool enable_gqa = false) { static detail::OpName op{"scaled_dot_product_attention"}; return op.call({query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa}); }
inline Tensor avg_pool1d(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, bool ceil_mode = false, bool count_include_pad = true) { static detail::OpName op{"avg_pool1d"}; return op.call({self, kernel_size, stride, padding, ceil_mode, count_include_pad}); }
inline Tensor adaptive_avg_pool1d(const Tensor& self, const Ints& output_size) { static detail::OpName op{"adaptive_avg_pool1d"}; return op.call({self, output_size}); }
inline Tensor avg_pool2d(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { static detail::OpName op{"avg_pool2d"}; return op.call({self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override}); }
inline Tensor adaptive_avg_pool2d(const Tensor& self, const Ints& output_size) { static detail::OpName op{"adaptive_avg_pool2d"}; return op.call({self, output_size}); }
inline Tensor avg_pool3d(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { static detail::OpName op{"avg_pool3d"}; return op.call({self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override}); }
inline Tensor adaptive_avg_pool3d(const Tensor& self, const Ints& output_size) { static detail::OpName op{"adaptive_avg_pool3d"}; return op.call({self, output_size}); }
inline Tensor batch_norm(const Tensor& self, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1, double eps = 1e-05) { static detail::OpName op{"batch_norm"}; return op.call({self, running_mean, running_var, weight, bias, training, momentum, eps}); }
inline Tensor i0(const Tensor& self) { static detail::OpName op{"i0"}; return op.call({self}); }
inline Tensor i0_(const Tensor& self) { static detail::OpName op{"i0"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_i0e(const Tensor& self) { static detail::OpName op{"special_i0e"}; return op.call({self}); }
inline Tensor special_i0e_(const Tensor& self) { static detail::OpName op{"special_i0e"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_i1(const Tensor& self) { static detail::OpName op{"special_i1"}; return op.call({self}); }
inline Tensor special_i1_(const Tensor& self) { static detail::OpName op{"special_i1"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_i1e(const Tensor& self) { static detail::OpName op{"special_i1e"}; return op.call({self}); }
inline Tensor special_i1e_(const Tensor& self) { static detail::OpName op{"special_i1e"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_bessel_j0(const Tensor& self) { static detail::OpName op{"special_bessel_j0"}; return op.call({self}); }
inline Tensor special_bessel_j0_(const Tensor& self) { static detail::OpName op{"special_bessel_j0"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_bessel_j1(const Tensor& self) { static detail::OpName op{"special_bessel_j1"}; return op.call({self}); }
inline Tensor special_bessel_j1_(const Tensor& self) { static detail::OpName op{"special_bessel_j1"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_bessel_y0(const Tensor& self) { static detail::OpName op{"special_bessel_y0"}; return op.call({self}); }
inline Tensor special_bessel_y0_(const Tensor& self) { static detail::OpName op{"special_bessel_y0"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_bessel_y1(const Tensor& self) { static detail::OpName op{"special_bessel_y1"}; return op.call({self}); }
inline Tensor special_bessel_y1_(const Tensor& self) { static detail::OpName op{"special_bessel_y1"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_modified_bessel_k0(const Tensor& self) { static detail::OpName op{"special_modified_bessel_k0"}; return op.call({self}); }
inline Tensor special_modified_bessel_k0_(const Tensor& self) { static detail::OpName op{"special_modified_bessel_k0"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_modified_bessel_k1(const Tensor& self) { static detail::OpName op{"special_modified_bessel_k1"}; return op.call({self}); }
inline Tensor special_modified_bessel_k1_(const Tensor& self) { static detail::OpName op{"special_modified_bessel_k1"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_scaled_modified_bessel_k0(const Tensor& self) { static detail::OpName op{"special_scaled_modified_bessel_k0"}; return op.call({self}); }
inline Tensor special_scaled_modified_bessel_k0_(const Tensor& self) { static detail::OpName op{"special_scaled_modified_bessel_k0"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_scaled_modified_bessel_k1(const Tensor& self) { static detail::OpName op{"special_scaled_modified_bessel_k1"}; return op.call({self}); }
inline Tensor special_scaled_modified_bessel_k1_(const Tensor& self) { static detail::OpName op{"special_scaled_modified_bessel_k1"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_spherical_bessel_j0(const Tensor& self) { static detail::OpName op{"special_spherical_bessel_j0"}; return op.call({self}); }
inline Tensor special_spherical_bessel_j0_(const Tensor& self) { static detail::OpName op{"special_spherical_bessel_j0"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_erfcx(const Tensor& self) { static detail::OpName op{"special_erfcx"}; return op.call({self}); }
inline Tensor special_erfcx_(const Tensor& self) { static detail::OpName op{"special_erfcx"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor special_log_ndtr(const Tensor& self) { static detail::OpName op{"special_log_ndtr"}; return op.call({self}); }
inline Tensor special_log_ndtr_(const Tensor& self) { static detail::OpName op{"special_log_ndtr"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor eq(const Tensor& self, const Operand& other) { static detail::OpName op{"eq"}; return op.call({self, other}); }
inline Tensor eq_(const Tensor& self, const Operand& other) { static detail::OpName op{"eq"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor ne(const Tensor& self, const Operand& other) { static detail::OpName op{"ne"}; return op.call({self, other}); }
inline Tensor ne_(const Tensor& self, const Operand& other) { static detail::OpName op{"ne"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor lt(const Tensor& self, const Operand& other) { static detail::OpName op{"lt"}; return op.call({self, other}); }
inline Tensor lt_(const Tensor& self, const Operand& other) { static detail::OpName op{"lt"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor le(const Tensor& self, const Operand& other) { static detail::OpName op{"le"}; return op.call({self, other}); }
inline Tensor le_(const Tensor& self, const Operand& other) { static detail::OpName op{"le"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor gt(const Tensor& self, const Operand& other) { static detail::OpName op{"gt"}; return op.call({self, other}); }
inline Tensor gt_(const Tensor& self, const Operand& other) { static detail::OpName op{"gt"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor ge(const Tensor& self, const Operand& other) { static detail::OpName op{"ge"}; return op.call({self, other}); }
inline Tensor ge_(const Tensor& self, const Operand& other) { static detail::OpName op{"ge"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor logical_and(const Tensor& self, const Operand& other) { static detail::OpName op{"logical_and"}; return op.call({self, other}); }
inline Tensor logical_and_(const Tensor& self, const Operand& other) { static detail::OpName op{"logical_and"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor logical_or(const Tensor& self, const Operand& other) { static detail::OpName op{"logical_or"}; return op.call({self, other}); }
inline Tensor logical_or_(const Tensor& self, const Operand& other) { static detail::OpName op{"logical_or"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor logical_xor(const Tensor& self, const Operand& other) { static detail::OpName op{"logical_xor"}; return op.call({self, other}); }
inline Tensor logical_xor_(const Tensor& self, const Operand& other) { static detail::OpName op{"logical_xor"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor logical_not(const Tensor& self) { static detail::OpName op{"logical_not"}; return op.call({self}); }
inline Tensor logical_not_(const Tensor& self) { static detail::OpName op{"logical_not"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor isnan(const Tensor& self) { static detail::OpName op{"isnan"}; return op.call({self}); }
inline Tensor isinf(const Tensor& self) { static detail::OpName op{"isinf"}; return op.call({self}); }
inline Tensor isfinite(const Tensor& self) { static detail::OpName op{"isfinite"}; return op.call({self}); }
inline Tensor signbit(const Tensor& self) { static detail::OpName op{"signbit"}; return op.call({self}); }
inline Tensor isclose(const Tensor& self, const Operand& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { static detail::OpName op{"isclose"}; return op.call({self, other, rtol, atol, equal_nan}); }
inline bool allclose(const Tensor& self, const Operand& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { static detail::OpName op{"allclose"}; return op.results<bool>({self, other, rtol, atol, equal_nan}); }
inline bool equal(const Tensor& self, const Operand& other) { static detail::OpName op{"equal"}; return op.results<bool>({self, other}); }
inline Tensor view_as_real(const Tensor& self) { static detail::OpName op{"view_as_real"}; return op.call({self}); }
inline Tensor view_as_complex(const Tensor& self) { static detail::OpName op{"view_as_complex"}; return op.call({self}); }
inline Tensor real(const Tensor& self) { static detail::OpName op{"real"}; return op.call({self}); }
inline Tensor imag(const Tensor& self) { static detail::OpName op{"imag"}; return op.call({self}); }
inline Tensor complex(const Tensor& real, const Operand& imag) { static detail::OpName op{"complex"}; return op.call({real, imag}); }
inline Tensor conj(const Tensor& self) { static detail::OpName op{"conj"}; return op.call({self}); }
inline Tensor angle(const Tensor& self) { static detail::OpName op{"angle"}; return op.call({self}); }
inline Tensor conv1d(const Tensor& self, const Operand& weight, const Tensor& bias = {}, const Ints& stride = 1, const Ints& padding = 0, const Ints& dilation = 1, int64_t groups = 1) { static detail::OpName op{"conv1d"}; return op.call({self, weight, bias, stride, padding, dilation, groups}); }
inline Tensor conv1d(const Tensor& self, const Operand& weight, const Tensor& bias, const Ints& stride = 1, std::string_view padding = "valid", const Ints& dilation = 1, int64_t groups = 1) { static detail::OpName op{"conv1d.padding"}; return op.call({self, weight, bias, stride, padding, dilation, groups}); }
inline Tensor conv2d(const Tensor& self, const Operand& weight, const Tensor& bias = {}, const Ints& stride = 1, const Ints& padding = 0, const Ints& dilation = 1, int64_t groups = 1) { static detail::OpName op{"conv2d"}; return op.call({self, weight, bias, stride, padding, dilation, groups}); }
inline Tensor conv2d(const Tensor& self, const Operand& weight, const Tensor& bias, const Ints& stride = 1, std::string_view padding = "valid", const Ints& dilation = 1, int64_t groups = 1) { static detail::OpName op{"conv2d.padding"}; return op.call({self, weight, bias, stride, padding, dilation, groups}); }
inline Tensor conv3d(const Tensor& self, const Operand& weight, const Tensor& bias = {}, const Ints& stride = 1, const Ints& padding = 0, const Ints& dilation = 1, int64_t groups = 1) { static detail::OpName op{"conv3d"}; return op.call({self, weight, bias, stride, padding, dilation, groups}); }
inline Tensor conv3d(const Tensor& self, const Operand& weight, const Tensor& bias, const Ints& stride = 1, std::string_view padding = "valid", const Ints& dilation = 1, int64_t groups = 1) { static detail::OpName op{"conv3d.padding"}; return op.call({self, weight, bias, stride, padding, dilation, groups}); }
inline Tensor conv_transpose1d(const Tensor& self, const Operand& weight, const Tensor& bias = {}, const Ints& stride = 1, const Ints& padding = 0, const Ints& output_padding = 0, int64_t groups = 1, const Ints& dilation = 1) { static detail::OpName op{"conv_transpose1d"}; return op.call({self, weight, bias, stride, padding, output_padding, groups, dilation}); }
inline Tensor conv_transpose2d(const Tensor& self, const Operand& weight, const Tensor& bias = {}, const Ints& stride = 1, const Ints& padding = 0, const Ints& output_padding = 0, int64_t groups = 1, const Ints& dilation = 1) { static detail::OpName op{"conv_transpose2d"}; return op.call({self, weight, bias, stride, padding, output_padding, groups, dilation}); }
inline Tensor conv_transpose3d(const Tensor& self, const Operand& weight, const Tensor& bias = {}, const Ints& stride = 1, const Ints& padding = 0, const Ints& output_padding = 0, int64_t groups = 1, const Ints& dilation = 1) { static detail::OpName op{"conv_transpose3d"}; return op.call({self, weight, bias, stride, padding, output_padding, groups, dilation}); }
inline Tensor copy(const Tensor& self, const Operand& src, bool non_blocking = false) { static detail::OpName op{"copy"}; return op.call({self, src, non_blocking}); }
inline Tensor copy_(const Tensor& self, const Operand& src, bool non_blocking = false) { static detail::OpName op{"copy"}; return op.call({self, src, non_blocking}, PLAIT_INPLACE); }
inline Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { static detail::OpName op{"clone"}; return op.call({self, memory_format}); }
inline Tensor fill(const Tensor& self, const Operand& value) { static detail::OpName op{"fill"}; return op.call({self, value}); }
inline Tensor fill_(const Tensor& self, const Operand& value) { static detail::OpName op{"fill"}; return op.call({self, value}, PLAIT_INPLACE); }
inline Tensor zero(const Tensor& self) { static detail::OpName op{"zero"}; return op.call({self}); }
inline Tensor zero_(const Tensor& self) { static detail::OpName op{"zero"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor contiguous(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { static detail::OpName op{"contiguous"}; return op.call({self, memory_format}); }
inline Tensor empty(const Dims& size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"empty"}; return op.call({size, dtype, device}); }
inline Tensor zeros(const Dims& size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"zeros"}; return op.call({size, dtype, device}); }
inline Tensor ones(const Dims& size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"ones"}; return op.call({size, dtype, device}); }
inline Tensor full(const Dims& size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"full"}; return op.call({size, fill_value, dtype, device}); }
inline Tensor empty_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { static detail::OpName op{"empty_like"}; return op.call({self, dtype, device, memory_format}); }
inline Tensor zeros_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { static detail::OpName op{"zeros_like"}; return op.call({self, dtype, device, memory_format}); }
inline Tensor ones_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { static detail::OpName op{"ones_like"}; return op.call({self, dtype, device, memory_format}); }
inline Tensor full_like(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { static detail::OpName op{"full_like"}; return op.call({self, fill_value, dtype, device, memory_format}); }
inline Tensor new_empty(const Tensor& self, const Dims& size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"new_empty"}; return op.call({self, size, dtype, device}); }
inline Tensor new_zeros(const Tensor& self, const Dims& size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"new_zeros"}; return op.call({self, size, dtype, device}); }
inline Tensor new_ones(const Tensor& self, const Dims& size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"new_ones"}; return op.call({self, size, dtype, device}); }
inline Tensor new_full(const Tensor& self, const Dims& size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"new_full"}; return op.call({self, size, fill_value, dtype, device}); }
inline Tensor arange(const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"arange"}; return op.call({end, dtype, device}); }
inline Tensor arange(const Scalar& start, const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"arange.start"}; return op.call({start, end, dtype, device}); }
inline Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"arange.start_step"}; return op.call({start, end, step, dtype, device}); }
inline Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"linspace"}; return op.call({start, end, steps, dtype, device}); }
inline Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"logspace"}; return op.call({start, end, steps, base, dtype, device}); }
inline Tensor eye(int64_t n, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"eye"}; return op.call({n, dtype, device}); }
inline Tensor eye(int64_t n, int64_t m, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"eye.m"}; return op.call({n, m, dtype, device}); }
inline Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"tril_indices"}; return op.call({row, col, offset, dtype, device}); }
inline Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"triu_indices"}; return op.call({row, col, offset, dtype, device}); }
inline Tensor cross_entropy(const Tensor& self, const Operand& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean", double label_smoothing = 0.0) { static detail::OpName op{"cross_entropy"}; return op.call({self, target, weight, ignore_index, reduction, label_smoothing}); }
inline Tensor nll_loss(const Tensor& self, const Operand& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean") { static detail::OpName op{"nll_loss"}; return op.call({self, target, weight, ignore_index, reduction}); }
inline Tensor cdist(const Tensor& x1, const Operand& x2, double p = 2.0, std::optional<std::string_view> compute_mode = std::nullopt) { static detail::OpName op{"cdist"}; return op.call({x1, x2, p, compute_mode}); }
inline Tensor einsum(std::string_view equation, const std::vector<Tensor>& tensors) { static detail::OpName op{"einsum"}; return op.call({equation, tensors}); }
inline Tensor tensordot(const Tensor& self, const Operand& other, int64_t dims = 2) { static detail::OpName op{"tensordot"}; return op.call({self, other, dims}); }
inline Tensor tensordot(const Tensor& self, const Operand& other, const Dims& dims_self, const Dims& dims_other) { static detail::OpName op{"tensordot.dims"}; return op.call({self, other, dims_self, dims_other}); }
inline Tensor kron(const Tensor& self, const Operand& other) { static detail::OpName op{"kron"}; return op.call({self, other}); }
inline Tensor embedding(const Tensor& weight, const Operand& indices, std::optional<int64_t> padding_idx = std::nullopt, bool scale_grad_by_freq = false, bool sparse = false) { static detail::OpName op{"embedding"}; return op.call({weight, indices, padding_idx, scale_grad_by_freq, sparse}); }
inline Tensor one_hot(const Tensor& self, int64_t num_classes = -1) { static detail::OpName op{"one_hot"}; return op.call({self, num_classes}); }
inline Tensor exp(const Tensor& self) { static detail::OpName op{"exp"}; return op.call({self}); }
inline Tensor exp_(const Tensor& self) { static detail::OpName op{"exp"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor exp2(const Tensor& self) { static detail::OpName op{"exp2"}; return op.call({self}); }
inline Tensor exp2_(const Tensor& self) { static detail::OpName op{"exp2"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor expm1(const Tensor& self) { static detail::OpName op{"expm1"}; return op.call({self}); }
inline Tensor expm1_(const Tensor& self) { static detail::OpName op{"expm1"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor log(const Tensor& self) { static detail::OpName op{"log"}; return op.call({self}); }
inline Tensor log_(const Tensor& self) { static detail::OpName op{"log"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor log2(const Tensor& self) { static detail::OpName op{"log2"}; return op.call({self}); }
inline Tensor log2_(const Tensor& self) { static detail::OpName op{"log2"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor log10(const Tensor& self) { static detail::OpName op{"log10"}; return op.call({self}); }
inline Tensor log10_(const Tensor& self) { static detail::OpName op{"log10"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor log1p(const Tensor& self) { static detail::OpName op{"log1p"}; return op.call({self}); }
inline Tensor log1p_(const Tensor& self) { static detail::OpName op{"log1p"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor sqrt(const Tensor& self) { static detail::OpName op{"sqrt"}; return op.call({self}); }
inline Tensor sqrt_(const Tensor& self) { static detail::OpName op{"sqrt"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor rsqrt(const Tensor& self) { static detail::OpName op{"rsqrt"}; return op.call({self}); }
inline Tensor rsqrt_(const Tensor& self) { static detail::OpName op{"rsqrt"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor reciprocal(const Tensor& self) { static detail::OpName op{"reciprocal"}; return op.call({self}); }
inline Tensor reciprocal_(const Tensor& self) { static detail::OpName op{"reciprocal"}; return op.call({self}, PLAIT_INPLACE); }
template <class = void> std::tuple<Tensor, Tensor> frexp(const Tensor& self) { static detail::OpName op{"frexp"}; return op.results<std::tuple<Tensor, Tensor>>({self}); }
inline Tensor special_zeta(const Tensor& self, const Operand& other) { static detail::OpName op{"special_zeta"}; return op.call({self, other}); }
inline Tensor special_zeta_(const Tensor& self, const Operand& other) { static detail::OpName op{"special_zeta"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor igamma(const Tensor& self, const Operand& other) { static detail::OpName op{"igamma"}; return op.call({self, other}); }
inline Tensor igamma_(const Tensor& self, const Operand& other) { static detail::OpName op{"igamma"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor igammac(const Tensor& self, const Operand& other) { static detail::OpName op{"igammac"}; return op.call({self, other}); }
inline Tensor igammac_(const Tensor& self, const Operand& other) { static detail::OpName op{"igammac"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor grid_sampler(const Tensor& input, const Operand& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { static detail::OpName op{"grid_sampler"}; return op.call({input, grid, interpolation_mode, padding_mode, align_corners}); }
inline Tensor grid_sampler_2d(const Tensor& input, const Operand& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { static detail::OpName op{"grid_sampler_2d"}; return op.call({input, grid, interpolation_mode, padding_mode, align_corners}); }
inline Tensor grid_sampler_3d(const Tensor& input, const Operand& grid, int64_t interpolation_mode, int64_t padding_mode, bool align_corners) { static detail::OpName op{"grid_sampler_3d"}; return op.call({input, grid, interpolation_mode, padding_mode, align_corners}); }
inline Tensor group_norm(const Tensor& self, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { static detail::OpName op{"group_norm"}; return op.call({self, num_groups, weight, bias, eps}); }
inline Tensor index(const Tensor& self, const std::vector<Tensor>& indices) { static detail::OpName op{"index"}; return op.call({self, indices}); }
inline Tensor index_put(const Tensor& self, const std::vector<Tensor>& indices, const Operand& values, bool accumulate = false) { static detail::OpName op{"index_put"}; return op.call({self, indices, values, accumulate}); }
inline Tensor index_put_(const Tensor& self, const std::vector<Tensor>& indices, const Operand& values, bool accumulate = false) { static detail::OpName op{"index_put"}; return op.call({self, indices, values, accumulate}, PLAIT_INPLACE); }
inline Tensor index_select(const Tensor& self, int64_t dim, const Operand& index) { static detail::OpName op{"index_select"}; return op.call({self, dim, index}); }
inline Tensor gather(const Tensor& self, int64_t dim, const Operand& index, bool sparse_grad = false) { static detail::OpName op{"gather"}; return op.call({self, dim, index, sparse_grad}); }
inline Tensor take(const Tensor& self, const Operand& index) { static detail::OpName op{"take"}; return op.call({self, index}); }
inline Tensor take_along_dim(const Tensor& self, const Operand& indices, std::optional<int64_t> dim = std::nullopt) { static detail::OpName op{"take_along_dim"}; return op.call({self, indices, dim}); }
inline Tensor nonzero(const Tensor& self) { static detail::OpName op{"nonzero"}; return op.call({self}); }
inline Tensor argwhere(const Tensor& self) { static detail::OpName op{"argwhere"}; return op.call({self}); }
inline Tensor masked_select(const Tensor& self, const Operand& mask) { static detail::OpName op{"masked_select"}; return op.call({self, mask}); }
inline Tensor masked_scatter(const Tensor& self, const Operand& mask, const Operand& source) { static detail::OpName op{"masked_scatter"}; return op.call({self, mask, source}); }
inline Tensor masked_scatter_(const Tensor& self, const Operand& mask, const Operand& source) { static detail::OpName op{"masked_scatter"}; return op.call({self, mask, source}, PLAIT_INPLACE); }
inline Tensor index_add(const Tensor& self, int64_t dim, const Operand& index, const Operand& source, const Scalar& alpha = 1) { static detail::OpName op{"index_add"}; return op.call({self, dim, index, source, alpha}); }
inline Tensor index_add_(const Tensor& self, int64_t dim, const Operand& index, const Operand& source, const Scalar& alpha = 1) { static detail::OpName op{"index_add"}; return op.call({self, dim, index, source, alpha}, PLAIT_INPLACE); }
inline Tensor index_copy(const Tensor& self, int64_t dim, const Operand& index, const Operand& source) { static detail::OpName op{"index_copy"}; return op.call({self, dim, index, source}); }
inline Tensor index_copy_(const Tensor& self, int64_t dim, const Operand& index, const Operand& source) { static detail::OpName op{"index_copy"}; return op.call({self, dim, index, source}, PLAIT_INPLACE); }
inline Tensor index_fill(const Tensor& self, int64_t dim, const Operand& index, const Tensor& value) { static detail::OpName op{"index_fill.tensor"}; return op.call({self, dim, index, value}); }
inline Tensor index_fill_(const Tensor& self, int64_t dim, const Operand& index, const Tensor& value) { static detail::OpName op{"index_fill.tensor"}; return op.call({self, dim, index, value}, PLAIT_INPLACE); }
inline Tensor index_fill(const Tensor& self, int64_t dim, const Operand& index, const Scalar& value) { static detail::OpName op{"index_fill"}; return op.call({self, dim, index, value}); }
inline Tensor index_fill_(const Tensor& self, int64_t dim, const Operand& index, const Scalar& value) { static detail::OpName op{"index_fill"}; return op.call({self, dim, index, value}, PLAIT_INPLACE); }
inline Tensor instance_norm(const Tensor& self, const Tensor& running_mean = {}, const Tensor& running_var = {}, const Tensor& weight = {}, const Tensor& bias = {}, bool use_input_stats = true, double momentum = 0.1, double eps = 1e-05) { static detail::OpName op{"instance_norm"}; return op.call({self, running_mean, running_var, weight, bias, use_input_stats, momentum, eps}); }
inline Tensor cat(const std::vector<Tensor>& tensors, int64_t dim = 0) { static detail::OpName op{"cat"}; return op.call({tensors, dim}); }
inline Tensor concat(const std::vector<Tensor>& tensors, int64_t dim = 0) { static detail::OpName op{"concat"}; return op.call({tensors, dim}); }
inline Tensor concatenate(const std::vector<Tensor>& tensors, int64_t dim = 0) { static detail::OpName op{"concatenate"}; return op.call({tensors, dim}); }
inline Tensor stack(const std::vector<Tensor>& tensors, int64_t dim = 0) { static detail::OpName op{"stack"}; return op.call({tensors, dim}); }
inline Tensor hstack(const std::vector<Tensor>& tensors) { static detail::OpName op{"hstack"}; return op.call({tensors}); }
inline Tensor vstack(const std::vector<Tensor>& tensors) { static detail::OpName op{"vstack"}; return op.call({tensors}); }
inline Tensor dstack(const std::vector<Tensor>& tensors) { static detail::OpName op{"dstack"}; return op.call({tensors}); }
inline Tensor column_stack(const std::vector<Tensor>& tensors) { static detail::OpName op{"column_stack"}; return op.call({tensors}); }
template <class = void> std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors) { static detail::OpName op{"broadcast_tensors"}; return op.results<std::vector<Tensor>>({tensors}); }
template <class = void> std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, std::string_view indexing = "ij") { static detail::OpName op{"meshgrid"}; return op.results<std::vector<Tensor>>({tensors, indexing}); }
inline Tensor cartesian_prod(const std::vector<Tensor>& tensors) { static detail::OpName op{"cartesian_prod"}; return op.call({tensors}); }
inline Tensor layer_norm(const Tensor& self, const Dims& normalized_shape, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { static detail::OpName op{"layer_norm"}; return op.call({self, normalized_shape, weight, bias, eps}); }
inline Tensor rms_norm(const Tensor& self, const Dims& normalized_shape, const Tensor& weight = {}, std::optional<double> eps = std::nullopt) { static detail::OpName op{"rms_norm"}; return op.call({self, normalized_shape, weight, eps}); }
inline Tensor cross(const Tensor& self, const Operand& other, std::optional<int64_t> dim = std::nullopt) { static detail::OpName op{"cross"}; return op.call({self, other, dim}); }
inline Tensor bilinear(const Tensor& input1, const Operand& input2, const Operand& weight, const Tensor& bias = {}) { static detail::OpName op{"bilinear"}; return op.call({input1, input2, weight, bias}); }
inline Tensor linalg_vector_norm(const Tensor& x, const Scalar& ord = 2, std::optional<Ints> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"linalg_vector_norm"}; return op.call({x, ord, dim, keepdim, dtype}); }
inline Tensor linalg_vector_norm(const Tensor& x, std::string_view ord, std::optional<Ints> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"linalg_vector_norm.str"}; return op.call({x, ord, dim, keepdim, dtype}); }
inline Tensor linalg_vecdot(const Tensor& x, const Operand& y, int64_t dim = -1) { static detail::OpName op{"linalg_vecdot"}; return op.call({x, y, dim}); }
inline Tensor linalg_cross(const Tensor& self, const Operand& other, int64_t dim = -1) { static detail::OpName op{"linalg_cross"}; return op.call({self, other, dim}); }
inline Tensor dist(const Tensor& self, const Operand& other, const Scalar& p = 2) { static detail::OpName op{"dist"}; return op.call({self, other, p}); }
inline Tensor renorm(const Tensor& self, const Scalar& p, int64_t dim, const Scalar& maxnorm) { static detail::OpName op{"renorm"}; return op.call({self, p, dim, maxnorm}); }
inline Tensor bitwise_not(const Tensor& self) { static detail::OpName op{"bitwise_not"}; return op.call({self}); }
inline Tensor bitwise_not_(const Tensor& self) { static detail::OpName op{"bitwise_not"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor bitwise_and(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_and"}; return op.call({self, other}); }
inline Tensor bitwise_and_(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_and"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor bitwise_or(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_or"}; return op.call({self, other}); }
inline Tensor bitwise_or_(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_or"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor bitwise_xor(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_xor"}; return op.call({self, other}); }
inline Tensor bitwise_xor_(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_xor"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor bitwise_left_shift(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_left_shift"}; return op.call({self, other}); }
inline Tensor bitwise_left_shift_(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_left_shift"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor bitwise_right_shift(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_right_shift"}; return op.call({self, other}); }
inline Tensor bitwise_right_shift_(const Tensor& self, const Operand& other) { static detail::OpName op{"bitwise_right_shift"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor gcd(const Tensor& self, const Operand& other) { static detail::OpName op{"gcd"}; return op.call({self, other}); }
inline Tensor gcd_(const Tensor& self, const Operand& other) { static detail::OpName op{"gcd"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor lcm(const Tensor& self, const Operand& other) { static detail::OpName op{"lcm"}; return op.call({self, other}); }
inline Tensor lcm_(const Tensor& self, const Operand& other) { static detail::OpName op{"lcm"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor mse_loss(const Tensor& self, const Operand& target, std::string_view reduction = "mean", const Tensor& weight = {}) { static detail::OpName op{"mse_loss"}; return op.call({self, target, reduction, weight}); }
inline Tensor l1_loss(const Tensor& self, const Operand& target, std::string_view reduction = "mean", const Tensor& weight = {}) { static detail::OpName op{"l1_loss"}; return op.call({self, target, reduction, weight}); }
inline Tensor smooth_l1_loss(const Tensor& self, const Operand& target, std::string_view reduction = "mean", double beta = 1.0) { static detail::OpName op{"smooth_l1_loss"}; return op.call({self, target, reduction, beta}); }
inline Tensor huber_loss(const Tensor& self, const Operand& target, std::string_view reduction = "mean", double delta = 1.0, const Tensor& weight = {}) { static detail::OpName op{"huber_loss"}; return op.call({self, target, reduction, delta, weight}); }
inline Tensor binary_cross_entropy(const Tensor& self, const Operand& target, const Tensor& weight = {}, std::string_view reduction = "mean") { static detail::OpName op{"binary_cross_entropy"}; return op.call({self, target, weight, reduction}); }
inline Tensor binary_cross_entropy_with_logits(const Tensor& self, const Operand& target, const Tensor& weight = {}, std::string_view reduction = "mean", const Tensor& pos_weight = {}) { static detail::OpName op{"binary_cross_entropy_with_logits"}; return op.call({self, target, weight, reduction, pos_weight}); }
inline Tensor kl_div(const Tensor& self, const Operand& target, std::string_view reduction = "mean", bool log_target = false) { static detail::OpName op{"kl_div"}; return op.call({self, target, reduction, log_target}); }
inline Tensor margin_ranking_loss(const Tensor& input1, const Operand& input2, const Operand& target, double margin = 0.0, std::string_view reduction = "mean") { static detail::OpName op{"margin_ranking_loss"}; return op.call({input1, input2, target, margin, reduction}); }
inline Tensor hinge_embedding_loss(const Tensor& self, const Operand& target, double margin = 1.0, std::string_view reduction = "mean") { static detail::OpName op{"hinge_embedding_loss"}; return op.call({self, target, margin, reduction}); }
inline Tensor cosine_similarity(const Tensor& x1, const Operand& x2, int64_t dim = 1, double eps = 1e-08) { static detail::OpName op{"cosine_similarity"}; return op.call({x1, x2, dim, eps}); }
inline Tensor pairwise_distance(const Tensor& x1, const Operand& x2, double p = 2.0, double eps = 1e-06, bool keepdim = false) { static detail::OpName op{"pairwise_distance"}; return op.call({x1, x2, p, eps, keepdim}); }
inline Tensor cosine_embedding_loss(const Tensor& input1, const Operand& input2, const Operand& target, double margin = 0.0, std::string_view reduction = "mean") { static detail::OpName op{"cosine_embedding_loss"}; return op.call({input1, input2, target, margin, reduction}); }
inline Tensor triplet_margin_loss(const Tensor& anchor, const Operand& positive, const Operand& negative, double margin = 1.0, double p = 2.0, double eps = 1e-06, bool swap = false, std::string_view reduction = "mean") { static detail::OpName op{"triplet_margin_loss"}; return op.call({anchor, positive, negative, margin, p, eps, swap, reduction}); }
inline Tensor gaussian_nll_loss(const Tensor& self, const Operand& target, const Operand& var, bool full = false, double eps = 1e-06, std::string_view reduction = "mean") { static detail::OpName op{"gaussian_nll_loss"}; return op.call({self, target, var, full, eps, reduction}); }
inline Tensor poisson_nll_loss(const Tensor& self, const Operand& target, bool log_input = true, bool full = false, double eps = 1e-08, std::string_view reduction = "mean") { static detail::OpName op{"poisson_nll_loss"}; return op.call({self, target, log_input, full, eps, reduction}); }
inline Tensor matmul(const Tensor& self, const Operand& other) { static detail::OpName op{"matmul"}; return op.call({self, other}); }
inline Tensor mm(const Tensor& self, const Operand& mat2) { static detail::OpName op{"mm"}; return op.call({self, mat2}); }
inline Tensor bmm(const Tensor& self, const Operand& mat2) { static detail::OpName op{"bmm"}; return op.call({self, mat2}); }
inline Tensor mv(const Tensor& self, const Operand& vec) { static detail::OpName op{"mv"}; return op.call({self, vec}); }
inline Tensor dot(const Tensor& self, const Operand& tensor) { static detail::OpName op{"dot"}; return op.call({self, tensor}); }
inline Tensor vdot(const Tensor& self, const Operand& other) { static detail::OpName op{"vdot"}; return op.call({self, other}); }
inline Tensor linear(const Tensor& self, const Operand& weight, const Tensor& bias = {}) { static detail::OpName op{"linear.default"}; return op.call({self, weight, bias}); }
inline Tensor outer(const Tensor& self, const Operand& vec2) { static detail::OpName op{"outer"}; return op.call({self, vec2}); }
inline Tensor inner(const Tensor& self, const Operand& other) { static detail::OpName op{"inner"}; return op.call({self, other}); }
inline Tensor max_pool1d(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, const Ints& dilation = 1, bool ceil_mode = false) { static detail::OpName op{"max_pool1d"}; return op.call({self, kernel_size, stride, padding, dilation, ceil_mode}); }
template <class = void> std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, const Ints& dilation = 1, bool ceil_mode = false) { static detail::OpName op{"max_pool1d_with_indices"}; return op.results<std::tuple<Tensor, Tensor>>({self, kernel_size, stride, padding, dilation, ceil_mode}); }
inline Tensor max_pool2d(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, const Ints& dilation = 1, bool ceil_mode = false) { static detail::OpName op{"max_pool2d"}; return op.call({self, kernel_size, stride, padding, dilation, ceil_mode}); }
template <class = void> std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, const Ints& dilation = 1, bool ceil_mode = false) { static detail::OpName op{"max_pool2d_with_indices"}; return op.results<std::tuple<Tensor, Tensor>>({self, kernel_size, stride, padding, dilation, ceil_mode}); }
inline Tensor max_pool3d(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, const Ints& dilation = 1, bool ceil_mode = false) { static detail::OpName op{"max_pool3d"}; return op.call({self, kernel_size, stride, padding, dilation, ceil_mode}); }
template <class = void> std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& self, const Ints& kernel_size, std::optional<Ints> stride = std::nullopt, const Ints& padding = 0, const Ints& dilation = 1, bool ceil_mode = false) { static detail::OpName op{"max_pool3d_with_indices"}; return op.results<std::tuple<Tensor, Tensor>>({self, kernel_size, stride, padding, dilation, ceil_mode}); }
template <class = void> std::tuple<Tensor, Tensor> adaptive_max_pool1d(const Tensor& self, const Ints& output_size) { static detail::OpName op{"adaptive_max_pool1d"}; return op.results<std::tuple<Tensor, Tensor>>({self, output_size}); }
template <class = void> std::tuple<Tensor, Tensor> adaptive_max_pool2d(const Tensor& self, const Ints& output_size) { static detail::OpName op{"adaptive_max_pool2d"}; return op.results<std::tuple<Tensor, Tensor>>({self, output_size}); }
template <class = void> std::tuple<Tensor, Tensor> adaptive_max_pool3d(const Tensor& self, const Ints& output_size) { static detail::OpName op{"adaptive_max_pool3d"}; return op.results<std::tuple<Tensor, Tensor>>({self, output_size}); }
inline Tensor max(const Tensor& self) { static detail::OpName op{"max"}; return op.call({self}); }
template <class = void> std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim = false) { static detail::OpName op{"max.dim"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, keepdim}); }
inline Tensor max(const Tensor& self, const Tensor& other) { static detail::OpName op{"max.other"}; return op.call({self, other}); }
inline Tensor min(const Tensor& self) { static detail::OpName op{"min"}; return op.call({self}); }
template <class = void> std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim = false) { static detail::OpName op{"min.dim"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, keepdim}); }
inline Tensor min(const Tensor& self, const Tensor& other) { static detail::OpName op{"min.other"}; return op.call({self, other}); }
inline Tensor amax(const Tensor& self, std::optional<Ints> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"amax"}; return op.call({self, dim, keepdim}); }
inline Tensor amin(const Tensor& self, std::optional<Ints> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"amin"}; return op.call({self, dim, keepdim}); }
template <class = void> std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"aminmax"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, keepdim}); }
inline Tensor argmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"argmax"}; return op.call({self, dim, keepdim}); }
inline Tensor argmin(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"argmin"}; return op.call({self, dim, keepdim}); }
inline Tensor any(const Tensor& self, std::optional<Ints> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"any"}; return op.call({self, dim, keepdim}); }
inline Tensor all(const Tensor& self, std::optional<Ints> dim = std::nullopt, bool keepdim = false) { static detail::OpName op{"all"}; return op.call({self, dim, keepdim}); }
inline Tensor norm(const Tensor& self, std::optional<Scalar> p = std::nullopt, std::optional<Ints> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"norm"}; return op.call({self, p, dim, keepdim, dtype}); }
inline Tensor norm(const Tensor& self, std::string_view p, std::optional<Ints> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"norm.str"}; return op.call({self, p, dim, keepdim, dtype}); }
inline Tensor logsumexp(const Tensor& self, const Ints& dim, bool keepdim = false) { static detail::OpName op{"logsumexp"}; return op.call({self, dim, keepdim}); }
inline Tensor constant_pad_nd(const Tensor& self, const Dims& pad, const Scalar& value = 0) { static detail::OpName op{"constant_pad_nd"}; return op.call({self, pad, value}); }
inline Tensor pad(const Tensor& self, const Dims& pad, std::string_view mode = "constant", std::optional<Scalar> value = std::nullopt) { static detail::OpName op{"pad"}; return op.call({self, pad, mode, value}); }
inline Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor) { static detail::OpName op{"pixel_shuffle"}; return op.call({self, upscale_factor}); }
inline Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor) { static detail::OpName op{"pixel_unshuffle"}; return op.call({self, downscale_factor}); }
inline Tensor channel_shuffle(const Tensor& self, int64_t groups) { static detail::OpName op{"channel_shuffle"}; return op.call({self, groups}); }
inline Tensor poisson(const Tensor& self, Generator generator = {}) { static detail::OpName op{"poisson"}; return op.call({self, generator}); }
inline Tensor pow(const Tensor& self, const Operand& exponent) { static detail::OpName op{"pow"}; return op.call({self, exponent}); }
inline Tensor pow_(const Tensor& self, const Operand& exponent) { static detail::OpName op{"pow"}; return op.call({self, exponent}, PLAIT_INPLACE); }
inline Tensor pow(const Scalar& self, const Operand& exponent) { static detail::OpName op{"pow.Scalar"}; return op.call({self, exponent}); }
inline Tensor maximum(const Tensor& self, const Operand& other) { static detail::OpName op{"maximum"}; return op.call({self, other}); }
inline Tensor minimum(const Tensor& self, const Operand& other) { static detail::OpName op{"minimum"}; return op.call({self, other}); }
inline Tensor fmax(const Tensor& self, const Operand& other) { static detail::OpName op{"fmax"}; return op.call({self, other}); }
inline Tensor fmin(const Tensor& self, const Operand& other) { static detail::OpName op{"fmin"}; return op.call({self, other}); }
inline Tensor atan2(const Tensor& self, const Operand& other) { static detail::OpName op{"atan2"}; return op.call({self, other}); }
inline Tensor atan2_(const Tensor& self, const Operand& other) { static detail::OpName op{"atan2"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor hypot(const Tensor& self, const Operand& other) { static detail::OpName op{"hypot"}; return op.call({self, other}); }
inline Tensor hypot_(const Tensor& self, const Operand& other) { static detail::OpName op{"hypot"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor logaddexp(const Tensor& self, const Operand& other) { static detail::OpName op{"logaddexp"}; return op.call({self, other}); }
inline Tensor logaddexp2(const Tensor& self, const Operand& other) { static detail::OpName op{"logaddexp2"}; return op.call({self, other}); }
inline Tensor nextafter(const Tensor& self, const Operand& other) { static detail::OpName op{"nextafter"}; return op.call({self, other}); }
inline Tensor nextafter_(const Tensor& self, const Operand& other) { static detail::OpName op{"nextafter"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor copysign(const Tensor& self, const Operand& other) { static detail::OpName op{"copysign"}; return op.call({self, other}); }
inline Tensor copysign_(const Tensor& self, const Operand& other) { static detail::OpName op{"copysign"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor heaviside(const Tensor& self, const Operand& values) { static detail::OpName op{"heaviside"}; return op.call({self, values}); }
inline Tensor heaviside_(const Tensor& self, const Operand& values) { static detail::OpName op{"heaviside"}; return op.call({self, values}, PLAIT_INPLACE); }
inline Tensor prod(const Tensor& self, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"prod"}; return op.call({self, dtype}); }
inline Tensor prod(const Tensor& self, int64_t dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"prod.dim_int"}; return op.call({self, dim, keepdim, dtype}); }
inline Tensor rand(const Dims& size, Generator generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"rand"}; return op.call({size, generator, dtype, device}); }
inline Tensor randn(const Dims& size, Generator generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"randn"}; return op.call({size, generator, dtype, device}); }
inline Tensor rand_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, Generator generator = {}) { static detail::OpName op{"rand_like"}; return op.call({self, dtype, device, memory_format, generator}); }
inline Tensor randn_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, Generator generator = {}) { static detail::OpName op{"randn_like"}; return op.call({self, dtype, device, memory_format, generator}); }
inline Tensor randint(int64_t high, const Dims& size, Generator generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"randint"}; return op.call({high, size, generator, dtype, device}); }
inline Tensor randint(int64_t low, int64_t high, const Dims& size, Generator generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"randint.low"}; return op.call({low, high, size, generator, dtype, device}); }
inline Tensor randint_like(const Tensor& self, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, Generator generator = {}) { static detail::OpName op{"randint_like"}; return op.call({self, high, dtype, device, memory_format, generator}); }
inline Tensor randint_like(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt, Generator generator = {}) { static detail::OpName op{"randint_like.low"}; return op.call({self, low, high, dtype, device, memory_format, generator}); }
inline Tensor randperm(int64_t n, Generator generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"randperm"}; return op.call({n, generator, dtype, device}); }
inline Tensor uniform(const Tensor& self, double from = 0.0, double to = 1.0, Generator generator = {}) { static detail::OpName op{"uniform"}; return op.call({self, from, to, generator}); }
inline Tensor uniform_(const Tensor& self, double from = 0.0, double to = 1.0, Generator generator = {}) { static detail::OpName op{"uniform"}; return op.call({self, from, to, generator}, PLAIT_INPLACE); }
inline Tensor normal(const Tensor& mean, double std = 1.0, Generator generator = {}) { static detail::OpName op{"normal.Tensor_float"}; return op.call({mean, std, generator}); }
inline Tensor normal(const Tensor& mean, const Tensor& std, Generator generator = {}) { static detail::OpName op{"normal"}; return op.call({mean, std, generator}); }
inline Tensor normal(double mean, const Tensor& std, Generator generator) { static detail::OpName op{"normal.float_Tensor"}; return op.call({mean, std, generator}); }
inline Tensor normal(double mean, double std, const Dims& size, Generator generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { static detail::OpName op{"normal.float_float"}; return op.call({mean, std, size, generator, dtype, device}); }
inline Tensor normal(const Tensor& self, double mean, double std = 1.0, Generator generator = {}) { static detail::OpName op{"normal.fill"}; return op.call({self, mean, std, generator}); }
inline Tensor normal_(const Tensor& self, double mean, double std = 1.0, Generator generator = {}) { static detail::OpName op{"normal.fill"}; return op.call({self, mean, std, generator}, PLAIT_INPLACE); }
inline Tensor exponential(const Tensor& self, double lambd = 1.0, Generator generator = {}) { static detail::OpName op{"exponential"}; return op.call({self, lambd, generator}); }
inline Tensor exponential_(const Tensor& self, double lambd = 1.0, Generator generator = {}) { static detail::OpName op{"exponential"}; return op.call({self, lambd, generator}, PLAIT_INPLACE); }
inline Tensor log_normal(const Tensor& self, double mean = 1.0, double std = 2.0, Generator generator = {}) { static detail::OpName op{"log_normal"}; return op.call({self, mean, std, generator}); }
inline Tensor log_normal_(const Tensor& self, double mean = 1.0, double std = 2.0, Generator generator = {}) { static detail::OpName op{"log_normal"}; return op.call({self, mean, std, generator}, PLAIT_INPLACE); }
inline Tensor cauchy(const Tensor& self, double median = 0.0, double sigma = 1.0, Generator generator = {}) { static detail::OpName op{"cauchy"}; return op.call({self, median, sigma, generator}); }
inline Tensor cauchy_(const Tensor& self, double median = 0.0, double sigma = 1.0, Generator generator = {}) { static detail::OpName op{"cauchy"}; return op.call({self, median, sigma, generator}, PLAIT_INPLACE); }
inline Tensor geometric(const Tensor& self, double p, Generator generator = {}) { static detail::OpName op{"geometric"}; return op.call({self, p, generator}); }
inline Tensor geometric_(const Tensor& self, double p, Generator generator = {}) { static detail::OpName op{"geometric"}; return op.call({self, p, generator}, PLAIT_INPLACE); }
inline Tensor random(const Tensor& self, int64_t from, std::optional<int64_t> to, Generator generator = {}) { static detail::OpName op{"random.from"}; return op.call({self, from, to, generator}); }
inline Tensor random_(const Tensor& self, int64_t from, std::optional<int64_t> to, Generator generator = {}) { static detail::OpName op{"random.from"}; return op.call({self, from, to, generator}, PLAIT_INPLACE); }
inline Tensor random(const Tensor& self, int64_t to, Generator generator = {}) { static detail::OpName op{"random.to"}; return op.call({self, to, generator}); }
inline Tensor random_(const Tensor& self, int64_t to, Generator generator = {}) { static detail::OpName op{"random.to"}; return op.call({self, to, generator}, PLAIT_INPLACE); }
inline Tensor random(const Tensor& self, Generator generator = {}) { static detail::OpName op{"random"}; return op.call({self, generator}); }
inline Tensor random_(const Tensor& self, Generator generator = {}) { static detail::OpName op{"random"}; return op.call({self, generator}, PLAIT_INPLACE); }
inline Tensor bernoulli(const Tensor& self, Generator generator = {}) { static detail::OpName op{"bernoulli"}; return op.call({self, generator}); }
inline Tensor bernoulli(const Tensor& self, double p, Generator generator = {}) { static detail::OpName op{"bernoulli.p"}; return op.call({self, p, generator}); }
inline Tensor bernoulli_(const Tensor& self, double p, Generator generator = {}) { static detail::OpName op{"bernoulli.p"}; return op.call({self, p, generator}, PLAIT_INPLACE); }
inline Tensor bernoulli(const Tensor& self, const Tensor& p, Generator generator = {}) { static detail::OpName op{"bernoulli.tensor"}; return op.call({self, p, generator}); }
inline Tensor bernoulli_(const Tensor& self, const Tensor& p, Generator generator = {}) { static detail::OpName op{"bernoulli.tensor"}; return op.call({self, p, generator}, PLAIT_INPLACE); }
inline Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement = false, Generator generator = {}) { static detail::OpName op{"multinomial"}; return op.call({self, num_samples, replacement, generator}); }
inline Tensor dropout(const Tensor& self, double p = 0.5, bool train = true) { static detail::OpName op{"dropout"}; return op.call({self, p, train}); }
inline Tensor dropout_(const Tensor& self, double p = 0.5, bool train = true) { static detail::OpName op{"dropout"}; return op.call({self, p, train}, PLAIT_INPLACE); }
inline Tensor flip(const Tensor& self, const Dims& dims) { static detail::OpName op{"flip"}; return op.call({self, dims}); }
inline Tensor fliplr(const Tensor& self) { static detail::OpName op{"fliplr"}; return op.call({self}); }
inline Tensor flipud(const Tensor& self) { static detail::OpName op{"flipud"}; return op.call({self}); }
inline Tensor roll(const Tensor& self, const Ints& shifts, std::optional<Ints> dims = std::nullopt) { static detail::OpName op{"roll"}; return op.call({self, shifts, dims}); }
inline Tensor rot90(const Tensor& self, int64_t k = 1, const Dims& dims = Dims{0, 1}) { static detail::OpName op{"rot90"}; return op.call({self, k, dims}); }
inline Tensor repeat(const Tensor& self, const Dims& repeats) { static detail::OpName op{"repeat"}; return op.call({self, repeats}); }
inline Tensor tile(const Tensor& self, const Dims& dims) { static detail::OpName op{"tile"}; return op.call({self, dims}); }
inline Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { static detail::OpName op{"repeat_interleave.int"}; return op.call({self, repeats, dim, output_size}); }
inline Tensor repeat_interleave(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim, std::optional<int64_t> output_size = std::nullopt) { static detail::OpName op{"repeat_interleave.tensor"}; return op.call({self, repeats, dim, output_size}); }
inline Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size = std::nullopt) { static detail::OpName op{"repeat_interleave"}; return op.call({repeats, output_size}); }
inline Tensor tril(const Tensor& self, int64_t diagonal = 0) { static detail::OpName op{"tril"}; return op.call({self, diagonal}); }
inline Tensor tril_(const Tensor& self, int64_t diagonal = 0) { static detail::OpName op{"tril"}; return op.call({self, diagonal}, PLAIT_INPLACE); }
inline Tensor triu(const Tensor& self, int64_t diagonal = 0) { static detail::OpName op{"triu"}; return op.call({self, diagonal}); }
inline Tensor triu_(const Tensor& self, int64_t diagonal = 0) { static detail::OpName op{"triu"}; return op.call({self, diagonal}, PLAIT_INPLACE); }
inline Tensor diag_embed(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) { static detail::OpName op{"diag_embed"}; return op.call({self, offset, dim1, dim2}); }
inline Tensor diag(const Tensor& self, int64_t diagonal = 0) { static detail::OpName op{"diag"}; return op.call({self, diagonal}); }
inline Tensor diagflat(const Tensor& self, int64_t offset = 0) { static detail::OpName op{"diagflat"}; return op.call({self, offset}); }
inline Tensor trace(const Tensor& self) { static detail::OpName op{"trace"}; return op.call({self}); }
inline Tensor sum(const Tensor& self, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"sum"}; return op.call({self, dtype}); }
inline Tensor sum(const Tensor& self, std::optional<Ints> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"sum.dim"}; return op.call({self, dim, keepdim, dtype}); }
inline Tensor nansum(const Tensor& self, std::optional<Ints> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"nansum"}; return op.call({self, dim, keepdim, dtype}); }
inline Tensor nanmean(const Tensor& self, std::optional<Ints> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"nanmean"}; return op.call({self, dim, keepdim, dtype}); }
inline Tensor mean(const Tensor& self, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"mean"}; return op.call({self, dtype}); }
inline Tensor mean(const Tensor& self, std::optional<Ints> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"mean.dim"}; return op.call({self, dim, keepdim, dtype}); }
inline Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"cumsum"}; return op.call({self, dim, dtype}); }
inline Tensor cumsum_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"cumsum"}; return op.call({self, dim, dtype}, PLAIT_INPLACE); }
inline Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"cumprod"}; return op.call({self, dim, dtype}); }
inline Tensor cumprod_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"cumprod"}; return op.call({self, dim, dtype}, PLAIT_INPLACE); }
inline Tensor logcumsumexp(const Tensor& self, int64_t dim) { static detail::OpName op{"logcumsumexp"}; return op.call({self, dim}); }
template <class = void> std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) { static detail::OpName op{"cummax"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim}); }
template <class = void> std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) { static detail::OpName op{"cummin"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim}); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Operand& index, const Tensor& src) { static detail::OpName op{"scatter"}; return op.call({self, dim, index, src}); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Operand& index, const Tensor& src) { static detail::OpName op{"scatter"}; return op.call({self, dim, index, src}, PLAIT_INPLACE); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Operand& index, const Scalar& value) { static detail::OpName op{"scatter.value"}; return op.call({self, dim, index, value}); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Operand& index, const Scalar& value) { static detail::OpName op{"scatter.value"}; return op.call({self, dim, index, value}, PLAIT_INPLACE); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Operand& index, const Tensor& src, std::string_view reduce) { static detail::OpName op{"scatter.reduce_src"}; return op.call({self, dim, index, src, reduce}); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Operand& index, const Tensor& src, std::string_view reduce) { static detail::OpName op{"scatter.reduce_src"}; return op.call({self, dim, index, src, reduce}, PLAIT_INPLACE); }
inline Tensor scatter_add(const Tensor& self, int64_t dim, const Operand& index, const Operand& src) { static detail::OpName op{"scatter_add"}; return op.call({self, dim, index, src}); }
inline Tensor scatter_add_(const Tensor& self, int64_t dim, const Operand& index, const Operand& src) { static detail::OpName op{"scatter_add"}; return op.call({self, dim, index, src}, PLAIT_INPLACE); }
inline Tensor scatter_reduce(const Tensor& self, int64_t dim, const Operand& index, const Operand& src, std::string_view reduce, bool include_self = true) { static detail::OpName op{"scatter_reduce"}; return op.call({self, dim, index, src, reduce, include_self}); }
inline Tensor scatter_reduce_(const Tensor& self, int64_t dim, const Operand& index, const Operand& src, std::string_view reduce, bool include_self = true) { static detail::OpName op{"scatter_reduce"}; return op.call({self, dim, index, src, reduce, include_self}, PLAIT_INPLACE); }
inline Tensor searchsorted(const Tensor& sorted_sequence, const Operand& self, bool out_int32 = false, bool right = false, std::optional<std::string_view> side = std::nullopt, const Tensor& sorter = {}) { static detail::OpName op{"searchsorted"}; return op.call({sorted_sequence, self, out_int32, right, side, sorter}); }
inline Tensor bucketize(const Tensor& self, const Operand& boundaries, bool out_int32 = false, bool right = false) { static detail::OpName op{"bucketize"}; return op.call({self, boundaries, out_int32, right}); }
inline Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"softmax"}; return op.call({self, dim, dtype}); }
inline Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"log_softmax"}; return op.call({self, dim, dtype}); }
inline Tensor softmin(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { static detail::OpName op{"softmin"}; return op.call({self, dim, dtype}); }
template <class = void> std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim = -1, bool descending = false, std::optional<bool> stable = std::nullopt) { static detail::OpName op{"sort"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, descending, stable}); }
inline Tensor argsort(const Tensor& self, int64_t dim = -1, bool descending = false, bool stable = false) { static detail::OpName op{"argsort"}; return op.call({self, dim, descending, stable}); }
inline Tensor msort(const Tensor& self) { static detail::OpName op{"msort"}; return op.call({self}); }
template <class = void> std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim = -1, bool largest = true, bool sorted = true) { static detail::OpName op{"topk"}; return op.results<std::tuple<Tensor, Tensor>>({self, k, dim, largest, sorted}); }
template <class = void> std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim = -1, bool keepdim = false) { static detail::OpName op{"kthvalue"}; return op.results<std::tuple<Tensor, Tensor>>({self, k, dim, keepdim}); }
template <class = void> std::tuple<Tensor, Tensor> median(const Tensor& self, int64_t dim, bool keepdim = false) { static detail::OpName op{"median.dim"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, keepdim}); }
inline Tensor median(const Tensor& self) { static detail::OpName op{"median"}; return op.call({self}); }
template <class = void> std::tuple<Tensor, Tensor> nanmedian(const Tensor& self, int64_t dim, bool keepdim = false) { static detail::OpName op{"nanmedian.dim"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, keepdim}); }
inline Tensor nanmedian(const Tensor& self) { static detail::OpName op{"nanmedian"}; return op.call({self}); }
inline Tensor erf(const Tensor& self) { static detail::OpName op{"erf"}; return op.call({self}); }
inline Tensor erf_(const Tensor& self) { static detail::OpName op{"erf"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor erfc(const Tensor& self) { static detail::OpName op{"erfc"}; return op.call({self}); }
inline Tensor erfc_(const Tensor& self) { static detail::OpName op{"erfc"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor erfinv(const Tensor& self) { static detail::OpName op{"erfinv"}; return op.call({self}); }
inline Tensor erfinv_(const Tensor& self) { static detail::OpName op{"erfinv"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor lgamma(const Tensor& self) { static detail::OpName op{"lgamma"}; return op.call({self}); }
inline Tensor lgamma_(const Tensor& self) { static detail::OpName op{"lgamma"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor digamma(const Tensor& self) { static detail::OpName op{"digamma"}; return op.call({self}); }
inline Tensor digamma_(const Tensor& self) { static detail::OpName op{"digamma"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor polygamma(int64_t n, const Operand& self) { static detail::OpName op{"polygamma"}; return op.call({n, self}); }
inline Tensor xlogy(const Tensor& self, const Operand& other) { static detail::OpName op{"xlogy"}; return op.call({self, other}); }
inline Tensor xlogy_(const Tensor& self, const Operand& other) { static detail::OpName op{"xlogy"}; return op.call({self, other}, PLAIT_INPLACE); }
inline Tensor special_xlog1py(const Tensor& self, const Operand& other) { static detail::OpName op{"special_xlog1py"}; return op.call({self, other}); }
inline Tensor special_xlog1py(const Scalar& self, const Operand& other) { static detail::OpName op{"special_xlog1py.Scalar"}; return op.call({self, other}); }
inline Tensor special_entr(const Tensor& self) { static detail::OpName op{"special_entr"}; return op.call({self}); }
inline Tensor var(const Tensor& self, bool unbiased = true) { static detail::OpName op{"var"}; return op.call({self, unbiased}); }
inline Tensor var(const Tensor& self, std::optional<Ints> dim, bool unbiased = true, bool keepdim = false) { static detail::OpName op{"var.dim"}; return op.call({self, dim, unbiased, keepdim}); }
inline Tensor var(const Tensor& self, std::optional<Ints> dim, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { static detail::OpName op{"var.correction"}; return op.call({self, dim, correction, keepdim}); }
inline Tensor std(const Tensor& self, bool unbiased = true) { static detail::OpName op{"std"}; return op.call({self, unbiased}); }
inline Tensor std(const Tensor& self, std::optional<Ints> dim, bool unbiased = true, bool keepdim = false) { static detail::OpName op{"std.dim"}; return op.call({self, dim, unbiased, keepdim}); }
inline Tensor std(const Tensor& self, std::optional<Ints> dim, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { static detail::OpName op{"std.correction"}; return op.call({self, dim, correction, keepdim}); }
template <class = void> std::tuple<Tensor, Tensor> var_mean(const Tensor& self, bool unbiased = true) { static detail::OpName op{"var_mean"}; return op.results<std::tuple<Tensor, Tensor>>({self, unbiased}); }
template <class = void> std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<Ints> dim, bool unbiased = true, bool keepdim = false) { static detail::OpName op{"var_mean.dim"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, unbiased, keepdim}); }
template <class = void> std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<Ints> dim, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { static detail::OpName op{"var_mean.correction"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, correction, keepdim}); }
template <class = void> std::tuple<Tensor, Tensor> std_mean(const Tensor& self, bool unbiased = true) { static detail::OpName op{"std_mean"}; return op.results<std::tuple<Tensor, Tensor>>({self, unbiased}); }
template <class = void> std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<Ints> dim, bool unbiased = true, bool keepdim = false) { static detail::OpName op{"std_mean.dim"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, unbiased, keepdim}); }
template <class = void> std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<Ints> dim, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { static detail::OpName op{"std_mean.correction"}; return op.results<std::tuple<Tensor, Tensor>>({self, dim, correction, keepdim}); }
inline Tensor count_nonzero(const Tensor& self, std::optional<Ints> dim = std::nullopt) { static detail::OpName op{"count_nonzero"}; return op.call({self, dim}); }
inline Tensor bincount(const Tensor& self, const Tensor& weights = {}, int64_t minlength = 0) { static detail::OpName op{"bincount"}; return op.call({self, weights, minlength}); }
inline Tensor histc(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0) { static detail::OpName op{"histc"}; return op.call({self, bins, min, max}); }
inline Tensor where(const Tensor& condition, const Operand& self, const Operand& other) { static detail::OpName op{"where"}; return op.call({condition, self, other}); }
template <class = void> std::vector<Tensor> where(const Tensor& condition) { static detail::OpName op{"where.condition"}; return op.results<std::vector<Tensor>>({condition}); }
inline Tensor masked_fill(const Tensor& self, const Operand& mask, const Operand& value) { static detail::OpName op{"masked_fill"}; return op.call({self, mask, value}); }
inline Tensor masked_fill_(const Tensor& self, const Operand& mask, const Operand& value) { static detail::OpName op{"masked_fill"}; return op.call({self, mask, value}, PLAIT_INPLACE); }
inline Tensor clamp(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { static detail::OpName op{"clamp"}; return op.call({self, min, max}); }
inline Tensor clamp_(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { static detail::OpName op{"clamp"}; return op.call({self, min, max}, PLAIT_INPLACE); }
inline Tensor clamp(const Tensor& self, const Tensor& min, const Tensor& max = {}) { static detail::OpName op{"clamp.Tensor"}; return op.call({self, min, max}); }
inline Tensor clamp_(const Tensor& self, const Tensor& min, const Tensor& max = {}) { static detail::OpName op{"clamp.Tensor"}; return op.call({self, min, max}, PLAIT_INPLACE); }
inline Tensor clamp_min(const Tensor& self, const Operand& min) { static detail::OpName op{"clamp_min"}; return op.call({self, min}); }
inline Tensor clamp_min_(const Tensor& self, const Operand& min) { static detail::OpName op{"clamp_min"}; return op.call({self, min}, PLAIT_INPLACE); }
inline Tensor clamp_max(const Tensor& self, const Operand& max) { static detail::OpName op{"clamp_max"}; return op.call({self, max}); }
inline Tensor clamp_max_(const Tensor& self, const Operand& max) { static detail::OpName op{"clamp_max"}; return op.call({self, max}, PLAIT_INPLACE); }
inline Tensor lerp(const Tensor& self, const Operand& end, const Operand& weight) { static detail::OpName op{"lerp"}; return op.call({self, end, weight}); }
inline Tensor lerp_(const Tensor& self, const Operand& end, const Operand& weight) { static detail::OpName op{"lerp"}; return op.call({self, end, weight}, PLAIT_INPLACE); }
inline Tensor addcmul(const Tensor& self, const Operand& tensor1, const Operand& tensor2, const Scalar& value = 1) { static detail::OpName op{"addcmul"}; return op.call({self, tensor1, tensor2, value}); }
inline Tensor addcmul_(const Tensor& self, const Operand& tensor1, const Operand& tensor2, const Scalar& value = 1) { static detail::OpName op{"addcmul"}; return op.call({self, tensor1, tensor2, value}, PLAIT_INPLACE); }
inline Tensor addcdiv(const Tensor& self, const Operand& tensor1, const Operand& tensor2, const Scalar& value = 1) { static detail::OpName op{"addcdiv"}; return op.call({self, tensor1, tensor2, value}); }
inline Tensor addcdiv_(const Tensor& self, const Operand& tensor1, const Operand& tensor2, const Scalar& value = 1) { static detail::OpName op{"addcdiv"}; return op.call({self, tensor1, tensor2, value}, PLAIT_INPLACE); }
inline Tensor sin(const Tensor& self) { static detail::OpName op{"sin"}; return op.call({self}); }
inline Tensor sin_(const Tensor& self) { static detail::OpName op{"sin"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor cos(const Tensor& self) { static detail::OpName op{"cos"}; return op.call({self}); }
inline Tensor cos_(const Tensor& self) { static detail::OpName op{"cos"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor tan(const Tensor& self) { static detail::OpName op{"tan"}; return op.call({self}); }
inline Tensor tan_(const Tensor& self) { static detail::OpName op{"tan"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor sinc(const Tensor& self) { static detail::OpName op{"sinc"}; return op.call({self}); }
inline Tensor sinc_(const Tensor& self) { static detail::OpName op{"sinc"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor asin(const Tensor& self) { static detail::OpName op{"asin"}; return op.call({self}); }
inline Tensor asin_(const Tensor& self) { static detail::OpName op{"asin"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor acos(const Tensor& self) { static detail::OpName op{"acos"}; return op.call({self}); }
inline Tensor acos_(const Tensor& self) { static detail::OpName op{"acos"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor atan(const Tensor& self) { static detail::OpName op{"atan"}; return op.call({self}); }
inline Tensor atan_(const Tensor& self) { static detail::OpName op{"atan"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor sinh(const Tensor& self) { static detail::OpName op{"sinh"}; return op.call({self}); }
inline Tensor sinh_(const Tensor& self) { static detail::OpName op{"sinh"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor cosh(const Tensor& self) { static detail::OpName op{"cosh"}; return op.call({self}); }
inline Tensor cosh_(const Tensor& self) { static detail::OpName op{"cosh"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor tanh(const Tensor& self) { static detail::OpName op{"tanh"}; return op.call({self}); }
inline Tensor tanh_(const Tensor& self) { static detail::OpName op{"tanh"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor asinh(const Tensor& self) { static detail::OpName op{"asinh"}; return op.call({self}); }
inline Tensor asinh_(const Tensor& self) { static detail::OpName op{"asinh"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor acosh(const Tensor& self) { static detail::OpName op{"acosh"}; return op.call({self}); }
inline Tensor acosh_(const Tensor& self) { static detail::OpName op{"acosh"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor atanh(const Tensor& self) { static detail::OpName op{"atanh"}; return op.call({self}); }
inline Tensor atanh_(const Tensor& self) { static detail::OpName op{"atanh"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor deg2rad(const Tensor& self) { static detail::OpName op{"deg2rad"}; return op.call({self}); }
inline Tensor deg2rad_(const Tensor& self) { static detail::OpName op{"deg2rad"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor rad2deg(const Tensor& self) { static detail::OpName op{"rad2deg"}; return op.call({self}); }
inline Tensor rad2deg_(const Tensor& self) { static detail::OpName op{"rad2deg"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor neg(const Tensor& self) { static detail::OpName op{"neg"}; return op.call({self}); }
inline Tensor neg_(const Tensor& self) { static detail::OpName op{"neg"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor positive(const Tensor& self) { static detail::OpName op{"positive"}; return op.call({self}); }
inline Tensor abs(const Tensor& self) { static detail::OpName op{"abs"}; return op.call({self}); }
inline Tensor abs_(const Tensor& self) { static detail::OpName op{"abs"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor sign(const Tensor& self) { static detail::OpName op{"sign"}; return op.call({self}); }
inline Tensor sign_(const Tensor& self) { static detail::OpName op{"sign"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor sgn(const Tensor& self) { static detail::OpName op{"sgn"}; return op.call({self}); }
inline Tensor square(const Tensor& self) { static detail::OpName op{"square"}; return op.call({self}); }
inline Tensor square_(const Tensor& self) { static detail::OpName op{"square"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor floor(const Tensor& self) { static detail::OpName op{"floor"}; return op.call({self}); }
inline Tensor floor_(const Tensor& self) { static detail::OpName op{"floor"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor ceil(const Tensor& self) { static detail::OpName op{"ceil"}; return op.call({self}); }
inline Tensor ceil_(const Tensor& self) { static detail::OpName op{"ceil"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor trunc(const Tensor& self) { static detail::OpName op{"trunc"}; return op.call({self}); }
inline Tensor trunc_(const Tensor& self) { static detail::OpName op{"trunc"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor round(const Tensor& self, int64_t decimals = 0) { static detail::OpName op{"round"}; return op.call({self, decimals}); }
inline Tensor round_(const Tensor& self, int64_t decimals = 0) { static detail::OpName op{"round"}; return op.call({self, decimals}, PLAIT_INPLACE); }
inline Tensor frac(const Tensor& self) { static detail::OpName op{"frac"}; return op.call({self}); }
inline Tensor frac_(const Tensor& self) { static detail::OpName op{"frac"}; return op.call({self}, PLAIT_INPLACE); }
inline Tensor nan_to_num(const Tensor& self, std::optional<double> nan = std::nullopt, std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) { static detail::OpName op{"nan_to_num"}; return op.call({self, nan, posinf, neginf}); }
inline Tensor nan_to_num_(const Tensor& self, std::optional<double> nan = std::nullopt, std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) { static detail::OpName op{"nan_to_num"}; return op.call({self, nan, posinf, neginf}, PLAIT_INPLACE); }
inline Tensor reshape(const Tensor& self, const Dims& shape) { static detail::OpName op{"reshape"}; return op.call({self, shape}); }
inline Tensor view(const Tensor& self, const Dims& size) { static detail::OpName op{"view"}; return op.call({self, size}); }
inline Tensor view(const Tensor& self, DType dtype) { static detail::OpName op{"view.dtype"}; return op.call({self, dtype}); }
inline Tensor view_as(const Tensor& self, const Operand& other) { static detail::OpName op{"view_as"}; return op.call({self, other}); }
inline Tensor reshape_as(const Tensor& self, const Operand& other) { static detail::OpName op{"reshape_as"}; return op.call({self, other}); }
inline Tensor ravel(const Tensor& self) { static detail::OpName op{"ravel"}; return op.call({self}); }
inline Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { static detail::OpName op{"flatten"}; return op.call({self, start_dim, end_dim}); }
inline Tensor unflatten(const Tensor& self, int64_t dim, const Dims& sizes) { static detail::OpName op{"unflatten"}; return op.call({self, dim, sizes}); }
inline Tensor expand(const Tensor& self, const Dims& size) { static detail::OpName op{"expand"}; return op.call({self, size}); }
inline Tensor expand_as(const Tensor& self, const Operand& other) { static detail::OpName op{"expand_as"}; return op.call({self, other}); }
inline Tensor broadcast_to(const Tensor& self, const Dims& size) { static detail::OpName op{"broadcast_to"}; return op.call({self, size}); }
inline Tensor permute(const Tensor& self, const Dims& dims) { static detail::OpName op{"permute"}; return op.call({self, dims}); }
inline Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) { static detail::OpName op{"transpose"}; return op.call({self, dim0, dim1}); }
inline Tensor t(const Tensor& self) { static detail::OpName op{"t"}; return op.call({self}); }
inline Tensor T(const Tensor& self) { static detail::OpName op{"T"}; return op.call({self}); }
inline Tensor mT(const Tensor& self) { static detail::OpName op{"mT"}; return op.call({self}); }
inline Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1) { static detail::OpName op{"swapaxes"}; return op.call({self, axis0, axis1}); }
inline Tensor swapdims(const Tensor& self, int64_t dim0, int64_t dim1) { static detail::OpName op{"swapdims"}; return op.call({self, dim0, dim1}); }
inline Tensor movedim(const Tensor& self, const Ints& source, const Ints& destination) { static detail::OpName op{"movedim"}; return op.call({self, source, destination}); }
inline Tensor moveaxis(const Tensor& self, const Ints& source, const Ints& destination) { static detail::OpName op{"moveaxis"}; return op.call({self, source, destination}); }
inline Tensor squeeze(const Tensor& self) { static detail::OpName op{"squeeze"}; return op.call({self}); }
inline Tensor squeeze(const Tensor& self, const Ints& dim) { static detail::OpName op{"squeeze.dim"}; return op.call({self, dim}); }
inline Tensor unsqueeze(const Tensor& self, int64_t dim) { static detail::OpName op{"unsqueeze"}; return op.call({self, dim}); }
inline Tensor detach(const Tensor& self) { static detail::OpName op{"detach"}; return op.call({self}); }
inline Tensor alias(const Tensor& self) { static detail::OpName op{"alias"}; return op.call({self}); }
inline Tensor as_strided(const Tensor& self, const Dims& size, const Dims& stride, std::optional<int64_t> storage_offset = std::nullopt) { static detail::OpName op{"as_strided"}; return op.call({self, size, stride, storage_offset}); }
inline Tensor select(const Tensor& self, int64_t dim, int64_t index) { static detail::OpName op{"select"}; return op.call({self, dim, index}); }
inline Tensor slice(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { static detail::OpName op{"slice"}; return op.call({self, dim, start, end, step}); }
inline Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) { static detail::OpName op{"narrow"}; return op.call({self, dim, start, length}); }
inline Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { static detail::OpName op{"diagonal"}; return op.call({self, offset, dim1, dim2}); }
inline Tensor diagonal_scatter(const Tensor& self, const Operand& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { static detail::OpName op{"diagonal_scatter"}; return op.call({self, src, offset, dim1, dim2}); }
inline Tensor select_scatter(const Tensor& self, const Operand& src, int64_t dim, int64_t index) { static detail::OpName op{"select_scatter"}; return op.call({self, src, dim, index}); }
inline Tensor slice_scatter(const Tensor& self, const Operand& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { static detail::OpName op{"slice_scatter"}; return op.call({self, src, dim, start, end, step}); }
inline Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { static detail::OpName op{"unfold"}; return op.call({self, dimension, size, step}); }
template <class = void> std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0) { static detail::OpName op{"unbind"}; return op.results<std::vector<Tensor>>({self, dim}); }
template <class = void> std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0) { static detail::OpName op{"split"}; return op.results<std::vector<Tensor>>({self, split_size, dim}); }
template <class = void> std::vector<Tensor> split(const Tensor& self, const Dims& split_size, int64_t dim) { static detail::OpName op{"split.sizes"}; return op.results<std::vector<Tensor>>({self, split_size, dim}); }
template <class = void> std::vector<Tensor> split_with_sizes(const Tensor& self, const Dims& split_sizes, int64_t dim = 0) { static detail::OpName op{"split_with_sizes"}; return op.results<std::vector<Tensor>>({self, split_sizes, dim}); }
template <class = void> std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0) { static detail::OpName op{"chunk"}; return op.results<std::vector<Tensor>>({self, chunks, dim}); }
template <class = void> std::vector<Tensor> tensor_split(const Tensor& self, int64_t indices_or_sections, int64_t dim = 0) { static detail::OpName op{"tensor_split"}; return op.results<std::vector<Tensor>>({self, indices_or_sections, dim}); }
template <class = void> std::vector<Tensor> tensor_split(const Tensor& self, const Dims& indices_or_sections, int64_t dim) { static detail::OpName op{"tensor_split.indices"}; return op.results<std::vector<Tensor>>({self, indices_or_sections, dim}); }
template <class = void> std::vector<Tensor> tensor_split(const Tensor& self, const Tensor& indices_or_sections, int64_t dim) { static detail::OpName op{"tensor_split.tensor_indices_or_sections"}; return op.results<std::vector<Tensor>>({self, indices_or_sections, dim}); }
}  // namespace v1
}  // namespace plait
// clang-format on
