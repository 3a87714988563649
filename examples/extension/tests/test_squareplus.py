import my_ops
import plait
import pytest


@pytest.mark.parametrize("b", [0.5, 4.0])
def test_values(b):
    x = plait.linspace(-5, 5, 101)
    expected = (x + (x.square() + b).sqrt()) / 2
    plait.testing.assert_close(my_ops.squareplus(x, b=b), expected)
    assert my_ops.squareplus_(x, b=b) is x
    plait.testing.assert_close(x, expected)


def test_declaration():
    x = plait.randn(3, 4, requires_grad=True)
    plait.testing.opcheck(my_ops.squareplus, [((x,), {}), ((x.double(),), {"b": 0.5})])
