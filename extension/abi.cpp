// The functions behind plait/abi.h.
#include "plait/abi.h"

#include <memory>

#include "autograd/boxed_op.h"
#include "autograd/engine.h"
#include "autograd/function.h"
#include "core/alignment.h"
#include "core/backend.h"
#include "core/parallel.h"
#include "core/strided_iter.h"
#include "extension/handles.h"
#include "extension/loader.h"
#include "ops/infer.h"

namespace plait::abi {

const char* last_error(int* kind);  // handles.cpp
void set_error(int kind, const char* text, size_t length);

namespace {

// The numbers of the border are those of core: both sides cast from one to the other.
static_assert(PLAIT_BOOL == static_cast<int>(DType::Bool) &&
              PLAIT_FLOAT16 == static_cast<int>(DType::Float16) &&
              PLAIT_COMPLEX128 == static_cast<int>(DType::Complex128) &&
              PLAIT_FLOAT8_E5M2 == static_cast<int>(DType::Float8E5M2) &&
              PLAIT_FLOAT8_E5M2 + 1 == kDTypeCount);
static_assert(PLAIT_CUDA == static_cast<int>(DeviceType::CUDA) &&
              PLAIT_PRIVATE3 == static_cast<int>(DeviceType::Private3) &&
              PLAIT_META == static_cast<int>(DeviceType::Meta));
static_assert(PLAIT_INPLACE == static_cast<int>(Form::InPlace) && PLAIT_OUT == static_cast<int>(Form::Out));
static_assert(PLAIT_INPLACE_DIRECT == static_cast<int>(Inplace::Direct) &&
              PLAIT_INPLACE_COPY == static_cast<int>(Inplace::Copy));
static_assert(static_cast<int>(PLAIT_MAX_DIMS) == kMaxDims);

const OpBase& op_of(const plait_op* op) { return *reinterpret_cast<const OpBase*>(op); }
Vjp& vjp_of(plait_vjp* vjp) { return *reinterpret_cast<Vjp*>(vjp); }

// ---- tensors

void tensor_retain(plait_tensor* t) {
  if (t) reinterpret_cast<TensorImpl*>(t)->retain();
}
void tensor_release(plait_tensor* t) {
  if (t) adopt(t);
}

void tensor_info(plait_tensor* tensor, plait_tensor_info* info) {
  const Tensor& t = as_tensor(tensor);
  if (t.storage()) t.storage()->let_out();
  info->data = t.data_ptr();
  info->sizes = t.sizes().data();
  info->strides = t.strides().data();
  info->numel = t.numel();
  info->ndim = static_cast<int32_t>(t.dim());
  info->dtype = static_cast<int32_t>(t.dtype());
  info->device = {static_cast<int8_t>(t.device().type), t.device().index};
  info->contiguous = t.is_contiguous();
  info->version = t.version();
}

int tensor_empty(const plait_spec* spec, plait_tensor** out) {
  return status([&] { *out = give(empty_tensor(to_spec(*spec))); });
}

int tensor_from_blob(void* data, const plait_spec* spec, void (*deleter)(void*), void* context,
                     plait_tensor** out) {
  return status([&] {
    const TensorSpec s = to_spec(*spec);
    const int64_t numel = checked_numel(s.sizes, "from_blob");
    const Dims strides = s.strides ? *s.strides : contiguous_strides(s.sizes);
    int64_t last = 0;
    for (int i = 0; i < strides.size(); ++i) {
      check(strides[i] >= 0, "from_blob: expected strides of at least 0, got {}", strides);
      if (numel > 0) last += strides[i] * (s.sizes[i] - 1);
    }
    check(numel == 0 || is_aligned(data, s.dtype),  // Note [Alignment]
          "from_blob: expected elements of {} at a multiple of {} bytes, got the address {}; copy them first",
          s.dtype, alignment(s.dtype), data);
    const auto bytes = static_cast<size_t>(numel > 0 ? (last + 1) * itemsize(s.dtype) : 0);
    auto storage = Storage::adopt(new StorageImpl(data, bytes, s.device, deleter, context));
    *out = give(from_storage(std::move(storage), s.dtype, s.sizes, strides, 0));
  });
}

Scalar number_of(const plait_value& v) {
  if (v.tag == PLAIT_BOOLEAN) return v.as.integer != 0;
  if (v.tag == PLAIT_INTEGER) return v.as.integer;
  if (v.tag == PLAIT_REAL) return v.as.real;
  check<TypeError>(v.tag == PLAIT_COMPLEX, "a number was expected to make a tensor from");
  return complex128(v.as.complex.real, v.as.complex.imag);
}

int tensor_number(const plait_value* value, int32_t dtype, plait_tensor** out) {
  return status([&] {
    const Scalar number = number_of(*value);
    *out = give(dtype < 0 ? wrapped_scalar(number) : scalar_tensor(number, static_cast<DType>(dtype)));
  });
}

int tensor_item(const plait_tensor* tensor, plait_value* out) {
  return status([&] { lend(Value(item(borrow(tensor))), *out); });
}

void tensor_bump_version(plait_tensor* tensor) {
  const Tensor t = borrow(tensor);
  if (t.defined() && t.storage()) t.storage()->bump_version();
}

plait_tensor** list_new(int64_t count) {
  return new plait_tensor* [static_cast<size_t>(count)] {};
}

// ---- meta rules

DType dtype_for(int asked, DType found) {
  if (asked >= 0) return static_cast<DType>(asked);
  return asked == -2 ? infer::float_dtype(found) : found;
}

TensorSpec broadcast_spec(const char* who, const Tensor* const* tensors, int count, int dtype) {
  constexpr int kMax = 8;
  check(count >= 1 && count <= kMax, "{}: expected 1 to {} tensors, got {}", who, kMax, count);
  ResultType type;
  for (int i = 0; i < count; ++i)
    if (tensors[i]->defined()) type.add(*tensors[i]);
  const DType result = dtype_for(dtype, type.get());
  if (count == 1) return infer::like(*tensors[0], result);
  if (count == 2) return infer::elementwise(who, {tensors[0], tensors[1]}, result);
  const Tensor* all[kMax];
  for (int i = 0; i < kMax; ++i) all[i] = tensors[i < count ? i : 0];
  return infer::elementwise(who, {all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]}, result);
}

// The rule that stands in a declaration by its name.
TensorSpec spec_by_rule(int rule, const OpBase& op, const Value* args) {
  if (rule == PLAIT_INFER_LIKE_FIRST)
    return infer::like(args[0].tensor());  // op_declare has checked that it is one
  const Tensor* tensors[8];
  int count = 0;
  for (size_t i = 0; i < op.schema().params.size() && count < 8; ++i)
    if (op.schema().params[i].type == ParamType::Tensor) tensors[count++] = &args[i].tensor();
  return broadcast_spec(op.name(), tensors, count, rule == PLAIT_INFER_BROADCAST_FLOAT ? -2 : -1);
}

int infer_like(plait_tensor* model, int dtype, plait_spec* out) {
  return status([&] {
    const Tensor& t = as_tensor(model);
    from_spec(infer::like(t, dtype_for(dtype, t.dtype())), *out);
  });
}
int infer_elementwise(const char* who, plait_tensor* const* operands, int count, int dtype, plait_spec* out) {
  return status([&] {
    const Tensor* list[8];
    const std::span<const Tensor> tensors = view(operands, count);
    for (int i = 0; i < count && i < 8; ++i) list[i] = &tensors[i];
    from_spec(broadcast_spec(who, list, count, dtype), *out);
  });
}

// ---- ops

int op_find(const char* full_name, const plait_op** out) {
  return status([&] { *out = reinterpret_cast<const plait_op*>(&find_op(full_name)); });
}
int op_param(const plait_op* op, const char* name) { return op_of(op).schema().index_of(name); }

int op_call(const plait_op* handle, int form, const plait_value* given, int64_t count,
            plait_tensor* const* outs, int64_t out_count, plait_value* results) {
  return status([&] {
    const OpBase& op = op_of(handle);
    const auto& params = op.schema().params;
    const auto total = static_cast<int64_t>(params.size());
    check<TypeError>(count <= total, "{}: takes {} arguments, {} were given", op.name(), total, count);
    constexpr int64_t kMaxParams = 24;
    check<TypeError>(total <= kMaxParams, "{}: has more than {} parameters", op.name(), kMaxParams);
    Value args[kMaxParams];
    for (int64_t i = 0; i < total; ++i) {
      if (i < count) {
        args[i] = take_arg(given[i], op, static_cast<int>(i));
      } else if (params[i].has_default) {
        args[i] = params[i].default_value;
      } else {
        check<TypeError>(params[i].optional, "{}: missing argument '{}'", op.name(), params[i].name);
      }
    }
    Value values[4];
    op.call_boxed(static_cast<Form>(form), args, view(outs, out_count), values);
    if (form == PLAIT_OUT) return;
    const size_t n = form == PLAIT_INPLACE ? 1 : op.schema().returns.size();
    for (size_t i = 0; i < n; ++i) give_result(std::move(values[i]), results[i]);
  });
}

// A callback's arguments: one plait_value a parameter.
class Lent {
 public:
  Lent(const OpBase& op, const Value* args) {
    const auto n = static_cast<size_t>(op.tensor_params() + op.attr_params());
    if (__builtin_expect(n > kInline, 0)) more_ = std::make_unique<plait_value[]>(n);
    data_ = more_ ? more_.get() : inline_;
    for (size_t i = 0; i < n; ++i) lend(args[i], data_[i]);
  }
  const plait_value* data() const { return data_; }

 private:
  static constexpr size_t kInline = 12;
  plait_value inline_[kInline];
  std::unique_ptr<plait_value[]> more_;
  plait_value* data_;
};

// The op that a callback belongs to is known once it is declared; the callbacks share this.
struct Declared {
  plait_op_decl decl;
  const OpBase* op = nullptr;
};

OpBase::BoxedKernel wrap_kernel(std::shared_ptr<Declared> self, plait_kernel kernel, void* context) {
  if (!kernel) return nullptr;
  return [self = std::move(self), kernel, context](const Tensor* outs, const Value* args) {
    const Lent lent(*self->op, args);
    check_status(kernel(context, view(outs), lent.data()));
  };
}
BoxedOp::Direct wrap_function(std::shared_ptr<Declared> self, plait_function function) {
  if (!function) return nullptr;
  return [self = std::move(self), function](const Value* args, Value* results) {
    const Lent lent(*self->op, args);
    plait_value values[4] = {};
    check_status(function(self->decl.context, lent.data(), values));
    for (size_t i = 0; i < self->op->schema().returns.size(); ++i) results[i] = take_result(values[i]);
  };
}

int op_declare(const plait_op_decl* given, const plait_op** out) {
  return status([&] {
    auto self = std::make_shared<Declared>();
    self->decl = {};
    std::memcpy(&self->decl, given, std::min(given->size, sizeof(plait_op_decl)));
    const plait_op_decl& from = self->decl;
    check(from.kind >= 0 && from.kind <= static_cast<int>(Kind::Other), "op '{}': unknown kind {}",
          from.schema, from.kind);
    std::vector<ParamType> types;
    std::unique_ptr<bool[]> optionals(new bool[static_cast<size_t>(from.type_count) + 1]);
    for (int i = 0; i < from.type_count; ++i) {
      types.push_back(static_cast<ParamType>(from.types[i]));
      optionals[static_cast<size_t>(i)] = from.optionals[i] != 0;
    }
    types.push_back(ParamType::Tensor);  // never empty

    BoxedDecl decl;
    decl.schema = from.schema;
    decl.doc = from.doc ? from.doc : "";
    decl.save = from.save ? from.save : "";
    decl.library = from.library ? from.library : "";
    decl.kind = static_cast<Kind>(from.kind);
    decl.dtypes = static_cast<DTypeSet>(from.dtypes);
    decl.inplace = static_cast<Inplace>(from.inplace);
    decl.out = from.flags & PLAIT_OP_HAS_OUT;
    decl.no_grad = from.flags & PLAIT_OP_NO_GRAD;
    if (from.types) {
      decl.types = {types.data(), static_cast<size_t>(from.type_count)};
      decl.optionals = {optionals.get(), static_cast<size_t>(from.type_count)};
    }
    check(from.infer >= 0 && from.infer <= PLAIT_INFER_BROADCAST_FLOAT, "op '{}': unknown shape rule {}",
          from.schema, from.infer);
    if (from.infer && from.meta) fail<ValueError>("op '{}': give .meta or .infer, not both", from.schema);
    if (from.infer) {
      const Schema schema = Schema::parse(from.schema);
      bool first = schema.returns.size() == 1 && schema.returns[0].type == "Tensor" &&
                   !schema.params.empty() && schema.params[0].type == ParamType::Tensor &&
                   !schema.params[0].optional;
      if (!first)
        fail<ValueError>("op '{}': .infer is for ops that take a Tensor first and return one; give .meta",
                         from.schema);
      decl.meta = [self](const Value* args, TensorSpec* spec) {
        *spec = spec_by_rule(self->decl.infer, *self->op, args);
      };
    }
    if (from.meta)
      decl.meta = [self](const Value* args, TensorSpec* specs) {
        const Lent lent(*self->op, args);
        plait_spec plain[4];
        check_status(self->decl.meta(self->decl.context, lent.data(), plain));
        for (size_t i = 0; i < self->op->schema().returns.size(); ++i) specs[i] = to_spec(plain[i]);
      };
    decl.cpu = wrap_kernel(self, from.cpu, from.context);
    decl.direct = wrap_function(self, from.direct);
    decl.direct_meta = wrap_function(self, from.direct_meta);
    decl.composite = wrap_function(self, from.composite);
    if (from.vjp)
      decl.vjp = [self](Vjp& v) {
        check_status(self->decl.vjp(self->decl.context, reinterpret_cast<plait_vjp*>(&v)));
      };
    BoxedOp& op = BoxedOp::declare(std::move(decl));
    self->op = &op;
    if (from.cuda) op.attach_boxed(Key::CUDA, wrap_kernel(self, from.cuda, from.context));
    if (from.direct_cuda) op.attach_direct(Key::CUDA, wrap_function(self, from.direct_cuda));
    note_declared_op(op);
    const OpBase& base = op;  // a BoxedOp begins with another base
    *out = reinterpret_cast<const plait_op*>(&base);
  });
}

int op_attach(const char* full_name, int device_type, const uint8_t* types, int type_count, int result_count,
              void* context, plait_kernel kernel) {
  return status([&] {
    auto& op = const_cast<OpBase&>(find_op(full_name));
    check(device_type >= 0 && device_type < PLAIT_META, "op_attach: unknown device type {}", device_type);
    const Schema& schema = op.schema();
    bool good = static_cast<size_t>(type_count) == schema.params.size() &&
                static_cast<size_t>(result_count) == schema.returns.size();
    for (int i = 0; good && i < type_count; ++i)
      good = static_cast<ParamType>(types[i]) == schema.params[static_cast<size_t>(i)].type;
    if (!good)
      fail<TypeError>("{}: the kernel for another device must take the {} results and the arguments of '{}'",
                      full_name, static_cast<int64_t>(schema.returns.size()), schema.text);
    auto self = std::make_shared<Declared>();
    self->op = &op;
    op.attach_boxed(static_cast<Key>(device_type), wrap_kernel(self, kernel, context));
  });
}

// ---- autograd

int grad_mode() { return grad_enabled(); }
int set_grad_mode(int on) {
  const bool before = grad_enabled();
  set_grad_enabled(on != 0);
  return before;
}
int tensor_requires_grad(plait_tensor* t) { return requires_grad(as_tensor(t)); }
int tensor_set_requires_grad(plait_tensor* t, int on) {
  return status([&] { set_requires_grad(borrow(t), on != 0); });
}
int tensor_grad(const plait_tensor* t, plait_tensor** out) {
  return status([&] {
    const AutogradMeta* meta = autograd_meta(borrow(t));
    *out = meta && meta->grad.defined() ? give(meta->grad) : nullptr;
  });
}
int tensor_set_grad(plait_tensor* t, plait_tensor* grad) {
  return status([&] { ensure_autograd_meta(borrow(t)).grad = borrow(grad); });
}
int tensor_backward(plait_tensor* const* roots, plait_tensor* const* grads, int64_t count, int retain_graph,
                    int create_graph, plait_tensor* const* inputs, int64_t input_count,
                    plait_tensor** results) {
  return status([&] {
    BackwardOptions options;
    options.retain_graph = retain_graph != 0;
    options.create_graph = create_graph != 0;
    options.accumulate = results == nullptr;
    const std::vector<Tensor> found =
        run_backward(view(roots, count), view(grads, count), options, view(inputs, input_count));
    if (results)
      for (size_t i = 0; i < found.size(); ++i) results[i] = give(found[i]);
  });
}

// ---- custom Functions

FunctionCall& call_of(plait_function_call* call) { return *reinterpret_cast<FunctionCall*>(call); }
FunctionContext& context_of(plait_function_context* context) {
  return *reinterpret_cast<FunctionContext*>(context);
}

int function_begin(const char* name, plait_tensor* const* inputs, int64_t count, plait_backward backward,
                   void (*deleter)(void*), void* context, plait_function_call** out) {
  return status([&] {
    const std::span<const Tensor> given = view(inputs, count);
    const std::shared_ptr<void> owner(context, [deleter](void* c) {
      if (deleter) deleter(c);
    });
    auto run = [backward, owner, count](FunctionContext& ctx, const std::vector<Tensor>& grads) {
      std::vector<Tensor> results(static_cast<size_t>(count));
      check_status(backward(owner.get(), reinterpret_cast<plait_function_context*>(&ctx), view(grads.data()),
                            static_cast<int64_t>(grads.size()),
                            reinterpret_cast<plait_tensor**>(results.data()), count));
      return results;
    };
    *out = reinterpret_cast<plait_function_call*>(
        new FunctionCall(std::string(name), std::move(run), std::vector<Tensor>(given.begin(), given.end())));
  });
}
plait_function_context* function_context(plait_function_call* call) {
  return reinterpret_cast<plait_function_context*>(&call_of(call).context());
}
int function_finish(plait_function_call* call, plait_tensor** outputs, int64_t count) {
  return status([&] {
    std::vector<Tensor> taken;
    for (int64_t i = 0; i < count; ++i) taken.push_back(adopt(std::exchange(outputs[i], nullptr)));
    const std::vector<Tensor> finished = call_of(call).finish(std::move(taken));
    for (int64_t i = 0; i < count; ++i) outputs[i] = give(finished[static_cast<size_t>(i)]);
  });
}
void function_end(plait_function_call* call) { delete &call_of(call); }
int function_save(plait_function_context* context, plait_tensor* const* tensors, int64_t count) {
  return status([&] {
    const auto list = view(tensors, count);
    context_of(context).save_for_backward(std::vector<Tensor>(list.begin(), list.end()));
  });
}
int function_mark(plait_function_context* context, int what, plait_tensor* const* tensors, int64_t count) {
  return status([&] {
    const auto list = view(tensors, count);
    std::vector<Tensor> marked(list.begin(), list.end());
    if (what == PLAIT_MARK_DIRTY)
      context_of(context).mark_dirty(std::move(marked));
    else
      context_of(context).mark_non_differentiable(std::move(marked));
  });
}
int function_materialize_grads(plait_function_context* context, int on) {
  return status([&] { context_of(context).set_materialize_grads(on != 0); });
}
int function_needs_input_grad(plait_function_context* context, int64_t argument) {
  return context_of(context).needs_input_grad(static_cast<size_t>(argument));
}
int function_saved(plait_function_context* context, plait_value* out) {
  return status([&] { give_result(Value(context_of(context).saved_tensors()), *out); });
}

// ---- derivatives

int vjp_grad(plait_vjp* v, int output, plait_tensor** out) {
  return status([&] {
    const Tensor& grad = vjp_of(v).grad(output);
    *out = grad.defined() ? give(grad) : nullptr;
  });
}
int vjp_in(plait_vjp* v, int param, int item, plait_tensor** out) {
  return status([&] {
    const OpBase& op = *vjp_of(v).node.op();
    bool kept = false;
    for (const SaveRule& rule : op.save_rules()) kept |= rule.param == param;
    if (!kept)
      fail<RuntimeError>("{}: the derivative reads argument '{}', which .save does not name; add it there",
                         op.name(), op.schema().params.at(static_cast<size_t>(param)).name);
    const Tensor t = item < 0 ? vjp_of(v).in(param) : vjp_of(v).in_list(param).at(static_cast<size_t>(item));
    *out = give(t);
  });
}
int vjp_out(plait_vjp* v, int output, plait_tensor** out) {
  return status([&] {
    const OpBase& op = *vjp_of(v).node.op();
    bool kept = false;
    for (const SaveRule& rule : op.save_rules()) kept |= rule.output == output;
    if (!kept)
      fail<RuntimeError>(
          "{}: the derivative reads result {}, which .save does not name; add it there ('result' where "
          "there is one)",
          op.name(), output);
    *out = give(vjp_of(v).out(output));
  });
}
int vjp_attr(plait_vjp* v, int param, plait_value* out) {
  return status([&] {
    const Node& node = vjp_of(v).node;
    lend(node.attrs()[node.op()->slot(param)], *out);
  });
}
int vjp_count(plait_vjp* v, int param) { return vjp_of(v).list_size(param); }
int vjp_needs(plait_vjp* v, int param, int item) {
  return item < 0 ? vjp_of(v).needs(param) : vjp_of(v).needs(param, item);
}
int vjp_spec(plait_vjp* v, int param, int item, plait_spec* out) {
  return status([&] {
    const InputMeta& meta = vjp_of(v).meta(param, item < 0 ? 0 : item);
    from_spec(TensorSpec(meta.sizes, meta.dtype, meta.device), *out);
  });
}
int vjp_set(plait_vjp* v, int param, int item, plait_tensor* grad) {
  return status([&] { vjp_of(v).set(param, item < 0 ? 0 : item, borrow(grad)); });
}
const plait_op* vjp_op(plait_vjp* v) { return reinterpret_cast<const plait_op*>(vjp_of(v).node.op()); }

// ---- loops, threads, random numbers, devices

// The common case: tensors of one shape and dtype, each in one run, too small for threads. False where it is
// another.
bool run_flat(plait_tensor* const* operands, int count, const plait_loop* loops, const void* context,
              int64_t most, int& status) {
  constexpr int kMax = StridedIter::kMaxOperands;
  const auto* first = reinterpret_cast<const TensorImpl*>(operands[0]);
  if (!first || first->numel > most || first->numel == 0 || count > kMax) return false;
  const plait_loop loop = loops[static_cast<int>(first->dtype)];
  const int64_t size = itemsize(first->dtype);
  char* data[kMax];
  int64_t strides[kMax];
  for (int i = 0; i < count; ++i) {
    const auto* t = reinterpret_cast<const TensorImpl*>(operands[i]);
    if (!t || !t->contiguous || t->dtype != first->dtype || t->numel != first->numel || !t->storage)
      return false;
    if (t->sizes.size() != first->sizes.size()) return false;
    if (t->sizes.size() > 1 && !(t->sizes == first->sizes)) return false;
    data[i] = static_cast<char*>(t->storage->data()) + t->offset * size;
    strides[i] = size;
  }
  if (!loop) return false;
  status = loop(data, strides, first->numel, context);
  return true;
}

int elementwise(plait_tensor* const* operands, int results, int inputs, int predicate,
                const plait_loop* loops, const void* context, int cost) {
  int done = 0;
  if (!predicate && run_flat(operands, results + inputs, loops, context, 32768 / std::max(cost, 1), done))
    return done;
  return status([&] {
    constexpr int kMax = StridedIter::kMaxOperands;
    const int count = results + inputs;
    check(results >= 1 && inputs >= 0 && count <= kMax,
          "elementwise: expected 1 to {} tensors, the results among them, got {} results and {} inputs", kMax,
          results, inputs);
    std::span<const Tensor> tensors = view(operands, count);
    for (int i = 0; i < count; ++i)
      if (!tensors[i].defined() || tensors[i].is_meta())
        fail<RuntimeError>("elementwise: tensor {} has no data", i);

    DType dtype = tensors[0].dtype();
    if (predicate) {
      ResultType type;
      for (int i = results; i < count; ++i) type.add(tensors[i]);
      dtype = type.get();
    }
    for (int i = 0; i < results; ++i) {
      const DType want = predicate ? DType::Bool : dtype;
      if (tensors[i].dtype() != want)
        fail<TypeError>("elementwise: expected result {} of dtype {}, got {}", i, want, tensors[i].dtype());
    }
    std::vector<Tensor> converted;
    for (int i = results; i < count; ++i) {
      if (tensors[i].dtype() == dtype) continue;
      static const auto& convert = find_op<Tensor(const Tensor&, DType)>("_convert");
      NoGrad guard;
      if (converted.empty()) converted.assign(tensors.begin(), tensors.end());
      converted[static_cast<size_t>(i)] = convert(tensors[i], dtype);
    }
    if (!converted.empty()) tensors = converted;

    struct Call {
      plait_loop loop;
      const void* context;
    } const call{loops[static_cast<int>(dtype)], context};
    if (!call.loop)
      fail<TypeError>("elementwise: there is no loop for dtype {}; convert with .to(dtype)", dtype);

    StridedIter iter;
    for (int i = 0; i < count; ++i) i < results ? iter.output(tensors[i]) : iter.input(tensors[i]);
    iter.build();
    iter.run(
        [](char* const* data, const int64_t* strides, int64_t m, const void* params) {
          const auto& c = *static_cast<const Call*>(params);
          check_status(c.loop(data, strides, m, c.context));
        },
        &call, cost);
  });
}

int run_parallel_for(int64_t begin, int64_t end, int64_t grain, plait_range body, const void* context) {
  return status([&] {
    parallel_for(begin, end, grain, [&](int64_t b, int64_t e) { check_status(body(b, e, context)); });
  });
}

int draw(plait_generator* generator, uint64_t* seed, uint64_t* offset) {
  return status([&] {
    const auto d = next_draw(Generator::share(reinterpret_cast<GeneratorImpl*>(generator)));
    *seed = d.seed;
    *offset = d.offset;
  });
}

int generator_new(plait_generator** out) {
  return status(
      [&] { *out = reinterpret_cast<plait_generator*>(Generator::adopt(new GeneratorImpl()).detach()); });
}
void generator_release(plait_generator* generator) {
  Generator::adopt(reinterpret_cast<GeneratorImpl*>(generator));
}
int manual_seed(plait_generator* generator, uint64_t seed) {
  return status([&] {
    auto* given = reinterpret_cast<GeneratorImpl*>(generator);
    (given ? given : default_generator().get())->set_state({seed, 0});
  });
}

int device_parse(const char* text, plait_device* out) {
  return status([&] {
    const Device d = parse_device(text);
    *out = {static_cast<int8_t>(d.type), d.index};
  });
}
int device_claim(const char* name, int* type) {
  return status([&] { *type = static_cast<int>(claim_device_type(name)); });
}

class ForeignBackend final : public DeviceBackend {
 public:
  ForeignBackend(void* (*take)(size_t), void (*give_back)(void*, size_t)) : take_(take), give_(give_back) {}
  Storage allocate(size_t bytes, Device device) override {
    void* data = take_(bytes);
    if (!data && bytes) fail<OutOfMemoryError>("an outside device could not allocate {} bytes", bytes);
    return Storage::adopt(new StorageImpl(data, bytes, device, &release, new Block{this, data, bytes}));
  }

 private:
  struct Block : Pooled<Block> {
    Block(ForeignBackend* b, void* d, size_t n) : backend(b), data(d), bytes(n) {}
    ForeignBackend* backend;
    void* data;
    size_t bytes;
  };
  static void release(void* context) {
    const std::unique_ptr<Block> block(static_cast<Block*>(context));
    block->backend->give_(block->data, block->bytes);
  }

  void* (*take_)(size_t);
  void (*give_)(void*, size_t);
};

int allocator_set(int type, void* (*take)(size_t), void (*give_back)(void*, size_t)) {
  return status([&] {
    check(type >= PLAIT_PRIVATE1 && type <= PLAIT_PRIVATE3,
          "set_allocator: expected a device type that claim_device gave, got {}", type);
    // Lives as long as the storages that it allocated: forever.
    plait::set_backend(static_cast<DeviceType>(type), new ForeignBackend(take, give_back));
  });
}

int current_stream(plait_device device, void** out) {
  return status([&] {
    check(device.type >= PLAIT_CPU && device.type <= PLAIT_META, "current_stream: unknown device type {}",
          static_cast<int>(device.type));
    *out = native_stream(Device{static_cast<DeviceType>(device.type), device.index});
  });
}

constexpr plait_api kApi = {
    .abi_version = PLAIT_ABI_VERSION,
    .size = sizeof(plait_api),
    .version = [] { return PLAIT_VERSION; },
    .last_error = last_error,
    .set_error = set_error,
    .tensor_retain = tensor_retain,
    .tensor_release = tensor_release,
    .tensor_info = tensor_info,
    .tensor_empty = tensor_empty,
    .tensor_from_blob = tensor_from_blob,
    .tensor_number = tensor_number,
    .tensor_item = tensor_item,
    .tensor_bump_version = tensor_bump_version,
    .value_release = [](plait_value* v) { release(*v); },
    .list_new = list_new,
    .op_find = op_find,
    .op_param = op_param,
    .op_call = op_call,
    .op_declare = op_declare,
    .op_attach = op_attach,
    .infer_like = infer_like,
    .infer_elementwise = infer_elementwise,
    .grad_mode = grad_mode,
    .set_grad_mode = set_grad_mode,
    .requires_grad = tensor_requires_grad,
    .set_requires_grad = tensor_set_requires_grad,
    .grad = tensor_grad,
    .set_grad = tensor_set_grad,
    .backward = tensor_backward,
    .function_begin = function_begin,
    .function_context = function_context,
    .function_finish = function_finish,
    .function_end = function_end,
    .function_save = function_save,
    .function_mark = function_mark,
    .function_materialize_grads = function_materialize_grads,
    .function_needs_input_grad = function_needs_input_grad,
    .function_saved = function_saved,
    .vjp_grad = vjp_grad,
    .vjp_in = vjp_in,
    .vjp_out = vjp_out,
    .vjp_attr = vjp_attr,
    .vjp_count = vjp_count,
    .vjp_needs = vjp_needs,
    .vjp_spec = vjp_spec,
    .vjp_set = vjp_set,
    .vjp_op = vjp_op,
    .elementwise = elementwise,
    .parallel_for = run_parallel_for,
    .num_threads = num_threads,
    .draw = draw,
    .generator_new = generator_new,
    .generator_release = generator_release,
    .manual_seed = manual_seed,
    .parse_device = device_parse,
    .claim_device = device_claim,
    .set_allocator = allocator_set,
    .current_stream = current_stream,
};

}  // namespace
}  // namespace plait::abi

extern "C" PLAIT_API const plait_api* plait_get_api(uint32_t abi_version) {
  return abi_version == PLAIT_ABI_VERSION ? &plait::abi::kApi : nullptr;
}
