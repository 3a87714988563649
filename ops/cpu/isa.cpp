#include "ops/cpu/isa.h"

#include <cstdlib>
#include <string_view>

namespace plait::cpu {
namespace {

Isa best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return Isa::v4;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
    return Isa::v3;
#endif
  return Isa::v2;
}

Isa wanted() {
  const char* text = std::getenv("PLAIT_CPU_ISA");
  if (!text) return Isa::v4;
  const std::string_view name(text);
  return name == "v2" ? Isa::v2 : name == "v3" ? Isa::v3 : Isa::v4;
}

}  // namespace

Isa isa() {
  static const Isa chosen = best() < wanted() ? best() : wanted();
  return chosen;
}

}  // namespace plait::cpu
