"""What registering a hook returns."""

from __future__ import annotations


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
