// Which ops an autocast region converts the arguments of, and to what.
//
// The lists are those of PyTorch 2.13 (CUDA: ATen/autocast_mode.h; CPU: what PyTorch does), as far as plait
// has the ops. They differ between the devices: on CUDA, float16 overflows where bfloat16, the CPU's default,
// does not. Ops that promote mixed dtypes themselves (`cat`, `stack`, arithmetic) need not be listed.
// Functions that are written in Python have their policies there (bindings/plait/_autocast.py).
#include "ops/autocast.h"

#include <cctype>

#include "ops/cross_entropy.h"
#include "ops/layer_norm.h"
#include "ops/ops.h"

namespace plait::autocast {
namespace {

// An argument as its op gets it.
template <class T>
struct Converted {
  Converted(T arg, const Target&) : arg(arg) {}
  T get() const { return arg; }
  T arg;
};
template <>
struct Converted<const Tensor&> {
  Converted(const Tensor& given, const Target& target) : given(given) {
    if (target.takes(given)) own = convert(given, target.dtype);
  }
  const Tensor& get() const { return own.defined() ? own : given; }
  const Tensor& given;
  Tensor own;
};
template <>
struct Converted<TensorList> {
  Converted(TensorList given, const Target& target) : own(given.begin(), given.end()) {
    for (Tensor& t : own)
      if (target.takes(t)) t = convert(t, target.dtype);
  }
  TensorList get() const { return own; }
  std::vector<Tensor> own;
};

template <class R, class... A>
R call_converted(const Op<R(A...)>& op, const Target& target, std::type_identity_t<A>... a) {
  return op(Converted<A>(static_cast<A>(a), target).get()...);
}

// The widest dtype among the tensors that the region may convert.
struct WidestOf {
  const Target& target;
  std::optional<DType> dtype;

  void operator()(const Tensor& t) {
    if (target.may_take(t)) dtype = dtype ? promote(*dtype, t.dtype()) : t.dtype();
  }
  void operator()(TensorList list) {
    for (const Tensor& t : list) (*this)(t);
  }
  template <class T>
  void operator()(const T&) {}
};

const Tensor& first_of(const Tensor& self, const auto&...) { return self; }

// float32 for a dtype argument that was not given; other arguments as they are.
template <class T>
T with_float32(T arg) {
  if constexpr (std::is_same_v<T, std::optional<DType>>)
    return arg ? arg : DType::Float32;
  else
    return static_cast<T>(arg);
}

template <Policy policy, class R, class... A>
R call_as(const Op<R(A...)>& op, Target target, std::type_identity_t<A>... a) {
  if constexpr (policy == Policy::Refuse) {
    refuse(op);
  } else if constexpr (policy == Policy::Lower) {
    return call_converted(op, target, static_cast<A>(a)...);
  } else if constexpr (policy == Policy::Float32) {
    target.dtype = DType::Float32;
    return call_converted(op, target, static_cast<A>(a)...);
  } else if constexpr (policy == Policy::Widest) {
    WidestOf widest{target, {}};
    (widest(a), ...);
    target.dtype = widest.dtype.value_or(target.dtype);
    return call_converted(op, target, static_cast<A>(a)...);
  } else if constexpr (policy == Policy::Float32Result) {
    if (target.may_take(first_of(a...))) return op(with_float32<A>(a)...);
    return op(static_cast<A>(a)...);
  } else {
    return op(static_cast<A>(a)...);
  }
}

template <class Sig, Policy cpu, Policy cuda>
struct Listed;
template <class R, class... A, Policy cpu, Policy cuda>
struct Listed<R(A...), cpu, cuda> {
  static R call(const Op<R(A...)>& op, A... a) {
    const Target target = target_of((Arg<A>::keys(a) | ...));
    const Masked masked;
    if (target && target.type == DeviceType::CPU) return call_as<cpu>(op, target, static_cast<A>(a)...);
    if (target) return call_as<cuda>(op, target, static_cast<A>(a)...);
    return op(static_cast<A>(a)...);
  }
};

template <Policy cpu, Policy cuda, class... Sig>
void list(Op<Sig>&... ops) {
  (ops.set_entry(Key::Autocast, &Listed<Sig, cpu, cuda>::call), ...);
}

// Two vectors have their dot product, which the CPU's list leaves as it is; anything else is a matrix
// product.
Tensor call_inner(const Op<Tensor(const Tensor&, const Tensor&)>& op, const Tensor& a, const Tensor& b) {
  const Target target = target_of(Arg<const Tensor&>::keys(a) | Arg<const Tensor&>::keys(b));
  const Masked masked;
  if (target && target.type == DeviceType::CUDA) return call_as<Policy::Widest>(op, target, a, b);
  const bool product = a.defined() && b.defined() && a.dim() > 0 && b.dim() > 0 && a.dim() + b.dim() > 2;
  return target && product ? call_as<Policy::Lower>(op, target, a, b) : op(a, b);
}

// Does an index of two operands go? Then there is a matrix product.
bool contracts(std::string_view equation) {
  const size_t arrow = equation.find("->");
  const std::string_view inputs = equation.substr(0, arrow);
  const std::string_view output = arrow == equation.npos ? std::string_view() : equation.substr(arrow + 2);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!std::isalpha(static_cast<unsigned char>(inputs[i])) || output.find(inputs[i]) != output.npos)
      continue;
    const size_t comma = inputs.find(',', i);
    if (comma != inputs.npos && inputs.find(inputs[i], comma) != inputs.npos) return true;
  }
  return false;
}

// The CPU's list has the product within, not einsum.
Tensor call_einsum(const Op<Tensor(std::string_view, TensorList)>& op, std::string_view equation,
                   TensorList tensors) {
  const Target target = target_of(Arg<TensorList>::keys(tensors));
  const Masked masked;
  if (!target || (target.type == DeviceType::CPU && !contracts(equation))) return op(equation, tensors);
  return call_as<Policy::Lower>(op, target, equation, tensors);
}

// On the CPU the paddings that read the input at another place are computed in float32: those that PyTorch
// has kernels for.
using PadOp = Op<Tensor(const Tensor&, IntSpan, std::string_view, std::optional<Scalar>)>;
Tensor call_pad(const PadOp& op, const Tensor& self, IntSpan widths, std::string_view mode,
                std::optional<Scalar> value) {
  const Target target = target_of(Arg<const Tensor&>::keys(self));
  const Masked masked;
  const bool listed = mode == "replicate" || (mode == "reflect" && widths.size() <= 4);
  if (target && target.type == DeviceType::CPU && listed)
    return call_as<Policy::Float32>(op, target, self, widths, mode, value);
  return op(self, widths, mode, value);
}

// Losses in float32, without a copy of the logits in it.
using CrossEntropyOp =
    Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view, double)>;
Tensor call_cross_entropy(const CrossEntropyOp& op, const Tensor& self, const Tensor& target,
                          const Tensor& weight, int64_t ignore_index, std::string_view reduction,
                          double label_smoothing) {
  const Target region = target_of(Arg<const Tensor&>::keys(self) | Arg<const Tensor&>::keys(target) |
                                  Arg<const Tensor&>::keys(weight));
  const Masked masked;
  if (region && region.may_take(self))
    return op::cross_entropy_in(DType::Float32, self, target, weight, ignore_index, reduction,
                                label_smoothing);
  return op(self, target, weight, ignore_index, reduction, label_smoothing);
}

// Norms in float32, for readers in the region's dtype.
template <auto Norm, class Sig>
struct NormEntry;
template <auto Norm, class... A>
struct NormEntry<Norm, Tensor(A...)> {
  static Tensor call(const Op<Tensor(A...)>& op, A... a) {
    const Target region = target_of((Arg<A>::keys(a) | ...));
    const Masked masked;
    if (region.type != DeviceType::CUDA) return op(static_cast<A>(a)...);
    Target full = region;
    full.dtype = DType::Float32;
    return Norm(itemsize(region.dtype) == 2 ? std::optional(region.dtype) : std::nullopt,
                Converted<A>(static_cast<A>(a), full).get()...);
  }
};
template <auto Norm, class Sig>
void list_norm(Op<Sig>& op) {
  op.set_entry(Key::Autocast, &NormEntry<Norm, Sig>::call);
}

}  // namespace
}  // namespace plait::autocast

// Here, so that the names are the ops'.
namespace plait::op {

void set_autocast_entries() {
  using namespace autocast;
  using enum Policy;

  // Matrix products and convolutions: where the time goes, and where tensor cores are. Recurrent layers too.
  list<Lower, Lower>(matmul, mm, bmm, linear_default, _linear_relu, _linear_gelu, addmm, addbmm, baddbmm,
                     prelu);
  list<Lower, Lower>(conv1d, conv1d_padding, conv2d, conv2d_padding, conv3d, conv3d_padding);
  list<Lower, Lower>(conv_transpose1d, conv_transpose2d, conv_transpose3d, _conv);
  list<Lower, Lower>(scaled_dot_product_attention, _attention);
  list<Lower, Lower>(_lstm_step, _gru_step, _lstm_layer, _gru_layer, _rnn_layer, _cudnn_rnn);
  list<Keep, Lower>(mv, addmv);
  list<Lower, Lower>(linalg_vecdot);
  list<Lower, Widest>(tensordot, tensordot_dims);
  inner.set_entry(Key::Autocast, &call_inner);
  einsum.set_entry(Key::Autocast, &call_einsum);

  // Functions whose values or derivatives leave float16's range or need more digits than it has.
  list<Keep, Float32>(exp, expm1, log, log2, log10, log1p, pow, pow_Scalar, reciprocal, rsqrt);
  list<Keep, Float32>(acos, arccos, asin, arcsin, tan, sinh, cosh, erfinv, softplus);
  list_norm<layer_norm_for>(layer_norm);
  list_norm<rms_norm_for>(rms_norm);
  list<Keep, Float32>(group_norm, logsumexp, linalg_vector_norm, dist, renorm);
  list<Keep, Float32>(cosine_similarity, pairwise_distance, gaussian_nll_loss, _resample);
  list<Float32, Float32>(cdist, mse_loss, l1_loss, smooth_l1_loss, huber_loss, kl_div, nll_loss);
  cross_entropy.set_entry(Key::Autocast, &call_cross_entropy);
  list<Float32, Float32>(binary_cross_entropy_with_logits, margin_ranking_loss, hinge_embedding_loss);
  list<Float32, Float32>(cosine_embedding_loss, triplet_margin_loss, poisson_nll_loss);
  list<Float32, Keep>(trace, view_as_complex, avg_pool3d, adaptive_avg_pool3d, max_pool3d,
                      adaptive_max_pool3d);
  list<Float32, Float32>(_fft);
  list<Float32, Refuse>(binary_cross_entropy);
  list<Float32, Widest>(grid_sampler, grid_sampler_2d, grid_sampler_3d);
  pad.set_entry(Key::Autocast, &call_pad);

  // Long sums.
  list<Keep, Float32Result>(sum, sum_dim, softmax, log_softmax, softmin, cumsum, cumprod, norm, norm_str);
  list<Float32, Float32Result>(prod, prod_dim_int);

  // Ops that want one dtype.
  list<Keep, Widest>(addcmul, addcdiv, atan2, arctan2, bilinear, cross, dot, vdot, index_put, scatter_add);
  list<Widest, Keep>(index_copy);
}

}  // namespace plait::op
