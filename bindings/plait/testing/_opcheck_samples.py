"""What opcheck works with: an op and what is declared of it, samples and their copies, layouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import plait

from .. import _C

SEED = 20240607


# ---- the op


class Op:
    """An op as opcheck sees it: the callable, and what the registry says about it."""

    def __init__(self, op: Any):
        from ..library import CustomOpDef, _defined

        name = op._qualname if isinstance(op, CustomOpDef) else getattr(op, "__name__", "")
        self.inplace = False
        if not isinstance(op, (CustomOpDef, type(_C.ops["add"]))):
            raise ValueError(
                "opcheck: argument 'op' must be an op: what custom_op returned, plait.ops.<namespace>.<op>, "
                f"an op of an extension's module, or one of plait's own such as plait.relu; got {op!r}"
            )
        if isinstance(op, CustomOpDef) and _defined.get(name) is not op:
            raise ValueError(
                f"opcheck: '{name}' has been defined anew by custom_op since; give the op which that returned"
            )
        self.overloads = _C._describe_op(name)
        if not self.overloads and name.endswith("_"):
            self.overloads = [o for o in _C._describe_op(name[:-1]) if o["inplace"]]
            self.inplace = True
        if not self.overloads:
            raise ValueError(
                f"opcheck: '{name}' is not in the registry any more; was its library loaded anew?"
            )
        self.name = name
        self.function = op
        self.library = self.overloads[0]["library"]
        self.own = self.library == "plait"
        self.python = isinstance(op, CustomOpDef) or self.library.startswith("the Python module")
        self.short = name.rpartition("::")[2]

    def bind(self, args: tuple, kwargs: dict[str, Any]) -> tuple[dict, dict[str, Any]]:
        """The overload that takes the arguments, and they by name."""
        for overload in self.overloads:
            params = overload["params"]
            names = [p["name"] for p in params if not p["keyword_only"]]
            if len(args) > len(names) and not (names and self.own):
                continue
            bound = dict(zip(names, args))
            if any(
                p["tensor"] != _has_tensors(bound[p["name"]])
                for p in params
                if _has_tensors(bound.get(p["name"]))
            ):
                continue
            if set(kwargs) - {p["name"] for p in params} - {"out"} and len(self.overloads) > 1:
                continue
            return overload, {**bound, **kwargs}
        overload = self.overloads[0]
        return overload, {**dict(zip([p["name"] for p in overload["params"]], args)), **kwargs}

    def written(self, overload: dict) -> set[str]:
        """The arguments that are declared to be written."""
        names = {p["name"] for p in overload["params"] if p["mutates"]}
        return names | ({overload["params"][0]["name"]} if self.inplace else set()) | {"out"}

    def alias_names(self, overload: dict) -> tuple[dict[str, str], list[str | None]]:
        """The alias sets in the schema, by argument and by result: Tensor(a) x -> Tensor(a)."""
        given, _, returns = overload["schema"].rpartition("->")
        params = {n: letter for letter, n in re.findall(r"Tensor\((\w+)!?\)[^\s,]*\s+(\w+)", given)}
        found = [re.search(r"Tensor\((\w+)!?\)", r) for r in returns.split(",")]
        return params, [m.group(1) if m else None for m in found]

    def is_view(self, overload: dict) -> bool:
        """May results of one of plait's own ops share memory with its arguments?"""
        return self.own and (overload["composite"] or _plait_views().get(overload["name"], False))


def _plait_views() -> dict[str, bool]:
    return {e["name"]: True for e in _C.registry() if e["view"] or e["kind"] == "view"}


# ---- samples


def is_tensor(value: Any) -> bool:
    return isinstance(value, plait.Tensor)


def _has_tensors(value: Any) -> bool:
    return is_tensor(value) or (isinstance(value, (list, tuple)) and any(map(is_tensor, value)))


def tensors_of(value: Any) -> list[Any]:
    """All tensors in arguments or results, in order."""
    if is_tensor(value):
        return [value]
    if isinstance(value, dict):
        return [t for v in value.values() for t in tensors_of(v)]
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_of(v)]
    return []


def map_tensors(value: Any, function: Callable[[Any], Any]) -> Any:
    """The same nesting with `function` of every tensor."""
    if is_tensor(value):
        return function(value)
    if isinstance(value, dict):
        return {k: map_tensors(v, function) for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map_tensors(v, function) for v in value)
    return value


def labels(bound: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """(argument, its name in messages, tensor) for all tensors among the arguments."""
    found = []
    for name, value in bound.items():
        if is_tensor(value):
            found.append((name, f"'{name}'", value))
        elif isinstance(value, (list, tuple)):
            found += [(name, f"'{name}'[{i}]", t) for i, t in enumerate(value) if is_tensor(t)]
    return found


def _brief(value: Any) -> str:
    if is_tensor(value):
        text = f"{str(value.dtype).rpartition('.')[2]}{list(value.shape)}"
        return text + (".requires_grad" if value.requires_grad else "")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_brief, value))}]"
    return repr(value)


class Sample:
    """Arguments of one call, which stay as they are."""

    def __init__(self, op: Op, args: tuple, kwargs: dict[str, Any]):
        self.op, self.args, self.kwargs = op, args, kwargs
        self.overload, self.bound = op.bind(args, kwargs)
        self.written = op.written(self.overload)
        self.generators = [(v, v.get_state()) for v in self.bound.values() if isinstance(v, plait.Generator)]

    def text(self) -> str:
        given = [_brief(a) for a in self.args] + [f"{k}={_brief(v)}" for k, v in self.kwargs.items()]
        return f"({', '.join(given)})"

    def wants_grad(self, t: Any) -> bool:
        return t.requires_grad and (t.is_floating_point() or t.is_complex())

    def differentiable(self) -> bool:
        return any(self.wants_grad(t) for _, _, t in labels(self.bound))

    def copy(
        self, change: Callable[[Any], Any] | None = None, *, grad: bool = False
    ) -> tuple[tuple, dict[str, Any]]:
        """Copies of the arguments with their strides, or changed ones; leaves that require grad if `grad`."""

        def one(t: Any) -> Any:
            with plait.no_grad():
                new = faithful_copy(t) if change is None else change(t.detach())
            return new.detach().requires_grad_(grad and self.wants_grad(t))

        args, kwargs = map_tensors((self.args, self.kwargs), one)
        return args, kwargs

    def call(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Runs the op with the generators where they were."""
        plait.manual_seed(SEED)
        for generator, state in self.generators:
            generator.set_state(state)
        return self.op.function(*args, **kwargs)


def faithful_copy(t: Any) -> Any:
    """A copy with the same strides and offset, gaps included."""
    if t.device.type == "meta" or t.numel() == 0:
        return t.detach().clone()
    last = t.storage_offset() + sum((n - 1) * s for n, s in zip(t.shape, t.stride()))
    memory = plait.as_strided(t.detach(), (last + 1,), (1,), 0).clone()
    return plait.as_strided(memory, tuple(t.shape), tuple(t.stride()), t.storage_offset())


def storage_bytes(t: Any) -> bytes:
    """Everything in a tensor's storage."""
    return bytes(_C._storage_bytes(t.detach().cpu())) if t.numel() else b""


def element_bytes(t: Any) -> bytes:
    """The elements alone."""
    return storage_bytes(t.detach().clone(memory_format=plait.contiguous_format))


def _memory(t: Any) -> tuple[int, int]:
    start, size, *_ = _C._storage_info(t)
    return start, start + size


def share_memory(a: Any, b: Any) -> bool:
    (a0, a1), (b0, b1) = _memory(a), _memory(b)
    return a0 < b1 and b0 < a1


def layout_of(t: Any) -> tuple:
    return t.data_ptr(), tuple(t.shape), tuple(t.stride()), t.dtype


def strides_of(t: Any) -> tuple:
    """Of the dimensions where they mean something."""
    return tuple(s for n, s in zip(t.shape, t.stride()) if n > 1) if t.numel() else ()


# ---- layouts


# What fills the gaps shows where it is read: NaN, and for integers (which may be indices) other elements.
def _gaps(t: Any) -> Any:
    if t.dim() == 0:
        return t.clone()
    floating = t.is_floating_point() or t.is_complex()
    return plait.stack([t, plait.full_like(t, float("nan")) if floating else t.flip(0)], -1)[..., 0]


def _transposed(t: Any) -> Any:
    return t.transpose(0, -1).contiguous().transpose(0, -1) if t.dim() > 1 else t.clone()


def _offset(t: Any) -> Any:
    if t.numel() == 0:
        return t.clone()
    flat = t.reshape(-1)
    return plait.cat([flat[-1:], flat])[1:].view(tuple(t.shape))


def expanded(t: Any) -> Any:
    return plait.ones((), dtype=t.dtype, device=t.device).expand(tuple(t.shape))


LAYOUTS: tuple[tuple[str, Callable], ...] = (
    ("with gaps between their elements", _gaps),
    ("that are transposed", _transposed),
    ("that begin within their memory (storage_offset of 1)", _offset),
)
