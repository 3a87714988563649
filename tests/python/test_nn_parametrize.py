"""nn.utils.parametrize, weight and spectral norm in both forms; beside PyTorch's where that is installed."""

import copy
import pickle

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait import nn
from plait.nn.utils import parametrizations, parametrize


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, value):
        return value.triu()


class Double(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return 2 * x

    def right_inverse(self, value):
        return value / 2


def test_register_and_remove():
    layer = nn.Linear(3, 3)
    weight, before = layer.weight, layer.weight.detach().clone()
    kept = plait.optim.SGD(layer.parameters(), lr=0.1)
    assert parametrize.register_parametrization(layer, "weight", Symmetric()) is layer
    assert parametrize.is_parametrized(layer) and parametrize.is_parametrized(layer, "weight")
    assert not parametrize.is_parametrized(layer, "bias")
    assert parametrize.type_before_parametrizations(layer) is nn.Linear
    assert type(layer).__name__ == "ParametrizedLinear" and isinstance(layer, nn.Linear)
    assert layer.parametrizations.weight.original is weight
    assert (layer.weight == layer.weight.T).all()
    np.testing.assert_array_equal(layer.weight.detach().triu().numpy(), before.triu().numpy())
    assert list(layer.state_dict()) == ["bias", "parametrizations.weight.original"]
    x = plait.ones(2, 3)
    layer(x).sum().backward()
    assert weight.grad is not None and (weight.grad.tril(-1) == 0).all()
    kept.step()
    value = layer.weight.detach().clone()
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer) is nn.Linear and layer.weight is weight and not hasattr(layer, "parametrizations")
    np.testing.assert_array_equal(layer.weight.detach().numpy(), value.numpy())
    assert sorted(n for n, _ in layer.named_parameters()) == ["bias", "weight"]


def test_leave_the_original():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    original = layer.parametrizations.weight.original.detach().clone()
    parametrize.remove_parametrizations(layer, "weight", leave_parametrized=False)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), original.numpy())


def test_a_chain_assignment_and_two_tensors():
    layer = nn.Linear(3, 3)
    before = layer.weight.detach().triu() + layer.weight.detach().triu(1).T
    for each in (Symmetric(), Double()):
        parametrize.register_parametrization(layer, "weight", each)
    parametrize.register_parametrization(layer, "bias", Double())
    assert len(layer.parametrizations.weight) == 2 and set(layer.parametrizations) == {"weight", "bias"}
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2 * before.numpy(), rtol=1e-6)
    wanted = plait.ones(3, 3)
    layer.weight = wanted
    np.testing.assert_array_equal(layer.weight.detach().numpy(), wanted.numpy())
    np.testing.assert_array_equal(
        layer.parametrizations.weight.original.detach().numpy(), np.triu(np.full((3, 3), 0.5))
    )
    parametrize.remove_parametrizations(layer, "weight")
    assert type(layer).__name__ == "ParametrizedLinear"
    parametrize.remove_parametrizations(layer, "bias")
    assert type(layer) is nn.Linear


def test_a_second_parametrization_takes_the_result_of_the_first():
    class AddOne(nn.Module):  # has no right_inverse
        def forward(self, x):
            return x + 1

    class Halved(nn.Module):
        def forward(self, x):
            return x / 2

        def right_inverse(self, value):
            return value * 2

    m = nn.Linear(3, 2)
    before = m.weight.detach().clone()
    parametrize.register_parametrization(m, "weight", AddOne())
    parametrize.register_parametrization(m, "weight", Halved())
    plait.testing.assert_close(m.weight, (before + 1) / 2)
    plait.testing.assert_close(m.parametrizations.weight.original.detach(), before)
    m = nn.Linear(3, 2)
    before = m.weight.detach().clone()
    parametrize.register_parametrization(m, "weight", Halved())
    parametrize.register_parametrization(m, "weight", Halved())  # the first alone kept the value
    plait.testing.assert_close(m.weight, before / 2)
    m.weight = before
    plait.testing.assert_close(m.weight, before)

    class Wrong(Halved):
        def right_inverse(self, value):
            return self.inverse(value)

    for inverse in (lambda v: (v, v), lambda v: v[:1], lambda v: v.double()):
        wrong = Wrong()
        wrong.inverse = inverse
        with pytest.raises(ValueError, match=r"Wrong\.right_inverse: expected a Tensor of shape"):
            parametrize.register_parametrization(m, "weight", wrong)
    assert len(m.parametrizations.weight) == 2


def test_a_buffer():
    norm = nn.BatchNorm1d(2)
    parametrize.register_parametrization(norm, "running_var", Double())
    assert norm.running_var.tolist() == [1, 1]
    assert "parametrizations.running_var.original" in norm.state_dict()
    assert len(list(norm.parameters())) == 2


def test_cached():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    counter = layer.parametrizations.weight[0]
    counter.calls = 0
    with parametrize.cached():
        first = layer.weight
        with parametrize.cached():
            assert layer.weight is first
        assert layer.weight is first and counter.calls == 1
        layer.weight = plait.ones(2, 2)
        assert layer.weight.sum().item() == 4
    assert layer.weight is not first


def test_copies_are_independent():
    layer = parametrize.register_parametrization(nn.Linear(2, 2), "weight", Double())
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(other.weight.detach().numpy(), layer.weight.detach().numpy())
    parametrize.remove_parametrizations(layer, "weight")
    assert parametrize.is_parametrized(other, "weight")
    with plait.no_grad():
        layer.weight.zero_()
    assert other.weight.abs().sum().item() > 0
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(other)
    pickle.loads(pickle.dumps(layer))


def test_modes_and_casts_reach_parametrizations():
    layer = parametrizations.spectral_norm(nn.Linear(3, 2)).eval()
    assert not layer.parametrizations.weight[0].training
    u = layer.parametrizations.weight[0]._u.clone()
    layer(plait.ones(1, 3))
    assert (layer.parametrizations.weight[0]._u == u).all()
    assert layer.double().weight.dtype is plait.float64


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda m: parametrize.register_parametrization(m, "weight", lambda x: x), TypeError, "nn.Module"),
        (lambda m: parametrize.register_parametrization(m, "wait", Double()), ValueError, "weight"),
        (lambda m: parametrize.register_parametrization(m, "weight", nn.Flatten(0)), ValueError, "shape"),
        (lambda m: parametrize.remove_parametrizations(m, "weight"), ValueError, "no parametrization"),
        (lambda m: parametrizations.spectral_norm(m, "wait"), ValueError, "wait"),
        (lambda m: parametrizations.spectral_norm(m, n_power_iterations=0), ValueError, "n_power"),
        (lambda m: parametrizations.spectral_norm(m, dim=3), IndexError, "dim"),
        (lambda m: nn.utils.remove_weight_norm(m), ValueError, "no weight norm"),
        (lambda m: nn.utils.remove_spectral_norm(m), ValueError, "no spectral norm"),
        (lambda m: nn.utils.weight_norm(nn.utils.weight_norm(m)), RuntimeError, "already"),
        (lambda m: nn.utils.spectral_norm(nn.utils.spectral_norm(m)), RuntimeError, "already"),
        (lambda m: parametrizations.orthogonal(m, "bias"), ValueError, "2 dimensions"),
        (lambda m: parametrizations.orthogonal(m, "wait"), ValueError, "wait"),
        (lambda m: parametrizations.orthogonal(m, orthogonal_map="qr"), ValueError, "cayley"),
        (lambda m: nn.utils.no_such_thing, AttributeError, "no_such_thing"),
    ],
)
def test_errors(call, error, text):
    with pytest.raises(error, match=text):
        call(nn.Linear(2, 3))


@pytest.mark.parametrize("dim", [0, 1, -1, None])
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, parametrizations.weight_norm])
def test_weight_norm(norm, dim):
    layer = nn.Linear(4, 3)
    before = layer.weight.detach().clone()
    norm(layer, dim=dim)
    np.testing.assert_allclose(layer.weight.detach().numpy(), before.numpy(), rtol=1e-6)
    old = norm is nn.utils.weight_norm
    g = layer.weight_g if old else layer.parametrizations.weight.original0
    assert g.shape == {0: (3, 1), 1: (1, 4)}.get(dim, ())
    with plait.no_grad():
        g.mul_(2)
    layer(plait.ones(1, 4)).sum().backward()
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2 * before.numpy(), rtol=1e-6)
    assert g.grad is not None
    if old:
        nn.utils.remove_weight_norm(layer)
    else:
        parametrize.remove_parametrizations(layer, "weight")
    np.testing.assert_allclose(layer.weight.detach().numpy(), 2 * before.numpy(), rtol=1e-6)
    assert isinstance(layer.weight, nn.Parameter) and layer(plait.ones(1, 4)).shape == (1, 3)


def test_state_of_the_former_weight_norm_is_read():
    old = nn.utils.weight_norm(nn.Linear(4, 3))
    new = parametrizations.weight_norm(nn.Linear(4, 3))
    new.load_state_dict(old.state_dict())
    np.testing.assert_allclose(new.weight.detach().numpy(), old.weight.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("layer", ["Linear", "Conv2d", "ConvTranspose2d"])
@pytest.mark.parametrize("norm", [nn.utils.spectral_norm, parametrizations.spectral_norm])
def test_spectral_norm_is_the_largest_singular_value(norm, layer):
    args = (5, 4) if layer == "Linear" else (5, 4, 3)
    shape = (1, 5) if layer == "Linear" else (1, 5, 8, 8)
    module = norm(getattr(nn, layer)(*args).double(), n_power_iterations=60)
    out = module(plait.ones(shape, dtype=plait.float64))
    weight = module.weight.detach().numpy()
    matrix = np.moveaxis(weight, 1 if layer == "ConvTranspose2d" else 0, 0).reshape(4, -1)
    np.testing.assert_allclose(np.linalg.svd(matrix)[1][0], 1, rtol=1e-3)
    out.sum().backward()
    # Two forwards before one backward: the first one's saved vectors are its own.
    a, b = (module(plait.ones(shape, dtype=plait.float64)).sum() for _ in range(2))
    (a + b).backward()
    if norm is nn.utils.spectral_norm:
        kept = module.eval()(plait.ones(shape, dtype=plait.float64)).detach().numpy()
        nn.utils.remove_spectral_norm(module)
        again = module(plait.ones(shape, dtype=plait.float64)).detach().numpy()
        np.testing.assert_allclose(kept, again)
        assert not module.state_dict().keys() & {"weight_u", "weight_v", "weight_orig"}


def test_spectral_norm_of_a_vector():
    layer = parametrizations.spectral_norm(nn.LayerNorm(4))
    np.testing.assert_allclose(layer.weight.norm().item(), 1, rtol=1e-6)


def test_tuples():
    utils = nn.modules.utils
    assert nn.modules.conv.Conv2d is nn.Conv2d
    with pytest.raises(AttributeError, match="utilities"):
        nn.modules.utilities
    assert utils._single(2) == (2,) and utils._pair((1, 2)) == (1, 2) and utils._pair([1, 2]) == (1, 2)
    assert utils._triple(1) == (1, 1, 1) and utils._quadruple(0) == (0, 0, 0, 0)
    assert utils._reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)


def test_attention_backends():
    from plait.nn.attention import SDPBackend, sdpa_kernel

    q = plait.randn(1, 2, 3, 4)
    expected = nn.functional.scaled_dot_product_attention(q, q, q)
    with sdpa_kernel([SDPBackend.MATH, SDPBackend.FLASH_ATTENTION], set_priority=True):
        again = nn.functional.scaled_dot_product_attention(q, q, q)
    np.testing.assert_array_equal(expected.numpy(), again.numpy())
    with pytest.raises(TypeError, match="SDPBackend"), sdpa_kernel("math"):
        pass


def test_sync_batch_norm():
    """In one process; of several, test_distributed_ddp.py."""
    plain = nn.BatchNorm2d(3)
    assert not isinstance(plain, nn.SyncBatchNorm)
    sync = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.ReLU(), plain))
    assert isinstance(sync[1], nn.SyncBatchNorm) and sync[1].weight is plain.weight
    x = plait.randn(2, 3, 4, 4)
    assert sync[1](x).equal(plain(x))
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        sync[1](plait.ones(3))
    linear = nn.Linear(2, 2)
    assert nn.SyncBatchNorm.convert_sync_batchnorm(linear) is linear


@pytest.mark.parametrize(("p", "dim"), [(2.0, 1), (1.0, 0), (3.0, -1), (2.0, (0, 1)), (float("inf"), 1)])
def test_normalize(p, dim):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    if p == float("inf"):
        expected = x / np.abs(x).max(dim, keepdims=True)
    else:
        expected = x / (np.abs(x) ** p).sum(dim, keepdims=True) ** (1 / p)
    ours = plait.tensor(x, requires_grad=True)
    np.testing.assert_allclose(nn.functional.normalize(ours, p, dim).detach().numpy(), expected, rtol=1e-12)
    assert plait.autograd.gradcheck(lambda t: nn.functional.normalize(t, p, dim), [ours])
    out = plait.empty(3, 4, 2, dtype=plait.float64)
    assert nn.functional.normalize(ours.detach(), p, dim, out=out) is out


def test_normalize_zeros():
    x = plait.zeros(2, 3, requires_grad=True)
    y = nn.functional.normalize(x, eps=0.5)
    y.sum().backward()
    assert (y == 0).all() and (x.grad == 2).all()


LAYERS = [("Linear", (4, 3)), ("Conv1d", (4, 3, 2)), ("ConvTranspose1d", (4, 3, 2)), ("LSTM", (4, 3))]


@pytest.mark.parametrize("norm", ["weight_norm", "spectral_norm", "p.weight_norm", "p.spectral_norm"])
@pytest.mark.parametrize(("layer", "args"), LAYERS)
def test_as_pytorch(norm, layer, args):
    torch = pytest.importorskip("torch")
    place, _, function = norm.rpartition(".")
    name = "weight_hh_l0" if layer == "LSTM" else "weight"
    pair = []
    for lib in (torch, plait):
        where = lib.nn.utils.parametrizations if place else lib.nn.utils
        module = getattr(lib.nn, layer)(*args).double()
        module = getattr(where, function)(module, name)
        # Each reading of the weight in training is a power iteration, and LSTMs read it differently often.
        pair.append(module.eval() if layer == "LSTM" else module)
    theirs, ours = pair
    assert list(theirs.state_dict()) == list(ours.state_dict())
    assert [n for n, _ in theirs.named_parameters()] == [n for n, _ in ours.named_parameters()]
    assert repr(theirs) == repr(ours)
    ours.load_state_dict({k: plait.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    shape = (2, 4) if layer == "Linear" else (2, 5, 4) if layer == "LSTM" else (2, 4, 5)
    x = np.random.default_rng(1).normal(size=shape)
    for _ in range(2):
        a, b = theirs(torch.tensor(x)), ours(plait.tensor(x))
        a, b = (a[0], b[0]) if layer == "LSTM" else (a, b)
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-7)
    (a * a).sum().backward()
    (b * b).sum().backward()
    for (key, p), q in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), rtol=1e-6, atol=1e-9, err_msg=key)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-7, err_msg=key)


@pytest.mark.parametrize("form", ["matrix_exp", "cayley", "householder", None])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
@pytest.mark.parametrize("base", [True, False])
def test_orthogonal(form, shape, base):
    layer = nn.Linear(*shape[::-1]).double()
    assigned = base or form == "householder" or (form is None and shape[0] != shape[1])
    before = layer.weight.detach().clone()
    parametrizations.orthogonal(layer, orthogonal_map=form, use_trivialization=base)

    def error():
        w = layer.weight.detach().numpy()
        w = w if shape[0] >= shape[1] else w.T
        return np.abs(w.T @ w - np.eye(min(shape))).max()

    assert error() < 1e-12
    if base and shape[0] == shape[1]:
        q, r = np.linalg.qr(before.numpy())
        np.testing.assert_allclose(layer.weight.detach().numpy(), q * np.sign(np.diag(r)), atol=1e-10)
    optimizer = plait.optim.SGD(layer.parameters(), lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        layer(plait.ones(2, shape[1], dtype=plait.float64)).square().sum().backward()
        optimizer.step()
    assert error() < 1e-12
    if assigned:
        wanted = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0][: shape[0], : shape[1]]
        wanted = np.linalg.qr(wanted if shape[0] >= shape[1] else wanted.T)[0]
        wanted = wanted if shape[0] >= shape[1] else wanted.T
        layer.weight = plait.tensor(wanted)
        np.testing.assert_allclose(layer.weight.detach().numpy(), wanted, atol=1e-12)
    else:
        with pytest.raises(NotImplementedError, match="use_trivialization"):
            layer.weight = before


@pytest.mark.parametrize("form", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
def test_orthogonal_as_pytorch(form, shape):
    torch = pytest.importorskip("torch")
    pair = []
    for lib in (torch, plait):
        layer = lib.nn.Linear(*shape[::-1]).double()
        pair.append(lib.nn.utils.parametrizations.orthogonal(layer, orthogonal_map=form))
    theirs, ours = pair
    assert list(theirs.state_dict()) == list(ours.state_dict())
    with torch.no_grad():
        theirs.parametrizations.weight.original.add_(torch.randn(shape).double().tril(-1) * 0.3)
    ours.load_state_dict({k: plait.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    a, b = theirs.weight, ours.weight
    np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), atol=1e-12)
    w = np.random.default_rng(1).normal(size=shape)
    (a * torch.tensor(w)).sum().backward()
    (b * plait.tensor(w)).sum().backward()
    p, q = (m.parametrizations.weight.original.grad for m in (theirs, ours))
    np.testing.assert_allclose(q.numpy(), p.numpy(), atol=1e-10)


@needs_cuda
@pytest.mark.parametrize("form", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_orthogonal_on_a_gpu(form, shape):
    layer = nn.Linear(shape[1], shape[0], device="cuda")
    parametrizations.orthogonal(layer, orthogonal_map=form)
    for _ in range(2):
        w = layer.weight.detach()
        assert w.is_cuda
        w = w.cpu().double().numpy()
        small = w @ w.T if shape[0] < shape[1] else w.T @ w
        np.testing.assert_allclose(small, np.eye(min(shape)), atol=1e-5)
        layer.weight = plait.randn(shape, device="cuda")  # the nearest that a QR decomposition gives


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 5, 3)])
def test_reflections_are_assigned_without_a_base(shape):
    m = nn.Module()
    m.weight = nn.Parameter(plait.randn(shape, dtype=plait.float64))
    parametrizations.orthogonal(m, orthogonal_map="householder", use_trivialization=False)
    turned = shape[-2] < shape[-1]

    def tall(w):
        return (w.mT if turned else w).detach().numpy()

    size = min(shape[-2:])
    started = tall(m.weight)
    np.testing.assert_allclose(
        started.swapaxes(-1, -2) @ started, np.broadcast_to(np.eye(size), (*shape[:-2], size, size)), atol=1e-12
    )
    q = plait.linalg.qr(plait.randn(shape, dtype=plait.float64).mT if turned else plait.randn(shape, dtype=plait.float64))[0]
    for value in (q, plait.eye(*q.shape[-2:], dtype=plait.float64).expand(q.shape)):  # the second reflects nothing
        m.weight = value.mT if turned else value
        np.testing.assert_allclose(tall(m.weight), value.numpy(), atol=1e-12)


def test_reflections_are_of_real_matrices():
    with pytest.raises(ValueError, match="complex"):
        parametrizations.orthogonal(nn.Linear(3, 3, dtype=plait.complex64), orthogonal_map="householder")


@pytest.mark.parametrize("form", ["matrix_exp", "cayley"])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5)])
@pytest.mark.parametrize("base", [True, False])
def test_unitary(form, shape, base):
    layer = nn.Linear(*shape[::-1], dtype=plait.complex128)
    parametrizations.orthogonal(layer, orthogonal_map=form, use_trivialization=base)

    def check(w):
        w = w.T if shape[0] < shape[1] else w
        np.testing.assert_allclose(w.conj().T @ w, np.eye(min(shape)), atol=1e-12)

    check(layer.weight.detach().numpy())
    if base:
        wanted = layer.weight.detach() * 1j
        layer.weight = wanted
        np.testing.assert_allclose(layer.weight.detach().numpy(), wanted.numpy(), atol=1e-12)
    optimizer = plait.optim.SGD(layer.parameters(), lr=0.05)
    layer(plait.ones(2, shape[1], dtype=plait.complex128)).abs().sum().backward()
    optimizer.step()
    check(layer.weight.detach().numpy())


def test_weight_norm_of_a_weight_without_shape():
    layer = nn.LazyLinear(3)
    with pytest.raises(ValueError, match="weight_norm: 'weight' of LazyLinear has no shape yet"):
        nn.utils.weight_norm(layer)
    layer(plait.ones(2, 4))  # is as it was
    assert layer.weight.shape == (3, 4)
