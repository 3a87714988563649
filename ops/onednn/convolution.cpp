// Convolutions and their derivatives, in one to three dimensions, with groups.
//
// oneDNN has fast code for its blocked layouts and for channels-last, and lowers contiguous (N, C, ...)
// tensors to matrix products, which is mostly slower, reorders of both tensors included. `layout_for` says
// what is computed in which layout.
#include <optional>
#include <vector>

#include "ops/onednn/kernels.h"
#include "ops/onednn/plan.h"
#include "ops/onednn/weights.h"

namespace plait::cpu::dnn {
namespace {

constexpr int64_t kOneThread = 48 * 48 * 48;  // multiply-adds, as for matrix products

enum class Direction : uint8_t { Forward, Data, Weights };
enum class Layout : uint8_t { Contiguous, ChannelsLast, Blocked, Any };  // Blocked: channels by eights

// The arguments of an oneDNN convolution, from ours.
struct Geometry {
  Sizes stride, dilation, pad_begin, pad_end;
  int64_t batch = 1;
  int64_t groups = 1;
  int64_t channels = 0;     // of x
  int64_t outputs = 0;      // channels of y
  int64_t pixels = 1;       // of y
  int64_t kernel_size = 1;  // elements of one filter plane
  int64_t work = 0;         // multiply-adds
  bool strided = false;
  bool pointwise = true;  // 1x1, stride 1, no padding

  Geometry(const Window& window, const int64_t* x, const int64_t* w, const int64_t* y)
      : batch(x[0]),
        groups(window.groups),
        channels(x[1]),
        outputs(y[1]) {
    for (size_t i = 0; i < static_cast<size_t>(window.spatial); ++i) {
      stride.push_back(window.stride[i]);
      dilation.push_back(window.dilation[i] - 1);
      pad_begin.push_back(window.pad_begin[i]);
      pad_end.push_back(window.pad_end[i]);
      pixels *= y[i + 2];
      kernel_size *= w[i + 2];
      strided |= window.stride[i] != 1;
      pointwise &=
          w[i + 2] == 1 && window.stride[i] == 1 && window.pad_begin[i] == 0 && window.pad_end[i] == 0;
    }
    work = y[0] * y[1] * pixels * kernel_size * (channels / groups);
  }
};

constexpr int64_t kFewChannels = 4;  // a vector would be mostly empty
constexpr int64_t kFewPixels = 100, kManyChannels = 128;

bool has_avx512() {
  static const bool has = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  return has;
}

// Both functions were measured with 3x3, 1x1, 5x5 and strided 7x7 filters on 1 to 512 channels, one and two
// threads, reorders included.

// With AVX-512 `Any` is channels by sixteens, where there are enough. 1x1 convolutions, and derivatives by
// images of few channels, are products of matrices as they lie.
Layout layout_for_avx512(Direction direction, const Geometry& g, bool given_channels_last) {
  if (given_channels_last) return Layout::ChannelsLast;
  if (g.groups > 1) return Layout::Any;
  switch (direction) {
    case Direction::Forward: return g.pointwise ? Layout::Contiguous : Layout::Any;
    case Direction::Data: return g.pointwise || g.channels <= kFewChannels ? Layout::Contiguous : Layout::Any;
    case Direction::Weights:
      if (g.pixels > kFewPixels || g.channels < kManyChannels) return Layout::Any;
      return g.batch == 1 ? Layout::Contiguous : Layout::ChannelsLast;
  }
  return Layout::Any;
}

// With AVX2, of contiguous tensors, channels by eights are made at 24 GB/s and channels-last at 7 on one
// core, which counts where an element is in few products; on many channels the channels-last code is faster.
Layout layout_for_avx2(Direction direction, const Geometry& g, bool given_channels_last) {
  const Layout given = given_channels_last ? Layout::ChannelsLast : Layout::Any;
  if (g.groups > 1) return given;
  if (g.pointwise) return given_channels_last ? Layout::ChannelsLast : Layout::Contiguous;
  constexpr int64_t kVector = 8;
  const bool blocks =
      !given_channels_last && g.channels % kVector == 0 && g.outputs % kVector == 0 && !g.strided;
  switch (direction) {
    case Direction::Forward:
      if (g.kernel_size == 1) return given;
      if (blocks && g.channels >= 3 * kVector && g.kernel_size * g.channels <= 9 * 64) return Layout::Blocked;
      if (given_channels_last || g.channels >= kFewChannels) return Layout::ChannelsLast;
      return Layout::Any;
    case Direction::Data:
      if (g.channels <= kFewChannels) return Layout::Contiguous;
      if (given_channels_last) return Layout::ChannelsLast;
      if (g.strided) return Layout::Contiguous;
      if (blocks && g.pixels > kFewPixels)
        return Layout::Blocked;  // as the weights' code: both read one copy of dy
      return g.channels < kVector ? Layout::Any : Layout::ChannelsLast;
    case Direction::Weights:
      if (g.pixels <= kFewPixels && g.channels >= kManyChannels) return Layout::Contiguous;
      return g.channels <= kVector ? Layout::ChannelsLast : given;
  }
  return given;
}

Layout layout_for(Direction direction, const Geometry& g, const View& given) {
  return (has_avx512() ? layout_for_avx512 : layout_for_avx2)(direction, g, is_channels_last(given));
}

Desc in_layout(const View& view, Layout layout) {
  switch (layout) {
    case Layout::Contiguous: return contiguous(view);
    case Layout::ChannelsLast: return channels_last(view);
    case Layout::Blocked:
      if (view.dtype == DType::Float32 && view.ndim >= 3 && view.ndim <= 5) {
        constexpr Tag kTags[] = {Tag::nCw8c, Tag::nChw8c, Tag::nCdhw8c};
        return Desc(Sizes(view.sizes, view.sizes + view.ndim), Type::f32, kTags[view.ndim - 3]);
      }
      break;
    case Layout::Any: break;
  }
  return any_layout(view);
}

// (O, C / groups, k...) as (groups, O / groups, C / groups, k...).
struct GroupedWeight {
  std::array<int64_t, kMostDims> sizes{}, strides{};
  View view;
  GroupedWeight(const View& w, int64_t groups) : view(w) {
    if (groups == 1) return;
    sizes[0] = groups;
    sizes[1] = w.sizes[0] / groups;
    strides[0] = sizes[1] * w.strides[0];
    strides[1] = w.strides[0];
    for (int i = 1; i < w.ndim; ++i) {
      sizes[static_cast<size_t>(i) + 1] = w.sizes[i];
      strides[static_cast<size_t>(i) + 1] = w.strides[i];
    }
    view.sizes = sizes.data();
    view.strides = strides.data();
    ++view.ndim;
  }
  GroupedWeight(const GroupedWeight&) = delete;
  GroupedWeight& operator=(const GroupedWeight&) = delete;
};

// The weight's own strides; never read as channels-last, which is about activations.
Desc weight_desc(const GroupedWeight& w) { return desc_of(w.view); }

Desc bias_desc(const View& bias) { return Desc({bias.sizes[0]}, type_of(bias.dtype), Tag::a); }
bool bias_fits(const View* bias, int64_t channels) {
  return !bias || (bias->ndim == 1 && bias->sizes[0] == channels &&
                   (channels == 1 || bias->strides[0] == 1) && type_of(bias->dtype) != Type::undef);
}

// What `make(layout)` gives in the first layout for which oneDNN has fast code; slow code, for float32 only,
// as the last resort.
template <class Make>
auto first_supported(Layout preferred, DType dtype, const Make& make)
    -> std::optional<decltype(make(preferred))> {
  for (const bool accept_reference : {false, true}) {
    if (accept_reference && dtype != DType::Float32) break;
    for (const Layout layout : {preferred, Layout::Any, Layout::ChannelsLast, Layout::Contiguous}) {
      try {
        auto pd = make(layout);
        if (accept_reference || !is_reference(pd.impl_info_str())) return pd;
      } catch (const dnnl::error& error) {
        if (error.status != dnnl_unimplemented) throw;
      }
    }
  }
  return std::nullopt;
}

using Forward = dnnl::convolution_forward;
using BackwardData = dnnl::convolution_backward_data;
using BackwardWeights = dnnl::convolution_backward_weights;

constexpr auto kDirect = dnnl::algorithm::convolution_direct;

Forward::primitive_desc forward_pd(const Geometry& g, const Desc& x, const Desc& w, const Desc& bias,
                                   const Desc& y, dnnl::prop_kind kind, Epilogue epilogue) {
  dnnl::primitive_attr attr = attributes();
  dnnl::post_ops ops;
  append_epilogue(ops, epilogue);
  attr.set_post_ops(ops);
  if (bias.is_zero())
    return {engine(), kind, kDirect, x, w, y, g.stride, g.dilation, g.pad_begin, g.pad_end, attr};
  return {engine(), kind, kDirect, x, w, bias, y, g.stride, g.dilation, g.pad_begin, g.pad_end, attr};
}

bool build_forward(Plan& plan, const ConvForwardCall& call, const Geometry& g, const GroupedWeight& w,
                   bool keep_weight) {
  const Desc x_given = desc_of(call.x), y_given = desc_of(call.y), w_given = weight_desc(w);
  if (x_given.is_zero() || y_given.is_zero() || w_given.is_zero()) return false;
  const Desc bias = call.bias ? bias_desc(*call.bias) : Desc();
  const Layout preferred = layout_for(Direction::Forward, g, call.x);
  // The results are the same; but for inference oneDNN 3.2 takes channels-last as any layout where it has
  // AVX-512, and so reorders more slowly.
  const auto kind = has_avx512() ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  const auto pd = first_supported(preferred, call.x.dtype, [&](Layout layout) {
    return forward_pd(g, in_layout(call.x, layout), any_layout(w.view), bias, in_layout(call.y, layout), kind,
                      call.epilogue);
  });
  if (!pd) return false;

  plan.packed = pd->weights_desc();
  const Plan::Slot y = plan.user(y_given), x = plan.user(x_given);
  const Plan::Slot weight = plan.user(keep_weight ? plan.packed : w_given);
  const Plan::Slot bias_slot = call.bias ? plan.user(bias) : Plan::Slot{};
  const Plan::Slot x_in = plan.as(x, pd->src_desc()), w_in = plan.as(weight, plan.packed);
  const Plan::Slot y_out = plan.result(y, pd->dst_desc());
  plan.add(
      Forward(*pd), pd->scratchpad_desc(),
      {{DNNL_ARG_SRC, x_in}, {DNNL_ARG_WEIGHTS, w_in}, {DNNL_ARG_BIAS, bias_slot}, {DNNL_ARG_DST, y_out}});
  plan.deliver(y_out, y);
  return true;
}

bool run_forward(const ConvForwardCall& call) {
  const int ndim = call.window.spatial + 2;
  if (call.x.ndim != ndim || call.y.ndim != ndim || call.w.ndim != ndim ||
      type_of(call.x.dtype) == Type::undef)
    return false;
  if (!bias_fits(call.bias, call.y.sizes[1])) return false;
  const Geometry g(call.window, call.x.sizes, call.w.sizes, call.y.sizes);
  const GroupedWeight w(call.w, call.window.groups);
  const Threads threads(g.work < kOneThread);
  const bool keep_weight = call.w_stamp != kDoNotKeep;
  Key key(Kind::ConvForward, threads.count());
  key.add((static_cast<int64_t>(keep_weight) << 8) | static_cast<int64_t>(call.epilogue));
  key.add(call.window);
  for (const View* view : {&call.y, &call.x, &call.w}) key.add(*view);
  key.add(call.bias);
  Plan* plan = PlanCache::of_thread().find(
      key, [&](Plan& fresh) { return build_forward(fresh, call, g, w, keep_weight); });
  if (!plan) return false;

  PackedWeight packed;
  const void* weight = call.w.data;
  if (keep_weight) {
    packed = packed_weight(call.w.data, call.w_stamp, weight_desc(w), plan->packed);
    weight = packed.get();
  }
  if (call.bias)
    plan->run({call.y.data, call.x.data, weight, call.bias->data});
  else
    plan->run({call.y.data, call.x.data, weight});
  return true;
}

// --- backward

// The sizes of x and w, whichever of the views are there.
const View& x_like(const ConvBackwardCall& call) { return call.x ? *call.x : *call.dx; }
const View& w_like(const ConvBackwardCall& call) { return call.w ? *call.w : *call.dw; }

// Adds the primitive of dx; `dy` becomes what the primitive reads, for others to share.
bool add_data(Plan& plan, const ConvBackwardCall& call, const Geometry& g, Plan::Slot& dy) {
  const GroupedWeight w(*call.w, call.window.groups);
  const Desc dx_given = desc_of(*call.dx), w_given = weight_desc(w);
  if (dx_given.is_zero() || w_given.is_zero()) return false;
  const Layout preferred = layout_for(Direction::Data, g, call.dy);
  const auto pd = first_supported(preferred, call.dy.dtype, [&](Layout layout) {
    const Desc dx = in_layout(*call.dx, layout), y = in_layout(call.dy, layout), weight = any_layout(w.view);
    const auto hint = forward_pd(g, dx, weight, Desc(), y, dnnl::prop_kind::forward_training, Epilogue::None);
    return BackwardData::primitive_desc(engine(), kDirect, dx, weight, y, g.stride, g.dilation, g.pad_begin,
                                        g.pad_end, hint, attributes());
  });
  if (!pd) return false;
  const Plan::Slot weight = plan.user(w_given), dx = plan.user(dx_given);
  dy = plan.as(dy, pd->diff_dst_desc());
  const Plan::Slot w_in = plan.as(weight, pd->weights_desc()), dx_out = plan.result(dx, pd->diff_src_desc());
  plan.add(BackwardData(*pd), pd->scratchpad_desc(),
           {{DNNL_ARG_DIFF_DST, dy}, {DNNL_ARG_WEIGHTS, w_in}, {DNNL_ARG_DIFF_SRC, dx_out}});
  plan.deliver(dx_out, dx);
  return true;
}

// Adds the primitive of dw and db.
bool add_weights(Plan& plan, const ConvBackwardCall& call, const Geometry& g, Plan::Slot given_dy,
                 Plan::Slot shared_dy) {
  const GroupedWeight w(*call.dw, call.window.groups);
  const Desc x_given = desc_of(*call.x), dw_given = weight_desc(w);
  if (x_given.is_zero() || dw_given.is_zero()) return false;
  const Desc bias = call.db ? bias_desc(*call.db) : Desc();
  const Layout preferred = layout_for(Direction::Weights, g, call.dy);
  const auto pd = first_supported(preferred, call.dy.dtype, [&](Layout layout) {
    const Desc x = in_layout(*call.x, layout), y = in_layout(call.dy, layout), dw = any_layout(w.view);
    const auto hint = forward_pd(g, x, dw, bias, y, dnnl::prop_kind::forward_training, Epilogue::None);
    using Pd = BackwardWeights::primitive_desc;
    if (bias.is_zero())
      return Pd(engine(), kDirect, x, dw, y, g.stride, g.dilation, g.pad_begin, g.pad_end, hint,
                attributes());
    return Pd(engine(), kDirect, x, dw, bias, y, g.stride, g.dilation, g.pad_begin, g.pad_end, hint,
              attributes());
  });
  if (!pd) return false;
  const Plan::Slot x = plan.user(x_given), dw = plan.user(dw_given);
  const Plan::Slot db = call.db ? plan.user(bias) : Plan::Slot{};
  const Plan::Slot x_in = plan.as(x, pd->src_desc());
  const Plan::Slot dy_in =
      plan.desc(shared_dy) == pd->diff_dst_desc() ? shared_dy : plan.as(given_dy, pd->diff_dst_desc());
  const Plan::Slot dw_out = plan.result(dw, pd->diff_weights_desc());
  plan.add(BackwardWeights(*pd), pd->scratchpad_desc(),
           {{DNNL_ARG_SRC, x_in},
            {DNNL_ARG_DIFF_DST, dy_in},
            {DNNL_ARG_DIFF_WEIGHTS, dw_out},
            {DNNL_ARG_DIFF_BIAS, db}});
  plan.deliver(dw_out, dw);
  return true;
}

bool run_backward(const ConvBackwardCall& call) {
  const int ndim = call.window.spatial + 2;
  if ((call.dx && !call.w) || (call.dw && !call.x) || (call.db && !call.dw) || (!call.dx && !call.dw))
    return false;
  for (const View* view : {&call.dy, call.x, call.w, call.dx, call.dw})
    if (view && (view->ndim != ndim || type_of(view->dtype) == Type::undef)) return false;
  if (!bias_fits(call.db, call.dy.sizes[1])) return false;
  const Geometry g(call.window, x_like(call).sizes, w_like(call).sizes, call.dy.sizes);
  const Threads threads(g.work < kOneThread);
  Key key(Kind::ConvBackward, threads.count());
  key.add(call.window);
  key.add(call.dy);
  key.add(call.dx);
  if (call.dx) key.add(*call.w);
  key.add(call.dw);
  if (call.dw) key.add(*call.x);
  key.add(call.db);
  Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
    const Desc dy_given = desc_of(call.dy);
    if (dy_given.is_zero()) return false;
    const Plan::Slot dy = fresh.user(dy_given);
    Plan::Slot shared = dy;
    return (!call.dx || add_data(fresh, call, g, shared)) &&
           (!call.dw || add_weights(fresh, call, g, dy, shared));
  });
  if (!plan) return false;

  std::array<const void*, 6> data{};
  size_t count = 0;
  data[count++] = call.dy.data;
  if (call.dx) {
    data[count++] = call.w->data;
    data[count++] = call.dx->data;
  }
  if (call.dw) {
    data[count++] = call.x->data;
    data[count++] = call.dw->data;
  }
  if (call.db) data[count++] = call.db->data;
  plan->run(std::span(data.data(), count));
  return true;
}

}  // namespace

bool conv_forward(const ConvForwardCall& call) {
  return guarded("conv forward", {&call.y, &call.x, &call.w, call.bias}, [&] { return run_forward(call); });
}

bool conv_backward(const ConvBackwardCall& call) {
  return guarded("conv backward", {&call.dy, call.x, call.w, call.dx, call.dw, call.db},
                 [&] { return run_backward(call); });
}

}  // namespace plait::cpu::dnn
