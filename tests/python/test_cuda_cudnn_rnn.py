"""Recurrent layers by cuDNN: when it is taken, flat parameters, its dropout, its derivative, and what it refuses.

That its numbers are those of the layers on the CPU, for all kinds, options and lengths, is tested in
test_cuda_rnn.py, which runs both ways.
"""

import copy
import ctypes
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda
from plait import nn
from plait.nn.utils import rnn

pytestmark = [
    needs_cuda,
    pytest.mark.skipif(
        plait.cuda.is_available() and not plait.backends.cudnn.is_available(), reason="no cuDNN in the build"
    ),
]
emulated = pytest.mark.skipif(not IS_EMULATED, reason="asks the emulator for failures")

KINDS = [nn.LSTM, nn.GRU, nn.RNN]
NOT_SUPPORTED = 801  # cudaErrorNotSupported


@pytest.fixture(autouse=True)
def exact():
    with plait.backends.cudnn.flags(enabled=True, allow_tf32=False):
        yield


def layer(kind=nn.LSTM, *sizes, dtype=plait.float32, **options):
    plait.manual_seed(1)
    return kind(*(sizes or (3, 4)), **options).to(dtype).to("cuda")


def by_cudnn(out):
    return out.grad_fn.name() == "CudnnRnnBackward0"


def is_flat(module):
    places = [(p.untyped_storage().data_ptr(), p.data_ptr()) for p in module.parameters()]
    return len({s for s, _ in places}) == 1 and len({p for _, p in places}) == len(places)


def runtime():
    return ctypes.CDLL(str(EMULATED.parent / "libplait_cudart_emulated.so"))


def launched():
    """How many kernels were queued, cuDNN's not among them."""
    values = (ctypes.c_uint64 * 16)()
    plait.cuda.synchronize()
    runtime().plait_emulator_counters(values, 16)
    return values[1]


def launches(call):
    """How many the call queues, and its result."""
    before = launched()
    result = call()
    return launched() - before, result


# ---- when it is taken


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [plait.float16, plait.bfloat16, plait.float32, plait.float64])
def test_it_is_taken(kind, dtype):
    module, x = layer(kind, dtype=dtype), plait.randn(5, 2, 3).to(dtype).cuda()
    assert by_cudnn(module(x)[0])
    with plait.backends.cudnn.flags(enabled=False):
        assert not by_cudnn(module(x)[0])
    packed = rnn.pack_padded_sequence(x, [5, 2])
    assert by_cudnn(module(packed)[0].data)
    assert module.cpu()(x.cpu())[0].device.type == "cpu"


def test_deterministic_algorithms_take_it_with_cublas_workspace(monkeypatch):
    module, x = layer(), plait.randn(5, 2, 3).cuda()
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    plait.use_deterministic_algorithms(True)
    try:
        assert not by_cudnn(module(x)[0])
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        assert by_cudnn(module(x)[0])
    finally:
        plait.use_deterministic_algorithms(False)


def test_packed_sequences_in_a_capture_go_without_it():
    module = layer()
    packed = rnn.pack_padded_sequence(plait.randn(5, 2, 3).cuda(), [5, 2])
    expected = module(packed)[0].data
    graph = plait.cuda.CUDAGraph()
    with plait.cuda.graph(graph):
        out = module(packed)[0].data
    assert not by_cudnn(out)
    graph.replay()
    np.testing.assert_allclose(out.detach().cpu(), expected.detach().cpu(), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_autocast(kind):
    module, x = layer(kind), plait.randn(5, 2, 3).cuda()
    with plait.autocast("cuda"):
        out, _ = module(x)
    assert by_cudnn(out) and out.dtype == plait.float16
    out.float().sum().backward()
    exact = layer(kind)
    expected = exact(x)[0]
    expected.sum().backward()
    np.testing.assert_allclose(out.detach().float().cpu(), expected.detach().cpu(), atol=2e-3)
    for p, q in zip(module.parameters(), exact.parameters()):
        assert p.grad.dtype == plait.float32
        np.testing.assert_allclose(p.grad.cpu(), q.grad.cpu(), atol=2e-2)


def test_inference_keeps_nothing():
    module, x = layer(num_layers=2, dropout=0.5), plait.randn(5, 2, 3).cuda()
    arguments = (x, list(module.parameters()), None, None, "LSTM", 4, 0, 2)
    with plait.no_grad():
        assert plait._cudnn_rnn(*arguments)[3].numel() == 0
        assert plait._cudnn_rnn(*arguments, train=True)[3].numel() > 0
    module.eval()
    with plait.no_grad():
        quiet = module(x)[0]
    np.testing.assert_allclose(quiet.cpu(), module(x)[0].detach().cpu(), atol=1e-6)


# ---- flat parameters


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_become_flat(kind):
    module = kind(3, 4, num_layers=2, bidirectional=True)
    names = [n for n, _ in module.named_parameters()]
    before = {n: (id(p), p.detach().clone()) for n, p in module.named_parameters()}
    assert not is_flat(module)
    module.cuda()
    assert is_flat(module) and [n for n, _ in module.named_parameters()] == names
    for name, p in module.named_parameters():
        assert id(p) == before[name][0] and p.is_leaf and p.requires_grad and p.is_contiguous()
        assert p.shape == before[name][1].shape and plait.equal(p.detach().cpu(), before[name][1])
    assert is_flat(kind(3, 4, device="cuda")) and is_flat(module.half()) and is_flat(module.double())
    assert not is_flat(module.cpu())
    for name, p in module.named_parameters():
        np.testing.assert_allclose(p.detach(), before[name][1], rtol=1e-3)


@emulated
def test_flat_parameters_are_not_copied():
    module, x = layer(), plait.randn(5, 2, 3).cuda()
    with plait.no_grad():
        count, expected = launches(lambda: module(x)[0])
        assert count == 0  # not one besides cuDNN's
        module.weight_hh_l0.data = module.weight_hh_l0.data.clone()
        count, out = launches(lambda: module(x)[0])
        assert count >= len(list(module.parameters())) and plait.equal(out, expected)
        module.flatten_parameters()
        count, out = launches(lambda: module(x)[0])
        assert count == 0 and plait.equal(out, expected)


def test_state_dicts_copies_and_pickles():
    module, x = layer(num_layers=2), plait.randn(5, 2, 3).cuda()
    expected = module(x)[0].detach()
    twin = copy.deepcopy(module)
    assert plait.equal(twin(x)[0], expected) and is_flat(twin)
    with plait.no_grad():
        twin.weight_ih_l0.zero_()
    assert plait.equal(module(x)[0], expected) and not plait.equal(twin(x)[0], expected)
    twin.load_state_dict(module.state_dict())
    assert plait.equal(twin(x)[0], expected) and is_flat(twin)
    file = io.BytesIO()
    plait.save(module.state_dict(), file)
    file.seek(0)
    fresh = nn.LSTM(3, 4, num_layers=2)
    fresh.load_state_dict(plait.load(file))
    assert plait.equal(fresh.cuda()(x)[0], expected)


@pytest.mark.parametrize("optimizer", [plait.optim.SGD, plait.optim.AdamW])
def test_optimizers_step_flat_parameters(optimizer):
    found = []
    x = plait.randn(5, 2, 3)
    for device in ("cpu", "cuda"):
        module = layer(num_layers=2).to(device)
        steps = optimizer(module.parameters(), lr=0.1)
        for _ in range(3):
            steps.zero_grad()
            module(x.to(device))[0].square().sum().backward()
            steps.step()
        assert device == "cpu" or is_flat(module)
        found.append([p.detach().cpu() for p in module.parameters()])
    for a, b in zip(*found):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_parameters_that_are_shared_or_replaced():
    module, x = layer(num_layers=2, bidirectional=True), plait.randn(5, 2, 3).cuda()
    module.weight_hh_l1 = module.weight_hh_l0
    module.flatten_parameters()
    assert module.weight_hh_l1 is module.weight_hh_l0
    module(x)[0].sum().backward()
    alone = layer(num_layers=2, bidirectional=True)
    with plait.no_grad():
        alone.weight_hh_l1.copy_(alone.weight_hh_l0)
    alone(x)[0].sum().backward()
    np.testing.assert_allclose(
        module.weight_hh_l0.grad.cpu(), (alone.weight_hh_l0.grad + alone.weight_hh_l1.grad).cpu(), atol=1e-4
    )
    nn.utils.parametrizations.weight_norm(module, "weight_ih_l0")
    out = module(x)[0]
    out.sum().backward()
    assert by_cudnn(out) and module.parametrizations.weight_ih_l0.original0.grad is not None


@emulated
def test_a_layout_with_gaps_between_gates():
    """Nothing relies on the layout of the weights: with another one all is copied, and as right."""
    tests = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests / "test_cuda_rnn.py"), "-k"]
    chosen = "cudnn and (test_layers and dtype0 or test_half_precision)"
    done = subprocess.run(
        [*command, chosen],
        env={**os.environ, "PLAIT_CUDNN_EMULATOR_SCATTERED": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert " passed" in done.stdout


# ---- dropout


def masks(p=0.3, size=64, batch=50, steps=4, packed=None, **options):
    """A stack whose outputs are the masks between its two layers, and its input."""
    module = nn.RNN(size, size, num_layers=2, nonlinearity="relu", dropout=p, **options).cuda()
    with plait.no_grad():
        for name, q in module.named_parameters():
            q.copy_(plait.eye(size) if name.startswith("weight_ih") else plait.zeros(q.shape))
    return module, plait.ones(steps, batch, size, device="cuda", requires_grad=True)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_dropout_statistics(p):
    module, x = masks(p)
    out = module(x)[0]
    found = out.detach().cpu().numpy()
    n = found.size
    np.testing.assert_allclose(np.unique(found), [0, 1 / (1 - p)], rtol=1e-6)
    assert abs((found == 0).mean() - p) < 5 * np.sqrt(p * (1 - p) / n)
    for axis in (0, 1, 2):  # no step, row or column is left out
        rates = (found == 0).mean(axis=tuple(a for a in range(3) if a != axis))
        assert np.all(np.abs(rates - p) < 6 * np.sqrt(p * (1 - p) / (n / found.shape[axis])))
    out.sum().backward()
    np.testing.assert_allclose(x.grad.cpu(), found)  # the same mask back
    assert plait.equal(module.eval()(x)[0], x)
    with plait.no_grad():
        dropped = module.train()(x)[0]
    assert dropped.min().item() == 0  # of training, with a tape or not


def test_dropout_begins_anew_with_the_seed():
    module, x = masks()

    def draw():
        plait.manual_seed(7)
        return [module(x)[0].detach() for _ in range(3)]

    first, second = draw(), draw()
    assert all(plait.equal(a, b) for a, b in zip(first, second))
    assert not plait.equal(first[0], first[1]) and not plait.equal(first[1], first[2])
    plait.manual_seed(8)
    assert not plait.equal(module(x)[0], first[0])


def test_dropout_on_two_streams():
    module, x = masks()
    plait.manual_seed(7)
    expected = [module(x)[0].detach() for _ in range(4)]
    plait.manual_seed(7)
    found, side = [], plait.cuda.Stream()
    for i in range(4):
        side.wait_stream(plait.cuda.current_stream())
        with plait.cuda.stream(side if i % 2 else plait.cuda.current_stream()):
            found.append(module(x)[0].detach())
    plait.cuda.synchronize()
    assert all(plait.equal(a, b) for a, b in zip(expected, found))


@pytest.mark.parametrize("p", [0.3, 1.0])
def test_dropout_in_a_checkpoint(p):
    """The second run draws the masks of the first."""
    module, x = masks(p)
    out = plait.utils.checkpoint.checkpoint(lambda t: module(t)[0], x)
    out.sum().backward()
    assert plait.equal(x.grad, out.detach())
    assert (out == 0).float().mean().item() > 0.2


def test_dropout_in_a_graph():
    """Each replay draws what eager calls would have drawn with plait's own dropout."""
    module, x = masks()
    x = x.detach()
    with plait.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        plait.manual_seed(3)
        expected = [module(x)[0].detach() for _ in range(2)]
    graph = plait.cuda.CUDAGraph()
    with plait.no_grad(), plait.cuda.graph(graph):
        out = module(x)[0]
    plait.manual_seed(3)
    for mask in expected:
        graph.replay()
        assert plait.equal(out, mask)


# ---- the derivative


@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_is_gone_through_twice(kind, dropout):
    module = layer(kind, num_layers=2, dropout=dropout)
    x = plait.randn(5, 2, 3).cuda().requires_grad_()
    inputs = [x, *module.parameters()]
    out = module(x)[0].square().sum()
    first = plait.autograd.grad(out, inputs, retain_graph=True)
    for _ in range(2):
        for a, b in zip(first, plait.autograd.grad(out, inputs, retain_graph=True)):
            np.testing.assert_allclose(a.cpu(), b.cpu(), rtol=0, atol=1e-6)


def test_only_what_is_needed_gets_a_gradient():
    module = layer(num_layers=2).requires_grad_(False)
    x, h, c = (plait.randn(*s).cuda() for s in ((5, 2, 3), (2, 2, 4), (2, 2, 4)))
    assert not module(x)[0].requires_grad
    expected = layer(num_layers=2)
    leaves = [t.detach().clone().requires_grad_() for t in (x, h, c)]
    expected(leaves[0], tuple(leaves[1:]))[1][1].sum().backward()
    wanted = [*leaves, *expected.parameters()]
    for i in range(len(wanted)):
        module.requires_grad_(False)
        mine = [t.detach().clone() for t in (x, h, c)]
        target = [*mine, *module.parameters()][i].requires_grad_()
        module(mine[0], tuple(mine[1:]))[1][1].sum().backward()
        np.testing.assert_allclose(target.grad.cpu(), wanted[i].grad.cpu(), atol=1e-6)
        target.grad = None


def test_gradients_in_eval_mode():
    module = layer(num_layers=2, dropout=0.5).eval()
    x = plait.randn(5, 2, 3)
    grads = []
    for device in ("cuda", "cpu"):
        module.to(device).zero_grad()
        module(x.to(device))[0].square().sum().backward()
        grads.append([p.grad.cpu() for p in module.parameters()])
    for a, b in zip(*grads):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS, lambda *a, **k: nn.RNN(*a, nonlinearity="relu", **k)])
@pytest.mark.parametrize("options", [{"num_layers": 2, "bidirectional": True}, {"bias": False}])
def test_second_derivatives(kind, options):
    """Of padded sequences with initial states; packed ones: test_cuda_rnn.py."""
    x, h, c = (plait.randn(*s, dtype=plait.float64) for s in ((3, 2, 3), (4, 2, 4), (4, 2, 4)))
    found = []
    for device in ("cuda", "cpu"):
        module = layer(kind, dtype=plait.float64, **options).to(device)
        rows = module.num_layers * (2 if module.bidirectional else 1)
        leaves = [t.to(device).requires_grad_() for t in (x, h[:rows], c[:rows])]
        if module.mode != "LSTM":
            leaves.pop()
        out, last = module(leaves[0], tuple(leaves[1:]) if module.mode == "LSTM" else leaves[1])
        assert device == "cpu" or by_cudnn(out)
        inputs = [*leaves, *module.parameters()]
        grads = plait.autograd.grad(out.square().sum() + sum(s.sum() for s in last), inputs, create_graph=True)
        sum(g.square().sum() for g in grads).backward()
        found.append([*grads, *(t.grad for t in inputs)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.detach().cpu(), b.detach(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("options", [{"proj_size": 2}, {"num_layers": 2, "dropout": 0.5}])
def test_second_derivatives_that_are_refused(options):
    module, x = layer(**options), plait.randn(5, 2, 3).cuda().requires_grad_()
    loss = module(x)[0].sum()
    with pytest.raises(NotImplementedError, match=r"cudnn\.flags\(enabled=False\)"):
        plait.autograd.grad(loss, x, create_graph=True)


# ---- algorithms, and what is refused


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hidden", "batch", "dtype"), [(140, 2, plait.float32), (128, 72, plait.float16)])
def test_sizes_of_other_algorithms(kind, hidden, batch, dtype):
    """Where persistent kernels are for inference only, and where one of them refuses."""
    module = layer(kind, 128, hidden, dtype=dtype)
    x = plait.randn(1, batch, 128).to(dtype)
    with plait.no_grad():
        quiet = module(x.cuda())[0]
    out = module(x.cuda())[0]
    assert by_cudnn(out)
    out.sum().backward()
    tolerance = 2e-2 if dtype == plait.float16 else 1e-5
    np.testing.assert_allclose(quiet.float().cpu(), out.detach().float().cpu(), atol=tolerance)
    exact = copy.deepcopy(module).cpu().double()
    expected = exact(x.double())[0]
    np.testing.assert_allclose(out.detach().double().cpu(), expected.detach(), atol=tolerance)


@emulated
def test_an_algorithm_that_is_not_supported():
    module, x = layer(nn.GRU, 3, 9), plait.randn(5, 2, 3).cuda()
    expected = module(x)[0]
    assert runtime().plait_emulator_fail_after(b"cudnnRNNForward", 1, NOT_SUPPORTED) == 0
    again = module(x)[0]
    again.sum().backward()
    np.testing.assert_allclose(again.detach().cpu(), expected.detach().cpu(), atol=1e-6)
    assert runtime().plait_emulator_fail_after(b"cudnnRNNForward", 1, NOT_SUPPORTED) == 0
    with pytest.raises(RuntimeError, match=r"cudnnRNNForward failed.*enabled=False"):
        module(x)  # there is no other algorithm


def arguments(**changes):
    """Those of a small LSTM, as the op takes them."""
    given = {
        "input": plait.randn(5, 2, 3).cuda(),
        "weights": list(layer().parameters()),
        "hx": None,
        "cx": None,
        "mode": "LSTM",
        "hidden_size": 4,
    }
    return {**given, **changes}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mode": "lstm"}, ValueError, "'LSTM', 'GRU'"),
        ({"hidden_size": 5}, ValueError, r"a weight of shape \(20, 3\)"),
        ({"num_layers": 3}, ValueError, "expected 6 weights, or 12 with biases, for 3 layers and 1 directions, got 4"),
        ({"proj_size": 4}, ValueError, "proj_size of an LSTM below hidden_size=4"),
        ({"hx": (1, 3, 4)}, ValueError, r"hx of shape \(1, 2, 4\), got shape \(1, 3, 4\)"),
        ({"cx": (1, 2, 5)}, ValueError, "cx of shape"),
        ({"mode": "GRU", "cx": (1, 2, 4)}, ValueError, "weight|cell state"),
        ({"dropout": 1.0}, ValueError, "dropout of at least 0 and below 1"),
        ({"batch_sizes": [2, 1]}, ValueError, r"or with batch_sizes \(rows, input size\)"),
        ({"input": (4, 3), "batch_sizes": [2, 3]}, ValueError, "never grow"),
        ({"input": (4, 3), "batch_sizes": [2, 1]}, ValueError, "add up to 3 rows, and input has 4"),
        ({"input": (5, 0, 3)}, ValueError, "the batch size between 1"),
    ],
)
def test_wrong_arguments(changes, error, message):
    changes = {k: plait.zeros(v).cuda() if isinstance(v, tuple) else v for k, v in changes.items()}
    with pytest.raises(error, match=message):
        plait._cudnn_rnn(**arguments(**changes))


def test_wrong_devices_and_dtypes():
    with pytest.raises(NotImplementedError, match=r"nn\.LSTM, nn\.GRU and nn\.RNN run on any device"):
        plait._cudnn_rnn(plait.ones(5, 2, 3), list(nn.LSTM(3, 4).parameters()), None, None, "LSTM", 4)
    with pytest.raises(TypeError, match=r"input of dtype plait\.float32 and hx of dtype plait\.float64|one dtype"):
        plait._cudnn_rnn(**arguments(hx=plait.zeros(1, 2, 4, dtype=plait.float64, device="cuda")))
    with plait.backends.cudnn.flags(enabled=False), pytest.raises(RuntimeError, match="enabled is False"):
        plait._cudnn_rnn(**arguments())
    out = plait._cudnn_rnn(**arguments(weights=[w.requires_grad_() for w in layer().parameters()]))[0]
    with pytest.raises(RuntimeError, match="train=True"):
        out.sum().backward()
