// The pointwise part of one step of a recurrent layer; the products are done for all steps at once.
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

Tensor part(const Tensor& gates, int64_t which, int64_t count) {
  const int64_t n = gates.sizes().back() / count;
  return plait::narrow(gates, -1, which * n, n);
}
void check_gates(const char* op, const Tensor& gates, const Tensor& state, int64_t count) {
  check(gates.dim() > 0 && state.dim() > 0 && gates.sizes().back() == count * state.sizes().back(),
        "{}: expected gates of {} times the last dimension of the state of shape {}, got {}", op, count, state.sizes(), gates.sizes());
}

}  // namespace

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&)> _lstm_step{{
    .schema = "_lstm_step(Tensor gates, Tensor c) -> (Tensor h, Tensor c)",
    .doc = "h and c after a step: gates i, f, g, o along the last dimension, summed with their biases (Hochreiter and Schmidhuber 1997).",
    .composite = [](const Tensor& gates, const Tensor& c) {
      check_gates("_lstm_step", gates, c, 4);
      const Tensor next = plait::sigmoid(part(gates, 1, 4)) * c + plait::sigmoid(part(gates, 0, 4)) * plait::tanh(part(gates, 2, 4));
      return std::tuple<Tensor, Tensor>(plait::sigmoid(part(gates, 3, 4)) * plait::tanh(next), next);
    },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _gru_step{{
    .schema = "_gru_step(Tensor gates_x, Tensor gates_h, Tensor h) -> Tensor",
    .doc = "h after a step: gates r, z, n along the last dimension, of the input and of the state (Cho et al. 2014).",
    .composite = [](const Tensor& x, const Tensor& y, const Tensor& h) {
      check_gates("_gru_step", x, h, 3);
      check_gates("_gru_step", y, h, 3);
      const Tensor r = plait::sigmoid(part(x, 0, 3) + part(y, 0, 3)), z = plait::sigmoid(part(x, 1, 3) + part(y, 1, 3));
      const Tensor n = plait::tanh(part(x, 2, 3) + r * part(y, 2, 3));
      return n + z * (h - n);
    },
}};

}  // namespace plait::op
