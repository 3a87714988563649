"""Statistics that are compositions of ops: quantiles, covariances, distances."""

from __future__ import annotations

from . import _C
from ._out import with_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

__all__ = ["corrcoef", "cov", "nanquantile", "quantile"]

_ops = _C.ops
_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    who: str, input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skip_nan: bool
) -> Tensor:
    if input.dtype not in (_C.float32, _C.float64):
        raise RuntimeError(f"{who}: expected float32 or float64, got {input.dtype}; use .float()")
    if interpolation not in _INTERPOLATIONS:
        raise RuntimeError(
            f"{who}: expected interpolation to be one of {_INTERPOLATIONS}, got {interpolation!r}"
        )
    if isinstance(q, _C.Tensor):
        if q.dim() > 1 or q.dtype is not input.dtype or q.device != input.device:
            raise RuntimeError(
                f"{who}: expected q as a number or a 0-d or 1-d tensor of {input.dtype} on "
                f"{input.device}, got "
                f"{q.dim()}-d {q.dtype} on {q.device}"
            )
        if q.is_cpu and not ((q >= 0) & (q <= 1)).all():
            raise RuntimeError(f"{who}: expected q within [0, 1], got {q}")
    else:
        if not 0 <= q <= 1:
            raise RuntimeError(f"{who}: expected q within [0, 1], got {q}")
        q = _ops["full"]((), float(q), dtype=input.dtype, device=input.device)
    rank = input.dim()
    if dim is None:
        x, axis = input.reshape(-1), 0
    else:
        if not -max(rank, 1) <= dim < max(rank, 1):
            raise IndexError(f"{who}: expected dim between {-max(rank, 1)} and {max(rank, 1) - 1}, got {dim}")
        axis = dim % max(rank, 1)
        x = input.reshape(1) if rank == 0 else input.movedim(axis, -1)
    if x.shape[-1] == 0:
        raise RuntimeError(f"{who}: the dimension to reduce is empty, of shape {tuple(input.shape)}")
    ordered = x.sort(-1)[0]
    missing = ordered.isnan()
    at = q.reshape(-1)
    if skip_nan:
        # Of a row of n numbers (n NaNs are at its end) the quantile stands at q (n - 1).
        last = ordered.shape[-1] - 1 - missing.sum(-1, keepdim=True)
        places = (at * last.to(input.dtype)).clamp(min=0)
    else:
        places = (at * (ordered.shape[-1] - 1)).expand(*ordered.shape[:-1], at.shape[0])
        # A NaN anywhere is the result: it is the last of the row, and every quantile is taken there.
        places = places.where(~missing[..., -1:], places.new_full((), ordered.shape[-1] - 1))
    if interpolation == "nearest":
        result = ordered.gather(-1, places.round().long())
    elif interpolation == "lower":
        result = ordered.gather(-1, places.floor().long())
    elif interpolation == "higher":
        result = ordered.gather(-1, places.ceil().long())
    else:
        low = places.floor()
        below, above = ordered.gather(-1, low.long()), ordered.gather(-1, places.ceil().long())
        weight = (places - low) if interpolation == "linear" else places.new_full((), 0.5)
        result = below.lerp(above, weight)
        if interpolation == "midpoint":
            result = below.where(places == low, result)
    # The quantiles stand first, the reduced dimension where it was.
    if keepdim:
        shape = [1] * rank if dim is None or rank == 0 else [*input.shape[:axis], 1, *input.shape[axis + 1 :]]
    else:
        shape = [] if dim is None else [*input.shape[:axis], *input.shape[axis + 1 :]]
    result = result.movedim(-1, 0)
    return result.reshape(shape if q.dim() == 0 else [at.shape[0], *shape])


@with_out
def quantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor:
    """The value below which the fraction `q` of the elements lies, along a dimension or of all. For a 1-d
    tensor of several q the result has a first dimension more. NaN where there is one.

    `interpolation` between the two nearest elements: "linear", "lower", "higher", "midpoint" or "nearest".

    >>> plait.quantile(plait.tensor([0.0, 1.0, 2.0, 3.0]), plait.tensor([0.25, 0.5]))
    tensor([0.7500, 1.5000])
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@with_out
def nanquantile(
    input: Tensor,
    q: Any,
    dim: int | None = None,
    keepdim: bool = False,
    *,
    interpolation: str = "linear",
    out: Any = None,
) -> Tensor:
    """As `quantile`, of the elements that are not NaN; NaN where all are.

    >>> plait.nanquantile(plait.tensor([1.0, float("nan"), 3.0]), 0.5)
    tensor(2.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)


def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of variables (rows) from observations (columns); of one variable its variance.

    `fweights` count observations (integers), `aweights` weigh them; `correction` is subtracted from the
    number of observations.

    >>> plait.cov(plait.tensor([[0.0, 2.0], [2.0, 0.0]]))
    tensor([[ 2., -2.],
            [-2.,  2.]])
    """
    if input.dim() > 2:
        raise RuntimeError(f"cov: expected at most 2 dimensions, got shape {tuple(input.shape)}")
    if input.dtype is _C.bool:
        raise RuntimeError("cov: expected numbers, got bool; use .float()")
    x = input.reshape(1, -1) if input.dim() < 2 else input
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(_C.get_default_dtype())
    count = x.shape[1]
    weight = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given.dim() > 1 or given.numel() != count:
            raise RuntimeError(
                f"cov: expected {name} of shape ({count},), one for each observation, got "
                f"{tuple(given.shape)}"
            )
        counts = not (given.is_floating_point() or given.is_complex() or given.dtype is _C.bool)
        if counts != (name == "fweights"):
            wanted = "counts of an integer dtype" if name == "fweights" else "weights of a floating dtype"
            raise RuntimeError(f"cov: expected {name} to be {wanted}, got {given.dtype}")
        if (given < 0).any():
            raise RuntimeError(f"cov: expected {name} of 0 and more, got {given.min().item()}")
        weight = given if weight is None else weight * given
    if weight is None:
        total: Any = count
        mean = x.sum(1, keepdim=True) / total
    else:
        total = weight.sum()
        mean = (x * weight).sum(1, keepdim=True) / total
    if aweights is None or correction == 0:
        freedom = total - correction
    else:
        freedom = total - correction * (weight * aweights).sum() / total  # type: ignore[operator]
    freedom = max(freedom, 0) if weight is None else freedom.clamp(min=0)
    centred = x - mean
    right = centred if weight is None else centred * weight
    product = centred @ right.transpose(0, 1).conj()
    result = product / freedom if weight is not None or freedom else product / product.real.new_zeros(())
    return result.reshape(()) if x.shape[0] == 1 else result


def corrcoef(input: Tensor) -> Tensor:
    """The correlation coefficients of variables (rows) from observations (columns).

    >>> plait.corrcoef(plait.tensor([[0.0, 2.0], [2.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input.dim() > 2:
        raise RuntimeError(f"corrcoef: expected at most 2 dimensions, got shape {tuple(input.shape)}")
    c = cov(input)
    if c.dim() == 0:
        return c / c
    scale = c.diagonal().real.sqrt() if c.is_complex() else c.diagonal().sqrt()
    c = c / scale[:, None] / scale[None, :]
    if c.is_complex():
        return _ops["complex"](c.real.clip(-1, 1), c.imag.clip(-1, 1))
    return c.clip(-1, 1)
