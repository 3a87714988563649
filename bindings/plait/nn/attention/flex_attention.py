"""Attention whose scores a function of one's own changes, and whose mask a function gives.

Both functions get the numbers of the batch entry, head, query and key as tensors that broadcast together, so
they are written as for one number each: `lambda score, b, h, q, k: score - slope[h] * (q - k)`.

>>> causal = create_block_mask(lambda b, h, q, k: q >= k, None, None, 4, 4)
>>> x = plait.randn(1, 2, 4, 8)
>>> flex_attention(x, x, x, block_mask=causal).shape
plait.Size([1, 2, 4, 8])
"""

from __future__ import annotations

import math
from typing import NamedTuple

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    MaskMod = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
    ScoreMod = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "create_nested_block_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

_DEFAULT_SPARSE_BLOCK_SIZE = 128


class AuxRequest(NamedTuple):
    """What flex_attention gives besides its result."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What flex_attention gave besides its result: each is None where it was not asked for."""

    lse: Tensor | None = None
    max_scores: Tensor | None = None


def noop_mask(batch: Tensor, head: Tensor, q_idx: Tensor, kv_idx: Tensor) -> Tensor:
    """A mask_mod that masks nothing."""
    return plait.ones((), dtype=plait.bool, device=batch.device)


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask_mod that keeps what all of them keep."""

    def mask(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        kept = noop_mask(b, h, q, k)
        for mod in mask_mods:
            kept = kept & mod(b, h, q, k)
        return kept

    return mask


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask_mod that keeps what one of them keeps."""

    def mask(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
        kept = ~noop_mask(b, h, q, k)
        for mod in mask_mods:
            kept = kept | mod(b, h, q, k)
        return kept

    return mask


def _numbers(b: int, h: int, q: int, k: int, device: Any) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The numbers of batch entry, head, query and key, that broadcast to (b, h, q, k)."""
    sizes = (b, h, q, k)
    shapes = [[-1 if i == dim else 1 for i in range(4)] for dim in range(4)]
    made = [plait.arange(n, device=device).reshape(shape) for n, shape in zip(sizes, shapes, strict=True)]
    return made[0], made[1], made[2], made[3]


def create_mask(
    mod_fn: Callable[..., Tensor],
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
) -> Tensor:
    """The mask of a mask_mod as a bool tensor (B, H, Q_LEN, KV_LEN); B and H are 1 where None.

    >>> create_mask(lambda b, h, q, k: q >= k, 1, 1, 2, 2)
    tensor([[[[ True, False],
              [ True,  True]]]])
    """
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    mask = mod_fn(*_numbers(*sizes, device))
    if mask.dtype != plait.bool:
        raise ValueError(f"create_mask: expected a mask_mod that gives booleans, got {mask.dtype}")
    return mask.expand(sizes)


class BlockMask:
    """Which keys each query sees, by blocks: those listed in full_kv_indices are seen whole, within those
    listed in kv_indices `mask_mod` says which, all others not at all. create_block_mask makes it.
    """

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None,
        q_num_blocks: Tensor | None = None,
        q_indices: Tensor | None = None,
        full_q_num_blocks: Tensor | None = None,
        full_q_indices: Tensor | None = None,
        BLOCK_SIZE: tuple[int, int] | int = _DEFAULT_SPARSE_BLOCK_SIZE,
        mask_mod: MaskMod | None = None,
    ):
        self.seq_lengths = tuple(seq_lengths)
        self.BLOCK_SIZE = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
        self.kv_num_blocks, self.kv_indices = kv_num_blocks, kv_indices
        self.full_kv_num_blocks, self.full_kv_indices = full_kv_num_blocks, full_kv_indices
        self.q_num_blocks, self.q_indices = q_num_blocks, q_indices
        self.full_q_num_blocks, self.full_q_indices = full_q_num_blocks, full_q_indices
        self.mask_mod: MaskMod = mask_mod or noop_mask

    @classmethod
    def from_kv_blocks(
        cls,
        kv_num_blocks: Tensor,
        kv_indices: Tensor,
        full_kv_num_blocks: Tensor | None = None,
        full_kv_indices: Tensor | None = None,
        BLOCK_SIZE: tuple[int, int] | int = _DEFAULT_SPARSE_BLOCK_SIZE,
        mask_mod: MaskMod | None = None,
        seq_lengths: tuple[int, int] | None = None,
        compute_q_blocks: bool = True,
    ) -> BlockMask:
        """A mask of the blocks' numbers: for each row of blocks, kv_num_blocks (B, H, rows) says how many of
        kv_indices (B, H, rows, columns) count. Raises ValueError for shapes that do not fit.
        """
        if kv_indices.dim() < 2 or (full_kv_indices is None) != (full_kv_num_blocks is None):
            raise ValueError(
                "BlockMask.from_kv_blocks: expected kv_indices (..., rows, columns), and both or none of "
                f"full_kv_num_blocks and full_kv_indices; got kv_indices {tuple(kv_indices.shape)}"
            )
        size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * size[0], kv_indices.shape[-1] * size[1])
        return cls(
            seq_lengths,
            kv_num_blocks,
            kv_indices,
            full_kv_num_blocks,
            full_kv_indices,
            BLOCK_SIZE=BLOCK_SIZE,
            mask_mod=mask_mod,
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, queries, keys)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many pairs of query and key there are."""
        return math.prod(self.shape)

    def to_dense(self) -> Tensor:
        """(B, H, rows, columns): 1 for the blocks that are seen, whole or in part."""
        seen = _marked(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is not None and self.full_kv_indices is not None:
            seen = seen | _marked(self.full_kv_num_blocks, self.full_kv_indices)
        return seen.to(plait.int32)

    def sparsity(self) -> float:
        """How much of it is not computed, in percent of all blocks."""
        return 100.0 * (1 - self.to_dense().float().mean().item())

    def to(self, device: Any) -> BlockMask:
        """The same with its tensors on a device."""
        return self._mapped(lambda t: t.to(device))

    def __getitem__(self, index: Any) -> BlockMask:
        return self._mapped(lambda t: t[index])

    def _mapped(self, function: Callable[[Tensor], Tensor]) -> BlockMask:
        new = BlockMask.__new__(BlockMask)
        for name, value in vars(self).items():
            setattr(new, name, function(value) if isinstance(value, Tensor) else value)
        return new

    def _mask(self, b: int, h: int, q: int, k: int, device: Any) -> Tensor:
        """The mask of each pair, which broadcasts to (b, h, q, k)."""
        if q > self.seq_lengths[0] or k > self.seq_lengths[1]:
            raise ValueError(
                f"flex_attention: the block_mask is for {self.seq_lengths[0]} queries and "
                f"{self.seq_lengths[1]} keys, got {q} and {k}; make one of that size with create_block_mask"
            )
        inside = self.mask_mod(*_numbers(b, h, q, k, device))

        def spread(num_blocks: Tensor, indices: Tensor) -> Tensor:
            blocks = _marked(num_blocks, indices)
            blocks = blocks.repeat_interleave(self.BLOCK_SIZE[0], -2)
            return blocks.repeat_interleave(self.BLOCK_SIZE[1], -1)[..., :q, :k]

        kept = spread(self.kv_num_blocks, self.kv_indices) & inside
        if self.full_kv_num_blocks is not None and self.full_kv_indices is not None:
            kept = kept | spread(self.full_kv_num_blocks, self.full_kv_indices)
        return kept

    def __repr__(self):
        return f"BlockMask(shape={self.shape}, BLOCK_SIZE={self.BLOCK_SIZE})"


def _marked(num_blocks: Tensor, indices: Tensor) -> Tensor:
    """True at the first num_blocks of the indices of each row."""
    counted = plait.arange(indices.shape[-1], device=indices.device) < num_blocks.unsqueeze(-1)
    counts = plait.zeros(indices.shape, dtype=plait.int32, device=indices.device)
    return counts.scatter_add(-1, indices.long(), counted.to(plait.int32)) > 0


def _listed(blocks: Tensor) -> tuple[Tensor, Tensor]:
    """How many blocks of each row are marked, and the numbers of all, the marked ones first."""
    order = blocks.to(plait.int32).argsort(dim=-1, descending=True, stable=True)
    return blocks.sum(-1).to(plait.int32), order.to(plait.int32)


def create_block_mask(
    mask_mod: MaskMod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = _DEFAULT_SPARSE_BLOCK_SIZE,
    _compile: bool = False,
    **kwargs: Any,
) -> BlockMask:
    """The BlockMask of a mask_mod(b, h, q, k), which gives True where query q sees key k. B and H may be None
    where the mask does not depend on them.
    """
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else BLOCK_SIZE
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    rows, columns = -(-Q_LEN // size[0]), -(-KV_LEN // size[1])
    padded = plait.nn.functional.pad(mask, (0, columns * size[1] - KV_LEN, 0, rows * size[0] - Q_LEN))
    counts = padded.reshape(*mask.shape[:2], rows, size[0], columns, size[1]).sum((3, 5))
    full = counts == size[0] * size[1]
    part = (counts > 0) & ~full
    return BlockMask((Q_LEN, KV_LEN), *_listed(part), *_listed(full), BLOCK_SIZE=size, mask_mod=mask_mod)


def create_nested_block_mask(*args: Any, **kwargs: Any) -> BlockMask:
    """Raises: there are no nested tensors."""
    raise NotImplementedError(
        "create_nested_block_mask: plait has no nested tensors; join the sequences into one, and let the "
        "mask_mod compare their numbers (document[q] == document[k])"
    )


def flex_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    score_mod: ScoreMod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: dict | None = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """softmax(score_mod(scale query key^T)) value, over the keys that block_mask lets each query see.

    query (B, H, L, E), key (B, Hk, S, E), value (B, Hk, S, Ev); the result is (B, H, L, Ev). With enable_gqa,
    Hk divides H, and the heads of a group share keys and values. The scores are a tensor in memory: (B, H, L,
    S) elements of float32 or wider. A query that sees no key gives zeros. With return_lse, or a return_aux,
    the logarithm of the sum of exponentials (B, H, L) is given as well. Raises ValueError for shapes that do
    not fit.
    """
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise ValueError(
            "flex_attention: expected query, key and value of 4 dimensions (batch, heads, length, features), "
            f"got {tuple(query.shape)}, {tuple(key.shape)} and {tuple(value.shape)}"
        )
    heads, kv_heads = query.shape[1], key.shape[1]
    if heads != kv_heads:
        if not enable_gqa or heads % kv_heads:
            raise ValueError(
                f"flex_attention: expected as many heads of keys as of queries, {heads}, got {kv_heads}; "
                "enable_gqa=True allows a divisor"
            )
        key, value = (t.repeat_interleave(heads // kv_heads, 1) for t in (key, value))
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    wide = plait.promote_types(query.dtype, plait.float32)
    scores = (query @ key.mT).to(wide) * scale
    sizes = (query.shape[0], heads, query.shape[2], key.shape[2])
    if score_mod is not None:
        scores = score_mod(scores, *_numbers(*sizes, query.device)).to(wide)
    if block_mask is not None:
        scores = scores.masked_fill(~block_mask._mask(*sizes, query.device), -math.inf)
    blind = (scores == -math.inf).all(-1, keepdim=True)  # queries that see no key
    weights = scores.masked_fill(blind, 0.0).softmax(-1).masked_fill(blind, 0.0)
    out = weights.to(value.dtype) @ value
    wants_lse = return_lse if return_aux is None else return_aux.lse
    lse = None
    if wants_lse:
        lse = scores.masked_fill(blind, 0.0).logsumexp(-1).masked_fill(blind.squeeze(-1), -math.inf)
    if return_aux is not None:
        highest = scores.amax(-1) if return_aux.max_scores else None
        return out, AuxOutput(lse, highest)
    return (out, lse) if return_lse else out
