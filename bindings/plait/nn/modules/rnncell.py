"""RNNCell, LSTMCell, GRUCell: one step of the recurrent layers."""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

import math

import plait
from plait import Tensor

from .. import init
from ..parameter import Parameter
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What the cells share: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        gates = num_chunks * hidden_size
        self.weight_ih = Parameter(plait.empty((gates, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(plait.empty((gates, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(
                name, Parameter(plait.empty(gates, device=device, dtype=dtype)) if bias else None
            )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters anew, uniform in +-1/sqrt(hidden_size)."""
        bound = 1.0 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        if not self.bias:
            text += f", bias={self.bias}"
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"

    def _states(self, input: Tensor, hx: Any, count: int) -> tuple[Tensor, list[Tensor]]:
        """Input and states with a batch dimension. Raises where a shape does not fit."""
        who = type(self).__name__
        if input.dim() not in (1, 2) or input.shape[-1] != self.input_size:
            raise ValueError(
                f"{who}: Expected input to be 1D or 2D with last size {self.input_size}, got shape "
                f"{tuple(input.shape)}"
            )
        x = input if input.dim() == 2 else input.unsqueeze(0)
        wanted = (x.shape[0], self.hidden_size)
        if hx is None:
            zero = plait.zeros(wanted, dtype=input.dtype, device=input.device)
            return x, [zero] * count
        states = []
        for state in hx if count == 2 else (hx,):
            state = state if input.dim() == 2 or state.dim() != 1 else state.unsqueeze(0)
            if tuple(state.shape) != wanted:
                raise ValueError(
                    f"{who}: expected a hidden state of shape {wanted}, got {tuple(state.shape)}"
                )
            states.append(state)
        if len(states) != count:
            raise ValueError(f"{who}: hx should be a pair (h_0, c_0), got {len(states)} values")
        return x, states


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu of it: (N, input_size), (N, hidden_size) -> (N,
    hidden_size).

    >>> plait.nn.RNNCell(10, 20)(plait.zeros(3, 10)).shape
    plait.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ):
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNNCell: nonlinearity should be 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        x, (h,) = self._states(input, hx, 1)
        gates = plait.linear(x, self.weight_ih, self.bias_ih) + plait.linear(h, self.weight_hh, self.bias_hh)
        result = plait.tanh(gates) if self.nonlinearity == "tanh" else plait.relu(gates)
        return result if input.dim() == 2 else result.squeeze(0)


class LSTMCell(RNNCellBase):
    """One step of LSTM: (N, input_size), (h, c) -> (h', c').

    >>> h, c = plait.nn.LSTMCell(10, 20)(plait.zeros(3, 10))
    >>> h.shape, c.shape
    (plait.Size([3, 20]), plait.Size([3, 20]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        x, (h, c) = self._states(input, hx, 2)
        gates = plait.linear(x, self.weight_ih, self.bias_ih) + plait.linear(h, self.weight_hh, self.bias_hh)
        h, c = plait._lstm_step(gates, c)
        return (h, c) if input.dim() == 2 else (h.squeeze(0), c.squeeze(0))


class GRUCell(RNNCellBase):
    """One step of GRU: (N, input_size), (N, hidden_size) -> (N, hidden_size).

    >>> plait.nn.GRUCell(10, 20)(plait.zeros(3, 10)).shape
    plait.Size([3, 20])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        x, (h,) = self._states(input, hx, 1)
        result = plait._gru_step(
            plait.linear(x, self.weight_ih, self.bias_ih), plait.linear(h, self.weight_hh, self.bias_hh), h
        )
        return result if input.dim() == 2 else result.squeeze(0)
