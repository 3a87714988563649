#!/usr/bin/env bash
# Runs tests on the CUDA emulator with kernels whose races are found: tools/racecheck.sh BUILD PYTHON [pytest arguments]
# All findings of a run are gathered in BUILD/racecheck.log; one fails it.
set -euo pipefail
build=$1 python=$2
shift 2
log=$(realpath "$build")/racecheck.log
rm -f "$log"

# The detector itself: races that it must find, and code that it must let pass.
cpp=0
"$build/tests/cpp/emulator/plait_emulator_tests" "[racecheck]" 2> /dev/null || cpp=$?

[ $# != 0 ] || set -- tests/python/test_cuda_ops.py tests/python/test_cuda_blocks.py
workers=()
"$python" -c 'import xdist' 2>/dev/null && workers=(-n 2)
py=0
PLAIT_CUDA_LIBRARY=$(realpath "$build")/python/plait/lib/libplait_cuda_racecheck.so PLAIT_CUDA_RACECHECK_LOG=$log \
  PYTHONPATH=$build/python "$python" -m pytest -q "${workers[@]}" "$@" || py=$?

found=0
if [ -s "$log" ]; then
  cat "$log"
  echo "racecheck: $(grep -c '^CUDA emulator: race' "$log") races, see above and $log" >&2
  found=1
else
  echo "racecheck: no races"
fi
if [ $cpp != 0 ]; then echo "racecheck: the detector's own tests failed, see above" >&2; fi
exit $((cpp + py + found > 0))
