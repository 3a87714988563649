"""Sampling at given places: grid_sample and affine_grid, in two and three dimensions."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sample(
    input: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> Tensor:
    """Values of the input at the places of the grid.

    Shapes: (N, C, H, W) and (N, H_out, W_out, 2) -> (N, C, H_out, W_out), or (N, C, D, H, W) and
    (N, D_out, H_out, W_out, 3) -> (N, C, D_out, H_out, W_out). A place is (x, y) or (x, y, z), from -1 to 1:
    the centres of the corner pixels with `align_corners`, their outer edges without. Outside are zeros, the
    'border', or the image's 'reflection'. `mode`: 'bilinear' (trilinear in three dimensions), 'nearest' or,
    in two dimensions, 'bicubic' (Keys' weights with a = -3/4; pixels beyond the edge are found one by one).

    >>> image = plait.arange(4.0).reshape(1, 1, 2, 2)
    >>> places = plait.tensor([[[[0.0, 0.0], [1.0, 1.0]]]])
    >>> plait.nn.functional.grid_sample(image, places, align_corners=True)
    tensor([[[[1.5000, 3.0000]]]])
    """
    if mode not in _MODES:
        raise ValueError(f"grid_sample: expected mode 'bilinear', 'nearest' or 'bicubic', got '{mode}'")
    if padding_mode not in _PADDINGS:
        raise ValueError(
            f"grid_sample: expected padding_mode 'zeros', 'border' or 'reflection', got '{padding_mode}'"
        )
    if align_corners is None:
        from warnings import warn

        warn("grid_sample: align_corners is False by default; say which is meant", stacklevel=2)
        align_corners = False
    return plait.grid_sampler(input, grid, _MODES.index(mode), _PADDINGS.index(padding_mode), align_corners)


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """The grid of places for grid_sample that affine maps `theta`, (N, 2, 3) or (N, 3, 4), make of an image
    of `size` (N, C, H, W) or (N, C, D, H, W).

    >>> identity = plait.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> plait.nn.functional.affine_grid(identity, (1, 1, 1, 2), align_corners=False)[0, 0]
    tensor([[-0.5000,  0.0000],
            [ 0.5000,  0.0000]])
    """
    rank = len(size) - 2
    if rank not in (2, 3) or theta.dim() != 3 or tuple(theta.shape) != (size[0], rank, rank + 1):
        raise ValueError(
            "affine_grid: expected theta (N, 2, 3) with size (N, C, H, W), or theta (N, 3, 4) with size "
            f"(N, C, D, H, W), got theta {tuple(theta.shape)} and size {tuple(size)}"
        )
    if min(size) <= 0:
        raise ValueError(f"affine_grid: expected positive sizes, got {tuple(size)}")
    if align_corners is None:
        from warnings import warn

        warn("affine_grid: align_corners is False by default; say which is meant", stacklevel=2)
        align_corners = False
    spatial = tuple(size[2:])
    axes = []
    for axis, count in enumerate(spatial):
        line = plait.linspace(-1, 1, count, dtype=theta.dtype, device=theta.device)
        if align_corners:
            line = line if count > 1 else plait.zeros_like(line)
        else:
            line = (2 * plait.arange(count, dtype=theta.dtype, device=theta.device) + 1) / count - 1
        axes.append(line.reshape([-1 if i == axis else 1 for i in range(rank)]).expand(spatial))
    ones = plait.ones(spatial, dtype=theta.dtype, device=theta.device)
    base = plait.stack([*reversed(axes), ones], -1).reshape(1, -1, rank + 1)
    return (base @ theta.transpose(1, 2)).reshape((size[0], *spatial, rank))
