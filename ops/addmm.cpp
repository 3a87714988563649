// Products of matrices added to a tensor: beta * self + alpha * (a @ b).
#include "ops/decl/addmm.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/matmul.h"
#include "ops/decl/matmul.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

Tensor adjoint(const Tensor& x) { return plait::mT(conj_if_complex(x)); }
Tensor scaled(const Tensor& x, const Scalar& factor) { return factor.equals(1) ? x : x * factor; }
// The conjugate of a factor of a complex product, as a tensor times it.
Tensor scaled_conj(const Tensor& x, const Scalar& factor) {
  if (!factor.is_complex()) return scaled(x, factor);
  const complex128 value = factor.to<complex128>();
  return x * Scalar(std::conj(value));
}

struct Names {
  const char *op, *a, *b;
  int a_dim, b_dim;
};

TensorSpec spec_of(const Names& names, const Tensor& self, const Tensor& a, const Tensor& b,
                   const Scalar& beta, const Scalar& alpha, const Dims& sizes) {
  check<TypeError>(self.dtype() == a.dtype() && a.dtype() == b.dtype(),
                   "{}: expected tensors of one dtype, got self of dtype {}, {} of dtype {} and {} of dtype "
                   "{}; convert with .to(dtype)",
                   names.op, self.dtype(), names.a, a.dtype(), names.b, b.dtype());
  const bool whole = is_integral(self.dtype(), true);
  check<TypeError>(
      !whole || (beta.is_integral(true) && alpha.is_integral(true)),
      "{}: beta and alpha must be integers for tensors of dtype {}; convert with .to(plait.float32)",
      names.op, self.dtype());
  const int missing = sizes.size() - static_cast<int>(self.dim());
  bool fits = missing >= 0;
  for (int d = 0; fits && d < self.sizes().size(); ++d)
    fits = self.sizes()[d] == 1 || self.sizes()[d] == sizes[d + missing];
  check(fits,
        "{}: self of shape {} does not broadcast to the product's shape {}; give (...), or a bias of shape "
        "({},)",
        names.op, self.sizes(), sizes, sizes.empty() ? 1 : sizes.back());
  return TensorSpec(sizes, self.dtype(), self.device());
}

void check_operands(const Names& names, const Tensor& a, const Tensor& b) {
  check(a.dim() == names.a_dim && b.dim() == names.b_dim,
        "{}: expected {} of {} and {} of {} dimension(s), got shapes {} and {}; try matmul", names.op,
        names.a, names.a_dim, names.b, names.b_dim, a.sizes(), b.sizes());
  const int64_t k = b.dim() == 1 ? b.sizes()[0] : b.sizes()[static_cast<int>(b.dim()) - 2];
  check(a.sizes().back() == k,
        "{}: {} of shape {} and {} of shape {} do not fit: the last dimension of {} ({}) must equal the {} "
        "dimension of {} ({}); "
        "transpose one with .mT",
        names.op, names.a, a.sizes(), names.b, b.sizes(), names.a, a.sizes().back(),
        b.dim() == 1 ? "only" : "second to last", names.b, k);
  check(a.dim() < 3 || a.sizes()[0] == b.sizes()[0],
        "{}: {} of shape {} and {} of shape {} do not fit: their first dimensions must be equal", names.op,
        names.a, a.sizes(), names.b, b.sizes());
}

bool is_same_memory(const Tensor& a, const Tensor& b) {
  return a.data_ptr() == b.data_ptr() && a.strides() == b.strides();
}

// Brings self into out, and returns the factor that out then has.
Scalar start(const Tensor& out, const Tensor& self, const Scalar& beta) {
  if (!beta.equals(0) && !(out.sizes() == self.sizes() && is_same_memory(out, self))) cpu::copy(out, self);
  return beta;
}

constexpr Names kAddmm{"addmm", "mat1", "mat2", 2, 2}, kAddmv{"addmv", "mat", "vec", 2, 1},
    kAddbmm{"addbmm", "batch1", "batch2", 3, 3}, kBaddbmm{"baddbmm", "batch1", "batch2", 3, 3};

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addmm{{
    .schema = "addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .doc = R"(beta * self + alpha * (mat1 @ mat2). Where beta is 0, self is not read.

Shapes: mat1 (m, k), mat2 (k, n), self broadcasts to (m, n). Dtypes: numbers, all the same.

>>> plait.addmm(plait.ones(1, 1), plait.ones(1, 2), plait.ones(2, 1), beta=2)
tensor([[4.]]))",
    .meta =
        [](const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
           const Scalar& alpha) {
          check_operands(kAddmm, mat1, mat2);
          return spec_of(kAddmm, self, mat1, mat2, beta, alpha, Dims{mat1.sizes()[0], mat2.sizes()[1]});
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          const Scalar& alpha = v.attr<const Scalar&>(4);
          if (v.needs(0)) v.set(0, scaled_conj(g, v.attr<const Scalar&>(3)));
          if (v.needs(1)) v.set(1, scaled_conj(plait::mm(g, adjoint(v.in(2))), alpha));
          if (v.needs(2)) v.set(2, scaled_conj(plait::mm(adjoint(v.in(1)), g), alpha));
        },
    .save = "mat2 if mat1, mat1 if mat2",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& mat1, const Tensor& mat2,
              const Scalar& beta,
              const Scalar& alpha) { cpu::matmul(out, mat1, mat2, alpha, start(out, self, beta)); },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addmv{{
    .schema = "addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .doc = R"(beta * self + alpha * (mat @ vec). Where beta is 0, self is not read.

Shapes: mat (m, k), vec (k), self broadcasts to (m). Dtypes: numbers, all the same.

>>> plait.addmv(plait.ones(1), plait.ones(1, 2), plait.ones(2), alpha=3)
tensor([7.]))",
    .meta =
        [](const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta,
           const Scalar& alpha) {
          check_operands(kAddmv, mat, vec);
          return spec_of(kAddmv, self, mat, vec, beta, alpha, Dims{mat.sizes()[0]});
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          const Scalar& alpha = v.attr<const Scalar&>(4);
          if (v.needs(0)) v.set(0, scaled_conj(g, v.attr<const Scalar&>(3)));
          if (v.needs(1)) v.set(1, scaled_conj(plait::unsqueeze(g, -1) * conj_if_complex(v.in(2)), alpha));
          if (v.needs(2)) v.set(2, scaled_conj(plait::mv(adjoint(v.in(1)), g), alpha));
        },
    .save = "vec if mat, mat if vec",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta,
              const Scalar& alpha) { cpu::matmul(out, mat, vec, alpha, start(out, self, beta)); },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> addbmm{{
    .schema = "addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .doc =
        R"(beta * self + alpha * the sum over the batch of batch1 @ batch2. Where beta is 0, self is not read.

Shapes: batch1 (b, m, k), batch2 (b, k, n), self broadcasts to (m, n). Dtypes: numbers, all the same.

>>> plait.addbmm(plait.ones(1, 1), plait.ones(3, 1, 2), plait.ones(3, 2, 1))
tensor([[7.]]))",
    .meta =
        [](const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
           const Scalar& alpha) {
          check_operands(kAddbmm, batch1, batch2);
          return spec_of(kAddbmm, self, batch1, batch2, beta, alpha,
                         Dims{batch1.sizes()[1], batch2.sizes()[2]});
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          const Scalar& alpha = v.attr<const Scalar&>(4);
          if (v.needs(0)) v.set(0, scaled_conj(g, v.attr<const Scalar&>(3)));
          if (v.needs(1)) v.set(1, scaled_conj(plait::matmul(g, adjoint(v.in(2))), alpha));
          if (v.needs(2)) v.set(2, scaled_conj(plait::matmul(adjoint(v.in(1)), g), alpha));
        },
    .save = "batch2 if batch1, batch1 if batch2",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& batch1, const Tensor& batch2,
           const Scalar& beta, const Scalar& alpha) {
          // One product over batch and k together: the columns of batch1's matrices side by side, the rows of
          // batch2's one below the other.
          const Dims& a = batch1.sizes();
          const Dims& b = batch2.sizes();
          const int64_t k = a[0] * a[2];
          cpu::matmul(out, plait::reshape(plait::permute(batch1, Dims{1, 0, 2}), Dims{a[1], k}),
                      plait::reshape(batch2, Dims{k, b[2]}), alpha, start(out, self, beta));
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Scalar&, const Scalar&)> baddbmm{{
    .schema =
        "baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    .doc = R"(beta * self + alpha * (batch1 @ batch2), matrix by matrix. Where beta is 0, self is not read.

Shapes: batch1 (b, m, k), batch2 (b, k, n), self broadcasts to (b, m, n). Dtypes: numbers, all the same.

>>> plait.baddbmm(plait.ones(1, 1, 1), plait.ones(1, 1, 2), plait.ones(1, 2, 1))
tensor([[[3.]]]))",
    .meta =
        [](const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
           const Scalar& alpha) {
          check_operands(kBaddbmm, batch1, batch2);
          return spec_of(kBaddbmm, self, batch1, batch2, beta, alpha,
                         Dims{batch1.sizes()[0], batch1.sizes()[1], batch2.sizes()[2]});
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          const Scalar& alpha = v.attr<const Scalar&>(4);
          if (v.needs(0)) v.set(0, scaled_conj(g, v.attr<const Scalar&>(3)));
          if (v.needs(1)) v.set(1, scaled_conj(plait::bmm(g, adjoint(v.in(2))), alpha));
          if (v.needs(2)) v.set(2, scaled_conj(plait::bmm(adjoint(v.in(1)), g), alpha));
        },
    .save = "batch2 if batch1, batch1 if batch2",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& batch1, const Tensor& batch2,
              const Scalar& beta,
              const Scalar& alpha) { cpu::matmul(out, batch1, batch2, alpha, start(out, self, beta)); },
}};

}  // namespace plait::op
