"""Process groups of one process: what a program written for many does when it runs as one.

`init_process_group` takes a world of one; collectives then give each tensor back as it is. More processes are
refused there, once and clearly. So a training script that is started without a launcher, or by one with a
single process, runs as it stands:

>>> import plait.distributed as dist
>>> dist.init_process_group("gloo", rank=0, world_size=1)
>>> x = plait.ones(2)
>>> dist.all_reduce(x)
>>> x, dist.get_world_size()
(tensor([1., 1.]), 1)
>>> dist.destroy_process_group()
"""

from __future__ import annotations

import os
from datetime import timedelta
from enum import Enum

from .. import Tensor
from .._missing import placeholders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Backend",
    "ProcessGroup",
    "ReduceOp",
    "Work",
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_global_rank",
    "get_group_rank",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "is_available",
    "is_initialized",
    "monitored_barrier",
    "new_group",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
]


class ReduceOp(Enum):
    """How values of several processes are combined; of one process, each leaves them as they are."""

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7


ReduceOp.RedOpType = ReduceOp  # type: ignore[attr-defined]
reduce_op = ReduceOp


class Backend(str):
    """The name of a library for communication, in lower case."""

    UNDEFINED = "undefined"
    GLOO = "gloo"
    NCCL = "nccl"
    MPI = "mpi"
    UCC = "ucc"
    XCCL = "xccl"

    def __new__(cls, name: str) -> Backend:
        """The name in lower case."""
        if not isinstance(name, str):
            raise ValueError(f"distributed.Backend: expected a name, got {name!r}")
        return super().__new__(cls, name.lower())


default_pg_timeout = timedelta(minutes=30)
"""How long PyTorch's collectives wait for other processes, of which plait has none."""


class ProcessGroup:
    """A group of processes: this one alone."""

    def __init__(self, backend: str):
        self._backend = backend

    def rank(self) -> int:
        """0: this process is the first."""
        return 0

    def size(self) -> int:
        """1."""
        return 1


class _Future:
    """The result of work that is done."""

    def __init__(self, value: Any):
        self._value = value

    def wait(self) -> Any:
        return self._value

    value = wait

    def done(self) -> bool:
        return True

    def then(self, callback: Any) -> _Future:
        return _Future(callback(self))


class Work:
    """A collective that has been started, and is done."""

    def __init__(self, tensors: list[Tensor]):
        self._tensors = tensors

    def wait(self, timeout: Any = None) -> bool:
        """Returns at once."""
        return True

    def is_completed(self) -> bool:
        """True."""
        return True

    def is_success(self) -> bool:
        """True."""
        return True

    def result(self) -> list[Tensor]:
        """The tensors."""
        return self._tensors

    def get_future(self) -> _Future:
        """A future that has the tensors."""
        return _Future(self._tensors)


class group:
    """Where PyTorch keeps the group of all processes."""

    WORLD: ProcessGroup | None = None
    NON_GROUP_MEMBER = object()


GroupMember = group


def is_available() -> bool:
    """Can process groups be made? Of one process, they can."""
    return True


def is_initialized() -> bool:
    """Has init_process_group been called?"""
    return group.WORLD is not None


def is_nccl_available() -> bool:
    """False: there is no communication between GPUs."""
    return False


is_mpi_available = is_ucc_available = is_xccl_available = is_nccl_available


def is_gloo_available() -> bool:
    """True: for one process, no library is needed."""
    return True


def is_torchelastic_launched() -> bool:
    """Has a launcher started this process? As its environment variable says."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def _size_asked(init_method: str | None, world_size: int) -> tuple[int, str]:
    if world_size > 0:
        return world_size, f"world_size={world_size}"
    if "WORLD_SIZE" in os.environ:
        return int(os.environ["WORLD_SIZE"]), f"WORLD_SIZE={os.environ['WORLD_SIZE']} in the environment"
    return 1, "world_size=1"


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Makes the group of all processes, of which there may be one: world_size, or WORLD_SIZE in the
    environment, must be 1. Nothing is connected to; the backend is remembered.

    Raises RuntimeError for more processes, ValueError where the group exists already.
    """
    size, said = _size_asked(init_method, world_size)
    if size != 1:
        raise RuntimeError(
            f"init_process_group: plait runs in one process: expected a world of 1, got {said}; start the "
            "program without a launcher, or with one process (--nproc-per-node=1), and use a larger batch"
        )
    if rank > 0:
        raise ValueError(f"init_process_group: expected rank 0 in a world of 1, got {rank}")
    if is_initialized():
        raise ValueError(
            "init_process_group: it has been called already; destroy_process_group() ends the group"
        )
    group.WORLD = ProcessGroup((backend or "gloo").split(",")[0])


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Ends the group of all processes; a group of new_group needs no end."""
    if group is None or group is _world():
        globals()["group"].WORLD = None


def _world() -> ProcessGroup:
    if group.WORLD is None:
        raise ValueError(
            "there is no process group: call plait.distributed.init_process_group() first, or guard the call "
            "with is_initialized()"
        )
    return group.WORLD


_get_default_group = _world


def new_group(ranks: Any = None, timeout: Any = None, backend: str | None = None, **kwargs: Any) -> Any:
    """A group of this process; of other ranks there are none."""
    world = _world()
    if ranks is not None and list(ranks) not in ([0], []):
        raise ValueError(f"new_group: expected ranks within a world of 1, got {list(ranks)}")
    return ProcessGroup(backend or world._backend)


def get_rank(group: ProcessGroup | None = None) -> int:
    """The number of this process: 0."""
    return _world().rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """The number of processes: 1."""
    return _world().size()


def get_backend(group: ProcessGroup | None = None) -> str:
    """The backend that init_process_group was given."""
    return (group or _world())._backend


def get_process_group_ranks(group: ProcessGroup | None = None) -> list[int]:
    """[0]."""
    _world()
    return [0]


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The number of this process on its machine: 0."""
    return 0


def get_default_backend_for_device(device: Any) -> str:
    """What PyTorch would use for the device: nccl for CUDA's, gloo else."""
    return "nccl" if str(device).startswith("cuda") else "gloo"


def _done(async_op: bool, *tensors: Tensor) -> Work | None:
    _world()
    return Work(list(tensors)) if async_op else None


def _check_root(number: int | None, who: str) -> None:
    if number not in (None, 0):
        raise ValueError(f"{who}: expected rank 0 in a world of 1, got {number}")


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False) -> Any:
    """The combination over all processes, in place: of one, the tensor as it is."""
    return _done(async_op, tensor)


def reduce(
    tensor: Tensor, dst: int | None = None, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Any:
    """The combination over all processes, at `dst`: the tensor as it is."""
    _check_root(dst, "reduce")
    return _done(async_op, tensor)


def broadcast(
    tensor: Tensor, src: int | None = None, group: Any = None, async_op: bool = False, **kwargs: Any
) -> Any:
    """The tensor of process `src`: the tensor as it is."""
    _check_root(src, "broadcast")
    return _done(async_op, tensor)


def barrier(group: Any = None, async_op: bool = False, device_ids: Any = None) -> Any:
    """Waits for all processes: returns at once."""
    return _done(async_op)


def monitored_barrier(group: Any = None, timeout: Any = None, wait_all_ranks: bool = False) -> None:
    """Waits for all processes: returns at once."""
    _world()


def _one(tensors: Any, who: str) -> Any:
    if len(tensors) != 1:
        raise ValueError(f"{who}: expected a list of 1 in a world of 1, got {len(tensors)}")
    return tensors[0]


def _copied(target: Tensor, source: Tensor, who: str) -> None:
    if target.numel() != source.numel():
        raise ValueError(
            f"{who}: expected an output of the input's {source.numel()} elements in a world of 1, got "
            f"{target.numel()}"
        )
    target.detach().copy_(source.detach().reshape(target.shape))


def all_gather(tensor_list: list[Tensor], tensor: Tensor, group: Any = None, async_op: bool = False) -> Any:
    """Copies the tensor of each process to the entries of the list."""
    _copied(_one(tensor_list, "all_gather"), tensor, "all_gather")
    return _done(async_op, *tensor_list)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Any = None, async_op: bool = False
) -> Any:
    """Copies the tensor of each process into one, one after the other."""
    _copied(output_tensor, input_tensor, "all_gather_into_tensor")
    return _done(async_op, output_tensor)


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Any:
    """Copies the tensor of each process to the entries of the list, at `dst`."""
    _check_root(dst, "gather")
    if gather_list is None:
        raise ValueError("gather: expected gather_list at the destination")
    _copied(_one(gather_list, "gather"), tensor, "gather")
    return _done(async_op, *gather_list)


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
) -> Any:
    """Copies the entries of the list, at `src`, to the tensors of the processes."""
    _check_root(src, "scatter")
    if scatter_list is None:
        raise ValueError("scatter: expected scatter_list at the source")
    _copied(tensor, _one(scatter_list, "scatter"), "scatter")
    return _done(async_op, tensor)


def reduce_scatter(
    output: Tensor, input_list: list[Tensor], op: Any = ReduceOp.SUM, group: Any = None, async_op: bool =
    False
) -> Any:
    """Combines the lists of all processes, and gives each its entry."""
    _copied(output, _one(input_list, "reduce_scatter"), "reduce_scatter")
    return _done(async_op, output)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Any:
    """Combines the tensors of all processes, and gives each its part."""
    _copied(output, input, "reduce_scatter_tensor")
    return _done(async_op, output)


def all_to_all(
    output_tensor_list: list[Tensor], input_tensor_list: list[Tensor], group: Any = None, async_op: bool =
    False
) -> Any:
    """Gives entry i to process i, and takes one of each."""
    _copied(_one(output_tensor_list, "all_to_all"), _one(input_tensor_list, "all_to_all"), "all_to_all")
    return _done(async_op, *output_tensor_list)


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Any = None,
    input_split_sizes: Any = None,
    group: Any = None,
    async_op: bool = False,
) -> Any:
    """Gives part i to process i, and takes one of each."""
    _copied(output, input, "all_to_all_single")
    return _done(async_op, output)


def all_gather_object(object_list: list, obj: Any, group: Any = None) -> None:
    """Puts the object of each process into the list."""
    _world()
    _one(object_list, "all_gather_object")
    object_list[0] = obj


def gather_object(obj: Any, object_gather_list: list | None = None, dst: int | None = None, **kwargs: Any):
    """Puts the object of each process into the list, at `dst`."""
    _world()
    _check_root(dst, "gather_object")
    if object_gather_list is not None:
        object_gather_list[0] = obj


def scatter_object_list(
    scatter_object_output_list: list,
    scatter_object_input_list: list | None = None,
    src: int | None = None,
    group: Any = None,
) -> None:
    """Puts this process's object of the list at `src` into the first entry of the output list."""
    _world()
    _check_root(src, "scatter_object_list")
    if scatter_object_input_list is None:
        raise ValueError("scatter_object_list: expected scatter_object_input_list at the source")
    scatter_object_output_list[0] = _one(scatter_object_input_list, "scatter_object_list")


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The number within the group of the process with a number: 0."""
    _check_root(global_rank, "get_group_rank")
    return 0


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The number of the process with a number within the group: 0."""
    _check_root(group_rank, "get_global_rank")
    return 0


def broadcast_object_list(object_list: list, src: int | None = None, group: Any = None, device: Any = None):
    """The objects of process `src`: those given."""
    _world()
    _check_root(src, "broadcast_object_list")


_placeholder = placeholders(
    __name__,
    (
        "DeviceMesh",
        "FileStore",
        "HashStore",
        "P2POp",
        "PrefixStore",
        "ProcessGroupGloo",
        "Store",
        "TCPStore",
        "batch_isend_irecv",
        "fsdp",
        "init_device_mesh",
        "rpc",
        "new_subgroups",
        "irecv",
        "isend",
        "recv",
        "recv_object_list",
        "send",
        "send_object_list",
    ),
    "plait.distributed has process groups of one process alone",
)


def __getattr__(name: str) -> Any:
    if name == "nn":
        from importlib import import_module

        return import_module("plait.distributed.nn")
    return _placeholder(name)
