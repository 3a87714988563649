// One index along a dimension: of whole rows, or of an element for each (gather and scatter).
#include "ops/cpu/index.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/index_walk.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements worth a fork-join

[[noreturn]] void fail_index(const char* op, int64_t value, int64_t size, int64_t dim, bool wrap) {
  fail<IndexError>("{}: index {} is out of range for dimension {} with size {}; expected {} to {}", op, value,
                   dim, size, wrap ? -size : 0, size - 1);
}

}  // namespace

Tensor checked_index(const char* op, const Tensor& index, int64_t size, int64_t dim, bool wrap) {
  if (!is_integral(index.dtype()))
    fail<TypeError>("{}: expected indices of dtype int64 or int32, got {}; convert them with .long()", op,
                    index.dtype());
  Tensor out = index;
  if (index.dtype() != DType::Int64 || !index.is_contiguous()) {
    out = empty_tensor(index.sizes(), DType::Int64);
    copy(out, index);
  }
  const int64_t* values = out.data<int64_t>();
  const int64_t n = out.numel();
  bool negative = false;
  const auto scan = [&](int64_t begin, int64_t end) {
    if (places_table().inside(values + begin, end - begin, size)) return;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (int64_t i = begin; i < end; ++i) {
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
    if (high >= size) fail_index(op, high, size, dim, wrap);
    if (low < 0) {
      if (!wrap || low < -size) fail_index(op, low, size, dim, wrap);
      __atomic_store_n(&negative, true, __ATOMIC_RELAXED);
    }
  };
  if (n > 0) parallel_for(0, n, 4 * kGrain, scan);
  if (!negative) return out;
  if (out.same(index)) {
    out = empty_tensor(index.sizes(), DType::Int64);
    std::memcpy(out.data_ptr(), values, n * sizeof(int64_t));
  }
  int64_t* wrapped = out.data<int64_t>();
  parallel_for(0, n, 4 * kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) wrapped[i] += wrapped[i] < 0 ? size : 0;
  });
  return out;
}

namespace {

// The walk of contiguous rows: a list (outer, m, slab) and a table (outer, n, slab) along an index of m.
PlacesWalk rows_walk(const Tensor& table, const Tensor& index, const Tensor& list, int64_t outer, int64_t n,
                     int64_t slab) {
  const int64_t m = index.numel(), size = itemsize(table.dtype());
  PlacesWalk walk(table.data_ptr(), index.data<int64_t>(), list.data_ptr(), slab * size, n, true);
  walk.add_dim(slab, size, 0, size);
  walk.add_dim(m, slab * size, sizeof(int64_t), 0);
  walk.add_dim(outer, m * slab * size, 0, n * slab * size);
  return walk;
}

// The walk along dimension `dim` of a table. A list of one element is repeated. Each of the three may be 0-d,
// which counts as one dimension of size 1.
PlacesWalk along_walk(const Tensor& table, int dim, const Tensor& index, const Tensor& list, bool checked) {
  const int64_t size = itemsize(table.dtype());
  const bool whole = table.dim() == 0;
  PlacesWalk walk(table.data_ptr(), index.data<int64_t>(), list.data_ptr(),
                  whole ? 0 : table.strides()[dim] * size, whole ? 1 : table.sizes()[dim], checked);
  const bool one = list.numel() == 1;
  const auto ndim = static_cast<int>(std::max<int64_t>(index.dim(), 1));
  for (int d = ndim - 1; d >= 0; --d)
    walk.add_dim(index.dim() == 0 ? 1 : index.sizes()[d],
                 one || list.dim() == 0 ? 0 : list.strides()[d] * size,
                 index.dim() == 0 ? 0 : index.strides()[d] * static_cast<int64_t>(sizeof(int64_t)),
                 d == dim || whole ? 0 : table.strides()[d] * size);
  return walk;
}

int64_t places_of(const Tensor& table, int dim) { return table.dim() > 0 ? table.sizes()[dim] : 1; }

Tensor with_layout(const Tensor& t, const Dims& sizes, const Dims& strides) {
  return from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset());
}

}  // namespace

// ---- rows

void gather_rows(const Tensor& out, const Tensor& src, const Tensor& index, int64_t outer, int64_t n,
                 int64_t slab) {
  rows_walk(src, index, out, outer, n, slab).read(gather_loop(out.dtype()));
}

void put_rows(const Tensor& out, const Tensor& src, const Tensor& index, int64_t outer, int64_t n,
              int64_t slab, bool accumulate) {
  rows_walk(out, index, src, outer, n, slab)
      .write(scatter_loop(out.dtype(), accumulate ? Reduce::Add : Reduce::Assign));
}

// ---- gather and scatter

Tensor checked_along(const char* op, const Tensor& index, const Tensor& table, int dim) {
  Dims sizes(index.sizes());
  for (int d = 0; d < index.dim(); ++d)
    if (index.strides()[d] == 0 && sizes[d] > 1) sizes[d] = 1;
  const Tensor once = with_layout(index, sizes, index.strides());
  const Tensor checked = checked_index(op, once, places_of(table, dim), dim, false);
  Dims strides(checked.strides());
  for (int d = 0; d < index.dim(); ++d)
    if (sizes[d] != index.sizes()[d]) strides[d] = 0;
  return with_layout(checked, index.sizes(), strides);
}

void gather_along(const char* op, const Tensor& out, const Tensor& self, int dim, const Tensor& index) {
  if (out.numel() == 0) return;
  const Tensor at = index.dtype() == DType::Int64 ? index : checked_along(op, index, self, dim);
  if (!along_walk(self, dim, at, out, false).read(gather_loop(out.dtype())))
    checked_index(op, index, places_of(self, dim), dim, false);  // raises
}

void scatter_along(const Tensor& out, int dim, const Tensor& index, const Tensor& src, Reduce reduce) {
  along_walk(out, dim, index, src, true).write(scatter_loop(out.dtype(), reduce));
}

}  // namespace plait::cpu
