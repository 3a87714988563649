// Choosing among the instruction sets that kernels are compiled for.
//
// Files named *.isa.cpp are compiled once for each of x86-64-v2 (SSE4.2), -v3 (AVX2, FMA, F16C) and -v4
// (AVX-512). Each exports constant tables of inner loops, and nothing else: no function with external linkage
// that the linker could merge into code for older machines, no static initialiser that would run their
// instructions at load (tools/check_isa_objects.py looks).
#pragma once

#include "core/export.h"

namespace plait::cpu {

enum class Isa { v2 = 2, v3 = 3, v4 = 4 };
// The best one this machine has; the environment variable PLAIT_CPU_ISA=v2|v3|v4 chooses a lower one.
PLAIT_API Isa isa();

template <class Table>
const Table& choose(const Table& v2, [[maybe_unused]] const Table& v3, [[maybe_unused]] const Table& v4) {
  switch (isa()) {
    case Isa::v4: return v4;
    case Isa::v3: return v3;
    case Isa::v2: break;
  }
  return v2;
}

}  // namespace plait::cpu

// Declares the tables `name` of the three instruction sets, and `name()`, the one in use.
#if defined(__x86_64__)
#define PLAIT_ISA_TABLE(Type, name)                                  \
  namespace v2 {                                                     \
  extern const Type name;                                            \
  }                                                                  \
  namespace v3 {                                                     \
  extern const Type name;                                            \
  }                                                                  \
  namespace v4 {                                                     \
  extern const Type name;                                            \
  }                                                                  \
  inline const Type& name() {                                        \
    static const Type& table = choose(v2::name, v3::name, v4::name); \
    return table;                                                    \
  }
#else
#define PLAIT_ISA_TABLE(Type, name) \
  namespace v2 {                    \
  extern const Type name;           \
  }                                 \
  inline const Type& name() { return v2::name; }
#endif
