"""ModuleTracker: which modules are being computed, or differentiated, at this moment."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

__all__ = ["ModuleTracker"]


class ModuleNames:
    """Names of modules as they are met: the class of the outermost one, and the way down from there."""

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    def __call__(self, module: Any) -> str:
        """The module's name, "Sequential.0" say."""
        if module not in self._names:
            outermost = type(module).__name__
            for name, each in module.named_modules():
                self._names[each] = f"{outermost}.{name}" if name else outermost
        return self._names[module]


class ModuleTracker:
    """A context in which `parents` is the set of the names of the modules that are being computed, or
    differentiated, and "Global". A name is the class of the outermost module and the way from there.

    `is_bw`: is a backward running?

    >>> layer = plait.nn.Sequential(plait.nn.ReLU())
    >>> with plait.utils.module_tracker.ModuleTracker() as tracker:
    ...     handle = layer[0].register_forward_pre_hook(lambda *call: print(sorted(tracker.parents)))
    ...     y = layer(plait.ones(2))
    ['Global', 'Sequential', 'Sequential.0']
    """

    def __init__(self) -> None:
        self._computed: set[str] = set()
        self._differentiated: set[str] = set()  # by the backward of this number
        self._number = 0
        self._name_of = ModuleNames()
        self._hooks: list[Any] = []

    @property
    def is_bw(self) -> bool:
        """Is a backward running?"""
        return _C._backward_number() != 0

    @property
    def parents(self) -> set[str]:
        """The names of the modules at this moment. What is left of a backward that has ended does not
        count: that of a module whose arguments get no gradients."""
        if self._number != _C._backward_number():
            self._differentiated.clear()
        return {"Global"} | self._computed | self._differentiated

    def __enter__(self) -> Self:
        from ..nn import register_module_forward_hook, register_module_forward_pre_hook

        self._hooks = [
            register_module_forward_pre_hook(self._before),
            register_module_forward_hook(self._after, always_call=True),
        ]
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        self._computed.clear()
        self._differentiated.clear()

    def _before(self, module: Any, args: Any) -> None:
        name = self._name_of(module)
        self._computed.add(name)
        self._when_differentiated(args, lambda: self._differentiated.discard(name))

    def _after(self, module: Any, args: Any, result: Any) -> None:
        name = self._name_of(module)
        self._computed.discard(name)
        self._when_differentiated(result, lambda: self._enter_backward(name))

    def _enter_backward(self, name: str) -> None:
        number = _C._backward_number()
        if number != self._number:
            self._differentiated.clear()
            self._number = number
        self._differentiated.add(name)

    def _when_differentiated(self, values: Any, call: Callable[[], None]) -> None:
        from ..autograd.graph import register_multi_grad_hook
        from ._pytree import tree_leaves

        tensors = [t for t in tree_leaves(values) if isinstance(t, _C.Tensor) and t.requires_grad]
        if tensors:
            self._hooks.append(register_multi_grad_hook(tensors, lambda grads: call()))
