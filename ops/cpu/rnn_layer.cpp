#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/matmul.h"
#include "ops/cpu/rnn_layer.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

// Multiply-adds that are worth a thread.
constexpr int64_t kGrain = 48 * 1024;
// For fewer steps than these, packing the weight costs more than it saves.
constexpr int64_t kStepsWorthPacking = 4;
// States lie this much further apart than they are long: rows a power of two apart would share cache sets.
constexpr int64_t kPadBytes = 64;

// Step t's rows and where they begin among the rows of all steps, in the order of the recurrence.
class Steps {
 public:
  Steps(const RnnLayer& layer, bool backwards)
      : rows_(layer.rows),
        descending_(layer.reverse != backwards),
        starts_(layer.rows.size()) {
    int64_t start = 0;
    for (size_t t = 0; t < rows_.size(); ++t) {
      starts_[t] = start;
      start += rows_[t];
    }
  }
  int64_t count() const { return static_cast<int64_t>(rows_.size()); }
  int64_t at(int64_t i) const { return descending_ ? count() - 1 - i : i; }
  int64_t rows(int64_t t) const { return rows_[static_cast<size_t>(t)]; }
  int64_t start(int64_t t) const { return starts_[static_cast<size_t>(t)]; }

 private:
  const std::vector<int64_t>& rows_;
  bool descending_;
  std::vector<int64_t> starts_;
};

// What both directions share: the packed weight, the two buffers of states, how a step is cut into pieces.
class Runner {
 public:
  // The product of states (k long) and `parts` matrices of `size` columns: part p's element (l, j) at
  // weight[p * part + l * row + j * column].
  Runner(const RnnLayer& layer, int64_t k, int64_t parts, int64_t part, int64_t row, int64_t column)
      : layer_(layer),
        table_(rnn_layer_table()),
        type_(layer.dtype == DType::Float64),
        bytes_(itemsize(layer.dtype)),
        k_(k),
        parts_(parts),
        part_(part),
        row_(row),
        column_(column),
        width_(table_.panel_columns[type_]),
        strips_((layer.size + width_ - 1) / width_),
        stride_(k + kPadBytes / bytes_),
        packs_(static_cast<int64_t>(layer.rows.size()) >= kStepsWorthPacking),
        panels_(packs_ ? strips_ * parts * k * width_ * bytes_ : 0),
        states_(2 * layer.batch * stride_ * bytes_) {
    __builtin_memset(states_.data(), 0, static_cast<size_t>(2 * layer.batch * stride_ * bytes_));
    if (!packs_) return;
    const int64_t work = k * width_;
    parallel_for(
        0, strips_ * parts, 1 + kGrain / std::max<int64_t>(work, 1), [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) {
            const int64_t strip = i / parts, p = i % parts, unit = strip * width_;
            const char* from = static_cast<const char*>(layer.weight) + (p * part + unit * column) * bytes_;
            table_.pack[type_](panel(strip, p), from, row, column, k, std::min(width_, layer.size - unit));
          }
        });
  }

  char* state(int buffer, int64_t row) const {
    return static_cast<char*>(states_.data()) + (buffer * layer_.batch + row) * stride_ * bytes_;
  }
  int64_t bytes() const { return bytes_; }
  int64_t size() const { return layer_.size; }
  int type() const { return type_; }
  const RnnLayerTable& table() const { return table_; }

  // c (rows x parts * size, c_row apart) = start + state * weight for all rows; `then(row, unit, n)` for each
  // row of each strip after that. start_row 0: one row for all.
  template <class Then>
  void step(int buffer, int64_t rows, const char* start, int64_t start_row, char* c, int64_t c_row,
            const Then& then) const {
    if (!packs_) whole_product(buffer, rows, start, start_row, c, c_row);
    // Where there are fewer strips than threads, rows are shared as well.
    constexpr int64_t kLeastRows = 8;
    const int64_t blocks = std::clamp<int64_t>((num_threads() + strips_ - 1) / strips_, 1,
                                               std::max<int64_t>(1, rows / kLeastRows));
    const int64_t work = std::max<int64_t>(1, rows / blocks * width_ * parts_ * (packs_ ? k_ : 64));
    parallel_for(0, strips_ * blocks, 1 + kGrain / work, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        const int64_t strip = i / blocks, block = i % blocks, unit = strip * width_;
        const int64_t n = std::min(width_, layer_.size - unit);
        const int64_t r0 = rows * block / blocks, r1 = rows * (block + 1) / blocks;
        for (int64_t p = 0; packs_ && p < parts_; ++p) {
          const int64_t at = p * layer_.size + unit;
          table_.multiply[type_](r1 - r0, k_, state(buffer, r0), stride_, panel(strip, p),
                                 start ? start + (r0 * start_row + at) * bytes_ : nullptr, start_row,
                                 c + (r0 * c_row + at) * bytes_, c_row, n);
        }
        for (int64_t r = r0; r < r1; ++r) then(r, unit, n);
      }
    });
  }

 private:
  char* panel(int64_t strip, int64_t p) const {
    return static_cast<char*>(panels_.data()) + (strip * parts_ + p) * k_ * width_ * bytes_;
  }
  void whole_product(int buffer, int64_t rows, const char* start, int64_t start_row, char* c,
                     int64_t c_row) const {
    const auto length = static_cast<size_t>(parts_ * layer_.size * bytes_);
    for (int64_t r = 0; start && r < rows; ++r)
      __builtin_memcpy(c + r * c_row * bytes_, start + r * start_row * bytes_, length);
    for (int64_t p = 0; p < parts_; ++p) {
      Product product;
      product.dtype = layer_.dtype;
      product.m = rows, product.n = layer_.size, product.k = k_;
      product.c.data = c + p * layer_.size * bytes_, product.c.row = c_row, product.c.column = 1;
      product.a.data = state(buffer, 0), product.a.row = stride_, product.a.column = 1;
      product.b.data = const_cast<char*>(static_cast<const char*>(layer_.weight)) + p * part_ * bytes_;
      product.b.row = row_, product.b.column = column_;
      product.beta = Scalar(start ? 1 : 0);
      run(product);
    }
  }

  const RnnLayer& layer_;
  const RnnLayerTable& table_;
  int type_;
  int64_t bytes_, k_, parts_, part_, row_, column_, width_, strips_, stride_;
  bool packs_;
  Workspace panels_, states_;
};

}  // namespace

void rnn_layer_forward(const RnnLayer& layer, const RnnLayerForward& f) {
  const int64_t size = layer.size, sums = sum_parts(layer.cell), kept = kept_parts(layer.cell);
  if (size == 0 || layer.batch == 0) return;
  const Runner runner(layer, size, sums, size * size, 1, size);
  const int64_t bytes = runner.bytes(), length = size * bytes;
  const auto kernel = runner.table().cell[static_cast<int>(layer.cell)][runner.type()];
  // The state that a cell updates in place: c, or GRU's h.
  const char *h0 = static_cast<const char*>(f.h0),
             *first = layer.cell == Cell::Lstm ? static_cast<const char*>(f.c0) : h0;
  const Workspace own(layer.batch * length);
  __builtin_memcpy(own.data(), first, static_cast<size_t>(layer.batch * length));
  // Both buffers: a row that joins later finds its own initial state.
  for (int buffer = 0; buffer < 2; ++buffer)
    for (int64_t b = 0; b < layer.batch; ++b)
      __builtin_memcpy(runner.state(buffer, b), h0 + b * length, static_cast<size_t>(length));
  const Steps steps(layer, false);
  const auto at = [&](const void* base, int64_t row, int64_t parts) {
    return base ? const_cast<char*>(static_cast<const char*>(base)) + row * parts * length : nullptr;
  };
  for (int64_t i = 0; i < steps.count(); ++i) {
    const int64_t t = steps.at(i), begin = steps.start(t);
    const int now = static_cast<int>(i & 1);
    char *x = at(f.x, begin, sums), *gates = at(f.gates, begin, kept), *out = at(f.out, begin, 1);
    const bool gru = layer.cell == Cell::Gru;
    runner.step(now, steps.rows(t), gru ? static_cast<const char*>(f.bias) : x, gru ? 0 : sums * size,
                kept ? gates : out, (kept ? kept : 1) * size, [&](int64_t r, int64_t unit, int64_t n) {
                  const int64_t offset = unit * bytes;
                  CellRow row{};
                  row.size = size, row.n = n;
                  row.x = x + r * sums * length + offset;
                  if (kept) row.gates = gates + r * kept * length + offset;
                  row.state = static_cast<char*>(own.data()) + r * length + offset;
                  row.out = out + r * length + offset;
                  if (f.cells) row.cells = at(f.cells, begin + r, 1) + offset;
                  kernel(row);
                  __builtin_memcpy(runner.state(1 - now, r) + offset, row.out,
                                   static_cast<size_t>(n * bytes));
                });
  }
}

void rnn_layer_backward(const RnnLayer& layer, const RnnLayerBackward& b) {
  const int64_t size = layer.size, sums = sum_parts(layer.cell), kept = kept_parts(layer.cell);
  if (size == 0 || layer.batch == 0) return;
  const Runner runner(layer, sums * size, 1, 0, size, 1);
  const int64_t bytes = runner.bytes(), length = size * bytes;
  const auto kernel = runner.table().cell_grad[static_cast<int>(layer.cell)][runner.type()];
  const auto total = static_cast<size_t>(layer.batch * length);
  const Workspace own(layer.batch * length), products(layer.batch * length);
  __builtin_memset(own.data(), 0, total);
  const Steps steps(layer, true);
  const auto at = [&](const void* base, int64_t row, int64_t parts) {
    return base ? const_cast<char*>(static_cast<const char*>(base)) + row * parts * length : nullptr;
  };
  const bool lstm = layer.cell == Cell::Lstm, gru = layer.cell == Cell::Gru;
  auto* product = static_cast<char*>(products.data());
  for (int64_t i = 0; i < steps.count(); ++i) {
    const int64_t t = steps.at(i), begin = steps.start(t), rows = steps.rows(t);
    const int now = static_cast<int>(i & 1);
    // The step before this one in the recurrence, and which rows took part in it.
    const int64_t earlier = layer.reverse ? t + 1 : t - 1;
    const bool has_earlier = earlier >= 0 && earlier < steps.count();
    const int64_t shared = has_earlier ? std::min(rows, steps.rows(earlier)) : 0;
    const int64_t earlier_begin = has_earlier ? steps.start(earlier) : 0;
    const void *initial = lstm ? b.c0 : b.h0, *values = lstm ? b.cells : b.out;
    runner.step(now, rows, nullptr, 0, product, size, [&](int64_t r, int64_t unit, int64_t n) {
      const int64_t offset = unit * bytes;
      const auto strip = [&](const void* base, int64_t row, int64_t parts) -> char* {
        return base ? at(base, row, parts) + offset : nullptr;
      };
      CellRowGrad row{};
      row.size = size, row.n = n;
      row.dh = product + r * length + offset;
      row.grad_out = strip(b.grad_out, begin + r, 1);
      row.grad_cells = strip(b.grad_cells, begin + r, 1);
      row.grad_gates = strip(b.grad_gates, begin + r, kept);
      row.gates = strip(b.gates, begin + r, kept);
      row.cells = strip(b.cells, begin + r, 1);
      if (lstm || gru)
        row.before = r < shared ? strip(values, earlier_begin + r, 1) : strip(initial, r, 1);
      else
        row.before = strip(b.out, begin + r, 1);
      row.state = static_cast<char*>(own.data()) + r * length + offset;
      row.dx_sums = strip(b.dx_sums, begin + r, sums);
      row.dh_sums = strip(b.dh_sums, begin + r, sums);
      kernel(row);
      const char* from = static_cast<const char*>(gru ? row.dh_sums : row.dx_sums);
      for (int64_t p = 0; p < sums; ++p)
        __builtin_memcpy(runner.state(1 - now, r) + p * length + offset, from + p * length,
                         static_cast<size_t>(n * bytes));
    });
    // Rows that end here keep what they have for the initial state's gradient.
    const int64_t left = i + 1 < steps.count() ? steps.rows(steps.at(i + 1)) : rows;
    for (int64_t r = left; r < rows; ++r)
      __builtin_memcpy(runner.state(now, r), runner.state(1 - now, r), static_cast<size_t>(sums * length));
  }
  const int last = static_cast<int>(steps.count() & 1);
  auto* dh0 = static_cast<char*>(b.dh0);
  const auto* carried = static_cast<const char*>(own.data());
  runner.step(last, layer.batch, gru ? carried : nullptr, size, dh0, size, [](int64_t, int64_t, int64_t) {});
  if (b.dc0) __builtin_memcpy(b.dc0, carried, total);
}

}  // namespace plait::cpu
