// Custom Functions in C++: a forward and its derivative, called as one op.
//
//   struct Cube : Function<Cube> {
//     static Tensor forward(FunctionContext& ctx, const Tensor& x) {
//       ctx.save_for_backward({x});
//       return x * x * x;
//     }
//     static std::vector<Tensor> backward(FunctionContext& ctx, const std::vector<Tensor>& grads) {
//       const Tensor x = ctx.saved_tensors()[0];
//       return {grads[0] * x * x * Scalar(3)};
//     }
//   };
//   Tensor y = Cube::apply(x);
//
// forward takes tensors and anything else, and returns a Tensor or a std::vector<Tensor>; nothing that it
// does is recorded. backward returns one gradient for each argument of forward, undefined where there is
// none; it is recorded where the caller asked for a graph, so that it can be differentiated again.
#pragma once

#include <any>
#include <string>
#include <typeinfo>
#include <unordered_map>

#include "autograd/node.h"
#include "core/context.h"

namespace plait {

class PLAIT_API FunctionContext {
 public:
  // In forward: tensors that backward needs. Changing one of them in place before backward raises there.
  void save_for_backward(std::vector<Tensor> tensors) { to_save_ = std::move(tensors); }
  // In forward: inputs that it has changed in place, all of which it returns.
  void mark_dirty(std::vector<Tensor> tensors) { dirty_ = std::move(tensors); }
  // In forward: results without a gradient.
  void mark_non_differentiable(std::vector<Tensor> tensors) { without_gradient_ = std::move(tensors); }
  // Whether backward gets zeros (the default) or an undefined tensor for a result without a gradient.
  void set_materialize_grads(bool on) { materialize_ = on; }
  bool needs_input_grad(size_t argument) const { return needs_.at(argument); }
  // In backward.
  std::vector<Tensor> saved_tensors() const;

  std::unordered_map<std::string, std::any> saved_data;  // what else backward needs

 private:
  friend class FunctionCall;
  friend struct FunctionPayload;
  std::vector<Tensor> to_save_, dirty_, without_gradient_;
  std::vector<SavedTensor> saved_;
  std::vector<bool> needs_;
  Node* node_ = nullptr;  // while backward runs
  bool materialize_ = true;
};

// Gives outputs of a custom Function a node with `payload` as their history. Undefined inputs and outputs
// have no gradient; of those in `rebased`, the history goes on in place.
PLAIT_API Ref<Node> record_function(std::unique_ptr<NodePayload> payload, std::span<const Tensor> inputs,
                                    std::span<const Tensor> outputs, std::span<const Tensor> rebased = {});

// One call of a custom Function: what does not depend on its type.
class PLAIT_API FunctionCall {
 public:
  using Backward = std::function<std::vector<Tensor>(FunctionContext&, const std::vector<Tensor>&)>;

  // `inputs`: the arguments of forward, undefined where one is no tensor.
  FunctionCall(std::string name, Backward backward, std::vector<Tensor> inputs);
  FunctionCall(const std::type_info& type, Backward backward, std::vector<Tensor> inputs);
  FunctionContext& context() { return *context_; }
  // Records the call where an input requires grad.
  std::vector<Tensor> finish(std::vector<Tensor> outputs);

 private:
  std::string name_;
  Backward backward_;
  std::vector<Tensor> inputs_;
  std::shared_ptr<FunctionContext> context_;
  bool records_ = false;
};

template <class Derived>
class Function {
 public:
  template <class... A>
  static auto apply(A&&... args) {
    FunctionCall call(typeid(Derived), &Derived::backward, {tensor_or_nothing(args)...});
    auto run = [&] {
      NoGrad guard;
      return Derived::forward(call.context(), std::forward<A>(args)...);
    };
    if constexpr (std::is_same_v<decltype(run()), Tensor>) {
      return call.finish({run()}).front();
    } else {
      return call.finish(run());
    }
  }

 private:
  static const Tensor& tensor_or_nothing(const Tensor& tensor) { return tensor; }
  template <class T>
  static Tensor tensor_or_nothing(const T&) {
    return {};
  }
};

}  // namespace plait
