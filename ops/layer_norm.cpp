// Normalisations of rows: layer and root-mean-square norm.
#include "ops/cpu/layer_norm.h"

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/decl/exponential.h"
#include "ops/decl/layer_norm.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
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

// The number of elements of the trailing dimensions `shape` of self.
int64_t check_shape(const char* op, const Tensor& self, IntSpan shape, const Tensor& weight,
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
  return checked_numel(shape, op);
}

// Rows (rows, n) and what goes with them: statistics (rows,), weight and bias (n,).
void check_rows(const char* op, const Tensor& x, std::initializer_list<const Tensor*> stats,
                std::initializer_list<const Tensor*> weights) {
  check(x.dim() == 2, "{}: expected rows of shape (rows, n), got {}", op, x.sizes());
  const auto expect = [&](const Tensor& t, int64_t size) {
    if (!t.defined()) return;
    check(t.dim() == 1 && t.numel() == size && is_floating(t.dtype()),
          "{}: expected a floating tensor of shape ({},) for rows of shape {}, got shape {} and dtype {}", op,
          size, x.sizes(), t.sizes(), t.dtype());
  };
  for (const Tensor* t : stats) expect(*t, x.sizes()[0]);
  for (const Tensor* t : weights) expect(*t, x.sizes()[1]);
}

}  // namespace

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, double, bool)>
    _layer_norm_rows{{
        .schema = "_layer_norm_rows(Tensor self, Tensor? weight, Tensor? bias, float eps, bool center) -> "
                  "(Tensor output, Tensor mean, Tensor rstd)",
        .doc = "Each row of self (rows, n) normalised, scaled and shifted; center=False leaves the mean in.",
        .meta =
            [](const Tensor& self, const Tensor& weight, const Tensor& bias, double, bool) {
              check_rows("_layer_norm_rows", self, {}, {&weight, &bias});
              const TensorSpec stat(Dims{self.sizes()[0]}, compute_dtype(self.dtype()), self.device());
              return std::array<TensorSpec, 3>{TensorSpec(self.sizes(), self.dtype(), self.device()), stat,
                                               stat};
            },
        .vjp =
            [](Vjp& v) {
              if (!v.grad(0).defined()) return;
              const Tensor x = v.in(0), weight = v.in(1), g = v.grad(0);
              const bool center = v.attr<bool>(4);
              if (!grad_enabled()) {
                const auto [dx, dw, db] = plait::_layer_norm_rows_backward(
                    g, x, v.out(1), v.out(2), weight, center, v.needs(0), v.needs(1), v.needs(2));
                if (v.needs(0)) v.set(0, dx);
                if (v.needs(1)) v.set(1, dw);
                if (v.needs(2)) v.set(2, db);
                return;
              }
              // To be differentiated again: in ops, from x itself.
              const Dims dim{-1};
              const Tensor centered = center ? x - plait::mean(x, IntSpan(dim), true) : x;
              const Tensor s = plait::rsqrt(plait::mean(centered * centered, IntSpan(dim), true) +
                                            Scalar(v.attr<double>(3)));
              const Tensor hat = centered * s;
              if (v.needs(0)) {
                const Tensor gw = weight.defined() ? g * weight : g;
                Tensor d = gw - hat * plait::mean(gw * hat, IntSpan(dim), true);
                if (center) d = d - plait::mean(gw, IntSpan(dim), true);
                v.set(0, s * d);
              }
              if (v.needs(1)) v.set(1, plait::sum(g * hat, IntSpan(Dims{0})));
              if (v.needs(2)) v.set(2, plait::sum(g, IntSpan(Dims{0})));
            },
        .save = "self, weight, mean, rstd",
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& self,
               const Tensor& weight, const Tensor& bias, double eps, bool center) {
              const DType compute = mean.dtype();
              const Tensor x = computed(self, compute), w = computed(weight, compute),
                           b = computed(bias, compute);
              const Tensor y =
                  out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(out.sizes(), compute);
              const int64_t rows = x.sizes()[0], n = x.sizes()[1];
              if (n > 0) {
                with_type(compute, [&]<class T>(const cpu::LayerNormRows<T>& k) {
                  parallel_for(0, rows, std::max<int64_t>(1, kGrainElements / n),
                               [&](int64_t begin, int64_t end) {
                                 k.forward(x.data<T>() + begin * n, pointer<T>(w), pointer<T>(b), end - begin,
                                           n, eps, center, y.data<T>() + begin * n, mean.data<T>() + begin,
                                           rstd.data<T>() + begin);
                               });
                });
              }
              if (!y.same(out)) cpu::copy(out, y);
            },
    }};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, bool, bool, bool, bool)>
    _layer_norm_rows_backward{{
        .schema = "_layer_norm_rows_backward(Tensor self, Tensor input, Tensor mean, Tensor rstd, Tensor? "
                  "weight, bool center, bool need_input, bool need_weight, bool need_bias) -> (Tensor input, "
                  "Tensor weight, Tensor bias)",
        .doc = "The gradients of _layer_norm_rows; those not needed are empty.",
        .meta =
            [](const Tensor& self, const Tensor& input, const Tensor& mean, const Tensor& rstd,
               const Tensor& weight, bool, bool dx, bool dw, bool db) {
              const char* op = "_layer_norm_rows_backward";
              check_rows(op, input, {&mean, &rstd}, {&weight});
              check(self.sizes() == input.sizes() && is_floating(input.dtype()),
                    "{}: expected self and a floating input of one shape, got {} and {} of dtype {}", op,
                    self.sizes(), input.sizes(), input.dtype());
              const auto spec = [&](bool need, Dims sizes) {
                return TensorSpec(need ? sizes : Dims{0}, input.dtype(), self.device());
              };
              const Dims row{input.sizes()[1]};
              return std::array<TensorSpec, 3>{spec(dx, input.sizes()), spec(dw, row), spec(db, row)};
            },
        .kind = Kind::Norm,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dx, const Tensor& dw, const Tensor& db, const Tensor& self, const Tensor& input,
               const Tensor& mean, const Tensor& rstd, const Tensor& weight, bool center, bool need_x,
               bool need_w, bool need_b) {
              const DType compute = compute_dtype(input.dtype());
              const Tensor g = computed(self, compute), x = computed(input, compute),
                           w = computed(weight, compute);
              const Tensor m = computed(mean, compute), s = computed(rstd, compute);
              const int64_t rows = x.sizes()[0], n = x.sizes()[1];
              const Tensor out = !need_x || dx.dtype() == compute ? dx : empty_tensor(dx.sizes(), compute);
              // Sums over rows in a fixed number of parts, so that they do not depend on the number of
              // threads.
              const int64_t parts =
                  need_w || need_b ? std::min<int64_t>(8, std::max<int64_t>(1, rows * n / kGrainElements))
                                   : std::max<int64_t>(1, rows * n / kGrainElements);
              const Tensor sums = empty_tensor(Dims{need_w || need_b ? parts : 0, 2, n}, compute);
              if (n > 0) {
                with_type(compute, [&]<class T>(const cpu::LayerNormRows<T>& k) {
                  std::fill(sums.data<T>(), sums.data<T>() + sums.numel(), T(0));
                  parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
                    for (int64_t p = begin; p < end; ++p) {
                      const int64_t first = rows * p / parts, last = rows * (p + 1) / parts;
                      T* sum = sums.data<T>() + p * 2 * n;
                      k.backward(g.data<T>() + first * n, x.data<T>() + first * n, pointer<T>(w),
                                 m.data<T>() + first, s.data<T>() + first, last - first, n, center,
                                 need_x ? out.data<T>() + first * n : nullptr,
                                 need_w || need_b ? sum : nullptr, need_w || need_b ? sum + n : nullptr);
                    }
                  });
                  for (const int which : {0, 1}) {
                    if (!(which == 0 ? need_w : need_b)) continue;
                    T* total = sums.data<T>() + which * n;
                    for (int64_t p = 1; p < parts; ++p)
                      for (int64_t i = 0; i < n; ++i) total[i] += sums.data<T>()[(2 * p + which) * n + i];
                    cpu::copy(which == 0 ? dw : db,
                              from_storage(sums.storage(), compute, Dims{n}, Dims{1}, which * n));
                  }
                });
              }
              if (need_x && !out.same(dx)) cpu::copy(dx, out);
            },
    }};

Op<Tensor(const Tensor&, IntSpan, const Tensor&, const Tensor&, double)> layer_norm{{
    .schema = "layer_norm(Tensor self, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float "
              "eps=1e-05) -> Tensor",
    .doc =
        R"((self - mean) / sqrt(var + eps) * weight + bias over the last dimensions, with the biased variance (Ba et al. 2016).

>>> plait.layer_norm(plait.tensor([1.0, 3.0]), (2,))
tensor([-1.0000,  1.0000]))",
    .composite =
        [](const Tensor& self, IntSpan shape, const Tensor& weight, const Tensor& bias, double eps) {
          const int64_t n = check_shape("layer_norm", self, shape, weight, bias);
          const auto flat = [&](const Tensor& t) { return t.defined() ? plait::reshape(t, Dims{n}) : t; };
          const Tensor rows = plait::reshape(self, Dims{n ? self.numel() / n : 0, n});
          return plait::reshape(
              std::get<0>(plait::_layer_norm_rows(rows, flat(weight), flat(bias), eps, true)), self.sizes());
        },
    .kind = Kind::Norm,
}};

Op<Tensor(const Tensor&, IntSpan, const Tensor&, std::optional<double>)> rms_norm{{
    .schema = "rms_norm(Tensor self, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    .doc = "self / sqrt(mean(self^2) + eps) * weight over the last dimensions; eps defaults to the dtype's "
           "(Zhang and Sennrich 2019).",
    .composite =
        [](const Tensor& self, IntSpan shape, const Tensor& weight, std::optional<double> eps) {
          const int64_t n = check_shape("rms_norm", self, shape, weight, {});
          const double floor = eps.value_or(self.dtype() == DType::Float64    ? 0x1p-52
                                            : self.dtype() == DType::Float16  ? 0x1p-10
                                            : self.dtype() == DType::BFloat16 ? 0x1p-7
                                                                              : 0x1p-23);
          const Tensor rows = plait::reshape(self, Dims{n ? self.numel() / n : 0, n});
          const Tensor flat = weight.defined() ? plait::reshape(weight, Dims{n}) : weight;
          return plait::reshape(std::get<0>(plait::_layer_norm_rows(rows, flat, {}, floor, false)),
                                self.sizes());
        },
    .kind = Kind::Norm,
}};

}  // namespace plait::op
