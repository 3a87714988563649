"""Whole recurrent layers on CUDA: the same layer on the CPU is the oracle, for results and gradients.

Rounding: a step of a cell rounds about eight times on its way from one state to the next (the product with
the state, the sum with that of the input, gates, products of gates, their sum, tanh), a step back as often. So
two computations in one order or another differ by up to `16 * steps * layers` unit roundings of the largest
number of a tensor. 16-bit layers are held against float64, see there.
"""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait import nn
from plait.nn.utils import rnn

pytestmark = needs_cuda

STEPS, BATCH, INPUT, HIDDEN = 7, 4, 6, 5
UNIT = {plait.float64: 2.0**-53, plait.float32: 2.0**-24, plait.float16: 2.0**-11, plait.bfloat16: 2.0**-8}


@pytest.fixture(autouse=True, params=["layers", "cudnn"])
def way(request):
    """Layer by layer with our own kernels, and the stack by cuDNN; masks of dropout are plait's both times."""
    if request.param == "cudnn" and not plait.backends.cudnn.is_available():
        pytest.skip("no cuDNN")
    with plait.backends.cudnn.flags(enabled=request.param == "cudnn", deterministic=True, allow_tf32=False):
        yield request.param


def host(t):
    return t.detach().cpu().double().numpy()


def close(cuda, cpu, dtype, layers=1, steps=STEPS):
    assert len(cuda) == len(cpu)
    for i, (a, b) in enumerate(zip(cuda, cpu)):
        assert a.device.type == "cuda" and a.dtype == b.dtype and a.shape == b.shape, i
        got, want = host(a), host(b)
        eps = 16 * steps * layers * UNIT[dtype]
        np.testing.assert_allclose(
            got, want, rtol=0, atol=eps * max(1.0, np.abs(want).max(initial=0)), err_msg=f"result {i}"
        )


def flat(value):
    return [t for v in value for t in flat(v)] if isinstance(value, (tuple, list)) else [value]


def pair(kind, dtype=plait.float64, seed=3, **options):
    """The same layer twice, on the CPU and on CUDA."""
    plait.manual_seed(seed)
    cpu = kind(INPUT, HIDDEN, **options).to(dtype)
    cuda = kind(INPUT, HIDDEN, **options).to(dtype).to("cuda")
    cuda.load_state_dict(cpu.state_dict())
    assert all(p.device.type == "cuda" for p in cuda.parameters())
    return cpu, cuda


def numbers(*shape, dtype=plait.float64):
    return plait.randn(shape, dtype=plait.float64).to(dtype)


def states(layer, batch, dtype=plait.float64):
    """Initial states of the shapes that the layer wants; batch None: of one sequence."""
    rows = layer.num_layers * (2 if layer.bidirectional else 1)
    middle = () if batch is None else (batch,)
    h = numbers(rows, *middle, layer.proj_size or HIDDEN, dtype=dtype)
    return (h, numbers(rows, *middle, HIDDEN, dtype=dtype)) if layer.mode == "LSTM" else h


def results(layer, x, hx=None, call=None):
    """Outputs, then the gradients of a loss in which every output counts differently."""
    device = next(layer.parameters()).device
    leaves = [t.detach().to(device).requires_grad_() for t in (x, *([] if hx is None else flat(hx)))]
    given = [] if hx is None else [tuple(leaves[1:]) if isinstance(hx, tuple) else leaves[1]]
    plait.manual_seed(5)  # of dropout: the bits are the same on both devices
    outputs = flat((call or layer)(leaves[0], *given))
    weights = np.random.default_rng(1)
    loss = sum((o.double() * plait.tensor(weights.uniform(0.5, 1.5, o.shape)).to(device)).sum() for o in outputs)
    loss.backward()
    return [*outputs, *(t.grad for t in leaves), *(p.grad for p in layer.parameters())]


KINDS = [nn.LSTM, nn.GRU, nn.RNN]
OPTIONS = [
    {},
    {"bias": False, "batch_first": True},
    {"bidirectional": True},
    {"num_layers": 3, "dropout": 0.4},
    {"num_layers": 2, "bidirectional": True, "dropout": 0.25, "batch_first": True},
]
CASES = [(k, o) for k in KINDS for o in OPTIONS]
CASES += [(nn.RNN, {"nonlinearity": "relu"}), (nn.RNN, {"nonlinearity": "relu", "bidirectional": True})]
CASES += [
    (nn.LSTM, {"proj_size": 3}),
    (nn.LSTM, {"proj_size": 2, "num_layers": 2, "bidirectional": True, "batch_first": True}),
]
IDS = [f"{k.__name__}-{'-'.join(f'{n}={v}' for n, v in o.items()) or 'plain'}" for k, o in CASES]


@pytest.mark.parametrize("dtype", [plait.float64, plait.float32])
@pytest.mark.parametrize(("kind", "options"), CASES, ids=IDS)
def test_layers(kind, options, dtype):
    cpu, cuda = pair(kind, dtype, **options)
    layers = cpu.num_layers
    x = numbers(*((BATCH, STEPS) if cpu.batch_first else (STEPS, BATCH)), INPUT, dtype=dtype)
    close(results(cuda, x), results(cpu, x), dtype, layers)
    cpu.zero_grad(), cuda.zero_grad()
    hx = states(cpu, BATCH, dtype)
    close(results(cuda, x, hx), results(cpu, x, hx), dtype, layers)


@pytest.mark.parametrize("kind", KINDS)
def test_layouts_and_sizes(kind):
    cpu, cuda = pair(kind)
    for x in (
        numbers(STEPS, INPUT),  # one sequence
        numbers(BATCH, INPUT, STEPS).permute(2, 0, 1),
        numbers(STEPS, 2 * BATCH, INPUT)[:, ::2],
        numbers(1, 1, INPUT).expand(STEPS, BATCH, INPUT),
        numbers(1, BATCH, INPUT),
        numbers(STEPS, 1, INPUT),
        numbers(STEPS, 0, INPUT),
    ):
        cpu.zero_grad(), cuda.zero_grad()
        x = x.detach()
        close(results(cuda, x), results(cpu, x), plait.float64)
    x, hx = numbers(STEPS, INPUT), states(cpu, None)
    cpu.zero_grad(), cuda.zero_grad()
    close(results(cuda, x, hx), results(cpu, x, hx), plait.float64)


@pytest.mark.parametrize(("kind", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("lengths", [[7, 7, 3, 1], [2, 7, 1, 5], [4, 4, 4, 4]])
def test_packed_sequences(kind, options, lengths):
    """Of several lengths, in any order: in, through the layer, and out again, with given states."""
    options = {k: v for k, v in options.items() if k != "batch_first"}
    in_order = sorted(lengths, reverse=True) == lengths
    cpu, cuda = pair(kind, **options)
    x, hx = numbers(STEPS, BATCH, INPUT), states(cpu, BATCH)

    def run(layer):
        def call(t, state):
            packed = rnn.pack_padded_sequence(t, lengths, enforce_sorted=in_order)
            assert packed.data.device == t.device and packed.batch_sizes.device.type == "cpu"
            out, last = layer(packed, state)
            padded, found = rnn.pad_packed_sequence(out, padding_value=-1.0)
            assert found.tolist() == lengths
            return padded, last

        return results(layer, x, hx, call)

    close(run(cuda), run(cpu), plait.float64, cpu.num_layers)


@pytest.mark.parametrize("kind", KINDS)
def test_packed_from_lists(kind):
    cpu, cuda = pair(kind, bidirectional=True)
    lists = [numbers(n, INPUT) for n in (3, 6, 1)]
    results = []
    for layer, device in ((cuda, "cuda"), (cpu, "cpu")):
        out, last = layer(rnn.pack_sequence([t.to(device) for t in lists], enforce_sorted=False))
        results.append([*rnn.unpack_sequence(out), *flat(last)])
    close(results[0], results[1], plait.float64)
    moved = rnn.pack_sequence(lists, enforce_sorted=False).to("cuda")
    assert moved.is_cuda and moved.sorted_indices.device.type == "cuda"
    close([cuda(moved)[0].data], [cpu(rnn.pack_sequence(lists, enforce_sorted=False))[0].data], plait.float64)


@pytest.mark.parametrize(
    ("kind", "options"), [*((k, {"bidirectional": True}) for k in KINDS), (nn.LSTM, {"proj_size": 3})]
)
def test_second_derivatives(kind, options, way):
    if way == "cudnn" and "proj_size" in options:
        pytest.skip("cuDNN has none: test_cuda_cudnn_rnn.py")
    cpu, cuda = pair(kind, **options)
    x = numbers(5, BATCH, INPUT)
    found = []
    for layer in (cuda, cpu):
        t = x.to(next(layer.parameters()).device).requires_grad_()
        packed = rnn.pack_padded_sequence(t, [5, 5, 2, 1])
        out, last = layer(packed)
        loss = out.data.square().sum() + sum(s.sum() for s in flat(last))
        grads = plait.autograd.grad(loss, [t, *layer.parameters()], create_graph=True)
        sum(g.square().sum() for g in grads).backward()
        found.append([*grads, t.grad, *(p.grad for p in layer.parameters())])
    close(found[0], found[1], plait.float64, layers=4)  # twice forward, twice back


def test_differences():
    """The gradients of CUDA's own kernels against differences, whatever the CPU says."""
    for kind in KINDS:
        _, cuda = pair(kind, bidirectional=True)
        x = numbers(3, 2, INPUT).to("cuda").requires_grad_()
        assert plait.autograd.gradcheck(lambda t, *_: flat(cuda(t)), (x, *cuda.parameters()))


# ---- 16 bits


def by_cells(layer, x):
    """The layer as a loop over the cell of its kind, on the CPU, which rounds all that the cell's ops hand on."""
    kind = {"LSTM": nn.LSTMCell, "GRU": nn.GRUCell, "RNN_TANH": nn.RNNCell}[layer.mode]
    cell = kind(x.shape[-1], layer.hidden_size).to(x.dtype)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    t = x.detach().clone().requires_grad_()
    state, outputs = None, []
    for step in t.unbind(0):
        state = cell(step, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    out = plait.stack(outputs)
    out.float().square().sum().backward()
    return [out, t.grad, *(p.grad for p in cell.parameters())]


@pytest.mark.parametrize("dtype", [plait.float16, plait.bfloat16])
@pytest.mark.parametrize("kind", KINDS)
def test_half_precision(kind, dtype):
    """Against float64 on the same numbers, CUDA may err twice as much as the loop over cells does: it rounds at
    the same places (the products, the output of each step), but for what it carries in float32."""
    plait.manual_seed(11)
    size, steps = 32, 12
    layer = kind(size, size).to(dtype)
    exact, cuda = kind(size, size).double(), kind(size, size).to(dtype).cuda()
    exact.load_state_dict(layer.state_dict()), cuda.load_state_dict(layer.state_dict())
    x = numbers(steps, 16, size, dtype=dtype)
    found = []
    for which, device, as_dtype in ((exact, "cpu", plait.float64), (cuda, "cuda", dtype)):
        t = x.to(device, as_dtype).requires_grad_()
        out = which(t)[0]
        (out if as_dtype is plait.float64 else out.float()).square().sum().backward()
        found.append([out, t.grad, *(p.grad for p in which.parameters())])
    for i, (truth, got, naive) in enumerate(zip(*found, by_cells(layer, x), strict=True)):
        assert got.dtype == naive.dtype == dtype and got.device.type == "cuda"
        error, allowed = (np.abs(host(t) - host(truth)).max() for t in (got, naive))
        assert 0 < allowed < 0.2 * np.abs(host(truth)).max(), i  # the comparison says something
        assert error <= 2 * allowed, (i, error, allowed)


@pytest.mark.parametrize("kind", [nn.LSTMCell, nn.GRUCell, nn.RNNCell])
@pytest.mark.parametrize("dtype", [plait.float64, plait.float32, plait.float16])
def test_cells(kind, dtype):
    cpu, cuda = pair(kind, dtype)
    x = numbers(300, INPUT, dtype=dtype)
    h = numbers(300, HIDDEN, dtype=dtype)
    hx = (h, numbers(300, HIDDEN, dtype=dtype)) if kind is nn.LSTMCell else h
    # One step. The gradients of the parameters are sums over 300 rows.
    close(results(cuda, x, hx), results(cpu, x, hx), dtype, steps=2)


# ---- streams and graphs


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_side_stream_and_in_a_graph(kind):
    cpu, cuda = pair(kind, num_layers=2, bidirectional=True)
    x = numbers(STEPS, BATCH, INPUT)
    expected = flat(cpu(x))
    static = x.cuda()
    plait.cuda.synchronize()
    with plait.cuda.stream(plait.cuda.Stream()):
        got = [t.cpu() for t in flat(cuda(static * 1))]
    close([t.cuda() for t in got], expected, plait.float64, layers=2)
    graph = plait.cuda.CUDAGraph()
    with plait.no_grad(), plait.cuda.graph(graph):
        outputs = flat(cuda(static))
    for _ in range(2):
        x = numbers(STEPS, BATCH, INPUT)
        static.copy_(x)
        graph.replay()
        close(outputs, flat(cpu(x)), plait.float64, layers=2)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_made_on_the_device(kind):
    with plait.device("cuda"):
        layer = kind(INPUT, HIDDEN, num_layers=2)
        x = plait.randn(STEPS, BATCH, INPUT)
        packed = rnn.pack_padded_sequence(x, [7, 4, 2, 1])
        out, last = layer(packed)
        padded, lengths = rnn.pad_packed_sequence(out)
    assert {t.device.type for t in (padded, *flat(last), *layer.parameters())} == {"cuda"}
    assert packed.batch_sizes.device.type == lengths.device.type == "cpu"
    with pytest.raises(RuntimeError, match="cpu"):
        layer(x.cpu())
