"""Every layer beside PyTorch's, where that is installed: keys, repr, outputs, gradients, running means."""

import numpy as np
import plait
import pytest
from plait import nn

torch = pytest.importorskip("torch")

MASK = np.triu(np.full((5, 5), -np.inf), 1)
CASES = [
    ("Identity", (), {}, [(2, 3)]),
    ("Linear", (4, 3), {}, [(2, 5, 4)]),
    ("Linear", (4, 3), {"bias": False}, [(4,)]),
    ("Bilinear", (2, 3, 4), {}, [(5, 2), (5, 3)]),
    ("Flatten", (), {}, [(2, 3, 4)]),
    ("Unflatten", (1, (2, 3)), {}, [(2, 6)]),
    ("Upsample", (), {"scale_factor": 2}, [(1, 2, 3, 3)]),
    ("Upsample", (), {"size": (5, 4), "mode": "bilinear"}, [(1, 2, 3, 3)]),
    ("Upsample", (), {"scale_factor": 1.5, "mode": "bicubic"}, [(1, 2, 4, 4)]),
    ("UpsamplingBilinear2d", ((5, 6),), {}, [(1, 2, 3, 3)]),
    ("PixelShuffle", (2,), {}, [(1, 8, 3, 3)]),
    ("PixelUnshuffle", (2,), {}, [(1, 2, 4, 4)]),
    ("ChannelShuffle", (2,), {}, [(1, 8, 3, 3)]),
    ("Unfold", ((2, 3),), {"padding": 1, "stride": 2, "dilation": 2}, [(2, 3, 7, 8)]),
    ("Fold", ((6, 5), (2, 3)), {"padding": 1, "stride": 2, "dilation": (2, 1)}, [(2, 12, 9)]),
    ("CosineSimilarity", (), {}, [(3, 4), (3, 4)]),
    ("PairwiseDistance", (3.0,), {}, [(3, 4), (3, 4)]),
    ("LayerNorm", (4,), {}, [(2, 4)]),
    ("LayerNorm", ([3, 4],), {"bias": False}, [(2, 3, 4)]),
    ("RMSNorm", (4,), {}, [(2, 4)]),
    ("GroupNorm", (2, 4), {}, [(2, 4, 5)]),
    ("LocalResponseNorm", (3,), {}, [(2, 5, 4, 4)]),
    ("PReLU", (6,), {}, [(2, 6, 3)]),
    ("Softmax2d", (), {}, [(2, 6, 3, 3)]),
    ("GELU", (), {"approximate": "tanh"}, [(2, 6)]),
    ("Threshold", (0.1, 20.0), {"inplace": True}, [(2, 6)]),
    ("RNN", (4, 6), {"nonlinearity": "relu", "num_layers": 2}, [(5, 3, 4)]),
    ("LSTM", (4, 6), {"num_layers": 2, "bidirectional": True}, [(5, 3, 4)]),
    ("LSTM", (4, 6), {"proj_size": 3, "batch_first": True}, [(5, 3, 4)]),
    ("GRU", (4, 6), {"bias": False, "bidirectional": True}, [(5, 3, 4)]),
    ("RNNCell", (4, 6), {"nonlinearity": "relu"}, [(3, 4)]),
    ("LSTMCell", (4, 6), {}, [(3, 4)]),
    ("GRUCell", (4, 6), {"bias": False}, [(4,)]),
    ("MultiheadAttention", (8, 2), {}, [(5, 2, 8), (4, 2, 8), (4, 2, 8)]),
    ("MultiheadAttention", (8, 2), {"kdim": 6, "vdim": 7}, [(5, 2, 8), (4, 2, 6), (4, 2, 7)]),
    ("MultiheadAttention", (8, 2), {"add_bias_kv": True, "add_zero_attn": True}, [(5, 2, 8)] * 3),
    ("TransformerEncoderLayer", (8, 2, 16), {"dropout": 0.0}, [(5, 2, 8), MASK]),
    ("TransformerEncoderLayer", (8, 2, 16), {"dropout": 0.0, "norm_first": True, "bias": False}, [(5, 2, 8)]),
    (
        "TransformerDecoderLayer",
        (8, 2, 16),
        {"dropout": 0.0, "activation": "gelu"},
        [(5, 2, 8), (4, 2, 8), MASK],
    ),
    ("Transformer", (8, 2, 1, 2, 16), {"dropout": 0.0}, [(5, 2, 8), (4, 2, 8)]),
]
ACTIVATIONS = """
    CELU ELU GELU GLU SELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU LogSigmoid Mish PReLU ReLU
    ReLU6 SiLU Sigmoid Softplus Softshrink Softsign Tanh Tanhshrink
"""
for name in ACTIVATIONS.split():
    CASES.append((name, (), {}, [(2, 6)]))
for name in (
    "CELU",
    "ELU",
    "SELU",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "Mish",
    "ReLU",
    "ReLU6",
    "SiLU",
):
    CASES.append((name, (), {"inplace": True}, [(2, 6)]))
for name in ("Softmax", "LogSoftmax", "Softmin"):
    CASES.append((name, (1,), {}, [(2, 6, 3)]))
for d in (1, 2, 3):
    space = (9, 8, 7)[:d]
    x = [(2, 4, *space)]
    for options in (
        {"stride": 2, "padding": 1, "bias": False},
        {"padding": "same", "dilation": 2},
        {"padding": "valid", "groups": 2},
        {"padding": 1, "padding_mode": "reflect"},
        {"padding": "same", "padding_mode": "circular"},
    ):
        CASES.append((f"Conv{d}d", (4, 6, 3), options, x))
    CASES += [
        (f"ConvTranspose{d}d", (4, 6, 3), {"stride": 2, "padding": 1, "output_padding": 1}, x),
        (f"ConvTranspose{d}d", (4, 6, 3), {"groups": 2, "dilation": 2}, x),
        (f"MaxPool{d}d", (3,), {"stride": 1, "padding": 1, "return_indices": True}, x),
        (f"MaxPool{d}d", (2,), {"ceil_mode": True}, x),
        (f"AvgPool{d}d", (3,), {"stride": 2, "padding": 1, "count_include_pad": False}, x),
        (f"AvgPool{d}d", (2,), {"ceil_mode": True}, x),
        (f"AdaptiveAvgPool{d}d", (3,), {}, x),
        (f"AdaptiveMaxPool{d}d", (3,), {"return_indices": True}, x),
        (f"LPPool{d}d", (2, 3), {}, x),
        (f"BatchNorm{d}d", (4,), {}, x),
        (f"BatchNorm{d}d", (4,), {"affine": False, "momentum": None}, x),
        (f"BatchNorm{d}d", (4,), {"track_running_stats": False}, x),
        (f"InstanceNorm{d}d", (4,), {"affine": True, "track_running_stats": True}, x),
        (f"ConstantPad{d}d", (2, 1.5), {}, x),
        (f"ZeroPad{d}d", (2,), {}, x),
        (f"ReflectionPad{d}d", (2,), {}, x),
        (f"ReplicationPad{d}d", (2,), {}, x),
        (f"CircularPad{d}d", (2,), {}, x),
        (f"Dropout{d}d", (0.3,), {}, None),
    ]
CASES += [
    ("Dropout", (0.3,), {}, None),
    ("AlphaDropout", (0.3,), {}, None),
    ("RReLU", (), {"inplace": True}, None),
]
CASES += [("Embedding", (10, 3), {"padding_idx": 2, "max_norm": 1.0}, None)]
CASES += [("EmbeddingBag", (10, 3), {"mode": "sum", "padding_idx": 2}, None)]


def flat(value):
    """The tensors of a result, None left out."""
    if isinstance(value, (tuple, list)):
        return [t for v in value for t in flat(v)]
    return [] if value is None else [value]


def is_float(t):
    return t.is_floating_point()


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[2]}" if c[2] else c[0])
@pytest.mark.parametrize("training", [True, False])
def test_layer(case, training):
    name, args, options, shapes = case
    theirs = getattr(torch.nn, name)(*args, **options).double().train(training)
    ours = getattr(nn, name)(*args, **options).double().train(training)
    state = theirs.state_dict()
    assert {k: tuple(v.shape) for k, v in state.items()} == {
        k: tuple(v.shape) for k, v in ours.state_dict().items()
    }
    assert list(state) == list(ours.state_dict())
    assert repr(ours) == repr(theirs)
    if shapes is None:
        return
    ours.load_state_dict({k: plait.from_numpy(v.numpy().copy()) for k, v in state.items()})
    rng = np.random.default_rng(0)
    arrays = [s if isinstance(s, np.ndarray) else rng.normal(size=s) for s in shapes]
    leaf = not options.get("inplace")
    theirs_in = [torch.tensor(a, requires_grad=leaf and a is not MASK) for a in arrays]
    ours_in = [plait.tensor(a, requires_grad=leaf and a is not MASK) for a in arrays]
    expected, actual = flat(theirs(*theirs_in)), flat(ours(*ours_in))
    assert len(expected) == len(actual)
    loss_t, loss_o = 0.0, 0.0
    for e, a in zip(expected, actual, strict=True):
        assert tuple(e.shape) == tuple(a.shape) and str(e.dtype).split(".")[1] == str(a.dtype).split(".")[1]
        np.testing.assert_allclose(a.detach().numpy(), e.detach().numpy(), rtol=1e-7, atol=1e-10)
        if is_float(e) and e.requires_grad:
            w = rng.normal(size=tuple(e.shape))
            loss_t, loss_o = loss_t + (e * torch.tensor(w)).sum(), loss_o + (a * plait.tensor(w)).sum()
    if not isinstance(loss_t, float):
        loss_t.backward()
        loss_o.backward()
        pairs = [
            *zip(theirs.parameters(), ours.parameters(), strict=True),
            *zip(theirs_in, ours_in, strict=True),
        ]
        for e, a in pairs:
            assert (e.grad is None) == (a.grad is None)
            if e.grad is not None:
                np.testing.assert_allclose(a.grad.numpy(), e.grad.numpy(), rtol=1e-6, atol=1e-9)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-7, atol=1e-10)


def test_what_pytorch_has_and_plait_has_not():
    """The list in the docs; a layer that is added is taken out of it."""
    missing = {n for n in vars(torch.nn) if n[0].isupper() and not hasattr(nn, n)}
    allowed = {
        "AdaptiveLogSoftmaxWithLoss",
        "Container",
        "DataParallel",
        "MaxUnpool1d",
        "MaxUnpool2d",
        "MaxUnpool3d",
        "NLLLoss2d",
        "SyncBatchNorm",
        "UninitializedBuffer",
        "UninitializedParameter",
    }
    assert {n for n in missing if not n.startswith("Lazy")} <= allowed
