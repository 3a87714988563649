// Complex numbers: their parts, as views and as numbers.
#include "ops/cpu/complex.h"

#include "ops/cpu/unary.h"
#include "ops/decl/compare.h"
#include "ops/decl/complex.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// The same memory as another dtype, which a view of one storage may have.
Tensor view_of(const Tensor& self, DType dtype, const Dims& sizes, const Dims& strides, int64_t offset) {
  const Tensor view = make_view(self, sizes, strides, self.storage_offset());
  TensorImpl& impl = *view.impl();
  impl.dtype = dtype;
  impl.offset = offset;
  if (impl.batch)
    for (BatchDim& d : std::span(impl.batch->dims, static_cast<size_t>(impl.batch->count))) {
      check(!is_complex(dtype) || d.stride % 2 == 0 || d.size == 1,
            "view_as_complex: the entries of the batch are {} real numbers apart, expected an even number; "
            ".clone() self first",
            d.stride);
      d.stride = is_complex(dtype) ? d.stride / 2 : d.stride * 2;
      if (d.size == 1) d.stride = 1;  // 0 would say that entries share
    }
  return view;
}

}  // namespace

Op<Tensor(const Tensor&)> view_as_real{{
    .schema = "view_as_real(Tensor self) -> Tensor",
    .doc = R"(A view of a complex tensor as real numbers, with a last dimension of 2: real and imaginary part.

>>> plait.view_as_real(plait.tensor([1 + 2j]))
tensor([[1., 2.]]))",
    .view =
        [](const Tensor& self) {
          check<TypeError>(is_complex(self.dtype()), "view_as_real: expected a complex tensor, got {}",
                           self.dtype());
          Dims sizes(self.sizes()), strides(self.strides());
          for (int64_t& stride : strides) stride *= 2;
          sizes.push_back(2);
          strides.push_back(1);
          return view_of(self, to_real(self.dtype()), sizes, strides, 2 * self.storage_offset());
        },
    .vjp =
        [](Vjp& v) {
          // Pairs must begin at an even offset, which a view of somebody's gradient need not.
          const Tensor grad = plait::contiguous(v.grad());
          v.set(0, plait::view_as_complex(
                       grad.storage_offset() % 2 == 0 && !grad.is_batched() ? grad : plait::clone(grad)));
        },
    .kind = Kind::View,
    .dtypes = kComplexDTypes,
}};

Op<Tensor(const Tensor&)> view_as_complex{{
    .schema = "view_as_complex(Tensor self) -> Tensor",
    .doc = R"(A view of pairs of real numbers, along a last dimension of 2, as complex ones.

Dtypes: float32, float64. Raises ValueError where pairs do not lie together in memory.

>>> plait.view_as_complex(plait.tensor([[1.0, 2.0]]))
tensor([1.+2.j]))",
    .view =
        [](const Tensor& self) {
          check<TypeError>(self.dtype() == DType::Float32 || self.dtype() == DType::Float64,
                           "view_as_complex: expected float32 or float64, got {}; convert with .to(dtype)",
                           self.dtype());
          const int last = static_cast<int>(self.dim()) - 1;
          check(last >= 0 && self.sizes()[last] == 2,
                "view_as_complex: expected a last dimension of size 2, got shape {}", self.sizes());
          Dims sizes(self.sizes()), strides(self.strides());
          bool pairs = strides[last] == 1 && self.storage_offset() % 2 == 0;
          for (int i = 0; i < last; ++i) pairs = pairs && strides[i] % 2 == 0;
          check(pairs,
                "view_as_complex: expected a last stride of 1, and even other strides and offset, got "
                "strides {} and offset {}; "
                "call .contiguous() first",
                self.strides(), self.storage_offset());
          sizes.erase(last);
          strides.erase(last);
          for (int64_t& stride : strides) stride /= 2;
          return view_of(self, to_complex(self.dtype()), sizes, strides, self.storage_offset() / 2);
        },
    .vjp = [](Vjp& v) { v.set(0, plait::view_as_real(plait::contiguous(v.grad()))); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> real{{
    .schema = "real(Tensor self) -> Tensor",
    .doc = R"(The real part: a view of a complex tensor; a real one as it is.

>>> plait.real(plait.tensor([1 + 2j]))
tensor([1.]))",
    .composite =
        [](const Tensor& self) {
          return is_complex(self.dtype()) ? plait::select(plait::view_as_real(self), -1, 0) : self;
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> imag{{
    .schema = "imag(Tensor self) -> Tensor",
    .doc = R"(The imaginary part, a view. Raises TypeError for a real tensor.

>>> plait.imag(plait.tensor([1 + 2j]))
tensor([2.]))",
    .composite =
        [](const Tensor& self) {
          check<TypeError>(
              is_complex(self.dtype()),
              "imag: expected a complex tensor, got {}; the imaginary part of a real one is zeros_like",
              self.dtype());
          return plait::select(plait::view_as_real(self), -1, 1);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&)> complex{{
    .schema = "complex(Tensor real, Tensor imag) -> Tensor",
    .doc = R"(Complex numbers from their real and imaginary parts.

Shapes: broadcast together. Dtypes: float32 and float64, the same for both.

>>> plait.complex(plait.tensor([1.0]), plait.tensor([2.0]))
tensor([1.+2.j]))",
    .meta =
        [](const Tensor& real, const Tensor& imag) {
          check<TypeError>(real.dtype() == imag.dtype() &&
                               (real.dtype() == DType::Float32 || real.dtype() == DType::Float64),
                           "complex: expected real and imag both of float32 or of float64, got {} and {}; "
                           "convert with .to(dtype)",
                           real.dtype(), imag.dtype());
          return infer::elementwise("complex", {&real, &imag}, to_complex(real.dtype()));
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, plait::real(v.grad()));
          if (v.needs(1)) v.set(1, plait::imag(v.grad()));
        },
    .kind = Kind::Pointwise,
    .out = true,
    .cpu = cpu::join_parts,
}};

Op<Tensor(const Tensor&)> conj{{
    .schema = "conj(Tensor self) -> Tensor",
    .doc = R"(The complex conjugate of each element; a real tensor as it is.

>>> plait.conj(plait.tensor([1 + 2j]))
tensor([1.-2.j]))",
    .composite = [](const Tensor& self) { return is_complex(self.dtype()) ? plait::_conj(self) : self; },
    .kind = Kind::Pointwise,
}};

Op<Tensor(const Tensor&)> _conj{{
    .schema = "_conj(Tensor self) -> Tensor",
    .doc = "The complex conjugate of each element of a complex tensor.",
    .meta = infer::unary,
    .vjp = [](Vjp& v) { v.set(0, plait::_conj(v.grad())); },
    .kind = Kind::Pointwise,
    .dtypes = kComplexDTypes,
    .cpu = [](const Tensor& out, const Tensor& self) { cpu::unary("conj", cpu::Unary::Conj, out, self); },
}};

Op<Tensor(const Tensor&)> angle{{
    .schema = "angle(Tensor self) -> Tensor",
    .doc = R"(The argument of each complex number, in radians; of real ones 0, or pi where negative.

>>> plait.angle(plait.tensor([1 + 1j]))
tensor([0.7854]))",
    .meta = [](const Tensor& self) { return infer::like(self, infer::float_dtype(to_real(self.dtype()))); },
    .vjp =
        [](Vjp& v) {
          const Tensor self = v.in(0);
          if (!is_complex(self.dtype())) return v.set(0, plait::zeros_like(v.grad()));
          // d angle = (x dy - y dx) / |z|^2: the gradient is (-y + i x) / |z|^2 = i z / |z|^2, and zero at
          // zero.
          const Tensor length = plait::abs(self), zero = plait::eq(length, wrapped_scalar(0));
          const Tensor square = plait::masked_fill(plait::square(length), zero, wrapped_scalar(1));
          v.set(0, v.grad() * (self * Scalar(complex128(0, 1))) / square);
        },
    .save = "self",
    .kind = Kind::Pointwise,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self) {
          if (is_complex(self.dtype())) return cpu::argument(out, self);
          cpu::unary("angle", cpu::Unary::Angle, out, self);
        },
}};

}  // namespace plait::op
