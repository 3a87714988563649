"""The Tensor type as a Python object: printing, copying, pickling, attributes, identity, protocols."""

import copy
import gc
import math
import pickle
import struct
import weakref

import numpy as np
import plait
import pytest
from opinfo.core import ALL, COMPLEX, FLOATS, INTS

PRINTED = [
    (lambda: plait.tensor([1.0, 2.5, -3.0]), "tensor([ 1.0000,  2.5000, -3.0000])"),
    (lambda: plait.tensor([1.0, 2.0]), "tensor([1., 2.])"),
    (lambda: plait.tensor(3.5), "tensor(3.5000)"),
    (lambda: plait.tensor(7), "tensor(7)"),
    (lambda: plait.tensor([1, -20, 3]), "tensor([  1, -20,   3])"),
    (lambda: plait.tensor([[1, 2], [3, 4]]), "tensor([[1, 2],\n        [3, 4]])"),
    (lambda: plait.tensor([True, False]), "tensor([ True, False])"),
    (lambda: plait.tensor([1.0, 2.0], dtype=plait.float64), "tensor([1., 2.], dtype=plait.float64)"),
    (lambda: plait.tensor([1, 2], dtype=plait.int8), "tensor([1, 2], dtype=plait.int8)"),
    (lambda: plait.tensor([1e-8, 1.0]), "tensor([1.0000e-08, 1.0000e+00])"),
    (lambda: plait.tensor([float("nan"), float("inf"), 1.0]), "tensor([nan, inf, 1.])"),
    (lambda: plait.tensor([]), "tensor([])"),
    (lambda: plait.zeros((0, 3)), "tensor([], size=(0, 3))"),
    (lambda: plait.tensor([1.0], requires_grad=True), "tensor([1.], requires_grad=True)"),
    (lambda: plait.tensor([1 + 2j]), "tensor([1.+2.j])"),
    (lambda: plait.tensor([0.1, 123456.0]), "tensor([1.0000e-01, 1.2346e+05])"),
    (lambda: plait.tensor([1.0, 1e5]), "tensor([1.0000e+00, 1.0000e+05])"),
    (lambda: plait.arange(2000), "tensor([   0,    1,    2,  ..., 1997, 1998, 1999])"),
    (lambda: plait.zeros(25), "tensor([" + "0., " * 23 + "0.,\n        0.])"),
    (
        lambda: plait.tensor([1 + 2j, -1.5 - 3j]).repeat(3),
        "tensor([ 1.0000+2.j, -1.5000-3.j,  1.0000+2.j, -1.5000-3.j,  1.0000+2.j,\n        -1.5000-3.j])",
    ),
]


@pytest.mark.parametrize(("make", "text"), PRINTED, ids=[t for _, t in PRINTED])
def test_repr(make, text):
    assert repr(make()) == text.replace("plait.", plait.float64.__repr__().rpartition(".")[0] + ".")


def test_repr_of_large_tensors_is_short():
    text = repr(plait.arange(10_000_000))
    assert "..." in text and len(text) < 200
    assert len(repr(plait.zeros((50, 50, 50)))) < 5000


def test_repr_names_the_node():
    x = plait.tensor([1.0], requires_grad=True)
    assert "grad_fn=<" in repr(x * 2) and "mul" in repr(x * 2).lower()


def test_str_and_format():
    assert str(plait.tensor([1.0])) == repr(plait.tensor([1.0]))
    assert f"{plait.tensor(2.5):.3f}" == "2.500"
    assert f"{plait.tensor([1])}" == "tensor([1])"


def test_attributes_of_shape():
    x = plait.zeros((2, 3, 4))
    assert x.shape == (2, 3, 4) and isinstance(x.shape, plait.Size) and isinstance(x.shape, tuple)
    assert x.size() == x.shape and x.size(1) == 3 and x.size(-1) == 4
    assert x.ndim == x.dim() == 3 and x.numel() == 24 and x.shape.numel() == 24 and len(x) == 2
    assert x.stride() == (12, 4, 1) and x.stride(0) == 12 and x.storage_offset() == 0
    assert x.itemsize == x.element_size() == 4 and x.nbytes == 96
    assert x.device == plait.device("cpu") and x.device.type == "cpu"
    assert x.dtype is plait.float32 and x.is_floating_point() and not x.is_complex()
    assert repr(x.shape).endswith("Size([2, 3, 4])")
    assert x.T is not None and x.layout is not None if hasattr(plait, "strided") else True


def test_conversion_to_python():
    assert plait.tensor(3).item() == 3 and isinstance(plait.tensor(3).item(), int)
    assert plait.tensor([[2.5]]).item() == 2.5
    assert plait.tensor(True).item() is True
    assert plait.tensor(1 + 2j).item() == 1 + 2j
    with pytest.raises((RuntimeError, ValueError), match=r"(?i)2 elements|one element|single|scalar"):
        plait.tensor([1, 2]).item()
    assert float(plait.tensor(2)) == 2.0 and int(plait.tensor(2.7)) == 2 and complex(plait.tensor(1)) == 1
    assert bool(plait.tensor([0.0])) is False and bool(plait.tensor(2))
    with pytest.raises((RuntimeError, ValueError), match=r"(?i)ambiguous"):
        bool(plait.tensor([1, 2]))
    assert [10, 20, 30][plait.tensor(1)] == 20
    with pytest.raises(TypeError):
        [1, 2][plait.tensor(1.0)]
    assert math.sqrt(plait.tensor(4.0)) == 2.0
    assert plait.tensor([[1, 2], [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert (
        plait.tensor(5).tolist() == 5
        and plait.zeros((0, 2)).tolist() == []
        and plait.zeros((2, 0)).tolist() == [[], []]
    )


def test_iteration_and_membership():
    rows = list(plait.tensor([[1, 2], [3, 4]]))
    assert [r.tolist() for r in rows] == [[1, 2], [3, 4]]
    with pytest.raises(TypeError, match="0-d"):
        iter(plait.tensor(1))
    with pytest.raises(TypeError, match="0-d"):
        len(plait.tensor(1))
    assert 3 in plait.tensor([1, 3]) and 4 not in plait.tensor([1, 3])
    a, b = plait.tensor([5, 6])
    assert (a.item(), b.item()) == (5, 6)
    assert [t.item() for t in reversed(plait.tensor([1, 2, 3]))] == [3, 2, 1]


def test_hash_and_identity():
    a, b = plait.tensor([1]), plait.tensor([1])
    assert hash(a) != hash(b) and len({a, b, a}) == 2
    assert {a: 1}[a] == 1


def test_operators():
    a, b = plait.tensor([7, -7]), plait.tensor([2, 2])
    assert (a + b).tolist() == [9, -5] and (a - b).tolist() == [5, -9] and (a * b).tolist() == [14, -14]
    assert (a / b).tolist() == [3.5, -3.5] and (a // b).tolist() == [3, -4] and (a % b).tolist() == [1, 1]
    assert (
        (b**3).tolist() == [8, 8]
        and (2**b).tolist() == [4, 4]
        and (-a).tolist() == [-7, 7]
        and (+a).tolist() == [7, -7]
    )
    assert (
        (10 - b).tolist() == [8, 8]
        and (1 / b).tolist() == [0.5, 0.5]
        and (7 // b).tolist() == [3, 3]
        and (7 % b).tolist() == [1, 1]
    )
    assert (
        abs(a).tolist() == [7, 7]
        and (~plait.tensor([True])).tolist() == [False]
        and (~b).tolist() == [-3, -3]
    )
    assert (a & 3).tolist() == [3, 1] and (a | 8).tolist() == [15, -7] and (a ^ b).tolist() == [5, -5]
    assert (b << 2).tolist() == [8, 8] and (a >> 1).tolist() == [3, -4] and (3 & b).tolist() == [2, 2]
    assert (
        (a > b).tolist() == [True, False]
        and (a == 7).tolist() == [True, False]
        and (a != 7).tolist() == [False, True]
    )
    assert (plait.eye(2) @ plait.ones(2)).tolist() == [1, 1]
    assert (a == None).__class__ is bool if (a == None) is False else True  # noqa: E711
    c = a
    c += 1
    c *= 2
    c -= 1
    c //= 3
    assert c is a and a.tolist() == [5, -5]
    with pytest.raises(RuntimeError):
        c /= 2  # a float result does not fit an integer tensor
    with pytest.raises(TypeError):
        a + "text"
    with pytest.raises(TypeError):
        a + object()


def test_operators_defer():
    class Other:
        def __radd__(self, x):
            return "radd"

        def __rmatmul__(self, x):
            return "rmatmul"

        def __eq__(self, x):
            return "eq"

    assert plait.ones(1) + Other() == "radd" and plait.ones(1) @ Other() == "rmatmul"


@pytest.mark.parametrize("dtype", ALL)
def test_pickle_every_dtype(dtype):
    x = plait.tensor([0, 1, 1], dtype=getattr(plait, dtype))
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        y = pickle.loads(pickle.dumps(x, protocol))
        assert y.dtype is x.dtype and y.tolist() == x.tolist()


def test_pickle_keeps_what_belongs_to_a_tensor():
    x = plait.arange(6.0).reshape(2, 3).requires_grad_()
    x.name_tag = "mine"
    y = pickle.loads(pickle.dumps(x))
    assert y.requires_grad and y.name_tag == "mine" and y.tolist() == x.tolist()
    t = pickle.loads(pickle.dumps(plait.arange(6).reshape(2, 3).t()))
    assert t.shape == (3, 2) and t.tolist() == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(RuntimeError, match=r"(?i)leaf|leaves|graph"):
        copy.deepcopy(x * 2)
    for thing in (plait.float32, plait.device("cpu"), plait.Size([1, 2])):
        again = pickle.loads(pickle.dumps(thing))
        assert again == thing and type(again) is type(thing)
    assert pickle.loads(pickle.dumps(plait.float32)) is plait.float32
    assert copy.deepcopy(plait.int8) is plait.int8


def test_views_of_one_storage_stay_together_in_deepcopy():
    a = plait.arange(6)
    b = a[2:]
    a2, b2 = copy.deepcopy([a, b])
    b2[0] = 100
    assert a2.tolist() == [0, 1, 100, 3, 4, 5] and a.tolist() == [0, 1, 2, 3, 4, 5]


def test_copy_and_deepcopy():
    x = plait.tensor([1.0, 2.0], requires_grad=True)
    x.sum().backward()
    shallow, deep = copy.copy(x), copy.deepcopy(x)
    assert shallow.data_ptr() == x.data_ptr() and deep.data_ptr() != x.data_ptr()
    assert deep.requires_grad and deep.is_leaf and deep.grad.tolist() == [1, 1] and deep.grad is not x.grad
    assert copy.deepcopy([x, x])[0] is not x
    twice = copy.deepcopy([x, x])
    assert twice[0] is twice[1]


def test_attributes_are_kept():
    x = plait.ones(2)
    x.note = [1]
    assert x.note == [1] and "note" in x.__dict__
    holder = [x]
    del x
    gc.collect()
    assert holder[0].note == [1]
    with pytest.raises(AttributeError, match="nothing_like_this"):
        holder[0].nothing_like_this
    with pytest.raises(AttributeError):
        holder[0].shape = (1,)


def test_a_tensor_that_only_the_graph_holds_keeps_its_attributes():
    x = plait.ones(2, requires_grad=True)
    x.note = "kept"
    y = x * 2
    del x
    gc.collect()
    variable = y.grad_fn.next_functions[0][0].variable
    assert variable.note == "kept" and variable.requires_grad


def test_weak_references():
    x = plait.ones(2)
    seen = []
    ref = weakref.ref(x, lambda r: seen.append(1))
    assert ref() is x
    del x
    gc.collect()
    assert ref() is None and seen == [1]


def test_a_weak_reference_finds_what_only_another_tensor_holds():
    holder, x = plait.ones(2), plait.tensor([1.0, 2.0])
    x.note = "kept"
    ref = weakref.ref(x)
    for _ in range(3):  # the tensor lives on through whoever holds it last
        holder.grad = x
        del x
        gc.collect()
        x = ref()
        holder.grad = None
        assert x.tolist() == [1, 2] and x.note == "kept" and (x + 1).tolist() == [2, 3]
        gc.collect()
        assert ref() is x
    holder.grad = x
    del x
    x = ref()
    del holder
    assert x.sigmoid().shape == (2,)
    del x
    gc.collect()
    assert ref() is None


def test_cycles_are_collected():
    x = plait.ones(2)
    x.me = x
    ref = weakref.ref(x)
    del x
    gc.collect()
    assert ref() is None

    x = plait.ones(2, requires_grad=True)
    y = x * 2
    x.result = y  # x -> y -> node -> x
    ref = weakref.ref(x)
    del x, y
    gc.collect()
    assert ref() is None


def test_no_tensor_is_leaked_by_ops():
    def work():
        x = plait.ones(50, requires_grad=True)
        y = (x * 2).exp().sum()
        y.backward()
        x.register_hook(lambda g: g)
        return repr(x.grad)

    work()
    gc.collect()
    before = sum(isinstance(o, plait.Tensor) for o in gc.get_objects())
    for _ in range(50):
        work()
    gc.collect()
    assert sum(isinstance(o, plait.Tensor) for o in gc.get_objects()) <= before


class Tagged(plait.Tensor):
    def hello(self):
        return "hello"


def test_subclasses():
    t = plait.ones(3).as_subclass(Tagged)
    assert isinstance(t, Tagged) and t.hello() == "hello" and t.sum().item() == 3
    t.extra = 1
    assert pickle.loads(pickle.dumps(t)).tolist() == [1, 1, 1]
    p = plait.nn.Parameter(plait.ones(2))
    assert isinstance(p, plait.Tensor) and p.requires_grad and p.is_leaf and type(p * 2) is plait.Tensor
    assert isinstance(copy.deepcopy(p), plait.nn.Parameter) and isinstance(
        pickle.loads(pickle.dumps(p)), plait.nn.Parameter
    )
    assert "Parameter" in repr(p)


# ---- constructors --------------------------------------------------------------------------------


def test_tensor_infers_the_dtype():
    for value, dtype in [
        (1, plait.int64),
        (1.0, plait.float32),
        (True, plait.bool),
        (1j, plait.complex64),
        ([1, 2.0], plait.float32),
        ([], plait.float32),
        ([True, 2], plait.int64),
        ([[1], [2]], plait.int64),
        ((1, 2), plait.int64),
        (range(3), plait.int64),
        (np.float64(1), plait.float64),
        (np.array([1], np.int16), plait.int16),
    ]:
        assert plait.tensor(value).dtype is dtype, value
    assert plait.tensor([plait.tensor(1), plait.tensor(2)]).tolist() == [1, 2]
    assert plait.tensor([np.float32(1.5), 2]).tolist() == [1.5, 2]


@pytest.mark.parametrize(
    "bad", [[[1, 2], [3]], [1, [2]], ["text"], "text", {}, [None], None, [[1], 2], object()]
)
def test_tensor_refuses(bad):
    with pytest.raises((TypeError, ValueError)):
        plait.tensor(bad)


def test_numbers_out_of_range():
    with pytest.raises((OverflowError, RuntimeError, ValueError)):
        plait.tensor(2**70)
    with pytest.raises((OverflowError, RuntimeError, ValueError, TypeError)):
        plait.tensor(300, dtype=plait.uint8)
    assert plait.tensor(2**63 - 1).item() == 2**63 - 1


def test_deep_and_recursive_lists():
    deep = [1]
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises((ValueError, RuntimeError, RecursionError, TypeError)):
        plait.tensor(deep)
    loop = []
    loop.append(loop)
    with pytest.raises((ValueError, RuntimeError, RecursionError, TypeError)):
        plait.tensor(loop)
    while isinstance(deep, list) and deep and isinstance(deep[0], list):
        deep = deep.pop()  # taken apart without recursion


def test_as_tensor_shares():
    x = plait.ones(2)
    assert plait.as_tensor(x) is x
    a = np.zeros(3, np.float32)
    plait.as_tensor(a)[0] = 5
    assert a[0] == 5
    plait.tensor(a)[1] = 5
    assert a[1] == 0, "tensor() copies"


def test_to():
    x = plait.ones(2)
    assert x.to(plait.float32) is x and x.to("cpu") is x and x.to(plait.device("cpu"), plait.float32) is x
    assert (
        x.to(plait.int64).dtype is plait.int64
        and x.to(plait.zeros(1, dtype=plait.float64)).dtype is plait.float64
    )
    assert x.to(plait.float32, copy=True) is not x
    for name, dtype in [
        ("float", "float32"),
        ("double", "float64"),
        ("half", "float16"),
        ("bfloat16", "bfloat16"),
        ("int", "int32"),
        ("long", "int64"),
        ("bool", "bool"),
        ("short", "int16"),
        ("char", "int8"),
        ("byte", "uint8"),
    ]:
        assert getattr(x, name)().dtype is getattr(plait, dtype)
    assert x.type_as(plait.zeros(1, dtype=plait.int8)).dtype is plait.int8
    assert plait.tensor([1.5, -1.5, 300.0]).to(plait.int16).tolist() == [1, -1, 300]


def test_finfo_and_iinfo():
    for name in FLOATS:
        info = plait.finfo(getattr(plait, name))
        if name != "bfloat16":
            ours, theirs = (info.eps, info.max, info.tiny, info.bits), np.finfo(name)
            assert ours == (float(theirs.eps), float(theirs.max), float(theirs.tiny), theirs.bits)
    assert plait.finfo(plait.bfloat16).eps == 2**-7
    for name in INTS:
        info = plait.iinfo(getattr(plait, name))
        assert (info.min, info.max, info.bits) == (
            np.iinfo(name).min,
            np.iinfo(name).max,
            np.iinfo(name).bits,
        )
    with pytest.raises(TypeError):
        plait.iinfo(plait.float32)


def test_dtypes():
    for name in ALL:
        dtype = getattr(plait, name)
        assert (
            repr(dtype).endswith("." + name)
            and dtype.is_floating_point == (name in FLOATS)
            and dtype.is_complex == (name in COMPLEX)
        )
    assert (
        plait.float is plait.float32
        and plait.double is plait.float64
        and plait.long is plait.int64
        and plait.half is plait.float16
    )
    assert plait.promote_types(plait.int8, plait.uint8) is plait.int16
    assert plait.result_type(plait.ones(1), 2.0) is plait.float32
    assert plait.can_cast(plait.int64, plait.float32) and not plait.can_cast(plait.float32, plait.int64)


def test_default_dtype():
    assert plait.get_default_dtype() is plait.float32
    plait.set_default_dtype(plait.float64)
    try:
        assert plait.ones(1).dtype is plait.float64 and plait.tensor([1.0]).dtype is plait.float64
        assert (plait.tensor([1]) / 2).dtype is plait.float64 and plait.tensor([1j]).dtype is plait.complex128
    finally:
        plait.set_default_dtype(plait.float32)
    with pytest.raises(TypeError):
        plait.set_default_dtype(plait.int64)


def test_promotion_table():
    from opinfo.core import T
    from opinfo.promote import promote, result_type

    for a in ALL:
        for b in ALL:
            if {a, b} & set(COMPLEX) and {a, b} & {"float16"}:
                continue  # PyTorch has a 32-bit complex type there
            assert plait.promote_types(getattr(plait, a), getattr(plait, b)) is getattr(
                plait, promote(a, b)
            ), (a, b)
            x, y = plait.ones(2, dtype=getattr(plait, a)), plait.ones((), dtype=getattr(plait, b))
            want = result_type([T([1, 1], a), T(1, b)])
            assert plait.result_type(x, y) is getattr(plait, want), (a, b)


def test_save_and_load(tmp_path):
    state = {
        "w": plait.randn(3, 4),
        "step": 5,
        "list": [plait.arange(3), "text"],
        "half": plait.ones(2, dtype=plait.bfloat16),
    }
    plait.save(state, tmp_path / "state.pt")
    again = plait.load(tmp_path / "state.pt")
    assert again["step"] == 5 and again["list"][1] == "text" and again["half"].dtype is plait.bfloat16
    assert (again["w"] == state["w"]).all() and again["list"][0].tolist() == [0, 1, 2]


def test_generators():
    g = plait.Generator()
    g.manual_seed(7)
    state = g.get_state()
    a = plait.rand(5, generator=g)
    g.set_state(state)
    assert (plait.rand(5, generator=g) == a).all()
    g.manual_seed(7)
    assert (plait.rand(5, generator=g) == a).all() and g.initial_seed() == 7
    assert (plait.rand(5, generator=g) != a).any()
    plait.manual_seed(3)
    b = plait.rand(4)
    plait.manual_seed(3)
    assert (plait.rand(4) == b).all()
    assert struct.calcsize("q") == 8 and isinstance(plait.initial_seed(), int)
    for seed in (0, 5, np.int64(6), 2**63, 2**64 - 1, -1, -(2**63)):  # all 64 bits count
        assert g.manual_seed(seed).initial_seed() == int(seed) % 2**64
    assert plait.manual_seed(-2).initial_seed() == 2**64 - 2
    for seed in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match=str(seed)):
            g.manual_seed(seed)


def test_sums_and_multiples_of_sizes_are_sizes():
    size = plait.Size([2, 3])
    for made, want in (
        ((1,) + size, (1, 2, 3)),
        (size + (1,), (2, 3, 1)),
        (size + size, (2, 3, 2, 3)),
        (size * 2, (2, 3, 2, 3)),
        (2 * size, (2, 3, 2, 3)),
    ):
        assert type(made) is plait.Size and made == want
    for wrong in (lambda: [1] + size, lambda: size + 1, lambda: size * size):
        with pytest.raises(TypeError):
            wrong()


def test_asarray_keeps_history_and_shares_memory():
    x = plait.ones(2, requires_grad=True)
    assert plait.asarray(x) is x and plait.asarray(x * 2).grad_fn is not None
    for kwargs in ({"copy": True}, {"dtype": plait.float64}, {"dtype": plait.float64, "requires_grad": True}):
        assert plait.asarray(x, **kwargs).grad_fn is not None
    assert not plait.asarray(x, requires_grad=False).requires_grad and x.requires_grad
    y = plait.ones(2)
    assert plait.asarray(y, requires_grad=True).requires_grad and not y.requires_grad
    assert plait.asarray([1.0], requires_grad=True).requires_grad
    array, buffer = np.ones(3), bytearray(4)
    for given in (array, buffer, plait.ones(2)):
        shared = plait.asarray(given, dtype=plait.uint8 if given is buffer else None, copy=False)
        shared[0] = 7
        assert given[0] == 7
    for given, dtype in (([1, 2], None), (1.0, None), (array, plait.float32), (x, plait.float64)):
        with pytest.raises(ValueError, match="copy=False"):
            plait.asarray(given, dtype=dtype, copy=False)


def test_arrays_without_dimensions_in_lists():
    nine = np.array(9)
    for data in ([7, nine], [nine, 7], [[7, nine], [nine, 5]], [nine, nine]):
        made = plait.tensor(data)
        assert made.dtype is plait.int64 and made.tolist() == np.array(data).tolist()
    assert plait.tensor([1, np.array(2.5)]).tolist() == [1, 2.5]
    with pytest.raises(ValueError):
        plait.tensor([1, np.ones(2)])


def test_reversed():
    x = plait.arange(6).reshape(3, 2)
    assert plait.equal(reversed(x), x.flip(0)) and reversed(plait.tensor(1)).item() == 1


def test_is_set_to():
    x = plait.arange(4)
    assert x.is_set_to(x) and x.is_set_to(x.view(4)) and x.is_set_to(x.detach())
    for other in (x.clone(), x[:2], x[1:], x.view(2, 2), x.view(plait.float64), plait.zeros(4)):
        assert not x.is_set_to(other)


def test_from_file(tmp_path):
    path = tmp_path / "x"
    np.arange(5, dtype=np.float32).tofile(path)
    assert plait.from_file(str(path), size=3).tolist() == [0, 1, 2]
    alone, shared = plait.from_file(path, size=5), plait.from_file(path, True, 5, dtype=plait.int32)
    alone[0], shared[4] = 9, 0
    assert plait.from_file(path, size=5).tolist() == [0, 1, 2, 3, 0]
    assert plait.from_file(path, size=0).shape == (0,)
    with pytest.raises(ValueError, match="20 bytes"):
        plait.from_file(path, size=6)


def test_deterministic_debug_mode():
    try:
        for number, name in enumerate(("default", "warn", "error")):
            for mode in (number, name):
                plait.set_deterministic_debug_mode(mode)
                assert plait.get_deterministic_debug_mode() == number
                assert plait.are_deterministic_algorithms_enabled() == (number > 0)
        for wrong in (3, "warning"):
            with pytest.raises(ValueError, match=str(wrong)):
                plait.set_deterministic_debug_mode(wrong)
    finally:
        plait.use_deterministic_algorithms(False)


def test_numbers_fill_integers_by_their_whole_part():
    x = plait.zeros(2, dtype=plait.int8)
    x[0] = -1.75
    assert x.tolist() == [-1, 0] and x.fill_(127.9).tolist() == [127, 127]
    assert plait.full((1,), -1, dtype=plait.uint8).item() == 255  # as in C
    assert plait.full((1,), 2**63 - 1, dtype=plait.int64).item() == 2**63 - 1
    assert plait.full((1,), 1e300).isinf() and plait.full((1,), 5, dtype=plait.bool).item() is True


def test_random_tensors_like_others():
    like = plait.ones(2, 3, 4, 5).to(memory_format=plait.channels_last)
    for draw in (
        plait.rand_like,
        plait.randn_like,
        lambda x, **kwargs: plait.randint_like(x, 99, **kwargs),
        lambda x, **kwargs: plait.randint_like(x, 10, 99, **kwargs),
    ):
        assert draw(like).stride() == draw(like, memory_format=plait.preserve_format).stride() == like.stride()
        assert draw(like, memory_format=plait.contiguous_format).is_contiguous()
        a, b = (draw(like, generator=plait.Generator().manual_seed(s)) for s in (1, 1))
        assert plait.equal(a, b) and not plait.equal(a, draw(like, generator=plait.Generator().manual_seed(2)))
        assert draw(like, device="meta").is_meta


def test_python_types_as_dtypes():
    wanted = {float: plait.float64, int: plait.int64, bool: plait.bool, complex: plait.complex128}
    for kind, dtype in wanted.items():
        assert plait.zeros(2, dtype=kind).dtype is dtype
        assert plait.tensor([1], dtype=kind).dtype is dtype
        assert plait.ones(2).to(kind).dtype is dtype


def test_the_old_constructor_takes_no_keywords():
    for args in ((2, 3), ([1.0, 2.0],), ()):
        with pytest.raises(TypeError, match=r"plait\.tensor\(data"):
            plait.Tensor(*args, requires_grad=True)


def test_slices_end_where_the_tensor_does():
    x = plait.arange(5)
    for far in (2**62, 2**63, 2**80):
        assert x[1:far].tolist() == [1, 2, 3, 4] and x[far:].tolist() == []
        assert x[-far:2].tolist() == [0, 1] and x[:-far].tolist() == []
        assert x[::far].tolist() == [0]


def test_arguments_that_fail_by_themselves():
    class NoTruth:
        def __bool__(self):
            raise KeyError("no truth")

    with pytest.raises(KeyError, match="no truth"):
        plait.zeros(2, requires_grad=NoTruth())
    with pytest.raises(TypeError, match="keyword"):
        plait.add(plait.ones(1), 1, **{"\ud800": 1})
