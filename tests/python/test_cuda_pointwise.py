"""Elementwise kernels on CUDA: what the sweep's small samples do not reach. Sizes around vectors and blocks, odd
strides, more dimensions than a plan has, numbers in full precision, edge values, faults.
"""

import itertools

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from opinfo.bridge import mismatch
from opinfo.core import Tol

pytestmark = needs_cuda

INTS = ("uint8", "int8", "int16", "int32", "int64")
FLOATS = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
DTYPES = ("bool", *INTS, *FLOATS, *COMPLEX)
# A thread takes 4 to 32 elements, a block 1024 to 8192.
SIZES = (0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 255, 1023, 1025, 4097, 8191, 16385, 40_003)


def dtype_of(name):
    return getattr(plait, name)


def random(shape, dtype, rng):
    """A tensor on the CPU, with small whole numbers: sums and products are exact in every dtype."""
    a = rng.integers(0 if dtype in ("bool", "uint8") else -3, 2 if dtype == "bool" else 4, shape)
    if dtype in COMPLEX:
        a = a + 1j * rng.integers(-3, 4, shape)
    return plait.tensor(a).to(dtype_of(dtype))


def same(cuda, cpu):
    """Equal bit by bit."""
    assert cuda.device.type == "cuda" and cuda.dtype == cpu.dtype and cuda.shape == cpu.shape
    a, b = cuda.cpu(), cpu
    if cpu.dtype.is_floating_point or cpu.dtype.is_complex:
        assert bool(((a == b) | ((a != a) & (b != b))).all()), (a, b)
    else:
        assert plait.equal(a, b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_size(dtype):
    rng = np.random.default_rng(0)
    for n in SIZES:
        a, b = random((n,), dtype, rng), random((n,), dtype, rng)
        same(a.cuda() * b.cuda(), a * b)
        same(a.cuda() == b.cuda(), a == b)
        same(a.cuda().clone(), a)


@pytest.mark.parametrize("dtype", ("uint8", "bfloat16", "float32", "float64", "complex128"))
def test_memory_that_is_not_aligned(dtype):
    """Views that begin at any element: vectors are given up, or kept where all operands allow it."""
    rng = np.random.default_rng(1)
    a, b = random((1100,), dtype, rng), random((1100,), dtype, rng)
    x, y = a.cuda(), b.cuda()
    for i, j in itertools.product((0, 1, 3, 4, 8), repeat=2):
        same(x[i : i + 1040] + y[j : j + 1040], a[i : i + 1040] + b[j : j + 1040])
        out, expected = x.clone(), a.clone()
        out[i : i + 1040].copy_(y[j : j + 1040])
        expected[i : i + 1040].copy_(b[j : j + 1040])
        same(out, expected)  # nothing beside it was touched


def layouts(a):
    """Ways to lay out a 3-dimensional tensor, with its elements."""
    yield a
    yield a.transpose(0, 2).contiguous().transpose(0, 2)
    yield plait.stack([a, a], 3)[..., 0]
    yield plait.cat([a, a], 1)[:, : a.shape[1]]
    yield a.permute(1, 2, 0).contiguous().permute(2, 0, 1)


@pytest.mark.parametrize("dtype", ("int16", "float32", "complex64"))
def test_layouts(dtype):
    rng = np.random.default_rng(2)
    a, b = random((5, 16, 33), dtype, rng), random((5, 16, 33), dtype, rng)
    for x in layouts(a):
        for y in layouts(b):
            same(x.cuda().mul(y.cuda()), a * b)
    for shape in ((33,), (16, 1), (5, 1, 1), (1, 16, 33), (5, 1, 33), (1, 1, 1)):
        c = random(shape, dtype, rng)
        same(a.cuda() + c.cuda(), a + c)
        same(c.cuda() + a.cuda(), c + a)
        same(c.cuda().expand(5, 16, 33).add(a.cuda()), a + c)


@pytest.mark.parametrize("narrow", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div"])
def test_float32_with_16_bits(name, narrow):
    """As in autocast regions. One pass: nothing is converted beforehand."""
    f, rng = getattr(plait, name), np.random.default_rng(6)
    for n in SIZES:
        wide, short = plait.tensor(rng.normal(size=n)).float(), plait.tensor(rng.normal(size=n)).to(dtype_of(narrow))
        same(f(wide.cuda(), short.cuda()), f(wide, short.float()))
        same(f(short.cuda(), wide.cuda()), f(short.float(), wide))
    wide, short = plait.tensor(rng.normal(size=(6, 40))).float(), plait.tensor(rng.normal(size=(6, 40))).to(dtype_of(narrow))
    for take in (lambda t: t.t(), lambda t: t[:, 1:], lambda t: t[::2]):
        same(f(take(wide.cuda()), take(short.cuda())), f(take(wide), take(short).float()))
    for take in (lambda t: t[:1], lambda t: t[:, :1], lambda t: t[0, 0]):
        same(f(wide.cuda(), take(short.cuda())), f(wide, take(short).float()))
    into = wide.cuda()
    getattr(into, name + "_")(short.cuda())
    same(into, f(wide, short.float()))
    a, b = plait.ones(1 << 16, device="cuda"), plait.ones(1 << 16, device="cuda", dtype=dtype_of(narrow))
    plait.cuda.reset_peak_memory_stats()
    before = plait.cuda.memory_allocated()
    f(a, b)
    assert plait.cuda.max_memory_allocated() - before == a.nbytes


def test_more_dimensions_than_a_plan_has():
    """Fifteen dimensions that do not merge."""
    rng = np.random.default_rng(3)
    a, b = random((2,) * 15, "float32", rng), random((2,) * 15, "float32", rng)
    order = tuple(range(0, 15, 2)) + tuple(range(1, 15, 2))
    same(a.cuda() + b.cuda().permute(*order), a + b.permute(*order))
    same(a.cuda().permute(*order[::-1]).clone(), a.permute(*order[::-1]).clone())


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_numbers_are_not_rounded_to_16_bits_first(dtype):
    """Neither a Python number nor a 0-d float32 tensor, wherever it lies."""
    a = plait.linspace(-4, 4, 999).to(dtype_of(dtype))
    x, number = a.cuda(), 1.0009765625 + 2**-12
    wide = a.double()
    for f in (plait.add, plait.sub, plait.mul, plait.div, plait.pow, plait.atan2, plait.fmod):
        expected = f(wide.abs(), number).to(dtype_of(dtype)).double()
        for other in (number, plait.tensor(number), plait.tensor(number).cuda()):
            got = f(x.abs(), other)
            assert got.dtype == a.dtype
            assert mismatch(got.cpu().double().numpy(), expected.numpy(), dtype, Tol(1)) is None, f
    same(x * plait.tensor(number).cuda(), a * number)
    same(number / x, number / a)


def test_a_number_of_every_kind():
    for dtype in DTYPES:
        a = random((37,), dtype, np.random.default_rng(4))
        x = a.cuda()
        for number in (True, 2, 2.5, 1 - 2j):
            same(x == number, a == number)
            if dtype != "bool":
                same(x * number, a * number)
            same(plait.where(x != 0, x, number), plait.where(a != 0, a, number))
        if dtype in INTS:
            same(x.masked_fill(x > 0, 100), a.masked_fill(a > 0, 100))
            same(x == 2**40, a == 2**40)
            same(x < 300, a < 300)
    big = plait.tensor([2**62 + 1, -(2**62) - 3])
    same(big.cuda() + (2**61 + 5), big + (2**61 + 5))


@pytest.mark.parametrize("dtype", DTYPES)
def test_conversion_to_every_dtype(dtype):
    values = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 100.0, 3.75, 127.0]
    if dtype == "uint8":
        values = [abs(v) for v in values]
    a = plait.tensor(values).to(dtype_of(dtype)).repeat(7)
    for to in DTYPES:
        same(a.cuda().to(dtype_of(to)), a.to(dtype_of(to)))
        same(a.cuda()[1::3].to(dtype_of(to)), a[1::3].to(dtype_of(to)))


def words(text):
    return text.split()


SIZES_OF_EDGES = (
    0.0,
    1.0,
    0.5,
    2.0,
    3.0,
    7.5,
    21.0,
    89.0,
    104.5,
    1e5,
    1e30,
    3e38,
    1e-30,
    1e-40,
    float("inf"),
)
EDGES = [sign * x for x in SIZES_OF_EDGES for sign in (1, -1)] + [float("nan"), 0.999999, 1.000001]
UNARIES = words("""exp exp2 expm1 log log2 log10 log1p sigmoid sqrt rsqrt reciprocal sin cos tan asin acos atan
sinh cosh tanh asinh acosh atanh erf erfc erfinv lgamma digamma abs neg sign floor ceil trunc round frac square
nan_to_num angle deg2rad logit isnan isinf isfinite signbit relu""")
ACTIVATIONS = words("""silu mish gelu logsigmoid softplus softsign tanhshrink hardswish hardsigmoid elu selu celu
leaky_relu softshrink hardshrink relu6 hardtanh""")


@pytest.mark.parametrize("name", UNARIES + ACTIVATIONS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_edge_values(name, dtype):
    """Infinities, NaN, signed zeros, subnormals, both sides of every overflow: as on the CPU."""
    f = getattr(plait, name, None) or getattr(plait.nn.functional, name)
    a = plait.tensor(EDGES, dtype=plait.float64).to(dtype_of(dtype))
    got, expected = f(a.cuda()).cpu(), f(a)
    if expected.dtype == plait.bool:
        return same(got.cuda(), expected)
    # lgamma and digamma have zeros; erfc(x / sqrt(2)) multiplies the rounding error of its argument by x^2.
    tol = Tol(64, 4) if name in ("lgamma", "digamma", "tan") else Tol(8, 0)
    for i, x in enumerate(EDGES):
        if name == "gelu":
            tol = Tol(8 + 2 * min(x * x, 1500) if x == x else 8, 4)
        e, g = expected[i : i + 1].double().numpy(), got[i : i + 1].double().numpy()
        assert mismatch(g, e, dtype, tol) is None, (x, g, e)


@pytest.mark.parametrize("dtype", FLOATS)
def test_edge_values_of_two(dtype):
    a = plait.tensor([p for p, _ in itertools.product(EDGES, EDGES)], dtype=plait.float64).to(dtype_of(dtype))
    b = plait.tensor([q for _, q in itertools.product(EDGES, EDGES)], dtype=plait.float64).to(dtype_of(dtype))
    names = words("""add sub mul div maximum minimum fmax fmin pow atan2 hypot logaddexp copysign heaviside xlogy
    fmod remainder floor_divide eq ne lt le gt ge logical_xor""")
    for name in names:
        f = getattr(plait, name)
        got, expected = f(a.cuda(), b.cuda()).cpu(), f(a, b)
        if expected.dtype == plait.bool:
            assert plait.equal(got, expected), name
            continue
        error = mismatch(got.double().numpy(), expected.double().numpy(), dtype, Tol(16, 0))
        assert error is None, (name, error)


@pytest.mark.parametrize("dtype", INTS)
def test_integers_wrap(dtype):
    info = plait.iinfo(dtype_of(dtype))
    ends = [info.min, info.min + 1, 0, 1, 3, info.max - 1, info.max] + ([] if dtype == "uint8" else [-1, -7])
    pairs = list(itertools.product(ends, ends))
    a = plait.tensor([p for p, _ in pairs], dtype=dtype_of(dtype))
    b = plait.tensor([q for _, q in pairs], dtype=dtype_of(dtype))
    x, y = a.cuda(), b.cuda()
    for name in words("add sub mul maximum minimum bitwise_and bitwise_or bitwise_xor lt le eq ne"):
        same(getattr(plait, name)(x, y), getattr(plait, name)(a, b))
    for name in words("neg abs sign square bitwise_not"):
        same(getattr(plait, name)(x), getattr(plait, name)(a))
    for by in (0, 1, 5, 7, 8, 15, 16, 31, 32, 63, 64, 100):
        if by <= info.max:
            same(x << by, a << by)
            same(x >> by, a >> by)
    d = plait.where(b == 0, plait.ones_like(b), b)
    for name in words("floor_divide remainder fmod"):
        same(getattr(plait, name)(x, d.cuda()), getattr(plait, name)(a, d))
    same(plait.div(x, d.cuda(), rounding_mode="trunc"), plait.div(a, d, rounding_mode="trunc"))
    same(plait.add(x, y, alpha=3), plait.add(a, b, alpha=3))
    same(plait.sub(x, y, alpha=2), plait.sub(a, b, alpha=2))
    same(x.clamp(info.min, info.max), a.clamp(info.min, info.max))
    same(x.clamp(-1 if dtype != "uint8" else 1, 3), a.clamp(-1 if dtype != "uint8" else 1, 3))


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod"])
@pytest.mark.parametrize("divisor", ["tensor", "number"])
def test_integer_division_by_zero_is_reported(name, divisor):
    x = plait.arange(1000, device="cuda")
    zero = plait.tensor([1, 0] * 500).cuda() if divisor == "tensor" else 0
    with pytest.raises(RuntimeError, match=f"{name}: ZeroDivisionError"):
        getattr(plait, name)(x, zero).cpu()
    assert (x // 3)[-1].item() == 333  # the device goes on


def test_powers():
    a = plait.tensor([0.0, 1.0, 2.0, 0.5, 3.0, -2.0])
    for e in (0, 1, 2, 3, -1, -2, 0.5, -0.5, 1.5):
        same(a.cuda() ** e, (a**e))
        got = a.cuda() ** plait.tensor(float(e)).cuda()  # not looked at by the host
        assert mismatch(got.cpu().numpy(), (a**e).numpy(), "float32", Tol(4)) is None
    i = plait.tensor([-3, -1, 0, 1, 2, 5])
    for e in (0, 1, 2, 5, 63):
        same(i.cuda() ** e, i**e)
    same(i.cuda() ** plait.tensor([-1, -2, 3, -5, 62, 3]).cuda(), i ** plait.tensor([-1, -2, 3, -5, 62, 3]))
    with pytest.raises(RuntimeError, match="integers to negative integer powers"):
        i.cuda() ** -1
    same(2 ** a.cuda(), 2**a)


def test_complex_functions_near_their_cuts():
    parts = [0.0, -0.0, 1e-3, -1e-3, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 50.0, -50.0, 300.0, -300.0]
    z = plait.tensor([complex(x, y) for x, y in itertools.product(parts, parts)], dtype=plait.complex128)
    names = "sqrt exp log log10 sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh log1p expm1 reciprocal"
    for name in names.split() + ["sigmoid"]:
        f = getattr(plait, name)
        got, expected = f(z.cuda()).cpu().numpy(), f(z).numpy()
        with np.errstate(all="ignore"):
            finite = np.isfinite(expected) & (np.abs(expected) < 1e100)
        error = np.abs(got[finite] - expected[finite]) / np.maximum(np.abs(expected[finite]), 1e-300)
        assert error.max() < 1e-12, (name, z.numpy()[finite][error.argmax()], got[finite][error.argmax()])
        if name in words("sqrt log asin acos atan asinh acosh atanh"):  # the sides of the cuts
            for part in ("real", "imag"):
                g, e = getattr(got[finite], part), getattr(expected[finite], part)
                assert np.allclose(g, e, rtol=1e-11, atol=1e-11), name


def test_written_into_its_own_argument():
    a = plait.linspace(-3, 3, 5001)
    x = a.cuda()
    for f in ("exp_", "sigmoid_", "neg_", "abs_", "sqrt_"):
        got, expected = getattr(x.clone(), f)(), getattr(a.clone(), f)()
        assert mismatch(got.cpu().numpy(), expected.numpy(), "float32", Tol(4)) is None
    y = x.clone()
    y.add_(y).mul_(y).sub_(y.t() if y.dim() == 2 else y)
    assert float(y.abs().max().cpu()) == 0
    m = plait.arange(36.0).reshape(6, 6)
    n = m.cuda()
    n.add_(n.t())  # an argument that overlaps otherwise is copied first
    same(n, m + m.t())
    n[1:].copy_(n[:-1].clone())
    n[:, 1:] += 1
    assert n.shape == (6, 6)


def test_fill_and_where_of_every_dtype():
    for dtype in DTYPES:
        for n in (1, 5, 1000, 4099):
            x = plait.empty(n, dtype=dtype_of(dtype), device="cuda")
            same(x.fill_(1), plait.ones(n, dtype=dtype_of(dtype)))
            same(x.zero_(), plait.zeros(n, dtype=dtype_of(dtype)))
            a = random((n,), dtype, np.random.default_rng(n))
            mask = random((n,), "bool", np.random.default_rng(n + 1))
            value = plait.tensor(1).to(dtype_of(dtype))
            same(a.cuda().masked_fill(mask.cuda(), 1), a.masked_fill(mask, 1))
            same(a.cuda().masked_fill(mask.cuda(), value.cuda()), a.masked_fill(mask, 1))
            same(plait.where(mask.cuda(), a.cuda(), value.cuda()), plait.where(mask, a, value))
    y = plait.zeros(5, 7, device="cuda")
    y[:, ::2] = 3
    same(y, plait.tensor([[3.0, 0] * 3 + [3]] * 5))


def test_ranges():
    for dtype in ("int8", "int64", "float16", "float32", "float64"):
        for args in ((0,), (7,), (3, 50), (50, 3, -4), (-7, 90, 3)):
            got = plait.arange(*args, dtype=dtype_of(dtype), device="cuda")
            same(got, plait.arange(*args, dtype=dtype_of(dtype)))
    for steps in (0, 1, 2, 5, 11, 1000):
        for dtype in ("float32", "float64", "int32", "complex64"):
            got = plait.linspace(-1, 10, steps, dtype=dtype_of(dtype), device="cuda")
            same(got, plait.linspace(-1, 10, steps, dtype=dtype_of(dtype)))
    for n, m in ((0, 3), (1, 1), (5, 3), (3, 5), (70, 70)):
        same(plait.eye(n, m, device="cuda"), plait.eye(n, m))
        for offset in (-80, -3, -1, 0, 1, 2, 80):
            for f in (plait.tril_indices, plait.triu_indices):
                for dtype in (plait.int32, plait.int64):
                    same(f(n, m, offset, dtype=dtype, device="cuda"), f(n, m, offset, dtype=dtype))


def test_a_graph_takes_them():
    """Nothing in these families waits for the device: that would end a capture."""
    x = plait.linspace(0.1, 1, 64, device="cuda")
    e = plait.tensor(1.5).cuda()
    mask = (x > 0.5).clone()

    def work():
        y = x**e + plait.where(mask, x, e) * plait.lerp(x, x * 2, e)
        y = y.masked_fill(mask, e).clamp(0, 4) + plait.full((64,), 2.0, device="cuda").fill_(e)
        return y + (plait.arange(64, device="cuda") // 3) + (x == e)

    expected = work().cpu()
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        result = work()
    graph.replay()
    same(result, expected)


@pytest.mark.parametrize("dtype", ("uint8", "bfloat16", "float32", "int64", "complex128"))
def test_transposed_copies(dtype):
    """Tiles of 32 to 128 elements a side, of single ones or of vectors, whole ones and parts, with dimensions before,
    between and behind."""
    rng = np.random.default_rng(5)
    shapes = ((16, 16), (15, 40), (64, 64), (65, 31), (3, 130, 17), (2, 20, 3, 50), (33, 2, 18, 2, 2))
    for shape in (*shapes, (136, 200), (20, 68), (2, 24, 3, 152)):
        a = random(shape, dtype, rng)
        n = len(shape)
        for order in ((*range(1, n), 0), tuple(range(n))[::-1], (n - 1, *range(n - 1))):
            same(a.cuda().permute(*order).contiguous(), a.permute(*order).contiguous())
            out = plait.zeros_like(a).cuda()
            out.permute(*order).copy_(a.permute(*order).contiguous().cuda())  # the other way round
            same(out, a)
        for begin in (1, 8):
            same(a.cuda()[..., begin:].transpose(0, -1).contiguous(), a[..., begin:].transpose(0, -1).contiguous())
    same(
        plait.empty(40, 50, 3, dtype=dtype_of(dtype), device="cuda").copy_(a.reshape(-1)[:150].reshape(50, 3).cuda()),
        plait.empty(40, 50, 3, dtype=dtype_of(dtype)).copy_(a.reshape(-1)[:150].reshape(50, 3)),
    )
    a, b = random((260, 300), dtype, rng), random((300, 260), dtype, rng)  # large enough to be turned first
    same(a.cuda() == b.cuda().t(), a == b.t())
    same(a.cuda().mul(b.cuda().t()), a.mul(b.t()))
    same(b.cuda().t().clone().mul_(a.cuda()), a.mul(b.t()))


def test_bits_of_single_bytes():
    """Four at a time, with what is aligned and what is not."""
    rng = np.random.default_rng(11)
    for dtype in ("bool", "uint8", "int8"):
        functions = [plait.bitwise_and, plait.bitwise_or, plait.bitwise_xor, plait.mul, plait.add, plait.maximum]
        functions += [plait.minimum, plait.ne, plait.eq, plait.logical_and, plait.logical_or, plait.logical_xor]
        for shape in ((64,), (4096 + 4,), (37,), (5, 8, 12), (3, 7, 4)):
            a, b = random(shape, dtype, rng), random(shape, dtype, rng)
            x, y = a.cuda(), b.cuda()
            for f in functions:
                same(f(x, y), f(a, b))
                same(f(x[..., 1:], y[..., :-1]), f(a[..., 1:], b[..., :-1]))
                same(f(x, y[..., :1]), f(a, b[..., :1]))
                same(f(x.mT, y.mT) if a.ndim > 1 else f(x, y), f(a.mT, b.mT) if a.ndim > 1 else f(a, b))
            same(x.clone().mul_(y), a.clone().mul_(b))
            same(x ^ True if dtype == "bool" else x ^ 3, a ^ True if dtype == "bool" else a ^ 3)
