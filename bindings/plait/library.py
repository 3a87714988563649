"""Ops written in Python, with PyTorch's interface: type hints are the schema.

>>> import numpy as np
>>> from plait import Tensor, library
>>> @library.custom_op("docs::numpy_sin", mutates_args=())
... def numpy_sin(x: Tensor) -> Tensor:
...     return plait.from_numpy(np.sin(x.numpy(force=True)))
>>> @numpy_sin.register_fake
... def _(x):
...     return plait.empty_like(x)
>>> def setup_context(ctx, inputs, output):
...     ctx.save_for_backward(inputs[0])
>>> def backward(ctx, grad):
...     return grad * ctx.saved_tensors[0].cos()
>>> numpy_sin.register_autograd(backward, setup_context=setup_context)
>>> x = plait.tensor([0.0, 1.0], requires_grad=True)
>>> numpy_sin(x).sum().backward()
>>> x.grad
tensor([1.0000, 0.5403])
>>> plait.ops.docs.numpy_sin(x.detach())
tensor([0.0000, 0.8415])

Such an op goes through the dispatcher as any other: it has a signature, checks of its arguments, a
derivative, a Meta shape.
`opcheck` tests that it is what it says.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, overload

import plait

from . import _C, ops
from ._op_autograd import make_autograd
from ._op_schema import Tag, as_tags, infer_schema, normal_schema
from .testing import opcheck

__all__ = [
    "CustomOpDef",
    "Tag",
    "custom_op",
    "infer_schema",
    "opcheck",
    "register_autograd",
    "register_fake",
    "register_kernel",
]

_DEFAULT_DEVICES = ("cpu", "cuda")  # where a kernel for no device in particular runs
_MISSING = {
    "Library": "custom_op(name, function, mutates_args=..., schema='(Tensor x) -> Tensor') declares an op",
    "define": "custom_op(name, function, mutates_args=..., schema='(Tensor x) -> Tensor') declares an op",
    "impl": "register_kernel(op, device_types, function)",
    "impl_abstract": "register_fake(op, function)",
    "get_ctx": "give the op tags=Tag.dynamic_output_shape and no fake kernel where its shape depends on data",
    "get_kernel": "call the op itself, plait.ops.<namespace>.<op>",
    "fallthrough_kernel": "leave the kernel out",
    "register_vmap": "vmap calls the op for one entry after the other",
    "register_autocast": "convert the inputs in the op's function, e.g. by x.to(plait.bfloat16)",
    "register_torch_dispatch": "subclasses of Tensor do not take part in dispatch",
    "register_effect": "ops run when they are called, in the order of the program",
    "triton_op": "plait.cuda.compile_kernel, or C++ and CUDA through plait.utils.cpp_extension",
    "wrap_triton": "plait.cuda.compile_kernel, or C++ and CUDA through plait.utils.cpp_extension",
}

_defined: dict[str, CustomOpDef] = {}  # what a name stands for now
_fakes_to_come: dict[str, Callable] = {}  # fake kernels of ops that are not there yet


@overload
def custom_op(
    name: str,
    fn: None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Tag | Sequence[Tag] | None = None,
) -> Callable[[Callable[..., Any]], CustomOpDef]: ...
@overload
def custom_op(
    name: str,
    fn: Callable[..., Any],
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Tag | Sequence[Tag] | None = None,
) -> CustomOpDef: ...
def custom_op(
    name: str,
    fn: Callable[..., Any] | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Sequence[str] | None = None,
    schema: str | None = None,
    tags: Tag | Sequence[Tag] | None = None,
) -> CustomOpDef | Callable[[Callable[..., Any]], CustomOpDef]:
    """Make an op of a function with type hints; use it as a decorator, or give the function.

    Args:
        name: "namespace::name"; the op is `plait.ops.namespace.name`, too.
        mutates_args: names of the arguments that the function writes, () for none; "unknown" stands for all
            tensors. An op that writes is not differentiated by the argument that it writes.
        device_types: the devices whose kernel this function is, such as "cpu"; None for all.
        schema: such as "(Tensor x, int n) -> Tensor", instead of the type hints.
        tags: of `plait.library.Tag`; Tag.inplace returns the first argument, Tag.out its keyword-only ones.

    The function gets all arguments (lists as lists) and gives results of its own: never an argument itself or
    a view of one, unless the tags say so. It runs below autograd; `register_autograd` gives the derivative,
    without which backward raises NotImplementedError.

    A name that was defined by custom_op before, as in a cell of a notebook that is run again, is replaced:
    `plait.ops` and names stand for the new op, with nothing that was registered for the old one. The old
    CustomOpDef and graphs recorded with it keep to the old functions, and nothing can be registered on it any
    more. Names of ops from C++ are not replaced: ValueError.

    >>> @plait.library.custom_op("docs::scale_", mutates_args=("x",))
    ... def scale_(x: plait.Tensor, factor: float = 2.0) -> None:
    ...     x.numpy(force=True)[...] *= factor
    >>> x = plait.ones(2)
    >>> scale_(x, factor=3.0)
    >>> x, x._version
    (tensor([3., 3.]), 1)
    """
    if fn is None:
        return lambda function: custom_op(
            name, function, mutates_args=mutates_args, device_types=device_types, schema=schema, tags=tags
        )
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*::[A-Za-z_]\w*", name):
        raise ValueError(f"custom_op: argument 'name' must be like 'mylib::my_op', got {name!r}")
    if name.startswith("plait::"):
        raise ValueError(
            f"custom_op('{name}'): the namespace 'plait' is that of plait's own ops; use your project's name"
        )
    if not callable(fn):
        raise TypeError(f"custom_op('{name}'): expected a function, got {type(fn).__name__}")
    kinds = as_tags(tags)
    if schema is None:
        text = infer_schema(fn, mutates_args=mutates_args, op_name=name, tags=kinds)
    else:
        text = normal_schema(name, schema)
    given = None if schema is None or mutates_args == "unknown" else set(mutates_args)
    return CustomOpDef(name, text, fn, kinds, _device_types("custom_op", device_types), given)


class CustomOpDef:
    """An op whose kernels are Python functions: what `custom_op` returns. Call it as the function."""

    def __init__(
        self,
        name: str,
        schema: str,
        fn: Callable,
        tags: tuple[Tag, ...],
        device_types: tuple[str | None, ...],
        mutates: set[str] | None,
    ):
        self._qualname = name
        self._schema = schema
        self._init_fn = fn
        self._tags = tags
        self._kernels: dict[str | None, Callable] = {}
        self._disabled: set[str] = set()
        self._fake: Callable | None = None
        self._autograd: tuple[Callable, Callable | None] | None = None
        # As a function: for help() and for tools that run the examples in docstrings.
        self.__name__ = self.__qualname__ = name.partition("::")[2]
        self.__doc__ = inspect.getdoc(fn)
        self.__module__ = getattr(fn, "__module__", __name__)
        self.__wrapped__ = fn
        earlier = _defined.get(name)
        if earlier is not None:
            _C._remove_op(name)
        try:
            self._declare(mutates)
            self.register_kernel(device_types, fn)
        except BaseException:
            if self._declared:
                _C._remove_op(name)
            if earlier is not None:
                earlier._declare(None)
                _defined[name] = earlier
            else:
                _defined.pop(name, None)
            raise
        ops._forget([name])
        if name in _fakes_to_come:
            self.register_fake(_fakes_to_come.pop(name))

    _declared = False

    def _declare(self, mutates: set[str] | None) -> None:
        """Make the core know the op, and all that was registered for it."""
        name = self._qualname
        owner = f"the Python module '{self.__module__}'"
        _C._declare_op(self._schema, self.__doc__ or "", owner, self._without_kernel("cpu"))
        self._declared = True
        _defined[name] = self
        (description,) = _C._describe_op(name)
        params = description["params"]
        self._returns = description["returns"]
        self._mutates = {p["name"] for p in params if p["mutates"]}
        if mutates is not None and mutates != self._mutates:
            raise ValueError(
                f"custom_op('{name}'): mutates_args={tuple(mutates)}, but the schema says that "
                f"{tuple(self._mutates)} are written (Tensor(a!)): '{self._schema}'; make them agree"
            )
        self._params = [p["name"] for p in params]
        self._keyword_only = [p["name"] for p in params if p["keyword_only"]]
        loose = [p["name"] for p in params if p["keyword_only"] and p["tensor"]]
        if loose and Tag.out not in self._tags:
            raise NotImplementedError(
                f"custom_op('{name}'): the Tensor {loose[0]} is keyword-only, which is for tags=Tag.out; "
                "make it positional"
            )
        self._has_tensors = any(p["tensor"] for p in params)
        self._op = _C._op_function(name)
        # A class of its own, whose __call__ is the core's function: a method in Python costs a third more.
        self.__class__ = type("CustomOpDef", (CustomOpDef,), {"__call__": staticmethod(self._op)})
        for device in (*_DEFAULT_DEVICES, *self._kernels):
            if device is not None:
                self._attach(device)
        _C._set_op_kernel(name, "meta", self._run_fake)
        if self._autograd is not None:
            _C._set_op_autograd(name, make_autograd(name, self._op, *self._autograd))

    # ---- calls

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the op."""
        return self._op(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __reduce__(self):
        return _find, (self._qualname,)

    def __getattr__(self, name: str):
        if name in _MISSING:
            raise AttributeError(f"CustomOpDef has no '{name}'; instead: {_MISSING[name]}")
        raise AttributeError(f"'CustomOpDef' object has no attribute '{name}'")

    # ---- kernels

    @overload
    def register_kernel(
        self, device_types: str | Sequence[str | None] | None, fn: None = None, /
    ) -> Callable[[Callable], Callable]: ...
    @overload
    def register_kernel(
        self, device_types: str | Sequence[str | None] | None, fn: Callable, /
    ) -> Callable: ...
    def register_kernel(
        self, device_types: str | Sequence[str | None] | None, fn: Callable | None = None, /
    ) -> Callable:
        """Give the function for some devices ("cpu", "cuda"); as a decorator, or with the function.

        It replaces the one for these devices that was there. None means all devices without one of their own.
        """
        if fn is None:
            return lambda function: self.register_kernel(device_types, function)
        self._check_current("register_kernel")
        devices = _device_types("register_kernel", device_types)
        if devices != (None,) and not self._has_tensors and "device" not in self._params:
            raise ValueError(
                f"{self._qualname}: an op without tensor arguments finds its kernel by an argument 'device: "
                "plait.device'; add one, or give device_types=None"
            )
        self._kernels.update(dict.fromkeys(devices, fn))
        for device in _DEFAULT_DEVICES if None in devices else devices:
            if device is not None:
                self._attach(device)
        return fn

    @contextlib.contextmanager
    def set_kernel_enabled(self, device_type: str, enabled: bool = True) -> Iterator[None]:
        """Within the block, switch a device's own kernel off or on; off, the op's first function runs.

        >>> @plait.library.custom_op("docs::which", mutates_args=())
        ... def which(x: plait.Tensor) -> int:
        ...     return 0
        >>> @which.register_kernel("cpu")
        ... def _(x):
        ...     return 1
        >>> with which.set_kernel_enabled("cpu", enabled=False):
        ...     which(plait.ones(1))
        0
        >>> which(plait.ones(1))
        1
        """
        self._check_current("set_kernel_enabled")
        if device_type not in self._kernels:
            raise ValueError(
                f"{self._qualname}: set_kernel_enabled: no kernel was registered for '{device_type}'; there "
                f"are {[d for d in self._kernels if d is not None]}"
            )
        before = set(self._disabled)
        (self._disabled.discard if enabled else self._disabled.add)(device_type)
        self._attach(device_type)
        try:
            yield
        finally:
            self._disabled = before
            self._attach(device_type)

    def _attach(self, device: str) -> None:
        """Tell the core which function is the kernel for a device."""
        if _defined.get(self._qualname) is not self:
            return  # replaced within a set_kernel_enabled
        fn = self._init_fn if device in self._disabled else self._kernels.get(device, self._kernels.get(None))
        kernel = self._without_kernel(device) if fn is None else self._adapted(fn)
        _C._set_op_kernel(self._qualname, device, kernel)

    def _without_kernel(self, device: str) -> Callable:
        def refuse(*args):
            there = ", ".join(f"'{d}'" for d in self._kernels) or "none"
            raise NotImplementedError(
                f"{self._qualname}: no kernel for device '{device}' (there are: {there}); give one with "
                f"@{self.__name__}.register_kernel('{device}'), or move the tensors"
            )

        return refuse

    def _adapted(self, fn: Callable) -> Callable:
        """A function as the core calls it: with all arguments by position, and lists as tuples."""
        keywords = self._keyword_only
        lists = "[" in self._schema.rpartition("->")[0]
        returned = self._tagged_results()
        if not (keywords or lists or returned):
            return fn
        count = len(self._params) - len(keywords)

        def kernel(*args):
            if lists:
                args = tuple([list(a) if isinstance(a, tuple) else a for a in args])
            result = fn(*args[:count], **dict(zip(keywords, args[count:])))
            if returned:
                expected = [args[i] for i in returned]
                given = list(result) if isinstance(result, (tuple, list)) else [result]
                if len(given) != len(expected) or any(g is not e for g, e in zip(given, expected)):
                    raise RuntimeError(
                        f"{self._qualname}: an op with tags={self._tags[0]} must return "
                        f"{', '.join(self._params[i] for i in returned)} itself, as given"
                    )
            return result

        return kernel

    def _tagged_results(self) -> list[int]:
        """Which arguments an op of Tag.inplace or Tag.out returns."""
        if Tag.inplace in self._tags:
            return [0]
        if Tag.out in self._tags:
            return [i for i, name in enumerate(self._params) if name in self._mutates]
        return []

    # ---- the Meta device

    def register_fake(self, fn: Callable, /) -> Callable:
        """Give the function that says the results' shapes, from and by tensors of the meta device.

        Use it as a decorator. `plait.empty_like(x)` and `x.new_empty(shape)` make what is wanted. Ops that
        only write their arguments, and those of Tag.inplace and Tag.out, need none.
        """
        self._check_current("register_fake")
        if not callable(fn):
            raise TypeError(f"{self._qualname}: register_fake: expected a function, got {type(fn).__name__}")
        self._fake = fn
        return fn

    def _needs_fake(self) -> bool:
        return self._returns != ["void"] and not self._tagged_results()

    def _run_fake(self, *args: Any) -> Any:
        """The kernel of the Meta device."""
        if self._fake is None:
            if self._returns == ["void"]:
                return None
            returned = [args[i] for i in self._tagged_results()]
            if returned:
                return returned[0] if len(returned) == 1 else tuple(returned)
            if Tag.dynamic_output_shape in self._tags:
                raise NotImplementedError(
                    f"{self._qualname}: the shape of the result depends on data, which tensors on the meta "
                    "device do not have"
                )
            raise NotImplementedError(
                f"{self._qualname}: no fake kernel, which says the results' shapes on the meta device; give "
                f"one with @{self.__name__}.register_fake"
            )
        result = self._adapted(self._fake)(*args)
        for i, t in enumerate(result if isinstance(result, (tuple, list)) else (result,)):
            for one in t if isinstance(t, (tuple, list)) else (t,):
                if isinstance(one, plait.Tensor) and one.device.type != "meta":
                    raise RuntimeError(
                        f"{self._qualname}: the fake kernel must return tensors of the meta device, result "
                        f"{i} is on '{one.device}'; use plait.empty_like(x), x.new_empty(shape), or give "
                        "device=x.device"
                    )
        return result

    # ---- the derivative

    def register_autograd(self, backward: Callable, /, *, setup_context: Callable | None = None) -> None:
        """Give the derivative.

        `setup_context(ctx, inputs, output)` runs after the op and keeps what backward needs: tensors by
        `ctx.save_for_backward`, other values as attributes. Where the op has keyword-only arguments it is
        `setup_context(ctx, inputs, keyword_only_inputs, output)`. `backward(ctx, *grads)` gets a gradient for
        each result and returns one for each positional argument: None where there is none, a list of them for
        a list of tensors.

        Write backward in ops, so that it can be differentiated again; or mark it with
        `plait.autograd.function.once_differentiable`.

        >>> @plait.library.custom_op("docs::weighted", mutates_args=())
        ... def weighted(tensors: list[plait.Tensor], weight: float) -> plait.Tensor:
        ...     return sum(t * weight for t in tensors)
        >>> def setup_context(ctx, inputs, output):
        ...     ctx.count, ctx.weight = len(inputs[0]), inputs[1]
        >>> def backward(ctx, grad):
        ...     return [grad * ctx.weight] * ctx.count, None
        >>> weighted.register_autograd(backward, setup_context=setup_context)
        >>> x = plait.ones(2, requires_grad=True)
        >>> weighted([x, x], 3.0).sum().backward()
        >>> x.grad
        tensor([6., 6.])
        """
        self._check_current("register_autograd")
        for what, f in (("backward", backward), ("setup_context", setup_context)):
            if not callable(f) and not (f is None and what == "setup_context"):
                raise TypeError(
                    f"{self._qualname}: register_autograd: {what} must be a function, got {type(f).__name__}"
                )
        if self._mutates:
            raise RuntimeError(
                f"{self._qualname}: an op that writes its arguments ({', '.join(sorted(self._mutates))}) has "
                "no derivative; define an op that returns new tensors, and register the derivative for that"
            )
        self._autograd = (backward, setup_context)
        _C._set_op_autograd(self._qualname, make_autograd(self._qualname, self._op, backward, setup_context))

    def _check_current(self, who: str) -> None:
        if _defined.get(self._qualname) is not self:
            raise RuntimeError(
                f"{self._qualname}: {who}: the name has been defined anew by custom_op since; use the op "
                "which that returned"
            )


# ---- by name


def _find(op: Any, who: str = "plait.library") -> CustomOpDef:
    """The op that is meant by itself, by its name, or by `plait.ops.ns.name`."""
    if isinstance(op, CustomOpDef):
        return op
    name = op if isinstance(op, str) else getattr(op, "__name__", None)
    if isinstance(op, (str, type(_C.ops["add"]))):
        if name in _defined:
            return _defined[name]
        if isinstance(name, str) and "::" in name and not _C._describe_op(name):
            import difflib

            near = difflib.get_close_matches(name, _C._outside_ops(), n=1)
            hint = f"did you mean '{near[0]}'?" if near else "define it with custom_op first"
            raise ValueError(f"{who}: there is no op '{name}'; {hint}")
        raise ValueError(
            f"{who}: '{name}' was not defined by custom_op, so its kernels are where it is declared: in C++, "
            "as .cpu, .meta, .vjp of PLAIT_OP"
        )
    raise TypeError(
        f"{who}: expected an op, as 'mylib::my_op', plait.ops.mylib.my_op or what custom_op returned; got "
        f"{type(op).__name__}"
    )


def register_kernel(
    op: Any, device_types: str | Sequence[str] | None, func: Callable | None = None, /, *, lib: None = None
) -> Callable:
    """As `CustomOpDef.register_kernel`, for an op or its name."""
    found = _find(op, "register_kernel")
    return found.register_kernel(device_types) if func is None else found.register_kernel(device_types, func)


def register_fake(
    op: Any,
    func: Callable | None = None,
    /,
    *,
    lib: None = None,
    _stacklevel: int = 1,
    allow_override: bool = False,
) -> Callable:
    """As `CustomOpDef.register_fake`, for an op or its name. For a name in a namespace that has no ops yet it
    is kept until custom_op defines the op: the library that does may be loaded later, or not at all.
    """
    if isinstance(op, str) and "::" in op and op not in _defined and not dir(getattr(ops, op.split("::")[0])):
        if func is None:
            return lambda function: register_fake(op, function)
        _fakes_to_come[op] = func
        return func
    found = _find(op, "register_fake")
    return found.register_fake if func is None else found.register_fake(func)


def register_autograd(
    op: Any, backward: Callable, /, *, setup_context: Callable | None = None, lib: None = None
) -> None:
    """As `CustomOpDef.register_autograd`, for an op or its name; the op may be one of a C++ extension,
    too."""
    name = op if isinstance(op, str) else getattr(op, "__name__", "")
    descriptions = [] if isinstance(op, CustomOpDef) or name in _defined else _C._describe_op(name)
    if len(descriptions) != 1 or "::" not in name:
        return _find(op, "register_autograd").register_autograd(backward, setup_context=setup_context)
    (d,) = descriptions
    if d["composite"] or any(p["mutates"] for p in d["params"]):
        raise RuntimeError(
            f"register_autograd: {name} "
            + (
                "is differentiated through the ops that it calls"
                if d["composite"]
                else "writes its arguments"
            )
            + "; declare it as .meta with .cpu, or .direct, returning new tensors"
        )
    _C._set_op_autograd(name, make_autograd(name, _C._op_function(name), backward, setup_context))


def _device_types(who: str, given: str | Sequence[str | None] | None) -> tuple[str | None, ...]:
    types = (given,) if given is None or isinstance(given, str) else tuple(given)
    for t in types:
        if t is None:
            continue
        if t == "meta":
            raise ValueError(
                f"{who}: the kernel of the meta device is a fake one; give it with register_fake"
            )
        if not isinstance(t, str) or ":" in t:
            raise ValueError(f"{who}: device_types must be device types such as 'cpu', got {t!r}")
        plait.device(t)  # raises with the names that exist
    return types


def __getattr__(name: str):
    """Names what works instead of what PyTorch has and plait lacks."""
    if name in _MISSING:
        raise AttributeError(f"plait.library has no '{name}'; instead: {_MISSING[name]}")
    if name.startswith("__"):
        raise AttributeError(f"module 'plait.library' has no attribute '{name}'")
    from ._missing import missing

    raise missing("plait.library", name, lambda: __all__)
