"""Functions of functions: gradients of each sample, Jacobians, Hessians, ensembles."""

from typing import Any

from cases import Case, Data
from training import LOSS_TERMS, lenet

Setup = dict[str, Any]


def small(lib: Any, inputs: int = 784, hidden: int = 128, outputs: int = 10) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs))


def norms(lib: Any, grads: dict[str, Any]) -> Any:
    """What the answers are compared by: the gradients' sizes."""
    return lib.stack([g.square().sum() for g in grads.values()])


def parameters_of(module: Any) -> dict[str, Any]:
    return {name: p.detach() for name, p in module.named_parameters()}


def by_sample(name: str, model: Any, shape: tuple[int, ...], size: int, classes: int = 10) -> Case:
    """The gradient of each sample's loss."""

    def setup(lib: Any, data: Data) -> Setup:
        func, cross_entropy = lib.func, lib.nn.functional.cross_entropy
        net = data.module(model(lib))
        weights, x, y = parameters_of(net), data.normal(size, *shape), data.integers(classes, size)

        def loss(weights: Any, x: Any, y: Any) -> Any:
            return cross_entropy(func.functional_call(net, weights, (x[None],)), y[None])

        each = func.vmap(func.grad(loss), (None, 0, 0))
        return {"run": lambda: each(weights, x, y), "sizes": lambda: norms(lib, each(weights, x, y))}

    return Case("func", f"gradients by sample, {name}", setup, answer="sizes()", terms=LOSS_TERMS)


def tangent_kernel(size: int) -> Case:
    """The neural tangent kernel of two batches (Jacot et al. 2018)."""

    def setup(lib: Any, data: Data) -> Setup:
        func = lib.func
        net = data.module(small(lib, 32, 64, 4))
        weights, x, z = parameters_of(net), data.normal(size, 32), data.normal(size, 32)

        def outputs(weights: Any, x: Any) -> Any:
            return func.functional_call(net, weights, (x,))

        def jacobian(x: Any) -> Any:
            return func.vmap(func.jacrev(outputs), (None, 0))(weights, x)

        def run() -> Any:
            one, two = jacobian(x), jacobian(z)
            return sum(
                lib.einsum("Naf,Mbf->NMab", a.flatten(2), b.flatten(2))
                for a, b in zip(one.values(), two.values(), strict=True)
            )

        return {"run": run}

    return Case("func", f"neural tangent kernel, batch {size}", setup, terms=LOSS_TERMS)


def jacobian(size: int) -> Case:
    def setup(lib: Any, data: Data) -> Setup:
        weight, x = data.normal(size, size), data.normal(size)
        run = lib.func.jacrev(lambda x: lib.tanh(weight @ x))
        return {"run": lambda: run(x)}

    return Case("func", f"jacrev {size} to {size}", setup, terms=size)


def hessian(size: int) -> Case:
    def setup(lib: Any, data: Data) -> Setup:
        weight, x = data.normal(size, size), data.normal(size)
        run = lib.func.hessian(lambda x: lib.tanh(weight @ x).square().sum())
        return {"run": lambda: run(x)}

    return Case("func", f"hessian of {size}", setup, terms=LOSS_TERMS)


def ensemble(models: int) -> Case:
    def setup(lib: Any, data: Data) -> Setup:
        func = lib.func
        nets = [data.module(small(lib)) for _ in range(models)]
        weights, buffers = func.stack_module_state(nets)
        x = data.normal(64, 784)
        each = func.vmap(lambda w, b, x: func.functional_call(nets[0], (w, b), (x,)), (0, 0, None))
        weights = {name: w.detach() for name, w in weights.items()}
        return {"run": lambda: each(weights, buffers, x)}

    return Case("func", f"ensemble of {models} MLPs", setup, terms=LOSS_TERMS)


def tasks(count: int) -> Case:
    """A step of MAML: the gradient through an inner step of each task (Finn et al. 2017)."""

    def setup(lib: Any, data: Data) -> Setup:
        func, F = lib.func, lib.nn.functional
        net = data.module(small(lib, 1, 40, 1))
        weights = {name: w.requires_grad_() for name, w in parameters_of(net).items()}
        x, y = data.normal(count, 10, 1), data.normal(count, 10, 1)

        def loss(weights: Any, x: Any, y: Any) -> Any:
            return F.mse_loss(func.functional_call(net, weights, (x,)), y)

        def after(x: Any, y: Any) -> Any:
            grads = func.grad(loss)(weights, x, y)
            return loss({name: w - 0.1 * grads[name] for name, w in weights.items()}, x, y)

        def run() -> Any:
            total = func.vmap(after)(x, y).mean()
            return lib.autograd.grad(total, list(weights.values()))

        return {"run": run}

    return Case("func", f"MAML, {count} tasks", setup, terms=LOSS_TERMS)


def equation(points: int) -> Case:
    """The Laplacian of a network at many points, as a physics-informed loss has it."""

    def setup(lib: Any, data: Data) -> Setup:
        func = lib.func
        net = data.module(small(lib, 2, 32, 1))
        x = data.normal(points, 2)
        hessians = func.vmap(func.hessian(lambda x: net(x)[0]))
        return {"run": lambda: hessians(x).diagonal(dim1=1, dim2=2).sum(1).detach()}

    return Case("func", f"Laplacian at {points} points", setup, terms=LOSS_TERMS)


def cases() -> list[Case]:
    return [
        by_sample("MLP 784-128-10, batch 64", small, (784,), 64),
        by_sample("MLP 4-16-2, batch 64", lambda lib: small(lib, 4, 16, 2), (4,), 64, 2),
        by_sample("LeNet, batch 32", lenet, (1, 28, 28), 32),
        tangent_kernel(20),
        jacobian(50),
        hessian(20),
        ensemble(10),
        tasks(8),
        equation(100),
    ]
