// Classes that take part in ops: subclasses of Tensor, and others with a __torch_function__.
//
// Note [Overrides]
// An op that is called with an instance of such a class hands itself, the types and the arguments to
// plait.overrides, which asks the class. The exact types are known by name: a class is added when it is made
// (Tensor.__init_subclass__), so programs without any pay for one comparison in a call. Classes that are no
// tensors come into play where no overload takes the arguments. Operators (number_slots.cpp) ask as the
// method they stand for: `x * y` is Tensor.mul.
#include <vector>

#include "bindings/python.h"

namespace plait::python {
namespace {

std::vector<PyTypeObject*> overriding_types;  // they live on: a class is made once
PyObject* handler = nullptr;                  // plait.overrides._handle
thread_local bool t_subclasses_off = false;   // within DisableTorchFunctionSubclass

bool overrides(PyObject* object) {
  const PyTypeObject* type = Py_TYPE(object);
  if (type == tensor_type || !PyType_HasFeature(const_cast<PyTypeObject*>(type), Py_TPFLAGS_HEAPTYPE))
    return false;
  for (const PyTypeObject* known : overriding_types)
    if (known == type) return true;
  return false;
}

template <class Is>
bool any_argument(PyObject* const* args, Py_ssize_t count, Is is) {
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (is(args[i])) return true;
    if (!PyList_CheckExact(args[i]) && !PyTuple_CheckExact(args[i])) continue;
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(args[i]);
    for (Py_ssize_t k = 0; k < n; ++k)
      if (is(PySequence_Fast_GET_ITEM(args[i], k))) return true;
  }
  return false;
}

PyObject* hand_over(PyObject* function, PyObject* const* args, Py_ssize_t nargs, PyObject* names) {
  Object positional(checked(PyTuple_New(nargs)));
  for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
  Object keywords(checked(PyDict_New()));
  for (Py_ssize_t k = 0; names && k < PyTuple_GET_SIZE(names); ++k)
    checked(PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, k), args[nargs + k]));
  Object result(
      checked(PyObject_CallFunctionObjArgs(handler, function, positional.get(), keywords.get(), nullptr)));
  return result.get() == Py_NotImplemented ? nullptr : result.release();  // nobody takes part
}

// A class of its own, no tensor's, that has a __torch_function__.
bool takes_part(PyObject* object) {
  static PyObject* name = PyUnicode_InternFromString("__torch_function__");
  PyTypeObject* type = Py_TYPE(object);
  return PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && !is_tensor(object) && _PyType_Lookup(type, name);
}

Py_ssize_t count_of(Py_ssize_t nargs, PyObject* names) {
  return nargs + (names ? PyTuple_GET_SIZE(names) : 0);
}

}  // namespace

bool overriding_types_exist = false;
constinit thread_local int t_override_modes = 0;

PyObject* call_override(PyObject* function, PyObject* const* args, Py_ssize_t nargs, PyObject* names) {
  if (t_override_modes == 0 && (t_subclasses_off || !any_argument(args, count_of(nargs, names), overrides)))
    return nullptr;
  return hand_over(function, args, nargs, names);
}

PyObject* call_override_of_others(PyObject* function, PyObject* const* args, Py_ssize_t nargs,
                                  PyObject* names) {
  if (!any_argument(args, count_of(nargs, names), takes_part)) return nullptr;
  if (!handler) {
    Object module(checked(PyImport_ImportModule("plait.overrides")));  // sets the handler
    if (!handler) fail<RuntimeError>("plait.overrides set no handler");
  }
  return hand_over(function, args, nargs, names);
}

namespace {

PyObject* add_overriding_type(PyObject*, PyObject* type) {
  return guarded([&]() -> PyObject* {
    if (!PyType_Check(type)) fail<TypeError>("_add_overriding_type: expected a class");
    overriding_types.push_back(reinterpret_cast<PyTypeObject*>(Py_NewRef(type)));
    overriding_types_exist = true;
    Py_RETURN_NONE;
  });
}

PyObject* set_handler(PyObject*, PyObject* function) {
  Py_XSETREF(handler, Py_NewRef(function));
  Py_RETURN_NONE;
}

PyObject* get_state(PyObject*, PyObject*) {
  return Py_BuildValue("(Oi)", t_subclasses_off ? Py_True : Py_False, t_override_modes);
}

PyObject* set_state(PyObject* module, PyObject* args) {
  int subclasses_off = 0, modes = 0;
  if (!PyArg_ParseTuple(args, "pi:_set_overrides", &subclasses_off, &modes)) return nullptr;
  PyObject* before = get_state(module, nullptr);
  if (!before) return nullptr;
  t_subclasses_off = subclasses_off != 0;
  t_override_modes = modes;
  return before;
}

PyMethodDef functions[] = {{"_add_overriding_type", add_overriding_type, METH_O,
                            "Instances of exactly this class make ops ask its __torch_function__."},
                           {"_set_override_handler", set_handler, METH_O, nullptr},
                           {"_set_overrides", set_state, METH_VARARGS,
                            "Switch the overrides of subclasses off in this thread, and say how many modes "
                            "are entered; returns what "
                            "it was."},
                           {"_overrides", get_state, METH_NOARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_overrides(PyObject* module) { checked(PyModule_AddFunctions(module, functions)); }

}  // namespace plait::python
