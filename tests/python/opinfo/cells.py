"""Ops that layers and optimisers are made of. Their names begin with an underscore: no promise to users."""

import numpy as np
import scipy.special as sp

from .core import FLOATS, Sample, T, Tol, op

S = Sample


def lstm_step(gates, c):
    i, f, g, o = np.split(gates, 4, -1)
    c = sp.expit(f) * c + sp.expit(i) * np.tanh(g)
    return sp.expit(o) * np.tanh(c), c


def gru_step(gates_x, gates_h, h):
    (rx, zx, nx), (rh, zh, nh) = np.split(gates_x, 3, -1), np.split(gates_h, 3, -1)
    r, z = sp.expit(rx + rh), sp.expit(zx + zh)
    n = np.tanh(nx + r * nh)
    return (1 - z) * n + z * h


CELL = Tol(16, 4, half=(2, 2), grad=400)
op(
    "_lstm_step",
    lambda g: [S(g(3, 20), g(3, 5)), S(g(0, 20), g(0, 5)), S(g(1, 4), g(1, 1))],
    lstm_step,
    FLOATS,
    tol=CELL,
    expand=False,
)
op(
    "_gru_step",
    lambda g: [S(g(3, 15), g(3, 15), g(3, 5)), S(g(0, 15), g(0, 15), g(0, 5))],
    gru_step,
    FLOATS,
    tol=CELL,
    expand=False,
)


# ---- lists of tensors, changed in place
def tensors(g, diff=False):
    return [T(g(*s).array, g.dtype, diff) for s in ((3, 4), (5,), (), (0, 2), (2, 3, 2))]


def flat_norm(xs, ord):
    x = np.abs(np.concatenate([x.reshape(-1) for x in xs]))
    return x.max(initial=0) if ord == np.inf else (x**ord).sum() ** (1 / ord)


op(
    "_foreach_norm",
    lambda g: [S(tensors(g), p) for p in (2.0, 1.0, float("inf"))],
    flat_norm,
    FLOATS,
    tol=Tol(16, 4, half=(2, 2)),
    grad=False,
    expand=False,
)


def changing(name, written):
    """Runs an op that changes the lists at the positions `written`, on copies; the result is those lists."""

    def call(lib, *args, **kwargs):
        args = [[x.clone() for x in a] if i in written else a for i, a in enumerate(args)]
        getattr(lib, name)(*args, **kwargs)
        return tuple(x for i in written for x in args[i])

    return call


def listed(name, samples, ref, written, dtypes=("float32", "float64")):
    call = changing(name, written)
    op(
        name,
        samples,
        ref,
        dtypes,
        out="first",
        grad=False,
        expand=False,
        tol=Tol(16, 8),
        call=call,
        note="lists",
    )


listed(
    "_foreach_mul_",
    lambda g: [S(tensors(g), T(g.positive().array, g.dtype))],
    lambda xs, s: tuple(x * s for x in xs),
    (0,),
    FLOATS,
)
listed(
    "_foreach_zero_", lambda g: [S(tensors(g))], lambda xs: tuple(np.zeros_like(x) for x in xs), (0,), FLOATS
)


def sgd(params, grads, buffers, *, lr, momentum, dampening, weight_decay, nesterov, maximize, first_step):
    ps, bs = [], []
    for i, (p, g) in enumerate(zip(params, grads)):
        g = (-g if maximize else g) + weight_decay * p
        if momentum:
            b = g if first_step else momentum * buffers[i] + (1 - dampening) * g
            bs.append(b)
            g = g + momentum * b if nesterov else b
        ps.append(p - lr * g)
    return tuple(ps + bs)


def sgd_samples(g):
    for momentum, nesterov, first, decay, maximize in [
        (0.0, False, True, 0.0, False),
        (0.9, False, True, 0.1, False),
        (0.9, True, False, 0.0, True),
    ]:
        yield S(
            tensors(g),
            tensors(g),
            tensors(g) if momentum else [],
            lr=0.1,
            momentum=momentum,
            dampening=0.0 if nesterov else 0.25,
            weight_decay=decay,
            nesterov=nesterov,
            maximize=maximize,
            first_step=first,
        )


def adam(
    params, grads, m, v, vmax, *, step, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled
):
    out = [[], [], [], []]
    for i, (p, g) in enumerate(zip(params, grads)):
        g = -g if maximize else g
        p, g = (p * (1 - lr * weight_decay), g) if decoupled else (p, g + weight_decay * p)
        mi, vi = beta1 * m[i] + (1 - beta1) * g, beta2 * v[i] + (1 - beta2) * g * g
        top = np.maximum(vmax[i], vi) if amsgrad else vi
        if amsgrad:
            out[3].append(top)
        out[0].append(p - lr / (1 - beta1**step) * mi / (np.sqrt(top) / np.sqrt(1 - beta2**step) + eps))
        out[1].append(mi)
        out[2].append(vi)
    return tuple(x for part in out for x in part)


def squares(g):
    return [T(np.abs(t.array), t.dtype, False) for t in tensors(g)]


def adam_samples(g):
    for step, decay, amsgrad, maximize, decoupled in [
        (1, 0.0, False, False, False),
        (7, 0.1, True, False, False),
        (3, 0.1, False, True, True),
    ]:
        yield S(
            tensors(g),
            tensors(g),
            tensors(g),
            squares(g),
            squares(g) if amsgrad else [],
            step=step,
            lr=0.01,
            beta1=0.9,
            beta2=0.99,
            eps=1e-3,
            weight_decay=decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled=decoupled,
        )


def rmsprop(params, grads, v, avg, buffers, *, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    out = [[], [], [], []]
    for i, (p, g) in enumerate(zip(params, grads)):
        g = (-g if maximize else g) + weight_decay * p
        vi = alpha * v[i] + (1 - alpha) * g * g
        out[1].append(vi)
        if centered:
            a = alpha * avg[i] + (1 - alpha) * g
            out[2].append(a)
            vi = vi - a * a
        d = g / (np.sqrt(np.maximum(vi, 0)) + eps)
        if momentum:
            d = momentum * buffers[i] + d
            out[3].append(d)
        out[0].append(p - lr * d)
    return tuple(x for part in out for x in part)


def rmsprop_samples(g):
    for momentum, centered, decay in [(0.0, False, 0.0), (0.9, True, 0.1)]:
        v = [T(np.abs(t.array) + 12, t.dtype, False) for t in tensors(g)]  # above the square of any average
        yield S(
            tensors(g),
            tensors(g),
            v,
            tensors(g) if centered else [],
            tensors(g) if momentum else [],
            lr=0.01,
            alpha=0.9,
            eps=1e-3,
            weight_decay=decay,
            momentum=momentum,
            centered=centered,
            maximize=False,
        )


# The state that a step leaves is a result too; which lists there are depends on the options.
listed("_fused_sgd_", sgd_samples, sgd, (0, 2))
listed("_fused_adam_", adam_samples, adam, (0, 2, 3, 4))
listed("_fused_rmsprop_", rmsprop_samples, rmsprop, (0, 2, 3, 4))
