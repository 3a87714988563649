"""Fourier transforms: the ops below plait.fft, with factors of the norms and others."""

import numpy as np

from .core import COMPLEX, Sample, Tol, op
from .promote import to_complex

S = Sample
# Sums of n terms of size 3, of which each stage of the transform rounds; complex products round thrice.
FFT = Tol(4, 16, floor=1)
SHAPES = [
    # shape, dimensions
    ((6,), (0,)),
    ((1,), (0,)),
    ((7,), (-1,)),
    ((2, 13), (1,)),
    ((3, 4, 5), (1,)),
    ((3, 4, 5), (0,)),
    ((3, 4, 5), (2, 0)),
    ((4, 1, 6), (0, 1)),
    ((4, 1, 6), (2, 1)),
    ((2, 3, 4, 2), (3, 1, 0, 2)),
    ((2, 3, 2, 2, 3), (4, 1, 0, 2, 3)),
    ((0, 4), (1,)),
]


def c2c(x, dim, forward, scale):
    # The inverse by NumPy divides by the number of terms.
    if forward:
        return np.fft.fftn(x, axes=dim) * scale
    return np.fft.ifftn(x, axes=dim) * (scale * np.prod([x.shape[d] for d in dim]))


def r2c(x, dim, scale):
    return np.fft.rfftn(x, axes=dim) * scale


def c2r(x, dim, n, scale):
    sizes = [*(x.shape[d] for d in dim[:-1]), n]
    return np.fft.irfftn(x, sizes, axes=dim) * (scale * np.prod(sizes))


def c2c_samples(g):
    yield from (S(g(*shape), dim, forward, 1.0) for shape, dim in SHAPES for forward in (True, False))
    yield from (
        S(g(3, 6), (1,), forward, scale) for scale in (1 / 6, 6**-0.5, -0.7) for forward in (True, False)
    )
    yield S(g(6, 50, 60), (1, 2), True, 1 / 3000).big()
    yield S(g(40, 1009), (1,), False, 1.0).big()
    yield S(g(4096, 24), (0,), True, 1.0).big()


def r2c_samples(g):
    yield from (S(g(*shape), dim, 1.0) for shape, dim in SHAPES)
    yield from (S(g(3, 6), (1,), scale) for scale in (1 / 6, 6**-0.5, -0.7))
    yield S(g(6, 50, 60), (1, 2), 1 / 3000).big()
    yield S(g(40, 1009), (1,), 1.0).big()
    yield S(g(4096, 24), (0,), 1.0).big()


def c2r_samples(g):
    for shape, dim in SHAPES:
        n = 2 * (shape[dim[-1]] - 1)
        yield from (S(g(*shape), dim, k, 1.0) for k in (n, n + 1) if k)
    yield from (S(g(3, 4), (1,), 6, scale) for scale in (1 / 6, 6**-0.5, -0.7))
    yield S(g(6, 50, 31), (1, 2), 60, 1 / 3000).big()
    yield S(g(40, 505), (1,), 1009, 1.0).big()
    yield S(g(2049, 24), (0,), 4096, 1.0).big()


op("_fft_c2c", c2c_samples, c2c, COMPLEX, out="first", tol=FFT, expand=False)
op(
    "_fft_r2c",
    r2c_samples,
    r2c,
    ("float32", "float64"),
    out=lambda s: to_complex(s.tensors()[0].dtype),
    tol=FFT,
    expand=False,
)
op("_fft_c2r", c2r_samples, c2r, COMPLEX, out="real", tol=FFT, expand=False)
