// Custom Functions: a forward and its derivative, called as one op. Part of plait's C++ API; include it after
// plait/extension.h.
//
//   struct Cube : Function<Cube> {
//     static Tensor forward(FunctionContext& ctx, const Tensor& x) {
//       ctx.save_for_backward({x});
//       return x * x * x;
//     }
//     static std::vector<Tensor> backward(FunctionContext& ctx, const std::vector<Tensor>& grads) {
//       const Tensor x = ctx.saved_tensors()[0];
//       return {grads[0] * x * x * 3};
//     }
//   };
//   Tensor y = Cube::apply(x);
//
// forward takes tensors and anything else, and returns a Tensor or a std::vector<Tensor>; nothing that it
// does is recorded. backward returns one gradient for each argument of forward, undefined where there is
// none; it is recorded where the caller asked for a graph, so that it can be differentiated again. What else
// backward needs goes into a state of a type of one's own: `struct Scale : Function<Scale, double>`,
// `FunctionContextOf<double>& ctx`, `ctx.state = 2`.
#pragma once

#include "plait/extension.h"

namespace plait {
inline namespace v1 {

class FunctionContext {
 public:
  explicit FunctionContext(plait_function_context* handle) : handle_(handle) {}

  // In forward: tensors that backward needs. Changing one of them in place before backward raises there.
  void save_for_backward(const std::vector<Tensor>& tensors) {
    detail::check_status(api().function_save(handle_, handles(tensors), count(tensors)));
  }
  // In forward: inputs that it has changed in place, all of which it returns.
  void mark_dirty(const std::vector<Tensor>& tensors) {
    detail::check_status(api().function_mark(handle_, PLAIT_MARK_DIRTY, handles(tensors), count(tensors)));
  }
  // In forward: results without a gradient.
  void mark_non_differentiable(const std::vector<Tensor>& tensors) {
    detail::check_status(
        api().function_mark(handle_, PLAIT_MARK_NON_DIFFERENTIABLE, handles(tensors), count(tensors)));
  }
  // Whether backward gets zeros (the default) or an undefined tensor for a result without a gradient.
  void set_materialize_grads(bool on) { detail::check_status(api().function_materialize_grads(handle_, on)); }
  bool needs_input_grad(size_t argument) const {
    return api().function_needs_input_grad(handle_, static_cast<int64_t>(argument));
  }
  // In backward.
  std::vector<Tensor> saved_tensors() const {
    detail::Results results;
    detail::check_status(api().function_saved(handle_, results.values));
    return results.tensors<std::vector<Tensor>>(0);
  }

 private:
  static plait_tensor* const* handles(const std::vector<Tensor>& tensors) {
    return reinterpret_cast<plait_tensor* const*>(tensors.data());
  }
  static int64_t count(const std::vector<Tensor>& tensors) { return static_cast<int64_t>(tensors.size()); }
  plait_function_context* handle_;
};

template <class State>
struct FunctionContextOf : FunctionContext {
  FunctionContextOf(plait_function_context* handle, State& state_) : FunctionContext(handle), state(state_) {}
  State& state;
};

namespace detail {
struct NoState {};
// The type's name as the compiler spells it: "... [with Derived = Cube; ...]".
template <class Derived>
void append_type_name(Text& text) {
  std::string_view name = __PRETTY_FUNCTION__;
  const size_t from = name.find("Derived = ");
  name = from == std::string_view::npos ? "Function" : name.substr(from + 10);
  text.append(name.substr(0, name.find_first_of(";]")));
}
}  // namespace detail

template <class Derived, class State = detail::NoState>
class Function {
 public:
  template <class... A>
  static auto apply(A&&... args) {
    Call call;
    State* state = new State();
    const Tensor inputs[] = {tensor_or_nothing(args)..., Tensor()};
    detail::Text name;
    detail::append_type_name<Derived>(name);
    detail::check_status(api().function_begin(
        name.c_str(), reinterpret_cast<plait_tensor* const*>(inputs), sizeof...(A), &run_backward,
        [](void* s) { delete static_cast<State*>(s); }, state, &call.handle));
    FunctionContextOf<State> context(api().function_context(call.handle), *state);
    auto run = [&] {
      NoGrad guard;
      return Derived::forward(context, static_cast<A&&>(args)...);
    };
    auto result = run();
    if constexpr (std::is_same_v<decltype(result), Tensor>)
      finish(call, &result, 1);
    else
      finish(call, result.data(), result.size());
    return result;
  }

 private:
  struct Call {
    plait_function_call* handle = nullptr;
    ~Call() {
      if (handle) api().function_end(handle);
    }
  };
  static void finish(const Call& call, Tensor* results, size_t count) {
    detail::check_status(api().function_finish(call.handle, reinterpret_cast<plait_tensor**>(results),
                                               static_cast<int64_t>(count)));
  }
  static int run_backward(void* state, plait_function_context* handle, plait_tensor* const* grads,
                          int64_t grad_count, plait_tensor** results, int64_t result_count) {
    return detail::guarded([&] {
      FunctionContextOf<State> context(handle, *static_cast<State*>(state));
      const auto* given = reinterpret_cast<const Tensor*>(grads);
      std::vector<Tensor> found = Derived::backward(context, std::vector<Tensor>(given, given + grad_count));
      if (static_cast<int64_t>(found.size()) != result_count)
        fail<RuntimeError>(
            "backward: expected {} gradients, one for each argument of forward (undefined where there "
            "is none), got {}",
            result_count, found.size());
      for (size_t i = 0; i < found.size(); ++i) results[i] = found[i].release();
    });
  }
  static const Tensor& tensor_or_nothing(const Tensor& tensor) { return tensor; }
  template <class T>
  static Tensor tensor_or_nothing(const T&) {
    return {};
  }
};

}  // namespace v1
}  // namespace plait
