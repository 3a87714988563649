"""Switching the recording of gradients: context managers that are decorators too."""

from __future__ import annotations

from . import _C


class _Mode:
    """Base: `with mode():` or `@mode()` or `@mode`."""

    def __new__(cls, function=None, *args, **kwargs):
        self = object.__new__(cls)
        if callable(function) and not isinstance(function, bool):
            return self(function)  # used as a bare decorator
        return self

    def __call__(self, function):
        if isinstance(function, type):
            raise TypeError(f"{type(self).__name__}: decorate a function or a method, not a class")
        code = getattr(function, "__code__", None)
        if code is not None and code.co_flags & 0x20:  # a generator: the mode holds whenever it runs

            def wrapper(*args, **kwargs):
                generator = function(*args, **kwargs)
                resume, with_what = generator.send, None
                while True:
                    with self.clone():
                        try:
                            value = resume(with_what)
                        except StopIteration as stop:
                            return stop.value
                    try:
                        with_what = yield value
                        resume = generator.send
                    except GeneratorExit:
                        with self.clone():
                            generator.close()
                        raise
                    except BaseException as error:
                        resume, with_what = generator.throw, error
        else:

            def wrapper(*args, **kwargs):
                with self.clone():
                    return function(*args, **kwargs)

        for attribute in ("__name__", "__qualname__", "__doc__", "__module__", "__annotations__"):
            try:
                setattr(wrapper, attribute, getattr(function, attribute))
            except AttributeError:
                pass
        wrapper.__dict__.update(getattr(function, "__dict__", {}))
        wrapper.__wrapped__ = function  # type: ignore[attr-defined]
        return wrapper

    def clone(self):
        """A fresh manager of the same mode, so that one may be entered again inside of itself."""
        return type(self)()


class no_grad(_Mode):
    """Ops inside record nothing for backward.

    >>> x = plait.ones(2, requires_grad=True)
    >>> with plait.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    def __enter__(self):
        self.before = _C._set_grad_enabled(False)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.before)


class enable_grad(_Mode):
    """Ops inside record gradients again, within a no_grad block."""

    def __enter__(self):
        self.before = _C._set_grad_enabled(True)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.before)


class set_grad_enabled:
    """Switches recording on or off at once; as a context manager, until its end."""

    def __init__(self, mode: bool):
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled: expected a bool, got {type(mode).__name__}")
        self.mode = mode
        self.before = _C._set_grad_enabled(mode)

    def __enter__(self):
        _C._set_grad_enabled(self.mode)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.before)

    def __call__(self, function):
        _C._set_grad_enabled(self.before)  # as a decorator it acts only inside of the function
        return (enable_grad if self.mode else no_grad)()(function)


class inference_mode(_Mode):
    """As no_grad, and tensors made inside can never take part in a graph: views and in-place writes are
    not tracked for them."""

    def __new__(cls, mode=True):
        self = object.__new__(cls)
        self.mode = True
        if callable(mode) and not isinstance(mode, bool):
            return self(mode)
        return self

    def __init__(self, mode=True):
        self.mode = mode

    def clone(self):
        return type(self)(self.mode)

    def __enter__(self):
        self.before = (_C.is_inference_mode_enabled(), _C.is_grad_enabled())
        if self.mode:
            _C._set_inference_mode(True)
        elif self.before[0]:
            _C._set_inference_mode(False)

    def __exit__(self, *exc):
        _C._restore_inference_mode(self.before)
