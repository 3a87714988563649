// The loops of batch and group norm: statistics of a channel, an affine map of it, and their derivatives,
// over planes (a channel's elements side by side) and over rows (the channels of one place side by side).
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

struct ChannelMoments {
  double count = 0, mean = 0, squares = 0;  // squares: the sum of squared deviations from the mean
};

template <class T>
struct ChannelNorm {
  // ---- planes of n elements
  void (*moments)(const T* x, int64_t n, ChannelMoments* into);  // adds
  // y = (x - mean) scale + shift
  void (*apply)(const T* x, int64_t n, T mean, T scale, T shift, T* y);
  // sums[0] += the sum of g, sums[1] += that of g (x - mean)
  void (*grad_sums)(const T* g, const T* x, int64_t n, T mean, double* sums);
  // dx = g scale - (x - mean) slope - shift
  void (*grad_apply)(const T* g, const T* x, int64_t n, T mean, T scale, T slope, T shift, T* dx);

  // ---- rows of `channels` elements; the parameters are arrays of as many
  // Adds to means and squares, which stand for `count` rows so far.
  void (*moments_of_rows)(const T* x, int64_t rows, int64_t channels, double count, double* means,
                          double* squares);
  void (*apply_to_rows)(const T* x, int64_t rows, int64_t channels, const T* mean, const T* scale,
                        const T* shift, T* y);
  void (*grad_sums_of_rows)(const T* g, const T* x, int64_t rows, int64_t channels, const T* mean,
                            double* sums, double* dots);
  void (*grad_apply_to_rows)(const T* g, const T* x, int64_t rows, int64_t channels, const T* mean,
                             const T* scale, const T* slope, const T* shift, T* dx);
};
struct ChannelNormTable {
  ChannelNorm<float> f32;
  ChannelNorm<double> f64;
};
PLAIT_ISA_TABLE(ChannelNormTable, channel_norm_table)

// The moments of two sets together (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
// computing sample variances", 1979).
inline __attribute__((always_inline)) void merge_moments(ChannelMoments& a, const ChannelMoments& b) {
  if (b.count == 0) return;
  const double count = a.count + b.count, delta = b.mean - a.mean;
  if (a.count == 0) {
    a = b;
    return;
  }
  a.mean += delta * (b.count / count);
  a.squares += b.squares + delta * delta * (a.count * b.count / count);
  a.count = count;
}

}  // namespace plait::cpu
