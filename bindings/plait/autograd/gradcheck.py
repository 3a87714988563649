"""gradcheck and gradgradcheck: derivatives against finite differences.

Everything is compared as real numbers: a complex element counts as two. With u the real view of all inputs
and v that of an output, the numerical Jacobian is (v(u + eps e_j) - v(u - eps e_j)) / (2 eps). The analytical
one comes row by row from backward; the gradient of a real L by a complex z is dL/d(re z) + i dL/d(im z), so
its real view is a row.
"""

from __future__ import annotations

import sys

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]


class GradcheckError(RuntimeError):
    """A derivative that is wrong; the message says where."""


def _as_tuple(value: Any) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _differentiable(value: Any) -> bool:
    return isinstance(value, plait.Tensor) and (value.is_floating_point() or value.is_complex())


def _real_values(t: Any) -> list[float]:
    """The elements in row-major order, complex ones as (re, im)."""
    values = t.detach().reshape(-1).tolist()
    if t.is_complex():
        return [part for v in values for part in (v.real, v.imag)]
    return values


def _index(shape: tuple, flat: int) -> tuple[int, ...]:
    index = []
    for n in reversed(shape):
        flat, i = divmod(flat, n)
        index.append(i)
    return tuple(reversed(index))


def _place(t: Any, component: int) -> str:
    """Where the real component of a tensor is, for a reader."""
    if not t.is_complex():
        return str(_index(tuple(t.shape), component))
    return f"{_index(tuple(t.shape), component // 2)}{'.imag' if component % 2 else '.real'}"


def _components(t: Any) -> int:
    return t.numel() * (2 if t.is_complex() else 1)


class _Check:
    """One gradcheck: the function, its inputs, and the tolerances."""

    def __init__(
        self, who: str, func: Callable, inputs: tuple, eps: float, atol: float, rtol: float, nondet: float
    ):
        self.who = who
        self.func = func
        self.inputs = inputs
        self.eps = eps
        self.atol = atol
        self.rtol = rtol
        self.nondet = nondet
        self.wanted = [i for i, t in enumerate(inputs) if _differentiable(t) and t.requires_grad]

    def call(self) -> list[Any]:
        """The outputs that could have a derivative."""
        return [t for t in _as_tuple(self.func(*self.inputs)) if _differentiable(t)]

    def values(self) -> list[list[float]]:
        return [_real_values(t) for t in self.call()]

    def nudge(self, t: Any, direction: list[float]) -> tuple[list[list[float]], list[list[float]]]:
        """The outputs at t + eps direction and t - eps direction; changes `t` in place, then restores it."""
        with plait.no_grad():
            memory = t.detach()
            saved = memory.clone()
            step = plait.tensor(direction, dtype=plait.float64)
            step = (
                plait.view_as_complex(step.reshape(*t.shape, 2)) if t.is_complex() else step.reshape(t.shape)
            )
            step = (step * self.eps).to(t.dtype).to(t.device)
        results = []
        try:
            for sign in (1, -1):
                with plait.no_grad():
                    memory.copy_(saved + step if sign == 1 else saved - step)
                results.append(self.values())
        finally:
            with plait.no_grad():
                memory.copy_(saved)
        return results[0], results[1]

    def slopes(self, t: Any, direction: list[float]) -> list[list[float]]:
        """For each output the directional derivative of its components."""
        above, below = self.nudge(t, direction)
        return [[(a - b) / (2 * self.eps) for a, b in zip(x, y)] for x, y in zip(above, below)]

    def backward(self, output: Any, weights: list[float]) -> list[list[float]]:
        """For each wanted input the gradient of the weighted sum of an output's components."""
        targets = [self.inputs[i] for i in self.wanted]
        if not output.requires_grad:
            return [[0.0] * _components(t) for t in targets]
        v = plait.tensor(weights, dtype=plait.float64)
        if output.is_complex():
            v = plait.view_as_complex(v.reshape(*output.shape, 2))
        else:
            v = v.reshape(output.shape)
        v = v.to(output.dtype).to(output.device)
        grads = plait.autograd.grad(output, targets, v, retain_graph=True, allow_unused=True)
        rows = []
        for i, t, g in zip(self.wanted, targets, grads):
            if g is None:
                rows.append([0.0] * _components(t))
                continue
            if g.shape != t.shape or g.dtype != t.dtype:
                raise GradcheckError(
                    f"{self.who}: the gradient of input {i} has shape {tuple(g.shape)} and dtype "
                    f"{g.dtype}, the input "
                    f"{tuple(t.shape)} and {t.dtype}"
                )
            rows.append(_real_values(g))
        return rows

    def close(self, a: float, n: float, atol: float) -> bool:
        return abs(a - n) <= atol + self.rtol * abs(n)

    # ---- all elements

    def run(self) -> None:
        numerical = {}
        for i in self.wanted:
            t = self.inputs[i]
            size = _components(t)
            columns = []
            for j in range(size):
                direction = [0.0] * size
                direction[j] = 1.0
                columns.append(self.slopes(t, direction))
            numerical[i] = columns  # [component of the input][output][component of the output]
        # Only now, because the nudges have changed the tensors that a graph made before would have saved.
        for o, output in enumerate(self.call()):
            size = _components(output)
            rows = []
            for k in range(size):
                weights = [0.0] * size
                weights[k] = 1.0
                rows.append(self.backward(output, weights))
                if k == 0:
                    self.repeatable(o, output, weights, rows[0])
            for w, i in enumerate(self.wanted):
                analytical = [row[w] for row in rows]
                self.compare(o, output, i, analytical, [[c[o][k] for c in numerical[i]] for k in range(size)])

    def repeatable(self, o: int, output: Any, weights: list[float], first: list[list[float]]) -> None:
        again = self.backward(output, weights)
        for i, x, y in zip(self.wanted, first, again):
            worst = max((abs(a - b) for a, b in zip(x, y)), default=0.0)
            if worst > self.nondet:
                raise GradcheckError(
                    f"{self.who}: backward is not deterministic: the gradient of output {o} by input {i} "
                    f"differs by {worst:.3g} between two runs (nondet_tol={self.nondet})"
                )

    def compare(self, o: int, output: Any, i: int, analytical: list, numerical: list) -> None:
        """Compares two Jacobians, [component of the output][component of the input]."""
        t = self.inputs[i]
        wrong = [
            (abs(a - n) - self.rtol * abs(n) if a == a and n == n else float("inf"), k, j)
            for k, (row_a, row_n) in enumerate(zip(analytical, numerical))
            for j, (a, n) in enumerate(zip(row_a, row_n))
            if not self.close(a, n, self.atol)
        ]
        if not wrong:
            return
        _, k, j = max(wrong)
        a, n = analytical[k][j], numerical[k][j]
        total = len(analytical) * len(analytical[0])
        message = (
            f"{self.who}: analytical and numerical derivative of output {o} (shape {tuple(output.shape)}) "
            f"by input {i} "
            f"(shape {tuple(t.shape)}) disagree in {len(wrong)} of {total} elements; most at output element "
            f"{_place(output, k)}, input element {_place(t, j)}: analytical {a:.8g}, numerical {n:.8g}, "
            f"difference {abs(a - n):.3g}, allowed {self.atol + self.rtol * abs(n):.3g}"
        )
        if total <= 64:
            for name, jacobian in (("analytical", analytical), ("numerical", numerical)):
                rows = "\n".join("  " + " ".join(f"{v: .6g}" for v in row) for row in jacobian)
                message += f"\n{name} (a row for each output element):\n{rows}"
        raise GradcheckError(message)

    # ---- random directions

    def run_fast(self, directions: int = 3) -> None:
        """Compares v J u for random u and v: two calls and one backward each instead of one for every
        element.
        """
        import random

        rng = random.Random(0)
        probes = []
        for i in self.wanted:
            t = self.inputs[i]
            for _ in range(directions):
                u = _unit(rng, _components(t))
                probes.append((i, u, self.slopes(t, u)))
        for o, output in enumerate(self.call()):
            for _ in range(directions):
                v = _unit(rng, _components(output))
                rows = dict(zip(self.wanted, self.backward(output, v)))
                for i, u, slopes in probes:
                    a = sum(x * y for x, y in zip(rows[i], u))
                    n = sum(x * y for x, y in zip(slopes[o], v))
                    # what `atol` at each element of the Jacobian may add up to
                    atol = self.atol * sum(map(abs, u)) * sum(map(abs, v))
                    if not self.close(a, n, atol):
                        raise GradcheckError(
                            f"{self.who}: analytical and numerical derivative of output {o} (shape "
                            f"{tuple(output.shape)}) by input {i} (shape {tuple(self.inputs[i].shape)}) "
                            "disagree along "
                            f"a random direction: analytical {a:.8g}, numerical {n:.8g}; fast_mode=False "
                            "names the element"
                        )

    def run_zero(self) -> None:
        """A zero gradient of the output must give zero (or no) gradients of the inputs."""
        for o, output in enumerate(self.call()):
            for i, row in zip(self.wanted, self.backward(output, [0.0] * _components(output))):
                if any(value != 0 for value in row):
                    raise GradcheckError(
                        f"{self.who}: a zero gradient of output {o} gives a gradient of input {i} that is "
                        "not zero; backward should be linear in the gradient that it gets"
                    )


def _unit(rng: Any, size: int) -> list[float]:
    values = [rng.gauss(0, 1) for _ in range(size)]
    norm = sum(v * v for v in values) ** 0.5
    return [v / norm for v in values] if norm else values


def _unsupported(who: str, options: dict[str, bool]) -> None:
    for name, value in options.items():
        if value:
            raise ValueError(
                f"{who}: {name}=True is not supported: there is no such mode of differentiation here"
            )


def _strides(who: str, inputs: tuple) -> Iterator[str]:
    for i, t in enumerate(inputs):
        if not (isinstance(t, plait.Tensor) and t.requires_grad):
            continue
        if any(step == 0 and n > 1 for n, step in zip(t.shape, t.stride())):
            raise ValueError(
                f"{who}: input {i} is expanded (a stride of 0), so its elements share memory and cannot "
                "be changed one by one; give a .contiguous() copy"
            )
        if t.dtype not in (plait.float64, plait.complex128):
            yield f"input {i} is of {t.dtype}"


def gradcheck(
    func: Callable,
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the derivatives of `func` by those `inputs` that require grad agree with finite differences.

    Args:
        func: takes the inputs, returns a tensor or a tuple of tensors.
        inputs: a tensor or a tuple; float64 or complex128, else the differences are too coarse and a warning
            says so.
        eps: the size of the step.
        atol, rtol: |analytical - numerical| may be up to atol + rtol |numerical|.
        raise_exception: False returns False instead of raising GradcheckError (a RuntimeError).
        nondet_tol: how much two runs of backward may differ.
        check_undefined_grad: checks also that a zero gradient gives zero.
        fast_mode: random directions instead of every element; for big inputs.

    >>> x = plait.tensor([0.5, 2.0], dtype=plait.float64, requires_grad=True)
    >>> plait.autograd.gradcheck(lambda x: x.exp() * x, (x,))
    True
    """
    modes = {
        "check_batched_grad": check_batched_grad,
        "check_batched_forward_grad": check_batched_forward_grad,
        "check_forward_ad": check_forward_ad,
    }
    _unsupported("gradcheck", modes)
    return _run(
        "gradcheck",
        func,
        inputs,
        eps,
        atol,
        rtol,
        raise_exception,
        nondet_tol,
        check_undefined_grad,
        fast_mode,
    )


def _run(
    who: str, func: Callable, inputs: Any, eps: float, atol: float, rtol: float, raise_exception: bool,
    nondet_tol: float, check_undefined_grad: bool, fast_mode: bool,
) -> bool:  # fmt: skip
    inputs = _as_tuple(inputs)
    coarse = list(_strides(who, inputs))
    if coarse:
        import warnings

        warnings.warn(
            f"{who}: {coarse[0]}; finite differences need float64 or complex128, try .double()", stacklevel=3
        )
    check = _Check(who, func, inputs, eps, atol, rtol, nondet_tol)
    if not check.wanted:
        raise ValueError(
            f"{who}: no input is a floating or complex tensor that requires grad; nothing to check"
        )
    try:
        with plait.enable_grad():
            if fast_mode:
                check.run_fast()
            else:
                check.run()
            if check_undefined_grad:
                check.run_zero()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """As `gradcheck`, for the second derivatives: checks the gradients as functions of inputs and
    `grad_outputs`.

    Random `grad_outputs` are taken if none are given.

    >>> x = plait.tensor([0.5, 2.0], dtype=plait.float64, requires_grad=True)
    >>> plait.autograd.gradgradcheck(lambda x: x.exp() * x, (x,))
    True
    """
    modes = {"check_batched_grad": check_batched_grad, "check_fwd_over_rev": check_fwd_over_rev}
    _unsupported("gradgradcheck", modes)
    inputs = _as_tuple(inputs)

    def outputs_of(args: tuple) -> list[Any]:
        with plait.enable_grad():
            return [t for t in _as_tuple(func(*args)) if _differentiable(t) and t.requires_grad]

    if grad_outputs is None:
        made = []
        for t in outputs_of(inputs):
            g = plait.randn(t.shape, dtype=t.dtype, device=t.device)
            if gen_non_contig_grad_outputs and g.dim() > 0:
                g = plait.stack([g, g], -1)[..., 0]
            made.append(g.detach().requires_grad_(True))
        grad_outputs = tuple(made)
    else:
        grad_outputs = _as_tuple(grad_outputs)

    count = len(grad_outputs)

    def gradients(*args: Any) -> tuple:
        values, weights = (args[:-count], args[-count:]) if count else (args, ())
        targets = [t for t in values if _differentiable(t) and t.requires_grad]
        outputs = outputs_of(values)
        if not outputs:
            return ()
        if len(outputs) != len(weights):
            raise ValueError(
                f"gradgradcheck: {len(weights)} grad_outputs for {len(outputs)} outputs that require "
                "grad; give one each"
            )
        grads = plait.autograd.grad(outputs, targets, weights, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return _run(
        "gradgradcheck",
        gradients,
        (*inputs, *grad_outputs),
        eps,
        atol,
        rtol,
        raise_exception,
        nondet_tol,
        check_undefined_grad,
        fast_mode,
    )


class _CallableModule(type(sys)):  # type: ignore[misc]
    """Importing the module puts it where the function of its name was: it can be called like that."""

    def __call__(self, *args: Any, **kwargs: Any) -> bool:
        return self.gradcheck(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
