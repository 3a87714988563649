// Kernels of random ops. Element i of a result depends on (seed, offset, i) alone (plait/philox.h), i counted
// in the logical order.
#pragma once

#include "core/generator.h"
#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

template <class T>
struct RandomFills {
  using Fill = void (*)(uint64_t seed, uint64_t offset, uint64_t first, T* out, int64_t n);
  Fill uniform, normal, exponential;
  // out = x / (1 - p) where the element's uniform number is at least p, else 0
  void (*dropout)(uint64_t seed, uint64_t offset, uint64_t first, const T* x, T* out, int64_t n, double p);
};
struct RandomTable {
  RandomFills<float> f32;
  RandomFills<double> f64;
  void (*bounded)(uint64_t seed, uint64_t offset, uint64_t first, int64_t low, uint64_t range, int64_t* out,
                  int64_t n);
};
PLAIT_ISA_TABLE(RandomTable, random_table)

enum class Distribution { Uniform, Normal, Exponential };

// out = shift + scale * number of the distribution, for every dtype (computed in float, for float64 in
// double) and layout.
void fill_random(const Tensor& out, Distribution distribution, GeneratorImpl::Draw draw, double shift,
                 double scale);
// Integers in [low, low + range), range 0 meaning 2^64; any dtype that holds them.
void fill_integers(const Tensor& out, GeneratorImpl::Draw draw, int64_t low, uint64_t range);
void dropout(const Tensor& out, const Tensor& self, double p, GeneratorImpl::Draw draw);

}  // namespace plait::cpu
