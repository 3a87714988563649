"""Fail when an object compiled for AVX2 or AVX-512 defines code that the linker may share with baseline code.

Usage: check_isa_objects.py v3 a.o b.o ... v4 a.o b.o ...

See Note [Inline functions in ISA objects] in cmake/PlaitIsa.cmake. A weak symbol is fine only when its name
mentions the object's own namespace (no baseline object can define the same one) or when it is data without
code. Static initialisers are refused too: they would run AVX instructions when the library is loaded.

It also fails when no object of an instruction set uses its registers: the flag was lost on the way to the
compiler.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator

WEAK = set("WVu")
# Type information and strings of types: data without instructions, the same in every object.
ALLOWED = re.compile(r"^(_ZTI|_ZTS|DW\.ref\.__gxx_personality)")


def weak_symbols(nm: str, path: str) -> Iterator[str]:
    """Yield the mangled names of the weak symbols that an object defines."""
    output = subprocess.run([nm, "--defined-only", path], check=True, capture_output=True, text=True).stdout
    for line in output.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in WEAK:
            yield fields[2]


def has_initialisers(objdump: str, path: str) -> bool:
    """Say whether an object runs code when it is loaded."""
    output = subprocess.run([objdump, "-h", path], check=True, capture_output=True, text=True).stdout
    return re.search(r"\s\.(init_array|ctors)\b", output) is not None


def uses(objdump: str, path: str, register: str) -> bool:
    """Say whether an object has an instruction on such a register."""
    output = subprocess.run([objdump, "-d", path], check=True, capture_output=True, text=True).stdout
    return f"%{register}" in output


def demangle(names: list[str]) -> list[str]:
    """Return readable names; the mangled ones where there is no c++filt."""
    try:
        return subprocess.run(
            ["c++filt"], input="\n".join(names), check=True, capture_output=True, text=True
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return names


def main() -> int:
    """Check the objects named on the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--nm", default="nm")
    parser.add_argument("--objdump", default="objdump")
    parser.add_argument("items", nargs="+", help="v3 or v4, each followed by its objects")
    args = parser.parse_args()

    isa = ""
    checked = 0
    complaints: list[str] = []
    wanted = {"v3": "ymm", "v4": "zmm"}
    for item in args.items:
        if re.fullmatch(r"v[0-9]", item):
            isa = item
            continue
        checked += 1
        if isa in wanted and uses(args.objdump, item, wanted[isa]):
            del wanted[isa]
        # In a mangled name a namespace is its length and its letters: plait::cpu::v3 is ...2v3...
        own = re.compile(rf"(?<![0-9])2{isa}")
        bad = [s for s in weak_symbols(args.nm, item) if not own.search(s) and not ALLOWED.match(s)]
        complaints += [f"{item}: weak symbol outside namespace {isa}: {name}" for name in demangle(bad)]
        if has_initialisers(args.objdump, item):
            complaints.append(f"{item}: has a static initialiser (.init_array)")
    if checked == 0:
        print("check_isa_objects: no object was given", file=sys.stderr)
        return 2
    for isa, register in wanted.items():
        if isa in args.items:
            print(f"no {isa} object uses a {register} register: was it compiled with -march=x86-64-{isa}?")
            return 1
    for line in complaints:
        print(line)
    if complaints:
        print(
            "These could be linked into code that must run without AVX. Move the function into namespace\n"
            "PLAIT_ISA or an anonymous namespace, make it always_inline, or call code compiled elsewhere."
        )
        return 1
    print(f"{checked} objects: no shared weak code, no static initialisers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
