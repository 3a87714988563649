"""Views alias, and in-place writes through any of them reach all of them, with gradients."""

import plait
import pytest


def leaf(*values):
    return plait.tensor(list(values), dtype=plait.float64, requires_grad=True)


def zeros(*shape):
    return plait.zeros(shape, dtype=plait.float64)


def ones(*shape):
    return plait.ones(shape, dtype=plait.float64)


def test_writes_show_both_ways():
    a = zeros(3, 4)
    v = a[1]
    v.fill_(5)
    a[1, 2] = 7
    assert v.tolist() == [5, 5, 7, 5] and a[0].tolist() == [0, 0, 0, 0]
    assert v._is_view() and v._base is a and not a._is_view()
    assert a.t()[2]._base is a, "the base of a view of a view is the first base"


def test_only_the_other_operand_requires_grad():
    a, w = ones(2, 3), leaf(2, 3, 4)
    v = a[0]
    v.mul_(w)
    assert a.requires_grad and v.requires_grad
    assert v.tolist() == [2, 3, 4] and a.tolist() == [[2, 3, 4], [1, 1, 1]]
    (a * a).sum().backward()
    assert w.grad.tolist() == [4, 6, 8]


def test_a_view_made_before_the_base_requires_grad():
    a = ones(3)
    v = a[:2]
    a.requires_grad_()
    with pytest.raises(RuntimeError, match="leaf"):
        v.mul_(2)


def test_a_gradient_through_a_view_made_before_the_base_requires_grad():
    """In PyTorch such a view says that it requires grad, and no gradient arrives (docs/differences.md)."""
    a = ones(3)
    v = a[1:]
    a.requires_grad_()
    assert v.requires_grad and not v.is_leaf
    (v * 3).sum().backward()
    assert a.grad.tolist() == [0, 3, 3]
    with plait.no_grad():
        w = a[1:]
    assert not w.requires_grad and not (w * 3).requires_grad


def test_write_to_a_view_of_an_intermediate():
    x = leaf(1, 2, 3)
    a = x * 2
    a[1:].mul_(10)
    a.sum().backward()
    assert x.grad.tolist() == [2, 20, 20]


def test_write_to_the_base_then_use_the_view():
    x = leaf(1, 2, 3)
    a = x * 2
    v = a[1:]
    a.mul_(5)
    assert v.tolist() == [20, 30]
    v.sum().backward()
    assert x.grad.tolist() == [0, 10, 10]


def test_two_views_overlap():
    x = leaf(1, 2, 3)
    a = x * 1
    left, right = a[:2], a[1:]
    left.mul_(3)
    assert right.tolist() == [6, 3]
    right.sum().backward()
    assert x.grad.tolist() == [0, 3, 1]


def test_a_view_of_a_view():
    x = leaf(*range(12))
    a = x.reshape(3, 4) * 1
    v = a.t()[1:3][:, 2]
    v.mul_(7)
    assert a[2].tolist() == [8, 63, 70, 11]
    a.sum().backward()
    assert x.grad.tolist() == [1] * 9 + [7, 7, 1]


def test_a_chain_of_writes():
    x, w = leaf(1, 2, 3, 4), leaf(5)
    a = x * 1
    v = a.view(2, 2)
    r = v[0]
    r.mul_(w)
    v.add_(1)
    a[0:1].mul_(2)
    r.sub_(1)
    (a * plait.tensor([1.0, 10, 100, 1000], dtype=plait.float64)).sum().backward()
    assert a.tolist() == [11, 10, 4, 5]
    assert x.grad.tolist() == [10, 50, 100, 1000]
    assert w.grad.tolist() == [2 * 1 + 10 * 2]


def test_the_gradient_of_the_base_is_that_of_its_views_too():
    """d(v0 + b0) / db0 is 2, wherever the gradient is looked at: by grad, retained, or by a hook."""
    w = plait.tensor([2.0, 3.0, 4.0], requires_grad=True)
    seen = []
    base = w * 1
    view, other = base[:2], base[1:]
    view.retain_grad()
    view.mul_(10)
    base.retain_grad()
    base.register_hook(lambda g: seen.append(g.tolist()))
    loss = (3 * view).sum() + (5 * other).sum() + 7 * base.sum()
    assert plait.autograd.grad(loss, (base, view, other), retain_graph=True)[0].tolist() == [10, 15, 12]
    seen.clear()
    base.grad = view.grad = None
    loss.backward()
    assert base.grad.tolist() == [10, 15, 12] and seen == [[10, 15, 12]]
    assert view.grad.tolist() == [3, 3]  # what used the view by its own name, after the write
    assert w.grad.tolist() == [100, 150, 12]


def test_a_gradient_retained_of_a_view_before_it_was_written():
    base = plait.tensor([1.0, 2.0], requires_grad=True).clone()
    views = [base[:], base[:]]
    for v in views:
        v.retain_grad()
    views[0].mul_(2)
    (3 * views[0] + 5 * views[1]).sum().backward()
    assert views[0].grad.tolist() == [3, 3] and views[1].grad.tolist() == [5, 5]


def test_copy_and_setitem():
    x, w = leaf(1, 2, 3), leaf(7, 8)
    a = x * 2
    a[1:] = w * 3
    assert a.tolist() == [2, 21, 24]
    a.sum().backward()
    assert x.grad.tolist() == [2, 0, 0] and w.grad.tolist() == [3, 3]


def test_fill_cuts_the_history():
    x = leaf(1, 2, 3)
    a = x * 2
    a[0] = 5.0
    a[1:].zero_()
    assert a.requires_grad
    a.sum().backward()
    assert x.grad.tolist() == [0, 0, 0]


def test_assignments_by_index_and_mask():
    x, w = leaf(1, 2, 3, 4), leaf(10, 20)
    a = x * 1
    a[plait.tensor([3, 0])] = w
    a[a > 15] = 0.0
    a[a < 3] += 5
    assert a.tolist() == [0, 2, 3, 10] or a.tolist() == [5, 7, 3, 10]
    a.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 0] and w.grad.tolist() == [1, 0]


def test_views_through_every_shape_op():
    for view in (
        lambda t: t.view(6),
        lambda t: t.reshape(3, 2),
        lambda t: t.t(),
        lambda t: t[None],
        lambda t: t[:, 1],
        lambda t: t[..., ::2],
        lambda t: t.unsqueeze(1),
        lambda t: t.permute(1, 0),
        lambda t: t.flatten(),
        lambda t: t.diagonal(),
        lambda t: t.narrow(1, 1, 2),
        lambda t: t.unfold(1, 2, 2),
        lambda t: t.as_strided((2, 2), (3, 1), 1),
        lambda t: t.view_as(t),
        lambda t: t.select(0, 1),
        lambda t: t.movedim(0, 1),
        lambda t: t.unflatten(1, (3, 1)),
        lambda t: t.squeeze(),
        lambda t: t.mT,
    ):
        x = leaf(1, 2, 3, 4, 5, 6)
        a = x.reshape(2, 3) * 1
        touched = view(zeros(2, 3).add(0))
        mark = zeros(2, 3)
        view(mark).fill_(1)
        v = view(a)
        v.mul_(3)
        assert tuple(v.shape) == tuple(touched.shape)
        assert (a.detach() == (1 + 2 * mark) * x.detach().reshape(2, 3)).all()
        a.sum().backward()
        assert (x.grad.reshape(2, 3) == 1 + 2 * mark).all()


def test_double_backward_through_a_written_view():
    x = leaf(1, 2, 3)
    a = x * x
    a[1:].mul_(x[1:])
    (g,) = plait.autograd.grad(a.sum(), x, create_graph=True)
    assert g.tolist() == [2, 12, 27]
    (gg,) = plait.autograd.grad(g.sum(), x)
    assert gg.tolist() == [2, 12, 18]


@pytest.mark.parametrize("split", [lambda a: a.unbind(0), lambda a: a.split(1), lambda a: a.chunk(2)])
def test_multi_output_views_refuse(split):
    x = leaf(1, 2)
    a = (x * 1).reshape(2, 1)
    parts = split(a)
    with pytest.raises(RuntimeError, match=r"(?i)multi|several|view"):
        parts[0].mul_(2)
    assert parts[1].sum().item() == 2


def test_multi_output_views_without_grad_may_be_written():
    a = ones(2, 3)
    for part in a.unbind(0):
        part.mul_(2)
    assert a.tolist() == [[2, 2, 2], [2, 2, 2]]


def test_a_view_made_under_no_grad_refuses():
    x = leaf(1, 2, 3)
    a = x * 1
    with plait.no_grad():
        v = a[:2]
    with pytest.raises(RuntimeError, match="no_grad"):
        v.mul_(leaf(1, 1))
    with plait.no_grad():
        v.mul_(2)
    assert a.tolist() == [2, 4, 3]


def test_a_view_made_under_no_grad_refuses_though_nothing_else_requires_grad():
    x = plait.ones(3, requires_grad=True)
    base = x * 1
    with plait.no_grad():
        view = base[0]
    with pytest.raises(RuntimeError, match="no_grad"):
        view.mul_(2)
    assert base.tolist() == [1, 1, 1]
    with plait.no_grad():
        view.mul_(2)
    plain = plait.ones(3)
    with plait.no_grad():
        view = plain[0]
    view.mul_(2)
    assert base.tolist() == plain.tolist() == [2, 1, 1]


def complex_leaf():
    return plait.tensor([1 + 2j, 3 - 1j, -2 + 0.5j], dtype=plait.complex128, requires_grad=True)


WRITES_THROUGH_PARTS = {
    "a part": lambda y, w: y.real.mul_(w),
    "an element of a part": lambda y, w: y.imag[1:].mul_(w[1:]),
    "pairs": lambda y, w: plait.view_as_real(y)[1].mul_(w[0]),
    "assignment": lambda y, w: y.imag.__setitem__(0, w[2] * 2),
    "a cut": lambda y, w: y.imag.zero_(),
}


@pytest.mark.parametrize("write", WRITES_THROUGH_PARTS)
def test_writes_through_the_parts_of_complex_numbers(write):
    def function(x, w):
        y = x * (1 + 1j)
        WRITES_THROUGH_PARTS[write](y, w)
        return y * y

    w = plait.tensor([0.5, 2.0, -3.0], dtype=plait.float64, requires_grad=True)
    assert plait.autograd.gradcheck(function, (complex_leaf(), w))
    assert plait.autograd.gradgradcheck(function, (complex_leaf(), w))


def test_writes_through_a_complex_view_of_pairs():
    def function(x):
        y = x * 3
        plait.view_as_complex(y)[1:].mul_(1 + 2j)
        return y * y

    x = plait.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]], dtype=plait.float64, requires_grad=True)
    assert plait.autograd.gradcheck(function, (x,))


def test_the_parts_of_complex_numbers_after_a_write_to_the_whole():
    def of_complex(x):
        y = x * 1
        pairs = plait.view_as_real(y)
        y.mul_(x)
        return pairs

    def of_pairs(x):
        y = x * 1
        numbers = plait.view_as_complex(y)
        y.mul_(x)
        return numbers

    assert plait.autograd.gradcheck(of_complex, (complex_leaf(),))
    x = plait.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=plait.float64, requires_grad=True)
    assert plait.autograd.gradcheck(of_pairs, (x,))


def test_expanded_tensors_refuse_in_place():
    a = ones(3, 1).expand(3, 4)
    with pytest.raises(RuntimeError, match=r"(?i)expand|overlap|memory"):
        a.add_(1)
    with pytest.raises(RuntimeError, match=r"(?i)expand|overlap|memory"):
        plait.add(ones(3, 4), 1, out=a)


def test_an_empty_argument_may_be_resized_as_output():
    for _ in range(20):  # it once grew before the kernel read it, which then wrote past its end
        x, y = plait.zeros(0), plait.ones(4, 6)
        assert plait.cat([x, y], out=x) is x
        assert x.shape == (4, 6) and bool((x == 1).all())
    a = plait.ones(0, 3)
    version = a._version
    assert plait.mm(plait.ones(3, 0), a, out=a) is a and a._version > version
    assert a.shape == (3, 3) and bool((a == 0).all())


def test_partial_overlap_of_input_and_output():
    """The input counts as it was before the call, as in NumPy (docs/differences.md)."""
    a = plait.arange(6, dtype=plait.float64)
    a[1:].add_(a[:-1])
    assert a.tolist() == [0, 1, 3, 5, 7, 9]
    plait.mul(a[:-1], 2, out=a[1:])
    assert a.tolist() == [0, 0, 2, 6, 10, 14]
    a.add_(a)
    assert a.tolist() == [0, 0, 4, 12, 20, 28]


def test_in_place_with_itself_transposed():
    a = plait.arange(9, dtype=plait.float64).reshape(3, 3)
    want = (a.clone() + a.t().clone()).tolist()
    try:
        a += a.t()
    except RuntimeError as e:
        assert "overlap" in str(e).lower() or "memory" in str(e).lower()
    else:
        assert a.tolist() == want


def test_strides_and_contiguity():
    a = plait.zeros((2, 3, 4))
    assert a.stride() == (12, 4, 1) and a.is_contiguous()
    assert a.permute(2, 0, 1).stride() == (1, 12, 4) and not a.permute(2, 0, 1).is_contiguous()
    assert a[:, 1].storage_offset() == 4
    assert a.contiguous() is a
    c = a.transpose(0, 2).contiguous()
    assert c.is_contiguous() and c.data_ptr() != a.data_ptr()
    with pytest.raises(RuntimeError, match=r"(?s)view.*reshape"):
        a.transpose(0, 2).view(24)
    assert a.expand(2, 3, 4).stride() == (12, 4, 1) and plait.zeros(3, 1).expand(3, 4).stride() == (1, 0)


def test_channels_last():
    a = plait.randn(2, 3, 4, 5)
    c = a.contiguous(memory_format=plait.channels_last)
    assert c.stride() == (60, 1, 15, 3) and c.is_contiguous(memory_format=plait.channels_last)
    assert (c == a).all()
    assert (c + 1).stride() == c.stride(), "pointwise ops keep the layout"
    assert c.clone().stride() == c.stride()


def test_basic_indexing_is_a_view_and_advanced_a_copy():
    a = plait.arange(12).reshape(3, 4)
    inside = range(a.data_ptr(), a.data_ptr() + 12 * 8)
    for basic in (a[1], a[1:], a[..., 0], a[:, None], a[0, 0], a[::2, 1:3]):
        assert basic.data_ptr() in inside
    for advanced in (a[[0, 2]], a[plait.tensor([0])], a[a > 3], a[plait.tensor([True, False, True])]):
        assert advanced.data_ptr() not in inside
    assert a[1, [0, 2]].tolist() == [4, 6]
    assert a[True].shape == (1, 3, 4) and a[False].shape == (0, 3, 4)


def test_a_gradient_flows_through_indexing():
    x = plait.arange(12, dtype=plait.float64).reshape(3, 4).requires_grad_()
    (x[1, 2:] * 2).sum().backward()
    x[[0, 0], [1, 1]].sum().backward()
    x[x.detach() > 10].sum().backward()
    assert x.grad.tolist() == [[0, 2, 0, 0], [0, 0, 2, 2], [0, 0, 0, 1]]


def test_views_keep_memory_alive():
    v = plait.arange(1000)[10:13]
    for _ in range(20):
        plait.full((1000,), -1)
    assert v.tolist() == [10, 11, 12]


def test_tensor_split_by_a_tensor():
    x = plait.arange(12).reshape(2, 6)
    for given in (3, [1, 4], [4, 1, -1], []):
        want = x.tensor_split(given, 1)
        got = x.tensor_split(plait.tensor(given, dtype=plait.int64), 1)
        assert [p.tolist() for p in got] == [p.tolist() for p in want]
        assert all(p._base is x._base for p in got)
    every_other = plait.tensor([1, 9, 4, 9])[::2]
    assert [p.tolist() for p in x[0].tensor_split(every_other)] == [[0], [1, 2, 3], [4, 5]]
    with pytest.raises(TypeError, match="int64 on the CPU, got float32"):
        x.tensor_split(plait.tensor([1.0]))
    with pytest.raises(ValueError, match=r"shape \(\) or \(n,\), got \(1, 1\)"):
        x.tensor_split(plait.tensor([[1]]))


def test_as_strided_in_place():
    x = plait.arange(6.0)
    assert x.as_strided_((2, 2), (1, 2), 1) is x and x.tolist() == [[1, 3], [2, 4]]
    w = leaf(1.0, 2.0, 3.0, 4.0)
    y = w * 2
    y.as_strided_((2, 2), (2, 1))
    (y * y).sum().backward()
    assert w.grad.tolist() == [8, 16, 24, 32]


def test_as_strided_scatter_means_places_in_memory():
    memory = plait.zeros(12, dtype=plait.float64)
    x = memory[1:].as_strided((2, 3), (1, 4), 1).requires_grad_()  # elements 1, 5, 9 and 2, 6, 10
    src = leaf(7.0, 8.0, 9.0)
    y = plait.as_strided_scatter(x, src, (3,), (4,))  # from x's own first element on
    assert y.tolist() == [[7, 8, 9], [0, 0, 0]]
    between = plait.as_strided_scatter(x, src, (3,), (1,), 5)  # elements 5, 6 and 7, which is none of x's
    assert between.tolist() == [[0, 7, 0], [0, 8, 0]]
    (between * between).sum().backward()
    assert src.grad.tolist() == [14, 16, 0] and x.grad.tolist() == [[0, 0, 0], [0, 0, 0]]


PARTS = {
    "real": lambda z: z.real,
    "imag": lambda z: z.imag,
    "a column of the parts": lambda z: plait.view_as_real(z)[1:, 0],
    "the real part of a window": lambda z: z[1:, ::2].real,
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("tracked", [True, False])
def test_writes_through_parts_of_complex_numbers(part, tracked):
    """`tracked`: the complex numbers have a history before the write."""
    z = plait.arange(12, dtype=plait.float64).reshape(3, 4) * (1 - 2j) + 1
    w = PARTS[part](z).clone() * 0.3 + 2

    def f(z, w):
        base = z * 1 if tracked else z.detach().clone()
        old = PARTS[part](base)
        whole = base.view(-1)
        PARTS[part](base).mul_(w)  # a write that needs what was there
        base[2, 1] *= 1j
        PARTS[part](base).add_(w)
        return (base.abs() ** 2).sum() + (old * w).sum() + (whole.real * whole.imag).sum()

    z.requires_grad_(tracked)
    w.requires_grad_()
    assert plait.autograd.gradcheck(f, (z, w))
    assert plait.autograd.gradgradcheck(f, (z, w))


def test_writes_through_complex_numbers_made_of_pairs():
    pairs = plait.arange(12, dtype=plait.float64).reshape(3, 2, 2).requires_grad_()
    w = plait.tensor([1 + 1j, 2 - 1j], dtype=plait.complex128, requires_grad=True)

    def f(pairs, w):
        base = pairs * 1
        old = plait.view_as_complex(base[1])
        plait.view_as_complex(base)[1:].mul_(w)
        return (base**3).sum() + (old * old.conj()).real.sum()

    assert plait.autograd.gradcheck(f, (pairs, w))
    assert plait.autograd.gradgradcheck(f, (pairs, w))


def test_parts_of_a_leaf_are_refused_by_their_reason():
    z = plait.ones(2, dtype=plait.complex64).requires_grad_()
    with pytest.raises(RuntimeError, match="view of a leaf tensor that requires grad"):
        z.real.mul_(2)
    with pytest.raises(RuntimeError, match="view of a leaf tensor that requires grad"):
        z.imag = plait.ones(2)
    with plait.no_grad():
        z.imag = plait.ones(2)
    assert z.tolist() == [1 + 1j, 1 + 1j]
