"""x.unsqueeze_(0) and its kin: the same tensor, on the same memory, in the shape of a view of itself."""

import gc
import weakref

import numpy as np
import plait
import pytest
from cuda_device import needs_cuda

CASES = [
    ("unsqueeze", (0,), (2, 3)),
    ("unsqueeze", (-1,), (2, 3)),
    ("unsqueeze", (0,), ()),
    ("squeeze", (), (1, 2, 1, 3)),
    ("squeeze", (0,), (1, 2, 1)),
    ("squeeze", ((0, -1),), (1, 2, 1)),
    ("squeeze", (1,), (1, 2)),  # nothing to drop
    ("t", (), (2, 3)),
    ("t", (), (3,)),
    ("transpose", (0, 2), (2, 3, 4)),
    ("transpose", (-1, 0), (4, 4)),
    ("swapaxes", (0, 1), (2, 3)),
    ("swapdims", (1, 2), (2, 3, 4)),
    ("transpose", (0, 1), (0, 3)),
]
IDS = [f"{n}{a}-{s}" for n, a, s in CASES]


def ramp(shape, **options):
    n = int(np.prod(shape))
    return (plait.arange(float(n), dtype=plait.float64) + 1).reshape(shape).clone().to(**options)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=needs_cuda)])
@pytest.mark.parametrize(("name", "args", "shape"), CASES, ids=IDS)
def test_shape_and_identity(name, args, shape, device):
    x = ramp(shape, device=device)
    want = getattr(x.clone(), name)(*args)
    address, version, base = x.data_ptr(), x._version, x._base
    assert getattr(x, name + "_")(*args) is x
    assert x.shape == want.shape and x.stride() == want.stride() and x.tolist() == want.tolist()
    assert x.data_ptr() == address and x.is_contiguous() == want.is_contiguous() and x._base is base
    assert x._version == version + 1
    assert x.sum().item() == want.sum().item()
    x.add_(1)
    assert x.tolist() == (want + 1).tolist()


@pytest.mark.parametrize(("name", "args", "shape"), CASES, ids=IDS)
def test_gradients(name, args, shape):
    """A weight for every element tells a gradient in the wrong order from the right one."""
    found = []
    for in_place in (True, False):
        x = ramp(shape).requires_grad_()
        y = x * 2
        y = getattr(y, name + "_")(*args) if in_place else getattr(y, name)(*args)
        recorded = "transpose" if name.startswith("swap") else name
        assert recorded in y.grad_fn.name().lower()
        (y * ramp(y.shape) * 3).sum().backward()
        found.append(x.grad)
    assert found[0].shape == x.shape and plait.equal(*found)

    def twice(x):
        y = x * x
        getattr(y, name + "_")(*args)
        return y * y * ramp(y.shape)

    if 0 not in shape:
        x = ramp(shape).requires_grad_()
        assert plait.autograd.gradcheck(twice, (x,)) and plait.autograd.gradgradcheck(twice, (x,))


def test_under_no_grad_the_history_goes_on():
    x = ramp((2, 2)).requires_grad_()
    y = x * 1
    with plait.no_grad():
        y.t_()
    (y * ramp((2, 2))).sum().backward()
    assert x.grad.tolist() == [[1, 3], [2, 4]]


def test_leaves():
    x = ramp((2, 3)).requires_grad_()
    with pytest.raises(RuntimeError, match=r"^t_: a leaf .* use \.t\(\), or plait\.no_grad\(\)"):
        x.t_()
    assert x.shape == (2, 3)
    with plait.no_grad():
        assert x.t_() is x
    assert x.shape == (3, 2) and x.is_leaf and x.requires_grad
    (x * ramp((3, 2))).sum().backward()
    assert x.grad.tolist() == ramp((3, 2)).tolist()
    p = plait.nn.Parameter(plait.ones(3))
    with pytest.raises(RuntimeError, match=r"^unsqueeze_: a leaf"):
        p.unsqueeze_(0)


def test_what_was_saved_in_the_old_shape_is_not_used():
    x = ramp((2, 2)).requires_grad_()
    y = x * 1
    z = (y * y).sum()
    y.t_()
    with pytest.raises(RuntimeError, match="modified by an in-place"):
        z.backward()


def test_of_a_view():
    """It stays a view of its base: writes and gradients go through."""
    base = ramp((2, 3))
    v = base[1].unsqueeze_(0)
    assert v._base is base and v.shape == (1, 3)
    v.fill_(9)
    assert base.tolist() == [[1, 2, 3], [9, 9, 9]]

    x = ramp((2, 3)).requires_grad_()
    y = x * 1
    v = y[1]
    v.unsqueeze_(1)
    v.mul_(10)
    assert y.tolist() == [[1, 2, 3], [40, 50, 60]]
    (y * ramp((2, 3)) + v.sum()).sum().backward()
    # y's own weights, times 10 in the second row; v.sum() is added six times.
    assert x.grad.tolist() == [[1, 2, 3], [100, 110, 120]]


def test_views_of_what_changes():
    """They keep their shape, and their place in the memory of the base."""
    x = ramp((2, 3)).requires_grad_()
    y = x * 1
    row = y[1]
    y.t_()
    assert y.shape == (3, 2) and row.tolist() == [4, 5, 6]
    (row * ramp((3,))).sum().backward(retain_graph=True)
    assert x.grad.tolist() == [[0, 0, 0], [1, 2, 3]]
    x.grad = None
    row.mul_(2)
    assert y.tolist() == [[1, 8], [2, 10], [3, 12]]
    (y * ramp((3, 2))).sum().backward()
    assert x.grad.tolist() == [[1, 3, 5], [4, 8, 12]]


def test_a_view_made_before_its_base_requires_grad():
    base = ramp((2, 3))
    v = base[0].unsqueeze_(0)
    base.requires_grad_()
    assert v.requires_grad
    (v * ramp((1, 3))).sum().backward()
    assert base.grad.tolist() == [[1, 2, 3], [0, 0, 0]]


def test_a_view_made_without_gradients_stays_without():
    x = ramp((2, 3)).requires_grad_()
    y = x * 1
    with plait.no_grad():
        v = y[0]
        v.unsqueeze_(0)
    assert not v.requires_grad and v.shape == (1, 3)


def test_retained_gradients():
    x = ramp((2,)).requires_grad_()
    y = x * 3
    y.retain_grad()
    y.unsqueeze_(0)
    (y * ramp((1, 2))).sum().backward()
    assert y.grad.tolist() == [[1, 2]] and x.grad.tolist() == [3, 6]


def test_nothing_is_kept_alive():
    x = ramp((2,)).requires_grad_()
    y = (x * 3).unsqueeze_(0)
    gone = weakref.ref(y)
    loss = y.sum()
    del y
    gc.collect()
    assert gone() is None
    loss.backward()
    assert x.grad.tolist() == [3, 3]


def test_on_meta_and_errors():
    m = plait.empty(2, 3, device="meta")
    assert m.t_().shape == (3, 2) and m.unsqueeze_(0).shape == (1, 3, 2) and m.squeeze_(0).shape == (3, 2)
    x = ramp((2, 3, 4))
    with pytest.raises(ValueError, match="t: expected at most 2 dimensions"):
        x.t_()
    with pytest.raises(IndexError, match=r"unsqueeze: dimension out of range: .* got 4"):
        x.unsqueeze_(4)
    with pytest.raises(TypeError, match="transpose"):
        x.transpose_(0)
    assert x.shape == (2, 3, 4) and x._version == 0
