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


def explain(owner: str, name: str, known: list[str]) -> str:
    """The message of an AttributeError for `owner.name`.

    >>> explain("plait", "zeross", ["zeros", "ones"])
    "plait has no 'zeross'; did you mean 'zeros'?"
    """
    if name in _INSTEAD:
        return f"{owner} has no '{name}'; instead: {_INSTEAD[name]}"
    import difflib

    near = difflib.get_close_matches(name, [k for k in known if not k.startswith("_")], n=1, cutoff=0.6)
    return f"{owner} has no '{name}'" + (
        f"; did you mean '{near[0]}'?" if near else "; see plait's reference for what there is"
    )


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
