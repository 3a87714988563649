// Normalisations of rows: layer and root-mean-square norm.
#include "ops/cpu/layer_norm.h"

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/row_blocks.h"
#include "ops/cpu/workspace.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/layer_norm.h"
#include "ops/decl/reduce.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/index_common.h"
#include "ops/layer_norm.h"
#include "ops/math.h"

namespace plait::op {
namespace {

constexpr int64_t kGrainElements = 16384;

DType compute_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }
Tensor computed(const Tensor& t, DType compute) {
  if (!t.defined() || (t.dtype() == compute && t.is_contiguous())) return t;
  Tensor out = empty_tensor(t.sizes(), compute);
  cpu::copy(out, t);
  return out;
}
template <class T>
T* pointer(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
template <class F>
void with_type(DType compute, F&& f) {
  compute == DType::Float64 ? f.template operator()<double>(cpu::layer_norm_table().f64)
                            : f.template operator()<float>(cpu::layer_norm_table().f32);
}

void check_shape(const char* op, const Tensor& self, IntSpan shape, const Tensor& weight,
                 const Tensor& bias) {
  const int skip = static_cast<int>(self.dim()) - static_cast<int>(shape.size());
  bool good = !shape.empty() && skip >= 0;
  for (size_t i = 0; good && i < shape.size(); ++i)
    good = self.sizes()[skip + static_cast<int>(i)] == shape[i];
  check(good, "{}: normalized_shape {} must equal the last dimensions of self of shape {}", op, shape,
        self.sizes());
  for (const Tensor* t : {&weight, &bias})
    check(!t->defined() || same(t->sizes(), shape), "{}: expected weight and bias of shape {}, got {}", op,
          shape, t->defined() ? t->sizes() : Dims());
}

void check_lower(const char* op, std::optional<DType> lower) {
  check<TypeError>(!lower || is_reduced_float(*lower), "{}: expected lower of float16 or bfloat16, got {}",
                   op, lower.value_or(DType::Float16));
}

// The rows of self: how many there are, and of how many elements, those of the last `dims` dimensions.
struct Rows {
  int64_t count = 1, n = 1;
  Dims shape;  // (n) before it was made one
};
Rows rows_of(const Tensor& self, int64_t dims) {
  Rows rows;
  for (int d = 0; d < self.dim(); ++d) {
    if (d < self.dim() - dims) {
      rows.count *= self.sizes()[d];
    } else {
      rows.n *= self.sizes()[d];
      rows.shape.push_back(self.sizes()[d]);
    }
  }
  return rows;
}
Rows check_rows(const char* op, const Tensor& self, int64_t dims, std::initializer_list<const Tensor*> stats,
                std::initializer_list<const Tensor*> weights) {
  check(dims > 0 && dims <= self.dim(), "{}: expected 1 to {} dimensions for self of shape {}, got {}", op,
        self.dim(), self.sizes(), dims);
  const Rows rows = rows_of(self, dims);
  const auto expect = [&](const Tensor& t, const Dims& sizes) {
    if (!t.defined()) return;
    check(t.sizes() == sizes && is_floating(t.dtype()),
          "{}: expected a floating tensor of shape {} for self of shape {}, got shape {} and dtype {}", op,
          sizes, self.sizes(), t.sizes(), t.dtype());
  };
  for (const Tensor* t : stats) expect(*t, Dims{rows.count});
  for (const Tensor* t : weights) expect(*t, rows.shape);
  return rows;
}

// Contiguous rows at one distance; else a copy, which backward needs too.
Tensor in_rows(const Tensor& self, int64_t dims) {
  const bool good =
      self.is_contiguous() || row_stride(self.sizes(), self.strides(), rows_of(self, dims).n) >= 0;
  return good ? self : plait::contiguous(self);
}

// The derivative in ops, from self alone, so that it can be differentiated again.
void vjp_in_ops(Vjp& v) {
  const Tensor x = v.in(0), weight = v.in(2), g = v.grad(0);
  const int dims = static_cast<int>(v.attr<int64_t>(1)), skip = static_cast<int>(x.dim()) - dims;
  const bool center = v.attr<bool>(5);
  Dims inner, outer;
  for (int d = 0; d < x.dim(); ++d) (d < skip ? outer : inner).push_back(d);
  const auto mean = [&](const Tensor& t) { return plait::mean(t, IntSpan(inner), true); };
  const Tensor centered = center ? x - mean(x) : x;
  const Tensor s = plait::rsqrt(mean(centered * centered) + Scalar(v.attr<double>(4)));
  const Tensor hat = centered * s;
  if (v.needs(0)) {
    const Tensor gw = weight.defined() ? g * weight : g;
    Tensor d = gw - hat * mean(gw * hat);
    if (center) d = d - mean(gw);
    v.set(0, s * d);
  }
  const auto over_rows = [&](const Tensor& t) { return skip ? plait::sum(t, IntSpan(outer)) : t; };
  if (v.needs(2)) v.set(2, over_rows(g * hat));
  if (v.needs(3)) v.set(3, over_rows(g));
}

}  // namespace

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, int64_t, const Tensor&, const Tensor&, double, bool,
                                      std::optional<DType>)>
    _layer_norm{{
        .schema = "_layer_norm(Tensor self, int dims, Tensor? weight, Tensor? bias, float eps, bool center, "
                  "dtype? lower=None) -> (Tensor output, Tensor mean, Tensor rstd)",
        .doc = "self normalised over its last dims dimensions, scaled and shifted; center=False leaves the "
               "mean in. A kernel may leave a copy of the output in the dtype lower with it.",
        .meta =
            [](const Tensor& self, int64_t dims, const Tensor& weight, const Tensor& bias, double, bool,
               std::optional<DType> lower) {
              check_lower("_layer_norm", lower);
              const Rows rows = check_rows("_layer_norm", self, dims, {}, {&weight, &bias});
              const TensorSpec stat(Dims{rows.count}, compute_dtype(self.dtype()), self.device());
              return std::array<TensorSpec, 3>{TensorSpec(self.sizes(), self.dtype(), self.device()), stat,
                                               stat};
            },
        .vjp =
            [](Vjp& v) {
              if (!v.grad(0).defined()) return;
              if (grad_enabled()) return vjp_in_ops(v);
              const auto [dx, dw, db] = plait::_layer_norm_backward(
                  v.grad(0), v.in(0), v.out(1), v.out(2), v.in(2), v.take_sum(0), v.attr<int64_t>(1),
                  v.attr<bool>(5), v.needs(0), v.needs(2), v.needs(3), v.attr<std::optional<DType>>(6));
              if (v.needs(0)) v.set(0, dx);
              if (v.needs(2)) v.set(2, dw);
              if (v.needs(3)) v.set(3, db);
            },
        .save = "self, weight, mean, rstd",
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .grads = GradDType::Lower,
        .cpu =
            [](const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& self, int64_t dims,
               const Tensor& weight, const Tensor& bias, double eps, bool center, std::optional<DType>) {
              const DType compute = mean.dtype();
              const Tensor x = contiguous_copy(self), w = computed(weight, compute),
                           b = computed(bias, compute);
              const Tensor y = out.is_contiguous() ? out : empty_tensor(out.sizes(), out.dtype());
              const Rows rows = rows_of(self, dims);
              const int64_t n = rows.n;
              if (n > 0) {
                with_type(compute, [&]<class T>(const cpu::LayerNormRows<T>& k) {
                  const cpu::RowBlocks<T> of_x(x, n), of_y(y, n);
                  const bool in_place = of_x.is_direct() && of_y.is_direct();
                  parallel_for(0, rows.count, std::max<int64_t>(1, kGrainElements / n),
                               [&](int64_t begin, int64_t end) {
                                 const int64_t most =
                                     in_place ? end - begin : std::min(end - begin, of_x.rows_at_once(n));
                                 const cpu::Workspace workspace(
                                     in_place ? 0 : most * n * static_cast<int64_t>(sizeof(T)));
                                 T* const buffer = static_cast<T*>(workspace.data());
                                 for (int64_t first = begin; first < end; first += most) {
                                   const int64_t count = std::min(most, end - first);
                                   k.forward(of_x.load(first, count, buffer), pointer<T>(w), pointer<T>(b),
                                             count, n, eps, center, of_y.place(first, buffer),
                                             mean.data<T>() + first, rstd.data<T>() + first);
                                   of_y.store(first, count, buffer);
                                 }
                               });
                });
              } else if (rows.count > 0) {  // statistics of nothing
                copy_into(mean, wrapped_scalar(0));
                copy_into(rstd, wrapped_scalar(0));
              }
              if (!y.same(out)) cpu::copy(out, y);
            },
    }};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, const Tensor&, int64_t, bool, bool, bool, bool,
                                      std::optional<DType>)>
    _layer_norm_backward{{
        .schema = "_layer_norm_backward(Tensor self, Tensor input, Tensor mean, Tensor rstd, Tensor? weight, "
                  "Tensor? sum, int dims, bool center, bool need_input, bool need_weight, bool need_bias, "
                  "dtype? lower=None) -> (Tensor input, Tensor weight, Tensor bias)",
        .doc = "The gradients of _layer_norm, sum added to that of the input; those not needed are empty. A "
               "kernel may leave a copy of the input's in the dtype lower with it.",
        .meta =
            [](const Tensor& self, const Tensor& input, const Tensor& mean, const Tensor& rstd,
               const Tensor& weight, const Tensor& sum, int64_t dims, bool, bool dx, bool dw, bool db,
               std::optional<DType> lower) {
              const char* op = "_layer_norm_backward";
              check_lower(op, lower);
              const Rows rows = check_rows(op, input, dims, {&mean, &rstd}, {&weight});
              check(self.sizes() == input.sizes() && is_floating(input.dtype()),
                    "{}: expected self and a floating input of one shape, got {} and {} of dtype {}", op,
                    self.sizes(), input.sizes(), input.dtype());
              check(!sum.defined() || (sum.sizes() == input.sizes() && sum.dtype() == input.dtype()),
                    "{}: expected sum of the input's shape {} and dtype {}, got {} and {}", op, input.sizes(),
                    input.dtype(), sum.defined() ? sum.sizes() : Dims(),
                    sum.defined() ? sum.dtype() : input.dtype());
              const auto spec = [&](bool need, const Dims& sizes) {
                return TensorSpec(need ? sizes : Dims{0}, input.dtype(), self.device());
              };
              return std::array<TensorSpec, 3>{spec(dx, input.sizes()), spec(dw, rows.shape),
                                               spec(db, rows.shape)};
            },
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dw, const Tensor& db, const Tensor& self, const Tensor& input,
               const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor& sum, int64_t dims,
               bool center, bool need_x, bool need_w, bool need_b, std::optional<DType>) {
              const DType compute = compute_dtype(input.dtype());
              const Tensor g = contiguous_copy(self), x = contiguous_copy(input),
                           w = computed(weight, compute),
                           before = need_x && sum.defined() ? contiguous_copy(sum) : Tensor();
              const Tensor m = computed(mean, compute), s = computed(rstd, compute);
              const Rows of = rows_of(input, dims);
              const int64_t rows = of.count, n = of.n;
              const Tensor out = !need_x || dx.is_contiguous() ? dx : empty_tensor(dx.sizes(), dx.dtype());
              // Sums over rows in a fixed number of parts, so that they do not depend on the number of
              // threads.
              const int64_t parts =
                  need_w || need_b ? std::min<int64_t>(8, std::max<int64_t>(1, rows * n / kGrainElements))
                                   : std::max<int64_t>(1, rows * n / kGrainElements);
              const Tensor sums = empty_tensor(Dims{need_w || need_b ? parts : 0, 2, n}, compute);
              if (n > 0) {
                with_type(compute, [&]<class T>(const cpu::LayerNormRows<T>& k) {
                  std::fill(sums.data<T>(), sums.data<T>() + sums.numel(), T(0));
                  const cpu::RowBlocks<T> of_g(g, n), of_x(x, n), of_sum(before.defined() ? before : g, n),
                      of_dx(need_x ? out : g, n);
                  const bool in_place = of_g.is_direct() && of_x.is_direct();
                  parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
                    const int64_t most = in_place ? rows : std::min(rows, of_g.rows_at_once(n));
                    const cpu::Workspace workspace(in_place ? 0
                                                            : 3 * most * n * static_cast<int64_t>(sizeof(T)));
                    T *g_block = static_cast<T*>(workspace.data()), *x_block = g_block + most * n,
                      *sum_block = x_block + most * n;
                    for (int64_t p = begin; p < end; ++p) {
                      const int64_t last = rows * (p + 1) / parts;
                      T* part = need_w || need_b ? sums.data<T>() + p * 2 * n : nullptr;
                      for (int64_t first = rows * p / parts; first < last; first += most) {
                        const int64_t count = std::min(most, last - first);
                        k.backward(of_g.load(first, count, g_block), of_x.load(first, count, x_block),
                                   pointer<T>(w), m.data<T>() + first, s.data<T>() + first,
                                   before.defined() ? of_sum.load(first, count, sum_block) : nullptr, count,
                                   n, center, need_x ? of_dx.place(first, g_block) : nullptr, part,
                                   part ? part + n : nullptr);
                        if (need_x) of_dx.store(first, count, g_block);
                      }
                    }
                  });
                  for (const int which : {0, 1}) {
                    if (!(which == 0 ? need_w : need_b)) continue;
                    T* total = sums.data<T>() + which * n;
                    for (int64_t p = 1; p < parts; ++p)
                      for (int64_t i = 0; i < n; ++i) total[i] += sums.data<T>()[(2 * p + which) * n + i];
                    cpu::copy(which == 0 ? dw : db, from_storage(sums.storage(), compute, of.shape,
                                                                 contiguous_strides(of.shape), which * n));
                  }
                });
              }
              if (need_x && !out.same(dx)) cpu::copy(dx, out);
            },
    }};

Tensor layer_norm_for(std::optional<DType> lower, const Tensor& self, IntSpan shape, const Tensor& weight,
                      const Tensor& bias, double eps) {
  check_shape("layer_norm", self, shape, weight, bias);
  const auto dims = static_cast<int64_t>(shape.size());
  return std::get<0>(plait::_layer_norm(in_rows(self, dims), dims, weight, bias, eps, true, lower));
}

Tensor rms_norm_for(std::optional<DType> lower, const Tensor& self, IntSpan shape, const Tensor& weight,
                    std::optional<double> eps) {
  check_shape("rms_norm", self, shape, weight, {});
  const double floor = eps.value_or(to_real(self.dtype()) == DType::Float64 ? 0x1p-52
                                    : self.dtype() == DType::Float16        ? 0x1p-10
                                    : self.dtype() == DType::BFloat16       ? 0x1p-7
                                                                            : 0x1p-23);
  const auto dims = static_cast<int64_t>(shape.size());
  if (is_complex(self.dtype())) {  // as in PyTorch squares are meant, not those of absolute values
    Dims last;
    for (int64_t d = -dims; d < 0; ++d) last.push_back(d);
    const Tensor square = plait::mean(plait::square(self), IntSpan(last), true, std::nullopt);
    const Tensor scaled = self * plait::rsqrt(square + Scalar(floor));
    return weight.defined() ? scaled * weight : scaled;
  }
  return std::get<0>(plait::_layer_norm(in_rows(self, dims), dims, weight, {}, floor, false, lower));
}

Op<Tensor(const Tensor&, IntSpan, const Tensor&, const Tensor&, double)> layer_norm{{
    .schema = "layer_norm(Tensor self, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float "
              "eps=1e-05) -> Tensor",
    .doc =
        R"((self - mean) / sqrt(var + eps) * weight + bias over the last dimensions, with the biased variance (Ba et al. 2016).

>>> plait.layer_norm(plait.tensor([1.0, 3.0]), (2,))
tensor([-1.0000,  1.0000]))",
    .composite = [](const Tensor& self, IntSpan shape, const Tensor& weight, const Tensor& bias,
                    double eps) { return layer_norm_for(std::nullopt, self, shape, weight, bias, eps); },
    .kind = Kind::Norm,
}};

Op<Tensor(const Tensor&, IntSpan, const Tensor&, std::optional<double>)> rms_norm{{
    .schema = "rms_norm(Tensor self, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    .doc = "self / sqrt(mean(self^2) + eps) * weight over the last dimensions; eps defaults to the dtype's "
           "(Zhang and Sennrich 2019). Complex numbers are squared as they are.",
    .composite =
        [](const Tensor& self, IntSpan shape, const Tensor& weight, std::optional<double> eps) {
          return rms_norm_for(std::nullopt, self, shape, weight, eps);
        },
    .kind = Kind::Norm,
}};

}  // namespace plait::op
