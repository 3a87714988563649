"""Recurrent layers against loops in NumPy; padded and packed sequences."""

import numpy as np
import plait
import pytest
from plait import nn
from plait.nn.utils import rnn
from scipy.special import expit

MODES = ["RNN", "LSTM", "GRU"]


def tensor(a, grad=False):
    return plait.tensor(np.asarray(a, dtype=np.float64), requires_grad=grad)


def array(t):
    return t.detach().numpy()


def one_direction(m, suffix, x, h, c):
    """x (T, I), h (H), c (H): outputs and last states of one sequence."""
    get = lambda name: array(getattr(m, name + suffix))  # noqa: E731
    b_ih, b_hh = (get("bias_ih"), get("bias_hh")) if m.bias else (0, 0)
    outputs = []
    for step in x:
        gx, gh = get("weight_ih") @ step + b_ih, get("weight_hh") @ h + b_hh
        if m.mode == "LSTM":
            i, f, g, o = np.split(gx + gh, 4)
            c = expit(f) * c + expit(i) * np.tanh(g)
            h = expit(o) * np.tanh(c)
            if m.proj_size:
                h = get("weight_hr") @ h
        elif m.mode == "GRU":
            (rx, zx, nx), (rh, zh, nh) = np.split(gx, 3), np.split(gh, 3)
            r, z = expit(rx + rh), expit(zx + zh)
            h = (1 - z) * np.tanh(nx + r * nh) + z * h
        else:
            h = np.tanh(gx + gh) if m.mode == "RNN_TANH" else np.maximum(gx + gh, 0)
        outputs.append(h)
    return np.array(outputs), h, c


def reference(m, x, h0, c0):
    """x (T, I), h0 and c0 (rows, size): outputs, last h, last c of one sequence through all layers."""
    last_h, last_c = [], []
    directions = 2 if m.bidirectional else 1
    for layer in range(m.num_layers):
        outs = []
        for d in range(directions):
            row = layer * directions + d
            y, h, c = one_direction(
                m,
                f"_l{layer}" + "_reverse" * d,
                x[::-1] if d else x,
                h0[row],
                c0[row] if c0 is not None else None,
            )
            outs.append(y[::-1] if d else y)
            last_h.append(h)
            last_c.append(c)
        x = np.concatenate(outs, 1)
    return x, np.array(last_h), np.array(last_c) if c0 is not None else None


OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True},
    {"bias": False, "num_layers": 2},
    {"batch_first": True, "bidirectional": True},
]


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("given", [False, True])
def test_against_numpy(name, options, given):
    rng = np.random.default_rng(0)
    m = getattr(nn, name)(3, 4, **options).double()
    x = rng.normal(size=(5, 2, 3))
    rows = m.num_layers * (2 if m.bidirectional else 1)
    h0 = rng.normal(size=(rows, 2, 4)) if given else np.zeros((rows, 2, 4))
    c0 = rng.normal(size=(rows, 2, 4)) if given else np.zeros((rows, 2, 4))
    state = (tensor(h0), tensor(c0)) if name == "LSTM" else tensor(h0)
    inputs = tensor(x.swapaxes(0, 1) if m.batch_first else x)
    out, last = m(inputs, state) if given else m(inputs)
    out = array(out).swapaxes(0, 1) if m.batch_first else array(out)
    h, c = last if name == "LSTM" else (last, None)
    for n in range(2):
        y, eh, ec = reference(m, x[:, n], h0[:, n], c0[:, n] if name == "LSTM" else None)
        np.testing.assert_allclose(out[:, n], y, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(array(h)[:, n], eh, rtol=1e-9, atol=1e-12)
        if c is not None:
            np.testing.assert_allclose(array(c)[:, n], ec, rtol=1e-9, atol=1e-12)


def test_relu_and_projection():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 1, 3))
    m = nn.RNN(3, 5, nonlinearity="relu").double()
    np.testing.assert_allclose(
        array(m(tensor(x))[0])[:, 0], reference(m, x[:, 0], np.zeros((1, 5)), None)[0], rtol=1e-9
    )
    p = nn.LSTM(3, 5, num_layers=2, proj_size=2, bidirectional=True).double()
    out, (h, c) = p(tensor(x))
    y, eh, ec = reference(p, x[:, 0], np.zeros((4, 2)), np.zeros((4, 5)))
    np.testing.assert_allclose(array(out)[:, 0], y, rtol=1e-9)
    np.testing.assert_allclose(array(h)[:, 0], eh, rtol=1e-9)
    np.testing.assert_allclose(array(c)[:, 0], ec, rtol=1e-9)
    assert "weight_hr_l1_reverse" in p.state_dict()


@pytest.mark.parametrize("name", MODES)
def test_state_dict_names(name):
    m = getattr(nn, name)(3, 4, num_layers=2, bidirectional=True)
    kinds = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    assert list(m.state_dict()) == [f"{k}_l{i}{s}" for i in range(2) for s in ("", "_reverse") for k in kinds]
    bound = 0.5
    assert all(float(p.detach().abs().max()) <= bound for p in m.parameters())
    assert len(m.all_weights) == 4 and m.all_weights[0][0] is m.weight_ih_l0


@pytest.mark.parametrize("name", MODES)
def test_unbatched_sequence(name):
    m = getattr(nn, name)(3, 4, bidirectional=True).double()
    x = plait.randn(5, 3, dtype=plait.float64)
    out, last = m(x)
    batched, batched_last = m(x.unsqueeze(1))
    np.testing.assert_array_equal(array(out), array(batched)[:, 0])
    first = lambda s: s[0] if name == "LSTM" else s  # noqa: E731
    np.testing.assert_array_equal(array(first(last)), array(first(batched_last))[:, 0])


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packed_sequences_run_as_each_would_alone(name, enforce_sorted):
    rng = np.random.default_rng(0)
    m = getattr(nn, name)(3, 4, num_layers=2, bidirectional=True).double()
    lengths = [5, 3, 1] if enforce_sorted else [3, 1, 5]
    x = rng.normal(size=(5, 3, 3))
    h0, c0 = rng.normal(size=(2, 4, 3, 4))
    state = (tensor(h0), tensor(c0)) if name == "LSTM" else tensor(h0)
    t = tensor(x, grad=True)
    packed = rnn.pack_padded_sequence(t, lengths, enforce_sorted=enforce_sorted)
    out, last = m(packed, state)
    padded, sizes = rnn.pad_packed_sequence(out)
    assert sizes.tolist() == lengths
    h = last[0] if name == "LSTM" else last
    for n, length in enumerate(lengths):
        y, eh, _ = reference(m, x[:length, n], h0[:, n], c0[:, n] if name == "LSTM" else None)
        np.testing.assert_allclose(array(padded)[:length, n], y, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(array(h)[:, n], eh, rtol=1e-9, atol=1e-12)
        assert bool((padded[length:, n] == 0).all())
    padded.sum().backward()
    grad = array(t.grad)
    for n, length in enumerate(lengths):
        assert (grad[length:, n] == 0).all() and (grad[:length, n] != 0).any()


@pytest.mark.parametrize("name", MODES)
def test_gradients_by_differences(name):
    plait.manual_seed(0)
    m = getattr(nn, name)(2, 3).double()
    x = plait.randn(4, 2, 2, dtype=plait.float64, requires_grad=True)
    weights = plait.randn(4, 2, 3, dtype=plait.float64)

    def loss():
        return (m(x)[0] * weights).sum()

    loss().backward()
    for t in (x, m.weight_ih_l0, m.weight_hh_l0, m.bias_ih_l0, m.bias_hh_l0):
        flat, grad = t.data.view(-1), array(t.grad).reshape(-1)
        for i in (0, flat.shape[0] // 2, flat.shape[0] - 1):
            with plait.no_grad():
                before = float(flat[i])
                flat[i] = before + 1e-6
                up = float(loss())
                flat[i] = before - 1e-6
                down = float(loss())
                flat[i] = before
            assert grad[i] == pytest.approx((up - down) / 2e-6, rel=1e-6, abs=1e-7)


def test_dropout_between_layers_only():
    plait.manual_seed(0)
    m = nn.GRU(3, 50, num_layers=2, dropout=0.5)
    x = plait.randn(4, 2, 3)
    a, b = array(m(x)[0]), array(m(x)[0])
    assert (a != b).any() and (a != 0).all()
    m.eval()
    np.testing.assert_array_equal(array(m(x)[0]), array(m(x)[0]))
    with pytest.warns(UserWarning, match="num_layers=1"):
        nn.GRU(3, 4, dropout=0.5)


@pytest.mark.parametrize("name", MODES)
def test_cells_are_one_step(name):
    m = getattr(nn, name)(3, 4).double()
    cell = getattr(nn, name + "Cell")(3, 4).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in m.state_dict().items()})
    x = plait.randn(5, 2, 3, dtype=plait.float64)
    out, _ = m(x)
    state = None
    for t in range(5):
        state = cell(x[t], state)
        h = state[0] if name == "LSTM" else state
        np.testing.assert_allclose(array(h), array(out[t]), rtol=1e-12)
    lone = cell(x[0, 0])
    assert (lone[0] if name == "LSTM" else lone).shape == (4,)


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (lambda: nn.LSTM(3, 4)(plait.zeros(2, 1, 5)), RuntimeError, ["Expected 3", "5"]),
        (lambda: nn.LSTM(3, 4)(plait.zeros(2, 1, 1, 3)), ValueError, ["2D or 3D", "4D"]),
        (
            lambda: nn.GRU(3, 4)(plait.zeros(2, 1, 3), plait.zeros(1, 2, 4)),
            RuntimeError,
            ["(1, 1, 4)", "(1, 2, 4)"],
        ),
        (lambda: nn.LSTM(3, 4)(plait.zeros(2, 1, 3), (plait.zeros(1, 1, 4),)), RuntimeError, ["pair"]),
        (lambda: nn.LSTM(0, 4), ValueError, ["input_size"]),
        (lambda: nn.LSTM(3, 4.0), TypeError, ["hidden_size", "float"]),
        (lambda: nn.LSTM(3, 4, proj_size=4), ValueError, ["proj_size"]),
        (lambda: nn.RNN(3, 4, nonlinearity="sin"), ValueError, ["sin"]),
        (lambda: nn.GRUCell(3, 4)(plait.zeros(2, 5)), ValueError, ["3", "(2, 5)"]),
        (lambda: nn.GRUCell(3, 4)(plait.zeros(2, 3), plait.zeros(3, 4)), ValueError, ["(2, 4)", "(3, 4)"]),
    ],
)
def test_errors(act, kind, words):
    with pytest.raises(kind) as caught:
        act()
    for word in words:
        assert word in str(caught.value)


# ---- padding and packing


def test_pad_and_unpad():
    parts = [plait.arange(3.0), plait.arange(1.0), plait.arange(2.0)]
    padded = rnn.pad_sequence(parts, batch_first=True, padding_value=-1.0)
    assert padded.tolist() == [[0, 1, 2], [0, -1, -1], [0, 1, -1]]
    left = rnn.pad_sequence(parts, batch_first=True, padding_side="left")
    assert left.tolist() == [[0, 1, 2], [0, 0, 0], [0, 0, 1]]
    assert rnn.pad_sequence(parts).shape == (3, 3)
    back = rnn.unpad_sequence(padded, [3, 1, 2], batch_first=True)
    assert [b.tolist() for b in back] == [p.tolist() for p in parts]
    with pytest.raises(RuntimeError, match="agree"):
        rnn.pad_sequence([plait.zeros(1, 2), plait.zeros(1, 3)])


def test_packed_layout():
    x = plait.tensor([[1, 2, 3], [4, 5, 0], [6, 0, 0]])  # batch first
    packed = rnn.pack_padded_sequence(x, plait.tensor([3, 2, 1]), batch_first=True)
    assert packed.data.tolist() == [1, 4, 6, 2, 5, 3] and packed.batch_sizes.tolist() == [3, 2, 1]
    assert packed.sorted_indices is None
    padded, lengths = rnn.pad_packed_sequence(packed, batch_first=True, padding_value=9, total_length=4)
    assert padded.tolist() == [[1, 2, 3, 9], [4, 5, 9, 9], [6, 9, 9, 9]] and lengths.tolist() == [3, 2, 1]
    loose = rnn.pack_sequence([plait.tensor([6]), plait.tensor([1, 2, 3])], enforce_sorted=False)
    assert loose.sorted_indices.tolist() == [1, 0] and loose.unsorted_indices.tolist() == [1, 0]
    assert [s.tolist() for s in rnn.unpack_sequence(loose)] == [[6], [1, 2, 3]]
    data, *_ = loose
    assert data is loose.data and loose.to(plait.float64).data.dtype == plait.float64
    with pytest.raises(RuntimeError, match="enforce_sorted"):
        rnn.pack_padded_sequence(x, [1, 2, 3], batch_first=True)
    with pytest.raises(ValueError, match="between 1 and 3"):
        rnn.pack_padded_sequence(x, [3, 2, 0], batch_first=True)
    with pytest.raises(ValueError, match="at least"):
        rnn.pad_packed_sequence(packed, total_length=2)


@pytest.mark.parametrize("name", ["half", "float", "double", "char", "short", "int", "long", "byte"])
def test_packed_sequences_are_cast(name):
    packed = plait.nn.utils.rnn.pack_sequence([plait.tensor([1.0, 2.0]), plait.tensor([3.0])])
    cast = getattr(packed, name)()
    assert cast.data.dtype == getattr(packed.data, name)().dtype and cast.data.tolist() == [1, 3, 2]
    assert cast.batch_sizes.tolist() == [2, 1]
