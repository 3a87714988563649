"""DistributedDataParallel against one process that sees the whole batch."""

import pytest
from distributed_case import run_ranks

SETUP = """
    start(timeout=timedelta(seconds=60))
    DDP = nn.parallel.DistributedDataParallel

    def network(seed):
        plait.manual_seed(seed)
        return nn.Sequential(nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 3))

    plait.manual_seed(0)
    X, Y = plait.randn(5, 8, 6), plait.randn(5, 8, 3)

    def share(batch):
        return batch.chunk(size)[rank]

    def train(model, shared, steps=5, optimizer=plait.optim.SGD):
        o = optimizer(model.parameters(), 0.05)
        for i in range(steps):
            x, y = (share(X[i]), share(Y[i])) if shared else (X[i], Y[i])
            o.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            o.step()
        return [p.detach() for p in model.parameters()]

    def close(a, b, tolerance=1e-6):
        # Means of half batches, averaged: a few roundings of float32 a step.
        assert all(plait.allclose(x, y, rtol=1e-5, atol=tolerance) for x, y in zip(a, b)), \\
            max((x - y).abs().max().item() for x, y in zip(a, b))
"""


def run(tmp_path, program, size=2, **options):
    import textwrap

    return run_ranks(tmp_path, size, textwrap.dedent(SETUP) + textwrap.dedent(program), **options)


def test_training_equals_one_process(tmp_path):
    run(
        tmp_path,
        """
        for options in ({}, {"bucket_cap_mb": 0.001}, {"gradient_as_bucket_view": True, "bucket_cap_mb": 0.005},
                        {"find_unused_parameters": True}, {"static_graph": True}):
            # Parameters begin as rank 0's.
            ddp = DDP(network(7 + rank), **options)
            assert sorted(ddp.state_dict())[0] == "module.0.bias"
            for optimizer in (plait.optim.SGD, plait.optim.Adam):
                mine = train(ddp, True, optimizer=optimizer)
            alone = network(7)
            for optimizer in (plait.optim.SGD, plait.optim.Adam):
                one = train(alone, False, optimizer=optimizer)
            close(mine, one, 1e-5)
        """,
    )


def test_no_sync_adds_up(tmp_path):
    run(
        tmp_path,
        """
        for as_view in (False, True):
            ddp, alone = DDP(network(1), gradient_as_bucket_view=as_view), network(1)
            for round in range(2):
                with ddp.no_sync():
                    (ddp(share(X[0])) ** 2).mean().backward()
                    before = [p.grad.clone() for p in ddp.parameters()]
                    every = [plait.empty_like(before[0]) for _ in range(size)]
                    dist.all_gather(every, before[0])
                    assert not every[0].equal(every[1])  # each its own
                (ddp(share(X[1])) ** 2).mean().backward()
                ((alone(X[0]) ** 2).mean() + (alone(X[1]) ** 2).mean()).backward()
                close([p.grad for p in ddp.parameters()], [p.grad for p in alone.parameters()])
                ddp.zero_grad(set_to_none=round == 0)
                alone.zero_grad()
        """,
    )


def test_unused_parameters(tmp_path):
    run(
        tmp_path,
        """
        class Branches(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b, self.never = nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(6, 3)

            def forward(self, x, which):
                return {"out": (self.a if which == 0 else self.b)(x)}

        plait.manual_seed(3)
        m = Branches()
        ddp = DDP(m, find_unused_parameters=True)
        # Each rank another branch: the average is over both, and a rank without a gradient counts as 0.
        ddp(share(X[0]), rank)["out"].sum().backward()
        for r, layer in enumerate((m.a, m.b)):
            expected = X[0].chunk(size)[r].sum(0).expand(3, 6) / size
            close([layer.weight.grad], [expected])
        assert m.never.weight.grad is None
        # All ranks the same branch: what the other had, it keeps.
        kept = m.b.weight.grad.clone()
        ddp(share(X[1]), 0)["out"].sum().backward()
        assert m.b.weight.grad.equal(kept)
        # A forward that is not followed by backward.
        ddp(share(X[1]), 0)
        with plait.no_grad():
            ddp(share(X[1]), 0)
        m.zero_grad()
        ddp(share(X[1]), 0)["out"].sum().backward()
        assert m.b.weight.grad is None

        ddp = DDP(Branches())
        ddp(X[0], 0)["out"].sum().backward()
        with pytest.raises(RuntimeError, match=r"gave no gradient to b.weight, b.bias, never.weight, never.bias.*find_unused"):
            ddp(X[0], 0)
        """,
    )


def test_buckets_are_reduced_while_backward_goes_on(tmp_path):
    run(
        tmp_path,
        """
        events = []
        m = network(1)
        ddp = DDP(m, bucket_cap_mb=0.001)

        def hook(state, bucket):
            events.append(("bucket", bucket.index()))
            assert sum(g.numel() for g in bucket.gradients()) == bucket.buffer().numel()
            assert len(bucket.parameters()) == len(bucket.gradients())
            work = dist.all_reduce(bucket.buffer(), dist.ReduceOp.AVG, async_op=True)
            return work.get_future()

        ddp.register_comm_hook(None, hook)
        m[0].weight.register_post_accumulate_grad_hook(lambda p: events.append(("gradient", "first layer")))
        (ddp(share(X[0])) ** 2).mean().backward()
        buckets = [e[1] for e in events if e[0] == "bucket"]
        assert buckets == sorted(buckets) and len(buckets) >= 2
        # The last layer's bucket left before the first layer had its gradient.
        assert events.index(("bucket", 0)) < events.index(("gradient", "first layer"))
        alone = network(1)
        (alone(X[0]) ** 2).mean().backward()
        close([p.grad for p in m.parameters()], [p.grad for p in alone.parameters()])
        """,
    )


def test_hooks_of_communication(tmp_path):
    run(
        tmp_path,
        """
        from plait.distributed.algorithms.ddp_comm_hooks import default_hooks as hooks
        alone = network(1)
        (alone(X[0]) ** 2).mean().backward()
        exact = [p.grad for p in alone.parameters()]
        for hook, digits in ((hooks.allreduce_hook, 1e-6), (hooks.fp16_compress_hook, 2e-3), (hooks.bf16_compress_hook, 2e-2),
                             (hooks.fp16_compress_wrapper(hooks.allreduce_hook), 2e-3)):
            ddp = DDP(network(1))
            ddp.register_comm_hook(None, hook)
            (ddp(share(X[0])) ** 2).mean().backward()
            for p, e in zip(ddp.parameters(), exact):
                assert p.grad.dtype == plait.float32
                assert (p.grad - e).abs().max() <= digits * e.abs().max() + 1e-6
        with pytest.raises(RuntimeError, match="a hook already"):
            ddp.register_comm_hook(None, hooks.allreduce_hook)
        with pytest.raises(NotImplementedError, match="equally many batches"):
            ddp.join()
        """,
    )


def test_buffers_and_shared_parameters(tmp_path):
    run(
        tmp_path,
        """
        class Tied(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed, self.norm, self.out = nn.Embedding(9, 4), nn.BatchNorm1d(4), nn.Linear(4, 9, bias=False)
                self.out.weight = self.embed.weight
                self.frozen = nn.Parameter(plait.full((2,), float(rank)), requires_grad=False)

            def forward(self, i):
                return self.out(self.norm(self.embed(i)))

        plait.manual_seed(rank)
        m = Tied()
        ddp = DDP(m)
        assert m.frozen.tolist() == [0, 0] and m.out.weight is m.embed.weight
        plait.manual_seed(10 + rank)
        for _ in range(2):
            ddp(plait.randint(9, (16,))).sum().backward()
        assert m.norm.num_batches_tracked.item() == 2
        own = m.norm.running_mean.clone()
        every = [plait.empty(4) for _ in range(size)]
        dist.all_gather(every, own)
        assert not every[0].equal(every[1])
        ddp.eval()
        ddp(plait.arange(9))
        assert m.norm.running_mean.equal(every[0])  # rank 0's
        dist.all_gather(grads := [plait.empty(9, 4) for _ in range(size)], m.embed.weight.grad)
        assert grads[0].equal(grads[1])
        """,
    )


def test_modules_that_differ_are_named(tmp_path):
    run(
        tmp_path,
        """
        with pytest.raises(RuntimeError, match=r"'1.weight' of shape \\(3, 4\\).*on rank 0, where rank 1 has '1.weight' of shape \\(4, 4\\)"):
            DDP(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3 + rank)))
        with pytest.raises(RuntimeError, match=r"rank 0 has 2 parameters and rank 1 4: '1.weight' .* is on rank 1 alone"):
            DDP(nn.Sequential(*(nn.Linear(4, 4) for _ in range(1 + rank))))
        """,
    )


def test_parameters_of_several_dtypes(tmp_path):
    run(
        tmp_path,
        """
        class Mixed(nn.Module):
            def __init__(self):
                super().__init__()
                self.a = nn.Parameter(plait.ones(5))
                self.b = nn.Parameter(plait.ones(5, dtype=plait.float64))
                self.c = nn.Parameter(plait.ones(3, dtype=plait.complex64))

            def forward(self, x):
                return (self.a * x).sum() + (self.b * x).sum() + (self.c * x).abs().sum()

        m = Mixed()
        DDP(m)(rank + 1.0).backward()
        assert m.a.grad.tolist() == [1.5] * 5 and m.b.grad.tolist() == [1.5] * 5 and m.c.grad.tolist() == [1.5] * 3
        """,
    )


def test_checkpointed_activations(tmp_path):
    run(
        tmp_path,
        """
        from plait.utils.checkpoint import checkpoint
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = network(1)

            def forward(self, x):
                return checkpoint(self.body, x, use_reentrant=False)

        ddp, alone = DDP(Net()), network(1)
        (ddp(share(X[0])) ** 2).mean().backward()
        (alone(X[0]) ** 2).mean().backward()
        close([p.grad for p in ddp.parameters()], [p.grad for p in alone.parameters()])
        """,
    )


@pytest.mark.parametrize("dims", [2, 3, 4])
def test_sync_batch_norm_equals_the_whole_batch(tmp_path, dims):
    run(
        tmp_path,
        f"""
        shape = (7, 3, 4, 2)[:{dims}]
        plait.manual_seed(1)
        whole = plait.randn(shape) * 2 + 1
        weights = plait.randn(shape)
        # Shares of different sizes.
        mine = slice(0, 2) if rank == 0 else slice(2, 7)
        kind = [None, None, nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d][{dims}]
        for momentum in (0.1, None):
            alone = kind(3, momentum=momentum)
            with plait.no_grad():
                alone.weight.copy_(plait.tensor([1.0, 2.0, 0.5]))
                alone.bias.copy_(plait.tensor([0.0, 1.0, -1.0]))
            sync = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(kind(3, momentum=momentum)))
            assert isinstance(sync[0], nn.SyncBatchNorm)
            sync[0].load_state_dict(alone.state_dict())
            for _ in range(2):
                a, b = whole.clone().requires_grad_(), whole[mine].clone().requires_grad_()
                ya, yb = alone(a), sync(b)
                (ya * weights).sum().backward()
                (yb * weights[mine]).sum().backward()
            close([yb, b.grad], [ya[mine], a.grad[mine]], 1e-5)
            for name in ("running_mean", "running_var", "num_batches_tracked"):
                close([getattr(sync[0], name).float()], [getattr(alone, name).float()])
            grads = [sync[0].weight.grad, sync[0].bias.grad]  # each rank's own, as DDP wants them
            dist.all_reduce_coalesced(grads)
            close(grads, [alone.weight.grad, alone.bias.grad], 1e-5)
            sync.eval(), alone.eval()
            close([sync(whole[mine])], [alone(whole)[mine]], 1e-5)
        """,
    )
