// Small functions that the package's Python code calls at nearly every step: against CPython's own API, since
// a call through pybind11 takes several times as long as what they do.
#include <algorithm>

#include "bindings/python.h"
#include "core/batch.h"
#include "core/context.h"
#include "ops/decl/minmax.h"

namespace plait::python {
namespace {

PyObject* is_grad_enabled(PyObject*, PyObject*) { return PyBool_FromLong(grad_enabled()); }

PyObject* switch_grad(PyObject*, PyObject* on) {
  const int truth = PyObject_IsTrue(on);
  if (truth < 0) return nullptr;
  const bool before = grad_enabled();
  set_grad_enabled(truth != 0);
  return PyBool_FromLong(before);
}

PyObject* records(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  if (!grad_enabled()) Py_RETURN_FALSE;
  const auto required = [](PyObject* object) { return is_tensor(object) && requires_grad(unwrap(object)); };
  return PyBool_FromLong(std::any_of(args, args + nargs, required));
}

// The text of an argument that is a str.
std::string_view text_of(PyObject* object) {
  Py_ssize_t size = 0;
  const char* text = PyUnicode_AsUTF8AndSize(object, &size);
  if (!text) throw PythonError{};
  return {text, static_cast<size_t>(size)};
}

[[gnu::noinline, noreturn]] void fail_matrices(std::string_view who, PyObject* object,
                                               std::string_view name) {
  if (!is_tensor(object))
    fail<TypeError>("linalg.{}: expected {} as a Tensor, got {}", who, name, Py_TYPE(object)->tp_name);
  const Tensor& t = unwrap(object);
  const DType dtype = t.dtype();
  if (dtype != DType::Float32 && dtype != DType::Float64 && !is_complex(dtype))
    fail<TypeError>(
        "linalg.{}: expected {} of dtype float32, float64, complex64 or complex128, got {}; use {}.float()",
        who, name, dtype, name);
  if (t.dim() < 2)
    fail<ValueError>("linalg.{}: expected {} with at least 2 dimensions, got {}", who, name, t.sizes());
  fail<ValueError>("linalg.{}: expected {} to be a batch of square matrices, got {}", who, name, t.sizes());
}

// _check_matrices(who, a, square=True, name="A")
PyObject* check_matrices(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
  return guarded([&]() -> PyObject* {
    if (nargs < 2 || nargs > 4)
      fail<TypeError>("_check_matrices: expected 2 to 4 arguments, got {}", static_cast<int64_t>(nargs));
    const int square = nargs > 2 ? PyObject_IsTrue(args[2]) : 1;
    checked(square);
    if (is_tensor(args[1])) {
      const Tensor& t = unwrap(args[1]);
      const DType dtype = t.dtype();
      const bool good = dtype == DType::Float32 || dtype == DType::Float64 || dtype == DType::Complex64 ||
                        dtype == DType::Complex128;
      if (good && t.dim() >= 2 && (!square || t.size(-1) == t.size(-2))) Py_RETURN_NONE;
    }
    fail_matrices(text_of(args[0]), args[1], nargs > 3 ? text_of(args[3]) : "A");
  });
}

PyObject* largest_info(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(object))
      fail<TypeError>("_largest_info: expected a Tensor, got {}", Py_TYPE(object)->tp_name);
    Tensor info = unwrap(object);
    // Of all entries of a batch: one that fails is an error of all.
    while (info.is_batched()) info = reveal_dim(info, info.impl()->batch->begin()->level, 0, 0);
    if (info.numel() == 0) return PyLong_FromLong(0);
    if (info.dtype() == DType::Int32 && info.is_cpu() && info.is_contiguous()) {
      const auto* const first = info.data<int32_t>();
      return PyLong_FromLong(*std::max_element(first, first + info.numel()));
    }
    return wrap_scalar(item_without_gil(info.dim() ? plait::amax(info, {}, false) : info));
  });
}

#define FAST(f) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)), METH_FASTCALL
PyMethodDef functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Are gradients recorded in this thread?"},
    {"_set_grad_enabled", switch_grad, METH_O, "Switches the recording of gradients; returns what it was."},
    {"_records", FAST(records), "Are gradients recorded, and does one of the arguments require them?"},
    {"_check_matrices", FAST(check_matrices),
     "(who, a, square=True, name='A'): raises unless `a` is a tensor of matrices of a dtype of linalg."},
    {"_largest_info", largest_info, METH_O, "The largest of LAPACK's numbers that say how it went. Waits."},
    {nullptr, nullptr, 0, nullptr}};
#undef FAST

}  // namespace

void add_quick_functions(PyObject* module) { checked(PyModule_AddFunctions(module, functions)); }

}  // namespace plait::python
