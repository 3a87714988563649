// Copies: into a tensor, into another dtype, into a new tensor; filling with a value.
#include "ops/decl/copy.h"
#include "core/backend.h"
#include "ops/cpu/binary.h"
#include "ops/cpu/convert.h"
#include "ops/decl/arithmetic.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/number_fits.h"

namespace plait::op {
namespace {

// A layout by memory format; `preserve` keeps the layout of `model`.
std::optional<Dims> layout(const Tensor& model, std::optional<MemoryFormat> format) {
  switch (format.value_or(MemoryFormat::Preserve)) {
    case MemoryFormat::Contiguous: return std::nullopt;
    case MemoryFormat::Preserve: return infer::layout_like(model);
    case MemoryFormat::ChannelsLast:
      check(model.dim() == 4, "channels_last: expected a 4-D tensor, got shape {}", model.sizes());
      break;
    case MemoryFormat::ChannelsLast3d:
      check(model.dim() == 5, "channels_last_3d: expected a 5-D tensor, got shape {}", model.sizes());
      break;
  }
  return channels_last_strides(model.sizes());
}

// The kernel of another device is asked for a copy that leaves or enters it.
void copy_kernel(const Tensor& out, const Tensor&, const Tensor& src, bool) { cpu::copy(out, src); }

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, bool)> copy{{
    .schema = "copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
    .doc =
        R"(The elements of src, broadcast to the shape and converted to the dtype of self; copy_ writes them into self.

>>> x = plait.zeros(2, dtype=plait.int64)
>>> x.copy_(plait.tensor([1.5, 2.5]))
tensor([1, 2]))",
    .meta =
        [](const Tensor& self, const Tensor& src, bool) {
          if (self.sizes() != src.sizes()) {
            const bool fits = self.sizes() == broadcast(self.sizes(), src.sizes(), "copy_");
            check(fits, "copy_: src of shape {} cannot be broadcast to self of shape {}", src.sizes(),
                  self.sizes());
          }
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, plait::mul(v.grad(), wrapped_scalar(0)));
          if (v.needs(1)) v.set(1, v.grad());
        },
    .kind = Kind::Pointwise,
    .dtypes = kStoredDTypes,
    .inplace = Inplace::Direct,
    .across_devices = true,
    .cpu = copy_kernel,
}};

Op<Tensor(const Tensor&, DType)> _convert{{
    .schema = "_convert(Tensor self, dtype dtype) -> Tensor",
    .doc = "self in another dtype, in the layout of self; the real part where a complex tensor becomes real.",
    .meta = [](const Tensor& self, DType dtype) { return infer::like(self, dtype); },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::Pointwise,
    .dtypes = kStoredDTypes,
    .grads = GradDType::Any,
    .cpu = [](const Tensor& out, const Tensor& self, DType) { cpu::copy(out, self); },
}};

Op<Tensor(const Tensor&, const Tensor&)> _converted{{
    .schema = "_converted(Tensor self, Tensor lower) -> Tensor",
    .doc = "lower, which is self in another dtype: what _convert would have computed.",
    .composite =
        [](const Tensor& self, const Tensor& lower) {
          check(self.sizes() == lower.sizes(), "_converted: expected lower of self's shape {}, got {}",
                self.sizes(), lower.sizes());
          return detached_alias(lower);
        },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .grads = GradDType::Any,
}};

Op<Tensor(const Tensor&, Device, bool)> _to_device{{
    .schema = "_to_device(Tensor self, device device, bool non_blocking=False) -> Tensor",
    .doc = "A copy of self on another device, in the layout of self.",
    .meta =
        [](const Tensor& self, Device device, bool) {
          check<NotImplementedError>(!self.is_meta() || device.type == DeviceType::Meta,
                                     "to: a tensor on the meta device holds no data to be copied to {}; use "
                                     "empty_like(x, device=...)",
                                     device);
          TensorSpec spec = infer::like(self);
          spec.device = concrete(device);
          return spec;
        },
    .vjp = [](Vjp& v) { v.set(0, plait::_to_device(v.grad(), v.meta(0).device)); },
    .kind = Kind::Other,
    .dtypes = kStoredDTypes,
    .across_devices = true,
    .cpu = [](const Tensor& out, const Tensor& self, Device, bool) { cpu::copy(out, self); },
}};

Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> clone{{
    .schema = "clone(Tensor self, *, memory_format? memory_format=None) -> Tensor",
    .doc = R"(A copy with memory of its own, through which gradients flow.

>>> x = plait.tensor([1.0, 2.0])
>>> y = x.clone()
>>> y is x
False)",
    .meta =
        [](const Tensor& self, std::optional<MemoryFormat> format) {
          TensorSpec spec(self.sizes(), self.dtype(), self.device());
          spec.strides = layout(self, format);
          return spec;
        },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::Pointwise,
    .dtypes = kStoredDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, std::optional<MemoryFormat>) { cpu::copy(out, self); },
}};

Op<Tensor(const Tensor&, const Tensor&)> fill{{
    .schema = "fill(Tensor self, Tensor value) -> Tensor",
    .doc =
        R"(A tensor like self with every element equal to value, a number or a 0-d tensor; fill_ overwrites self.

>>> plait.empty(2).fill_(3)
tensor([3., 3.]))",
    .meta =
        [](const Tensor& self, const Tensor& value) {
          check(value.dim() == 0, "fill: expected value to be a number or a 0-d tensor, got shape {}",
                value.sizes());
          check_number_fits("fill", value, self.dtype());
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, plait::mul(v.grad(), wrapped_scalar(0)));
          if (v.needs(1)) v.set(1, v.grad());
        },
    .kind = Kind::Pointwise,
    .dtypes = kStoredDTypes,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out, const Tensor&,
              const Tensor& value) { cpu::copy(out, cpu::converted(value, out.dtype())); },
}};

Op<Tensor(const Tensor&)> zero{{
    .schema = "zero(Tensor self) -> Tensor",
    .doc = "Zeros like self; zero_ overwrites self.",
    .meta = [](const Tensor& self) { return infer::like(self); },
    .vjp = [](Vjp& v) { v.set(0, plait::mul(v.grad(), wrapped_scalar(0))); },
    .kind = Kind::Pointwise,
    .dtypes = kStoredDTypes,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out, const Tensor&) { cpu::copy(out, scalar_tensor(0, out.dtype())); },
}};

Op<Tensor(const Tensor&, std::optional<MemoryFormat>)> contiguous{{
    .schema = "contiguous(Tensor self, *, memory_format? memory_format=None) -> Tensor",
    .doc =
        "self where it is contiguous in memory (in the given format) already, a contiguous copy otherwise.",
    .composite =
        [](const Tensor& self, std::optional<MemoryFormat> format) {
          const MemoryFormat wanted = format.value_or(MemoryFormat::Contiguous);
          check(wanted != MemoryFormat::Preserve, "contiguous: memory_format must not be preserve_format");
          return self.is_contiguous(wanted) ? self : plait::clone(self, wanted);
        },
}};

}  // namespace plait::op
