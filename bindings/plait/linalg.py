"""Linear algebra: norms, products, and decompositions with gradients.

The decompositions are computed by NumPy (LAPACK), on the CPU, in float32 and float64, over any batch
dimensions; their derivatives are plait ops, so that higher derivatives follow. Tensors on another device are
copied to the CPU and results back, which waits for the device.

>>> a = plait.tensor([[2.0, 0.0], [0.0, 4.0]])
>>> plait.linalg.inv(a)
tensor([[0.5000, 0.0000],
        [0.0000, 0.2500]])
"""

from __future__ import annotations

from collections import namedtuple

from . import _C
from ._autocast import one_op
from ._norms import cross, diagonal, matmul, matrix_norm, norm, vecdot, vector_norm
from .autograd.function import Function
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._C import Tensor
    from ._factorizations import (
        cholesky_ex,
        cond,
        eig,
        eigvals,
        inv_ex,
        lu,
        lu_factor,
        lu_factor_ex,
        lu_solve,
        multi_dot,
        solve_ex,
        tensorinv,
        tensorsolve,
        vander,
    )

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]

_ops = _C.ops

# In _factorizations, which is loaded when one of them is asked for.
_LATE = frozenset(
    (
        "cholesky_ex",
        "cond",
        "eig",
        "eigvals",
        "inv_ex",
        "lu",
        "lu_factor",
        "lu_factor_ex",
        "lu_solve",
        "multi_dot",
        "solve_ex",
        "tensorinv",
        "tensorsolve",
        "vander",
    )
)

Eigh = namedtuple("Eigh", ("eigenvalues", "eigenvectors"))
Lstsq = namedtuple("Lstsq", ("solution", "residuals", "rank", "singular_values"))
QR = namedtuple("QR", ("Q", "R"))
SVD = namedtuple("SVD", ("U", "S", "Vh"))
Slogdet = namedtuple("Slogdet", ("sign", "logabsdet"))


class LinAlgError(RuntimeError):
    """A matrix has no such decomposition: it is singular, or not positive definite."""


def _numpy(who: str) -> Any:
    try:
        import numpy
    except ImportError as error:
        raise RuntimeError(f"linalg.{who}: needs NumPy, which is not installed; pip install numpy") from error
    return numpy


def _call(who: str, function: Callable[..., Any], *tensors: Tensor) -> Any:
    """NumPy's result on the tensors' values, as tensors."""
    numpy = _numpy(who)
    try:
        arrays = [t.detach().cpu().numpy() for t in tensors]
        result = function(numpy, *arrays)
    except numpy.linalg.LinAlgError as error:
        shapes = " and ".join(str(tuple(t.shape)) for t in tensors)
        raise LinAlgError(f"linalg.{who}: {str(error).lower()} (input of shape {shapes})") from error
    many = isinstance(result, tuple)
    out = [
        _C.from_numpy(numpy.array(r, dtype=arrays[0].dtype, order="C", ndmin=0)).to(tensors[0].device)
        for r in (result if many else (result,))
    ]
    return tuple(out) if many else out[0]


def _check(who: str, a: Tensor, square: bool = True, name: str = "A") -> None:
    if not isinstance(a, _C.Tensor):
        raise TypeError(f"linalg.{who}: expected {name} as a Tensor, got {type(a).__name__}")
    if a.dtype not in (_C.float32, _C.float64):
        raise TypeError(
            f"linalg.{who}: expected {name} of dtype float32 or float64, got {a.dtype}; use {name}.float()"
        )
    if a.dim() < 2:
        raise ValueError(f"linalg.{who}: expected {name} with at least 2 dimensions, got {tuple(a.shape)}")
    if square and a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"linalg.{who}: expected {name} to be a batch of square matrices, got {tuple(a.shape)}"
        )


# ---- systems of equations


class _Inverse(Function):
    @staticmethod
    def forward(ctx, a):
        out = _call("inv", lambda np, x: np.linalg.inv(x), a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        (inverse,) = ctx.saved_tensors
        turned = inverse.mT
        return -(turned @ grad @ turned)


@one_op(cpu="float32", cuda="float32")
def inv(A: Tensor) -> Tensor:
    """The inverses of square matrices (..., n, n). Raises LinAlgError for a singular one.

    >>> plait.linalg.inv(plait.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.0000]])
    """
    _check("inv", A)
    return _Inverse.apply(A)


class _Solve(Function):
    """Of A (..., n, n) and B (..., n, k) with the same batch."""

    @staticmethod
    def forward(ctx, a, b):
        out = _call("solve", lambda np, x, y: np.linalg.solve(x, y), a, b)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        a, out = ctx.saved_tensors
        grad_b = _Solve.apply(a.mT, grad)
        return (-(grad_b @ out.mT) if ctx.needs_input_grad[0] else None), grad_b


def _same_batch(who: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    from ._functions import broadcast_shapes

    if a.dtype is not b.dtype:
        raise TypeError(f"linalg.{who}: expected one dtype, got A of {a.dtype} and B of {b.dtype}")
    try:
        batch = tuple(broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2])))
    except RuntimeError as error:
        raise ValueError(
            f"linalg.{who}: the batches of A {tuple(a.shape)} and B {tuple(b.shape)} do not broadcast"
        ) from error
    return a.expand((*batch, *a.shape[-2:])), b.expand((*batch, *b.shape[-2:]))


@one_op(cpu="float32", cuda="float32")
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B, or X A = B where not `left`; B is a matrix (..., n, k), or vectors of shape
    A.shape[:-1]. Raises LinAlgError where A is singular.

    >>> plait.linalg.solve(plait.tensor([[2.0, 0.0], [0.0, 4.0]]), plait.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    _check("solve", A)
    vector = B.dim() == 1 or (B.dim() == A.dim() - 1 and B.shape == A.shape[:-1])
    if vector:
        if not left:
            raise ValueError("linalg.solve: with left=False B should be a matrix, got a vector; use A.mT")
        return solve(A, B.unsqueeze(-1)).squeeze(-1)
    _check("solve", B, square=False, name="B")
    if not left:
        return solve(A.mT, B.mT).mT
    if A.shape[-1] != B.shape[-2]:
        raise ValueError(f"linalg.solve: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    return _Solve.apply(*_same_batch("solve", A, B))


@one_op(cpu="float32", cuda="float32")
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """X with A X = B (or X A = B where not `left`) for triangular A, of which only the triangle is read;
    `unitriangular`: with ones on its diagonal. Raises LinAlgError for a zero there.

    >>> a = plait.tensor([[1.0, 0.0], [1.0, 2.0]])
    >>> plait.linalg.solve_triangular(a, plait.tensor([[1.0], [3.0]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    _check("solve_triangular", A)
    _check("solve_triangular", B, square=False, name="B")
    if not left:
        x = solve_triangular(A.mT, B.mT, upper=not upper, unitriangular=unitriangular)
        return x.mT
    if A.shape[-1] != B.shape[-2]:
        raise ValueError(f"linalg.solve_triangular: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    A, B = _same_batch("solve_triangular", A, B)
    if unitriangular:
        ones = _ops["eye"](A.shape[-1], dtype=A.dtype, device=A.device)
        A = (A.triu(1) if upper else A.tril(-1)) + ones
    elif upper:
        A = A.triu()
    else:
        A = A.tril()
    if upper:
        return _Solve.apply(A, B)
    # Turned upside down it is an upper triangle, of which an LU decomposition exchanges no rows: what
    # remains is substitution.
    return _Solve.apply(A.flip((-2, -1)), B.flip((-2,))).flip((-2,))


class _Cholesky(Function):
    @staticmethod
    def forward(ctx, a):
        out = _call("cholesky", lambda np, x: np.linalg.cholesky(x), a)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        # Murray 2016, "Differentiation of the Cholesky decomposition", eq. 10.
        (lower,) = ctx.saved_tensors
        middle = (lower.mT @ grad).tril()
        middle = middle - 0.5 * _ops["diag_embed"](middle.diagonal(0, -2, -1))
        turned = solve_triangular(lower.mT, middle, upper=True)
        full = solve_triangular(lower, turned, upper=False, left=False)
        return 0.5 * (full + full.mT)


@one_op(cpu="float32", cuda="float32")
def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with L L^T = A (or the upper L^T) of symmetric positive-definite matrices.
    Raises LinAlgError for another one.

    >>> plait.linalg.cholesky(plait.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    _check("cholesky", A)
    lower = _Cholesky.apply(A)
    return lower.mT if upper else lower


# ---- determinants


class _Det(Function):
    @staticmethod
    def forward(ctx, a):
        out = _call("det", lambda np, x: np.linalg.det(x), a)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        a, out = ctx.saved_tensors
        if out.detach().abs().amin().item() > 0 if out.numel() else True:
            return (grad * out)[..., None, None] * inv(a).mT
        if _C.is_grad_enabled() and grad.requires_grad:
            raise LinAlgError("linalg.det: the second derivative of a singular matrix is not implemented")
        # The matrix of cofactors, which singular matrices have too: by the singular value decomposition.
        u, s, vh = svd(a.detach())
        n = s.shape[-1]
        others = s.unsqueeze(-2).expand((*s.shape[:-1], n, n))
        one = _ops["eye"](n, dtype=_C.bool, device=a.device)
        products = others.masked_fill(one, 1.0).prod(-1)
        cofactors = (u * products.unsqueeze(-2)) @ vh
        return (grad * det(u) * det(vh))[..., None, None] * cofactors


@one_op(cpu="float32", cuda="float32")
def det(A: Tensor) -> Tensor:
    """The determinants of square matrices.

    >>> plait.linalg.det(plait.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(8.)
    """
    _check("det", A)
    return _Det.apply(A)


class _Slogdet(Function):
    @staticmethod
    def forward(ctx, a):
        sign, log = _call("slogdet", lambda np, x: tuple(np.linalg.slogdet(x)), a)
        ctx.save_for_backward(a)
        ctx.mark_non_differentiable(sign)
        return sign, log

    @staticmethod
    def backward(ctx, _, grad):
        (a,) = ctx.saved_tensors
        return grad[..., None, None] * inv(a).mT


@one_op(cpu="float32", cuda="float32")
def slogdet(A: Tensor) -> Slogdet:
    """The signs and the logarithms of the absolute values of determinants: (0, -inf) for a singular matrix.

    >>> plait.linalg.slogdet(plait.tensor([[1.0, 0.0], [0.0, -1.0]])).sign
    tensor(-1.)
    """
    _check("slogdet", A)
    return Slogdet(*_Slogdet.apply(A))


# ---- decompositions


class _QR(Function):
    """The reduced decomposition of tall or square matrices."""

    @staticmethod
    def forward(ctx, a):
        q, r = _call("qr", lambda np, x: tuple(np.linalg.qr(x)), a)
        ctx.save_for_backward(q, r)
        return q, r

    @staticmethod
    def backward(ctx, grad_q, grad_r):
        # Walter and Lehmann 2018, "Algorithmic differentiation of linear algebra functions".
        q, r = ctx.saved_tensors
        m = r @ grad_r.mT - grad_q.mT @ q
        symmetric = m.tril() + m.tril(-1).mT
        return solve_triangular(r.mT, grad_q + q @ symmetric, upper=False, left=False)


@one_op(cpu="float32", cuda="float32")
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """A = Q R with orthogonal columns Q and upper triangular R: 'reduced' to min(m, n) columns, 'complete'
    (without gradient where m > n), or 'r' alone (Q is empty).

    >>> plait.linalg.qr(plait.eye(3)[:, :2]).Q.shape
    plait.Size([3, 2])
    """
    _check("qr", A, square=False)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"linalg.qr: expected mode 'reduced', 'complete' or 'r', got '{mode}'")
    rows, columns = A.shape[-2:]
    if mode == "complete" and rows > columns:
        if A.requires_grad and _C.is_grad_enabled():
            raise LinAlgError("linalg.qr: mode 'complete' has no gradient for tall A; use mode='reduced'")
        return QR(*_call("qr", lambda np, x: tuple(np.linalg.qr(x, "complete")), A))
    if rows >= columns:
        q, r = _QR.apply(A)
    else:
        q, first = _QR.apply(A[..., :rows])
        r = _ops["cat"]([first, q.mT @ A[..., rows:]], -1)
    return QR(A.new_empty((0,)), r) if mode == "r" else QR(q, r)


def _differences(values: Tensor) -> Tensor:
    """values[j] - values[i], and 1 on the diagonal."""
    difference = values.unsqueeze(-2) - values.unsqueeze(-1)
    one = _ops["eye"](values.shape[-1], dtype=_C.bool, device=values.device)
    return difference.masked_fill(one, 1.0)


class _SVD(Function):
    """The decomposition, with all of U and Vh where `full`."""

    @staticmethod
    def forward(ctx, a, full):
        u, s, vh = _call("svd", lambda np, x: tuple(np.linalg.svd(x, full_matrices=full)), a)
        ctx.save_for_backward(u, s, vh)  # whole: parts made here would be constants
        ctx.set_materialize_grads(False)
        return u, s, vh

    @staticmethod
    def backward(ctx, grad_u, grad_s, grad_vh):
        # Townsend 2016, "Differentiating the singular value decomposition".
        u, s, vh = ctx.saved_tensors
        k = s.shape[-1]
        u, vh = u[..., :k], vh[..., :k, :]
        grad_u = None if grad_u is None else grad_u[..., :k]
        grad_vh = None if grad_vh is None else grad_vh[..., :k, :]
        middle = None if grad_s is None else _ops["diag_embed"](grad_s)
        if grad_u is not None or grad_vh is not None:
            gaps = _differences(s * s)
            if grad_u is not None:
                inner = u.mT @ grad_u
                term = (inner - inner.mT) / gaps * s.unsqueeze(-2)
                middle = term if middle is None else middle + term
            if grad_vh is not None:
                inner = vh @ grad_vh.mT
                term = s.unsqueeze(-1) * ((inner - inner.mT) / gaps)
                middle = term if middle is None else middle + term
        if middle is None:
            return None, None
        result = u @ middle @ vh
        if grad_u is not None and u.shape[-2] > u.shape[-1]:
            outside = grad_u / s.unsqueeze(-2)
            result = result + (outside - u @ (u.mT @ outside)) @ vh
        if grad_vh is not None and vh.shape[-1] > vh.shape[-2]:
            outside = grad_vh / s.unsqueeze(-1)
            result = result + u @ (outside - (outside @ vh.mT) @ vh)
        return result, None


@one_op(cpu="float32", cuda="float32")
def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """A = U diag(S) Vh, with the singular values in falling order.

    Gradients of U and Vh are those of a function that does not depend on the vectors' signs, and grow
    without bound where singular values come near each other. What `full_matrices` adds for matrices that are
    not square, a basis of which only the span is given, passes no gradient on.

    >>> plait.linalg.svd(plait.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    _check("svd", A, square=False)
    return SVD(*_SVD.apply(A, full_matrices))


@one_op(cpu="float32", cuda="float32")
def svdvals(A: Tensor) -> Tensor:
    """The singular values, in falling order."""
    _check("svdvals", A, square=False)
    return _SVD.apply(A, False)[1]


class _Eigh(Function):
    @staticmethod
    def forward(ctx, a, uplo):
        values, vectors = _call("eigh", lambda np, x: tuple(np.linalg.eigh(x, uplo)), a)
        ctx.save_for_backward(values, vectors)
        ctx.set_materialize_grads(False)
        return values, vectors

    @staticmethod
    def backward(ctx, grad_values, grad_vectors):
        values, v = ctx.saved_tensors
        middle = None if grad_values is None else _ops["diag_embed"](grad_values)
        if grad_vectors is not None:
            inner = v.mT @ grad_vectors
            term = (inner - inner.mT) / (2 * _differences(values))
            middle = term if middle is None else middle + term
        return (None if middle is None else v @ middle @ v.mT), None


@one_op(cpu="float32", cuda="float32")
def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """The eigenvalues, in rising order, and eigenvectors (columns) of symmetric matrices, of which the lower
    ('L') or upper ('U') triangle is read. The gradient is that of A as a symmetric matrix.

    >>> plait.linalg.eigh(plait.tensor([[0.0, 1.0], [1.0, 0.0]])).eigenvalues
    tensor([-1.,  1.])
    """
    _check("eigh", A)
    if UPLO.upper() not in ("L", "U"):
        raise ValueError(f"linalg.eigh: expected UPLO 'L' or 'U', got '{UPLO}'")
    return Eigh(*_Eigh.apply(A, UPLO.upper()))


@one_op(cpu="float32", cuda="float32")
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, in rising order."""
    return eigh(A, UPLO).eigenvalues


# ---- least squares


class _Pinv(Function):
    @staticmethod
    def forward(ctx, a, rtol):
        out = _call("pinv", lambda np, x: np.linalg.pinv(x, rtol), a)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        # Golub and Pereyra 1973, eq. 4.12, for matrices of locally constant rank.
        a, p = ctx.saved_tensors
        g, pt = grad.mT, p.mT
        if a.shape[-2] <= a.shape[-1]:
            k = g @ p
            kp = k @ pt
            return -(p @ k).mT + kp - (a @ p) @ kp + (pt @ p) @ (g - k @ a), None
        k = p @ g
        pk = pt @ k
        return -(k @ p).mT + (g - a @ k) @ p @ pt + pk - (pk @ p) @ a, None


@one_op(cpu="float32", cuda="float32")
def pinv(A: Tensor, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """The Moore-Penrose inverse; singular values below rtol (max(m, n) epsilon) times the largest count as
    zero. Its gradient is that of matrices of the same rank.

    >>> plait.linalg.pinv(plait.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    _check("pinv", A, square=hermitian)
    if rtol is None:
        from ._numeric_limits import finfo

        rtol = max(A.shape[-2:]) * finfo(A.dtype).eps
    if 0 in A.shape:
        return A.new_zeros((*A.shape[:-2], A.shape[-1], A.shape[-2])) + 0 * A.mT
    return _Pinv.apply(A, rtol)


@one_op(cpu="float32", cuda="float32")
def matrix_rank(A: Tensor, *, rtol: float | None = None) -> Tensor:
    """The number of singular values above rtol (max(m, n) epsilon) times the largest."""
    _check("matrix_rank", A, square=False)
    from ._numeric_limits import finfo

    rtol = max(A.shape[-2:]) * finfo(A.dtype).eps if rtol is None else rtol
    s = svdvals(A.detach())
    if s.shape[-1] == 0:
        return s.sum(-1).to(_C.int64)
    return (s > rtol * s.amax(-1, True)).sum(-1)


@one_op(cpu="float32", cuda="float32")
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """X of the least |A X - B|, by the pseudo-inverse: (solution, residuals, rank, singular_values). The
    residuals are the squared norms of B's columns, where m > n and A is of full rank, else empty.

    >>> a, b = plait.tensor([[1.0], [0.0]]), plait.tensor([[3.0], [2.0]])
    >>> plait.linalg.lstsq(a, b).residuals
    tensor([4.])
    """
    _check("lstsq", A, square=False)
    vector = B.dim() == A.dim() - 1
    if vector:
        B = B.unsqueeze(-1)
    _check("lstsq", B, square=False, name="B")
    if A.shape[-2] != B.shape[-2]:
        raise ValueError(f"linalg.lstsq: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    solution = pinv(A, rcond) @ B
    rank = matrix_rank(A, rtol=rcond)
    full = A.shape[-2] > A.shape[-1] and bool((rank == A.shape[-1]).all())
    residuals = ((A @ solution - B) ** 2).sum(-2) if full else A.new_empty((0,))
    return Lstsq(solution.squeeze(-1) if vector else solution, residuals, rank, svdvals(A.detach()))


# ---- powers


def matrix_power(A: Tensor, n: int) -> Tensor:
    """The n-th power of square matrices; of their inverses where n is negative.

    >>> plait.linalg.matrix_power(plait.tensor([[1.0, 1.0], [0.0, 1.0]]), 5)
    tensor([[1., 5.],
            [0., 1.]])
    """
    if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
        raise ValueError(f"linalg.matrix_power: expected square matrices, got {tuple(A.shape)}")
    if n < 0:
        return matrix_power(inv(A), -n)
    if n == 0:
        one = _ops["eye"](A.shape[-1], dtype=A.dtype, device=A.device)
        return one.expand(A.shape).clone()
    result, square = None, A
    while n:
        if n & 1:
            result = square if result is None else result @ square
        n >>= 1
        if n:
            square = square @ square
    assert result is not None
    return result


@one_op(cpu="float32", cuda="float32")
def matrix_exp(A: Tensor) -> Tensor:
    """The exponentials of square matrices: by squaring that of A / 2^s, of norm 1/2 at most, which 18 terms
    of its power series give to the last digit (Moler and Van Loan 2003, method 3).

    >>> plait.linalg.matrix_exp(plait.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    _check("matrix_exp", A)
    n = A.shape[-1]
    one = _ops["eye"](n, dtype=A.dtype, device=A.device).expand(A.shape)
    if A.numel() == 0:
        return A.clone()
    largest = A.detach().abs().sum(-2).amax().item()
    if not largest < float("inf"):
        return A * float("nan")
    squarings = 0
    while largest > 0.5:
        largest, squarings = largest / 2, squarings + 1
    scaled = A / 2.0**squarings
    result = one
    for k in range(18, 0, -1):
        result = one + (scaled @ result) / k
    for _ in range(squarings):
        result = result @ result
    return result


@one_op(cpu="float32", cuda="float32")
def householder_product(A: Tensor, tau: Tensor) -> Tensor:
    """The first k columns of H_1 ... H_k with H_i = 1 - tau_i v_i v_i^T, where v_i is 0 above row i, 1 in it
    and column i of A (..., m, k) below: LAPACK's form of the Q of a QR decomposition.

    >>> plait.linalg.householder_product(plait.zeros(2, 1), plait.tensor([2.0]))
    tensor([[-1.],
            [ 0.]])
    """
    _check("householder_product", A, square=False)
    rows, columns = A.shape[-2:]
    if columns > rows or tau.shape != (*A.shape[:-2], columns):
        raise ValueError(
            "linalg.householder_product: expected A (..., m, k) with m >= k and tau (..., k), got "
            f"{tuple(A.shape)} and {tuple(tau.shape)}"
        )
    one = _ops["eye"](rows, dtype=A.dtype, device=A.device)[:, :columns]
    reflectors = A.tril(-1) + one
    result = one.expand(A.shape)
    for i in reversed(range(columns)):
        v = reflectors[..., i : i + 1]
        result = result - tau[..., i, None, None] * v @ (v.mT @ result)
    return result


for _name in __all__:
    if _name in globals() and type(globals()[_name]) is type(_check):  # ops ask by themselves
        globals()[_name] = overridable(globals()[_name])


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
    from . import _factorizations

    found = globals()[name] = getattr(_factorizations, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
