"""What registering a hook returns."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    F = TypeVar("F", bound=Callable)


def unserializable_hook(f: F) -> F:
    """Marks a hook as one that need not be saved with its tensor: none is."""
    f.__torch_unserializable__ = True  # type: ignore[attr-defined]
    return f


class RemovableHandle:
    """Removes one hook from the tables it was put in; also a context manager that does so at the end."""

    __slots__ = ("_tables", "id")
    _next_id = 0

    def __init__(self, *tables: dict):
        self._tables = tables
        self.id = RemovableHandle._next_id
        RemovableHandle._next_id += 1

    def remove(self) -> None:
        """Takes the hook out; a second call does nothing."""
        for table in self._tables:
            table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.remove()
