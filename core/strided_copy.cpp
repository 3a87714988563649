#include "core/strided_copy.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "plait/inline.h"

namespace plait {
namespace {

struct Bits128 {
  uint64_t low, high;
};

template <class T>
constexpr int kLanes = 16 / sizeof(T);
template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(16)));
};
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
Vector<T> load(const char* from) {
  Vector<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
template <class T>
void store(char* to, Vector<T> v) {
  std::memcpy(to, &v, sizeof v);
}

// What lies in every second place, and what lies backwards; the lanes that these start from.
template <class T, size_t... I>
Vector<T> evens(Vector<T> a, Vector<T> b, std::index_sequence<I...>) {
  return __builtin_shuffle(a, b, Vector<T>{static_cast<T>(2 * I)...});
}
template <class T, size_t... I>
Vector<T> reversed(Vector<T> v, std::index_sequence<I...>) {
  return __builtin_shuffle(v, Vector<T>{static_cast<T>(kLanes<T> - 1 - I)...});
}

// Whole vectors of elements that lie two apart; returns how many elements these were. The element after the
// last one need not exist, so that the last vector is left out where it would end there.
template <class T>
int64_t copy_evens(char* to, const char* from, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  constexpr std::make_index_sequence<kLanes<T>> lanes;
  int64_t i = 0;
  for (; i + kLanes<T> < n; i += kLanes<T>) {
    const char* at = from + 2 * i * kSize;
    store<T>(to + i * kSize, evens<T>(load<T>(at), load<T>(at + 16), lanes));
  }
  return i;
}
template <class T>
int64_t copy_reversed(char* to, const char* from, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  constexpr std::make_index_sequence<kLanes<T>> lanes;
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    store<T>(to + i * kSize, reversed<T>(load<T>(from - (i + kLanes<T> - 1) * kSize), lanes));
  return i;
}

// n times one element: some are written one by one and then copied, for which the C library has the best
// code. Compilers call it where sizes may be above 8192 bytes; smaller copies they write out, which is
// slower.
template <class T>
void repeat(char* to, T value, int64_t n) {
  constexpr int64_t kWritten = 512, kMost = 16384;  // bytes; what is copied stays in the first-level cache
  const int64_t bytes = n * static_cast<int64_t>(sizeof(T)), first = std::min(bytes, kWritten);
  std::fill_n(reinterpret_cast<T*>(to), first / sizeof(T), value);
  for (int64_t done = first; done < bytes;) {
    const int64_t more = std::min(std::min(done, kMost), bytes - done);
    std::memcpy(to + done, to, more);
    done += more;
  }
}

template <class T>
void copy(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  if (to_stride == kSize) {
    if (from_stride == kSize) {
      std::memmove(to, from, n * kSize);
      return;
    }
    if (from_stride == 0) {
      return repeat(to, *reinterpret_cast<const T*>(from), n);
    }
    if constexpr (kSize <= 8) {
      const int64_t done = from_stride == 2 * kSize ? copy_evens<T>(to, from, n)
                           : from_stride == -kSize  ? copy_reversed<T>(to, from, n)
                                                    : 0;
      to += done * kSize;
      from += done * from_stride;
      n -= done;
    }
    auto* dense = reinterpret_cast<T*>(to);
#pragma GCC ivdep
#pragma GCC unroll 4
    for (int64_t i = 0; i < n; ++i) dense[i] = *reinterpret_cast<const T*>(from + i * from_stride);
    return;
  }
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i)
    *reinterpret_cast<T*>(to + i * to_stride) = *reinterpret_cast<const T*>(from + i * from_stride);
}

constexpr int64_t kUnrolled = 8;

// Rows of N elements, so that the compiler unrolls them.
template <class T, int N>
void copy_rows_of(char* to, int64_t to_row, int64_t to_stride, const char* from, int64_t from_row,
                  int64_t from_stride, int64_t rows) {
  for (int64_t r = 0; r < rows; ++r) {
    T row[N];
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) row[i] = *reinterpret_cast<const T*>(from + i * from_stride);
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) *reinterpret_cast<T*>(to + i * to_stride) = row[i];
    to += to_row;
    from += from_row;
  }
}

// Those of 2 elements, of 3, and so on.
template <class T, size_t... I>
constexpr auto short_rows(std::index_sequence<I...>) {
  return std::array{&copy_rows_of<T, static_cast<int>(I) + 2>...};
}

// From 8 bytes on: whole words, and one that ends where the row does.
template <class Word>
PLAIT_INLINE void copy_words(char* to, const char* from, int64_t bytes) {
  constexpr int64_t kSize = sizeof(Word);
  Word last;
  std::memcpy(&last, from + bytes - kSize, kSize);
  for (int64_t i = 0; i + kSize < bytes; i += kSize) std::memcpy(to + i, from + i, kSize);
  std::memcpy(to + bytes - kSize, &last, kSize);
}

// Rows of at least 16 bytes, each of one element that is repeated.
template <class T>
void repeat_rows(char* to, int64_t to_row, const char* from, int64_t from_row, int64_t rows, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  for (int64_t r = 0; r < rows; ++r, to += to_row, from += from_row) {
    const Vector<T> all = *reinterpret_cast<const T*>(from) - Vector<T>{};
    for (int64_t i = 0; i + kLanes<T> < n; i += kLanes<T>) store<T>(to + i * kSize, all);
    store<T>(to + (n - kLanes<T>)*kSize, all);
  }
}

// Of at least one element; rows share no memory with what they are copied to.
template <class T>
void copy_rows(char* to, int64_t to_row, int64_t to_stride, const char* from, int64_t from_row,
               int64_t from_stride, int64_t rows, int64_t n) {
  constexpr int64_t kSize = sizeof(T);
  const int64_t bytes = to_stride == kSize && from_stride == kSize ? n * kSize : 0;  // of a dense row
  if (bytes >= 16) {
    for (int64_t r = 0; r < rows; ++r) copy_words<Vector<char>>(to + r * to_row, from + r * from_row, bytes);
  } else if (bytes >= 8) {
    for (int64_t r = 0; r < rows; ++r) copy_words<int64_t>(to + r * to_row, from + r * from_row, bytes);
  } else if (n == 1) {
    copy<T>(to, to_row, from, from_row, rows);
  } else if (kSize <= 8 && to_stride == kSize && from_stride == 0 && n * kSize >= 16) {
    if constexpr (kSize <= 8) repeat_rows<T>(to, to_row, from, from_row, rows, n);
  } else if (n <= kUnrolled) {
    constexpr auto kOf = short_rows<T>(std::make_index_sequence<kUnrolled - 1>());
    kOf[static_cast<size_t>(n - 2)](to, to_row, to_stride, from, from_row, from_stride, rows);
  } else {
    for (int64_t r = 0; r < rows; ++r)
      copy<T>(to + r * to_row, to_stride, from + r * from_row, from_stride, n);
  }
}

// Blocks of kLanes x kLanes elements that are read as vectors along one dimension and written along the
// other.
template <class T>
struct Block {
  static constexpr int kSide = kLanes<T>;

  // The elements of two vectors in turns, from the given one on.
  template <int First, size_t... I>
  static Vector<T> interleaved(Vector<T> a, Vector<T> b, std::index_sequence<I...>) {
    return __builtin_shuffle(a, b, Vector<T>{static_cast<T>(First + I / 2 + I % 2 * kSide)...});
  }

  // Interleaving the first half of the rows with the second transposes a matrix, done as often as its side
  // can be halved.
  static void turn(const char* from, int64_t stride, char* to, int64_t to_stride) {
    constexpr std::make_index_sequence<kSide> lanes;
    constexpr int kHalf = kSide / 2;
    Vector<T> v[kSide], next[kSide];
    for (int i = 0; i < kSide; ++i) v[i] = load<T>(from + i * stride);
#pragma GCC unroll 4
    for (int width = kSide; width > 1; width /= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < kHalf; ++i) {
        next[2 * i] = interleaved<0>(v[i], v[i + kHalf], lanes);
        next[2 * i + 1] = interleaved<kHalf>(v[i], v[i + kHalf], lanes);
      }
      std::copy(next, next + kSide, v);
    }
    for (int i = 0; i < kSide; ++i) store<T>(to + i * to_stride, v[i]);
  }
};

template <class T>
void turn(const char* from, int64_t stride, int64_t rows, int64_t columns, char* to) {
  constexpr int64_t kSize = sizeof(T), kWidth = kTile * kSize, kSide = Block<T>::kSide;
  const auto element = [&](int64_t r, int64_t c) {
    std::memcpy(to + r * kWidth + c * kSize, from + c * stride + r * kSize, kSize);
  };
  int64_t c = 0;
  for (; c + kSide <= columns; c += kSide) {
    int64_t r = 0;
    for (; r + kSide <= rows; r += kSide)
      Block<T>::turn(from + c * stride + r * kSize, stride, to + r * kWidth + c * kSize, kWidth);
    for (; r < rows; ++r)
      for (int i = 0; i < kSide; ++i) element(r, c + i);
  }
  for (; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) element(r, c);
}

}  // namespace

StridedCopy strided_copy(int64_t size) {
  switch (size) {
    case 1: return copy<int8_t>;
    case 2: return copy<int16_t>;
    case 4: return copy<int32_t>;
    case 8: return copy<int64_t>;
    default: return copy<Bits128>;
  }
}

RowsCopy rows_copy(int64_t size) {
  switch (size) {
    case 1: return copy_rows<int8_t>;
    case 2: return copy_rows<int16_t>;
    case 4: return copy_rows<int32_t>;
    case 8: return copy_rows<int64_t>;
    default: return copy_rows<Bits128>;
  }
}

TurnTile turn_tile(int64_t size) {
  switch (size) {
    case 1: return turn<int8_t>;
    case 2: return turn<int16_t>;
    case 4: return turn<int32_t>;
    default: return turn<int64_t>;
  }
}

}  // namespace plait
