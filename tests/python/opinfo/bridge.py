"""From samples to tensors of the library under test and back, and the comparison with an oracle."""

import numpy as np

from .core import EPS, FLOATS, TINY, D, T, is_complex, is_float, largest, map_tree, round_bfloat16

LAYOUTS = ("transposed", "strided", "offset", "expanded")


class Bridge:
    """`lib` is plait, or PyTorch in the parity tests: both take the same calls. Tensors are made on `device`."""

    def __init__(self, lib, device="cpu"):
        self.lib, self.device = lib, device

    def dtype(self, name):
        return getattr(self.lib, name)

    def _from_array(self, array, dtype):
        """A tensor of its own memory with the array's layout."""
        x = self.lib.from_numpy(array)
        if self.device != "cpu":
            x = x.to(self.device)
        return x if array.dtype.name == dtype else x.to(self.dtype(dtype))

    def tensor(self, t, layout="contiguous", device=None, requires_grad=False):
        device = device or self.device
        array = t.array
        if layout == "transposed" and array.ndim >= 2:
            order = tuple(range(array.ndim))[::-1]
            x = self._from_array(np.array(array.transpose(order), order="C"), t.dtype).permute(order)
        elif layout == "strided":
            x = self._from_array(_spaced(array), t.dtype)
            x = x[(*[slice(None)] * max(array.ndim - 1, 0), slice(1, None, 2))] if array.ndim else x[1]
        elif layout == "offset":
            x = self._from_array(np.concatenate([_filler(array.dtype, 1), array.reshape(-1)]), t.dtype)[1:]
            x = x.reshape(array.shape)
        elif layout == "expanded" and array.ndim and array.shape[0] > 1:
            x = self._from_array(np.array(array[:1]), t.dtype).expand(array.shape)
        else:
            x = self._from_array(np.array(array), t.dtype)
        if device != "cpu":
            x = x.to(device)
        if requires_grad and t.diff:
            x = x.detach().requires_grad_()
        return x

    def arguments(self, sample, **options):
        def convert(x):
            if isinstance(x, T):
                return self.tensor(x, **options)
            return self.dtype(str(x)) if isinstance(x, D) else x

        return map_tree(convert, sample.args), map_tree(convert, sample.kwargs)

    def is_tensor(self, x):
        return isinstance(x, self.lib.Tensor)

    def tensors(self, value):
        found = []
        map_tree(lambda x: found.append(x) if self.is_tensor(x) else None, listed(value))
        return found

    def name(self, dtype):
        return str(dtype).rpartition(".")[2]

    def array(self, x):
        """Its values: floats as float64."""
        x = x.detach().cpu()
        name = self.name(x.dtype)
        if name == "bfloat16":
            x = x.to(self.lib.float32)
        if is_complex(name) and hasattr(x, "resolve_conj"):
            x = x.resolve_conj()
        a = x.numpy()
        return (
            a.astype(np.float64)
            if is_float(name)
            else a.astype(np.complex128)
            if is_complex(name)
            else a.copy()
        )


def _filler(dtype, n):
    """What lies between the elements of a strided tensor: it must not be read, nor change the result."""
    return np.full(n, np.nan if dtype.kind in "fc" else True if dtype.kind == "b" else 113, dtype)


def _spaced(array):
    if array.ndim == 0:
        return np.array([_filler(array.dtype, 1)[0], array, _filler(array.dtype, 1)[0]], array.dtype)
    out = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    out[...] = _filler(array.dtype, 1)[0]
    out[..., 1::2] = array
    return out


def listed(value):
    """Results as a tuple: named tuples are rebuilt otherwise than tuples."""
    if isinstance(value, (tuple, list)):
        return tuple(listed(v) for v in value)
    return (value,)


def flat(value):
    out = []
    map_tree(out.append, listed(value))
    return out


def expanded(t):
    """The sample tensor whose first dimension repeats its first element."""
    if t.ndim and t.shape[0] > 1:
        return t.replaced(np.broadcast_to(t.array[:1], t.shape).copy())
    return t


def run_oracle(info, sample):
    s = sample.map(lambda x: x.oracle() if isinstance(x, T) else str(x) if isinstance(x, D) else x)
    extra = {"self_dtype": sample.tensors()[0].dtype} if info.ref_dtype else {}
    with np.errstate(all="ignore"):
        return [np.asarray(a) for a in flat(info.ref(*s.args, **s.kwargs, **extra))]


def rounded(expected, dtype):
    """What the exact numbers are at most off from in `dtype`: overflow becomes infinite."""
    if dtype == "bool":
        return expected.astype(bool)
    if is_float(dtype):
        expected = np.real(expected).astype(np.float64)
        if dtype == "bfloat16":
            with np.errstate(over="ignore"):
                big = round_bfloat16(expected).astype(np.float64)
        else:
            with np.errstate(over="ignore"):
                big = expected.astype(dtype).astype(np.float64)
        return np.where(np.isinf(big), big, expected)
    if is_complex(dtype):
        return expected.astype(np.complex128)
    with np.errstate(all="ignore"):
        return expected.astype(dtype)


def mismatch(actual, expected, dtype, tol):
    """None where every element is within the tolerance, else a sentence about the worst one."""
    if actual.shape != expected.shape:
        return f"shape {actual.shape}, expected {expected.shape}"
    expected = rounded(expected, dtype)
    if dtype not in EPS:
        bad = actual != expected
        if not bad.any():
            return None
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        what = f"got {actual[where]!r}, expected {expected[where]!r}"
        return f"{bad.sum()} of {bad.size} elements differ; at {where}: {what}"
    finite = np.isfinite(expected)
    ulps, acc = tol.half if dtype in FLOATS[:2] else (tol.ulps, tol.acc)
    scale = np.abs(expected[finite]).max(initial=tol.floor)
    with np.errstate(all="ignore"):
        allowed = EPS[dtype] * (ulps * np.abs(expected) + acc * scale) + TINY[dtype]
        error = np.abs(actual - expected)
        same = (actual == expected) | (np.isnan(actual) & np.isnan(expected))
        edge = largest(dtype if dtype in FLOATS else {"complex64": "float32"}.get(dtype, "float64"))
        # At the edge of the range a rounding error decides between the largest number and infinity.
        overflow = np.isinf(expected) ^ np.isinf(actual)
        overflow &= (
            np.abs(np.where(np.isinf(expected), actual, expected)) > edge * (1 - 8 * EPS[dtype])
        ) & ~np.isnan(actual)
        bad = ~(same | (finite & np.isfinite(actual) & (error <= allowed)) | overflow)
    if not bad.any():
        return None
    where = np.argwhere(bad)[0] if bad.ndim else ()
    relative = np.where(bad & finite & np.isfinite(actual), error / np.maximum(allowed, 1e-300), 0)
    if relative.any():
        where = np.unravel_index(relative.argmax(), bad.shape)
    where = tuple(int(i) for i in where)
    return (
        f"{bad.sum()} of {bad.size} elements differ; at {where}: got {actual[where]!r}, "
        f"expected {expected[where]!r}, "
        f"error {error[where]:.3g}, allowed {allowed[where]:.3g}"
    )
