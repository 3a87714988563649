#include "ops/cpu/fft_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/cpu/fft_line_steps.h"

namespace plait::cpu {
namespace {

// exp(-2 pi i k / n), from an angle of at most pi / 4.
void root_of_unity(int64_t k, int64_t n, double& re, double& im) {
  const int64_t quarter = (4 * k + n / 2) / n, rest = 4 * k - quarter * n;
  const double angle = M_PI_2 * static_cast<double>(rest) / static_cast<double>(n);
  const double c = std::cos(angle), s = -std::sin(angle);
  switch (quarter % 4) {
    case 0: re = c, im = s; break;
    case 1: re = s, im = -c; break;
    case 2: re = -c, im = -s; break;
    default: re = -s, im = c;
  }
}

bool has_pass(int64_t radix) {
  return std::find(std::begin(kFftRadices), std::end(kFftRadices), radix) != std::end(kFftRadices);
}

// Empty where a prime factor is too large for a pass. The last pass does not turn its sums: the largest one.
std::vector<int64_t> factors_of(int64_t n) {
  std::vector<int64_t> factors;
  const auto divide = [&](int64_t radix) {
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  };
  int twos = 0;
  for (; n % 2 == 0; n /= 2) ++twos;
  for (int64_t radix = 3; radix <= kFftLargestRadix; radix += 2) divide(radix);
  // Two fours rather than a two and an eight.
  const int fours = twos % 3 == 2 ? 1 : twos % 3 == 1 && twos > 1 ? 2 : 0;
  if (twos == 1) factors.push_back(2);
  factors.insert(factors.end(), static_cast<size_t>(fours), 4);
  factors.insert(factors.end(), static_cast<size_t>((twos - 2 * fours) / 3), 8);
  if (n > 1) factors.clear();
  return factors;
}

// A length for a convolution: a power of two, perhaps times 3, 5, 9 or 15.
int64_t convolution_length(int64_t n) {
  int64_t best = 0;
  for (const int64_t odd : {1, 3, 5, 9, 15}) {
    int64_t length = odd;
    while (length < n) length *= 2;
    if (best == 0 || length < best) best = length;
  }
  return best;
}

}  // namespace

template <class T>
void append_root(std::vector<T>& to, int64_t k, int64_t n) {
  double re, im;
  root_of_unity(k % n, n, re, im);
  to.push_back(static_cast<T>(re));
  to.push_back(static_cast<T>(im));
}

bool fft_has_passes(int64_t n) { return n == 1 || !factors_of(n).empty(); }

template <class T>
FftChirp<T>::FftChirp(int64_t n) : length(convolution_length(2 * n - 1)) {
  numbers.reserve(static_cast<size_t>(2 * n));
  for (int64_t k = 0, square = 0; k < n; ++k) {
    append_root(numbers, square, 2 * n);
    square = (square + 2 * k + 1) % (2 * n);
  }
  conjugates.resize(static_cast<size_t>(2 * length));
  for (int64_t k = 0; k < n; ++k)
    for (const int64_t at : {k, k > 0 ? length - k : 0}) {
      const auto i = static_cast<size_t>(2 * k), j = static_cast<size_t>(2 * at);
      conjugates[j] = numbers[i] / static_cast<T>(length);
      conjugates[j + 1] = -numbers[i + 1] / static_cast<T>(length);
    }
}

template <class T>
FftPlan<T>::FftPlan(int64_t n) : n_(n) {
  if (fft_has_passes(n))
    plan_passes(factors_of(n));
  else
    plan_convolution();
}

template <class T>
void FftPlan<T>::plan_passes(const std::vector<int64_t>& factors) {
  constexpr int64_t kDeep = 1 << 14;  // bytes
  const auto row = static_cast<int64_t>(sizeof(T)) * 2 * fft_passes<T>().lanes;
  int64_t size = n_;
  for (const int64_t radix : factors) {
    if (size * row > kDeep) ++shallow_;
    const int64_t m = size / radix;
    const FftPasses<T>& passes = fft_passes<T>();
    Step step{has_pass(radix) ? passes.of_radix[radix] : passes.by_definition, radix, m, numbers_.size(), 0};
    for (int64_t p = 0; p < m; ++p)
      for (int64_t j = 1; j < radix; ++j) append_root(numbers_, j * p, size);
    step.roots = numbers_.size();
    if (!has_pass(radix))
      for (int64_t k = 0; k < radix; ++k) append_root(numbers_, k, radix);
    steps_.push_back(step);
    size = m;
  }
  // Sum j + radix * l of a pass is sum l of the j-th of the transforms that it leaves.
  order_.resize(static_cast<size_t>(n_));
  for (int64_t k = 0; k < n_; ++k) {
    int64_t rest = k, row_of = 0;
    for (const Step& step : steps_) {
      row_of += rest % step.radix * step.m;
      rest /= step.radix;
    }
    order_[static_cast<size_t>(k)] = static_cast<int32_t>(row_of);
  }
  order_.push_back(static_cast<int32_t>(n_));
}

template <class T>
void FftPlan<T>::plan_convolution() {
  FftChirp<T> chirp(n_);
  auto plan = std::make_unique<FftPlan>(chirp.length);
  const int64_t lanes = fft_passes<T>().lanes, row = 2 * lanes;
  std::vector<T> buffer(static_cast<size_t>(chirp.length * row));
  for (size_t k = 0; k < chirp.conjugates.size(); ++k)
    buffer[k * static_cast<size_t>(lanes)] = chirp.conjugates[k];
  const FftRows<T> rows = {buffer.data(), buffer.data() + lanes};
  plan->run(rows, rows);
  for (int64_t k = 0; k < chirp.length; ++k) {
    const int64_t at = plan->order_[static_cast<size_t>(k)] * row;
    response_.push_back(rows.re[at]);
    response_.push_back(rows.im[at]);
  }
  order_.assign(plan->order_.begin(), plan->order_.begin() + n_);
  order_.push_back(static_cast<int32_t>(chirp.length));
  natural_.resize(static_cast<size_t>(chirp.length));
  std::iota(natural_.begin(), natural_.end(), 0);
  chirp_ = std::move(chirp.numbers);
  convolution_ = std::move(plan);
}

template <class T>
FftPass<T> FftPlan<T>::pass(const Step& step, FftRows<T> rows, int64_t count) const {
  const T* numbers = numbers_.data();
  return {rows, step.radix, step.m, count, numbers + step.twiddles, numbers + step.roots};
}

// Those behind the first `done` ones.
template <class T>
void FftPlan<T>::run_steps(FftRows<T> rows, size_t done) const {
  const int64_t row = 2 * fft_passes<T>().lanes;
  const size_t shallow = std::max(done, shallow_);
  int64_t count = 1;
  for (size_t i = 0; i < shallow; ++i) {
    if (i >= done) steps_[i].run(pass(steps_[i], rows, count));
    count *= steps_[i].radix;
  }
  if (shallow == steps_.size()) return;
  // The rest of each of the shorter transforms while it is in the cache.
  const int64_t size = n_ / count;
  FftRows<T> part = rows;
  for (int64_t k = 0; k < count; ++k, part.re += size * row, part.im += size * row) {
    int64_t inside = 1;
    for (size_t i = shallow; i < steps_.size(); ++i) {
      steps_[i].run(pass(steps_[i], part, inside));
      inside *= steps_[i].radix;
    }
  }
}

template <class T>
FftRows<T> FftPlan<T>::run_columns(FftRows<T> rows, FftRows<T> scratch, const FftLines<const T>& from) const {
  if (!steps_.empty() && has_pass(steps_[0].radix)) {
    fft_line_steps<T>().first_pass[steps_[0].radix](pass(steps_[0], rows, 1), from);
    run_steps(rows, 1);
    return rows;
  }
  fft_row_loops<T>().load_columns(std::min(rows.re, rows.im), from, n_, 2);
  return run(rows, scratch);
}

template <class T>
FftRows<T> FftPlan<T>::run(FftRows<T> rows, FftRows<T> scratch) const {
  const int64_t row = 2 * fft_passes<T>().lanes;
  if (convolution_) {
    const FftRowLoops<T>& loops = fft_row_loops<T>();
    const int64_t length = convolution_->n_;
    const int32_t *natural = natural_.data(), *order = convolution_->order();
    loops.multiply(rows, natural, rows, natural, chirp_.data(), n_);
    T* const first = std::min(rows.re, rows.im);
    std::fill(first + n_ * row, first + length * row, T(0));
    convolution_->run(rows, scratch);
    loops.multiply(scratch, natural, rows, order, response_.data(), length);
    // With real and imaginary parts in each other's places, forward is backward.
    convolution_->run({scratch.im, scratch.re}, rows);
    loops.multiply(scratch, order, scratch, order, chirp_.data(), n_);
    return scratch;
  }
  run_steps(rows, 0);
  return rows;
}

template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n) {
  static FftKept<FftPlan<T>> kept;
  return kept.get(n, [n] { return std::make_shared<const FftPlan<T>>(n); });
}
template <class T>
std::shared_ptr<const std::vector<T>> fft_roots(int64_t n) {
  static FftKept<std::vector<T>> kept;
  return kept.get(n, [n] {
    std::vector<T> roots;
    roots.reserve(static_cast<size_t>(2 * n));
    for (int64_t k = 0; k < n; ++k) append_root(roots, k, 2 * n);
    return std::make_shared<const std::vector<T>>(std::move(roots));
  });
}

template void append_root(std::vector<float>&, int64_t, int64_t);
template void append_root(std::vector<double>&, int64_t, int64_t);
template struct FftChirp<float>;
template struct FftChirp<double>;
template class FftPlan<float>;
template class FftPlan<double>;
template std::shared_ptr<const FftPlan<float>> fft_plan<float>(int64_t);
template std::shared_ptr<const FftPlan<double>> fft_plan<double>(int64_t);
template std::shared_ptr<const std::vector<float>> fft_roots<float>(int64_t);
template std::shared_ptr<const std::vector<double>> fft_roots<double>(int64_t);

}  // namespace plait::cpu
