#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/generator.h"
#include "bindings/python.h"

namespace py = pybind11;

namespace plait::python {

void add_cuda(py::module_& m);

}  // namespace plait::python
