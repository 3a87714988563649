"""Points that fill a cube more evenly than random ones: Sobol's sequence."""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from plait import Tensor

__all__ = ["SobolEngine"]


class SobolEngine:
    """Draws the points of Sobol's sequence in [0, 1) ^ dimension, with the direction numbers of Joe and Kuo
    (2008), by SciPy, which must be installed.

    With `scramble` they are scrambled (Owen 1998; Matousek 1998): random points that are as even. `seed`
    makes them the same again; without one it comes from plait's generator. Raises ValueError for a dimension
    beyond 1 to 21201, ImportError without SciPy.

    >>> engine = plait.quasirandom.SobolEngine(dimension=2)
    >>> engine.draw(3)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.7500, 0.2500]])
    >>> engine.reset().fast_forward(2).draw()
    tensor([[0.7500, 0.2500]])
    """

    MAXBIT = 30
    MAXDIM = 21201

    def __init__(self, dimension: int, scramble: bool = False, seed: int | None = None):
        if not 1 <= dimension <= self.MAXDIM:
            raise ValueError(f"SobolEngine: expected a dimension from 1 to {self.MAXDIM}, got {dimension}")
        try:
            from scipy.stats import qmc
        except ImportError as error:
            raise ImportError("SobolEngine: needs SciPy's direction numbers; pip install scipy") from error
        self.dimension, self.scramble, self.seed = dimension, scramble, seed
        drawn = seed
        if scramble and seed is None:
            drawn = int(plait.randint(2**62, ()))
        self._engine: Any = qmc.Sobol(dimension, scramble=scramble, bits=self.MAXBIT, seed=drawn)

    @property
    def num_generated(self) -> int:
        """How many points have been drawn, or passed over."""
        return self._engine.num_generated

    def draw(self, n: int = 1, out: Tensor | None = None, dtype: plait.dtype | None = None) -> Tensor:
        """The next n points, (n, dimension), of the default dtype unless given."""
        import warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of numbers of points that are no powers of 2
            points = self._engine.random(n)
        result: Any = plait.from_numpy(points).to(dtype or plait.get_default_dtype())
        if out is None:
            return result
        into: Any = out
        return into.resize_(result.shape).copy_(result)

    def draw_base2(self, m: int, out: Tensor | None = None, dtype: plait.dtype | None = None) -> Tensor:
        """The next 2^m points; all drawn with them must be a power of 2, so that they are balanced."""
        n = 2**m
        total = self.num_generated + n
        if total & (total - 1):
            raise ValueError(
                f"SobolEngine.draw_base2: {self.num_generated} points have been drawn, {n} more make "
                f"{total}, which is no power of 2; use draw(), or reset() first"
            )
        return self.draw(n, out=out, dtype=dtype)

    def reset(self) -> SobolEngine:
        """Goes back to the first point, and returns self."""
        self._engine.reset()
        return self

    def fast_forward(self, n: int) -> SobolEngine:
        """Passes over n points, and returns self."""
        self._engine.fast_forward(n)
        return self

    def __repr__(self) -> str:
        seed = f", seed={self.seed}" if self.seed is not None else ""
        return f"SobolEngine(dimension={self.dimension}{', scramble=True' if self.scramble else ''}{seed})"
