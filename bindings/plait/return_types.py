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
_MATRIX_CALLS = ("qr", "slogdet", "svd")

__all__ = [*_CALLS, *_MATRIX_CALLS]


def __getattr__(name: str) -> Any:
    if name in _CALLS:
        result = getattr(plait, name)(plait.zeros(1), *_CALLS[name])
    elif name in _MATRIX_CALLS:
        result = getattr(plait, name)(plait.ones(1, 1))
    else:
        raise AttributeError(f"plait.return_types has no '{name}'; it has {', '.join(__all__)}")
    globals()[name] = type(result)
    return type(result)
