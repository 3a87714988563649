// New tensors whose elements follow from their position: ranges, the identity, the indices of triangles.
#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "ops/decl/copy.h"
#include "ops/decl/create_range.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDevice = std::optional<Device>;

constexpr int64_t kGrain = 16384;

// out[i] = f(i), for a contiguous out; f gives double, int64 or complex128, which is converted.
template <class F>
void generate(const Tensor& out, const F& f) {
  visit(out.dtype(), [&]<class T>() {
    T* to = out.data<T>();
    parallel_for(0, out.numel(), kGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto value = f(i);
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, int64_t> && std::is_integral_v<T>)
          to[i] = static_cast<T>(value);
        else
          to[i] = Scalar(value).to<T>();
      }
    });
  });
}

// ---- arange

bool all_integers(const Scalar& a, const Scalar& b, const Scalar& c) {
  return a.is_integral(true) && b.is_integral(true) && c.is_integral(true);
}

// For an integer dtype the bounds count as integers, too.
TensorSpec arange_spec(const Scalar& given_start, const Scalar& given_end, const Scalar& given_step,
                       MaybeDType dtype, MaybeDevice device) {
  Scalar start = given_start, end = given_end, step = given_step;
  check<TypeError>(!start.is_complex() && !end.is_complex() && !step.is_complex(),
                   "arange: start, end and step must be real numbers");
  bool integers = all_integers(start, end, step);
  const DType type = dtype.value_or(integers ? DType::Int64 : default_dtype());
  check<TypeError>(!is_complex(type), "arange: expected a real dtype, got {}", type);
  if (!integers && is_integral(type)) {
    for (Scalar* value : {&start, &end, &step}) {
      check(std::abs(value->to<double>()) < 0x1p63, "arange: expected numbers of dtype {}, got {}", type,
            value->to<double>());
      *value = value->to<int64_t>();
    }
    integers = true;
  }
  const double first = start.to<double>(), last = end.to<double>(), by = step.to<double>();
  check(std::isfinite(first) && std::isfinite(last) && !std::isnan(by),
        "arange: expected finite bounds, got start={}, end={}, step={}", first, last, by);
  check(by != 0, "arange: step must not be 0{}",
        is_integral(type) ? ", not for an integer dtype either" : "");
  check(by > 0 ? first <= last : first >= last,
        "arange: step={} does not lead from start={} to end={}; change its sign, or swap the bounds", by,
        first, last);
  int64_t count;
  if (integers) {
    const int64_t a = start.to<int64_t>(), b = end.to<int64_t>(), s = step.to<int64_t>();
    const uint64_t distance = s > 0 ? static_cast<uint64_t>(b) - static_cast<uint64_t>(a)
                                    : static_cast<uint64_t>(a) - static_cast<uint64_t>(b);
    const uint64_t stride = s > 0 ? static_cast<uint64_t>(s) : 0 - static_cast<uint64_t>(s);
    const uint64_t steps = distance / stride + (distance % stride != 0);
    check(steps <= static_cast<uint64_t>(INT64_MAX / 16), "arange: {} to {} by {} has too many elements", a,
          b, s);
    count = static_cast<int64_t>(steps);
  } else {
    const double steps = std::ceil((last - first) / by);
    check(steps < 5e17, "arange: {} to {} by {} has too many elements", first, last, by);
    count = static_cast<int64_t>(steps);
  }
  return TensorSpec(Dims{count}, type, device.value_or(kCPU));
}

void arange_kernel(const Tensor& out, const Scalar& start, const Scalar& step) {
  if (is_integral(out.dtype())) {
    const auto a = static_cast<uint64_t>(start.to<int64_t>()), s = static_cast<uint64_t>(step.to<int64_t>());
    generate(out, [=](int64_t i) { return static_cast<int64_t>(a + static_cast<uint64_t>(i) * s); });
  } else {
    const double a = start.to<double>(), s = step.to<double>();
    generate(out, [=](int64_t i) { return a + static_cast<double>(i) * s; });
  }
}

// ---- linspace, logspace

// For an integer dtype the bounds count as integers, too.
template <class V>
V bound(const Scalar& value, DType dtype) {
  if constexpr (std::is_same_v<V, double>)
    if (is_integral(dtype)) return static_cast<double>(value.to<int64_t>());
  return value.to<V>();
}

TensorSpec steps_spec(const char* op, const Scalar& start, const Scalar& end, int64_t steps, MaybeDType dtype,
                      MaybeDevice device) {
  check(steps >= 0, "{}: expected steps of 0 or more, got {}", op, steps);
  const bool complex = start.is_complex() || end.is_complex();
  const DType type = dtype.value_or(complex ? to_complex(default_dtype()) : default_dtype());
  check<TypeError>(!complex || is_complex(type), "{}: complex bounds need a complex dtype, got {}", op, type);
  checked_numel(Dims{steps}, op);
  return TensorSpec(Dims{steps}, type, device.value_or(kCPU));
}

// Counted from the nearer end, so that both ends are exact.
template <class V, class F>
void spaced(const Tensor& out, const Scalar& start, const Scalar& end, const F& f) {
  const V a = bound<V>(start, out.dtype()), b = bound<V>(end, out.dtype());
  const int64_t steps = out.numel();
  const V step = steps > 1 ? (b - a) / static_cast<double>(steps - 1) : V(0);
  generate(out, [=](int64_t i) {
    return f(i < (steps + 1) / 2 ? a + step * static_cast<double>(i)
                                 : b - step * static_cast<double>(steps - 1 - i));
  });
}

}  // namespace

Op<Tensor(const Scalar&, MaybeDType, MaybeDevice)> arange{{
    .schema = "arange(Scalar end, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc =
        R"(The numbers from start (0) up to, and without, end, by step (1): int64 where all are integers, the default float otherwise.

Raises ValueError where step is 0 or leads away from end.

>>> plait.arange(3)
tensor([0, 1, 2])
>>> plait.arange(1, 2, 0.5)
tensor([1.0000, 1.5000]))",
    .meta = [](const Scalar& end, MaybeDType dtype,
               MaybeDevice device) { return arange_spec(0, end, 1, dtype, device); },
    .kind = Kind::Create,
    .out = true,
    .cpu = [](const Tensor& out, const Scalar&, MaybeDType, MaybeDevice) { arange_kernel(out, 0, 1); },
}};

Op<Tensor(const Scalar&, const Scalar&, MaybeDType, MaybeDevice)> arange_start{{
    .schema = "arange.start(Scalar start, Scalar end, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = "The numbers from start up to, and without, end.",
    .meta = [](const Scalar& start, const Scalar& end, MaybeDType dtype,
               MaybeDevice device) { return arange_spec(start, end, 1, dtype, device); },
    .kind = Kind::Create,
    .out = true,
    .cpu = [](const Tensor& out, const Scalar& start, const Scalar&, MaybeDType,
              MaybeDevice) { arange_kernel(out, start, 1); },
}};

Op<Tensor(const Scalar&, const Scalar&, const Scalar&, MaybeDType, MaybeDevice)> arange_start_step{{
    .schema = "arange.start_step(Scalar start, Scalar end, Scalar step, *, dtype? dtype=None, device? "
              "device=None) -> Tensor",
    .doc = "The numbers from start up to, and without, end, by step.",
    .meta = arange_spec,
    .kind = Kind::Create,
    .out = true,
    .cpu = [](const Tensor& out, const Scalar& start, const Scalar&, const Scalar& step, MaybeDType,
              MaybeDevice) { arange_kernel(out, start, step); },
}};

Op<Tensor(const Scalar&, const Scalar&, int64_t, MaybeDType, MaybeDevice)> linspace{{
    .schema =
        "linspace(Scalar start, Scalar end, int steps, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(`steps` numbers at equal distances from start to end, both included.

>>> plait.linspace(0, 1, 5)
tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000]))",
    .meta = [](const Scalar& start, const Scalar& end, int64_t steps, MaybeDType dtype,
               MaybeDevice device) { return steps_spec("linspace", start, end, steps, dtype, device); },
    .kind = Kind::Create,
    .out = true,
    .cpu =
        [](const Tensor& out, const Scalar& start, const Scalar& end, int64_t, MaybeDType, MaybeDevice) {
          if (is_complex(out.dtype()))
            spaced<complex128>(out, start, end, [](complex128 v) { return v; });
          else
            spaced<double>(out, start, end, [](double v) { return v; });
        },
}};

Op<Tensor(const Scalar&, const Scalar&, int64_t, double, MaybeDType, MaybeDevice)> logspace{{
    .schema = "logspace(Scalar start, Scalar end, int steps, float base=10.0, *, dtype? dtype=None, device? "
              "device=None) -> Tensor",
    .doc = R"(base ** linspace(start, end, steps).

>>> plait.logspace(0, 2, 3)
tensor([  1.,  10., 100.]))",
    .meta = [](const Scalar& start, const Scalar& end, int64_t steps, double, MaybeDType dtype,
               MaybeDevice device) { return steps_spec("logspace", start, end, steps, dtype, device); },
    .kind = Kind::Create,
    .out = true,
    .cpu =
        [](const Tensor& out, const Scalar& start, const Scalar& end, int64_t, double base, MaybeDType,
           MaybeDevice) {
          if (is_complex(out.dtype()))
            spaced<complex128>(out, start, end,
                               [base](complex128 v) { return std::pow(complex128(base), v); });
          else
            spaced<double>(out, start, end, [base](double v) { return std::pow(base, v); });
        },
}};

namespace {

TensorSpec eye_spec(int64_t n, int64_t m, MaybeDType dtype, MaybeDevice device) {
  checked_numel(Dims{n, m}, "eye");
  return TensorSpec(Dims{n, m}, dtype.value_or(default_dtype()), device.value_or(kCPU));
}

void eye_kernel(const Tensor& out) {
  plait::zero_(out);
  const int64_t n = std::min(out.sizes()[0], out.sizes()[1]), step = out.sizes()[1] + 1;
  visit(out.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < n; ++i) out.data<T>()[i * step] = T(1);
  });
}

// How many elements of row r of a matrix stand in its lower triangle up to diagonal `offset`.
int64_t lower_count(int64_t r, int64_t columns, int64_t offset) {
  return std::clamp<int64_t>(r + offset + 1, 0, columns);
}

// The same for all rows together: none at first, then one more with each row, then all columns.
__int128 lower_total(int64_t rows, int64_t columns, int64_t offset) {
  const __int128 first = std::clamp<int64_t>(-offset, 0, rows);
  const __int128 full = std::clamp<int64_t>(columns - offset - 1, static_cast<int64_t>(first), rows);
  return (full - first) * (first + full + 1 + 2 * static_cast<__int128>(offset)) / 2 +
         (rows - full) * columns;
}

TensorSpec triangle_spec(const char* op, bool lower, int64_t row, int64_t col, int64_t offset,
                         MaybeDType dtype, MaybeDevice device) {
  checked_numel(Dims{row, col}, op);
  check(offset > -(int64_t{1} << 40) && offset < (int64_t{1} << 40), "{}: offset {} is out of range", op,
        offset);
  const __int128 below = lower_total(row, col, lower ? offset : offset - 1);
  const auto count = static_cast<int64_t>(lower ? below : static_cast<__int128>(row) * col - below);
  checked_numel(Dims{2, count}, op);
  return TensorSpec(Dims{2, count}, dtype.value_or(DType::Int64), device.value_or(kCPU));
}

void triangle_kernel(const Tensor& out, bool lower, int64_t col, int64_t offset) {
  check<TypeError>(out.dtype() == DType::Int64 || out.dtype() == DType::Int32,
                   "tril_indices, triu_indices: expected dtype int64 or int32, got {}", out.dtype());
  const auto write = [&]<class T>(T* rows) {
    T* columns = rows + out.sizes()[1];
    const int64_t count = out.sizes()[1], first = lower ? std::max<int64_t>(-offset, 0) : 0;
    for (int64_t r = first, done = 0; done < count; ++r) {
      const int64_t below = lower_count(r, col, lower ? offset : offset - 1);
      for (int64_t c = lower ? 0 : below; c < (lower ? below : col); ++c) {
        ++done;
        *rows++ = static_cast<T>(r);
        *columns++ = static_cast<T>(c);
      }
    }
  };
  out.dtype() == DType::Int64 ? write(out.data<int64_t>()) : write(out.data<int32_t>());
}

}  // namespace

Op<Tensor(int64_t, MaybeDType, MaybeDevice)> eye{{
    .schema = "eye(int n, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = R"(The n x n (or n x m) matrix with ones on the diagonal and zeros elsewhere.

>>> plait.eye(2)
tensor([[1., 0.],
        [0., 1.]]))",
    .meta = [](int64_t n, MaybeDType dtype, MaybeDevice device) { return eye_spec(n, n, dtype, device); },
    .kind = Kind::Create,
    .out = true,
    .cpu = [](const Tensor& out, int64_t, MaybeDType, MaybeDevice) { eye_kernel(out); },
}};

Op<Tensor(int64_t, int64_t, MaybeDType, MaybeDevice)> eye_m{{
    .schema = "eye.m(int n, int m, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = "The n x m matrix with ones on the diagonal and zeros elsewhere.",
    .meta = eye_spec,
    .kind = Kind::Create,
    .out = true,
    .cpu = [](const Tensor& out, int64_t, int64_t, MaybeDType, MaybeDevice) { eye_kernel(out); },
}};

Op<Tensor(int64_t, int64_t, int64_t, MaybeDType, MaybeDevice)> tril_indices{{
    .schema =
        "tril_indices(int row, int col, int offset=0, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc =
        R"(Row and column numbers, in a tensor of shape (2, count), of the lower triangle of a row x col matrix, up to diagonal `offset`.

Dtypes: int64 or int32.

>>> plait.tril_indices(2, 2)
tensor([[0, 1, 1],
        [0, 0, 1]]))",
    .meta =
        [](int64_t row, int64_t col, int64_t offset, MaybeDType dtype, MaybeDevice device) {
          return triangle_spec("tril_indices", true, row, col, offset, dtype, device);
        },
    .kind = Kind::Create,
    .cpu = [](const Tensor& out, int64_t, int64_t col, int64_t offset, MaybeDType,
              MaybeDevice) { triangle_kernel(out, true, col, offset); },
}};

Op<Tensor(int64_t, int64_t, int64_t, MaybeDType, MaybeDevice)> triu_indices{{
    .schema =
        "triu_indices(int row, int col, int offset=0, *, dtype? dtype=None, device? device=None) -> Tensor",
    .doc =
        R"(Row and column numbers, in a tensor of shape (2, count), of the upper triangle of a row x col matrix, from diagonal `offset` on.

Dtypes: int64 or int32.

>>> plait.triu_indices(2, 2)
tensor([[0, 0, 1],
        [0, 1, 1]]))",
    .meta =
        [](int64_t row, int64_t col, int64_t offset, MaybeDType dtype, MaybeDevice device) {
          return triangle_spec("triu_indices", false, row, col, offset, dtype, device);
        },
    .kind = Kind::Create,
    .cpu = [](const Tensor& out, int64_t, int64_t col, int64_t offset, MaybeDType,
              MaybeDevice) { triangle_kernel(out, false, col, offset); },
}};

}  // namespace plait::op
