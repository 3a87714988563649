"""Derivatives by central differences along random directions.

For y = f(x), a random direction u of all inputs and a random cotangent v, <v, f(x + hu) - f(x - hu)> / 2h
must equal <vjp(v), u>. One wrong element of a derivative shows in it with probability 1, for two calls. The
second derivative is the same test of (x, v) -> vjp(v). Complex: <a, b> = Re sum conj(a) b.
"""

import numpy as np

from .core import D, T, is_complex, is_float

STEP = 1e-6


def differentiable(bridge, value):
    return [
        x for x in bridge.tensors(value) if is_complex(bridge.name(x.dtype)) or is_float(bridge.name(x.dtype))
    ]


def inner(a, b):
    return sum(float(np.real(np.sum(np.conj(x) * y))) for x, y in zip(a, b))


def random_like(rng, arrays):
    return [
        rng.standard_normal(a.shape) + (1j * rng.standard_normal(a.shape) if a.dtype.kind == "c" else 0)
        for a in arrays
    ]


class Function:
    """f of a sample's differentiable tensors, the other arguments fixed."""

    def __init__(self, bridge, info, sample):
        self.bridge, self.info, self.sample = bridge, info, sample
        self.inputs = [t for t in sample.tensors() if t.diff]
        self.at = [t.array for t in self.inputs]

    def leaves(self, arrays, requires_grad=True):
        """Tensors for the arrays and the arguments of the call that holds them."""
        found = []
        replaced = iter(arrays)

        def convert(t):
            if isinstance(t, D):
                return self.bridge.dtype(str(t))
            if not isinstance(t, T):
                return t
            if t.diff:
                x = self.bridge.tensor(t.replaced(next(replaced)), requires_grad=requires_grad)
                found.append(x)
                return x
            return self.bridge.tensor(t)

        s = self.sample.map(convert)
        return found, s

    def __call__(self, arrays, requires_grad=True):
        leaves, s = self.leaves(arrays, requires_grad)
        out = self.info.run(self.bridge.lib, *s.args, **s.kwargs)
        outputs = differentiable(self.bridge, out)
        if requires_grad:
            outputs = [y for y in outputs if y.requires_grad]
        return leaves, outputs

    def values(self, arrays):
        return [self.bridge.array(y) for y in self(arrays)[1]]

    def vjp(self, arrays, cotangents, create_graph=False):
        """Gradients of the inputs: zeros where an output does not depend on one."""
        leaves, outputs = self(arrays)
        vs = [self.bridge.lib.from_numpy(np.array(v)).to(y.device, y.dtype) for v, y in zip(cotangents, outputs)]
        if create_graph:
            vs = [v.requires_grad_() for v in vs]
        grads = self.bridge.lib.autograd.grad(
            outputs, leaves, vs, create_graph=create_graph, allow_unused=True
        )
        return leaves, vs, grads


def shifted(arrays, direction, h):
    return [a + h * u for a, u in zip(arrays, direction)]


def close(numeric, analytic, scale, rtol):
    return abs(numeric - analytic) <= rtol * max(scale, abs(numeric), abs(analytic)) + 1e-9


def magnitude(a, b):
    return float(np.sqrt(sum(np.sum(np.abs(x) ** 2) for x in a) * sum(np.sum(np.abs(x) ** 2) for x in b)))


def arrays_of(bridge, grads, like):
    return [np.zeros(a.shape, a.dtype) if g is None else bridge.array(g) for g, a in zip(grads, like)]


def check_gradient(bridge, info, sample, rng):
    """None, or a sentence about the difference."""
    f = Function(bridge, info, sample)
    _, outputs = f(f.at)
    if not outputs:
        return f"no result requires grad, {len(f.inputs)} inputs do"
    v = random_like(rng, [bridge.array(y) for y in outputs])
    leaves, _, grads = f.vjp(f.at, v)
    for x, g in zip(leaves, grads):
        if g is not None and (g.dtype != x.dtype or tuple(g.shape) != tuple(x.shape)):
            return f"gradient is {g.dtype} {tuple(g.shape)} for an input {x.dtype} {tuple(x.shape)}"
    analytic_grads = arrays_of(bridge, grads, f.at)
    u = random_like(rng, f.at)
    plus, minus = f.values(shifted(f.at, u, STEP)), f.values(shifted(f.at, u, -STEP))
    numeric = (inner(v, plus) - inner(v, minus)) / (2 * STEP)
    analytic = inner(analytic_grads, u)
    if not close(numeric, analytic, magnitude(analytic_grads, u), 1e-5):
        return (
            f"derivative along a random direction: {analytic:.9g} by autograd, {numeric:.9g} by differences"
        )
    return None


def check_second_gradient(bridge, info, sample, rng):
    f = Function(bridge, info, sample)
    _, outputs = f(f.at)
    v = random_like(rng, [bridge.array(y) for y in outputs])
    leaves, vs, grads = f.vjp(f.at, v, create_graph=True)
    used = [i for i, g in enumerate(grads) if g is not None]
    first = [grads[i] for i in used]
    w = random_like(rng, [bridge.array(g) for g in first])
    live = [(g, x) for g, x in zip(first, w) if g.requires_grad]
    ws = [bridge.lib.from_numpy(np.array(x)).to(g.device, g.dtype) for g, x in live]
    # A gradient that does not require grad is a constant: then the differences must be zero.
    second = [None] * (len(leaves) + len(vs))
    if live:
        second = bridge.lib.autograd.grad([g for g, _ in live], [*leaves, *vs], ws, allow_unused=True)
    analytic_grads = arrays_of(bridge, second, [*f.at, *v])
    ux, uv = random_like(rng, f.at), random_like(rng, v)

    def at(h):
        _, _, moved = f.vjp(shifted(f.at, ux, h), shifted(v, uv, h))
        return inner(w, [arrays_of(bridge, moved, f.at)[i] for i in used])

    numeric = (at(STEP) - at(-STEP)) / (2 * STEP)
    analytic = inner(analytic_grads, [*ux, *uv])
    if not close(numeric, analytic, magnitude(analytic_grads, [*ux, *uv]), 1e-5):
        what = f"{analytic:.9g} by autograd, {numeric:.9g} by differences"
        return f"second derivative along a random direction: {what}"
    return None
