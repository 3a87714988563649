"""The losses that `ctc_loss` reduces: by kernels on the CPU, step by step in ops elsewhere and for second
derivatives.
"""

from __future__ import annotations

import plait
from plait import Tensor
from plait.autograd import Function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ops = plait._C.ops


class _Losses(Function):
    @staticmethod
    def forward(ctx: Any, log_probs: Tensor, targets: Tensor, *rest: Any) -> Tensor:
        ctx.save_for_backward(log_probs, targets)
        ctx.rest = rest
        return _ops["_ctc_loss"](log_probs, targets, *rest)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        log_probs, targets = ctx.saved_tensors
        if plait.is_grad_enabled():
            losses = _by_steps(log_probs, targets, *ctx.rest)
            (found,) = plait.autograd.grad(losses, log_probs, grad, create_graph=True)
        else:
            found = _ops["_ctc_loss_backward"](grad, log_probs, targets, *ctx.rest)
        return found, None, None, None, None


def each_loss(log_probs: Tensor, targets: Tensor, steps: list[int], sizes: list[int], blank: int) -> Tensor:
    """-log of the probability of each target, for log_probs (T, N, C) and the lengths of both."""
    if log_probs.is_cuda:
        return _by_steps(log_probs, targets, steps, sizes, blank)
    x = log_probs if log_probs.dtype in (plait.float32, plait.float64) else log_probs.float()
    return _Losses.apply(x, targets, steps, sizes, blank).to(log_probs.dtype)


def _by_steps(log_probs: Tensor, targets: Tensor, reach: list[int], sizes: list[int], blank: int) -> Tensor:
    """The forward recursion in log space, over all samples at once."""
    steps, n, _ = log_probs.shape
    given = targets.tolist()
    if targets.dim() == 1:
        starts = [sum(sizes[:i]) for i in range(n)]
        given = [given[s : s + k] for s, k in zip(starts, sizes, strict=True)]
    longest = max(sizes, default=0)
    # every label between blanks; what is past the end of a target is blank and never read
    paths, jumps = [], []
    for row, size in zip(given, sizes, strict=True):
        path = [blank] * (2 * longest + 1)
        path[1 : 2 * size : 2] = row[:size]
        paths.append(path)
        jumps.append([i >= 2 and path[i] != blank and path[i] != path[i - 2] for i in range(len(path))])
    device, dtype = log_probs.device, log_probs.dtype
    nothing = float("-inf")
    # finite, so that the gradient of logsumexp stays a number
    low = -1e30 if dtype in (plait.float32, plait.float64) else -1e4
    index = plait.tensor(paths, dtype=plait.int64, device=device)
    barred = plait.tensor([[0.0 if j else low for j in row] for row in jumps], dtype=dtype, device=device)
    emitted = log_probs.gather(2, index.unsqueeze(0).expand(steps, n, index.shape[1]))
    begin = plait.full((n, index.shape[1]), low, dtype=dtype, device=device)
    begin[:, :2] = 0.0
    alpha = begin + (emitted[0] if steps else 0.0)
    ends = [alpha]
    wall = plait.full((n, 2), low, dtype=dtype, device=device)
    for t in range(1, steps):
        one = plait.cat([wall[:, :1], alpha[:, :-1]], 1)
        two = plait.cat([wall, alpha[:, :-2]], 1)[:, : index.shape[1]] + barred
        alpha = plait.logsumexp(plait.stack([alpha, one, two]), 0) + emitted[t]
        ends.append(alpha)
    losses = []
    for i, (last, size) in enumerate(zip(reach, sizes, strict=True)):
        if last == 0:
            losses.append(plait.full((), 0.0 if size == 0 else -nothing, dtype=dtype, device=device))
            continue
        final = ends[last - 1][i, max(2 * size - 1, 0) : 2 * size + 1]
        total = -plait.logsumexp(final, 0)
        impossible = float(total.detach()) > -low / 2
        losses.append(total * 0.0 - nothing if impossible else total)
    return plait.stack(losses) if losses else log_probs.sum((0, 2))
