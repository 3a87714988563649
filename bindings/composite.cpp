// Functions that are written in Python but count as one op: plait.polar, plait.linalg.cholesky.
//
// Note [Composites]
// Such a function does what the call of an op does, before it runs: it asks the classes of its arguments
// (overrides.cpp), writes into `out=`, and converts its arguments in an autocast region. Decorators in Python
// would cost a call each, with a tuple and a dictionary, where nothing of that is asked for. So the function
// is wrapped into this object, which looks for all three and else passes its arguments on as they came. What
// is then to be done is written in Python: plait.overrides, plait._out, plait._autocast. Keywords may have
// the names of NumPy, as for ops: `axis` for `dim`, `keepdims` for `keepdim`.
//
// Everything else is the function's: its name, its text, its signature (`__wrapped__`), its attributes. As an
// attribute of a class it is a method, and it is pickled by its name.
#include "bindings/python.h"

#include <structmember.h>

#include <utility>

#include "ops/autocast.h"

namespace plait::python {
namespace {

struct Composite {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* function;
  PyObject* out;       // (composite, out, args, kwargs) -> what out= becomes; null where there is no out=
  PyObject* autocast;  // (function, args, kwargs) -> result, within a region; null where it is left alone
  PyObject* dict;
  PyObject* weakrefs;
};
PyTypeObject* composite_type = nullptr;
PyObject* out_name = nullptr;

Composite& as_composite(PyObject* object) { return *reinterpret_cast<Composite*>(object); }

// ---- calls

// Which keyword is out=, if it is given and not None; -1 otherwise.
Py_ssize_t find_out(PyObject* const* values, PyObject* names) {
  const Py_ssize_t count = PyTuple_GET_SIZE(names);
  for (Py_ssize_t k = 0; k < count; ++k) {
    PyObject* name = PyTuple_GET_ITEM(names, k);
    if (name == out_name || PyUnicode_Compare(name, out_name) == 0) return values[k] == Py_None ? -1 : k;
  }
  return -1;
}

// Is `name` a parameter, or a variable, of a function?
bool is_name_in(PyObject* function, const char* name) {
  Object code(PyObject_GetAttrString(function, "__code__"));
  Object names(code ? PyObject_GetAttrString(code.get(), "co_varnames") : nullptr);
  Object text(PyUnicode_FromString(name));
  const int found = names && text ? PySequence_Contains(names.get(), text.get()) : 0;
  PyErr_Clear();
  return found == 1;
}

// The names of keywords as the function has them; null where they are that already.
Object renamed(PyObject* function, PyObject* names) {
  constexpr std::pair<const char*, const char*> aliases[] = {{"axis", "dim"}, {"keepdims", "keepdim"}};
  Object made(nullptr);
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(names); ++k)
    for (const auto& [alias, name] : aliases) {
      if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, k), alias) != 0) continue;
      if (is_name_in(function, alias) || !is_name_in(function, name)) continue;
      if (!made) {
        made = Object(checked(PyTuple_New(PyTuple_GET_SIZE(names))));
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i)
          PyTuple_SET_ITEM(made.get(), i, Py_NewRef(PyTuple_GET_ITEM(names, i)));
      }
      PyObject* own = checked(PyUnicode_InternFromString(name));
      Py_DECREF(PyTuple_GET_ITEM(made.get(), k));
      PyTuple_SET_ITEM(made.get(), k, own);
    }
  return made;
}

struct Arguments {
  Object args, kwargs;
};
Arguments boxed(PyObject* const* args, Py_ssize_t nargs, PyObject* names, Py_ssize_t without = -1) {
  Arguments made{Object(checked(PyTuple_New(nargs))), Object(checked(PyDict_New()))};
  for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(made.args.get(), i, Py_NewRef(args[i]));
  for (Py_ssize_t k = 0; names && k < PyTuple_GET_SIZE(names); ++k)
    if (k != without) checked(PyDict_SetItem(made.kwargs.get(), PyTuple_GET_ITEM(names, k), args[nargs + k]));
  return made;
}

PyObject* composite_call(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* names) {
  const Composite& c = as_composite(self);
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  return guarded([&]() -> PyObject* {
    const Object own = names ? renamed(c.function, names) : Object(nullptr);
    if (own) names = own.get();
    if (__builtin_expect(may_be_overridden(), 0))
      if (PyObject* result = call_override(self, args, nargs, names)) return result;
    if (PyObject* result = call_override_of_others(self, args, nargs, names)) return result;
    if (c.out && names) {
      if (const Py_ssize_t at = find_out(args + nargs, names); at >= 0) {
        const Arguments rest = boxed(args, nargs, names, at);
        return PyObject_CallFunctionObjArgs(c.out, self, args[nargs + at], rest.args.get(), rest.kwargs.get(),
                                            nullptr);
      }
    }
    if (c.autocast && autocast::is_active()) {
      const Arguments all = boxed(args, nargs, names);
      return PyObject_CallFunctionObjArgs(c.autocast, c.function, all.args.get(), all.kwargs.get(), nullptr);
    }
    return PyObject_Vectorcall(c.function, args, nargsf, names);
  });
}

// ---- what it says of itself

PyObject* composite_get(PyObject* self, PyObject* object, PyObject*) {
  return object && object != Py_None ? PyMethod_New(self, object) : Py_NewRef(self);
}

PyObject* composite_attribute(PyObject* self, PyObject* name) {
  if (PyObject* found = PyObject_GenericGetAttr(self, name)) return found;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return nullptr;
  PyErr_Clear();
  return PyObject_GetAttr(as_composite(self).function, name);
}

// Attributes that a type or an object has anyway: they are the function's here. The closure is the name.
PyObject* attribute_of_function(PyObject* self, void* name) {
  return PyObject_GetAttrString(as_composite(self).function, static_cast<const char*>(name));
}
int set_attribute_of_function(PyObject* self, PyObject* value, void* name) {
  return PyObject_SetAttrString(as_composite(self).function, static_cast<const char*>(name), value);
}

PyObject* composite_repr(PyObject* self) {
  return guarded([&]() -> PyObject* {
    Object module(checked(PyObject_GetAttrString(self, "__module__")));
    Object name(checked(PyObject_GetAttrString(self, "__qualname__")));
    return PyUnicode_FromFormat("<function %S.%S>", module.get(), name.get());
  });
}

PyObject* composite_reduce(PyObject* self, PyObject*) {
  return PyObject_GetAttrString(as_composite(self).function, "__qualname__");
}

// ---- the type

int composite_traverse(PyObject* self, visitproc visit, void* arg) {
  const Composite& c = as_composite(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(c.function);
  Py_VISIT(c.out);
  Py_VISIT(c.autocast);
  Py_VISIT(c.dict);
  return 0;
}
// What it calls stays: it may still be called while a cycle is taken apart. Functions break cycles
// themselves.
int composite_clear(PyObject* self) {
  Py_CLEAR(as_composite(self).dict);
  return 0;
}
void composite_dealloc(PyObject* self) {
  Composite& c = as_composite(self);
  PyObject_GC_UnTrack(self);
  if (c.weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(c.function);
  Py_CLEAR(c.out);
  Py_CLEAR(c.autocast);
  Py_CLEAR(c.dict);
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

void* named(const char* name) { return const_cast<char*>(name); }
PyGetSetDef getset[] = {
    {"__name__", attribute_of_function, set_attribute_of_function, nullptr, named("__name__")},
    {"__qualname__", attribute_of_function, set_attribute_of_function, nullptr, named("__qualname__")},
    {"__module__", attribute_of_function, set_attribute_of_function, nullptr, named("__module__")},
    {"__doc__", attribute_of_function, set_attribute_of_function, nullptr, named("__doc__")},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef methods[] = {{"__reduce__", composite_reduce, METH_NOARGS, nullptr},
                         {nullptr, nullptr, 0, nullptr}};
PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Composite, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(Composite, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Composite, weakrefs), READONLY, nullptr},
    {"__wrapped__", T_OBJECT, offsetof(Composite, function), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                       {Py_tp_descr_get, reinterpret_cast<void*>(composite_get)},
                       {Py_tp_getattro, reinterpret_cast<void*>(composite_attribute)},
                       {Py_tp_repr, reinterpret_cast<void*>(composite_repr)},
                       {Py_tp_traverse, reinterpret_cast<void*>(composite_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(composite_clear)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(composite_dealloc)},
                       {Py_tp_getset, getset},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {0, nullptr}};
PyType_Spec spec = {"plait._C.Composite", sizeof(Composite), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                        Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                    slots};

// _composite(function, out=None, autocast=None): the function as a composite; of a composite itself, with
// what is given in addition.
PyObject* make_composite(PyObject*, PyObject* args) {
  PyObject *function, *out = Py_None, *autocast = Py_None;
  if (!PyArg_ParseTuple(args, "O|OO:_composite", &function, &out, &autocast)) return nullptr;
  return guarded([&]() -> PyObject* {
    Object made = Object::borrow(function);
    if (Py_TYPE(function) != composite_type) {
      if (!PyCallable_Check(function))
        fail<TypeError>("_composite: expected a function, got {}", Py_TYPE(function)->tp_name);
      made = Object(checked(composite_type->tp_alloc(composite_type, 0)));
      as_composite(made.get()).vectorcall = composite_call;
      as_composite(made.get()).function = Py_NewRef(function);
    }
    Composite& c = as_composite(made.get());
    if (out != Py_None) Py_XSETREF(c.out, Py_NewRef(out));
    if (autocast != Py_None) Py_XSETREF(c.autocast, Py_NewRef(autocast));
    return made.release();
  });
}
PyMethodDef functions[] = {{"_composite", make_composite, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_composites(PyObject* module) {
  out_name = checked(PyUnicode_InternFromString("out"));
  composite_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  checked(PyModule_AddObjectRef(module, "Composite", reinterpret_cast<PyObject*>(composite_type)));
  checked(PyModule_AddFunctions(module, functions));
}

}  // namespace plait::python
