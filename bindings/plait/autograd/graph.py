"""The recorded graph: its nodes and edges, and hooks around what it saves."""

from __future__ import annotations

import contextlib
import functools
import threading
from typing import NamedTuple

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any, Literal

    from .._handles import RemovableHandle
    from .._tensor import Tensor

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
    "set_warn_on_accumulate_grad_stream_mismatch",
]

Node = _C.Node


class GradientEdge(NamedTuple):
    """Where a gradient goes: result `output_nr` of a node, or into the leaf of an AccumulateGrad node.

    It stands for a tensor among the `inputs` of `plait.autograd.grad` and `backward`, and among the outputs
    where their gradients are given, without keeping the tensor alive.
    """

    node: Any
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that the gradient of `tensor` goes along.

    Raises RuntimeError where the tensor does not require grad.

    >>> x = plait.ones(2, requires_grad=True)
    >>> y = x * 2
    >>> edge = plait.autograd.graph.get_gradient_edge(y)
    >>> edge.node is y.grad_fn, edge.output_nr
    (True, 0)
    >>> plait.autograd.grad(y.sum(), edge)
    (tensor([1., 1.]),)
    """
    if not isinstance(tensor, _C.Tensor):
        raise TypeError(f"get_gradient_edge: expected a Tensor, got {type(tensor).__name__}")
    if not tensor.requires_grad:
        raise RuntimeError(
            f"get_gradient_edge: a tensor of shape {tuple(tensor.shape)} that does not require grad has no "
            "edge; call .requires_grad_() before it is used"
        )
    if tensor.grad_fn is None:
        return GradientEdge(_C._accumulate_node(tensor), 0)
    return GradientEdge(tensor.grad_fn, tensor.output_nr)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Says that tensors have been written to by something that plait does not see, so that a backward which
    needs what they were raises.

    >>> x = plait.ones(2)
    >>> plait.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    for t in (tensor,) if isinstance(tensor, _C.Tensor) else tensor:
        _C._bump_version(t)


class saved_tensors_hooks:
    """Passes what the graph saves for backward through a pair of functions, for the length of a `with`.

    Args:
        pack_hook: called with each tensor as forward saves it: arguments of ops as they are, results without
            their history, and what custom Functions give to save_for_backward. Returns anything. It must not
            change the tensor in place (RuntimeError).
        unpack_hook: called with what pack_hook returned, each time that backward needs the tensor. Returns a
            tensor equal to the one that was packed, with its shape, dtype and device (else TypeError or
            RuntimeError).

    Of nested blocks the innermost counts, for the thread that entered it. Errors of the hooks reach the
    caller of the op, or of backward. Writing in place to a tensor after it was packed is not noticed. Tensors
    on the meta device, and Python numbers, are saved without hooks.

    >>> sizes = []
    >>> def pack(x):
    ...     sizes.append(tuple(x.shape))
    ...     return x.numpy()
    >>> x = plait.ones(3, requires_grad=True)
    >>> with plait.autograd.graph.saved_tensors_hooks(lambda t: pack(t.detach()), plait.from_numpy):
    ...     y = x.exp()
    >>> y.sum().backward()
    >>> sizes, x.grad
    ([(3,)], tensor([2.7183, 2.7183, 2.7183]))
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        for name, hook in (("pack_hook", pack_hook), ("unpack_hook", unpack_hook)):
            if not callable(hook):
                raise TypeError(
                    f"saved_tensors_hooks: {name} must be callable, got {type(hook).__name__}"
                )
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        _C._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *exc: object) -> None:
        _C._pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Keeps what the graph saves in the host's memory, and brings it back when backward needs it: a larger
    batch for slower steps.

    Args:
        pin_memory: in page-locked memory, so that the copies do not make the host wait.
        device_type: of the devices whose memory is short; only "cuda" is there.

    Parameters are saved by every layer that uses them, and are copied, too.

    >>> x = plait.ones(2, requires_grad=True)
    >>> with plait.autograd.graph.save_on_cpu():
    ...     y = (x * x).exp()
    >>> y.sum().backward()
    >>> x.grad
    tensor([5.4366, 5.4366])
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        if device_type != "cuda":
            raise ValueError(f"save_on_cpu: expected device_type 'cuda', got {device_type!r}")

        def pack(tensor: Tensor) -> tuple[Any, Tensor]:
            if not pin_memory or tensor.device.type == "cpu":
                return tensor.device, tensor.detach().cpu()
            host = _C.ops["empty"](
                tuple(tensor.shape), dtype=tensor.dtype, device="cpu", pin_memory=True
            )
            host.copy_(tensor, non_blocking=True)
            return tensor.device, host

        def unpack(packed: tuple[Any, Tensor]) -> Tensor:
            device, host = packed
            return host.to(device, non_blocking=pin_memory)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Within, entering `saved_tensors_hooks` raises RuntimeError with this message.

    >>> with plait.autograd.graph.disable_saved_tensors_hooks("not in this layer"):
    ...     with plait.autograd.graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
    RuntimeError: not in this layer
    """
    if not error_message:
        raise ValueError("disable_saved_tensors_hooks: the error message must not be empty")
    before = _C._refuse_saved_hooks(error_message)
    try:
        yield
    finally:
        _C._refuse_saved_hooks(before)


class _Run:
    """What a backward has brought so far."""

    def __init__(self, grads: list[Tensor | None], due: int) -> None:
        self.grads, self.due, self.seen = grads, due, 0


class _Handles:
    """Removes several hooks."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def register_multi_grad_hook(
    tensors: Sequence[Tensor],
    fn: Callable[..., None],
    *,
    mode: Literal["all", "any"] = "all",
) -> _Handles:
    """Calls `fn` once in each backward that reaches the tensors.

    Args:
        mode: "all": `fn(grads)` when the gradients of all tensors that this backward reaches have been
            computed, None for the others; "any": `fn(grad)` with the first.

    >>> a, b = plait.ones(1, requires_grad=True), plait.ones(1, requires_grad=True)
    >>> handle = plait.autograd.graph.register_multi_grad_hook((a, b), print)
    >>> (a * 2 + b * 3).backward()
    [tensor([2.]), tensor([3.])]
    >>> handle.remove()
    """
    if mode not in ("all", "any"):
        raise ValueError(f"register_multi_grad_hook: expected mode 'all' or 'any', got {mode!r}")
    lock = threading.Lock()
    runs: dict[int, _Run] = {}  # by the number of the backward
    most = 64  # that are not complete: backwards that raised

    def hook(index: int, grad: Tensor) -> None:
        number = _C._backward_number()
        with lock:
            run = runs.get(number)
            if run is None:
                if len(runs) >= most:
                    del runs[min(runs)]
                due = sum(_C._backward_reaches(t) for t in tensors)
                run = runs[number] = _Run([None] * len(tensors), due)
            run.grads[index] = grad
            run.seen += 1
            call = run.seen == (1 if mode == "any" else run.due)
            if run.seen == run.due:
                del runs[number]
        if call:
            fn(grad if mode == "any" else run.grads)

    return _Handles([t.register_hook(functools.partial(hook, i)) for i, t in enumerate(tensors)])


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Within it what the graph saves for backward is a copy, so that tensors may be written to afterwards:
    derivatives are those at the values that forward saw. The graph can be differentiated within it alone.

    >>> x = plait.ones(2, requires_grad=True)
    >>> with plait.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x * 3
    ...     z = (y * y).sum()
    ...     _ = y.detach().zero_()
    ...     z.backward()
    >>> x.grad
    tensor([18., 18.])
    """
    open_ = [True]

    def pack(tensor: Tensor) -> Tensor:
        return tensor.detach().clone()

    def unpack(copy: Tensor) -> Tensor:
        if not open_:
            raise RuntimeError(
                "allow_mutation_on_saved_tensors: backward reached what was saved within the context after "
                "its end; call backward inside of it"
            )
        return copy

    try:
        with saved_tensors_hooks(pack, unpack):
            yield
    finally:
        open_.clear()


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Nothing: plait gives no such warning."""
