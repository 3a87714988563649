// Looking up values: searchsorted, bucketize; and the distinct ones: _unique.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/parallel.h"
#include "ops/decl/alias.h"
#include "ops/decl/index.h"
#include "ops/decl/search.h"
#include "ops/decl/sort.h"
#include "ops/decl/view.h"
#include "ops/index_common.h"

namespace plait::op {
namespace {

// NaN counts as larger than any number, so that the order is total.
template <class T>
bool is_nan(T v) {
  if constexpr (std::is_floating_point_v<compute_t<T>>)
    return std::isnan(static_cast<compute_t<T>>(v));
  else
    return false;
}
template <class T>
bool less(T a, T b) {
  return static_cast<compute_t<T>>(a) < static_cast<compute_t<T>>(b) || (!is_nan(a) && is_nan(b));
}

Tensor packed(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype) return contiguous_copy(t);
  const Tensor out = empty_tensor(t.sizes(), dtype);
  cpu::copy(out, t);
  return out;
}

bool right_side(const char* op, bool right, std::optional<std::string_view> side) {
  if (!side) return right;
  check(*side == "left" || *side == "right", "{}: expected side 'left' or 'right', got '{}'", op, *side);
  check(*side == "right" || !right, "{}: side='left' and right=True contradict each other", op);
  return *side == "right";
}

TensorSpec search_spec(const char* op, const Tensor& sorted, const Tensor& values, bool out_int32) {
  check(sorted.dim() >= 1, "{}: expected boundaries with at least one dimension, got a 0-d tensor", op);
  if (sorted.dim() > 1) {
    bool same_lead = sorted.dim() == values.dim();
    for (int d = 0; same_lead && d < sorted.dim() - 1; ++d)
      same_lead = sorted.sizes()[d] == values.sizes()[d];
    check(same_lead,
          "{}: boundaries of shape {} and values of shape {} must agree in all but the last dimension", op,
          sorted.sizes(), values.sizes());
  }
  check<TypeError>(!is_complex(sorted.dtype()) && !is_complex(values.dtype()),
                   "{}: complex numbers have no order", op);
  // A number goes where the boundaries are.
  const Device device = values.dim() == 0 && values.is_cpu() ? sorted.device() : values.device();
  return TensorSpec(values.sizes(), out_int32 ? DType::Int32 : DType::Int64, device);
}

void search_kernel(const Tensor& out, const Tensor& sorted, const Tensor& values, bool right,
                   const Tensor& sorter) {
  const DType common = result_type(sorted, values);
  Tensor edges = packed(sorted, common);
  const Tensor sought = packed(values, common);
  if (sorter.defined()) {
    check(sorter.sizes() == sorted.sizes(),
          "searchsorted: sorter of shape {} must have the shape of the sequence, {}", sorter.sizes(),
          sorted.sizes());
    const int last = static_cast<int>(sorted.dim()) - 1;
    const Tensor put_in_order = empty_tensor(edges.sizes(), common);
    cpu::gather_along("searchsorted", put_in_order, edges, last, sorter);
    edges = put_in_order;
  }
  const int64_t n = sorted.sizes().back(),
                per_row = sorted.dim() > 1 ? (values.dim() ? values.sizes().back() : 1) : INT64_MAX;
  visit(common, [&]<class T>() {
    if constexpr (!is_complex(dtype_of<T>)) {
      const T* all = edges.data<T>();
      const T* value = sought.data<T>();
      parallel_for(0, out.numel(), 2048, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const T* first = all + (per_row == INT64_MAX ? 0 : i / per_row * n);
          const T* at = right ? std::upper_bound(first, first + n, value[i], less<T>)
                              : std::lower_bound(first, first + n, value[i], less<T>);
          if (out.dtype() == DType::Int32)
            out.data<int32_t>()[i] = static_cast<int32_t>(at - first);
          else
            out.data<int64_t>()[i] = at - first;
        }
      });
    }
  });
}

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, bool, bool, std::optional<std::string_view>, const Tensor&)>
    searchsorted{{
        .schema = "searchsorted(Tensor sorted_sequence, Tensor self, *, bool out_int32=False, bool "
                  "right=False, str? side=None, "
                  "Tensor? sorter=None) -> Tensor",
        .doc =
            R"(Where each value of self (input) belongs in a rising sequence: the first place that keeps the order, or with right=True (side='right')
the last one.

Shapes: a one-dimensional sequence, or one per row of self. Result: int64, or int32 with out_int32=True.

>>> plait.searchsorted(plait.tensor([1, 3, 5]), plait.tensor([3, 4]))
tensor([1, 2]))",
        .meta = [](const Tensor& sorted, const Tensor& self, bool out_int32, bool,
                   std::optional<std::string_view>,
                   const Tensor&) { return search_spec("searchsorted", sorted, self, out_int32); },
        .kind = Kind::Index,
        .dtypes = kRealDTypes,
        .out = true,
        .cpu =
            [](const Tensor& out, const Tensor& sorted, const Tensor& self, bool, bool right,
               std::optional<std::string_view> side, const Tensor& sorter) {
              search_kernel(out, sorted, self, right_side("searchsorted", right, side), sorter);
            },
    }};

Op<Tensor(const Tensor&, const Tensor&, bool, bool)> bucketize{{
    .schema =
        "bucketize(Tensor self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
    .doc =
        R"(The number of the bucket between rising boundaries that each value falls into: i where boundaries[i-1] < value <= boundaries[i]; with
right=True where boundaries[i-1] <= value < boundaries[i].

>>> plait.bucketize(plait.tensor([3, 6]), plait.tensor([1, 3, 5]))
tensor([1, 3]))",
    .meta =
        [](const Tensor& self, const Tensor& boundaries, bool out_int32, bool) {
          check(boundaries.dim() == 1, "bucketize: expected one-dimensional boundaries, got shape {}",
                boundaries.sizes());
          return search_spec("bucketize", boundaries, self, out_int32);
        },
    .kind = Kind::Index,
    .dtypes = kRealDTypes,
    .out = true,
    .cpu = [](const Tensor& out, const Tensor& self, const Tensor& boundaries, bool,
              bool right) { search_kernel(out, boundaries, self, right, Tensor()); },
}};

// ---- the distinct ones

namespace {

// From an order in which equal items are neighbours: the first of each group, where each item's group stands,
// and group sizes.
struct Groups {
  std::vector<int64_t> first;
  Tensor inverse, counts;
};

template <class Same>
Groups grouped(const std::vector<int64_t>& order, const Same& same) {
  const int64_t n = static_cast<int64_t>(order.size());
  Groups groups{{}, empty_tensor(Dims{n}, DType::Int64), Tensor()};
  std::vector<int64_t> starts;
  for (int64_t i = 0; i < n; ++i) {
    if (i == 0 || !same(order[i - 1], order[i])) {
      groups.first.push_back(order[i]);
      starts.push_back(i);
    }
    groups.inverse.data<int64_t>()[order[i]] = static_cast<int64_t>(groups.first.size()) - 1;
  }
  const auto count = static_cast<int64_t>(starts.size());
  starts.push_back(n);
  groups.counts = empty_tensor(Dims{count}, DType::Int64);
  for (int64_t k = 0; k < count; ++k) groups.counts.data<int64_t>()[k] = starts[k + 1] - starts[k];
  return groups;
}

std::vector<int64_t> numbers_to(int64_t n) {
  std::vector<int64_t> out(n);
  std::iota(out.begin(), out.end(), int64_t{0});
  return out;
}

using Triple = std::tuple<Tensor, Tensor, Tensor>;

Triple unique_elements(const Tensor& self) {
  if (is_complex(self.dtype()))
    fail<TypeError>("unique: complex numbers have no order; view them as real with view_as_real()");
  const int64_t n = self.numel();
  const auto [sorted, order] = plait::sort(plait::reshape(detached_alias(self), Dims{n}), -1, false, true);
  const int64_t* place = order.data<int64_t>();
  const Tensor inverse = empty_tensor(Dims(self.sizes()), DType::Int64);
  auto* group_of = inverse.data<int64_t>();
  std::vector<int64_t> starts;
  visit(self.dtype(), [&]<class T>() {
    const T* x = sorted.data<T>();
    for (int64_t i = 0; i < n; ++i) {
      if (i == 0 || !(x[i] == x[i - 1])) starts.push_back(i);  // each NaN is its own
      group_of[place[i]] = static_cast<int64_t>(starts.size()) - 1;
    }
  });
  const auto count = static_cast<int64_t>(starts.size());
  const Tensor first = empty_tensor(Dims{count}, DType::Int64),
               counts = empty_tensor(Dims{count}, DType::Int64);
  std::copy(starts.begin(), starts.end(), first.data<int64_t>());
  starts.push_back(n);
  for (int64_t k = 0; k < count; ++k) counts.data<int64_t>()[k] = starts[k + 1] - starts[k];
  return {plait::index_select(sorted, 0, first), inverse, counts};
}

Triple unique_slices(const Tensor& self, int d) {
  const int64_t n = self.sizes()[d];
  check(self.numel() > 0 || n == 0,
        "unique: dimension {} of shape {} has {} slices without elements, which cannot be told apart", d,
        self.sizes(), n);
  // Slices as rows.
  Dims sizes(self.sizes()), strides(self.strides());
  sizes.erase(d);
  strides.erase(d);
  sizes.insert(0, n);
  strides.insert(0, self.strides()[d]);
  const Tensor rows =
      clone_plain(from_storage(self.storage(), self.dtype(), sizes, strides, self.storage_offset()));
  const int64_t width = n ? self.numel() / n : 0;
  return visit(self.dtype(), [&]<class T>() -> Triple {
    if constexpr (is_complex(dtype_of<T>)) {
      fail<TypeError>("unique: complex numbers have no order; view them as real with view_as_real()");
    } else {
      const T* data = rows.data<T>();
      std::vector<int64_t> order = numbers_to(n);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return std::lexicographical_compare(data + a * width, data + (a + 1) * width, data + b * width,
                                            data + (b + 1) * width, less<T>);
      });
      const Groups groups = grouped(order, [&](int64_t a, int64_t b) {
        return std::equal(data + a * width, data + (a + 1) * width, data + b * width);
      });
      const auto count = static_cast<int64_t>(groups.first.size());
      const Tensor index = empty_tensor(Dims{count}, DType::Int64);
      std::copy(groups.first.begin(), groups.first.end(), index.data<int64_t>());
      return {plait::index_select(self, d, index), groups.inverse, groups.counts};
    }
  });
}

}  // namespace

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, std::optional<int64_t>)> _unique{{
    .schema = "_unique(Tensor self, int? dim=None) -> (Tensor values, Tensor inverse, Tensor counts)",
    .doc =
        R"(The distinct elements of self (or slices along dim) in rising order, the place of each element among them, and how often each occurs.

>>> plait.unique(plait.tensor([3, 1, 3]), return_inverse=True)
(tensor([1, 3]), tensor([1, 0, 1])))",
    .direct =
        [](const Tensor& self, std::optional<int64_t> dim) {
          if (!dim || self.dim() == 0) return unique_elements(self);
          return unique_slices(self, wrap_dim(*dim, self.dim(), "unique"));
        },
    .kind = Kind::Index,
    .dtypes = kRealDTypes,
}};

}  // namespace plait::op
