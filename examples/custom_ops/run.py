"""Compile and try the ops of this folder: docs/guide/custom-ops.md explains them.

    python examples/custom_ops/run.py                  # all of them; the CUDA one where there is nvcc
    python examples/custom_ops/run.py linear_scan
"""

import argparse
import shutil
import time
from pathlib import Path

import plait
from plait.autograd import gradcheck, gradgradcheck
from plait.utils.cpp_extension import load

HERE = Path(__file__).resolve().parent


def build(name):
    """Load the extension `name`, compiled if need be."""
    (source,) = HERE.glob(f"{name}.c*")
    start = time.perf_counter()
    module = load(name, source)
    print(f"{source.name}: ready after {time.perf_counter() - start:.2f} s")
    return module


def check_gradients(function, *inputs):
    """First and second derivatives against finite differences."""
    assert gradcheck(function, inputs)
    assert gradgradcheck(function, inputs)


def leaf(*shape):
    return plait.randn(*shape, dtype=plait.float64, requires_grad=True)


def try_swish():
    swish = build("swish").swish
    x = plait.randn(1000)
    plait.testing.assert_close(swish(x), plait.nn.functional.silu(x))
    check_gradients(lambda x: swish(x, beta=1.5), leaf(3, 4))
    print("  swish(1.0) =", swish(plait.tensor(1.0)).item())


def try_rms():
    rms = build("rms").rms
    x = plait.randn(4, 5, 6)
    plait.testing.assert_close(rms(x, (0, 2), keepdim=True), x.square().mean((0, 2), keepdim=True).sqrt())
    check_gradients(lambda x: rms(x, 1), leaf(3, 4, 2))
    print("  rms([3, 4]) =", rms(plait.tensor([3.0, 4.0])).item())


def try_dropout():
    dropout = build("dropout").dropout
    x = plait.ones(1000, 1000)
    result, mask = dropout(x, 0.25, generator=plait.Generator().manual_seed(1))
    threads = plait.get_num_threads()
    plait.set_num_threads(1)
    again, _ = dropout(x, 0.25, generator=plait.Generator().manual_seed(1))
    plait.set_num_threads(threads)
    assert result.equal(again), "the bits depend on the number of threads"
    check_gradients(lambda x: dropout(x, 0.3, generator=plait.Generator().manual_seed(1)).result, leaf(20))
    print(f"  kept {mask.float().mean().item():.2%}; the same with {threads} threads and with one")


def scan_by_ops(a, b):
    """What linear_scan computes, written in plait's ops."""
    h = [b[0]]
    for a_t, b_t in zip(a.unbind()[1:], b.unbind()[1:], strict=True):
        h.append(plait.addcmul(b_t, a_t, h[-1]))
    return plait.stack(h)


def train_step(scan, a, b):
    scan(a, b).sum().backward()
    a.grad = b.grad = None


def times(*functions, repeat=20):
    """The shortest time of each in seconds, taken in turn."""
    best = [float("inf")] * len(functions)
    for _ in range(repeat):
        for i, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[i] = min(best[i], time.perf_counter() - start)
    return best


def compare_scans(linear_scan, steps, batch, features):
    """Seconds of the op and of the composite, forward; then forward and backward."""
    a, b = (plait.rand(steps, batch, features, requires_grad=True) for _ in range(2))
    plait.testing.assert_close(linear_scan(a, b), scan_by_ops(a, b))
    with plait.no_grad():
        forward = times(lambda: linear_scan(a, b), lambda: scan_by_ops(a, b))
    return forward, times(lambda: train_step(linear_scan, a, b), lambda: train_step(scan_by_ops, a, b))


def try_linear_scan():
    linear_scan = build("linear_scan").linear_scan
    check_gradients(linear_scan, leaf(5, 2, 3), leaf(5, 2, 3))
    threads = plait.get_num_threads()
    plait.set_num_threads(1)
    for steps, batch, features in [(128, 8, 32), (512, 8, 32), (512, 8, 128), (512, 32, 256)]:
        seconds = compare_scans(linear_scan, steps, batch, features)
        for what, (op, composite) in zip(["forward", "forward and backward"], seconds, strict=True):
            print(
                f"  {steps} steps of {batch} x {features}, {what}: {1e6 * op:.0f} us, "
                f"composite {1e6 * composite:.0f} us ({composite / op:.1f} times as long)"
            )
    plait.set_num_threads(threads)


def try_saxpy():
    if not shutil.which("nvcc"):
        print("saxpy.cu: skipped, there is no nvcc")
        return
    saxpy = build("saxpy").saxpy
    devices = ["cpu", "cuda"] if plait.cuda.is_available() else ["cpu"]
    for device in devices:
        x, y = (plait.randn(3, 1000, device=device) for _ in range(2))
        plait.testing.assert_close(saxpy(x, y, alpha=2.0), 2 * x + y)
    check_gradients(lambda x, y: saxpy(x, y, alpha=2.0), leaf(3, 4), leaf(4))
    print("  right on", " and ".join(devices))


EXAMPLES = {
    "swish": try_swish,
    "rms": try_rms,
    "dropout": try_dropout,
    "linear_scan": try_linear_scan,
    "saxpy": try_saxpy,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(EXAMPLES)}; by default all")
    names = parser.parse_args().names or list(EXAMPLES)
    if unknown := set(names) - set(EXAMPLES):
        parser.error(f"no such example: {', '.join(sorted(unknown))}")
    plait.manual_seed(0)
    for name in names:
        EXAMPLES[name]()
