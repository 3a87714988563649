// Matrix products, two-dimensional and batched.
//
// By measurement, with float32 in two dimensions going the first road where it can:
// - `dnnl_sgemm`, a plain function without a primitive: 400 ns a call where a primitive from our cache costs
//   1.1 us. On CPUs without AVX-512 the primitive runs the same code, so this road serves all sizes there,
//   rearranged for operands that its code does not like: few rows, or rows a power of two apart.
// - An inner product with its weight packed in advance, where the caller says that the weight stays.
// - The matmul primitive, for all the rest.
//
// Note [Products of new shapes]
// To make a primitive takes a millisecond, for each shape: a program whose shapes differ from call to call
// (sentences, experts, graphs) would make primitives all the time. The first calls of a shape therefore go to
// `dnnl_sgemm`, which is as fast, or half as fast with a transposed b of few columns; those of a batch one
// matrix after the other. Nobody may see when the roads change: up to a depth of kOneSum both add up the
// products of a row and a column in their order, and the bits are equal; deeper products have their primitive
// at once.
#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "dnnl.h"
#include "ops/onednn/building.h"
#include "ops/onednn/kernels.h"
#include "ops/onednn/plan.h"
#include "ops/onednn/weights.h"

namespace plait::cpu::dnn {
namespace {

constexpr int kMostBatchDims = kMostDims - 2;

// Below so many multiply-adds one thread is faster than the fork and join of two.
constexpr int64_t kOneThread = 48 * 48 * 48;
// Up to here a call without a primitive gains more than the primitive's better code does on AVX-512.
constexpr int64_t kSmall = 32 * 32 * 32;
// A product with few rows spends its time on packing the other matrix, unless the roles are exchanged.
constexpr int64_t kFewRows = 32;
constexpr int64_t kWorthExchange = 64 * 1024;  // elements of the other matrix
// With rows of the other matrix a multiple of so many elements apart, they meet in few cache sets, and the
// product waits for memory, unless there are many rows to share each load. So do the rows of a transposed a.
constexpr int64_t kAliasing = 512;
constexpr int64_t kMostRowsAliased = 768;
constexpr int64_t kBlockDepth = 256, kBlockRows = 128, kBlockColumns = 128;  // fits the second-level cache
constexpr int64_t kWorthBlocks = 16 * 1024;                                  // elements of the other matrix
constexpr int64_t kBlockGap = 16;
// Note [Products of new shapes]: the depth, and the work beside which a primitive costs little.
constexpr int64_t kOneSum = 256;
constexpr int64_t kMostWorkEarly = int64_t{1} << 28;
// With more rows a kept packing gains nothing.
constexpr int64_t kMostRowsPacked = 256;
// Post-processing by our own loops, in one thread, pays up to so many elements.
constexpr int64_t kOwnEpilogue = 16 * 1024;

// One operand: rows x columns, one of them with unit stride.
struct Matrix {
  float* data() const { return static_cast<float*>(raw); }
  void* raw = nullptr;
  int64_t rows = 0, columns = 0;
  int64_t leading = 0;
  bool transposed = false;  // columns are contiguous, not rows
  bool usable = false;
  std::array<int64_t, kMostBatchDims> batch_strides{};
};

void set_layout(Matrix& m, int64_t row_stride, int64_t column_stride) {
  if ((m.columns == 1 || column_stride == 1) && (m.rows == 1 || row_stride >= m.columns)) {
    m.leading = m.rows == 1 ? m.columns : row_stride;
    m.usable = true;
  } else if ((m.rows == 1 || row_stride == 1) && (m.columns == 1 || column_stride >= m.rows)) {
    m.leading = m.columns == 1 ? m.rows : column_stride;
    m.transposed = m.usable = true;
  }
}

struct Problem {
  Matrix a, b, c;
  int batch_dims = 0;
  std::array<int64_t, kMostBatchDims> batch{};
  int64_t batches = 1;
  int64_t work() const { return batches * c.rows * c.columns * a.columns; }
};

// Brings the call to its simplest form: batch dimensions of size 1 go, neighbours merge, and a batch that
// shares one b becomes more rows of a. False where strides are beyond oneDNN.
bool simplify(const MatmulCall& call, Problem& p) {
  const int ndim = call.c.ndim;
  if (ndim < 2 || ndim > kMostDims || call.a.ndim != ndim || call.b.ndim != ndim) return false;
  const View* views[] = {&call.c, &call.a, &call.b};
  Matrix* matrices[] = {&p.c, &p.a, &p.b};
  int64_t row_strides[3], column_strides[3];
  for (int i = 0; i < 3; ++i) {
    matrices[i]->raw = views[i]->data;
    matrices[i]->rows = views[i]->sizes[ndim - 2];
    matrices[i]->columns = views[i]->sizes[ndim - 1];
    row_strides[i] = views[i]->strides[ndim - 2];
    column_strides[i] = views[i]->strides[ndim - 1];
  }
  for (int dim = 0; dim < ndim - 2; ++dim) {
    const int64_t size = call.c.sizes[dim];
    if (size == 1) continue;
    int64_t strides[3];
    for (int i = 0; i < 3; ++i) strides[i] = views[i]->sizes[dim] == 1 ? 0 : views[i]->strides[dim];
    if (strides[0] == 0) return false;
    p.batches *= size;
    bool merges = p.batch_dims > 0;
    for (int i = 0; i < 3 && merges; ++i)
      merges = matrices[i]->batch_strides[static_cast<size_t>(p.batch_dims - 1)] == strides[i] * size;
    const auto at = static_cast<size_t>(merges ? p.batch_dims - 1 : p.batch_dims);
    p.batch[at] = merges ? p.batch[at] * size : size;
    for (int i = 0; i < 3; ++i) matrices[i]->batch_strides[at] = strides[i];
    if (!merges) ++p.batch_dims;
  }
  if (p.batch_dims == 1 && p.b.batch_strides[0] == 0) {
    // The rows of the batch's matrices must follow each other at one distance, in a and in c.
    auto folds = [&](const Matrix& m, int64_t row_stride) {
      return m.rows == 1 || m.batch_strides[0] == m.rows * row_stride;
    };
    if (folds(p.a, row_strides[1]) && folds(p.c, row_strides[0])) {
      for (int i = 0; i < 2; ++i) {
        if (matrices[i]->rows == 1) row_strides[i] = matrices[i]->batch_strides[0];
        matrices[i]->rows *= p.batch[0];
      }
      p.batch_dims = 0;
      p.batches = 1;
    }
  }
  for (int i = 0; i < 3; ++i) {
    set_layout(*matrices[i], row_strides[i], column_strides[i]);
    if (!matrices[i]->usable) return false;
  }
  return true;
}

// c = a b  <=>  c' = b' a'
void exchange(Problem& p) {
  std::swap(p.a, p.b);
  for (Matrix* m : {&p.a, &p.b, &p.c}) {
    std::swap(m->rows, m->columns);
    m->transposed = !m->transposed;
  }
}

bool cpu_has_avx512() {
  static const bool has = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  return has;
}

// Its code, made at the first calls, is a static object of libdnnl as the cache of primitives is.
void sgemm(const Matrix& a, const Matrix& b, float alpha, float beta, float* c, int64_t leading) {
  const Building inside;
  check_status(dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', a.rows, b.columns, a.columns,
                          alpha, a.data(), a.leading, b.data(), b.leading, beta, c, leading),
               "dnnl_sgemm");
}

void relu(float* row, int64_t n) {
  // Not std::max: NaN must stay.
  for (int64_t i = 0; i < n; ++i) row[i] = row[i] < 0 ? 0 : row[i];
}

// The bias is added to whole sums, as the primitive does it.
void by_sgemm(const Problem& p, const MatmulCall& call, const float* bias) {
  const Matrix& c = p.c;
  sgemm(p.a, p.b, call.alpha, call.beta, c.data(), c.leading);
  for (int64_t i = 0; i < c.rows && bias; ++i) {
    float* row = c.data() + i * c.leading;
    for (int64_t j = 0; j < c.columns; ++j) row[j] += bias[j];
  }
  if (call.epilogue == Epilogue::Relu)
    for (int64_t i = 0; i < c.rows; ++i) relu(c.data() + i * c.leading, c.columns);
}

// The matrices of a batch one after the other, each by one thread.
void by_sgemms(const Problem& p, const MatmulCall& call, const float* bias) {
  if (p.batch_dims == 0) return by_sgemm(p, call, bias);
  parallel_for(0, p.batches, p.work() < kOneThread ? p.batches : 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      Problem one = p;
      int64_t rest = i;
      for (int d = p.batch_dims - 1; d >= 0; --d) {
        const auto at = static_cast<size_t>(d);
        for (Matrix* m : {&one.a, &one.b, &one.c})
          m->raw = m->data() + rest % p.batch[at] * m->batch_strides[at];
        rest /= p.batch[at];
      }
      by_sgemm(one, call, bias);
    }
  });
}

// c' = b' a' into scratch memory, then c from it.
void by_exchanged_sgemm(const Problem& p, const MatmulCall& call, const float* bias) {
  const Matrix& c = p.c;
  const Arena arena(static_cast<size_t>(c.rows * c.columns) * sizeof(float));
  auto* transposed = reinterpret_cast<float*>(arena.data());
  Problem other = p;
  exchange(other);
  sgemm(other.a, other.b, call.alpha, 0, transposed, c.rows);
  for (int64_t i = 0; i < c.rows; ++i) {
    float* row = c.data() + i * c.leading;
    const float* column = transposed + i;
    if (bias)
      for (int64_t j = 0; j < c.columns; ++j) row[j] = column[j * c.rows] + bias[j];
    else if (call.beta != 0)
      for (int64_t j = 0; j < c.columns; ++j) row[j] = column[j * c.rows] + call.beta * row[j];
    else
      for (int64_t j = 0; j < c.columns; ++j) row[j] = column[j * c.rows];
    if (call.epilogue == Epilogue::Relu) relu(row, c.columns);
  }
}

// Copies `rows` rows of `width` elements to where they are close together, but not a power of two apart.
Matrix copy_block(const float* from, int64_t leading, int64_t rows, int64_t width, float* to) {
  Matrix block;
  block.raw = to;
  block.rows = rows;
  block.columns = width;
  block.leading = width + kBlockGap;
  for (int64_t i = 0; i < rows; ++i)
    std::memcpy(to + i * block.leading, from + i * leading, static_cast<size_t>(width) * sizeof(float));
  return block;
}

// c = a b by blocks of b, and of a too where a is transposed, each copied.
void by_blocks(const Problem& p, const MatmulCall& call, const float* bias) {
  const Matrix &a = p.a, &b = p.b, &c = p.c;
  const int64_t panels = (c.columns + kBlockColumns - 1) / kBlockColumns;
  const int64_t height = a.transposed ? kBlockRows : c.rows;
  const int64_t blocks = (c.rows + height - 1) / height, items = panels * blocks;
  parallel_for(0, items, p.work() < kOneThread ? items : 1, [&](int64_t first_item, int64_t last_item) {
    const int64_t b_elements = kBlockDepth * (kBlockColumns + kBlockGap);
    const Arena arena(static_cast<size_t>(b_elements + kBlockDepth * (kBlockRows + kBlockGap)) *
                      sizeof(float));
    auto* b_memory = reinterpret_cast<float*>(arena.data());
    float* a_memory = b_memory + b_elements;
    for (int64_t item = first_item; item < last_item; ++item) {
      const int64_t j = item / blocks * kBlockColumns, width = std::min(kBlockColumns, c.columns - j);
      const int64_t i0 = item % blocks * height, rows = std::min(height, c.rows - i0);
      float* to = c.data() + i0 * c.leading + j;
      if (bias)
        for (int64_t i = 0; i < rows; ++i)
          std::memcpy(to + i * c.leading, bias + j, static_cast<size_t>(width) * sizeof(float));
      for (int64_t k = 0; k < b.rows; k += kBlockDepth) {
        const int64_t depth = std::min(kBlockDepth, b.rows - k);
        const float beta = k > 0 || bias ? 1.0f : call.beta;
        const Matrix b_block = copy_block(b.data() + k * b.leading + j, b.leading, depth, width, b_memory);
        Matrix a_block = a;
        if (a.transposed)
          a_block = copy_block(a.data() + k * a.leading + i0, a.leading, depth, rows, a_memory);
        else
          a_block.raw = a.data() + k;
        a_block.transposed = a.transposed;
        a_block.rows = rows;
        a_block.columns = depth;
        sgemm(a_block, b_block, call.alpha, beta, to, c.leading);
      }
      if (call.epilogue == Epilogue::Relu)
        for (int64_t i = 0; i < rows; ++i) relu(to + i * c.leading, width);
    }
  });
}

Desc desc_of(const Matrix& m, const Problem& p, Type type) {
  Sizes sizes, strides;
  for (size_t i = 0; i < static_cast<size_t>(p.batch_dims); ++i) {
    const bool broadcast = m.batch_strides[i] == 0;
    sizes.push_back(broadcast ? 1 : p.batch[i]);
    strides.push_back(broadcast ? m.rows * m.columns : m.batch_strides[i]);
  }
  sizes.insert(sizes.end(), {m.rows, m.columns});
  strides.insert(strides.end(), {m.transposed ? 1 : m.leading, m.transposed ? m.leading : 1});
  return Desc(sizes, type, strides);
}

void add_to_key(Key& key, const Matrix& m, const Problem& p) {
  key.add((m.rows << 1) | static_cast<int64_t>(m.transposed));
  key.add(m.columns);
  key.add(m.leading);
  for (size_t i = 0; i < static_cast<size_t>(p.batch_dims); ++i) key.add(m.batch_strides[i]);
}

Key key_of(const Problem& p, const MatmulCall& call, int threads, bool packed) {
  Key key(Kind::Matmul, threads);
  key.add((static_cast<int64_t>(p.batch_dims) << 40) | (static_cast<int64_t>(packed) << 33) |
          (static_cast<int64_t>(call.alpha != 1) << 32) | (static_cast<int64_t>(call.bias != nullptr) << 31) |
          (static_cast<int64_t>(call.epilogue) << 24) | (static_cast<int64_t>(call.a.dtype) << 16) |
          (static_cast<int64_t>(call.b.dtype) << 8) | static_cast<int64_t>(call.c.dtype));
  key.add(static_cast<int64_t>(call.bias ? call.bias->dtype : DType::Bool));
  key.add(call.beta);
  for (size_t i = 0; i < static_cast<size_t>(p.batch_dims); ++i) key.add(p.batch[i]);
  for (const Matrix* m : {&p.a, &p.b, &p.c}) add_to_key(key, *m, p);
  return key;
}

Desc bias_desc(const Problem& p, DType dtype) {
  Sizes sizes(static_cast<size_t>(p.batch_dims) + 2, 1);
  sizes.back() = p.c.columns;
  return Desc(sizes, type_of(dtype), Sizes(sizes.size(), 1));
}

bool build(Plan& plan, const Problem& p, const MatmulCall& call) {
  const Desc a = desc_of(p.a, p, type_of(call.a.dtype));
  const Desc b = desc_of(p.b, p, type_of(call.b.dtype));
  const Desc c = desc_of(p.c, p, type_of(call.c.dtype));
  const Desc bias = call.bias ? bias_desc(p, call.bias->dtype) : Desc();
  dnnl::primitive_attr attr = attributes();
  dnnl::post_ops ops;
  if (call.beta != 0) ops.append_sum(call.beta);
  append_epilogue(ops, call.epilogue);
  attr.set_post_ops(ops);
  if (call.alpha != 1) attr.set_scales_mask(DNNL_ARG_SRC, 0);
  const auto pd = call.bias ? dnnl::matmul::primitive_desc(engine(), a, b, bias, c, attr)
                            : dnnl::matmul::primitive_desc(engine(), a, b, c, attr);
  if (is_reference(pd.impl_info_str())) return false;
  const Plan::Slot c_slot = plan.user(c), a_slot = plan.user(a), b_slot = plan.user(b);
  const Plan::Slot scale = plan.user(Desc({1}, Type::f32, Tag::a));
  const Plan::Slot bias_slot = call.bias ? plan.user(bias) : Plan::Slot{};
  plan.add(dnnl::matmul(pd), pd.scratchpad_desc(),
           {{DNNL_ARG_DST, c_slot},
            {DNNL_ARG_SRC, a_slot},
            {DNNL_ARG_WEIGHTS, b_slot},
            {DNNL_ARG_BIAS, bias_slot},
            {DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC, call.alpha != 1 ? scale : Plan::Slot{}}});
  return true;
}

// y = x w' with w (N, K) in a layout of oneDNN's choice.
bool build_packed(Plan& plan, const Problem& p, const MatmulCall& call) {
  const Desc a({p.a.rows, p.a.columns}, type_of(call.a.dtype), Tag::ab);
  const Desc w({p.b.columns, p.b.rows}, type_of(call.b.dtype), Tag::any);
  const Desc c({p.c.rows, p.c.columns}, type_of(call.c.dtype), Tag::ab);
  const Desc bias = call.bias ? Desc({p.c.columns}, type_of(call.bias->dtype), Tag::a) : Desc();
  dnnl::primitive_attr attr = attributes();
  dnnl::post_ops ops;
  append_epilogue(ops, call.epilogue);
  attr.set_post_ops(ops);
  const auto kind = dnnl::prop_kind::forward_inference;
  using Forward = dnnl::inner_product_forward;
  const auto pd = call.bias ? Forward::primitive_desc(engine(), kind, a, w, bias, c, attr)
                            : Forward::primitive_desc(engine(), kind, a, w, c, attr);
  if (is_reference(pd.impl_info_str())) return false;
  plan.packed = pd.weights_desc();
  const Plan::Slot c_slot = plan.user(c), a_slot = plan.user(a), w_slot = plan.user(plan.packed);
  const Plan::Slot bias_slot = call.bias ? plan.user(bias) : Plan::Slot{};
  plan.add(Forward(pd), pd.scratchpad_desc(),
           {{DNNL_ARG_DST, c_slot},
            {DNNL_ARG_SRC, a_slot},
            {DNNL_ARG_WEIGHTS, w_slot},
            {DNNL_ARG_BIAS, bias_slot}});
  return true;
}

void run(Plan& plan, const MatmulCall& call, const void* c, const void* a, const void* b) {
  if (call.bias)
    plan.run({c, a, b, call.bias->data});
  else
    plan.run({c, a, b});
}

bool by_packed(const Problem& p, const MatmulCall& call, int threads, bool* early) {
  if (p.batch_dims > 0 || call.alpha != 1 || call.beta != 0 || p.a.rows > kMostRowsPacked) return false;
  if (p.a.transposed || p.a.leading != p.a.columns || p.c.leading != p.c.columns) return false;
  Plan* plan = PlanCache::of_thread().find(
      key_of(p, call, threads, true), [&](Plan& fresh) { return build_packed(fresh, p, call); }, early);
  if (!plan) return false;
  const Desc w({p.b.columns, p.b.rows}, type_of(call.b.dtype),
               p.b.transposed ? Sizes{p.b.leading, 1} : Sizes{1, p.b.leading});
  const PackedWeight packed = packed_weight(p.b.raw, call.b_stamp, w, plan->packed);
  run(*plan, call, p.c.raw, p.a.raw, packed.get());
  return true;
}

bool by_primitive(const Problem& p, const MatmulCall& call, int threads, bool* early) {
  Plan* plan = PlanCache::of_thread().find(
      key_of(p, call, threads, false), [&](Plan& fresh) { return build(fresh, p, call); }, early);
  if (!plan) return false;
  if (call.bias)
    plan->run({p.c.raw, p.a.raw, p.b.raw, &call.alpha, call.bias->data});
  else
    plan->run({p.c.raw, p.a.raw, p.b.raw, &call.alpha});
  return true;
}

bool run_matmul(const MatmulCall& call) {
  if (type_of(call.a.dtype) == Type::undef || type_of(call.b.dtype) == Type::undef ||
      type_of(call.c.dtype) == Type::undef)
    return false;
  if (call.bias &&
      (call.bias->ndim != 1 || call.bias->sizes[0] != call.c.sizes[call.c.ndim - 1] ||
       (call.bias->sizes[0] > 1 && call.bias->strides[0] != 1) || type_of(call.bias->dtype) == Type::undef))
    return false;
  Problem p;
  if (!simplify(call, p)) return false;
  if (p.c.transposed) {
    if (call.bias) return false;
    exchange(p);
  }

  const Threads threads(p.work() < kOneThread);
  const bool all_float = call.a.dtype == DType::Float32 && call.b.dtype == DType::Float32 &&
                         call.c.dtype == DType::Float32 && (!call.bias || call.bias->dtype == DType::Float32);
  const bool simple_epilogue = call.epilogue == Epilogue::None || call.epilogue == Epilogue::Relu;
  const bool bias_alone = !call.bias || call.beta == 0;
  const bool sgemms_can = all_float && simple_epilogue && bias_alone;
  const bool sgemm_can = sgemms_can && p.batch_dims == 0;
  const float* bias = call.bias ? static_cast<const float*>(call.bias->data) : nullptr;

  bool is_early = false;
  const bool same_bits = sgemms_can && p.a.columns <= kOneSum && call.alpha == 1 && call.beta == 0;
  bool* early = same_bits && p.work() <= kMostWorkEarly ? &is_early : nullptr;
  if (call.b_stamp != kDoNotKeep && by_packed(p, call, threads.count(), early)) return true;

  if (sgemm_can && (!cpu_has_avx512() || p.work() < kSmall)) {
    const int64_t b_elements = p.b.rows * p.b.columns;
    if (p.b.transposed && !p.a.transposed && p.c.rows > 1 && p.c.rows <= kFewRows &&
        b_elements >= kWorthExchange) {
      by_exchanged_sgemm(p, call, bias);
      return true;
    }
    const bool b_aliases = p.b.leading % kAliasing == 0 && p.c.rows > 1 && p.c.rows <= kMostRowsAliased;
    const bool a_aliases = p.a.transposed && p.a.leading % kAliasing == 0 && p.c.rows >= kBlockRows;
    if (!p.b.transposed && (b_aliases || a_aliases) && b_elements >= kWorthBlocks) {
      by_blocks(p, call, bias);
      return true;
    }
    if ((!bias && call.epilogue == Epilogue::None) || p.c.rows * p.c.columns <= kOwnEpilogue) {
      by_sgemm(p, call, bias);
      return true;
    }
  }
  if (!is_early && by_primitive(p, call, threads.count(), early)) return true;
  if (is_early) by_sgemms(p, call, bias);
  return is_early;
}

}  // namespace

bool matmul(const MatmulCall& call) {
  return guarded("matmul", {&call.c, &call.a, &call.b, call.bias}, [&] { return run_matmul(call); });
}

}  // namespace plait::cpu::dnn
