"""Adafactor, Muon, ASGD, Rprop against their formulas in NumPy, in float64."""

import numpy as np
import plait
import pytest

STEPS = 12


def train(make, w, grads):
    p = plait.tensor(w).requires_grad_()
    optimizer = make([p])
    for g in grads:
        p.grad = plait.tensor(g)
        optimizer.step()
    # A state that is loaded goes on in the same way.
    q = p.detach().clone().requires_grad_()
    other = make([q])
    other.load_state_dict(optimizer.state_dict())
    for o, t in ((optimizer, p), (other, q)):
        t.grad = plait.tensor(grads[0])
        o.step()
    np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
    return p.detach().numpy()


def problem(*shape):
    rng = np.random.default_rng(0)
    w = rng.standard_normal(shape)
    return w, [rng.standard_normal(shape) for _ in range(STEPS)]


@pytest.mark.parametrize("shape", [(5,), (4, 3), (2, 4, 3)])
@pytest.mark.parametrize("options", [{}, {"lr": 0.3, "weight_decay": 0.1, "d": 1.5, "maximize": True}])
def test_adafactor(shape, options):
    w, grads = problem(*shape)
    got = train(lambda p: plait.optim.Adafactor(p, **options), w, grads)
    lr, decay, d = options.get("lr", 1e-2), options.get("weight_decay", 0), options.get("d", 1.0)
    eps = np.finfo(np.float64).eps
    row = col = v = 0.0
    for t, g in enumerate([*grads, grads[0]], 1):
        g = -g if options.get("maximize") else g
        weight, rho = t**-0.8, min(lr, t**-0.5)
        alpha = max(1e-3, np.sqrt((w * w).mean())) * rho
        w = w * (1 - lr * decay)
        if g.ndim > 1:
            row = row + weight * ((g * g).mean(-1, keepdims=True) - row)
            col = col + weight * ((g * g).mean(-2, keepdims=True) - col)
            estimate = row @ col / np.maximum(row.mean(-2, keepdims=True), eps)
        else:
            v = v + weight * (g * g - v)
            estimate = v
        u = g / np.sqrt(np.maximum(estimate, eps**2))
        w = w - alpha * u / max(1, np.sqrt((u * u).mean()) / d)
    np.testing.assert_allclose(got, w, rtol=1e-12)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_muon_subtracts_a_nearly_orthogonal_matrix(shape):
    w, grads = problem(*shape)
    for adjust, factor in (
        (None, np.sqrt(max(1, shape[0] / shape[1]))),
        ("match_rms_adamw", 0.2 * np.sqrt(6)),
    ):
        p = plait.tensor(w).requires_grad_()
        optimizer = plait.optim.Muon([p], lr=0.1, weight_decay=0.5, adjust_lr_fn=adjust)
        p.grad = plait.tensor(grads[0])
        optimizer.step()
        direction = (w * (1 - 0.1 * 0.5) - p.detach().numpy()) / (0.1 * factor)
        u, s, vt = np.linalg.svd(direction, full_matrices=False)
        assert (s > 0.6).all() and (s < 1.3).all()  # the iteration's range for singular values
        gu, _, gvt = np.linalg.svd(grads[0], full_matrices=False)
        # The same singular vectors, so the polar factors agree; bfloat16 has 8 bits.
        np.testing.assert_allclose(u @ vt, gu @ gvt, atol=0.05)
    got = train(lambda p: plait.optim.Muon(p, lr=0.1, nesterov=False), w, grads)
    assert np.isfinite(got).all()
    with pytest.raises(ValueError, match="real matrices"):
        plait.optim.Muon([plait.zeros(3, requires_grad=True)])
    with pytest.raises(ValueError, match="adjust_lr_fn"):
        plait.optim.Muon([plait.zeros(3, 3, requires_grad=True)], adjust_lr_fn="other")


@pytest.mark.parametrize("options", [{}, {"lr": 0.1, "t0": 3.0, "lambd": 0.01, "weight_decay": 0.1}])
def test_asgd(options):
    w, grads = problem(4, 3)
    kept = []
    got = train(lambda p: kept.append(plait.optim.ASGD(p, **options)) or kept[-1], w, grads)
    lr, lambd, t0 = options.get("lr", 1e-2), options.get("lambd", 1e-4), options.get("t0", 1e6)
    eta, mu, ax = np.float32(lr), np.float32(1), np.zeros_like(w)
    for t, g in enumerate([*grads, grads[0]], 1):
        g = g + options.get("weight_decay", 0) * w
        w = w * (1 - lambd * float(eta)) - float(eta) * g
        ax = w if mu == 1 else ax + float(mu) * (w - ax)
        eta, mu = np.float32(lr / (1 + lambd * lr * t) ** 0.75), np.float32(1 / max(1, t - t0))
    np.testing.assert_allclose(got, w, rtol=1e-12)
    (state,) = kept[0].state_dict()["state"].values()
    np.testing.assert_allclose(state["ax"].numpy(), ax, rtol=1e-12)


def test_rprop():
    w, grads = problem(4, 3)
    options = {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (0.05, 0.2)}
    got = train(lambda p: plait.optim.Rprop(p, **options), w, grads)
    step, before = np.full_like(w, 0.1), np.zeros_like(w)
    for g in [*grads, grads[0]]:
        sign = np.sign(g * before)
        step = np.clip(step * np.where(sign > 0, 1.3, np.where(sign < 0, 0.4, 1)), 0.05, 0.2)
        g = np.where(sign < 0, 0, g)
        w = w - np.sign(g) * step
        before = g
    np.testing.assert_allclose(got, w, rtol=1e-12)
    with pytest.raises(ValueError, match="etas"):
        plait.optim.Rprop([plait.zeros(1, requires_grad=True)], etas=(1.5, 2))


@pytest.mark.parametrize("name", ["ASGD", "Rprop", "NAdam"])
def test_loaded_state_of_complex_parameters(name):
    """Real numbers of the state stay real, and the steps go on as if nothing had been loaded."""

    def run(reload):
        p = plait.tensor([1 + 2j, -0.5 + 1j], requires_grad=True)
        optimizer = getattr(plait.optim, name)([p], lr=0.1)
        for step in range(4):
            if reload and step == 2:
                state = optimizer.state_dict()
                optimizer = getattr(plait.optim, name)([p], lr=0.1)
                optimizer.load_state_dict(state)
            optimizer.zero_grad()
            (p * p.conj()).real.sum().backward()
            optimizer.step()
        return p.detach().numpy()

    assert (run(True) == run(False)).all() and not (run(True) == np.array([1 + 2j, -0.5 + 1j])).any()


@pytest.mark.parametrize(
    "name", ["Adadelta", "Adagrad", "Adam", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop"]
)
def test_counts_that_are_numbers_are_loaded(name):
    rng = np.random.default_rng(3)
    w, grads = rng.standard_normal(4), rng.standard_normal((3, 4))
    p = plait.tensor(w).requires_grad_()
    one = getattr(plait.optim, name)([p])
    for i, g in enumerate(grads):
        p.grad = plait.tensor(g)
        if i == 2:
            state = one.state_dict()
            entries = state["state"][0]
            numbers = {k: entries[k].item() for k in ("step", "mu_product") if k in entries}
            state["state"] = {0: entries | numbers}
            q = p.detach().clone().requires_grad_()
            other = getattr(plait.optim, name)([q])
            other.load_state_dict(state)
            q.grad = plait.tensor(g)
            other.step()
        one.step()
    plait.testing.assert_close(q, p)


def test_lbfgs_goes_on_where_the_gradient_is_zero():
    p = plait.zeros(3, requires_grad=True)
    optimizer = plait.optim.LBFGS([p], tolerance_grad=-1.0)

    def closure():
        optimizer.zero_grad()
        loss = (p * 0).sum() + 1
        loss.backward()
        return loss

    assert float(optimizer.step(closure)) == 1 and p.tolist() == [0, 0, 0]
