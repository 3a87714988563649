// What the bindings share: Python's headers, a few RAII helpers, and the types that they define.
//
// The hot road (tensors, op calls, indexing) is written against CPython's own API; pybind11 binds everything
// else (module.cpp).
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "autograd/variable.h"
#include "core/op.h"

namespace plait::python {

// An owned reference.
class Object {
 public:
  Object() = default;
  explicit Object(PyObject* owned) : ptr_(owned) {}
  static Object borrow(PyObject* ptr) {
    Py_XINCREF(ptr);
    return Object(ptr);
  }
  Object(const Object& other) : ptr_(other.ptr_) { Py_XINCREF(ptr_); }
  Object(Object&& other) noexcept : ptr_(std::exchange(other.ptr_, nullptr)) {}
  Object& operator=(Object other) noexcept {
    std::swap(ptr_, other.ptr_);
    return *this;
  }
  ~Object() { Py_XDECREF(ptr_); }
  PyObject* get() const { return ptr_; }
  PyObject* release() { return std::exchange(ptr_, nullptr); }
  explicit operator bool() const { return ptr_ != nullptr; }

 private:
  PyObject* ptr_ = nullptr;
};

// A Python exception is set; unwinds to the boundary, where `guarded` returns null.
struct PythonError {};
inline PyObject* checked(PyObject* object) {
  if (!object) throw PythonError{};
  return object;
}
inline void checked(int status) {
  if (status < 0) throw PythonError{};
}

// Turns the C++ exception in flight into the Python one of the same name.
void set_python_error() noexcept;

// Runs f at the boundary to Python.
template <class F>
auto guarded(F&& f) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    set_python_error();
    if constexpr (std::is_pointer_v<decltype(f())>)
      return nullptr;
    else if constexpr (!std::is_void_v<decltype(f())>)
      return -1;
  }
}

// What becomes of a thread that outlives the interpreter: Note [Threads that outlive the interpreter] in
// thread_end.cpp.
[[noreturn]] void sleep_until_exit();

// Holds the GIL in a thread that may not have it (hooks, deleters).
class WithGil {
 public:
  WithGil();
  ~WithGil() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

// Lets other Python threads run during a kernel that is not tiny. The user's line is taken down first: a node
// recorded meanwhile cannot look for it.
class WithoutGil {
 public:
  explicit WithoutGil(bool release = true);
  ~WithoutGil();

 private:
  PyThreadState* state_ = nullptr;
};
CallSite call_site() noexcept;
std::string call_site_text(CallSite site);
std::vector<CallSite> call_stack();                             // takes the GIL
PyObject* call_stack_list(const std::vector<CallSite>& calls);  // [(code, instruction), ...]

// ---- tensors (tensor_type.cpp)

struct PyTensor {
  PyObject_HEAD PyObject* dict;
  PyObject* weakrefs;
  Tensor tensor;
};
extern PyTypeObject* tensor_type;
inline bool is_tensor(PyObject* object) {
  return Py_TYPE(object) == tensor_type || PyType_IsSubtype(Py_TYPE(object), tensor_type);
}
inline const Tensor& unwrap(PyObject* object) { return reinterpret_cast<PyTensor*>(object)->tensor; }
PyObject* wrap(Tensor tensor);                  // None for an undefined one
Scalar item_without_gil(const Tensor& tensor);  // of any device; waits for one that is not the CPU
PyTypeObject* make_tensor_type(PyObject* module);
PyObject* new_subclass_instance(PyTypeObject* type, Tensor tensor);

// ---- small value types (value_types.cpp)

PyObject* wrap(DType dtype);
PyObject* wrap(Device device);
PyObject* wrap(MemoryFormat format);
PyObject* wrap_size(IntSpan sizes);
bool to_dtype(PyObject* object, DType& out);    // plait dtypes, and Python's float, int, bool, complex
bool to_device(PyObject* object, Device& out);  // device objects, strings, indices; raises for a bad string
bool to_memory_format(PyObject* object, MemoryFormat& out);
void add_value_types(PyObject* module);
// Where this thread makes tensors unless told: `set_default_device`, `with device:`.
Device default_device();
void set_default_device(Device device);
PyObject* wrap_scalar(const Scalar& value);

// ---- parsing (parser.cpp)

// Is the object a number that may stand where a tensor or Scalar is due? NumPy's scalars count.
bool is_number(PyObject* object);
bool is_numpy_array(PyObject* object);
Scalar to_scalar(PyObject* object);
bool to_int(PyObject* object, int64_t& out);
// One argument; false where it is of another kind (no Python error is set), raises where it is bad in itself.
bool convert(PyObject* object, const Param& param, int position, Value& out);

// ---- functions (functions.cpp)

// A Python callable for all overloads of an op's name; as an attribute of Tensor it is its method.
PyObject* make_op_function(const char* name, bool inplace);
void add_op_functions(PyObject* module);
PyObject* wrap_value(const Value& value);
// Calls an op with parsed values and wraps what it returns.
PyObject* call_op(const OpBase& op, Form form, Value* args, std::span<const Tensor> outs);

// ---- classes with a __torch_function__ (overrides.cpp, Note [Overrides])

extern bool overriding_types_exist;
extern constinit thread_local int t_override_modes;  // TorchFunctionModes entered by this thread
inline bool may_be_overridden() noexcept { return overriding_types_exist || t_override_modes > 0; }
// What the classes of the arguments make of a call; null where they have no say. `others` asks those that are
// no tensors.
PyObject* call_override(PyObject* function, PyObject* const* args, Py_ssize_t nargs, PyObject* names);
PyObject* call_override_of_others(PyObject* function, PyObject* const* args, Py_ssize_t nargs,
                                  PyObject* names);
void add_overrides(PyObject* module);

// ---- other parts

void add_composites(PyObject* module);  // functions in Python that count as one op (composite.cpp)
void add_quick_functions(PyObject* module);
void add_number_slots(std::vector<PyType_Slot>& slots);
PyObject* tensor_richcompare(PyObject* a, PyObject* b, int op);
PyObject* tensor_getitem(PyObject* self, PyObject* index);
int tensor_setitem(PyObject* self, PyObject* index, PyObject* value);
int tensor_getbuffer(PyObject* self, Py_buffer* view, int flags);
void tensor_releasebuffer(PyObject* self, Py_buffer* view);
Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype, bool copy);
Tensor tensor_from_buffer(PyObject* array, bool copy);
PyObject* wrap_node(Ref<Node> node);  // None for a null one
void add_node_type(PyObject* module);
// The hooks of a tensor or node that Python has registered, for the garbage collector.
struct PythonHook {
  explicit PythonHook(PyObject* callable) : callable(Object::borrow(callable)) {}
  PythonHook(const PythonHook& other);
  PythonHook(PythonHook&&) = default;
  ~PythonHook();
  Tensor operator()(const Tensor& grad) const;
  Object callable;
};
struct PythonPostHook : PythonHook {
  using PythonHook::PythonHook;
  void operator()(const Tensor& tensor) const;
};
// The context of a custom Function that lives in a node.
PyObject* function_context(const Node& node);
// What the hooks of saved tensors made, in nodes that only this history keeps.
int visit_packed(const Node& history, visitproc visit, void* arg);
bool has_packed(const Node& history);

}  // namespace plait::python
