// The Python side of the tape: grad_fn objects, hooks, and the nodes of custom Functions.
#include <algorithm>
#include <unordered_set>
#include <vector>

#include "autograd/engine.h"
#include "autograd/function.h"
#include "bindings/python.h"

namespace plait::python {

PythonHook::PythonHook(const PythonHook& other) {
  WithGil gil;
  callable = other.callable;
}
PythonHook::~PythonHook() {
  if (!callable || !Py_IsInitialized()) {
    callable.release();
    return;
  }
  WithGil gil;
  callable = Object();
}
Tensor PythonHook::operator()(const Tensor& grad) const {
  WithGil gil;
  Object argument(checked(wrap(grad)));
  Object result(checked(PyObject_CallOneArg(callable.get(), argument.get())));
  if (result.get() == Py_None) return {};
  if (!is_tensor(result.get()))
    fail<TypeError>("hook: expected a Tensor or None to be returned, got {}", Py_TYPE(result.get())->tp_name);
  return unwrap(result.get());
}
void PythonPostHook::operator()(const Tensor& tensor) const {
  WithGil gil;
  Object argument(checked(wrap(tensor)));
  Object result(checked(PyObject_CallOneArg(callable.get(), argument.get())));
}

namespace {

// A list of gradients as a tuple, None for undefined ones; and back.
PyObject* to_tuple(const std::vector<Tensor>& list) {
  Object tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(list.size()))));
  for (size_t i = 0; i < list.size(); ++i) PyTuple_SET_ITEM(tuple.get(), i, checked(wrap(list[i])));
  return tuple.release();
}
void from_sequence(PyObject* object, std::vector<Tensor>& list, const char* who) {
  if (object == Py_None) return;
  Object single;
  if (is_tensor(object)) {
    single = Object(checked(PyTuple_Pack(1, object)));
    object = single.get();
  }
  Object fast(checked(PySequence_Fast(object, "expected a tuple of gradients")));
  if (PySequence_Fast_GET_SIZE(fast.get()) != static_cast<Py_ssize_t>(list.size()))
    fail<RuntimeError>("{}: expected {} gradients, got {}", who, static_cast<int64_t>(list.size()),
                       static_cast<int64_t>(PySequence_Fast_GET_SIZE(fast.get())));
  for (size_t i = 0; i < list.size(); ++i) {
    PyObject* element = PySequence_Fast_GET_ITEM(fast.get(), i);
    if (element == Py_None)
      list[i] = Tensor();
    else if (is_tensor(element))
      list[i] = unwrap(element);
    else
      fail<TypeError>("{}: expected Tensors or None as gradients, got {}", who, Py_TYPE(element)->tp_name);
  }
}

struct PythonPreHook : PythonHook {
  using PythonHook::PythonHook;
  void operator()(std::vector<Tensor>& grads) const {
    WithGil gil;
    Object argument(to_tuple(grads));
    Object result(checked(PyObject_CallOneArg(callable.get(), argument.get())));
    from_sequence(result.get(), grads, "register_prehook");
  }
};
struct PythonNodeHook : PythonHook {
  using PythonHook::PythonHook;
  void operator()(std::vector<Tensor>& inputs, const std::vector<Tensor>& grads) const {
    WithGil gil;
    Object in(to_tuple(inputs)), out(to_tuple(grads));
    Object result(checked(PyObject_CallFunctionObjArgs(callable.get(), in.get(), out.get(), nullptr)));
    from_sequence(result.get(), inputs, "register_hook");
  }
};

// The node of a custom Function keeps its context.
struct FunctionPayload final : NodePayload {
  Object context;
  std::string label;

  ~FunctionPayload() override {
    if (!Py_IsInitialized()) {
      context.release();
      return;
    }
    WithGil gil;
    context = Object();
  }
  void apply(Vjp& vjp) override {
    WithGil gil;
    Object grads(to_tuple(vjp.grads)), node(wrap_node(Ref<Node>::share(&vjp.node)));
    Object result(
        checked(PyObject_CallMethod(context.get(), "_apply_backward", "(OO)", node.get(), grads.get())));
    from_sequence(result.get(), vjp.results, label.c_str());
  }
  void release() override {
    WithGil gil;
    Object done(PyObject_CallMethod(context.get(), "_release", nullptr));
    if (!done) PyErr_Clear();
  }
  const char* name() const override { return label.c_str(); }
};

// ---- the node object

struct PyNode {
  PyObject_HEAD Ref<Node> node;
  Tensor leaf;  // of an accumulation edge
  PyObject* metadata;
};
PyTypeObject* node_type = nullptr;

PyNode* self_of(PyObject* o) { return reinterpret_cast<PyNode*>(o); }

void node_dealloc(PyObject* o) {
  PyNode* self = self_of(o);
  PyTypeObject* type = Py_TYPE(o);
  if (self->node && self->node->pyobj == o) self->node->pyobj = nullptr;
  self->node.~Ref();
  self->leaf.~Tensor();
  Py_XDECREF(self->metadata);
  type->tp_free(o);
  Py_DECREF(type);
}

std::string display_name(const PyNode* self) {
  return self->node ? self->node->display_name() : "AccumulateGrad";
}
PyObject* node_repr(PyObject* o) {
  return PyUnicode_FromFormat("<%s object at %p>", display_name(self_of(o)).c_str(), o);
}
PyObject* node_name(PyObject* o, PyObject*) { return PyUnicode_FromString(display_name(self_of(o)).c_str()); }

PyObject* new_node(Ref<Node> node, Tensor leaf) {
  auto* self = reinterpret_cast<PyNode*>(checked(node_type->tp_alloc(node_type, 0)));
  new (&self->node) Ref<Node>(std::move(node));
  new (&self->leaf) Tensor(std::move(leaf));
  self->metadata = nullptr;
  if (self->node) self->node->pyobj = self;
  return reinterpret_cast<PyObject*>(self);
}

PyObject* node_next_functions(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    const PyNode* self = self_of(o);
    const auto edges = self->node ? self->node->edges() : std::span<Edge>();
    Object tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(edges.size()))));
    for (size_t i = 0; i < edges.size(); ++i) {
      const Edge& edge = edges[i];
      Object next(!edge            ? Py_NewRef(Py_None)
                  : edge.is_leaf() ? new_node({}, Tensor(Ref<TensorImpl>::share(edge.leaf_impl())))
                                   : wrap_node(Ref<Node>::share(edge.node())));
      PyTuple_SET_ITEM(tuple.get(), i, checked(Py_BuildValue("(OI)", next.get(), edge.output())));
    }
    return tuple.release();
  });
}
PyObject* node_variable(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    if (!self_of(o)->leaf.defined()) {
      PyErr_SetString(PyExc_AttributeError, "only AccumulateGrad nodes have a variable");
      throw PythonError{};
    }
    return wrap(self_of(o)->leaf);
  });
}
PyObject* node_metadata(PyObject* o, void*) {
  PyNode* self = self_of(o);
  if (!self->metadata) self->metadata = PyDict_New();
  return Py_XNewRef(self->metadata);
}
PyObject* node_source(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    const PyNode* self = self_of(o);
    if (!self->node || !self->node->site.code) return Py_NewRef(Py_None);
    return PyUnicode_FromString(call_site_text(self->node->site).c_str());
  });
}
PyObject* node_context(PyObject* o, void*) {
  PyNode* self = self_of(o);
  PyObject* context = self->node ? function_context(*self->node) : nullptr;
  return Py_NewRef(context ? context : Py_None);
}
PyObject* node_register(PyObject* o, PyObject* callable, bool pre) {
  return guarded([&]() -> PyObject* {
    PyNode* self = self_of(o);
    if (!PyCallable_Check(callable))
      fail<TypeError>("register_hook: expected a callable, got {}", Py_TYPE(callable)->tp_name);
    if (!self->node)
      fail<RuntimeError>(
          "register_hook: AccumulateGrad takes no hooks; use Tensor.register_post_accumulate_grad_hook");
    const int64_t id = next_hook_id();
    NodeHooks& hooks = self->node->ensure_hooks();
    if (pre)
      hooks.pre.emplace_back(id, PythonPreHook(callable));
    else
      hooks.post.emplace_back(id, PythonNodeHook(callable));
    return PyLong_FromLongLong(id);
  });
}
PyObject* node_register_hook(PyObject* o, PyObject* callable) { return node_register(o, callable, false); }
PyObject* node_register_prehook(PyObject* o, PyObject* callable) { return node_register(o, callable, true); }
PyObject* node_remove_hook(PyObject* o, PyObject* id_object) {
  const int64_t id = PyLong_AsLongLong(id_object);
  PyNode* self = self_of(o);
  if (self->node && self->node->hooks) {
    const auto match = [id](const auto& entry) { return entry.first == id; };
    std::erase_if(self->node->hooks->pre, match);
    std::erase_if(self->node->hooks->post, match);
    std::erase_if(self->node->hooks->on_output, [id](const auto& entry) { return entry.id == id; });
  }
  Py_RETURN_NONE;
}

PyGetSetDef node_getset[] = {
    {"next_functions", node_next_functions, nullptr,
     "The nodes that the inputs come from, with the result's number.", nullptr},
    {"variable", node_variable, nullptr, "The leaf that an AccumulateGrad adds to.", nullptr},
    {"metadata", node_metadata, nullptr, "A dict for whatever the user likes.", nullptr},
    {"source", node_source, nullptr, "The user's line that recorded the node, as 'file:line in function'.",
     nullptr},
    {"_context", node_context, nullptr, "The ctx of a custom Function.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef node_methods[] = {{"name", node_name, METH_NOARGS, "The node's name."},
                              {"_register_hook", node_register_hook, METH_O, nullptr},
                              {"_register_prehook", node_register_prehook, METH_O, nullptr},
                              {"_remove_hook", node_remove_hook, METH_O, nullptr},
                              {nullptr, nullptr, 0, nullptr}};

// ---- functions of the module

std::vector<Tensor> tensors_of(PyObject* object, const char* who, bool allow_none) {
  std::vector<Tensor> list;
  if (object == Py_None) return list;
  if (is_tensor(object)) return {unwrap(object)};
  Object fast(checked(PySequence_Fast(object, "expected a Tensor or a sequence of Tensors")));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast.get()); ++i) {
    PyObject* element = PySequence_Fast_GET_ITEM(fast.get(), i);
    if (is_tensor(element))
      list.push_back(unwrap(element));
    else if (element == Py_None && allow_none)
      list.emplace_back();
    else
      fail<TypeError>("{}: expected Tensors, got {}", who, Py_TYPE(element)->tp_name);
  }
  return list;
}

// _run_backward(roots, grads, retain_graph, create_graph, inputs, accumulate) -> gradients of inputs
PyObject* run_backward_function(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *roots_object, *grads_object, *inputs_object;
    int retain, create, accumulate;
    if (!PyArg_ParseTuple(args, "OOppOp", &roots_object, &grads_object, &retain, &create, &inputs_object,
                          &accumulate))
      throw PythonError{};
    const auto roots = tensors_of(roots_object, "backward", false);
    const auto grads = tensors_of(grads_object, "backward", true);
    const auto inputs = tensors_of(inputs_object, "backward", false);
    if (!grads.empty() && grads.size() != roots.size())
      fail<ValueError>("backward: {} gradients were given for {} tensors", static_cast<int64_t>(grads.size()),
                       static_cast<int64_t>(roots.size()));
    if (accumulate)
      for (const Tensor& input : inputs)
        if (requires_grad(input)) retain_grad(input);  // of leaves nothing
    std::vector<Tensor> result;
    {
      WithoutGil unlocked;
      result = run_backward(
          roots, grads,
          {.retain_graph = retain != 0, .create_graph = create != 0, .accumulate = accumulate != 0}, inputs);
    }
    return to_tuple(result);
  });
}

// _record_function(ctx, name, inputs, outputs): the outputs come from a custom Function
PyObject* record_function(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *context, *inputs_object, *outputs_object;
    const char* label;
    if (!PyArg_ParseTuple(args, "OsOO", &context, &label, &inputs_object, &outputs_object))
      throw PythonError{};
    const auto inputs = tensors_of(inputs_object, label, true);
    const auto outputs = tensors_of(outputs_object, label, true);
    auto payload = std::make_unique<FunctionPayload>();
    payload->context = Object::borrow(context);
    payload->label = label;
    const Ref<Node> node = plait::record_function(std::move(payload), inputs, outputs);
    for (const Tensor& out : outputs)
      if (out.defined() && out.impl()->pyobj && is_differentiable(out.dtype()) &&
          !PyObject_GC_IsTracked(static_cast<PyObject*>(out.impl()->pyobj)))
        PyObject_GC_Track(static_cast<PyObject*>(out.impl()->pyobj));
    return wrap_node(node);
  });
}

// _rebase(tensor, node): after a custom Function changed `tensor` in place
PyObject* rebase_function(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensor, *node;
    if (!PyArg_ParseTuple(args, "O!O!", tensor_type, &tensor, node_type, &node)) throw PythonError{};
    rebase_history(unwrap(tensor), self_of(node)->node);
    Py_RETURN_NONE;
  });
}

PyObject* register_tensor_hook(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensor, *callable;
    int post;
    if (!PyArg_ParseTuple(args, "O!Op", tensor_type, &tensor, &callable, &post)) throw PythonError{};
    if (!PyCallable_Check(callable))
      fail<TypeError>("register_hook: expected a callable, got {}", Py_TYPE(callable)->tp_name);
    const int64_t id = post ? register_post_accumulate_hook(unwrap(tensor), PythonPostHook(callable))
                            : register_hook(unwrap(tensor), PythonHook(callable));
    if (!PyObject_GC_IsTracked(tensor)) PyObject_GC_Track(tensor);
    return PyLong_FromLongLong(id);
  });
}
PyObject* remove_tensor_hook(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* tensor;
    long long id;
    if (!PyArg_ParseTuple(args, "O!L", tensor_type, &tensor, &id)) throw PythonError{};
    AutogradMeta* meta = autograd_meta(unwrap(tensor));
    if (meta && meta->hooks) {
      const auto match = [id](const auto& entry) { return entry.first == id; };
      std::erase_if(meta->hooks->grad, match);
      std::erase_if(meta->hooks->post_accumulate, match);
    }
    if (meta && meta->grad_fn && meta->grad_fn->hooks)
      std::erase_if(meta->grad_fn->hooks->on_output, [id](const auto& entry) { return entry.id == id; });
    Py_RETURN_NONE;
  });
}

// _edge_tensor(node, output, like): a tensor whose gradient goes along the edge. `like` gives the shape, or
// None.
PyObject* edge_tensor(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *node_object, *like;
    unsigned output;
    if (!PyArg_ParseTuple(args, "O!IO", node_type, &node_object, &output, &like)) throw PythonError{};
    const PyNode* node = self_of(node_object);
    if (!node->node) return wrap(node->leaf);
    if (output >= static_cast<unsigned>(node->node->output_count()))
      fail<ValueError>("GradientEdge: '{}' has {} results, there is no number {}", display_name(node),
                       node->node->output_count(), output);
    Tensor tensor =
        is_tensor(like) ? detached_alias(unwrap(like)) : empty_tensor(Dims{}, DType::Float32, kMeta);
    set_history(tensor, node->node, output);
    return wrap(std::move(tensor));
  });
}
// _with_history(tensor, node, output): its values, with a gradient that goes along the edge
PyObject* with_history_function(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *tensor, *node_object;
    unsigned output;
    if (!PyArg_ParseTuple(args, "O!O!I", tensor_type, &tensor, node_type, &node_object, &output))
      throw PythonError{};
    const PyNode* node = self_of(node_object);
    return wrap(with_history(unwrap(tensor), node->node ? Edge(node->node, output) : Edge::leaf(node->leaf)));
  });
}
// _accumulate_node(tensor): the AccumulateGrad of a leaf
PyObject* accumulate_node(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(tensor)) fail<TypeError>("_accumulate_node: expected a Tensor");
    return new_node({}, unwrap(tensor));
  });
}
PyObject* backward_number_function(PyObject*, PyObject*) {
  return PyLong_FromUnsignedLongLong(backward_number());
}
PyObject* backward_reaches_function(PyObject*, PyObject* tensor) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(tensor)) fail<TypeError>("_backward_reaches: expected a Tensor");
    return PyBool_FromLong(backward_reaches(unwrap(tensor)));
  });
}

// (tensor, is_leaf): what a function is called with, in the same memory and recorded as a result of the
// tensor, so that it may be written to, also where the tensor is a leaf; and what stands for it in the graph
// as it was then.
PyObject* function_input(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject* object = nullptr;
    int is_leaf = 0;
    if (!PyArg_ParseTuple(args, "Op:_function_input", &object, &is_leaf)) return nullptr;
    if (!is_tensor(object)) fail<TypeError>("_function_input: expected a Tensor");
    static const auto& alias = find_op<Tensor(const Tensor&)>("alias");
    const Tensor given = alias(unwrap(object)), then = detached_alias(given);
    const AutogradMeta* meta = autograd_meta(given);
    if (!meta || !meta->grad_fn) fail<ValueError>("_function_input: expected a tensor that requires grad");
    set_history(then, meta->grad_fn, meta->output);
    if (is_leaf) given.impl()->view.reset();
    return Py_BuildValue("(NN)", wrap(given), wrap(then));
  });
}

// (tensor, leaves): does the tensor depend on a leaf that is none of these?
PyObject* depends_on_others(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    PyObject *object = nullptr, *list = nullptr;
    if (!PyArg_ParseTuple(args, "OO!:_depends_on_others", &object, &PyList_Type, &list)) return nullptr;
    if (!is_tensor(object)) fail<TypeError>("_depends_on_others: expected a Tensor");
    const std::vector<Tensor> leaves = tensors_of(list, "_depends_on_others", false);
    const auto is_other = [&](const TensorImpl* leaf) {
      return std::ranges::none_of(leaves, [&](const Tensor& known) { return known.impl() == leaf; });
    };
    const Ref<Node> root = grad_fn(unwrap(object));
    if (!root) return PyBool_FromLong(is_other(unwrap(object).impl()));
    std::unordered_set<const Node*> seen{root.get()};
    std::vector<const Node*> pending{root.get()};
    while (!pending.empty()) {
      const Node* node = pending.back();
      pending.pop_back();
      for (const Edge& edge : node->edges()) {
        if (!edge) continue;
        if (edge.is_leaf()) {
          if (is_other(edge.leaf_impl())) Py_RETURN_TRUE;
        } else if (seen.insert(edge.node()).second) {
          pending.push_back(edge.node());
        }
      }
    }
    Py_RETURN_FALSE;
  });
}

PyMethodDef module_functions[] = {{"_run_backward", run_backward_function, METH_VARARGS, nullptr},
                                  {"_record_function", record_function, METH_VARARGS, nullptr},
                                  {"_edge_tensor", edge_tensor, METH_VARARGS, nullptr},
                                  {"_with_history", with_history_function, METH_VARARGS, nullptr},
                                  {"_accumulate_node", accumulate_node, METH_O, nullptr},
                                  {"_backward_number", backward_number_function, METH_NOARGS, nullptr},
                                  {"_backward_reaches", backward_reaches_function, METH_O, nullptr},
                                  {"_function_input", function_input, METH_VARARGS, nullptr},
                                  {"_depends_on_others", depends_on_others, METH_VARARGS, nullptr},
                                  {"_rebase", rebase_function, METH_VARARGS, nullptr},
                                  {"_register_hook", register_tensor_hook, METH_VARARGS, nullptr},
                                  {"_remove_hook", remove_tensor_hook, METH_VARARGS, nullptr},
                                  {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* function_context(const Node& node) {
  const auto* payload = dynamic_cast<const FunctionPayload*>(node.payload.get());
  return payload ? payload->context.get() : nullptr;
}

PyObject* wrap_node(Ref<Node> node) {
  if (!node) return Py_NewRef(Py_None);
  if (node->pyobj) return Py_NewRef(static_cast<PyObject*>(node->pyobj));
  return new_node(std::move(node), {});
}

void add_node_type(PyObject* module) {
  static PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                                {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                                {Py_tp_getset, node_getset},
                                {Py_tp_methods, node_methods},
                                {0, nullptr}};
  static PyType_Spec spec = {"plait.autograd.Node", sizeof(PyNode), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  node_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  checked(PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type)));
  checked(PyModule_AddFunctions(module, module_functions));
}

}  // namespace plait::python
