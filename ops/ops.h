// Every op as a C++ function, with the names and defaults it has in Python; `name_` is the in-place form.
// Emitted by tools/emit_header.py from the declarations in ops/*.cpp: do not edit.
#pragma once

#include <limits>

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> rand;
extern PLAIT_API Op<Tensor(IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> randn;
extern PLAIT_API Op<Tensor(IntSpan, const Scalar&, std::optional<DType>, std::optional<Device>)> full;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> empty;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> ones;
extern PLAIT_API Op<Tensor(IntSpan, std::optional<DType>, std::optional<Device>)> zeros;
extern PLAIT_API Op<Tensor(TensorList)> cartesian_prod;
extern PLAIT_API Op<Tensor(TensorList)> column_stack;
extern PLAIT_API Op<Tensor(TensorList)> dstack;
extern PLAIT_API Op<Tensor(TensorList)> hstack;
extern PLAIT_API Op<Tensor(TensorList)> vstack;
extern PLAIT_API Op<Tensor(TensorList, double)> _foreach_norm;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> cat;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> concat;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> concatenate;
extern PLAIT_API Op<Tensor(TensorList, int64_t)> stack;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, const Scalar&, std::optional<DType>, std::optional<Device>)> arange_start_step;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, int64_t, double, std::optional<DType>, std::optional<Device>)> logspace;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, int64_t, std::optional<DType>, std::optional<Device>)> linspace;
extern PLAIT_API Op<Tensor(const Scalar&, const Scalar&, std::optional<DType>, std::optional<Device>)> arange_start;
extern PLAIT_API Op<Tensor(const Scalar&, std::optional<DType>, std::optional<Device>)> arange;
extern PLAIT_API Op<Tensor(const Tensor&)> T;
extern PLAIT_API Op<Tensor(const Tensor&)> _conj;
extern PLAIT_API Op<Tensor(const Tensor&)> _trigamma;
extern PLAIT_API Op<Tensor(const Tensor&)> abs;
extern PLAIT_API Op<Tensor(const Tensor&)> absolute;
extern PLAIT_API Op<Tensor(const Tensor&)> acos;
extern PLAIT_API Op<Tensor(const Tensor&)> acosh;
extern PLAIT_API Op<Tensor(const Tensor&)> alias;
extern PLAIT_API Op<Tensor(const Tensor&)> angle;
extern PLAIT_API Op<Tensor(const Tensor&)> arccos;
extern PLAIT_API Op<Tensor(const Tensor&)> arccosh;
extern PLAIT_API Op<Tensor(const Tensor&)> arcsin;
extern PLAIT_API Op<Tensor(const Tensor&)> arcsinh;
extern PLAIT_API Op<Tensor(const Tensor&)> arctan;
extern PLAIT_API Op<Tensor(const Tensor&)> arctanh;
extern PLAIT_API Op<Tensor(const Tensor&)> argwhere;
extern PLAIT_API Op<Tensor(const Tensor&)> asin;
extern PLAIT_API Op<Tensor(const Tensor&)> asinh;
extern PLAIT_API Op<Tensor(const Tensor&)> atan;
extern PLAIT_API Op<Tensor(const Tensor&)> atanh;
extern PLAIT_API Op<Tensor(const Tensor&)> bitwise_not;
extern PLAIT_API Op<Tensor(const Tensor&)> ceil;
extern PLAIT_API Op<Tensor(const Tensor&)> conj;
extern PLAIT_API Op<Tensor(const Tensor&)> cos;
extern PLAIT_API Op<Tensor(const Tensor&)> cosh;
extern PLAIT_API Op<Tensor(const Tensor&)> deg2rad;
extern PLAIT_API Op<Tensor(const Tensor&)> detach;
extern PLAIT_API Op<Tensor(const Tensor&)> digamma;
extern PLAIT_API Op<Tensor(const Tensor&)> erf;
extern PLAIT_API Op<Tensor(const Tensor&)> erfc;
extern PLAIT_API Op<Tensor(const Tensor&)> erfinv;
extern PLAIT_API Op<Tensor(const Tensor&)> exp2;
extern PLAIT_API Op<Tensor(const Tensor&)> exp;
extern PLAIT_API Op<Tensor(const Tensor&)> expm1;
extern PLAIT_API Op<Tensor(const Tensor&)> fix;
extern PLAIT_API Op<Tensor(const Tensor&)> fliplr;
extern PLAIT_API Op<Tensor(const Tensor&)> flipud;
extern PLAIT_API Op<Tensor(const Tensor&)> floor;
extern PLAIT_API Op<Tensor(const Tensor&)> frac;
extern PLAIT_API Op<Tensor(const Tensor&)> hardsigmoid;
extern PLAIT_API Op<Tensor(const Tensor&)> hardswish;
extern PLAIT_API Op<Tensor(const Tensor&)> imag;
extern PLAIT_API Op<Tensor(const Tensor&)> isfinite;
extern PLAIT_API Op<Tensor(const Tensor&)> isinf;
extern PLAIT_API Op<Tensor(const Tensor&)> isnan;
extern PLAIT_API Op<Tensor(const Tensor&)> lgamma;
extern PLAIT_API Op<Tensor(const Tensor&)> log10;
extern PLAIT_API Op<Tensor(const Tensor&)> log1p;
extern PLAIT_API Op<Tensor(const Tensor&)> log2;
extern PLAIT_API Op<Tensor(const Tensor&)> log;
extern PLAIT_API Op<Tensor(const Tensor&)> logical_not;
extern PLAIT_API Op<Tensor(const Tensor&)> logsigmoid;
extern PLAIT_API Op<Tensor(const Tensor&)> mT;
extern PLAIT_API Op<Tensor(const Tensor&)> max;
extern PLAIT_API Op<Tensor(const Tensor&)> median;
extern PLAIT_API Op<Tensor(const Tensor&)> min;
extern PLAIT_API Op<Tensor(const Tensor&)> mish;
extern PLAIT_API Op<Tensor(const Tensor&)> msort;
extern PLAIT_API Op<Tensor(const Tensor&)> nanmedian;
extern PLAIT_API Op<Tensor(const Tensor&)> neg;
extern PLAIT_API Op<Tensor(const Tensor&)> negative;
extern PLAIT_API Op<Tensor(const Tensor&)> nonzero;
extern PLAIT_API Op<Tensor(const Tensor&)> positive;
extern PLAIT_API Op<Tensor(const Tensor&)> rad2deg;
extern PLAIT_API Op<Tensor(const Tensor&)> ravel;
extern PLAIT_API Op<Tensor(const Tensor&)> real;
extern PLAIT_API Op<Tensor(const Tensor&)> reciprocal;
extern PLAIT_API Op<Tensor(const Tensor&)> relu6;
extern PLAIT_API Op<Tensor(const Tensor&)> relu;
extern PLAIT_API Op<Tensor(const Tensor&)> rsqrt;
extern PLAIT_API Op<Tensor(const Tensor&)> selu;
extern PLAIT_API Op<Tensor(const Tensor&)> sgn;
extern PLAIT_API Op<Tensor(const Tensor&)> sigmoid;
extern PLAIT_API Op<Tensor(const Tensor&)> sign;
extern PLAIT_API Op<Tensor(const Tensor&)> signbit;
extern PLAIT_API Op<Tensor(const Tensor&)> silu;
extern PLAIT_API Op<Tensor(const Tensor&)> sin;
extern PLAIT_API Op<Tensor(const Tensor&)> sinh;
extern PLAIT_API Op<Tensor(const Tensor&)> softsign;
extern PLAIT_API Op<Tensor(const Tensor&)> sqrt;
extern PLAIT_API Op<Tensor(const Tensor&)> square;
extern PLAIT_API Op<Tensor(const Tensor&)> squeeze;
extern PLAIT_API Op<Tensor(const Tensor&)> t;
extern PLAIT_API Op<Tensor(const Tensor&)> tan;
extern PLAIT_API Op<Tensor(const Tensor&)> tanh;
extern PLAIT_API Op<Tensor(const Tensor&)> tanhshrink;
extern PLAIT_API Op<Tensor(const Tensor&)> trace;
extern PLAIT_API Op<Tensor(const Tensor&)> trunc;
extern PLAIT_API Op<Tensor(const Tensor&)> view_as_complex;
extern PLAIT_API Op<Tensor(const Tensor&)> view_as_real;
extern PLAIT_API Op<Tensor(const Tensor&)> zero;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> _convert;
extern PLAIT_API Op<Tensor(const Tensor&, DType)> view_dtype;
extern PLAIT_API Op<Tensor(const Tensor&, Device)> _to_device;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> _adaptive_avg_pool;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> _adaptive_avg_pool_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool1d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool2d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> adaptive_avg_pool3d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> broadcast_to;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> expand;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> flip;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> permute;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> repeat;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> reshape;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> squeeze_dim;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> tile;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan)> view;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> _roll;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> moveaxis;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> movedim;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan)> roll;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool, bool, std::optional<int64_t>)> _avg_pool_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, bool, bool, std::optional<int64_t>)> _avg_pool;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> _view_accumulate;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_read;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> as_strided;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, TensorList)> _index_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, bool)> logsumexp;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Scalar&)> constant_pad_nd;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Scalar&, std::optional<DType>, std::optional<Device>)> new_full;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Tensor&, const Tensor&, double)> layer_norm;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, const Tensor&, std::optional<double>)> rms_norm;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, int64_t, const Tensor&)> _gather_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, int64_t, const Tensor&)> _index_select_backward;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_empty;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_ones;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<DType>, std::optional<Device>)> new_zeros;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool1d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool2d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool3d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool)> avg_pool1d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool, std::optional<int64_t>)> avg_pool2d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, bool, bool, std::optional<int64_t>)> avg_pool3d;
extern PLAIT_API Op<Tensor(const Tensor&, IntSpan, std::string_view, std::optional<Scalar>)> pad;
extern PLAIT_API Op<Tensor(const Tensor&, TensorList)> _index;
extern PLAIT_API Op<Tensor(const Tensor&, TensorList)> index;
extern PLAIT_API Op<Tensor(const Tensor&, TensorList, const Tensor&, bool)> index_put;
extern PLAIT_API Op<Tensor(const Tensor&, bool)> std;
extern PLAIT_API Op<Tensor(const Tensor&, bool)> var;
extern PLAIT_API Op<Tensor(const Tensor&, const Generator&)> bernoulli;
extern PLAIT_API Op<Tensor(const Tensor&, const Generator&)> random;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, const Scalar&)> hardtanh;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, const Scalar&)> threshold;
extern PLAIT_API Op<Tensor(const Tensor&, const Scalar&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> full_like;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _hardsigmoid_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _hardswish_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _logsigmoid_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _mish_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _sigmoid_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _silu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _tanh_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> arctan2;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> atan2;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_and;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_left_shift;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_or;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_right_shift;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bitwise_xor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> bmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> clamp_max;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> clamp_min;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> complex;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> copysign;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> div;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> dot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> eq;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> expand_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fill;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> floor_divide;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fmax;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fmin;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> fmod;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> ge;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> greater;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> greater_equal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> gt;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> heaviside;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> hypot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> inner;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> le;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> less;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> less_equal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logaddexp;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logical_and;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logical_or;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> logical_xor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> lt;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> masked_select;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> matmul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> max_other;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> maximum;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> min_other;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> minimum;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> multiply;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> mv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> ne;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> not_equal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> outer;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> pow;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> prelu;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> remainder;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> reshape_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> take;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> true_divide;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> vdot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> view_as;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> xlogy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan)> _max_pool_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, int64_t)> _conv_input_grad;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, int64_t)> _conv_weight_grad;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_write;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> _as_strided_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool)> copy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool)> bucketize;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool, double, std::string_view)> poisson_nll_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool, std::optional<std::string_view>, const Tensor&)> searchsorted;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Generator&)> bernoulli_tensor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Generator&)> normal;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> _threshold_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> add;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> sub;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&)> subtract;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&, const Scalar&)> _clamp_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Scalar&, const Scalar&)> _hardtanh_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _clamp_between;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _gru_step;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> clamp_Tensor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> clip_Tensor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> lerp;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> linear_default;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> masked_fill;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> masked_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> where;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> _conv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv1d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv2d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t)> conv3d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> conv_transpose1d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> conv_transpose2d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> conv_transpose3d;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)> conv1d_padding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)> conv2d_padding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, std::string_view, IntSpan, int64_t)> conv3d_padding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, double, std::string_view)> gaussian_nll_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&)> addcdiv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&)> addcmul;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addbmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addmv;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> baddbmm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double, double)> batch_norm;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, double)> _cross_entropy_rows_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, bool, std::optional<double>, bool)> scaled_dot_product_attention;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, double, double, bool, std::string_view)> triplet_margin_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, std::string_view)> cosine_embedding_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, std::string_view)> margin_ranking_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view)> nll_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view, double)> cross_entropy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, std::string_view)> binary_cross_entropy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, std::string_view, const Tensor&)> binary_cross_entropy_with_logits;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double)> _leaky_relu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double)> _shrink_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double)> _softplus_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double, bool)> isclose;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double, bool)> pairwise_distance;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double, double)> _elu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, std::string_view)> hinge_embedding_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> _log_softmax_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> _softmax_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> bincount;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, bool)> _embedding_masked;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, bool)> _scan_linear;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, double)> cosine_similarity;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t)> select_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> _embedding_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, int64_t)> diagonal_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice_scatter;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>)> take_along_dim;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>, bool, bool)> embedding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>, std::optional<int64_t>)> repeat_interleave_tensor;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<std::string_view>)> div_mode;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<std::string_view>)> divide;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view)> _gelu_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, bool)> kl_div;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, const Tensor&)> l1_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, const Tensor&)> mse_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, double)> smooth_l1_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, double, const Tensor&)> huber_loss;
extern PLAIT_API Op<Tensor(const Tensor&, double)> celu;
extern PLAIT_API Op<Tensor(const Tensor&, double)> elu;
extern PLAIT_API Op<Tensor(const Tensor&, double)> hardshrink;
extern PLAIT_API Op<Tensor(const Tensor&, double)> leaky_relu;
extern PLAIT_API Op<Tensor(const Tensor&, double)> softshrink;
extern PLAIT_API Op<Tensor(const Tensor&, double, bool)> dropout;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> bernoulli_p;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> exponential;
extern PLAIT_API Op<Tensor(const Tensor&, double, const Generator&)> geometric;
extern PLAIT_API Op<Tensor(const Tensor&, double, double)> softplus;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> cauchy;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> log_normal;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> normal_fill;
extern PLAIT_API Op<Tensor(const Tensor&, double, double, const Generator&)> uniform;
extern PLAIT_API Op<Tensor(const Tensor&, double, int64_t, int64_t)> _dropout;
extern PLAIT_API Op<Tensor(const Tensor&, double, std::optional<IntSpan>, bool)> _vector_norm;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _log_softmax;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> _softmax;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> diag;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> diagflat;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> glu;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> logcumsumexp;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> one_hot;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> pixel_shuffle;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> pixel_unshuffle;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> round;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> tril;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> triu;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> unsqueeze;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, IntSpan)> rot90;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, IntSpan)> unflatten;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, bool, bool)> argsort;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, bool, const Generator&)> multinomial;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, bool, std::optional<DType>)> prod_dim_int;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Generator&)> random_to;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Scalar&, const Scalar&)> histc;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&)> index_select;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, bool)> gather;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Scalar&)> index_fill;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Scalar&)> scatter_value;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> index_copy;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> index_fill_tensor;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> scatter;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&)> scatter_add;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, const Scalar&)> index_add;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, double)> group_norm;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, std::string_view)> scatter_reduce_src;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, const Tensor&, const Tensor&, std::string_view, bool)> scatter_reduce;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> flatten;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> select;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> swapaxes;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> swapdims;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t)> transpose;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diag_embed;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diagonal;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> narrow;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> unfold;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> randint_like_low;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> cumprod;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> cumsum;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> log_softmax;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> softmax;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> softmin;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<DType>, std::optional<Device>)> randint_like;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, const Generator&)> random_from;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>)> repeat_interleave_int;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>)> mean;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>)> prod;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>)> sum;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>)> rand_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>)> randn_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> empty_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> ones_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<DType>, std::optional<Device>, std::optional<MemoryFormat>)> zeros_like;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>)> count_nonzero;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> all;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> amax;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> amin;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool)> any;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, bool)> std_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, bool)> var_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> mean_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> nanmean;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> nansum;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, bool, std::optional<DType>)> sum_dim;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> std_correction;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> var_correction;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> clone;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> contiguous;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<IntSpan>, bool, std::optional<DType>)> norm;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<Scalar>)> clamp;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<Scalar>, std::optional<Scalar>)> clip;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<double>)> logit;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<double>, std::optional<double>, std::optional<double>)> nan_to_num;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<int64_t>)> repeat_interleave;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<int64_t>, bool)> argmax;
extern PLAIT_API Op<Tensor(const Tensor&, std::optional<int64_t>, bool)> argmin;
extern PLAIT_API Op<Tensor(const Tensor&, std::string_view)> gelu;
extern PLAIT_API Op<Tensor(const Tensor&, std::string_view, std::optional<IntSpan>, bool, std::optional<DType>)> norm_str;
extern PLAIT_API Op<Tensor(double, const Tensor&, const Generator&)> normal_float_Tensor;
extern PLAIT_API Op<Tensor(double, double, IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> normal_float_float;
extern PLAIT_API Op<Tensor(int64_t, IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> randint;
extern PLAIT_API Op<Tensor(int64_t, const Generator&, std::optional<DType>, std::optional<Device>)> randperm;
extern PLAIT_API Op<Tensor(int64_t, const Tensor&)> polygamma;
extern PLAIT_API Op<Tensor(int64_t, int64_t, IntSpan, const Generator&, std::optional<DType>, std::optional<Device>)> randint_low;
extern PLAIT_API Op<Tensor(int64_t, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> tril_indices;
extern PLAIT_API Op<Tensor(int64_t, int64_t, int64_t, std::optional<DType>, std::optional<Device>)> triu_indices;
extern PLAIT_API Op<Tensor(int64_t, int64_t, std::optional<DType>, std::optional<Device>)> eye_m;
extern PLAIT_API Op<Tensor(int64_t, std::optional<DType>, std::optional<Device>)> eye;
extern PLAIT_API Op<bool(const Tensor&, const Tensor&)> equal;
extern PLAIT_API Op<bool(const Tensor&, const Tensor&, double, double, bool)> allclose;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, bool, bool, bool)> _layer_norm_rows_backward;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, double)> _batch_norm_backward;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, double)> _batch_norm;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, double, bool)> _layer_norm_rows;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, std::optional<int64_t>)> _unique;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> _adaptive_max_pool;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> adaptive_max_pool1d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan)> adaptive_max_pool2d;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, IntSpan, IntSpan, IntSpan, bool)> _max_pool;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool1d_with_indices;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool2d_with_indices;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, IntSpan, std::optional<IntSpan>, IntSpan, IntSpan, bool)> max_pool3d_with_indices;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, bool)> std_mean;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, bool)> var_mean;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&)> _lstm_step;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, double)> _cross_entropy_rows;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t)> cummax;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t)> cummin;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> max_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> median_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> min_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool)> nanmedian_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, bool, bool)> sort;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, int64_t, bool)> kthvalue;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, int64_t, int64_t, bool, bool)> topk;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, bool, bool)> std_mean_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, bool, bool)> var_mean_dim;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> std_mean_correction;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<IntSpan>, std::optional<Scalar>, bool)> var_mean_correction;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, std::optional<int64_t>, bool)> aminmax;
extern PLAIT_API Op<std::vector<Tensor>(TensorList)> broadcast_tensors;
extern PLAIT_API Op<std::vector<Tensor>(TensorList, std::string_view)> meshgrid;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&)> where_condition;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_sizes;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_with_sizes;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> tensor_split_indices;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t)> unbind;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> chunk;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> split;
extern PLAIT_API Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> tensor_split;
extern PLAIT_API Op<void(TensorList)> _foreach_zero_;
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, double, double, double, double, double, bool, bool)> _fused_rmsprop_;
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, int64_t, double, double, double, double, double, bool, bool, bool)> _fused_adam_;
extern PLAIT_API Op<void(TensorList, TensorList, TensorList, double, double, double, double, bool, bool, bool)> _fused_sgd_;
extern PLAIT_API Op<void(TensorList, const Tensor&)> _foreach_mul_;
}  // namespace plait::op

namespace plait {
inline Tensor T(const Tensor& self) { return op::T(self); }
inline Tensor T_(const Tensor& self) { return op::T.inplace(self); }
inline Tensor _adaptive_avg_pool(const Tensor& self, IntSpan output_size) { return op::_adaptive_avg_pool(self, output_size); }
inline Tensor _adaptive_avg_pool_backward(const Tensor& self, IntSpan input_size) { return op::_adaptive_avg_pool_backward(self, input_size); }
inline Tensor _as_strided_backward(const Tensor& self, const Tensor& input, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset) { return op::_as_strided_backward(self, input, size, stride, storage_offset); }
inline Tensor _avg_pool(const Tensor& self, IntSpan kernel_size, IntSpan stride, IntSpan padding, bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) { return op::_avg_pool(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor _avg_pool_backward(const Tensor& self, IntSpan input_size, IntSpan kernel_size, IntSpan stride, IntSpan padding, bool ceil_mode, bool count_include_pad, std::optional<int64_t> divisor_override) { return op::_avg_pool_backward(self, input_size, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor _clamp_backward(const Tensor& grad, const Tensor& self, const Scalar& min, const Scalar& max) { return op::_clamp_backward(grad, self, min, max); }
inline Tensor _clamp_between(const Tensor& self, const Tensor& min, const Tensor& max) { return op::_clamp_between(self, min, max); }
inline Tensor _conj(const Tensor& self) { return op::_conj(self); }
inline Tensor _conv(const Tensor& self, const Tensor& weight, const Tensor& bias, IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) { return op::_conv(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor _conv_input_grad(const Tensor& self, const Tensor& weight, IntSpan input_size, IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) { return op::_conv_input_grad(self, weight, input_size, stride, padding, dilation, groups); }
inline Tensor _conv_weight_grad(const Tensor& self, const Tensor& input, IntSpan kernel_size, IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) { return op::_conv_weight_grad(self, input, kernel_size, stride, padding, dilation, groups); }
inline Tensor _convert(const Tensor& self, DType dtype) { return op::_convert(self, dtype); }
inline Tensor _cross_entropy_rows_backward(const Tensor& self, const Tensor& logits, const Tensor& lse, const Tensor& target, const Tensor& weight, int64_t ignore_index, double label_smoothing) { return op::_cross_entropy_rows_backward(self, logits, lse, target, weight, ignore_index, label_smoothing); }
inline Tensor _dropout(const Tensor& self, double p, int64_t seed, int64_t offset) { return op::_dropout(self, p, seed, offset); }
inline Tensor _elu_backward(const Tensor& grad, const Tensor& self, double alpha, double scale, double input_scale) { return op::_elu_backward(grad, self, alpha, scale, input_scale); }
inline Tensor _embedding_backward(const Tensor& grad, const Tensor& indices, int64_t num_weights, int64_t padding_idx, bool scale_grad_by_freq) { return op::_embedding_backward(grad, indices, num_weights, padding_idx, scale_grad_by_freq); }
inline Tensor _embedding_masked(const Tensor& weight, const Tensor& indices, int64_t padding_idx, bool scale_grad_by_freq) { return op::_embedding_masked(weight, indices, padding_idx, scale_grad_by_freq); }
inline Tensor _foreach_norm(TensorList tensors, double ord) { return op::_foreach_norm(tensors, ord); }
inline Tensor _gather_backward(const Tensor& grad, IntSpan size, int64_t dim, const Tensor& index) { return op::_gather_backward(grad, size, dim, index); }
inline Tensor _gelu_backward(const Tensor& grad, const Tensor& self, std::string_view approximate) { return op::_gelu_backward(grad, self, approximate); }
inline Tensor _gru_step(const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) { return op::_gru_step(gates_x, gates_h, h); }
inline Tensor _hardsigmoid_backward(const Tensor& grad, const Tensor& self) { return op::_hardsigmoid_backward(grad, self); }
inline Tensor _hardswish_backward(const Tensor& grad, const Tensor& self) { return op::_hardswish_backward(grad, self); }
inline Tensor _hardtanh_backward(const Tensor& grad, const Tensor& self, const Scalar& min_val, const Scalar& max_val) { return op::_hardtanh_backward(grad, self, min_val, max_val); }
inline Tensor _index(const Tensor& self, TensorList indices) { return op::_index(self, indices); }
inline Tensor _index_backward(const Tensor& grad, IntSpan size, TensorList indices) { return op::_index_backward(grad, size, indices); }
inline Tensor _index_select_backward(const Tensor& grad, IntSpan size, int64_t dim, const Tensor& index) { return op::_index_select_backward(grad, size, dim, index); }
inline Tensor _leaky_relu_backward(const Tensor& grad, const Tensor& self, double negative_slope) { return op::_leaky_relu_backward(grad, self, negative_slope); }
inline Tensor _log_softmax(const Tensor& self, int64_t dim) { return op::_log_softmax(self, dim); }
inline Tensor _log_softmax_backward(const Tensor& self, const Tensor& output, int64_t dim) { return op::_log_softmax_backward(self, output, dim); }
inline Tensor _logsigmoid_backward(const Tensor& grad, const Tensor& self) { return op::_logsigmoid_backward(grad, self); }
inline Tensor _max_pool_backward(const Tensor& self, const Tensor& indices, IntSpan input_size) { return op::_max_pool_backward(self, indices, input_size); }
inline Tensor _mish_backward(const Tensor& grad, const Tensor& self) { return op::_mish_backward(grad, self); }
inline Tensor _roll(const Tensor& self, IntSpan shifts, IntSpan dims) { return op::_roll(self, shifts, dims); }
inline Tensor _scan_linear(const Tensor& self, const Tensor& terms, int64_t dim, bool reverse = false) { return op::_scan_linear(self, terms, dim, reverse); }
inline Tensor _shrink_backward(const Tensor& grad, const Tensor& self, double lambd) { return op::_shrink_backward(grad, self, lambd); }
inline Tensor _sigmoid_backward(const Tensor& grad, const Tensor& output) { return op::_sigmoid_backward(grad, output); }
inline Tensor _silu_backward(const Tensor& grad, const Tensor& self) { return op::_silu_backward(grad, self); }
inline Tensor _softmax(const Tensor& self, int64_t dim) { return op::_softmax(self, dim); }
inline Tensor _softmax_backward(const Tensor& self, const Tensor& output, int64_t dim) { return op::_softmax_backward(self, output, dim); }
inline Tensor _softplus_backward(const Tensor& grad, const Tensor& self, double beta, double threshold) { return op::_softplus_backward(grad, self, beta, threshold); }
inline Tensor _tanh_backward(const Tensor& grad, const Tensor& output) { return op::_tanh_backward(grad, output); }
inline Tensor _threshold_backward(const Tensor& grad, const Tensor& self, const Scalar& threshold) { return op::_threshold_backward(grad, self, threshold); }
inline Tensor _to_device(const Tensor& self, Device device) { return op::_to_device(self, device); }
inline Tensor _trigamma(const Tensor& self) { return op::_trigamma(self); }
inline Tensor _vector_norm(const Tensor& self, double p, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::_vector_norm(self, p, dim, keepdim); }
inline Tensor _view_accumulate(const Tensor& self, IntSpan base_size, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_accumulate(self, base_size, size, stride, offset, base_stride); }
inline Tensor _view_read(const Tensor& self, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_read(self, size, stride, offset, base_stride); }
inline Tensor _view_write(const Tensor& self, const Tensor& src, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) { return op::_view_write(self, src, size, stride, offset, base_stride); }
inline Tensor abs(const Tensor& self) { return op::abs(self); }
inline Tensor abs_(const Tensor& self) { return op::abs.inplace(self); }
inline Tensor absolute(const Tensor& self) { return op::absolute(self); }
inline Tensor absolute_(const Tensor& self) { return op::absolute.inplace(self); }
inline Tensor acos(const Tensor& self) { return op::acos(self); }
inline Tensor acos_(const Tensor& self) { return op::acos.inplace(self); }
inline Tensor acosh(const Tensor& self) { return op::acosh(self); }
inline Tensor acosh_(const Tensor& self) { return op::acosh.inplace(self); }
inline Tensor adaptive_avg_pool1d(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool1d(self, output_size); }
inline Tensor adaptive_avg_pool1d_(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool1d.inplace(self, output_size); }
inline Tensor adaptive_avg_pool2d(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool2d(self, output_size); }
inline Tensor adaptive_avg_pool2d_(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool2d.inplace(self, output_size); }
inline Tensor adaptive_avg_pool3d(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool3d(self, output_size); }
inline Tensor adaptive_avg_pool3d_(const Tensor& self, IntSpan output_size) { return op::adaptive_avg_pool3d.inplace(self, output_size); }
inline Tensor add(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add(self, other, alpha); }
inline Tensor add_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::add.inplace(self, other, alpha); }
inline Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addbmm(self, batch1, batch2, beta, alpha); }
inline Tensor addbmm_(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addbmm.inplace(self, batch1, batch2, beta, alpha); }
inline Tensor addcdiv(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcdiv(self, tensor1, tensor2, value); }
inline Tensor addcdiv_(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcdiv.inplace(self, tensor1, tensor2, value); }
inline Tensor addcmul(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcmul(self, tensor1, tensor2, value); }
inline Tensor addcmul_(const Tensor& self, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value = 1) { return op::addcmul.inplace(self, tensor1, tensor2, value); }
inline Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmm(self, mat1, mat2, beta, alpha); }
inline Tensor addmm_(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmm.inplace(self, mat1, mat2, beta, alpha); }
inline Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmv(self, mat, vec, beta, alpha); }
inline Tensor addmv_(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::addmv.inplace(self, mat, vec, beta, alpha); }
inline Tensor alias(const Tensor& self) { return op::alias(self); }
inline Tensor alias_(const Tensor& self) { return op::alias.inplace(self); }
inline Tensor all(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::all(self, dim, keepdim); }
inline Tensor all_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::all.inplace(self, dim, keepdim); }
inline Tensor amax(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amax(self, dim, keepdim); }
inline Tensor amax_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amax.inplace(self, dim, keepdim); }
inline Tensor amin(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amin(self, dim, keepdim); }
inline Tensor amin_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::amin.inplace(self, dim, keepdim); }
inline Tensor angle(const Tensor& self) { return op::angle(self); }
inline Tensor angle_(const Tensor& self) { return op::angle.inplace(self); }
inline Tensor any(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::any(self, dim, keepdim); }
inline Tensor any_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false) { return op::any.inplace(self, dim, keepdim); }
inline Tensor arange(const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange(end, dtype, device); }
inline Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange_start_step(start, end, step, dtype, device); }
inline Tensor arange(const Scalar& start, const Scalar& end, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::arange_start(start, end, dtype, device); }
inline Tensor arccos(const Tensor& self) { return op::arccos(self); }
inline Tensor arccos_(const Tensor& self) { return op::arccos.inplace(self); }
inline Tensor arccosh(const Tensor& self) { return op::arccosh(self); }
inline Tensor arccosh_(const Tensor& self) { return op::arccosh.inplace(self); }
inline Tensor arcsin(const Tensor& self) { return op::arcsin(self); }
inline Tensor arcsin_(const Tensor& self) { return op::arcsin.inplace(self); }
inline Tensor arcsinh(const Tensor& self) { return op::arcsinh(self); }
inline Tensor arcsinh_(const Tensor& self) { return op::arcsinh.inplace(self); }
inline Tensor arctan(const Tensor& self) { return op::arctan(self); }
inline Tensor arctan_(const Tensor& self) { return op::arctan.inplace(self); }
inline Tensor arctan2(const Tensor& self, const Tensor& other) { return op::arctan2(self, other); }
inline Tensor arctan2_(const Tensor& self, const Tensor& other) { return op::arctan2.inplace(self, other); }
inline Tensor arctanh(const Tensor& self) { return op::arctanh(self); }
inline Tensor arctanh_(const Tensor& self) { return op::arctanh.inplace(self); }
inline Tensor argmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmax(self, dim, keepdim); }
inline Tensor argmax_(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmax.inplace(self, dim, keepdim); }
inline Tensor argmin(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmin(self, dim, keepdim); }
inline Tensor argmin_(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::argmin.inplace(self, dim, keepdim); }
inline Tensor argsort(const Tensor& self, int64_t dim = -1, bool descending = false, bool stable = false) { return op::argsort(self, dim, descending, stable); }
inline Tensor argsort_(const Tensor& self, int64_t dim = -1, bool descending = false, bool stable = false) { return op::argsort.inplace(self, dim, descending, stable); }
inline Tensor argwhere(const Tensor& self) { return op::argwhere(self); }
inline Tensor argwhere_(const Tensor& self) { return op::argwhere.inplace(self); }
inline Tensor as_strided(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided(self, size, stride, storage_offset); }
inline Tensor as_strided_(const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> storage_offset = std::nullopt) { return op::as_strided.inplace(self, size, stride, storage_offset); }
inline Tensor asin(const Tensor& self) { return op::asin(self); }
inline Tensor asin_(const Tensor& self) { return op::asin.inplace(self); }
inline Tensor asinh(const Tensor& self) { return op::asinh(self); }
inline Tensor asinh_(const Tensor& self) { return op::asinh.inplace(self); }
inline Tensor atan(const Tensor& self) { return op::atan(self); }
inline Tensor atan_(const Tensor& self) { return op::atan.inplace(self); }
inline Tensor atan2(const Tensor& self, const Tensor& other) { return op::atan2(self, other); }
inline Tensor atan2_(const Tensor& self, const Tensor& other) { return op::atan2.inplace(self, other); }
inline Tensor atanh(const Tensor& self) { return op::atanh(self); }
inline Tensor atanh_(const Tensor& self) { return op::atanh.inplace(self); }
inline Tensor avg_pool1d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, bool ceil_mode = false, bool count_include_pad = true) { return op::avg_pool1d(self, kernel_size, stride, padding, ceil_mode, count_include_pad); }
inline Tensor avg_pool1d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, bool ceil_mode = false, bool count_include_pad = true) { return op::avg_pool1d.inplace(self, kernel_size, stride, padding, ceil_mode, count_include_pad); }
inline Tensor avg_pool2d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool2d(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor avg_pool2d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool2d.inplace(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor avg_pool3d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool3d(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor avg_pool3d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, bool ceil_mode = false, bool count_include_pad = true, std::optional<int64_t> divisor_override = std::nullopt) { return op::avg_pool3d.inplace(self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override); }
inline Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::baddbmm(self, batch1, batch2, beta, alpha); }
inline Tensor baddbmm_(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1, const Scalar& alpha = 1) { return op::baddbmm.inplace(self, batch1, batch2, beta, alpha); }
inline Tensor batch_norm(const Tensor& self, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1, double eps = 1e-05) { return op::batch_norm(self, running_mean, running_var, weight, bias, training, momentum, eps); }
inline Tensor batch_norm_(const Tensor& self, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight = {}, const Tensor& bias = {}, bool training = false, double momentum = 0.1, double eps = 1e-05) { return op::batch_norm.inplace(self, running_mean, running_var, weight, bias, training, momentum, eps); }
inline Tensor bernoulli(const Tensor& self, const Generator& generator = {}) { return op::bernoulli(self, generator); }
inline Tensor bernoulli_(const Tensor& self, const Generator& generator = {}) { return op::bernoulli.inplace(self, generator); }
inline Tensor bernoulli(const Tensor& self, const Tensor& p, const Generator& generator = {}) { return op::bernoulli_tensor(self, p, generator); }
inline Tensor bernoulli_(const Tensor& self, const Tensor& p, const Generator& generator = {}) { return op::bernoulli_tensor.inplace(self, p, generator); }
inline Tensor bernoulli(const Tensor& self, double p = 0.5, const Generator& generator = {}) { return op::bernoulli_p(self, p, generator); }
inline Tensor bernoulli_(const Tensor& self, double p = 0.5, const Generator& generator = {}) { return op::bernoulli_p.inplace(self, p, generator); }
inline Tensor binary_cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean") { return op::binary_cross_entropy(self, target, weight, reduction); }
inline Tensor binary_cross_entropy_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean") { return op::binary_cross_entropy.inplace(self, target, weight, reduction); }
inline Tensor binary_cross_entropy_with_logits(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean", const Tensor& pos_weight = {}) { return op::binary_cross_entropy_with_logits(self, target, weight, reduction, pos_weight); }
inline Tensor binary_cross_entropy_with_logits_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean", const Tensor& pos_weight = {}) { return op::binary_cross_entropy_with_logits.inplace(self, target, weight, reduction, pos_weight); }
inline Tensor bincount(const Tensor& self, const Tensor& weights = {}, int64_t minlength = 0) { return op::bincount(self, weights, minlength); }
inline Tensor bincount_(const Tensor& self, const Tensor& weights = {}, int64_t minlength = 0) { return op::bincount.inplace(self, weights, minlength); }
inline Tensor bitwise_and(const Tensor& self, const Tensor& other) { return op::bitwise_and(self, other); }
inline Tensor bitwise_and_(const Tensor& self, const Tensor& other) { return op::bitwise_and.inplace(self, other); }
inline Tensor bitwise_left_shift(const Tensor& self, const Tensor& other) { return op::bitwise_left_shift(self, other); }
inline Tensor bitwise_left_shift_(const Tensor& self, const Tensor& other) { return op::bitwise_left_shift.inplace(self, other); }
inline Tensor bitwise_not(const Tensor& self) { return op::bitwise_not(self); }
inline Tensor bitwise_not_(const Tensor& self) { return op::bitwise_not.inplace(self); }
inline Tensor bitwise_or(const Tensor& self, const Tensor& other) { return op::bitwise_or(self, other); }
inline Tensor bitwise_or_(const Tensor& self, const Tensor& other) { return op::bitwise_or.inplace(self, other); }
inline Tensor bitwise_right_shift(const Tensor& self, const Tensor& other) { return op::bitwise_right_shift(self, other); }
inline Tensor bitwise_right_shift_(const Tensor& self, const Tensor& other) { return op::bitwise_right_shift.inplace(self, other); }
inline Tensor bitwise_xor(const Tensor& self, const Tensor& other) { return op::bitwise_xor(self, other); }
inline Tensor bitwise_xor_(const Tensor& self, const Tensor& other) { return op::bitwise_xor.inplace(self, other); }
inline Tensor bmm(const Tensor& self, const Tensor& mat2) { return op::bmm(self, mat2); }
inline Tensor bmm_(const Tensor& self, const Tensor& mat2) { return op::bmm.inplace(self, mat2); }
inline Tensor broadcast_to(const Tensor& self, IntSpan size) { return op::broadcast_to(self, size); }
inline Tensor broadcast_to_(const Tensor& self, IntSpan size) { return op::broadcast_to.inplace(self, size); }
inline Tensor bucketize(const Tensor& self, const Tensor& boundaries, bool out_int32 = false, bool right = false) { return op::bucketize(self, boundaries, out_int32, right); }
inline Tensor bucketize_(const Tensor& self, const Tensor& boundaries, bool out_int32 = false, bool right = false) { return op::bucketize.inplace(self, boundaries, out_int32, right); }
inline Tensor cartesian_prod(TensorList tensors) { return op::cartesian_prod(tensors); }
inline Tensor cat(TensorList tensors, int64_t dim = 0) { return op::cat(tensors, dim); }
inline Tensor cauchy(const Tensor& self, double median = 0.0, double sigma = 1.0, const Generator& generator = {}) { return op::cauchy(self, median, sigma, generator); }
inline Tensor cauchy_(const Tensor& self, double median = 0.0, double sigma = 1.0, const Generator& generator = {}) { return op::cauchy.inplace(self, median, sigma, generator); }
inline Tensor ceil(const Tensor& self) { return op::ceil(self); }
inline Tensor ceil_(const Tensor& self) { return op::ceil.inplace(self); }
inline Tensor celu(const Tensor& self, double alpha = 1.0) { return op::celu(self, alpha); }
inline Tensor celu_(const Tensor& self, double alpha = 1.0) { return op::celu.inplace(self, alpha); }
inline Tensor clamp(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clamp_Tensor(self, min, max); }
inline Tensor clamp_(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clamp_Tensor.inplace(self, min, max); }
inline Tensor clamp(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clamp(self, min, max); }
inline Tensor clamp_(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clamp.inplace(self, min, max); }
inline Tensor clamp_max(const Tensor& self, const Tensor& max) { return op::clamp_max(self, max); }
inline Tensor clamp_max_(const Tensor& self, const Tensor& max) { return op::clamp_max.inplace(self, max); }
inline Tensor clamp_min(const Tensor& self, const Tensor& min) { return op::clamp_min(self, min); }
inline Tensor clamp_min_(const Tensor& self, const Tensor& min) { return op::clamp_min.inplace(self, min); }
inline Tensor clip(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clip_Tensor(self, min, max); }
inline Tensor clip_(const Tensor& self, const Tensor& min = {}, const Tensor& max = {}) { return op::clip_Tensor.inplace(self, min, max); }
inline Tensor clip(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clip(self, min, max); }
inline Tensor clip_(const Tensor& self, std::optional<Scalar> min = std::nullopt, std::optional<Scalar> max = std::nullopt) { return op::clip.inplace(self, min, max); }
inline Tensor clone(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone(self, memory_format); }
inline Tensor clone_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::clone.inplace(self, memory_format); }
inline Tensor column_stack(TensorList tensors) { return op::column_stack(tensors); }
inline Tensor complex(const Tensor& real, const Tensor& imag) { return op::complex(real, imag); }
inline Tensor complex_(const Tensor& real, const Tensor& imag) { return op::complex.inplace(real, imag); }
inline Tensor concat(TensorList tensors, int64_t dim = 0) { return op::concat(tensors, dim); }
inline Tensor concatenate(TensorList tensors, int64_t dim = 0) { return op::concatenate(tensors, dim); }
inline Tensor conj(const Tensor& self) { return op::conj(self); }
inline Tensor conj_(const Tensor& self) { return op::conj.inplace(self); }
inline Tensor constant_pad_nd(const Tensor& self, IntSpan pad, const Scalar& value = 0) { return op::constant_pad_nd(self, pad, value); }
inline Tensor constant_pad_nd_(const Tensor& self, IntSpan pad, const Scalar& value = 0) { return op::constant_pad_nd.inplace(self, pad, value); }
inline Tensor contiguous(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous(self, memory_format); }
inline Tensor contiguous_(const Tensor& self, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::contiguous.inplace(self, memory_format); }
inline Tensor conv1d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv1d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv1d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, std::string_view padding = "valid", IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d_padding(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv1d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, std::string_view padding = "valid", IntSpan dilation = Dims{1}, int64_t groups = 1) { return op::conv1d_padding.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d_padding(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv2d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1}, int64_t groups = 1) { return op::conv2d_padding.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d_padding(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv3d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, std::string_view padding = "valid", IntSpan dilation = Dims{1, 1, 1}, int64_t groups = 1) { return op::conv3d_padding.inplace(self, weight, bias, stride, padding, dilation, groups); }
inline Tensor conv_transpose1d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan output_padding = Dims{0}, int64_t groups = 1, IntSpan dilation = Dims{1}) { return op::conv_transpose1d(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose1d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1}, IntSpan padding = Dims{0}, IntSpan output_padding = Dims{0}, int64_t groups = 1, IntSpan dilation = Dims{1}) { return op::conv_transpose1d.inplace(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose2d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan output_padding = Dims{0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1}) { return op::conv_transpose2d(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose2d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1}, IntSpan padding = Dims{0, 0}, IntSpan output_padding = Dims{0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1}) { return op::conv_transpose2d.inplace(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose3d(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan output_padding = Dims{0, 0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1, 1}) { return op::conv_transpose3d(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor conv_transpose3d_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}, IntSpan stride = Dims{1, 1, 1}, IntSpan padding = Dims{0, 0, 0}, IntSpan output_padding = Dims{0, 0, 0}, int64_t groups = 1, IntSpan dilation = Dims{1, 1, 1}) { return op::conv_transpose3d.inplace(self, weight, bias, stride, padding, output_padding, groups, dilation); }
inline Tensor copy(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy(self, src, non_blocking); }
inline Tensor copy_(const Tensor& self, const Tensor& src, bool non_blocking = false) { return op::copy.inplace(self, src, non_blocking); }
inline Tensor copysign(const Tensor& self, const Tensor& other) { return op::copysign(self, other); }
inline Tensor copysign_(const Tensor& self, const Tensor& other) { return op::copysign.inplace(self, other); }
inline Tensor cos(const Tensor& self) { return op::cos(self); }
inline Tensor cos_(const Tensor& self) { return op::cos.inplace(self); }
inline Tensor cosh(const Tensor& self) { return op::cosh(self); }
inline Tensor cosh_(const Tensor& self) { return op::cosh.inplace(self); }
inline Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::cosine_embedding_loss(input1, input2, target, margin, reduction); }
inline Tensor cosine_embedding_loss_(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::cosine_embedding_loss.inplace(input1, input2, target, margin, reduction); }
inline Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-08) { return op::cosine_similarity(x1, x2, dim, eps); }
inline Tensor cosine_similarity_(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-08) { return op::cosine_similarity.inplace(x1, x2, dim, eps); }
inline Tensor count_nonzero(const Tensor& self, std::optional<IntSpan> dim = std::nullopt) { return op::count_nonzero(self, dim); }
inline Tensor count_nonzero_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt) { return op::count_nonzero.inplace(self, dim); }
inline Tensor cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean", double label_smoothing = 0.0) { return op::cross_entropy(self, target, weight, ignore_index, reduction, label_smoothing); }
inline Tensor cross_entropy_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean", double label_smoothing = 0.0) { return op::cross_entropy.inplace(self, target, weight, ignore_index, reduction, label_smoothing); }
inline Tensor cumprod(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumprod(self, dim, dtype); }
inline Tensor cumprod_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumprod.inplace(self, dim, dtype); }
inline Tensor cumsum(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumsum(self, dim, dtype); }
inline Tensor cumsum_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::cumsum.inplace(self, dim, dtype); }
inline Tensor deg2rad(const Tensor& self) { return op::deg2rad(self); }
inline Tensor deg2rad_(const Tensor& self) { return op::deg2rad.inplace(self); }
inline Tensor detach(const Tensor& self) { return op::detach(self); }
inline Tensor detach_(const Tensor& self) { return op::detach.inplace(self); }
inline Tensor diag(const Tensor& self, int64_t diagonal = 0) { return op::diag(self, diagonal); }
inline Tensor diag_(const Tensor& self, int64_t diagonal = 0) { return op::diag.inplace(self, diagonal); }
inline Tensor diag_embed(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) { return op::diag_embed(self, offset, dim1, dim2); }
inline Tensor diag_embed_(const Tensor& self, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) { return op::diag_embed.inplace(self, offset, dim1, dim2); }
inline Tensor diagflat(const Tensor& self, int64_t offset = 0) { return op::diagflat(self, offset); }
inline Tensor diagflat_(const Tensor& self, int64_t offset = 0) { return op::diagflat.inplace(self, offset); }
inline Tensor diagonal(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal(self, offset, dim1, dim2); }
inline Tensor diagonal_(const Tensor& self, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal.inplace(self, offset, dim1, dim2); }
inline Tensor diagonal_scatter(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal_scatter(self, src, offset, dim1, dim2); }
inline Tensor diagonal_scatter_(const Tensor& self, const Tensor& src, int64_t offset = 0, int64_t dim1 = 0, int64_t dim2 = 1) { return op::diagonal_scatter.inplace(self, src, offset, dim1, dim2); }
inline Tensor digamma(const Tensor& self) { return op::digamma(self); }
inline Tensor digamma_(const Tensor& self) { return op::digamma.inplace(self); }
inline Tensor div(const Tensor& self, const Tensor& other) { return op::div(self, other); }
inline Tensor div_(const Tensor& self, const Tensor& other) { return op::div.inplace(self, other); }
inline Tensor div(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) { return op::div_mode(self, other, rounding_mode); }
inline Tensor div_(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode) { return op::div_mode.inplace(self, other, rounding_mode); }
inline Tensor divide(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode = std::nullopt) { return op::divide(self, other, rounding_mode); }
inline Tensor divide_(const Tensor& self, const Tensor& other, std::optional<std::string_view> rounding_mode = std::nullopt) { return op::divide.inplace(self, other, rounding_mode); }
inline Tensor dot(const Tensor& self, const Tensor& tensor) { return op::dot(self, tensor); }
inline Tensor dot_(const Tensor& self, const Tensor& tensor) { return op::dot.inplace(self, tensor); }
inline Tensor dropout(const Tensor& self, double p = 0.5, bool train = true) { return op::dropout(self, p, train); }
inline Tensor dropout_(const Tensor& self, double p = 0.5, bool train = true) { return op::dropout.inplace(self, p, train); }
inline Tensor dstack(TensorList tensors) { return op::dstack(tensors); }
inline Tensor elu(const Tensor& self, double alpha = 1.0) { return op::elu(self, alpha); }
inline Tensor elu_(const Tensor& self, double alpha = 1.0) { return op::elu.inplace(self, alpha); }
inline Tensor embedding(const Tensor& weight, const Tensor& indices, std::optional<int64_t> padding_idx = std::nullopt, bool scale_grad_by_freq = false, bool sparse = false) { return op::embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse); }
inline Tensor embedding_(const Tensor& weight, const Tensor& indices, std::optional<int64_t> padding_idx = std::nullopt, bool scale_grad_by_freq = false, bool sparse = false) { return op::embedding.inplace(weight, indices, padding_idx, scale_grad_by_freq, sparse); }
inline Tensor empty(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::empty(size, dtype, device); }
inline Tensor empty_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::empty_like(self, dtype, device, memory_format); }
inline Tensor empty_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::empty_like.inplace(self, dtype, device, memory_format); }
inline Tensor eq(const Tensor& self, const Tensor& other) { return op::eq(self, other); }
inline Tensor eq_(const Tensor& self, const Tensor& other) { return op::eq.inplace(self, other); }
inline Tensor erf(const Tensor& self) { return op::erf(self); }
inline Tensor erf_(const Tensor& self) { return op::erf.inplace(self); }
inline Tensor erfc(const Tensor& self) { return op::erfc(self); }
inline Tensor erfc_(const Tensor& self) { return op::erfc.inplace(self); }
inline Tensor erfinv(const Tensor& self) { return op::erfinv(self); }
inline Tensor erfinv_(const Tensor& self) { return op::erfinv.inplace(self); }
inline Tensor exp(const Tensor& self) { return op::exp(self); }
inline Tensor exp_(const Tensor& self) { return op::exp.inplace(self); }
inline Tensor exp2(const Tensor& self) { return op::exp2(self); }
inline Tensor exp2_(const Tensor& self) { return op::exp2.inplace(self); }
inline Tensor expand(const Tensor& self, IntSpan size) { return op::expand(self, size); }
inline Tensor expand_(const Tensor& self, IntSpan size) { return op::expand.inplace(self, size); }
inline Tensor expand_as(const Tensor& self, const Tensor& other) { return op::expand_as(self, other); }
inline Tensor expand_as_(const Tensor& self, const Tensor& other) { return op::expand_as.inplace(self, other); }
inline Tensor expm1(const Tensor& self) { return op::expm1(self); }
inline Tensor expm1_(const Tensor& self) { return op::expm1.inplace(self); }
inline Tensor exponential(const Tensor& self, double lambd = 1.0, const Generator& generator = {}) { return op::exponential(self, lambd, generator); }
inline Tensor exponential_(const Tensor& self, double lambd = 1.0, const Generator& generator = {}) { return op::exponential.inplace(self, lambd, generator); }
inline Tensor eye(int64_t n, int64_t m, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::eye_m(n, m, dtype, device); }
inline Tensor eye(int64_t n, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::eye(n, dtype, device); }
inline Tensor fill(const Tensor& self, const Tensor& value) { return op::fill(self, value); }
inline Tensor fill_(const Tensor& self, const Tensor& value) { return op::fill.inplace(self, value); }
inline Tensor fix(const Tensor& self) { return op::fix(self); }
inline Tensor fix_(const Tensor& self) { return op::fix.inplace(self); }
inline Tensor flatten(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { return op::flatten(self, start_dim, end_dim); }
inline Tensor flatten_(const Tensor& self, int64_t start_dim = 0, int64_t end_dim = -1) { return op::flatten.inplace(self, start_dim, end_dim); }
inline Tensor flip(const Tensor& self, IntSpan dims) { return op::flip(self, dims); }
inline Tensor flip_(const Tensor& self, IntSpan dims) { return op::flip.inplace(self, dims); }
inline Tensor fliplr(const Tensor& self) { return op::fliplr(self); }
inline Tensor fliplr_(const Tensor& self) { return op::fliplr.inplace(self); }
inline Tensor flipud(const Tensor& self) { return op::flipud(self); }
inline Tensor flipud_(const Tensor& self) { return op::flipud.inplace(self); }
inline Tensor floor(const Tensor& self) { return op::floor(self); }
inline Tensor floor_(const Tensor& self) { return op::floor.inplace(self); }
inline Tensor floor_divide(const Tensor& self, const Tensor& other) { return op::floor_divide(self, other); }
inline Tensor floor_divide_(const Tensor& self, const Tensor& other) { return op::floor_divide.inplace(self, other); }
inline Tensor fmax(const Tensor& self, const Tensor& other) { return op::fmax(self, other); }
inline Tensor fmax_(const Tensor& self, const Tensor& other) { return op::fmax.inplace(self, other); }
inline Tensor fmin(const Tensor& self, const Tensor& other) { return op::fmin(self, other); }
inline Tensor fmin_(const Tensor& self, const Tensor& other) { return op::fmin.inplace(self, other); }
inline Tensor fmod(const Tensor& self, const Tensor& other) { return op::fmod(self, other); }
inline Tensor fmod_(const Tensor& self, const Tensor& other) { return op::fmod.inplace(self, other); }
inline Tensor frac(const Tensor& self) { return op::frac(self); }
inline Tensor frac_(const Tensor& self) { return op::frac.inplace(self); }
inline Tensor full(IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::full(size, fill_value, dtype, device); }
inline Tensor full_like(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::full_like(self, fill_value, dtype, device, memory_format); }
inline Tensor full_like_(const Tensor& self, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::full_like.inplace(self, fill_value, dtype, device, memory_format); }
inline Tensor gather(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad = false) { return op::gather(self, dim, index, sparse_grad); }
inline Tensor gather_(const Tensor& self, int64_t dim, const Tensor& index, bool sparse_grad = false) { return op::gather.inplace(self, dim, index, sparse_grad); }
inline Tensor gaussian_nll_loss(const Tensor& self, const Tensor& target, const Tensor& var, bool full = false, double eps = 1e-06, std::string_view reduction = "mean") { return op::gaussian_nll_loss(self, target, var, full, eps, reduction); }
inline Tensor gaussian_nll_loss_(const Tensor& self, const Tensor& target, const Tensor& var, bool full = false, double eps = 1e-06, std::string_view reduction = "mean") { return op::gaussian_nll_loss.inplace(self, target, var, full, eps, reduction); }
inline Tensor ge(const Tensor& self, const Tensor& other) { return op::ge(self, other); }
inline Tensor ge_(const Tensor& self, const Tensor& other) { return op::ge.inplace(self, other); }
inline Tensor gelu(const Tensor& self, std::string_view approximate = "none") { return op::gelu(self, approximate); }
inline Tensor gelu_(const Tensor& self, std::string_view approximate = "none") { return op::gelu.inplace(self, approximate); }
inline Tensor geometric(const Tensor& self, double p, const Generator& generator = {}) { return op::geometric(self, p, generator); }
inline Tensor geometric_(const Tensor& self, double p, const Generator& generator = {}) { return op::geometric.inplace(self, p, generator); }
inline Tensor glu(const Tensor& self, int64_t dim = -1) { return op::glu(self, dim); }
inline Tensor glu_(const Tensor& self, int64_t dim = -1) { return op::glu.inplace(self, dim); }
inline Tensor greater(const Tensor& self, const Tensor& other) { return op::greater(self, other); }
inline Tensor greater_(const Tensor& self, const Tensor& other) { return op::greater.inplace(self, other); }
inline Tensor greater_equal(const Tensor& self, const Tensor& other) { return op::greater_equal(self, other); }
inline Tensor greater_equal_(const Tensor& self, const Tensor& other) { return op::greater_equal.inplace(self, other); }
inline Tensor group_norm(const Tensor& self, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::group_norm(self, num_groups, weight, bias, eps); }
inline Tensor group_norm_(const Tensor& self, int64_t num_groups, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::group_norm.inplace(self, num_groups, weight, bias, eps); }
inline Tensor gt(const Tensor& self, const Tensor& other) { return op::gt(self, other); }
inline Tensor gt_(const Tensor& self, const Tensor& other) { return op::gt.inplace(self, other); }
inline Tensor hardshrink(const Tensor& self, double lambd = 0.5) { return op::hardshrink(self, lambd); }
inline Tensor hardshrink_(const Tensor& self, double lambd = 0.5) { return op::hardshrink.inplace(self, lambd); }
inline Tensor hardsigmoid(const Tensor& self) { return op::hardsigmoid(self); }
inline Tensor hardsigmoid_(const Tensor& self) { return op::hardsigmoid.inplace(self); }
inline Tensor hardswish(const Tensor& self) { return op::hardswish(self); }
inline Tensor hardswish_(const Tensor& self) { return op::hardswish.inplace(self); }
inline Tensor hardtanh(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1) { return op::hardtanh(self, min_val, max_val); }
inline Tensor hardtanh_(const Tensor& self, const Scalar& min_val = -1, const Scalar& max_val = 1) { return op::hardtanh.inplace(self, min_val, max_val); }
inline Tensor heaviside(const Tensor& self, const Tensor& other) { return op::heaviside(self, other); }
inline Tensor heaviside_(const Tensor& self, const Tensor& other) { return op::heaviside.inplace(self, other); }
inline Tensor hinge_embedding_loss(const Tensor& self, const Tensor& target, double margin = 1.0, std::string_view reduction = "mean") { return op::hinge_embedding_loss(self, target, margin, reduction); }
inline Tensor hinge_embedding_loss_(const Tensor& self, const Tensor& target, double margin = 1.0, std::string_view reduction = "mean") { return op::hinge_embedding_loss.inplace(self, target, margin, reduction); }
inline Tensor histc(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0) { return op::histc(self, bins, min, max); }
inline Tensor histc_(const Tensor& self, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0) { return op::histc.inplace(self, bins, min, max); }
inline Tensor hstack(TensorList tensors) { return op::hstack(tensors); }
inline Tensor huber_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double delta = 1.0, const Tensor& weight = {}) { return op::huber_loss(self, target, reduction, delta, weight); }
inline Tensor huber_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double delta = 1.0, const Tensor& weight = {}) { return op::huber_loss.inplace(self, target, reduction, delta, weight); }
inline Tensor hypot(const Tensor& self, const Tensor& other) { return op::hypot(self, other); }
inline Tensor hypot_(const Tensor& self, const Tensor& other) { return op::hypot.inplace(self, other); }
inline Tensor imag(const Tensor& self) { return op::imag(self); }
inline Tensor imag_(const Tensor& self) { return op::imag.inplace(self); }
inline Tensor index(const Tensor& self, TensorList indices) { return op::index(self, indices); }
inline Tensor index_(const Tensor& self, TensorList indices) { return op::index.inplace(self, indices); }
inline Tensor index_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1) { return op::index_add(self, dim, index, source, alpha); }
inline Tensor index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source, const Scalar& alpha = 1) { return op::index_add.inplace(self, dim, index, source, alpha); }
inline Tensor index_copy(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) { return op::index_copy(self, dim, index, source); }
inline Tensor index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) { return op::index_copy.inplace(self, dim, index, source); }
inline Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::index_fill(self, dim, index, value); }
inline Tensor index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::index_fill.inplace(self, dim, index, value); }
inline Tensor index_fill(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) { return op::index_fill_tensor(self, dim, index, value); }
inline Tensor index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& value) { return op::index_fill_tensor.inplace(self, dim, index, value); }
inline Tensor index_put(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate = false) { return op::index_put(self, indices, values, accumulate); }
inline Tensor index_put_(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate = false) { return op::index_put.inplace(self, indices, values, accumulate); }
inline Tensor index_select(const Tensor& self, int64_t dim, const Tensor& index) { return op::index_select(self, dim, index); }
inline Tensor index_select_(const Tensor& self, int64_t dim, const Tensor& index) { return op::index_select.inplace(self, dim, index); }
inline Tensor inner(const Tensor& self, const Tensor& other) { return op::inner(self, other); }
inline Tensor inner_(const Tensor& self, const Tensor& other) { return op::inner.inplace(self, other); }
inline Tensor isclose(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { return op::isclose(self, other, rtol, atol, equal_nan); }
inline Tensor isclose_(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { return op::isclose.inplace(self, other, rtol, atol, equal_nan); }
inline Tensor isfinite(const Tensor& self) { return op::isfinite(self); }
inline Tensor isfinite_(const Tensor& self) { return op::isfinite.inplace(self); }
inline Tensor isinf(const Tensor& self) { return op::isinf(self); }
inline Tensor isinf_(const Tensor& self) { return op::isinf.inplace(self); }
inline Tensor isnan(const Tensor& self) { return op::isnan(self); }
inline Tensor isnan_(const Tensor& self) { return op::isnan.inplace(self); }
inline Tensor kl_div(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", bool log_target = false) { return op::kl_div(self, target, reduction, log_target); }
inline Tensor kl_div_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", bool log_target = false) { return op::kl_div.inplace(self, target, reduction, log_target); }
inline Tensor l1_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::l1_loss(self, target, reduction, weight); }
inline Tensor l1_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::l1_loss.inplace(self, target, reduction, weight); }
inline Tensor layer_norm(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::layer_norm(self, normalized_shape, weight, bias, eps); }
inline Tensor layer_norm_(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, const Tensor& bias = {}, double eps = 1e-05) { return op::layer_norm.inplace(self, normalized_shape, weight, bias, eps); }
inline Tensor le(const Tensor& self, const Tensor& other) { return op::le(self, other); }
inline Tensor le_(const Tensor& self, const Tensor& other) { return op::le.inplace(self, other); }
inline Tensor leaky_relu(const Tensor& self, double negative_slope = 0.01) { return op::leaky_relu(self, negative_slope); }
inline Tensor leaky_relu_(const Tensor& self, double negative_slope = 0.01) { return op::leaky_relu.inplace(self, negative_slope); }
inline Tensor lerp(const Tensor& self, const Tensor& end, const Tensor& weight) { return op::lerp(self, end, weight); }
inline Tensor lerp_(const Tensor& self, const Tensor& end, const Tensor& weight) { return op::lerp.inplace(self, end, weight); }
inline Tensor less(const Tensor& self, const Tensor& other) { return op::less(self, other); }
inline Tensor less_(const Tensor& self, const Tensor& other) { return op::less.inplace(self, other); }
inline Tensor less_equal(const Tensor& self, const Tensor& other) { return op::less_equal(self, other); }
inline Tensor less_equal_(const Tensor& self, const Tensor& other) { return op::less_equal.inplace(self, other); }
inline Tensor lgamma(const Tensor& self) { return op::lgamma(self); }
inline Tensor lgamma_(const Tensor& self) { return op::lgamma.inplace(self); }
inline Tensor linear(const Tensor& self, const Tensor& weight, const Tensor& bias = {}) { return op::linear_default(self, weight, bias); }
inline Tensor linear_(const Tensor& self, const Tensor& weight, const Tensor& bias = {}) { return op::linear_default.inplace(self, weight, bias); }
inline Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::linspace(start, end, steps, dtype, device); }
inline Tensor log(const Tensor& self) { return op::log(self); }
inline Tensor log_(const Tensor& self) { return op::log.inplace(self); }
inline Tensor log10(const Tensor& self) { return op::log10(self); }
inline Tensor log10_(const Tensor& self) { return op::log10.inplace(self); }
inline Tensor log1p(const Tensor& self) { return op::log1p(self); }
inline Tensor log1p_(const Tensor& self) { return op::log1p.inplace(self); }
inline Tensor log2(const Tensor& self) { return op::log2(self); }
inline Tensor log2_(const Tensor& self) { return op::log2.inplace(self); }
inline Tensor log_normal(const Tensor& self, double mean = 1.0, double std = 2.0, const Generator& generator = {}) { return op::log_normal(self, mean, std, generator); }
inline Tensor log_normal_(const Tensor& self, double mean = 1.0, double std = 2.0, const Generator& generator = {}) { return op::log_normal.inplace(self, mean, std, generator); }
inline Tensor log_softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::log_softmax(self, dim, dtype); }
inline Tensor log_softmax_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::log_softmax.inplace(self, dim, dtype); }
inline Tensor logaddexp(const Tensor& self, const Tensor& other) { return op::logaddexp(self, other); }
inline Tensor logaddexp_(const Tensor& self, const Tensor& other) { return op::logaddexp.inplace(self, other); }
inline Tensor logcumsumexp(const Tensor& self, int64_t dim) { return op::logcumsumexp(self, dim); }
inline Tensor logcumsumexp_(const Tensor& self, int64_t dim) { return op::logcumsumexp.inplace(self, dim); }
inline Tensor logical_and(const Tensor& self, const Tensor& other) { return op::logical_and(self, other); }
inline Tensor logical_and_(const Tensor& self, const Tensor& other) { return op::logical_and.inplace(self, other); }
inline Tensor logical_not(const Tensor& self) { return op::logical_not(self); }
inline Tensor logical_not_(const Tensor& self) { return op::logical_not.inplace(self); }
inline Tensor logical_or(const Tensor& self, const Tensor& other) { return op::logical_or(self, other); }
inline Tensor logical_or_(const Tensor& self, const Tensor& other) { return op::logical_or.inplace(self, other); }
inline Tensor logical_xor(const Tensor& self, const Tensor& other) { return op::logical_xor(self, other); }
inline Tensor logical_xor_(const Tensor& self, const Tensor& other) { return op::logical_xor.inplace(self, other); }
inline Tensor logit(const Tensor& self, std::optional<double> eps = std::nullopt) { return op::logit(self, eps); }
inline Tensor logit_(const Tensor& self, std::optional<double> eps = std::nullopt) { return op::logit.inplace(self, eps); }
inline Tensor logsigmoid(const Tensor& self) { return op::logsigmoid(self); }
inline Tensor logsigmoid_(const Tensor& self) { return op::logsigmoid.inplace(self); }
inline Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::logspace(start, end, steps, base, dtype, device); }
inline Tensor logsumexp(const Tensor& self, IntSpan dim, bool keepdim = false) { return op::logsumexp(self, dim, keepdim); }
inline Tensor logsumexp_(const Tensor& self, IntSpan dim, bool keepdim = false) { return op::logsumexp.inplace(self, dim, keepdim); }
inline Tensor lt(const Tensor& self, const Tensor& other) { return op::lt(self, other); }
inline Tensor lt_(const Tensor& self, const Tensor& other) { return op::lt.inplace(self, other); }
inline Tensor mT(const Tensor& self) { return op::mT(self); }
inline Tensor mT_(const Tensor& self) { return op::mT.inplace(self); }
inline Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::margin_ranking_loss(input1, input2, target, margin, reduction); }
inline Tensor margin_ranking_loss_(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::margin_ranking_loss.inplace(input1, input2, target, margin, reduction); }
inline Tensor masked_fill(const Tensor& self, const Tensor& mask, const Tensor& value) { return op::masked_fill(self, mask, value); }
inline Tensor masked_fill_(const Tensor& self, const Tensor& mask, const Tensor& value) { return op::masked_fill.inplace(self, mask, value); }
inline Tensor masked_scatter(const Tensor& self, const Tensor& mask, const Tensor& source) { return op::masked_scatter(self, mask, source); }
inline Tensor masked_scatter_(const Tensor& self, const Tensor& mask, const Tensor& source) { return op::masked_scatter.inplace(self, mask, source); }
inline Tensor masked_select(const Tensor& self, const Tensor& mask) { return op::masked_select(self, mask); }
inline Tensor masked_select_(const Tensor& self, const Tensor& mask) { return op::masked_select.inplace(self, mask); }
inline Tensor matmul(const Tensor& self, const Tensor& other) { return op::matmul(self, other); }
inline Tensor matmul_(const Tensor& self, const Tensor& other) { return op::matmul.inplace(self, other); }
inline Tensor max(const Tensor& self) { return op::max(self); }
inline Tensor max_(const Tensor& self) { return op::max.inplace(self); }
inline Tensor max(const Tensor& self, const Tensor& other) { return op::max_other(self, other); }
inline Tensor max_(const Tensor& self, const Tensor& other) { return op::max_other.inplace(self, other); }
inline Tensor max_pool1d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, bool ceil_mode = false) { return op::max_pool1d(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool1d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, bool ceil_mode = false) { return op::max_pool1d.inplace(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool2d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, bool ceil_mode = false) { return op::max_pool2d(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool2d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, bool ceil_mode = false) { return op::max_pool2d.inplace(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool3d(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, bool ceil_mode = false) { return op::max_pool3d(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor max_pool3d_(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, bool ceil_mode = false) { return op::max_pool3d.inplace(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline Tensor maximum(const Tensor& self, const Tensor& other) { return op::maximum(self, other); }
inline Tensor maximum_(const Tensor& self, const Tensor& other) { return op::maximum.inplace(self, other); }
inline Tensor mean(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::mean(self, dtype); }
inline Tensor mean_(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::mean.inplace(self, dtype); }
inline Tensor mean(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::mean_dim(self, dim, keepdim, dtype); }
inline Tensor mean_(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::mean_dim.inplace(self, dim, keepdim, dtype); }
inline Tensor median(const Tensor& self) { return op::median(self); }
inline Tensor median_(const Tensor& self) { return op::median.inplace(self); }
inline Tensor min(const Tensor& self) { return op::min(self); }
inline Tensor min_(const Tensor& self) { return op::min.inplace(self); }
inline Tensor min(const Tensor& self, const Tensor& other) { return op::min_other(self, other); }
inline Tensor min_(const Tensor& self, const Tensor& other) { return op::min_other.inplace(self, other); }
inline Tensor minimum(const Tensor& self, const Tensor& other) { return op::minimum(self, other); }
inline Tensor minimum_(const Tensor& self, const Tensor& other) { return op::minimum.inplace(self, other); }
inline Tensor mish(const Tensor& self) { return op::mish(self); }
inline Tensor mish_(const Tensor& self) { return op::mish.inplace(self); }
inline Tensor mm(const Tensor& self, const Tensor& mat2) { return op::mm(self, mat2); }
inline Tensor mm_(const Tensor& self, const Tensor& mat2) { return op::mm.inplace(self, mat2); }
inline Tensor moveaxis(const Tensor& self, IntSpan source, IntSpan destination) { return op::moveaxis(self, source, destination); }
inline Tensor moveaxis_(const Tensor& self, IntSpan source, IntSpan destination) { return op::moveaxis.inplace(self, source, destination); }
inline Tensor movedim(const Tensor& self, IntSpan source, IntSpan destination) { return op::movedim(self, source, destination); }
inline Tensor movedim_(const Tensor& self, IntSpan source, IntSpan destination) { return op::movedim.inplace(self, source, destination); }
inline Tensor mse_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::mse_loss(self, target, reduction, weight); }
inline Tensor mse_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::mse_loss.inplace(self, target, reduction, weight); }
inline Tensor msort(const Tensor& self) { return op::msort(self); }
inline Tensor msort_(const Tensor& self) { return op::msort.inplace(self); }
inline Tensor mul(const Tensor& self, const Tensor& other) { return op::mul(self, other); }
inline Tensor mul_(const Tensor& self, const Tensor& other) { return op::mul.inplace(self, other); }
inline Tensor multinomial(const Tensor& self, int64_t num_samples, bool replacement = false, const Generator& generator = {}) { return op::multinomial(self, num_samples, replacement, generator); }
inline Tensor multinomial_(const Tensor& self, int64_t num_samples, bool replacement = false, const Generator& generator = {}) { return op::multinomial.inplace(self, num_samples, replacement, generator); }
inline Tensor multiply(const Tensor& self, const Tensor& other) { return op::multiply(self, other); }
inline Tensor multiply_(const Tensor& self, const Tensor& other) { return op::multiply.inplace(self, other); }
inline Tensor mv(const Tensor& self, const Tensor& vec) { return op::mv(self, vec); }
inline Tensor mv_(const Tensor& self, const Tensor& vec) { return op::mv.inplace(self, vec); }
inline Tensor nan_to_num(const Tensor& self, std::optional<double> nan = std::nullopt, std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) { return op::nan_to_num(self, nan, posinf, neginf); }
inline Tensor nan_to_num_(const Tensor& self, std::optional<double> nan = std::nullopt, std::optional<double> posinf = std::nullopt, std::optional<double> neginf = std::nullopt) { return op::nan_to_num.inplace(self, nan, posinf, neginf); }
inline Tensor nanmean(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nanmean(self, dim, keepdim, dtype); }
inline Tensor nanmean_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nanmean.inplace(self, dim, keepdim, dtype); }
inline Tensor nanmedian(const Tensor& self) { return op::nanmedian(self); }
inline Tensor nanmedian_(const Tensor& self) { return op::nanmedian.inplace(self); }
inline Tensor nansum(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nansum(self, dim, keepdim, dtype); }
inline Tensor nansum_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::nansum.inplace(self, dim, keepdim, dtype); }
inline Tensor narrow(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return op::narrow(self, dim, start, length); }
inline Tensor narrow_(const Tensor& self, int64_t dim, int64_t start, int64_t length) { return op::narrow.inplace(self, dim, start, length); }
inline Tensor ne(const Tensor& self, const Tensor& other) { return op::ne(self, other); }
inline Tensor ne_(const Tensor& self, const Tensor& other) { return op::ne.inplace(self, other); }
inline Tensor neg(const Tensor& self) { return op::neg(self); }
inline Tensor neg_(const Tensor& self) { return op::neg.inplace(self); }
inline Tensor negative(const Tensor& self) { return op::negative(self); }
inline Tensor negative_(const Tensor& self) { return op::negative.inplace(self); }
inline Tensor new_empty(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_empty(self, size, dtype, device); }
inline Tensor new_empty_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_empty.inplace(self, size, dtype, device); }
inline Tensor new_full(const Tensor& self, IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_full(self, size, fill_value, dtype, device); }
inline Tensor new_full_(const Tensor& self, IntSpan size, const Scalar& fill_value, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_full.inplace(self, size, fill_value, dtype, device); }
inline Tensor new_ones(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_ones(self, size, dtype, device); }
inline Tensor new_ones_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_ones.inplace(self, size, dtype, device); }
inline Tensor new_zeros(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_zeros(self, size, dtype, device); }
inline Tensor new_zeros_(const Tensor& self, IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::new_zeros.inplace(self, size, dtype, device); }
inline Tensor nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean") { return op::nll_loss(self, target, weight, ignore_index, reduction); }
inline Tensor nll_loss_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean") { return op::nll_loss.inplace(self, target, weight, ignore_index, reduction); }
inline Tensor nonzero(const Tensor& self) { return op::nonzero(self); }
inline Tensor nonzero_(const Tensor& self) { return op::nonzero.inplace(self); }
inline Tensor norm(const Tensor& self, std::optional<Scalar> p = std::nullopt, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm(self, p, dim, keepdim, dtype); }
inline Tensor norm_(const Tensor& self, std::optional<Scalar> p = std::nullopt, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm.inplace(self, p, dim, keepdim, dtype); }
inline Tensor norm(const Tensor& self, std::string_view p, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm_str(self, p, dim, keepdim, dtype); }
inline Tensor norm_(const Tensor& self, std::string_view p, std::optional<IntSpan> dim = std::nullopt, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::norm_str.inplace(self, p, dim, keepdim, dtype); }
inline Tensor normal(const Tensor& mean, const Tensor& std, const Generator& generator = {}) { return op::normal(mean, std, generator); }
inline Tensor normal_(const Tensor& mean, const Tensor& std, const Generator& generator = {}) { return op::normal.inplace(mean, std, generator); }
inline Tensor normal(const Tensor& self, double mean = 0.0, double std = 1.0, const Generator& generator = {}) { return op::normal_fill(self, mean, std, generator); }
inline Tensor normal_(const Tensor& self, double mean = 0.0, double std = 1.0, const Generator& generator = {}) { return op::normal_fill.inplace(self, mean, std, generator); }
inline Tensor normal(double mean, const Tensor& std, const Generator& generator = {}) { return op::normal_float_Tensor(mean, std, generator); }
inline Tensor normal(double mean, double std, IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::normal_float_float(mean, std, size, generator, dtype, device); }
inline Tensor not_equal(const Tensor& self, const Tensor& other) { return op::not_equal(self, other); }
inline Tensor not_equal_(const Tensor& self, const Tensor& other) { return op::not_equal.inplace(self, other); }
inline Tensor one_hot(const Tensor& self, int64_t num_classes = -1) { return op::one_hot(self, num_classes); }
inline Tensor one_hot_(const Tensor& self, int64_t num_classes = -1) { return op::one_hot.inplace(self, num_classes); }
inline Tensor ones(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::ones(size, dtype, device); }
inline Tensor ones_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::ones_like(self, dtype, device, memory_format); }
inline Tensor ones_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::ones_like.inplace(self, dtype, device, memory_format); }
inline Tensor outer(const Tensor& self, const Tensor& vec2) { return op::outer(self, vec2); }
inline Tensor outer_(const Tensor& self, const Tensor& vec2) { return op::outer.inplace(self, vec2); }
inline Tensor pad(const Tensor& self, IntSpan pad, std::string_view mode = "constant", std::optional<Scalar> value = std::nullopt) { return op::pad(self, pad, mode, value); }
inline Tensor pad_(const Tensor& self, IntSpan pad, std::string_view mode = "constant", std::optional<Scalar> value = std::nullopt) { return op::pad.inplace(self, pad, mode, value); }
inline Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2.0, double eps = 1e-06, bool keepdim = false) { return op::pairwise_distance(x1, x2, p, eps, keepdim); }
inline Tensor pairwise_distance_(const Tensor& x1, const Tensor& x2, double p = 2.0, double eps = 1e-06, bool keepdim = false) { return op::pairwise_distance.inplace(x1, x2, p, eps, keepdim); }
inline Tensor permute(const Tensor& self, IntSpan dims) { return op::permute(self, dims); }
inline Tensor permute_(const Tensor& self, IntSpan dims) { return op::permute.inplace(self, dims); }
inline Tensor pixel_shuffle(const Tensor& self, int64_t upscale_factor) { return op::pixel_shuffle(self, upscale_factor); }
inline Tensor pixel_shuffle_(const Tensor& self, int64_t upscale_factor) { return op::pixel_shuffle.inplace(self, upscale_factor); }
inline Tensor pixel_unshuffle(const Tensor& self, int64_t downscale_factor) { return op::pixel_unshuffle(self, downscale_factor); }
inline Tensor pixel_unshuffle_(const Tensor& self, int64_t downscale_factor) { return op::pixel_unshuffle.inplace(self, downscale_factor); }
inline Tensor poisson_nll_loss(const Tensor& self, const Tensor& target, bool log_input = true, bool full = false, double eps = 1e-08, std::string_view reduction = "mean") { return op::poisson_nll_loss(self, target, log_input, full, eps, reduction); }
inline Tensor poisson_nll_loss_(const Tensor& self, const Tensor& target, bool log_input = true, bool full = false, double eps = 1e-08, std::string_view reduction = "mean") { return op::poisson_nll_loss.inplace(self, target, log_input, full, eps, reduction); }
inline Tensor polygamma(int64_t n, const Tensor& self) { return op::polygamma(n, self); }
inline Tensor positive(const Tensor& self) { return op::positive(self); }
inline Tensor positive_(const Tensor& self) { return op::positive.inplace(self); }
inline Tensor pow(const Tensor& self, const Tensor& exponent) { return op::pow(self, exponent); }
inline Tensor pow_(const Tensor& self, const Tensor& exponent) { return op::pow.inplace(self, exponent); }
inline Tensor prelu(const Tensor& self, const Tensor& weight) { return op::prelu(self, weight); }
inline Tensor prelu_(const Tensor& self, const Tensor& weight) { return op::prelu.inplace(self, weight); }
inline Tensor prod(const Tensor& self, int64_t dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::prod_dim_int(self, dim, keepdim, dtype); }
inline Tensor prod_(const Tensor& self, int64_t dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::prod_dim_int.inplace(self, dim, keepdim, dtype); }
inline Tensor prod(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::prod(self, dtype); }
inline Tensor prod_(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::prod.inplace(self, dtype); }
inline Tensor rad2deg(const Tensor& self) { return op::rad2deg(self); }
inline Tensor rad2deg_(const Tensor& self) { return op::rad2deg.inplace(self); }
inline Tensor rand(IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::rand(size, generator, dtype, device); }
inline Tensor rand_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::rand_like(self, dtype, device); }
inline Tensor rand_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::rand_like.inplace(self, dtype, device); }
inline Tensor randint(int64_t high, IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint(high, size, generator, dtype, device); }
inline Tensor randint(int64_t low, int64_t high, IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint_low(low, high, size, generator, dtype, device); }
inline Tensor randint_like(const Tensor& self, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint_like(self, high, dtype, device); }
inline Tensor randint_like_(const Tensor& self, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint_like.inplace(self, high, dtype, device); }
inline Tensor randint_like(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint_like_low(self, low, high, dtype, device); }
inline Tensor randint_like_(const Tensor& self, int64_t low, int64_t high, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randint_like_low.inplace(self, low, high, dtype, device); }
inline Tensor randn(IntSpan size, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randn(size, generator, dtype, device); }
inline Tensor randn_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randn_like(self, dtype, device); }
inline Tensor randn_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randn_like.inplace(self, dtype, device); }
inline Tensor random(const Tensor& self, const Generator& generator = {}) { return op::random(self, generator); }
inline Tensor random_(const Tensor& self, const Generator& generator = {}) { return op::random.inplace(self, generator); }
inline Tensor random(const Tensor& self, int64_t from, std::optional<int64_t> to, const Generator& generator = {}) { return op::random_from(self, from, to, generator); }
inline Tensor random_(const Tensor& self, int64_t from, std::optional<int64_t> to, const Generator& generator = {}) { return op::random_from.inplace(self, from, to, generator); }
inline Tensor random(const Tensor& self, int64_t to, const Generator& generator = {}) { return op::random_to(self, to, generator); }
inline Tensor random_(const Tensor& self, int64_t to, const Generator& generator = {}) { return op::random_to.inplace(self, to, generator); }
inline Tensor randperm(int64_t n, const Generator& generator = {}, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::randperm(n, generator, dtype, device); }
inline Tensor ravel(const Tensor& self) { return op::ravel(self); }
inline Tensor ravel_(const Tensor& self) { return op::ravel.inplace(self); }
inline Tensor real(const Tensor& self) { return op::real(self); }
inline Tensor real_(const Tensor& self) { return op::real.inplace(self); }
inline Tensor reciprocal(const Tensor& self) { return op::reciprocal(self); }
inline Tensor reciprocal_(const Tensor& self) { return op::reciprocal.inplace(self); }
inline Tensor relu(const Tensor& self) { return op::relu(self); }
inline Tensor relu_(const Tensor& self) { return op::relu.inplace(self); }
inline Tensor relu6(const Tensor& self) { return op::relu6(self); }
inline Tensor relu6_(const Tensor& self) { return op::relu6.inplace(self); }
inline Tensor remainder(const Tensor& self, const Tensor& other) { return op::remainder(self, other); }
inline Tensor remainder_(const Tensor& self, const Tensor& other) { return op::remainder.inplace(self, other); }
inline Tensor repeat(const Tensor& self, IntSpan repeats) { return op::repeat(self, repeats); }
inline Tensor repeat_(const Tensor& self, IntSpan repeats) { return op::repeat.inplace(self, repeats); }
inline Tensor repeat_interleave(const Tensor& repeats, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave(repeats, output_size); }
inline Tensor repeat_interleave_(const Tensor& repeats, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave.inplace(repeats, output_size); }
inline Tensor repeat_interleave(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_tensor(self, repeats, dim, output_size); }
inline Tensor repeat_interleave_(const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_tensor.inplace(self, repeats, dim, output_size); }
inline Tensor repeat_interleave(const Tensor& self, int64_t repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_int(self, repeats, dim, output_size); }
inline Tensor repeat_interleave_(const Tensor& self, int64_t repeats, std::optional<int64_t> dim = std::nullopt, std::optional<int64_t> output_size = std::nullopt) { return op::repeat_interleave_int.inplace(self, repeats, dim, output_size); }
inline Tensor reshape(const Tensor& self, IntSpan shape) { return op::reshape(self, shape); }
inline Tensor reshape_(const Tensor& self, IntSpan shape) { return op::reshape.inplace(self, shape); }
inline Tensor reshape_as(const Tensor& self, const Tensor& other) { return op::reshape_as(self, other); }
inline Tensor reshape_as_(const Tensor& self, const Tensor& other) { return op::reshape_as.inplace(self, other); }
inline Tensor rms_norm(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, std::optional<double> eps = std::nullopt) { return op::rms_norm(self, normalized_shape, weight, eps); }
inline Tensor rms_norm_(const Tensor& self, IntSpan normalized_shape, const Tensor& weight = {}, std::optional<double> eps = std::nullopt) { return op::rms_norm.inplace(self, normalized_shape, weight, eps); }
inline Tensor roll(const Tensor& self, IntSpan shifts, IntSpan dims = Dims{}) { return op::roll(self, shifts, dims); }
inline Tensor roll_(const Tensor& self, IntSpan shifts, IntSpan dims = Dims{}) { return op::roll.inplace(self, shifts, dims); }
inline Tensor rot90(const Tensor& self, int64_t k = 1, IntSpan dims = Dims{0, 1}) { return op::rot90(self, k, dims); }
inline Tensor rot90_(const Tensor& self, int64_t k = 1, IntSpan dims = Dims{0, 1}) { return op::rot90.inplace(self, k, dims); }
inline Tensor round(const Tensor& self, int64_t decimals = 0) { return op::round(self, decimals); }
inline Tensor round_(const Tensor& self, int64_t decimals = 0) { return op::round.inplace(self, decimals); }
inline Tensor rsqrt(const Tensor& self) { return op::rsqrt(self); }
inline Tensor rsqrt_(const Tensor& self) { return op::rsqrt.inplace(self); }
inline Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask = {}, double dropout_p = 0.0, bool is_causal = false, std::optional<double> scale = std::nullopt, bool enable_gqa = false) { return op::scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa); }
inline Tensor scaled_dot_product_attention_(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask = {}, double dropout_p = 0.0, bool is_causal = false, std::optional<double> scale = std::nullopt, bool enable_gqa = false) { return op::scaled_dot_product_attention.inplace(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::scatter_value(self, dim, index, value); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) { return op::scatter_value.inplace(self, dim, index, value); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter(self, dim, index, src); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter.inplace(self, dim, index, src); }
inline Tensor scatter(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) { return op::scatter_reduce_src(self, dim, index, src, reduce); }
inline Tensor scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce) { return op::scatter_reduce_src.inplace(self, dim, index, src, reduce); }
inline Tensor scatter_add(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter_add(self, dim, index, src); }
inline Tensor scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) { return op::scatter_add.inplace(self, dim, index, src); }
inline Tensor scatter_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self = true) { return op::scatter_reduce(self, dim, index, src, reduce, include_self); }
inline Tensor scatter_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src, std::string_view reduce, bool include_self = true) { return op::scatter_reduce.inplace(self, dim, index, src, reduce, include_self); }
inline Tensor searchsorted(const Tensor& sorted_sequence, const Tensor& self, bool out_int32 = false, bool right = false, std::optional<std::string_view> side = std::nullopt, const Tensor& sorter = {}) { return op::searchsorted(sorted_sequence, self, out_int32, right, side, sorter); }
inline Tensor searchsorted_(const Tensor& sorted_sequence, const Tensor& self, bool out_int32 = false, bool right = false, std::optional<std::string_view> side = std::nullopt, const Tensor& sorter = {}) { return op::searchsorted.inplace(sorted_sequence, self, out_int32, right, side, sorter); }
inline Tensor select(const Tensor& self, int64_t dim, int64_t index) { return op::select(self, dim, index); }
inline Tensor select_(const Tensor& self, int64_t dim, int64_t index) { return op::select.inplace(self, dim, index); }
inline Tensor select_scatter(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return op::select_scatter(self, src, dim, index); }
inline Tensor select_scatter_(const Tensor& self, const Tensor& src, int64_t dim, int64_t index) { return op::select_scatter.inplace(self, src, dim, index); }
inline Tensor selu(const Tensor& self) { return op::selu(self); }
inline Tensor selu_(const Tensor& self) { return op::selu.inplace(self); }
inline Tensor sgn(const Tensor& self) { return op::sgn(self); }
inline Tensor sgn_(const Tensor& self) { return op::sgn.inplace(self); }
inline Tensor sigmoid(const Tensor& self) { return op::sigmoid(self); }
inline Tensor sigmoid_(const Tensor& self) { return op::sigmoid.inplace(self); }
inline Tensor sign(const Tensor& self) { return op::sign(self); }
inline Tensor sign_(const Tensor& self) { return op::sign.inplace(self); }
inline Tensor signbit(const Tensor& self) { return op::signbit(self); }
inline Tensor signbit_(const Tensor& self) { return op::signbit.inplace(self); }
inline Tensor silu(const Tensor& self) { return op::silu(self); }
inline Tensor silu_(const Tensor& self) { return op::silu.inplace(self); }
inline Tensor sin(const Tensor& self) { return op::sin(self); }
inline Tensor sin_(const Tensor& self) { return op::sin.inplace(self); }
inline Tensor sinh(const Tensor& self) { return op::sinh(self); }
inline Tensor sinh_(const Tensor& self) { return op::sinh.inplace(self); }
inline Tensor slice(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice(self, dim, start, end, step); }
inline Tensor slice_(const Tensor& self, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice.inplace(self, dim, start, end, step); }
inline Tensor slice_scatter(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice_scatter(self, src, dim, start, end, step); }
inline Tensor slice_scatter_(const Tensor& self, const Tensor& src, int64_t dim = 0, std::optional<int64_t> start = std::nullopt, std::optional<int64_t> end = std::nullopt, int64_t step = 1) { return op::slice_scatter.inplace(self, src, dim, start, end, step); }
inline Tensor smooth_l1_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double beta = 1.0) { return op::smooth_l1_loss(self, target, reduction, beta); }
inline Tensor smooth_l1_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double beta = 1.0) { return op::smooth_l1_loss.inplace(self, target, reduction, beta); }
inline Tensor softmax(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmax(self, dim, dtype); }
inline Tensor softmax_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmax.inplace(self, dim, dtype); }
inline Tensor softmin(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmin(self, dim, dtype); }
inline Tensor softmin_(const Tensor& self, int64_t dim, std::optional<DType> dtype = std::nullopt) { return op::softmin.inplace(self, dim, dtype); }
inline Tensor softplus(const Tensor& self, double beta = 1.0, double threshold = 20.0) { return op::softplus(self, beta, threshold); }
inline Tensor softplus_(const Tensor& self, double beta = 1.0, double threshold = 20.0) { return op::softplus.inplace(self, beta, threshold); }
inline Tensor softshrink(const Tensor& self, double lambd = 0.5) { return op::softshrink(self, lambd); }
inline Tensor softshrink_(const Tensor& self, double lambd = 0.5) { return op::softshrink.inplace(self, lambd); }
inline Tensor softsign(const Tensor& self) { return op::softsign(self); }
inline Tensor softsign_(const Tensor& self) { return op::softsign.inplace(self); }
inline Tensor sqrt(const Tensor& self) { return op::sqrt(self); }
inline Tensor sqrt_(const Tensor& self) { return op::sqrt.inplace(self); }
inline Tensor square(const Tensor& self) { return op::square(self); }
inline Tensor square_(const Tensor& self) { return op::square.inplace(self); }
inline Tensor squeeze(const Tensor& self) { return op::squeeze(self); }
inline Tensor squeeze_(const Tensor& self) { return op::squeeze.inplace(self); }
inline Tensor squeeze(const Tensor& self, IntSpan dim) { return op::squeeze_dim(self, dim); }
inline Tensor squeeze_(const Tensor& self, IntSpan dim) { return op::squeeze_dim.inplace(self, dim); }
inline Tensor stack(TensorList tensors, int64_t dim = 0) { return op::stack(tensors, dim); }
inline Tensor std(const Tensor& self, bool unbiased = true) { return op::std(self, unbiased); }
inline Tensor std_(const Tensor& self, bool unbiased = true) { return op::std.inplace(self, unbiased); }
inline Tensor std(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::std_correction(self, dim, correction, keepdim); }
inline Tensor std_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::std_correction.inplace(self, dim, correction, keepdim); }
inline Tensor std(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::std_dim(self, dim, unbiased, keepdim); }
inline Tensor std_(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::std_dim.inplace(self, dim, unbiased, keepdim); }
inline Tensor sub(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub(self, other, alpha); }
inline Tensor sub_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::sub.inplace(self, other, alpha); }
inline Tensor subtract(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::subtract(self, other, alpha); }
inline Tensor subtract_(const Tensor& self, const Tensor& other, const Scalar& alpha = 1) { return op::subtract.inplace(self, other, alpha); }
inline Tensor sum(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::sum(self, dtype); }
inline Tensor sum_(const Tensor& self, std::optional<DType> dtype = std::nullopt) { return op::sum.inplace(self, dtype); }
inline Tensor sum(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::sum_dim(self, dim, keepdim, dtype); }
inline Tensor sum_(const Tensor& self, std::optional<IntSpan> dim, bool keepdim = false, std::optional<DType> dtype = std::nullopt) { return op::sum_dim.inplace(self, dim, keepdim, dtype); }
inline Tensor swapaxes(const Tensor& self, int64_t axis0, int64_t axis1) { return op::swapaxes(self, axis0, axis1); }
inline Tensor swapaxes_(const Tensor& self, int64_t axis0, int64_t axis1) { return op::swapaxes.inplace(self, axis0, axis1); }
inline Tensor swapdims(const Tensor& self, int64_t dim0, int64_t dim1) { return op::swapdims(self, dim0, dim1); }
inline Tensor swapdims_(const Tensor& self, int64_t dim0, int64_t dim1) { return op::swapdims.inplace(self, dim0, dim1); }
inline Tensor t(const Tensor& self) { return op::t(self); }
inline Tensor t_(const Tensor& self) { return op::t.inplace(self); }
inline Tensor take(const Tensor& self, const Tensor& index) { return op::take(self, index); }
inline Tensor take_(const Tensor& self, const Tensor& index) { return op::take.inplace(self, index); }
inline Tensor take_along_dim(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim = std::nullopt) { return op::take_along_dim(self, indices, dim); }
inline Tensor take_along_dim_(const Tensor& self, const Tensor& indices, std::optional<int64_t> dim = std::nullopt) { return op::take_along_dim.inplace(self, indices, dim); }
inline Tensor tan(const Tensor& self) { return op::tan(self); }
inline Tensor tan_(const Tensor& self) { return op::tan.inplace(self); }
inline Tensor tanh(const Tensor& self) { return op::tanh(self); }
inline Tensor tanh_(const Tensor& self) { return op::tanh.inplace(self); }
inline Tensor tanhshrink(const Tensor& self) { return op::tanhshrink(self); }
inline Tensor tanhshrink_(const Tensor& self) { return op::tanhshrink.inplace(self); }
inline Tensor threshold(const Tensor& self, const Scalar& threshold, const Scalar& value) { return op::threshold(self, threshold, value); }
inline Tensor threshold_(const Tensor& self, const Scalar& threshold, const Scalar& value) { return op::threshold.inplace(self, threshold, value); }
inline Tensor tile(const Tensor& self, IntSpan dims) { return op::tile(self, dims); }
inline Tensor tile_(const Tensor& self, IntSpan dims) { return op::tile.inplace(self, dims); }
inline Tensor trace(const Tensor& self) { return op::trace(self); }
inline Tensor trace_(const Tensor& self) { return op::trace.inplace(self); }
inline Tensor transpose(const Tensor& self, int64_t dim0, int64_t dim1) { return op::transpose(self, dim0, dim1); }
inline Tensor transpose_(const Tensor& self, int64_t dim0, int64_t dim1) { return op::transpose.inplace(self, dim0, dim1); }
inline Tensor tril(const Tensor& self, int64_t diagonal = 0) { return op::tril(self, diagonal); }
inline Tensor tril_(const Tensor& self, int64_t diagonal = 0) { return op::tril.inplace(self, diagonal); }
inline Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::tril_indices(row, col, offset, dtype, device); }
inline Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1.0, double p = 2.0, double eps = 1e-06, bool swap = false, std::string_view reduction = "mean") { return op::triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction); }
inline Tensor triplet_margin_loss_(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1.0, double p = 2.0, double eps = 1e-06, bool swap = false, std::string_view reduction = "mean") { return op::triplet_margin_loss.inplace(anchor, positive, negative, margin, p, eps, swap, reduction); }
inline Tensor triu(const Tensor& self, int64_t diagonal = 0) { return op::triu(self, diagonal); }
inline Tensor triu_(const Tensor& self, int64_t diagonal = 0) { return op::triu.inplace(self, diagonal); }
inline Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::triu_indices(row, col, offset, dtype, device); }
inline Tensor true_divide(const Tensor& self, const Tensor& other) { return op::true_divide(self, other); }
inline Tensor true_divide_(const Tensor& self, const Tensor& other) { return op::true_divide.inplace(self, other); }
inline Tensor trunc(const Tensor& self) { return op::trunc(self); }
inline Tensor trunc_(const Tensor& self) { return op::trunc.inplace(self); }
inline Tensor unflatten(const Tensor& self, int64_t dim, IntSpan sizes) { return op::unflatten(self, dim, sizes); }
inline Tensor unflatten_(const Tensor& self, int64_t dim, IntSpan sizes) { return op::unflatten.inplace(self, dim, sizes); }
inline Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return op::unfold(self, dimension, size, step); }
inline Tensor unfold_(const Tensor& self, int64_t dimension, int64_t size, int64_t step) { return op::unfold.inplace(self, dimension, size, step); }
inline Tensor uniform(const Tensor& self, double from = 0.0, double to = 1.0, const Generator& generator = {}) { return op::uniform(self, from, to, generator); }
inline Tensor uniform_(const Tensor& self, double from = 0.0, double to = 1.0, const Generator& generator = {}) { return op::uniform.inplace(self, from, to, generator); }
inline Tensor unsqueeze(const Tensor& self, int64_t dim) { return op::unsqueeze(self, dim); }
inline Tensor unsqueeze_(const Tensor& self, int64_t dim) { return op::unsqueeze.inplace(self, dim); }
inline Tensor var(const Tensor& self, bool unbiased = true) { return op::var(self, unbiased); }
inline Tensor var_(const Tensor& self, bool unbiased = true) { return op::var.inplace(self, unbiased); }
inline Tensor var(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::var_correction(self, dim, correction, keepdim); }
inline Tensor var_(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::var_correction.inplace(self, dim, correction, keepdim); }
inline Tensor var(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::var_dim(self, dim, unbiased, keepdim); }
inline Tensor var_(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::var_dim.inplace(self, dim, unbiased, keepdim); }
inline Tensor vdot(const Tensor& self, const Tensor& other) { return op::vdot(self, other); }
inline Tensor vdot_(const Tensor& self, const Tensor& other) { return op::vdot.inplace(self, other); }
inline Tensor view(const Tensor& self, DType dtype) { return op::view_dtype(self, dtype); }
inline Tensor view_(const Tensor& self, DType dtype) { return op::view_dtype.inplace(self, dtype); }
inline Tensor view(const Tensor& self, IntSpan size) { return op::view(self, size); }
inline Tensor view_(const Tensor& self, IntSpan size) { return op::view.inplace(self, size); }
inline Tensor view_as(const Tensor& self, const Tensor& other) { return op::view_as(self, other); }
inline Tensor view_as_(const Tensor& self, const Tensor& other) { return op::view_as.inplace(self, other); }
inline Tensor view_as_complex(const Tensor& self) { return op::view_as_complex(self); }
inline Tensor view_as_complex_(const Tensor& self) { return op::view_as_complex.inplace(self); }
inline Tensor view_as_real(const Tensor& self) { return op::view_as_real(self); }
inline Tensor view_as_real_(const Tensor& self) { return op::view_as_real.inplace(self); }
inline Tensor vstack(TensorList tensors) { return op::vstack(tensors); }
inline Tensor where(const Tensor& condition, const Tensor& self, const Tensor& other) { return op::where(condition, self, other); }
inline Tensor where_(const Tensor& condition, const Tensor& self, const Tensor& other) { return op::where.inplace(condition, self, other); }
inline Tensor xlogy(const Tensor& self, const Tensor& other) { return op::xlogy(self, other); }
inline Tensor xlogy_(const Tensor& self, const Tensor& other) { return op::xlogy.inplace(self, other); }
inline Tensor zero(const Tensor& self) { return op::zero(self); }
inline Tensor zero_(const Tensor& self) { return op::zero.inplace(self); }
inline Tensor zeros(IntSpan size, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt) { return op::zeros(size, dtype, device); }
inline Tensor zeros_like(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::zeros_like(self, dtype, device, memory_format); }
inline Tensor zeros_like_(const Tensor& self, std::optional<DType> dtype = std::nullopt, std::optional<Device> device = std::nullopt, std::optional<MemoryFormat> memory_format = std::nullopt) { return op::zeros_like.inplace(self, dtype, device, memory_format); }
inline bool allclose(const Tensor& self, const Tensor& other, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) { return op::allclose(self, other, rtol, atol, equal_nan); }
inline bool equal(const Tensor& self, const Tensor& other) { return op::equal(self, other); }
inline std::tuple<Tensor, Tensor, Tensor> _batch_norm(const Tensor& self, const Tensor& weight, const Tensor& bias, double eps) { return op::_batch_norm(self, weight, bias, eps); }
inline std::tuple<Tensor, Tensor, Tensor> _batch_norm_backward(const Tensor& self, const Tensor& input, const Tensor& weight, const Tensor& mean, const Tensor& var, double eps) { return op::_batch_norm_backward(self, input, weight, mean, var, eps); }
inline std::tuple<Tensor, Tensor, Tensor> _layer_norm_rows(const Tensor& self, const Tensor& weight, const Tensor& bias, double eps, bool center) { return op::_layer_norm_rows(self, weight, bias, eps, center); }
inline std::tuple<Tensor, Tensor, Tensor> _layer_norm_rows_backward(const Tensor& self, const Tensor& input, const Tensor& mean, const Tensor& rstd, const Tensor& weight, bool center, bool need_input, bool need_weight, bool need_bias) { return op::_layer_norm_rows_backward(self, input, mean, rstd, weight, center, need_input, need_weight, need_bias); }
inline std::tuple<Tensor, Tensor, Tensor> _unique(const Tensor& self, std::optional<int64_t> dim = std::nullopt) { return op::_unique(self, dim); }
inline std::tuple<Tensor, Tensor> _adaptive_max_pool(const Tensor& self, IntSpan output_size) { return op::_adaptive_max_pool(self, output_size); }
inline std::tuple<Tensor, Tensor> _cross_entropy_rows(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore_index, double label_smoothing) { return op::_cross_entropy_rows(self, target, weight, ignore_index, label_smoothing); }
inline std::tuple<Tensor, Tensor> _lstm_step(const Tensor& gates, const Tensor& c) { return op::_lstm_step(gates, c); }
inline std::tuple<Tensor, Tensor> _max_pool(const Tensor& self, IntSpan kernel_size, IntSpan stride, IntSpan padding, IntSpan dilation, bool ceil_mode) { return op::_max_pool(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> adaptive_max_pool1d(const Tensor& self, IntSpan output_size) { return op::adaptive_max_pool1d(self, output_size); }
inline std::tuple<Tensor, Tensor> adaptive_max_pool2d(const Tensor& self, IntSpan output_size) { return op::adaptive_max_pool2d(self, output_size); }
inline std::tuple<Tensor, Tensor> aminmax(const Tensor& self, std::optional<int64_t> dim = std::nullopt, bool keepdim = false) { return op::aminmax(self, dim, keepdim); }
inline std::tuple<Tensor, Tensor> cummax(const Tensor& self, int64_t dim) { return op::cummax(self, dim); }
inline std::tuple<Tensor, Tensor> cummin(const Tensor& self, int64_t dim) { return op::cummin(self, dim); }
inline std::tuple<Tensor, Tensor> kthvalue(const Tensor& self, int64_t k, int64_t dim = -1, bool keepdim = false) { return op::kthvalue(self, k, dim, keepdim); }
inline std::tuple<Tensor, Tensor> max(const Tensor& self, int64_t dim, bool keepdim = false) { return op::max_dim(self, dim, keepdim); }
inline std::tuple<Tensor, Tensor> max_pool1d_with_indices(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0}, IntSpan dilation = Dims{1}, bool ceil_mode = false) { return op::max_pool1d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> max_pool2d_with_indices(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0}, IntSpan dilation = Dims{1, 1}, bool ceil_mode = false) { return op::max_pool2d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> max_pool3d_with_indices(const Tensor& self, IntSpan kernel_size, std::optional<IntSpan> stride = std::nullopt, IntSpan padding = Dims{0, 0, 0}, IntSpan dilation = Dims{1, 1, 1}, bool ceil_mode = false) { return op::max_pool3d_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode); }
inline std::tuple<Tensor, Tensor> median(const Tensor& self, int64_t dim, bool keepdim = false) { return op::median_dim(self, dim, keepdim); }
inline std::tuple<Tensor, Tensor> min(const Tensor& self, int64_t dim, bool keepdim = false) { return op::min_dim(self, dim, keepdim); }
inline std::tuple<Tensor, Tensor> nanmedian(const Tensor& self, int64_t dim, bool keepdim = false) { return op::nanmedian_dim(self, dim, keepdim); }
inline std::tuple<Tensor, Tensor> sort(const Tensor& self, int64_t dim = -1, bool descending = false, bool stable = false) { return op::sort(self, dim, descending, stable); }
inline std::tuple<Tensor, Tensor> std_mean(const Tensor& self, bool unbiased = true) { return op::std_mean(self, unbiased); }
inline std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::std_mean_correction(self, dim, correction, keepdim); }
inline std::tuple<Tensor, Tensor> std_mean(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::std_mean_dim(self, dim, unbiased, keepdim); }
inline std::tuple<Tensor, Tensor> topk(const Tensor& self, int64_t k, int64_t dim = -1, bool largest = true, bool sorted = true) { return op::topk(self, k, dim, largest, sorted); }
inline std::tuple<Tensor, Tensor> var_mean(const Tensor& self, bool unbiased = true) { return op::var_mean(self, unbiased); }
inline std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<IntSpan> dim = std::nullopt, std::optional<Scalar> correction = std::nullopt, bool keepdim = false) { return op::var_mean_correction(self, dim, correction, keepdim); }
inline std::tuple<Tensor, Tensor> var_mean(const Tensor& self, std::optional<IntSpan> dim, bool unbiased = true, bool keepdim = false) { return op::var_mean_dim(self, dim, unbiased, keepdim); }
inline std::vector<Tensor> broadcast_tensors(TensorList tensors) { return op::broadcast_tensors(tensors); }
inline std::vector<Tensor> chunk(const Tensor& self, int64_t chunks, int64_t dim = 0) { return op::chunk(self, chunks, dim); }
inline std::vector<Tensor> meshgrid(TensorList tensors, std::string_view indexing = "ij") { return op::meshgrid(tensors, indexing); }
inline std::vector<Tensor> split(const Tensor& self, IntSpan split_size, int64_t dim = 0) { return op::split_sizes(self, split_size, dim); }
inline std::vector<Tensor> split(const Tensor& self, int64_t split_size, int64_t dim = 0) { return op::split(self, split_size, dim); }
inline std::vector<Tensor> split_with_sizes(const Tensor& self, IntSpan split_sizes, int64_t dim = 0) { return op::split_with_sizes(self, split_sizes, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, IntSpan indices_or_sections, int64_t dim = 0) { return op::tensor_split_indices(self, indices_or_sections, dim); }
inline std::vector<Tensor> tensor_split(const Tensor& self, int64_t indices_or_sections, int64_t dim = 0) { return op::tensor_split(self, indices_or_sections, dim); }
inline std::vector<Tensor> unbind(const Tensor& self, int64_t dim = 0) { return op::unbind(self, dim); }
inline std::vector<Tensor> where(const Tensor& condition) { return op::where_condition(condition); }
inline void _foreach_mul_(TensorList tensors, const Tensor& scale) { return op::_foreach_mul_(tensors, scale); }
inline void _foreach_zero_(TensorList tensors) { return op::_foreach_zero_(tensors); }
inline void _fused_adam_(TensorList params, TensorList grads, TensorList exp_avgs, TensorList exp_avg_sqs, TensorList max_exp_avg_sqs, int64_t step, double lr, double beta1, double beta2, double eps, double weight_decay, bool amsgrad, bool maximize, bool decoupled) { return op::_fused_adam_(params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, step, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled); }
inline void _fused_rmsprop_(TensorList params, TensorList grads, TensorList square_avgs, TensorList grad_avgs, TensorList momentum_buffers, double lr, double alpha, double eps, double weight_decay, double momentum, bool centered, bool maximize) { return op::_fused_rmsprop_(params, grads, square_avgs, grad_avgs, momentum_buffers, lr, alpha, eps, weight_decay, momentum, centered, maximize); }
inline void _fused_sgd_(TensorList params, TensorList grads, TensorList momentum_buffers, double lr, double momentum, double dampening, double weight_decay, bool nesterov, bool maximize, bool first_step) { return op::_fused_sgd_(params, grads, momentum_buffers, lr, momentum, dampening, weight_decay, nesterov, maximize, first_step); }
}  // namespace plait
// clang-format on
