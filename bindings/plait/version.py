"""The version of plait, and of the CUDA toolkit that its GPU library is built with."""

from __future__ import annotations

from . import _C

__all__ = ["__version__", "cuda", "hip"]

__version__: str = _C.__version__
hip: str | None = None
xpu: str | None = None
debug = False
git_version: str | None = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    cuda: str | None


def __getattr__(name: str) -> str | None:
    if name == "cuda":
        # None where there is no GPU: what PyTorch's CPU build says. Asked for late: it loads the library.
        from . import cuda as gpu

        if not gpu.is_available():
            return None
        runtime = _C._cuda.versions()[1]  # 13000: 13.0
        return f"{runtime // 1000}.{runtime % 1000 // 10}"
    raise AttributeError(f"plait.version has no '{name}'; it has {', '.join(__all__)}")
