// Softmax and log-softmax over one axis.
#include "ops/onednn/kernels.h"
#include "ops/onednn/plan.h"

namespace plait::cpu::dnn {
namespace {

constexpr int64_t kOneThread = 8 * 1024;  // elements

bool small(const View& view) {
  int64_t n = 1;
  for (int i = 0; i < view.ndim; ++i) n *= view.sizes[i];
  return n < kOneThread;
}

bool same_form(const View& a, const View& b) {
  if (a.ndim != b.ndim || a.dtype != b.dtype || type_of(a.dtype) == Type::undef) return false;
  for (int i = 0; i < a.ndim; ++i)
    if (a.sizes[i] != b.sizes[i]) return false;
  return true;
}

dnnl::algorithm algorithm_of(bool log) {
  return log ? dnnl::algorithm::softmax_log : dnnl::algorithm::softmax_accurate;
}

// From the front; -1 where the axis is none of the view's.
int axis_of(int axis, int ndim) {
  if (axis < 0) axis += ndim;
  return axis >= 0 && axis < ndim ? axis : -1;
}

// A vector as a matrix of one row: oneDNN's fast code wants two dimensions.
struct AsRow {
  std::array<int64_t, 2> sizes, strides;
  View view;
  explicit AsRow(const View& v)
      : sizes{1, v.sizes[0]},
        strides{v.sizes[0] * v.strides[0], v.strides[0]},
        view{v.data, sizes.data(), strides.data(), 2, v.dtype} {}
  AsRow(const AsRow&) = delete;
  AsRow& operator=(const AsRow&) = delete;
};

using Forward = dnnl::softmax_forward;
using Backward = dnnl::softmax_backward;

}  // namespace

bool softmax_forward(const SoftmaxForwardCall& call) {
  return guarded("softmax forward", {&call.y, &call.x}, [&] {
    const int axis = axis_of(call.axis, call.x.ndim);
    if (axis < 0 || !same_form(call.x, call.y)) return false;
    if (call.x.ndim == 1) {
      const AsRow y(call.y), x(call.x);
      return softmax_forward({.y = y.view, .x = x.view, .axis = 1, .log = call.log});
    }
    const Threads threads(small(call.x));
    Key key(Kind::SoftmaxForward, threads.count());
    key.add((static_cast<int64_t>(call.log) << 8) | axis);
    key.add(call.x);
    key.add(call.y);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      const Desc x = desc_of(call.x), y = desc_of(call.y);
      if (x.is_zero() || y.is_zero()) return false;
      const Forward::primitive_desc pd(engine(), dnnl::prop_kind::forward_inference, algorithm_of(call.log),
                                       x, y, axis, attributes());
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot y_slot = fresh.user(y), x_slot = fresh.user(x);
      fresh.add(Forward(pd), pd.scratchpad_desc(), {{DNNL_ARG_DST, y_slot}, {DNNL_ARG_SRC, x_slot}});
      return true;
    });
    if (plan) plan->run({call.y.data, call.x.data});
    return plan != nullptr;
  });
}

bool softmax_backward(const SoftmaxBackwardCall& call) {
  return guarded("softmax backward", {&call.dx, &call.dy, &call.y}, [&] {
    const int axis = axis_of(call.axis, call.y.ndim);
    if (axis < 0 || !same_form(call.y, call.dx) || !same_form(call.y, call.dy)) return false;
    if (call.y.ndim == 1) {
      const AsRow dx(call.dx), dy(call.dy), y(call.y);
      return softmax_backward({.dx = dx.view, .dy = dy.view, .y = y.view, .axis = 1, .log = call.log});
    }
    const Threads threads(small(call.y));
    Key key(Kind::SoftmaxBackward, threads.count());
    key.add((static_cast<int64_t>(call.log) << 8) | axis);
    for (const View* view : {&call.dx, &call.dy, &call.y}) key.add(*view);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      const Desc dx = desc_of(call.dx), dy = desc_of(call.dy), y = desc_of(call.y);
      if (dx.is_zero() || dy.is_zero() || y.is_zero()) return false;
      const Forward::primitive_desc hint(engine(), dnnl::prop_kind::forward_training, algorithm_of(call.log),
                                         y, y, axis, attributes());
      const Backward::primitive_desc pd(engine(), algorithm_of(call.log), dx, dy, y, axis, hint,
                                        attributes());
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot dx_slot = fresh.user(dx), dy_slot = fresh.user(dy), y_slot = fresh.user(y);
      fresh.add(Backward(pd), pd.scratchpad_desc(),
                {{DNNL_ARG_DIFF_SRC, dx_slot}, {DNNL_ARG_DIFF_DST, dy_slot}, {DNNL_ARG_DST, y_slot}});
      return true;
    });
    if (plan) plan->run({call.dx.data, call.dy.data, call.y.data});
    return plan != nullptr;
  });
}

}  // namespace plait::cpu::dnn
