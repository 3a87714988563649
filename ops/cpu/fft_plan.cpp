#include "ops/cpu/fft_plan.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <unordered_map>

#include "ops/cpu/fft_passes.h"

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

template <class T>
void append_root(std::vector<T>& to, int64_t k, int64_t n) {
  double re, im;
  root_of_unity(k % n, n, re, im);
  to.push_back(static_cast<T>(re));
  to.push_back(static_cast<T>(im));
}

// Empty where a prime factor is too large for a pass.
std::vector<int64_t> factors_of(int64_t n) {
  std::vector<int64_t> factors;
  const auto divide = [&](int64_t radix) {
    for (; n % radix == 0; n /= radix) factors.push_back(radix);
  };
  for (const int radix : kFftRadices) divide(radix);
  for (int64_t radix = 7; radix <= kFftLargestRadix; radix += 2) divide(radix);
  if (n > 1) factors.clear();
  return factors;
}

template <class T>
const FftPasses<T>& passes_of() {
  if constexpr (sizeof(T) == sizeof(float))
    return fft_table().in_float;
  else
    return fft_table().in_double;
}

// What was made for a length, for as long as there are not too many.
template <class V>
class Kept {
 public:
  template <class F>
  std::shared_ptr<const V> get(int64_t n, const F& make) {
    constexpr size_t kMost = 128;
    const std::lock_guard lock(mutex_);
    std::shared_ptr<const V>& found = values_[n];
    if (!found) {
      std::shared_ptr<const V> made = make();
      if (values_.size() > kMost) values_.clear();
      values_[n] = made;
      return made;
    }
    return found;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<int64_t, std::shared_ptr<const V>> values_;
};

}  // namespace

template <class T>
std::vector<T> roots_of_unity(int64_t n, int64_t count) {
  std::vector<T> roots;
  roots.reserve(static_cast<size_t>(2 * count));
  for (int64_t k = 0; k < count; ++k) append_root(roots, k, n);
  return roots;
}

template <class T>
FftPlan<T>::FftPlan(int64_t n) : n_(n) {
  const std::vector<int64_t> factors = factors_of(n);
  if (n == 1 || !factors.empty())
    plan_passes(factors);
  else
    plan_convolution();
}

template <class T>
void FftPlan<T>::plan_passes(const std::vector<int64_t>& factors) {
  int64_t size = n_;
  for (const int64_t radix : factors) {
    const int64_t m = size / radix;
    Step step{radix, m, numbers_.size(), 0};
    for (int64_t p = 0; p < m; ++p)
      for (int64_t j = 1; j < radix; ++j) append_root(numbers_, j * p, size);
    step.roots = numbers_.size();
    if (radix > 5)
      for (int64_t k = 0; k < radix; ++k) append_root(numbers_, k, radix);
    steps_.push_back(step);
    size = m;
  }
}

// j k = (j^2 + k^2 - (k - j)^2) / 2: the numbers times a chirp are convolved with the chirp's conjugate.
template <class T>
void FftPlan<T>::plan_convolution() {
  int64_t length = 1;
  while (length < 2 * n_ - 1) length *= 2;
  auto plan = std::make_unique<FftPlan>(length);
  for (int64_t k = 0, square = 0; k < n_; ++k) {
    append_root(chirp_, square, 2 * n_);
    square = (square + 2 * k + 1) % (2 * n_);
  }
  std::vector<T> buffer(static_cast<size_t>(4 * length));
  T *re = buffer.data(), *im = re + length;
  for (int64_t k = 0; k < n_; ++k) {
    const auto i = static_cast<size_t>(2 * k);
    re[k] = chirp_[i], im[k] = -chirp_[i + 1];
    if (k > 0) re[length - k] = re[k], im[length - k] = im[k];
  }
  const FftRows<T> result = plan->run({re, im}, {im + length, im + 2 * length}, 1);
  for (int64_t k = 0; k < length; ++k) {
    // With the factor of the way back.
    response_.push_back(result.re[k] / static_cast<T>(length));
    response_.push_back(result.im[k] / static_cast<T>(length));
  }
  convolution_ = std::move(plan);
}

template <class T>
FftRows<T> FftPlan<T>::run(FftRows<T> rows, FftRows<T> scratch, int64_t lines) const {
  if (convolution_) return convolve(rows, scratch, lines);
  int64_t s = lines;
  for (const Step& step : steps_) {
    const T* numbers = numbers_.data();
    const FftPass<T> pass{rows.re,
                          rows.im,
                          scratch.re,
                          scratch.im,
                          step.radix,
                          step.m,
                          s,
                          numbers + step.twiddles,
                          numbers + step.roots};
    (step.radix <= 5 ? passes_of<T>().of_radix[step.radix] : passes_of<T>().by_definition)(pass);
    std::swap(rows, scratch);
    s *= step.radix;
  }
  return rows;
}

namespace {

// The rows times a complex number each.
template <class T>
void multiply(FftRows<T> rows, const std::vector<T>& numbers, int64_t lines) {
  for (size_t k = 0; 2 * k < numbers.size(); ++k) {
    const T w_re = numbers[2 * k], w_im = numbers[2 * k + 1];
    T *re = rows.re + static_cast<int64_t>(k) * lines, *im = rows.im + static_cast<int64_t>(k) * lines;
    for (int64_t l = 0; l < lines; ++l) {
      const T x = re[l], y = im[l];
      re[l] = x * w_re - y * w_im;
      im[l] = x * w_im + y * w_re;
    }
  }
}

}  // namespace

template <class T>
FftRows<T> FftPlan<T>::convolve(FftRows<T> rows, FftRows<T> scratch, int64_t lines) const {
  multiply(rows, chirp_, lines);
  std::fill(rows.re + n_ * lines, rows.re + convolution_->n_ * lines, T(0));
  std::fill(rows.im + n_ * lines, rows.im + convolution_->n_ * lines, T(0));
  FftRows<T> there = convolution_->run(rows, scratch, lines);
  FftRows<T> other = there.re == rows.re ? scratch : rows;
  multiply(there, response_, lines);
  // With real and imaginary parts in each other's places, forward is backward.
  FftRows<T> back = convolution_->run({there.im, there.re}, {other.im, other.re}, lines);
  std::swap(back.re, back.im);
  multiply(back, chirp_, lines);
  return back;
}

template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n) {
  static Kept<FftPlan<T>> kept;
  return kept.get(n, [n] { return std::make_shared<const FftPlan<T>>(n); });
}
template <class T>
std::shared_ptr<const std::vector<T>> fft_roots(int64_t n) {
  static Kept<std::vector<T>> kept;
  return kept.get(n, [n] { return std::make_shared<const std::vector<T>>(roots_of_unity<T>(2 * n, n)); });
}

template class FftPlan<float>;
template class FftPlan<double>;
template std::shared_ptr<const FftPlan<float>> fft_plan<float>(int64_t);
template std::shared_ptr<const FftPlan<double>> fft_plan<double>(int64_t);
template std::shared_ptr<const std::vector<float>> fft_roots<float>(int64_t);
template std::shared_ptr<const std::vector<double>> fft_roots<double>(int64_t);

}  // namespace plait::cpu
