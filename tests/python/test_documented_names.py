"""Names that PyTorch documents and few programs use: against NumPy, autograd and what the documentation says."""

import numpy as np
import plait
import pytest
import scipy.special
from cuda_device import needs_cuda
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


def test_functions_of_layers_stand_at_the_top_too():
    x = values(2, 6, 3)
    for name in ("alpha_dropout", "channel_shuffle", "feature_alpha_dropout", "rrelu", "rrelu_"):
        assert getattr(plait, name) is getattr(F, name)
    y = x.clone()
    assert F.rrelu_(y, 0.5, 0.5) is y
    np.testing.assert_allclose(y.numpy(), np.where(x.numpy() > 0, x.numpy(), 0.5 * x.numpy()))


def test_conditions():
    x = plait.ones(2, requires_grad=True)
    for pred in (True, plait.tensor([True]), 1):
        assert plait.cond(pred, lambda a, b: a * b, None.__class__, (x, 3)).tolist() == [3, 3]
    (g,) = plait.autograd.grad(plait.cond(plait.tensor(False), abs, lambda a: a * a, [x]).sum(), x)
    assert g.tolist() == [2, 2] and plait.cond(False, int, dict) == {}
    with pytest.raises(TypeError, match="expected false_fn to be callable"):
        plait.cond(True, abs, 3)
    with pytest.raises(TypeError, match="operands as a tuple or list, got Tensor"):
        plait.cond(True, abs, abs, x)


def test_switches_of_the_runtime():
    for mode, number in (("warn", 1), ("error", 2), (1, 1), ("default", 0)):
        plait.set_deterministic_debug_mode(mode)
        assert plait.get_deterministic_debug_mode() == number
        assert plait.are_deterministic_algorithms_enabled() == (number > 0)
    with pytest.raises(ValueError, match="'default', 'warn' or 'error'"):
        plait.set_deterministic_debug_mode("loud")
    before = plait.get_num_interop_threads()
    plait.set_num_interop_threads(3)
    assert plait.get_num_interop_threads() == 3
    plait.set_num_interop_threads(before)
    for bad, error in ((0, ValueError), ("2", TypeError), (True, TypeError)):
        with pytest.raises(error, match="set_num_interop_threads"):
            plait.set_num_interop_threads(bad)
    assert plait.get_device_module("cuda:0") is plait.cuda
    assert plait.get_device_module() in (plait.cpu, plait.cuda)
    assert plait.set_flush_denormal(True) is False and plait.tensor(1e-310, dtype=plait.float64) * 1 > 0


def test_tensors_in_files(tmp_path):
    name = tmp_path / "numbers"
    np.arange(6, dtype=np.float32).tofile(name)
    x = plait.from_file(name, size=4)
    assert x.tolist() == [0, 1, 2, 3] and x.dtype is plait.float32
    x.add_(1)  # to this process alone
    assert np.fromfile(name, np.float32).tolist() == [0, 1, 2, 3, 4, 5]
    y = plait.from_file(str(name), True, 8, dtype=plait.float32, requires_grad=True)  # grows
    assert y.requires_grad and y.shape == (8,)
    y.detach().fill_(2)
    assert np.fromfile(name, np.float32).tolist() == [2] * 8
    made = plait.from_file(tmp_path / "new", shared=True, size=3, dtype=plait.int64)
    assert made.tolist() == [0, 0, 0] and plait.from_file(name).shape == (0,)
    with pytest.raises(ValueError, match="has 32 bytes, 36 were asked for"):
        plait.from_file(name, size=9)
    with pytest.raises(ValueError, match="size of 0 or more"):
        plait.from_file(name, size=-1)
    with pytest.raises(ValueError, match="CPU's memory"):
        plait.from_file(name, size=1, device="meta")
    with pytest.raises(OSError):
        plait.from_file(tmp_path / "not there", size=1)


def test_questions_of_tensors():
    x = plait.arange(6).view(2, 3)
    assert x.is_set_to(x.view(2, 3)) and x[:].is_set_to(x) and not x.is_set_to(x.clone())
    assert not x.is_set_to(x.view(6)) and not x[0].is_set_to(x[1])
    assert x.sparse_dim() == 0 and x.dense_dim() == 2
    a, tau = plait.geqrf(values(4, 3))
    assert plait.equal(a.orgqr(tau), plait.linalg.householder_product(a, tau))


def test_saved_tensors_may_be_written_to():
    x = values(4).requires_grad_()
    with plait.autograd.graph.allow_mutation_on_saved_tensors():
        y = (x * 1).exp()
        z = y.sin()
        w = (y * z).sum()
        y.detach().zero_()
        z.mul_(0)
        (g,) = plait.autograd.grad(w, x)
        late = x.exp()
    a = np.exp(x.detach().numpy())
    np.testing.assert_allclose(g.numpy(), (np.sin(a) + a * np.cos(a)) * a)
    with pytest.raises(RuntimeError, match="call backward inside of it"):
        late.sum().backward()


def test_swapped_tensors():
    a, b = nn.Parameter(plait.ones(2)), plait.arange(3)
    a.grad, a.name = plait.full((2,), 5.0), "weight"
    first, second = a, b
    plait.utils.swap_tensors(a, b)
    assert a is first and type(a) is plait.Tensor and a.tolist() == [0, 1, 2] and a.grad is None
    assert b is second and type(b) is nn.Parameter and b.tolist() == [1, 1] and b.grad.tolist() == [5, 5]
    assert b.requires_grad and not a.requires_grad and b.name == "weight" and not hasattr(a, "name")
    (b * 2).sum().backward()
    assert b.grad.tolist() == [7, 7]
    with pytest.raises(RuntimeError, match="t2 was computed from others"):
        plait.utils.swap_tensors(a, b * 1)
    with pytest.raises(TypeError, match="expected t1 to be a Tensor"):
        plait.utils.swap_tensors(1, a)


def test_batch_norms_without_running_statistics():
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3, affine=False)), nn.InstanceNorm1d(3))
    assert plait.func.replace_all_batch_norm_modules_(net) is net
    net.eval()
    x = values(5, 3, dtype=plait.float32) + 4
    y = net[0](x)
    np.testing.assert_allclose(y.detach().mean(0).numpy(), np.zeros(3), atol=1e-6)
    assert net[1][0].running_var is None and list(net.state_dict()) == ["0.weight", "0.bias"]
    assert plait.func.vmap(net[1], randomness="error")(x[None]).shape == (1, 5, 3)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4)], ids=str)
def test_causal_masks(shape):
    from plait.nn.attention import bias

    q, k, v = values(2, shape[0], 4), values(2, shape[1], 4) + 1, values(2, shape[1], 4) * 2
    attention = F.scaled_dot_product_attention
    upper = bias.causal_upper_left(*shape)
    assert repr(upper) == repr(plait.ones(shape, dtype=plait.bool).tril())
    np.testing.assert_allclose(attention(q, k, v, upper).numpy(), attention(q, k, v, is_causal=True).numpy())
    if shape[0] > shape[1]:
        with pytest.warns(UserWarning, match="the first 2 queries see no key"):
            bias.causal_lower_right(*shape)
        return
    lower = bias.causal_lower_right(*shape)
    mask = plait.ones(shape, dtype=plait.bool).tril(shape[1] - shape[0])
    result = attention(q, k, v, attn_mask=lower, scale=0.3)
    np.testing.assert_allclose(result.numpy(), attention(q, k, v, mask, scale=0.3).numpy(), rtol=1e-6)
    assert type(result) is plait.Tensor and type(lower & mask) is plait.Tensor and (lower == mask).all()
    assert lower.variant is bias.CausalVariant.LOWER_RIGHT and (lower.seq_len_q, lower.seq_len_kv) == shape
    with pytest.raises(ValueError, match="CausalBias or is_causal=True"):
        attention(q, k, v, lower, is_causal=True)
    with pytest.raises(ValueError, match="numbers of queries and keys"):
        bias.causal_upper_left(3)
    with pytest.raises(TypeError, match="expected a CausalVariant"):
        bias.CausalBias("upper", 1, 1)


def test_what_is_for_a_compiler_changes_nothing(tmp_path):
    compiler = plait.compiler
    assert compiler.nested_compile_region(abs) is abs and compiler.nested_compile_region()(abs) is abs
    assert compiler.substitute_in_graph(len)(abs) is abs and compiler.list_backends() == []
    assert compiler.set_stance("force_eager")(lambda: 3)() == 3
    with compiler.set_stance("default"), pytest.raises(ValueError, match="set_stance: expected one of"):
        compiler.set_stance("other")
    assert nn.Linear(2, 2).compile(mode="default") is None
    assert plait.func.functionalize(abs) is abs
    with pytest.raises(ValueError, match="expected remove="):
        plait.func.functionalize(abs, remove="all")
    (tmp_path / "hubconf.py").write_text('def net():\n    """A net."""\n')
    assert plait.hub.help(tmp_path, "net") == "A net."
    with pytest.raises(RuntimeError, match="no function 'other'"):
        plait.hub.help(tmp_path, "other")
    assert plait.utils.dlpack.DLDeviceType(plait.ones(1).__dlpack_device__()[0]).name == "kDLCPU"


def test_airy_function():
    airy = plait.special.airy_ai
    x = np.concatenate([np.linspace(-40, 25, 4001), [-4, 1, -4 - 1e-12, 1 + 1e-12, 0.0, 103, 200, -300]])
    result, (expected, slope, _, _) = airy(plait.tensor(x)).numpy(), scipy.special.airy(x)
    # 2/3 |x|^1.5, the phase or the exponent, is rounded; SciPy's own errors near 2 are 7e-15 of this scale.
    scale = np.where(x < 0, (1 + np.abs(x)) ** 1.25, np.maximum(expected * (1 + np.abs(x) ** 1.5), 1e-320))
    assert (np.abs(result - expected) / scale).max() < 1e-14
    assert airy(plait.tensor(float("nan"))).isnan() and airy(plait.tensor(float("inf"))) == 0
    t = plait.tensor(x[::50]).requires_grad_()
    (g,) = plait.autograd.grad(airy(t).sum(), t, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), slope[::50], rtol=1e-11, atol=1e-11)
    (second,) = plait.autograd.grad(g.sum(), t)
    np.testing.assert_allclose(second.numpy(), x[::50] * expected[::50], rtol=1e-9, atol=1e-9)
    for dtype, given in ((plait.float32, plait.float32), (plait.bfloat16, plait.bfloat16), (plait.int64, plait.float32)):
        y = airy(plait.tensor([-3, 0, 5], dtype=dtype))
        assert y.dtype is given
        np.testing.assert_allclose(y.double().numpy(), scipy.special.airy([-3, 0, 5])[0], rtol=8e-3 if dtype is plait.bfloat16 else 1e-6)
    out = plait.empty(0)
    assert airy(plait.zeros(3), out=out) is out and out.shape == (3,)
    with pytest.raises(TypeError, match="expected a real dtype"):
        airy(plait.tensor([1j]))


def test_questions_of_overrides():
    overrides = plait.overrides
    ignored, testing = overrides.get_ignored_functions(), overrides.get_testing_overrides()
    assert plait.is_tensor in ignored and plait.add not in ignored and not ignored & set(testing)
    assert testing[plait.Tensor.add](1, other=2) == -1 and plait.linalg.svd in testing


def test_types_of_results():
    types = plait.return_types
    one = plait.ones(1, 1)
    for name, result in (
        ("linalg_eigh", plait.linalg.eigh(one)),
        ("linalg_lstsq", plait.linalg.lstsq(one, one)),
        ("linalg_solve_ex", plait.linalg.solve_ex(one, one)),
        ("geqrf", plait.geqrf(one)),
        ("histogram", plait.histogram(one, 2)),
        ("triangular_solve", plait.triangular_solve(one, one)),
    ):
        assert type(result) is getattr(types, name), name
    for name in types.__all__:
        assert issubclass(getattr(types, name), tuple)


def test_small_names():
    assert plait.is_warn_always_enabled() is False
    plait.set_warn_always(True)
    assert plait.is_warn_always_enabled() is True
    plait.set_warn_always(False)
    with plait.autograd.set_multithreading_enabled(True) as nothing:
        assert nothing is None
    assert plait.autograd.grad_mode.no_grad is plait.no_grad and plait.autograd.variable.Variable
    x, y = plait.zeros(2), plait.ones(2)
    assert x.module_load(y).data_ptr() == x.data_ptr() and x.tolist() == [1, 1]
    assert x.module_load(y, assign=True).data_ptr() == y.data_ptr()
    assert isinstance(x.storage(), x.storage_type())


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda:0", marks=needs_cuda)])
def test_copies_to_several_devices(device):
    comm = plait.cuda.comm
    x = plait.arange(10.0).view(5, 2)
    a, b = comm.broadcast(x, ["cpu", device])
    assert a is x and b.device == plait.device(device) and (b.cpu() == x).all()
    out = [plait.empty(5, 2), plait.empty(5, 2, device=device)]
    assert comm.broadcast(x, out=out)[1] is out[1] and (out[1].cpu() == x).all()
    lists = comm.broadcast_coalesced([x, x + 1], [device, "cpu"])
    assert [len(each) for each in lists] == [2, 2] and (lists[0][1].cpu() == x + 1).all()
    parts = comm.scatter(x, [device, "cpu"])
    assert [tuple(p.shape) for p in parts] == [(3, 2), (2, 2)] and parts[0].device == plait.device(device)
    assert (comm.gather(parts, destination="cpu") == x).all() and comm.gather(parts, destination=-1).is_cpu
    columns = comm.scatter(x, [device, device], chunk_sizes=[0, 2], dim=1)
    assert [tuple(p.shape) for p in columns] == [(5, 0), (5, 2)]
    joined = plait.empty(5, 2, device=device)
    assert comm.gather(columns, dim=1, out=joined) is joined and (joined.cpu() == x).all()
    total = comm.reduce_add([x, x.to(device), x], destination=device)
    assert total.device == plait.device(device) and (total.cpu() == 3 * x).all()
    assert [t.tolist() for t in comm.reduce_add_coalesced([[x, x[0]], [x, x[0]]])] == [(2 * x).tolist(), [0, 2]]
    halves = [plait.empty(2, 2), plait.empty(3, 2)]
    assert comm.scatter(x, out=halves)[1] is halves[1] and (halves[1] == x[2:]).all()
    for call, message in (
        (lambda: comm.broadcast(x), "devices or out"),
        (lambda: comm.scatter(x, ["cpu"], [4]), "5 in all"),
        (lambda: comm.reduce_add([x, x[0]]), "one shape"),
        (lambda: comm.reduce_add([]), "at least one"),
        (lambda: comm.gather([x], destination="cpu", out=x), "got both"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_streams_of_the_cpu():
    cpu = plait.cpu
    outer, inner = cpu.Stream(priority=0), cpu.Stream()
    before = cpu.current_stream()
    with cpu.stream(outer) as got:
        assert got is outer and cpu.current_stream("cpu") is outer
        with cpu.StreamContext(inner), cpu.stream(None):
            assert cpu.current_stream() is inner
        event = outer.record_event()
        assert event.query() and outer.record_event(event) is event
        for nothing in (
            inner.wait_stream(outer),
            inner.wait_event(event),
            inner.synchronize(),
            event.record(inner),
            event.wait(inner),
            event.synchronize(),
        ):
            assert nothing is None
    assert cpu.current_stream() is before
