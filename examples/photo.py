"""Fit a network to a photograph: it takes a place (x, y) and gives the colour there.

    python examples/photo.py                             # about a minute on two cores
    python examples/photo.py --image china.jpg --steps 3000

Bare coordinates give a blur; sines and cosines of random frequencies let the network draw fine detail
(Fourier features, Tancik et al. 2020). `strip.png` shows the picture at several steps, and the original.
"""

import argparse
import math
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import plait
import plait.nn.functional as F
from plait import nn
from sklearn.datasets import load_sample_image
from tqdm import tqdm


class FourierFeatures(nn.Module):
    """(x, y) -> cosines and sines of `count` random plane waves, of frequencies about `scale`."""

    def __init__(self, count: int, scale: float) -> None:
        super().__init__()
        self.register_buffer("waves", plait.randn(2, count) * scale)

    def forward(self, xy):
        phase = math.pi * (xy @ self.waves)
        return plait.cat([phase.cos(), phase.sin()], dim=-1)


def coordinate_network(features: int, scale: float, width: int):
    return nn.Sequential(
        FourierFeatures(features, scale),
        nn.Linear(2 * features, width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, width), nn.ReLU(),
        nn.Linear(width, 3), nn.Sigmoid(),
    )


def load_photo(name: str, shrink: int, device):
    """The picture (height, width, 3) in 0..1, and the place (x, y) of each pixel."""
    pixels = load_sample_image(name)[::shrink, ::shrink].astype("float32") / 255
    photo = plait.from_numpy(pixels).to(device)
    y = plait.linspace(-1, 1, photo.shape[0], device=device)
    x = plait.linspace(-1, 1, photo.shape[1], device=device)
    grid_y, grid_x = plait.meshgrid(y, x, indexing="ij")
    return photo, plait.stack([grid_x, grid_y], dim=-1).reshape(-1, 2)


@plait.no_grad()
def render(model, places, shape, chunk: int = 16384):
    return plait.cat([model(part) for part in places.split(chunk)]).reshape(shape)


def psnr(picture, photo) -> float:
    """Peak signal-to-noise ratio in dB, peak 1."""
    return -10 * math.log10(F.mse_loss(picture, photo).item())


def save_strip(pictures, path: Path) -> None:
    height, width, _ = pictures[0][1].shape
    figure, axes = plt.subplots(
        1, len(pictures), figsize=(3 * len(pictures), 3 * height / width + 0.3), layout="constrained"
    )
    for axis, (title, picture) in zip(axes, pictures, strict=True):
        axis.imshow(picture)
        axis.set_title(title, fontsize=9)
        axis.axis("off")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if plait.cuda.is_available() else "cpu")
    parser.add_argument("--image", default="flower.jpg", choices=["flower.jpg", "china.jpg"])
    parser.add_argument("--shrink", type=int, default=2, help="keep every n-th pixel")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=4096, help="pixels a step")
    parser.add_argument("--features", type=int, default=128, help="number of random waves")
    parser.add_argument("--scale", type=float, default=10.0, help="how fine they are")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/photo"), help="folder for the picture")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)

    plait.manual_seed(args.seed)
    photo, places = load_photo(args.image, args.shrink, args.device)
    colours = photo.reshape(-1, 3)
    model = coordinate_network(args.features, args.scale, args.width).to(args.device)
    optimizer = plait.optim.Adam(model.parameters(), lr=args.lr)
    schedule = plait.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.steps)
    snapshots = {max(1, round(args.steps * share)) for share in (0.01, 0.05, 0.2, 1)}

    start, pictures = time.perf_counter(), []
    bar = tqdm(range(1, args.steps + 1), unit="step")
    for step in bar:
        chosen = plait.randint(0, len(places), (args.batch_size,), device=args.device)
        loss = F.mse_loss(model(places[chosen]), colours[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        bar.set_postfix(loss=f"{loss.item():.5f}")
        if step in snapshots:
            picture = render(model, places, photo.shape)
            quality = psnr(picture, photo)
            pictures.append((f"step {step}: {quality:.1f} dB", picture.cpu().numpy()))

    pictures.append(("the photograph", photo.cpu().numpy()))
    save_strip(pictures, args.out / "strip.png")
    print(f"{quality:.2f} dB after {args.steps} steps, {time.perf_counter() - start:.1f} s")
    print(f"picture: {args.out / 'strip.png'}")


if __name__ == "__main__":
    main()
