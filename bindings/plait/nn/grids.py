"""Sampling at given places: grid_sample and affine_grid, in two and three dimensions."""

from __future__ import annotations

from itertools import product

import plait
from plait import Tensor
from plait._autocast import one_op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def _reflected(x: Tensor, size: int, align_corners: bool) -> Tensor:
    """Coordinates mirrored into the image, at the centres of the outer pixels or at their outer edges."""
    low = 0.0 if align_corners else -0.5
    span = float(size - 1 if align_corners else size)
    if span == 0:
        return plait.zeros_like(x)
    distance = (x - low).abs()
    flips = (distance / span).floor()
    extra = distance - flips.detach() * span
    return plait.where(flips.remainder(2) == 0, extra + low, span - extra + low)


def _cubic_corners(
    x: Tensor, size: int, padding_mode: str, align_corners: bool
) -> list[tuple[Tensor, Tensor]]:
    """The four pixels around each place along one dimension, as the padding finds them, and their weights."""
    whole = x.detach().floor()
    far = x - whole
    a = -0.75

    def near(d: Tensor) -> Tensor:  # up to one pixel away
        return ((a + 2) * d - (a + 3)) * d * d + 1

    def beyond(d: Tensor) -> Tensor:  # up to two
        return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a

    weights = (beyond(far + 1), near(far), near(1 - far), beyond(2 - far))
    corners = []
    for step, weight in zip((-1, 0, 1, 2), weights):
        pixel = whole + step
        if padding_mode == "reflection":
            pixel = _reflected(pixel, size, align_corners)
        if padding_mode != "zeros":
            pixel = pixel.masked_fill(pixel.isnan(), 0.0).clamp(0, size - 1)
        corners.append((pixel, weight))
    return corners


@one_op(cpu="float32", cuda="widest")
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
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(f"grid_sample: expected mode 'bilinear', 'nearest' or 'bicubic', got '{mode}'")
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            f"grid_sample: expected padding_mode 'zeros', 'border' or 'reflection', got '{padding_mode}'"
        )
    rank = input.dim() - 2
    if rank not in (2, 3) or grid.dim() != input.dim() or grid.shape[-1] != rank:
        raise ValueError(
            "grid_sample: expected input (N, C, H, W) with grid (N, H, W, 2), or input (N, C, D, H, W) with "
            f"grid (N, D, H, W, 3), got {tuple(input.shape)} and {tuple(grid.shape)}"
        )
    if mode == "bicubic" and rank != 2:
        raise ValueError(
            f"grid_sample: mode 'bicubic' takes input (N, C, H, W), got {tuple(input.shape)}; use 'bilinear'"
        )
    if grid.shape[0] != input.shape[0]:
        raise ValueError(
            f"grid_sample: expected one batch size, got input {tuple(input.shape)}, grid {tuple(grid.shape)}"
        )
    if grid.dtype is not input.dtype:
        raise TypeError(f"grid_sample: expected one dtype, got input {input.dtype} and grid {grid.dtype}")
    if 0 in input.shape[2:]:
        raise ValueError(f"grid_sample: expected a non-empty image, got input {tuple(input.shape)}")
    if align_corners is None:
        from warnings import warn

        warn("grid_sample: align_corners is False by default; say which is meant", stacklevel=2)
        align_corners = False

    batch, channels = input.shape[:2]
    sizes, places = tuple(input.shape[2:]), tuple(grid.shape[1:-1])
    # Pixels as rows (batch and place, channels): each corner is one look-up of rows.
    rows = input.movedim(1, -1).reshape(-1, channels)
    coordinates = grid.reshape(-1, rank)
    per_image = 1
    for size in places:
        per_image *= size
    image = plait.arange(batch, device=grid.device).repeat_interleave(per_image)

    corners: list[list[tuple[Tensor, Tensor]]] = []  # for each dimension: (whole coordinate, weight)
    for axis, size in enumerate(sizes):
        x = coordinates[:, rank - 1 - axis]
        x = (x + 1) / 2 * (size - 1) if align_corners else ((x + 1) * size - 1) / 2
        if mode == "bicubic":
            corners.append(_cubic_corners(x, size, padding_mode, align_corners))
            continue
        if padding_mode == "reflection":
            x = _reflected(x, size, align_corners)
        if padding_mode != "zeros":
            x = x.masked_fill(x.isnan(), 0.0).clamp(0, size - 1)
        if mode == "nearest":
            rounded = x.round()  # whose derivative, zero, is the grid's
            whole = rounded.detach()
            corners.append([(whole, rounded - whole + 1 if x.requires_grad else plait.ones_like(whole))])
        else:
            whole = x.detach().floor()
            far = x - whole
            corners.append([(whole, 1 - far), (whole + 1, far)])

    result = None
    for corner in product(*corners):
        row, inside, weight = image, None, None
        for (whole, part), size in zip(corner, sizes, strict=True):
            here = (whole >= 0) & (whole <= size - 1)  # false for NaN
            inside = here if inside is None else inside & here
            row = row * size + whole.masked_fill(~here, 0.0).to(plait.int64)
            weight = part if weight is None else weight * part
        assert weight is not None and inside is not None
        value = rows.index_select(0, row) * weight.masked_fill(~inside, 0.0).unsqueeze(1)
        # 0 times an infinite pixel is NaN: what is outside counts as nothing at all.
        value = value.masked_fill(~inside.unsqueeze(1), 0.0)
        result = value if result is None else result + value
    assert result is not None
    return result.reshape((batch, *places, channels)).movedim(-1, 1)


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
