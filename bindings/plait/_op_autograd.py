"""The derivative of an op as Python functions: what plait.library.register_autograd gives to the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import _C
from .autograd.function import Function

Tensor = _C.Tensor


class _Call:
    """One call of an op: its arguments as the user knows them, and how its results were nested."""

    def __init__(self, inputs: tuple, tensors: tuple[bool, ...], keyword_only: dict[str, Any]):
        self.inputs = inputs
        self.keyword_only = keyword_only
        # For every input that is a list of tensors its length, None for the others; empty where none is one.
        self.input_lengths: tuple[int | None, ...] = tuple(
            [len(a) if t and type(a) is list else None for a, t in zip(inputs, tensors)]
        )
        self.output_lengths: list[int | None] | None = None  # the same; None where no result is a list


class OpFunction(Function):
    """Runs an op below autograd and differentiates it by two functions. A subclass for every op.

    Function knows only flat tensors: lists of them are spread out, and the last argument is the _Call.
    """

    op_name: str
    raw: Callable
    backward_function: Callable
    setup_context_function: Callable | None

    @classmethod
    def forward(cls, ctx, *flat):
        """Runs the op, then the user's setup_context."""
        call = flat[-1]
        output = cls.raw(*call.inputs, **call.keyword_only)
        if call.input_lengths:  # nested as the arguments are
            needs = iter(ctx.needs_input_grad)
            # Function.apply reads it once more, for any(): at least one is True.
            ctx.needs_input_grad = tuple(
                [next(needs) if n is None else [next(needs) for _ in range(n)] for n in call.input_lengths]
            )
        else:
            ctx.needs_input_grad = ctx.needs_input_grad[:-1]
        result, call.output_lengths = _spread(output)
        if cls.setup_context_function is not None:
            if call.keyword_only:
                cls.setup_context_function(
                    ctx=ctx, inputs=call.inputs, keyword_only_inputs=call.keyword_only, output=output
                )
            else:
                cls.setup_context_function(ctx=ctx, inputs=call.inputs, output=output)
        # Not the call itself: it would keep alive inputs that backward does not need.
        ctx._input_lengths = call.input_lengths or (None,) * len(call.inputs)
        ctx._output_lengths = call.output_lengths
        return result

    @classmethod
    def backward(cls, ctx, *grads):
        """Gives the user's backward the gradients of the results, and checks what it returns."""
        lengths = ctx._input_lengths
        result = cls.backward_function(ctx, *_gather(grads, ctx._output_lengths))
        if not isinstance(result, tuple):
            # One gradient; a list of them for an op without lists is meant as a tuple.
            one = not isinstance(result, list) or any(n is not None for n in lengths)
            result = (result,) if one else tuple(result)
        if len(result) < len(lengths) or any(g is not None for g in result[len(lengths) :]):
            raise RuntimeError(
                f"{cls.op_name}: backward must return {len(lengths)} gradients, one for each positional "
                f"argument (None where there is none), it returned {len(result)}"
            )
        flat: list[Any] = []
        for i, (n, grad) in enumerate(zip(lengths, result)):
            if n is None:
                if grad is not None and len(flat) not in ctx._tensor_positions:
                    raise RuntimeError(
                        f"{cls.op_name}: backward returned a gradient for argument {i}, which is no tensor; "
                        "return None there"
                    )
                flat.append(grad)
                continue
            grads_of_list = [None] * n if grad is None else grad
            if not isinstance(grads_of_list, (list, tuple)) or len(grads_of_list) != n:
                found = f"{len(grad)}" if isinstance(grad, (list, tuple)) else type(grad).__name__
                raise RuntimeError(
                    f"{cls.op_name}: argument {i} is a list of {n} tensors, so backward must return a list "
                    f"of {n} gradients (or None) for it, it returned {found}"
                )
            flat.extend(grads_of_list)
        return (*flat, None)


def _spread(output: Any) -> tuple[Any, list[int | None] | None]:
    """Results without lists, and the lengths of those that were lists (None for the others)."""
    if type(output) is list:
        return tuple(output), [-1]
    if not isinstance(output, tuple) or not any(type(o) is list for o in output):
        return output, None
    flat: list[Any] = []
    for o in output:
        flat.extend(o) if type(o) is list else flat.append(o)
    return tuple(flat), [len(o) if type(o) is list else None for o in output]


def _gather(flat: tuple, lengths: list[int | None] | None) -> tuple:
    """The opposite of _spread."""
    if lengths is None:
        return flat
    if lengths == [-1]:
        return (list(flat),)
    values = iter(flat)
    return tuple(next(values) if n is None else [next(values) for _ in range(n)] for n in lengths)


def make_autograd(name: str, raw: Callable, backward: Callable, setup_context: Callable | None) -> Callable:
    """What the core calls instead of `raw` where a gradient is wanted, with all arguments by position."""
    description = _C._describe_op(name)[0]
    returns = description["returns"]
    lists = "[" in description["schema"]
    positional = [p for p in description["params"] if not p["keyword_only"]]
    keywords = [p["name"] for p in description["params"] if p["keyword_only"]]
    count = len(positional)
    tensors = tuple(p["tensor"] for p in positional)

    def raw_with_lists(*args, **kwargs):
        output = raw(*args, **kwargs)
        if returns == ["Tensor[]"]:
            return list(output)
        return tuple(list(o) if r == "Tensor[]" else o for o, r in zip(output, returns))

    function: Any = type(
        name,
        (OpFunction,),
        {
            "op_name": name,
            "raw": staticmethod(raw_with_lists if "Tensor[]" in returns else raw),
            "backward_function": staticmethod(backward),
            "setup_context_function": None if setup_context is None else staticmethod(setup_context),
        },
    )

    def autograd(*args):
        keyword_only = dict(zip(keywords, args[count:])) if keywords else {}
        if not lists:
            call = _Call(args[:count], (), keyword_only)
            return function.apply(*call.inputs, call)
        inputs = tuple([list(a) if isinstance(a, tuple) else a for a in args[:count]])
        call = _Call(inputs, tensors, keyword_only)
        flat: list[Any] = []
        for a, n in zip(inputs, call.input_lengths):
            if n is None:
                flat.append(a)
            else:
                flat.extend(a)
        result = function.apply(*flat, call)
        if call.output_lengths is None:
            return result
        result = _gather(result, call.output_lengths)
        return result[0] if returns == ["Tensor[]"] else result

    return autograd
