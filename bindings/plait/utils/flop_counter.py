"""FlopCounterMode: the operations that a block of code takes, by the profiler's formulas."""

from __future__ import annotations

from ..overrides import TorchFunctionMode
from ._pytree import tree_map
from .module_tracker import ModuleNames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Self

    from ..profiler import FunctionEvent

__all__ = ["FlopCounterMode", "register_flop_formula"]

_formulas: dict[str, Callable[..., int]] = {}  # of register_flop_formula, by the name of the op


def _name_of(op: Any) -> str:
    """What a profile calls an op, a custom op, or an op of PyTorch's namespace."""
    name = op if isinstance(op, str) else getattr(op, "_qualname", None) or getattr(op, "__name__", None)
    if not isinstance(name, str):
        raise TypeError(f"FlopCounterMode: expected an op, as plait.mm or plait.ops.mine.op, got {op!r}")
    return name


def _shape(value: Any) -> Any:
    from .. import Tensor

    return value.shape if isinstance(value, Tensor) else value


def _of_shapes(formula: Callable[..., int]) -> Callable[..., int]:
    """A formula of shapes as one of values."""

    def of_values(*args: Any, out_val: Any, **kwargs: Any) -> int:
        args, kwargs, out_shape = tree_map(_shape, (args, kwargs, out_val))
        return formula(*args, out_shape=out_shape, **kwargs)

    of_values._get_raw = True  # type: ignore[attr-defined]
    return of_values


def register_flop_formula(
    targets: Any, get_raw: bool = False
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Decorates the formula of an op, or of a list of ops, for every FlopCounterMode: it is called with the
    arguments of a call, shapes in the place of tensors, and `out_shape`, or with `get_raw` with the arguments
    as they are and `out_val`. Raises RuntimeError for an op that has one.

    >>> @plait.library.custom_op("documented::double", mutates_args=())
    ... def double(x: plait.Tensor) -> plait.Tensor:
    ...     return x * 2
    >>> @plait.utils.flop_counter.register_flop_formula(double)
    ... def double_flops(x_shape, *, out_shape=None):
    ...     return out_shape.numel()
    >>> with plait.utils.flop_counter.FlopCounterMode(display=False) as counter:
    ...     y = double(plait.ones(5))
    >>> counter.get_flop_counts()
    {'Global': {'documented::double': 5}}
    """

    def register(formula: Callable[..., int]) -> Callable[..., int]:
        made = formula if get_raw else _of_shapes(formula)
        names = [_name_of(op) for op in (targets if isinstance(targets, (list, tuple)) else [targets])]
        for name in names:
            if name in _formulas:
                raise RuntimeError(f"register_flop_formula: {name} has a formula already")
        _formulas.update(dict.fromkeys(names, made))
        return made

    return register


class _CountedCalls(TorchFunctionMode):
    """Counts the calls of ops that have formulas of their own, and marks them by ranges of the profile."""

    def __init__(self, formulas: dict[str, Callable[..., int]]):
        self.formulas = formulas
        self.calls: dict[int, tuple[str, int]] = {}  # by the range

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        from ..profiler import record_function

        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        formula = self.formulas.get(name)
        if formula is None:
            return func(*args, **kwargs)
        with record_function(name) as call:
            result = func(*args, **kwargs)
        self.calls[call._open] = name, int(formula(*args, **kwargs, out_val=result))
        return result


class FlopCounterMode:
    """Counts the floating point operations within a block: of matrix products and convolutions, a
    multiplication and an addition each, and of sums and products of tensors. Counts of a former block are
    forgotten where a new one begins.

    Counts are by module and by op; "Global" has all. The derivative of an op counts where the op does.
    `display` prints the table at the end, with modules of up to `depth` levels. `custom_mapping` has formulas
    for ops, see `register_flop_formula`: they count the calls that the program makes of these ops, in the
    place of what the ops call. `mods` is not needed.

    >>> net = plait.nn.Sequential(plait.nn.Linear(3, 4, bias=False))
    >>> with plait.utils.flop_counter.FlopCounterMode(display=False) as counter:
    ...     y = net(plait.ones(2, 3)) @ plait.ones(4)
    >>> counter.get_total_flops()
    64
    >>> counter.get_flop_counts()
    {'Global': {'linear': 48, 'matmul': 16}, 'Sequential': {'linear': 48}, 'Sequential.0': {'linear': 48}}
    """

    def __init__(
        self, mods: Any = None, depth: int | None = 2, display: bool = True, custom_mapping: Any = None
    ):
        if mods is not None:
            from warnings import warn

            warn("FlopCounterMode: mods is not needed any more", stacklevel=2)
        self.depth = depth
        self.display = display
        self._formulas = {
            _name_of(op): formula if getattr(formula, "_get_raw", False) else _of_shapes(formula)
            for op, formula in (custom_mapping or {}).items()
        }
        self.flop_counts: dict[str, dict[str, int]] = {}
        self._leave: Any = None

    def __enter__(self) -> Self:
        from contextlib import ExitStack

        from ..nn import register_module_forward_hook, register_module_forward_pre_hook
        from ..profiler import profile, record_function

        self.flop_counts = {}
        name_of = ModuleNames()
        modules: dict[int, str] = {}  # by the range
        ranges: list[record_function] = []

        def begin(module: Any, args: Any) -> None:
            ranges.append(record_function(name_of(module)).__enter__())
            modules[ranges[-1]._open] = name_of(module)

        def end(module: Any, args: Any, result: Any) -> None:
            ranges.pop().__exit__()

        calls = _CountedCalls({**_formulas, **self._formulas})
        with ExitStack() as stack:
            prof = profile(with_flops=True)
            stack.callback(lambda: self._count(prof.events(), modules, calls.calls))
            stack.enter_context(prof)
            stack.callback(register_module_forward_pre_hook(begin).remove)
            stack.callback(register_module_forward_hook(end, always_call=True).remove)
            if calls.formulas:
                stack.enter_context(calls)
            self._leave = stack.pop_all()
        return self

    def __exit__(self, *error: Any) -> None:
        leave, self._leave = self._leave, None
        leave.__exit__(*error)
        if self.display and error[0] is None:
            print(self.get_table())

    def _count(
        self, events: Iterable[FunctionEvent], modules: dict[int, str], calls: dict[int, tuple[str, int]]
    ) -> None:
        owners: dict[int, frozenset[str]] = {}  # by event
        counted: set[int] = set()  # events of calls in `calls`, and within them

        def owners_of(event: FunctionEvent | None) -> frozenset[str]:
            way = []
            while event is not None and event.id not in owners:
                way.append(event)
                event = event.cpu_parent
            found = frozenset({"Global"}) if event is None else owners[event.id]
            within = event is not None and event.id in counted
            for event in reversed(way):
                if event._made_by is not None:
                    found |= owners_of(event._made_by)
                if event.id in modules:
                    found |= {modules[event.id]}
                owners[event.id] = found
                if event.id in calls and not within:
                    self._add(found, *calls[event.id])
                    within = True
                if within:
                    counted.add(event.id)
            return found

        for event in events:
            found = owners_of(event)
            if event.flops and event.id not in counted:
                self._add(found, event.name, int(event.flops))

    def _add(self, owners: Iterable[str], name: str, flops: int) -> None:
        for owner in sorted(owners):
            counts = self.flop_counts.setdefault(owner, {})
            counts[name] = counts.get(name, 0) + flops

    def get_total_flops(self) -> int:
        """All operations."""
        return sum(self.flop_counts.get("Global", {}).values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Operations by op, by module; under "Global" all."""
        return {name: dict(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as a text: modules of up to `depth` levels (what the counter was made with; None: all),
        and their ops."""
        depth = self.depth if depth is None else depth
        total = self.get_total_flops()
        lines = [("Module", "FLOP", "% Total")]
        for owner in ("Global", *sorted(set(self.flop_counts) - {"Global"})):
            level = 0 if owner == "Global" else owner.count(".") + 1
            if depth is not None and level > depth:
                continue
            counts = self.flop_counts.get(owner, {})
            below = [(f" - {op}", flops) for op, flops in counts.items()]
            for name, flops in [(owner, sum(counts.values())), *below]:
                share = f"{100 * flops / total:.2f}%" if total else "0%"
                lines.append((" " * level + name, f"{flops:,}", share))
        widths = [max(map(len, column)) for column in zip(*lines)]
        return "\n".join(f"{a:{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in lines)
