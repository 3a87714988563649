# Kernels compiled once per instruction set and chosen at run time.
#
# Every ops/cpu/*.isa.cpp is compiled with -march=x86-64-v2, -v3 (AVX2, FMA, F16C) and -v4 (AVX-512), each time with
# PLAIT_ISA (v2, v3, v4: the namespace) and PLAIT_ISA_LEVEL (2, 3, 4) defined. Elsewhere than on x86-64: once, as v2.
#
# Note [Inline functions in ISA objects]
# An inline function or template that such a file includes from a shared header, when not inlined, becomes a weak symbol, and
# the linker keeps ONE of all its copies: perhaps the AVX-512 one, which then crashes an older machine far away from any
# kernel. So kernels stand in namespace PLAIT_ISA or an anonymous one, and tools/check_isa_objects.py fails the build's tests
# when a v3 or v4 object defines anything weak outside that namespace, or a static initialiser.
function(plait_add_isa_objects target)
  set(sources ${ARGN})
  if(NOT sources)
    return()
  endif()
  if(PLAIT_X86)
    set(levels 2 3 4)
  else()
    set(levels 2)
  endif()
  foreach(level IN LISTS levels)
    set(objects plait_isa_v${level})
    add_library(${objects} OBJECT ${sources})
    set_target_properties(${objects} PROPERTIES PLAIT_ISA_OBJECTS ON)
    target_link_libraries(${objects} PRIVATE plait_flags)
    target_include_directories(${objects} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
    target_compile_definitions(${objects} PRIVATE PLAIT_BUILDING PLAIT_ISA=v${level} PLAIT_ISA_LEVEL=${level})
    if(PLAIT_X86)
      target_compile_options(${objects} PRIVATE -march=x86-64-v${level} -mtune=generic)
      if(level EQUAL 4)
        target_compile_options(${objects} PRIVATE -mprefer-vector-width=512)
      endif()
    endif()
    # Never -ffast-math: NaN, infinities and signed zeros keep their meaning. Integers wrap around.
    target_compile_options(${objects} PRIVATE -fno-math-errno -fno-trapping-math -fopenmp-simd -fwrapv)
    # The oldest set serves machines from before 2013: at -O2 it compiles in 60% of the time.
    if(PLAIT_X86 AND level EQUAL 2)
      set(optimised -O2)
    else()
      set(optimised -O3)
    endif()
    if(NOT PLAIT_SANITIZE)
      target_compile_options(${objects} PRIVATE ${optimised})
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)  # v2 comes first in link order
  endforeach()
endfunction()
