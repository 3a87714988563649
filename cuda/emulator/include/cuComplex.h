// The complex types in the signatures of NVIDIA's libraries.
#pragma once

#include "vector_types.h"

typedef float2 cuFloatComplex;
typedef double2 cuDoubleComplex;
typedef cuFloatComplex cuComplex;
