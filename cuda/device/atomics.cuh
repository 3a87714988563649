// Read-modify-write on elements of any dtype, where several threads may meet: sum, product, extremes.
//
// Sums of 4 and 8 bytes, and of the 16-bit floats where the GPU has them, are single instructions that leave
// their work to the L2 cache; the rest is a loop of compare-and-swap on the aligned word around the element.
#pragma once

#include "cuda/device/numeric.cuh"
#include "cuda/device/race.cuh"

namespace plait::cuda {

enum class Reduce : uint8_t { Assign, Add, Mul, Max, Min };

// What is to stand in a place where `to` stood. NaN wins in extremes; for bool a sum is "or", a product
// "and".
template <Reduce R, class T>
__device__ __forceinline__ T combine(T to, T value) {
  if constexpr (R == Reduce::Assign) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return R == Reduce::Add || R == Reduce::Max ? to || value : to && value;
  } else {
    const opmath_t<T> a = to_op(to), b = to_op(value);
    if constexpr (R == Reduce::Add)
      return from_op<T>(static_cast<opmath_t<T>>(a + b));
    else if constexpr (R == Reduce::Mul)
      return from_op<T>(static_cast<opmath_t<T>>(a * b));
    else if constexpr (R == Reduce::Max)
      return b > a || b != b ? value : to;
    else
      return b < a || b != b ? value : to;
  }
}

namespace detail {

template <class To, class From>
__device__ __forceinline__ To bits_as(const From& from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(static_cast<void*>(&to), &from, sizeof(To));
  return to;
}

using Word64 = unsigned long long;

// All of this is about global memory, which the compiler cannot know of addresses out of tables: CUDA's
// functions ask for each where it lies, and wait for results that nobody reads.
#ifdef __CUDA_ARCH__
__device__ __forceinline__ void add_to(float* at, float value) {
  asm volatile("red.global.add.f32 [%0], %1;" ::"l"(at), "f"(value) : "memory");
}
__device__ __forceinline__ void add_to(double* at, double value) {
  asm volatile("red.global.add.f64 [%0], %1;" ::"l"(at), "d"(value) : "memory");
}
__device__ __forceinline__ void add_to(unsigned* at, unsigned value) {
  asm volatile("red.global.add.u32 [%0], %1;" ::"l"(at), "r"(value) : "memory");
}
__device__ __forceinline__ void add_to(Word64* at, Word64 value) {
  asm volatile("red.global.add.u64 [%0], %1;" ::"l"(at), "l"(value) : "memory");
}
__device__ __forceinline__ unsigned swap_at(unsigned* at, unsigned seen, unsigned next) {
  unsigned found;
  asm volatile("atom.global.cas.b32 %0, [%1], %2, %3;"
               : "=r"(found)
               : "l"(at), "r"(seen), "r"(next)
               : "memory");
  return found;
}
__device__ __forceinline__ Word64 swap_at(Word64* at, Word64 seen, Word64 next) {
  Word64 found;
  asm volatile("atom.global.cas.b64 %0, [%1], %2, %3;"
               : "=l"(found)
               : "l"(at), "l"(seen), "l"(next)
               : "memory");
  return found;
}
#else
template <class T>
void add_to(T* at, T value) {
  atomicAdd(at, value);
}
template <class Word>
Word swap_at(Word* at, Word seen, Word next) {
  return atomicCAS(at, seen, next);
}
#endif

// Elements of up to 8 bytes: swaps in f(element) until nobody was faster. An element that f leaves as it is
// is not written.
template <class T, class F>
__device__ __forceinline__ void swap_in(T* at, const F& f) {
  if constexpr (sizeof(T) == 8 || sizeof(T) == 4) {
    using Word = std::conditional_t<sizeof(T) == 8, Word64, unsigned>;
    Word* word = reinterpret_cast<Word*>(at);
    Word seen = load_as_guess(word);
    while (true) {
      const Word next = bits_as<Word>(f(bits_as<T>(seen)));
      if (next == seen) return;
      const Word found = swap_at(word, seen, next);
      if (found == seen) return;
      seen = found;
    }
  } else {
    using Bits = bits_t<sizeof(T)>;
    const uintptr_t address = reinterpret_cast<uintptr_t>(at);
    unsigned* word = reinterpret_cast<unsigned*>(address & ~uintptr_t{3});
    const unsigned shift = static_cast<unsigned>(address & 3) * 8;
    constexpr unsigned kMask = sizeof(T) == 1 ? 0xffu : 0xffffu;
    unsigned seen = load_as_guess(word);
    while (true) {
      const Bits next = bits_as<Bits>(f(bits_as<T>(static_cast<Bits>(seen >> shift & kMask))));
      const unsigned whole = (seen & ~(kMask << shift)) | static_cast<unsigned>(next) << shift;
      if (whole == seen) return;
      const unsigned found = swap_at(word, seen, whole);
      if (found == seen) return;
      seen = found;
    }
  }
}

}  // namespace detail

template <class T>
__device__ __forceinline__ void atomic_add(T* at, T value) {
  if constexpr (is_complex_type<T>) {  // the parts are independent
    detail::add_to(&at->re, value.re);
    detail::add_to(&at->im, value.im);
  } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    detail::add_to(at, value);
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 8) {
    detail::add_to(reinterpret_cast<detail::Word64*>(at), static_cast<detail::Word64>(value));
  } else if constexpr (std::is_integral_v<T> && sizeof(T) == 4) {
    detail::add_to(reinterpret_cast<unsigned*>(at), static_cast<unsigned>(value));
  } else {
#if defined(__CUDA_ARCH__)
    if constexpr (std::is_same_v<T, Half>) {
      asm volatile("red.global.add.noftz.f16 [%0], %1;" ::"l"(at), "h"(value.bits) : "memory");
      return;
    }
#if __CUDA_ARCH__ >= 900
    if constexpr (std::is_same_v<T, BFloat16>) {
      asm volatile("red.global.add.noftz.bf16 [%0], %1;" ::"l"(at), "h"(value.bits) : "memory");
      return;
    }
#endif
#endif
    detail::swap_in(at, [value](T old) { return combine<Reduce::Add>(old, value); });
  }
}

template <Reduce R, class T>
__device__ __forceinline__ void atomic_combine(T* at, T value) {
  if constexpr (R == Reduce::Assign) {
    store_in_any_order(at, value);  // indices may come twice
  } else if constexpr (R == Reduce::Add) {
    atomic_add(at, value);
  } else if constexpr ((R == Reduce::Max || R == Reduce::Min) && std::is_same_v<T, int32_t>) {
    R == Reduce::Max ? atomicMax(at, value) : atomicMin(at, value);
  } else if constexpr ((R == Reduce::Max || R == Reduce::Min) && std::is_same_v<T, int64_t>) {
    long long* word = reinterpret_cast<long long*>(at);
    R == Reduce::Max ? atomicMax(word, static_cast<long long>(value))
                     : atomicMin(word, static_cast<long long>(value));
  } else {
    static_assert(sizeof(T) <= 8, "there is no compare-and-swap of 16 bytes on every GPU: sort instead");
    detail::swap_in(at, [value](T old) { return combine<R>(old, value); });
  }
}

// W neighbours at once, aligned as a vector: on Hopper and later one 16-byte request in place of four or
// eight.
template <class T, int W>
__device__ __forceinline__ void atomic_add(Vector<T, W>* at, const Vector<T, W>& value) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  constexpr bool kVectors = sizeof(Vector<T, W>) == 16 && (std::is_same_v<T, float> || is_16bit_float<T>);
#else
  constexpr bool kVectors = false;
#endif
  if constexpr (kVectors) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    const uint4 v = *reinterpret_cast<const uint4*>(&value);
    if constexpr (std::is_same_v<T, float>)
      asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(at), "f"(value.at[0]),
                   "f"(value.at[1]), "f"(value.at[2]), "f"(value.at[3])
                   : "memory");
    else if constexpr (std::is_same_v<T, Half>)
      asm volatile("red.global.add.noftz.v4.f16x2 [%0], {%1, %2, %3, %4};" ::"l"(at), "r"(v.x), "r"(v.y),
                   "r"(v.z), "r"(v.w)
                   : "memory");
    else
      asm volatile("red.global.add.noftz.v4.bf16x2 [%0], {%1, %2, %3, %4};" ::"l"(at), "r"(v.x), "r"(v.y),
                   "r"(v.z), "r"(v.w)
                   : "memory");
#endif
  } else {
#pragma unroll
    for (int i = 0; i < W; ++i) atomic_add(&at->at[i], value.at[i]);
  }
}

}  // namespace plait::cuda
