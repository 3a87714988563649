#pragma once

#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace plait::python {

void add_debugging(py::module_& m);  // anomaly mode, hooks of saved tensors
void add_profiler(py::module_& m);
void add_distributed(py::module_& m);  // communicators (distributed/communicator.h)

}  // namespace plait::python
