"""plait.distributed over NCCL: a process for each device, emulated ones where there is no GPU (with an emulated NCCL)."""

import os
import subprocess
import sys

import plait
import pytest
from cuda_device import EMULATED, IS_EMULATED, needs_cuda
from distributed_case import run_ranks

pytestmark = [
    needs_cuda,
    pytest.mark.skipif(not plait.distributed.is_nccl_available(), reason="NCCL is not there"),
]
DEVICES = 4 if IS_EMULATED else plait.cuda.device_count()

START = """
dev = plait.device("cuda", rank)
plait.cuda.set_device(dev)
def begin(seconds=60, **options):
    start(backend="nccl", timeout=timedelta(seconds=seconds), **options)
"""


def ranks(folder, size, program, **options):
    """Runs a program with a device for each rank."""
    if size > DEVICES:
        pytest.skip(f"needs {size} CUDA devices")
    env = {"PLAIT_CUDA_LIBRARY": os.environ["PLAIT_CUDA_LIBRARY"]} if IS_EMULATED else {}
    return run_ranks(folder, size, START + program, PLAIT_CUDA_EMULATOR_DEVICES=str(DEVICES), **env, **options)


COLLECTIVES = """
begin()
assert dist.get_backend() == "nccl", dist.get_backend()
everybody = range(size)
numbers = np.random.default_rng(0)
BF16 = plait.bfloat16
DTYPES = [plait.float32, plait.float64, plait.float16, BF16, plait.int8, plait.uint8, plait.int32, plait.int64, plait.bool]
COMPLEX = [plait.complex64, plait.complex128]

def sample(dtype, n):
    "The values of every rank: whole numbers, whose sums and products all these types hold."
    if dtype is plait.bool:
        return [numbers.integers(0, 2, n).astype(bool) for _ in everybody]
    low = 0 if dtype is plait.uint8 else -3
    values = [numbers.integers(low, 4, n) for _ in everybody]
    if dtype in COMPLEX:
        return [v + 1j * numbers.integers(-3, 4, n) for v in values]
    return values

def put(values, dtype):
    return plait.tensor(np.asarray(values).tolist(), dtype=dtype, device="cuda")

def check(got, expected, what, tolerance=0.0):
    assert got.device == dev, (what, got.device)
    got = got.cpu()
    got = got.double().numpy() if got.dtype == BF16 else got.numpy()
    np.testing.assert_allclose(got, np.asarray(expected), rtol=tolerance, atol=tolerance, err_msg=str(what))

R = dist.ReduceOp
FOLDS = {R.SUM: lambda v, d: np.any(v, 0) if d is plait.bool else np.sum(v, 0), R.PRODUCT: lambda v, d: np.prod(v, 0),
         R.MIN: lambda v, d: np.min(v, 0), R.MAX: lambda v, d: np.max(v, 0)}
for dtype in DTYPES:
    for op, fold in FOLDS.items():
        values = sample(dtype, 7)
        x = put(values[rank], dtype)
        dist.all_reduce(x, op)
        check(x, fold(values, dtype), (dtype, op))
        x = put(values[rank], dtype)
        dist.reduce(x, size - 1, op)
        if rank == size - 1:
            check(x, fold(values, dtype), ("reduce", dtype, op))
        values = sample(dtype, 3 * size)
        out = plait.empty(3, dtype=dtype, device="cuda")
        dist.reduce_scatter_tensor(out, put(values[rank], dtype), op)
        check(out, fold(values, dtype)[3 * rank : 3 * rank + 3], ("reduce_scatter", dtype, op))
# An average of halves is exact, one of thirds is rounded before the sum and after each step of it.
for dtype, tolerance in ((plait.float32, 1e-6), (plait.float64, 1e-15), (plait.float16, 4e-3), (BF16, 3e-2)):
    values = sample(dtype, 7)
    x = put(values[rank], dtype)
    dist.all_reduce(x, R.AVG)
    check(x, np.mean(values, 0), (dtype, "avg"), tolerance)
for dtype in COMPLEX:
    values = sample(dtype, 5)
    x = put(values[rank], dtype)
    dist.all_reduce(x)
    check(x, np.sum(values, 0), dtype)
    dist.all_reduce(x, R.AVG)
    check(x, np.sum(values, 0), dtype, 1e-6)

for dtype in [*DTYPES, *COMPLEX, plait.int16, plait.float8_e4m3fn]:
    eight = dtype == plait.float8_e4m3fn
    def make(v, dtype=dtype, eight=eight):
        return put(v, plait.float32).to(dtype) if eight else put(v, dtype)
    def see(got, expected, what, eight=eight):
        check(got.float() if eight else got, expected, what)
    values = sample(dtype, 4)
    x = make(values[rank])
    dist.broadcast(x, size - 1)
    see(x, values[size - 1], ("broadcast", dtype))
    out = plait.empty(4 * size, dtype=dtype, device="cuda")
    dist.all_gather_into_tensor(out, make(values[rank]))
    see(out, np.concatenate(values), ("all_gather", dtype))
    parts = [plait.empty(4, dtype=dtype, device="cuda") for _ in everybody]
    dist.all_gather(parts, make(values[rank]))
    for part, value in zip(parts, values):
        see(part, value, ("all_gather of a list", dtype))
    values = sample(dtype, 2 * size)
    out = plait.empty(2 * size, dtype=dtype, device="cuda")
    dist.all_to_all_single(out, make(values[rank]))
    see(out, np.concatenate([v[2 * rank : 2 * rank + 2] for v in values]), ("all_to_all", dtype))

# Parts of different sizes, among them empty ones; gather, scatter, lists, strides.
sent = [(rank + other) % size for other in everybody]
x = plait.arange(sum(sent), device="cuda", dtype=plait.float32) + 100 * rank
received = [(rank + other) % size for other in everybody]
out = plait.empty(sum(received), device="cuda")
dist.all_to_all_single(out, x, received, sent)
rows = []
for other in everybody:
    theirs = [(other + k) % size for k in everybody]
    begin_at = sum(theirs[:rank])
    rows += [100 * other + k for k in range(begin_at, begin_at + theirs[rank])]
check(out, rows, "all_to_all of uneven parts")
x = plait.full((2,), float(rank), device="cuda")
gathered = [plait.empty(2, device="cuda") for _ in everybody] if rank == 1 else None
dist.gather(x, gathered, 1)
if rank == 1:
    check(plait.stack(gathered), [[r, r] for r in everybody], "gather")
dist.scatter(x, [plait.full((2,), 10.0 * r, device="cuda") for r in everybody] if rank == 0 else None, 0)
check(x, [10 * rank] * 2, "scatter")
columns = (plait.arange(6, device="cuda", dtype=plait.float32).view(2, 3) + rank).t()
dist.all_reduce(columns)
check(columns, size * np.arange(6).reshape(2, 3).T + sum(everybody), "strided")
nothing = plait.empty(0, device="cuda")
dist.all_reduce(nothing)
assert nothing.shape == (0,)
dist.broadcast(nothing, 0)

# Transfers: a ring, a batch, in order.
after, before = (rank + 1) % size, (rank - 1) % size
x, y = plait.full((3,), float(rank), device="cuda"), plait.empty(3, device="cuda")
jobs = dist.batch_isend_irecv([dist.P2POp(dist.isend, x, after), dist.P2POp(dist.irecv, y, before)])
for job in jobs:
    job.wait()
check(y, [before] * 3, "ring")
if rank == 0:
    dist.send(x + 5, 1)
    dist.send(x + 6, 1)
elif rank == 1:
    dist.recv(y, 0)
    check(y, [5] * 3, "recv")
    dist.recv(y, 0)
    check(y, [6] * 3, "recv")

# Objects, groups, barriers.
objects = [None] * size
dist.all_gather_object(objects, {"rank": rank, "text": "x" * (10 * rank)})
assert [o["rank"] for o in objects] == list(everybody) and len(objects[-1]["text"]) == 10 * (size - 1)
box = [("from", rank)]
dist.broadcast_object_list(box, 0)
assert box == [("from", 0)]
pair = dist.new_group([0, 1])
if rank < 2:
    x = plait.full((1,), float(rank + 1), device="cuda")
    dist.all_reduce(x, group=pair)
    check(x, [3], "subgroup")
dist.barrier()
dist.barrier(async_op=True).wait()
dist.destroy_process_group()
"""


@pytest.mark.parametrize("size", [2, 3])
def test_collectives(tmp_path, size):
    ranks(tmp_path, size, COLLECTIVES)


def test_streams(tmp_path):
    """Results are there for the stream that waits, and for no other; memory is not reused before."""
    ranks(
        tmp_path,
        2,
        """
begin()
n = 50_000
side = plait.cuda.Stream()
for i in range(8):
    # Called behind a kernel of the current stream, which is another one half of the time.
    with plait.cuda.stream(side if i % 2 else plait.cuda.current_stream()):
        x = plait.full((n,), float(rank + i), device="cuda")
        work = dist.all_reduce(x, async_op=True)
        y = plait.full((n,), 2.0, device="cuda")  # beside it
        work.wait()
        y += x
    plait.cuda.current_stream().wait_stream(side)
    assert y.sum().item() == n * (2 + 2 * i + 1), i
# Tensors that are dropped while they are under way keep their memory.
works = []
for i in range(20):
    x = plait.full((n,), float(i), device="cuda")
    works.append((i, dist.all_gather_into_tensor(out := plait.empty(2 * n, device="cuda"), x, async_op=True), out))
    del x
    plait.full((n,), -1.0, device="cuda")
for i, work, out in works:
    work.wait()
    assert (out == i).all().item(), i
# The host does not wait, unless it says how long.
from plait.cuda import synchronize
x = plait.ones(4, device="cuda")
work = dist.all_reduce(x, async_op=True)
work.wait(timedelta(seconds=30))
assert work.is_completed() and work.is_success() and work.exception() is None
assert x.tolist() == [2.0] * 4
seen = []
future = dist.all_reduce(x, async_op=True).get_future().then(lambda f: seen.append(f.value()[0].tolist()))
future.wait()
assert seen == [[4.0] * 4]
# Several threads, each with its group and its stream: on a shared one the ranks' groups could wait for each other.
groups = [dist.new_group() for _ in range(3)]
failures = []
def loop(group):
    try:
        plait.cuda.set_device(dev)
        with plait.cuda.stream(plait.cuda.Stream()):
            x = plait.ones(100, device="cuda")
            for _ in range(10):
                dist.all_reduce(x, dist.ReduceOp.AVG, group)
            assert x.tolist() == [1.0] * 100
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=loop, args=(g,)) for g in groups]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
dist.destroy_process_group()
""",
    )


def test_graphs(tmp_path):
    """Captured calls take place at each replay, beside calls that are not captured."""
    ranks(
        tmp_path,
        2,
        """
begin()
x = plait.zeros(4, device="cuda")
y = plait.zeros(8, device="cuda")
dist.all_reduce(x)
graph = plait.cuda.CUDAGraph()
with plait.cuda.graph(graph):
    z = x + rank
    dist.all_reduce(z)
    work = dist.all_gather_into_tensor(y, z * (rank + 1), async_op=True)
    w = z * 3
    work.wait()
    w += y[4:]
assert not work.is_completed()
with pytest.raises(RuntimeError, match="takes place at its replays"):
    work.wait()
for i in range(4):
    x.fill_(float(i))
    graph.replay()
    eager = plait.ones(3, device="cuda")
    dist.all_reduce(eager)
    total = 2 * i + 1
    assert z.tolist() == [total] * 4 and y.tolist() == [total] * 4 + [2 * total] * 4, (i, z, y)
    assert w.tolist() == [5 * total] * 4 and eager.tolist() == [2.0] * 3
with pytest.raises(RuntimeError, match="barrier: the host waits"):
    with plait.cuda.graph(plait.cuda.CUDAGraph()):
        dist.barrier()
plait.cuda.synchronize()
dist.barrier()
dist.destroy_process_group()
del graph
""",
    )


def test_ddp(tmp_path):
    """Two and four processes learn what one learns from the whole batch, bit by bit but for the order of sums."""
    program = """
from plait.nn.parallel import DistributedDataParallel as DDP
begin(device_id=dev)
def model():
    plait.manual_seed(7 if rank == 0 else rank)  # rank 0's parameters are everybody's
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.LayerNorm(16),
                         nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 3)).to(dev)
plait.manual_seed(3)
data, target = plait.randn(5, 8, 6), plait.randint(0, 3, (5, 8))
def train(m, part, sync=None):
    optimizer = plait.optim.SGD(m.parameters(), lr=0.5, momentum=0.9)
    for step in range(5):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(m(data[step, part].to(dev)), target[step, part].to(dev))
        loss.backward()
        optimizer.step()
    return [p.detach().cpu().numpy() for p in m.parameters()]
each = 8 // size
mine = slice(rank * each, (rank + 1) * each)
plain = model()
dist.broadcast(plain[0].weight.data, 0)
for p in plain.parameters():
    dist.broadcast(p.data, 0)
# One bucket for each parameter, so that they overlap with backward; one for all; views.
for options in ({"bucket_cap_mb": 1e-5}, {}, {"gradient_as_bucket_view": True}, {"static_graph": True}):
    got = train(DDP(model(), device_ids=[rank], **options), mine)
    import copy
    expected = train(copy.deepcopy(plain), slice(None))
    for a, b in zip(got, expected):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6, err_msg=str(options))

# Parameters without a gradient; gradients that are added up first.
class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
    def forward(self, x, which):
        return self.a(x) if which == "a" else self.b(x)
m = DDP(Two().to(dev), find_unused_parameters=True)
m(plait.ones(1, 2, device=dev), "a").sum().backward()
assert m.module.a.weight.grad.tolist() == [[1.0, 1.0]] * 2 and m.module.b.weight.grad is None
m(plait.ones(1, 2, device=dev), "b" if rank else "a").sum().backward()
scale = (size - 1) / size
np.testing.assert_allclose(m.module.b.weight.grad.cpu().numpy(), scale, rtol=1e-6)
m = DDP(nn.Linear(2, 1).to(dev))
with m.no_sync():
    m(plait.full((1, 2), float(rank), device=dev)).sum().backward()
assert m.module.weight.grad.tolist() == [[rank, rank]]
m(plait.full((1, 2), float(rank), device=dev)).sum().backward()
mean = sum(range(size)) * 2 / size
np.testing.assert_allclose(m.module.weight.grad.cpu().numpy(), mean, rtol=1e-6)
m = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 2))).to(dev)
m = DDP(m, device_ids=[rank])
alone = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 2)).to(dev)
alone.load_state_dict(m.module.state_dict())
m(data[0, mine].to(dev)).square().mean().backward()
alone(data[0].to(dev)).square().mean().backward()
for a, b in zip(m.parameters(), alone.parameters()):
    np.testing.assert_allclose(a.grad.cpu().numpy(), b.grad.cpu().numpy(), rtol=2e-4, atol=1e-5)
np.testing.assert_allclose(m.module[0].running_var.cpu().numpy(), alone[0].running_var.cpu().numpy(), rtol=1e-5)
m = DDP(nn.Linear(2, 1).to(dev))
m.register_comm_hook(None, __import__("plait.distributed.algorithms.ddp_comm_hooks.default_hooks", fromlist=["x"]).bf16_compress_hook)
m.zero_grad()
m(plait.full((1, 2), float(rank), device=dev)).sum().backward()
np.testing.assert_allclose(m.module.weight.grad.cpu().numpy(), mean / 2, rtol=1e-2)
dist.destroy_process_group()
"""
    ranks(tmp_path, min(DEVICES, 4), program) if DEVICES >= 4 else ranks(tmp_path, 2, program)


def test_both_libraries(tmp_path):
    """Without a name each device has its own library; errors of one leave the other as it is."""
    ranks(
        tmp_path,
        2,
        """
start(timeout=timedelta(seconds=60))
assert dist.get_backend_config() == "cpu:gloo,cuda:nccl"
for where in ("cpu", "cuda"):
    x = plait.full((3,), float(rank + 1), device=where)
    dist.all_reduce(x)
    assert x.tolist() == [3.0] * 3 and x.device.type == where
box = [None, None]
dist.all_gather_object(box, rank)
assert box == [0, 1]
with pytest.raises(TypeError, match="int16"):
    dist.all_reduce(plait.ones(1, dtype=plait.int16, device="cuda"))
x = plait.ones(1, dtype=plait.int16)
dist.all_reduce(x)
assert x.item() == 2
dist.barrier()
dist.destroy_process_group()
""",
    )


PROGRAM_OF_PYTORCHS = """
import os
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel as DDP

dist.init_process_group(backend="nccl")
local_rank = int(os.environ["LOCAL_RANK"])
device = f"cuda:{local_rank}"
torch.cuda.set_device(device)
torch.manual_seed(1337 + dist.get_rank())
model = DDP(torch.nn.Linear(4, 2).to(device), device_ids=[local_rank])
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
for step in range(4):
    model.require_backward_grad_sync = step % 2 == 1
    loss = model(torch.randn(8, 4, device=device)).square().mean()
    loss.backward()
    if model.require_backward_grad_sync:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
weights = [torch.empty_like(model.module.weight) for _ in range(dist.get_world_size())]
dist.all_gather(weights, model.module.weight.detach())
assert all(torch.equal(w, weights[0]) for w in weights)
dist.all_reduce(loss.detach(), op=dist.ReduceOp.AVG)
torch.cuda.synchronize()
os.write(1, f"rank {dist.get_rank()} of {dist.get_world_size()} {dist.get_backend()}\\n".encode())  # at once
dist.barrier(device_ids=[local_rank])
dist.destroy_process_group()
"""


def test_a_program_of_pytorchs(tmp_path):
    """The launcher, plait as torch, DDP over nccl."""
    if DEVICES < 2:
        pytest.skip("needs 2 CUDA devices")
    script = tmp_path / "train.py"
    script.write_text(PROGRAM_OF_PYTORCHS)
    command = [sys.executable, "-m", "plait.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "plait.as_torch"]
    done = subprocess.run([*command, str(script)], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(line for line in done.stdout.splitlines() if line.startswith("rank")) == [
        "rank 0 of 2 nccl",
        "rank 1 of 2 nccl",
    ]


def test_what_is_refused(tmp_path):
    """Errors that NCCL need not be asked about leave the group as it is."""
    ranks(
        tmp_path,
        2,
        """
begin()
R = dist.ReduceOp
x = plait.ones(2, device="cuda")
for op in (R.BAND, R.BOR, R.BXOR):
    with pytest.raises(ValueError, match="nccl has no reduction|bitwise|BAND|BOR|BXOR|'b(and|or|xor)'"):
        dist.all_reduce(plait.ones(2, device="cuda", dtype=plait.int32), op)
with pytest.raises(TypeError, match="all_reduce: NCCL reduces no tensors of int16; convert it"):
    dist.all_reduce(plait.ones(2, device="cuda", dtype=plait.int16))
with pytest.raises(TypeError, match="bools have no average"):
    dist.all_reduce(plait.ones(2, device="cuda", dtype=plait.bool), R.AVG)
with pytest.raises(ValueError, match="complex"):
    dist.all_reduce(plait.ones(2, device="cuda", dtype=plait.complex64), R.PRODUCT)
with pytest.raises(RuntimeError, match="no library takes tensors on 'cpu'"):
    dist.all_reduce(plait.ones(2))
dist.all_reduce(x)
other = plait.device("cuda", 1 - rank)
with pytest.raises(ValueError, match=f"is bound to cuda:{rank}, got a tensor on cuda:{1 - rank}"):
    dist.all_reduce(plait.ones(2, device=other))
with pytest.raises(Exception, match="recv: nccl receives from a rank that is named"):
    dist.recv(x)
dist.all_reduce(x)
assert x.tolist() == [4.0, 4.0]
dist.destroy_process_group()
""",
    )


def test_a_missing_call_ends_the_group(tmp_path):
    """A rank that does not call is an error on the other, with all that is known; nothing hangs."""
    ranks(
        tmp_path,
        2,
        """
begin(1.0, group_name="workers")
x = plait.ones(2, 3, device="cuda")
dist.all_reduce(x)
if rank == 1:
    time.sleep(2.5)
    os._exit(0)
begun = time.time()
work = dist.all_reduce(x, dist.ReduceOp.MAX, async_op=True)
work.wait()  # the stream waits, not the host
assert time.time() - begun < 0.9
with pytest.raises(RuntimeError) as raised:
    x.sum().item()  # the host waits for the stream, which does not hang
assert 0.9 < time.time() - begun < 20
text = str(raised.value)
for part in ("all_reduce", "call 2 of group 'workers'", "rank 0 of 2", "max, float32 (2, 3)", "did not come to its end", "1"):
    assert part in text, (part, text)
plait.cuda.synchronize()  # once is enough
assert plait.ones(2, device="cuda").sum().item() == 2
for call in (lambda: dist.all_reduce(x), dist.barrier, work.wait, lambda: dist.broadcast(x, 0)):
    with pytest.raises(dist.DistBackendError) as later:
        call()
    assert str(later.value) == text, later.value
assert work.is_completed() and not work.is_success() and "workers" in str(work.exception())
dist.destroy_process_group()
""",
    )


def test_a_rank_that_dies_or_calls_something_else(tmp_path):
    """The library's own word comes through; a host that waits is told while it waits."""
    ranks(
        tmp_path,
        2,
        """
begin(60)
x = plait.ones(4, device="cuda")
dist.all_reduce(x)
if rank == 1:
    plait.cuda.synchronize()
    os._exit(7)
begun = time.time()
with pytest.raises(dist.DistBackendError, match=r"barrier: call 2 of .*remote process exited.*rank 1 has left"):
    dist.barrier()
assert time.time() - begun < 20
with pytest.raises(dist.DistBackendError, match="rank 1 has left"):
    dist.all_reduce(x)
dist.destroy_process_group()
"""
        if IS_EMULATED
        else "begin()\ndist.barrier()\nos._exit(7 * rank)",  # NCCL itself may not notice
        expected={1: 7},
    )
    if not IS_EMULATED:
        return
    ranks(
        tmp_path,
        2,
        """
begin(60)
x = plait.ones(4, device="cuda")
dist.all_reduce(x)
with pytest.raises(RuntimeError, match="differ"):
    dist.all_reduce(x if rank else x[:2])
    until = time.time() + 30
    while time.time() < until:
        plait.cuda.synchronize()
with pytest.raises(dist.DistBackendError, match="differ"):
    dist.barrier()
dist.destroy_process_group()
""",
    )


def test_aborts(tmp_path):
    """From another thread, while the host waits; and a wait that gives up before the group does."""
    ranks(
        tmp_path,
        2,
        """
begin(60)
x = plait.ones(4, device="cuda")
dist.all_reduce(x)
plait.cuda.synchronize()
if rank == 0:
    work = dist.all_reduce(x, async_op=True)
    with pytest.raises(dist.DistBackendError, match="has not come to its end after 200 ms"):
        work.wait(timedelta(milliseconds=200))
    group = dist.group.WORLD
    threading.Timer(0.3, group.abort).start()
    with pytest.raises(dist.DistBackendError, match="was aborted"):
        work.wait(timedelta(seconds=50))
    plait.cuda.synchronize()
    with pytest.raises(dist.DistBackendError, match="was aborted"):
        dist.all_reduce(x)
else:
    time.sleep(1.5)
dist.destroy_process_group()
""",
    )


def test_ranks_that_do_not_come(tmp_path):
    """Where the group is made: who is missing, and two ranks on one device."""
    ranks(
        tmp_path,
        2,
        """
store = dist.FileStore(sys.argv[3].removeprefix("file://") + "s", 2)
store.set_timeout(timedelta(seconds=1))
if rank == 0:
    dist.init_process_group("nccl", store=store, rank=0, world_size=2, timeout=timedelta(seconds=1))
    begun = time.time()
    with pytest.raises(dist.DistBackendError, match="rank 1 of group .* did not come"):
        dist.all_reduce(plait.ones(1, device="cuda"))
    assert time.time() - begun < 20
""",
    )
    ranks(
        tmp_path,
        2,
        """
plait.cuda.set_device(0)
begin()
with pytest.raises(dist.DistBackendError, match="ranks 0 and 1 both use the GPU .*: each rank needs one of its own"):
    dist.all_reduce(plait.ones(1, device="cuda"))
dist.destroy_process_group()
""",
    )


def test_failures_of_the_library(tmp_path):
    """Every status is looked at."""
    if not IS_EMULATED:
        pytest.skip("failures are ordered from the emulator")
    program = f"""
import ctypes
emulator = ctypes.CDLL({str(EMULATED.with_name("libplait_cudart_emulated.so"))!r})
def order(name, nth=1, error=999):
    assert emulator.plait_emulator_fail_after(name.encode(), nth, error) == 0
""" + """
x = plait.ones(4, device="cuda")
for name, call in (("ncclAllReduce", lambda: dist.all_reduce(x)), ("ncclBroadcast", lambda: dist.broadcast(x, 0)),
                   ("ncclAllGather", lambda: dist.all_gather_into_tensor(plait.empty(4, device="cuda"), x)),
                   ("ncclSend", lambda: dist.all_to_all_single(plait.empty(4, device="cuda"), x)),
                   ("ncclCommGetAsyncError", lambda: dist.all_reduce(x))):
    begin()
    dist.all_reduce(x)
    order(name)
    with pytest.raises(RuntimeError, match=r"call \\d+ of group 'world\\d+', rank 0 of 1 .*float32 \\(4,\\).*failed.*ordered"):
        until = time.time() + 30
        while time.time() < until:
            call()
            plait.cuda.synchronize()
    emulator.plait_emulator_fail_after(name.encode(), 0, 0)
    with pytest.raises(RuntimeError, match="ordered"):
        dist.all_reduce(x)
    dist.destroy_process_group()
plait.cuda.synchronize()
"""
    ranks(tmp_path, 1, program)
