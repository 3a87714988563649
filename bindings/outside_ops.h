#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/python.h"

namespace py = pybind11;

namespace plait::python {

void add_outside_ops(py::module_& m);

}  // namespace plait::python
