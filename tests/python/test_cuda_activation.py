"""Activations of 16-bit floats on CUDA, which have short forms of their own: all 65536 values against float64."""

import math

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

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
@pytest.mark.parametrize("name", CASES)
def test_what_is_not_finite(name, dtype):
    function = CASES[name][0]
    x = plait.tensor([float("nan"), float("inf")], dtype=getattr(plait, dtype))
    y = function(x.cuda()).cpu()
    assert math.isnan(y[0].item())
    assert y[1].item() == (0.0 if name == "logsigmoid" else float("inf"))
