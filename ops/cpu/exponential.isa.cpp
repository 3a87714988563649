#include <limits>

#include "ops/cpu/rows.h"
#include "ops/cpu/unary.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

// Loops by map_block (vecmath/map.h): `fast` does without what `whole` does for the ends of its range.

template <class T>
PLAIT_INLINE bool is_positive_normal(T x) {
  return (x >= std::numeric_limits<T>::min()) & (x < vec::kInfinity<T>);
}

struct Exp {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return vec::abs(x) < (vec::is_float<T> ? T(86) : T(700));
  }
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return vec::exp_normal(x);
  }
  template <class T>
  PLAIT_INLINE static T whole(T x) {
    return vec::exp(x);
  }
};
struct Log {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return is_positive_normal(x);
  }
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return vec::log_of_mantissa(vec::split_mantissa(x));
  }
  template <class T>
  PLAIT_INLINE static T whole(T x) {
    return vec::log(x);
  }
};
struct Log2 : Log {
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return vec::log2_of_mantissa(vec::split_mantissa(x));
  }
  template <class T>
  PLAIT_INLINE static T whole(T x) {
    return vec::log2(x);
  }
};
struct Log10 : Log {
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return vec::log10_of_mantissa(vec::split_mantissa(x));
  }
  template <class T>
  PLAIT_INLINE static T whole(T x) {
    return vec::log10(x);
  }
};
struct Log1p {
  template <class T>
  PLAIT_INLINE static bool in_range(T x) {
    return (x > T(-1)) & (x < vec::kInfinity<T>);
  }
  template <class T>
  PLAIT_INLINE static T fast(T x) {
    return vec::copysign(vec::log1p_finite(x), x);
  }
  template <class T>
  PLAIT_INLINE static T whole(T x) {
    return vec::log1p(x);
  }
};

constexpr LoopTable<Explog> make_table() {
  LoopTable<Explog> t{};
  row<Explog::Exp>(t, Floats{}, Exp{});
  row<Explog::Exp2>(t, Floats{}, costly([](auto x) { return vec::exp2(x); }));
  row<Explog::Expm1>(t, Floats{}, costly([](auto x) { return vec::expm1(x); }));
  row<Explog::Log>(t, Floats{}, Log{});
  row<Explog::Log2>(t, Floats{}, Log2{});
  row<Explog::Log10>(t, Floats{}, Log10{});
  row<Explog::Log1p>(t, Floats{}, Log1p{});
  row<Explog::Sigmoid>(t, Floats{}, costly([](auto x) { return vec::sigmoid(x); }));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Explog> explog_table = make_table();
}

}  // namespace plait::cpu
