"""A batch norm folded into the convolution or linear layer before it, for inference."""

from __future__ import annotations

import copy

import plait
from plait import Tensor

from ..parameter import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]


def _fused(
    weight: Tensor,
    bias: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    gamma: Tensor | None,
    beta: Tensor | None,
    dim: int,
) -> tuple[Parameter, Parameter]:
    # y = (W x + b - mean) scale + beta, with scale = gamma / sqrt(variance + eps)
    scale = (variance + eps).rsqrt()
    scale = scale if gamma is None else scale * gamma
    shape = [1] * weight.dim()
    shape[dim] = -1
    shifted = -mean if bias is None else bias - mean
    shifted = shifted * scale
    shifted = shifted if beta is None else shifted + beta
    fused = (weight * scale.reshape(shape)).to(weight.dtype)
    kept = weight.dtype if bias is None else bias.dtype
    return (
        Parameter(fused.detach(), weight.requires_grad),
        Parameter(shifted.to(kept).detach(), weight.requires_grad if bias is None else bias.requires_grad),
    )


def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a convolution that does what a batch norm behind it did in eval mode."""
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 1 if transpose else 0)


def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None,
    bn_b: Tensor | None,
) -> tuple[Parameter, Parameter]:
    """The weight and bias of a linear layer that does what a batch norm behind it did in eval mode."""
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _check(who: str, layer: Any, bn: Any) -> None:
    if layer.training or bn.training:
        raise RuntimeError(f"{who}: expected both modules in eval mode; call .eval() on them")
    if bn.running_mean is None or bn.running_var is None:
        raise RuntimeError(f"{who}: expected a batch norm with running statistics")


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of the convolution that does what it and the batch norm behind it do, both in eval mode.

    >>> conv, bn = plait.nn.Conv2d(2, 3, 1).eval(), plait.nn.BatchNorm2d(3).eval()
    >>> x = plait.ones(1, 2, 4, 4)
    >>> plait.allclose(plait.nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-6)
    True
    """
    _check("fuse_conv_bn_eval", conv, bn)
    fused = copy.deepcopy(conv)
    with plait.no_grad():
        fused.weight, fused.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
        )
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of the linear layer that does what it and the batch norm behind it do, both in eval mode."""
    _check("fuse_linear_bn_eval", linear, bn)
    if bn.num_features not in (linear.out_features, 1):
        raise RuntimeError(
            f"fuse_linear_bn_eval: expected a batch norm of {linear.out_features} features, got "
            f"{bn.num_features}"
        )
    fused = copy.deepcopy(linear)
    with plait.no_grad():
        fused.weight, fused.bias = fuse_linear_bn_weights(
            linear.weight, linear.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
        )
    return fused
