"""Runs programs written for PyTorch: `import torch` there gives plait.

    python -m plait.as_torch train.py --epochs 3     # like `python train.py --epochs 3`
    python -m plait.as_torch -m package.module       # like `python -m package.module`

or, as the first lines of a program,

    import plait.as_torch
    plait.as_torch.install()
    import torch  # plait

Note [What torch is]
    `torch.nn` is `plait.nn`, the same module object, and so is every sub-module: a class that a library
    checks for is the class that a program uses. Two modules stand beside plait's own and pass everything
    on to them: `torch` and `torch.version`, because their `__version__` names the release of PyTorch whose
    interface plait follows (`API_VERSION`), which is what programs compare; `plait.__version__` is plait's.
    A sub-module that plait lacks raises ModuleNotFoundError, but for those whose names libraries import only
    to ask whether they are in use (`_ABSENT`): their classes are there, and raise when they are called.
Note [Beside PyTorch]
    The two cannot be `torch` in one process. Where PyTorch has been imported already, `install` raises;
    where it is installed but not imported, plait takes its place in this process, and a warning says so.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import plait

from .torch_version import TorchVersion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, NoReturn

__all__ = ["API_VERSION", "install", "is_installed", "main", "uninstall"]

API_VERSION = "2.13.0"
"""The release of PyTorch whose documented interface plait follows."""

_VERSION = TorchVersion(f"{API_VERSION}+plait")


class _StandIn(ModuleType):
    """A module that has some names of its own, and takes every other one from `of`.

    What has been looked up is kept, because a module's own dictionary is read several times faster than
    `__getattr__` is called; what is set or deleted here is set or deleted there. `__getattr__` is the
    module's, not the class's, which would make every attribute twice as slow.
    """

    def __init__(self, name: str, of: ModuleType, own: dict[str, Any]):
        super().__init__(name, of.__doc__)
        vars(self).update(own, _of=of, _own=frozenset(own), __getattr__=self._find)

    def _find(self, name: str) -> Any:
        if name.startswith("__") and name != "__all__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        of = vars(self)["_of"]
        if name == "__all__":  # what `from torch import *` gives: functions, dtypes and types
            names = [n for n in dir(of) if not n.startswith("_")]
            return [n for n in names if not isinstance(getattr(of, n), ModuleType)]
        value = getattr(of, name)
        if name in vars(of):
            vars(self)[name] = value
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if not name.startswith("__") and name not in self._own:
            setattr(self._of, name, value)

    def __delattr__(self, name: str) -> None:
        vars(self).pop(name, None)
        if name not in self._own:
            delattr(self._of, name)

    def __dir__(self) -> list[str]:
        return sorted({*dir(self._of), "__version__"})


# Modules of PyTorch whose names plait keeps elsewhere.
_ELSEWHERE = {
    "torch._dynamo._trace_wrapped_higher_order_op": "plait._dynamo",
    "torch._dynamo.eval_frame": "plait._dynamo",
    "torch.autograd.grad_mode": "plait._grad_mode",
    "torch.autograd.variable": "plait.autograd",
    "torch.distributed.distributed_c10d": "plait.distributed",
    "torch.distributed.constants": "plait.distributed",
    "torch.distributed.nn.functional": "plait.distributed.nn",
    "torch.distributed._tensor": "plait.distributed.tensor",
    "torch.distributed.tensor.placement_types": "plait.distributed.tensor",
    "torch.functional": "plait",
    "torch.utils.data._utils": "plait.utils.data",
    "torch.utils.data._utils.collate": "plait.utils.data.collate",
    "functorch": "plait._functorch",
    "torch._utils": "plait._torch_utils",
    "torch.utils.hooks": "plait._handles",
    "torch._C": "plait._torch_c",
    "torch._custom_ops": "plait.library",
    "torch.quantization": "plait.ao.quantization",
    "torch._C._functorch": "plait._torch_c._functorch",
    "torch._C._nn": "plait._torch_c._nn",
    **dict.fromkeys(
        (
            f"torch.distributions.{name}"
            for name in (
                "exp_family",
                "fishersnedecor",
                "half_cauchy",
                "inverse_gamma",
                "kumaraswamy",
                "logistic_normal",
                "negative_binomial",
                "pareto",
                "relaxed_bernoulli",
                "relaxed_categorical",
                "weibull",
            )
        ),
        "plait.distributions",
    ),
    **dict.fromkeys(
        (
            f"torch.optim.{name}"
            for name in ("adadelta", "adagrad", "adam", "adamax", "adamw", "nadam", "radam", "rmsprop", "sgd")
        ),
        "plait.optim",
    ),
}


# Modules below these have placeholders for all names, for the reason given.
_ABSENT = {
    "torch._functorch": "plait.func has vmap, grad and jvp",
    "torch._higher_order_ops": "plait is eager and compiles nothing",
    "torch._C._distributed_c10d": "plait.distributed has the process groups",
    "torch.distributed": "plait.distributed has process groups and their collectives; nn.parallel."
    "DistributedDataParallel trains on them",
    "torch.fx": "plait records no graphs; call the module itself, and forward hooks to see its parts",
    "torch._dynamo": "plait is eager and compiles nothing",
    "torch._inductor": "plait is eager and compiles nothing",
    "torch._subclasses": "plait has no tensors of the compiler's; device='meta' gives tensors without data",
    "torch._tensor_str": "plait prints its tensors by plait.set_printoptions",
    "torch.utils.data._utils.worker": "the workers of plait's DataLoader are threads",
    "torch.utils.data.datapipes": "use plait.utils.data.Dataset and IterableDataset",
}


def _home(name: str) -> str:
    """The module of plait that `name` is in."""
    return _ELSEWHERE.get(name) or "plait" + name.removeprefix("torch")


def _why_absent(name: str) -> str | None:
    """Why all that is in the module is a placeholder, or None where it is not one of those."""
    while "." in name:
        if name in _ABSENT:
            return _ABSENT[name]
        name = name.rpartition(".")[0]
    return None


class _AbsentModule(ModuleType):
    """A module of placeholders."""

    def __init__(self, name: str, why: str):
        super().__init__(name, f"Not there: {why}.")
        vars(self).update(_why=why, __path__=[])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        from ._missing import absent_class

        made = absent_class(self.__name__, name, vars(self)["_why"])
        setattr(self, name, made)
        return made


class _Loader:
    """Gives the import system plait's module under torch's name."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name == "torch":
            from . import _torch_c, _torch_names, version

            own: dict[str, Any] = {"__version__": _VERSION, "__file__": version.__file__}
            own["version"] = _StandIn("torch.version", version, own)
            own["_C"] = _torch_c
            own["__file__"], own["__path__"] = plait.__file__, list(plait.__path__)
            own |= {name: getattr(_torch_names, name) for name in _torch_names.__all__}
            own["__config__"] = _torch_names.config
            own["_utils"] = importlib.import_module("plait._torch_utils")
            own["functional"] = plait  # where PyTorch keeps some of its functions, too
            torch = _StandIn("torch", plait, own)
            vars(torch)["torch"] = torch  # as PyTorch's module has itself
            return torch
        if spec.name == "torch.version":
            return sys.modules["torch"].version
        if spec.origin is None:
            return _AbsentModule(spec.name, _why_absent(spec.name) or "")
        module = importlib.import_module(_home(spec.name))
        self._spec = module.__spec__
        below = f"{spec.name}."
        is_package = any(f"{n}.".startswith(below) for n in (*_ELSEWHERE, *_ABSENT))
        if is_package and not hasattr(module, "__path__"):
            module.__path__ = []  # a package in PyTorch: what is below it is found by name alone
        return module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has put torch's spec on a module that has, and keeps, one of its own.
        if not isinstance(module, (_StandIn, _AbsentModule)):
            module.__spec__ = self._spec


class _Finder:
    """Finds `torch` and all below it in plait."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in ("torch", "functorch") and not name.startswith("torch."):
            return None
        real = _home(name)
        try:
            found = importlib.util.find_spec(real)
        except ModuleNotFoundError:
            found = None
        if found is None and _why_absent(name):
            return ModuleSpec(name, _Loader(), is_package=True)  # type: ignore[arg-type]
        if found is None:
            raise ModuleNotFoundError(_missing_module(name, real), name=name)
        return ModuleSpec(name, _Loader(), origin=found.origin)  # type: ignore[arg-type]

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """What `importlib.metadata.version("torch")` finds."""
        if getattr(context, "name", None) not in ("torch", None):
            return []
        from importlib.metadata import Distribution

        class Torch(Distribution):
            def read_text(self, filename: str) -> str | None:
                if filename != "METADATA":
                    return None
                summary = "plait, in the place of PyTorch"
                return f"Metadata-Version: 2.1\nName: torch\nVersion: {_VERSION}\nSummary: {summary}\n"

            def locate_file(self, path: Any) -> Any:
                from pathlib import Path

                return Path(plait.__path__[0]) / path

        return [Torch()]


_finder: _Finder | None = None


def _missing_module(name: str, real: str) -> str:
    from ._missing import _INSTEAD

    parts = name.split(".")
    instead = next((_INSTEAD[part] for part in parts if part in _INSTEAD), None)
    return (
        f"No module named {name!r}: plait stands in for PyTorch here (plait.as_torch), and has no {real!r}; "
        + (f"instead: {instead}" if instead else "plait's guide 'Programs for PyTorch' says what runs")
        + ". Code that can do without it catches ImportError"
    )


def is_installed() -> bool:
    """Does `import torch` give plait in this process?

    >>> plait.as_torch.is_installed()
    False
    """
    return _finder is not None and _finder in sys.meta_path


def install() -> None:
    """Makes `import torch`, and `import torch.anything`, give plait's modules in this process.

    Call it before anything imports torch; a second call does nothing. Raises RuntimeError where PyTorch has
    been imported already. Warns where PyTorch is installed: this process will not see it.

    >>> plait.as_torch.install()
    >>> import torch, torch.nn as nn
    >>> nn is plait.nn, torch.__version__, isinstance(torch.ones(2), plait.Tensor)
    (True, '2.13.0+plait', True)
    >>> plait.as_torch.uninstall()
    """
    global _finder

    if is_installed():
        return
    real = sys.modules.get("torch")
    if real is not None:
        where = getattr(real, "__file__", None) or "an unknown place"
        raise RuntimeError(
            f"plait.as_torch.install: PyTorch has been imported already, from {where}; call install() before "
            "anything imports torch, or run the program by `python -m plait.as_torch`"
        )
    from importlib.machinery import PathFinder

    hidden = PathFinder.find_spec("torch")
    # A folder that only happens to be called torch has no origin: a namespace package.
    if hidden is not None and hidden.origin is not None:
        import warnings

        warnings.warn(
            f"plait.as_torch: `import torch` gives plait in this process, not the PyTorch at {hidden.origin}",
            stacklevel=2,
        )
    import importlib.util  # noqa: F401  (the finder's; imported here, where no import is under way)

    _finder = _Finder()
    sys.meta_path.insert(0, _finder)  # type: ignore[arg-type]


def uninstall() -> None:
    """Takes back what `install` did: `import torch` looks for PyTorch again. Modules that have imported torch
    keep what they got.
    """
    global _finder

    if _finder is None:
        return
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)  # type: ignore[arg-type]
    _finder = None
    for name in [n for n in sys.modules if n in ("torch", "functorch") or n.startswith("torch.")]:
        del sys.modules[name]


_USAGE = """\
usage: python -m plait.as_torch script.py [arguments]
       python -m plait.as_torch -m module [arguments]
       python -m plait.as_torch -c code [arguments]
Runs a program written for PyTorch with plait in its place: `import torch` there gives plait."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The command `python -m plait.as_torch`: runs a script, a module (`-m`) or code (`-c`) as `__main__`."""
    import os

    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in ("-h", "--help"):
        print(_USAGE)
        return
    if not given or (given[0].startswith("-") and (given[0] not in ("-m", "-c") or len(given) < 2)):
        _fail(_USAGE)
    install()
    if given[0] == "-m":
        import runpy

        sys.argv = given[1:]
        runpy.run_module(given[1], run_name="__main__", alter_sys=True)
    elif given[0] == "-c":
        sys.argv = ["-c", *given[2:]]
        _run(given[1], "<string>")
    else:
        script = given[0]
        if not os.path.exists(script):
            _fail(f"python -m plait.as_torch: can't open file {script!r}: there is no such file")
        sys.argv = given
        if not sys.flags.safe_path:  # as for `python script.py`: imports look beside the script
            sys.path[0] = os.path.dirname(os.path.abspath(script))
        if os.path.isdir(script) or script.endswith((".zip", ".pyz")):
            import runpy

            sys.path[0] = script
            runpy.run_path(script, run_name="__main__")
        else:
            import io

            with io.open_code(os.path.abspath(script)) as file:
                _run(file.read(), script)


def _run(code: str | bytes, filename: str) -> None:
    """Runs code as the main module, which stays: objects that outlive it are pickled by its name."""
    module = sys.modules["__main__"] = ModuleType("__main__")
    if filename != "<string>":
        module.__file__ = filename
    exec(compile(code, filename, "exec", dont_inherit=True), vars(module))  # not our __future__


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


if __name__ == "__main__":
    # The module that programs import, not this copy of it.
    from plait import as_torch

    as_torch.main()
