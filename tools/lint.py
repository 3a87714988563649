"""The checks of `make lint`: clang-format, ruff, mypy, and the project's own rules. With --fix: reformat.

The own rules, each a function below: one direction of dependencies, files of readable size, headers guarded,
links in the documents that lead somewhere, nothing left to do, no path of somebody's machine.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CXX = {".cpp", ".h", ".cu", ".cuh"}
TEXT = CXX | {".py", ".md", ".sh", ".cmake", ".toml", ".txt", ".pyi"}

# About 600 lines is a large file; beyond this it must be split. What is emitted from the registry is exempt.
MAX_LINES = 850
EMITTED = re.compile(
    r"^(ops/ops\.h|ops/decl/.*|include/plait/ops\.h|docs/reference/.*|bindings/plait/.*\.pyi)$"
)

# The headers of earlier releases, kept as they were.
FROZEN = "tests/abi/"

# What a folder may include: core <- autograd <- ops <- extension, distributed, cuda, bindings. Nobody reaches
# back.
# include/plait, the public headers, stands on nothing else; core takes its light ones (half, philox).
MAY_INCLUDE = {
    "include": {"plait"},
    "core": {"core", "plait"},
    "autograd": {"core", "autograd", "plait"},
    "ops": {"core", "autograd", "ops", "plait"},
    "extension": {"core", "autograd", "ops", "extension", "plait"},
    "distributed": {"core", "autograd", "ops", "distributed", "plait"},
    "cuda": {"core", "autograd", "ops", "distributed", "cuda", "plait"},
    # of cuda, api.h alone
    "bindings": {"core", "autograd", "ops", "extension", "distributed", "bindings", "cuda"},
}
FOLDERS = {*MAY_INCLUDE, "plait"}

Complaint = tuple[Path, int, str]


def files() -> list[Path]:
    """Return the checkout's files, relative to the root: tracked ones and new ones that are not ignored."""
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode == 0:
        paths = [Path(line) for line in listing.stdout.splitlines()]
    else:  # an unpacked archive
        skipped = {"build", "dist", ".venv", ".git"}
        paths = [p.relative_to(ROOT) for p in ROOT.rglob("*")]
        paths = [p for p in paths if p.parts[0] not in skipped]
    return sorted(p for p in set(paths) if (ROOT / p).is_file() and not p.as_posix().startswith(FROZEN))


def check_layers(path: Path, lines: list[str]) -> Iterator[Complaint]:
    """Refuse an include that goes against the direction of dependencies, and Python outside the bindings."""
    allowed = MAY_INCLUDE.get(path.parts[0])
    if allowed is None or path.suffix not in CXX:
        return
    for number, line in enumerate(lines, 1):
        match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
        if not match:
            continue
        target = match.group(1)
        folder = target.split("/")[0] if "/" in target else ""
        if folder in FOLDERS and folder not in allowed:
            way = "core <- autograd <- ops <- extension, distributed, cuda, bindings"
            yield path, number, f"{path.parts[0]}/ may not include {target}: the way is {way}"
        if path.parts[0] == "bindings" and folder == "cuda" and target != "cuda/api.h":
            yield path, number, f"of cuda/ the bindings see cuda/api.h alone, not {target}"
        if path.parts[0] != "bindings" and (target == "Python.h" or folder == "pybind11"):
            yield path, number, f"{target} belongs in bindings/ only"


def check_size(path: Path, lines: list[str]) -> Iterator[Complaint]:
    """Refuse files that nobody reads to the end."""
    if path.suffix in CXX | {".py"} and len(lines) > MAX_LINES and not EMITTED.match(path.as_posix()):
        yield path, len(lines), f"{len(lines)} lines (at most {MAX_LINES}): split it by concept"


def check_header(path: Path, lines: list[str]) -> Iterator[Complaint]:
    """Want the include guard."""
    if path.suffix == ".h" and not any(line.strip() == "#pragma once" for line in lines):
        yield path, 1, "header without #pragma once"


def check_words(path: Path, lines: list[str]) -> Iterator[Complaint]:
    """Refuse reminders of unfinished work and paths of one machine; whitespace where it does not belong."""
    unfinished = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    machine = re.compile(r"(?<![\w.~}/])/(home|root|Users)/\w")
    for number, line in enumerate(lines, 1):
        if unfinished.search(line):
            yield path, number, "unfinished work: finish it, raise a clear error, or open an issue"
        if machine.search(line):
            yield path, number, "a path of one machine"
        if line != line.rstrip() and path.suffix != ".md":
            yield path, number, "trailing whitespace"
        if "\t" in line and path.suffix in CXX | {".py"}:
            yield path, number, "tab"
    if lines and not lines[-1].strip():
        yield path, len(lines), "empty line at the end of the file"


def check_links(path: Path, lines: list[str]) -> Iterator[Complaint]:
    """Want every relative link of a document to lead to a file."""
    if path.suffix != ".md":
        return
    in_code = False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        if in_code:
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z]+:|#", target):
                continue
            if not (ROOT / path.parent / target.split("#")[0]).exists():
                yield path, number, f"the link to {target} leads nowhere"


def own_rules(paths: list[Path]) -> bool:
    """Run the rules above; print what they find."""
    rules = [check_layers, check_size, check_header, check_words, check_links]
    found = 0
    for path in paths:
        if path.suffix not in TEXT and path.name != "Makefile":
            continue
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        for rule in rules:
            for where, number, text in rule(path, lines):
                print(f"{where}:{number}: {text}")
                found += 1
    return found == 0


def run(name: str, *command: str) -> bool:
    """Run one outside tool; say its name when it complains."""
    if shutil.which(command[0]) is None:
        print(f"lint: {command[0]} is missing; `make lint` installs it, or: pip install plait[lint]")
        return False
    ok = subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    print(f"lint: {name}: {'ok' if ok else 'FAILED'}", flush=True)
    return ok


def main() -> int:
    """Run all checks, and report them all."""
    paths = files()
    sources = [str(p) for p in paths if p.suffix in CXX and not EMITTED.match(p.as_posix())]
    if "--fix" in sys.argv[1:]:
        return 0 if run("clang-format -i", "clang-format", "-i", *sources) else 1
    ok = [not sources or run("clang-format", "clang-format", "--dry-run", "-Werror", *sources)]
    ok.append(run("ruff", "ruff", "check", "--quiet", "."))
    ok.append(run("mypy", "mypy", "--no-error-summary"))
    ok.append(run("emitted headers", sys.executable, "tools/emit_header.py", "--check"))
    scripts = [str(p) for p in paths if p.suffix == ".sh" or p.as_posix() == ".ci/run"]
    ok += [run(f"bash -n {script}", "bash", "-n", script) for script in scripts]
    rules = own_rules(paths)
    print(f"lint: own rules: {'ok' if rules else 'FAILED'}")
    return 0 if all(ok) and rules else 1


if __name__ == "__main__":
    sys.exit(main())
