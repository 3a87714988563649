"""Decompositions of CUDA tensors by cuSOLVER: sizes at which its functions change, layouts, waits, failures, and what
happens without it. test_linalg.py and its neighbours run on both devices.
"""

import ctypes
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import plait
import pytest
import scipy.linalg
from cuda_device import EMULATED, IS_EMULATED, needs_cuda
from cuda_process import run_without
from plait import linalg

pytestmark = needs_cuda
has_cusolver = pytest.mark.skipif(
    not plait.cuda.is_available() or not plait._C._cuda.library_version("cusolver"), reason="needs cuSOLVER"
)
RNG = np.random.default_rng(0)
OPS = plait._C.ops
DTYPES = ["float32", "float64", "complex64", "complex128"]
# One matrix; batches for the batched kernels; few large ones, in a loop; more rows than those take; no matrix, or none in it.
SQUARE = [(5, 5), (3, 2, 7, 7), (2, 40, 40), (3, 130, 130), (0, 3, 3), (2, 0, 0)]
SHAPES = [*SQUARE, (6, 4), (4, 6), (3, 33, 5), (3, 5, 33), (20, 3), (2, 0, 3), (3, 0)]


def numbers(dtype, *shape):
    x = RNG.normal(size=shape)
    return (x + 1j * RNG.normal(size=shape) if "complex" in dtype else x).astype(dtype)


def tolerance(dtype):
    return 1e-3 if dtype in ("float32", "complex64") else 1e-9


def cuda(x):
    return plait.from_numpy(np.ascontiguousarray(x)).cuda()


def dual(x):
    return x.swapaxes(-1, -2).conj()


def close(ours, theirs, dtype):
    assert ours.is_cuda
    np.testing.assert_allclose(ours.cpu().numpy(), theirs, rtol=tolerance(dtype), atol=tolerance(dtype))


def well(dtype, *shape):
    """Square matrices that are far from singular."""
    return (numbers(dtype, *shape) / np.sqrt(max(shape[-1], 1)) + 2 * np.eye(shape[-1])).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SQUARE)
def test_square(shape, dtype):
    a = well(dtype, *shape)
    b = numbers(dtype, *shape[:-1], 3)
    close(linalg.inv(cuda(a)), np.linalg.inv(a), dtype)
    close(linalg.solve(cuda(a), cuda(b)), np.linalg.solve(a, b), dtype)
    close(linalg.slogdet(cuda(a)).logabsdet, np.linalg.slogdet(a)[1], dtype)
    positive = a @ dual(a)
    close(linalg.cholesky(cuda(positive)), np.linalg.cholesky(positive), dtype)
    if a.size < 5000:  # Jacobi's method takes the emulator long
        both = (a + dual(a)) / 2
        values, vectors = linalg.eigh(cuda(both))
        close(values, np.linalg.eigh(both)[0], dtype)
        close((vectors * values.unsqueeze(-2)) @ vectors.mH, both, dtype)
        close(linalg.eigvalsh(cuda(both), "U"), values.cpu().numpy(), dtype)
        values, vectors = linalg.eig(cuda(a))
        close(cuda(a).to(values.dtype) @ vectors, (vectors * values.unsqueeze(-2)).cpu().numpy(), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape(shape, dtype):
    a = numbers(dtype, *shape)
    p, lower, upper = linalg.lu(cuda(a))
    close(p @ lower @ upper, a, dtype)
    small = a.size < 5000
    k = min(shape[-2:])
    for mode in ("reduced", "complete"):
        q, r = linalg.qr(cuda(a), mode)
        columns = k if mode == "reduced" else shape[-2]
        assert q.shape == (*shape[:-1], columns) and r.shape == (*shape[:-2], columns, shape[-1])
        close(q @ r, a, dtype)
        one = np.broadcast_to(np.eye(columns, dtype=dtype), (*shape[:-2], columns, columns))
        close(q.mH @ q, one, dtype)
    close(linalg.qr(cuda(a), "r").R.abs(), np.abs(np.linalg.qr(a, "r")), dtype)
    if small:
        for full in (True, False):
            u, s, vh = linalg.svd(cuda(a), full)
            assert u.shape == (*shape[:-1], shape[-2] if full else k)
            assert vh.shape == (*shape[:-2], shape[-1] if full else k, shape[-1])
            close((u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :], a, dtype)
            close(s, np.linalg.svd(a, compute_uv=False), dtype)
            close(u.mH @ u, np.broadcast_to(np.eye(u.shape[-1]), (*shape[:-2], u.shape[-1], u.shape[-1])), dtype)
            close(vh @ vh.mH, np.broadcast_to(np.eye(vh.shape[-2]), (*shape[:-2], vh.shape[-2], vh.shape[-2])), dtype)
        close(linalg.svdvals(cuda(a)), np.linalg.svd(a, compute_uv=False), dtype)


LAYOUTS = {
    "plain": lambda x: x,
    "turned": lambda x: x.swapaxes(-1, -2),
    "every second": lambda x: np.repeat(np.repeat(x, 2, -1), 2, -2)[..., ::2, ::2],
    "part": lambda x: np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 2), (2, 1)])[..., 1:-2, 2:-1],
    "batch inside": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0),
    "turned around": lambda x: x.swapaxes(0, 1),
}


def laid_out(x, layout):
    """A tensor with those values, and one of NumPy's layouts."""
    view = LAYOUTS[layout](x)
    base = view
    while base.base is not None:
        base = base.base
    flat = cuda(base.reshape(-1, order="A") if not base.flags["C_CONTIGUOUS"] else base.reshape(-1))
    offset = (view.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // x.itemsize
    t = flat.as_strided(view.shape, [s // x.itemsize for s in view.strides], offset)
    np.testing.assert_array_equal(t.cpu().numpy(), view)
    return t, np.array(view)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_layouts(layout, other, dtype):
    a, x = laid_out(well(dtype, 2, 2, 4, 4), layout)
    b, y = laid_out(numbers(dtype, 2, 2, 4, 4), other)
    before = a.cpu().numpy().copy()
    close(linalg.solve(a, b), np.linalg.solve(x, y), dtype)
    for upper in (True, False):
        triangle = np.triu(x) if upper else np.tril(x)
        close(linalg.solve_triangular(a, b, upper=upper), np.linalg.solve(triangle, y), dtype)
        close(linalg.solve_triangular(a, b, upper=upper, left=False), y @ np.linalg.inv(triangle), dtype)
    if layout == other:
        close(linalg.inv(a), np.linalg.inv(x), dtype)
        q, r = linalg.qr(a)
        close(q @ r, x, dtype)
        u, s, vh = linalg.svd(a)
        close((u * s.unsqueeze(-2)) @ vh, x, dtype)
        positive = a @ a.mH
        close(linalg.cholesky(positive.mT).mT, np.linalg.cholesky((x @ dual(x)).swapaxes(-1, -2)).swapaxes(-1, -2), dtype)
    np.testing.assert_array_equal(a.cpu().numpy(), before)  # the arguments are left alone


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("shape", "count"), [((3, 5, 4), 2), ((2, 40, 40), 40), ((2, 2, 70, 9), 9), ((2, 130, 30), 7), ((2, 257, 3), 3), ((9, 4), 3), ((1, 1), 1)]
)
def test_products_of_reflectors(shape, count, dtype):
    """In kernels of our own up to 256 rows; SciPy's LAPACK has them all, one by one."""
    prefix = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}[dtype]
    routine = getattr(scipy.linalg.lapack, prefix + ("orgqr" if prefix in "sd" else "ungqr"))
    flat = numbers(dtype, *shape).reshape(-1, *shape[-2:])
    packed = np.array([np.linalg.qr(x, "raw")[0].T for x in flat]).reshape(shape)
    tau = np.array([np.linalg.qr(x, "raw")[1][:count] for x in flat]).reshape(*shape[:-2], count)
    expected = np.array([routine(x, t)[0] for x, t in zip(packed.reshape(flat.shape), tau.reshape(-1, count))])
    close(OPS["_linalg_householder_product"](cuda(packed), cuda(tau)), expected.reshape(shape), dtype)


@pytest.mark.parametrize("n", [3, 70])
def test_one_matrix_for_a_batch(n):
    a, b = well("float64", n, n), numbers("float64", 4, n, 2)
    close(linalg.solve_triangular(cuda(a), cuda(b), upper=True), np.linalg.solve(np.triu(a), b), "float64")
    close(linalg.solve(cuda(a), cuda(b)), np.linalg.solve(a, b), "float64")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 6), (2, 3, 5, 5), (2, 80, 80), (0, 3, 3)])
def test_factors_serve_the_adjoint(shape, dtype):
    a, b = well(dtype, *shape), numbers(dtype, *shape[:-1], 2)
    packed, pivots, info = OPS["_linalg_lu"](cuda(a))
    assert not info.any()
    close(OPS["_linalg_lu_solve"](packed, pivots, cuda(b)), np.linalg.solve(a, b), dtype)
    close(OPS["_linalg_lu_solve"](packed, pivots, cuda(b), True), np.linalg.solve(dual(a), b), dtype)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_second_derivatives(dtype):
    """First ones may take what forward left; those of the tape do not."""
    a, b = (cuda(x).requires_grad_() for x in (well(dtype, 3, 3), numbers(dtype, 3, 1)))
    assert plait.autograd.gradgradcheck(linalg.solve, (a, b))
    assert plait.autograd.gradgradcheck(lambda a: linalg.cholesky(a @ a.mH), (a,))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(6, 6), (2, 3, 5, 5), (2, 6, 4), (3, 5), (0, 0)])
@has_cusolver
def test_without_pivots(shape, dtype):
    a = numbers(dtype, *shape) + 4 * np.eye(*shape[-2:], dtype=dtype)
    p, lower, upper = linalg.lu(cuda(a), pivot=False)
    assert p.shape == (0,)
    close(lower @ upper, a, dtype)
    factors = linalg.lu_factor(cuda(a), pivot=False)
    assert (factors.pivots.cpu().numpy() == np.arange(1, min(shape[-2:]) + 1)).all()
    if shape[-1] == shape[-2]:
        b = numbers(dtype, *shape[:-1], 2)
        close(linalg.lu_solve(*factors, cuda(b)), np.linalg.solve(a, b), dtype)
        x = cuda(a).requires_grad_()
        linalg.lu_factor(x, pivot=False).LU.abs().sum().backward()
        assert x.grad.shape == x.shape
    with pytest.raises(NotImplementedError, match="pivot=False"):
        linalg.lu(plait.ones(2, 2), pivot=False)


def test_row_orders():
    for rows, count in ((5, 5), (6, 4), (9000, 9000), (1, 1), (3, 0)):
        pivots = np.stack([np.arange(count) + RNG.integers(0, rows - np.arange(count), count) for _ in range(3)]) + 1
        pivots = pivots.astype("int32").reshape(3, count)
        on_cpu = OPS["_linalg_row_order"](plait.from_numpy(pivots), rows)
        order = np.tile(np.arange(rows), (3, 1))
        for row, swaps in zip(order, pivots):
            for k, other in enumerate(swaps):
                row[[k, other - 1]] = row[[other - 1, k]]
        np.testing.assert_array_equal(on_cpu.numpy(), order)
        np.testing.assert_array_equal(OPS["_linalg_row_order"](cuda(pivots), rows).cpu().numpy(), order)
        every_second = cuda(np.repeat(pivots, 2, 1))[:, ::2]
        np.testing.assert_array_equal(OPS["_linalg_row_order"](every_second, rows).cpu().numpy(), order)
    for bad in (0, 4, -1):
        wrong = plait.tensor([1, bad, 3], dtype=plait.int32)
        with pytest.raises(IndexError):
            OPS["_linalg_row_order"](wrong, 3)
        OPS["_linalg_row_order"](wrong.cuda(), 3)
        with pytest.raises(IndexError, match="_linalg_row_order"):
            plait.cuda.synchronize()
    with pytest.raises(ValueError, match="at most"):
        OPS["_linalg_row_order"](plait.ones(3, dtype=plait.int32), 2)


def control():
    return ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))


def waits_of(function):
    counters = (ctypes.c_uint64 * 16)()
    library = control()
    library.plait_emulator_counters(counters, 16)
    before = counters[9]
    function()
    library.plait_emulator_counters(counters, 16)
    return counters[9] - before


@pytest.mark.skipif(not IS_EMULATED, reason="counts in the emulator")
@has_cusolver
def test_what_waits():
    a, b = cuda(well("float64", 3, 20, 20)), cuda(numbers("float64", 3, 20, 2))
    factors = linalg.lu_factor(a)
    for function in (
        lambda: linalg.lu_factor(a),
        lambda: linalg.lu_solve(*factors, b),
        lambda: linalg.lu(a),
        lambda: linalg.solve_triangular(a, b, upper=True),
        lambda: linalg.qr(a),
        lambda: linalg.det(a),
        lambda: linalg.slogdet(a),
        lambda: linalg.inv_ex(a),
        lambda: linalg.cholesky_ex(a),
        lambda: linalg.solve_ex(a, b),
    ):
        function()  # loads what there is to load
        assert waits_of(function) == 0
    for function in (
        lambda: linalg.inv(a),
        lambda: linalg.solve(a, b),
        lambda: linalg.cholesky(a @ a.mT),
        lambda: linalg.eigh(a),
        lambda: linalg.svd(a),
        lambda: linalg.eig(a),
    ):
        function()
        assert waits_of(function) == waits_of(lambda: b.sum().item())


@pytest.mark.skipif(not IS_EMULATED, reason="orders failures of the emulator")
@has_cusolver
def test_failures_are_named():
    library = control()
    other, memory = 999, 2
    one, many = cuda(well("float64", 4, 4)), cuda(well("complex64", 3, 4, 4))
    calls = (
        ("cusolverDnXpotrf", lambda: linalg.cholesky_ex(one)),
        ("cusolverDnCpotrfBatched", lambda: linalg.cholesky_ex(many)),
        ("cusolverDnDgetrf", lambda: linalg.lu_factor(one)),
        ("cublasCgetrfBatched", lambda: linalg.lu_factor(many)),
        ("cublasDtrsm_v2", lambda: linalg.solve_triangular(one, one, upper=True)),
        ("cublasCtrsmBatched", lambda: linalg.solve_triangular(many, many, upper=True)),
        ("cusolverDnXgeqrf", lambda: linalg.qr(one)),
        ("cublasCgeqrfBatched", lambda: linalg.qr(many)),
        ("cusolverDnDorgqr", lambda: linalg.qr(one)),
        ("cusolverDnXsyevd", lambda: linalg.eigvalsh(one)),
        ("cusolverDnXsyevBatched", lambda: linalg.eigvalsh(many)),
        ("cusolverDnDgesvdj", lambda: linalg.svdvals(one)),
        ("cusolverDnCgesvdjBatched", lambda: linalg.svdvals(many)),
        ("cusolverDnXgeev", lambda: linalg.eigvals(one)),
    )
    for api, call in calls:
        call()
        for error, kind in ((other, RuntimeError), (memory, plait.OutOfMemoryError)):
            assert library.plait_emulator_fail_after(api.encode(), 1, error) == 0
            with pytest.raises(kind, match=r"linear algebra on cuda: cu(solverDn|blas)\S+ failed"):
                call()
        call()
    plait.cuda.synchronize()


def test_not_a_number():
    for shape in ((3, 3), (2, 3, 3)):
        a = plait.full(shape, float("nan"), device="cuda")
        for function in (linalg.eigh, linalg.svd, linalg.svdvals, linalg.eig, linalg.eigvals):
            with pytest.raises(linalg.LinAlgError):
                function(a)
        with pytest.raises(linalg.LinAlgError, match="positive definite"):
            linalg.cholesky(a)


def test_ops_refuse():
    x = plait.ones(2, 3)
    for name, arguments in (
        ("_linalg_cholesky", ()),
        ("_linalg_lu", ()),
        ("_linalg_lu_solve", (plait.ones(2, dtype=plait.int32), x)),
        ("_linalg_solve_triangular", (x, True)),
        ("_linalg_qr", ("r",)),
        ("_linalg_householder_product", (x,)),
        ("_linalg_eigh", (True, True)),
        ("_linalg_svd", (True, True)),
        ("_linalg_eig", (True,)),
    ):
        on_device = [a.cuda() if isinstance(a, plait.Tensor) else a for a in arguments]
        for given, others in ((plait.ones(3), arguments), (plait.ones(3, device="cuda"), on_device)):
            with pytest.raises((ValueError, TypeError)):
                OPS[name](given, *others)
    a, i = plait.ones(2, 2, device="cuda"), plait.ones(2, dtype=plait.int32, device="cuda")
    for call in (
        lambda: OPS["_linalg_lu_solve"](a, i[:1], a),
        lambda: OPS["_linalg_lu_solve"](a, i.long(), a),
        lambda: OPS["_linalg_lu_solve"](a, i, a.double()),
        lambda: OPS["_linalg_lu_solve"](a, i.cpu(), a),
        lambda: OPS["_linalg_solve_triangular"](a, a[:1], True),
        lambda: OPS["_linalg_solve_triangular"](a, a.cpu(), True),
        lambda: OPS["_linalg_qr"](a, "full"),
        lambda: OPS["_linalg_householder_product"](a, a),
        lambda: OPS["_linalg_householder_product"](a, a[0].double()),
        lambda: OPS["_linalg_cholesky"](plait.ones(2, 3, device="cuda")),
        lambda: OPS["_linalg_eigh"](i.reshape(1, 2), True, True),
    ):
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            call()


@pytest.mark.skipif(plait.cuda.device_count() < 2, reason="needs two devices")
def test_another_device_and_stream():
    a, b = well("float64", 3, 4, 4), numbers("float64", 3, 4, 2)
    x, y = cuda(a).to("cuda:1"), cuda(b).to("cuda:1")
    for _ in range(2):
        found = linalg.solve(x, y)
        assert found.device == plait.device("cuda:1")
        np.testing.assert_allclose(found.cpu().numpy(), np.linalg.solve(a, b), rtol=1e-10)
        close(linalg.solve(cuda(a), cuda(b)), np.linalg.solve(a, b), "float64")
    side = plait.cuda.Stream()
    first = cuda(a)
    side.wait_stream(plait.cuda.current_stream())
    with plait.cuda.stream(side):
        found = linalg.lu_solve(*linalg.lu_factor(first), cuda(b))
        q, r = linalg.qr(first)
    side.synchronize()
    close(found, np.linalg.solve(a, b), "float64")
    close(q @ r, a, "float64")
    with pytest.raises((ValueError, RuntimeError)):
        linalg.solve(x, cuda(b))


def test_in_threads():
    """Each has handles of its own; those of threads that ended are used again."""
    a = well("float64", 5, 6, 6)
    expected = np.linalg.inv(a)

    def work(_):
        return [np.abs(linalg.inv(cuda(a)).cpu().numpy() - expected).max() for _ in range(3)]

    for _ in range(2):
        with ThreadPoolExecutor(3) as pool:
            assert np.max(list(pool.map(work, range(3)))) < 1e-10


def test_in_a_graph():
    """What waits for nothing can be captured."""
    a, b = cuda(well("float64", 4, 4)), cuda(numbers("float64", 4, 2))
    linalg.lu_solve(*linalg.lu_factor(a), b)
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        x = linalg.lu_solve(*linalg.lu_factor(a), b)
    for _ in range(2):
        fresh = well("float64", 4, 4)
        a.copy_(cuda(fresh))
        graph.replay()
        close(x, np.linalg.solve(fresh, b.cpu().numpy()), "float64")


WITHOUT_CUSOLVER = """
import numpy as np, plait
from plait import linalg
assert plait._C._cuda.library_version("cusolver") == 0
x = np.arange(8.0).reshape(2, 2, 2) + 3 * np.eye(2)
a = plait.from_numpy(x).cuda().requires_grad_()
for ours, theirs in (
    (linalg.inv(a), np.linalg.inv(x)),
    (linalg.solve(a, a.mT), np.linalg.solve(x, x.swapaxes(1, 2))),
    (linalg.det(a), np.linalg.det(x)),
    (linalg.svd(a).S, np.linalg.svd(x)[1]),
    (linalg.eigvalsh(a), np.linalg.eigvalsh(x)),
    (linalg.qr(a).R, np.linalg.qr(x)[1]),
    (linalg.cholesky(a @ a.mT), np.linalg.cholesky(x @ x.swapaxes(1, 2))),
    (linalg.lu_solve(*linalg.lu_factor(a), a), np.eye(2) + 0 * x),
):
    assert ours.is_cuda
    np.testing.assert_allclose(ours.detach().cpu().numpy(), theirs, atol=1e-10)
    ours.sum().backward()
assert a.grad.is_cuda
try:
    plait._C.ops["_linalg_lu"](a.detach())
except RuntimeError as error:
    print(error)
"""


@pytest.mark.skipif(not IS_EMULATED, reason="takes the emulated library away")
def test_without_cusolver(tmp_path):
    """The tensor goes to the CPU and back."""
    assert "cuSOLVER was not found" in run_without("cusolver", WITHOUT_CUSOLVER, tmp_path)
