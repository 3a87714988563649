"""Every example in the documentation is run: the Markdown pages, the ops' texts, the docstrings."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import plait
import pytest

ROOT = Path(__file__).resolve().parents[2]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
# The reference of ops is emitted from their texts, which test_ops runs one by one.
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# The page on GPUs needs a device: test_gpu_check runs it, on the emulator if need be.
PAGES = [p for p in PAGES if p.parent.name != "reference" and p.name != "gpu.md"]


def run(examples: doctest.DocTest) -> None:
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS, verbose=False)
    result = runner.run(examples, out=report.append)
    assert result.failed == 0, "".join(report)


def with_examples(text: str, name: str, filename: str, names: dict) -> list[doctest.DocTest]:
    test = doctest.DocTestParser().get_doctest(text, names, name, filename, 0)
    return [test] if test.examples else []


@pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(ROOT).as_posix() for p in PAGES])
def test_pages(page):
    text = re.sub(r"```cpp\n.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for test in with_examples(text, page.name, str(page), {}):
        run(test)


def test_the_readme_has_examples():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(doctest.DocTestParser().get_examples(readme)) > 20


OPS = {
    f"{entry['name']}.{entry['overload']}".rstrip("."): entry["doc"]
    for entry in plait._C.registry()
    if ">>>" in entry["doc"]
}


@pytest.mark.parametrize("op", sorted(OPS))
def test_ops(op):
    plait.manual_seed(0)
    for test in with_examples(OPS[op], op, op, {"plait": plait}):
        run(test)


def modules() -> list[str]:
    """Name every Python module of the package."""
    found = pkgutil.walk_packages(plait.__path__, "plait.")
    return ["plait", *sorted(m.name for m in found if not m.name.startswith("plait._C"))]


@pytest.mark.parametrize("name", modules())
def test_docstrings(name):
    if name.startswith("plait.utils.tensorboard"):
        pytest.importorskip("tensorboard")
    module = importlib.import_module(name)
    for attribute in dir(module):
        getattr(module, attribute)  # what is loaded at first use is there when the module is walked
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        if test.examples:
            test.globs.setdefault("plait", plait)
            plait.manual_seed(0)
            run(test)


def test_what_is_emitted_is_fresh():
    command = [sys.executable, str(ROOT / "tools" / "emit.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
