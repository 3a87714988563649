"""`multi_head_attention_forward`: projections, attention, output projection; and PyTorch's switch between
kinds of attention kernels.
"""

from __future__ import annotations

import contextlib
import enum
import math

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

__all__ = ["SDPBackend", "multi_head_attention_forward", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """Kinds of kernels of scaled dot-product attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """Says which kinds of kernels scaled dot-product attention may use on CUDA devices. The CPU has one,
    which it always uses. `set_priority` is accepted: the order is plait's own.

    >>> with plait.nn.attention.sdpa_kernel(plait.nn.attention.SDPBackend.MATH):
    ...     pass
    """
    given = (backends,) if isinstance(backends, SDPBackend) else tuple(backends)
    if not given or not all(isinstance(b, SDPBackend) for b in given):
        raise TypeError(f"sdpa_kernel: expected an SDPBackend or a list of them, got {backends!r}")
    from plait.backends.cuda import sdp_kernel

    allowed = set(given)
    with sdp_kernel(
        enable_flash=SDPBackend.FLASH_ATTENTION in allowed,
        enable_math=SDPBackend.MATH in allowed,
        enable_mem_efficient=SDPBackend.EFFICIENT_ATTENTION in allowed,
        enable_cudnn=SDPBackend.CUDNN_ATTENTION in allowed,
    ):
        yield


def _additive(name: str, mask: Tensor | None, dtype: Any) -> Tensor | None:
    """A mask as a term of the scores: a boolean True is -inf."""
    if mask is None or mask.dtype == dtype:
        return mask
    if mask.dtype == plait.bool:
        return plait.zeros(tuple(mask.shape), dtype=dtype, device=mask.device).masked_fill(
            mask, float("-inf")
        )
    if mask.is_floating_point():
        return mask.to(dtype)
    raise TypeError(f"multi-head attention: {name} should be bool or floating point, got {mask.dtype}")


def causal_mask(rows: int, cols: int, dtype: Any, device: Any) -> Tensor:
    """(rows, cols) with -inf where a position would see a later one."""
    return plait.full((rows, cols), float("-inf"), dtype=dtype, device=device).triu(1)


def _projections(
    query: Tensor, key: Tensor, value: Tensor, in_proj_weight: Tensor, in_proj_bias: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """W x + b for the three inputs, in one product where they are the same."""
    width = query.shape[-1]
    if query is key and key is value:
        q, k, v = plait.linear(query, in_proj_weight, in_proj_bias).chunk(3, -1)
        return q, k, v
    if key is value:
        w_q, w_kv = in_proj_weight.split([width, 2 * width])
        b_q, b_kv = (None, None) if in_proj_bias is None else in_proj_bias.split([width, 2 * width])
        k, v = plait.linear(key, w_kv, b_kv).chunk(2, -1)
        return plait.linear(query, w_q, b_q), k, v
    weights = in_proj_weight.chunk(3)
    biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
    inputs = (query, key, value)
    q, k, v = (plait.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True))
    return q, k, v


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Multi-head attention (Vaswani et al. 2017): (L, N, E), (S, N, E_k), (S, N, E_v) -> (L, N, E) and the
    weights.

    Masks: `key_padding_mask` (N, S), `attn_mask` (L, S) or (N * heads, L, S); True or -inf keeps a key out.
    `is_causal` without a mask is the causal mask. Two dimensions are one sequence.
    """
    batched = query.dim() == 3
    if query.dim() not in (2, 3) or key.dim() != query.dim() or value.dim() != query.dim():
        raise RuntimeError(
            "multi-head attention: query, key and value should all have 2 or all 3 dimensions, got shapes "
            f"{tuple(query.shape)}, {tuple(key.shape)}, {tuple(value.shape)}"
        )
    if not batched:
        same = query is key and key is value
        query = query.unsqueeze(1)
        key, value = (query, query) if same else (key.unsqueeze(1), value.unsqueeze(1))
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    if width != embed_dim_to_check:
        raise RuntimeError(
            f"multi-head attention: expected embed_dim {embed_dim_to_check}, got query {tuple(query.shape)}"
        )
    if key.shape[:2] != value.shape[:2] or key.shape[1] != batch:
        raise RuntimeError(
            f"multi-head attention: key {tuple(key.shape)} and value {tuple(value.shape)} should agree in "
            "length and with "
            f"query {tuple(query.shape)} in batch"
        )
    if width % num_heads:
        raise RuntimeError(
            f"multi-head attention: embed_dim {width} should be divisible by num_heads {num_heads}"
        )
    head = width // num_heads
    if use_separate_proj_weight:
        biases = (None, None, None) if in_proj_bias is None else in_proj_bias.chunk(3)
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = (
            plait.linear(x, w, b)  # type: ignore[arg-type]  # all three weights are there
            for x, w, b in zip((query, key, value), weights, biases, strict=True)
        )
    else:
        q, k, v = _projections(query, key, value, in_proj_weight, in_proj_bias)  # type: ignore[arg-type]
    added = 0
    if bias_k is not None and bias_v is not None:
        k = plait.cat([k, bias_k.expand(1, batch, width)])
        v = plait.cat([v, bias_v.expand(1, batch, width)])
        added = 1

    def heads(t: Tensor) -> Tensor:  # (S, N, E) -> (N, heads, S, E / heads)
        return t.reshape(t.shape[0], batch, num_heads, head).permute(1, 2, 0, 3)

    q = heads(q)
    k = heads(k) if static_k is None else static_k.reshape(batch, num_heads, -1, head)
    v = heads(v) if static_v is None else static_v.reshape(batch, num_heads, -1, head)
    if add_zero_attn:
        zero = plait.zeros((batch, num_heads, 1, head), dtype=k.dtype, device=k.device)
        k, v = plait.cat([k, zero], 2), plait.cat([v, zero], 2)
        added += 1
    source = k.shape[2]

    mask = _additive("attn_mask", attn_mask, q.dtype)
    if mask is not None:
        allowed = ((length, source - added), (batch * num_heads, length, source - added))
        if tuple(mask.shape) not in allowed:
            raise RuntimeError(
                f"multi-head attention: attn_mask should have shape {allowed[0]} or {allowed[1]}, got "
                f"{tuple(mask.shape)}"
            )
        if added:
            mask = plait.pad(mask, (0, added))
        if mask.dim() == 3:
            mask = mask.reshape(batch, num_heads, length, source)
    causal_only = is_causal and mask is None and key_padding_mask is None and not added
    if is_causal and mask is None and not (causal_only and not need_weights):
        mask = plait.pad(causal_mask(length, source - added, q.dtype, q.device), (0, added))
    padding = _additive("key_padding_mask", key_padding_mask, q.dtype)
    if padding is not None:
        if tuple(padding.shape) != (batch, source - added):
            raise RuntimeError(
                f"multi-head attention: key_padding_mask should have shape {(batch, source - added)}, got "
                f"{tuple(padding.shape)}"
            )
        padding = plait.pad(padding, (0, added)).reshape(batch, 1, 1, source)
        mask = padding if mask is None else mask + padding
    dropout_p = dropout_p if training else 0.0

    attention = None
    if need_weights:
        scores = (q * (1.0 / math.sqrt(head))) @ k.transpose(-2, -1)
        attention = plait.softmax(scores if mask is None else scores + mask, -1)
        if dropout_p > 0.0:
            attention = plait.dropout(attention, dropout_p, True)
        mixed = attention @ v
    else:
        if mask is not None:
            mask = mask.expand(batch, num_heads, length, source)
        mixed = plait.scaled_dot_product_attention(q, k, v, mask, dropout_p, causal_only)
    output = mixed.permute(2, 0, 1, 3).reshape(length, batch, width)
    output = plait.linear(output, out_proj_weight, out_proj_bias)
    if attention is not None and average_attn_weights:
        attention = attention.mean(1)
    if not batched:
        output = output.squeeze(1)
        attention = None if attention is None else attention.squeeze(0)
    return output, attention
