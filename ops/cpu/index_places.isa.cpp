#include "ops/cpu/index_places.h"

#include <cstring>

#include "plait/inline.h"

namespace plait::cpu {
namespace {

struct Bits128 {
  uint64_t low, high;
};

bool inside(const int64_t* index, int64_t n, int64_t size) {
  int64_t outside = 0;  // negative as soon as an index is negative or at least `size`
  for (int64_t i = 0; i < n; ++i) outside |= index[i] | (size - 1 - index[i]);
  return outside >= 0;
}

enum class Visit { Yes, No, Fail };

// A check for each index, beside the memory traffic, is free; a pass of checks before the loop is not.
PLAIT_INLINE Visit visit_of(const Places& p, int64_t at) {
  if (static_cast<uint64_t>(at - p.low) < static_cast<uint64_t>(p.high - p.low)) [[likely]]
    return Visit::Yes;
  return static_cast<uint64_t>(at) > static_cast<uint64_t>(p.last) ? Visit::Fail : Visit::No;
}

// One row of a table beside one of a list: F::apply(the table's element, the list's).
template <class F, class T = typename F::Element>
PLAIT_INLINE void each_of_row(T* table, T* list, int64_t n, int64_t table_step, int64_t list_step) {
  if (table_step == sizeof(T) && list_step == sizeof(T)) {
    if (F::kMoves && n * sizeof(T) >= 64) return F::move(table, list, n * sizeof(T));
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) F::apply(table[i], list[i]);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    F::apply(*table, *list);
    table = reinterpret_cast<T*>(reinterpret_cast<char*>(table) + table_step);
    list = reinterpret_cast<T*>(reinterpret_cast<char*>(list) + list_step);
  }
}

// One row of places, visited without a look at where they are: what is in the first-level cache, as the row
// that columns are picked from, would wait for that.
template <class F, class T = typename F::Element>
PLAIT_INLINE void each_of_all(const Places& p, char* table, const char* index, char* list) {
  const int64_t n = p.sizes[1];
  if (p.table.steps[1] == 0 && p.step == sizeof(T) && p.index.steps[1] == sizeof(int64_t) &&
      p.list.steps[1] == sizeof(T)) {
    auto* const places = reinterpret_cast<T*>(table);
    const auto* const at = reinterpret_cast<const int64_t*>(index);
    auto* const elements = reinterpret_cast<T*>(list);
    for (int64_t i = 0; i < n; ++i) F::apply(places[at[i]], elements[i]);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    F::apply(*reinterpret_cast<T*>(table + *reinterpret_cast<const int64_t*>(index) * p.step),
             *reinterpret_cast<T*>(list));
    table += p.table.steps[1];
    index += p.index.steps[1];
    list += p.list.steps[1];
  }
}

// In the order of the index.
template <class F>
bool each_place(const Places& places) {
  using T = typename F::Element;
  const Places p = places;  // its own: no store can change it
  for (int64_t r = 0; r < p.sizes[0]; ++r) {
    char* table = p.table.data + r * p.table.steps[0];
    const char* index = p.index.data + r * p.index.steps[0];
    char* list = p.list.data + r * p.list.steps[0];
    if (p.index.steps[1] == 0) {
      const int64_t at = *reinterpret_cast<const int64_t*>(index);
      const Visit visit = visit_of(p, at);
      if (visit == Visit::Fail) return false;
      if (visit == Visit::Yes)
        each_of_row<F>(reinterpret_cast<T*>(table + at * p.step), reinterpret_cast<T*>(list), p.sizes[1],
                       p.table.steps[1], p.list.steps[1]);
      continue;
    }
    if (p.all) {
      each_of_all<F>(p, table, index, list);
      continue;
    }
    for (int64_t i = 0; i < p.sizes[1]; ++i) {
      const int64_t at = *reinterpret_cast<const int64_t*>(index);
      const Visit visit = visit_of(p, at);
      if (visit == Visit::Yes) [[likely]]
        F::apply(*reinterpret_cast<T*>(table + at * p.step), *reinterpret_cast<T*>(list));
      else if (visit == Visit::Fail)
        return false;
      table += p.table.steps[1];
      index += p.index.steps[1];
      list += p.list.steps[1];
    }
  }
  return true;
}

template <class U>
struct Gather {
  using Element = U;
  static constexpr bool kMoves = true;
  PLAIT_INLINE static void apply(const U& place, U& element) { element = place; }
  static void move(const U* places, U* elements, size_t bytes) { std::memcpy(elements, places, bytes); }
};

template <class U>
struct Put {
  using Element = U;
  static constexpr bool kMoves = true;
  PLAIT_INLINE static void apply(U& place, const U& element) { place = element; }
  static void move(U* places, const U* elements, size_t bytes) { std::memcpy(places, elements, bytes); }
};

template <Reduce R, class T>
struct Reduced {
  using Element = T;
  static constexpr bool kMoves = false;
  static void move(T*, const T*, size_t) {}
  PLAIT_INLINE static void apply(T& place, const T& element) {
    if constexpr (std::is_same_v<T, bool>) {
      place = R == Reduce::Add || R == Reduce::Max ? place || element : place && element;
    } else {
      const auto a = static_cast<compute_t<T>>(place), b = static_cast<compute_t<T>>(element);
      if constexpr (R == Reduce::Add) place = static_cast<T>(a + b);
      if constexpr (R == Reduce::Mul) place = static_cast<T>(a * b);
      if constexpr (R == Reduce::Max) place = b > a || b != b ? element : place;  // a NaN wins
      if constexpr (R == Reduce::Min) place = b < a || b != b ? element : place;
    }
  }
};

template <class... T>
constexpr PlacesTable make_table() {
  PlacesTable table{
      &inside,
      {&each_place<Gather<uint8_t>>, &each_place<Gather<uint16_t>>, &each_place<Gather<uint32_t>>,
       &each_place<Gather<uint64_t>>, &each_place<Gather<Bits128>>},
      {&each_place<Put<uint8_t>>, &each_place<Put<uint16_t>>, &each_place<Put<uint32_t>>,
       &each_place<Put<uint64_t>>, &each_place<Put<Bits128>>},
      {},
      {},
      {},
      {}};
  const auto fill = [&]<class U>() {
    const int k = static_cast<int>(dtype_of<U>);
    table.add[k] = &each_place<Reduced<Reduce::Add, U>>;
    table.multiply[k] = &each_place<Reduced<Reduce::Mul, U>>;
    if constexpr (!is_complex(dtype_of<U>)) {
      table.maximum[k] = &each_place<Reduced<Reduce::Max, U>>;
      table.minimum[k] = &each_place<Reduced<Reduce::Min, U>>;
    }
  };
  (fill.template operator()<T>(), ...);
  return table;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const PlacesTable places_table =
    make_table<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, Half, BFloat16, float, double, complex64,
               complex128>();
}

}  // namespace plait::cpu
