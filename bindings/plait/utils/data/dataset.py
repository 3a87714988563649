"""Datasets: by index (Dataset and what is made of datasets) and as a stream (IterableDataset)."""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]


class Dataset:
    """Samples by index: subclasses give `__getitem__`, mostly `__len__` too.

    A dataset that can read many samples at once may give `__getitems__(indices)`, which returns a list of
    samples.

    >>> class Squares(plait.utils.data.Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, i):
    ...         return i * i
    >>> (Squares() + Squares())[5]
    1
    """

    def __class_getitem__(cls, _item: Any) -> type:
        return cls  # Dataset[Sample] in annotations

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not implement __getitem__()")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Samples as a stream: subclasses give `__iter__`.

    With workers, each iterates over a shallow copy of the dataset, and `get_worker_info()` says which share
    to give.
    """

    def __getitem__(self, index: Any) -> Any:
        raise TypeError(
            f"{type(self).__name__} is an IterableDataset: it has no samples by index; iterate over it"
        )

    def __iter__(self) -> Iterator:
        raise NotImplementedError(f"{type(self).__name__} does not implement __iter__()")

    def __add__(self, other: Dataset) -> ChainDataset:
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Rows of tensors: sample i is `(a[i], b[i], ...)`. ValueError when the first dimensions differ.

    >>> data = plait.utils.data.TensorDataset(plait.tensor([[1.0], [2.0]]), plait.tensor([3, 4]))
    >>> data[1]
    (tensor([2.]), tensor(4))
    """

    def __init__(self, *tensors: Any):
        if not tensors:
            raise ValueError("TensorDataset: expects at least one tensor, got none")
        for i, t in enumerate(tensors):
            if not isinstance(t, plait.Tensor):
                raise TypeError(
                    f"TensorDataset: argument {i} should be a Tensor, got {type(t).__name__}; try "
                    "plait.as_tensor"
                )
            if t.dim() == 0 or t.shape[0] != tensors[0].shape[0]:
                shapes = ", ".join(str(tuple(t.shape)) for t in tensors)
                raise ValueError(
                    f"TensorDataset: tensors should agree in their first dimension, got shapes {shapes}"
                )
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple:
        return tuple([t[index] for t in self.tensors])

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def _collated(self, indices: Sequence[int]) -> list | None:
        """The batch as the default collation gives it, gathered by one op a tensor; None where it would not
        do.
        """
        if type(self).__getitem__ is not TensorDataset.__getitem__:
            return None
        length = len(self)
        if not indices or min(indices) < -length or max(indices) >= length:
            return None  # the slow way gives the right error
        rows = plait.tensor(indices, dtype=plait.int64, device="cpu")
        if min(indices) < 0:
            rows = rows.remainder(length)
        return [t.index_select(0, rows.to(t.device)) for t in self.tensors]


def many_of(dataset: Any, indices: Sequence[int]) -> list:
    """The samples at `indices`; at once, if the dataset can."""
    read = getattr(dataset, "__getitems__", None)
    samples = read(indices) if callable(read) else [dataset[i] for i in indices]
    if len(samples) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__ gave {len(samples)} samples for {len(indices)} indices"
        )
    return samples


class StackDataset(Dataset):
    """Several datasets side by side: sample i is a tuple, or a dict if they were given by keyword.

    >>> pairs = plait.utils.data.StackDataset(x=[1, 2], y=["a", "b"])
    >>> pairs[1]
    {'x': 2, 'y': 'b'}
    """

    def __init__(self, *args: Any, **kwargs: Any):
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: give datasets either by position or by keyword, at least one")
        self.datasets = kwargs if kwargs else args
        lengths = {len(d) for d in (kwargs.values() if kwargs else args)}
        if len(lengths) != 1:
            raise ValueError(f"StackDataset: datasets should have one length, got {sorted(lengths)}")
        self._length = lengths.pop()

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __getitems__(self, indices: Sequence[int]) -> list:
        """Many samples; at once from the datasets that can."""
        if isinstance(self.datasets, dict):
            columns = [many_of(dataset, indices) for dataset in self.datasets.values()]
            return [dict(zip(self.datasets, row)) for row in zip(*columns)]
        return list(zip(*[many_of(dataset, indices) for dataset in self.datasets]))

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset):
    """Datasets one after the other.

    >>> plait.utils.data.ConcatDataset([[1, 2], [3]])[2]
    3
    """

    def __init__(self, datasets: Iterable[Any]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expects at least one dataset, got none")
        self.cumulative_sizes: list[int] = []
        total = 0
        for i, dataset in enumerate(self.datasets):
            if isinstance(dataset, IterableDataset):
                raise TypeError(f"ConcatDataset: datasets[{i}] is an IterableDataset; use ChainDataset")
            total += len(dataset)
            self.cumulative_sizes.append(total)

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        from bisect import bisect_right

        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"ConcatDataset: index {index} is out of range for {length} samples")
        index %= length
        which = bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class ChainDataset(IterableDataset):
    """Streams one after the other."""

    def __init__(self, datasets: Iterable[Any]):
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator:
        for i, dataset in enumerate(self.datasets):
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"ChainDataset: datasets[{i}] should be an IterableDataset, got "
                    f"{type(dataset).__name__}; use ConcatDataset"
                )
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class Subset(Dataset):
    """The samples of `dataset` at `indices`.

    >>> plait.utils.data.Subset(["a", "b", "c"], [2, 0])[0]
    'c'
    """

    def __init__(self, dataset: Any, indices: Sequence[int]):
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list:
        """Many samples; at once, if the dataset can."""
        return many_of(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)

    def _collated(self, indices: Sequence[int]) -> list | None:
        inner = getattr(self.dataset, "_collated", None)
        if inner is None or type(self).__getitem__ is not Subset.__getitem__:
            return None
        return inner([self.indices[i] for i in indices])


def random_split(dataset: Any, lengths: Sequence[float], generator: Any = None) -> list[Subset]:
    """Splits a dataset at random into parts of the given lengths, or of the given fractions if they sum to 1.

    A remainder of fractions goes to the parts in turn, one sample each. ValueError when lengths do not sum to
    the dataset's.

    >>> parts = plait.utils.data.random_split(range(10), [0.7, 0.3])
    >>> [len(part) for part in parts]
    [7, 3]
    """
    import math

    total = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1 + 1e-9:
        counts = []
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(
                    f"random_split: the fraction lengths[{i}] should be in [0, 1], got {fraction}"
                )
            counts.append(math.floor(total * fraction))
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
    else:
        counts = list(lengths)  # type: ignore[arg-type]  # checked below
        if any(int(c) != c or c < 0 for c in counts):
            raise ValueError(
                f"random_split: lengths should be counts, or fractions that sum to 1, got {counts}"
            )
        counts = [int(c) for c in counts]
    if sum(counts) != total:
        raise ValueError(
            f"random_split: lengths {counts} sum to {sum(counts)}, but the dataset has {total} samples"
        )
    order = plait.randperm(total, generator=generator, device="cpu").tolist()
    parts, start = [], 0
    for count in counts:
        parts.append(Subset(dataset, order[start : start + count]))
        start += count
    return parts
