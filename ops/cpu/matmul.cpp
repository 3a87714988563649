#include "ops/cpu/matmul.h"

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/onednn.h"
#include "ops/cpu/pointwise.h"

namespace plait::cpu {
namespace {

// Drops batch dimensions of size 1, merges neighbours, and takes a batch that shares one b as more rows of a.
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

bool by_onednn(const Product& p) {
  constexpr int kMostBatch = 4;
  const OnednnKernels* kernels = p.batch_dims <= kMostBatch ? onednn_if_available() : nullptr;
  if (!kernels) return false;
  const int ndim = p.batch_dims + 2;
  int64_t sizes[3][kMostBatch + 2], strides[3][kMostBatch + 2];
  const Product::Operand* const operands[] = {&p.c, &p.a, &p.b};
  const int64_t rows[] = {p.m, p.m, p.k}, columns[] = {p.n, p.k, p.n};
  View views[3];
  for (int i = 0; i < 3; ++i) {
    for (int d = 0; d < p.batch_dims; ++d) {
      sizes[i][d] = i > 0 && operands[i]->batch[d] == 0 ? 1 : p.batch[d];
      strides[i][d] = operands[i]->batch[d];
    }
    sizes[i][ndim - 2] = rows[i], strides[i][ndim - 2] = operands[i]->row;
    sizes[i][ndim - 1] = columns[i], strides[i][ndim - 1] = operands[i]->column;
    views[i] = View{operands[i]->data, sizes[i], strides[i], ndim, p.dtype};
  }
  MatmulCall call{views[0], views[1], views[2]};
  const int64_t one = 1;
  const View bias{const_cast<void*>(p.bias), &p.n, &one, 1, p.dtype};
  if (p.bias) call.bias = &bias;
  call.alpha = p.alpha.to<float>();
  call.beta = p.beta.to<float>();
  return kernels->matmul(call);
}

// Row by row, for any strides.
template <class T>
void plain_rows(const Product& p, T* c, const T* a, const T* b, int64_t begin, int64_t end) {
  using Acc = std::conditional_t<std::is_same_v<compute_t<T>, float>, double, accumulate_t<T>>;
  const Acc alpha = p.alpha.to<Acc>(), beta = p.beta.to<Acc>();
  const bool reads_c = !(beta == Acc(0));
  const T* bias = static_cast<const T*>(p.bias);
  for (int64_t i = begin; i < end; ++i) {
    for (int64_t j = 0; j < p.n; ++j) {
      Acc sum(0);
      for (int64_t l = 0; l < p.k; ++l)
        sum += static_cast<Acc>(a[i * p.a.row + l * p.a.column]) *
               static_cast<Acc>(b[l * p.b.row + j * p.b.column]);
      T& to = c[i * p.c.row + j * p.c.column];
      sum = alpha * sum;
      if (reads_c) sum += beta * static_cast<Acc>(to);
      if (bias) sum += static_cast<Acc>(bias[j]);
      to = static_cast<T>(sum);
    }
  }
}

void plain(const Product& p) {
  int64_t batches = 1;
  for (int d = 0; d < p.batch_dims; ++d) batches *= p.batch[d];
  visit(p.dtype, [&]<class T>() {
    const int64_t grain = 1 + 32768 / (1 + p.n * p.k);
    parallel_for(0, batches * p.m, grain, [&](int64_t begin, int64_t end) {
      while (begin < end) {
        int64_t index = begin / p.m;
        const int64_t row = begin % p.m, rows = std::min(p.m - row, end - begin);
        auto* c = static_cast<T*>(p.c.data);
        auto* a = static_cast<const T*>(p.a.data);
        auto* b = static_cast<const T*>(p.b.data);
        for (int d = p.batch_dims - 1; d >= 0; --d) {
          const int64_t i = index % p.batch[d];
          c += i * p.c.batch[d], a += i * p.a.batch[d], b += i * p.b.batch[d];
          index /= p.batch[d];
        }
        plain_rows<T>(p, c, a, b, row, row + rows);
        begin += rows;
      }
    });
  });
}

// The batch dimensions of an operand against those of the result.
void set_batch(Product::Operand& operand, const Tensor& tensor, int dims, int result_dims) {
  const int missing = result_dims - dims;
  for (int d = 0; d < result_dims; ++d)
    operand.batch[d] = d < missing || tensor.sizes()[d - missing] == 1 ? 0 : tensor.strides()[d - missing];
}

bool is_empty(const Product& p) {
  for (int d = 0; d < p.batch_dims; ++d)
    if (p.batch[d] == 0) return true;
  return p.m == 0 || p.n == 0;
}

}  // namespace

void run(const Product& product) {
  if (is_empty(product)) return;
  if ((product.dtype == DType::Float32 || is_reduced_float(product.dtype)) && product.k > 0 &&
      by_onednn(product))
    return;
  plain(product);
}

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha, const Scalar& beta) {
  Product p;
  p.dtype = a.dtype();
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
  run(p);
}

void linear(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  Product p;
  p.dtype = x.dtype();
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
  Tensor kept;
  if (bias.defined()) {
    kept = bias.is_contiguous() ? bias : clone_plain(bias);
    p.bias = kept.data_ptr();
  }
  run(p);
}

}  // namespace plait::cpu
