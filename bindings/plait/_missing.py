"""What to say when PyTorch has a name that plait lacks: the nearest thing that works."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

_SPARSE = (
    "tensors are dense; plait.zeros(size).index_put(tuple(indices), values, accumulate=True) makes one of "
    "indices and values"
)
_INSTEAD = {
    "sparse": "tensors are dense; use index_add or scatter_add",
    **dict.fromkeys(
        (
            "sparse_bsc_tensor",
            "sparse_bsr_tensor",
            "sparse_compressed_tensor",
            "sparse_coo_tensor",
            "sparse_csc_tensor",
            "sparse_csr_tensor",
        ),
        _SPARSE,
    ),
    "jagged": "there are no nested tensors; pad, or use plait.nn.utils.rnn.pack_padded_sequence",
    "export": "plait is eager and records no graphs; call the module itself",
    "nested": "there are no nested tensors; pad, or use plait.nn.utils.rnn.pack_padded_sequence",
    "quantization": "there are no quantised tensors; plait.ao.quantization has the stubs",
}


class MissingName(AttributeError):
    """An AttributeError that looks for the nearest name when it is printed. Programs ask for names that may
    not be there (`hasattr(torch, "compile")`), in loops too, and the search costs milliseconds.

    >>> raise MissingName("plait has no 'zeross'", "zeross", lambda: ["zeros", "ones"], "see the reference")
    Traceback (most recent call last):
    AttributeError: plait has no 'zeross'; did you mean 'zeros'?
    """

    def __init__(self, text: str, wanted: str, known: Callable[[], Iterable[str]], otherwise: str):
        super().__init__(text)
        self._wanted, self._known, self._otherwise = wanted, known, otherwise

    def __str__(self) -> str:
        import difflib

        names = [known for known in self._known() if not known.startswith("_")]
        near = difflib.get_close_matches(self._wanted, names, n=1, cutoff=0.6)
        return f"{self.args[0]}; " + (f"did you mean '{near[0]}'?" if near else self._otherwise)

    def __reduce__(self) -> tuple:
        return AttributeError, (str(self),)


MissingName.__module__, MissingName.__qualname__ = "builtins", "AttributeError"  # so it is printed


def missing(owner: str, name: str, known: Callable[[], Iterable[str]]) -> AttributeError:
    """The error for `owner.name`, where `known()` are the names that there are.

    >>> raise missing("plait", "zeross", lambda: ["zeros", "ones"])
    Traceback (most recent call last):
    AttributeError: plait has no 'zeross'; did you mean 'zeros'?
    """
    text = f"{owner} has no '{name}'"
    if name in _INSTEAD:
        return AttributeError(f"{text}; instead: {_INSTEAD[name]}")
    return MissingName(text, name, known, "see plait's reference for what there is")


def placeholders(module: str, names: Iterable[str], why: str) -> Callable[[str], Any]:
    """A `__getattr__` for a module that lacks some of PyTorch's names, so that programs which only import
    them run: each name is a class, for annotations and isinstance, that raises NotImplementedError when
    called.

    >>> get = placeholders("plait.fx", ["symbolic_trace"], "plait records no graphs")
    >>> get("symbolic_trace")(None)
    Traceback (most recent call last):
    NotImplementedError: plait.fx.symbolic_trace is not there: plait records no graphs
    """
    absent = frozenset(names)

    def __getattr__(name: str) -> Any:
        if name not in absent:
            raise AttributeError(f"{module} has no '{name}': {why}")
        import sys

        made = absent_class(module, name, why)
        setattr(sys.modules[module], name, made)
        return made

    return __getattr__


class _Absent(type):
    """The type of placeholders whose own names, such as the members of an enumeration, are placeholders."""

    _why: str

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"{cls.__module__}.{cls.__qualname__} has no '{name}': {cls._why}")
        made = absent_class(cls.__module__, f"{cls.__qualname__}.{name}", cls._why)
        setattr(cls, name, made)
        return made

    def __iter__(cls):
        return iter(())


def absent_class(module: str, name: str, why: str) -> type:
    """A class for annotations, isinstance and bases, that raises NotImplementedError when called, and so do
    the names it is asked for.

    >>> absent_class("torch.distributed.fsdp", "MixedPrecision", "no tensor is split")()
    Traceback (most recent call last):
    NotImplementedError: torch.distributed.fsdp.MixedPrecision is not there: no tensor is split
    """

    def __new__(cls: type, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{module}.{name} is not there: {why}")

    own = {"__new__": __new__, "__module__": module, "__qualname__": name, "__doc__": f"Not there: {why}."}
    return _Absent(name.rpartition(".")[2], (), {**own, "_why": why})
