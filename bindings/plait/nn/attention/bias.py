"""Causal masks for scaled_dot_product_attention of sequences of different lengths."""

from __future__ import annotations

import enum

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """Where the triangle of a mask stands that is not square: the first query sees the first key, or the
    last query sees the last key."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


class CausalBias(Tensor):
    """A causal mask (queries, keys), True where a query sees a key; made by `causal_upper_left` and
    `causal_lower_right`. As `attn_mask` of scaled_dot_product_attention an upper left one, and a square one,
    takes the road of `is_causal=True`. What other functions make of it is an ordinary tensor.
    """

    variant: CausalVariant
    seq_len_q: int
    seq_len_kv: int

    def __new__(cls, variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> CausalBias:  # noqa: D102
        if not isinstance(variant, CausalVariant):
            raise TypeError(f"CausalBias: expected a CausalVariant, got {type(variant).__name__}")
        offset = seq_len_kv - seq_len_q if variant == CausalVariant.LOWER_RIGHT else 0
        mask = plait.ones(seq_len_q, seq_len_kv, dtype=plait.bool).tril(offset)
        return mask.as_subclass(cls)

    def __init__(self, variant: CausalVariant, seq_len_q: int, seq_len_kv: int):
        self.variant, self.seq_len_q, self.seq_len_kv = variant, seq_len_q, seq_len_kv
        if seq_len_q > seq_len_kv and variant == CausalVariant.LOWER_RIGHT:
            from warnings import warn

            warn(
                f"causal_lower_right: the first {seq_len_q - seq_len_kv} queries see no key", stacklevel=3
            )

    def __repr__(self) -> str:  # type: ignore[override]
        return repr(_plain(self))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        """Attention by the shorter road, all else on the plain mask."""
        kwargs = dict(kwargs or {})
        if getattr(func, "__name__", "") == "scaled_dot_product_attention":
            names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
            given = {**dict(zip(names, args)), **kwargs}
            mask = given.get("attn_mask")
            if isinstance(mask, CausalBias):
                if given.get("is_causal"):
                    raise ValueError(
                        "scaled_dot_product_attention: expected a CausalBias or is_causal=True, got both"
                    )
                if mask.variant == CausalVariant.UPPER_LEFT or mask.seq_len_q == mask.seq_len_kv:
                    given.update(attn_mask=None, is_causal=True)
                else:
                    given["attn_mask"] = _plain(mask).to(given["query"].device)
                args, kwargs = (), given
        return func(*(_plain(a) for a in args), **{name: _plain(value) for name, value in kwargs.items()})


def _plain(value: Any) -> Any:
    return plait._C._make_subclass(Tensor, value) if isinstance(value, CausalBias) else value


def _of_size(who: str, variant: CausalVariant, size: tuple[int, ...]) -> CausalBias:
    if len(size) != 2:
        raise plait.ArgumentError(f"{who}: expected the numbers of queries and keys, got {size}")
    return CausalBias(variant, *size)


def causal_upper_left(*size: int) -> CausalBias:
    """The mask (queries, keys) in which query i sees keys up to i.

    >>> plait.nn.attention.bias.causal_upper_left(2, 3)
    tensor([[ True, False, False],
            [ True,  True, False]])
    """
    return _of_size("causal_upper_left", CausalVariant.UPPER_LEFT, size)


def causal_lower_right(*size: int) -> CausalBias:
    """The mask (queries, keys) in which the last query sees all keys, the one before it all but the last:
    of queries that go on after keys of before.

    >>> plait.nn.attention.bias.causal_lower_right(2, 3)
    tensor([[ True,  True, False],
            [ True,  True,  True]])
    """
    return _of_size("causal_lower_right", CausalVariant.LOWER_RIGHT, size)
