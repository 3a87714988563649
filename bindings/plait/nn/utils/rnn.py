"""Sequences of different lengths: padded, and packed so that no step is spent on padding."""

from __future__ import annotations

from collections import namedtuple

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

_Packed = namedtuple("_Packed", ("data", "batch_sizes", "sorted_indices", "unsorted_indices"))


class PackedSequence(_Packed):
    """Sequences laid one time step after the other: `data` (sum of lengths, *), `batch_sizes` (longest
    length).

    Made by `pack_padded_sequence` and `pack_sequence`; the recurrent layers take and give it.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ):
        """The four parts; `unsorted_indices` follow from `sorted_indices`."""
        if batch_sizes is None:
            raise ValueError(
                "PackedSequence: batch_sizes is missing; make packed sequences with pack_padded_sequence"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Moves or casts `data` (and moves the indices along)."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        indices = [
            None if i is None else i.to(data.device) for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *indices)

    def cpu(self) -> PackedSequence:
        """Moves to the CPU."""
        return self.to("cpu")

    def cuda(self, device: Any = "cuda") -> PackedSequence:
        """Moves to a GPU."""
        return self.to(device)

    def double(self) -> PackedSequence:
        """Casts `data` to float64."""
        return self.to(plait.float64)

    def float(self) -> PackedSequence:
        """Casts `data` to float32."""
        return self.to(plait.float32)

    def half(self) -> PackedSequence:
        """Casts `data` to float16."""
        return self.to(plait.float16)

    def long(self) -> PackedSequence:
        """Casts `data` to int64."""
        return self.to(plait.int64)

    def int(self) -> PackedSequence:
        """Casts `data` to int32."""
        return self.to(plait.int32)

    def short(self) -> PackedSequence:
        """Casts `data` to int16."""
        return self.to(plait.int16)

    def char(self) -> PackedSequence:
        """Casts `data` to int8."""
        return self.to(plait.int8)

    def byte(self) -> PackedSequence:
        """Casts `data` to uint8."""
        return self.to(plait.uint8)

    def pin_memory(self) -> PackedSequence:
        """Copies all of it to page-locked memory."""
        indices = [
            None if i is None else i.pin_memory() for i in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(self.data.pin_memory(), self.batch_sizes.pin_memory(), *indices)

    def is_pinned(self) -> bool:
        """Whether `data` is in page-locked memory."""
        return self.data.is_pinned()

    @property
    def is_cuda(self) -> bool:
        """Whether `data` is on a GPU."""
        return self.data.device.type == "cuda"


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes `permutation`.

    >>> plait.nn.utils.rnn.invert_permutation(plait.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return None if permutation is None else permutation.argsort()


def _positions(batch_sizes: list[int], batch: int) -> list[int]:
    """Where the packed rows stand in a (time, batch) grid, row by row."""
    return [t * batch + i for t, size in enumerate(batch_sizes) for i in range(size)]


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Packs (T, B, *), or (B, T, *) with `batch_first`, of sequences with the given `lengths` (B).

    With `enforce_sorted` the lengths must decrease. Raises ValueError for lengths that are not between 1 and
    T.

    >>> packed = plait.nn.utils.rnn.pack_padded_sequence(plait.tensor([[1, 2], [3, 0]]), [2, 1])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 2, 3]), tensor([2, 1]))
    """
    lengths = [int(n) for n in (lengths.tolist() if isinstance(lengths, Tensor) else lengths)]
    if batch_first:
        input = input.transpose(0, 1)
    steps, batch = input.shape[:2]
    if len(lengths) != batch:
        raise ValueError(
            f"pack_padded_sequence: expected {batch} lengths, one per sequence, got {len(lengths)}"
        )
    if not lengths or min(lengths) < 1 or max(lengths) > steps:
        raise ValueError(f"pack_padded_sequence: lengths should be between 1 and {steps}, got {lengths}")
    order = sorted(range(batch), key=lambda i: -lengths[i])
    sorted_indices = None
    if enforce_sorted:
        if any(lengths[i] < lengths[i + 1] for i in range(batch - 1)):
            raise RuntimeError(
                f"pack_padded_sequence: lengths should decrease, got {lengths}; sort them, or say "
                "enforce_sorted=False"
            )
    else:
        sorted_indices = plait.tensor(order, device=input.device)
        input = input.index_select(1, sorted_indices)
        lengths = [lengths[i] for i in order]
    batch_sizes = [sum(n > t for n in lengths) for t in range(lengths[0])]
    rows = plait.tensor(_positions(batch_sizes, batch), device=input.device)
    data = input.reshape(steps * batch, *input.shape[2:]).index_select(0, rows)
    return PackedSequence(data, plait.tensor(batch_sizes, device="cpu"), sorted_indices)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The inverse of `pack_padded_sequence`: (padded tensor, lengths); padded to `total_length` if given."""
    batch_sizes = sequence.batch_sizes.tolist()
    steps, batch = len(batch_sizes), batch_sizes[0]
    if total_length is not None:
        if total_length < steps:
            raise ValueError(
                f"pad_packed_sequence: total_length should be at least the longest sequence, {steps}, got "
                f"{total_length}"
            )
        steps = total_length
    data = sequence.data
    rows = plait.tensor(_positions(batch_sizes, batch), device=data.device)
    rest = tuple(data.shape[1:])
    grid = plait.full((steps * batch, *rest), padding_value, dtype=data.dtype, device=data.device)
    padded = grid.index_copy(0, rows, data).reshape(steps, batch, *rest)
    lengths = plait.tensor([sum(size > i for size in batch_sizes) for i in range(batch)], device="cpu")
    if sequence.unsorted_indices is not None:
        padded = padded.index_select(1, sequence.unsorted_indices)
        lengths = lengths[sequence.unsorted_indices.to("cpu")]
    return (padded.transpose(0, 1) if batch_first else padded), lengths


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stacks tensors (L_i, *) into (longest, B, *), or (B, longest, *), filled up with `padding_value`.

    >>> plait.nn.utils.rnn.pad_sequence([plait.tensor([1, 2]), plait.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    sequences = list(sequences)
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side should be 'left' or 'right', got {padding_side!r}")
    if not sequences:
        raise RuntimeError("pad_sequence: expected at least one tensor, got an empty list")
    first = sequences[0]
    for s in sequences:
        if s.dim() == 0 or s.shape[1:] != first.shape[1:]:
            raise RuntimeError(
                "pad_sequence: tensors should agree in all but their first dimension, got "
                f"{tuple(first.shape)} and "
                f"{tuple(s.shape)}"
            )
    longest = max(s.shape[0] for s in sequences)
    rows = []
    for s in sequences:
        missing = longest - s.shape[0]
        if missing:
            filler = plait.full((missing, *s.shape[1:]), padding_value, dtype=s.dtype, device=s.device)
            s = plait.cat([s, filler] if padding_side == "right" else [filler, s])
        rows.append(s)
    return plait.stack(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """The tensors that `pad_sequence` stacked."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    lengths = lengths.tolist() if isinstance(lengths, Tensor) else lengths
    return [row[: int(n)] for row, n in zip(padded_sequences.unbind(0), lengths, strict=True)]


def pack_sequence(sequences: Any, enforce_sorted: bool = True) -> PackedSequence:
    """Packs tensors (L_i, *)."""
    sequences = list(sequences)
    lengths = [s.shape[0] for s in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The tensors that `pack_sequence` packed."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences))
