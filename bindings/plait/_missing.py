"""What to say when PyTorch has a name that plait lacks: the nearest thing that works."""

from __future__ import annotations

_INSTEAD = {
    "fx": "there is no graph capture yet; call the module itself",
    "distributed": "several processes are not supported yet",
    "multiprocessing": "use Python's multiprocessing; DataLoader workers are threads",
    "sparse": "tensors are dense; use index_add or scatter_add",
    "hub": "load weights with plait.load or plait.utils.safetensors",
    "vmap": "batch by broadcasting, or loop",
    "func": "use plait.autograd.grad",
    "quantization": "there are no quantised tensors yet; use bfloat16",
    "uint16": "plait.int32",
    "uint32": "plait.int64",
    "uint64": "plait.int64",
    "complex32": "plait.complex64",
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
