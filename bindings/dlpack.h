// DLPack: tensors to and from other libraries without a copy.
#pragma once

#include "bindings/python.h"

namespace plait::python {

PyObject* to_dlpack(const Tensor& tensor);  // a capsule
Tensor from_dlpack(PyObject* capsule);      // takes the capsule over

}  // namespace plait::python
