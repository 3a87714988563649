"""BatchNorm in one, two and three dimensions."""

from __future__ import annotations

import plait
from plait import Tensor

from .. import init
from ..parameter import Parameter
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"]


class _NormBase(Module):
    """Affine parameters and running statistics per channel, of BatchNorm and InstanceNorm."""

    _version = 2
    _input_dims: tuple[int, ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        factory = {"device": device, "dtype": dtype}
        self.register_parameter("weight", Parameter(plait.ones(num_features, **factory)) if affine else None)
        self.register_parameter(
            "bias", Parameter(plait.zeros(num_features, **factory)) if affine and bias else None
        )
        if track_running_stats:
            self.register_buffer("running_mean", plait.zeros(num_features, **factory))
            self.register_buffer("running_var", plait.ones(num_features, **factory))
            self.register_buffer("num_batches_tracked", plait.zeros((), dtype=plait.int64, device=device))
        else:
            self.register_buffer("running_mean", None)
            self.register_buffer("running_var", None)
            self.register_buffer("num_batches_tracked", None)

    def reset_running_stats(self) -> None:
        """Forgets the running statistics: mean 0, variance 1."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """weight 1, bias 0, and fresh running statistics."""
        self.reset_running_stats()
        if self.affine:
            init.ones_(self.weight)
            if self.bias is not None:
                init.zeros_(self.bias)

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() not in self._input_dims:
            wanted = " or ".join(f"{n}D" for n in self._input_dims)
            raise ValueError(
                f"{type(self).__name__}: expected {wanted} input, got {input.dim()}D input of shape "
                f"{tuple(input.shape)}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )

    def _load_from_state_dict(self, state_dict: dict, prefix: str, local_metadata: dict, *args: Any) -> None:
        key = prefix + "num_batches_tracked"
        if local_metadata.get("version", 0) < 2 and self.track_running_stats and key not in state_dict:
            state_dict[key] = self.num_batches_tracked  # checkpoints from before the counter existed
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)


class _BatchNorm(_NormBase):
    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in self._input_dims:
            self._check_input_dim(input)
        training, mean, var = self.training, self.running_mean, self.running_var
        factor = self.momentum
        if training:
            batches = self.num_batches_tracked
            if not self.track_running_stats:
                mean = var = None
            elif batches is not None:
                if factor is not None:
                    return plait._batch_norm_training(
                        input, mean, var, batches, self.weight, self.bias, factor, self.eps
                    )
                batches.add_(1)  # the mean of all batches so far
                factor = 1.0 / float(batches)
        return plait.batch_norm(
            input,
            running_mean=mean,
            running_var=var,
            weight=self.weight,
            bias=self.bias,
            training=training or mean is None,
            momentum=0.0 if factor is None else factor,
            eps=self.eps,
        )


class BatchNorm1d(_BatchNorm):
    """(x - mean) / sqrt(var + eps) * weight + bias per channel, over the batch: (N, C) or (N, C, L) (Ioffe,
    Szegedy 2015).

    In training the statistics are the batch's (biased variance) and the running ones move by `momentum`
    (None: their plain mean); in evaluation the running ones are used. Raises ValueError for other numbers of
    dimensions.

    >>> plait.nn.BatchNorm1d(100)(plait.randn(20, 100)).shape
    plait.Size([20, 100])
    """

    _input_dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """As BatchNorm1d, for (N, C, H, W).

    >>> plait.nn.BatchNorm2d(3)(plait.randn(2, 3, 4, 4)).shape
    plait.Size([2, 3, 4, 4])
    """

    _input_dims = (4,)


class BatchNorm3d(_BatchNorm):
    """As BatchNorm1d, for (N, C, D, H, W).

    >>> plait.nn.BatchNorm3d(3)(plait.randn(2, 3, 2, 4, 4)).shape
    plait.Size([2, 3, 2, 4, 4])
    """

    _input_dims = (5,)


class SyncBatchNorm(_BatchNorm):
    """As BatchNorm, of any number of dimensions from 2 on, with the statistics of the batches of all
    processes of
    a group (the default one, for None).

    In training, backward gives inputs the gradient of the sum of all processes' losses, and parameters their
    part
    of it, which DistributedDataParallel averages. Without a group, and in evaluation, it is BatchNorm.

    >>> plait.nn.SyncBatchNorm(3)(plait.randn(2, 3, 4, 4)).shape
    plait.Size([2, 3, 4, 4])
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ):
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    def _check_input_dim(self, input: Tensor) -> None:
        if input.dim() < 2:
            raise ValueError(f"SyncBatchNorm: expected an input of at least 2 dimensions, got {input.dim()}")

    def forward(self, input: Tensor) -> Tensor:
        """The input, normalised."""
        from ... import distributed as dist

        self._check_input_dim(input)
        if not (self.training or self.running_mean is None) or not dist.is_initialized():
            return super().forward(input)
        group = self.process_group or dist._get_default_group()
        if group.size() == 1:
            return super().forward(input)
        if input.shape[1] != self.num_features:
            raise ValueError(
                f"SyncBatchNorm: expected {self.num_features} channels, got an input of shape "
                f"{tuple(input.shape)}"
            )
        return self._over(group, input)

    def _over(self, group: Any, input: Tensor) -> Tensor:
        from ... import distributed as dist
        from ...distributed import nn as dnn

        # The mean first, and then the squares of what is left: no digits are lost in a difference of squares.
        dims = [d for d in range(input.dim()) if d != 1]
        shape = [1, -1] + [1] * (input.dim() - 2)
        x = input.float() if input.dtype in (plait.float16, plait.bfloat16) else input
        count = plait.tensor([input.numel() // max(1, self.num_features)], device=input.device)
        dist.all_reduce(count, group=group)
        mean = dnn.all_reduce(x.sum(dims), group=group) / count
        centred = x - mean.view(shape)
        variance = dnn.all_reduce((centred * centred).sum(dims), group=group) / count
        if self.training and self.track_running_stats:
            with plait.no_grad():
                self._track(mean.detach(), variance.detach(), count)
        out = centred * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            out = out * self.weight.view(shape)
        if self.bias is not None:
            out = out + self.bias.view(shape)
        return out.to(input.dtype)

    def _track(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        self.num_batches_tracked.add_(1)
        factor = 1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        unbiased = variance * (count / (count - 1).clamp(min=1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), factor)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """The module, with a SyncBatchNorm in the place of each BatchNorm in it, of the same parameters."""
        out = module
        if isinstance(module, _BatchNorm) and not isinstance(module, SyncBatchNorm):
            out = cls(
                module.num_features,
                module.eps,
                module.momentum,
                module.affine,
                module.track_running_stats,
                process_group,
            )
            for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
                setattr(out, name, getattr(module, name))
            out.training = module.training
        for name, child in module.named_children():
            out.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return out
