#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "catch.h"
#include "core/philox_fill.h"
#include "vecmath_kernels.h"

using plait::philox;
using plait::PhiloxBlock;

namespace {

bool equal(const PhiloxBlock& a, uint32_t w0, uint32_t w1, uint32_t w2, uint32_t w3) {
  return a.v[0] == w0 && a.v[1] == w1 && a.v[2] == w2 && a.v[3] == w3;
}

// Pearson's statistic for equally likely bins. With k bins, k - 1 + 6 sqrt(2 (k - 1)) is passed by chance
// once in a billion.
double chi_square(const std::vector<int64_t>& counts) {
  const double total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (int64_t c : counts)
    sum += (static_cast<double>(c) - expected) * (static_cast<double>(c) - expected) / expected;
  return sum;
}
bool plausible(const std::vector<int64_t>& counts) {
  const double freedom = static_cast<double>(counts.size()) - 1;
  return std::fabs(chi_square(counts) - freedom) < 6 * std::sqrt(2 * freedom) + 6;
}

// The largest distance between the empirical distribution and `cdf`, times sqrt(n): above 2.5 once in 130,000
// times.
template <class T, class Cdf>
double kolmogorov_smirnov(std::vector<T> x, Cdf cdf) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double p = cdf(static_cast<double>(x[i])), below = static_cast<double>(i);
    worst = std::max({worst, std::fabs(p - below / n), std::fabs(p - (below + 1) / n)});
  }
  return worst * std::sqrt(n);
}
double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double exponential_cdf(double x) { return -std::expm1(-x); }

constexpr uint64_t kSeed = 67280421310721ull, kOffset = 3;
constexpr int64_t kCount = 200000;

}  // namespace

TEST_CASE("Philox4x32-10 gives the published answers", "[philox]") {
  // kat_vectors of the Random123 distribution: counter and key zero, all ones, digits of pi.
  static_assert(philox(0, 0, 0).v[0] == 0x6627e8d5u, "usable in constant expressions");
  CHECK(equal(philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  const uint64_t ones = ~uint64_t{0};
  CHECK(equal(philox(ones, ones, ones), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  CHECK(equal(philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88), 0xd16cfe09, 0x94fdcceb,
              0x5001e420, 0x24126ea1));
}

TEST_CASE("an element's bits depend on its address alone", "[philox]") {
  for (const KernelTable* table : supported_kernels()) {
    CAPTURE(table->isa);
    // Near 2^32 blocks the index carries into its upper half.
    for (uint64_t first :
         {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{1} << 33, (uint64_t{1} << 34) - 41}) {
      for (int64_t n : {0, 1, 2, 3, 4, 5, 31, 64, 257}) {
        std::vector<uint32_t> a(static_cast<size_t>(n));
        std::vector<uint64_t> b(a.size());
        table->random.bits32(kSeed, kOffset, first, a.data(), n);
        table->random.bits64(kSeed, kOffset, first, b.data(), n);
        for (int64_t i = 0; i < n; ++i) {
          const uint64_t element = first + static_cast<uint64_t>(i);
          REQUIRE(a[i] == philox(kSeed, kOffset, element / 4).v[element % 4]);
          const PhiloxBlock block = philox(kSeed, kOffset, element / 2);
          REQUIRE(b[i] == (uint64_t{block.v[2 * (element % 2) + 1]} << 32 | block.v[2 * (element % 2)]));
        }
      }
    }
  }
}

TEST_CASE("bits to uniform numbers", "[philox]") {
  using plait::positive_uniform_from_bits;
  using plait::uniform_from_bits;
  CHECK(uniform_from_bits<float>(0u) == 0.0f);
  CHECK(uniform_from_bits<float>(~0u) == 1.0f - 0x1p-24f);
  CHECK(float(uniform_from_bits<plait::Half>(~0u)) == 1.0f - 0x1p-11f);
  CHECK(float(uniform_from_bits<plait::BFloat16>(~0u)) == 1.0f - 0x1p-8f);
  CHECK(uniform_from_bits(uint64_t{0}) == 0.0);
  CHECK(uniform_from_bits(~uint64_t{0}) == 1.0 - 0x1p-53);
  CHECK(uniform_from_bits(uint64_t{1} << 11) == 0x1p-53);
  CHECK(uniform_from_bits(uint64_t{1} << 63) == 0.5);
  CHECK(uniform_from_bits(uint64_t{0x123456789abcdef0}) == 0x1.23456789abcd8p-4);
  CHECK(positive_uniform_from_bits(0u) == 0x1p-32f);
  CHECK(positive_uniform_from_bits(~0u) == 1.0f);
  CHECK(positive_uniform_from_bits(uint64_t{0}) == 0x1p-53);
  CHECK(positive_uniform_from_bits(~uint64_t{0}) == 1.0);
}

TEST_CASE("uniform numbers are uniform", "[philox]") {
  for (const KernelTable* table : supported_kernels()) {
    CAPTURE(table->isa);
    std::vector<float> x(kCount);
    std::vector<double> y(kCount);
    table->random.uniform32(kSeed, kOffset, 0, x.data(), kCount);
    table->random.uniform64(kSeed, kOffset, 0, y.data(), kCount);
    CHECK((*std::min_element(x.begin(), x.end()) >= 0.0f && *std::max_element(x.begin(), x.end()) < 1.0f));
    CHECK((*std::min_element(y.begin(), y.end()) >= 0.0 && *std::max_element(y.begin(), y.end()) < 1.0));
    CHECK(kolmogorov_smirnov(x, [](double u) { return u; }) < 2.5);
    CHECK(kolmogorov_smirnov(y, [](double u) { return u; }) < 2.5);
    // Neighbours are independent: pairs fill a 16 x 16 grid evenly.
    std::vector<int64_t> grid(256);
    for (int64_t i = 0; i + 1 < kCount; i += 2)
      ++grid[static_cast<int>(x[i] * 16) * 16 + static_cast<int>(x[i + 1] * 16)];
    CHECK(plausible(grid));
  }
}

TEST_CASE("normal and exponential numbers have their distributions", "[philox]") {
  for (const KernelTable* table : supported_kernels()) {
    CAPTURE(table->isa);
    std::vector<float> x(kCount);
    std::vector<double> y(kCount);
    table->random.normal32(kSeed, kOffset, 0, x.data(), kCount);
    table->random.normal64(kSeed, kOffset, 0, y.data(), kCount);
    CHECK(kolmogorov_smirnov(x, normal_cdf) < 2.5);
    CHECK(kolmogorov_smirnov(y, normal_cdf) < 2.5);
    double product = 0;  // of neighbours, which come from one pair
    for (int64_t i = 0; i < kCount; i += 2) product += y[i] * y[i + 1];
    CHECK(std::fabs(product) < 5 * std::sqrt(kCount / 2.0));
    table->random.exponential32(kSeed, kOffset + 1, 0, x.data(), kCount);
    table->random.exponential64(kSeed, kOffset + 1, 0, y.data(), kCount);
    CHECK(kolmogorov_smirnov(x, exponential_cdf) < 2.5);
    CHECK(kolmogorov_smirnov(y, exponential_cdf) < 2.5);
    CHECK((*std::min_element(x.begin(), x.end()) > 0.0f && *std::min_element(y.begin(), y.end()) > 0.0));
  }
}

TEST_CASE("normal numbers follow Box and Muller's formula, element by element", "[philox]") {
  for (const KernelTable* table : supported_kernels()) {
    std::vector<double> y(1000);
    table->random.normal64(kSeed, kOffset, 0, y.data(), 1000);
    for (uint64_t j = 0; j < 500; ++j) {
      const double u = plait::positive_uniform_from_bits(plait::philox_bits64(kSeed, kOffset, 2 * j));
      const double v = plait::uniform_from_bits(plait::philox_bits64(kSeed, kOffset, 2 * j + 1));
      const double r = std::sqrt(-2 * std::log(u)), angle = 6.283185307179586 * v;
      CHECK(std::fabs(y[2 * j] - r * std::cos(angle)) < 1e-14);
      CHECK(std::fabs(y[2 * j + 1] - r * std::sin(angle)) < 1e-14);
    }
  }
}

TEST_CASE("random fills do not depend on how the elements are split", "[philox]") {
  for (const KernelTable* table : supported_kernels()) {
    CAPTURE(table->isa);
    const RandomKernels& r = table->random;
    auto check = [](auto fill, auto zero) {
      using T = decltype(zero);
      constexpr int64_t n = 3001;
      std::vector<T> whole(n), parts(n);
      fill(0, whole.data(), n);
      int64_t begin = 0;
      for (int64_t length = 1; begin < n; begin += length, length = length * 2 + 1) {
        fill(static_cast<uint64_t>(begin), parts.data() + begin, std::min(length, n - begin));
      }
      return whole == parts;
    };
    CHECK(check([&](uint64_t i, float* p, int64_t n) { r.uniform32(kSeed, kOffset, i, p, n); }, 0.0f));
    CHECK(check([&](uint64_t i, double* p, int64_t n) { r.uniform64(kSeed, kOffset, i, p, n); }, 0.0));
    CHECK(check([&](uint64_t i, float* p, int64_t n) { r.normal32(kSeed, kOffset, i, p, n); }, 0.0f));
    CHECK(check([&](uint64_t i, double* p, int64_t n) { r.normal64(kSeed, kOffset, i, p, n); }, 0.0));
    CHECK(check([&](uint64_t i, float* p, int64_t n) { r.exponential32(kSeed, kOffset, i, p, n); }, 0.0f));
    CHECK(check([&](uint64_t i, double* p, int64_t n) { r.exponential64(kSeed, kOffset, i, p, n); }, 0.0));
    CHECK(check([&](uint64_t i, int64_t* p, int64_t n) { r.bounded(kSeed, kOffset, i, -7, 1000, p, n); },
                int64_t{0}));
  }
}

TEST_CASE("random numbers agree between instruction sets", "[philox]") {
  const std::vector<const KernelTable*> all = supported_kernels();
  const RandomKernels &a = all.front()->random, &b = all.back()->random;
  std::vector<float> x(4000), y(4000);
  a.uniform32(kSeed, kOffset, 5, x.data(), 4000);
  b.uniform32(kSeed, kOffset, 5, y.data(), 4000);
  CHECK(x == y);
  a.normal32(kSeed, kOffset, 5, x.data(), 4000);
  b.normal32(kSeed, kOffset, 5, y.data(), 4000);
  for (size_t i = 0; i < x.size(); ++i) CHECK(std::fabs(x[i] - y[i]) <= 1e-6f);
}

TEST_CASE("bounded integers are in range and even", "[philox]") {
  for (const KernelTable* table : supported_kernels()) {
    CAPTURE(table->isa);
    std::vector<int64_t> x(kCount);
    for (uint64_t range : {1, 2, 3, 10, 1000}) {
      table->random.bounded(kSeed, kOffset, 0, -5, range, x.data(), kCount);
      std::vector<int64_t> counts(range);
      for (int64_t v : x) {
        REQUIRE((v >= -5 && v < -5 + static_cast<int64_t>(range)));
        ++counts[static_cast<size_t>(v + 5)];
      }
      if (range > 1) CHECK(plausible(counts));
    }
    // Ranges where a quarter of the draws is rejected, in 32 and in 64 bits: without the rejection every
    // third value of the range would come up twice as often as the others.
    for (uint64_t range : {uint64_t{3} << 30, uint64_t{3} << 62}) {
      const int64_t low = range >> 63 ? std::numeric_limits<int64_t>::min() : 0;
      table->random.bounded(kSeed, kOffset, 0, low, range, x.data(), kCount);
      std::vector<int64_t> by_size(3), by_remainder(3);
      for (int64_t v : x) {
        const uint64_t u = static_cast<uint64_t>(v) - static_cast<uint64_t>(low);
        REQUIRE(u < range);
        ++by_size[u / (range / 3)];
        ++by_remainder[u % 3];
      }
      CHECK(plausible(by_size));
      CHECK(plausible(by_remainder));
    }
    table->random.bounded(kSeed, kOffset, 0, 0, 0, x.data(), kCount);  // all 64 bits
    CHECK(static_cast<uint64_t>(x[9]) == plait::philox_bits64(kSeed, kOffset, 9));
    table->random.bounded(kSeed, kOffset, 0, 0, uint64_t{1} << 32, x.data(), kCount);
    CHECK(static_cast<uint64_t>(x[9]) == plait::philox_bits32(kSeed, kOffset, 9));
    table->random.bounded(kSeed, kOffset, 0, 4, 77, x.data(), kCount);
    for (uint64_t i : {0, 1, 77, 1234}) {
      CHECK(static_cast<uint64_t>(x[i]) == 4 + plait::philox_bounded(kSeed, kOffset, i, 77));
    }
  }
}
