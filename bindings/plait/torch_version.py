"""TorchVersion: a version that compares with strings, tuples and `packaging`'s versions, as in PyTorch."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["TorchVersion"]


def _key(version: Any) -> tuple[tuple[int, ...], bool, bool]:
    """The release, without trailing zeros; whether it is final; whether a local label (`+cpu`) follows."""
    text = ".".join(map(str, version)) if isinstance(version, (tuple, list)) else str(version)
    found = re.match(r"v?(\d+(?:\.\d+)*)(.*)", text.strip())
    if found is None:
        raise ValueError(f"TorchVersion: expected a version such as '2.1.0' or (2, 1), got {version!r}")
    release = [int(part) for part in found[1].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), re.match(r"[._-]?(a|b|rc|dev|pre)", found[2]) is None, "+" in found[2]


class TorchVersion(str):
    """A version as a str, ordered by its numbers instead of its letters.

    >>> v = plait.torch_version.TorchVersion("2.13.0+plait")
    >>> v >= (2, 4), v > "2.9", v < "3", v.startswith("2.13")
    (True, True, True, True)
    """

    __slots__ = ()

    @property
    def major(self) -> int:
        """The first number."""
        return int(self.split(".")[0])

    @property
    def minor(self) -> int:
        """The second number."""
        return int(self.split(".")[1])

    @property
    def micro(self) -> int:
        """The third number."""
        return int(re.split(r"\D", self.split(".")[2])[0])

    def _compare(self, other: Any) -> int | None:
        try:
            mine, theirs = _key(self), _key(other)
        except ValueError:
            return None
        return (mine > theirs) - (mine < theirs)

    def __lt__(self, other: Any) -> bool:
        order = self._compare(other)
        return str.__lt__(self, other) if order is None else order < 0

    def __le__(self, other: Any) -> bool:
        order = self._compare(other)
        return str.__le__(self, other) if order is None else order <= 0

    def __gt__(self, other: Any) -> bool:
        order = self._compare(other)
        return str.__gt__(self, other) if order is None else order > 0

    def __ge__(self, other: Any) -> bool:
        order = self._compare(other)
        return str.__ge__(self, other) if order is None else order >= 0

    def __eq__(self, other: Any) -> bool:
        return str.__eq__(self, other) is True or self._compare(other) == 0

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)
