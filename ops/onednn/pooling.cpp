// Pooling without indices: max forward (for inference), average forward and backward.
#include "ops/onednn/kernels.h"
#include "ops/onednn/plan.h"

namespace plait::cpu::dnn {
namespace {

constexpr int64_t kOneThread = 16 * 1024;  // elements of the larger tensor

int64_t numel(const View& view) {
  int64_t n = 1;
  for (int i = 0; i < view.ndim; ++i) n *= view.sizes[i];
  return n;
}

dnnl::algorithm algorithm_of(Pool kind) {
  switch (kind) {
    case Pool::Max: return dnnl::algorithm::pooling_max;
    case Pool::AverageIncludePadding: return dnnl::algorithm::pooling_avg_include_padding;
    case Pool::AverageExcludePadding: break;
  }
  return dnnl::algorithm::pooling_avg_exclude_padding;
}

struct Geometry {
  Sizes kernel, stride, dilation, pad_begin, pad_end;
  explicit Geometry(const Window& window) {
    for (size_t i = 0; i < static_cast<size_t>(window.spatial); ++i) {
      kernel.push_back(window.kernel[i]);
      stride.push_back(window.stride[i]);
      dilation.push_back(window.dilation[i] - 1);
      pad_begin.push_back(window.pad_begin[i]);
      pad_end.push_back(window.pad_end[i]);
    }
  }
};

// x and y as oneDNN's pooling takes them: both contiguous or both channels-last.
struct Layouts {
  Desc x, y;
  bool usable;
  Layouts(const View& x_view, const View& y_view) : x(desc_of(x_view)), y(desc_of(y_view)) {
    usable = !x.is_zero() && !y.is_zero();
    if (!usable) return;
    const bool last = x == channels_last(x_view) && y == channels_last(y_view);
    usable = last || (x == contiguous(x_view) && y == contiguous(y_view));
  }
};

dnnl::pooling_forward::primitive_desc forward_pd(const Layouts& layouts, const Geometry& g, Pool kind,
                                                 dnnl::prop_kind prop) {
  return {engine(), prop,       algorithm_of(kind), layouts.x, layouts.y,   g.stride,
          g.kernel, g.dilation, g.pad_begin,        g.pad_end, attributes()};
}

bool well_formed(const View& x, const View& y, const Window& window) {
  return x.ndim == window.spatial + 2 && y.ndim == x.ndim && x.dtype == y.dtype &&
         type_of(x.dtype) != Type::undef;
}

Key key_of(Kind kind, int threads, const View& x, const View& y, const Window& window, Pool pool) {
  Key key(kind, threads);
  key.add(static_cast<int64_t>(pool));
  key.add(window);
  key.add(x);
  key.add(y);
  return key;
}

}  // namespace

bool pool_forward(const PoolForwardCall& call) {
  return guarded("pool forward", {&call.y, &call.x}, [&] {
    if (!well_formed(call.x, call.y, call.window)) return false;
    const Threads threads(numel(call.x) < kOneThread);
    const Key key = key_of(Kind::PoolForward, threads.count(), call.x, call.y, call.window, call.kind);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      const Layouts layouts(call.x, call.y);
      if (!layouts.usable) return false;
      const auto pd =
          forward_pd(layouts, Geometry(call.window), call.kind, dnnl::prop_kind::forward_inference);
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot y = fresh.user(layouts.y), x = fresh.user(layouts.x);
      fresh.add(dnnl::pooling_forward(pd), pd.scratchpad_desc(), {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, y}});
      return true;
    });
    if (plan) plan->run({call.y.data, call.x.data});
    return plan != nullptr;
  });
}

bool pool_backward(const PoolBackwardCall& call) {
  return guarded("pool backward", {&call.dx, &call.dy}, [&] {
    if (call.kind == Pool::Max || !well_formed(call.dx, call.dy, call.window)) return false;
    const Threads threads(numel(call.dx) < kOneThread);
    const Key key = key_of(Kind::PoolBackward, threads.count(), call.dx, call.dy, call.window, call.kind);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      const Layouts layouts(call.dx, call.dy);
      if (!layouts.usable) return false;
      const Geometry g(call.window);
      const auto hint = forward_pd(layouts, g, call.kind, dnnl::prop_kind::forward_training);
      const dnnl::pooling_backward::primitive_desc pd(engine(), algorithm_of(call.kind), layouts.x, layouts.y,
                                                      g.stride, g.kernel, g.dilation, g.pad_begin, g.pad_end,
                                                      hint, attributes());
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot dx = fresh.user(layouts.x), dy = fresh.user(layouts.y);
      fresh.add(dnnl::pooling_backward(pd), pd.scratchpad_desc(),
                {{DNNL_ARG_DIFF_SRC, dx}, {DNNL_ARG_DIFF_DST, dy}});
      return true;
    });
    if (plan) plan->run({call.dx.data, call.dy.data});
    return plan != nullptr;
  });
}

}  // namespace plait::cpu::dnn
