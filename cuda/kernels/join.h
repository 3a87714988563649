// Several arrays side by side in the rows of one: cat and stack.
#pragma once

#include <cstdint>

namespace plait::cuda {

// out (outer, row) takes piece k (outer, slab) at column `start`; all in bytes. Pieces travel in the kernel's
// arguments: one launch for as many as fit.
struct JoinPiece {
  const char* from;
  int64_t start, slab;
};
struct JoinPlan {
  static constexpr int kMaxPieces = 64;

  char* out;
  int64_t outer, row;
  int pieces = 0;
  JoinPiece piece[kMaxPieces];
};

void join(const JoinPlan& plan);

}  // namespace plait::cuda
