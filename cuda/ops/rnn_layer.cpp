// Recurrent layers over whole sequences: for each step a product with the state and one kernel for the rest
// of the cell. Results go straight to their place, and the products read the states there.
#include "ops/decl/rnn_layer.h"

#include <algorithm>

#include "cuda/attach.h"
#include "cuda/kernels/rnn.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/ops/matmul.h"

namespace plait::cuda {
namespace {

int64_t sum_parts(Cell cell) { return cell == Cell::Lstm ? 4 : cell == Cell::Gru ? 3 : 1; }
int64_t kept_parts(Cell cell) { return cell == Cell::Lstm || cell == Cell::Gru ? 4 : 0; }

// The rows of each step, and where they begin among those of all steps.
class Steps {
 public:
  Steps(const Tensor& x, IntSpan batch_sizes, bool reverse, int64_t batch) : reverse_(reverse) {
    if (batch_sizes.empty())
      rows_.assign(static_cast<size_t>(x.sizes()[0]), batch);
    else
      rows_.assign(batch_sizes.begin(), batch_sizes.end());
    int64_t start = 0;
    for (const int64_t rows : rows_) {
      starts_.push_back(start);
      start += rows;
    }
  }
  int64_t count() const { return static_cast<int64_t>(rows_.size()); }
  // The i-th step of the recurrence.
  int64_t at(int64_t i) const { return reverse_ ? count() - 1 - i : i; }
  int64_t rows(int64_t t) const { return rows_[static_cast<size_t>(t)]; }
  int64_t start(int64_t t) const { return starts_[static_cast<size_t>(t)]; }

 private:
  bool reverse_;
  std::vector<int64_t> rows_, starts_;
};

// `columns` columns, from the first on, of `rows` rows of t, which are `width` elements each.
Tensor rows_at(const Tensor& t, int64_t first, int64_t rows, int64_t width, int64_t columns) {
  return from_storage(t.storage(), t.dtype(), Dims{rows, columns}, Dims{width, 1},
                      t.storage_offset() + first * width);
}
Tensor rows_at(const Tensor& t, int64_t first, int64_t rows, int64_t width) {
  return rows_at(t, first, rows, width, width);
}

void* at(const Tensor& t, int64_t row, int64_t width) {
  return t.defined() ? static_cast<char*>(t.data_ptr()) + row * width * itemsize(t.dtype()) : nullptr;
}

Tensor plain(const Tensor& t) { return t.defined() ? contiguous(t) : t; }

// The state that a cell carries from step to step, in the opmath type.
Tensor carried_state(const Tensor& like) {
  const DType dtype = like.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  return empty_tensor(like.sizes(), dtype, like.device());
}

struct Layer {
  Cell cell;
  Tensor weight, h0, c0;
  bool reverse;
  IntSpan batch_sizes;
  int64_t batch() const { return h0.defined() ? h0.sizes()[0] : c0.sizes()[0]; }
  int64_t size() const { return h0.defined() ? h0.sizes()[1] : c0.sizes()[1]; }
};

// out, cells (Lstm), gates (Lstm, Gru): all rows of the sequence.
void forward(const Layer& layer, const Tensor& given_x, const Tensor& bias, const Tensor& out,
             const Tensor& cells, const Tensor& gates) {
  const int64_t size = layer.size(), sums = sum_parts(layer.cell), kept = kept_parts(layer.cell);
  if (size == 0 || layer.batch() == 0) return;
  const Steps steps(given_x, layer.batch_sizes, layer.reverse, layer.batch());
  const Tensor x = plain(given_x), h0 = plain(layer.h0), weight = plain(layer.weight), b = plain(bias);
  const Tensor turned = seen_as(weight, Dims{size, sums * size}, Dims{1, size});
  const Tensor state = carried_state(h0);
  if (kept) copy_on_device(state, layer.cell == Cell::Lstm ? layer.c0 : h0);
  const Tensor& product = kept ? gates : out;
  const int64_t width = (kept ? kept : 1) * size;
  for (int64_t i = 0; i < steps.count(); ++i) {
    const int64_t t = steps.at(i), rows = steps.rows(t), first = steps.start(t);
    // Rows that the step before had go on from there, the others begin here.
    const int64_t earlier = i > 0 ? steps.at(i - 1) : 0,
                  shared = i > 0 ? std::min(rows, steps.rows(earlier)) : 0;
    if (shared > 0)
      matmul(rows_at(product, first, shared, width, sums * size),
             rows_at(out, steps.start(earlier), shared, size), turned);
    if (shared < rows)
      matmul(rows_at(product, first + shared, rows - shared, width, sums * size),
             rows_at(h0, shared, rows - shared, size), turned);
    layer_step(
        layer.cell,
        {rows, size, at(x, first, sums * size), b.defined() ? b.data_ptr() : nullptr,
         at(gates, first, kept * size), state.data_ptr(), at(out, first, size), at(cells, first, size)},
        out.dtype());
  }
}

struct Results {
  Tensor out, cells, gates;
};
struct Gradients {
  Tensor out, cells, gates;
};

// dh_sums is dx_sums where the sums of x and h have one gradient.
void backward(const Layer& layer, const Results& given, const Gradients& grads, const Tensor& rows_like,
              const Tensor& dx_sums, const Tensor& dh_sums, const Tensor& dh0, const Tensor& dc0) {
  const int64_t size = layer.size(), sums = sum_parts(layer.cell), kept = kept_parts(layer.cell);
  zero_fill(dh0);
  if (dc0.defined()) zero_fill(dc0);
  if (size == 0 || layer.batch() == 0) return;
  const Steps steps(rows_like, layer.batch_sizes, layer.reverse, layer.batch());
  const Tensor weight = plain(layer.weight), out = plain(given.out), cells = plain(given.cells),
               gates = plain(given.gates);
  const Tensor go = plain(grads.out), gc = plain(grads.cells), gg = plain(grads.gates);
  const bool lstm = layer.cell == Cell::Lstm, gru = layer.cell == Cell::Gru;
  const Tensor initial = plain(lstm ? layer.c0 : layer.h0), &values = lstm ? cells : out,
               &h_sums = gru ? dh_sums : dx_sums;
  const Tensor state = carried_state(dh0);
  if (kept) zero_fill(state);
  // dh0 holds what comes from the later step: of rows that end here nothing, and of rows that began there
  // their result.
  const auto product = [&](int64_t t) {
    matmul(rows_at(dh0, 0, steps.rows(t), size), rows_at(h_sums, steps.start(t), steps.rows(t), sums * size),
           weight);
  };
  for (int64_t i = steps.count() - 1; i >= 0; --i) {
    const int64_t t = steps.at(i), rows = steps.rows(t), first = steps.start(t);
    if (i + 1 < steps.count()) product(steps.at(i + 1));
    const int64_t earlier = i > 0 ? steps.at(i - 1) : 0,
                  shared = i > 0 ? std::min(rows, steps.rows(earlier)) : 0;
    layer_step_grad(layer.cell,
                    {rows, size, shared, dh0.data_ptr(), at(go, first, size), at(gc, first, size),
                     at(gg, first, kept * size), at(gates, first, kept * size), at(cells, first, size),
                     at(out, first, size), kept ? at(values, steps.start(earlier), size) : nullptr,
                     kept ? initial.data_ptr() : nullptr, state.data_ptr(), at(dx_sums, first, sums * size),
                     at(dh_sums, first, sums * size)},
                    dx_sums.dtype());
  }
  if (steps.count() == 0) return;
  product(steps.at(0));
  if (lstm) copy_on_device(dc0, state);
  if (gru) add_state(dh0.data_ptr(), state.data_ptr(), dh0.numel(), dh0.dtype());
}

Cell plain_cell(bool relu) { return relu ? Cell::Relu : Cell::Tanh; }

CudaKernel lstm_kernel(op::_lstm_layer, [](const Tensor& output, const Tensor& cells, const Tensor& gates,
                                           const Tensor& x, const Tensor& h0, const Tensor& c0,
                                           const Tensor& weight, bool reverse, IntSpan batch_sizes) {
  forward({Cell::Lstm, weight, h0, c0, reverse, batch_sizes}, x, Tensor(), output, cells, gates);
});

CudaKernel lstm_grad_kernel(op::_lstm_layer_backward,
                            [](const Tensor& dx, const Tensor& dh, const Tensor& dc,
                               const Tensor& grad_output, const Tensor& grad_cells, const Tensor& grad_gates,
                               const Tensor& weight, const Tensor& c0, const Tensor& cells,
                               const Tensor& gates, bool reverse, IntSpan batch_sizes) {
                              backward({Cell::Lstm, weight, Tensor(), c0, reverse, batch_sizes},
                                       {Tensor(), cells, gates}, {grad_output, grad_cells, grad_gates}, gates,
                                       dx, Tensor(), dh, dc);
                            });

CudaKernel gru_kernel(op::_gru_layer, [](const Tensor& output, const Tensor& gates, const Tensor& x,
                                         const Tensor& h0, const Tensor& weight, const Tensor& bias,
                                         bool reverse, IntSpan batch_sizes) {
  forward({Cell::Gru, weight, h0, Tensor(), reverse, batch_sizes}, x, bias, output, Tensor(), gates);
});

CudaKernel gru_grad_kernel(op::_gru_layer_backward,
                           [](const Tensor& dx, const Tensor& dy, const Tensor& dh, const Tensor& grad_output,
                              const Tensor& grad_gates, const Tensor& weight, const Tensor& h0,
                              const Tensor& output, const Tensor& gates, bool reverse, IntSpan batch_sizes) {
                             backward({Cell::Gru, weight, h0, Tensor(), reverse, batch_sizes},
                                      {output, Tensor(), gates}, {grad_output, Tensor(), grad_gates}, output,
                                      dx, dy, dh, Tensor());
                           });

CudaKernel rnn_kernel(op::_rnn_layer, [](const Tensor& output, const Tensor& x, const Tensor& h0,
                                         const Tensor& weight, bool relu, bool reverse, IntSpan batch_sizes) {
  forward({plain_cell(relu), weight, h0, Tensor(), reverse, batch_sizes}, x, Tensor(), output, Tensor(),
          Tensor());
});

CudaKernel rnn_grad_kernel(op::_rnn_layer_backward, [](const Tensor& dx, const Tensor& dh, const Tensor& grad,
                                                       const Tensor& weight, const Tensor& h0,
                                                       const Tensor& output, bool relu, bool reverse,
                                                       IntSpan batch_sizes) {
  backward({plain_cell(relu), weight, h0, Tensor(), reverse, batch_sizes}, {output, Tensor(), Tensor()},
           {grad, Tensor(), Tensor()}, output, dx, Tensor(), dh, Tensor());
});

}  // namespace
}  // namespace plait::cuda
