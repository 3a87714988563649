#!/usr/bin/env bash
# Sees to the system packages that building needs: installs what is missing when run as root, else names it in one line.
set -euo pipefail

missing=()
optional=()
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)

# The Python that builds: 3.11 or newer, able to make a virtual environment, with its header.
python=${PYTHON:-python3}
if ! command -v "$python" >/dev/null; then
  missing+=(python3 python3-venv python3-dev)
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "setup: plait needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Try: make PYTHON=python3.11 ..." >&2
  exit 1
else
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  # A Python that the system's packages do not own brings its own venv and headers.
  case $(readlink -f "$(command -v "$python")") in
    /usr/bin/*) prefix=python$version ;;
    *) prefix=python3 ;;
  esac
  "$python" -c 'import venv, ensurepip' 2>/dev/null || missing+=("$prefix-venv")
  "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' ||
    missing+=("$prefix-dev")
fi

if command -v g++ >/dev/null; then
  echo '#include <catch2/catch.hpp>' | g++ -std=c++17 -E -x c++ - -o /dev/null 2>/dev/null ||
    echo '#include <catch2/catch_all.hpp>' | g++ -std=c++17 -E -x c++ - -o /dev/null 2>/dev/null ||
    missing+=(catch2)
else
  missing+=(catch2)
fi
command -v ccache >/dev/null || optional+=(ccache)

packages=("${missing[@]}" "${optional[@]}")
((${#packages[@]})) || exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "setup: installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -q >/dev/null
  apt-get install -q -y --no-install-recommends "${packages[@]}" >/dev/null
elif ((${#missing[@]})); then
  echo "setup: missing system packages. Run: sudo apt-get install ${packages[*]}" >&2
  exit 1
else
  echo "setup: optional, makes rebuilding fast: sudo apt-get install ${optional[*]}"
fi
