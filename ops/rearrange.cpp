// The same elements in another place, or several times: flip, roll, repeat, triangles, diagonals.
#include <algorithm>
#include <cstring>

#include "core/batch.h"
#include "core/parallel.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/index.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

uint64_t dims_mask(const char* op, IntSpan dims, int64_t ndim) {
  uint64_t mask = 0;
  for (const int64_t dim : dims) {
    const int d = wrap_dim(dim, ndim, op);
    check(!(mask >> d & 1), "{}: dimension {} appears twice in {}", op, d, dims);
    mask |= uint64_t{1} << d;
  }
  return mask;
}

Tensor window(const Tensor& t, const Dims& sizes, const Dims& strides, int64_t offset) {
  return from_storage(t.storage(), t.dtype(), sizes, strides, t.storage_offset() + offset);
}

void flip_kernel(const Tensor& out, const Tensor& self, IntSpan dims) {
  if (self.numel() == 0) return;
  const uint64_t mask = dims_mask("flip", dims, self.dim());
  Dims strides(self.strides());
  int64_t offset = 0;
  for (int d = 0; d < self.dim(); ++d) {
    if (!(mask >> d & 1)) continue;
    offset += (self.sizes()[d] - 1) * strides[d];
    strides[d] = -strides[d];
  }
  cpu::copy(out, window(self, self.sizes(), strides, offset));
}

// Copies the 2^k blocks that rolling k dimensions consists of.
void roll_blocks(const Tensor& out, const Tensor& self, IntSpan shifts, IntSpan dims, size_t k, Dims sizes,
                 int64_t to, int64_t from) {
  if (k == dims.size())
    return cpu::copy(window(out, sizes, out.strides(), to), window(self, sizes, self.strides(), from));
  const int d = static_cast<int>(dims[k]);
  const int64_t size = sizes[d], shift = ((shifts[k] % size) + size) % size;
  const auto block = [&](int64_t length, int64_t at_out, int64_t at_self) {
    if (length == 0) return;
    sizes[d] = length;
    roll_blocks(out, self, shifts, dims, k + 1, sizes, to + at_out * out.strides()[d],
                from + at_self * self.strides()[d]);
  };
  block(size - shift, shift, 0);
  block(shift, 0, size - shift);
}

struct Roll {
  Dims shifts, dims;  // one shift per dimension
};
Roll roll_of(const Tensor& self, IntSpan shifts, IntSpan dims) {
  check(!shifts.empty(), "roll: expected at least one shift");
  check(shifts.size() == dims.size(), "roll: shifts {} and dims {} must have one length", shifts, dims);
  Roll roll;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int d = wrap_dim(dims[i], self.dim(), "roll");
    const int64_t size = self.dim() ? std::max<int64_t>(self.sizes()[d], 1) : 1;
    const auto seen = std::find(roll.dims.begin(), roll.dims.end(), d);
    if (seen != roll.dims.end()) {
      int64_t& sum = roll.shifts[static_cast<int>(seen - roll.dims.begin())];
      sum = (sum + shifts[i] % size) % size;
    } else {
      roll.dims.push_back(d);
      roll.shifts.push_back(shifts[i] % size);
    }
  }
  return roll;
}

// Rows of the last two dimensions, with what lies on the other side of the diagonal set to zero.
void triangle_kernel(const Tensor& out, const Tensor& self, int64_t diagonal, bool lower) {
  const int n = static_cast<int>(self.dim());
  const int64_t rows = self.sizes()[n - 2], columns = self.sizes()[n - 1], size = itemsize(self.dtype());
  if (self.numel() == 0) return;
  diagonal = std::clamp<int64_t>(diagonal, -rows - 1, columns + 1);
  const Tensor source = contiguous_copy(self);
  on_contiguous(out, [&](const Tensor& to) {
    const int64_t grain = std::max<int64_t>(1, (1 << 17) / (columns * size));
    parallel_for(0, self.numel() / columns, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        char* row = to.data<char>() + r * columns * size;
        const char* from = source.data<char>() + r * columns * size;
        const int64_t split = std::clamp<int64_t>(r % rows + diagonal + (lower ? 1 : 0), 0, columns) * size;
        if (lower) {
          if (row != from) std::memcpy(row, from, split);
          std::memset(row + split, 0, columns * size - split);
        } else {
          std::memset(row, 0, split);
          if (row != from) std::memcpy(row + split, from + split, columns * size - split);
        }
      }
    });
  });
}

TensorSpec triangle_spec(const char* op, const Tensor& self) {
  check(self.dim() >= 2, "{}: expected at least 2 dimensions, got shape {}", op, self.sizes());
  return TensorSpec(self.sizes(), self.dtype(), self.device());
}

// Elements as they stand, each dimension d repeated repeats[d] times as a whole.
Tensor repeated(const Tensor& self, IntSpan repeats) {
  const int n = static_cast<int>(repeats.size()), extra = n - static_cast<int>(self.dim());
  check(extra >= 0, "repeat: expected at least {} repeats for self of shape {}, got {}", self.dim(),
        self.sizes(), repeats);
  Dims paired, grown, sizes;
  for (int i = 0; i < n; ++i) {
    const int64_t size = i < extra ? 1 : self.sizes()[i - extra];
    check(repeats[i] >= 0, "repeat: expected repeats of 0 or more, got {}", repeats);
    int64_t total;
    check(!__builtin_mul_overflow(size, repeats[i], &total), "repeat: shape {} times {} overflows",
          self.sizes(), repeats);
    sizes.push_back(total);
    if (repeats[i] != 1) {
      paired.push_back(1);
      grown.push_back(repeats[i]);
    }
    paired.push_back(size);
    grown.push_back(size);
  }
  checked_numel(sizes, "repeat");
  check(grown.size() <= kMaxDims,
        "repeat: at most {} dimensions, repeated ones counting twice, are supported", kMaxDims);
  return plait::reshape(
      plait::clone(plait::expand(plait::reshape(self, paired), grown), MemoryFormat::Contiguous), sizes);
}

}  // namespace

// ---- turning

Op<Tensor(const Tensor&, IntSpan)> flip{{
    .schema = "flip(Tensor self, int[] dims) -> Tensor",
    .doc = R"(A copy with the order of the given dimensions reversed.

>>> plait.flip(plait.tensor([1, 2, 3]), (0,))
tensor([3, 2, 1]))",
    .meta =
        [](const Tensor& self, IntSpan dims) {
          dims_mask("flip", dims, self.dim());
          return infer::like(self);
        },
    .vjp = [](Vjp& v) { v.set(0, plait::flip(v.grad(), v.attr<IntSpan>(1))); },
    .kind = Kind::Index,
    .cpu = flip_kernel,
}};

Op<Tensor(const Tensor&)> fliplr{{
    .schema = "fliplr(Tensor self) -> Tensor",
    .doc = R"(A copy with the columns in reverse order.

>>> plait.fliplr(plait.tensor([[1, 2], [3, 4]]))
tensor([[2, 1],
        [4, 3]]))",
    .composite =
        [](const Tensor& self) {
          check(self.dim() >= 2, "fliplr: expected at least 2 dimensions, got shape {}", self.sizes());
          return plait::flip(self, Dims{1});
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&)> flipud{{
    .schema = "flipud(Tensor self) -> Tensor",
    .doc = R"(A copy with the rows in reverse order.

>>> plait.flipud(plait.tensor([[1, 2], [3, 4]]))
tensor([[3, 4],
        [1, 2]]))",
    .composite =
        [](const Tensor& self) {
          check(self.dim() >= 1, "flipud: expected at least 1 dimension, got a 0-d tensor");
          return plait::flip(self, Dims{0});
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&, IntSpan, std::optional<IntSpan>)> roll{{
    .schema = "roll(Tensor self, int[1] shifts, int[1]? dims=None) -> Tensor",
    .doc =
        R"(A copy with the elements moved along the given dimensions by shifts; what leaves at the end comes in at the start. Without dims
self is rolled as if it were one-dimensional.

>>> plait.roll(plait.tensor([1, 2, 3]), 1)
tensor([3, 1, 2]))",
    .composite =
        [](const Tensor& self, IntSpan shifts, std::optional<IntSpan> given) {
          const IntSpan dims = given.value_or(IntSpan());
          check<IndexError>(self.dim() > 0 || dims.empty(),
                            "roll: expected no dims for a 0-d tensor, got {}; leave them out", dims);
          if (!dims.empty()) return plait::_roll(self, shifts, dims);
          check(shifts.size() == 1, "roll: without dims expected one shift, got {}", shifts);
          return plait::reshape(plait::_roll(plait::reshape(self, Dims{self.numel()}), shifts, Dims{0}),
                                self.sizes());
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan)> _roll{{
    .schema = "_roll(Tensor self, int[] shifts, int[] dims) -> Tensor",
    .doc = "roll along given dimensions.",
    .meta =
        [](const Tensor& self, IntSpan shifts, IntSpan dims) {
          roll_of(self, shifts, dims);
          return infer::like(self);
        },
    .vjp =
        [](Vjp& v) {
          Dims back(v.attr<IntSpan>(1));
          for (int64_t& shift : back) shift = static_cast<int64_t>(0 - static_cast<uint64_t>(shift));
          v.set(0, plait::_roll(v.grad(), back, v.attr<IntSpan>(2)));
        },
    .kind = Kind::Index,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan shifts, IntSpan dims) {
          if (self.numel() == 0) return;
          if (self.dim() == 0) return cpu::copy(out, self);
          const Roll roll = roll_of(self, shifts, dims);
          roll_blocks(out, self, roll.shifts, roll.dims, 0, self.sizes(), 0, 0);
        },
}};

Op<Tensor(const Tensor&, int64_t, IntSpan)> rot90{{
    .schema = "rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor",
    .doc =
        R"(A copy turned by k quarter turns in the plane of two dimensions, from the first towards the second.

>>> plait.rot90(plait.tensor([[1, 2], [3, 4]]))
tensor([[2, 4],
        [1, 3]]))",
    .composite =
        [](const Tensor& self, int64_t k, IntSpan dims) {
          check(dims.size() == 2, "rot90: expected two dims, got {}", dims);
          const int a = wrap_dim(dims[0], self.dim(), "rot90"), b = wrap_dim(dims[1], self.dim(), "rot90");
          check(a != b && self.dim() >= 2, "rot90: expected two different dimensions, got {} for shape {}",
                dims, self.sizes());
          switch (((k % 4) + 4) % 4) {
            case 1: return plait::transpose(plait::flip(self, Dims{b}), a, b);
            case 2: return plait::flip(self, Dims{a, b});
            case 3: return plait::transpose(plait::flip(self, Dims{a}), a, b);
            default: return plait::clone(self);
          }
        },
    .kind = Kind::Index,
}};

// ---- repeating

Op<Tensor(const Tensor&, IntSpan)> repeat{{
    .schema = "repeat(Tensor self, int[] repeats) -> Tensor",
    .doc =
        R"(A copy in which each dimension is repeated as a whole; more repeats than dimensions add leading ones.

>>> plait.tensor([1, 2]).repeat(2, 2)
tensor([[1, 2, 1, 2],
        [1, 2, 1, 2]]))",
    .composite = repeated,
    .kind = Kind::Join,
}};

Op<Tensor(const Tensor&, IntSpan)> tile{{
    .schema = "tile(Tensor self, int[] dims) -> Tensor",
    .doc = R"(repeat, with missing repeats counted as 1 from the front, as NumPy's tile.

>>> plait.tile(plait.tensor([[1, 2]]), (2,))
tensor([[1, 2, 1, 2]]))",
    .composite =
        [](const Tensor& self, IntSpan dims) {
          Dims repeats(dims);
          while (repeats.size() < self.dim()) repeats.insert(0, 1);
          return plait::repeat(self, repeats);
        },
    .kind = Kind::Join,
}};

Op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>)> repeat_interleave_int{{
    .schema =
        "repeat_interleave.int(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    .doc =
        R"(A copy with each element (each part along dim) repeated: a number of times, or one number for each. Without dim self is taken as
one-dimensional.

>>> plait.repeat_interleave(plait.tensor([1, 2]), 2)
tensor([1, 1, 2, 2])
>>> plait.repeat_interleave(plait.tensor([1, 2]), plait.tensor([1, 2]))
tensor([1, 2, 2]))",
    .composite =
        [](const Tensor& self, int64_t repeats, std::optional<int64_t> dim,
           std::optional<int64_t> output_size) {
          check(repeats >= 0, "repeat_interleave: expected repeats of 0 or more, got {}", repeats);
          const Tensor from = dim && self.dim() > 0 ? self : plait::reshape(self, Dims{self.numel()});
          const int d = wrap_dim(dim.value_or(0), from.dim(), "repeat_interleave");
          Dims grown(from.sizes()), sizes(from.sizes());
          grown.insert(d + 1, repeats);
          check(!__builtin_mul_overflow(sizes[d], repeats, &sizes[d]),
                "repeat_interleave: shape {} times {} overflows", from.sizes(), repeats);
          check(!output_size || *output_size == sizes[d],
                "repeat_interleave: output_size is {}, the result has size {}", output_size.value_or(0),
                sizes[d]);
          return plait::reshape(
              plait::clone(plait::expand(plait::unsqueeze(from, d + 1), grown), MemoryFormat::Contiguous),
              sizes);
        },
    .kind = Kind::Join,
}};

Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>, std::optional<int64_t>)>
    repeat_interleave_tensor{{
        .schema = "repeat_interleave.tensor(Tensor self, Tensor repeats, int? dim=None, *, int? "
                  "output_size=None) -> Tensor",
        .doc = "A copy with each part of self along dim repeated as often as repeats says.",
        .composite =
            [](const Tensor& self, const Tensor& repeats, std::optional<int64_t> dim,
               std::optional<int64_t> output_size) {
              check<TypeError>(is_integral(repeats.dtype()),
                               "repeat_interleave: expected repeats of dtype int64 or int32, got {}",
                               repeats.dtype());
              const Tensor from = dim && self.dim() > 0 ? self : plait::reshape(self, Dims{self.numel()});
              const int d = wrap_dim(dim.value_or(0), from.dim(), "repeat_interleave");
              const int64_t size = from.sizes()[d];
              check(repeats.dim() <= 1 && (repeats.numel() == size || repeats.numel() == 1),
                    "repeat_interleave: expected one repeat, or one for each of the {} parts along dimension "
                    "{}, got shape {}",
                    size, d, repeats.sizes());
              return plait::index_select(
                  from, d,
                  plait::repeat_interleave(
                      plait::expand(plait::reshape(repeats, Dims{repeats.numel()}), Dims{size}),
                      output_size));
            },
        .kind = Kind::Join,
    }};

Op<Tensor(const Tensor&, std::optional<int64_t>)> repeat_interleave{{
    .schema = "repeat_interleave(Tensor repeats, *, int? output_size=None) -> Tensor",
    .doc = "Each position of repeats, as often as the number there says: what to select with.",
    .direct =
        [](const Tensor& repeats, std::optional<int64_t> output_size) {
          check(repeats.dim() == 1, "repeat_interleave: expected one-dimensional repeats, got shape {}",
                repeats.sizes());
          const Tensor counts = empty_tensor(repeats.sizes(), DType::Int64);
          cpu::copy(counts, repeats);
          const int64_t* count = counts.data<int64_t>();
          int64_t total = 0;
          for (int64_t i = 0; i < counts.numel(); ++i) {
            check(count[i] >= 0, "repeat_interleave: expected repeats of 0 or more, got {}", count[i]);
            check(!__builtin_add_overflow(total, count[i], &total),
                  "repeat_interleave: the sum of repeats overflows");
          }
          check(!output_size || *output_size == total,
                "repeat_interleave: output_size is {}, the repeats sum to {}", output_size.value_or(0),
                total);
          checked_numel(Dims{total}, "repeat_interleave");
          const Tensor out = empty_tensor(Dims{total}, DType::Int64);
          int64_t* to = out.data<int64_t>();
          for (int64_t i = 0; i < counts.numel(); ++i) to = std::fill_n(to, count[i], i);
          return out;
        },
    .kind = Kind::Join,
    .dtypes = kIntDTypes,
}};

// ---- triangles and diagonals

Op<Tensor(const Tensor&, int64_t)> tril{{
    .schema = "tril(Tensor self, int diagonal=0) -> Tensor",
    .doc =
        R"(The lower triangles of the matrices in the last two dimensions, up to the given diagonal; zeros elsewhere.

>>> plait.tril(plait.ones(2, 2))
tensor([[1., 0.],
        [1., 1.]]))",
    .meta = [](const Tensor& self, int64_t) { return triangle_spec("tril", self); },
    .vjp = [](Vjp& v) { v.set(0, plait::tril(v.grad(), v.attr<int64_t>(1))); },
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              int64_t diagonal) { triangle_kernel(out, self, diagonal, true); },
}};

Op<Tensor(const Tensor&, int64_t)> triu{{
    .schema = "triu(Tensor self, int diagonal=0) -> Tensor",
    .doc =
        R"(The upper triangles of the matrices in the last two dimensions, from the given diagonal on; zeros elsewhere.

>>> plait.triu(plait.ones(2, 2))
tensor([[1., 1.],
        [0., 1.]]))",
    .meta = [](const Tensor& self, int64_t) { return triangle_spec("triu", self); },
    .vjp = [](Vjp& v) { v.set(0, plait::triu(v.grad(), v.attr<int64_t>(1))); },
    .kind = Kind::Index,
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self,
              int64_t diagonal) { triangle_kernel(out, self, diagonal, false); },
}};

Op<Tensor(const Tensor&, int64_t, int64_t, int64_t)> diag_embed{{
    .schema = "diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    .doc =
        R"(Matrices, in dimensions dim1 and dim2, with the last dimension of self on their diagonals and zeros elsewhere.

>>> plait.diag_embed(plait.tensor([1, 2]))
tensor([[1, 0],
        [0, 2]]))",
    .composite =
        [](const Tensor& self, int64_t offset, int64_t dim1, int64_t dim2) {
          check(self.dim() >= 1, "diag_embed: expected at least 1 dimension, got a 0-d tensor");
          const int n = static_cast<int>(self.dim()) + 1;
          const int a = wrap_dim(dim1, n, "diag_embed"), b = wrap_dim(dim2, n, "diag_embed");
          check(a != b, "diag_embed: dim1 and dim2 must differ, both are {}", a);
          int64_t side;
          check(offset != INT64_MIN && !__builtin_add_overflow(self.sizes().back(), std::abs(offset), &side),
                "diag_embed: offset {} is out of range", offset);
          Dims sizes(self.sizes());
          sizes.erase(n - 2);
          sizes.insert(std::min(a, b), side);
          sizes.insert(std::max(a, b), side);
          const Tensor out = writable(plait::zeros(sizes, self.dtype(), self.device()), self);
          plait::copy_(plait::diagonal(out, offset, a, b), self);
          return out;
        },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&, int64_t)> diag{{
    .schema = "diag(Tensor self, int diagonal=0) -> Tensor",
    .doc = R"(Of a vector: the matrix with it on the diagonal. Of a matrix: a copy of its diagonal.

>>> plait.diag(plait.tensor([1, 2]))
tensor([[1, 0],
        [0, 2]]))",
    .composite =
        [](const Tensor& self, int64_t diagonal) {
          check(self.dim() == 1 || self.dim() == 2,
                "diag: expected 1 or 2 dimensions, got shape {}; see also diagonal and diag_embed",
                self.sizes());
          return self.dim() == 1 ? plait::diag_embed(self, diagonal, 0, 1)
                                 : plait::clone(plait::diagonal(self, diagonal, 0, 1));
        },
    .kind = Kind::Index,
    .out = true,
}};

Op<Tensor(const Tensor&, int64_t)> diagflat{{
    .schema = "diagflat(Tensor self, int offset=0) -> Tensor",
    .doc = R"(The matrix with the elements of self, as one-dimensional, on a diagonal.

>>> plait.diagflat(plait.tensor([[1, 2]]))
tensor([[1, 0],
        [0, 2]]))",
    .composite = [](const Tensor& self,
                    int64_t offset) { return plait::diag(plait::reshape(self, Dims{self.numel()}), offset); },
    .kind = Kind::Index,
}};

Op<Tensor(const Tensor&)> trace{{
    .schema = "trace(Tensor self) -> Tensor",
    .doc = R"(The sum of the diagonal of a matrix.

>>> plait.trace(plait.eye(3))
tensor(3.))",
    .composite =
        [](const Tensor& self) {
          check(self.dim() == 2, "trace: expected a matrix, got shape {}", self.sizes());
          return plait::sum(plait::diagonal(self));
        },
    .kind = Kind::Reduction,
}};

}  // namespace plait::op
