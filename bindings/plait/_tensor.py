"""What Tensor has beside its ops: backward, conversions, hooks, printing, pickling, and the names of methods
that are defined elsewhere.
"""

from __future__ import annotations

from . import _C
from ._exchange import (
    _array,
    _array_wrap,
    _copy,
    _cuda_array_interface,
    _deepcopy,
    _dlpack,
    _dlpack_device,
    _make_subclass,
    _numpy,
    _storage,
    _untyped_storage,
)
from ._handles import RemovableHandle

Tensor = _C.Tensor
_ops = _C.ops
_dtype, _device = _C.dtype, _C.device


class _NodeHandle(RemovableHandle):
    """Removes a hook that the tape keeps."""

    __slots__ = ("_remove",)

    def __init__(self, remove):
        super().__init__()
        self._remove = remove

    def remove(self) -> None:
        """Takes the hook away; a second call does nothing."""
        if self._remove is not None:
            self._remove()
            self._remove = None


def _backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradient of self to the `.grad` of the leaves it was computed from.

    `gradient`: that of self, of its shape; 1 for a tensor of one element. `retain_graph`: keep what the
    graph has saved for another backward. `create_graph`: record the computation of the gradients, for higher
    derivatives. `inputs`: only these leaves.

    >>> x = plait.tensor(3.0, requires_grad=True)
    >>> (x * x).backward()
    >>> x.grad
    tensor(6.)
    """
    from .autograd import backward

    backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def _register_hook(self, hook):
    """Calls `hook(grad)` when the gradient of self has been computed; what it returns, unless None,
    replaces the gradient."""
    key = _C._register_hook(self, hook, False)
    return _NodeHandle(lambda: _C._remove_hook(self, key))


def _register_post_accumulate_grad_hook(self, hook):
    """Calls `hook(self)` after a gradient has been added to the `.grad` of this leaf."""
    key = _C._register_hook(self, hook, True)
    return _NodeHandle(lambda: _C._remove_hook(self, key))


def _node_register_hook(self, fn):
    """Calls `fn(grad_inputs, grad_outputs)` after the node has run; what it returns, unless None,
    replaces grad_inputs."""
    key = self._register_hook(fn)
    return _NodeHandle(lambda: self._remove_hook(key))


def _node_register_prehook(self, fn):
    """Calls `fn(grad_outputs)` before the node runs; what it returns, unless None, replaces them."""
    key = self._register_prehook(fn)
    return _NodeHandle(lambda: self._remove_hook(key))


def _to(self, *args, **kwargs):
    """self with another dtype or on another device; self itself where it has both already.

    Takes a dtype, a device, a device and a dtype, or a tensor to be like, then `non_blocking` and `copy`;
    `copy=True` always copies, `memory_format` as in PyTorch. "cuda" is the current CUDA device.
    `non_blocking=True`: a copy between page-locked memory (`pin_memory`) and a CUDA device is not waited for.
    One to the host may be read after `plait.cuda.synchronize()` or an event behind it.

    >>> plait.tensor([1.5]).to(plait.int64)
    tensor([1])
    """
    if len(args) == 1 and not kwargs:  # the usual calls, by the shortest way
        wanted = args[0]
        kind = type(wanted)
        if kind is _dtype:
            return self if self.dtype is wanted else _ops["_convert"](self, wanted)
        if (kind is str and wanted == "cpu" and self.is_cpu) or (kind is _device and wanted == self.device):
            return self
    dtype, device = kwargs.pop("dtype", None), kwargs.pop("device", None)
    copy, memory_format = kwargs.pop("copy", False), kwargs.pop("memory_format", None)
    non_blocking = kwargs.pop("non_blocking", False)
    if kwargs:
        raise TypeError(f"to: got an unexpected keyword argument '{next(iter(kwargs))}'")
    flags = []
    for arg in args:
        if isinstance(arg, Tensor):
            dtype, device = arg.dtype, arg.device
        elif isinstance(arg, bool):
            flags.append(arg)
        elif isinstance(arg, _C.dtype) or arg in (float, int, bool, complex):
            dtype = arg
        elif arg is not None:
            device = arg
    if flags:  # in this order
        non_blocking, copy = (*flags, copy)[:2]
    out = self
    if device is not None:
        out = _to_device(out, device, non_blocking)
    if dtype is not None:
        wanted = (
            dtype if isinstance(dtype, _C.dtype) else _ops["empty"]((0,), dtype=dtype, device="meta").dtype
        )
        if out.dtype is not wanted:
            out = _ops["_convert"](out, wanted)
    if memory_format is not None and memory_format is not _C.preserve_format:
        out = out.contiguous(memory_format=memory_format)
    return out.clone() if copy and out is self else out


def _type_as(self, other):
    """self with the dtype and on the device of `other`."""
    if self.device == other.device:
        return self if self.dtype is other.dtype else _ops["_convert"](self, other.dtype)
    return self.to(other)


def _to_device(tensor, device, non_blocking=False):
    device = _C._concrete(device)
    if tensor.device == device:
        return tensor
    return _ops["_to_device"](tensor, device, bool(non_blocking))


def _cpu(self, memory_format=None):
    """self on the CPU."""
    if memory_format is None:
        return self if self.is_cpu else self.to("cpu")
    return self.to("cpu", memory_format=memory_format)


def _cuda(self, device=None, non_blocking=False, memory_format=None):
    """self on a CUDA device, the current one unless given; self itself where it is there already.

    `non_blocking`: see `Tensor.to`. Raises RuntimeError where there is no CUDA device.
    """
    wanted = _C.device("cuda" if device is None else device)
    if wanted.type != "cuda":
        raise ValueError(f"cuda: expected a CUDA device, got '{wanted}'")
    return self.to(wanted, non_blocking=non_blocking, memory_format=memory_format)


def _pin_memory(self, device=None):
    """self in page-locked host memory, from and to which a CUDA device copies by itself
    (`non_blocking=True`); self itself where it is there already, and where there is no CUDA device. Raises
    RuntimeError for a tensor that is not on the CPU.
    """
    if not self.is_cpu:
        raise RuntimeError(f"pin_memory: only tensors on the CPU can be pinned, got one on {self.device}")
    cuda = _C._cuda
    if not cuda.device_count() or cuda.is_pinned(self):
        return self
    like = _ops["empty_like"](self, device="meta")
    return cuda.pinned_empty(list(like.shape), list(like.stride()), self.dtype).copy_(self)


def _is_pinned(self, device=None):
    """Is self in page-locked host memory?"""
    return _C._cuda.is_pinned(self)


def _record_stream(self, stream):
    """Says that kernels on `stream` use self, which was allocated on another: its memory is not used for
    other tensors before they are done."""
    _C._cuda.record_stream(self, stream.device_index, stream.cuda_stream)


def _converter(dtype):
    def convert(self, memory_format=None):
        if memory_format is None:
            return self if self.dtype is dtype else _ops["_convert"](self, dtype)
        return self.to(dtype, memory_format=memory_format)

    convert.__doc__ = f"self as {dtype}; self itself where it is already."
    return convert


def _type(self, dtype=None, non_blocking=False):
    """The type's name, or self in another dtype."""
    if dtype is None:
        return ("plait.cuda." if self.is_cuda else "plait.") + {
            "float32": "FloatTensor",
            "float64": "DoubleTensor",
            "int64": "LongTensor",
            "int32": "IntTensor",
            "bool": "BoolTensor",
            "uint8": "ByteTensor",
            "float16": "HalfTensor",
            "bfloat16": "BFloat16Tensor",
            "int8": "CharTensor",
            "int16": "ShortTensor",
            "complex64": "ComplexFloatTensor",
            "complex128": "ComplexDoubleTensor",
        }[self.dtype.name]
    if isinstance(dtype, _C.dtype):
        return self.to(dtype)
    from ._legacy_tensors import converted

    return converted(self, dtype)


def _iter(self):
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor; use .item() for its value")
    return iter(self.unbind(0))


def _contains(self, element):
    if isinstance(element, (Tensor, int, float, bool, complex)):
        return bool((self == element).any().item())
    raise RuntimeError(f"in: expected a Tensor or a number, got {type(element).__name__}")


def _repr(self, *, tensor_contents=None):
    from ._printing import tensor_text

    return tensor_text(self)


def _format(self, spec):
    if self.dim() == 0 and not self.is_meta:
        return format(self.item(), spec)
    return object.__format__(self, spec) if spec else repr(self)


def _rebuild(cls, data, dtype, shape, stride, requires_grad, attributes, device="cpu"):
    """A tensor from its pickled form."""
    if device == "meta":
        from ._copies import empty_strided

        out = empty_strided(shape, stride, dtype=dtype, device=device)
    else:
        flat = _C._storage_from_buffer(bytearray(data))
        out = _C._tensor_on_storage(flat, dtype, list(shape), list(stride), 0)
        if device != "cpu":
            out = out.to(device)
    if cls is not Tensor:
        out = _C._make_subclass(cls, out, requires_grad)
    elif requires_grad:
        out.requires_grad_()
    if attributes:
        out.__dict__.update(attributes)
    return out


def _rebuild_generator(state):
    generator = _C.Generator()
    generator.set_state(_C._tensor_from_data(state, _C.int64, None, False, True))
    return generator


def _reduce(self, protocol=None):
    # What is no leaf becomes one that requires grad, as in PyTorch: a graph is not pickled.
    data = b""
    if not self.is_meta:
        plain = self.detach().cpu().clone(memory_format=_C.contiguous_format)
        data = bytes(_C._storage_bytes(plain)[: plain.numel() * plain.element_size()])
    strides: list[int] = []
    step = 1
    for size in reversed(self.shape):
        strides.insert(0, step)
        step *= max(size, 1)
    return _rebuild, (
        type(self),
        data,
        self.dtype,
        tuple(self.shape),
        tuple(strides),
        self.requires_grad,
        dict(self.__dict__),
        str(self.device),
    )


def _as_subclass(self, cls):
    """An alias of self as an instance of a subclass of Tensor, through which gradients pass."""
    if not (self.requires_grad and _C.is_grad_enabled()):
        return _C._make_subclass(cls, self)
    alias = _ops["view"](self, self.shape)
    alias.__class__ = cls
    return alias


def _torch_function(cls, func, types, args=(), kwargs=None):
    from . import overrides

    return overrides._torch_function(cls, func, types, args, kwargs)


def _init_subclass(cls, **kwargs):
    from . import overrides

    overrides._init_subclass(cls, **kwargs)


def _new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A tensor from data, of the dtype and on the device of self unless given."""
    return _C._tensor_from_data(data, dtype or self.dtype, device or self.device, requires_grad, True)


def _nonzero(self, *, as_tuple=False):
    from ._functions import nonzero

    return nonzero(self, as_tuple=as_tuple)


def _where(self, condition, other):
    """Elements of self where the condition holds, of `other` elsewhere."""
    return _ops["where"](condition, self, other)


def _norm(self, p="fro", dim=None, keepdim=False, dtype=None):
    """The p-norm of self: see `plait.norm`."""
    from ._functions import norm

    return norm(self, p, dim, keepdim, dtype=dtype)


def _layout(self):
    """plait.strided: all tensors are."""
    from ._layout import strided

    return strided


def _tensordot(self, other, dims=2, out=None):
    from ._functions import tensordot

    return tensordot(self, other, dims, out)


def _unique(self, sorted=True, return_inverse=False, return_counts=False, dim=None):
    from ._functions import unique

    return unique(self, sorted, return_inverse, return_counts, dim)


# View ops that self may become the result of: the same tensor in another shape.
_VIEWS_IN_PLACE = ("squeeze", "unsqueeze", "t", "transpose", "swapaxes", "swapdims")


def _in_place_view(name):
    op = _ops[name]

    def method(self, *args, **kwargs):
        return _C._view_in_place(name, op, self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = (
        f"As `{name}`, but self takes the new shape, and is returned; memory and elements stay. A leaf that "
        "requires grad refuses, but under `plait.no_grad()`."
    )
    return method


# Methods in place of functions that are made of ops.
_COPIED_IN_PLACE = (
    "addr",
    "float_power",
    "ldexp",
    "mvlgamma",
    "polygamma",
    "renorm",
    "sgn",
)


def _in_place_copy(name):
    def method(self, *args, **kwargs):
        result = getattr(self, name)(*args, **kwargs)
        if result.shape != self.shape:
            raise _C.ArgumentError(
                f"{name}_: the result has shape {tuple(result.shape)}, which cannot be written into self "
                f"of shape {tuple(self.shape)}; use {name}() and keep its result"
            )
        if not _C.can_cast(result.dtype, self.dtype):
            raise RuntimeError(
                f"{name}_: the result has dtype {result.dtype}, which cannot be written into self of dtype "
                f"{self.dtype}; convert self first"
            )
        return self.copy_(result)

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = f"As `{name}`, but the result is written to self, which is returned."
    return method


def _polygamma(self, n):
    """The derivative of order n of digamma: `plait.polygamma(n, self)`."""
    return _ops["polygamma"](n, self)


# Methods that are functions of another module: loaded at their first call.
_LATE_METHODS = {
    "new": "_legacy_tensors",
    "dim_order": "_memory_order",
    **dict.fromkeys(("adjoint", "diff", "mode"), "_composites"),
    **dict.fromkeys(("stft", "istft"), "_spectral"),
    **dict.fromkeys(("cholesky", "det", "inverse", "logdet"), "_linalg"),
    **dict.fromkeys(("lu", "lu_solve", "matrix_exp", "matrix_power", "pinverse", "qr"), "_linalg"),
    **dict.fromkeys(("slogdet", "svd", "triangular_solve"), "_linalg"),
    **dict.fromkeys(("histogram",), "_histograms"),
    **dict.fromkeys(("as_strided_scatter", "narrow_copy", "new_empty_strided", "nonzero_static"), "_copies"),
    **dict.fromkeys(("unsafe_chunk", "unsafe_split"), "_copies"),
    **dict.fromkeys(
        (
            "addr",
            "cholesky_inverse",
            "cholesky_solve",
            "dsplit",
            "float_power",
            "ger",
            "hsplit",
            "index_reduce",
            "index_reduce_",
            "is_nonzero",
            "is_signed",
            "isneginf",
            "isposinf",
            "isreal",
            "ldexp",
            "sum_to_size",
            "vsplit",
        ),
        "_elementary",
    ),
    **dict.fromkeys(("corrcoef", "cov", "nanquantile", "quantile"), "_statistics"),
    **dict.fromkeys(("geqrf", "orgqr", "ormqr"), "_linalg"),
    **dict.fromkeys(("as_strided_", "resize_", "resize_as_", "set_"), "_resizing"),
    "mvlgamma": "_numerical",
    **dict.fromkeys(("apply_", "map_", "map2_"), "_mapping"),
    **dict.fromkeys(("put", "put_"), "_elementary"),
}


# Long names of methods that write into self.
_IN_PLACE_ALIASES = {
    "absolute_": "abs_",
    "arccos_": "acos_",
    "arccosh_": "acosh_",
    "arcsin_": "asin_",
    "arcsinh_": "asinh_",
    "arctan_": "atan_",
    "arctan2_": "atan2_",
    "arctanh_": "atanh_",
    "divide_": "div_",
    "fix_": "trunc_",
    "greater_": "gt_",
    "greater_equal_": "ge_",
    "less_": "lt_",
    "less_equal_": "le_",
    "multiply_": "mul_",
    "ndimension": "dim",
    "negative_": "neg_",
    "not_equal_": "ne_",
    "subtract_": "sub_",
    "true_divide_": "div_",
}

# What a tensor is not: on other makers' devices, or of another layout.
_OTHER_KINDS = (
    "is_ipu",
    "is_maia",
    "is_mkldnn",
    "is_mps",
    "is_mtia",
    "is_nested",
    "is_vulkan",
    "is_xla",
    "is_xpu",
)


def _share_memory_(self):
    """Raises: tensors are not shared between processes."""
    raise NotImplementedError(
        "share_memory_: tensors are not shared between processes; use threads, which share them, or send "
        "copies through a multiprocessing.Queue"
    )


def _fill_diagonal_(self, fill_value, wrap=False):
    """Writes a number to the diagonal of self, of two or more dimensions (of equal size, if more than two).
    `wrap` goes on below in a matrix of more rows than columns, after one row each time.

    >>> plait.zeros(2, 2).fill_diagonal_(3)
    tensor([[3., 0.],
            [0., 3.]])
    """
    if self.dim() < 2 or (self.dim() > 2 and len(set(self.shape)) != 1):
        raise RuntimeError(
            f"fill_diagonal_: expected a matrix, or more dimensions of one size, got {tuple(self.shape)}"
        )
    if self.numel() == 0:
        return self
    count = min(self.shape)
    step = sum(self.stride())
    self.as_strided((count,), (step,), self.storage_offset()).fill_(fill_value)
    rows, columns = self.shape[0], self.shape[1]
    if wrap and self.dim() == 2:
        start = columns + 1
        while start < rows:
            part = self[start:]
            part.as_strided((min(part.shape),), (step,), part.storage_offset()).fill_(fill_value)
            start += columns + 1
    return self


def _module_load(self, other, assign=False):
    """What `Module.load_state_dict` puts in the place of self for a tensor of the state: self with the values
    of `other`, or with `assign` an alias of `other`."""
    return other.detach() if assign else self.detach().copy_(other)


def _storage_type(self):
    """The type of self's storage."""
    return type(self.storage())


def _unique_consecutive(self, return_inverse=False, return_counts=False, dim=None):
    from ._functions import unique_consecutive

    return unique_consecutive(self, return_inverse, return_counts, dim)


def _matrix_transpose(self: Tensor) -> Tensor:
    if self.dim() < 2:
        raise RuntimeError(
            f"mT: expected a matrix, or a batch of them, got shape {tuple(self.shape)}; .unsqueeze(-1) makes "
            "a column of a vector"
        )
    return self.transpose(-2, -1)


def _setter_of_part(part):
    """What `x.real = value` calls."""

    def assign(self, value):
        view = part(self)
        view.copy_(value) if isinstance(value, Tensor) else view.fill_(value)

    return assign


def _late(name, home):
    function = None  # for who keeps this method

    def method(self, *args, **kwargs):
        nonlocal function
        if function is None:
            import importlib

            function = getattr(importlib.import_module(f"plait.{home}"), name)
            setattr(Tensor, name, function)
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"See plait.{home}.{name}."
    return method


def _is_set_to(self, tensor):
    """Is `tensor` another object for the same elements: storage, offset, sizes and strides?"""
    same = self.dtype is tensor.dtype and self.shape == tensor.shape and self.stride() == tensor.stride()
    if not same or self.storage_offset() != tensor.storage_offset():
        return False
    return self is tensor or self.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr() != 0


def _install() -> None:
    for name, home in _LATE_METHODS.items():
        setattr(Tensor, name, _late(name, home))
    for name in _VIEWS_IN_PLACE:
        setattr(Tensor, name + "_", _in_place_view(name))
    for name in _COPIED_IN_PLACE:
        setattr(Tensor, name + "_", _in_place_copy(name))
    methods = {
        "backward": _backward,
        "register_hook": _register_hook,
        "register_post_accumulate_grad_hook": _register_post_accumulate_grad_hook,
        "polygamma": _polygamma,
        "to": _to,
        "cpu": _cpu,
        "cuda": _cuda,
        "type": _type,
        "numpy": _numpy,
        "__array__": _array,
        "__array_wrap__": _array_wrap,
        "__dlpack__": _dlpack,
        "__dlpack_device__": _dlpack_device,
        "__iter__": _iter,
        "__contains__": _contains,
        "__reversed__": lambda self: self.flip(0) if self.dim() else self,
        "__repr__": _repr,
        "__format__": _format,
        "__reduce_ex__": _reduce,
        "__deepcopy__": _deepcopy,
        "__copy__": _copy,
        "as_subclass": _as_subclass,
        "__torch_function__": classmethod(_torch_function),
        "__init_subclass__": classmethod(_init_subclass),
        "_make_subclass": staticmethod(_make_subclass),
        "new_tensor": _new_tensor,
        "nonzero": _nonzero,
        "where": _where,
        "norm": _norm,
        "unique": _unique,
        "unique_consecutive": _unique_consecutive,
        "fill_diagonal_": _fill_diagonal_,
        "share_memory_": _share_memory_,
        "is_shared": lambda self: False,
        "to_dense": lambda self, dtype=None: self if dtype is None else self.to(dtype),
        "resolve_conj": lambda self: self,
        "resolve_neg": lambda self: self,
        "is_conj": lambda self: False,
        "is_neg": lambda self: False,
        "tensordot": _tensordot,
        "storage": _storage,
        "untyped_storage": _untyped_storage,
        "type_as": _type_as,
        "is_inference": lambda self: _C.is_inference(self),
        "pin_memory": _pin_memory,
        "is_pinned": _is_pinned,
        "record_stream": _record_stream,
        "module_load": _module_load,
        "storage_type": _storage_type,
        "sparse_dim": lambda self: 0,
        "dense_dim": lambda self: self.dim(),
        "is_same_size": lambda self, other: self.shape == other.shape,
        "is_set_to": _is_set_to,
        "view_as": lambda self, other: self.view(other.shape),
        "reshape_as": lambda self, other: self.reshape(other.shape),
        "expand_as": lambda self, other: self.expand(other.shape),
        "float": _converter(_C.float32),
        "double": _converter(_C.float64),
        "half": _converter(_C.float16),
        "bfloat16": _converter(_C.bfloat16),
        "long": _converter(_C.int64),
        "int": _converter(_C.int32),
        "short": _converter(_C.int16),
        "char": _converter(_C.int8),
        "byte": _converter(_C.uint8),
        "bool": _converter(_C.bool),
        "cfloat": _converter(_C.complex64),
        "cdouble": _converter(_C.complex128),
        "_is_view": lambda self: self._base is not None,
        "__array_priority__": 1000,
    }
    for name, method in methods.items():
        if hasattr(method, "__code__"):
            method.__name__ = name  # as subclasses see it, Note [Which calls] of overrides.py
        setattr(Tensor, name, method)
    transposes = (("T", "t"), ("mT", "mT"), ("H", "adjoint"), ("mH", "adjoint"))
    for name, op in (*transposes, ("real", "real"), ("imag", "imag")):
        function = _ops.get(op)
        if name == "T":
            Tensor.T = property(lambda self: self.permute(tuple(range(self.dim() - 1, -1, -1))))  # type: ignore[assignment]
        elif name == "mT":
            Tensor.mT = property(_matrix_transpose)  # type: ignore[assignment]
        elif name in ("H", "mH"):
            setattr(Tensor, name, property(lambda self: _matrix_transpose(self).conj()))
        elif function is not None:
            setattr(Tensor, name, property(function, _setter_of_part(function)))
    Tensor._cdata = property(id)  # type: ignore[attr-defined]  # a tensor and its Python object go together
    Tensor.layout = property(_layout)  # type: ignore[attr-defined]
    Tensor.__cuda_array_interface__ = property(_cuda_array_interface)  # type: ignore[attr-defined]
    for alias, name in (
        ("absolute", "abs"),
        ("multiply", "mul"),
        ("subtract", "sub"),
        ("divide", "div"),
        ("negative", "neg"),
        ("clip_", "clamp_"),
    ):
        if not hasattr(Tensor, alias) and name in _ops:
            setattr(Tensor, alias, _ops[name])
    for alias, name in _IN_PLACE_ALIASES.items():
        if not hasattr(Tensor, alias):
            setattr(Tensor, alias, getattr(Tensor, name))
    Tensor._grad = vars(Tensor)["grad"]  # type: ignore[attr-defined]
    for kind in _OTHER_KINDS:
        setattr(Tensor, kind, False)
    _C.Node.register_hook = _node_register_hook  # type: ignore[method-assign]
    _C.Node.register_prehook = _node_register_prehook  # type: ignore[method-assign]


_install()
