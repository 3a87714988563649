#include "ops/cpu/sum_rows.h"

namespace plait::cpu {
namespace {

template <class T>
void sum_rows(const SumRows& job) {
  using A = compute_t<T>;
  constexpr int64_t kColumns = 512;  // that are added up at a time
  alignas(64) A sums[kColumns];
  const T* factors = reinterpret_cast<const T*>(job.factors);
  for (int64_t begin = 0; begin < job.width; begin += kColumns) {
    const int64_t n = job.width - begin < kColumns ? job.width - begin : kColumns;
    for (int64_t c = 0; c < n; ++c) sums[c] = 0;
    for (int64_t j = 0; j < job.count; ++j) {
      const T* from = reinterpret_cast<const T*>(job.table) + job.index[j] * job.width + begin;
      if (factors) {
        const A factor = static_cast<A>(factors[j]);
        for (int64_t c = 0; c < n; ++c) sums[c] += factor * static_cast<A>(from[c]);
      } else {
        for (int64_t c = 0; c < n; ++c) sums[c] += static_cast<A>(from[c]);
      }
    }
    T* to = reinterpret_cast<T*>(job.out) + begin;
    for (int64_t c = 0; c < n; ++c) to[c] = static_cast<T>(sums[c]);
  }
}

constexpr SumRowsTable make_table() {
  SumRowsTable table{};
  table.sum[static_cast<int>(DType::Float16)] = &sum_rows<Half>;
  table.sum[static_cast<int>(DType::BFloat16)] = &sum_rows<BFloat16>;
  table.sum[static_cast<int>(DType::Float32)] = &sum_rows<float>;
  table.sum[static_cast<int>(DType::Float64)] = &sum_rows<double>;
  return table;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const SumRowsTable sum_rows_table = make_table();
}

}  // namespace plait::cpu
