"""Optimisers and schedulers: the fused steps against a NumPy reference, all of it against PyTorch where
installed.
"""

import copy
import math
import pickle
import warnings

import numpy as np
import plait
import pytest
from plait.optim import lr_scheduler

# ---- The reference: what each fused op does, in NumPy, in place on lists of arrays.


def sgd_reference(
    params, grads, buffers, *, lr, momentum, dampening, weight_decay, nesterov, maximize, first_step
):
    for i, (p, g) in enumerate(zip(params, grads)):
        g = -g if maximize else g
        g = g + weight_decay * p
        if momentum != 0:
            b = buffers[i]
            b[...] = g if first_step else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p[...] = p - lr * g


def adam_reference(
    params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, *, step, lr, beta1, beta2, eps, weight_decay,
    amsgrad, maximize, decoupled,
):  # fmt: skip
    for i, (p, g, m, v) in enumerate(zip(params, grads, exp_avgs, exp_avg_sqs)):
        g = -g if maximize else g
        if decoupled:
            p[...] = p * (1 - lr * weight_decay)
        else:
            g = g + weight_decay * p
        m[...] = m + (1 - beta1) * (g - m)
        v[...] = beta2 * v + (1 - beta2) * g * g
        w = v
        if amsgrad:
            w = max_exp_avg_sqs[i]
            w[...] = np.maximum(w, v)
        denominator = np.sqrt(w) / math.sqrt(1 - beta2**step) + eps
        p[...] = p - lr / (1 - beta1**step) * (m / denominator)


def rmsprop_reference(
    params,
    grads,
    square_avgs,
    grad_avgs,
    buffers,
    *,
    lr,
    alpha,
    eps,
    weight_decay,
    momentum,
    centered,
    maximize,
):
    for i, (p, g, v) in enumerate(zip(params, grads, square_avgs)):
        g = -g if maximize else g
        g = g + weight_decay * p
        v[...] = alpha * v + (1 - alpha) * g * g
        w = v
        if centered:
            a = grad_avgs[i]
            a[...] = a + (1 - alpha) * (g - a)
            w = v - a * a
        update = g / (np.sqrt(w) + eps)
        if momentum > 0:
            buffers[i][...] = momentum * buffers[i] + update
            update = buffers[i]
        p[...] = p - lr * update


# ---- Helpers

SHAPES = [(3, 4), (5,), (), (0, 2), (2, 1, 3)]


def random_arrays(seed, shapes=SHAPES, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape), dtype=dtype) for shape in shapes]


def parameters(seed=0, dtype=np.float64):
    return [plait.tensor(a).requires_grad_() for a in random_arrays(seed, dtype=dtype)]


def set_grads(params, seed):
    for p, g in zip(params, random_arrays(seed, [tuple(p.shape) for p in params])):
        p.grad = plait.tensor(g).to(p.dtype)


def values(params):
    return [p.detach().numpy().copy() for p in params]


def assert_same(got, want, rtol=1e-12, atol=1e-12):
    assert len(got) == len(want)
    for a, b in zip(got, want):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


SGD_CASES = [
    {},
    {"weight_decay": 0.1},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.9, "nesterov": True, "maximize": True, "weight_decay": 0.01},
    {"maximize": True},
]
ADAM_CASES = [
    {},
    {"weight_decay": 0.1},
    {"amsgrad": True},
    {"amsgrad": True, "maximize": True, "weight_decay": 0.1, "betas": (0.5, 0.9), "eps": 1e-3},
]
RMSPROP_CASES = [
    {},
    {"momentum": 0.9},
    {"centered": True},
    {"centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True},
]


class Reference:
    """An optimiser that keeps its state in NumPy, for the four fused ones."""

    def __init__(self, name, params, options):
        self.name, self.params, self.count = name, params, 0
        self.slots = [[np.zeros_like(p) for p in params] for _ in range(3)]
        o = {
            "lr": 0.05,
            "momentum": 0,
            "dampening": 0,
            "weight_decay": 0,
            "nesterov": False,
            "maximize": False,
        }
        if name in ("Adam", "AdamW"):
            o = {"lr": 0.05, "betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": False, "maximize": False}
            o["weight_decay"] = 0.01 if name == "AdamW" else 0
        elif name == "RMSprop":
            o = {
                "lr": 0.05,
                "alpha": 0.99,
                "eps": 1e-8,
                "weight_decay": 0,
                "momentum": 0,
                "centered": False,
                "maximize": False,
            }
        self.options = {**o, **options}

    def step(self, grads):
        self.count += 1
        o = dict(self.options)
        if self.name == "SGD":
            sgd_reference(self.params, grads, self.slots[0], first_step=self.count == 1, **o)
        elif self.name == "RMSprop":
            rmsprop_reference(self.params, grads, *self.slots, **o)
        else:
            o["beta1"], o["beta2"] = o.pop("betas")
            adam_reference(
                self.params, grads, *self.slots, step=self.count, decoupled=self.name == "AdamW", **o
            )


FUSED = [
    (name, options)
    for name, cases in [
        ("SGD", SGD_CASES),
        ("Adam", ADAM_CASES),
        ("AdamW", ADAM_CASES),
        ("RMSprop", RMSPROP_CASES),
    ]
    for options in cases
]
PLAIN = [
    ("Adagrad", {}),
    ("Adagrad", {"lr_decay": 0.1, "weight_decay": 0.1, "initial_accumulator_value": 0.5, "maximize": True}),
    ("Adadelta", {}),
    ("Adadelta", {"rho": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {}),
    ("Adamax", {"weight_decay": 0.1, "betas": (0.5, 0.9), "maximize": True}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    ("NAdam", {"weight_decay": 0.1, "momentum_decay": 0.1}),
    ("RAdam", {}),
    ("RAdam", {"weight_decay": 0.1, "betas": (0.8, 0.9)}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
]
IDS = [f"{name}-{'-'.join(options) or 'defaults'}" for name, options in FUSED]


# ---- Steps


@pytest.mark.parametrize(("name", "options"), FUSED, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fused_step_is_the_reference(name, options, dtype):
    params = parameters(0, dtype)
    opt = getattr(plait.optim, name)(params, lr=0.05, **options)
    reference = Reference(name, [a.astype(np.float64) for a in values(params)], options)
    for k in range(5):
        set_grads(params, 10 + k)
        opt.step()
        reference.step([p.grad.numpy().astype(np.float64) for p in params])
    # float32: a handful of operations a step, five steps; Adam's ratio m / sqrt(v) loses a few bits more
    tolerance = 1e-11 if dtype == np.float64 else 3e-5
    assert_same(values(params), reference.params, tolerance, tolerance)
    assert all(p.requires_grad and p.is_leaf for p in params)


def test_fused_step_takes_non_contiguous_parameters_and_gradients():
    for name, options in FUSED:
        params = [plait.tensor(a).T.requires_grad_() for a in random_arrays(3, [(3, 4), (2, 5)])]
        params = [p if p.is_leaf else p.detach().requires_grad_() for p in params]
        assert not params[0].is_contiguous()
        opt = getattr(plait.optim, name)(params, lr=0.05, **options)
        reference = Reference(name, [np.ascontiguousarray(a) for a in values(params)], options)
        for k in range(3):
            grads = random_arrays(20 + k, [(4, 3), (5, 2)])
            for p, g in zip(params, grads):
                p.grad = plait.tensor(g)
            opt.step()
            reference.step(grads)
        assert_same(values(params), reference.params, 1e-11, 1e-11)


def test_options_are_read_at_every_step():
    params = parameters()
    opt = plait.optim.SGD(params, lr=0.05, momentum=0.9)
    reference = Reference("SGD", values(params), {"momentum": 0.9})
    for k, lr in enumerate([0.1, 0.01, 0.5]):
        opt.param_groups[0]["lr"] = reference.options["lr"] = lr
        opt.param_groups[0]["momentum"] = reference.options["momentum"] = 0.5 + 0.1 * k
        set_grads(params, k)
        opt.step()
        reference.step([p.grad.numpy() for p in params])
    assert_same(values(params), reference.params)


def test_momentum_turned_on_later_starts_from_the_gradient():
    params = parameters()
    opt = plait.optim.SGD(params, lr=0.1)
    set_grads(params, 0)
    opt.step()
    assert opt.state_dict()["state"] == {}
    opt.param_groups[0]["momentum"] = 0.9
    set_grads(params, 1)
    opt.step()
    assert_same([opt.state[p]["momentum_buffer"].numpy() for p in params], [p.grad.numpy() for p in params])


def test_parameters_without_gradient_are_left_alone_and_keep_their_own_count():
    a, b = (plait.tensor(x).requires_grad_() for x in random_arrays(0, [(3,), (3,)]))
    opt = plait.optim.Adam([a, b], lr=0.1)
    first, second = (
        Reference("Adam", [values([a])[0]], {"lr": 0.1}),
        Reference("Adam", [values([b])[0]], {"lr": 0.1}),
    )
    rng = np.random.default_rng(5)
    for k in range(8):
        ga, gb = rng.standard_normal(3), rng.standard_normal(3)
        a.grad = plait.tensor(ga)
        b.grad = plait.tensor(gb) if k % 3 == 1 else None
        opt.step()
        first.step([ga])
        if k % 3 == 1:
            second.step([gb])
    assert_same(values([a, b]), [first.params[0], second.params[0]])
    assert [float(opt.state[p]["step"]) for p in (a, b)] == [8.0, 3.0]


def test_step_without_any_gradient_does_nothing():
    params = parameters()
    before = values(params)
    for name in ("SGD", "AdamW", "RMSprop", "Adagrad", "RAdam"):
        assert getattr(plait.optim, name)(params).step() is None
    assert_same(values(params), before, 0, 0)


def test_groups_have_their_own_options_and_dtypes_may_be_mixed():
    a = plait.tensor([1.0, 2.0], dtype=plait.float32).requires_grad_()
    b = plait.tensor([1.0, 2.0], dtype=plait.float64).requires_grad_()
    c = plait.tensor([1.0, 2.0], dtype=plait.float64).requires_grad_()
    opt = plait.optim.SGD([{"params": [a, b]}, {"params": c, "lr": 0.5}], lr=0.25)
    (a.sum() + b.sum() + c.sum()).backward()
    opt.step()
    assert a.tolist() == b.tolist() == [0.75, 1.75]
    assert c.tolist() == [0.5, 1.5]


def test_complex_parameters_move_in_both_parts():
    start = np.array([1 + 2j, -0.5 + 0.25j])
    grads = [np.array([0.3 - 0.1j, 1j]), np.array([-0.2 + 0.4j, 2.0 + 0j])]
    for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam"):
        z = plait.tensor(start).requires_grad_()
        x = plait.tensor(np.stack([start.real, start.imag], -1)).requires_grad_()
        options = {"momentum": 0.9} if name == "SGD" else {}
        oz, ox = (getattr(plait.optim, name)([p], lr=0.1, **options) for p in (z, x))
        for g in grads:
            z.grad = plait.tensor(g)
            x.grad = plait.tensor(np.stack([g.real, g.imag], -1))
            oz.step()
            ox.step()
        got = z.detach().numpy()
        np.testing.assert_allclose(np.stack([got.real, got.imag], -1), x.detach().numpy(), rtol=1e-12)


def test_closure_runs_with_grad_and_its_loss_comes_back():
    w = plait.tensor([2.0]).requires_grad_()
    opt = plait.optim.SGD([w], lr=0.25)

    def closure():
        assert plait.is_grad_enabled()
        opt.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with plait.no_grad():
        assert float(opt.step(closure)) == 4.0
    assert w.item() == 1.0


def test_zero_grad():
    w = plait.ones(3).requires_grad_()
    opt = plait.optim.SGD([w], lr=0.1)
    w.sum().backward()
    kept = w.grad
    opt.zero_grad(set_to_none=False)
    assert w.grad is kept
    assert kept.tolist() == [0, 0, 0]
    opt.zero_grad()
    assert w.grad is None


def test_lbfgs_finds_the_minimum_of_rosenbrock():
    for line_search, lr, steps in (("strong_wolfe", 1, 5), (None, 0.1, 60)):
        x = plait.tensor([-1.2, 1.0], dtype=plait.float64).requires_grad_()
        opt = plait.optim.LBFGS([x], lr=lr, max_iter=40, line_search_fn=line_search)

        def closure(x=x, opt=opt):
            opt.zero_grad()
            loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
            loss.backward()
            return loss

        for _ in range(steps):
            opt.step(closure)
        np.testing.assert_allclose(x.detach().numpy(), [1, 1], atol=1e-4)


# ---- State


def test_state_looks_like_pytorchs_and_steps_are_live():
    params = parameters()
    opt = plait.optim.AdamW(params, amsgrad=True)
    set_grads(params, 1)
    opt.step()
    entry = opt.state[params[0]]
    assert list(entry) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    step = entry["step"]
    assert (step.shape, step.dtype, float(step)) == ((), plait.float32, 1.0)
    opt.step()
    assert float(opt.state[params[0]]["step"]) == 2.0
    assert float(opt.state_dict()["state"][0]["step"]) == 2.0
    keys = {
        "lr",
        "betas",
        "eps",
        "weight_decay",
        "amsgrad",
        "maximize",
        "foreach",
        "capturable",
        "differentiable",
    }
    group = opt.state_dict()["param_groups"][0]
    assert keys < set(group)
    assert group["params"] == [0, 1, 2, 3, 4]


def test_replaced_state_and_parameters_are_seen():
    w = plait.tensor([1.0, 2.0], dtype=plait.float64).requires_grad_()
    opt = plait.optim.SGD([w], lr=1.0, momentum=0.5)
    w.grad = plait.ones_like(w)
    opt.step()
    opt.state[w]["momentum_buffer"] = plait.tensor([10.0, 20.0], dtype=plait.float64)
    opt.step()
    assert opt.state[w]["momentum_buffer"].tolist() == [6.0, 11.0]
    new = plait.tensor([5.0, 5.0, 5.0], dtype=plait.float64).requires_grad_()
    new.grad = plait.ones_like(new)
    before = w.tolist()
    opt.param_groups[0]["params"][0] = new
    opt.step()
    assert new.tolist() == [4.0, 4.0, 4.0]
    assert w.tolist() == before
    opt.add_param_group({"params": [w], "lr": 0.0})
    opt.step()
    assert w.tolist() == before


@pytest.mark.parametrize(("name", "options"), FUSED + PLAIN)
def test_resuming_from_a_state_dict_changes_nothing(name, options):
    params = parameters()
    opt = getattr(plait.optim, name)(params, lr=0.05, **options)
    for k in range(3):
        set_grads(params, k)
        opt.step()
    twins = [p.detach().clone().requires_grad_() for p in params]
    other = getattr(plait.optim, name)(twins, lr=99.0)
    other.load_state_dict(pickle.loads(pickle.dumps(opt.state_dict())))
    unpickled = copy.deepcopy(opt)
    copies = unpickled.param_groups[0]["params"]
    for k in range(3, 6):
        for these, optimizer in ((params, opt), (twins, other), (copies, unpickled)):
            set_grads(these, k)
            optimizer.step()
    assert_same(values(twins), values(params), 0, 0)
    assert_same(values(copies), values(params), 0, 0)


def test_loaded_state_is_a_copy_in_the_parameters_dtype():
    w = plait.ones(2, dtype=plait.float64).requires_grad_()
    opt = plait.optim.Adam([w])
    w.grad = plait.ones_like(w)
    opt.step()
    half = plait.ones(2, dtype=plait.float32).requires_grad_()
    other = plait.optim.Adam([half])
    other.load_state_dict(opt.state_dict())
    assert other.state[half]["exp_avg"].dtype == plait.float32
    assert other.state[half]["step"].dtype == plait.float32
    before = opt.state[w]["exp_avg"].tolist()
    half.grad = plait.ones_like(half)
    other.step()
    assert opt.state[w]["exp_avg"].tolist() == before
    assert float(opt.state[w]["step"]) == 1.0


def test_old_state_with_plain_numbers_as_steps_loads():
    w = plait.ones(2).requires_grad_()
    opt = plait.optim.Adam([w])
    w.grad = plait.ones_like(w)
    opt.step()
    saved = opt.state_dict()
    saved = {"state": {0: {**saved["state"][0], "step": 7}}, "param_groups": saved["param_groups"]}
    opt.load_state_dict(saved)
    opt.step()
    assert float(opt.state[w]["step"]) == 8.0


def test_named_parameters():
    w, b = plait.ones(2).requires_grad_(), plait.ones(1).requires_grad_()
    opt = plait.optim.SGD([("w", w), ("b", b)], lr=0.1)
    assert opt.param_groups[0]["param_names"] == ["w", "b"]
    assert opt.param_groups[0]["params"][0] is w
    with pytest.raises(ValueError, match="named"):
        opt.add_param_group({"params": [plait.ones(1).requires_grad_()]})


# ---- Hooks and subclasses


def test_hooks_run_around_the_step():
    w = plait.ones(1).requires_grad_()
    w.grad = plait.ones(1)
    calls = []

    class Custom(plait.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.5})

        def step(self, closure=None):
            calls.append("step")

    for cls in (plait.optim.SGD, plait.optim.Adam, plait.optim.Adagrad, Custom):
        calls.clear()
        opt = cls([w])
        pre = opt.register_step_pre_hook(lambda opt, args, kwargs: calls.append("pre"))
        opt.register_step_post_hook(lambda opt, args, kwargs: calls.append("post"))
        opt.step()
        assert [c for c in calls if c != "step"] == ["pre", "post"]
        pre.remove()
        opt.step()
        assert [c for c in calls if c != "step"] == ["pre", "post", "post"]


def test_a_subclass_that_calls_super_runs_hooks_once():
    class Noisy(plait.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    w = plait.ones(1).requires_grad_()
    w.grad = plait.ones(1)
    opt = Noisy([w], lr=0.25)
    calls = []
    opt.register_step_post_hook(lambda *_: calls.append(1))
    opt.step()
    assert calls == [1]
    assert w.item() == 0.75


def test_state_dict_hooks():
    w = plait.ones(1).requires_grad_()
    opt = plait.optim.SGD([w], lr=0.1)
    opt.register_state_dict_post_hook(lambda opt, state: {**state, "note": "kept"})
    seen = []
    opt.register_load_state_dict_pre_hook(lambda opt, state: seen.append(state["note"]))
    opt.load_state_dict(opt.state_dict())
    assert seen == ["kept"]


# ---- Errors


def test_errors_say_what_to_do():
    w = plait.ones(2).requires_grad_()
    sgd = plait.optim.SGD
    with pytest.raises(TypeError, match=r"iterable of tensors.*try \[tensor\]"):
        sgd(w, lr=0.1)
    with pytest.raises(ValueError, match="empty parameter list"):
        sgd([], lr=0.1)
    with pytest.raises(TypeError, match="params\\[0\\] should be a Tensor, got int"):
        sgd([3], lr=0.1)
    with pytest.raises(ValueError, match="not a leaf"):
        sgd([w * 2], lr=0.1)
    with pytest.raises(ValueError, match="more than one parameter group"):
        sgd([{"params": [w]}, {"params": [w]}], lr=0.1)
    with pytest.raises(TypeError, match=r"order.*set"):
        sgd([{"params": {w}}], lr=0.1)
    for bad in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="lr should be at least 0"):
            sgd([w], lr=bad)
    with pytest.raises(ValueError, match="betas\\[1\\] should be in"):
        plait.optim.Adam([w], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="nesterov"):
        sgd([w], nesterov=True)
    with pytest.raises(ValueError, match="differentiable"):
        sgd([w], differentiable=True)
    with pytest.raises(ValueError, match="strong_wolfe"):
        plait.optim.LBFGS([w], line_search_fn="armijo")
    one, two = sgd([w], lr=0.1), sgd([{"params": [w]}, {"params": [plait.ones(1).requires_grad_()]}], lr=0.1)
    with pytest.raises(ValueError, match="1 parameter groups"):
        two.load_state_dict(one.state_dict())
    with pytest.raises(ValueError, match="a model's state_dict"):
        one.load_state_dict({"weight": 1})


# ---- Schedulers


def run_schedule(module, lib_optim, make, epochs=25, optimizer="SGD"):
    w = module.ones(1).requires_grad_()
    v = module.ones(1).requires_grad_()
    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    opt = getattr(lib_optim, optimizer)([{"params": [w], "lr": 0.5}, {"params": [v]}], lr=1.0, **options)
    schedule = make(lib_optim.lr_scheduler, opt)
    rows = []
    for epoch in range(epochs):
        group = opt.param_groups[0]
        momentum = group["momentum"] if "momentum" in group else group["betas"][0]
        rows.append([*[g["lr"] for g in opt.param_groups], *schedule.get_last_lr(), momentum])
        opt.step()
        if isinstance(schedule, lib_optim.lr_scheduler.ReduceLROnPlateau):
            schedule.step([3.0, 2.0, 2.0, 2.0, 2.0, 1.5][epoch % 6] / (1 + epoch // 12))
        else:
            schedule.step()
    return np.array(rows, dtype=np.float64)


SCHEDULES = {
    "StepLR": lambda s, o: s.StepLR(o, 3, gamma=0.5),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], gamma=0.5),
    "ConstantLR": lambda s, o: s.ConstantLR(o, factor=0.25, total_iters=4),
    "LinearLR": lambda s, o: s.LinearLR(o, start_factor=0.1, end_factor=0.8, total_iters=7),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, gamma=0.9),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, total_iters=10, power=2.0),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, T_max=6, eta_min=0.05),
    "CosineAnnealingWarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(
        o, T_0=3, T_mult=2, eta_min=0.01
    ),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (1 + e)]),
    "MultiplicativeLR": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.01 * e),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, max_lr=[1.0, 2.0], total_steps=30),
    "OneCycleLR-three": lambda s, o: s.OneCycleLR(
        o, max_lr=1.0, epochs=6, steps_per_epoch=5, three_phase=True, anneal_strategy="linear"
    ),
    "CyclicLR": lambda s, o: s.CyclicLR(o, 0.1, 1.0, step_size_up=4, step_size_down=3),
    "CyclicLR-2": lambda s, o: s.CyclicLR(o, [0.1, 0.2], 1.0, step_size_up=4, mode="triangular2"),
    "CyclicLR-exp": lambda s, o: s.CyclicLR(o, 0.1, 1.0, step_size_up=4, mode="exp_range", gamma=0.9),
    "CyclicLR-own": lambda s, o: s.CyclicLR(o, 0.1, 1.0, 4, scale_fn=lambda x: 1 / x, cycle_momentum=False),
    "SequentialLR": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingLR(o, 10), s.ExponentialLR(o, 0.8)], [4, 12]
    ),
    "ChainedScheduler": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)]),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o, patience=1, factor=0.5, cooldown=1, min_lr=0.01),
    "ReduceLROnPlateau-max": lambda s, o: s.ReduceLROnPlateau(
        o, mode="max", patience=2, threshold_mode="abs", threshold=0.1, min_lr=[0.2, 0.0]
    ),
}

CLOSED_FORMS = {
    "StepLR": lambda e: 0.5 ** (e // 3),
    "MultiStepLR": lambda e: 0.5 ** ((e >= 2) + 2 * (e >= 5) + (e >= 9)),
    "ConstantLR": lambda e: 0.25 if e < 4 else 1.0,
    "LinearLR": lambda e: 0.1 + 0.7 * min(e, 7) / 7,
    "ExponentialLR": lambda e: 0.9**e,
    "PolynomialLR": lambda e: (1 - min(e, 10) / 10) ** 2,
}


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_schedules_follow_their_closed_form(name):
    rows = run_schedule(plait, plait.optim, SCHEDULES[name])
    want = [CLOSED_FORMS[name](e) for e in range(len(rows))]
    np.testing.assert_allclose(rows[:, 1], want, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(rows[:, 0], 0.5 * np.array(want), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(rows[:, :2], rows[:, 2:4])


def test_cosine_annealing_closed_form_with_restarts():
    rows = run_schedule(plait, plait.optim, SCHEDULES["CosineAnnealingLR"])
    epochs = np.arange(len(rows))
    want = 0.05 + 0.95 * (1 + np.cos(np.pi * epochs / 6)) / 2
    np.testing.assert_allclose(rows[:, 1], want, rtol=1e-10)
    rows = run_schedule(plait, plait.optim, SCHEDULES["CosineAnnealingWarmRestarts"], epochs=21)
    position = [e / 3 for e in range(3)] + [e / 6 for e in range(6)] + [e / 12 for e in range(12)]
    want = 0.01 + 0.99 * (1 + np.cos(np.pi * np.array(position))) / 2
    np.testing.assert_allclose(rows[:, 1], want, rtol=1e-12)


def test_one_cycle_moves_momentum_against_the_rate():
    rows = run_schedule(plait, plait.optim, SCHEDULES["OneCycleLR"], epochs=30)
    assert rows[0, 0] == pytest.approx(1 / 25)
    assert rows[8, 0] == pytest.approx(1.0)
    assert rows[-1, 0] == pytest.approx(1 / 25e4)
    assert (rows[0, 4], rows[8, 4], rows[-1, 4]) == pytest.approx((0.95, 0.85, 0.95))
    with pytest.raises(ValueError, match="more total_steps"):
        run_schedule(plait, plait.optim, SCHEDULES["OneCycleLR"], epochs=32)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_resume(name):
    def make():
        w, v = plait.ones(1).requires_grad_(), plait.ones(1).requires_grad_()
        opt = plait.optim.SGD([{"params": [w], "lr": 0.5}, {"params": [v]}], lr=1.0, momentum=0.9)
        return opt, SCHEDULES[name](lr_scheduler, opt)

    def advance(opt, schedule):
        opt.step()
        if isinstance(schedule, lr_scheduler.ReduceLROnPlateau):
            schedule.step(1.0)
        else:
            schedule.step()
        return [g["lr"] for g in opt.param_groups]

    opt, schedule = make()
    for _ in range(7):
        advance(opt, schedule)
    saved = pickle.loads(pickle.dumps((opt.state_dict(), schedule.state_dict())))
    opt2, schedule2 = make()
    opt2.load_state_dict(saved[0])
    schedule2.load_state_dict(saved[1])
    for _ in range(9):
        assert advance(opt2, schedule2) == advance(opt, schedule)
    assert schedule2.get_last_lr() == schedule.get_last_lr()


def test_wrong_order_of_steps_warns_once_and_right_order_does_not():
    w = plait.ones(1).requires_grad_()
    opt = plait.optim.SGD([w], lr=1.0)
    schedule = lr_scheduler.StepLR(opt, 1)
    with pytest.warns(UserWarning, match="optimizer.step\\(\\) first"):
        schedule.step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schedule.step()
        opt2 = plait.optim.Adagrad([w])
        schedule2 = lr_scheduler.StepLR(opt2, 1)
        opt2.step()
        schedule2.step()


def test_a_rate_in_a_tensor_stays_that_tensor():
    w = plait.ones(1).requires_grad_()
    rate = plait.tensor(1.0, dtype=plait.float64)
    opt = plait.optim.SGD([w], lr=rate)
    schedule = lr_scheduler.ExponentialLR(opt, 0.5)
    w.grad = plait.ones(1)
    opt.step()
    schedule.step()
    assert opt.param_groups[0]["lr"] is rate
    assert float(rate) == 0.5
    assert float(schedule.base_lrs[0]) == 1.0


def test_scheduler_errors():
    w = plait.ones(1).requires_grad_()
    opt = plait.optim.Adagrad([w])
    with pytest.raises(TypeError, match="expected an Optimizer, got int"):
        lr_scheduler.StepLR(3, 1)
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.StepLR(opt, 1, last_epoch=5)
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        lr_scheduler.CyclicLR(opt, 0.1, 1.0)
    with pytest.raises(ValueError, match="total_steps, or both"):
        lr_scheduler.OneCycleLR(opt, 0.1)
    with pytest.raises(ValueError, match=r"1 milestones|0 milestones"):
        lr_scheduler.SequentialLR(opt, [lr_scheduler.StepLR(opt, 1)], [3])
    with pytest.raises(ValueError, match="mode should be"):
        lr_scheduler.ReduceLROnPlateau(opt, mode="least")


# ---- PyTorch, where it is installed


@pytest.mark.parametrize(("name", "options"), FUSED + PLAIN)
def test_steps_are_pytorchs(name, options):
    torch = pytest.importorskip("torch")
    params = parameters()
    theirs = [torch.tensor(a).requires_grad_() for a in values(params)]
    ours = getattr(plait.optim, name)(params, lr=0.05, **options)
    other = getattr(torch.optim, name)(theirs, lr=0.05, foreach=False, **options)
    for k in range(12):
        set_grads(params, k)
        for p, q in zip(params, theirs):
            q.grad = torch.tensor(p.grad.numpy().copy())
        ours.step()
        other.step()
    assert_same(values(params), [q.detach().numpy() for q in theirs], 1e-10, 1e-10)
    a, b = ours.state_dict(), other.state_dict()
    assert set(a["param_groups"][0]) == set(b["param_groups"][0])
    assert a["state"].keys() == b["state"].keys()
    for index, entry in b["state"].items():
        assert set(entry) == set(a["state"][index])
        for key, value in entry.items():
            np.testing.assert_allclose(a["state"][index][key].numpy(), value.numpy(), rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("line_search", [None, "strong_wolfe"])
def test_lbfgs_is_pytorchs(line_search):
    torch = pytest.importorskip("torch")
    paths = []
    for lib in (plait, torch):
        x = lib.tensor([-1.2, 1.0, 0.5], dtype=lib.float64).requires_grad_()
        opt = lib.optim.LBFGS([x], lr=0.5, max_iter=7, history_size=3, line_search_fn=line_search)

        def closure(x=x, opt=opt):
            opt.zero_grad()
            loss = (1 - x[0]) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2 + (x[2] ** 4)
            loss.backward()
            return loss

        path = []
        for _ in range(4):
            loss = opt.step(closure)
            path.append([float(loss.detach()), *x.detach().numpy()])
        paths.append(path)
    np.testing.assert_allclose(paths[0], paths[1], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_schedules_are_pytorchs(name, optimizer):
    torch = pytest.importorskip("torch")
    ours = run_schedule(plait, plait.optim, SCHEDULES[name], optimizer=optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = run_schedule(torch, torch.optim, SCHEDULES[name], optimizer=optimizer)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def test_closed_forms_are_pytorchs():
    torch = pytest.importorskip("torch")
    for name, make in SCHEDULES.items():
        rows = []
        for lib in (plait, torch):
            w, v = lib.ones(1).requires_grad_(), lib.ones(1).requires_grad_()
            opt = lib.optim.SGD([{"params": [w], "lr": 0.5}, {"params": [v]}], lr=1.0)
            schedule = make(lib.optim.lr_scheduler, opt)
            if not hasattr(schedule, "_get_closed_form_lr"):
                break
            schedule.last_epoch = 4
            rows.append(schedule._get_closed_form_lr())
        if rows:
            np.testing.assert_allclose(rows[0], rows[1], rtol=1e-12, err_msg=name)
