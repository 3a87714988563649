"""Steps that find out by themselves whether a gradient scaler lets them: fused optimisers with `found_inf` and
`grad_scale`, against the same optimisers that are only called where the gradients are finite."""

import math

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait.amp import GradScaler

DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
SHAPES = ((5, 3), (4097,), (), (3, 6))
KINDS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "dampening": 0.25, "weight_decay": 0.1}),
    ("SGD", {"momentum": 0.5, "nesterov": True, "maximize": True}),
    ("Adam", {"weight_decay": 0.1}),
    ("Adam", {"amsgrad": True}),
    ("Adam", {"capturable": True}),
    ("AdamW", {"maximize": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("RMSprop", {"capturable": True}),
]
# Gradients that are not finite come first, twice in a row, and later.
BAD = (0, 1, 4, 7)


def parameters(device, dtype, seed=0):
    rng = np.random.default_rng(seed)
    w = [plait.tensor(rng.uniform(-1, 1, s)).to(dtype).to(device) for s in SHAPES]
    w[3] = w[3].t()  # gradients may lie otherwise than parameters
    return [p.detach().requires_grad_() for p in w]


def give_gradients(w, step, scale, bad=BAD):
    """The scaled gradients of a step, on the host."""
    rng = np.random.default_rng(100 + step)
    for k, p in enumerate(w):
        grad = plait.tensor(rng.uniform(-1, 1, tuple(p.shape))).to(p.dtype) * scale
        if step in bad and k == 1:
            grad[7] = math.inf if step % 2 else math.nan
        p.grad = grad.to(p.device)


def run(kind, options, device, dtype, in_kernels, unscale=False, steps=9):
    w = parameters(device, dtype)
    optimiser = getattr(plait.optim, kind)(w, lr=0.05, **options)
    assert optimiser._step_supports_amp_scaling
    optimiser._step_supports_amp_scaling = in_kernels
    scaler = GradScaler(device, init_scale=2.0**10, growth_interval=2)
    scaler.scale(plait.zeros((), device=device))
    grads = []
    for step in range(steps):
        give_gradients(w, step, scaler.get_scale())
        if unscale:
            scaler.unscale_(optimiser)
        scaler.step(optimiser)
        scaler.update()
        assert not hasattr(optimiser, "found_inf") and not hasattr(optimiser, "grad_scale")
        if step not in BAD:
            grads += [p.grad.cpu() for p in w]
    state = [
        {k: plait.as_tensor(v, device="cpu").clone() for k, v in optimiser.state[p].items() if v is not None}
        for p in w
    ]
    return [p.detach().cpu() for p in w], grads, state, scaler.state_dict()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("unscale", [False, True])
@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_as_steps_that_are_not_called(kind, options, unscale, dtype, device):
    dtype = getattr(plait, dtype)
    known = run(kind, options, device, dtype, False, unscale)
    found = run(kind, options, device, dtype, True, unscale)
    assert found[3] == known[3] and known[3]["scale"] != 2.0**10
    for a, b in zip(found[0] + found[1], known[0] + known[1], strict=True):
        assert a.equal(b)
    for a, b in zip(found[2], known[2], strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert a[name].double().equal(b[name].double()), name
        if "step" in a:
            assert a["step"].item() == 9 - len(BAD)


@pytest.mark.parametrize("kind", ["Adam", "AdamW", "SGD"])
def test_as_pytorchs_fused_steps(kind):
    torch = pytest.importorskip("torch")
    options = {"momentum": 0.9, "weight_decay": 0.1} if kind == "SGD" else {"weight_decay": 0.1}
    results = []
    for lib in (plait, torch):
        rng = np.random.default_rng(3)
        w = [lib.tensor(rng.uniform(-1, 1, s)).float().requires_grad_() for s in SHAPES[:3]]
        optimiser = getattr(lib.optim, kind)(w, lr=0.05, fused=True, **options)
        scaler = lib.amp.GradScaler("cpu", init_scale=64.0, growth_interval=2)
        for step in range(8):
            loss = sum((p * lib.tensor(rng.uniform(-1, 1, tuple(p.shape))).float()).sum() for p in w)
            # The first steps are good: PyTorch leaves a momentum that was made in a bad one undefined.
            scaler.scale(loss * (math.inf if step in (2, 3, 6) else 1.0)).backward()
            scaler.step(optimiser)
            scaler.update()
            gradients = [p.grad.numpy().copy() for p in w]
            optimiser.zero_grad()
        results.append(
            [
                *(p.detach().numpy() for p in w),
                *gradients,
                *(np.float32(optimiser.state[p].get("step", 0)) for p in w),
                np.float32(scaler.get_scale()),
            ]
        )
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-7)


@needs_cuda
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("SGD", {"momentum": 0.9}),
        ("Adam", {"capturable": True}),
        ("AdamW", {"capturable": True, "amsgrad": True}),
        ("RMSprop", {"capturable": True, "momentum": 0.5}),
    ],
)
def test_a_captured_step_with_a_scaler(kind, options):
    """Scale, backward, step and update in one graph: replays leave out what eager steps leave out."""
    results = []
    for captured in (False, True):
        w = parameters("cuda", plait.float32)
        optimiser = getattr(plait.optim, kind)(w, lr=0.05, **options)
        scaler = GradScaler("cuda", init_scale=2.0**8, growth_interval=2)
        factors = [plait.zeros_like(p) for p in w]

        def step(w=w, factors=factors, scaler=scaler, optimiser=optimiser):
            optimiser.zero_grad()
            scaler.scale(sum((p * f).sum() for p, f in zip(w, factors))).backward()
            scaler.step(optimiser)
            scaler.update()

        graph = None
        for t in range(10):
            rng = np.random.default_rng(200 + t)
            for k, f in enumerate(factors):
                value = rng.uniform(-1, 1, tuple(f.shape))
                if t in (3, 4, 8) and k == 1:
                    value[5] = math.inf
                f.copy_(plait.tensor(value))
            if captured and t == 2:
                graph = plait.cuda.CUDAGraph()
                with plait.cuda.graph(graph):
                    step()
            graph.replay() if graph else step()
        counts = [optimiser.state[p]["step"].item() for p in w if "step" in optimiser.state[p]]
        assert counts in ([], [7] * len(w))
        state = [s.cpu() for p in w for s in optimiser.state[p].values()]
        results.append(([p.detach().cpu() for p in w], state, scaler.state_dict()))
    assert results[0][2] == results[1][2]
    for a, b in zip(results[0][0] + results[0][1], results[1][0] + results[1][1], strict=True):
        assert a.equal(b)


@needs_cuda
def test_what_a_capture_still_refuses():
    w = parameters("cuda", plait.float32)
    scaler = GradScaler("cuda")
    graph = plait.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match=r"call scaler.scale\(loss\) once before the capture"):
        with plait.cuda.graph(graph):
            scaler.scale(w[0].sum())
    graph.reset()
    host, plain = plait.optim.Adam(w), plait.optim.Adagrad(w)
    scaler.scale(w[0].sum()).backward()
    scaler.step(host)
    scaler.update()
    for optimiser, match in ((host, "make the optimiser with capturable=True"), (plain, "captured")):
        scaler.scale(w[0].sum()).backward()
        with pytest.raises(RuntimeError, match=match):
            with plait.cuda.graph(graph):
                scaler.step(optimiser)
        graph.reset()
        scaler = GradScaler("cuda")
        scaler.scale(w[0].sum())


@needs_cuda
def test_the_count_moves_to_the_device_and_back():
    w = parameters("cuda", plait.float32)
    optimiser = plait.optim.Adam(w)
    give_gradients(w, 2, 1.0)
    optimiser.step()
    assert optimiser.state[w[0]]["step"].device.type == "cpu"
    scaler = GradScaler("cuda", init_scale=4.0)
    scaler.scale(plait.zeros((), device="cuda"))
    for step in (3, 4, 5):
        give_gradients(w, step, scaler.get_scale())
        scaler.step(optimiser)  # the one of step 4 is left out
        scaler.update()
    assert optimiser.state[w[0]]["step"].device.type == "cuda" and optimiser.state[w[0]]["step"].item() == 3
    other = plait.optim.Adam(w)
    other.load_state_dict(optimiser.state_dict())
    give_gradients(w, 6, 1.0)
    other.step()
    assert other.state[w[0]]["step"].item() == 4 and other.state[w[0]]["step"].device.type == "cpu"


class OwnStep(plait.optim.SGD):
    """A step of one's own is not called where gradients are not finite."""

    def step(self, closure=None):
        self.called = True
        return super().step(closure)


def test_a_subclass_with_its_own_step():
    w = plait.ones(2, requires_grad=True)
    optimiser, scaler = OwnStep([w], lr=1.0), GradScaler("cpu")
    scaler.scale((w * math.inf).sum()).backward()
    scaler.step(optimiser)
    assert not hasattr(optimiser, "called") and w.tolist() == [1, 1]


@pytest.mark.parametrize("device", DEVICES)
def test_what_users_set_themselves(device):
    """PyTorch's contract: the attributes serve any scaler."""
    w = plait.ones(4, device=device, requires_grad=True)
    optimiser = plait.optim.SGD([w], lr=1.0)
    w.grad = plait.full((4,), 8.0, device=device)
    optimiser.grad_scale = plait.tensor(4.0, device=device)
    optimiser.found_inf = plait.tensor(1.0, device=device)
    optimiser.step()
    assert w.tolist() == [1.0] * 4 and w.grad.tolist() == [8.0] * 4
    optimiser.found_inf = plait.tensor(0.0, device=device)
    version = w.grad._version
    optimiser.step()
    assert w.tolist() == [-1.0] * 4 and w.grad.tolist() == [2.0] * 4 and w.grad._version > version
    # GradScaler multiplies with a factor that is there already, and takes both away.
    optimiser.grad_scale = 0.5
    w.grad = plait.full((4,), 8.0, device=device)
    del optimiser.found_inf
    scaler = GradScaler(device, init_scale=8.0)
    scaler.scale(w.sum())
    scaler.step(optimiser)
    assert w.tolist() == [-3.0] * 4 and w.grad.tolist() == [2.0] * 4
    assert "grad_scale" not in optimiser.__dict__


@pytest.mark.parametrize("device", DEVICES)
def test_what_the_ops_refuse(device):
    p, g = [plait.ones(3, device=device)], [plait.ones(3, device=device)]
    numbers = {"lr": 1.0, "momentum": 0.0, "dampening": 0.0, "weight_decay": 0.0, "nesterov": False}
    numbers |= {"maximize": False, "first_step": True}
    for wrong in ({"found_inf": plait.zeros(2, device=device)}, {"grad_scale": plait.ones(2, device=device)}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            plait._fused_sgd_(p, g, [], **numbers, **wrong)
    if device == "cuda":
        with pytest.raises(ValueError, match=r"'found_inf' of one element and dtype float32 on cuda:0.*cpu"):
            plait._fused_sgd_(p, g, [], **numbers, found_inf=plait.zeros(()))
    assert p[0].tolist() == [1.0] * 3
