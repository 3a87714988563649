"""lobpcg against NumPy's and SciPy's dense eigenvalues."""

import numpy as np
import plait
import pytest
import scipy.linalg


def symmetric(seed, *shape, dtype=plait.float64):
    plait.manual_seed(seed)
    a = plait.randn(*shape, shape[-1], dtype=dtype)
    return (a + a.mH) / 2


def definite(seed, m):
    a = symmetric(seed, m)
    return a @ a / m + plait.eye(m, dtype=a.dtype)


def assert_pairs(a, e, x, k, largest, b=None, tol=1e-7):
    expected = scipy.linalg.eigh(a, b, eigvals_only=True)
    expected = expected[::-1][:k] if largest else expected[:k]
    scale = np.abs(a).max()
    np.testing.assert_allclose(e, expected, atol=tol * scale, rtol=0)
    right = x if b is None else b @ x
    np.testing.assert_allclose(a @ x, right * e, atol=100 * tol * scale)
    np.testing.assert_allclose(x.conj().T @ right, np.eye(k), atol=max(tol, 1e-9))


@pytest.mark.parametrize("dtype", [plait.float32, plait.float64, plait.complex128], ids=str)
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("k", [1, 4])
def test_eigenpairs(k, largest, dtype):
    a = symmetric(0, 30, dtype=dtype)
    e, x = plait.lobpcg(a, k, largest=largest, niter=-1)
    assert e.shape == (k,) and x.shape == (30, k) and x.dtype is dtype and not e.is_complex()
    assert_pairs(a.numpy(), e.numpy(), x.numpy(), k, largest, tol=2e-3 if dtype is plait.float32 else 1e-7)


@pytest.mark.parametrize("largest", [True, False])
def test_the_generalised_problem_and_a_preconditioner(largest):
    a, b = symmetric(1, 40), definite(2, 40)
    e, x = plait.lobpcg(a, 3, b, largest=largest, niter=-1)
    assert_pairs(a.numpy(), e.numpy(), x.numpy(), 3, largest, b.numpy())
    steps = []
    a = definite(3, 40) + plait.diag(plait.arange(40.0, dtype=plait.float64) ** 3)
    for inverse in (None, plait.linalg.inv(a)):
        e, x = plait.lobpcg(a, 2, iK=inverse, largest=False, niter=-1, tracker=lambda s: steps.append(s.ivars["istep"]))
        assert_pairs(a.numpy(), e.numpy(), x.numpy(), 2, False, tol=1e-8)
    first = steps.index(0, 1)
    assert steps == [*range(first), *range(len(steps) - first)] and len(steps) - first < first / 3


def test_batches_and_starts():
    a = symmetric(4, 2, 3, 20)
    e, x = plait.lobpcg(a, 2, n=5)
    assert e.shape == (2, 3, 2) and x.shape == (2, 3, 20, 2)
    for i in np.ndindex(2, 3):
        assert_pairs(a[i].numpy(), e[i].numpy(), x[i].numpy(), 2, True)
    again, y = plait.lobpcg(a, X=x, niter=0)
    np.testing.assert_allclose(again.numpy(), e.numpy())
    np.testing.assert_allclose(plait.abs(y).numpy(), plait.abs(x).numpy(), atol=1e-6)
    assert [t.shape for t in plait.lobpcg(a[:0])] == [(0, 3, 1), (0, 3, 20, 1)]
    diagonal = plait.diag(plait.tensor([5.0, 5.0, 5.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]))  # of few eigenvalues
    assert plait.lobpcg(diagonal, 3)[0].tolist() == pytest.approx([5, 5, 5])


def test_the_tracker_may_stop():
    seen = []

    def tracker(state):
        seen.append((state.ivars["istep"], state.E.clone(), state.R.shape, len(state.tvars["rerr"])))
        state.bvars["force_stop"] = len(seen) == 3

    a = symmetric(5, 30)
    e, _ = plait.lobpcg(a, 2, tol=0.0, tracker=tracker)
    assert [s[0] for s in seen] == [0, 1, 2] and (e == seen[-1][1]).all() and seen[0][2:] == ((30, 2), 2)


def test_derivatives():
    a = symmetric(6, 2, 12).requires_grad_()
    weights = plait.randn(12, 2, dtype=plait.float64)

    def loss(e, x):
        return (e * e).sum() + (weights * x * x).sum()  # of whichever sign of x

    loss(*plait.lobpcg(a, 2, tol=1e-13)).backward()
    given, a.grad = a.grad, None
    e, x = plait.linalg.eigh((a + a.mT) / 2)
    loss(e.flip(-1)[..., :2], x.flip(-1)[..., :2]).backward()
    np.testing.assert_allclose(given.numpy(), a.grad.numpy(), atol=1e-9)
    assert (given == given.mT).all()
    e, _ = plait.lobpcg(a, 1)
    (g,) = plait.autograd.grad((e * e).sum(), a, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.sum().backward()
    with pytest.raises(NotImplementedError, match="derivatives with B"):
        plait.lobpcg(a[0], 1, definite(7, 12))


def test_what_is_refused():
    a = symmetric(8, 12)
    for arguments, message in (
        ({"A": a[:3]}, "expected square"),
        ({"A": a, "k": 5}, r"fewer rows, 12, than 3 n = 15"),
        ({"A": a, "k": 0}, "1 <= k <= n"),
        ({"A": a, "k": 3, "n": 2}, "1 <= k <= n"),
        ({"A": a, "B": a[:2, :2]}, "expected B of the shape"),
        ({"A": a, "X": a[0]}, "expected X of shape"),
        ({"A": a, "X": plait.ones(12, 2, dtype=a.dtype)}, "depend on one another"),
        ({"A": a, "method": "other"}, "'ortho' or 'basic'"),
    ):
        with pytest.raises(ValueError, match=message):
            plait.lobpcg(**arguments)
    with pytest.raises(TypeError, match="float32, float64"):
        plait.lobpcg(a.half())


def test_autocast_regions_leave_it_alone():
    a = symmetric(9, 20, dtype=plait.float32)
    with plait.autocast("cpu"):
        e, _ = plait.lobpcg(a, 2)
        lower, _ = plait.lobpcg(a.bfloat16(), 2)  # converted, as by other decompositions
    assert e.dtype is lower.dtype is plait.float32
    np.testing.assert_allclose(e.numpy(), np.linalg.eigvalsh(a.numpy())[:-3:-1], rtol=1e-4)
