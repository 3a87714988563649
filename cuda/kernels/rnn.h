// The elementwise parts of recurrent cells: one step of a cell, and one step of a layer, whose products with
// the state are made before.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// ---- a cell's step. All contiguous, of one dtype (a float), `rows` of `size` units; gates are (rows, parts
// * size).

struct LstmStep {
  int64_t rows, size;
  const void *gates, *c;
  void *h, *next;
};
void lstm_step(const LstmStep& step, DType dtype);

struct LstmStepGrad {
  int64_t rows, size;
  const void *grad_h, *grad_c;  // null: zero
  const void *gates, *c, *next;
  void *dgates, *dc;
};
void lstm_step_grad(const LstmStepGrad& step, DType dtype);

struct GruStep {
  int64_t rows, size;
  const void *gates_x, *gates_h, *h;
  void* next;
};
void gru_step(const GruStep& step, DType dtype);

struct GruStepGrad {
  int64_t rows, size;
  const void *grad, *gates_x, *gates_h, *h;
  void *dx, *dy, *dh;
};
void gru_step_grad(const GruStepGrad& step, DType dtype);

// ---- a layer's step

enum class Cell : uint8_t { Lstm, Gru, Tanh, Relu };

// Lstm: gates hold the state's products, and then i, f, g, o; `state` is c. Gru: the first three parts of
// gates hold the state's products (r, z, n), and then r, z, n and the state's sum for n; `state` is h. Tanh,
// Relu: out holds the product. The state is kept in the opmath type: float for 16-bit floats.
struct LayerStep {
  int64_t rows, size;
  const void* x;     // (rows, parts * size)
  const void* bias;  // of the state's sums, only Gru; null: zero
  void *gates, *state, *out, *cells;
};
void layer_step(Cell cell, const LayerStep& step, DType dtype);

// `dh` is the later step's product with the weight. `state` carries the gradient of c (Lstm), or what reaches
// h beside the product (Gru). `before`: the earlier c (Lstm), or h (Gru), for the first `shared` rows; the
// others began here, from `initial`. dh_sums: only Gru, whose sums of x and h have different gradients.
// Gradients of results are null where there are none.
struct LayerStepGrad {
  int64_t rows, size, shared;
  const void *dh, *grad_out, *grad_cells, *grad_gates;
  const void *gates, *cells, *out, *before, *initial;
  void *state, *dx_sums, *dh_sums;
};
void layer_step_grad(Cell cell, const LayerStepGrad& step, DType dtype);

// x += state, of the opmath type.
void add_state(void* x, const void* state, int64_t n, DType dtype);

}  // namespace plait::cuda
