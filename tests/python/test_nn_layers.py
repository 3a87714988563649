"""The layers of plait.nn against NumPy and SciPy."""

import numpy as np
import plait
import pytest
from plait import nn
from plait.nn import functional as F
from scipy import signal, special

RTOL = 1e-10  # float64; sums of at most a few hundred terms


def tensor(a, grad=False):
    return plait.tensor(np.asarray(a, dtype=np.float64), requires_grad=grad)


def array(t):
    return t.detach().numpy()


def close(actual, expected, rtol=RTOL, atol=1e-12):
    np.testing.assert_allclose(array(actual), expected, rtol=rtol, atol=atol)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# ---- linear, embedding


def test_linear_and_bilinear(rng):
    x, y = rng.normal(size=(5, 2, 4)), rng.normal(size=(5, 2, 3))
    m = nn.Linear(4, 6).double()
    close(m(tensor(x)), x @ array(m.weight).T + array(m.bias))
    close(nn.Linear(4, 6, bias=False, dtype=plait.float64)(tensor(x * 0)), np.zeros((5, 2, 6)))
    b = nn.Bilinear(4, 3, 6).double()
    close(b(tensor(x), tensor(y)), np.einsum("nti,kij,ntj->ntk", x, array(b.weight), y) + array(b.bias))
    assert nn.Linear(0, 3)(plait.zeros(2, 0)).shape == (2, 3)
    with pytest.raises(RuntimeError, match=r"\(5, 2, 3\)"):
        b(tensor(y), tensor(y))


def test_embedding_padding_and_max_norm():
    m = nn.Embedding(6, 3, padding_idx=-2).double()
    index = plait.tensor([[0, 4], [5, 5]])
    close(m(index), array(m.weight)[[[0, 4], [5, 5]]])
    assert array(m.weight)[4].tolist() == [0, 0, 0]
    m(index).sum().backward()
    np.testing.assert_array_equal(array(m.weight.grad).sum(1), [3, 0, 0, 0, 0, 6])
    n = nn.Embedding(6, 3, max_norm=1.0).double()
    with plait.no_grad():
        n.weight.fill_(2.0)
    out = n(plait.tensor([1, 1, 3]))
    np.testing.assert_allclose(np.linalg.norm(array(out), axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(array(n.weight)[0], [2, 2, 2])
    frozen = nn.Embedding.from_pretrained(plait.ones(2, 3))
    assert not frozen.weight.requires_grad and frozen(plait.tensor([1])).tolist() == [[1, 1, 1]]
    with pytest.raises(ValueError, match="padding_idx"):
        nn.Embedding(3, 2, padding_idx=3)
    with pytest.raises(NotImplementedError, match="sparse"):
        nn.Embedding(3, 2, sparse=True)(plait.tensor([0]))


# ---- convolution


def reference_conv(x, w, b, dilation=1):
    """Cross-correlation by SciPy, stride 1, no padding, any number of dimensions."""
    dims = x.ndim - 2
    wide = np.zeros((*w.shape[:2], *(dilation * (k - 1) + 1 for k in w.shape[2:])))
    wide[(..., *(slice(None, None, dilation),) * dims)] = w
    out = [
        [
            sum(signal.correlate(x[n, c], wide[o, c], mode="valid") for c in range(x.shape[1]))
            for o in range(len(w))
        ]
        for n in range(len(x))
    ]
    return np.array(out) + b.reshape(-1, *(1,) * dims)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_convolution_with_padding(dims, mode, rng):
    x = rng.normal(size=(2, 3, *(7, 6, 5)[:dims]))
    m = getattr(nn, f"Conv{dims}d")(3, 4, 3, padding=1, stride=2, padding_mode=mode).double()
    kind = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode]
    padded = np.pad(x, [(0, 0), (0, 0)] + [(1, 1)] * dims, mode=kind)
    full = reference_conv(padded, array(m.weight), array(m.bias))
    close(m(tensor(x)), full[(..., *(slice(None, None, 2),) * dims)], rtol=1e-9)
    close(m(tensor(x[0])), full[(0, ..., *(slice(None, None, 2),) * dims)], rtol=1e-9)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kernel", [2, 3])
def test_convolution_same(dims, kernel, rng):
    x = rng.normal(size=(2, 2, *(8, 7, 9)[:dims]))
    m = getattr(nn, f"Conv{dims}d")(2, 2, kernel, padding="same", dilation=2).double()
    total = 2 * (kernel - 1)
    padded = np.pad(x, [(0, 0), (0, 0)] + [(total // 2, total - total // 2)] * dims)
    close(m(tensor(x)), reference_conv(padded, array(m.weight), array(m.bias), 2), rtol=1e-9)
    valid = getattr(nn, f"Conv{dims}d")(2, 2, kernel, padding="valid", dilation=2).double()
    close(valid(tensor(x)), reference_conv(x, array(valid.weight), array(valid.bias), 2), rtol=1e-9)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_transposed_convolution_is_the_adjoint(dims, rng):
    x = rng.normal(size=(2, 4, *(9, 8, 7)[:dims]))
    conv = getattr(nn, f"Conv{dims}d")(4, 6, 3, stride=2, padding=1, bias=False, groups=2).double()
    y = tensor(x, grad=True)
    out = conv(y)
    g = rng.normal(size=tuple(out.shape))
    out.backward(tensor(g))
    back = getattr(nn, f"ConvTranspose{dims}d")(6, 4, 3, stride=2, padding=1, bias=False, groups=2).double()
    with plait.no_grad():
        back.weight.copy_(conv.weight)
    close(back(tensor(g), output_size=x.shape[2:]), array(y.grad), rtol=1e-9)
    with pytest.raises(ValueError, match="output size"):
        back(tensor(g), output_size=(100,) * dims)


def test_bad_convolutions():
    for options, word in (
        ({"groups": 2}, "groups"),
        ({"padding_mode": "mirror"}, "mirror"),
        ({"padding": "same", "stride": 2}, "stride"),
        ({"kernel_size": (3, 3, 3)}, "kernel_size"),
        ({"padding": "some"}, "some"),
    ):
        with pytest.raises(ValueError, match=word):
            nn.Conv2d(3, 4, **{"kernel_size": 3, **options})
    with pytest.raises(ValueError, match="padding_mode"):
        nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect")


# ---- pooling


def windows(x, kernel, stride):
    """(N, C, *out, *kernel) views of the windows."""
    dims = x.ndim - 2
    v = np.lib.stride_tricks.sliding_window_view(x, (kernel,) * dims, axis=tuple(range(2, 2 + dims)))
    return v[(slice(None), slice(None), *(slice(None, None, stride),) * dims)]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_pooling(dims, rng):
    x = rng.normal(size=(2, 3, *(7, 8, 6)[:dims]))
    axes = tuple(range(2 + dims, 2 + 2 * dims))
    w = windows(x, 3, 2)
    close(getattr(nn, f"MaxPool{dims}d")(3, stride=2)(tensor(x)), w.max(axes))
    close(getattr(nn, f"AvgPool{dims}d")(3, stride=2)(tensor(x)), w.mean(axes))
    close(getattr(nn, f"LPPool{dims}d")(2, 3, stride=2)(tensor(x)), np.sqrt((w**2).sum(axes)))
    values, places = getattr(nn, f"MaxPool{dims}d")(3, stride=2, return_indices=True)(tensor(x))
    flat = x.reshape(2, 3, -1)
    taken = np.take_along_axis(flat, array(places).reshape(2, 3, -1), 2)
    close(values, taken.reshape(values.shape))
    padded = np.pad(x, [(0, 0), (0, 0)] + [(1, 1)] * dims)
    close(getattr(nn, f"AvgPool{dims}d")(3, 2, padding=1)(tensor(x)), windows(padded, 3, 2).mean(axes))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Avg", "Max"])
def test_adaptive_pooling(dims, kind, rng):
    x = rng.normal(size=(2, 3, *(7, 8, 6)[:dims]))
    size = (3, 5, 2)[:dims]
    reduce = {"Avg": np.mean, "Max": np.max}[kind]
    expected = np.empty((2, 3, *size))
    for where in np.ndindex(*size):
        box = tuple(
            slice(i * n // s, -(-(i + 1) * n // s)) for i, n, s in zip(where, x.shape[2:], size, strict=True)
        )
        expected[(..., *where)] = reduce(x[(..., *box)], axis=tuple(range(2, 2 + dims)))
    pool = getattr(nn, f"Adaptive{kind}Pool{dims}d")
    close(pool(size)(tensor(x)), expected)
    assert pool((None,) * dims if dims > 1 else None)(tensor(x)).shape == x.shape
    if kind == "Max":
        values, places = pool(size, return_indices=True)(tensor(x))
        taken = np.take_along_axis(x.reshape(2, 3, -1), array(places).reshape(2, 3, -1), 2)
        close(values, taken.reshape(values.shape))


# ---- normalisation


def standardise(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_batch_norm(dims, rng):
    m = getattr(nn, f"BatchNorm{dims}d")(3).double()
    with plait.no_grad():
        m.weight.copy_(tensor([1.0, 2.0, 3.0]))
        m.bias.copy_(tensor([0.5, 0.0, -1.0]))
    shape = (1, 3, *(1,) * dims)
    weight, bias = np.array([1.0, 2, 3]).reshape(shape), np.array([0.5, 0, -1]).reshape(shape)
    mean, var = np.zeros(3), np.ones(3)
    axes = (0, *range(2, 2 + dims))
    for step in range(3):
        x = rng.normal(step, 2.0, size=(4, 3, *(5, 4, 3)[:dims]))
        close(m(tensor(x)), standardise(x, axes) * weight + bias, rtol=1e-9)
        mean = 0.9 * mean + 0.1 * x.mean(axes)
        var = 0.9 * var + 0.1 * x.var(axes, ddof=1)
    assert m.num_batches_tracked.item() == 3
    close(m.running_mean, mean)
    close(m.running_var, var)
    m.eval()
    expected = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + 1e-5) * weight + bias
    close(m(tensor(x)), expected, rtol=1e-9)
    assert m.num_batches_tracked.item() == 3
    m.reset_running_stats()
    assert m.num_batches_tracked.item() == 0 and m.running_var.tolist() == [1, 1, 1]


def test_batch_norm_variants(rng):
    x = [rng.normal(size=(4, 2)) for _ in range(3)]
    m = nn.BatchNorm1d(2, momentum=None).double()
    for batch in x:
        m(tensor(batch))
    close(m.running_mean, np.mean([b.mean(0) for b in x], axis=0))
    free = nn.BatchNorm1d(2, affine=False, track_running_stats=False).double().eval()
    assert not free.state_dict()
    close(free(tensor(x[0])), standardise(x[0], 0), rtol=1e-9)
    with pytest.raises(ValueError, match="2D or 3D"):
        m(tensor(np.zeros((2, 2, 2, 2))))
    with pytest.raises(ValueError, match="4D"):
        nn.BatchNorm2d(2)(plait.zeros(2, 2))


def test_other_norms(rng):
    x = rng.normal(size=(2, 6, 4, 5))
    close(nn.LayerNorm([4, 5]).double()(tensor(x)), standardise(x, (2, 3)), rtol=1e-9)
    grouped = standardise(x.reshape(2, 3, 2, 4, 5), (2, 3, 4)).reshape(x.shape)
    close(nn.GroupNorm(3, 6).double()(tensor(x)), grouped, rtol=1e-9)
    for m in (nn.InstanceNorm2d(6).double(), nn.InstanceNorm2d(6, affine=True).double()):
        close(m(tensor(x)), standardise(x, (2, 3)), rtol=1e-9)
        close(m(tensor(x[0])), standardise(x[0], (1, 2)), rtol=1e-9)
    rms = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-3)
    close(nn.RMSNorm(5, eps=1e-3).double()(tensor(x)), rms, rtol=1e-9)
    tracked = nn.InstanceNorm1d(6, track_running_stats=True).double()
    y = x.reshape(2, 6, 20)
    tracked(tensor(y))
    close(tracked.running_mean, 0.1 * y.mean((0, 2)), rtol=1e-9)
    for size in (2, 3):
        squares = np.pad(x**2, [(0, 0), (size // 2, (size - 1) // 2), (0, 0), (0, 0)])
        mean = sum(squares[:, i : i + 6] for i in range(size)) / size
        close(nn.LocalResponseNorm(size, 0.1, 0.5, 2.0)(tensor(x)), x / (2.0 + 0.1 * mean) ** 0.5, rtol=1e-9)
    with pytest.raises(ValueError, match="num_groups"):
        nn.GroupNorm(4, 6)


# ---- activations


def _selu(x):
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return scale * np.where(x > 0, x, alpha * np.expm1(x))


ACTIVATIONS = {
    "ReLU": ((), lambda x: np.maximum(x, 0)),
    "ReLU6": ((), lambda x: np.clip(x, 0, 6)),
    "LeakyReLU": ((0.2,), lambda x: np.where(x > 0, x, 0.2 * x)),
    "ELU": ((0.7,), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
    "CELU": ((0.7,), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x / 0.7))),
    "SELU": ((), _selu),
    "GELU": ((), lambda x: x * special.ndtr(x)),
    "SiLU": ((), lambda x: x * special.expit(x)),
    "Mish": ((), lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "Softplus": ((2.0, 4.0), lambda x: np.where(2 * x > 4, x, np.log1p(np.exp(2 * x)) / 2)),
    "Softsign": ((), lambda x: x / (1 + np.abs(x))),
    "Softshrink": ((0.6,), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.6, 0)),
    "Hardshrink": ((0.6,), lambda x: np.where(np.abs(x) > 0.6, x, 0)),
    "Tanhshrink": ((), lambda x: x - np.tanh(x)),
    "Hardtanh": ((-0.5, 1.5), lambda x: np.clip(x, -0.5, 1.5)),
    "Hardsigmoid": ((), lambda x: np.clip(x + 3, 0, 6) / 6),
    "Hardswish": ((), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    "Sigmoid": ((), special.expit),
    "LogSigmoid": ((), special.log_expit),
    "Tanh": ((), np.tanh),
    "Threshold": ((0.3, 7.0), lambda x: np.where(x > 0.3, x, 7.0)),
    "GLU": ((1,), lambda x: x[:, :4] * special.expit(x[:, 4:])),
    "Softmax": ((1,), lambda x: special.softmax(x, 1)),
    "LogSoftmax": ((0,), lambda x: special.log_softmax(x, 0)),
    "Softmin": ((-1,), lambda x: special.softmax(-x, -1)),
}
IN_PLACE = ["ReLU", "ReLU6", "LeakyReLU", "ELU", "CELU", "SELU", "SiLU", "Mish", "Hardtanh", "Hardsigmoid"]
IN_PLACE += ["Hardswish", "Threshold"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name, rng):
    args, oracle = ACTIVATIONS[name]
    x = rng.normal(size=(5, 8)) * 3
    close(getattr(nn, name)(*args)(tensor(x)), oracle(x), rtol=1e-9)


@pytest.mark.parametrize("name", IN_PLACE)
def test_activation_in_place(name, rng):
    args, oracle = ACTIVATIONS[name]
    x = rng.normal(size=(5, 8)) * 3
    m = getattr(nn, name)(*args, inplace=True)
    t = tensor(x)
    assert m(t) is t
    close(t, oracle(x), rtol=1e-9)
    a, b = tensor(x, grad=True), tensor(x, grad=True)
    m(a * 1.5).sum().backward()
    getattr(nn, name)(*args)(b * 1.5).sum().backward()
    close(a.grad, array(b.grad), rtol=1e-9)


def test_activations_with_parameters_or_randomness(rng):
    x = rng.normal(size=(2, 3, 4))
    m = nn.PReLU(3, init=0.1, dtype=plait.float64)
    close(m(tensor(x)), np.where(x > 0, x, 0.1 * x))
    r = nn.RReLU(0.2, 0.4)
    close(r.eval()(tensor(x)), np.where(x >= 0, x, x * (0.2 + 0.4) / 2))
    y = array(r.train()(tensor(x)))
    slopes = (y / x)[x < 0]
    assert slopes.min() >= 0.2 and slopes.max() <= 0.4 and len(np.unique(slopes)) > 1
    np.testing.assert_array_equal(y[x >= 0], x[x >= 0])
    close(nn.Softmax2d()(tensor(x)), special.softmax(x, 0))
    tanh = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    close(nn.GELU(approximate="tanh")(tensor(x)), tanh, rtol=1e-9)
    with pytest.warns(UserWarning, match="dim"):
        close(F.softmax(tensor(x)), special.softmax(x, 0))
    with pytest.raises(RuntimeError, match="even"):
        F.glu(tensor(x), 1)


def test_gumbel_softmax():
    plait.manual_seed(0)
    logits = plait.log(plait.tensor([0.1, 0.6, 0.3])).expand(20000, 3)
    hard = F.gumbel_softmax(logits, hard=True)
    np.testing.assert_allclose(array(hard.mean(0)), [0.1, 0.6, 0.3], atol=0.02)  # 4 standard deviations
    soft = F.gumbel_softmax(plait.zeros(5, 3, requires_grad=True), tau=0.5)
    np.testing.assert_allclose(array(soft.sum(-1)), 1.0, rtol=1e-6)
    F.gumbel_softmax(soft, hard=True)[:, 0].sum().backward()


# ---- dropout


@pytest.mark.parametrize(
    ("name", "shape", "unit"),
    [
        ("Dropout", (50, 400), ()),
        ("Dropout1d", (50, 400, 3), (2,)),
        ("Dropout2d", (50, 400, 2, 3), (2, 3)),
        ("Dropout3d", (50, 400, 1, 2, 2), (2, 3, 4)),
    ],
)
def test_dropout(name, shape, unit):
    plait.manual_seed(1)
    m = getattr(nn, name)(0.3)
    x = plait.ones(shape)
    y = array(m(x))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.7)}
    if unit:
        assert (y == y.max(axis=unit, keepdims=True)).all()  # whole channels
        y = y.max(axis=unit)
    assert abs((y == 0).mean() - 0.3) < 0.015  # 20000 trials: 4.6 standard deviations
    assert m.eval()(x) is x
    t = plait.ones(shape)
    m.train().inplace = True
    assert m(t) is t and bool((t == 0).any())
    assert bool((getattr(nn, name)(1.0)(plait.ones(shape)) == 0).all())
    with pytest.raises(ValueError, match=r"1\.5"):
        getattr(nn, name)(1.5)


@pytest.mark.parametrize("name", ["AlphaDropout", "FeatureAlphaDropout"])
def test_alpha_dropout_keeps_mean_and_variance(name):
    plait.manual_seed(1)
    y = array(getattr(nn, name)(0.2)(plait.randn(200, 1000)))
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    assert (np.unique(y.round(5), return_counts=True)[1] > 1000).sum() == 1  # the value of dropped elements
    x = plait.ones(2)
    assert getattr(nn, name)(0.2).eval()(x) is x


def test_unbatched_dropout1d():
    y = array(nn.Dropout1d(0.5)(plait.ones(1000, 2)))
    assert (y[:, 0] == y[:, 1]).all() and 0 < (y == 0).mean() < 1
    with pytest.raises(RuntimeError, match="2D or 3D"):
        nn.Dropout1d()(plait.ones(2))


# ---- losses


def reduced(loss, reduction):
    return {"none": loss, "mean": loss.mean(), "sum": loss.sum()}[reduction]


def soft(x):
    return np.logaddexp(0, x)


def triplet(a, p, n, margin=1.0):
    d = lambda u, v: np.linalg.norm(u - v + 1e-6, axis=1)  # noqa: E731
    return np.maximum(0, d(a, p) - d(a, n) + margin)


def cosine(a, b):
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_losses(reduction, rng):
    x, y, z = rng.normal(size=(3, 6, 4))
    p, q = rng.uniform(0.1, 0.9, size=(2, 6, 4))
    sign = np.array([1.0, -1, 1, 1, -1, -1])
    label = np.array([0, 3, 1, 2, 0, 1])
    weight = np.array([0.5, 1.0, 2.0, 1.5])
    logp = special.log_softmax(x, 1)
    d = np.abs(x - y)
    rows = np.arange(6)
    margin = np.maximum(0, 0.8 - x[rows, label, None] + x)
    margin[rows, label] = 0
    bce = -(q * np.log(p) + (1 - q) * np.log(1 - p))
    cases = [
        (nn.L1Loss, {}, (x, y), d),
        (nn.MSELoss, {}, (x, y), d**2),
        (nn.SmoothL1Loss, {"beta": 0.7}, (x, y), np.where(d < 0.7, d**2 / 1.4, d - 0.35)),
        (nn.HuberLoss, {"delta": 0.7}, (x, y), np.where(d <= 0.7, d**2 / 2, 0.7 * (d - 0.35))),
        (nn.BCELoss, {"weight": tensor(weight)}, (p, q), bce * weight),
        (nn.BCEWithLogitsLoss, {}, (x, q), soft(x) - x * q),
        (
            nn.BCEWithLogitsLoss,
            {"pos_weight": tensor(weight), "weight": tensor(weight)},
            (x, q),
            weight * (weight * q * soft(-x) + (1 - q) * soft(x)),
        ),
        (nn.KLDivLoss, {}, (np.log(p), q), q * (np.log(q) - np.log(p))),
        (nn.KLDivLoss, {"log_target": True}, (np.log(p), np.log(q)), q * (np.log(q) - np.log(p))),
        (nn.PoissonNLLLoss, {}, (x, q), np.exp(x) - q * x),
        (nn.PoissonNLLLoss, {"log_input": False}, (p, q), p - q * np.log(p + 1e-8)),
        (nn.GaussianNLLLoss, {}, (x, y, p), 0.5 * (np.log(p) + (x - y) ** 2 / p)),
        (nn.HingeEmbeddingLoss, {}, (x[:, 0], sign), np.where(sign > 0, x[:, 0], np.maximum(0, 1 - x[:, 0]))),
        (
            nn.MarginRankingLoss,
            {"margin": 0.3},
            (x[:, 0], y[:, 0], sign),
            np.maximum(0, -sign * (x - y)[:, 0] + 0.3),
        ),
        (
            nn.CosineEmbeddingLoss,
            {"margin": 0.1},
            (x, y, sign),
            np.where(sign > 0, 1 - cosine(x, y), np.maximum(0, cosine(x, y) - 0.1)),
        ),
        (nn.TripletMarginLoss, {}, (x, y, z), triplet(x, y, z)),
        (nn.TripletMarginWithDistanceLoss, {}, (x, y, z), triplet(x, y, z)),
        (nn.SoftMarginLoss, {}, (x[:, 0], sign), soft(-sign * x[:, 0])),
        (nn.MultiLabelSoftMarginLoss, {}, (x, q), (q * soft(-x) + (1 - q) * soft(x)).mean(1)),
        (nn.MultiMarginLoss, {"margin": 0.8}, (x, label), margin.mean(1)),
        (nn.MultiMarginLoss, {"margin": 0.8, "p": 2}, (x, label), (margin**2).mean(1)),
        (nn.CrossEntropyLoss, {}, (x, label), -logp[rows, label]),
        (nn.CrossEntropyLoss, {}, (x, special.softmax(y, 1)), -(special.softmax(y, 1) * logp).sum(1)),
        (
            nn.CrossEntropyLoss,
            {"label_smoothing": 0.2},
            (x, label),
            -(0.8 * logp[rows, label] + 0.2 * logp.mean(1)),
        ),
        (nn.NLLLoss, {}, (logp, label), -logp[rows, label]),
    ]
    for loss, options, inputs, expected in cases:
        given = [plait.tensor(a) if a.dtype == np.int64 else tensor(a) for a in inputs]
        result = loss(reduction=reduction, **options)(*given)
        np.testing.assert_allclose(
            array(result),
            reduced(expected, reduction),
            rtol=1e-7,
            atol=1e-12,
            err_msg=f"{loss.__name__} {options}",
        )


def test_weighted_mean_and_ignored_classes(rng):
    x, label = rng.normal(size=(5, 3)), np.array([0, 2, 1, -100, 2])
    weight = np.array([1.0, 2.0, 3.0])
    logp = special.log_softmax(x, 1)
    kept = label >= 0
    w = weight[label[kept]]
    expected = -(w * logp[kept, label[kept]]).sum() / w.sum()
    loss = nn.CrossEntropyLoss(weight=tensor(weight))
    close(loss(tensor(x), plait.tensor(label)), expected)
    close(nn.NLLLoss(weight=tensor(weight))(tensor(logp), plait.tensor(label)), expected)
    assert list(loss.state_dict()) == ["weight"]


def test_multilabel_margin(rng):
    x = rng.normal(size=(2, 4))
    target = np.array([[3, 0, -1, 1], [-1, 0, 0, 0]])
    expected = sum(max(0, 1 - x[0, j] + x[0, i]) for j in (3, 0) for i in (1, 2)) / 4
    close(nn.MultiLabelMarginLoss(reduction="none")(tensor(x), plait.tensor(target)), [expected, 0.0])


def test_ctc_sums_over_all_alignments(rng):
    steps, classes, target = 4, 3, [1, 2]
    logp = special.log_softmax(rng.normal(size=(steps, 1, classes)), 2)

    def collapsed(path):
        kept = [c for i, c in enumerate(path) if i == 0 or c != path[i - 1]]
        return [c for c in kept if c != 0]

    total = sum(
        np.exp(sum(logp[t, 0, c] for t, c in enumerate(path)))
        for path in np.ndindex(*(classes,) * steps)
        if collapsed(path) == target
    )
    x = tensor(logp, grad=True)
    loss = nn.CTCLoss(reduction="sum")(x, plait.tensor([target]), [steps], [2])
    close(loss, -np.log(total), rtol=1e-9)
    loss.backward()
    assert np.isfinite(array(x.grad)).all()
    np.testing.assert_allclose(array(x.grad).sum((1, 2)), -1.0, rtol=1e-9)  # one symbol at each step
    longer = plait.tensor([[1, 1, 1]])
    assert nn.CTCLoss(reduction="sum")(tensor(logp), longer, [steps], [3]).item() == float("inf")
    free = nn.CTCLoss(reduction="sum", zero_infinity=True)
    y = tensor(logp, grad=True)
    free(y, longer, [steps], [3]).backward()
    assert free(tensor(logp), longer, [steps], [3]).item() == 0.0 and np.isfinite(array(y.grad)).all()


def test_loss_options():
    with pytest.raises(ValueError, match="reduction"):
        nn.MSELoss(reduction="avg")
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.raises(ValueError, match="margin"):
        nn.TripletMarginLoss(margin=0)


# ---- shapes, padding, resizing, distances


def test_shapes(rng):
    x = rng.normal(size=(2, 8, 3, 4))
    assert nn.Flatten()(tensor(x)).shape == (2, 96) and nn.Flatten(0, 1)(tensor(x)).shape == (16, 3, 4)
    assert nn.Unflatten(1, (2, 4))(tensor(x)).shape == (2, 2, 4, 3, 4)
    shuffled = x.reshape(2, 2, 2, 2, 3, 4).transpose(0, 1, 4, 2, 5, 3).reshape(2, 2, 6, 8)
    close(nn.PixelShuffle(2)(tensor(x)), shuffled)
    close(nn.PixelUnshuffle(2)(tensor(shuffled)), x)
    mixed = x.reshape(2, 4, 2, 3, 4).swapaxes(1, 2).reshape(x.shape)
    close(nn.ChannelShuffle(4)(tensor(x)), mixed)
    with pytest.raises(TypeError, match="int"):
        nn.Unflatten("c", (2, 4))


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_padding_layers(dims, rng):
    x = rng.normal(size=(2, 3, *(5, 4, 6)[:dims]))
    sides = (1, 2, 3, 0, 2, 1)[: 2 * dims]
    pairs = [(0, 0), (0, 0)] + [sides[2 * i : 2 * i + 2] for i in reversed(range(dims))]
    kinds = [("Zero", "constant"), ("Reflection", "reflect"), ("Replication", "edge"), ("Circular", "wrap")]
    for name, mode in kinds:
        m = getattr(nn, f"{name}Pad{dims}d")(sides)
        close(m(tensor(x)), np.pad(x, pairs, mode=mode))
        assert getattr(nn, f"{name}Pad{dims}d")(1)(tensor(x)).shape == (2, 3, *(s + 2 for s in x.shape[2:]))
    m = getattr(nn, f"ConstantPad{dims}d")(sides, 3.5)
    close(m(tensor(x)), np.pad(x, pairs, constant_values=3.5))
    with pytest.raises(ValueError, match="padding"):
        getattr(nn, f"ZeroPad{dims}d")((1, 2, 3))


def test_upsample(rng):
    x = rng.normal(size=(1, 2, 3, 4))
    close(nn.Upsample(scale_factor=2)(tensor(x)), x.repeat(2, 2).repeat(2, 3))
    close(nn.UpsamplingNearest2d((6, 4))(tensor(x)), x.repeat(2, 2))
    line = rng.normal(size=(1, 1, 5))
    grid = np.linspace(0, 4, 9)
    up = nn.Upsample(9, mode="linear", align_corners=True)(tensor(line))
    close(up, np.interp(grid, np.arange(5), line[0, 0])[None, None])
    rows = nn.UpsamplingBilinear2d((3, 7))(tensor(x))
    expected = [[np.interp(np.linspace(0, 3, 7), np.arange(4), row) for row in plane] for plane in x[0]]
    close(rows, np.array(expected)[None], rtol=1e-9)


@pytest.mark.parametrize(
    ("kernel", "dilation", "padding", "stride"),
    [((2, 3), 1, 0, 1), ((2, 2), 2, 1, (2, 1)), (3, 1, (0, 2), 2)],
)
def test_unfold_and_fold(kernel, dilation, padding, stride, rng):
    x = rng.normal(size=(2, 3, 6, 7))
    pair = lambda v: v if isinstance(v, tuple) else (v, v)  # noqa: E731
    (kh, kw), (dh, dw), (ph, pw), (sh, sw) = map(pair, (kernel, dilation, padding, stride))
    padded = np.pad(x, [(0, 0), (0, 0), (ph, ph), (pw, pw)])
    columns = [
        padded[:, :, i : i + dh * (kh - 1) + 1 : dh, j : j + dw * (kw - 1) + 1 : dw].reshape(2, -1)
        for i in range(0, padded.shape[2] - dh * (kh - 1), sh)
        for j in range(0, padded.shape[3] - dw * (kw - 1), sw)
    ]
    unfold = nn.Unfold(kernel, dilation, padding, stride)
    t = tensor(x, grad=True)
    out = unfold(t)
    close(out, np.stack(columns, -1))
    g = rng.normal(size=tuple(out.shape))
    out.backward(tensor(g))
    fold = nn.Fold((6, 7), kernel, dilation, padding, stride)
    c = tensor(g, grad=True)
    close(fold(c), array(t.grad))  # each is the adjoint of the other
    fold(c).backward(tensor(x))
    close(c.grad, np.stack(columns, -1))
    with pytest.raises(RuntimeError, match="fold"):
        nn.Fold((9, 9), kernel, dilation, padding, stride)(c)


def test_distances(rng):
    x, y = rng.normal(size=(2, 5, 4))
    close(nn.CosineSimilarity()(tensor(x), tensor(y)), cosine(x, y))
    for p in (1.0, 2.0, 3.0):
        expected = np.linalg.norm(x - y + 1e-6, ord=p, axis=1, keepdims=True)
        close(nn.PairwiseDistance(p, keepdim=True)(tensor(x), tensor(y)), expected)


# ---- functional


def test_functional_hands_ops_on():
    assert F.linear is plait.linear
    assert "cross_entropy" in dir(F) and "ctc_loss" in dir(F) and "plait" not in dir(F)
    x = plait.tensor([-1.0, 2.0])
    assert F.relu(x).tolist() == [0, 2] and x.tolist() == [-1, 2]
    assert F.relu(x, inplace=True) is x and x.tolist() == [0, 2]


# ---- attention


def reference_attention(m, q, k, v, mask=None):
    """Batch first, NumPy; gives output and weights per head."""
    width, heads = m.embed_dim, m.num_heads
    if m.in_proj_weight is not None:
        ws = np.split(array(m.in_proj_weight), 3)
    else:
        ws = [array(w) for w in (m.q_proj_weight, m.k_proj_weight, m.v_proj_weight)]
    bs = np.split(array(m.in_proj_bias), 3) if m.in_proj_bias is not None else [0, 0, 0]
    parts = []
    for x, w, b in zip((q, k, v), ws, bs, strict=True):
        y = x @ w.T + b
        parts.append(y.reshape(*y.shape[:2], heads, width // heads).swapaxes(1, 2))
    scores = parts[0] @ parts[1].swapaxes(-1, -2) / np.sqrt(width // heads)
    if mask is not None:
        scores = scores + mask
    weights = special.softmax(scores, -1)
    out = (weights @ parts[2]).swapaxes(1, 2).reshape(*q.shape[:2], width)
    bias = array(m.out_proj.bias) if m.out_proj.bias is not None else 0
    return out @ array(m.out_proj.weight).T + bias, weights


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"kdim": 5, "vdim": 6}])
def test_multihead_attention(options, need_weights, rng):
    m = nn.MultiheadAttention(8, 2, batch_first=True, **options).double()
    q = rng.normal(size=(3, 4, 8))
    k = rng.normal(size=(3, 6, options.get("kdim", 8)))
    v = rng.normal(size=(3, 6, options.get("vdim", 8)))
    padding = np.array([[False] * 6, [False] * 4 + [True] * 2, [True] + [False] * 5])
    barred = rng.uniform(size=(4, 6)) < 0.3
    barred[:, 3] = False
    mask = np.where(barred, -np.inf, 0.0) + np.where(padding, -np.inf, 0.0)[:, None, None]
    out, weights = m(
        tensor(q),
        tensor(k),
        tensor(v),
        key_padding_mask=plait.tensor(padding),
        attn_mask=plait.tensor(barred),
        need_weights=need_weights,
    )
    expected, per_head = reference_attention(m, q, k, v, mask)
    close(out, expected, rtol=1e-8)
    if need_weights:
        close(weights, per_head.mean(1), rtol=1e-8)
        _, each = m(tensor(q), tensor(k), tensor(v), average_attn_weights=False)
        assert each.shape == (3, 2, 4, 6)
    else:
        assert weights is None


def test_multihead_attention_forms(rng):
    m = nn.MultiheadAttention(8, 2).double()
    x = rng.normal(size=(5, 3, 8))
    t = tensor(x)
    expected, _ = reference_attention(m, *(x.swapaxes(0, 1),) * 3)
    close(m(t, t, t)[0], expected.swapaxes(0, 1), rtol=1e-8)
    close(m(t[:, 1], t[:, 1], t[:, 1])[0], expected[1], rtol=1e-8)
    causal = np.triu(np.full((5, 5), -np.inf), 1)
    expected, _ = reference_attention(m, *(x.swapaxes(0, 1),) * 3, mask=causal)
    for need in (True, False):
        close(m(t, t, t, is_causal=True, need_weights=need)[0], expected.swapaxes(0, 1), rtol=1e-8)
    n = nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True).double()
    out, weights = n(t, t, t)
    assert out.shape == (5, 3, 8) and weights.shape == (3, 5, 7)
    with pytest.raises(RuntimeError, match=r"attn_mask.*\(2, 2\)"):
        m(t, t, t, attn_mask=plait.zeros(2, 2, dtype=plait.float64))
    with pytest.raises(ValueError, match="divisible"):
        nn.MultiheadAttention(8, 3)


@pytest.mark.parametrize("norm_first", [False, True])
def test_transformer_encoder_layer(norm_first, rng):
    m = nn.TransformerEncoderLayer(
        8, 2, 16, dropout=0.0, batch_first=True, norm_first=norm_first, activation="gelu"
    ).double()
    x = rng.normal(size=(3, 5, 8))
    attend = lambda y: reference_attention(m.self_attn, y, y, y)[0]  # noqa: E731

    def feed(y):
        h = y @ array(m.linear1.weight).T + array(m.linear1.bias)
        return h * special.ndtr(h) @ array(m.linear2.weight).T + array(m.linear2.bias)

    norm = lambda y: standardise(y, -1)  # noqa: E731
    if norm_first:
        y = x + attend(norm(x))
        y = y + feed(norm(y))
    else:
        y = norm(x + attend(x))
        y = norm(y + feed(y))
    close(m(tensor(x)), y, rtol=1e-8)


def test_transformer_learns_and_masks(rng):
    plait.manual_seed(0)
    net = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True).double().eval()
    src, tgt = tensor(rng.normal(size=(2, 4, 8))), tensor(rng.normal(size=(2, 5, 8)), grad=True)
    mask = nn.Transformer.generate_square_subsequent_mask(5, dtype=plait.float64)
    out = net(src, tgt, tgt_mask=mask)
    close(out, array(net(src, tgt, tgt_is_causal=True)), rtol=1e-9)
    (out[:, 2] * plait.arange(8)).sum().backward()  # the plain sum of normalised numbers is a constant
    assert bool((tgt.grad[:, 3:] == 0).all()) and bool((tgt.grad[:, :3] != 0).any())
    assert all(p.grad is not None for p in net.parameters())
    first = list(net.state_dict())[:6]
    assert first == [
        "encoder.layers.0.self_attn.in_proj_weight",
        "encoder.layers.0.self_attn.in_proj_bias",
        "encoder.layers.0.self_attn.out_proj.weight",
        "encoder.layers.0.self_attn.out_proj.bias",
        "encoder.layers.0.linear1.weight",
        "encoder.layers.0.linear1.bias",
    ]
    with pytest.raises(RuntimeError, match="d_model"):
        net(src[..., :4], tgt)


@pytest.mark.parametrize("bias", [True, False])
def test_a_batch_norm_folded_into_the_layer_before_it(bias):
    plait.manual_seed(0)
    cases = [
        (nn.Conv2d(3, 4, 3, bias=bias), nn.BatchNorm2d(4), plait.randn(2, 3, 6, 6), {}),
        (nn.Conv1d(4, 4, 3, groups=2, bias=bias), nn.BatchNorm1d(4, affine=False), plait.randn(2, 4, 6), {}),
        (
            nn.ConvTranspose2d(3, 4, 3, bias=bias),
            nn.BatchNorm2d(4),
            plait.randn(2, 3, 6, 6),
            {"transpose": True},
        ),
        (nn.Linear(3, 4, bias=bias), nn.BatchNorm1d(4), plait.randn(5, 3), None),
    ]
    for layer, norm, x, options in cases:
        for _ in range(3):
            norm(layer(x) * 2 + 1)
        if norm.affine:
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
        layer.eval(), norm.eval()
        if options is None:
            fused = nn.utils.fuse_linear_bn_eval(layer, norm)
        else:
            fused = nn.utils.fuse_conv_bn_eval(layer, norm, **options)
        plait.testing.assert_close(fused(x), norm(layer(x)), rtol=1e-4, atol=1e-5)
        assert isinstance(fused.weight, nn.Parameter) and fused.bias.requires_grad
        with pytest.raises(RuntimeError, match="eval"):
            nn.utils.fusion._check("fuse", layer.train(), norm)


def test_former_names_of_init():
    w = plait.empty(3, 4)
    with pytest.warns(FutureWarning, match="constant_"):
        assert nn.init.constant(w, 2.0) is w
    assert (w == 2).all()
    with pytest.warns(FutureWarning, match="kaiming_normal_"):
        nn.init.kaiming_normal(w, mode="fan_out")
    assert w.std() > 0


def test_kl_div_of_a_number_is_its_own_batch():
    x, t = plait.tensor(-0.5), plait.tensor(0.6)
    assert F.kl_div(x, t, reduction="batchmean").item() == pytest.approx(0.6 * np.log(0.6) + 0.3, abs=1e-7)


def test_cosine_similarity_of_an_integer_and_a_float():
    a = plait.tensor([12, -100, 7], dtype=plait.int8)
    b = plait.tensor([1.0, 2.0, -3.0], requires_grad=True)
    got = F.cosine_similarity(a, b, dim=0)
    x, y = np.array([12.0, -100, 7]), np.array([1.0, 2, -3])
    np.testing.assert_allclose(got.item(), x @ y / np.sqrt((x @ x) * (y @ y)), rtol=1e-6)
    got.backward()
    assert b.grad is not None
    with pytest.raises(TypeError, match="cosine_similarity: expected floats"):
        F.cosine_similarity(a, a, dim=0)


def test_channel_shuffle_of_nothing():
    assert F.channel_shuffle(plait.zeros(0, 6, 2, 2), 3).shape == (0, 6, 2, 2)
    assert F.channel_shuffle(plait.zeros(2, 6, 0), 3).shape == (2, 6, 0)
