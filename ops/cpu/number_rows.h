// Filling tables whose 16-bit rows also take a float32 number. For *.isa.cpp files.
#pragma once

#include "ops/cpu/binary.h"
#include "ops/cpu/blocks.h"

namespace plait::cpu {
namespace {

template <auto Function, class E, class F>
constexpr void number_rows(NumberTable<E>& table, F) {
  constexpr int function = static_cast<int>(Function);
  row<Function, 2>(table.same, Floats{}, F{});
  table.number_right[function][0] = &blocked<F, Half, Half, float>;
  table.number_right[function][1] = &blocked<F, BFloat16, BFloat16, float>;
  table.number_left[function][0] = &blocked<F, Half, float, Half>;
  table.number_left[function][1] = &blocked<F, BFloat16, float, BFloat16>;
}

}  // namespace
}  // namespace plait::cpu
