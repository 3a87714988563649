"""Print requirements as pyproject.toml lists them: those of the build and of extras.

Usage: requirements.py build test ...
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(names: list[str]) -> list[str]:
    """Return the requirement lines of each name: `build`, or an extra such as `test`."""
    project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    lines: list[str] = []
    for name in names:
        if name != "build" and name not in extras:
            raise SystemExit(f"requirements.py: no extra {name!r}; there are build, {', '.join(extras)}")
        lines += project["build-system"]["requires"] if name == "build" else extras[name]
    return list(dict.fromkeys(lines))


if __name__ == "__main__":
    print("\n".join(requirements(sys.argv[1:])))
