# What every target of plait is compiled with: the interface target plait_flags.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release or RelWithDebInfo" FORCE)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 11)
  message(FATAL_ERROR "plait needs g++ 11 or newer, found ${CMAKE_CXX_COMPILER_VERSION}. "
                      "Install a newer one and configure with -DCMAKE_CXX_COMPILER=g++-12.")
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)  # $ORIGIN only: the build folder's package can be moved like an installed one
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(PLAIT_CCACHE ccache)
if(PLAIT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${PLAIT_CCACHE}")
endif()

add_library(plait_flags INTERFACE)
target_compile_options(plait_flags INTERFACE
  -Wall -Wextra
  $<$<BOOL:${PLAIT_WERROR}>:-Werror>
  # The one thread-local is read on every call: no __tls_get_addr. std::call_once must not be used: it reads thread-locals of
  # libstdc++ in the same way, and the import fails where somebody else has loaded that library before.
  -ftls-model=initial-exec
  -fno-semantic-interposition    # calls inside a library bind directly, exported or not
  -fno-plt)                      # calls between the libraries skip the lazy-binding stub

# Machines differ: everything outside *.isa.cpp runs on any x86-64-v2 machine (SSE4.2). Flags of linked targets come after a
# target's own, so the objects of *.isa.cpp (targets with PLAIT_ISA_OBJECTS) have to be kept out here.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(PLAIT_X86 ON)
  target_compile_options(plait_flags INTERFACE $<$<NOT:$<BOOL:$<TARGET_PROPERTY:PLAIT_ISA_OBJECTS>>>:-march=x86-64-v2>)
else()
  set(PLAIT_X86 OFF)
endif()

# For the host's compiler: also of the CUDA kernels on the emulator (PlaitCuda.cmake).
add_library(plait_sanitizers INTERFACE)
target_link_libraries(plait_flags INTERFACE plait_sanitizers)
if(PLAIT_SANITIZE)
  # vptr needs type information that hidden visibility does not share between libraries.
  target_compile_options(plait_sanitizers INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${PLAIT_SANITIZE};-fno-sanitize=vptr;-fno-sanitize-recover=all;-fno-omit-frame-pointer;-O1;-g1;-Wno-maybe-uninitialized>")  # the last: false alarms in the instrumented standard library
  target_link_options(plait_sanitizers INTERFACE -fsanitize=${PLAIT_SANITIZE} -fno-sanitize=vptr)
else()
  target_link_options(plait_flags INTERFACE
    -Wl,-Bsymbolic-functions -Wl,--gc-sections -Wl,--as-needed)
endif()

# No object with static storage is destroyed when the process ends: Note [Objects that live as long as the process] in
# core/static_lifetime.cpp. For every library that threads may be in at that time.
function(plait_keep_statics target)
  target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/core/static_lifetime.cpp")
  target_link_options(${target} PRIVATE -Wl,--wrap=__cxa_atexit -Wl,--wrap=atexit)
endfunction()

# For builds of everything at once: reading these headers is a third of what most objects take. In such a build a missing #include goes
# unnoticed, and nothing that ccache keeps serves a build without.
option(PLAIT_PCH "Precompile the headers of the standard library" OFF)
function(plait_precompile)
  if(PLAIT_PCH)
    foreach(target ${ARGN})
      target_precompile_headers(${target} PRIVATE
        <algorithm> <array> <atomic> <cmath> <complex> <cstdint> <cstring> <functional> <memory> <mutex> <optional> <span> <string>
        <string_view> <tuple> <type_traits> <unordered_map> <utility> <vector>)
    endforeach()
  endif()
endfunction()
