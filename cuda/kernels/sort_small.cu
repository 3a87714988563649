// Rows that one block sorts in registers and shared memory.
#include "cuda/device/block.cuh"
#include "cuda/device/sort_key.cuh"
#include "cuda/kernels/sort.h"

namespace plait::cuda {
namespace {

// ---- entries: a key with the position that it came from, so that no two are equal

struct Entry32 {
  uint64_t bits;
  __device__ static Entry32 make(uint32_t key, uint32_t index) { return {uint64_t{key} << 32 | index}; }
  __device__ uint32_t key() const { return static_cast<uint32_t>(bits >> 32); }
  __device__ uint32_t index() const { return static_cast<uint32_t>(bits); }
  __device__ friend bool operator<(Entry32 a, Entry32 b) { return a.bits < b.bits; }
  __device__ Entry32 from_lane(int lanes) const {
    return {__shfl_xor_sync(kAllLanes, static_cast<unsigned long long>(bits), lanes)};
  }
};
struct Entry64 {
  uint64_t bits;
  uint32_t place;
  __device__ static Entry64 make(uint64_t key, uint32_t index) { return {key, index}; }
  __device__ uint64_t key() const { return bits; }
  __device__ uint32_t index() const { return place; }
  __device__ friend bool operator<(const Entry64& a, const Entry64& b) {
    return a.bits != b.bits ? a.bits < b.bits : a.place < b.place;
  }
  __device__ Entry64 from_lane(int lanes) const {
    return {__shfl_xor_sync(kAllLanes, static_cast<unsigned long long>(bits), lanes),
            __shfl_xor_sync(kAllLanes, place, lanes)};
  }
};
template <size_t Bytes>
using entry_t = std::conditional_t<Bytes == 8, Entry64, Entry32>;

// ---- Batcher's bitonic sort (1968) of Items x Group entries: thread t of a group holds the entries t *
// Items + j. Partners that are close are in the same thread, those less than a warp away in another lane;
// only the far ones go through shared memory.

template <int Distance, class E, int Items>
__device__ __forceinline__ void exchange_in_thread(E (&e)[Items], int first, int stage) {
#pragma unroll
  for (int j = 0; j < Items; ++j) {
    if (j & Distance) continue;
    const bool rising = !((first + j) & stage);
    const E a = e[j], b = e[j | Distance];
    if ((b < a) == rising) {
      e[j] = b;
      e[j | Distance] = a;
    }
  }
}

template <class E, int Items>
__device__ __forceinline__ void keep_one(E& mine, const E& other, bool low, bool rising) {
  if ((other < mine) == (low == rising)) mine = other;
}

template <int Group, class E, int Items>
__device__ __forceinline__ void bitonic_sort(E (&e)[Items], int thread, E* shared) {
  const int first = thread * Items;
#pragma unroll 1
  for (int stage = 2; stage <= Items * Group; stage *= 2) {
#pragma unroll 1
    for (int distance = stage / 2; distance > 0; distance /= 2) {
      if (distance < Items) {
        if constexpr (Items > 4)
          if (distance == 4) exchange_in_thread<4>(e, first, stage);
        if constexpr (Items > 2)
          if (distance == 2) exchange_in_thread<2>(e, first, stage);
        if constexpr (Items > 1)
          if (distance == 1) exchange_in_thread<1>(e, first, stage);
        continue;
      }
      const int threads = distance / Items;
      const bool low = !(thread & threads);
      const bool rising = !(first & stage);  // a stage spans whole threads here
      if (threads < kWarp) {
#pragma unroll
        for (int j = 0; j < Items; ++j) keep_one<E, Items>(e[j], e[j].from_lane(threads), low, rising);
        continue;
      }
      if constexpr (Group > kWarp) {
        __syncthreads();
#pragma unroll
        for (int j = 0; j < Items; ++j) shared[j * Group + thread] = e[j];
        __syncthreads();
#pragma unroll
        for (int j = 0; j < Items; ++j)
          keep_one<E, Items>(e[j], shared[j * Group + (thread ^ threads)], low, rising);
      }
    }
  }
}

struct Rows {
  SortRows rows;
  KeyRule rule;
  bool picks;
  Pick pick;
  int64_t k;
};

constexpr int kLeastThreads = 128;
template <int Group>
constexpr int kBlock = Group > kLeastThreads ? Group : kLeastThreads;

template <class Bits, int Items, int Group>
__global__ void __launch_bounds__(kBlock<Group>) small_kernel(const Rows given) {
  using E = entry_t<sizeof(Bits)>;
  using K = sort_key_t<sizeof(Bits)>;
  constexpr int kSize = Items * Group, kGroups = kBlock<Group> / Group;
  // One more of every 16 in the last exchange, so that threads that are Items apart do not share banks.
  constexpr int kSpace = kSize + kSize / 16;
  __shared__ __align__(16) unsigned char space[kGroups * kSpace * sizeof(E)];
  E* shared = reinterpret_cast<E*>(space) + threadIdx.x / Group * kSpace;
  const int thread = threadIdx.x % Group;
  const SortRows& rows = given.rows;
  const int64_t row = static_cast<int64_t>(blockIdx.x) * kGroups + threadIdx.x / Group;
  const bool live = row < rows.rows();  // the others take part in the shuffles
  const int length = static_cast<int>(rows.length);
  const Bits* x = static_cast<const Bits*>(rows.x);
  const uint32_t* from = rows.from ? rows.from + row * rows.length : nullptr;

  E e[Items];
#pragma unroll
  for (int j = 0; j < Items; ++j) {
    const int i = j * Group + thread;
    e[j] = E::make(static_cast<K>(~K(0)), static_cast<uint32_t>(i) | 0x80000000u);  // behind all others
    if (live && i < length)
      e[j] =
          E::make(sort_key(x[rows.x_place(row, from ? from[i] : i)], given.rule), static_cast<uint32_t>(i));
  }
  bitonic_sort<Group>(e, thread, shared);

  int64_t first = 0;
  if (given.picks) {
    first = given.k;
    if constexpr (Group == kWarp) {
      if (given.pick != Pick::Kth) {
        int nans = 0;
#pragma unroll
        for (int j = 0; j < Items; ++j)
          nans += __popc(__ballot_sync(kAllLanes, given.rule.is_nan(e[j].key()) && !(e[j].index() >> 31)));
        const int numbers = length - nans;
        const bool is_nan = nans > 0 && (given.pick == Pick::Median || numbers == 0);
        first = is_nan ? numbers : (numbers - 1) / 2;
      }
    }
  }
  // From t * Items + j to j * Group + t, so that neighbours write to neighbours.
  const auto slot = [](int i) { return i + i / 16; };
  __syncthreads();
#pragma unroll
  for (int j = 0; j < Items; ++j) shared[slot(thread * Items + j)] = e[j];
  __syncthreads();
  if (!live) return;
  Bits* values = static_cast<Bits*>(rows.values);
#pragma unroll
  for (int j = 0; j < Items; ++j) {
    const int to = j * Group + thread;
    if (to < first || to >= first + rows.kept) continue;
    const uint32_t i = shared[slot(to)].index(), position = from ? from[i] : i;
    const int64_t out = rows.result_place(row, to - first);
    if (values) values[out] = x[rows.x_place(row, position)];
    if (rows.indices) rows.indices[out] = position;
  }
}

template <class Bits, int Items, int Group>
void run(const Rows& rows) {
  constexpr int kGroups = kBlock<Group> / Group;
  launch(small_kernel<Bits, Items, Group>,
         {static_cast<unsigned>(ceil_div(rows.rows.rows(), kGroups)), kBlock<Group>}, rows);
}

template <class Bits>
void run(const Rows& rows) {
  const int64_t n = rows.rows.length;
  if (n <= 32) return run<Bits, 1, 32>(rows);
  if (n <= 128) return run<Bits, 4, 32>(rows);
  if (n <= 256) return run<Bits, 8, 32>(rows);
  if (n <= 1024) return run<Bits, 8, 128>(rows);
  if constexpr (sizeof(Bits) < 8)
    if (n > 2048) return run<Bits, 8, 512>(rows);
  run<Bits, 8, 256>(rows);
}

void run(const SortRows& rows, bool picks, Pick pick, int64_t k) {
  if (rows.rows() == 0 || rows.length == 0) return;
  const Rows given{rows, KeyRule(rows.dtype, rows.descending), picks, pick, k};
  switch (itemsize(rows.dtype)) {
    case 1: return run<uint8_t>(given);
    case 2: return run<uint16_t>(given);
    case 4: return run<uint32_t>(given);
    default: return run<uint64_t>(given);
  }
}

}  // namespace

bool fits_small_sort(const SortRows& rows) {
  return rows.length <= (itemsize(rows.dtype) == 8 ? 2048 : 4096);
}
void sort_rows_small(const SortRows& rows) { run(rows, false, Pick::Kth, 0); }
void pick_rows_small(const SortRows& rows, Pick pick, int64_t k) { run(rows, true, pick, k); }

}  // namespace plait::cuda
