// An op that is declared at run time: its kernels take boxed arguments (core/value.h) instead of a C++
// signature. What extensions declare through plait/abi.h and what Python declares through plait.library are
// such ops; the dispatcher, the tape, the Python parser and the tests see no difference.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "autograd/variable.h"

namespace plait {

struct BoxedDecl {
  using Args = const Value*;  // one per parameter of the schema

  std::string schema;
  std::string doc;
  std::string save;
  std::string library;  // who declares it, for the error when another one declares it too
  Kind kind = Kind::Other;
  DTypeSet dtypes = kAnyDType;
  Inplace inplace = Inplace::None;
  bool out = false;
  bool no_grad = false;  // the result carries no gradient on purpose

  // As in Decl (core/op.h), one of: meta and a kernel; direct; composite.
  std::function<void(Args, TensorSpec*)> meta;
  std::function<void(const Tensor* outs, Args)> cpu;
  std::function<void(Args, Value*results)> direct, direct_meta, composite;
  std::function<void(Vjp&)> vjp;
  // In place of `vjp`: makes the results and records their history itself.
  std::function<void(Args, Value* results)> autograd;

  // The C++ signature behind the kernels, where there is one, to be held against the schema.
  std::span<const ParamType> types;
  std::span<const bool> optionals;
};

namespace detail {
struct BoxedTexts {  // OpBase keeps pointers to its texts
  std::string doc, library;
};
}  // namespace detail

class PLAIT_API BoxedOp final : detail::BoxedTexts, public OpBase {
 public:
  using Direct = std::function<void(const Value* args, Value* results)>;

  // Registers the op. It stays until `remove`d, and as an object forever: recorded graphs point to it.
  static BoxedOp& declare(BoxedDecl decl);
  void remove() { Registry::instance().remove(this); }
  void restore() { Registry::instance().add(this); }

  const std::string& library() const { return BoxedTexts::library; }
  void attach_direct(Key key, Direct direct);
  void set_autograd(Direct autograd) {
    decl_.autograd = std::move(autograd);
    makes_history_ = true;
  }
  bool has_derivative() const { return decl_.vjp || decl_.autograd; }
  static BoxedOp* from(const OpBase* op);  // null where `op` was declared with a C++ signature

 private:
  explicit BoxedOp(BoxedDecl&& decl);

  static const BoxedOp& boxed(const OpBase& op) { return static_cast<const BoxedOp&>(op); }
  void call(const Value* args, Value* results) const;
  void call_autograd(const Value* args, Value* results, KeySet keys) const;
  void call_below(const Value* args, Value* results, KeySet keys) const;

  Device device_of(const Value* args) const;
  void check_results(const Value* results) const;
  void check_no_alias(const Value* args, const Value* results) const;
  void bump_versions(const Value* args) const;
  void run_kernel(const Tensor* outs, const Value* args) const;

  BoxedDecl decl_;
  std::vector<ParamType> param_types_;
  std::array<Direct, kKeyCount> direct_;
  bool mutates_ = false;
};

}  // namespace plait
