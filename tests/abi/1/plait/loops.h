// Kernels from a lambda: broadcasting, strides, dtypes, threads and vectorisation are the loops'. Part of
// plait/extension.h.
//
//   elementwise(out, {x, y}, [](auto x, auto y) { return x / (1 + math::exp(-y)); });
//
//   reduce(out, x, {dim}, 0.0,
//          [](auto acc, auto v) { return acc + v * v; },            // takes one value in
//          [](auto a, auto b) { return a + b; },                    // joins two parts
//          [](auto acc, int64_t n) { return std::sqrt(acc / n); }); // makes the result
//
//   parallel_for(0, n, 1024, [&](int64_t begin, int64_t end) { ... });
#pragma once

#include "plait/op.h"

namespace plait {
inline namespace v1 {

// ---- dtypes

template <class... T>
struct Types {};
using Floating = Types<Half, BFloat16, float, double>;
using Integers = Types<uint8_t, int8_t, int16_t, int32_t, int64_t>;
using Real = Types<Half, BFloat16, float, double, uint8_t, int8_t, int16_t, int32_t, int64_t, bool>;

// The type in which an element is computed: float for the 16-bit floats.
template <class T>
using compute_t = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

// visit<Floating>(dtype, "op", [&]<class T>() { ... }): calls with the dtype's C++ type.
template <class List, class F>
void visit(DType dtype, const char* op, F&& f) {
  const bool found = [&]<class... T>(Types<T...>) {
    return ((dtype == dtype_of<T> ? (f.template operator()<T>(), true) : false) || ...);
  }(List());
  if (!found) fail<TypeError>("{}: there is no kernel for dtype {}; convert it with .to(dtype)", op, dtype);
}

// ---- threads

// Calls f(begin, end) on parts of a range, on several threads where it is longer than `grain`: as many steps
// as are worth some microseconds. An exception in any part is thrown again here.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, const F& f) {
  detail::check_status(api().parallel_for(
      begin, end, grain,
      [](int64_t b, int64_t e, const void* context) {
        return detail::guarded([&] { (*static_cast<const F*>(context))(b, e); });
      },
      &f));
}
inline int num_threads() { return api().num_threads(); }

// ---- meta rules

inline TensorSpec like(const Tensor& model) {
  TensorSpec s;
  detail::check_status(api().infer_like(model.handle(), -1, &s.spec));
  return s;
}
inline TensorSpec like(const Tensor& model, DType dtype) {
  TensorSpec s;
  detail::check_status(api().infer_like(model.handle(), static_cast<int>(dtype), &s.spec));
  return s;
}

namespace detail {
template <class... T>
TensorSpec infer(const char* op, int dtype, const T&... operands) {
  plait_tensor* const handles[] = {operands.handle()...};
  TensorSpec s;
  check_status(api().infer_elementwise(op, handles, sizeof...(T), dtype, &s.spec));
  return s;
}
}  // namespace detail

// A result of the broadcast shape: of the promoted dtype; the same, with integers taken as the default float;
// of a given dtype. `op` stands in the errors.
template <class... T>
TensorSpec broadcast(const char* op, const T&... operands) {
  return detail::infer(op, -1, operands...);
}
template <class... T>
TensorSpec broadcast_float(const char* op, const T&... operands) {
  return detail::infer(op, -2, operands...);
}
template <class... T>
TensorSpec broadcast_as(DType dtype, const char* op, const T&... operands) {
  return detail::infer(op, static_cast<int>(dtype), operands...);
}

namespace detail {
// Which dimensions `dims` names; all of them where it is empty.
inline void mark_dims(const char* op, IntSpan dims, int64_t ndim, bool (&reduced)[PLAIT_MAX_DIMS]) {
  for (int i = 0; i < PLAIT_MAX_DIMS; ++i) reduced[i] = dims.empty() && i < ndim;
  for (const int64_t d : dims) {
    check<IndexError>(d >= -ndim && d < ndim,
                      "{}: dimension {} is out of range for a tensor of {} dimensions", op, d, ndim);
    bool& mark = reduced[d < 0 ? d + ndim : d];
    check(!mark, "{}: dimension {} is given twice", op, d);
    mark = true;
  }
}
}  // namespace detail

// `x` without the dimensions `dims` (all where there are none given), or with size 1 there.
inline TensorSpec reduced(const char* op, const Tensor& x, IntSpan dims, bool keepdim, DType dtype) {
  bool gone[PLAIT_MAX_DIMS];
  detail::mark_dims(op, dims, x.dim(), gone);
  Dims sizes;
  for (int i = 0; i < static_cast<int>(x.dim()); ++i) {
    if (!gone[i])
      sizes.push_back(x.sizes()[static_cast<size_t>(i)]);
    else if (keepdim)
      sizes.push_back(1);
  }
  return TensorSpec(sizes, dtype, x.device());
}

// ---- elementwise

namespace detail {

// One operand of a loop, with its tensor converted to the loop's dtype where need be.
struct Operand {
  Operand(const Tensor& t) : tensor(&t) {}
  const Tensor* tensor;
};

inline constexpr int64_t kBlock = 256;

template <class T, class C>
void load_block(const char* from, int64_t stride, C* to, int64_t n) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<C>(*reinterpret_cast<const T*>(from + i * stride));
}
template <class T, class C>
void store_block(const C* from, char* to, int64_t stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) *reinterpret_cast<T*>(to + i * stride) = static_cast<T>(from[i]);
}

template <class C, class R, class F, size_t... I>
void apply_block(const F& f, R* out, C* const (&in)[sizeof...(I)], int64_t n, std::index_sequence<I...>) {
#pragma GCC ivdep
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<R>(f(in[I][i]...));
}

// Runs the lambda on blocks of contiguous values of its compute type. Operands that are so already are used
// in place, others go through a buffer in the first-level cache.
template <class T, class Out, size_t N, class F>
int elementwise_loop(char* const* data, const int64_t* strides, int64_t n, const void* context) {
  using C = compute_t<T>;
  using R = compute_t<Out>;
  return guarded([&] {
    const F& f = *static_cast<const F*>(context);
    C* in[N];
    bool direct[N];
    const bool direct_out = std::is_same_v<Out, R> && strides[0] == static_cast<int64_t>(sizeof(Out));
    bool all_direct = direct_out;
    for (size_t k = 0; k < N; ++k) {
      in[k] = reinterpret_cast<C*>(data[k + 1]);
      direct[k] = std::is_same_v<T, C> && strides[k + 1] == static_cast<int64_t>(sizeof(T));
      all_direct &= direct[k];
    }
    if constexpr (std::is_same_v<T, C>)
      if (all_direct)
        return apply_block<C>(f, reinterpret_cast<R*>(data[0]), in, n, std::make_index_sequence<N>());
    alignas(64) C buffers[N][kBlock];
    alignas(64) R results[kBlock];
    for (size_t k = 0; k < N; ++k) {
      if (strides[k + 1] == 0) load_block<T>(data[k + 1], 0, buffers[k], n < kBlock ? n : kBlock);
    }
    for (int64_t begin = 0; begin < n; begin += kBlock) {
      const int64_t count = n - begin < kBlock ? n - begin : kBlock;
      for (size_t k = 0; k < N; ++k) {
        char* from = data[k + 1] + begin * strides[k + 1];
        in[k] = direct[k] ? reinterpret_cast<C*>(from) : buffers[k];
        if (!direct[k] && strides[k + 1] != 0) load_block<T>(from, strides[k + 1], buffers[k], count);
      }
      char* to = data[0] + begin * strides[0];
      apply_block<C>(f, direct_out ? reinterpret_cast<R*>(to) : results, in, count,
                     std::make_index_sequence<N>());
      if (!direct_out) store_block<Out>(results, to, strides[0], count);
    }
  });
}

struct LoopTable {
  plait_loop by_dtype[12] = {};
};
template <bool Predicate, size_t N, class F, class... T>
constexpr LoopTable loops_of(Types<T...>) {
  LoopTable table;
  ((table.by_dtype[static_cast<int>(dtype_of<T>)] =
        &elementwise_loop<T, std::conditional_t<Predicate, bool, T>, N, F>),
   ...);
  return table;
}
template <size_t, class C>
using Same = C;
template <class F, class C, size_t... I>
auto result_of(std::index_sequence<I...>) -> std::remove_cvref_t<std::invoke_result_t<F, Same<I, C>...>>;
template <class List>
struct FirstOf;
template <class T, class... Rest>
struct FirstOf<Types<T, Rest...>> {
  using type = T;
};

}  // namespace detail

// out[i] = f(in...[i]), broadcast. The inputs are taken in out's dtype (converted where they have another
// one), and f is called with that type, or float for the 16-bit floats. An f that returns bool is a
// comparison: out is bool, and the inputs are taken in their promoted dtype. `cost`: the work of an element
// relative to a load and an add; it decides how many are worth a thread.
template <class List = Floating, size_t N, class F>
void elementwise(const Tensor& out, const detail::Operand (&in)[N], const F& f, int cost = 4) {
  using First = compute_t<typename detail::FirstOf<List>::type>;
  constexpr bool predicate =
      std::is_same_v<decltype(detail::result_of<F, First>(std::make_index_sequence<N>())), bool>;
  plait_tensor* operands[N + 1] = {out.handle()};
  for (size_t k = 0; k < N; ++k) operands[k + 1] = in[k].tensor->handle();
  static constexpr auto loops = detail::loops_of<predicate, N, F>(List());
  detail::check_status(api().elementwise(operands, 1, N, predicate, loops.by_dtype, &f, cost));
}

// ---- reductions

namespace detail {

struct Axis {
  int64_t size, stride, out_stride;
};
// Sorts by stride, largest first, and joins what lies in one run.
inline int tidy(Axis* axes, int count) {
  for (int i = 1; i < count; ++i)
    for (int j = i; j > 0 && axes[j].stride > axes[j - 1].stride; --j) {
      const Axis a = axes[j];
      axes[j] = axes[j - 1];
      axes[j - 1] = a;
    }
  int n = 0;
  for (int i = 0; i < count; ++i) {
    if (axes[i].size == 1) continue;
    Axis* last = n > 0 ? &axes[n - 1] : nullptr;
    if (last && last->stride == axes[i].stride * axes[i].size &&
        last->out_stride == axes[i].out_stride * axes[i].size)
      *last = {last->size * axes[i].size, axes[i].stride, axes[i].out_stride};
    else
      axes[n++] = axes[i];
  }
  return n;
}
inline int64_t product(const Axis* axes, int count) {
  int64_t n = 1;
  for (int i = 0; i < count; ++i) n *= axes[i].size;
  return n;
}
inline int64_t offset_of(const Axis* axes, int count, int64_t index, int64_t Axis::*stride) {
  int64_t offset = 0;
  for (int i = count - 1; i > 0; --i) {
    offset += index % axes[i].size * (axes[i].*stride);
    index /= axes[i].size;
  }
  return count > 0 ? offset + index * (axes[0].*stride) : offset;
}

// Sums of float values are kept in double, of integers in int64_t; a struct is kept as it is.
template <class Init>
using Accumulator = std::conditional_t<
    std::is_floating_point_v<Init>, double,
    std::conditional_t<std::is_integral_v<Init> && !std::is_same_v<Init, bool>, int64_t, Init>>;

template <class T, class Acc, class Step, class Merge>
struct Reducer {
  const T* x;
  const Axis* axes;
  int count;
  Acc init;
  const Step& step;
  const Merge& merge;

  static compute_t<T> value(const T& v) { return static_cast<compute_t<T>>(v); }

  // Elements [begin, end) of the reduced dimensions, from x[offset] on. Eight parts run side by side, so that
  // the sums do not wait for one another.
  Acc run(int64_t offset, int64_t begin, int64_t end) const {
    constexpr int kLanes = 8;
    if (count <= 1 && end - begin < 4 * kLanes) {  // too few for parts to pay
      const int64_t stride = count > 0 ? axes[0].stride : 1;
      Acc sum = init;
      for (int64_t i = begin; i < end; ++i) sum = step(sum, value(x[offset + i * stride]));
      return sum;
    }
    Acc lanes[kLanes];
    for (Acc& lane : lanes) lane = init;
    const int64_t inner = count > 0 ? axes[count - 1].size : 1,
                  stride = count > 0 ? axes[count - 1].stride : 1;
    while (begin < end) {
      const int64_t at = begin % inner, left = inner - at, n = left < end - begin ? left : end - begin;
      const T* p = x + offset + (count > 0 ? offset_of(axes, count, begin, &Axis::stride) : 0);
      int64_t i = 0;
      if (stride == 1) {
        for (; i + kLanes <= n; i += kLanes)
          for (int l = 0; l < kLanes; ++l) lanes[l] = step(lanes[l], value(p[i + l]));
      }
      for (; i < n; ++i) lanes[0] = step(lanes[0], value(p[i * stride]));
      begin += n;
    }
    Acc total = lanes[0];
    for (int l = 1; l < kLanes; ++l) total = merge(total, lanes[l]);
    return total;
  }
  // The same for `n` neighbouring outputs whose elements lie side by side.
  void columns(int64_t offset, int64_t total, Acc* sums, int64_t n) const {
    for (int64_t j = 0; j < n; ++j) sums[j] = init;
    for (int64_t r = 0; r < total; ++r) {
      const T* p = x + offset + offset_of(axes, count, r, &Axis::stride);
      for (int64_t j = 0; j < n; ++j) sums[j] = step(sums[j], value(p[j]));
    }
  }
};

}  // namespace detail

// Reduces the dimensions `dims` of x (all where there are none) into out, whose shape is x's without them, or
// with size 1 there. `init` is the neutral value; the accumulator is double for a floating init, int64_t for
// an integer, or any struct. The order in which parts are joined depends on the shape alone, not on the
// number of threads.
template <class List = Floating, class Init, class Step, class Merge, class Finish>
void reduce(const Tensor& out, const Tensor& x, IntSpan dims, Init init, const Step& step, const Merge& merge,
            const Finish& finish) {
  using Acc = detail::Accumulator<Init>;
  bool gone[PLAIT_MAX_DIMS];
  const int ndim = static_cast<int>(x.dim());
  detail::mark_dims("reduce", dims, ndim, gone);
  detail::Axis kept[PLAIT_MAX_DIMS], axes[PLAIT_MAX_DIMS];
  int kept_count = 0, count = 0;
  const bool keepdim = out.dim() == ndim;
  for (int i = 0; i < ndim; ++i) {
    const auto d = static_cast<size_t>(i);
    const int64_t size = x.sizes()[d], stride = x.strides()[d];
    if (gone[i]) {
      axes[count++] = {size, stride, 0};
    } else {
      const auto at = keepdim ? d : static_cast<size_t>(kept_count);
      check(at < out.sizes().size() && out.sizes()[at] == size,
            "reduce: the result of shape {} does not fit the reduction of shape {}", out.sizes(), x.sizes());
      kept[kept_count++] = {size, stride, out.strides()[at]};
    }
  }
  const int64_t outputs = detail::product(kept, kept_count), total = detail::product(axes, count);
  kept_count = detail::tidy(kept, kept_count);
  count = detail::tidy(axes, count);

  visit<List>(x.dtype(), "reduce", [&]<class T>() {
    const detail::Reducer<T, Acc, Step, Merge> reducer{x.data<T>(), axes, count, static_cast<Acc>(init),
                                                       step,        merge};
    using R = compute_t<T>;
    constexpr bool same = std::is_convertible_v<decltype(finish(reducer.init, total)), R>;
    const DType result = out.dtype();
    check<TypeError>((same && result == dtype_of<T>) || result == DType::Int64 || result == DType::Bool,
                     "reduce: a result of dtype {} cannot be made from {} values", result, dtype_of<T>);
    void* const data = out.data_ptr();  // asked for once: each question crosses the border
    const auto store = [&](int64_t at, const Acc& acc) {
      if constexpr (same) {
        if (result == dtype_of<T>) {
          static_cast<T*>(data)[at] = static_cast<T>(static_cast<R>(finish(acc, total)));
          return;
        }
      }
      if (result == DType::Int64)
        static_cast<int64_t*>(data)[at] = static_cast<int64_t>(finish(acc, total));
      else
        static_cast<bool*>(data)[at] = static_cast<bool>(finish(acc, total));
    };
    constexpr int64_t kPart = 1 << 16, kColumns = 64;
    if (outputs == 1 && total > kPart) {
      const int64_t parts = (total + kPart - 1) / kPart;
      std::vector<Acc> sums(static_cast<size_t>(parts));
      parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t p = begin; p < end; ++p) {
          const int64_t last = (p + 1) * kPart;
          sums[static_cast<size_t>(p)] = reducer.run(0, p * kPart, last < total ? last : total);
        }
      });
      Acc sum = sums[0];
      for (size_t p = 1; p < sums.size(); ++p) sum = merge(sum, sums[p]);
      store(0, sum);
      return;
    }
    const detail::Axis* inner = kept_count > 0 ? &kept[kept_count - 1] : nullptr;
    const bool columns = inner && inner->stride == 1 && count > 0 && axes[count - 1].stride != 1;
    const int64_t width = columns ? inner->size : 1, rows = outputs / (width > 0 ? width : 1);
    const int outer = columns ? kept_count - 1 : kept_count;
    const int64_t pieces = columns ? (width + kColumns - 1) / kColumns : 1;
    const int64_t work = (total > 0 ? total : 1) * (columns ? kColumns : 1);
    parallel_for(0, rows * pieces, 32768 / work + 1, [&](int64_t begin, int64_t end) {
      Acc sums[kColumns];
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = i / pieces, first = i % pieces * kColumns;
        const int64_t from = detail::offset_of(kept, outer, row, &detail::Axis::stride);
        const int64_t to = detail::offset_of(kept, outer, row, &detail::Axis::out_stride);
        if (!columns) {
          store(to, reducer.run(from, 0, total));
          continue;
        }
        const int64_t n = width - first < kColumns ? width - first : kColumns;
        reducer.columns(from + first, total, sums, n);
        for (int64_t j = 0; j < n; ++j) store(to + (first + j) * inner->out_stride, sums[j]);
      }
    });
  });
}
template <class List = Floating, class Init, class Step, class Merge, class Finish>
void reduce(const Tensor& out, const Tensor& x, std::initializer_list<int64_t> dims, Init init,
            const Step& step, const Merge& merge, const Finish& finish) {
  reduce<List>(out, x, IntSpan(dims.begin(), dims.size()), init, step, merge, finish);
}

}  // namespace v1
}  // namespace plait
