"""Ops in C++ and CUDA, compiled and loaded while the program runs, with PyTorch's signatures.

>>> from plait.utils.cpp_extension import load_inline
>>> source = "plait::Tensor double_it(const plait::Tensor& x) { return x + x; }"
>>> load_inline("docs_double", source, functions="double_it").double_it(plait.tensor([1.0, 2.0]))
tensor([2., 4.])

What is compiled is kept, by content, in `$PLAIT_EXTENSIONS_DIR` (by default `~/.cache/plait/extensions`):
the same sources, flags, compiler and headers are compiled once. Several processes may build at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import types
from collections.abc import Sequence

import plait
from plait import ops

__all__ = [
    "BuildExtension",  # noqa: F822  (made when asked for)
    "CompileError",
    "CppExtension",
    "get_default_build_root",
    "include_paths",
    "library_paths",
    "load",
    "load_inline",
]

# Beside the compiled module: in an editable installation the Python files are elsewhere.
PACKAGE = pathlib.Path(plait._C.__file__).parent
CFLAGS = ["-std=c++20", "-O3", "-fPIC", "-fvisibility=hidden", "-fno-math-errno", "-fno-trapping-math"]


class CompileError(RuntimeError):
    """The sources of an extension did not compile; the message holds what the compiler said."""


def include_paths() -> list[str]:
    """The folders that an extension's compiler needs as `-I`."""
    return [str(PACKAGE / "include")]


def library_paths() -> list[str]:
    """The folder of `libplait.so`, for programs; an extension links no library of plait's."""
    return [str(PACKAGE / "lib")]


def get_default_build_root() -> str:
    """Where compiled extensions are kept: `$PLAIT_EXTENSIONS_DIR`, or a folder in the user's cache."""
    root = os.environ.get("PLAIT_EXTENSIONS_DIR")
    if root:
        return root
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "plait", "extensions")


def load_inline(
    name: str,
    cpp_sources: str | Sequence[str],
    cuda_sources: str | Sequence[str] | None = None,
    functions: str | Sequence[str] | dict[str, str] | None = None,
    extra_cflags: Sequence[str] | None = None,
    extra_cuda_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str] | None = None,
    build_directory: str | None = None,
    verbose: bool = False,
    with_cuda: bool | None = None,
    is_python_module: bool = True,
    keep_intermediates: bool = True,
    no_implicit_headers: bool = False,
) -> types.ModuleType:
    """Compile C++ (and CUDA) source text and load it.

    `functions` names the plain C++ functions to be callable from Python, or gives each a docstring; ops
    that the source declares with `PLAIT_OP` need no mention. Both are attributes of the module that is
    returned, and of `plait.ops.<name>`. `<plait/extension.h>` is included before the sources unless
    `no_implicit_headers`.

    `with_cuda`, `is_python_module` and `keep_intermediates` are there for the sake of PyTorch, unused:
    the sources say whether there is CUDA, a module is always returned, only complete builds are kept.

    Raises CompileError (a RuntimeError) with the compiler's messages where the sources do not compile;
    RuntimeError where there is no compiler; ValueError where a declaration is wrong.
    """
    _check_name("load_inline", name)
    cpp = _texts("load_inline", "cpp_sources", cpp_sources)
    cuda = _texts("load_inline", "cuda_sources", cuda_sources or [])
    bindings = _bindings(functions, [*cpp, *cuda])
    files = {}
    last = f"{name}.cpp"
    if len(cpp) == 1:
        files[last] = cpp[0] + bindings
    else:  # one translation unit; messages name the part and its line
        for i, text in enumerate(cpp):
            files[f"{name}_{i}.cpp.part"] = text
        files[last] = (
            "\n".join(f'#line 1 "{name}_{i}.cpp.part"\n{text}' for i, text in enumerate(cpp)) + bindings
        )
    for i, text in enumerate(cuda):
        files[f"{name}_{i}.cu"] = text
    flags = [*([] if no_implicit_headers else ["-include", "plait/extension.h"]), *(extra_cflags or [])]
    return _load(
        "load_inline", name, files, [], flags, list(extra_cuda_cflags or []), list(extra_ldflags or []),
        list(extra_include_paths or []), build_directory, verbose,
    )  # fmt: skip


def load(
    name: str,
    sources: str | os.PathLike | Sequence[str | os.PathLike],
    extra_cflags: Sequence[str] | None = None,
    extra_cuda_cflags: Sequence[str] | None = None,
    extra_ldflags: Sequence[str] | None = None,
    extra_include_paths: Sequence[str] | None = None,
    build_directory: str | None = None,
    verbose: bool = False,
    with_cuda: bool | None = None,
    is_python_module: bool = True,
    keep_intermediates: bool = True,
) -> types.ModuleType:
    """Compile source files (`.cpp`, `.cc`, `.cu`) and load them: see `load_inline`.

    A file is compiled again when it or a header that it includes has changed.
    """
    _check_name("load", name)
    if isinstance(sources, (str, os.PathLike)):
        sources = [sources]
    paths = [pathlib.Path(s).resolve() for s in sources]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"load: the source file '{path}' does not exist")
    return _load(
        "load", name, {}, paths, list(extra_cflags or []), list(extra_cuda_cflags or []),
        list(extra_ldflags or []), list(extra_include_paths or []), build_directory, verbose,
    )  # fmt: skip


# --- what is to be built
# -----------------------------------------------------------------------------------------------


def _check_name(who: str, name: str) -> None:
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(
            f"{who}: argument 'name' must be an identifier (it is the namespace of the ops), got {name!r}"
        )
    if name == "plait":
        raise ValueError(f"{who}: the name 'plait' is that of plait's own ops; choose another one")


def _texts(who: str, argument: str, sources: str | Sequence[str]) -> list[str]:
    texts = [sources] if isinstance(sources, str) else list(sources)
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(
                f"{who}: argument '{argument}' must be a str or a list of str, got {type(text).__name__}"
            )
    return texts


def _bindings(functions: str | Sequence[str] | dict[str, str] | None, sources: list[str]) -> str:
    """The lines that make plain functions callable, with the parameters' names as far as they can be read."""
    if functions is None:
        return ""
    if isinstance(functions, str):
        functions = [functions]
    docs = functions if isinstance(functions, dict) else dict.fromkeys(functions, "")
    lines = ["", "// what Python calls"]
    for function, doc in docs.items():
        if not isinstance(function, str) or not re.fullmatch(r"\w+", function):
            raise ValueError(f"load_inline: 'functions' must hold names of C++ functions, got {function!r}")
        lines.append(
            f"PLAIT_FUNCTION({function}, {json.dumps(_parameter_names(function, sources))}, "
            f"{json.dumps(doc or '')});"
        )
    return "\n".join(lines) + "\n"


def _parameter_names(function: str, sources: list[str]) -> str:
    for text in sources:
        text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.S)
        for match in re.finditer(rf"[\w>&*]\s+&?{function}\s*\(", text):
            depth, i = 1, match.end()
            parts = [""]
            while i < len(text) and depth:
                c = text[i]
                depth += (c in "(<{[") - (c in ")>}]")
                if c == "," and depth == 1:
                    parts.append("")
                elif depth:
                    parts[-1] += c
                i += 1
            names = [re.search(r"(\w+)\s*(?:=.*)?$", part.strip(), re.S) for part in parts if part.strip()]
            whole = [p for p in parts if p.strip()]
            if all(n and n.group(1) != p.strip() for n, p in zip(names, whole)):
                found = [n.group(1) for n in names if n]
                if not any(n in ("Tensor", "int64_t", "double", "float", "bool", "int") for n in found):
                    return ",".join(found)
    return ""


# --- building
# ----------------------------------------------------------------------------------------------------------


def _compiler(who: str) -> str:
    for candidate in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        found = shutil.which(candidate) if candidate else None
        if found:
            return found
    raise RuntimeError(
        f"{who}: no C++ compiler was found (looked for $CXX, c++, g++, clang++); install one, e.g. with "
        "'apt install g++', or name it in the environment variable CXX"
    )


def _nvcc(who: str) -> str:
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    found = shutil.which("nvcc") or shutil.which(os.path.join(home, "bin", "nvcc"))
    if not found:
        raise RuntimeError(
            f"{who}: CUDA sources need nvcc, and none was found on PATH or in $CUDA_HOME; install the "
            f"CUDA toolkit, or "
            "leave out the CUDA sources"
        )
    return found


def _digest(*parts: object) -> str:
    h = hashlib.sha256()
    for part in parts:
        h.update(repr(part).encode())
        h.update(b"\0")
    return h.hexdigest()[:20]


def _file_digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:20]


def _machine() -> str:
    """Code is compiled for the machine at hand: another one must not take it from a shared cache."""
    try:
        with open("/proc/cpuinfo") as f:
            for line in f:
                if line.startswith(("flags", "Features")):
                    return line
    except OSError:
        pass
    return os.uname().machine


def _headers() -> list:
    root = pathlib.Path(include_paths()[0]) / "plait"
    stats = [(p.name, p.stat()) for p in sorted(root.glob("*.h"))]
    return [(name, s.st_size, s.st_mtime_ns) for name, s in stats]


@contextlib.contextmanager
def _locked(folder: pathlib.Path):
    """One process at a time builds in a folder; the lock goes with the process that holds it."""
    import fcntl

    with open(folder / "lock", "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def _load(
    who,
    name,
    files,
    paths,
    cflags,
    cuda_cflags,
    ldflags,
    includes,
    build_directory,
    verbose,
) -> types.ModuleType:
    compiler = _compiler(who)
    cuda = any(n.endswith(".cu") for n in files) or any(p.suffix == ".cu" for p in paths)
    stat = os.stat(compiler)
    key = _digest(
        name, files, [str(p) for p in paths], cflags, cuda_cflags, ldflags, includes, CFLAGS,
        plait.__version__,
        _headers(), os.path.realpath(compiler), stat.st_size, stat.st_mtime_ns, _machine(), cuda,
        os.environ.get("PLAIT_CUDA_ARCH_LIST"),
    )  # fmt: skip
    root = pathlib.Path(build_directory or get_default_build_root())
    folder = root if build_directory else root / f"{name}-{key}"
    library = _built(folder, key)
    if library is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RuntimeError(
                f"{who}: the build folder '{folder}' cannot be made ({error.strerror}); name another one in "
                "PLAIT_EXTENSIONS_DIR or build_directory"
            ) from error
        with _locked(folder):
            library = _built(folder, key)  # another process may have built it meanwhile
            if library is None:
                library = _build(
                    who,
                    name,
                    key,
                    folder,
                    files,
                    paths,
                    cflags,
                    cuda_cflags,
                    ldflags,
                    includes,
                    compiler,
                    verbose,
                )
    names = ops.load_library(library)
    return _module(name, library, names)


def _built(folder: pathlib.Path, key: str) -> pathlib.Path | None:
    """The library of an earlier build, where all that went into it is unchanged."""
    try:
        record = json.loads((folder / f"{key}.json").read_text())
        library = folder / record["library"]
        if library.stat().st_size != record["size"]:
            return None
        for path, digest in record["depends"].items():
            if _file_digest(pathlib.Path(path)) != digest:
                return None
        return library
    except (OSError, ValueError, KeyError):
        return None


def _build(who, name, key, folder, files, paths, cflags, cuda_cflags, ldflags, includes, compiler, verbose):
    """Compile and link in a folder of this process's own; what is complete is moved into place."""
    import tempfile
    from concurrent.futures import ThreadPoolExecutor

    with tempfile.TemporaryDirectory(prefix="build-", dir=folder) as scratch_name:
        scratch = pathlib.Path(scratch_name)
        for file_name, text in files.items():
            (scratch / file_name).write_text(text)
        sources = [scratch / f for f in files if not f.endswith(".part")] + paths
        include = [f"-I{path}" for path in [*include_paths(), *includes]]
        define = [f'-DPLAIT_EXTENSION_NAME="{name}"']
        cuda = any(s.suffix == ".cu" for s in sources)

        def command(source: pathlib.Path, target: pathlib.Path) -> list[str]:
            if source.suffix == ".cu":
                header = [f for f in cflags if f in ("-include", "plait/extension.h")]
                return [
                    _nvcc(who), "-std=c++20", "-O3", *_gencode(), "-Xcompiler", "-fPIC,-fvisibility=hidden",
                    "--expt-relaxed-constexpr", "--extended-lambda", *header, *define, *include, *cuda_cflags,
                    "-MD", "-c", str(source), "-o", str(target),
                ]  # fmt: skip
            native = [] if any(f.startswith(("-march", "-mcpu")) for f in cflags) else ["-march=native"]
            return [
                compiler, *CFLAGS, *native, *define, *include, *cflags, "-MD", "-c", str(source), "-o",
                str(target)
            ]  # fmt: skip

        def compile_one(item) -> None:
            i, source = item
            _run(who, name, command(source, scratch / f"{i}.o"), scratch, verbose)

        jobs = int(os.environ.get("MAX_JOBS") or os.cpu_count() or 1)
        if len(sources) == 1:
            compile_one((0, sources[0]))
        else:
            with ThreadPoolExecutor(jobs) as pool:
                list(pool.map(compile_one, enumerate(sources)))
        objects = [str(scratch / f"{i}.o") for i in range(len(sources))]
        linker = [_nvcc(who), "-shared", "-cudart", "static"] if cuda else [compiler, "-shared"]
        _run(who, name, [*linker, *objects, "-o", str(scratch / "library.so"), *ldflags], scratch, verbose)

        depends = _dependencies(scratch, {s.resolve() for s in paths})
        content = _digest(key, sorted(depends.items()))
        library = folder / f"{name}-{content}.so"
        size = (scratch / "library.so").stat().st_size
        with open(scratch / "library.so", "rb") as f:
            os.fsync(f.fileno())
        os.replace(scratch / "library.so", library)
        record = scratch / "record.json"
        record.write_text(json.dumps({"library": library.name, "size": size, "depends": depends}))
        for file_name, text in files.items():  # for a debugger, and for who reads an error
            (folder / file_name).write_text(text)
        os.replace(record, folder / f"{key}.json")  # last: who reads it finds the library complete
        return library


def _gencode() -> list[str]:
    """PLAIT_CUDA_ARCH_LIST="8.0;9.0", or code for the GPUs that are in use today."""
    archs = re.split(r"[;,\s]+", os.environ.get("PLAIT_CUDA_ARCH_LIST", "").strip() or "8.0;9.0")
    numbers = [a.replace(".", "").replace("+PTX", "") for a in archs if a]
    flags = [f"-gencode=arch=compute_{n},code=sm_{n}" for n in numbers]
    newest = max(numbers, key=lambda n: int(re.sub(r"\D", "", n)))
    return [*flags, f"-gencode=arch=compute_{newest},code=compute_{newest}"]


def _dependencies(scratch: pathlib.Path, sources: set[pathlib.Path]) -> dict[str, str]:
    """The user's own files that were read, with digests; compiler and plait's headers are in the key."""
    found = {}
    ours = (*include_paths(), str(PACKAGE), str(scratch), "/usr/include", "/usr/lib")
    for made in scratch.glob("*.d"):
        text = made.read_text().replace("\\\n", " ").partition(":")[2]
        for word in re.split(r"(?<!\\)\s+", text.strip()):
            path = pathlib.Path(word.replace("\\ ", " "))
            if not path.is_absolute():
                path = scratch / path
            if path.is_file() and (path.resolve() in sources or not str(path).startswith(ours)):
                if not str(path.resolve()).startswith(str(PACKAGE)):
                    found[str(path)] = _file_digest(path)
    return found


def _run(who: str, name: str, command: list[str], scratch: pathlib.Path, verbose: bool) -> None:
    if verbose:
        print(" ".join(command), file=sys.stderr)
    # What is preloaded into this process, a compiler does not need.
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, errors="replace", env=env)
    said = (done.stderr + done.stdout).replace(str(scratch) + os.sep, "")
    if verbose and said:
        print(said, file=sys.stderr)
    if done.returncode != 0:
        raise CompileError(f"{who}: the extension '{name}' did not compile:\n{_shortened(said)}")


def _shortened(said: str, most: int = 60) -> str:
    """The compiler's errors first, in full; then as much of the rest as can be read."""
    lines = said.rstrip().splitlines()
    if len(lines) <= most:
        return "\n".join(lines)
    first = next((i for i, line in enumerate(lines) if re.search(r"\b(fatal )?error\b", line)), 0)
    kept = lines[first : first + most]
    return "\n".join([*kept, f"... ({len(lines) - len(kept)} more lines; verbose=True prints all)"])


def _module(name: str, library: pathlib.Path, full_names: list[str]) -> types.ModuleType:
    module = types.ModuleType(name, f"The extension '{name}'.")
    module.__file__ = str(library)
    for full in full_names:
        space, _, op = full.partition("::")
        op = op.split(".")[0]
        namespace = getattr(ops, space)
        setattr(module, op, getattr(namespace, op))
        if any(o["inplace"] for o in plait._C._describe_op(f"{space}::{op}")):
            setattr(module, op + "_", getattr(namespace, op + "_"))
    return module


# --- packages
# ----------------------------------------------------------------------------------------------------------


def CppExtension(name: str, sources: Sequence[str], **kwargs):
    """A `setuptools.Extension` for a package of ops; the last part of `name` is the file's, the first the
    ops' namespace.

    Load it with `plait.ops.load_library`: it is a library of ops, not a Python module.
    """
    from setuptools import Extension

    namespace = kwargs.pop("namespace", name.split(".")[0])
    kwargs.setdefault("language", "c++")
    kwargs["include_dirs"] = [*include_paths(), *kwargs.get("include_dirs", [])]
    kwargs["define_macros"] = [("PLAIT_EXTENSION_NAME", f'"{namespace}"'), *kwargs.get("define_macros", [])]
    kwargs["extra_compile_args"] = [
        "-std=c++20", "-O3", "-fvisibility=hidden", "-fno-math-errno", *kwargs.get("extra_compile_args", [])
    ]  # fmt: skip
    return Extension(name, list(sources), **kwargs)


def __getattr__(name: str):
    """BuildExtension needs setuptools, which a program that only loads extensions does not."""
    if name == "BuildExtension":
        from setuptools.command.build_ext import build_ext

        return build_ext
    raise AttributeError(f"module 'plait.utils.cpp_extension' has no attribute '{name}'")
