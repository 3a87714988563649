"""Emits ops/decl/<file>.h for every ops/<file>.cpp that declares ops, ops/ops.h, which includes them all, and
include/plait/ops.h, which is the same for code outside of plait.

Each op becomes a C++ function with the defaults of its schema. The schemas are read from the declarations
themselves, so that
the headers are there before anything is compiled; and there is one header per source file, so that a new
op recompiles only what calls ops of its family.

    python tools/emit_header.py [--check]
"""

from __future__ import annotations

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
UMBRELLA = ROOT / "ops" / "ops.h"
DECL = ROOT / "ops" / "decl"
PUBLIC = ROOT / "include" / "plait" / "ops.h"

TYPES = {
    "Tensor": "const Tensor&",
    "Tensor[]": "TensorList",
    "Scalar": "const Scalar&",
    "int": "int64_t",
    "float": "double",
    "bool": "bool",
    "int[]": "IntSpan",
    "float[]": "std::span<const double>",
    "dtype": "DType",
    "device": "Device",
    "memory_format": "MemoryFormat",
    "Generator": "const Generator&",
    "str": "std::string_view",
}
OPTIONAL = {
    "Scalar": "std::optional<Scalar>",
    "int": "std::optional<int64_t>",
    "float": "std::optional<double>",
    "bool": "std::optional<bool>",
    "int[]": "std::optional<IntSpan>",
    "float[]": "std::optional<std::span<const double>>",
    "dtype": "std::optional<DType>",
    "device": "std::optional<Device>",
    "memory_format": "std::optional<MemoryFormat>",
    "str": "std::optional<std::string_view>",
}
RESULTS = {
    "Tensor": "Tensor",
    "Tensor[]": "std::vector<Tensor>",
    "bool": "bool",
    "int": "int64_t",
    "float": "double",
    "Scalar": "Scalar",
    "void": "void",
}
KEYWORDS = {
    "default",
    "and",
    "or",
    "not",
    "xor",
    "this",
    "new",
    "delete",
    "register",
    "union",
    "template",
    "operator",
}


def schemas(path: pathlib.Path) -> list[str]:
    """The schema literals of one source file."""
    found = re.finditer(r'\.schema\s*=\s*((?:"[^"\\]*"\s*)+)', path.read_text())
    return ["".join(re.findall(r'"([^"\\]*)"', match.group(1))) for match in found]


def split_params(text: str) -> list[str]:
    """Splits at commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        depth += (c in "[(") - (c in "])")
        if c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    if text[start:].strip():
        parts.append(text[start:].strip())
    return parts


def parse_param(text: str) -> tuple[str, bool, str, str, str | None]:
    """A parameter as (type, optional, how often a lone int is repeated, name, default)."""
    match = re.fullmatch(r"(\w+)(\?)?(\[(\d*)\])?(\?)?\s+(\w+)(?:=(.*))?", text, re.S)
    if not match:
        raise SystemExit(f"cannot read the parameter '{text}'")
    kind, question, listed, repeat, question2, name, default = match.groups()
    optional = bool(question2 if listed else question)
    return (f"{kind}[]" if listed else kind), optional, repeat or "", name, default


def cpp_default(kind: str, optional: bool, default: str, repeat: int) -> str:
    """A schema's default as C++ text."""
    if default == "None":
        return "std::nullopt" if optional and kind not in ("Tensor", "Tensor[]", "Generator") else "{}"
    if kind == "bool" or default in ("True", "False"):
        return default.lower()
    if kind == "int[]":
        values = default.strip("[]") if default.startswith("[") else ", ".join([default] * max(repeat, 1))
        return f"Dims{{{values}}}"
    if kind == "str":
        return '"' + default.strip("'\"") + '"'
    if kind == "memory_format":
        return "MemoryFormat::Contiguous" if default == "contiguous_format" else "MemoryFormat::Preserve"
    if default in ("inf", "-inf"):
        return default.replace("inf", "std::numeric_limits<double>::infinity()")
    if kind == "float" and re.fullmatch(r"-?\d+", default):
        return default + ".0"
    return default


def emit_op(schema: str) -> tuple[str, str]:
    """The declaration of the op object and the functions that call it."""
    match = re.fullmatch(r"(\w+)(?:\.(\w+))?\((.*)\)\s*->\s*(.*)", schema.strip(), re.S)
    if not match:
        raise SystemExit(f"cannot read the schema: {schema}")
    name, overload, params, result = match.groups()
    types, declared, passed = [], [], []
    for param in split_params(params):
        if param == "*":
            continue
        kind, optional, repeat, arg, default = parse_param(param)
        cpp = OPTIONAL.get(kind, TYPES[kind]) if optional else TYPES[kind]
        arg = arg + "_" if arg in KEYWORDS else arg
        types.append(cpp)
        # A temporary Dims as default lives as long as the full call expression.
        declared.append(
            f"{cpp} {arg}"
            + (f" = {cpp_default(kind, optional, default, int(repeat or 0))}" if default is not None else "")
        )
        passed.append(arg)
    if result.startswith("("):
        count = len(split_params(result.strip("()")))
        ret = "std::tuple<" + ", ".join(["Tensor"] * count) + ">"
    else:
        ret = RESULTS[result]
    symbol = f"{name}_{overload}" if overload else name
    extern = f"extern PLAIT_API Op<{ret}({', '.join(types)})> {symbol};"
    # Functions need a fixed order of defaults: none may follow one that has it without having one itself.
    seen = False
    for i, text in enumerate(declared):
        if " = " in text:
            seen = True
        elif seen:
            declared[:i] = [d.split(" = ")[0] for d in declared[:i]]
    args = ", ".join(declared)
    call = ", ".join(passed)
    functions = f"inline {ret} {name}({args}) {{ return op::{symbol}({call}); }}"
    if (
        ret == "Tensor"
        and types
        and types[0] == "const Tensor&"
        and not name.startswith("_")
        and not name.endswith("_")
    ):
        functions += f"\ninline Tensor {name}_({args}) {{ return op::{symbol}.inplace({call}); }}"
    return extern, functions


def emit_family(path: pathlib.Path) -> str:
    """The header of one source file's ops; empty where it declares none."""
    pairs = [emit_op(schema) for schema in schemas(path)]
    if not pairs:
        return ""
    body = "\n".join(function for _, function in pairs)
    lines = [f"// Emitted by tools/emit_header.py from ops/{path.name}: do not edit.", "#pragma once", ""]
    if "numeric_limits" in body:
        lines += ["#include <limits>", ""]
    lines += ['#include "core/op.h"', "", "// clang-format off", "namespace plait::op {"]
    lines += [extern for extern, _ in pairs]
    lines += [
        "}  // namespace plait::op",
        "",
        "namespace plait {",
        body,
        "}  // namespace plait",
        "// clang-format on",
        "",
    ]
    return "\n".join(lines)


# What differs for code outside of plait: lists may be written in braces.
PUBLIC_TYPES = {"Tensor[]": "const std::vector<Tensor>&", "Generator": "Generator"}


def public_type(kind: str, optional: bool, repeat: str, number: bool) -> str:
    """The C++ type of a parameter in plait/ops.h; `number`: a number may stand for the tensor."""
    if kind == "Tensor" and number and not optional:
        return "const Operand&"
    if kind == "int[]":
        ints = "Ints" if repeat else "Dims"
        return f"std::optional<{ints}>" if optional else f"const {ints}&"
    if kind == "float[]":
        return "std::optional<FloatSpan>" if optional else "FloatSpan"
    if optional:
        return OPTIONAL.get(kind, PUBLIC_TYPES.get(kind, TYPES[kind]))
    return PUBLIC_TYPES.get(kind, TYPES[kind])


def emit_public_op(
    schema: str, inplace: bool, known: dict[str, set[int]], kinds: dict[str, list[list[str]]]
) -> list[str]:
    """The functions of one op, for code outside of plait.

    `known`: how many arguments earlier overloads need at least; `kinds`: all overloads' parameter types.
    """
    match = re.fullmatch(r"(\w+)(?:\.(\w+))?\((.*)\)\s*->\s*(.*)", schema.strip(), re.S)
    assert match
    name, overload, params, result = match.groups()
    declared: list[str] = []
    passed: list[str] = []
    seen = False
    for i, param in reversed(list(enumerate(p for p in split_params(params) if p != "*"))):
        kind, optional, repeat, arg, default = parse_param(param)
        arg = arg + "_" if arg in KEYWORDS else arg
        # Not where another overload takes something else there: a call with a number would be ambiguous.
        number = i > 0 and all(o[i] == "Tensor" for o in kinds[name] if i < len(o))
        text = f"{public_type(kind, optional, repeat, number)} {arg}"
        seen |= default is None  # none after it may go without a default
        if default is not None and not seen:
            lone = repeat and default.isdigit()
            text += " = " + (default if lone else cpp_default(kind, optional, default, int(repeat or 0)))
        declared.insert(0, text)
        passed.insert(0, arg)
    # Overloads that need equally many arguments would be ambiguous: the later one asks for one more.
    needed = sum(" = " not in d for d in declared)
    if needed in known.setdefault(name, set()) and needed < len(declared):
        declared[needed] = declared[needed].split(" = ")[0]
    known[name].add(needed)
    full = f"{name}.{overload}" if overload else name
    args, call = ", ".join(declared), "{" + ", ".join(passed) + "}"
    if result.startswith("("):
        ret = "std::tuple<" + ", ".join(["Tensor"] * len(split_params(result.strip("()")))) + ">"
    else:
        ret = RESULTS[result]
    look_up = f'static detail::OpName op{{"{full}"}};'
    run = f"call({call})" if ret == "Tensor" else f"results<{ret}>({call})"
    # Lists and tuples: compiled where they are used.
    single = ("Tensor", "bool", "int64_t", "double", "Scalar", "void")
    kind = "inline" if ret in single else "template <class = void>"
    lines = [f"{kind} {ret} {name}({args}) {{ {look_up} return op.{run}; }}"]
    if inplace:
        run = f"call({call}, PLAIT_INPLACE)"
        lines.append(f"inline Tensor {name}_({args}) {{ {look_up} return op.{run}; }}")
    return lines


def emit_public() -> str:
    """include/plait/ops.h."""
    lines = [
        "// Every op as a function, with the names and defaults of Python; `name_` is the in-place form.",
        "// Emitted by tools/emit_header.py: do not edit.",
        "#pragma once",
        "",
        "#include <limits>",
        "",
        '#include "plait/tensor.h"',
        "",
        "// clang-format off",
        "namespace plait {",
        "inline namespace v1 {",
    ]
    known: dict[str, set[int]] = {}
    paths = sorted((ROOT / "ops").glob("*.cpp"))
    kinds: dict[str, list[list[str]]] = {}
    for schema in (s for path in paths for s in schemas(path)):
        match = re.fullmatch(r"(\w+)(?:\.\w+)?\((.*)\)\s*->.*", schema.strip(), re.S)
        assert match
        parts = [parse_param(p)[0] for p in split_params(match.group(2)) if p != "*"]
        kinds.setdefault(match.group(1), []).append(parts)
    for path in paths:
        blocks = re.split(r"(?=\.schema\s*=)", path.read_text())[1:]
        for schema, block in zip(schemas(path), blocks, strict=True):
            if not schema.startswith("_"):
                lines += emit_public_op(schema, ".inplace" in block, known, kinds)
    return "\n".join([*lines, "}  // namespace v1", "}  // namespace plait", "// clang-format on", ""])


def emit() -> dict[pathlib.Path, str]:
    """All headers by path."""
    files = {}
    for path in sorted((ROOT / "ops").glob("*.cpp")):
        text = emit_family(path)
        if text:
            files[DECL / f"{path.stem}.h"] = text
    lines = [
        "// Every op as a C++ function, with the names and defaults it has in Python; `name_` "
        "is the in-place form.",
        "// Emitted by tools/emit_header.py: do not edit. Inside ops/, include the families that are called.",
        "#pragma once",
        "",
    ]
    files[UMBRELLA] = "\n".join(lines + [f'#include "ops/decl/{path.name}"' for path in files]) + "\n"
    files[PUBLIC] = emit_public()
    return files


def main() -> int:
    """Write what is stale, or name it."""
    files = emit()
    old = {*DECL.glob("*.h"), UMBRELLA, PUBLIC}
    stale = [
        path for path in sorted(old | set(files)) if not path.exists() or path.read_text() != files.get(path)
    ]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run `python tools/emit_header.py`")
        return 1 if stale else 0
    DECL.mkdir(exist_ok=True)
    for path in stale:
        if path in files:
            path.write_text(files[path])
        else:
            path.unlink()
        print(f"{'wrote' if path in files else 'removed'} {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
