// Rows by index, and elements by several index tensors.
#include "ops/cpu/index.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/element.h"
#include "ops/cpu/index_along.h"
#include "ops/cpu/index_rows.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements worth a fork-join
constexpr int64_t kGrainBytes = 1 << 17;

[[noreturn]] void fail_index(const char* op, int64_t value, int64_t size, int64_t dim, bool wrap) {
  fail<IndexError>("{}: index {} is out of range for dimension {} with size {}; expected {} to {}", op, value,
                   dim, size, wrap ? -size : 0, size - 1);
}

}  // namespace

Tensor checked_index(const char* op, const Tensor& index, int64_t size, int64_t dim, bool wrap) {
  if (!is_integral(index.dtype()))
    fail<TypeError>("{}: expected indices of dtype int64 or int32, got {}; convert them with .long()", op,
                    index.dtype());
  Tensor out = index;
  if (index.dtype() != DType::Int64 || !index.is_contiguous()) {
    out = empty_tensor(index.sizes(), DType::Int64);
    copy(out, index);
  }
  const int64_t* values = out.data<int64_t>();
  const int64_t n = out.numel();
  bool negative = false;
  const auto scan = [&](int64_t begin, int64_t end) {
    if (along_table().inside(values + begin, end - begin, size)) return;
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (int64_t i = begin; i < end; ++i) {
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
    if (high >= size) fail_index(op, high, size, dim, wrap);
    if (low < 0) {
      if (!wrap || low < -size) fail_index(op, low, size, dim, wrap);
      __atomic_store_n(&negative, true, __ATOMIC_RELAXED);
    }
  };
  if (n > 0) parallel_for(0, n, 4 * kGrain, scan);
  if (!negative) return out;
  if (out.same(index)) {
    out = empty_tensor(index.sizes(), DType::Int64);
    std::memcpy(out.data_ptr(), values, n * sizeof(int64_t));
  }
  int64_t* wrapped = out.data<int64_t>();
  parallel_for(0, n, 4 * kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) wrapped[i] += wrapped[i] < 0 ? size : 0;
  });
  return out;
}

// ---- rows

void gather_rows(const Tensor& out, const Tensor& src, const Tensor& index, int64_t outer, int64_t n,
                 int64_t slab) {
  const int64_t m = index.numel(), row = slab * itemsize(out.dtype());
  if (outer == 0 || m == 0 || row == 0) return;
  const int64_t* at = index.data<int64_t>();
  const auto each = [&](auto&& copy_row) {
    parallel_for(0, outer * m, std::max<int64_t>(1, kGrainBytes / (row + 8)),
                 [&](int64_t begin, int64_t end) {
                   int64_t o = begin / m, j = begin % m;
                   for (int64_t r = begin; r < end;) {
                     const int64_t stop = std::min(m, j + end - r);
                     copy_row(o, j, stop);
                     r += stop - j;
                     j = 0;
                     ++o;
                   }
                 });
  };
  if (slab == 1) {
    visit_size(out.dtype(), [&]<class U>() {
      each([&](int64_t o, int64_t j, int64_t stop) {
        U* to = out.data<U>() + o * m;
        const U* from = src.data<U>() + o * n;
        for (; j < stop; ++j) to[j] = from[at[j]];
      });
    });
  } else {
    each([&](int64_t o, int64_t j, int64_t stop) {
      char* to = out.data<char>() + o * m * row;
      const char* from = src.data<char>() + o * n * row;
      for (; j < stop; ++j) std::memcpy(to + j * row, from + at[j] * row, row);
    });
  }
}

void put_rows(const Tensor& out, const Tensor& src, const Tensor& index, int64_t outer, int64_t n,
              int64_t slab, bool accumulate) {
  const int64_t m = index.numel(), size = itemsize(out.dtype());
  if (outer == 0 || m == 0 || slab == 0) return;
  const auto add = add_rows_table().add[static_cast<int>(out.dtype())];
  const auto put = [&](int64_t o, int64_t low, int64_t high, int64_t begin, int64_t end) {
    AddRows job{out.data<char>() + o * n * slab * size,
                src.data<char>() + o * m * slab * size,
                index.data<int64_t>(),
                m,
                low,
                high,
                begin,
                end,
                slab};
    if (accumulate) return add(job);
    for (int64_t j = 0; j < m; ++j) {
      const int64_t row = job.index[j];
      if (row >= low && row < high)
        std::memcpy(job.out + (row * slab + begin) * size, job.src + (j * slab + begin) * size,
                    (end - begin) * size);
    }
  };
  // Threads share the result by outer parts, by columns, or by ranges of rows; each meets the indices in
  // their order.
  const int64_t work = outer * m * slab, threads = num_threads();
  if (outer >= threads) {
    parallel_for(0, outer, std::max<int64_t>(1, kGrain * outer / work), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) put(o, 0, n, 0, slab);
    });
  } else if (slab >= 256 * threads) {
    parallel_for(0, slab, std::max<int64_t>(256, kGrain * slab / work), [&](int64_t begin, int64_t end) {
      for (int64_t o = 0; o < outer; ++o) put(o, 0, n, begin, end);
    });
  } else {
    parallel_for(0, n, std::max<int64_t>(1, kGrain * n / work), [&](int64_t begin, int64_t end) {
      for (int64_t o = 0; o < outer; ++o) put(o, begin, end, 0, slab);
    });
  }
}

// ---- several index tensors

IndexLayout index_layout(const char* op, const Tensor& self, TensorList indices) {
  check<IndexError>(static_cast<int64_t>(indices.size()) <= self.dim(),
                    "{}: too many indices: {} for a tensor of shape {}", op,
                    static_cast<int64_t>(indices.size()), self.sizes());
  IndexLayout layout;
  int last = -1;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].defined()) continue;
    const int d = static_cast<int>(i);
    if (layout.first < 0) {
      layout.first = d;
      layout.shape = indices[i].sizes();
    } else {
      layout.adjacent = layout.adjacent && last == d - 1;
      if (layout.shape != indices[i].sizes()) {
        try {
          layout.shape = broadcast(layout.shape, indices[i].sizes(), op);
        } catch (const ValueError&) {
          fail<IndexError>("{}: index tensors of shapes {} and {} cannot be broadcast together", op,
                           layout.shape, indices[i].sizes());
        }
      }
    }
    last = d;
  }
  check<IndexError>(layout.first >= 0, "{}: expected at least one index tensor", op);
  if (!layout.adjacent) layout.first = 0;
  return layout;
}

namespace {

bool is_indexed(TensorList indices, int d) {
  return d < static_cast<int>(indices.size()) && indices[d].defined();
}

// Offsets of all elements of some dimensions, row-major.
std::vector<int64_t> offsets_of(const Dims& sizes, const Dims& strides) {
  std::vector<int64_t> out{0};
  for (int d = 0; d < sizes.size(); ++d) {
    std::vector<int64_t> next;
    next.reserve(out.size() * sizes[d]);
    for (const int64_t base : out)
      for (int64_t i = 0; i < sizes[d]; ++i) next.push_back(base + i * strides[d]);
    out = std::move(next);
  }
  return out;
}

}  // namespace

Dims indexed_shape(const char* op, const Tensor& self, TensorList indices) {
  const IndexLayout layout = index_layout(op, self, indices);
  Dims out;
  bool placed = false;
  const auto place = [&] {
    for (const int64_t size : layout.shape) out.push_back(size);
    placed = true;
  };
  if (!layout.adjacent) place();
  for (int d = 0; d < self.dim(); ++d) {
    if (!is_indexed(indices, d))
      out.push_back(self.sizes()[d]);
    else if (!placed)
      place();
  }
  return out;
}

IndexPlan plan_index(const char* op, const Tensor& self, TensorList indices) {
  const IndexLayout layout = index_layout(op, self, indices);
  IndexPlan plan;
  plan.result = indexed_shape(op, self, indices);

  Dims before_sizes, before_strides, after_sizes, after_strides;
  for (int d = 0; d < self.dim(); ++d) {
    if (is_indexed(indices, d)) continue;
    const bool before = layout.adjacent && d < layout.first;
    (before ? before_sizes : after_sizes).push_back(self.sizes()[d]);
    (before ? before_strides : after_strides).push_back(self.strides()[d]);
  }
  while (!after_sizes.empty() && (after_strides.back() == plan.run || after_sizes.back() == 1)) {
    plan.run *= after_sizes.back();
    after_sizes.erase(after_sizes.size() - 1);
    after_strides.erase(after_strides.size() - 1);
  }
  plan.before = offsets_of(before_sizes, before_strides);
  plan.after = offsets_of(after_sizes, after_strides);

  int64_t count = 1;
  for (const int64_t size : layout.shape) count *= size;
  plan.index.assign(count, 0);
  for (size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i].defined()) continue;
    const int d = static_cast<int>(i);
    Tensor index = checked_index(op, indices[i], self.sizes()[d], d, true);
    if (index.sizes() != layout.shape) {  // broadcast
      const Tensor full = empty_tensor(layout.shape, DType::Int64);
      copy(full, index);
      index = full;
    }
    const int64_t* values = index.data<int64_t>();
    const int64_t stride = self.strides()[d];
    parallel_for(0, count, 4 * kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < end; ++j) plan.index[j] += values[j] * stride;
    });
  }
  return plan;
}

void gather_planned(const Tensor& out, const Tensor& self, const IndexPlan& plan) {
  if (out.numel() == 0) return;
  const int64_t nb = plan.before.size(), nj = plan.index.size(), na = plan.after.size(), run = plan.run;
  visit_size(out.dtype(), [&]<class U>() {
    const U* from = self.data<U>();
    U* to = out.data<U>();
    parallel_for(0, nb * nj, std::max<int64_t>(1, kGrain / (na * run)), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const U* base = from + plan.before[r / nj] + plan.index[r % nj];
        U* row = to + r * na * run;
        if (run == 1) {
          for (int64_t a = 0; a < na; ++a) row[a] = base[plan.after[a]];
        } else {
          for (int64_t a = 0; a < na; ++a) std::memcpy(row + a * run, base + plan.after[a], run * sizeof(U));
        }
      }
    });
  });
}

namespace {

template <class T, bool Accumulate>
void put_elements(T* to, const T* from, bool one_value, const IndexPlan& plan) {
  const int64_t nb = plan.before.size(), nj = plan.index.size(), na = plan.after.size(), run = plan.run;
  const auto put = [&](int64_t b, int64_t low, int64_t high) {
    for (int64_t j = 0; j < nj; ++j) {
      if (plan.index[j] < low || plan.index[j] >= high) continue;
      T* base = to + plan.before[b] + plan.index[j];
      const T* value = one_value ? from : from + (b * nj + j) * na * run;
      for (int64_t a = 0; a < na; ++a) {
        T* at = base + plan.after[a];
        for (int64_t i = 0; i < run; ++i) {
          if constexpr (!Accumulate)
            at[i] = *value;
          else if constexpr (std::is_same_v<T, bool>)
            at[i] = at[i] || *value;
          else
            at[i] = static_cast<T>(static_cast<compute_t<T>>(at[i]) + static_cast<compute_t<T>>(*value));
          value += !one_value;
        }
      }
    }
  };
  const int64_t row_work = nj * na * run;
  if (nb >= num_threads()) {
    parallel_for(0, nb, std::max<int64_t>(1, kGrain / std::max<int64_t>(row_work, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t b = begin; b < end; ++b) put(b, 0, INT64_MAX);
                 });
  } else {
    int64_t reach = 0;
    for (const int64_t offset : plan.index) reach = std::max(reach, offset + 1);
    parallel_for(0, reach,
                 std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(reach) * kGrain /
                                                           std::max<int64_t>(nb * row_work, 1))),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t b = 0; b < nb; ++b) put(b, begin, end);
                 });
  }
}

}  // namespace

void put_planned(const Tensor& self, const Tensor& values, const IndexPlan& plan, bool accumulate) {
  int64_t numel = 1;
  for (const int64_t size : plan.result) numel *= size;
  if (numel == 0) return;
  const bool one = values.numel() == 1;
  if (accumulate) {
    visit(self.dtype(),
          [&]<class T>() { put_elements<T, true>(self.data<T>(), values.data<T>(), one, plan); });
  } else {
    visit_size(self.dtype(),
               [&]<class U>() { put_elements<U, false>(self.data<U>(), values.data<U>(), one, plan); });
  }
}

}  // namespace plait::cpu
