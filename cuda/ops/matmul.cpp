// Matrix products: cuBLASLt where it knows the dtype and the layout, our own kernel for the rest.
#include "ops/decl/matmul.h"

#include "cuda/attach.h"
#include "cuda/kernels/gemm.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/matmul.h"
#include "cuda/ops/reduce_plan.h"
#include "cuda/vendor/cublaslt.h"
#include "ops/decl/activation.h"
#include "ops/decl/addmm.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/linear_activation.h"
#include "ops/decl/view.h"
#include "ops/matrix_product.h"

namespace plait::cuda {
namespace {

// Can a BLAS read it: one stride of 1, the other at least a row (or column) long?
bool is_plain(const Product::Operand& o, int64_t rows, int64_t columns) {
  return (o.column == 1 && o.row >= columns) || (o.row == 1 && o.column >= rows);
}
// Where there is one row or one column, its stride means nothing: it becomes what a BLAS asks for.
void settle_leading(Product::Operand& o, int64_t rows, int64_t columns) {
  if (columns == 1 && o.row == 1) {
    o.column = rows;
  } else if (columns == 1) {
    o.column = 1;
  } else if (rows == 1 && o.column == 1) {
    o.row = columns;
  } else if (rows == 1) {
    o.row = 1;
  }
}

bool by_cublaslt(Product p, Epilogue epilogue, void* kept = nullptr) {
  if (p.batch_dims > 1 || p.k == 0) return false;
  settle_leading(p.a, p.m, p.k), settle_leading(p.b, p.k, p.n), settle_leading(p.c, p.m, p.n);
  if (!is_plain(p.a, p.m, p.k) || !is_plain(p.b, p.k, p.n) || !is_plain(p.c, p.m, p.n)) return false;
  // A result whose columns are contiguous and whose rows are, too (one column), counts as row by row.
  return cublaslt_product(p, epilogue, kept);
}

void by_own_kernel(const Product& p) {
  check<NotImplementedError>(
      p.batch_dims <= GemmPlan::kMaxBatchDims,
      "matrix product on cuda: {} batch dimensions that do not merge, at most {} are taken; "
      "call .contiguous() on the operands",
      p.batch_dims, GemmPlan::kMaxBatchDims);
  GemmPlan plan{};
  plan.dtype = p.dtype;
  plan.m = p.m, plan.n = p.n, plan.k = p.k;
  const auto take = [&](GemmPlan::Operand& to, const Product::Operand& from) {
    to.data = from.data, to.row = from.row, to.column = from.column;
    for (int d = 0; d < p.batch_dims; ++d) to.batch[d] = from.batch[d];
  };
  take(plan.c, p.c), take(plan.a, p.a), take(plan.b, p.b);
  plan.batch_dims = p.batch_dims;
  for (int d = 0; d < p.batch_dims; ++d) plan.batch[d] = p.batch[d];
  plan.bias = p.bias;
  plan.alpha = number_of(p.alpha), plan.beta = number_of(p.beta);
  plan.beta_is_zero = p.beta.equals(0);
  run_gemm(plan);
}

void multiply(Product p) {
  if (p.is_empty()) return;
  simplify(p);
  if (!by_cublaslt(p, Epilogue::None)) by_own_kernel(p);
}

bool knows_dtype(DType d) { return is_floating(d) || is_complex(d); }

// A copy with rows one after another where a BLAS could not read the operand as it lies.
Tensor readable(const Tensor& t) {
  if (t.dim() < 2 || !knows_dtype(t.dtype())) return t;
  const int last = static_cast<int>(t.dim()) - 1;
  Product::Operand o{nullptr, t.strides()[last - 1], t.strides()[last], {}};
  settle_leading(o, t.sizes()[last - 1], t.sizes()[last]);
  return is_plain(o, t.sizes()[last - 1], t.sizes()[last]) ? t : contiguous(t);
}

// Runs `go` into out, or into a contiguous tensor of the dtype that is copied to it where out's rows lie
// oddly.
template <class F>
void into(const Tensor& out, DType dtype, bool reads_out, const F& go) {
  if (out.dtype() == dtype && readable(out).same(out)) return go(out);
  const Tensor fresh = empty_tensor(out.sizes(), dtype, out.device());
  if (reads_out) copy_on_device(fresh, out);
  go(fresh);
  copy_on_device(out, fresh);
}

}  // namespace

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha, const Scalar& beta) {
  const Tensor x = readable(a), y = readable(b);
  into(out, a.dtype(), !beta.equals(0),
       [&](const Tensor& c) { multiply(matmul_product(c, x, y, alpha, beta)); });
}

void linear(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const Tensor a = readable(x), w = readable(weight);
  const Tensor b = bias.defined() ? contiguous(converted(bias, out.dtype())) : bias;
  into(out, x.dtype(), false, [&](const Tensor& c) {
    Product p = linear_product(c, a, w);
    if (!b.defined() || p.is_empty()) return multiply(p);
    p.bias = b.data_ptr();
    simplify(p);
    if (by_cublaslt(p, Epilogue::None)) return;
    // Complex numbers have no epilogue, and float64 not on every device: the product's speed is worth a pass.
    Product bare = p;
    bare.bias = nullptr;
    if ((is_complex(p.dtype) || p.dtype == DType::Float64) && by_cublaslt(bare, Epilogue::None)) {
      NoGrad guard;
      plait::add_(c, b, 1);
      return;
    }
    by_own_kernel(p);
  });
}

namespace {

// out = activation(x @ weight.T + bias), where cuBLASLt has such a product. `kept` is laid out as out.
bool linear_with(Epilogue epilogue, const Tensor& out, void* kept, const Tensor& x, const Tensor& weight,
                 const Tensor& bias) {
  if (out.numel() == 0 || !readable(out).same(out)) return false;
  const Tensor a = readable(x), w = readable(weight), b = bias.defined() ? contiguous(bias) : bias;
  Product p = linear_product(out, a, w);
  if (b.defined()) p.bias = b.data_ptr();
  simplify(p);
  return by_cublaslt(p, epilogue, kept);
}

}  // namespace

namespace {

// Brings self into out, and returns the factor that out then has.
Scalar start(const Tensor& out, const Tensor& self, const Scalar& beta) {
  const bool is_out =
      out.sizes() == self.sizes() && out.strides() == self.strides() && out.data_ptr() == self.data_ptr();
  if (!beta.equals(0) && !is_out) copy_on_device(out, self);
  return beta;
}

CudaKernel matmul_kernel(op::matmul,
                         [](const Tensor& out, const Tensor& a, const Tensor& b) { matmul(out, a, b); });
CudaKernel mm_kernel(op::mm, [](const Tensor& out, const Tensor& a, const Tensor& b) { matmul(out, a, b); });
CudaKernel bmm_kernel(op::bmm,
                      [](const Tensor& out, const Tensor& a, const Tensor& b) { matmul(out, a, b); });
CudaKernel mv_kernel(op::mv, [](const Tensor& out, const Tensor& a, const Tensor& b) { matmul(out, a, b); });
CudaKernel dot_kernel(op::dot,
                      [](const Tensor& out, const Tensor& a, const Tensor& b) { matmul(out, a, b); });
CudaKernel linear_kernel(op::linear_default, [](const Tensor& out, const Tensor& x, const Tensor& weight,
                                                const Tensor& bias) { linear(out, x, weight, bias); });
CudaKernel linear_relu_kernel(op::_linear_relu, [](const Tensor& out, const Tensor& x, const Tensor& weight,
                                                   const Tensor& bias) {
  if (linear_with(Epilogue::Relu, out, nullptr, x, weight, bias)) return;
  NoGrad guard;
  linear(out, x, weight, bias);
  plait::relu_(out);
});
CudaKernel linear_gelu_kernel(op::_linear_gelu, [](const Tensor& out, const Tensor& sums, const Tensor& x,
                                                   const Tensor& weight, const Tensor& bias, bool keep) {
  const Epilogue epilogue = keep ? Epilogue::GeluKeep : Epilogue::Gelu;
  if (linear_with(epilogue, out, keep ? sums.data_ptr() : nullptr, x, weight, bias)) return;
  NoGrad guard;
  linear(out, x, weight, bias);
  if (keep) copy_on_device(sums, out);
  plait::gelu_(out, "tanh");
});
CudaKernel linear_grads_kernel(op::_linear_grads,
                               [](const Tensor& weight, const Tensor& bias, const Tensor& self,
                                  const Tensor& input, bool need_bias, std::optional<DType>) {
                                 const Tensor a = readable(plait::t(self)), b = readable(input);
                                 if (weight.numel() && weight.is_contiguous() && bias.is_contiguous()) {
                                   Product p = matmul_product(weight, a, b, 1, 0);
                                   if (need_bias) p.bias = bias.data_ptr();
                                   simplify(p);
                                   if (by_cublaslt(p, need_bias ? Epilogue::RowSums : Epilogue::None)) return;
                                 }
                                 matmul(weight, a, b);
                                 if (need_bias) run_reduce("_linear_grads", ReduceOp::Sum, self, 1, &bias);
                               });
CudaKernel addmm_kernel(op::addmm, [](const Tensor& out, const Tensor& self, const Tensor& a, const Tensor& b,
                                      const Scalar& beta, const Scalar& alpha) {
  matmul(out, a, b, alpha, start(out, self, beta));
});
CudaKernel addmv_kernel(op::addmv, [](const Tensor& out, const Tensor& self, const Tensor& a, const Tensor& b,
                                      const Scalar& beta, const Scalar& alpha) {
  matmul(out, a, b, alpha, start(out, self, beta));
});
CudaKernel baddbmm_kernel(op::baddbmm, [](const Tensor& out, const Tensor& self, const Tensor& a,
                                          const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  matmul(out, a, b, alpha, start(out, self, beta));
});
CudaKernel addbmm_kernel(op::addbmm, [](const Tensor& out, const Tensor& self, const Tensor& batch1,
                                        const Tensor& batch2, const Scalar& beta, const Scalar& alpha) {
  // One product over batch and k together, as on the CPU.
  const Dims& a = batch1.sizes();
  const int64_t k = a[0] * a[2];
  matmul(out, plait::reshape(plait::permute(batch1, Dims{1, 0, 2}), Dims{a[1], k}),
         plait::reshape(batch2, Dims{k, batch2.sizes()[2]}), alpha, start(out, self, beta));
});

}  // namespace
}  // namespace plait::cuda
