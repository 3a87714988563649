// as_strided, and the ops that the histories of views consist of (autograd/variable.h, Note [In-place on
// views]). These two work on a window of a tensor that is thought of as laid out densely with `base_stride`:
// sizes, strides and an offset relative to the first element.
#include "ops/decl/view_history.h"
#include "ops/cpu/convert.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

// The offset of the last element of a window; nothing where it overflows.
std::optional<int64_t> last_element(int64_t first, IntSpan size, IntSpan stride) {
  int64_t last = first, reach = 0;
  for (size_t i = 0; i < size.size(); ++i)
    if (__builtin_mul_overflow(size[i] - 1, stride[i], &reach) || __builtin_add_overflow(last, reach, &last))
      return std::nullopt;
  return last;
}

// self, laid out with `strides`.
Tensor laid_out(const Tensor& self, IntSpan strides) {
  const Dims wanted(strides);
  if (self.strides() == wanted) return self;
  const bool dense = is_dense(self.sizes(), strides);
  Tensor out = dense ? empty_tensor(TensorSpec(self.sizes(), self.dtype(), self.device(), wanted)) : Tensor();
  if (!dense) {
    // A base with gaps (strided memory of somebody else): the same reach, the gaps unused.
    int64_t reach = 1;
    for (int i = 0; i < wanted.size(); ++i) reach += (self.sizes()[i] - 1) * wanted[i];
    const Tensor flat = empty_tensor(Dims{self.numel() == 0 ? 0 : reach}, self.dtype(), self.device());
    out = from_storage(flat.storage(), self.dtype(), self.sizes(), wanted, 0);
  }
  copy_into(out, self);
  return out;
}

Tensor window(const Tensor& base, IntSpan size, IntSpan stride, int64_t offset) {
  return from_storage(base.storage(), base.dtype(), Dims(size), Dims(stride), base.storage_offset() + offset);
}

// The window must lie within a tensor of `base` sizes laid out with `base_stride`.
void check_window(const char* op, IntSpan base, IntSpan base_stride, IntSpan size, IntSpan stride,
                  int64_t offset) {
  const int64_t base_numel = checked_numel(base, op), numel = checked_numel(size, op);
  bool good = base.size() == base_stride.size() && size.size() == stride.size() && offset >= 0;
  // The last element that (sizes, strides) reach; -1 where there is none.
  const auto last = [&](IntSpan sizes, IntSpan strides, int64_t count) {
    int64_t at = count == 0 ? -1 : 0, step;
    for (size_t i = 0; good && i < sizes.size(); ++i) {
      good = strides[i] >= 0;
      if (count > 0)
        good = good && !__builtin_mul_overflow(sizes[i] - 1, strides[i], &step) &&
               !__builtin_add_overflow(at, step, &at);
    }
    return at;
  };
  if (good) {
    const int64_t reach = last(base, base_stride, base_numel), end = last(size, stride, numel);
    good = good && (numel == 0 || (reach >= offset && end <= reach - offset));
  }
  check(good,
        "{}: a window of size {}, stride {} and offset {} does not lie within a base of size {} and "
        "stride {}",
        op, size, stride, offset, base, base_stride);
}

TensorSpec dense_spec(const Tensor& self) { return TensorSpec(self.sizes(), self.dtype(), self.device()); }

}  // namespace

Op<Tensor(const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_read{{
    .schema = "_view_read(Tensor self, int[] size, int[] stride, int offset, int[] base_stride) -> Tensor",
    .doc = "A copy of the window (size, stride, offset) of self as laid out with base_stride.",
    .meta =
        [](const Tensor& self, IntSpan size, IntSpan stride, int64_t offset, IntSpan base_stride) {
          check_window("_view_read", self.sizes(), base_stride, size, stride, offset);
          return TensorSpec(Dims(size), self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_view_accumulate(v.grad(), v.sizes(0), v.attr<IntSpan>(1), v.attr<IntSpan>(2),
                                           v.attr<int64_t>(3), v.attr<IntSpan>(4)));
        },
    .kind = Kind::View,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan size, IntSpan stride, int64_t offset,
           IntSpan base_stride) {
          cpu::copy(out, window(laid_out(self, base_stride), size, stride, offset));
        },
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan, IntSpan, int64_t, IntSpan)> _view_accumulate{{
    .schema = "_view_accumulate(Tensor self, int[] base_size, int[] size, int[] stride, int offset, int[] "
              "base_stride) -> Tensor",
    .doc = "Zeros of base_size with self added into the window (size, stride, offset); elements that meet "
           "are summed.",
    .meta =
        [](const Tensor& self, IntSpan base_size, IntSpan size, IntSpan stride, int64_t offset,
           IntSpan base_stride) {
          check_window("_view_accumulate", base_size, base_stride, size, stride, offset);
          check(same(self.sizes(), size), "_view_accumulate: expected self of shape {}, got {}", size,
                self.sizes());
          return TensorSpec(Dims(base_size), self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_view_read(v.grad(), v.attr<IntSpan>(2), v.attr<IntSpan>(3), v.attr<int64_t>(4),
                                     v.attr<IntSpan>(5)));
        },
    .kind = Kind::View,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan base_size, IntSpan size, IntSpan stride,
           int64_t offset, IntSpan base_stride) {
          (void)base_size;
          plait::zero_(out);
          const Tensor base = laid_out(out, base_stride);
          const Tensor target = window(base, size, stride, offset);
          if (!has_internal_overlap(size, stride)) {
            cpu::copy(target, self);
          } else {
            StridedIter iter;  // serially: elements meet
            iter.output(target);
            iter.input(self);
            iter.build();
            visit(self.dtype(), [&]<class T>() {
              iter.for_each_serial([](char* const* data, const int64_t* strides, int64_t n) {
                for (int64_t i = 0; i < n; ++i) {
                  T& sum = *reinterpret_cast<T*>(data[0] + i * strides[0]);
                  const T value = *reinterpret_cast<const T*>(data[1] + i * strides[1]);
                  if constexpr (std::is_same_v<T, bool>)
                    sum = sum || value;
                  else
                    sum = static_cast<T>(static_cast<compute_t<T>>(sum) + static_cast<compute_t<T>>(value));
                }
              });
            });
          }
          if (!base.same(out)) cpu::copy(out, base);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t, IntSpan)> _view_write{{
    .schema = "_view_write(Tensor self, Tensor src, int[] size, int[] stride, int offset, int[] base_stride) "
              "-> Tensor",
    .doc = "A copy of self with the window (size, stride, offset) replaced by src.",
    .meta =
        [](const Tensor& self, const Tensor& src, IntSpan size, IntSpan stride, int64_t offset,
           IntSpan base_stride) {
          check_window("_view_write", self.sizes(), base_stride, size, stride, offset);
          check(same(broadcast(src.sizes(), size, "_view_write"), size),
                "_view_write: src of shape {} cannot be broadcast to the window of shape {}", src.sizes(),
                size);
          return dense_spec(self);
        },
    .vjp =
        [](Vjp& v) {
          const IntSpan size = v.attr<IntSpan>(2), stride = v.attr<IntSpan>(3),
                        base_stride = v.attr<IntSpan>(5);
          const int64_t offset = v.attr<int64_t>(4);
          if (v.needs(0)) {
            const Tensor zeros = plait::zeros(size, v.grad().dtype(), v.grad().device());
            v.set(0, plait::_view_write(v.grad(), zeros, size, stride, offset, base_stride));
          }
          if (v.needs(1)) v.set(1, plait::_view_read(v.grad(), size, stride, offset, base_stride));
        },
    .kind = Kind::View,
    .cpu =
        [](const Tensor& out, const Tensor& self, const Tensor& src, IntSpan size, IntSpan stride,
           int64_t offset, IntSpan base_stride) {
          cpu::copy(out, self);
          const Tensor base = laid_out(out, base_stride);
          cpu::copy(window(base, size, stride, offset), src);
          if (!base.same(out)) cpu::copy(out, base);
        },
}};

Op<Tensor(const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> as_strided{{
    .schema = "as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    .doc =
        R"(A view of the storage of self with any sizes, strides and offset (in elements). Raises ValueError where an element
would lie outside of the storage.

>>> plait.arange(6).as_strided((2, 2), (3, 1))
tensor([[0, 1],
        [3, 4]]))",
    .view =
        [](const Tensor& self, IntSpan size, IntSpan stride, std::optional<int64_t> offset) {
          const int64_t numel = checked_numel(size, "as_strided");
          check(size.size() == stride.size(), "as_strided: size {} and stride {} must have one length", size,
                stride);
          const int64_t first = offset.value_or(self.storage_offset());
          for (const int64_t s : stride)
            check(s >= 0, "as_strided: negative strides are not supported, got {}", stride);
          const std::optional<int64_t> last = first < 0 ? std::nullopt : last_element(first, size, stride);
          const int64_t room = self.storage()
                                   ? static_cast<int64_t>(self.storage()->bytes()) / itemsize(self.dtype())
                                   : INT64_MAX;
          check(numel == 0 ? first >= 0 && first <= room : last && *last < room,
                "as_strided: size {}, stride {} and offset {} reach beyond the storage of {} elements", size,
                stride, first, room);
          return make_view(self, Dims(size), Dims(stride), first);
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, plait::_as_strided_backward(v.grad(), v.in(0), v.attr<IntSpan>(1), v.attr<IntSpan>(2),
                                               v.attr<std::optional<int64_t>>(3)));
        },
    .save = "self.layout",
    .kind = Kind::View,
}};

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, std::optional<int64_t>)> _as_strided_backward{{
    .schema = "_as_strided_backward(Tensor self, Tensor input, int[] size, int[] stride, int? "
              "storage_offset) -> Tensor",
    .doc = "The gradient of as_strided: self accumulated into zeros like input.",
    .composite =
        [](const Tensor& self, const Tensor& input, IntSpan size, IntSpan stride,
           std::optional<int64_t> offset) {
          check(size.size() == stride.size(),
                "_as_strided_backward: size {} and stride {} must have one length", size, stride);
          int64_t relative = -1;
          if (__builtin_sub_overflow(offset.value_or(input.storage_offset()), input.storage_offset(),
                                     &relative))
            relative = -1;
          const std::optional<int64_t> last = last_element(relative, size, stride),
                                       reach = last_element(0, input.sizes(), input.strides());
          check<RuntimeError>(
              relative >= 0 && last && reach && *last <= *reach,
              "as_strided: no gradient where the window reaches beyond self (which is itself a view); "
              "apply as_strided to its base, or to self.contiguous()");
          return plait::_view_accumulate(self, input.sizes(), size, stride, relative, input.strides());
        },
}};

}  // namespace plait::op
