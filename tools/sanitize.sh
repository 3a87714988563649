#!/usr/bin/env bash
# Runs the C++ and Python tests of a build with sanitizers: tools/sanitize.sh BUILD PYTHON [pytest arguments]
set -euo pipefail
build=$1 python=$2
shift 2

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# use_sigaltstack=0: the interpreter installs its own handlers. allocator_may_return_null: sizes that must be refused are tested.
common=detect_stack_use_after_return=0:use_sigaltstack=0:allocator_may_return_null=1:check_initialization_order=1

cpp=0
ASAN_OPTIONS=$common:detect_leaks=1 "$build/tests/cpp/plait_tests" || cpp=$?

# The interpreter is not instrumented, so the run-time library must be loaded first; with it libstdc++, whose __cxa_throw it wraps.
# Python keeps memory until it exits: leaks are looked for in the C++ tests only.
preload="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so) $(g++ -print-file-name=libstdc++.so)"
workers=()
"$python" -c 'import xdist' 2>/dev/null && workers=(-n 2)
py=0
LD_PRELOAD=$preload ASAN_OPTIONS=$common:detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH=$build/python \
  "$python" -m pytest -q "${workers[@]}" "$@" || py=$?
if [ $cpp != 0 ]; then echo "sanitize: the C++ tests failed, see above" >&2; fi
exit $((cpp + py))
