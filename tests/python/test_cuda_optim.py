"""Fused optimiser steps, norms and scaling of lists of tensors on CUDA, against the CPU's."""

import itertools
import math

import numpy as np
import plait
import pytest
from cuda_device import IS_EMULATED, needs_cuda
from opinfo.bridge import mismatch
from opinfo.core import Tol

pytestmark = needs_cuda

FLOATS = ("float16", "bfloat16", "float32", "float64")
# Chunks are of 4096 elements at least; vectors of 2 or 4.
SHAPES = ((), (1,), (3,), (0,), (5, 7), (64,), (4095,), (4096,), (4097,), (33, 257), (3, 1, 2, 2))


def dtype_of(name):
    return getattr(plait, name)


def make(shapes, dtype, seed, low=-1.0):
    rng = np.random.default_rng(seed)
    return [plait.tensor(rng.uniform(low, 1, s)).to(dtype_of(dtype)) for s in shapes]


def on_cuda(tensors):
    return [t.cuda() for t in tensors]


def close(cuda, cpu, dtype, tol=None):
    for a, b in zip(cuda, cpu, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        error = mismatch(a.cpu().double().numpy(), b.double().numpy(), dtype, tol or Tol(8, 1, floor=1))
        assert error is None, error


ADAM = [
    {},
    {"weight_decay": 0.1},
    {"weight_decay": 0.1, "amsgrad": True},
    {"maximize": True, "decoupled": True, "weight_decay": 0.3},
]
SGD = [
    {},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    {"momentum": 0.5, "dampening": 0.25, "maximize": True},
]
RMSPROP = [
    {},
    {"momentum": 0.9},
    {"centered": True},
    {"centered": True, "momentum": 0.5, "weight_decay": 0.1},
]


def adam(p, g, states, step, options):
    numbers = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False}
    numbers |= {"maximize": False, "decoupled": False} | options
    plait._fused_adam_(
        p, g, states[0], states[1], states[2] if numbers["amsgrad"] else [], step=step, **numbers
    )


def sgd(p, g, states, step, options):
    numbers = {
        "lr": 0.1,
        "momentum": 0.0,
        "dampening": 0.0,
        "weight_decay": 0.0,
        "nesterov": False,
        "maximize": False,
    }
    numbers |= options
    buffers = states[0] if numbers["momentum"] else []
    plait._fused_sgd_(p, g, buffers, first_step=step == 1, **numbers)


def rmsprop(p, g, states, step, options):
    numbers = {"lr": 0.01, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.0, "momentum": 0.0, "centered": False}
    numbers |= {"maximize": False} | options
    averages = states[1] if numbers["centered"] else []
    plait._fused_rmsprop_(p, g, states[0], averages, states[2] if numbers["momentum"] else [], **numbers)


STEPS = [(adam, o) for o in ADAM] + [(sgd, o) for o in SGD] + [(rmsprop, o) for o in RMSPROP]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    ("step", "options"), STEPS, ids=[f"{f.__name__}-{i % 4}" for i, (f, _) in enumerate(STEPS)]
)
def test_steps(step, options, dtype):
    params = make(SHAPES, dtype, 0)
    states = [[plait.zeros_like(p) for p in params] for _ in range(3)]
    cuda_params, cuda_states = on_cuda(params), [on_cuda(s) for s in states]
    for t in range(1, 4):
        grads = make(SHAPES, dtype, t)
        step(params, grads, states, t, options)
        step(cuda_params, on_cuda(grads), cuda_states, t, options)
        # Each step starts from equal numbers: what differs by rounding would be amplified.
        close(cuda_params, params, dtype)
        for cuda, cpu in zip(cuda_states, states, strict=True):
            close(cuda, cpu, dtype)
            for a, b in zip(cuda, cpu, strict=True):
                a.copy_(b)
        for a, b in zip(cuda_params, params, strict=True):
            a.copy_(b)


@pytest.mark.parametrize("dtype", ("bfloat16", "float32"))
def test_layouts_and_alignment(dtype):
    """Parameters that begin at odd elements, that are transposed, channels-last, or have gaps."""

    def views(flat):
        yield flat[1:100]
        yield flat[103:4203].reshape(20, 205).t()
        yield flat[:1024].reshape(4, 16, 4, 4).to(memory_format=plait.channels_last)
        yield flat[4300:4900:2]
        yield flat[4907:4908]

    flats = make([(5000,)] * 3, dtype, 1)
    p, cuda_p = list(views(flats[0])), list(views(flats[0].cuda()))
    states = [list(views(plait.zeros_like(flats[0]))) for _ in range(3)]
    cuda_states = [list(views(plait.zeros_like(flats[0]).cuda())) for _ in range(3)]
    for t in (1, 2):
        g = [x.contiguous() for x in views(flats[t])]  # not laid out as the parameter is
        adam(p, g, states, t, {"amsgrad": True})
        adam(cuda_p, on_cuda(g), cuda_states, t, {"amsgrad": True})
    close([x.contiguous() for x in cuda_p], [x.contiguous() for x in p], dtype, Tol(32, 4, half=(2, 1)))
    for a, b in zip(cuda_states, states, strict=True):
        close([x.contiguous() for x in a], [x.contiguous() for x in b], dtype, Tol(32, 4, half=(2, 1)))


def test_hundreds_of_tensors():
    """More than one launch's arguments hold."""
    shapes = [(i % 37 + 1,) for i in range(700)] + [(70_000,)] + [(3,)] * 30
    params, grads = make(shapes, "float32", 0), make(shapes, "float32", 1)
    states = [[plait.zeros_like(p) for p in params] for _ in range(3)]
    cuda_params, cuda_states = on_cuda(params), [on_cuda(s) for s in states]
    adam(params, grads, states, 1, {})
    adam(cuda_params, on_cuda(grads), cuda_states, 1, {})
    close(cuda_params, params, "float32")
    close([plait._total_norm(on_cuda(grads), 2.0)], [plait._total_norm(grads, 2.0)], "float32", Tol(1))
    cuda_grads = on_cuda(grads)
    plait._foreach_zero_(cuda_grads)
    assert all(float(g.abs().sum().cpu()) == 0 for g in cuda_grads[::50])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("order", [0.0, 1.0, 2.0, 3.0, 0.5, math.inf])
def test_norms(dtype, order):
    tensors = make((*SHAPES, (16384,), (16385,)), dtype, 3)
    tol = Tol(32 if dtype == "float64" else 1)  # of float64 the sums' own rounding errors show
    close([plait._total_norm(on_cuda(tensors), order)], [plait._total_norm(tensors, order)], dtype, tol)
    views = [tensors[-1][1:], tensors[4].t(), tensors[-1][::3]]
    cuda = [tensors[-1].cuda()[1:], tensors[4].cuda().t(), tensors[-1].cuda()[::3]]
    close([plait._total_norm(cuda, order)], [plait._total_norm(views, order)], dtype, tol)
    for special in (math.nan, math.inf):
        tensors[5][63] = special
        close(
            [plait._total_norm(on_cuda(tensors), order)], [plait._total_norm(tensors, order)], dtype, tol
        )
    assert plait._total_norm([plait.zeros(0, device="cuda")], order).item() == 0


def test_a_norm_is_the_same_every_time():
    x = make([(100_000,), (12_345,)], "float32", 4)
    norms = {plait._total_norm(on_cuda(x), 2.0).item() for _ in range(5)}
    assert len(norms) == 1


@pytest.mark.parametrize("dtype", FLOATS)
def test_scaling(dtype):
    tensors = make(SHAPES, dtype, 5)
    for scale in (
        plait.tensor(0.3),
        plait.tensor(0.3).cuda(),
        plait.tensor([0.3]).cuda().to(dtype_of(dtype)),
    ):
        cuda = on_cuda(tensors)
        plait._foreach_mul_(cuda, scale)
        close(cuda, [t * float(scale.cpu()) for t in tensors], dtype, Tol(1))
    mixed = [tensors[4].cuda().t()[1:], plait.arange(5, device="cuda"), tensors[6].double().cuda()]
    expected = [m.cpu() * 2 for m in mixed]
    plait._foreach_mul_(mixed, plait.tensor(2))
    for a, b in zip(mixed, expected, strict=True):
        assert plait.equal(a.cpu(), b)


def test_zeros():
    tensors = [
        plait.ones(s, dtype=d, device="cuda")
        for s, d in itertools.product(SHAPES, (plait.uint8, plait.float64))
    ]
    tensors += [
        plait.ones(9, 9, device="cuda")[:, ::2],
        plait.ones(101, dtype=plait.int16, device="cuda")[1:100],
    ]
    plait._foreach_zero_(tensors)
    assert all(not bool(t.cpu().any()) for t in tensors)


def test_what_is_changed_is_known():
    """In-place changes count: a graph that saved a parameter refuses to go on."""
    p, g = plait.ones(5, device="cuda", requires_grad=True), plait.ones(5, device="cuda")
    loss = (p * p).sum()
    with plait.no_grad():
        sgd([p], [g], [[]], 1, {})
    with pytest.raises(RuntimeError, match=r"modified|changed|version"):
        loss.backward()


def test_errors():
    p, g = plait.ones(5, device="cuda"), plait.ones(5)
    with pytest.raises((RuntimeError, ValueError, TypeError), match="cpu"):
        sgd([p], [g], [[]], 1, {})
    with pytest.raises(TypeError, match="floating dtype, got"):
        i = plait.ones(5, dtype=plait.int64, device="cuda")
        sgd([i], [i], [[]], 1, {})
    with pytest.raises(ValueError, match="has shape"):
        sgd([p], [plait.ones(4, device="cuda")], [[]], 1, {})
    with pytest.raises(ValueError, match="step of 1 or more"):
        adam([p], [p], [[p], [p], []], 0, {})


def test_optimisers_train_alike():
    """A small network under each optimiser: parameters stay close to the CPU's."""
    for make_optimiser in (
        lambda p: plait.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
        lambda p: plait.optim.AdamW(p, lr=0.01),
        lambda p: plait.optim.Adam(p, lr=0.01, amsgrad=True),
        lambda p: plait.optim.RMSprop(p, lr=0.005, centered=True),
    ):
        finals = []
        for device in ("cpu", "cuda"):
            w = [t.to(device).requires_grad_() for t in make([(8, 4), (4,), (4, 1)], "float32", 6)]
            x = make([(32, 8)], "float32", 7)[0].to(device)
            optimiser = make_optimiser(w)
            for _ in range(5):
                optimiser.zero_grad()
                hidden = plait.tanh((x.unsqueeze(2) * w[0]).sum(1) + w[1])
                ((hidden.unsqueeze(2) * w[2]).sum(1) - 1).square().mean().backward()
                plait.nn.utils.clip_grad_norm_(w, 0.5)
                optimiser.step()
            finals.append([p.detach().cpu() for p in w])
        close(finals[1], finals[0], "float32", Tol(2000, 200))


def test_clipping_does_not_wait():
    """Within a capture a wait is an error."""
    w = plait.ones(1000, device="cuda", requires_grad=True)
    w.grad = plait.full((1000,), 2.0, device="cuda")
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        norm = plait.nn.utils.clip_grad_norm_([w], 1.0)
        plait._fused_sgd_(
            [w.detach()],
            [w.grad],
            [],
            lr=1.0,
            momentum=0.0,
            dampening=0.0,
            weight_decay=0.0,
            nesterov=False,
            maximize=False,
            first_step=True,
        )
    graph.replay()
    assert norm.item() == pytest.approx(2 * 1000**0.5)
    assert w.detach().cpu()[0].item() == pytest.approx(1 - 1 / 1000**0.5)


# ---- captured steps


def train(w, optimiser, x, steps, set_to_none=True):
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=set_to_none)
        ((x * w[0]).sum(1) + w[1] - 1).square().mean().backward()
        optimiser.step()


CAPTURED = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.9, "dampening": 0.5}),
    ("RMSprop", {"capturable": True}),
    ("RMSprop", {"capturable": True, "centered": True, "momentum": 0.9}),
    ("Adam", {"capturable": True}),
    ("Adam", {"capturable": True, "amsgrad": True, "weight_decay": 0.1, "foreach": True}),
    ("AdamW", {"capturable": True, "maximize": True, "fused": True}),
    ("NAdam", {"capturable": True, "decoupled_weight_decay": True, "weight_decay": 0.1}),
    ("RAdam", {"capturable": True, "betas": (0.8, 0.95)}),
    ("Adamax", {"capturable": True, "weight_decay": 0.1}),
    ("Adadelta", {"capturable": True}),
    ("ASGD", {"capturable": True, "t0": 3, "lambd": 0.1, "weight_decay": 0.1}),
    ("Rprop", {"capturable": True}),
]


@pytest.mark.parametrize("set_to_none", [False, True])
@pytest.mark.parametrize(("kind", "options"), CAPTURED)
def test_a_captured_training_step(kind, options, set_to_none):
    """A step that makes the state, then replays of a captured one: the same as eager steps."""
    results = []
    for captured in (False, True):
        w = [t.cuda().requires_grad_() for t in make([(6,), (1,)], "float32", 8)]
        x = make([(16, 6)], "float32", 9)[0].cuda()
        optimiser = getattr(plait.optim, kind)(w, lr=0.02, **options)
        train(w, optimiser, x, 2, set_to_none)
        if captured:
            before = [p.detach().clone() for p in w]
            # May be looked at: nothing is read from the device on that account.
            assert len(optimiser.state) == (0 if kind == "SGD" and "momentum" not in options else 2)
            graph = plait.cuda.CUDAGraph()
            with plait.cuda.graph(graph):
                train(w, optimiser, x, 1, set_to_none)
            for p, b in zip(w, before, strict=True):
                assert plait.equal(p.detach().cpu(), b.cpu())  # recorded, not run
            for _ in range(8):
                graph.replay()
            train(w, optimiser, x, 1, set_to_none)  # and on, eagerly
        else:
            train(w, optimiser, x, 9, set_to_none)
        state = [s.cpu() for p in w for s in optimiser.state[p].values() if isinstance(s, plait.Tensor)]
        results.append([*(p.detach().cpu() for p in w), *state])
        if "capturable" in options:
            assert [float(optimiser.state[p]["step"].cpu()) for p in w] == [11, 11]
    for a, b in zip(results[0], results[1], strict=True):
        assert plait.equal(a, b)  # the same kernels on the same numbers


PARAMETERS = ((5, 3), (4097,), ())
COUNTED = [
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {"maximize": True, "weight_decay": 0.3}),
    ("NAdam", {}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"betas": (0.8, 0.95)}),  # its variance is rectified after a few steps
    ("RAdam", {"weight_decay": 0.1, "maximize": True}),
    ("Adamax", {"weight_decay": 0.1}),
    ("Adadelta", {"weight_decay": 0.1}),
    ("ASGD", {"t0": 2, "lambd": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {"momentum": 0.9}),
]


def steps_of(kind, options, dtype, lr, later, graphed=False):
    """Ten steps from equal gradients, four with another learning rate; from the third on they are replays."""
    w = [t.cuda().requires_grad_() for t in make(PARAMETERS, dtype, 10)]
    optimiser = getattr(plait.optim, kind)(w, lr=lr, **options)
    for p in w:
        p.grad = plait.zeros_like(p)
    graph = None
    for t in range(10):
        for p, g in zip(w, make(PARAMETERS, dtype, 20 + t), strict=True):
            p.grad.copy_(g)
        if t == 6 and isinstance(lr, plait.Tensor):
            lr.fill_(later)
        elif t == 6:
            optimiser.param_groups[0]["lr"] = later
        if graphed and t == 2:
            graph = plait.cuda.CUDAGraph()
            with plait.cuda.graph(graph):
                optimiser.step()
        graph.replay() if graph else optimiser.step()
    entries = [x.cpu() for p in w for x in optimiser.state[p].values()]
    assert all(
        x.device.type == ("cuda" if options.get("capturable") else "cpu")
        for x in (optimiser.state[p]["step"] for p in w)
    )
    return [*(p.detach().cpu() for p in w), *entries]


@pytest.mark.parametrize("dtype", FLOATS[1:])
@pytest.mark.parametrize(("kind", "options"), COUNTED)
def test_steps_that_the_device_counts(kind, options, dtype):
    """The same results as of steps that the host counts; a replay is a step."""
    on_device = options | {"capturable": True}
    known = steps_of(kind, options, dtype, 0.05, 0.02)
    eager = steps_of(kind, on_device, dtype, 0.05, 0.02)
    tol = Tol(4, 4, floor=1)
    if IS_EMULATED and (kind in ("Adam", "AdamW", "RMSprop") or dtype in ("float32", "float64")):
        tol = Tol(0, 0)  # one libm computes the powers; tensor ops round a quotient to 16 bits
    close(eager, known, dtype, tol)
    graphed = steps_of(kind, on_device, dtype, 0.05, 0.05, graphed=True)
    for a, b in zip(graphed, steps_of(kind, on_device, dtype, 0.05, 0.05), strict=True):
        assert plait.equal(a, b)
    if kind == "RMSprop":  # takes the learning rate of the capture
        return
    rate = plait.tensor(0.05, dtype=plait.float64, device="cuda")
    for a, b in zip(steps_of(kind, on_device, dtype, rate, 0.02, graphed=True), eager, strict=True):
        assert plait.equal(a, b)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("options", ADAM)
def test_numbers_of_a_step_in_tensors(options, dtype):
    """Of any real dtype, on the host or on the device."""
    numbers = {"beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.0, "amsgrad": False}
    numbers |= {"maximize": False, "decoupled": False} | options
    params = make(SHAPES, dtype, 0)
    grads = on_cuda(make(SHAPES, dtype, 1))
    expected = [on_cuda(params)] + [[x.cuda().abs() for x in make(SHAPES, dtype, s)] for s in (2, 3, 4)]
    plait._fused_adam_(expected[0], grads, *expected[1:3], expected[3], step=3, lr=0.25, **numbers)
    cases = [(plait.tensor(3), plait.tensor(0.25)), (3, 0.25), (plait.tensor([3.0], device="cuda"), 0.25)]
    cases += [(3, plait.tensor(0.25, device="cuda", dtype=plait.bfloat16))]
    for step_type in (plait.int64, plait.uint8, plait.float16, plait.float64):
        cases.append((plait.tensor(3, dtype=step_type, device="cuda"), plait.tensor(0.25, device="cuda")))
    for step, lr in cases:
        got = [on_cuda(params)] + [[x.cuda().abs() for x in make(SHAPES, dtype, s)] for s in (2, 3, 4)]
        version = got[0][4]._version
        plait._fused_adam_capturable_(got[0], grads, *got[1:3], got[3], step=step, lr=lr, **numbers)
        assert got[0][4]._version > version
        for a, b in zip(got, expected, strict=True):
            close(a, [x.cpu() for x in b], dtype, Tol(0, 0) if IS_EMULATED else Tol(1, 1, floor=1))
    p = [plait.ones(5, device="cuda")]
    for wrong, message in [
        ({"step": plait.ones(2, device="cuda"), "lr": 0.1}, "expected step to be a real number .* shape"),
        ({"step": 1, "lr": plait.tensor(1j, device="cuda")}, "expected lr to be a real number .* complex64"),
        ({"step": 0, "lr": 0.1}, "step of 1 or more"),
    ]:
        with pytest.raises(ValueError, match=message):
            plait._fused_adam_capturable_(p, p, p, p, p, **numbers, **wrong)


def network(seed=0):
    plait.manual_seed(seed)
    nn = plait.nn
    return nn.Sequential(
        nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU(), nn.Dropout(0.1), nn.Linear(16, 2)
    ).cuda()


@pytest.mark.parametrize("kind", ["AdamW", "NAdam"])
def test_a_whole_captured_training_step(kind):
    """Forward, backward, clipping, the step, on new inputs and under a schedule, against eager calls."""
    inputs, targets = make([(24, 6)] * 8, "float32", 5), [plait.arange(24) % 2] * 8
    runs = []
    for captured in (False, True):
        model = network()
        lr = plait.tensor(0.05, device="cuda")
        optimiser = getattr(plait.optim, kind)(model.parameters(), lr=lr, weight_decay=0.1, capturable=True)
        schedule = plait.optim.lr_scheduler.StepLR(optimiser, 2, 0.5)
        x, y = inputs[0].cuda(), targets[0].cuda()

        def whole(model=model, optimiser=optimiser, x=x, y=y):
            optimiser.zero_grad()
            loss = plait.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            norm = plait.nn.utils.clip_grad_norm_(model.parameters(), 0.3)
            optimiser.step()
            return loss, norm

        plait.manual_seed(7)
        seen, graph = [], None
        for t, (new_x, new_y) in enumerate(zip(inputs, targets, strict=True)):
            x.copy_(new_x)
            y.copy_(new_y)
            if captured and t == 2:
                graph = plait.cuda.CUDAGraph()
                with plait.cuda.graph(graph):
                    loss, norm = whole()
            if graph:
                graph.replay()
            else:
                loss, norm = whole()
            seen += [loss.detach().cpu(), norm.detach().cpu()]
            schedule.step()
        assert optimiser.param_groups[0]["lr"] is lr and lr.item() == pytest.approx(0.05 / 16)
        state = [s.cpu() for p in model.parameters() for s in optimiser.state[p].values()]
        runs.append([*seen, *(p.detach().cpu() for p in model.parameters()), *state])
    for a, b in zip(*runs, strict=True):
        assert plait.equal(a, b)


def test_parameters_of_several_dtypes_need_one_step_before_the_capture():
    for kind in ("AdamW", "RMSprop", "NAdam"):
        w = [t.cuda().requires_grad_() for name in ("float32", "bfloat16") for t in make([(9,)], name, 1)]
        optimiser = getattr(plait.optim, kind)(w, capturable=True)
        for p in w:
            p.grad = plait.ones_like(p)
        optimiser.step()
        graph = plait.cuda.CUDAGraph()
        with plait.cuda.graph(graph):
            optimiser.step()
        graph.replay()
        assert [optimiser.state[p]["step"].item() for p in w] == [2, 2]


@pytest.mark.parametrize("kind", ["Adam", "RMSprop", "NAdam"])
def test_a_graph_and_eager_steps_count_alike(kind):
    """Whatever is read between them; and a state goes from one optimiser to another, and from the host."""

    def optimiser_of(capturable=True):
        w = plait.ones(5, device="cuda", requires_grad=True)
        w.grad = plait.ones(5, device="cuda")
        return w, getattr(plait.optim, kind)([w], lr=0.1, capturable=capturable)

    def count(optimiser, w):
        return optimiser.state[w]["step"].item()

    w, optimiser = optimiser_of()
    optimiser.step()
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        optimiser.step()
    counter = optimiser.state_dict()["state"][0]["step"]
    for expected in (2, 4, 6):
        graph.replay()
        assert count(optimiser, w) == expected
        optimiser.step()
        assert count(optimiser, w) == expected + 1 and counter.item() == expected + 1
    saved = optimiser.state_dict()
    assert counter.device.type == "cuda" and counter.dtype == plait.float32 and counter.shape == ()
    for capturable in (True, False):
        w2, other = optimiser_of(capturable)
        other.load_state_dict(saved)
        assert count(other, w2) == 7
        other.param_groups[0]["capturable"] = capturable
        with plait.no_grad():
            w2.copy_(w)
        other.step()
        assert other.state[w2]["step"].device.type == ("cuda" if capturable else "cpu")
        if capturable:
            graph2 = plait.cuda.CUDAGraph()
            other.step()
            with plait.cuda.graph(graph2):
                other.step()
            graph2.replay()
        else:
            other.step()
            other.step()
        assert count(other, w2) == 10
        assert count(optimiser, w) == 7
        saved_again = other.state_dict()
        assert saved_again["state"][0].keys() == saved["state"][0].keys()
    for _ in range(3):
        optimiser.step()
    assert plait.equal(w.detach().cpu(), w2.detach().cpu())


def test_capturable_can_be_switched_on_later():
    w = plait.ones(5, device="cuda", requires_grad=True)
    w.grad = plait.ones(5, device="cuda")
    optimiser = plait.optim.AdamW([w])
    optimiser.step()
    optimiser.param_groups[0]["capturable"] = True
    optimiser.step()
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        optimiser.step()
    graph.replay()
    assert optimiser.state[w]["step"].item() == 3 and optimiser.state[w]["step"].device.type == "cuda"
    optimiser.param_groups[0]["capturable"] = False
    optimiser.step()
    assert optimiser.state[w]["step"].item() == 4 and optimiser.state[w]["step"].device.type == "cpu"


def test_what_a_graph_would_repeat_is_refused():
    w = plait.ones(5, device="cuda", requires_grad=True)
    w.grad = plait.ones(5, device="cuda")
    optim = plait.optim
    stepped, counted, changed = optim.Adam([w]), optim.RMSprop([w]), optim.RMSprop([w], capturable=True)
    nadam, adagrad = optim.NAdam([w]), optim.Adagrad([w])
    adam_changed, loaded = optim.Adam([w], capturable=True), optim.NAdam([w], capturable=True)
    for optimiser in (stepped, counted, changed, nadam, adagrad, adam_changed, loaded):
        optimiser.step()
    changed.state[w]["step"].fill_(3.0)
    adam_changed.state[w]["exp_avg"] = plait.zeros(5, device="cuda")
    loaded.load_state_dict(nadam.state_dict())
    loaded.param_groups[0]["capturable"] = True  # not so in the state
    buffers = [[plait.zeros(5, device="cuda")]]
    cases = [
        (optim.Adam([w]).step, "Adam: .* this step's number, .* capturable=True"),
        (stepped.step, "Adam: .* this step's number, .* capturable=True"),
        (
            lambda: adam([w.detach()], [w.grad], buffers * 2, 1, {}),
            "Adam: .* this step's number; .* capturable=True, or call step.* after the replay",
        ),
        (optim.Adam([w], capturable=True).step, "Adam: .* its state would be made again .* run one step"),
        (optim.NAdam([w], capturable=True).step, "NAdam: .* its state would be made again .* run one step"),
        (loaded.step, "NAdam: .* or loaded; run one step"),
        (optim.SGD([w], momentum=0.9).step, "SGD: .* run one step before the capture"),
        (
            lambda: sgd([w.detach()], [w.grad], buffers, 1, {"momentum": 0.9}),
            "SGD: .* this first step with momentum as the first; run one step before",
        ),
        (counted.step, "RMSprop: .* capturable=True"),
        (changed.step, "RMSprop: .* changed since the last step"),
        (adam_changed.step, "Adam: .* changed since the last step"),
        (optim.NAdam([w]).step, "NAdam: .* this step's number, .* capturable=True"),
        (nadam.step, "NAdam: .* this step's number, .* capturable=True"),
        (adagrad.step, "Adagrad: .* call step.* after the replay"),
    ]
    before = w.detach().clone()
    for step, message in cases:
        with pytest.raises(RuntimeError, match=message), plait.cuda.graph(plait.cuda.CUDAGraph()):
            step()
        assert plait.equal(w.detach().cpu(), before.cpu())
    for optimiser in (stepped, counted, changed, nadam, adagrad, adam_changed, loaded):
        optimiser.step()  # and goes on


@pytest.mark.parametrize("capturable", [False, True])
def test_a_graphed_network_trains_with_adam(capturable):
    """make_graphed_callables captures forward and backward; the optimiser steps outside, or in its own graph."""
    finals = []
    for graphed in (False, True):
        plait.manual_seed(0)
        model = plait.nn.Sequential(plait.nn.Linear(6, 8), plait.nn.Tanh(), plait.nn.Linear(8, 1)).cuda()
        x = make([(16, 6)], "float32", 3)[0].cuda()
        if graphed:
            model = plait.cuda.make_graphed_callables(model, (x.clone(),))
        optimiser = plait.optim.Adam(model.parameters(), lr=0.05, capturable=capturable)
        step = optimiser.step
        for t in range(6):
            optimiser.zero_grad(set_to_none=not capturable)
            (model(x) - 1).square().mean().backward()
            if graphed and capturable and t == 2:
                graph = plait.cuda.CUDAGraph()
                with plait.cuda.graph(graph):
                    optimiser.step()
                step = graph.replay
            step()
        assert optimiser.state[next(model.parameters())]["step"].item() == 6
        finals.append([p.detach().cpu() for p in model.parameters()])
    for a, b in zip(*finals, strict=True):
        assert plait.equal(a, b)


def test_state_is_counted_on_the_host_whatever_the_default_device():
    for kind in ("Adam", "RMSprop", "NAdam", "Adagrad"):
        w = plait.ones(5, device="cuda", requires_grad=True)
        w.grad = plait.ones(5, device="cuda")
        with plait.device("cuda"):
            optimiser = getattr(plait.optim, kind)([w])
            optimiser.step()
        assert optimiser.state[w]["step"].device.type == "cpu"
