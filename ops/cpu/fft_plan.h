// What a Fourier transform of n numbers consists of: passes by the factors of n, or, where a prime factor is
// large, a convolution (Bluestein, 1970).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace plait::cpu {

// Parts of complex numbers, apart.
template <class T>
struct FftRows {
  T *re, *im;
};

template <class T>
class FftPlan {
 public:
  explicit FftPlan(int64_t n);

  // How many numbers of a line the buffers must hold.
  int64_t capacity() const { return convolution_ ? convolution_->n_ : n_; }
  // The sums over exp(-2 pi i j k / n) of n rows of `lines` numbers. Either of the buffers holds the result.
  FftRows<T> run(FftRows<T> rows, FftRows<T> scratch, int64_t lines) const;

 private:
  struct Step {
    int64_t radix, m;
    size_t twiddles, roots;  // where they begin
  };
  void plan_passes(const std::vector<int64_t>& factors);
  void plan_convolution();
  FftRows<T> convolve(FftRows<T> rows, FftRows<T> scratch, int64_t lines) const;

  int64_t n_;
  std::vector<Step> steps_;
  std::vector<T> numbers_;
  std::unique_ptr<const FftPlan> convolution_;
  std::vector<T> chirp_;     // exp(-pi i k^2 / n)
  std::vector<T> response_;  // the transform of its conjugate, over the convolution's length
};

// exp(-2 pi i k / n) for k from 0 to count - 1.
template <class T>
std::vector<T> roots_of_unity(int64_t n, int64_t count);

// Plans are kept.
template <class T>
std::shared_ptr<const FftPlan<T>> fft_plan(int64_t n);
// Roots for transforms of 2 n real numbers by n complex ones: as many as n.
template <class T>
std::shared_ptr<const std::vector<T>> fft_roots(int64_t n);

}  // namespace plait::cpu
