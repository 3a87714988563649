"""How a tensor's dimensions lie in memory."""

from __future__ import annotations

from itertools import pairwise

from . import _C, Tensor


def _has_one_order(tensor: Tensor) -> bool:
    return 1 not in tensor.shape and all(outer != inner for outer, inner in pairwise(tensor.stride()))


def dim_order(
    self: Tensor, *, ambiguity_check: bool | list[_C.memory_format] = False
) -> tuple[int, ...]:
    """The dimensions from the outermost in memory, of the greatest stride, to the innermost.

    Dimensions of one element may stand anywhere, as may those of equal strides: here they keep their order.
    `ambiguity_check=True` refuses tensors that have such dimensions; a list of memory formats refuses them
    unless the tensor is of exactly one of these.

    Returns: a tuple of `self.dim()` ints. Raises: RuntimeError where the order is refused, TypeError for
    another `ambiguity_check`.

    >>> plait.zeros(2, 3, 5, 7).to(memory_format=plait.channels_last).dim_order()
    (0, 2, 3, 1)
    """
    formats = [] if isinstance(ambiguity_check, bool) else ambiguity_check
    if not isinstance(formats, list) or not all(isinstance(each, _C.memory_format) for each in formats):
        raise TypeError(
            "dim_order: expected ambiguity_check to be a bool or a list of memory formats, "
            f"got {ambiguity_check!r}"
        )
    if ambiguity_check is not False and not _has_one_order(self):
        if sum(self.is_contiguous(memory_format=each) for each in formats) != 1:
            raise RuntimeError(
                f"dim_order: a tensor of shape {tuple(self.shape)} and strides {self.stride()} may be read "
                "in more than one order of dimensions; leave out ambiguity_check for one of them"
            )
    strides = self.stride()
    return tuple(sorted(range(self.dim()), key=lambda dim: -strides[dim]))
