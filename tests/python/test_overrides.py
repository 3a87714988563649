"""Classes that take part in ops: subclasses of Tensor, others with a __torch_function__, and modes."""

import copy
import operator
import pickle
import threading

import plait
import pytest
from plait import overrides


class Tagged(plait.Tensor):
    pass


class Logged(plait.Tensor):
    calls: list = []

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        Logged.calls.append((func.__name__, types))
        return super().__torch_function__(func, types, args, kwargs)


class Plain(plait.Tensor):
    __torch_function__ = overrides._disabled_torch_function_impl


class Amount:
    """No tensor: a number with a unit."""

    def __init__(self, value):
        self.value = value

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func is plait.matmul:
            return NotImplemented
        return func.__name__, [a.value if isinstance(a, Amount) else a for a in args], kwargs


def logged(f):
    Logged.calls.clear()
    result = f()
    return [name for name, _ in Logged.calls], result


RESULTS = {
    "operator": lambda x: x + 1,
    "reflected": lambda x: 1 - x,
    "power": lambda x: 2**x,
    "two": lambda x: plait.ones(2, 2) * x,
    "comparison": lambda x: x == 1,
    "function": lambda x: plait.exp(x),
    "functional": lambda x: plait.nn.functional.gelu(x),
    "method": lambda x: x.sum(),
    "index": lambda x: x[0],
    "property": lambda x: x.T,
    "conversion": lambda x: x.to(plait.float64),
    "to": lambda x: x.double(),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "list": lambda x: plait.stack([plait.ones(2, 2), x]),
    "keyword": lambda x: plait.add(plait.ones(2, 2), other=x),
    "several": lambda x: x.max(0).values,
    "split": lambda x: x.split(1)[1],
    "in place": lambda x: x.clone().mul_(2),
    "view": lambda x: x.view(-1),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_keep_the_class(name):
    x = plait.ones(2, 2).as_subclass(Tagged)
    result = RESULTS[name](x)
    assert type(result) is Tagged
    plain = RESULTS[name](plait.ones(2, 2))
    assert type(plain) is plait.Tensor and plait.equal(result.as_subclass(plait.Tensor), plain)


def test_gradients_pass_through_subclasses():
    leaf = plait.tensor([1.0, 2.0], requires_grad=True)
    x = leaf.as_subclass(Tagged)
    y = (x * x).sum()
    assert type(y) is Tagged and y.requires_grad
    y.backward()
    assert leaf.grad.tolist() == [2, 4] and type(leaf.grad) is plait.Tensor
    own = plait.ones(2).as_subclass(Tagged).requires_grad_()
    (own * 3).sum().backward()
    assert own.grad.tolist() == [3, 3]


def test_the_class_is_asked_once_for_each_call():
    x = plait.ones(2, 2).as_subclass(Logged)
    assert logged(lambda: x.add(1))[0] == ["add"]
    assert logged(lambda: plait.mul(2, x))[0] == ["mul"]
    assert logged(lambda: x.to("cpu"))[0] == ["to"]
    assert logged(lambda: x[0])[0] == ["__getitem__"]
    names, result = logged(lambda: plait.cat([x, x]))
    assert names == ["cat"] and type(result) is Logged
    assert Logged.calls[0][1] == [Logged]

    def write():
        x[0] = 5

    assert logged(write)[0] == ["__setitem__"] and x.tolist() == [[5, 5], [1, 1]]
    with overrides.DisableTorchFunctionSubclass():
        names, result = logged(lambda: x + 1)
    assert names == [] and type(result) is plait.Tensor


def test_no_part_in_ops():
    x = plait.ones(2).as_subclass(Plain)
    assert type(x + 1) is plait.Tensor and type(plait.exp(x)) is plait.Tensor
    p = plait.nn.Parameter(plait.ones(2))
    assert type(p * 2) is plait.Tensor and type(plait.exp(p)) is plait.Tensor
    assert not overrides.has_torch_function((p, x, plait.ones(1), 3))


def test_what_two_classes_make_of_a_call():
    class Lower(Tagged):
        pass

    class Other(plait.Tensor):
        pass

    both = plait.ones(2).as_subclass(Tagged), plait.ones(2).as_subclass(Lower)
    assert type(both[0] + both[1]) is Lower and type(both[1] + both[0]) is Lower
    with pytest.raises(TypeError, match="add: no implementation found for Tagged, Other"):
        plait.add(both[0], plait.ones(2).as_subclass(Other))


def test_classes_that_are_no_tensors():
    assert plait.add(Amount(3), plait.ones(1))[:1] == ("add",)
    name, args, kwargs = plait.sum(Amount(3), dim=0)
    assert (name, args, kwargs) == ("sum", [3], {"dim": 0})
    with pytest.raises(TypeError, match="matmul: no implementation found for Amount"):
        plait.matmul(Amount(3), plait.ones(1))
    assert overrides.is_tensor_like(Amount(1)) and not overrides.is_tensor_like([1])
    with pytest.raises(TypeError, match="must be a Tensor"):
        plait.exp(object())


def test_handle_torch_function_in_a_function_of_ones_own():
    @overrides.wrap_torch_function(lambda a: (a,))
    def double(a):
        return 2 * a

    assert double(4) == 8 and double(Amount(4))[0] == "double"
    x = plait.ones(1).as_subclass(Tagged)
    assert type(double(x)) is Tagged


OPERATORS = {
    "add": lambda x: x + 1,
    "mul": lambda x: 2 * x,
    "sub": lambda x: x - x,
    "__rsub__": lambda x: 1 - x,
    "div": lambda x: x / 2,
    "__rtruediv__": lambda x: 2 / x,
    "__rpow__": lambda x: 2**x,
    "__rmod__": lambda x: 2 % x,
    "matmul": lambda x: x @ x,
    "neg": lambda x: -x,
    "abs": abs,
    "lt": lambda x: x < 1,
    "gt": lambda x: x > 1,
    "eq": lambda x: x == x,
    "add_": lambda x: operator.iadd(x, 1),
    "pow_": lambda x: operator.ipow(x, 2),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_come_as_the_methods_they_stand_for(name):
    x = plait.full((2, 2), 3.0)
    expected = OPERATORS[name](x.clone())
    names, result = logged(lambda: OPERATORS[name](x.clone().as_subclass(Logged)))
    assert names[-1] == name and type(result) is Logged
    assert plait.equal(result.as_subclass(plait.Tensor), expected)
    with Counting() as mode:
        result = OPERATORS[name](x)
    assert mode.names == [name] and plait.equal(result, expected)


def test_operators_with_objects_that_are_no_tensors():
    x = plait.ones(2)
    assert (x * Amount(3))[0] == "mul" and (Amount(3) - x)[0] == "__rsub__"
    x = plait.ones(2)
    assert (x == object()) is False and (x != object()) is True
    with pytest.raises(TypeError, match="unsupported operand"):
        x * object()


class Counting(overrides.TorchFunctionMode):
    def __init__(self):
        self.names = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.names.append(func.__name__)
        return func(*args, **(kwargs or {}))


def test_modes():
    with Counting() as outer:
        x = plait.zeros(2)
        with Counting() as inner:
            plait.exp(x)
        plait.exp(x)
    plait.exp(x)
    assert inner.names == ["exp"] and outer.names == ["zeros", "exp", "exp"]
    with Counting() as mode, overrides.DisableTorchFunctionSubclass():
        plait.exp(x)
    assert mode.names == ["exp"]


def test_a_mode_is_of_its_thread():
    seen = []
    with Counting() as mode:
        thread = threading.Thread(target=lambda: seen.append(plait.ones(2).tolist()))
        thread.start()
        thread.join()
    assert seen == [[1, 1]] and mode.names == []


def test_an_error_leaves_everything_as_it_was():
    x = plait.ones(2).as_subclass(Tagged)
    with pytest.raises(RuntimeError):
        x + plait.ones(3)
    assert type(x + 1) is Tagged
    with pytest.raises(RuntimeError), Counting():
        plait.ones(2) + plait.ones(3)
    assert not overrides.has_torch_function((1,))


def test_repr_copies_and_pickles():
    x = plait.ones(2).as_subclass(Tagged)
    assert repr(x) == "Tagged([1., 1.])"
    assert repr(plait.nn.Parameter(plait.ones(1))).startswith("Parameter containing:\ntensor(")
    for y in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(y) is Tagged and y.tolist() == [1, 1]


def test_attributes_of_a_subclass():
    class Named(plait.Tensor):
        def __new__(cls, data, name):
            return plait.as_tensor(data).as_subclass(cls)

        def __init__(self, data, name):
            self.name = name

        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            result = super().__torch_function__(func, types, args, kwargs)
            if isinstance(result, cls):
                result.name = next(a.name for a in args if isinstance(a, cls))
            return result

    x = Named([1.0, 2.0], "metres")
    assert (x * 2).name == plait.exp(x).name == (1 + x).name == "metres"
