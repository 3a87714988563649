"""What programs ask of `torch._C`, PyTorch's compiled module, beside what plait's has: questions about modes
that plait has not, switches of a compiler that it has not. Every other name is `plait._C`'s.
"""

from __future__ import annotations

from .. import _C
from ..linalg import LinAlgError as _LinAlgError
from ..overrides import DisableTorchFunction, DisableTorchFunctionSubclass, _disabled_torch_function_impl
from . import _functorch, _nn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "DispatchKey",
    "DispatchKeySet",
    "DisableTorchFunction",
    "DisableTorchFunctionSubclass",
    "_ExcludeDispatchKeyGuard",
    "_LinAlgError",
    "_TensorMeta",
    "_are_functorch_transforms_active",
    "_disabled_torch_function_impl",
    "_functorch",
    "_get_privateuse1_backend_name",
    "_get_tracing_state",
    "_is_alias_of",
    "_is_torch_function_mode_enabled",
    "_is_tracing",
    "_log_api_usage_once",
    "_nn",
]


_TensorMeta = type(_C.Tensor)


def _is_alias_of(a: Any, b: Any) -> bool:
    """Do two tensors share a storage?"""
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def _is_torch_function_mode_enabled() -> bool:
    """Is the thread within a TorchFunctionMode?"""
    return _C._overrides()[1] > 0


def _get_tracing_state() -> None:
    """The graph that is being traced: none, ever."""


def _is_tracing() -> bool:
    """Is the code being traced? Never."""
    return False


def _are_functorch_transforms_active() -> bool:
    """Do tensors stand for batches or carry tangents? Never: the transforms of plait.func call functions with
    tensors like any other.
    """
    return False


def _get_privateuse1_backend_name() -> str:
    """The name of the device type that an extension may take."""
    return "privateuseone"


def _log_api_usage_once(event: str) -> None:
    """Nothing: usage is not recorded."""


class _Keys(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return cls(name)


class DispatchKey(metaclass=_Keys):
    """A layer of PyTorch's dispatcher, by its name: plait has autograd, autocast and kernels, in that order,
    for every op.
    """

    def __init__(self, name: str):
        self.name = name


class DispatchKeySet:
    """Several layers."""

    def __init__(self, *keys: DispatchKey):
        self.names = frozenset(key.name for key in keys)

    def __or__(self, other: DispatchKeySet) -> DispatchKeySet:
        both = DispatchKeySet()
        both.names = self.names | other.names
        return both

    def has(self, key: DispatchKey) -> bool:
        """Is it one of them?"""
        return key.name in self.names


class _ExcludeDispatchKeyGuard:
    """Leaves layers out within the block. Of autocast they can be; for others NotImplementedError."""

    def __init__(self, keys: DispatchKeySet):
        others = [name for name in keys.names if not name.startswith("Autocast")]
        if others:
            raise NotImplementedError(
                f"_ExcludeDispatchKeyGuard: plait leaves out autocast only, not {', '.join(sorted(others))}"
            )
        self._off: list[Any] = []

    def __enter__(self) -> None:
        from ..amp import autocast

        for device in ("cpu", "cuda"):
            self._off.append(autocast(device, enabled=False))
            self._off[-1].__enter__()

    def __exit__(self, *error: Any) -> None:
        while self._off:
            self._off.pop().__exit__(*error)


def _switch(*args: Any) -> bool:
    """Nothing, and that it was off: what would be switched is not there."""
    return False


def __getattr__(name: str) -> Any:
    if name.startswith("_jit_"):
        return _switch
    return getattr(_C, name)
