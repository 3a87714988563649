// Random tensors. Every op takes one draw of its generator, which addresses the numbers of all its elements.
#include "ops/cpu/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/philox_fill.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/multinomial.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/exponential.h"
#include "ops/decl/minmax.h"
#include "ops/decl/random.h"
#include "ops/decl/trigonometric.h"
#include "ops/decl/unary.h"
#include "ops/declare.h"
#include "ops/dtype_limits.h"
#include "ops/math.h"
#include "ops/random_range.h"
#include "ops/spec_like.h"
#include "plait/philox.h"

namespace plait::op {
namespace {

using cpu::Distribution;
using OptDType = std::optional<DType>;
using OptDevice = std::optional<Device>;
using OptFormat = std::optional<MemoryFormat>;

TensorSpec float_spec(const char* op, IntSpan size, OptDType dtype, OptDevice device) {
  checked_numel(size, op);
  const DType d = dtype.value_or(default_dtype());
  check<TypeError>(is_differentiable(d),
                   "{}: expected a floating or complex dtype, got {}; use randint for integers", op, d);
  return TensorSpec(Dims(size), d, device.value_or(kCPU));
}
TensorSpec float_spec_like(const char* op, const Tensor& self, OptDType dtype, OptDevice device,
                           OptFormat format) {
  const TensorSpec spec = spec_like(self, dtype, device, format);
  check<TypeError>(is_differentiable(spec.dtype),
                   "{}: expected a floating or complex dtype, got {}; pass dtype=plait.float32", op,
                   spec.dtype);
  return spec;
}
void check_range(const char* op, int64_t low, int64_t high) {
  check(low < high, "{}: expected low < high, got low {} and high {}", op, low, high);
}
uint64_t range_of(int64_t low, int64_t high) {
  return static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
}

// out = 1 where the uniform number is below p, else 0.
void bernoulli_kernel(const Tensor& out, const Tensor& p, const Generator& generator) {
  const Tensor u = empty_tensor(out.sizes(), p.dtype() == DType::Float64 ? DType::Float64 : DType::Float32);
  cpu::fill_random(u, Distribution::Uniform, next_draw(generator), 0, 1);
  copy_into(out, plait::lt(u, p));
}
void check_probabilities(const Tensor& p) {
  if (p.numel() == 0 || p.is_meta()) return;
  const Tensor values = empty_tensor(p.sizes(), DType::Float64);
  copy_into(values, detached_alias(p));
  for (int64_t i = 0; i < values.numel(); ++i)
    check(values.data<double>()[i] >= 0 && values.data<double>()[i] <= 1,
          "bernoulli: expected probabilities between 0 and 1, got {}", values.data<double>()[i]);
}

}  // namespace

Op<Tensor(IntSpan, const Generator&, OptDType, OptDevice)> rand{{
    .schema =
        "rand(int[] size, *, Generator? generator=None, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = "Uniform numbers in [0, 1). Philox4x32-10 (Salmon et al. 2011), addressed by element: the same "
           "for any number of threads.",
    .meta = [](IntSpan size, const Generator&, OptDType dtype,
               OptDevice device) { return float_spec("rand", size, dtype, device); },
    .kind = Kind::Random,
    .out = true,
    .cpu = [](const Tensor& out, IntSpan, const Generator& g, OptDType,
              OptDevice) { cpu::fill_random(out, Distribution::Uniform, next_draw(g), 0, 1); },
}};
Op<Tensor(IntSpan, const Generator&, OptDType, OptDevice)> randn{{
    .schema =
        "randn(int[] size, *, Generator? generator=None, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = "Standard normal numbers (Box and Muller 1958, on Philox4x32-10); complex ones have variance 1 in "
           "all.",
    .meta = [](IntSpan size, const Generator&, OptDType dtype,
               OptDevice device) { return float_spec("randn", size, dtype, device); },
    .kind = Kind::Random,
    .out = true,
    .cpu = [](const Tensor& out, IntSpan, const Generator& g, OptDType,
              OptDevice) { cpu::fill_random(out, Distribution::Normal, next_draw(g), 0, 1); },
}};
Op<Tensor(const Tensor&, OptDType, OptDevice, OptFormat, const Generator&)> rand_like{{
    .schema = "rand_like(Tensor self, *, dtype? dtype=None, device? device=None, memory_format? "
              "memory_format=None, Generator? generator=None) -> Tensor",
    .doc = "Uniform numbers in [0, 1), in the shape of self.",
    .meta = [](const Tensor& self, OptDType dtype, OptDevice device, OptFormat format,
               const Generator&) { return float_spec_like("rand_like", self, dtype, device, format); },
    .kind = Kind::Random,
    .cpu = [](const Tensor& out, const Tensor&, OptDType, OptDevice, OptFormat,
              const Generator& g) { cpu::fill_random(out, Distribution::Uniform, next_draw(g), 0, 1); },
}};
Op<Tensor(const Tensor&, OptDType, OptDevice, OptFormat, const Generator&)> randn_like{{
    .schema = "randn_like(Tensor self, *, dtype? dtype=None, device? device=None, memory_format? "
              "memory_format=None, Generator? generator=None) -> Tensor",
    .doc = "Standard normal numbers, in the shape of self.",
    .meta = [](const Tensor& self, OptDType dtype, OptDevice device, OptFormat format,
               const Generator&) { return float_spec_like("randn_like", self, dtype, device, format); },
    .kind = Kind::Random,
    .cpu = [](const Tensor& out, const Tensor&, OptDType, OptDevice, OptFormat,
              const Generator& g) { cpu::fill_random(out, Distribution::Normal, next_draw(g), 0, 1); },
}};

Op<Tensor(int64_t, IntSpan, const Generator&, OptDType, OptDevice)> randint{{
    .schema = "randint(int high, int[] size, *, Generator? generator=None, dtype? dtype=None, device? "
              "device=None) -> Tensor",
    .doc = "Integers in [low, high), uniform without bias (Lemire 2019); int64 unless dtype says otherwise.",
    .meta =
        [](int64_t high, IntSpan size, const Generator&, OptDType dtype, OptDevice device) {
          check_range("randint", 0, high);
          checked_numel(size, "randint");
          return TensorSpec(Dims(size), dtype.value_or(DType::Int64), device.value_or(kCPU));
        },
    .kind = Kind::Random,
    .out = true,
    .cpu = [](const Tensor& out, int64_t high, IntSpan, const Generator& g, OptDType,
              OptDevice) { cpu::fill_integers(out, next_draw(g), 0, range_of(0, high)); },
}};
Op<Tensor(int64_t, int64_t, IntSpan, const Generator&, OptDType, OptDevice)> randint_low{{
    .schema = "randint.low(int low, int high, int[] size, *, Generator? generator=None, dtype? dtype=None, "
              "device? device=None) -> Tensor",
    .doc = R"(Integers in [low, high), uniform without bias; int64 unless dtype says otherwise.

>>> plait.randint(3, 4, (2,))
tensor([3, 3]))",
    .meta =
        [](int64_t low, int64_t high, IntSpan size, const Generator&, OptDType dtype, OptDevice device) {
          check_range("randint", low, high);
          checked_numel(size, "randint");
          return TensorSpec(Dims(size), dtype.value_or(DType::Int64), device.value_or(kCPU));
        },
    .kind = Kind::Random,
    .out = true,
    .cpu = [](const Tensor& out, int64_t low, int64_t high, IntSpan, const Generator& g, OptDType,
              OptDevice) { cpu::fill_integers(out, next_draw(g), low, range_of(low, high)); },
}};
Op<Tensor(const Tensor&, int64_t, OptDType, OptDevice, OptFormat, const Generator&)> randint_like{{
    .schema = "randint_like(Tensor self, int high, *, dtype? dtype=None, device? device=None, "
              "memory_format? memory_format=None, Generator? generator=None) -> Tensor",
    .doc = "Integers in [low, high), in the shape and dtype of self.",
    .meta =
        [](const Tensor& self, int64_t high, OptDType dtype, OptDevice device, OptFormat format,
           const Generator&) {
          check_range("randint_like", 0, high);
          return spec_like(self, dtype, device, format);
        },
    .kind = Kind::Random,
    .cpu = [](const Tensor& out, const Tensor&, int64_t high, OptDType, OptDevice, OptFormat,
              const Generator& g) { cpu::fill_integers(out, next_draw(g), 0, range_of(0, high)); },
}};
Op<Tensor(const Tensor&, int64_t, int64_t, OptDType, OptDevice, OptFormat, const Generator&)>
    randint_like_low{{
        .schema =
            "randint_like.low(Tensor self, int low, int high, *, dtype? dtype=None, device? device=None, "
            "memory_format? memory_format=None, Generator? generator=None) -> Tensor",
        .doc = "Integers in [low, high), in the shape and dtype of self.",
        .meta =
            [](const Tensor& self, int64_t low, int64_t high, OptDType dtype, OptDevice device,
               OptFormat format, const Generator&) {
              check_range("randint_like", low, high);
              return spec_like(self, dtype, device, format);
            },
        .kind = Kind::Random,
        .cpu = [](const Tensor& out, const Tensor&, int64_t low, int64_t high, OptDType, OptDevice, OptFormat,
                  const Generator& g) { cpu::fill_integers(out, next_draw(g), low, range_of(low, high)); },
    }};

Op<Tensor(int64_t, const Generator&, OptDType, OptDevice)> randperm{{
    .schema =
        "randperm(int n, *, Generator? generator=None, dtype? dtype=None, device? device=None) -> Tensor",
    .doc = "A random permutation of 0 to n - 1 (Fisher and Yates); int64 unless dtype says otherwise.",
    .meta =
        [](int64_t n, const Generator&, OptDType dtype, OptDevice device) {
          check(n >= 0, "randperm: expected n of 0 or more, got {}", n);
          return TensorSpec(Dims{n}, dtype.value_or(DType::Int64), device.value_or(kCPU));
        },
    .kind = Kind::Random,
    .out = true,
    .cpu =
        [](const Tensor& out, int64_t n, const Generator& g, OptDType, OptDevice) {
          const auto draw = next_draw(g);
          const Tensor order = empty_tensor(Dims{n}, DType::Int64);
          auto* p = order.data<int64_t>();
          std::iota(p, p + n, int64_t{0});
          constexpr int64_t kBlock = 512;
          uint64_t bits[kBlock];
          for (int64_t end = n; end > 1; end -= kBlock) {
            const int64_t begin = std::max<int64_t>(end - kBlock, 0);
            philox_fill64(draw.seed, draw.offset, static_cast<uint64_t>(begin), bits, end - begin);
            for (int64_t i = end - 1; i >= std::max<int64_t>(begin, 1); --i) {
              const auto element = static_cast<uint64_t>(i);
              std::swap(
                  p[i],
                  p[bounded_from_bits64(bits[i - begin], element + 1, draw.seed, draw.offset, element)]);
            }
          }
          cpu::copy(out, order);
        },
}};

// ---- filling in place: uniform_, normal_, ...

Op<Tensor(const Tensor&, double, double, const Generator&)> uniform{{
    .schema = "uniform(Tensor self, float from=0, float to=1, *, Generator? generator=None) -> Tensor",
    .doc = "Uniform numbers in [from, to), in the shape of self; uniform_ fills self.",
    .meta =
        [](const Tensor& self, double from, double to, const Generator&) {
          check(from <= to, "uniform_: expected from <= to, got from {} and to {}", from, to);
          const double largest = largest_number(to_real(self.dtype()));
          check(to - from <= largest && std::abs(from) <= largest && std::abs(to) <= largest,
                "uniform_: expected bounds and a distance between them that dtype {} can hold, got from {} "
                "and to {}",
                self.dtype(), from, to);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kFloatComplex,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, double from, double to, const Generator& g) {
          cpu::fill_random(out, Distribution::Uniform, next_draw(g), from, to - from);
        },
}};

Op<Tensor(const Tensor&, double, const Generator&)> normal_Tensor_float{{
    .schema = "normal.Tensor_float(Tensor mean, float std=1, *, Generator? generator=None) -> Tensor",
    .doc = "Normal numbers of the given means and one standard deviation.",
    .composite =
        [](const Tensor& mean, double std, const Generator& g) {
          check(std >= 0, "normal: expected std of 0 or more, got {}", std);
          return plait::normal(mean, wrapped_scalar(std), g);
        },
    .kind = Kind::Random,
    .out = true,
    .no_grad = true,
}};
Op<Tensor(const Tensor&, const Tensor&, const Generator&)> normal{{
    .schema = "normal(Tensor mean, Tensor std, *, Generator? generator=None) -> Tensor",
    .doc =
        "Normal numbers of the given means and standard deviations, each a tensor or a number; "
        "normal_(mean, std) fills self. Raises ValueError for a negative standard deviation, of a tensor on "
        "the CPU alone: other devices are not waited for.",
    .composite =
        [](const Tensor& mean, const Tensor& std, const Generator& g) {
          check<TypeError>(!is_complex(std.dtype()), "normal: expected std of a real dtype, got {}",
                           std.dtype());
          check(!std.is_cpu() || std.is_batched() ||
                    item(plait::all(plait::ge(std, wrapped_scalar(0)))).to<bool>(),
                "normal: expected std of 0 or more, got a negative one or NaN");
          const TensorSpec spec = infer::binary_float("normal", mean, std);
          const Tensor out = plait::normal(0.0, 1.0, spec.sizes, g, spec.dtype, spec.device);
          return plait::add(mean, plait::mul(std, out));
        },
    .kind = Kind::Random,
    .out = true,
    .no_grad = true,
}};
Op<Tensor(double, const Tensor&, const Generator&)> normal_float_Tensor{{
    .schema = "normal.float_Tensor(float mean, Tensor std, *, Generator? generator=None) -> Tensor",
    .doc = "Normal numbers of one mean and the given standard deviations.",
    .composite = [](double mean, const Tensor& std,
                    const Generator& g) { return plait::normal(wrapped_scalar(mean), std, g); },
    .kind = Kind::Random,
    .out = true,
    .no_grad = true,
}};
Op<Tensor(double, double, IntSpan, const Generator&, OptDType, OptDevice)> normal_float_float{{
    .schema = "normal.float_float(float mean, float std, int[] size, *, Generator? generator=None, dtype? "
              "dtype=None, device? device=None) -> Tensor",
    .doc = "Normal numbers of one mean and standard deviation, in a tensor of the given size.",
    .meta =
        [](double, double std, IntSpan size, const Generator&, OptDType dtype, OptDevice device) {
          check(std >= 0, "normal: expected std of 0 or more, got {}", std);
          return float_spec("normal", size, dtype, device);
        },
    .kind = Kind::Random,
    .out = true,
    .cpu = [](const Tensor& out, double mean, double std, IntSpan, const Generator& g, OptDType,
              OptDevice) { cpu::fill_random(out, Distribution::Normal, next_draw(g), mean, std); },
}};
Op<Tensor(const Tensor&, double, double, const Generator&)> normal_fill{{
    .schema = "normal.fill(Tensor self, float mean=0, float std=1, *, Generator? generator=None) -> Tensor",
    .doc = "Normal numbers in the shape and dtype of self.",
    .meta =
        [](const Tensor& self, double, double std, const Generator&) {
          check(std >= 0, "normal_: expected std of 0 or more, got {}", std);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kFloatComplex,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out, const Tensor&, double mean, double std,
              const Generator& g) { cpu::fill_random(out, Distribution::Normal, next_draw(g), mean, std); },
}};

Op<Tensor(const Tensor&, double, const Generator&)> exponential{{
    .schema = "exponential(Tensor self, float lambd=1, *, Generator? generator=None) -> Tensor",
    .doc = "Exponential numbers of rate lambd, in the shape of self; exponential_ fills self.",
    .meta =
        [](const Tensor& self, double lambd, const Generator&) {
          check(lambd > 0, "exponential_: expected lambd above 0, got {}", lambd);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, double lambd, const Generator& g) {
          cpu::fill_random(out, Distribution::Exponential, next_draw(g), 0, 1 / lambd);
        },
}};
Op<Tensor(const Tensor&, double, double, const Generator&)> log_normal{{
    .schema = "log_normal(Tensor self, float mean=1, float std=2, *, Generator? generator=None) -> Tensor",
    .doc = "exp of normal numbers, in the shape of self; log_normal_ fills self.",
    .meta =
        [](const Tensor& self, double, double std, const Generator&) {
          check(std > 0, "log_normal_: expected std above 0, got {}", std);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, double mean, double std, const Generator& g) {
          cpu::fill_random(out, Distribution::Normal, next_draw(g), mean, std);
          plait::exp_(out);
        },
}};
Op<Tensor(const Tensor&, double, double, const Generator&)> cauchy{{
    .schema = "cauchy(Tensor self, float median=0, float sigma=1, *, Generator? generator=None) -> Tensor",
    .doc = "Cauchy numbers, in the shape of self; cauchy_ fills self.",
    .meta =
        [](const Tensor& self, double, double sigma, const Generator&) {
          check(sigma > 0, "cauchy_: expected sigma above 0, got {}", sigma);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, double median, double sigma, const Generator& g) {
          const Tensor u = empty_tensor(out.sizes(), DType::Float64);
          cpu::fill_random(u, Distribution::Uniform, next_draw(g), -0.5, 1);
          copy_into(out, plait::tan(u * Scalar(M_PI)) * Scalar(sigma) + Scalar(median));
        },
}};
Op<Tensor(const Tensor&, double, const Generator&)> geometric{{
    .schema = "geometric(Tensor self, float p, *, Generator? generator=None) -> Tensor",
    .doc = "Numbers of trials up to the first success of probability p, in the shape of self; geometric_ "
           "fills self.",
    .meta =
        [](const Tensor& self, double p, const Generator&) {
          check(p > 0 && p < 1, "geometric_: expected p between 0 and 1, got {}", p);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kNumberDTypes & ~kComplexDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, double p, const Generator& g) {
          const Tensor e = empty_tensor(out.sizes(), DType::Float64);
          cpu::fill_random(e, Distribution::Exponential, next_draw(g), 0, -1 / std::log1p(-p));
          copy_into(out, plait::ceil(e));
        },
}};

Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, const Generator&)> random_from{{
    .schema = "random.from(Tensor self, int from, int? to, *, Generator? generator=None) -> Tensor",
    .doc = "Integers in [from, to), in the shape of self; random_ fills self. Without bounds: all that the "
           "dtype holds exactly, from 0.",
    .meta =
        [](const Tensor& self, int64_t from, std::optional<int64_t> to, const Generator&) {
          const int64_t end = end_of_integers(self.dtype()), last = to.value_or(end);
          check(is_differentiable(self.dtype()) || (from >= least_integer(self.dtype()) && last <= end),
                "random_: expected from and to - 1 within {}, got from {} and to {}", self.dtype(), from,
                last);
          check_range("random_", from, last);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .dtypes = kRealDTypes,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, int64_t from, std::optional<int64_t> to, const Generator& g) {
          cpu::fill_integers(out, next_draw(g), from,
                             range_of(from, to.value_or(end_of_integers(out.dtype()))));
        },
}};
Op<Tensor(const Tensor&, int64_t, const Generator&)> random_to{{
    .schema = "random.to(Tensor self, int to, *, Generator? generator=None) -> Tensor",
    .composite =
        [](const Tensor& self, int64_t to, const Generator& g) {
          return plait::random(self, int64_t{0}, std::optional<int64_t>(to), g);
        },
    .kind = Kind::Random,
    .inplace = Inplace::Copy,
    .no_grad = true,
}};
Op<Tensor(const Tensor&, const Generator&)> random{{
    .schema = "random(Tensor self, *, Generator? generator=None) -> Tensor",
    .composite =
        [](const Tensor& self, const Generator& g) {
          return plait::random(self, int64_t{0}, std::optional<int64_t>(), g);
        },
    .kind = Kind::Random,
    .inplace = Inplace::Copy,
    .no_grad = true,
}};

// ---- choices

Op<Tensor(const Tensor&, const Generator&)> bernoulli{{
    .schema = "bernoulli(Tensor self, *, Generator? generator=None) -> Tensor",
    .doc = "1 with the probability that self holds, else 0; bernoulli_(p) fills self with probability p, a "
           "number or a tensor.",
    .meta = [](const Tensor& self, const Generator&) { return infer::like(self); },
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Generator& g) {
          check_probabilities(self);
          bernoulli_kernel(out, self, g);
        },
}};
Op<Tensor(const Tensor&, double, const Generator&)> bernoulli_p{{
    .schema = "bernoulli.p(Tensor self, float p=0.5, *, Generator? generator=None) -> Tensor",
    .doc = "1 with probability p, else 0, in the shape and dtype of self.",
    .meta =
        [](const Tensor& self, double p, const Generator&) {
          check(p >= 0 && p <= 1, "bernoulli_: expected p between 0 and 1, got {}", p);
          return infer::like(self);
        },
    .kind = Kind::Random,
    .inplace = Inplace::Direct,
    .cpu = [](const Tensor& out, const Tensor&, double p,
              const Generator& g) { bernoulli_kernel(out, scalar_tensor(p, DType::Float32), g); },
}};
Op<Tensor(const Tensor&, const Tensor&, const Generator&)> bernoulli_tensor{{
    .schema = "bernoulli.tensor(Tensor self, Tensor p, *, Generator? generator=None) -> Tensor",
    .doc = "1 with the probabilities p, else 0, in the shape and dtype of self.",
    .meta =
        [](const Tensor& self, const Tensor& p, const Generator&) {
          check<TypeError>(!is_complex(p.dtype()), "bernoulli: expected real probabilities p, got {}",
                           p.dtype());
          check(broadcast(self.sizes(), p.sizes(), "bernoulli") == self.sizes(),
                "bernoulli: expected p of a shape that broadcasts to self's {}, got {}", self.sizes(),
                p.sizes());
          return infer::like(self);
        },
    .kind = Kind::Random,
    .inplace = Inplace::Direct,
    .cpu =
        [](const Tensor& out, const Tensor&, const Tensor& p, const Generator& g) {
          check_probabilities(p);
          bernoulli_kernel(out, p, g);
        },
}};

Op<Tensor(const Tensor&, int64_t, bool, const Generator&)> multinomial{{
    .schema = "multinomial(Tensor self, int num_samples, bool replacement=False, *, Generator? "
              "generator=None) -> Tensor",
    .doc = R"(Indices drawn with probabilities proportional to the weights self.

Shapes: self (n) or (rows, n); result (num_samples) or (rows, num_samples), int64. Raises ValueError for negative or non-finite
weights, rows that sum to 0, and more draws without replacement than there are positive weights.

>>> plait.multinomial(plait.tensor([0.0, 1.0, 0.0]), 2, replacement=True)
tensor([1, 1]))",
    .meta =
        [](const Tensor& self, int64_t samples, bool replacement, const Generator&) {
          check(self.dim() == 1 || self.dim() == 2,
                "multinomial: expected weights of 1 or 2 dimensions, got shape {}", self.sizes());
          check(samples > 0, "multinomial: expected num_samples above 0, got {}", samples);
          check(replacement || samples <= self.sizes().back(),
                "multinomial: {} draws without replacement were asked for from {} weights; pass "
                "replacement=True",
                samples, self.sizes().back());
          Dims sizes = self.sizes();
          sizes[sizes.size() - 1] = samples;
          return TensorSpec(sizes, DType::Int64, self.device());
        },
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, const Tensor& self, int64_t samples, bool replacement, const Generator& g) {
          const int64_t n = self.sizes().back(), rows = n > 0 ? self.numel() / n : 0;
          const Tensor numbers = empty_tensor(Dims{rows, replacement ? samples : n}, DType::Float64);
          cpu::fill_random(numbers, replacement ? Distribution::Uniform : Distribution::Exponential,
                           next_draw(g), 0, 1);
          const Tensor drawn = out.is_contiguous() ? out : empty_tensor(out.sizes(), DType::Int64);
          cpu::multinomial(drawn, self.is_contiguous() ? self : clone_plain(self), numbers, replacement);
          if (!drawn.same(out)) cpu::copy(out, drawn);
        },
}};

// ---- dropout

Op<Tensor(const Tensor&, double, int64_t, int64_t)> _dropout{{
    .schema = "_dropout(Tensor self, float p, int seed, int offset) -> Tensor",
    .doc = "self / (1 - p) where the uniform number of (seed, offset, element) is at least p, else 0. The "
           "mask is never stored: the "
           "derivative makes it again.",
    .meta = [](const Tensor& self, double, int64_t, int64_t) { return infer::like(self); },
    .vjp =
        [](Vjp& v) {
          // The same numbers belong to the same places: those of all entries of a batch.
          v.set(0, plait::_dropout(v.grad_of_entries(), v.attr<double>(1), v.attr<int64_t>(2),
                                   v.attr<int64_t>(3)));
        },
    .kind = Kind::Random,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, double p, int64_t seed, int64_t offset) {
          cpu::dropout(out, self, p, {static_cast<uint64_t>(seed), static_cast<uint64_t>(offset)});
        },
}};
Op<Tensor(const Tensor&, double, bool)> dropout{{
    .schema = "dropout(Tensor self, float p=0.5, bool train=True) -> Tensor",
    .doc =
        R"(In training, zeroes each element with probability p and scales the others by 1 / (1 - p); otherwise self.

Srivastava et al. 2014.

>>> plait.dropout(plait.ones(3), 0.5, False)
tensor([1., 1., 1.]))",
    .composite =
        [](const Tensor& self, double p, bool train) {
          check(p >= 0 && p <= 1, "dropout: expected p between 0 and 1, got {}", p);
          if (!train || p == 0) return self;
          const auto draw = next_draw({});
          return plait::_dropout(self, p, static_cast<int64_t>(draw.seed), static_cast<int64_t>(draw.offset));
        },
    .kind = Kind::Random,
    .inplace = Inplace::Copy,
}};

}  // namespace plait::op
