// Views with the same elements in another shape or order: reshape, expand, permute, squeeze and their kin.
#include <algorithm>

#include "core/alignment.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// The size with its one -1 replaced by what the number of elements leaves.
Dims inferred_size(const char* op, IntSpan size, const Tensor& self) {
  const int64_t numel = self.numel();
  Dims out(size);
  int unknown = -1;
  int64_t known = 1;
  bool overflow = size.size() > static_cast<size_t>(kMaxDims);
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] == -1) {
      check(unknown < 0, "{}: only one size can be inferred (-1), got {}", op, size);
      unknown = static_cast<int>(i);
      continue;
    }
    check(size[i] >= 0, "{}: expected sizes of 0 or more, or one -1, got {}", op, size);
    overflow |= __builtin_mul_overflow(known, size[i], &known) && numel != 0;
  }
  if (unknown >= 0) {
    check(known != 0,
          "{}: the size at -1 could be any number, since {} has a 0 and shape {} holds no elements; give it",
          op, size, self.sizes());
    check(!overflow && numel % known == 0,
          "{}: shape {} ({} elements) does not fit into size {}; its elements must be a multiple of {}", op,
          self.sizes(), numel, size, known);
    out[unknown] = numel / known;
  } else {
    check(!overflow && numel == known,
          "{}: shape {} has {} elements, which do not fit into size {}; the number must stay the same", op,
          self.sizes(), numel, size);
  }
  return out;
}

// A view in the given size where the strides allow one.
Tensor viewed(const Tensor& self, const Dims& size) {
  if (self.is_contiguous()) return make_view(self, size, contiguous_strides(size), self.storage_offset());
  Dims strides;
  if (!view_strides(self.sizes(), self.strides(), size, strides)) return {};
  return make_view(self, size, strides, self.storage_offset());
}

Tensor reshaped(const Tensor& self, const Dims& size) {
  Tensor view = viewed(self, size);
  if (view.defined()) return view;
  const Tensor copy = clone_plain(detached_alias(self));
  return detached_alias(copy, size, contiguous_strides(size), copy.storage_offset());
}

void grad_in_old_shape(Vjp& v) { v.set(0, plait::reshape(v.grad(), v.sizes(0))); }

Dims wrapped_dims(const char* op, IntSpan dims, int64_t ndim) {
  Dims out(dims);
  uint64_t seen = 0;
  for (int64_t& d : out) {
    d = wrap_dim(d, ndim, op);
    check(!(seen >> d & 1), "{}: dimension {} appears twice in {}", op, d, dims);
    seen |= uint64_t{1} << d;
  }
  return out;
}

Tensor permuted(const Tensor& self, const Dims& dims) {
  Dims sizes(dims), strides(dims);
  for (int i = 0; i < dims.size(); ++i) {
    sizes[i] = self.sizes()[static_cast<int>(dims[i])];
    strides[i] = self.strides()[static_cast<int>(dims[i])];
  }
  return make_view(self, sizes, strides, self.storage_offset());
}

Tensor transposed(const Tensor& self, int64_t dim0, int64_t dim1, const char* op) {
  const int a = wrap_dim(dim0, self.dim(), op), b = wrap_dim(dim1, self.dim(), op);
  Dims sizes(self.sizes()), strides(self.strides());
  if (self.dim() > 0) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  return make_view(self, sizes, strides, self.storage_offset());
}

// Without the dimensions of size 1 among `drop` (a bit per dimension).
Tensor squeezed(const Tensor& self, uint64_t drop) {
  Dims sizes, strides;
  int kept = 0;
  for (int i = 0; i < self.dim(); ++i) kept += !(drop >> i & 1) || self.sizes()[i] != 1;
  sizes = strides = Dims(kept, 0);
  for (int i = 0, j = 0; i < self.dim(); ++i) {
    if ((drop >> i & 1) && self.sizes()[i] == 1) continue;
    sizes[j] = self.sizes()[i];
    strides[j++] = self.strides()[i];
  }
  return make_view(self, sizes, strides, self.storage_offset());
}

Tensor expanded(const char* op, const Tensor& self, IntSpan size) {
  const int n = static_cast<int>(size.size()), extra = n - static_cast<int>(self.dim());
  check(extra >= 0, "{}: size {} has fewer dimensions than self of shape {}", op, size, self.sizes());
  Dims sizes(size), strides(n, 0);
  for (int i = 0; i < n; ++i) {
    const int64_t own = i < extra ? 1 : self.sizes()[i - extra];
    if (sizes[i] == -1) {
      check(i >= extra, "{}: -1 (keep the size) is not allowed for the new leading dimension {} of {}", op, i,
            size);
      sizes[i] = own;
    }
    check(own == sizes[i] || own == 1,
          "{}: shape {} cannot be expanded to {}: dimension {} has size {}, and only size 1 expands", op,
          self.sizes(), size, i, own);
    if (i >= extra && own == sizes[i]) strides[i] = self.strides()[i - extra];
  }
  checked_numel(sizes, op);
  return make_view(self, sizes, strides, self.storage_offset());
}

}  // namespace

// ---- another shape

Op<Tensor(const Tensor&, IntSpan)> reshape{{
    .schema = "reshape(Tensor self, int[] shape) -> Tensor",
    .doc =
        R"(The same elements in another shape: a view where the strides allow it, a copy otherwise. One size may be -1: it is inferred.

>>> plait.arange(4).reshape(2, -1)
tensor([[0, 1],
        [2, 3]]))",
    .view = [](const Tensor& self,
               IntSpan shape) { return reshaped(self, inferred_size("reshape", shape, self)); },
    .vjp = grad_in_old_shape,
    .kind = Kind::View,
    .grads = GradDType::Any,
}};

Op<Tensor(const Tensor&, IntSpan)> view{{
    .schema = "view(Tensor self, int[] size) -> Tensor",
    .doc =
        R"(A view in another shape. One size may be -1: it is inferred. Raises ValueError where the strides allow no view.

>>> plait.arange(4).view(2, 2)
tensor([[0, 1],
        [2, 3]]))",
    .view =
        [](const Tensor& self, IntSpan size) {
          const Dims sizes = inferred_size("view", size, self);
          Tensor out = viewed(self, sizes);
          check(out.defined(),
                "view: self of shape {} and strides {} has no view of size {} without a copy; use .reshape()",
                self.sizes(), self.strides(), sizes);
          return out;
        },
    .vjp = grad_in_old_shape,
    .kind = Kind::View,
    .grads = GradDType::Any,
}};

Op<Tensor(const Tensor&, DType)> view_dtype{{
    .schema = "view.dtype(Tensor self, dtype dtype) -> Tensor",
    .doc =
        R"(The bytes of self read as another dtype; the last size grows or shrinks with the size of an element. No gradient flows.

>>> plait.tensor([1.0]).view(plait.int32)
tensor([1065353216], dtype=plait.int32))",
    .composite =
        [](const Tensor& self, DType dtype) {
          const int64_t from = itemsize(self.dtype()), to = itemsize(dtype);
          Dims sizes(self.sizes()), strides(self.strides());
          int64_t offset = self.storage_offset();
          const int last = static_cast<int>(self.dim()) - 1;
          if (from != to) {
            check(
                last >= 0,
                "view: a 0-d tensor of {} cannot be viewed as {}, which has another size; unsqueeze it first",
                self.dtype(), dtype);
            check(strides[last] == 1 || sizes[last] == 1,
                  "view: to view {} as {} the last stride must be 1, got {}; call .contiguous() first",
                  self.dtype(), dtype, self.strides());
            const auto fits = [&](int64_t n) { return from > to || n % (to / from) == 0; };
            bool good = fits(offset) && fits(sizes[last]);
            for (int i = 0; i < last; ++i) good = good && fits(strides[i]);
            check(good,
                  "view: shape {}, strides {} and offset {} of {} are not multiples of an element of {}",
                  self.sizes(), self.strides(), offset, self.dtype(), dtype);
            const auto scale = [&](int64_t n) { return from > to ? n * (from / to) : n / (to / from); };
            for (int i = 0; i < last; ++i) strides[i] = scale(strides[i]);
            sizes[last] = scale(sizes[last]);
            strides[last] = 1;
            offset = scale(offset);
          }
          int64_t numel = 1;
          for (const int64_t size : sizes) numel *= size;
          refuse_batched(self, "view");
          const void* const data = self.storage() ? self.storage()->data() : nullptr;
          check(numel == 0 || is_aligned(data, dtype),  // Note [Alignment]
                "view: the memory of self begins at {}, expected a multiple of {} bytes for {}; .clone() it "
                "first",
                data, alignment(dtype), dtype);
          auto impl = Ref<TensorImpl>::adopt(
              new TensorImpl(self.storage(), dtype, self.device(), sizes, strides, numel, offset));
          impl->contiguous = is_contiguous(impl->sizes, impl->strides);
          impl->inference = self.impl()->inference;
          return Tensor(std::move(impl));
        },
    .kind = Kind::View,
    .no_grad = true,
}};

Op<Tensor(const Tensor&, const Tensor&)> view_as{{
    .schema = "view_as(Tensor self, Tensor other) -> Tensor",
    .doc = R"(self viewed in the shape of other.

>>> plait.arange(4).view_as(plait.zeros(2, 2)).shape
plait.Size([2, 2]))",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::view(self, other.sizes()); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&)> reshape_as{{
    .schema = "reshape_as(Tensor self, Tensor other) -> Tensor",
    .doc = R"(self reshaped to the shape of other.

>>> plait.arange(4).reshape_as(plait.zeros(2, 2)).shape
plait.Size([2, 2]))",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::reshape(self, other.sizes()); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> ravel{{
    .schema = "ravel(Tensor self) -> Tensor",
    .doc = R"(self in one dimension: a view where possible, a copy otherwise.

>>> plait.ravel(plait.ones(2, 2))
tensor([1., 1., 1., 1.]))",
    .composite = [](const Tensor& self) { return plait::reshape(self, Dims{self.numel()}); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t)> flatten{{
    .schema = "flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
    .doc =
        R"(self with the dimensions from start_dim to end_dim merged into one: a view where possible, a copy otherwise.

>>> plait.zeros(2, 3, 4).flatten(1).shape
plait.Size([2, 12]))",
    .composite =
        [](const Tensor& self, int64_t start_dim, int64_t end_dim) {
          const int first = wrap_dim(start_dim, self.dim(), "flatten"),
                    last = wrap_dim(end_dim, self.dim(), "flatten");
          check(first <= last, "flatten: start_dim {} comes after end_dim {}", start_dim, end_dim);
          if (self.dim() == 0) return plait::reshape(self, Dims{1});
          if (first == last) return self;
          const int merged = last - first;
          Dims sizes(static_cast<int>(self.dim()) - merged, 1);
          for (int i = 0; i < self.dim(); ++i) {
            const int to = i <= first ? i : std::max(first, i - merged);
            sizes[to] *= self.sizes()[i];
          }
          return plait::reshape(self, sizes);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, IntSpan)> unflatten{{
    .schema = "unflatten(Tensor self, int dim, int[] sizes) -> Tensor",
    .doc = R"(A view with dimension dim split into several of the given sizes, of which one may be -1.

>>> plait.zeros(2, 12).unflatten(1, (3, -1)).shape
plait.Size([2, 3, 4]))",
    .composite =
        [](const Tensor& self, int64_t dim, IntSpan sizes) {
          const int d = wrap_dim(dim, self.dim(), "unflatten");
          check(!sizes.empty() && self.dim() > 0,
                "unflatten: expected a tensor with dimensions and at least one size");
          const int64_t old = self.sizes()[d];
          int64_t known = 1;
          int unknown = 0;
          for (const int64_t size : sizes) {
            check(size >= -1, "unflatten: expected sizes of 0 or more, or one -1, got {}", sizes);
            if (size == -1)
              ++unknown;
            else
              check(!__builtin_mul_overflow(known, size, &known), "unflatten: sizes {} overflow", sizes);
          }
          check(unknown <= 1 && (unknown ? known != 0 && old % known == 0 : known == old),
                "unflatten: sizes {} do not multiply to size {} of dimension {}", sizes, old, d);
          Dims out;
          for (int i = 0; i < d; ++i) out.push_back(self.sizes()[i]);
          for (const int64_t size : sizes) out.push_back(size == -1 ? old / known : size);
          for (int i = d + 1; i < self.dim(); ++i) out.push_back(self.sizes()[i]);
          return plait::view(self, out);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, IntSpan)> expand{{
    .schema = "expand(Tensor self, int[] size) -> Tensor",
    .doc =
        R"(A view in which dimensions of size 1, and new leading ones, are repeated without a copy; -1 keeps a size.

>>> plait.tensor([[1], [2]]).expand(2, 3)
tensor([[1, 1, 1],
        [2, 2, 2]]))",
    .view = [](const Tensor& self, IntSpan size) { return expanded("expand", self, size); },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },  // the engine sums it to the input's shape
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&)> expand_as{{
    .schema = "expand_as(Tensor self, Tensor other) -> Tensor",
    .doc = R"(self expanded to the shape of other.

>>> plait.ones(1).expand_as(plait.zeros(3))
tensor([1., 1., 1.]))",
    .composite = [](const Tensor& self, const Tensor& other) { return plait::expand(self, other.sizes()); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, IntSpan)> broadcast_to{{
    .schema = "broadcast_to(Tensor self, int[] size) -> Tensor",
    .doc = R"(self expanded to size, by the rules of broadcasting.

>>> plait.broadcast_to(plait.tensor([1, 2]), (2, 2))
tensor([[1, 2],
        [1, 2]]))",
    .composite = [](const Tensor& self, IntSpan size) { return plait::expand(self, size); },
    .kind = Kind::View,
}};

// ---- another order

Op<Tensor(const Tensor&, IntSpan)> permute{{
    .schema = "permute(Tensor self, int[] dims) -> Tensor",
    .doc = R"(A view with the dimensions in another order.

>>> plait.zeros(2, 3, 4).permute(2, 0, 1).shape
plait.Size([4, 2, 3]))",
    .view =
        [](const Tensor& self, IntSpan dims) {
          check(static_cast<int64_t>(dims.size()) == self.dim(),
                "permute: expected {} dims for self of shape {}, got {}", self.dim(), self.sizes(), dims);
          return permuted(self, wrapped_dims("permute", dims, self.dim()));
        },
    .vjp =
        [](Vjp& v) {
          const IntSpan dims = v.attr<IntSpan>(1);
          Dims inverse(static_cast<int>(dims.size()), 0);
          for (int i = 0; i < inverse.size(); ++i) inverse[wrap_dim(dims[i], inverse.size(), "permute")] = i;
          v.set(0, plait::permute(v.grad(), inverse));
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t)> transpose{{
    .schema = "transpose(Tensor self, int dim0, int dim1) -> Tensor",
    .doc = R"(A view with two dimensions swapped.

>>> plait.tensor([[1, 2], [3, 4]]).transpose(0, 1)
tensor([[1, 3],
        [2, 4]]))",
    .view = [](const Tensor& self, int64_t dim0,
               int64_t dim1) { return transposed(self, dim0, dim1, "transpose"); },
    .vjp = [](Vjp& v) { v.set(0, plait::transpose(v.grad(), v.attr<int64_t>(1), v.attr<int64_t>(2))); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> t{{
    .schema = "t(Tensor self) -> Tensor",
    .doc = R"(The transpose of a matrix, as a view; a tensor of fewer dimensions as it is.

>>> plait.tensor([[1, 2], [3, 4]]).t()
tensor([[1, 3],
        [2, 4]]))",
    .view =
        [](const Tensor& self) {
          check(self.dim() <= 2,
                "t: expected at most 2 dimensions, got shape {}; use .mT or .transpose(dim0, dim1)",
                self.sizes());
          return self.dim() == 2 ? transposed(self, 0, 1, "t")
                                 : make_view(self, self.sizes(), self.strides(), self.storage_offset());
        },
    .vjp = [](Vjp& v) { v.set(0, plait::t(v.grad())); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> T{{
    .schema = "T(Tensor self) -> Tensor",
    .doc = R"(A view with all dimensions reversed: the transpose of a matrix. An attribute in Python: x.T

>>> plait.zeros(2, 3).T.shape
plait.Size([3, 2]))",
    .composite =
        [](const Tensor& self) {
          Dims dims(static_cast<int>(self.dim()), 0);
          for (int i = 0; i < dims.size(); ++i) dims[i] = dims.size() - 1 - i;
          return plait::permute(self, dims);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&)> mT{{
    .schema = "mT(Tensor self) -> Tensor",
    .doc =
        R"(A view with the last two dimensions swapped: a batch of transposed matrices. An attribute in Python: x.mT

>>> plait.zeros(5, 2, 3).mT.shape
plait.Size([5, 3, 2]))",
    .composite =
        [](const Tensor& self) {
          check(self.dim() >= 2, "mT: expected at least 2 dimensions, got shape {}", self.sizes());
          return plait::transpose(self, -2, -1);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t)> swapaxes{{
    .schema = "swapaxes(Tensor self, int axis0, int axis1) -> Tensor",
    .doc = R"(transpose, by NumPy's name.

>>> plait.zeros(2, 3).swapaxes(0, 1).shape
plait.Size([3, 2]))",
    .composite = [](const Tensor& self, int64_t axis0,
                    int64_t axis1) { return plait::transpose(self, axis0, axis1); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t, int64_t)> swapdims{{
    .schema = "swapdims(Tensor self, int dim0, int dim1) -> Tensor",
    .doc = R"(transpose, by another name.

>>> plait.zeros(2, 3).swapdims(0, 1).shape
plait.Size([3, 2]))",
    .composite = [](const Tensor& self, int64_t dim0,
                    int64_t dim1) { return plait::transpose(self, dim0, dim1); },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan)> movedim{{
    .schema = "movedim(Tensor self, int[1] source, int[1] destination) -> Tensor",
    .doc =
        R"(A view with the dimensions `source` moved to the positions `destination`; the others keep their order.

>>> plait.zeros(2, 3, 4).movedim(0, -1).shape
plait.Size([3, 4, 2]))",
    .composite =
        [](const Tensor& self, IntSpan source, IntSpan destination) {
          check(source.size() == destination.size(),
                "movedim: source {} and destination {} must have one length", source, destination);
          const Dims from = wrapped_dims("movedim", source, self.dim()),
                     to = wrapped_dims("movedim", destination, self.dim());
          if (self.dim() == 0) return plait::permute(self, Dims());
          Dims order(static_cast<int>(self.dim()), -1);
          for (int i = 0; i < from.size(); ++i) order[static_cast<int>(to[i])] = from[i];
          int next = 0;
          for (int64_t& slot : order) {
            if (slot >= 0) continue;
            while (std::find(from.begin(), from.end(), next) != from.end()) ++next;
            slot = next++;
          }
          return plait::permute(self, order);
        },
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan)> moveaxis{{
    .schema = "moveaxis(Tensor self, int[1] source, int[1] destination) -> Tensor",
    .doc = R"(movedim, by NumPy's name.

>>> plait.zeros(2, 3, 4).moveaxis(0, -1).shape
plait.Size([3, 4, 2]))",
    .composite = [](const Tensor& self, IntSpan source,
                    IntSpan destination) { return plait::movedim(self, source, destination); },
    .kind = Kind::View,
}};

// ---- dimensions of size 1

Op<Tensor(const Tensor&)> squeeze{{
    .schema = "squeeze(Tensor self) -> Tensor",
    .doc =
        R"(A view without the dimensions of size 1; with `dim` only those are dropped, where their size is 1.

>>> plait.zeros(1, 2, 1).squeeze().shape
plait.Size([2])
>>> plait.zeros(1, 2, 1).squeeze(0).shape
plait.Size([2, 1]))",
    .view = [](const Tensor& self) { return squeezed(self, ~uint64_t{0}); },
    .vjp = grad_in_old_shape,
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, IntSpan)> squeeze_dim{{
    .schema = "squeeze.dim(Tensor self, int[1] dim) -> Tensor",
    .doc = "A view without those of the given dimensions that have size 1.",
    .view =
        [](const Tensor& self, IntSpan dim) {
          uint64_t drop = 0;
          for (const int64_t d : dim) drop |= uint64_t{1} << wrap_dim(d, self.dim(), "squeeze");
          return squeezed(self, drop);
        },
    .vjp = grad_in_old_shape,
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, int64_t)> unsqueeze{{
    .schema = "unsqueeze(Tensor self, int dim) -> Tensor",
    .doc = R"(A view with a new dimension of size 1 at position dim.

>>> plait.tensor([1, 2]).unsqueeze(1)
tensor([[1],
        [2]]))",
    .view =
        [](const Tensor& self, int64_t dim) {
          const int d = wrap_dim(dim, self.dim() + 1, "unsqueeze"), n = static_cast<int>(self.dim());
          check(n < kMaxDims, "unsqueeze: self has {} dimensions already, the most there can be", n);
          Dims sizes(n + 1, 1), strides(n + 1, 1);
          for (int i = 0; i < n; ++i) {
            sizes[i + (i >= d)] = self.sizes()[i];
            strides[i + (i >= d)] = self.strides()[i];
          }
          if (d < n) strides[d] = self.sizes()[d] * self.strides()[d];
          return make_view(self, sizes, strides, self.storage_offset());
        },
    .vjp = grad_in_old_shape,
    .kind = Kind::View,
}};

// ---- the same

Op<Tensor(const Tensor&)> detach{{
    .schema = "detach(Tensor self) -> Tensor",
    .doc =
        R"(The same elements without history: no gradient flows through it. In-place writes are seen by both.

>>> x = plait.ones(2, requires_grad=True)
>>> x.detach().requires_grad
False)",
    .composite = [](const Tensor& self) { return detached_alias(self); },
    .kind = Kind::View,
    .no_grad = true,
}};

Op<Tensor(const Tensor&)> alias{{
    .schema = "alias(Tensor self) -> Tensor",
    .doc = R"(A view of all of self.

>>> plait.ones(2).alias()
tensor([1., 1.]))",
    .view =
        [](const Tensor& self) {
          return make_view(self, self.sizes(), self.strides(), self.storage_offset());
        },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::View,
}};

}  // namespace plait::op
