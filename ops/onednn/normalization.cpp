// Batch and layer normalisation.
#include <vector>

#include "ops/onednn/kernels.h"
#include "ops/onednn/plan.h"

namespace plait::cpu::dnn {
namespace {

constexpr int64_t kOneThread = 16 * 1024;  // elements
using Flags = dnnl::normalization_flags;
using Pointers = std::vector<const void*>;

int64_t numel(const View& view) {
  int64_t n = 1;
  for (int i = 0; i < view.ndim; ++i) n *= view.sizes[i];
  return n;
}

bool same_form(const View& a, const View& b) {
  if (a.ndim != b.ndim || a.dtype != b.dtype) return false;
  for (int i = 0; i < a.ndim; ++i)
    if (a.sizes[i] != b.sizes[i]) return false;
  return true;
}

Desc floats(int64_t n) { return Desc({n}, Type::f32, Tag::a); }

Flags scale_flags(const float* scale, const float* shift) {
  Flags flags = Flags::none;
  if (scale) flags |= Flags::use_scale;
  if (shift) flags |= Flags::use_shift;
  return flags;
}

// A key's word that says which optional operands are there.
int64_t present(std::initializer_list<const void*> pointers, bool flag = false) {
  int64_t bits = flag;
  for (const void* pointer : pointers) bits = (bits << 1) | (pointer != nullptr);
  return bits;
}

// Batch norm takes tensors that are contiguous or channels-last; all alike.
bool plain_layouts(std::initializer_list<const View*> views) {
  bool all_contiguous = true, all_last = true;
  for (const View* view : views) {
    const Desc desc = desc_of(*view);
    if (desc.is_zero()) return false;
    all_contiguous &= desc == contiguous(*view);
    all_last &= view->ndim >= 3 && desc == channels_last(*view);
  }
  return all_contiguous || all_last;
}

}  // namespace

bool batch_norm_forward(const BatchNormForwardCall& call) {
  return guarded("batch norm forward", {&call.y, &call.x}, [&] {
    if (call.x.ndim < 2 || call.x.ndim > 5 || !same_form(call.x, call.y) ||
        type_of(call.x.dtype) == Type::undef)
      return false;
    if (call.epilogue != Epilogue::None && (call.training || call.epilogue != Epilogue::Relu)) return false;
    const Threads threads(numel(call.x) < kOneThread);
    Key key(Kind::BatchNormForward, threads.count());
    key.add((present({call.scale, call.shift}, call.training) << 8) | static_cast<int64_t>(call.epilogue));
    key.add(call.epsilon);
    key.add(call.x);
    key.add(call.y);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      if (!plain_layouts({&call.x, &call.y})) return false;
      Flags flags = scale_flags(call.scale, call.shift);
      if (!call.training) flags |= Flags::use_global_stats;
      dnnl::primitive_attr attr = attributes();
      dnnl::post_ops ops;
      append_epilogue(ops, call.epilogue);
      attr.set_post_ops(ops);
      const Desc x = desc_of(call.x), y = desc_of(call.y), channel = floats(call.x.sizes[1]);
      const auto kind =
          call.training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
      const dnnl::batch_normalization_forward::primitive_desc pd(engine(), kind, x, y, call.epsilon, flags,
                                                                 attr);
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot y_slot = fresh.user(y), x_slot = fresh.user(x);
      const Plan::Slot mean = fresh.user(channel), var = fresh.user(channel);
      const Plan::Slot scale = call.scale ? fresh.user(channel) : Plan::Slot{};
      const Plan::Slot shift = call.shift ? fresh.user(channel) : Plan::Slot{};
      fresh.add(dnnl::batch_normalization_forward(pd), pd.scratchpad_desc(),
                {{DNNL_ARG_DST, y_slot},
                 {DNNL_ARG_SRC, x_slot},
                 {DNNL_ARG_MEAN, mean},
                 {DNNL_ARG_VARIANCE, var},
                 {DNNL_ARG_SCALE, scale},
                 {DNNL_ARG_SHIFT, shift}});
      return true;
    });
    if (!plan) return false;
    Pointers data{call.y.data, call.x.data, call.mean, call.var};
    if (call.scale) data.push_back(call.scale);
    if (call.shift) data.push_back(call.shift);
    plan->run(data);
    return true;
  });
}

bool batch_norm_backward(const BatchNormBackwardCall& call) {
  return guarded("batch norm backward", {&call.dx, &call.dy, &call.x}, [&] {
    if (call.x.ndim < 2 || call.x.ndim > 5 || !same_form(call.x, call.dx) || !same_form(call.x, call.dy))
      return false;
    if (type_of(call.x.dtype) == Type::undef || (call.dscale == nullptr) != (call.dshift == nullptr))
      return false;
    if (call.dscale && !call.scale) return false;
    const Threads threads(numel(call.x) < kOneThread);
    Key key(Kind::BatchNormBackward, threads.count());
    key.add(present({call.scale, call.dscale}, call.training));
    key.add(call.epsilon);
    for (const View* view : {&call.dx, &call.dy, &call.x}) key.add(*view);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      if (!plain_layouts({&call.dx, &call.dy, &call.x})) return false;
      const Desc x = desc_of(call.x), channel = floats(call.x.sizes[1]);
      // A shift has no part in dx; it is named only so that dshift is computed.
      Flags flags = Flags::none;
      if (call.scale) flags |= Flags::use_scale;
      if (call.dshift) flags |= Flags::use_shift;
      if (!call.training) flags |= Flags::use_global_stats;
      const dnnl::batch_normalization_forward::primitive_desc hint(
          engine(), dnnl::prop_kind::forward_training, x, x, call.epsilon, flags, attributes());
      const auto kind = call.dscale ? dnnl::prop_kind::backward : dnnl::prop_kind::backward_data;
      const dnnl::batch_normalization_backward::primitive_desc pd(engine(), kind, x, x, x, call.epsilon,
                                                                  flags, hint, attributes());
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot dx = fresh.user(x), dy = fresh.user(x), x_slot = fresh.user(x);
      const Plan::Slot mean = fresh.user(channel), var = fresh.user(channel);
      const Plan::Slot scale = call.scale ? fresh.user(channel) : Plan::Slot{};
      const Plan::Slot dscale = call.dscale ? fresh.user(channel) : Plan::Slot{};
      const Plan::Slot dshift = call.dshift ? fresh.user(channel) : Plan::Slot{};
      fresh.add(dnnl::batch_normalization_backward(pd), pd.scratchpad_desc(),
                {{DNNL_ARG_DIFF_SRC, dx},
                 {DNNL_ARG_DIFF_DST, dy},
                 {DNNL_ARG_SRC, x_slot},
                 {DNNL_ARG_MEAN, mean},
                 {DNNL_ARG_VARIANCE, var},
                 {DNNL_ARG_SCALE, scale},
                 {DNNL_ARG_DIFF_SCALE, dscale},
                 {DNNL_ARG_DIFF_SHIFT, dshift}});
      return true;
    });
    if (!plan) return false;
    Pointers data{call.dx.data, call.dy.data, call.x.data, call.mean, call.var};
    if (call.scale) data.push_back(call.scale);
    if (call.dscale) data.insert(data.end(), {call.dscale, call.dshift});
    plan->run(data);
    return true;
  });
}

namespace {

// mean and var have the dimensions of the rows: dense, so all rows are one dimension for them, whatever those
// of x are.
Desc row_statistics(const View& x) {
  Sizes sizes(x.sizes, x.sizes + x.ndim - 1), strides(sizes.size());
  int64_t step = 1;
  for (size_t i = sizes.size(); i-- > 0;) {
    strides[i] = step;
    step *= sizes[i];
  }
  return Desc(sizes, Type::f32, strides);
}

bool rows_fit(const View& x) { return x.ndim >= 2 && x.ndim <= 5 && type_of(x.dtype) != Type::undef; }

}  // namespace

bool layer_norm_forward(const LayerNormForwardCall& call) {
  return guarded("layer norm forward", {&call.y, &call.x}, [&] {
    if (!rows_fit(call.x) || !same_form(call.x, call.y) || (call.mean == nullptr) != (call.var == nullptr))
      return false;
    const Threads threads(numel(call.x) < kOneThread);
    Key key(Kind::LayerNormForward, threads.count());
    key.add(present({call.scale, call.shift, call.mean}));
    key.add(call.epsilon);
    key.add(call.x);
    key.add(call.y);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      const Desc x = desc_of(call.x), y = desc_of(call.y), column = floats(call.x.sizes[call.x.ndim - 1]);
      if (x.is_zero() || y.is_zero()) return false;
      const Desc row = row_statistics(call.x);
      const auto kind = call.mean ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
      const dnnl::layer_normalization_forward::primitive_desc pd(
          engine(), kind, x, y, row, call.epsilon, scale_flags(call.scale, call.shift), attributes());
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot y_slot = fresh.user(y), x_slot = fresh.user(x);
      const Plan::Slot mean = call.mean ? fresh.user(row) : Plan::Slot{};
      const Plan::Slot var = call.mean ? fresh.user(row) : Plan::Slot{};
      const Plan::Slot scale = call.scale ? fresh.user(column) : Plan::Slot{};
      const Plan::Slot shift = call.shift ? fresh.user(column) : Plan::Slot{};
      fresh.add(dnnl::layer_normalization_forward(pd), pd.scratchpad_desc(),
                {{DNNL_ARG_DST, y_slot},
                 {DNNL_ARG_SRC, x_slot},
                 {DNNL_ARG_MEAN, mean},
                 {DNNL_ARG_VARIANCE, var},
                 {DNNL_ARG_SCALE, scale},
                 {DNNL_ARG_SHIFT, shift}});
      return true;
    });
    if (!plan) return false;
    Pointers data{call.y.data, call.x.data};
    if (call.mean) data.insert(data.end(), {call.mean, call.var});
    if (call.scale) data.push_back(call.scale);
    if (call.shift) data.push_back(call.shift);
    plan->run(data);
    return true;
  });
}

bool layer_norm_backward(const LayerNormBackwardCall& call) {
  return guarded("layer norm backward", {&call.dx, &call.dy, &call.x}, [&] {
    if (!rows_fit(call.x) || !same_form(call.x, call.dx) || !same_form(call.x, call.dy)) return false;
    if ((call.dscale == nullptr) != (call.dshift == nullptr) || (call.dscale && !call.scale)) return false;
    const Threads threads(numel(call.x) < kOneThread);
    Key key(Kind::LayerNormBackward, threads.count());
    key.add(present({call.scale, call.dscale}));
    key.add(call.epsilon);
    for (const View* view : {&call.dx, &call.dy, &call.x}) key.add(*view);
    Plan* plan = PlanCache::of_thread().find(key, [&](Plan& fresh) {
      const Desc dx = desc_of(call.dx), dy = desc_of(call.dy), x = desc_of(call.x),
                 row = row_statistics(call.x);
      const Desc column = floats(call.x.sizes[call.x.ndim - 1]);
      if (dx.is_zero() || dy.is_zero() || x.is_zero()) return false;
      Flags flags = Flags::none;
      if (call.scale) flags |= Flags::use_scale;
      if (call.dshift) flags |= Flags::use_shift;
      const dnnl::layer_normalization_forward::primitive_desc hint(
          engine(), dnnl::prop_kind::forward_training, x, x, row, call.epsilon, flags, attributes());
      const auto kind = call.dscale ? dnnl::prop_kind::backward : dnnl::prop_kind::backward_data;
      const dnnl::layer_normalization_backward::primitive_desc pd(engine(), kind, dx, dy, x, row,
                                                                  call.epsilon, flags, hint, attributes());
      if (is_reference(pd.impl_info_str())) return false;
      const Plan::Slot dx_slot = fresh.user(dx), dy_slot = fresh.user(dy), x_slot = fresh.user(x);
      const Plan::Slot mean = fresh.user(row), var = fresh.user(row);
      const Plan::Slot scale = call.scale ? fresh.user(column) : Plan::Slot{};
      const Plan::Slot dscale = call.dscale ? fresh.user(column) : Plan::Slot{};
      const Plan::Slot dshift = call.dshift ? fresh.user(column) : Plan::Slot{};
      fresh.add(dnnl::layer_normalization_backward(pd), pd.scratchpad_desc(),
                {{DNNL_ARG_DIFF_SRC, dx_slot},
                 {DNNL_ARG_DIFF_DST, dy_slot},
                 {DNNL_ARG_SRC, x_slot},
                 {DNNL_ARG_MEAN, mean},
                 {DNNL_ARG_VARIANCE, var},
                 {DNNL_ARG_SCALE, scale},
                 // Asked for, and not read: a shift has no part in any derivative.
                 {DNNL_ARG_SHIFT, call.dshift ? scale : Plan::Slot{}},
                 {DNNL_ARG_DIFF_SCALE, dscale},
                 {DNNL_ARG_DIFF_SHIFT, dshift}});
      return true;
    });
    if (!plan) return false;
    Pointers data{call.dx.data, call.dy.data, call.x.data, call.mean, call.var};
    if (call.scale) data.push_back(call.scale);
    if (call.dscale) data.insert(data.end(), {call.dscale, call.dshift});
    plan->run(data);
    return true;
  });
}

}  // namespace plait::cpu::dnn
