#!/usr/bin/env bash
# Builds a wheel into dist/, installs it alone into a fresh environment, imports it, and checks its size: tools/wheel.sh PYTHON [BUILD]
# With BUILD, a folder of CMake's, what is built there already is not built again.
set -euo pipefail
python=${1:-python3}
build=${2:-}
limit_mb=80
cuda_limit_mb=120

rm -rf dist
"${VENV:-.venv}/bin/python" -m pip --disable-pip-version-check wheel -q --no-build-isolation --no-deps \
  -w dist ${build:+--config-settings build-dir="$build"} .
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
files = [os.path.join(d, f) for d, _, names in os.walk(folder) for f in names]
cuda = sum(os.lstat(f).st_size for f in files if f.endswith("libplait_cuda.so")) / 1e6
size = sum(os.lstat(f).st_size for f in files) / 1e6 - cuda
print(f"plait {plait.__version__}: installed {size:.1f} MB and {cuda:.1f} MB of CUDA kernels, first import {1e3 * took:.0f} ms")
assert size <= $limit_mb, "the installed package must stay within $limit_mb MB without the CUDA kernels"
assert cuda <= $cuda_limit_mb, "the CUDA kernels must stay within $cuda_limit_mb MB"
assert not plait.cuda.is_available() or plait.cuda.device_count() > 0  # imports, with a GPU or without
EOF
