// Recurrent layers over whole sequences. The recurrent weight is packed once for all steps; a step is cut
// into strips of hidden units, each of which adds its product and runs its part of the cell while the sums
// are in the cache, so that one fork and join a step is all that threads pay.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

enum class Cell : uint8_t { Lstm, Gru, Tanh, Relu };
inline constexpr int kCellCount = 4;

// Parts of what a cell adds up from x and h, and parts that it keeps for the derivative.
constexpr int64_t sum_parts(Cell c) { return c == Cell::Lstm ? 4 : c == Cell::Gru ? 3 : 1; }
constexpr int64_t kept_parts(Cell c) { return c == Cell::Lstm || c == Cell::Gru ? 4 : 0; }

// ---- one row of a strip: `n` units. Parts of sums and gates lie `size` apart. Null: not there.

// Lstm: gates holds the sums, and then i, f, g, o; state is c. Gru: gates holds h's sums (r, z, n), and then
// r, z, n and h's sum for n; x its own; state is h. Tanh, Relu: out holds the sum.
struct CellRow {
  void *gates, *state, *out, *cells;
  const void* x;
  int64_t size, n;
};
// `dh` comes from the later step's product; `state` carries the gradient of c (Lstm) or what reaches h beside
// the product (Gru) from step to step. `before` is the earlier c (Lstm), the earlier h (Gru), the result
// (Tanh, Relu). dh_sums: only Gru, whose sums of x and h have different gradients.
struct CellRowGrad {
  const void *dh, *grad_out, *grad_cells, *grad_gates, *gates, *cells, *before;
  void *state, *dx_sums, *dh_sums;
  int64_t size, n;
};

struct RnnLayerTable {
  int64_t panel_columns[2];
  // Columns of b (k x columns, any strides), padded with zeros to a panel.
  void (*pack[2])(void* panel, const void* b, int64_t row, int64_t column, int64_t k, int64_t columns);
  // c (rows x columns) = start + a (rows x k) * panel. start may be null: zero; its row 0: one row for all.
  void (*multiply[2])(int64_t rows, int64_t k, const void* a, int64_t a_row, const void* panel,
                      const void* start, int64_t start_row, void* c, int64_t c_row, int64_t columns);
  void (*cell[kCellCount][2])(const CellRow& row);
  void (*cell_grad[kCellCount][2])(const CellRowGrad& row);
};
PLAIT_ISA_TABLE(RnnLayerTable, rnn_layer_table)  // [0] float, [1] double

// ---- whole layers. Contiguous, all of one dtype (float or double); null where not there.

struct RnnLayer {
  Cell cell;
  DType dtype;
  int64_t batch, size;
  std::vector<int64_t> rows;  // how many sequences are left at each step: never more than at the one before
  bool reverse;
  const void* weight;  // (sum_parts * size, size)
};
struct RnnLayerForward {
  const void *x, *h0, *c0, *bias;  // x: (all rows, sum_parts * size); bias (only Gru) of h's sums
  void *out, *cells, *gates;       // (all rows, size), the same (only Lstm), (all rows, kept_parts * size)
};
struct RnnLayerBackward {
  const void *grad_out, *grad_cells, *grad_gates;
  const void *h0, *c0, *out, *cells, *gates;
  void *dx_sums, *dh_sums, *dh0, *dc0;
};
void rnn_layer_forward(const RnnLayer& layer, const RnnLayerForward& f);
void rnn_layer_backward(const RnnLayer& layer, const RnnLayerBackward& b);

}  // namespace plait::cpu
