"""Gradients: backward, grad, custom Functions, checks."""

from __future__ import annotations

from .. import _C
from .._grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function

__all__ = [
    "Function",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]

Node = _C.Node
_Tensor = _C.Tensor


class set_multithreading_enabled:
    """Nothing, as a function and as a context: a backward runs in the thread that calls it, and its ops in
    several.

    >>> with plait.autograd.set_multithreading_enabled(False):
    ...     pass
    """

    def __init__(self, mode: bool) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def Variable(data, requires_grad=False):
    """PyTorch's old name for a tensor: returns an alias of `data`."""
    return data.detach().requires_grad_(requires_grad)


def _is_edge(x) -> bool:
    return isinstance(x, tuple) and len(x) >= 2 and isinstance(x[0], Node) and hasattr(x, "output_nr")


def _listed(tensors):
    if isinstance(tensors, _Tensor) or _is_edge(tensors):
        return (tensors,)
    return tuple(tensors)


def _by_tensor(tensors, grads=()):
    """Each GradientEdge of the list as a tensor that stands for it."""
    for x in tensors:
        if not isinstance(x, _Tensor):
            break
    else:
        return tensors
    return tuple(
        _C._edge_tensor(x.node, x.output_nr, grads[i] if i < len(grads) else None) if _is_edge(x) else x
        for i, x in enumerate(tensors)
    )


def _differentiable(inputs):
    """The inputs of `grad`, each a tensor that requires a gradient."""
    inputs = _by_tensor(inputs)
    for i, x in enumerate(inputs):
        if not isinstance(x, _Tensor):
            raise TypeError(f"grad: expected Tensors as inputs, got {type(x).__name__} at position {i}")
        if not x.requires_grad:
            raise RuntimeError(
                f"grad: input {i} of shape {tuple(x.shape)} does not require grad; call "
                ".requires_grad_() before it is used"
            )
    return inputs


def backward(
    tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None
) -> None:
    """Adds the gradients of the sum of `tensors`, each weighted by its `grad_tensors`, to the `.grad` of
    the leaves.

    Raises RuntimeError where a tensor does not require grad, is not a scalar and has no gradient given, or
    where the graph has been freed by an earlier backward.
    """
    grads = (
        ()
        if grad_tensors is None
        else _listed(grad_tensors)
        if isinstance(grad_tensors, _Tensor)
        else tuple(grad_tensors)
    )
    tensors = (tensors,) if isinstance(tensors, _Tensor) else _by_tensor(_listed(tensors), grads)
    leaves = () if inputs is None else _by_tensor(_listed(inputs))
    if inputs is not None and not leaves:
        raise RuntimeError("backward: inputs= must not be empty; leave it out to reach all leaves")
    if retain_graph is None:
        retain_graph = create_graph
    _C._run_backward(tensors, grads, retain_graph, create_graph, leaves, True)


def _batched_grad(outputs, inputs, grad_outputs, retain_graph, options):
    batches = () if grad_outputs is None else _listed(grad_outputs)
    counts = {len(g) for g in batches if g is not None and g.dim()}
    if len(counts) != 1 or any(g is not None and not g.dim() for g in batches):
        shapes = [None if g is None else tuple(g.shape) for g in batches]
        raise ValueError(
            "grad: is_grads_batched expects grad_outputs with one first dimension for all, the batch, before "
            f"the shapes of outputs; got shapes {shapes}"
        )
    count = counts.pop()
    if not count:
        raise ValueError("grad: is_grads_batched expects at least one gradient, got grad_outputs of 0 rows")
    try:
        return _grads_at_once(outputs, inputs, batches, count, retain_graph, options)
    except _C.EntryError:
        rows = []
        for i in range(count):
            given = [None if g is None else g[i] for g in batches]
            rows.append(grad(outputs, inputs, given, True if i + 1 < count else retain_graph, *options))
        return tuple(None if parts[0] is None else _C.ops["stack"](list(parts)) for parts in zip(*rows))


def _grads_at_once(outputs, inputs, batches, count, retain_graph, options):
    """One backward pass for all gradients, which are the entries of a batch, as within vmap."""
    hide, spread, reveal = (_C.ops[f"_batch_{name}"] for name in ("hide", "spread", "reveal"))
    level = _C._batch_level()
    hidden = [None if g is None else hide(g, 0, level) for g in batches]
    # Where a derivative asks for a value there is a pass for each entry: the graph must outlive this one.
    found = grad(outputs, inputs, hidden, True if retain_graph is None else retain_graph, *options)
    return tuple(None if g is None else reveal(spread(g, level, count), 0, level) for g in found)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    only_inputs=True,
    allow_unused=None,
    is_grads_batched=False,
    materialize_grads=False,
):
    """The gradients of the sum of `outputs` with respect to `inputs`, as a tuple; nothing is added to any
    `.grad`.

    An input that the outputs do not depend on raises RuntimeError, unless `allow_unused` (None is returned
    for it) or `materialize_grads` (zeros). `is_grads_batched`: each tensor of grad_outputs has a first
    dimension of several gradients, for which as many are returned, stacked, by one backward pass.

    >>> x = plait.tensor(3.0, requires_grad=True)
    >>> plait.autograd.grad(x * x, x)
    (tensor(6.),)
    """
    if is_grads_batched:
        options = (create_graph, only_inputs, allow_unused, False, materialize_grads)
        return _batched_grad(outputs, inputs, grad_outputs, retain_graph, options)
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads=True needs allow_unused to be True or left out")
    grads = () if grad_outputs is None else _listed(grad_outputs)
    outputs = (outputs,) if isinstance(outputs, _Tensor) else _by_tensor(_listed(outputs), grads)
    inputs = (inputs,) if isinstance(inputs, _Tensor) else _listed(inputs)
    for x in inputs:
        if not (isinstance(x, _Tensor) and x.requires_grad):
            inputs = _differentiable(inputs)
            break
    if retain_graph is None:
        retain_graph = create_graph
    result = _C._run_backward(outputs, grads, retain_graph, create_graph, inputs, False)
    if materialize_grads:
        return tuple(
            _C.ops["zeros_like"](x).requires_grad_(create_graph) if g is None else g
            for g, x in zip(result, inputs)
        )
    if not allow_unused:
        for g in result:
            if g is None:
                unused = [i for i, g in enumerate(result) if g is None]
                raise RuntimeError(
                    f"grad: the outputs do not depend on input {unused[0]} of shape "
                    f"{tuple(inputs[unused[0]].shape)}; pass allow_unused=True to get None for it"
                )
    return result


def __getattr__(name: str):
    if name in ("gradcheck", "gradgradcheck", "GradcheckError"):
        # The function takes the place of the sub-module of the same name.
        import importlib

        module = importlib.import_module("plait.autograd.gradcheck")
        globals().update(gradcheck=module.gradcheck, gradgradcheck=module.gradgradcheck)
        if hasattr(module, "GradcheckError"):
            globals()["GradcheckError"] = module.GradcheckError
        return globals()[name]
    if name == "variable":  # PyTorch's home of Variable
        import plait

        return plait.autograd
    if name in ("forward_ad", "functional", "grad_mode", "graph", "profiler", "profiler_util"):
        import importlib

        return importlib.import_module("plait.autograd." + name)
    raise AttributeError(f"module 'plait.autograd' has no attribute '{name}'")
