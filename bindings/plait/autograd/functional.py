"""Jacobians, Hessians and their products with vectors, of functions of tensors.

`inputs` is a tensor or a tuple of tensors; what is returned has their structure. `create_graph` makes the
results differentiable; `strict` refuses a function that does not depend on all its inputs, whose derivative
is zero otherwise. plait.func has the same as transforms of functions.
"""

from __future__ import annotations

import plait
from plait import Tensor

from ._rows import rows as _rows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _tuple(value: Any, what: str, who: str) -> tuple[tuple[Tensor, ...], bool]:
    many = isinstance(value, tuple | list)
    values = tuple(value) if many else (value,)
    for each in values:
        if not isinstance(each, Tensor):
            raise TypeError(
                f"{who}: expected {what} to be a tensor or a tuple of tensors, got {type(each).__name__}"
            )
    return values, many


def _opened(inputs: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    return tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs
    )


def _closed(values: Sequence[Tensor], many: bool, create_graph: bool) -> Any:
    done = tuple(values if create_graph else (v.detach() for v in values))
    return done if many else done[0]


def _grads(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor] | None,
    strict: bool,
    who: str,
    create_graph: bool = True,
) -> list[Tensor]:
    """The gradients of the outputs; zeros where nothing depends on an input, or an error if strict."""
    weights = weights if weights is not None else [plait.ones_like(y) for y in outputs]
    live = [(y, w) for y, w in zip(outputs, weights, strict=True) if y.requires_grad]
    if strict and len(live) < len(outputs):
        raise RuntimeError(f"{who}: an output does not depend on the inputs, and strict=True")
    if not live:
        return [plait.zeros_like(x) for x in inputs]
    found = plait.autograd.grad(
        [y for y, _ in live],
        list(inputs),
        [w for _, w in live],
        create_graph=create_graph,
        retain_graph=True,
        allow_unused=True,
    )
    for number, one in enumerate(found):
        if one is None and strict:
            raise RuntimeError(f"{who}: the outputs do not depend on input {number}, and strict=True")
    return [plait.zeros_like(x) if g is None else g for g, x in zip(found, inputs, strict=True)]


def _vectors(
    v: Any, like: tuple[Tensor, ...], what: str, who: str, scalar_default: bool
) -> tuple[Tensor, ...]:
    if v is None:
        if not scalar_default or len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"{who}: v can be left out only where {what} is a single element; pass v")
        return (plait.ones_like(like[0]),)
    given, _ = _tuple(v, "v", who)
    shapes = [tuple(g.shape) for g in given], [tuple(x.shape) for x in like]
    if shapes[0] != shapes[1]:
        raise RuntimeError(f"{who}: expected v of {what}'s shapes {shapes[1]}, got {shapes[0]}")
    return given


def vjp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(*inputs) and the product of v with the Jacobian.

    >>> plait.autograd.functional.vjp(lambda x: x**2, plait.tensor([1.0, 2.0]), plait.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    who = "vjp"
    given, many = _tuple(inputs, "inputs", who)
    with plait.enable_grad():
        xs = _opened(given, create_graph)
        ys, many_out = _tuple(func(*xs), "the function's result", who)
        weights = _vectors(v, ys, "the output", who, True)
        grads = _grads(ys, xs, weights, strict, who, create_graph)
    return _closed(ys, many_out, create_graph), _closed(grads, many, create_graph)


def jvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(*inputs) and the product of the Jacobian with v: the derivative of the vector-Jacobian product.

    >>> plait.autograd.functional.jvp(lambda x: x**2, plait.tensor([1.0, 2.0]), plait.tensor([1.0, 0.0]))
    (tensor([1., 4.]), tensor([2., 0.]))
    """
    who = "jvp"
    given, _ = _tuple(inputs, "inputs", who)
    with plait.enable_grad():
        xs = _opened(given, create_graph)
        direction = _vectors(v, xs, "the input", who, True)
        ys, many_out = _tuple(func(*xs), "the function's result", who)
        weights = [plait.zeros_like(y).requires_grad_() for y in ys]
        grads = _grads(ys, xs, weights, strict, who)
        pushed = _grads(grads, weights, direction, False, who, create_graph)
    return _closed(ys, many_out, create_graph), _closed(pushed, many_out, create_graph)


def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian, of shape output.shape + input.shape; for several outputs or inputs a tuple, first over
    the outputs. One backward pass for all elements of the output; `vectorize` and `strategy` change nothing.

    >>> plait.autograd.functional.jacobian(lambda x: x**2, plait.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    who = "jacobian"
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"{who}: expected strategy 'reverse-mode' or 'forward-mode', got {strategy!r}")
    given, many = _tuple(inputs, "inputs", who)
    with plait.enable_grad():
        xs = _opened(given, create_graph)
        ys, many_out = _tuple(func(*xs), "the function's result", who)
        blocks = []
        for y in ys:
            block = []
            for number, rows in enumerate(_rows(y, xs, create_graph)):
                if rows is None and strict:
                    raise RuntimeError(
                        f"{who}: the outputs do not depend on input {number}, and strict=True"
                    )
                shape = tuple(y.shape) + tuple(xs[number].shape)
                block.append(xs[number].new_zeros(shape) if rows is None else rows)
            blocks.append(_closed(block, many, create_graph))
    return tuple(blocks) if many_out else blocks[0]


def _scalar(y: Any, who: str) -> Tensor:
    if not isinstance(y, Tensor) or y.numel() != 1:
        got = f"shape {tuple(y.shape)}" if isinstance(y, Tensor) else type(y).__name__
        raise RuntimeError(f"{who}: expected the function to return a tensor of one element, got {got}")
    return y.reshape(())


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function of one element: for inputs i and j a tensor of shape i.shape + j.shape.

    >>> plait.autograd.functional.hessian(lambda x: (x**3).sum(), plait.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    who = "hessian"
    _, many = _tuple(inputs, "inputs", who)

    def gradient(*xs: Tensor) -> Any:
        return tuple(_grads([_scalar(func(*xs), who)], xs, None, strict, who))

    blocks = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return blocks if many else blocks[0]


def vhp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(*inputs) and the product of v with the Hessian.

    >>> plait.autograd.functional.vhp(lambda x: (x**3).sum(), plait.tensor([1.0, 2.0]), plait.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    who = "vhp"
    given, many = _tuple(inputs, "inputs", who)
    with plait.enable_grad():
        xs = _opened(given, create_graph)
        y = func(*xs)
        first = _grads([_scalar(y, who)], xs, None, strict, who)
        direction = _vectors(v, xs, "the input", who, True)
        products = _grads(first, xs, direction, strict, who, create_graph)
    return _closed([y], False, create_graph), _closed(products, many, create_graph)


def hvp(
    func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """func(*inputs) and the product of the Hessian with v, which is that of v with the Hessian: it is
    symmetric.

    >>> plait.autograd.functional.hvp(lambda x: (x**3).sum(), plait.tensor([1.0, 2.0]), plait.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    return vhp(func, inputs, v, create_graph, strict)
