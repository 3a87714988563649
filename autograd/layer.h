// The dispatcher's Autograd entry: one template per C++ signature. It builds the node around the call below.
// What does not depend on the signature is in NodeBuilder, out of line, and so is the layer of in-place
// forms.
#pragma once

#include "autograd/variable.h"
#include "core/op_impl.h"

namespace plait {

class PLAIT_API NodeBuilder {
 public:
  explicit NodeBuilder(const OpBase& op) : op_(op) {}

  // First pass over the arguments: who requires grad, how much room the node needs.
  void scan(const Tensor& tensor) {
    if (tensor.defined() && tensor.impl()->keys & bit(Key::Autograd) && is_differentiable(tensor.dtype()) &&
        requires_grad(tensor))
      mask_ |= 1u << param_;
    ++edges_;
    ++param_;
  }
  void scan(TensorList list);
  template <class T>
  void scan(const T&) {
    ++param_;
  }
  bool records() const { return mask_ != 0; }

  // Second pass: edges, attributes, saved arguments.
  void begin();
  void begin_inplace(const Tensor& self);
  void fill(const Tensor& tensor);
  void fill(TensorList list);
  template <class T>
  void fill(const T& arg) {
    new_attr(Value(arg));
    ++param_;
  }

  // After the call: results get their history, saved results are kept.
  void finish(const Tensor& result) { finish_all({&result, 1}, false); }
  void finish(const std::vector<Tensor>& results) { finish_all(results, true); }
  template <class... T>
  void finish(const std::tuple<T...>& results) {
    const std::array<Tensor, sizeof...(T)> list =
        std::apply([](auto&... t) { return std::array<Tensor, sizeof...(T)>{t...}; }, results);
    finish_all(list, false);
  }
  void finish_all(std::span<const Tensor> results, bool multi_output);
  void finish_inplace(const Tensor& self);

 private:
  void add_edge(const Tensor& tensor);
  void new_attr(Value value) { node_->attrs()[attr_++] = std::move(value); }
  void save(const Tensor& tensor, int8_t source);
  void save_by_hooks(SavedTensor& saved, const Tensor& tensor);
  void save_results(std::span<const Tensor> results);
  const SaveRule* save_rule(int param) const;

  const OpBase& op_;
  Ref<Node> node_;
  Tensor base_view_;  // the first argument, where the op makes views
  uint32_t mask_ = 0;
  int param_ = 0, edges_ = 0, edge_ = 0, saved_ = 0, attr_ = 0;
  int list_items_ = 0;
  bool inplace_ = false;
  Tensor inplace_copy_;
};

template <class R, class... A>
struct AutogradLayer {
  static R call(const Op<R(A...)>& op, A... a) {
    if constexpr (std::is_same_v<R, Tensor> || std::is_same_v<R, std::vector<Tensor>> ||
                  (ResultOf<R>::tensors > 1)) {
      NodeBuilder builder(op);
      (builder.scan(a), ...);
      if (builder.records()) {
        builder.begin();
        (builder.fill(a), ...);
        R result = [&] {
          NoGrad guard;
          return op(static_cast<A>(a)...);
        }();
        builder.finish(result);
        return result;
      }
    }
    // A view made with grad mode on must not count as made under no_grad: grad mode stays as it is.
    if (op.is_view()) return op.call_view(static_cast<A>(a)...);
    NoGrad guard;
    return op(static_cast<A>(a)...);
  }
};

}  // namespace plait
