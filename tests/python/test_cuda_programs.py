"""Programs as research code writes them for a GPU, small: loaders, autocast, graphs, streams, checkpoints."""

import math

import numpy as np
import plait
import plait.nn.functional as F
import pytest
from cuda_device import needs_cuda
from plait import nn

pytestmark = needs_cuda
DEVICE = "cuda"


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.qkv, self.out, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        b, t, c = x.size()
        q, k, v = (
            part.view(b, t, self.heads, c // self.heads).transpose(1, 2)
            for part in self.qkv(x).split(c, dim=2)
        )
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1 if self.training else 0.0, is_causal=True)
        return self.drop(self.out(y.transpose(1, 2).contiguous().view(b, t, c)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1, self.ln_2, self.attn = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(0.1)
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary=32, length=16, width=32, layers=2, heads=2):
        super().__init__()
        self.length = length
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.tokens.weight = self.head.weight
        self.apply(self.start)

    @staticmethod
    def start(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, ids, targets=None):
        x = self.tokens(ids) + self.places(plait.arange(ids.size(1), device=ids.device))
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        if targets is None:
            return self.head(x[:, [-1], :]), None
        logits = self.head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

    @plait.no_grad()
    def generate(self, ids, count, top_k):
        for _ in range(count):
            logits = self(ids[:, -self.length :])[0][:, -1, :] / 0.8
            best, _ = plait.topk(logits, top_k)
            logits[logits < best[:, [-1]]] = -float("inf")
            ids = plait.cat((ids, plait.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        return ids


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_a_gpt_learns_is_saved_and_writes(dtype, tmp_path):
    text = np.tile(np.arange(32), 40)
    model = GPT().to(DEVICE)
    large = [p for p in model.parameters() if p.dim() >= 2]
    small = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": large, "weight_decay": 0.1}, {"params": small, "weight_decay": 0.0}]
    optimizer = plait.optim.AdamW(groups, lr=2e-2, betas=(0.9, 0.95), fused=True)
    scaler = plait.amp.GradScaler(DEVICE, enabled=dtype == "float16")
    compiled = plait.compile(model)

    def batch():
        at = plait.randint(len(text) - 16, (8,))
        x = plait.stack([plait.from_numpy(text[i : i + 16].astype(np.int64)) for i in at])
        y = plait.stack([plait.from_numpy(text[i + 1 : i + 17].astype(np.int64)) for i in at])
        return x.pin_memory().to(DEVICE, non_blocking=True), y.pin_memory().to(DEVICE, non_blocking=True)

    losses = []
    for step in range(24):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * (1 + math.cos(math.pi * step / 32))
        for _ in range(2):
            x, y = batch()
            with plait.autocast(DEVICE, dtype=getattr(plait, dtype), enabled=dtype != "float32"):
                _, loss = compiled(x, y)
            scaler.scale(loss / 2).backward()
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        assert math.isfinite(norm.item())
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
    assert losses[0] > 3 and losses[-1] < 0.7, losses

    plait.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "checkpoint.pt")
    stored = plait.load(tmp_path / "checkpoint.pt", map_location=DEVICE)
    again = GPT().to(DEVICE)
    again.load_state_dict(stored["model"])
    again.eval()
    with plait.autocast(DEVICE, dtype=getattr(plait, dtype), enabled=dtype != "float32"):
        written = again.generate(plait.tensor([[3]], device=DEVICE), 12, top_k=1)[0].tolist()
    assert written == [(3 + i) % 32 for i in range(13)]
    other = plait.optim.AdamW(again.parameters(), lr=1e-2)
    with pytest.raises(ValueError, match="group"):
        other.load_state_dict(stored["optimizer"])


class Pictures(plait.utils.data.Dataset):
    """A class is a bright row."""

    def __len__(self):
        return 48

    def __getitem__(self, i):
        picture = plait.randn(1, 8, 8, generator=plait.Generator().manual_seed(i)) * 0.1
        picture[0, i % 8] += 1
        return picture, i % 8


def test_a_cnn_learns_from_a_loader_with_pinned_memory():
    loader = plait.utils.data.DataLoader(Pictures(), 16, shuffle=True, num_workers=1, pin_memory=True)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(inplace=True), nn.MaxPool2d((1, 8)), nn.Dropout(0.1),
        nn.Flatten(), nn.Linear(128, 8),
    ).to(DEVICE, memory_format=plait.channels_last)  # fmt: skip
    optimizer = plait.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    schedule = plait.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=6, steps_per_epoch=len(loader))
    start, end = plait.cuda.Event(enable_timing=True), plait.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(6):
        model.train()
        for pictures, classes in loader:
            assert pictures.is_pinned()
            pictures, classes = pictures.to(DEVICE, non_blocking=True), classes.to(DEVICE, non_blocking=True)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(pictures), classes, label_smoothing=0.05)
            loss.backward()
            optimizer.step()
            schedule.step()
    end.record()
    plait.cuda.synchronize()
    assert start.elapsed_time(end) > 0
    model.eval()
    right = 0
    with plait.inference_mode():
        for pictures, classes in loader:
            found = model(pictures.to(DEVICE)).argmax(dim=1, keepdim=True)
            right += found.eq(classes.to(DEVICE).view_as(found)).sum().item()
    assert right >= 44


def test_a_whole_step_in_a_graph_is_the_step_without():
    def train(graphed):
        plait.manual_seed(3)
        model = nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 4)).cuda()
        optimizer = plait.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        x, y = plait.zeros(8, 16, device=DEVICE), plait.zeros(8, 4, device=DEVICE)

        def step():
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            return loss

        side = plait.cuda.Stream()
        side.wait_stream(plait.cuda.current_stream())
        with plait.cuda.stream(side):
            for _ in range(3):
                step()
        plait.cuda.current_stream().wait_stream(side)
        if graphed:
            graph = plait.cuda.CUDAGraph()
            with plait.cuda.graph(graph):
                loss = step()
        plait.manual_seed(4)
        numbers = plait.Generator().manual_seed(5)
        for _ in range(4):
            x.copy_(plait.randn(8, 16, generator=numbers))
            y.copy_(plait.randn(8, 4, generator=numbers))
            if graphed:
                graph.replay()
            else:
                loss = step()
        return loss.item(), [p.detach().cpu() for p in model.parameters()]

    (loss, weights), (replayed, same) = train(False), train(True)
    assert math.isclose(loss, replayed, rel_tol=1e-5)
    for a, b in zip(weights, same, strict=True):
        assert plait.allclose(a, b, rtol=1e-5, atol=1e-7)


def test_a_prefetcher_with_a_stream_of_its_own():
    batches = [plait.full((64, 64), float(i)).pin_memory() for i in range(6)]
    loading, total = plait.cuda.Stream(), plait.zeros((), device=DEVICE)

    def fetch(i):
        with plait.cuda.stream(loading):
            return batches[i].to(DEVICE, non_blocking=True).mul_(2)

    following = fetch(0)
    for i in range(len(batches)):
        plait.cuda.current_stream().wait_stream(loading)
        batch = following
        batch.record_stream(plait.cuda.current_stream())
        following = fetch(i + 1) if i + 1 < len(batches) else None
        total += batch.mean()
    assert total.item() == 30


def test_policy_gradients():
    rng = np.random.default_rng(0)
    policy = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 2)).to(DEVICE)
    for layer in (policy[0], policy[2]):
        nn.init.orthogonal_(layer.weight, 1.0)
    optimizer = plait.optim.Adam(policy.parameters(), lr=2e-2, eps=1e-5)
    rewards = plait.zeros((20, 16), device=DEVICE)
    for _ in range(40):
        logs = []
        for step in range(4):
            seen = plait.tensor(rng.normal(size=(16, 2)), dtype=plait.float32).to(DEVICE)
            chosen = plait.distributions.Categorical(logits=policy(seen))
            action = chosen.sample()
            logs.append(chosen.log_prob(action) + 0.001 * chosen.entropy())
            wanted = (seen[:, 0] > seen[:, 1]).cpu().numpy()
            rewards[step] = (
                plait.from_numpy((action.cpu().numpy() == wanted).astype(np.float32)).to(DEVICE).view(-1)
            )
        gain = rewards[:4]
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        optimizer.zero_grad()
        (-(plait.stack(logs) * gain).mean()).backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
        optimizer.step()
    assert rewards[:4].mean().item() > 0.8
