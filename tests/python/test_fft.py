"""plait.fft: values against NumPy, derivatives by differences, PyTorch where installed."""

import numpy as np
import plait
import pytest
import scipy.fft
from plait import fft

RNG = np.random.default_rng(0)
NORMS = [None, "backward", "forward", "ortho"]


def real(*shape):
    return RNG.normal(size=shape)


def compl(*shape):
    return RNG.normal(size=shape) + 1j * RNG.normal(size=shape)


def pair(x):
    """A complex tensor as a real leaf, and back."""
    return plait.tensor(np.stack([x.real, x.imag], -1), requires_grad=True)


def as_real(y):
    return plait.view_as_real(y) if y.is_complex() else y


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
@pytest.mark.parametrize(("n", "dim"), [(None, -1), (4, 0), (7, 1), (1, -1), (6, -2), (3, 1)])
def test_one_dimension(name, n, dim, norm):
    for x in (real(5, 6), compl(5, 6)):
        if name in ("rfft", "ihfft") and np.iscomplexobj(x):
            continue
        expected = getattr(np.fft, name)(x, n, dim, norm)
        ours = getattr(fft, name)(plait.tensor(x), n, dim, norm)
        np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)
        assert ours.dtype is (plait.float64 if name in ("irfft", "hfft") else plait.complex128)
        if np.iscomplexobj(x):
            leaf = pair(x)

            def f(t):
                return as_real(getattr(fft, name)(plait.view_as_complex(t), n, dim, norm))

        else:
            leaf = plait.tensor(x, requires_grad=True)

            def f(t):
                return as_real(getattr(fft, name)(t, n, dim, norm))

        assert plait.autograd.gradcheck(f, [leaf])
        if norm == "ortho" and dim == 1:
            assert plait.autograd.gradgradcheck(f, [leaf])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn", "fft2", "ifft2", "rfft2", "irfft2"])
@pytest.mark.parametrize(
    ("s", "dim"), [(None, (-2, -1)), ((3, 5), (0, 2)), ((4, 4), (2, 1)), ((2, 7), (-1, 0))]
)
def test_several_dimensions(name, s, dim, norm):
    x = real(3, 4, 5) if name.startswith("rfft") else compl(3, 4, 5)
    expected = getattr(np.fft, name)(x, s, dim, norm)
    ours = getattr(fft, name)(plait.tensor(x), s, dim, norm)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["hfftn", "ihfftn", "hfft2", "ihfft2"])
@pytest.mark.parametrize(
    ("s", "dim"), [(None, (-2, -1)), ((3, 5), (0, 2)), ((4, 4), (2, 1)), ((2, 7), (-1, 0))]
)
def test_hermitian_signals_of_several_dimensions(name, s, dim, norm):
    x = real(3, 4, 5) if name.startswith("i") else compl(3, 4, 5)
    expected = getattr(scipy.fft, name)(x, s, dim, norm)
    ours = getattr(fft, name)(plait.tensor(x), s, dim, norm)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_defaults_and_gradients_of_several(name):
    x = real(2, 3, 4) if name == "rfftn" else compl(2, 3, 4)
    np.testing.assert_allclose(
        getattr(fft, name)(plait.tensor(x)).numpy(), getattr(np.fft, name)(x), atol=1e-12
    )
    leaf = plait.tensor(x, requires_grad=True) if name == "rfftn" else pair(x)

    def f(t):
        return as_real(getattr(fft, name)(t if name == "rfftn" else plait.view_as_complex(t), dim=(2, 0)))

    assert plait.autograd.gradcheck(f, [leaf])
    assert plait.autograd.gradgradcheck(f, [leaf])


# Every kind of pass, large prime factors, lengths above what the buffers hold several lines of.
@pytest.mark.parametrize(
    "n", [*range(1, 41), 49, 64, 74, 121, 128, 143, 210, 1000, 1009, 2018, 2048, 3072, 4096, 5041, 40000, 65536]
)
def test_lengths(n):
    lines = 37 if n < 50 else 3
    z, x = compl(lines, n), real(lines, n)
    size = np.sqrt(n)
    for numbers, dtype, tolerance in ((z, plait.complex128, 1e-14), (z, plait.complex64, 5e-6)):
        t = plait.tensor(numbers, dtype=dtype)
        for name in ("fft", "ifft"):
            expected = getattr(np.fft, name)(numbers, norm="ortho")
            assert np.abs(getattr(fft, name)(t, norm="ortho").numpy() - expected).max() < tolerance * np.log2(
                n + 3
            )
        single = t.real.contiguous()
        half = np.fft.rfft(numbers.real)
        assert np.abs(fft.rfft(single).numpy() - half).max() < tolerance * size * np.log2(n + 3)
        back = fft.irfft(plait.tensor(half, dtype=dtype), n).numpy()
        assert np.abs(back - numbers.real).max() < tolerance * np.log2(n + 3)
    # Lines that are apart in memory, and neighbours in the buffers that know nothing of each other.
    np.testing.assert_allclose(fft.rfft(plait.tensor(x).T, dim=0).numpy(), np.fft.rfft(x).T, atol=1e-12 * n)
    columns, half = plait.tensor(np.ascontiguousarray(x.T)), np.fft.rfft(x).T
    np.testing.assert_allclose(fft.rfft(columns, dim=0).numpy(), half, atol=1e-12 * n)
    back = fft.irfft(plait.tensor(np.ascontiguousarray(half)), n, dim=0)
    np.testing.assert_allclose(back.numpy(), x.T, atol=1e-12 * n)
    x[1, 0] = np.nan
    ours = fft.rfft(plait.tensor(x)).numpy()
    assert np.isnan(ours[1]).all() and np.isfinite(ours[0]).all() and np.isfinite(ours[2:]).all()


def test_threads_and_real_ends():
    before = plait.get_num_threads()
    try:
        x = plait.tensor(compl(300, 512))
        plait.set_num_threads(1)
        one = fft.fft(x)
        plait.set_num_threads(3)
        assert plait.equal(fft.fft(x), one)
    finally:
        plait.set_num_threads(before)
    # Imaginary parts of coefficients that are their own conjugates are not read.
    for n in (6, 7):
        z = compl(2, n // 2 + 1)
        np.testing.assert_allclose(fft.irfft(plait.tensor(z), n).numpy(), np.fft.irfft(z, n), atol=1e-13)
    out = plait.empty(0, dtype=plait.complex64)
    assert fft.fft(plait.ones(4), out=out) is out and out.shape == (4,)
    with pytest.raises(ValueError, match=r"_fft: expected the name of a function of plait\.fft, got 'dct'"):
        plait._C.ops["_fft"]("dct", plait.ones(4))


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_inverses(n):
    x = real(3, n)
    np.testing.assert_allclose(fft.irfft(fft.rfft(plait.tensor(x)), n).numpy(), x, atol=1e-12)
    z = compl(3, n)
    np.testing.assert_allclose(fft.ifft(fft.fft(plait.tensor(z))).numpy(), z, atol=1e-12)


def test_dtypes_and_strides():
    x = real(4, 6)
    single = plait.tensor(x, dtype=plait.float32)
    assert fft.fft(single).dtype is plait.complex64 and fft.rfft(single).dtype is plait.complex64
    assert fft.irfft(fft.rfft(single)).dtype is plait.float32
    np.testing.assert_allclose(fft.rfft(single).numpy(), np.fft.rfft(x), rtol=1e-5, atol=1e-5)
    assert fft.fft(plait.arange(4)).dtype is plait.complex64
    turned = plait.tensor(x).T[:, ::2]
    np.testing.assert_allclose(fft.fft(turned).numpy(), np.fft.fft(x.T[:, ::2]), atol=1e-12)
    assert fft.fft(plait.zeros(0, 4)).shape == (0, 4)
    assert fft.fftn(plait.zeros(2, 3), dim=()).dtype is plait.complex64


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_frequencies_and_shifts(n):
    for d in (1.0, 0.3):
        np.testing.assert_allclose(fft.fftfreq(n, d, dtype=plait.float64).numpy(), np.fft.fftfreq(n, d))
        np.testing.assert_allclose(fft.rfftfreq(n, d, dtype=plait.float64).numpy(), np.fft.rfftfreq(n, d))
    x = real(n, 3, n + 1)
    for dim in (None, 0, -1, (0, 2)):
        for name in ("fftshift", "ifftshift"):
            ours = getattr(fft, name)(plait.tensor(x), dim)
            np.testing.assert_array_equal(ours.numpy(), getattr(np.fft, name)(x, dim))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: fft.rfft(plait.complex(plait.ones(2), plait.ones(2))), TypeError, "fft.fft"),
        (lambda: fft.ihfft2(plait.ones(2, 2) + 0j), TypeError, "use fft.ifft2"),
        (lambda: fft.fft(plait.ones(2).half()), TypeError, "float32"),
        (lambda: fft.fft([1.0]), TypeError, "Tensor"),
        (lambda: fft.fft(plait.tensor(1.0)), IndexError, "0-d"),
        (lambda: fft.fft(plait.ones(2), norm="up"), ValueError, "ortho"),
        (lambda: fft.fft(plait.ones(2), n=0), ValueError, "n >= 1"),
        (lambda: fft.fft(plait.ones(2), dim=1), IndexError, "dim"),
        (lambda: fft.fft(plait.ones(2, 0)), ValueError, "at least 1"),
        (lambda: fft.fftn(plait.ones(2, 2), dim=(0, -2)), ValueError, "different"),
        (lambda: fft.fftn(plait.ones(2, 2), s=(2,), dim=(0, 1)), ValueError, "one size"),
        (lambda: fft.irfft(plait.ones(1)), ValueError, "at least 1"),
        (lambda: fft.hfft(plait.ones(1)), ValueError, "at least 1"),
        (lambda: fft.fftn(plait.ones(2), s=(2, 2)), ValueError, "at most 1 sizes"),
        (lambda: fft.rfftn(plait.ones(2), dim=()), ValueError, "one dimension"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_as_pytorch():
    torch = pytest.importorskip("torch")
    names = "fft ifft rfft irfft hfft ihfft fft2 irfft2 rfft2 rfftn hfft2 ihfft2 hfftn ihfftn"
    for name in names.split():
        x = real(3, 4, 5) if name.startswith(("rfft", "ihfft")) else compl(3, 4, 5)
        for norm in NORMS:
            ours, theirs = plait.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
            a, b = getattr(fft, name)(ours, norm=norm), getattr(torch.fft, name)(theirs, norm=norm)
            np.testing.assert_allclose(a.detach().numpy(), b.detach().resolve_conj().numpy(), atol=1e-12)
            w = compl(*b.shape) if b.is_complex() else real(*b.shape)
            ((a * plait.tensor(w)).real if b.is_complex() else a * plait.tensor(w)).sum().backward()
            ((b * torch.tensor(w)).real if b.is_complex() else b * torch.tensor(w)).sum().backward()
            np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.resolve_conj().numpy(), atol=1e-11)


def test_one_dimension_may_be_a_number():
    x = plait.tensor(np.random.default_rng(0).normal(size=(4, 6)))
    for name in ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn", "fft2", "rfft2"):
        f = getattr(plait.fft, name)
        np.testing.assert_array_equal(f(x, dim=-1), f(x, dim=(-1,)))
        np.testing.assert_array_equal(f(x, s=3, dim=0), f(x, s=(3,), dim=(0,)))


# Lines as they lie in memory: one after the other, side by side, neither; fewer than a vector has lanes, and more.
@pytest.mark.parametrize("dim", [0, 1, 2])
@pytest.mark.parametrize("shape", [(19, 24, 21), (3, 20, 7), (2, 9, 33), (64, 2, 5), (1, 70, 1)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(plait.complex128, 1e-13), (plait.complex64, 1e-4)])
def test_layouts(shape, dim, dtype, tolerance):
    z = compl(*shape)
    for numbers in (z, z.transpose(2, 1, 0), z[::2], z[:, ::-1]):
        t = plait.tensor(np.ascontiguousarray(numbers), dtype=dtype)
        for turned in (t, plait.tensor(np.ascontiguousarray(numbers.T), dtype=dtype).permute(2, 1, 0)):
            n = numbers.shape[dim]
            size = tolerance * n
            np.testing.assert_allclose(
                fft.fft(turned, dim=dim).numpy(), np.fft.fft(numbers, axis=dim), atol=size
            )
            np.testing.assert_allclose(
                fft.ifft(turned, dim=dim).numpy(), np.fft.ifft(numbers, axis=dim), atol=size
            )
            np.testing.assert_allclose(
                fft.rfft(turned.real, dim=dim).numpy(), np.fft.rfft(numbers.real, axis=dim), atol=size
            )
            for count in {max(1, 2 * n - 2), 2 * n - 1}:
                np.testing.assert_allclose(
                    fft.irfft(turned, count, dim=dim).numpy(),
                    np.fft.irfft(numbers, count, axis=dim),
                    atol=size,
                )


@pytest.mark.parametrize("n", [1 << 16, 50000, 65537, 59049])
def test_long_lines_on_several_threads(n):
    before = plait.get_num_threads()
    z = compl(2, n)
    strided = plait.tensor(z.T)
    try:
        for f, numbers in ((fft.fft, z), (fft.ifft, z), (fft.rfft, z.real), (fft.irfft, z)):
            expected = getattr(np.fft, f.__name__)(numbers)
            results = []
            for threads in (1, 3):
                plait.set_num_threads(threads)
                results.append(f(plait.tensor(np.ascontiguousarray(numbers))))
            assert plait.equal(*results)
            scale = np.abs(expected).max()
            np.testing.assert_allclose(results[0].numpy(), expected, atol=1e-14 * scale * np.log2(n))
            apart = strided.real if f is fft.rfft else strided
            np.testing.assert_allclose(f(apart, dim=0).numpy().T, expected, atol=1e-14 * scale * np.log2(n))
    finally:
        plait.set_num_threads(before)
