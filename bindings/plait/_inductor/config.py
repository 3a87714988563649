"""What is set here is remembered, and changes nothing: plait does not compile."""

from __future__ import annotations

from types import SimpleNamespace

coordinate_descent_tuning = False
fallback_random = False
triton = SimpleNamespace(cudagraphs=False, unique_kernel_names=False)
