// CUB's algorithms against the standard library's.
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <cub/cub.cuh>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "device.h"

namespace {

// Both calls of an algorithm: `call(scratch, bytes)`.
template <class Call>
void run_cub(Call call) {
  size_t bytes = 0;
  CHECK_CUDA(call(nullptr, bytes));
  REQUIRE(bytes > 0);
  DeviceArray<char> scratch(bytes);
  CHECK_CUDA(call(scratch.data(), bytes));
  CHECK_CUDA(cudaDeviceSynchronize());
}

template <class T>
std::vector<T> random_keys(size_t n, T low, T high) {
  std::mt19937_64 random(7);
  std::vector<T> values(n);
  for (T& v : values) v = T(low + T(random() % uint64_t(high - low)));
  return values;
}

template <class Key>
void check_sort_pairs(const std::vector<Key>& keys, bool descending) {
  const size_t n = keys.size();
  std::vector<int> values(n);
  std::iota(values.begin(), values.end(), 0);
  std::vector<int> expected = values;
  std::stable_sort(expected.begin(), expected.end(), [&](int a, int b) {
    return descending ? keys[size_t(b)] < keys[size_t(a)] : keys[size_t(a)] < keys[size_t(b)];
  });
  DeviceArray<Key> in(keys), out(n);
  DeviceArray<int> values_in(values), values_out(n);
  run_cub([&](void* scratch, size_t& bytes) {
    return descending ? cub::DeviceRadixSort::SortPairsDescending(scratch, bytes, in.data(), out.data(),
                                                                  values_in.data(), values_out.data(), n)
                      : cub::DeviceRadixSort::SortPairs(scratch, bytes, in.data(), out.data(),
                                                        values_in.data(), values_out.data(), n);
  });
  CHECK(values_out.host() == expected);
  const std::vector<Key> sorted = out.host();
  for (size_t i = 0; i < n; ++i) REQUIRE(sorted[i] == keys[size_t(expected[i])]);
}

__global__ void sort_block(const int* in, int* out) {
  using Sort = cub::BlockRadixSort<int, 64, 3>;
  __shared__ Sort::TempStorage storage;
  int items[3];
  for (int i = 0; i < 3; ++i) items[i] = in[threadIdx.x * 3 + unsigned(i)];
  Sort(storage).Sort(items);
  for (int i = 0; i < 3; ++i) out[threadIdx.x * 3 + unsigned(i)] = items[i];
}

__global__ void scan_block(const int* in, int* out, int* total) {
  using Scan = cub::BlockScan<int, 96>;
  using Reduce = cub::BlockReduce<int, 96>;
  __shared__ Scan::TempStorage scan;
  __shared__ Reduce::TempStorage reduce;
  int before;
  Scan(scan).ExclusiveSum(in[threadIdx.x], before);
  out[threadIdx.x] = before;
  const int sum = Reduce(reduce).Sum(in[threadIdx.x]);
  if (threadIdx.x == 0) *total = sum;
}

}  // namespace

TEST_CASE("cub sorts by bits, stably", "[emulator][cub]") {
  for (bool descending : {false, true}) {
    check_sort_pairs(random_keys<int32_t>(2000, -50, 50), descending);
    check_sort_pairs(random_keys<uint8_t>(2000, 0, 200), descending);
    check_sort_pairs(random_keys<int64_t>(2000, -1000000, 1000000), descending);
    check_sort_pairs(random_keys<double>(2000, -20, 20), descending);
    const float inf = std::numeric_limits<float>::infinity();
    check_sort_pairs(std::vector<float>{3, -0.0f, 0.0f, -inf, 2, 0.0f, -0.0f, inf, -7}, descending);
    check_sort_pairs(std::vector<int>{}, descending);
  }
}

TEST_CASE("cub sorts NaN beyond infinity, and by some of the bits", "[emulator][cub]") {
  const float inf = std::numeric_limits<float>::infinity();
  DeviceArray<float> in(std::vector<float>{NAN, 1, inf, -inf}), out(4);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceRadixSort::SortKeys(scratch, bytes, in.data(), out.data(), 4);
  });
  const std::vector<float> sorted = out.host();
  CHECK(sorted[2] == inf);
  CHECK(std::isnan(sorted[3]));

  DeviceArray<uint32_t> bits(std::vector<uint32_t>{0x31, 0x12, 0x23, 0x10}), by_low(4);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceRadixSort::SortKeys(scratch, bytes, bits.data(), by_low.data(), 4, 0, 4);
  });
  CHECK(by_low.host() == std::vector<uint32_t>{0x10, 0x31, 0x12, 0x23});
}

TEST_CASE("a double buffer says where the result is", "[emulator][cub]") {
  DeviceArray<int> a(std::vector<int>{3, 1, 2}), b(3), va(std::vector<int>{30, 10, 20}), vb(3);
  cub::DoubleBuffer<int> keys(a.data(), b.data()), values(va.data(), vb.data());
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(scratch, bytes, keys, values, 3);
  });
  REQUIRE(keys.Current() == b.data());
  CHECK(b.host() == std::vector<int>{1, 2, 3});
  CHECK(vb.host() == std::vector<int>{10, 20, 30});
}

TEST_CASE("cub sorts segments", "[emulator][cub]") {
  const std::vector<int> keys = {5, 4, 3, 2, 1, 9, 8, 7}, offsets = {0, 3, 3, 8};
  DeviceArray<int> in(keys), out(8), bounds(offsets), segmented(8);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceSegmentedSort::StableSortKeys(scratch, bytes, in.data(), out.data(), 8, 3,
                                                    bounds.data(), bounds.data() + 1);
  });
  CHECK(out.host() == std::vector<int>{3, 4, 5, 1, 2, 7, 8, 9});
  const auto begins =
      thrust::make_transform_iterator(thrust::make_counting_iterator(0), [](int i) { return 4 * i; });
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceSegmentedRadixSort::SortKeysDescending(scratch, bytes, in.data(), segmented.data(), 8,
                                                             2, begins, begins + 1);
  });
  CHECK(segmented.host() == std::vector<int>{5, 4, 3, 2, 9, 8, 7, 1});
}

TEST_CASE("cub sorts by comparison", "[emulator][cub]") {
  DeviceArray<float> keys(std::vector<float>{2, NAN, 1, 3});
  DeviceArray<int> values(std::vector<int>{0, 1, 2, 3});
  const auto nan_last = [](float a, float b) { return a < b || (b != b && a == a); };
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceMergeSort::StableSortPairs(scratch, bytes, keys.data(), values.data(), 4, nan_last);
  });
  CHECK(values.host() == std::vector<int>{2, 0, 3, 1});
}

TEST_CASE("cub scans", "[emulator][cub]") {
  const std::vector<int> from = random_keys<int>(5000, -9, 9);
  std::vector<int> inclusive(from.size()), exclusive(from.size(), 0);
  std::partial_sum(from.begin(), from.end(), inclusive.begin());
  std::copy(inclusive.begin(), inclusive.end() - 1, exclusive.begin() + 1);
  DeviceArray<int> in(from), out(from.size());
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceScan::InclusiveSum(scratch, bytes, in.data(), out.data(), from.size());
  });
  CHECK(out.host() == inclusive);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceScan::ExclusiveSum(scratch, bytes, in.data(), out.data(), int64_t(from.size()));
  });
  CHECK(out.host() == exclusive);
  run_cub([&](void* scratch, size_t& bytes) {  // in place
    return cub::DeviceScan::InclusiveScan(scratch, bytes, in.data(), in.data(), cuda::maximum<>{},
                                          from.size());
  });
  CHECK(in.host().back() == *std::max_element(from.begin(), from.end()));

  DeviceArray<int> by(std::vector<int>{1, 1, 2, 2, 2}), ones(std::vector<int>{1, 1, 1, 1, 1}), sums(5);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceScan::InclusiveSumByKey(scratch, bytes, by.data(), ones.data(), sums.data(), 5);
  });
  CHECK(sums.host() == std::vector<int>{1, 2, 1, 2, 3});
}

TEST_CASE("cub selects, encodes and reduces", "[emulator][cub]") {
  const std::vector<int> from = {4, 4, 1, 7, 7, 7, 2};
  DeviceArray<int> in(from), out(7), lengths(7), count(1);
  DeviceArray<uint8_t> flags(std::vector<uint8_t>{1, 0, 0, 1, 0, 0, 1});
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceSelect::Flagged(scratch, bytes, in.data(), flags.data(), out.data(), count.data(), 7);
  });
  REQUIRE(count.host()[0] == 3);
  CHECK(out.host()[2] == 2);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceSelect::If(scratch, bytes, in.data(), out.data(), count.data(), 7,
                                 [](int x) { return x > 3; });
  });
  CHECK(count.host()[0] == 5);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceSelect::Flagged(scratch, bytes, thrust::make_counting_iterator(0), flags.data(),
                                      out.data(), count.data(), 7);
  });
  CHECK(out.host()[1] == 3);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceSelect::Unique(scratch, bytes, in.data(), out.data(), count.data(), 7);
  });
  CHECK(count.host()[0] == 4);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceRunLengthEncode::Encode(scratch, bytes, in.data(), out.data(), lengths.data(),
                                              count.data(), 7);
  });
  REQUIRE(count.host()[0] == 4);
  CHECK(lengths.host()[2] == 3);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceReduce::Sum(scratch, bytes, in.data(), out.data(), 7);
  });
  CHECK(out.host()[0] == 32);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceReduce::Min(scratch, bytes, in.data(), out.data(), 7);
  });
  CHECK(out.host()[0] == 1);
  run_cub([&](void* scratch, size_t& bytes) {
    return cub::DeviceReduce::Reduce(scratch, bytes, in.data(), out.data(), 7, cuda::std::multiplies<>{}, 1);
  });
  CHECK(out.host()[0] == 4 * 4 * 7 * 7 * 7 * 2);
}

TEST_CASE("cub refuses too little scratch memory, and work in place", "[emulator][cub]") {
  DeviceArray<int> a(100), b(100);
  size_t bytes = 0;
  CHECK_CUDA(cub::DeviceRadixSort::SortKeys(nullptr, bytes, a.data(), b.data(), 100));
  DeviceArray<char> scratch(bytes);
  size_t less = bytes - 1;
  CHECK(cub::DeviceRadixSort::SortKeys(scratch.data(), less, a.data(), b.data(), 100) ==
        cudaErrorInvalidValue);
  CHECK(cub::DeviceRadixSort::SortKeys(scratch.data(), bytes, a.data(), a.data(), 100) ==
        cudaErrorInvalidValue);
  std::vector<char> of_the_host(bytes);
  CHECK(cub::DeviceRadixSort::SortKeys(of_the_host.data(), bytes, a.data(), b.data(), 100) ==
        cudaErrorInvalidValue);
}

TEST_CASE("cub's algorithms of a block", "[emulator][cub]") {
  const std::vector<int> from = random_keys<int>(192, -99, 99);
  std::vector<int> expected = from;
  std::sort(expected.begin(), expected.end());
  DeviceArray<int> in(from), out(192), total(1);
  CHECK_CUDA(run(sort_block, 1, 64, 0, 0, in.data(), out.data()));
  CHECK(out.host() == expected);
  CHECK_CUDA(run(scan_block, 1, 96, 0, 0, in.data(), out.data(), total.data()));
  CHECK(out.host()[95] == std::accumulate(from.begin(), from.begin() + 95, 0));
  CHECK(total.host()[0] == std::accumulate(from.begin(), from.begin() + 96, 0));
}
