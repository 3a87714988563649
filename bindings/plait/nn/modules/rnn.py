"""RNN, LSTM, GRU.

On CUDA cuDNN runs the whole stack in one call (`_run_cudnn`). Elsewhere the products with the input are one
matrix product for all time steps; one op per layer and direction then runs the recurrence. With `proj_size`
the steps are taken one by one, and backward `unbind` gathers the gradients of all steps, so that the input's
product is again one.
"""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

import math
import os

import plait
from plait import _C, Tensor, _replay

from .. import functional as F
from .. import init
from ..parameter import Parameter
from ..utils.rnn import PackedSequence
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Self

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_CUDNN_DTYPES = (_C.float16, _C.bfloat16, _C.float32, _C.float64)


def _positive(who: str, what: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{who}: {what} should be an int, got {type(value).__name__}")
    if value <= 0:
        raise ValueError(f"{who}: {what} should be greater than zero, got {value}")
    return value


class RNNBase(Module):
    """What the recurrent layers share: parameters of each layer and direction, and the loops over them."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        who = type(self).__name__
        if mode not in _GATES:
            raise ValueError(f"{who}: mode should be one of {', '.join(_GATES)}, got {mode!r}")
        if isinstance(dropout, bool) or not 0 <= dropout <= 1:
            raise ValueError(f"{who}: dropout should be a probability between 0 and 1, got {dropout}")
        for what, flag in (("bias", bias), ("batch_first", batch_first)):
            if not isinstance(flag, bool):
                raise TypeError(f"{who}: {what} should be a bool, got {type(flag).__name__}")
        if not 0 <= proj_size < hidden_size and proj_size != 0:
            raise ValueError(
                f"{who}: proj_size should be smaller than hidden_size={hidden_size}, got {proj_size}"
            )
        if dropout > 0 and num_layers == 1:
            from warnings import warn

            warn(
                f"{who}: dropout acts between layers, so dropout={dropout} does nothing with num_layers=1",
                stacklevel=3,
            )
        self.mode = mode
        self.input_size = _positive(who, "input_size", input_size)
        self.hidden_size = _positive(who, "hidden_size", hidden_size)
        self.num_layers = _positive(who, "num_layers", num_layers)
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        gates = _GATES[mode] * hidden_size
        directions = 2 if bidirectional else 1
        out_size = proj_size or hidden_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (gates, input_size if layer == 0 else out_size * directions),
                    "weight_hh": (gates, out_size),
                }
                if bias:
                    shapes["bias_ih"] = shapes["bias_hh"] = (gates,)
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                names = []
                for kind, shape in shapes.items():
                    name = f"{kind}_l{layer}{suffix}"
                    setattr(self, name, Parameter(plait.empty(shape, device=device, dtype=dtype)))
                    names.append(name)
                self._all_weights.append(names)
        self._flat: tuple[Any, ...] | None = None
        self.reset_parameters()
        self.flatten_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters anew, uniform in +-1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Lays the parameters one behind the other in one buffer, as cuDNN reads them; else each call copies
        them there.

        Called by itself when the module is made on or moved to a CUDA device, and before the first call on
        one. The parameters stay the objects they are. Does nothing without cuDNN, while a graph is captured,
        and where they are shared or something else stands in their place.
        """
        names = [name for row in self._all_weights for name in row]
        weights = [w for w in map(self._parameters.get, names) if w is not None]
        if not weights or not _cudnn_takes(weights[0]):
            return
        first = weights[0]
        self._flat = self._flat_key(first)
        if (
            len({id(w) for w in weights}) < len(names)
            or any(not w.is_leaf or w.device != first.device or w.dtype != first.dtype for w in weights)
            or plait.cuda.is_current_stream_capturing()
        ):
            return
        with plait.no_grad():
            views = plait._cudnn_rnn_flatten_weights(
                weights,
                self.mode,
                self.input_size,
                self.hidden_size,
                self.proj_size,
                self.num_layers,
                self.bidirectional,
            )
            for weight, view in zip(weights, views):
                weight.data = view

    def _flat_key(self, weight: Tensor) -> tuple[Any, ...]:
        """What flat parameters belong to: a copy of the module has new ones."""
        return id(self), weight.device, weight.dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        result = super()._apply(fn, recurse)
        self.flatten_parameters()
        return result

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters, a list per layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if self.proj_size:
            text += f", proj_size={self.proj_size}"
        if self.num_layers != 1:
            text += f", num_layers={self.num_layers}"
        if not self.bias:
            text += f", bias={self.bias}"
        if self.batch_first:
            text += f", batch_first={self.batch_first}"
        if self.dropout:
            text += f", dropout={self.dropout}"
        if self.bidirectional:
            text += f", bidirectional={self.bidirectional}"
        return text

    # ---- states

    def _initial(self, input: Tensor, batch: int, hx: Any, batched: bool) -> tuple[Tensor, ...]:
        """The initial states, each (layers * directions, batch, size). Raises RuntimeError where a shape does
        not fit.
        """
        rows = self.num_layers * (2 if self.bidirectional else 1)
        shapes = [(rows, batch, self.proj_size or self.hidden_size)]
        if self.mode == "LSTM":
            shapes.append((rows, batch, self.hidden_size))
        if hx is None:
            return tuple(plait.zeros(shape, dtype=input.dtype, device=input.device) for shape in shapes)
        states = tuple(hx) if self.mode == "LSTM" else (hx,)
        if len(states) != len(shapes):
            raise RuntimeError(
                f"{type(self).__name__}: hx should be a pair (h_0, c_0), got {len(states)} values"
            )
        dims = 3 if batched else 2
        checked = []
        for i, (state, shape) in enumerate(zip(states, shapes, strict=True)):
            name = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
            wanted = shape if batched else (shape[0], shape[2])
            if state.dim() != dims or tuple(state.shape) != wanted:
                raise RuntimeError(
                    f"{type(self).__name__}: expected {name} of shape {wanted}, got {tuple(state.shape)}"
                )
            checked.append(state if batched else state.unsqueeze(1))
        return tuple(checked)

    def _run(
        self, x: Tensor, states: tuple, names: list[str], reverse: bool, sizes: list[int] | None
    ) -> tuple:
        """One direction of one layer: (outputs in the layout of `x`, final states)."""
        weight_ih, weight_hh = getattr(self, names[0]), getattr(self, names[1])
        bias_ih, bias_hh = (getattr(self, names[2]), getattr(self, names[3])) if self.bias else (None, None)
        batch_sizes = sizes or []
        if self.mode == "GRU":
            gates = plait.linear(x, weight_ih, bias_ih)
            outputs, _ = plait._gru_layer(gates, states[0], weight_hh, bias_hh, reverse, batch_sizes)
            return outputs, (_last(outputs, reverse, sizes),)
        gates = plait.linear(x, weight_ih, None if bias_ih is None else bias_ih + bias_hh)
        if self.proj_size:
            return self._run_projected(gates, states, names, reverse, sizes)
        if self.mode == "LSTM":
            h, c = states
            outputs, cells, _ = plait._lstm_layer(gates, h, c, weight_hh, reverse, batch_sizes)
            return outputs, (_last(outputs, reverse, sizes), _last(cells, reverse, sizes))
        relu = self.mode == "RNN_RELU"
        outputs = plait._rnn_layer(gates, states[0], weight_hh, relu, reverse, batch_sizes)
        return outputs, (_last(outputs, reverse, sizes),)

    def _run_projected(
        self, gates: Tensor, states: tuple, names: list[str], reverse: bool, sizes: list[int] | None
    ) -> tuple:
        """An LSTM with `proj_size`, step by step."""
        weight_hh, project = getattr(self, names[1]).t(), getattr(self, names[-1])

        def step(gates: Tensor, states: tuple) -> tuple:
            h, c = plait._lstm_step(plait.addmm(gates, states[0], weight_hh), states[1])
            return plait.linear(h, project), c

        if sizes is not None:
            return _run_packed(gates.split(sizes), states, step, reverse, sizes)
        outputs: list = [None] * gates.shape[0]
        per_step = gates.unbind(0)
        for t in reversed(range(len(outputs))) if reverse else range(len(outputs)):
            states = step(per_step[t], states)
            outputs[t] = states[0]
        return plait.stack(outputs), states

    def _run_layers(self, x: Tensor, initial: tuple, sizes: list[int] | None) -> tuple:
        """The stack layer by layer: (outputs, final states)."""
        per_row = list(zip(*(state.unbind(0) for state in initial), strict=True))
        directions = 2 if self.bidirectional else 1
        finals = []
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(directions):
                row = layer * directions + direction
                out, final = self._run(x, per_row[row], self._all_weights[row], direction == 1, sizes)
                outputs.append(out)
                finals.append(final)
            x = outputs[0] if directions == 1 else plait.cat(outputs, -1)
            if self.dropout and layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, self.training)
        hidden = tuple(plait.stack(states) for states in zip(*finals, strict=True))
        return x, hidden

    def _goes_to_cudnn(self, x: Tensor, sizes: list[int] | None) -> bool:
        """Does cuDNN run this call? The one place where it is decided."""
        if not _cudnn_takes(x) or x.numel() == 0:
            return False
        if sizes is not None and plait.cuda.is_current_stream_capturing():
            return False  # it copies the lengths from the host, which replays would do again
        if _C._batch_sizes(x):
            return False  # it adds up the weights' gradients of all samples; vmap's entries have each its own
        # Its products are those of cuBLAS, which are the same in each run only with a workspace of their own.
        return not plait.are_deterministic_algorithms_enabled() or "CUBLAS_WORKSPACE_CONFIG" in os.environ

    def _run_cudnn(self, x: Tensor, states: tuple | None, sizes: list[int] | None) -> tuple:
        """The stack by cuDNN: (outputs, final states)."""
        weights = [getattr(self, name) for row in self._all_weights for name in row]
        if self._flat != self._flat_key(weights[0]):
            self.flatten_parameters()
        hx, cx = (*(states or (None,)), None)[:2]
        drops = self.training and self.dropout > 0 and self.num_layers > 1
        train = drops or (
            plait.is_grad_enabled()
            and any(t is not None and t.requires_grad for t in (x, hx, cx, *weights))
        )
        options = (self.mode, self.hidden_size, self.proj_size)
        if not (drops and self._needs_own_masks()):
            x, hy, cy, _ = plait._cudnn_rnn(
                x,
                weights,
                hx,
                cx,
                *options,
                self.num_layers,
                self.bidirectional,
                self.dropout if drops else 0.0,
                train,
                sizes or [],
            )
            return x, (hy, cy) if self.mode == "LSTM" else (hy,)
        # Note [Masks of cuDNN] in cuda/vendor/cudnn_rnn.cpp.
        rows = 2 if self.bidirectional else 1
        each = len(weights) // self.num_layers
        finals = []
        for layer in range(self.num_layers):
            here = slice(layer * rows, (layer + 1) * rows)
            x, hy, cy, _ = plait._cudnn_rnn(
                x,
                weights[layer * each : (layer + 1) * each],
                None if hx is None else hx[here],
                None if cx is None else cx[here],
                *options,
                1,
                self.bidirectional,
                0.0,
                train,
                sizes or [],
            )
            finals.append((hy, cy) if self.mode == "LSTM" else (hy,))
            if layer + 1 < self.num_layers:
                x = F.dropout(x, self.dropout, True)
        return x, tuple(plait.cat(parts) for parts in zip(*finals, strict=True))

    def _needs_own_masks(self) -> bool:
        """Is dropout between layers plait's, drawn by (seed, offset) as everywhere, and not cuDNN's? Where
        the call is made again with the same random numbers, and for a probability of 1, which cuDNN has not.
        """
        return (
            self.dropout == 1
            or plait.backends.cudnn.deterministic
            or plait.are_deterministic_algorithms_enabled()
            or _replay.is_recorded()
            or plait.cuda.is_current_stream_capturing()
        )

    def forward(self, input: Any, hx: Any = None) -> tuple:
        packed = isinstance(input, PackedSequence)
        sizes = None
        batched = True
        if packed:
            x, batch_sizes, sorted_indices, unsorted_indices = input
            sizes = batch_sizes.tolist()
            batch = sizes[0]
        else:
            x = input
            if x.dim() not in (2, 3):
                raise ValueError(
                    f"{type(self).__name__}: Expected input to be 2D or 3D, got {x.dim()}D of shape "
                    f"{tuple(x.shape)}"
                )
            batched = x.dim() == 3
            if not batched:
                x = x.unsqueeze(1)
            elif self.batch_first:
                x = x.transpose(0, 1).contiguous()  # so that the product with all steps is one
            batch = x.shape[1]
            if x.shape[0] == 0:
                raise RuntimeError(
                    f"{type(self).__name__}: expected a sequence of length > 0, got {tuple(input.shape)}"
                )
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"{type(self).__name__}: input.size(-1) must be equal to input_size. Expected "
                f"{self.input_size}, got "
                f"{x.shape[-1]}"
            )
        to_cudnn = self._goes_to_cudnn(x, sizes)
        states = None  # cuDNN begins with zeros by itself
        if hx is not None or not to_cudnn:
            states = self._initial(x, batch, hx, batched)
            if packed and hx is not None and sorted_indices is not None:
                states = tuple(s.index_select(1, sorted_indices) for s in states)
        if to_cudnn or states is None:
            x, hidden = self._run_cudnn(x, states, sizes)
        else:
            x, hidden = self._run_layers(x, states, sizes)
        if packed:
            output: Any = PackedSequence(x, batch_sizes, sorted_indices, unsorted_indices)
            if unsorted_indices is not None:
                hidden = tuple(h.index_select(1, unsorted_indices) for h in hidden)
        elif not batched:
            output = x.squeeze(1)
            hidden = tuple(h.squeeze(1) for h in hidden)
        else:
            output = x.transpose(0, 1) if self.batch_first else x
        return output, (hidden if self.mode == "LSTM" else hidden[0])


def _cudnn_takes(t: Tensor) -> bool:
    """Could cuDNN compute with this tensor?"""
    return t.is_cuda and t.dtype in _CUDNN_DTYPES and _C._cuda.get_switch("cudnn_enabled") and _has_cudnn()


_found_cudnn: bool | None = None


def _has_cudnn() -> bool:
    global _found_cudnn
    if _found_cudnn is None:
        _found_cudnn = _C._cuda.library_version("cudnn") > 0
    return _found_cudnn


def _last(rows: Tensor, reverse: bool, sizes: list[int] | None) -> Tensor:
    """What the last step of each sequence left, from the rows of all steps."""
    if sizes is None:
        return rows[0 if reverse else -1]
    if reverse:
        return rows[: sizes[0]]
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    pieces = []  # sequences that end at step t: the last rows of that step
    for t in reversed(range(len(sizes))):
        longer = sizes[t + 1] if t + 1 < len(sizes) else 0
        if sizes[t] > longer:
            pieces.append(rows[starts[t] + longer : starts[t + 1]])
    return plait.cat(pieces)


def _run_packed(gates: tuple, states: tuple, step: Callable, reverse: bool, sizes: list[int]) -> tuple:
    """The loop over packed steps: forwards the sequences drop out one by one, backwards they join."""
    outputs: list = [None] * len(sizes)
    if reverse:
        initial, live = states, sizes[-1]
        states = tuple(s[:live] for s in initial)
        for t in reversed(range(len(sizes))):
            if sizes[t] > live:
                states = tuple(
                    plait.cat([s, s0[live : sizes[t]]]) for s, s0 in zip(states, initial, strict=True)
                )
                live = sizes[t]
            states = step(gates[t], states)
            outputs[t] = states[0]
        return plait.cat(outputs), states
    ended = []
    live = sizes[0]
    for t, size in enumerate(sizes):
        if size < live:
            ended.append(tuple(s[size:live] for s in states))
            states = tuple(s[:size] for s in states)
            live = size
        states = step(gates[t], states)
        outputs[t] = states[0]
    ended.append(states)
    return plait.cat(outputs), tuple(plait.cat(parts) for parts in zip(*reversed(ended), strict=True))


class RNN(RNNBase):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh), or relu of it: (L, N, input_size) -> (L, N,
    hidden_size).

    `batch_first` makes that (N, L, *); two dimensions are one sequence. Gives (outputs, last hidden states).

    >>> out, h = plait.nn.RNN(10, 20, num_layers=2)(plait.zeros(5, 3, 10))
    >>> out.shape, h.shape
    (plait.Size([5, 3, 20]), plait.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: nonlinearity should be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(
            "RNN_" + nonlinearity.upper(),
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter, Schmidhuber 1997), gates in the order i, f, g, o.

    (L, N, input_size) -> (L, N, hidden_size), with `batch_first` (N, L, *); gives outputs, (h_n, c_n).
    `proj_size` projects h to that size (Sak et al. 2014).

    >>> out, (h, c) = plait.nn.LSTM(10, 20, bidirectional=True)(plait.zeros(5, 3, 10))
    >>> out.shape, c.shape
    (plait.Size([5, 3, 40]), plait.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )


class GRU(RNNBase):
    """Gated recurrent unit (Cho et al. 2014), gates in the order r, z, n; the reset gate acts on W_hn h +
    b_hn.

    >>> out, h = plait.nn.GRU(10, 20, batch_first=True)(plait.zeros(3, 5, 10))
    >>> out.shape, h.shape
    (plait.Size([3, 5, 20]), plait.Size([1, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            0,
            device,
            dtype,
        )
