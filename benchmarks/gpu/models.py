"""Models, written once for every library. ResNet-18 and the policy are those of training.py."""

from typing import Any, NamedTuple

from training import policy, resnet18

__all__ = ["GPTSize", "digits", "gpt", "mlp", "policy", "resnet18", "resnet50"]


def mlp(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))


def digits(lib: Any, dropout: float = 0.3) -> Any:
    """The network of examples/digits.py."""
    nn = lib.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 2 * 2, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 10),
    )


def resnet50(lib: Any, width: int = 64, classes: int = 1000, blocks: tuple[int, ...] = (3, 4, 6, 3)) -> Any:
    """ResNet-50, the stride in the 3x3 convolution (He et al. 2016, version 1.5)."""
    nn, F = lib.nn, lib.nn.functional

    class Bottleneck(nn.Module):
        def __init__(self, inputs: int, inner: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
            self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
            self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
            self.norm1, self.norm2 = nn.BatchNorm2d(inner), nn.BatchNorm2d(inner)
            self.norm3 = nn.BatchNorm2d(4 * inner)
            self.shortcut = nn.Identity()
            if stride != 1 or inputs != 4 * inner:
                conv = nn.Conv2d(inputs, 4 * inner, 1, stride, bias=False)
                self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(4 * inner))

        def forward(self, x: Any) -> Any:
            y = F.relu(self.norm1(self.conv1(x)))
            y = F.relu(self.norm2(self.conv2(y)))
            return F.relu(self.norm3(self.conv3(y)) + self.shortcut(x))

    layers = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    channels = width
    for stage, count in enumerate(blocks):
        inner = width << stage
        for i in range(count):
            layers.append(Bottleneck(channels, inner, 2 if stage and not i else 1))
            channels = 4 * inner
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def lstm(lib: Any, vocabulary: int, width: int, layers: int) -> Any:
    """The medium language model of Zaremba et al. 2014, without its dropout."""
    nn = lib.nn

    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.head = nn.Embedding(vocabulary, width), nn.Linear(width, vocabulary)
            self.rnn = nn.LSTM(width, width, layers, batch_first=True)

        def forward(self, tokens: Any) -> Any:
            return self.head(self.rnn(self.token(tokens))[0]).flatten(0, -2)

    return Words()


class GPTSize(NamedTuple):
    layers: int
    width: int
    heads: int
    context: int
    vocabulary: int


def gpt(lib: Any, size: GPTSize) -> Any:
    """GPT-2's blocks (Radford et al. 2019): learned positions, norms first, head tied to the embedding."""
    nn, F = lib.nn, lib.nn.functional
    layers, width, heads, context, vocabulary = size
    head_width = width // heads

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def project(self, x: Any) -> list[Any]:
            batch, length, _ = x.shape
            parts = self.qkv(self.norm1(x)).split(width, 2)
            return [p.view(batch, length, heads, head_width).transpose(1, 2) for p in parts]

        def finish(self, x: Any, attended: Any) -> Any:
            x = x + self.out(attended.transpose(1, 2).reshape(x.shape))
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

        def forward(self, x: Any) -> Any:
            return self.finish(x, F.scaled_dot_product_attention(*self.project(x), is_causal=True))

        def decode(self, x: Any, position: Any, seen: Any) -> Any:
            q, k, v = self.project(x)
            self.keys.index_copy_(2, position, k)
            self.values.index_copy_(2, position, v)
            return self.finish(x, F.scaled_dot_product_attention(q, self.keys, self.values, attn_mask=seen))

    class GPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.token, self.position = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
            self.head.weight = self.token.weight

        def forward(self, tokens: Any) -> Any:
            places = lib.arange(tokens.shape[1], device=tokens.device)
            x = self.token(tokens) + self.position(places)
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x)).flatten(0, -2)

        def allocate_caches(self) -> None:
            """Room for keys and values of one text as long as the context. Buffers, as compilers know that
            buffers keep their addresses."""
            like = self.token.weight.detach()
            for block in self.blocks:
                for name in ("keys", "values"):
                    block.register_buffer(
                        name, like.new_zeros(1, heads, context, head_width), persistent=False
                    )
            self.register_buffer("places", lib.arange(context, device=like.device), persistent=False)

        def decode(self, token: Any, position: Any) -> Any:
            """Logits of what follows `token` (batch 1, length 1), which stands at `position` (one number,
            on the device); what came before is in the caches."""
            seen = (self.places <= position).view(1, 1, 1, -1)
            x = self.token(token) + self.position(position)
            for block in self.blocks:
                x = block.decode(x, position, seen)
            return self.head(self.norm(x)).flatten(0, -2)

    return GPT()
