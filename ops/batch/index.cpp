// Reading and writing by index. Where the index differs from entry to entry, the batch becomes a dimension of
// the table, too, and each entry reads or writes its own part: by gather and scatter, which check every place
// against the bounds of an entry.
#include "ops/decl/index.h"
#include "ops/alpha.h"
#include "ops/batch/rules.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/create_range.h"
#include "ops/decl/embedding.h"
#include "ops/decl/embedding_bag.h"
#include "ops/decl/index_mask.h"
#include "ops/decl/index_write.h"
#include "ops/decl/join.h"
#include "ops/decl/minmax.h"
#include "ops/decl/scan.h"
#include "ops/decl/scatter.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait::batch {
namespace {

// (batch, k) places as an index for gather along `dim` of a tensor of `sizes`.
Tensor expanded_index(const Tensor& index, IntSpan sizes, int64_t dim) {
  Dims shape(static_cast<int>(sizes.size()), 1), whole(sizes);
  shape[0] = index.sizes()[0];
  shape[static_cast<int>(dim)] = whole[static_cast<int>(dim)] = index.sizes()[1];
  return plait::expand(plait::reshape(index, shape), whole);
}
Tensor rows_of(const BatchCall& c, const Tensor& index) {
  return plait::reshape(c.full(index), IntSpan(Dims{c.size, index.numel()}));
}

// gather, scatter and their kin: tensors of the same number of dimensions.
void side_by_side(BatchCall& c) {
  for (int p = 0; p < static_cast<int>(c.op.schema().params.size()); ++p)
    if (is_tensor(c, p))
      if (const Tensor& t = c.args[p].tensor(); t.defined() && t.dim() == 0 && !t.is_wrapped_number())
        return c.for_each();
  shifted(c);
}
void gather_backward(BatchCall& c) {
  if (c.dim(0) == 0 || c.args[1].ints().empty()) return c.for_each();
  std::vector<Value> args = c.copy_args();
  args[0] = Value(c.full(0));
  args[1] = Value(with_batch(c, c.args[1].ints()));
  args[2] = Value(behind_batch(c, c.args[2].integer(), c.args[1].ints().size()));
  args[3] = Value(c.full(3));
  c.call(args);
}

void index_select(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &index = c.args[2].tensor();
  const int64_t ndim = self.dim();
  if (ndim == 0 || index.dim() != 1) return c.for_each();
  const int64_t dim = wrap_dim(c.args[1].integer(), ndim, "index_select");
  if (!c.has(2)) return c.give(plait::index_select(c.front(0), dim + 1, c.front(2)));
  if (!c.has(0)) {
    const Tensor all = plait::reshape(c.front(2), IntSpan(Dims{c.size * index.numel()}));
    return c.give(0, unfold(plait::index_select(c.front(0), dim, all), c.size, static_cast<int>(dim)),
                  static_cast<int>(dim));
  }
  const Tensor table = c.full(0);
  c.give(plait::gather(table, dim + 1, expanded_index(c.full(2), table.sizes(), dim + 1)));
}
void index_select_backward(BatchCall& c) {
  const Dims& size = c.args[1].ints();
  if (size.empty() || c.args[3].tensor().dim() != 1) return c.for_each();
  const int64_t dim = behind_batch(c, c.args[2].integer(), size.size());
  const Tensor grad = c.full(0);
  if (!c.has(3)) return c.give(plait::_index_select_backward(grad, with_batch(c, size), dim, c.front(3)));
  const Tensor zeros = plait::zeros(with_batch(c, size), grad.dtype(), grad.device());
  c.give(plait::scatter_add(zeros, dim, expanded_index(c.full(3), grad.sizes(), dim), grad));
}

void embedding(BatchCall& c) {
  const Tensor& index = c.args[1].tensor();
  std::vector<Value> args = c.copy_args();
  if (!c.has(0)) {
    args[0] = Value(c.front(0));
    args[1] = Value(c.front(1));
    return c.call(args);
  }
  const Tensor table = c.full(0);
  Dims shape(index.sizes());
  shape.push_back(table.sizes()[2]);
  if (!c.has(1)) {
    const Tensor rows = plait::reshape(c.front(1), IntSpan(Dims{index.numel()}));
    return c.give(plait::reshape(plait::index_select(table, 1, rows), with_batch(c, shape)));
  }
  const Tensor rows = expanded_index(rows_of(c, index), table.sizes(), 1);
  c.give(plait::reshape(plait::gather(table, 1, rows), with_batch(c, shape)));
}
void embedding_backward(BatchCall& c) {
  const Tensor &given = c.args[0].tensor(), &index = c.args[1].tensor();
  const int64_t rows = c.args[2].integer(), padding = c.args[3].integer();
  if (c.args[4].boolean() || given.dim() == 0) return c.for_each();
  // What stands for nothing learns nothing.
  const Tensor grad =
      padding < 0 ? given
                  : plait::masked_fill(given, plait::unsqueeze(plait::eq(index, wrapped_scalar(padding)), -1),
                                       wrapped_scalar(0));
  const int64_t columns = grad.sizes().back();
  const Tensor each = plait::reshape(c.full(grad), IntSpan(Dims{c.size, index.numel(), columns}));
  const Dims size{c.size, rows, columns};
  if (!c.has(1)) {
    const Tensor places = plait::reshape(c.front(1), IntSpan(Dims{index.numel()}));
    return c.give(plait::_index_select_backward(each, size, 1, places));
  }
  const Tensor zeros = plait::zeros(size, grad.dtype(), grad.device());
  c.give(plait::scatter_add(zeros, 1, expanded_index(rows_of(c, index), each.sizes(), 1), each));
}

void embedding_masked(BatchCall& c) {
  const Tensor &weight = c.args[0].tensor(), &index = c.args[1].tensor();
  const int64_t padding = c.args[2].integer();
  if (c.args[3].boolean()) return c.for_each();
  const Tensor rows = plait::embedding(weight, index, std::nullopt, false, false);
  if (padding < 0) return give_hidden(c, 0, rows);
  const Tensor nothing = plait::unsqueeze(plait::eq(index, wrapped_scalar(padding)), -1);
  give_hidden(c, 0, plait::masked_fill(rows, nothing, wrapped_scalar(0)));
}

// The bags of all entries are one list, and so are the tables where each entry has its own.
void embedding_bag(BatchCall& c) {
  const Tensor &table = c.args[0].tensor(), &index = c.args[1].tensor(), &starts = c.args[2].tensor();
  std::vector<Value> args = c.copy_args();
  Tensor rows = index;
  const auto each = [&](int64_t step) {  // of entry i the number i * step
    return hide_dim(plait::arange(Scalar(c.size), DType::Int64, index.device()) * Scalar(step), 0, c.level);
  };
  args[0] = Value(c.front(0));
  if (c.has(0)) {
    const int64_t count = table.sizes()[0];
    args[0] = Value(fold(c.full(0)));
    // What is out of range in the entry's table is so in that of all.
    const Tensor beyond = plait::where(plait::lt(index, wrapped_scalar(count)), index + each(count),
                                       plait::full_like(index, Scalar(count * c.size)));
    rows = plait::where(plait::lt(index, wrapped_scalar(0)), index, beyond);
  }
  args[1] = Value(fold(c.full(rows)));
  if (c.args[3].tensor().defined()) args[3] = Value(fold(c.full(3)));
  if (!starts.defined()) {
    Value made;
    c.op.call_boxed(args.data(), &made);
    return c.give(unfold(made.tensor(), c.size));
  }
  // From an entry's last start to the next entry's first is one bag more, which nobody asked for.
  const int64_t total = index.sizes()[0], bags = starts.sizes()[0] - 1;
  const Tensor within = plait::clamp(starts, Scalar(0), Scalar(total));
  const Tensor parts[] = {fold(c.full(within + each(total))),
                          plait::full(Dims{1}, Scalar(c.size * total), DType::Int64, starts.device())};
  args[2] = Value(plait::cat(parts));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(plait::narrow(unfold(made.tensor(), c.size), 1, 0, bags));
}

void take(BatchCall& c) {
  if (!c.has(0)) return c.give(plait::take(c.front(0), c.front(1)));
  const Tensor& self = c.args[0].tensor();
  const Tensor flat = plait::reshape(self, IntSpan(Dims{self.numel()}));
  give_hidden(c, 0, plait::_index(flat, std::vector<Tensor>{c.args[1].tensor()}));
}

void index_add(BatchCall& c) {
  if (c.dim(0) == 0 || c.dim(3) != c.dim(0) || c.args[2].tensor().dim() != 1) return c.for_each();
  const int64_t dim = behind_batch(c, c.args[1].integer(), c.dim(0));
  const Tensor self = c.full(0), source = c.full(3);
  const Scalar alpha = op::as_factor(c.args[4].scalar(), source.dtype());
  if (!c.has(2)) return c.give(plait::index_add(self, dim, c.front(2), source, alpha));
  if (self.dtype() != source.dtype() ||
      c.args[2].tensor().sizes()[0] != source.sizes()[static_cast<int>(dim)])
    return c.for_each();
  c.give(plait::scatter_add(self, dim, expanded_index(c.full(2), source.sizes(), dim),
                            alpha.equals(1) ? source : source * alpha));
}
void index_copy(BatchCall& c) {
  if (c.dim(0) == 0 || c.dim(3) != c.dim(0) || c.args[2].tensor().dim() != 1) return c.for_each();
  const int64_t dim = behind_batch(c, c.args[1].integer(), c.dim(0));
  const Tensor self = c.full(0), source = c.full(3);
  if (!c.has(2)) return c.give(plait::index_copy(self, dim, c.front(2), source));
  if (self.dtype() != source.dtype() ||
      c.args[2].tensor().sizes()[0] != source.sizes()[static_cast<int>(dim)])
    return c.for_each();
  c.give(plait::scatter(self, dim, expanded_index(c.full(2), source.sizes(), dim), source));
}
void index_fill(BatchCall& c) {
  const bool by_tensor = is_tensor(c, 3);
  if (c.dim(0) == 0 || c.args[2].tensor().dim() != 1) return c.for_each();
  if (c.has(2) || (by_tensor && c.has(3))) {
    const Tensor self = c.full(0);
    const int64_t dim = behind_batch(c, c.args[1].integer(), c.dim(0));
    const Tensor places = expanded_index(c.full(2), self.sizes(), dim);
    if (!by_tensor) return c.give(plait::scatter(self, dim, places, c.args[3].scalar()));
    const Tensor& value = c.args[3].tensor();
    if (is_complex(value.dtype()) && !is_complex(self.dtype())) return c.for_each();
    const Tensor converted = plait::_convert(value, self.dtype());
    if (value.is_cpu() && !value.is_batched())  // a number, also for a tensor elsewhere
      return c.give(plait::scatter(self, dim, places, item(converted)));
    Dims ones(static_cast<int>(self.dim()), 1);
    ones[0] = c.size;
    const Tensor each = plait::reshape(c.full(converted), ones);
    return c.give(plait::scatter(self, dim, places, plait::expand(each, places.sizes())));
  }
  std::vector<Value> args = c.copy_args();
  args[0] = Value(c.full(0));
  args[1] = Value(behind_batch(c, c.args[1].integer(), c.dim(0)));
  args[2] = Value(c.front(2));
  if (is_tensor(c, 3)) args[3] = Value(c.front(3));
  c.call(args);
}

// ---- x[i, :, j]

// The indices of a batch, and where the dimensions that they make are in an entry's result: at `at`, `count`
// of them, or in front where a slice is between them.
struct Indexing {
  std::vector<Tensor> indices;  // with one for the batch where `differ`, else with a slice
  bool differ = false;          // some index differs from entry to entry
  bool masks = false;           // which are of several dimensions
  bool any = false;
  int at = 0, count = 0;
  bool apart = false;  // a slice is between them

  Indexing(const BatchCall& c, const std::vector<Tensor>& given) {
    int first = -1, last = -1;
    for (int i = 0; i < static_cast<int>(given.size()); ++i) {
      const Tensor& index = given[static_cast<size_t>(i)];
      if (!index.defined()) continue;
      first = first < 0 ? i : first;
      last = i;
      const bool mask = index.dtype() == DType::Bool || index.dtype() == DType::UInt8;
      masks |= mask;
      differ |= c.own(index);
      count = std::max(count, mask ? 1 : static_cast<int>(index.dim()));
    }
    for (int i = first; i >= 0 && i <= last; ++i) apart |= !given[static_cast<size_t>(i)].defined();
    any = first >= 0;
    at = apart ? 0 : std::max(first, 0);
    if (differ && masks) return;
    if (!differ) {
      indices.emplace_back();
      for (const Tensor& index : given) indices.push_back(c.front(index));
      return;
    }
    Dims places(count + 1, 1);
    places[0] = c.size;
    indices.push_back(plait::reshape(plait::arange(Scalar(c.size), DType::Int64, place_of(given)), places));
    for (const Tensor& index : given) {
      Tensor t = c.front(index);
      if (c.own(index))
        for (int64_t d = index.dim(); d < count; ++d) t = plait::unsqueeze(t, 1);
      indices.push_back(std::move(t));
    }
  }
  static Device place_of(const std::vector<Tensor>& given) {
    for (const Tensor& index : given)
      if (index.defined()) return index.device();
    return kCPU;
  }

  // Of the result of the op on the whole batch, which dimension is the batch's?
  int batch_dim() const { return differ ? 0 : apart ? count : 0; }
  // The indices' dimensions move from the batch's side to where an entry's result has them, and back.
  Tensor placed(const Tensor& t, bool back) const {
    if (!differ || at == 0) return t;
    Dims order;
    order.push_back(0);
    for (int d = 0; d < t.dim() - 1; ++d) {
      // Whole: batch, count, at, rest. Entry: batch, at, count, rest.
      const int lead = back ? count : at;
      const int next = back ? at : count;
      order.push_back(1 + (d < lead ? d + next : d < lead + next ? d - lead : d));
    }
    return plait::permute(t, order);
  }
};

void index(BatchCall& c) {
  const Indexing by(c, c.args[1].tensors());
  if ((by.differ && by.masks) || !by.any) return c.for_each();
  if (by.differ && !c.has(0)) {
    // The table is the same for all: the batch is one more dimension of the indices.
    std::vector<Tensor> indices(by.indices.begin() + 1, by.indices.end());
    return c.give(0, plait::_index(c.front(0), indices), by.at);
  }
  c.give(0, by.placed(plait::_index(c.full(0), by.indices), false), by.batch_dim());
}

// Values of an entry's result, as the op on the whole batch takes them. `ndim`: the result's dimensions.
Tensor values_of(const BatchCall& c, const Indexing& by, int param, int64_t ndim) {
  Tensor values = c.full(param);
  for (int64_t d = c.dim(param); d < ndim; ++d) values = plait::unsqueeze(values, 1);
  if (by.differ) return by.placed(values, true);
  if (!by.apart) return values;
  // The batch moves behind the dimensions of the indices.
  Dims order;
  for (int d = 0; d < by.count; ++d) order.push_back(d + 1);
  order.push_back(0);
  for (int d = by.count + 1; d < values.dim(); ++d) order.push_back(d);
  return plait::permute(values, order);
}
int64_t result_dims(const Indexing& by, const std::vector<Tensor>& given, int64_t ndim) {
  int64_t covered = 0;
  for (const Tensor& index : given)
    if (index.defined())
      covered += index.dtype() == DType::Bool || index.dtype() == DType::UInt8 ? index.dim() : 1;
  return ndim - covered + by.count;
}

void index_backward(BatchCall& c) {
  const Indexing by(c, c.args[2].tensors());
  if ((by.differ && by.masks) || !by.any) return c.for_each();
  const Dims& size = c.args[1].ints();
  const int64_t ndim = result_dims(by, c.args[2].tensors(), size.size());
  if (c.dim(0) != ndim) return c.for_each();
  c.give(plait::_index_backward(values_of(c, by, 0, ndim), with_batch(c, size), by.indices));
}
// By a mask of each entry's own, values that are the same for all places.
bool put_by_mask(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &values = c.args[2].tensor();
  const std::vector<Tensor>& given = c.args[1].tensors();
  Tensor mask = given[0];
  if (given.size() != 1 || mask.dtype() != DType::Bool || values.dim() + mask.dim() > self.dim())
    return false;
  for (int d = 0; d < mask.dim(); ++d)
    if (mask.sizes()[d] != self.sizes()[d]) return false;
  Dims rest;
  for (int d = static_cast<int>(mask.dim()); d < self.dim(); ++d) rest.push_back(self.sizes()[d]);
  if (self.dtype() != values.dtype() || broadcast(rest, values.sizes(), "index_put") != rest) return false;
  while (mask.dim() < self.dim()) mask = plait::unsqueeze(mask, -1);
  give_hidden(c, 0, plait::where(mask, c.args[3].boolean() ? self + values : values, self));
  return true;
}
void index_put(BatchCall& c) {
  const Indexing by(c, c.args[1].tensors());
  if (by.differ && by.masks && put_by_mask(c)) return;
  // How many places a mask names is known by its values alone, and one value serves all.
  if ((by.differ && by.masks) || !by.any || (by.masks && c.has(2) && c.dim(2) > 0)) return c.for_each();
  const int64_t ndim = result_dims(by, c.args[1].tensors(), c.dim(0));
  if (c.dim(2) > ndim) return c.for_each();
  c.give(plait::index_put(c.full(0), by.indices, values_of(c, by, 2, ndim), c.args[3].boolean()));
}

// ---- masks

// How many places are selected is known where all entries share the mask.
void masked_select(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &mask = c.args[1].tensor();
  if (c.has(1) || (mask.dtype() != DType::Bool && mask.dtype() != DType::UInt8)) return c.for_each();
  const Dims sizes = broadcast(self.sizes(), mask.sizes(), "masked_select");
  const Tensor all = c.full(plait::expand(self, sizes));
  const Tensor flat = plait::reshape(all, IntSpan(Dims{c.size, all.numel() / c.size}));
  const Tensor chosen = plait::nonzero(plait::reshape(plait::expand(c.front(1), sizes), IntSpan(Dims{-1})));
  c.give(plait::index_select(flat, 1, plait::squeeze(chosen, IntSpan(Dims{1}))));
}
// Each place reads the element of source whose number is that of the places before it.
void masked_scatter(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &mask = c.args[1].tensor(), &source = c.args[2].tensor();
  const Dims sizes = broadcast(self.sizes(), mask.sizes(), "masked_scatter");
  const int64_t room = source.numel(), numel = checked_numel(sizes, "masked_scatter");
  if (room == 0 || numel == 0 || mask.dtype() != DType::Bool || self.dtype() != source.dtype())
    return c.for_each();
  const Tensor flat = plait::reshape(plait::expand(mask, sizes), IntSpan(Dims{numel}));
  const Tensor number = plait::cumsum(flat, 0, DType::Int64);
  if (room < numel) {
    const Tensor most = plait::amax(c.full(number), IntSpan(Dims{0, 1}));
    if (most.is_batched() || item(most).to<int64_t>() > room)
      return c.for_each();  // which says what is wrong
  }
  const Tensor from = plait::clamp(number - Scalar(1), Scalar(0), Scalar(room - 1));
  const Tensor values = plait::gather(plait::reshape(source, IntSpan(Dims{room})), 0, from);
  give_hidden(c, 0, plait::where(mask, plait::reshape(values, sizes), self));
}

constexpr NamedRule kRules[] = {
    {"gather", side_by_side},
    {"scatter", side_by_side},
    {"scatter.reduce_src", side_by_side},
    {"scatter_add", side_by_side},
    {"scatter_reduce", side_by_side},
    {"_gather_backward", gather_backward},
    {"index_select", index_select},
    {"_index_select_backward", index_select_backward},
    {"index_add", index_add},
    {"index_copy", index_copy},
    {"index_fill", index_fill},
    {"index_fill.tensor", index_fill},
    {"embedding", embedding},
    {"_embedding_backward", embedding_backward},
    {"_embedding_masked", embedding_masked},
    {"_embedding_bag", embedding_bag},
    {"take", take},
    {"_index", index},
    {"_index_backward", index_backward},
    {"index_put", index_put},
    {"masked_select", masked_select},
    {"masked_scatter", masked_scatter},
};

}  // namespace

std::span<const NamedRule> index_rules() { return kRules; }

}  // namespace plait::batch
