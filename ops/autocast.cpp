// The state of autocast regions, and the cache of converted parameters.
#include "ops/autocast.h"

#include <memory>
#include <unordered_map>

#include "autograd/variable.h"
#include "ops/decl/copy.h"

namespace plait::autocast {
namespace {

// Converted parameters of one thread. An entry holds as long as the parameter has the storage and version
// that it had, so that an optimiser's step or any other in-place write within the region is seen.
class Cache {
 public:
  Tensor get(const Tensor& source, DType dtype) {
    const Key key{source.impl(), dtype};
    if (const auto found = entries_.find(key); found != entries_.end()) {
      const Entry& entry = found->second;
      // A copy made without a tape serves only where there is none.
      if (entry.version == source.version() && entry.storage == source.storage() &&
          (entry.recorded || !grad_enabled()))
        return entry.converted;
    }
    source.storage()->ask_for_lower(dtype);
    const Tensor lower = lower_copy(source, dtype);
    const Tensor converted =
        lower.defined() ? plait::_converted(source, lower) : plait::_convert(source, dtype);
    if (entries_.size() >= sweep_at_) sweep();
    entries_.insert_or_assign(key,
                              Entry{source, converted, source.storage(), source.version(), grad_enabled()});
    return converted;
  }

 private:
  struct Key {
    const TensorImpl* impl;
    DType dtype;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.impl) * 31 + static_cast<size_t>(key.dtype);
    }
  };
  struct Entry {
    Tensor source, converted;
    Storage storage;
    uint32_t version = 0;
    bool recorded = false;
  };

  // Leaves that nobody else holds go: a region around a whole training may see a new one in every step.
  void sweep() {
    std::erase_if(entries_, [](const auto& item) {
      const Entry& entry = item.second;
      // The tensor itself is held by the entry and, where recorded, by the edge of the copy's node.
      const uint32_t ours = entry.recorded ? 2 : 1;
      return entry.converted.impl()->use_count() == 1 && entry.source.impl()->use_count() <= ours;
    });
    sweep_at_ = 2 * entries_.size() + kSweep;
  }

  static constexpr size_t kSweep = 64;
  std::unordered_map<Key, Entry, Hash> entries_;
  size_t sweep_at_ = kSweep;
};

struct DeviceState {
  bool enabled = false;
  DType dtype;
};
struct State {
  DeviceState cpu{false, DType::BFloat16}, cuda{false, DType::Float16};
  bool cache_enabled = true;
  int depth = 0;
  std::unique_ptr<Cache> cache;

  DeviceState& of(DeviceType type) {
    check<ValueError>(is_available(type), "autocast: expected device type 'cpu' or 'cuda', got '{}'",
                      Device{type});
    return type == DeviceType::CPU ? cpu : cuda;
  }
};
State& state() {
  // On the heap: thread-local storage is scarce in libraries that are loaded late.
  static thread_local std::unique_ptr<State> state;
  if (!state) state = std::make_unique<State>();
  return *state;
}

void install_once() {
  static const bool done = (op::set_autocast_entries(), true);
  (void)done;
}

}  // namespace

bool is_available(DeviceType type) { return type == DeviceType::CPU || type == DeviceType::CUDA; }

bool is_enabled(DeviceType type) { return state().of(type).enabled && is_active(); }

void set_enabled(DeviceType type, bool on) {
  if (on) install_once();
  State& s = state();
  DeviceState& device = s.of(type);
  if (!is_active()) s.cpu.enabled = s.cuda.enabled = false;  // regions further out do not reach to here
  device.enabled = on;
  switch_key(s.cpu.enabled || s.cuda.enabled);
}

DType dtype(DeviceType type) { return state().of(type).dtype; }

void set_dtype(DeviceType type, DType dtype) {
  check<TypeError>(is_floating(dtype),
                   "set_autocast_dtype: expected a floating dtype such as bfloat16, got {}", dtype);
  state().of(type).dtype = dtype;
}

bool cache_enabled() { return state().cache_enabled; }
void set_cache_enabled(bool on) { state().cache_enabled = on; }
void clear_cache() { state().cache.reset(); }

int increment_nesting() { return ++state().depth; }
int decrement_nesting() {
  State& s = state();
  const int depth = s.depth > 0 ? --s.depth : 0;
  if (depth == 0) clear_cache();
  return depth;
}

Region enter(DeviceType type, bool enabled, DType to, bool cache) {
  State& s = state();
  const Region before{
      {s.cpu.enabled, s.cuda.enabled}, {s.cpu.dtype, s.cuda.dtype}, s.cache_enabled, is_active()};
  set_dtype(type, to);
  set_enabled(type, enabled);
  s.cache_enabled = cache;
  ++s.depth;
  return before;
}

void leave(const Region& before) {
  State& s = state();
  decrement_nesting();
  s.cpu = {before.enabled[0], before.dtype[0]};
  s.cuda = {before.enabled[1], before.dtype[1]};
  s.cache_enabled = before.cache;
  switch_key(before.key);
}

Target target_of(KeySet keys) {
  const State& s = state();
  // Numbers in 0-d CPU tensors go along with any device: the tensors' device is the highest.
  const KeySet there = keys & kDeviceKeys;
  if (there == bit(plait::Key::CPU) && s.cpu.enabled) return {DeviceType::CPU, s.cpu.dtype};
  if ((there & ~bit(plait::Key::CPU)) == bit(plait::Key::CUDA) && s.cuda.enabled)
    return {DeviceType::CUDA, s.cuda.dtype};
  return {};
}

Tensor convert(const Tensor& tensor, DType dtype) {
  State& s = state();
  const bool parameter = tensor.dtype() == DType::Float32 && s.cache_enabled && !tensor.impl()->view &&
                         requires_grad(tensor) && is_leaf(tensor);
  if (!parameter) {
    const Tensor lower = lower_copy(tensor, dtype);
    return lower.defined() ? plait::_converted(tensor, lower) : plait::_convert(tensor, dtype);
  }
  if (!s.cache) s.cache = std::make_unique<Cache>();
  return s.cache->get(tensor, dtype);
}

void refuse(const OpBase& op) {
  fail<RuntimeError>(
      "{}: is unsafe in an autocast region: its derivative 1 / p overflows in float16; give the scores "
      "before the sigmoid to binary_cross_entropy_with_logits (nn.BCEWithLogitsLoss), or leave autocast with "
      "autocast(..., enabled=False) and convert to float32",
      op.name());
}

}  // namespace plait::autocast
