#include "ops/cpu/attention.h"

#include <algorithm>
#include <atomic>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/pointwise.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

// Tasks for each thread, where there are as many: none waits long for the last one.
constexpr int64_t kTasks = 8;
// Below so many multiply-adds one thread is faster than two.
constexpr int64_t kOneThread = 64 * 1024;

// In float32, with rows of unit stride.
Tensor prepared(const Tensor& t) {
  const Tensor x = converted(t, DType::Float32);
  return x.strides()[3] == 1 || x.sizes()[3] <= 1 ? x : clone_plain(x);
}

// The heads of a call.
struct Heads {
  Tensor query, key, value, mask;
  int64_t batch, heads, group;
  int64_t mask_strides[4] = {0, 0, 0, 0};
  AttentionHead base{};

  Heads(const Tensor& query_, const Tensor& key_, const Tensor& value_, const Tensor& mask_, bool causal,
        double scale)
      : query(prepared(query_)),
        key(prepared(key_)),
        value(prepared(value_)) {
    batch = query.sizes()[0], heads = query.sizes()[1];
    group = heads / std::max<int64_t>(key.sizes()[1], 1);
    base.queries = query.sizes()[2], base.keys = key.sizes()[2];
    base.depth = query.sizes()[3], base.value_depth = value.sizes()[3];
    base.q_row = query.strides()[2], base.k_row = key.strides()[2], base.v_row = value.strides()[2];
    base.causal = causal;
    base.scale = static_cast<float>(scale);
    if (mask_.defined()) {
      base.mask_is_bool = mask_.dtype() == DType::Bool;
      mask = base.mask_is_bool ? mask_ : converted(mask_, DType::Float32);
      base.mask = mask.data_ptr();
      const int missing = 4 - static_cast<int>(mask.dim());
      for (int d = missing; d < 4; ++d)
        mask_strides[d] = mask.sizes()[d - missing] == 1 ? 0 : mask.strides()[d - missing];
    }
  }

  AttentionHead at(int64_t b, int64_t h) const {
    AttentionHead head = base;
    head.q = query.data<float>() + b * query.strides()[0] + h * query.strides()[1];
    head.k = key.data<float>() + b * key.strides()[0] + h / group * key.strides()[1];
    head.v = value.data<float>() + b * value.strides()[0] + h / group * value.strides()[1];
    if (mask.defined()) {
      const int64_t offset = b * mask_strides[0] + h * mask_strides[1];
      head.mask = static_cast<const char*>(mask.data_ptr()) + offset * itemsize(mask.dtype());
      head.mask_row = mask_strides[2], head.mask_column = mask_strides[3];
    }
    return head;
  }
  int64_t work() const { return batch * heads * base.queries * base.keys * (base.depth + base.value_depth); }
};

// Calls f(task, workspace) for all tasks, handing them out as threads become free, the last first.
template <class F>
void run_tasks(int64_t tasks, bool one_thread, int64_t workspace_floats, const F& f) {
  std::atomic<int64_t> left{tasks};
  const int64_t threads = one_thread ? 1 : std::min<int64_t>(num_threads(), tasks);
  parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    const Workspace workspace(workspace_floats * static_cast<int64_t>(sizeof(float)));
    for (int64_t task; (task = --left) >= 0;) f(task, static_cast<float*>(workspace.data()));
  });
}

}  // namespace

void attention(const Tensor& out, const Tensor& lse, const Tensor& query, const Tensor& key,
               const Tensor& value, const Tensor& mask, bool causal, double scale) {
  if (lse.numel() == 0) return;
  const Heads heads(query, key, value, mask, causal, scale);
  const AttentionTable& table = attention_table();
  const bool direct = out.dtype() == DType::Float32 && (out.strides()[3] == 1 || out.sizes()[3] == 1);
  const Tensor to = direct ? out : empty_tensor(out.sizes(), DType::Float32);
  const int64_t queries = heads.base.queries, all = heads.batch * heads.heads;
  // A head is cut where there are few: its keys and values stay in the caches otherwise.
  const int64_t pieces = (kTasks * num_threads() + all - 1) / all, share = (queries + pieces - 1) / pieces;
  const int64_t chunk = (share + table.block - 1) / table.block * table.block;
  const int64_t chunks = (queries + chunk - 1) / chunk;
  run_tasks(all * chunks, heads.work() < kOneThread,
            table.forward_workspace(heads.base, std::min(chunk, queries)),
            [&](int64_t task, float* workspace) {
              const int64_t index = task / chunks, b = index / heads.heads, h = index % heads.heads,
                            begin = task % chunks * chunk;
              AttentionHead head = heads.at(b, h);
              head.out = to.data<float>() + b * to.strides()[0] + h * to.strides()[1];
              head.out_row = to.strides()[2];
              head.lse = lse.data<float>() + index * queries;
              table.forward(head, begin, std::min(begin + chunk, queries), workspace);
            });
  if (!direct) copy(out, to);
}

void attention_backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& grad,
                        const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                        const Tensor& out, const Tensor& lse, bool causal, double scale) {
  const Heads heads(query, key, value, mask, causal, scale);
  const AttentionBackwardTable& table = attention_backward_table();
  const Tensor g = prepared(grad), result = prepared(out);
  // Where a gradient is summed up: in place, or in float32 rows that it is copied from; those of keys and
  // values are whole vectors.
  const auto whole = [&](int64_t columns) { return (columns + table.lanes - 1) / table.lanes * table.lanes; };
  const auto sums_of = [](const Tensor& t, int64_t columns) {
    if (t.dtype() == DType::Float32 && t.strides()[3] == 1 && columns == t.sizes()[3]) return t;
    Dims sizes = t.sizes();
    sizes[3] = columns;
    return empty_tensor(sizes, DType::Float32);
  };
  const int64_t width = whole(heads.base.depth), value_width = whole(heads.base.value_depth);
  const Tensor to_q = sums_of(dq, heads.base.depth), to_k = sums_of(dk, width),
               to_v = sums_of(dv, value_width);
  const auto head_of = [](const Tensor& t, int64_t b, int64_t h) {
    return t.data<float>() + b * t.strides()[0] + h * t.strides()[1];
  };
  const auto clear = [](float* rows, int64_t count, int64_t row, int64_t columns) {
    for (int64_t i = 0; i < count; ++i) std::fill_n(rows + i * row, columns, 0.0f);
  };
  const int64_t key_heads = dk.sizes()[1];
  run_tasks(heads.batch * key_heads, heads.work() < kOneThread, table.workspace(heads.base),
            [&](int64_t task, float* workspace) {
              const int64_t b = task / key_heads, key_head = task % key_heads;
              float *const to_dk = head_of(to_k, b, key_head), *const to_dv = head_of(to_v, b, key_head);
              clear(to_dk, heads.base.keys, to_k.strides()[2], width);
              clear(to_dv, heads.base.keys, to_v.strides()[2], value_width);
              for (int64_t h = key_head * heads.group; h < (key_head + 1) * heads.group; ++h) {
                AttentionHead head = heads.at(b, h);
                head.out = head_of(result, b, h), head.out_row = result.strides()[2];
                head.lse = lse.data<float>() + (b * heads.heads + h) * head.queries;
                head.grad = head_of(g, b, h), head.grad_row = g.strides()[2];
                head.dq = head_of(to_q, b, h), head.dq_row = to_q.strides()[2];
                head.dk = to_dk, head.dk_row = to_k.strides()[2];
                head.dv = to_dv, head.dv_row = to_v.strides()[2];
                table.run(head, workspace);
              }
            });
  if (!to_q.same(dq)) copy(dq, to_q);
  if (!to_k.same(dk)) copy(dk, make_view(to_k, dk.sizes(), to_k.strides(), 0));
  if (!to_v.same(dv)) copy(dv, make_view(to_v, dv.sizes(), to_v.strides(), 0));
}

}  // namespace plait::cpu
