"""What an outside op costs, in C++ and in Python: to compile, to load, to call.

    python benchmarks/extensions.py                              # plait alone
    python benchmarks/extensions.py --torch-python PYTHON        # PyTorch's load_inline too, in turns

Each cold build is a process of its own with an empty cache.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

PLAIT = """
using namespace plait;
PLAIT_OP(swish, Tensor(const Tensor&)){
    .schema = "swish(Tensor x) -> Tensor",
    .infer = Infer::LikeFirst,
    .kind = Kind::Pointwise,
    .dtypes = kFloatDTypes,
    .cpu = [](const Tensor& out, const Tensor& x) {
      elementwise(out, {x}, [](auto v) { return v * math::sigmoid(v); });
    },
};
"""
TORCH = """
torch::Tensor swish(torch::Tensor x) {
  auto out = torch::empty_like(x);
  const float* p = x.data_ptr<float>();
  float* q = out.data_ptr<float>();
  for (int64_t i = 0; i < x.numel(); ++i) {
    q[i] = p[i] / (1 + std::exp(-p[i]));
  }
  return out;
}
"""

# One process: builds or loads the op, says how long that took and what a call costs beside a built-in op.
WORKER = """
import json, sys, time, timeit
lib, source, cached = sys.argv[1], sys.stdin.read(), sys.argv[2] == "cached"
if lib == "plait":
    import plait as L
    from plait.utils.cpp_extension import load_inline
else:
    import torch as L
    from torch.utils.cpp_extension import load_inline
more = {} if lib == "plait" else {"functions": ["swish"]}
start = time.perf_counter()
op = load_inline("bench_swish", source, **more).swish
seconds = time.perf_counter() - start
x = L.tensor([0.1, 0.2, 0.3, 0.4])
silu = L.ops.plait.silu if lib == "plait" else L.ops.aten.silu

@L.library.custom_op("bench::twice", mutates_args=())
def twice(x: L.Tensor) -> L.Tensor:
    return x + x

op(x), silu(x), twice(x)
best = {}
if cached:
    for _ in range(15):
        for name, f in (("custom", op), ("built-in", silu), ("Python", twice)):
            t = min(timeit.repeat(lambda: f(x), number=2000, repeat=3)) / 2000
            best[name] = min(best.get(name, t), t)
print(json.dumps({"seconds": seconds, "calls": best}))
"""


def run(python: str, lib: str, cache: str, cached: bool) -> dict:
    """One process, its answer."""
    env = {**os.environ, "PLAIT_EXTENSIONS_DIR": cache, "TORCH_EXTENSIONS_DIR": cache, "OMP_NUM_THREADS": "1"}
    env["PATH"] = os.path.dirname(python) + os.pathsep + env["PATH"]  # PyTorch wants ninja
    if lib == "torch":
        env.pop("PYTHONPATH", None)
    command = [python, "-c", WORKER, lib, "cached" if cached else "cold"]
    source = PLAIT if lib == "plait" else TORCH
    done = subprocess.run(command, input=source, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{lib} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def include_seconds() -> float:
    """CPU seconds to compile a source that only includes plait/extension.h: the least of five."""
    from plait.utils import cpp_extension

    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "empty.cpp"
        source.write_text("#include <plait/extension.h>\n")
        command = [cpp_extension._compiler("benchmark"), *cpp_extension.CFLAGS, "-march=native"]
        command += [f"-I{p}" for p in cpp_extension.include_paths()]
        best = float("inf")
        for _ in range(5):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([*command, "-c", source, "-o", source.with_suffix(".o")], check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def kernel_seconds() -> float | None:
    """Seconds of a first `plait.cuda.compile_kernel`; None where libnvrtc is not installed."""
    from plait.cuda import compile_kernel

    source = "__global__ void scale(float* x, float f, int n) { int i = threadIdx.x; if (i < n) x[i] *= f; }"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PLAIT_EXTENSIONS_DIR"] = folder
        start = time.perf_counter()
        try:
            compile_kernel(source, "scale", compute_capability="90")
        except RuntimeError:
            return None
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch-python", help="a Python with PyTorch and ninja")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    systems = {"plait": sys.executable, **({"torch": args.torch_python} if args.torch_python else {})}
    cold: dict[str, list[float]] = {lib: [] for lib in systems}
    warm: dict[str, dict] = {}
    for _ in range(args.rounds):
        for lib, python in systems.items():
            with tempfile.TemporaryDirectory() as cache:
                start = time.perf_counter()
                cold[lib].append(run(python, lib, cache, cached=False)["seconds"])
                again = run(python, lib, cache, cached=True)
                if lib not in warm or again["seconds"] < warm[lib]["seconds"]:
                    warm[lib] = again
                print(f"  {lib}: {time.perf_counter() - start:.1f} s", file=sys.stderr)

    def row(label: str, *values: str) -> None:
        print(f"{label:36}" + "".join(f"{value:>16}" for value in values))

    row("", *systems)
    row("#include <plait/extension.h>, CPU s", f"{include_seconds():.2f}")
    row("load_inline, cold, s", *(f"{min(t):.2f} to {max(t):.2f}" for t in cold.values()))
    seconds = kernel_seconds()
    row("compile_kernel (NVRTC), first, s", "no libnvrtc" if seconds is None else f"{seconds:.2f}")
    row("load_inline, cached, ms", *(f"{1e3 * w['seconds']:.1f}" for w in warm.values()))
    for name in ("custom", "built-in", "Python"):
        row(f"call of the {name} op, ns", *(f"{1e9 * w['calls'][name]:.0f}" for w in warm.values()))


if __name__ == "__main__":
    main()
