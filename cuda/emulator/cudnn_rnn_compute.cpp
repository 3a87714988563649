// Stacks of recurrent layers by plain loops: everything in double, states rounded to the dtype at each step.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

#include "cudnn_rnn.h"
#include "float16_bits.h"

namespace emulator {
namespace {

// What a reserve begins with: which passes have been over it.
constexpr double kForwardDone = 1, kDataDone = 2;
constexpr int64_t kHeader = 8;

double load(const void* data, cudnnDataType_t type, int64_t i) {
  switch (type) {
    case CUDNN_DATA_FLOAT: return static_cast<const float*>(data)[i];
    case CUDNN_DATA_DOUBLE: return static_cast<const double*>(data)[i];
    case CUDNN_DATA_HALF: return from_bits(static_cast<const uint16_t*>(data)[i], 10, 5);
    default: return from_bits(static_cast<const uint16_t*>(data)[i], 7, 8);
  }
}
void store(void* data, cudnnDataType_t type, int64_t i, double value) {
  switch (type) {
    case CUDNN_DATA_FLOAT: static_cast<float*>(data)[i] = static_cast<float>(value); return;
    case CUDNN_DATA_DOUBLE: static_cast<double*>(data)[i] = value; return;
    case CUDNN_DATA_HALF: static_cast<uint16_t*>(data)[i] = to_bits(value, 10, 5); return;
    default: static_cast<uint16_t*>(data)[i] = to_bits(value, 7, 8);
  }
}
double rounded(double value, cudnnDataType_t type) {
  double bytes = 0;
  store(&bytes, type, 0, value);
  return load(&bytes, type, 0);
}
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// Parts of the reserve.
struct Kept {
  const RnnCall& call;
  double* data;

  int64_t hidden() const { return call.rnn.hidden; }
  int64_t output() const { return call.rnn.output; }
  int64_t wide() const { return call.rnn.directions() * output(); }
  // Of one step of one pseudo-layer: gates, cell, hidden state before the projection, output; gradients of
  // the sums of the input's and of the state's products, and of the output.
  int64_t record() const { return 14 * hidden() + 2 * output(); }
  double* at(int64_t layer, int t, int b) const {
    return data + kHeader + ((layer * call.x.steps + t) * call.x.batch + b) * record();
  }
  double* gates(int64_t layer, int t, int b) const { return at(layer, t, b); }
  double* cell(int64_t layer, int t, int b) const { return at(layer, t, b) + 4 * hidden(); }
  double* raw(int64_t layer, int t, int b) const { return at(layer, t, b) + 5 * hidden(); }
  double* out(int64_t layer, int t, int b) const { return at(layer, t, b) + 6 * hidden(); }
  double* grad_x(int64_t layer, int t, int b) const { return at(layer, t, b) + 6 * hidden() + output(); }
  double* grad_h(int64_t layer, int t, int b) const { return at(layer, t, b) + 10 * hidden() + output(); }
  double* grad_out(int64_t layer, int t, int b) const { return at(layer, t, b) + 14 * hidden() + output(); }
  // What the input of a layer above the first is multiplied by.
  double* mask(int64_t layer, int t, int b) const {
    return data + kHeader + call.rnn.pseudo_layers() * call.rows() * record() +
           (((layer - 1) * call.x.steps + t) * call.x.batch + b) * wide();
  }
};

struct Stack {
  const RnnCall& call;
  Kept kept;
  std::vector<double> weights;
  std::vector<WeightPlace> places;  // by pseudo-layer and product

  Stack(const RnnCall& c, double* reserve, const void* weight_space) : call(c), kept{c, reserve} {
    for (int64_t layer = 0; layer < c.rnn.pseudo_layers(); ++layer)
      for (int id = 0; id <= 2 * c.rnn.gates(); ++id) places.push_back(weight_place(c.rnn, layer, id));
    if (!weight_space) return;
    weights.resize(size_t(weight_elements(c.rnn)));
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = load(weight_space, c.rnn.type, int64_t(i));
  }

  const WeightPlace& place_of(int64_t layer, int id) const {
    return places[size_t(layer * (2 * call.rnn.gates() + 1) + id)];
  }
  int64_t directions() const { return call.rnn.directions(); }
  bool is_reverse(int64_t layer) const { return layer % directions() == 1; }
  // The step that a layer's recurrence comes from; outside of the sequence at its beginning.
  int before(int64_t layer, int t) const { return is_reverse(layer) ? t + 1 : t - 1; }
  bool is_step(int t, int b) const { return t >= 0 && t < call.x.lengths[size_t(b)]; }
  int step_of(int64_t layer, int i, int b) const {
    return is_reverse(layer) ? call.x.lengths[size_t(b)] - 1 - i : i;
  }
  int64_t state_of(int64_t layer, int b, int64_t width) const { return (layer * call.x.batch + b) * width; }

  std::vector<double> input_of(int64_t layer, int t, int b, const void* x) const {
    std::vector<double> values(size_t(call.rnn.input_of(layer)));
    if (layer < directions()) {
      const int64_t first = call.vector_of(t, b) * call.rnn.input;
      for (size_t i = 0; i < values.size(); ++i) values[i] = load(x, call.rnn.type, first + int64_t(i));
      return values;
    }
    const int64_t level = layer / directions();
    const double* mask = kept.mask(level, t, b);
    for (size_t i = 0; i < values.size(); ++i) {
      const int64_t from = int64_t(i) / kept.output();
      values[i] = kept.out((level - 1) * directions() + from, t, b)[int64_t(i) % kept.output()] * mask[i];
    }
    return values;
  }
  // The output of the step before, or the initial state.
  std::vector<double> hidden_before(int64_t layer, int t, int b, const void* hx) const {
    const int earlier = before(layer, t);
    std::vector<double> h(size_t(kept.output()));
    for (size_t i = 0; i < h.size(); ++i)
      h[i] = is_step(earlier, b) ? kept.out(layer, earlier, b)[i]
             : hx                ? load(hx, call.rnn.type, state_of(layer, b, kept.output()) + int64_t(i))
                                 : 0;
    return h;
  }
  double cell_before(int64_t layer, int t, int b, const void* cx, int64_t j) const {
    const int earlier = before(layer, t);
    if (is_step(earlier, b)) return kept.cell(layer, earlier, b)[j];
    return cx ? load(cx, call.rnn.type, state_of(layer, b, kept.hidden()) + j) : 0;
  }

  double product(int64_t layer, int id, int64_t row, const std::vector<double>& with) const {
    const WeightPlace& place = place_of(layer, id);
    double sum = place.bias >= 0 ? weights[size_t(place.bias + row)] : 0;
    for (int64_t i = 0; i < place.columns; ++i)
      sum += weights[size_t(place.matrix + row * place.columns + i)] * with[size_t(i)];
    return sum;
  }
  // result += W^T grad for one gate.
  void product_back(int64_t layer, int id, const double* grad, std::vector<double>& result) const {
    const WeightPlace& place = place_of(layer, id);
    for (int64_t row = 0; row < place.rows; ++row)
      for (int64_t i = 0; i < place.columns; ++i)
        result[size_t(i)] += weights[size_t(place.matrix + row * place.columns + i)] * grad[row];
  }

  void step(int64_t layer, int t, int b, const RnnForward& at) const {
    const auto x = input_of(layer, t, b, at.x), h = hidden_before(layer, t, b, at.hx);
    const int64_t n = kept.hidden();
    const int gates = call.rnn.gates();
    double *g = kept.gates(layer, t, b), *c = kept.cell(layer, t, b), *raw = kept.raw(layer, t, b);
    for (int64_t j = 0; j < n; ++j) {
      double sx[4], sh[4];
      for (int k = 0; k < gates; ++k)
        sx[k] = product(layer, k, j, x), sh[k] = product(layer, gates + k, j, h);
      if (call.rnn.mode == CUDNN_LSTM) {
        const double i = sigmoid(sx[0] + sh[0]), f = sigmoid(sx[1] + sh[1]), fresh = std::tanh(sx[2] + sh[2]),
                     o = sigmoid(sx[3] + sh[3]);
        g[j] = i, g[n + j] = f, g[2 * n + j] = fresh, g[3 * n + j] = o;
        c[j] = f * cell_before(layer, t, b, at.cx, j) + i * fresh;
        raw[j] = o * std::tanh(c[j]);
      } else if (call.rnn.mode == CUDNN_GRU) {
        const double r = sigmoid(sx[0] + sh[0]), z = sigmoid(sx[1] + sh[1]),
                     fresh = std::tanh(sx[2] + r * sh[2]);
        g[j] = r, g[n + j] = z, g[2 * n + j] = fresh, g[3 * n + j] = sh[2];
        raw[j] = (1 - z) * fresh + z * h[size_t(j)];
      } else {
        const double sum = sx[0] + sh[0];
        raw[j] = call.rnn.mode == CUDNN_RNN_RELU ? std::fmax(sum, 0) : std::tanh(sum);
      }
    }
    double* out = kept.out(layer, t, b);
    const std::vector<double> hidden(raw, raw + n);
    for (int64_t j = 0; j < kept.output(); ++j)
      out[j] =
          rounded(call.rnn.is_projected() ? product(layer, 2 * gates, j, hidden) : raw[j], call.rnn.type);
  }

  // From the gradient of a step's output and what the later step carried to what it carries on.
  void step_back(int64_t layer, int t, int b, const RnnBackwardData& at, const std::vector<double>& grad,
                 std::vector<double>& dh, std::vector<double>& dc, std::vector<double>& dx) const {
    const int64_t n = kept.hidden();
    const int gates = call.rnn.gates();
    const double *g = kept.gates(layer, t, b), *c = kept.cell(layer, t, b), *raw = kept.raw(layer, t, b);
    double *gx = kept.grad_x(layer, t, b), *gh = kept.grad_h(layer, t, b), *go = kept.grad_out(layer, t, b);
    for (int64_t j = 0; j < kept.output(); ++j) go[j] = grad[size_t(j)] + dh[size_t(j)];
    std::vector<double> d(go, go + kept.output());
    if (call.rnn.is_projected()) {
      d.assign(size_t(n), 0);
      product_back(layer, 2 * gates, go, d);
    }
    const auto h = hidden_before(layer, t, b, at.hx);
    dh.assign(size_t(kept.output()), 0);
    for (int64_t j = 0; j < n; ++j) {
      if (call.rnn.mode == CUDNN_LSTM) {
        const double i = g[j], f = g[n + j], fresh = g[2 * n + j], o = g[3 * n + j],
                     squashed = std::tanh(c[j]);
        const double dcell = dc[size_t(j)] + d[size_t(j)] * o * (1 - squashed * squashed);
        gx[j] = dcell * fresh * i * (1 - i);
        gx[n + j] = dcell * cell_before(layer, t, b, at.cx, j) * f * (1 - f);
        gx[2 * n + j] = dcell * i * (1 - fresh * fresh);
        gx[3 * n + j] = d[size_t(j)] * squashed * o * (1 - o);
        for (int k = 0; k < 4; ++k) gh[k * n + j] = gx[k * n + j];
        dc[size_t(j)] = dcell * f;
      } else if (call.rnn.mode == CUDNN_GRU) {
        const double r = g[j], z = g[n + j], fresh = g[2 * n + j], sum = g[3 * n + j];
        gx[2 * n + j] = d[size_t(j)] * (1 - z) * (1 - fresh * fresh);
        gx[n + j] = gh[n + j] = d[size_t(j)] * (h[size_t(j)] - fresh) * z * (1 - z);
        gx[j] = gh[j] = gx[2 * n + j] * sum * r * (1 - r);
        gh[2 * n + j] = gx[2 * n + j] * r;
        dh[size_t(j)] = d[size_t(j)] * z;
      } else {
        const double y = raw[j];
        gx[j] = gh[j] = d[size_t(j)] * (call.rnn.mode == CUDNN_RNN_RELU ? double(y > 0) : 1 - y * y);
      }
    }
    for (int k = 0; k < gates; ++k) {
      product_back(layer, k, gx + k * n, dx);
      product_back(layer, gates + k, gh + k * n, dh);
    }
  }
};

// A generator that is a function of its address.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// Multiplies of the layers' inputs; false where the states were never seeded.
bool draw_masks(const RnnCall& call, const Kept& kept) {
  const bool drops = call.training && call.dropout > 0 && call.rnn.layers > 1;
  uint64_t key = 0;
  if (drops) {
    auto* states = static_cast<DropoutStates*>(call.states);
    if (states->magic != DropoutStates::kMagic) return false;
    key = mix(states->seed ^ mix(states->calls++));
  }
  for (int64_t level = 1; level < call.rnn.layers; ++level)
    for (int64_t row = 0; row < call.rows(); ++row)
      for (int64_t i = 0; i < kept.wide(); ++i) {
        const uint64_t bits = mix(key ^ mix(uint64_t((level * call.rows() + row) * kept.wide() + i)));
        const bool dropped = drops && double(bits >> 11) * 0x1p-53 < double(call.dropout);
        kept.mask(level, 0, 0)[row * kept.wide() + i] = dropped ? 0
                                                        : drops ? 1 / (1 - double(call.dropout))
                                                                : 1;
      }
  return true;
}

void fill(void* data, cudnnDataType_t type, int64_t count, double value) {
  for (int64_t i = 0; data && i < count; ++i) store(data, type, i, value);
}

// What must not happen on a GPU either, and would give wrong numbers there: here they are no numbers.
void spoil(const char* what, const RnnCall& call, std::initializer_list<std::pair<void*, int64_t>> results) {
  std::fprintf(stderr, "CUDA emulator: cuDNN: %s\n", what);
  for (const auto& [data, count] : results)
    fill(data, call.rnn.type, count, std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

int64_t RnnCall::reserve_doubles() const {
  const Kept kept{*this, nullptr};
  return kHeader + rnn.pseudo_layers() * rows() * kept.record() + (rnn.layers - 1) * rows() * kept.wide();
}

void run_forward(const RnnCall& call, const RnnForward& at) {
  std::vector<double> own(size_t(call.reserve_doubles()), 0);
  const Stack stack(call, own.data(), at.weights);
  const Kept& kept = stack.kept;
  if (!draw_masks(call, kept))
    return spoil("the states of dropout were never seeded", call, {{at.y, call.vectors() * call.y.width}});
  fill(at.y, call.rnn.type, call.vectors() * call.y.width, 0);
  for (int64_t layer = 0; layer < call.rnn.pseudo_layers(); ++layer)
    for (int b = 0; b < call.x.batch; ++b) {
      const int length = call.x.lengths[size_t(b)];
      for (int i = 0; i < length; ++i) stack.step(layer, stack.step_of(layer, i, b), b, at);
      const int last = stack.step_of(layer, length - 1, b);
      for (int64_t j = 0; at.hy && j < kept.output(); ++j)
        store(at.hy, call.rnn.type, stack.state_of(layer, b, kept.output()) + j, kept.out(layer, last, b)[j]);
      for (int64_t j = 0; call.rnn.mode == CUDNN_LSTM && at.cy && j < kept.hidden(); ++j)
        store(at.cy, call.rnn.type, stack.state_of(layer, b, kept.hidden()) + j,
              kept.cell(layer, last, b)[j]);
      const int64_t top = layer - (call.rnn.layers - 1) * call.rnn.directions();
      for (int t = 0; top >= 0 && t < length; ++t)
        for (int64_t j = 0; j < kept.output(); ++j)
          store(at.y, call.rnn.type, call.vector_of(t, b) * call.y.width + top * kept.output() + j,
                kept.out(layer, t, b)[j]);
    }
  if (!call.training) return;
  own[0] = kForwardDone;
  std::memcpy(at.reserve, own.data(), own.size() * sizeof(double));
}

void run_backward_data(const RnnCall& call, const RnnBackwardData& at) {
  auto* reserve = static_cast<double*>(at.reserve);
  const int64_t states = call.rnn.pseudo_layers() * call.x.batch;
  if (reserve[0] != kForwardDone)
    return spoil("cudnnRNNBackwardData_v8: the reserve is not what a forward pass left", call,
                 {{at.dx, call.vectors() * call.x.width},
                  {at.dhx, states * call.rnn.output},
                  {at.dcx, states * call.rnn.hidden}});
  const Stack stack(call, reserve, at.weights);
  const Kept& kept = stack.kept;
  const cudnnDataType_t type = call.rnn.type;
  fill(at.dx, type, call.vectors() * call.x.width, 0);
  // The gradient of a layer's output, by steps and sequences.
  std::vector<double> above(size_t(call.rows() * kept.wide()), 0);
  for (int b = 0; b < call.x.batch; ++b)
    for (int t = 0; t < call.x.lengths[size_t(b)]; ++t)
      for (int64_t j = 0; j < kept.wide(); ++j)
        above[size_t((int64_t(t) * call.x.batch + b) * kept.wide() + j)] =
            load(at.dy, type, call.vector_of(t, b) * kept.wide() + j);
  for (int64_t level = call.rnn.layers - 1; level >= 0; --level) {
    const int64_t width = call.rnn.input_of(level * stack.directions());
    std::vector<double> below(size_t(call.rows() * width), 0);
    for (int64_t d = 0; d < stack.directions(); ++d)
      for (int b = 0; b < call.x.batch; ++b) {
        const int64_t layer = level * stack.directions() + d;
        std::vector<double> dh(size_t(kept.output()), 0), dc(size_t(kept.hidden()), 0);
        for (size_t j = 0; at.dhy && j < dh.size(); ++j)
          dh[j] = load(at.dhy, type, stack.state_of(layer, b, kept.output()) + int64_t(j));
        for (size_t j = 0; at.dcy && j < dc.size(); ++j)
          dc[j] = load(at.dcy, type, stack.state_of(layer, b, kept.hidden()) + int64_t(j));
        for (int i = call.x.lengths[size_t(b)] - 1; i >= 0; --i) {
          const int t = stack.step_of(layer, i, b);
          const int64_t row = int64_t(t) * call.x.batch + b;
          const double* from = above.data() + row * kept.wide() + d * kept.output();
          std::vector<double> dx(size_t(width), 0);
          stack.step_back(layer, t, b, at, {from, from + kept.output()}, dh, dc, dx);
          for (int64_t j = 0; j < width; ++j) {
            const double factor = level ? kept.mask(level, t, b)[j] : 1;
            below[size_t(row * width + j)] += dx[size_t(j)] * factor;
          }
        }
        for (size_t j = 0; at.dhx && j < dh.size(); ++j)
          store(at.dhx, type, stack.state_of(layer, b, kept.output()) + int64_t(j), dh[j]);
        for (size_t j = 0; at.dcx && j < dc.size(); ++j)
          store(at.dcx, type, stack.state_of(layer, b, kept.hidden()) + int64_t(j), dc[j]);
      }
    above = std::move(below);
  }
  for (int b = 0; b < call.x.batch; ++b)
    for (int t = 0; t < call.x.lengths[size_t(b)]; ++t)
      for (int64_t j = 0; j < call.rnn.input; ++j)
        store(at.dx, type, call.vector_of(t, b) * call.rnn.input + j,
              above[size_t((int64_t(t) * call.x.batch + b) * call.rnn.input + j)]);
  reserve[0] = kDataDone;
}

void run_backward_weights(const RnnCall& call, const RnnBackwardWeights& at) {
  auto* reserve = static_cast<double*>(at.reserve);
  const int64_t elements = weight_elements(call.rnn);
  if (reserve[0] != kDataDone)
    return spoil("cudnnRNNBackwardWeights_v8: cudnnRNNBackwardData_v8 comes first", call,
                 {{at.dweights, elements}});
  const Stack stack(call, reserve, nullptr);
  const Kept& kept = stack.kept;
  std::vector<double> sums(static_cast<size_t>(elements), 0);
  const auto add = [&](int64_t layer, int id, const double* grad, const std::vector<double>& with) {
    const WeightPlace& place = stack.place_of(layer, id);
    for (int64_t row = 0; row < place.rows; ++row) {
      for (int64_t i = 0; i < place.columns; ++i)
        sums[size_t(place.matrix + row * place.columns + i)] += grad[row] * with[size_t(i)];
      if (place.bias >= 0) sums[size_t(place.bias + row)] += grad[row];
    }
  };
  const int gates = call.rnn.gates();
  for (int64_t layer = 0; layer < call.rnn.pseudo_layers(); ++layer)
    for (int b = 0; b < call.x.batch; ++b)
      for (int t = 0; t < call.x.lengths[size_t(b)]; ++t) {
        const auto x = stack.input_of(layer, t, b, at.x), h = stack.hidden_before(layer, t, b, at.hx);
        for (int k = 0; k < gates; ++k) {
          add(layer, k, kept.grad_x(layer, t, b) + k * kept.hidden(), x);
          add(layer, gates + k, kept.grad_h(layer, t, b) + k * kept.hidden(), h);
        }
        if (!call.rnn.is_projected()) continue;
        const double* raw = kept.raw(layer, t, b);
        add(layer, 2 * gates, kept.grad_out(layer, t, b), {raw, raw + kept.hidden()});
      }
  for (int64_t i = 0; i < elements; ++i)
    store(at.dweights, call.rnn.type, i, load(at.dweights, call.rnn.type, i) + sums[size_t(i)]);
}

}  // namespace emulator
