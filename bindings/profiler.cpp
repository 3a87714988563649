// What plait.profiler stands on: recordings (core/recorder.h), traces of devices (core/device_tracer.h), and
// ranges that Python opens.
#include "bindings/debugging.h"
#include "bindings/python.h"
#include "core/backend.h"
#include "core/device_tracer.h"
#include "core/recorder.h"

#include <chrono>

namespace plait::python {
namespace {

// ---- ranges, opened at every record_function: not through pybind11

PyObject* open_range(PyObject*, PyObject* name) {
  return guarded([&]() -> PyObject* {
    if (!recording()) return PyLong_FromLong(0);
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(name, &size);
    if (!text) throw PythonError{};
    return PyLong_FromUnsignedLongLong(RecordScope::open_range({text, static_cast<size_t>(size)}));
  });
}
PyObject* close_range(PyObject*, PyObject* id) {
  const unsigned long long number = PyLong_AsUnsignedLongLong(id);
  if (PyErr_Occurred()) return nullptr;
  if (number) RecordScope::close(number);
  Py_RETURN_NONE;
}
PyObject* is_recording(PyObject*, PyObject*) { return PyBool_FromLong(recording()); }
PyMethodDef plain_functions[] = {{"_open_range", open_range, METH_O, nullptr},
                                 {"_close_range", close_range, METH_O, nullptr},
                                 {"_is_profiling", is_recording, METH_NOARGS, nullptr},
                                 {nullptr, nullptr, 0, nullptr}};

// ---- events

py::object args_list(const std::vector<RecordedArg>& args, size_t& at) {
  const RecordedArg& arg = args[at++];
  switch (arg.kind) {
    case RecordedArg::Kind::Tensor: {
      py::list sizes;
      for (const int64_t size : arg.sizes) sizes.append(size);
      return py::make_tuple("tensor", sizes, std::string(name(arg.dtype)));
    }
    case RecordedArg::Kind::List: {
      py::list items;
      for (int i = 0; i < arg.count; ++i) items.append(args_list(args, at));
      return py::make_tuple("list", items, "");
    }
    case RecordedArg::Kind::Ints: {
      py::list ints;
      for (const int64_t value : arg.sizes) ints.append(value);
      return py::make_tuple("ints", ints, "");
    }
    case RecordedArg::Kind::Other: break;
  }
  return py::make_tuple("", py::list(), "");
}

py::list events_of(Recording& recording) {
  static constexpr const char* kinds[] = {"op", "backward", "user", "device", "memory"};
  std::vector<std::pair<uint64_t, const RecordedEvent*>> events;
  {
    const py::gil_scoped_release unlocked;  // it may wait for devices
    events = recording.events();
  }
  py::list list;
  for (const auto& [thread, event] : events) {
    py::list args;
    for (size_t at = 0; at < event->args.size();) args.append(args_list(event->args, at));
    list.append(py::make_tuple(kinds[static_cast<int>(event->kind)], event->id, event->parent, thread,
                               event->name, event->start, event->end, event->sequence, event->cpu_bytes,
                               event->device_bytes, to_string(event->device), event->where, event->total,
                               args, py::reinterpret_steal<py::object>(call_stack_list(event->stack))));
  }
  return list;
}

py::tuple activity_tuple(const DeviceActivity& a) {
  static constexpr const char* kinds[] = {"kernel", "copy", "fill"};
  const auto three = [](const int64_t* sizes) { return py::make_tuple(sizes[0], sizes[1], sizes[2]); };
  return py::make_tuple(kinds[static_cast<int>(a.kind)], a.name, a.device, a.stream, a.start, a.end, a.event,
                        a.correlation, a.graph, three(a.grid), three(a.block), a.registers, a.static_shared,
                        a.dynamic_shared, a.bytes);
}

// What the devices did, and what of it is missing.
py::tuple end_trace(const Recording& recording) {
  DeviceTrace trace;
  {
    const py::gil_scoped_release unlocked;  // it waits for devices
    trace = end_device_trace(recording);
  }
  py::list activities;
  for (const DeviceActivity& activity : trace.activities) activities.append(activity_tuple(activity));
  return py::make_tuple(activities, trace.complaint);
}

int64_t nanoseconds(auto clock_now) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock_now.time_since_epoch()).count();
}

}  // namespace

void add_profiler(py::module_& m) {
  checked(PyModule_AddFunctions(m.ptr(), plain_functions));
  py::class_<Recording, std::shared_ptr<Recording>>(m, "_Recording", "What threads did.")
      .def_static(
          "begin",
          [](bool shapes, bool memory, bool stack, bool device) {
            return Recording::begin({.shapes = shapes, .memory = memory, .stack = stack, .device = device});
          },
          py::arg("shapes"), py::arg("memory"), py::arg("stack"), py::arg("device"))
      .def("attach", &Recording::attach)
      .def("end", &Recording::end)
      .def_property_readonly("active", &Recording::active)
      .def("events", events_of)
      .def("begin_trace", [](const Recording& recording) { return begin_device_trace(recording); })
      .def("end_trace", end_trace)
      .def("abandon_trace", [](const Recording& recording) { abandon_device_trace(recording); });
  m.def("_clocks", [] {  // the steady clock, and the time of day, in ns
    return std::make_pair(nanoseconds(std::chrono::steady_clock::now()),
                          nanoseconds(std::chrono::system_clock::now()));
  });
}

}  // namespace plait::python
