// The Python Generator, shared by the parser and the module.
#pragma once

#include "bindings/python.h"
#include "core/generator.h"

namespace plait::python {

bool to_generator(PyObject* object, Generator& out);
void add_generator_type(PyObject* module);

PyObject* wrap_generator(const Generator& generator);

}  // namespace plait::python
