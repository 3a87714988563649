// Steps of recurrent cells: what is elementwise in them, in one pass, and its derivative.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// Pointers to rows of `size` elements; gates hold their parts one after the other.
struct RnnTable {
  // gates (4 size: i, f, g, o), c -> h, c_next
  void (*lstm[2])(const void* gates, const void* c, void* h, void* c_next, int64_t size);
  // the gradients of h and c_next (either may be null) -> those of gates and c
  void (*lstm_backward[2])(const void* grad_h, const void* grad_c, const void* gates, const void* c,
                           const void* c_next, void* dgates, void* dc, int64_t size);
  // x, y (3 size: r, z, n), h -> h_next
  void (*gru[2])(const void* x, const void* y, const void* h, void* next, int64_t size);
  void (*gru_backward[2])(const void* grad, const void* x, const void* y, const void* h, void* dx, void* dy,
                          void* dh, int64_t size);
};
PLAIT_ISA_TABLE(RnnTable, rnn_table)  // [0] float, [1] double

}  // namespace plait::cpu
