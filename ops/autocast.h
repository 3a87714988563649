// Autocast: regions of a program in which every op computes in the precision that suits it (PyTorch's
// torch.amp.autocast; Micikevicius et al. 2018, "Mixed precision training").
//
// While a region is active, the thread's context includes the Autocast key, and every op call meets the
// Autocast entry of its table first. An op of the lists (autocast_lists.cpp) has an entry of its own: it
// converts the tensor arguments as the op's policy says, masks the key, and calls on. Any other op is called
// as it is, with the key masked too: an op is one whole, and what a composite is written in is not looked at
// again. Conversions are ordinary ops, which autograd records. Outside of regions the key is in no key set,
// and nothing is paid.
//
// A parameter that several calls convert is converted once: see `convert`. Backward runs without the key, in
// the dtypes that forward chose (autograd/engine.cpp).
#pragma once

#include "core/op.h"

namespace plait::autocast {

enum class Policy : uint8_t {
  Keep,           // the op is called as it is
  Lower,          // tensors in the region's dtype
  Float32,        // tensors in float32
  Float32Result,  // the op has a dtype argument: float32 where none is given
  Widest,         // tensors in the widest dtype among them
  Refuse          // an error: the op is unsafe in a low precision
};

// ---- the thread's regions, for each type of device: the CPU and CUDA have them

PLAIT_API bool is_available(DeviceType type);
// False, too, where the key is masked: in backward, in a composite.
PLAIT_API bool is_enabled(DeviceType type);
// Is any region in force?
inline bool is_active() { return context().enabled & context().included & bit(Key::Autocast); }
// Masks the regions or puts them in force again; returns what was before.
inline bool switch_key(bool on) {
  constexpr KeySet key = bit(Key::Autocast);
  const bool before = is_active();
  Context& ctx = context();
  ctx.enabled = static_cast<KeySet>(on ? ctx.enabled | key : ctx.enabled & ~key);
  ctx.included = static_cast<KeySet>(on ? ctx.included | key : ctx.included & ~key);
  return before;
}
PLAIT_API void set_enabled(DeviceType type, bool on);
PLAIT_API DType dtype(DeviceType type);
PLAIT_API void set_dtype(DeviceType type, DType dtype);
PLAIT_API bool cache_enabled();
PLAIT_API void set_cache_enabled(bool on);
PLAIT_API void clear_cache();
PLAIT_API int increment_nesting();  // the new depth
PLAIT_API int decrement_nesting();  // the cache is dropped at 0

// What held before a region, for its end: of the CPU and of CUDA, and was the Autocast key there?
struct Region {
  bool enabled[2];
  DType dtype[2];
  bool cache, key;
};
PLAIT_API Region enter(DeviceType type, bool enabled, DType dtype, bool cache);  // returns what was before
PLAIT_API void leave(const Region& before);

// Ops run as they are until the end of the scope.
struct Masked : ContextGuard {
  Masked() { switch_key(false); }
};

// ---- what an entry is made of

// What the arguments of one call become.
struct Target {
  DeviceType type = DeviceType::Meta;  // Meta: no region for the tensors of this call
  DType dtype = DType::Float32;

  explicit operator bool() const { return type != DeviceType::Meta; }
  bool may_take(const Tensor& t) const {
    return t.defined() && t.device().type == type && is_floating(t.dtype()) && t.dtype() != DType::Float64;
  }
  bool takes(const Tensor& t) const { return may_take(t) && t.dtype() != dtype; }
};
// The region that holds for tensors of these keys, with its dtype.
PLAIT_API Target target_of(KeySet keys);
// The tensor in another dtype. Float32 leaves that require grad, parameters that is, are kept in the lower
// dtype until the outermost region ends, or until they are written to.
PLAIT_API Tensor convert(const Tensor& tensor, DType dtype);
[[noreturn]] PLAIT_API void refuse(const OpBase& op);

}  // namespace plait::autocast

namespace plait::op {
// Gives the listed ops their entries. Called once, when a region is first entered.
void set_autocast_entries();
}  // namespace plait::op
