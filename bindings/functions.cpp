// The Python functions of the ops: one callable per name, made by a loop over the registry, with one
// data-driven parser.
//
// The same object is a function of the module (`plait.add`) and a method of Tensor (`x.add`): it is a method
// descriptor with a vectorcall, so that neither makes a bound method.
#include "bindings/generator.h"
#include "bindings/python.h"

#include <structmember.h>

#include <algorithm>

namespace plait::python {
namespace {

constexpr int kMaxParams = 24;
constexpr int64_t kTiny = 32768;  // elements under which giving up the GIL costs more than it helps

struct OpFunction {
  PyObject_HEAD vectorcallfunc vectorcall;
  std::string* name;
  std::vector<const OpBase*>* overloads;
  std::vector<PyObject*>* param_names;  // interned, of all overloads in turn
  bool inplace;
  PyObject* dict;
};
PyTypeObject* op_function_type = nullptr;

// Values on the stack, made only as far as an op has parameters.
class Values {
 public:
  explicit Values(size_t count) : count_(count) {
    for (size_t i = 0; i < count; ++i) new (data() + i) Value();
  }
  ~Values() {
    for (size_t i = 0; i < count_; ++i) data()[i].~Value();
  }
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;
  Value* data() { return reinterpret_cast<Value*>(storage_); }

 private:
  size_t count_;
  alignas(Value) unsigned char storage_[kMaxParams * sizeof(Value)];
};

struct Keywords {
  PyObject* out = nullptr;
  PyObject* memory_format = nullptr;
  bool requires_grad = false;
  bool pin_memory = false;
};

// Why an overload did not fit. Made only when the error is reported.
struct Mismatch {
  std::string text;
};

std::string type_text(PyObject* object) {
  if (is_tensor(object))
    return message("Tensor of shape {} and dtype {}", unwrap(object).sizes(), unwrap(object).dtype());
  if (PyLong_Check(object) || PyFloat_Check(object) || PyUnicode_Check(object)) {
    Object text(PyObject_Repr(object));
    const char* chars = text ? PyUnicode_AsUTF8(text.get()) : nullptr;
    if (!chars) PyErr_Clear();
    return std::string(Py_TYPE(object)->tp_name) + " " + (chars ? std::string(chars).substr(0, 60) : "");
  }
  if (PyTuple_Check(object) || PyList_Check(object)) {
    std::string text = std::string(Py_TYPE(object)->tp_name) + " of (";
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
    for (Py_ssize_t i = 0; i < std::min<Py_ssize_t>(n, 4); ++i)
      text += (i ? ", " : "") + std::string(Py_TYPE(PySequence_Fast_GET_ITEM(object, i))->tp_name);
    return text + (n > 4 ? ", ...)" : ")");
  }
  return object == Py_None ? "None" : Py_TYPE(object)->tp_name;
}

const char* type_name(const Param& param) {
  switch (param.type) {
    case ParamType::Tensor: return "a Tensor";
    case ParamType::TensorList: return "a list or tuple of Tensors";
    case ParamType::Scalar: return "a number";
    case ParamType::Int: return "an int";
    case ParamType::Float: return "a float";
    case ParamType::Bool: return "a bool";
    case ParamType::Ints: return "an int or a tuple of ints";
    case ParamType::Floats: return "a float or a tuple of floats";
    case ParamType::DType: return "a plait.dtype";
    case ParamType::Device: return "a device";
    case ParamType::MemoryFormat: return "a plait.memory_format";
    case ParamType::Generator: return "a plait.Generator";
    case ParamType::String: return "a str";
  }
  return "";
}

// The names that NumPy and older PyTorch code use.
bool is_alias(PyObject* given, const std::string& param) {
  const char* text = PyUnicode_AsUTF8(given);
  if (!text) {
    PyErr_Clear();
    return false;
  }
  const std::string_view name(text);
  return (param == "self" && (name == "input" || name == "x" || name == "tensor")) ||
         (param == "split_size" && name == "split_size_or_sections") || (param == "dim" && name == "axis") ||
         (param == "keepdim" && name == "keepdims") ||
         (param == "indices_or_sections" && (name == "indices" || name == "sections"));
}

// Tensors that are made from nothing go to the thread's default device; those made like another stay with it.
void use_default_device(const OpBase& op, Value* values) {
  const Device device = default_device();
  if (device.type == DeviceType::CPU || op.tensor_params() || op.has_list_param()) return;
  const std::vector<Param>& params = op.schema().params;
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].type == ParamType::Device && values[i].is_none()) values[i] = Value(device);
}

// May an argument be the first of sizes that are given one by one? NumPy's integers and tensors of one
// integer are sizes, too.
bool is_size(PyObject* given) {
  if (PyLong_Check(given)) return true;
  int64_t size;
  return !PyTuple_Check(given) && !PyList_Check(given) && to_int(given, size);
}

// Fills `values`, one per parameter. Returns false where this overload does not fit; `why` is filled when
// asked for.
bool parse(const OpBase& op, PyObject* const* interned, PyObject* const* args, Py_ssize_t nargs,
           PyObject* names, Value* values, Keywords& keywords, Mismatch* why) {
  const std::vector<Param>& params = op.schema().params;
  const int count = static_cast<int>(params.size());
  PyObject* given[kMaxParams];
  std::fill(given, given + count, nullptr);
  Dims spread;  // sizes given one by one: x.view(2, 3)
  int spread_at = -1;

  int p = 0;
  for (Py_ssize_t i = 0; i < nargs; ++i, ++p) {
    if (p >= count || params[p].keyword_only) {
      if (why)
        why->text = message("takes {} positional arguments, {} were given", p, static_cast<int64_t>(nargs));
      return false;
    }
    const bool last = p + 1 == count || params[p + 1].keyword_only;
    if (params[p].type == ParamType::Ints && params[p].repeat == 0 && last && is_size(args[i])) {
      for (; i < nargs; ++i) {
        int64_t size;
        if (!to_int(args[i], size)) {
          if (why)
            why->text = message("argument '{}' must be ints, got {}", params[p].name, type_text(args[i]));
          return false;
        }
        spread.push_back(size);
      }
      spread_at = p;
      break;
    }
    given[p] = args[i];
  }

  const Py_ssize_t keyword_count = names ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t k = 0; k < keyword_count; ++k) {
    PyObject* name = PyTuple_GET_ITEM(names, k);
    PyObject* value = args[nargs + k];
    int found = -1;
    for (int i = 0; i < count; ++i)
      if (interned[i] == name) found = i;
    if (found < 0)
      for (int i = 0; i < count; ++i)
        if (PyUnicode_Compare(interned[i], name) == 0 || is_alias(name, params[i].name)) found = i;
    if (found >= 0) {
      if (given[found] || spread_at == found) {
        if (why) why->text = message("argument '{}' was given twice", params[found].name);
        return false;
      }
      given[found] = value;
      continue;
    }
    const char* text = PyUnicode_AsUTF8(name);
    if (!text) PyErr_Clear();
    const std::string_view keyword(text ? text : "?");
    const bool creates = op.kind() == Kind::Create || op.kind() == Kind::Random;
    const auto is_true = [&] {
      const int truth = PyObject_IsTrue(value);
      checked(truth);
      return truth != 0;
    };
    if (keyword == "out" && op.has_out()) {
      keywords.out = value == Py_None ? nullptr : value;
    } else if (creates && keyword == "requires_grad") {
      keywords.requires_grad = is_true();
    } else if (creates && keyword == "pin_memory") {
      keywords.pin_memory = is_true();
    } else if (creates && keyword == "memory_format" && op.schema().name == "empty") {
      keywords.memory_format = value == Py_None ? nullptr : value;
    } else if (creates && keyword == "layout") {
      // All tensors are strided.
    } else {
      if (why) why->text = message("got an unexpected keyword argument '{}'", keyword);
      return false;
    }
  }

  for (int i = 0; i < count; ++i) {
    if (spread_at == i) {
      values[i] = Value(std::move(spread));
    } else if (given[i]) {
      if (!convert(given[i], params[i], i, values[i])) {
        if (why)
          why->text =
              message("argument '{}' (position {}) must be {}{}, got {}", params[i].name, i + 1,
                      type_name(params[i]), params[i].optional ? " or None" : "", type_text(given[i]));
        return false;
      }
    } else if (params[i].has_default) {
      values[i] = params[i].default_value;
    } else if (params[i].optional && params[i].keyword_only) {
      values[i] = Value();
    } else {
      if (why)
        why->text =
            message("missing argument '{}' (position {}): {}", params[i].name, i + 1, type_name(params[i]));
      return false;
    }
  }
  if (op.kind() == Kind::Create || op.kind() == Kind::Random) use_default_device(op, values);
  return true;
}

// A named tuple for the results of an op, made at its first call.
PyTypeObject* result_type_of(const OpBase& op) {
  static std::vector<std::pair<const OpBase*, PyTypeObject*>> types;
  for (const auto& [known, type] : types)
    if (known == &op) return type;
  std::vector<PyStructSequence_Field> fields;
  for (const Return& ret : op.schema().returns) fields.push_back({ret.name.c_str(), nullptr});
  fields.push_back({nullptr, nullptr});
  auto* full = new std::string("plait.return_types." + op.schema().name);  // the type keeps a pointer
  std::replace(full->begin(), full->end(), ':', '_');
  PyStructSequence_Desc desc{full->c_str(), nullptr, fields.data(), static_cast<int>(fields.size() - 1)};
  PyTypeObject* type = PyStructSequence_NewType(&desc);
  checked(reinterpret_cast<PyObject*>(type));
  types.emplace_back(&op, type);
  return type;
}

bool is_small(const OpBase& op, const Value* args) {
  int64_t work = 0;
  for (size_t i = 0; i < op.schema().params.size(); ++i) {
    const Value& v = args[i];
    if (v.tag() == Value::Tag::BorrowedTensor || v.tag() == Value::Tag::Tensor) {
      // What another device computes is only launched here, unless it is a copy, which may wait.
      if (v.tensor().defined() && !v.tensor().is_cpu()) return !op.is_across_devices();
      work += v.tensor().numel();
    } else if (v.tag() == Value::Tag::Device) {
      if (v.device().type != DeviceType::CPU) return !op.is_across_devices();
    } else if (v.tag() == Value::Tag::TensorList) {
      for (const Tensor& t : v.tensors())
        if (t.defined()) work += t.numel();
    } else if (v.tag() == Value::Tag::Ints && (op.kind() == Kind::Create || op.kind() == Kind::Random)) {
      int64_t numel = 1;
      for (const int64_t size : v.ints()) numel = __builtin_mul_overflow(numel, size, &numel) ? kTiny : numel;
      work += numel;
    }
  }
  const bool cubic = op.kind() == Kind::Matmul || op.kind() == Kind::Conv;
  return work < (cubic ? kTiny / 16 : kTiny) && op.kind() != Kind::Create;
}

// `zeros_like(x, device=...)` and its kin read no element of x. Where the result is to be on another device
// than x, x is replaced by a tensor there of x's sizes and strides, and the memory of one element.
void move_prototype(const OpBase& op, Value* values) {
  const auto& params = op.schema().params;
  if (op.kind() != Kind::Create && op.kind() != Kind::Random) return;
  if (params.empty() || params[0].type != ParamType::Tensor) return;
  for (size_t i = 1; i < params.size(); ++i) {
    if (params[i].type != ParamType::Device || values[i].is_none()) continue;
    const Tensor self = values[0].tensor();
    const Device device = values[i].device();
    if (self.device() == device) return;
    const Tensor one = empty_tensor({1}, self.dtype(), device);
    values[0] = Value(make_view(one, self.sizes(), self.strides(), 0));
  }
}

// What makes a tensor of no other one makes it of the dtype of out=, where none is named.
void take_dtype_of(const OpBase& op, Value* values, const Tensor& out) {
  const auto& params = op.schema().params;
  if (op.kind() != Kind::Create && op.kind() != Kind::Random) return;
  if (params.empty() || params[0].type == ParamType::Tensor || !out.defined()) return;
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].type == ParamType::DType && values[i].is_none()) values[i] = Value(out.dtype());
}

PyObject* call_parsed(const OpBase& op, bool inplace, Value* values, const Keywords& keywords) {
  if (inplace) return call_op(op, Form::InPlace, values, {});
  move_prototype(op, values);
  if (keywords.out) {
    Tensor outs[8];
    size_t n = 0;
    if (is_tensor(keywords.out)) {
      outs[n++] = unwrap(keywords.out);
    } else if (PyTuple_Check(keywords.out) || PyList_Check(keywords.out)) {
      const auto given = static_cast<size_t>(PySequence_Fast_GET_SIZE(keywords.out));
      for (size_t i = 0; i < given && i < 8; ++i) {
        PyObject* element = PySequence_Fast_GET_ITEM(keywords.out, i);
        if (!is_tensor(element))
          fail<TypeError>("{}: out= must hold Tensors, got {}", op.name(), Py_TYPE(element)->tp_name);
        outs[n++] = unwrap(element);
      }
    } else {
      fail<TypeError>("{}: out= must be a Tensor, got {}", op.name(), Py_TYPE(keywords.out)->tp_name);
    }
    take_dtype_of(op, values, outs[0]);
    Object done(checked(call_op(op, Form::Out, values, {outs, n})));
    return Py_NewRef(keywords.out);
  }
  PyObject* result = call_op(op, Form::Functional, values, {});
  if (__builtin_expect(keywords.memory_format != nullptr, 0)) {
    Object plain(checked(result));
    const Object method(checked(PyObject_GetAttrString(plain.get(), "contiguous"))),
        none(checked(PyTuple_New(0)));
    const Object named(checked(Py_BuildValue("{sO}", "memory_format", keywords.memory_format)));
    result = checked(PyObject_Call(method.get(), none.get(), named.get()));
  }
  if (__builtin_expect(keywords.pin_memory, 0)) {
    Object unpinned(checked(result));
    result = checked(PyObject_CallMethod(unpinned.get(), "pin_memory", nullptr));
  }
  if (result && keywords.requires_grad && is_tensor(result)) set_requires_grad(unwrap(result), true);
  return result;
}

[[noreturn]] void fail_no_overload(const OpFunction& f, PyObject* const* args, Py_ssize_t nargs,
                                   PyObject* names) {
  std::string text = *f.name + (f.inplace ? "_" : "") + "()";
  PyObject* const* interned = f.param_names->data();
  const bool one = f.overloads->size() == 1;
  if (!one) text += ": no overload takes these arguments:";
  for (const OpBase* op : *f.overloads) {
    Mismatch why;
    Keywords keywords;
    Values values(op->schema().params.size());
    parse(*op, interned, args, nargs, names, values.data(), keywords, &why);
    interned += op->schema().params.size();
    text += one ? ": " + why.text + "\n  signature: " + op->schema().text
                : "\n  " + op->schema().text + "\n    " + why.text;
  }
  for (Py_ssize_t i = 0; i < nargs; ++i)
    if (std::string_view(Py_TYPE(args[i])->tp_name) == "numpy.ndarray") {
      text += "\n  a NumPy array was given: turn it into a tensor with plait.from_numpy(array)";
      break;
    }
  throw TypeError(text);
}

// A number may come first in these, as in plait.mul(2, x): of all others the first tensor says what is meant.
bool takes_number_first(const OpBase& op) {
  static const std::string_view names[] = {
      "add",
      "sub",
      "mul",
      "div",
      "divide",
      "true_divide",
      "floor_divide",
      "remainder",
      "rsub",
      "bitwise_and",
      "bitwise_or",
      "bitwise_xor",
      "bitwise_left_shift",
      "bitwise_right_shift",
      "bucketize",
      "special_zeta",
      "xlogy",
  };
  return std::find(std::begin(names), std::end(names), op.schema().name) != std::end(names);
}

// A call that has a number where the tensor should be: with a tensor in its place. Null where it is no such
// call.
PyObject* call_with_number_first(PyObject* callable, PyObject* const* args, Py_ssize_t nargs,
                                 PyObject* names) {
  const auto& f = *reinterpret_cast<OpFunction*>(callable);
  if (f.inplace || nargs < 2 || !is_number(args[0]) || !takes_number_first(*f.overloads->front()))
    return nullptr;
  std::vector<PyObject*> changed(args, args + nargs + (names ? PyTuple_GET_SIZE(names) : 0));
  const Object first(checked(wrap(wrapped_scalar(to_scalar(args[0])))));
  unwrap(first.get()).impl()->wrapped_number = true;  // a tensor that Python sees has a dtype of its own
  changed[0] = first.get();
  return PyObject_Vectorcall(callable, changed.data(), static_cast<size_t>(nargs), names);
}

// The former options `size_average` and `reduce` of losses, which `reduction` has replaced. Null where none
// is given.
PyObject* call_with_legacy_reduction(PyObject* callable, PyObject* const* args, Py_ssize_t nargs,
                                     PyObject* names) {
  bool given = false;
  for (Py_ssize_t k = 0; names && k < PyTuple_GET_SIZE(names); ++k) {
    PyObject* name = PyTuple_GET_ITEM(names, k);
    given = given || PyUnicode_CompareWithASCIIString(name, "size_average") == 0 ||
            PyUnicode_CompareWithASCIIString(name, "reduce") == 0;
  }
  const auto& params = reinterpret_cast<OpFunction*>(callable)->overloads->front()->schema().params;
  const auto is_reduction = [](const Param& param) { return param.name == "reduction"; };
  if (!given || std::none_of(params.begin(), params.end(), is_reduction)) return nullptr;
  Object module(checked(PyImport_ImportModule("plait.nn.functional")));
  Object function(checked(PyObject_GetAttrString(module.get(), "_with_legacy_reduction")));
  std::vector<PyObject*> all{callable};
  all.insert(all.end(), args, args + nargs + PyTuple_GET_SIZE(names));
  return checked(PyObject_Vectorcall(function.get(), all.data(), static_cast<size_t>(nargs) + 1, names));
}

// An op that a class of something else than tensors has as an attribute is a function there and no method, as
// PyTorch's are: self.conv(x), with `conv = plait.conv2d` in the class body.
bool is_attribute_of_class(PyObject* callable, PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  if (is_tensor(object) || !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(type->tp_mro); ++i) {
    auto* base = reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(type->tp_mro, i));
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (base->tp_dict && PyDict_Next(base->tp_dict, &at, &key, &value))
      if (value == callable) return true;
  }
  return false;
}

// Would this overload take a tensor for a whole number, where another one takes the tensor? `min(x, y)` is
// elementwise, though y of one element could be a dimension.
bool takes_tensor_as_int(const OpFunction& f, const OpBase& op, PyObject* const* args, Py_ssize_t nargs) {
  if (f.overloads->size() == 1) return false;
  const auto& params = op.schema().params;
  for (size_t i = 1; i < params.size() && static_cast<Py_ssize_t>(i) < nargs; ++i) {
    if (params[i].type != ParamType::Int && params[i].type != ParamType::Ints) continue;
    if (!is_tensor(args[i])) continue;
    for (const OpBase* other : *f.overloads) {
      const auto& theirs = other->schema().params;
      if (theirs.size() > i && theirs[i].type == ParamType::Tensor) return true;
    }
  }
  return false;
}

PyObject* op_vectorcall(PyObject* callable, PyObject* const* args, size_t nargsf, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const auto& f = *reinterpret_cast<OpFunction*>(callable);
    const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    if (__builtin_expect(may_be_overridden(), 0))
      if (PyObject* result = call_override(callable, args, nargs, names)) return result;
    PyObject* const* interned = f.param_names->data();
    for (const OpBase* op : *f.overloads) {
      Values values(op->schema().params.size());
      Keywords keywords;
      if (!takes_tensor_as_int(f, *op, args, nargs) &&
          parse(*op, interned, args, nargs, names, values.data(), keywords, nullptr))
        return call_parsed(*op, f.inplace, values.data(), keywords);
      interned += op->schema().params.size();
    }
    if (PyObject* result = call_override_of_others(callable, args, nargs, names)) return result;
    if (PyObject* result = call_with_number_first(callable, args, nargs, names)) return result;
    if (PyObject* result = call_with_legacy_reduction(callable, args, nargs, names)) return result;
    if (nargs > 0 && is_attribute_of_class(callable, args[0]))
      return PyObject_Vectorcall(callable, args + 1, static_cast<size_t>(nargs - 1), names);
    fail_no_overload(f, args, nargs, names);
  });
}

PyObject* op_descr_get(PyObject* self, PyObject* object, PyObject*) {
  if (!object || object == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, object);
}

PyObject* op_repr(PyObject* self) {
  const auto& f = *reinterpret_cast<OpFunction*>(self);
  return PyUnicode_FromFormat("<plait op %s%s>", f.name->c_str(), f.inplace ? "_" : "");
}
PyObject* op_name(PyObject* self, void*) {
  const auto& f = *reinterpret_cast<OpFunction*>(self);
  return PyUnicode_FromString((*f.name + (f.inplace ? "_" : "")).c_str());
}
PyObject* op_doc(PyObject* self, void*) {
  const auto& f = *reinterpret_cast<OpFunction*>(self);
  std::string text;
  for (const OpBase* op : *f.overloads) {
    std::string schema = op->schema().text;
    if (f.inplace) schema.insert(schema.find('('), "_");
    text += schema + "\n";
  }
  text += "\n";
  if (f.inplace) text += "In-place form: self is overwritten and returned.\n\n";
  // The overload without a name of its own has the text that others refer to.
  for (const bool main : {true, false})
    for (const OpBase* op : *f.overloads)
      if (op->doc()[0] && op->schema().overload.empty() == main) text += std::string(op->doc()) + "\n\n";
  return PyUnicode_FromString(text.c_str());
}
PyObject* op_module(PyObject*, void*) { return PyUnicode_FromString("plait"); }
// Pickled by its name in plait; outside ops are looked up in the registry, where their library must be
// loaded.
PyObject* op_reduce(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const auto& f = *reinterpret_cast<OpFunction*>(self);
    if (f.name->find("::") == std::string::npos) return op_name(self, nullptr);
    Object module(checked(PyImport_ImportModule("plait._C")));
    Object make(checked(PyObject_GetAttrString(module.get(), "_op_function")));
    return Py_BuildValue("O(si)", make.get(), f.name->c_str(), static_cast<int>(f.inplace));
  });
}

PyGetSetDef op_getset[] = {{"__name__", op_name, nullptr, nullptr, nullptr},
                           {"__qualname__", op_name, nullptr, nullptr, nullptr},
                           {"__doc__", op_doc, nullptr, nullptr, nullptr},
                           {"__module__", op_module, nullptr, nullptr, nullptr},
                           {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef op_methods[] = {{"__reduce__", op_reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* wrap_value(const Value& value) {
  switch (value.tag()) {
    case Value::Tag::None: return Py_NewRef(Py_None);
    case Value::Tag::Tensor:
    case Value::Tag::BorrowedTensor: return wrap(value.tensor());
    case Value::Tag::TensorList: {
      const auto& list = value.tensors();
      Object tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(list.size()))));
      for (size_t i = 0; i < list.size(); ++i) PyTuple_SET_ITEM(tuple.get(), i, checked(wrap(list[i])));
      return tuple.release();
    }
    case Value::Tag::Bool: return PyBool_FromLong(value.boolean());
    case Value::Tag::Int: return PyLong_FromLongLong(value.integer());
    case Value::Tag::Double: return PyFloat_FromDouble(value.real());
    case Value::Tag::Scalar: return wrap_scalar(value.scalar());
    case Value::Tag::Ints: return wrap_size(value.ints());
    case Value::Tag::Doubles: {
      const auto& list = value.doubles();
      Object tuple(checked(PyTuple_New(static_cast<Py_ssize_t>(list.size()))));
      for (size_t i = 0; i < list.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), i, checked(PyFloat_FromDouble(list[i])));
      return tuple.release();
    }
    case Value::Tag::DType: return wrap(value.dtype());
    case Value::Tag::Device: return wrap(value.device());
    case Value::Tag::MemoryFormat: return wrap(value.memory_format());
    case Value::Tag::Generator: return wrap_generator(value.generator());
    case Value::Tag::String:
      return PyUnicode_FromStringAndSize(value.string().data(),
                                         static_cast<Py_ssize_t>(value.string().size()));
  }
  return nullptr;
}

PyObject* call_op(const OpBase& op, Form form, Value* args, std::span<const Tensor> outs) {
  Value results[4];
  {
    WithoutGil unlocked(!is_small(op, args));
    op.call_boxed(form, args, outs, results);
  }
  if (form == Form::InPlace) return wrap(results[0].tensor());
  if (form == Form::Out) return Py_NewRef(Py_None);
  const size_t n = op.schema().returns.size();
  if (n == 1) {
    if (results[0].tag() == Value::Tag::Tensor) return wrap(results[0].tensor());
    return wrap_value(results[0]);
  }
  Object tuple(checked(PyStructSequence_New(result_type_of(op))));
  for (size_t i = 0; i < n; ++i) PyStructSequence_SET_ITEM(tuple.get(), i, checked(wrap_value(results[i])));
  return tuple.release();
}

PyObject* make_op_function(const char* name, bool inplace) {
  auto overloads = Registry::instance().overloads(name);
  if (inplace) std::erase_if(overloads, [](const OpBase* op) { return op->inplace_kind() == Inplace::None; });
  if (overloads.empty()) fail<RuntimeError>("op '{}' is not registered", name);
  auto* f = reinterpret_cast<OpFunction*>(checked(op_function_type->tp_alloc(op_function_type, 0)));
  f->vectorcall = op_vectorcall;
  f->name = new std::string(name);
  f->overloads = new std::vector<const OpBase*>(std::move(overloads));
  f->param_names = new std::vector<PyObject*>();
  for (const OpBase* op : *f->overloads) {
    check<RuntimeError>(op->schema().params.size() <= kMaxParams, "op '{}' has more than {} parameters", name,
                        kMaxParams);
    for (const Param& param : op->schema().params)
      f->param_names->push_back(checked(PyUnicode_InternFromString(param.name.c_str())));
  }
  f->inplace = inplace;
  return reinterpret_cast<PyObject*>(f);
}

void add_op_functions(PyObject* module) {
  if (!op_function_type) {
    static PyMemberDef members[] = {
        {"__vectorcalloffset__", T_PYSSIZET, offsetof(OpFunction, vectorcall), READONLY, nullptr},
        {nullptr, 0, 0, 0, nullptr}};
    static PyType_Slot slots[] = {{Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                                  {Py_tp_descr_get, reinterpret_cast<void*>(op_descr_get)},
                                  {Py_tp_repr, reinterpret_cast<void*>(op_repr)},
                                  {Py_tp_getset, op_getset},
                                  {Py_tp_methods, op_methods},
                                  {Py_tp_members, members},
                                  {0, nullptr}};
    static PyType_Spec spec = {"plait._C.Op", sizeof(OpFunction), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL |
                                   Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                               slots};
    op_function_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  }
  // plait._C.ops: every function by name. Ops with a `self` are methods of Tensor too.
  Object ops(checked(PyDict_New()));
  auto* tensor = reinterpret_cast<PyObject*>(tensor_type);
  for (const OpBase* op : Registry::instance().all()) {
    const std::string& name = op->schema().name;
    if (name.find("::") != std::string::npos) continue;  // plait.ops
    const bool has_self = !op->schema().params.empty() && op->schema().params[0].name == "self";
    if (!PyDict_GetItemString(ops.get(), name.c_str())) {
      Object function(make_op_function(name.c_str(), false));
      checked(PyDict_SetItemString(ops.get(), name.c_str(), function.get()));
      if (has_self) checked(PyObject_SetAttrString(tensor, name.c_str(), function.get()));
    }
    const std::string inplace = name + "_";
    if (op->inplace_kind() != Inplace::None && !PyDict_GetItemString(ops.get(), inplace.c_str())) {
      Object function(make_op_function(name.c_str(), true));
      checked(PyDict_SetItemString(ops.get(), inplace.c_str(), function.get()));
      if (has_self) checked(PyObject_SetAttrString(tensor, inplace.c_str(), function.get()));
    }
  }
  checked(PyModule_AddObjectRef(module, "ops", ops.get()));
}

}  // namespace plait::python
