"""Facts about the machine that a figure means nothing without."""

import os
import platform
import re
from pathlib import Path
from typing import Any

ISA = (
    "sse4_2", "avx", "avx2", "fma", "f16c",
    "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
)


def facts() -> dict[str, Any]:
    """Processor, its instruction sets, cores, memory, load, system."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    flags = set(field(info, "flags").split())
    memory = Path("/proc/meminfo").read_text() if Path("/proc/meminfo").exists() else ""
    return {
        "cpu": field(info, "model name") or platform.processor() or platform.machine(),
        "isa": [name for name in ISA if name in flags],
        "cores": cores(),
        "memory_gib": round(int(field(memory, "MemTotal").split()[0]) / 2**20) if memory else None,
        "load": round(os.getloadavg()[0], 2),
        "system": platform.platform(),
    }


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def field(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def slug(cpu: str) -> str:
    """A processor's name fit for a file name."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", cpu.lower())).strip("-")[:40]
