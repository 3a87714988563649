"""Linear algebra: norms, products, and decompositions with gradients.

Dtypes: float32, float64, complex64, complex128, over any batch dimensions. On the CPU decompositions are
LAPACK's, which NumPy brings (the environment variable PLAIT_LAPACK names another library). CUDA tensors are
decomposed on their device by cuSOLVER, where a CUDA toolkit or the package nvidia-cusolver brings that
library; without it the tensor is copied to the CPU and the result back. What can fail is waited for, to raise
LinAlgError here and not later: all but `solve_triangular`, `qr`, `lu`, `lu_factor`, `lu_solve`, `det`,
`slogdet`, `householder_product` and those that return `info`. Derivatives are plait ops on both devices, so
that higher derivatives follow.

>>> a = plait.tensor([[2.0, 0.0], [0.0, 4.0]])
>>> plait.linalg.inv(a)
tensor([[0.5000, 0.0000],
        [0.0000, 0.2500]])
"""

from __future__ import annotations

from collections import namedtuple
from importlib import import_module

from . import _C, _lapack
from ._autocast import one_op
from ._lapack import LinAlgError
from ._norms import cross, diagonal, matmul, matrix_norm, norm, vecdot, vector_norm
from ._out import with_out
from .autograd.function import Function

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
        householder_product,
        inv_ex,
        lu,
        lu_factor,
        lu_factor_ex,
        lu_solve,
        matrix_exp,
        multi_dot,
        solve_ex,
        tensorinv,
        tensorsolve,
        vander,
    )
    from ._ldl import ldl_factor, ldl_factor_ex, ldl_solve
    from ._least_squares import lstsq, matrix_rank, pinv

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
    "ldl_factor",
    "ldl_factor_ex",
    "ldl_solve",
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
_largest_info = _C._largest_info

# What is loaded when it is asked for; what else is not here is in _factorizations.
_ELSEWHERE = {
    **dict.fromkeys(("ldl_factor", "ldl_factor_ex", "ldl_solve"), "_ldl"),
    **dict.fromkeys(("lstsq", "matrix_rank", "pinv"), "_least_squares"),
}

Eigh = namedtuple("Eigh", ("eigenvalues", "eigenvectors"))
QR = namedtuple("QR", ("Q", "R"))
SVD = namedtuple("SVD", ("U", "S", "Vh"))
Slogdet = namedtuple("Slogdet", ("sign", "logabsdet"))


_check = _C._check_matrices  # (who, a, square=True, name="A"): raises unless `a` are such matrices
_tape = _C._records  # (*arguments): will a derivative be asked for?


class _NoTape:
    """In the place of `ctx` where nothing is recorded: it keeps nothing."""

    def save_for_backward(self, *tensors: Tensor) -> None:
        pass

    mark_non_differentiable = set_materialize_grads = save_for_backward


_no_tape = _NoTape()


def _applied(function: type[Function], *args: Any) -> Any:
    """The function's results, recorded where a derivative will be asked for."""
    return function.apply(*args) if _tape(*args) else function.forward(_no_tape, *args)


def _where_good(result: Tensor, info: Tensor, other: float | Callable[[], Tensor]) -> Tensor:
    """`other`, or what it makes, in the place of what matrices gave that have no such decomposition."""
    if not info.is_cuda and _largest_info(info) == 0:
        return result
    return _ops["where"](info[..., None, None] == 0, result, other() if callable(other) else other)


def _same_phase(who: str, changes: Tensor, *gradients: Tensor | None) -> None:
    """Vectors are unique up to a factor of absolute value 1 each: nothing may change with it, but for the
    gradients' rounding.
    """
    if changes.numel() == 0:
        return
    largest = sum(g.detach().abs().amax() for g in gradients if g is not None)
    if bool((changes.detach().abs() > 1e-2 * (1 + largest)).any()):
        raise LinAlgError(
            f"linalg.{who}: backward of a function that depends on the phases of complex vectors, which are "
            "arbitrary: take absolute values, or products in which a factor of absolute value 1 drops out"
        )


# ---- systems of equations


class _Inverse(Function):
    """The inverse, and info. `strict`: raises where there is none, for which there are zeros otherwise."""

    @staticmethod
    def forward(ctx, who, a, strict):
        out, info = _lapack.inv(a)
        if strict:
            _lapack.check(who, info, _lapack.SINGULAR, a)
        else:
            out = _where_good(out, info, 0.0)
        ctx.save_for_backward(out)
        ctx.mark_non_differentiable(info)
        return out, info

    @staticmethod
    def backward(ctx, grad, _):
        (inverse,) = ctx.saved_tensors
        turned = inverse.mH
        return None, -(turned @ grad @ turned), None


@with_out
@one_op(cpu="float32", cuda="float32")
def inv(A: Tensor, *, out: Any = None) -> Tensor:
    """The inverses of square matrices (..., n, n). Raises LinAlgError for a singular one.

    >>> plait.linalg.inv(plait.tensor([[0.0, 2.0], [1.0, 0.0]]))
    tensor([[0.0000, 1.0000],
            [0.5000, 0.0000]])
    """
    _check("inv", A)
    return _applied(_Inverse, "inv", A, True)[0]


class _Solve(Function):
    """X and info, of A (..., n, n) and B (..., n, k) with the same batch. `strict` as of _Inverse."""

    @staticmethod
    def forward(ctx, who, a, b, strict):
        out, info, packed, pivots = _lapack.solve(a, b)
        if strict:
            _lapack.check(who, info, _lapack.SINGULAR, a)
            ctx.save_for_backward(a, out, info, packed, pivots)
        else:
            out = _where_good(out, info, 0.0)
            ctx.save_for_backward(a, out, info, None, None)
        ctx.mark_non_differentiable(info)
        ctx.who, ctx.strict = who, strict
        return out, info

    @staticmethod
    def backward(ctx, grad, _):
        a, out, info, packed, pivots = ctx.saved_tensors
        if packed is not None and not _C.is_grad_enabled():
            grad_b = _lapack.lu_solve(packed, pivots, grad, True)
        else:
            if not ctx.strict:
                a = _where_good(a, info, _ops["eye"](a.shape[-1], dtype=a.dtype, device=a.device))
            grad_b, _ = _applied(_Solve, ctx.who, a.mH, grad, True)
        return None, (-(grad_b @ out.mH) if ctx.needs_input_grad[1] else None), grad_b, None


class _SolveTriangular(Function):
    """The same for triangular A, without info."""

    @staticmethod
    def forward(ctx, a, b, upper, unit):
        out = _lapack.solve_triangular(a, b, upper, unit)
        ctx.save_for_backward(a, out)
        ctx.upper, ctx.unit = upper, int(unit)
        return out

    @staticmethod
    def backward(ctx, grad):
        a, out = ctx.saved_tensors
        grad_b = _applied(_SolveTriangular, a.mH, grad, not ctx.upper, bool(ctx.unit))
        if not ctx.needs_input_grad[0]:
            return None, grad_b, None, None
        full = -(grad_b @ out.mH)
        return (full.triu(ctx.unit) if ctx.upper else full.tril(-ctx.unit)), grad_b, None, None


def _same_batch(who: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    if a.dtype is not b.dtype:
        raise TypeError(f"linalg.{who}: expected one dtype, got A of {a.dtype} and B of {b.dtype}")
    if a.shape[:-2] == b.shape[:-2]:
        return a, b
    from ._functions import broadcast_shapes

    try:
        batch = tuple(broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2])))
    except RuntimeError as error:
        raise ValueError(
            f"linalg.{who}: the batches of A {tuple(a.shape)} and B {tuple(b.shape)} do not broadcast"
        ) from error
    return a.expand((*batch, *a.shape[-2:])), b.expand((*batch, *b.shape[-2:]))


@with_out
@one_op(cpu="float32", cuda="float32")
def solve(A: Tensor, B: Tensor, *, left: bool = True, out: Any = None) -> Tensor:
    """X with A X = B, or X A = B where not `left`; B is a matrix (..., n, k), or vectors of shape
    A.shape[:-1]. Raises LinAlgError where A is singular.

    >>> plait.linalg.solve(plait.tensor([[2.0, 0.0], [0.0, 4.0]]), plait.tensor([2.0, 2.0]))
    tensor([1.0000, 0.5000])
    """
    return _solved("solve", A, B, left, True)[0]


def _solved(who: str, A: Tensor, B: Tensor, left: bool, strict: bool) -> tuple[Tensor, Tensor]:
    """X, and info."""
    _check(who, A)
    vector = B.dim() == 1 or (B.dim() == A.dim() - 1 and B.shape == A.shape[:-1])
    if vector:
        if not left:
            raise ValueError(f"linalg.{who}: with left=False B should be a matrix, got a vector; use A.mT")
        out, info = _solved(who, A, B.unsqueeze(-1), True, strict)
        return out.squeeze(-1), info
    _check(who, B, False, "B")
    if not left:
        out, info = _solved(who, A.mT, B.mT, True, strict)
        return out.mT, info
    if A.shape[-1] != B.shape[-2]:
        raise ValueError(f"linalg.{who}: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    return _applied(_Solve, who, *_same_batch(who, A, B), strict)


@with_out
@one_op(cpu="float32", cuda="float32")
def solve_triangular(
    A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False, out: Any = None
) -> Tensor:
    """X with A X = B (or X A = B where not `left`) for triangular A, of which only the triangle is read;
    `unitriangular`: with ones on its diagonal. A zero there gives infinities or NaN.

    >>> a = plait.tensor([[1.0, 0.0], [1.0, 2.0]])
    >>> plait.linalg.solve_triangular(a, plait.tensor([[1.0], [3.0]]), upper=False)
    tensor([[1.],
            [1.]])
    """
    _check("solve_triangular", A)
    _check("solve_triangular", B, False, "B")
    if not left:
        return _substituted("solve_triangular", A.mT, B.mT, not upper, unitriangular).mT
    return _substituted("solve_triangular", A, B, upper, unitriangular)


def _substituted(who: str, A: Tensor, B: Tensor, upper: bool, unit: bool = False) -> Tensor:
    """X with A X = B for triangular A."""
    if A.shape[-1] != B.shape[-2]:
        raise ValueError(f"linalg.{who}: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    return _applied(_SolveTriangular, *_same_batch(who, A, B), upper, unit)


class _Cholesky(Function):
    """L, and info. `strict` as of _Inverse, with identities for what has no factor."""

    @staticmethod
    def forward(ctx, who, a, strict):
        out, info = _lapack.cholesky(a)
        if strict:
            _lapack.check(who, info, _lapack.NOT_POSITIVE, a)
        else:
            out = _where_good(out, info, lambda: _ops["eye"](a.shape[-1], dtype=a.dtype, device=a.device))
        ctx.save_for_backward(out)
        ctx.mark_non_differentiable(info)
        return out, info

    @staticmethod
    def backward(ctx, grad, _):
        # Murray 2016, "Differentiation of the Cholesky decomposition", eq. 10.
        (lower,) = ctx.saved_tensors
        middle = (lower.mH @ grad).tril()
        middle = middle - 0.5 * _ops["diag_embed"](middle.diagonal(0, -2, -1))
        turned = solve_triangular(lower.mH, middle, upper=True)
        full = solve_triangular(lower, turned, upper=False, left=False)
        return None, 0.5 * (full + full.mH), None


@with_out
@one_op(cpu="float32", cuda="float32")
def cholesky(A: Tensor, *, upper: bool = False, out: Any = None) -> Tensor:
    """The lower triangular L with L L^H = A (or the upper L^H) of Hermitian positive-definite matrices, whose
    lower triangle is read. Raises LinAlgError for another one.

    >>> plait.linalg.cholesky(plait.tensor([[4.0, 2.0], [2.0, 2.0]]))
    tensor([[2., 0.],
            [1., 1.]])
    """
    _check("cholesky", A)
    lower, _ = _applied(_Cholesky, "cholesky", A, True)
    return lower.mH if upper else lower


# ---- determinants


class _Det(Function):
    @staticmethod
    def forward(ctx, a):
        out = _lapack.det(a)
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        a, out = ctx.saved_tensors
        if out.detach().abs().amin().item() > 0 if out.numel() else True:
            return (grad * out.conj())[..., None, None] * inv(a).mH
        if _C.is_grad_enabled() and grad.requires_grad:
            raise LinAlgError("linalg.det: the second derivative of a singular matrix is not implemented")
        # The matrix of cofactors, which singular matrices have too: by the singular value decomposition.
        u, s, vh = svd(a.detach())
        n = s.shape[-1]
        others = s.unsqueeze(-2).expand((*s.shape[:-1], n, n))
        one = _ops["eye"](n, dtype=_C.bool, device=a.device)
        products = others.masked_fill(one, 1.0).prod(-1)
        cofactors = (u * products.unsqueeze(-2)) @ vh
        return (grad * (det(u) * det(vh)).conj())[..., None, None] * cofactors


@with_out
@one_op(cpu="float32", cuda="float32")
def det(A: Tensor, *, out: Any = None) -> Tensor:
    """The determinants of square matrices.

    >>> plait.linalg.det(plait.tensor([[2.0, 0.0], [0.0, 4.0]]))
    tensor(8.)
    """
    _check("det", A)
    return _applied(_Det, A)


class _Slogdet(Function):
    @staticmethod
    def forward(ctx, a):
        sign, log = _lapack.slogdet(a)
        ctx.save_for_backward(a, sign)
        if not a.is_complex():
            ctx.mark_non_differentiable(sign)
        return sign, log

    @staticmethod
    def backward(ctx, grad_sign, grad):
        # d log det = tr(A^-1 dA), whose imaginary part turns the sign.
        a, sign = ctx.saved_tensors
        if a.is_complex():
            grad = _ops["complex"](grad, (grad_sign * sign.conj()).imag)
        return grad[..., None, None] * inv(a).mH


@with_out
@one_op(cpu="float32", cuda="float32")
def slogdet(A: Tensor, *, out: Any = None) -> Slogdet:
    """The signs (of complex matrices numbers of absolute value 1) and the logarithms of the absolute values
    of determinants: (0, -inf) for a singular matrix.

    >>> plait.linalg.slogdet(plait.tensor([[1.0, 0.0], [0.0, -1.0]])).sign
    tensor(-1.)
    """
    _check("slogdet", A)
    return Slogdet(*_applied(_Slogdet, A))


# ---- decompositions


class _QR(Function):
    """The reduced decomposition of tall or square matrices."""

    @staticmethod
    def forward(ctx, a):
        q, r = _lapack.qr(a, "reduced")
        ctx.save_for_backward(q, r)
        return q, r

    @staticmethod
    def backward(ctx, grad_q, grad_r):
        # Walter and Lehmann 2018, "Algorithmic differentiation of linear algebra functions".
        q, r = ctx.saved_tensors
        m = r @ grad_r.mH - grad_q.mH @ q
        below = m.tril(-1)
        middle = m.diagonal(0, -2, -1)
        if m.is_complex():  # of which R's diagonal, being real, takes half
            middle = middle.real.to(m.dtype)
        symmetric = below + below.mH + _ops["diag_embed"](middle)
        return solve_triangular(r.mH, grad_q + q @ symmetric, upper=False, left=False)


@with_out
@one_op(cpu="float32", cuda="float32")
def qr(A: Tensor, mode: str = "reduced", *, out: Any = None) -> QR:
    """A = Q R with orthonormal columns Q and upper triangular R: 'reduced' to min(m, n) columns, 'complete'
    (without gradient where m > n), or 'r' alone (Q is empty).

    >>> plait.linalg.qr(plait.eye(3)[:, :2]).Q.shape
    plait.Size([3, 2])
    """
    _check("qr", A, False)
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"linalg.qr: expected mode 'reduced', 'complete' or 'r', got '{mode}'")
    rows, columns = A.shape[-2:]
    if mode == "complete" and rows > columns:
        if A.requires_grad and _C.is_grad_enabled():
            raise LinAlgError("linalg.qr: mode 'complete' has no gradient for tall A; use mode='reduced'")
        return QR(*_lapack.qr(A, "complete"))
    if not _tape(A):
        return QR(*_lapack.qr(A, "r" if mode == "r" else "reduced"))
    if rows >= columns:
        q, r = _QR.apply(A)
    else:
        q, first = _QR.apply(A[..., :rows])
        r = _ops["cat"]([first, q.mH @ A[..., rows:]], -1)
    return QR(A.new_empty((0,)), r) if mode == "r" else QR(q, r)


def _without_diagonal(a: Tensor) -> Tensor:
    return a.masked_fill(_ops["eye"](a.shape[-1], dtype=_C.bool, device=a.device), 0.0)


def _differences(values: Tensor) -> Tensor:
    """values[j] - values[i], and 1 on the diagonal."""
    difference = values.unsqueeze(-2) - values.unsqueeze(-1)
    one = _ops["eye"](values.shape[-1], dtype=_C.bool, device=values.device)
    return difference.masked_fill(one, 1.0)


class _SVD(Function):
    """The decomposition, with all of U and Vh where `full`."""

    @staticmethod
    def forward(ctx, who, a, full):
        u, s, vh = _lapack.svd(who, a, full)
        ctx.save_for_backward(u, s, vh)  # whole: parts made here would be constants
        ctx.set_materialize_grads(False)
        ctx.who = who
        return u, s, vh

    @staticmethod
    def backward(ctx, grad_u, grad_s, grad_vh):
        # Townsend 2016, "Differentiating the singular value decomposition".
        u, s, vh = ctx.saved_tensors
        k = s.shape[-1]
        u, vh = u[..., :k], vh[..., :k, :]
        grad_u = None if grad_u is None else grad_u[..., :k]
        grad_vh = None if grad_vh is None else grad_vh[..., :k, :]
        middle = None if grad_s is None else _ops["diag_embed"](grad_s).to(u.dtype)
        turns: Tensor | None = None  # of the phases of both vectors together
        if grad_u is not None or grad_vh is not None:
            gaps = _differences(s * s)
            if grad_u is not None:
                inner = u.mH @ grad_u
                inner = inner - inner.mH
                term = _without_diagonal(inner) / gaps * s.unsqueeze(-2)
                middle = term if middle is None else middle + term
                turns = inner.diagonal(0, -2, -1)
                if u.is_complex() and grad_vh is not None:
                    middle = middle + _ops["diag_embed"](turns / (2 * s))
            if grad_vh is not None:
                inner = vh @ grad_vh.mH
                inner = inner - inner.mH
                term = s.unsqueeze(-1) * (_without_diagonal(inner) / gaps)
                middle = term if middle is None else middle + term
                also = inner.diagonal(0, -2, -1)
                turns = also if turns is None else turns + also
            if turns is not None and u.is_complex():
                _same_phase(ctx.who, turns, grad_u, grad_vh)
        if middle is None:
            return None, None, None
        result = u @ middle @ vh
        if grad_u is not None and u.shape[-2] > u.shape[-1]:
            outside = grad_u / s.unsqueeze(-2)
            result = result + (outside - u @ (u.mH @ outside)) @ vh
        if grad_vh is not None and vh.shape[-1] > vh.shape[-2]:
            outside = grad_vh / s.unsqueeze(-1)
            result = result + u @ (outside - (outside @ vh.mH) @ vh)
        return None, result, None


@with_out
@one_op(cpu="float32", cuda="float32")
def svd(A: Tensor, full_matrices: bool = True, *, out: Any = None) -> SVD:
    """A = U diag(S) Vh, with the singular values in falling order.

    Gradients of U and Vh are those of a function that does not depend on the vectors' signs or phases (that
    of another one of complex matrices raises LinAlgError in backward), and grow without bound where singular
    values come near each other. What `full_matrices` adds for matrices that are not square, a basis of which
    only the span is given, passes no gradient on.

    >>> plait.linalg.svd(plait.tensor([[3.0, 0.0], [0.0, 4.0]])).S
    tensor([4., 3.])
    """
    return SVD(*_decomposed(A, full_matrices))


def _decomposed(A: Tensor, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and Vh."""
    _check("svd", A, False)
    return (_SVD.apply if _tape(A) else _lapack.svd)("svd", A, full)


@with_out
@one_op(cpu="float32", cuda="float32")
def svdvals(A: Tensor, *, out: Any = None) -> Tensor:
    """The singular values, in falling order."""
    _check("svdvals", A, False)
    return _SVD.apply("svdvals", A, False)[1] if _tape(A) else _lapack.svd("svdvals", A, False, False)[1]


class _Eigh(Function):
    @staticmethod
    def forward(ctx, who, a, upper):
        values, vectors = _lapack.eigh(who, a, upper)
        ctx.save_for_backward(values, vectors)
        ctx.set_materialize_grads(False)
        ctx.who = who
        return values, vectors

    @staticmethod
    def backward(ctx, grad_values, grad_vectors):
        values, v = ctx.saved_tensors
        middle = None if grad_values is None else _ops["diag_embed"](grad_values).to(v.dtype)
        if grad_vectors is not None:
            inner = v.mH @ grad_vectors
            inner = inner - inner.mH
            if v.is_complex():
                _same_phase(ctx.who, inner.diagonal(0, -2, -1), grad_vectors)
            term = _without_diagonal(inner) / (2 * _differences(values))
            middle = term if middle is None else middle + term
        return None, (None if middle is None else v @ middle @ v.mH), None


_UPPER = {"L": False, "l": False, "U": True, "u": True}


def _is_upper(who: str, uplo: str) -> bool:
    if uplo not in _UPPER:
        raise ValueError(f"linalg.{who}: expected UPLO 'L' or 'U', got '{uplo}'")
    return _UPPER[uplo]


@with_out
@one_op(cpu="float32", cuda="float32")
def eigh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Eigh:
    """The eigenvalues, in rising order, and eigenvectors (columns) of symmetric or Hermitian matrices, of
    which the lower ('L') or upper ('U') triangle is read. The gradient is that of A as such a matrix; that of
    a function of complex vectors that depends on their phases raises LinAlgError in backward.

    >>> plait.linalg.eigh(plait.tensor([[0.0, 1.0], [1.0, 0.0]])).eigenvalues
    tensor([-1.,  1.])
    """
    _check("eigh", A)
    return Eigh(*(_Eigh.apply if _tape(A) else _lapack.eigh)("eigh", A, _is_upper("eigh", UPLO)))


@with_out
@one_op(cpu="float32", cuda="float32")
def eigvalsh(A: Tensor, UPLO: str = "L", *, out: Any = None) -> Tensor:
    """The eigenvalues of symmetric or Hermitian matrices, in rising order."""
    _check("eigvalsh", A)
    upper = _is_upper("eigvalsh", UPLO)
    if _tape(A):
        return _Eigh.apply("eigvalsh", A, upper)[0]
    return _lapack.eigh("eigvalsh", A, upper, False)[0]


# ---- powers


@with_out
def matrix_power(A: Tensor, n: int, *, out: Any = None) -> Tensor:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
    module = import_module("." + _ELSEWHERE.get(name, "_factorizations"), __package__)
    found = globals()[name] = getattr(module, name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
