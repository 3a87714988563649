"""The sweep: every registered op against its oracle, in every form, layout and dtype that it claims."""

import warnings
import zlib

import numpy as np
import plait
import pytest
from opinfo import OPS
from opinfo.bridge import LAYOUTS, Bridge, expanded, flat, listed, mismatch, run_oracle
from opinfo.core import COMPLEX, FLOAT_COMPLEX, FLOATS, HALF, T, Tol, map_tree
from opinfo.gradients import Function, arrays_of, check_gradient, check_second_gradient, random_like
from opinfo.private import PRIVATE, TESTED_APART

BRIDGE = Bridge(plait)
REGISTRY = {}
for _entry in plait._C.registry():
    REGISTRY.setdefault(_entry["name"], []).append(_entry)


def known(name):
    """Is there an op, or a function made of ops?"""
    ops = name in REGISTRY or name.rstrip("_") in REGISTRY
    return name in OPS and (ops or OPS[name].call is not None or callable(getattr(plait, name, None)))


INFOS = [info for name, info in sorted(OPS.items()) if known(name)]
DIFFERENTIABLE = [i for i in INFOS if i.grad]
WITH_REF = [i for i in INFOS if i.ref]


def by_name(infos):
    return pytest.mark.parametrize("info", infos, ids=[i.name for i in infos])


def by_name_and_dtype(infos):
    pairs = [(i, d) for i in infos for d in i.dtypes]
    return pytest.mark.parametrize(("info", "dtype"), pairs, ids=[f"{i.name}-{d}" for i, d in pairs])


def has_form(info, form):
    return any(e[form] for e in REGISTRY.get(info.name, ()))


def main_dtype(info):
    """The dtype in which layouts and forms are tried."""
    return next(
        (d for d in ("float64", "float32", "complex128", "int64", "bool") if d in info.dtypes), info.dtypes[0]
    )


def rng_of(info):
    return np.random.default_rng(zlib.crc32(info.name.encode()))


def call(info, sample, **options):
    args, kwargs = BRIDGE.arguments(sample, **options)
    return info.run(plait, *args, **kwargs)


class Failures(list):
    """Collects what is wrong with each sample: one bad sample does not hide the others."""

    def check(self, sample, message, *notes):
        if message:
            self.append(f"{sample!r} {' '.join(notes)}: {message}")

    def run(self, sample, function, *notes):
        try:
            return function()
        except Exception as e:
            self.append(f"{sample!r} {' '.join(notes)}: {type(e).__name__}: {e}")
            return None

    def done(self):
        assert not self, f"{len(self)} failures\n" + "\n".join(self[:12])


def compare(info, sample, result, expected, tol=None):
    results = BRIDGE.tensors(result)
    if len(results) != len(expected):
        return f"{len(results)} results, expected {len(expected)}"
    for i, (got, want, dtype) in enumerate(
        zip(results, expected, info.expected_dtypes(sample, len(expected)))
    ):
        if BRIDGE.name(got.dtype) != dtype:
            return f"result {i} has dtype {BRIDGE.name(got.dtype)}, expected {dtype}"
        wrong = mismatch(BRIDGE.array(got), want, dtype, tol or info.tol)
        if wrong:
            return f"result {i}: {wrong}"
    return None


def test_every_op_has_samples():
    missing = sorted(n for n in REGISTRY if n not in OPS and n + "_" not in OPS and n not in PRIVATE | TESTED_APART)
    assert not missing, f"registered ops without an OpInfo (tests/python/opinfo): {missing}"


def test_every_opinfo_has_an_op():
    missing = sorted(n for n in OPS if not known(n))
    assert not missing, f"OpInfos without a registered op: {missing}"


def test_no_private_op_is_listed_in_vain():
    assert not [n for n in PRIVATE if n not in REGISTRY]
    assert not [n for n, public in PRIVATE.items() if public not in OPS]


@by_name(INFOS)
def test_claims(info):
    """What the registry says of an op agrees with what the tests demand of it."""
    entries = REGISTRY.get(info.name)
    if not entries:
        pytest.skip("an in-place op of its own name")
    claimed = set().union(*[e["dtypes"] for e in entries])
    assert set(info.dtypes) <= claimed or not claimed, (
        f"dtypes not claimed: {sorted(set(info.dtypes) - claimed)}"
    )
    assert any(e["differentiable"] for e in entries) >= info.grad, "the registry calls it not differentiable"
    assert all(e["doc"].strip() for e in entries), "no doc text"


@by_name_and_dtype(WITH_REF)
def test_forward(info, dtype):
    failures = Failures()
    for sample in info.make_samples(dtype, large=dtype in ("float32", "bfloat16", "int32", "complex64")):
        args, kwargs = BRIDGE.arguments(sample)
        before = [BRIDGE.array(x) for x in BRIDGE.tensors((args, kwargs))]
        result = failures.run(sample, lambda: info.run(plait, *args, **kwargs))
        if result is None:
            continue
        failures.check(sample, compare(info, sample, result, run_oracle(info, sample)))
        after = [BRIDGE.array(x) for x in BRIDGE.tensors((args, kwargs))]
        if info.note != "running" and not all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after) if a.dtype == b.dtype
        ):
            failures.check(sample, "an argument was changed")
    failures.done()


@by_name([i for i in WITH_REF if any(s.tensors() for s in i.make_samples(main_dtype(i)))])
def test_layouts(info):
    """Transposed, strided, offset and expanded inputs give what contiguous ones give."""
    if info.note == "layout":
        pytest.skip("it shows the layout of its input on purpose")
    failures = Failures()
    for dtype in dict.fromkeys(
        (main_dtype(info), *(d for d in ("float32", "bfloat16", "int32", "bool") if d in info.dtypes))
    ):
        for sample in info.make_samples(dtype):
            for layout in LAYOUTS:
                if (layout == "expanded" and not info.expand) or (
                    info.note == "strict" and layout in ("transposed", "strided", "expanded")
                ):
                    continue
                s = (
                    sample.map(lambda x: expanded(x) if isinstance(x, T) else x)
                    if layout == "expanded"
                    else sample
                )
                result = failures.run(s, lambda: call(info, s, layout=layout), layout)
                if result is not None:
                    failures.check(s, compare(info, s, result, run_oracle(info, s)), layout)
    failures.done()


@by_name([i for i in INFOS if i.view])
def test_views_alias(info):
    """A view shares the memory of its input, and writes through it show."""
    for sample in info.make_samples(main_dtype(info)):
        args, kwargs = BRIDGE.arguments(sample)
        x = BRIDGE.tensors(args)[0]
        result = BRIDGE.tensors(info.run(plait, *args, **kwargs))
        if x.numel() and result and result[0].numel():
            offset = result[0].data_ptr() - x.data_ptr()
            assert 0 <= offset < x.numel() * x.element_size(), sample


# real and imag are attributes, x.where(condition, y) has another order.
METHODS = [
    i
    for i in WITH_REF
    if not i.call and hasattr(plait.Tensor, i.name) and i.name not in ("real", "imag", "where")
]


@by_name(METHODS)
def test_method(info):
    """The method is the function."""
    for sample in info.make_samples(main_dtype(info))[:3]:
        if not sample.args or not isinstance(sample.args[0], T):
            continue
        args, kwargs = BRIDGE.arguments(sample)
        a = BRIDGE.tensors(info.run(plait, *args, **kwargs))
        b = BRIDGE.tensors(getattr(args[0], info.name)(*args[1:], **kwargs))
        assert len(a) == len(b)
        for x, y in zip(a, b):
            np.testing.assert_array_equal(BRIDGE.array(x), BRIDGE.array(y))


# ---- in place ------------------------------------------------------------------------------------


def category(name):
    return 3 if name in COMPLEX else 2 if name in FLOATS else 0 if name == "bool" else 1


# An in-place view changes a tensor's shape, not its elements.
INPLACE = [
    i for i in WITH_REF if not i.name.endswith("_") and has_form(i, "inplace") and not i.view and not i.call
]


@by_name_and_dtype(INPLACE)
def test_inplace(info, dtype):
    """x.op_() is x = op(x) in the same tensor, whose version moves on. What cannot be stored is refused."""
    failures = Failures()
    method = info.name + "_"
    for sample in info.make_samples(dtype):
        if not sample.args or not isinstance(sample.args[0], T) or "dtype" in sample.kwargs:
            continue
        for layout in ("contiguous", "strided"):
            args, kwargs = BRIDGE.arguments(sample, layout=layout)
            expected = failures.run(sample, lambda: info.run(plait, *args, **kwargs), layout)
            if expected is None or not BRIDGE.is_tensor(expected):
                continue
            x, version = args[0], args[0]._version
            fits = category(BRIDGE.name(expected.dtype)) <= category(dtype) and tuple(
                expected.shape
            ) == tuple(x.shape)
            before = BRIDGE.array(x)
            try:
                result = getattr(x, method)(*args[1:], **kwargs)
            except Exception as e:
                narrowed = (
                    dtype in COMPLEX and BRIDGE.name(expected.dtype) not in COMPLEX
                )  # abs_ of complex numbers
                failures.check(sample, f"{type(e).__name__}: {e}" if fits and not narrowed else None, layout)
                failures.check(
                    sample,
                    None
                    if fits or np.array_equal(BRIDGE.array(x), before, equal_nan=True)
                    else "refused, but changed",
                    layout,
                )
                continue
            if not fits:
                if info.name in ("cumsum", "cumprod") and dtype == "bool":
                    continue  # PyTorch lets these through
                failures.check(
                    sample,
                    f"{expected.dtype} {tuple(expected.shape)} was stored in {x.dtype} {tuple(x.shape)}",
                    layout,
                )
                continue
            failures.check(sample, None if result is x else "it does not return its tensor", layout)
            failures.check(sample, None if x._version > version else "the version did not move on", layout)
            failures.check(sample, mismatch(BRIDGE.array(x), BRIDGE.array(expected), dtype, info.tol), layout)
    failures.done()


@by_name([i for i in INPLACE if i.grad and "float64" in i.dtypes])
def test_inplace_gradient(info):
    """The gradient through the in-place form is that of the functional form."""
    failures = Failures()
    for sample in info.make_samples("float64"):
        if not sample.grad or not sample.args or not isinstance(sample.args[0], T):
            continue
        f = Function(BRIDGE, info, sample)
        leaves, out = f(f.at)
        if len(out) != 1 or tuple(out[0].shape) != sample.args[0].shape:
            continue
        plait.autograd.backward(out[0].sum())
        others, s = f.leaves(f.at)
        y = failures.run(sample, lambda: getattr(s.args[0].clone(), info.name + "_")(*s.args[1:], **s.kwargs))
        if y is None:
            continue
        plait.autograd.backward(y.sum())
        for a, b in zip(leaves, others):
            ga, gb = (np.zeros(t.shape) if t.grad is None else BRIDGE.array(t.grad) for t in (a, b))
            failures.check(sample, mismatch(gb, ga, "float64", Tol(16, 4)))
    failures.done()


# ---- out= ----------------------------------------------------------------------------------------

OUT = [i for i in WITH_REF if has_form(i, "out")]


@by_name(OUT)
def test_out(info):
    """out= grows an empty tensor, fills a fitting one, whatever its layout, and refuses a lower category."""
    failures = Failures()
    for sample in info.make_samples(main_dtype(info)):
        args, kwargs = BRIDGE.arguments(sample)
        if kwargs.get("as_tuple"):
            continue  # nonzero's tuple has as many tensors as self has dimensions, and no out=
        expected = failures.run(sample, lambda: info.run(plait, *args, **kwargs))
        if expected is None:
            continue
        parts = BRIDGE.tensors(expected)
        several = not BRIDGE.is_tensor(expected)
        for kind in ("empty", "filled", "transposed"):
            if kind == "empty":
                outs = [plait.empty(0, dtype=p.dtype) for p in parts]
            elif kind == "filled":
                outs = [plait.full(tuple(p.shape), 1, dtype=p.dtype) for p in parts]
            else:
                outs = [
                    plait.full(tuple(p.shape)[::-1], 1, dtype=p.dtype).permute(tuple(range(p.dim()))[::-1])
                    for p in parts
                ]
            result = failures.run(
                sample,
                lambda: info.run(plait, *args, **kwargs, out=tuple(outs) if several else outs[0]),
                kind,
            )
            if result is None:
                continue
            for o, r, p in zip(outs, BRIDGE.tensors(result), parts):
                failures.check(sample, None if o is r else "it does not return out", kind)
                failures.check(
                    sample, mismatch(BRIDGE.array(o), BRIDGE.array(p), BRIDGE.name(p.dtype), Tol(2, 1)), kind
                )
        # What makes a tensor of no other one takes the dtype of out= where none is named.
        free = "dtype" not in kwargs and not any(BRIDGE.is_tensor(a) for a in (*args, *kwargs.values()))
        made = free and info.name in ("arange", "eye", "full", "linspace", "logspace", "ones", "zeros")
        if not several and not made and category(BRIDGE.name(expected.dtype)) >= 2:
            with pytest.raises((RuntimeError, TypeError), match=info.name):
                info.run(plait, *args, **kwargs, out=plait.empty(tuple(expected.shape), dtype=plait.int64))
    failures.done()


# ---- Meta ----------------------------------------------------------------------------------------


@by_name([i for i in INFOS if not i.name.endswith("_") and i.name not in ("detach", "to")])
def test_meta(info):
    """Meta: the same shape, strides and dtype, and no data. A shape that depends on data is refused."""
    failures = Failures()
    for sample in info.make_samples(main_dtype(info)):
        no_tensor = not sample.tensors()
        try:
            real = call(info, sample)
            args, kwargs = BRIDGE.arguments(sample, device="meta")
        except Exception as e:
            failures.check(sample, f"{type(e).__name__}: {e}")
            continue
        if no_tensor:
            kwargs["device"] = "meta"
        if info.data_shape is True:
            with pytest.raises(
                (RuntimeError, NotImplementedError, TypeError, ValueError), match=r"(?i)meta|data"
            ):
                info.run(plait, *args, **kwargs)
            continue
        if info.data_shape or info.note == "repeats":  # some of the samples need data
            try:
                meta = info.run(plait, *args, **kwargs)
            except (RuntimeError, NotImplementedError) as e:
                assert "meta" in str(e).lower()
                continue
        else:
            meta = failures.run(sample, lambda: info.run(plait, *args, **kwargs))
        if meta is None:
            continue
        for r, m in zip(BRIDGE.tensors(real), BRIDGE.tensors(meta)):
            want = (tuple(r.shape), r.dtype, tuple(r.stride()), "meta")
            got = (tuple(m.shape), m.dtype, tuple(m.stride()), m.device.type)
            failures.check(
                sample,
                None if got == want or (got[:2] == want[:2] and not r.numel()) else f"{got}, expected {want}",
            )
    failures.done()


@by_name([i for i in DIFFERENTIABLE if not i.name.endswith("_") and i.name != "detach" and not i.data_shape])
def test_meta_gradients(info):
    """Derivatives run on Meta, too: gradients of the inputs' shapes, without data, or an error that says why not."""
    failures = Failures()
    for sample in info.make_samples(main_dtype(info)):
        args, kwargs = BRIDGE.arguments(sample, device="meta", requires_grad=True)
        leaves = [t for t in BRIDGE.tensors([*args, *kwargs.values()]) if t.requires_grad]
        try:
            out = info.run(plait, *args, **kwargs)
        except (RuntimeError, NotImplementedError) as e:
            assert "meta" in str(e).lower()  # a sample that needs data
            continue
        roots = [t for t in BRIDGE.tensors(out) if t.requires_grad]
        if not leaves or not roots:
            continue
        try:
            plait.autograd.backward(roots, [plait.ones_like(t) for t in roots])
        except (RuntimeError, NotImplementedError) as e:
            failures.check(sample, None if "meta" in str(e).lower() else f"{type(e).__name__}: {e}")
            continue
        for t in leaves:
            good = t.grad is not None and t.grad.is_meta and t.grad.shape == t.shape
            failures.check(sample, None if good else f"a gradient {t.grad} for {t}")
    failures.done()


# ---- gradients -----------------------------------------------------------------------------------


def gradient_samples(info, dtype):
    return [s for s in info.make_samples(dtype) if s.grad and any(t.diff for t in s.tensors())]


GRADIENTS = [(i, d) for i in DIFFERENTIABLE for d in i.grad_dtypes if d in i.dtypes]
by_gradient = pytest.mark.parametrize(
    ("info", "dtype"), GRADIENTS, ids=[f"{i.name}-{d}" for i, d in GRADIENTS]
)


@by_gradient
def test_gradient(info, dtype):
    failures, rng = Failures(), rng_of(info)
    samples = gradient_samples(info, dtype)
    assert samples, "a differentiable op needs a sample to differentiate"
    for sample in samples:
        wrong = failures.run(sample, lambda: check_gradient(BRIDGE, info, sample, rng) or "")
        failures.check(sample, wrong)
    failures.done()


@by_gradient
def test_second_gradient(info, dtype):
    if not info.gradgrad:
        pytest.skip("its derivative is not differentiable")
    failures, rng = Failures(), rng_of(info)
    for sample in gradient_samples(info, dtype):
        wrong = failures.run(sample, lambda: check_second_gradient(BRIDGE, info, sample, rng) or "")
        failures.check(sample, wrong)
    failures.done()


@by_name([i for i in DIFFERENTIABLE if "float32" in i.dtypes and "float64" in i.dtypes])
def test_float32_gradient(info):
    """The backward in float32 against the one in float64 at the same point."""
    failures, rng = Failures(), rng_of(info)
    for sample in gradient_samples(info, "float32"):
        double = sample.map(
            lambda x: T(x.array, "float64", x.diff) if isinstance(x, T) and x.dtype == "float32" else x
        )
        if info.expected_dtypes(sample, 1)[0] not in FLOAT_COMPLEX:
            continue
        single_f, double_f = Function(BRIDGE, info, sample), Function(BRIDGE, info, double)
        v = random_like(rng, double_f.values(double_f.at))
        v = [
            a.astype(np.complex64 if a.dtype.kind == "c" else np.float32).astype(a.dtype)
            for a in map(np.asarray, v)
        ]
        got = failures.run(sample, lambda: single_f.vjp(single_f.at, v)[2])
        if got is None:
            continue
        want = double_f.vjp(double_f.at, v)[2]
        got, want = arrays_of(BRIDGE, got, single_f.at), arrays_of(BRIDGE, want, double_f.at)
        for a, b in zip(got, want):
            failures.check(
                sample,
                mismatch(
                    a,
                    b,
                    "complex64" if b.dtype.kind == "c" else "float32",
                    Tol(info.tol.grad, info.tol.grad / 10, floor=1),
                ),
            )
    failures.done()


@by_name([i for i in DIFFERENTIABLE if set(HALF) & set(i.dtypes)])
def test_half_gradient_runs(info):
    """A 16-bit backward gives finite gradients of its own dtype."""
    failures = Failures()
    for dtype in set(HALF) & set(info.dtypes):
        for sample in gradient_samples(info, dtype)[:3]:
            f = Function(BRIDGE, info, sample)

            def check(f=f, sample=sample):
                leaves, outputs = f(f.at)
                grads = plait.autograd.grad(
                    outputs, leaves, [plait.ones_like(y) for y in outputs], allow_unused=True
                )
                for x, g in zip(leaves, grads):
                    if g is not None:
                        assert g.dtype == x.dtype and tuple(g.shape) == tuple(x.shape)
                        assert np.isfinite(BRIDGE.array(g)).all(), "a gradient is not finite"

            failures.run(sample, check)
    failures.done()


# ---- random ops and threads ----------------------------------------------------------------------

RANDOM = [i for i in INFOS if i.check]


@by_name(RANDOM)
def test_distribution(info):
    info.check(plait)


@by_name_and_dtype([i for i in INFOS if i.ref is None])
def test_shape_and_dtype(info, dtype):
    """Of ops without an oracle."""
    for sample in info.make_samples(dtype):
        result = call(info, sample)
        for got, want in zip(BRIDGE.tensors(result), info.expected_dtypes(sample, len(flat(result)))):
            assert BRIDGE.name(got.dtype) == want, sample
        shape = next((a for a in (*sample.args, *sample.kwargs.values()) if isinstance(a, tuple)), None)
        if shape is not None:
            assert tuple(listed(result)[0].shape) == shape


@by_name(RANDOM)
def test_seed_decides(info):
    """The same seed gives the same bits, on one thread and on several; the next call gives others."""
    sample = max(
        info.make_samples("float32" if "float32" in info.dtypes else info.dtypes[0]),
        key=lambda s: sum(t.array.size for t in s.tensors()),
    )
    sample = sample.map(
        lambda x: T(np.resize(x.array, (300, 200)), x.dtype) if isinstance(x, T) and x.array.size == 12 else x
    )
    threads = plait.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3):
            plait.set_num_threads(count)
            plait.manual_seed(5)
            results.append(
                [BRIDGE.array(r) for r in BRIDGE.tensors([call(info, sample), call(info, sample)])]
            )
    finally:
        plait.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other):
            np.testing.assert_array_equal(a, b)


THREADED = [
    i
    for i in WITH_REF
    if "float32" in i.dtypes and any(s.large for s in i.make_samples("float32", large=True))
]


@by_name(THREADED)
def test_threads_do_not_change_values(info):
    """Large inputs on one thread and on three: the same numbers up to the order of summation."""
    threads = plait.get_num_threads()
    failures = Failures()
    for sample in [s for s in info.make_samples("float32", large=True) if s.large]:
        try:
            results = []
            for count in (1, 3):
                plait.set_num_threads(count)
                results.append(call(info, sample))
        finally:
            plait.set_num_threads(threads)
        for a, b in zip(*map(BRIDGE.tensors, results)):
            failures.check(sample, mismatch(BRIDGE.array(b), BRIDGE.array(a), BRIDGE.name(a.dtype), info.tol))
    failures.done()


def test_scalar_arguments_of_every_kind():
    """A number may come as a NumPy scalar or a 0-d tensor where PyTorch takes one."""
    x = plait.tensor([1.0, 2.0])
    for two in (2, 2.0, np.float32(2), np.int64(2), plait.tensor(2), plait.tensor(2.0)):
        assert (x * two).tolist() == [2, 4]
        assert (two * x).tolist() == [2, 4]
        assert plait.clamp(x, max=two).tolist() == [1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plait.sum(x, np.int64(0)).item() == 3


def test_map_tree_keeps_the_shape_of_arguments():
    assert map_tree(lambda v: v + 1, ([1, (2,)], {"a": 3})) == ([2, (3,)], {"a": 4})
