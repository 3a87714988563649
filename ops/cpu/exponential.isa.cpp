#include "ops/cpu/rows.h"
#include "ops/cpu/unary.h"
#include "ops/cpu/vecmath.h"

namespace plait::cpu {
namespace {

// Without what results near zero and infinity need, where no argument of a piece can have them.
struct Exp {
  template <class T>
  PLAIT_INLINE void block(T* y, int64_t n, const T* x) const {
    constexpr int64_t kPiece = 512;
    constexpr T kLimit = vec::is_float<T> ? T(86) : T(700);
    for (int64_t begin = 0; begin < n; begin += kPiece) {
      const int64_t end = n - begin < kPiece ? n : begin + kPiece;
      int beyond = 0;
      for (int64_t i = begin; i < end; ++i) beyond |= vec::abs(x[i]) < kLimit ? 0 : 1;
      if (beyond == 0) {
#pragma GCC ivdep
        for (int64_t i = begin; i < end; ++i) y[i] = vec::exp_normal(x[i]);
      } else {
#pragma GCC ivdep
        for (int64_t i = begin; i < end; ++i) y[i] = vec::exp(x[i]);
      }
    }
  }
};

constexpr LoopTable<Explog> make_table() {
  LoopTable<Explog> t{};
  row<Explog::Exp>(t, Floats{}, Exp{});
  row<Explog::Exp2>(t, Floats{}, costly([](auto x) { return vec::exp2(x); }));
  row<Explog::Expm1>(t, Floats{}, costly([](auto x) { return vec::expm1(x); }));
  row<Explog::Log>(t, Floats{}, costly([](auto x) { return vec::log(x); }));
  row<Explog::Log2>(t, Floats{}, costly([](auto x) { return vec::log2(x); }));
  row<Explog::Log10>(t, Floats{}, costly([](auto x) { return vec::log10(x); }));
  row<Explog::Log1p>(t, Floats{}, costly([](auto x) { return vec::log1p(x); }));
  row<Explog::Sigmoid>(t, Floats{}, costly([](auto x) { return vec::sigmoid(x); }));
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const LoopTable<Explog> explog_table = make_table();
}

}  // namespace plait::cpu
