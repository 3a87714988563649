// Sums of products named by letters, and their special cases: everything becomes permutations and batched
// matrix products.
#include <algorithm>
#include <string>

#include "ops/decl/einsum.h"
#include "ops/decl/matmul.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

constexpr int kLetters = 52;  // A to Z, a to z; the dimensions of an ellipsis follow, the last one first
using Labels = std::vector<int>;

bool contains(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}
int position(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

int letter(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  return -1;
}

// One operand's or the result's part of an equation: letters, and at most one ellipsis.
struct Term {
  Labels before, after;
  bool ellipsis = false;

  Labels expanded(int ellipsis_dims) const {
    Labels labels = before;
    for (int d = ellipsis_dims - 1; d >= 0 && ellipsis; --d) labels.push_back(kLetters + d);
    labels.insert(labels.end(), after.begin(), after.end());
    return labels;
  }
  int letters() const { return static_cast<int>(before.size() + after.size()); }
};

Term parse_term(std::string_view text, std::string_view equation) {
  Term term;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "...") {
      check(!term.ellipsis,
            "einsum: more than one '...' in '{}' of equation '{}'; name these dimensions by letters", text,
            equation);
      term.ellipsis = true;
      i += 2;
      continue;
    }
    const int label = letter(text[i]);
    check(label >= 0,
          "einsum: expected letters and '...' in equation '{}', got '{}'; an example is 'ij,jk->ik'",
          equation, text.substr(i, 1));
    (term.ellipsis ? term.after : term.before).push_back(label);
  }
  return term;
}

struct Operand {
  Tensor tensor;
  Labels labels;

  int64_t size(int label) const { return tensor.sizes()[position(labels, label)]; }
};

// Sums over the labels for which `drop` says so.
template <class F>
void sum_out(Operand& x, const F& drop) {
  Dims dims;
  Labels kept;
  for (size_t d = 0; d < x.labels.size(); ++d) {
    if (drop(x.labels[d]))
      dims.push_back(static_cast<int64_t>(d));
    else
      kept.push_back(x.labels[d]);
  }
  if (dims.empty()) return;
  x.tensor = plait::sum(x.tensor, dims, false, x.tensor.dtype());
  x.labels = kept;
}

// A label twice on one operand: its diagonal.
void take_diagonals(Operand& x, std::string_view equation) {
  for (size_t d = 0; d < x.labels.size(); ++d) {
    for (size_t e = d + 1; e < x.labels.size(); ++e) {
      if (x.labels[d] != x.labels[e]) continue;
      check(x.tensor.sizes()[static_cast<int>(d)] == x.tensor.sizes()[static_cast<int>(e)],
            "einsum: a letter that occurs twice on an operand of shape {} stands for different sizes in "
            "equation '{}'",
            x.tensor.sizes(), equation);
      const int label = x.labels[d];
      x.tensor = plait::diagonal(x.tensor, 0, static_cast<int64_t>(d), static_cast<int64_t>(e));
      x.labels.erase(x.labels.begin() + static_cast<std::ptrdiff_t>(e));
      x.labels.erase(x.labels.begin() + static_cast<std::ptrdiff_t>(d));
      x.labels.push_back(label);
      return take_diagonals(x, equation);
    }
  }
}

// The operand with its dimensions in the order of `labels`; of size 1 where it lacks one.
Tensor arranged(const Operand& x, const Labels& labels) {
  Dims order, sizes;
  bool complete = true, in_order = true;
  for (const int label : labels) {
    if (!contains(x.labels, label)) {
      complete = false;
      sizes.push_back(1);
      continue;
    }
    const int d = position(x.labels, label);
    in_order = in_order && d == order.size();
    order.push_back(d);
    sizes.push_back(x.tensor.sizes()[d]);
  }
  const Tensor permuted = in_order ? x.tensor : plait::permute(x.tensor, order);
  return complete ? permuted : plait::reshape(permuted, sizes);
}

// The dimensions in the order of `labels`, merged to one for each group of labels.
Tensor merged(const Operand& x, std::initializer_list<const Labels*> groups) {
  Labels order;
  Dims sizes;
  for (const Labels* group : groups) {
    int64_t size = 1;
    for (const int label : *group) {
      order.push_back(label);
      size *= x.size(label);
    }
    sizes.push_back(size);
  }
  return plait::reshape(arranged(x, order), sizes);
}

// The product of two operands, summed over what no other term needs.
template <class F>
Operand contract(Operand a, Operand b, const F& needed) {
  sum_out(a, [&](int label) { return !needed(label) && !contains(b.labels, label); });
  sum_out(b, [&](int label) { return !needed(label) && !contains(a.labels, label); });
  // A size of 1 stands for any: then the other side is summed alone.
  for (const int label : Labels(a.labels)) {
    if (!contains(b.labels, label) || a.size(label) == b.size(label) || needed(label)) continue;
    sum_out(a, [&](int other) { return other == label; });
    sum_out(b, [&](int other) { return other == label; });
  }
  Labels batch, left, right, inner;
  for (const int label : a.labels)
    if (!contains(b.labels, label))
      left.push_back(label);
    else
      (needed(label) ? batch : inner).push_back(label);
  for (const int label : b.labels)
    if (!contains(a.labels, label)) right.push_back(label);
  Operand result;
  for (const Labels* group : {&batch, &left, &right})
    result.labels.insert(result.labels.end(), group->begin(), group->end());
  if (inner.empty()) {
    result.tensor = arranged(a, result.labels) * arranged(b, result.labels);
    return result;
  }
  Dims sizes;
  for (const int label : batch) sizes.push_back(std::max(a.size(label), b.size(label)));
  for (Operand* x : {&a, &b}) {
    Dims wanted = x->tensor.sizes();
    for (const int label : batch) wanted[position(x->labels, label)] = sizes[position(batch, label)];
    if (!(wanted == x->tensor.sizes())) x->tensor = plait::expand(x->tensor, wanted);
  }
  for (const int label : left) sizes.push_back(a.size(label));
  for (const int label : right) sizes.push_back(b.size(label));
  if (batch.empty())
    result.tensor = plait::mm(merged(a, {&left, &inner}), merged(b, {&inner, &right}));
  else
    result.tensor = plait::bmm(merged(a, {&batch, &left, &inner}), merged(b, {&batch, &inner, &right}));
  result.tensor = plait::reshape(result.tensor, sizes);
  return result;
}

Tensor einsum_of(std::string_view equation, TensorList tensors) {
  check(!tensors.empty(), "einsum: expected at least one tensor for equation '{}'", equation);
  const size_t arrow = equation.find("->");
  const std::string_view inputs = equation.substr(0, arrow);
  std::vector<Term> terms;
  for (size_t begin = 0;;) {
    const size_t comma = inputs.find(',', begin);
    terms.push_back(
        parse_term(inputs.substr(begin, comma == std::string_view::npos ? comma : comma - begin), equation));
    if (comma == std::string_view::npos) break;
    begin = comma + 1;
  }
  check(terms.size() == tensors.size(), "einsum: equation '{}' names {} operands, got {} tensors", equation,
        static_cast<int64_t>(terms.size()), static_cast<int64_t>(tensors.size()));

  int ellipsis_dims = 0;
  for (size_t i = 0; i < terms.size(); ++i) {
    const int extra = static_cast<int>(tensors[i].dim()) - terms[i].letters();
    check(terms[i].ellipsis ? extra >= 0 : extra == 0,
          "einsum: operand {} of shape {} does not have the dimensions that equation '{}' names; "
          "try '...' for the others",
          static_cast<int64_t>(i), tensors[i].sizes(), equation);
    ellipsis_dims = std::max(ellipsis_dims, extra);
  }
  std::vector<Operand> operands;
  std::vector<int64_t> sizes(static_cast<size_t>(kLetters + ellipsis_dims), -1);
  std::vector<int> uses(sizes.size(), 0);
  for (size_t i = 0; i < terms.size(); ++i) {
    const int extra = static_cast<int>(tensors[i].dim()) - terms[i].letters();
    operands.push_back({tensors[i], terms[i].expanded(extra)});
    for (size_t d = 0; d < operands[i].labels.size(); ++d) {
      const auto label = static_cast<size_t>(operands[i].labels[d]);
      const int64_t size = tensors[i].sizes()[static_cast<int>(d)];
      ++uses[label];
      check(sizes[label] < 0 || sizes[label] == 1 || size == 1 || sizes[label] == size,
            "einsum: operand {} of shape {} has size {} in dimension {}, where equation '{}' has {} from an "
            "operand before",
            static_cast<int64_t>(i), tensors[i].sizes(), size, static_cast<int64_t>(d), equation,
            sizes[label]);
      if (sizes[label] < 0 || sizes[label] == 1) sizes[label] = size;
    }
    take_diagonals(operands[i], equation);
  }

  Labels output;
  if (arrow == std::string_view::npos) {
    for (int d = ellipsis_dims - 1; d >= 0; --d) output.push_back(kLetters + d);
    for (int label = 0; label < kLetters; ++label)
      if (uses[static_cast<size_t>(label)] == 1) output.push_back(label);
  } else {
    const Term term = parse_term(equation.substr(arrow + 2), equation);
    output = term.expanded(ellipsis_dims);
    for (size_t i = 0; i < output.size(); ++i) {
      check(uses[static_cast<size_t>(output[i])] > 0,
            "einsum: the result of equation '{}' names a letter that no operand has", equation);
      check(std::find(output.begin(), output.begin() + static_cast<std::ptrdiff_t>(i), output[i]) ==
                output.begin() + static_cast<std::ptrdiff_t>(i),
            "einsum: the result of equation '{}' names a letter twice", equation);
    }
  }

  Operand result = operands[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    const auto needed = [&](int label) {
      if (contains(output, label)) return true;
      for (size_t later = i + 1; later < operands.size(); ++later)
        if (contains(operands[later].labels, label)) return true;
      return false;
    };
    result = contract(result, operands[i], needed);
  }
  sum_out(result, [&](int label) { return !contains(output, label); });
  const Tensor out = arranged(result, output);
  return out.same(tensors[0]) ? plait::alias(out) : out;
}

// Where one of a pair of dimensions has size 1 and the other has not, that one is summed over before.
Tensor tensordot_of(Tensor self, Tensor other, const Dims& dims_self, const Dims& dims_other) {
  check(dims_self.size() == dims_other.size(),
        "tensordot: expected as many dimensions of self as of other, got {} and {}", dims_self.size(),
        dims_other.size());
  Dims order_self, order_other, result;
  Dims used_self(static_cast<int>(self.dim()), 0), used_other(static_cast<int>(other.dim()), 0);
  int64_t rows = 1, columns = 1, k = 1;
  for (int i = 0; i < dims_self.size(); ++i) {
    const int a = wrap_dim(dims_self[i], self.dim(), "tensordot"),
              b = wrap_dim(dims_other[i], other.dim(), "tensordot");
    if (self.sizes()[a] == 1 && other.sizes()[b] != 1)
      other = plait::sum(other, Dims{b}, true, other.dtype());
    if (other.sizes()[b] == 1 && self.sizes()[a] != 1) self = plait::sum(self, Dims{a}, true, self.dtype());
    check(self.sizes()[a] == other.sizes()[b],
          "tensordot: dimension {} of self of shape {} and dimension {} of other of shape {} must have one "
          "size, got {} and {}",
          a, self.sizes(), b, other.sizes(), self.sizes()[a], other.sizes()[b]);
    check(!used_self[a] && !used_other[b], "tensordot: a dimension is named twice in {} and {}", dims_self,
          dims_other);
    used_self[a] = used_other[b] = 1;
    k *= self.sizes()[a];
  }
  for (int d = 0; d < used_self.size(); ++d) {
    if (used_self[d]) continue;
    order_self.push_back(d);
    result.push_back(self.sizes()[d]);
    rows *= self.sizes()[d];
  }
  for (int i = 0; i < dims_self.size(); ++i) {
    order_self.push_back(wrap_dim(dims_self[i], self.dim(), "tensordot"));
    order_other.push_back(wrap_dim(dims_other[i], other.dim(), "tensordot"));
  }
  for (int d = 0; d < used_other.size(); ++d) {
    if (used_other[d]) continue;
    order_other.push_back(d);
    result.push_back(other.sizes()[d]);
    columns *= other.sizes()[d];
  }
  const Tensor a = plait::reshape(plait::permute(self, order_self), Dims{rows, k});
  const Tensor b = plait::reshape(plait::permute(other, order_other), Dims{k, columns});
  return plait::reshape(plait::mm(a, b), result);
}

}  // namespace

Op<Tensor(std::string_view, TensorList)> einsum{{
    .schema = "einsum(str equation, Tensor[] tensors) -> Tensor",
    .doc =
        R"(Sum of products by Einstein's convention: each dimension has a letter; letters that the result lacks are summed over. A
letter twice on one operand takes its diagonal; '...' stands for further dimensions, which broadcast. Without '->' the result has the
dimensions of '...' and the letters that occur once, in alphabetic order. Operands are multiplied from left to right.

Dtypes: numbers, all the same. Raises ValueError where equation and shapes do not fit.

>>> plait.einsum("ij,j->i", [plait.tensor([[1.0, 2.0]]), plait.tensor([1.0, 1.0])])
tensor([3.]))",
    .composite = einsum_of,
    .kind = Kind::Matmul,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t)> tensordot{{
    .schema = "tensordot(Tensor self, Tensor other, int dims=2) -> Tensor",
    .doc = R"(Sum of products over the last `dims` dimensions of self and the first of other.

Shapes: (..., summed) and (summed, ***) give (..., ***). Dtypes: numbers, both the same.

>>> plait.tensordot(plait.ones(2, 3), plait.ones(3, 2), 1)
tensor([[3., 3.],
        [3., 3.]]))",
    .composite =
        [](const Tensor& self, const Tensor& other, int64_t dims) {
          check(
              dims >= 0 && dims <= self.dim() && dims <= other.dim(),
              "tensordot: expected dims between 0 and the numbers of dimensions, got {} for shapes {} and {}",
              dims, self.sizes(), other.sizes());
          Dims of_self, of_other;
          for (int64_t d = 0; d < dims; ++d) {
            of_self.push_back(self.dim() - dims + d);
            of_other.push_back(d);
          }
          return tensordot_of(self, other, of_self, of_other);
        },
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan)> tensordot_dims{{
    .schema = "tensordot.dims(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
    .doc = R"(Sum of products over the dimensions dims_self of self and dims_other of other, pair by pair.

Shapes: the dimensions that are left, those of self first. Dtypes: numbers, both the same.

>>> plait.tensordot(plait.ones(3, 2), plait.ones(4, 3), dims=([0], [1])).shape
plait.Size([2, 4]))",
    .composite =
        [](const Tensor& self, const Tensor& other, IntSpan dims_self, IntSpan dims_other) {
          return tensordot_of(self, other, Dims(dims_self), Dims(dims_other));
        },
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> kron{{
    .schema = "kron(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Kronecker product: each element of self times the whole of other.

Shapes: (a0, a1, ...) and (b0, b1, ...) give (a0 b0, a1 b1, ...); the shorter one has 1s put before. Dtypes: any, promoted.

>>> plait.kron(plait.tensor([1, 2]), plait.tensor([1, 1]))
tensor([1, 1, 2, 2]))",
    .composite =
        [](const Tensor& self, const Tensor& other) {
          const int ndim = static_cast<int>(std::max(self.dim(), other.dim()));
          Dims a, b, result;
          for (int d = 0; d < ndim; ++d) {
            const int in_self = d - ndim + static_cast<int>(self.dim()),
                      in_other = d - ndim + static_cast<int>(other.dim());
            const int64_t size_a = in_self >= 0 ? self.sizes()[in_self] : 1,
                          size_b = in_other >= 0 ? other.sizes()[in_other] : 1;
            a.push_back(size_a), a.push_back(1);
            b.push_back(1), b.push_back(size_b);
            result.push_back(size_a * size_b);
          }
          return plait::reshape(plait::reshape(self, a) * plait::reshape(other, b), result);
        },
    .kind = Kind::Matmul,
    .out = true,
}};

}  // namespace plait::op
