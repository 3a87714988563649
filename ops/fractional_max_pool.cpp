// Max pooling over windows of one size at pseudo-random places (B. Graham, "Fractional max-pooling", 2014).
#include <algorithm>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/decl/fractional_max_pool.h"
#include "ops/decl/index.h"
#include "ops/pool_common.h"

namespace plait::op {
namespace {

using Pair = std::tuple<Tensor, Tensor>;

constexpr int64_t kGrainElements = 16384;

// Where the windows along one dimension begin: at the last place that fits for the last one, and for the
// others at multiples of a fraction, shifted by the sample. In T, as PyTorch: begins are rounded down.
template <class T>
void begins(T sample, int64_t in, int64_t out, int64_t kernel, int64_t* to) {
  sample = sample > 0 ? std::min(sample, T(1)) : T(0);  // windows stay inside, whatever is given
  const T step = out > 1 ? static_cast<T>(in - kernel) / static_cast<T>(out - 1) : T(0);
  const auto shift = static_cast<int64_t>(sample * step);
  for (int64_t o = 0; o < out - 1; ++o)
    to[o] = static_cast<int64_t>((static_cast<T>(o) + sample) * step) - shift;
  to[out - 1] = in - kernel;
}

template <class T>
void pool_plane(const T* x, const Dims& in, const Dims& out, IntSpan kernel, const std::vector<int64_t>* at,
                T* values, int64_t* indices) {
  for (int64_t z = 0; z < out[0]; ++z)
    for (int64_t y = 0; y < out[1]; ++y)
      for (int64_t w = 0; w < out[2]; ++w) {
        const int64_t first = (at[0][z] * in[1] + at[1][y]) * in[2] + at[2][w];
        T best = x[first];
        int64_t where = first;
        for (int64_t k = 0; k < kernel[0]; ++k)
          for (int64_t j = 0; j < kernel[1]; ++j)
            for (int64_t i = 0; i < kernel[2]; ++i) {
              const int64_t place = first + (k * in[1] + j) * in[2] + i;
              if (x[place] > best || x[place] != x[place]) best = x[place], where = place;
            }
        *values++ = best;
        *indices++ = where;
      }
}

// With a depth of 1 in front where there is none.
Dims three(const Dims& sizes) {
  return sizes.size() == 5 ? Dims{sizes[2], sizes[3], sizes[4]} : Dims{1, sizes[2], sizes[3]};
}

}  // namespace

Op<Pair(const Tensor&, IntSpan, IntSpan, const Tensor&)> _fractional_max_pool{{
    .schema =
        "_fractional_max_pool(Tensor self, int[] kernel_size, int[] output_size, Tensor random_samples) "
        "-> (Tensor values, Tensor indices)",
    .doc =
        "Maxima of windows over (N, C, H, W) or (N, C, D, H, W), and where in their plane they stand. The "
        "samples (N, C, dimensions), from 0 to 1, shift the windows: in two dimensions those along the width "
        "come first.",
    .meta =
        [](const Tensor& self, IntSpan kernel, IntSpan size, const Tensor& samples) {
          const char* op = "fractional_max_pool";
          const auto n = static_cast<size_t>(self.dim()) - 2;
          check((n == 2 || n == 3) && kernel.size() == n && size.size() == n,
                "{}: expected self of shape (N, C, H, W) or (N, C, D, H, W), and as many entries in "
                "kernel_size "
                "and output_size, got shape {}, {} and {}",
                op, self.sizes(), kernel, size);
          for (size_t i = 0; i < n; ++i)
            check(
                kernel[i] > 0 && size[i] > 0 &&
                    self.sizes()[2 + static_cast<int>(i)] >= kernel[i] + size[i] - 1,
                "{}: expected kernel_size and output_size of at least 1, and no more together than one above "
                "the input's size, got {} and {} for shape {}",
                op, kernel, size, self.sizes());
          const Dims expected{self.sizes()[0], self.sizes()[1], static_cast<int64_t>(n)};
          check(samples.sizes() == expected && samples.dtype() == self.dtype(),
                "{}: expected random samples of shape {} and dtype {}, got {} and {}", op, expected,
                self.dtype(), samples.sizes(), samples.dtype());
          const Dims sizes = pool::with_spatial(self.sizes(), size);
          return std::array<TensorSpec, 2>{TensorSpec(sizes, self.dtype(), self.device()),
                                           TensorSpec(sizes, DType::Int64, self.device())};
        },
    .vjp =
        [](Vjp& v) {
          if (!v.grad(0).defined()) return;
          const Dims& sizes = v.sizes(0);
          const auto flat = [&](const Tensor& t) {
            return plait::reshape(t, Dims{sizes[0], sizes[1], pool::plane_of(t.sizes())});
          };
          const Tensor grad = plait::_gather_backward(
              flat(v.grad(0)), Dims{sizes[0], sizes[1], pool::plane_of(sizes)}, 2, flat(v.out(1)));
          v.set(0, plait::reshape(grad, sizes));
        },
    .save = "indices",
    .kind = Kind::Pool,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& values, const Tensor& indices, const Tensor& self, IntSpan kernel, IntSpan,
           const Tensor& samples) {
          if (values.numel() == 0) return;
          const DType compute = self.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
          const auto plain = [&](const Tensor& t) {
            if (t.dtype() == compute && t.is_contiguous()) return t;
            const Tensor x = empty_tensor(t.sizes(), compute);
            cpu::copy(x, t);
            return x;
          };
          const Tensor x = plain(self), shifts = plain(samples);
          const bool direct = values.dtype() == compute && values.is_contiguous();
          const Tensor y = direct ? values : empty_tensor(values.sizes(), compute);
          const Tensor places =
              indices.is_contiguous() ? indices : empty_tensor(indices.sizes(), DType::Int64);
          const Dims in = three(self.sizes()), out = three(values.sizes());
          const int rank = static_cast<int>(self.dim()) - 2;
          const Dims window = rank == 3 ? Dims(kernel) : Dims{1, kernel[0], kernel[1]};
          const int64_t plane = in[0] * in[1] * in[2], results = out[0] * out[1] * out[2];
          const auto go = [&]<class T>() {
            parallel_for(0, y.numel() / results,
                         std::max<int64_t>(1, kGrainElements / (results * window[0] * window[1] * window[2])),
                         [&](int64_t begin, int64_t end) {
                           std::vector<int64_t> at[3];
                           for (int d = 0; d < 3; ++d) at[d].assign(static_cast<size_t>(out[d]), 0);
                           for (int64_t p = begin; p < end; ++p) {
                             for (int d = 3 - rank; d < 3; ++d) {
                               const int which = rank == 3 ? d : 2 - d;
                               begins(shifts.data<T>()[p * rank + which], in[d], out[d], window[d],
                                      at[d].data());
                             }
                             pool_plane(x.data<T>() + p * plane, in, out, window, at,
                                        y.data<T>() + p * results, places.data<int64_t>() + p * results);
                           }
                         });
          };
          if (compute == DType::Float64)
            go.template operator()<double>();
          else
            go.template operator()<float>();
          if (!direct) cpu::copy(values, y);
          if (!places.same(indices)) cpu::copy(indices, places);
        },
}};

}  // namespace plait::op
