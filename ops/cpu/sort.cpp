#include "ops/cpu/sort.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/select.h"
#include "ops/decl/copy.h"
#include "ops/decl/index.h"
#include "ops/decl/sort.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"

namespace plait::cpu {
namespace {

// ---- keys

template <class T>
using Key = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
inline constexpr Key<T> kNaNKey = ~Key<T>(0);

// Ascending keys in the order of values.
template <class T>
Key<T> key_of(T value) {
  using C = compute_t<T>;
  using K = Key<T>;
  if constexpr (std::is_floating_point_v<C>) {
    const C x = static_cast<C>(value);
    if (x != x) return kNaNKey<T>;
    constexpr K kSign = K(1) << (8 * sizeof(K) - 1);
    const K bits = std::bit_cast<K>(x == C(0) ? C(0) : x);
    return bits & kSign ? ~bits : bits | kSign;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<K>(static_cast<std::make_signed_t<K>>(value)) ^ (K(1) << (8 * sizeof(K) - 1));
  } else {
    return static_cast<K>(value);
  }
}

// A 32-bit key with its position is one 64-bit number; a 64-bit key has its position beside it.
struct Pair64 {
  uint64_t key;
  uint32_t index;
  friend bool operator<(const Pair64& a, const Pair64& b) {
    return a.key != b.key ? a.key < b.key : a.index < b.index;
  }
};
template <class K>
struct EntryOf {
  using type = uint64_t;
  static type make(uint32_t key, uint32_t index) { return static_cast<uint64_t>(key) << 32 | index; }
  static uint32_t key(type e) { return static_cast<uint32_t>(e >> 32); }
  static uint32_t index(type e) { return static_cast<uint32_t>(e); }
};
template <>
struct EntryOf<uint64_t> {
  using type = Pair64;
  static type make(uint64_t key, uint32_t index) { return {key, index}; }
  static uint64_t key(const type& e) { return e.key; }
  static uint32_t index(const type& e) { return e.index; }
};

// ---- radix sort

// Least significant digit first, stable; digits in which all keys agree are skipped. The result is in `a` or
// `b`, as returned.
template <class K, int Bits>
typename EntryOf<K>::type* radix_sort(typename EntryOf<K>::type* a, typename EntryOf<K>::type* b, int64_t n) {
  using E = EntryOf<K>;
  constexpr int kDigits = (8 * sizeof(K) + Bits - 1) / Bits, kBuckets = 1 << Bits;
  const auto counts = std::make_unique<uint32_t[]>(kDigits * kBuckets);
  for (int64_t i = 0; i < n; ++i) {
    const K key = E::key(a[i]);
    for (int d = 0; d < kDigits; ++d) ++counts[d * kBuckets + (key >> (d * Bits) & (kBuckets - 1))];
  }
  for (int d = 0; d < kDigits; ++d) {
    uint32_t* count = counts.get() + d * kBuckets;
    if (count[E::key(a[0]) >> (d * Bits) & (kBuckets - 1)] == n) continue;
    uint32_t total = 0;
    for (int k = 0; k < kBuckets; ++k) total += std::exchange(count[k], total);
    for (int64_t i = 0; i < n; ++i) b[count[E::key(a[i]) >> (d * Bits) & (kBuckets - 1)]++] = a[i];
    std::swap(a, b);
  }
  return a;
}

template <class K>
typename EntryOf<K>::type* sort_entries(typename EntryOf<K>::type* a, typename EntryOf<K>::type* b,
                                        int64_t n) {
  constexpr int64_t kComparison = sizeof(K) == 4 ? 400 : 800,
                    kLarge = 1 << 14;  // where counting begins to pay, and wider digits
  if (n < kComparison) {
    std::sort(a, a + n);
    return a;
  }
  return n < kLarge ? radix_sort<K, 8>(a, b, n) : radix_sort<K, 11>(a, b, n);
}

// ---- rows

// One row of a tensor and the places of its results, in elements.
template <class T>
struct Row {
  const T* x;
  int64_t n, stride;
  T* values;
  int64_t* indices;
  int64_t out_stride;

  T at(int64_t i) const { return x[i * stride]; }
  void put(int64_t to, int64_t from) const {
    values[to * out_stride] = at(from);
    indices[to * out_stride] = from;
  }
};

template <class T>
struct Workspace {
  using Entry = typename EntryOf<Key<T>>::type;
  std::unique_ptr<Entry[]> first, second;
  int64_t size = 0;

  void reserve(int64_t n) {
    if (n <= size) return;
    first = std::make_unique_for_overwrite<Entry[]>(n);
    second = std::make_unique_for_overwrite<Entry[]>(n);
    size = n;
  }
  // The keys of a row, with positions.
  Entry* load(const Row<T>& row, Key<T> invert) {
    reserve(row.n);
    for (int64_t i = 0; i < row.n; ++i)
      first[i] = EntryOf<Key<T>>::make(key_of(row.at(i)) ^ invert, static_cast<uint32_t>(i));
    return first.get();
  }
};

// f(row, workspace) for each row along dim. Results have `length` elements along it.
template <class F>
void for_rows(const Tensor& values, const Tensor& indices, const Tensor& self, int dim, int64_t length,
              const F& f) {
  int64_t outer = 1, inner = 1;
  const int64_t n = self.dim() == 0 ? 1 : self.sizes()[dim];
  check<NotImplementedError>(n < (int64_t{1} << 32),
                             "sort: rows of 2^32 elements and more are not supported, got {}", n);
  // Rows far apart in memory are brought together first.
  const bool along = self.dim() == 0 || dim == self.dim() - 1;
  const int64_t from[] = {dim}, to[] = {-1};
  const Tensor x = plait::contiguous(along ? self : plait::movedim(self, from, to));
  for (int i = 0; i < self.dim(); ++i)
    (i < dim ? outer : i == dim ? length : inner) *= i == dim ? 1 : self.sizes()[i];
  if (outer * inner == 0 || n == 0) return;
  visit(self.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, complex64> && !std::is_same_v<T, complex128>) {
      const int64_t grain = std::max<int64_t>(1, 4096 / n);
      parallel_for(0, outer * inner, grain, [&](int64_t begin, int64_t end) {
        Workspace<T> space;
        for (int64_t i = begin; i < end; ++i) {
          const int64_t out = i / inner * length * inner + i % inner;
          f(Row<T>{x.data<T>() + i * n, n, 1, values.data<T>() + out, indices.data<int64_t>() + out, inner},
            space);
        }
      });
    }
  });
}

template <class T>
using Entries = typename Workspace<T>::Entry;

// The first k entries in order at the front of `a`, in any order. Few of many: a buffer takes what is below
// the worst of the best so far, as far as vector code (select.h), unlike keys, can tell.
template <class T>
Entries<T>* select(const Row<T>& row, Workspace<T>& space, int64_t k, Key<T> invert) {
  using E = EntryOf<Key<T>>;
  const int64_t capacity = std::max<int64_t>(2 * k, 32);
  if (capacity * 4 > row.n) {
    Entries<T>* a = space.load(row, invert);
    if (k < row.n) std::nth_element(a, a + k, a + row.n);
    return a;
  }
  space.reserve(capacity);
  Entries<T>* a = space.first.get();
  int64_t count = 0;
  Key<T> bound = ~Key<T>(0);
  bool bounded = false;
  T worst{};
  const auto consider = [&](int64_t i) {
    const Key<T> key = key_of(row.at(i)) ^ invert;
    if (key > bound || (key == bound && count >= k)) return;  // an equal one that comes later loses
    a[count++] = E::make(key, static_cast<uint32_t>(i));
    if (count < capacity) return;
    std::nth_element(a, a + (k - 1), a + count);
    bound = E::key(a[k - 1]);
    worst = row.at(E::index(a[k - 1]));
    bounded = true;
    count = k;
  };
  int64_t i = 0;
  for (; i < row.n && !bounded; ++i) consider(i);
  const auto next = select_table().next[static_cast<int>(dtype_of<T>)];
  while (next && row.stride == 1) {
    const Candidates found = next(row.x, i, row.n, &worst, invert != 0);
    i = found.begin;
    if (found.which == 0) break;
    for (uint32_t which = found.which; which != 0; which &= which - 1) consider(i + std::countr_zero(which));
    i += Candidates::kRun;
  }
  for (; i < row.n; ++i) consider(i);
  if (k < count) std::nth_element(a, a + k, a + count);
  return a;
}

// Where the element at position k in ascending order is. From the most significant digit on, entries that do
// not share the digit of the one sought are dropped; the others keep their order.
template <class T>
int64_t position_of(const Row<T>& row, Workspace<T>& space, int64_t k) {
  using E = EntryOf<Key<T>>;
  constexpr int64_t kComparison = 64, kLarge = 1 << 14;  // where counting begins to pay, and wider digits
  constexpr int kMostBits = 11;
  Entries<T>* a = space.load(row, 0);
  int64_t n = row.n;
  for (int open = 8 * sizeof(Key<T>);
       open > 0 && n >= kComparison && n <= UINT32_MAX;) {  // bits in which the keys may differ
    const int bits = n < kLarge ? 8 : kMostBits, shift = std::max(open - bits, 0);
    const Key<T> mask = (Key<T>(1) << bits) - 1;
    uint32_t counts[1 << kMostBits];
    std::fill_n(counts, 1 << bits, 0);
    for (int64_t i = 0; i < n; ++i) ++counts[E::key(a[i]) >> shift & mask];
    Key<T> digit = 0;
    for (; k >= counts[digit]; ++digit) k -= counts[digit];
    if (counts[digit] < n) {
      int64_t kept = 0;
      for (int64_t i = 0; i < n; ++i) {
        a[kept] = a[i];
        kept += (E::key(a[i]) >> shift & mask) == digit;
      }
      n = kept;
    }
    open = shift;
    if (open == 0) return E::index(a[k]);  // all are equal
  }
  std::nth_element(a, a + k, a + n);
  return E::index(a[k]);
}

}  // namespace

void sort(const Tensor& values, const Tensor& indices, const Tensor& self, int dim, bool descending) {
  const int64_t n = self.dim() == 0 ? 1 : self.sizes()[dim];
  for_rows(values, indices, self, dim, n, [descending]<class T>(const Row<T>& row, Workspace<T>& space) {
    Entries<T>* a = space.load(row, descending ? ~Key<T>(0) : Key<T>(0));
    a = sort_entries<Key<T>>(a, a == space.first.get() ? space.second.get() : space.first.get(), row.n);
    for (int64_t i = 0; i < row.n; ++i) row.put(i, EntryOf<Key<T>>::index(a[i]));
  });
}

void topk(const Tensor& values, const Tensor& indices, const Tensor& self, int64_t k, int dim, bool largest,
          bool sorted) {
  if (k == 0) return;
  for_rows(values, indices, self, dim, k, [=]<class T>(const Row<T>& row, Workspace<T>& space) {
    Entries<T>* a = select(row, space, k, largest ? ~Key<T>(0) : Key<T>(0));
    if (sorted) std::sort(a, a + k);
    for (int64_t i = 0; i < k; ++i) row.put(i, EntryOf<Key<T>>::index(a[i]));
  });
}

void kth_value(const Tensor& values, const Tensor& indices, const Tensor& self, int64_t k, int dim) {
  for_rows(values, indices, self, dim, 1,
           [k]<class T>(const Row<T>& row, Workspace<T>& space) { row.put(0, position_of(row, space, k)); });
}

void median(const Tensor& values, const Tensor& indices, const Tensor& self, int dim, bool ignore_nan) {
  for_rows(values, indices, self, dim, 1, [ignore_nan]<class T>(const Row<T>& row, Workspace<T>& space) {
    int64_t nans = 0;
    if constexpr (std::is_floating_point_v<compute_t<T>>)
      for (int64_t i = 0; i < row.n; ++i) {
        const auto value = static_cast<compute_t<T>>(row.at(i));
        nans += value != value;
      }
    const int64_t numbers = row.n - nans;
    const bool is_nan = nans > 0 && (!ignore_nan || numbers == 0);
    row.put(0, position_of(row, space,
                           is_nan ? numbers : (numbers - 1) / 2));  // NaN come last, the first of them first
  });
}

}  // namespace plait::cpu
