"""Custom Functions: a forward and its derivative, written in Python."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _C

Tensor = _C.Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes


class FunctionCtx:
    """What forward leaves for backward: saved tensors, and any attributes."""

    def __init__(self):
        self._to_save: Sequence[Any] = ()
        self._saved: list[Any] | None = None
        self._dirty: Sequence[Tensor] = ()
        self._non_differentiable: Sequence[Tensor] = ()
        self._materialize = True
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors) -> None:
        """Keeps tensors (inputs, outputs or intermediates; None too) for backward, where `saved_tensors`
        gives them back. Raises then where one has been modified in place since."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward: expected Tensors or None, got {type(t).__name__}; keep "
                    "other values as attributes of ctx"
                )
        self._to_save = tensors

    def mark_dirty(self, *tensors) -> None:
        """Says that forward changed these inputs in place; they must be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        """Says that these outputs carry no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (True, the default) or None for outputs without a gradient."""
        self._materialize = value

    @property
    def saved_tensors(self):
        """The tensors given to save_for_backward."""
        if self._saved is None:
            if self._released:
                raise RuntimeError(
                    f"{self._name}: the saved tensors have been freed by an earlier backward; "
                    "pass retain_graph=True to the first call to go through the graph twice"
                )
            return tuple(self._to_save)
        node = self._node()
        return tuple(s.unpack(node) for s in self._saved)

    _released = False
    _name = "Function"
    _owner: Any = None
    _outputs: Sequence[Any] = ()  # weak references, which lead to the node while one of them is there
    _running: Any = None  # the node, while backward runs
    _runs = 0  # of backward at this time, in all threads
    _arity: int
    _tensor_positions: list[int]
    _zeros: list[Any]

    def _node(self):
        if self._running is not None:
            return self._running
        alive = (output() for output in self._outputs)
        return next((output.grad_fn for output in alive if output is not None), None)

    def _release(self):
        if self._saved is not None:
            self._saved, self._released = None, True

    def _apply_backward(self, node, grads):
        if self._materialize:
            grads = tuple(g if g is not None else meta() for g, meta in zip(grads, self._zeros))
        self._running = node
        self._runs += 1
        try:
            result = self._owner.backward(self, *grads)
        finally:
            self._runs -= 1
            if self._runs == 0:
                self._running = None  # the node keeps ctx, so ctx must not keep the node
        if not isinstance(result, (tuple, list)):
            result = (result,)
        extra = result[self._arity :]
        if len(result) < self._arity or any(r is not None for r in extra):
            raise RuntimeError(
                f"{self._name}.backward: expected {self._arity} gradients, one for each argument of forward "
                f"(None where there is none), got {len(result)}"
            )
        out = []
        for position in self._tensor_positions:
            g = result[position]
            if g is not None and not isinstance(g, Tensor):
                raise TypeError(
                    f"{self._name}.backward: expected a Tensor or None as gradient {position}, "
                    f"got {type(g).__name__}"
                )
            out.append(g)
        return out


def once_differentiable(function):
    """Marks a backward that cannot itself be differentiated: doing so raises."""

    def wrapper(ctx, *grads):
        recording = _C.is_grad_enabled()
        before = _C._set_grad_enabled(False)
        try:
            result = function(ctx, *grads)
        finally:
            _C._set_grad_enabled(before)
        if not recording or not any(isinstance(g, Tensor) and g.requires_grad for g in grads):
            return result
        many = isinstance(result, (tuple, list))

        def refuse(g):
            return _Refuse.apply(g.detach().requires_grad_()) if isinstance(g, Tensor) else g

        return tuple(refuse(g) for g in result) if many else refuse(result)

    return wrapper


class Function:
    """Base of custom Functions. Subclasses define static methods `forward(ctx, *args)`, or
    `forward(*args)` and
    `setup_context(ctx, inputs, output)`, and `backward(ctx, *grads)`, which returns one gradient for each
    argument of forward.

    >>> class Double(plait.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, grad):
    ...         return grad * 2
    >>> x = plait.tensor(1.0, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor(2.)
    """

    @staticmethod
    def forward(*args, **kwargs):
        """Computes the outputs; subclasses define it."""
        raise NotImplementedError("a custom Function must define a static method forward(ctx, *args)")

    setup_context: Any = None

    @staticmethod
    def backward(ctx, *grads):
        """Computes the gradients of the inputs from those of the outputs; subclasses define it."""
        raise NotImplementedError(
            f"{getattr(ctx, '_name', 'Function')}: a custom Function must define a static method "
            "backward(ctx, *grads) to be differentiated"
        )

    def __init__(self, *args, **kwargs):
        raise TypeError(
            f"{type(self).__name__}: custom Functions are not instantiated; call "
            f"{type(self).__name__}.apply(...)"
        )

    @classmethod
    def apply(cls, *args):
        """Runs forward, and records backward where an argument requires grad."""
        if cls.setup_context is not None and cls.forward.__defaults__:
            missing = cls.forward.__code__.co_argcount - len(args)
            if missing > 0:  # setup_context sees the defaults, too
                args += cls.forward.__defaults__[-missing:]
        ctx = FunctionCtx()
        ctx._owner, ctx._name, ctx._arity = cls, cls.__name__, len(args)
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        before = _C._set_grad_enabled(False)
        try:
            if cls.setup_context is not None:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args)
        finally:
            _C._set_grad_enabled(before)
        if not before or not (any(ctx.needs_input_grad)):
            for t in ctx._dirty:
                _C._bump_version(t)
            return result
        many = isinstance(result, (tuple, list))
        outputs = list(result) if many else [result]
        inputs = [a for a in args if isinstance(a, Tensor)]
        ctx._tensor_positions = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        dirty = {id(t) for t in ctx._dirty}
        for t in ctx._dirty:
            if t.is_leaf and t.requires_grad:
                raise RuntimeError(
                    f"{cls.__name__}: a leaf tensor that requires grad cannot be changed in place"
                )
            if not any(o is t for o in outputs):
                raise RuntimeError(
                    f"{cls.__name__}: a tensor given to mark_dirty must be returned from forward"
                )
        plain = {id(t) for t in ctx._non_differentiable}
        recorded: list[Any] = []
        originals = list(outputs)
        for i, out in enumerate(outputs):
            if not isinstance(out, Tensor) or id(out) in plain:
                recorded.append(None)
                continue
            if id(out) not in dirty and any(out is x for x in inputs):
                outputs[i] = out = _C.ops["alias"](
                    out.detach()
                )  # an input handed through is a result of its own
            recorded.append(out if out.dtype.is_floating_point or out.dtype.is_complex else None)
        ctx._zeros = [
            (
                lambda shape=o.shape, dtype=o.dtype, device=o.device: _C.ops["zeros"](
                    tuple(shape), dtype=dtype, device=device
                )
            )
            if isinstance(o, Tensor)
            else (lambda: None)
            for o in outputs
        ]
        # Edges first (of the inputs as they were), then the new history of those changed in place.
        moved = [o for o in recorded if o is not None and id(o) in dirty]
        node = _C._record_function(
            ctx,
            cls.__name__ + "Backward",
            inputs,
            [None if o is not None and id(o) in dirty else o for o in recorded],
        )
        for out in moved:
            _C._bump_version(out)
            _C._rebase(out, node)
        import weakref

        ctx._outputs = [weakref.ref(o) for o in recorded if o is not None]
        saved: list[Any] = []
        hooks = _C._saved_hooks_active()
        for t in ctx._to_save:
            index = next((i for i, o in enumerate(originals) if o is t and recorded[i] is not None), -1)
            kept = outputs[index] if index >= 0 else t
            if hooks and t is not None:
                saved.append(_Packed(cls.__name__, kept, index))
            else:
                saved.append(_C._Saved(kept, index))
        ctx._saved = saved
        # Outputs lead to their node and so to ctx: what leads back would wait for the garbage collector.
        ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
        return tuple(outputs) if many else outputs[0]


class InplaceFunction(Function):
    """PyTorch's old base of functions that may work in place; the same as Function."""


class _Packed:
    """A saved tensor that went through the hooks of saved_tensors_hooks."""

    def __init__(self, function: str, tensor: Tensor, index: int) -> None:
        self._index = index
        # An own output is packed without its history, as that would be a reference cycle.
        value = tensor.detach() if index >= 0 else tensor
        version = value._version
        before = _C._set_grad_enabled(False)
        try:
            self._packed, self._unpack = _C._pack_for_function(value)
        finally:
            _C._set_grad_enabled(before)
        if value._version != version:
            raise RuntimeError(
                f"{function}: saved_tensors_hooks: the pack hook has modified its input of shape "
                f"{tuple(value.shape)} in place, which others use; let it work on a .clone()"
            )
        self._like = (value.shape, value.dtype, value.device)
        self._edge = None
        if index < 0 and tensor.requires_grad:
            from .graph import get_gradient_edge

            self._edge = get_gradient_edge(tensor)

    def unpack(self, node: Any) -> Tensor:
        tensor = self._unpack(self._packed)
        if not isinstance(tensor, Tensor):
            raise TypeError(
                f"saved_tensors_hooks: expected a Tensor from the unpack hook, got {type(tensor).__name__}"
            )
        if (tensor.shape, tensor.dtype, tensor.device) != self._like:
            raise RuntimeError(
                "saved_tensors_hooks: the unpack hook returned a tensor of shape "
                f"{tuple(tensor.shape)}, dtype {tensor.dtype} on {tensor.device}; expected shape "
                f"{tuple(self._like[0])}, dtype {self._like[1]} on {self._like[2]}: "
                "unpack_hook(pack_hook(x)) must be equal to x"
            )
        if not _C.is_grad_enabled():
            return tensor
        if self._index >= 0:
            return tensor if node is None else _C._edge_tensor(node, self._index, tensor)
        if self._edge is None:
            return tensor
        return _C._with_history(tensor, self._edge.node, self._edge.output_nr)


class _Refuse(Function):
    """The identity, whose derivative raises."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        raise RuntimeError(
            "a backward marked with @once_differentiable cannot be differentiated again; write "
            "it in differentiable ops"
        )
