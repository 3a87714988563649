"""Weights by their address, kept in a folder of this machine, and models of a folder with a hubconf.py."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlparse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["download_url_to_file", "get_dir", "list", "load", "load_state_dict_from_url", "set_dir"]

try:  # a bar on stderr where the package is installed
    from tqdm import tqdm
except ImportError:

    class tqdm:  # type: ignore[no-redef]
        """Shows nothing: the package tqdm is not installed."""

        def __init__(self, iterable: Any = None, **options: Any):
            self._iterable, self.n = iterable, 0.0

        def __iter__(self) -> Any:
            return iter(self._iterable)

        def update(self, n: float = 1) -> None:
            """Counts."""
            self.n += n

        def close(self) -> None:
            """Nothing."""

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *error: object) -> None:
            self.close()


HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")
"""The hash in a file's name, as in model-0123abcd.pth."""

_folder: str | None = None


def _get_torch_home() -> str:
    """$PLAIT_HOME, $TORCH_HOME (PyTorch's, whose files are shared), or ~/.cache/torch."""
    home = os.environ.get("PLAIT_HOME") or os.environ.get("TORCH_HOME")
    if home is None:
        home = os.path.join(os.environ.get("XDG_CACHE_HOME", "~/.cache"), "torch")
    return os.path.expanduser(home)


def get_dir() -> str:
    """The folder of what was loaded: that of set_dir, else $PLAIT_HOME/hub, $TORCH_HOME/hub (PyTorch's, whose
    files are shared), else ~/.cache/torch/hub.
    """
    return os.path.join(_get_torch_home(), "hub") if _folder is None else _folder


def set_dir(d: str | os.PathLike) -> None:
    """Sets the folder."""
    global _folder
    _folder = os.path.expanduser(d)


def download_url_to_file(
    url: str, dst: str | os.PathLike, hash_prefix: str | None = None, progress: bool = True
) -> None:
    """Copies what is at an address to the file `dst`, which appears when it is whole; hash_prefix is what its
    SHA-256 should begin with. Raises RuntimeError where it does not.
    """
    import hashlib
    import shutil
    import tempfile
    from urllib.request import Request, urlopen

    target = Path(dst).expanduser()
    handle, part = tempfile.mkstemp(dir=target.parent, prefix=target.name + ".")
    try:
        digest = hashlib.sha256()
        # mkstemp's files are for their owner alone; the whole file should be as any other.
        request = Request(url, headers={"User-Agent": "plait"})
        with os.fdopen(handle, "wb") as file, urlopen(request) as source:
            while block := source.read(1 << 20):
                file.write(block)
                digest.update(block)
        if hash_prefix is not None and not digest.hexdigest().startswith(hash_prefix):
            raise RuntimeError(
                f"download_url_to_file: {url} has SHA-256 {digest.hexdigest()}, expected it to begin with "
                f"{hash_prefix}"
            )
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(part, 0o666 & ~mask)
        shutil.move(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)


def load_state_dict_from_url(
    url: str,
    model_dir: str | os.PathLike | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> dict[str, Any]:
    """plait.load of the file at an address, which is downloaded once, to `model_dir` (get_dir()/checkpoints
    unless given). check_hash: the name has the first digits of the file's SHA-256, as in model-0123abcd.pth.
    """
    from .serialization import load as load_file

    folder = Path(get_dir(), "checkpoints") if model_dir is None else Path(model_dir).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    file = folder / name
    if not file.exists():
        found = HASH_REGEX.search(name) if check_hash else None
        print(f'Downloading: "{url}" to {file}', file=sys.stderr)
        download_url_to_file(url, file, found.group(1) if found else None, progress)
    return load_file(file, map_location=map_location, weights_only=weights_only)


def _entrypoints(repo: str | os.PathLike, source: str, who: str) -> Any:
    if source != "local":
        raise NotImplementedError(
            f"{who}: plait does not download repositories; clone {repo!r} and give its folder with "
            "source='local'"
        )
    import importlib.util

    path = Path(repo, "hubconf.py")
    if not path.exists():
        raise FileNotFoundError(f"{who}: {path} is not there")
    sys.path.insert(0, str(repo))
    try:
        spec = importlib.util.spec_from_file_location("hubconf", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(repo))


def load(
    repo_or_dir: str | os.PathLike, model: str, *args: Any, source: str = "github", **kwargs: Any
) -> Any:
    """What the function `model` of a folder's hubconf.py returns; source must be "local"."""
    for option in ("trust_repo", "force_reload", "verbose", "skip_validation"):
        kwargs.pop(option, None)
    module = _entrypoints(repo_or_dir, source, "hub.load")
    if not callable(getattr(module, model, None)):
        raise RuntimeError(f"hub.load: {repo_or_dir}/hubconf.py has no function {model!r}")
    return getattr(module, model)(*args, **kwargs)


def list(github: str | os.PathLike, source: str = "local", **options: Any) -> Any:
    """The functions of a folder's hubconf.py."""
    module = _entrypoints(github, source, "hub.list")
    return [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]


def help(github: str | os.PathLike, model: str, source: str = "local", **options: Any) -> str | None:
    """The docstring of the function `model` of a folder's hubconf.py."""
    module = _entrypoints(github, source, "hub.help")
    if not callable(getattr(module, model, None)):
        raise RuntimeError(f"hub.help: {github}/hubconf.py has no function {model!r}")
    return getattr(module, model).__doc__
