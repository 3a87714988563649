"""Single ops, small and large, forward and with their backward.

One entry a case: family, name, what it computes, its inputs, then what is known of it: its least flops, the
longest sum in it, and a NumPy formula for the answer (where there is none, a float64 run is the reference).
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from cases import Case, Data, traffic

MILLION = 1_000_000


def forward(function: Callable, inputs: Callable, oracle: Callable | None, unique: Callable | None = None):
    def setup(lib: Any, data: Data) -> dict[str, Any]:
        arguments = inputs(data)
        tensors = [t for t in arguments if hasattr(t, "element_size")]

        def run() -> Any:
            with lib.no_grad():
                return function(lib, *arguments)

        results = run()
        if not isinstance(results, tuple):
            results = (results,)
        names: dict[str, Any] = {"run": run, "traffic": traffic(*tensors, *results)}
        if unique:
            names["unique"] = lambda: unique(lib, *run())
        if oracle:
            names["numpy"] = lambda: oracle(*(in_float64(lib, t) for t in arguments))
        return names

    return setup


def forward_backward(function: Callable, inputs: Callable):
    def setup(lib: Any, data: Data) -> dict[str, Any]:
        arguments = inputs(data)
        leaves = [leaf for a in arguments for leaf in (a.parameters() if hasattr(a, "parameters") else [a])]
        leaves = [leaf.requires_grad_() for leaf in leaves if leaf.is_floating_point()]
        output = function(lib, *arguments)
        gradient = data.normal(*output.shape)

        def run() -> list[Any]:
            for leaf in leaves:
                leaf.grad = None
            function(lib, *arguments).backward(gradient)
            return [leaf.grad for leaf in leaves]

        return {"run": run, "traffic": 2 * traffic(*leaves, output)}

    return setup


def in_float64(lib: Any, t: Any) -> Any:
    if not hasattr(t, "numpy"):
        return t
    exact = lib.complex128 if t.is_complex() else lib.float64 if t.is_floating_point() else t.dtype
    return t.to(exact).numpy()


def op(
    family: str, name: str, function: Callable, inputs: Callable, *,
    backward: bool = False, numpy: Callable | None = None, unique: Callable | None = None, flops: float = 0.0,
    **facts: Any,
) -> list[Case]:
    """The forward case, and with `backward` the forward+backward case as well (three times the flops).

    Where an answer may differ and be right, `unique` makes of it what may not.
    """
    setup = forward(function, inputs, numpy, unique)
    answer = "unique()" if unique else "run()"
    result = [Case("ops", name, setup, answer=answer, family=family, flops=flops, **facts)]
    if backward:
        setup = forward_backward(function, inputs)
        facts = {key: value for key, value in facts.items() if key != "bytes"}
        result.append(Case("ops", f"{name}, fwd+bwd", setup, family=family, flops=3 * flops, **facts))
    return result


def normals(*shapes: int | tuple[int, ...]) -> Callable:
    """Inputs: one normally distributed tensor a shape."""
    return lambda d: tuple(d.normal(*(s if isinstance(s, tuple) else (s,))) for s in shapes)


def F(lib: Any) -> Any:
    return lib.nn.functional


def pointwise() -> Iterator[list[Case]]:
    square, masked = (2048, 2048), lambda d: (d.normal(MILLION), d.mask(MILLION))
    yield op("pointwise", "add 1e3", lambda lib, a, b: a + b, normals(1000, 1000), numpy=np.add)
    yield op("pointwise", "add 1e7", lambda lib, a, b: a + b, normals(10 * MILLION, 10 * MILLION),
             numpy=np.add)
    yield op("pointwise", "x + y.T 2048", lambda lib, a, b: a + b.T, normals(square, square),
             numpy=lambda a, b: a + b.T)
    yield op("pointwise", "x * row 4096x1024", lambda lib, a, b: a * b, normals((4096, 1024), 1024),
             backward=True, terms=4096, numpy=np.multiply)
    yield op("pointwise", "tanh 1e5", lambda lib, a: a.tanh(), normals(100_000), numpy=np.tanh)
    yield op("pointwise", "exp 4e6", lambda lib, a: a.exp(), normals(4 * MILLION), numpy=np.exp)
    yield op("pointwise", "gelu 1e6", lambda lib, a: F(lib).gelu(a), normals(MILLION), backward=True)
    yield op("pointwise", "where 1e6", lambda lib, a, m: lib.where(m, a, 1.0), masked,
             numpy=lambda a, m: np.where(m, a, 1.0))
    yield op("pointwise", "masked_fill 1e6", lambda lib, a, m: a.masked_fill(m, 0.0), masked,
             numpy=lambda a, m: np.where(m, 0.0, a))
    yield op("pointwise", "transpose copy 2048", lambda lib, a: a.t().contiguous(), normals(square),
             numpy=np.transpose)
    yield op("pointwise", "to bfloat16 1e6", lambda lib, a: a.to(lib.bfloat16), normals(MILLION))


def reductions() -> Iterator[list[Case]]:
    tall, square = normals((4096, 2048)), normals((2048, 2048))
    yield op("reduce", "sum 1e7", lambda lib, a: a.sum(), normals(10 * MILLION),
             terms=10 * MILLION, numpy=np.sum)
    yield op("reduce", "sum dim 0, 4096x2048", lambda lib, a: a.sum(0), tall,
             terms=4096, numpy=lambda a: a.sum(0))
    yield op("reduce", "mean dim 1, 64x64", lambda lib, a: a.mean(1), normals((64, 64)),
             backward=True, terms=64, numpy=lambda a: a.mean(1))
    yield op("reduce", "var dim 1, 4096x2048", lambda lib, a: a.var(1), tall,
             terms=2048, numpy=lambda a: a.var(1, ddof=1))
    for dim in (0, 1):
        yield op("reduce", f"cumsum dim {dim}, 2048x2048", lambda lib, a, dim=dim: a.cumsum(dim), square,
                 terms=2048, numpy=lambda a, dim=dim: a.cumsum(dim))
    yield op("reduce", "argmax dim 0, 2048x2048", lambda lib, a: a.argmax(0), square,
             numpy=lambda a: a.argmax(0))
    yield op("reduce", "max dim 1, 2048x2048", lambda lib, a: a.max(1)[0], square, numpy=lambda a: a.max(1))


def indexing() -> Iterator[list[Case]]:
    yield op("index", "x[mask] 1e6", lambda lib, a, m: a[m], lambda d: (d.normal(MILLION), d.mask(MILLION)),
             numpy=lambda a, m: a[m])
    yield op("index", "nonzero 1e6", lambda lib, m: m.nonzero(), lambda d: (d.mask(MILLION),),
             numpy=np.argwhere)
    yield op("index", "gather 2048x1024", lambda lib, a, i: a.gather(1, i),
             lambda d: (d.normal(2048, 1024), d.integers(1024, 2048, 1024)),
             backward=True, terms=16, numpy=lambda a, i: np.take_along_axis(a, i, 1))
    yield op("index", "embedding 4096 of 30000x256", lambda lib, i, w: F(lib).embedding(i, w),
             lambda d: (d.integers(30000, 4096), d.normal(30000, 256)),
             backward=True, terms=16, bytes=2 * 4096 * 256 * 4, numpy=lambda i, w: w[i])
    yield op("index", "cat 2 x 1e6", lambda lib, a, b: lib.cat([a, b]), normals(MILLION, MILLION),
             numpy=lambda a, b: np.concatenate([a, b]))
    yield op("index", "sort 1e6", lambda lib, a: a.sort()[0], normals(MILLION), numpy=np.sort)
    yield op("index", "topk 50 of 1e5", lambda lib, a: a.topk(50)[0], normals(100_000),
             numpy=lambda a: np.sort(a)[:-51:-1])


def random() -> Iterator[list[Case]]:
    yield op("random", "rand 1e6", lambda lib: lib.rand(MILLION), normals(), moments=(0.5, 12**-0.5))
    yield op("random", "randn 1e6", lambda lib: lib.randn(MILLION), normals(), moments=(0.0, 1.0))
    yield op("random", "bernoulli 1e6", lambda lib, p: lib.bernoulli(p),
             lambda d: (d.lib.full((MILLION,), 0.3),), moments=(0.3, 0.21**0.5))
    yield op("random", "dropout 1e6", lambda lib, a: F(lib).dropout(a, 0.5),
             lambda d: (d.lib.ones(MILLION),), moments=(1.0, 1.0))


def norms() -> Iterator[list[Case]]:
    images = normals((16, 64, 56, 56), 64, 64)
    for shape in ((32, 32), (4096, 1024)):
        yield op("norm", f"softmax {shape[0]}x{shape[1]}", lambda lib, a: a.softmax(-1), normals(shape),
                 backward=True, terms=shape[1])
    yield op("norm", "layer_norm 4096x1024", lambda lib, x, w, b: F(lib).layer_norm(x, (1024,), w, b),
             normals((4096, 1024), 1024, 1024), backward=True, terms=4096)
    yield op("norm", "batch_norm 16x64x56x56",
             lambda lib, x, w, b: F(lib).batch_norm(x, None, None, w, b, True), images,
             backward=True, terms=16 * 56 * 56)
    yield op("norm", "group_norm 16x64x56x56", lambda lib, x, w, b: F(lib).group_norm(x, 8, w, b), images,
             terms=8 * 56 * 56)


def pooling() -> Iterator[list[Case]]:
    images = normals((16, 64, 56, 56))
    yield op("pool", "max_pool2d 16x64x56x56", lambda lib, x: F(lib).max_pool2d(x, 2), images, backward=True)
    yield op("pool", "avg_pool2d 16x64x56x56", lambda lib, x: F(lib).avg_pool2d(x, 2), images, backward=True)


def sampling() -> Iterator[list[Case]]:
    # Coordinates are rounded to float32 before they become weights; those of half the size are exact.
    def places(*sizes: int) -> Callable:
        return lambda d: d.uniform(*sizes, len(sizes) - 1) * 2.1 - 1.05

    for image, grid in (((8, 32, 64, 64), places(8, 64, 64)), ((2, 16, 16, 32, 32), places(2, 16, 32, 32))):
        yield op("sample", f"grid_sample {'x'.join(map(str, image))}",
                 lambda lib, x, g: F(lib).grid_sample(x, g, align_corners=False),
                 lambda d, image=image, grid=grid: (d.normal(*image), grid(d)), backward=True, terms=64 * 64)
    for name, options in (("bilinear", {}), ("antialias", {"antialias": True})):
        yield op("sample", f"{name} 8x3x512x512 to 256",
                 lambda lib, x, o=options: F(lib).interpolate(x, (256, 256), mode="bilinear", **o),
                 normals((8, 3, 512, 512)), backward=True, terms=16)


def losses() -> Iterator[list[Case]]:
    for rows, classes in ((64, 10), (4096, 1000)):
        yield op("loss", f"cross_entropy {rows}x{classes}", lambda lib, x, y: F(lib).cross_entropy(x, y),
                 lambda d, m=rows, n=classes: (d.normal(m, n), d.integers(n, m)), backward=True, terms=rows)
    yield op("loss", "mse_loss 1e6", lambda lib, x, y: F(lib).mse_loss(x, y), normals(MILLION, MILLION),
             backward=True, terms=MILLION, numpy=lambda x, y: ((x - y) ** 2).mean())


def products() -> Iterator[list[Case]]:
    for n in (64, 128, 512, 1024):
        yield op("matmul", f"matmul {n}", lambda lib, a, b: a @ b, normals((n, n), (n, n)),
                 flops=2 * n**3, terms=n, numpy=np.matmul)
    yield op("matmul", "matmul 1024 bfloat16", lambda lib, a, b: a @ b, normals((1024, 1024), (1024, 1024)),
             flops=2 * 1024**3, dtype="bfloat16", numpy=np.matmul)
    yield op("matmul", "bmm 64 x 64x64", lambda lib, a, b: a @ b, normals((64, 64, 64), (64, 64, 64)),
             flops=2 * 64**4, terms=64, numpy=np.matmul)
    for batch in (8, 512):
        yield op("matmul", f"linear {batch} x 1024x1024", lambda lib, x, w, b: F(lib).linear(x, w, b),
                 normals((batch, 1024), (1024, 1024), 1024), backward=batch > 8,
                 flops=2 * batch * 1024**2, terms=1024, numpy=lambda x, w, b: x @ w.T + b)


def convolutions() -> Iterator[list[Case]]:
    def conv(name: str, x: tuple, w: tuple, backward: bool = False, stride: int = 1, groups: int = 1):
        """Input of shape `x`, weights of shape `w`, same padding."""
        outputs = x[0] * x[2] * x[3] // stride**2
        options = {"stride": stride, "padding": w[2] // 2, "groups": groups}
        return op("conv", f"conv {name}", lambda lib, x, w: F(lib).conv2d(x, w, **options), normals(x, w),
                  backward=backward, flops=2 * outputs * math.prod(w), terms=outputs)

    images = (16, 64, 56, 56)
    yield conv("3x3, 16 channels, 32x32", (1, 16, 32, 32), (16, 16, 3, 3))
    yield conv("3x3, 16x64x56x56", images, (64, 64, 3, 3), backward=True)
    yield conv("1x1, 16x64x56x56", images, (256, 64, 1, 1))
    yield conv("depthwise 3x3, 16x64x56x56", images, (64, 1, 3, 3), groups=64)
    yield conv("7x7 stem, 4x3x224x224", (4, 3, 224, 224), (64, 3, 7, 7), backward=True, stride=2)


def sequences() -> Iterator[list[Case]]:
    for batch, heads, length, width in ((1, 4, 64, 32), (4, 8, 512, 64)):  # the masked half counts as no work
        yield op(
            "attention", f"causal attention B{batch} H{heads} T{length} D{width}",
            lambda lib, q, k, v: F(lib).scaled_dot_product_attention(q, k, v, is_causal=True),
            normals(*[(batch, heads, length, width)] * 3), backward=length > 64,
            flops=2 * batch * heads * length**2 * width, terms=length,
        )
    yield op("rnn", "GRU 128-256, 16x64", lambda lib, gru, x: gru(x)[0],
             lambda d: (d.module(d.lib.nn.GRU(128, 256, batch_first=True)), d.normal(16, 64, 128)),
             backward=True, flops=2 * 16 * 64 * 3 * 256 * (128 + 256), terms=16 * 64 * 256)


def decompositions() -> Iterator[list[Case]]:
    """Of one small matrix, of a batch of small ones, and of a large one; all well-conditioned."""

    def dominant(*shape: int) -> Callable:
        return lambda d: (2 * d.normal(*shape) / shape[-1] ** 0.5 + 4 * d.lib.eye(shape[-1]),)

    def positive(*shape: int) -> Callable:
        def inputs(d: Data) -> tuple[Any]:
            (a,) = dominant(*shape)(d)
            return (a @ a.mT,)

        return inputs

    def product(lib: Any, *factors: Any) -> Any:
        return factors[0] @ (product(lib, *factors[1:]) if len(factors) > 2 else factors[1])

    def case(name: str, shape: tuple, function: Callable, inputs: Callable, oracle: Callable, **facts: Any):
        label = f"{name} {shape[0]} x " if len(shape) == 3 else f"{name} "
        return op("linalg", f"{label}{shape[-2]}x{shape[-1]}", function, inputs, numpy=oracle,
                  terms=shape[-1] ** 2, **facts)

    for shape in ((8, 8), (256, 16, 16), (500, 500)):
        square, symmetric = dominant(*shape), positive(*shape)
        ones = (*shape[:-1], 1)
        yield case("cholesky", shape, lambda lib, a: lib.linalg.cholesky(a), symmetric, np.linalg.cholesky)
        yield case("solve", shape, lambda lib, a, b: lib.linalg.solve(a, b),
                   lambda d, square=square, ones=ones: (*square(d), d.normal(*ones)), np.linalg.solve)
        yield case("inv", shape, lambda lib, a: lib.linalg.inv(a), square, np.linalg.inv)
        yield case("lu_factor", shape, lambda lib, a: lib.linalg.lu_factor(a), square, lambda a: a,
                   unique=lambda lib, lu, pivots: product(lib, *lib.lu_unpack(lu, pivots)))
        yield case("qr", shape, lambda lib, a: lib.linalg.qr(a), square, lambda a: a, unique=product)
        yield case("eigh", shape, lambda lib, a: lib.linalg.eigh(a), symmetric, lambda a: a,
                   unique=lambda lib, w, v: product(lib, v * w[..., None, :], v.mT))
        yield case("svd", shape, lambda lib, a: lib.linalg.svd(a), square, lambda a: a,
                   unique=lambda lib, u, s, vh: product(lib, u * s[..., None, :], vh))
        rows, columns = 2 * shape[-2], shape[-1]
        yield case("lstsq", (*shape[:-2], rows, columns), lambda lib, a, b: lib.linalg.lstsq(a, b)[0],
                   normals((*shape[:-2], rows, columns), (*shape[:-2], rows, 1)),
                   lambda a, b: np.linalg.pinv(a) @ b)


def transforms() -> Iterator[list[Case]]:
    def complexes(*shape: int) -> Callable:
        return lambda d: (d.lib.complex(d.normal(*shape), d.normal(*shape)),)

    for shape, text in (((1000,), "1000"), ((1024, 1024), "1024 x 1024"), ((1024, 1000), "1024 x 1000"),
                        ((1 << 20,), "2^20")):
        yield op("fft", f"fft {text}", lambda lib, a: lib.fft.fft(a), complexes(*shape), numpy=np.fft.fft,
                 terms=shape[-1])
    yield op("fft", "fft dim 0, 1024x1024", lambda lib, a: lib.fft.fft(a, dim=0), complexes(1024, 1024),
             numpy=lambda a: np.fft.fft(a, axis=0), terms=1024)
    yield op("fft", "fft2 512x512", lambda lib, a: lib.fft.fft2(a), complexes(512, 512), numpy=np.fft.fft2,
             terms=512)
    yield op("fft", "rfft 1024 x 1024", lambda lib, a: lib.fft.rfft(a), normals((1024, 1024)),
             numpy=np.fft.rfft, terms=1024)
    yield op("fft", "irfft 1024 x 513", lambda lib, a: lib.fft.irfft(a), complexes(1024, 513),
             numpy=np.fft.irfft, terms=1024)


def cases() -> list[Case]:
    families = (
        pointwise, reductions, indexing, random, norms, pooling, sampling, losses, products, convolutions,
        sequences, decompositions, transforms,
    )
    return [case for family in families for row in family() for case in row]
