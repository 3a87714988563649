"""Functions composed of ops (diff, isin, mode, windows, special, grid_sample): NumPy, SciPy, PyTorch."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
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
    for function, slope in ((plait.special.xlog1py, np.log1p(2)), (plait.xlogy, np.log(2))):
        one = t([1.0], requires_grad=True)
        function(one, 2).sum().backward()  # the number's logarithm has float64's digits
        np.testing.assert_allclose(one.grad.numpy(), [slope], rtol=1e-15)
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


def test_places_of_modes_of_a_number():
    for dim in (0, -1):
        place = plait._C.ops["_mode_index"](plait.tensor(7, dtype=plait.int8), dim)
        assert place.shape == () and place.item() == 0


def test_mode_as_pytorch():
    torch = pytest.importorskip("torch")
    x = RNG.integers(0, 3, (20, 9))
    ours, theirs = plait.tensor(x).mode(1), torch.tensor(x).mode(1)
    np.testing.assert_array_equal(ours.values.numpy(), theirs.values.numpy())
    np.testing.assert_array_equal(ours.indices.numpy(), theirs.indices.numpy())


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("shape", [(5,), (4, 3), (3, 4, 5)])
def test_gradient(shape, edge_order):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)

    def both(*spacing, dim=None):
        theirs = np.gradient(x, *spacing, axis=dim, edge_order=edge_order)
        theirs = list(theirs) if isinstance(theirs, (list, tuple)) else [theirs]
        given = [plait.tensor(s) if isinstance(s, np.ndarray) else s for s in spacing]
        given = given if len(given) > 1 or any(isinstance(s, plait.Tensor) for s in given) else given[0]
        ours = plait.gradient(plait.tensor(x), spacing=given, dim=dim, edge_order=edge_order)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)

    both(1.0)
    both(0.5)
    both(2.0, dim=0)
    both(*[np.sort(rng.uniform(size=n)) for n in shape])
    both(2.0, dim=tuple(reversed(range(len(shape)))))
    check = plait.tensor(x, requires_grad=True)
    assert plait.autograd.gradcheck(lambda t: sum(g.sum() for g in plait.gradient(t, edge_order=edge_order)), [check])


def test_gradient_of_infinities_and_nan():
    inf, nan = np.inf, np.nan
    x = np.array([2, -2, inf, inf, -inf, -inf, inf, 3, -inf, 2, nan, nan, 3, inf, nan])
    with np.errstate(invalid="ignore"):
        expected = np.gradient(x, 0.5)
    (ours,) = plait.gradient(plait.tensor(x), spacing=0.5)
    np.testing.assert_equal(ours.numpy(), expected)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: plait.gradient(plait.ones(3), edge_order=3), ValueError, "edge_order 1 or 2"),
        (lambda: plait.gradient(plait.ones(1)), ValueError, "at least 2 samples"),
        (lambda: plait.gradient(plait.ones(3), dim=1), IndexError, "between -1 and 0"),
        (lambda: plait.gradient(plait.ones(3, 3), dim=(0, -2)), ValueError, "different dimensions"),
        (lambda: plait.gradient(plait.ones(3), spacing=[plait.ones(2)]), ValueError, "3 coordinates"),
        (lambda: plait.ones(2).index_reduce(0, plait.tensor([0]), plait.ones(1), "sum"), ValueError, "'prod'"),
        (lambda: plait.ones(2).index_reduce(0, plait.tensor([0]), plait.ones(2), "prod"), ValueError, "source of"),
        (lambda: plait.ones(2, 3).sum_to_size(2), RuntimeError, "broadcast to"),
        (lambda: plait.nonzero_static(plait.ones(2), size=-1), ValueError, "at least 0"),
        (lambda: plait.empty_strided((2,), (1, 1)), ValueError, "a stride for each size"),
        (lambda: plait.empty_permuted((2, 3), (0, 0)), ValueError, "an order of the dimensions"),
        (lambda: plait.block_diag(plait.ones(1, 1, 1)), ValueError, "at most 2 dimensions"),
        (lambda: plait.einsum(plait.ones(2), [52]), ValueError, "0 to 51"),
        (lambda: plait.zeros(2).put(plait.tensor([0.0]), plait.ones(1)), TypeError, "^put: expected index"),
    ],
)
def test_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("reduce", ["prod", "mean", "amax", "amin"])
@pytest.mark.parametrize("include_self", [True, False])
def test_index_reduce(reduce, include_self):
    rng = np.random.default_rng(0)
    x, source, index = rng.normal(size=(3, 4)), rng.normal(size=(3, 5)), np.array([1, 3, 1, 0, 1])
    expected = x.copy()
    f = {"prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}[reduce]
    for k in range(4):
        rows = source[:, index == k]
        if rows.shape[1]:
            expected[:, k] = f(np.concatenate([x[:, k : k + 1], rows], 1) if include_self else rows, 1)
    args = (1, plait.tensor(index), plait.tensor(source), reduce)
    np.testing.assert_allclose(plait.tensor(x).index_reduce(*args, include_self=include_self), expected)
    ours = plait.tensor(x)
    assert ours.index_reduce_(*args, include_self=include_self) is ours
    np.testing.assert_allclose(ours, expected)


def test_copies_of_views_share_nothing():
    x = plait.arange(6.0).reshape(2, 3)
    for name, args in [
        ("alias", ()),
        ("as_strided", ((2,), (1,))),
        ("diagonal", ()),
        ("expand", ((2, 2, 3),)),
        ("narrow", (1, 0, 2)),
        ("permute", ((1, 0),)),
        ("select", (0, 1)),
        ("split", (1,)),
        ("squeeze", ()),
        ("t", ()),
        ("transpose", (0, 1)),
        ("unbind", ()),
        ("unfold", (1, 2, 1)),
        ("unsqueeze", (0,)),
        ("view", (3, 2)),
    ]:
        copy = getattr(plait, f"{name}_copy")(x, *args)
        view = x if name == "alias" else getattr(x, name)(*args)
        for a, b in zip(*((copy, view) if isinstance(copy, tuple) else ((copy,), (view,))), strict=True):
            assert plait.equal(a, b) and a.untyped_storage().data_ptr() != x.untyped_storage().data_ptr()
    parts = plait.unsafe_chunk(x, 2), plait.unsafe_split(x, 1)
    assert all(plait.equal(a, b) for p in parts for a, b in zip(p, x.chunk(2), strict=True))


def test_forms_of_given_strides():
    x = plait.empty_strided((2, 3), (1, 4))
    assert x.stride() == (1, 4) and x.untyped_storage().nbytes() >= 4 * 10
    assert plait.zeros(2, dtype=plait.int64).new_empty_strided((3,), (2,)).dtype is plait.int64
    assert plait.empty_permuted((2, 3, 5, 7), (0, 2, 3, 1)).is_contiguous(memory_format=plait.channels_last)
    scattered = plait.as_strided_scatter(plait.zeros(2, 2), plait.ones(2), (2,), (3,), 0)
    np.testing.assert_array_equal(scattered, np.eye(2))
    assert plait.nonzero_static(plait.tensor([[0, 2], [3, 0]]), size=3).tolist() == [[0, 1], [1, 0], [-1, -1]]
    assert plait.nonzero_static(plait.tensor([1, 2]), size=1).tolist() == [[0]]
    assert plait.ones(4, 2, 3).sum_to_size(2, 1).tolist() == [[12.0], [12.0]]
    assert plait.rsub(plait.tensor([1.0]), plait.tensor([5.0]), alpha=2).tolist() == [3.0]


def test_former_linear_algebra():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 4, 4)), rng.normal(size=(3, 4, 2))
    factors, pivots, infos = plait.lu(plait.tensor(a), get_infos=True)
    assert not infos.any() and plait.equal(plait.tensor(a).lu()[0], factors)
    np.testing.assert_allclose(plait.lu_solve(plait.tensor(b), factors, pivots), np.linalg.solve(a, b), rtol=1e-9)
    upper = np.triu(a) + 4 * np.eye(4)
    for transpose in (False, True):
        x = plait.triangular_solve(plait.tensor(b), plait.tensor(upper), transpose=transpose).solution
        np.testing.assert_allclose((upper.swapaxes(1, 2) if transpose else upper) @ x.numpy(), b, atol=1e-12)


def test_losses_of_linear_layers():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5, 3))
    w, bias, target = rng.normal(size=(4, 3)), rng.normal(size=4), rng.integers(0, 4, 5)
    for options in ({}, {"reduction": "sum"}, {"label_smoothing": 0.1}, {"ignore_index": 2}):
        f = plait.nn.functional
        ours = f.linear_cross_entropy(
            plait.tensor(x), plait.tensor(w), plait.tensor(target), linear_bias=plait.tensor(bias), **options
        )
        logits = plait.tensor(x @ w.T + bias)
        np.testing.assert_allclose(ours, f.cross_entropy(logits, plait.tensor(target), **options), rtol=1e-10)


@pytest.mark.parametrize("weight", [0.4, 0.4 - 0.3j])
def test_gradient_of_lerp_by_a_number_has_all_digits(weight):
    dtype = plait.complex128 if isinstance(weight, complex) else plait.float64
    x = plait.tensor([0.3, 0.7], dtype=dtype, requires_grad=True)
    y = plait.tensor([1.3, 0.2], dtype=dtype)
    (g,) = plait.autograd.grad(plait.lerp(x, y, weight), x, plait.ones(2, dtype=dtype))
    # A weight of float32's digits differs by 1e-8.
    np.testing.assert_allclose(g.numpy(), np.conj(1 - weight), rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_nextafter(dtype):
    kind = getattr(plait, dtype)
    x = plait.tensor([0.0, 1.0, -1.0, 2.0, 3.5, float("inf")], dtype=kind)
    for towards in (5.0, -5.0):
        y = plait.full_like(x, towards)
        got = plait.nextafter(x, y)
        assert got.dtype is kind
        if dtype == "bfloat16":  # half the spacing of float32's numbers of 8 digits: none lies between
            step = (got.float() - x.float()).abs()[:5]
            assert step.tolist() == [2.0**-133, *([2.0**-7, 2.0**-8] if towards > 0 else [2.0**-8, 2.0**-7]), *step.tolist()[3:]]
        else:
            np.testing.assert_array_equal(got.numpy(), np.nextafter(x.numpy(), y.numpy()))
    assert plait.nextafter(x, plait.tensor(float("nan"), dtype=kind)).isnan().all()


def test_derivatives_of_nextafter():
    x, y = t([1.0, 3.0], requires_grad=True), t([[2.0], [0.0]], requires_grad=True)
    grads = plait.autograd.grad(plait.nextafter(x, y).sum(), [x, y])
    assert [g.tolist() for g in grads] == [[2, 2], [[0], [0]]]
    with pytest.raises(TypeError, match="expected floats, got "):
        plait.nextafter(plait.tensor([1]), plait.tensor([2]))


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("places", [(), (2,), (2, 4)])
def test_linear_cross_entropy_loss(places, bias):
    """The cross entropy of each place's own logits, by NumPy."""
    m = plait.nn.LinearCrossEntropyLoss(
        3, 5, out_features=places, bias=bias, dtype=plait.float64, reduction="none", ignore_index=1
    )
    x = plait.tensor(RNG.normal(size=(6, 3)), requires_grad=True)
    target = RNG.integers(0, 5, size=(6, *places))
    got = m(x, plait.tensor(target))
    w = m.linear.weight.detach().numpy().reshape(5, *places, 3)
    logits = np.einsum("ni,c...i->nc...", x.detach().numpy(), w)
    if bias:
        logits = logits + m.linear.bias.detach().numpy().reshape(5, *places)
    chances = special.log_softmax(logits, 1)
    want = -np.take_along_axis(chances, target[:, None], 1)[:, 0] * (target != 1)
    np.testing.assert_allclose(got.detach().numpy(), want, rtol=1e-12)
    got.sum().backward()
    assert x.grad.abs().sum() > 0 and m.linear.weight.grad.shape == m.linear.weight.shape
    q = special.softmax(RNG.normal(size=logits.shape), 1)
    m.ignore_index = None
    soft = m(x, plait.tensor(q)).detach().numpy()
    np.testing.assert_allclose(soft, -(q * chances).sum(1), rtol=1e-12)
    m.options = plait.nn.LinearCrossEntropyOptions(batch_chunk_size=2)
    assert "options=LinearCrossEntropyOptions(allow_retain_graph=False, batch_chunk_size=2" in repr(m)
    assert f"num_classes=5, out_features={places}, bias={bias}" in repr(m)


def test_linear_cross_entropy_refuses():
    f, x = plait.nn.functional.linear_cross_entropy, plait.ones(2, 3)
    target = plait.zeros(2, dtype=plait.int64)
    with pytest.raises(ValueError, match=r"linear_weight \(C, ..., in\), got \(2, 3\) and \(4, 2\)"):
        f(x, plait.ones(4, 2), target)
    with pytest.raises(ValueError, match=r"input \(N, in\)"):
        f(x[0], plait.ones(4, 2, 3), target)
    with pytest.raises(ValueError, match=r"linear_bias of shape \(4,\)"):
        f(x, plait.ones(4, 3), target, linear_bias=plait.ones(3))
    with pytest.raises(ValueError, match="probabilities of shape"):
        f(x, plait.ones(4, 3), plait.ones(2, 4), ignore_index=2)
    with pytest.raises(ValueError, match="expected weight of shape"):
        plait.nn.LinearCrossEntropyLoss(3, 4, weight=plait.ones(3))
    with pytest.raises(ValueError, match="label_smoothing in"):
        plait.nn.LinearCrossEntropyLoss(3, 4, label_smoothing=2)


DEVICES = pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])


@DEVICES
def test_places_of_the_mode(device):
    nan = float("nan")
    for numbers, place in (([3, 1, 3, 1, 2], 3), ([nan, 1, nan, 1], 3), ([nan, nan, 2], 2), ([nan, nan], 0), ([5], 0)):
        x = plait.tensor(numbers, dtype=plait.float32, device=device)
        assert x.mode().indices.item() == place
        assert plait.stack([x, x], 1).mode(0).indices.tolist() == [place, place]
    many = RNG.integers(0, 50, (40, 300))
    for dtype in (plait.int64, plait.uint8, plait.float16):
        values, index = plait.tensor(many, device=device).to(dtype).T.mode(0)
        expected = [np.bincount(row).argmax() for row in many]
        assert values.cpu().long().tolist() == expected
        assert index.cpu().tolist() == [np.flatnonzero(row == value)[-1] for row, value in zip(many, expected, strict=True)]


def test_einsum_of_lists_of_subscripts():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 3)), rng.normal(size=(3, 4))
    for given in (
        (a, [0, 1, 2], b, [2, 3], [0, 3, 1]),
        (a, [0, 1, 1]),
        (a, [..., 5, 5], [5, ...]),
        (a, [51, 0, 30], [0, 30, 51]),
        (b, [0, 1], b, [0, 1], []),
    ):
        ours = plait.einsum(*(plait.tensor(x) if isinstance(x, np.ndarray) else x for x in given))
        np.testing.assert_allclose(ours, np.einsum(*given), rtol=1e-12)
    ones = plait.ones(3, 4)
    assert plait.einsum(ones, [51, 1]).shape == (4, 3)  # what no list gives comes in order


def test_put_as_a_function():
    x = plait.zeros(3)
    assert plait.put(x, plait.tensor([1]), plait.tensor([5.0])).tolist() == [0, 5, 0] and x.sum() == 0


def test_names_of_numpy_for_dimensions():
    x = plait.randn(3, 4)
    for named, expected in (
        (plait.linalg.norm(x, axis=1, keepdims=True), plait.linalg.norm(x, dim=1, keepdim=True)),
        (plait.linalg.matrix_norm(x, axis=(1, 0)), plait.linalg.matrix_norm(x, dim=(1, 0))),
        (plait.fft.fft(x, axis=0), plait.fft.fft(x, dim=0)),
        (plait.fft.fftshift(x, axis=0), plait.fft.fftshift(x, dim=0)),
        (plait.quantile(x, 0.5, axis=0), plait.quantile(x, 0.5, dim=0)),
        (plait.diff(x, axis=0, out=plait.empty(0)), plait.diff(x, dim=0)),
        (plait.trapezoid(x, axis=0), plait.trapezoid(x, dim=0)),
        (plait.gradient(x, axis=0)[0], plait.gradient(x, dim=0)[0]),
        (plait.mode(x, axis=0, keepdims=True)[0], plait.mode(x, dim=0, keepdim=True)[0]),
    ):
        assert plait.equal(named, expected)
    for wrong in (lambda: plait.linalg.norm(x, dim=0, axis=0), lambda: plait.linalg.inv(x, axis=0)):
        with pytest.raises(TypeError):
            wrong()
