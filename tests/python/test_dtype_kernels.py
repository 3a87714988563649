"""Kernels that treat a dtype in a way of its own, over all values where there are few, against NumPy."""

import numpy as np
import plait
import pytest

HALVES = np.arange(65536, dtype=np.uint16).view(np.float16)


def all_pairs(dtype: type) -> tuple[np.ndarray, np.ndarray]:
    info = np.iinfo(dtype)
    values = np.arange(info.min, info.max + 1).astype(dtype)
    return np.repeat(values, values.size), np.tile(values, values.size)


def divided(name: str, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if name == "trunc":
            return (
                np.sign(a.astype(object))
                * np.sign(b.astype(object))
                * (abs(a.astype(object)) // abs(b.astype(object)))
            ).astype(a.dtype)
        return {"floor": np.floor_divide, "remainder": np.remainder, "fmod": np.fmod}[name](a, b)


def division(name: str, a: plait.Tensor, b: plait.Tensor) -> plait.Tensor:
    if name == "trunc":
        return plait.div(a, b, rounding_mode="trunc")
    return {"floor": plait.floor_divide, "remainder": plait.remainder, "fmod": plait.fmod}[name](a, b)


@pytest.mark.parametrize("name", ["floor", "remainder", "fmod"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_division_of_bytes(name, dtype):
    a, b = all_pairs(dtype)
    a, b = a[b != 0], b[b != 0]
    got = division(name, plait.from_numpy(a), plait.from_numpy(b)).numpy()
    assert (got == divided(name, a, b)).all()


@pytest.mark.parametrize("name", ["floor", "trunc", "remainder", "fmod"])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64])
def test_division_near_the_limits(name, dtype):
    # Quotients that are just below a whole number, divisors of both signs, numbers beyond what floats hold.
    info, random = np.iinfo(dtype), np.random.default_rng(0)
    edges = [info.min, info.min + 1, info.max, info.max - 1, -1, 1, 2, -2, 3, 7, 0]
    edges += [v for v in (2**50 - 1, 2**50, 2**50 + 1, -(2**50), 2**53 + 1, 2**31) if v <= info.max]
    b = np.concatenate(
        [edges, random.integers(1, 2**15, 500), random.integers(info.min, info.max, 500)]
    ).astype(dtype)
    b = b[b != 0]
    q = random.integers(-50, 50, b.size).astype(dtype)
    with np.errstate(all="ignore"):
        a = np.concatenate([np.repeat(edges, 2).astype(dtype), q * b, q * b - 1, q * b + 1])
    a, b = np.resize(a, 8000), np.resize(b, 8000)
    if name == "trunc":  # NumPy has no such division: Python's integers, but for the one quotient that wraps
        kept = ~((a == info.min) & (b == -1))
        a, b = a[kept], b[kept]
    got = division(name, plait.from_numpy(a), plait.from_numpy(b)).numpy()
    assert (got == divided(name, a, b)).all()


def test_division_by_zero_among_many():
    a = plait.ones(3000, dtype=plait.int32)
    b = a.clone()
    b[2999] = 0
    with pytest.raises(RuntimeError, match="divided by zero"):
        a // b


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_shifts_of_bytes(dtype):
    a, by = all_pairs(dtype)
    x, n = plait.from_numpy(a), plait.from_numpy(by)
    within = (by >= 0) & (by < 8)
    safe = np.where(within, by, 0)
    left = np.where(within, (a.astype(np.int64) << safe).astype(dtype), 0)
    right = np.where(within, a >> safe, np.where(a < 0, -1, 0)).astype(dtype)
    assert ((x << n).numpy() == left).all()
    assert ((x >> n).numpy() == right).all()


def test_all_halves_to_wider_and_back():
    x = plait.from_numpy(HALVES.copy())
    for dtype, like in (
        (plait.float32, np.float32),
        (plait.float64, np.float64),
        (plait.complex64, np.complex64),
    ):
        np.testing.assert_array_equal(x.to(dtype).numpy(), HALVES.astype(like))
    random = np.random.default_rng(1)
    floats = (random.standard_normal(40_001) * 10.0 ** random.integers(-9, 6, 40_001)).astype(np.float32)
    with np.errstate(over="ignore"):
        expected = floats.astype(np.float16)
    assert (plait.from_numpy(floats).half().numpy().view(np.uint16) == expected.view(np.uint16)).all()
    for dtype in (plait.bool, plait.uint8, plait.int16, plait.int64):
        whole = plait.arange(200).to(dtype)
        assert (whole.half().numpy() == whole.numpy().astype(np.float16)).all()


@pytest.mark.parametrize("dtype", [plait.float16, plait.bfloat16])
def test_signs_of_all_bits(dtype):
    bits = np.arange(65536, dtype=np.uint16)
    x = plait.from_numpy(bits.view(np.int16).copy()).view(dtype)

    def found(t: plait.Tensor) -> np.ndarray:
        return t.view(plait.int16).numpy().view(np.uint16)

    assert (found(-x) == (bits ^ 0x8000)).all()
    assert (found(x.abs()) == (bits & 0x7FFF)).all()
    other = plait.from_numpy(bits[::-1].copy().view(np.int16)).view(dtype)
    assert (found(plait.copysign(x, other)) == ((bits & 0x7FFF) | (bits[::-1] & 0x8000))).all()


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
@pytest.mark.parametrize(
    "shapes", [((1003,), (1003,)), ((37, 41), (41,)), ((37, 41), (37, 1)), ((37, 41), ()), ((), (37, 41))]
)
def test_arithmetic_of_halves(op, shapes):
    random = np.random.default_rng(2)
    a, b = ((random.standard_normal(s) + 3).astype(np.float16) for s in shapes)
    got = getattr(plait, op)(plait.tensor(a), plait.tensor(b))
    compute = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}[op]
    np.testing.assert_array_equal(
        got.numpy(), compute(a.astype(np.float32), b.astype(np.float32)).astype(np.float16)
    )


@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_division(dtype):
    numbers = np.array(
        [0, 1, -1, 1j, 3 - 4j, 1e30 + 1e30j, 1e-30 - 1e-30j, -0.0, 2j - 0.0, 1e-20 + 1e20j], dtype
    )
    numbers = np.resize(numbers, 70)
    a, b = np.repeat(numbers, 70), np.tile(numbers, 70)
    with np.errstate(all="ignore"):
        expected, product = a / b, a * b
    got = (plait.from_numpy(a) / plait.from_numpy(b)).numpy()
    np.testing.assert_allclose(got, expected, rtol=4 * np.finfo(dtype).eps)
    # What overflows on the way is infinite or NaN, by whether the machine adds to a product without rounding it.
    fits = abs(a.astype(np.complex128)) * abs(b.astype(np.complex128)) < np.finfo(dtype).max / 4
    found = (plait.from_numpy(a) * plait.from_numpy(b)).numpy()
    np.testing.assert_allclose(found[fits], product[fits], rtol=4 * np.finfo(dtype).eps)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(
            plait.from_numpy(a).reciprocal().numpy(), dtype(1) / a, rtol=4 * np.finfo(dtype).eps
        )


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int16, np.int32])
@pytest.mark.parametrize("shape", [(7, 5), (300, 33), (129, 1000), (3, 20_000)])
def test_sums_of_short_integers(dtype, shape):
    values = np.random.default_rng(3).integers(0, 2 if dtype is np.bool_ else 127, shape).astype(dtype)
    x = plait.from_numpy(values)
    for t, v in ((x, values), (x.t(), values.T), (x[:, ::2], values[:, ::2])):
        assert t.sum().item() == v.sum()
        for dim in (0, 1):
            assert (t.sum(dim).numpy() == v.sum(dim)).all()
            assert (t.count_nonzero(dim).numpy() == np.count_nonzero(v, dim)).all()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("shape", [(5, 3), (130, 700), (1000, 40)])
def test_column_sums_of_short_floats(dtype, shape):
    x = plait.rand(shape, generator=plait.Generator().manual_seed(0)).to(getattr(plait, dtype))
    exact = x.double().sum(0)
    np.testing.assert_array_equal(
        x.sum(0, dtype=plait.float32).to(x.dtype).float().numpy(), x.sum(0).float().numpy()
    )
    np.testing.assert_allclose(
        x.sum(0).double().numpy(), exact.numpy(), rtol=2.0**-7 if dtype == "bfloat16" else 2.0**-10
    )


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "bfloat16", "float32", "int64", "complex128"])
@pytest.mark.parametrize("rows, columns", [(33, 65), (64, 64), (100, 131)])
def test_transposed_operands(dtype, rows, columns):
    x = plait.from_numpy(np.random.default_rng(4).integers(0, 100, (rows, columns))).to(getattr(plait, dtype))
    y = plait.from_numpy(np.random.default_rng(5).integers(0, 100, (columns, rows))).to(getattr(plait, dtype))
    assert plait.equal(x + y.t(), x + y.t().contiguous())
    assert plait.equal(y.t() + x, y.t().contiguous() + x)
    copy = plait.empty(columns, rows, dtype=x.dtype)
    copy.copy_(x.t())
    assert copy.tolist() == [list(row) for row in zip(*x.tolist(), strict=True)]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "int64", "float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("n", [1, 63, 64, 1000, 40_000])
@pytest.mark.parametrize("kind", ["spread", "close", "few", "equal"])
def test_the_element_at_a_position_in_order(dtype, n, kind):
    random = np.random.default_rng(8)
    values = {
        "spread": random.normal(size=n) * 10.0 ** random.uniform(-4, 4, n),
        "close": 50 + random.uniform(0, 1e-3, n),
        "few": random.integers(-2, 3, n),
        "equal": np.full(n, 7),
    }[kind]
    if dtype == "uint8":
        values = abs(values) % 256
    elif dtype == "int16":
        values = values.clip(-32768, 32767)
    x = plait.from_numpy(np.asarray(values, np.float64)).to(getattr(plait, dtype))
    if dtype.startswith(("float", "bfloat")) and n > 1:
        x[n // 3] = float("inf")
        x[n // 2] = -0.0
    exact = x.to(plait.float64).numpy() + 0.0
    order = np.argsort(exact, kind="stable")
    for k in {1, (n + 1) // 2, n}:
        value, index = x.kthvalue(k)
        assert value.to(plait.float64).item() == exact[order[k - 1]]
        assert index.item() == order[k - 1]
    assert x.median().to(plait.float64).item() == exact[order[(n - 1) // 2]]
    if dtype.startswith(("float", "bfloat")):
        x[n // 4] = float("nan")
        assert x.median().isnan().item() and x.median(0).indices.item() == n // 4
        assert n == 1 or x.nanmedian().to(plait.float64).item() == np.sort(x.to(plait.float64).numpy())[(n - 2) // 2]


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float16", "bfloat16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("exponent", [3, -2])
def test_powers_by_multiplication(dtype, exponent):
    random = np.random.default_rng(7)
    if not dtype.startswith(("float", "bfloat", "complex")):
        if exponent > 0:
            x = plait.from_numpy(random.integers(0, 200, 1001)).to(getattr(plait, dtype))
            np.testing.assert_array_equal((x**exponent).numpy(), x.numpy() ** np.asarray(exponent, x.numpy().dtype))
        return
    signs = random.choice([-1.0, 1.0], 1001)
    x = plait.from_numpy(random.uniform(0.1, 3, 1001) * signs + (1j * random.normal(size=1001) if dtype.startswith("complex") else 0))
    x = x.to(getattr(plait, dtype))
    exact = x.to(plait.complex128 if dtype.startswith("complex") else plait.float64).numpy() ** exponent
    # Two roundings of each factor's error, and one of the result; a product of complex numbers has a few more.
    eps = plait.finfo(x.real.dtype if dtype.startswith("complex") else x.dtype).eps
    got = (x**exponent).to(plait.complex128 if dtype.startswith("complex") else plait.float64).numpy()
    assert (abs(got - exact) <= (8 if dtype.startswith("complex") else 2) * eps * abs(exact)).all()
    if dtype == "float32":  # in range wherever the result is
        edges = plait.tensor([1e20, -1e-18, 0.0, -0.0, float("inf"), float("-inf"), float("nan")])
        with np.errstate(all="ignore"):
            expected = (edges.numpy().astype(np.float64) ** exponent).astype(np.float32)
        np.testing.assert_allclose((edges**exponent).numpy(), expected, rtol=3e-7, atol=1e-45)


def test_powers_of_doubles():
    random = np.random.default_rng(6)
    x = np.exp(random.uniform(-30, 30, 20_001))
    y = random.uniform(-20, 20, 20_001)
    got, expected = (plait.from_numpy(x) ** plait.from_numpy(y)).numpy(), x**y
    normal = (expected > 1e-300) & (expected < 1e300)
    assert (abs(got - expected)[normal] <= 1.5 * np.spacing(expected)[normal]).all()
    special = np.array(
        [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            2.0,
            -2.0,
            3.0,
            -3.0,
            1e-310,
            1e308,
            np.inf,
            -np.inf,
            np.nan,
            2.0**53 + 2,
            1e5,
            -1e5,
        ]
    )
    a, b = np.repeat(special, special.size), np.tile(special, special.size)
    with np.errstate(all="ignore"):
        expected = a**b
    got = (plait.from_numpy(a) ** plait.from_numpy(b)).numpy()
    np.testing.assert_allclose(got, expected, rtol=4e-16, atol=5e-324)
    assert (np.signbit(got) == np.signbit(expected))[~np.isnan(expected)].all()


@pytest.mark.parametrize(
    "shape, dim",
    [((5, 8), 0), ((3, 300), 0), ((2, 7, 9, 11), 1), ((2, 600, 257), 1), ((4, 3, 2), 1), ((1, 1, 16), 0)],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_softmax_along_inner_dimensions(shape, dim, dtype):
    x = plait.randn(shape, generator=plait.Generator().manual_seed(1), dtype=plait.float64).to(
        getattr(plait, dtype)
    )
    values = x.double().numpy()
    power = np.exp(values - values.max(dim, keepdims=True))
    expected = power / power.sum(dim, keepdims=True)
    tolerance = {"float32": 1e-6, "float64": 1e-14, "bfloat16": 1e-2}[dtype]
    np.testing.assert_allclose(x.softmax(dim).double().numpy(), expected, rtol=tolerance)
    np.testing.assert_allclose(
        x.log_softmax(dim).double().numpy(), np.log(expected), rtol=tolerance, atol=tolerance
    )
    if dtype == "float64":
        w = plait.randn(shape, generator=plait.Generator().manual_seed(2), dtype=plait.float64)
        for name in ("softmax", "log_softmax"):
            gradients = []
            for form in (x, x.transpose(dim, -1).contiguous().transpose(dim, -1)):
                leaf = form.clone().requires_grad_()
                y = (
                    getattr(leaf.transpose(dim, -1).contiguous(), name)(-1).transpose(dim, -1)
                    if form is x
                    else getattr(leaf, name)(dim)
                )
                (y * w).sum().backward()
                gradients.append(leaf.grad.numpy())
            np.testing.assert_allclose(gradients[0], gradients[1], rtol=1e-12, atol=1e-14)


def test_integers_of_a_float_function_keep_their_layout():
    x = plait.arange(12).reshape(3, 4).t()
    y = x.exp()
    assert y.stride() == x.stride()
    np.testing.assert_allclose(y.numpy(), np.exp(x.numpy().astype(np.float32)), rtol=1e-6)


def test_tests_of_integers_read_nothing():
    x = plait.arange(10, dtype=plait.uint8)[::3]
    assert (
        plait.isfinite(x).all()
        and not plait.isnan(x).any()
        and not plait.isinf(x).any()
        and not plait.signbit(x).any()
    )
    assert plait.signbit(plait.tensor([-1, 1])).tolist() == [True, False]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "int64", "complex128"])
def test_flips_and_short_pieces(dtype):
    values = np.random.default_rng(7).integers(0, 100, (37, 130))
    x = plait.from_numpy(values).to(getattr(plait, dtype))
    assert x.flip(1).tolist() == values[:, ::-1].astype(x.numpy().dtype).tolist()
    assert x.flip(0, 1).tolist() == values[::-1, ::-1].astype(x.numpy().dtype).tolist()
    stacked = plait.stack([x, x.flip(1), x], 2)
    assert stacked.tolist() == np.stack([x.numpy(), x.numpy()[:, ::-1], x.numpy()], 2).tolist()
    joined = plait.cat([x[:, :1], x, x[:, :2]], 1)
    assert joined.tolist() == np.concatenate([x.numpy()[:, :1], x.numpy(), x.numpy()[:, :2]], 1).tolist()


def test_any_byte_but_zero_is_true():
    # A view of other bytes as bool may hold any.
    x = plait.arange(256).to(plait.uint8).view(plait.bool)
    for t in (~x, x.logical_not()):
        assert t.view(plait.uint8).tolist() == [1] + [0] * 255


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (130, 33), (5, 1100), (1100, 3), (2, 40000)])
@pytest.mark.parametrize(
    "layout", [lambda x: x, lambda x: x.T, lambda x: x[:, ::2], lambda x: x[::2].T, lambda x: x[:, ::3]]
)
def test_sums_and_products_of_complex_numbers(dtype, shape, layout):
    """Along lines about the kernels' vectors, blocks and pieces, with and without gaps."""
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    x /= np.abs(x)  # products stay on the circle
    t, v = layout(plait.tensor(x)), layout(x).astype("complex128")
    unit = float(np.finfo(dtype).eps)
    for dim in (0, 1, None):
        n = v.size if dim is None else v.shape[dim]
        args = () if dim is None else (dim,)
        np.testing.assert_allclose(t.sum(*args).numpy(), v.sum(dim), rtol=0, atol=unit * n)
        np.testing.assert_allclose(t.mean(*args).numpy(), v.mean(dim), rtol=0, atol=2 * unit)
        np.testing.assert_allclose(t.prod(*args).numpy(), v.prod(dim), rtol=0, atol=unit + 4e-16 * n)


def test_every_half_is_read_by_vectors():
    every = plait.arange(-(2**15), 2**15, dtype=plait.int32).to(plait.int16).view(plait.float16)
    for x in (every, every.repeat_interleave(2)[::2]):
        for reduced in (x[None].sum(0), x[None].amax(0), plait.stack([x, plait.zeros_like(x)])[:1].prod(0)):
            plait.testing.assert_close(reduced, x, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("shape", [(), (1,), (3, 4)])
@pytest.mark.parametrize("number", [1e5, 1e-9, 0.3])
def test_a_number_beside_16_bit_floats_is_not_rounded_to_them(dtype, shape, number):
    x = plait.full(shape, 100.0, dtype=getattr(plait, dtype))
    for function in (
        lambda x: x / number,
        lambda x: x * 1e-2 * number,
        lambda x: number * (x * 1e-2),
        lambda x: number / x,
        lambda x: x + number,
        lambda x: number - x,
        lambda x: plait.div(x, number, rounding_mode="floor"),
        lambda x: plait.fmod(x, number),
        lambda x: x.clone().div_(number),
    ):
        wide = plait.full((5,), 100.0, dtype=x.dtype)
        assert function(x).unique().tolist() == function(wide).unique().tolist()
    one = x * 1e-2
    assert (x / number).float().equal((x.float() / number).to(x.dtype).float())
    assert (number * one).float().equal((number * one.float()).to(x.dtype).float())


@pytest.mark.parametrize(("dtype", "big"), [("complex64", 1e30), ("complex128", 1e250)])
def test_log1p_of_large_complex_numbers(dtype, big):
    z = np.array([complex(big, big), complex(-big, 1), complex(2, -big), complex(1001, 3), complex(3, 999)], dtype)
    expected = np.log1p(z.astype("complex128"))
    np.testing.assert_allclose(plait.log1p(plait.tensor(z)).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_nan_to_num_of_each_part_of_complex_numbers(dtype):
    parts = [1.5, np.nan, np.inf, -np.inf]
    z = np.array([[complex(x, y) for x in parts] for y in parts], dtype)
    for given in ({}, {"nan": 2.0, "posinf": 5.0, "neginf": -7.0}):
        for t, a in ((plait.tensor(z), z), (plait.tensor(z).t()[1:], z.T[1:]), (plait.tensor(z[0, 1]), z[0, 1])):
            expected = np.nan_to_num(a, **given)
            np.testing.assert_array_equal(plait.nan_to_num(t, **given).numpy(), expected)
            out = plait.empty(0, dtype=t.dtype)
            np.testing.assert_array_equal(plait.nan_to_num(t, **given, out=out).numpy(), expected)
            np.testing.assert_array_equal(t.clone().nan_to_num_(**given).numpy(), expected)
