"""Functions of the top level that are not ops: tensors from data, random state, properties."""

from __future__ import annotations

import functools
import string

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

__all__ = [
    "are_deterministic_algorithms_enabled",
    "as_tensor",
    "asarray",
    "atleast_1d",
    "atleast_2d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "einsum",
    "from_dlpack",
    "frombuffer",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "get_rng_state",
    "initial_seed",
    "is_complex",
    "is_conj",
    "is_deterministic_algorithms_warn_only_enabled",
    "is_floating_point",
    "is_neg",
    "is_nonzero",
    "is_storage",
    "is_tensor",
    "manual_seed",
    "meshgrid",
    "nonzero",
    "norm",
    "numel",
    "resolve_conj",
    "resolve_neg",
    "scalar_tensor",
    "seed",
    "set_default_device",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "set_rng_state",
    "tensor",
    "tensordot",
    "unique",
    "unique_consecutive",
    "use_deterministic_algorithms",
    "where",
]
_ops = _C.ops


def tensor(
    data: Any,
    *,
    dtype: _C._DType | None = None,
    device: _C._Device | None = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor with a copy of the data: a number, nested sequences of numbers, an array or a tensor.

    Dtype: of the data (Python floats give the default dtype), unless `dtype` says otherwise. Raises
    ValueError for rows of different lengths, TypeError for what is no number. `pin_memory`: in page-locked
    memory, see `Tensor.pin_memory`.

    >>> plait.tensor([[1, 2], [3, 4]])
    tensor([[1, 2],
            [3, 4]])
    """
    if not pin_memory:
        return _C._tensor_from_data(data, dtype, device, requires_grad, True)
    pinned = _C._tensor_from_data(data, dtype, device, False, True).pin_memory()
    return pinned.requires_grad_(requires_grad)


def as_tensor(data: Any, dtype: _C._DType | None = None, device: _C._Device | None = None) -> Tensor:
    """The data as a tensor, sharing memory where it can: tensors and NumPy arrays of the right dtype are
    not copied.

    >>> plait.as_tensor([1.0, 2.0])
    tensor([1., 2.])
    """
    return _C._tensor_from_data(data, dtype, device, False, False)


def asarray(
    obj: Any,
    *,
    dtype: _C._DType | None = None,
    device: _C._Device | None = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """As `as_tensor`; `copy=True` copies always, `copy=False` raises where memory cannot be shared. Takes a
    storage, too: its bytes, or numbers; and a capsule of DLPack. With `requires_grad=False` the result has no
    history."""
    if isinstance(obj, _C.Tensor):
        alike = obj.to(obj.device if device is None else device, dtype or obj.dtype, copy=copy is True)
        if copy is False and alike is not obj:
            raise ValueError(f"asarray: copy=False, but a tensor of {obj.dtype} on {obj.device} was given")
        if requires_grad is None or requires_grad == alike.requires_grad:
            return alike
        return alike.detach().requires_grad_(requires_grad)  # obj stays as it is
    given = obj
    if is_storage(obj):
        obj = obj._contents()
    elif type(obj).__name__ == "PyCapsule":
        obj = _C._from_dlpack(obj)
    result = _C._tensor_from_data(obj, dtype, device, bool(requires_grad), copy is True)
    if copy is False and not _is_shared(obj, result):
        raise ValueError(
            f"asarray: copy=False, but memory of {type(given).__name__} cannot be shared by a tensor of "
            f"{result.dtype} on {result.device}"
        )
    return result


def _is_shared(obj: Any, result: Tensor) -> bool:
    """Does `result`, made of `obj`, have its memory?"""
    if isinstance(obj, _C.Tensor):
        return obj.dtype is result.dtype and obj.device == result.device
    interface = getattr(obj, "__array_interface__", None)
    if interface is not None:
        return result.device.type == "cpu" and interface["data"][0] == result.data_ptr()
    if hasattr(obj, "__dlpack__"):
        return from_dlpack(obj).data_ptr() == result.data_ptr()
    try:
        return _C._storage_from_buffer(obj).data_ptr() == result.data_ptr()
    except TypeError:
        return False


def scalar_tensor(
    value: _C.Number,
    *,
    dtype: _C._DType | None = None,
    device: _C._Device | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """A 0-d tensor of the default dtype (unless given) with one value."""
    return _C._tensor_from_data(value, dtype or _C.get_default_dtype(), device, requires_grad, True)


def frombuffer(
    buffer: Any, *, dtype: _C.dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A 1-D tensor that shares the memory of a buffer (bytes, array.array, mmap), read as elements of
    `dtype`.

    >>> plait.frombuffer(bytearray([1, 0, 2, 0]), dtype=plait.int16)
    tensor([1, 2], dtype=plait.int16)
    """
    flat = _C._storage_from_buffer(buffer)
    size = dtype.itemsize
    room = flat.numel() - offset
    if count < 0:
        if room % size:
            raise ValueError(
                f"frombuffer: the {room} bytes from offset {offset} are not a multiple of the "
                f"{size} bytes of {dtype}"
            )
        count = room // size
    if offset % size:
        raise ValueError(f"frombuffer: offset {offset} is not a multiple of the {size} bytes of {dtype}")
    out = _C._tensor_on_storage(flat, dtype, [count], [1], offset // size)
    return out.requires_grad_() if requires_grad else out


def from_dlpack(ext_tensor: Any, *, device: _C._Device | None = None, copy: bool | None = None) -> Tensor:
    """A tensor that shares the memory of another library's (anything with `__dlpack__`, or a DLPack
    capsule). On a CUDA device the current stream waits for what the other library has launched.

    With `device` it is there, copied if need be; `copy=True` copies always, and `copy=False` raises
    ValueError where a copy is needed.

    >>> plait.from_dlpack(plait.ones(2), copy=True)
    tensor([1., 1.])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        shared = _C._from_dlpack(ext_tensor)
    else:
        asks = hasattr(ext_tensor, "__dlpack_device__")
        kind, index = ext_tensor.__dlpack_device__() if asks else (1, 0)
        # DLPack calls the null stream 1.
        options = {"stream": _C._cuda.current_stream(int(index)) or 1} if kind in (2, 13) else {}
        shared = _C._from_dlpack(ext_tensor.__dlpack__(**options))
    if device is None:
        return shared.clone() if copy else shared
    there = shared.to(device)
    if copy is False and there is not shared:
        raise _C.ArgumentError(
            f"from_dlpack: with copy=False expected a tensor on {device}, got one on {shared.device}"
        )
    return there.clone() if copy and there is shared else there


def is_tensor(obj: object) -> bool:
    """Is the object a plait tensor?"""
    return isinstance(obj, _C.Tensor)


def is_storage(obj: object) -> bool:
    """Is the object a storage?"""
    from .storage import TypedStorage, UntypedStorage

    return isinstance(obj, (TypedStorage, UntypedStorage))


def is_floating_point(input: Tensor) -> bool:
    """Is the tensor of a floating dtype?"""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Is the tensor of a complex dtype?"""
    return input.is_complex()


def is_conj(input: Tensor) -> bool:
    """Is the tensor a view that stands for conjugates? Never: `conj` computes them."""
    return False


def is_neg(input: Tensor) -> bool:
    """Is the tensor a view that stands for its negative? Never: `neg` computes it."""
    return False


def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: its numbers are in memory as they are."""
    return input


def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself: its numbers are in memory as they are."""
    return input


def is_nonzero(input: Tensor) -> bool:
    """Is the only element of the tensor not zero?"""
    return bool(input.item() != 0)


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input.numel()


def manual_seed(seed: int) -> _C.Generator:
    """Starts the default generator again from a seed; returns it.

    >>> _ = plait.manual_seed(0)
    """
    return _C.default_generator.manual_seed(int(seed))


def seed() -> int:
    """Starts the default generator from a seed of the operating system's, which is returned."""
    return _C.default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return _C.default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator, as a tensor."""
    return _C.default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Puts the default generator into a state that get_rng_state gave."""
    _C.default_generator.set_state(new_state)


def get_default_device() -> _C.device:
    """The device where this thread makes tensors unless told.

    >>> plait.get_default_device()
    device(type='cpu')
    """
    return _C._get_default_device()


def set_default_device(device: _C._Device | None) -> None:
    """Makes a device the one where this thread makes tensors unless told; None: the CPU. `with
    plait.device("cuda"):` does it for a while. Tensors made like or from another one stay on its device.

    >>> plait.set_default_device("meta")
    >>> plait.ones(2).device
    device(type='meta')
    >>> plait.set_default_device(None)
    """
    if device is not None and _C.device(device).type == "cuda":
        _C._cuda.current_device()  # raises where there is none
    _C._set_default_device("cpu" if device is None else device)


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Whether ops on CUDA devices must give the same bits at each run, perhaps more slowly. On the CPU they
    always do. `warn_only` is kept, and changes nothing: every op has a deterministic form.

    >>> plait.use_deterministic_algorithms(True)
    >>> plait.are_deterministic_algorithms_enabled()
    True
    >>> plait.use_deterministic_algorithms(False)
    """
    _C._cuda.set_switch("deterministic", bool(mode))
    _C._cuda.set_switch("deterministic_warn_only", bool(warn_only))


def are_deterministic_algorithms_enabled() -> bool:
    """Must ops give the same bits at each run?"""
    return _C._cuda.get_switch("deterministic")


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What `use_deterministic_algorithms` was told about warnings."""
    return _C._cuda.get_switch("deterministic_warn_only")


_DEBUG_MODES = ("default", "warn", "error")


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """`use_deterministic_algorithms` by a number or a name: 0 "default", 1 "warn", 2 "error".

    >>> plait.set_deterministic_debug_mode("warn")
    >>> plait.get_deterministic_debug_mode()
    1
    >>> plait.set_deterministic_debug_mode(0)
    """
    mode = _DEBUG_MODES.index(debug_mode) if debug_mode in _DEBUG_MODES else debug_mode
    if mode not in (0, 1, 2):
        raise ValueError(
            "set_deterministic_debug_mode: expected 0, 1, 2, 'default', 'warn' or 'error', got "
            f"{debug_mode!r}"
        )
    use_deterministic_algorithms(mode > 0, warn_only=mode == 1)


def get_deterministic_debug_mode() -> int:
    """The mode as a number, see `set_deterministic_debug_mode`."""
    if not are_deterministic_algorithms_enabled():
        return 0
    return 1 if is_deterministic_algorithms_warn_only_enabled() else 2


_matmul_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """How exactly CUDA devices multiply float32 matrices: 'highest' in float32; 'high' and 'medium' by the
    tensor cores' TF32, with 10 bits of mantissa. On the CPU it is always float32.

    >>> plait.set_float32_matmul_precision("high")
    >>> plait.backends.cuda.matmul.allow_tf32
    True
    >>> plait.set_float32_matmul_precision("highest")
    """
    global _matmul_precision
    if precision not in ("highest", "high", "medium"):
        raise ValueError(
            f"set_float32_matmul_precision: expected 'highest', 'high' or 'medium', got '{precision}'"
        )
    _matmul_precision = precision
    _C._cuda.set_switch("allow_tf32_matmul", precision != "highest")


def get_float32_matmul_precision() -> str:
    """What `set_float32_matmul_precision` was told, or 'high' where TF32 was allowed otherwise."""
    allowed = _C._cuda.get_switch("allow_tf32_matmul")
    if allowed != (_matmul_precision != "highest"):
        return "high" if allowed else "highest"
    return _matmul_precision


def broadcast_shapes(*shapes: int | Sequence[int]) -> _C.Size:
    """The shape that shapes broadcast to.

    >>> plait.broadcast_shapes((2, 1), (3,))
    plait.Size([2, 3])
    """
    tensors = [_ops["empty"](s if isinstance(s, (tuple, list)) else (s,), device="meta") for s in shapes]
    total = _ops["empty"]((), device="meta")
    for t in tensors:
        total = total + t
    return total.shape


def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """Views of the tensors, expanded to their common shape."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    shape = broadcast_shapes(*[t.shape for t in tensors])
    return tuple(t.expand(shape) for t in tensors)


def where(condition: Tensor, input: Any = None, other: Any = None, *, out: Tensor | None = None) -> Any:
    """Elements of `input` where the condition holds, of `other` elsewhere; with the condition alone,
    `nonzero(as_tuple=True)`.

    >>> plait.where(plait.tensor([True, False]), 1, 2)
    tensor([1, 2])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if out is not None:
        return _ops["where"](condition, input, other, out=out)
    return _ops["where"](condition, input, other)


def nonzero(input: Tensor, *, as_tuple: bool = False, out: Tensor | None = None) -> Any:
    """The indices of the elements that are not zero: a tensor of shape (n, ndim), or a tuple of one index
    tensor per dimension."""
    if as_tuple and out is not None:
        raise TypeError("nonzero: as_tuple=True gives a tuple, which has no out=; leave one of them out")
    found = _ops["nonzero"](input) if out is None else _ops["nonzero"](input, out=out)
    if not as_tuple:
        return found
    return tuple(found.unbind(1)) if input.dim() else (found.new_zeros((found.shape[0],)),)


def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: _C._DType | None = None,
) -> Tensor:
    """The p-norm of the elements, of all or over the dimensions `dim`: (sum |x|^p)^(1/p); the largest
    magnitude for p=inf, the smallest for p=-inf, the number of elements other than zero for p=0; p=2 by
    default, as for "fro". "nuc" gives the nuclear norm, the sum of the singular values, of a matrix or of
    those over two dimensions `dim`. Sums of squares are formed in double.

    Shapes: dim is removed, or of size 1 with keepdim. Dtypes: floating and complex; the result is real.

    >>> plait.norm(plait.tensor([3.0, 4.0]))
    tensor(5.)
    >>> plait.norm(plait.tensor([[1.0, -2.0], [3.0, 4.0]]), 1, dim=0)
    tensor([4., 6.])
    """
    if p == "nuc":
        from .linalg import matrix_norm

        dims: Any = (-2, -1) if dim is None else dim
        if dim is None and input.dim() != 2:
            raise _C.ArgumentError(
                'norm: with p="nuc" expected a matrix, or dim of two dimensions, got shape '
                f"{tuple(input.shape)}"
            )
        return matrix_norm(input, "nuc", dims, keepdim, dtype=dtype, out=out)
    if out is not None:
        return _ops["norm"](input, p, dim, keepdim, dtype=dtype, out=out)
    return _ops["norm"](input, p, dim, keepdim, dtype=dtype)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """Grids of coordinates from 1-D tensors: one tensor per input, of the shape of all their lengths
    ('ij'), or with the first two dimensions swapped ('xy')."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    return tuple(_ops["meshgrid"](list(tensors), indexing=indexing))


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of the elements of 1-D tensors, as rows."""
    if len(tensors) == 1:
        return tensors[0]
    return _ops["stack"]([g.reshape(-1) for g in meshgrid(*tensors)], 1)


def block_diag(*tensors: Tensor) -> Tensor:
    """A 2-D tensor, of the dtype that they promote to, with the given ones along its diagonal."""
    if not tensors:
        return _ops["empty"]((1, 0))
    for t in tensors:
        if t.dim() > 2:
            raise ValueError(f"block_diag: expected at most 2 dimensions, got shape {tuple(t.shape)}")
    blocks = [t.reshape(1, -1) if t.dim() < 2 else t for t in tensors]
    rows, columns = sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)
    dtype = functools.reduce(_C.promote_types, [b.dtype for b in blocks])
    out = blocks[0].new_zeros((rows, columns), dtype=dtype)
    r = c = 0
    for b in blocks:
        out[r : r + b.shape[0], c : c + b.shape[1]] = b
        r, c = r + b.shape[0], c + b.shape[1]
    return out


def _atleast(tensors, rank):
    def one(t):
        while t.dim() < rank:
            t = t.unsqueeze(0)
        return t

    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        tensors = tuple(tensors[0])
    return one(tensors[0]) if len(tensors) == 1 else tuple(one(t) for t in tensors)


def atleast_1d(*tensors: Any) -> Any:
    """The tensors with at least one dimension."""
    return _atleast(tensors, 1)


def atleast_2d(*tensors: Any) -> Any:
    """The tensors with at least two dimensions."""
    return _atleast(tensors, 2)


def _einsum_letters(subscripts: Sequence[Any]) -> str:
    letters = string.ascii_uppercase + string.ascii_lowercase
    for n in subscripts:
        if n is not Ellipsis and not 0 <= n < len(letters):
            raise ValueError(f"einsum: expected subscripts of 0 to {len(letters) - 1} and ..., got {n}")
    return "".join("..." if n is Ellipsis else letters[n] for n in subscripts)


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sums of products by Einstein's convention. Instead of an equation each operand may be followed by the
    list of its subscripts (ints of 0 to 51, and `...`), with the result's at the end.

    >>> a, b = plait.ones(2, 3), plait.ones(3, 4)
    >>> plait.einsum("ij,jk->ik", a, b).shape
    plait.Size([2, 4])
    >>> plait.einsum(a, [0, 1], b, [1, 2], [0, 2]).shape
    plait.Size([2, 4])
    """
    if isinstance(equation, _C.Tensor) and operands:
        given = (equation, *operands)
        paired = len(given) // 2 * 2
        terms = ",".join(_einsum_letters(subscripts) for subscripts in given[1:paired:2])
        result = [_einsum_letters(given[-1])] if paired < len(given) else []
        return _ops["einsum"]("->".join([terms, *result]), list(given[:paired:2]))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    return _ops["einsum"](equation, list(operands))


def tensordot(
    a: Tensor, b: Tensor, dims: int | Sequence[Sequence[int]] | Tensor = 2, out: Tensor | None = None
) -> Tensor:
    """The sum of products over the last `dims` dimensions of `a` and the first of `b`.

    Where `dims` is a pair of lists: over those dimensions of `a` and of `b`, pair by pair.

    >>> plait.tensordot(plait.ones(3, 2), plait.ones(4, 3), dims=([0], [1])).shape
    plait.Size([2, 4])
    """
    pair = dims.tolist() if isinstance(dims, _C.Tensor) else dims
    if not isinstance(pair, (tuple, list)):
        return _ops["tensordot"](a, b, pair, out=out)
    if len(pair) != 2:
        raise ValueError(
            f"tensordot: expected dims to be an int or a pair of lists of dimensions, got {dims!r}"
        )
    return _ops["tensordot"](a, b, *pair, out=out)


def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`), in rising order; with where each element of the input
    is among them, and how often each occurs, where asked for."""
    values, inverse, counts = _ops["_unique"](input, dim=dim)
    result = (values,) + ((inverse,) if return_inverse else ()) + ((counts,) if return_counts else ())
    return result if len(result) > 1 else values


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements without those that equal the one before; with `dim`, slices along it in place of elements.

    Also (in this order, where asked for) which of them each element became, int64 and of input's shape (with
    `dim`: one for each slice), and how many elements each stands for.

    >>> plait.unique_consecutive(plait.tensor([[1, 1, 2], [3, 3, 3]]), dim=1)
    tensor([[1, 2],
            [3, 3]])
    """
    rows = input.reshape(-1) if dim is None else input.movedim(dim, 0)
    differs = rows[1:] != rows[:-1]
    while differs.dim() > 1:
        differs = differs.any(-1)
    first = _ops["ones"]((min(rows.shape[0], 1),), dtype=_C.bool, device=input.device)
    starts = _ops["cat"]([first, differs])
    result: tuple[Any, ...] = (rows[starts] if dim is None else rows[starts].movedim(0, dim),)
    if return_inverse or return_counts:
        inverse = starts.cumsum(0) - 1
        if return_inverse:
            result += (inverse.reshape(input.shape) if dim is None else inverse,)
        if return_counts:
            result += (_ops["bincount"](inverse),)
    return result if len(result) > 1 else result[0]
