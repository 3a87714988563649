// Operators on tensors: x + y, -x, x == y, x @ y, x += 1, bool(x), float(x).
#include "bindings/python.h"
#include "ops/ops.h"

namespace plait::python {
namespace {

// A tensor, a number as a weak 0-d tensor, or a NumPy array. False for anything else.
bool to_operand(PyObject* object, Value& out) {
  if (is_tensor(object))
    out = Value::borrow(unwrap(object));
  else if (is_number(object))
    out = Value(wrapped_scalar(to_scalar(object)));
  else if (is_numpy_array(object))
    out = Value(tensor_from_buffer(object, true));
  else
    return false;
  return true;
}

// Ops are looked up by name once; those of two plain tensors are called through their boxed form.
struct NamedOp {
  const char* name;
  const OpBase* op = nullptr;
  const OpBase& get() {
    if (!op) op = &find_op(name);
    return *op;
  }
};

// Of operators whose operands cannot be exchanged: the method for a tensor that stands second.
const char* reflected_method(std::string_view op) {
  static constexpr std::pair<std::string_view, const char*> names[] = {
      {"sub", "__rsub__"},
      {"div", "__rtruediv__"},
      {"floor_divide", "__rfloordiv__"},
      {"remainder", "__rmod__"},
      {"pow", "__rpow__"},
      {"matmul", "__rmatmul__"},
      {"bitwise_left_shift", "__rlshift__"},
      {"bitwise_right_shift", "__rrshift__"},
  };
  for (const auto& [name, method] : names)
    if (name == op) return method;
  return nullptr;
}

using Asker = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

// What the classes of the operands make of an operator (Note [Overrides] in overrides.cpp); null where they
// have no say. It comes to them as the method of a tensor that it stands for; b is null where there is one
// operand.
PyObject* ask(Asker asker, const NamedOp& named, Form form, PyObject* a, PyObject* b) {
  const bool exchanged = !is_tensor(a);
  PyObject* args[] = {exchanged ? b : a, exchanged ? a : b};
  const char* reflected = exchanged ? reflected_method(named.name) : nullptr;
  std::string method = reflected ? reflected : named.name;
  if (form == Form::InPlace) method += "_";
  Object function(checked(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), method.c_str())));
  return asker(function.get(), args, b ? 2 : 1, nullptr);
}

PyObject* binary(NamedOp& named, PyObject* a, PyObject* b, Form form = Form::Functional) {
  return guarded([&]() -> PyObject* {
    if (may_be_overridden())
      if (PyObject* result = ask(call_override, named, form, a, b)) return result;
    Value args[4];
    // x += array makes a new x, which may have the array's dtype.
    const bool rebinds = form == Form::InPlace && is_numpy_array(b);
    if (rebinds || !to_operand(a, args[0]) || !to_operand(b, args[1])) {
      if (PyObject* result = ask(call_override_of_others, named, form, a, b)) return result;
      Py_RETURN_NOTIMPLEMENTED;
    }
    const OpBase& op = named.get();
    for (size_t i = 2; i < op.schema().params.size(); ++i) args[i] = op.schema().params[i].default_value;
    return call_op(op, form, args, {});
  });
}
PyObject* unary(NamedOp& named, PyObject* a) {
  return guarded([&]() -> PyObject* {
    if (may_be_overridden())
      if (PyObject* result = ask(call_override, named, Form::Functional, a, nullptr)) return result;
    Value args[4];
    args[0] = Value::borrow(unwrap(a));
    const OpBase& op = named.get();
    for (size_t i = 1; i < op.schema().params.size(); ++i) args[i] = op.schema().params[i].default_value;
    return call_op(op, Form::Functional, args, {});
  });
}

constexpr int64_t kTiny = 32768;  // elements under which giving up the GIL costs more than it helps

// Other devices than the CPU only launch: their tensors are never too large to keep the GIL.
bool is_quick(const Tensor& t) { return t.numel() < kTiny || !t.is_cpu(); }
bool is_plain_number(PyObject* o) { return PyFloat_CheckExact(o) || PyLong_CheckExact(o); }

// Have the operands' classes a say, perhaps? A program that has such classes calls with plain tensors, too.
bool may_be_overridden(PyObject* a, PyObject* b) {
  const auto is_plain = [](PyObject* o) { return Py_TYPE(o) == tensor_type || is_plain_number(o); };
  return python::may_be_overridden() && (t_override_modes > 0 || !is_plain(a) || !is_plain(b));
}

// The four hottest on tensors that are not large, or one and a number: called with their C++ types.
template <auto& Typed, auto Call>
PyObject* hot(PyObject* a, PyObject* b) {
  if (may_be_overridden(a, b)) {
    // As any other: it asks the classes.
  } else if (is_tensor(a) && is_quick(unwrap(a))) {
    if (is_tensor(b) && is_quick(unwrap(b)))
      return guarded([&]() -> PyObject* { return wrap(Call(unwrap(a), unwrap(b))); });
    if (is_plain_number(b))
      return guarded([&]() -> PyObject* { return wrap(Call(unwrap(a), wrapped_scalar(to_scalar(b)))); });
  } else if (is_plain_number(a) && is_tensor(b) && is_quick(unwrap(b))) {
    return guarded([&]() -> PyObject* { return wrap(Call(wrapped_scalar(to_scalar(a)), unwrap(b))); });
  }
  static NamedOp named{Typed.name()};
  return binary(named, a, b);
}
// Their in-place forms, which return the object that was changed.
template <auto& Typed, auto Call>
PyObject* hot_inplace(PyObject* a, PyObject* b) {
  if (!may_be_overridden(a, b) && is_tensor(a) && is_quick(unwrap(a))) {
    if (is_tensor(b) && is_quick(unwrap(b))) {
      return guarded([&]() -> PyObject* {
        Call(unwrap(a), unwrap(b));
        return Py_NewRef(a);
      });
    }
    if (is_plain_number(b)) {
      return guarded([&]() -> PyObject* {
        Call(unwrap(a), wrapped_scalar(to_scalar(b)));
        return Py_NewRef(a);
      });
    }
  }
  static NamedOp named{Typed.name()};
  return binary(named, a, b, Form::InPlace);
}

PyObject* nb_add(PyObject* a, PyObject* b) {
  return hot<op::add, [](const Tensor& x, const Tensor& y) { return op::add(x, y, 1); }>(a, b);
}
PyObject* nb_sub(PyObject* a, PyObject* b) {
  return hot<op::sub, [](const Tensor& x, const Tensor& y) { return op::sub(x, y, 1); }>(a, b);
}
PyObject* nb_mul(PyObject* a, PyObject* b) {
  return hot<op::mul, [](const Tensor& x, const Tensor& y) { return op::mul(x, y); }>(a, b);
}
PyObject* nb_div(PyObject* a, PyObject* b) {
  return hot<op::div, [](const Tensor& x, const Tensor& y) { return op::div(x, y); }>(a, b);
}
PyObject* nb_inplace_add(PyObject* a, PyObject* b) {
  return hot_inplace<op::add, [](const Tensor& x, const Tensor& y) { op::add.inplace(x, y, 1); }>(a, b);
}
PyObject* nb_inplace_sub(PyObject* a, PyObject* b) {
  return hot_inplace<op::sub, [](const Tensor& x, const Tensor& y) { op::sub.inplace(x, y, 1); }>(a, b);
}
PyObject* nb_inplace_mul(PyObject* a, PyObject* b) {
  return hot_inplace<op::mul, [](const Tensor& x, const Tensor& y) { op::mul.inplace(x, y); }>(a, b);
}
PyObject* nb_inplace_div(PyObject* a, PyObject* b) {
  return hot_inplace<op::div, [](const Tensor& x, const Tensor& y) { op::div.inplace(x, y); }>(a, b);
}

template <size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&from)[N]) {
    for (size_t i = 0; i < N; ++i) text[i] = from[i];
  }
};
template <Name N>
PyObject* nb_binary(PyObject* a, PyObject* b) {
  static NamedOp named{N.text};
  return binary(named, a, b);
}
template <Name N>
PyObject* nb_inplace(PyObject* a, PyObject* b) {
  static NamedOp named{N.text};
  return binary(named, a, b, Form::InPlace);
}
template <Name N>
PyObject* nb_unary(PyObject* a) {
  static NamedOp named{N.text};
  return unary(named, a);
}

PyObject* nb_pow(PyObject* a, PyObject* b, PyObject* modulus) {
  static NamedOp named{"pow"};
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return binary(named, a, b);
}
PyObject* nb_inplace_pow(PyObject* a, PyObject* b, PyObject* modulus) {
  static NamedOp named{"pow"};
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return binary(named, a, b, Form::InPlace);
}
PyObject* nb_positive(PyObject* a) { return Py_NewRef(a); }

int nb_bool(PyObject* o) {
  return guarded([&]() -> int {
    const Tensor& t = unwrap(o);
    if (t.numel() != 1)
      fail<RuntimeError>("bool: the truth value of a tensor of shape {} is ambiguous; use .any() or .all()",
                         t.sizes());
    return item_without_gil(t).to<bool>();
  });
}
PyObject* nb_int(PyObject* o) {
  return guarded([&]() -> PyObject* {
    Object value(checked(wrap_scalar(item_without_gil(unwrap(o)))));
    return PyNumber_Long(value.get());
  });
}
PyObject* nb_float(PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Scalar value = item_without_gil(unwrap(o));
    if (!value.is_complex()) return PyFloat_FromDouble(value.to<double>());
    const auto number = value.to<std::complex<double>>();
    check<TypeError>(number.imag() == 0, "float: a complex tensor has no float value; take .real first");
    return PyFloat_FromDouble(number.real());
  });
}
PyObject* nb_index(PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(o);
    if (!is_integral(t.dtype(), true) || t.numel() != 1)
      fail<TypeError>(
          "index: only an integer tensor of one element can be an index, got dtype {} and shape {}",
          t.dtype(), t.sizes());
    return PyLong_FromLongLong(item_without_gil(t).to<int64_t>());
  });
}

}  // namespace

PyObject* tensor_richcompare(PyObject* a, PyObject* b, int op) {
  static NamedOp ops[] = {{"lt"}, {"le"}, {"eq"}, {"ne"}, {"gt"}, {"ge"}};  // Py_LT to Py_GE
  return binary(ops[op], a, b);
}

void add_number_slots(std::vector<PyType_Slot>& slots) {
  const auto add = [&](int slot, auto* function) {
    slots.push_back({slot, reinterpret_cast<void*>(function)});
  };
  add(Py_nb_add, nb_add);
  add(Py_nb_subtract, nb_sub);
  add(Py_nb_multiply, nb_mul);
  add(Py_nb_true_divide, nb_div);
  add(Py_nb_floor_divide, nb_binary<"floor_divide">);
  add(Py_nb_remainder, nb_binary<"remainder">);
  add(Py_nb_power, nb_pow);
  add(Py_nb_matrix_multiply, nb_binary<"matmul">);
  add(Py_nb_and, nb_binary<"bitwise_and">);
  add(Py_nb_or, nb_binary<"bitwise_or">);
  add(Py_nb_xor, nb_binary<"bitwise_xor">);
  add(Py_nb_lshift, nb_binary<"bitwise_left_shift">);
  add(Py_nb_rshift, nb_binary<"bitwise_right_shift">);
  add(Py_nb_inplace_add, nb_inplace_add);
  add(Py_nb_inplace_subtract, nb_inplace_sub);
  add(Py_nb_inplace_multiply, nb_inplace_mul);
  add(Py_nb_inplace_true_divide, nb_inplace_div);
  add(Py_nb_inplace_floor_divide, nb_inplace<"floor_divide">);
  add(Py_nb_inplace_remainder, nb_inplace<"remainder">);
  add(Py_nb_inplace_power, nb_inplace_pow);
  add(Py_nb_inplace_and, nb_inplace<"bitwise_and">);
  add(Py_nb_inplace_or, nb_inplace<"bitwise_or">);
  add(Py_nb_inplace_xor, nb_inplace<"bitwise_xor">);
  add(Py_nb_inplace_lshift, nb_inplace<"bitwise_left_shift">);
  add(Py_nb_inplace_rshift, nb_inplace<"bitwise_right_shift">);
  add(Py_nb_negative, nb_unary<"neg">);
  add(Py_nb_absolute, nb_unary<"abs">);
  add(Py_nb_invert, nb_unary<"bitwise_not">);
  add(Py_nb_positive, nb_positive);
  add(Py_nb_bool, nb_bool);
  add(Py_nb_int, nb_int);
  add(Py_nb_float, nb_float);
  add(Py_nb_index, nb_index);
}

}  // namespace plait::python
