"""How PyTorch says where the parts of a tensor of many processes lie. plait's tensors are whole: the
descriptions are there, for programs that compare them, and what would split a tensor raises.

>>> Shard(0) == Shard(0), Shard(0).is_shard(), Replicate().is_replicate()
(True, True, True)
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._missing import placeholders

__all__ = ["Partial", "Placement", "Replicate", "Shard"]


class Placement:
    """How a tensor lies on the processes of a mesh's dimension."""

    def is_shard(self, dim: int | None = None) -> bool:
        """Does each process have a part (along `dim`)?"""
        return isinstance(self, Shard) and dim in (None, self.dim)

    def is_replicate(self) -> bool:
        """Does each process have all of it?"""
        return isinstance(self, Replicate)

    def is_partial(self, reduce_op: str | None = None) -> bool:
        """Does each process have a term of it?"""
        return isinstance(self, Partial) and reduce_op in (None, self.reduce_op)


@dataclass(frozen=True)
class Shard(Placement):
    """Each process has a part along dimension `dim`."""

    dim: int


@dataclass(frozen=True)
class Replicate(Placement):
    """Each process has all of it."""


@dataclass(frozen=True)
class Partial(Placement):
    """Each process has a term; `reduce_op` combines them."""

    reduce_op: str = "sum"


__getattr__ = placeholders(
    __name__,
    (
        "DTensor",
        "DeviceMesh",
        "distribute_module",
        "distribute_tensor",
        "init_device_mesh",
        "_StridedShard",
        "empty",
        "full",
        "ones",
        "rand",
        "randn",
        "zeros",
    ),
    "tensors are whole on each process; plait.distributed has collectives, and nn.parallel."
    "DistributedDataParallel",
)
