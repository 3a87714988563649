"""plait._foreach_*: each op on the tensors of a list, against NumPy on each."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait import _foreach
from scipy import special

DEVICES = ["cpu", pytest.param("cuda", marks=needs_cuda)]
SHAPES = [(3,), (), (2, 5), (0, 4), (1, 1)]
OTHER_NAMES = {
    "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "erf": special.erf, "erfc": special.erfc,
    "frac": lambda x: x - np.trunc(x), "lgamma": special.gammaln, "neg": np.negative, "round": np.rint,
    "rsqrt": lambda x: 1 / np.sqrt(x), "sigmoid": special.expit, "clamp_max": np.minimum,
    "clamp_min": np.maximum, "div": np.divide, "mul": np.multiply, "pow": np.power, "sub": np.subtract,
    "addcmul": lambda x, a, b, v: x + v * a * b, "addcdiv": lambda x, a, b, v: x + v * a / b,
    "lerp": lambda x, end, w: x + w * (end - x),
}  # fmt: skip


def reference(name):
    return OTHER_NAMES.get(name) or getattr(np, name)


def arrays(seed):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.1, 0.9, shape) for shape in SHAPES]


def tensors(arrays, device, **options):
    return [plait.tensor(a, device=device, **options) for a in arrays]


def check(name, device, expected, *args, **kwargs):
    """Both forms; the functional one leaves its arguments as they were."""
    before = arrays(0)
    given = tensors(before, device)
    got = getattr(plait, f"_foreach_{name}")(given, *args, **kwargs)
    assert isinstance(got, tuple)
    in_place = tensors(before, device)
    same = list(in_place)
    assert getattr(plait, f"_foreach_{name}_")(in_place, *args, **kwargs) is None
    assert all(a is b for a, b in zip(in_place, same))
    for i, want in enumerate(expected):
        for t in (got[i], in_place[i]):
            assert t.device.type == device and t.shape == want.shape
            np.testing.assert_allclose(t.cpu().numpy(), want, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(given[i].cpu().numpy(), before[i])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", _foreach.UNARY)
def test_of_one(name, device):
    check(name, device, [reference(name)(a) for a in arrays(0)])


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", _foreach.BINARY)
def test_of_two(name, device):
    f, x, y = reference(name), arrays(0), arrays(1)
    check(name, device, [f(a, b) for a, b in zip(x, y)], tensors(y, device))
    check(name, device, [f(a, 0.4) for a in x], 0.4)
    numbers = [0.1, 0.3, 0.5, 0.7, 0.9]
    check(name, device, [f(a, n) for a, n in zip(x, numbers)], numbers)
    check(name, device, [f(a, 0.4) for a in x], plait.tensor(0.4, dtype=plait.float64, device=device))


@pytest.mark.parametrize("device", DEVICES)
def test_alpha(device):
    x, y = arrays(0), arrays(1)
    check("add", device, [a + 3 * b for a, b in zip(x, y)], tensors(y, device), alpha=3)
    check("sub", device, [a - 3 * b for a, b in zip(x, y)], tensors(y, device), alpha=3)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["addcmul", "addcdiv"])
def test_products(name, device):
    f, (x, y, z) = reference(name), (arrays(i) for i in range(3))
    values = [0.5, -1.0, 2.0, 3.0, 0.0]
    for value, each in ((1, [1] * 5), (-0.3, [-0.3] * 5), (values, values), (plait.tensor(values).double(), values)):
        want = [f(*a) for a in zip(x, y, z, each)]
        if isinstance(value, int):
            check(name, device, want, tensors(y, device), tensors(z, device))
        else:
            check(name, device, want, tensors(y, device), tensors(z, device), value)


@pytest.mark.parametrize("device", DEVICES)
def test_lerp_and_copy(device):
    x, y, w = (arrays(i) for i in range(3))
    check("lerp", device, [a + 0.3 * (b - a) for a, b in zip(x, y)], tensors(y, device), 0.3)
    check("lerp", device, [a + c * (b - a) for a, b, c in zip(x, y, w)], tensors(y, device), tensors(w, device))
    into = [plait.zeros(s, device=device) for s in SHAPES]
    plait._foreach_copy_(into, tensors(y, "cpu"))
    for t, a in zip(into, y):
        np.testing.assert_allclose(t.cpu().numpy(), a, rtol=1e-6)


def test_an_optimiser_written_with_them():
    """Adam as PyTorch's multi-tensor code has it, against plait's own."""
    start = [plait.randn(s, dtype=plait.float64) for s in SHAPES]
    own = [p.clone().requires_grad_() for p in start]
    adam = plait.optim.Adam(own, lr=0.1)
    params = [p.clone() for p in start]
    m, v = ([plait.zeros_like(p) for p in start] for _ in range(2))
    for step in range(1, 4):
        grads = [plait.full_like(p, step) * p.cos() for p in start]
        for p, g in zip(own, grads):
            p.grad = g.clone()
        adam.step()
        plait._foreach_lerp_(m, grads, 0.1)
        plait._foreach_mul_(v, 0.999)
        plait._foreach_addcmul_(v, grads, grads, 0.001)
        root = plait._foreach_sqrt(v)
        denominators = plait._foreach_div(root, (1 - 0.999**step) ** 0.5)
        denominators = plait._foreach_add(denominators, 1e-8)
        plait._foreach_addcdiv_(params, m, denominators, -0.1 / (1 - 0.9**step))
    for a, b in zip(params, own):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-12)


def test_gradients():
    x = [plait.tensor([1.0, 2.0], requires_grad=True), plait.tensor(3.0, requires_grad=True)]
    sum(t.sum() for t in plait._foreach_mul(x, [2.0, 5.0])).backward()
    assert x[0].grad.tolist() == [2, 2] and x[1].grad.item() == 5
    y = [t * 1 for t in x]
    plait._foreach_mul_(y, 3.0)
    assert all(t.requires_grad and t.grad_fn is not None for t in y)
    with pytest.raises(RuntimeError, match="a leaf tensor that requires grad"):
        plait._foreach_mul_(x, 3.0)
    with pytest.raises(RuntimeError, match="a leaf tensor that requires grad"):
        plait._foreach_add_(x, 3.0)
    with plait.no_grad():
        plait._foreach_mul_(x, 3.0)
    assert x[0].tolist() == [3, 6]


def test_errors():
    x = [plait.ones(2), plait.ones(3)]
    with pytest.raises(ValueError, match=r"_foreach_add_: expected as many of 'other' as .*, 2, got 1"):
        plait._foreach_add_(x, [1.0])
    with pytest.raises(ValueError, match=r"_foreach_addcmul: expected as many of 'tensor2'"):
        plait._foreach_addcmul(x, x, x[:1])
    assert x[0].tolist() == [1, 1], "nothing is changed before the arguments are known to fit"
    with pytest.raises(TypeError, match="_foreach_sqrt: expected a list or tuple of Tensors first, got Tensor"):
        plait._foreach_sqrt(plait.ones(2))
    with pytest.raises(AttributeError, match="_foreach_nothing"):
        plait._foreach_nothing
    assert plait._foreach_sqrt([]) == ()


@pytest.mark.parametrize("order", [1, 2, 3.0, float("inf")])
def test_norms(order):
    arrays = [np.arange(5.0) - 2, np.ones((2, 3)), np.array(4.0)]
    got = plait._foreach_norm([plait.tensor(a) for a in arrays], order)
    assert isinstance(got, tuple) and all(n.shape == () for n in got)
    np.testing.assert_allclose([n.item() for n in got], [np.linalg.norm(a.reshape(-1), order) for a in arrays])


def test_norms_by_default_and_of_another_dtype():
    x = plait.tensor([3.0, 4.0], dtype=plait.float16)
    assert plait._foreach_norm((x,))[0].item() == 5 and plait._foreach_norm([]) == ()
    assert plait._foreach_norm([x], dtype=plait.float32)[0].dtype is plait.float32
    with pytest.raises(TypeError, match="_foreach_norm: expected a list or tuple of Tensors"):
        plait._foreach_norm(x)
