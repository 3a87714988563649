// The geometry of Note [Depthwise convolution], worked out.
#pragma once

#include <vector>

#include "ops/cpu/depthwise.h"

namespace plait::cpu {

// A Depthwise with the lists that it points to.
class DepthwisePlan : public Depthwise {
 public:
  // Axes z, y, x.
  DepthwisePlan(const DepthwiseAxis (&given)[3], int64_t itemsize);
  DepthwisePlan(const DepthwisePlan&) = delete;
  DepthwisePlan& operator=(const DepthwisePlan&) = delete;

 private:
  // What a kind of results meets along a dimension: place k of the filter, and where in the buffer.
  struct Meeting {
    int64_t k, part, at;
  };
  std::vector<std::vector<Meeting>> meetings(int dimension);

  std::vector<uint8_t> used_[3];
  std::vector<DepthwiseTap> taps_;
  std::vector<int64_t> first_;
};

}  // namespace plait::cpu
