"""What published programs for PyTorch ask for: names from all over torch, former options, resizing as Pillow does."""

import threading

import numpy as np
import plait
import plait.nn.functional as F
import pytest
from plait import futures, library, nn

# ---- dtypes that no tensor has


def test_dtypes_that_no_tensor_has():
    names = (
        "uint16",
        "uint32",
        "uint64",
        "complex32",
        "float8_e4m3fnuz",
        "float8_e8m0fnu",
        "qint8",
        "quint8",
    )
    kinds = [getattr(plait, name) for name in names]
    assert all(isinstance(k, plait.dtype) for k in kinds) and len(set(kinds)) == len(names)
    assert repr(plait.uint16) == "plait.uint16" and plait.uint16.itemsize == 2
    assert (
        not plait.uint32.is_signed and plait.complex32.is_complex and plait.float8_e4m3fnuz.is_floating_point
    )
    assert plait.iinfo(plait.uint16).max == 65535 and plait.iinfo(plait.uint64).min == 0
    assert plait.ones(1).dtype != plait.uint16 and {plait.uint16: 1}[plait.uint16] == 1
    with pytest.raises(TypeError, match=r"no tensors of dtype uint16; use plait\.int32"):
        plait.zeros(2, dtype=plait.uint16)
    with pytest.raises(TypeError, match=r"uint32; use plait\.int64"):
        plait.ones(2).to(plait.uint32)
    with pytest.raises(TypeError, match="uint16"):
        plait.promote_types(plait.uint16, plait.float32)


# ---- calls


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "floor_divide", "remainder"])
def test_a_number_first(name):
    x = plait.tensor([1.5, -2.0, 4.0], requires_grad=True)
    ufunc = {"sub": "subtract", "mul": "multiply", "div": "divide"}.get(name, name)
    expected = getattr(np, ufunc)(np.float32(7), x.detach().numpy())
    result = getattr(plait, name)(7, x)
    assert result.dtype is plait.float32
    np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-6)
    assert getattr(plait, name)(7, plait.tensor([2, 3])).dtype.is_floating_point == (name == "div")
    with pytest.raises(TypeError):
        plait.exp(7)


def test_an_op_in_a_class_body_is_a_function():
    class Window(nn.Module):
        op = plait.conv2d

        def forward(self, x, w):
            return self.op(x, weight=w)

    class Below(Window):
        pass

    x, w = plait.ones(1, 1, 3, 3), plait.ones(1, 1, 2, 2)
    assert Below()(x, w).tolist() == plait.full((1, 1, 2, 2), 4.0).tolist()
    bound = Window().op
    assert bound(x, w).sum() == 16
    with pytest.raises(TypeError, match="conv2d"):
        Window().op(x)


def test_a_module_is_no_script():
    assert not isinstance(plait.jit.script(nn.Linear(1, 1)), plait.jit.ScriptModule)
    assert issubclass(plait.jit.ScriptModule, nn.Module)


@pytest.mark.parametrize("padding", [2, (2, 2), "same"])
def test_a_convolution_may_be_changed(padding):
    x = plait.rand(1, 2, 7, 7)
    changed, made = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 3, padding=padding, dilation=2)
    made.load_state_dict(changed.state_dict())
    changed(x)
    changed.dilation = (2, 2)
    changed.padding = padding
    assert plait.equal(changed(x), made(x))
    changed.padding_mode = "circular"
    assert changed(x).shape == (1, 3, 7, 7) and not plait.equal(changed(x), made(x))


def test_former_options_of_losses():
    x, y = plait.tensor([1.0, 4.0]), plait.tensor([0.0, 2.0])
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.mse_loss(x, y, size_average=False) == 5
    with pytest.warns(UserWarning, match="reduction='none'"):
        assert F.l1_loss(x, y, reduce=False).tolist() == [1, 2]
    assert F.mse_loss(x, y, size_average=None, reduce=None) == 2.5
    with pytest.raises(TypeError, match="size_average"):
        plait.exp(x, size_average=True)


def test_checks_as_functions():
    plait._check(True)
    with pytest.raises(RuntimeError, match="no good"):
        plait._check(False, lambda: "no good")
    for name, kind in (("index", IndexError), ("value", ValueError), ("type", TypeError)):
        with pytest.raises(kind):
            getattr(plait, f"_check_{name}")(False)
    with pytest.raises(TypeError, match="must be a bool"):
        plait._check(plait.tensor(True))
    plait._assert_async(plait.tensor([3]))
    with pytest.raises(RuntimeError, match="zero here"):
        plait._assert_async(plait.tensor(0.0), "zero here")
    assert plait.sym_max(1, 2) == 2 and plait.sym_int(2.7) == 2 and plait.sym_not(0) is True
    assert not isinstance(3, (plait.SymInt, plait.SymFloat, plait.SymBool))


# ---- resizing


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize(
    "shapes", [((17, 23), (8, 9)), ((17, 23), (30, 7)), ((5, 5), (11, 13)), ((40, 40), (3, 1))]
)
def test_antialias_as_pillow(mode, shapes):
    image = pytest.importorskip("PIL.Image")
    (h, w), out = shapes
    data = np.random.default_rng(0).standard_normal((h, w)).astype(np.float32)
    kind = getattr(image.Resampling, mode.upper())
    expected = np.asarray(image.fromarray(data).resize(out[::-1], kind))
    result = F.interpolate(plait.from_numpy(data)[None, None], out, mode=mode, antialias=True)[0, 0]
    np.testing.assert_allclose(result.numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_antialias_of_bytes_as_pillow(mode):
    image = pytest.importorskip("PIL.Image")
    data = np.random.default_rng(1).integers(0, 256, (33, 41), dtype=np.uint8)
    expected = np.asarray(image.fromarray(data).resize((20, 12), getattr(image.Resampling, mode.upper())))
    result = F.interpolate(plait.from_numpy(data)[None, None], (12, 20), mode=mode, antialias=True)[0, 0]
    assert result.dtype is plait.uint8
    # Pillow rounds after each direction.
    assert np.abs(result.numpy().astype(int) - expected.astype(int)).max() <= 2


def test_antialias():
    x = plait.rand(1, 2, 6, 8, dtype=plait.float64, requires_grad=True)
    for mode in ("bilinear", "bicubic"):
        assert plait.autograd.gradcheck(
            lambda x, m=mode: F.interpolate(x, (3, 5), mode=m, antialias=True), (x,)
        )
        half = F.interpolate(x.half(), scale_factor=0.5, mode=mode, antialias=True)
        assert half.dtype is plait.float16 and half.shape == (1, 2, 3, 4)
        same = F.interpolate(x, (6, 8), mode=mode, antialias=True)
        np.testing.assert_allclose(same.detach().numpy(), x.detach().numpy(), atol=1e-12)
    flat = F.interpolate(plait.full((1, 1, 9, 7), 3.0), (2, 3), mode="bicubic", antialias=True)
    np.testing.assert_allclose(flat.numpy(), 3.0, rtol=1e-6)
    with pytest.raises(ValueError, match="antialias=True goes with"):
        F.interpolate(x, (3, 3), mode="nearest", antialias=True)
    with pytest.raises(ValueError, match="at least 1"):
        F.interpolate(x, (0, 3), mode="bilinear", antialias=True)
    nearest = F.interpolate(plait.tensor([[[[1, 200]]]], dtype=plait.uint8), (1, 4), mode="nearest")
    assert nearest.dtype is plait.uint8 and nearest.tolist() == [[[[1, 1, 200, 200]]]]


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_grid_sample_bicubic(padding_mode, align_corners):
    def sample(x, g):
        return F.grid_sample(x, g, "bicubic", padding_mode, align_corners)

    x = plait.rand(2, 3, 6, 5, dtype=plait.float64)
    whole = F.affine_grid(plait.eye(2, 3, dtype=plait.float64).expand(2, 2, 3), (2, 3, 6, 5), align_corners)
    np.testing.assert_allclose(sample(x, whole).numpy(), x.numpy(), atol=1e-12)
    # interpolate's weights are made by another kernel; beyond the edge it repeats the edge.
    larger = F.affine_grid(
        plait.eye(2, 3, dtype=plait.float64).expand(2, 2, 3), (2, 3, 13, 11), align_corners
    )
    expected = F.interpolate(x, (13, 11), mode="bicubic", align_corners=align_corners)
    result = sample(x, larger)
    part = (..., slice(5, -5), slice(5, -5)) if padding_mode != "border" else ...
    np.testing.assert_allclose(result[part].numpy(), expected[part].numpy(), atol=1e-12)
    g = (plait.rand(2, 3, 2, 2, dtype=plait.float64) * 2.6 - 1.3).requires_grad_()
    assert plait.autograd.gradcheck(sample, (x.clone().requires_grad_(), g))
    with pytest.raises(ValueError, match="'bicubic' takes input"):
        F.grid_sample(plait.ones(1, 1, 2, 2, 2), plait.zeros(1, 1, 1, 1, 3), "bicubic", align_corners=False)


def test_grid_sample_nearest_gives_the_grid_zeros():
    g = plait.zeros(1, 2, 2, 2, requires_grad=True)
    F.grid_sample(plait.ones(1, 1, 3, 3), g, "nearest", align_corners=False).sum().backward()
    assert g.grad.abs().sum() == 0


# ---- linear algebra


def test_solve_ex_and_lu_factor_ex():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((3, 4, 4)), rng.standard_normal((3, 4, 2))
    result, info = plait.linalg.solve_ex(plait.from_numpy(a), plait.from_numpy(b))
    np.testing.assert_allclose(result.numpy(), np.linalg.solve(a, b), atol=1e-10)
    assert info.tolist() == [0, 0, 0] and info.dtype is plait.int32
    a[1, 2] = a[1, 3] = 0
    result, info = plait.linalg.solve_ex(plait.from_numpy(a), plait.from_numpy(b))
    assert info[0] == info[2] == 0 < info[1] and bool(result[1].isnan().all())
    np.testing.assert_allclose(result[0].numpy(), np.linalg.solve(a[0], b[0]), atol=1e-10)
    vectors = plait.linalg.solve_ex(plait.from_numpy(a), plait.ones(3, 4, dtype=plait.float64)).result
    assert vectors.shape == (3, 4) and bool(vectors[1].isnan().all()) and not bool(vectors[0].isnan().any())
    packed, pivots, info = plait.linalg.lu_factor_ex(plait.from_numpy(a))
    x = plait.linalg.lu_solve(packed[0], pivots[0], plait.from_numpy(b[0]))
    np.testing.assert_allclose(x.numpy(), np.linalg.solve(a[0], b[0]), atol=1e-10)
    assert info[1] > 0 and info[0] == 0
    for f in (
        lambda: plait.linalg.solve_ex(plait.zeros(2, 2), plait.ones(2, 1), check_errors=True),
        lambda: plait.linalg.lu_factor_ex(plait.zeros(2, 2), check_errors=True),
    ):
        with pytest.raises(plait.linalg.LinAlgError, match="singular"):
            f()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 4, 3)])
def test_svd_full_matrices_has_a_gradient(shape):
    a = plait.from_numpy(np.random.default_rng(0).standard_normal(shape)).requires_grad_()
    k = min(shape[-2:])

    def f(a):
        u, s, vh = plait.linalg.svd(a, full_matrices=True)
        return (u[..., :k] * s.sqrt().unsqueeze(-2)) @ vh[..., :k, :], s

    assert plait.autograd.gradcheck(f, (a,))


# ---- futures, devices, batches


def test_futures():
    f = futures.Future()
    seen = []
    f.add_done_callback(lambda done: seen.append(done.value()))
    then = f.then(lambda done: done.value() + 1)
    with pytest.raises(RuntimeError, match="not there yet"):
        f.value()
    thread = threading.Timer(0.01, f.set_result, (41,))
    thread.start()
    assert then.wait() == 42 and f.done() and seen == [41]
    thread.join()
    with pytest.raises(RuntimeError, match="already"):
        f.set_result(0)
    broken = futures.Future()
    after = broken.then(lambda done: done.value())
    both = futures.collect_all([f, broken])
    assert not both.done()
    broken.set_exception(KeyError("x"))
    assert both.wait() == [f, broken]
    for g in (broken, after):
        with pytest.raises(KeyError):
            g.wait()
    with pytest.raises(KeyError):
        futures.wait_all([f, broken])
    assert futures.wait_all([f]) == [41] and futures.collect_all([]).wait() == []
    with pytest.raises(TypeError, match="expected an exception"):
        futures.Future().set_exception("no")


def test_scatter_and_gather():
    from plait.nn.parallel import gather, scatter
    from plait.nn.parallel.scatter_gather import scatter_kwargs

    x = plait.arange(10).reshape(5, 2)
    parts = scatter((x, [1, {"y": x}]), ["cpu", "cpu"])
    assert (
        len(parts) == 2 and parts[0][0].shape == (3, 2) and parts[1][1][1]["y"].tolist() == [[6, 7], [8, 9]]
    )
    again = gather([part[0] for part in parts], "cpu")
    assert plait.equal(again, x) and gather([plait.tensor(1), plait.tensor(2)], -1).tolist() == [1, 2]
    args, kwargs = scatter_kwargs((x,), {"n": 2}, ["cpu"])
    assert plait.equal(args[0][0], x) and kwargs == ({"n": 2},)
    with pytest.raises(ValueError, match="at least one device"):
        scatter(x, [])


def test_collate_functions_of_ones_own():
    from plait.utils.data import default_collate
    from plait.utils.data.collate import collate, default_collate_fn_map

    class Point:
        def __init__(self, x):
            self.x = x

    def points(batch, *, collate_fn_map=None):
        return [p.x for p in batch]

    assert collate([{"p": Point(1)}, {"p": Point(2)}], collate_fn_map={Point: points}) == {"p": [1, 2]}
    with pytest.raises(TypeError):
        default_collate([Point(1)])
    default_collate_fn_map[Point] = points
    try:
        assert default_collate([(Point(1), 1), (Point(2), 2)])[0] == [1, 2]
    finally:
        del default_collate_fn_map[Point]


# ---- ops


def test_a_fake_kernel_before_its_op():
    @library.register_fake("nobody_yet::halves")
    def _(x):
        return x.new_empty(x.shape[0] // 2)

    @library.custom_op("nobody_yet::halves", mutates_args=())
    def halves(x: plait.Tensor) -> plait.Tensor:
        return x[: x.shape[0] // 2].clone()

    assert halves(plait.empty(6, device="meta")).shape == (3,)
    with pytest.raises(ValueError, match="did you mean"):
        library.register_fake("nobody_yet::halve")


def test_a_library_that_is_none(tmp_path):
    bad = tmp_path / "_C.so"
    bad.write_bytes(b"no library")
    with pytest.raises(OSError, match=r"_C\.so") as error:
        plait.ops.load_library(bad)
    assert isinstance(error.value, RuntimeError)


def test_stubs_of_quantisation_pass_on():
    from plait.ao import quantization

    m = quantization.QuantWrapper(nn.Linear(2, 1))
    x = plait.ones(3, 2)
    assert plait.equal(m(x), m.module(x))
    with pytest.raises(NotImplementedError, match="no quantised tensors"):
        quantization.convert(m)
