"""Switches that are set for the length of a `with`."""

from __future__ import annotations

import contextlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


@contextlib.contextmanager
def changed(switches: dict[str, Any], **values: Any) -> Iterator[None]:
    """Sets names of a module, and sets them back at the end."""
    before = {name: switches[name] for name in values}
    switches.update(values)
    try:
        yield
    finally:
        switches.update(before)
