"""Activations on CUDA that have forms of their own, against float64: those of 16-bit floats at all 65536 values, GELU of
float32 at a million."""

import math

import numpy as np
import plait
import pytest
from cuda_device import IS_EMULATED, needs_cuda
from scipy import special

F = plait.nn.functional
pytestmark = needs_cuda

DIGITS = {"float16": 10, "bfloat16": 7}
TINY = {"float16": 2.0**-14, "bfloat16": 2.0**-126}  # the smallest normal number
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895e38}


def phi(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def Phi(x):
    return 0.5 * np.vectorize(math.erfc)(-x / math.sqrt(2))


def sigmoid(x):
    return np.where(x < 0, np.exp(np.minimum(x, 0)), 1) / (1 + np.exp(-np.abs(x)))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


SCALE = math.sqrt(2 / math.pi)


def gelu_tanh_grad(x):
    x = np.clip(x, -1000, 1000)
    s = sigmoid(2 * SCALE * (x + 0.044715 * x**3))
    return s + x * s * (1 - s) * 2 * SCALE * (1 + 3 * 0.044715 * x * x)


def mish_grad(x):
    t, s = np.tanh(softplus(x)), sigmoid(x)
    return t + np.clip(x, -1e4, 1e4) * (1 - t * t) * s


# The function, its values, its derivative where that has a kernel of its own.
CASES = {
    "gelu": (F.gelu, lambda x: x * Phi(x), lambda x: Phi(x) + np.clip(x, -1e4, 1e4) * phi(x)),
    "gelu_tanh": (
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: x * sigmoid(2 * SCALE * np.clip(x + 0.044715 * x**3, -1e300, 1e300)),
        gelu_tanh_grad,
    ),
    "silu": (F.silu, lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "mish": (F.mish, lambda x: x * np.tanh(softplus(x)), mish_grad),
    "softplus": (F.softplus, softplus, sigmoid),
    "logsigmoid": (F.logsigmoid, lambda x: -softplus(-x), lambda x: sigmoid(-x)),
    # The product comes first, and overflows.
    "hardswish": (F.hardswish, lambda x: np.where(x < 5e37, x * (np.clip(x + 3, 0, 6) / 6), np.nan), None),
    "hardsigmoid": (F.hardsigmoid, lambda x: np.clip(x + 3, 0, 6) / 6, None),
    "sigmoid": (plait.sigmoid, sigmoid, None),
    "tanh": (plait.tanh, np.tanh, None),
    "expm1": (plait.expm1, np.expm1, None),
    "log1p": (plait.log1p, np.log1p, None),
    "log": (plait.log, np.log, None),
    "log2": (plait.log2, np.log2, None),
    "log10": (plait.log10, np.log10, None),
    "logit": (plait.logit, lambda x: np.log(x / (1 - x)), None),
    "elu": (F.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), None),
}


def all_values(dtype):
    """Every finite value, as float64."""
    bits = np.arange(65536, dtype=np.uint16)
    if dtype == "float16":
        x = bits.view(np.float16).astype(np.float64)
    else:
        with np.errstate(invalid="ignore"):
            x = (bits.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return x[np.isfinite(x)]


def check(got, expected, dtype, absolute):
    """Within 0.6 units in the last place: 0.5 is rounding's own."""
    ulp = 2.0 ** (np.floor(np.log2(np.maximum(np.abs(expected), TINY[dtype]))) - DIGITS[dtype])
    error = np.abs(got.double().cpu().numpy() - expected)
    worst = np.argmax(error / (0.6 * ulp + absolute))
    assert error[worst] <= 0.6 * ulp[worst] + absolute, (worst, expected[worst], error[worst] / ulp[worst])


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("name", CASES)
def test_all_values(name, dtype):
    function, values, derivative = CASES[name]
    x = all_values(dtype)
    x = x[np.abs(x) < LARGEST[dtype]]
    with np.errstate(all="ignore"):
        expected = values(x)
        x, expected = x[np.isfinite(expected)], expected[np.isfinite(expected)]
        x, expected = x[np.abs(expected) < LARGEST[dtype]], expected[np.abs(expected) < LARGEST[dtype]]
        slope = derivative(x) if derivative else None
    on_cuda = plait.tensor(x).to(getattr(plait, dtype)).cuda().requires_grad_()
    result = function(on_cuda)
    # Results below float32's normal numbers may be 0.
    check(result.detach(), expected, dtype, 1.2 * 2.0**-126)
    if slope is None:
        return
    result.backward(plait.ones_like(result))
    # Where a derivative crosses 0 its terms cancel.
    check(on_cuda.grad, slope, dtype, 2e-5 if "gelu" in name or name in ("silu", "mish") else 1.2 * 2.0**-126)


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("name", ["log", "log2", "log10", "log1p", "expm1", "tanh", "sigmoid", "logit"])
def test_ends_of_the_domain(name, dtype):
    function, values, _ = CASES[name]
    x = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, -2.0, 2.0]
    with np.errstate(all="ignore"):
        expected = values(np.array(x))
    if name == "sigmoid":
        expected[1:3] = [1, 0]
    got = function(plait.tensor(x, dtype=getattr(plait, dtype)).cuda()).double().cpu().numpy()
    np.testing.assert_allclose(got, expected, rtol=5e-3)


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.4])
def test_logit_within_bounds(dtype, eps):
    x = all_values(dtype)
    expected = np.log(np.clip(x, eps, 1 - eps) / (1 - np.clip(x, eps, 1 - eps))) if eps else None
    got = plait.logit(plait.tensor(x).to(getattr(plait, dtype)).cuda(), eps=eps).double().cpu().numpy()
    if eps:
        np.testing.assert_allclose(got, expected, rtol=5e-3, atol=1e-5)
    else:
        assert (got[x >= 1] == math.inf).all()
        assert (got[x <= 0] == -math.inf).all()


@pytest.mark.parametrize("dtype", DIGITS)
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu", "mish", "softplus", "logsigmoid", "elu", "hardswish"])
def test_what_is_not_finite(name, dtype):
    function = CASES[name][0]
    x = plait.tensor([float("nan"), float("inf")], dtype=getattr(plait, dtype))
    y = function(x.cuda()).cpu()
    assert math.isnan(y[0].item())
    assert y[1].item() == (0.0 if name == "logsigmoid" else float("inf"))


def float32_values():
    """Floats of every magnitude, and evenly spaced ones where GELU is neither 0 nor its argument."""
    bits = np.arange(0, 0x7F800000, 4001, dtype=np.uint32)
    positive = np.concatenate([bits.view(np.float32), np.linspace(0, 15, 300001, dtype=np.float32)])
    return np.concatenate([positive, -positive])


def units(got, expected):
    """Errors in units in the last place of float32."""
    return np.abs(got.double().cpu().numpy() - expected) * 2.0 ** (
        23 - np.floor(np.log2(np.maximum(np.abs(expected), TINY["bfloat16"])))
    )


def test_gelu_of_float32():
    x = float32_values()
    wide, t = x.astype(np.float64), np.abs(x).astype(np.float64)
    with np.errstate(all="ignore"):
        exponential = np.exp(-t * t / 2)
        tail = exponential * special.erfcx(t / math.sqrt(2)) / 2  # Phi(-t)
        slope = tail - np.where(exponential > 0, t * exponential, 0) / math.sqrt(2 * math.pi)
    expected = np.where(wide < 0, wide * tail, wide - wide * tail)
    on_cuda = plait.tensor(x).cuda().requires_grad_()
    result = F.gelu(on_cuda)
    error = units(result.detach(), expected)
    # On a GPU 2^x and 1 / x may be wrong by 2 units and by 1.
    most = 4.1 if IS_EMULATED else 8
    assert error.max() <= most, (x[np.argmax(error)], error.max())
    assert error[wide > 0.5].max() <= 3
    assert math.sqrt(np.mean(error**2)) < most / 4
    result.backward(plait.ones_like(result))
    expected = np.where(wide < 0, slope, 1 - slope)
    error = np.abs(on_cuda.grad.double().cpu().numpy() - expected)
    assert error.max() <= 4e-7, x[np.argmax(error)]
    # Below the zero of the derivative nothing cancels but where the two terms are close.
    error = units(on_cuda.grad, expected)[wide < -2]
    assert error.max() <= 16, error.max()


def test_gelu_of_float32_at_the_ends():
    x = plait.tensor([float("nan"), float("inf"), 0.0, -0.0, -20.0, 3e38, -3e38]).cuda().requires_grad_()
    y = F.gelu(x)
    y.backward(plait.ones_like(y))
    values, slopes = y.tolist(), x.grad.tolist()
    assert math.isnan(values[0])
    assert math.isnan(slopes[0])
    # Equal as floats, and by the sign of zero.
    assert str(values[1:]) == str([math.inf, 0.0, -0.0, -0.0, values[5], -0.0])
    assert values[5] == x[5].item()
    assert slopes[1:] == [1, 0.5, 0.5, 0, 1, 0]


def test_softplus_of_float32():
    """Within 2 units in the last place, and one more on a GPU."""
    x = np.linspace(-80, 40, 600001, dtype=np.float32)
    wide = x.astype(np.float64)
    on_cuda = plait.tensor(x).cuda()
    for got, expected in (
        (F.softplus(on_cuda, threshold=100), softplus(wide)),
        (F.logsigmoid(on_cuda), -softplus(-wide)),
        (plait.logaddexp(on_cuda, plait.zeros_like(on_cuda)), softplus(wide)),
    ):
        assert units(got, expected).max() <= (2 if IS_EMULATED else 3)
