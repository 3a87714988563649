"""What libraries for PyTorch ask of plait beyond its ops: objects that stand for tensors, placeholders, paths in
trees, types at run time, attention with functions of one's own."""

import collections
import copy
import fractions
import importlib
import math
import pickle
import subprocess
import sys
import typing

import numpy as np
import plait
import pytest
from plait.nn.attention import flex_attention as flex
from plait.utils import _pytree as tree
from scipy import integrate, special
from scipy.stats import qmc

RNG = np.random.default_rng(0)


class Diagonal:
    """Stands for a diagonal matrix."""

    def __init__(self, entries):
        self.entries = entries

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is plait.matmul and isinstance(args[0], cls):
            return args[0].entries[:, None] * args[1]
        if func is plait.linalg.cholesky:
            return Diagonal(args[0].entries.sqrt())
        if func is plait.cat:
            return len(args[0]), kwargs
        return NotImplemented


def test_objects_that_stand_for_tensors():
    d = Diagonal(plait.tensor([4.0, 9.0]))
    assert plait.matmul(d, plait.ones(2, 1)).tolist() == [[4.0], [9.0]]
    assert plait.linalg.cholesky(d).entries.tolist() == [2.0, 3.0]
    assert plait.cat([plait.ones(1), d], dim=0) == (2, {"dim": 0})
    assert plait.overrides.is_tensor_like(d) and plait.overrides.has_torch_function((1, [d]))
    for call in (lambda: plait.exp(d), lambda: plait.ones(2).add(d), lambda: plait.linalg.inv(d)):
        with pytest.raises(TypeError):
            call()


def test_a_tensor_of_one_number_is_no_dimension():
    one = plait.tensor([[5]])
    assert plait.min(one, plait.tensor([[0]])).tolist() == [[0]]
    assert plait.max(one, plait.tensor([[7]])).tolist() == [[7]]
    assert plait.max(plait.tensor([[1, 2]]), 1).indices.tolist() == [1]


@pytest.mark.parametrize("name", ["empty_like", "zeros_like", "ones_like", "rand_like", "randn_like"])
def test_like_a_tensor_elsewhere(name):
    there = plait.empty(3, 2, device="meta").t()
    made = getattr(plait, name)(there, device="cpu")
    assert made.device.type == "cpu" and made.shape == (2, 3) and made.stride() == there.stride()
    assert getattr(plait, name)(plait.ones(2), device="meta").device.type == "meta"


def test_new_on_another_device():
    there = plait.empty(2, dtype=plait.float64, device="meta")
    assert plait.full_like(there, 3, device="cpu").tolist() == [3, 3]
    assert there.new_zeros(2, device="cpu").dtype is plait.float64
    assert there.new_tensor([1.0], device="cpu").tolist() == [1]


def test_types_at_run_time():
    for module in (plait.nn, plait.distributions, plait.distributions.transforms, plait.optim):
        for name in module.__all__:
            found = getattr(module, name)
            if isinstance(found, type):
                typing.get_type_hints(found)


def test_trees_with_paths():
    Pair = collections.namedtuple("Pair", ("a", "b"))
    value = {"x": [1, (2,)], "p": Pair(3, 4)}
    pairs, spec = tree.tree_flatten_with_path(value)
    assert [tree.keystr(p) for p, _ in pairs] == ["['x'][0]", "['x'][1][0]", "['p'].a", "['p'].b"]
    for path, leaf in pairs:
        found = value
        for key in path:
            found = key.get(found)
        assert found == leaf
    assert tree.tree_unflatten([v for _, v in pairs], spec) == value
    doubled = tree.tree_map_with_path(lambda path, v, w: (len(path), v + w), value, value)
    assert doubled["x"] == [(2, 2), ((3, 4),)] and doubled["p"].b == (2, 8)
    assert tree.tree_is_leaf(None) and not tree.tree_is_leaf(())


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_flex_attention():
    q, k, v = (RNG.normal(size=(2, n, 5, 4)) for n in (4, 2, 2))
    slopes, document = RNG.normal(size=4), np.array([0, 0, 1, 1, 1])
    slope, doc = plait.tensor(slopes), plait.tensor(document)
    mask = flex.create_block_mask(
        flex.and_masks(lambda b, h, i, j: i >= j, lambda b, h, i, j: doc[i] == doc[j]),
        None,
        None,
        5,
        5,
        BLOCK_SIZE=2,
    )
    out, lse = flex.flex_attention(
        *map(plait.tensor, (q, k, v)),
        lambda s, b, h, i, j: s + slope[h] * (i - j),
        mask,
        enable_gqa=True,
        return_lse=True,
    )
    i, j = np.indices((5, 5))
    scores = q @ k.repeat(2, 1).transpose(0, 1, 3, 2) / 2 + slopes[:, None, None] * (i - j)
    scores = np.where((i >= j) & (document[:, None] == document), scores, -np.inf)
    np.testing.assert_allclose(out.numpy(), softmax(scores) @ v.repeat(2, 1), rtol=1e-6)
    np.testing.assert_allclose(lse.numpy(), special.logsumexp(scores, -1), rtol=1e-6)
    assert mask.to_dense().tolist() == [[[[1, 0, 0], [0, 1, 0], [0, 1, 1]]]] and mask.shape == (1, 1, 5, 5)
    assert abs(mask.sparsity() - 100 * 5 / 9) < 1e-4


def test_flex_attention_of_queries_that_see_nothing():
    x = plait.randn(1, 1, 3, 2, requires_grad=True)
    none = flex.create_block_mask(lambda b, h, i, j: (i > 0) & (j > 0), 1, 1, 3, 3)
    out = flex.flex_attention(x, x, x, block_mask=none)
    assert out[0, 0, 0].tolist() == [0, 0]
    out.sum().backward()
    assert x.grad.isfinite().all()
    blocks = flex.BlockMask.from_kv_blocks(
        plait.zeros(1, 1, 2, dtype=plait.int32),
        plait.zeros(1, 1, 2, 2, dtype=plait.int32),
        plait.tensor([[[1, 2]]]),
        plait.tensor([[[[0, 1], [0, 1]]]]),
        BLOCK_SIZE=2,
    )
    y = plait.randn(1, 1, 4, 2)
    expected = plait.nn.functional.scaled_dot_product_attention(
        y, y, y, attn_mask=plait.tensor([[1, 1, 0, 0]] * 2 + [[1, 1, 1, 1]] * 2).bool()
    )
    np.testing.assert_allclose(
        flex.flex_attention(y, y, y, block_mask=blocks).numpy(), expected.numpy(), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(ValueError, match="block_mask is for"):
        flex.flex_attention(plait.randn(1, 1, 9, 2), y, y, block_mask=blocks)


def test_numerical_functions():
    y, x = RNG.normal(size=(3, 5)), np.sort(RNG.normal(size=5))
    np.testing.assert_allclose(
        plait.cumulative_trapezoid(plait.tensor(y), plait.tensor(x)).numpy(),
        integrate.cumulative_trapezoid(y, x),
    )
    np.testing.assert_allclose(
        plait.cumulative_trapezoid(plait.tensor(y), dx=0.5, dim=0).numpy(),
        integrate.cumulative_trapezoid(y, dx=0.5, axis=0),
    )
    for shape, dim in (((0, 2), 0), ((3, 0), -1)):
        assert plait.cumulative_trapezoid(plait.ones(shape), dim=dim).shape == shape
    assert plait.cumulative_trapezoid(plait.ones(0, dtype=plait.int64)).dtype is plait.float32
    np.testing.assert_allclose(
        plait.mvlgamma(plait.tensor(3.5), 3).item(), special.multigammaln(3.5, 3), rtol=1e-6
    )
    a = np.float32([0, -0.0, 1, -1, np.inf, 1e-45, 3, np.nan, -np.inf])
    b = np.float32([1, -1, -2, -np.inf, 0, -1, 3, 1, 0])
    found = plait.nextafter(plait.tensor(a), plait.tensor(b)).numpy()
    np.testing.assert_array_equal(found, np.nextafter(a, b))
    tiny, large = np.finfo(float).smallest_subnormal, np.finfo(float).max
    numbers = np.array([0, -0.0, 1, -3, 0.1, tiny, -7 * tiny, 2.0**-1022, large, np.inf, -np.inf, np.nan])
    for kind in (np.float64, np.float32, np.float16):
        with np.errstate(over="ignore", under="ignore"):
            x = numbers.astype(kind)
        found, expected = plait.frexp(plait.tensor(x)), np.frexp(x)
        np.testing.assert_array_equal(found.mantissa.numpy(), expected[0])
        assert found.mantissa.numpy().dtype == kind
        finite = np.isfinite(x)
        np.testing.assert_array_equal(found.exponent.numpy()[finite], expected[1][finite])
    assert plait.autograd.gradcheck(
        lambda v: plait.frexp(v)[0], [plait.tensor([0.3, -5.0]).double().requires_grad_()]
    )
    m = RNG.normal(size=(6, 3)) @ RNG.normal(size=(3, 8))
    for given in (m, m.T):
        u, s, v = plait.svd_lowrank(plait.tensor(given), q=3)
        np.testing.assert_allclose((u * s @ v.mT).numpy(), given, atol=1e-10)
        np.testing.assert_allclose(s.numpy(), np.linalg.svd(given)[1][:3])
    _, s, _ = plait.pca_lowrank(plait.tensor(m), q=3)
    np.testing.assert_allclose(s.numpy(), np.linalg.svd(m - m.mean(0))[1][:3])


def test_put():
    rng = np.random.default_rng(1)
    for layout in (lambda a: a, lambda a: a.T):
        x, index = rng.normal(size=(3, 4)), np.array([[0, -1], [5, 7]])
        values = rng.normal(size=(2, 2))
        target = layout(plait.tensor(x))
        expected = target.numpy().copy()
        np.put(expected, index, values)
        assert target.put_(plait.tensor(index), plait.tensor(values)) is target
        np.testing.assert_array_equal(target.numpy(), expected)
        twice = plait.tensor([1, 1, -11])
        np.testing.assert_allclose(
            target.put(twice, plait.ones(3).double(), accumulate=True).numpy().reshape(-1)[1],
            expected.reshape(-1)[1] + 3,
        )
        with pytest.raises(IndexError):
            target.put_(plait.tensor([12]), plait.ones(1).double())
        with pytest.raises(IndexError):
            target.put_(plait.tensor([-13]), plait.ones(1).double())
    leaf, values = plait.ones(3, requires_grad=True), plait.ones(1, requires_grad=True)
    leaf.put(plait.tensor([1]), values * 2).sum().backward()
    assert leaf.grad.tolist() == [1, 0, 1] and values.grad.tolist() == [2]
    for args in ((plait.tensor([1.0]), plait.ones(1)), (plait.tensor([1]), plait.ones(1).double())):
        with pytest.raises(TypeError, match="put_"):
            plait.ones(3).put_(*args)
    with pytest.raises(ValueError, match="as many elements"):
        plait.ones(3).put_(plait.tensor([1]), plait.ones(2))


def test_cholesky_ex_out():
    a = plait.tensor([[4.0, 2.0], [2.0, 5.0]])
    out = plait.empty(2, 2), plait.empty((), dtype=plait.int32)
    found = plait.linalg.cholesky_ex(a, out=out)
    assert found.L is out[0] and out[0].tolist() == [[2, 0], [1, 2]] and out[1].item() == 0


def test_wrappers_of_optimisers():
    class Wrapper(plait.optim.Optimizer):
        def __init__(self, inner):  # does not call Optimizer.__init__
            self._patch_step_function()  # as some do in its place
            self.inner = inner

        def step(self, closure=None):
            self.inner.step(closure)

    p = plait.nn.Parameter(plait.ones(1))
    p.grad = plait.ones(1)
    Wrapper(plait.optim.SGD([p], lr=0.5)).step()
    assert p.tolist() == [0.5]


def test_placeholders_under_the_name_of_torch():
    program = """
import torch, torch._C._functorch
from torch.distributed.fsdp import FullyShardedDataParallel as FSDP, ShardingStrategy
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.distributed_c10d import get_world_size
from torch.fx.experimental.symbolic_shapes import guard_or_true
from torch.nn.attention.flex_attention import flex_attention
default = ShardingStrategy.FULL_SHARD
assert not isinstance(torch.nn.Linear(1, 1), FSDP) and not isinstance(torch.ones(1), DTensor)
assert Shard(0) == Shard(0) != Replicate() and Shard(1).is_shard(1)
assert torch.ones(1).layout is not torch.sparse_coo and torch.ones(1).dtype != torch.uint16
assert torch.uint16.itemsize == 2 and torch.sym_max(1, 2) == 2 and "plait" in torch.__config__.show()
assert {torch.ops.aten.mul.Tensor: 1} and torch.ops.aten.relu.default(torch.tensor(-1.0)) == 0
for call in (FSDP, lambda: torch.ops.aten.no_such_op(1), guard_or_true):
    try:
        call()
    except NotImplementedError as error:
        assert "plait" in str(error)
    else:
        raise SystemExit("not refused")
try:
    torch.zeros(1, dtype=torch.uint16)
except TypeError as error:
    assert "plait.int32" in str(error), error
print("fine")
"""
    run = subprocess.run(
        [sys.executable, "-m", "plait.as_torch", "-c", program], capture_output=True, text=True, check=False
    )
    assert run.stdout == "fine\n", run.stderr


def test_layouts_copy():
    assert copy.deepcopy(plait.strided) is plait.strided


def test_sizes_given_one_by_one():
    x, n, k = plait.arange(6.0), np.int64(2), plait.tensor(3)
    assert plait.zeros(n, n).shape == (2, 2) and plait.randn(k, n).shape == (3, 2)
    assert x.view(n, 3).shape == (2, 3) and x.reshape(k, -1).shape == (3, 2)
    assert x.expand(k, 6).shape == (3, 6) and x.repeat(n, 1).shape == (2, 6)
    assert x.view(2, 3).permute(plait.tensor(1), 0).shape == (3, 2)
    assert plait.Tensor(n, 3).shape == (2, 3) and plait.Tensor(n).shape == (2,)
    assert plait.Tensor(k).shape == ()  # a tensor alone is data
    with pytest.raises(TypeError, match="repeats"):
        x.repeat(True, 2)
    with pytest.raises(TypeError, match="size"):
        plait.ones(plait.tensor([2, 3]))


def test_typed_storages():
    x = plait.arange(6.0).view(2, 3)
    s = x[1].storage()
    assert (len(s), s.dtype, s.nbytes(), s.element_size()) == (6, plait.float32, 24, 4)
    assert s == x.storage() and s.data_ptr() == x.data_ptr() and s.tolist() == list(range(6))
    assert s.untyped() == x.untyped_storage() and plait.is_storage(s) and not plait.empty(0).storage()
    copied = s.clone()
    s[5] = 9.0
    assert x[1, 2] == 9 and s[5] == 9 and copied[5] == 5 and plait.asarray(copied).tolist() == list(range(6))
    assert plait.empty(0).set_(s, 1, (2,)).tolist() == [1, 2]
    with pytest.raises(TypeError, match=r"a storage of .*int64, got one of .*float32"):
        plait.empty(0, dtype=plait.int64).set_(s)
    assert repr(s) == "TypedStorage(dtype=plait.float32, size=6, device='cpu')"
    assert repr(s.untyped()) == "UntypedStorage(nbytes=24, device='cpu')"


def test_pickles_of_results():
    x = plait.ones(2, requires_grad=True) * 3
    again = pickle.loads(pickle.dumps(x))
    assert again.tolist() == [3, 3] and again.requires_grad and again.is_leaf


def test_subclasses_made_by_the_base():
    class Point(plait.Tensor):
        pass

    x = plait.ones(2)
    point = plait.Tensor._make_subclass(Point, x, True)
    assert type(point) is Point and point.requires_grad and point.data_ptr() == x.data_ptr()


def test_former_assertion():
    plait.testing.assert_allclose([1.0, math.nan], plait.tensor([1.00005, math.nan]))
    with pytest.raises(AssertionError):
        plait.testing.assert_allclose(plait.ones(2), plait.full((2,), 1.001))


def test_no_remote_calls():
    assert not plait.distributed.rpc.is_available() and not hasattr(plait.distributed.rpc, "api")
    with pytest.raises(NotImplementedError, match="no remote procedure calls"):
        plait.distributed.rpc.RRef(1)


def test_parts_of_complex_tensors_are_set():
    z = plait.zeros(3, dtype=plait.complex64)
    z.real = plait.arange(3.0)
    z.imag = 2.0
    assert z.tolist() == [2j, 1 + 2j, 2 + 2j]
    x = plait.ones(2)
    x.real = plait.zeros(2)
    assert x.tolist() == [0, 0] and x._cdata == x._cdata != z._cdata
    with pytest.raises(TypeError, match="imag"):
        x.imag = 1.0


def test_batches_of_gradients():
    x = plait.tensor([1.0, 2.0, 3.0], requires_grad=True)
    unused = plait.ones(1, requires_grad=True)
    y = x**2
    (jacobian,) = plait.autograd.grad(y, x, plait.eye(3), is_grads_batched=True, create_graph=True)
    assert jacobian.tolist() == [[2, 0, 0], [0, 4, 0], [0, 0, 6]]
    (second,) = plait.autograd.grad(jacobian.sum(), x, retain_graph=True)
    assert second.tolist() == [2, 2, 2]
    both = plait.autograd.grad([y, x.sum()], [x, unused], [plait.eye(3), None], is_grads_batched=True, allow_unused=True)
    assert both[1] is None and plait.equal(both[0], plait.diag(2 * x.detach()) + 1)
    for wrong in (None, plait.tensor(1.0), plait.ones(0, 3)):
        with pytest.raises(ValueError, match="is_grads_batched"):
            plait.autograd.grad(x**2, x, wrong, is_grads_batched=True)


def test_modules_with_other_tensors():
    module = plait.nn.BatchNorm1d(1)
    given = {"weight": plait.full((1,), 3.0), "running_mean": plait.zeros(1)}
    own = module.weight
    with plait.nn.utils.stateless._reparametrize_module(module, given):
        assert module.weight is given["weight"]
        module.weight = None
        module(plait.ones(4, 1))
    assert module.weight is own and module.running_mean.item() == 0 and given["weight"] is None
    assert given["running_mean"].item() > 0


def test_a_lazy_state_for_a_lazy_module():
    lazy, other = plait.nn.LazyLinear(2), plait.nn.LazyLinear(2)
    state = {name: getattr(lazy, name) for name in ("weight", "bias")}
    assert lazy._load_member("weight", "weight", other.weight, state["weight"], False) is None


def test_gamma_draws():
    a = plait.full((2000,), 3.0, requires_grad=True)
    draws = plait._standard_gamma(a)
    draws.sum().backward()
    assert abs(draws.mean().item() - 3) < 0.2 and draws.dtype is a.dtype  # 5 standard errors
    assert abs(a.grad.mean().item() - 1) < 0.1  # d mean / d concentration


def test_numpy_without_grad_mode():
    x = plait.ones(3, requires_grad=True)
    with plait.no_grad():
        x.numpy()[0] = 5.0
    assert x.tolist() == [5, 1, 1]
    with pytest.raises(RuntimeError, match="requires grad"):
        x.numpy()


def test_weak_dictionaries():
    weak = plait.utils.weak
    x, y = plait.ones(2), plait.ones(2)
    notes = weak.WeakIdKeyDictionary({x: 1, y: 2})
    notes[x] += 10
    assert notes[x] == 11 and set(map(id, notes)) == {id(x), id(y)} and 3 not in notes and len(notes.copy()) == 2
    held = weak.TensorWeakRef(y)
    assert held() is y and weak.WeakIdRef(y) == weak.WeakIdRef(y) != weak.WeakIdRef(x)
    del y
    assert held() is None and len(notes) == 1 and list(notes.values()) == [11]
    del notes[x]
    assert x not in notes


def test_names_of_results():
    types = plait.return_types
    x = plait.tensor([2.0, 1.0])
    assert type(plait.max(x, 0)) is types.max and type(plait.topk(x, 1)) is types.topk
    assert type(plait.aminmax(x)) is types.aminmax and type(plait.svd(x.view(1, 2))) is types.svd
    for name in types.__all__:
        assert issubclass(getattr(types, name), tuple)
    with pytest.raises(AttributeError, match="return_types has no 'add'"):
        types.add


def test_registration_hooks():
    module, seen = plait.nn.modules.module, []
    handles = [
        module.register_module_parameter_registration_hook(lambda m, name, p: seen.append(name)),
        module.register_module_buffer_registration_hook(lambda m, name, b: b + 1),
        module.register_module_module_registration_hook(lambda m, name, c: seen.append(type(c).__name__)),
    ]
    try:
        net = plait.nn.Sequential(plait.nn.Linear(1, 1))
        net.register_buffer("count", plait.zeros(()))
        net.last = plait.nn.ReLU()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["weight", "bias", "Linear", "ReLU"] and net.count.item() == 1
    plait.nn.Linear(1, 1)
    assert len(seen) == 4


def test_members_are_swapped():
    swap = plait.nn.utils._named_member_accessor.swap_tensor
    layer = plait.nn.BatchNorm1d(1)
    other = plait.full((1,), 2.0)
    own = swap(layer, "running_mean", other)
    assert layer.running_mean is other and swap(layer, "running_mean", own) is other
    with pytest.raises(AttributeError, match="no member 'nothing'"):
        swap(layer, "nothing", other)
    assert swap(layer, "nothing", other, allow_missing=True) is None and layer.nothing is other
    with pytest.raises(TypeError, match="expected 'eps' to be a tensor"):
        swap(layer, "eps", other)


def test_functions_of_modules_as_functorch_has_them():
    functorch = importlib.import_module("plait._functorch")
    layer, x = plait.nn.Linear(2, 1), plait.randn(3, 2)
    function, params = functorch.make_functional(layer)
    assert plait.equal(function(params, x), layer(x)) and params[0] is layer.weight
    twice = [p.detach() * 2 for p in params]
    assert plait.equal(function(twice, x), layer(x) * 2)
    norm = plait.nn.BatchNorm1d(2).eval()
    with pytest.raises(RuntimeError, match="make_functional_with_buffers"):
        functorch.make_functional(norm)
    function, params, buffers = functorch.make_functional_with_buffers(norm, disable_autograd_tracking=True)
    assert plait.equal(function(params, buffers, x), norm(x)) and not params[0].requires_grad
    function, params, buffers = functorch.combine_state_for_ensemble([layer, plait.nn.Linear(2, 1)])
    assert functorch.vmap(function, (0, 0, None))(params, buffers, x).shape == (2, 3, 1)
    value, product = plait.func.linearize(lambda a, b: a * b, plait.tensor(3.0), plait.tensor(4.0))
    assert value == 12 and product(plait.tensor(1.0), plait.tensor(2.0)) == 10


def test_several_tensors_as_one():
    utils = importlib.import_module("plait._torch_utils")
    parts = [plait.ones(2, 3), plait.zeros(()), plait.full((2,), 5.0)]
    flat = utils._flatten_dense_tensors(parts)
    again = utils._unflatten_dense_tensors(flat, parts)
    assert all(plait.equal(a, b) for a, b in zip(again, parts)) and again[0].data_ptr() == flat.data_ptr()
    assert utils._get_device_module("cuda") is plait.cuda and utils._get_device_index("cuda:1") == 1
    assert utils._get_device_index("cpu", allow_cpu=True) == -1 and utils._get_device_index(3) == 3
    for wrong in ("cpu", "cuda", None):
        with pytest.raises(ValueError, match="_get_device_index"):
            utils._get_device_index(wrong)
    with pytest.raises(RuntimeError, match="'tpu'"):
        utils._get_device_module("tpu")


def test_sobol_points():
    engine = plait.quasirandom.SobolEngine(3)
    points = qmc.Sobol(3, scramble=False).random(8)
    np.testing.assert_array_equal(engine.draw_base2(3), points.astype("float32"))
    assert engine.num_generated == 8
    np.testing.assert_array_equal(engine.reset().fast_forward(2).draw(3, dtype=plait.float64), points[2:5])
    with pytest.raises(ValueError, match="no power of 2"):
        engine.draw_base2(2)
    with pytest.raises(ValueError, match="1 to 21201, got 0"):
        plait.quasirandom.SobolEngine(0)
    plait.manual_seed(0)
    one = plait.quasirandom.SobolEngine(2, scramble=True).draw(16)
    plait.manual_seed(0)
    assert plait.equal(one, plait.quasirandom.SobolEngine(2, scramble=True).draw(16))
    assert abs(one.mean().item() - 0.5) < 0.05 and bool(((one >= 0) & (one < 1)).all())
    seeded = plait.quasirandom.SobolEngine(2, scramble=True, seed=1)
    out = plait.empty(0)
    assert seeded.draw(4, out=out) is out and out.shape == (4, 2) and "seed=1" in repr(seeded)


def test_safe_globals_by_another_name():
    with plait.serialization.safe_globals([(collections.Counter, "elsewhere.Counter"), fractions.Fraction]):
        assert plait.serialization.get_safe_globals() == [collections.Counter, fractions.Fraction]


def test_operations_are_counted(capsys):
    layer = plait.nn.Linear(3, 4, bias=False)
    with plait.utils.flop_counter.FlopCounterMode() as counter:
        layer(plait.ones(2, 3)).sum().backward()
    counts = counter.get_flop_counts()["Global"]
    assert counter.get_total_flops() == sum(counts.values()) >= 2 * 48  # forward, and the weight's gradient
    assert counter.get_table() in capsys.readouterr().out
    with counter:
        pass
    assert counter.get_total_flops() == 0


def test_operations_are_counted_by_module():
    nn, counter_of = plait.nn, plait.utils.flop_counter.FlopCounterMode
    net = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Sequential(nn.Linear(4, 5)))
    counter = counter_of(display=False)
    with counter:
        net(plait.ones(2, 3)).sum().backward()
    totals = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    # Forward, the gradients of the weights, and that of the second layer's input.
    first, second = 2 * 2 * 3 * 4, 2 * 2 * 4 * 5
    assert totals == {
        "Global": 2 * first + 3 * second,
        "Sequential": 2 * first + 3 * second,
        "Sequential.0": 2 * first,
        "Sequential.2": 3 * second,
        "Sequential.2.0": 3 * second,
    }
    assert "Sequential.2 " in counter.get_table() and "Sequential.2.0" not in counter.get_table()
    assert "Sequential.2.0" in counter.get_table(3) and "Sequential" not in counter.get_table(0)
    assert "100.00%" in counter.get_table(0)
    with pytest.raises(ValueError, match="stop"), counter:
        net(plait.ones(2, 3))
        raise ValueError("stop")
    assert counter.get_total_flops() == first + second
    with pytest.warns(UserWarning, match="mods is not needed"):
        counter_of(net, depth=None, display=False)


def test_formulas_of_ops():
    @plait.library.custom_op("plait_tests::rows", mutates_args=())
    def rows(x: plait.Tensor, times: int) -> plait.Tensor:
        return (x @ x.t()).sum(1) * times

    flop_counter, seen = plait.utils.flop_counter, []

    def shapes(x, times, *, out_shape=None):
        seen.append((tuple(x), times, tuple(out_shape)))
        return 7

    def values(x, *rest, out_val, **more):
        return int(out_val.sum())

    values._get_raw = True
    mapping = {rows: shapes, plait.ops.aten.add.Tensor: values}
    layer = plait.nn.Identity()
    layer.register_forward_hook(lambda module, args, result: plait.add(result, result))
    with flop_counter.FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        plait.ops.plait_tests.rows(plait.ones(2, 3), 4)
        layer(plait.ones(5))
        plait.ones(2, 2) @ plait.ones(2, 2)
    assert seen == [((2, 3), 4, (2,))]  # and the product within does not count
    assert counter.get_flop_counts()["Global"] == {"plait_tests::rows": 7, "add": 10, "matmul": 16}
    with pytest.raises(TypeError, match="expected an op"):
        flop_counter.FlopCounterMode(custom_mapping={3: shapes})

    registered = flop_counter.register_flop_formula([rows])(shapes)
    assert registered(plait.ones(1), 1, out_val=plait.ones(1)) == 7
    with pytest.raises(RuntimeError, match="plait_tests::rows has a formula"):
        flop_counter.register_flop_formula(rows, get_raw=True)(values)
    with flop_counter.FlopCounterMode(display=False) as counter:
        rows(plait.ones(2, 3), 4)
    assert counter.get_flop_counts() == {"Global": {"plait_tests::rows": 7}}


def test_modules_are_tracked():
    nn, seen = plait.nn, []

    class Looks(nn.Module):
        def forward(self, x):
            look()
            y = x.tanh()
            y.register_hook(look)
            return y * 2

    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(Looks()))
    x = plait.ones(1, 2, requires_grad=True)
    with plait.utils.module_tracker.ModuleTracker() as tracker:
        assert tracker.parents == {"Global"} and not tracker.is_bw

        def look(grad=None):
            seen.append((sorted(tracker.parents), tracker.is_bw))

        h = net[0](x)
        y = net[1](h).sum()
        h.register_hook(look)  # its gradient leaves the one and comes to the other
        y.backward()
        inside = ["Global", "Sequential", "Sequential.0"]
        assert seen == [(inside, False), (inside, True), (["Global", "Linear"], True)]
        seen.clear()
        net(x).sum().backward()
        inside = ["Global", "Sequential", "Sequential.1", "Sequential.1.0"]
        assert seen == [(inside, False), (inside, True)]
        assert tracker.parents == {"Global"} and not tracker.is_bw
        with pytest.raises(TypeError):
            net("x")
        assert tracker.parents == {"Global"}
        with pytest.raises(RuntimeError):
            net[0](plait.ones(1, 3))
        assert tracker.parents == {"Global"}


def test_streams_and_events_have_no_device_in_their_names():
    assert plait.Stream is plait.cuda.Stream and plait.Event is plait.cuda.Event


def test_a_size_holds_ints():
    size = plait.Size([np.int64(2), plait.tensor(3), True])
    assert size == (2, 3, 1) and [type(n) for n in size] == [int, int, int] and size.numel() == 6
    assert size[1:] == (3, 1) and type(size + (4,)) is plait.Size and plait.Size() == () and pickle.loads(pickle.dumps(size)) == size
    for wrong in ([2.0], ["a"], [plait.tensor([1, 2])]):
        with pytest.raises(TypeError, match=r"Size: expected ints, got .* at position 0"):
            plait.Size(wrong)
