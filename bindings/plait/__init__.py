"""plait: tensors, a tape and the hardware.

An eager tensor library with autograd, with PyTorch's names and semantics:

>>> import plait
>>> x = plait.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

from __future__ import annotations

import os as _os

# OpenMP reads this when it is loaded, which the next import does. Its threads would otherwise spin for
# milliseconds after every
# parallel region and starve whoever shares the cores.
_os.environ.setdefault("GOMP_SPINCOUNT", "20000")

from . import _C
from ._C import *
from ._C import (
    OutOfMemoryError,
    __version__,
    default_generator,
    get_default_dtype,
    set_default_dtype,
)

globals().update(_C.ops)
del ops  # noqa: F821  (the dict; plait.ops is the module of namespaces)
del _foreach_mul_  # noqa: F821  (plait._foreach has one that takes lists of numbers and tensors, too)
del random  # noqa: F821  (what random_ is made of; plait.random is the module)
float = _C.float32
int = _C.int32
bool = _C.bool
contiguous_format, preserve_format = _C.contiguous_format, _C.preserve_format
legacy_contiguous_format = contiguous_format
channels_last, channels_last_3d = _C.channels_last, _C.channels_last_3d
inf, nan, pi, e = (
    __builtins__["float"]("inf"),
    __builtins__["float"]("nan"),
    3.141592653589793,
    2.718281828459045,
)
newaxis = None

from . import autograd  # noqa: E402
from ._functions import *  # noqa: E402
from ._grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: E402
from ._tensor import Tensor  # noqa: E402

_LAZY_MODULES = (
    "ao",
    "as_torch",
    "backends",
    "compiler",
    "cuda",
    "jit",
    "distributions",
    "linalg",
    "fft",
    "func",
    "futures",
    "library",
    "masked",
    "nn",
    "ops",
    "optim",
    "overrides",
    "profiler",
    "random",
    "serialization",
    "signal",
    "special",
    "quasirandom",
    "return_types",
    "storage",
    "testing",
    "torch_version",
    "types",
    "utils",
    "amp",
    "accelerator",
    "distributed",
    "fx",
    "hub",
    "mps",
    "multiprocessing",
    "onnx",
    "version",
    "cpu",
    "xpu",
    "_dynamo",
    "_inductor",
    "_subclasses",
)
_LAZY_NAMES = {
    "save": "serialization",
    "load": "serialization",
    "finfo": "_numeric_limits",
    "iinfo": "_numeric_limits",
    "set_printoptions": "_printing",
    "gradcheck": "autograd.gradcheck",
    "_standard_gamma": "distributions.gamma",
    "TypedStorage": "storage",
    "UntypedStorage": "storage",
    "strided": "_layout",
    "layout": "_layout",
    "autocast": "amp",
    "Stream": "cuda.streams",
    "Event": "cuda.streams",
    "compile": "_eager",
    "cond": "_eager",
    "from_file": "storage",
    "GradScaler": "amp",
    "Tag": "library",
    "_assert": "_eager",
    "vmap": "func",
    "set_default_tensor_type": "_legacy_tensors",
    **dict.fromkeys(
        (
            "adjoint",
            "bartlett_window",
            "blackman_window",
            "diff",
            "hamming_window",
            "hann_window",
            "isin",
            "kaiser_window",
            "mode",
            "polar",
            "trapezoid",
            "trapz",
        ),
        "_composites",
    ),
    **dict.fromkeys(("stft", "istft"), "_spectral"),
    **dict.fromkeys(
        (
            "addr",
            "atleast_3d",
            "chain_matmul",
            "cholesky_inverse",
            "cholesky_solve",
            "combinations",
            "dsplit",
            "float_power",
            "ger",
            "hsplit",
            "index_reduce",
            "is_nonzero",
            "is_signed",
            "isneginf",
            "isposinf",
            "isreal",
            "ldexp",
            "put",
            "range",
            "row_stack",
            "rsub",
            "typename",
            "unravel_index",
            "vander",
            "vsplit",
        ),
        "_elementary",
    ),
    **dict.fromkeys(
        (
            "corrcoef",
            "cov",
            "nanquantile",
            "quantile",
        ),
        "_statistics",
    ),
    **dict.fromkeys(
        (
            "cholesky",
            "det",
            "geqrf",
            "inverse",
            "logdet",
            "lu",
            "lu_solve",
            "matrix_exp",
            "matrix_power",
            "ormqr",
            "pinverse",
            "qr",
            "slogdet",
            "svd",
            "triangular_solve",
        ),
        "_linalg",
    ),
    "lobpcg": "_lobpcg",
    "lu_unpack": "_factorizations",
    **dict.fromkeys(
        (
            "cumulative_trapezoid",
            "gradient",
            "mvlgamma",
            "pca_lowrank",
            "svd_lowrank",
        ),
        "_numerical",
    ),
    **dict.fromkeys(("histogram", "histogramdd"), "_histograms"),
    "resize_as_": "_resizing",
    "_grouped_mm": "nn.grouped",
    "orgqr": "_linalg",
    **dict.fromkeys(
        (
            "alpha_dropout",
            "conv_tbc",
            "feature_alpha_dropout",
            "pdist",
            "rrelu",
            "rrelu_",
        ),
        "nn.functional",
    ),
    **dict.fromkeys(
        (
            "get_device_module",
            "get_num_interop_threads",
            "is_warn_always_enabled",
            "set_flush_denormal",
            "set_num_interop_threads",
            "set_warn_always",
        ),
        "_runtime",
    ),
    **dict.fromkeys(
        (
            "_convert_indices_from_coo_to_csr",
            "_convert_indices_from_csr_to_coo",
            "_segment_reduce",
            "segment_reduce",
        ),
        "_segments",
    ),
    **dict.fromkeys(
        (
            "alias_copy",
            "as_strided_copy",
            "as_strided_scatter",
            "diagonal_copy",
            "empty_permuted",
            "empty_strided",
            "expand_copy",
            "narrow_copy",
            "nonzero_static",
            "permute_copy",
            "select_copy",
            "split_copy",
            "split_with_sizes_copy",
            "squeeze_copy",
            "t_copy",
            "transpose_copy",
            "unbind_copy",
            "unfold_copy",
            "unsafe_chunk",
            "unsafe_split",
            "unsqueeze_copy",
            "view_as_complex_copy",
            "view_as_real_copy",
            "view_copy",
        ),
        "_copies",
    ),
    **dict.fromkeys(
        (
            "SymBool",
            "SymFloat",
            "SymInt",
            "_assert_async",
            "_check",
            "_check_index",
            "_check_is_size",
            "_check_not_implemented",
            "_check_tensor_all",
            "_check_type",
            "_check_value",
            "_check_with",
            "_shape_as_tensor",
            "sym_float",
            "sym_int",
            "sym_ite",
            "sym_max",
            "sym_min",
            "sym_not",
            "sym_sqrt",
            "sym_sum",
        ),
        "_symbolic",
    ),
    **dict.fromkeys(
        (
            "BFloat16Tensor",
            "BoolTensor",
            "ByteTensor",
            "CharTensor",
            "DoubleTensor",
            "FloatTensor",
            "HalfTensor",
            "IntTensor",
            "LongTensor",
            "ShortTensor",
        ),
        "_legacy_tensors",
    ),
}


def __getattr__(name: str):
    """Loads a sub-module at first use; names what is near where there is no such thing."""
    import importlib

    if name in _LAZY_MODULES:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{__name__}.{name}":
                raise
            raise AttributeError(f"plait.{name} is not there yet") from None
    if name in _LAZY_NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_LAZY_NAMES[name]}"), name)
        globals()[name] = value
        return value
    if name.startswith("_foreach_"):
        functions = vars(importlib.import_module(f"{__name__}._foreach"))
        if name in functions["NAMES"]:
            return globals().setdefault(name, functions[name])
    if name.startswith("__"):
        raise AttributeError(f"module 'plait' has no attribute '{name}'")
    from ._missing import missing

    raise missing("plait", name, __dir__)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY_MODULES, *_LAZY_NAMES})
