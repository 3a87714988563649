#include "ops/cpu/fft_line.h"

#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/fft_line_steps.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kWorthThread = 1 << 14;  // numbers

int64_t vectors(int64_t n, int64_t lanes) { return (n + lanes - 1) / lanes; }

// to[k] = a[k] * b[k] * scale, or with conjugates of a, of the result, of both.
template <class T>
void multiply(T* to, const T* a, const T* b, int64_t count, T scale, bool conjugate, bool conjugate_result) {
  const T in_sign = conjugate ? T(-1) : T(1), out_sign = conjugate_result ? -scale : scale;
  parallel_for(0, count, kWorthThread, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const T re = a[2 * k], im = a[2 * k + 1] * in_sign, w_re = b[2 * k], w_im = b[2 * k + 1];
      to[2 * k] = (re * w_re - im * w_im) * scale;
      to[2 * k + 1] = (re * w_im + im * w_re) * out_sign;
    }
  });
}

}  // namespace

template <class T>
FftLine<T>::FftLine(int64_t n) : n_(n) {
  if (fft_has_passes(n)) {
    plan_steps();
    return;
  }
  FftChirp<T> chirp(n);
  convolution_ = std::make_unique<const FftLine>(chirp.length);
  convolution_->run(chirp.conjugates.data(), chirp.conjugates.data(), true, T(1));
  response_ = std::move(chirp.conjugates);
  chirp_ = std::move(chirp.numbers);
}

template <class T>
void FftLine<T>::plan_steps() {
  const int64_t lanes = fft_passes<T>().lanes;
  int64_t a = 1, least = 0;
  for (int64_t divisor = 1; divisor * divisor <= n_; ++divisor) {
    if (n_ % divisor != 0) continue;
    const int64_t other = n_ / divisor;
    const int64_t work = vectors(other, lanes) * divisor + vectors(divisor, lanes) * other;
    if (least == 0 || work <= least) least = work, a = divisor;
  }
  const int64_t b = n_ / a;
  column_plan_ = fft_plan<T>(a);
  row_plan_ = fft_plan<T>(b);
  for (int64_t j = 0; j < b; j += lanes)
    for (int64_t k = 0; k < a; ++k) append_root(of_first_, j * k, n_);
  of_others_.resize(static_cast<size_t>(2 * a * lanes));
  std::vector<T> root;
  for (int64_t k = 0; k < a; ++k)
    for (int64_t l = 0; l < lanes; ++l) {
      root.clear();
      append_root(root, k * l, n_);
      const auto at = static_cast<size_t>(2 * k * lanes + l);
      of_others_[at] = root[0];
      of_others_[at + static_cast<size_t>(lanes)] = root[1];
    }
}

template <class T>
bool FftLine<T>::fills_vectors() const {
  const int64_t lanes = fft_passes<T>().lanes;
  return !convolution_ && column_plan_->size() % lanes == 0 && row_plan_->size() % lanes == 0;
}
template <class T>
int64_t FftLine<T>::work() const {
  if (convolution_) return 3 * convolution_->work();
  const int64_t lanes = fft_passes<T>().lanes, a = column_plan_->size(), b = row_plan_->size();
  return vectors(b, lanes) * a + vectors(a, lanes) * b;
}

template <class T>
void FftLine<T>::run(const T* in, T* out, bool forward, T scale) const {
  if (convolution_) return convolve(in, out, forward, scale);
  const int64_t lanes = fft_passes<T>().lanes, a = column_plan_->size(), b = row_plan_->size();
  const Workspace workspace(2 * vectors(a, lanes) * lanes * b * static_cast<int64_t>(sizeof(T)));
  T* const between = static_cast<T*>(workspace.data());
  columns(in, between, out, forward);
  rows(between, out, forward, scale);
}

// Both loops share out blocks of `lanes` lines; f(first line, lines).
template <class F>
static void over_blocks(int64_t lines, int64_t length, int64_t lanes, const F& f) {
  parallel_for(0, vectors(lines, lanes), std::max<int64_t>(1, kWorthThread / (lanes * length)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t block = begin; block < end; ++block)
                   f(block * lanes, std::min(lanes, lines - block * lanes));
               });
}

template <class T>
FftRows<T> directed(T* rows, bool forward) {
  const int64_t lanes = fft_passes<T>().lanes;
  return forward ? FftRows<T>{rows, rows + lanes} : FftRows<T>{rows + lanes, rows};
}

// The matrix that columns() makes has the rows that rows() transforms, as many together as a vector has
// lanes.
template <class T>
void FftLine<T>::columns(const T* in, T* matrix, const T* soon, bool forward) const {
  const int64_t lanes = fft_passes<T>().lanes, a = column_plan_->size(), b = row_plan_->size();
  over_blocks(b, a, lanes, [&](int64_t first, int64_t lines) {
    const Workspace workspace(2 * lanes * a * static_cast<int64_t>(sizeof(T)));
    const FftRows<T> rows = directed(static_cast<T*>(workspace.data()), forward);
    const int64_t at = 2 * first;
    column_plan_->run_columns(rows, rows, {in, &at, lines, 2 * b, 2 * n_});
    const T* const scalars = of_first_.data() + first / lanes * 2 * a;
    fft_line_steps<T>().turn({rows, column_plan_->order(), a, lines, scalars, of_others_.data(),
                              directed(matrix + first * 2 * lanes, forward), b * 2 * lanes,
                              soon + first * 2 * a});
  });
}

template <class T>
void FftLine<T>::rows(T* matrix, T* out, bool forward, T scale) const {
  const int64_t lanes = fft_passes<T>().lanes, a = column_plan_->size(), b = row_plan_->size();
  over_blocks(a, b, lanes, [&](int64_t first, int64_t lines) {
    T* const block = matrix + first * 2 * b;
    row_plan_->run(directed(block, forward), directed(block, forward));
    const int64_t to = 2 * first;
    fft_row_loops<T>().store_columns({out, &to, lines, 2 * a}, block, row_plan_->order(), b, 2, scale);
  });
}

template <class T>
void FftLine<T>::convolve(const T* in, T* out, bool forward, T scale) const {
  const int64_t length = convolution_->n_;
  const Workspace workspace(2 * length * static_cast<int64_t>(sizeof(T)));
  T* const numbers = static_cast<T*>(workspace.data());
  multiply(numbers, in, chirp_.data(), n_, T(1), !forward, false);
  std::fill(numbers + 2 * n_, numbers + 2 * length, T(0));
  convolution_->run(numbers, numbers, true, T(1));
  multiply(numbers, numbers, response_.data(), length, T(1), false, false);
  convolution_->run(numbers, numbers, false, T(1));
  multiply(out, numbers, chirp_.data(), n_, scale, false, !forward);
}

template <class T>
std::shared_ptr<const FftLine<T>> fft_line(int64_t n) {
  static FftKept<FftLine<T>> kept;
  return kept.get(n, [n] { return std::make_shared<const FftLine<T>>(n); });
}

template class FftLine<float>;
template class FftLine<double>;
template std::shared_ptr<const FftLine<float>> fft_line<float>(int64_t);
template std::shared_ptr<const FftLine<double>> fft_line<double>(int64_t);

}  // namespace plait::cpu
