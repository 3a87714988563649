// Reductions, scans, sorting and what else works along a dimension.
#include <cmath>

#include "ops/batch/rules.h"
#include "ops/decl/copy.h"
#include "ops/decl/join.h"
#include "ops/decl/minmax.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/product.h"
#include "ops/decl/reduce.h"
#include "ops/decl/search.h"
#include "ops/decl/view.h"

namespace plait::batch {
namespace {

int param_of(const BatchCall& c, std::string_view name) { return c.op.schema().index_of(name); }

// All elements of each entry, as the second dimension.
Tensor flat(const BatchCall& c, int param) {
  return plait::reshape(c.full(param), IntSpan(Dims{c.size, c.args[param].tensor().numel()}));
}

// Along one dimension; a tensor without any is taken as one with one element.
void along(BatchCall& c) {
  if (c.dim(0) > 0) return shifted(c);
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i)
    if (is_tensor(c, static_cast<int>(i)) && args[i].tensor().defined())
      args[i] = Value(flat(c, static_cast<int>(i)));
  if (const int dim = param_of(c, "dim"); dim >= 0) {
    wrap_dim(args[static_cast<size_t>(dim)].integer(), 0, c.op.name());
    args[static_cast<size_t>(dim)] = Value(int64_t{1});
  }
  if (const int keep = param_of(c, "keepdim"); keep >= 0) args[static_cast<size_t>(keep)] = Value(false);
  std::array<Value, 4> made;
  c.op.call_boxed(args.data(), made.data());
  for (int i = 0; i < c.op.output_count(); ++i)
    c.give(i, plait::reshape(made[static_cast<size_t>(i)].tensor(), IntSpan(Dims{c.size})));
}

// Over several dimensions, or over all where none is named.
void reduce(BatchCall& c) {
  const auto at = static_cast<size_t>(param_of(c, "dim"));
  const int ndim = c.dim(0);
  std::vector<Value> args = c.copy_args();
  Dims dims;
  if (args[at].tag() == Value::Tag::Ints) dims = args[at].ints();
  for (int64_t& d : dims) d = behind_batch(c, d, ndim);
  if (ndim == 0) {
    args[0] = Value(flat(c, 0));
    dims = Dims{1};
    if (const int keep = param_of(c, "keepdim"); keep >= 0) args[static_cast<size_t>(keep)] = Value(false);
  } else {
    args[0] = Value(c.full(0));
    for (int d = 0; dims.size() < ndim && args[at].tag() != Value::Tag::Ints && d < ndim; ++d)
      dims.push_back(d + 1);
    if (dims.empty())
      for (int d = 0; d < ndim; ++d) dims.push_back(d + 1);
  }
  args[at] = Value(std::move(dims));
  c.call(args);
}

// The place of an extreme element, also in the flattened tensor.
void place(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  if (c.dim(0) > 0 && !args[1].is_none()) return shifted(c);
  const bool keep = args[2].boolean();
  args[0] = Value(flat(c, 0));
  args[1] = Value(int64_t{1});
  args[2] = Value(false);
  Value made;
  c.op.call_boxed(args.data(), &made);
  Tensor result = made.tensor();
  for (int i = 0; keep && i < c.dim(0); ++i) result = plait::unsqueeze(result, -1);
  c.give(result);
}

std::optional<DType> dtype_of(const Value& v) {
  return v.is_none() ? std::optional<DType>() : std::optional<DType>(v.dtype());
}
void sum(BatchCall& c) { c.give(plait::sum(flat(c, 0), IntSpan(Dims{1}), false, dtype_of(c.args[1]))); }
void mean(BatchCall& c) { c.give(plait::mean(flat(c, 0), IntSpan(Dims{1}), false, dtype_of(c.args[1]))); }
void prod(BatchCall& c) { c.give(plait::prod(flat(c, 0), 1, false, dtype_of(c.args[1]))); }
void max(BatchCall& c) {
  check(c.args[0].tensor().numel() > 0, "max: expected a tensor with elements, got shape {}",
        c.args[0].tensor().sizes());
  c.give(plait::amax(flat(c, 0), IntSpan(Dims{1})));
}
void min(BatchCall& c) {
  check(c.args[0].tensor().numel() > 0, "min: expected a tensor with elements, got shape {}",
        c.args[0].tensor().sizes());
  c.give(plait::amin(flat(c, 0), IntSpan(Dims{1})));
}

void segments(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  args[0] = Value(c.full(0));
  args[1] = Value(c.full(1));
  args[2] = Value(behind_batch(c, args[2].integer(), c.dim(0)));
  c.call(args);
}

// A sequence of one dimension serves all values of its entry, others have one row for each row of values.
void searchsorted(BatchCall& c) {
  const Tensor &values = c.args[1].tensor(), &sorter = c.args[5].tensor();
  std::vector<Value> args = c.copy_args();
  const bool alone = c.dim(0) == 1;
  if (alone && !c.has(0) && !(sorter.defined() && c.has(5))) {
    for (const int p : {0, 1}) args[static_cast<size_t>(p)] = Value(c.front(p));
    if (sorter.defined()) args[5] = Value(c.front(5));
    return c.call(args);
  }
  args[0] = Value(c.full(0));
  args[1] = Value(alone ? flat(c, 1) : c.full(1));
  if (sorter.defined()) args[5] = Value(c.full(5));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(plait::reshape(made.tensor(), with_batch(c, values.sizes())));
}
void bucketize(BatchCall& c) {
  if (c.dim(1) != 1) return c.for_each();
  give_hidden(
      c, 0,
      plait::searchsorted(c.args[1].tensor(), c.args[0].tensor(), c.args[2].boolean(), c.args[3].boolean()));
}

// Of several tensors together: the norm of their norms.
void total_norm(BatchCall& c) {
  const double order = c.args[1].real();
  const std::vector<Tensor>& tensors = c.args[0].tensors();
  std::vector<Tensor> norms;
  for (const Tensor& t : tensors)
    if (t.numel() > 0)
      norms.push_back(plait::_convert(plait::_vector_norm(plait::reshape(t, IntSpan(Dims{t.numel()})), order),
                                      tensors[0].dtype()));
  if (norms.empty()) return c.for_each();
  const Tensor all = plait::stack(norms);
  give_hidden(c, 0, order == 0 ? plait::sum(all) : plait::_vector_norm(all, std::abs(order)));
}

constexpr NamedRule kRules[] = {
    {"sum", sum},
    {"mean", mean},
    {"prod", prod},
    {"max", max},
    {"min", min},
    {"sum.dim", reduce},
    {"nansum", reduce},
    {"mean.dim", reduce},
    {"amax", reduce},
    {"amin", reduce},
    {"any", reduce},
    {"all", reduce},
    {"_vector_norm", reduce},
    {"logsumexp", reduce},
    {"var.correction", reduce},
    {"std.correction", reduce},
    {"var_mean.correction", reduce},
    {"std_mean.correction", reduce},
    {"count_nonzero", reduce},
    {"argmax", place},
    {"argmin", place},
    {"max.dim", along},
    {"min.dim", along},
    {"prod.dim_int", along},
    {"median.dim", along},
    {"nanmedian.dim", along},
    {"_mode_index", along},
    {"kthvalue", along},
    {"sort", along},
    {"topk", along},
    {"cumsum", along},
    {"cumprod", along},
    {"logcumsumexp", along},
    {"cummax", along},
    {"cummin", along},
    {"_scan_linear", along},
    {"_softmax", along},
    {"_softmax_backward", along},
    {"_log_softmax", along},
    {"_log_softmax_backward", along},
    {"_reduce_segments", segments},
    {"_segment_spread", segments},
    {"searchsorted", searchsorted},
    {"bucketize", bucketize},
    {"_total_norm", total_norm},
};

}  // namespace

std::span<const NamedRule> reduction_rules() { return kRules; }

}  // namespace plait::batch
