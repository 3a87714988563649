#include "ops/cpu/matmul.h"

#include <algorithm>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/gemm.h"
#include "ops/cpu/onednn.h"
#include "ops/cpu/pointwise.h"
#include "ops/cpu/small_products.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

// Up to so many multiply-adds our own tiles are faster than a call of oneDNN.
constexpr int64_t kSmall = 48 * 48 * 48;
// So many rows at most are computed as dot products, or as sums of the other matrix's rows, which is read
// once, as it lies in memory.
constexpr int64_t kFewDots = 8, kFewSums = 32;
// Multiply-adds that are worth a thread.
constexpr int64_t kGrain = 128 * 1024;
constexpr int64_t kStackBytes = 8 * 1024;

bool by_onednn(const Product& p) {
  constexpr int kMostBatch = 4;
  const OnednnKernels* kernels = p.batch_dims <= kMostBatch ? onednn_if_available() : nullptr;
  if (!kernels) return false;
  for (int d = 0; d < p.batch_dims; ++d)  // oneDNN broadcasts one operand, not both
    if (p.a.batch[d] == 0 && p.b.batch[d] == 0) return false;
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

void set_number(char* to, const Scalar& value, DType dtype) {
  visit(dtype, [&]<class T>() {
    const auto x = value.to<compute_t<T>>();
    __builtin_memcpy(to, &x, sizeof(x));
  });
}

GemmKind kind_of(const Product& p) {
  if (p.dtype != DType::Float32 && p.dtype != DType::Float64) return GemmKind::Tiles;
  if ((p.a.column == 1 || p.k == 1) && p.b.row == 1 && p.k >= 16 && p.m <= kFewDots) return GemmKind::Dots;
  if (p.b.column == 1 && p.c.column == 1 && p.n >= 64 && p.m <= kFewSums) return GemmKind::Rows;
  return GemmKind::Tiles;
}

// The kernel for p, or for its transposed product where that has one of its own: p becomes it.
GemmKind settled_kind(Product& p) {
  GemmKind kind = kind_of(p);
  if (kind == GemmKind::Tiles && !p.bias && (p.n <= kFewSums || (p.c.row == 1 && p.c.column != 1))) {
    // A few columns are a few rows of the transposed product.
    const bool few = p.n <= kFewSums;
    exchange(p);
    kind = kind_of(p);
    if (few && kind == GemmKind::Tiles) exchange(p);
  }
  return kind;
}

// All of a product but where the matrices of the batch are.
Gemm gemm_of(const Product& p) {
  Gemm g;
  g.m = p.m, g.n = p.n, g.k = p.k;
  g.c = p.c.data, g.a = p.a.data, g.b = p.b.data, g.bias = p.bias;
  g.c_row = p.c.row, g.c_column = p.c.column, g.a_row = p.a.row, g.a_column = p.a.column;
  g.b_row = p.b.row, g.b_column = p.b.column;
  g.alpha_is_one = p.alpha.equals(1), g.beta_is_zero = p.beta.equals(0), g.beta_is_one = p.beta.equals(1);
  set_number(g.alpha, p.alpha, p.dtype);
  set_number(g.beta, p.beta, p.dtype);
  return g;
}

// A product of the batch, by its number.
Gemm of_batch(const Gemm& whole, const Product& p, int64_t number) {
  const int64_t size = itemsize(p.dtype);
  Gemm g = whole;
  auto *c = static_cast<char*>(p.c.data), *a = static_cast<char*>(p.a.data),
       *b = static_cast<char*>(p.b.data);
  for (int d = p.batch_dims - 1; d >= 0; --d) {
    const int64_t i = number % p.batch[d];
    c += i * p.c.batch[d] * size, a += i * p.a.batch[d] * size, b += i * p.b.batch[d] * size;
    number /= p.batch[d];
  }
  g.c = c, g.a = a, g.b = b;
  return g;
}

// Are there many small products, along the last dimension of the batch?
bool are_small(const Product& p) {
  constexpr int64_t kFewest = 8;
  return !p.bias && p.batch_dims > 0 && p.batch[p.batch_dims - 1] >= kFewest &&
         p.m * p.n * p.k <= kMostInSmallProduct && p.m * p.k <= kMostInSmallMatrix &&
         p.k * p.n <= kMostInSmallMatrix;
}

bool by_lanes(const Product& p) {
  const auto kernel = small_products_table().run[static_cast<int>(p.dtype)];
  if (!kernel || !are_small(p)) return false;
  const int last = p.batch_dims - 1;
  const Gemm whole = gemm_of(p);
  const int64_t grain = std::max<int64_t>(1, kGrain / (8 * (p.m * p.n * p.k + 1)));
  parallel_for(0, p.batches(), grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t count = std::min(end - begin, p.batch[last] - begin % p.batch[last]);
      kernel(of_batch(whole, p, begin), p.c.batch[last], p.a.batch[last], p.b.batch[last], count);
      begin += count;
    }
  });
  return true;
}

// By our own kernels: the batch and the larger side of c are shared among threads.
void by_tiles(const Product& p, GemmKind kind) {
  const GemmTable& table = gemm_table();
  const int dtype = static_cast<int>(p.dtype);
  const auto kernel = table.run[static_cast<int>(kind)][dtype];
  const int64_t size = itemsize(p.dtype), batches = p.batches(), work = batches * p.m * p.n * p.k;
  const Gemm whole = gemm_of(p);
  const auto workspace_bytes = [&](const Gemm& g) {
    return kind == GemmKind::Tiles ? table.workspace[dtype](g.m, g.n, g.k) : int64_t{0};
  };

  const int64_t parts = std::clamp<int64_t>(work / kGrain, 1, num_threads());
  if (parts == 1 && batches == 1) {
    const int64_t bytes = workspace_bytes(whole);
    if (bytes <= kStackBytes) {
      alignas(64) char workspace[kStackBytes];
      kernel(whole, workspace);
    } else {
      const Workspace workspace(bytes);
      kernel(whole, workspace.data());
    }
    return;
  }

  const bool by_columns = p.n >= p.m;
  const int64_t edge = by_columns ? 16 : 12;  // pieces are multiples of this: whole vectors or tiles
  const int64_t side = by_columns ? p.n : p.m;
  const int64_t wanted = batches >= parts ? 1 : (parts + batches - 1) / batches;
  const int64_t piece = std::max(edge, ((side + wanted - 1) / wanted + edge - 1) / edge * edge);
  const int64_t pieces = (side + piece - 1) / piece;
  const int64_t items = batches * pieces;
  parallel_for(0, items, (items + parts - 1) / parts, [&](int64_t begin, int64_t end) {
    const Workspace workspace(workspace_bytes(whole));
    for (int64_t item = begin; item < end; ++item) {
      Gemm g = of_batch(whole, p, item / pieces);
      const int64_t first = item % pieces * piece, count = std::min(piece, side - first);
      const auto at = [&](const void* data, int64_t stride) {
        return static_cast<const char*>(data) + first * stride * size;
      };
      if (by_columns) {
        g.n = count;
        g.b = at(g.b, p.b.column);
        if (p.bias) g.bias = at(p.bias, 1);
      } else {
        g.m = count;
        g.a = at(g.a, p.a.row);
      }
      g.c = const_cast<char*>(at(g.c, by_columns ? p.c.column : p.c.row));
      kernel(g, workspace.data());
    }
  });
}

// False where the product must be computed in float32.
bool multiply(Product& p) {
  if (p.is_empty()) return true;
  if (is_reduced_float(p.dtype)) return p.k > 0 && !are_small(p) && by_onednn(p);
  if (by_lanes(p)) return true;
  const GemmKind kind = settled_kind(p);
  if (p.dtype == DType::Float32 && p.batches() * p.m * p.n * p.k > kSmall && kind == GemmKind::Tiles &&
      by_onednn(p))
    return true;
  by_tiles(p, kind);
  return true;
}

// Note [Rows that lie apart]
// A batch that shares one b is one product with more rows, where the rows follow each other. Where they do
// not (batch-first data that was transposed for attention), a few rows at a time would read all of b again
// for each of the batch: a is copied, which costs an n-th of the work. From 16 rows on b is read often
// enough.
bool wants_rows_together(const Product& p) {
  constexpr int64_t kMostRows = 16, kFewestColumns = 16;
  if (p.batch_dims == 0 || p.m > kMostRows || p.n < kFewestColumns || are_small(p)) return false;
  int64_t follows = p.m * p.c.row;
  for (int d = p.batch_dims - 1; d >= 0; --d) {
    if (p.b.batch[d] != 0 || p.a.batch[d] == 0 || p.c.batch[d] != follows) return false;
    follows *= p.batch[d];
  }
  return true;
}

}  // namespace

void run(const Product& product) {
  Product p = product;
  simplify(p);
  check(multiply(p), "matrix product: {} has to be computed in float32", p.dtype);
}

void matmul(const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha, const Scalar& beta) {
  Product p = matmul_product(out, a, b, alpha, beta);
  Tensor together;
  if (wants_rows_together(p)) p = matmul_product(out, together = clone_plain(a), b, alpha, beta);
  if (multiply(p)) return;
  const Tensor wide = empty_tensor(out.sizes(), DType::Float32);
  if (!beta.equals(0)) copy(wide, out);
  matmul(wide, converted(a, DType::Float32), converted(b, DType::Float32), alpha, beta);
  copy(out, wide);
}

void linear(const Tensor& out, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  Product p = linear_product(out, x, weight);
  Tensor together, kept;
  if (wants_rows_together(p)) p = linear_product(out, together = clone_plain(x), weight);
  if (bias.defined()) {
    kept = bias.is_contiguous() ? bias : clone_plain(bias);
    p.bias = kept.data_ptr();
  }
  if (multiply(p)) return;
  const Tensor wide = empty_tensor(out.sizes(), DType::Float32);
  linear(wide, converted(x, DType::Float32), converted(weight, DType::Float32),
         bias.defined() ? converted(bias, DType::Float32) : bias);
  copy(out, wide);
}

}  // namespace plait::cpu
