"""grouped_mm against NumPy, group by group."""

import numpy as np
import plait
import pytest
from plait.nn import functional as F


def values(*shape, dtype=plait.float64):
    plait.manual_seed(sum(shape))
    return plait.randn(*shape, dtype=dtype)


OFFS = [2, 2, 5]  # the second group is empty, and a row lies behind the last


@pytest.mark.parametrize("dtype", [plait.float64, plait.bfloat16], ids=str)
def test_groups_of_rows_of_columns_and_of_the_inner_dimension(dtype):
    offs = plait.tensor(OFFS, dtype=plait.int32)
    tol = 0.05 if dtype is plait.bfloat16 else 1e-12
    a, b = values(6, 4, dtype=dtype), values(3, 4, 2, dtype=dtype)
    x, y = a.double().numpy(), b.double().numpy()
    expected = np.concatenate([x[:2] @ y[0], x[2:5] @ y[2], np.zeros((1, 2))])
    result = F.grouped_mm(a, b, offs=offs)
    assert result.dtype is dtype
    np.testing.assert_allclose(result.double().numpy(), expected, atol=tol)
    turned = F.grouped_mm(b.mT, a.t(), offs=offs)
    np.testing.assert_allclose(turned.double().numpy(), expected.T, atol=tol)
    c = values(6, 3, dtype=dtype)
    z = c.double().numpy()
    expected = np.stack([x[:2].T @ z[:2], np.zeros((4, 3)), x[2:5].T @ z[2:5]])
    np.testing.assert_allclose(F.grouped_mm(a.t(), c, offs=offs).double().numpy(), expected, atol=tol)
    whole = F.grouped_mm(b.mT, b)
    np.testing.assert_allclose(whole.double().numpy(), y.transpose(0, 2, 1) @ y, atol=tol)
    wide = F.grouped_mm(a, b, offs=offs, out_dtype=plait.float32, bias=plait.ones(2))
    assert wide.dtype is plait.float32 and plait._grouped_mm is F.grouped_mm
    np.testing.assert_allclose(wide.numpy(), np.concatenate([x[:2] @ y[0], x[2:5] @ y[2], np.zeros((1, 2))]) + 1, atol=1e-5)


def test_derivatives():
    offs = plait.tensor(OFFS)
    a, b, c = (t.requires_grad_() for t in (values(6, 4), values(3, 4, 2), values(6, 3)))
    assert plait.autograd.gradcheck(lambda a, b: F.grouped_mm(a, b, offs=offs), (a, b))
    assert plait.autograd.gradcheck(lambda a, b: F.grouped_mm(b.mT, a.t(), offs=offs), (a, b))
    assert plait.autograd.gradcheck(lambda a, c: F.grouped_mm(a.t(), c, offs=offs), (a, c))


def test_no_groups():
    none = plait.tensor([], dtype=plait.int32)
    assert F.grouped_mm(values(2, 3), plait.zeros(0, 3, 4, dtype=plait.float64), offs=none).tolist() == [[0] * 4] * 2
    assert F.grouped_mm(values(2, 3), values(3, 4), offs=none).shape == (0, 2, 4)


def test_what_is_refused():
    a, b, offs = values(6, 4), values(3, 4, 2), plait.tensor(OFFS)
    for arguments, options, message in (
        ((a, b.mT), {"offs": offs}, "expected mat_a"),
        ((a[0], b), {"offs": offs}, "expected mat_a"),
        ((a, b), {}, "expected offs where"),
        ((b.mT, b), {"offs": offs}, "expected offs where"),
        ((a, b), {"offs": offs[:2]}, "expected 3 offs"),
        ((a, b), {"offs": offs.float()}, "vector of int32"),
        ((a, b), {"offs": plait.tensor([2, 1, 5])}, "rising order from 0 to 6"),
        ((a, b), {"offs": plait.tensor([2, 3, 7])}, "rising order"),
        ((a, b), {"offs": plait.tensor([-1, 3, 6])}, "rising order"),
        ((a, b), {"offs": offs, "out_dtype": plait.int32}, "expected out_dtype"),
    ):
        with pytest.raises(ValueError, match=message):
            F.grouped_mm(*arguments, **options)
