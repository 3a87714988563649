// The product of matrices of 8-bit floats, each with the factor that its numbers were divided by.
#include "ops/decl/scaled_mm.h"

#include "core/context.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/copy.h"
#include "ops/decl/matmul.h"
#include "ops/declare.h"
#include "ops/scaled_mm.h"

namespace plait {

void scaled_mm_in_float32(const Tensor& out, const Tensor& self, const Tensor& mat2, const Tensor& scale_a,
                          const Tensor& scale_b, const Tensor& bias, const Tensor& scale_result) {
  NoGrad guard;
  const auto wide = [](const Tensor& t) { return plait::_convert(t, DType::Float32); };
  Tensor product = plait::mm(wide(self), wide(mat2));
  plait::mul_(product, scale_a), plait::mul_(product, scale_b);
  if (bias.defined()) plait::add_(product, wide(bias), 1);
  if (scale_result.defined() && is_float8(out.dtype())) plait::mul_(product, scale_result);
  plait::copy_(out, product, false);
}

namespace op {
namespace {

using MaybeDType = std::optional<DType>;
constexpr const char* kName = "_scaled_mm";
constexpr int64_t kMultiple = 16;  // of the hardware's tiles: rows of 16 bytes

void check_scales(const Tensor& a, const Tensor& b, int64_t rows, int64_t columns) {
  check<TypeError>(a.dtype() == DType::Float32 && b.dtype() == DType::Float32,
                   "{}: expected scale_a and scale_b of dtype float32, got {} and {}", kName, a.dtype(),
                   b.dtype());
  const bool one_each = a.numel() == 1 && b.numel() == 1;
  const bool by_rows = a.sizes() == Dims{rows, 1} && b.sizes() == Dims{1, columns};
  check(one_each || by_rows,
        "{}: expected scale_a and scale_b of one element each, or of shapes {} (one for each row of self) "
        "and {} (one "
        "for each column of mat2), got shapes {} and {}",
        kName, Dims{rows, 1}, Dims{1, columns}, a.sizes(), b.sizes());
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
          MaybeDType, bool)>
    _scaled_mm{{
        .schema =
            "_scaled_mm(Tensor self, Tensor mat2, Tensor scale_a, Tensor scale_b, Tensor? bias=None, Tensor? "
            "scale_result=None, dtype? out_dtype=None, bool use_fast_accum=False) -> Tensor",
        .doc =
            R"((self * scale_a) @ (mat2 * scale_b) + bias for matrices of 8-bit floats, summed in float32.

self: float8_e4m3fn or float8_e5m2, its rows contiguous. mat2: the same, but not both float8_e5m2, its columns
contiguous (`w.t()` of a contiguous w). scale_a, scale_b: float32, one element each, or (m, 1) and (1, n).
bias: added after the scales. out_dtype: the dtype of self where not given; float32, float16, bfloat16 or one of the 8-bit
floats, whose numbers are then multiplied by scale_result. use_fast_accum: sums of less than float32's precision,
where the hardware is faster so.

Shapes: self (m, k), mat2 (k, n), bias (n) give (m, n); k and n are multiples of 16.

>>> a = plait.ones(2, 16).to(plait.float8_e4m3fn)
>>> b = plait.full((16, 16), 0.5).to(plait.float8_e4m3fn)
>>> scale = plait.tensor(2.0)
>>> plait._scaled_mm(a, b.t(), scale, scale, out_dtype=plait.bfloat16)[0, 0]
tensor(32., dtype=plait.bfloat16))",
        .meta =
            [](const Tensor& self, const Tensor& mat2, const Tensor& scale_a, const Tensor& scale_b,
               const Tensor& bias, const Tensor& scale_result, MaybeDType out_dtype, bool) {
              check<TypeError>(is_float8(mat2.dtype()) && (self.dtype() == DType::Float8E4M3FN ||
                                                           mat2.dtype() == DType::Float8E4M3FN),
                               "{}: expected self and mat2 of 8-bit floats, at least one of them "
                               "float8_e4m3fn, got {} and "
                               "{}; convert with .to(plait.float8_e4m3fn)",
                               kName, self.dtype(), mat2.dtype());
              check(self.dim() == 2 && mat2.dim() == 2 && self.sizes()[1] == mat2.sizes()[0],
                    "{}: expected self (m, k) and mat2 (k, n), got shapes {} and {}", kName, self.sizes(),
                    mat2.sizes());
              const int64_t rows = self.sizes()[0], columns = mat2.sizes()[1];
              check(self.sizes()[1] % kMultiple == 0 && columns % kMultiple == 0,
                    "{}: expected k and n to be multiples of {}, got shapes {} and {}; pad with zeros", kName,
                    kMultiple, self.sizes(), mat2.sizes());
              check((self.strides()[1] == 1 || self.sizes()[1] == 1) &&
                        (mat2.strides()[0] == 1 || mat2.sizes()[0] == 1),
                    "{}: expected self with contiguous rows and mat2 with contiguous columns, got strides {} "
                    "and {}; pass "
                    "self.contiguous() and mat2.t().contiguous().t()",
                    kName, self.strides(), mat2.strides());
              check_scales(scale_a, scale_b, rows, columns);
              const DType dtype = out_dtype.value_or(self.dtype());
              check<TypeError>(dtype == DType::Float32 || is_reduced_float(dtype) || is_float8(dtype),
                               "{}: expected out_dtype float32, float16, bfloat16 or an 8-bit float, got {}",
                               kName, dtype);
              check(!bias.defined() || (bias.dim() == 1 && bias.sizes()[0] == columns),
                    "{}: expected bias of shape {}, got {}", kName, Dims{columns},
                    bias.defined() ? bias.sizes() : Dims{});
              check<TypeError>(
                  !bias.defined() || is_reduced_float(bias.dtype()) || bias.dtype() == DType::Float32,
                  "{}: expected bias of dtype float32, float16 or bfloat16, got {}", kName,
                  bias.defined() ? bias.dtype() : dtype);
              check(!scale_result.defined() ||
                        (scale_result.numel() == 1 && scale_result.dtype() == DType::Float32),
                    "{}: expected scale_result of one element of dtype float32", kName);
              return TensorSpec(Dims{rows, columns}, dtype, self.device());
            },
        .kind = Kind::Matmul,
        .dtypes = kFloat8DTypes,
        .cpu = [](const Tensor& out, const Tensor& self, const Tensor& mat2, const Tensor& scale_a,
                  const Tensor& scale_b, const Tensor& bias, const Tensor& scale_result, MaybeDType,
                  bool) { scaled_mm_in_float32(out, self, mat2, scale_a, scale_b, bias, scale_result); },
    }};

}  // namespace op
}  // namespace plait
