// What a file that declares ops includes.
#pragma once

#include "autograd/layer.h"
#include "ops/infer.h"
