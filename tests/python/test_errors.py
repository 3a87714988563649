"""Bad input raises Python exceptions that name the op, what was given and what fits."""

import warnings

import numpy as np
import plait
import pytest

f32 = plait.zeros


def case(call, kinds, *words):
    return call, kinds if isinstance(kinds, tuple) else (kinds,), words


T = plait.tensor
HUGE = 2**40
nnf = plait.nn.functional
SHAPE = (RuntimeError, ValueError)
KIND = (RuntimeError, TypeError)
PLACE = (RuntimeError, IndexError)
ZERO = (RuntimeError, ZeroDivisionError)
CASES = {
    # ---- shapes that do not fit
    "broadcast": case(lambda: f32(3, 4) + f32(5), RuntimeError, "add", "(3, 4)", "(5"),
    "broadcast mul": case(lambda: plait.mul(f32(2, 3), f32(3, 2)), RuntimeError, "mul", "(2, 3)", "(3, 2)"),
    "broadcast where": case(lambda: plait.where(f32(3) > 0, f32(4), f32(4)), RuntimeError, "where", "3", "4"),
    "in-place grows": case(lambda: f32(3).add_(f32(2, 3)), RuntimeError, "add", "(3", "(2, 3)"),
    "matmul": case(lambda: f32(2, 3) @ f32(4, 5), RuntimeError, "matmul", "(2, 3)", "(4, 5)"),
    "matmul 0-d": case(lambda: plait.matmul(f32(()), f32(3)), RuntimeError, "matmul"),
    "mm of vectors": case(lambda: plait.mm(f32(3), f32(3)), RuntimeError, "mm", "(3"),
    "bmm": case(lambda: plait.bmm(f32(2, 3, 4), f32(3, 4, 5)), RuntimeError, "bmm", "(2, 3, 4)", "(3, 4, 5)"),
    "dot": case(lambda: plait.dot(f32(2), f32(3)), RuntimeError, "dot", "2", "3"),
    "linear": case(lambda: nnf.linear(f32(2, 3), f32(4, 5)), RuntimeError, "linear", "(2, 3)", "(4, 5)"),
    "einsum letters": case(lambda: plait.einsum("ij,jk->ik", f32(2, 3), f32(4, 5)), SHAPE, "einsum", "j"),
    "einsum operands": case(lambda: plait.einsum("ij,jk->ik", f32(2, 3)), SHAPE, "einsum"),
    "einsum text": case(lambda: plait.einsum("i1->", f32(2, 3)), SHAPE, "einsum"),
    "cat shapes": case(lambda: plait.cat([f32(2, 3), f32(2, 4)]), RuntimeError, "cat", "(2, 3)", "(2, 4)"),
    "cat of nothing": case(lambda: plait.cat([]), SHAPE, "cat", "empty"),
    "stack shapes": case(lambda: plait.stack([f32(2), f32(3)]), RuntimeError, "stack", "(2", "(3"),
    "conv channels": case(
        lambda: plait.conv2d(f32(1, 3, 8, 8), f32(4, 2, 3, 3)), RuntimeError, "conv2d", "3", "2"
    ),
    "conv kernel too large": case(
        lambda: plait.conv2d(f32(1, 3, 2, 2), f32(4, 3, 5, 5)), RuntimeError, "conv2d", "5"
    ),
    "conv groups": case(
        lambda: plait.conv2d(f32(1, 3, 8, 8), f32(4, 1, 3, 3), groups=2), RuntimeError, "conv2d", "2"
    ),
    "conv stride": case(
        lambda: plait.conv2d(f32(1, 3, 8, 8), f32(4, 3, 3, 3), stride=0), SHAPE, "conv2d", "stride", "0"
    ),
    "pool kernel": case(lambda: nnf.max_pool2d(f32(1, 1, 4, 4), 0), SHAPE, "pool", "0"),
    "pool padding": case(lambda: nnf.max_pool2d(f32(1, 1, 4, 4), 2, 1, 5), SHAPE, "pool", "5"),
    "layer_norm shape": case(lambda: nnf.layer_norm(f32(2, 3), (4,)), SHAPE, "layer_norm", "4"),
    "cross_entropy batch": case(
        lambda: nnf.cross_entropy(f32(3, 4), plait.zeros(5, dtype=plait.int64)), SHAPE, "cross_entropy", "5"
    ),
    "nll_loss weight": case(
        lambda: nnf.nll_loss(f32(2, 3), plait.zeros(2, dtype=plait.int64), f32(3, dtype=plait.float16)),
        SHAPE,
        "nll_loss",
        "float16",
    ),
    "cross_entropy ignored probabilities": case(
        lambda: nnf.cross_entropy(f32(2, 3), f32(2, 3), ignore_index=1),
        SHAPE,
        "cross_entropy",
        "ignore_index=1",
    ),
    "triplet margin": case(
        lambda: nnf.triplet_margin_loss(f32(2, 3), f32(2, 3), f32(2, 3), margin=-1.0), SHAPE, "margin", "-1"
    ),
    "batch_norm eps": case(
        lambda: plait.nn.BatchNorm1d(3, eps=-1.0)(f32(2, 3)), SHAPE, "batch_norm", "eps", "-1"
    ),
    "rrelu bounds": case(lambda: nnf.rrelu(f32(2), 0.3, 0.1), SHAPE, "rrelu", "0.3", "0.1"),
    "huber delta": case(lambda: plait.nn.HuberLoss(delta=1j), TypeError, "HuberLoss", "complex"),
    "circular padding": case(
        lambda: plait.nn.CircularPad1d(1)(f32(2, 3, 4, 5)), SHAPE, "CircularPad1d", "(2, 3, 4, 5)"
    ),
    "linalg.cross dims": case(
        lambda: plait.linalg.cross(f32(5, 3), f32(3)), SHAPE, "linalg.cross", "(5, 3)", "(3,)"
    ),
    "nextafter of integers": case(
        lambda: plait.nextafter(plait.arange(2), 1), TypeError, "nextafter", "floats", "int64"
    ),
    "polar of a number": case(lambda: plait.polar(1, f32(2)), TypeError, "polar", "abs", "int"),
    "unbind 0-d": case(lambda: f32(()).unbind(), IndexError, "unbind", "0-d"),
    "roll 0-d": case(lambda: plait.roll(f32(()), 1, 0), IndexError, "roll", "0-d"),
    "fft 0-d": case(lambda: plait.fft.fft(f32(())), IndexError, "fft.fft", "0-d"),
    "cov counts": case(lambda: plait.cov(f32(5), fweights=f32(5)), RuntimeError, "cov", "fweights", "integer"),
    "cov weights": case(lambda: plait.cov(f32(5), aweights=f32(5) - 1), RuntimeError, "cov", "aweights", "-1"),
    # ---- reshaping
    "reshape": case(lambda: f32(2, 3).reshape(4, 2), RuntimeError, "reshape", "(2, 3)", "(4, 2)"),
    "reshape two -1": case(lambda: f32(2, 3).reshape(-1, -1), RuntimeError, "reshape", "-1"),
    "reshape negative": case(lambda: f32(2, 3).reshape(-2, -3), SHAPE, "reshape", "-2"),
    "reshape ambiguous": case(lambda: f32(0, 3).reshape(0, -1), RuntimeError, "reshape", "-1"),
    "view of transposed": case(lambda: f32(2, 3).t().view(6), RuntimeError, "view", "reshape"),
    "expand": case(lambda: f32(3).expand(4), RuntimeError, "expand", "3", "4"),
    "expand fewer": case(lambda: f32(2, 3).expand(3), RuntimeError, "expand"),
    "permute repeated": case(lambda: f32(2, 3).permute(0, 0), SHAPE, "permute", "0"),
    "permute length": case(lambda: f32(2, 3).permute(0), SHAPE, "permute"),
    "t of 3-d": case(lambda: f32(2, 3, 4).t(), RuntimeError, "t", "3"),
    "unflatten": case(lambda: f32(6).unflatten(0, (4, 2)), SHAPE, "unflatten", "6"),
    "split sizes": case(lambda: f32(6).split([2, 2]), SHAPE, "split", "6"),
    "split negative": case(lambda: f32(6).split(-1), SHAPE, "split", "-1"),
    "chunk zero": case(lambda: f32(6).chunk(0), SHAPE, "chunk", "0"),
    "as_strided outside": case(lambda: f32(6).as_strided((3,), (4,)), SHAPE, "as_strided"),
    "as_strided negative": case(lambda: f32(6).as_strided((3,), (-1,)), SHAPE, "as_strided", "-1"),
    "as_strided overflow": case(
        lambda: f32(6).as_strided((2**31, 2**31), (2**31, 2**31)), SHAPE, "as_strided"
    ),
    "unfold": case(lambda: f32(3).unfold(0, 5, 1), SHAPE, "unfold", "5", "3"),
    "unfold step": case(lambda: f32(3).unfold(0, 2, 0), SHAPE, "unfold", "0"),
    "narrow": case(lambda: f32(3).narrow(0, 1, 5), (RuntimeError, IndexError, ValueError), "narrow", "5"),
    "diagonal dims": case(
        lambda: f32(3, 3).diagonal(0, 1, 1), (RuntimeError, ValueError, IndexError), "diagonal", "1"
    ),
    "pad odd": case(lambda: nnf.pad(f32(3), (1, 2, 3)), SHAPE, "pad", "3"),
    "pad reflect": case(lambda: nnf.pad(f32(1, 1, 3), (3, 0), "reflect"), SHAPE, "pad", "3"),
    "pad below zero": case(lambda: nnf.pad(f32(3), (-2, -2)), SHAPE, "pad"),
    "repeat": case(lambda: f32(2, 3).repeat(2), SHAPE, "repeat"),
    "repeat negative": case(lambda: f32(2).repeat(-1), SHAPE, "repeat", "-1"),
    "pixel_shuffle": case(
        lambda: plait.pixel_shuffle(f32(1, 3, 2, 2), 2), RuntimeError, "pixel_shuffle", "3"
    ),
    # ---- dimensions out of range
    "sum dim": case(lambda: f32(2, 3).sum(2), IndexError, "sum", "2", "-2"),
    "sum dim below": case(lambda: f32(2, 3).sum(-3), IndexError, "sum", "-3"),
    "sum dim twice": case(lambda: f32(2, 3).sum((0, 0)), RuntimeError, "sum", "0"),
    "transpose dim": case(lambda: f32(2, 3).transpose(0, 2), IndexError, "transpose", "2"),
    "unsqueeze dim": case(lambda: f32(2, 3).unsqueeze(4), IndexError, "unsqueeze", "4"),
    "softmax dim": case(lambda: plait.softmax(f32(2, 3), 5), IndexError, "softmax", "5"),
    "cat dim": case(lambda: plait.cat([f32(2), f32(2)], 1), IndexError, "cat", "1"),
    "size": case(lambda: f32(2, 3).size(2), IndexError, "2"),
    # ---- indices out of range
    "index": case(lambda: f32(3)[3], IndexError, "3", "size 3"),
    "index below": case(lambda: f32(3, 4)[-4], IndexError, "-4", "3"),
    "index second": case(lambda: f32(3, 4)[0, 7], IndexError, "7", "4"),
    "index too many": case(lambda: f32(3)[0, 0], IndexError, "2", "1"),
    "index list": case(lambda: f32(3)[[0, 5]], IndexError, "5", "3"),
    "index assign": case(lambda: f32(3).__setitem__(9, 1.0), IndexError, "9", "3"),
    "index assign shape": case(lambda: f32(3).__setitem__(slice(0, 2), f32(3)), SHAPE, "3", "2"),
    "mask shape": case(lambda: f32(3)[T([True, False])], IndexError, "2", "3"),
    "index float": case(lambda: f32(3)[T([1.0])], (IndexError, TypeError), "float"),
    "index text": case(lambda: f32(3)["a"], (IndexError, TypeError), "str"),
    "slice step": case(lambda: f32(3)[::-1], ValueError, "step", "-1"),
    "slice step zero": case(lambda: f32(3)[::0], ValueError, "step"),
    "select": case(lambda: f32(3).select(0, 3), IndexError, "select", "3"),
    "gather": case(lambda: plait.gather(f32(3), 0, T([3])), PLACE, "gather", "3"),
    "gather negative": case(lambda: plait.gather(f32(3), 0, T([-1])), PLACE, "gather", "-1"),
    "gather dtype": case(lambda: plait.gather(f32(3), 0, T([1.0])), KIND, "gather", "int64"),
    "scatter": case(lambda: plait.scatter(f32(3), 0, T([5]), T([1.0])), PLACE, "scatter", "5"),
    "scatter_add": case(lambda: plait.scatter_add(f32(3), 0, T([-9]), T([1.0])), PLACE, "scatter_add", "-9"),
    "index_select": case(lambda: plait.index_select(f32(3), 0, T([3])), PLACE, "index_select", "3"),
    "index_add": case(lambda: plait.index_add(f32(3), 0, T([4]), T([1.0])), PLACE, "index_add", "4"),
    "take": case(lambda: plait.take(f32(3), T([3])), PLACE, "take", "3"),
    "embedding": case(lambda: nnf.embedding(T([7]), f32(3, 2)), PLACE, "embedding", "7", "3"),
    "one_hot": case(
        lambda: plait.one_hot(T([5]), 3), (IndexError, RuntimeError, ValueError), "one_hot", "5", "3"
    ),
    "one_hot negative": case(
        lambda: plait.one_hot(T([-1])), (IndexError, RuntimeError, ValueError), "one_hot", "-1"
    ),
    "cross_entropy class": case(lambda: nnf.cross_entropy(f32(1, 3), T([3])), PLACE, "3"),
    "nll_loss class": case(lambda: nnf.nll_loss(f32(1, 3), T([-2])), PLACE, "-2"),
    "topk": case(lambda: plait.topk(f32(3), 4), (RuntimeError, ValueError, IndexError), "topk", "4", "3"),
    "kthvalue": case(
        lambda: plait.kthvalue(f32(3), 0), (RuntimeError, ValueError, IndexError), "kthvalue", "0"
    ),
    "bincount": case(lambda: plait.bincount(T([-1])), SHAPE, "bincount", "-1"),
    "multinomial": case(lambda: plait.multinomial(plait.ones(3), 5), SHAPE, "multinomial", "5"),
    "multinomial weights": case(lambda: plait.multinomial(T([-1.0, 2.0]), 1), SHAPE, "multinomial"),
    "multinomial NaN": case(lambda: plait.multinomial(T([float("nan"), 2.0]), 1), SHAPE, "multinomial"),
    # ---- sizes
    "negative size": case(lambda: plait.zeros(-1), SHAPE, "zeros", "-1"),
    "negative size second": case(lambda: plait.empty(2, -3), SHAPE, "empty", "-3"),
    "overflow": case(lambda: plait.empty(HUGE, HUGE), SHAPE, "empty", str(HUGE)),
    "overflow of bytes": case(
        lambda: plait.empty(2**61), (RuntimeError, ValueError, MemoryError, plait.OutOfMemoryError)
    ),
    "out of memory": case(lambda: plait.empty(2**44), plait.OutOfMemoryError, "17592186044416"),
    "expand overflow": case(lambda: f32(1).expand(HUGE, HUGE).contiguous(), SHAPE),
    "repeat overflow": case(lambda: f32(1).repeat(HUGE, HUGE), SHAPE, "repeat"),
    "broadcast overflow": case(
        lambda: f32(1, 1).expand(HUGE, 1) + f32(1, 1).expand(1, HUGE),
        (RuntimeError, ValueError, plait.OutOfMemoryError),
    ),
    "arange infinite": case(lambda: plait.arange(0, float("inf")), SHAPE, "arange", "inf"),
    "arange NaN": case(lambda: plait.arange(0, float("nan")), SHAPE, "arange", "nan"),
    "arange step": case(lambda: plait.arange(0, 5, 0), SHAPE, "arange", "step"),
    "arange sign": case(lambda: plait.arange(0, 5, -1), SHAPE, "arange", "-1"),
    "arange huge": case(
        lambda: plait.arange(0, 1e300), (RuntimeError, ValueError, plait.OutOfMemoryError), "arange"
    ),
    "linspace": case(lambda: plait.linspace(0, 1, -1), SHAPE, "linspace", "-1"),
    "eye": case(lambda: plait.eye(-2), SHAPE, "eye", "-2"),
    "randperm": case(lambda: plait.randperm(-1), SHAPE, "randperm", "-1"),
    "randint": case(lambda: plait.randint(5, 5, (2,)), SHAPE, "randint", "5"),
    "NaN size": case(lambda: plait.zeros(float("nan")), TypeError, "zeros"),
    "float size": case(lambda: plait.zeros(2.5), TypeError, "zeros", "float"),
    "size of text": case(lambda: plait.zeros("3"), TypeError, "zeros", "str"),
    "repeat_interleave negative": case(
        lambda: plait.repeat_interleave(f32(2), T([1, -1])), SHAPE, "repeat_interleave", "-1"
    ),
    "interpolate zero": case(lambda: nnf.interpolate(f32(1, 1, 4), size=0), SHAPE, "interpolate", "0"),
    "interpolate NaN": case(
        lambda: nnf.interpolate(f32(1, 1, 4), scale_factor=float("nan")), SHAPE, "interpolate"
    ),
    "adaptive size": case(lambda: nnf.adaptive_avg_pool2d(f32(1, 1, 4, 4), -1), SHAPE, "-1"),
    # ---- empty reductions
    "max of nothing": case(lambda: f32(0).max(), PLACE, "max"),
    "argmax of nothing": case(lambda: f32(0).argmax(), PLACE, "argmax"),
    "amin of nothing": case(lambda: f32(2, 0).amin(1), PLACE, "amin"),
    "aminmax of nothing": case(lambda: plait.aminmax(f32(0)), PLACE, "aminmax"),
    "kthvalue of nothing": case(
        lambda: plait.kthvalue(f32(0), 1), (RuntimeError, IndexError, ValueError), "kthvalue"
    ),
    # ---- dtypes
    "integer division by zero": case(lambda: T([1]) // T([0]), ZERO, "floor_divide", "zero"),
    "integer remainder by zero": case(lambda: T([1]) % T([0]), ZERO, "remainder", "zero"),
    "integer fmod by zero": case(lambda: plait.fmod(T([1]), 0), ZERO, "fmod", "zero"),
    "div trunc by zero": case(lambda: plait.div(T([1]), T([0]), rounding_mode="trunc"), ZERO, "div", "zero"),
    "negative power": case(lambda: T([2]) ** -1, SHAPE, "pow", "-1"),
    "bool minus": case(lambda: T([True]) - T([True]), KIND, "sub", "bool"),
    "bool negation": case(lambda: -T([True]), KIND, "neg", "bool"),
    "float shift": case(lambda: T([1.0]) << 1, KIND, "float"),
    "float bits": case(lambda: T([1.0]) & T([1.0]), KIND, "bitwise_and", "float32"),
    "complex order": case(lambda: T([1j]) < T([2j]), KIND, "lt", "complex64"),
    "complex max": case(lambda: T([1j]).max(), KIND, "max", "complex64"),
    "integer mean": case(lambda: T([1, 2]).mean(), KIND, "mean", "int64"),
    "integer in-place true division": case(lambda: T([1]).div_(2), KIND, "div", "int64"),
    "float into integer": case(lambda: T([1]).add_(1.5), KIND, "add", "int64"),
    "complex into float": case(lambda: T([1.0]).mul_(1j), KIND, "mul", "float32"),
    "matmul dtypes": case(
        lambda: plait.ones(2, 2) @ plait.ones(2, 2, dtype=plait.float64), KIND, "float32", "float64"
    ),
    "alpha": case(lambda: plait.add(T([1]), T([1]), alpha=1.5), KIND, "add", "alpha"),
    "scatter_reduce mean of bools": case(
        lambda: T([True]).scatter_reduce(0, T([0]), T([True]), "mean"), TypeError, "scatter_reduce", "float"
    ),
    "full of a large number": case(lambda: plait.full((2,), 256, dtype=plait.uint8), SHAPE, "full", "256"),
    "where with a large number": case(
        lambda: plait.where(T([True]), plait.zeros(1, dtype=plait.uint8), 300), SHAPE, "where", "300"
    ),
    "where with a low number first": case(
        lambda: plait.where(T([True]), -129, plait.zeros(1, dtype=plait.int8)), SHAPE, "where", "-129"
    ),
    "uniform beyond the dtype": case(
        lambda: f32(2).half().uniform_(-60000, 60000), SHAPE, "uniform_", "float16", "60000"
    ),
    "uniform to infinity": case(lambda: f32(2).uniform_(0, float("inf")), SHAPE, "uniform_", "inf"),
    "generator of no device": case(lambda: plait.Generator("anything"), RuntimeError, "anything"),
    "generator of a list": case(lambda: plait.Generator([]), TypeError, "Generator", "list"),
    "size of a float array": case(lambda: plait.zeros(np.array(2.0)), TypeError, "zeros"),
    "size of a bool tensor": case(lambda: plait.zeros(2, T(True)), TypeError, "zeros"),
    "dim_order of strings": case(
        lambda: f32(2).dim_order(ambiguity_check="no"), TypeError, "dim_order", "ambiguity_check", "no"
    ),
    "dim_order of one element": case(
        lambda: f32(1, 2).dim_order(ambiguity_check=True), RuntimeError, "dim_order", "(1, 2)"
    ),
    "full_like of NaN": case(lambda: plait.full_like(T([1]), float("nan")), SHAPE, "full_like", "nan"),
    "new_full of infinity": case(lambda: T([1]).new_full((2,), float("inf")), SHAPE, "new_full", "inf"),
    "fill_ of a large number": case(lambda: plait.zeros(2, dtype=plait.int8).fill_(-129), SHAPE, "fill", "-129"),
    "index assignment of a large number": case(
        lambda: plait.zeros(2, dtype=plait.int16).__setitem__(0, 2**15), SHAPE, "index assignment", "32768"
    ),
    "masked_fill of a large number": case(
        lambda: plait.masked_fill(T([1, 0], dtype=plait.int8), T([True, False]), 128), SHAPE, "masked_fill", "128"
    ),
    "masked_fill of infinity": case(
        lambda: plait.masked_fill(T([1, 0]), T([True, False]), float("inf")), SHAPE, "masked_fill", "inf"
    ),
    "masked_fill of a complex number": case(
        lambda: plait.masked_fill(f32(2), T([True, False]), 1j), TypeError, "masked_fill", "complex128"
    ),
    "masked_fill mask": case(lambda: plait.masked_fill(f32(2), T([1, 0]), 1), KIND, "masked_fill", "bool"),
    "out dtype": case(lambda: plait.add(T([1.0]), 1, out=T([1])), KIND, "add", "int64"),
    "real of real view": case(lambda: plait.view_as_complex(f32(3)), KIND, "view_as_complex"),
    "layer on integers": case(
        lambda: nnf.conv2d(
            plait.ones(1, 1, 3, 3, dtype=plait.int32), plait.ones(1, 1, 2, 2, dtype=plait.int32)
        ),
        KIND,
        "conv2d",
    ),
    # ---- arguments
    "wrong type": case(lambda: plait.add("a", 1), TypeError, "add", "str"),
    "wrong type of other": case(lambda: plait.add(f32(1), None), TypeError, "add", "other", "None"),
    "unknown keyword": case(lambda: plait.add(f32(1), 1, aplha=2), TypeError, "add", "aplha"),
    "too many": case(lambda: plait.exp(f32(1), 2, 3), TypeError, "exp"),
    "too many of an overload": case(lambda: plait.sum(f32(1), 0, True, 3, 4), TypeError, "sum"),
    "missing": case(lambda: plait.mul(f32(1)), TypeError, "mul", "other"),
    "missing self": case(lambda: plait.relu(), TypeError, "relu"),
    "twice": case(lambda: plait.mul(f32(1), f32(1), other=f32(1)), TypeError, "mul", "other"),
    "keyword only": case(lambda: plait.add(f32(1), f32(1), 2), TypeError, "add"),
    "dim of text": case(lambda: f32(2).sum("x"), TypeError, "sum", "str"),
    "dim of float": case(lambda: f32(2).sum(1.5), TypeError, "sum", "float"),
    "list of text": case(lambda: plait.cat([f32(1), "b"]), TypeError, "cat", "str"),
    "list wanted": case(lambda: plait.cat(f32(1)), TypeError, "cat"),
    "dtype wanted": case(lambda: plait.zeros(2, dtype="float32"), TypeError, "zeros", "dtype"),
    "device name": case(lambda: plait.zeros(2, device="warp"), SHAPE, "warp"),
    "device missing": case(
        lambda: plait.zeros(2, device="cuda:99"), (RuntimeError, ValueError, AssertionError), "cuda"
    ),
    "int too large": case(
        lambda: f32(3).sum(2**70), (OverflowError, TypeError, IndexError, RuntimeError, ValueError)
    ),
    "rounding mode": case(lambda: plait.div(f32(1), 1, rounding_mode="up"), SHAPE, "div", "up"),
    "reduction": case(lambda: nnf.mse_loss(f32(1), f32(1), reduction="all"), SHAPE, "all"),
    "gelu form": case(lambda: plait.gelu(f32(1), approximate="fast"), SHAPE, "gelu", "fast"),
    "meshgrid form": case(lambda: plait.meshgrid(f32(1), f32(2), indexing="zz"), SHAPE, "meshgrid", "zz"),
    "scatter_reduce form": case(
        lambda: plait.scatter_reduce(f32(3), 0, T([0]), T([1.0]), "median"), SHAPE, "scatter_reduce", "median"
    ),
    "pad mode": case(
        lambda: nnf.pad(f32(1, 2, 3), (1, 1), "wrap"),
        (RuntimeError, ValueError, NotImplementedError),
        "pad",
        "wrap",
    ),
    "interpolate mode": case(
        lambda: nnf.interpolate(f32(1, 1, 4), 3, mode="magic"),
        (RuntimeError, ValueError, NotImplementedError),
        "magic",
    ),
    "dropout p": case(lambda: nnf.dropout(f32(3), 1.5), SHAPE, "dropout", "1.5"),
    "bernoulli p": case(lambda: f32(3).bernoulli_(2.0), SHAPE, "bernoulli", "2"),
    "normal std": case(lambda: plait.normal(0.0, -1.0, (3,)), SHAPE, "normal", "-1"),
    "normal std of a mean": case(lambda: plait.normal(plait.ones(3), -1.0), SHAPE, "normal", "-1"),
    "normal complex std": case(
        lambda: plait.normal(plait.ones(3), plait.tensor([1j])), TypeError, "normal", "complex64"
    ),
    "uniform bounds": case(lambda: f32(3).uniform_(2, 1), SHAPE, "uniform", "2", "1"),
    "clamp of nothing": case(lambda: plait.clamp(f32(3)), (RuntimeError, ValueError, TypeError), "clamp"),
    "meta item": case(
        lambda: plait.zeros(1, device="meta").item(), (RuntimeError, NotImplementedError), "meta"
    ),
    "meta and cpu": case(lambda: plait.zeros(2, device="meta") + plait.zeros(2), KIND, "add", "meta", "cpu"),
    "meta nonzero": case(
        lambda: plait.nonzero(plait.zeros(2, device="meta")),
        (RuntimeError, NotImplementedError),
        "nonzero",
        "meta",
    ),
    "meta print of data": case(
        lambda: plait.zeros(2, device="meta").tolist(), (RuntimeError, NotImplementedError), "meta"
    ),
    "out requires grad": case(
        lambda: plait.add(T([1.0]), 1, out=plait.ones(1, requires_grad=True)), RuntimeError, "add", "grad"
    ),
}


@pytest.mark.parametrize("name", ["special_zeta", "igamma", "igammac"])
@pytest.mark.parametrize("dtype", [plait.int32, plait.float64])
def test_a_complex_argument_after_a_real_one(name, dtype):
    with pytest.raises(TypeError, match=f"{name}.*other.*real dtype.*complex64"):
        plait._C.ops[name](plait.ones(3, dtype=dtype), plait.ones(3, dtype=plait.complex64))


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name):
    call, kinds, words = CASES[name]
    with pytest.raises(kinds) as caught:
        call()
    text = str(caught.value).lower()
    # Shapes may be written as tuples or lists.
    text = text + " " + text.replace("[", "(").replace("]", ")")
    missing = [w for w in words if w.lower() not in text]
    assert not missing, f"{missing} missing from: {caught.value}"


def test_overload_errors_list_the_overloads():
    with pytest.raises(TypeError) as caught:
        plait.sum(plait.ones(2), "x", 1, 2)
    assert str(caught.value).count("sum(") >= 2


@pytest.mark.parametrize("name", ["zeross", "functinal", "Tensorr", "relu_6", "softmx", "arrange", "sparse"])
def test_unknown_names(name):
    with pytest.raises(AttributeError) as caught:
        getattr(plait, name)
    near = {
        "zeross": "zeros",
        "Tensorr": "tensor",
        "relu_6": "relu",
        "softmx": "softmax",
        "arrange": "arange",
    }
    assert name in str(caught.value)
    assert near.get(name, "").lower() in str(caught.value).lower()


def test_unknown_methods():
    with pytest.raises(AttributeError, match="reshap"):
        plait.ones(1).reshap
    with pytest.raises(AttributeError, match="functional"):
        plait.nn.functional.no_such_thing
    assert not hasattr(plait, "no_such_thing") and not hasattr(plait.ones(1), "no_such_thing")


def test_an_error_leaves_everything_usable():
    x = plait.ones(3, requires_grad=True)
    for _ in range(200):
        with pytest.raises(RuntimeError):
            x + plait.ones(4)
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2, 2, 2]


def test_index_errors_in_a_parallel_kernel():
    index = plait.zeros(200_000, dtype=plait.int64)
    index[123_456] = 10
    with pytest.raises(PLACE, match="10"):
        plait.index_select(plait.ones(10), 0, index)
    assert plait.ones(200_000).sum().item() == 200_000


@pytest.mark.parametrize(
    ("self", "mat2", "text"),
    [
        (
            plait.ones(3),
            plait.ones(5, 3),
            r"addmm: mat1 of shape \(8, 16\) and mat2 of shape \(5, 3\) do not fit",
        ),
        (plait.ones(4), plait.ones(16, 3), r"addmm: self of shape \(4,?\) does not broadcast"),
        (
            plait.ones(3, dtype=plait.float64),
            plait.ones(16, 3),
            "addmm: expected tensors of one dtype.*float64",
        ),
    ],
)
def test_addmm_activation_names_its_own_arguments(self, mat2, text):
    with pytest.raises((TypeError, ValueError), match=text):
        plait._addmm_activation(self, plait.ones(8, 16), mat2, use_gelu=True)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_losses_warn_of_broadcasts(name):
    loss, x = getattr(plait.nn.functional, name), plait.ones(4, 1)
    with pytest.warns(UserWarning, match=rf"{name}: target of shape \(4,\) is broadcast with self of shape \(4, 1\)"):
        assert loss(x, plait.ones(4)).item() == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(x, plait.ones(4, 1))
        with pytest.raises(UserWarning, match="is broadcast"):
            loss(x, plait.ones(4))


def test_what_targets_are_told():
    cross_entropy, x = plait.nn.functional.cross_entropy, plait.zeros(4, 3)
    target = plait.tensor([0, 1, 2, 0])
    for wrong, hint in (
        ((x, target.float()), r"convert target with \.long\(\)"),
        ((x, target[:, None]), r"use target\.squeeze\(1\)"),
        ((target, x), r"the order is cross_entropy\(logits, target\)"),
    ):
        with pytest.raises((ValueError, TypeError), match=hint):
            cross_entropy(*wrong)
    with pytest.raises(TypeError, match=r"give module\.parameters\(\)"):
        plait.optim.SGD(plait.nn.Sequential(plait.nn.Linear(1, 1)), lr=0.1)
    with pytest.raises(ValueError, match=r"the result of an op \(MulBackward0\)"):
        plait.optim.SGD([plait.ones(1, requires_grad=True) * 2], lr=0.1)

    class Half(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="Half: a custom Function must define a static method backward"):
        Half.apply(plait.ones(1, requires_grad=True)).backward()
