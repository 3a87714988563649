#include "ops/batch/rules.h"

#include <atomic>
#include <unordered_map>

#include "ops/decl/view.h"

namespace plait::batch {

Tensor fold(const Tensor& t, int dim) {
  Dims sizes;
  for (int i = 0; i < t.dim(); ++i)
    if (i != dim + 1) sizes.push_back(i == dim ? t.sizes()[i] * t.sizes()[i + 1] : t.sizes()[i]);
  return plait::reshape(t, sizes);
}
Tensor unfold(const Tensor& t, int64_t batch, int dim) {
  Dims sizes;
  for (int i = 0; i < t.dim(); ++i) {
    if (i == dim) sizes.push_back(batch);
    sizes.push_back(i == dim ? t.sizes()[i] / batch : t.sizes()[i]);
  }
  return plait::reshape(t, sizes);
}

void leading(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i)
    if (const int p = static_cast<int>(i); is_tensor(c, p) && args[i].tensor().defined())
      args[i] = Value(c.full(p));
  c.call(args);
}

void shifted(BatchCall& c) {
  const int64_t ndim = c.dim(0);
  if (ndim == 0) return c.for_each();
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i) {
    const int p = static_cast<int>(i);
    const std::string& name = c.op.schema().params[i].name;
    if (is_tensor(c, p)) {
      if (args[i].tensor().defined() && !args[i].tensor().is_wrapped_number()) args[i] = Value(c.full(p));
    } else if (name == "dim" || name == "dims" || name == "axis") {
      if (args[i].tag() == Value::Tag::Int) {
        args[i] = Value(behind_batch(c, args[i].integer(), ndim));
      } else if (args[i].tag() == Value::Tag::Ints) {
        Dims dims(args[i].ints());
        for (int64_t& d : dims) d = behind_batch(c, d, ndim);
        args[i] = Value(std::move(dims));
      }
    }
  }
  c.call(args);
}

void folded(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i) {
    const int p = static_cast<int>(i);
    const std::string& name = c.op.schema().params[i].name;
    if (is_tensor(c, p)) {
      if (!args[i].tensor().defined()) continue;
      if (c.dim(p) == 0) return c.for_each();
      args[i] = Value(fold(c.full(p)));
    } else if (name == "input_size" && args[i].ints().size() == c.dim(0)) {
      Dims sizes;
      for (const int64_t size : args[i].ints()) sizes.push_back(sizes.empty() ? size * c.size : size);
      args[i] = Value(std::move(sizes));
    }
  }
  std::array<Value, 4> made;
  c.op.call_boxed(args.data(), made.data());
  for (int i = 0; i < c.op.output_count(); ++i)
    c.give(i, unfold(made[static_cast<size_t>(i)].tensor(), c.size));
}

namespace {

BatchRule find(const OpBase& op) {
  static const auto* rules = [] {
    auto* made = new std::unordered_map<std::string_view, BatchRule>;
    for (const auto family :
         {shape_rules(), reduction_rules(), product_rules(), index_rules(), network_rules(), loss_rules()})
      for (const NamedRule& named : family) made->emplace(named.op, named.rule);
    return made;
  }();
  const auto found = rules->find(op.full_name());
  return found == rules->end() ? nullptr : found->second;
}

[[maybe_unused]] const bool installed = [] {
  find_batch_rule = find;
  return true;
}();

}  // namespace
}  // namespace plait::batch
