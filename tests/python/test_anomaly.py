"""Anomaly mode: what backward says of NaN and of errors, and which lines of forward it names."""

import gc
import threading

import numpy as np
import plait
import pytest


def faulty_line(x):
    return (x.sqrt() * 0).sum()  # the derivative at 0 is inf * 0


def test_nan_names_op_argument_index_and_the_forward_line():
    x = plait.tensor([[4.0, 1.0], [1.0, 0.0]], requires_grad=True)
    with plait.autograd.detect_anomaly():
        loss = faulty_line(x)
        with pytest.raises(RuntimeError) as caught:
            loss.backward()
    text = str(caught.value)
    assert "'SqrtBackward0' returned nan values in its 0th output" in text
    assert "argument 'self' of 'sqrt'" in text and "(2, 2)" in text and "float32" in text
    assert "first at index (1, 1)" in text
    assert "contains none" in text  # what sqrt was given was finite
    assert "Traceback of the forward call that recorded 'SqrtBackward0'" in text
    line = faulty_line.__code__.co_firstlineno + 1
    assert f"line {line}, in faulty_line" in text and "x.sqrt()" in text
    # The outermost call stands first, as in any traceback.
    assert text.index("in test_nan_names_op_argument") < text.index("in faulty_line")
    assert x.grad is None


def test_the_second_argument_and_items_of_lists_are_named():
    a = plait.ones(2, requires_grad=True)
    b = plait.tensor([1.0, 0.0], requires_grad=True)
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"argument 'other' of 'div'"):
        (plait.zeros(2) / b * a.detach()).sum().backward()
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="argument 'tensors', item 1"):
        plait.cat([a, b]).backward(plait.tensor([1.0, 1.0, 1.0, float("nan")]))


def test_a_nan_that_comes_from_above_is_told_as_such():
    x = plait.ones(3, requires_grad=True)
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="was given contains NaN, too"):
        (x * 2).backward(plait.tensor([1.0, float("nan"), 1.0]))


def test_without_nan_the_gradients_are_what_they_are_without_the_mode():
    x = plait.randn(4, 3, requires_grad=True)
    w = plait.randn(3, 2, requires_grad=True)
    plain = plait.autograd.grad((x @ w).tanh().sum(), (x, w))
    with plait.autograd.detect_anomaly():
        watched = plait.autograd.grad((x @ w).tanh().sum(), (x, w))
    for a, b in zip(plain, watched):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_check_nan_may_be_off():
    x = plait.zeros(1, requires_grad=True)
    with plait.autograd.detect_anomaly(check_nan=False):
        faulty_line(x).backward()
    assert np.isnan(x.grad.numpy()).all()


def test_infinities_are_no_nan():
    x = plait.zeros(1, requires_grad=True)
    with plait.autograd.detect_anomaly():
        x.sqrt().sum().backward()
    assert np.isinf(x.grad.numpy()).all()


def test_complex_and_half_gradients_are_looked_at():
    for dtype in (plait.float16, plait.bfloat16, plait.float64):
        x = plait.zeros(2, dtype=dtype, requires_grad=True)
        with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="SqrtBackward0"):
            faulty_line(x).backward()
    z = plait.ones(2, dtype=plait.complex64, requires_grad=True)
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError, match=r"index \(0"):
        (z * 2).backward(plait.tensor([complex(float("nan"), 0), 1 + 0j]))


def test_the_switches():
    assert not plait.is_anomaly_enabled() and plait.is_anomaly_check_nan_enabled()
    with plait.autograd.detect_anomaly():
        assert plait.is_anomaly_enabled() and plait.is_anomaly_check_nan_enabled()
        with plait.autograd.set_detect_anomaly(False):
            assert not plait.is_anomaly_enabled()
        with plait.autograd.detect_anomaly(check_nan=False):
            assert plait.is_anomaly_enabled() and not plait.is_anomaly_check_nan_enabled()
        assert plait.is_anomaly_enabled() and plait.is_anomaly_check_nan_enabled()
    assert not plait.is_anomaly_enabled()
    plait.autograd.set_detect_anomaly(True)
    try:
        assert plait.is_anomaly_enabled()
    finally:
        plait.autograd.set_detect_anomaly(False)
    assert not plait.is_anomaly_enabled()
    with pytest.raises(KeyError), plait.autograd.detect_anomaly():
        raise KeyError
    assert not plait.is_anomaly_enabled()

    @plait.autograd.detect_anomaly()
    def inside():
        return plait.is_anomaly_enabled()

    assert inside() and not plait.is_anomaly_enabled()


def test_forward_outside_of_the_mode_has_its_line_only():
    x = plait.zeros(1, requires_grad=True)
    loss = faulty_line(x)
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        loss.backward()
    assert "It was recorded at " in str(caught.value) and "in faulty_line" in str(caught.value)
    assert "switch anomaly mode on before forward" in str(caught.value)


class Bad(plait.autograd.Function):
    """Its derivative raises or gives NaN."""

    kind: type[Exception] | None = None

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        if Bad.kind is not None:
            raise Bad.kind("from the middle")
        return grad * float("nan")


def call_bad(x):
    return Bad.apply(x)


@pytest.mark.parametrize("kind", [ValueError, KeyError, RuntimeError, plait.OutOfMemoryError])
def test_an_error_in_a_derivative_keeps_its_type_and_gets_the_forward_lines(kind, monkeypatch):
    monkeypatch.setattr(Bad, "kind", kind)
    x = plait.ones(2, requires_grad=True)
    with plait.autograd.detect_anomaly():
        y = call_bad(x)
        with pytest.raises(kind, match="from the middle") as caught:
            y.sum().backward()
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert "Error in the backward of 'BadBackward'" in notes and "in call_bad" in notes
    with pytest.raises(kind) as caught:  # without the mode nothing is added
        call_bad(x).sum().backward()
    assert not getattr(caught.value, "__notes__", [])


def test_nan_of_a_custom_function(monkeypatch):
    monkeypatch.setattr(Bad, "kind", None)
    x = plait.ones(2, requires_grad=True)
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="tensor argument 0") as caught:
        call_bad(x).sum().backward()
    assert "'BadBackward' returned nan" in str(caught.value) and "in call_bad" in str(caught.value)


def test_an_error_of_the_core_gets_the_forward_lines():
    x = plait.ones(3, requires_grad=True)
    with plait.autograd.detect_anomaly():
        a = x * 1
        y = a.exp()
        b = a * a
        a.add_(1)  # a product needs what it was
        with pytest.raises(RuntimeError, match="modified by an in-place operation") as caught:
            (y + b).sum().backward()
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert "Error in the backward of 'MulBackward0'" in notes and "test_an_error_of_the_core" in notes


def make_gradient(x):
    (g,) = plait.autograd.grad((x**3).sum(), x, create_graph=True)
    return g


def test_under_create_graph_the_op_whose_derivative_made_the_node_is_named_too():
    x = plait.zeros(1, requires_grad=True)
    with plait.autograd.detect_anomaly():
        (g,) = plait.autograd.grad((x**1.5).sum(), x, create_graph=True)  # 1.5 * x ** 0.5
        with pytest.raises(RuntimeError) as caught:
            (g * 0).sum().backward()  # 0 * inf
    text = str(caught.value)
    assert "Traceback of the forward call that recorded" in text
    assert "That was in the backward of 'PowBackward0', whose own forward call was" in text


def test_no_reference_to_the_programs_frames_is_kept():
    class Marker:
        pass

    def forward(x):
        marker = Marker()  # a local of a frame on the stack
        y = x * 2
        return y, __import__("weakref").ref(marker)

    x = plait.ones(2, requires_grad=True)
    with plait.autograd.detect_anomaly():
        y, alive = forward(x)
        gc.collect()
        assert alive() is None
        y.sum().backward()


def test_the_mode_holds_for_all_threads():
    x = plait.zeros(1, requires_grad=True)
    caught = []

    def work():
        try:
            faulty_line(x).backward()
        except RuntimeError as error:
            caught.append(str(error))

    with plait.autograd.detect_anomaly():
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert len(caught) == 4 and all("in faulty_line" in text and "in work" in text for text in caught)


def test_large_tensors_whose_ops_run_without_the_interpreters_lock():
    x = plait.zeros(1 << 17, requires_grad=True)
    with plait.autograd.detect_anomaly(), pytest.raises(RuntimeError) as caught:
        faulty_line(x).backward()
    assert "in faulty_line" in str(caught.value) and "index (0" in str(caught.value)


def test_a_hook_that_mends_the_gradient_is_heard():
    x = plait.zeros(2, requires_grad=True)
    with plait.autograd.detect_anomaly():
        root = x.sqrt()
        root.grad_fn.register_hook(lambda inputs, outputs: tuple(plait.zeros_like(g) for g in inputs))
        (root * 0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0, 0])
