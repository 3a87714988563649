"""The gradients of convolutions with respect to their input and weight, as functions of their own.

Each takes the gradient of the result and the options of the convolution; sizes that do not belong together
raise ValueError. They can be differentiated in turn.
"""

from __future__ import annotations

import plait
from plait import Tensor

from .modules.shapes import ntuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]

_ops = plait._C.ops


def _options(who: str, n: int, given: dict[str, Any]) -> list[list[int]]:
    return [list(ntuple(value, n, who, name)) for name, value in given.items()]


def _check_groups(who: str, groups: int) -> None:
    if groups < 1:
        raise plait.ArgumentError(f"{who}: expected groups to be at least 1, got {groups}")


def _check_size(who: str, n: int, name: str, size: Sequence[int], expected: tuple[int, ...] = ()) -> None:
    if len(size) != n + 2 or (expected and tuple(size[:2]) != expected):
        wanted = f"that begins with {expected}" if len(size) == n + 2 else f"of {n + 2} dimensions"
        raise plait.ArgumentError(f"{who}: expected {name} {wanted}, got {tuple(size)}")


def _input(
    n: int, input_size: Sequence[int], weight: Tensor, grad_output: Tensor, groups: int, **given: Any
) -> Tensor:
    who = f"conv{n}d_input"
    _check_groups(who, groups)
    _check_size(who, n, "weight", weight.shape)
    _check_size(who, n, "grad_output", grad_output.shape)
    _check_size(who, n, "input_size", input_size, (grad_output.shape[0], weight.shape[1] * groups))
    options = _options(who, n, given)
    return _ops["_conv_input_grad"](grad_output, weight.conj(), list(input_size[2:]), *options, groups)


def _weight(
    n: int, input: Tensor, weight_size: Sequence[int], grad_output: Tensor, groups: int, **given: Any
) -> Tensor:
    who = f"conv{n}d_weight"
    _check_groups(who, groups)
    _check_size(who, n, "input", input.shape)
    _check_size(who, n, "grad_output", grad_output.shape)
    _check_size(who, n, "weight_size", weight_size, (grad_output.shape[1], input.shape[1] // groups))
    options = _options(who, n, given)
    return _ops["_conv_weight_grad"](grad_output, input.conj(), list(weight_size[2:]), *options, groups)


def conv1d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of conv1d with respect to its input, of shape `input_size`.

    >>> weight, grad = plait.tensor([[[1.0, 2.0]]]), plait.tensor([[[1.0, 10.0]]])
    >>> plait.nn.grad.conv1d_input((1, 1, 3), weight, grad)
    tensor([[[ 1., 12., 20.]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    return _input(1, input_size, weight, grad_output, groups, **given)


def conv1d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of conv1d with respect to its weight, of shape `weight_size`.

    >>> x, grad = plait.tensor([[[1.0, 2.0, 3.0]]]), plait.tensor([[[1.0, 10.0]]])
    >>> plait.nn.grad.conv1d_weight(x, (1, 1, 2), grad)
    tensor([[[21., 32.]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    return _weight(1, input, weight_size, grad_output, groups, **given)


def conv2d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of conv2d with respect to its input, of shape `input_size`.

    >>> plait.nn.grad.conv2d_input((1, 1, 2, 2), plait.ones(1, 1, 2, 2), plait.full((1, 1, 1, 1), 3.0))
    tensor([[[[3., 3.],
              [3., 3.]]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    return _input(2, input_size, weight, grad_output, groups, **given)


def conv2d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of conv2d with respect to its weight, of shape `weight_size`.

    >>> plait.nn.grad.conv2d_weight(plait.ones(1, 1, 3, 3), (1, 1, 1, 1), plait.ones(1, 1, 3, 3))
    tensor([[[[9.]]]])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    return _weight(2, input, weight_size, grad_output, groups, **given)


def conv3d_input(
    input_size: Sequence[int],
    weight: Tensor,
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of conv3d with respect to its input, of shape `input_size`.

    >>> weight, grad = plait.ones(4, 3, 2, 2, 2), plait.ones(1, 4, 3, 3, 3)
    >>> plait.nn.grad.conv3d_input((1, 3, 6, 6, 6), weight, grad, stride=2).shape
    plait.Size([1, 3, 6, 6, 6])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    return _input(3, input_size, weight, grad_output, groups, **given)


def conv3d_weight(
    input: Tensor,
    weight_size: Sequence[int],
    grad_output: Tensor,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """The gradient of conv3d with respect to its weight, of shape `weight_size`.

    >>> x, grad = plait.ones(1, 3, 6, 6, 6), plait.ones(1, 4, 3, 3, 3)
    >>> plait.nn.grad.conv3d_weight(x, (4, 3, 2, 2, 2), grad, stride=2).shape
    plait.Size([4, 3, 2, 2, 2])
    """
    given = {"stride": stride, "padding": padding, "dilation": dilation}
    return _weight(3, input, weight_size, grad_output, groups, **given)
