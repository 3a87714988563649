"""CUDA graphs: what a stream was given to do, captured once and launched many times with one call.

A captured kernel reads and writes the same addresses at each replay: results are read from, and inputs
written into, the tensors of the capture (`static.copy_(batch)`). Nothing in a capture may wait for the device
(`.item()`, `.cpu()`, shapes that depend on data). Random numbers go on: each replay draws those that the same
ops would have drawn eagerly.
"""

from __future__ import annotations

from .. import _C
from ._devices import synchronize
from .memory import empty_cache
from .streams import Stream
from .streams import stream as stream_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .._C import Generator, Tensor

_cuda = _C._cuda
Pool = tuple[int, int]


def is_current_stream_capturing() -> bool:
    """Is the current stream being captured? False without a device."""
    if not _cuda.device_count():
        return False
    device = _cuda.current_device()
    return _cuda.is_capturing(device, _cuda.current_stream(device))


def graph_pool_handle() -> Pool:
    """What tells a memory pool apart; given to several captures, these share it. They must then be replayed
    in the order of their captures, never two at a time."""
    return _cuda.new_pool_id()


class CUDAGraph:
    """A captured graph. `plait.cuda.graph(...)` is the easier way to capture one.

    `keep_graph`: keep what `debug_dump` draws.
    """

    def __init__(self, keep_graph: bool = False):
        self._graph = _cuda._CudaGraph()
        if keep_graph:
            self.enable_debug_mode()

    def capture_begin(self, pool: Pool | None = None, capture_error_mode: str = "global") -> None:
        """Begins: what the current stream (which must not be the null stream) is given is recorded, not run.

        `pool`: the memory of another graph (`graph.pool()`) or handle, to share. `capture_error_mode`:
        "global" refuses calls that a capture does not allow in all threads, "thread_local" in this one,
        "relaxed" nowhere.
        """
        self._graph.capture_begin(pool or (0, 0), capture_error_mode)

    def capture_end(self) -> None:
        """Ends the capture; the graph is ready. Raises RuntimeError where something in between was not
        allowed."""
        self._graph.capture_end()

    def replay(self) -> None:
        """Launches the graph on the current stream."""
        self._graph.replay()

    def reset(self) -> None:
        """Forgets the graph; its memory can be used for others."""
        self._graph.reset()

    def pool(self) -> Pool:
        """Its memory pool, for the `pool` of another capture."""
        return self._graph.pool()

    def register_generator_state(self, generator: Generator) -> None:
        """Lets the graph draw from a generator, before the capture; the default one needs no registering."""
        self._graph.register_generator(generator)

    def enable_debug_mode(self) -> None:
        """Keep what `debug_dump` draws; before the capture."""
        self._graph.enable_debug_mode()

    def debug_dump(self, debug_path: str) -> None:
        """Writes the graph to a file, in DOT."""
        self._graph.debug_dump(str(debug_path))


class graph:
    """Captures a graph: what runs in the `with` is recorded.

    ```python
    static_x = plait.zeros(8, 784, device="cuda")
    for _ in range(3):  # kernels are loaded, and libraries choose their algorithms, before the capture
        model(static_x)
    g = plait.cuda.CUDAGraph()
    with plait.cuda.graph(g):
        static_y = model(static_x)
    static_x.copy_(batch)
    g.replay()  # static_y holds model(batch)
    ```

    `pool`, `capture_error_mode`: see `CUDAGraph.capture_begin`. `stream`: where to capture; one of this
    class's own for the device unless given.
    """

    _streams: dict[int, Stream] = {}

    def __init__(
        self,
        cuda_graph: CUDAGraph,
        pool: Pool | None = None,
        stream: Stream | None = None,
        capture_error_mode: str = "global",
    ):
        self.cuda_graph, self.pool, self.capture_error_mode = cuda_graph, pool, capture_error_mode
        if stream is None:
            device = _cuda.current_device()
            stream = graph._streams.get(device)
            if stream is None:
                stream = graph._streams[device] = Stream(device)
        self.capture_stream = stream
        self._context = stream_context(stream)

    def __enter__(self) -> None:
        import gc

        # What nobody holds is freed now, not during the capture, and its memory is given back.
        synchronize()
        gc.collect()
        empty_cache()
        self._context.__enter__()
        try:
            self.cuda_graph.capture_begin(self.pool, self.capture_error_mode)
        except BaseException:
            self._context.__exit__(None, None, None)
            raise

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            self.cuda_graph.capture_end()
        except RuntimeError:
            if error is None:  # else the first one says more
                raise
        finally:
            self._context.__exit__(kind, error, trace)


def _flatten(value: Any, leaves: list[Any]) -> Any:
    """Nested tuples, lists and dicts as a flat list; returns what `_unflatten` builds them from again."""
    if isinstance(value, (tuple, list)):
        parts = [_flatten(v, leaves) for v in value]
        return (type(value), parts)
    if isinstance(value, dict):
        return (dict, {k: _flatten(v, leaves) for k, v in value.items()})
    leaves.append(value)
    return None


def _unflatten(spec: Any, leaves: Any) -> Any:
    if spec is None:
        return next(leaves)
    kind, parts = spec
    if kind is dict:
        return {k: _unflatten(p, leaves) for k, p in parts.items()}
    values = [_unflatten(p, leaves) for p in parts]
    if hasattr(kind, "_fields"):  # a named tuple
        return kind(*values)
    return kind(values)


class _Part:
    """One callable of make_graphed_callables, with what its graphs read and write."""

    def __init__(self, function: Any, args: tuple):
        import plait

        self.function = function
        self.args = args
        leaves: list[Any] = []
        self.args_spec = _flatten(args, leaves)
        if not all(isinstance(leaf, plait.Tensor) for leaf in leaves):
            raise TypeError(
                "make_graphed_callables: in the sample arguments only Tensors are allowed; bind "
                "other arguments with functools.partial"
            )
        self.inputs: list[Tensor] = leaves
        self.module_parameters: tuple[Tensor, ...] = ()
        if isinstance(function, plait.nn.Module):
            if function._backward_hooks or function._forward_hooks or function._forward_pre_hooks:
                raise RuntimeError(
                    "make_graphed_callables: modules must not have hooks yet; register them on the result"
                )
            if any(b.requires_grad for b in function.buffers()):
                raise RuntimeError("make_graphed_callables: buffers must not require grad")
            self.module_parameters = tuple(function.parameters())
        self.forward, self.backward = CUDAGraph(), CUDAGraph()
        self.outputs: list[Tensor] = []
        self.outputs_spec: Any = None
        self.grad_outputs: list[Tensor | None] = []
        self.grad_inputs: list[Tensor | None] = []

    @property
    def surface(self) -> list[Tensor]:
        """Everything whose gradient is computed: the inputs, then the parameters."""
        return [*self.inputs, *self.module_parameters]

    def warm_up(self, iterations: int, allow_unused: bool) -> None:
        import plait

        for _ in range(iterations):
            leaves: list[Any] = []
            _flatten(self.function(*self.args), leaves)
            outputs = [o for o in leaves if o.requires_grad]
            wanted = [t for t in self.surface if t.requires_grad]
            if outputs and wanted:
                grads = [plait.empty_like(o) for o in outputs]
                plait.autograd.grad(outputs, wanted, grads, allow_unused=allow_unused)

    def capture_forward(self, pool: Pool) -> None:
        with graph(self.forward, pool=pool):
            result = self.function(*self.args)
        self.outputs_spec = _flatten(result, self.outputs)

    def capture_backward(self, pool: Pool, allow_unused: bool) -> None:
        import plait

        self.grad_outputs = [plait.empty_like(o) if o.requires_grad else None for o in self.outputs]
        outputs = [o for o in self.outputs if o.requires_grad]
        wanted = [t for t in self.surface if t.requires_grad]
        grads: list[Tensor | None] = []
        if outputs and wanted:
            with graph(self.backward, pool=pool):
                grads = list(
                    plait.autograd.grad(
                        outputs,
                        wanted,
                        [g for g in self.grad_outputs if g is not None],
                        allow_unused=allow_unused,
                    )
                )
        given = iter(grads)
        self.grad_inputs = [next(given, None) if t.requires_grad else None for t in self.surface]

    def make_callable(self) -> Callable:
        import plait

        part = self

        class Graphed(plait.autograd.Function):
            @staticmethod
            def forward(ctx: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
                for static, given in zip(part.inputs, inputs):
                    if static.data_ptr() != given.data_ptr():
                        static.copy_(given)
                part.forward.replay()
                return tuple(o.detach() for o in part.outputs)

            @staticmethod
            def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
                for static, given in zip(part.grad_outputs, grads):
                    if static is None:
                        continue
                    if given is None:
                        static.zero_()
                    elif static.data_ptr() != given.data_ptr():
                        static.copy_(given)
                part.backward.replay()
                return tuple(None if g is None else g.detach() for g in part.grad_inputs)

        def call(*args: Any) -> Any:
            leaves: list[Any] = []
            _flatten(args, leaves)
            if len(leaves) != len(part.inputs):
                raise TypeError(
                    f"graphed callable: expected {len(part.inputs)} tensors, as in the sample arguments, got "
                    f"{len(leaves)}"
                )
            for i, (static, given) in enumerate(zip(part.inputs, leaves)):
                if static.shape != given.shape or static.dtype is not given.dtype:
                    raise ValueError(
                        f"graphed callable: tensor {i} should have the sample's shape {tuple(static.shape)} "
                        f"and dtype {static.dtype}, got {tuple(given.shape)} and {given.dtype}"
                    )
            results = Graphed.apply(*leaves, *part.module_parameters)
            results = results if isinstance(results, tuple) else (results,)
            return _unflatten(part.outputs_spec, iter(results))

        return call


def make_graphed_callables(
    callables: Any,
    sample_args: Sequence,
    num_warmup_iters: int = 3,
    allow_unused_input: bool = False,
    pool: Pool | None = None,
) -> Any:
    """Functions or modules whose forward and backward run as captured graphs, in a program that is otherwise
    eager.

    `callables`: one, or a tuple of them in the order in which they run. `sample_args`: a tuple of tensors for
    it, or one tuple for each; later arguments must have the same shapes, dtypes and `requires_grad`. A module
    is changed in place and returned; it runs as a graph in the mode (training or not) in which it was
    captured, and as before in the other one. Backward must follow each forward before the next; higher
    derivatives are not there.

    ```python
    model = plait.cuda.make_graphed_callables(model, (plait.randn(64, 784, device="cuda"),))
    for x, y in loader:
        loss(model(x.cuda()), y.cuda()).backward()
    ```
    """
    import plait

    if plait.is_autocast_enabled("cuda") and _C.is_autocast_cache_enabled():
        raise RuntimeError(
            "make_graphed_callables: autocast's cache would keep tensors of the capture; use "
            "plait.autocast('cuda', cache_enabled=False)"
        )
    single = not isinstance(callables, tuple)
    functions = (callables,) if single else callables
    samples = (sample_args,) if single else sample_args
    if len(functions) != len(samples):
        raise ValueError(
            f"make_graphed_callables: expected a tuple of sample arguments for each of the {len(functions)} "
            f"callables, got {len(samples)}"
        )
    parts = [_Part(f, tuple(a)) for f, a in zip(functions, samples)]
    shared = pool or graph_pool_handle()

    # On a stream of its own, as captures are: kernels are loaded and algorithms chosen before.
    synchronize()
    with stream_context(Stream()):
        for part in parts:
            part.warm_up(num_warmup_iters, allow_unused_input)
    synchronize()
    # In the order in which they will run: the pool's memory is used again on that assumption.
    for part in parts:
        part.capture_forward(shared)
    for part in reversed(parts):
        part.capture_backward(shared, allow_unused_input)

    results = [_installed(part) for part in parts]
    return results[0] if single else tuple(results)


def _installed(part: _Part) -> Any:
    import plait

    graphed = part.make_callable()
    module = part.function
    if not isinstance(module, plait.nn.Module):
        return graphed
    mode, eager = module.training, module.forward

    def forward(*args: Any) -> Any:
        return graphed(*args) if module.training == mode else eager(*args)

    module.forward = forward  # type: ignore[method-assign]
    return module
