"""What a machine has of what building for its GPU needs, and what was brought along for it."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path


@functools.cache
def output_of(*command: str) -> str:
    """What a command prints; empty where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def ask_python(python: str, code: str) -> str:
    """What an interpreter prints for some code; empty where it fails."""
    return output_of(python, "-c", code)


# --- what the machine has ---------------------------------------------------------------------------------


def gpu_name() -> str:
    """As the driver names it; empty without one."""
    return output_of("nvidia-smi", "--query-gpu=name", "--format=csv,noheader").partition("\n")[0]


def architecture() -> str:
    """The GPU's compute capability, "90" where none is found."""
    found = output_of("nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader").partition("\n")[0]
    return found.replace(".", "") if re.fullmatch(r"\d+\.\d", found) else "90"


def nvcc() -> str:
    """Path of nvcc; empty where there is none."""
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    found = [os.environ.get("CUDACXX"), shutil.which("nvcc"), *(f"{home}/bin/nvcc" for home in homes if home)]
    return next((path for path in found if path and os.access(path, os.X_OK)), "")


def tool(python: str, name: str) -> str:
    """A program on PATH, or beside the interpreter, where pip puts them; empty where it is missing."""
    beside = Path(python).parent / name
    return shutil.which(name) or (str(beside) if os.access(beside, os.X_OK) else "")


# --- dependencies that travel with the checkout -----------------------------------------------------------


def unpack(folder: Path, prefix: Path) -> list[str]:
    """Puts wheels and headers of `folder` under one prefix for CMake; the names of what is there now."""
    if not folder.is_dir():
        return []
    marker = prefix / ".unpacked"
    packed = sorted(str(p.name) for p in folder.glob("*.whl"))
    if not marker.exists() or marker.read_text().split("\n") != packed:
        shutil.rmtree(prefix, ignore_errors=True)
        prefix.mkdir(parents=True)
        for wheel in sorted(folder.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                for entry in archive.infolist():
                    target = place(entry.filename)
                    if target and not entry.is_dir():
                        path = prefix / target
                        path.parent.mkdir(parents=True, exist_ok=True)
                        path.write_bytes(archive.read(entry))
        if (folder / "catch2").is_dir():
            shutil.copytree(folder / "catch2", prefix / "include" / "catch2", dirs_exist_ok=True)
        marker.write_text("\n".join(packed))
    found = {
        "oneDNN": "lib/cmake/dnnl",
        "fmt": "lib/cmake/fmt",
        "pybind11": "pybind11/share/cmake/pybind11",
        "cuDNN's front end": "include/cudnn_frontend.h",
        "Catch2": "include/catch2/catch.hpp",
    }
    return [name for name, path in found.items() if (prefix / path).exists()]


def place(name: str) -> str | None:
    """Where a file of a wheel belongs under the prefix; None where the build does not need it."""
    data = re.match(r"[^/]+\.data/data/(.+)", name)  # oneDNN
    if data:
        return data[1]
    for root, where in (("cmeel.prefix/", ""), ("include/", "include/"), ("pybind11/", "pybind11/")):
        if name.startswith(root):
            return where + name[len(root) :]
    return None


def vendor_headers(python: str) -> dict[str, str]:
    """Folders of NVIDIA's headers in the interpreter's packages, as CMake's variables name them."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(output_of(python, "-c", ask) or "/nonexistent")
    result = {}
    headers = "cublasLt cublas_v2 cudnn nvrtc cufftXt cusolverDn cupti nccl"
    for header in (f"{name}.h" for name in headers.split()):
        found = sorted((site / "nvidia").glob(f"*/include/{header}"))
        if found:
            result[f"PLAIT_INCLUDE_{header.replace('.', '_')}"] = str(found[0].parent)
    return result


def pybind11_folder(python: str, prefix: Path) -> str:
    """The interpreter's pybind11 where it is new enough, else the one that was brought."""
    ask = "import pybind11; print(pybind11.__version__, pybind11.get_cmake_dir())"
    version, _, folder = output_of(python, "-c", ask).partition(" ")
    if folder and int(version.split(".")[0]) >= 3:
        return folder
    brought = prefix / "pybind11" / "share" / "cmake" / "pybind11"
    return str(brought) if brought.exists() else ""


def has_onednn(python: str) -> bool:
    """Is oneDNN's wheel installed for this interpreter?"""
    code = "import os, sys; print(os.path.exists(os.path.join(sys.prefix, 'lib', 'cmake', 'dnnl')))"
    return ask_python(python, code) == "True"
