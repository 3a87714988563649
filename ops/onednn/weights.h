// Weights in the layout that oneDNN's primitives like best, kept between calls (see Stamp in
// ops/cpu/onednn.h).
#pragma once

#include <memory>

#include "ops/onednn/plan.h"

namespace plait::cpu::dnn {

using PackedWeight = std::shared_ptr<const void>;

// The weight at `data`, laid out as `from`, in the layout `to`: from the cache shared by all threads where
// (data, stamp, to) is there, else reordered now. The least recently used make room when the cache holds too
// many bytes.
PackedWeight packed_weight(const void* data, Stamp stamp, const Desc& from, const Desc& to);
void clear_packed_weights();

}  // namespace plait::cpu::dnn
