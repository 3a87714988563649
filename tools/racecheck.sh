#!/usr/bin/env bash
# Runs tests on the CUDA emulator with kernels whose races and stray accesses are found: tools/racecheck.sh BUILD PYTHON [pytest arguments]
# All findings of a run are gathered in BUILD/racecheck.log; one fails it.
set -euo pipefail
build=$1 python=$2
shift 2
log=$(realpath "$build")/racecheck.log
rm -f "$log"

# The detector itself: races that it must find, and code that it must let pass.
cpp=0
"$build/tests/cpp/emulator/plait_emulator_tests" "[racecheck]" 2> /dev/null || cpp=$?

# Not among them: the statistics of the cache, which is off here (docs/design/cuda.md); who waits for the device and how long, since
# freeing memory does; a test of memory that would take minutes; and what launches no kernels of ours.
[ $# != 0 ] || set -- $(ls tests/python/test_cuda_*.py | grep -vE '_(memory|docs|extension|launches|sources|profiler|threads)\.py$') \
  --deselect tests/python/test_cuda_linalg.py::test_what_waits \
  --deselect tests/python/test_cuda_attention.py::test_scores_are_never_in_memory
workers=()
"$python" -c 'import xdist' 2>/dev/null && workers=(-n 2)
py=0
PLAIT_CUDA_LIBRARY=$(realpath "$build")/python/plait/lib/libplait_cuda_racecheck.so PLAIT_CUDA_RACECHECK_LOG=$log \
  PLAIT_NO_CUDA_MEMORY_CACHING=1 PYTHONPATH=$build/python "$python" -m pytest -q "${workers[@]}" "$@" || py=$?

found=0
if [ -s "$log" ]; then
  cat "$log"
  echo "racecheck: $(grep -c '^CUDA emulator: race' "$log") races, $(grep -c '^CUDA emulator: out of bounds' "$log") accesses" \
    "out of bounds, see above and $log" >&2
  found=1
else
  echo "racecheck: no races, nothing out of bounds"
fi
if [ $cpp != 0 ]; then echo "racecheck: the detector's own tests failed, see above" >&2; fi
exit $((cpp + py + found > 0))
