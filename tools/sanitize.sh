#!/usr/bin/env bash
# Runs the C++ and Python tests of a build with sanitizers: tools/sanitize.sh BUILD PYTHON [pytest arguments]
# Of a build with the thread sanitizer, the tests in which threads meet.
set -euo pipefail
build=$(realpath "$1") python=$2  # tests start processes in other folders
shift 2
sanitizers=$(sed -n 's/^PLAIT_SANITIZE:STRING=//p' "$build/CMakeCache.txt")

if [[ $sanitizers == *thread* ]]; then
  export OMP_NUM_THREADS=2 TSAN_OPTIONS="suppressions=$PWD/tools/tsan.supp:history_size=4:second_deadlock_stack=1:exitcode=66"
  libraries=(libtsan libstdc++)
  program=("~oneDNN*" "~vector maths*")  # the references that these compare with are slow, and alone
  run=(setarch -R)      # where addresses are random in many bits, the run-time library finds no room
  tests=(tests/python/test_threads_fork.py tests/python/test_autograd.py tests/python/test_data.py)
  # The sanitizer knows no threads in children of a program that had some when it forked.
  for name in "test_multiprocessing[fork]" test_fork_while_onednn_makes_primitives; do
    tests+=(--deselect "tests/python/test_threads_fork.py::$name")
  done
  [ $# -gt 0 ] || set -- "${tests[@]}"
  cpp_options=()
else
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  # use_sigaltstack=0: the interpreter installs its own handlers. allocator_may_return_null: sizes that must be refused are tested.
  common=detect_stack_use_after_return=0:use_sigaltstack=0:allocator_may_return_null=1:check_initialization_order=1
  # Python keeps memory until it exits: leaks are looked for in the C++ tests only.
  export ASAN_OPTIONS=$common:detect_leaks=0
  libraries=(libasan libubsan libstdc++)
  program=() run=()
  cpp_options=(env "ASAN_OPTIONS=$common:detect_leaks=1")
fi

cpp=0
"${cpp_options[@]}" "${run[@]}" "$build/tests/cpp/plait_tests" "${program[@]}" || cpp=$?

# The interpreter is not instrumented, so the run-time library must be loaded first; with it libstdc++, whose __cxa_throw it wraps.
preload=
for library in "${libraries[@]}"; do preload+="$(g++ -print-file-name="$library.so") "; done
workers=()
"$python" -c 'import xdist' 2>/dev/null && workers=(-n 2)
py=0
"${run[@]}" env LD_PRELOAD="$preload" PYTHONMALLOC=malloc PYTHONPATH="$build/python" \
  "$python" -m pytest -q "${workers[@]}" "$@" || py=$?
if [ $cpp != 0 ]; then echo "sanitize: the C++ tests failed, see above" >&2; fi
exit $((cpp + py))
