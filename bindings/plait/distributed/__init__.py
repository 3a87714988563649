"""Programs of several processes: groups, and the calls that all processes of a group make.

A launcher starts the program once for each process, `python -m plait.distributed.run --nproc-per-node=8
train.py`,
and each calls `init_process_group`. A program that runs as one process is a group of one:

>>> import plait.distributed as dist
>>> dist.init_process_group("gloo", rank=0, world_size=1)
>>> x = plait.ones(2)
>>> dist.all_reduce(x)
>>> x, dist.get_world_size()
(tensor([1., 1.]), 1)
>>> dist.destroy_process_group()

Names and semantics are PyTorch's. Processes on CPUs are connected by plait's own transport, which has the
name of
PyTorch's, "gloo": TCP, and shared memory within a machine. See docs/guide/distributed.md.
"""

from __future__ import annotations

from .._missing import placeholders
from ._collectives import (
    all_gather,
    all_gather_coalesced,
    all_gather_into_tensor,
    all_reduce,
    all_reduce_coalesced,
    all_to_all,
    all_to_all_single,
    barrier,
    broadcast,
    gather,
    reduce,
    reduce_scatter,
    reduce_scatter_tensor,
    scatter,
)
from ._groups import (
    Backend,
    DistBackendError,
    GroupMember,
    ProcessGroup,
    ReduceOp,
    _get_default_group,
    abort_process_group,
    default_pg_timeout,
    destroy_process_group,
    get_backend,
    get_backend_config,
    get_default_backend_for_device,
    get_global_rank,
    get_group_rank,
    get_node_local_rank,
    get_pg_count,
    get_process_group_ranks,
    get_rank,
    get_world_size,
    group,
    init_process_group,
    is_available,
    is_backend_available,
    is_gloo_available,
    is_initialized,
    is_mpi_available,
    is_nccl_available,
    is_torchelastic_launched,
    is_ucc_available,
    is_xccl_available,
    new_group,
    new_subgroups,
    new_subgroups_by_enumeration,
    reduce_op,
)
from ._objects import (
    all_gather_object,
    broadcast_object_list,
    gather_object,
    recv_object_list,
    scatter_object_list,
    send_object_list,
)
from ._rendezvous import register_rendezvous_handler, rendezvous
from ._stores import DistError, DistNetworkError, DistStoreError, FileStore, HashStore, PrefixStore, Store
from ._tcp_store import TCPStore
from ._transfers import P2POp, batch_isend_irecv, irecv, isend, monitored_barrier, recv, send
from ._work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "Backend",
    "DistBackendError",
    "DistError",
    "DistNetworkError",
    "DistStoreError",
    "FileStore",
    "GroupMember",
    "HashStore",
    "P2POp",
    "PrefixStore",
    "ProcessGroup",
    "ReduceOp",
    "Store",
    "TCPStore",
    "Work",
    "_get_default_group",
    "abort_process_group",
    "all_gather",
    "all_gather_coalesced",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_reduce_coalesced",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "batch_isend_irecv",
    "broadcast",
    "broadcast_object_list",
    "default_pg_timeout",
    "destroy_process_group",
    "gather",
    "gather_object",
    "get_backend",
    "get_backend_config",
    "get_default_backend_for_device",
    "get_global_rank",
    "get_group_rank",
    "get_node_local_rank",
    "get_pg_count",
    "get_process_group_ranks",
    "get_rank",
    "get_world_size",
    "group",
    "init_process_group",
    "irecv",
    "is_available",
    "is_backend_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
    "is_ucc_available",
    "is_xccl_available",
    "isend",
    "monitored_barrier",
    "new_group",
    "new_subgroups",
    "new_subgroups_by_enumeration",
    "recv",
    "recv_object_list",
    "reduce",
    "reduce_op",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "register_rendezvous_handler",
    "rendezvous",
    "scatter",
    "scatter_object_list",
    "send",
    "send_object_list",
]

_placeholder = placeholders(
    __name__,
    (
        "BuiltinCommHookType",
        "DeviceMesh",
        "ProcessGroupGloo",
        "ProcessGroupNCCL",
        "checkpoint",
        "device_mesh",
        "fsdp",
        "init_device_mesh",
        "split_group",
    ),
    "plait.distributed has process groups and their collectives, and nn.parallel.DistributedDataParallel "
    "uses them",
)

# Modules, imported at first use.
_MODULES = ("algorithms", "elastic", "launch", "nn", "rpc", "run", "tensor")


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"plait.distributed.{name}")
    if name in ("constants", "distributed_c10d"):  # where PyTorch keeps these names, too
        return import_module("plait.distributed")
    if name == "GradBucket":
        return import_module("plait.nn.parallel.distributed").GradBucket
    return _placeholder(name)
