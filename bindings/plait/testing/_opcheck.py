"""opcheck: is an op what its declaration says?

Each test takes an op and one sample and raises OpCheckError with what is wrong and what to change. It returns
None, or why there was nothing to test. Samples are copied with their layout before every call, so that a call
can spoil nothing for the next, and the random generators are set back, so that random ops repeat.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import plait

from ..autograd.gradcheck import gradcheck, gradgradcheck
from ._opcheck_samples import (
    LAYOUTS,
    SEED,
    Op,
    Sample,
    element_bytes,
    expanded,
    is_tensor,
    labels,
    layout_of,
    map_tensors,
    share_memory,
    storage_bytes,
    strides_of,
    tensors_of,
)

_FEW = 4000  # elements of a Jacobian that is checked element by element


class OpCheckError(RuntimeError):
    """An op is not what it says; the message names the test, the sample, and what to change."""

    __module__ = "plait.testing"


# ---- the tests


class _Checker:
    def __init__(self, op: Op, atol: float | None, rtol: float | None):
        self.op, self.atol, self.rtol = op, atol, rtol

    def fail(self, text: str) -> Any:
        raise OpCheckError(text)

    def close(self, actual: Any, expected: Any, what: str) -> None:
        """Fails with `what` where the values differ."""
        try:
            plait.testing.assert_close(
                _plain(actual),
                _plain(expected),
                atol=self.atol,
                rtol=self.rtol,
                equal_nan=True,
                check_device=False,
            )
        except AssertionError as error:
            raise OpCheckError(f"{what}\n{error}") from None

    # -- what the schema says

    def test_schema(self, sample: Sample) -> str | None:
        """Arguments are written, and share memory with results, exactly as declared."""
        op = self.op
        args, kwargs = sample.copy()
        _, bound = op.bind(args, kwargs)
        inputs = labels(bound)
        before = [(storage_bytes(t), element_bytes(t), layout_of(t), t._version) for _, _, t in inputs]
        aliases = [t.detach() for _, _, t in inputs]  # the memory as given, whatever becomes of the tensor
        with plait.no_grad():
            result = sample.call(args, kwargs)
        for (name, label, t), memory, (data, values, layout, version) in zip(inputs, aliases, before):
            changed = storage_bytes(memory) != data or element_bytes(t) != values or layout_of(t) != layout
            if name not in sample.written and (changed or t._version != version):
                what = "written" if changed else "written in place, with the values that it had,"
                self.fail(
                    f"argument {label} is {what} but is not declared to be; "
                    + (
                        f"add '{name}' to mutates_args, or work on {name}.clone()"
                        if op.python
                        else f"declare it as Tensor(a!) {name}, or work on a copy"
                    )
                )
            if changed and t._version <= version:
                self.fail(
                    f"argument {label} is written, but its version counter did not move on ({version} "
                    f"before, {t._version} after), so that autograd cannot see the write; write into its "
                    "memory by in-place ops or data pointers, and do not put other memory in its place "
                    "(.data = ...)"
                )
        letters, returned = op.alias_names(sample.overload)
        outputs = _results(sample, result)
        for i, out in enumerate(outputs):
            for name, label, t in inputs:
                of_result = returned[min(i, len(returned) - 1)]
                declared = of_result is not None and of_result == letters.get(name)
                if (
                    declared
                    or op.is_view(sample.overload)
                    or (name in sample.written and out is t and op.own)
                ):
                    continue
                for o in tensors_of(out):
                    if o is t or share_memory(o, t):
                        what = "is" if o is t else "shares memory with"
                        self.fail(
                            f"result {i} {what} argument {label}, but is not declared to; return a copy "
                            "(.clone()), or "
                            + (
                                "have tags=Tag.inplace"
                                if op.python
                                else f"declare Tensor(a) {name} and -> Tensor(a)"
                            )
                            + " where that is meant"
                        )
        flat = [(i, o) for i, out in enumerate(outputs) for o in tensors_of(out)]
        for k, (i, a) in enumerate(flat):
            for j, b in flat[:k]:
                if share_memory(a, b) and not op.own:
                    self.fail(f"results {j} and {i} share memory; return a copy (.clone()) of one")
        return None

    # -- the derivative exists

    def test_autograd_registration(self, sample: Sample) -> str | None:
        """Backward runs where arguments require grad."""
        op = self.op
        if not sample.differentiable():
            return "no argument of the samples requires grad; give one with requires_grad=True"
        args, kwargs = sample.copy(grad=True)
        if sample.written & set(sample.bound):
            return "the op writes its arguments, which is not differentiated"
        with plait.enable_grad():
            result = sample.call(args, kwargs)
        outputs = [t for t in tensors_of(result) if t.is_floating_point() or t.is_complex()]
        carriers = [t for t in outputs if t.requires_grad]
        known = sample.overload["has_derivative"]
        how = (
            f"register one with {op.short}.register_autograd(backward, setup_context=...)"
            if op.python
            else "declare .vjp, or register one with plait.library.register_autograd"
        )
        if outputs and not carriers and sample.overload["composite"] and not op.own:
            self.fail(
                "arguments require grad, the results do not: they are computed from data() outside of ops, "
                "so that the gradient is lost silently; compute by ops, or declare the op with PLAIT_OP and "
                ".vjp (.no_grad = true where it has no derivative)"
            )
        if outputs and known and not carriers and not op.own:
            self.fail(
                "a derivative is registered, but no result requires grad; does setup_context mark them all "
                "by ctx.mark_non_differentiable?"
            )
        if not carriers:
            return None
        if not known and not sample.overload["composite"]:
            self.fail(f"arguments require grad, but the op has no derivative; {how}")
        leaves = [t for t in tensors_of((args, kwargs)) if t.requires_grad]
        try:
            plait.autograd.grad(carriers, leaves, [plait.ones_like(t) for t in carriers], allow_unused=True)
        except Exception as error:
            self.fail(f"backward raised {type(error).__name__}: {error}")
        return None

    # -- the derivative is right

    def test_gradcheck(self, sample: Sample) -> str | None:
        """First and second derivatives agree with finite differences in float64."""
        op = self.op
        if not sample.differentiable():
            return "no argument of the samples requires grad; give one with requires_grad=True"
        if (sample.written & set(sample.bound)) and not op.inplace:
            return "the op writes its arguments, which is not differentiated"
        if not (sample.overload["has_derivative"] or sample.overload["composite"]):
            return "there is no derivative; see test_autograd_registration"

        def wide(t: Any) -> Any:
            kind = plait.complex128 if t.is_complex() else plait.float64 if t.is_floating_point() else t.dtype
            return t.to(kind).clone(memory_format=plait.contiguous_format)

        args, kwargs = sample.copy(wide, grad=True)
        leaves = [t for t in tensors_of((args, kwargs)) if t.requires_grad]
        places = {id(t): i for i, t in enumerate(leaves)}

        def function(*values: Any) -> list[Any]:
            def one(t: Any) -> Any:
                t = values[places[id(t)]] if id(t) in places else t
                return t.clone() if op.inplace else t

            return tensors_of(sample.call(*map_tensors((args, kwargs), one)))

        try:
            with plait.enable_grad():
                first = function(*leaves)
        except Exception as error:
            return f"the op does not take float64, which finite differences need: {error}"
        wanted = [i for i, t in enumerate(first) if t.requires_grad]
        if not wanted:
            return "no result carries a gradient"
        for i in wanted:
            if first[i].dtype not in (plait.float64, plait.complex128):
                self.fail(
                    f"result {i} is {first[i].dtype} for float64 arguments, so that its derivative cannot be "
                    "checked; compute in the dtype of the arguments"
                )

        def chosen(*values: Any) -> tuple:
            results = function(*values)
            return tuple(results[i] for i in wanted)

        size = sum(t.numel() for t in leaves) * max(first[i].numel() for i in wanted)
        fast = size > _FEW
        try:
            gradcheck(chosen, tuple(leaves), fast_mode=fast)
        except Exception as error:
            self.fail(
                f"the first derivative is wrong, or raises; correct backward ({_place(op)}), or give only "
                f"those arguments requires_grad=True that have a derivative\n{type(error).__name__}: {error}"
            )
        if self.refuses_twice(chosen, leaves):
            return None
        try:
            gradgradcheck(chosen, tuple(leaves), fast_mode=fast)
        except Exception as error:
            self.fail(
                "the second derivative is wrong, or raises: write backward in ops (not on NumPy arrays or "
                ".detach()ed tensors), and save arguments and results by ctx.save_for_backward; or mark "
                "backward with @plait.autograd.function.once_differentiable, so that differentiating it "
                f"raises instead\n{type(error).__name__}: {error}"
            )
        return None

    def refuses_twice(self, function: Callable, leaves: list[Any]) -> bool:
        """Is backward marked, so that differentiating it again raises instead of giving wrong values?"""
        with plait.enable_grad():
            outputs = function(*leaves)
            weights = [plait.ones_like(t).requires_grad_() for t in outputs]
            grads = plait.autograd.grad(outputs, leaves, weights, create_graph=True, allow_unused=True)
            recorded = [g for g in grads if g is not None and g.requires_grad]
            try:
                plait.autograd.backward(recorded, [plait.ones_like(g) for g in recorded])
            except Exception as error:
                return "once_differentiable" in str(error)
            finally:
                for t in leaves:
                    t.grad = None
        return False

    # -- the Meta device

    def test_faketensor(self, sample: Sample) -> str | None:
        """Results on the Meta device have the number, shapes, dtypes and layout of real ones."""
        op = self.op
        if not tensors_of(sample.bound) and "device" not in {p["name"] for p in sample.overload["params"]}:
            return "the op takes neither a tensor nor a device, so that it cannot run on the meta device"
        with plait.no_grad():
            real = _results(sample, sample.call(*sample.copy()))
        args, kwargs = map_tensors(sample.copy(), lambda t: t.to("meta"))
        args, kwargs = tuple(_to_meta(a) for a in args), {k: _to_meta(v) for k, v in kwargs.items()}
        if not tensors_of(sample.bound) and "device" not in sample.bound:
            kwargs["device"] = plait.device("meta")
        how = (
            f"correct the function of @{op.short}.register_fake"
            if op.python
            else "correct .meta (or .direct_meta) of its declaration"
        )
        try:
            with plait.no_grad():
                fake = _results(sample, sample.call(args, kwargs))
        except NotImplementedError as error:
            if op.own:
                return f"the op says that it has no Meta shape: {error}"
            if self._depends_on_data():
                return f"the op is declared so: {error}"
            example = "return plait.empty_like(x)"
            self.fail(
                "there is no fake kernel, so that the op does not run on the meta device; "
                + (
                    "register one, which says shape and dtype of the results:\n  "
                    f"@{op.short}.register_fake\n  def _({', '.join(sample.bound)}):\n      {example}\nor "
                    "have tags=Tag.dynamic_output_shape where the shape depends on data"
                    if op.python
                    else "declare .meta with .cpu, or .direct_meta beside .direct"
                )
                + f"\n{error}"
            )
        except Exception as error:
            self.fail(
                f"on tensors of the meta device, which have no data, the op raised {type(error).__name__}: "
                f"{error}\n{how}: it may look at shapes, dtypes and strides alone"
            )
        if len(real) != len(fake):
            self.fail(f"gives {len(real)} results, but {len(fake)} on the meta device; {how}")
        for i, (r, f) in enumerate(zip(real, fake)):
            a, b = tensors_of(r), tensors_of(f)
            if len(a) != len(b):
                self.fail(
                    f"result {i} is a list of {len(a)} tensors, but of {len(b)} on the meta device; {how}"
                )
            for x, y in zip(a, b):
                if y.device.type != "meta":
                    self.fail(f"result {i} is on '{y.device}' for arguments on the meta device; {how}")
                for what, p, q in (
                    ("shape", tuple(x.shape), tuple(y.shape)),
                    ("dtype", x.dtype, y.dtype),
                    ("strides", strides_of(x), strides_of(y)),
                ):
                    if p != q:
                        told = (tuple(x.stride()), tuple(y.stride())) if what == "strides" else (p, q)
                        self.fail(f"result {i} has {what} {told[0]}, but {told[1]} on the meta device; {how}")
        return None

    def _depends_on_data(self) -> bool:
        from ..library import Tag, _defined

        found = _defined.get(self.op.name)
        return found is not None and Tag.dynamic_output_shape in found._tags

    # -- layouts

    def test_layouts(self, sample: Sample) -> str | None:
        """Arguments and gradients that are not contiguous give the same results."""
        if not any(t.numel() > 1 and t.dim() > 0 for t in tensors_of(sample.bound)):
            return "no argument has more than one element"

        def plain(t: Any) -> Any:
            return t.clone(memory_format=plait.contiguous_format)

        expected = self.everything(sample, plain, plain)
        self.repeatable(sample, plain, expected)
        for what, change in LAYOUTS:
            try:
                found = self.everything(sample, change, plain)
            except Exception as error:
                if self.op.is_view(sample.overload):
                    continue  # some views do not exist of all layouts
                raise OpCheckError(
                    f"arguments {what} raise {type(error).__name__}: {error}\nmake them contiguous first "
                    "(x.contiguous()), or follow their strides"
                ) from error
            self.close(
                found[0], expected[0],
                f"arguments {what} give other results: the kernel must follow strides and offset, or take "
                "x.contiguous() first",
            )  # fmt: skip
            self.close(
                found[1], expected[1], f"arguments {what} give other gradients: so must the derivative"
            )
        for what, change in (*LAYOUTS, ("that are expanded (strides of 0)", expanded)):
            weight = (lambda t: plait.ones_like(t)) if change is expanded else plain
            base = expected if weight is plain else self.everything(sample, plain, weight)
            try:
                found = self.everything(sample, plain, change)
            except Exception as error:
                self.fail(f"gradients {what} raise {type(error).__name__} in backward: {error}")
            self.close(
                found[1], base[1],
                f"gradients {what}, as they come from sum() and transposes, give other results: backward "
                "must follow strides, or take grad.contiguous() first",
            )  # fmt: skip
        return None

    def repeatable(self, sample: Sample, change: Callable, expected: tuple) -> None:
        self.close(
            self.everything(sample, change, change)[0], expected[0],
            "the same arguments give other results the second time; draw random numbers by plait "
            "(plait.rand, a Generator argument), so that they follow plait.manual_seed, and keep no state "
            "between calls",
        )  # fmt: skip

    def everything(
        self, sample: Sample, change: Callable, change_grad: Callable, move: Callable | None = None
    ) -> tuple:
        """Results with what was written, and the gradients of those arguments that require grad."""
        grad = (
            sample.differentiable()
            and (sample.overload["has_derivative"] or sample.overload["composite"])
            and not sample.written & set(sample.bound)
        )
        args, kwargs = sample.copy(change if move is None else (lambda t: move(change(t))), grad=grad)
        _, bound = self.op.bind(args, kwargs)
        with plait.set_grad_enabled(grad):
            result = sample.call(args, kwargs)
        written = [t for name, _, t in labels(bound) if name in sample.written]
        grads: list[Any] = []
        carriers = [t for t in tensors_of(result) if t.requires_grad]
        if grad and carriers:
            weights = []
            for i, t in enumerate(carriers):
                plait.manual_seed(SEED + i)
                w = plait.randn(tuple(t.shape), dtype=plait.complex128 if t.is_complex() else plait.float64)
                w = change_grad(w.to(t.dtype).to(t.device))
                weights.append(w if move is None else move(w))
            leaves = [t for t in tensors_of((args, kwargs)) if t.requires_grad]
            plait.manual_seed(SEED)
            grads = list(plait.autograd.grad(carriers, leaves, weights, allow_unused=True))
        return [_results(sample, result), written], grads

    # -- devices

    def test_devices(self, sample: Sample) -> str | None:
        """The CPU and CUDA give the same results and gradients."""
        if not _cuda_available():
            return "plait.cuda.is_available() is False: CPU and CUDA were not compared"
        if not tensors_of(sample.bound):
            return "the op takes no tensors"
        if sample.generators:
            return "a Generator among the arguments belongs to one device"
        found = {}
        for device in ("cpu", "cuda"):
            try:
                found[device] = self.everything(
                    sample, _clone, _clone, lambda t, d=device: _move(t, d)
                )
            except NotImplementedError as error:
                return f"the op has no kernel for '{device}': {error}"
        for i, what in enumerate(("results", "gradients")):
            self.close(
                found["cuda"][i], found["cpu"][i],
                f"{what} on the CPU and on CUDA differ; correct the kernel, or give atol and rtol where "
                "rounding explains it",
            )  # fmt: skip
        return None


def _cuda_available() -> bool:
    return plait.cuda.is_available()


def _clone(t: Any) -> Any:
    return t.clone()


def _move(t: Any, device: str) -> Any:
    return t.to(device)


def _results(sample: Sample, result: Any) -> list[Any]:
    """One for every result of the schema."""
    if isinstance(result, tuple) and sample.overload["returns"] != ["Tensor[]"]:
        return list(result)
    return [] if result is None else [result]


def _plain(value: Any) -> Any:
    """As assert_close takes it."""
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.detach() if is_tensor(value) else value


def _place(op: Op) -> str:
    return f"{op.short}.register_autograd" if op.python else ".vjp of its declaration"


def _to_meta(value: Any) -> Any:
    is_device = isinstance(value, plait.device) or (
        isinstance(value, str) and value.partition(":")[0] in ("cpu", "cuda")
    )
    return plait.device("meta") if is_device else value


ALL = (
    "test_schema",
    "test_autograd_registration",
    "test_faketensor",
    "test_gradcheck",
    "test_layouts",
    "test_devices",
)


# ---- opcheck


@contextlib.contextmanager
def _generators_kept(samples: list[Sample]) -> Iterator[None]:
    state = plait.get_rng_state()
    try:
        yield
    finally:
        plait.set_rng_state(state)
        for sample in samples:
            for generator, before in sample.generators:
                generator.set_state(before)


def _samples(op: Op, args: Any, kwargs: dict[str, Any] | None) -> list[Sample]:
    given = dict(kwargs or {})
    many = isinstance(args, list) and all(isinstance(a, tuple) for a in args)
    if many and not args:
        raise ValueError("opcheck: the list of samples is empty; give at least one tuple of arguments")
    if not isinstance(args, (list, tuple)):
        raise TypeError(
            "opcheck: argument 'args' must be a tuple of arguments or a list of such samples, got "
            f"{type(args).__name__}; did you mean (x,)?"
        )
    found = []
    for sample in args if many else [tuple(args)]:
        own: dict[str, Any] = {}
        if many and len(sample) == 2 and isinstance(sample[0], tuple) and isinstance(sample[1], dict):
            sample, own = sample
        found.append(Sample(op, tuple(sample), {**given, **own}))
    return found


def opcheck(
    op: Any,
    args: tuple | list,
    kwargs: dict[str, Any] | None = None,
    *,
    test_utils: str | Sequence[str] = ALL,
    raise_exception: bool = True,
    atol: float | None = None,
    rtol: float | None = None,
) -> dict[str, Any]:
    """Test that an op is what its declaration says.

    Args:
        op: what `custom_op` returned, an op of a C++ extension (`plait.ops.ns.op`), or `plait.relu`.
        args: a tuple of arguments, or a list of samples: tuples of arguments, or (arguments, keyword
            arguments). Give all cases that matter: dtypes, shapes, optional arguments, and requires_grad=True
            where there is a derivative.
        kwargs: keyword arguments, for every sample.
        test_utils: names of the tests; by default all of these:

            - "test_schema": arguments are written, and results share memory, exactly as declared
            - "test_autograd_registration": there is a derivative where arguments require grad
            - "test_faketensor": results on Meta have the number, shape, dtype and strides of real ones
            - "test_gradcheck": first and second derivatives agree with finite differences, in float64
            - "test_layouts": arguments and gradients that are not contiguous give the same results
            - "test_devices": CPU and CUDA give the same, where there is CUDA
        raise_exception: False returns failures in the dict instead of raising the first one.
        atol, rtol: of test_layouts and test_devices; by default those of `assert_close` for the dtype.

    Returns a dict: for each test "SUCCESS", "SKIPPED: ..." with the reason, or the OpCheckError.

    >>> x = plait.tensor([[0.5, -2.0], [1.0, 3.0]], requires_grad=True)
    >>> result = plait.testing.opcheck(plait.relu, (x,), test_utils=("test_schema", "test_gradcheck"))
    >>> result
    {'test_schema': 'SUCCESS', 'test_gradcheck': 'SUCCESS'}
    """
    if (atol is None) != (rtol is None):
        raise ValueError(f"opcheck: give both atol and rtol, or none; got atol={atol}, rtol={rtol}")
    names: Sequence[str] = (
        ALL if test_utils == "ALL" else (test_utils,) if isinstance(test_utils, str) else test_utils
    )
    for name in names:
        if name not in ALL:
            ahead = " (nothing is compiled ahead of time here)" if "aot" in str(name) else ""
            raise ValueError(f"opcheck: test_utils has '{name}'{ahead}; there are {', '.join(ALL)}")
    known = Op(op)
    checker = _Checker(known, atol, rtol)
    results: dict[str, Any] = {}
    samples = _samples(known, args, kwargs)
    with _generators_kept(samples):
        for name in names:
            reasons = []
            for i, sample in enumerate(samples):
                try:
                    reasons.append(getattr(checker, name)(sample))
                except Exception as error:
                    where = f"sample {i} " if len(samples) > 1 else ""
                    raised = (
                        "" if isinstance(error, OpCheckError) else f"the op raised {type(error).__name__}: "
                    )
                    failure = OpCheckError(
                        f"opcheck({known.name}): {name} failed for {where}{sample.text()}: {raised}{error}"
                    )
                    cause = None if isinstance(error, OpCheckError) else error
                    if raise_exception:
                        raise failure from cause
                    failure.__cause__ = cause
                    results[name] = failure
                    break
            else:
                results[name] = f"SKIPPED: {reasons[0]}" if all(reasons) else "SUCCESS"
    return results
