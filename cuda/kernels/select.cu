// The first k of a row, or the k-th: by its digits, 8 bits at a time from the highest, each time counting the
// elements that agree with what is known so far. Long rows are shared by many blocks.
#include "cuda/device/block.cuh"
#include "cuda/device/sort_key.cuh"
#include "cuda/kernels/sort.h"
#include "cuda/runtime/device.h"
#include "cuda/runtime/memory.h"

namespace plait::cuda {
namespace {

constexpr int kThreads = 512;
constexpr int kUnroll = 4;
constexpr int kBins = 256;
constexpr int kCopies = 8;  // of the counters: lanes that meet the same digit do not wait for each other

enum class Want : uint8_t { FirstK, Kth, Median, NanMedian };

struct Job {
  SortRows rows;
  KeyRule rule;
  Want want;
  int64_t k;            // how many, or for Kth the position + 1
  uint32_t* positions;  // FirstK: (rows, k)
  // For rows that are shared by `chunks` blocks, each of `chunk` elements:
  int64_t chunk;
  int chunks;
  uint32_t* bins;  // (passes, rows, 256), zeros at first
  uint32_t* nans;  // (rows), zeros at first
  uint2* before;   // (rows, chunks): smaller elements, and equal ones, of a chunk
};

// What is known of the k-th key: its upper bits, and the how-manieth it is of those that agree.
template <class K>
struct Known {
  K prefix, mask;
  int64_t rank;  // from 1
};

__host__ __device__ inline int shift_of(int bits, int pass) {
  const int shift = bits - 8 * (pass + 1);
  return shift > 0 ? shift : 0;
}
__host__ __device__ inline int passes_of(int bits) { return (bits + 7) / 8; }
// The bits that a pass looks at: 8, or in the last one what is left.
__device__ __forceinline__ int width_of(int bits, int pass) {
  return bits - 8 * pass < 8 ? bits - 8 * pass : 8;
}

// Calls f(i, key) for the elements [begin, end) of a row, kUnroll loads in flight. The order among threads is
// free.
template <class Bits, class F>
__device__ __forceinline__ void for_keys(const Bits* row, const KeyRule& rule, int64_t begin, int64_t end,
                                         const F& f) {
  for (int64_t base = begin + threadIdx.x; base < end; base += kThreads * kUnroll) {
    Bits x[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (base + u * kThreads < end) x[u] = row[base + u * kThreads];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u)
      if (base + u * kThreads < end) f(base + u * kThreads, sort_key(x[u], rule));
  }
}

struct Shared {
  uint32_t bins[kBins * kCopies];
  int64_t rank;
  uint32_t digit;
};

template <class Bits, class K>
__device__ __forceinline__ void count_digits(Shared& shared, const Bits* row, const KeyRule& rule,
                                             int64_t begin, int64_t end, const Known<K>& known, int pass) {
  for (int i = threadIdx.x; i < kBins * kCopies; i += kThreads) shared.bins[i] = 0;
  __syncthreads();
  const int shift = shift_of(rule.bits, pass);
  const uint32_t digits = (1u << width_of(rule.bits, pass)) - 1u;
  for_keys(row, rule, begin, end, [&](int64_t, K key) {
    if ((key & known.mask) == known.prefix)
      atomicAdd(
          &shared.bins[(static_cast<uint32_t>(key >> shift) & digits) * kCopies + threadIdx.x % kCopies], 1u);
  });
  __syncthreads();
}

// The next digit of the k-th key, from how often each occurs (`count`: of digit threadIdx.x, for the first
// 256 threads).
template <class K>
__device__ __forceinline__ void choose_digit(Shared& shared, int64_t count, const KeyRule& rule, int pass,
                                             Known<K>& known) {
  int64_t total;
  const int64_t before = block_exclusive_sum<kThreads>(threadIdx.x < kBins ? count : int64_t{0}, total);
  if (threadIdx.x < kBins && before < known.rank && known.rank <= before + count) {
    shared.digit = threadIdx.x;
    shared.rank = known.rank - before;
  }
  __syncthreads();
  const int shift = shift_of(rule.bits, pass);
  known.rank = shared.rank;
  known.prefix |= static_cast<K>(shared.digit) << shift;
  known.mask |= static_cast<K>((1u << width_of(rule.bits, pass)) - 1u) << shift;
  __syncthreads();
}

// Which one a median is, given how many NaN there are.
__device__ __forceinline__ int64_t rank_of(Want want, int64_t k, int64_t length, int64_t nans) {
  if (want == Want::FirstK || want == Want::Kth) return k;
  const int64_t numbers = length - nans;
  const bool is_nan = nans > 0 && (want == Want::Median || numbers == 0);
  return (is_nan ? numbers : (numbers - 1) / 2) + 1;
}

template <class Bits>
__device__ __forceinline__ int count_nans(const Bits* row, const KeyRule& rule, int64_t begin, int64_t end) {
  int own = 0, total;
  for_keys(row, rule, begin, end, [&](int64_t, sort_key_t<sizeof(Bits)> key) { own += rule.is_nan(key); });
  block_exclusive_sum<kThreads>(own, total);
  return total;
}

// Writes the results of the elements [begin, end), before which there are `smaller` and `equal` ones in the
// row.
template <class Bits, class K>
__device__ __forceinline__ void collect(const Job& job, int64_t row, const Bits* x, int64_t begin,
                                        int64_t end, const Known<K>& known, int64_t smaller, int64_t equal) {
  const bool first_k = job.want == Want::FirstK;
  for (int64_t base = begin; base < end; base += kThreads) {
    if (equal >= known.rank && (!first_k || smaller + known.rank >= job.k)) return;  // all are found
    const int64_t i = base + threadIdx.x;
    const K key = i < end ? sort_key(x[i], job.rule) : K(0);
    const bool is_smaller = i < end && key < known.prefix, is_equal = i < end && key == known.prefix;
    int total;
    const int before =
        block_exclusive_sum<kThreads>(static_cast<int>(is_smaller) | static_cast<int>(is_equal) << 16, total);
    const int64_t smaller_here = smaller + (before & 0xffff), equal_here = equal + (before >> 16);
    if (first_k) {
      if (is_smaller || (is_equal && equal_here < known.rank))
        job.positions[row * job.k + smaller_here + (equal_here < known.rank ? equal_here : known.rank)] =
            static_cast<uint32_t>(i);
    } else if (is_equal && equal_here == known.rank - 1) {
      if (job.rows.values) static_cast<Bits*>(job.rows.values)[row] = x[i];
      if (job.rows.indices) job.rows.indices[row] = i;
    }
    smaller += total & 0xffff;
    equal += total >> 16;
  }
}

// ---- one block a row

template <class Bits>
__global__ void __launch_bounds__(kThreads) row_kernel(const Job job) {
  using K = sort_key_t<sizeof(Bits)>;
  __shared__ Shared shared;
  const int64_t row = blockIdx.x, length = job.rows.length;
  const Bits* x = static_cast<const Bits*>(job.rows.x) + row * length;
  const bool by_nans = job.want == Want::Median || job.want == Want::NanMedian;
  const int64_t nans = by_nans && job.rule.infinity ? count_nans(x, job.rule, 0, length) : 0;
  Known<K> known{0, 0, rank_of(job.want, job.k, length, nans)};
  for (int pass = 0; pass < passes_of(job.rule.bits); ++pass) {
    count_digits(shared, x, job.rule, 0, length, known, pass);
    int64_t count = 0;
    if (threadIdx.x < kBins)
#pragma unroll
      for (int c = 0; c < kCopies; ++c) count += shared.bins[threadIdx.x * kCopies + c];
    choose_digit(shared, count, job.rule, pass, known);
  }
  collect(job, row, x, 0, length, known, 0, 0);
}

// ---- many blocks a row: a kernel for each digit, one that counts, one that collects

template <class K>
__device__ __forceinline__ Known<K> known_after(Shared& shared, const Job& job, int64_t row, int passes) {
  Known<K> known{0, 0, rank_of(job.want, job.k, job.rows.length, passes > 0 && job.nans ? job.nans[row] : 0)};
  for (int pass = 0; pass < passes; ++pass) {
    const uint32_t* bins = job.bins + (pass * job.rows.rows() + row) * kBins;
    choose_digit(shared, threadIdx.x < kBins ? static_cast<int64_t>(bins[threadIdx.x]) : 0, job.rule, pass,
                 known);
  }
  return known;
}

struct Chunk {
  int64_t row, begin, end;
};
__device__ __forceinline__ Chunk chunk_of(const Job& job) {
  const int64_t begin = blockIdx.x * job.chunk, end = begin + job.chunk;
  return {blockIdx.y, begin, end < job.rows.length ? end : job.rows.length};
}

template <class Bits>
__global__ void __launch_bounds__(kThreads) digits_kernel(const Job job, int pass) {
  using K = sort_key_t<sizeof(Bits)>;
  __shared__ Shared shared;
  const Chunk chunk = chunk_of(job);
  const Bits* x = static_cast<const Bits*>(job.rows.x) + chunk.row * job.rows.length;
  const auto known = known_after<K>(shared, job, chunk.row, pass);
  if (pass == 0 && job.nans) {
    const int nans = count_nans(x, job.rule, chunk.begin, chunk.end);
    if (threadIdx.x == 0 && nans) atomicAdd(job.nans + chunk.row, static_cast<uint32_t>(nans));
  }
  count_digits(shared, x, job.rule, chunk.begin, chunk.end, known, pass);
  if (threadIdx.x < kBins) {
    uint32_t count = 0;
#pragma unroll
    for (int c = 0; c < kCopies; ++c) count += shared.bins[threadIdx.x * kCopies + c];
    if (count) atomicAdd(job.bins + (pass * job.rows.rows() + chunk.row) * kBins + threadIdx.x, count);
  }
}

template <class Bits>
__global__ void __launch_bounds__(kThreads) count_kernel(const Job job) {
  using K = sort_key_t<sizeof(Bits)>;
  __shared__ Shared shared;
  const Chunk chunk = chunk_of(job);
  const Bits* x = static_cast<const Bits*>(job.rows.x) + chunk.row * job.rows.length;
  const auto known = known_after<K>(shared, job, chunk.row, passes_of(job.rule.bits));
  int smaller = 0, equal = 0, smaller_here, equal_here;
  for_keys(x, job.rule, chunk.begin, chunk.end, [&](int64_t, K key) {
    smaller += key < known.prefix;
    equal += key == known.prefix;
  });
  block_exclusive_sum<kThreads>(smaller, smaller_here);
  block_exclusive_sum<kThreads>(equal, equal_here);
  if (threadIdx.x == 0)
    job.before[chunk.row * job.chunks + blockIdx.x] =
        make_uint2(static_cast<unsigned>(smaller_here), static_cast<unsigned>(equal_here));
}

template <class Bits>
__global__ void __launch_bounds__(kThreads) collect_kernel(const Job job) {
  using K = sort_key_t<sizeof(Bits)>;
  __shared__ Shared shared;
  const Chunk chunk = chunk_of(job);
  const Bits* x = static_cast<const Bits*>(job.rows.x) + chunk.row * job.rows.length;
  const auto known = known_after<K>(shared, job, chunk.row, passes_of(job.rule.bits));
  int64_t smaller = 0, equal = 0, smaller_before, equal_before;
  for (int c = threadIdx.x; c < static_cast<int>(blockIdx.x); c += kThreads) {
    const uint2 counts = job.before[chunk.row * job.chunks + c];
    smaller += counts.x;
    equal += counts.y;
  }
  block_exclusive_sum<kThreads>(smaller, smaller_before);
  block_exclusive_sum<kThreads>(equal, equal_before);
  collect(job, chunk.row, x, chunk.begin, chunk.end, known, smaller_before, equal_before);
}

template <class Bits>
void run(Job job) {
  const int64_t busy = 2 * properties().multiprocessors;  // blocks that fill the GPU
  constexpr int64_t kLeastChunk = 16 * 1024;
  const int64_t rows = job.rows.rows(), length = job.rows.length;
  int64_t chunks = 1;
  if (rows < busy) chunks = ceil_div(length, kLeastChunk);
  if (chunks * rows > 2 * busy) chunks = ceil_div(2 * busy, rows);
  if (chunks < 4) return launch(row_kernel<Bits>, {static_cast<unsigned>(rows), kThreads}, job);
  job.chunk = ceil_div(length, chunks);
  job.chunks = static_cast<int>(ceil_div(length, job.chunk));
  const int passes = passes_of(job.rule.bits);
  const size_t words = static_cast<size_t>(passes * rows * kBins + rows);
  const Workspace zeros(words * sizeof(uint32_t)),
      counts(static_cast<size_t>(rows * job.chunks) * sizeof(uint2));
  zero_memory(zeros.data(), words * sizeof(uint32_t));
  job.bins = zeros.as<uint32_t>();
  const bool by_nans = (job.want == Want::Median || job.want == Want::NanMedian) && job.rule.infinity;
  job.nans = by_nans ? job.bins + passes * rows * kBins : nullptr;
  job.before = counts.as<uint2>();
  const LaunchConfig config{dim3(static_cast<unsigned>(job.chunks), static_cast<unsigned>(rows)), kThreads};
  for (int pass = 0; pass < passes; ++pass) launch(digits_kernel<Bits>, config, job, pass);
  launch(count_kernel<Bits>, config, job);
  launch(collect_kernel<Bits>, config, job);
}

void run(const Job& job) {
  switch (itemsize(job.rows.dtype)) {
    case 1: return run<uint8_t>(job);
    case 2: return run<uint16_t>(job);
    case 4: return run<uint32_t>(job);
    default: return run<uint64_t>(job);
  }
}

Job job_for(const SortRows& rows, Want want, int64_t k, uint32_t* positions) {
  return {rows, KeyRule(rows.dtype, rows.descending), want, k, positions, 0, 1, nullptr, nullptr, nullptr};
}

// ---- the selected, unsorted

template <class Bits>
__global__ void __launch_bounds__(kThreads) gather_kernel(const SortRows rows) {
  const int64_t at = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (at >= rows.rows() * rows.kept) return;
  const int64_t row = at / rows.kept, k = at % rows.kept, to = rows.result_place(row, k);
  const uint32_t position = rows.from[at];
  if (rows.values)
    static_cast<Bits*>(rows.values)[to] = static_cast<const Bits*>(rows.x)[rows.x_place(row, position)];
  if (rows.indices) rows.indices[to] = position;
}

void gather(const SortRows& rows) {
  const LaunchConfig config{static_cast<unsigned>(ceil_div(rows.rows() * rows.kept, kThreads)), kThreads};
  switch (itemsize(rows.dtype)) {
    case 1: return launch(gather_kernel<uint8_t>, config, rows);
    case 2: return launch(gather_kernel<uint16_t>, config, rows);
    case 4: return launch(gather_kernel<uint32_t>, config, rows);
    default: return launch(gather_kernel<uint64_t>, config, rows);
  }
}

}  // namespace

void select_positions(uint32_t* positions, const SortRows& rows) {
  run(job_for(rows, Want::FirstK, rows.kept, positions));
}

bool selects_by_sorting(const SortRows& rows) {
  constexpr int64_t kSmall = 1024;  // one block sorts so many as fast as it selects
  return rows.length <= kSmall || rows.kept * 4 > rows.length;
}

void select_rows(const SortRows& rows, bool sorted) {
  if (rows.rows() == 0 || rows.kept == 0) return;
  if (selects_by_sorting(rows)) return sort_rows(rows);
  const Workspace space(static_cast<size_t>(rows.rows() * rows.kept) * sizeof(uint32_t));
  select_positions(space.as<uint32_t>(), rows);
  SortRows few = rows;
  few.from = space.as<uint32_t>();
  few.row_length = rows.length;
  few.length = rows.kept;
  sorted ? sort_rows(few) : gather(few);
}

bool picks_by_sorting(const SortRows& rows) {
  constexpr int64_t kSmall = 256;  // a warp sorts them
  return rows.length <= kSmall;
}

void pick_rows(const SortRows& rows, Pick pick, int64_t k) {
  if (rows.rows() == 0 || rows.length == 0) return;
  if (picks_by_sorting(rows)) return pick_rows_small(rows, pick, k);
  const Want want = pick == Pick::Kth ? Want::Kth : pick == Pick::Median ? Want::Median : Want::NanMedian;
  run(job_for(rows, want, k + 1, nullptr));
}

}  // namespace plait::cuda
