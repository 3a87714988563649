"""DistributedSampler: each of several processes gets its own share of a dataset."""

from __future__ import annotations

import plait

from .sampler import Sampler, _positive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["DistributedSampler"]


class DistributedSampler(Sampler):
    """Every `num_replicas`-th index from `rank` on, of an order that `seed` and the epoch decide.

    Shares have equal length: indices are repeated at the end, or left out with `drop_last`. Call `set_epoch`
    before each pass, or every pass has the same order.

    >>> list(plait.utils.data.DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ):
        if num_replicas is None or rank is None:
            from ... import distributed

            if not distributed.is_initialized():
                raise ValueError(
                    "DistributedSampler: give num_replicas and rank; there is no process group to ask, which "
                    "plait.distributed.init_process_group() makes"
                )
            num_replicas = distributed.get_world_size() if num_replicas is None else num_replicas
            rank = distributed.get_rank() if rank is None else rank
        _positive("DistributedSampler", "num_replicas", num_replicas)
        if not 0 <= rank < num_replicas:
            raise ValueError(f"DistributedSampler: rank should be in [0, {num_replicas}), got {rank}")
        self.dataset = dataset
        self.num_replicas = num_replicas
        self.rank = rank
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        length = len(dataset)
        self.num_samples = length // num_replicas if drop_last else -(-length // num_replicas)
        self.total_size = self.num_samples * num_replicas

    def __iter__(self) -> Iterator[int]:
        length = len(self.dataset)
        if self.shuffle:
            generator = plait.Generator()
            generator.manual_seed(self.seed + self.epoch)
            indices = plait.randperm(length, generator=generator, device="cpu").tolist()
        else:
            indices = list(range(length))
        while indices and len(indices) < self.total_size:
            indices += indices[: self.total_size - len(indices)]
        return iter(indices[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Makes the next pass's order that of `epoch`."""
        self.epoch = epoch
