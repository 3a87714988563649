#include "core/batch.h"

#include <algorithm>
#include <atomic>

#include "core/generator.h"

namespace plait {

BatchRule (*find_batch_rule)(const OpBase&) = nullptr;

int64_t new_batch_level() {
  static std::atomic<int64_t> last{0};
  return ++last;
}

std::vector<BatchRegion>& batch_regions() {
  static thread_local std::vector<BatchRegion> regions;
  return regions;
}

int64_t& entry_loops() {
  static thread_local int64_t count = 0;
  return count;
}

void fail_batched(const char* who) {
  fail<EntryError>(
      "{}: expected a tensor outside of vmap, got one that stands for all entries of a batch, whose values "
      "differ; write the function in ops alone (plait.where instead of if), or do without vmap",
      who);
}

namespace {

// ---- hidden dimensions

using Levels = BatchDims;

BatchDims batch_of(const Tensor& tensor) { return tensor.is_batched() ? *tensor.impl()->batch : BatchDims(); }

void insert(BatchDims& list, const BatchDim& dim) {
  check<RuntimeError>(list.count < BatchDims::kMost, "vmap: more than {} levels within each other",
                      BatchDims::kMost);
  int at = list.count++;
  for (; at > 0 && list.dims[at - 1].level > dim.level; --at) list.dims[at] = list.dims[at - 1];
  list.dims[at] = dim;
}
void erase(BatchDims& list, int64_t level) {
  BatchDim* end = std::remove_if(list.dims, list.dims + list.count,
                                 [level](const BatchDim& d) { return d.level == level; });
  list.count = static_cast<int>(end - list.dims);
}

void set_batch(const Tensor& tensor, const BatchDims& list) {
  TensorImpl& impl = *tensor.impl();
  impl.batch = list.count ? std::make_unique<BatchDims>(list) : nullptr;
  impl.keys = list.count ? impl.keys | bit(Key::Batched) : impl.keys & ~bit(Key::Batched);
}

Tensor alias(const Tensor& tensor, const Dims& sizes, const Dims& strides, int64_t offset,
             const BatchDims& list) {
  Tensor out = detached_alias(tensor, sizes, strides, offset);
  set_batch(out, list);
  return out;
}

template <class Visit>
void each_tensor(const OpBase& op, const Value* args, const Visit& visit) {
  op.each_arg(args, [&]<class T>(const T& arg, int param) {
    if constexpr (std::is_same_v<T, Tensor>) {
      if (arg.defined()) visit(arg, param);
    } else if constexpr (std::is_same_v<T, TensorList>) {
      for (const Tensor& tensor : arg)
        if (tensor.defined()) visit(tensor, param);
    }
  });
}

// The levels of several tensors together. Of each the stride is 0 where all share, else 1.
void merge(Levels& all, const Tensor& tensor) {
  if (!tensor.is_batched()) return;
  for (const BatchDim& d : *tensor.impl()->batch) {
    auto* at = std::find_if(all.dims, all.dims + all.count,
                            [&](const BatchDim& other) { return other.level == d.level; });
    if (at == all.dims + all.count) {
      insert(all, {d.level, d.size, d.stride != 0});
    } else {
      if (at->size != d.size)
        fail<RuntimeError>("vmap: one batch has {} entries in one tensor and {} in another", at->size,
                           d.size);
      at->stride |= d.stride != 0;
    }
  }
}

// The tensor with all levels' dimensions in front of `ndim` dimensions that are seen.
Tensor reveal_aligned(const Tensor& tensor, const Levels& levels, int ndim) {
  Dims sizes(levels.count + ndim, 1), strides(levels.count + ndim, 0);
  for (int i = 0; i < levels.count; ++i)
    if (const BatchDim* d = find_batch_dim(tensor, levels.dims[i].level); d && d->stride != 0) {
      sizes[i] = d->size;
      strides[i] = d->stride;
    }
  const int visible = static_cast<int>(tensor.dim()), first = levels.count + ndim - visible;
  for (int i = 0; i < visible; ++i) {
    sizes[first + i] = tensor.sizes()[i];
    strides[first + i] = tensor.strides()[i];
  }
  return alias(tensor, sizes, strides, tensor.storage_offset(), BatchDims());
}

// The other way: the first dimensions are the levels'. One of size 1 is shared by all entries.
Tensor hide_aligned(const Tensor& tensor, const Levels& levels) {
  const int ndim = static_cast<int>(tensor.dim()) - levels.count;
  Dims sizes(ndim, 0), strides(ndim, 0);
  BatchDims list;
  for (int i = 0; i < levels.count; ++i) {
    const bool own = levels.dims[i].size == tensor.sizes()[i] && tensor.sizes()[i] != 1;
    // A batch of one entry has a stride, too: 0 would say that entries share.
    const int64_t one = levels.dims[i].size == 1 ? std::max<int64_t>(tensor.strides()[i], 1) : 0;
    insert(list, {levels.dims[i].level, levels.dims[i].size, own ? tensor.strides()[i] : one});
  }
  for (int i = 0; i < ndim; ++i) {
    sizes[i] = tensor.sizes()[levels.count + i];
    strides[i] = tensor.strides()[levels.count + i];
  }
  return alias(tensor, sizes, strides, tensor.storage_offset(), list);
}

[[noreturn]] void fail_write() {
  fail<EntryError>(
      "vmap: expected the results of an in-place op to be written into a tensor of the batch, got one that "
      "all entries share; use the out-of-place form, or begin with a tensor that depends on the batch "
      "(plait.zeros_like(x))");
}

// ---- pointwise ops

// Does a tensor count less in promotion than those with dimensions, by being of none? Where it is batched it
// gets dimensions below, and must be of their dtype beforehand.
int category(DType dtype) {
  return dtype == DType::Bool ? 0 : is_integral(dtype) ? 1 : is_floating(dtype) ? 2 : 3;
}

Tensor converted(const Tensor& tensor, DType dtype) {
  static const auto& convert = find_op<Tensor(const Tensor&, DType)>("_convert");
  return convert(tensor, dtype);
}

bool is_pointwise(const OpBase& op) {
  if (op.kind() != Kind::Pointwise || op.has_list_param()) return false;
  for (const Return& ret : op.schema().returns)
    if (ret.type != "Tensor") return false;
  return !op.schema().returns.empty();
}

void pointwise_batch(const OpBase& op, const Value* args, Value* results) {
  Levels levels;
  int ndim = 0;
  KeySet devices = 0;
  std::optional<DType> with_dims;
  each_tensor(op, args, [&](const Tensor& t, int) {
    merge(levels, t);
    devices |= t.keys() & kDeviceKeys;
    ndim = std::max(ndim, static_cast<int>(t.dim()));
    if (t.dim() > 0) with_dims = with_dims ? promote(*with_dims, t.dtype()) : t.dtype();
  });
  std::vector<Value> physical;
  op.each_arg(args, [&]<class T>(const T& arg, int) {
    if constexpr (std::is_same_v<T, Tensor>) {
      const auto stays = [&] {  // it broadcasts as it is, and counts in promotion as it should
        return arg.dim() > 0 || ndim > 0 || arg.is_wrapped_number() ||
               (arg.is_cpu() && devices != bit(Key::CPU));
      };
      if (!arg.defined() || (!arg.is_batched() && stays())) {
        physical.push_back(arg.defined() ? Value::borrow(arg) : Value());
        return;
      }
      const bool weak = arg.dim() == 0 && with_dims && arg.dtype() != *with_dims &&
                        category(arg.dtype()) == category(*with_dims);
      physical.emplace_back(reveal_aligned(weak ? converted(arg, *with_dims) : arg, levels, ndim));
    } else if constexpr (std::is_same_v<T, Value>) {
      physical.push_back(arg);
    }
  });
  op.call_boxed(physical.data(), results);
  for (int i = 0; i < op.output_count(); ++i) {
    const Tensor& made = results[i].tensor();
    if (made.dim() < levels.count)
      fail<RuntimeError>("{}: expected a result of the shape of its arguments, got {}", op.name(),
                         made.sizes());
    results[i] = Value(hide_aligned(made, levels));
  }
}

// ---- one entry after the other

Value entry_value(const OpBase& op, int param, const Value& arg, int64_t level, int64_t index) {
  const ParamType type = op.schema().params[static_cast<size_t>(param)].type;
  if (type == ParamType::Tensor && arg.tensor().defined()) return Value(entry_of(arg.tensor(), level, index));
  if (type == ParamType::TensorList && !arg.is_none()) {
    std::vector<Tensor> list;
    for (const Tensor& t : arg.tensors()) list.push_back(t.defined() ? entry_of(t, level, index) : t);
    return Value(std::move(list));
  }
  return arg;
}

Tensor stacked(const std::vector<Tensor>& entries) {
  static const auto& stack = find_op<Tensor(TensorList, int64_t)>("stack");
  for (const Tensor& t : entries)
    if (t.sizes() != entries[0].sizes() || t.dtype() != entries[0].dtype())
      fail<EntryError>("vmap: the entries' results have different shapes, {} and {}, which cannot be stacked",
                       entries[0].sizes(), t.sizes());
  return stack(entries, 0);
}

}  // namespace

const BatchDim* find_batch_dim(const Tensor& tensor, int64_t level) {
  if (tensor.is_batched())
    for (const BatchDim& d : *tensor.impl()->batch)
      if (d.level == level) return &d;
  return nullptr;
}

Tensor hide_dim(const Tensor& tensor, int dim, int64_t level) {
  Dims sizes(tensor.sizes()), strides(tensor.strides());
  BatchDims list = batch_of(tensor);
  // A stride of 0 comes from expand; of a single entry it would say that there are more who share.
  insert(list, {level, sizes[dim], sizes[dim] == 1 ? std::max<int64_t>(strides[dim], 1) : strides[dim]});
  sizes.erase(dim);
  strides.erase(dim);
  return alias(tensor, sizes, strides, tensor.storage_offset(), list);
}

Tensor reveal_dim(const Tensor& tensor, int64_t level, int64_t size, int dim) {
  Dims sizes(tensor.sizes()), strides(tensor.strides());
  const BatchDim* d = find_batch_dim(tensor, level);
  sizes.insert(dim, d ? d->size : size);
  strides.insert(dim, d ? d->stride : 0);
  BatchDims list = batch_of(tensor);
  erase(list, level);
  return alias(tensor, sizes, strides, tensor.storage_offset(), list);
}

Tensor spread_entries(const Tensor& tensor, int64_t level, int64_t size) {
  if (find_batch_dim(tensor, level)) return detached_alias(tensor);
  BatchDims list = batch_of(tensor);
  insert(list, {level, size, size == 1 ? 1 : 0});
  return alias(tensor, tensor.sizes(), tensor.strides(), tensor.storage_offset(), list);
}

Tensor entry_of(const Tensor& tensor, int64_t level, int64_t index) {
  const BatchDim* d = find_batch_dim(tensor, level);
  if (!d) return tensor;
  const int64_t offset = tensor.storage_offset() + index * d->stride;
  BatchDims list = batch_of(tensor);
  erase(list, level);
  return alias(tensor, tensor.sizes(), tensor.strides(), offset, list);
}

Tensor own_entries(const Tensor& tensor) {
  const BatchDims& levels = *tensor.impl()->batch;
  Dims sizes(tensor.sizes()), strides(tensor.strides());
  for (int i = levels.count - 1; i >= 0; --i) {
    sizes.insert(0, levels.dims[i].size);
    strides.insert(0, levels.dims[i].stride);
  }
  const Tensor copy = clone_plain(alias(tensor, sizes, strides, tensor.storage_offset(), BatchDims()));
  return hide_aligned(copy, levels);
}

void write_entries(const Tensor& self, const Tensor& values) {
  Levels levels;
  merge(levels, self);
  for (int i = 0; i < levels.count; ++i)
    if (levels.dims[i].stride == 0 && levels.dims[i].size > 1) fail_write();
  if (values.is_batched())
    for (const BatchDim& d : *values.impl()->batch)
      if (!find_batch_dim(self, d.level)) fail_write();
  check(broadcast(self.sizes(), values.sizes(), "copy_") == self.sizes(),
        "copy_: src of shape {} cannot be broadcast to self of shape {}, which vmap cannot resize",
        values.sizes(), self.sizes());
  const int ndim = static_cast<int>(self.dim());
  static const auto& copy = find_op<Tensor(const Tensor&, const Tensor&, bool)>("copy");
  copy.run_inplace(reveal_aligned(self, levels, ndim), reveal_aligned(values, levels, ndim), false);
}

Tensor writable(const Tensor& fresh, const Tensor& source) {
  if (!fresh.is_batched() && !source.is_batched()) return fresh;
  static const auto& spread = find_op<Tensor(const Tensor&, int64_t, int64_t)>("_batch_spread");
  static const auto& own = find_op<Tensor(const Tensor&)>("_batch_own");
  Tensor out = fresh;
  if (source.is_batched())
    for (const BatchDim& d : *source.impl()->batch)
      if (!find_batch_dim(out, d.level)) out = spread(out, d.level, d.size);
  for (const BatchDim& d : *out.impl()->batch)
    if (d.stride == 0) return own(out);
  return out;
}

// ---- calls

WithoutRegion::WithoutRegion(int64_t level) {
  std::vector<BatchRegion>& regions = batch_regions();
  for (size_t i = 0; i < regions.size(); ++i)
    if (regions[i].level == level) at_ = static_cast<int>(i);
  if (at_ < 0) return;
  region_ = regions[static_cast<size_t>(at_)];
  regions.erase(regions.begin() + at_);
}
WithoutRegion::~WithoutRegion() {
  if (at_ >= 0) batch_regions().insert(batch_regions().begin() + at_, region_);
}

BatchCall::BatchCall(const OpBase& op_, const Value* args_, Value* results, int64_t level_, int64_t size_)
    : op(op_),
      args(args_),
      level(level_),
      size(size_),
      results_(results) {}

bool BatchCall::own(const Tensor& tensor) const {
  const BatchDim* d = tensor.defined() ? find_batch_dim(tensor, level) : nullptr;
  return d && d->stride != 0;
}
Tensor BatchCall::front(const Tensor& tensor) const {
  if (!tensor.defined()) return tensor;
  return own(tensor) ? reveal_dim(tensor, level, size, 0) : entry_of(tensor, level, 0);
}
Tensor BatchCall::full(const Tensor& tensor) const {
  return tensor.defined() ? reveal_dim(tensor, level, size, 0) : tensor;
}
void BatchCall::give(int result, const Tensor& physical, int batch_dim) {
  results_[result] = Value(hide_dim(physical, batch_dim, level));
}
void BatchCall::call(const std::vector<Value>& others, int batch_dim) {
  op.call_boxed(others.data(), results_);
  for (int i = 0; i < op.output_count(); ++i)
    if (results_[i].tensor().defined()) give(i, results_[i].tensor(), batch_dim);
}
std::vector<Value> BatchCall::copy_args() const {
  return std::vector<Value>(args, args + op.tensor_params() + op.attr_params());
}

void BatchCall::for_each() {
  ++entry_loops();
  const WithoutRegion scope(level);
  const int params = op.tensor_params() + op.attr_params();
  const auto returns = static_cast<size_t>(op.output_count());
  each_tensor(op, args, [&](const Tensor& t, int param) {
    if (op.schema().params[static_cast<size_t>(param)].mutates && !own(t)) fail_write();
  });
  std::vector<std::vector<Tensor>> columns(returns);
  std::vector<std::vector<std::vector<Tensor>>> lists(returns);  // by result, item, entry
  for (int64_t e = 0; e < size; ++e) {
    std::vector<Value> entry;
    for (int p = 0; p < params; ++p) entry.push_back(entry_value(op, p, args[p], level, e));
    std::vector<Value> made(std::max<size_t>(returns, 1));
    op.call_boxed(entry.data(), made.data());
    for (size_t i = 0; i < returns; ++i) {
      const std::string& type = op.schema().returns[i].type;
      if (type == "Tensor") {
        columns[i].push_back(made[i].tensor());
      } else if (type == "Tensor[]") {
        const std::vector<Tensor>& items = made[i].tensors();
        if (e == 0) lists[i].resize(items.size());
        if (lists[i].size() != items.size()) fail_batched(op.name());
        for (size_t k = 0; k < items.size(); ++k) lists[i][k].push_back(items[k]);
      } else if (type != "void") {
        fail_batched(op.name());
      }
    }
  }
  for (size_t i = 0; i < returns; ++i) {
    if (!columns[i].empty()) give(static_cast<int>(i), stacked(columns[i]));
    if (op.schema().returns[i].type != "Tensor[]") continue;
    std::vector<Tensor> items;
    for (const std::vector<Tensor>& column : lists[i]) items.push_back(hide_dim(stacked(column), 0, level));
    results_[i] = Value(std::move(items));
  }
}

void BatchCall::pointwise() { pointwise_batch(op, args, results_); }

namespace {

// All entries share all elements: what is computed for one holds for all.
void call_once(const OpBase& op, const Value* args, Value* results, const Levels& levels) {
  const int params = op.tensor_params() + op.attr_params();
  std::vector<Value> once(args, args + params);
  for (int p = 0; p < params; ++p)
    for (int i = 0; i < levels.count; ++i)
      once[static_cast<size_t>(p)] =
          entry_value(op, p, once[static_cast<size_t>(p)], levels.dims[i].level, 0);
  op.call_boxed(once.data(), results);
  const auto spread = [&](Tensor t) {
    for (int i = 0; i < levels.count && t.defined(); ++i)
      t = spread_entries(t, levels.dims[i].level, levels.dims[i].size);
    return t;
  };
  for (int i = 0; i < op.output_count(); ++i) {
    const std::string& type = op.schema().returns[static_cast<size_t>(i)].type;
    if (type == "Tensor") {
      results[i] = Value(spread(results[i].tensor()));
    } else if (type == "Tensor[]") {
      std::vector<Tensor> list;
      for (const Tensor& t : results[i].tensors()) list.push_back(spread(t));
      results[i] = Value(std::move(list));
    }
  }
}

bool mutates(const OpBase& op) {
  return std::any_of(op.schema().params.begin(), op.schema().params.end(),
                     [](const Param& param) { return param.mutates; });
}

// A random op in a region: the innermost region decides. What it needs of the generator's numbers it takes
// for all entries in one call, or in one call an entry.
void call_random(const OpBase& op, const Value* args, Value* results) {
  const BatchRegion region = batch_regions().back();
  if (region.randomness == Randomness::Error)
    fail<RuntimeError>(
        "{}: the function of vmap draws random numbers; say whether they should differ between the entries, "
        "with randomness='different', or not, with randomness='same'",
        op.name());
  const WithoutRegion scope(region.level);
  bool own = false;
  each_tensor(op, args, [&](const Tensor& t, int) { own |= find_batch_dim(t, region.level) != nullptr; });
  BatchCall call(op, args, results, region.level, region.size);
  if (region.randomness == Randomness::Same && !own) return op.call_boxed(args, results);
  if (region.randomness == Randomness::Same) {
    // The numbers of each entry are those of the first.
    fail<EntryError>("{}: the same random numbers for all entries are drawn for one after the other",
                     op.name());
  }
  if (const BatchRule rule = find_batch_rule ? find_batch_rule(op) : nullptr) return rule(call);
  call.for_each();
}

// What the op says of the entries' shapes and dtypes, where it refuses them: no word of the batch.
void refuse_entries(const OpBase& op, const Value* args) {
  const auto shape_of = [](const Tensor& t) {
    return t.defined() && !t.is_wrapped_number() ? empty_tensor(TensorSpec(t.sizes(), t.dtype(), kMeta)) : t;
  };
  std::vector<Value> shapes;
  op.each_arg(args, [&]<class T>(const T& arg, int) {
    if constexpr (std::is_same_v<T, Tensor>) {
      shapes.push_back(arg.defined() ? Value(shape_of(arg)) : Value());
    } else if constexpr (std::is_same_v<T, TensorList>) {
      std::vector<Tensor> list;
      for (const Tensor& t : arg) list.push_back(shape_of(t));
      shapes.emplace_back(std::move(list));
    } else {
      shapes.push_back(arg);
    }
  });
  std::vector<Value> none(static_cast<size_t>(std::max(op.output_count(), 1)));
  try {
    op.call_boxed(shapes.data(), none.data());
  } catch (const NotImplementedError&) {  // it depends on values
  }
}

void call_by_rule(const OpBase& op, const Value* args, Value* results) {
  if (op.kind() == Kind::Random && wants_regions()) return call_random(op, args, results);
  Levels levels;
  each_tensor(op, args, [&](const Tensor& t, int) { merge(levels, t); });
  bool shared = op.kind() != Kind::Random;
  for (int i = 0; i < levels.count; ++i) shared &= levels.dims[i].stride == 0;
  if (shared && !mutates(op)) return call_once(op, args, results, levels);
  const BatchRule rule = find_batch_rule ? find_batch_rule(op) : nullptr;
  if (!rule && is_pointwise(op)) return pointwise_batch(op, args, results);
  // The innermost batch in which entries have elements of their own; it alone is taken away here.
  const BatchDim* inner = nullptr;
  for (int i = 0; i < levels.count; ++i)
    if (levels.dims[i].stride != 0 || !inner) inner = &levels.dims[i];
  BatchCall call(op, args, results, inner->level, inner->size);
  if (rule) return rule(call);
  call.for_each();
}

}  // namespace

void call_batched(const OpBase& op, const Value* args, Value* results) {
  try {
    call_by_rule(op, args, results);
  } catch (const EntryError&) {
    throw;
  } catch (const Error&) {
    if (op.kind() != Kind::Random) refuse_entries(op, args);
    throw;
  }
}

}  // namespace plait
