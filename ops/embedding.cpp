// Rows of a table by integers: embedding, one_hot.
#include "ops/decl/embedding.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/view.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

TensorSpec embedding_spec(const Tensor& weight, const Tensor& indices) {
  check(weight.dim() == 2, "embedding: expected weight of shape (rows, width), got {}", weight.sizes());
  check<TypeError>(
      indices.dtype() == DType::Int64 || indices.dtype() == DType::Int32,
      "embedding: expected indices of dtype int64 or int32, got {}; the order is embedding(weight, indices)",
      indices.dtype());
  Dims sizes(indices.sizes());
  sizes.push_back(weight.sizes()[1]);
  return TensorSpec(sizes, weight.dtype(), weight.device());
}

Tensor rows_index(const Tensor& indices, int64_t rows) {
  return cpu::checked_index("embedding", indices, rows, 0, false);
}

// One over how often each index occurs, per position.
std::vector<double> inverse_frequency(const Tensor& index, int64_t rows) {
  std::vector<double> counts(rows, 0), out(index.numel());
  const int64_t* at = index.data<int64_t>();
  for (int64_t j = 0; j < index.numel(); ++j) ++counts[at[j]];
  for (int64_t j = 0; j < index.numel(); ++j) out[j] = 1 / counts[at[j]];
  return out;
}

// Multiplies row j of a contiguous tensor by 1 / frequency of its index, and by 0 where that is the padding
// index.
void scale_rows(const Tensor& rows, const Tensor& index, int64_t count, int64_t width, int64_t padding_idx,
                bool by_frequency) {
  std::vector<double> factor =
      by_frequency ? inverse_frequency(index, count) : std::vector<double>(index.numel(), 1.0);
  for (int64_t j = 0; j < index.numel(); ++j)
    if (index.data<int64_t>()[j] == padding_idx) factor[j] = 0;
  visit(rows.dtype(), [&]<class T>() {
    T* at = rows.data<T>();
    for (int64_t j = 0; j < index.numel(); ++j) {
      if (factor[j] == 1) continue;
      for (int64_t c = 0; c < width; ++c) {
        if constexpr (!std::is_same_v<T, bool>) {
          T& x = at[j * width + c];
          x = factor[j] == 0
                  ? T(0)
                  : static_cast<T>(static_cast<compute_t<T>>(x) * static_cast<compute_t<T>>(factor[j]));
        }
      }
    }
  });
}

int64_t padding_row(std::optional<int64_t> padding_idx) { return padding_idx.value_or(-1); }

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>, bool, bool)> embedding{{
    .schema = "embedding(Tensor weight, Tensor indices, int? padding_idx=None, bool "
              "scale_grad_by_freq=False, bool sparse=False) -> Tensor",
    .doc =
        R"(The rows of weight at the given indices. The row padding_idx (None or -1: none) gets no gradient; with scale_grad_by_freq the
gradient of a row is divided by how often it is asked for.

Shapes: weight (rows, width), indices (*), result (*, width). Raises IndexError for an index out of range.

>>> plait.embedding(plait.tensor([[1., 2.], [3., 4.]]), plait.tensor([1, 0]))
tensor([[3., 4.],
        [1., 2.]]))",
    .meta =
        [](const Tensor& weight, const Tensor& indices, std::optional<int64_t>, bool, bool sparse) {
          check<NotImplementedError>(!sparse, "embedding: there are no sparse gradients; use sparse=False");
          return embedding_spec(weight, indices);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0,
                plait::_embedding_backward(v.grad(), v.in(1), v.sizes(0)[0],
                                           padding_row(v.attr<std::optional<int64_t>>(2)), v.attr<bool>(3)));
        },
    .save = "indices",
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& weight, const Tensor& indices, std::optional<int64_t>, bool,
           bool) {
          const int64_t rows = weight.sizes()[0];
          cpu::gather_rows(out, contiguous_copy(weight), rows_index(indices, rows), 1, rows,
                           weight.sizes()[1]);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> _embedding_backward{{
    .schema = "_embedding_backward(Tensor grad, Tensor indices, int num_weights, int padding_idx, bool "
              "scale_grad_by_freq) -> Tensor",
    .doc = "The gradient of embedding's weight.",
    .meta =
        [](const Tensor& grad, const Tensor& indices, int64_t num_weights, int64_t, bool) {
          Dims expected(indices.sizes());
          expected.push_back(grad.dim() ? grad.sizes().back() : 0);
          check(num_weights >= 0 && grad.sizes() == expected,
                "_embedding_backward: expected grad of shape (*, width) for indices of shape {}, got {}, and "
                "num_weights at least 0, got {}",
                indices.sizes(), grad.sizes(), num_weights);
          return TensorSpec(Dims{num_weights, grad.sizes().back()}, grad.dtype(), grad.device());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_embedding_masked(v.grad(), v.in(1), v.attr<int64_t>(3), v.attr<bool>(4)));
        },
    .save = "indices",
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& grad, const Tensor& indices, int64_t num_weights,
           int64_t padding_idx, bool scale_grad_by_freq) {
          plait::zero_(out);
          Tensor index = rows_index(indices, num_weights), rows = contiguous_copy(grad);
          const int64_t width = grad.sizes().back();
          if (scale_grad_by_freq) {
            if (rows.same(grad)) rows = clone_plain(detached_alias(grad));
            scale_rows(rows, index, num_weights, width, padding_idx, true);
          } else if (padding_idx >= 0) {
            const Tensor kept = clone_plain(index);
            for (int64_t j = 0; j < kept.numel(); ++j)
              if (kept.data<int64_t>()[j] == padding_idx) kept.data<int64_t>()[j] = -1;  // is skipped
            index = kept;
          }
          cpu::put_rows(out, rows, index, 1, num_weights, width, true);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, bool)> _embedding_masked{{
    .schema = "_embedding_masked(Tensor weight, Tensor indices, int padding_idx, bool scale_grad_by_freq) -> "
              "Tensor",
    .doc = "Rows of weight as the gradient of embedding sees them: zero at padding_idx, divided by their "
           "frequency where asked for.",
    .meta = [](const Tensor& weight, const Tensor& indices, int64_t,
               bool) { return embedding_spec(weight, indices); },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_embedding_backward(v.grad(), v.in(1), v.sizes(0)[0], v.attr<int64_t>(2),
                                              v.attr<bool>(3)));
        },
    .save = "indices",
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& weight, const Tensor& indices, int64_t padding_idx,
           bool scale_grad_by_freq) {
          const int64_t rows = weight.sizes()[0], width = weight.sizes()[1];
          const Tensor index = rows_index(indices, rows);
          cpu::gather_rows(out, contiguous_copy(weight), index, 1, rows, width);
          if (padding_idx >= 0 || scale_grad_by_freq)
            scale_rows(out, index, rows, width, padding_idx, scale_grad_by_freq);
        },
}};

Op<Tensor(const Tensor&, int64_t)> one_hot{{
    .schema = "one_hot(Tensor self, int num_classes=-1) -> Tensor",
    .doc =
        R"(A row of zeros with a one at the class, for every element: int64, of shape (*, num_classes). With num_classes=-1 there are as many
classes as the largest element asks for. Raises ValueError for a class out of range.

>>> plait.one_hot(plait.tensor([0, 2]))
tensor([[1, 0, 0],
        [0, 0, 1]]))",
    .direct =
        [](const Tensor& self, int64_t num_classes) {
          const Tensor values = empty_tensor(self.sizes(), DType::Int64);
          cpu::copy(values, self);
          const int64_t* at = values.data<int64_t>();
          int64_t low = 0, high = -1;
          for (int64_t i = 0; i < values.numel(); ++i) {
            low = std::min(low, at[i]);
            high = std::max(high, at[i]);
          }
          check(num_classes >= -1 && num_classes != 0,
                "one_hot: expected a positive number of classes, or -1 to infer it, got {}", num_classes);
          check(num_classes > 0 || values.numel() > 0,
                "one_hot: the number of classes cannot be inferred from an empty tensor; give num_classes");
          const int64_t classes = num_classes > 0 ? num_classes : high + 1;
          check(low >= 0 && high < classes,
                "one_hot: expected classes from 0 to {} for {} classes, got {}; give a larger num_classes",
                classes - 1, classes, low < 0 ? low : high);
          Dims sizes(self.sizes());
          sizes.push_back(classes);
          const Tensor out = plait::zeros(sizes, DType::Int64, self.device());
          for (int64_t i = 0; i < values.numel(); ++i) out.data<int64_t>()[i * classes + at[i]] = 1;
          return out;
        },
    .kind = Kind::Index,
    .dtypes = kIntDTypes,
}};

}  // namespace plait::op
