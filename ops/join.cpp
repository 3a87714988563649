// Several tensors made one: cat, stack and their kin; and one grid from several axes.
#include <algorithm>

#include "ops/cpu/join.h"
#include "ops/decl/create.h"
#include "ops/decl/join.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// A tensor of shape (0,) goes with any others, as in PyTorch.
bool is_skipped(const Tensor& t) { return t.dim() == 1 && t.sizes()[0] == 0; }

DType joined_dtype(TensorList tensors) {
  ResultType type;
  for (const Tensor& t : tensors) type.add(t);
  return type.get();
}

Device joined_device(const char* op, TensorList tensors) {
  for (const Tensor& t : tensors) {
    check<TypeError>(t.defined(), "{}: expected a list of tensors, got None among them", op);
    check<RuntimeError>(t.device() == tensors[0].device(),
                        "{}: expected all tensors on one device, got {} and {}; move them with .to()", op,
                        tensors[0].device(), t.device());
  }
  return tensors[0].device();
}

TensorSpec cat_spec(TensorList tensors, int64_t dim) {
  check(!tensors.empty(), "cat: expected a non-empty list of tensors");
  const Device device = joined_device("cat", tensors);
  const Tensor* model = nullptr;
  for (const Tensor& t : tensors) {
    check(t.dim() > 0, "cat: 0-d tensors cannot be joined; use stack()");
    if (!model && !is_skipped(t)) model = &t;
  }
  if (!model) model = &tensors[0];
  const int d = wrap_dim(dim, model->dim(), "cat");
  Dims sizes(model->sizes());
  sizes[d] = 0;
  int index = 0;
  for (const Tensor& t : tensors) {
    const bool skipped = is_skipped(t);
    bool fits = skipped || t.dim() == model->dim();
    for (int i = 0; fits && !skipped && i < t.dim(); ++i) fits = i == d || t.sizes()[i] == sizes[i];
    check(fits, "cat: tensor {} has shape {}, tensor 0 has shape {}: sizes must agree except in dimension {}",
          index, t.sizes(), model->sizes(), d);
    if (t.dim() == model->dim()) sizes[d] += t.sizes()[d];
    ++index;
  }
  checked_numel(sizes, "cat");
  TensorSpec spec(sizes, joined_dtype(tensors), device);
  // Images laid out channels-last stay so.
  bool channels_last = sizes.size() == 4 || sizes.size() == 5;
  for (const Tensor& t : tensors)
    channels_last = channels_last && t.dim() == model->dim() && !t.is_contiguous() &&
                    is_channels_last(t.sizes(), t.strides());
  if (channels_last) spec.strides = channels_last_strides(sizes);
  return spec;
}

int64_t product(const Dims& sizes, int begin, int end) {
  int64_t n = 1;
  for (int i = begin; i < end; ++i) n *= sizes[i];
  return n;
}

void cat_kernel(const Tensor& out, TensorList tensors, int64_t dim) {
  int d = wrap_dim(dim, out.dim(), "cat");
  if (out.is_contiguous()) {
    const int64_t outer = product(out.sizes(), 0, d);
    std::vector<int64_t> slabs;
    slabs.reserve(tensors.size());
    for (const Tensor& t : tensors)
      slabs.push_back(t.dim() == out.dim() ? product(t.sizes(), d, static_cast<int>(t.dim())) : 0);
    return cpu::join(out, tensors, outer, slabs);
  }
  // Channels-last: the same with the channels as the last dimension.
  const int n = static_cast<int>(out.dim());
  const auto channels_to_back = [n](const Tensor& t) {
    Dims sizes(t.sizes()), strides(t.strides());
    for (int i = 2; i <= n; ++i) {
      sizes[i - 1] = t.sizes()[i % n == 0 ? 1 : i];
      strides[i - 1] = t.strides()[i % n == 0 ? 1 : i];
    }
    return from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset());
  };
  std::vector<Tensor> moved;
  for (const Tensor& t : tensors) moved.push_back(channels_to_back(t));
  d = d == 0 ? 0 : d == 1 ? n - 1 : d - 1;
  cat_kernel(channels_to_back(out), moved, d);
}

void cat_vjp(Vjp& v) {
  const Tensor& grad = v.grad();
  const int64_t d = wrap_dim(v.attr<int64_t>(1), grad.dim(), "cat");
  int64_t start = 0;
  for (int i = 0; i < v.list_size(0); ++i) {
    const Dims& sizes = v.sizes(0, i);
    const int64_t length = sizes.size() == grad.dim() ? sizes[static_cast<int>(d)] : 0;
    if (v.needs(0, i))
      v.set(
          0, i,
          sizes.size() == grad.dim() ? plait::narrow(grad, d, start, length) : plait::new_zeros(grad, sizes));
    start += length;
  }
}

std::vector<Tensor> at_least(int dims, TensorList tensors, bool columns) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) {
    check<TypeError>(t.defined(), "expected a list of tensors, got None among them");
    Tensor grown = t;
    if (columns && t.dim() < 2) {
      grown = plait::reshape(t, Dims{t.numel(), 1});
    } else {
      if (grown.dim() == 0) grown = plait::reshape(grown, Dims{1});
      if (grown.dim() == 1 && dims >= 2) grown = plait::unsqueeze(grown, 0);
      if (grown.dim() == 2 && dims >= 3) grown = plait::unsqueeze(grown, 2);
    }
    out.push_back(grown);
  }
  return out;
}

}  // namespace

Op<Tensor(TensorList, int64_t)> cat{{
    .schema = "cat(Tensor[] tensors, int dim=0) -> Tensor",
    .doc = R"(The tensors one after the other along dimension dim.

Shapes: equal except in dim. Dtypes: any, promoted.

>>> plait.cat([plait.tensor([1, 2]), plait.tensor([3])])
tensor([1, 2, 3]))",
    .meta = cat_spec,
    .vjp = cat_vjp,
    .kind = Kind::Join,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu = cat_kernel,
}};

Op<Tensor(TensorList, int64_t)> concat{{
    .schema = "concat(Tensor[] tensors, int dim=0) -> Tensor",
    .doc = R"(cat, by another name.

>>> plait.concat([plait.tensor([1]), plait.tensor([2])])
tensor([1, 2]))",
    .composite = [](TensorList tensors, int64_t dim) { return plait::cat(tensors, dim); },
    .kind = Kind::Join,
    .out = true,
}};

Op<Tensor(TensorList, int64_t)> concatenate{{
    .schema = "concatenate(Tensor[] tensors, int dim=0) -> Tensor",
    .doc = R"(cat, by NumPy's name.

>>> plait.concatenate([plait.tensor([1]), plait.tensor([2])])
tensor([1, 2]))",
    .composite = [](TensorList tensors, int64_t dim) { return plait::cat(tensors, dim); },
    .kind = Kind::Join,
    .out = true,
}};

Op<Tensor(TensorList, int64_t)> stack{{
    .schema = "stack(Tensor[] tensors, int dim=0) -> Tensor",
    .doc = R"(The tensors, of one shape, along a new dimension dim.

Dtypes: any, promoted.

>>> plait.stack([plait.tensor([1, 2]), plait.tensor([3, 4])])
tensor([[1, 2],
        [3, 4]]))",
    .meta =
        [](TensorList tensors, int64_t dim) {
          check(!tensors.empty(), "stack: expected a non-empty list of tensors");
          const Device device = joined_device("stack", tensors);
          Dims sizes(tensors[0].sizes());
          const int d = wrap_dim(dim, sizes.size() + 1, "stack");
          int index = 0;
          for (const Tensor& t : tensors) {
            check(t.sizes() == sizes,
                  "stack: tensor {} has shape {}, tensor 0 has shape {}; all must be equal", index, t.sizes(),
                  sizes);
            ++index;
          }
          sizes.insert(d, static_cast<int64_t>(tensors.size()));
          checked_numel(sizes, "stack");
          return TensorSpec(sizes, joined_dtype(tensors), device);
        },
    .vjp =
        [](Vjp& v) {
          for (int i = 0; i < v.list_size(0); ++i)
            if (v.needs(0, i)) v.set(0, i, plait::select(v.grad(), v.attr<int64_t>(1), i));
        },
    .kind = Kind::Join,
    .dtypes = kStoredDTypes,
    .out = true,
    .cpu =
        [](const Tensor& out, TensorList tensors, int64_t dim) {
          const int d = wrap_dim(dim, out.dim(), "stack");
          const int64_t slab = product(out.sizes(), d + 1, static_cast<int>(out.dim()));
          cpu::join(out, tensors, product(out.sizes(), 0, d), std::vector<int64_t>(tensors.size(), slab));
        },
}};

Op<Tensor(TensorList)> hstack{{
    .schema = "hstack(Tensor[] tensors) -> Tensor",
    .doc = R"(The tensors side by side: along dimension 1, or 0 where they have one dimension.

>>> plait.hstack([plait.tensor([1, 2]), plait.tensor([3])])
tensor([1, 2, 3]))",
    .composite =
        [](TensorList tensors) {
          const std::vector<Tensor> parts = at_least(1, tensors, false);
          return plait::cat(parts, !parts.empty() && parts[0].dim() > 1 ? 1 : 0);
        },
    .kind = Kind::Join,
    .out = true,
}};

Op<Tensor(TensorList)> vstack{{
    .schema = "vstack(Tensor[] tensors) -> Tensor",
    .doc = R"(The tensors as rows, one below the other.

>>> plait.vstack([plait.tensor([1, 2]), plait.tensor([3, 4])])
tensor([[1, 2],
        [3, 4]]))",
    .composite = [](TensorList tensors) { return plait::cat(at_least(2, tensors, false), 0); },
    .kind = Kind::Join,
    .out = true,
}};

Op<Tensor(TensorList)> dstack{{
    .schema = "dstack(Tensor[] tensors) -> Tensor",
    .doc = R"(The tensors along a third dimension.

>>> plait.dstack([plait.tensor([1, 2]), plait.tensor([3, 4])])
tensor([[[1, 3],
         [2, 4]]]))",
    .composite = [](TensorList tensors) { return plait::cat(at_least(3, tensors, false), 2); },
    .kind = Kind::Join,
    .out = true,
}};

Op<Tensor(TensorList)> column_stack{{
    .schema = "column_stack(Tensor[] tensors) -> Tensor",
    .doc = R"(The tensors as columns, side by side.

>>> plait.column_stack([plait.tensor([1, 2]), plait.tensor([3, 4])])
tensor([[1, 3],
        [2, 4]]))",
    .composite = [](TensorList tensors) { return plait::cat(at_least(2, tensors, true), 1); },
    .kind = Kind::Join,
    .out = true,
}};

Op<std::vector<Tensor>(TensorList)> broadcast_tensors{{
    .schema = "broadcast_tensors(Tensor[] tensors) -> Tensor[]",
    .doc = R"(Views of the tensors, all of the shape that they broadcast to.

>>> [t.shape for t in plait.broadcast_tensors([plait.zeros(2, 1), plait.zeros(3)])]
[plait.Size([2, 3]), plait.Size([2, 3])])",
    .composite =
        [](TensorList tensors) {
          Dims sizes;
          for (const Tensor& t : tensors) {
            check<TypeError>(t.defined(),
                             "broadcast_tensors: expected a list of tensors, got None among them");
            sizes = broadcast(sizes, t.sizes(), "broadcast_tensors");
          }
          std::vector<Tensor> out;
          for (const Tensor& t : tensors) out.push_back(plait::expand(t, sizes));
          return out;
        },
    .kind = Kind::View,
}};

Op<std::vector<Tensor>(TensorList, std::string_view)> meshgrid{{
    .schema = "meshgrid(Tensor[] tensors, *, str indexing='ij') -> Tensor[]",
    .doc =
        R"(Coordinates of the grid that one-dimensional axes span, one tensor per axis. indexing='xy' swaps the first two axes.

>>> plait.meshgrid([plait.tensor([1, 2]), plait.tensor([3, 4])])
(tensor([[1, 1],
        [2, 2]]), tensor([[3, 4],
        [3, 4]])))",
    .composite =
        [](TensorList tensors, std::string_view indexing) {
          check(!tensors.empty(), "meshgrid: expected a non-empty list of tensors");
          check(indexing == "ij" || indexing == "xy", "meshgrid: expected indexing 'ij' or 'xy', got '{}'",
                indexing);
          const int n = static_cast<int>(tensors.size());
          const bool swap = indexing == "xy" && n >= 2;
          Dims grid;
          for (const Tensor& t : tensors) {
            check(t.defined() && t.dim() <= 1,
                  "meshgrid: expected tensors of at most one dimension, got shape {}",
                  t.defined() ? t.sizes() : Dims());
            check(t.dtype() == tensors[0].dtype(), "meshgrid: expected tensors of one dtype, got {} and {}",
                  tensors[0].dtype(), t.dtype());
            grid.push_back(t.numel());
          }
          std::vector<Tensor> out;
          for (int i = 0; i < n; ++i) {
            Dims own(n, 1);
            own[i] = grid[i];
            const Tensor axis = plait::expand(plait::reshape(tensors[i], own), grid);
            out.push_back(swap ? plait::transpose(axis, 0, 1) : axis);
          }
          return out;
        },
    .kind = Kind::Create,
}};

Op<Tensor(TensorList)> cartesian_prod{{
    .schema = "cartesian_prod(Tensor[] tensors) -> Tensor",
    .doc = R"(All combinations of the elements of one-dimensional tensors, one a row.

>>> plait.cartesian_prod(plait.tensor([1, 2]), plait.tensor([3, 4]))
tensor([[1, 3],
        [1, 4],
        [2, 3],
        [2, 4]]))",
    .composite =
        [](TensorList tensors) {
          for (const Tensor& t : tensors)
            check(t.defined() && t.dim() == 1,
                  "cartesian_prod: expected one-dimensional tensors, got shape {}",
                  t.defined() ? t.sizes() : Dims());
          if (tensors.size() == 1) return tensors[0];
          std::vector<Tensor> columns = plait::meshgrid(tensors);
          for (Tensor& column : columns) column = plait::reshape(column, Dims{column.numel()});
          return plait::stack(columns, 1);
        },
    .kind = Kind::Join,
}};

}  // namespace plait::op
