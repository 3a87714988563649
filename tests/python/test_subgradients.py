"""Derivatives where a function has none, or several: what PyTorch chooses. The numbers are PyTorch's."""

import plait
import pytest

inf, nan = float("inf"), float("nan")

CASES = {
    "abs at 0": (lambda x: x.abs(), [0.0, -2.0], [0, -1]),
    "relu at 0": (lambda x: x.relu(), [0.0, 1.0], [0, 1]),
    "clamp at its bounds": (lambda x: x.clamp(0, 1), [0.0, 0.5, 1.0, 2.0], [1, 1, 1, 0]),
    "maximum of equals": (lambda x: plait.maximum(x, plait.tensor(3.0)), [1.0, 3.0, 4.0], [0, 0.5, 1]),
    "norm at 0": (lambda x: x.norm(), [0.0, 0.0], [0, 0]),
    "norm of order 1 at 0": (lambda x: x.norm(1), [0.0, -3.0], [0, -1]),
    "largest norm of equals": (lambda x: x.norm(inf), [3.0, -3.0, 1.0], [0.5, -0.5, 0]),
    "distance of a point to itself": (lambda x: plait.dist(x, x.detach()), [1.0, 2.0], [0, 0]),
    "max of equals": (lambda x: x.max(), [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
    "max along dim of equals": (lambda x: x.max(0).values, [1.0, 3.0, 3.0], [0, 1, 0]),
    "amax of equals": (lambda x: x.amax(), [1.0, 3.0, 3.0], [0, 0.5, 0.5]),
    "median of equals": (lambda x: x.median(), [1.0, 1.0, 2.0, 3.0], [0.5, 0.5, 0, 0]),
    "median of NaN": (lambda x: x.median(), [1.0, nan, 2.0], [0, 1, 0]),
    "nanmedian of equals": (lambda x: x.nanmedian(), [1.0, nan, 1.0, 2.0], [0.5, 0, 0.5, 0]),
    "power 0 of 0": (lambda x: x**0, [0.0, 2.0], [0, 0]),
    "root of 0": (lambda x: x.sqrt(), [0.0, 4.0], [inf, 0.25]),
    "product with zeros": (lambda x: x.prod(), [2.0, 0.0, 3.0], [0, 6, 0]),
    "products with zeros": (lambda x: x.cumprod(0), [2.0, 0.0, 3.0, 0.0], [1, 8, 0, 0]),
    "deviation of equals": (lambda x: x.std(), [2.0, 2.0], [0, 0]),
    "angle of the origin": (lambda x: plait.atan2(x[0], x[1]), [0.0, 0.0], [0, 0]),
    "softmax of nothing but -inf": (lambda x: x.softmax(0), [-inf, -inf], [nan, nan]),
    "nan_to_num": (lambda x: x.nan_to_num(), [nan, inf, 1.0], [0, 0, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_first_derivative(name):
    function, values, want = CASES[name]
    x = plait.tensor(values, requires_grad=True)
    function(x).sum().backward()
    assert x.grad.tolist() == pytest.approx(want, nan_ok=True)


def test_second_derivative_of_the_angle_of_the_origin():
    x = plait.zeros(2, requires_grad=True)
    (g,) = plait.autograd.grad(plait.atan2(x[0], x[1]), x, create_graph=True)
    (gg,) = plait.autograd.grad(g.sum(), x)
    assert gg.isfinite().all()
