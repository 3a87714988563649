"""Transforms of functions: gradients, Jacobians and batches of functions that are called as functions.

The functions take and give tensors, or nested containers of them. What is not differentiated passes through.
`vmap` calls its function once, on tensors that stand for all entries of the batch: each op runs for all of
them together. A function that asks for the value of an entry (`if x > 0`, `x.item()`) is called for each one.

>>> grad(lambda x: x.sin())(plait.tensor(0.0))
tensor(1.)
>>> vmap(plait.dot)(plait.ones(3, 2), plait.ones(3, 2))
tensor([2., 2., 2.])
"""

from __future__ import annotations

from functools import wraps

import plait
from plait import _C, Tensor

from .autograd._rows import rows as _rows
from .nn.utils.stateless import functional_call as _call_with
from .utils._pytree import TreeSpec, tree_flatten, tree_leaves, tree_map, tree_unflatten

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from .nn import Module

    Argnums = int | tuple[int, ...]

__all__ = [
    "functional_call",
    "functionalize",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "vjp",
    "vmap",
]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: dict[str, Tensor] | Sequence[dict[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """`module(*args, **kwargs)` with other parameters and buffers; see plait.nn.utils.functional_call.
    Several dicts must not share names.

    >>> m = plait.nn.Linear(1, 1, bias=False)
    >>> functional_call(m, {"weight": plait.full((1, 1), 3.0)}, plait.ones(1, 1))
    tensor([[3.]])
    """
    if isinstance(parameter_and_buffer_dicts, dict):
        merged = parameter_and_buffer_dicts
    else:
        merged = {}
        for one in parameter_and_buffer_dicts:
            twice = sorted(merged.keys() & one.keys())
            if twice:
                raise ValueError(f"functional_call: {twice} appear in more than one dictionary")
            merged.update(one)
    return _call_with(module, merged, args, kwargs, tie_weights=tie_weights, strict=strict)


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of modules of one kind, each stacked along a new first dimension: what
    vmap of functional_call takes for an ensemble.

    >>> parameters, buffers = stack_module_state([plait.nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape
    plait.Size([3, 1, 2])
    """
    if not models:
        raise RuntimeError("stack_module_state: expected at least one model, got none")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: expected models of one class")
    if len({model.training for model in models}) > 1:
        raise RuntimeError("stack_module_state: expected all models in training mode, or all in eval mode")
    all_parameters = [dict(model.named_parameters()) for model in models]
    for name, first in all_parameters[0].items():
        if any(each[name].requires_grad != first.requires_grad for each in all_parameters):
            raise RuntimeError(f"stack_module_state: {name!r} requires grad in some models and not in others")
    all_buffers = [dict(model.named_buffers()) for model in models]
    parameters = {
        name: plait.stack([each[name] for each in all_parameters])
        .detach()
        .requires_grad_(first.requires_grad)
        for name, first in all_parameters[0].items()
    }
    buffers = {name: plait.stack([each[name] for each in all_buffers]) for name in all_buffers[0]}
    return parameters, buffers


def functionalize(func: Callable[..., Any], *, remove: str = "mutations") -> Callable[..., Any]:
    """The function as it is: the transforms differentiate and batch what writes in place, too.

    >>> functionalize(lambda x: x.clone().add_(1))(plait.ones(1))
    tensor([2.])
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise ValueError(
            f"functionalize: expected remove='mutations' or 'mutations_and_views', got {remove!r}"
        )
    return func


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Takes the running statistics away from all batch norms in a module, `root` among them, so that they
    normalise by those of the batch; returns `root`.

    >>> net = replace_all_batch_norm_modules_(plait.nn.Sequential(plait.nn.BatchNorm1d(2)))
    >>> net[0].running_mean is None, net[0].track_running_stats
    (True, False)
    """
    from .nn.modules.batchnorm import _BatchNorm

    for module in root.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root


class _Level:
    """One differentiation: its inputs, and what of the results it leaves attached to the graph.

    Inputs that are part of a graph (of an outer level, say) stay so; others become leaves of this level. A
    result that depends on no leaf but these is detached in the end: whoever called knows nothing of them.
    """

    def __init__(self):
        self.tracking = plait.is_grad_enabled()
        self.leaves: list[Tensor] = []

    def open(self, tree: Any) -> tuple[Any, list[Any], TreeSpec]:
        """What the function is called with, which it may write to; what stands for its leaves as they were,
        with their structure."""
        leaves, spec = tree_flatten(tree)
        pairs = [self.input(x) for x in leaves]
        return tree_unflatten([a for a, _ in pairs], spec), [x for _, x in pairs], spec

    def input(self, x: Any) -> tuple[Any, Any]:
        if not isinstance(x, Tensor):
            return x, x
        if not (x.is_floating_point() or x.is_complex()):
            raise RuntimeError(
                f"expected inputs of a floating-point or complex dtype to differentiate with respect to, got "
                f"{x.dtype}; cast it with .float(), or leave it out with argnums="
            )
        attached = self.tracking and x.requires_grad
        if not attached:
            x = x.detach()
        # Within vmap each entry has a gradient of its own, also of what all entries share.
        for batch in _C._batch_regions():
            x = plait._batch_spread(x, *batch)
        if not attached:
            self.leaves.append(x.requires_grad_())
        return _C._function_input(x, not attached)

    def reaches_others(self, tree: Any) -> bool:
        tensors = [t for t in tree_leaves(tree) if isinstance(t, Tensor) and t.requires_grad]
        return any(_C._depends_on_others(t, self.leaves) for t in tensors)

    def close(self, tree: Any) -> Any:
        return tree_map(lambda t: self.result(t) if isinstance(t, Tensor) else t, tree)

    def result(self, t: Tensor) -> Tensor:
        if not t.requires_grad:
            return t
        return t if self.tracking and _C._depends_on_others(t, self.leaves) else t.detach()


def _pick(args: tuple, argnums: Argnums, who: str) -> list[int]:
    wanted = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(wanted, tuple) or not wanted or not all(isinstance(n, int) for n in wanted):
        raise RuntimeError(f"{who}: expected argnums to be an int or a tuple of ints, got {argnums!r}")
    for number in wanted:
        if not -len(args) <= number < len(args):
            raise RuntimeError(f"{who}: got argnums={argnums}, but the function has {len(args)} arguments")
    numbers = [number % len(args) for number in wanted]
    if len(set(numbers)) < len(numbers):
        raise RuntimeError(f"{who}: argnums={argnums} names an argument twice")
    return numbers


def _gradients(
    outputs: list[Tensor], inputs: list[Tensor], grads: list[Tensor] | None, differentiable: bool = True
) -> list[Tensor]:
    """The gradients of the outputs that have any; zeros where there are none."""
    grads = [None] * len(outputs) if grads is None else grads  # type: ignore[list-item]
    live = [(y, g) for y, g in zip(outputs, grads, strict=True) if y.requires_grad]
    if not live:
        return [plait.zeros_like(x) for x in inputs]
    return list(
        plait.autograd.grad(
            [y for y, _ in live],
            inputs,
            [g for _, g in live],
            create_graph=differentiable,
            materialize_grads=True,
        )
    )


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """A function that gives the gradient of `func` and its value: (gradient, value), or with `has_aux`, where
    func returns (value, aux), (gradient, (value, aux)).

    >>> grad_and_value(lambda x: x**2)(plait.tensor(3.0))
    (tensor(6.), tensor(9.))
    """

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = _Level()
        wanted = _pick(args, argnums, "grad")
        with plait.enable_grad():
            inner = list(args)
            opened = []
            for number in wanted:
                inner[number], leaves, spec = level.open(args[number])
                opened.append((leaves, spec))
            output = func(*inner, **kwargs)
            aux = None
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError("grad: with has_aux=True the function should return (value, aux)")
                output, aux = output
            if not isinstance(output, Tensor) or output.dim() != 0:
                got = (
                    f"a tensor of shape {tuple(output.shape)}"
                    if isinstance(output, Tensor)
                    else f"{type(output).__name__}"
                )
                raise RuntimeError(
                    f"grad: expected the function to return a 0-d tensor, got {got}; sum it, or use jacrev"
                )
            # Only those who see other leaves than this level's need the gradients' own graph.
            level.tracking = level.tracking and level.reaches_others((output, aux))
            inputs = [x for leaves, _ in opened for x in leaves]
            found = iter(_gradients([output], inputs, None, level.tracking))
            grads = tuple(
                tree_unflatten([level.result(next(found)) for _ in leaves], spec) for leaves, spec in opened
            )
        result = grads[0] if isinstance(argnums, int) else grads
        output, aux = level.result(output), level.close(aux) if has_aux else None
        return (result, (output, aux)) if has_aux else (result, output)

    return wrapper


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that gives the gradient of `func`, which returns a 0-d tensor, with respect to the argument
    `argnums`, or a tuple of gradients for several; with `has_aux`, where func returns (value, aux),
    (gradient, aux). grad of grad is the second derivative.

    >>> grad(grad(lambda x: x**3))(plait.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of `func` at the primals, and a function from cotangents to the tuple of their products with
    the Jacobian; (value, vjp_fn), or with `has_aux` (value, vjp_fn, aux).

    >>> value, pull = vjp(lambda x: 2 * x, plait.ones(2))
    >>> pull(plait.tensor([1.0, 3.0]))
    (tensor([2., 6.]),)
    """
    level = _Level()
    with plait.enable_grad():
        inner, inputs, in_spec = level.open(primals)
        output = func(*inner)
        aux = None
        if has_aux:
            output, aux = output
    outputs, out_spec = tree_flatten(output)

    def pull(*cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        weights, spec = tree_flatten(given)
        if len(weights) != len(outputs):
            raise RuntimeError(
                f"vjp: expected cotangents of the structure of the output, {out_spec}, got {spec}"
            )
        for weight, y in zip(weights, outputs, strict=True):
            if weight.shape != y.shape:
                raise RuntimeError(
                    f"vjp: expected a cotangent of the output's shape {tuple(y.shape)}, got "
                    f"{tuple(weight.shape)}"
                )
        tracking = plait.is_grad_enabled()
        with plait.enable_grad():
            grads = _gradients(outputs, inputs, weights)
        close = level.result if tracking else Tensor.detach
        return tree_unflatten([close(g) for g in grads], in_spec)

    value = level.close(output)
    return (value, pull, level.close(aux)) if has_aux else (value, pull)


def jvp(
    func: Callable[..., Any], primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """The value of `func` at the primals and the product of its Jacobian with the tangents: (value, jvp), or
    with `has_aux` (value, jvp, aux). The derivative is that of the vector-Jacobian product, so func must be
    differentiable twice.

    >>> jvp(lambda x: x**2, (plait.tensor(3.0),), (plait.tensor(1.0),))
    (tensor(9.), tensor(6.))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple) or len(primals) != len(tangents):
        raise RuntimeError("jvp: expected primals and tangents as tuples of one length")
    level = _Level()
    with plait.enable_grad():
        inner, inputs, _ = level.open(primals)
        output = func(*inner)
        aux = None
        if has_aux:
            output, aux = output
        directions = tree_leaves(tangents)
        outputs, spec = tree_flatten(output)
        weights = [plait.zeros_like(y).requires_grad_() for y in outputs]
        for weight in weights:
            level.leaves.append(weight)
        grads = _gradients(outputs, inputs, weights)
        pushed = _gradients(grads, weights, directions)
    result = level.close(tree_unflatten(pushed, spec))
    value = level.close(output)
    return (value, result, level.close(aux)) if has_aux else (value, result)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of `func` at the primals, and the function that gives the product of its Jacobian there with
    tangents, one for each primal.

    >>> value, product = linearize(lambda x: x**2, plait.tensor(3.0))
    >>> value, product(plait.tensor(1.0))
    (tensor(9.), tensor(6.))
    """

    def product(*tangents: Any) -> Any:
        return jvp(func, primals, tangents)[1]

    return func(*primals), product


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that gives the Jacobian of `func` with respect to the argument `argnums`: of shape
    output.shape + input.shape, in the structure of the output, within it that of the inputs. One backward
    pass for all elements of the output, or for `chunk_size` of them at a time, which takes less memory.

    >>> jacrev(lambda x: x**2)(plait.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = _Level()
        wanted = _pick(args, argnums, "jacrev")
        with plait.enable_grad():
            inner = list(args)
            if isinstance(argnums, int):
                inner[argnums], inputs, in_spec = level.open(args[argnums])
            else:
                chosen, inputs, in_spec = level.open(tuple(args[n] for n in wanted))
                for number, argument in zip(wanted, chosen, strict=True):
                    inner[number] = argument
            output = func(*inner, **kwargs)
            aux = None
            if has_aux:
                output, aux = output
            outputs, out_spec = tree_flatten(output)
            # Only those who see other leaves than this level's need the gradients' own graph.
            level.tracking = level.tracking and level.reaches_others((output, aux))
            blocks = []
            for y in outputs:
                if not isinstance(y, Tensor):
                    raise RuntimeError(
                        f"jacrev: expected the function to return tensors, got {type(y).__name__}"
                    )
                found = _rows(y, inputs, level.tracking, chunk_size)
                shapes = [tuple(y.shape) + tuple(x.shape) for x in inputs]
                filled = [
                    x.new_zeros(shape) if g is None else g
                    for x, shape, g in zip(inputs, shapes, found, strict=True)
                ]
                blocks.append(tree_unflatten(filled, in_spec))
        result = level.close(tree_unflatten(blocks, out_spec))
        return (result, level.close(aux)) if has_aux else result

    return wrapper


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The Jacobian as jacrev gives it. plait differentiates backward alone: this is another name of jacrev.

    >>> jacfwd(lambda x: x.sum())(plait.ones(2))
    tensor([1., 1.])
    """
    return jacrev(func, argnums, has_aux=has_aux)


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that gives the Hessian of `func`: the Jacobian of its Jacobian.

    >>> hessian(lambda x: (x**3).sum())(plait.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def _spread(prefix: Any, spec: TreeSpec, who: str) -> list[Any]:
    """The dimension of every leaf, of a prefix of the tree."""
    if prefix is None or isinstance(prefix, int):
        return [prefix] * spec.num_leaves
    fits = isinstance(prefix, tuple | list | dict) and len(prefix) == spec.num_children and not spec.is_leaf()
    if not fits:
        raise ValueError(f"vmap: {who}={prefix!r} does not fit the structure {spec}")
    below = list(prefix.values()) if isinstance(prefix, dict) else list(prefix)
    return [
        dim
        for each, child in zip(below, spec.children_specs, strict=True)
        for dim in _spread(each, child, who)
    ]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function of batches: `func` of each entry of the tensors along `in_dims` (None: the whole argument
    for every entry), the results stacked along `out_dims`.

    `func` is called once, with tensors that have the shape of one entry and stand for all; or, where it asks
    for the value of an entry, once for each. Its random numbers must be allowed: `randomness` is "error",
    "different" (for each entry) or "same". At most `chunk_size` entries are computed at a time.

    >>> vmap(lambda x, y: x * y, in_dims=(0, None))(plait.arange(3), plait.tensor(2))
    tensor([0, 2, 4])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"vmap: expected randomness to be 'error', 'different' or 'same', got {randomness!r}"
        )

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        leaves, spec = tree_flatten(args)
        dims = _spread(in_dims if not isinstance(in_dims, list) else tuple(in_dims), spec, "in_dims")
        sizes = set()
        for leaf, dim in zip(leaves, dims, strict=True):
            if dim is None:
                continue
            if not isinstance(leaf, Tensor):
                raise ValueError(
                    f"vmap: expected a tensor for in_dims={dim}, got {type(leaf).__name__}; give None for "
                    "what is not batched"
                )
            if not -leaf.dim() <= dim < leaf.dim():
                raise ValueError(f"vmap: in_dims={dim} is out of range for shape {tuple(leaf.shape)}")
            sizes.add(leaf.shape[dim])
        if len(sizes) != 1:
            raise ValueError(
                f"vmap: expected arguments of one batch size, got {sorted(sizes)}"
                if sizes
                else "vmap: no argument is batched; give in_dims other than None to one tensor"
            )
        size = sizes.pop()
        if size == 0:
            raise ValueError("vmap: the batch is empty, so that the results' shapes are unknown")
        if chunk_size is not None and chunk_size < 1:
            raise ValueError(f"vmap: expected a chunk_size of 1 or more, got {chunk_size}")
        call = _Call(func, kwargs, spec, out_dims, randomness)
        if chunk_size is None or chunk_size >= size:
            return call.computed(leaves, dims, size)
        parts = []
        for start in range(0, size, chunk_size):
            count = min(chunk_size, size - start)
            part = [
                leaf if dim is None else leaf.narrow(dim, start, count)
                for leaf, dim in zip(leaves, dims, strict=True)
            ]
            parts.append(tree_flatten(call.computed(part, dims, count)))
        out_spec = parts[0][1]
        to = _spread(out_dims, out_spec, "out_dims")
        columns = zip(*[flat for flat, _ in parts], strict=True)
        return tree_unflatten(
            [
                column[0] if dim is None else plait.cat(column, dim)
                for column, dim in zip(columns, to, strict=True)
            ],
            out_spec,
        )

    return wrapper


class _Call:
    """A function of one entry, called on all entries of a batch."""

    def __init__(self, func: Any, kwargs: dict[str, Any], spec: TreeSpec, out_dims: Any, randomness: str):
        self.func, self.kwargs, self.spec = func, kwargs, spec
        self.out_dims, self.randomness = out_dims, randomness
        self.plain = all(child.is_leaf() for child in spec.children_specs)

    def flat(self, leaves: list) -> tuple[list, TreeSpec]:
        args = leaves if self.plain else tree_unflatten(leaves, self.spec)
        return tree_flatten(self.func(*args, **self.kwargs))

    def computed(self, leaves: list, dims: list, size: int) -> Any:
        state = plait.get_rng_state()
        try:
            return self.at_once(leaves, dims, size)
        except _C.EntryError:
            plait.set_rng_state(state)
            return self.one_by_one(leaves, dims, size)

    def at_once(self, leaves: list, dims: list, size: int) -> Any:
        level = _C._batch_enter(size, ("error", "different", "same").index(self.randomness))
        try:
            hidden = [
                leaf if dim is None else plait._batch_hide(leaf, dim, level)
                for leaf, dim in zip(leaves, dims, strict=True)
            ]
            results, out_spec = self.flat(hidden)
        finally:
            _C._batch_leave(level)
        to = _spread(self.out_dims, out_spec, "out_dims")
        shown = [_shown(x, dim, level, size) for x, dim in zip(results, to, strict=True)]
        return tree_unflatten(shown, out_spec)

    def one_by_one(self, leaves: list, dims: list, size: int) -> Any:
        batches = [
            [leaf] * size if dim is None else leaf.unbind(dim) for leaf, dim in zip(leaves, dims, strict=True)
        ]
        state = plait.get_rng_state()
        results, out_spec = [], self.spec
        for entry in zip(*batches, strict=True):
            if self.randomness == "same":
                plait.set_rng_state(state)
            flat, out_spec = self.flat(list(entry))
            results.append(flat)
        if self.randomness == "error" and not plait.equal(state, plait.get_rng_state()):
            raise RuntimeError(
                "vmap: the function draws random numbers; say whether they should differ between the "
                "entries, with randomness='different', or not, with randomness='same'"
            )
        to = _spread(self.out_dims, out_spec, "out_dims")
        columns = zip(*results, strict=True)
        return tree_unflatten(
            [_joined(col, dim) for col, dim in zip(columns, to, strict=True)], out_spec
        )


def _tensor_expected(x: Any) -> ValueError:
    return ValueError(f"vmap: expected the function to return tensors, got {type(x).__name__}")


def _shown(x: Any, dim: int | None, level: int, size: int) -> Any:
    if dim is None:
        if isinstance(x, Tensor) and any(one == level for one, _ in _C._batch_sizes(x)):
            raise ValueError("vmap: a result that depends on the batch needs a number in out_dims, not None")
        return x
    if not isinstance(x, Tensor):
        raise _tensor_expected(x)
    return plait._batch_reveal(plait._batch_spread(x, level, size), dim, level)


def _joined(values: tuple, dim: int | None) -> Any:
    if dim is None:
        return values[0]
    if not isinstance(values[0], Tensor):
        raise _tensor_expected(values[0])
    return plait.stack(values, dim)
