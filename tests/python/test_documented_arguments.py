"""Arguments that PyTorch documents and few programs use: numbers in the place of tensors, None, unusual dtypes, and
what is refused."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait import nn
from plait.nn import functional as F


def test_sort_takes_none_for_stable():
    x = plait.tensor([3.0, 1.0, 2.0])
    for stable in (None, True, False):
        assert plait.sort(x, stable=stable).indices.tolist() == [1, 2, 0]
        assert x.sort(stable=stable, dim=0, descending=True).values.tolist() == [3, 2, 1]
    assert plait.sort(x, 0, True).values.tolist() == [3, 2, 1]


NUMBER_FIRST = {
    "xlogy": (plait.xlogy, lambda a, b: a * np.log(b), 2.5),
    "special.xlogy": (plait.special.xlogy, lambda a, b: a * np.log(b), 2),
    "special.xlog1py": (plait.special.xlog1py, lambda a, b: a * np.log1p(b), 2),
    "true_divide": (plait.true_divide, np.true_divide, 2),
    "divide": (plait.divide, np.true_divide, 2),
    "div": (plait.div, np.true_divide, 2.5),
    "bitwise_and": (plait.bitwise_and, np.bitwise_and, 5),
    "bitwise_or": (plait.bitwise_or, np.bitwise_or, 5),
    "bitwise_xor": (plait.bitwise_xor, np.bitwise_xor, 5),
    "bitwise_left_shift": (plait.bitwise_left_shift, np.left_shift, 5),
    "bitwise_right_shift": (plait.bitwise_right_shift, np.right_shift, 5),
}


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize("name", NUMBER_FIRST)
def test_a_number_may_come_first(name, device):
    function, oracle, number = NUMBER_FIRST[name]
    for dtype in (plait.int32, plait.float64)[: 1 if name.startswith("bitwise") else 2]:
        x = plait.tensor([1, 2, 3], dtype=dtype, device=device)
        result = function(number, x)
        expected = oracle(number, x.cpu().numpy())
        assert result.device == x.device and result.dtype is function(x, x).dtype  # the number is weak
        np.testing.assert_allclose(result.cpu().numpy(), expected, rtol=2e-7)
        out = plait.empty(0, dtype=result.dtype, device=device)
        assert function(number, x, out=out) is out and (out == result).all()


def test_zeta_of_a_number():
    x = plait.tensor([1.0, 2.0], dtype=plait.float64, requires_grad=True)
    np.testing.assert_allclose(plait.special.zeta(2, x).tolist(), [np.pi**2 / 6, np.pi**2 / 6 - 1])
    assert plait.autograd.gradcheck(lambda t: plait.special.zeta(2.5, t), (x,))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
def test_the_bucket_of_a_number(device):
    edges = plait.tensor([1, 3, 5], device=device)
    for number, left, right in ((0, 0, 0), (3, 1, 2), (3.5, 2, 2), (9, 3, 3)):
        for result, expected in (
            (plait.bucketize(number, edges), left),
            (plait.bucketize(number, edges, right=True), right),
            (plait.searchsorted(edges, number, right=True), right),
            (plait.bucketize(plait.tensor(number), edges), left),
        ):
            assert result.shape == () and result.dtype is plait.int64 and result.device == edges.device
            assert result.item() == expected
    assert plait.bucketize(3, edges, out_int32=True).dtype is plait.int32


def test_signs_of_infinity_are_of_real_numbers():
    for function in (plait.isposinf, plait.isneginf):
        with pytest.raises(TypeError, match=f"{function.__name__}: complex numbers have no sign"):
            function(plait.tensor([1j]))
        assert function(plait.tensor([1, 2])).tolist() == [False, False]


def test_negative_variances_are_refused():
    x = plait.ones(3, 2, requires_grad=True)
    for var in (-x, -1.0, plait.tensor([[1.0, 2.0], [1.0, -1e-9], [0.0, 0.0]])):
        with pytest.raises(ValueError, match="gaussian_nll_loss: expected var of 0 or more"):
            F.gaussian_nll_loss(x, x, var)
        with pytest.raises(ValueError, match="gaussian_nll_loss: expected var of 0 or more"):
            nn.GaussianNLLLoss()(x, x, var)
    for var in (1.0, plait.zeros(3, 2), plait.zeros(0, 2)):
        y = x[: len(var)] if isinstance(var, plait.Tensor) else x
        F.gaussian_nll_loss(y, y, var)
    each = plait.func.vmap(lambda a, v: F.gaussian_nll_loss(a, a, v))(plait.ones(3, 2), plait.ones(3, 2))
    assert each.tolist() == [0, 0, 0]


def test_negative_deviations_are_refused():
    mean, std = plait.zeros(2), plait.tensor([1.0, -1.0])
    nan = plait.tensor([1.0, float("nan")])
    for arguments in ((0.0, -1.0, (2,)), (mean, -1.0), (mean, std), (0.0, std), (mean, nan), (mean.to("meta"), -1)):
        with pytest.raises(ValueError, match="normal: expected std of 0 or more"):
            plait.normal(*arguments)
    with pytest.raises(ValueError, match="expected std of 0 or more, got -1"):
        mean.normal_(0, -1)
    assert plait.normal(mean, 0.0).tolist() == [0, 0]
    assert plait.normal(plait.zeros(0), plait.zeros(0)).shape == (0,)
    assert plait.normal(mean.to("meta"), std.to("meta")).shape == (2,)


def test_lengths_of_ctc_are_integers():
    x, targets = plait.zeros(5, 2, 4).log_softmax(-1), plait.ones(2, 2, dtype=plait.int64)
    for lengths in (plait.tensor([5.0, 5.0]), [5, 5.0], (4.5, 5)):
        with pytest.raises(TypeError, match="input_lengths should be integers"):
            F.ctc_loss(x, targets, lengths, [1, 1])
        with pytest.raises(TypeError, match="target_lengths should be integers"):
            F.ctc_loss(x, targets, [5, 5], lengths)
    with pytest.raises(TypeError, match="input_lengths should be integers"):
        F.ctc_loss(x[:, 0], targets[0], 5.0, 1)
    expected = F.ctc_loss(x, targets, [5, 5], [1, 1])
    bytes_ = plait.tensor([1, 1], dtype=plait.uint8)
    assert F.ctc_loss(x, targets, plait.tensor([5, 5], dtype=plait.int32), bytes_) == expected
    assert F.ctc_loss(x[:, 0], targets[0], plait.tensor(5), plait.tensor(1)) == F.ctc_loss(x[:, 0], targets[0], 5, 1)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(4,), (6, 4), (6, 4, 3)], ids=str)
def test_targets_may_be_bytes(shape, reduction):
    plait.manual_seed(0)
    x = plait.randn(shape, dtype=plait.float64, requires_grad=True)
    target = plait.randint(0, 4, shape[:1][: len(shape) - 1] + shape[2:])
    weight = plait.rand(4, dtype=plait.float64)
    for loss in (F.cross_entropy, F.nll_loss):
        for options in ({}, {"weight": weight, "ignore_index": 1}):
            expected = loss(x, target, reduction=reduction, **options)
            result = loss(x, target.byte(), reduction=reduction, **options)
            assert result.tolist() == expected.tolist()
            given, wanted = (plait.autograd.grad(r.sum(), x)[0] for r in (result, expected))
            assert given.tolist() == wanted.tolist()
    for dtype in (plait.int32, plait.bool):
        with pytest.raises(TypeError, match="int64 or uint8, got"):
            F.nll_loss(x, target.to(dtype))


def test_pools_of_no_outputs_are_refused():
    x = plait.ones(1, 1, 5, 5)
    for size in (0, (0, 2), -1):
        with pytest.raises(ValueError, match="output_size of at least 1"):
            F.fractional_max_pool2d(x, 2, output_size=size)
    with pytest.raises(ValueError, match="output_size of at least 1"):
        F.fractional_max_pool3d(x[None], 2, output_size=(1, 0, 1))


def test_histograms_of_points_without_coordinates():
    for points, bins in ((plait.zeros(3, 0), []), (plait.zeros(3, 0), 2), (plait.zeros(0, 0), [])):
        hist, edges = plait.histogramdd(points, bins)
        assert hist.shape == () and hist.item() == 0 and len(edges) == 0
    assert plait.histogramdd(plait.zeros(0, 2), [2, 3]).hist.tolist() == [[0] * 3] * 2


def test_documented_keywords(tmp_path):
    x = plait.arange(6)
    assert [len(p) for p in plait.split(tensor=x, split_size_or_sections=4)] == [4, 2]
    assert [len(p) for p in plait.split(x, split_size_or_sections=[1, 5])] == [1, 5]
    a, b = plait.ones(2, 3), plait.ones(3, 2)
    out = plait.empty(0)
    assert plait.chain_matmul(a, b, a, out=out) is out and out.tolist() == [[6.0] * 3] * 2
    plait.set_rng_state(new_state=plait.get_rng_state())
    norm = nn.SyncBatchNorm(3, bias=False)
    assert norm.bias is None and norm.weight is not None
    with pytest.warns(FutureWarning, match="use min_val and max_val"):
        layer = nn.Hardtanh(min_value=-2, max_value=3)
    assert (layer.min_val, layer.max_val) == (-2, 3)
    layers = nn.ModuleList([nn.ReLU(), nn.Tanh()])
    assert isinstance(layers.pop(key=0), nn.ReLU) and len(layers) == 1
    y = plait.ones(1, requires_grad=True) * 2
    seen = []
    y.grad_fn.register_hook(fn=lambda *grads: seen.append("after"))
    y.grad_fn.register_prehook(fn=lambda *grads: seen.append("before"))
    y.backward()
    assert seen == ["before", "after"]
    plait.serialization.add_safe_globals(safe_globals=[])
    assert plait.compile(abs, name="step", recompile_limit=8) is abs
    sample = plait.distributions.Wishart(plait.tensor(4.0), plait.eye(2)).rsample((3,), max_try_correction=2)
    assert sample.shape == (3, 2, 2)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=needs_cuda)])
def test_from_dlpack_to_a_device(device):
    a = np.arange(3.0)
    shared = plait.from_dlpack(a)
    assert shared.data_ptr() == a.ctypes.data and plait.from_dlpack(a, copy=False).data_ptr() == a.ctypes.data
    copied = plait.from_dlpack(a, copy=True)
    assert copied.data_ptr() != a.ctypes.data and (copied == shared).all()
    there = plait.from_dlpack(a, device=device)
    assert there.device == plait.device(device) and there.tolist() == [0, 1, 2]
    assert (there.data_ptr() == a.ctypes.data) == (device == "cpu")
    assert plait.from_dlpack(a, device=device, copy=True).data_ptr() != a.ctypes.data
    if device != "cpu":
        with pytest.raises(ValueError, match="from_dlpack: with copy=False expected a tensor on cuda:0"):
            plait.from_dlpack(a, device=device, copy=False)
        assert plait.from_dlpack(there).data_ptr() == there.data_ptr()
        assert plait.from_dlpack(there, device="cpu").tolist() == [0, 1, 2]


def test_the_first_argument_is_called_input():
    a = plait.tensor([[2.0, 1.0], [0.0, 4.0]])
    assert plait.det(input=a) == 8 and plait.linalg.det(A=a) == 8
    assert plait.slogdet(input=a).sign == 1 and type(plait.slogdet(a)) is type(plait.linalg.slogdet(a))
    assert plait.equal(plait.matrix_power(input=a, n=2), a @ a) and plait.equal(a.matrix_power(2), a @ a)
    assert plait.equal(plait.matrix_exp(input=a), plait.linalg.matrix_exp(a)) and plait.equal(a.matrix_exp(), a.matrix_exp())
    out = plait.empty(0)
    assert plait.det(a, out=out) is out and out.item() == 8
    assert plait.row_stack((a, a), out=plait.empty(0)).shape == (4, 2)
    assert plait.heaviside(input=plait.zeros(1), values=plait.tensor([0.5])).item() == 0.5
