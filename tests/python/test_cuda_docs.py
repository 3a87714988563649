"""Every example of the ops' texts and the docstrings once more, with CUDA as the default device.

Most of what is public is composed of ops in Python, and each such function has an example: here it runs where a
tensor that was left on the CPU by mistake raises.
"""

import doctest
import importlib
import re

import plait
import pytest
from cuda_device import needs_cuda
from test_docs import FLAGS, OPS, modules, with_examples

pytestmark = needs_cuda

# Examples that are about the CPU.
OF_THE_CPU = {
    "plait.get_default_device": "names it",
    "plait._functions.get_default_device": "names it",
    "plait._elementary.typename": "names a type of tensors on the CPU",
    **dict.fromkeys((f"plait._mapping.{name}" for name in ("apply_", "map_", "map2_")), "CPU tensors alone"),
    "plait._legacy_tensors.constructor": "types of tensors on the CPU",
    "plait.amp": "autocast on the CPU",
    "plait.amp.autocast_mode.autocast": "autocast on the CPU",
    "plait.autograd.graph.saved_tensors_hooks": "keeps NumPy's arrays",
    "plait.library": "an op made with NumPy",
    "plait.library.custom_op": "ops made with NumPy",
    "plait.library.CustomOpDef.set_kernel_enabled": "a kernel for the CPU",
    "plait.utils.flop_counter.register_flop_formula": "registers a formula, once",
    "plait.profiler": "counts the host's memory",
}


class OnDevice(doctest.OutputChecker):
    """What is printed may say that a tensor is on the device, and may be off by the last digit."""

    def check_output(self, want, got, optionflags):
        here = re.sub(r",\s*device='cuda:0'", "", got)
        return super().check_output(want, here, optionflags)


def run(examples):
    report = []
    runner = doctest.DocTestRunner(checker=OnDevice(), optionflags=FLAGS, verbose=False)
    plait.manual_seed(0)
    with plait.device("cuda"):
        result = runner.run(examples, out=report.append)
    assert result.failed == 0, "".join(report)


@pytest.mark.parametrize("op", sorted(OPS))
def test_ops(op):
    for test in with_examples(OPS[op], op, op, {"plait": plait}):
        run(test)


@pytest.mark.parametrize("name", modules())
def test_docstrings(name):
    if name.startswith("plait.utils.tensorboard"):
        pytest.importorskip("tensorboard")
    module = importlib.import_module(name)
    for attribute in dir(module):
        getattr(module, attribute)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module):
        if test.examples and test.name not in OF_THE_CPU:
            test.globs.setdefault("plait", plait)
            run(test)
