"""A store that one process serves to all others over TCP.

Note [Changes over TCP]
    The server knows four requests: the values of keys now, the values of keys once all are there, the number
    of
    keys, and "make the value of this key so, if it still is what I saw". Every change is made of the last
    one:
    a client that came too late is told the value that is there, and tries again with it.
"""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from datetime import timedelta

from ._stores import DEFAULT_TIMEOUT, DistNetworkError, Store, to_timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["TCPStore"]

_HELLO = b"plait store 1\n"
_NONE = 0xFFFFFFFF
# Requests.
_VALUES, _AWAIT, _COUNT, _SWAP = range(4)
# What a message may hold: a store is for addresses and counters. More is a mistake, or not from plait.
_LONGEST = 1 << 28


class _Unsound(Exception):
    """What has come is no message."""


def _pack(parts: Sequence[bytes | None]) -> bytes:
    body = b"".join(struct.pack("<I", _NONE if p is None else len(p)) + (p or b"") for p in parts)
    return struct.pack("<II", len(body), len(parts)) + body


def _unpack_head(head: bytes | bytearray) -> tuple[int, int]:
    size, count = struct.unpack_from("<II", head)
    if size > _LONGEST or 4 * count > size:
        raise _Unsound
    return size, count


def _unpack(body: bytes, count: int) -> list[bytes | None]:
    parts: list[bytes | None] = []
    at = 0
    for _ in range(count):
        if at + 4 > len(body):
            raise _Unsound
        (size,) = struct.unpack_from("<I", body, at)
        at += 4
        if size == _NONE:
            parts.append(None)
        elif at + size > len(body):
            raise _Unsound
        else:
            parts.append(body[at : at + size])
            at += size
    if at != len(body):
        raise _Unsound
    return parts


# How long a server that is busy may take, however soon a key is wanted.
_ANSWER_TIMEOUT = timedelta(seconds=30)


# How often something else than a store may answer: a server that is just ending does so once or twice.
_STRANGERS = 8
_SILENCE = 15.0  # seconds that something may take that takes connections, and says nothing


class _Late(Exception):
    """There was no answer in time."""


class _Client:
    """What the server knows of a connection."""

    def __init__(self, connection: socket.socket):
        self.connection, self.came, self.leaves = connection, bytearray(), bytearray()
        self.greeted = False
        self.awaits: list[bytes] | None = None


class _Server:
    """Serves a store on a thread."""

    def __init__(self, host: str, port: int, listen_fd: int | None):
        self._data: dict[bytes, bytes] = {}
        self._listener = socket.socket(fileno=listen_fd) if listen_fd is not None else _listen(host, port)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._waker, wakes = socket.socketpair()
        self._selector.register(wakes, selectors.EVENT_READ)
        self._wakes = wakes
        self._clients: set[_Client] = set()
        self._thread = threading.Thread(target=self._serve, name="plait store", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._waker.close()
        self._thread.join()

    def _serve(self) -> None:
        try:
            while True:
                for key, events in self._selector.select():
                    if key.fileobj is self._wakes:
                        return
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.data in self._clients:
                        self._attend(key.data, events)
        finally:
            for client in list(self._clients):
                self._drop(client)
            self._listener.close()
            self._wakes.close()
            self._selector.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = _Client(connection)
        self._clients.add(client)
        self._selector.register(connection, selectors.EVENT_READ, client)

    def _drop(self, client: _Client) -> None:
        self._clients.discard(client)
        self._selector.unregister(client.connection)
        client.connection.close()

    def _attend(self, client: _Client, events: int) -> None:
        try:
            if events & selectors.EVENT_READ:
                data = client.connection.recv(1 << 16)
                if not data:
                    self._drop(client)
                    return
                client.came += data
                if not self._read(client):
                    self._drop(client)
                    return
            self._flush(client)
        except BlockingIOError:
            pass
        except (OSError, _Unsound):
            if client in self._clients:
                self._drop(client)

    def _flush(self, client: _Client) -> None:
        if client.leaves:
            try:
                del client.leaves[: client.connection.send(client.leaves)]
            except BlockingIOError:
                pass
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.leaves else 0)
        self._selector.modify(client.connection, events, client)

    def _read(self, client: _Client) -> bool:
        """Answers the requests that have come; False for a stranger."""
        came = client.came
        if not client.greeted:
            if not _HELLO.startswith(came[: len(_HELLO)]):
                return False
            if len(came) < len(_HELLO):
                return True
            del came[: len(_HELLO)]
            client.greeted = True
            client.leaves += _HELLO
        while len(came) >= 8:
            size, count = _unpack_head(came)
            if len(came) < 8 + size:
                break
            parts = _unpack(bytes(came[8 : 8 + size]), count)
            del came[: 8 + size]
            self._answer(client, parts)
        return True

    def _answer(self, client: _Client, parts: list[Any]) -> None:
        if not parts or not parts[0]:
            raise _Unsound
        request, rest = parts[0][0], parts[1:]
        if None in rest if request != _SWAP else len(rest) != 3 or rest[0] is None:
            raise _Unsound
        if request == _VALUES:
            client.leaves += _pack([self._data.get(k) for k in rest])
        elif request == _AWAIT:
            client.awaits = rest
            self._serve_waiting(client)
        elif request == _COUNT:
            client.leaves += _pack([str(len(self._data)).encode()])
        elif request == _SWAP:
            key, old, new = rest
            if self._data.get(key) != old:
                client.leaves += _pack([b"no", self._data.get(key)])
                return
            if new is None:
                self._data.pop(key, None)
            else:
                self._data[key] = new
            client.leaves += _pack([b"yes", new])
            for other in list(self._clients):
                if other.awaits is not None and key in other.awaits:
                    self._serve_waiting(other)
                    try:
                        self._flush(other)
                    except OSError:
                        self._drop(other)
        else:
            raise _Unsound

    def _serve_waiting(self, client: _Client) -> None:
        assert client.awaits is not None
        values = [self._data.get(k) for k in client.awaits]
        if None not in values:
            client.leaves += _pack(values)
            client.awaits = None


def _listen(host: str, port: int) -> socket.socket:
    """On all interfaces; on this machine's own where nobody else is to come."""
    local = host in ("localhost", "127.0.0.1", "::1")
    try:
        if not local and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
        return socket.create_server(("127.0.0.1" if local else "", port), backlog=512)
    except OSError as error:
        raise DistNetworkError(
            f"TCPStore: cannot listen on port {port}: {error.strerror}; does another job use it? Set "
            "MASTER_PORT to a free one"
        ) from None


class TCPStore(Store):
    """A store that the process with `is_master` serves; port 0 there is one that the system chooses
    (`.port`).

    With `world_size`, all that many processes are waited for, unless `wait_for_workers` is False.

    >>> store = TCPStore("localhost", 0, is_master=True)
    >>> other = TCPStore("localhost", store.port)
    >>> other.set("key", "value")
    >>> store.get("key")
    b'value'
    """

    def __init__(
        self,
        host_name: str,
        port: int = 0,
        world_size: int | None = None,
        is_master: bool = False,
        timeout: Any = DEFAULT_TIMEOUT,
        wait_for_workers: bool = True,
        multi_tenant: bool = False,
        master_listen_fd: int | None = None,
        use_libuv: bool = True,
    ):
        self.timeout = to_timedelta(timeout)
        self.host = host_name
        self._server = _Server(host_name, port, master_listen_fd) if is_master else None
        self.port = self._server.port if self._server else port
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        with self._lock:
            self._connect(self.timeout)
        if world_size is not None and world_size > 0 and wait_for_workers:
            if self.add("_workers", 1) >= world_size:
                self.set("_all_workers", "1")
            self.wait(["_all_workers"])

    def is_server(self) -> bool:
        """Does this process serve the store?"""
        return self._server is not None

    def local_address(self) -> str:
        """This process's address, as the server sees it."""
        assert self._connection is not None
        address = str(self._connection.getsockname()[0])
        return address.removeprefix("::ffff:")

    def close(self) -> None:
        """Ends the connection, and the server."""
        with self._lock:
            if self._connection:
                self._connection.close()
                self._connection = None
        if self._server:
            self._server.close()
            self._server = None

    def _connect(self, timeout: timedelta) -> None:
        begin = time.monotonic()
        end = begin + timeout.total_seconds()
        host = "localhost" if self._server else self.host
        pause, strangers = 0.02, 0
        while True:
            left = max(0.1, end - time.monotonic())
            try:
                connection = socket.create_connection((host, self.port), timeout=left)
            except OSError as error:
                why = error.strerror or str(error) or "nobody answers"
            else:
                if self._greet(connection, min(10.0, left)):
                    self._connection = connection
                    return
                connection.close()
                strangers += 1
                why = (
                    "what answers there is no store of plait's; was the program started by another launcher "
                    "than python -m plait.distributed.run?"
                )
            silent = strangers > 1 and time.monotonic() - begin > _SILENCE
            if time.monotonic() + pause > end or strangers > _STRANGERS or silent:
                raise DistNetworkError(
                    f"TCPStore: no connection to {self.host} port {self.port} after "
                    f"{time.monotonic() - begin:.1f} s: "
                    f"{why}" + ("" if strangers else "; is the process of rank 0 running, on that address?")
                )
            time.sleep(pause)
            pause = min(1.5 * pause, 0.5)

    def _greet(self, connection: socket.socket, timeout: float) -> bool:
        """Is it a store of plait's?"""
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(timeout)
            connection.sendall(_HELLO)
            return _receive(connection, len(_HELLO)) == _HELLO
        except OSError:
            return False

    def _ask_now(self, parts: Sequence[bytes | None]) -> list[bytes | None]:
        """What the server answers at once."""
        try:
            return self._ask(parts, max(self.timeout, _ANSWER_TIMEOUT))
        except _Late:
            raise DistNetworkError(
                f"TCPStore: {self.host} port {self.port} does not answer; does the process of rank 0, or the "
                "launcher, hang?"
            ) from None

    def _ask(self, parts: Sequence[bytes | None], timeout: timedelta) -> list[bytes | None]:
        message = _pack(parts)
        if len(message) > _LONGEST:
            raise ValueError(
                f"TCPStore: expected keys and values of at most {_LONGEST} bytes together, got "
                f"{len(message)}; send a tensor instead"
            )
        with self._lock:
            if self._connection is None:
                self._connect(timeout)
            connection = self._connection
            assert connection is not None
            try:
                connection.settimeout(max(timeout.total_seconds(), 0.001))
                connection.sendall(message)
                size, count = _unpack_head(_receive(connection, 8))
                return _unpack(_receive(connection, size), count)
            except BaseException as error:  # an answer may come yet, which would be taken for the next one's
                connection.close()
                self._connection = None
                if isinstance(error, TimeoutError):
                    raise _Late from None
                if isinstance(error, _Unsound):
                    raise DistNetworkError(
                        f"TCPStore: what {self.host} port {self.port} answers is no message of a store"
                    ) from None
                if isinstance(error, OSError):
                    raise DistNetworkError(
                        f"TCPStore: the connection to {self.host} port {self.port} has ended; has the "
                        "process of rank 0, or the launcher, ended?"
                    ) from None
                raise

    def _change(self, key: str, new: Callable[[bytes | None], bytes | None]) -> bytes | None:
        name = key.encode()
        old: bytes | None = None
        while True:  # Note [Changes over TCP]
            wanted = new(old)
            done, value = self._ask_now([bytes([_SWAP]), name, old, wanted])
            if done == b"yes":
                return value
            old = value

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        return self._ask_now([bytes([_VALUES]), *(k.encode() for k in keys)])

    def _await(self, keys: Sequence[str], timeout: timedelta) -> list[bytes]:
        try:
            return self._ask([bytes([_AWAIT]), *(k.encode() for k in keys)], timeout)  # type: ignore[return-value]
        except _Late:
            missing = [k for k, v in zip(keys, self._values(keys)) if v is None]
            raise self._late(missing, timeout) from None

    def num_keys(self) -> int:
        """The number of keys."""
        return int(self._ask_now([bytes([_COUNT])])[0] or b"0")


def _receive(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = connection.recv(min(size - len(data), 1 << 20))
        if not part:
            raise ConnectionError("the connection has ended")
        data += part
    return bytes(data)
