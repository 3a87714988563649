"""A small GPT that learns to write Python, letter by letter, from the standard library's own source files.

    python examples/char_gpt.py             # some minutes on two cores; samples appear as it learns
    python examples/char_gpt.py --resume    # carry on from the last checkpoint
    python examples/char_gpt.py --device cuda --width 384 --layers 6 --context 256 --steps 5000

The model is GPT-2's (pre-norm blocks, learnt positions, tied embedding; Radford et al. 2019) with about 0.8
million weights.
"""

import argparse
import math
import os
import sysconfig
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import plait
import plait.nn.functional as F
from plait import nn
from tqdm import tqdm

ALPHABET = "\n" + "".join(map(chr, range(32, 127)))  # letters outside it are dropped


def load_text(limit: int) -> str:
    """The standard library's top-level modules, one after the other, at most `limit` letters."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    text = "".join(f.read_text(encoding="utf-8", errors="ignore") for f in files)[:limit]
    return "".join(c for c in text.replace("\t", "    ") if c in ALPHABET)


def encode(text: str):
    index = {c: i for i, c in enumerate(ALPHABET)}
    return plait.tensor([index[c] for c in text])


def decode(tokens) -> str:
    return "".join(ALPHABET[i] for i in tokens.tolist())


class Block(nn.Module):
    """Attention, then a feed-forward layer, each added to the residual stream."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(dropout)
        )

    def attend(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        y = self.out(y.transpose(1, 2).reshape(batch, length, width))
        return F.dropout(y, self.dropout, self.training)

    def forward(self, x):
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    def __init__(self, context: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.context = context
        self.token = nn.Embedding(len(ALPHABET), width)
        self.position = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(ALPHABET), bias=False)
        self.head.weight = self.token.weight
        for name, p in self.named_parameters():
            if p.dim() > 1:  # layers that write to the residual stream start smaller: it must not grow
                residual = name.endswith(("out.weight", "mlp.2.weight"))
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * layers) if residual else 0.02)

    def forward(self, tokens):
        positions = plait.arange(tokens.shape[1], device=tokens.device)
        return self.head(self.norm(self.blocks(self.token(tokens) + self.position(positions))))

    @plait.no_grad()
    def generate(self, prompt: str, length: int, temperature: float = 0.8) -> str:
        """`prompt` and `length` more letters, drawn one by one."""
        self.eval()
        tokens = encode(prompt).unsqueeze(0).to(self.token.weight.device)
        for _ in range(length):
            logits = self(tokens[:, -self.context :])[:, -1]
            nxt = plait.multinomial(F.softmax(logits / temperature, dim=-1), 1)
            tokens = plait.cat([tokens, nxt], dim=1)
        self.train()
        return decode(tokens[0])


def get_batch(data, batch_size: int, context: int, device):
    """Random stretches of text, and the same one letter on."""
    start = plait.randint(0, len(data) - context, (batch_size, 1))
    index = start + plait.arange(context + 1)
    chunk = data[index].to(device)
    return chunk[:, :-1], chunk[:, 1:]


def next_letter_loss(model, x, y):
    logits = model(x)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))


@plait.no_grad()
def evaluate(model, data, args, batches: int = 8) -> float:
    model.eval()
    total = 0.0
    for _ in range(batches):
        total += next_letter_loss(model, *get_batch(data, args.batch_size, args.context, args.device)).item()
    model.train()
    return total / batches


def learning_rate(step: int, args) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    warmup = max(1, min(100, args.steps // 10))
    if step < warmup:
        return args.lr * (step + 1) / warmup
    progress = (step - warmup) / max(1, args.steps - warmup)
    return args.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * progress)))


def save_checkpoint(path: Path, **state) -> None:
    """Write beside the old file, then swap: whoever pulls the plug keeps a whole checkpoint."""
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        plait.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def plot_losses(history, path: Path) -> None:
    figure, axis = plt.subplots(figsize=(6, 3.5), layout="constrained")
    steps, train, held_out = zip(*history, strict=True)
    axis.plot(steps, train, label="train")
    axis.plot(steps, held_out, label="held out")
    axis.set(xlabel="step", ylabel="loss, nats a letter")
    axis.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if plait.cuda.is_available() else "cpu")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--context", type=int, default=128, help="letters the model can look back")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--every", type=int, default=200, help="steps between samples and checkpoints")
    parser.add_argument("--letters", type=int, default=4_000_000, help="size of the text")
    parser.add_argument("--prompt", default="def ")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="carry on from OUT/checkpoint.pt")
    parser.add_argument("--out", type=Path, default=Path("out/char_gpt"), help="folder of checkpoint, plot")
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = args.out / "checkpoint.pt"

    plait.manual_seed(args.seed)
    data = encode(load_text(args.letters))
    train, held_out = data[: len(data) * 19 // 20], data[len(data) * 19 // 20 :]
    model = GPT(args.context, args.width, args.layers, args.heads, args.dropout).to(args.device)
    decay = [p for p in model.parameters() if p.dim() > 1]
    no_decay = [p for p in model.parameters() if p.dim() <= 1]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": no_decay, "weight_decay": 0.0}]
    optimizer = plait.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.95))
    print(f"{len(data):,} letters, {sum(p.numel() for p in model.parameters()):,} weights")

    first, history = 0, []
    if args.resume:
        state = plait.load(checkpoint, map_location=args.device)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        plait.set_rng_state(state["rng"].cpu())
        first, history = state["step"], state["history"]
        print(f"resumed at step {first}")

    start = time.perf_counter()
    bar = tqdm(range(first, args.steps), initial=first, total=args.steps, unit="step")
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        loss = next_letter_loss(model, *get_batch(train, args.batch_size, args.context, args.device))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.3f}")
        done = step + 1
        if done % args.every == 0 or done == args.steps:
            history.append((done, loss.item(), evaluate(model, held_out, args)))
            sample = model.generate(args.prompt, 200)
            save_checkpoint(
                checkpoint, model=model.state_dict(), optimizer=optimizer.state_dict(),
                rng=plait.get_rng_state(), step=done, history=history,
            )
            tqdm.write(f"--- step {done}, held-out loss {history[-1][2]:.4f}\n{sample}\n")

    if history:
        plot_losses(history, args.out / "loss.png")
        print(f"held-out loss {history[-1][2]:.4f} nats a letter, {time.perf_counter() - start:.0f} s")
    print(f"checkpoint: {checkpoint}")


if __name__ == "__main__":
    main()
