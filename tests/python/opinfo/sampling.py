"""Sampling at places of a grid."""

import itertools

import numpy as np

from .conv import cubic_weight
from .core import FLOATS, Sample, Tol, op

S = Sample
BILINEAR, NEAREST, BICUBIC = 0, 1, 2
ZEROS, BORDER, REFLECTION = 0, 1, 2


def inside(x, size, padding, align):
    """A coordinate, moved into the image by the padding."""
    low, high = (0, size - 1) if align else (-0.5, size - 0.5)
    if padding == REFLECTION:
        if high == low:
            return 0.0
        x = (x - low) % (2 * (high - low))
        x = low + min(x, 2 * (high - low) - x)
    return x if padding == ZEROS else min(max(x, 0), size - 1)


def taps(c, size, mode, padding, align):
    """Pixels along one axis, and their weights; those outside are left out."""
    x = (c + 1) / 2 * (size - 1) if align else ((c + 1) * size - 1) / 2
    if mode == BICUBIC:
        whole = int(np.floor(x))
        found = [
            (int(inside(whole + k, size, padding, align)), cubic_weight(x - whole - k)) for k in range(-1, 3)
        ]
    else:
        x = inside(x, size, padding, align)
        whole = int(np.floor(x))
        found = (
            [(int(np.rint(x)), 1.0)]
            if mode == NEAREST
            else [(whole, 1 - (x - whole)), (whole + 1, x - whole)]
        )
    return [(i, w) for i, w in found if 0 <= i < size]


def grid_sampler(image, grid, interpolation_mode, padding_mode, align_corners):
    batch, channels, *sizes = image.shape
    out = np.zeros((batch, channels, *grid.shape[1:-1]))
    for n, *place in np.ndindex(*grid.shape[:-1]):
        axes = [
            taps(c, size, interpolation_mode, padding_mode, align_corners)
            for c, size in zip(grid[(n, *place)][::-1], sizes)
        ]
        for corner in itertools.product(*axes):
            at = tuple(i for i, _ in corner)
            out[(n, slice(None), *place)] += np.prod([w for _, w in corner]) * image[(n, slice(None), *at)]
    return out


def sampler_samples(rank):
    def samples(g):
        def sample(shape, places, *modes):
            s = S(g(*shape), g(shape[0], *places, rank, low=-1.6, high=1.6), *modes)
            return s if modes[0] != NEAREST else s.nograd()  # it jumps

        sizes, places = ((4, 5), (3, 4)) if rank == 2 else ((2, 4, 3), (2, 3, 2))
        for mode in (BILINEAR, NEAREST, BICUBIC)[: 3 if rank == 2 else 2]:
            for padding, align in itertools.product((ZEROS, BORDER, REFLECTION), (False, True)):
                yield sample((2, 3, *sizes), places, mode, padding, align)
            yield sample((1, 2, *[1] * rank), places, mode, REFLECTION, False)
            yield sample((1, 33, *sizes), places, mode, ZEROS, False)
        yield sample((1, 2, *(7 * n for n in sizes)), places, BILINEAR, ZEROS, True)
        yield sample((0, 2, *sizes), places, BILINEAR, ZEROS, True)
        yield sample((2, 0, *sizes), places, BILINEAR, ZEROS, True)
        yield sample((2, 2, *sizes), (0, *places[1:]), BILINEAR, ZEROS, True)

    return samples


# Coordinates of size 10 or so are rounded to the computing type before differences from pixels are taken.
TOL = Tol(16, 32, half=(1, 1), floor=1, grad=2000)
for _rank in (2, 3):
    op(f"grid_sampler_{_rank}d", sampler_samples(_rank), grid_sampler, FLOATS, tol=TOL, expand=False)
op("grid_sampler", sampler_samples(2), grid_sampler, FLOATS, tol=TOL, expand=False)
