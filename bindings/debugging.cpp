// Anomaly mode, and the hooks of saved tensors: what plait.autograd.anomaly_mode and plait.autograd.graph
// stand on.
#include "bindings/debugging.h"

#include <unordered_map>

#include "autograd/anomaly.h"
#include "bindings/python.h"

namespace plait::python {
namespace {

// ---- anomaly mode

// Turns the exception in flight into Python's, with the calls of forward as a note (PEP 678).
void explain(const Node& node) {
  const WithGil gil;
  set_python_error();
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  const std::string text =
      message("Error in the backward of '{}'.{}", node.display_name(), forward_calls(node));
  Object done(PyObject_CallMethod(value, "add_note", "(s)", text.c_str()));
  if (!done) PyErr_Clear();  // an exception that takes no notes goes on without
  PyErr_Restore(type, value, traceback);
  throw PythonError{};
}

// ---- hooks of saved tensors

// The thread's pairs of hooks, the innermost last. Pointers, since a thread may end in the middle of a block,
// without the GIL.
struct SavedHooks {
  PyObject *pack, *unpack;
};
thread_local std::vector<SavedHooks>* t_hooks = nullptr;
bool g_ever_packed = false;  // under the GIL

class PythonPacked final : public PackedTensor {
 public:
  PythonPacked(Object packed, Object unpack) : packed_(std::move(packed)), unpack_(std::move(unpack)) {}
  ~PythonPacked() override {
    if (!Py_IsInitialized()) {
      packed_.release();
      unpack_.release();
      return;
    }
    if (packed_ || unpack_) release();
  }
  Tensor unpack() override {
    const WithGil gil;
    // Held: the hook may let go of the graph.
    const Object packed = packed_, unpack = unpack_;
    Object result(checked(PyObject_CallOneArg(unpack.get(), packed.get())));
    if (!is_tensor(result.get()))
      fail<TypeError>("saved_tensors_hooks: expected a Tensor from the unpack hook, got {}",
                      Py_TYPE(result.get())->tp_name);
    return unwrap(result.get());
  }
  void release() override {
    const WithGil gil;
    // Emptied before anything runs that may look here.
    const Object packed = std::move(packed_), unpack = std::move(unpack_);
  }
  int visit(visitproc visit, void* arg) const {
    Py_VISIT(packed_.get());
    Py_VISIT(unpack_.get());
    return 0;
  }

 private:
  Object packed_, unpack_;
};

std::unique_ptr<PackedTensor> pack(const Tensor& tensor) {
  const WithGil gil;
  g_ever_packed = true;
  const SavedHooks hooks = t_hooks->back();
  Object function = Object::borrow(hooks.pack), unpack = Object::borrow(hooks.unpack);
  Object argument(checked(wrap(tensor)));
  Object packed(checked(PyObject_CallOneArg(function.get(), argument.get())));
  return std::make_unique<PythonPacked>(std::move(packed), std::move(unpack));
}

// What disable_saved_tensors_hooks says; empty where hooks are allowed.
std::string& refusal() {
  static thread_local std::string text;
  return text;
}

void push_hooks(py::function pack, py::function unpack) {
  check<RuntimeError>(refusal().empty(), "{}", refusal());
  if (!t_hooks) t_hooks = new std::vector<SavedHooks>;
  t_hooks->push_back({pack.release().ptr(), unpack.release().ptr()});
  context().saved_hooks = true;
}

void pop_hooks() {
  check<RuntimeError>(t_hooks && !t_hooks->empty(), "saved_tensors_hooks: there is no block to leave");
  const SavedHooks hooks = t_hooks->back();
  t_hooks->pop_back();
  context().saved_hooks = !t_hooks->empty();
  Py_DECREF(hooks.pack);
  Py_DECREF(hooks.unpack);
}

// For custom Functions in Python, which keep what they save themselves: (packed, unpack), or None where there
// are no hooks.
py::object pack_for_function(py::handle object) {
  if (!context().saved_hooks) return py::none();
  const SavedHooks hooks = t_hooks->back();
  const py::object function = py::reinterpret_borrow<py::object>(hooks.pack),
                   unpack = py::reinterpret_borrow<py::object>(hooks.unpack);
  return py::make_tuple(function(object), unpack);
}

}  // namespace

namespace {

// Calls `look` with each packed tensor of the nodes that only the history keeps, until it returns something:
// a node is the history's alone where all references to it come from nodes that are. What a node saves is
// left out, since a backward in another thread may let go of it meanwhile; what is packed is emptied under
// the GIL.
template <class F>
int each_packed(const Node& history, F look) {
  constexpr size_t kMost = 100000;
  std::vector<const Node*> owned{&history};
  std::unordered_map<const Node*, uint32_t> seen;
  for (size_t n = 0; n < owned.size() && n < kMost; ++n) {
    const auto follow = [&](const Edge& edge) {
      const Node* next = edge.node();
      if (next && ++seen[next] == static_cast<uint32_t>(next->use_count())) owned.push_back(next);
    };
    const Node& node = *owned[n];
    for (const Edge& edge : node.edges()) follow(edge);
    if (!node.hooks) continue;
    for (const NodeHooks::Packed& packed : node.hooks->packed) {
      follow(packed.edge);
      if (const auto* python = dynamic_cast<const PythonPacked*>(packed.object.get()))
        if (const int stop = look(*python)) return stop;
    }
  }
  return 0;
}

}  // namespace

bool has_packed(const Node& history) {
  return g_ever_packed && each_packed(history, [](const PythonPacked&) { return 1; });
}

int visit_packed(const Node& history, visitproc visit, void* arg) {
  if (!g_ever_packed) return 0;
  return each_packed(history, [&](const PythonPacked& packed) { return packed.visit(visit, arg); });
}

void add_debugging(py::module_& m) {
  explain_backward_error = explain;
  pack_saved_tensor = pack;

  m.def("_set_anomaly_mode", [](bool on, bool check_nan) {
    AnomalyMode::enabled = on;
    AnomalyMode::check_nan = check_nan;
  });
  m.def(
      "is_anomaly_enabled", [] { return AnomalyMode::enabled.load(); },
      "Is anomaly mode on? See plait.autograd.set_detect_anomaly.");
  m.def(
      "is_anomaly_check_nan_enabled", [] { return AnomalyMode::check_nan.load(); },
      "Does backward look for NaN while anomaly mode is on?");

  m.def("_push_saved_hooks", push_hooks);
  m.def("_pop_saved_hooks", pop_hooks);
  m.def("_pack_for_function", pack_for_function);
  m.def("_refuse_saved_hooks", [](py::object text) -> py::object {
    const std::string before = refusal();
    refusal() = text.is_none() ? std::string() : py::cast<std::string>(text);
    return before.empty() ? py::object(py::none()) : py::object(py::str(before));
  });
  m.def("_saved_hooks_active", [] { return context().saved_hooks; });
}

}  // namespace plait::python
