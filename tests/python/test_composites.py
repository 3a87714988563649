"""Functions composed of ops (diff, isin, mode, windows, special, grid_sample): NumPy, SciPy, PyTorch."""

import numpy as np
import plait
import pytest
from plait.nn import functional as F
from scipy import signal, special

RNG = np.random.default_rng(0)


def t(x, **kwargs):
    return plait.tensor(x, dtype=plait.float64, **kwargs)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 7])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_diff(n, dim):
    x = RNG.normal(size=(5, 4))
    np.testing.assert_allclose(t(x).diff(n, dim).numpy(), np.diff(x, n, dim), atol=1e-12)
    y = RNG.normal(size=(5, 4))
    ours = plait.diff(t(x), n, dim, prepend=t(y), append=t(y))
    np.testing.assert_allclose(ours.numpy(), np.diff(x, n, dim, prepend=y, append=y) if n else x, atol=1e-12)


def test_diff_of_other_dtypes():
    assert plait.tensor([True, False, False]).diff().tolist() == [True, False]
    assert plait.tensor([1, 4, 2]).diff().dtype is plait.int64
    assert plait.zeros(0).diff().shape == (0,)
    assert plait.autograd.gradcheck(
        lambda x: plait.diff(x, 2, 0), [t(RNG.normal(size=(4, 2)), requires_grad=True)]
    )
    with pytest.raises(ValueError, match="0-d"):
        plait.tensor(1.0).diff()
    with pytest.raises(IndexError, match="dim"):
        plait.ones(2).diff(dim=1)
    with pytest.raises(ValueError, match="n >= 0"):
        plait.ones(2).diff(-1)


def test_isin():
    nan = float("nan")
    cases = [
        (RNG.integers(0, 9, (4, 3)), RNG.integers(0, 9, (2, 2))),
        (np.array([1.0, nan, np.inf, -0.0]), np.array([nan, np.inf, 0.0])),
        (np.array([1, 2]), np.array([1.5, 2.0])),
        (np.array([True, False]), np.array([True])),
        (np.zeros((0, 2)), np.array([1.0])),
        (np.array([1, 2]), np.zeros(0, dtype=np.int64)),
        (np.array(3), np.array([3, 4])),
    ]
    for elements, test in cases:
        for invert in (False, True):
            ours = plait.isin(plait.tensor(elements), plait.tensor(test), invert=invert)
            np.testing.assert_array_equal(ours.numpy(), np.isin(elements, test, invert=invert))
    assert plait.isin(plait.tensor([1, 2]), 2).tolist() == [False, True]
    assert plait.isin(2, plait.tensor([1, 2])).item() is True
    assert plait.isin(plait.arange(6).reshape(2, 3).T, plait.tensor([3])).tolist()[0] == [False, True]
    with pytest.raises(TypeError, match="Tensor"):
        plait.isin(1, 2)


def test_sinc_and_polar():
    x = np.array([0.0, 0.5, 1.0, -2.3, 1e-9, np.nan])
    np.testing.assert_allclose(t(x).sinc().numpy(), np.sinc(x), rtol=1e-12, atol=1e-16)
    assert plait.sinc(plait.tensor([0, 1])).dtype is plait.float32
    assert plait.autograd.gradcheck(plait.sinc, [t([0.0, 0.3, -1.2], requires_grad=True)])
    r, angle = RNG.uniform(size=(3, 2)), RNG.normal(size=(3, 2))
    z = plait.polar(t(r), t(angle))
    np.testing.assert_allclose(z.numpy(), r * np.exp(1j * angle), rtol=1e-12)
    assert plait.polar(plait.ones(1), plait.ones(1)).dtype is plait.complex64
    inputs = [t(r, requires_grad=True), t(angle, requires_grad=True)]
    assert plait.autograd.gradcheck(lambda a, b: plait.view_as_real(plait.polar(a, b)), inputs)
    with pytest.raises(RuntimeError, match="float64"):
        plait.polar(plait.ones(1), t([1.0]))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_trapezoid(dim):
    y, x = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 5))
    np.testing.assert_allclose(plait.trapezoid(t(y), dim=dim).numpy(), np.trapezoid(y, axis=dim))
    np.testing.assert_allclose(plait.trapz(t(y), dx=0.3, dim=dim).numpy(), np.trapezoid(y, dx=0.3, axis=dim))
    np.testing.assert_allclose(plait.trapezoid(t(y), t(x), dim=dim).numpy(), np.trapezoid(y, x, axis=dim))
    line = np.sort(RNG.normal(size=y.shape[dim]))
    np.testing.assert_allclose(
        plait.trapezoid(t(y), t(line), dim=dim).numpy(), np.trapezoid(y, line, axis=dim)
    )
    with pytest.raises(ValueError, match="both"):
        plait.trapezoid(t(y), t(x), dx=1.0)
    assert plait.trapezoid(plait.zeros(2, 0)).tolist() == [0, 0]


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_mode(dim, keepdim):
    for x in (RNG.integers(0, 3, (6, 5)), RNG.integers(0, 4, (5, 1)), RNG.integers(0, 2, (1, 7))):
        expected = np.apply_along_axis(lambda v: np.bincount(v).argmax(), dim, x)
        values, index = plait.tensor(x).mode(dim, keepdim)
        if keepdim:
            assert values.shape[dim] == index.shape[dim] == 1
        else:
            values, index = values.unsqueeze(dim), index.unsqueeze(dim)
        np.testing.assert_array_equal(values.squeeze(dim).numpy(), expected)
        np.testing.assert_array_equal(np.take_along_axis(x, index.numpy(), dim), values.numpy())


def test_mode_of_little():
    assert plait.tensor(3.0).mode() == (3.0, 0)
    assert plait.mode(plait.tensor([True, True, False])).values.item() is True
    x = t([1.0, 2.0, 2.0], requires_grad=True)
    x.mode().values.backward()
    assert x.grad.tolist() == [0, 0, 1]
    with pytest.raises(IndexError, match="empty"):
        plait.zeros(2, 0).mode()


WINDOWS = {
    "hann_window": ("hann", {}),
    "hamming_window": ("hamming", {}),
    "blackman_window": ("blackman", {}),
    "bartlett_window": ("bartlett", {}),
    "kaiser_window": (("kaiser", 12.0), {}),
}


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("length", [0, 1, 2, 7, 32])
@pytest.mark.parametrize("periodic", [False, True])
def test_windows(name, length, periodic):
    ours = getattr(plait, name)(length, periodic, dtype=plait.float64)
    expected = signal.get_window(WINDOWS[name][0], length, fftbins=periodic) if length else np.zeros(0)
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-10, atol=1e-14)
    assert getattr(plait, name)(3).dtype is plait.float32


def test_window_options():
    for beta in (0.0, 1.0, 50.0, 200.0):
        ours = plait.kaiser_window(9, False, beta, dtype=plait.float64)
        np.testing.assert_allclose(ours.numpy(), np.kaiser(9, beta), rtol=1e-9)
    assert plait.hann_window(4, requires_grad=True).requires_grad
    expected = signal.windows.general_hamming(5, 0.6)
    ours = plait.hamming_window(5, False, 0.6, 0.4, dtype=plait.float64)
    np.testing.assert_allclose(ours.numpy(), expected)
    for call, error in (
        (lambda: plait.hann_window(-1), ValueError),
        (lambda: plait.hann_window(3, dtype=plait.int64), RuntimeError),
        (lambda: plait.hann_window(3, colour=1), TypeError),
    ):
        with pytest.raises(error, match="hann_window"):
            call()


def test_special():
    x = RNG.uniform(0.05, 0.95, size=(3, 4))
    for name in (
        "digamma",
        "erf",
        "erfc",
        "erfinv",
        "exp2",
        "expit",
        "expm1",
        "gammaln",
        "log1p",
        "logit",
        "psi",
    ):
        theirs = getattr(special, name)(x)
        np.testing.assert_allclose(getattr(plait.special, name)(t(x)).numpy(), theirs, rtol=1e-10)
    for name in ("ndtr", "ndtri", "entr"):
        theirs = getattr(special, name)(x)
        np.testing.assert_allclose(getattr(plait.special, name)(t(x)).numpy(), theirs, rtol=1e-8, atol=1e-12)
        assert plait.autograd.gradcheck(getattr(plait.special, name), [t(x, requires_grad=True)])
    edges = np.array([0.0, -1.0, 2.0, np.nan])
    np.testing.assert_allclose(plait.special.entr(t(edges)).numpy(), special.entr(edges))
    np.testing.assert_allclose(plait.special.ndtr(t([-30.0, 40.0])).numpy(), special.ndtr([-30.0, 40.0]))
    a, b = np.array([0.0, 0.0, 1.0, 2.0]), np.array([-1.0, np.nan, 0.5, -0.5])
    np.testing.assert_allclose(plait.special.xlog1py(t(a), t(b)).numpy(), special.xlog1py(a, b))
    assert plait.special.xlog1py(t(a), 1.0).shape == (4,) and plait.special.xlog1py(2.0, t(b)).shape == (4,)
    np.testing.assert_allclose(
        plait.special.multigammaln(t([3.0]), 3).numpy(), [special.multigammaln(3.0, 3)]
    )
    np.testing.assert_allclose(plait.special.softmax(t(x), 1).numpy(), special.softmax(x, 1))
    with pytest.raises(AttributeError, match="bessel"):
        plait.special.bessel


def test_adjoint():
    z = RNG.normal(size=(2, 3, 4)) + 1j * RNG.normal(size=(2, 3, 4))
    np.testing.assert_array_equal(plait.tensor(z).adjoint().numpy(), z.conj().swapaxes(1, 2))
    with pytest.raises(RuntimeError, match="2 dimensions"):
        plait.ones(3).adjoint()


def sampled(image, grid, mode, padding, align):
    """One image (C, *sizes), one place after the other."""
    sizes = image.shape[1:]

    def pixel(index):
        if all(0 <= i < n for i, n in zip(index, sizes)):
            return image[(slice(None), *index)]
        return np.zeros(image.shape[0])

    out = np.zeros((image.shape[0], *grid.shape[:-1]))
    for place in np.ndindex(*grid.shape[:-1]):
        at = []
        for c, n in zip(grid[place][::-1], sizes):
            x = (c + 1) / 2 * (n - 1) if align else ((c + 1) * n - 1) / 2
            low, high = (0, n - 1) if align else (-0.5, n - 0.5)
            if padding == "reflection":
                while high > low and not low <= x <= high:
                    x = 2 * low - x if x < low else 2 * high - x
                x = x if high > low else 0.0
            if padding != "zeros":
                x = min(max(x, 0), n - 1)
            at.append(x)
        if mode == "nearest":
            out[(slice(None), *place)] = pixel([int(np.rint(x)) for x in at])
            continue
        for corner in np.ndindex(*(2,) * len(at)):
            whole = [int(np.floor(x)) + d for x, d in zip(at, corner)]
            weight = np.prod([1 - abs(x - w) for x, w in zip(at, whole)])
            out[(slice(None), *place)] += weight * pixel(whole)
    return out


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("sizes", [(4, 5), (1, 3), (2, 3, 4)])
def test_grid_sample(mode, padding, align, sizes):
    image = RNG.normal(size=(2, 3, *sizes))
    grid = RNG.uniform(-2.6, 2.6, size=(2, 3, *sizes[1:], len(sizes)))
    ours = F.grid_sample(t(image), t(grid), mode, padding, align)
    expected = np.stack([sampled(i, g, mode, padding, align) for i, g in zip(image, grid)])
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-9, atol=1e-10)
    inputs = [t(image, requires_grad=True), t(grid, requires_grad=mode == "bilinear")]
    assert plait.autograd.gradcheck(lambda i, g: F.grid_sample(i, g, mode, padding, align), inputs)
    torch = pytest.importorskip("torch")
    theirs = [torch.tensor(image, requires_grad=True), torch.tensor(grid, requires_grad=True)]
    out = torch.nn.functional.grid_sample(*theirs, mode, padding, align)
    np.testing.assert_allclose(ours.numpy(), out.detach().numpy(), rtol=1e-9, atol=1e-10)
    weights = RNG.normal(size=tuple(out.shape))
    (out * torch.tensor(weights)).sum().backward()
    (F.grid_sample(*inputs, mode, padding, align) * t(weights)).sum().backward()
    for a, b in zip(inputs, theirs):
        if a.requires_grad:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-8, atol=1e-9)


def test_grid_sample_at_the_edges():
    image = plait.arange(4.0).reshape(1, 1, 2, 2)
    nan = float("nan")
    grid = plait.tensor([[[[nan, 0.0], [0.0, nan], [1e30, 0.0], [float("inf"), 0.0]]]])
    assert F.grid_sample(image, grid, align_corners=False).tolist() == [[[[0, 0, 0, 0]]]]
    for padding in ("border", "reflection"):
        assert F.grid_sample(image, grid, padding_mode=padding, align_corners=True).isfinite().all()
    empty = F.grid_sample(image, plait.zeros(1, 0, 3, 2), align_corners=False)
    assert empty.shape == (1, 1, 0, 3)
    with pytest.warns(UserWarning, match="align_corners"):
        F.grid_sample(image, grid)
    infinite = plait.full((1, 1, 1, 1), float("inf"))
    assert F.grid_sample(infinite, plait.full((1, 1, 1, 2), 9.0), align_corners=False).item() == 0
    for call, error in (
        (lambda: F.grid_sample(image, grid, "cubic"), ValueError),
        (lambda: F.grid_sample(image, grid, padding_mode="wrap"), ValueError),
        (lambda: F.grid_sample(image, grid[0]), ValueError),
        (lambda: F.grid_sample(image, grid.double()), TypeError),
        (lambda: F.grid_sample(image.expand(2, 1, 2, 2), grid), ValueError),
        (lambda: F.grid_sample(plait.zeros(1, 1, 0, 2), grid), ValueError),
    ):
        with pytest.raises(error, match="grid_sample"):
            call()


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("size", [(2, 1, 3, 4), (1, 1, 1, 1), (2, 2, 2, 3, 4)])
def test_affine_grid(align, size):
    rank = len(size) - 2
    theta = RNG.normal(size=(size[0], rank, rank + 1))
    image = t(RNG.normal(size=size))
    identity = np.concatenate([np.eye(rank), np.zeros((rank, 1))], 1)[None].repeat(size[0], 0)
    same = F.grid_sample(image, F.affine_grid(t(identity), size, align), align_corners=align)
    np.testing.assert_allclose(same.numpy(), image.numpy(), rtol=1e-12)
    assert plait.autograd.gradcheck(lambda x: F.affine_grid(x, size, align), [t(theta, requires_grad=True)])
    with pytest.raises(ValueError, match="affine_grid"):
        F.affine_grid(t(theta)[0], size, align)
    torch = pytest.importorskip("torch")
    expected = torch.nn.functional.affine_grid(torch.tensor(theta), size, align)
    ours = F.affine_grid(t(theta), size, align)
    np.testing.assert_allclose(ours.numpy(), expected.numpy(), rtol=1e-12, atol=1e-14)


def test_mode_as_pytorch():
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 3, (20, 9))
    ours, theirs = plait.tensor(x).mode(1), torch.tensor(x).mode(1)
    np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
    np.testing.assert_array_equal(ours.indices.numpy(), theirs.indices.numpy())
