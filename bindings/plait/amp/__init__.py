"""Mixed precision: regions that compute in bfloat16 or float16 where that does no harm, and the scaling of
gradients that float16 needs.

>>> with plait.amp.autocast("cpu"):
...     product = plait.ones(2, 2) @ plait.ones(2, 2)
>>> product.dtype
plait.bfloat16
"""

from .._C import is_autocast_available
from .autocast_mode import autocast, custom_bwd, custom_fwd
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
