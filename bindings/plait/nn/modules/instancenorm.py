"""InstanceNorm in one, two and three dimensions."""

from __future__ import annotations

import plait
from plait import Tensor

from .batchnorm import _NormBase

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]


class _InstanceNorm(_NormBase):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check_input_dim(input)
        batched = input.dim() == self._input_dims[-1]
        channels = input.shape[1 if batched else 0]
        if channels != self.num_features and self.affine:
            raise ValueError(
                f"{type(self).__name__}: expected {self.num_features} channels in dimension "
                f"{1 if batched else 0}, got "
                f"{channels} in input of shape {tuple(input.shape)}"
            )
        result = plait.instance_norm(
            input if batched else input.unsqueeze(0),
            running_mean=self.running_mean,
            running_var=self.running_var,
            weight=self.weight,
            bias=self.bias,
            use_input_stats=self.training or not self.track_running_stats,
            momentum=self.momentum if self.momentum is not None else 0.0,
            eps=self.eps,
        )
        return result if batched else result.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """(x - mean) / sqrt(var + eps) per sample and channel: (N, C, L) or (C, L) (Ulyanov et al. 2016).

    >>> plait.nn.InstanceNorm1d(3)(plait.randn(2, 3, 8)).shape
    plait.Size([2, 3, 8])
    """

    _input_dims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """As InstanceNorm1d, for (N, C, H, W) or (C, H, W)."""

    _input_dims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """As InstanceNorm1d, for (N, C, D, H, W) or (C, D, H, W)."""

    _input_dims = (4, 5)
