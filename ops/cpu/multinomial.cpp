#include "ops/cpu/multinomial.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/scan.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // weights worth a fork-join

// Raises unless all are finite and none is negative. A sum of what is not finite is not, either.
void check_weights(const double* w, int64_t n, double sum, int64_t row) {
  bool bad = !std::isfinite(sum);
  for (int64_t i = 0; i < n; ++i) bad |= w[i] < 0;
  if (bad) {
    const double* at =
        std::find_if(w, w + n, [](double value) { return !(value >= 0 && std::isfinite(value)); });
    check(at == w + n, "multinomial: expected finite weights of 0 or more, got {} at index {}", *at, at - w);
    fail("multinomial: the weights of row {} are too large: their sum is not finite", row);
  }
  check(sum > 0, "multinomial: the weights of row {} sum to 0", row);
}

// How many of n > 0 sorted numbers are at most x. The compiler chooses without a branch, which would be
// mispredicted every other time.
int64_t count_up_to(const double* sorted, int64_t n, double x) {
  const double* first = sorted;
  for (; n > 1; n -= n / 2) first += first[n / 2 - 1] <= x ? n / 2 : 0;
  return first - sorted + (*first <= x);
}

void draw_with_replacement(int64_t* out, int64_t samples, const double* totals, int64_t n, const double* u) {
  const double sum = totals[n - 1];
  for (int64_t s = 0; s < samples; ++s) out[s] = std::min(count_up_to(totals, n, u[s] * sum), n - 1);
}

// The smallest of exponential numbers of rates w come first with probabilities w (Efraimidis and Spirakis,
// 2006).
void draw_without(int64_t* out, int64_t samples, const double* w, int64_t n, const double* exponential,
                  double* times, int64_t* order) {
  int64_t positive = 0;
  for (int64_t i = 0; i < n; ++i) {
    positive += w[i] > 0;
    times[i] = w[i] > 0 ? exponential[i] / w[i] : HUGE_VAL;
  }
  check(positive >= samples,
        "multinomial: {} draws without replacement were asked for, but only {} weights are positive", samples,
        positive);
  std::iota(order, order + n, 0);
  std::partial_sort(order, order + samples, order + n,
                    [&](int64_t a, int64_t b) { return times[a] < times[b]; });
  std::copy(order, order + samples, out);
}

}  // namespace

void multinomial(const Tensor& out, const Tensor& weights, const Tensor& numbers, bool replacement) {
  const int64_t n = weights.sizes().back(), samples = out.sizes().back(),
                rows = n > 0 ? weights.numel() / n : 0;
  const int64_t given = replacement ? samples : n;
  const auto running_sums =
      scan_table().kernels[static_cast<int>(Scan::Sum)][static_cast<int>(DType::Float64)].rows;
  parallel_for(0, rows, kGrain / std::max<int64_t>(n, 1) + 1, [&](int64_t begin, int64_t end) {
    const Workspace workspace(3 * n * sizeof(double));
    auto* const converted = static_cast<double*>(workspace.data());
    double* const totals = converted + n;
    auto* const order = reinterpret_cast<int64_t*>(totals + n);
    for (int64_t r = begin; r < end; ++r) {
      char* const row = static_cast<char*>(weights.data_ptr()) + r * n * itemsize(weights.dtype());
      const double* const w = weights.dtype() == DType::Float64 ? reinterpret_cast<double*>(row) : converted;
      if (w == converted) convert_block(converted, DType::Float64, row, weights.dtype(), n);
      running_sums(reinterpret_cast<const char*>(w), reinterpret_cast<char*>(totals), 1, n);
      check_weights(w, n, totals[n - 1], r);
      int64_t* const to = out.data<int64_t>() + r * samples;
      const double* const drawn = numbers.data<double>() + r * given;
      if (replacement)
        draw_with_replacement(to, samples, totals, n, drawn);
      else
        draw_without(to, samples, w, n, drawn, totals, order);
    }
  });
}

}  // namespace plait::cpu
