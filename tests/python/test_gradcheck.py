"""gradcheck and gradgradcheck find wrong derivatives and accept right ones; assert_close and make_tensor."""

import math

import numpy as np
import plait
import pytest
from plait.autograd import gradcheck, gradgradcheck
from plait.testing import assert_close, make_tensor


def leaf(*shape, dtype=None, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.5, 2.0, shape)
    if dtype is plait.complex128:
        values = values + 1j * rng.uniform(0.5, 2.0, shape)
    return plait.tensor(values, dtype=dtype or plait.float64).requires_grad_()


class ScaledExp(plait.autograd.Function):
    """exp with a derivative that is wrong by a factor."""

    factor = 1.0

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y * ScaledExp.factor


@pytest.fixture
def wrong_exp(monkeypatch):
    monkeypatch.setattr(ScaledExp, "factor", 1.01)
    return ScaledExp.apply


# ---- What is right passes


RIGHT = {
    "unary": lambda x: x.exp() * x.sin(),
    "several outputs": lambda x: (x * 2, x.sum(), x.log()),
    "an output that is not differentiable": lambda x: (x * x, x.argmax()),
    "a constant output": lambda x: (x * x, x.detach() * 0 + 1),
    "0-d": lambda x: x.prod(),
    "a view": lambda x: x[0],
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("fast", [False, True])
def test_right_derivatives_pass(name, fast):
    x = leaf(2, 3)
    before = x.tolist()
    assert gradcheck(RIGHT[name], (x,), fast_mode=fast)
    assert gradgradcheck(RIGHT[name], (x,), fast_mode=fast)
    assert x.tolist() == before
    assert x.grad is None


def test_several_inputs_of_which_some_do_not_count():
    a, b = leaf(2, 3), leaf(3, seed=1)
    index = plait.tensor([1, 0])
    assert gradcheck(lambda a, i, b, k: a[i] @ b * k, (a, index, b, 3.0))
    assert gradgradcheck(lambda a, i, b, k: a[i] @ b * k, (a, index, b, 3.0))
    assert gradcheck(lambda a: a * 2, a)


def test_complex_inputs_and_outputs():
    z = leaf(3, dtype=plait.complex128)
    assert gradcheck(lambda z: z * z, (z,))
    assert gradcheck(lambda z: z.abs(), (z,))
    assert gradcheck(lambda z: z.conj() * 2j, (z,))
    assert gradcheck(lambda z: (z.real, z.imag), (z,))
    assert gradcheck(lambda x: x * (1 + 2j), (leaf(2),))
    assert gradgradcheck(lambda z: z * z * z, (z,))


def test_non_contiguous_inputs():
    x = leaf(3, 2).detach().t().requires_grad_()
    assert not x.is_contiguous()
    assert gradcheck(lambda x: x * x, (x,))
    assert gradgradcheck(lambda x: x * x * x, (x,), gen_non_contig_grad_outputs=True)


def test_empty_inputs():
    x = plait.empty(0, 3, dtype=plait.float64).requires_grad_()
    assert gradcheck(lambda x: x * 2, (x,))
    assert gradcheck(lambda x: x.sum(), (x,))


# ---- What is wrong is found


def test_a_wrong_factor_is_found_and_named(wrong_exp):
    a, x = leaf(2), leaf(2, 2)
    with pytest.raises(RuntimeError) as caught:
        gradcheck(lambda a, x: (a * 1, wrong_exp(x)), (a, x))
    text = str(caught.value)
    assert "derivative of output 1 (shape (2, 2)) by input 1 (shape (2, 2))" in text
    assert "disagree in 4 of 16 elements" in text
    values = x.tolist()
    worst = max(((i, j) for i in range(2) for j in range(2)), key=lambda p: values[p[0]][p[1]])
    assert f"output element {worst}, input element {worst}" in text
    assert "analytical (a row" in text
    assert gradcheck(wrong_exp, (x,), raise_exception=False) is False
    assert gradcheck(wrong_exp, (x,), rtol=0.02)


def test_fast_mode_finds_it_too(wrong_exp):
    with pytest.raises(RuntimeError, match="random direction"):
        gradcheck(lambda x: wrong_exp(3 * x), (leaf(40),), fast_mode=True)


def test_a_wrong_element_among_right_ones_is_found():
    class OneWrong(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            g = g * 2
            return plait.cat([g[:3], g[3:4] * 1.1, g[4:]])

    with pytest.raises(
        RuntimeError, match=r"1 of 36 elements; most at output element \(3,\), input element \(3,\)"
    ):
        gradcheck(OneWrong.apply, (leaf(6),))


def test_a_wrong_imaginary_part_is_found():
    class WrongConj(plait.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            return z * 1j

        @staticmethod
        def backward(ctx, g):
            return g * 1j  # should be -1j

    with pytest.raises(RuntimeError, match=r"\.(real|imag), input element"):
        gradcheck(WrongConj.apply, (leaf(2, dtype=plait.complex128),))


def test_a_missing_gradient_is_found():
    with pytest.raises(RuntimeError, match=r"by input 0 .*analytical 0, numerical 2"):
        gradcheck(lambda x, y: x.detach() * 2 + y, (leaf(2), leaf(2)))


def test_a_wrong_second_derivative_is_found():
    class Square(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return g * 2 * x.detach()

    x = leaf(3)
    assert gradcheck(Square.apply, (x,))
    with pytest.raises(RuntimeError, match="gradgradcheck: analytical and numerical"):
        gradgradcheck(Square.apply, (x,))


def test_backward_that_is_not_linear_or_not_deterministic_is_found():
    class Offset(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            return g + 1e-7

    class Noisy(plait.autograd.Function):
        count = 0

        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            Noisy.count += 1
            return g * (1 + 1e-8 * (Noisy.count % 2))

    with pytest.raises(RuntimeError, match="zero gradient of output 0"):
        gradcheck(Offset.apply, (leaf(2),))
    assert gradcheck(Offset.apply, (leaf(2),), check_undefined_grad=False)
    with pytest.raises(RuntimeError, match="not deterministic"):
        gradcheck(Noisy.apply, (leaf(2),))
    assert gradcheck(Noisy.apply, (leaf(2),), nondet_tol=1e-6)


def test_inputs_that_cannot_be_checked():
    with pytest.raises(ValueError, match="nothing to check"):
        gradcheck(lambda x: x, (plait.ones(2, dtype=plait.float64),))
    with pytest.raises(ValueError, match="input 0 is expanded"):
        gradcheck(lambda x: x * 1, (plait.ones(1, dtype=plait.float64).expand(3).requires_grad_(),))
    with pytest.warns(UserWarning, match="need float64"):
        gradcheck(lambda x: x * 2, (plait.ones(2).requires_grad_(),), eps=1e-2, atol=1e-2)
    with pytest.raises(ValueError, match="check_forward_ad"):
        gradcheck(lambda x: x, (leaf(1),), check_forward_ad=True)


# ---- assert_close


def test_assert_close_tolerances():
    for dtype, rtol in [
        (plait.float16, 1e-3),
        (plait.bfloat16, 1.6e-2),
        (plait.float32, 1.3e-6),
        (plait.float64, 1e-7),
    ]:
        one = plait.tensor([1000.0], dtype=plait.float64)
        inside, outside = (one * (1 + rtol * k) for k in (0.5, 2.0))
        assert_close(inside, one, rtol=rtol, atol=0.0)
        with pytest.raises(AssertionError):
            assert_close(outside, one, rtol=rtol, atol=0.0)
        assert_close(one.to(dtype), one.to(dtype))
        with pytest.raises(AssertionError):
            assert_close((one * (1 + 4 * rtol)).to(dtype), one.to(dtype))
    z = plait.tensor([1 + 1j], dtype=plait.complex64)
    assert_close(z * (1 + 1e-7), z)
    with pytest.raises(AssertionError):
        assert_close(z + 1e-3j, z)


def test_assert_close_message():
    a, e = plait.ones(2, 3), plait.ones(2, 3)
    a[1, 2] = 3.0
    a[0, 1] = 1.5
    with pytest.raises(AssertionError) as caught:
        assert_close({"x": [a]}, {"x": [e]})
    text = str(caught.value)
    assert "Mismatched elements: 2 / 6 (33.3%)" in text
    assert "Greatest absolute difference: 2 at index (1, 2)" in text
    assert "First mismatch at index (0, 1): got 1.5, expected 1.0" in text
    assert "in item ['x'][0]" in text
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(a, e, msg="mine")
    with pytest.raises(AssertionError, match=r"^Tensors are not close.*seed 3$") as caught:
        assert_close(plait.ones(1), plait.zeros(1), msg=lambda m: m.replace("\n", " ") + " seed 3")


def test_assert_close_special_values():
    inf, nan = float("inf"), float("nan")
    t = plait.tensor([inf, -inf, 1.0])
    assert_close(t, t.clone())
    for other in ([inf, inf, 1.0], [1e30, -inf, 1.0], [nan, -inf, 1.0]):
        with pytest.raises(AssertionError):
            assert_close(t, plait.tensor(other))
        with pytest.raises(AssertionError):
            assert_close(plait.tensor(other), t)
    n = plait.tensor([nan])
    with pytest.raises(AssertionError):
        assert_close(n, n)
    assert_close(n, n, equal_nan=True)
    big = plait.tensor([2**62 + 1, 2**53 + 1])
    with pytest.raises(AssertionError):
        assert_close(big, big - 1)
    assert_close(big, big.clone())
    assert_close(plait.empty(0), plait.empty(0))
    assert_close(plait.tensor(True), plait.tensor(True))
    with pytest.raises(AssertionError):
        assert_close(plait.tensor([True]), plait.tensor([False]))


def test_assert_close_kinds():
    assert_close(1, 1)
    assert_close(1.0, 1.0 + 1e-9)
    assert_close([1, (2.0, None)], [1, (2.0, None)])
    assert_close(np.ones(2), plait.ones(2, dtype=plait.float64))
    assert_close(plait.ones(2), plait.ones(2, dtype=plait.float64), check_dtype=False)
    assert_close(plait.tensor(2.0), 2.0, check_dtype=False)
    for actual, expected, message in [
        (plait.ones(2), plait.ones(3), "shapes"),
        (plait.ones(2), plait.ones(2, dtype=plait.float64), "dtypes"),
        (1, 2, "Numbers"),
        (1, 1.0, "Types of the numbers"),
        ([1], [1, 2], "lengths"),
        ({"a": 1}, {"b": 1}, "keys"),
        ("a", plait.ones(1), "Cannot compare str with Tensor"),
    ]:
        with pytest.raises(AssertionError, match=message):
            assert_close(actual, expected)
    with pytest.raises(AssertionError, match="strides"):
        assert_close(plait.ones(2, 3), plait.ones(3, 2).t(), check_stride=True)
    with pytest.raises(ValueError, match="both rtol and atol"):
        assert_close(1.0, 1.0, rtol=1e-3)


# ---- make_tensor


@pytest.mark.parametrize(
    "name",
    [
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ],
)
def test_make_tensor(name):
    dtype = getattr(plait, name)
    t = make_tensor(20, 30, dtype=dtype)
    assert (tuple(t.shape), t.dtype) == ((20, 30), dtype)
    values = [v for row in t.tolist() for v in row]
    assert len(set(values)) > 1
    parts = [p for v in values for p in ((v.real, v.imag) if isinstance(v, complex) else (v,))]
    low, high = {"bool": (0, 1), "uint8": (0, 9)}.get(name, (-9, 9))
    assert low <= min(parts) < max(parts) <= high
    gaps = make_tensor((4, 5), dtype=dtype, noncontiguous=True)
    assert tuple(gaps.shape) == (4, 5)
    assert not gaps.is_contiguous()
    assert bool((make_tensor(500, dtype=dtype, exclude_zero=True) != 0).all())


def test_make_tensor_options():
    t = make_tensor(1000, dtype=plait.float64, low=2, high=3, requires_grad=True)
    assert t.requires_grad
    assert t.is_leaf
    assert 2 <= t.min().item() < t.max().item() <= 3
    assert math.isclose(t.mean().item(), 2.5, abs_tol=0.06)  # 6 standard deviations of a mean of 1000
    assert set(make_tensor(200, dtype=plait.int32, low=-1, high=2).tolist()) == {-1, 0, 1}
    with pytest.raises(ValueError, match="low should be at most high"):
        make_tensor(1, dtype=plait.float32, low=1, high=0)


def test_the_module_can_be_called_like_the_function():
    """Whoever imports the module by its full name gets it in the place of the function."""
    import importlib
    import sys

    module = importlib.import_module("plait.autograd.gradcheck")
    assert module is sys.modules["plait.autograd.gradcheck"]
    assert module(lambda x: x * x, (plait.ones(2, dtype=plait.float64, requires_grad=True),))
