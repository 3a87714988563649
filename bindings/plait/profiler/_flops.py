"""Floating point operations of ops, by the shapes of their inputs: two for a multiply-add.

Products, convolutions, attention, and addition and multiplication of tensors are counted, in forward and in
backward; ops that are made of these are not, since what they call is.
"""

from __future__ import annotations

from math import prod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

Arg = tuple[str, list, str]  # kind, sizes or values, dtype


def _matmul(a: list[int], b: list[int]) -> int:
    """(..., n, k) @ (..., k, m), either one a vector."""
    if not a or not b:
        return 0
    if len(b) == 1:
        return 2 * prod(a)
    if len(a) == 1:
        return 2 * prod(b)
    batch = 1
    for i in range(3, max(len(a), len(b)) + 1):
        batch *= max(a[-i] if i <= len(a) else 1, b[-i] if i <= len(b) else 1)
    return 2 * batch * a[-2] * a[-1] * b[-1]


def _linear(x: list[int], weight: list[int]) -> int:
    return 2 * prod(x) * weight[0]


def _conv(args: list[Arg]) -> int:
    x, weight, stride, padding, dilation = (args[i][1] for i in (0, 1, 3, 4, 5))
    places = x[0]
    for i, k in enumerate(weight[2:]):
        places *= (x[2 + i] + 2 * padding[i] - dilation[i] * (k - 1) - 1) // stride[i] + 1
    return 2 * places * prod(weight)


def _conv_weight_grad(args: list[Arg]) -> int:
    grad, x, kernel, groups = args[0][1], args[1][1], args[2][1], args[6][1][0]
    return 2 * grad[0] * prod(grad[2:]) * grad[1] * (x[1] // groups) * prod(kernel)


def _attention(query: list[int], key: list[int], value: list[int], products: int) -> int:
    """`products` of the size of queries by keys."""
    rows = prod(query[:-1]) * key[-2]
    return products * rows * (query[-1] + value[-1])


def _broadcast(args: list[Arg]) -> int:
    shapes = [a[1] for a in args if a[0] == "tensor"]
    rank = max(map(len, shapes))
    return prod(max(s[-i] if i <= len(s) else 1 for s in shapes) for i in range(1, rank + 1))


_FORMULAS: dict[str, Callable[[list[Any]], int]] = {
    "add": _broadcast,
    "mul": _broadcast,
    "sub": _broadcast,
    "div": _broadcast,
    "matmul": lambda a: _matmul(a[0][1], a[1][1]),
    "mm": lambda a: _matmul(a[0][1], a[1][1]),
    "bmm": lambda a: _matmul(a[0][1], a[1][1]),
    "mv": lambda a: _matmul(a[0][1], a[1][1]),
    "dot": lambda a: _matmul(a[0][1], a[1][1]),
    "addmm": lambda a: _matmul(a[1][1], a[2][1]),
    "addmv": lambda a: _matmul(a[1][1], a[2][1]),
    "baddbmm": lambda a: _matmul(a[1][1], a[2][1]),
    "linear": lambda a: _linear(a[0][1], a[1][1]),
    "_linear_relu": lambda a: _linear(a[0][1], a[1][1]),
    "_linear_gelu": lambda a: _linear(a[0][1], a[1][1]),
    "_linear_grads": lambda a: _linear(a[0][1], a[1][1][-1:]),
    "_conv": _conv,
    "_conv_input_grad": lambda a: 2 * a[0][1][0] * prod(a[0][1][2:]) * prod(a[1][1]),
    "_conv_weight_grad": _conv_weight_grad,
    "_attention": lambda a: _attention(a[0][1], a[1][1], a[2][1], 2),
    # The scores again, and the gradients of query, key, value and scores.
    "_attention_backward": lambda a: _attention(a[1][1], a[2][1], a[3][1], 5),
}


def flops_of(name: str, args: list[Any]) -> int:
    """Of one call; 0 for ops that are not counted.

    >>> flops_of("mm", [("tensor", [2, 3], "float32"), ("tensor", [3, 4], "float32")])
    48
    """
    formula = _FORMULAS.get(name.removesuffix("_") if not name.startswith("_") else name)
    if formula is None:
        return 0
    try:
        return formula(args)
    except (IndexError, TypeError, ValueError):  # an argument that is no tensor, as a number in `x + 1`
        return 0
