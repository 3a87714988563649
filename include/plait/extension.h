// Everything for ops outside of plait: tensors, declarations, loops, errors, threads, random numbers, and
// every op of plait as a function. It needs neither Python nor a plait library to compile or link, and what
// is built with it loads in later releases of plait, too (plait/abi.h).
//
//   #include <plait/extension.h>
//   using namespace plait;
//
//   PLAIT_OP(swish, Tensor(const Tensor&)){
//       .schema = "swish(Tensor x) -> Tensor",
//       .infer = Infer::LikeFirst,
//       .vjp = [](Vjp& v) {
//         const Tensor x = v.in("x"), s = sigmoid(x);
//         v.set("x", v.grad() * (s + x * s * (1 - s)));
//       },
//       .save = "x",
//       .cpu = [](const Tensor& out, const Tensor& x) {
//         elementwise(out, {x}, [](auto v) { return v * math::sigmoid(v); });
//       },
//   };
//
// In Python: plait.utils.cpp_extension.load_inline("mine", source).swish(x). In programs that link libplait
// the same header serves to write models (plait/nn.h).
#pragma once

#include "plait/error.h"
#include "plait/loops.h"
#include "plait/math.h"
#include "plait/op.h"
#include "plait/operators.h"
#include "plait/random.h"
#include "plait/stream.h"
#include "plait/tensor.h"
