"""How tensors print: as PyTorch prints them."""

from __future__ import annotations

import math

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_options: dict[str, Any] = {
    "precision": 4,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 80,
    "sci_mode": None,
}


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
) -> None:
    """Sets how tensors print: digits after the point, the number of elements above which the middle is left
    out, how many remain at each edge, characters in a line, and whether scientific notation is used (None:
    where it is shorter).
    """
    profiles = {"default": (4, 1000, 3, 80), "short": (2, 1000, 2, 80), "full": (4, math.inf, 3, 80)}
    if profile is not None:
        _options.update(zip(("precision", "threshold", "edgeitems", "linewidth"), profiles[profile]))
    for name, value in (
        ("precision", precision),
        ("threshold", threshold),
        ("edgeitems", edgeitems),
        ("linewidth", linewidth),
    ):
        if value is not None:
            _options.update({name: value})
    _options["sci_mode"] = sci_mode


class _Formatter:
    """One format for all elements of a tensor."""

    def __init__(self, values: list):
        self.floating = bool(values) and isinstance(values[0], float)
        self.width = 1
        if not self.floating:
            self.width = max([len(str(v)) for v in values], default=1)
            return
        finite = [abs(v) for v in values if math.isfinite(v) and v != 0]
        self.whole = all(v == math.trunc(v) for v in values if math.isfinite(v))
        low, high = min(finite, default=1.0), max(finite, default=1.0)
        self.sci = high / low > 1000 or high > 1e8 or low < 1e-4
        if finite and _options["sci_mode"] is not None:
            self.sci = _options["sci_mode"]
        # As in PyTorch, zeros do not count, nor do infinities and NaN.
        self.width = max([len(self.text(v)) for v in values if math.isfinite(v) and v != 0], default=1)

    def text(self, value) -> str:
        if not self.floating or not math.isfinite(value):
            return str(value)
        if self.sci:
            return f"{value:.{_options['precision']}e}"
        if self.whole:
            return f"{value:.0f}."
        return f"{value:.{_options['precision']}f}"

    def __call__(self, value) -> str:
        return self.text(value).rjust(self.width)


class _ComplexFormatter:
    def __init__(self, values: list):
        self.real = _Formatter([v.real for v in values])
        self.imag = _Formatter([abs(v.imag) for v in values])
        self.width = self.real.width + _Formatter([v.imag for v in values]).width + 1

    def __call__(self, value) -> str:
        sign = "-" if math.copysign(1.0, value.imag) < 0 else "+"
        return f"{self.real(value.real)}{sign}{self.imag(abs(value.imag)).strip()}j"


def _edges(tensor):
    """The part of a large tensor that is printed, as nested lists with None where the middle is left out."""
    edge = _options["edgeitems"]
    if tensor.dim() == 0:
        return tensor.item()
    rows = tensor.shape[0]
    if rows > 2 * edge:
        return (
            [_edges(tensor[i]) for i in range(edge)]
            + [None]
            + [_edges(tensor[i]) for i in range(rows - edge, rows)]
        )
    return [_edges(tensor[i]) for i in range(rows)]


def _leaves(nested) -> list:
    if not isinstance(nested, list):
        return [nested]
    return [leaf for item in nested if item is not None for leaf in _leaves(item)]


def _nested_text(nested, formatter, indent: int, depth: int) -> str:
    if not isinstance(nested, list):
        return formatter(nested)
    if depth == 1:
        cells = [" ..." if item is None else formatter(item) for item in nested]
        per_line = max(1, (_options["linewidth"] - indent) // (formatter.width + 2))
        lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    parts = [
        "..." if item is None else _nested_text(item, formatter, indent + 1, depth - 1) for item in nested
    ]
    return "[" + ("," + "\n" * (depth - 1) + " " * (indent + 1)).join(parts) + "]"


def tensor_text(tensor) -> str:
    """The text of repr(tensor)."""
    from .nn import parameter

    plain = tensor.detach()
    if type(plain) is not _C.Tensor:
        plain = plain.as_subclass(_C.Tensor)
    plain_kinds = (_C.Tensor, parameter.Parameter, parameter.Buffer)
    notes: list[str] = []
    batches = _C._batch_sizes(plain)
    for level, size in reversed(batches):
        plain = _C.ops["_batch_reveal"](plain, 0, level)
        notes.insert(0, f"batch={size}")
    prefix = "tensor(" if type(tensor) in plain_kinds else f"{type(tensor).__name__}("
    default = plain.dtype in (_C.get_default_dtype(), _C.int64, _C.bool) or (
        plain.dtype is _C.complex64 and _C.get_default_dtype() is _C.float32
    )
    if plain.is_meta:
        body = "..."
        notes += ["device='meta'", f"size={tuple(plain.shape)}"]
    elif plain.numel() == 0:
        body = "[]"
        if plain.dim() != 1:
            notes.append(f"size={tuple(plain.shape)}")
        default = plain.dtype is _C.get_default_dtype()
    else:
        if not plain.is_cpu:
            notes.append(f"device='{plain.device}'")
            plain = plain.cpu()
        nested = _edges(plain) if plain.numel() > _options["threshold"] else plain.tolist()
        leaves = _leaves(nested)
        formatter = _ComplexFormatter(leaves) if plain.dtype.is_complex else _Formatter(leaves)
        body = _nested_text(nested, formatter, len(prefix), plain.dim())
    if not default:
        notes.append(f"dtype={plain.dtype}")
    node = tensor.grad_fn
    if node is not None:
        notes.append(f"grad_fn=<{node.name()}>")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    text = prefix + body
    last = len(text) - text.rfind("\n") - 1
    for note in notes:
        if last + len(note) + 2 > _options["linewidth"]:
            text += ",\n" + " " * len(prefix) + note
            last = len(prefix) + len(note)
        else:
            text += ", " + note
            last += len(note) + 2
    text += ")"
    return "Parameter containing:\n" + text if isinstance(tensor, parameter.Parameter) else text
