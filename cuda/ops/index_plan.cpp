#include "cuda/ops/index_plan.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "core/strided_iter.h"
#include "cuda/kernels/ordered.h"
#include "cuda/kernels/radix_sort.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/pointwise.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"
#include "cuda/runtime/stream.h"
#include "ops/cpu/index.h"

namespace plait::cuda {
namespace {

constexpr int64_t kMaxIndexed = (int64_t{1} << 31) - 1;  // steps of a plan of several dimensions
using Launcher = std::function<void(const IndexedPlan&)>;

void take(IndexedPlan& plan, int64_t begin, int64_t count) {
  const int d = plan.ndim - 1;
  for (int k = 0; k < IndexedPlan::kIndex + plan.indices; ++k)
    if (plan.data[k]) plan.data[k] += begin * plan.strides[d][k];
  plan.numel = plan.numel / plan.sizes[d] * count;
  plan.sizes[d] = count;
  while (plan.ndim > 1 && plan.sizes[plan.ndim - 1] == 1) --plan.ndim;
}

// 32-bit indices with fast division: the outermost dimension is cut until they suffice.
void launch_parts(const IndexedPlan& plan, const Launcher& launcher) {
  if (plan.numel == 0) return;
  if (plan.ndim == 1 || plan.numel <= kMaxIndexed) return launcher(plan);
  const int64_t size = plan.sizes[plan.ndim - 1], first = size / 2;
  IndexedPlan low = plan, high = plan;
  take(low, 0, first);
  take(high, first, size - first);
  launch_parts(low, launcher);
  launch_parts(high, launcher);
}

// Dimensions beyond what a plan holds are walked here: tensors with so many that do not merge are small.
void walk_outer(IndexedPlan& plan, const StridedIter& iter, const int* slot, int dim, char* const* data,
                const Launcher& launcher) {
  if (dim < IndexedPlan::kMaxDims) {
    for (int k = 0; k < iter.operands(); ++k) plan.data[slot[k]] = data[k];
    return launch_parts(plan, launcher);
  }
  char* at[IndexedPlan::kOperands];
  for (int64_t i = 0; i < iter.size(dim); ++i) {
    for (int k = 0; k < iter.operands(); ++k) at[k] = data[k] + i * iter.stride(dim, k);
    walk_outer(plan, iter, slot, dim - 1, at, launcher);
  }
}

void set_number(int64_t (&bits)[2], const Tensor& number, DType dtype) {
  visit(dtype, [&]<class T>() {
    const T value = item(number).to<T>();
    std::memcpy(bits, &value, sizeof(T));
  });
}

void walk(const IndexedCall& call, bool reads, const Launcher& launcher) {
  IndexedPlan plan;
  StridedIter iter;
  int slot[IndexedPlan::kOperands];
  char* data[IndexedPlan::kOperands];
  int taken = 0;
  std::vector<Tensor> windows;  // the iterator borrows
  windows.reserve(IndexedPlan::kOperands);
  const auto add = [&](int k, const Tensor& window) {
    slot[taken++] = k;
    windows.push_back(window);
    taken == 1 ? iter.output(windows.back()) : iter.input(windows.back());
  };
  for (auto& strides : plan.strides) std::fill(strides, strides + IndexedPlan::kOperands, 0);
  std::fill(plan.data, plan.data + IndexedPlan::kOperands, nullptr);

  const bool is_constant = is_number(call.here);
  // Where the result is contiguous decides the order of the dimensions.
  if (reads) add(IndexedPlan::kHere, call.here);
  add(IndexedPlan::kThere, seen_as(call.there, call.sizes, call.there_strides));
  if (!reads && !is_constant) add(IndexedPlan::kHere, call.here);
  if (is_constant) set_number(plan.number, call.here, call.there.dtype());
  plan.indices = static_cast<int>(call.indices.size());
  for (int k = 0; k < plan.indices; ++k) {
    const IndexOperand& index = call.indices[static_cast<size_t>(k)];
    add(IndexedPlan::kIndex + k, seen_as(index.values, call.sizes, index.strides));
    plan.index[k] = {index.size, index.stride, index.skipped, index.dim, index.values.dtype() == DType::Int64,
                     index.wrap};
  }
  iter.build();
  plan.op = call.op;
  plan.fault = fault_slot();
  plan.ndim = std::min(iter.ndim(), IndexedPlan::kMaxDims);
  plan.numel = 1;
  for (int d = 0; d < plan.ndim; ++d) {
    plan.sizes[d] = iter.size(d);
    plan.numel *= iter.size(d);
    for (int k = 0; k < taken; ++k) plan.strides[d][slot[k]] = iter.stride(d, k);
  }
  if (plan.ndim == 0) {
    plan.ndim = 1;
    plan.sizes[0] = 1;
  }
  for (int k = 0; k < taken; ++k) data[k] = iter.data(k);
  walk_outer(plan, iter, slot, iter.ndim() - 1, data, launcher);
}

// As int32 or int64, which kernels read.
Tensor settled(const char* op, const Tensor& index) {
  const DType dtype = index.dtype();
  if (dtype == DType::Int64 || dtype == DType::Int32) return index;
  check<TypeError>(is_integral(dtype),
                   "{}: expected indices of dtype int64 or int32, got {}; convert them with .long()", op,
                   dtype);
  return converted(index, DType::Int64);
}

// Does an index decide where an element goes as the walk moves along dimension d?
bool varies(std::span<const IndexOperand> indices, int d) {
  return std::any_of(indices.begin(), indices.end(),
                     [d](const IndexOperand& i) { return i.strides[d] != 0; });
}

// More index tensors than a kernel takes: one of byte offsets stands for several.
IndexOperand folded(const IndexedCall& call, std::span<const IndexOperand> indices) {
  Dims sizes(call.sizes);
  for (int d = 0; d < sizes.size(); ++d)
    if (!varies(indices, d)) sizes[d] = 1;
  const Tensor offsets = empty_tensor(sizes, DType::Int64, call.there.device());
  IndexedCall fold{
      call.op, sizes, call.there, Dims(sizes.size(), 0), offsets, {indices.begin(), indices.end()}};
  walk(fold, true, [](const IndexedPlan& plan) { index_offsets(plan); });
  Dims strides(offsets.strides());
  for (int d = 0; d < sizes.size(); ++d)
    if (sizes[d] == 1) strides[d] = 0;
  return {offsets, strides, INT64_MAX, 1, indices[0].dim, false, -1};
}

// ---- in order

// Of t, broadcast to sizes.
Dims broadcast_strides(const Tensor& t, const Dims& sizes) {
  Dims strides(sizes.size(), 0);
  const int lead = sizes.size() - static_cast<int>(t.dim());
  for (int d = std::max(0, -lead); d < t.dim(); ++d)
    if (t.sizes()[d] != 1) strides[lead + d] = t.strides()[d];
  return strides;
}

// Do results depend on the order in which places that meet are written?
bool depends_on_order(IndexedOp what, DType dtype) {
  if (what == IndexedOp::Assign) return true;
  return (what == IndexedOp::Add || what == IndexedOp::Mul) && (is_floating(dtype) || is_complex(dtype));
}

// Note [Writing in order]: the dimensions of the walk along which an index decides are rows, together; each
// has one place, the sum of its strides and indices, and is sorted by it. The other dimensions are columns,
// which never meet.
void run_in_order(IndexedOp what, const IndexedCall& call) {
  constexpr int64_t kMostRows = (int64_t{1} << 32) - 1;
  const int64_t bytes = itemsize(call.there.dtype());
  // Without an index the elements of `there` overlap.
  const auto meets = [&](int d) {
    return call.indices.empty() || call.there_strides[d] == 0 || varies(call.indices, d);
  };
  OrderedPlan plan;
  plan.rows = plan.columns = 1;
  Dims order_of_dims, ordered_sizes;
  for (const bool rows : {true, false}) {
    for (int d = 0; d < call.sizes.size(); ++d) {
      if (meets(d) != rows) continue;
      const int64_t size = call.sizes[d], stride = call.there_strides[d];
      order_of_dims.push_back(d);
      ordered_sizes.push_back(size);
      if (rows) {
        plan.rows *= size;
      } else {
        plan.columns *= size;
        plan.sizes[plan.ndim] = size;
        plan.strides[plan.ndim++] = stride * bytes;
      }
    }
  }
  check<NotImplementedError>(
      plan.rows <= kMostRows,
      "{}: at most 2^32 - 1 indices are written in a fixed order, got {}; take parts of them", call.op,
      plan.rows);
  // The places of the rows, in the order of the walk.
  IndexedCall places = call;
  for (int d = 0; d < call.sizes.size(); ++d)
    if (!meets(d)) places.sizes[d] = 1;
  const auto n = static_cast<size_t>(plan.rows);
  const Workspace keys(2 * n * sizeof(uint64_t)), order(2 * n * sizeof(uint32_t));
  const Tensor first = empty_tensor(places.sizes, DType::Int64, call.there.device());
  places.here = first;
  walk(places, true, [](const IndexedPlan& p) { index_offsets(p); });
  int64_t reach = 0;
  for (int d = 0; d < call.there.dim(); ++d)
    reach += (call.there.sizes()[d] - 1) * call.there.strides()[d] * bytes;
  for (int d = 0; d < call.sizes.size(); ++d) reach += (call.sizes[d] - 1) * call.there_strides[d] * bytes;
  SortBuffers<uint64_t> buffers{static_cast<uint64_t*>(first.data_ptr()), keys.as<uint64_t>(),
                                order.as<uint32_t>(), order.as<uint32_t>() + n};
  number_rows(buffers.values, plan.rows);
  // Places that are refused have all bits set and come last.
  sort_pairs(buffers, plan.rows, bits_below(static_cast<uint64_t>(reach) + 2));
  plan.keys = buffers.keys;
  plan.order = buffers.values;
  plan.there = static_cast<char*>(call.there.data_ptr());
  plan.here = nullptr;
  Tensor here;
  if (is_number(call.here)) {
    set_number(plan.number, call.here, call.there.dtype());
  } else {
    const Dims strides = broadcast_strides(call.here, call.sizes);
    Dims ordered;
    for (const int64_t d : order_of_dims) ordered.push_back(strides[static_cast<int>(d)]);
    here = contiguous(seen_as(call.here, ordered_sizes, ordered));
    plan.here = static_cast<const char*>(here.data_ptr());
  }
  combine_in_order(plan, what, call.there.dtype());
}

}  // namespace

Tensor seen_as(const Tensor& t, const Dims& sizes, const Dims& strides) {
  return from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset());
}

void start_from(const Tensor& out, const Tensor& self) {
  if (out.data_ptr() != self.data_ptr()) copy_on_device(out, self);
}

Tensor without_overlap(const Tensor& t, const Tensor& out) {
  return overlap(t, out) == Overlap::None ? t : clone_plain(detached_alias(t));
}

void zero_fill(const Tensor& out) {
  if (out.numel() == 0) return;
  if (!out.is_contiguous()) return fill(out, Scalar(0));
  zero_memory(out.data_ptr(), static_cast<size_t>(out.nbytes()));
}

IndexedCall indexed_call(const char* op, const Tensor& there, TensorList indices, const Tensor& here) {
  const cpu::IndexLayout layout = cpu::index_layout(op, there, indices);
  const auto is_indexed = [&](int d) {
    return d < static_cast<int>(indices.size()) && indices[static_cast<size_t>(d)].defined();
  };
  IndexedCall call{op, {}, there, {}, here, {}};
  const auto place = [&] {
    for (const int64_t size : layout.shape) {
      call.sizes.push_back(size);
      call.there_strides.push_back(0);
    }
  };
  bool placed = !layout.adjacent;
  if (placed) place();
  for (int d = 0; d < there.dim(); ++d) {
    if (!is_indexed(d)) {
      call.sizes.push_back(there.sizes()[d]);
      call.there_strides.push_back(there.strides()[d]);
    } else if (!placed) {
      place();
      placed = true;
    }
  }
  for (int d = 0; d < there.dim(); ++d) {
    if (!is_indexed(d)) continue;
    IndexOperand index{settled(op, indices[static_cast<size_t>(d)]),
                       Dims(call.sizes.size(), 0),
                       there.sizes()[d],
                       there.strides()[d] * itemsize(there.dtype()),
                       d,
                       true};
    const int own = static_cast<int>(index.values.dim()), lead = layout.shape.size() - own;
    for (int i = 0; i < own; ++i)
      if (index.values.sizes()[i] != 1) index.strides[layout.first + lead + i] = index.values.strides()[i];
    call.indices.push_back(std::move(index));
  }
  return call;
}

IndexedCall row_call(const char* op, const Tensor& there, int d, const Tensor& given, const Tensor& here) {
  const Tensor index = settled(op, given);
  const int64_t step = index.dim() == 0 || index.numel() == 1 ? 0 : index.strides()[0];
  IndexedCall call{op, there.sizes(), there, there.strides(), here, {}};
  if (there.dim() == 0) {
    call.sizes = Dims{index.numel()};
    call.there_strides = Dims{0};
    call.indices.push_back({index, Dims{step}, 1, 0, 0, false});
    return call;
  }
  call.sizes[d] = index.numel();
  call.there_strides[d] = 0;
  Dims strides(call.sizes.size(), 0);
  strides[d] = step;
  call.indices.push_back(
      {index, strides, there.sizes()[d], there.strides()[d] * itemsize(there.dtype()), d, false});
  return call;
}

IndexedCall along_call(const char* op, const Tensor& there, int d, const Tensor& given, const Tensor& here) {
  const Tensor index = settled(op, given);
  const Dims& sizes = index.sizes();
  IndexedCall call{op, sizes, there, Dims(sizes.size(), 0), here, {}};
  if (there.dim() == 0) {
    call.indices.push_back({index, index.strides(), 1, 0, 0, false});
  } else {
    if (sizes.size() == there.dim()) {
      call.there_strides = there.strides();
      call.there_strides[d] = 0;
    }
    call.indices.push_back(
        {index, index.strides(), there.sizes()[d], there.strides()[d] * itemsize(there.dtype()), d, false});
  }
  if (here.numel() == 1 && !is_number(here))
    call.here = seen_as(here, Dims(), Dims());
  else if (here.dim() == sizes.size() && here.sizes() != sizes)
    call.here = seen_as(here, sizes, here.strides());
  return call;
}

void run_indexed(IndexedOp what, IndexedCall call) {
  for (const int64_t size : call.sizes)
    if (size == 0) return;
  while (call.indices.size() > IndexedPlan::kMaxIndices) {
    const std::span<const IndexOperand> last(call.indices.end() - IndexedPlan::kMaxIndices,
                                             call.indices.end());
    IndexOperand one = folded(call, last);
    call.indices.resize(call.indices.size() - IndexedPlan::kMaxIndices);
    call.indices.push_back(std::move(one));
  }
  const DType dtype = call.there.dtype();
  const int64_t bytes = itemsize(dtype);
  const bool no_atomics = dtype == DType::Complex128 && what == IndexedOp::Mul;
  if (no_atomics || (settings().deterministic && what != IndexedOp::Read && depends_on_order(what, dtype)))
    return run_in_order(what, call);
  switch (what) {
    case IndexedOp::Read:
      return walk(call, true, [bytes](const IndexedPlan& plan) { index_read(plan, bytes); });
    case IndexedOp::Assign:
      return walk(call, false, [bytes](const IndexedPlan& plan) { index_assign(plan, bytes); });
    default: break;
  }
  const auto kernel = index_combine(what, dtype);
  if (!kernel) fail<TypeError>("{}: not defined for dtype {} on cuda", call.op, dtype);
  walk(call, false, kernel);
}

}  // namespace plait::cuda
