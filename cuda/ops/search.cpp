// Looking up values: searchsorted, bucketize; and the distinct ones: _unique.
#include "ops/decl/search.h"

#include "cuda/attach.h"
#include "cuda/kernels/mask.h"
#include "cuda/kernels/search.h"
#include "cuda/kernels/sort.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_mask.h"
#include "cuda/ops/index_plan.h"
#include "cuda/ops/read_back.h"
#include "cuda/runtime/memory.h"
#include "ops/decl/index.h"

namespace plait::cuda {
namespace {

bool right_side(const char* op, bool right, std::optional<std::string_view> side) {
  if (!side) return right;
  check(*side == "left" || *side == "right", "{}: expected side 'left' or 'right', got '{}'", op, *side);
  check(*side == "right" || !right, "{}: side='left' and right=True contradict each other", op);
  return *side == "right";
}

Tensor packed(const Tensor& t, DType dtype) { return contiguous(converted(t, dtype)); }

void search(const Tensor& out, const Tensor& sorted, const Tensor& values, bool right, const Tensor& sorter) {
  if (out.numel() == 0) return;
  const DType common = result_type(sorted, values);
  Tensor edges = packed(sorted, common);
  const Tensor sought =
      values.is_cpu() ? scalar_tensor(item(values), common, sorted.device()) : packed(values, common);
  if (sorter.defined()) {
    check(sorter.sizes() == sorted.sizes(),
          "searchsorted: sorter of shape {} must have the shape of the sequence, {}", sorter.sizes(),
          sorted.sizes());
    const Tensor in_order = empty_tensor(edges.sizes(), common, edges.device());
    run_indexed(IndexedOp::Read,
                along_call("searchsorted", edges, static_cast<int>(sorted.dim()) - 1, sorter, in_order));
    edges = in_order;
  }
  const Tensor to = out.is_contiguous() ? out : empty_tensor(out.sizes(), out.dtype(), out.device());
  const int64_t per_row = sorted.dim() > 1 ? (values.dim() ? values.sizes().back() : 1) : 0;
  search_sorted({edges.data_ptr(), sought.data_ptr(), common, sorted.sizes().back(), per_row, out.numel(),
                 to.data_ptr(), out.dtype() == DType::Int64, right});
  if (!to.same(out)) copy_on_device(out, to);
}

CudaKernel searchsorted_kernel(op::searchsorted,
                               [](const Tensor& out, const Tensor& sorted, const Tensor& self, bool,
                                  bool right, std::optional<std::string_view> side, const Tensor& sorter) {
                                 search(out, sorted, self, right_side("searchsorted", right, side), sorter);
                               });

CudaKernel bucketize_kernel(op::bucketize,
                            [](const Tensor& out, const Tensor& self, const Tensor& boundaries, bool,
                               bool right) { search(out, boundaries, self, right, Tensor()); });

// ---- the distinct ones

using Triple = std::tuple<Tensor, Tensor, Tensor>;

Tensor int64s(const Dims& sizes, const Tensor& beside) {
  return empty_tensor(sizes, DType::Int64, beside.device());
}

// (rows, n) in rising order, with where each stood.
struct Sorted {
  Tensor values, order;
};
Sorted sorted_rows(const Tensor& x, int64_t rows, int64_t n) {
  Sorted out{empty_tensor(x.sizes(), x.dtype(), x.device()), int64s(x.sizes(), x)};
  sort_rows(
      {x.data_ptr(), x.dtype(), false, rows, n, 1, n, out.values.data_ptr(), out.order.data<int64_t>()});
  return out;
}

// Marks in the order of the items where a new one begins, and how many began before each tile.
struct Heads {
  explicit Heads(const Tensor& beside, int64_t n)
      : marks(empty_tensor(Dims{n}, DType::Bool, beside.device())),
        before(int64s(Dims{mask_tiles(n) + 1}, beside)),
        n(n) {}
  uint8_t* data() const { return static_cast<uint8_t*>(marks.data_ptr()); }
  void count() const { count_mask(data(), n, before.data<int64_t>()); }
  int64_t total() const { return read_back(before.data<int64_t>() + mask_tiles(n)); }

  Tensor marks, before;
  int64_t n;
};

// The inverse, and the first of each group and its size, from an order and its heads.
struct Groups {
  Tensor first, inverse, counts;
};
Groups groups_of(const Heads& heads, const Tensor& order) {
  heads.count();
  const int64_t n = heads.n, count = heads.total();
  Groups groups{int64s(Dims{count}, order), int64s(Dims{n}, order), int64s(Dims{count}, order)};
  scatter_ranks(groups.inverse.data<int64_t>(), order.data<int64_t>(), heads.data(), n, n,
                heads.before.data<int64_t>());
  const Tensor starts = int64s(Dims{count}, order);
  const MaskShape flat{1, {n}};
  positions_of_mask(starts.data<int64_t>(), heads.data(), n, heads.before.data<int64_t>(), flat);
  run_lengths(groups.counts.data<int64_t>(), starts.data<int64_t>(), count, n);
  select_masked(groups.first.data_ptr(), order.data_ptr(), heads.data(), n, heads.before.data<int64_t>(),
                sizeof(int64_t));
  return groups;
}

Triple unique_elements(const Tensor& self) {
  const int64_t n = self.numel();
  if (n == 0)
    return {empty_tensor(Dims{0}, self.dtype(), self.device()), int64s(self.sizes(), self),
            int64s(Dims{0}, self)};
  const Tensor packed = contiguous(self);
  const Sorted sorted = sorted_rows(seen_as(packed, Dims{n}, Dims{1}), 1, n);
  const Heads heads(self, n);
  mark_heads(heads.data(), sorted.values.data_ptr(), self.dtype(), n, n, false);
  const Groups groups = groups_of(heads, sorted.order);
  const Tensor values = empty_tensor(groups.first.sizes(), self.dtype(), self.device());
  select_masked(values.data_ptr(), sorted.values.data_ptr(), heads.data(), n, heads.before.data<int64_t>(),
                itemsize(self.dtype()));
  return {values, seen_as(groups.inverse, self.sizes(), contiguous_strides(self.sizes())), groups.counts};
}

// Note [Ordering slices]: the order of slices is that of their elements, one after the other. All columns (of
// n elements, one of each slice) are sorted at once and their elements become ranks; then the ranks of
// neighbouring columns make pairs, which are sorted and ranked in turn, until one column is left: log2(width)
// sorts, of twice as many elements as there are, whatever the width.
Tensor order_of_slices(const Tensor& slices, int64_t n, int64_t width) {
  const Tensor turned = seen_as(slices, Dims{width, n}, Dims{1, width});
  Tensor keys = contiguous(turned);
  for (int64_t columns = width;; columns = (columns + 1) / 2) {
    const Sorted sorted = sorted_rows(keys, columns, n);
    if (columns == 1) return sorted.order;
    // What is equal has one rank, NaN too: the next columns decide.
    const Heads heads(slices, columns * n);
    mark_heads(heads.data(), sorted.values.data_ptr(), keys.dtype(), columns * n, n, true);
    heads.count();
    const Tensor ranks = int64s(Dims{columns, n}, slices);
    scatter_ranks(ranks.data<int64_t>(), sorted.order.data<int64_t>(), heads.data(), columns * n, n,
                  heads.before.data<int64_t>());
    keys = int64s(Dims{(columns + 1) / 2, n}, slices);
    pair_ranks(keys.data<int64_t>(), ranks.data<int64_t>(), columns, n);
  }
}

Triple unique_slices(const Tensor& self, int d) {
  const int64_t n = self.sizes()[d];
  check(self.numel() > 0 || n == 0,
        "unique: dimension {} of shape {} has {} slices without elements, which cannot be told apart", d,
        self.sizes(), n);
  check<NotImplementedError>(
      self.numel() < int64_t{1} << 31,
      "unique: slices of 2^31 elements and more in all are not supported on cuda, got shape {}",
      self.sizes());
  if (n == 0)
    return {empty_tensor(self.sizes(), self.dtype(), self.device()), int64s(Dims{0}, self),
            int64s(Dims{0}, self)};
  Dims sizes(self.sizes()), strides(self.strides());
  sizes.erase(d);
  strides.erase(d);
  sizes.insert(0, n);
  strides.insert(0, self.strides()[d]);
  const Tensor slices = contiguous(seen_as(self, sizes, strides));
  const int64_t width = self.numel() / n;
  const Tensor order = order_of_slices(slices, n, width);
  const Heads heads(self, n);
  mark_unlike_items(heads.data(), slices.data_ptr(), self.dtype(), order.data<int64_t>(), n, width);
  const Groups groups = groups_of(heads, order);
  return {plait::index_select(self, d, groups.first), groups.inverse, groups.counts};
}

CudaDirect unique_kernel(op::_unique, [](const Tensor& self, std::optional<int64_t> dim) {
  check<TypeError>(!is_complex(self.dtype()),
                   "unique: complex numbers have no order; view them as real with view_as_real()");
  if (!dim || self.dim() == 0) return unique_elements(self);
  return unique_slices(self, wrap_dim(*dim, self.dim(), "unique"));
});

}  // namespace
}  // namespace plait::cuda
