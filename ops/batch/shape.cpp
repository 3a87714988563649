// Making, joining and rearranging tensors; random numbers.
#include <algorithm>

#include "ops/batch/rules.h"
#include "ops/decl/copy.h"
#include "ops/decl/join.h"
#include "ops/decl/pad.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/math.h"

namespace plait::batch {
namespace {

// A copy or a tensor of the same shape, of which each entry has elements of its own. Which dimension lies
// innermost in memory is of no meaning where there is one more.
void alike(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i) {
    if (is_tensor(c, static_cast<int>(i))) {
      if (args[i].tensor().defined()) args[i] = Value(c.full(static_cast<int>(i)));
    } else if (args[i].tag() == Value::Tag::MemoryFormat &&
               args[i].memory_format() != MemoryFormat::Preserve) {
      args[i] = Value(MemoryFormat::Contiguous);
    }
  }
  c.call(args);
}

// The size is an argument.
void sized(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i) {
    if (is_tensor(c, static_cast<int>(i)) && args[i].tensor().defined())
      args[i] = Value(c.front(static_cast<int>(i)));
    if (c.op.schema().params[i].name == "size") args[i] = Value(with_batch(c, args[i].ints()));
  }
  c.call(args);
}

// Of the values alone: the tensor's shape is of no meaning, and the others are shared.
void by_element(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i) {
    if (!is_tensor(c, static_cast<int>(i)) || !args[i].tensor().defined()) continue;
    if (i > 0 && c.has(static_cast<int>(i))) return c.for_each();
    args[i] = Value(c.front(static_cast<int>(i)));
  }
  c.call(args);
}

void one_hot(BatchCall& c) {
  if (c.args[1].integer() < 0) fail_batched("one_hot: without num_classes");
  by_element(c);
}

std::vector<Tensor> fronts(const BatchCall& c, int param) {
  std::vector<Tensor> list;
  for (const Tensor& t : c.args[param].tensors()) list.push_back(c.full(t));
  return list;
}
void cat(BatchCall& c) {
  const int64_t ndim = c.args[0].tensors()[0].dim();
  for (const Tensor& t : c.args[0].tensors())
    if (t.dim() != ndim || ndim == 0) return c.for_each();  // some are empty, of one dimension
  c.give(plait::cat(fronts(c, 0), behind_batch(c, c.args[1].integer(), ndim)));
}
void stack(BatchCall& c) {
  const auto& tensors = c.args[0].tensors();
  c.give(plait::stack(fronts(c, 0), behind_batch(c, c.args[1].integer(), tensors[0].dim() + 1)));
}

void pad(BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  args[0] = Value(c.full(0));
  c.call(args);
}
// These modes take tensors of few dimensions only.
void pad_by_mode(BatchCall& c) {
  if (static_cast<int64_t>(c.args[1].ints().size() / 2) >= c.dim(0)) return c.for_each();
  folded(c);
}
void pad_by_mode_backward(BatchCall& c) {
  if (static_cast<int64_t>(c.args[2].ints().size() / 2) >= c.dim(0)) return c.for_each();
  std::vector<Value> args = c.copy_args();
  Dims size(c.args[1].ints());
  size[0] *= c.size;
  args[0] = Value(fold(c.full(0)));
  args[1] = Value(std::move(size));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(unfold(made.tensor(), c.size));
}

// Windows of a tensor thought of as laid out with `base_stride` (ops/view_history.cpp): so is each entry, one
// behind the other. `first`: the argument "size".
void window(BatchCall& c, IntSpan base_size, int first) {
  std::vector<Value> args = c.copy_args();
  const auto at = static_cast<size_t>(first);
  const Dims& base_stride = c.args[first + 3].ints();
  int64_t pitch = 1;
  for (int i = 0; i < base_stride.size(); ++i)
    pitch += std::max<int64_t>(base_size[static_cast<size_t>(i)] - 1, 0) * base_stride[i];
  const auto with_pitch = [&](const Dims& strides) {
    Dims out(strides);
    out.insert(0, pitch);
    return Value(std::move(out));
  };
  args[0] = Value(c.full(0));
  args[at] = Value(with_batch(c, c.args[first].ints()));
  args[at + 1] = with_pitch(c.args[first + 1].ints());
  args[at + 3] = with_pitch(base_stride);
  if (first == 2 && is_tensor(c, 1)) {  // what is written broadcasts to the window
    Tensor src = c.full(1);
    for (int64_t d = c.dim(1); d < c.args[first].ints().size(); ++d) src = plait::unsqueeze(src, 1);
    args[1] = Value(src);
  } else if (first == 2) {
    args[1] = Value(with_batch(c, base_size));
  }
  c.call(args);
}
void view_read(BatchCall& c) { window(c, c.args[0].tensor().sizes(), 1); }
void view_accumulate(BatchCall& c) { window(c, c.args[1].ints(), 2); }
void view_write(BatchCall& c) { window(c, c.args[0].tensor().sizes(), 2); }

// Rows of probabilities: those of all entries.
void multinomial(BatchCall& c) {
  if (c.dim(0) != 1 && c.dim(0) != 2) return c.for_each();
  std::vector<Value> args = c.copy_args();
  args[0] = Value(c.dim(0) == 1 ? c.full(0) : fold(c.full(0)));
  Value made;
  c.op.call_boxed(args.data(), &made);
  c.give(c.dim(0) == 1 ? made.tensor() : unfold(made.tensor(), c.size));
}

// Two tensors of one shape, or that of the second broadcasts to the first's.
void drawn_by(BatchCall& c) {
  const int ndim = c.dim(0);
  Tensor p = c.full(1);
  while (p.dim() <= ndim) p = plait::unsqueeze(p, 1);
  std::vector<Value> args = c.copy_args();
  args[0] = Value(c.full(0));
  args[1] = Value(p);
  c.call(args);
}

// The result has the shape of the first; the second broadcasts to it.
void copy(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &src = c.args[1].tensor();
  check(broadcast(self.sizes(), src.sizes(), "copy") == self.sizes(),
        "copy_: src of shape {} cannot be broadcast to self of shape {}", src.sizes(), self.sizes());
  give_hidden(c, 0, plait::clone(plait::expand(plait::_convert(src, self.dtype()), self.sizes())));
}
// With a value for each entry.
void fill(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &value = c.args[1].tensor();
  if (!value.is_batched() || value.dim() != 0) return c.pointwise();
  give_hidden(c, 0, plait::clone(plait::expand(plait::_convert(value, self.dtype()), self.sizes())));
}
void masked_fill(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &mask = c.args[1].tensor(), &value = c.args[2].tensor();
  if (!value.is_batched() || value.dim() != 0) return c.pointwise();
  give_hidden(c, 0, plait::where(mask, plait::_convert(value, self.dtype()), self));
}
void scale(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &factor = c.args[1].tensor();
  if (!factor.is_batched()) return c.pointwise();
  const Tensor number = plait::reshape(factor, IntSpan(Dims()));
  give_hidden(c, 0, plait::_convert(self * number, self.dtype()));
}

constexpr NamedRule kRules[] = {
    {"copy", copy},
    {"fill", fill},
    {"masked_fill", masked_fill},
    {"_scale", scale},
    {"_view_read", view_read},
    {"_view_accumulate", view_accumulate},
    {"_view_write", view_write},
    {"clone", alike},
    {"_to_device", alike},
    {"empty_like", alike},
    {"zeros_like", alike},
    {"ones_like", alike},
    {"full_like", alike},
    {"new_empty", sized},
    {"new_zeros", sized},
    {"new_ones", sized},
    {"new_full", sized},
    {"frexp", by_element},
    {"one_hot", one_hot},
    {"cat", cat},
    {"stack", stack},
    {"tril", leading},
    {"triu", leading},
    {"flip", shifted},
    {"_roll", shifted},
    {"constant_pad_nd", pad},
    {"_pad_nd", pad_by_mode},
    {"_pad_nd_backward", pad_by_mode_backward},
    {"_fft_c2c", shifted},
    {"_fft_r2c", shifted},
    {"_fft_c2r", shifted},
    {"rand", sized},
    {"randn", sized},
    {"randint", sized},
    {"randint.low", sized},
    {"normal.float_float", sized},
    {"rand_like", alike},
    {"randn_like", alike},
    {"randint_like", alike},
    {"randint_like.low", alike},
    {"poisson", alike},
    {"uniform", alike},
    {"normal.fill", alike},
    {"exponential", alike},
    {"log_normal", alike},
    {"cauchy", alike},
    {"geometric", alike},
    {"random.from", alike},
    {"bernoulli", alike},
    {"bernoulli.p", alike},
    {"multinomial", multinomial},
    {"bernoulli.tensor", drawn_by},
    {"_dropout", alike},
};

}  // namespace

std::span<const NamedRule> shape_rules() { return kRules; }

}  // namespace plait::batch
