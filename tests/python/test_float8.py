"""The 8-bit floats: what they hold, where they may go, and their product. The oracle is their definition (OFP8)."""

import copy
import io
import pickle

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from opinfo import OPS
from opinfo.bridge import Bridge
from plait.utils import safetensors

E4M3, E5M2 = plait.float8_e4m3fn, plait.float8_e5m2
BOTH = pytest.mark.parametrize("dtype", [E4M3, E5M2], ids=["e4m3fn", "e5m2"])
LARGEST = {E4M3: 448.0, E5M2: 57344.0}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=needs_cuda)])
def cuda_or_cpu(request):
    return request.param


def numbers(dtype):
    """The value of each of the 256 patterns, from its sign, exponent and mantissa."""
    exponent_bits, mantissa_bits, bias = (4, 3, 7) if dtype is E4M3 else (5, 2, 15)
    values = []
    for bits in range(256):
        sign = -1.0 if bits & 0x80 else 1.0
        exponent = bits >> mantissa_bits & (1 << exponent_bits) - 1
        mantissa = (bits & (1 << mantissa_bits) - 1) / (1 << mantissa_bits)
        if dtype is E4M3 and bits & 0x7F == 0x7F:
            value = np.nan
        elif dtype is E5M2 and exponent == 31:
            value = np.nan if mantissa else np.inf
        elif exponent == 0:
            value = mantissa * 2.0 ** (1 - bias)
        else:
            value = (1 + mantissa) * 2.0 ** (exponent - bias)
        values.append(sign * value)
    return np.array(values)


def rounded(x, dtype):
    """The nearest numbers of dtype to a NumPy array, ties to the even pattern; beyond the largest NaN or infinity."""
    table = numbers(dtype)[:128]
    finite = table[np.isfinite(table)]
    step = finite[-1] - finite[-2]
    beyond = np.nan if dtype is E4M3 else np.inf
    grid = np.append(finite, finite[-1] + step)  # where rounding that goes beyond lands
    magnitude = np.abs(x)
    high = np.clip(np.searchsorted(grid, magnitude), 1, len(grid) - 1)
    below, above = magnitude - grid[high - 1], grid[high] - magnitude
    index = np.where((below < above) | ((below == above) & (high % 2 == 1)), high - 1, high)
    result = grid[index]
    result = np.where((index == len(grid) - 1) | (magnitude > grid[-1]), beyond, result)
    return np.where(np.isnan(x), np.nan, np.copysign(result, x))


def scaled_product(a, b, scale_a, scale_b, bias=0.0):
    wide = [t.double().cpu().numpy() for t in (a, b, scale_a, scale_b)]
    return (wide[0] * wide[2]) @ (wide[1] * wide[3]) + bias


def operands(m, k, n, dtypes=(E4M3, E4M3), device="cpu", seed=0):
    rng = np.random.default_rng(seed)
    a, b = (plait.tensor(rng.standard_normal(shape)).to(d) for shape, d in zip(((m, k), (n, k)), dtypes, strict=True))
    return a.to(device), b.to(device).t()


@BOTH
def test_every_pattern_has_its_value(dtype):
    patterns = plait.arange(256).to(plait.uint8)
    values = patterns.view(dtype)
    np.testing.assert_array_equal(values.double().cpu().numpy(), numbers(dtype))
    np.testing.assert_array_equal(values.tolist(), numbers(dtype))
    assert values[56 if dtype is E4M3 else 60].item() == 1.0
    back = values.float().to(dtype).view(plait.uint8).numpy()
    nan = np.isnan(numbers(dtype))
    np.testing.assert_array_equal(back[~nan], patterns.numpy()[~nan])
    assert np.isnan(values.float().to(dtype).double().cpu().numpy()[nan]).all()


@BOTH
@pytest.mark.parametrize("source", ["float32", "float64", "float16", "bfloat16"])
def test_conversion_rounds_to_the_nearest(dtype, source, cuda_or_cpu):
    finite = numbers(dtype)[:128]
    finite = finite[np.isfinite(finite)]
    middles = (finite[1:] + finite[:-1]) / 2
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [finite, middles, np.nextafter(middles, 0, dtype=np.float32), np.nextafter(middles, 1e9, dtype=np.float32)]
        + [rng.standard_normal(2000) * 2.0 ** rng.integers(-20, 18, 2000), [464, 465, 480, 61439, 61440, 65504, np.inf, np.nan]]
    )
    x = np.concatenate([x, -x])
    given = plait.tensor(x, dtype=getattr(plait, source))
    got = given.to(cuda_or_cpu).to(dtype).to("cpu")
    np.testing.assert_array_equal(got.double().cpu().numpy(), rounded(given.double().cpu().numpy(), dtype))


@BOTH
def test_integers_bools_and_complex_numbers_convert(dtype):
    for source in ("bool", "uint8", "int8", "int16", "int32", "int64"):
        x = plait.arange(2 if source == "bool" else 9).to(getattr(plait, source))
        assert x.to(dtype).to(x.dtype).tolist() == x.tolist()
        assert x.to(dtype).dtype is dtype
    assert plait.tensor([1.5 + 2j]).to(dtype).tolist() == [1.5]
    assert plait.tensor([0.0, 0.25]).to(dtype).bool().tolist() == [False, True]
    assert plait.tensor([1.5]).to(E4M3).to(E5M2).tolist() == [1.5]


@BOTH
def test_tensors_are_made_moved_and_seen(dtype, cuda_or_cpu):
    x = plait.tensor([[0.5, -1.0, 2.0], [3.0, 0.0, -4.0]], dtype=dtype, device=cuda_or_cpu)
    assert (x.dtype, x.element_size(), x.nbytes, x.is_floating_point()) == (dtype, 1, 6, True)
    want = x.float().tolist()
    assert x.clone().tolist() == want and x.t().contiguous().t().tolist() == want
    assert x[1, ::2].tolist() == [3.0, -4.0] and x[plait.tensor([1, 0], device=cuda_or_cpu)].tolist() == want[::-1]
    assert plait.cat([x, x]).tolist() == want + want and plait.stack([x, x])[1].tolist() == want
    assert x.index_select(1, plait.tensor([2], device=cuda_or_cpu)).tolist() == [[2.0], [-4.0]]
    assert plait.zeros(2, dtype=dtype, device=cuda_or_cpu).tolist() == [0.0, 0.0]
    assert plait.full((2,), 3, dtype=dtype, device=cuda_or_cpu).tolist() == [3.0, 3.0]
    assert plait.ones_like(x).tolist() == [[1.0] * 3] * 2 and plait.empty_like(x).shape == x.shape
    x[0] = 1.25  # 1.25 is a number of both
    x[1] = plait.tensor([1.0, 2.0, 3.0], device=cuda_or_cpu)
    assert x.tolist() == [[1.25] * 3, [1.0, 2.0, 3.0]]
    assert x.fill_(2).zero_().tolist() == [[0.0] * 3] * 2
    assert x.reshape(3, 2).expand(2, 3, 2).shape == (2, 3, 2)
    assert copy.deepcopy(x).dtype is dtype


@BOTH
def test_what_is_printed_and_saved(dtype, tmp_path):
    x = plait.tensor([0.5, -448.0]).to(dtype)
    assert repr(x) == f"tensor([   0.5000, -448.0000], dtype={dtype})"
    assert str(dtype) == f"plait.{dtype.name}"
    for again in (pickle.loads(pickle.dumps(x)), plait.from_dlpack(x)):
        assert again.dtype is dtype and again.tolist() == x.tolist()
    file = io.BytesIO()
    plait.save({"x": x}, file)
    file.seek(0)
    assert plait.load(file)["x"].view(plait.uint8).tolist() == x.view(plait.uint8).tolist()
    safetensors.save_file({"x": x}, tmp_path / "x.safetensors")
    read = safetensors.load_file(tmp_path / "x.safetensors")["x"]
    assert read.dtype is dtype and read.tolist() == x.tolist()
    limits = plait.finfo(dtype)
    table = numbers(dtype)
    assert limits.max == LARGEST[dtype] == table[np.isfinite(table)].max() and limits.bits == 8
    assert 1 + limits.eps in table and limits.tiny in table and limits.resolution == 1.0


@BOTH
def test_gradients_pass_through_conversions(dtype):
    x = plait.tensor([1.0, 2.0], requires_grad=True)
    (x.to(dtype).float() * plait.tensor([2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [2.0, 3.0]


@BOTH
def test_nothing_else_is_computed(dtype):
    x = plait.ones(2, 2).to(dtype)
    for compute in (
        lambda: x + x, lambda: x + 1, lambda: plait.ones(2, 2) * x, lambda: x @ x, lambda: x.sum(), lambda: x.sort(),
        lambda: x.exp(), lambda: x.relu(), lambda: x == x, lambda: plait.where(x.float() > 0, x, x), lambda: x.cumsum(0),
        lambda: plait.nn.functional.softmax(x, 0), lambda: plait.arange(3, dtype=dtype), lambda: plait.randn(3, dtype=dtype),
        lambda: plait.ones(3).sum(dtype=dtype), lambda: plait.cat([x, x.float()]), lambda: plait.linspace(0, 1, 3, dtype=dtype),
        lambda: x.normal_(), lambda: x.unique(), lambda: x.nonzero(),
    ):  # fmt: skip
        with pytest.raises((TypeError, NotImplementedError), match=r"float8|8-bit"):
            compute()
    with pytest.raises(TypeError, match="no common dtype"):
        plait.promote_types(dtype, plait.float32)
    with pytest.raises(TypeError, match=f"no {dtype.name}"):
        x.numpy()
    assert x.numpy(force=True).dtype == np.float32


@BOTH
def test_no_op_takes_them_silently(dtype, cuda_or_cpu):
    """Every op's samples, all or one of their floats as 8-bit ones: an answer or an error, and the process goes on."""
    refused = taken = 0
    bridge = Bridge(plait, cuda_or_cpu)
    for info in OPS.values():
        for sample in info.make_samples("float32")[:2]:
            arguments, keywords = bridge.arguments(sample)
            places = [i for i, a in enumerate(arguments) if isinstance(a, plait.Tensor) and a.is_floating_point()]
            for which in [places, *([p] for p in places)]:
                given = [a.to(dtype) if i in which else a for i, a in enumerate(arguments)]
                try:
                    info.run(plait, *given, **keywords)
                    taken += 1
                except (TypeError, ValueError, NotImplementedError, RuntimeError, IndexError):
                    refused += 1
    assert refused > 500 and taken > 20


SHAPES = [(1, 16, 16), (3, 32, 48), (64, 128, 32), (17, 16, 16)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtypes", [(E4M3, E4M3), (E4M3, E5M2), (E5M2, E4M3)])
@pytest.mark.parametrize("out", ["float32", "bfloat16", "float16"])
def test_scaled_mm(shape, dtypes, out, cuda_or_cpu):
    m, k, n = shape
    a, b = operands(m, k, n, dtypes, cuda_or_cpu)
    rng = np.random.default_rng(1)
    whole = [plait.tensor(x, device=cuda_or_cpu) for x in (0.5, 3.0)]
    by_rows = [plait.tensor(rng.uniform(0.5, 2, s), dtype=plait.float32, device=cuda_or_cpu) for s in ((m, 1), (1, n))]
    dtype = getattr(plait, out)
    half = plait.bfloat16 if out == "float32" else dtype
    bias = plait.tensor(rng.standard_normal(n), dtype=half, device=cuda_or_cpu)
    eps = {"float32": 2.0**-23 * k**0.5, "bfloat16": 2.0**-8, "float16": 2.0**-11}[out]
    for scales in (whole, by_rows):
        for added in (None, bias):
            got = plait._scaled_mm(a, b, *scales, bias=added, out_dtype=dtype, use_fast_accum=k % 32 == 0)
            want = scaled_product(a, b, *scales, 0.0 if added is None else added.double().cpu().numpy())
            magnitude = scaled_product(a.float().abs(), b.float().abs(), *scales) + 2
            assert got.dtype is dtype and got.shape == (m, n)
            assert (np.abs(got.double().cpu().numpy() - want) <= 2 * eps * (np.abs(want) + 0.1 * magnitude)).all()


def test_scaled_mm_gives_8_bit_results(cuda_or_cpu):
    a, b = operands(16, 32, 16, device=cuda_or_cpu)
    scale, factor = plait.tensor(0.5, device=cuda_or_cpu), plait.tensor(4.0, device=cuda_or_cpu)
    got = plait._scaled_mm(a, b, scale, scale, scale_result=factor)
    want = 4 * scaled_product(a, b, scale, scale)
    assert got.dtype is E4M3
    np.testing.assert_allclose(got.double().cpu().numpy(), want, rtol=2.0**-4 * 1.01, atol=2.0**-9)
    assert plait._scaled_mm(a, b, scale, scale, out_dtype=plait.bfloat16, scale_result=factor).tolist() == (
        plait._scaled_mm(a, b, scale, scale, out_dtype=plait.bfloat16).tolist()
    )


def test_scaled_mm_says_what_is_wrong():
    a, b = operands(4, 32, 16)
    one = plait.tensor(1.0)
    for arguments, error, text in (
        ((a, b.float(), one, one), TypeError, "float32.*convert"),
        ((a.float(), b, one, one), TypeError, "self"),
        ((a.to(E5M2), b.to(E5M2), one, one), TypeError, "at least one of them float8_e4m3fn"),
        ((a, b.t(), one, one), ValueError, r"\(4, 32\) and \(16, 32\)"),
        ((a, b.contiguous(), one, one), ValueError, "contiguous columns.*mat2.t"),
        ((a[:, :24], b[:24], one, one), ValueError, "multiples of 16.*pad"),
        ((a, b, one.double(), one), TypeError, "scale_a and scale_b of dtype float32"),
        ((a, b, plait.ones(4, 1), one), ValueError, r"\(4, 1\)"),
        ((a, b, one, one, plait.ones(3)), ValueError, r"bias of shape \(16,\)"),
        ((a, b, one, one, None, None, plait.float64), TypeError, "out_dtype"),
    ):
        with pytest.raises(error, match=text):
            plait._scaled_mm(*arguments)
