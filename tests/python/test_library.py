"""plait.library: ops written in Python. What is as in PyTorch stands in test_library_parity.py."""

import copy
import gc
import inspect
import numbers
import pickle
import threading
import weakref
from collections.abc import Sequence
from typing import List, Optional  # noqa: UP035  (old hints are understood, too)

import numpy as np
import plait
import pytest
from plait import Tensor, library
from plait.library import custom_op, infer_schema

COUNT = iter(range(10**6))


def fresh(name="f"):
    """A name of an op that no other test has."""
    return f"test_library::{name}{next(COUNT)}"


# ---- schemas


def everything(
    x: Tensor,
    maybe: Tensor | None,
    many: list[Tensor],
    gaps: Sequence[Tensor | None],
    n: int,
    ns: List[int],  # noqa: UP006
    f: float = 0.5,
    fs: list[float] | None = None,
    flag: bool = True,
    number: int | float | complex = 2,
    text: str = "mean",
    old: Optional[int] = None,  # noqa: UP045
    *,
    dtype: plait.dtype = plait.float32,
    device: plait.device | None = None,
    memory_format: plait.memory_format = plait.preserve_format,
    generator: plait.Generator | None = None,
    dims: list[int] = (0, 1),
    real: numbers.Number = 1.5,
) -> tuple[Tensor, list[Tensor], int]: ...


def test_a_schema_of_all_types():
    assert infer_schema(everything, op_name="all", mutates_args=()) == (
        "all(Tensor x, Tensor? maybe, Tensor[] many, Tensor?[] gaps, int n, int[] ns, float f=0.5, float[]? fs=None, "
        'bool flag=True, Scalar number=2, str text="mean", int? old=None, *, dtype dtype=float32, device? device=None, '
        "memory_format memory_format=preserve_format, Generator? generator=None, int[] dims=[0, 1], Scalar real=1.5) -> "
        "(Tensor result0, Tensor[] result1, int result2)"
    )


def test_the_core_reads_what_is_inferred():
    seen = []

    def function(x, *args, **kwargs):
        seen.append((args, kwargs))
        return x.clone(), [x + 1], 7

    function.__signature__ = inspect.signature(everything, eval_str=True)
    function.__annotations__ = everything.__annotations__
    op = custom_op(fresh("all"), function, mutates_args=())
    x = plait.ones(2)
    first, second, third = op(x, None, [x], [None, x], 3, [4, 5])
    assert third == 7 and bool((first == x).all()) and len(second) == 1
    args, kwargs = seen.pop()
    assert args[0] is None and args[1][0] is x and args[2] == [None, x] and args[3:] == (3, [4, 5], 0.5, None, True, 2, "mean", None)
    assert [type(args[i]) for i in (1, 2, 4)] == [list] * 3
    assert kwargs == {
        "dtype": plait.float32, "device": None, "memory_format": plait.preserve_format, "generator": None, "dims": [0, 1],
        "real": 1.5,
    }  # fmt: skip
    generator = plait.Generator()
    op(x, x, [], [], 3, [], fs=[1.5], number=1 + 2j, text="a", dtype=plait.int64, device="cpu", generator=generator, dims=[2])
    args, kwargs = seen.pop()
    assert args[0] is x and args[1] == [] and args[6] == [1.5] and args[8] == 1 + 2j and args[9] == "a"
    assert kwargs["dtype"] is plait.int64 and kwargs["device"] == plait.device("cpu") and kwargs["dims"] == [2]
    assert isinstance(kwargs["generator"], plait.Generator)


def test_the_schema_of_what_is_written():
    def f(a: Tensor, b: Tensor, many: list[Tensor], maybe: Tensor | None = None) -> None: ...

    assert infer_schema(f, mutates_args=("b", "many")) == (
        "(Tensor a, Tensor(a1!) b, Tensor(a2!)[] many, Tensor? maybe=None) -> void"
    )
    assert infer_schema(f, mutates_args="unknown") == (
        "(Tensor(a0!) a, Tensor(a1!) b, Tensor(a2!)[] many, Tensor(a3!)? maybe=None) -> void"
    )


def bad_signatures():
    def no_hint(x) -> Tensor: ...
    def no_return(x: Tensor): ...
    def variadic(*x: Tensor) -> Tensor: ...
    def positional(x: Tensor, /) -> Tensor: ...
    def unsupported(x: Tensor, y: dict) -> Tensor: ...
    def a_tuple(x: tuple[int, ...]) -> Tensor: ...
    def bools(x: list[bool]) -> Tensor: ...
    def bad_default(x: Tensor, n: int = 2.5) -> Tensor: ...
    def bad_text(x: Tensor, s: str = "a, b") -> Tensor: ...
    def device_default(x: Tensor, d: plait.device = plait.device("cpu")) -> Tensor: ...
    def bad_return(x: Tensor) -> str: ...
    def optional_return(x: Tensor) -> Tensor | None: ...
    def five(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]: ...
    def ellipsis(x: Tensor) -> tuple[Tensor, ...]: ...
    def unknown_name(x: "Nowhere") -> Tensor: ...  # noqa: F821

    yield no_hint, "Parameter x must have a type annotation"
    yield no_return, "No return type annotation was provided"
    yield variadic, "positional-only or variadic"
    yield positional, "positional-only or variadic"
    yield unsupported, "Parameter y has unsupported type <class 'dict'>"
    yield a_tuple, "For a tuple, give a list"
    yield bools, "Parameter x has unsupported type"
    yield bad_default, "Parameter n of type int has an unsupported default value 2.5"
    yield bad_text, "unsupported default value 'a, b'"
    yield device_default, "Give None as the default"
    yield bad_return, "Return has unsupported type"
    yield optional_return, "Return has unsupported type"
    yield five, "a tuple has 2 to 4 results"
    yield ellipsis, "more as list[Tensor]"
    yield unknown_name, "must be known at the top of the module"


@pytest.mark.parametrize(("function", "text"), list(bad_signatures()), ids=lambda p: getattr(p, "__name__", ""))
def test_bad_signatures(function, text):
    with pytest.raises(ValueError) as error:
        infer_schema(function, mutates_args=())
    assert text in str(error.value) and "Got func with signature (" in str(error.value)


def test_bad_mutates_args():
    def f(x: Tensor, n: int) -> Tensor: ...

    with pytest.raises(ValueError, match=r"did you mean \('x',\)"):
        infer_schema(f, mutates_args="x")
    with pytest.raises(ValueError, match=r"\['y'\] in mutates_args are not parameters"):
        infer_schema(f, mutates_args=("y",))
    with pytest.raises(ValueError, match="only Tensors and lists of them can be written"):
        infer_schema(f, mutates_args=("n",))
    with pytest.raises(ValueError, match="make them agree"):
        custom_op(fresh(), f, mutates_args=("x",), schema="(Tensor x, int n) -> Tensor")


def test_schemas_written_by_hand():
    op = custom_op(
        fresh(), lambda x, n, t: (x * n, x + n), mutates_args=(),
        schema="(Tensor x, SymInt n=3, *, ScalarType? t=None) -> (Tensor, Tensor)",
    )  # fmt: skip
    product, total = op(plait.ones(2))
    assert product.tolist() == [3, 3] and total.tolist() == [4, 4]
    name = fresh()
    nothing = custom_op(name, lambda x: None, mutates_args=("x",), schema=name.split("::")[1] + "(Tensor(a!) x) -> ()")
    assert nothing(plait.ones(1)) is None
    with pytest.raises(ValueError, match="must be like"):
        custom_op(fresh(), lambda x: x, mutates_args=(), schema="Tensor x")
    with pytest.raises(ValueError, match="names another op"):
        custom_op(fresh(), lambda x: x, mutates_args=(), schema="other(Tensor x) -> Tensor")
    with pytest.raises(ValueError, match="at most 4"):
        custom_op(fresh(), lambda x: x, mutates_args=(), schema="(Tensor x) -> (Tensor, Tensor, Tensor, Tensor, Tensor)")
    with pytest.raises(ValueError, match="expected a known type before"):
        custom_op(fresh(), lambda x: x, mutates_args=(), schema="(Tensr x) -> Tensor")


# ---- calls


def test_an_op_is_in_plait_ops():
    @custom_op("test_library::twice", mutates_args=())
    def twice(x: Tensor, *, times: int = 1) -> Tensor:
        """Doubles.

        As often as you like.
        """
        return x * 2**times

    found = plait.ops.test_library.twice
    assert found(plait.ones(1), times=3).item() == 8 == twice(plait.ones(1), times=3).item()
    assert found.__name__ == "test_library::twice"
    assert "test_library::twice(Tensor x, *, int times=1) -> Tensor" in found.__doc__
    assert "As often as you like." in found.__doc__ and twice.__doc__.startswith("Doubles.\n\nAs often")
    assert "twice" in dir(plait.ops.test_library)
    assert list(inspect.signature(twice).parameters) == ["x", "times"]
    assert twice.__name__ == "twice" and repr(twice) == "<CustomOpDef(test_library::twice)>"
    for same in (copy.deepcopy(twice), pickle.loads(pickle.dumps(twice))):
        assert same is twice
    with pytest.raises(TypeError, match=r"test_library::twice\(\): argument 'x' \(position 1\) must be a Tensor"):
        twice("no")
    with pytest.raises(TypeError, match="unexpected keyword argument 'count'"):
        twice(plait.ones(1), count=3)


def test_results_of_all_kinds():
    for hint, value in ((int, 3), (float, 0.5), (bool, True), (int | float | bool, 2.5)):
        op = custom_op(fresh(), mutates_args=())(with_hints(lambda x, v=value: v, x=Tensor, result=hint))
        got = op(plait.ones(1))
        assert got == value and type(got) is type(value)
    op = custom_op(fresh(), mutates_args=())(with_hints(lambda x: [x + 1, x + 2], x=Tensor, result=list[Tensor]))
    assert [t.item() for t in op(plait.ones(1))] == [2, 3]


def with_hints(function, result=Tensor, **hints):
    """A lambda whose parameters have types."""
    function.__annotations__ = {**hints, "return": result}
    signature = inspect.signature(function)
    wanted = [p for name, p in signature.parameters.items() if name in hints]
    function.__signature__ = signature.replace(parameters=wanted)
    return function


def test_wrong_results():
    nothing = custom_op(fresh(), mutates_args=())(with_hints(lambda x: None, x=Tensor))
    with pytest.raises(TypeError, match="result 0 must be a Tensor by the schema"):
        nothing(plait.ones(1))
    one = custom_op(fresh(), mutates_args=())(with_hints(lambda x: x + 1, x=Tensor, result=tuple[Tensor, Tensor]))
    with pytest.raises(TypeError, match="must return a tuple of 2 values"):
        one(plait.ones(1))
    some = custom_op(fresh(), mutates_args=("x",))(with_hints(lambda x: 3, x=Tensor, result=None))
    with pytest.raises(TypeError, match="must be a None"):
        some(plait.ones(1))
    same = custom_op(fresh(), mutates_args=())(with_hints(lambda x: x, x=Tensor))
    with pytest.raises(RuntimeError, match=r"returned its argument 'x' itself; return a copy \(.clone\(\)\)"):
        same(plait.ones(1))


def test_an_exception_in_a_kernel_is_the_callers():
    class Mine(Exception):
        pass

    def function(x: Tensor) -> Tensor:
        raise Mine("from inside")

    with pytest.raises(Mine, match="from inside"):
        custom_op(fresh(), function, mutates_args=())(plait.ones(1))


def test_a_kernel_from_many_threads():
    op = custom_op(fresh(), mutates_args=())(with_hints(lambda x: x * 3, x=Tensor))
    results = [None] * 8

    def work(i):
        x = plait.full((200, 200), float(i))  # large enough to give up the GIL
        results[i] = [op(x)[0, 0].item() for _ in range(20)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [[3.0 * i] * 20 for i in range(8)]


def test_bad_names():
    f = with_hints(lambda x: x + 1, x=Tensor)
    for name in ("f", "a::b::c", "a::b.c", "a::1", 3):
        with pytest.raises(ValueError, match="must be like 'mylib::my_op'"):
            custom_op(name, f, mutates_args=())
    with pytest.raises(ValueError, match="namespace 'plait' is that of plait's own"):
        custom_op("plait::relu", f, mutates_args=())
    with pytest.raises(TypeError, match="expected a function, got int"):
        custom_op("a::b", 3, mutates_args=())
    with pytest.raises(NotImplementedError, match="the Tensor y is keyword-only"):
        custom_op(fresh(), lambda x, y: x + y, mutates_args=(), schema="(Tensor x, *, Tensor y) -> Tensor")


def test_missing_names_say_what_works():
    for name in ("Library", "define", "impl", "register_vmap", "triton_op"):
        with pytest.raises(AttributeError, match=f"plait.library has no '{name}'; instead: "):
            getattr(library, name)
    with pytest.raises(AttributeError, match="did you mean 'custom_op'"):
        library.custom_ops
    op = custom_op(fresh(), mutates_args=())(with_hints(lambda x: x + 1, x=Tensor))
    with pytest.raises(AttributeError, match="CustomOpDef has no 'register_vmap'; instead: "):
        op.register_vmap
    with pytest.raises(AttributeError, match="no attribute 'register_meta'"):
        op.register_meta


# ---- plait's own choices


def test_what_a_name_defined_anew_leaves_behind():
    name = fresh()

    def define(value, schema="(Tensor x) -> Tensor"):
        return custom_op(name, lambda x: x * value, mutates_args=(), schema=schema)

    first = define(2)
    first.register_autograd(lambda ctx, g: g * 2)
    first.register_fake(lambda x: plait.empty_like(x))
    x = plait.ones(2, requires_grad=True)
    recorded = first(x)
    second = define(3)
    recorded.sum().backward()  # graphs keep to what they were made of
    assert x.grad.tolist() == [2, 2]
    assert first(x).tolist() == [2, 2] and first(x).requires_grad
    with pytest.raises(NotImplementedError, match="has no derivative"):
        second(x).sum().backward()
    with pytest.raises(NotImplementedError, match="no fake kernel"):
        second(plait.ones(2, device="meta"))
    for register in (first.register_fake, first.register_autograd, first.register_kernel("cpu")):
        with pytest.raises(RuntimeError, match="has been defined anew"):
            register(lambda *args: None)
    with pytest.raises(ValueError, match="expected a known type"):
        define(4, schema="(Tenser x) -> Tensor")
    assert library._find(name) is second, "a definition that fails leaves the one before"
    assert plait.ops.test_library.__getattr__(name.split("::")[1])(plait.ones(1)).item() == 3
    second.register_autograd(lambda ctx, g: g * 3)
    y = plait.ones(1, requires_grad=True)
    second(y).backward()
    assert y.grad.item() == 3


def test_a_failed_first_definition_leaves_nothing():
    name = fresh()
    with pytest.raises(ValueError, match="make them agree"):
        custom_op(name, lambda x: x + 1, mutates_args=("x",), schema="(Tensor x) -> Tensor")
    assert plait._C._describe_op(name) == []
    op = custom_op(name, lambda x: x + 1, mutates_args=(), schema="(Tensor x) -> Tensor")
    assert op(plait.ones(1)).item() == 2


def test_an_op_from_elsewhere_is_not_replaced():
    plait._C._declare_op("test_library::theirs(Tensor x) -> Tensor", "", "their library", lambda x: x + 1)
    with pytest.raises(ValueError, match="declared already, by 'their library'"):
        custom_op("test_library::theirs", lambda x: x + 2, mutates_args=(), schema="(Tensor x) -> Tensor")
    assert plait.ops.test_library.theirs(plait.ones(1)).item() == 2
    with pytest.raises(ValueError, match="was not defined by custom_op"):
        library.register_fake("test_library::theirs", lambda x: x)
    library.register_autograd("test_library::theirs", lambda ctx, g: g * 5)
    x = plait.ones(1, requires_grad=True)
    plait.ops.test_library.theirs(x).backward()
    assert x.grad.item() == 5
    plait._C._remove_op("test_library::theirs")


def test_kernels_for_some_devices():
    op = custom_op(fresh("g"), mutates_args=(), device_types="cuda")(with_hints(lambda x: x + 1, x=Tensor))
    with pytest.raises(NotImplementedError, match=r"no kernel for device 'cpu' \(there are: 'cuda'\)"):
        op(plait.ones(1))

    @op.register_kernel("cpu")
    def kernel(x):
        return x + 2

    assert op(plait.ones(1)).item() == 3
    only = custom_op(fresh(), mutates_args=(), device_types="cpu")(with_hints(lambda x: x + 1, x=Tensor))
    assert only(plait.ones(1)).item() == 2
    with pytest.raises(ValueError, match="give it with register_fake"):
        op.register_kernel("meta", kernel)
    with pytest.raises(ValueError, match="must be device types"):
        op.register_kernel("cuda:0", kernel)
    with pytest.raises(ValueError, match="gpu"):
        op.register_kernel("gpu", kernel)
    with pytest.raises(ValueError, match="no kernel was registered for 'cuda'"):
        with only.set_kernel_enabled("cuda", False):
            pass
    with pytest.raises(ValueError, match="add one"):
        custom_op(fresh(), lambda n: plait.ones(n), mutates_args=(), device_types="cpu", schema="(int n) -> Tensor")


def test_an_op_without_tensors_goes_by_its_device():
    def make(n: int, device: plait.device | None = None) -> Tensor:
        return plait.ones(n, device=device)

    op = custom_op(fresh(), make, mutates_args=())
    op.register_fake(lambda n, device: plait.empty(n, device="meta"))
    assert op(3).tolist() == [1, 1, 1] and op(3, device="cpu").shape == (3,)
    assert op(3, device="meta").device.type == "meta"


def test_a_fake_kernel():
    op = custom_op(fresh(), mutates_args=())(with_hints(lambda x, n: x.repeat(n), x=Tensor, n=int))
    meta = plait.ones(4, device="meta")
    with pytest.raises(NotImplementedError, match=r"no fake kernel.*register_fake"):
        op(meta, 2)

    @op.register_fake
    def _(x, n):
        return x.new_empty(x.shape[0] * n)

    found = op(meta, 2)
    assert found.shape == (8,) and found.device.type == "meta"
    op.register_fake(lambda x, n: plait.empty(x.shape[0] * n))
    with pytest.raises(RuntimeError, match=r"result 0 is on 'cpu'; use plait.empty_like"):
        op(meta, 2)
    several = custom_op(fresh(), mutates_args=())(
        with_hints(lambda x: (x + 1, [x + 2]), x=Tensor, result=tuple[Tensor, list[Tensor]])
    )
    several.register_fake(lambda x: (plait.empty_like(x), [plait.empty(3)]))
    with pytest.raises(RuntimeError, match="result 1 is on 'cpu'"):
        several(meta)


def test_ops_that_write_need_no_fake_kernel():
    op = custom_op(fresh(), mutates_args=("x",))(with_hints(lambda x: None, x=Tensor, result=None))
    assert op(plait.ones(4, device="meta")) is None


def test_shapes_that_depend_on_data_are_refused_on_meta():
    op = custom_op(fresh(), mutates_args=(), tags=library.Tag.dynamic_output_shape)(
        with_hints(lambda x: x[x > 0], x=Tensor)
    )
    with pytest.raises(NotImplementedError, match="depends on data"):
        op(plait.ones(4, device="meta"))


def test_the_tag_inplace():
    def add_one_(x: Tensor) -> Tensor:
        x.numpy(force=True)[...] += 1
        return x

    op = custom_op(fresh(), add_one_, mutates_args=("x",), tags=library.Tag.inplace)
    x = plait.zeros(2)
    assert op(x) is x and x.tolist() == [1, 1] and x._version == 1
    meta = plait.ones(2, device="meta")
    assert op(meta) is meta
    wrong = custom_op(fresh(), mutates_args=("x",), tags=library.Tag.inplace)(with_hints(lambda x: x + 1, x=Tensor))
    with pytest.raises(RuntimeError, match="must return x itself"):
        wrong(x)
    with pytest.raises(ValueError, match="mutates_args must name it alone"):
        custom_op(fresh(), add_one_, mutates_args=(), tags=library.Tag.inplace)
    with pytest.raises(ValueError, match="not both"):
        custom_op(fresh(), add_one_, mutates_args=("x",), tags=[library.Tag.inplace, library.Tag.out])
    with pytest.raises(TypeError, match=r"plait.library.Tag"):
        custom_op(fresh(), add_one_, mutates_args=("x",), tags=["inplace"])


def test_the_tag_out():
    def sin_out(x: Tensor, *, out: Tensor) -> Tensor:
        np.sin(x.numpy(), out=out.numpy())
        return out

    op = custom_op(fresh(), sin_out, mutates_args=("out",), tags=library.Tag.out)
    x, out = plait.ones(2), plait.empty(2)
    assert op(x, out=out) is out
    assert np.allclose(out.numpy(), np.sin(1.0)) and out._version == 1

    def two(x: Tensor, *, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        a.copy_(x + 1)
        b.copy_(x + 2)
        return a, b

    op = custom_op(fresh(), two, mutates_args=("a", "b"), tags=library.Tag.out)
    a, b = plait.empty(2), plait.empty(2)
    first, second = op(x, a=a, b=b)
    assert first is a and second is b and a.tolist() == [2, 2] and b.tolist() == [3, 3]

    def positional(x: Tensor, out: Tensor) -> Tensor: ...

    with pytest.raises(ValueError, match="must be a keyword-only Tensor"):
        custom_op(fresh(), positional, mutates_args=("out",), tags=library.Tag.out)


def test_registering_by_name():
    name = fresh()
    op = custom_op(name, lambda x: x * 2, mutates_args=(), schema="(Tensor x) -> Tensor")
    called = plait.ops.test_library.__getattr__(name.split("::")[1])
    library.register_fake(name, lambda x: plait.empty_like(x))
    assert op(plait.ones(3, device="meta")).shape == (3,)
    library.register_kernel(called, "cpu", lambda x: x * 5)
    assert op(plait.ones(1)).item() == 5

    @library.register_kernel(op, "cpu")
    def _(x):
        return x * 6

    assert called(plait.ones(1)).item() == 6
    library.register_autograd(called, lambda ctx, g: g * 6)
    x = plait.ones(1, requires_grad=True)
    called(x).backward()
    assert x.grad.item() == 6

    @library.register_fake(name)
    def _(x):
        return x.new_empty(7)

    assert op(plait.ones(3, device="meta")).shape == (7,)
    with pytest.raises(ValueError, match=f"did you mean '{name}'"):
        library.register_fake(name + "x", lambda x: x)
    with pytest.raises(ValueError, match="declared: in C"):
        library.register_kernel(plait.relu, "cpu", lambda x: x)
    with pytest.raises(ValueError, match="was not defined by custom_op"):
        library.register_autograd(plait.relu, lambda ctx, g: g)
    with pytest.raises(TypeError, match="expected an op"):
        library.register_fake(3, lambda x: x)


def test_wrong_backwards():
    def run(backward, *args, schema="(Tensor x, int n=1) -> Tensor", function=lambda x, n: x * n):
        op = custom_op("test_library::wrong", function, mutates_args=(), schema=schema)
        op.register_autograd(backward)
        op(*args).sum().backward()

    x = plait.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"test_library::wrong: backward must return 2 gradients.*returned 1"):
        run(lambda ctx, g: g, x)
    with pytest.raises(RuntimeError, match=r"must return 2 gradients.*returned 3"):
        run(lambda ctx, g: (g, None, g), x)
    with pytest.raises(RuntimeError, match="gradient for argument 1, which is no tensor"):
        run(lambda ctx, g: (g, g), x)
    with pytest.raises(TypeError, match=r"wrong\.backward: expected a Tensor or None as gradient 0, got float"):
        run(lambda ctx, g: (1.0, None), x)
    run(lambda ctx, g: (g, None, None), x)  # further Nones do no harm
    run(lambda ctx, g: [g, None], x)
    lists = {"schema": "(Tensor[] many) -> Tensor", "function": lambda many: many[0] + many[1]}
    with pytest.raises(RuntimeError, match=r"argument 0 is a list of 2 tensors.*it returned 1"):
        run(lambda ctx, g: [g], [x, x], **lists)
    with pytest.raises(RuntimeError, match=r"argument 0 is a list of 2 tensors.*it returned Tensor"):
        run(lambda ctx, g: g, [x, x], **lists)
    run(lambda ctx, g: (None,), [x, x], **lists)
    with pytest.raises(TypeError, match="setup_context must be a function, got int"):
        op = custom_op("test_library::wrong", lambda x: x + 1, mutates_args=(), schema="(Tensor x) -> Tensor")
        op.register_autograd(lambda ctx, g: g, setup_context=3)


def test_inputs_that_are_not_saved_are_not_kept():
    op = custom_op(fresh(), mutates_args=())(with_hints(lambda x, n: x * n, x=Tensor, n=int))
    op.register_autograd(lambda ctx, g: (g, None))
    x = plait.ones(2, requires_grad=True)
    held = x * 1
    alive = weakref.ref(held)
    y = op(held, 2)
    del held
    gc.collect()
    assert alive() is None
    y.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_an_empty_list_and_none_have_gradients_none():
    def function(x: Tensor, many: list[Tensor], gaps: list[Tensor | None], maybe: Tensor | None = None) -> Tensor:
        return x * 2

    op = custom_op(fresh(), function, mutates_args=())
    needs = []

    def backward(ctx, g):
        needs.append(ctx.needs_input_grad)
        return g * 2, [], [None, g], None

    op.register_autograd(backward)
    x, y = plait.ones(1, requires_grad=True), plait.ones(1, requires_grad=True)
    op(x, [], [None, y]).backward()
    assert x.grad.item() == 2 and y.grad.item() == 1 and needs == [(True, [], [False, True], False)]


def test_gradcheck_of_a_list_op():
    def function(many: list[Tensor], weight: Tensor) -> tuple[Tensor, list[Tensor]]:
        return sum(t.sum() for t in many) * weight, [t.sin() for t in many]

    op = custom_op(fresh(), function, mutates_args=())

    def setup_context(ctx, inputs, output):
        ctx.count = len(inputs[0])
        ctx.save_for_backward(*inputs[0], inputs[1])

    def backward(ctx, g, gs):
        *many, weight = ctx.saved_tensors
        into = (g * weight).sum()
        total = sum(t.sum() for t in many)
        return [into + gi * t.cos() for gi, t in zip(gs, many)], g * total

    op.register_autograd(backward, setup_context=setup_context)
    plait.manual_seed(0)
    a, b, w = (plait.randn(n, dtype=plait.float64, requires_grad=True) for n in (2, 3, 1))

    def flat(*args):
        first, rest = op([args[0], args[1]], args[2])
        return (first, *rest)

    assert plait.autograd.gradcheck(flat, (a, b, w))
    assert plait.autograd.gradgradcheck(flat, (a, b, w))


def test_the_name_of_the_node():
    op = custom_op("test_library::named", lambda x: x + 1, mutates_args=(), schema="(Tensor x) -> Tensor")
    op.register_autograd(lambda ctx, g: g)
    assert op(plait.ones(1, requires_grad=True)).grad_fn.name() == "test_library::namedBackward"
