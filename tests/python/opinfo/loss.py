"""Losses."""

import numpy as np
import scipy.special as sp

from .core import FLOAT_COMPLEX, FLOATS, Sample, T, Tol, op

S = Sample
# A mean of a dozen terms, each of two or three roundings.
LOSS = Tol(16, 8, half=(4, 4), floor=1, grad=400)


def reduced(x, reduction):
    return (
        x
        if reduction == "none"
        else x.sum()
        if reduction == "sum"
        else x.mean()
        if x.size
        else np.array(np.nan)
    )


def loss(name, samples, ref, dtypes=FLOATS, **options):
    options = {"tol": LOSS, "expand": False} | options
    op(name, samples, ref, dtypes, **options)


def over_reductions(make):
    def samples(g):
        for reduction in ("mean", "sum", "none"):
            for args, kwargs in make(g):
                yield S(*args, **kwargs, reduction=reduction)
        for args, kwargs in make(g):
            yield S(*args, **kwargs)

    return samples


def pair_loss(name, f, *kwargs, draw=lambda g, *s: g(*s)):
    def make(g):
        for kw in ({}, *kwargs):
            yield (draw(g, 3, 4), draw(g, 3, 4)), kw
        yield (draw(g), draw(g)), {}

    loss(name, over_reductions(make), lambda x, y, reduction="mean", **kw: reduced(f(x, y, **kw), reduction))


def smooth_l1(x, y, beta=1.0):
    d = np.abs(x - y)
    return np.where(d < beta, 0.5 * d * d / (beta or 1), d - 0.5 * beta)


def huber(x, y, delta=1.0):
    d = np.abs(x - y)
    return np.where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta))


pair_loss("mse_loss", lambda x, y: (x - y) ** 2)
pair_loss("l1_loss", lambda x, y: np.abs(x - y))
pair_loss("smooth_l1_loss", smooth_l1, {"beta": 0.5}, {"beta": 0.0})
pair_loss("huber_loss", huber, {"delta": 0.5})


# ---- classes
def picked(logp, target):
    return (
        np.take_along_axis(logp, np.maximum(target, 0)[:, None], 1)[:, 0] if logp.ndim > 1 else logp[target]
    )


def nll(logp, target, weight=None, ignore_index=-100, reduction="mean"):
    w = np.ones(logp.shape[1 if logp.ndim > 1 else 0]) if weight is None else weight
    keep = target != ignore_index
    wt = np.where(keep, w[np.where(keep, target, 0)], 0.0)
    terms = -picked(logp, np.where(keep, target, 0)) * wt
    with np.errstate(all="ignore"):
        return terms if reduction == "none" else terms.sum() if reduction == "sum" else terms.sum() / wt.sum()


def class_cases(g):
    target = g.index(4, high=5)
    ignored = T(np.array([1, -100, 4, 0]), "int64")
    weight = T(g.positive(5).array, g.dtype, diff=False)
    yield (g(4, 5), target), {}
    yield (g(4, 5), ignored), {}
    yield (g(4, 5), target, weight), {}
    yield (g(4, 5), ignored), {"weight": weight, "ignore_index": 4}
    yield (g(2, 5, 3), g.index(2, 3, high=5)), {}
    yield (g(2, 5, 3, 2), g.index(2, 3, 2, high=5)), {"weight": weight}
    yield (g(5), g.index(high=5)), {}


def nll_cases(g):
    for args, kwargs in class_cases(g):
        if "ignore_index" in kwargs:
            args = (args[0], T(np.array([1, 4, 3, 0]), "int64"))
        yield args, kwargs


def cross_entropy_cases(g):
    yield from nll_cases(g)
    yield (g(4, 5), g.index(4, high=5)), {"label_smoothing": 0.1}
    weight = T(g.positive(5).array, g.dtype, diff=False)
    yield (g(4, 5), T(np.array([1, -100, 4, 0]), "int64")), {"label_smoothing": 0.2, "weight": weight}
    probabilities = T(sp.softmax(g.rng.normal(size=(4, 5)), 1), g.dtype)
    yield (g(4, 5), probabilities), {}
    yield (g(4, 5), probabilities), {"weight": weight, "label_smoothing": 0.1}


def cross_entropy(x, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    dim = 1 if x.ndim > 1 else 0
    logp, classes = sp.log_softmax(x, dim), x.shape[dim]
    shape = [-1 if i == dim else 1 for i in range(x.ndim)]
    w = np.ones(classes) if weight is None else weight
    if target.dtype.kind == "f":
        target = target * (1 - label_smoothing) + label_smoothing / classes
        terms = -(logp * target * w.reshape(shape)).sum(dim)
        return terms.sum() / (x.size / classes) if reduction == "mean" else reduced(terms, reduction)
    plain = nll(logp, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return plain
    keep = target != ignore_index
    smooth = np.where(keep, -(logp * w.reshape(shape)).sum(dim), 0)
    if reduction != "none":
        smooth = smooth.sum()
    if reduction == "mean":
        smooth = smooth / np.where(keep, w[np.where(keep, target, 0)], 0).sum()
    return (1 - label_smoothing) * plain + label_smoothing / classes * smooth


loss("nll_loss", over_reductions(nll_cases), nll)
loss("cross_entropy", over_reductions(cross_entropy_cases), cross_entropy)


# ---- probabilities
def bce_cases(g):
    for shape in ((3, 4), (5,), ()):
        yield (g(*shape, low=0.05, high=0.95), g(*shape, low=0, high=1, diff=False)), {}
    yield (
        (g(3, 4, low=0.05, high=0.95), g(3, 4, low=0, high=1, diff=False)),
        {"weight": T(g.positive(3, 4).array, g.dtype, diff=False)},
    )


def bce(x, y, weight=None, reduction="mean"):
    with np.errstate(all="ignore"):
        out = -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))
    return reduced(out if weight is None else out * weight, reduction)


def bce_logits_cases(g):
    for shape in ((3, 4), (5,), ()):
        yield (g(*shape), g(*shape, low=0, high=1, diff=False)), {}
    yield (
        (g(3, 4), g(3, 4, low=0, high=1, diff=False)),
        {"weight": T(g.positive(4).array, g.dtype, diff=False)},
    )
    yield (
        (g(3, 4), g(3, 4, low=0, high=1, diff=False)),
        {"pos_weight": T(g.positive(4).array, g.dtype, diff=False)},
    )
    yield (T([50.0, -50.0, 0.0], g.dtype), T([0.0, 1.0, 0.5], g.dtype, diff=False)), {}


def bce_logits(x, y, weight=None, reduction="mean", pos_weight=None):
    p = 1 if pos_weight is None else pos_weight
    out = p * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)
    return reduced(out if weight is None else out * weight, reduction)


loss("binary_cross_entropy", over_reductions(bce_cases), bce)
loss("binary_cross_entropy_with_logits", over_reductions(bce_logits_cases), bce_logits)


def kl_samples(g):
    for reduction in ("mean", "sum", "none", "batchmean"):
        yield S(g(3, 4, low=-3, high=-0.1), g(3, 4, low=0.05, high=1), reduction=reduction)
        yield S(g(3, 4, low=-3, high=-0.1), g(3, 4, low=-3, high=-0.1), reduction=reduction, log_target=True)
    yield S(g(3, low=-3, high=-0.1), T([0.0, 0.5, 1.0], g.dtype, diff=False), reduction="sum")


def kl_div(x, y, reduction="mean", log_target=False):
    out = np.exp(y) * (y - x) if log_target else sp.xlogy(y, y) - y * x
    return out.sum() / x.shape[0] if reduction == "batchmean" else reduced(out, reduction)


loss("kl_div", kl_samples, kl_div)


# ---- margins
def signs(g, *shape):
    return T(g.rng.choice([-1.0, 1.0], shape), g.dtype, diff=False)


loss(
    "margin_ranking_loss",
    over_reductions(
        lambda g: [((g(6), g(6), signs(g, 6)), {}), ((g(6), g(6), signs(g, 6)), {"margin": 0.5})]
    ),
    lambda a, b, y, margin=0.0, reduction="mean": reduced(np.maximum(0, -y * (a - b) + margin), reduction),
)
loss(
    "hinge_embedding_loss",
    over_reductions(
        lambda g: [
            ((g(3, 4), signs(g, 3, 4)), {}),
            ((g(6), signs(g, 6)), {"margin": 2.0}),
            ((g(3), T([0, 1, -1], g.dtype, False)), {}),  # neither near nor far: both terms
        ]
    ),
    lambda x, y, margin=1.0, reduction="mean": reduced(
        np.where(y != -1, x, 0) + np.where(y != 1, np.maximum(0, margin - x), 0), reduction
    ),
)


def cosine_embedding(a, b, y, margin=0.0, reduction="mean"):
    eps = 1e-12  # of the documented formula's implementation; far below the tolerance
    cos = (a * b).sum(-1) / np.sqrt(((a * a).sum(-1) + eps) * ((b * b).sum(-1) + eps))
    return reduced(np.where(y == 1, 1 - cos, np.maximum(0, cos - margin)), reduction)


loss(
    "cosine_embedding_loss",
    over_reductions(
        lambda g: [
            ((g.nonzero(3, 4), g.nonzero(3, 4), signs(g, 3)), {}),
            ((g.nonzero(3, 4), g.nonzero(3, 4), signs(g, 3)), {"margin": 0.2}),
        ]
    ),
    cosine_embedding,
)


def triplet(a, p, n, margin=1.0, p_norm=2.0, eps=1e-6, swap=False, reduction="mean"):
    def distance(x, y):
        return (np.abs(x - y + eps) ** p_norm).sum(-1) ** (1 / p_norm)

    far = np.minimum(distance(a, n), distance(p, n)) if swap else distance(a, n)
    return reduced(np.maximum(0, distance(a, p) - far + margin), reduction)


loss(
    "triplet_margin_loss",
    over_reductions(
        lambda g: [
            ((g(3, 4), g(3, 4), g(3, 4)), {}),
            ((g(3, 4), g(3, 4), g(3, 4)), {"margin": 0.5, "swap": True}),
            ((g(3, 4), g(3, 4), g(3, 4)), {"p": 1.0}),
        ]
    ),
    lambda *a, p=2.0, **k: triplet(*a, p_norm=p, **k),
    FLOAT_COMPLEX,
    out="real",
)


def gaussian_nll(x, y, var, full=False, eps=1e-6, reduction="mean"):
    var = np.maximum(var, eps)
    return reduced(
        0.5 * (np.log(var) + (x - y) ** 2 / var) + (0.5 * np.log(2 * np.pi) if full else 0), reduction
    )


def poisson_nll(x, y, log_input=True, full=False, eps=1e-8, reduction="mean"):
    out = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    if full:
        out = out + np.where(
            y > 1, y * np.log(np.maximum(y, 1)) - y + 0.5 * np.log(2 * np.pi * np.maximum(y, 1)), 0
        )
    return reduced(out, reduction)


loss(
    "gaussian_nll_loss",
    over_reductions(
        lambda g: [
            ((g(3, 4), g(3, 4), g.positive(3, 4)), {}),
            ((g(3, 4), g(3, 4), g.positive(3, 4)), {"full": True}),
        ]
    ),
    gaussian_nll,
)
loss(
    "poisson_nll_loss",
    over_reductions(
        lambda g: [
            ((g(3, 4), g.positive(3, 4, diff=False)), {}),
            ((g.positive(3, 4), g.positive(3, 4, diff=False)), {"log_input": False}),
            ((g(3, 4), g.positive(3, 4, diff=False)), {"full": True}),
        ]
    ),
    poisson_nll,
)
