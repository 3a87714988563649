"""What was compared, what differed, and which differences are known."""

from __future__ import annotations

import collections
import re
from typing import Any

from .known import KNOWN


class Report:
    """Counts the cases of one database, and prints each difference that the table of known ones lacks, once for each op."""

    def __init__(self, database: str, *, everything: bool = False):
        self.database = database
        self.everything = everything  # print known differences too
        self.counts: collections.Counter[str] = collections.Counter()
        self.seen: set[tuple[str, str]] = set()
        self.patterns = [tuple(map(re.compile, entry[:3])) for entry in KNOWN.get(database, [])]
        self.used: set[int] = set()  # entries of the table that were met

    def same(self) -> None:
        self.counts["same"] += 1

    def skipped(self) -> None:
        self.counts["skipped"] += 1

    def differs(self, name: str, text: str, case: str = "") -> None:
        """`text` says how the result for `case` of `name` differs."""
        text = " ".join(text.split())
        dtype = case.removeprefix("torch.").split(" ")[0] if case.startswith("torch.") else ""
        met = [
            i
            for i, (names, found, dtypes) in enumerate(self.patterns)
            if names.fullmatch(name) and found.search(text) and (not dtypes.pattern or dtypes.fullmatch(dtype))
        ]
        self.used.update(met)
        known = bool(met)
        self.counts["known" if known else "differ"] += 1
        key = (name, re.sub(r"[-+\d.e]+", "#", text)[:90])
        if key in self.seen or (known and not self.everything):
            return
        self.seen.add(key)
        print(f"{self.database} {name}{' (known)' if known else ''}: {text[:330]}\n      {case[:250]}", flush=True)

    def check(self, name: str, found: str | None, case: str = "") -> bool:
        """Counts a comparison; `found` is a difference or None."""
        if found is None:
            self.same()
        else:
            self.differs(name, found, case)
        return found is None

    def unmet(self) -> list[str]:
        """The entries of the table that no difference of this run was known by."""
        return [f"{self.database}: {' | '.join(p.pattern for p in entry)}" for i, entry in enumerate(self.patterns) if i not in self.used]

    def summary(self) -> str:
        c: Any = self.counts
        cases = sum(c.values()) - c["skipped"]
        return f"{self.database}: {cases} cases, {c['same']} same, {c['known']} known differences, {c['differ']} differ ({c['skipped']} skipped)"
