// Convolution of single planes by single filters (depthwise: as many groups as channels), over up to three
// spatial dimensions, with contiguous float32 or float64 planes.
//
// Note [Depthwise convolution]
// A band of source rows is copied with its padding into a buffer that stays in the cache. Forward with stride
// s, element i of a padded row goes to place i / s of part i % s, so that what neighbouring results need from
// a part lies side by side. Transposed, results s j + r with the same r meet neighbouring source elements,
// and only at some places of the filter: they are computed together and interleaved. Either way there is, for
// each of a few kinds of results, a list of taps: an offset in the buffer and a place of the filter. Vectors
// of results are sums over a list.
#pragma once

#include <cstdint>

#include "ops/cpu/isa.h"

namespace plait::cpu {

// How a source and a result meet the filter along one dimension. Forward, result element o meets source
// element o stride - pad + k dilation at place k of the filter; transposed, source element o meets result
// element o stride - pad + k dilation.
struct DepthwiseAxis {
  int64_t from = 1, to = 1, kernel = 1, stride = 1, pad = 0, dilation = 1;
  bool transposed = false;
  int64_t parts() const { return transposed ? 1 : stride; }  // of the source
  int64_t kinds() const { return transposed ? stride : 1; }  // of results
};

struct DepthwiseTap {
  int64_t offset;  // in the buffer
  int64_t place;   // in a plane (y, x) of the filter
};

struct Depthwise {
  DepthwiseAxis axes[3];     // z, y, x; missing ones stand in front with the defaults
  int64_t shift[3];          // the source element at place 0 of the buffer, for the first results
  const uint8_t* used[3];    // by part: does anything meet it?
  const DepthwiseTap* taps;  // those of a kind (row, column) are
  const int64_t* first;      //   taps[first[kind]] ... below taps[first[kind + 1]]
  int64_t part_length;       // of a part of a row in the buffer; at least a vector longer than what is read
  int64_t row_length;        // of the buffer
  int64_t part_needed;       // elements of a part that are filled
  int64_t band_rows;         // rows of results for which the buffer is filled: a multiple of the kinds
  int64_t rows_beyond;       // rows of the buffer that the last result of a band needs beyond its own
  int64_t weights_at, sums_at;  // in the workspace, after the buffer: weights, vectors of sums
  int64_t workspace;            // elements, zeroed before the first use

  int64_t from_size() const { return axes[0].from * axes[1].from * axes[2].from; }
  int64_t to_size() const { return axes[0].to * axes[1].to * axes[2].to; }
  int64_t filter_size() const { return axes[0].kernel * axes[1].kernel * axes[2].kernel; }
};

template <class T>
struct DepthwisePlanes {
  // to = (with `add`: +=) the plane `from` convolved with the filter, plus bias.
  void (*convolve)(const Depthwise& d, const T* from, const T* filter, T bias, bool add, T* to, T* workspace);
  // grad[k] += the sum over results of g times what they meet at place k. Not for transposed ones.
  void (*filter_grad)(const Depthwise& d, const T* from, const T* g, double* grad, T* workspace);
};
struct DepthwiseTable {
  DepthwisePlanes<float> f32;
  DepthwisePlanes<double> f64;
};
PLAIT_ISA_TABLE(DepthwiseTable, depthwise_table)

}  // namespace plait::cpu
