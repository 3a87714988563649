// Decompositions of matrices by cuSOLVER.
#include "ops/decl/factorizations.h"

#include "cuda/attach.h"
#include "cuda/kernels/factorizations.h"
#include "cuda/ops/elementwise.h"
#include "cuda/vendor/cusolver.h"
#include "ops/factorize.h"

namespace plait::cuda {
namespace {

class Cusolver final : public MatrixLibrary {
 public:
  void require(const char* op) const override {
    check<RuntimeError>(
        cusolver_is_available(),
        "{}: cuSOLVER was not found; pip install nvidia-cusolver (or set LD_LIBRARY_PATH to the "
        "folder of libcusolver.so.12)",
        op);
  }
  void cholesky(const Matrices& a, int32_t* info) const override { cusolver_cholesky(a, info); }
  void lu(const Matrices& a, int32_t* pivots, int32_t* info) const override { cusolver_lu(a, pivots, info); }
  void triangular(const Triangle& triangle, const Matrices& a, const Matrices& b) const override {
    cusolver_triangular(triangle, a, b);
  }
  void qr(const Matrices& a, void* tau) const override { cusolver_qr(a, tau); }
  void q(const Matrices& a, int64_t reflectors, const void* tau) const override {
    cusolver_q(a, reflectors, tau);
  }
  // Many small matrices by one kernel of our own: the library has none, and takes launches for each matrix.
  bool q_of(const Matrices& packed, const Matrices& q, int64_t reflectors, const void* tau) const override {
    if (packed.batch == 1 || packed.rows > ReflectorsPlan::kMostRows) return false;
    multiply_reflectors({q.data, packed.data, tau, packed.dtype, packed.batch, packed.stride,
                         static_cast<int>(packed.rows), static_cast<int>(q.columns),
                         static_cast<int>(reflectors)});
    return true;
  }
  void eigh(const Matrices& a, bool upper, bool vectors, void* values, int32_t* info) const override {
    cusolver_eigh(a, upper, vectors, values, info);
  }
  void svd(const Matrices& a, const Matrices& u, void* s, const Matrices& v, bool vectors,
           int32_t* info) const override {
    cusolver_svd(a, u, s, v, vectors, info);
  }
  bool svd_is_full(int64_t rows, int64_t columns, int64_t batch) const override {
    return cusolver_svd_is_batched(rows, columns, batch);
  }
  bool svd_gives_adjoint() const override { return false; }
  void eig(const Matrices& a, void* values, const Matrices& v, bool vectors, int32_t* info) const override {
    cusolver_eig(a, values, v, vectors, info);
  }
  bool eig_takes_real() const override { return false; }
};
constexpr Cusolver kCusolver;

CudaDirect cholesky(op::_linalg_cholesky,
                    [](const Tensor& self) { return factorize::cholesky(kCusolver, self); });
CudaDirect lu(op::_linalg_lu,
              [](const Tensor& self, bool pivot) { return factorize::lu(kCusolver, self, pivot); });
CudaDirect lu_solve(op::_linalg_lu_solve,
                    [](const Tensor& self, const Tensor& pivots, const Tensor& other, bool adjoint) {
                      return factorize::lu_solve(kCusolver, self, pivots, other, adjoint);
                    });
CudaDirect solve_triangular(op::_linalg_solve_triangular,
                            [](const Tensor& self, const Tensor& other, bool upper, bool unit) {
                              return factorize::solve_triangular(kCusolver, self, other, upper, unit);
                            });
CudaDirect qr(op::_linalg_qr,
              [](const Tensor& self, std::string_view mode) { return factorize::qr(kCusolver, self, mode); });
CudaDirect householder(op::_linalg_householder_product, [](const Tensor& self, const Tensor& tau) {
  return factorize::householder_product(kCusolver, self, tau);
});
CudaDirect eigh(op::_linalg_eigh, [](const Tensor& self, bool upper, bool vectors) {
  return factorize::eigh(kCusolver, self, upper, vectors);
});
CudaDirect svd(op::_linalg_svd, [](const Tensor& self, bool full, bool vectors) {
  return factorize::svd(kCusolver, self, full, vectors);
});
CudaDirect eig(op::_linalg_eig,
               [](const Tensor& self, bool vectors) { return factorize::eig(kCusolver, self, vectors); });

CudaKernel row_order(op::_linalg_row_order, [](const Tensor& out, const Tensor& given, int64_t rows) {
  if (out.numel() == 0) return;
  const Tensor pivots = cuda::contiguous(given);
  const Tensor order = out.is_contiguous() ? out : empty_tensor(out.sizes(), DType::Int64, out.device());
  order_rows({order.data<int64_t>(), pivots.data<int32_t>(), out.numel() / rows, static_cast<int>(rows),
              static_cast<int>(pivots.size(-1))},
             "_linalg_row_order");
  if (!order.same(out)) copy_on_device(out, order);
});

}  // namespace
}  // namespace plait::cuda
