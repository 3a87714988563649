"""The types that scripts once imported from here; they are those of `typing`."""

from typing import Any, Dict, List, Optional, Tuple, Union  # noqa: UP035


class _BroadcastingList:
    """A list of some length, or one number for all of it: for annotations."""

    def __getitem__(self, types: Any) -> None:
        return None


BroadcastingList1, BroadcastingList2, BroadcastingList3 = (_BroadcastingList() for _ in range(3))

__all__ = [
    "Any",
    "BroadcastingList1",
    "BroadcastingList2",
    "BroadcastingList3",
    "Dict",
    "List",
    "Optional",
    "Tuple",
    "Union",
]
