// Distances of pairs of rows.
#include "ops/distances.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "ops/cpu/distances.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/create_range.h"
#include "ops/decl/distances.h"
#include "ops/decl/exponential.h"
#include "ops/decl/index.h"
#include "ops/decl/join.h"
#include "ops/decl/matmul.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/power.h"
#include "ops/decl/reduce.h"
#include "ops/decl/scatter.h"
#include "ops/decl/ternary.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::distances {
namespace {

Tensor number(double value) { return wrapped_scalar(Scalar(value)); }
Tensor zero_where(const Tensor& t, const Tensor& condition) {
  return plait::masked_fill(t, condition, number(0));
}

// Elements of differences that are formed at a time.
constexpr int64_t kManyDifferences = 1 << 22;

}  // namespace

void by_differences(const Tensor& out, const Tensor& x1, const Tensor& x2, double p) {
  if (x1.size(2) == 0) return (void)plait::zero_(out);
  const int64_t step =
      std::max<int64_t>(1, kManyDifferences / std::max<int64_t>(1, x1.size(0) * x2.size(1) * x2.size(2)));
  for (int64_t begin = 0; begin < x1.size(1); begin += step) {
    const int64_t rows = std::min(step, x1.size(1) - begin);
    const Tensor some = plait::unsqueeze(plait::narrow(x1, 1, begin, rows), 2);
    copy_into(plait::narrow(out, 1, begin, rows),
              plait::norm(some - plait::unsqueeze(x2, 1), Scalar(p), Dims{-1}));
  }
}

void of_pairs(const Tensor& out, const Tensor& self, double p) {
  const int64_t n = self.size(0);
  const Tensor places = plait::triu_indices(n, n, 1, DType::Int64, self.device());
  const auto rows = [&](int64_t which) {
    return plait::index_select(self, 0, plait::select(places, 0, which));
  };
  copy_into(out, plait::norm(rows(0) - rows(1), Scalar(p), IntSpan(Dims{1})));
}

void by_product(const Tensor& out, const Tensor& x1, const Tensor& x2) {
  const auto widened = [](const Tensor& x, double factor, bool norm_first) {
    const Tensor norms = plait::sum(x * x, Dims{-1}, true), ones = plait::ones_like(norms);
    const Tensor parts[] = {x * Scalar(factor), norm_first ? norms : ones, norm_first ? ones : norms};
    return plait::cat(parts, -1);
  };
  const Tensor squares = plait::bmm(widened(x1, -2, true), plait::mT(widened(x2, 1, false)));
  op::sqrt.out({&out, 1}, plait::clamp_min_(squares, number(0)));
}

// Of d = |a - b| the derivative by a is sign(a - b) (|a - b| / d)^(p - 1), element by element, or zero. Of
// Euclidean distances that is a product with the matrix of gradient / d: the sum over j of W_ij (a_i - b_j).
// Numbers near each other but far from zero would cancel: the mean is taken away first.
Tensor gradient(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& d, double p) {
  if (p == 0) return plait::zeros_like(x1);
  const Tensor alike = plait::eq(d, number(0));
  if (p == 2) {
    const Tensor w = zero_where(g / plait::masked_fill(d, alike, number(1)), alike),
                 center = plait::mean(x2, IntSpan(Dims{-2}), true);
    return plait::sum(w, IntSpan(Dims{-1}), true) * (x1 - center) - plait::bmm(w, x2 - center);
  }
  const Tensor differences = plait::unsqueeze(x1, 2) - plait::unsqueeze(x2, 1),
               magnitudes = plait::abs(differences);
  Tensor slopes = plait::sign(differences), weight = plait::unsqueeze(g, 3);
  if (std::isinf(p)) {
    slopes = slopes * plait::eq(magnitudes, plait::unsqueeze(d, 3));
  } else if (p != 1) {
    const Tensor safe = plait::masked_fill(magnitudes, plait::eq(differences, number(0)), number(1)),
                 scale = plait::pow(plait::masked_fill(d, alike, number(1)), number(p - 1));
    slopes = slopes * plait::pow(safe, number(p - 1));
    weight = plait::unsqueeze(zero_where(g / scale, alike), 3);
  }
  return plait::sum(slopes * weight, IntSpan(Dims{2}), false, std::nullopt);
}

}  // namespace plait::distances

namespace plait::op {
namespace {

using cpu::Metric;
using cpu::Points;

constexpr auto kDistanceDTypes = static_cast<DTypeSet>(set_of(DType::Float32) | set_of(DType::Float64));

// From so many rows on, Euclidean distances are computed by a matrix product.
constexpr int64_t kRowsWorthProduct = 25;

// Of those distances that have kernels of their own.
bool has_loops(double p) { return p == 1 || p == 2 || p == INFINITY; }

// f.operator()<T>(loops)
template <class F>
void with_loops(DType dtype, double p, const F& f) {
  const Metric metric = p == 1 ? Metric::One : p == 2 ? Metric::Two : Metric::Max;
  if (dtype == DType::Float32)
    f.template operator()<float>(cpu::distance_table().in_float[static_cast<int>(metric)]);
  else
    f.template operator()<double>(cpu::distance_table().in_double[static_cast<int>(metric)]);
}

constexpr int64_t kWorthThread = 1 << 16;  // differences

// f(batch, first row, number of rows) on parts of the rows of x1, with rows of x2 for each.
template <class F>
void over_rows(const Tensor& x1, const Tensor& x2, const F& f) {
  const int64_t rows = x1.size(1), each = x2.size(1) * (x2.size(2) + 1);
  const int64_t step = std::clamp<int64_t>(kWorthThread / std::max<int64_t>(1, each), 1,
                                           std::max<int64_t>(1, rows)),
                parts = (rows + step - 1) / step;
  parallel_for(0, x1.size(0) * parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % parts * step;
      f(i / parts, first, std::min(step, rows - first));
    }
  });
}

// Each pair of rows of one matrix once.
void distances_of_pairs(const Tensor& out, const Tensor& self, double p) {
  const int64_t n = self.size(0), k = self.size(1);
  const Tensor columns = plait::contiguous(plait::transpose(self, 0, 1));
  with_loops(self.dtype(), p, [&]<class T>(const cpu::DistanceLoops<T>& loops) {
    const T* const from = columns.data<T>();
    T* const to = out.data<T>();
    // Row i and row n - 2 - i together have n pairs.
    parallel_for(0, n / 2, std::max<int64_t>(1, kWorthThread / (n * (k + 1))),
                 [&](int64_t begin, int64_t end) {
                   const auto row = [&](int64_t i) {
                     loops.distances(Points<T>{from + i, 1, 1, n}, from + i + 1, k, n, n - 1 - i,
                                     to + i * (2 * n - i - 1) / 2, 0);
                   };
                   for (int64_t i = begin; i < end; ++i) {
                     row(i);
                     if (n - 2 - i != i) row(n - 2 - i);
                   }
                 });
  });
}

// The symmetric matrix (1, n, n), zero on the diagonal, of what each pair of n rows has.
Tensor of_all_pairs(const Tensor& pairs, int64_t n) {
  const Tensor places = plait::triu_indices(n, n, 1, DType::Int64, pairs.device()),
               at = plait::select(places, 0, 0) * Scalar(n) + plait::select(places, 0, 1),
               upper = plait::reshape(
                   plait::scatter_add(plait::zeros(Dims{n * n}, pairs.dtype(), pairs.device()), 0, at, pairs),
                   Dims{1, n, n});
  return upper + plait::mT(upper);
}

// Of the rows of x1, by kernels where no one asks for a derivative of this one. `product`: that of distances
// that were computed by a matrix product is computed by one, too.
Tensor gradient_of_rows(const Tensor& g, const Tensor& x1, const Tensor& x2, const Tensor& d, double p,
                        bool product) {
  return grad_enabled() || product ? distances::gradient(g, x1, x2, d, p)
                                   : plait::_cdist_backward(g, x1, x2, d, p);
}

void check_matrices(const char* name, const Tensor& x1, const Tensor& x2) {
  check(x1.dim() == 3 && x2.dim() == 3 && x1.size(0) == x2.size(0) && x1.size(2) == x2.size(2) &&
            x1.dtype() == x2.dtype(),
        "{}: expected x1 (B, m, k) and x2 (B, n, k) of one dtype, got shapes {} and {} and dtypes {} and {}",
        name, x1.sizes(), x2.sizes(), x1.dtype(), x2.dtype());
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, double, std::optional<std::string_view>)> cdist{{
    .schema = "cdist(Tensor x1, Tensor x2, float p=2.0, str? compute_mode=None) -> Tensor",
    .doc =
        R"(Distances, in the p-norm, of all pairs of rows. Euclidean ones of more than 25 rows are computed by a matrix product, which is
faster and less exact where rows are close; compute_mode="donot_use_mm_for_euclid_dist" keeps to differences.

Shapes: (..., m, k) and (..., n, k) give (..., m, n), leading dimensions broadcast. Dtypes: floats, both the same. p: 0 to inf.

>>> plait.cdist(plait.tensor([[0.0, 0.0]]), plait.tensor([[3.0, 4.0]]))
tensor([[5.]]))",
    .composite =
        [](const Tensor& x1, const Tensor& x2, double p, std::optional<std::string_view> mode) {
          check(x1.dim() >= 2 && x2.dim() >= 2 && x1.sizes().back() == x2.sizes().back(),
                "cdist: expected x1 (..., m, k) and x2 (..., n, k), got shapes {} and {}; try unsqueeze(0)",
                x1.sizes(), x2.sizes());
          check<TypeError>(
              x1.dtype() == x2.dtype(),
              "cdist: expected x1 and x2 of one dtype, got {} and {}; convert one with .to(dtype)",
              x1.dtype(), x2.dtype());
          check(p >= 0, "cdist: expected p >= 0, got {}; 2.0 is the Euclidean distance", p);
          const std::string_view how = mode.value_or("use_mm_for_euclid_dist_if_necessary");
          check(how == "use_mm_for_euclid_dist_if_necessary" || how == "use_mm_for_euclid_dist" ||
                    how == "donot_use_mm_for_euclid_dist",
                "cdist: expected compute_mode 'use_mm_for_euclid_dist_if_necessary', "
                "'use_mm_for_euclid_dist' or 'donot_use_mm_for_euclid_dist', got '{}'",
                how);
          const bool many = x1.size(-2) > kRowsWorthProduct || x2.size(-2) > kRowsWorthProduct;
          const bool product =
              p == 2 && (how == "use_mm_for_euclid_dist" || (many && how != "donot_use_mm_for_euclid_dist"));
          // As matrices (B, m, k) and (B, n, k); 16-bit floats in float32.
          const auto leading = [](const Tensor& x) {
            return IntSpan(x.sizes()).first(x.sizes().size() - 2U);
          };
          const Dims batch = broadcast(Dims(leading(x1)), Dims(leading(x2)), "cdist");
          int64_t count = 1;
          for (const int64_t size : batch) count *= size;
          const auto with = [&](int64_t rows, int64_t columns) {
            Dims sizes = batch;
            sizes.push_back(rows);
            sizes.push_back(columns);
            return sizes;
          };
          const auto matrices = [&](const Tensor& x) {
            const Tensor wide = is_reduced_float(x.dtype()) ? plait::_convert(x, DType::Float32) : x;
            return plait::reshape(plait::expand(wide, with(x.size(-2), x.size(-1))),
                                  Dims{count, x.size(-2), x.size(-1)});
          };
          const Tensor found = plait::reshape(plait::_cdist(matrices(x1), matrices(x2), p, product),
                                              with(x1.size(-2), x2.size(-2)));
          return found.dtype() == x1.dtype() ? found : plait::_convert(found, x1.dtype());
        },
    .kind = Kind::Other,
    .dtypes = kFloatDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, double, bool)> _cdist{{
    .schema = "_cdist(Tensor x1, Tensor x2, float p, bool product) -> Tensor",
    .doc = "cdist of matrices (B, m, k) and (B, n, k); with `product` Euclidean ones by a matrix product.",
    .meta =
        [](const Tensor& x1, const Tensor& x2, double, bool) {
          check_matrices("_cdist", x1, x2);
          return TensorSpec(Dims{x1.size(0), x1.size(1), x2.size(1)}, x1.dtype(), x1.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor x1 = v.in(0), x2 = v.in(1), d = v.out();
          const double p = v.attr<double>(2);
          const bool product = v.attr<bool>(3);
          if (v.needs(0)) v.set(0, gradient_of_rows(v.grad(), x1, x2, d, p, product));
          if (v.needs(1)) v.set(1, gradient_of_rows(plait::mT(v.grad()), x2, x1, plait::mT(d), p, product));
        },
    .save = "x1, x2, result",
    .dtypes = kDistanceDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& x1, const Tensor& x2, double p, bool product) {
          if (out.numel() == 0) return;
          if (product && p == 2) return distances::by_product(out, x1, x2);
          if (!has_loops(p)) return distances::by_differences(out, x1, x2, p);
          const Tensor from = plait::contiguous(x1), columns = plait::contiguous(plait::mT(x2));
          const int64_t m = x1.size(1), n = x2.size(1), k = x1.size(2);
          with_loops(x1.dtype(), p, [&]<class T>(const cpu::DistanceLoops<T>& loops) {
            over_rows(x1, x2, [&](int64_t b, int64_t first, int64_t count) {
              loops.distances(Points<T>{from.data<T>() + (b * m + first) * k, count, k, 1},
                              columns.data<T>() + b * n * k, k, n, n, out.data<T>() + (b * m + first) * n, n);
            });
          });
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double)> _cdist_backward{{
    .schema = "_cdist_backward(Tensor grad, Tensor x1, Tensor x2, Tensor distances, float p) -> Tensor",
    .doc = "The gradient of x1 from that of its distances (B, m, n) to x2.",
    .meta =
        [](const Tensor& grad, const Tensor& x1, const Tensor& x2, const Tensor& distances, double) {
          check_matrices("_cdist_backward", x1, x2);
          check(grad.sizes() == Dims({x1.size(0), x1.size(1), x2.size(1)}) &&
                    grad.sizes() == distances.sizes() && grad.dtype() == x1.dtype() &&
                    distances.dtype() == x1.dtype(),
                "_cdist_backward: expected grad and distances (B, m, n) of x1's dtype {}, got shapes {} and "
                "{} and "
                "dtypes {} and {}",
                x1.dtype(), grad.sizes(), distances.sizes(), grad.dtype(), distances.dtype());
          return TensorSpec(x1.sizes(), x1.dtype(), x1.device());
        },
    .dtypes = kDistanceDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& x1, const Tensor& x2, const Tensor& distances,
           double p) {
          if (out.numel() == 0) return;
          if (!has_loops(p)) return copy_into(out, distances::gradient(grad, x1, x2, distances, p));
          const Tensor g = plait::contiguous(grad), d = plait::contiguous(distances),
                       from = plait::contiguous(x1), columns = plait::contiguous(plait::mT(x2));
          const int64_t m = x1.size(1), n = x2.size(1), k = x1.size(2);
          with_loops(x1.dtype(), p, [&]<class T>(const cpu::DistanceLoops<T>& loops) {
            over_rows(x1, x2, [&](int64_t b, int64_t first, int64_t count) {
              const int64_t row = b * m + first;
              loops.gradient(Points<T>{from.data<T>() + row * k, count, k, 1}, columns.data<T>() + b * n * k,
                             k, n, d.data<T>() + row * n, g.data<T>() + row * n, out.data<T>() + row * k);
            });
          });
        },
}};

Op<Tensor(const Tensor&, double)> _pdist{{
    .schema = "_pdist(Tensor self, float p=2.0) -> Tensor",
    .doc =
        R"(The distances, in the p-norm, of the rows of a matrix (n, k), each pair once: (0, 1), (0, 2), ..., (1, 2), ...

>>> plait._C.ops["_pdist"](plait.tensor([[0.0, 0.0], [3.0, 4.0]]))
tensor([5.]))",
    .meta =
        [](const Tensor& self, double) {
          check(self.dim() == 2, "_pdist: expected a matrix (n, k), got shape {}", self.sizes());
          const int64_t n = self.size(0);
          return TensorSpec(Dims{n * (n - 1) / 2}, self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor x = plait::unsqueeze(v.in(0), 0);
          const int64_t n = x.size(1);
          v.set(0, plait::squeeze(gradient_of_rows(of_all_pairs(v.grad(), n), x, x, of_all_pairs(v.out(), n),
                                                   v.attr<double>(1), false),
                                  Dims{0}));
        },
    .save = "self, result",
    .dtypes = kDistanceDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, double p) {
          if (out.numel() == 0) return;
          if (has_loops(p))
            distances_of_pairs(out, self, p);
          else
            distances::of_pairs(out, self, p);
        },
}};

}  // namespace plait::op
