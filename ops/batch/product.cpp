// Products of matrices, attention, and the decompositions of linear algebra, whose leading dimensions are a
// batch already.
#include "ops/batch/rules.h"
#include "ops/decl/activation.h"
#include "ops/decl/attention.h"
#include "ops/decl/copy.h"
#include "ops/decl/matmul.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/math.h"

namespace plait::batch {
namespace {

// A tensor of entries of `ndim` dimensions, with ones in front of these so that there are `to`.
Tensor with_dims(Tensor t, bool own, int64_t ndim, int64_t to) {
  for (; ndim < to; ++ndim) t = plait::unsqueeze(t, own ? 1 : 0);
  return t;
}

// As plait::matmul of each entry. Vectors become matrices of one row or column.
Tensor product(const BatchCall& c, const Tensor& first, const Tensor& second) {
  const bool own_a = c.own(first), own_b = c.own(second);
  const int64_t na = first.dim(), nb = second.dim();
  Tensor a = c.front(first), b = c.front(second);
  if (na == 1 && nb == 1) {
    // One column of a shared vector serves all; two batches are multiplied by element.
    if (own_a != own_b) return own_a ? plait::matmul(a, b) : plait::matmul(b, a);
    return plait::sum(a * b, IntSpan(Dims{1}));
  }
  // The entries' vectors are the rows of one matrix.
  if (na == 1 && nb == 2 && !own_b) return plait::matmul(a, b);
  if (na == 2 && nb == 1 && !own_a) return plait::matmul(b, plait::transpose(a, 0, 1));
  if (na == 1) a = plait::unsqueeze(a, -2);
  if (nb == 1) b = plait::unsqueeze(b, -1);
  const int64_t dims = std::max<int64_t>({na, nb, 2});
  a = with_dims(a, own_a, std::max<int64_t>(na, 2), dims);
  b = with_dims(b, own_b, std::max<int64_t>(nb, 2), dims);
  Tensor out = plait::matmul(a, b);
  if (na == 1) out = plait::squeeze(out, IntSpan(Dims{-2}));
  if (nb == 1) out = plait::squeeze(out, IntSpan(Dims{-1}));
  return out;
}

// The op itself says what is wrong with the entries' shapes or dtypes.
void refuse_by_op(const BatchCall& c) {
  std::vector<Value> args = c.copy_args();
  for (size_t i = 0; i < args.size(); ++i)
    if (is_tensor(c, static_cast<int>(i)) && args[i].tensor().defined()) {
      const Tensor& t = args[i].tensor();
      args[i] = Value(empty_tensor(TensorSpec(t.sizes(), t.dtype(), kMeta)));
    }
  Value made;
  c.op.call_boxed(args.data(), &made);
}

void matmul(BatchCall& c) {
  const Tensor &a = c.args[0].tensor(), &b = c.args[1].tensor();
  const bool plain = a.dim() > 0 && b.dim() > 0 && a.dim() <= 2 && b.dim() <= 2 && a.dtype() == b.dtype() &&
                     a.sizes().back() == b.sizes()[0];
  const std::string& name = c.op.full_name();
  if (!plain || (name != "matmul" && name != "mm") || (name == "mm" && (a.dim() != 2 || b.dim() != 2)))
    refuse_by_op(c);
  c.give(product(c, c.args[0].tensor(), c.args[1].tensor()));
}

Tensor scaled(const Tensor& t, const Scalar& factor) { return factor.equals(1) ? t : t * factor; }

void add_product(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &a = c.args[1].tensor(), &b = c.args[2].tensor();
  refuse_by_op(c);
  const Scalar beta = c.args[3].scalar(), alpha = c.args[4].scalar();
  const Tensor made = scaled(plait::matmul(a, b), alpha);
  give_hidden(c, 0, beta.equals(0) ? made : made + scaled(self, beta));
}
void add_summed_product(BatchCall& c) {
  const Tensor &self = c.args[0].tensor(), &a = c.args[1].tensor(), &b = c.args[2].tensor();
  refuse_by_op(c);
  const Scalar beta = c.args[3].scalar(), alpha = c.args[4].scalar();
  const Tensor made = scaled(plait::sum(plait::matmul(a, b), IntSpan(Dims{0})), alpha);
  give_hidden(c, 0, beta.equals(0) ? made : made + scaled(self, beta));
}

Tensor linear_of(const BatchCall& c, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (!c.own(weight) && !c.own(bias)) {
    const Tensor rows = c.front(x);
    return hide_dim(plait::linear(rows, c.front(weight), c.front(bias)), 0, c.level);
  }
  const bool shared = !c.own(x) && !c.own(weight);
  const Tensor across = weight.dim() == 1 ? weight : plait::transpose(weight, 0, 1);
  const Tensor made = shared ? plait::matmul(x, across) : hide_dim(product(c, x, across), 0, c.level);
  return bias.defined() ? made + bias : made;
}
void linear(BatchCall& c) {
  const Tensor &x = c.args[0].tensor(), &weight = c.args[1].tensor(), &bias = c.args[2].tensor();
  const bool plain = x.dim() > 0 && weight.dim() == 2 && x.sizes().back() == weight.sizes()[1] &&
                     x.dtype() == weight.dtype();
  if (!plain || (bias.defined() &&
                 (bias.dim() != 1 || bias.sizes()[0] != weight.sizes()[0] || bias.dtype() != x.dtype())))
    refuse_by_op(c);
  give_hidden(c, 0, linear_of(c, c.args[0].tensor(), c.args[1].tensor(), c.args[2].tensor()));
}
void linear_relu(BatchCall& c) {
  const Tensor sums = linear_of(c, c.args[0].tensor(), c.args[1].tensor(), c.args[2].tensor());
  give_hidden(c, 0, plait::relu(sums));
}

void linear_gelu(BatchCall& c) {
  const Tensor& x = c.args[0].tensor();
  const Tensor sums = linear_of(c, x, c.args[1].tensor(), c.args[2].tensor());
  give_hidden(c, 0, plait::gelu(sums, "tanh"));
  if (c.args[3].boolean()) return give_hidden(c, 1, sums);
  c.give(1, empty_tensor(TensorSpec(Dims{c.size, 0}, x.dtype(), x.device())));
}

// Gradients of the weight and the bias of each entry: sums over its rows.
void linear_grads(BatchCall& c) {
  const auto rows = [&](int param) {
    const Tensor& t = c.args[param].tensor();
    const int64_t columns = t.sizes().back();
    int64_t count = 1;
    for (int i = 0; i + 1 < t.dim(); ++i) count *= t.sizes()[i];
    return plait::reshape(c.full(param), IntSpan(Dims{c.size, count, columns}));
  };
  const Tensor grad = rows(0), input = rows(1);
  const Value& dtype = c.args[3];
  const auto due = [&](const Tensor& t) {
    return dtype.is_none() || t.dtype() == dtype.dtype() ? t : plait::_convert(t, dtype.dtype());
  };
  const Tensor weight = grad.sizes()[1] == 1
                            ? plait::reshape(grad, IntSpan(Dims{c.size, grad.sizes()[2], 1})) * input
                            : plait::matmul(plait::transpose(grad, 1, 2), input);
  c.give(0, due(weight));
  c.give(1,
         due(c.args[2].boolean() ? plait::sum(grad, IntSpan(Dims{1}))
                                 : empty_tensor(TensorSpec(Dims{c.size, 0}, grad.dtype(), grad.device()))));
}

void attention(BatchCall& c, int mask_at, int first, int count, const std::vector<int>& others) {
  std::vector<Value> args = c.copy_args();
  for (int p = first; p < first + count; ++p) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  for (const int p : others) args[static_cast<size_t>(p)] = Value(fold(c.full(p)));
  if (const Tensor& mask = c.args[mask_at].tensor(); mask.defined()) {
    // One for all samples stays so, where entries share it.
    Tensor all = c.front(mask_at);
    const int64_t samples = c.args[first].tensor().sizes()[0];
    if (c.has(mask_at) || (mask.dim() == 4 && mask.sizes()[0] != 1)) {
      all = with_dims(c.full(mask_at), true, mask.dim(), 4);
      Dims sizes(all.sizes());
      sizes[1] = samples;
      all = fold(plait::expand(all, sizes));
    }
    args[static_cast<size_t>(mask_at)] = Value(all);
  }
  std::array<Value, 4> made;
  c.op.call_boxed(args.data(), made.data());
  for (int i = 0; i < c.op.output_count(); ++i)
    c.give(i, unfold(made[static_cast<size_t>(i)].tensor(), c.size));
}
void attention_forward(BatchCall& c) { attention(c, 3, 0, 3, {}); }
void attention_backward(BatchCall& c) { attention(c, 4, 0, 4, {5, 6}); }

// Arguments with leading dimensions that broadcast: as many for each.
void leading_alike(BatchCall& c) {
  if (c.dim(0) != c.dim(1)) return c.for_each();
  leading(c);
}

constexpr NamedRule kRules[] = {
    {"matmul", matmul},
    {"mm", matmul},
    {"bmm", matmul},
    {"mv", matmul},
    {"dot", matmul},
    {"addmm", add_product},
    {"addmv", add_product},
    {"baddbmm", add_product},
    {"addbmm", add_summed_product},
    {"linear.default", linear},
    {"_linear_relu", linear_relu},
    {"_linear_gelu", linear_gelu},
    {"_linear_grads", linear_grads},
    {"_attention", attention_forward},
    {"_attention_backward", attention_backward},
    {"_cdist", folded},
    {"_cdist_backward", folded},
    {"_linalg_row_order", leading},
    {"_linalg_cholesky", leading},
    {"_linalg_lu", leading},
    {"_linalg_qr", leading},
    {"_linalg_householder_product", leading},
    {"_linalg_eigh", leading},
    {"_linalg_svd", leading},
    {"_linalg_eig", leading},
    {"_linalg_ldl_factor", leading},
    {"_linalg_solve_triangular", leading_alike},
    {"_linalg_lu_solve", leading},
    {"_linalg_ldl_solve", leading},
    {"_linalg_ormqr", leading},
    {"_linalg_lstsq", leading},
};

}  // namespace

std::span<const NamedRule> product_rules() { return kRules; }

}  // namespace plait::batch
