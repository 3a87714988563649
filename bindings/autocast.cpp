// The state of autocast regions, with PyTorch's names: plait.amp.autocast stands on them, and older code
// calls them itself.
#include "ops/autocast.h"

#include <pybind11/stl.h>

#include "bindings/autocast.h"
#include "bindings/python.h"

namespace plait::python {
namespace {

DeviceType device_type(const std::string& name, const char* who) {
  if (name == "cpu") return DeviceType::CPU;
  if (name == "cuda") return DeviceType::CUDA;
  fail<RuntimeError>("{}: expected device_type 'cpu' or 'cuda', got '{}'", who, name);
}
DType dtype_arg(py::handle object, const char* who) {
  DType dtype;
  if (!to_dtype(object.ptr(), dtype))
    fail<TypeError>("{}: expected a plait.dtype, got {}", who, Py_TYPE(object.ptr())->tp_name);
  return dtype;
}
py::object as_object(DType dtype) { return py::reinterpret_steal<py::object>(checked(wrap(dtype))); }

// Is any region active? Asked by functions written in Python at every call, so not through pybind11.
PyObject* autocast_active(PyObject*, PyObject*) { return PyBool_FromLong(autocast::is_active()); }
PyMethodDef plain_functions[] = {{"_autocast_active", autocast_active, METH_NOARGS, nullptr},
                                 {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_autocast(py::module_& m) {
  using namespace autocast;
  checked(PyModule_AddFunctions(m.ptr(), plain_functions));

  m.def(
      "is_autocast_available", [](const std::string& type) { return type == "cpu" || type == "cuda"; },
      py::arg("device_type"), "Are there autocast regions for this type of device?");
  m.def(
      "is_autocast_enabled",
      [](const std::string& type) { return is_enabled(device_type(type, "is_autocast_enabled")); },
      py::arg("device_type") = "cuda", "Are we in an active autocast region of this type of device?");
  m.def(
      "set_autocast_enabled",
      [](const std::string& type, bool enabled) {
        set_enabled(device_type(type, "set_autocast_enabled"), enabled);
      },
      py::arg("device_type"), py::arg("enabled"), "Switches autocast on or off in this thread.");
  m.def(
      "set_autocast_enabled", [](bool enabled) { set_enabled(DeviceType::CUDA, enabled); },
      py::arg("enabled"), "Switches autocast for CUDA on or off in this thread.");
  m.def(
      "get_autocast_dtype",
      [](const std::string& type) { return as_object(dtype(device_type(type, "get_autocast_dtype"))); },
      py::arg("device_type"), "The dtype in which autocast regions of this type of device compute.");
  m.def(
      "set_autocast_dtype",
      [](const std::string& type, py::handle dtype) {
        set_dtype(device_type(type, "set_autocast_dtype"), dtype_arg(dtype, "set_autocast_dtype"));
      },
      py::arg("device_type"), py::arg("dtype"), "Sets the dtype in which autocast computes in this thread.");
  m.def("is_autocast_cache_enabled", cache_enabled, "Are converted parameters kept until the region's end?");
  m.def("set_autocast_cache_enabled", set_cache_enabled, py::arg("enabled"),
        "Are converted parameters to be kept until the region's end?");
  m.def("clear_autocast_cache", clear_cache, "Drops the converted parameters of this thread.");
  m.def("autocast_increment_nesting", increment_nesting, "Counts a region's begin; the depth.");
  m.def("autocast_decrement_nesting", decrement_nesting,
        "Counts a region's end; the depth. At 0 the converted parameters are dropped.");

  m.def(
      "is_autocast_cpu_enabled", [] { return is_enabled(DeviceType::CPU); },
      "is_autocast_enabled('cpu'), by its former name.");
  m.def(
      "set_autocast_cpu_enabled", [](bool enabled) { set_enabled(DeviceType::CPU, enabled); },
      py::arg("enabled"), "set_autocast_enabled('cpu', enabled), by its former name.");
  m.def(
      "get_autocast_cpu_dtype", [] { return as_object(dtype(DeviceType::CPU)); },
      "get_autocast_dtype('cpu'), by its former name.");
  m.def(
      "set_autocast_cpu_dtype",
      [](py::handle dtype) { set_dtype(DeviceType::CPU, dtype_arg(dtype, "set_autocast_cpu_dtype")); },
      py::arg("dtype"), "set_autocast_dtype('cpu', dtype), by its former name.");
  m.def(
      "get_autocast_gpu_dtype", [] { return as_object(dtype(DeviceType::CUDA)); },
      "get_autocast_dtype('cuda'), by its former name.");
  m.def(
      "set_autocast_gpu_dtype",
      [](py::handle dtype) { set_dtype(DeviceType::CUDA, dtype_arg(dtype, "set_autocast_gpu_dtype")); },
      py::arg("dtype"), "set_autocast_dtype('cuda', dtype), by its former name.");

  py::class_<Region>(m, "_AutocastRegion", "What held before an autocast region.");
  m.def("_enter_autocast", [](const std::string& type, bool enabled, py::handle dtype, bool cache) {
    return enter(device_type(type, "autocast"), enabled, dtype_arg(dtype, "autocast"), cache);
  });
  m.def("_leave_autocast", leave);
  m.def("_switch_autocast", switch_key);
}

}  // namespace plait::python
