// The elementwise part of a recurrent cell's step, fused, with fused derivatives.
#include "ops/cpu/rnn.h"

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/pointwise.h"
#include "ops/decl/activation.h"
#include "ops/decl/create.h"
#include "ops/decl/join.h"
#include "ops/decl/rnn.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// `gates` (..., parts * H) beside `state` (..., H).
void check_gates(const char* op, const char* name, const Tensor& gates, const Tensor& state, int parts) {
  Dims expected = state.sizes();
  if (!expected.empty()) expected[expected.size() - 1] *= parts;
  check(!expected.empty() && gates.sizes() == expected,
        "{}: expected {} of shape {} for a state of shape {}, got shape {}; it holds {} parts", op, name,
        expected, state.sizes(), gates.sizes(), parts);
  check<TypeError>(gates.dtype() == state.dtype(),
                   "{}: expected {} and the state to have one dtype, got {} and {}; convert with .to(dtype)",
                   op, name, gates.dtype(), state.dtype());
}

TensorSpec like(const Tensor& t) { return TensorSpec(t.sizes(), t.dtype(), t.device()); }

// A contiguous argument in the dtype that the kernel computes in.
struct Rows {
  Rows(const Tensor& t, DType compute) {
    if (!t.defined()) return;
    tensor = converted_contiguous(t, compute);
  }
  static Tensor converted_contiguous(const Tensor& t, DType compute) {
    const Tensor x = cpu::converted(t, compute);
    return x.is_contiguous() ? x : clone_plain(x);
  }
  const char* at(int64_t row) const {
    if (!tensor.defined()) return nullptr;
    return static_cast<const char*>(tensor.data_ptr()) +
           row * tensor.sizes().back() * itemsize(tensor.dtype());
  }
  Tensor tensor;
};
// A result in that dtype, copied back at the end where it is another one.
struct Result {
  Result(const Tensor& out, DType compute)
      : out(out),
        tensor(out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(out.sizes(), compute)) {}
  char* at(int64_t row) const {
    return static_cast<char*>(tensor.data_ptr()) + row * tensor.sizes().back() * itemsize(tensor.dtype());
  }
  void finish() const {
    if (!tensor.same(out)) cpu::copy(out, tensor);
  }
  const Tensor& out;
  Tensor tensor;
};

DType compute_dtype(const Tensor& t) { return t.dtype() == DType::Float64 ? DType::Float64 : DType::Float32; }

// Calls f(row) for all rows of (..., size).
template <class F>
void for_rows(const Tensor& state, const F& f) {
  const int64_t size = state.sizes().back();
  if (state.numel() == 0) return;
  parallel_for(0, state.numel() / size, 1 + 2048 / size, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

Tensor part(const Tensor& gates, int index, int parts) {
  const int64_t size = gates.sizes().back() / parts;
  return plait::narrow(gates, -1, index * size, size);
}
// d times the derivative of a sigmoid, or of a tanh, by its value.
Tensor through_sigmoid(const Tensor& d, const Tensor& y) { return d * y * (Scalar(1) - y); }
Tensor through_tanh(const Tensor& d, const Tensor& y) { return d * (Scalar(1) - y * y); }

}  // namespace

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&)> _lstm_step{{
    .schema = "_lstm_step(Tensor gates, Tensor c) -> (Tensor h, Tensor c_next)",
    .doc =
        R"(h and c of an LSTM cell from the sums that its gates are made of: c = sigmoid(f) c + sigmoid(i) tanh(g), h = sigmoid(o) tanh(c).

Shapes: gates (..., 4 H) holds i, f, g, o; c (..., H). Dtypes: floats, both the same. Source: S. Hochreiter and J. Schmidhuber,
"Long Short-Term Memory" (1997), with the forget gate of F. Gers and others (2000).

>>> h, c = plait._lstm_step(plait.zeros(1, 4), plait.ones(1, 1))
>>> c
tensor([[0.5000]]))",
    .meta =
        [](const Tensor& gates, const Tensor& c) {
          check_gates("_lstm_step", "gates", gates, c, 4);
          return std::array<TensorSpec, 2>{like(c), like(c)};
        },
    .vjp =
        [](Vjp& v) {
          const Tensor gates = v.in(0), c = v.in(1);
          const Tensor &gh = v.grad(0), &gc = v.grad(1);
          Tensor dgates, dc;
          if (!grad_enabled()) {
            std::tie(dgates, dc) = plait::_lstm_step_backward(gh, gc, gates, c, v.out(1));
          } else {
            const Tensor i = plait::sigmoid(part(gates, 0, 4)), f = plait::sigmoid(part(gates, 1, 4)),
                         g = plait::tanh(part(gates, 2, 4)), o = plait::sigmoid(part(gates, 3, 4));
            const Tensor squashed = plait::tanh(f * c + i * g);
            const Tensor h = gh.defined() ? gh : plait::zeros_like(c);
            Tensor d = through_tanh(h * o, squashed);
            if (gc.defined()) d = d + gc;
            const Tensor parts[] = {through_sigmoid(d * g, i), through_sigmoid(d * c, f),
                                    through_tanh(d * i, g), through_sigmoid(h * squashed, o)};
            dgates = plait::cat(parts, -1);
            dc = d * f;
          }
          if (v.needs(0)) v.set(0, dgates);
          if (v.needs(1)) v.set(1, dc);
        },
    .save = "gates, c, c_next",
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& h, const Tensor& next, const Tensor& gates, const Tensor& c) {
          const DType compute = compute_dtype(c);
          const Rows g(gates, compute), before(c, compute);
          const Result hidden(h, compute), after(next, compute);
          const auto kernel = cpu::rnn_table().lstm[compute == DType::Float64];
          for_rows(c, [&](int64_t row) {
            kernel(g.at(row), before.at(row), hidden.at(row), after.at(row), c.sizes().back());
          });
          hidden.finish();
          after.finish();
        },
}};

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&)>
    _lstm_step_backward{{
        .schema = "_lstm_step_backward(Tensor? grad_h, Tensor? grad_c, Tensor gates, Tensor c, Tensor "
                  "c_next) -> (Tensor gates, Tensor c)",
        .doc = R"(The derivative of _lstm_step.)",
        .meta =
            [](const Tensor&, const Tensor&, const Tensor& gates, const Tensor& c, const Tensor&) {
              check_gates("_lstm_step_backward", "gates", gates, c, 4);
              return std::array<TensorSpec, 2>{like(gates), like(c)};
            },
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dgates, const Tensor& dc, const Tensor& grad_h, const Tensor& grad_c,
               const Tensor& gates, const Tensor& c, const Tensor& c_next) {
              const DType compute = compute_dtype(c);
              const Rows gh(grad_h, compute), gc(grad_c, compute), g(gates, compute), before(c, compute),
                  next(c_next, compute);
              const Result to_gates(dgates, compute), to_c(dc, compute);
              const auto kernel = cpu::rnn_table().lstm_backward[compute == DType::Float64];
              for_rows(c, [&](int64_t row) {
                kernel(gh.at(row), gc.at(row), g.at(row), before.at(row), next.at(row), to_gates.at(row),
                       to_c.at(row), c.sizes().back());
              });
              to_gates.finish();
              to_c.finish();
            },
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _gru_step{{
    .schema = "_gru_step(Tensor gates_x, Tensor gates_h, Tensor h) -> Tensor",
    .doc =
        R"(The state of a GRU cell from what its gates are made of: r = sigmoid(x_r + h_r), z = sigmoid(x_z + h_z),
n = tanh(x_n + r h_n), (1 - z) n + z h.

Shapes: gates_x, gates_h (..., 3 H) hold r, z, n; h (..., H). Dtypes: floats, all the same. Source: K. Cho and others, "Learning Phrase
Representations using RNN Encoder-Decoder" (2014), with the reset after the product as in cuDNN.

>>> plait._gru_step(plait.zeros(1, 3), plait.zeros(1, 3), plait.ones(1, 1))
tensor([[0.5000]]))",
    .meta =
        [](const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) {
          check_gates("_gru_step", "gates_x", gates_x, h, 3);
          check_gates("_gru_step", "gates_h", gates_h, h, 3);
          return like(h);
        },
    .vjp =
        [](Vjp& v) {
          const Tensor x = v.in(0), y = v.in(1), h = v.in(2);
          const Tensor& d = v.grad();
          Tensor dx, dy, dh;
          if (!grad_enabled()) {
            std::tie(dx, dy, dh) = plait::_gru_step_backward(d, x, y, h);
          } else {
            const Tensor r = plait::sigmoid(part(x, 0, 3) + part(y, 0, 3)),
                         z = plait::sigmoid(part(x, 1, 3) + part(y, 1, 3));
            const Tensor from_h = part(y, 2, 3), fresh = plait::tanh(part(x, 2, 3) + r * from_h);
            const Tensor d_fresh = through_tanh(d * (Scalar(1) - z), fresh),
                         d_update = through_sigmoid(d * (h - fresh), z),
                         d_reset = through_sigmoid(d_fresh * from_h, r);
            const Tensor parts_x[] = {d_reset, d_update, d_fresh},
                         parts_y[] = {d_reset, d_update, d_fresh * r};
            dx = plait::cat(parts_x, -1);
            dy = plait::cat(parts_y, -1);
            dh = d * z;
          }
          if (v.needs(0)) v.set(0, dx);
          if (v.needs(1)) v.set(1, dy);
          if (v.needs(2)) v.set(2, dh);
        },
    .save = "gates_x, gates_h, h",
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& next, const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) {
          const DType compute = compute_dtype(h);
          const Rows x(gates_x, compute), y(gates_h, compute), before(h, compute);
          const Result after(next, compute);
          const auto kernel = cpu::rnn_table().gru[compute == DType::Float64];
          for_rows(h, [&](int64_t row) {
            kernel(x.at(row), y.at(row), before.at(row), after.at(row), h.sizes().back());
          });
          after.finish();
        },
}};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&)>
    _gru_step_backward{{
        .schema = "_gru_step_backward(Tensor grad, Tensor gates_x, Tensor gates_h, Tensor h) -> (Tensor "
                  "gates_x, Tensor gates_h, Tensor h)",
        .doc = R"(The derivative of _gru_step.)",
        .meta =
            [](const Tensor&, const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) {
              check_gates("_gru_step_backward", "gates_x", gates_x, h, 3);
              check_gates("_gru_step_backward", "gates_h", gates_h, h, 3);
              return std::array<TensorSpec, 3>{like(gates_x), like(gates_h), like(h)};
            },
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dy, const Tensor& dh, const Tensor& grad,
               const Tensor& gates_x, const Tensor& gates_h, const Tensor& h) {
              const DType compute = compute_dtype(h);
              const Rows d(grad, compute), x(gates_x, compute), y(gates_h, compute), before(h, compute);
              const Result to_x(dx, compute), to_y(dy, compute), to_h(dh, compute);
              const auto kernel = cpu::rnn_table().gru_backward[compute == DType::Float64];
              for_rows(h, [&](int64_t row) {
                kernel(d.at(row), x.at(row), y.at(row), before.at(row), to_x.at(row), to_y.at(row),
                       to_h.at(row), h.sizes().back());
              });
              to_x.finish();
              to_y.finish();
              to_h.finish();
            },
    }};

}  // namespace plait::op
