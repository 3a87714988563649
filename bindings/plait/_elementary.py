"""Small functions that are compositions of ops: splitting, outer products, tests of numbers, Cholesky
solves.
"""

from __future__ import annotations

import builtins

from . import _C
from ._out import with_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

__all__ = [
    "addr",
    "atleast_3d",
    "chain_matmul",
    "cholesky_inverse",
    "cholesky_solve",
    "combinations",
    "dsplit",
    "float_power",
    "ger",
    "hsplit",
    "index_reduce",
    "is_nonzero",
    "is_signed",
    "isneginf",
    "isposinf",
    "isreal",
    "ldexp",
    "range",
    "row_stack",
    "rsub",
    "typename",
    "unravel_index",
    "vander",
    "vsplit",
]

_ops = _C.ops


@with_out
def ger(input: Tensor, vec2: Tensor, *, out: Any = None) -> Tensor:
    """The outer product of two vectors; the former name of plait.outer."""
    return _ops["outer"](input, vec2)


@with_out
def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1, out: Any = None
) -> Tensor:
    """beta input + alpha times the outer product of two vectors. With beta=0 the input is not read.

    >>> plait.addr(plait.ones(2, 2), plait.tensor([1.0, 2.0]), plait.tensor([1.0, 0.0]))
    tensor([[2., 1.],
            [3., 1.]])
    """
    if vec1.dim() != 1 or vec2.dim() != 1:
        raise RuntimeError(
            f"addr: expected two vectors, got shapes {tuple(vec1.shape)} and {tuple(vec2.shape)}"
        )
    product = _ops["outer"](vec1, vec2)
    if alpha != 1:
        product = alpha * product
    if beta == 0:
        return product.expand(_ops["broadcast_tensors"]([input, product])[0].shape)
    return (input if beta == 1 else beta * input) + product


def _infinite(who: str, input: Tensor, value: float) -> Tensor:
    if input.is_complex():
        raise TypeError(f"{who}: complex numbers have no sign, got {input.dtype}; ask input.real")
    return input == value if input.is_floating_point() else _ops["zeros_like"](input, dtype=_C.bool)


@with_out
def isposinf(input: Tensor, *, out: Any = None) -> Tensor:
    """True where an element is +inf.

    >>> plait.isposinf(plait.tensor([1.0, float("inf"), -float("inf")]))
    tensor([False,  True, False])
    """
    return _infinite("isposinf", input, float("inf"))


@with_out
def isneginf(input: Tensor, *, out: Any = None) -> Tensor:
    """True where an element is -inf."""
    return _infinite("isneginf", input, -float("inf"))


def isreal(input: Tensor) -> Tensor:
    """True where an element has no imaginary part."""
    return input.imag == 0 if input.is_complex() else _ops["ones_like"](input, dtype=_C.bool)


def is_signed(input: Tensor) -> bool:
    """Does the dtype have negative numbers?"""
    return input.dtype not in (_C.bool, _C.uint8)


def is_nonzero(input: Tensor) -> bool:
    """Is the one element of a tensor other than zero?

    >>> plait.is_nonzero(plait.tensor([2.0]))
    True
    """
    if input.numel() != 1:
        raise RuntimeError(f"is_nonzero: expected one element, got shape {tuple(input.shape)}")
    return bool(input.item() != 0)



@with_out
def ldexp(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
    """input * 2^other.

    >>> plait.ldexp(plait.tensor([1.0, 3.0]), plait.tensor([3, -1]))
    tensor([8.0000, 1.5000])
    """
    return input * _ops["pow"](2.0, other)


@with_out
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Tensor:
    """input ** exponent in float64 (complex128 for complex arguments).

    >>> plait.float_power(plait.tensor([2, 3]), 2)
    tensor([4., 9.], dtype=plait.float64)
    """
    given = (input, exponent)
    is_complex = any(v.is_complex() if isinstance(v, _C.Tensor) else type(v) is complex for v in given)
    dtype = _C.complex128 if is_complex else _C.float64
    input, exponent = (v.to(dtype) if isinstance(v, _C.Tensor) else v for v in given)
    return _ops["pow"](input, exponent)


def _split(who: str, input: Tensor, pieces: int | Sequence[int], dim: int, least: int) -> tuple[Tensor, ...]:
    if input.dim() < least:
        raise RuntimeError(f"{who}: expected at least {least} dimensions, got shape {tuple(input.shape)}")
    if isinstance(pieces, int) and (pieces < 1 or input.shape[dim] % pieces):
        raise RuntimeError(
            f"{who}: dimension {dim} of size {input.shape[dim]} cannot be split into {pieces} equal "
            "parts; use tensor_split for parts that differ"
        )
    return _ops["tensor_split"](input, pieces, dim)


def hsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Splits the columns (of a vector: its elements), into equal parts or at indices.

    >>> plait.hsplit(plait.arange(4), 2)
    (tensor([0, 1]), tensor([2, 3]))
    """
    return _split("hsplit", input, indices_or_sections, 0 if input.dim() == 1 else 1, 1)


def vsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Splits the rows, into equal parts or at indices."""
    return _split("vsplit", input, indices_or_sections, 0, 2)


def dsplit(input: Tensor, indices_or_sections: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Splits the third dimension, into equal parts or at indices."""
    return _split("dsplit", input, indices_or_sections, 2, 3)


def atleast_3d(*tensors: Any) -> Any:
    """Tensors with fewer than three dimensions as (1, n, 1) or (m, n, 1).

    >>> plait.atleast_3d(plait.ones(2)).shape
    plait.Size([1, 2, 1])
    """
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], _C.Tensor) else tensors
    shapes = {0: lambda t: t.reshape(1, 1, 1), 1: lambda t: t[None, :, None], 2: lambda t: t[..., None]}
    done = tuple(shapes[t.dim()](t) if t.dim() < 3 else t for t in given)
    return done[0] if len(tensors) == 1 and isinstance(tensors[0], _C.Tensor) else done


@with_out
def row_stack(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """Another name of plait.vstack."""
    return _ops["vstack"](tensors)


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The matrix of the powers of a vector: N (its length) columns, the highest first unless `increasing`.

    >>> plait.vander(plait.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if x.dim() != 1:
        raise RuntimeError(f"vander: expected a vector, got shape {tuple(x.shape)}")
    count = x.shape[0] if N is None else N
    powers = _ops["arange"](count, device=x.device)
    table = x[:, None] ** powers
    return table if increasing else table.flip(1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All r elements of a vector, in the order of itertools.combinations.

    >>> plait.combinations(plait.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    from itertools import combinations as without
    from itertools import combinations_with_replacement as with_

    if input.dim() != 1:
        raise RuntimeError(f"combinations: expected a vector, got shape {tuple(input.shape)}")
    if r < 0:
        raise RuntimeError(f"combinations: expected r >= 0, got {r}")
    if r == 0:
        return input.new_empty(0)
    chosen = list((with_ if with_replacement else without)(builtins.range(input.shape[0]), r))
    where = _C._tensor_from_data(chosen or [], _C.int64, input.device, False, True).reshape(-1, r)
    return input[where]



def unravel_index(indices: Tensor, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The coordinates, in a tensor of that shape, of indices into its elements one after the other.

    >>> plait.unravel_index(plait.tensor([5, 0]), (2, 3))
    (tensor([1, 0]), tensor([2, 0]))
    """
    if indices.is_floating_point() or indices.is_complex() or indices.dtype == _C.bool:
        raise TypeError(f"unravel_index: expected indices of an integer dtype, got {indices.dtype}")
    sizes = [shape] if isinstance(shape, int) else list(shape)
    indices = indices.to(_C.int64)
    out = []
    for size in reversed(sizes):
        out.append(indices % size)
        indices = indices.div(size, rounding_mode="floor")
    return tuple(reversed(out))


def put_(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Writes the elements of `source` to those of self that `index` names, as if self had one dimension; with
    `accumulate` it adds them. `index` is of int64, of as many elements as `source`; negative ones count from
    the end. Without `accumulate` an index that occurs twice gets one of the two.

    >>> plait.zeros(2, 2).put_(plait.tensor([1, -1]), plait.tensor([5.0, 7.0]))
    tensor([[0., 5.],
            [0., 7.]])
    """
    at, values = _to_put("put_", self, index, source)
    if self.is_contiguous():
        self.view(-1).index_put_((at,), values, accumulate)
        return self
    if at.numel() and bool(((at < -self.numel()) | (at >= self.numel())).any()):
        raise IndexError(f"put_: an index is out of range for a tensor of {self.numel()} elements")
    at = at.remainder(max(self.numel(), 1))
    return self.index_put_(unravel_index(at, tuple(self.shape)), values, accumulate)


def _to_put(who: str, self: Tensor, index: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """The index and the elements, in one dimension each."""
    if index.dtype is not _C.int64:
        raise TypeError(f"{who}: expected index of dtype int64, got {index.dtype}; use index.long()")
    if source.dtype is not self.dtype:
        raise TypeError(f"{who}: expected source of dtype {self.dtype}, got {source.dtype}")
    if index.numel() != source.numel():
        raise ValueError(
            f"{who}: expected as many elements in source as in index, got {source.numel()} and "
            f"{index.numel()}"
        )
    at = index if index.dim() == 1 else index.reshape(-1)
    return at, source if source.dim() == 1 else source.reshape(-1)


def put(self: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of self with the elements of `source` where `index` says, see `Tensor.put_`.

    >>> plait.zeros(3).put(plait.tensor([1]), plait.tensor([5.0]))
    tensor([0., 5., 0.])
    """
    at, values = _to_put("put", self, index, source)
    return self.reshape(-1).index_put((at,), values, accumulate).view(self.shape)


@with_out
def index_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    source: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Any = None,
) -> Tensor:
    """A copy of input in which row index[i] along `dim` is reduced with row i of source: "prod", "mean",
    "amax" or "amin". Without `include_self` the rows that `index` names start anew.

    >>> plait.index_reduce(plait.ones(2), 0, plait.tensor([0, 0]), plait.tensor([2.0, 4.0]), "prod")
    tensor([8., 1.])
    """
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise ValueError(f"index_reduce: expected reduce 'prod', 'mean', 'amax' or 'amin', got {reduce!r}")
    rank = max(input.dim(), 1)
    if not -rank <= dim < rank:
        raise IndexError(f"index_reduce: expected dim between {-rank} and {rank - 1}, got {dim}")
    dim %= rank
    flat = index.reshape(-1)
    wanted = [flat.numel() if d == dim else n for d, n in enumerate(input.shape)]
    if list(source.shape) != wanted:
        raise ValueError(
            f"index_reduce: expected source of shape {tuple(wanted)} for input of shape "
            f"{tuple(input.shape)} and {flat.numel()} indices, got {tuple(source.shape)}"
        )
    at = flat.to(_C.int64).reshape([-1 if d == dim else 1 for d in builtins.range(input.dim())])
    at = at.expand(source.shape)
    return _ops["scatter_reduce"](input, dim, at, source, reduce, include_self=include_self)


def index_reduce_(
    self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """Reduces rows of self with those of source, see `plait.index_reduce`."""
    return self.copy_(index_reduce(self, dim, index, source, reduce, include_self=include_self))


def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions along which a tensor of that size is broadcast to self's shape.

    >>> plait.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    wanted = list(size[0]) if len(size) == 1 and not isinstance(size[0], int) else list(size)
    more = self.dim() - len(wanted)
    if more < 0 or any(n not in (1, m) for n, m in zip(wanted, self.shape[more:])):
        raise RuntimeError(
            f"sum_to_size: expected a size that can be broadcast to {tuple(self.shape)}, got {tuple(wanted)}"
        )
    result = self.sum(list(builtins.range(more)), dtype=self.dtype) if more else self
    dims = [d for d, n in enumerate(wanted) if n == 1 and result.shape[d] != 1]
    return result.sum(dims, keepdim=True, dtype=self.dtype) if dims else result


def rsub(input: Tensor, other: Any, *, alpha: Any = 1) -> Tensor:
    """other - alpha * input.

    >>> plait.rsub(plait.tensor([1.0]), 3)
    tensor([2.])
    """
    if not isinstance(other, _C.Tensor):
        return other - (input if alpha == 1 else input * alpha)
    return _ops["sub"](other, input, alpha=alpha)


def range(start: float = 0, end: float | None = None, step: float = 1, **options: Any) -> Tensor:
    """Numbers from `start` to `end`, which is among them: the former form of plait.arange, in float32.

    >>> plait.range(1, 4)
    tensor([1., 2., 3., 4.])
    """
    if end is None:
        start, end = 0, start
    if step == 0 or (end - start) * step < 0:
        raise RuntimeError(f"range: expected steps from start to end, got {start}, {end} and step {step}")
    import math

    count = math.floor((end - start) / step + 1)
    out = options.pop("out", None)
    dtype = options.pop("dtype", None) or (_C.get_default_dtype() if out is None else out.dtype)
    device = options.pop("device", None) or (None if out is None else out.device)
    values = (_ops["arange"](count, dtype=_C.float64, device=device) * step + start).to(dtype)
    if out is not None:
        return _ops["add"](values, 0, out=out)
    return values.requires_grad_() if options.pop("requires_grad", False) else values


@with_out
def chain_matmul(*matrices: Tensor, out: Any = None) -> Tensor:
    """The product of matrices, in the order that costs least."""
    given = list(matrices[0] if len(matrices) == 1 and not isinstance(matrices[0], _C.Tensor) else matrices)
    if not given:
        raise RuntimeError("chain_matmul: expected at least one matrix")
    # cost[i][j]: of the product of matrices i to j (Cormen et al., Introduction to Algorithms, 15.2).
    size = [given[0].shape[0], *(m.shape[1] for m in given)]
    n = len(given)
    cost, cut = [[0] * n for _ in given], [[0] * n for _ in given]
    for length in builtins.range(1, n):
        for i in builtins.range(n - length):
            j = i + length
            cost[i][j], cut[i][j] = min(
                (cost[i][k] + cost[k + 1][j] + size[i] * size[k + 1] * size[j + 1], k)
                for k in builtins.range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        return given[i] if i == j else product(i, cut[i][j]) @ product(cut[i][j] + 1, j)

    return product(0, n - 1)


@with_out
def cholesky_solve(input: Tensor, L: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """The solution of A X = input, where A = L L^H (with `upper`, L^H L).

    >>> plait.cholesky_solve(plait.tensor([[8.0]]), plait.tensor([[2.0]]))
    tensor([[2.]])
    """
    from .linalg import _check, _substituted

    _check("cholesky_solve", L, True, "L")
    _check("cholesky_solve", input, False, "input")
    first, second = (L.mH, L) if upper else (L, L.mH)
    half = _substituted("cholesky_solve", first, input, False)
    return _substituted("cholesky_solve", second, half, True)


@with_out
def cholesky_inverse(L: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """The inverse of A = L L^H (with `upper`, L^H L)."""
    from .linalg import _check, _substituted

    _check("cholesky_inverse", L, True, "L")
    unit = _ops["eye"](L.shape[-1], dtype=L.dtype, device=L.device)
    inverse = _substituted("cholesky_inverse", L, unit.expand(L.shape), upper)  # of the factor
    return inverse @ inverse.mH if upper else inverse.mH @ inverse


def typename(obj: Any) -> str:
    """The name of a tensor's type, or of an object's.

    >>> plait.typename(plait.ones(1))
    'plait.FloatTensor'
    """
    if isinstance(obj, _C.Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    return f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else kind.__qualname__
