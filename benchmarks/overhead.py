"""What a call costs before any arithmetic: tiny tensors, from Python and back.

    python benchmarks/overhead.py            # plait, and PyTorch where it is installed, in one run

Most cases come twice: without grad, and with an input that requires grad (`+grad`).
"""

import sys
from typing import Any

from cases import Case, Data


def tensors(lib: Any, data: Data, grad: bool) -> dict[str, Any]:
    """Names for the statements: two vectors of 4, two 4x4 matrices, a scalar."""
    names = {"a": data.normal(4), "b": data.normal(4), "m": data.normal(4, 4), "n": data.normal(4, 4)}
    for t in names.values():
        t.requires_grad_(grad)
    linear = data.module(lib.nn.Linear(4, 4))
    return names | {"lib": lib, "scalar": data.normal(1)[0], "linear": linear, "chain": chain}


def chain(x: Any, w: Any) -> Any:
    """Ten ops in a row."""
    y = (x * w + x).sigmoid() * w - x
    y = (y.tanh() * y + w).exp()
    return y.sum()


def plain(lib: Any, data: Data) -> dict[str, Any]:
    names = tensors(lib, data, grad=False)
    names["linear"].requires_grad_(False)
    return names


def recorded(lib: Any, data: Data) -> dict[str, Any]:
    return tensors(lib, data, grad=True)


def backward_alone(lib: Any, data: Data) -> dict[str, Any]:
    names = tensors(lib, data, grad=True)
    y = chain(names["a"], names["b"])

    def run() -> list[Any]:
        names["a"].grad = names["b"].grad = None
        y.backward(retain_graph=True)
        return [names["a"].grad, names["b"].grad]

    return {"run": run}


def optimizer_step(kind: str, **options: Any):
    """An update of four small parameters whose gradients are there."""

    def setup(lib: Any, data: Data) -> dict[str, Any]:
        model = data.module(lib.nn.Sequential(lib.nn.Linear(4, 4), lib.nn.Linear(4, 4)))
        parameters = list(model.parameters())
        for p in parameters:
            p.grad = data.normal(*p.shape)
        optimizer = getattr(lib.optim, kind)(parameters, lr=1e-3, **options)

        def first_step() -> list[Any]:
            optimizer.step()
            return [p.detach().clone() for p in parameters]

        return {"optimizer": optimizer, "first_step": first_step}

    return setup


TWICE = {  # statement -> timed without and with grad
    "a + b": "a + b",
    "x + 1.0": "a + 1.0",
    "x.sum()": "m.sum()",
    "x[0]": "m[0]",
    "x.reshape(16)": "m.reshape(16)",
    "matmul 4x4": "m @ n",
    "nn.Linear(4, 4)": "linear(m)",
    "10-op chain": "chain(a, b)",
}
ONCE = {
    "a += b": "a.add_(b)",
    "tensor(1.0)": "lib.tensor(1.0)",
    "tensor([1, 2, 3, 4.])": "lib.tensor([1.0, 2.0, 3.0, 4.0])",
    "x.shape": "m.shape",
    "x.item()": "scalar.item()",
}


def cases() -> list[Case]:
    result = []
    for name, stmt in TWICE.items():
        result.append(Case("overhead", name, plain, stmt, stmt))
        result.append(Case("overhead", f"{name} +grad", recorded, stmt, stmt))
    for name, stmt in ONCE.items():
        result.append(Case("overhead", name, plain, stmt, stmt))
    result.append(Case("overhead", "10-op chain, backward alone", backward_alone))
    for kind, options in {"SGD": {"momentum": 0.9}, "Adam": {}, "AdamW": {}}.items():
        name, setup = f"{kind} step, 4 parameters", optimizer_step(kind, **options)
        result.append(Case("overhead", name, setup, "optimizer.step()", "first_step()"))
    return result


if __name__ == "__main__":
    import run

    run.main(["--only", "overhead", *sys.argv[1:]])
