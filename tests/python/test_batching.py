"""vmap where it is more than one op: nesting, gradients, random numbers, writes, modules, values that are asked for."""

import gc

import numpy as np
import plait
import pytest
from plait import func
from plait.nn import functional as F

rng = np.random.default_rng(0)


def t(*shape, **options):
    return plait.tensor(rng.standard_normal(shape), **options)


def equal(a, b, tolerance=1e-12):
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.fixture
def loops(monkeypatch):
    """The calls that vmap made for one entry after the other."""
    found = []
    before = func._Call.one_by_one
    monkeypatch.setattr(
        func._Call, "one_by_one", lambda self, *args: (found.append(self), before(self, *args))[1]
    )
    return found


def test_the_function_is_called_once_with_the_shape_of_an_entry(loops):
    calls = []

    def f(x, y):
        calls.append((x.shape, y.shape, x.dim(), x.numel(), len(x)))
        assert "batch=4" in repr(x) and "batch" not in repr(y)
        return x @ y

    x, y = t(4, 3, 2, dtype=plait.float64), t(2, dtype=plait.float64)
    equal(func.vmap(f, (0, None))(x, y), x @ y)
    assert calls == [((3, 2), (2,), 2, 6, 3)] and not loops


def test_nesting():
    x, y = t(4, 3), t(5, 3)
    products = func.vmap(func.vmap(plait.dot, (None, 0)), (0, None))(x, y)
    equal(products, x @ y.T)
    deep = lambda a: a.sum()  # noqa: E731
    for _ in range(8):
        deep = func.vmap(deep)
    z = t(*[2] * 9)
    equal(deep(z), z.sum(-1))
    with pytest.raises(RuntimeError, match="more than 8 levels"):
        func.vmap(deep)(t(*[1] * 10))
    # An outer entry within the inner function, and a result that does not depend on the inner batch.
    equal(func.vmap(lambda a: func.vmap(lambda b: a * 2)(y))(x), (x * 2)[:, None].expand(4, 5, 3))


def test_gradients_of_shared_and_of_own_arguments(loops):
    x, w, b = t(5, 3), t(2, 3, requires_grad=True), t(2, requires_grad=True)
    out = func.vmap(lambda x: plait.tanh(F.linear(x, w, b)).sum())(x)
    want = plait.tanh(F.linear(x, w, b)).sum(1)
    weights = t(5)
    got = plait.autograd.grad(out, [w, b], weights)
    for a, c in zip(got, plait.autograd.grad(want, [w, b], weights)):
        equal(a, c)

    def loss(w, b, x):
        return plait.tanh(F.linear(x, w, b)).square().sum()

    each = func.vmap(func.grad(loss, (0, 1)), (None, None, 0))(w, b, x)
    for i in range(5):
        one = func.grad(loss, (0, 1))(w, b, x[i])
        equal(each[0][i], one[0])
        equal(each[1][i], one[1])
    # Within the function, backward in the plain way: each entry's own.
    again = func.vmap(lambda x: plait.autograd.grad(loss(w, b, x), w)[0] * x.sum())(x)
    assert again.shape == (5, 2, 3) and not loops


def test_second_derivatives():
    f = lambda x: (x**3).sum() + x.prod()  # noqa: E731
    x = t(4, 3)
    hessians = func.vmap(func.hessian(f))(x)
    for i in range(4):
        equal(hessians[i], func.hessian(f)(x[i]))
        v = x[i].detach().requires_grad_()
        (g,) = plait.autograd.grad(f(v), v, create_graph=True)
        rows = plait.stack([plait.autograd.grad(e, v, retain_graph=True)[0] for e in g])
        equal(hessians[i], rows)
    y = x.clone().requires_grad_()
    func.vmap(func.grad(f))(y).square().sum().backward()
    z = x.clone().requires_grad_()
    plait.stack([func.grad(f)(row) for row in z]).square().sum().backward()
    equal(y.grad, z.grad)


@pytest.mark.parametrize("chunk", [None, 1, 2, 100])
def test_jacobians(chunk):
    w = t(4, 3)
    f = lambda x: (w @ x).sin().reshape(2, 2)  # noqa: E731
    x = t(3)
    want = (w @ x).cos()[:, None] * w
    equal(func.jacrev(f, chunk_size=chunk)(x), want.reshape(2, 2, 3))
    equal(plait.autograd.functional.jacobian(f, x), want.reshape(2, 2, 3))
    units = plait.eye(4).double().reshape(4, 2, 2)
    v = x.clone().requires_grad_()
    equal(plait.autograd.grad(f(v), v, units, is_grads_batched=True)[0], want)


def test_no_level_outlives_its_gradient():
    """A graph recorded within vmap is differentiated outside, and by a batch of gradients."""
    x = t(4, 3, requires_grad=True)
    y = func.vmap(lambda x: (x * x).cumsum(0))(x)
    units = plait.eye(12).double().reshape(12, 4, 3)
    (jacobian,) = plait.autograd.grad(y, x, units, is_grads_batched=True)
    for unit, row in zip(units, jacobian):
        equal(row, plait.autograd.grad((x * x).cumsum(1), x, unit)[0])


@pytest.mark.parametrize("shape", [(), (2,)])
def test_random_numbers(shape, loops):
    x = plait.zeros(6, 3)
    draw = lambda x: x.sum() + plait.rand(shape)  # noqa: E731
    plait.manual_seed(1)
    different = func.vmap(draw, randomness="different")(x)
    assert len(set(different.reshape(6, -1)[:, 0].tolist())) == 6
    same = func.vmap(draw, randomness="same")(x)
    assert len(set(same.reshape(6, -1)[:, 0].tolist())) == 1
    assert not loops
    with pytest.raises(RuntimeError, match="randomness='different'"):
        func.vmap(draw)(x)
    with pytest.raises(RuntimeError, match="randomness='different'"):
        func.vmap(lambda x: F.dropout(x))(x)
    # In nested vmaps each decides for itself.
    inner = func.vmap(lambda y: y + plait.rand(()), randomness="same")
    rows = func.vmap(inner, randomness="different")(plait.zeros(5, 4))
    assert (rows == rows[:, :1]).all() and len(set(rows[:, 0].tolist())) == 5
    inner = func.vmap(lambda y: y + plait.rand(()), randomness="different")
    rows = func.vmap(inner, randomness="same")(plait.zeros(5, 4))
    assert (rows == rows[:1]).all() and len(set(rows[0].tolist())) == 4


@pytest.mark.parametrize("randomness", ["different", "same"])
def test_dropout_has_one_mask_forward_and_backward(randomness):
    x = plait.ones(8, 50, requires_grad=True)
    y = func.vmap(lambda x: F.dropout(x, 0.5), randomness=randomness)(x)
    y.sum().backward()
    assert plait.equal(x.grad, y.detach())
    assert plait.equal(y[0], y[1]) == (randomness == "same")
    # Of a tensor that all entries share; within grad, too.
    w = plait.ones(50, requires_grad=True)
    y = func.vmap(lambda x: F.dropout(w, 0.5), randomness=randomness)(x)
    y.sum().backward()
    equal(w.grad, y.sum(0))
    each = func.vmap(func.grad(lambda w, x: (F.dropout(w, 0.5) * x).sum()), (None, 0), randomness=randomness)
    masks = each(plait.ones(50), plait.ones(8, 50))
    assert set(masks.reshape(-1).tolist()) == {0.0, 2.0}
    assert plait.equal(masks[0], masks[1]) == (randomness == "same")


def test_values_that_are_asked_for(loops):
    x = t(5, 3)

    def f(x):
        if x.sum() > 0:
            return x * 2
        return x / float(x[0])

    plait.manual_seed(3)
    got = func.vmap(f)(x)
    equal(got, plait.stack([f(row) for row in x]))
    assert len(loops) == 1
    for ask in (lambda x: x.tolist(), lambda x: x.numpy(), lambda x: x.data_ptr(), lambda x: plait.nonzero(x > 0)):
        with pytest.raises(plait._C.EntryError, match="vmap"):
            level = plait._C._batch_level()
            ask(plait._batch_hide(x, 0, level))
    # Numbers drawn before the value was asked for are drawn again.
    plait.manual_seed(3)
    noisy = func.vmap(lambda x: x + plait.rand(3) if x[0] > 0 else x, randomness="different")(x)
    plait.manual_seed(3)
    equal(noisy, plait.stack([row + plait.rand(3) if row[0] > 0 else row for row in x]), 1e-6)
    # The inner function loops, the outer one does not have to.
    nested = func.vmap(lambda a: func.vmap(lambda b: a * 2 if b > 0 else a)(plait.tensor([1.0, -1.0])))(x)
    equal(nested, plait.stack([x * 2, x], 1))


def test_writes(loops):
    x = t(4, 3)
    before = x.clone()
    func.vmap(lambda x: x.add_(1))(x)
    equal(x, before + 1)  # an entry is a view, as a row is
    def filled(x):
        out = plait.zeros_like(x)
        out[1:] = x[:-1]
        out[0] += x.sum()
        return out

    want = plait.cat([x.sum(1, keepdim=True), x[:, :-1]], 1)
    equal(func.vmap(filled)(x), want)
    assert not loops

    def into_shared(x):
        out = plait.zeros(3, dtype=x.dtype)
        out[0] = x[1]
        return out

    equal(func.vmap(into_shared)(x)[:, 0], x[:, 1])
    assert len(loops) == 1
    v = x.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="argument of vmap"):
        func.vmap(lambda x: x.mul_(2))(v * 1)
    w = v * 1
    equal(func.vmap(lambda x: x.clone().mul_(2))(w), w * 2)
    func.vmap(lambda x: x.clone().mul_(x))(w).sum().backward()
    equal(v.grad, 2 * v)


def test_indices_of_entries(loops):
    x, i = t(5, 4, 3), plait.tensor([0, 3, 1, 2, 0])
    rows = func.vmap(lambda x, i: x[i])(x, i)
    equal(rows, x[plait.arange(5), i])
    equal(func.vmap(lambda i: x[0][i])(i), x[0][i])
    equal(func.vmap(lambda x, i: x[:, i % 3])(x, i), x[plait.arange(5), :, i % 3])
    pairs = plait.tensor([[0, 1], [2, 3], [1, 1], [3, 0], [2, 2]])
    equal(func.vmap(lambda x, p: x[p])(x, pairs), x[plait.arange(5)[:, None], pairs])
    equal(func.vmap(lambda x, p: x[p, :, None][..., 0])(x, pairs), x[plait.arange(5)[:, None], pairs])
    equal(func.vmap(lambda x, p: x[:, p % 3])(x, pairs), plait.stack([x[k][:, pairs[k] % 3] for k in range(5)]))
    mask = plait.tensor([True, False, True])
    equal(func.vmap(lambda x: x[:, mask])(x), x[:, :, mask])
    assert not loops
    with pytest.raises(IndexError):
        func.vmap(lambda x, i: x[i])(x, i + 1)


def test_modules():
    class Net(plait.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = plait.nn.Conv2d(1, 4, 3)
            self.norm = plait.nn.GroupNorm(2, 4)
            self.head = plait.nn.Linear(4 * 9, 3)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)
            return self.head(x.flatten(1))

    plait.manual_seed(0)
    net = Net().double()
    x, y = t(6, 1, 8, 8), plait.tensor([0, 1, 2, 0, 1, 2])
    weights = dict(net.named_parameters())

    def loss(weights, x, y):
        return F.cross_entropy(func.functional_call(net, weights, (x[None],)), y[None])

    each = func.vmap(func.grad(loss), (None, 0, 0))(weights, x, y)
    for i in range(6):
        one = plait.autograd.grad(loss(weights, x[i], y[i]), list(weights.values()))
        for (name, g), want in zip(each.items(), one):
            assert g.shape[1:] == weights[name].shape
            equal(g[i], want, 1e-10)
    # An ensemble: each entry has weights of its own.
    nets = [Net().double() for _ in range(3)]
    stacked, buffers = func.stack_module_state(nets)
    out = func.vmap(lambda p, b: func.functional_call(nets[0], (p, b), (x,)))(stacked, buffers)
    equal(out, plait.stack([each(x) for each in nets]), 1e-10)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (plait.nn.LayerNorm(6), (2, 6)),
        (plait.nn.MultiheadAttention(6, 2, batch_first=True), (1, 4, 6)),
        (plait.nn.TransformerEncoderLayer(6, 2, 8, dropout=0.0, batch_first=True), (1, 4, 6)),
        (plait.nn.LSTM(6, 5, num_layers=2, bidirectional=True), (3, 2, 6)),
        (plait.nn.LSTM(6, 5, batch_first=True, proj_size=3), (2, 4, 6)),
        (plait.nn.GRU(6, 5), (3, 2, 6)),
        (plait.nn.RNN(6, 5, nonlinearity="relu"), (3, 1, 6)),
        (plait.nn.LSTMCell(6, 5), (2, 6)),
        (plait.nn.Embedding(7, 3), (4,)),
        (plait.nn.Embedding(7, 3, padding_idx=2), (4, 3)),
        (plait.nn.ConvTranspose2d(2, 3, 3), (1, 2, 4, 4)),
        (plait.nn.Bilinear(6, 6, 2), (2, 6)),
    ],
    ids=lambda x: type(x).__name__ if isinstance(x, plait.nn.Module) else "",
)
def test_layers_by_sample(layer, shape):
    layer = layer.double()
    weights = dict(layer.named_parameters())
    batch = plait.randint(0, 7, (5, *shape)) if isinstance(layer, plait.nn.Embedding) else t(5, *shape)
    many = isinstance(layer, (plait.nn.MultiheadAttention, plait.nn.Bilinear))

    def loss(weights, x):
        args = (x, x, x)[: 3 if isinstance(layer, plait.nn.MultiheadAttention) else 2] if many else (x,)
        out = func.functional_call(layer, weights, args)
        return (out[0] if isinstance(out, tuple) else out).square().sum()

    each = func.vmap(func.grad(loss), (None, 0))(weights, batch)
    for i, x in enumerate(batch):
        for name, want in func.grad(loss)(weights, x).items():
            equal(each[name][i], want, 1e-9)


@pytest.mark.parametrize("drop", [F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout])
def test_dropout_of_channels(drop, loops):
    x = plait.ones(*[4, 2, 16, 3, 2, 2][: {F.dropout1d: 4, F.dropout3d: 6}.get(drop, 5)])
    before = plait._C._batch_loops()
    for randomness in ("different", "same"):
        for shared in (False, True):
            of = (lambda _: drop(x[0], 0.5, True)) if shared else (lambda x: drop(x, 0.5, True))
            if not shared and randomness == "same" and drop is F.alpha_dropout:
                continue  # its noise is of the shape of a tensor of the batch, which "same" draws entry by entry
            y = func.vmap(of, randomness=randomness)(x)
            assert plait.equal(y[0], y[1]) == (randomness == "same")
            assert y.unique().numel() == 2
    assert not loops and plait._C._batch_loops() == before


def test_draws_from_rows():
    weights = plait.eye(4)
    for batch in (weights, weights.reshape(2, 2, 4)):
        drawn = func.vmap(lambda w: plait.multinomial(w, 2, True), randomness="different")(batch)
        assert plait.equal(drawn[..., 0].reshape(-1), plait.arange(4)) and drawn.shape[-1] == 2


def test_chunks():
    x = t(7, 3, requires_grad=True)
    seen = []

    def f(x):
        seen.append(plait._C._batch_sizes(x)[0][1])
        return x.sin(), {"sum": x.sum()}

    sines, more = func.vmap(f, out_dims=(1, 0), chunk_size=3)(x)
    equal(sines, x.sin().T)
    equal(more["sum"], x.sum(1))
    assert seen == [3, 3, 1]
    with pytest.raises(ValueError, match="chunk_size"):
        func.vmap(f, chunk_size=0)(x)


def test_promotion_is_that_of_an_entry():
    small, wide = plait.ones(3, dtype=plait.float32), plait.ones(4, dtype=plait.float64)
    assert func.vmap(lambda w: small * w)(wide).dtype == plait.float32  # a 0-d tensor counts less
    assert func.vmap(lambda w: w * plait.tensor(2.0, dtype=plait.float32))(wide).dtype == plait.float64
    singles = plait.ones(4, dtype=plait.float32)
    assert func.vmap(lambda s: s * plait.tensor(2.0, dtype=plait.float64))(singles).dtype == plait.float64
    assert func.vmap(lambda i: small * i)(plait.arange(4)).dtype == plait.float32
    assert func.vmap(lambda s: s * 2.5)(plait.arange(4)).dtype == plait.float32
    assert func.vmap(lambda w: plait.arange(3) * w)(wide).dtype == plait.float64


def test_out_dims():
    x = t(4, 3)
    assert func.vmap(lambda x: x[:, None].expand(3, 2), out_dims=-1)(x).shape == (3, 2, 4)
    assert func.vmap(lambda x: plait.ones(2))(x).shape == (4, 2)
    shared, own = func.vmap(lambda x: (plait.ones(2), x), out_dims=(None, 0))(x)
    assert shared.shape == (2,) and own.shape == (4, 3)
    with pytest.raises(ValueError, match="out_dims"):
        func.vmap(lambda x: x, out_dims=None)(x)


def test_a_batch_of_one_is_a_batch():
    w = t(3, requires_grad=True)
    out = func.vmap(lambda x: (x * w).sum())(t(1, 3))
    assert out.shape == (1,)
    out.sum().backward()
    each = func.vmap(func.grad(lambda w, x: (x * w).sum()), (None, 0))(w, t(1, 3))
    assert each.shape == (1, 3) and w.grad.shape == (3,)


def test_custom_functions():
    class Cube(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x**3 * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            return g * 3 * x**2 * w, g * x**3

    x, w = t(4, 3, requires_grad=True), t(3, requires_grad=True)
    func.vmap(lambda x: Cube.apply(x, w))(x).sum().backward()
    equal(x.grad, 3 * x**2 * w)
    equal(w.grad, (x**3).sum(0))


def test_outside_ops_run_for_each_entry():
    @plait.library.custom_op("batching::twice", mutates_args=())
    def twice(x: plait.Tensor) -> plait.Tensor:
        assert not plait._C._batch_sizes(x)
        return x * 2

    x = t(4, 3)
    equal(func.vmap(lambda x: plait.ops.batching.twice(x))(x), x * 2)


def test_meta():
    out = func.vmap(lambda x, y: x @ y.sin(), (0, None))(
        plait.empty(4, 2, 3, device="meta"), plait.empty(3, 5, device="meta")
    )
    assert out.shape == (4, 2, 5) and out.is_meta


def test_autocast():
    x, w = plait.randn(4, 2, 8), plait.randn(8, 8)
    with plait.autocast("cpu", dtype=plait.bfloat16):
        out = func.vmap(lambda x: x @ w)(x)
        assert out.dtype == plait.bfloat16
        equal(out.float(), (x @ w).float())


def test_errors_leave_no_batch_behind():
    x = t(4, 3)
    with pytest.raises(ValueError, match="stop"):
        func.vmap(lambda x: (_ for _ in ()).throw(ValueError("stop")))(x)
    assert plait._C._batch_regions() == ()
    with pytest.raises((ValueError, RuntimeError), match=r"shapes \(3,\) and \(2,\)"):
        func.vmap(lambda x: x + plait.ones(2))(x)
    assert plait._C._batch_regions() == ()
    assert plait.rand(2).shape == (2,)


def test_private_ops():
    x = t(2, 3, requires_grad=True)
    level = plait._C._batch_level()
    hidden = plait._batch_hide(x, 1, level)
    assert hidden.shape == (2,) and plait._C._batch_sizes(hidden) == ((level, 3),)
    equal(plait._batch_reveal(hidden, 0, level), x.T)
    equal(plait._batch_sum(hidden, level, 3), x.sum(1))
    spread = plait._batch_spread(x, level, 5)
    assert plait._C._batch_sizes(spread) == ((level, 5),) and spread.data_ptr is not None
    equal(plait._batch_reveal(plait._batch_own(spread), 0, level), x.expand(5, 2, 3))
    plait._batch_sum(spread * 2, level, 5).sum().backward()
    equal(x.grad, plait.full((2, 3), 10.0).double())
    for wrong in (
        lambda: plait._batch_hide(hidden, 0, level),
        lambda: plait._batch_hide(x, 2, level + 1),
        lambda: plait._batch_hide(plait.tensor(1.0), 0, level + 1),
        lambda: plait._batch_reveal(x, 0, level),
        lambda: plait._batch_hide(x[:0], 0, level),
        lambda: plait._batch_spread(x, level, 0),
        lambda: hidden + plait._batch_spread(x[:, 0], level, 7),
    ):
        with pytest.raises((ValueError, IndexError, RuntimeError)):
            wrong()


def test_results_into_given_tensors(loops):
    x = t(4, 3)
    out = plait.zeros(4, 3).double()
    func.vmap(lambda x, out: plait.sin(x, out=out))(x, out)
    equal(out, x.sin())
    with pytest.raises(ValueError, match="cannot"):
        func.vmap(lambda x, out: plait.sin(x, out=out))(x, plait.zeros(4, 0).double())
    assert not loops
    # Into a tensor that all entries share: one after the other, the last one stays.
    shared = plait.zeros(3).double()
    func.vmap(lambda x: plait.sin(x, out=shared))(x)
    equal(shared, x[-1].sin())


def test_nothing_is_kept():
    x = t(64, 1000)
    func.vmap(func.grad(lambda x: x.sin().sum()))(x)
    gc.collect()
    before = len([o for o in gc.get_objects() if isinstance(o, plait.Tensor)])
    for _ in range(5):
        func.vmap(func.grad(lambda x: x.sin().sum()))(x)
    gc.collect()
    assert len([o for o in gc.get_objects() if isinstance(o, plait.Tensor)]) <= before


# ---- layers, losses and decompositions for all entries at once


def ids(*shape, below):
    return plait.tensor(rng.integers(0, below, shape))


def ctc(targets):
    def f(x, labels=targets):
        return F.ctc_loss(x.log_softmax(-1), labels, [6, 5], [3, 2], reduction="none")

    return f


def packed(layer):
    def f(x, *weights):
        names = [name for name, _ in layer.named_parameters()]
        sequence = plait.nn.utils.rnn.pack_padded_sequence(x, [4, 2, 1])
        out, state = func.functional_call(layer, dict(zip(names, weights)), (sequence,))
        states = state if isinstance(state, tuple) else (state,)
        return (out.data, *states)

    return f, [p.detach() for p in layer.parameters()]


def filled_by_mask(x):
    y = x * 1
    y[x > 0] = -1.0
    y[y[:, 0] < 0] = y[0] * 2
    return y


def spd(*shape):
    a = t(*shape)
    return a @ a.mT + plait.eye(shape[-1]).double()


GATES = {name: packed(layer) for name, layer in {
    "lstm": plait.nn.LSTM(3, 2, bidirectional=True).double(),
    "gru": plait.nn.GRU(3, 2, num_layers=2).double(),
    "rnn": plait.nn.RNN(3, 2).double(),
}.items()}  # fmt: skip
BAGS = plait.tensor([0, 2, 2])
COMPOSED = {
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), [t(3, 4, 2, 5), t(3, 2), t(3, 2)], {0, 1, 2}),
    "instance_norm": (lambda x, w, b: F.instance_norm(x, weight=w, bias=b), [t(3, 4, 2, 5), t(3, 2), t(3, 2)], {0, 1, 2}),
    "multi_margin": (lambda x, w, i: F.multi_margin_loss(x, i, weight=w, p=2), [t(3, 5, 4), t(3, 4), ids(3, 5, below=4)], {0, 1, 2}),
    "multi_margin of one row": (lambda x, i: F.multi_margin_loss(x, i), [t(3, 4), ids(3, below=4)], {0, 1}),
    "multilabel_margin": (F.multilabel_margin_loss, [t(3, 5, 4), ids(3, 5, 4, below=4)], {0, 1}),
    "nll of own weights": (lambda x, w, i: F.nll_loss(x, i, w, ignore_index=1), [t(3, 5, 4), t(3, 4), ids(3, 5, below=4)], {0, 1, 2}),
    "ctc": (ctc(None), [t(3, 6, 2, 4), ids(3, 2, 3, below=3) + 1], {0, 1}),
    "ctc of labels in one row": (ctc(None), [t(3, 6, 2, 4), ids(3, 7, below=3) + 1], {0, 1}),
    "bags": (lambda w, i: F.embedding_bag(i, w), [t(3, 6, 2), ids(3, 4, 2, below=6)], {0, 1}),
    "bags with weights": (lambda w, i, f: F.embedding_bag(i, w, per_sample_weights=f, mode="sum"), [t(3, 6, 2), ids(3, 4, 2, below=6), t(3, 4, 2)], {0, 1, 2}),
    "bags from offsets": (lambda w, i: F.embedding_bag(i, w, BAGS, mode="sum"), [t(3, 6, 2), ids(3, 5, below=6)], {0, 1}),
    "bags without indices": (lambda w, i: F.embedding_bag(i, w, BAGS * 0, mode="mean"), [t(3, 6, 2), ids(3, 0, below=6)], {0, 1}),
    "bags of maxima": (lambda w, i: F.embedding_bag(i, w, mode="max"), [t(3, 6, 2), ids(3, 4, 2, below=6)], {0, 1}),
    "embedding twice": (lambda w, i: func.grad(lambda w: F.embedding(i, w, padding_idx=1).pow(3).sum())(w), [t(3, 6, 2), ids(3, 4, below=6)], {0, 1}),
    "packed lstm": (GATES["lstm"][0], [t(3, 4, 3, 3), *GATES["lstm"][1]], {0}),
    "packed gru": (GATES["gru"][0], [t(3, 4, 3, 3), *GATES["gru"][1]], {0}),
    "packed rnn": (GATES["rnn"][0], [t(3, 4, 3, 3), *GATES["rnn"][1]], {0}),
    "masked_scatter": (lambda x, m, s: x.masked_scatter(m > 0, s), [t(3, 4, 2), t(3, 4, 2), t(3, 9)], {0, 1, 2}),
    "masked_select of one mask": (lambda x: x[plait.tensor([True, False, True])], [t(3, 3, 2)], {0}),
    "values by mask": (filled_by_mask, [t(3, 4, 2)], {0}),
    "solve": (plait.linalg.solve, [spd(3, 4, 4), t(3, 4, 2)], {0, 1}),
    "solve with a vector": (lambda a, b: plait.linalg.solve(a, b), [spd(3, 4, 4), t(3, 4)], {0, 1}),
    "inv": (plait.linalg.inv, [spd(3, 4, 4)], {0}),
    "cholesky_solve": (lambda a, b: plait.cholesky_solve(b, plait.linalg.cholesky(a)), [spd(3, 4, 4), t(3, 4, 2)], {0, 1}),
    "segments": (lambda x, o: plait._C.ops["_reduce_segments"](x, o, 0, "sum", 0.0), [t(3, 5, 2), plait.tensor([[0, 2, 5], [0, 5, 5], [1, 1, 4]])], {0, 1}),
    "segments of lengths that are shared": (lambda x: plait.segment_reduce(x, "sum", lengths=plait.tensor([2, 3])), [t(3, 5, 2)], {0}),
    "windows": (lambda x: x[1:, 0].square().sum() + x.diagonal()[:2].prod() + x.T[-1].sin().sum(), [t(3, 4, 4)], {0}),
    "windows that meet": (lambda x: x.unfold(0, 3, 1).square().sum(1), [t(3, 6)], {0}),
}  # fmt: skip


def by_loop(f, args, own):
    rows = [f(*(x[i] if k in own else x for k, x in enumerate(args))) for i in range(3)]
    rows = [row if isinstance(row, tuple) else (row,) for row in rows]
    return [plait.stack(column) for column in zip(*rows, strict=True)]


@pytest.mark.parametrize("name", COMPOSED)
def test_no_entry_is_computed_apart(name, loops):
    """Forward and backward, with all of the arguments batched and with all but one."""
    f, given, may = COMPOSED[name]
    before = plait._C._batch_loops()
    for shared in [None, *(sorted(may) if len(may) > 1 else [])]:
        own = may - {shared}
        args = [x[0] if k == shared else x for k, x in enumerate(given)]
        args = [x.clone().requires_grad_(x.is_floating_point()) for x in args]
        want = by_loop(f, args, own)
        got = func.vmap(f, tuple(0 if k in own else None for k in range(len(args))))(*args)
        got = got if isinstance(got, tuple) else (got,)
        inputs = [x for x in args if x.requires_grad]
        weights = [plait.randn_like(y) for y in want]
        for a, b in zip(got, want, strict=True):
            equal(a, b, 1e-10)
        options = {"allow_unused": True, "materialize_grads": True}
        live = [k for k, y in enumerate(want) if y.requires_grad]
        for a, b in zip(*(plait.autograd.grad([y[k] for k in live], inputs, [weights[k] for k in live], **options) for y in (got, want))):
            equal(a, b, 1e-9)
    assert not loops
    assert plait._C._batch_loops() == before


@pytest.mark.parametrize("layer", [plait.nn.BatchNorm1d, plait.nn.InstanceNorm1d])
def test_running_statistics(layer, loops):
    before = plait._C._batch_loops()
    make = lambda: layer(2, affine=True, track_running_stats=True).double()  # noqa: E731
    models = [make() for _ in range(3)]
    x = t(3, 5, 2, 4)
    weights, buffers = func.stack_module_state(models)
    out = func.vmap(lambda w, b, x: func.functional_call(models[0], (w, b), (x,)))(weights, buffers, x)
    for i, model in enumerate(models):
        equal(out[i], model(x[i]))
        for name, buffer in model.named_buffers():
            equal(buffers[name][i], buffer)
    # The same samples for all, whose statistics are moved alike.
    func.vmap(lambda b: func.functional_call(models[0], b, (x[0],)))(buffers)
    # Two batches: the statistics are those of the inner one's entries, too.
    nested = {name: plait.stack([b, b]) for name, b in buffers.items()}
    both = func.vmap(func.vmap(lambda b, x: func.functional_call(models[0], b, (x,))))
    both(nested, plait.stack([x, x + 1]))
    again = {name: b.clone() for name, b in buffers.items()}
    func.vmap(lambda b, x: func.functional_call(models[0], b, (x,)))(again, x)
    for name, b in again.items():
        equal(nested[name][0], b)
    for wrong in (lambda: func.vmap(make())(x), lambda: func.vmap(func.vmap(make(), 1), 1)(x[:, :, None].expand(3, 5, 2, 2, 4))):
        with pytest.raises(RuntimeError, match=r"running_mean.*GroupNorm"):
            wrong()
    func.vmap(make().eval())(x)
    assert not loops and plait._C._batch_loops() == before


def test_norms_of_entries():
    grads = [t(3, 4, 2), t(3, 5)]
    before = plait._C._batch_loops()
    for order in (2.0, 1.0, float("inf"), 0.0):
        norms = func.vmap(lambda *g, order=order: plait.nn.utils.get_total_norm(g, order))(*grads)
        for i in range(3):
            equal(norms[i], plait.nn.utils.get_total_norm([g[i] for g in grads], order))
    assert plait._C._batch_loops() == before


def test_indices_of_an_entry_stay_in_its_table():
    for wrong in (6, -1):
        index = plait.tensor([[[0, 1]], [[wrong, 1]]])
        with pytest.raises(IndexError):
            func.vmap(lambda w, i: F.embedding_bag(i, w, mode="sum"))(t(2, 6, 2), index)
    with pytest.raises(ValueError, match="masked_scatter"):
        func.vmap(lambda x, m, s: x.masked_scatter(m, s))(t(2, 3), plait.ones(2, 3) > 0, t(2, 2))
