#pragma once

#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace plait::python {

void add_autocast(py::module_& m);

}  // namespace plait::python
