"""Emits what is derived from the declared ops: the headers (emit_header.py), the type stubs and the
reference of ops.

    python tools/emit.py [--check]     # needs the built package

`--check` writes nothing and fails where a file is stale.
"""

from __future__ import annotations

import keyword
import re
import sys
from pathlib import Path
from typing import Any

import emit_header

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "bindings" / "plait"
STUBS = ROOT / "tools" / "stubs"
REFERENCE = ROOT / "docs" / "reference" / "ops.md"

Entry = dict[str, Any]

TYPES = {
    "Tensor": "Tensor", "Tensor[]": "Sequence[Tensor]", "Scalar": "Number", "int": "_int", "float": "_float",
    "bool": "_bool", "int[]": "_Ints", "float[]": "Sequence[_float]", "dtype": "_DType", "device": "_Device",
    "memory_format": "memory_format", "Generator": "Generator", "str": "str",
}  # fmt: skip
RESULTS = {
    "Tensor": "Tensor", "Tensor[]": "tuple[Tensor, ...]", "bool": "_bool", "int": "_int", "float": "_float",
    "Scalar": "Number", "void": "None",
}  # fmt: skip
# In Python's own form in plait/_functions.py, or as a property of Tensor.
PYTHON_FUNCTIONS = re.compile(r"^__all__ = \[(.*?)\]", re.S | re.M)
PROPERTIES = {"T", "mT", "mH", "H", "real", "imag"}
BINARY = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne")


class Param:
    """One parameter of a schema, as the stub writes it."""

    def __init__(self, text: str) -> None:
        self.kind, self.optional, repeat, name, self.default = emit_header.parse_param(text)
        self.name = f"{name}_" if keyword.iskeyword(name) else name
        annotation = TYPES[self.kind]
        if self.kind == "Tensor" and self.name != "self":
            annotation = "Tensor | Number"
        elif repeat:
            annotation = f"{TYPES[self.kind.removesuffix('[]')]} | {annotation}"
        self.annotation = f"{annotation} | None" if self.optional else annotation

    def __str__(self) -> str:
        value = self.default
        if value is None:
            return f"{self.name}: {self.annotation}"
        if value in ("inf", "-inf") or value.endswith("_format"):
            value = "..."
        return f"{self.name}: {self.annotation} = {value}"


def parameters(entry: Entry) -> tuple[list[Param], list[Param]]:
    """The positional and the keyword-only parameters of an op."""
    match = re.fullmatch(r"\w+(?:\.\w+)?\((.*)\)\s*->.*", entry["schema"].strip(), re.S)
    if not match:
        raise SystemExit(f"cannot read the schema: {entry['schema']}")
    positional: list[Param] = []
    named: list[Param] = []
    current = positional
    for text in emit_header.split_params(match.group(1)):
        if text == "*":
            current = named
        else:
            current.append(Param(text))
    return positional, named


def result(entry: Entry) -> str:
    """The annotation of what an op returns."""
    returns = entry["schema"].rsplit("->", 1)[1].strip()
    if returns.startswith("("):
        count = len(emit_header.split_params(returns.strip("()")))
        return "tuple[" + ", ".join(["Tensor"] * count) + "]"
    return RESULTS[returns]


def signature(first: list[str], positional: list[Param], named: list[Param], extra: list[str]) -> str:
    """The text between the parentheses."""
    words = [*first, *map(str, positional)]
    # A parameter without a default may not follow one with a default: its default is written as `...`.
    seen = False
    for i, word in enumerate(words):
        seen = seen or " = " in word
        if seen and " = " not in word:
            words[i] = f"{word} = ..."
    rest = [*map(str, named), *extra]
    return ", ".join([*words, "*", *rest] if rest else words)


def forms(entry: Entry, name: str, method: bool, inplace: bool) -> list[str]:
    """The declarations of one op: as function or method, with sizes as a tuple and, where allowed, one by
    one."""
    positional, named = parameters(entry)
    first: list[str] = []
    if method:
        positional = positional[1:]
        first = ["self"]
    returns = "Self" if inplace and method else result(entry)
    extra = []
    if entry["out"] and not inplace:
        out = "Tensor" if returns == "Tensor" else "tuple[Tensor, ...]"
        extra = [f"out: {out} | None = None"] if not method else []
    if entry["kind"] == "create" and not method:
        extra.append("requires_grad: _bool = False")
    texts = [f"def {name}({signature(first, positional, named, extra)}) -> {returns}: ..."]
    if positional and positional[0].kind == "int[]" and all(p.default is not None for p in positional[1:]):
        sizes = [*first, f"*{positional[0].name}: _int", *map(str, positional[1:] + named), *extra]
        texts.append(f"def {name}({', '.join(sizes)}) -> {returns}: ...")
    return texts


def overloaded(texts: list[str], indent: str) -> list[str]:
    """Declarations of one name."""
    # Type checkers take the first overload that fits: those that take less stand first.
    unique = sorted(dict.fromkeys(texts), key=lambda text: text.count("Tensor | Number"))
    if len(unique) == 1:
        return [indent + unique[0]]
    return [line for text in unique for line in (f"{indent}@overload", indent + text)]


def by_name(registry: list[Entry]) -> dict[str, list[Entry]]:
    """The overloads of each op, in the order of names."""
    found: dict[str, list[Entry]] = {}
    for entry in registry:
        found.setdefault(entry["name"], []).append(entry)
    return dict(sorted(found.items()))


def emit_methods(ops: dict[str, list[Entry]], hand_written: set[str]) -> list[str]:
    """Tensor's methods that are ops."""
    lines: list[str] = []
    for name, entries in ops.items():
        entries = [e for e in entries if e["params"][:1] == ["self"]]
        if name.startswith("_") or name in PROPERTIES or not entries:
            continue
        if name not in hand_written:
            lines += overloaded([t for e in entries for t in forms(e, name, True, False)], "    ")
        inplace = [e for e in entries if e["inplace"]]
        if inplace and not name.endswith("_") and f"{name}_" not in hand_written:
            lines += overloaded([t for e in inplace for t in forms(e, f"{name}_", True, True)], "    ")
    return lines


def emit_functions(ops: dict[str, list[Entry]], hand_written: set[str]) -> list[str]:
    """The ops as functions of the module."""
    lines: list[str] = []
    for name, entries in ops.items():
        if name in hand_written:
            continue
        lines += overloaded([t for e in entries for t in forms(e, name, False, False)], "")
        inplace = [e for e in entries if e["inplace"] and e["params"][:1] == ["self"]]
        if inplace and not name.endswith("_") and not name.startswith("_"):
            lines += overloaded([t for e in inplace for t in forms(e, f"{name}_", False, True)], "")
    return lines


def emit_operators() -> list[str]:
    """Tensor's operators."""
    lines = []
    for name in BINARY:
        lines += [
            f"    def __{side}{name}__(self, other: Tensor | Number) -> Tensor: ..." for side in ("", "r")
        ]
        lines += [f"    def __i{name}__(self, other: Tensor | Number) -> Self: ..."]
    for name in COMPARISONS:
        ignored = "  # type: ignore[override]" if name in ("eq", "ne") else ""
        lines += [f"    def __{name}__(self, other: Any) -> Tensor: ...{ignored}"]
    return lines


def declared(text: str) -> set[str]:
    """The names that a template defines itself."""
    return set(re.findall(r"^\s*def (\w+)\(", text, re.M))


def emit_stubs(registry: list[Entry]) -> dict[Path, str]:
    """The stub of the compiled module and that of the package."""
    ops = by_name(registry)
    template = (STUBS / "_C.pyi.in").read_text()
    at_top = {n for n in declared(template) if re.search(rf"^def {n}\(", template, re.M)}
    text = template.replace("    # <operators>", "\n".join(emit_operators()))
    text = text.replace("    # <methods>", "\n".join(emit_methods(ops, declared(template))))
    text = text.replace("# <functions>", "\n".join(emit_functions(ops, at_top)))

    match = PYTHON_FUNCTIONS.search((PACKAGE / "_functions.py").read_text())
    in_python = set(re.findall(r'"(\w+)"', match.group(1))) if match else set()
    classes = re.findall(r"^class (\w+)", template, re.M)
    values = re.findall(r"^(\w+): (?!TypeAlias)", template, re.M)
    names = {n for n in [*classes, *values, *at_top] if not n.startswith("_")} | {"__version__"}
    names |= {m for m in declared(text) if re.search(rf"^def {m}\(", text, re.M) and not m.startswith("__")}
    names -= {"ops", "random", "registry", "__getattr__"} | in_python  # random is a module
    package = (STUBS / "__init__.pyi.in").read_text()
    imports = "\n".join(f"from ._C import {n} as {n}" for n in sorted(names))
    return {PACKAGE / "_C.pyi": text, PACKAGE / "__init__.pyi": package.replace("# <names>", imports)}


def emit_reference(registry: list[Entry]) -> str:
    """One section for each op that has a text."""
    lines = [
        "# Ops",
        "",
        "Every op of plait: its signatures and its text, as `help` shows them. Where *in-place* is said,",
        "`name_` exists, too; where *out=* is said, the result can be written into a tensor that is there.",
        "",
    ]
    for name, entries in by_name(registry).items():
        texts = [e["doc"].strip() for e in entries if e["doc"]]
        # Overloads that only refer to the main one add nothing here.
        texts = [text for text in texts if not text.endswith(f"see {name}.")] or texts
        if name.startswith("_") or not texts:
            continue
        traits = [
            word for word, key in (("in-place", "inplace"), ("out=", "out")) if any(e[key] for e in entries)
        ]
        gradient = "differentiable" if any(e["differentiable"] for e in entries) else "no gradient"
        lines += [f"## {name}", "", "```python", *[e["schema"] for e in entries], "```", ""]
        lines += ["\n\n".join(texts), "", f"*{', '.join([gradient, *traits])}*", ""]
    return "\n".join(lines)


def main() -> int:
    """Write what is stale, or name it."""
    import plait

    registry = plait._C.registry()
    files = {**emit_stubs(registry), REFERENCE: emit_reference(registry)}
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    failed = emit_header.main()
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run `make emit`")
        return 1 if stale or failed else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path])
        print(f"wrote {path.relative_to(ROOT)}")
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
