"""lobpcg: the largest or smallest eigenvalues of a symmetric matrix, by products with it."""

from __future__ import annotations

from types import SimpleNamespace

import plait

from ._autocast import one_op
from ._C import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._C import Tensor

__all__ = ["lobpcg"]


@one_op(cpu="float32", cuda="float32")
def lobpcg(
    A: Tensor,
    k: int | None = None,
    B: Tensor | None = None,
    X: Tensor | None = None,
    n: int | None = None,
    iK: Tensor | None = None,
    niter: int | None = None,
    tol: float | None = None,
    largest: bool | None = None,
    method: str | None = None,
    tracker: Callable[[Any], None] | None = None,
    ortho_iparams: Any = None,
    ortho_fparams: Any = None,
    ortho_bparams: Any = None,
) -> tuple[Tensor, Tensor]:
    """The k largest (`largest=False`: smallest) eigenvalues (..., k) and the eigenvectors (..., m, k) of
    symmetric matrices A (..., m, m): A X = B X diag(E), where B, the identity unless given, is positive
    definite (Knyazev 2001, with an orthonormal basis as of Duersch et al. 2018).

    The search begins with the n columns of X (..., m, n), random ones unless given; n is k unless given, k is
    n or 1. iK (..., m, m), close to the inverse of A, makes it converge faster. It ends where the residuals
    of all k relative to the matrices are below `tol`, the square root of the dtype's eps, or after `niter`
    (1000; -1: any number of) steps. `tracker` is called in each step with the state: `A`, `B`, `iK`, `E`,
    `X`, `R` and the dictionaries `iparams`, `fparams`, `bparams`, `ivars`, `fvars`, `bvars`, `tvars`; with
    bvars["force_stop"] = True it ends the search. Both methods, "ortho" and "basic", are one, which has no
    further parameters. Derivatives, of the first order and without B, take the k eigenvalues to be simple.
    Dtypes: float32, float64 and complex ones. Raises ValueError where m < 3 n: `plait.linalg.eigh` is there.

    >>> A = plait.diag(plait.arange(1.0, 10.0))
    >>> plait.lobpcg(A, k=2)[0].round()
    tensor([9., 8.])
    """
    if A.dim() < 2 or A.shape[-2] != A.shape[-1]:
        raise ArgumentError(f"lobpcg: expected square matrices A (..., m, m), got shape {tuple(A.shape)}")
    if A.dtype not in (plait.float32, plait.float64, plait.complex64, plait.complex128):
        raise TypeError(f"lobpcg: expected A of float32, float64 or complex, got {A.dtype}")
    m = A.shape[-1]
    for name, given in (("B", B), ("iK", iK)):
        if given is not None and given.shape != A.shape:
            raise ArgumentError(
                f"lobpcg: expected {name} of the shape of A, {tuple(A.shape)}, got {tuple(given.shape)}"
            )
    if X is not None and (X.dim() != A.dim() or X.shape[:-1] != A.shape[:-1]):
        raise ArgumentError(
            f"lobpcg: expected X of shape {(*A.shape[:-1], 'n')} for A of shape {tuple(A.shape)}, got "
            f"{tuple(X.shape)}"
        )
    k = (1 if X is None else X.shape[-1]) if k is None else k
    n = (k if n is None else n) if X is None else X.shape[-1]
    if not 1 <= k <= n:
        raise ArgumentError(f"lobpcg: expected 1 <= k <= n, got k={k} and n={n}")
    if m < 3 * n:
        raise ArgumentError(
            f"lobpcg: is not applicable where A has fewer rows, {m}, than 3 n = {3 * n}; use "
            "plait.linalg.eigh"
        )
    if method not in (None, "ortho", "basic"):
        raise ArgumentError(f"lobpcg: expected method 'ortho' or 'basic', got {method!r}")
    recorded = plait.is_grad_enabled() and (A.requires_grad or (B is not None and B.requires_grad))
    if recorded and B is not None:
        raise NotImplementedError("lobpcg: derivatives with B are not there; detach A and B")
    options = {
        "k": k,
        "niter": 1000 if niter is None else niter,
        "tol": plait.finfo(A.dtype).eps ** 0.5 if tol is None else tol,
        "largest": largest is None or largest,
        "tracker": tracker,
    }
    with plait.no_grad():
        parts = [None if t is None else t.detach().reshape(-1, m, t.shape[-1]) for t in (A, B, iK, X)]
        pairs = [
            _search([None if part is None else part[i] for part in parts], n, options)
            for i in range(A[..., 0, 0].numel())
        ]
        dtype = A.real.dtype if A.is_complex() else A.dtype
        E, V = A.new_empty((0, k), dtype=dtype), A.new_empty((0, m, k))
        if pairs:
            E, V = (plait.stack(each) for each in zip(*pairs))
        E, V = E.reshape(*A.shape[:-2], k), V.reshape(*A.shape[:-2], m, k)
    if recorded:
        return _with_history((A + A.mH) / 2, E, V)
    return E, V


def _orthonormal(S: Tensor, B: Tensor | None) -> Tensor:
    """Columns that span what those of S do, orthonormal with respect to B: by their Gram matrix, twice."""
    for _ in range(2):
        norms = (S.conj() * (S if B is None else B @ S)).sum(0).abs().sqrt()
        S = S[:, norms > 0] / norms[norms > 0]
        values, vectors = plait.linalg.eigh(S.mH @ (S if B is None else B @ S))
        if not values.numel():
            return S
        kept = values > plait.finfo(S.dtype).eps * len(values) * values[-1]
        S = S @ (vectors[:, kept] / values[kept].sqrt())
    return S


def _search(given: Any, n: int, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The eigenpairs of one matrix; given: A, B, iK and X."""
    A, B, iK, X = given
    k, tol, largest, tracker = (options[name] for name in ("k", "tol", "largest", "tracker"))
    m = A.shape[-1]

    def ritz(S: Tensor) -> tuple[Tensor, Tensor]:
        """The n wanted eigenvalues within the space of orthonormal columns, and their coordinates."""
        values, vectors = plait.linalg.eigh(S.mH @ (A @ S))
        if largest:
            values, vectors = values.flip(0), vectors.flip(1)
        return values[:n], vectors[:, :n]

    start = plait.randn((m, n), dtype=A.dtype, device=A.device) if X is None else X
    start = _orthonormal(start, B)
    if start.shape[1] < n:
        raise ArgumentError("lobpcg: expected X with columns that do not depend on one another")
    A_norm = float((A @ start).norm() / start.norm())
    B_norm = 1.0 if B is None else float((B @ start).norm() / start.norm())
    E, C = ritz(start)
    X = start @ C
    P = X[:, :0]  # the last step
    state = SimpleNamespace(
        A=A, B=B, iK=iK, iparams={"m": m, "n": n, "k": k, "niter": options["niter"]},
        fparams={"tol": tol}, bparams={"largest": largest}, fvars={"A_norm": A_norm, "B_norm": B_norm},
        ivars={"istep": 0, "converged_count": 0}, bvars={"force_stop": False}, tvars={},
    )  # fmt: skip
    step = 0
    while True:
        R = A @ X - (X if B is None else B @ X) * E
        error = R.norm(dim=0) / (X.norm(dim=0) * (A_norm + E.abs() * B_norm))
        open_ = ~(error < tol)
        converged = int((~open_).cumprod(0).sum())
        state.E, state.X, state.R = E, X, R
        state.ivars["istep"], state.ivars["converged_count"], state.tvars["rerr"] = step, converged, error
        if tracker is not None:
            tracker(state)
        if converged >= k or step == options["niter"] or state.bvars["force_stop"]:
            return E[:k], X[:, :k]
        W = R[:, open_]
        Z = plait.cat([W if iK is None else iK @ W, P], 1)
        for _ in range(2):
            Z = Z - X @ (X.mH @ (Z if B is None else B @ Z))
            Z = _orthonormal(Z, B)
        if Z.shape[1] == 0:  # X spans an invariant space
            return E[:k], X[:, :k]
        E, C = ritz(plait.cat([X, Z], 1))
        P = Z @ C[n:]
        X = X @ C[:n] + P
        step += 1


_function: Any = None


def _with_history(A: Tensor, E: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
    """The eigenpairs with their derivatives: dE = diag(X^H dA X), dx = (e - A)^+ dA x for each x."""
    global _function
    if _function is None:

        class LobpcgFunction(plait.autograd.Function):
            @staticmethod
            def forward(ctx: Any, A: Tensor, E: Tensor, X: Tensor) -> tuple[Tensor, Tensor]:
                ctx.save_for_backward(A, E, X)
                return E.clone(), X.clone()

            @staticmethod
            @plait.autograd.function.once_differentiable
            def backward(ctx: Any, of_E: Tensor, of_X: Tensor) -> tuple[Tensor, None, None]:
                A, E, X = ctx.saved_tensors
                x = X.mT.unsqueeze(-1)  # (..., k, m, 1)
                g = of_X.mT.unsqueeze(-1)
                g = g - x @ (x.mH @ g)
                unit = plait.eye(A.shape[-1], dtype=A.dtype, device=A.device)
                # Regular, and that of e - A beside x, where g is.
                shifted = E[..., None, None] * unit - A.unsqueeze(-3) + A.norm() * (x @ x.mH)
                turns = plait.linalg.solve(shifted, g) @ x.mH
                return (X * of_E.unsqueeze(-2)) @ X.mH + turns.sum(-3), None, None

        _function = LobpcgFunction
    return _function.apply(A, E, X)
