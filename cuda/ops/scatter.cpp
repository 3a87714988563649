// Writing by index along a dimension: scatter, scatter_add, scatter_reduce.
#include "ops/decl/scatter.h"

#include <limits>

#include "cuda/attach.h"
#include "cuda/kernels/scatter.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/ops/pointwise.h"
#include "ops/decl/scatter_reduce.h"

namespace plait::cuda {
namespace {

void scatter_into(const char* op, IndexedOp what, const Tensor& out, int64_t dim, const Tensor& index,
                  const Tensor& src) {
  const int d = wrap_dim(dim, out.dim(), op);
  run_indexed(what, along_call(op, out, d, without_overlap(index, out),
                               is_number(src) ? src : without_overlap(src, out)));
}

// A number for src arrives as a 0-d tensor on the CPU and is written everywhere.
Tensor value_of(const char* op, const Tensor& src, const Tensor& out) {
  if (src.is_wrapped_number())
    check<TypeError>(!is_complex(src.dtype()) || is_complex(out.dtype()),
                     "{}: a complex value does not go into a tensor of dtype {}", op, out.dtype());
  return src;
}

IndexedOp reduce_of(std::string_view name) { return name == "add" ? IndexedOp::Add : IndexedOp::Mul; }

CudaKernel scatter_kernel(op::scatter, [](const Tensor& out, const Tensor& self, int64_t dim,
                                          const Tensor& index, const Tensor& src) {
  start_from(out, self);
  scatter_into("scatter", IndexedOp::Assign, out, dim, index, value_of("scatter", src, out));
});

CudaKernel scatter_reduce_src_kernel(op::scatter_reduce_src, [](const Tensor& out, const Tensor& self,
                                                                int64_t dim, const Tensor& index,
                                                                const Tensor& src, std::string_view reduce) {
  start_from(out, self);
  scatter_into("scatter", reduce_of(reduce), out, dim, index, value_of("scatter", src, out));
});

CudaKernel scatter_add_kernel(op::scatter_add, [](const Tensor& out, const Tensor& self, int64_t dim,
                                                  const Tensor& index, const Tensor& src) {
  start_from(out, self);
  scatter_into("scatter_add", IndexedOp::Add, out, dim, index, src);
});

// ---- scatter_reduce

// What a place starts from that does not count itself, as a number.
Tensor identity(std::string_view rule, DType dtype) {
  if (rule == "sum" || rule == "mean") return scalar_tensor(0, dtype);
  if (rule == "prod") return scalar_tensor(1, dtype);
  return visit(dtype, [&]<class T>() {
    const Tensor out = empty_tensor(Dims{}, dtype);
    if constexpr (!is_complex(dtype_of<T>)) {
      using Limits = std::numeric_limits<compute_t<T>>;
      constexpr bool kFloat = std::is_floating_point_v<compute_t<T>>;
      const compute_t<T> top = kFloat ? Limits::infinity() : Limits::max();
      const compute_t<T> bottom = kFloat ? -Limits::infinity() : Limits::lowest();
      *out.data<T>() = static_cast<T>(rule == "amax" ? bottom : top);
    }
    return out;
  });
}

CudaKernel scatter_reduce_kernel(op::scatter_reduce, [](const Tensor& out, const Tensor& self, int64_t dim,
                                                        const Tensor& given, const Tensor& src,
                                                        std::string_view rule, bool include_self) {
  const char* name = "scatter_reduce";
  check<TypeError>(!is_complex(out.dtype()) || rule == "sum" || rule == "prod" || rule == "mean",
                   "scatter_reduce: complex numbers have no order; reduce '{}' is not defined for them",
                   rule);
  start_from(out, self);
  const Tensor index = without_overlap(given, out), from = without_overlap(src, out);
  if (!include_self) scatter_into(name, IndexedOp::Assign, out, dim, index, identity(rule, out.dtype()));
  const IndexedOp what = rule == "prod"   ? IndexedOp::Mul
                         : rule == "amax" ? IndexedOp::Max
                         : rule == "amin" ? IndexedOp::Min
                                          : IndexedOp::Add;
  scatter_into(name, what, out, dim, index, from);
  if (rule != "mean" || out.numel() == 0) return;
  const Tensor counts = empty_tensor(out.sizes(), DType::Int32, out.device());
  fill(counts, Scalar(include_self ? 1 : 0));
  scatter_into(name, IndexedOp::Add, counts, dim, index, scalar_tensor(1, DType::Int32));
  run_elementwise_as_is(name, divider_by_count(out.dtype()), out, {&out, &counts});
});

}  // namespace
}  // namespace plait::cuda
