// Python objects to Values, one at a time, by the type that the schema names. No allocation for tensors,
// numbers and short lists.
#include "bindings/python.h"

#include "bindings/generator.h"

namespace plait::python {
namespace {

// A type of NumPy's, once that has been imported by anybody.
bool is_of_numpy(PyObject* object, const char* name, PyObject*& type) {
  if (!type) {
    PyObject* numpy = PyDict_GetItemString(PyImport_GetModuleDict(), "numpy");
    if (!numpy) return false;
    type = PyObject_GetAttrString(numpy, name);
    if (!type) {  // it is being imported
      PyErr_Clear();
      return false;
    }
  }
  return PyObject_TypeCheck(object, reinterpret_cast<PyTypeObject*>(type));
}
bool is_numpy_scalar(PyObject* object) {
  static PyObject* type = nullptr;
  return is_of_numpy(object, "generic", type);
}

bool to_double(PyObject* object, double& out) {
  if (PyFloat_Check(object)) {
    out = PyFloat_AS_DOUBLE(object);
    return true;
  }
  if (PyBool_Check(object)) return false;
  if (PyLong_Check(object) || is_numpy_scalar(object) ||
      (is_tensor(object) && unwrap(object).dim() == 0 && !is_complex(unwrap(object).dtype()))) {
    if (PyComplex_Check(object)) return false;
    out = PyFloat_AsDouble(object);
    if (out == -1.0 && PyErr_Occurred()) throw PythonError{};
    return true;
  }
  return false;
}

bool to_tensor_list(PyObject* object, const Param& param, Value& out) {
  if (!PyList_Check(object) && !PyTuple_Check(object)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
  std::vector<Tensor> list;
  list.reserve(n);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* element = PySequence_Fast_GET_ITEM(object, i);
    if (is_tensor(element)) {
      list.push_back(unwrap(element));
    } else if (element == Py_None && param.optional_items) {
      list.emplace_back();
    } else {
      return false;
    }
  }
  out = Value(std::move(list));
  return true;
}

bool to_ints(PyObject* object, const Param& param, Value& out) {
  int64_t one;
  if (PyTuple_Check(object) || PyList_Check(object)) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
    Dims dims(static_cast<int>(n), 0);
    for (Py_ssize_t i = 0; i < n; ++i)
      if (!to_int(PySequence_Fast_GET_ITEM(object, i), dims[static_cast<int>(i)])) return false;
    if (n != 1 || param.repeat <= 1) {
      out = Value(std::move(dims));
      return true;
    }
    one = dims[0];  // a list of one is as good as the number
  } else if (!to_int(object, one)) {
    return false;
  }
  out = Value(Dims(param.repeat > 0 ? param.repeat : 1, one));
  return true;
}

bool to_doubles(PyObject* object, Value& out) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) {
    double one;
    if (!to_double(object, one)) return false;
    out = Value(std::vector<double>{one});
    return true;
  }
  std::vector<double> list(PySequence_Fast_GET_SIZE(object));
  for (size_t i = 0; i < list.size(); ++i)
    if (!to_double(PySequence_Fast_GET_ITEM(object, i), list[i])) return false;
  out = Value(std::move(list));
  return true;
}

}  // namespace

bool is_numpy_array(PyObject* object) {
  static PyObject* type = nullptr;
  return is_of_numpy(object, "ndarray", type);
}

bool is_number(PyObject* object) {
  return PyFloat_Check(object) || PyLong_Check(object) || PyComplex_Check(object) || is_numpy_scalar(object);
}

Scalar to_scalar(PyObject* object) {
  if (PyFloat_Check(object)) return PyFloat_AS_DOUBLE(object);
  if (PyBool_Check(object)) return object == Py_True;
  if (PyLong_Check(object)) {
    int overflow;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow)
      fail<ValueError>("a Python int of more than 64 bits was given; plait's integers have at most 64");
    return static_cast<int64_t>(value);
  }
  if (PyComplex_Check(object))
    return complex128(PyComplex_RealAsDouble(object), PyComplex_ImagAsDouble(object));
  // NumPy's scalars give the Python number of their kind.
  Object item(checked(PyObject_CallMethod(object, "item", nullptr)));
  if (!PyFloat_Check(item.get()) && !PyLong_Check(item.get()) && !PyComplex_Check(item.get()))
    fail<TypeError>("expected a number, got {}", Py_TYPE(object)->tp_name);
  return to_scalar(item.get());
}

bool to_int(PyObject* object, int64_t& out) {
  if (PyBool_Check(object)) return false;
  if (!PyLong_Check(object)) {
    if (is_tensor(object) && (unwrap(object).numel() != 1 || !is_integral(unwrap(object).dtype())))
      return false;
    if (!PyIndex_Check(object)) return false;
    Object index(PyNumber_Index(object));  // of NumPy's scalars and arrays without dimensions, too
    if (!index) {
      PyErr_Clear();
      return false;
    }
    return to_int(index.get(), out);
  }
  int overflow;
  out = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow) fail<ValueError>("expected an int of at most 64 bits, got a larger one");
  return true;
}

bool convert(PyObject* object, const Param& param, int position, Value& out) {
  if (object == Py_None && param.type != ParamType::Tensor) {
    if (!param.optional && !(param.has_default && param.default_value.is_none())) return false;
    out = Value();
    return true;
  }
  switch (param.type) {
    case ParamType::Tensor:
      if (is_tensor(object)) {
        out = Value::borrow(unwrap(object));
        return true;
      }
      if (object == Py_None) {
        out = Value();
        return param.optional;
      }
      // A number may stand for any tensor but the first: there must be one that says what is meant.
      if (position == 0 || !is_number(object)) return false;
      out = Value(wrapped_scalar(to_scalar(object)));
      return true;
    case ParamType::TensorList: return to_tensor_list(object, param, out);
    case ParamType::Scalar:
      if (is_number(object)) {
        out = Value(to_scalar(object));
        return true;
      }
      if (is_tensor(object) && unwrap(object).dim() == 0) {
        out = Value(item_without_gil(unwrap(object)));
        return true;
      }
      return false;
    case ParamType::Int: {
      int64_t value;
      if (!to_int(object, value)) return false;
      out = Value(value);
      return true;
    }
    case ParamType::Float: {
      double value;
      if (!to_double(object, value)) return false;
      out = Value(value);
      return true;
    }
    case ParamType::Bool:
      if (PyBool_Check(object)) {
        out = Value(object == Py_True);
        return true;
      }
      if (!is_numpy_scalar(object) ||
          std::string_view(Py_TYPE(object)->tp_name).find("bool") == std::string_view::npos)
        return false;
      out = Value(PyObject_IsTrue(object) == 1);
      return true;
    case ParamType::Ints: return to_ints(object, param, out);
    case ParamType::Floats: return to_doubles(object, out);
    case ParamType::DType: {
      DType value;
      if (!to_dtype(object, value)) return false;
      out = Value(value);
      return true;
    }
    case ParamType::Device: {
      Device value;
      if (!to_device(object, value)) return false;
      out = Value(value);
      return true;
    }
    case ParamType::MemoryFormat: {
      MemoryFormat value;
      if (!to_memory_format(object, value)) return false;
      out = Value(value);
      return true;
    }
    case ParamType::Generator: {
      Generator value;
      if (!to_generator(object, value)) return false;
      out = Value(std::move(value));
      return true;
    }
    case ParamType::String: {
      if (!PyUnicode_Check(object)) return false;
      Py_ssize_t n;
      const char* text = PyUnicode_AsUTF8AndSize(object, &n);
      checked(text ? 0 : -1);
      out = Value(std::string(text, n));
      return true;
    }
  }
  return false;
}

}  // namespace plait::python
