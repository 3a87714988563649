"""How processes find each other: an address becomes a store, a rank and the number of processes.

env://                   MASTER_ADDR, MASTER_PORT, RANK and WORLD_SIZE, as a launcher sets them
tcp://host:port          that machine and port; rank and world size as arguments, or ?rank=0&world_size=2
file:///path             a file that all processes can open, and that is not there before
"""

from __future__ import annotations

import os
import socket
from datetime import timedelta

from ._stores import DEFAULT_TIMEOUT, FileStore, PrefixStore, Store
from ._tcp_store import TCPStore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

__all__ = ["hosts_of", "register_rendezvous_handler", "rendezvous"]

_handlers: dict[str, Callable[..., Iterator[tuple[Store, int, int]]]] = {}

# One server for a port, as long as the process lives: a group that is made anew, after destroy_process_group,
# meets the others in the store of the first.
_stores: dict[tuple[str, int, bool], TCPStore] = {}


def register_rendezvous_handler(
    scheme: str, handler: Callable[..., Iterator[tuple[Store, int, int]]]
) -> None:
    """Makes `handler(url, timeout=...)` the generator for addresses `scheme://`: it yields a store, the rank
    and
    the number of processes."""
    if scheme in _handlers:
        raise RuntimeError(f"register_rendezvous_handler: there is a handler for {scheme}:// already")
    _handlers[scheme] = handler


def rendezvous(
    url: str, rank: int = -1, world_size: int = -1, timeout: timedelta | None = None, **kwargs: Any
) -> Iterator[tuple[Store, int, int]]:
    """Yields the store of an address, the rank and the number of processes."""
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    rank = rank if rank >= 0 else int(query.get("rank", -1))
    world_size = world_size if world_size > 0 else int(query.get("world_size", -1))
    timeout = timeout or DEFAULT_TIMEOUT
    if parts.scheme == "env":
        yield _from_environment(rank, world_size, timeout)
    elif parts.scheme == "tcp":
        if not parts.hostname or not parts.port:
            raise ValueError(f"init_process_group: expected tcp://host:port, got {url}")
        _want(rank, world_size, url)
        yield _tcp_store(parts.hostname, parts.port, rank, rank == 0, timeout), rank, world_size
    elif parts.scheme == "file":
        _want(rank, world_size, url)
        store = FileStore(parts.path, world_size)
        store.set_timeout(timeout)
        yield store, rank, world_size
    elif parts.scheme in _handlers:
        yield from _handlers[parts.scheme](url, timeout=timeout, **kwargs)
    else:
        raise RuntimeError(
            f"init_process_group: expected an init_method env://, tcp://host:port or file:///path, got "
            f"{url!r}"
        )


def _want(rank: int, world_size: int, url: str) -> None:
    if rank < 0 or world_size < 1:
        raise ValueError(
            f"init_process_group: {url} wants rank and world_size, as arguments or as ?rank=0&world_size=2; "
            f"got rank={rank} and world_size={world_size}"
        )


def _from_environment(rank: int, world_size: int, timeout: timedelta) -> tuple[Store, int, int]:
    def number(name: str, given: int, least: int) -> int:
        if given >= least:
            return given
        text = os.environ.get(name)
        if text is None:
            raise ValueError(
                f"init_process_group: the environment variable {name} is not set; start the program with "
                "python -m plait.distributed.run, or set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT"
            )
        return int(text)

    rank = number("RANK", rank, 0)
    world_size = number("WORLD_SIZE", world_size, 1)
    if world_size == 1 and "MASTER_ADDR" not in os.environ and "MASTER_PORT" not in os.environ:
        from ._stores import HashStore

        return HashStore(), rank, 1
    host = os.environ.get("MASTER_ADDR", "localhost")
    port = number("MASTER_PORT", -1, 0)
    # The launcher keeps the store, which so outlives a process that is started again.
    of_launcher = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = _tcp_store(host, port, rank, rank == 0 and not of_launcher, timeout)
    if of_launcher:
        start = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")
        return PrefixStore(f"start{start}", store), rank, world_size
    return store, rank, world_size


def _tcp_store(host: str, port: int, rank: int, is_master: bool, timeout: timedelta) -> TCPStore:
    key = (host, port, is_master)
    if key not in _stores:
        _stores[key] = TCPStore(host, port, is_master=is_master, timeout=timeout)
    store = _stores[key]
    store.set_timeout(timeout)
    return store


def hosts_of(store: Any) -> str:
    """Where other processes may reach this one, best first."""
    named = os.environ.get("PLAIT_DISTRIBUTED_ADDRESS")
    if named:
        return named
    while isinstance(store, PrefixStore):
        store = store.underlying_store
    hosts = []
    if isinstance(store, TCPStore):
        # Who serves the store is reached where the others reach that.
        hosts.append(_resolved(store.host) or store.host if store.is_server() else store.local_address())
        if _is_local(hosts[0]) and _is_local(_resolved(store.host)):
            return hosts[0]  # the whole job is on this machine
    else:
        hosts.append("127.0.0.1")
    own = _resolved(socket.gethostname())
    if own and own not in hosts:
        hosts.append(own)
    return ",".join(hosts)


def _is_local(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _resolved(host: str) -> str:
    try:
        return socket.gethostbyname(host)
    except OSError:
        return ""
