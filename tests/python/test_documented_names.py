"""Names that PyTorch documents and few programs use: against NumPy, autograd and what the documentation says."""

import numpy as np
import plait
import pytest
from plait import nn
from plait.nn import functional as F
from plait.nn.utils import parametrize


def values(*shape, dtype=plait.float64):
    plait.manual_seed(1)
    return plait.randn(*shape, dtype=dtype)


def test_pdist_stands_at_the_top_too():
    x = values(5, 3).requires_grad_()
    first, second = np.triu_indices(5, 1)
    a = x.detach().numpy()
    np.testing.assert_allclose(plait.pdist(x, 3.0).detach().numpy(), (np.abs(a[first] - a[second]) ** 3).sum(1) ** (1 / 3))
    assert plait.pdist is F.pdist and plait.autograd.gradcheck(plait.pdist, (x,))
    assert plait.pdist(plait.ones(1, 3)).shape == (0,)
    with pytest.raises(ValueError, match="expected input of shape"):
        plait.pdist(plait.ones(2, 2, 2))


@pytest.mark.parametrize("pad", [0, 2])
def test_convolution_with_time_first(pad):
    x, w, b = (t.requires_grad_() for t in (values(6, 2, 3), values(3, 3, 4), values(4)))
    a, k = np.pad(x.detach().numpy(), [(pad, pad), (0, 0), (0, 0)]), w.detach().numpy()
    steps = len(a) - 3 + 1
    expected = np.stack([sum(a[t + i] @ k[i] for i in range(3)) for t in range(steps)]) + b.detach().numpy()
    result = F.conv_tbc(x, w, b, pad)
    assert result.shape == (steps, 2, 4)
    np.testing.assert_allclose(result.detach().numpy(), expected)
    assert plait.autograd.gradcheck(lambda *t: plait.conv_tbc(*t, pad), (x, w, b))
    with pytest.raises(ValueError, match="conv_tbc: expected input"):
        F.conv_tbc(plait.ones(2, 2), w)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_normalisation_over_channels_on_both_sides(size):
    x = values(2, 6, 3, 2).requires_grad_()
    layer = nn.CrossMapLRN2d(size, alpha=0.7, beta=0.5, k=2.0)
    a, reach = x.detach().numpy(), (size - 1) // 2
    sums = np.stack([(a[:, max(c - reach, 0) : c + reach + 1] ** 2).sum(1) for c in range(6)], 1)
    np.testing.assert_allclose(layer(x).detach().numpy(), a / (2 + 0.7 / size * sums) ** 0.5)
    if size % 2:
        assert (nn.LocalResponseNorm(size, 0.7, 0.5, 2.0)(x) == layer(x)).all()
    assert plait.autograd.gradcheck(layer, (x,))
    assert repr(layer) == f"CrossMapLRN2d({size}, alpha=0.7, beta=0.5, k=2.0)"
    with pytest.raises(ValueError, match=r"expected \(N, C, H, W\)"):
        layer(plait.ones(2, 6, 3))


@pytest.mark.parametrize("dtype", [plait.float64, plait.complex128])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2, "groups": 2}], ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_of_convolutions(n, options, dtype):
    groups = options.get("groups", 1)
    x = values(2, 4, *(5, 6, 7)[:n], dtype=dtype).requires_grad_()
    w = values(6, 4 // groups, *(2, 3, 2)[:n], dtype=dtype).requires_grad_()
    y = getattr(F, f"conv{n}d")(x, w, **options)
    g = values(*y.shape, dtype=dtype)
    of_input, of_weight = plait.autograd.grad(y, (x, w), g)
    by_input, by_weight = (getattr(nn.grad, f"conv{n}d_{of}") for of in ("input", "weight"))
    np.testing.assert_allclose(by_input(x.shape, w, g, **options).detach().numpy(), of_input.numpy())
    np.testing.assert_allclose(by_weight(x, w.shape, g, **options).detach().numpy(), of_weight.numpy())
    if n == 1 and dtype is plait.float64:
        assert plait.autograd.gradcheck(lambda w, g: by_input(x.shape, w, g, **options), (w, g.requires_grad_()))


def test_gradients_of_convolutions_refuse():
    x, w, g = plait.ones(1, 4, 5, 5), plait.ones(2, 4, 2, 2), plait.ones(1, 2, 4, 4)
    with pytest.raises(ValueError, match=r"conv2d_input: expected input_size that begins with \(1, 4\), got"):
        nn.grad.conv2d_input((1, 3, 5, 5), w, g)
    with pytest.raises(ValueError, match="conv2d_input: expected input_size of 4 dimensions"):
        nn.grad.conv2d_input((1, 4, 5), w, g)
    with pytest.raises(ValueError, match="belongs to"):
        nn.grad.conv2d_input((1, 4, 9, 9), w, g)
    with pytest.raises(ValueError, match="conv2d_weight: expected weight_size that begins with"):
        nn.grad.conv2d_weight(x, (3, 4, 2, 2), g)
    with pytest.raises(ValueError, match="stride should be one number or 2"):
        nn.grad.conv2d_weight(x, (2, 4, 2, 2), g, stride=(1, 1, 1))
    for groups in (0, -1):
        with pytest.raises(ValueError, match="groups to be at least 1"):
            nn.grad.conv2d_weight(x, (2, 4, 2, 2), g, groups=groups)
        with pytest.raises(ValueError, match="groups to be at least 1"):
            nn.grad.conv2d_input(x.shape, w, g, groups=groups)


@pytest.mark.parametrize("dtype", [plait.float32, plait.bfloat16, plait.int64, plait.bool, plait.complex64], ids=str)
def test_python_functions_of_each_element(dtype):
    base = plait.tensor([[0, 1, 2], [3, 0, 5]], dtype=dtype)
    x = base.t()  # not contiguous
    version = x._version
    assert x.apply_(lambda v: v + 1) is x and x._version > version and x.dtype is dtype
    assert base.tolist() == plait.tensor([[1, 2, 3], [4, 1, 6]], dtype=dtype).tolist()
    y = plait.tensor([2, 3], dtype=dtype)  # broadcast
    expected = x * y
    assert x.map_(y, lambda a, b: a * b) is x and x.tolist() == expected.tolist()
    expected = x + y * y
    assert x.map2_(y, y, lambda a, b, c: a + b * c) is x and x.tolist() == expected.tolist()


def test_python_functions_of_each_element_refuse():
    x = plait.ones(2)
    with pytest.raises(TypeError, match="CPU tensors alone, got one on meta"):
        x.to("meta").apply_(abs)
    with pytest.raises(RuntimeError, match="requires grad"):
        plait.ones(2, requires_grad=True).apply_(abs)
    with pytest.raises(TypeError, match="one dtype"):
        x.map_(plait.ones(2, dtype=plait.int64), max)
    with pytest.raises(TypeError, match="expected a Tensor, got int"):
        x.map2_(x, 2, max)
    with pytest.raises(TypeError, match="complex number"):
        x.apply_(lambda v: 1j)
    with pytest.raises(TypeError):
        x.apply_(str)
    with pytest.raises((ValueError, RuntimeError)):
        x.map_(plait.ones(2, 2), max)
    assert x.tolist() == [1, 1]  # as it was


class Double(nn.Module):
    def forward(self, x):
        return 2 * x

    def right_inverse(self, value):
        return value / 2


def test_parametrizations_are_transferred():
    source, target = nn.Linear(2, 2), nn.Linear(2, 2)
    for name in ("weight", "bias"):
        parametrize.register_parametrization(source, name, Double())
    parametrize.register_parametrization(source, "weight", nn.Tanh())
    assert parametrize.transfer_parametrizations_and_params(source, target, "bias") is target
    assert parametrize.is_parametrized(target, "bias") and not parametrize.is_parametrized(target, "weight")
    parametrize.transfer_parametrizations_and_params(source, target, "weight")
    assert (target.weight == source.weight).all() and (target.bias == source.bias).all()
    assert target.parametrizations.weight.original is source.parametrizations.weight.original
    assert parametrize.type_before_parametrizations(target) is nn.Linear
    plain = nn.Linear(2, 2)
    assert parametrize.transfer_parametrizations_and_params(plain, target) is target
    with pytest.raises(ValueError, match="no parametrization on 'other'"):
        parametrize.transfer_parametrizations_and_params(source, plain, "other")


def test_parametrizations_of_several_tensors_are_transferred():
    source = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    empty = nn.Module()
    parametrize.transfer_parametrizations_and_params(source, empty)
    assert (empty.weight == source.weight).all()
    assert empty.parametrizations.weight.original1 is source.parametrizations.weight.original1
