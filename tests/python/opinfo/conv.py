"""Convolutions, pooling, padding, resampling: sliding windows over 1, 2 and 3 dimensions."""

import itertools

import numpy as np

from .core import ALL, FLOAT_COMPLEX, FLOATS, REAL_NUMBERS, Sample, Tol, is_float, op

S = Sample
CONVOLVED = (*FLOAT_COMPLEX, "int64")
CONV = Tol(8, 16, half=(2, 2), floor=1, grad=400)  # sums of up to a few hundred products


def tuple_of(v, n):
    v = tuple(v) if isinstance(v, (tuple, list)) else (v,)
    return v * n if len(v) == 1 else v


def spatial(x, n):
    """With a batch dimension; was there one?"""
    return (x, True) if x.ndim == n + 2 else (x[None], False)


def window_grid(out_size, kernel, stride, dilation):
    """For every place of the kernel: the slices of the padded input that it meets."""
    for place in itertools.product(*map(range, kernel)):
        yield (
            place,
            tuple(
                slice(p * d, p * d + s * (o - 1) + 1, s)
                for p, d, s, o in zip(place, dilation, stride, out_size)
            ),
        )


def conv_ref(n):
    def conv(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
        x, batched = spatial(x, n)
        stride, dilation, kernel = tuple_of(stride, n), tuple_of(dilation, n), w.shape[2:]
        if padding == "same":
            total = [d * (k - 1) for d, k in zip(dilation, kernel)]
            pads = [(t // 2, t - t // 2) for t in total]
        else:
            pads = [(p, p) for p in tuple_of(0 if padding == "valid" else padding, n)]
        x = np.pad(x, [(0, 0), (0, 0), *pads])
        size = [(m - d * (k - 1) - 1) // s + 1 for m, d, k, s in zip(x.shape[2:], dilation, kernel, stride)]
        out = np.zeros((x.shape[0], w.shape[0], *size), np.result_type(x, w))
        per = w.shape[0] // groups
        for place, window in window_grid(size, kernel, stride, dilation):
            seen = x[(slice(None), slice(None), *window)]
            for g in range(groups):
                block = seen[:, g * w.shape[1] : (g + 1) * w.shape[1]]
                out[:, g * per : (g + 1) * per] += np.einsum(
                    "bc...,oc->bo...", block, w[(slice(g * per, (g + 1) * per), slice(None), *place)]
                )
        if bias is not None:
            out += bias.reshape(-1, *[1] * n)
        return out if batched else out[0]

    return conv


def conv_samples(n):
    def samples(g):
        size, k = (7, 6, 5)[:n], (3, 2, 2)[:n]
        yield S(g(2, 3, *size), g(4, 3, *k), g(4))
        yield S(g(2, 3, *size), g(4, 3, *k), None, 2, 1)
        yield S(g(3, *size), g(4, 3, *k), g(4))
        yield S(g(2, 4, *size), g(6, 2, *k), g(6), stride=1, padding=1, dilation=2, groups=2)
        yield S(g(2, 4, *size), g(4, 1, *k), g(4), groups=4)
        yield S(g(2, 2, *size), g(4, 1, *k), None, (2, 1, 3)[:n], (1, 2, 1)[:n], (1, 2, 1)[:n], 2)
        yield S(g(2, 3, *size), g(4, 3, *k), padding="same")
        yield S(g(1, 1, *size), g(1, 1, *k), None, (2, 1, 2)[:n], (1, 0, 1)[:n])
        yield S(g(2, 3, *size), g(4, 3, *[1] * n))
        yield S(g(0, 3, *size), g(4, 3, *k), g(4))
        if n == 2:
            yield S(g(3, 16, 20, 21), g(24, 16, 3, 3), g(24), padding=1).big()
            yield S(g(2, 2, 150, 45), g(4, 1, 5, 3), g(4), (2, 3), (2, 1), groups=2).big()

    return samples


def conv_transpose_ref(n):
    def conv_transpose(x, w, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        x, batched = spatial(x, n)
        stride, dilation, padding, extra = (
            tuple_of(v, n) for v in (stride, dilation, padding, output_padding)
        )
        kernel, size = w.shape[2:], x.shape[2:]
        full = [
            (m - 1) * s + d * (k - 1) + 1 + e for m, s, d, k, e in zip(size, stride, dilation, kernel, extra)
        ]
        out = np.zeros((x.shape[0], w.shape[1] * groups, *full), np.result_type(x, w))
        ins = w.shape[0] // groups
        for place, window in window_grid(size, kernel, stride, dilation):
            for g in range(groups):
                block, weight = (
                    x[:, g * ins : (g + 1) * ins],
                    w[(slice(g * ins, (g + 1) * ins), slice(None), *place)],
                )
                out[(slice(None), slice(g * w.shape[1], (g + 1) * w.shape[1]), *window)] += np.einsum(
                    "bc...,co->bo...", block, weight
                )
        out = out[(..., *[slice(p, m - p) for p, m in zip(padding, full)])]
        if bias is not None:
            out = out + bias.reshape(-1, *[1] * n)
        return out if batched else out[0]

    return conv_transpose


def conv_transpose_samples(n):
    def samples(g):
        size, k = (4, 3, 3)[:n], (3, 2, 2)[:n]
        yield S(g(2, 3, *size), g(3, 4, *k), g(4))
        yield S(g(2, 3, *size), g(3, 4, *k), None, 2, 1)
        yield S(g(3, *size), g(3, 4, *k), g(4))
        yield S(g(2, 4, *size), g(4, 3, *k), g(6), stride=2, padding=1, output_padding=1, groups=2)
        yield S(g(2, 3, *size), g(3, 4, *k), dilation=2)
        # Output padding of a stride and more, as large dilation allows.
        yield S(g(2, 3, *size), g(3, 4, *k), g(4), stride=2, padding=1, output_padding=3, dilation=4)
        yield S(g(2, 3, *size), g(3, 4, *k), stride=[2], padding=[1])
        yield S(g(0, 3, *size), g(3, 4, *k), g(4))

    return samples


for _n in (1, 2, 3):
    op(f"conv{_n}d", conv_samples(_n), conv_ref(_n), CONVOLVED, tol=CONV, expand=False)
    op(
        f"conv_transpose{_n}d",
        conv_transpose_samples(_n),
        conv_transpose_ref(_n),
        CONVOLVED,
        tol=CONV,
        expand=False,
    )


# ---- pooling
def pooled_size(m, k, s, p, d, ceil_mode):
    span = m + 2 * p - d * (k - 1) - 1
    out = (-(-span // s) if ceil_mode else span // s) + 1
    if (
        ceil_mode and (out - 1) * s >= m + p
    ):  # the last window must start inside the input or its left padding
        out -= 1
    return out


def max_pool_ref(n):
    def max_pool(x, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        x, batched = spatial(x, n)
        k, p, d = tuple_of(kernel_size, n), tuple_of(padding, n), tuple_of(dilation, n)
        s = tuple_of(stride if stride not in (None, (), []) else k, n)
        size = [pooled_size(*a, ceil_mode) for a in zip(x.shape[2:], k, s, p, d)]
        out = np.full((*x.shape[:2], *size), -np.inf)
        index = np.zeros(out.shape, np.int64)
        for where in np.ndindex(*size):
            for place in itertools.product(*map(range, k)):
                at = [w * b - c + q * e for w, b, c, q, e in zip(where, s, p, place, d)]
                if all(0 <= a < m for a, m in zip(at, x.shape[2:])):
                    value = x[(..., *at)]
                    better = value > out[(..., *where)]
                    out[(..., *where)] = np.where(better, value, out[(..., *where)])
                    index[(..., *where)] = np.where(
                        better, np.ravel_multi_index(at, x.shape[2:]), index[(..., *where)]
                    )
        out, index = (out, index) if batched else (out[0], index[0])
        return (out, index) if return_indices else out

    return max_pool


def max_pool_samples(n):
    def samples(g):
        size = (7, 6, 5)[:n]
        yield S(g.distinct(2, 3, *size), 2)
        yield S(g.distinct(2, 3, *size), 3, 2, 1)
        yield S(g.distinct(3, *size), (3, 2, 2)[:n], stride=(2, 1, 2)[:n])
        yield S(g.distinct(1, 2, *size), 2, 2, 0, 2)
        yield S(g.distinct(1, 2, *size), 3, 2, ceil_mode=True)
        yield S(g.distinct(1, 2, *size), 2, 3, 1, 1, True)
        yield S(g.distinct(0, 2, *size), 2)

    return samples


def avg_pool_ref(n):
    def avg_pool(
        x, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        x, batched = spatial(x, n)
        k, p = tuple_of(kernel_size, n), tuple_of(padding, n)
        s = tuple_of(stride if stride not in (None, (), []) else k, n)
        size = [pooled_size(m, a, b, c, 1, ceil_mode) for m, a, b, c in zip(x.shape[2:], k, s, p)]
        out = np.zeros((*x.shape[:2], *size))
        for where in np.ndindex(*size):
            start = [w * b - c for w, b, c in zip(where, s, p)]
            stop = [min(a + b, m + c) for a, b, c, m in zip(start, k, p, x.shape[2:])]
            inside = [slice(max(a, 0), min(b, m)) for a, b, m in zip(start, stop, x.shape[2:])]
            seen = x[(..., *inside)]
            count = (
                np.prod([b - a for a, b in zip(start, stop)])
                if count_include_pad
                else np.prod(seen.shape[2:])
            )
            out[(..., *where)] = seen.sum(axis=tuple(range(2, 2 + n))) / (divisor_override or count)
        out = np.trunc(out) if x.dtype.kind == "i" else out
        return out if batched else out[0]

    return avg_pool


def avg_pool_samples(n):
    def samples(g):
        size = (7, 6, 5)[:n]
        yield S(g(2, 3, *size), 2)
        yield S(g(2, 3, *size), 3, 2, 1)
        yield S(g(3, *size), (3, 2, 2)[:n], stride=(2, 1, 2)[:n])
        yield S(g(1, 2, *size), 3, 2, 1, count_include_pad=False)
        yield S(g(1, 2, *size), 3, 2, 1, ceil_mode=True)
        # Windows that cover the planes side by side.
        yield S(g(2, 3, *(8, 6, 4)[:n]), 2)
        yield S(g(2, 2, *(3, 12, 6)[:n]), (3, 4, 1)[:n])
        yield S(g(2, 2, *(1, 5, 6)[:n]), (1, 5, 3)[:n])
        yield S(g(1, 1, *(4, 30, 2)[:n]), (4, 5, 2)[:n])
        if n > 1:
            yield S(g(1, 2, *(6, 4, 2)[:n]), 2, divisor_override=3)
            yield S(g(1, 2, *size), 2, divisor_override=3)
            yield S(g(1, 2, *size), 2, divisor_override=-1)

    return samples


def adaptive_windows(m, o):
    return [(i * m // o, -(-(i + 1) * m // o)) for i in range(o)]


def adaptive_ref(n, reduce):
    def adaptive(x, output_size):
        x, batched = spatial(x, n)
        size = tuple_of(output_size, n)
        out = np.zeros((*x.shape[:2], *size))
        spans = [adaptive_windows(m, o) for m, o in zip(x.shape[2:], size)]
        for where in np.ndindex(*size):
            seen = x[(..., *[slice(*spans[i][w]) for i, w in enumerate(where)])]
            out[(..., *where)] = reduce(seen, axis=tuple(range(2, 2 + n)))
        return out if batched else out[0]

    return adaptive


def adaptive_max_ref(n):
    """The maxima, and where they stand in the flattened picture: the first one of a window."""

    def adaptive(x, output_size):
        x, batched = spatial(x, n)
        size = tuple_of(output_size, n)
        values, index = np.zeros((*x.shape[:2], *size)), np.zeros((*x.shape[:2], *size), np.int64)
        spans = [adaptive_windows(m, o) for m, o in zip(x.shape[2:], size)]
        for where in np.ndindex(*size):
            window = [spans[i][w] for i, w in enumerate(where)]
            seen = x[(..., *[slice(*span) for span in window])]
            best = seen.reshape(*x.shape[:2], -1).argmax(-1)
            at = np.unravel_index(best, seen.shape[2:])
            index[(..., *where)] = np.ravel_multi_index(
                tuple(a + begin for a, (begin, _) in zip(at, window)), x.shape[2:]
            )
            values[(..., *where)] = seen.max(axis=tuple(range(2, 2 + n)))
        return (values, index) if batched else (values[0], index[0])

    return adaptive


def adaptive_samples(n, draw):
    def samples(g):
        d = (lambda *s: g.distinct(*s)) if draw else (lambda *s: g(*s))
        size = (4, 3, 3) if draw and n == 3 else (7, 6, 5)[:n]  # so few that bfloat16 keeps them apart
        yield S(d(2, 3, *size), 3)
        yield S(d(2, 3, *size), 1)
        yield S(d(3, *size), (5, 4, 2)[:n])
        if n > 1:
            yield S(d(1, 2, *size), (7, 2, 3)[:n])

    return samples


def max_pool_with_indices_ref(n):
    return lambda *args, **kwargs: max_pool_ref(n)(*args, **kwargs, return_indices=True)


for _n in (1, 2, 3):
    op(
        f"max_pool{_n}d_with_indices",
        max_pool_samples(_n),
        max_pool_with_indices_ref(_n),
        REAL_NUMBERS,
        out=("first", "int64"),
        expand=False,
    )
    op(f"max_pool{_n}d", max_pool_samples(_n), max_pool_ref(_n), REAL_NUMBERS, expand=False, gradgrad=True)
    op(
        f"avg_pool{_n}d",
        avg_pool_samples(_n),
        avg_pool_ref(_n),
        (*FLOATS, "int64"),
        tol=Tol(8, 4, half=(1, 1)),
        expand=False,
    )
    op(
        f"adaptive_avg_pool{_n}d",
        adaptive_samples(_n, False),
        adaptive_ref(_n, np.mean),
        FLOATS,
        tol=Tol(8, 4, half=(2, 1)),
        expand=False,
    )
    op(
        f"adaptive_max_pool{_n}d",
        adaptive_samples(_n, True),
        adaptive_max_ref(_n),
        REAL_NUMBERS,
        out=("first", "int64"),
        expand=False,
        call=lambda lib, x, size, n=_n: getattr(lib.nn.functional, f"adaptive_max_pool{n}d")(x, size, True),
    )


# ---- padding
def pad_samples(g):
    yield S(g(3, 4), (1, 2))
    yield S(g(3, 4), (1, 2, 0, 3), "constant", g.number(1.5, 1))
    yield S(g(3, 4), (-1, 1), value=1)
    yield S(g(2, 3, 4, 5), (1, 1, 2, 0, 0, 1))
    yield S(g(0, 3), (1, 1))
    if is_float(g.dtype):
        for mode in ("reflect", "replicate", "circular"):
            yield S(g(2, 3, 5), (2, 1), mode)
            yield S(g(2, 3, 5, 4), (1, 2, 0, 3), mode=mode)
            yield S(g(1, 2, 3, 4, 3), (1, 2, 2, 1, 1, 1), mode=mode)


def pad(x, widths, mode="constant", value=None):
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + [
        tuple(widths[i : i + 2]) for i in range(len(widths) - 2, -1, -2)
    ]
    x = x[tuple(slice(max(-a, 0), x.shape[i] - max(-b, 0)) for i, (a, b) in enumerate(pairs))]
    pairs = [(max(a, 0), max(b, 0)) for a, b in pairs]
    if mode == "constant":
        return np.pad(x, pairs, constant_values=0 if value is None else value)
    return np.pad(x, pairs, mode={"replicate": "edge", "circular": "wrap"}.get(mode, mode))


op("pad", pad_samples, pad, ALL, out="first", expand=False, tol=Tol(grad=400))


# ---- resampling
def source_positions(size, out, align_corners, factor):
    if align_corners:
        return np.arange(out) * ((size - 1) / (out - 1) if out > 1 else 0.0)
    scale = 1 / factor if factor else size / out
    return (np.arange(out) + 0.5) * scale - 0.5


def cubic_weight(t, a=-0.75):
    t = np.abs(t)
    return np.where(
        t <= 1, ((a + 2) * t - (a + 3)) * t * t + 1, np.where(t < 2, ((t - 5) * t + 8) * t * a - 4 * a, 0)
    )


def antialias_matrix(size, out, cubic, align_corners, factor):
    """Weights that reach as much farther as the picture shrinks; the cubic ones have a = -1/2."""
    if align_corners:
        scale = (size - 1) / (out - 1) if out > 1 else 0.0
    else:
        scale = 1 / factor if factor else size / out
    stretch = max(scale, 1.0)
    centre = (np.arange(out)[:, None] + 0.5) * scale
    pixel = np.arange(size)
    reach = (2 if cubic else 1) * stretch
    x = (pixel + 0.5 - centre) / stretch
    m = cubic_weight(x, -0.5) if cubic else np.maximum(1 - np.abs(x), 0)
    read = (pixel >= np.trunc(centre - reach + 0.5)) & (pixel < np.trunc(centre + reach + 0.5))
    m = np.where(read, m, 0)
    return m / m.sum(1, keepdims=True)


def resample_matrix(size, out, mode, align_corners, factor, antialias=False):
    """How much each input position gives to each output position, along one dimension."""
    if antialias:
        return antialias_matrix(size, out, mode == "bicubic", align_corners, factor)
    m = np.zeros((out, size))
    if mode == "area":
        for o, (start, stop) in enumerate(adaptive_windows(size, out)):
            m[o, start:stop] = 1 / (stop - start)
        return m
    if mode == "nearest-exact":
        step = 1 / factor if factor else size / out
        m[np.arange(out), np.minimum(np.floor((np.arange(out) + 0.5) * step).astype(int), size - 1)] = 1
        return m
    if mode == "nearest":
        m[
            np.arange(out),
            np.minimum(
                np.floor(np.arange(out) * (1 / factor if factor else size / out)).astype(int), size - 1
            ),
        ] = 1
        return m
    at = source_positions(size, out, align_corners, factor)
    if mode == "bicubic":
        base = np.floor(at).astype(int)
        for k in range(-1, 3):
            np.add.at(m, (np.arange(out), np.clip(base + k, 0, size - 1)), cubic_weight(at - base - k))
        return m
    at = np.maximum(at, 0)
    base = np.minimum(np.floor(at).astype(int), size - 1)
    m[np.arange(out), base] += 1 - (at - base)
    np.add.at(m, (np.arange(out), np.minimum(base + 1, size - 1)), at - base)
    return m


def interpolate(
    x,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    n = x.ndim - 2
    factors = [None] * n if scale_factor is None else list(tuple_of(scale_factor, n))
    sizes = (
        tuple_of(size, n)
        if size is not None
        else [int(np.floor(m * f)) for m, f in zip(x.shape[2:], factors)]
    )
    if recompute_scale_factor:
        factors = [None] * n
    for i in range(n):
        x = np.moveaxis(
            np.tensordot(
                x,
                resample_matrix(x.shape[2 + i], sizes[i], mode, bool(align_corners), factors[i], antialias),
                (2 + i, 1),
            ),
            -1,
            2 + i,
        )
    return x


def interpolate_samples(g):
    yield S(g(2, 3, 5), 8)
    yield S(g(2, 3, 5, 4), (3, 7))
    yield S(g(1, 2, 3, 4, 3), scale_factor=2)
    yield S(g(2, 3, 5, 4), scale_factor=2.0, mode="nearest")
    for corners in (False, True):
        yield S(g(2, 3, 5), 8, mode="linear", align_corners=corners)
        yield S(g(2, 3, 5, 4), (8, 3), mode="bilinear", align_corners=corners)
        yield S(g(2, 3, 5, 4), (8, 3), mode="bicubic", align_corners=corners)
        yield S(g(1, 2, 3, 4, 3), (5, 2, 4), mode="trilinear", align_corners=corners)
        yield S(g(1, 2, 3, 1), (1, 5), mode="bicubic", align_corners=corners)
    for mode in ("nearest-exact", "area"):
        yield S(g(2, 3, 5), 8, mode=mode)
        yield S(g(2, 3, 5, 4), (3, 7), mode=mode)
        yield S(g(1, 2, 3, 4, 5), (2, 5, 3), mode=mode)
    yield S(g(2, 3, 5, 4), scale_factor=0.7, mode="nearest-exact")
    yield S(g(2, 3, 5, 4), scale_factor=0.7, mode="bilinear", recompute_scale_factor=True)
    yield S(g(0, 3, 5, 4), 2)
    yield S(g(2, 3, 5, 4), scale_factor=(2, 1.5), mode="bilinear")
    yield S(g(2, 3, 4, 4), scale_factor=0.5, mode="bilinear", align_corners=False)
    for mode in ("bilinear", "bicubic"):
        for size in ((3, 4), (13, 2), (2, 17), (20, 31)):
            yield S(g(2, 3, 9, 11), size, mode=mode, antialias=True)
        yield S(g(1, 2, 9, 11), (4, 5), mode=mode, antialias=True, align_corners=True)
        yield S(g(1, 2, 9, 11), scale_factor=0.3, mode=mode, antialias=True)


op(
    "interpolate",
    interpolate_samples,
    interpolate,
    FLOATS,
    tol=Tol(16, 16, half=(3, 3)),
    expand=False,
    call=lambda lib, *args, **kwargs: lib.nn.functional.interpolate(*args, **kwargs),
)


def pixel_shuffle(x, r):
    *lead, c, h, w = x.shape
    x = x.reshape(*lead, c // r**2, r, r, h, w)
    k = len(lead)
    return x.transpose(*range(k), k, k + 3, k + 1, k + 4, k + 2).reshape(*lead, c // r**2, h * r, w * r)


def pixel_unshuffle(x, r):
    *lead, c, h, w = x.shape
    x = x.reshape(*lead, c, h // r, r, w // r, r)
    k = len(lead)
    return x.transpose(*range(k), k, k + 2, k + 4, k + 1, k + 3).reshape(*lead, c * r**2, h // r, w // r)


def channel_shuffle(x, groups):
    n, c, *spatial = x.shape
    return x.reshape(n, groups, c // groups, *spatial).swapaxes(1, 2).reshape(x.shape)


op(
    "channel_shuffle",
    lambda g: [S(g(2, 6, 3, 2), 3), S(g(2, 6, 4), 2), S(g(1, 4, 2, 1, 2), 2)],
    channel_shuffle,
    FLOATS,
    expand=False,
)
op("pixel_shuffle", lambda g: [S(g(2, 8, 3, 2), 2), S(g(9, 1, 2), 3)], pixel_shuffle, FLOATS, expand=False)
op(
    "pixel_unshuffle",
    lambda g: [S(g(2, 2, 6, 4), 2), S(g(1, 3, 6), 3)],
    pixel_unshuffle,
    FLOATS,
    expand=False,
)
