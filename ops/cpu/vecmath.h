#pragma once

#include "ops/cpu/vecmath/activation.h"
#include "ops/cpu/vecmath/error_function.h"
#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vecmath/gamma.h"
#include "ops/cpu/vecmath/hyperbolic.h"
#include "ops/cpu/vecmath/map.h"
#include "ops/cpu/vecmath/power.h"
#include "ops/cpu/vecmath/trig.h"
