"""FlopCounterMode: the operations that a block of code takes, by the profiler's formulas."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

__all__ = ["FlopCounterMode"]


class FlopCounterMode:
    """Counts the floating point operations within a block: of matrix products and convolutions, a
    multiplication and an addition each. Counts of a former block are forgotten where a new one begins.

    `display` prints the table at the end. Counts are by op, for the whole block: `mods` and `depth`, which
    are of parts of a module in PyTorch, are taken and change nothing; `custom_mapping` raises
    NotImplementedError.

    >>> with plait.utils.flop_counter.FlopCounterMode(display=False) as counter:
    ...     y = plait.ones(2, 3) @ plait.ones(3, 4)
    >>> counter.get_total_flops(), counter.get_flop_counts()
    (48, {'Global': {'matmul': 48}})
    """

    def __init__(
        self, mods: Any = None, depth: int = 2, display: bool = True, custom_mapping: dict | None = None
    ):
        if custom_mapping:
            raise NotImplementedError("FlopCounterMode: custom_mapping is not there; count these ops apart")
        self.display = display
        self._counts: dict[str, int] = {}
        self._profile: Any = None

    def __enter__(self) -> Self:
        from ..profiler import profile

        self._counts = {}
        self._profile = profile(with_flops=True)
        self._profile.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._profile.__exit__(*error)
        for event in self._profile.key_averages():
            if event.flops:
                self._counts[event.key] = self._counts.get(event.key, 0) + int(event.flops)
        self._profile = None
        if self.display and error[0] is None:
            print(self.get_table())

    def get_total_flops(self) -> int:
        """All operations."""
        return sum(self._counts.values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Operations by op, under "Global"."""
        return {"Global": dict(self._counts)}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as a text, one op a line."""
        total = self.get_total_flops()
        lines = [f"{name:24} {count:>16,}" for name, count in (*self._counts.items(), ("total", total))]
        return "\n".join(lines)
