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


# ---- whole layers
def walk(x, batch_sizes, reverse, states, step):
    """Runs step(row, *states) -> (new states, kept) for each row of each step; all of both, like x."""
    flat = x.reshape(-1, x.shape[-1])
    batch = states[0].shape[0]
    sizes = batch_sizes or [batch] * x.shape[0]
    starts = np.cumsum([0, *sizes])
    found = [None] * len(flat)
    for b in range(batch):
        steps = [t for t, size in enumerate(sizes) if b < size]
        row = tuple(s[b] for s in states)
        for t in reversed(steps) if reverse else steps:
            row, kept = step(flat[starts[t] + b], *row)
            found[starts[t] + b] = (*row, *kept)
    widths = [s.shape[1] for s in states]
    if not found:
        return [np.zeros((*x.shape[:-1], w)) for w in widths]
    return [np.array(a).reshape(*x.shape[:-1], -1) for a in zip(*found)]


def lstm_layer(x, h0, c0, weight, reverse=False, batch_sizes=()):
    def step(row, h, c):
        i, f, g, o = np.split(row + weight @ h, 4)
        i, f, g, o = sp.expit(i), sp.expit(f), np.tanh(g), sp.expit(o)
        c = f * c + i * g
        return (o * np.tanh(c), c), (np.concatenate([i, f, g, o]),)

    return tuple(walk(x, batch_sizes, reverse, (h0, c0), step))


def gru_layer(x, h0, weight, bias=None, reverse=False, batch_sizes=()):
    def step(row, h):
        (rx, zx, nx), (rh, zh, nh) = np.split(row, 3), np.split(weight @ h + (0 if bias is None else bias), 3)
        r, z = sp.expit(rx + rh), sp.expit(zx + zh)
        n = np.tanh(nx + r * nh)
        return ((1 - z) * n + z * h,), (np.concatenate([r, z, n, nh]),)

    return tuple(walk(x, batch_sizes, reverse, (h0,), step))


def rnn_layer(x, h0, weight, relu=False, reverse=False, batch_sizes=()):
    def step(row, h):
        total = row + weight @ h
        return (np.maximum(total, 0) if relu else np.tanh(total),), ()

    return walk(x, batch_sizes, reverse, (h0,), step)[0]


def layer_samples(parts, states, *, bias=False, options=({},)):
    def samples(g):
        # steps, batch, size: few steps go another road than many; 19 and 33 are no whole vectors
        for steps, batch, size in [(2, 3, 2), (5, 2, 3), (6, 1, 19), (7, 13, 33)]:
            for sizes in ([], [batch, *([max(batch - 1, 1)] * (steps - 2)), 1]):
                for reverse in (False, True):
                    for extra in options:
                        shape = (sum(sizes), parts * size) if sizes else (steps, batch, parts * size)
                        args = [g(*shape), *(g(batch, size) for _ in range(states))]
                        args.append(g(parts * size, size, low=-0.5, high=0.5))
                        if bias and not reverse:
                            args.append(g(parts * size))
                        sample = S(*args, reverse=reverse, batch_sizes=sizes, **extra)
                        yield sample if size < 4 else sample.big()

    return samples


# A step's rounding error goes through the later steps' products, and adds up.
LAYER = Tol(16, 16, half=(2, 2), grad=1000)
op("_lstm_layer", layer_samples(4, 2), lstm_layer, FLOATS, tol=LAYER, expand=False)
op("_gru_layer", layer_samples(3, 1, bias=True), gru_layer, FLOATS, tol=LAYER, expand=False)
op(
    "_rnn_layer",
    layer_samples(1, 1, options=({}, {"relu": True})),
    rnn_layer,
    FLOATS,
    tol=LAYER,
    expand=False,
)


# ---- lists of tensors, changed in place
def tensors(g, diff=False):
    return [T(g(*s).array, g.dtype, diff) for s in ((3, 4), (5,), (), (0, 2), (2, 3, 2))]


def flat_norm(xs, ord):
    x = np.abs(np.concatenate([x.reshape(-1) for x in xs]))
    return x.max(initial=0) if ord == np.inf else (x**ord).sum() ** (1 / ord)


op(
    "_total_norm",
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


def adam_in_tensors(g):
    """The same with the number of the step and the learning rate in tensors."""
    for sample in adam_samples(g):
        numbers = {"step": T(float(sample.kwargs["step"]), "float32", False), "lr": T(0.01, "float64", False)}
        yield S(*sample.args, **(sample.kwargs | numbers))


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
listed("_fused_adam_capturable_", adam_in_tensors, adam, (0, 2, 3, 4))
listed("_fused_rmsprop_", rmsprop_samples, rmsprop, (0, 2, 3, 4))


def unscaled(grads, found, factor):
    bad = any(not np.isfinite(x).all() for x in grads)
    return (*(x * factor for x in grads), np.maximum(found, float(bad)))


def unscale_samples(g):
    for bad in ((), (np.inf,), (np.nan, 1.0)):
        grads = [*tensors(g), T([*bad, 2.0], g.dtype, False)]
        yield S(grads, [T(0.0, "float32", False)], T(0.25, "float32", False))


def unscale(lib, grads, found, factor):
    grads, found = [x.clone() for x in grads], found[0].clone()
    lib._amp_foreach_non_finite_check_and_unscale_(grads, found, factor)
    return (*grads, found)


op(
    "_amp_foreach_non_finite_check_and_unscale_",
    unscale_samples,
    lambda grads, found, factor: unscaled(grads, found[0], factor),
    FLOATS,
    out=lambda s: tuple(t.dtype for t in [*s.args[0], *s.args[1]]),
    grad=False,
    expand=False,
    call=unscale,
    note="lists",
)


def next_scale(scale, tracker, found, growth, backoff, interval):
    if found:
        return scale * backoff, 0 * tracker
    if tracker + 1 < interval:
        return scale, tracker + 1
    grown = np.float64(np.float32(scale * growth))
    return grown if np.isfinite(grown) else scale, 0 * tracker


def update(lib, scale, tracker, *args):
    scale, tracker = scale.clone(), tracker.clone()
    return lib._amp_update_scale_(scale, tracker, *args), tracker


op(
    "_amp_update_scale_",
    lambda g: [
        S(T(scale, "float32", False), T(tracker, "int32"), T(found, "float32", False), 2.0, 0.5, 3)
        for scale, tracker, found in [
            (8.0, 0, 0.0),
            (8.0, 2, 0.0),
            (8.0, 2, 1.0),
            (3e38, 2, 0.0),
            (1.0, 1, 2.0),
        ]
    ],
    next_scale,
    ("float32",),
    out=("float32", "int32"),
    grad=False,
    expand=False,
    call=update,
    note="lists",
)
