"""torch.distributions: densities, moments, supports, expansions, divergences, refusals and gradients of samples."""

from __future__ import annotations

import itertools
from typing import Any

import plait
import torch

from .exchange import difference, to_plait
from .report import Report

SPREAD = [[2.0, 0.3, 0.1], [0.3, 1.5, -0.2], [0.1, -0.2, 1.0]]
SIMPLEX = [[0.2, 0.3, 0.5], [0.6, 0.1, 0.3]]
# Constructor arguments, and values of the support (or None: samples of PyTorch's).
CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("Bernoulli", {"probs": [0.3, 0.7]}, [0.0, 1.0]),
    ("Bernoulli", {"logits": [-0.3, 1.7]}, [1.0, 1.0]),
    ("Beta", {"concentration1": [0.5, 2.0], "concentration0": [1.5, 3.0]}, [0.2, 0.8]),
    ("Binomial", {"total_count": 5, "probs": [0.3, 0.7]}, [0.0, 4.0]),
    ("Binomial", {"total_count": [5.0, 3.0], "logits": [0.3, -0.7]}, [5.0, 1.0]),
    ("Categorical", {"probs": SIMPLEX}, [0, 2]),
    ("Categorical", {"logits": SIMPLEX}, [1, 2]),
    ("Cauchy", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.4, -3.0]),
    ("Chi2", {"df": [1.0, 4.5]}, [0.3, 2.0]),
    ("ContinuousBernoulli", {"probs": [0.3, 0.5, 0.9]}, [0.2, 0.4, 0.99]),
    ("ContinuousBernoulli", {"logits": [0.3, -1.0]}, [0.0, 1.0]),
    ("Dirichlet", {"concentration": [[0.5, 1.5, 3.0], [2.0, 1.0, 1.0]]}, SIMPLEX),
    ("Exponential", {"rate": [0.5, 3.0]}, [0.1, 2.0]),
    ("FisherSnedecor", {"df1": [3.0, 5.0], "df2": [6.0, 2.5]}, [0.4, 3.0]),
    ("Gamma", {"concentration": [0.5, 3.0], "rate": [1.0, 2.0]}, [0.3, 2.0]),
    ("GeneralizedPareto", {"loc": [0.0, 1.0], "scale": [1.0, 2.0], "concentration": [0.2, 0.0]}, [0.5, 3.0]),
    ("Geometric", {"probs": [0.3, 0.8]}, [0.0, 4.0]),
    ("Geometric", {"logits": [0.3, -0.8]}, [2.0, 4.0]),
    ("Gumbel", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.4, -3.0]),
    ("HalfCauchy", {"scale": [1.0, 2.0]}, [0.4, 3.0]),
    ("HalfNormal", {"scale": [1.0, 2.0]}, [0.4, 3.0]),
    ("InverseGamma", {"concentration": [3.5, 3.0], "rate": [1.0, 2.0]}, [0.3, 2.0]),
    ("Kumaraswamy", {"concentration1": [0.5, 2.0], "concentration0": [1.5, 3.0]}, [0.2, 0.8]),
    ("LKJCholesky", {"dim": 3, "concentration": [0.5, 2.0]}, None),
    ("Laplace", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.4, -3.0]),
    ("LogNormal", {"loc": [0.0, 1.0], "scale": [1.0, 0.5]}, [0.4, 3.0]),
    ("LogisticNormal", {"loc": [0.0, 1.0], "scale": [1.0, 0.5]}, SIMPLEX[0]),
    ("LowRankMultivariateNormal", {"loc": [0.0, 1.0, 2.0], "cov_factor": [[1.0], [0.5], [0.2]], "cov_diag": [1.0, 2.0, 0.5]}, [0.4, -3.0, 1.0]),
    ("Multinomial", {"total_count": 4, "probs": SIMPLEX}, [[1.0, 2.0, 1.0], [4.0, 0.0, 0.0]]),
    ("Multinomial", {"total_count": 4, "logits": SIMPLEX}, [[1.0, 2.0, 1.0], [4.0, 0.0, 0.0]]),
    ("MultivariateNormal", {"loc": [0.0, 1.0, 2.0], "covariance_matrix": SPREAD}, [0.4, -3.0, 1.0]),
    ("MultivariateNormal", {"loc": [[0.0, 1.0, 2.0], [1.0, 1.0, 1.0]], "precision_matrix": SPREAD}, [0.4, -3.0, 1.0]),
    ("NegativeBinomial", {"total_count": [5.0, 2.5], "probs": [0.3, 0.7]}, [0.0, 4.0]),
    ("NegativeBinomial", {"total_count": 5, "logits": [0.3, -0.7]}, [1.0, 4.0]),
    ("Normal", {"loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.4, -3.0]),
    ("OneHotCategorical", {"probs": SIMPLEX}, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    ("OneHotCategoricalStraightThrough", {"logits": SIMPLEX}, [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]),
    ("Pareto", {"scale": [1.0, 2.0], "alpha": [3.0, 2.5]}, [1.4, 3.0]),
    ("Poisson", {"rate": [0.5, 3.0]}, [0.0, 4.0]),
    ("RelaxedBernoulli", {"temperature": 0.7, "probs": [0.3, 0.7]}, [0.2, 0.8]),
    ("RelaxedOneHotCategorical", {"temperature": 0.7, "logits": SIMPLEX}, SIMPLEX),
    ("StudentT", {"df": [3.0, 4.5], "loc": [0.0, 1.0], "scale": [1.0, 2.0]}, [0.4, -3.0]),
    ("StudentT", {"df": [0.9, 1.5]}, [0.4, -3.0]),
    ("Uniform", {"low": [0.0, 1.0], "high": [1.0, 4.0]}, [0.4, 3.0]),
    ("VonMises", {"loc": [0.0, 1.0], "concentration": [1.0, 4.0]}, [0.4, -3.0]),
    ("Weibull", {"scale": [1.0, 2.0], "concentration": [0.8, 2.5]}, [0.4, 3.0]),
    ("Wishart", {"df": 4.0, "covariance_matrix": SPREAD}, None),
]  # fmt: skip
# A parameter out of its range for each class; a value outside of the support.
WRONG_PARAMETERS = [-1.0, float("nan")]
WRONG_VALUES = [-1.5, 0.5, 7.0, float("nan")]
PROPERTIES = ("mean", "variance", "stddev", "mode", "batch_shape", "event_shape", "has_rsample", "has_enumerate_support")


def made(library: Any, name: str, parameters: dict[str, Any], grad: bool = False) -> tuple[Any, list[Any]]:
    tensors = {
        k: library.tensor(v, dtype=library.float64, requires_grad=grad) if isinstance(v, list) else v for k, v in parameters.items()
    }
    return getattr(library.distributions, name)(**tensors), [t for t in tensors.values() if isinstance(t, library.Tensor)]


def seen(library: Any, constraint: Any) -> list[Any]:
    """What a constraint says of numbers, vectors and matrices."""
    numbers = [-2.0, -0.5, 0.0, 0.3, 1.0, 2.5, 3.0, 40.0, float("nan"), float("inf")]
    grid: list[Any] = [numbers, SIMPLEX, [[0.0, 1.0, 0.0], [0.3, 0.3, 0.3]], SPREAD, [[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [0.0, 0.6, 0.8]]]
    results: list[Any] = [constraint.is_discrete, constraint.event_dim]
    return results + [constraint.check(library.tensor(values)) for values in grid[constraint.event_dim > 0 :]]


def outcome(call: Any) -> Any:
    try:
        return call()
    except Exception as raised:
        return raised


def compare(report: Report, name: str, what: str, theirs: Any, ours: Any, case: str, numbers: bool = True) -> None:
    """Calls both; they should agree, or both refuse."""
    a, b = outcome(theirs), outcome(ours)
    if isinstance(a, Exception) or isinstance(b, Exception):
        same = isinstance(a, Exception) and isinstance(b, Exception)
        shown = ["raised " + f"{type(x).__name__}: {x}" if isinstance(x, Exception) else "a result" for x in (a, b)]
        report.check(name, None if same else f"{what}: {shown[0]}; ours {shown[1]}", case)
    elif numbers:
        report.check(name, difference(a, b, torch.float64, what), case)
    else:
        report.check(name, None if str(a) == str(b) else f"{what}: {a}, ours {b}", case)


def run(report: Report, names: list[str]) -> None:
    torch.set_default_dtype(torch.float64)
    plait.set_default_dtype(plait.float64)
    for name, parameters, value in CASES:
        if not names or name in names:
            one(report, name, parameters, value)
    for (name, parameters, _), (other, others, _) in itertools.product(CASES, CASES):
        if not names or name in names:
            divergence(report, name, parameters, other, others)
    torch.set_default_dtype(torch.float32)
    plait.set_default_dtype(plait.float32)


def one(report: Report, name: str, parameters: dict[str, Any], value: Any) -> None:
    case = f"{name}({parameters})"
    if not hasattr(plait.distributions, name):
        report.differs(name, "absent")
        return
    theirs, leaves = made(torch, name, parameters, True)
    ours, our_leaves = made(plait, name, parameters, True)
    for what in PROPERTIES:
        compare(report, name, what, lambda w=what: getattr(theirs, w), lambda w=what: getattr(ours, w), case)
    compare(report, name, "support", lambda: seen(torch, theirs.support), lambda: seen(plait, ours.support), case)
    compare(report, name, "names of parameters", lambda: list(theirs.arg_constraints), lambda: list(ours.arg_constraints), case, numbers=False)
    for key in theirs.arg_constraints:
        compare(report, name, f"constraint of {key}", lambda k=key: seen(torch, theirs.arg_constraints[k]), lambda k=key: seen(plait, ours.arg_constraints[k]), case)  # fmt: skip
    compare(report, name, "entropy", theirs.entropy, ours.entropy, case)
    compare(report, name, "perplexity", theirs.perplexity, ours.perplexity, case)
    compare(report, name, "enumerate_support", theirs.enumerate_support, ours.enumerate_support, case)
    compare(report, name, "repr", lambda: repr(theirs).split("(")[0], lambda: repr(ours).split("(")[0], case, numbers=False)
    x = theirs.sample().detach() if value is None else torch.tensor(value)
    y = to_plait(x)
    for what in ("log_prob", "cdf"):
        compare(report, name, what, lambda w=what: getattr(theirs, w)(x), lambda w=what: getattr(ours, w)(y), case)
        compare(
            report,
            name,
            f"gradients of {what}",
            lambda w=what: torch.autograd.grad(getattr(theirs, w)(x).sum(), leaves, allow_unused=True),
            lambda w=what: plait.autograd.grad(getattr(ours, w)(y).sum(), our_leaves, allow_unused=True),
            case,
        )
    compare(report, name, "icdf", lambda: theirs.icdf(torch.tensor([0.2, 0.9])), lambda: ours.icdf(plait.tensor([0.2, 0.9])), case)
    shape = (4, *theirs.batch_shape)
    wide, our_wide = outcome(lambda: theirs.expand(shape)), outcome(lambda: ours.expand(shape))
    compare(report, name, "expand", lambda: (wide.batch_shape, wide.event_shape, wide.mean), lambda: (our_wide.batch_shape, our_wide.event_shape, our_wide.mean), case)  # fmt: skip
    compare(report, name, "log_prob of expand", lambda: wide.log_prob(x), lambda: our_wide.log_prob(y), case)
    for count in ((), (5,), (2, 3)):
        compare(report, name, f"sample{count}", lambda c=count: theirs.sample(c).shape, lambda c=count: ours.sample(c).shape, case)
    wrong(report, name, parameters, theirs, ours, x, case)
    pathwise(report, name, parameters, case)


def wrong(report: Report, name: str, parameters: dict[str, Any], theirs: Any, ours: Any, x: Any, case: str) -> None:
    for key, number in itertools.product(parameters, WRONG_PARAMETERS):
        if not isinstance(parameters[key], list) or isinstance(parameters[key][0], list):
            continue
        bad = {**parameters, key: [number, *parameters[key][1:]]}
        compare(report, name, f"{key}={number}", lambda b=bad: made(torch, name, b)[0] and 1, lambda b=bad: made(plait, name, b)[0] and 1, case)
    for number in WRONG_VALUES if x.is_floating_point() else [-1, 7]:
        outside = torch.full_like(x, number)
        compare(report, name, f"log_prob({number})", lambda o=outside: theirs.log_prob(o), lambda o=outside: ours.log_prob(to_plait(o)), case)
    odd = torch.zeros(*x.shape[:-1], 5, dtype=x.dtype)
    compare(report, name, "log_prob of another shape", lambda: theirs.log_prob(odd), lambda: ours.log_prob(to_plait(odd)), case)


def pathwise(report: Report, name: str, parameters: dict[str, Any], case: str) -> None:
    """Gradients of plait's samples x: by PyTorch's distribution function F, dx/dp = -(dF/dp) / (dF/dx)."""
    ours, our_leaves = made(plait, name, parameters, True)
    theirs, leaves = made(torch, name, parameters, True)
    if not ours.has_rsample or len(ours.event_shape):
        return
    plait.manual_seed(5)
    y = ours.rsample()
    x = torch.tensor(y.detach().numpy(), requires_grad=True)
    try:
        by_x, *by_p = torch.autograd.grad(theirs.cdf(x).sum(), [x, *leaves], allow_unused=True)
    except Exception:
        return
    expected = [-p / by_x for p in by_p if p is not None]
    if len(expected) != len(leaves):
        return
    got = plait.autograd.grad(y.sum(), our_leaves)
    report.check(name, difference(expected, list(got), torch.float32, "gradient of rsample"), case)


def divergence(report: Report, name: str, parameters: dict[str, Any], other: str, others: dict[str, Any]) -> None:
    if not (hasattr(plait.distributions, name) and hasattr(plait.distributions, other)):
        return
    compare(
        report,
        f"kl {name} {other}",
        "kl_divergence",
        lambda: torch.distributions.kl_divergence(made(torch, name, parameters)[0], made(torch, other, others)[0]),
        lambda: plait.distributions.kl_divergence(made(plait, name, parameters)[0], made(plait, other, others)[0]),
        f"{parameters} {others}",
    )
