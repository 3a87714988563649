"""vmap of every op: what a loop over the entries gives, with gradients, in one call of the function."""

from dataclasses import replace

import numpy as np
import plait
import pytest
from opinfo import OPS
from opinfo.bridge import Bridge, mismatch
from opinfo.core import D, T, Tol
from plait import func
from test_ops import INFOS, main_dtype, rng_of

BRIDGE = Bridge(plait)
ENTRIES = 3

# Functions that are called for each entry: they ask for its values, or write into what all entries share.
BY_VALUE = {"allclose", "copy", "equal", "one_hot"}
# Their ops, or those of their gradients, run for one entry after the other in some samples: where the shape of a
# result or the places in it depend on values, where each entry has weights of its own that a kernel wants shared,
# and for tensors without dimensions.
BY_ENTRY = {
    "_gru_layer", "_lstm_layer", "_rnn_layer", "argwhere", "bincount", "cross_entropy", "gather", "histc", "index",
    "index_put", "index_select", "masked_scatter", "masked_select", "max", "min", "nonzero", "repeat_interleave",
    "scatter_add", "unique",
}  # fmt: skip
# Their results are whatever is in memory.
UNDEFINED = {"empty_like", "new_empty"}


class Loops(list):
    """The functions that vmap called for each entry."""


@pytest.fixture
def loops(monkeypatch):
    found = Loops()
    before = func._Call.one_by_one
    monkeypatch.setattr(
        func._Call, "one_by_one", lambda self, *args: (found.append(self), before(self, *args))[1]
    )
    return found


def entries_of(t):
    """Arrays that fit wherever the sample's does: the last one is turned over."""
    return [t.array, t.array, np.flip(t.array)]


class Batch:
    """A sample whose tensors have a batch at `dims`, one number or None for each tensor."""

    def __init__(self, info, sample, dims, grad):
        self.info, self.sample = info, sample
        tensors = sample.tensors()
        self.dims = tuple(None if d is None else d % (t.array.ndim + 1) for d, t in zip(dims, tensors))
        self.leaves = []
        for t, dim in zip(tensors, self.dims):
            array = t.array if dim is None else np.stack(entries_of(t), dim)
            self.leaves.append(BRIDGE.tensor(t.replaced(array), requires_grad=grad and t.diff))

    def call(self, *tensors):
        given = iter(tensors)

        def convert(x):
            if isinstance(x, D):
                return BRIDGE.dtype(str(x))
            return next(given) if isinstance(x, T) else x

        s = self.sample.map(convert)
        return BRIDGE.tensors(self.info.run(plait, *s.args, **s.kwargs))

    def by_loop(self):
        rows = []
        for i in range(ENTRIES):
            rows.append(
                self.call(*(x if d is None else x.select(d, i) for x, d in zip(self.leaves, self.dims)))
            )
        return [plait.stack(column) for column in zip(*rows, strict=True)]

    def at_once(self):
        return list(func.vmap(lambda *tensors: tuple(self.call(*tensors)), in_dims=self.dims)(*self.leaves))


def dims_to_try(sample):
    count = len(sample.tensors())
    yield (0,) * count
    yield (-1,) * count
    if count > 1:
        for i in range(count):
            yield tuple(0 if i == k else None for k in range(count))
            if count > 2:
                yield tuple(None if i == k else 0 for k in range(count))


def tolerance(info):
    # The sums of an entry may be taken in another order, and by other kernels.
    return Tol(ulps=4 * max(info.tol.ulps, 4), acc=4 * max(info.tol.acc, 4), half=info.tol.half)


def compare(got, want, tol):
    if len(got) != len(want):
        return f"{len(got)} results, expected {len(want)}"
    for i, (a, b) in enumerate(zip(got, want)):
        if a.dtype != b.dtype:
            return f"result {i} has dtype {a.dtype}, expected {b.dtype}"
        if wrong := mismatch(BRIDGE.array(a), BRIDGE.array(b), BRIDGE.name(b.dtype), tol):
            return f"result {i}: {wrong}"
    return None


def gradients(results, leaves, weights):
    pairs = [(y, w) for y, w in zip(results, weights) if y.requires_grad]
    inputs = [x for x in leaves if x.requires_grad]
    if not pairs or not inputs:
        return []
    outputs, cotangents = zip(*pairs)
    found = plait.autograd.grad(outputs, inputs, cotangents, allow_unused=True)
    return [plait.zeros_like(x) if g is None else g for g, x in zip(found, inputs)]


def random_as(rng, x):
    noise = rng.standard_normal(tuple(x.shape))
    if x.is_complex():
        noise = noise + 1j * rng.standard_normal(tuple(x.shape))
    return plait.tensor(noise).to(x.dtype)


def draws(info, sample):
    state = plait.get_rng_state()
    args, kwargs = BRIDGE.arguments(sample)
    info.run(plait, *args, **kwargs)
    return not plait.equal(state, plait.get_rng_state())


def is_case(info):
    if info.name in UNDEFINED or info.name.endswith("_") or info.note in ("layout", "running"):
        return False
    samples = [s for s in info.make_samples(main_dtype(info)) if s.tensors()]
    return bool(samples) and not any(draws(info, s) for s in samples[-3:])


CASES = [i for i in INFOS if is_case(i)]


@pytest.mark.parametrize("info", CASES, ids=[i.name for i in CASES])
@pytest.mark.filterwarnings("ignore")
def test_op(info, loops):
    failures, by_entry = [], plait._C._batch_loops()
    rng = rng_of(info)
    for sample in info.make_samples(main_dtype(info))[:12]:
        for dims in dims_to_try(sample):
            batch = Batch(info, sample, dims, info.grad)
            try:
                want = batch.by_loop()
            except Exception as error:  # an entry is not allowed: so is the batch
                refused = error
                try:
                    batch.at_once()
                except Exception:
                    continue
                failures.append(f"{sample!r} {dims}: expected {type(refused).__name__}: {refused}")
                continue
            try:
                got = batch.at_once()
                wrong = compare(got, want, tolerance(info))
                if not wrong and info.grad:
                    weights = [random_as(rng, y) for y in want]
                    wanted = gradients(want, batch.leaves, weights)
                    found = gradients(got, batch.leaves, weights)
                    wrong = compare(found, wanted, replace(tolerance(info), floor=1.0))
                    wrong = wrong and f"gradient: {wrong}"
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                failures.append(f"{sample!r} {dims}: {wrong}")
    assert not failures, f"{len(failures)} failures\n" + "\n".join(failures[:12])
    assert bool(loops) <= (info.name in BY_VALUE), "the function was called for each entry"
    by_entry = plait._C._batch_loops() - by_entry
    assert bool(by_entry) == (info.name in BY_ENTRY), f"{by_entry} ops ran for one entry after the other"


@pytest.mark.parametrize("info", CASES, ids=[i.name for i in CASES])
@pytest.mark.filterwarnings("ignore")
def test_op_in_two_batches(info):
    """Each argument is in none of two batches, in one or in both: a rule sees one batch, the other stays hidden."""
    failures = []
    rng = rng_of(info)
    for sample in info.make_samples(main_dtype(info))[:6]:
        tensors = sample.tensors()
        for _ in range(3 if tensors else 0):
            inner, outer = ([0 if rng.random() < 0.6 else None for _ in tensors] for _ in range(2))
            inner[rng.integers(len(tensors))] = outer[rng.integers(len(tensors))] = 0
            batch = Batch(info, sample, inner, False)
            twos = [
                x if d is None else plait.stack([x, x.flip(0) if i is not None else x])
                for x, d, i in zip(batch.leaves, outer, inner)
            ]
            batch.leaves = twos = [
                x.requires_grad_() if info.grad and t.diff else x for x, t in zip(twos, tensors)
            ]

            def call(*leaves, batch=batch, inner=inner):
                return tuple(func.vmap(lambda *each: tuple(batch.call(*each)), tuple(inner))(*leaves))

            def loop(*leaves, batch=batch, inner=inner):
                rows = [
                    batch.call(*(x if d is None else x[i] for x, d in zip(leaves, inner)))
                    for i in range(ENTRIES)
                ]
                return [plait.stack(column) for column in zip(*rows, strict=True)]

            try:
                rows = [loop(*(x if d is None else x[i] for x, d in zip(twos, outer))) for i in range(2)]
                want = [plait.stack(column) for column in zip(*rows, strict=True)]
            except Exception:
                continue
            try:
                got = list(func.vmap(call, tuple(outer))(*twos))
                wrong = compare(got, want, tolerance(info))
                if not wrong and info.grad:
                    weights = [random_as(rng, y) for y in want]
                    wanted, found = (gradients(each, twos, weights) for each in (want, got))
                    wrong = compare(found, wanted, replace(tolerance(info), floor=1.0))
                    wrong = wrong and f"gradient: {wrong}"
            except Exception as error:
                wrong = f"{type(error).__name__}: {error}"
            if wrong:
                failures.append(f"{sample!r} {inner} {outer}: {wrong}")
    assert not failures, f"{len(failures)} failures\n" + "\n".join(failures[:12])


def test_the_lists_of_ops():
    assert set(OPS) >= BY_VALUE | BY_ENTRY
