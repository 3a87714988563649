#include "ops/matrix_product.h"

#include <algorithm>
#include <utility>

namespace plait {

void simplify(Product& p) {
  int kept = 0;
  Product::Operand* const operands[] = {&p.c, &p.a, &p.b};
  for (int d = 0; d < p.batch_dims; ++d) {
    const int64_t size = p.batch[d];
    if (size == 1) continue;
    bool merges = kept > 0;
    for (const Product::Operand* o : operands) merges = merges && o->batch[kept - 1] == o->batch[d] * size;
    const int at = merges ? kept - 1 : kept;
    p.batch[at] = merges ? p.batch[at] * size : size;
    for (Product::Operand* o : operands) o->batch[at] = o->batch[d];
    if (!merges) ++kept;
  }
  p.batch_dims = kept;
  if (kept == 0) return;
  const int last = kept - 1;
  const auto follows = [&](const Product::Operand& o) { return p.m == 1 || o.batch[last] == p.m * o.row; };
  if (p.b.batch[last] == 0 && follows(p.a) && follows(p.c)) {
    if (p.m == 1) p.a.row = p.a.batch[last], p.c.row = p.c.batch[last];
    p.m *= p.batch[last];
    p.batch_dims = last;
  }
}

void exchange(Product& p) {
  std::swap(p.a, p.b);
  std::swap(p.m, p.n);
  for (Product::Operand* o : {&p.a, &p.b, &p.c}) std::swap(o->row, o->column);
}

namespace {

// The batch dimensions of an operand against those of the result.
void set_batch(Product::Operand& operand, const Tensor& tensor, int dims, int result_dims) {
  const int missing = result_dims - dims;
  for (int d = 0; d < result_dims; ++d)
    operand.batch[d] = d < missing || tensor.sizes()[d - missing] == 1 ? 0 : tensor.strides()[d - missing];
}

}  // namespace

Product matmul_product(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha,
                       const Scalar& beta) {
  Product p;
  p.dtype = a.dtype(), p.out_dtype = out.dtype();
  const int da = static_cast<int>(a.dim()), db = static_cast<int>(b.dim()), dc = static_cast<int>(out.dim());
  const bool row = da == 1, column = db == 1;
  p.m = row ? 1 : a.sizes()[da - 2];
  p.k = a.sizes()[da - 1];
  p.n = column ? 1 : b.sizes()[db - 1];
  p.a.data = a.data_ptr(), p.b.data = b.data_ptr(), p.c.data = out.data_ptr();
  p.a.row = row ? p.k : a.strides()[da - 2];
  p.a.column = a.strides()[da - 1];
  p.b.row = column ? b.strides()[0] : b.strides()[db - 2];
  p.b.column = column ? 1 : b.strides()[db - 1];
  p.c.row = row ? p.n : out.strides()[column ? dc - 1 : dc - 2];
  p.c.column = column ? 1 : out.strides()[dc - 1];
  p.batch_dims = dc - !row - !column;
  p.alpha = alpha, p.beta = beta;
  if (p.batch_dims > 0) {
    for (int d = 0; d < p.batch_dims; ++d) {
      p.batch[d] = out.sizes()[d];
      p.c.batch[d] = out.strides()[d];
    }
    set_batch(p.a, a, std::max(da - 2, 0), p.batch_dims);
    set_batch(p.b, b, std::max(db - 2, 0), p.batch_dims);
    simplify(p);
  }
  return p;
}

Product linear_product(const Tensor& out, const Tensor& x, const Tensor& weight) {
  Product p;
  p.dtype = x.dtype(), p.out_dtype = out.dtype();
  const int dx = static_cast<int>(x.dim()), dc = static_cast<int>(out.dim());
  const bool row = dx == 1, column = weight.dim() == 1;
  p.m = row ? 1 : x.sizes()[dx - 2];
  p.k = x.sizes()[dx - 1];
  p.n = column ? 1 : weight.sizes()[0];
  p.a.data = x.data_ptr(), p.b.data = weight.data_ptr(), p.c.data = out.data_ptr();
  p.a.row = row ? p.k : x.strides()[dx - 2];
  p.a.column = x.strides()[dx - 1];
  p.b.row = weight.strides()[column ? 0 : 1];
  p.b.column = column ? p.k : weight.strides()[0];
  p.c.row = row ? p.n : out.strides()[column ? dc - 1 : dc - 2];
  p.c.column = column ? 1 : out.strides()[dc - 1];
  p.batch_dims = std::max(dx - 2, 0);
  for (int d = 0; d < p.batch_dims; ++d) {
    p.batch[d] = out.sizes()[d];
    p.c.batch[d] = out.strides()[d];
    p.a.batch[d] = x.strides()[d];
    p.b.batch[d] = 0;
  }
  if (p.batch_dims > 0) simplify(p);
  return p;
}

}  // namespace plait
