// Fourier transforms of CPU tensors, one dimension after the other: some lines at a time are brought into
// buffers, where they lie interleaved, and transformed there (fft_passes.h).
#include "ops/cpu/fft.h"

#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/fft_plan.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kMostLines = 16;
constexpr int64_t kBufferNumbers = 1 << 14;  // of as many lines as fit; they stay in the second-level cache
constexpr int64_t kApart = 80;  // numbers between the buffers, so that they do not share the sets of a cache
constexpr int64_t kWorthThread = 1 << 14;  // numbers

// The lines of a tensor along a dimension, with strides in numbers of type T (two to a complex one).
struct Lines {
  Dims sizes, strides;
  int64_t stride;

  Lines(const Tensor& t, int dim) {
    const int64_t unit = is_complex(t.dtype()) ? 2 : 1;
    for (int d = 0; d < t.dim(); ++d) {
      if (d == dim) continue;
      sizes.push_back(t.sizes()[d]);
      strides.push_back(t.strides()[d] * unit);
    }
    stride = t.strides()[dim] * unit;
  }
  Lines every_other() const {
    Lines result = *this;
    result.stride *= 2;
    return result;
  }
  int64_t offset(int64_t line) const {
    int64_t result = 0;
    for (int d = sizes.size() - 1; d >= 0; --d) {
      result += line % sizes[d] * strides[d];
      line /= sizes[d];
    }
    return result;
  }
};

template <class T>
class LineTransform {
 public:
  LineTransform(const Tensor& out, const Tensor& in, int dim, bool forward, double scale)
      : to_(out, dim),
        from_(in, dim),
        out_(static_cast<T*>(out.data_ptr())),
        in_(static_cast<const T*>(in.data_ptr())),
        real_in_(!is_complex(in.dtype())),
        real_out_(!is_complex(out.dtype())),
        forward_(forward),
        scale_(static_cast<T>(scale)),
        n_((real_out_ ? out : in).sizes()[dim]),
        halved_((real_in_ || real_out_) && n_ % 2 == 0),
        plan_(fft_plan<T>(halved_ ? n_ / 2 : n_)) {
    if (halved_) roots_ = fft_roots<T>(n_ / 2);
    lines_ = out.numel() / out.sizes()[dim];
  }

  void run() const {
    const int64_t size = plan_->capacity();
    const int64_t together = std::clamp<int64_t>(kBufferNumbers / size, 1, std::min(kMostLines, lines_));
    const int64_t blocks = (lines_ + together - 1) / together;
    parallel_for(0, blocks, std::max<int64_t>(1, kWorthThread / (together * size)),
                 [&](int64_t begin, int64_t end) {
                   const int64_t numbers = size * together + kApart;
                   const Workspace workspace(4 * numbers * static_cast<int64_t>(sizeof(T)));
                   T* const memory = static_cast<T*>(workspace.data());
                   for (int64_t block = begin; block < end; ++block)
                     run_block(block * together, std::min(together, lines_ - block * together),
                               {memory, memory + numbers}, {memory + 2 * numbers, memory + 3 * numbers});
                 });
  }

 private:
  // With real and imaginary parts in each other's places, forward is backward.
  void run_block(int64_t first, int64_t lines, FftRows<T> rows, FftRows<T> scratch) const {
    FftRows<T> given = forward_ ? rows : FftRows<T>{rows.im, rows.re};
    int64_t at[kMostLines];
    for (int64_t l = 0; l < lines; ++l) at[l] = from_.offset(first + l);
    if (real_in_)
      halved_ ? gather_pairs(given, at, lines) : gather_reals(given, at, lines);
    else if (real_out_)
      halved_ ? gather_half(given, at, lines) : gather_hermitian(given, at, lines);
    else
      gather(given, at, lines);
    FftRows<T> result = plan_->run(rows, scratch, lines);
    if (!forward_) std::swap(result.re, result.im);
    for (int64_t l = 0; l < lines; ++l) at[l] = to_.offset(first + l);
    if (real_in_)
      halved_ ? scatter_half(result, at, lines) : scatter(result, at, lines, n_ / 2 + 1);
    else if (real_out_)
      halved_ ? scatter_pairs(result, at, lines) : scatter_reals(result, at, lines);
    else
      scatter(result, at, lines, n_);
  }

  // Calls f(place in a buffer, number in the tensor, its place in the line) for `count` numbers of each line.
  template <class P, class F>
  static void walk(P* data, const Lines& layout, const int64_t* at, int64_t lines, int64_t count,
                   const F& f) {
    for (int64_t l = 0; l < lines; ++l) {
      P* x = data + at[l];
      for (int64_t k = 0; k < count; ++k, x += layout.stride) f(k * lines + l, x, k);
    }
  }

  void gather(FftRows<T> to, const int64_t* at, int64_t lines) const {
    walk(in_, from_, at, lines, n_,
         [&](int64_t i, const T* x, int64_t) { to.re[i] = x[0], to.im[i] = x[1]; });
  }
  void scatter(FftRows<T> from, const int64_t* at, int64_t lines, int64_t count) const {
    walk(out_, to_, at, lines, count,
         [&](int64_t i, T* x, int64_t) { x[0] = from.re[i] * scale_, x[1] = from.im[i] * scale_; });
  }
  void gather_reals(FftRows<T> to, const int64_t* at, int64_t lines) const {
    walk(in_, from_, at, lines, n_, [&](int64_t i, const T* x, int64_t) { to.re[i] = *x, to.im[i] = 0; });
  }
  void scatter_reals(FftRows<T> from, const int64_t* at, int64_t lines) const {
    walk(out_, to_, at, lines, n_, [&](int64_t i, T* x, int64_t) { *x = from.re[i] * scale_; });
  }
  // The coefficients that are not given are the others' conjugates; the first one is real.
  void gather_hermitian(FftRows<T> to, const int64_t* at, int64_t lines) const {
    walk(in_, from_, at, lines, n_ / 2 + 1, [&](int64_t i, const T* x, int64_t k) {
      to.re[i] = x[0];
      to.im[i] = k == 0 ? 0 : x[1];
      if (k == 0) return;
      const int64_t mirrored = i + (n_ - 2 * k) * lines;
      to.re[mirrored] = x[0];
      to.im[mirrored] = -x[1];
    });
  }

  // Of n real numbers, n even, those at even places are taken as real and those at odd ones as imaginary
  // parts of n / 2 numbers. With Z the transform of these, that of the first is (Z_k + conj Z_{n/2-k}) / 2,
  // that of the second (Z_k - conj Z_{n/2-k}) / 2i, and what is wanted the first plus the second times exp(-2
  // pi i k / n).
  void gather_pairs(FftRows<T> to, const int64_t* at, int64_t lines) const {
    walk(in_, from_.every_other(), at, lines, n_ / 2,
         [&](int64_t i, const T* x, int64_t) { to.re[i] = x[0], to.im[i] = x[from_.stride]; });
  }
  void scatter_pairs(FftRows<T> from, const int64_t* at, int64_t lines) const {
    walk(out_, to_.every_other(), at, lines, n_ / 2, [&](int64_t i, T* x, int64_t) {
      x[0] = from.re[i] * scale_;
      x[to_.stride] = from.im[i] * scale_;
    });
  }
  void scatter_half(FftRows<T> z, const int64_t* at, int64_t lines) const {
    const int64_t half = n_ / 2;
    walk(out_, to_, at, lines, half + 1, [&](int64_t i, T* x, int64_t k) {
      const int64_t l = i - k * lines, j = k == half ? l : i, mirrored = k == 0 ? l : (half - k) * lines + l;
      const T even_re = z.re[j] + z.re[mirrored], even_im = z.im[j] - z.im[mirrored];
      const T odd_re = z.im[j] + z.im[mirrored], odd_im = z.re[mirrored] - z.re[j];
      const T w_re = k == half ? T(-1) : (*roots_)[static_cast<size_t>(2 * k)];
      const T w_im = k == half ? T(0) : (*roots_)[static_cast<size_t>(2 * k + 1)];
      x[0] = (even_re + odd_re * w_re - odd_im * w_im) * (scale_ / 2);
      x[1] = (even_im + odd_re * w_im + odd_im * w_re) * (scale_ / 2);
    });
  }
  // The way back: twice Z, whose transform backward of half the length makes up for that.
  void gather_half(FftRows<T> to, const int64_t* at, int64_t lines) const {
    const int64_t half = n_ / 2;
    walk(in_, from_, at, lines, half, [&](int64_t i, const T* a, int64_t k) {
      const T* const b = a + (half - 2 * k) * from_.stride;
      const T a_im = k == 0 ? 0 : a[1], b_im = k == 0 ? 0 : -b[1];
      const T even_re = a[0] + b[0], even_im = a_im + b_im, d_re = a[0] - b[0], d_im = a_im - b_im;
      const T w_re = (*roots_)[static_cast<size_t>(2 * k)], w_im = -(*roots_)[static_cast<size_t>(2 * k + 1)];
      to.re[i] = even_re - (d_re * w_im + d_im * w_re);
      to.im[i] = even_im + (d_re * w_re - d_im * w_im);
    });
  }

  Lines to_, from_;
  T* out_;
  const T* in_;
  bool real_in_, real_out_, forward_;
  T scale_;
  int64_t n_;
  bool halved_;
  std::shared_ptr<const FftPlan<T>> plan_;
  std::shared_ptr<const std::vector<T>> roots_;
  int64_t lines_;
};

void transform(const Tensor& out, const Tensor& in, int64_t dim, bool forward, double scale) {
  const int d = static_cast<int>(dim);
  if (to_real(out.dtype()) == DType::Float32)
    LineTransform<float>(out, in, d, forward, scale).run();
  else
    LineTransform<double>(out, in, d, forward, scale).run();
}

}  // namespace

void fft(const Tensor& out, const Tensor& self, IntSpan dims, bool forward, double scale) {
  if (out.numel() == 0) return;
  const auto others = dims.first(dims.size() - 1);
  if (!is_complex(out.dtype())) {
    Tensor source = self;
    for (const int64_t d : others) {
      const Tensor next =
          source.same(self) ? empty_tensor(self.sizes(), self.dtype(), self.device()) : source;
      transform(next, source, d, forward, 1);
      source = next;
    }
    return transform(out, source, dims.back(), forward, scale);
  }
  transform(out, self, dims.back(), forward, scale);
  for (const int64_t d : others) transform(out, out, d, forward, 1);
}

}  // namespace plait::cpu
