#include "ops/cpu/depthwise_plan.h"

#include <algorithm>

namespace plait::cpu {
namespace {

constexpr int64_t kBufferBytes = 20 << 10;  // a part of the first-level cache
constexpr int64_t kVectorBytes = 64;        // the widest

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
int64_t round_up(int64_t a, int64_t to) { return (a + to - 1) / to * to; }

}  // namespace

DepthwisePlan::DepthwisePlan(const DepthwiseAxis (&given)[3], int64_t itemsize) {
  std::copy(given, given + 3, axes);
  const std::vector<std::vector<Meeting>> rows = meetings(1), columns = meetings(2);
  const int64_t vector = kVectorBytes / itemsize;
  int64_t beyond = 0;
  for (const auto& kind : columns)
    for (const Meeting& m : kind) beyond = std::max(beyond, m.at);
  const DepthwiseAxis &y = axes[1], &x = axes[2];
  part_needed = beyond + (x.to + x.kinds() - 1) / x.kinds();
  part_length = round_up(part_needed + vector, vector);
  row_length = part_length * x.parts();
  rows_beyond = 0;
  for (const auto& kind : rows)
    for (const Meeting& m : kind) rows_beyond = std::max(rows_beyond, m.at * y.parts() + m.part);
  for (const auto& row : rows)
    for (const auto& column : columns) {
      first_.push_back(static_cast<int64_t>(taps_.size()));
      for (const Meeting& r : row)
        for (const Meeting& c : column)
          taps_.push_back(
              {(r.at * y.parts() + r.part) * row_length + c.part * part_length + c.at, r.k * x.kernel + c.k});
    }
  first_.push_back(static_cast<int64_t>(taps_.size()));
  taps = taps_.data();
  first = first_.data();
  // Bands so high that few rows are filled twice.
  const int64_t rows_in_cache = kBufferBytes / itemsize / row_length;
  const int64_t steps =
      std::max({(rows_in_cache - rows_beyond) / y.parts(), rows_beyond / y.parts() + 1, int64_t{1}});
  band_rows = std::min(steps, (y.to + y.kinds() - 1) / y.kinds()) * y.kinds();
  const int64_t buffer_rows = (band_rows / y.kinds() - 1) * y.parts() + rows_beyond + 1;
  weights_at = buffer_rows * row_length + vector;
  sums_at = weights_at + round_up(first_.back(), vector);
  workspace = sums_at + first_.back() * vector;
}

std::vector<std::vector<DepthwisePlan::Meeting>> DepthwisePlan::meetings(int dimension) {
  const DepthwiseAxis& a = axes[dimension];
  std::vector<std::vector<Meeting>> kinds(static_cast<size_t>(a.kinds()));
  std::vector<uint8_t>& used_parts = used_[dimension];
  used_parts.assign(static_cast<size_t>(a.parts()), 0);
  shift[dimension] = -a.pad;
  if (a.transposed) shift[dimension] = floor_div(a.pad - (a.kernel - 1) * a.dilation, a.stride);
  for (int64_t kind = 0; kind < a.kinds(); ++kind)
    for (int64_t k = 0; k < a.kernel; ++k) {
      Meeting m{k, k * a.dilation % a.parts(), k * a.dilation / a.parts()};
      if (a.transposed) {
        const int64_t distance = kind + a.pad - k * a.dilation;
        if (distance % a.stride != 0) continue;
        m.part = 0;
        m.at = distance / a.stride - shift[dimension];
      }
      used_parts[static_cast<size_t>(m.part)] = 1;
      kinds[static_cast<size_t>(kind)].push_back(m);
    }
  used[dimension] = used_parts.data();
  return kinds;
}

}  // namespace plait::cpu
