// A recurrent layer over a whole sequence, in one op. The product with the input is not part of it: that is
// one product for all steps.
#include "ops/cpu/rnn_layer.h"

#include "ops/cpu/convert.h"
#include "ops/cpu/pointwise.h"
#include "ops/decl/compare.h"
#include "ops/decl/create.h"
#include "ops/decl/index.h"
#include "ops/decl/join.h"
#include "ops/decl/matmul.h"
#include "ops/decl/reduce.h"
#include "ops/decl/rnn_layer.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using cpu::Cell;

// ---- shapes

// The sequences left at each step. `batch_sizes` is empty where all have the same length.
std::vector<int64_t> rows_per_step(const Tensor& x, IntSpan batch_sizes, int64_t batch) {
  if (batch_sizes.empty()) return std::vector<int64_t>(static_cast<size_t>(x.sizes()[0]), batch);
  return {batch_sizes.begin(), batch_sizes.end()};
}

// Like x, but with `size` in the last place.
TensorSpec rows_of(const Tensor& x, int64_t size) {
  Dims sizes = x.sizes();
  sizes[sizes.size() - 1] = size;
  return TensorSpec(sizes, x.dtype(), x.device());
}
TensorSpec like(const Tensor& t) { return TensorSpec(t.sizes(), t.dtype(), t.device()); }

// `x`: gates_x, or the shape and dtype it had.
void check_layer(const char* op, int64_t parts, const TensorSpec& x, const Tensor& h0, const Tensor& c0,
                 const Tensor& weight, const Tensor& bias, IntSpan batch_sizes) {
  check(h0.dim() == 2, "{}: expected the initial state to have shape (batch, hidden size), got shape {}", op,
        h0.sizes());
  const int64_t batch = h0.sizes()[0], size = h0.sizes()[1];
  if (batch_sizes.empty()) {
    check(x.sizes.size() == 3 && x.sizes[1] == batch && x.sizes[2] == parts * size,
          "{}: expected gates_x of shape (steps, {}, {}) for an initial state of shape {}, got shape {}; it "
          "holds "
          "{} parts for each step",
          op, batch, parts * size, h0.sizes(), x.sizes, parts);
  } else {
    int64_t total = 0, before = batch;
    for (const int64_t rows : batch_sizes) {
      check(rows > 0 && rows <= before && (total > 0 || rows == batch),
            "{}: expected batch_sizes that begin with {}, the rows of the initial state, and never grow, got "
            "{}",
            op, batch, Dims(batch_sizes));
      total += before = rows;
    }
    const Dims expected{total, parts * size};
    check(x.sizes == expected, "{}: expected gates_x of shape {} for the given batch_sizes, got shape {}", op,
          expected, x.sizes);
  }
  const auto check_shape = [&](const char* name, const Tensor& t, const Dims& expected) {
    if (!t.defined()) return;
    check(t.sizes() == expected, "{}: expected {} of shape {}, got shape {}", op, name, expected, t.sizes());
    check<TypeError>(
        t.dtype() == x.dtype,
        "{}: expected tensors of one dtype, got gates_x of dtype {} and {} of dtype {}; convert with "
        ".to(dtype)",
        op, x.dtype, name, t.dtype());
  };
  check_shape("h0", h0, h0.sizes());
  check_shape("c0", c0, h0.sizes());
  check_shape("weight_hh", weight, Dims{parts * size, size});
  check_shape("bias_hh", bias, Dims{parts * size});
}

// What a derivative is given, of the results' shapes; gradients may be absent.
void check_results(const char* op, const Dims& expected, std::initializer_list<const Tensor*> tensors) {
  for (const Tensor* t : tensors)
    if (t->defined())
      check(t->sizes() == expected, "{}: expected shape {}, as the forward pass gave, got shape {}", op,
            expected, t->sizes());
}

// ---- kernels

// A contiguous argument in the dtype that the kernel computes in, for the time of the call.
class In {
 public:
  In(const Tensor& t, DType compute) {
    if (!t.defined()) return;
    const Tensor x = cpu::converted(t, compute);
    tensor_ = x.is_contiguous() ? x : clone_plain(x);
  }
  const void* data() const { return tensor_.defined() ? tensor_.data_ptr() : nullptr; }

 private:
  Tensor tensor_;
};
// A result in that dtype, copied back at the end where it is another one.
class Out {
 public:
  Out(const Tensor& out, DType compute)
      : out_(out),
        tensor_(out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(out.sizes(), compute)) {}
  ~Out() = default;
  Out(const Out&) = delete;
  void* data() const { return tensor_.data_ptr(); }
  void finish() const {
    if (!tensor_.same(out_)) cpu::copy(out_, tensor_);
  }

 private:
  const Tensor& out_;
  Tensor tensor_;
};

DType compute_dtype(const Tensor& t) { return t.dtype() == DType::Float64 ? DType::Float64 : DType::Float32; }

cpu::RnnLayer layer_of(Cell cell, const Tensor& rows, const Tensor& state, const In& weight, bool reverse,
                       IntSpan batch_sizes) {
  return {cell,
          compute_dtype(state),
          state.sizes()[0],
          state.sizes()[1],
          rows_per_step(rows, batch_sizes, state.sizes()[0]),
          reverse,
          weight.data()};
}

// ---- derivatives in ops

// (all rows, last size)
Tensor as_rows(const Tensor& t) {
  if (t.dim() == 2) return t;
  return plait::reshape(t, Dims{t.sizes()[0] * t.sizes()[1], t.sizes()[2]});
}

struct Sequence {
  std::vector<int64_t> rows, starts;
  bool reverse;
  int64_t batch, total = 0;

  Sequence(const Tensor& x, IntSpan batch_sizes, bool reverse, int64_t batch)
      : rows(rows_per_step(x, batch_sizes, batch)),
        reverse(reverse),
        batch(batch) {
    for (const int64_t n : rows) {
      starts.push_back(total);
      total += n;
    }
  }
  size_t count() const { return rows.size(); }
};

// What each row finds as its state: the rows of `values`, a step later, and `initial` where there is no step
// before.
Tensor previous(const Tensor& initial, const Tensor& values, const Sequence& s) {
  const Tensor flat = as_rows(values);
  if (s.rows.empty() || s.rows.front() == s.rows.back()) {
    const Tensor pair[] = {s.reverse ? flat : initial, s.reverse ? initial : flat};
    return plait::narrow(plait::cat(pair), 0, s.reverse ? std::min(s.batch, s.total) : 0, s.total);
  }
  // Runs of rows of one of the two; steps with equally many rows make one run.
  struct Run {
    const Tensor* from;
    int64_t first, rows;
  };
  std::vector<Run> runs;
  const auto add = [&](const Tensor& from, int64_t first, int64_t rows) {
    if (rows == 0) return;
    if (!runs.empty() && runs.back().from == &from && runs.back().first + runs.back().rows == first)
      runs.back().rows += rows;
    else
      runs.push_back({&from, first, rows});
  };
  for (size_t t = 0; t < s.count(); ++t) {
    const size_t earlier = s.reverse ? t + 1 : t - 1;  // wraps around to "none"
    const int64_t shared = earlier < s.count() ? std::min(s.rows[t], s.rows[earlier]) : 0;
    if (shared > 0) add(flat, s.starts[earlier], shared);
    add(initial, shared, s.rows[t] - shared);
  }
  std::vector<Tensor> parts;
  for (const Run& run : runs) parts.push_back(plait::narrow(*run.from, 0, run.first, run.rows));
  return plait::cat(parts);
}

// Walks through the steps against the recurrence. `step(first, rows, carried)` treats the rows of one step
// and replaces what is carried on to the step before; what is carried at a row's first step comes back, by
// batch row.
template <class F>
std::vector<Tensor> walk_back(const Sequence& s, std::vector<Tensor> carried, const F& step) {
  std::vector<std::vector<Tensor>> ended(carried.size());
  const auto resize = [](const Tensor& t, int64_t first, int64_t rows) {
    return plait::narrow(t, 0, first, rows);
  };
  for (Tensor& c : carried) c = resize(c, 0, 0);
  int64_t live = 0;
  for (size_t i = 0; i < s.count(); ++i) {
    const size_t t = s.reverse ? i : s.count() - 1 - i;
    const int64_t rows = s.rows[t];
    for (size_t k = 0; k < carried.size(); ++k) {
      Tensor& c = carried[k];
      if (rows > live) {
        const Tensor parts[] = {c, plait::new_zeros(c, Dims{rows - live, c.sizes()[1]})};
        c = plait::cat(parts);
      } else if (rows < live) {
        ended[k].push_back(resize(c, rows, live - rows));
        c = resize(c, 0, rows);
      }
    }
    live = rows;
    step(s.starts[t], rows, carried);
  }
  for (size_t k = 0; k < carried.size(); ++k) {
    ended[k].push_back(carried[k]);
    std::reverse(ended[k].begin(), ended[k].end());
    carried[k] = plait::cat(ended[k]);
  }
  return carried;
}

// The pieces of `walk_back`, in the order of the rows.
Tensor gathered(std::vector<Tensor> pieces, const Sequence& s, const Tensor& model) {
  if (pieces.empty()) return plait::zeros_like(model);
  if (!s.reverse) std::reverse(pieces.begin(), pieces.end());
  return plait::reshape(plait::cat(pieces), model.sizes());
}

Tensor rows_at(const Tensor& t, int64_t first, int64_t rows) {
  return plait::narrow(as_rows(t), 0, first, rows);
}
Tensor part(const Tensor& t, int index, int64_t size) { return plait::narrow(t, -1, index * size, size); }
// d times the derivative of a sigmoid, or of a tanh, by its value.
Tensor through_sigmoid(const Tensor& d, const Tensor& y) { return d * y * (Scalar(1) - y); }
Tensor through_tanh(const Tensor& d, const Tensor& y) { return d * (Scalar(1) - y * y); }
Tensor plus(const Tensor& a, const Tensor& maybe) { return maybe.defined() ? a + maybe : a; }

Tensor weight_grad(const Tensor& sums, const Tensor& initial, const Tensor& out, const Sequence& s) {
  return plait::mm(plait::t(as_rows(sums)), previous(initial, out, s));
}

std::tuple<Tensor, Tensor, Tensor> lstm_backward_in_ops(Vjp& v, const Sequence& s) {
  const Tensor c0 = v.in(2), weight = v.in(3), cells = v.out(1), gates = v.out(2),
               before = previous(c0, cells, s), squashed = plait::tanh(cells);
  const int64_t size = c0.sizes()[1];
  std::vector<Tensor> pieces;
  const Tensor zero = plait::zeros_like(c0);
  const auto ends =
      walk_back(s, {zero, zero}, [&](int64_t first, int64_t rows, std::vector<Tensor>& carried) {
        const auto maybe = [&](const Tensor& t) { return t.defined() ? rows_at(t, first, rows) : t; };
        const Tensor g = rows_at(gates, first, rows), y = rows_at(squashed, first, rows);
        const Tensor i = part(g, 0, size), f = part(g, 1, size), n = part(g, 2, size), o = part(g, 3, size);
        const Tensor h = plus(carried[0], maybe(v.grad(0)));
        const Tensor d = plus(carried[1] + through_tanh(h * o, y), maybe(v.grad(1)));
        const Tensor gg = maybe(v.grad(2));
        const auto with_gate = [&](const Tensor& x, int k) {
          return gg.defined() ? x + part(gg, k, size) : x;
        };
        const Tensor parts[] = {through_sigmoid(with_gate(d * n, 0), i),
                                through_sigmoid(with_gate(d * plait::narrow(before, 0, first, rows), 1), f),
                                through_tanh(with_gate(d * i, 2), n),
                                through_sigmoid(with_gate(h * y, 3), o)};
        const Tensor sums = plait::cat(parts, -1);
        pieces.push_back(sums);
        carried = {plait::mm(sums, weight), d * f};
      });
  return {gathered(std::move(pieces), s, gates), ends[0], ends[1]};
}

std::tuple<Tensor, Tensor, Tensor> gru_backward_in_ops(Vjp& v, const Sequence& s, const Tensor& x_model) {
  const Tensor h0 = v.in(1), weight = v.in(2), out = v.out(0), gates = v.out(1),
               before = previous(h0, out, s);
  const int64_t size = h0.sizes()[1];
  std::vector<Tensor> pieces_x, pieces_h;
  const auto ends =
      walk_back(s, {plait::zeros_like(h0)}, [&](int64_t first, int64_t rows, std::vector<Tensor>& carried) {
        const auto maybe = [&](const Tensor& t) { return t.defined() ? rows_at(t, first, rows) : t; };
        const Tensor g = rows_at(gates, first, rows), gg = maybe(v.grad(1));
        const Tensor r = part(g, 0, size), z = part(g, 1, size), n = part(g, 2, size), sum = part(g, 3, size);
        const auto with_gate = [&](const Tensor& x, int k) {
          return gg.defined() ? x + part(gg, k, size) : x;
        };
        const Tensor d = plus(carried[0], maybe(v.grad(0)));
        const Tensor fresh = through_tanh(with_gate(d * (Scalar(1) - z), 2), n);
        const Tensor update =
            through_sigmoid(with_gate(d * (plait::narrow(before, 0, first, rows) - n), 1), z);
        const Tensor reset = through_sigmoid(with_gate(fresh * sum, 0), r);
        const Tensor parts_x[] = {reset, update, fresh}, parts_h[] = {reset, update, with_gate(fresh * r, 3)};
        pieces_x.push_back(plait::cat(parts_x, -1));
        pieces_h.push_back(plait::cat(parts_h, -1));
        carried = {d * z + plait::mm(pieces_h.back(), weight)};
      });
  return {gathered(std::move(pieces_x), s, x_model), gathered(std::move(pieces_h), s, x_model), ends[0]};
}

std::tuple<Tensor, Tensor> simple_backward_in_ops(Vjp& v, const Sequence& s, bool relu) {
  const Tensor h0 = v.in(1), weight = v.in(2), out = v.out(0);
  std::vector<Tensor> pieces;
  const auto ends =
      walk_back(s, {plait::zeros_like(h0)}, [&](int64_t first, int64_t rows, std::vector<Tensor>& carried) {
        const Tensor d = plus(carried[0], v.grad().defined() ? rows_at(v.grad(), first, rows) : Tensor());
        const Tensor y = rows_at(out, first, rows);
        const Tensor sums = relu ? d * plait::gt(y, wrapped_scalar(0)) : through_tanh(d, y);
        pieces.push_back(sums);
        carried = {plait::mm(sums, weight)};
      });
  return {gathered(std::move(pieces), s, out), ends[0]};
}

}  // namespace

// ---- LSTM

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool,
                                      IntSpan)>
    _lstm_layer{{
        .schema =
            "_lstm_layer(Tensor gates_x, Tensor h0, Tensor c0, Tensor weight_hh, bool reverse=False, int[] "
            "batch_sizes=[]) -> (Tensor output, Tensor cells, Tensor gates)",
        .doc =
            R"(One direction of an LSTM layer, from the products of the input with its weight: h and c of all steps, and i, f, g, o.

Shapes: gates_x (steps, batch, 4 H), h0 and c0 (batch, H), weight_hh (4 H, H); with batch_sizes, the number of sequences left at each step,
the steps' rows stand one after the other in two dimensions. `reverse` begins at the end. Dtypes: floats, all the same.
Source: S. Hochreiter and J. Schmidhuber, "Long Short-Term Memory" (1997), with the forget gate of F. Gers and others (2000).

>>> zero = plait.zeros(1, 1)
>>> output, cells, gates = plait._lstm_layer(plait.ones(2, 1, 4), zero, zero, plait.zeros(4, 1))
>>> cells.flatten()
tensor([0.5568, 0.9638]))",
        .meta =
            [](const Tensor& x, const Tensor& h0, const Tensor& c0, const Tensor& weight, bool,
               IntSpan batch_sizes) {
              check_layer("_lstm_layer", 4, like(x), h0, c0, weight, Tensor(), batch_sizes);
              const TensorSpec rows = rows_of(x, h0.sizes()[1]);
              return std::array<TensorSpec, 3>{rows, rows, like(x)};
            },
        .vjp =
            [](Vjp& v) {
              const Tensor h0 = v.in(1), c0 = v.in(2), weight = v.in(3);
              const bool reverse = v.attr<bool>(4);
              const IntSpan batch_sizes = v.attr<IntSpan>(5);
              const Tensor gates = v.out(2);
              const Sequence s(gates, batch_sizes, reverse, h0.sizes()[0]);
              Tensor dx, dh, dc;
              if (!grad_enabled())
                std::tie(dx, dh, dc) = plait::_lstm_layer_backward(v.grad(0), v.grad(1), v.grad(2), weight,
                                                                   c0, v.out(1), gates, reverse, batch_sizes);
              else
                std::tie(dx, dh, dc) = lstm_backward_in_ops(v, s);
              if (v.needs(0)) v.set(0, dx);
              if (v.needs(1)) v.set(1, dh);
              if (v.needs(2)) v.set(2, dc);
              if (v.needs(3)) v.set(3, weight_grad(dx, h0, v.out(0), s));
            },
        .save = "h0, c0, weight_hh, output, cells, gates",
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& output, const Tensor& cells, const Tensor& gates, const Tensor& x,
               const Tensor& h0, const Tensor& c0, const Tensor& weight, bool reverse, IntSpan batch_sizes) {
              const DType compute = compute_dtype(x);
              const In in(x, compute), h(h0, compute), c(c0, compute), w(weight, compute);
              const Out to_output(output, compute), to_cells(cells, compute), to_gates(gates, compute);
              cpu::rnn_layer_forward(layer_of(Cell::Lstm, x, h0, w, reverse, batch_sizes),
                                     {in.data(), h.data(), c.data(), nullptr, to_output.data(),
                                      to_cells.data(), to_gates.data()});
              to_output.finish();
              to_cells.finish();
              to_gates.finish();
            },
    }};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, const Tensor&, const Tensor&, bool, IntSpan)>
    _lstm_layer_backward{{
        .schema =
            "_lstm_layer_backward(Tensor? grad_output, Tensor? grad_cells, Tensor? grad_gates, Tensor "
            "weight_hh, Tensor c0, Tensor cells, Tensor gates, bool reverse, int[] batch_sizes) -> (Tensor "
            "gates_x, Tensor h0, Tensor c0)",
        .doc = R"(The derivative of _lstm_layer.)",
        .meta =
            [](const Tensor& grad_output, const Tensor& grad_cells, const Tensor& grad_gates,
               const Tensor& weight, const Tensor& c0, const Tensor& cells, const Tensor& gates, bool,
               IntSpan batch_sizes) {
              constexpr auto kName = "_lstm_layer_backward";
              check_layer(kName, 4, like(gates), c0, Tensor(), weight, Tensor(), batch_sizes);
              check_results(kName, rows_of(gates, c0.sizes()[1]).sizes, {&grad_output, &grad_cells, &cells});
              check_results(kName, gates.sizes(), {&grad_gates});
              return std::array<TensorSpec, 3>{like(gates), like(c0), like(c0)};
            },
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dh, const Tensor& dc, const Tensor& grad_output,
               const Tensor& grad_cells, const Tensor& grad_gates, const Tensor& weight, const Tensor& c0,
               const Tensor& cells, const Tensor& gates, bool reverse, IntSpan batch_sizes) {
              const DType compute = compute_dtype(c0);
              const In go(grad_output, compute), gc(grad_cells, compute), gg(grad_gates, compute),
                  w(weight, compute), c(c0, compute), all_c(cells, compute), g(gates, compute);
              const Out to_x(dx, compute), to_h(dh, compute), to_c(dc, compute);
              cpu::rnn_layer_backward(
                  layer_of(Cell::Lstm, gates, c0, w, reverse, batch_sizes),
                  {go.data(), gc.data(), gg.data(), nullptr, c.data(), nullptr, all_c.data(), g.data(),
                   to_x.data(), nullptr, to_h.data(), to_c.data()});
              to_x.finish();
              to_h.finish();
              to_c.finish();
            },
    }};

// ---- GRU

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, IntSpan)>
    _gru_layer{{
        .schema = "_gru_layer(Tensor gates_x, Tensor h0, Tensor weight_hh, Tensor? bias_hh=None, bool "
                  "reverse=False, int[] batch_sizes=[]) -> (Tensor output, Tensor gates)",
        .doc =
            R"(One direction of a GRU layer, from the products of the input with its weight: h of all steps; and r, z, n and W_hn h + b_hn.

Shapes: gates_x (steps, batch, 3 H), h0 (batch, H), weight_hh (3 H, H), bias_hh (3 H); with batch_sizes, the number of sequences left at
each step, the steps' rows stand one after the other in two dimensions. `reverse` begins at the end. Dtypes: floats, all the same. Source: K. Cho
and others, "Learning Phrase Representations using RNN Encoder-Decoder" (2014), with the reset after the product as in cuDNN.

>>> output, gates = plait._gru_layer(plait.ones(2, 1, 3), plait.zeros(1, 1), plait.zeros(3, 1))
>>> output.flatten()
tensor([0.2048, 0.3546]))",
        .meta =
            [](const Tensor& x, const Tensor& h0, const Tensor& weight, const Tensor& bias, bool,
               IntSpan batch_sizes) {
              check_layer("_gru_layer", 3, like(x), h0, Tensor(), weight, bias, batch_sizes);
              return std::array<TensorSpec, 2>{rows_of(x, h0.sizes()[1]), rows_of(x, 4 * h0.sizes()[1])};
            },
        .vjp =
            [](Vjp& v) {
              const Tensor h0 = v.in(1), weight = v.in(2), output = v.out(0), gates = v.out(1);
              const bool reverse = v.attr<bool>(4);
              const IntSpan batch_sizes = v.attr<IntSpan>(5);
              const Sequence s(output, batch_sizes, reverse, h0.sizes()[0]);
              Tensor dx, dy, dh;
              if (!grad_enabled())
                std::tie(dx, dy, dh) = plait::_gru_layer_backward(v.grad(0), v.grad(1), weight, h0, output,
                                                                  gates, reverse, batch_sizes);
              else
                std::tie(dx, dy, dh) =
                    gru_backward_in_ops(v, s, plait::narrow(gates, -1, 0, 3 * h0.sizes()[1]));
              if (v.needs(0)) v.set(0, dx);
              if (v.needs(1)) v.set(1, dh);
              if (v.needs(2)) v.set(2, weight_grad(dy, h0, output, s));
              if (v.needs(3)) v.set(3, plait::sum(as_rows(dy), Dims{0}));
            },
        .save = "h0, weight_hh, output, gates",
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& output, const Tensor& gates, const Tensor& x, const Tensor& h0,
               const Tensor& weight, const Tensor& bias, bool reverse, IntSpan batch_sizes) {
              const DType compute = compute_dtype(x);
              const In in(x, compute), h(h0, compute), w(weight, compute), b(bias, compute);
              const Out to_output(output, compute), to_gates(gates, compute);
              cpu::rnn_layer_forward(
                  layer_of(Cell::Gru, x, h0, w, reverse, batch_sizes),
                  {in.data(), h.data(), nullptr, b.data(), to_output.data(), nullptr, to_gates.data()});
              to_output.finish();
              to_gates.finish();
            },
    }};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, const Tensor&, bool, IntSpan)>
    _gru_layer_backward{{
        .schema = "_gru_layer_backward(Tensor? grad_output, Tensor? grad_gates, Tensor weight_hh, Tensor h0, "
                  "Tensor output, Tensor gates, bool reverse, int[] batch_sizes) -> (Tensor gates_x, Tensor "
                  "gates_h, Tensor h0)",
        .doc = R"(The derivative of _gru_layer.)",
        .meta =
            [](const Tensor& grad_output, const Tensor& grad_gates, const Tensor& weight, const Tensor& h0,
               const Tensor& output, const Tensor& gates, bool, IntSpan batch_sizes) {
              constexpr auto kName = "_gru_layer_backward";
              check(h0.dim() == 2 && output.dim() > 0,
                    "{}: expected h0 of shape (batch, hidden size) and _gru_layer's output, got shapes {} "
                    "and {}",
                    kName, h0.sizes(), output.sizes());
              const int64_t size = h0.sizes()[1];
              const TensorSpec sums = rows_of(output, 3 * size);
              check_layer(kName, 3, sums, h0, Tensor(), weight, Tensor(), batch_sizes);
              check_results(kName, rows_of(output, size).sizes, {&output, &grad_output});
              check_results(kName, rows_of(output, 4 * size).sizes, {&gates, &grad_gates});
              return std::array<TensorSpec, 3>{sums, sums, like(h0)};
            },
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dy, const Tensor& dh, const Tensor& grad_output,
               const Tensor& grad_gates, const Tensor& weight, const Tensor& h0, const Tensor& output,
               const Tensor& gates, bool reverse, IntSpan batch_sizes) {
              const DType compute = compute_dtype(h0);
              const In go(grad_output, compute), gg(grad_gates, compute), w(weight, compute), h(h0, compute),
                  out(output, compute), g(gates, compute);
              const Out to_x(dx, compute), to_y(dy, compute), to_h(dh, compute);
              cpu::rnn_layer_backward(layer_of(Cell::Gru, output, h0, w, reverse, batch_sizes),
                                      {go.data(), nullptr, gg.data(), h.data(), nullptr, out.data(), nullptr,
                                       g.data(), to_x.data(), to_y.data(), to_h.data(), nullptr});
              to_x.finish();
              to_y.finish();
              to_h.finish();
            },
    }};

// ---- RNN

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, bool, IntSpan)> _rnn_layer{{
    .schema =
        "_rnn_layer(Tensor gates_x, Tensor h0, Tensor weight_hh, bool relu=False, bool reverse=False, int[] "
        "batch_sizes=[]) -> Tensor",
    .doc =
        R"(One direction of a plain recurrent layer, from the products of the input with its weight: h = tanh(gates_x + weight_hh h) of all steps, or relu of it.

Shapes: gates_x (steps, batch, H), h0 (batch, H), weight_hh (H, H); with batch_sizes, the number of sequences left at each step, the steps'
rows stand one after the other in two dimensions. `reverse` begins at the end. Dtypes: floats, all the same. Source: J. Elman, "Finding Structure
in Time" (1990).

>>> plait._rnn_layer(plait.ones(2, 1, 1), plait.zeros(1, 1), plait.ones(1, 1), relu=True).flatten()
tensor([1., 2.]))",
    .meta =
        [](const Tensor& x, const Tensor& h0, const Tensor& weight, bool, bool, IntSpan batch_sizes) {
          check_layer("_rnn_layer", 1, like(x), h0, Tensor(), weight, Tensor(), batch_sizes);
          return like(x);
        },
    .vjp =
        [](Vjp& v) {
          const Tensor h0 = v.in(1), weight = v.in(2), output = v.out(0);
          const bool relu = v.attr<bool>(3), reverse = v.attr<bool>(4);
          const IntSpan batch_sizes = v.attr<IntSpan>(5);
          const Sequence s(output, batch_sizes, reverse, h0.sizes()[0]);
          Tensor dx, dh;
          if (!grad_enabled())
            std::tie(dx, dh) =
                plait::_rnn_layer_backward(v.grad(), weight, h0, output, relu, reverse, batch_sizes);
          else
            std::tie(dx, dh) = simple_backward_in_ops(v, s, relu);
          if (v.needs(0)) v.set(0, dx);
          if (v.needs(1)) v.set(1, dh);
          if (v.needs(2)) v.set(2, weight_grad(dx, h0, output, s));
        },
    .save = "h0, weight_hh, result",
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& output, const Tensor& x, const Tensor& h0, const Tensor& weight, bool relu,
           bool reverse, IntSpan batch_sizes) {
          const DType compute = compute_dtype(x);
          const In in(x, compute), h(h0, compute), w(weight, compute);
          const Out to_output(output, compute);
          cpu::rnn_layer_forward(layer_of(relu ? Cell::Relu : Cell::Tanh, x, h0, w, reverse, batch_sizes),
                                 {in.data(), h.data(), nullptr, nullptr, to_output.data(), nullptr, nullptr});
          to_output.finish();
        },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, bool,
                              IntSpan)>
    _rnn_layer_backward{{
        .schema =
            "_rnn_layer_backward(Tensor grad, Tensor weight_hh, Tensor h0, Tensor output, bool relu, bool "
            "reverse, int[] batch_sizes) -> (Tensor gates_x, Tensor h0)",
        .doc = R"(The derivative of _rnn_layer.)",
        .meta =
            [](const Tensor& grad, const Tensor& weight, const Tensor& h0, const Tensor& output, bool, bool,
               IntSpan batch_sizes) {
              check_layer("_rnn_layer_backward", 1, like(output), h0, Tensor(), weight, Tensor(),
                          batch_sizes);
              check_results("_rnn_layer_backward", output.sizes(), {&grad});
              return std::array<TensorSpec, 2>{like(output), like(h0)};
            },
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dh, const Tensor& grad, const Tensor& weight, const Tensor& h0,
               const Tensor& output, bool relu, bool reverse, IntSpan batch_sizes) {
              const DType compute = compute_dtype(h0);
              const In go(grad, compute), w(weight, compute), out(output, compute);
              const Out to_x(dx, compute), to_h(dh, compute);
              cpu::rnn_layer_backward(
                  layer_of(relu ? Cell::Relu : Cell::Tanh, output, h0, w, reverse, batch_sizes),
                  {go.data(), nullptr, nullptr, nullptr, nullptr, out.data(), nullptr, nullptr, to_x.data(),
                   nullptr, to_h.data(), nullptr});
              to_x.finish();
              to_h.finish();
            },
    }};

}  // namespace plait::op
