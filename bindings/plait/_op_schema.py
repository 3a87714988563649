"""Schemas of ops from the type hints of Python functions."""

from __future__ import annotations

import collections.abc
import enum
import inspect
import numbers
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

import plait

MAX_RETURNS = 4  # of the core


class Tag(enum.Enum):
    """What an op is like, beyond its schema; `custom_op(..., tags=Tag.inplace)`.

    `inplace`: writes its first argument and returns it. `out`: the same of its keyword-only arguments.
    `dynamic_output_shape`: the shape of a result depends on data, so that there is no fake kernel. The others
    change nothing in plait and are there for programs that give them.
    """

    inplace = "inplace"
    out = "out"
    dynamic_output_shape = "dynamic_output_shape"
    data_dependent_output = "data_dependent_output"
    nondeterministic_seeded = "nondeterministic_seeded"
    pointwise = "pointwise"
    needs_fixed_stride_order = "needs_fixed_stride_order"
    needs_exact_strides = "needs_exact_strides"
    flexible_layout = "flexible_layout"
    pt2_compliant_tag = "pt2_compliant_tag"


def as_tags(tags: Any) -> tuple[Tag, ...]:
    """A tag, several or None as a tuple."""
    if tags is None:
        return ()
    found = (tags,) if isinstance(tags, Tag) else tuple(tags)
    for tag in found:
        if not isinstance(tag, Tag):
            raise TypeError(f"custom_op: argument 'tags' must be of plait.library.Tag, got {tag!r}")
    if Tag.inplace in found and Tag.out in found:
        raise ValueError("custom_op: an op is Tag.inplace or Tag.out, not both")
    return tuple(dict.fromkeys(found))


_WORDS: dict[Any, str] = {
    plait.Tensor: "Tensor",
    int: "int",
    float: "float",
    bool: "bool",
    str: "str",
    numbers.Number: "Scalar",
    plait.dtype: "dtype",
    plait.device: "device",
    plait.memory_format: "memory_format",
    plait.Generator: "Generator",
}
_NUMBERS = {int, float, bool, complex}
_LISTS = ("Tensor", "int", "float")
VALID = (
    "Tensor, int, float, bool, str, int | float | bool, plait.dtype, plait.device, plait.memory_format, "
    "plait.Generator; list[Tensor], list[int], list[float]; and any of them '| None'"
)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """A hint without its None, and whether there was one. A union of numbers becomes numbers.Number."""
    if typing.get_origin(hint) not in (typing.Union, types.UnionType):
        return hint, False
    parts = [p for p in typing.get_args(hint) if p is not type(None)]
    optional = len(parts) < len(typing.get_args(hint))
    if len(parts) == 1:
        return parts[0], optional
    return (numbers.Number if set(parts) <= _NUMBERS else typing.Union[tuple(parts)]), optional


def _word(hint: Any) -> str | None:
    """What a schema calls a type; None where it has no such type."""
    hint, optional = _without_none(hint)
    mark = "?" if optional else ""
    if typing.get_origin(hint) in (list, collections.abc.Sequence):
        (item,) = typing.get_args(hint) or (None,)
        item, gaps = _without_none(item)
        word = _WORDS.get(item)
        if word not in _LISTS or (gaps and word != "Tensor"):
            return None
        return f"{word}{'?' if gaps else ''}[]{mark}"
    try:
        word = _WORDS.get(hint)
    except TypeError:  # not hashable, so not a type
        return None
    return None if word is None else word + mark


def _default(word: str, value: Any) -> str | None:
    """A default as a schema has it; None where it cannot."""
    base = word.rstrip("?")
    if value is None:
        return "None"
    if base in ("int", "bool"):
        return str(value) if type(value) is (int if base == "int" else bool) else None
    if base == "float":
        return str(float(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    if base == "Scalar":
        return str(value) if isinstance(value, (int, float)) else None
    if base == "str":
        return f'"{value}"' if isinstance(value, str) and not re.search(r"""[,()\[\]"']""", value) else None
    if base == "dtype":
        return str(value).rpartition(".")[2] if isinstance(value, plait.dtype) else None
    if base == "memory_format":
        known = {plait.contiguous_format: "contiguous_format", plait.preserve_format: "preserve_format"}
        return known.get(value)
    if base == "int[]":
        fits = isinstance(value, (tuple, list)) and all(type(v) is int for v in value)
        return f"[{', '.join(map(str, value))}]" if fits else None
    return None


def infer_schema(
    prototype_function: Callable,
    /,
    *,
    mutates_args: str | Iterable[str],
    op_name: str | None = None,
    tags: Tag | Sequence[Tag] | None = None,
) -> str:
    """The schema of an op that a function with type hints computes.

    `mutates_args` names the arguments that the function writes; "unknown" means all Tensors. Raises
    ValueError that names the parameter whose hint is missing or of no kind that schemas have.

    >>> def scaled(
    ...     x: plait.Tensor, factor: float = 2.0, *, axes: list[int] | None = None
    ... ) -> plait.Tensor: ...
    >>> plait.library.infer_schema(scaled, mutates_args=())
    '(Tensor x, float factor=2.0, *, int[]? axes=None) -> Tensor'
    >>> plait.library.infer_schema(scaled, op_name="scaled", mutates_args=("x",))
    'scaled(Tensor(a0!) x, float factor=2.0, *, int[]? axes=None) -> Tensor'
    """
    written_shape = inspect.signature(prototype_function)

    def error(what: str) -> NoReturn:
        raise ValueError(f"infer_schema(func): {what} Got func with signature {written_shape}")

    try:
        signature = inspect.signature(prototype_function, eval_str=True)
    except Exception as e:
        error(
            f"A type annotation could not be read ({type(e).__name__}: {e}). With 'from __future__ import "
            "annotations' the names in annotations must be known at the top of the module, not only inside "
            "of a function."
        )
    if isinstance(mutates_args, str) and mutates_args != "unknown":
        error(
            "mutates_args must either be a sequence of the names of the arguments that are mutated or the "
            f"string 'unknown', got '{mutates_args}'; did you mean ('{mutates_args}',)?"
        )
    unknown = mutates_args == "unknown"
    mutates = () if unknown else tuple(mutates_args)
    kinds = as_tags(tags)
    missing = [name for name in mutates if name not in signature.parameters]
    if missing:
        error(f"{missing} in mutates_args are not parameters of the function.")

    params: list[str] = []
    letters: dict[str, str] = {}  # of what is written
    for i, (name, p) in enumerate(signature.parameters.items()):
        if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            error(f"Parameter {name} is positional-only or variadic, which ops do not have.")
        if p.kind == p.KEYWORD_ONLY and "*" not in params:
            params.append("*")
        if p.annotation is p.empty:
            error(f"Parameter {name} must have a type annotation.")
        word = _word(p.annotation)
        if word is None:
            hint = " For a tuple, give a list." if typing.get_origin(p.annotation) is tuple else ""
            error(
                f"Parameter {name} has unsupported type {p.annotation}.{hint} The valid types are: {VALID}."
            )
        tensor = word.startswith("Tensor")
        default = None if p.default is p.empty else _default(word, p.default)
        if default is None and p.default is not p.empty:
            error(
                f"Parameter {name} of type {word} has an unsupported default value {p.default!r}. Give None "
                "as the default, with '| None' in the type, and choose the value in the function."
            )
        if name in mutates or (unknown and tensor):
            if not tensor:
                error(
                    f"Parameter {name} is in mutates_args, but only Tensors and lists of them can be written."
                )
            if Tag.out in kinds and (p.kind != p.KEYWORD_ONLY or word != "Tensor"):
                error(f"Tag.out: {name} is written, so it must be a keyword-only Tensor.")
            letters[name] = f"a{i}"
            word = f"Tensor(a{i}!){word[len('Tensor') :]}"
        params.append(f"{word} {name}" + ("" if default is None else f"={default}"))

    returns = _returns(signature.return_annotation, error)
    if Tag.inplace in kinds:
        first = next(iter(signature.parameters.values()), None)
        if first is None or _word(first.annotation) != "Tensor" or set(mutates) != {first.name}:
            error("Tag.inplace: the first parameter must be a Tensor, and mutates_args must name it alone.")
        if returns != ["Tensor"]:
            error(
                "Tag.inplace: the function returns its first argument, so annotate '-> Tensor', not "
                f"{returns}."
            )
        returns = [f"Tensor({letters[first.name]}!)"]
    if Tag.out in kinds:
        if not letters:
            error("Tag.out: mutates_args must name the keyword-only Tensors that are written.")
        if returns != ["Tensor"] * len(letters):
            error(
                f"Tag.out: the function returns {list(letters)}, so its annotation must be as many Tensors."
            )
        returns = [f"Tensor({letter}!)" for letter in letters.values()]
    return f"{op_name or ''}({', '.join(params)}) -> {_returns_text(returns)}"


_RETURNS = {plait.Tensor: "Tensor", int: "int", float: "float", bool: "bool", numbers.Number: "Scalar"}


def _returns(hint: Any, error: Callable[[str], NoReturn]) -> list[str]:
    valid = (
        "Tensor, list[Tensor], int, float, bool, int | float | bool, a tuple[...] of 2 to 4 of them, and None"
    )

    def one(h: Any) -> str:
        kind, optional = _without_none(h)
        word = None
        if not optional and typing.get_origin(kind) is list:
            word = "Tensor[]" if typing.get_args(kind) == (plait.Tensor,) else None
        elif not optional:
            word = _RETURNS.get(kind)
        if word is None:
            error(f"Return has unsupported type {hint}. The valid types are: {valid}.")
        return word

    if hint is inspect.Parameter.empty:
        error("No return type annotation was provided. Please add one ('-> None' where nothing is returned).")
    if hint is None or hint is type(None):
        return []
    if typing.get_origin(hint) is not tuple:
        return [one(hint)]
    parts = typing.get_args(hint)
    if not 2 <= len(parts) <= MAX_RETURNS or ... in parts:
        error(
            f"Return has unsupported type {hint}: a tuple has 2 to {MAX_RETURNS} results; return one alone, "
            "and more as list[Tensor]."
        )
    return [one(p) for p in parts]


def _returns_text(returns: list[str]) -> str:
    if not returns:
        return "void"
    if len(returns) == 1:
        return returns[0]
    return f"({', '.join(f'{r} result{i}' for i, r in enumerate(returns))})"


def normal_schema(name: str, schema: str) -> str:
    """A schema as written by hand in plait's words, under its op's name: PyTorch's words for types are taken,
    too.

    >>> normal_schema("mine::f", "(Tensor x, SymInt n, ScalarType? t=None) -> (Tensor, Tensor)")
    'mine::f(Tensor x, int n, dtype? t=None) -> (Tensor result0, Tensor result1)'
    """
    given, arrow, returns = schema.rpartition("->")
    if not arrow or "(" not in given:
        raise ValueError(
            f"custom_op('{name}'): argument 'schema' must be like '(Tensor x, int n) -> Tensor', got "
            f"'{schema}'"
        )
    before, _, params = given.partition("(")
    if before.strip() not in ("", name, name.partition("::")[2]):
        raise ValueError(f"custom_op('{name}'): the schema names another op: '{schema}'")
    for theirs, ours in (
        ("SymInt", "int"),
        ("ScalarType", "dtype"),
        ("Device", "device"),
        ("MemoryFormat", "memory_format"),
    ):
        params = re.sub(rf"\b{theirs}\b(?=[\[?\]\s])", ours, params)
        returns = re.sub(rf"\b{theirs}\b", ours, returns)
    returns = returns.strip()
    if returns == "()":
        returns = "void"
    elif returns.startswith("(") and returns.endswith(")"):
        parts = [p.strip() for p in returns[1:-1].split(",")]
        if len(parts) > MAX_RETURNS:
            raise ValueError(
                f"custom_op('{name}'): {len(parts)} results, at most {MAX_RETURNS} are possible; return a "
                "Tensor[]"
            )
        named = [p if " " in p else f"{p} result{i}" for i, p in enumerate(parts)]
        returns = f"({', '.join(named)})" if len(parts) > 1 else parts[0].split(" ")[0]
    return f"{name}({params.strip()} -> {returns}"
