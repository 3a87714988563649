"""Initial values, in place and without gradient: PyTorch's formulas and names; each function gives its tensor
back.
"""

from __future__ import annotations

import math

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_LINEAR = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
)


def _random(generator: Any) -> dict[str, Any]:
    return {} if generator is None else {"generator": generator}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity wants its weights scaled (He et al. 2015; LeCun et al. 1998).

    `param` is the negative slope of leaky_relu. Raises ValueError for an unknown nonlinearity.

    >>> round(plait.nn.init.calculate_gain("relu"), 4)
    1.4142
    """
    if nonlinearity in _LINEAR or nonlinearity == "sigmoid":
        return 1
    if nonlinearity == "tanh":
        return 5.0 / 3
    if nonlinearity == "relu":
        return math.sqrt(2.0)
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"calculate_gain: negative_slope should be a number, got {param!r}")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity == "selu":
        return 3.0 / 4
    known = ", ".join((*_LINEAR, "sigmoid", "tanh", "relu", "leaky_relu", "selu"))
    raise ValueError(f"calculate_gain: nonlinearity should be one of {known}; got {nonlinearity!r}")


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        raise ValueError(
            f"fan in and fan out need a tensor of at least 2 dimensions, got shape {shape}; for biases try "
            "zeros_ or uniform_"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    fans = {"fan_in": fan_in, "fan_out": fan_out}
    if mode.lower() not in fans:
        raise ValueError(f"mode should be 'fan_in' or 'fan_out', got {mode!r}")
    return fans[mode.lower()]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Tensor:
    """Values from U(a, b).

    >>> bool((plait.nn.init.uniform_(plait.empty(3, 5), 2, 3) >= 2).all())
    True
    """
    with plait.no_grad():
        return tensor.uniform_(a, b, **_random(generator))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Tensor:
    """Values from N(mean, std^2)."""
    with plait.no_grad():
        return tensor.normal_(mean, std, **_random(generator))


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Any = None,
) -> Tensor:
    """Values from N(mean, std^2), restricted to [a, b], by inverting the distribution function.

    >>> bool((plait.nn.init.trunc_normal_(plait.empty(100)).abs() <= 2).all())
    True
    """

    def below(x: float) -> float:
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    if mean < a - 2 * std or mean > b + 2 * std:
        from warnings import warn

        warn(
            f"trunc_normal_: mean {mean} is more than 2 std from [{a}, {b}]; the values may not follow the "
            "distribution",
            stacklevel=2,
        )
    with plait.no_grad():
        low, high = below((a - mean) / std), below((b - mean) / std)
        # uniform in the values of the distribution function, then its inverse
        tensor.uniform_(2 * low - 1, 2 * high - 1, **_random(generator))
        tensor.erfinv_()
        tensor.mul_(std * math.sqrt(2.0)).add_(mean)
        return tensor.clamp_(min=a, max=b)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The value `val` everywhere."""
    with plait.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """The identity, in a tensor of 2 dimensions.

    >>> plait.nn.init.eye_(plait.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.dim() != 2:
        raise ValueError(f"eye_: expected a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    with plait.no_grad():
        tensor.zero_()
        tensor.diagonal().fill_(1)
        return tensor


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """The convolution weight that keeps as many channels as it can as they are; 3, 4 or 5 dimensions."""
    shape = tuple(tensor.shape)
    if len(shape) not in (3, 4, 5):
        raise ValueError(f"dirac_: expected a tensor of 3, 4 or 5 dimensions, got shape {shape}")
    if shape[0] % groups:
        raise ValueError(
            f"dirac_: dimension 0 should be divisible by groups, got shape {shape} and groups={groups}"
        )
    out_per_group = shape[0] // groups
    centre = tuple(s // 2 for s in shape[2:])
    with plait.no_grad():
        tensor.zero_()
        for g in range(groups):
            for d in range(min(out_per_group, shape[1])):
                tensor[(g * out_per_group + d, d, *centre)] = 1
    return tensor


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """U(-a, a) with a = gain sqrt(6 / (fan_in + fan_out)) (Glorot, Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    a = math.sqrt(3.0) * gain * math.sqrt(2.0 / (fan_in + fan_out))
    return uniform_(tensor, -a, a, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Any = None) -> Tensor:
    """N(0, std^2) with std = gain sqrt(2 / (fan_in + fan_out)) (Glorot, Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def _warn_empty(who: str) -> None:
    from warnings import warn

    warn(f"{who}: the tensor has no elements; nothing is initialised", stacklevel=3)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """U(-b, b) with b = gain sqrt(3 / fan) (He et al. 2015); `a` is the negative slope of leaky_relu.

    >>> w = plait.nn.init.kaiming_uniform_(plait.empty(8, 6), nonlinearity="relu")
    >>> bool((w.abs() <= 1).all())
    True
    """
    if 0 in tensor.shape:
        _warn_empty("kaiming_uniform_")
        return tensor
    bound = math.sqrt(3.0) * calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Any = None,
) -> Tensor:
    """N(0, std^2) with std = gain / sqrt(fan) (He et al. 2015); `a` is the negative slope of leaky_relu."""
    if 0 in tensor.shape:
        _warn_empty("kaiming_normal_")
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Any = None) -> Tensor:
    """`gain` times a (semi-)orthogonal matrix, uniform over them (Saxe et al. 2013).

    A tensor of more than 2 dimensions is taken as a matrix of its first dimension by the rest.

    >>> w = plait.nn.init.orthogonal_(plait.empty(3, 5))
    >>> bool(((w @ w.t() - plait.eye(3)).abs() < 1e-5).all())
    True
    """
    if tensor.dim() < 2:
        raise ValueError(f"orthogonal_: expected at least 2 dimensions, got shape {tuple(tensor.shape)}")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    cols = tensor.numel() // rows
    with plait.no_grad():
        wide = rows < cols
        shape = (cols, rows) if wide else (rows, cols)
        flat = plait.empty(shape, dtype=plait.float64, device=tensor.device)
        q, r = plait.linalg.qr(flat.normal_(0, 1, **_random(generator)))
        q = q * r.diagonal().sign()  # unique, so uniform (Mezzadri 2006)
        return tensor.copy_((q.mT if wide else q).reshape(tensor.shape)).mul_(gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Any = None) -> Tensor:
    """N(0, std^2) with the share `sparsity` of each column zero (Martens 2010); 2 dimensions."""
    if tensor.dim() != 2:
        raise ValueError(f"sparse_: expected a tensor of 2 dimensions, got shape {tuple(tensor.shape)}")
    rows, cols = tensor.shape
    zeros = math.ceil(sparsity * rows)
    with plait.no_grad():
        tensor.normal_(0, std, **_random(generator))
        for col in range(cols):
            tensor[plait.randperm(rows, **_random(generator))[:zeros], col] = 0
    return tensor


def _former(name: str) -> Any:
    """The name of a function before it was seen that it writes into its argument."""

    def function(*args: Any, **kwargs: Any) -> Tensor:
        import warnings

        warnings.warn(f"init.{name}: the name is now {name}_", FutureWarning, stacklevel=2)
        return globals()[name + "_"](*args, **kwargs)

    function.__name__ = name
    function.__doc__ = f"The former name of {name}_."
    return function


for _name in (
    "constant",
    "dirac",
    "eye",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "orthogonal",
    "sparse",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
):
    globals()[_name] = _former(_name)
