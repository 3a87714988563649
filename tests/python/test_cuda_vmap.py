"""vmap on CUDA: the same program on the CPU is the oracle, and no entry is computed apart where none is there."""

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda
from plait import func, nn
from plait.nn import functional as F

pytestmark = needs_cuda
rng = np.random.default_rng(0)


def t(*shape):
    return plait.tensor(rng.standard_normal(shape))


def to(tree, device):
    leaves, spec = plait.utils._pytree.tree_flatten(tree)
    return plait.utils._pytree.tree_unflatten([x.to(device) if isinstance(x, plait.Tensor) else x for x in leaves], spec)


def weights_of(net):
    return {name: p.detach() for name, p in net.named_parameters()}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 4, 3), nn.GroupNorm(2, 4), nn.Linear(36, 3)

    def forward(self, x):
        return self.head(F.max_pool2d(F.relu(self.norm(self.conv(x))), 2).flatten(1))


plait.manual_seed(0)
MLP = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.LayerNorm(8), nn.Linear(8, 3)).double()
CNN = Net().double()
LSTM = nn.LSTM(6, 5, num_layers=2).double()
NORMED = [nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).double() for _ in range(3)]
WEIGHTS, BUFFERS = func.stack_module_state(NORMED)
WEIGHTS = {name: w.detach() for name, w in WEIGHTS.items()}
LABELS = plait.tensor([0, 1, 2, 0, 1])


def per_sample(net):
    def loss(weights, x, y):
        return F.cross_entropy(func.functional_call(net, weights, (x[None],)), y[None])

    return lambda weights, x, y: func.vmap(func.grad(loss), (None, 0, 0))(weights, x, y)


def sequences(weights, x):
    loss = lambda w, x: func.functional_call(LSTM, w, (x,))[0].square().sum()  # noqa: E731
    return func.vmap(func.grad(loss), (None, 0))(weights, x)


def ensemble(weights, buffers, x):
    buffers = {name: b.clone() for name, b in buffers.items()}
    call = lambda w, b: func.functional_call(NORMED[0], (w, b), (x,))  # noqa: E731
    return func.vmap(call)(weights, buffers), buffers


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


def masks(x, m, s):
    def f(x, m, s):
        y = x.masked_scatter(m > 0, s)
        y[y < 0] = 0.5
        return y.cumsum(0), y.sort().values, y[m.argsort()], y.tril() if y.dim() > 1 else y

    return func.vmap(f)(x, m, s)


PROGRAMS = {
    "gradients of samples, MLP": (per_sample(MLP), (weights_of(MLP), t(5, 6), LABELS)),
    "gradients of samples, CNN": (per_sample(CNN), (weights_of(CNN), t(5, 1, 8, 8), LABELS)),
    "gradients of samples, LSTM": (sequences, (weights_of(LSTM), t(5, 4, 2, 6))),
    "ensemble with batch norm": (ensemble, (WEIGHTS, BUFFERS, t(5, 1, 8, 8))),
    "jacrev": (func.jacrev(lambda x: x[1:].sin() * x[:-1]), (t(6),)),
    "Jacobians of samples": (func.vmap(func.jacrev(lambda x: x.softmax(0) @ x.outer(x))), (t(5, 4),)),
    "hessian": (func.hessian(rosenbrock), (t(6),)),
    "nested": (func.vmap(func.vmap(lambda x, y: (x - y).norm(), (None, 0)), (0, None)), (t(5, 3), t(4, 3))),
    "three deep": (func.vmap(func.vmap(func.vmap(plait.dot), (0, None)), (None, 0)), (t(2, 5, 3), t(4, 5, 3)[:2])),
    "indices": (func.vmap(lambda x, i: (x[i], x.index_fill(0, i, 2.0), F.embedding(i, x))), (t(5, 4, 3), plait.tensor(rng.integers(0, 4, (5, 2))))),
    "bags": (func.vmap(lambda w, i: F.embedding_bag(i, w)), (t(5, 6, 2), plait.tensor(rng.integers(0, 6, (5, 3, 2))))),
    "masks": (masks, (t(5, 7), t(5, 7), t(5, 7))),
    "margins": (func.vmap(F.multi_margin_loss), (t(5, 4, 3), plait.tensor(rng.integers(0, 3, (5, 4))))),
    "attention": (func.vmap(F.scaled_dot_product_attention), tuple(t(3, 2, 4, 6) for _ in range(3))),
    "solves": (func.vmap(lambda a, b: plait.linalg.solve(a @ a.T + plait.eye(4, device=a.device).double(), b)), (t(5, 4, 4), t(5, 4))),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_on_the_cpu(name):
    program, args = PROGRAMS[name]
    before = plait._C._batch_loops()
    want, _ = plait.utils._pytree.tree_flatten(program(*args))
    by_entry = plait._C._batch_loops() - before
    got, _ = plait.utils._pytree.tree_flatten(program(*to(args, "cuda")))
    assert len(got) == len(want)
    for a, b in zip(got, want, strict=True):
        assert a.is_cuda and a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a.detach().cpu().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-10)
    assert by_entry == 0 and plait._C._batch_loops() == before


@pytest.mark.parametrize("draw", [lambda x: F.dropout(x, 0.5), lambda x: x + plait.rand(4, device=x.device)])
def test_random_numbers(draw):
    x = plait.ones(6, 4, device="cuda")
    rows = func.vmap(draw, randomness="different")(x)
    assert rows.is_cuda and len(set(map(tuple, rows.tolist()))) > 1
    rows = func.vmap(draw, randomness="same")(x)
    assert (rows == rows[0]).all()
    with pytest.raises(RuntimeError, match="randomness='different'"):
        func.vmap(draw)(x)


def test_dropout_has_one_mask_forward_and_backward():
    x = plait.ones(4, 50, device="cuda", requires_grad=True)
    y = func.vmap(lambda x: F.dropout(x, 0.5), randomness="different")(x)
    y.sum().backward()
    assert plait.equal(x.grad, y.detach()) and not plait.equal(y[0], y[1])


def test_values_that_are_asked_for():
    x = t(5, 3).cuda()
    got = func.vmap(lambda x: x * 2 if x.sum() > 0 else x / float(x[0]))(x)
    want = plait.stack([row * 2 if row.sum() > 0 else row / float(row[0]) for row in x])
    assert plait.equal(got, want)
