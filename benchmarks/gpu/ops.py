"""Single ops where they bind: the device's memory, its tensor cores, or the host that launches."""

from collections.abc import Callable
from typing import Any

from .cases import Bench, Case, Goal, faster, of_copy, tensors_of

GPT2_TOKENS = 32 * 1024
ALLOCATIONS = """
void allocate(const plait::Tensor& like, int64_t bytes, int64_t times) {
  for (int64_t i = 0; i < times; ++i) plait::Tensor(plait::TensorSpec({bytes}, plait::DType::UInt8,
  like.device()));
}
"""


def nbytes(*values: Any) -> int:
    """Bytes that the tensors hold."""
    return sum(t.numel() * t.element_size() for t in tensors_of(list(values)))


# --- what the others are measured by ----------------------------------------------------------------------


def limits() -> list[Case]:
    def copy(b: Bench) -> dict[str, Any]:
        sets = b.sets(lambda: [b.normal(b.size(2**29, 2**12)), b.normal(b.size(2**29, 2**12))])
        return {"run": lambda i: sets[i][0].copy_(sets[i][1]), "sets": len(sets), "bytes": nbytes(*sets[0])}

    def plus_zero(b: Bench) -> dict[str, Any]:
        sets = b.sets(lambda: b.normal(b.size(2**28, 2**12)))
        return {"run": lambda i: sets[i] + 0, "sets": len(sets), "bytes": 2 * nbytes(sets[0])}

    return [
        Case("ops", "limits", "copy of 2 GiB", copy),
        Case("ops", "limits", "x + 0, 256M float32", plus_zero),
        Case(
            "ops",
            "limits",
            "matmul bf16 8192x8192x8192",
            product(8192, 8192, 8192),
            dtype="bfloat16",
            terms=8192,
            goals=(faster(0.98),),
        ),
    ]


# --- the host: time to submit -----------------------------------------------------------------------------


def submitted(make: Callable[[Bench], Callable[[int], Any]]) -> Callable[[Bench], dict[str, Any]]:
    return lambda b: {"run": make(b)}


def submission() -> list[Case]:
    def add(grad: bool) -> Callable[[Bench], Callable[[int], Any]]:
        def make(b: Bench) -> Callable[[int], Any]:
            x, y = b.normal(1000), b.normal(1000)
            x.requires_grad_(grad)
            return lambda i: x + y

        return make

    def linear(b: Bench) -> Callable[[int], Any]:
        x, w, bias, linear = b.normal(64, 64), b.normal(64, 64), b.normal(64), b.F.linear
        return lambda i: linear(x, w, bias)

    def norm(b: Bench) -> Callable[[int], Any]:
        x, w, bias, layer_norm = b.normal(16, 64), b.normal(64), b.normal(64), b.F.layer_norm
        return lambda i: layer_norm(x, (64,), w, bias)

    half = (faster(2.0),)
    return [
        Case("ops", "submission", "add, 1k floats", submitted(add(False)), "host", goals=half),
        Case("ops", "submission", "add, 1k floats, grad", submitted(add(True)), "host", goals=half),
        Case("ops", "submission", "linear 64x64", submitted(linear), "host", terms=64),
        Case("ops", "submission", "layer norm 16x64", submitted(norm), "host", terms=64),
    ]


def allocation() -> list[Case]:
    def python(b: Bench) -> dict[str, Any]:
        empty, device = b.lib.empty, b.lib.device(b.device)
        return {"run": lambda i: empty(1024, device=device)}

    def native(b: Bench) -> dict[str, Any]:
        from plait.utils.cpp_extension import load_inline

        allocate = load_inline("bench_allocate", ALLOCATIONS, functions="allocate").allocate
        like, times = b.normal(1), b.size(1000, 10)
        return {"run": lambda i: allocate(like, 4096, times), "calls": times}

    return [
        Case(
            "ops",
            "allocation",
            "allocate and free 4 kB, from C++",
            native,
            "host",
            peers=(),
            checked=False,
            goals=(Goal("seconds", 200e-9),),
        ),
        Case("ops", "allocation", "empty(1024) and del, from Python", python, "host", checked=False),
    ]


# --- bound by memory --------------------------------------------------------------------------------------


def pointwise() -> list[Case]:
    def of(count: int, function: Callable[[Any], Callable]) -> Callable[[Bench], dict[str, Any]]:
        def setup(b: Bench) -> dict[str, Any]:
            sets = b.sets(lambda: [b.normal(b.size(2**28, 2**12)) for _ in range(count)])
            f = b.compiled(function(b.F))
            least = nbytes(*sets[0]) // count * (count + 1)
            return {"run": lambda i: f(*sets[i]), "sets": len(sets), "bytes": least}

        return setup

    common: dict[str, Any] = {
        "dtype": "bfloat16",
        "peers": ("torch", "torch.compile"),
        "goals": (of_copy(0.93),),
    }
    return [
        Case("ops", "pointwise", "add, 256M bf16", of(2, lambda F: lambda x, y: x + y), **common),
        Case("ops", "pointwise", "gelu, 256M bf16", of(1, lambda F: F.gelu), **common),
    ]


def both_ways(
    function: Callable[[Any], Callable[..., Any]],
    inputs: Callable[[Bench], list[Any]],
    forward_bytes: Callable[[Any, Any], int] | None = None,
    backward_bytes: Callable[[Any, Any], int] | None = None,
    flops: Callable[[Bench], float] | None = None,
    backward_flops: float = 2.0,
) -> tuple[Callable[[Bench], dict[str, Any]], Callable[[Bench], dict[str, Any]]]:
    """Setups of a function and of its derivative alone. Bytes are given by (inputs, result), flops of the
    forward pass by the sizes; those of the backward pass are so many times as many."""

    def forward(b: Bench) -> dict[str, Any]:
        sets = b.sets(lambda: inputs(b))
        f = b.compiled(function(b.F))

        def run(i: int) -> Any:
            with b.lib.no_grad():
                return f(*sets[i])

        names = {"run": run, "sets": len(sets), "flops": flops(b) if flops else 0}
        if forward_bytes:
            names["bytes"] = forward_bytes(sets[0], run(0))
        return names

    def backward(b: Bench) -> dict[str, Any]:
        f = b.compiled(function(b.F))

        def make() -> list[Any]:
            leaves = [x.requires_grad_() for x in inputs(b)]
            y = f(*leaves)
            upper = b.normal(*y.shape)
            if y.dim() == 4 and y.is_contiguous(memory_format=b.lib.channels_last):
                upper = upper.contiguous(memory_format=b.lib.channels_last)
            return [leaves, y, upper]

        sets, grad = b.sets(make), b.lib.autograd.grad

        def run(i: int) -> Any:
            leaves, y, upper = sets[i]
            return grad(y, leaves, upper, retain_graph=True)

        names = {"run": run, "sets": len(sets), "flops": backward_flops * flops(b) if flops else 0}
        if backward_bytes:
            names["bytes"] = backward_bytes(*sets[0][:2])
        return names

    return forward, backward


def norms() -> list[Case]:
    def row(x: Any, y: Any) -> int:
        return nbytes(x[0], y)

    def row_backward(x: Any, y: Any) -> int:  # what was saved and the gradient in, a gradient out
        return 3 * nbytes(x[0])

    functions: dict[str, tuple[int, int, Callable, int]] = {
        "softmax": (32768, 1024, lambda F: lambda x: F.softmax(x, -1), 0),
        "layer norm": (32768, 768, lambda F: lambda x, w, c: F.layer_norm(x, (x.shape[-1],), w, c), 2),
        "rms norm": (16384, 4096, lambda F: lambda x, w: F.rms_norm(x, (x.shape[-1],), w), 1),
    }
    result = []
    for name, (rows, width, function, weights) in functions.items():

        def inputs(b: Bench, rows: int = rows, width: int = width, weights: int = weights) -> list[Any]:
            columns = b.size(width, 64)
            return [b.normal(b.size(rows, 8), columns), *(b.normal(columns) for _ in range(weights))]

        ways = both_ways(function, inputs, row, row_backward)
        for dtype, short in (("bfloat16", "bf16"), ("float32", "fp32")):
            for way, setup in zip(("forward", "backward"), ways, strict=True):
                # The gradients of the weights are sums over the rows.
                terms = rows if way == "backward" and weights else width
                result.append(
                    Case(
                        "ops",
                        "norm",
                        f"{name} {rows}x{width} {short}, {way}",
                        setup,
                        dtype=dtype,
                        terms=terms,
                        peers=("torch", "torch.compile"),
                        goals=(Goal("bandwidth", 3.7e12),),
                    )
                )
    return result


def loss() -> list[Case]:
    def setup(b: Bench) -> dict[str, Any]:
        rows, classes = b.size(GPT2_TOKENS, 8, 2048), b.size(50304, 64)
        logits = b.leaf(rows, classes)
        target = b.integers(classes, rows)

        cross_entropy, upcast = b.F.cross_entropy, b.variant == "autocast"

        def mean(x: Any, y: Any) -> Any:
            return cross_entropy(x.float() if upcast else x, y)

        f = b.compiled(mean)

        def run(i: int) -> Any:
            logits.grad = None
            value = f(logits, target)
            value.backward()
            return value.detach()

        return {"run": run, "answer": lambda: [run(0), logits.grad], "bytes": 2 * nbytes(logits)}

    return [
        Case(
            "ops",
            "loss",
            f"cross-entropy {GPT2_TOKENS}x50304 bf16, forward and backward",
            setup,
            dtype="bfloat16",
            terms=64,
            peers=("torch", "torch autocast", "torch.compile"),
            goals=(faster(4.0),),
            apart=True,
        )
    ]


def gpt2_shapes() -> list[tuple[int, ...]]:
    """GPT-2's 148 parameters, 124 million numbers, the vocabulary padded to a multiple of 128."""
    block = [
        (768,),
        (768,),
        (2304, 768),
        (2304,),
        (768, 768),
        (768,),
        (768,),
        (768,),
        (3072, 768),
        (3072,),
        (768, 3072),
        (768,),
    ]
    return [(50304, 768), (1024, 768), *(shape for _ in range(12) for shape in block), (768,), (768,)]


def optimisers() -> list[Case]:
    def parameters(b: Bench) -> list[Any]:
        shapes = [(8, 8), (8,), (3, 5)] if b.tiny else gpt2_shapes()
        params = [b.leaf(*shape) for shape in shapes]
        for p in params:
            p.grad = b.normal(*p.shape)
        return params

    def adamw(b: Bench) -> dict[str, Any]:
        params = parameters(b)
        fused = {"fused": True} if b.variant == "fused" else {"fused": None}
        step = b.optimizer("AdamW", params, lr=1e-4, weight_decay=0.1, **fused).step

        def answer() -> list[Any]:
            for _ in range(3):
                step()
            return params

        # Parameter, gradient and two moments are read; all but the gradient are written.
        return {"run": lambda i: step(), "answer": answer, "bytes": 7 * nbytes(*params)}

    def clip(b: Bench) -> dict[str, Any]:
        params = parameters(b)
        clip_grad_norm_ = b.lib.nn.utils.clip_grad_norm_

        def answer() -> list[Any]:
            return [clip_grad_norm_(params, 1.0), *(p.grad for p in params)]

        return {
            "run": lambda i: clip_grad_norm_(params, 1e30),
            "answer": answer,
            "bytes": 3 * nbytes(*params),
        }

    return [
        Case(
            "ops",
            "optimiser",
            "AdamW, 124M fp32 parameters",
            adamw,
            peers=("torch", "torch fused"),
            goals=(of_copy(0.85), faster(1.0, "torch fused")),
            terms=4,
        ),
        Case("ops", "optimiser", "clip_grad_norm_, 124M fp32 parameters", clip, terms=64),
    ]


# --- bound by the tensor cores ----------------------------------------------------------------------------


def product(m: int, n: int, k: int) -> Callable[[Bench], dict[str, Any]]:
    def setup(b: Bench) -> dict[str, Any]:
        rows, columns, inner = b.size(m, 16), b.size(n, 32), b.size(k, 64)
        sets = b.sets(lambda: [b.normal(rows, inner), b.normal(inner, columns)])
        return {
            "run": lambda i: sets[i][0] @ sets[i][1],
            "sets": len(sets),
            "flops": 2.0 * rows * columns * inner,
        }

    return setup


def linear_layer(
    m: int, n: int, k: int, function: Callable[[Any], Callable], bias: bool = True
) -> Callable[[Bench], dict[str, Any]]:
    def setup(b: Bench) -> dict[str, Any]:
        rows, columns, inner = b.size(m, 16), b.size(n, 32), b.size(k, 64)
        more = [(columns,)] if bias else []
        sets = b.sets(
            lambda: [b.normal(rows, inner), b.normal(columns, inner), *(b.normal(*s) for s in more)]
        )
        f = b.compiled(function(b))
        return {"run": lambda i: f(*sets[i]), "sets": len(sets), "flops": 2.0 * rows * columns * inner}

    return setup


def fp8_product(b: Bench) -> dict[str, Any]:
    """Both operands in float8_e4m3fn, bfloat16 out, one scale each."""
    n = b.size(8192, 64)
    float8 = b.lib.float8_e4m3fn
    sets = b.sets(lambda: [b.normal(n, n).to(float8), b.normal(n, n).to(float8)])
    if b.exact:
        return {"run": lambda i: sets[i][0].to(b.lib.float64) @ sets[i][1].to(b.lib.float64).t()}
    one, product = b.lib.ones((), device=b.device), b.lib._scaled_mm

    def run(i: int) -> Any:
        return product(sets[i][0], sets[i][1].t(), scale_a=one, scale_b=one, out_dtype=b.lib.bfloat16)

    return {"run": run, "sets": len(sets), "flops": 2.0 * n**3}


def products() -> list[Case]:
    def linear(b: Bench) -> Callable:
        return b.F.linear

    def gelu(b: Bench) -> Callable:
        """plait's one op beside PyTorch's two, as programs write them there; torch.compile may join them."""
        if b.is_torch or b.exact:
            return lambda x, w, c: b.F.gelu(b.F.linear(x, w, c), approximate="tanh")
        return lambda x, w, c: b.lib._addmm_activation(c, x, w.t(), use_gelu=True)

    m, same = GPT2_TOKENS, (faster(0.98),)
    layers = {
        "qkv": (m, 2304, 768),
        "projection": (m, 768, 768),
        "up": (m, 3072, 768),
        "down": (m, 768, 3072),
    }
    cases = [
        Case(
            "ops",
            "matmul",
            f"linear {a}x{c} to {n} bf16 ({name})",
            linear_layer(a, n, c, linear),
            dtype="bfloat16",
            terms=c,
            goals=same,
        )
        for name, (a, n, c) in layers.items()
    ]
    head = linear_layer(m, 50304, 768, linear, bias=False)
    cases.append(
        Case(
            "ops",
            "matmul",
            f"linear {m}x768 to 50304 bf16 (head)",
            head,
            dtype="bfloat16",
            terms=768,
            goals=same,
        )
    )

    def weight_gradient(b: Bench) -> dict[str, Any]:
        rows, outputs, inputs = b.size(m, 64), b.size(3072, 32), b.size(768, 16)
        sets = b.sets(lambda: [b.normal(rows, outputs), b.normal(rows, inputs)])
        run = lambda i: sets[i][0].t() @ sets[i][1]  # noqa: E731
        return {"run": run, "sets": len(sets), "flops": 2.0 * rows * outputs * inputs}

    cases += [
        Case(
            "ops",
            "matmul",
            f"input gradient {m}x3072 to 768 bf16",
            product(m, 768, 3072),
            dtype="bfloat16",
            terms=3072,
            goals=same,
        ),
        Case(
            "ops",
            "matmul",
            f"weight gradient 3072x768 over {m} bf16",
            weight_gradient,
            dtype="bfloat16",
            terms=m,
            goals=same,
        ),
        Case(
            "ops",
            "matmul",
            f"linear + gelu {m}x768 to 3072 bf16",
            linear_layer(m, 3072, 768, gelu),
            dtype="bfloat16",
            terms=768,
            peers=("torch", "torch.compile"),
            goals=(faster(1.1),),
        ),
        Case(
            "ops",
            "matmul",
            "fp8 8192x8192x8192",
            fp8_product,
            dtype="bfloat16",
            terms=8192,
            goals=(Goal("flops", 1400e12),),
        ),
    ]
    return cases


def fourier() -> list[Case]:
    """A real transform and back. Each reads and writes what x has of bytes: half of the coefficients are as
    many, since they are complex."""

    def there_and_back(b: Bench) -> dict[str, Any]:
        sets = b.sets(lambda: [b.normal(b.size(64, 2), b.size(1024, 8), b.size(1024, 8))])
        fft = b.lib.fft

        def run(i: int) -> Any:
            return fft.irfft2(fft.rfft2(sets[i][0], norm="ortho"), norm="ortho")

        return {"run": run, "sets": len(sets), "bytes": 4 * nbytes(*sets[0])}

    name = "rfft2 and irfft2, 64x1024x1024"
    return [Case("ops", "fft", name, there_and_back, terms=1024, goals=(faster(0.95),))]


def decompositions() -> list[Case]:
    """From the call to the result: those that can fail wait for the device. Symmetric, positive matrices."""

    def timed(b: Bench, batch: int, n: int, function: Callable, answer: Callable) -> dict[str, Any]:
        n = b.size(n, 4)
        x = b.normal(b.size(batch, min(batch, 2)), n, n)
        a = x @ x.transpose(-2, -1) / n + b.lib.eye(n, dtype=b.dtype, device=b.device)
        linalg = b.lib.linalg
        return {"run": lambda: function(linalg, a, x), "answer": lambda: answer(function(linalg, a, x))}

    functions: dict[str, tuple[Callable, Callable]] = {  # vectors are unique up to their signs
        "cholesky": (lambda la, a, x: la.cholesky(a), lambda found: found),
        "solve": (lambda la, a, x: la.solve(a, x), lambda found: found),
        "svd": (lambda la, a, x: la.svd(a), lambda found: found[1]),
        "eigh": (lambda la, a, x: la.eigh(a), lambda found: found[0]),
    }
    result = []
    for batch, n in ((1, 512), (1024, 32)):
        for name, (function, answer) in functions.items():

            def setup(
                b: Bench, batch: int = batch, n: int = n, f: Callable = function, g: Callable = answer
            ) -> dict[str, Any]:
                return timed(b, batch, n, f, g)

            title, goals = f"{name} {batch}x{n}x{n}", (faster(0.95),)
            result.append(Case("ops", "linalg", title, setup, "step", terms=n, goals=goals))
    return result


def attention() -> list[Case]:
    result = []
    for batch, heads, length, width in ((16, 12, 1024, 64), (2, 16, 8192, 128)):
        shape = batch, heads, length, width

        def sizes(b: Bench, shape: tuple[int, ...] = shape) -> tuple[int, ...]:
            batch, heads, length, width = shape
            return b.size(batch, 2, 1), b.size(heads, 2), b.size(length, 16), b.size(width, 8)

        def inputs(b: Bench, sizes: Any = sizes) -> list[Any]:
            """Laid out as a projection leaves them: batch, length, heads, width."""
            batch, heads, length, width = sizes(b)
            return [b.normal(batch, length, heads, width).transpose(1, 2) for _ in range(3)]

        def flops(b: Bench, sizes: Any = sizes) -> float:
            batch, heads, length, width = sizes(b)
            return 4.0 * batch * heads * length * length * width / 2  # half of it is masked

        def function(F: Any) -> Callable:
            return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)

        ways = both_ways(function, inputs, flops=flops, backward_flops=2.5)
        for way, setup in zip(("forward", "backward"), ways, strict=True):
            result.append(
                Case(
                    "ops",
                    "attention",
                    f"causal B{batch} H{heads} T{length} D{width} bf16, {way}",
                    setup,
                    dtype="bfloat16",
                    terms=length,
                    peers=("torch", "torch cuDNN"),
                    apart=True,
                    alone=True,
                    goals=(faster(1.5), faster(0.98, "torch cuDNN")),
                )
            )
    return result


def convolutions() -> list[Case]:
    """ResNet-50's layers at batch 256, channels_last, float16 as in AMP."""
    convs = [  # inputs, outputs, kernel, stride, size of the picture
        (3, 64, 7, 2, 224),
        (64, 64, 3, 1, 56),
        (64, 256, 1, 1, 56),
        (128, 128, 3, 1, 28),
        (128, 128, 3, 2, 56),
        (256, 256, 3, 1, 14),
        (1024, 256, 1, 1, 14),
        (512, 512, 3, 1, 7),
    ]
    common: dict[str, Any] = {"dtype": "float16", "apart": True, "alone": True}
    result = []
    for inputs, outputs, kernel, stride, side in convs:

        def make(
            b: Bench, c: int = inputs, k: int = outputs, r: int = kernel, side: int = side
        ) -> list[Any]:
            last, c, k = b.lib.channels_last, b.size(c, min(c, 8)), b.size(k, 8)
            x = b.normal(b.size(256, 2, 4), c, b.size(side, 8), b.size(side, 8)).contiguous(
                memory_format=last
            )
            return [x, b.normal(k, c, r, r).contiguous(memory_format=last)]

        def function(F: Any, r: int = kernel, s: int = stride) -> Callable:
            return lambda x, w: F.conv2d(x, w, stride=s, padding=r // 2)

        def flops(
            b: Bench, c: int = inputs, k: int = outputs, r: int = kernel, s: int = stride, n: int = side
        ) -> float:
            c, k = b.size(c, min(c, 8)), b.size(k, 8)
            return 2.0 * b.size(256, 2) * k * c * r * r * (b.size(n, 8) // s) ** 2

        ways = both_ways(function, make, flops=flops)
        for way, setup in zip(("forward", "backward"), ways, strict=True):
            # A weight's gradient is a sum over the batch and the picture (of the problem that is checked).
            terms = inputs * kernel**2 if way == "forward" else 4 * (side // stride) ** 2
            name = f"conv {kernel}x{kernel}/{stride} {inputs} to {outputs}, {side}x{side}, {way}"
            result.append(Case("ops", "convolution", name, setup, terms=terms, **common))

    def norm_inputs(b: Bench) -> list[Any]:
        last = b.lib.channels_last
        x = b.normal(b.size(256, 2, 4), b.size(256, 8), b.size(56, 8), b.size(56, 8))
        weights = [b.normal(x.shape[1]) for _ in range(2)]
        return [x.contiguous(memory_format=last), *(w if b.exact else w.float() for w in weights)]

    def norm_relu(F: Any) -> Callable:
        return lambda x, w, c: F.relu(F.batch_norm(x, None, None, w, c, training=True))

    # Two passes over the input to find and to use the statistics; as many over both operands in the gradient.
    ways = both_ways(norm_relu, norm_inputs, lambda x, y: 3 * nbytes(x[0]), lambda x, y: 5 * nbytes(x[0]))
    for way, setup in zip(("forward", "backward"), ways, strict=True):
        name = f"batch norm + relu 256x256x56x56, {way}"
        terms = 4 * 56 * 56
        result.append(Case("ops", "convolution", name, setup, terms=terms, **common))
    return result


def cases() -> list[Case]:
    """The likeliest wins and what later cases are measured by come first."""
    return [
        *limits(),
        *submission(),
        *allocation(),
        *pointwise(),
        *norms(),
        *loss(),
        *optimisers(),
        *products(),
        *attention(),
        *fourier(),
        *decompositions(),
        *convolutions(),
    ]
