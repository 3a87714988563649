"""The same samples through PyTorch, where it is installed: values, dtypes, shapes, strides, gradients."""

import numpy as np
import plait
import pytest
from opinfo import OPS
from opinfo.bridge import Bridge, mismatch
from opinfo.core import FLOATS, HALF, T, Tol
from opinfo.gradients import Function, arrays_of, random_like

torch = pytest.importorskip("torch", reason="PyTorch is not installed: there is nothing to compare with")
F = torch.nn.functional

OURS, THEIRS = Bridge(plait), Bridge(torch)
NAMES = {e["name"] for e in plait._C.registry()}
# Where plait differs on purpose, or PyTorch's Python function has another signature.
NOT_COMPARED = {"empty", "empty_like", "new_empty", "slice", "alias", "copy", "zero", "index", "complex"}


def preferred(name):
    """torch.where, not F's; F's max_pool2d, not torch's."""
    return (
        torch
        if name in ("embedding", "where", "bernoulli", "normal", "unique", "stack", "relu", "tanh", "sigmoid")
        else F
        if hasattr(F, name)
        else torch
    )


def run_torch(info, args, kwargs):
    if info.call:
        return info.call(torch, *args, **kwargs)
    if info.name.startswith("special_"):
        return getattr(torch.special, info.name.removeprefix("special_"))(*args, **kwargs)
    place = preferred(info.name)
    function = getattr(place, info.name, None) or getattr(torch.Tensor, info.name)
    return function(*args, **kwargs)


INFOS = [
    i
    for n, i in sorted(OPS.items())
    if n in NAMES and i.ref and not n.startswith("_") and n not in NOT_COMPARED
]
# PyTorch finds places in 16 bits on the CPU, plait and PyTorch on CUDA in float32.
COARSE_PLACES = {"grid_sampler", "grid_sampler_2d", "grid_sampler_3d"}
# PyTorch's Bessel functions are some 1e-12 off, and its sinc of whole numbers, which are zeros, some 1e-8.
COARSE = {(f"special_bessel_{kind}", "float64") for kind in ("j0", "j1", "y0", "y1")} | {
    ("sinc", d) for d in ("bool", "uint8", "int8", "int16", "int32", "int64")
}
PAIRS = [
    (i, d)
    for i in INFOS
    for d in i.dtypes
    if (d not in HALF or i.name not in COARSE_PLACES) and (i.name, d) not in COARSE
]


@pytest.mark.parametrize(("info", "dtype"), PAIRS, ids=[f"{i.name}-{d}" for i, d in PAIRS])
def test_same_result(info, dtype):
    failures, compared = [], 0
    for sample in info.make_samples(dtype):
        args, kwargs = THEIRS.arguments(sample)
        try:
            theirs = THEIRS.tensors(run_torch(info, args, kwargs))
        except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError, AssertionError):
            continue  # PyTorch does not take this one
        args, kwargs = OURS.arguments(sample)
        ours = OURS.tensors(info.run(plait, *args, **kwargs))
        compared += 1
        if len(ours) != len(theirs):
            failures.append(f"{sample!r}: {len(ours)} results, PyTorch has {len(theirs)}")
            continue
        for a, b in zip(ours, theirs):
            name = THEIRS.name(b.dtype)
            if name == "complex32":
                continue  # a type that plait does not have
            if OURS.name(a.dtype) != name or tuple(a.shape) != tuple(b.shape):
                failures.append(
                    f"{sample!r}: {a.dtype} {tuple(a.shape)}, PyTorch has {b.dtype} {tuple(b.shape)}"
                )
                continue
            # Both may be off by the tolerance, to either side.
            t = info.tol
            twice = Tol(
                2 * t.ulps,
                2 * t.acc,
                (2 * t.half[0] + 2, 2 * t.half[1] + 2) if dtype in HALF else t.half,
                t.floor,
            )
            if info.name in ROUGH and name == "float64":
                twice = Tol(1e8, 1e8, floor=1)
            wrong = mismatch(OURS.array(a), THEIRS.array(b), name, twice)
            if wrong:
                failures.append(f"{sample!r}: {wrong} (PyTorch's is called expected)")
    assert not failures, "\n".join(failures[:8])
    if not compared:
        pytest.skip("PyTorch takes none of these samples")


VIEWS = [i for i in INFOS if i.view]


@pytest.mark.parametrize("info", VIEWS, ids=[i.name for i in VIEWS])
def test_same_strides_of_views(info):
    for sample in info.make_samples(info.dtypes[-1]):
        for layout in ("contiguous", "transposed"):
            results = []
            for bridge, run in (
                (THEIRS, lambda a, k: run_torch(info, a, k)),
                (OURS, lambda a, k: info.run(plait, *a, **k)),
            ):
                try:
                    results.append(bridge.tensors(run(*bridge.arguments(sample, layout=layout))))
                except (RuntimeError, TypeError):
                    results.append(None)
            if results[0] is None:
                continue
            assert results[1] is not None, f"{sample!r} {layout}: PyTorch makes a view"
            for b, a in zip(*results):
                if a.numel():
                    assert tuple(a.stride()) == tuple(b.stride()) or a.numel() == 1, f"{sample!r} {layout}"
                    assert a.storage_offset() == b.storage_offset()


# What PyTorch computes in float64 from float32 constants or with a short series: plait agrees with SciPy and with
# finite differences to more digits than these (test_ops.py).
ROUGH = {"digamma", "hardsigmoid", "polygamma", "pow"}
# PyTorch has no derivatives of these.
NO_GRADIENTS = ("special_bessel", "special_modified_bessel", "special_scaled", "special_spherical")
GRADS = [i for i in INFOS if i.grad and "float64" in i.dtypes and not i.name.startswith(NO_GRADIENTS)]


@pytest.mark.parametrize("info", GRADS, ids=[i.name for i in GRADS])
def test_same_gradients(info):
    rng = np.random.default_rng(11)

    class AsTorch:
        call = None

        def run(self, library, *args, **kwargs):
            return run_torch(info, args, kwargs)

    failures = []
    for sample in info.make_samples("float64"):
        if not sample.grad or not any(t.diff for t in sample.tensors()):
            continue
        mine, other = Function(OURS, info, sample), Function(THEIRS, AsTorch(), sample)
        v = random_like(rng, mine.values(mine.at))
        try:
            theirs = arrays_of(THEIRS, other.vjp(other.at, v)[2], other.at)
        except (RuntimeError, TypeError, ValueError, NotImplementedError, IndexError, AssertionError):
            continue
        ours = arrays_of(OURS, mine.vjp(mine.at, v)[2], mine.at)
        for a, b in zip(ours, theirs):
            ulps = 1e8 if info.name in ROUGH else 1e4
            wrong = mismatch(a, b, "complex128" if b.dtype.kind == "c" else "float64", Tol(ulps, ulps, floor=1))
            if wrong:
                failures.append(f"{sample!r}: {wrong}")
    assert not failures, "\n".join(failures[:8])


def test_the_gradient_at_a_kink():
    """Where an op has no derivative, PyTorch's choice."""
    for name, at in [
        ("abs", 0.0),
        ("relu", 0.0),
        ("sign", 0.0),
        ("relu6", 6.0),
        ("hardtanh", 1.0),
        ("leaky_relu", 0.0),
        ("elu", 0.0),
        ("clamp", 1.0),
    ]:
        results = []
        for lib, run in (
            (plait, lambda x, name=name: getattr(plait, name)(x, *((-1.0, 1.0) if name == "clamp" else ()))),
            (
                torch,
                lambda x, name=name: getattr(preferred(name), name)(
                    x, *((-1.0, 1.0) if name == "clamp" else ())
                ),
            ),
        ):
            x = lib.tensor([at], requires_grad=True)
            run(x).sum().backward()
            results.append(x.grad.item())
        assert results[0] == results[1], name
    for name in ("max", "min", "amax", "maximum", "minimum"):
        results = []
        for lib in (plait, torch):
            x = lib.tensor([2.0, 2.0, 1.0, 1.0], requires_grad=True)
            y = getattr(lib, name)(x, x.detach()) if name.endswith("mum") else getattr(lib, name)(x)
            y.sum().backward()
            results.append(x.grad.tolist())
        assert results[0] == results[1], name


def test_both_in_one_process():
    a = torch.arange(6.0).reshape(2, 3)
    x = plait.from_dlpack(a)
    x[0, 0] = 9
    assert a[0, 0] == 9 and torch.from_dlpack(plait.ones(2)).sum() == 2
    assert (x @ x.t()).tolist() == (a @ a.t()).tolist()
    assert T(a.numpy()).dtype in FLOATS
