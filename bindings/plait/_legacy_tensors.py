"""PyTorch's old constructors, one class per dtype: `plait.LongTensor([1, 2])`, `plait.FloatTensor(2, 3)`.

They make ordinary tensors: no object is an instance of them but by its dtype and device, which is what
`isinstance(x, plait.LongTensor)` asks.
"""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

_DTYPES = {
    "FloatTensor": _C.float32,
    "DoubleTensor": _C.float64,
    "HalfTensor": _C.float16,
    "BFloat16Tensor": _C.bfloat16,
    "LongTensor": _C.int64,
    "IntTensor": _C.int32,
    "ShortTensor": _C.int16,
    "CharTensor": _C.int8,
    "ByteTensor": _C.uint8,
    "BoolTensor": _C.bool,
    "ComplexFloatTensor": _C.complex64,
    "ComplexDoubleTensor": _C.complex128,
}


class _LegacyType(type):
    """The type of the old constructors: its instances are called to make tensors, and asked about dtypes."""

    dtype: _C.dtype
    _device: str

    def __instancecheck__(cls, instance: object) -> bool:
        if not isinstance(instance, _C.Tensor):
            return False
        return instance.dtype is cls.dtype and instance.device.type == cls._device

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        who = cls.__name__ if cls._device == "cpu" else f"{cls._device}.{cls.__name__}"
        device = kwargs.pop("device", None) or cls._device
        if _C.device(device).type != cls._device:
            raise RuntimeError(f"{who}: device should be '{cls._device}', got '{device}'; use plait.tensor")
        return _construct(who, cls.dtype, cls._device, args, kwargs)

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"

    @property
    def is_cuda(cls) -> bool:
        """Is the constructor one of CUDA tensors?"""
        return cls._device == "cuda"


def _is_size(value: object) -> bool:
    # A NumPy integer counts; an array, which has __index__ too, does not.
    return hasattr(value, "__index__") and not hasattr(value, "__len__") and not isinstance(value, bool)


def _construct(who: str, dtype: _C.dtype, device: Any, args: tuple, kwargs: dict) -> Tensor:
    """Sizes, data, or nothing, as PyTorch's old constructors take them."""
    if "size" in kwargs and not args:
        args = tuple(kwargs.pop("size"))
    elif "data" in kwargs and not args:
        args = (kwargs.pop("data"),)
    if kwargs:
        raise TypeError(f"{who}: got an unexpected keyword argument '{next(iter(kwargs))}'")
    if not args:
        return _C.ops["empty"]((0,), dtype=dtype, device=device)
    if len(args) == 1 and isinstance(args[0], _C.Size):
        return _C.ops["empty"](tuple(args[0]), dtype=dtype, device=device)
    if len(args) == 1 and isinstance(args[0], _C.Tensor) and args[0].dim() != 0:
        if args[0].dtype is not dtype:
            raise TypeError(
                f"{who}: expected a tensor of dtype {dtype}, got {args[0].dtype}; use tensor.to({dtype})"
            )
        return _C.ops["alias"](args[0].detach())
    if all(_is_size(a) for a in args):
        return _C.ops["empty"](tuple(int(a) for a in args), dtype=dtype, device=device)
    if len(args) > 1:
        wrong = next(a for a in args if not _is_size(a))
        raise TypeError(
            f"{who}: expected sizes, all ints, or one sequence of data, got a {type(wrong).__name__} "
            f"among {len(args)} arguments"
        )
    if isinstance(args[0], str) or not (hasattr(args[0], "__len__") or hasattr(args[0], "__array__")):
        raise TypeError(
            f"{who}: expected sizes (ints) or a sequence of data, got {type(args[0]).__name__}; use "
            f"plait.tensor(value, dtype={dtype}) for one value"
        )
    data = args[0]
    return _C._tensor_from_data(list(data) if isinstance(data, range) else data, dtype, device, False, True)


def constructor(name: str, device: str = "cpu") -> _LegacyType:
    """The class behind `plait.LongTensor` and its like.

    >>> plait.LongTensor([1, 2])
    tensor([1, 2])
    >>> plait.FloatTensor(2, 3).shape
    plait.Size([2, 3])
    >>> isinstance(plait.tensor([1, 2]), plait.LongTensor), isinstance(plait.ones(2), plait.LongTensor)
    (True, False)
    """
    found = _made.get((name, device))
    if found is None:
        dtype = _DTYPES[name]
        doc = f"Tensors of dtype {dtype} on {device}: {name}(data), {name}(*sizes); use plait.tensor instead."
        module = "plait" if device == "cpu" else f"plait.{device}"
        members = {"dtype": dtype, "_device": device, "__doc__": doc, "__module__": module}
        found = _made[name, device] = _LegacyType(name, (), members)
    return found


_made: dict[tuple[str, str], _LegacyType] = {}


def __getattr__(name: str) -> Any:
    if name in _DTYPES:
        return constructor(name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def converted(tensor: Tensor, wanted: Any) -> Tensor:
    """`tensor.type(wanted)`: a dtype, one of the classes here, or its name ('plait.FloatTensor', or
    PyTorch's 'torch.FloatTensor').

    >>> plait.ones(2).type("plait.LongTensor")
    tensor([1, 1])
    """
    if isinstance(wanted, str):
        package, _, name = wanted.rpartition(".")
        root, _, device = package.partition(".")
        if root not in ("plait", "torch") or name not in {*_DTYPES, "Tensor"} or device not in ("", "cuda"):
            raise ValueError(
                f"type: expected a dtype or a name such as 'plait.FloatTensor', got '{wanted}'; "
                "use .to(plait.float32)"
            )
        dtype = _C.get_default_dtype() if name == "Tensor" else _DTYPES[name]
        return tensor.to(device or "cpu", dtype)
    if isinstance(wanted, _LegacyType):
        return tensor.to(wanted._device, wanted.dtype)
    if wanted is _C.Tensor:
        return tensor.to(_C.get_default_dtype())
    return tensor.to(wanted)


def new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """A tensor of self's dtype and device from sizes or data, as the old constructors make them.

    >>> plait.tensor([1, 2]).new([3])
    tensor([3])
    """
    return _construct("new", self.dtype, self.device, args, kwargs)


def set_default_tensor_type(t: Any) -> None:
    """Makes the dtype of an old constructor (or of its name) the default; use plait.set_default_dtype.

    >>> plait.set_default_tensor_type(plait.FloatTensor)
    """
    example = converted(_C.ops["empty"]((0,), dtype=_C.float32), t)
    if not example.dtype.is_floating_point:
        raise TypeError(
            f"set_default_tensor_type: expected a floating-point type, got {example.dtype}; the default "
            "dtype is that of Python floats"
        )
    _C.set_default_dtype(example.dtype)
