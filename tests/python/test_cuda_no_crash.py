"""Calls that once touched memory that is not theirs on a device, and those of test_no_crash.py there."""

import plait
import pytest
from cuda_device import needs_cuda
from test_no_crash import OPS, PRIVATE, REFUSED

pytestmark = needs_cuda


def on_cuda(value):
    if isinstance(value, (list, tuple)):
        return type(value)(map(on_cuda, value))
    return value.cuda() if isinstance(value, plait.Tensor) else value


def refuse(name, args):
    """An error, be it one that the device sees; and the device goes on."""
    with pytest.raises(REFUSED):
        OPS[name](*on_cuda(args))
        plait.cuda.synchronize()
    assert plait.ones(3, device="cuda").sum().item() == 3


@pytest.mark.parametrize("name", PRIVATE)
def test_private_ops_check_their_arguments(name):
    for args in PRIVATE[name]:
        refuse(name, args)


ROW = plait.ones(3)
OF_THE_DEVICE = {
    "_move_running_": [
        (ROW[:2], None, None, ROW, ROW, 0.1, 1.0),
        (None, ROW[:2], None, ROW, ROW, 0.1, 1.0),
        (ROW, ROW, None, ROW, ROW[:2], 0.1, 1.0),
        (ROW, ROW, None, ROW, ROW.double(), 0.1, 1.0),
        (ROW, ROW, None, ROW.long(), ROW.long(), 0.1, 1.0),
        (ROW, ROW, None, ROW.half(), ROW.half(), 0.1, 1.0),
        (ROW, ROW.to("meta"), None, ROW, ROW, 0.1, 1.0),
    ],
}


@pytest.mark.parametrize("name", OF_THE_DEVICE)
def test_kernels_check_their_arguments(name):
    for args in OF_THE_DEVICE[name]:
        refuse(name, args)


def test_running_statistics_that_share_memory():
    x, wide = plait.ones(4, 3, device="cuda"), plait.ones(1, device="cuda").expand(3)
    with pytest.raises(RuntimeError, match=r"running_var.*share memory"):
        plait.nn.functional.batch_norm(x, plait.ones(3, device="cuda"), wide, training=True)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("p", [plait.full((4, 3), 0.5), plait.full((2,), 0.5), plait.full((3,), 0.5 + 0j)])
def test_probabilities_of_another_shape(device, p):
    x = plait.zeros(2, 3, device=device)
    with pytest.raises((TypeError, ValueError), match="bernoulli"):
        x.bernoulli_(p.to(device))
    assert not x.any()
    assert x.bernoulli_(plait.ones(3, device=device)).all()
