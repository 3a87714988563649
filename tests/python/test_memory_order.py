"""Tensor.dim_order: the order of dimensions in memory."""

from itertools import permutations

import plait
import pytest


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_order_of_permuted_tensors(order):
    x = plait.zeros(2, 3, 5, 7).permute(order)
    places = tuple(order.index(dim) for dim in range(4))
    assert x.dim_order() == places == x.dim_order(ambiguity_check=True)


def test_channels_last():
    formats = [plait.contiguous_format, plait.channels_last]
    x = plait.zeros(2, 3, 5, 7).to(memory_format=plait.channels_last)
    assert x.dim_order() == (0, 2, 3, 1) == x.dim_order(ambiguity_check=formats)
    assert plait.zeros(()).dim_order() == ()


def test_orders_of_which_there_are_more():
    x = plait.zeros(1, 2, 3, 4)
    assert x.dim_order() == (0, 1, 2, 3)
    assert x.dim_order(ambiguity_check=[plait.contiguous_format, plait.channels_last]) == (0, 1, 2, 3)
    both = plait.zeros(2, 1, 3, 4)  # contiguous, and channels-last
    with pytest.raises(RuntimeError, match="more than one order"):
        both.dim_order(ambiguity_check=[plait.contiguous_format, plait.channels_last])
    with pytest.raises(RuntimeError, match="more than one order"):
        plait.zeros(3).expand(2, 2, 3).dim_order(ambiguity_check=True)
