"""plait.nn.Module: attributes, registration, traversal, state, hooks, moving, containers, helpers."""

import copy
import gc
import pickle
import subprocess
import sys
import weakref

import numpy as np
import plait
import pytest
from plait import func, nn
from plait.nn import functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.bn = nn.BatchNorm1d(3)
        self.scale = nn.Parameter(plait.ones(3))
        self.register_buffer("steps", plait.zeros(1), persistent=False)

    def forward(self, x, shift=0.0):
        return self.bn(self.fc(x)) * self.scale + shift


KEYS = ["scale", "fc.weight", "fc.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"]
KEYS.append("bn.num_batches_tracked")


def array(t):
    return t.detach().numpy()


# ---- attributes and registration


def test_members_are_listed_in_order_and_once():
    net = Net()
    net.again = net.fc
    assert [name for name, _ in net.named_parameters()] == ["scale", *KEYS[1:5]]
    assert [name for name, _ in net.named_buffers()] == [
        "steps",
        "bn.running_mean",
        "bn.running_var",
        "bn.num_batches_tracked",
    ]
    assert [name for name, _ in net.named_modules()] == ["", "fc", "bn"]
    assert [name for name, _ in net.named_modules(remove_duplicate=False)] == ["", "fc", "bn", "again"]
    assert [name for name, _ in net.named_children()] == ["fc", "bn"]
    assert len(list(net.named_parameters(remove_duplicate=False))) == 7
    assert len(list(net.parameters(recurse=False))) == 1


def test_attributes_and_tables_stay_in_step():
    m = nn.Module()
    m.w = nn.Parameter(plait.ones(2))
    assert m._parameters["w"] is m.w and vars(m)["w"] is m.w
    other = nn.Parameter(plait.zeros(2))
    m._parameters["w"] = other
    assert m.w is other
    del m._parameters["w"]
    assert not hasattr(m, "w")
    m._buffers.update(b=plait.ones(1))
    assert m.b is m._buffers["b"]
    m.b = None
    assert m._buffers["b"] is None and m.b is None
    m._modules.setdefault("child", nn.ReLU())
    assert m._modules.pop("child") is not None and not hasattr(m, "child")
    m._parameters = {"v": other}
    assert m.v is other
    m._parameters.clear()
    assert not hasattr(m, "v")


def test_tables_of_ones_own():
    class Patched(nn.Linear):  # as libraries that give a module other weights do
        def __init__(self, weight):
            nn.Module.__init__(self)
            object.__setattr__(self, "_parameters", {"weight": weight, "bias": None})
            object.__setattr__(self, "_modules", {"child": nn.ReLU()})

        def __setattr__(self, name, value):
            object.__setattr__(self, name, value)

    weight = plait.ones(2, 3, requires_grad=True) * 2
    m = Patched(weight)
    assert m.weight is weight and m.bias is None and isinstance(m.child, nn.ReLU)
    m._parameters["weight"] = weight * 2
    assert m(plait.ones(3)).tolist() == [12.0, 12.0]
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        m.other
    plain = nn.Linear(2, 2)
    assert plain.__getattr__("weight") is plain.weight  # as GPyTorch asks


def test_hooks_of_a_class_with_getattr_of_its_own():
    class Strict(nn.ReLU):
        def __getattr__(self, name):
            raise AttributeError(name)

    seen, m = [], Strict()
    m.register_forward_hook(lambda *args: seen.append("forward"))
    m.register_forward_pre_hook(lambda *args: seen.append("before"))
    m.register_state_dict_pre_hook(lambda *args: seen.append("state"))
    m(plait.ones(1))
    m.state_dict()
    assert seen == ["before", "forward", "state"]


def test_an_attribute_can_change_its_kind():
    m = nn.Module()
    m.x = 3
    m.x = nn.Parameter(plait.ones(1))
    assert list(m._parameters) == ["x"]
    del m.x
    m.x = nn.ReLU()
    assert list(m._modules) == ["x"] and not m._parameters
    m.x = nn.Parameter(plait.ones(1))  # a module gives way to a parameter
    assert list(m._parameters) == ["x"] and not m._modules
    m.x = None
    assert m.x is None and list(m._parameters) == ["x"] and not list(m.parameters())
    m.y = plait.ones(1)  # a plain tensor is no member
    assert "y" not in m._buffers and m.y.shape == (1,)
    m.z = nn.Buffer(plait.ones(1), persistent=False)
    assert "z" in m._buffers and "z" not in m.state_dict()


def test_deleting():
    net = Net()
    del net.fc, net.scale, net.steps
    assert "fc" not in net._modules and "scale" not in net._parameters and "steps" not in net._buffers
    with pytest.raises(AttributeError):
        del net.fc


@pytest.mark.parametrize(
    ("act", "kind", "words"),
    [
        (lambda n: setattr(n, "scale", plait.ones(3)), TypeError, ["scale", "Parameter"]),
        (lambda n: setattr(n, "fc", 3), TypeError, ["fc", "nn.Module"]),
        (lambda n: setattr(n, "steps", 3), TypeError, ["steps", "Tensor"]),
        (lambda n: n.nope, AttributeError, ["Net", "nope"]),
        (lambda n: n.get_submodule("fc.x"), AttributeError, ["Linear", "x"]),
        (lambda n: n.get_parameter("fc.in_features"), AttributeError, ["in_features"]),
        (lambda n: n.register_parameter("a.b", None), KeyError, ["a.b"]),
        (lambda n: n.register_parameter("w", plait.ones(1)), TypeError, ["w", "Parameter"]),
        (lambda n: n.register_buffer("fc", plait.ones(1)), KeyError, ["fc", "exists"]),
        (lambda n: n.register_buffer("b", 3), TypeError, ["b", "Tensor"]),
        (lambda n: n.add_module("m", 3), TypeError, ["Module"]),
        (lambda n: n.train(3), ValueError, ["mode", "bool"]),
        (lambda n: n.to(plait.int64), TypeError, ["floating point"]),
        (lambda n: n.to(devise="cpu"), TypeError, ["devise"]),
        (lambda n: nn.Module()(1), NotImplementedError, ["Module", "forward"]),
        (lambda n: nn.Parameter(3), TypeError, ["Parameter", "int"]),
        (lambda n: n.state_dict({}), TypeError, ["state_dict", "keyword"]),
        (lambda n: n.load_state_dict(3), TypeError, ["dict-like", "int"]),
        (lambda n: F.reluu, AttributeError, ["reluu", "relu"]),
        (lambda n: nn.Module(3), TypeError, ["3", "super().__init__()"]),
    ],
)
def test_errors_say_what_was_expected(act, kind, words):
    with pytest.raises(kind) as caught:
        act(Net())
    for word in words:
        assert word in str(caught.value)


def test_forgotten_super_init_is_named():
    class Early(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(1, 1)

    class Never(nn.Module):
        def __init__(self):
            self.size = 3

    with pytest.raises(AttributeError, match=r"Early.*super\(\).__init__\(\)"):
        Early()
    with pytest.raises(AttributeError, match=r"Never.*super\(\).__init__\(\)"):
        list(Never().parameters())


def test_error_of_a_property_is_not_hidden():
    class Broken(nn.Module):
        @property
        def size(self):
            return self.fcc.in_features

    with pytest.raises(AttributeError, match="fcc"):
        _ = Broken().size


def test_a_computed_tensor_is_no_parameter():
    m = nn.Module()
    w = nn.Parameter(plait.ones(2))
    with pytest.raises(TypeError):
        m.register_parameter("w", w * 2)


def test_a_module_is_freed_with_its_last_reference():
    gc.collect()
    gc.disable()
    try:
        net = Net()
        seen = weakref.ref(net)
        del net
        assert seen() is None
    finally:
        gc.enable()


# ---- copies


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent_and_whole(duplicate):
    net = Net()
    net.tied = net.fc.weight
    twin = duplicate(net)
    assert twin.fc.weight is twin.tied and twin.fc.weight is twin.fc._parameters["weight"]
    assert type(twin.scale) is nn.Parameter and twin.scale.requires_grad
    with plait.no_grad():
        twin.fc.weight.fill_(7.0)
    assert not bool((net.fc.weight == 7.0).any())
    assert list(twin.state_dict()) == list(net.state_dict())
    assert twin.bn._non_persistent_buffers_set == set() and twin._non_persistent_buffers_set == {"steps"}
    x = plait.randn(5, 4)
    twin.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(array(twin.eval()(x)), array(net.eval()(x)))


def test_shallow_copy_shares_members():
    net = Net()
    twin = copy.copy(net)
    assert twin.fc is net.fc
    twin.fc = nn.Linear(4, 3)
    assert twin.fc is not net.fc


def test_parameter_copies():
    p = nn.Parameter(plait.arange(3.0), requires_grad=False)
    p.tag = [1]
    for q in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(q) is nn.Parameter and not q.requires_grad and q.tag == [1] and q.tag is not p.tag
        np.testing.assert_array_equal(array(q), [0, 1, 2])
    assert repr(p).startswith("Parameter containing:\ntensor([0., 1., 2.])")
    base = plait.zeros(2)
    q = nn.Parameter(base)
    with plait.no_grad():
        q.fill_(3.0)
    assert base.tolist() == [3.0, 3.0]  # it shares storage
    assert nn.Parameter().shape == (0,)
    assert type(q * 2) is plait.Tensor


# ---- state


def test_state_dict_keys_and_round_trip():
    a, b = Net(), Net()
    a(plait.randn(6, 4))
    state = a.state_dict()
    assert list(state) == KEYS
    assert not state["fc.weight"].requires_grad
    assert a.state_dict(keep_vars=True)["fc.weight"] is a.fc.weight
    assert str(b.load_state_dict(state)) == "<All keys matched successfully>"
    for key, value in b.state_dict().items():
        np.testing.assert_array_equal(array(value), array(state[key]))
    assert b.fc.weight.requires_grad and b.fc.weight.is_leaf
    assert list(a.state_dict(prefix="p."))[1] == "p.fc.weight"
    assert state._metadata["bn"]["version"] == 2


def test_load_state_dict_names_what_does_not_fit():
    net = Net()
    state = dict(net.state_dict())
    state["fc.weight"] = plait.zeros(2, 2)
    del state["scale"]
    state["extra.key"] = plait.zeros(1)
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert "loading state_dict for Net" in text
    assert 'Missing key(s) in state_dict: "scale"' in text
    assert 'Unexpected key(s) in state_dict: "extra.key"' in text
    assert "size mismatch for fc.weight" in text and "(2, 2)" in text and "(3, 4)" in text
    del state["fc.weight"]
    keys = net.load_state_dict(state, strict=False)
    assert keys.missing_keys == ["scale", "fc.weight"] and keys.unexpected_keys == ["extra.key"]
    missing, unexpected = keys
    assert (missing, unexpected) == (keys.missing_keys, keys.unexpected_keys)


def test_load_state_dict_hints_at_a_prefix():
    net = Net()
    state = {"module." + k: v for k, v in net.state_dict().items()}
    with pytest.raises(RuntimeError, match=r"begin with 'module\.'"):
        net.load_state_dict(state)


def test_load_state_dict_assign():
    net = Net()
    before = net.fc.weight
    state = Net().double().state_dict()
    net.load_state_dict(state, assign=True)
    assert net.fc.weight is not before and net.fc.weight.dtype == plait.float64
    assert type(net.fc.weight) is nn.Parameter and net.fc.weight.requires_grad
    assert net.bn.running_mean.dtype == plait.float64


def test_old_checkpoint_without_batch_counter():
    net = Net()
    state = dict(net.state_dict())
    del state["bn.num_batches_tracked"]
    net.load_state_dict(state)  # no metadata: version 0


def test_extra_state():
    class Extra(nn.Module):
        def __init__(self):
            super().__init__()
            self.n = 1

        def get_extra_state(self):
            return {"n": self.n}

        def set_extra_state(self, state):
            self.n = state["n"]

    a, b = nn.Sequential(Extra()), nn.Sequential(Extra())
    a[0].n = 5
    assert list(a.state_dict()) == ["0._extra_state"]
    b.load_state_dict(a.state_dict())
    assert b[0].n == 5
    with pytest.raises(RuntimeError, match="_extra_state"):
        b.load_state_dict({})


def test_state_dict_hooks():
    net, seen = Net(), []
    handles = [
        net.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append("pre")),
        net.register_state_dict_post_hook(lambda m, state, prefix, meta: state.__delitem__("scale")),
        net.register_load_state_dict_pre_hook(lambda m, state, prefix, *rest: seen.append("load pre")),
        net.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear()),
    ]
    state = net.state_dict()
    assert "scale" not in state
    assert net.load_state_dict(state).missing_keys == []
    assert seen == ["pre", "load pre"]
    for handle in handles:
        handle.remove()
    assert list(net.state_dict()) == KEYS
    net._register_state_dict_hook(lambda m, state, prefix, meta: {"only": plait.ones(1)})
    assert list(net.state_dict()) == ["only"]
    bad = nn.Linear(1, 1)
    bad.register_state_dict_post_hook(lambda m, state, prefix, meta: {})
    with pytest.raises(RuntimeError, match="must return None"):
        bad.state_dict()


class Renames(nn.Module):
    """Takes states from before its parameter had a name of its own."""

    def __init__(self):
        super().__init__()
        self.w, self.loads = nn.Parameter(plait.zeros(1)), 0
        self._register_load_state_dict_pre_hook(self.before_load)
        self.register_state_dict_post_hook(self.after_save)

    def before_load(self, state, prefix, *rest):
        self.loads += 1
        state["w"] = state.pop("old")

    @staticmethod
    def after_save(module, state, prefix, metadata):
        state["old"] = state.pop("w")


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_state_dict_hooks_of_their_own(duplicate):
    module = Renames()
    other = duplicate(module)
    other.load_state_dict({"old": plait.ones(1)})
    assert (other.loads, module.loads) == (1, 0) and list(other.state_dict()) == ["old"]


# ---- modes, moving, casting


def test_train_eval_requires_grad_zero_grad():
    net = Net()
    assert net.training and net.eval() is net and not net.bn.training
    net.train()
    assert net.bn.training
    net.requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    net.requires_grad_()
    net(plait.randn(3, 4)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(bool((p.grad == 0).all()) for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())


def test_casts_keep_the_parameter_objects():
    net = Net()
    net(plait.randn(3, 4)).sum().backward()
    weight = net.fc.weight
    assert net.double() is net and net.fc.weight is weight
    assert weight.dtype == plait.float64 and weight.grad.dtype == plait.float64
    assert net.bn.running_mean.dtype == plait.float64 and net.bn.num_batches_tracked.dtype == plait.int64
    assert net(plait.randn(3, 4, dtype=plait.float64)).dtype == plait.float64
    assert net.half().fc.weight.dtype == plait.float16
    assert net.bfloat16().fc.weight.dtype == plait.bfloat16
    assert net.to("cpu", plait.float32).fc.weight.dtype == plait.float32
    assert net.to(plait.zeros(1, dtype=plait.float64)).fc.weight.dtype == plait.float64
    assert net.to(dtype=plait.float32).cpu().fc.weight.dtype == plait.float32
    assert net.type(plait.float64).bn.num_batches_tracked.dtype == plait.float64


def test_apply_visits_children_first():
    seen = []
    net = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.ReLU()))
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_submodules_by_path():
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3)))
    assert net.get_submodule("0.0") is net[0][0] and net.get_submodule("") is net
    assert net.get_parameter("0.0.bias") is net[0][0].bias
    net.set_submodule("0.0", nn.ReLU())
    assert isinstance(net[0][0], nn.ReLU)
    bn = nn.BatchNorm1d(2)
    assert bn.get_buffer("running_var") is bn.running_var


# ---- hooks


def test_forward_hooks():
    net, seen = Net().eval(), []
    x = plait.randn(2, 4)
    plain = array(net(x))
    handles = [
        net.register_forward_pre_hook(lambda m, args: (args[0] * 2,)),
        net.register_forward_pre_hook(
            lambda m, args, kwargs: ((args[0] / 2,), {"shift": 1.0}), with_kwargs=True
        ),
        net.register_forward_hook(lambda m, args, out: seen.append("second")),
        net.register_forward_hook(lambda m, args, out: seen.append("first"), prepend=True),
        net.register_forward_hook(lambda m, args, kwargs, out: out + kwargs["shift"], with_kwargs=True),
    ]
    np.testing.assert_allclose(array(net(x)), plain + 2.0, rtol=1e-6)
    assert seen == ["first", "second"]
    for handle in handles:
        handle.remove()
    np.testing.assert_array_equal(array(net(x)), plain)
    with net.register_forward_hook(lambda m, args, out: out * 0):
        assert bool((net(x) == 0).all())
    np.testing.assert_array_equal(array(net(x)), plain)
    net.register_forward_pre_hook(lambda m, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="tuple"):
        net(x)


def test_hook_that_is_always_called():
    class Fails(nn.Module):
        def forward(self, x):
            raise ZeroDivisionError

    m, seen = Fails(), []
    m.register_forward_hook(lambda *a: seen.append("never"))
    m.register_forward_hook(lambda m, args, out: seen.append(out), always_call=True)
    with pytest.raises(ZeroDivisionError):
        m(1)
    assert seen == [None]


def test_hooks_of_all_modules():
    seen = []
    net = nn.Sequential(nn.ReLU())
    handles = [
        nn.register_module_forward_pre_hook(lambda m, args: seen.append("pre " + type(m).__name__)),
        nn.register_module_forward_hook(lambda m, args, out: seen.append(type(m).__name__)),
    ]
    net(plait.ones(1))
    for handle in handles:
        handle.remove()
    net(plait.ones(1))
    assert seen == ["pre Sequential", "pre ReLU", "ReLU", "Sequential"]


def test_backward_hooks_see_and_change_gradients():
    m, seen = nn.Linear(3, 2), []
    x = plait.randn(4, 3, requires_grad=True)
    m(x).sum().backward()
    grad_x, grad_w = array(x.grad).copy(), array(m.weight.grad).copy()
    x.grad = None
    m.zero_grad()

    def after(module, grad_input, grad_output):
        seen.append((module, grad_input[0].shape, array(grad_output[0])))
        return (grad_input[0] * 3,)

    handles = [
        m.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,)),
        m.register_full_backward_hook(after),
    ]
    m(x).sum().backward()
    assert seen[0][0] is m and seen[0][1] == (4, 3)
    np.testing.assert_array_equal(seen[0][2], np.full((4, 2), 2.0, np.float32))
    np.testing.assert_allclose(array(x.grad), grad_x * 6, rtol=1e-6)
    np.testing.assert_allclose(array(m.weight.grad), grad_w * 2, rtol=1e-6)
    for handle in handles:
        handle.remove()
    x.grad = None
    m(x).sum().backward()
    np.testing.assert_allclose(array(x.grad), grad_x, rtol=1e-6)


def test_backward_hook_without_input_gradient():
    m, seen = nn.Linear(3, 2), []
    m.register_full_backward_hook(lambda *args: seen.append(args))
    m(plait.randn(4, 3)).sum().backward()
    assert len(seen) == 1 and seen[0][1] == (None,) and seen[0][2][0].shape == (4, 2)
    with m.register_full_backward_hook(lambda module, grad_input, grad_output: grad_input):
        m(plait.randn(4, 3)).sum().backward()  # nothing is replaced
    with m.register_full_backward_hook(lambda module, grad_input, grad_output: grad_output):
        with pytest.raises(RuntimeError, match="no input requires grad"):
            m(plait.randn(4, 3)).sum().backward()
    seen.clear()
    m(plait.randn(4, 3)).sum().backward()
    with plait.no_grad():
        m(plait.randn(4, 3))
    assert len(seen) == 1
    with pytest.raises(NotImplementedError, match="register_full_backward_hook"):
        m.register_backward_hook(print)


# ---- containers


def test_sequential():
    a, b, c = nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)
    net = nn.Sequential(a, b, c)
    assert len(net) == 3 and net[0] is a and net[-1] is c and list(net) == [a, b, c]
    assert isinstance(net[:2], nn.Sequential) and list(net[1:]) == [b, c]
    net.insert(1, nn.Tanh())
    assert [type(m).__name__ for m in net] == ["Linear", "Tanh", "ReLU", "Linear"]
    del net[1]
    assert list(net._modules) == ["0", "1", "2"]
    assert net.pop(1) is b and list(net) == [a, c]
    net.append(b).extend([nn.Identity()])
    assert len(net) == 4 and len(net + nn.Sequential(b)) == 5 and len(nn.Sequential(b) * 3) == 3
    net[0] = b
    assert net[0] is b
    named = nn.Sequential({"first": a, "act": b})
    assert list(named.state_dict()) == ["first.weight", "first.bias"] and named.act is b
    with pytest.raises(IndexError, match="5"):
        net[5]
    with pytest.raises(TypeError, match="int"):
        nn.Sequential(a, 3)


def test_sequential_repr():
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.ReLU())) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): ReLU()\n)"
    )
    assert repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])) == (
        "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    )
    assert repr(nn.Module()) == "Module()"


def test_module_list_and_dict():
    layers = nn.ModuleList([nn.Linear(1, 1)])
    layers.append(nn.ReLU()).extend([nn.Tanh()]).insert(0, nn.Identity())
    assert [type(m).__name__ for m in layers] == ["Identity", "Linear", "ReLU", "Tanh"]
    assert isinstance(layers[1:3], nn.ModuleList) and list(layers.state_dict()) == ["1.weight", "1.bias"]
    del layers[0]
    assert list(layers.state_dict()) == ["0.weight", "0.bias"]
    assert len(layers + [nn.ReLU()]) == 4
    with pytest.raises(NotImplementedError):
        layers(1)
    table = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    table["c"] = nn.Tanh()
    assert list(table) == ["a", "b", "c"] and "b" in table and len(table) == 3
    table.pop("a")
    del table["c"]
    assert list(table.keys()) == ["b"] and list(table.state_dict()) == ["b.weight", "b.bias"]


def test_parameter_containers():
    p = nn.ParameterList([plait.ones(2), nn.Parameter(plait.ones(3))])
    assert all(isinstance(q, nn.Parameter) for q in p) and list(p.state_dict()) == ["0", "1"]
    p += [plait.ones(1)]
    p[0] = plait.zeros(2)
    assert len(p) == 3 and p[-1].shape == (1,) and len(p[:2]) == 2
    with pytest.raises(IndexError):
        p[3]
    d = nn.ParameterDict({"w": plait.ones(2)})
    d["v"] = plait.ones(1)
    d.update({"u": plait.ones(4)})
    assert list(d) == ["w", "v", "u"] and sorted(d.state_dict()) == ["u", "v", "w"]
    assert d.pop("v").shape == (1,) and "v" not in d and len(d) == 2
    assert d.get("v") is None and d.setdefault("z", plait.ones(1)) is d["z"]
    twin = copy.deepcopy(d)
    assert list(twin) == list(d) and twin["w"] is not d["w"]
    with pytest.raises(KeyError):
        d["nope"]
    with pytest.raises(RuntimeError, match="should not be called"):
        d(1)


# ---- utils


def test_clip_grad_norm():
    a, b = nn.Parameter(plait.zeros(2)), nn.Parameter(plait.zeros(1))
    a.grad, b.grad = plait.tensor([3.0, 0.0]), plait.tensor([4.0])
    for order, norm in ((2.0, 5.0), (1.0, 7.0), (float("inf"), 4.0)):
        total = nn.utils.clip_grad_norm_([a, b], 100.0, norm_type=order)
        assert total.item() == pytest.approx(norm) and a.grad.tolist() == [3.0, 0.0]
    nn.utils.clip_grad_norm_(iter([a, b]), 1.0)
    np.testing.assert_allclose(a.grad.tolist() + b.grad.tolist(), [0.6, 0.0, 0.8], rtol=1e-5)
    nn.utils.clip_grad_value_([a, b], 0.5)
    np.testing.assert_allclose(a.grad.tolist() + b.grad.tolist(), [0.5, 0.0, 0.5], rtol=1e-5)
    a.grad = plait.tensor([float("nan"), 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_([a], 1.0, error_if_nonfinite=True)
    assert nn.utils.clip_grad_norm_([nn.Parameter(plait.zeros(1))], 1.0).item() == 0.0


def test_parameters_as_one_vector():
    net = nn.Linear(3, 2)
    flat = nn.utils.parameters_to_vector(net.parameters())
    assert flat.shape == (8,)
    weight = net.weight
    nn.utils.vector_to_parameters(plait.arange(8.0), net.parameters())
    assert net.weight is weight and array(weight).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert array(net.bias).tolist() == [6, 7]
    with pytest.raises(ValueError, match=r"\(8,\)"):
        nn.utils.vector_to_parameters(plait.zeros(7), net.parameters())


def test_functional_call():
    net = nn.Sequential(nn.Linear(2, 1, bias=False))
    before = net[0].weight
    w = plait.tensor([[2.0, 3.0]], requires_grad=True)
    out = nn.utils.functional_call(net, {"0.weight": w}, plait.ones(1, 2))
    assert out.item() == 5.0 and net[0].weight is before
    out.backward()
    assert w.grad.tolist() == [[1.0, 1.0]] and before.grad is None
    for unknown in ("nope.weight", "training"):
        with pytest.raises(KeyError, match=unknown):
            nn.utils.functional_call(net, {unknown: w}, plait.ones(1, 2))
    with pytest.raises(KeyError, match="nope"):
        nn.utils.functional_call(net, {"0.weight": w, "nope": w}, plait.ones(1, 2), strict=True)


def test_functional_call_of_names_that_are_no_parameters():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = plait.ones(2)

        def forward(self, x):
            return x * self.scale + getattr(self, "shift", 0)

    net = Scaled()
    given = {"scale": plait.tensor([2.0, 3.0]), "shift": plait.ones(2)}
    assert func.functional_call(net, given, plait.ones(2)).tolist() == [3.0, 4.0]
    assert net.scale.tolist() == [1.0, 1.0] and not hasattr(net, "shift")


def test_functional_call_returns_what_the_module_assigns():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", plait.zeros(()))

        def forward(self):
            self.count = self.count + 1

    net, given = Counter(), {"count": plait.tensor(4.0)}
    func.functional_call(net, given, ())
    assert given["count"].item() == 5 and net.count.item() == 0


def test_functional_call_of_tied_parameters():
    one = nn.Linear(1, 1)
    net = nn.Sequential(one, one)
    given = {"0.weight": plait.full((1, 1), 3.0), "0.bias": plait.zeros(1)}
    assert func.functional_call(net, given, plait.ones(1, 1), strict=True).item() == 9
    with pytest.raises(KeyError, match=r"1\.weight"):
        func.functional_call(net, given, plait.ones(1, 1), strict=True, tie_weights=False)
    with pytest.raises(ValueError, match=r"0\.bias"):
        func.functional_call(net, given | {"1.bias": plait.ones(1)}, plait.ones(1, 1))
    assert func.functional_call(net, given | {"1.bias": given["0.bias"]}, plait.ones(1, 1)).item() == 9


def test_functional_call_of_modules_that_hold_each_other():
    net = nn.Sequential(nn.Linear(1, 1, bias=False))
    net[0].above = net
    for name in ("0.weight", "0.above.0.weight"):
        assert func.functional_call(net, {name: plait.full((1, 1), 3.0)}, plait.ones(1, 1)).item() == 3


def test_import_is_light():
    code = "import sys, plait.nn; print({'numpy', 'typing', 'inspect', 'dataclasses'} & {*sys.modules})"
    out = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, env=_path_env())
    assert out.returncode == 0, out.stderr
    assert out.stdout.strip() == "set()"


def _path_env():
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


def test_examples_in_docstrings():
    import doctest
    import importlib
    import pkgutil

    failed, tried = 0, 0
    for info in [*pkgutil.walk_packages(nn.__path__, "plait.nn.")]:
        module = importlib.import_module(info.name)
        result = doctest.testmod(
            module, extraglobs={"plait": plait}, optionflags=doctest.NORMALIZE_WHITESPACE
        )
        failed, tried = failed + result.failed, tried + result.attempted
    assert failed == 0 and tried > 100


def test_every_layer_is_found_where_the_table_says():
    from importlib import import_module

    from plait.nn import modules

    homes = modules._HOMES
    families = {family: [n for n, f in homes.items() if f == family] for family in homes.values()}
    for family, names in families.items():
        module = import_module(f"plait.nn.modules.{family}")
        assert sorted(module.__all__) == sorted(names)
        assert all(getattr(nn, name) is getattr(module, name) for name in names)
    with pytest.raises(AttributeError, match="Linear"):
        _ = nn.Linea
    assert {"Linear", "functional", "Parameter"} <= {*dir(nn)}


@pytest.mark.parametrize("shape", [(2, 3, 0), (0, 3, 4)])
def test_normalisation_of_nothing(shape):
    """The kernels write no statistics that they have no elements for: what lay in that memory must not come out."""
    for trash in (7.0, float("nan")):
        x = plait.zeros(shape, requires_grad=True)
        w, b = plait.ones(3, requires_grad=True), plait.zeros(3, requires_grad=True)
        for name, args in {
            "_group_norm": (x, 3, w, b, 0.1),
            "_batch_norm": (x, w, b, 0.1),
            "_layer_norm": (plait.zeros(5, 0, 3), 2, None, None, 0.1, True),
        }.items():
            before = [plait.full((n,), trash) for n in (2, 3, 5, 6) for _ in range(20)]
            del before
            out, *statistics = plait._C.ops[name](*args)
            assert out.numel() == 0
            assert all(bool((s == 0).all()) for s in statistics), name
            for grad in plait.autograd.grad(out.sum(), (w, b)) if out.requires_grad else ():
                assert grad.tolist() == [0, 0, 0], name
