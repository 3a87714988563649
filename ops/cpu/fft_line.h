// A Fourier transform of one line at a time: of long ones, and where there are fewer than a vector has lanes.
#pragma once

#include "ops/cpu/fft_plan.h"

namespace plait::cpu {

// Of n = a b numbers: the columns of an a by b matrix are transformed, its numbers turned, then its rows
// (Bailey's four steps), each as many together as a vector has lanes. Where a factor of n is too large for
// that, a convolution.
template <class T>
class FftLine {
 public:
  explicit FftLine(int64_t n);

  // Whether all vectors are of as many numbers as they have lanes.
  bool fills_vectors() const;
  // How much it takes, in rows of vectors (FftPlan::work).
  int64_t work() const;
  // Complex numbers that lie one after the other; `out` may be `in`.
  void run(const T* in, T* out, bool forward, T scale) const;

 private:
  void plan_steps();
  void convolve(const T* in, T* out, bool forward, T scale) const;
  void columns(const T* in, T* matrix, const T* soon, bool forward) const;
  void rows(T* matrix, T* out, bool forward, T scale) const;

  int64_t n_;
  std::shared_ptr<const FftPlan<T>> column_plan_, row_plan_;
  // exp(-2 pi i j k / n) for number k of column j: for the first column of those that are transformed
  // together, and for each of the others beside that.
  std::vector<T> of_first_, of_others_;
  std::unique_ptr<const FftLine> convolution_;
  std::vector<T> chirp_, response_;
};

template <class T>
std::shared_ptr<const FftLine<T>> fft_line(int64_t n);

}  // namespace plait::cpu
