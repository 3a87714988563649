#!/usr/bin/env bash
# Builds a wheel into dist/, installs it alone into a fresh environment, imports it, and checks its size: tools/wheel.sh PYTHON
set -euo pipefail
python=${1:-python3}
limit_mb=80

rm -rf dist
# With the compiler's name and the flags of `make build`, so that ccache serves both.
CXX=${CXX:-c++} "${VENV:-.venv}/bin/python" -m pip --disable-pip-version-check wheel -q --no-build-isolation --no-deps \
  -w dist -C cmake.define.PLAIT_WERROR=ON .
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip --disable-pip-version-check install -q --no-index dist/plait-*.whl
cd "$scratch" # not the checkout: what is imported must be what was installed
./venv/bin/python - <<EOF
import os, time
start = time.perf_counter()
import plait
took = time.perf_counter() - start
a = plait.ones(64, 64, requires_grad=True)
(a @ a).sum().backward()  # oneDNN's library is found beside ours
assert a.grad[0, 0].item() == 128.0, a.grad
folder = os.path.dirname(plait.__file__)
size = sum(os.lstat(os.path.join(d, f)).st_size for d, _, files in os.walk(folder) for f in files) / 1e6
print(f"plait {plait.__version__}: installed {size:.1f} MB, first import {1e3 * took:.0f} ms")
assert size <= $limit_mb, "the installed package must stay within $limit_mb MB"
EOF
