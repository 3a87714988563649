// The transforms that plait.fft has by name: their dimensions and sizes, norms and paddings.
#include <cmath>

#include "ops/decl/complex.h"
#include "ops/decl/copy.h"
#include "ops/decl/fft.h"
#include "ops/decl/fft_functions.h"
#include "ops/decl/pad.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

using MaybeDims = std::optional<IntSpan>;
using MaybeString = std::optional<std::string_view>;

enum class Transform : uint8_t { Complex, FromReal, ToReal };

struct Function {
  std::string_view name;
  Transform kind;
  bool forward;
  std::string_view for_complex = {};  // of those from real tensors, what does the same to complex ones
};
constexpr Function kFunctions[] = {
    {"fft", Transform::Complex, true},
    {"ifft", Transform::Complex, false},
    {"fft2", Transform::Complex, true},
    {"ifft2", Transform::Complex, false},
    {"fftn", Transform::Complex, true},
    {"ifftn", Transform::Complex, false},
    {"rfft", Transform::FromReal, true, "fft"},
    {"ihfft", Transform::FromReal, false, "ifft"},
    {"rfft2", Transform::FromReal, true, "fft2"},
    {"ihfft2", Transform::FromReal, false, "ifft2"},
    {"rfftn", Transform::FromReal, true, "fftn"},
    {"ihfftn", Transform::FromReal, false, "ifftn"},
    {"irfft", Transform::ToReal, false},
    {"hfft", Transform::ToReal, true},
    {"irfft2", Transform::ToReal, false},
    {"hfft2", Transform::ToReal, true},
    {"irfftn", Transform::ToReal, false},
    {"hfftn", Transform::ToReal, true},
};

const Function& function_of(std::string_view name) {
  for (const Function& f : kFunctions)
    if (f.name == name) return f;
  fail<ValueError>("_fft: expected the name of a function of plait.fft, got '{}'", name);
}

// In a dtype that can be transformed.
Tensor checked(const Function& f, const Tensor& self) {
  check<TypeError>(f.kind != Transform::FromReal || !is_complex(self.dtype()),
                   "fft.{}: expected a real tensor, got {}; use fft.{}", f.name, self.dtype(), f.for_complex);
  const Tensor x = is_integral(self.dtype(), true) ? plait::_convert(self, default_dtype()) : self;
  check<TypeError>(!is_reduced_float(x.dtype()) && (is_floating(x.dtype()) || is_complex(x.dtype())),
                   "fft.{}: expected dtype float32, float64 or complex, got {}; use .float()", f.name,
                   x.dtype());
  check<IndexError>(x.dim() > 0, "fft.{}: expected at least one dimension, got a 0-d tensor", f.name);
  return x;
}

// What the norm multiplies the sums of `count` terms by.
double factor(const Function& f, MaybeString norm, int64_t count) {
  const std::string_view given = norm.value_or("backward");
  const auto n = static_cast<double>(count);
  if (given == "ortho") return 1 / std::sqrt(n);
  check<ValueError>(given == "backward" || given == "forward",
                    "fft.{}: expected norm 'backward', 'forward' or 'ortho', got '{}'", f.name, given);
  return (given == "forward") == f.forward ? 1 / n : 1;
}

Dims dims_of(const Function& f, const Tensor& x, MaybeDims s, MaybeDims dim) {
  const auto rank = static_cast<int>(x.dim());
  Dims dims;
  if (!dim) {
    const int count = s ? static_cast<int>(s->size()) : rank;
    check<ValueError>(count <= rank, "fft.{}: expected at most {} sizes for shape {}, got {}", f.name, rank,
                      x.sizes(), s.value_or(IntSpan()));
    for (int d = rank - count; d < rank; ++d) dims.push_back(d);
    return dims;
  }
  for (const int64_t d : *dim) {
    check<IndexError>(d >= -rank && d < rank, "fft.{}: expected dim between {} and {}, got {}", f.name, -rank,
                      rank - 1, d);
    const int64_t at = d < 0 ? d + rank : d;
    for (const int64_t other : dims)
      check<ValueError>(other != at, "fft.{}: expected different dimensions, got {}", f.name, *dim);
    dims.push_back(at);
  }
  check<ValueError>(!s || static_cast<int>(s->size()) == dims.size(),
                    "fft.{}: expected one size for each of the dimensions {}, got {}", f.name, *dim,
                    s.value_or(IntSpan()));
  return dims;
}

int64_t product(const Dims& sizes) {
  int64_t result = 1;
  for (const int64_t n : sizes) result *= n;
  return result;
}

// Cut off, or filled up with zeros, at the ends of dimensions.
Tensor resized(const Tensor& self, const Dims& dims, const Dims& sizes) {
  Tensor x = self;
  Dims widths(2 * static_cast<int>(x.dim()), 0);
  bool pads = false;
  for (int i = 0; i < dims.size(); ++i) {
    const auto d = static_cast<int>(dims[i]);
    const int64_t more = sizes[i] - x.sizes()[d];
    if (more < 0) x = plait::narrow(x, d, 0, sizes[i]);
    if (more <= 0) continue;
    widths[2 * (static_cast<int>(x.dim()) - 1 - d) + 1] = more;
    pads = true;
  }
  return pads ? plait::constant_pad_nd(x, widths, Scalar(0)) : x;
}

Tensor as_complex(const Tensor& x) {
  return is_complex(x.dtype()) ? x : plait::_convert(x, to_complex(x.dtype()));
}

Tensor call(std::string_view name, const Tensor& self, MaybeDims s, MaybeDims dim, MaybeString norm) {
  const Function& f = function_of(name);
  Tensor x = checked(f, self);
  const Dims dims = dims_of(f, x, s, dim);
  check<ValueError>(!dims.empty() || f.kind == Transform::Complex,
                    "fft.{}: expected at least one dimension, got dim ()", f.name);
  Dims sizes;
  for (int i = 0; i < dims.size(); ++i) {
    const int64_t own = x.sizes()[static_cast<int>(dims[i])];
    const int64_t n = s ? (*s)[static_cast<size_t>(i)] : -1;
    // The last size of those to real tensors is the result's.
    const bool of_result = f.kind == Transform::ToReal && i == dims.size() - 1;
    sizes.push_back(n != -1 ? n : of_result ? 2 * (own - 1) : own);
    check<ValueError>(sizes[i] >= 1,
                      "fft.{}: expected sizes of at least 1, got {} in dimension {} for shape {}", f.name,
                      sizes[i], dims[i], x.sizes());
  }
  const double scale = factor(f, norm, product(sizes));
  if (f.kind == Transform::ToReal) {
    const int64_t n = sizes.back();
    sizes[sizes.size() - 1] = n / 2 + 1;
    x = resized(x, dims, sizes);
    // The inverse transform of the conjugate is the conjugate of the transform, and that is real.
    if (f.forward && is_complex(x.dtype())) x = plait::conj(x);
    return plait::_fft_c2r(as_complex(x), dims, n, scale);
  }
  x = resized(x, dims, sizes);
  if (f.kind == Transform::FromReal) {
    const Tensor half = plait::_fft_r2c(x, dims, scale);
    return f.forward ? half : plait::conj(half);
  }
  return dims.empty() ? as_complex(x) : plait::_fft_c2c(as_complex(x), dims, f.forward, scale);
}

}  // namespace

Op<Tensor(std::string_view, const Tensor&, MaybeDims, MaybeDims, MaybeString)> _fft{{
    .schema = "_fft(str function, Tensor self, int[1]? s=None, int[1]? dim=None, str? norm=None) -> Tensor",
    .doc =
        R"(The transform that plait.fft has by the name `function`, over the dimensions `dim` cut or filled up with zeros to the sizes
s; all dimensions, and their own sizes, where None.

>>> plait._C.ops["_fft"]("fft", plait.tensor([1.0, 1.0]))
tensor([2.+0.j, 0.+0.j]))",
    .composite = call,
    .out = true,
}};

}  // namespace plait::op
