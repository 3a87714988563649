"""CUDA graphs: captures, replays, their memory and random numbers, graphed callables."""

import plait
import pytest
from cuda_process import clean, cuda, needs_cuda, run  # noqa: F401

pytestmark = needs_cuda


def test_a_graph():
    x = plait.zeros(100, device="cuda")
    with pytest.raises(RuntimeError, match="the null stream cannot be captured"):
        cuda.CUDAGraph().capture_begin()
    g = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="was not captured"):
        g.replay()
    assert not cuda.is_current_stream_capturing()
    with cuda.graph(g):
        assert cuda.is_current_stream_capturing()
        y = x * 2 + 1
        x.add_(1)
    assert not cuda.is_current_stream_capturing()
    for i in range(3):
        g.replay()
        assert y.tolist() == [2 * i + 1] * 100 and x.tolist() == [i + 1] * 100
    x.fill_(10)
    g.replay()
    assert y[0].item() == 21
    assert isinstance(g.pool(), tuple)
    second = cuda.CUDAGraph()
    with cuda.graph(second, pool=g.pool()):
        z = y + x
    second.replay()
    assert z[0].item() == 32
    g.reset()
    second.reset()
    with pytest.raises(RuntimeError, match="was not captured"):
        g.replay()
    del y, z


def test_what_a_captured_copy_may_read():
    """Pageable memory may be gone at the replay, which would read whatever lies there."""
    static = plait.zeros(4, device="cuda")
    host = plait.arange(4.0)
    for copy, op in (
        (lambda: static.copy_(host), "copy_"),
        (lambda: static.copy_(host, non_blocking=True), "copy_"),
        (lambda: host.cuda(), "to"),
        (lambda: plait.tensor([1, 2], device="cuda"), "(copy_|to)"),
        (lambda: static[[0, 2]], "copy_"),
    ):
        with pytest.raises(RuntimeError, match=rf"^{op}: a graph is being captured.* pageable .*pin_memory"):
            with cuda.graph(cuda.CUDAGraph()):
                copy()
    pinned = host.pin_memory()
    with pytest.raises(RuntimeError, match=r"^copy_: a graph is being captured.* to be waited for.*non_blocking=True"):
        with cuda.graph(cuda.CUDAGraph()):
            static.copy_(pinned)
    with pytest.raises(RuntimeError, match=r"^copy_: a graph is being captured.* not contiguous"):
        with cuda.graph(cuda.CUDAGraph()):
            static[:2].copy_(pinned[::2], non_blocking=True)
    for out in (pinned, host):
        with pytest.raises(RuntimeError, match=r"^copy_: .*nothing may wait for the device .*a copy to the host"):
            with cuda.graph(cuda.CUDAGraph()):
                out.copy_(static)
    with pytest.raises(RuntimeError, match=r"^to: .*nothing may wait for the device"):
        with cuda.graph(cuda.CUDAGraph()):
            static.cpu()

    # Pinned memory is read and written at each replay; other dtypes, broadcasts and numbers go as well.
    small, wide = plait.zeros(4, device="cuda", dtype=plait.float16), plait.zeros(3, 4, device="cuda")
    back = plait.zeros(4).pin_memory()
    graph = cuda.CUDAGraph()
    with cuda.graph(graph):
        static.copy_(pinned, non_blocking=True)
        small.copy_(pinned, non_blocking=True)
        wide.copy_(pinned, non_blocking=True)
        static.add_(1)
        static[3] = 9.0
        back.copy_(static, non_blocking=True)
    for i in range(3):
        pinned.fill_(float(i))
        graph.replay()
        cuda.synchronize()
        assert back.tolist() == [i + 1, i + 1, i + 1, 9]
        assert small.tolist() == [i] * 4 and wide.tolist() == [[i] * 4] * 3


def test_what_waits_cannot_be_captured():
    x = plait.ones(3, device="cuda")
    g = cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="a graph is being captured: nothing may wait for the device"):
        with cuda.graph(g):
            x.sum().item()
    assert not cuda.is_current_stream_capturing()
    g.reset()
    with cuda.graph(g):
        y = x + 1
    g.replay()
    assert y.tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="capture_error_mode"):
        with cuda.graph(cuda.CUDAGraph(), capture_error_mode="nonsense"):
            pass
    del y


def test_another_thread_works_while_a_graph_is_captured():
    """In a process where nothing was asked for yet: memory and counters, which a capture forbids all threads."""
    program = """
import threading
import plait
x = plait.arange(300000.0, device="cuda")
seen = []
def others():
    seen.append(x.sum())       # counters in device memory
    seen.append((x * 2).max())
    seen.append(x.cumsum(0)[-1])
graph = plait.cuda.CUDAGraph()
with plait.cuda.graph(graph):
    y = x + 1
    thread = threading.Thread(target=others)
    thread.start()
    thread.join()
    z = y * 2
graph.replay()
assert z[:3].tolist() == [2, 4, 6]
assert [t.item() for t in seen[1:2]] == [599998.0] and len(seen) == 3
assert abs(seen[0].item() / (150000 * 299999.0) - 1) < 1e-5
print("done")
"""
    assert run(program) == "done"


def test_memory_of_a_graph_is_not_used_by_others():
    x = plait.full((1000,), 2.0, device="cuda")
    g = cuda.CUDAGraph()
    with cuda.graph(g):
        y = (x * 3).add_(1) * 2
    addresses = {y.data_ptr()}
    for _ in range(50):
        other = plait.full((1000,), -1.0, device="cuda")
        assert other.data_ptr() not in addresses
    g.replay()
    assert y.tolist() == [14] * 1000
    pools = {tuple(s["segment_pool_id"]) for s in cuda.memory_snapshot()}
    assert tuple(g.pool()) in pools
    del y, other
    g.reset()
    cuda.empty_cache()
    assert {tuple(s["segment_pool_id"]) for s in cuda.memory_snapshot()} <= {(0, 0)}


def test_replays_draw_what_eager_ops_draw():
    x = plait.ones(64, device="cuda")
    def step():
        leaf = x.clone().requires_grad_()
        y = plait.dropout(leaf, 0.5) + plait.rand_like(leaf)
        (grad,) = plait.autograd.grad(y.sum(), leaf)
        return y.detach(), grad

    plait.manual_seed(5)
    eager = [[t.cpu() for t in step()] for _ in range(3)]
    plait.manual_seed(5)
    g = cuda.CUDAGraph()
    with cuda.graph(g):
        result = step()
    for expected in eager:
        g.replay()
        for got, wanted in zip(result, expected):
            assert plait.equal(got.cpu(), wanted)
    assert not plait.equal(eager[0][0], eager[1][0])


def test_graphed_callables():
    def f(a, b):
        return a * b + a, (a - b).square()

    a = plait.randn(5, 3).cuda().requires_grad_()
    b = plait.randn(5, 3).cuda()
    graphed = cuda.make_graphed_callables(f, (a.detach().clone().requires_grad_(), b.clone()))
    for i in range(3):
        x = (a.detach() + i).requires_grad_()
        expected, got = f(x, b), graphed(x, b)
        for e, g in zip(expected, got):
            assert plait.allclose(e.cpu(), g.cpu())
        (grad,) = plait.autograd.grad((got[0] * 2 + got[1]).sum(), x)
        (wanted,) = plait.autograd.grad((expected[0] * 2 + expected[1]).sum(), x)
        assert plait.allclose(grad.cpu(), wanted.cpu())
    with pytest.raises(ValueError, match=r"tensor 0 should have the sample's shape \(5, 3\)"):
        graphed(a[:2], b[:2])
    with pytest.raises(TypeError, match="expected 2 tensors"):
        graphed(a)
    with pytest.raises(TypeError, match="only Tensors are allowed"):
        cuda.make_graphed_callables(f, (a, 3))
    with plait.autocast("cuda"), pytest.raises(RuntimeError, match="cache_enabled=False"):
        cuda.make_graphed_callables(f, (a, b))
    del x, grad, wanted, got, expected, e, g


def test_a_graphed_module_trains():
    plait.manual_seed(1)
    eager = plait.nn.Sequential(plait.nn.Linear(4, 8), plait.nn.Tanh(), plait.nn.Linear(8, 2)).cuda()
    plait.manual_seed(1)
    model = plait.nn.Sequential(plait.nn.Linear(4, 8), plait.nn.Tanh(), plait.nn.Linear(8, 2)).cuda()
    graphed = cuda.make_graphed_callables(model, (plait.randn(6, 4).cuda(),))
    assert graphed is model
    for m in (eager, model):
        plait.manual_seed(3)
        for _ in range(4):
            x, y = plait.randn(6, 4).cuda(), plait.randn(6, 2).cuda()
            (m(x) - y).square().mean().backward()
            with plait.no_grad():
                for p in m.parameters():
                    p -= 0.1 * p.grad
                    p.grad = None
    for p, q in zip(eager.parameters(), model.parameters()):
        assert plait.allclose(p.cpu(), q.cpu(), atol=1e-6)
    model.eval()
    assert model(plait.randn(3, 4).cuda()).shape == (3, 2)  # eager, in any shape
    del x, y, p, q, m
