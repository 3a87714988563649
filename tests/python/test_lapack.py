"""The CPU's decompositions: whichever LAPACK is there, any layout, batches on several threads. NumPy is the oracle."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plait
import pytest
from plait import linalg


def openblas_of(package):
    """The library that a wheel of NumPy (integers of 64 bits) or SciPy (32 bits) brings; None where it brings none."""
    module = pytest.importorskip(package)
    folder = Path(module.__file__).parent.parent / f"{package}.libs"
    return next(iter(sorted(folder.glob("libscipy_openblas*.so"))), None)


DECOMPOSE = """
import sys
sys.modules["numpy"] = None
import plait
from plait import linalg
a = plait.tensor([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]], dtype=plait.float64)
same = []
for t in (a, a.float(), plait.complex(a, a.triu(1) - a.tril(-1)), plait.stack([a] * 50)):
    one = plait.eye(3, dtype=t.dtype)
    lower, values = linalg.cholesky(t @ t.mH), linalg.eigh(t)
    u, s, vh = linalg.svd(t)
    factors = linalg.ldl_factor(t @ t.mH, hermitian=True)
    of_any = linalg.eig(t)
    for found, wanted in (
        (linalg.inv(t) @ t, one.expand(t.shape)), (lower @ lower.mH, t @ t.mH), (linalg.qr(t).Q @ linalg.qr(t).R, t),
        (u * s.unsqueeze(-2) @ vh, t), (t @ values[1], values[1] * values[0].unsqueeze(-2)),
        (of_any[1] * of_any[0].unsqueeze(-2), t.to(of_any[1].dtype) @ of_any[1]),
        (linalg.ldl_solve(*factors, t, hermitian=True), linalg.solve(t @ t.mH, t)),
    ):
        same.append(plait.allclose(found, wanted, atol=1e-4))
assert all(same), same
try:
    linalg.cholesky(-a)
except linalg.LinAlgError as error:
    assert "order 1" in str(error)
"""


@pytest.mark.parametrize("package", ["numpy", "scipy"])
def test_any_lapack(package):
    if not (library := openblas_of(package)):
        pytest.skip(f"this {package} is linked to another library")
    environment = {**os.environ, "PLAIT_LAPACK": str(library)}
    ran = subprocess.run([sys.executable, "-c", DECOMPOSE], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr


def test_without_lapack():
    program = "import plait; plait.linalg.inv(plait.eye(2))"
    environment = {**os.environ, "PLAIT_LAPACK": "/nowhere/liblapack.so"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert "linalg.lu: LAPACK was not found" in ran.stderr and "pip install numpy" in ran.stderr


def test_numpy_is_not_imported():
    program = "import plait, sys; plait.linalg.inv(plait.eye(2)); assert 'numpy' not in sys.modules"
    environment = {name: value for name, value in os.environ.items() if name != "PLAIT_LAPACK"}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr


THREADS = """
import ctypes, os, sys
import plait
library = ctypes.CDLL(os.environ["PLAIT_LAPACK"])
count = next(
    getattr(library, name)
    for name in ("scipy_openblas_get_num_threads64_", "scipy_openblas_get_num_threads")
    if hasattr(library, name)
)
a = plait.eye(100)
seen = [count()]
for threads in (None, 1, 2, 2):
    if threads:
        plait.set_num_threads(threads)
    plait.linalg.inv(a)
    seen.append(count())
print(seen)
"""


@pytest.mark.parametrize("package", ["numpy", "scipy"])
@pytest.mark.parametrize(("given", "seen"), [("1", [1, 1, 1, 2, 2]), ("2", [2, 2, 1, 2, 2])])
def test_threads(package, given, seen):
    """LAPACK has as many threads as plait, once plait was told; before that what the environment says holds."""
    if not (library := openblas_of(package)):
        pytest.skip(f"this {package} is linked to another library")
    environment = {**os.environ, "PLAIT_LAPACK": str(library), "OPENBLAS_NUM_THREADS": given, "OMP_NUM_THREADS": "2"}
    ran = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(seen if (os.cpu_count() or 1) > 1 else [1] * 5)


def numbers(dtype, *shape):
    random = np.random.default_rng(3)
    x = random.normal(size=shape)
    if np.dtype(dtype).kind == "c":
        x = x + 1j * random.normal(size=shape)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("n", [1, 3, 40, 150])
def test_layouts(dtype, n):
    """Rows or columns next to each other, a stride between all elements, a broadcast batch."""
    a = numbers(dtype, 2, n, n) + n * np.eye(n, dtype=dtype)
    exact, tolerance = np.linalg.inv(a.astype(np.complex128)), 1e-4 if dtype in ("float32", "complex64") else 1e-11
    wide = np.zeros((2, 2 * n, 3 * n), dtype)
    wide[:, ::2, ::3] = a
    for given in (
        plait.tensor(a),
        plait.tensor(np.ascontiguousarray(a.swapaxes(1, 2))).mT,
        plait.tensor(wide)[:, ::2, ::3],
    ):
        np.testing.assert_allclose(linalg.inv(given).numpy(), exact, rtol=tolerance, atol=tolerance)
        lower = linalg.cholesky(given @ given.mH)
        np.testing.assert_allclose((lower @ lower.mH).numpy(), a @ a.conj().swapaxes(1, 2), rtol=tolerance, atol=tolerance * n * n)
        for upper in (False, True):
            for b in (given, given.mT, given[:1].expand(2, n, n)):
                x = linalg.solve_triangular(given, b, upper=upper)
                triangle = given.triu() if upper else given.tril()
                np.testing.assert_allclose((triangle @ x).numpy(), b.numpy(), rtol=tolerance, atol=tolerance * n)
    one = plait.tensor(a[:1]).expand(5, n, n)
    np.testing.assert_allclose(linalg.inv(one).numpy(), np.broadcast_to(exact[:1], (5, n, n)), rtol=tolerance, atol=tolerance)


def test_many_small_matrices():
    """A batch that is worth threads gives what one matrix at a time does."""
    a = plait.tensor(numbers("float64", 3000, 4, 4))
    h = a + a.mT
    for function, x in (
        (linalg.inv, a), (linalg.eigvals, a), (linalg.svdvals, a), (linalg.eigvalsh, h), (linalg.det, a),
        (lambda x: linalg.cholesky(x @ x.mT + plait.eye(4).double()), a), (lambda x: linalg.qr(x).R, a),
        (lambda x: linalg.ldl_factor(x).LD, h), (lambda x: linalg.lu_factor(x).pivots, a),
    ):  # fmt: skip
        whole = function(x)
        for i in (0, 1, 1499, 1500, 2999):
            assert plait.equal(whole[i], function(x[i]))
    np.testing.assert_allclose(linalg.svdvals(a).numpy(), np.linalg.svd(a.numpy(), compute_uv=False), rtol=1e-9)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_only_what_is_read_counts(bad):
    """Not the other triangle; and what is not finite raises, and does not hang."""
    a = plait.eye(4) * plait.arange(1.0, 5.0)
    a[0, 3] = bad
    assert linalg.eigvalsh(a).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert plait.equal(linalg.cholesky(a) ** 2, plait.diag(plait.arange(1.0, 5.0)).sqrt() ** 2)
    for function in (lambda: linalg.eigvalsh(a, UPLO="U"), lambda: linalg.eig(a), lambda: linalg.svd(a), lambda: linalg.svdvals(a)):
        with pytest.raises(linalg.LinAlgError, match="infinities or NaN"):
            function()


def test_conjugate_pairs_of_vectors():
    """Real matrices have conjugate pairs of eigenvalues, whose vectors LAPACK gives in two real columns."""
    a = numbers("float64", 7, 6, 6)
    values, vectors = linalg.eig(plait.tensor(a))
    w = np.linalg.eigvals(a)
    np.testing.assert_allclose(np.sort_complex(values.numpy()), np.sort_complex(w), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(vectors.numpy(), axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose((plait.tensor(a).to(plait.complex128) @ vectors).numpy(), (vectors * values.unsqueeze(-2)).numpy(), atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 8), (8, 5), (8, 8), (9, 9), (3, 20)])
def test_small_matrices_as_lapack(dtype, shape):
    """Factors, exchanges of rows, and where it failed: of small matrices, which no library sees, as of others."""
    lapack = pytest.importorskip("scipy.linalg.lapack")
    tolerance = 1e-5 if dtype in ("float32", "complex64") else 1e-13
    for a in (numbers(dtype, *shape), np.ones(shape, dtype), np.zeros(shape, dtype)):
        packed, pivots, info = linalg.lu_factor_ex(plait.tensor(a))
        theirs = lapack.get_lapack_funcs("getrf", (a,))(a)
        np.testing.assert_allclose(packed.numpy(), theirs[0], atol=tolerance)
        np.testing.assert_array_equal(pivots.numpy(), theirs[1] + 1)
        assert info.item() == theirs[2]
        reflectors, tau = plait.geqrf(plait.tensor(a))
        theirs = lapack.get_lapack_funcs("geqrf", (a,))(a)
        if np.linalg.matrix_rank(a) == min(shape):  # else what remains of columns is rounding
            np.testing.assert_allclose(reflectors.numpy(), theirs[0], atol=10 * tolerance)
            np.testing.assert_allclose(tau.numpy(), theirs[1], atol=10 * tolerance)
        for scale in (1, np.finfo(dtype).max / 100):
            for mode in ("reduced", "complete"):
                q, r = linalg.qr(plait.tensor(a * a.dtype.type(scale)), mode)
                one = np.eye(q.shape[-1])
                np.testing.assert_allclose((q.mH @ q).numpy(), one, atol=20 * tolerance)
                np.testing.assert_allclose((q @ (r / scale)).numpy(), a, atol=20 * tolerance)
        if shape[0] != shape[1]:
            continue
        positive = a @ a.conj().T + np.eye(shape[0], dtype=dtype)
        for h in (
            positive,
            positive - 2 * np.diag(np.arange(shape[0]) == shape[0] // 2).astype(dtype) * positive,
        ):
            theirs = lapack.get_lapack_funcs("potrf", (h,))(h, lower=1)
            for upper in (False, True):
                factor, info = linalg.cholesky_ex(plait.tensor(h), upper=upper)
                assert info.item() == theirs[1]
                if theirs[1] == 0:
                    lower = factor.mH if upper else factor
                    np.testing.assert_allclose(
                        lower.numpy(), np.tril(theirs[0]), rtol=10 * tolerance, atol=10 * tolerance
                    )
