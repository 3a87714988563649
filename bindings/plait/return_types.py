"""The types of results that have named fields: `plait.return_types.max` is that of `plait.max(x, dim)`.

>>> isinstance(plait.ones(2).sort(), plait.return_types.sort)
True
"""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# A call of each, since an op makes the type of its results at its first one.
_CALLS: dict[str, Any] = {
    **dict.fromkeys(("max", "min", "median", "nanmedian", "mode", "cummax", "cummin"), (0,)),
    **dict.fromkeys(("kthvalue", "topk"), (1,)),
    "aminmax": (),
    "frexp": (),
    "sort": (),
}
_MATRIX_CALLS = ("geqrf", "qr", "slogdet", "svd")
_LINALG_CALLS = (
    "cholesky_ex",
    "eig",
    "eigh",
    "inv_ex",
    "ldl_factor",
    "ldl_factor_ex",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "qr",
    "slogdet",
    "svd",
)
_PAIR_CALLS = ("lstsq", "solve_ex")  # of two matrices
_OTHER_CALLS = ("histogram", "histogramdd", "lu_unpack", "triangular_solve")

__all__ = [
    *_CALLS,
    *_MATRIX_CALLS,
    *(f"linalg_{name}" for name in (*_LINALG_CALLS, *_PAIR_CALLS)),
    *_OTHER_CALLS,
]


def _result_of(name: str) -> Any:
    one = plait.ones(1, 1)
    if name in _OTHER_CALLS:
        args = {"lu_unpack": plait.linalg.lu_factor(one), "triangular_solve": (one, one)}
        return getattr(plait, name)(*args.get(name, (one, 1)))
    function = getattr(plait.linalg, name.removeprefix("linalg_"))
    return function(one, one) if name.removeprefix("linalg_") in _PAIR_CALLS else function(one)


def __getattr__(name: str) -> Any:
    if name in _CALLS:
        result = getattr(plait, name)(plait.zeros(1), *_CALLS[name])
    elif name in _MATRIX_CALLS:
        result = getattr(plait, name)(plait.ones(1, 1))
    elif name in __all__:
        result = _result_of(name)
    else:
        raise AttributeError(f"plait.return_types has no '{name}'; it has {', '.join(__all__)}")
    globals()[name] = type(result)
    return type(result)
