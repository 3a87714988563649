"""Process groups: making them, and who is in them."""

from __future__ import annotations

import atexit
import os
from datetime import timedelta
from enum import Enum

from .. import _C, Tensor
from ._rendezvous import hosts_of, rendezvous
from ._stores import DistError, PrefixStore, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_distributed = _C._distributed


class DistBackendError(DistError):
    """A call between processes failed: one of them has ended, is late, or called something else."""

    __module__ = "plait.distributed"


class ReduceOp(Enum):
    """How values of several processes are combined."""

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
"""How long a call waits for other processes, unless init_process_group(timeout=...) says otherwise."""


class ProcessGroup:
    """Some of the processes, and the libraries that connect them, one for a type of device."""

    def __init__(
        self, name: str, ranks: Sequence[int], libraries: dict[str, str], store: Store, timeout: Any
    ):
        self.group_name, self.ranks, self._libraries = name, list(ranks), libraries
        self._store, self._timeout = PrefixStore(name, store), timeout
        self._rank = self.ranks.index(_own_rank())
        self._by_library: dict[str, Any] = {}  # communicators
        self._by_device: dict[str, Any] = {}
        self._bound: Any = None  # the device that init_process_group was given
        self._store_barriers = 0

    def rank(self) -> int:
        """The number of this process within the group."""
        return self._rank

    def size(self) -> int:
        """The number of processes."""
        return len(self.ranks)

    def name(self) -> str:
        """The library, for messages."""
        return ",".join(dict.fromkeys(self._libraries.values()))

    @property
    def bound_device_id(self) -> Any:
        """The device that init_process_group was given."""
        return self._bound

    def _library_for(self, kind: str) -> str:
        library = self._libraries.get(kind)
        if library is not None and _is_there(library):
            return library
        if self.size() == 1:  # there is nothing to connect
            return "gloo"
        if library is None:
            raise RuntimeError(
                f"process group {self.group_name!r}: no library takes tensors on {kind!r}; there are "
                f"{self._libraries}; give init_process_group('cpu:gloo,cuda:nccl'), or move the tensor"
            )
        raise RuntimeError(_why_absent(library))

    def _communicator(self, tensor: Tensor) -> Any:
        """The one for a tensor's device."""
        device = tensor.device
        found = self._by_device.get(device.type)
        return self._connect(device) if found is None else found

    def _connect(self, device: Any) -> Any:
        library = self._library_for(device.type)
        if library not in self._by_library:
            self._by_library[library] = _make(library, self, device)
        self._by_device[device.type] = self._by_library[library]
        return self._by_library[library]

    def _any_device(self) -> Any:
        """A device whose tensors the group takes: the CPU, where it can."""
        if "cpu" in self._libraries or self.size() == 1:
            return "cpu"
        kind = next(iter(self._libraries))
        return self._bound or _own_device(kind)

    def _end(self) -> None:
        for communicator in self._by_library.values():
            communicator.close()
        self._by_library.clear()
        self._by_device.clear()

    def abort(self) -> None:
        """Ends the group at once: calls that wait, here and on other ranks, raise."""
        for communicator in self._by_library.values():
            communicator.abort(f"process group {self.group_name!r} was aborted by rank {self._rank}")

    def __repr__(self) -> str:
        return f"ProcessGroup({self.group_name!r}, rank {self._rank} of {self.size()}, {self._libraries})"


class group:
    """Where PyTorch keeps the group of all processes."""

    WORLD: ProcessGroup | None = None
    NON_GROUP_MEMBER = object()


GroupMember = group

_groups: dict[str, ProcessGroup] = {}  # all that are not destroyed
_counts = {"worlds": 0, "groups": 0}
_world_rank = 0


def _own_rank() -> int:
    return _world_rank


def _own_device(kind: str) -> Any:
    import plait

    return plait.device(kind, plait.cuda.current_device()) if kind == "cuda" else plait.device(kind)


def _make(library: str, group: ProcessGroup, device: Any) -> Any:
    """Connects the processes of a group."""
    bound = None
    if _distributed.library_device(library) != "cpu":
        bound = group._bound or _own_device(device.type)
    try:
        return _distributed.make(
            library,
            group.group_name,
            group.rank(),
            group.size(),
            int(group._timeout.total_seconds() * 1000),
            PrefixStore(library, group._store),
            hosts_of(group._store) if group.size() > 1 else "",
            bound,
        )
    except RuntimeError as error:
        if isinstance(error, DistError) or type(error) is not RuntimeError:
            raise
        raise DistBackendError(str(error)) from None


# ---- which libraries there are


def _is_there(library: str) -> bool:
    if library == "nccl":  # it comes with CUDA, which is loaded when it is asked for
        from .. import cuda

        if not cuda.is_available():
            return False
    return bool(_distributed.has_library(library))


def _why_absent(library: str) -> str:
    return (
        f"init_process_group: the library {library!r} is not there; 'gloo' connects processes on CPUs, and "
        "takes CUDA tensors, too, through the CPU's memory; 'nccl' wants CUDA and NVIDIA's libnccl.so.2 (pip "
        "install nvidia-nccl-cu13)"
    )


def is_available() -> bool:
    """Can process groups be made? They can."""
    return True


def is_initialized() -> bool:
    """Has init_process_group been called?"""
    return group.WORLD is not None


def is_nccl_available() -> bool:
    """Is NVIDIA's library for communication between GPUs there?"""
    return _is_there("nccl")


def is_mpi_available() -> bool:
    """False."""
    return False


is_ucc_available = is_xccl_available = is_mpi_available


def is_gloo_available() -> bool:
    """True: the CPU's transport is plait's own, and has the name of PyTorch's."""
    return True


is_backend_available = _is_there


def is_torchelastic_launched() -> bool:
    """Has a launcher started this process? As its environment variable says."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def get_default_backend_for_device(device: Any) -> str:
    """nccl for CUDA's devices, gloo else."""
    return "nccl" if str(device).startswith("cuda") else "gloo"


def _libraries_of(backend: str | None) -> dict[str, str]:
    """ "gloo", or "cpu:gloo,cuda:nccl", as {device: library}."""
    if backend in (None, "", "undefined"):
        return {"cpu": "gloo", "cuda": "nccl" if _is_there("nccl") else "gloo"}
    assert backend is not None
    backend = backend.lower()
    if ":" in backend:
        pairs = [part.split(":") for part in backend.split(",")]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError(
                f"init_process_group: expected a backend such as 'cpu:gloo,cuda:nccl', got {backend!r}"
            )
        return {device.strip(): library.strip() for device, library in pairs}
    if backend == "nccl":
        return {"cuda": "nccl"}
    return {"cpu": backend, "cuda": backend}


# ---- making and ending groups


def _size_asked(world_size: int) -> int:
    return world_size if world_size > 0 else int(os.environ.get("WORLD_SIZE", "1"))


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: Any = None,
    world_size: int = -1,
    rank: int = -1,
    store: Store | None = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Makes the group of all processes, which all of them call.

    `backend` is "gloo" (tensors on CPUs; on GPUs through the CPU), "nccl" (on GPUs), a map such as
    "cpu:gloo,cuda:nccl", or nothing for that map. The processes meet at `init_method`: "env://" (the
    default; a launcher sets the environment), "tcp://host:port" or "file:///path"; or in a `store`. The
    last three want `rank` and `world_size`. Without all of them, the world is this process alone.
    `timeout` is for every call.

    Raises ValueError where there is a group already, DistBackendError where processes are missing.

    >>> import plait.distributed as dist
    >>> dist.init_process_group("gloo", rank=0, world_size=1)
    >>> dist.get_world_size()
    1
    >>> dist.destroy_process_group()
    """
    global _world_rank
    if is_initialized():
        raise ValueError(
            "init_process_group: it has been called already; destroy_process_group() ends the group"
        )
    if store is not None and init_method is not None:
        raise ValueError("init_process_group: expected a store or an init_method, got both")
    libraries = _libraries_of(backend)
    limit = default_pg_timeout if timeout is None else timeout
    if not isinstance(limit, timedelta):
        raise TypeError(f"init_process_group: expected a timeout of datetime.timedelta, got {timeout!r}")
    if store is not None:
        if rank < 0 or world_size < 1:
            raise ValueError("init_process_group: with a store, rank and world_size are wanted, too")
    else:
        alone = init_method is None and _size_asked(world_size) == 1
        if alone and rank > 0:
            raise ValueError(f"init_process_group: expected rank 0 in a world of 1, got {rank}")
        if alone:
            from ._stores import HashStore

            store, rank, world_size = HashStore(), 0, 1
        else:
            store, rank, world_size = next(
                iter(rendezvous(init_method or "env://", rank, world_size, timeout=timeout))
            )
    if not 0 <= rank < world_size:
        raise ValueError(f"init_process_group: expected a rank from 0 to {world_size - 1}, got {rank}")
    for library in libraries.values():
        if world_size > 1 and not _is_there(library):
            raise RuntimeError(_why_absent(library))
    _world_rank = rank
    _counts["worlds"] += 1
    _counts["groups"] = 0
    name = group_name or f"world{_counts['worlds']}"
    world = ProcessGroup(name, range(world_size), libraries, store, limit)
    _finish(world, device_id)
    group.WORLD = world


def _finish(made: ProcessGroup, device_id: Any) -> None:
    import plait

    if device_id is not None:
        made._bound = (
            plait.device("cuda", device_id) if isinstance(device_id, int) else plait.device(device_id)
        )
        if made._bound.type != "cpu" and made._bound.index is None:
            made._bound = _own_device(made._bound.type)
    # Processes that are missing are found here; a GPU's library connects when it is known which GPU is meant.
    for kind in made._libraries:
        library = made._library_for(kind) if made.size() > 1 else "gloo"
        if _distributed.library_device(library) == "cpu" or made._bound is not None:
            made._connect(plait.device("cpu") if kind == "cpu" else made._bound or plait.device(kind))
    _groups[made.group_name] = made


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Ends a group; without one, all of them."""
    world = globals()["group"]
    if group is not None and group is not world.WORLD:
        if isinstance(group, ProcessGroup):
            _groups.pop(group.group_name, None)
            group._end()
        return
    if world.WORLD is None:
        raise ValueError("destroy_process_group: there is no process group")
    world.WORLD = None
    while _groups:
        _groups.popitem()[1]._end()


def abort_process_group(group: ProcessGroup | None = None) -> None:
    """Ends a group at once: calls that wait, here and on other ranks, raise."""
    for each in [group] if group is not None else list(_groups.values()):
        each.abort()
    destroy_process_group(group)


@atexit.register
def _end_all() -> None:
    # Other ranks hear that this one has left, and no thread is left in a call.
    while _groups:
        _groups.popitem()[1]._end()


def _world() -> ProcessGroup:
    if group.WORLD is None:
        raise ValueError(
            "there is no process group: call plait.distributed.init_process_group() first, or guard the call "
            "with is_initialized()"
        )
    return group.WORLD


_get_default_group = _world


def _member(asked: ProcessGroup | None) -> ProcessGroup | None:
    """The group, the one of all processes for None; None where this process is not in it."""
    if asked is None:
        return _world()
    if asked is group.NON_GROUP_MEMBER:
        import warnings

        warnings.warn("this process is not in the group: the call does nothing", stacklevel=3)
        return None
    return asked


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: Any = None,
    backend: str | None = None,
    pg_options: Any = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: Any = None,
    sort_ranks: bool = True,
) -> Any:
    """A group of some processes (all, for None). All processes of the world call it, in the same order, the
    others get GroupMember.NON_GROUP_MEMBER; with `use_local_synchronization` only its members call it."""
    world = _world()
    members = list(range(world.size()) if ranks is None else ranks)
    if sort_ranks:
        members.sort()
    if len(set(members)) != len(members) or any(not 0 <= r < world.size() for r in members):
        raise ValueError(
            f"new_group: expected different ranks from 0 to {world.size() - 1}, got {list(ranks or ())}"
        )
    if use_local_synchronization:
        name = f"{world.group_name}.of{'-'.join(map(str, members))}"
        _counts[name] = _counts.get(name, 0) + 1
        name += f".{_counts[name]}"
    else:
        _counts["groups"] += 1
        name = f"{world.group_name}.group{_counts['groups']}"
    if _own_rank() not in members:
        return group.NON_GROUP_MEMBER
    libraries = world._libraries if backend is None else _libraries_of(backend)
    made = ProcessGroup(name, members, libraries, world._store.underlying_store, timeout or world._timeout)
    _finish(made, device_id if device_id is not None else world._bound)
    return made


def new_subgroups_by_enumeration(
    ranks_per_subgroup_list: Sequence[Sequence[int]],
    timeout: Any = None,
    backend: str | None = None,
    **kwargs: Any,
) -> tuple[Any, list[Any]]:
    """A group for each list of ranks; returns the one of this process (None, if none), and all."""
    groups, own = [], None
    for ranks in ranks_per_subgroup_list:
        made = new_group(ranks, timeout, backend)
        groups.append(made)
        if _own_rank() in ranks:
            own = made
    return own, groups


def new_subgroups(
    group_size: int | None = None,
    group: Any = None,
    timeout: Any = None,
    backend: str | None = None,
    **kwargs: Any,
) -> tuple[Any, list[Any]]:
    """Groups of `group_size` neighbours each (as many as run on a machine, for None); returns the one of this
    process, and all."""
    size = group_size or int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    total = _world().size()
    if size < 1 or total % size:
        raise ValueError(f"new_subgroups: expected a group_size that divides {total}, got {size}")
    lists = [range(begin, begin + size) for begin in range(0, total, size)]
    return new_subgroups_by_enumeration(lists, timeout, backend)


# ---- who is in a group


def get_rank(group: ProcessGroup | None = None) -> int:
    """The number of this process in the group; -1 where it is not in it."""
    made = _world() if group is None else group
    return made.rank() if isinstance(made, ProcessGroup) else -1


def get_world_size(group: ProcessGroup | None = None) -> int:
    """The number of processes of the group; -1 where this one is not in it."""
    made = _world() if group is None else group
    return made.size() if isinstance(made, ProcessGroup) else -1


def get_backend(group: ProcessGroup | None = None) -> str:
    """The library of the group: for CPUs where it has several."""
    made = _world() if group is None else group
    if not isinstance(made, ProcessGroup):
        raise ValueError("get_backend: this process is not in the group")
    return made._libraries.get("cpu") or next(iter(made._libraries.values()))


def get_backend_config(group: ProcessGroup | None = None) -> str:
    """The libraries of the group, as "cpu:gloo,cuda:nccl"."""
    made = _world() if group is None else group
    return ",".join(f"{device}:{library}" for device, library in made._libraries.items())


def get_pg_count() -> int:
    """The number of groups that this process is in."""
    return len(_groups)


def get_process_group_ranks(group: ProcessGroup | None = None) -> list[int]:
    """The numbers that the processes of a group have among all, in its order."""
    return list((_world() if group is None else group).ranks)


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """The number within the group of the process with a number among all."""
    if global_rank not in group.ranks:
        raise ValueError(f"get_group_rank: rank {global_rank} is not in the group of the ranks {group.ranks}")
    return group.ranks.index(global_rank)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """The number among all of the process with a number within the group."""
    if not 0 <= group_rank < group.size():
        raise ValueError(f"get_global_rank: expected a rank from 0 to {group.size() - 1}, got {group_rank}")
    return group.ranks[group_rank]


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """The number of this process on its machine: LOCAL_RANK, or the fallback, or 0 in a world of one."""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    if group.WORLD is None or group.WORLD.size() == 1:
        return 0
    raise RuntimeError(
        "get_node_local_rank: the environment variable LOCAL_RANK is not set; start the program with python "
        "-m plait.distributed.run, or give fallback_rank"
    )


def _root_of(
    made: ProcessGroup, who: str, number: int | None, in_group: int | None, default: int | None = None
) -> int:
    """The rank within the group that is meant by a number among all, or by one within the group."""
    if number is not None and in_group is not None:
        raise ValueError(f"{who}: expected a rank or a rank within the group, got both")
    if in_group is not None:
        if not 0 <= in_group < made.size():
            raise ValueError(
                f"{who}: expected a rank from 0 to {made.size() - 1} of the group, got {in_group}"
            )
        return in_group
    if number is None:
        if default is None:
            raise ValueError(f"{who}: which rank is meant?")
        return default
    if number not in made.ranks:
        raise ValueError(f"{who}: expected {_short(made.ranks)} of the group, got rank {number}")
    return made.ranks.index(number)


def _short(ranks: list[int]) -> str:
    if ranks == list(range(len(ranks))) and len(ranks) > 2:
        return f"a rank from 0 to {len(ranks) - 1}"
    return "rank " + " or ".join(map(str, ranks))


def _checked_reduction(who: str, op: Any) -> int:
    if not isinstance(op, ReduceOp):
        raise TypeError(f"{who}: expected a ReduceOp such as ReduceOp.SUM, got {op!r}")
    return op.value  # type: ignore[no-any-return]
