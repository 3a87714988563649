"""What an outside op costs: to compile, to load, to call.

    python benchmarks/extensions.py                              # plait alone
    python benchmarks/extensions.py --torch-python PYTHON        # the same op by PyTorch's load_inline, in turns

Each cold build is a process of its own with an empty cache.
"""

import argparse
import json
import os
import pathlib
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
op(x), silu(x)
best = {}
if cached:
    for _ in range(15):
        for name, f in (("custom", op), ("built-in", silu)):
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
            before = os.times()
            subprocess.run([*command, "-c", source, "-o", source.with_suffix(".o")], check=True)
            after = os.times()
            spent = after.children_user + after.children_system - before.children_user - before.children_system
            best = min(best, spent)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    print(f"{'':36}" + "".join(f"{lib:>16}" for lib in systems))
    print(f"{'#include <plait/extension.h>, CPU s':36}{include_seconds():16.2f}")
    print(f"{'load_inline, cold, s':36}" + "".join(f"{min(t):8.2f} - {max(t):5.2f}" for t in cold.values()))
    print(f"{'load_inline, cached, ms':36}" + "".join(f"{1e3 * w['seconds']:16.1f}" for w in warm.values()))
    for name in ("custom", "built-in"):
        print(f"{f'call of the {name} op, ns':36}" + "".join(f"{1e9 * w['calls'][name]:16.0f}" for w in warm.values()))


if __name__ == "__main__":
    main()
