// Softmax and its relatives.
#include "ops/cpu/softmax.h"

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/row_blocks.h"
#include "ops/cpu/workspace.h"
#include "ops/decl/copy.h"
#include "ops/decl/exponential.h"
#include "ops/decl/reduce.h"
#include "ops/decl/softmax.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

constexpr int64_t kGrainElements = 16384;

DType compute_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }

// The tensor with `dim` last, contiguous, of the given dtype.
Tensor with_last(const Tensor& t, int64_t dim, DType dtype) {
  const Tensor moved = dim == t.dim() - 1 || t.dim() == 0 ? t : plait::transpose(t, dim, -1);
  if (moved.dtype() == dtype && moved.is_contiguous()) return moved;
  Tensor out = empty_tensor(moved.sizes(), dtype);
  cpu::copy(out, moved);
  return out;
}

// Calls f(kernels, T()) for the dtype that is computed in.
template <class F>
void with_kernels(DType compute, const F& f) {
  if (compute == DType::Float64)
    f(cpu::softmax_table().f64, double());
  else
    f(cpu::softmax_table().f32, float());
}

// Runs rows(kernels, row pointers...) over all rows and brings the result back to the layout of `out`.
template <class F>
void run_rows(const Tensor& out, const Tensor& a, const Tensor* b, int d, const F& rows) {
  const Tensor x = with_last(a, d, a.dtype()), y = b ? with_last(*b, d, b->dtype()) : x;
  const bool direct =
      out.is_contiguous() && x.sizes() == out.sizes() && (out.dim() == 0 || d == out.dim() - 1);
  const Tensor result = direct ? out : empty_tensor(x.sizes(), out.dtype());
  const int64_t n = x.dim() == 0 ? 1 : x.sizes().back(), count = x.numel() / n;
  parallel_for(0, count, std::max<int64_t>(1, kGrainElements / n), [&](int64_t begin, int64_t end) {
    with_kernels(compute_dtype(out.dtype()), [&]<class T>(const auto& kernels, T) {
      const cpu::RowBlocks<T> of_x(x, n), of_y(y, n), of_result(result, n);
      const bool in_place = of_x.is_direct() && of_y.is_direct() && of_result.is_direct();
      const int64_t most = in_place ? end - begin : std::min(end - begin, of_x.rows_at_once(n));
      const cpu::Workspace workspace(in_place ? 0 : 2 * most * n * static_cast<int64_t>(sizeof(T)));
      T *first_buffer = static_cast<T*>(workspace.data()), *second_buffer = first_buffer + most * n;
      for (int64_t first = begin; first < end; first += most) {
        const int64_t part = std::min(most, end - first);
        const T* from = of_x.load(first, part, first_buffer);
        const T* second = b ? of_y.load(first, part, second_buffer) : from;
        rows(kernels, from, second, part, n, of_result.place(first, first_buffer));
        of_result.store(first, part, first_buffer);
      }
    });
  });
  if (!direct)
    cpu::copy(out, d == out.dim() - 1 || out.dim() == 0 ? result : plait::transpose(result, d, -1));
}

// The elements of an inner dimension of contiguous tensors lie `inner` apart: runs columns(kernels,
// pointers...) over blocks of neighbouring columns, as they lie.
template <class F>
void run_columns(const Tensor& out, const Tensor& a, const Tensor* b, int d, const F& columns) {
  const DType compute = compute_dtype(out.dtype());
  const auto plain = [&](const Tensor& t) { return with_last(t, t.dim() - 1, compute); };
  const Tensor x = plain(a), y = b ? plain(*b) : x;
  const Tensor result =
      out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(x.sizes(), compute);
  const int64_t n = x.sizes()[d], inner = contiguous_strides(x.sizes())[d], outer = x.numel() / (n * inner);
  constexpr int64_t kColumns = cpu::SoftmaxKernels<float>::kColumns;
  const int64_t blocks = (inner + kColumns - 1) / kColumns;
  const int64_t grain = std::max<int64_t>(1, kGrainElements / (n * std::min(inner, kColumns)));
  parallel_for(0, outer * blocks, grain, [&](int64_t begin, int64_t end) {
    with_kernels(compute, [&]<class T>(const auto& kernels, T) {
      for (int64_t k = begin; k < end; ++k) {
        const int64_t first = k % blocks * kColumns, at = k / blocks * n * inner + first;
        columns(kernels, x.data<T>() + at, y.data<T>() + at, n, inner, std::min(kColumns, inner - first),
                result.data<T>() + at);
      }
    });
  });
  if (result.impl() != out.impl()) cpu::copy(out, result);
}

// Neighbours that are worth being computed side by side.
constexpr int64_t kLeastColumns = 8;

template <class Rows, class Columns>
void run(const Tensor& out, const Tensor& a, const Tensor* b, int64_t dim, const Rows& rows,
         const Columns& columns) {
  if (out.numel() == 0) return;
  const int d = wrap_dim(dim, out.dim(), "softmax");
  if (out.dim() > 0 && contiguous_strides(out.sizes())[d] >= kLeastColumns)
    run_columns(out, a, b, d, columns);
  else
    run_rows(out, a, b, d, rows);
}

void forward(const Tensor& out, const Tensor& self, int64_t dim, bool log) {
  run(
      out, self, nullptr, dim,
      [&](const auto& k, const auto* x, const auto*, int64_t rows, int64_t n, auto* y) {
        k.forward(x, rows, n, y, log);
      },
      [&](const auto& k, const auto* x, const auto*, int64_t n, int64_t stride, int64_t width, auto* y) {
        k.forward_columns(x, n, stride, width, y, log);
      });
}
void backward(const Tensor& out, const Tensor& grad, const Tensor& result, int64_t dim, bool log) {
  run(
      out, grad, &result, dim,
      [&](const auto& k, const auto* g, const auto* y, int64_t rows, int64_t n, auto* dx) {
        k.backward(g, y, rows, n, dx, log);
      },
      [&](const auto& k, const auto* g, const auto* y, int64_t n, int64_t stride, int64_t width, auto* dx) {
        k.backward_columns(g, y, n, stride, width, dx, log);
      });
}

TensorSpec spec(const char* op, const Tensor& self, int64_t dim) {
  wrap_dim(dim, self.dim(), op);
  return TensorSpec(self.sizes(), self.dtype(), self.device());
}
TensorSpec backward_spec(const char* op, const Tensor& self, const Tensor& output, int64_t dim) {
  check(self.sizes() == output.sizes(),
        "{}: expected the output and its gradient of one shape, got {} and {}", op, output.sizes(),
        self.sizes());
  check<TypeError>(is_floating(output.dtype()), "{}: expected a floating output, got {}", op, output.dtype());
  return spec(op, self, dim);
}
// In the dtype asked for, else the float dtype of self.
Tensor converted(const Tensor& self, std::optional<DType> dtype) {
  const DType wanted = dtype.value_or(infer::float_dtype(self.dtype()));
  return wanted == self.dtype() ? self : plait::_convert(self, wanted);
}
IntSpan one(const int64_t& dim) { return {&dim, 1}; }

}  // namespace

Op<Tensor(const Tensor&, int64_t)> _softmax{{
    .schema = "_softmax(Tensor self, int dim) -> Tensor",
    .doc = "softmax of a floating tensor.",
    .meta = [](const Tensor& self, int64_t dim) { return spec("softmax", self, dim); },
    .vjp = [](Vjp& v) { v.set(0, plait::_softmax_backward(v.grad(), v.out(), v.attr<int64_t>(1))); },
    .save = "result",
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim) { forward(out, self, dim, false); },
}};
Op<Tensor(const Tensor&, const Tensor&, int64_t)> _softmax_backward{{
    .schema = "_softmax_backward(Tensor self, Tensor output, int dim) -> Tensor",
    .doc = "y (g - sum g y): the gradient of softmax from that of its output y.",
    .meta = [](const Tensor& self, const Tensor& output,
               int64_t dim) { return backward_spec("_softmax_backward", self, output, dim); },
    .vjp =
        [](Vjp& v) {
          const Tensor g = v.in(0), y = v.in(1), u = v.grad();
          const int64_t dim = v.attr<int64_t>(2);
          if (v.needs(0)) v.set(0, plait::_softmax_backward(u, y, dim));
          if (v.needs(1))
            v.set(1, u * (g - plait::sum(g * y, one(dim), true)) - g * plait::sum(u * y, one(dim), true));
        },
    .save = "self, output",
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& output,
              int64_t dim) { backward(out, self, output, dim, false); },
}};
Op<Tensor(const Tensor&, int64_t)> _log_softmax{{
    .schema = "_log_softmax(Tensor self, int dim) -> Tensor",
    .doc = "log_softmax of a floating tensor.",
    .meta = [](const Tensor& self, int64_t dim) { return spec("log_softmax", self, dim); },
    .vjp = [](Vjp& v) { v.set(0, plait::_log_softmax_backward(v.grad(), v.out(), v.attr<int64_t>(1))); },
    .save = "result",
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, int64_t dim) { forward(out, self, dim, true); },
}};
Op<Tensor(const Tensor&, const Tensor&, int64_t)> _log_softmax_backward{{
    .schema = "_log_softmax_backward(Tensor self, Tensor output, int dim) -> Tensor",
    .doc = "g - exp(y) sum g: the gradient of log_softmax from that of its output y.",
    .meta = [](const Tensor& self, const Tensor& output,
               int64_t dim) { return backward_spec("_log_softmax_backward", self, output, dim); },
    .vjp =
        [](Vjp& v) {
          const Tensor g = v.in(0), p = plait::exp(v.in(1)), u = v.grad();
          const int64_t dim = v.attr<int64_t>(2);
          const Tensor dot = plait::sum(u * p, one(dim), true);
          if (v.needs(0)) v.set(0, u - dot);
          if (v.needs(1)) v.set(1, -(u * p * plait::sum(g, one(dim), true)));
        },
    .save = "self, output",
    .kind = Kind::Reduction,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& output,
              int64_t dim) { backward(out, self, output, dim, true); },
}};

Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> softmax{{
    .schema = "softmax(Tensor self, int dim, dtype? dtype=None) -> Tensor",
    .doc = R"(exp(self) / sum exp(self) along a dimension, computed in `dtype` where given.

>>> plait.softmax(plait.tensor([0.0, 0.0]), 0)
tensor([0.5000, 0.5000]))",
    .composite = [](const Tensor& self, int64_t dim,
                    std::optional<DType> dtype) { return plait::_softmax(converted(self, dtype), dim); },
    .kind = Kind::Reduction,
    .out = true,
}};
Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> log_softmax{{
    .schema = "log_softmax(Tensor self, int dim, dtype? dtype=None) -> Tensor",
    .doc = R"(log(softmax(self)) along a dimension, without overflow.

>>> plait.log_softmax(plait.tensor([0.0, 0.0]), 0)
tensor([-0.6931, -0.6931]))",
    .composite = [](const Tensor& self, int64_t dim,
                    std::optional<DType> dtype) { return plait::_log_softmax(converted(self, dtype), dim); },
    .kind = Kind::Reduction,
    .out = true,
}};
Op<Tensor(const Tensor&, int64_t, std::optional<DType>)> softmin{{
    .schema = "softmin(Tensor self, int dim, dtype? dtype=None) -> Tensor",
    .doc = "softmax(-self) along a dimension.",
    .composite = [](const Tensor& self, int64_t dim,
                    std::optional<DType> dtype) { return plait::_softmax(-converted(self, dtype), dim); },
    .kind = Kind::Reduction,
}};

}  // namespace plait::op
