// New tensors of one value, or of none: empty, zeros, ones, full, and their _like and new_ forms.
#include "ops/decl/create.h"
#include "ops/cpu/convert.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/number_fits.h"
#include "ops/spec_like.h"

namespace plait::op {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDevice = std::optional<Device>;
using MaybeFormat = std::optional<MemoryFormat>;

TensorSpec spec_of(const char* op, IntSpan size, MaybeDType dtype, MaybeDevice device) {
  checked_numel(size, op);
  return TensorSpec(Dims(size), dtype.value_or(default_dtype()), device.value_or(kCPU));
}

TensorSpec spec_new(const char* op, const Tensor& self, IntSpan size, MaybeDType dtype, MaybeDevice device) {
  checked_numel(size, op);
  return TensorSpec(Dims(size), dtype.value_or(self.dtype()), device.value_or(self.device()));
}

void fill_with(const Tensor& out, const Scalar& value) {
  check<TypeError>(!value.is_complex() || is_complex(out.dtype()),
                   "full: a complex value does not go into a tensor of dtype {}; give a complex dtype",
                   out.dtype());
  cpu::copy(out, scalar_tensor(value, out.dtype()));
}

}  // namespace

Op<Tensor(IntSpan, MaybeDType, MaybeDevice)> empty{{
    .schema = "empty(int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(A tensor whose elements are whatever its memory held.

>>> plait.empty(2, 3).shape
plait.Size([2, 3]))",
    .meta = [](IntSpan size, MaybeDType dtype,
               MaybeDevice device) { return spec_of("empty", size, dtype, device); },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = [](const Tensor&, IntSpan, MaybeDType, MaybeDevice) {},
}};

Op<Tensor(IntSpan, MaybeDType, MaybeDevice)> zeros{{
    .schema = "zeros(int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(A tensor of zeros.

>>> plait.zeros(2)
tensor([0., 0.]))",
    .meta = [](IntSpan size, MaybeDType dtype,
               MaybeDevice device) { return spec_of("zeros", size, dtype, device); },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = [](const Tensor& out, IntSpan, MaybeDType, MaybeDevice) { fill_with(out, 0); },
}};

Op<Tensor(IntSpan, MaybeDType, MaybeDevice)> ones{{
    .schema = "ones(int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(A tensor of ones.

>>> plait.ones(2)
tensor([1., 1.]))",
    .meta = [](IntSpan size, MaybeDType dtype,
               MaybeDevice device) { return spec_of("ones", size, dtype, device); },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = [](const Tensor& out, IntSpan, MaybeDType, MaybeDevice) { fill_with(out, 1); },
}};

Op<Tensor(IntSpan, const Scalar&, MaybeDType, MaybeDevice)> full{{
    .schema = "full(int[] size, Scalar fill_value, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc =
        R"(A tensor of the given size with every element equal to fill_value, whose category (bool, int, float, complex) gives the
dtype where none is named.

>>> plait.full((2,), 7)
tensor([7, 7]))",
    .meta =
        [](IntSpan size, const Scalar& value, MaybeDType dtype, MaybeDevice device) {
          check_number_fits("full", value, dtype.value_or(value.dtype()));
          return spec_of("full", size, dtype.value_or(value.dtype()), device);
        },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = [](const Tensor& out, IntSpan, const Scalar& value, MaybeDType,
              MaybeDevice) { fill_with(out, value); },
}};

Op<Tensor(const Tensor&, MaybeDType, MaybeDevice, MaybeFormat)> empty_like{{
    .schema = "empty_like(Tensor self, *, dtype? dtype=None, device? device=None, memory_format? "
              "memory_format=None) -> Tensor",
    .doc = R"(An uninitialised tensor with the shape, dtype, device and layout of self.

>>> plait.empty_like(plait.zeros(2, 3)).shape
plait.Size([2, 3]))",
    .meta = spec_like,
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor&, const Tensor&, MaybeDType, MaybeDevice, MaybeFormat) {},
}};

Op<Tensor(const Tensor&, MaybeDType, MaybeDevice, MaybeFormat)> zeros_like{{
    .schema = "zeros_like(Tensor self, *, dtype? dtype=None, device? device=None, memory_format? "
              "memory_format=None) -> Tensor",
    .doc = R"(Zeros with the shape, dtype, device and layout of self.

>>> plait.zeros_like(plait.tensor([1, 2]))
tensor([0, 0]))",
    .meta = spec_like,
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor&, MaybeDType, MaybeDevice, MaybeFormat) { fill_with(out, 0); },
}};

Op<Tensor(const Tensor&, MaybeDType, MaybeDevice, MaybeFormat)> ones_like{{
    .schema = "ones_like(Tensor self, *, dtype? dtype=None, device? device=None, memory_format? "
              "memory_format=None) -> Tensor",
    .doc = R"(Ones with the shape, dtype, device and layout of self.

>>> plait.ones_like(plait.tensor([3, 4]))
tensor([1, 1]))",
    .meta = spec_like,
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor&, MaybeDType, MaybeDevice, MaybeFormat) { fill_with(out, 1); },
}};

Op<Tensor(const Tensor&, const Scalar&, MaybeDType, MaybeDevice, MaybeFormat)> full_like{{
    .schema = "full_like(Tensor self, Scalar fill_value, *, dtype? dtype=None, device? device=None, "
              "memory_format? memory_format=None) -> Tensor",
    .doc = R"(A tensor with the shape, dtype, device and layout of self and every element equal to fill_value.

>>> plait.full_like(plait.zeros(2), 5)
tensor([5., 5.]))",
    .meta =
        [](const Tensor& self, const Scalar& value, MaybeDType dtype, MaybeDevice device,
           MaybeFormat format) {
          check_number_fits("full_like", value, dtype.value_or(self.dtype()));
          return spec_like(self, dtype, device, format);
        },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor&, const Scalar& value, MaybeDType, MaybeDevice,
              MaybeFormat) { fill_with(out, value); },
}};

Op<Tensor(const Tensor&, IntSpan, MaybeDType, MaybeDevice)> new_empty{{
    .schema = "new_empty(Tensor self, int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(An uninitialised tensor of the given size with the dtype and device of self.

>>> plait.zeros(1).new_empty((2, 3)).shape
plait.Size([2, 3]))",
    .meta = [](const Tensor& self, IntSpan size, MaybeDType dtype,
               MaybeDevice device) { return spec_new("new_empty", self, size, dtype, device); },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor&, const Tensor&, IntSpan, MaybeDType, MaybeDevice) {},
}};

Op<Tensor(const Tensor&, IntSpan, MaybeDType, MaybeDevice)> new_zeros{{
    .schema = "new_zeros(Tensor self, int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(Zeros of the given size with the dtype and device of self.

>>> plait.tensor([1, 2]).new_zeros((3,))
tensor([0, 0, 0]))",
    .meta = [](const Tensor& self, IntSpan size, MaybeDType dtype,
               MaybeDevice device) { return spec_new("new_zeros", self, size, dtype, device); },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor&, IntSpan, MaybeDType, MaybeDevice) { fill_with(out, 0); },
}};

Op<Tensor(const Tensor&, IntSpan, MaybeDType, MaybeDevice)> new_ones{{
    .schema = "new_ones(Tensor self, int[] size, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(Ones of the given size with the dtype and device of self.

>>> plait.tensor([1, 2]).new_ones((3,))
tensor([1, 1, 1]))",
    .meta = [](const Tensor& self, IntSpan size, MaybeDType dtype,
               MaybeDevice device) { return spec_new("new_ones", self, size, dtype, device); },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor&, IntSpan, MaybeDType, MaybeDevice) { fill_with(out, 1); },
}};

Op<Tensor(const Tensor&, IntSpan, const Scalar&, MaybeDType, MaybeDevice)> new_full{{
    .schema = "new_full(Tensor self, int[] size, Scalar fill_value, *, dtype? dtype=None, device? "
              "device=None) -> Tensor",
    .doc =
        R"(A tensor of the given size with the dtype and device of self and every element equal to fill_value.

>>> plait.zeros(1).new_full((2,), 3)
tensor([3., 3.]))",
    .meta =
        [](const Tensor& self, IntSpan size, const Scalar& value, MaybeDType dtype, MaybeDevice device) {
          check_number_fits("new_full", value, dtype.value_or(self.dtype()));
          return spec_new("new_full", self, size, dtype, device);
        },
    .kind = Kind::Create,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor&, IntSpan, const Scalar& value, MaybeDType,
              MaybeDevice) { fill_with(out, value); },
}};

}  // namespace plait::op
