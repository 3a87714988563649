// Views of a part: select, slice, diagonal, sliding windows; and of all parts: unbind, split, chunk.
#include <algorithm>

#include "core/batch.h"
#include "ops/decl/copy.h"
#include "ops/decl/join.h"
#include "ops/decl/view.h"
#include "ops/decl/view_history.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// The gradient of a view of a part: zeros of the input's shape with the window filled in. `stride` and
// `offset` are those of the window in a contiguous tensor of that shape.
void embed_grad(Vjp& v, const Dims& stride, int64_t offset) {
  const Dims& sizes = v.sizes(0);
  v.set(0, plait::_view_accumulate(v.grad(), sizes, v.grad().sizes(), stride, offset,
                                   contiguous_strides(sizes)));
}

Tensor selected(const Tensor& self, int d, int64_t index) {
  const int n = static_cast<int>(self.dim());
  Dims sizes(n - 1, 0), strides(n - 1, 0);
  for (int i = 0, j = 0; i < n; ++i) {
    if (i == d) continue;
    sizes[j] = self.sizes()[i];
    strides[j++] = self.strides()[i];
  }
  return make_view(self, sizes, strides, self.storage_offset() + index * self.strides()[d]);
}

int64_t wrap_index(const char* op, int64_t index, int64_t size, int dim) {
  check<IndexError>(index >= -size && index < size,
                    "{}: index {} is out of range for dimension {} with size {}; expected {} to {}", op,
                    index, dim, size, -size, size - 1);
  return index < 0 ? index + size : index;
}

int splittable_dim(const char* op, const Tensor& self, int64_t dim) {
  check(self.dim() > 0, "{}: expected a tensor with at least one dimension, got a 0-d tensor", op);
  return wrap_dim(dim, self.dim(), op);
}

Tensor narrowed(const Tensor& self, int d, int64_t start, int64_t length, int64_t step = 1) {
  Dims sizes(self.sizes()), strides(self.strides());
  const int64_t offset = self.storage_offset() + (length > 0 ? start * strides[d] : 0);
  sizes[d] = length;
  strides[d] *= step;
  return make_view(self, sizes, strides, offset);
}

struct Slice {
  int64_t start, length;
};
Slice clamp_slice(std::optional<int64_t> start, std::optional<int64_t> end, int64_t step, int64_t size) {
  check(step > 0, "slice: step must be positive, got {}; use flip() to reverse", step);
  const auto place = [size](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
  const int64_t first = place(start.value_or(0)), last = std::max(first, place(end.value_or(size)));
  return {first, (last - first) / step + ((last - first) % step != 0)};
}

struct Diagonal {
  int a, b;
  int64_t length, row, column;  // the first element
};
Diagonal diagonal_of(const char* op, const Dims& sizes, int64_t offset, int64_t dim1, int64_t dim2) {
  Diagonal d;
  check(sizes.size() >= 2, "{}: expected at least 2 dimensions, got shape {}", op, sizes);
  d.a = wrap_dim(dim1, sizes.size(), op);
  d.b = wrap_dim(dim2, sizes.size(), op);
  check(d.a != d.b, "{}: dim1 and dim2 must differ, both are {}", op, d.a);
  // An offset beyond the matrix gives an empty diagonal; clamped, so that nothing overflows.
  offset = std::clamp(offset, -sizes[d.a], sizes[d.b]);
  d.row = offset < 0 ? -offset : 0;
  d.column = offset > 0 ? offset : 0;
  d.length = std::max<int64_t>(0, std::min(sizes[d.a] - d.row, sizes[d.b] - d.column));
  return d;
}
Dims diagonal_dims(const Dims& from, const Diagonal& d, int64_t last) {
  Dims out(from.size() - 1, last);
  for (int i = 0, j = 0; i < from.size(); ++i)
    if (i != d.a && i != d.b) out[j++] = from[i];
  return out;
}

// Views of one call share a node; in-place writes to them must be refused where gradients are recorded.
std::vector<Tensor> multi_output(std::vector<Tensor> parts) {
  for (const Tensor& part : parts)
    if (part.impl()->view) part.impl()->view->origin = ViewOrigin::MultiOutput;
  return parts;
}

std::vector<Tensor> split_at(const char* op, const Tensor& self, IntSpan sizes, int d) {
  int64_t total = 0;
  bool good = true;
  for (const int64_t size : sizes) good = good && size >= 0 && !__builtin_add_overflow(total, size, &total);
  check(good && total == self.sizes()[d], "{}: sizes {} must be 0 or more and sum to size {} of dimension {}",
        op, sizes, self.sizes()[d], d);
  std::vector<Tensor> parts;
  parts.reserve(sizes.size());
  int64_t start = 0;
  for (const int64_t size : sizes) {
    parts.push_back(narrowed(self, d, start, size));
    start += size;
  }
  return multi_output(std::move(parts));
}

Dims equal_parts(int64_t total, int64_t size) {
  if (size == 0) return Dims{total};  // of nothing
  const int count = static_cast<int>(std::max<int64_t>(1, total / size + (total % size != 0)));
  Dims sizes(count, size);
  sizes[count - 1] = total - size * (count - 1);
  return sizes;
}

// The tensor whose consecutive parts along dimension d these are, where they lie so in memory: gradients that
// were made in one piece (attention's) need not be copied together. Undefined where they do not. `apart`: the
// elements from one part to the next; `sizes`, `strides`: of the whole.
Tensor whole_of(const std::vector<Tensor>& parts, const std::vector<int64_t>& apart, const Dims& sizes,
                const Dims& strides) {
  const Tensor& first = parts[0];
  int64_t offset = first.storage_offset();
  for (size_t i = 0; i < parts.size(); ++i) {
    const Tensor& part = parts[i];
    if (part.storage() != first.storage() || part.dtype() != first.dtype() ||
        part.storage_offset() != offset || part.strides() != first.strides())
      return {};
    offset += apart[i];
  }
  if (!first.storage() || first.is_batched() || !is_dense(sizes, strides)) return {};
  return from_storage(first.storage(), first.dtype(), sizes, strides, first.storage_offset());
}

// The gradient of a split or, with `stacked`, of an unbind.
void join_grads(Vjp& v, int dim_param, bool stacked = false) {
  std::vector<Tensor> grads;
  for (int i = 0; i < v.node.output_count(); ++i) grads.push_back(v.grad_or_zeros(i));
  const int64_t dim = v.attr<int64_t>(dim_param);
  Tensor whole;
  if (!grad_enabled() && grads.size() > 1) {
    const Dims& sizes = v.sizes(0);
    const int d = wrap_dim(dim, sizes.size(), "split");
    Dims strides = grads[0].strides();
    if (stacked) strides.insert(d, grads[1].storage_offset() - grads[0].storage_offset());
    std::vector<int64_t> apart;
    for (const Tensor& grad : grads) apart.push_back((stacked ? 1 : grad.sizes()[d]) * strides[d]);
    whole = whole_of(grads, apart, sizes, strides);
  }
  if (!whole.defined()) whole = stacked ? plait::stack(grads, dim) : plait::cat(grads, dim);
  v.set(0, whole);
}

}  // namespace

// ---- one part

Op<Tensor(const Tensor&, int64_t, int64_t)> select{{
    .schema = "select(Tensor self, int dim, int index) -> Tensor",
    .doc =
        R"(A view of self at one index of dimension dim, which goes: x[index] for dim 0. Raises IndexError out of range.

>>> plait.tensor([[1, 2], [3, 4]]).select(0, -1)
tensor([3, 4]))",
    .view =
        [](const Tensor& self, int64_t dim, int64_t index) {
          check<IndexError>(self.dim() > 0,
                            "select: a 0-d tensor cannot be indexed; use .item() for its value");
          const int d = wrap_dim(dim, self.dim(), "select");
          return selected(self, d, wrap_index("select", index, self.sizes()[d], d));
        },
    .vjp =
        [](Vjp& v) {
          const Dims& sizes = v.sizes(0);
          const int d = wrap_dim(v.attr<int64_t>(1), sizes.size(), "select");
          Dims strides = contiguous_strides(sizes);
          const int64_t offset = wrap_index("select", v.attr<int64_t>(2), sizes[d], d) * strides[d];
          strides.erase(d);
          embed_grad(v, strides, offset);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)> slice{{
    .schema = "slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    .doc =
        R"(A view of every step-th element of dimension dim from start up to, and without, end, by the rules of Python's slices.

>>> plait.slice(plait.arange(6), 0, 1, 5, 2)
tensor([1, 3]))",
    .view =
        [](const Tensor& self, int64_t dim, std::optional<int64_t> start, std::optional<int64_t> end,
           int64_t step) {
          check<IndexError>(self.dim() > 0,
                            "slice: a 0-d tensor cannot be sliced; use .item() for its value");
          const int d = wrap_dim(dim, self.dim(), "slice");
          const Slice s = clamp_slice(start, end, step, self.sizes()[d]);
          return narrowed(self, d, s.start, s.length, s.length > 1 ? step : 1);
        },
    .vjp =
        [](Vjp& v) {
          const Dims& sizes = v.sizes(0);
          const int d = wrap_dim(v.attr<int64_t>(1), sizes.size(), "slice");
          const int64_t step = v.attr<int64_t>(4);
          const Slice s = clamp_slice(v.attr<std::optional<int64_t>>(2), v.attr<std::optional<int64_t>>(3),
                                      step, sizes[d]);
          Dims strides = contiguous_strides(sizes);
          const int64_t offset = s.length > 0 ? s.start * strides[d] : 0;
          if (s.length > 1) strides[d] *= step;
          embed_grad(v, strides, offset);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> narrow{{
    .schema = "narrow(Tensor self, int dim, int start, int length) -> Tensor",
    .doc =
        R"(A view of `length` elements of dimension dim from start on. Raises IndexError where they are not all there.

>>> plait.arange(5).narrow(0, 1, 3)
tensor([1, 2, 3]))",
    .view =
        [](const Tensor& self, int64_t dim, int64_t start, int64_t length) {
          const int d = splittable_dim("narrow", self, dim);
          const int64_t size = self.sizes()[d];
          check<IndexError>(
              start >= -size && start <= size,
              "narrow: start {} is out of range for dimension {} with size {}; expected {} to {}", start, d,
              size, -size, size);
          const int64_t first = start < 0 ? start + size : start;
          check<IndexError>(length >= 0 && length <= size - first,
                            "narrow: start {} and length {} reach beyond dimension {} with size {}; expected "
                            "a length from 0 to {}",
                            start, length, d, size, size - first);
          return narrowed(self, d, first, length);
        },
    .vjp =
        [](Vjp& v) {
          const Dims& sizes = v.sizes(0);
          const int d = wrap_dim(v.attr<int64_t>(1), sizes.size(), "narrow");
          const int64_t start = v.attr<int64_t>(2);
          const Dims strides = contiguous_strides(sizes);
          embed_grad(v, strides,
                     v.attr<int64_t>(3) > 0 ? (start < 0 ? start + sizes[d] : start) * strides[d] : 0);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diagonal{{
    .schema = "diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    .doc =
        R"(A view of the diagonals of the matrices that dimensions dim1 and dim2 span, as a new last dimension; offset > 0 above, < 0 below.

>>> plait.tensor([[1, 2], [3, 4]]).diagonal()
tensor([1, 4]))",
    .view =
        [](const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
          const Diagonal d = diagonal_of("diagonal", self.sizes(), offset, dim1, dim2);
          const int64_t sa = self.strides()[d.a], sb = self.strides()[d.b];
          return make_view(self, diagonal_dims(self.sizes(), d, d.length),
                           diagonal_dims(self.strides(), d, sa + sb),
                           self.storage_offset() + (d.length ? d.row * sa + d.column * sb : 0));
        },
    .vjp =
        [](Vjp& v) {
          const Diagonal d =
              diagonal_of("diagonal", v.sizes(0), v.attr<int64_t>(1), v.attr<int64_t>(2), v.attr<int64_t>(3));
          const Dims strides = contiguous_strides(v.sizes(0));
          const int64_t sa = strides[d.a], sb = strides[d.b];
          embed_grad(v, diagonal_dims(strides, d, sa + sb), d.length ? d.row * sa + d.column * sb : 0);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, int64_t)> diagonal_scatter{{
    .schema = "diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    .doc = R"(A copy of self with the diagonal replaced by src.

>>> plait.diagonal_scatter(plait.zeros(2, 2), plait.ones(2))
tensor([[1., 0.],
        [0., 1.]]))",
    .composite =
        [](const Tensor& self, const Tensor& src, int64_t offset, int64_t dim1, int64_t dim2) {
          const Tensor out = writable(plait::clone(self), src);
          plait::copy_(plait::diagonal(out, offset, dim1, dim2), src);
          return out;
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t)> select_scatter{{
    .schema = "select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor",
    .doc = R"(A copy of self with the part at index of dimension dim replaced by src.

>>> plait.select_scatter(plait.zeros(2, 2), plait.ones(2), 0, 1)
tensor([[0., 0.],
        [1., 1.]]))",
    .composite =
        [](const Tensor& self, const Tensor& src, int64_t dim, int64_t index) {
          const Tensor out = writable(plait::clone(self), src);
          plait::copy_(plait::select(out, dim, index), src);
          return out;
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)>
    slice_scatter{{
        .schema = "slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int "
                  "step=1) -> Tensor",
        .doc = R"(A copy of self with the slice replaced by src.

>>> plait.slice_scatter(plait.zeros(3), plait.ones(2), 0, 1)
tensor([0., 1., 1.]))",
        .composite =
            [](const Tensor& self, const Tensor& src, int64_t dim, std::optional<int64_t> start,
               std::optional<int64_t> end, int64_t step) {
              const Tensor out = writable(plait::clone(self), src);
              plait::copy_(plait::slice(out, dim, start, end, step), src);
              return out;
            },
        .kind = Kind::View,
    }};

Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> unfold{{
    .schema = "unfold(Tensor self, int dimension, int size, int step) -> Tensor",
    .doc =
        R"(A view of all windows of `size` elements along a dimension, `step` apart, as a new last dimension.

>>> plait.arange(5).unfold(0, 3, 2)
tensor([[0, 1, 2],
        [2, 3, 4]]))",
    .view =
        [](const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
          const int d = wrap_dim(dimension, self.dim(), "unfold");
          const bool scalar = self.dim() == 0;  // counts as one element
          const int64_t length = scalar ? 1 : self.sizes()[d];
          check(size >= 0 && size <= length,
                "unfold: expected a size of 0 to {} (the size of dimension {}), got {}", length, d, size);
          check(step > 0, "unfold: expected a positive step, got {}", step);
          Dims sizes(self.sizes()), strides(self.strides());
          const int64_t stride = scalar ? 1 : strides[d];
          if (!scalar) {
            sizes[d] = (length - size) / step + 1;
            strides[d] = sizes[d] > 1 ? stride * step : stride;
          }
          sizes.push_back(size);
          strides.push_back(stride);
          return make_view(self, sizes, strides, self.storage_offset());
        },
    .vjp =
        [](Vjp& v) {
          const Dims& sizes = v.sizes(0);
          if (sizes.empty()) return v.set(0, plait::reshape(v.grad(), Dims()));
          const int d = wrap_dim(v.attr<int64_t>(1), sizes.size(), "unfold");
          Dims strides = contiguous_strides(sizes);
          const int64_t stride = strides[d];
          if (v.grad().sizes()[d] > 1) strides[d] *= v.attr<int64_t>(3);
          strides.push_back(stride);
          embed_grad(v, strides, 0);
        },
    .kind = Kind::View,
}};

// ---- all parts

Op<std::vector<Tensor>(const Tensor&, int64_t)> unbind{{
    .schema = "unbind(Tensor self, int dim=0) -> Tensor[]",
    .doc = R"(Views of self at every index of dimension dim.

>>> plait.tensor([[1, 2], [3, 4]]).unbind()
(tensor([1, 2]), tensor([3, 4])))",
    .view =
        [](const Tensor& self, int64_t dim) {
          check<IndexError>(self.dim() > 0,
                            "unbind: expected a tensor with at least one dimension, got a 0-d tensor");
          const int d = wrap_dim(dim, self.dim(), "unbind");
          std::vector<Tensor> parts;
          parts.reserve(self.sizes()[d]);
          for (int64_t i = 0; i < self.sizes()[d]; ++i) parts.push_back(selected(self, d, i));
          return multi_output(std::move(parts));
        },
    .vjp = [](Vjp& v) { join_grads(v, 1, true); },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> split{{
    .schema = "split(Tensor self, int split_size, int dim=0) -> Tensor[]",
    .doc =
        R"(Views of consecutive parts of dimension dim: of split_size elements each, the last of fewer, or of the sizes in a list.

>>> plait.arange(5).split(2)
(tensor([0, 1]), tensor([2, 3]), tensor([4]))
>>> plait.arange(5).split([1, 4])
(tensor([0]), tensor([1, 2, 3, 4])))",
    .view =
        [](const Tensor& self, int64_t split_size, int64_t dim) {
          const int d = splittable_dim("split", self, dim);
          check(split_size > 0 || (split_size == 0 && self.sizes()[d] == 0),
                "split: expected a positive split_size, got {}", split_size);
          return split_at("split", self, equal_parts(self.sizes()[d], split_size), d);
        },
    .vjp = [](Vjp& v) { join_grads(v, 2); },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_sizes{{
    .schema = "split.sizes(Tensor self, int[] split_size, int dim=0) -> Tensor[]",
    .doc = "Views of consecutive parts of dimension dim, of the given sizes.",
    .view =
        [](const Tensor& self, IntSpan split_size, int64_t dim) {
          return split_at("split", self, split_size, splittable_dim("split", self, dim));
        },
    .vjp = [](Vjp& v) { join_grads(v, 2); },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> split_with_sizes{{
    .schema = "split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
    .doc = R"(Views of consecutive parts of dimension dim, of the given sizes.

>>> plait.arange(3).split_with_sizes([1, 2])
(tensor([0]), tensor([1, 2])))",
    .composite = [](const Tensor& self, IntSpan sizes,
                    int64_t dim) { return plait::split(self, sizes, dim); },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> chunk{{
    .schema = "chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
    .doc = R"(At most `chunks` views of consecutive parts of dimension dim, of equal size but the last.

>>> plait.arange(5).chunk(2)
(tensor([0, 1, 2]), tensor([3, 4])))",
    .composite =
        [](const Tensor& self, int64_t chunks, int64_t dim) {
          const int d = splittable_dim("chunk", self, dim);
          check(chunks > 0, "chunk: expected a positive number of chunks, got {}", chunks);
          const int64_t size = self.sizes()[d];
          if (size == 0) {
            check(chunks < (1 << 28), "chunk: {} chunks of an empty dimension are too many", chunks);
            return plait::split(self, Dims(static_cast<int>(chunks), 0), d);
          }
          return plait::split(self, size / chunks + (size % chunks != 0), d);
        },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, int64_t, int64_t)> tensor_split{{
    .schema = "tensor_split(Tensor self, int indices_or_sections, int dim=0) -> Tensor[]",
    .doc =
        R"(Views of consecutive parts of dimension dim: a number of parts that differ by at most one element, or parts that end before the
given indices.

>>> plait.arange(5).tensor_split(3)
(tensor([0, 1]), tensor([2, 3]), tensor([4]))
>>> plait.arange(5).tensor_split([1, 3])
(tensor([0]), tensor([1, 2]), tensor([3, 4])))",
    .composite =
        [](const Tensor& self, int64_t sections, int64_t dim) {
          const int d = splittable_dim("tensor_split", self, dim);
          check(sections > 0 && sections < (1 << 28),
                "tensor_split: expected a positive number of sections, got {}", sections);
          const int64_t size = self.sizes()[d];
          Dims sizes(static_cast<int>(sections), size / sections);
          for (int i = 0; i < size % sections; ++i) ++sizes[i];
          return plait::split(self, sizes, d);
        },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, IntSpan, int64_t)> tensor_split_indices{{
    .schema = "tensor_split.indices(Tensor self, int[] indices_or_sections, int dim=0) -> Tensor[]",
    .doc = "Views of consecutive parts of dimension dim that end before the given indices.",
    .composite =
        [](const Tensor& self, IntSpan indices, int64_t dim) {
          const int d = splittable_dim("tensor_split", self, dim);
          std::vector<Tensor> parts;
          std::optional<int64_t> start = 0;
          for (const int64_t index : indices) {
            parts.push_back(plait::slice(self, d, start, index));
            start = index;
          }
          parts.push_back(plait::slice(self, d, start));
          return parts;
        },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(const Tensor&, const Tensor&, int64_t)> tensor_split_tensor{{
    .schema =
        "tensor_split.tensor_indices_or_sections(Tensor self, Tensor indices_or_sections, int dim=0) -> "
        "Tensor[]",
    .doc = "The same with int64 indices, or a number of parts, in a tensor on the CPU.",
    .composite =
        [](const Tensor& self, const Tensor& given, int64_t dim) {
          check<TypeError>(given.dtype() == DType::Int64 && given.is_cpu(),
                           "tensor_split: expected indices_or_sections of dtype int64 on the CPU, got {} on "
                           "{}; the host has to know them: take .long().cpu()",
                           given.dtype(), given.device());
          check(given.dim() <= 1,
                "tensor_split: expected indices_or_sections of shape () or (n,), got {}; flatten them with "
                ".ravel()",
                given.sizes());
          if (given.dim() == 0) return plait::tensor_split(self, item(given).to<int64_t>(), dim);
          Dims indices;
          for (int64_t i = 0; i < given.numel(); ++i)
            indices.push_back(given.data<int64_t>()[i * given.stride(0)]);
          return plait::tensor_split(self, IntSpan(indices), dim);
        },
    .kind = Kind::View,
}};

}  // namespace plait::op
