// Ops from outside: libraries of them, and ops whose kernels are Python functions (plait.library).
#include "bindings/outside_ops.h"

#include "autograd/boxed_op.h"
#include "extension/loader.h"

namespace plait::python {
namespace {

// A Python function as a kernel: takes the op's arguments in order, gives its results.
class PythonKernel {
 public:
  PythonKernel(PyObject* callable, const std::string& schema)
      : callable_(std::make_shared<Callable>(callable)),
        schema_(std::make_shared<Schema>(Schema::parse(schema.c_str()))) {}

  void operator()(const Value* args, Value* results) const {
    WithGil gil;
    const auto n = static_cast<Py_ssize_t>(schema_->params.size());
    Object tuple(checked(PyTuple_New(n)));
    for (Py_ssize_t i = 0; i < n; ++i) {
      Value arg = args[i];
      PyTuple_SET_ITEM(tuple.get(), i, checked(wrap_value(arg)));
    }
    const Object result(checked(PyObject_Call(callable_->object, tuple.get(), nullptr)));
    const size_t count = schema_->returns.size();
    if (count == 1) return take(result.get(), 0, results[0]);
    if (count == 0) return;
    const bool sequence = PyTuple_Check(result.get()) || PyList_Check(result.get());
    if (!sequence || PySequence_Fast_GET_SIZE(result.get()) != static_cast<Py_ssize_t>(count))
      fail<TypeError>("{}: must return a tuple of {} values by its schema '{}', it returned {}",
                      schema_->name, static_cast<int64_t>(count), schema_->text,
                      Py_TYPE(result.get())->tp_name);
    for (size_t i = 0; i < count; ++i)
      take(PySequence_Fast_GET_ITEM(result.get(), static_cast<Py_ssize_t>(i)), i, results[i]);
  }

 private:
  struct Callable {  // never dropped: ops live as long as the process
    explicit Callable(PyObject* callable) : object(Py_NewRef(callable)) {}
    PyObject* object;
  };

  void take(PyObject* object, size_t index, Value& out) const {
    const std::string& type = schema_->returns[index].type;
    if (type == "Tensor" && is_tensor(object)) {
      out = Value(unwrap(object));
    } else if (type == "Tensor[]" && (PyTuple_Check(object) || PyList_Check(object))) {
      std::vector<Tensor> list;
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(object); ++i) {
        PyObject* item = PySequence_Fast_GET_ITEM(object, i);
        if (!is_tensor(item))
          fail<TypeError>("{}: must return Tensors by its schema '{}', element {} is a {}", schema_->name,
                          schema_->text, static_cast<int64_t>(i), Py_TYPE(item)->tp_name);
        list.push_back(unwrap(item));
      }
      out = Value(std::move(list));
    } else if (type == "void" && object == Py_None) {
      out = Value();
    } else if (type == "bool" && PyBool_Check(object)) {
      out = Value(object == Py_True);
    } else if (type == "int" && PyLong_Check(object) && !PyBool_Check(object)) {
      out = Value(static_cast<int64_t>(PyLong_AsLongLong(object)));
    } else if (type == "float" && (PyFloat_Check(object) || PyLong_Check(object))) {
      out = Value(PyFloat_AsDouble(object));
    } else if (type == "Scalar" && is_number(object)) {
      out = Value(to_scalar(object));
    } else {
      fail<TypeError>("{}: result {} must be a {} by the schema '{}', the function returned {}",
                      schema_->name, static_cast<int64_t>(index), type == "void" ? "None" : type,
                      schema_->text, Py_TYPE(object)->tp_name);
    }
    if (PyErr_Occurred()) throw PythonError{};
  }

  std::shared_ptr<Callable> callable_;
  std::shared_ptr<Schema> schema_;
};

BoxedOp& boxed(const std::string& full_name) {
  BoxedOp* op = BoxedOp::from(&find_op(full_name));
  if (!op) fail<TypeError>("op '{}' is one of plait's own; only ops from outside can be changed", full_name);
  return *op;
}

py::dict describe(const OpBase& op) {
  py::dict d;
  py::list params, returns;
  for (const Param& p : op.schema().params) {
    py::dict param;
    param["name"] = p.name;
    param["mutates"] = p.mutates;
    param["keyword_only"] = p.keyword_only;
    param["tensor"] = p.type == ParamType::Tensor || p.type == ParamType::TensorList;
    params.append(param);
  }
  for (const Return& r : op.schema().returns) returns.append(r.type);
  d["name"] = op.full_name();
  d["schema"] = op.schema().text;
  d["doc"] = op.doc();
  d["params"] = params;
  d["returns"] = returns;
  d["inplace"] = op.inplace_kind() != Inplace::None;
  d["out"] = op.has_out();
  d["composite"] = op.is_composite();
  const BoxedOp* outside = BoxedOp::from(&op);
  d["library"] = outside ? outside->library() : "plait";
  d["has_derivative"] = outside ? outside->has_derivative() : op.vjp() != nullptr;
  return d;
}

}  // namespace

void add_outside_ops(py::module_& m) {
  m.def(
      "_load_library", [](const std::string& path) { return load_extension(path); },
      "Loads a library of ops; returns their full names.");
  m.def(
      "_op_function",
      [](const std::string& name, bool inplace) {
        return py::reinterpret_steal<py::object>(checked(make_op_function(name.c_str(), inplace)));
      },
      py::arg("name"), py::arg("inplace") = false, "The callable for all overloads of an op's name.");
  m.def(
      "_describe_op",
      [](const std::string& name) {
        py::list list;
        for (const OpBase* op : Registry::instance().overloads(name)) list.append(describe(*op));
        return list;
      },
      "One dict per overload of a name; empty where there is no such op.");
  m.def(
      "_outside_ops",
      [] {
        std::vector<std::string> names;
        for (const OpBase* op : Registry::instance().all())
          if (BoxedOp::from(op)) names.push_back(op->full_name());
        return names;
      },
      "The full names of all ops from outside.");
  m.def(
      "_declare_op",
      [](const std::string& schema, const std::string& doc, const std::string& library, py::object kernel,
         bool composite, bool no_grad) {
        BoxedDecl decl;
        decl.schema = schema;
        decl.doc = doc;
        decl.library = library;
        decl.no_grad = no_grad;
        const PythonKernel function(kernel.ptr(), schema);
        (composite ? decl.composite : decl.direct) = function;
        return BoxedOp::declare(std::move(decl)).full_name();
      },
      py::arg("schema"), py::arg("doc"), py::arg("library"), py::arg("kernel"), py::arg("composite") = false,
      py::arg("no_grad") = false, "Declares an op whose kernel is a Python function; returns its full name.");
  m.def("_set_op_kernel", [](const std::string& name, py::handle device, py::object kernel) {
    Device d;
    if (!to_device(device.ptr(), d)) fail<TypeError>("register_kernel: expected a device such as 'cpu'");
    boxed(name).attach_direct(d.key(), PythonKernel(kernel.ptr(), find_op(name).schema().text));
  });
  m.def("_set_op_autograd", [](const std::string& name, py::object function) {
    boxed(name).set_autograd(PythonKernel(function.ptr(), find_op(name).schema().text));
  });
  m.def("_remove_op", [](const std::string& name) { boxed(name).remove(); });
}

}  // namespace plait::python
