"""Whole training steps and batch-1 inference; the same model code and the same weights for every system."""

from collections.abc import Callable
from typing import Any

from cases import Case, Data

CHECKED_STEPS = 4
LOSS_TERMS = 100_000  # rounding met on the way to a loss after some steps: relative 3e-4 in float32


def mlp(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def lenet(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )


def resnet18(lib: Any) -> Any:
    """ResNet-18 for 32x32 pictures: a 3x3 stem, no first pooling (He et al. 2016)."""
    nn, F = lib.nn, lib.nn.functional

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Identity()
            if stride != 1 or inputs != outputs:
                conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
                self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
            return F.relu(y + self.shortcut(x))

    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    channels = 64
    for outputs in (64, 128, 256, 512):
        layers += [Block(channels, outputs, outputs // channels), Block(outputs, outputs, 1)]
        channels = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def gpt(lib: Any) -> Any:
    """Four pre-norm blocks of width 256, as GPT-2's."""
    nn, F = lib.nn, lib.nn.functional
    layers, width, heads, context, vocabulary = 4, 256, 4, 128, 96

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            batch, length, _ = x.shape
            qkv = self.qkv(self.norm1(x)).view(batch, length, 3, heads, width // heads)
            y = F.scaled_dot_product_attention(*qkv.permute(2, 0, 3, 1, 4).unbind(0), is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
            return x + self.mlp(self.norm2(x))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.token(tokens) + self.position(lib.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x))).flatten(0, -2)

    return GPT()


def lstm(lib: Any) -> Any:
    nn = lib.nn

    class Tagger(nn.Module):
        """An LSTM that reads 64 numbers a step and names one of 10 classes after the last."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.head = nn.LSTM(64, 256, batch_first=True), nn.Linear(256, 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return Tagger()


def policy(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 2))


MODELS: dict[str, tuple[Callable, tuple[int, ...], int]] = {  # name -> model, shape of one input, classes
    "MLP 784-512-512-10": (mlp, (784,), 10),
    "LeNet": (lenet, (1, 28, 28), 10),
    "ResNet-18 CIFAR": (resnet18, (3, 32, 32), 10),
    "GPT 4 layers d 256 T 128": (gpt, (128,), 96),
    "LSTM 64-256 T 64": (lstm, (64, 64), 10),
    "policy 4-64-2": (policy, (4,), 2),
}


def batch_of(name: str, data: Data, size: int) -> tuple[Any, Any, Any]:
    """The model, a batch of inputs and its classes."""
    model, shape, classes = MODELS[name]
    if model is gpt:
        x, y = data.integers(classes, size, *shape), data.integers(classes, size * shape[0])
    else:
        x, y = data.normal(size, *shape), data.integers(classes, size)
    return data.module(model(data.lib)), x, y


def training(name: str, size: int, optimizer: str, **options: float) -> Case:
    def setup(lib: Any, data: Data) -> dict[str, Any]:
        model, x, y = batch_of(name, data, size)
        update = getattr(lib.optim, optimizer)(model.parameters(), **options)
        cross_entropy = lib.nn.functional.cross_entropy

        def run() -> Any:
            update.zero_grad()
            loss = cross_entropy(model(x), y)
            loss.backward()
            update.step()
            return loss.detach()

        return {"run": run, "losses": lambda: [run() for _ in range(CHECKED_STEPS)]}

    return Case("training", f"{name}, batch {size}, {optimizer}", setup, answer="losses()", terms=LOSS_TERMS)


def inference(name: str) -> Case:
    def setup(lib: Any, data: Data) -> dict[str, Any]:
        model, x, _ = batch_of(name, data, 1)
        model.eval()

        def run() -> Any:
            with lib.no_grad():
                return model(x)

        return {"run": run}

    return Case("inference", f"{name}, batch 1", setup, terms=LOSS_TERMS)


def cases() -> list[Case]:
    return [
        training("MLP 784-512-512-10", 64, "SGD", lr=0.01),
        training("MLP 784-512-512-10", 64, "Adam", lr=1e-4),
        training("LeNet", 64, "SGD", lr=0.01),
        training("ResNet-18 CIFAR", 16, "SGD", lr=0.01, momentum=0.9),
        training("GPT 4 layers d 256 T 128", 8, "AdamW", lr=1e-4),
        training("LSTM 64-256 T 64", 16, "Adam", lr=1e-4),
        training("policy 4-64-2", 1, "Adam", lr=1e-4),
        *(inference(name) for name in MODELS),
    ]
