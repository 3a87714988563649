"""Resizing of pictures: what `nn.functional.interpolate` takes, as the op below it wants it."""

from __future__ import annotations

import math

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["interpolate"]

_RANKS = {"linear": 3, "bilinear": 4, "bicubic": 4, "trilinear": 5}
_MODES = ("nearest", "nearest-exact", "area", *_RANKS)


def _per_dimension(value: Any, count: int, name: str, shape: tuple) -> list:
    values = list(value) if isinstance(value, (tuple, list)) else [value] * count
    if len(values) != count:
        raise ValueError(
            f"interpolate: expected {name} with {count} entries for input of shape {shape}, got {len(values)}"
        )
    return values


def interpolate(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:
    """The input resized to spatial sizes `size`, or by `scale_factor`: a number, or one for each dimension.

    mode: nearest, nearest-exact (which rounds to the middle of a pixel) and area (means) for one to three
    spatial dimensions; linear for one, bilinear and bicubic for two, trilinear for three. align_corners: the
    centres of the outermost pixels of input and output meet. The scale that was asked for counts, not that
    of the rounded sizes, unless recompute_scale_factor.

    Shapes: (N, C, ...) with one to three spatial dimensions. Dtypes: floats, and uint8, rounded. Raises
    ValueError for sizes below 1 and for a mode that does not go with the input. Source of the cubic weights:
    R. Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -3/4.

    antialias (bilinear, bicubic): where a picture shrinks, the weights reach as much farther as it shrinks,
    so that every pixel counts; the cubic weights have a = -1/2 then, as in Pillow.

    >>> plait.nn.functional.interpolate(plait.tensor([[[1.0, 2.0]]]), 4, mode="linear")
    tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]])
    """
    shape = tuple(input.shape)
    spatial = shape[2:]
    if not 1 <= len(spatial) <= 3:
        raise ValueError(
            f"interpolate: expected input of shape (N, C, one to three spatial dimensions), got {shape}; "
            "try unsqueeze(0)"
        )
    if mode not in _MODES:
        raise ValueError(f"interpolate: expected mode {', '.join(map(repr, _MODES))}, got {mode!r}")
    if _RANKS.get(mode, len(shape)) != len(shape):
        fitting = [m for m in _MODES if _RANKS.get(m, len(shape)) == len(shape)]
        raise ValueError(
            f"interpolate: mode {mode!r} takes input with {_RANKS[mode]} dimensions, got shape {shape}; "
            f"for it there are {', '.join(fitting)}"
        )
    if align_corners is not None and mode not in _RANKS:
        raise ValueError(f"interpolate: align_corners goes with {', '.join(_RANKS)}, not with mode {mode!r}")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            f"interpolate: antialias=True goes with bilinear and bicubic, not with mode {mode!r}"
        )
    if (size is None) == (scale_factor is None):
        given = "neither" if size is None else "both"
        raise ValueError(f"interpolate: expected either size or scale_factor, got {given}")

    factors = [0.0] * len(spatial)
    if size is not None:
        if recompute_scale_factor:
            raise ValueError("interpolate: recompute_scale_factor goes with scale_factor, not with size")
        sizes = _per_dimension(size, len(spatial), "size", shape)
    else:
        factors = [float(f) for f in _per_dimension(scale_factor, len(spatial), "scale_factor", shape)]
        for factor in factors:
            if not (factor > 0 and math.isfinite(factor)):
                raise ValueError(f"interpolate: expected a scale_factor above 0, got {scale_factor!r}")
        sizes = [math.floor(float(n) * f) for n, f in zip(spatial, factors)]
        if recompute_scale_factor:
            factors = [0.0] * len(spatial)
    if mode == "area":
        if min(sizes) < 1:
            raise ValueError(f"interpolate: expected sizes of at least 1, got {tuple(sizes)}")
        return getattr(plait, f"adaptive_avg_pool{len(spatial)}d")(input, sizes)
    mode = "linear" if mode in ("bilinear", "trilinear") else mode
    factors = [0.0] * (3 - len(spatial)) + factors
    return plait._resample(input, sizes, mode, bool(align_corners), antialias, *factors)
