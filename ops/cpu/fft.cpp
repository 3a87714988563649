// Fourier transforms of CPU tensors, one dimension after the other: as many lines at a time as a vector has
// lanes are brought into rows of vectors and transformed there (fft_passes.h); or, where lines are few or do
// not fit the cache, the columns and rows of each (fft_line.h).
#include "ops/cpu/fft.h"

#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/fft_line.h"
#include "ops/cpu/fft_line_steps.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kApart = 80;  // numbers between the buffers, so that they do not share the sets of a cache
constexpr int64_t kWorthThread = 1 << 14;   // numbers
constexpr int64_t kMostBytes = 1 << 19;     // of the rows of one vector: they stay in the second-level cache
constexpr int64_t kMostTogether = 1 << 16;  // bytes of these rows that are read and written again and again
constexpr int64_t kLeastAhead = 1 << 12, kMostAhead = 1 << 15;  // numbers
constexpr int64_t kLeastLine = 64;  // numbers of a line that is worth steps of its own

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
  // Where some lines begin.
  void offsets(int64_t first, int64_t count, int64_t* at) const {
    if (sizes.empty()) {
      std::fill_n(at, count, int64_t{0});
      return;
    }
    const int last = sizes.size() - 1;
    for (int64_t l = 0; l < count;) {
      // Those up to the end of the last dimension are equally far apart.
      const int64_t until = std::min(count, l + sizes[last] - (first + l) % sizes[last]);
      for (int64_t offset = offset_of(first + l); l < until; ++l, offset += strides[last]) at[l] = offset;
    }
  }

 private:
  int64_t offset_of(int64_t line) const {
    int64_t result = 0;
    for (int d = sizes.size() - 1; d > 0; --d) {
      result += line % sizes[d] * strides[d];
      line /= sizes[d];
    }
    return result + line * strides[0];
  }
};

// What a transform along one dimension makes of what.
template <class T>
struct Problem {
  Problem(const Tensor& out, const Tensor& in, int dim, bool is_forward, double factor)
      : to(out, dim),
        from(in, dim),
        out_data(static_cast<T*>(out.data_ptr())),
        in_data(static_cast<const T*>(in.data_ptr())),
        real_in(!is_complex(in.dtype())),
        real_out(!is_complex(out.dtype())),
        forward(is_forward),
        scale(static_cast<T>(factor)),
        n((real_out ? out : in).sizes()[dim]),
        halved((real_in || real_out) && n % 2 == 0),
        length(halved ? n / 2 : n),
        lines(out.numel() / out.sizes()[dim]) {
    if (halved) roots = fft_roots<T>(length);
  }

  Lines to, from;
  T* out_data;
  const T* in_data;
  bool real_in, real_out, forward;
  T scale;
  int64_t n;
  bool halved;     // real lines of even length
  int64_t length;  // of the complex transform
  int64_t lines;
  std::shared_ptr<const std::vector<T>> roots;
};

// Note [Real lines]
// Of n real numbers, n even, those at even places are taken as real and those at odd ones as imaginary parts
// of n / 2 numbers, which is how they lie in memory. With Z the transform of these, that of the first is
// (Z_k + conj Z_{n/2-k}) / 2, that of the second (Z_k - conj Z_{n/2-k}) / 2i, and what is wanted the first
// plus the second times exp(-2 pi i k / n). Coefficients k and n / 2 - k come from the same two numbers. The
// way back gives twice Z, whose transform backward of half the length makes up for that.

// As many lines together as a vector has lanes.
template <class T>
class LanesTransform {
 public:
  LanesTransform(const Problem<T>& problem, const FftPlan<T>& plan) : problem_(problem), plan_(plan) {}

  // Lines begin ... end - 1.
  void run(int64_t begin, int64_t end) const {
    const int64_t lanes = fft_passes<T>().lanes, blocks = (end - begin + lanes - 1) / lanes;
    const int64_t numbers = 2 * lanes * (plan_.capacity() + 1);
    const int64_t grain = std::max<int64_t>(1, kWorthThread / (lanes * plan_.capacity()));
    parallel_for(0, blocks, grain, [&](int64_t first, int64_t last) {
      const Workspace workspace((plan_.needs_scratch() ? 2 * numbers + kApart : numbers) *
                                static_cast<int64_t>(sizeof(T)));
      T* const rows = static_cast<T*>(workspace.data());
      T* const scratch = plan_.needs_scratch() ? rows + numbers + kApart : rows;
      for (int64_t block = first; block < last; ++block) {
        const int64_t line = begin + block * lanes;
        run_block(line, std::min(lanes, end - line), rows, scratch);
      }
    });
  }

 private:
  // With real and imaginary parts in each other's places, forward is backward.
  void run_block(int64_t first, int64_t count, T* rows, T* scratch) const {
    const Problem<T>& p = problem_;
    const int64_t lanes = fft_passes<T>().lanes;
    const FftRowLoops<T>& loops = fft_row_loops<T>();
    const auto parts_of = [&](T* data) {
      return p.forward ? FftRows<T>{data, data + lanes} : FftRows<T>{data + lanes, data};
    };
    int64_t at[kFftMostLanes];
    p.from.offsets(first, count, at);
    std::fill(at + count, at + lanes, at[0]);
    const FftLines<const T> from = {p.in_data, at, count, p.from.stride, ahead_of(at, count)};
    const FftRows<T> run = transform(from, parts_of(rows), parts_of(scratch));
    T* const result = std::min(run.re, run.im);
    p.to.offsets(first, count, at);
    const FftLines<T> to = {p.out_data, at, count, p.to.stride, ahead_of(at, count)};
    if (p.real_in && p.halved)
      loops.to_coefficients({result, result + lanes}, plan_.order(), p.roots->data(), p.length);
    if (p.real_out && p.halved)
      store_pairs(to, result, lanes);
    else
      store(to, result, p.real_in ? p.n / 2 + 1 : p.n, p.real_out ? 1 : 2);
  }

  FftRows<T> transform(const FftLines<const T>& from, FftRows<T> parts, FftRows<T> scratch) const {
    const Problem<T>& p = problem_;
    const int64_t lanes = fft_passes<T>().lanes;
    T* const rows = std::min(parts.re, parts.im);
    if (p.real_in && p.halved) {
      load_pairs(rows, from, lanes);
    } else if (p.real_in) {
      load(rows, from, p.n, 1);
      for (int64_t k = 0; k < p.n; ++k) std::fill_n(rows + (2 * k + 1) * lanes, lanes, T(0));
    } else if (p.real_out) {
      load(rows, from, p.n / 2 + 1, 2);
      if (p.halved)
        fft_row_loops<T>().from_coefficients({rows, rows + lanes}, p.roots->data(), p.length);
      else
        mirror(rows, lanes);
    } else if (!are_contiguous(from, 2) && are_neighbours(from, 2)) {
      return plan_.run_columns(parts, scratch, from);
    } else {
      load(rows, from, p.n, 2);
    }
    return plan_.run(parts, scratch);
  }

  // The distance to lines that come later: memory that is worth fetching early. Processors see by themselves
  // what comes in long lines.
  int64_t ahead_of(const int64_t* at, int64_t count) const {
    if (count < 2) return 0;
    const int64_t block = (at[1] - at[0]) * count;
    if (block <= 0 || block > kMostAhead) return 0;
    return (kLeastAhead + block - 1) / block * block;
  }

  template <class D>
  static bool are_contiguous(const FftLines<D>& lines, int64_t parts) {
    return lines.stride == parts;
  }
  template <class D>
  static bool are_neighbours(const FftLines<D>& lines, int64_t parts) {
    for (int64_t l = 1; l < lines.lanes; ++l)
      if (lines.at[l] != lines.at[l - 1] + parts) return false;
    return true;
  }

  void load(T* rows, const FftLines<const T>& from, int64_t count, int parts) const {
    const FftRowLoops<T>& loops = fft_row_loops<T>();
    if (are_contiguous(from, parts)) return loops.load_lines(rows, from, count, parts);
    if (are_neighbours(from, parts)) return loops.load_columns(rows, from, count, parts);
    const int64_t lanes = fft_passes<T>().lanes;
    for (int64_t k = 0; k < count; ++k, rows += 2 * lanes)
      for (int64_t l = 0; l < lanes; ++l) {
        const T* const x = from.data + from.at[l < from.lanes ? l : 0] + k * from.stride;
        rows[l] = l < from.lanes ? x[0] : T(0);
        if (parts == 2) rows[lanes + l] = l < from.lanes ? x[1] : T(0);
      }
  }
  void store(const FftLines<T>& to, const T* rows, int64_t count, int parts) const {
    const FftRowLoops<T>& loops = fft_row_loops<T>();
    const int32_t* const order = plan_.order();
    if (are_contiguous(to, parts)) return loops.store_lines(to, rows, order, count, parts, problem_.scale);
    if (are_neighbours(to, parts)) return loops.store_columns(to, rows, order, count, parts, problem_.scale);
    const int64_t lanes = fft_passes<T>().lanes;
    for (int64_t k = 0; k < count; ++k)
      for (int64_t l = 0; l < to.lanes; ++l) {
        T* const x = to.data + to.at[l] + k * to.stride;
        const T* const number = rows + order[k] * 2 * lanes + l;
        x[0] = number[0] * problem_.scale;
        if (parts == 2) x[1] = number[lanes] * problem_.scale;
      }
  }
  // Note [Real lines]
  void load_pairs(T* rows, FftLines<const T> from, int64_t lanes) const {
    if (from.stride == 1)
      return load(rows, {from.data, from.at, from.lanes, 2, from.ahead}, problem_.length, 2);
    load(rows, {from.data, from.at, from.lanes, 2 * from.stride}, problem_.length, 1);
    load(rows + lanes, {from.data + from.stride, from.at, from.lanes, 2 * from.stride}, problem_.length, 1);
  }
  void store_pairs(const FftLines<T>& to, const T* rows, int64_t lanes) const {
    if (to.stride == 1) return store({to.data, to.at, to.lanes, 2, to.ahead}, rows, problem_.length, 2);
    store({to.data, to.at, to.lanes, 2 * to.stride}, rows, problem_.length, 1);
    store({to.data + to.stride, to.at, to.lanes, 2 * to.stride}, rows + lanes, problem_.length, 1);
  }
  // The coefficients that are not given are the others' conjugates; the first one is real.
  void mirror(T* rows, int64_t lanes) const {
    std::fill_n(rows + lanes, lanes, T(0));
    for (int64_t k = 1; 2 * k < problem_.n; ++k) {
      const T* const given = rows + k * 2 * lanes;
      T* const other = rows + (problem_.n - k) * 2 * lanes;
      for (int64_t l = 0; l < lanes; ++l) other[l] = given[l], other[lanes + l] = -given[lanes + l];
    }
  }

  const Problem<T>& problem_;
  const FftPlan<T>& plan_;
};

// One line after the other.
template <class T>
class LongTransform {
 public:
  LongTransform(const Problem<T>& problem, const FftLine<T>& plan) : problem_(problem), plan_(plan) {}

  // Lines begin ... end - 1; where they are few, the threads share out each of them.
  void run(int64_t begin, int64_t end) const {
    const auto some = [&](int64_t first, int64_t last) {
      for (int64_t line = first; line < last; ++line) run_line(line);
    };
    if (end - begin < num_threads()) return some(begin, end);
    parallel_for(begin, end, std::max<int64_t>(1, kWorthThread / problem_.n), some);
  }

 private:
  void run_line(int64_t line) const {
    const Problem<T>& p = problem_;
    int64_t in_at = 0, out_at = 0;
    p.from.offsets(line, 1, &in_at);
    p.to.offsets(line, 1, &out_at);
    const T* const in = p.in_data + in_at;
    T* const out = p.out_data + out_at;
    const bool in_lies = p.from.stride == (p.real_in ? 1 : 2) && (p.real_in ? p.halved : !p.real_out);
    const bool out_lies = p.to.stride == (p.real_out ? 1 : 2) && (p.real_out ? p.halved : !p.real_in);
    const Workspace workspace(in_lies && out_lies ? 0 : 2 * p.length * static_cast<int64_t>(sizeof(T)));
    T* const numbers = static_cast<T*>(workspace.data());
    if (!in_lies) gather(numbers, in);
    const bool scaled = !(p.real_in && p.halved);
    plan_.run(in_lies ? in : numbers, out_lies ? out : numbers, p.forward, scaled ? p.scale : T(1));
    if (!out_lies) scatter(out, numbers);
  }

  void gather(T* to, const T* in) const {
    const Problem<T>& p = problem_;
    const int64_t stride = p.from.stride, half = p.length;
    if (p.real_in && p.halved) {
      over(half,
           [=](int64_t k) { to[2 * k] = in[2 * k * stride], to[2 * k + 1] = in[(2 * k + 1) * stride]; });
    } else if (p.real_in) {
      over(p.n, [=](int64_t k) { to[2 * k] = in[k * stride], to[2 * k + 1] = 0; });
    } else if (!p.real_out) {
      over(p.n, [=](int64_t k) { to[2 * k] = in[k * stride], to[2 * k + 1] = in[k * stride + 1]; });
    } else if (!p.halved) {
      over(p.n / 2 + 1, [=, n = p.n](int64_t k) {
        const T re = in[k * stride], im = k == 0 ? T(0) : in[k * stride + 1];
        to[2 * k] = re, to[2 * k + 1] = im;
        if (k > 0) to[2 * (n - k)] = re, to[2 * (n - k) + 1] = -im;
      });
    } else if (stride == 2) {
      over_pairs({to, in, p.roots->data(), half, 0, 0, T(1)}, fft_line_steps<T>().from_coefficients);
    } else {
      const Workspace workspace((half + 1) * 2 * static_cast<int64_t>(sizeof(T)));
      T* const numbers = static_cast<T*>(workspace.data());
      over(half + 1,
           [=](int64_t k) { numbers[2 * k] = in[k * stride], numbers[2 * k + 1] = in[k * stride + 1]; });
      over_pairs({to, numbers, p.roots->data(), half, 0, 0, T(1)}, fft_line_steps<T>().from_coefficients);
    }
  }

  void scatter(T* out, const T* from) const {
    const Problem<T>& p = problem_;
    const int64_t stride = p.to.stride, half = p.length;
    if (p.real_out && p.halved) {
      over(half, [=](int64_t k) {
        out[2 * k * stride] = from[2 * k], out[(2 * k + 1) * stride] = from[2 * k + 1];
      });
    } else if (p.real_out) {
      over(p.n, [=](int64_t k) { out[k * stride] = from[2 * k]; });
    } else if (!p.halved) {
      over(p.real_in ? p.n / 2 + 1 : p.n,
           [=](int64_t k) { out[k * stride] = from[2 * k], out[k * stride + 1] = from[2 * k + 1]; });
    } else if (stride == 2) {
      over_pairs({out, from, p.roots->data(), half, 0, 0, p.scale}, fft_line_steps<T>().to_coefficients);
    } else {
      const Workspace workspace((half + 1) * 2 * static_cast<int64_t>(sizeof(T)));
      T* const numbers = static_cast<T*>(workspace.data());
      over_pairs({numbers, from, p.roots->data(), half, 0, 0, p.scale}, fft_line_steps<T>().to_coefficients);
      over(half + 1,
           [=](int64_t k) { out[k * stride] = numbers[2 * k], out[k * stride + 1] = numbers[2 * k + 1]; });
    }
  }

  static void over_pairs(FftCoefficients<T> problem, void (*run)(const FftCoefficients<T>&)) {
    parallel_for(0, problem.half / 2 + 1, kWorthThread, [&](int64_t begin, int64_t end) {
      FftCoefficients<T> part = problem;
      part.begin = begin, part.end = end;
      run(part);
    });
  }
  template <class F>
  static void over(int64_t count, const F& f) {
    parallel_for(0, count, kWorthThread, [&](int64_t begin, int64_t end) {
      for (int64_t k = begin; k < end; ++k) f(k);
    });
  }

  const Problem<T>& problem_;
  const FftLine<T>& plan_;
};

template <class T>
void transform_of(const Problem<T>& p) {
  const int64_t lanes = fft_passes<T>().lanes;
  const auto bytes = p.length * static_cast<int64_t>(sizeof(T)) * 2 * lanes;
  const int64_t in_unit = p.real_in ? 1 : 2, out_unit = p.real_out ? 1 : 2;
  const bool contiguous = p.from.stride == in_unit && p.to.stride == out_unit;
  std::shared_ptr<const FftLine<T>> line;
  std::shared_ptr<const FftPlan<T>> plan;
  // By lanes, all lines, where as many as a vector has lanes fit the cache; but lines that fill vectors by
  // themselves stay in a nearer one.
  int64_t by_lanes = bytes <= kMostBytes ? p.lines : 0;
  if (by_lanes > 0 && contiguous && bytes > kMostTogether) {
    line = fft_line<T>(p.length);
    if (line->fills_vectors()) by_lanes = 0;
  }
  if (by_lanes > 0) plan = fft_plan<T>(p.length);
  const int64_t rest = p.lines % lanes;
  if (by_lanes > 0 && rest != 0 && rest <= lanes / 2 && p.length >= kLeastLine) {
    if (!line) line = fft_line<T>(p.length);
    if (rest * line->work() < plan->work()) by_lanes -= rest;
  }
  if (by_lanes < p.lines && !line) line = fft_line<T>(p.length);
  if (by_lanes > 0) LanesTransform<T>(p, *plan).run(0, by_lanes);
  if (by_lanes < p.lines) LongTransform<T>(p, *line).run(by_lanes, p.lines);
}

void transform(const Tensor& out, const Tensor& in, int64_t dim, bool forward, double scale) {
  const int d = static_cast<int>(dim);
  if (to_real(out.dtype()) == DType::Float32)
    transform_of(Problem<float>(out, in, d, forward, scale));
  else
    transform_of(Problem<double>(out, in, d, forward, scale));
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
