// Anomaly mode: a search for what makes a backward go wrong. While it is on, in any thread, each node keeps
// the calls that led to it, and backward looks at every gradient that a derivative gives, and raises where
// one is NaN. Errors from within a derivative tell the calls, too.
#pragma once

#include <atomic>

#include "autograd/node.h"

namespace plait {

struct PLAIT_API AnomalyMode {
  static constinit std::atomic<bool> enabled, check_nan;
  static bool checks_nan() { return enabled.load() && check_nan.load(); }
};

// Raises where a result of the derivative is NaN.
void check_gradients(const Node& node, const std::vector<Tensor>& grads, const std::vector<Tensor>& results);

// The node whose derivative the thread computes, in anomaly mode.
class EvaluatedNode {
 public:
  explicit EvaluatedNode(const Node& node) : before_(t_current) { t_current = &node; }
  ~EvaluatedNode() { t_current = before_; }
  EvaluatedNode(const EvaluatedNode&) = delete;
  EvaluatedNode& operator=(const EvaluatedNode&) = delete;
  static const Node* current() { return t_current; }

 private:
  static constinit thread_local const Node* t_current;
  const Node* before_;
};

// The calls that recorded the node, and those before it, as text; empty where it was recorded without them.
PLAIT_API std::string forward_calls(const Node& node);
// Called with an exception in flight that a node's derivative raised: adds the calls to it. Installed by the
// bindings; it may throw another exception.
PLAIT_API extern void (*explain_backward_error)(const Node& node);

}  // namespace plait
