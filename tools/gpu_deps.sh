#!/usr/bin/env bash
# Fetches what `make gpu-check` needs and a bare machine lacks: tools/gpu_deps.sh [FOLDER]
#
# Run it where there is a network; the folder (by default .gpu-deps, 52 MB at most) then travels with the checkout.
# Wheels stay packed; tools/gpu_check.py unpacks them where it builds.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-${GPU_DEPS:-.gpu-deps}}
python=${PYTHON:-python3}
[ ! -x .venv/bin/python ] || python=.venv/bin/python
limit_mb=52
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$folder"

# The versions that pyproject.toml and the Makefile name; they are for any Python from 3.11 on.
mapfile -t wanted < <("$python" tools/requirements.py build | grep -E '^(onednn|cmeel-fmt|pybind11)' | sed 's/ *;.*//'
  grep -oE 'nvidia-cudnn-frontend==[0-9.]+' Makefile)
"$python" -m pip --disable-pip-version-check download -q --no-deps --only-binary=:all: -d "$scratch" "${wanted[@]}"

# Of cuDNN's front end only the headers: the Python part is ten times as large.
"$python" - "$scratch" "$folder" <<'EOF'
import pathlib, shutil, sys, zipfile

scratch, folder = map(pathlib.Path, sys.argv[1:])
for old in folder.glob("*.whl"):
    old.unlink()
for wheel in sorted(scratch.glob("*.whl")):
    if not wheel.name.startswith("nvidia_cudnn_frontend"):
        shutil.move(wheel, folder / wheel.name)
        continue
    with zipfile.ZipFile(wheel) as full, zipfile.ZipFile(folder / wheel.name, "w", zipfile.ZIP_DEFLATED) as headers:
        for entry in full.infolist():
            if entry.filename.startswith("include/"):
                headers.writestr(entry, full.read(entry))
EOF

# Catch2 is one header: the system's, or out of Debian's package.
header=/usr/include/catch2/catch.hpp
if [ ! -e $header ] && command -v apt-get >/dev/null; then
  (cd "$scratch" && apt-get download -q catch2 >/dev/null && dpkg -x catch2_*.deb .) || true
  header=$scratch$header
fi
if [ -e "$header" ]; then
  mkdir -p "$folder/catch2" && cp "$header" "$folder/catch2/"
else
  echo "gpu_deps: Catch2's catch.hpp was not found: the C++ tests will be left out (apt-get install catch2)" >&2
fi

size=$(du -sm "$folder" | cut -f1)
ls -lh "$folder" "$folder"/catch2 2>/dev/null | awk 'NF > 8 { print "  " $5, $9 }'
echo "gpu_deps: $folder, $size MB"
[ "$size" -le $limit_mb ] || { echo "gpu_deps: more than $limit_mb MB" >&2; exit 1; }
