"""Whole training steps, and decoding: the same model code, weights and data for every system."""

from collections.abc import Callable
from typing import Any

from . import models
from .cases import GRAPH_STEPS, Bench, Case, Goal, faster
from .models import GPTSize

CHECKED_STEPS = 4
# How far a loss may be from float64's after some steps. Rounding of the 16-bit activations (2**-9) averages
# out over the batch; what is wrong in a kernel shows as more.
TOLERANCE = {"float32": 3e-4, "bfloat16": 0.01, "float16": 0.01}
# Batch norm of few samples divides by small differences: rounding grows tenfold on the way through a ResNet.
NORMS_OF_FEW = 10
GPT2 = GPTSize(12, 768, 12, 1024, 50304)
CHAR_GPT = GPTSize(6, 384, 6, 256, 96)


def small(size: GPTSize, b: Bench) -> GPTSize:
    """The model of a dry run; the check keeps all but most of the layers."""
    if b.tiny:
        return GPTSize(2, 32, 2, 16, 64)
    return size._replace(layers=2) if b.checking and size.layers > 6 else size


def parameters(size: GPTSize) -> int:
    """Weights of the model; those of the head are the embedding's."""
    return size.layers * (12 * size.width**2 + 13 * size.width) + size.width * (
        size.vocabulary + size.context + 2
    )


def gpt_flops(size: GPTSize, tokens: int) -> float:
    """Of a training step: 6 a weight and token, and attention's (Chowdhery et al. 2022, appendix B)."""
    attention = 12 * size.layers * size.width * size.context
    return float(tokens) * (6 * (parameters(size) - size.context * size.width) + attention)


def training(
    name: str,
    model: Callable[[Bench], Any],
    batch: Callable[[Bench], tuple[Any, Any]],
    *,
    optimizer: str = "AdamW",
    options: dict[str, float] | None = None,
    dtype: str = "float32",
    mode: str | None = None,
    channels_last: bool = False,
    item: str = "samples",
    flops: Callable[[Bench], float] | None = None,
    tolerance: float = 0.0,
    **more: Any,
) -> Case:
    def setup(b: Bench) -> dict[str, Any]:
        net = b.module(model(b), channels_last)
        x, y = batch(b)
        if channels_last:
            x = x.contiguous(memory_format=b.lib.channels_last)
        update = b.optimizer(optimizer, net.parameters(), **(options or {"lr": 1e-3}))
        scaler = b.scaler() if dtype == "float16" else None

        cross_entropy = b.F.cross_entropy

        def loss_of(x: Any, y: Any) -> Any:
            return cross_entropy(net(x), y)

        forward = b.compiled(loss_of, mode)

        def step() -> Any:
            update.zero_grad()
            with b.autocast():
                loss = forward(x, y)
            if scaler:
                scaler.scale(loss).backward()
                scaler.step(update)
                scaler.update()
            else:
                loss.backward()
                update.step()
            return loss.detach()

        run = b.captured(step, update.zero_grad)
        names = {"run": run, "answer": lambda: [run().clone() for _ in range(CHECKED_STEPS)]}
        return names | {"items": y.numel(), "item": item, "flops": flops(b) if flops else 0.0}

    tolerance = tolerance or TOLERANCE[dtype]
    return Case("train", "training", name, setup, "step", dtype, tolerance=tolerance, apart=True, **more)


def classes(b: Bench, shape: tuple[int, ...], size: int, count: int = 10) -> tuple[Any, Any]:
    return b.normal(size, *shape), b.integers(count, size)


def tokens(b: Bench, size: GPTSize, batch: int) -> tuple[Any, Any]:
    text = b.integers(size.vocabulary, batch, size.context)
    return text, b.integers(size.vocabulary, batch * size.context)


def launch_bound() -> list[Case]:
    """Steps whose kernels are shorter than a launch of PyTorch's."""
    common: dict[str, Any] = {
        "mode": "reduce-overhead",
        "peers": ("torch", "torch.compile"),
        "variants": ("eager", "graph"),
        "goals": (faster(2.0), faster(1.0, "torch.compile", "plait", "plait graph"), Goal("memory", 1.0)),
    }

    def char(dtype: str, **more: Any) -> Case:
        return training(
            f"char GPT 6 layers d 384 T 256, batch 16, {dtype}",
            lambda b: models.gpt(b.lib, small(CHAR_GPT, b)),
            lambda b: tokens(b, small(CHAR_GPT, b), b.size(16, 2, 2)),
            dtype=dtype,
            item="tokens",
            **(common | more),
        )

    return [
        training(
            "digits CNN, batch 64",
            lambda b: models.digits(b.lib, 0.0 if b.checking else 0.3),
            lambda b: classes(b, (1, 8, 8), b.size(64, 8)),
            **common,
        ),
        training(
            "MLP 784-128-10, batch 64",
            lambda b: models.mlp(b.lib),
            lambda b: classes(b, (784,), b.size(64, 8)),
            **common,
        ),
        training(
            "policy 4-64-2, batch 1",
            lambda b: models.policy(b.lib),
            lambda b: classes(b, (4,), 1, 2),
            **common,
        ),
        char("bfloat16"),
        training(
            "ResNet-18 CIFAR, batch 8",
            lambda b: models.resnet18(b.lib),
            lambda b: classes(b, (3, b.size(32, 16), b.size(32, 16)), b.size(8, 4)),
            optimizer="SGD",
            options={"lr": 1e-3, "momentum": 0.9},
            tolerance=NORMS_OF_FEW * TOLERANCE["float32"],
            **common,
        ),
        char("float32", variants=("eager",), peers=("torch",), goals=()),
    ]


def large() -> list[Case]:
    def gpt2_flops(b: Bench) -> float:
        size = small(GPT2, b)
        return gpt_flops(size, b.size(32, 2) * size.context)

    def resnet(b: Bench) -> Any:
        return models.resnet50(b.lib, 8, 10, (1, 1, 1, 1)) if b.tiny else models.resnet50(b.lib)

    def pictures(b: Bench) -> tuple[Any, Any]:
        return classes(b, (3, b.size(224, 64), b.size(224, 64)), b.size(256, 4, 8), b.size(1000, 10))

    return [
        training(
            "GPT-2 124M, batch 32, T 1024, bf16",
            lambda b: models.gpt(b.lib, small(GPT2, b)),
            lambda b: tokens(b, small(GPT2, b), b.size(32, 2, 1)),
            dtype="bfloat16",
            item="tokens",
            options={"lr": 1e-4, "weight_decay": 0.1},
            flops=gpt2_flops,
            alone=True,  # three of them at once would fill the memory
            peers=("torch", "torch.compile"),
            goals=(faster(1.3), faster(1.05, "torch.compile"), Goal("items", 480e3), Goal("memory", 1.0)),
        ),
        training(
            "ResNet-50, batch 256, channels_last, AMP float16",
            resnet,
            pictures,
            dtype="float16",
            channels_last=True,
            optimizer="SGD",
            options={"lr": 1e-3, "momentum": 0.9},
            item="images",
            tolerance=NORMS_OF_FEW * TOLERANCE["float16"],
            goals=(faster(1.1), Goal("memory", 1.0)),
            alone=True,
        ),
    ]


def recurrent() -> list[Case]:
    """Steps of a recurrent network, by cuDNN in either system."""

    def words(b: Bench) -> GPTSize:
        return GPTSize(2, 16, 1, 5, 32) if b.tiny else GPTSize(2, 650, 1, 35, 10000)

    def model(b: Bench) -> Any:
        size = words(b)
        return models.lstm(b.lib, size.vocabulary, size.width, size.layers)

    return [
        training(
            f"LSTM 2 layers d 650 T 35, batch 64, {dtype}",
            model,
            lambda b: tokens(b, words(b), b.size(64, 3, 4)),
            dtype=dtype,
            item="tokens",
            goals=(faster(1.0), Goal("memory", 1.0)),
        )
        for dtype in ("float32", "bfloat16")
    ]


def decoding() -> list[Case]:
    def setup(b: Bench) -> dict[str, Any]:
        size = small(GPT2, b)
        net = b.module(models.gpt(b.lib, size)).to(b.dtype).eval()
        net.allocate_caches()
        token = b.integers(size.vocabulary, 1, 1)
        position = b.lib.zeros(1, dtype=b.lib.int64, device=b.device)
        decode = b.compiled(net.decode, "reduce-overhead")

        def step() -> Any:
            with b.lib.no_grad():
                logits = decode(token, position)
                token.copy_(logits.argmax(-1, keepdim=True))
                position.add_(1)
                return logits

        run = b.captured(step)
        prompt = b.integers(size.vocabulary, GRAPH_STEPS + CHECKED_STEPS, 1, 1)

        def begin() -> None:
            position.zero_()

        def answer() -> list[Any]:
            """Logits along a given text: one token chosen otherwise must not decide what follows."""
            begin()
            found = []
            for i in range(len(prompt)):
                token.copy_(prompt[i])
                found.append(run().clone())
            return found

        return {"run": run, "begin": begin, "answer": answer, "items": 1, "item": "tokens"}

    return [
        Case(
            "train",
            "decoding",
            "GPT-2 124M, batch 1, KV cache, bf16",
            setup,
            "step",
            "bfloat16",
            tolerance=0.2,
            variants=("eager", "graph"),
            peers=("torch", "torch.compile"),
            goals=(faster(3.0, "torch", "plait graph"),),
        )
    ]


def cases() -> list[Case]:
    """Cheap ones first: what the time does not suffice for is then little."""
    return [*launch_bound(), *recurrent(), *decoding(), *large()]
