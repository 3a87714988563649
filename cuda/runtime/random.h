// Random numbers of kernels: Note [Random numbers of graphs] in graph.cpp.
#pragma once

#include "core/generator.h"
#include "cuda/runtime/random_state.h"

namespace plait::cuda {

// Draws from the generator (the default one where it is null): one call for each random op. Raises
// RuntimeError where a graph is being captured that does not know the generator.
RandomState philox_state(const Generator& generator);

// For an op that was drawn for already and computes with the same numbers (again): dropout and its
// derivative.
RandomState philox_state_for(GeneratorImpl::Draw draw);

}  // namespace plait::cuda
