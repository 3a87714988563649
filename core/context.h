// The thread's state that every op call reads: one small thread-local, laid out for a single load.
#pragma once

#include <cstdint>

#include "core/device.h"
#include "core/export.h"

namespace plait {

struct Context {
  KeySet enabled = kAllKeys & ~(bit(Key::Autocast) | bit(Key::Record));  // grad mode is the Autograd bit
  KeySet included = 0;  // keys that hold for every call: autocast, a recorder
  bool inference = false;
  bool saved_hooks = false;  // saved tensors go through hooks (autograd/node.h)
};

extern PLAIT_API constinit thread_local Context t_context;
inline Context& context() { return t_context; }

// How many nodes of the tape the thread has made; the last one's number. Per thread, so that recording needs
// no shared counter.
extern PLAIT_API constinit thread_local uint64_t t_node_sequence;

inline bool grad_enabled() { return context().enabled & bit(Key::Autograd); }
inline void set_grad_enabled(bool on) {
  KeySet& enabled = context().enabled;
  enabled = on ? enabled | bit(Key::Autograd) : enabled & ~bit(Key::Autograd);
}

// Restores the whole context at the end of a scope.
class ContextGuard {
 public:
  ContextGuard() : saved_(context()) {}
  ~ContextGuard() { context() = saved_; }
  ContextGuard(const ContextGuard&) = delete;
  ContextGuard& operator=(const ContextGuard&) = delete;

 private:
  Context saved_;
};

struct NoGrad : ContextGuard {
  NoGrad() { set_grad_enabled(false); }
};
struct EnableGrad : ContextGuard {
  EnableGrad() { set_grad_enabled(true); }
};
struct InferenceMode : ContextGuard {
  explicit InferenceMode(bool on = true) {
    context().inference = on;
    set_grad_enabled(!on);
  }
};

}  // namespace plait
