"""Distances of pairs of rows: by kernels, by differences, by a matrix product."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait.nn.functional import pdist
from scipy.spatial import distance

RNG = np.random.default_rng(0)
DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
INF = float("inf")
NORMS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, INF)
BY_DIFFERENCES = "donot_use_mm_for_euclid_dist"


def expected(x1, x2, p):
    differences = np.abs(x1[..., :, None, :] - x2[..., None, :, :])
    if p == 0:
        return (differences != 0).sum(-1)
    return differences.max(-1, initial=0) if p == INF else (differences**p).sum(-1) ** (1 / p)


@DEVICES
@pytest.mark.parametrize("p", NORMS)
def test_all_pairs(device, p):
    # Below, at and above the blocks of columns (64 and 32), and strided.
    for m, n, k in ((1, 1, 1), (3, 64, 5), (40, 67, 3), (7, 131, 70), (5, 4, 0), (0, 3, 2), (2, 0, 2)):
        for dtype, tolerance in ((plait.float64, 1e-12), (plait.float32, 1e-5)):
            x1, x2 = (
                plait.tensor(RNG.normal(size=(k, rows)).T.round(1), dtype=dtype, device=device)
                for rows in (m, n)
            )
            ours = plait.cdist(x1, x2, p, compute_mode=BY_DIFFERENCES)
            assert ours.dtype == dtype and ours.shape == (m, n)
            np.testing.assert_allclose(
                ours.cpu(), expected(x1.cpu().double().numpy(), x2.cpu().double().numpy(), p), rtol=tolerance
            )


@DEVICES
def test_batches_are_broadcast(device):
    x1, x2 = RNG.normal(size=(2, 1, 30, 3)), RNG.normal(size=(4, 27, 3))
    for p in (1.0, 2.0, INF):
        ours = plait.cdist(plait.tensor(x1, device=device), plait.tensor(x2, device=device), p)
        np.testing.assert_allclose(ours.cpu(), expected(x1, x2, p), rtol=1e-10)


@DEVICES
def test_a_product_is_asked_for_or_taken_above_25_rows(device):
    near = plait.tensor(RNG.normal(size=(30, 4)) * 1e-3 + 100, dtype=plait.float32, device=device)
    exact = distance.cdist(near.cpu().double().numpy(), near.cpu().double().numpy())

    def error(rows, **mode):
        return np.abs(plait.cdist(near[:rows], near[:rows], **mode).cpu().numpy() - exact[:rows, :rows]).max()

    for many, few in (
        (error(26), error(25)),
        (error(25, compute_mode="use_mm_for_euclid_dist"), error(26, compute_mode=BY_DIFFERENCES)),
    ):
        assert few < 1e-7 < 1e-3 < many, "squares of 1e4 in float32 have a unit of 1e-3"
    far = plait.tensor(RNG.normal(size=(300, 20)), dtype=plait.float32, device=device)
    same = far.cpu().double().numpy()
    np.testing.assert_allclose(
        plait.cdist(far, far[:200] + 8).cpu(), distance.cdist(same, same[:200] + 8), rtol=1e-5
    )


@DEVICES
@pytest.mark.parametrize("p", NORMS)
def test_gradients_of_all_pairs(device, p):
    for rows, mode in ((4, BY_DIFFERENCES), (4, "use_mm_for_euclid_dist")):
        x1 = plait.tensor(RNG.normal(size=(2, rows, 3)) + 10, device=device, requires_grad=True)
        x2 = plait.tensor(RNG.normal(size=(2, 5, 3)) + 10, device=device, requires_grad=True)

        def f(a, b, mode=mode):
            return plait.cdist(a, b, p, mode)

        assert plait.autograd.gradcheck(f, [x1, x2], atol=1e-4 if mode != BY_DIFFERENCES else 1e-5)
        if p > 0 and mode == BY_DIFFERENCES:
            assert plait.autograd.gradgradcheck(f, [x1, x2])


@pytest.mark.parametrize("p", [1.0, 2.0, INF])
@pytest.mark.parametrize("dtype", [plait.float32, plait.float64])
def test_kernels_of_gradients_agree_with_ops(p, dtype):
    # The ops record the gradient's own derivative. Blocks of 512 columns, lanes of 64 or 32; rows that are alike.
    for m, n, k in ((3, 700, 5), (40, 33, 2), (2, 513, 1)):
        x1, x2 = RNG.integers(-3, 4, (m, k)), RNG.integers(-3, 4, (n, k))
        weights = plait.tensor(RNG.normal(size=(m, n)), dtype=dtype)
        grads = []
        for create_graph in (False, True):
            a, b = (plait.tensor(x, dtype=dtype, requires_grad=True) for x in (x1, x2))
            found = plait.cdist(a, b, p, BY_DIFFERENCES)
            grads.append(plait.autograd.grad(found, (a, b), weights, create_graph=create_graph))
        for kernel, ops in zip(*grads, strict=True):
            plait.testing.assert_close(
                kernel,
                ops.detach(),
                rtol=1e-4 if dtype == plait.float32 else 1e-11,
                atol=1e-4 if dtype == plait.float32 else 1e-11,
            )


@DEVICES
def test_distances_of_pairs(device):
    for n, k in ((2, 1), (3, 0), (70, 5), (7, 130)):
        for dtype, tolerance in ((plait.float64, 1e-12), (plait.float32, 1e-5)):
            x = plait.tensor(100 + RNG.normal(size=(k, n)).T, dtype=dtype, device=device)
            given = x.cpu().double().numpy()
            for p, metric in (
                (2.0, {"metric": "euclidean"}),
                (1.0, {"metric": "cityblock"}),
                (INF, {"metric": "chebyshev"}),
            ):
                np.testing.assert_allclose(
                    pdist(x, p).cpu(), distance.pdist(given, **metric) if k else 0, rtol=tolerance
                )
            if k:
                np.testing.assert_allclose(
                    pdist(x, 3.0).cpu(), distance.pdist(given, "minkowski", p=3), rtol=10 * tolerance
                )
    assert pdist(plait.ones(1, 3, device=device)).shape == (0,)
    half = plait.tensor(RNG.normal(size=(6, 4)), dtype=plait.bfloat16, device=device)
    assert pdist(half).dtype == plait.bfloat16 and (pdist(half) == pdist(half.float()).bfloat16()).all()


@DEVICES
@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, INF])
def test_gradients_of_pairs(device, p):
    leaf = plait.tensor(RNG.normal(size=(5, 3)) + 10, device=device, requires_grad=True)
    assert plait.autograd.gradcheck(lambda x: pdist(x, p), [leaf])
    assert plait.autograd.gradgradcheck(lambda x: pdist(x, p), [leaf])
    same = plait.ones(3, 2, device=device, requires_grad=True)
    pdist(same, p).sum().backward()
    assert same.grad.tolist() == [[0, 0]] * 3


def test_nan_reaches_its_distances_alone():
    x = plait.zeros(70, 3)
    x[1, 2] = float("nan")
    for p in NORMS[2:]:
        for mode in (BY_DIFFERENCES, None):
            found = plait.cdist(x, x, p, mode).isnan()
            assert found[1].all() and found[:, 1].all() and found.sum() == 2 * 70 - 1
