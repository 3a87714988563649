"""Stores: bytes by key, that all processes of a job see. Through them they find each other.

>>> store = HashStore()
>>> store.set("key", "value")
>>> store.get("key")
b'value'
>>> store.add("count", 2), store.add("count", 3)
(2, 5)
"""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

__all__ = ["DistStoreError", "FileStore", "HashStore", "PrefixStore", "Store"]

DEFAULT_TIMEOUT = timedelta(minutes=5)


class DistError(RuntimeError):
    """Something went wrong between processes."""

    __module__ = "plait.distributed"


class DistNetworkError(DistError):
    """Another process cannot be reached."""

    __module__ = "plait.distributed"


class DistStoreError(DistError):
    """A store has no answer in time."""

    __module__ = "plait.distributed"


def to_bytes(value: Any) -> bytes:
    """Text as bytes; bytes as they are."""
    return value.encode() if isinstance(value, str) else bytes(value)


def to_timedelta(timeout: Any) -> timedelta:
    """Seconds, or a timedelta."""
    return timeout if isinstance(timeout, timedelta) else timedelta(seconds=float(timeout))


class Store:
    """What all stores can do: to get, to set and to compare in one step. The rest follows from these."""

    timeout = DEFAULT_TIMEOUT
    """How long `get` and `wait` wait for a key."""

    # What a kind of store has to define.
    def _change(self, key: str, new: Callable[[bytes | None], bytes | None]) -> bytes | None:
        """Replaces the value of a key in one step: None stands for none, before and after. Returns
        `new`'s."""
        raise NotImplementedError

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        raise NotImplementedError

    def _await(self, keys: Sequence[str], timeout: timedelta) -> list[bytes]:
        """The values of all keys, when they are there."""
        end = time.monotonic() + timeout.total_seconds()
        pause = 0.001
        while True:
            values = self._values(keys)
            if None not in values:
                return values  # type: ignore[return-value]
            if time.monotonic() > end:
                raise self._late([k for k, v in zip(keys, values) if v is None], timeout)
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def _late(self, keys: Sequence[str], timeout: timedelta) -> DistStoreError:
        return DistStoreError(
            f"{type(self).__name__}: nobody set {', '.join(map(repr, keys))} within "
            f"{timeout.total_seconds():g} s; "
            "are all processes running?"
        )

    def num_keys(self) -> int:
        """The number of keys."""
        raise NotImplementedError

    def set(self, key: str, value: str | bytes) -> None:
        """Sets the value of a key."""
        data = to_bytes(value)
        self._change(key, lambda old: data)

    def get(self, key: str) -> bytes:
        """The value of a key; waits until it is there."""
        return self._await([key], self.timeout)[0]

    def add(self, key: str, amount: int) -> int:
        """Adds to the number of a key, 0 at first; returns the sum."""
        return int(self._change(key, lambda old: str(int(old or b"0") + amount).encode()) or b"0")

    def append(self, key: str, value: str | bytes) -> None:
        """Appends to the value of a key."""
        data = to_bytes(value)
        self._change(key, lambda old: (old or b"") + data)

    def compare_set(self, key: str, expected_value: str | bytes, desired_value: str | bytes) -> bytes:
        """Sets a key that has the expected value, or has none where "" is expected; returns the value that is
        there then, or the expected one where there is none."""
        expected, desired = to_bytes(expected_value), to_bytes(desired_value)

        def new(old: bytes | None) -> bytes | None:
            return desired if old == expected or (old is None and not expected) else old

        now = self._change(key, new)
        return expected if now is None else now

    def delete_key(self, key: str) -> bool:
        """Deletes a key; was it there?"""
        found = []
        self._change(key, lambda old: found.append(old))  # type: ignore[func-returns-value]
        return found[-1] is not None

    def check(self, keys: Sequence[str]) -> bool:
        """Are all keys there?"""
        return None not in self._values(list(keys))

    def wait(self, keys: Sequence[str], timeout: Any = None) -> None:
        """Waits until all keys are there."""
        self._await(list(keys), self.timeout if timeout is None else to_timedelta(timeout))

    def multi_get(self, keys: Sequence[str]) -> list[bytes]:
        """The values of keys; waits until they are there."""
        return self._await(list(keys), self.timeout)

    def multi_set(self, keys: Sequence[str], values: Iterable[str | bytes]) -> None:
        """Sets the values of keys."""
        for key, value in zip(keys, values):
            self.set(key, value)

    def set_timeout(self, timeout: Any) -> None:
        """How long `get` and `wait` wait."""
        self.timeout = to_timedelta(timeout)

    def has_extended_api(self) -> bool:
        """True: append, multi_get and multi_set are there."""
        return True


class HashStore(Store):
    """A store for the threads of one process."""

    def __init__(self) -> None:
        self._data: dict[str, bytes] = {}
        self._changed = threading.Condition()

    def _change(self, key: str, new: Callable[[bytes | None], bytes | None]) -> bytes | None:
        with self._changed:
            value = new(self._data.get(key))
            if value is None:
                self._data.pop(key, None)
            else:
                self._data[key] = value
            self._changed.notify_all()
            return value

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        with self._changed:
            return [self._data.get(key) for key in keys]

    def _await(self, keys: Sequence[str], timeout: timedelta) -> list[bytes]:
        with self._changed:
            if not self._changed.wait_for(
                lambda: all(k in self._data for k in keys), timeout.total_seconds()
            ):
                raise self._late([k for k in keys if k not in self._data], timeout)
            return [self._data[key] for key in keys]

    def num_keys(self) -> int:
        """The number of keys."""
        return len(self._data)


class FileStore(Store):
    """A store in a file that all processes can open, of one machine or on a file system that they share and
    that has locks. Changes are appended to it: the file is to be removed after the job."""

    def __init__(self, file_name: str, world_size: int = -1):
        self.path, self.world_size = os.fspath(file_name), world_size
        self._data: dict[str, bytes] = {}
        self._at = 0
        self._lock = threading.Lock()
        with open(self.path, "ab"):
            pass

    def _catch_up(self, file: Any) -> None:
        file.seek(self._at)
        data = file.read()
        at = 0
        while len(data) - at >= 16:
            key_size, size = (
                int.from_bytes(data[at : at + 8], "little"),
                int.from_bytes(data[at + 8 : at + 16], "little", signed=True),
            )
            end = at + 16 + key_size + max(size, 0)
            if end > len(data):
                break
            key = data[at + 16 : at + 16 + key_size].decode()
            if size < 0:
                self._data.pop(key, None)
            else:
                self._data[key] = data[at + 16 + key_size : end]
            at = end
        self._at += at

    def _change(self, key: str, new: Callable[[bytes | None], bytes | None]) -> bytes | None:
        import fcntl

        with self._lock, open(self.path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            value = new(self._data.get(key))
            name = key.encode()
            size = -1 if value is None else len(value)
            file.seek(self._at)
            file.write(
                len(name).to_bytes(8, "little")
                + size.to_bytes(8, "little", signed=True)
                + name
                + (value or b"")
            )
            file.flush()
            self._catch_up(file)
            return value

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        import fcntl

        with self._lock, open(self.path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            self._catch_up(file)
            return [self._data.get(key) for key in keys]

    def num_keys(self) -> int:
        """The number of keys."""
        self._values([])
        return len(self._data)


class PrefixStore(Store):
    """A part of another store: keys get a prefix there."""

    def __init__(self, prefix: str, store: Store):
        self.prefix, self.underlying_store = prefix, store
        self.timeout = store.timeout

    def _name(self, key: str) -> str:
        return f"{self.prefix}/{key}"

    def _change(self, key: str, new: Callable[[bytes | None], bytes | None]) -> bytes | None:
        return self.underlying_store._change(self._name(key), new)

    def _values(self, keys: Sequence[str]) -> list[bytes | None]:
        return self.underlying_store._values([self._name(k) for k in keys])

    def _await(self, keys: Sequence[str], timeout: timedelta) -> list[bytes]:
        return self.underlying_store._await([self._name(k) for k in keys], timeout)

    def num_keys(self) -> int:
        """The number of keys of the other store."""
        return self.underlying_store.num_keys()
