"""Normalisations, softmax and attention."""

import numpy as np
import scipy.special as sp

from .core import FLOAT_COMPLEX, FLOATS, Sample, T, Tol, op

S = Sample
# Mean and variance of a few dozen elements, then a quotient; several roundings in 16 bits where it is a
# composite.
NORM = Tol(16, 16, half=(3, 3), floor=1, grad=2000)


def affine(x, w, b, shape):
    if w is not None:
        x = x * w.reshape(shape)
    return x if b is None else x + b.reshape(shape)


def standardise(x, axes, eps):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def channel_shape(x):
    return [1, -1] + [1] * (x.ndim - 2)


def batch_norm(x, mean, var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    if training:
        axes = (0, *range(2, x.ndim))
        return affine(standardise(x, axes, eps), weight, bias, channel_shape(x))
    x = (x - mean.reshape(channel_shape(x))) / np.sqrt(var.reshape(channel_shape(x)) + eps)
    return affine(x, weight, bias, channel_shape(x))


def batch_norm_samples(g):
    def stats():
        return T(g(3).array, g.dtype, diff=False), T(g.positive(3).array, g.dtype, diff=False)

    yield S(g(4, 3, 5), *stats(), g(3), g(3))
    yield S(g(4, 3), *stats(), g(3), g(3), False, 0.1, 1e-3)
    yield S(g(4, 3, 2, 5), *stats())
    yield S(g(4, 3), None, None, g(3), g(3), training=True)
    yield S(g(4, 3, 2, 5), *stats(), g(3), g(3), True, 0.3)
    yield S(g(2, 3, 2, 2, 3), *stats(), training=True)
    yield S(g(5, 3, 20, 21), *stats(), g(3), g(3), True).big()


op("batch_norm", batch_norm_samples, batch_norm, FLOATS, tol=NORM, expand=False, note="running")


def layer_norm(x, shape, weight=None, bias=None, eps=1e-5):
    out = standardise(x, tuple(range(x.ndim - len(shape), x.ndim)), eps)
    return (out * weight if weight is not None else out) + (bias if bias is not None else 0)


def layer_norm_samples(g):
    yield S(g(3, 4), (4,))
    yield S(g(3, 4), (4,), g(4), g(4))
    yield S(g(2, 3, 4), (3, 4), g(3, 4), g(3, 4), 1e-3)
    yield S(g(5), (5,), g(5))
    yield S(g(0, 4), (4,), g(4), g(4))
    yield S(g(33, 771), (771,), g(771), g(771)).big()


op("layer_norm", layer_norm_samples, layer_norm, FLOATS, tol=NORM, expand=False)


def rms_norm(x, shape, weight=None, eps=None, *, self_dtype):
    # The default eps is that of the dtype in which the computation runs.
    eps = eps if eps is not None else 2.0**-52 if self_dtype in ("float64", "complex128") else 2.0**-23
    out = x / np.sqrt((x**2).mean(tuple(range(x.ndim - len(shape), x.ndim)), keepdims=True) + eps)
    return out if weight is None else out * weight


op(
    "rms_norm",
    lambda g: [
        S(g(3, 4), (4,)),
        S(g(3, 4), (4,), g(4), 1e-5),
        S(g(2, 3, 4), (3, 4), g(3, 4)),
        S(g(0, 4), (4,)),
    ],
    rms_norm,
    FLOAT_COMPLEX,
    tol=NORM,
    expand=False,
    ref_dtype=True,
)


def group_norm(x, groups, weight=None, bias=None, eps=1e-5):
    out = standardise(x.reshape(x.shape[0], groups, -1), (2,), eps).reshape(x.shape)
    return affine(out, weight, bias, channel_shape(x))


op(
    "group_norm",
    lambda g: [
        S(g(2, 6, 4), 3),
        S(g(2, 6, 2, 3), 2, g(6), g(6)),
        S(g(2, 6), 3, g(6), g(6), 1e-3),
        S(g(2, 4, 3), 4),
        S(g(3, 32, 9, 9), 8, g(32), g(32)).big(),
    ],
    group_norm,
    FLOATS,
    tol=NORM,
    expand=False,
)


def instance_norm(
    x,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    return affine(standardise(x, tuple(range(2, x.ndim)), eps), weight, bias, channel_shape(x))


op(
    "instance_norm",
    lambda g: [S(g(2, 3, 5)), S(g(2, 3, 4, 3), weight=g(3), bias=g(3)), S(g(2, 3, 5), eps=1e-2)],
    instance_norm,
    FLOATS,
    tol=NORM,
    expand=False,
)


def normalize(x, p=2.0, dim=1, eps=1e-12):
    return x / np.maximum((np.abs(x) ** p).sum(dim, keepdims=True) ** (1 / p), eps)


op(
    "normalize",
    lambda g: [
        S(g.nonzero(3, 4)),
        S(g.nonzero(3, 4), 1, 0),
        S(g.nonzero(2, 3, 4), 3.0, -1),
        S(g.nonzero(3, 4), p=2.0, dim=0, eps=1e-3),
    ],
    normalize,
    FLOATS,
    tol=Tol(16, 4, half=(4, 2)),
    call=lambda lib, *args, **kwargs: lib.nn.functional.normalize(*args, **kwargs),
)


# ---- softmax
def softmax_samples(g):
    yield S(g(3, 4), 1)
    yield S(g(3, 4), 0)
    yield S(g(2, 3, 4), -2)
    yield S(g(), 0)
    yield S(g(0, 3), 1)
    yield S(T([[60.0, 61.0, 62.0], [-60, -61, -62]], g.dtype), 1)
    yield S(T([[0.0, -np.inf, 1.0], [np.inf, 0, 0]], g.dtype), 1).nograd()
    yield S(g(33, 517), 1).big()
    yield S(g(33, 51, 3), 1).big()
    yield S(g(4, 50257), 1).big()


def safe_softmax(x, dim):
    if x.ndim == 0:
        return np.ones(())
    with np.errstate(all="ignore"):
        e = np.exp(x - x.max(dim, keepdims=True, initial=-np.inf))
        return e / e.sum(dim, keepdims=True)


def log_softmax(x, dim):
    if x.ndim == 0:
        return np.zeros(())
    with np.errstate(all="ignore"):
        y = x - x.max(dim, keepdims=True, initial=-np.inf)
        return y - np.log(np.exp(y).sum(dim, keepdims=True))


# exp multiplies the error of its argument's difference; 60 in 16 bits is exact.
SOFT = Tol(16, 2, half=(1.5, 0.5), grad=400)
op("softmax", softmax_samples, safe_softmax, FLOATS, tol=SOFT)
op(
    "softmin",
    lambda g: [S(g(3, 4), 1), S(g(2, 3, 4), 0)],
    lambda x, dim: safe_softmax(-x, dim),
    FLOATS,
    tol=SOFT,
)
op("log_softmax", softmax_samples, log_softmax, FLOATS, tol=Tol(8, 4, half=(1, 1), grad=400))


def attention_samples(g):
    yield S(g(2, 2, 3, 4), g(2, 2, 5, 4), g(2, 2, 5, 4))
    yield S(g(2, 3, 4), g(2, 5, 4), g(2, 5, 6))
    yield S(g(2, 2, 5, 4), g(2, 2, 5, 4), g(2, 2, 5, 4), is_causal=True)
    yield S(g(2, 2, 3, 4), g(2, 2, 5, 4), g(2, 2, 5, 4), T(np.arange(15).reshape(3, 5) % 4 != 1, "bool"))
    yield S(g(2, 2, 3, 4), g(2, 2, 5, 4), g(2, 2, 5, 4), T(g(3, 5).array, g.dtype, diff=False), scale=0.3)
    yield S(g(2, 3, 40, 16), g(2, 3, 40, 16), g(2, 3, 40, 16), is_causal=True).big()


def attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=False, *, scale=None):
    scores = q @ np.swapaxes(k, -1, -2) * (scale if scale is not None else 1 / np.sqrt(q.shape[-1]))
    if is_causal:
        attn_mask = np.tril(np.ones(scores.shape[-2:], bool))
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
    return sp.softmax(scores, -1) @ v


# Scores of 16-bit numbers are rounded before exp, which turns an absolute error of eps * |score| into a
# relative one.
op(
    "scaled_dot_product_attention",
    attention_samples,
    attention,
    FLOATS,
    tol=Tol(64, 32, half=(8, 4), grad=2000),
    expand=False,
)


# ---- distances
def cosine(a, b, dim=1, eps=1e-8):
    a, b = np.broadcast_arrays(a, b)
    norms = [np.maximum(np.sqrt((x * x).sum(dim)), eps) for x in (a, b)]
    return (a * b).sum(dim) / (norms[0] * norms[1])


op(
    "cosine_similarity",
    lambda g: [
        S(g.nonzero(3, 4), g.nonzero(3, 4)),
        S(g.nonzero(3, 4), g.nonzero(3, 4), 0),
        S(g.nonzero(3, 4), g.nonzero(1, 4), dim=-1),
        S(g.nonzero(4), g.nonzero(4), dim=0),
        S(g.nonzero(1, 2, 3), g.nonzero(2, 1, 3), dim=-2),  # the dimension itself is broadcast
        S(g.nonzero(4), g.nonzero(3, 1), dim=1),
        S(g.nonzero(4), g.nonzero(3, 4), dim=0),
        S(g.nonzero(1, 3, 4), g.nonzero(), dim=0),  # of one element, which one of the two does not have
    ],
    cosine,
    FLOATS,
    tol=Tol(16, 8, half=(4, 4)),
)
op(
    "pairwise_distance",
    lambda g: [
        S(g(3, 4), g(3, 4)),
        S(g(3, 4), g(3, 4), 1.0),
        S(g(3, 4), g(3, 4), p=2.0, keepdim=True),
        S(g(4), g(4)),
    ],
    lambda a, b, p=2.0, eps=1e-6, keepdim=False: (
        (np.abs(a - b + eps) ** p).sum(-1, keepdims=keepdim) ** (1 / p)
    ),
    FLOAT_COMPLEX,
    out="real",
    tol=Tol(16, 8, half=(4, 4)),
)
