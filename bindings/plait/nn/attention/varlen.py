"""Attention of sequences of different lengths that lie one after the other, without padding."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["AuxRequest", "varlen_attn", "varlen_attn_out"]


class AuxRequest(NamedTuple):
    """What `varlen_attn` should give beside its result: `lse`, the log-sum-exp of the scores."""

    lse: bool = False


def varlen_attn(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    cu_seq_q: Tensor,
    cu_seq_k: Tensor | None,
    max_q: int,
    max_k: int,
    *,
    return_aux: AuxRequest | None = None,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
    seqused_k: Tensor | None = None,
    block_table: Tensor | None = None,
    num_splits: int | None = None,
) -> Any:
    """Attention within each of N sequences: sequence i has the queries from cu_seq_q[i] to cu_seq_q[i + 1]
    and the keys and values from cu_seq_k[i] to cu_seq_k[i + 1], of which the first seqused_k[i] count.

    Shapes: query (T_q, H, D), key and value (T_k, H, D) give (T_q, H, D), and with `return_aux.lse` the
    log-sum-exp (T_q, H) of the scores; with `enable_gqa` keys may have fewer heads, each for several of the
    queries'. `window_size` (left, right): the keys that a query sees beside its own place, counted from the
    ends of both sequences; -1: all, so (-1, 0) is causal. A query that sees no key gives zeros. With
    `block_table` (N, pages) of int32 key and value are pages (P, page, H, D), from which each sequence takes
    those that its row names; seqused_k is needed then, and cu_seq_k not read. `scale` is 1 / sqrt(D) unless
    given; max_q, max_k and num_splits are not read. Reads the places, which waits for the device.

    >>> x, places = plait.ones(5, 2, 4), plait.tensor([0, 2, 5])
    >>> plait.nn.attention.varlen.varlen_attn(x, x, x, places, places, 3, 3).shape
    plait.Size([5, 2, 4])
    """
    paged = block_table is not None
    if query.dim() != 3 or key.dim() != 3 + paged or key.shape[:-1] != value.shape[:-1]:
        shape = "(P, page, H, D)" if paged else "(T, H, D)"
        raise plait.ArgumentError(
            f"varlen_attn: expected query (T, H, D), key and value {shape}, got "
            f"{tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    heads, groups = query.shape[1], key.shape[-2]
    if heads % max(groups, 1) or (heads != groups and not enable_gqa):
        raise plait.ArgumentError(
            "varlen_attn: expected as many heads of keys as of queries, or with enable_gqa=True a divisor "
            f"of their number, got {groups} and {heads}"
        )
    starts = _places("cu_seq_q", cu_seq_q, query.shape[0])
    count = len(starts) - 1
    used = None if seqused_k is None else seqused_k.tolist()
    if used is not None and len(used) != count:
        raise plait.ArgumentError(f"varlen_attn: expected seqused_k of {count} lengths, got {len(used)}")
    if block_table is not None:
        if used is None:
            raise plait.ArgumentError("varlen_attn: block_table needs seqused_k, the sequences' lengths")
        pages = [block_table[i].to(plait.int64) for i in range(count)]
        keys, values = ([t[p].flatten(0, 1) for p in pages] for t in (key, value))
    else:
        if cu_seq_k is None:
            raise plait.ArgumentError("varlen_attn: expected cu_seq_k, the places of the keys")
        ends = _places("cu_seq_k", cu_seq_k, key.shape[0])
        if len(ends) != count + 1:
            raise plait.ArgumentError(
                f"varlen_attn: expected as many sequences of keys as of queries, {count}, got {len(ends) - 1}"
            )
        keys, values = ([t[a:b] for a, b in pairwise(ends)] for t in (key, value))
    if used is not None:
        keys, values = ([t[:n] for t, n in zip(each, used)] for each in (keys, values))
    results, sums = [], []
    wide = plait.promote_types(query.dtype, plait.float32)
    with_sums = return_aux is not None and return_aux.lse
    for i in range(count):
        q, k, v = (t.transpose(0, 1) for t in (query[starts[i] : starts[i + 1]], keys[i], values[i]))
        mask = _mask(q.shape[1], k.shape[1], window_size, query.device)
        results.append(_attention(q, k, v, mask, scale).transpose(0, 1))
        if with_sums:
            if heads != groups:
                k = k.repeat_interleave(heads // groups, 0)
            scores = (q @ k.mT).to(wide) * (query.shape[-1] ** -0.5 if scale is None else scale)
            if mask is not None:
                scores = scores.masked_fill(~mask, -float("inf"))
            sums.append(scores.logsumexp(-1).transpose(0, 1))
    result = plait.cat(results) if results else value.new_zeros((0, heads, value.shape[-1]))
    if not with_sums:
        return result
    return result, plait.cat(sums) if sums else query.new_zeros((0, heads), dtype=wide)


def varlen_attn_out(out: Tensor, *args: Any, **kwargs: Any) -> Any:
    """`varlen_attn(...)` whose result is written to `out`, the first argument, which is returned."""
    result = varlen_attn(*args, **kwargs)
    if isinstance(result, tuple):
        return out.copy_(result[0]), result[1]
    return out.copy_(result)


def _places(name: str, given: Tensor, length: int) -> list[int]:
    places = given.tolist()
    if given.dim() != 1 or not places or given.is_floating_point():
        raise plait.ArgumentError(
            f"varlen_attn: expected {name} to be a vector of integers, got {given.dtype} of shape "
            f"{tuple(given.shape)}"
        )
    if any(not a <= b for a, b in pairwise(places)) or places[0] != 0 or places[-1] != length:
        raise plait.ArgumentError(
            f"varlen_attn: expected {name} to rise from 0 to {length}, the number of rows, got {places}"
        )
    return places


def _mask(queries: int, keys: int, window: tuple[int, int], device: Any) -> Tensor | None:
    """(queries, keys), True where a query sees a key; None where all see all."""
    left, right = window
    if left < 0 and right < 0:
        return None
    apart = plait.arange(keys, device=device) - plait.arange(keys - queries, keys, device=device)[:, None]
    seen = plait.ones_like(apart, dtype=plait.bool)
    if left >= 0:
        seen = seen & (apart >= -left)
    return seen & (apart <= right) if right >= 0 else seen


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float | None) -> Tensor:
    if k.shape[1] == 0:
        return q.new_zeros((*q.shape[:2], v.shape[2]))
    options: Any = {"scale": scale, "enable_gqa": q.shape[0] != k.shape[0]}
    batch = (q[None], k[None], v[None])
    if mask is None:
        return plait.scaled_dot_product_attention(*batch, **options).squeeze(0)
    sees = mask.any(-1, keepdim=True)
    # Who sees nothing looks at all, and then counts nothing: there is no softmax of nothing.
    return plait.scaled_dot_product_attention(*batch, mask | ~sees, **options).squeeze(0) * sees
