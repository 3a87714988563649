// Products of matrices and vectors. The derivative of c = a b is da = g b^H, db = a^H g.
#include "ops/cpu/matmul.h"

#include "ops/cpu/convert.h"
#include "ops/decl/copy.h"
#include "ops/decl/matmul.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/linear.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// x^H of the two last dimensions.
Tensor adjoint(const Tensor& x) { return plait::mT(conj_if_complex(x)); }

void check_dtypes(const char* op, const char* first, const Tensor& a, const char* second, const Tensor& b) {
  if (a.dtype() == b.dtype()) return;
  fail<TypeError>(
      "{}: expected tensors of one dtype, got {} of dtype {} and {} of dtype {}; convert one with .to(dtype)",
      op, first, a.dtype(), second, b.dtype());
}

void check_dim(const char* op, const char* param, const Tensor& t, int64_t dim) {
  if (t.dim() == dim) return;
  fail<ValueError>(
      "{}: expected {} to have {} dimension(s), got shape {}; matmul takes any number of dimensions", op,
      param, dim, t.sizes());
}

[[noreturn]] void fail_inner(const char* op, const char* first, const Tensor& a, const char* second,
                             const Tensor& b) {
  const int64_t k = b.dim() == 1 ? b.sizes()[0] : b.sizes()[static_cast<int>(b.dim()) - 2];
  fail<ValueError>(
      "{}: {} of shape {} and {} of shape {} do not fit: the last dimension of {} ({}) must equal the {} "
      "dimension of {} ({}); "
      "transpose one with .mT",
      op, first, a.sizes(), second, b.sizes(), first, a.sizes().back(),
      b.dim() == 1 ? "only" : "second to last", second, k);
}

// The product of a (..., m, k) and b (..., k, n), whose numbers of dimensions are known to be right.
void check_inner(const char* op, const char* first, const Tensor& a, const char* second, const Tensor& b) {
  const int64_t k = b.dim() == 1 ? b.sizes()[0] : b.sizes()[static_cast<int>(b.dim()) - 2];
  if (__builtin_expect(a.sizes().back() != k, 0)) fail_inner(op, first, a, second, b);
  check_dtypes(op, first, a, second, b);
}

TensorSpec matmul_spec(const Tensor& a, const Tensor& b) {
  const int da = static_cast<int>(a.dim()), db = static_cast<int>(b.dim());
  check(da > 0 && db > 0,
        "matmul: expected tensors of at least one dimension, got self of shape {} and other of shape {}; use "
        "* for numbers",
        a.sizes(), b.sizes());
  check_inner("matmul", "self", a, "other", b);
  if (da == 2 && db == 2) return TensorSpec(Dims{a.sizes()[0], b.sizes()[1]}, a.dtype(), a.device());
  Dims sizes;
  if (da > 2 || db > 2) {
    const IntSpan batch_a = da > 2 ? IntSpan(a.sizes().data(), da - 2) : IntSpan();
    const IntSpan batch_b = db > 2 ? IntSpan(b.sizes().data(), db - 2) : IntSpan();
    sizes = same(batch_a, batch_b) ? Dims(batch_a) : broadcast(batch_a, batch_b, "matmul");
  }
  if (da > 1) sizes.push_back(a.sizes()[da - 2]);
  if (db > 1) sizes.push_back(b.sizes().back());
  return TensorSpec(sizes, a.dtype(), a.device());
}

void matmul_vjp(Vjp& v) {
  const Tensor& g = v.grad();
  const auto da = v.sizes(0).size(), db = v.sizes(1).size();
  if (da == 1 && db == 1) {
    if (v.needs(0)) v.set(0, g * conj_if_complex(v.in(1)));
    if (v.needs(1)) v.set(1, g * conj_if_complex(v.in(0)));
  } else if (db == 1) {
    const Tensor column = plait::unsqueeze(g, -1);
    if (v.needs(0)) v.set(0, column * conj_if_complex(v.in(1)));
    if (v.needs(1))
      v.set(1, plait::matmul(plait::t(conj_if_complex(as_rows(v.in(0)))), plait::reshape(g, Dims{-1})));
  } else if (da == 1) {
    if (v.needs(0))
      v.set(0, plait::squeeze(plait::matmul(conj_if_complex(v.in(1)), plait::unsqueeze(g, -1)), Dims{-1}));
    if (v.needs(1)) v.set(1, plait::unsqueeze(conj_if_complex(v.in(0)), -1) * plait::unsqueeze(g, -2));
  } else {
    if (v.needs(0)) v.set(0, plait::matmul(g, adjoint(v.in(1))));
    if (v.needs(1))
      v.set(1, da > 2 && db == 2 ? plait::matmul(adjoint(as_rows(v.in(0))), as_rows(g))
                                 : plait::matmul(adjoint(v.in(0)), g));
  }
}

}  // namespace

Tensor as_rows(const Tensor& x) {
  if (x.dim() == 2) return x;
  int64_t rows = 1;
  for (int d = 0; d + 1 < x.sizes().size(); ++d) rows *= x.sizes()[d];
  return plait::reshape(x, Dims{rows, x.sizes().back()});
}

void linear_vjp(Vjp& v, const Tensor& sums) {
  if (v.needs(0)) v.set(0, plait::matmul(sums, conj_if_complex(v.in(1))));
  if (v.needs(1) && is_floating(sums.dtype()) && !grad_enabled()) {
    // On CUDA a product in 16 bits writes float32 as fast.
    const bool wide = sums.device().type == DeviceType::CUDA && itemsize(sums.dtype()) == 2 &&
                      v.may_give_float32(1) && (!v.needs(2) || v.may_give_float32(2));
    auto [weight, bias] = plait::_linear_grads(as_rows(sums), as_rows(v.in(0)), v.needs(2),
                                               wide ? std::optional(DType::Float32) : std::nullopt);
    v.set(1, std::move(weight));
    if (v.needs(2)) v.set(2, std::move(bias));
    return;
  }
  if (v.needs(1)) v.set(1, plait::mm(plait::t(as_rows(sums)), conj_if_complex(as_rows(v.in(0)))));
  if (v.needs(2)) v.set(2, sums);
}

Op<Tensor(const Tensor&, const Tensor&)> matmul{{
    .schema = "matmul(Tensor self, Tensor other) -> Tensor",
    .doc =
        R"(Matrix product. A vector counts as a row on the left, as a column on the right, and that dimension is dropped from the
result; dimensions before the two last are a batch.

Shapes: (..., m, k) and (..., k, n) give (..., m, n), the batch dimensions broadcast. Dtypes: numbers, both the same.

>>> plait.matmul(plait.tensor([[1.0, 2.0], [3.0, 4.0]]), plait.tensor([1.0, 1.0]))
tensor([3., 7.]))",
    .meta = matmul_spec,
    .vjp = matmul_vjp,
    .save = "other if self, self if other",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& other) { cpu::matmul(out, self, other); },
}};

Op<Tensor(const Tensor&, const Tensor&)> mm{{
    .schema = "mm(Tensor self, Tensor mat2) -> Tensor",
    .doc = R"(Product of two matrices.

Shapes: (m, k) and (k, n) give (m, n). Dtypes: numbers, both the same.

>>> plait.mm(plait.tensor([[1.0, 2.0]]), plait.tensor([[3.0], [4.0]]))
tensor([[11.]]))",
    .meta =
        [](const Tensor& self, const Tensor& mat2) {
          check_dim("mm", "self", self, 2);
          check_dim("mm", "mat2", mat2, 2);
          check_inner("mm", "self", self, "mat2", mat2);
          return TensorSpec(Dims{self.sizes()[0], mat2.sizes()[1]}, self.dtype(), self.device());
        },
    .vjp = matmul_vjp,
    .save = "mat2 if self, self if mat2",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& mat2) { cpu::matmul(out, self, mat2); },
}};

Op<Tensor(const Tensor&, const Tensor&)> bmm{{
    .schema = "bmm(Tensor self, Tensor mat2) -> Tensor",
    .doc =
        R"(Products of the matrices of two batches, one by one. Batches are not broadcast: matmul does that.

Shapes: (b, m, k) and (b, k, n) give (b, m, n). Dtypes: numbers, both the same.

>>> plait.bmm(plait.ones(2, 1, 3), plait.ones(2, 3, 1)).shape
plait.Size([2, 1, 1]))",
    .meta =
        [](const Tensor& self, const Tensor& mat2) {
          check_dim("bmm", "self", self, 3);
          check_dim("bmm", "mat2", mat2, 3);
          check(self.sizes()[0] == mat2.sizes()[0],
                "bmm: self of shape {} and mat2 of shape {} do not fit: their first dimensions must be "
                "equal; matmul broadcasts",
                self.sizes(), mat2.sizes());
          check_inner("bmm", "self", self, "mat2", mat2);
          return TensorSpec(Dims{self.sizes()[0], self.sizes()[1], mat2.sizes()[2]}, self.dtype(),
                            self.device());
        },
    .vjp = matmul_vjp,
    .save = "mat2 if self, self if mat2",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& mat2) { cpu::matmul(out, self, mat2); },
}};

Op<Tensor(const Tensor&, const Tensor&)> mv{{
    .schema = "mv(Tensor self, Tensor vec) -> Tensor",
    .doc = R"(Product of a matrix and a vector.

Shapes: (m, k) and (k) give (m). Dtypes: numbers, both the same.

>>> plait.mv(plait.tensor([[1.0, 2.0], [3.0, 4.0]]), plait.tensor([1.0, 1.0]))
tensor([3., 7.]))",
    .meta =
        [](const Tensor& self, const Tensor& vec) {
          check_dim("mv", "self", self, 2);
          check_dim("mv", "vec", vec, 1);
          check_inner("mv", "self", self, "vec", vec);
          return TensorSpec(Dims{self.sizes()[0]}, self.dtype(), self.device());
        },
    .vjp = matmul_vjp,
    .save = "vec if self, self if vec",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& vec) { cpu::matmul(out, self, vec); },
}};

Op<Tensor(const Tensor&, const Tensor&)> dot{{
    .schema = "dot(Tensor self, Tensor tensor) -> Tensor",
    .doc = R"(Sum of the products of two vectors' elements; complex ones are not conjugated (vdot does that).

Shapes: (k) and (k) give a 0-d tensor. Dtypes: numbers, both the same.

>>> plait.dot(plait.tensor([1.0, 2.0]), plait.tensor([3.0, 4.0]))
tensor(11.))",
    .meta =
        [](const Tensor& self, const Tensor& tensor) {
          check_dim("dot", "self", self, 1);
          check_dim("dot", "tensor", tensor, 1);
          check_inner("dot", "self", self, "tensor", tensor);
          return TensorSpec(Dims{}, self.dtype(), self.device());
        },
    .vjp = matmul_vjp,
    .save = "tensor if self, self if tensor",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              const Tensor& tensor) { cpu::matmul(out, self, tensor); },
}};

Op<Tensor(const Tensor&, const Tensor&)> vdot{{
    .schema = "vdot(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Sum of the products of two vectors' elements, those of self conjugated.

Shapes: (k) and (k) give a 0-d tensor. Dtypes: numbers, both the same.

>>> plait.vdot(plait.tensor([1j]), plait.tensor([1j]))
tensor(1.+0.j))",
    .composite = [](const Tensor& self,
                    const Tensor& other) { return plait::dot(conj_if_complex(self), other); },
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> linear_default{{
    .schema = "linear.default(Tensor self, Tensor weight, Tensor? bias=None) -> Tensor",
    .doc = R"(Affine map self @ weight.T + bias of the last dimension.

Shapes: self (..., in), weight (out, in), bias (out) give (..., out). Dtypes: numbers, all the same.

>>> plait.linear(plait.tensor([1.0, 2.0]), plait.tensor([[1.0, 1.0]]), plait.tensor([0.5]))
tensor([3.5000]))",
    .meta =
        [](const Tensor& self, const Tensor& weight, const Tensor& bias) {
          check(self.dim() >= 1 && (weight.dim() == 2 || weight.dim() == 1),
                "linear: expected self (..., in) and weight (out, in), got self of shape {} and weight of "
                "shape {}; try self.unsqueeze(0)",
                self.sizes(), weight.sizes());
          if (__builtin_expect(self.sizes().back() != weight.sizes().back(), 0))
            fail<ValueError>(
                "linear: self of shape {} and weight of shape {} do not fit: the last dimension of self ({}) "
                "must equal the last of "
                "weight ({}); make the layer for {} input features",
                self.sizes(), weight.sizes(), self.sizes().back(), weight.sizes().back(),
                self.sizes().back());
          check_dtypes("linear", "self", self, "weight", weight);
          TensorSpec spec(self.sizes(), self.dtype(), self.device());
          const int last = spec.sizes.size() - 1;
          if (weight.dim() == 2)
            spec.sizes[last] = weight.sizes()[0];
          else
            spec.sizes.erase(last);
          if (bias.defined()) {
            check_dtypes("linear", "self", self, "bias", bias);
            const bool fits =
                weight.dim() == 2 ? bias.dim() == 1 && bias.sizes()[0] == weight.sizes()[0] : bias.dim() == 0;
            if (__builtin_expect(!fits, 0))
              fail<ValueError>("linear: expected bias of shape {}, got shape {}; weight has shape {}",
                               weight.dim() == 2 ? Dims{weight.sizes()[0]} : Dims{}, bias.sizes(),
                               weight.sizes());
          }
          return spec;
        },
    .vjp =
        [](Vjp& v) {
          const Tensor& g = v.grad();
          if (v.sizes(1).size() == 1) {
            if (v.needs(0)) v.set(0, plait::unsqueeze(g, -1) * conj_if_complex(v.in(1)));
            if (v.needs(1)) v.set(1, plait::unsqueeze(g, -1) * conj_if_complex(v.in(0)));
            if (v.needs(2)) v.set(2, g);
          } else {
            linear_vjp(v, g);
          }
        },
    .save = "weight if self, self if weight",
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& weight,
              const Tensor& bias) { cpu::linear(out, self, weight, bias); },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, bool, std::optional<DType>)> _linear_grads{{
    .schema = "_linear_grads(Tensor self, Tensor input, bool need_bias=True, dtype? dtype=None) -> (Tensor "
              "weight, Tensor bias)",
    .doc =
        R"(The gradients of linear's weight and bias, from that of its result: self.T @ input, and the sums of self's columns,
which a GPU's matrix product takes of what it reads anyway. A bias that is not needed is empty.

Shapes: self (rows, out), input (rows, in) give (out, in) and (out). Dtypes: floats, both the same, which the results have,
too, unless float32 is asked for.

>>> weight, bias = plait._linear_grads(plait.ones(3, 1), plait.ones(3, 2))
>>> bias
tensor([3.]))",
    .meta =
        [](const Tensor& self, const Tensor& input, bool need_bias, std::optional<DType> dtype) {
          check(self.dim() == 2 && input.dim() == 2 && self.sizes()[0] == input.sizes()[0],
                "_linear_grads: expected self (rows, out) and input (rows, in), got shapes {} and {}",
                self.sizes(), input.sizes());
          check_dtypes("_linear_grads", "self", self, "input", input);
          const DType out = dtype.value_or(self.dtype());
          check<TypeError>(out == self.dtype() || (out == DType::Float32 && itemsize(self.dtype()) == 2),
                           "_linear_grads: expected dtype to be that of self, {}, or float32 for 16-bit "
                           "floats, got {}",
                           self.dtype(), out);
          return std::array<TensorSpec, 2>{
              TensorSpec(Dims{self.sizes()[1], input.sizes()[1]}, out, self.device()),
              TensorSpec(Dims{need_bias ? self.sizes()[1] : 0}, out, self.device())};
        },
    .vjp =
        [](Vjp& v) {
          Tensor weight = v.grad(0), bias = v.attr<bool>(2) ? v.grad(1) : Tensor();
          for (Tensor* t : {&weight, &bias})
            if (t->defined()) *t = plait::_convert(*t, v.dtype(0));
          if (v.needs(0)) {
            Tensor grad = weight.defined() ? plait::mm(v.in(1), plait::t(weight)) : Tensor();
            if (bias.defined()) grad = grad.defined() ? grad + bias : plait::expand(bias, v.sizes(0));
            v.set(0, grad);
          }
          if (v.needs(1) && weight.defined()) v.set(1, plait::mm(v.in(0), weight));
        },
    .save = "input if self, self if input",
    .kind = Kind::Matmul,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& weight, const Tensor& bias, const Tensor& self, const Tensor& input, bool need_bias,
           std::optional<DType>) {
          const bool same = weight.dtype() == self.dtype();
          const Tensor product = same ? weight : empty_tensor(weight.sizes(), self.dtype());
          cpu::matmul(product, plait::t(self), input);
          if (!same) cpu::copy(weight, product);
          if (need_bias) op::sum_dim.out({&bias, 1}, self, IntSpan(Dims{0}), false, bias.dtype());
        },
}};

Op<Tensor(const Tensor&, const Tensor&)> outer{{
    .schema = "outer(Tensor self, Tensor vec2) -> Tensor",
    .doc = R"(Products of all pairs of two vectors' elements.

Shapes: (m) and (n) give (m, n). Dtypes: any, promoted.

>>> plait.outer(plait.tensor([1.0, 2.0]), plait.tensor([3.0, 4.0]))
tensor([[3., 4.],
        [6., 8.]]))",
    .composite =
        [](const Tensor& self, const Tensor& vec2) {
          check_dim("outer", "self", self, 1);
          check_dim("outer", "vec2", vec2, 1);
          return plait::unsqueeze(self, -1) * vec2;
        },
    .kind = Kind::Matmul,
    .out = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> inner{{
    .schema = "inner(Tensor self, Tensor other) -> Tensor",
    .doc = R"(Dot products of the vectors along the last dimensions; with a number, its product.

Shapes: (..., k) and (***, k) give (..., ***). Dtypes: numbers, both the same.

>>> plait.inner(plait.tensor([1.0, 2.0]), plait.tensor([[3.0, 4.0], [5.0, 6.0]]))
tensor([11., 17.]))",
    .composite =
        [](const Tensor& self, const Tensor& other) {
          if (self.dim() == 0 || other.dim() == 0) return self * other;
          check(
              self.sizes().back() == other.sizes().back(),
              "inner: self of shape {} and other of shape {} do not fit: their last dimensions must be equal",
              self.sizes(), other.sizes());
          check_dtypes("inner", "self", self, "other", other);
          if (self.dim() == 1 && other.dim() == 1) return plait::dot(self, other);
          Dims sizes = self.sizes();
          sizes.erase(sizes.size() - 1);
          for (int d = 0; d + 1 < other.sizes().size(); ++d) sizes.push_back(other.sizes()[d]);
          return plait::reshape(plait::mm(as_rows(self), plait::t(as_rows(other))), sizes);
        },
    .kind = Kind::Matmul,
    .dtypes = kNumberDTypes,
    .out = true,
}};

}  // namespace plait::op
