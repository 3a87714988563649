"""Tables of measurements."""

from __future__ import annotations

from ._measurement import Measurement, select_unit, trim_sigfig, unit_to_english

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_BEST, _GOOD, _BAD, _END = "\033[92m\033[1m", "\033[34m", "\033[2m\033[91m", "\033[0m"


class Compare:
    """A table for each label: a row for each sub_label and number of threads, a column for each description.

    >>> from plait.utils.benchmark import Compare, Timer
    >>> x = plait.ones(16)
    >>> times = [
    ...     Timer(f"x.{op}()", globals={"x": x}, label="16 elements", sub_label=op, description="plait")
    ...     .timeit(10)
    ...     for op in ("exp", "log")
    ... ]
    >>> table = str(Compare(times))
    >>> all(word in table for word in ("16 elements", "exp", "log", "plait", "Times are in"))
    True
    """

    def __init__(self, results: Sequence[Measurement]) -> None:
        self._results: list[Measurement] = []
        self.extend_results(results)
        self._trim = False
        self._colorize = ""
        self._highlight = False

    def extend_results(self, results: Sequence[Measurement]) -> None:
        """Adds measurements."""
        for result in results:
            if not isinstance(result, Measurement):
                raise TypeError(f"Compare: expected Measurements, got {type(result).__name__}")
        self._results.extend(results)

    def trim_significant_figures(self) -> None:
        """Prints as many digits as the spread leaves certain."""
        self._trim = True

    def colorize(self, rowwise: bool = False) -> None:
        """Colours what is best and worst, of each column or of each row."""
        self._colorize = "row" if rowwise else "column"

    def highlight_warnings(self) -> None:
        """Marks measurements that differ much among themselves."""
        self._highlight = True

    def print(self) -> None:
        """Prints the tables."""
        print(self)

    def __str__(self) -> str:
        merged = Measurement.merge(self._results)
        labels: dict[str | None, list[Measurement]] = {}
        for m in merged:
            labels.setdefault(m.label, []).append(m)
        return "\n".join(self._table(label, results) for label, results in labels.items())

    def _table(self, label: str | None, results: list[Measurement]) -> str:
        unit, size = select_unit(min(m.median for m in results))
        columns = list(dict.fromkeys(m.description or "" for m in results))
        envs = list(dict.fromkeys(m.env for m in results))
        cells: dict[tuple[Any, ...], dict[str, Measurement]] = {}
        for m in results:
            row = (m.num_threads, m.as_row_name, m.env)
            cells.setdefault(row, {})[m.description or ""] = m

        def value(m: Measurement | None) -> str:
            if m is None:
                return ""
            time = m.median / size
            if self._trim:
                text = f"{trim_sigfig(time, m.significant_figures):g}"
            else:
                text = f"{time:.1f}"
            if self._highlight and m.has_warnings:
                text += f" (! {100 * m.iqr / m.median:.0f}%)"
            return text

        def colour(m: Measurement | None, rivals: list[float], text: str) -> str:
            if m is None or not self._colorize or len(rivals) < 2:
                return text
            ratio = m.median / min(rivals)
            shade = _BEST if ratio <= 1.01 else _GOOD if ratio <= 1.1 else _BAD if ratio > 2 else ""
            return f"{shade}{text}{_END}" if shade else text

        names = {row: row[1] + (f" ({row[2]})" if len(envs) > 1 else "") for row in cells}
        first = max([len("threads: ") + 4, *(len(name) + 2 for name in names.values())])
        widths = {
            c: max([len(c), *(len(value(of.get(c))) for of in cells.values())]) for c in columns
        }
        title = f" {label or '[Unspecified label]'} "
        length = first + sum(w + 3 for w in widths.values()) + 2
        lines = ["[" + title.center(max(length - 2, len(title)), "-") + "]"]
        lines.append(" " * first + "".join(f" | {c:^{widths[c]}}" for c in columns))
        threads = None
        for row in sorted(cells, key=lambda r: r[0]):
            if row[0] != threads:
                threads = row[0]
                lines.append(f"{threads} threads: ".ljust(length, "-"))
            of = cells[row]
            line = f"  {names[row]}".ljust(first)
            for c in columns:
                if self._colorize == "row":
                    rivals = [m.median for m in of.values()]
                else:
                    rivals = [o[c].median for r, o in cells.items() if c in o and r[0] == row[0]]
                text = f"{value(of.get(c)):>{widths[c]}}"
                line += " | " + colour(of.get(c), rivals, text)
            lines.append(line.rstrip())
        lines.append(f"\nTimes are in {unit_to_english(unit)}s ({unit}).\n")
        return "\n".join(lines)
