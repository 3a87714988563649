"""Calls that once ended the process: what the fuzz test found, one by one."""

import numpy as np
import plait
import pytest

REFUSED = (TypeError, ValueError, RuntimeError, IndexError)
OPS = plait._C.ops
X = plait.ones((2, 3))
META = plait.ones((2, 3), device="meta")
IMAGE, PLACES = plait.ones((1, 2, 3, 3)), plait.zeros((1, 3, 3, 2))
INDEX = plait.zeros((2, 3), dtype=plait.int64)
ONES, GATES, ONE = plait.ones(2, 3, 1), plait.ones(2, 3, 4), plait.ones(3, 1)  # of layers of recurrent networks
META_INDEX = plait.zeros((2, 3), dtype=plait.int64, device="meta")


def number():
    return plait.ones(())


# A 0-d tensor on the CPU goes with tensors anywhere; its kernels must not run on memory that is not there.
MIXED = {
    "add": lambda: X + META,
    "add to a number": lambda: number().add_(plait.ones((), device="meta")),
    "out of a number": lambda: plait.add(number(), plait.ones((), device="meta"), out=number()),
    "copy": lambda: plait.ones(2, 3).copy_(META),
    "fill": lambda: plait.ones(2).fill_(plait.ones((), device="meta")),
    "matmul": lambda: X @ plait.ones((3, 2), device="meta"),
    "linear": lambda: plait.nn.functional.linear(X, META),
    "gather": lambda: X.gather(1, META_INDEX),
    "gather of a number": lambda: number().gather(0, plait.zeros((), dtype=plait.int64, device="meta")),
    "take": lambda: number().take(META_INDEX),
    "index": lambda: X[META_INDEX[0]],
    "index_put": lambda: plait.ones(2, 3).index_put_([INDEX[0, :1]], META),
    "index_fill": lambda: plait.ones(2, 3).index_fill_(0, META_INDEX[0], 1.0),
    "masked_scatter": lambda: plait.ones(2, 3).masked_scatter_(X > 0, META),
    "embedding": lambda: plait.nn.functional.embedding(META_INDEX, X),
    "bucketize": lambda: plait.bucketize(X[0], plait.ones(3, device="meta")),
    "layer_norm": lambda: plait.layer_norm(X, (3,), plait.ones(3, device="meta")),
    "conv": lambda: plait.nn.functional.conv_transpose1d(X, plait.ones((2, 3, 1), device="meta")),
}


@pytest.mark.parametrize("name", MIXED)
def test_two_devices(name):
    with pytest.raises(REFUSED):
        MIXED[name]()


# Ops below the public ones can be called as well.
PRIVATE = {
    "_view_read": [
        (X, (5,), (1,), 4, (3, 1)),
        (X, (2,), (1,), 0, (1,)),
        (X, (2,), (1, 1), 0, (3, 1)),
        (X, (2,), (-1,), 3, (3, 1)),
    ],
    "_view_accumulate": [
        (X, (2,), (2, 3), (3, 1), 0, (1,)),
        (X, (2, 2), (2, 3), (2**62, 2**62), 0, (2, 1)),
        (X, (9,), (3,), (1,), 0, (1,)),
    ],
    "_view_write": [(X, X, (4,), (1,), 3, (3, 1)), (X, X, (2,), (1,), -1, (3, 1))],
    "_as_strided_backward": [
        (X, X, (2, 3), (1,), None),
        (X, X, (2**40,), (1,), 0),
        (X, X, (2, 3), (3, 2**62), 6),
        (X, X, (7,), (1,), 2**63 - 1),
    ],
    "_squared_distance": [
        (X, X[:1], True),
        (X, plait.ones(3, 2), False),
        (X, X.double(), True),
        (X, X.T, True),
    ],
    # Of 2 steps, 3 sequences and 1 unit: what is wrong is an argument that is no result of the forward pass.
    "_lstm_layer_backward": [
        (*grads, plait.ones(4, 1), ONE, cells, GATES, False, ())
        for grads, cells in [
            ((X, None, None), ONES),
            ((None, X, None), ONES),
            ((None, None, ONES), ONES),
            ((ONES, ONES, GATES), X),
        ]
    ],
    "_gru_layer_backward": [
        (X, None, plait.ones(3, 1), ONE, ONES, GATES, False, ()),
        (ONES, ONES, plait.ones(3, 1), ONE, ONES, GATES, False, ()),
        (ONES, GATES, plait.ones(3, 1), ONE, ONES, ONES, False, ()),
        (ONES, GATES, plait.ones(3, 1), ONE[0], ONES, GATES, False, ()),
        (ONES, GATES, plait.ones(3, 1), ONE, ONES[0, 0, 0], GATES, False, ()),
        (ONES, GATES, plait.ones(3, 1), ONE, plait.ones(2, 3, 2), GATES, False, ()),
    ],
    "_rnn_layer_backward": [(X, plait.ones(1, 1), ONE, ONES, True, False, ())],
    "_fft_r2c": [(X[0, 0], (d,), 1.0) for d in (0, -1)],
    "_fft_c2c": [(X[0, 0] + 1j, (0,), True, 1.0)],
    "_orthogonal_polynomial": [
        ("no_such_polynomial", X, 2),
        ("hermite_polynomial_h", X, 2, -1),
        ("hermite_polynomial_h", X, 2, 2**40),
        ("hermite_polynomial_h", X, META),
        ("hermite_polynomial_h", X, 1j),
    ],
    "_softmax_backward": [(X, X[:1], 0), (X, INDEX, 0)],
    "_log_softmax_backward": [(X, X[:, :1], 1)],
    "_cross_entropy_rows": [
        (X, INDEX[0], None, -1, 0.0, False),
        (X, INDEX[:, 0], X[0, :1], -1, 0.0, True),
        (X[0], INDEX[0], None, -1, 0.0, False),
    ],
    "_cross_entropy_rows_backward": [
        (X[:, 0], X, X[:, 0], INDEX[:, 0] + 7, None, -1, 0.0),
        (X[0], X, X[:, 0], INDEX[:, 0], None, -1, 0.0),
        (number(), number(), number(), INDEX, None, -1, 0.0),
    ],
    "_cross_entropy_with_grad": [
        (X, INDEX[0], None, -1, True, 0.0, False),
        (X, INDEX[:, 0], X[0, :1], -1, True, 0.0, True),
        (X[0], INDEX[0], None, -1, False, 0.0, False),
    ],
    "_nll_terms": [
        (X, INDEX, None, -1),
        (X[None], INDEX, None, -1),
        (X[:, :, None], INDEX[:, :1] + 7, None, -1),
        (X[:, :, None], INDEX[:, :1], X[0, :1], -1),
        (X[:, :, None], INDEX[:, :1], X[0].double(), -1),
    ],
    "_nll_terms_backward": [
        (X, INDEX[:, :1], None, 3, -1),
        (X, INDEX + 7, None, 3, -1),
        (X, INDEX, None, -1, -1),
        (X, INDEX, X[0, :1], 3, -1),
    ],
    "_linear_grads": [(X, X[:1]), (X[0], X), (X, X.double())],
    "_scale": [(X, X), (X, X[0, 0].cfloat()), (X, INDEX[0, 0])],
    "_group_norm": [(X, 0, None, None, 1e-5), (X, 2, None, None, 1e-5), (X, 1, X[0, :1], None, 1e-5)],
    "_group_norm_backward": [
        (X, X, X[:, :0], X[:, :0], None),
        (X, X, X[:1], X[:1], None),
        (X, X, X[:, :1], X[:, :1], X[0, :1]),
    ],
    "_converted": [(X, X[:1]), (X, X[0])],
    "_layer_norm": [
        (X, 0, None, None, 1e-5, True),
        (X, 3, None, None, 1e-5, True),
        (X, -1, None, None, 1e-5, True),
        (X, 1, X[0, :1], None, 1e-5, True),
        (X, 1, None, None, 1e-5, True, plait.int8),
        (X, 1, None, None, 1e-5, True, plait.float64),
    ],
    "_layer_norm_backward": [
        (X, X, X[:, 0], X[:, 0], None, None, 1, True, True, True, True, plait.uint8),
        (X, X, X[0], X[:, 0], None, None, 1, True, True, True, True),
        (X[:1], X, X[:, 0], X[:, 0], None, None, 1, True, True, True, True),
        (X, X, X[:, 0], X[:, 0], None, X[0], 1, True, True, True, True),
        (X, X, X[:, 0], X[:, 0], None, X.double(), 1, True, True, True, True),
        (X, X, X[:, 0], X[:, 0], None, None, 5, True, True, True, True),
    ],
    "_attention_backward": [(X, X, X, X, None, X, X, False, 1.0)],
    "_embedding_backward": [
        (number(), INDEX, 3, -1, False),
        (X, INDEX, 3, -1, True),
        (X, INDEX[:, 0], -3, -1, False),
    ],
    "_embedding_bag": [
        (X, INDEX[0], None, None, False),
        (X, INDEX + 9, None, None, False),
        (X, INDEX[0], INDEX[0, :0], None, False),
        (X, INDEX, None, X[0], False),
        (X[0], INDEX, None, None, False),
    ],
    "_cdist": [
        (X[None], X, 2.0, True),
        (X[None], X[None, :, :2], 1.0, False),
        (X[None], X[None].double(), 1.0, False),
    ],
    "_cdist_backward": [
        (X[None], X[None], X[None], X[None], 2.0),
        (X, X[None], X[None], X[None, :, :2], 2.0),
    ],
    "_max_pool_values": [(IMAGE, (2,), (1, 1), (0, 0), (1, 1), False), (X, (2,), (1,), (0,), (1,), False)],
    "_embedding_masked": [(X, INDEX + 9, -1, False)],
    "_fractional_max_pool": [
        (IMAGE, (2, 2), (3, 2), plait.zeros(1, 2, 2)),
        (IMAGE, (2, 2), (2, 0), plait.zeros(1, 2, 2)),
        (IMAGE, (2,), (2, 2), plait.zeros(1, 2, 2)),
        (IMAGE, (2, 2), (2, 2), plait.zeros(1, 2, 3)),
        (IMAGE, (2, 2), (2, 2), plait.zeros(1, 2, 2).double()),
    ],
    "_grid_sampler_backward": [
        (IMAGE, IMAGE, IMAGE, 0, 0, False, True, True),
        (IMAGE, IMAGE, PLACES[:, :1], 0, 0, False, True, True),
        (IMAGE[:, :1], IMAGE, PLACES, 0, 0, False, True, True),
        (IMAGE, IMAGE.double(), PLACES, 0, 0, False, True, True),
        (IMAGE, IMAGE, PLACES, 3, 0, False, True, True),
        (IMAGE, IMAGE, PLACES, 0, -1, False, True, True),
        (IMAGE[:, :, :0], IMAGE[:, :, :0], PLACES[:, :0], 0, 0, False, True, True),
    ],
    "_resample": [
        (IMAGE, (2,), "linear", False),
        (IMAGE, (0, 2), "linear", False),
        (IMAGE[0, 0], (), "linear", False),
        (IMAGE[:, :, :0], (2, 2), "linear", False),
        (IMAGE, (2, 2), "nearest", False, True),
    ],
    "_resample_backward": [
        (IMAGE, (2,), "linear", False),
        (IMAGE, (2, -2), "linear", False),
        (IMAGE[0], (3,), "linear", False, True),
    ],
    "_gather_backward": [(X[:1], (2, 3), 1, INDEX), (X, (2,), 0, INDEX)],
    "_index_select_backward": [(X, (2, 3), 0, INDEX[0])],
    "_index": [(X, [X[0]]), (X, [None])],
    "_linalg_row_order": [
        (INDEX[0].int(), 3),
        (INDEX[0].int() + 4, 3),
        (INDEX[0].int() + 1, 2),
        (INDEX[0].int() + 1, 2**40),
        (INDEX[0, 0].int(), 1),
    ],
    "_index_backward": [(X, (3,), []), (X, (3,), [X > 0])],
}


@pytest.mark.parametrize("name", PRIVATE)
def test_private_ops_check_their_arguments(name):
    for args in PRIVATE[name]:
        with pytest.raises(REFUSED):
            OPS[name](*args)


def test_the_gradient_of_one_argument_of_scan_linear():
    factors, terms = plait.full((3,), 2.0), plait.ones(3, requires_grad=True)
    OPS["_scan_linear"](factors, terms, 0).sum().backward()
    assert terms.grad.tolist() == [7, 3, 1]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float16", "float64"])
def test_running_sums_in_a_dtype(dtype):
    x = plait.tensor([[100, 100], [100, 27]])
    for name in ("cumsum", "cumprod"):
        for dim in (0, 1):
            got = getattr(plait, name)(x, dim, dtype=getattr(plait, dtype))
            want = getattr(np, name)(x.numpy().astype(dtype), dim, dtype=dtype)
            assert got.dtype == getattr(plait, dtype)
            np.testing.assert_array_equal(got.numpy(), want)
    with pytest.raises(TypeError, match="bool"):
        x.cumsum(0, dtype=plait.bool)


def test_optimiser_steps_without_their_state():
    p, rates = [plait.ones(3)], {"lr": 0.1, "weight_decay": 0.0}
    sgd = {
        **rates,
        "momentum": 0.9,
        "dampening": 0.0,
        "nesterov": False,
        "maximize": False,
        "first_step": False,
    }
    with pytest.raises(ValueError, match="grads"):
        OPS["_fused_sgd_"](p, [], [], **{**sgd, "momentum": 0.0})
    with pytest.raises(ValueError, match="momentum_buffers"):
        OPS["_fused_sgd_"](p, p, [], **sgd)
    rmsprop = {**rates, "alpha": 0.9, "eps": 1e-8, "momentum": 0.0, "centered": True, "maximize": False}
    with pytest.raises(ValueError, match="grad_avgs"):
        OPS["_fused_rmsprop_"](p, p, p, [], [], **rmsprop)
    with pytest.raises(ValueError, match="momentum_buffers"):
        OPS["_fused_rmsprop_"](p, p, p, p, [], **{**rmsprop, "momentum": 0.5})
    adam = {**rates, "step": 1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8}
    with pytest.raises(ValueError, match="max_exp_avg_sqs"):
        OPS["_fused_adam_"](p, p, p, p, [], **adam, amsgrad=True, maximize=False, decoupled=False)


def test_text_and_circles_among_numbers():
    for bad in ([1, "mean"], [[1], ["a"]], [plait.ones(2), "ab"]):
        with pytest.raises((TypeError, ValueError)):
            plait.tensor(bad)
    circle = [1]
    circle.append(circle)
    with pytest.raises((TypeError, ValueError)):
        plait.tensor(circle)


def test_many_chunks_of_nothing():
    assert len(plait.ones(0, 3).chunk(1000)) == 1000
    with pytest.raises(ValueError, match="chunk"):
        plait.ones(0, 3).chunk(2**40)


def test_lists_of_other_lengths_than_a_convolution_has():
    x, w = plait.ones(1, 1, 4, 4), plait.ones(1, 1, 2, 2)
    f = plait.nn.functional
    for bad in ((), (1, 1, 1)):  # one goes for all of them
        with pytest.raises(REFUSED):
            f.conv2d(x, w, None, bad, "same", (1, 1))
        with pytest.raises(REFUSED):
            f.conv2d(x, w, None, (1, 1), "same", bad)
        with pytest.raises(REFUSED):
            f.conv_transpose2d(x, w, None, 1, 0, bad)


def test_a_storage_that_is_not_there():
    with pytest.raises(RuntimeError, match="meta"):
        plait._C._tensor_on_storage(META, plait.float32, [1], [1], 0)


# An out= that is resized, and is an argument as well: kernels read it in its new size.
RESIZED = {
    "cat": lambda x, out: plait.cat([x[:, :0], plait.ones(2, 4)], 1, out=out),
    "stack": lambda x, out: plait.stack([x, x], out=out),
    "sum": lambda x, out: plait.sum(x, 1, out=out),
    "prod": lambda x, out: plait.prod(x, 1, out=out),
    "amin of the other": lambda x, out: plait.amin(x, [0], out=out),
    "matmul": lambda x, out: plait.matmul(x, plait.ones(0, 5), out=out),
    "add": lambda x, out: plait.add(x[..., None], plait.ones(2, 1, 3), out=out),
}


@pytest.mark.parametrize("name", RESIZED)
def test_an_out_that_is_an_argument(name):
    x = plait.ones(2, 0)
    want = RESIZED[name](x, None)
    got = RESIZED[name](x, x)
    assert got is x and x.shape == want.shape and plait.equal(x, want)


def test_an_out_that_is_one_of_a_list():
    x, y = plait.ones(0), plait.arange(300000.0)
    assert plait.equal(plait.cat([x, y, x], out=x), y)


@pytest.mark.parametrize("dtype", [plait.float16, plait.bfloat16], ids=str)
def test_the_squared_distance_of_halves_is_refused_on_the_cpu(dtype):
    with pytest.raises(TypeError, match="_squared_distance: expected float32 or float64 on the CPU"):
        OPS["_squared_distance"](X.to(dtype), X.to(dtype), True)
