"""Classes that take part in ops: subclasses of Tensor, and other classes with a `__torch_function__`.

Every op that gets an instance of such a class calls `__torch_function__(func, types, args, kwargs)` of the
class. A subclass of Tensor that has none of its own keeps its class in the results:

>>> class Tagged(plait.Tensor):
...     pass
>>> x = plait.ones(2).as_subclass(Tagged)
>>> type(x + 1).__name__, type(plait.exp(x)).__name__
('Tagged', 'Tagged')

and one that has its own decides:

>>> class Logged(plait.Tensor):
...     @classmethod
...     def __torch_function__(cls, func, types, args=(), kwargs=None):
...         print(func.__name__)
...         return super().__torch_function__(func, types, args, kwargs)
>>> y = plait.ones(2).as_subclass(Logged).mul(2)
mul

Note [Which calls]
    Ops and the methods of Tensor ask the class, the properties whose value is a tensor (`T`, `mT`, `H`, `mH`,
    `real`, `imag`, `data`) too. So do functions that are written in Python but count as one op
    (bindings/composite.cpp). Others that are made of ops (many of plait.nn.functional) ask for each of these,
    where PyTorch asks once. Operators come as the method they stand for (`x * y` and `2 * x` as
    `Tensor.mul`, `1 - x` as `Tensor.__rsub__`). `shape`, `dtype`, `device` and other plain properties do not
    ask. A subclass gets its own methods for that when it is made (`_prepare`), so that tensors of other
    classes pay nothing; ops and operators look at their arguments in C++ (bindings/overrides.cpp).
"""

from __future__ import annotations

import functools
import threading

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

__all__ = [
    "BaseTorchFunctionMode",
    "TorchFunctionMode",
    "get_default_nowrap_functions",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "overridable",
    "resolve_name",
    "wrap_torch_function",
]

Tensor = _C.Tensor


def _disabled_torch_function_impl(
    func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """The `__torch_function__` of classes that take no part: ops treat their instances as any tensor."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))


class DisableTorchFunctionSubclass:
    """Within the block ops treat instances of subclasses as any tensor."""

    _before: tuple[bool, int]

    def __enter__(self) -> None:
        off, modes = _C._overrides()
        self._before = (off, modes)
        _C._set_overrides(True, modes)

    def __exit__(self, *error: object) -> None:
        _C._set_overrides(*self._before)


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """As DisableTorchFunctionSubclass; modes are left out, too."""

    def __enter__(self) -> None:
        self._before = _C._overrides()
        _C._set_overrides(True, 0)


def _takes_part(kind: type) -> bool:
    function = getattr(kind, "__torch_function__", None)
    if function is None or kind is Tensor:
        return False
    return getattr(function, "__func__", function) is not _disabled_torch_function_impl


def _taking_part(args: Iterable[Any]) -> list[Any]:
    """The first instance of each class that takes part; a subclass comes before its bases."""
    found: list[Any] = []
    kinds: list[type] = []
    off = _C._overrides()[0]

    def look(value: Any) -> None:
        kind = type(value)
        if kind in kinds or not _takes_part(kind) or (off and isinstance(value, Tensor)):
            return
        at = next((i for i, known in enumerate(kinds) if issubclass(kind, known)), len(kinds))
        kinds.insert(at, kind)
        found.insert(at, value)

    for arg in args:
        if type(arg) in (list, tuple):
            for value in arg:
                look(value)
        else:
            look(arg)
    return found


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Is one of the arguments an instance of a class that takes part in ops?

    >>> plait.overrides.has_torch_function((plait.ones(1), 2))
    False
    """
    return _C._overrides()[1] > 0 or bool(_taking_part(relevant_args))


def handle_torch_function(
    public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any
) -> Any:
    """What the classes of `relevant_args` make of `public_api(*args, **kwargs)`: each `__torch_function__` is
    asked in turn, subclasses first, until one does not return NotImplemented. TypeError where all do.
    """
    result = _ask(public_api, relevant_args, args, kwargs)
    return public_api(*args, **kwargs) if result is NotImplemented else result


def _ask(public_api: Callable, relevant_args: Iterable[Any], args: tuple, kwargs: dict[str, Any]) -> Any:
    """NotImplemented where nobody takes part."""
    relevant = _taking_part(relevant_args)
    types = [type(value) for value in relevant]
    if _C._overrides()[1]:
        with _without_innermost_mode() as mode:
            result = mode.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    elif not relevant:
        return NotImplemented
    for value in relevant:
        result = value.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    name = getattr(public_api, "__name__", public_api)
    raise TypeError(
        f"{name}: no implementation found for {', '.join(t.__name__ for t in types)}: each "
        "__torch_function__ returned NotImplemented"
    )


def _handle(func: Callable, args: tuple, kwargs: dict[str, Any]) -> Any:
    """What C++ calls for ops."""
    return _ask(func, (*args, *kwargs.values()), args, kwargs)


def _converted(result: Any, cls: type) -> Any:
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        items = [_converted(item, cls) for item in result]
        if hasattr(result, "_make"):
            return result._make(items)
        return type(result)(items)
    return result


def _torch_function(
    cls: type, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
) -> Any:
    """What an op does for a subclass that does not say otherwise: it computes as for any tensor, and the
    results are instances of `cls`. NotImplemented where another class than `cls` and its bases takes part.
    """
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
    return result if cls is Tensor or func in get_default_nowrap_functions() else _converted(result, cls)


@functools.cache
def get_default_nowrap_functions() -> set[Callable]:
    """The functions whose results stay as they are in a subclass without its own `__torch_function__`."""
    return {Tensor.__dict__[name].__get__ for name in ("_base", "grad") if name in Tensor.__dict__}


# ---- subclasses of Tensor

# What makes, takes apart or describes an object, and what gives no tensors.
_AS_THEY_ARE = frozenset(
    """
    __new__ __init__ __init_subclass__ __class_getitem__ __torch_function__ __hash__ __len__ __bool__ __int__
    __float__ __complex__ __index__ __iter__ __repr__ __str__ __format__ __reduce__ __reduce_ex__ __getstate__
    __setstate__ __deepcopy__ __copy__ __array__ __dlpack__ __dlpack_device__ __getattribute__ __getattr__
    __setattr__ __delattr__ __del__ __contains__ as_subclass dim ndimension numel nelement size stride
    element_size storage_offset data_ptr untyped_storage storage is_contiguous is_floating_point is_complex
    is_signed is_conj is_neg is_inference is_shared is_pinned is_same_size get_device numpy tolist item
    register_hook register_post_accumulate_grad_hook retain_grad _is_view share_memory_ record_stream
    """.split()  # noqa: SIM905
)
# Operators ask by themselves.
_OPERATORS = frozenset(
    f"__{prefix}{name}__"
    for prefix in ("", "r", "i")
    for name in """
    add sub mul truediv floordiv mod pow matmul and or xor lshift rshift neg abs invert pos lt le eq ne gt ge
    """.split()  # noqa: SIM905
)
_TENSOR_PROPERTIES = ("T", "mT", "H", "mH", "real", "imag", "data")
_methods: dict[str, Any] = {}  # name -> what asks the class first


def _asking(name: str, original: Any) -> Any:
    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _C._overrides()[0]:
            return original(self, *args, **kwargs)
        return handle_torch_function(original, (self, *args, *kwargs.values()), self, *args, **kwargs)

    method.__name__ = name
    return method


def _asking_property(original: Any) -> property:
    getter = original.__get__

    def get(self: Any) -> Any:
        return getter(self) if _C._overrides()[0] else handle_torch_function(getter, (self,), self)

    return property(get, getattr(original, "__set__", None), doc=original.__doc__)


def _asking_methods() -> dict[str, Any]:
    if not _methods:
        asking = (type(_C.ops["add"]), _C.Composite)  # by themselves
        for name, original in vars(Tensor).items():
            if name in _TENSOR_PROPERTIES:
                _methods[name] = _asking_property(original)
            elif not callable(original) or isinstance(original, (*asking, type)):
                continue
            elif name not in _AS_THEY_ARE and name not in _OPERATORS:
                _methods[name] = _asking(name, original)
    return _methods


_prepared: set[type] = set()


def _prepare(cls: type) -> None:
    """Makes a new subclass of Tensor take part in ops, unless its `__torch_function__` says otherwise."""
    if not _takes_part(cls):
        return
    if not any(base in _prepared for base in cls.__mro__):
        own = {name for base in cls.__mro__ if base not in (Tensor, object) for name in vars(base)}
        for name, method in _asking_methods().items():
            if name not in own:
                setattr(cls, name, method)
    _prepared.add(cls)
    _C._add_overriding_type(cls)


def _init_subclass(cls: type, **kwargs: Any) -> None:
    super(Tensor, cls).__init_subclass__(**kwargs)  # type: ignore[misc]
    _prepare(cls)


# ---- modes


class _Entered(threading.local):
    """The modes that the calling thread is in, the innermost last."""

    def __init__(self) -> None:
        self.modes: list[TorchFunctionMode] = []


_entered = _Entered()


class _without_innermost_mode:
    def __enter__(self) -> TorchFunctionMode:
        self._mode = _entered.modes.pop()
        off, count = _C._overrides()
        self._count = count
        _C._set_overrides(off, len(_entered.modes))
        return self._mode

    def __exit__(self, *error: object) -> None:
        _entered.modes.append(self._mode)
        _C._set_overrides(_C._overrides()[0], self._count)


class TorchFunctionMode:
    """A context in which every op asks `__torch_function__(self, func, types, args, kwargs)` of the innermost
    mode, whatever its arguments are. Within that method the mode is off. Of the thread that enters it.

    >>> class Names(plait.overrides.TorchFunctionMode):
    ...     def __torch_function__(self, func, types, args=(), kwargs=None):
    ...         print(func.__name__)
    ...         return func(*args, **(kwargs or {}))
    >>> with Names():
    ...     x = plait.zeros(2)
    zeros
    """

    def __torch_function__(
        self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """What to do for the op; to be overridden."""
        raise NotImplementedError("TorchFunctionMode: a subclass must say what __torch_function__ does")

    def __enter__(self) -> Any:
        _entered.modes.append(self)
        _C._set_overrides(_C._overrides()[0], len(_entered.modes))
        return self

    def __exit__(self, *error: object) -> None:
        _entered.modes.pop()
        _C._set_overrides(_C._overrides()[0], len(_entered.modes))


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(
        self, func: Callable, types: Iterable[type], args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """The op as it is."""
        return func(*args, **(kwargs or {}))


# ---- questions


def is_tensor_like(inp: Any) -> bool:
    """Is it a Tensor, or has its class a `__torch_function__`?

    >>> plait.overrides.is_tensor_like(plait.ones(1)), plait.overrides.is_tensor_like(1)
    (True, False)
    """
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Callable) -> bool:
    """Is it a method or property of Tensor? Ops that are functions of plait, too, count."""
    name = getattr(func, "__name__", "")
    return name == "__get__" or getattr(Tensor, name, None) is func


def resolve_name(f: Callable) -> str | None:
    """A name for people, such as "plait.add"."""
    name = getattr(f, "__name__", None)
    return None if name is None else f"{getattr(f, '__module__', None) or 'plait'}.{name}"


def wrap_torch_function(dispatcher: Callable[..., Sequence[Any]]) -> Callable[[Callable], Callable]:
    """A decorator that makes a function ask the classes of the arguments that `dispatcher(*args, **kwargs)`
    gives.

    >>> @plait.overrides.wrap_torch_function(lambda x: (x,))
    ... def double(x):
    ...     return 2 * x
    >>> double(1)
    2
    """

    def decorate(func: Callable) -> Callable:
        @functools.wraps(func)
        def asking(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(asking, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return asking

    return decorate


def overridable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which asks the classes of its arguments first. For functions that are written in Python;
    ops ask by themselves.
    """
    return _C._composite(function)


def get_overridable_functions() -> dict[Any, list[Callable[..., Any]]]:
    """The functions that ask, by the module they are in.

    >>> plait.add in plait.overrides.get_overridable_functions()[plait]
    True
    """
    import plait

    kinds = (type(plait.add), _C.Composite)
    return {
        plait: [f for f in vars(plait).values() if isinstance(f, kinds)],
        Tensor: [f for f in vars(Tensor).values() if isinstance(f, kinds)],
        plait.linalg: [getattr(plait.linalg, n) for n in plait.linalg.__all__],
    }


def get_ignored_functions() -> set[Callable[..., Any]]:
    """The public functions of `plait` that do not ask: of tensors or not, they are Python's own.

    >>> plait.manual_seed in plait.overrides.get_ignored_functions()
    True
    """
    import plait

    public = [getattr(plait, name) for name in dir(plait) if not name.startswith("_")]  # loads them
    asking = {f for functions in get_overridable_functions().values() for f in functions}
    return {f for f in public if callable(f) and not isinstance(f, type) and f not in asking}


def get_testing_overrides() -> dict[Callable[..., Any], Callable[..., Any]]:
    """A stand-in for each function that asks, which takes any arguments and returns -1.

    >>> plait.overrides.get_testing_overrides()[plait.add](1, 2)
    -1
    """

    def stand_in(*args: Any, **kwargs: Any) -> int:
        return -1

    return {f: stand_in for functions in get_overridable_functions().values() for f in functions}


_C._set_override_handler(_handle)
