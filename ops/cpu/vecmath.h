// Elementary functions for loops: `for (...) y[i] = vec::exp(x[i]);` becomes vector code of the width the
// file is compiled for (SSE4.2, AVX2, AVX-512: see the notes in vecmath/base.h). They take float and double;
// 16-bit floats are computed as float. They hold for every argument, NaN, infinities, signed zeros and
// subnormal numbers included.
//
// Largest errors in units in the last place, for float (at every 257th of its values) and double (over random
// and special ones); the C++ tests hold them:
//
// clang-format off
// explog          exp 1.1 1.1, exp2 1.3 1.6, expm1 1.3 1.4, log 0.8 0.8, log2 0.8 1.2, log10 0.8 1.2, log1p 1.4 1.3
// trig            sin 1.6 0.9, cos 1.6 0.9, tan 2.4 2.1, asin 1.2 1.2, acos 1.2 1.2, atan 1.3 1.3, atan2 1.6 1.6
// hyperbolic      sinh 1.6 1.6, cosh 1.6 1.5, tanh 2.5 2.4, asinh 0.6 1.7, acosh 0.6 2.3, atanh 0.6 1.8
// error_function  erf 1.4 1.5, erfc 5.3 6, erfinv 4 3.2
// activation      sigmoid 2.4 2.4, softplus and log_sigmoid 1.7 1.7;
//                 silu, mish, gelu and the derivatives a few units of the largest term that they are made of
// power           pow 0.6 (double: libm); fmod and remainder exact (double without FMA: libm)
// base            floor, ceil, trunc, round (halves to even), sqrt exact; rsqrt 1.5
// gamma           lgamma, digamma, trigamma: scalar code
// clang-format on
//
// sin, cos, tan, fmod, remainder have rare arguments that need a slow path: loop over them by `map_block`
// (vecmath/map.h) with the types Sin, Cos, Tan, Fmod, Remainder; the functions are for single values.
//
// The last bits differ between instruction sets: with FMA a product and a sum round once.
#pragma once

#include "ops/cpu/vecmath/activation.h"
#include "ops/cpu/vecmath/error_function.h"
#include "ops/cpu/vecmath/explog.h"
#include "ops/cpu/vecmath/gamma.h"
#include "ops/cpu/vecmath/hyperbolic.h"
#include "ops/cpu/vecmath/map.h"
#include "ops/cpu/vecmath/power.h"
#include "ops/cpu/vecmath/trig.h"
