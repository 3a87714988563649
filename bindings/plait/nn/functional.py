"""The functions behind the layers, with PyTorch's names and signatures.

Most are registered ops, which are handed on at first use (`F.linear is plait.linear`). Here stand those that
take an option the op has no need of (`inplace`, `return_indices`, a missing `dim`) and small composites;
larger composites live in the modules that `_COMPOSITES` names, and are imported at first use.
"""

from __future__ import annotations

import plait
from plait import Tensor
from plait._autocast import one_op as _one_op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_OP_NAMES = """
    adaptive_avg_pool1d avg_pool1d avg_pool2d avg_pool3d
    batch_norm binary_cross_entropy binary_cross_entropy_with_logits conv1d conv2d conv3d conv_transpose1d
    conv_transpose2d conv_transpose3d cosine_embedding_loss cosine_similarity cross_entropy
    gaussian_nll_loss gelu group_norm hardshrink hinge_embedding_loss huber_loss instance_norm
    kl_div l1_loss layer_norm linear logsigmoid margin_ranking_loss mse_loss nll_loss one_hot
    pad pairwise_distance channel_shuffle pixel_shuffle pixel_unshuffle poisson_nll_loss prelu relu_ rms_norm
    scaled_dot_product_attention sigmoid smooth_l1_loss softplus softshrink softsign tanh tanhshrink
    triplet_margin_loss elu_ selu_ celu_ leaky_relu_ hardtanh_ threshold_
"""
_OPS = frozenset(_OP_NAMES.split())

_COMPOSITES = {
    "conv_tbc": "windows",
    "ctc_loss": "losses",
    "affine_grid": "grids",
    "embedding_bag": "bags",
    "fold": "windows",
    "fractional_max_pool2d": "windows",
    "fractional_max_pool2d_with_indices": "windows",
    "fractional_max_pool3d": "windows",
    "fractional_max_pool3d_with_indices": "windows",
    "interpolate": "resizing",
    "grid_sample": "grids",
    "grouped_mm": "grouped",
    "local_response_norm": "windows",
    "max_unpool1d": "windows",
    "max_unpool2d": "windows",
    "max_unpool3d": "windows",
    "linear_cross_entropy": "losses",
    "lp_pool1d": "windows",
    "lp_pool2d": "windows",
    "lp_pool3d": "windows",
    "multi_head_attention_forward": "attention",
    "multi_margin_loss": "losses",
    "multilabel_margin_loss": "losses",
    "multilabel_soft_margin_loss": "losses",
    "pdist": "losses",
    "soft_margin_loss": "losses",
    "triplet_margin_with_distance_loss": "losses",
    "unfold": "windows",
}


def __getattr__(name: str) -> Any:
    # Found once, then an ordinary global of this module.
    if name in _COMPOSITES:
        from importlib import import_module

        found = getattr(import_module(f"{__package__}.{_COMPOSITES[name]}"), name)
    elif name in _OPS and hasattr(plait, name):
        found = getattr(plait, name)
    else:
        text = f"module '{__name__}' has no attribute '{name}'"
        if name.startswith("_"):
            raise AttributeError(text)
        from plait._missing import MissingName

        raise MissingName(text, name, __dir__, "see dir(plait.nn.functional) for what there is")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    here = [
        name
        for name in globals()
        if not name.startswith("_") and name not in ("annotations", "plait", "Tensor")
    ]
    return sorted({*here, *_COMPOSITES, *(name for name in _OPS if hasattr(plait, name))} - {"TYPE_CHECKING"})


def _legacy_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """What the former options `size_average` and `reduce` mean; they warn."""
    size_average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    result = "none" if not reduce else "mean" if size_average else "sum"
    from warnings import warn

    warn(f"size_average and reduce are deprecated; use reduction='{result}' instead", stacklevel=3)
    return result


def _with_legacy_reduction(
    op: Any, *args: Any, size_average: bool | None = None, reduce: bool | None = None, **kwargs: Any
) -> Any:
    """A loss with the former options in the place of `reduction`; None for both of them means neither."""
    if size_average is not None or reduce is not None:
        kwargs["reduction"] = _legacy_reduction(size_average, reduce)
    return op(*args, **kwargs)


# ---- activations that may work in place


def _in_place(name: str, input: Tensor, *args: Any) -> Tensor:
    method = getattr(input, name + "_", None)
    if method is not None:
        return method(*args)
    return input.copy_(getattr(plait, name)(input.clone(), *args))


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(0, x), elementwise."""
    return input.relu_() if inplace else plait.relu(input)


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(0, x), 6), elementwise."""
    return _in_place("relu6", input) if inplace else plait.relu6(input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha (exp(x) - 1)."""
    return _in_place("elu", input, alpha) if inplace else plait.elu(input, alpha)


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """The self-normalising ELU of Klambauer et al. 2017."""
    return _in_place("selu", input) if inplace else plait.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """max(0, x) + min(0, alpha (exp(x / alpha) - 1))."""
    return _in_place("celu", input, alpha) if inplace else plait.celu(input, alpha)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope x."""
    return (
        _in_place("leaky_relu", input, negative_slope) if inplace else plait.leaky_relu(input, negative_slope)
    )


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x held between min_val and max_val."""
    return (
        _in_place("hardtanh", input, min_val, max_val) if inplace else plait.hardtanh(input, min_val, max_val)
    )


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6."""
    return _in_place("hardsigmoid", input) if inplace else plait.hardsigmoid(input)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x relu6(x + 3) / 6."""
    return _in_place("hardswish", input) if inplace else plait.hardswish(input)


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x sigmoid(x)."""
    return _in_place("silu", input) if inplace else plait.silu(input)


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(softplus(x))."""
    return _in_place("mish", input) if inplace else plait.mish(input)


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x > threshold, else value."""
    return (
        _in_place("threshold", input, threshold, value)
        if inplace
        else plait.threshold(input, threshold, value)
    )


def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """x where x >= 0, else a x; `a` is from U(lower, upper) in training, (lower + upper) / 2 otherwise."""
    if lower > upper:
        raise plait.ArgumentError(f"rrelu: expected lower <= upper, got lower={lower} and upper={upper}")
    if training:
        slope: Any = plait.empty_like(input).uniform_(lower, upper)
        scale = plait.where(input.detach() >= 0, plait.ones_like(slope), slope)
        return input.mul_(scale) if inplace else input * scale
    return leaky_relu(input, (lower + upper) / 2, inplace)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """rrelu, in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a sigmoid(b) for the two halves a, b of dimension `dim`."""
    if input.dim() == 0:
        raise RuntimeError("glu: input should have at least 1 dimension, got a 0-d tensor")
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"glu: the size of dimension {dim} should be even, got shape {tuple(input.shape)}; choose "
            "another dim"
        )
    a, b = input.chunk(2, dim)
    return a * plait.sigmoid(b)


# ---- softmax and its relatives


def _softmax_dim(name: str, ndim: int) -> int:
    from warnings import warn

    warn(f"{name}: the choice of a dimension is left open, which is deprecated; say dim=...", stacklevel=3)
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """exp(x) / sum exp(x) over dimension `dim`, computed in `dtype` where given."""
    if dim is None:
        dim = _softmax_dim("softmax", input.dim())
    return plait.softmax(input, dim) if dtype is None else plait.softmax(input, dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """log softmax(x) over dimension `dim`, computed in `dtype` where given."""
    if dim is None:
        dim = _softmax_dim("log_softmax", input.dim())
    return plait.log_softmax(input, dim) if dtype is None else plait.log_softmax(input, dim, dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None) -> Tensor:
    """softmax(-x) over dimension `dim`."""
    if dim is None:
        dim = _softmax_dim("softmin", input.dim())
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(
    logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Tensor:
    """Samples of a relaxed one-hot variable (Jang et al. 2016); `hard`: one-hot, with the gradient of the
    soft one.

    >>> bool((plait.nn.functional.gumbel_softmax(plait.zeros(20, 4), hard=True).sum(-1) == 1).all())
    True
    """
    gumbels = -plait.empty_like(logits).exponential_().log()
    soft = plait.softmax((logits + gumbels) / tau, dim)
    if not hard:
        return soft
    one_hot = plait.zeros_like(logits).scatter_(dim, soft.argmax(dim, keepdim=True), 1.0)
    return one_hot - soft.detach() + soft


# ---- dropout


def _check_probability(who: str, p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"{who}: p should be a probability between 0 and 1, got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """In training zeroes each element with probability `p` and scales the rest by 1/(1-p).

    >>> plait.nn.functional.dropout(plait.ones(3), training=False)
    tensor([1., 1., 1.])
    """
    _check_probability("dropout", p)
    if not training or p == 0:
        return input
    return _in_place("dropout", input, p, True) if inplace else plait.dropout(input, p, True)


def _noise(input: Tensor, p: float) -> Tensor:
    """Ones, and zeros with probability `p`, one per sample and channel of (N, C, *)."""
    shape = (*input.shape[:2], *(1,) * (input.dim() - 2))
    return plait.empty(shape, dtype=input.dtype, device=input.device).bernoulli(1 - p)


def _channel_dropout(who: str, input: Tensor, p: float, training: bool, inplace: bool, dims: tuple) -> Tensor:
    _check_probability(who, p)
    if input.dim() not in dims:
        wanted = " or ".join(f"{n}D" for n in dims)
        raise RuntimeError(
            f"{who}: expected {wanted} input, got {input.dim()}D input of shape {tuple(input.shape)}"
        )
    if not training or p == 0:
        return input
    batched = input.dim() == dims[-1]
    noise = _noise(input if batched else input.unsqueeze(0), p)
    noise = noise.zero_() if p == 1 else noise.div_(1 - p)
    if not batched:
        noise = noise.squeeze(0)
    return input.mul_(noise) if inplace else input * noise


def _forgiven(who: str, input: Tensor, dims: tuple) -> tuple:
    """The dimensions to accept: those that fit, or, with a warning, the input's, batched if there is no
    other form.
    """
    if input.dim() in dims or input.dim() < 2:
        return dims
    import warnings

    wanted = " or ".join(f"{n}D" for n in dims)
    form = "(N, C, *)" if len(dims) == 1 else "(C, *)"
    warnings.warn(
        f"{who}: expected {wanted} input, got {input.dim()}D input of shape {tuple(input.shape)}, "
        f"which is taken as {form}; use dropout for vectors, or the dropout of the input's dimensions",
        stacklevel=3,
    )
    return (input.dim(),) if len(dims) == 1 else (input.dim(), -1)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, L) or (C, L)."""
    return _channel_dropout("dropout1d", input, p, training, inplace, (2, 3))


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, H, W). As in PyTorch, other inputs of at least two dimensions are
    taken as (N, C, *), with a warning.
    """
    return _channel_dropout("dropout2d", input, p, training, inplace, _forgiven("dropout2d", input, (4,)))


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W). As in PyTorch, other inputs of at least
    two dimensions are taken as (C, *), with a warning.
    """
    return _channel_dropout("dropout3d", input, p, training, inplace, _forgiven("dropout3d", input, (4, 5)))


def _alpha_dropout(
    who: str, input: Tensor, p: float, training: bool, inplace: bool, channels: bool
) -> Tensor:
    _check_probability(who, p)
    if not training or p == 0:
        return input
    if p == 1:
        return input.mul_(0) if inplace else input * 0
    alpha = 1.7580993408473766  # scale * alpha of SELU
    a = ((alpha * alpha * p + 1) * (1 - p)) ** -0.5
    noise = _noise(input, p) if channels else plait.empty_like(input).bernoulli(1 - p)
    shift = (noise - 1).mul_(alpha * a).add_(alpha * a * p)
    noise = noise.mul_(a)
    return input.mul_(noise).add_(shift) if inplace else input * noise + shift


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout that keeps zero mean and unit variance (Klambauer et al. 2017)."""
    return _alpha_dropout("alpha_dropout", input, p, training, inplace, channels=False)


def feature_alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Tensor:
    """alpha_dropout of whole channels of (N, C, *)."""
    return _alpha_dropout("feature_alpha_dropout", input, p, training, inplace, channels=True)


# ---- pooling


def _max_pool(name: str):
    def pool(
        input: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        stride = kernel_size if stride is None else stride
        if return_indices:
            op = getattr(plait, name + "_with_indices")
        else:
            op = getattr(plait, name)
        return op(input, kernel_size, stride, padding, dilation, ceil_mode)

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = (
        "The maximum of each window; with `return_indices` also where in the input plane it stands."
    )
    return pool


def _with_defaults(input: Tensor, output_size: Any) -> Any:
    """None in a size stands for the input's size."""
    if not isinstance(output_size, (tuple, list)) or None not in output_size:
        return output_size
    spatial = input.shape[-len(output_size) :]
    return tuple(given if wanted is None else wanted for given, wanted in zip(spatial, output_size))


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that give the wanted size; None in it stands for the input's own."""
    return plait.adaptive_avg_pool2d(input, _with_defaults(input, output_size))


def adaptive_avg_pool3d(input: Tensor, output_size: Any) -> Tensor:
    """Means over windows that give the wanted size; None in it stands for the input's own."""
    return plait.adaptive_avg_pool3d(input, _with_defaults(input, output_size))


def _adaptive_max_pool(name: str):
    def pool(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        op = getattr(plait, name)
        values, indices = op(input, _with_defaults(input, output_size))
        return (values, indices) if return_indices else values

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = (
        "Maxima over windows that give the wanted size; with `return_indices` also where they stand."
    )
    return pool


def _with_indices(pool: Any):
    def with_indices(*args: Any, **kwargs: Any) -> Any:
        return pool(*args, **{**kwargs, "return_indices": True})

    with_indices.__name__ = with_indices.__qualname__ = pool.__name__ + "_with_indices"
    with_indices.__doc__ = f"`{pool.__name__}` that also gives where each maximum stands."
    return with_indices


max_pool1d = _max_pool("max_pool1d")
max_pool2d = _max_pool("max_pool2d")
max_pool3d = _max_pool("max_pool3d")
max_pool1d_with_indices = _with_indices(max_pool1d)
max_pool2d_with_indices = _with_indices(max_pool2d)
max_pool3d_with_indices = _with_indices(max_pool3d)
adaptive_max_pool1d = _adaptive_max_pool("adaptive_max_pool1d")
adaptive_max_pool2d = _adaptive_max_pool("adaptive_max_pool2d")
adaptive_max_pool3d = _adaptive_max_pool("adaptive_max_pool3d")
adaptive_max_pool1d_with_indices = _with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = _with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = _with_indices(adaptive_max_pool3d)


# ---- embedding, bilinear, resizing


@_one_op()
def renorm_rows_(weight: Tensor, rows: Tensor, max_norm: float, norm_type: float) -> None:
    """Scales the given rows of `weight`, in place and without gradient, to a norm of at most `max_norm`."""
    with plait.no_grad():
        rows = plait.unique(rows.reshape(-1))
        values = weight[rows]
        norms = plait.norm(values, norm_type, 1, keepdim=True)
        scale = plait.where(norms > max_norm, max_norm / (norms + 1e-7), plait.ones_like(norms))
        weight.index_copy_(0, rows, values * scale)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Rows of `weight` (V, D) at integers of any shape (*) -> (*, D); `padding_idx` gets no gradient.

    >>> plait.nn.functional.embedding(plait.tensor([1, 0]), plait.tensor([[1., 2.], [3., 4.]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    if padding_idx is not None:
        rows = weight.shape[0]
        if not -rows <= padding_idx < rows:
            raise ValueError(
                f"embedding: padding_idx should be within the {rows} rows of weight, got {padding_idx}"
            )
        if padding_idx < 0:
            padding_idx += rows
    if max_norm is not None:
        renorm_rows_(weight, input, max_norm, norm_type)
    if sparse:
        raise NotImplementedError("embedding: plait has no sparse gradients; use sparse=False")
    return plait.embedding(weight, input, padding_idx, scale_grad_by_freq)


@_one_op(cuda="widest")
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x1^T W_k x2 + b_k: (*, I), (*, J), (K, I, J) -> (*, K)."""
    k, i, j = weight.shape
    if input1.shape[:-1] != input2.shape[:-1] or input1.shape[-1] != i or input2.shape[-1] != j:
        raise RuntimeError(
            f"bilinear: expected inputs (*, {i}) and (*, {j}) with equal leading dimensions, got "
            f"{tuple(input1.shape)} "
            f"and {tuple(input2.shape)}"
        )
    left = (input1.reshape(-1, i) @ weight.permute(1, 0, 2).reshape(i, k * j)).reshape(-1, k, j)
    result = plait.bmm(left, input2.reshape(-1, j, 1)).reshape(*input1.shape[:-1], k)
    return result if bias is None else result + bias


def normalize(
    input: Tensor,
    p: float = 2.0,
    dim: int | tuple[int, ...] = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """input / max(|input|_p, eps), with the p-norm over `dim`.

    >>> plait.nn.functional.normalize(plait.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    length = plait.norm(input, p, dim, True).clamp_min(eps)
    return input / length if out is None else plait.div(input, length, out=out)


def upsample(
    input: Tensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Tensor:
    """The former name of `interpolate`."""
    from .resizing import interpolate

    return interpolate(input, size=size, scale_factor=scale_factor, mode=mode, align_corners=align_corners)


def upsample_nearest(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode nearest."""
    return upsample(input, size, scale_factor)


def upsample_bilinear(input: Tensor, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` with mode bilinear and aligned corners."""
    return upsample(input, size, scale_factor, "bilinear", True)
