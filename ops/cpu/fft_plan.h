// What a Fourier transform of n numbers consists of: passes by the factors of n, or, where a prime factor is
// large, a convolution (Bluestein, 1970).
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "ops/cpu/fft_rows.h"

namespace plait::cpu {

// Of rows, as many lines as a vector has lanes.
template <class T>
class FftPlan {
 public:
  explicit FftPlan(int64_t n);

  int64_t size() const { return n_; }
  // How many rows the buffers must hold, beside one more.
  int64_t capacity() const { return convolution_ ? convolution_->n_ : n_; }
  bool needs_scratch() const { return convolution_ != nullptr; }
  // How much it takes, in transforms of so many rows without large factors.
  int64_t work() const { return convolution_ ? 3 * convolution_->n_ : n_; }
  // The sums over exp(-2 pi i j k / n) of the first n rows, in rows order()[k] of what is returned: `rows` or
  // `scratch`.
  FftRows<T> run(FftRows<T> rows, FftRows<T> scratch) const;
  // The same of complex numbers that are neighbours in memory and have no rows yet.
  FftRows<T> run_columns(FftRows<T> rows, FftRows<T> scratch, const FftLines<const T>& from) const;
  // One row of those that the buffers hold more follows the n.
  const int32_t* order() const { return order_.data(); }

 private:
  struct Step {
    void (*run)(const FftPass<T>& pass);
    int64_t radix, m;
    size_t twiddles, roots;  // where they begin
  };
  void plan_passes(const std::vector<int64_t>& factors);
  void plan_convolution();
  FftPass<T> pass(const Step& step, FftRows<T> rows, int64_t count) const;
  void run_steps(FftRows<T> rows, size_t done) const;

  int64_t n_;
  std::vector<Step> steps_;
  size_t shallow_ = 0;  // steps of transforms that are too long for the first-level cache
  std::vector<T> numbers_;
  std::vector<int32_t> order_;
  std::unique_ptr<const FftPlan> convolution_;
  std::vector<T> chirp_, response_;
  std::vector<int32_t> natural_;  // 0, 1, ...
};

// Whether n has no factor that is too large for a pass.
bool fft_has_passes(int64_t n);

// j k = (j^2 + k^2 - (k - j)^2) / 2: numbers times a chirp are convolved with the chirp's conjugate.
template <class T>
struct FftChirp {
  explicit FftChirp(int64_t n);
  int64_t length;          // of the convolution
  std::vector<T> numbers;  // exp(-pi i k^2 / n) for k below n
  // The conjugates over the convolution's length, and what it takes to get back from there: `length` numbers.
  std::vector<T> conjugates;
};

// exp(-2 pi i k / n)
template <class T>
void append_root(std::vector<T>& to, int64_t k, int64_t n);

// What was made for a length, for as long as there are not too many.
template <class V>
class FftKept {
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

// Plans are kept.
template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n);
// Roots for transforms of 2 n real numbers by n complex ones: as many as n.
template <class T>
std::shared_ptr<const std::vector<T>> fft_roots(int64_t n);

}  // namespace plait::cpu
