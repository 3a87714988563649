"""Functions in Python that count as one op (bindings/composite.cpp): they are called as ops, and look like functions."""

import copy
import functools
import gc
import inspect
import pickle
import sys
import traceback
import weakref

import plait
import plait.linalg
import plait.nn.functional as F
import pytest
from plait import overrides
from plait._autocast import one_op
from plait._out import with_out

NAMED = {
    "plait.polar": plait.polar,
    "plait.svd": plait.svd,
    "plait.logdet": plait.logdet,
    "plait.linalg.cholesky": plait.linalg.cholesky,
    "plait.linalg.lu": plait.linalg.lu,
    "plait.linalg.vander": plait.linalg.vander,
    "plait.linalg.norm": plait.linalg.norm,
    "plait.nn.functional.bilinear": F.bilinear,
    "plait.nn.functional.ctc_loss": F.ctc_loss,
}


@with_out
@one_op(cpu="float32")
def scaled(x, by=1.0, *, out=None):
    """Scales."""
    return x * by


class Logged(plait.Tensor):
    calls: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        Logged.calls.append(func)
        return super().__torch_function__(func, types, args, kwargs)


@pytest.mark.parametrize("name", NAMED)
def test_it_looks_like_the_function(name):
    composite, plain = NAMED[name], NAMED[name].__wrapped__
    assert inspect.isfunction(plain) and inspect.isroutine(composite)
    assert inspect.signature(composite) == inspect.signature(plain)
    assert inspect.getsource(composite) == inspect.getsource(plain)
    for attribute in ("__name__", "__qualname__", "__module__", "__doc__", "__annotations__", "__code__"):
        assert getattr(composite, attribute) == getattr(plain, attribute)
    assert composite.__name__ == name.rpartition(".")[2]
    assert repr(composite) == f"<function {plain.__module__}.{plain.__qualname__}>"


@pytest.mark.parametrize("name", NAMED)
def test_it_is_pickled_by_its_name(name):
    composite = NAMED[name]
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(composite, protocol)) is composite
    assert copy.copy(composite) is composite and copy.deepcopy(composite) is composite


def test_attributes_and_references():
    assert scaled.__dict__ == {} and weakref.ref(scaled)() is scaled
    scaled.mark = 3
    assert scaled.mark == 3 and scaled.__dict__ == {"mark": 3}
    del scaled.mark
    with pytest.raises(AttributeError, match="mark"):
        scaled.mark

    def make():
        @with_out
        def of_itself(x, *, out=None):
            return x

        of_itself.me = of_itself
        of_itself.__name__ = of_itself.__qualname__ = "other"
        of_itself.__doc__ = "Other."
        assert (of_itself.__wrapped__.__name__, of_itself.__wrapped__.__doc__) == ("other", "Other.")
        return weakref.ref(of_itself)

    gone = make()
    gc.collect()
    assert gone() is None


def test_what_is_decorated_must_be_callable():
    with pytest.raises(TypeError, match="expected a function, got int"):
        overrides.overridable(3)  # type: ignore[arg-type]


def test_decorators_make_one_object():
    assert inspect.isfunction(scaled.__wrapped__) and overrides.overridable(scaled) is scaled

    @functools.wraps(scaled)
    def again(*args, **kwargs):
        return scaled(*args, **kwargs)

    assert again.__name__ == "scaled" and inspect.signature(again) == inspect.signature(scaled)


def test_calls():
    x = plait.tensor([1.0, 2.0])
    keywords = {"by": 3.0}
    assert (
        scaled(x, 3.0).tolist() == scaled(x, by=3.0).tolist() == scaled(*[x], **keywords).tolist() == [3, 6]
    )
    assert functools.partial(scaled, by=2.0)(x).tolist() == [2, 4]
    out = plait.empty(0)
    assert scaled(x, 3.0, out=out) is out and out.tolist() == [3, 6]
    assert scaled(x, out=None).tolist() == [1, 2]
    keywords = {"".join(["o", "ut"]): out}  # no interned name
    assert scaled(x, by=4.0, **keywords) is out and out.tolist() == [4, 8]


def test_as_a_method():
    class Holder(plait.Tensor):
        scaled = scaled

    x = plait.ones(2).as_subclass(Holder)
    assert x.scaled(2.0).tolist() == x.scaled(by=2.0).tolist() == [2, 2] and type(x.scaled()) is Holder
    bound = x.scaled
    assert bound(3.0).tolist() == [3, 3] and Holder.scaled is scaled


def test_in_autocast_regions_with_out():
    x = plait.ones(2, dtype=plait.bfloat16)
    with plait.autocast("cpu"):
        assert scaled(x).dtype is plait.float32
        assert scaled(x, out=plait.empty(0)).dtype is plait.float32
    assert scaled(x).dtype is plait.bfloat16


def test_classes_are_asked_once():
    x = plait.eye(2).as_subclass(Logged)
    for function, args in ((scaled, (x,)), (plait.polar, (x, x)), (plait.diff, (x,)), (plait.cholesky, (x,))):
        Logged.calls.clear()
        assert type(function(*args)) is Logged
        assert Logged.calls == [function]
    Logged.calls.clear()
    plait.polar(abs=plait.ones(1), angle=x[0])
    assert Logged.calls[-1] is plait.polar


def test_classes_that_are_no_tensors_and_modes_are_asked():
    class Amount:
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func, kwargs

    class Names(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func.__name__

    assert scaled(Amount(), by=2) == (scaled, {"by": 2})
    with Names():
        assert scaled(plait.ones(1)) == "scaled" and plait.linalg.det(1) == "det"


def test_a_class_that_takes_no_part_is_an_argument_like_others():
    class Apart:
        __torch_function__ = overrides._disabled_torch_function_impl

    with pytest.raises(TypeError, match="polar: expected abs to be a Tensor, got Apart"):
        plait.polar(Apart(), Apart())
    with pytest.raises(TypeError, match="must be a Tensor, got Apart"):
        plait.add(Apart(), Apart())


def test_errors_name_the_function():
    with pytest.raises(TypeError, match=r"cholesky\(\) takes 1 positional argument but 2 were given"):
        plait.linalg.cholesky(plait.eye(2), True)
    with pytest.raises(TypeError, match=r"bilinear\(\) got an unexpected keyword argument 'out'"):
        F.bilinear(plait.ones(1), plait.ones(1), plait.ones(1, 1, 1), out=plait.ones(1))
    try:
        plait.linalg.inv(plait.ones(2))
    except ValueError:
        frames = [frame.name for frame in traceback.extract_tb(sys.exc_info()[2])]
    assert frames[:2] == ["test_errors_name_the_function", "inv"]


def test_they_are_listed_as_overridable():
    listed = overrides.get_overridable_functions()
    assert plait.polar in listed[plait] and plait.linalg.lu in listed[plait.linalg]
