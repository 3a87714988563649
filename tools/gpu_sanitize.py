"""Runs the tests' samples of every op on the GPU, for compute-sanitizer.

    gpu_sanitize.py SECONDS [SEED [FIRST]]

Each op's first samples, forward and backward, in an order that the seed decides, until the time is used up.
The values are the tests' affair; here only the kernels' accesses count. Prints the number and name of each
op before it, so that a run that dies can be taken up behind it, and at the end how much was run.
"""

from __future__ import annotations

import faulthandler
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "python"))

SAMPLES = 2


def once(plait: Any, bridge: Any, info: Any, sample: Any) -> None:
    """One call on the device and, where there is one, its derivative."""
    args, kwargs = bridge.arguments(sample, requires_grad=info.grad and sample.grad)
    results = bridge.tensors(info.run(plait, *args, **kwargs))
    for result in results:
        if result.requires_grad and result.grad_fn is not None and result.is_floating_point():
            result.sum().backward(retain_graph=True)
    plait.cuda.synchronize()


def main() -> int:
    """Run until the time is up."""
    faulthandler.enable()
    os.environ.setdefault("PLAIT_NO_CUDA_MEMORY_CACHING", "1")  # the ends of tensors are the ends of blocks
    import plait
    from opinfo import OPS  # type: ignore[import-not-found]
    from opinfo.bridge import Bridge  # type: ignore[import-not-found]

    seconds, seed, first, *_ = [*map(int, sys.argv[1:]), 0, 0]
    if not plait.cuda.is_available():
        print(f"gpu_sanitize: no CUDA device: {getattr(plait.cuda, 'why_unavailable', lambda: 'none')()}")
        return 2
    deadline = time.monotonic() + seconds
    infos = [info for _, info in sorted(OPS.items())]
    random.Random(seed).shuffle(infos)
    bridge = Bridge(plait, "cuda")
    plait.set_default_device("cuda")
    ran, refused, left = 0, 0, 0
    for i, info in enumerate(infos[first:], first):
        if time.monotonic() > deadline:
            left += 1
            continue
        print(f"op {i} {info.name}", flush=True)
        dtype = next(
            (d for d in ("float32", "int64", "complex64", "bool") if d in info.dtypes), info.dtypes[0]
        )
        try:
            for sample in info.make_samples(dtype)[:SAMPLES]:
                once(plait, bridge, info, sample)
            ran += 1
        except Exception:  # what an op refuses, or lacks, is seen by the tests
            refused += 1
    print(f"gpu_sanitize: {ran} ops ran, {refused} raised, {left} were not reached")
    return 0


if __name__ == "__main__":
    sys.exit(main())
