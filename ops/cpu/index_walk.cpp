#include "ops/cpu/index_walk.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "core/parallel.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;      // elements worth a fork-join
constexpr int64_t kShort = 8;          // columns that are walked one after the other rather than row by row,
constexpr int64_t kRowsAtATime = 512;  // this many rows at a time
constexpr int64_t kApart = 1024;       // bytes of a table between two threads

bool run_loop(PlacesLoop loop, const Places& p) {
  if (p.index.steps[1] == 0 || p.sizes[1] >= kShort || p.sizes[0] < 2 * kShort) return loop(p);
  // A few places in each of many rows: as long columns. Elements that meet do so along one of the two
  // dimensions, and stay in order.
  const auto column = [](const Places::Operand& x, int64_t row) {
    return Places::Operand{x.data + row * x.steps[0], {x.steps[1], x.steps[0]}};
  };
  for (int64_t row = 0; row < p.sizes[0]; row += kRowsAtATime) {
    Places columns = p;
    columns.sizes[0] = p.sizes[1];
    columns.sizes[1] = std::min(kRowsAtATime, p.sizes[0] - row);
    columns.list = column(p.list, row);
    columns.index = column(p.index, row);
    columns.table = column(p.table, row);
    if (!loop(columns)) return false;
  }
  return true;
}

int size_class(DType dtype) { return std::countr_zero(static_cast<uint64_t>(itemsize(dtype))); }

}  // namespace

void PlacesWalk::add_dim(int64_t size, int64_t list, int64_t index, int64_t table) {
  numel_ *= size;
  if (size == 1) return;
  if (ndim_ > 0) {
    Dim& inner = dims_[ndim_ - 1];
    if (list == inner.size * inner.steps[kList] && index == inner.size * inner.steps[kIndex] &&
        table == inner.size * inner.steps[kTable]) {
      inner.size *= size;
      return;
    }
  }
  dims_[ndim_++] = {size, {list, index, table}};
}

template <class F>
bool PlacesWalk::share(int64_t parts, const F& f) const {
  std::atomic<bool> good{true};
  parallel_for(0, parts, std::max<int64_t>(1, kGrain * parts / numel_), [&](int64_t begin, int64_t end) {
    if (!f(begin, end)) good = false;
  });
  return good;
}

bool PlacesWalk::read(PlacesLoop loop) const {
  if (numel_ == 0) return true;
  int widest = 0;
  for (int d = 1; d < ndim_; ++d)
    if (dims_[d].size > dims_[widest].size) widest = d;
  return share(dims_[widest].size,
               [&](int64_t begin, int64_t end) { return run(loop, widest, begin, end, 0, places_); });
}

bool PlacesWalk::write(PlacesLoop loop) const {
  if (numel_ == 0) return true;
  // Threads share the table along a dimension that is not the index's, or else by ranges of places.
  int widest = -1;
  for (int d = 0; d < ndim_; ++d)
    if (dims_[d].size >= num_threads() && dims_[d].size / num_threads() * dims_[d].steps[kTable] >= kApart &&
        (widest < 0 || dims_[d].size > dims_[widest].size))
      widest = d;
  if (widest >= 0)
    return share(dims_[widest].size,
                 [&](int64_t begin, int64_t end) { return run(loop, widest, begin, end, 0, places_); });
  return share(places_, [&](int64_t low, int64_t high) { return run(loop, 0, 0, dims_[0].size, low, high); });
}

// Visits the places in [low, high) of the part [begin, end) along a dimension.
bool PlacesWalk::run(PlacesLoop loop, int split, int64_t begin, int64_t end, int64_t low,
                     int64_t high) const {
  const auto operand = [&](Operand k) {
    return Places::Operand{first_[k] + begin * dims_[split].steps[k], {dims_[1].steps[k], dims_[0].steps[k]}};
  };
  const auto size = [&](int d) { return d == split ? end - begin : dims_[d].size; };
  const bool all = last_ < 0 && low == 0 && high == places_;
  Places p{
      {size(1), size(0)}, operand(kList), operand(kIndex), operand(kTable), step_, last_, low, high, all};
  int64_t at[kMaxDims] = {};
  for (;;) {
    if (!run_loop(loop, p)) return false;
    int d = 2;
    for (; d < ndim_; ++d) {
      const bool wraps = ++at[d] == size(d);
      const int64_t by = wraps ? 1 - size(d) : 1;
      p.list.data += by * dims_[d].steps[kList];
      p.index.data += by * dims_[d].steps[kIndex];
      p.table.data += by * dims_[d].steps[kTable];
      if (!wraps) break;
      at[d] = 0;
    }
    if (d >= ndim_) return true;
  }
}

PlacesLoop gather_loop(DType dtype) { return places_table().gather[size_class(dtype)]; }

PlacesLoop scatter_loop(DType dtype, Reduce reduce) {
  const PlacesTable& table = places_table();
  const int k = static_cast<int>(dtype);
  switch (reduce) {
    case Reduce::Assign: return table.put[size_class(dtype)];
    case Reduce::Add: return table.add[k];
    case Reduce::Mul: return table.multiply[k];
    case Reduce::Max: return table.maximum[k];
    default: return table.minimum[k];
  }
}

}  // namespace plait::cpu
