"""Collectives of several processes, against NumPy on what all ranks hold."""

import plait
import pytest
from distributed_case import run_ranks

COLLECTIVES = """
    if os.environ.get("TEST_TCP_RANK") == str(rank):
        os.environ["PLAIT_DISTRIBUTED_SHARED_MEMORY"] = "0"
    start(backend="gloo", timeout=timedelta(seconds=60))
    DTYPES = dict(bool=bool, uint8=np.uint8, int8=np.int8, int16=np.int16, int32=np.int32, int64=np.int64,
                  float16=np.float16, bfloat16=np.float32, float32=np.float32, float64=np.float64,
                  complex64=np.complex64, complex128=np.complex128)
    R = dist.ReduceOp
    NUMPY = {R.SUM: np.add, R.PRODUCT: np.multiply, R.MIN: np.minimum, R.MAX: np.maximum,
             R.BAND: np.bitwise_and, R.BOR: np.bitwise_or, R.BXOR: np.bitwise_xor}

    def data(r, name, numel, offset=0):
        # Small whole numbers: exact in every dtype, whatever the order.
        values = (np.arange(numel) * (r + 2) + r + offset) % 5
        if name == "bool":
            return values > 1
        if name.startswith("complex"):
            return (values + 1j * (values % 3)).astype(DTYPES[name])
        return values.astype(DTYPES[name])

    def tensor(array, name):
        return plait.tensor(array.tolist(), dtype=getattr(plait, name)).reshape(array.shape)

    def same(t, array, name):
        expected = tensor(np.asarray(array), name)
        assert t.dtype == expected.dtype and t.equal(expected.reshape(t.shape)), (name, t, expected)

    # The sizes take different roads: nothing, one element, not divisible, the small one, the large one, several
    # pieces of a ring.
    for name in os.environ["TEST_DTYPES"].split() or DTYPES:
        for numel in (0, 7, 3001) if name != "float32" else (0, 1, 7, 4096, 4099, 300_001):
            every = [data(r, name, numel) for r in range(size)]
            for op, combine in NUMPY.items():
                is_float = name.startswith(("float", "bfloat", "complex"))
                if op in (R.BAND, R.BOR, R.BXOR) and is_float or op in (R.MIN, R.MAX) and name.startswith("complex"):
                    with pytest.raises(ValueError, match="reduction|ReduceOp"):
                        dist.all_reduce(tensor(every[rank], name), op)
                    continue
                if op is R.PRODUCT and numel > 10:
                    continue
                expected = every[0]
                for other in every[1:]:
                    expected = combine(expected, other)
                x = tensor(every[rank], name)
                before = x._version
                dist.all_reduce(x, op)
                assert x._version > before
                same(x, expected, name)
                x = tensor(every[rank], name)
                dist.reduce(x, size - 1, op)
                if rank == size - 1:
                    same(x, expected, name)
                part = tensor(np.zeros(numel, DTYPES[name]), name)
                dist.reduce_scatter(part, [tensor(data(rank, name, numel, j), name) for j in range(size)], op)
                expected = data(0, name, numel, rank)
                for r in range(1, size):
                    expected = combine(expected, data(r, name, numel, rank))
                same(part, expected, name)
                whole = tensor(np.concatenate([data(rank, name, numel, j) for j in range(size)]), name)
                dist.reduce_scatter_tensor(part, whole, op)
                same(part, expected, name)
            x = tensor(every[rank], name)
            dist.broadcast(x, src=1)
            same(x, every[1], name)
            zeros = lambda *shape: tensor(np.zeros(shape, DTYPES[name]), name)
            outs = [zeros(numel) for _ in range(size)]
            dist.all_gather(outs, tensor(every[rank], name))
            for out, e in zip(outs, every):
                same(out, e, name)
            out = zeros(size, numel)
            dist.all_gather_into_tensor(out, tensor(every[rank], name))
            same(out, np.stack(every), name)
            outs = [zeros(numel) for _ in range(size)]
            dist.gather(tensor(every[rank], name), outs if rank == 1 else None, dst=1)
            if rank == 1:
                for out, e in zip(outs, every):
                    same(out, e, name)
            out = zeros(numel)
            parts = [tensor(data(5, name, numel, j), name) for j in range(size)]
            dist.scatter(out, parts if rank == 0 else None, src=0)
            same(out, data(5, name, numel, rank), name)
            outs = [zeros(numel + rank) for _ in range(size)]
            dist.all_to_all(outs, [tensor(data(rank, name, numel + j), name) for j in range(size)])
            for r, out in enumerate(outs):
                same(out, data(r, name, numel + rank), name)
    for op in (R.SUM, R.AVG):
        x = plait.full((2, 3), float(rank))
        dist.all_reduce(x, op)
        assert (x == sum(range(size)) / (size if op is R.AVG else 1)).all()
    with pytest.raises(ValueError, match="avg.*int64"):
        dist.all_reduce(plait.ones(2, dtype=plait.int64), R.AVG)

    # Rows that are split unevenly.
    rows = [rank + j for j in range(size)]
    x = plait.arange(sum(rows) * 2, dtype=plait.float32).reshape(-1, 2) + 100 * rank
    takes = [r + rank for r in range(size)]
    y = plait.empty(sum(takes), 2)
    dist.all_to_all_single(y, x, takes, rows)
    at = 0
    for r in range(size):
        begin = sum(r + j for j in range(rank))
        expected = np.arange(sum(r + j for j in range(size)) * 2).reshape(-1, 2)[begin : begin + takes[r]] + 100 * r
        assert np.array_equal(y[at : at + takes[r]].numpy(), expected)
        at += takes[r]

    # Not contiguous, requiring grad, several in one call, asynchronous and in order.
    big = plait.zeros(6, 4)
    dist.all_reduce(big.t()[1:3].fill_(rank + 1.0))
    assert big[:, 1:3].eq(size * (size + 1) / 2).all() and big[:, [0, 3]].eq(0).all()
    outs = [plait.empty(4, 3).t() for _ in range(size)]
    dist.all_gather(outs, plait.arange(12.0).reshape(4, 3).t() + rank)
    assert all(o.equal(plait.arange(12.0).reshape(4, 3).t() + r) for r, o in enumerate(outs))
    leaf = plait.ones(3, requires_grad=True)
    dist.all_reduce(leaf)
    assert leaf.requires_grad and leaf.is_leaf and leaf.tolist() == [size] * 3
    few = [plait.full((i + 1,), float(rank)) for i in range(3)]
    dist.all_reduce_coalesced(few)
    assert all((t == sum(range(size))).all() for t in few)
    works = []
    for i in range(20):
        t = plait.full((500 * i + 1,), float(i + rank))
        works.append((i, t, dist.all_reduce(t, async_op=True)))
    for i, t, work in reversed(works):
        assert work.wait() and work.is_completed() and work.is_success() and work.result()[0] is t
        assert (t == size * i + sum(range(size))).all()
    t = plait.ones(2)
    doubled = dist.all_reduce(t, async_op=True).get_future().then(lambda f: f.value()[0] * 2)
    assert doubled.wait().tolist() == [2.0 * size] * 2
    dist.barrier()
    work = dist.barrier(async_op=True)
    work.wait()

    # Objects.
    objects = [None] * size
    dist.all_gather_object(objects, {"rank": rank, "text": "x" * 1000 * rank})
    assert [o["rank"] for o in objects] == list(range(size)) and len(objects[-1]["text"]) == 1000 * (size - 1)
    objects = [None] * size if rank == 1 else None
    dist.gather_object(("from", rank), objects, dst=1)
    assert rank != 1 or objects == [("from", r) for r in range(size)]
    objects = [1, "two", [3]] if rank == 0 else [None] * 3
    dist.broadcast_object_list(objects, src=0)
    assert objects == [1, "two", [3]]
    out = [None]
    dist.scatter_object_list(out, [f"for {r}" for r in range(size)] if rank == 0 else None, src=0)
    assert out == [f"for {rank}"]
    dist.destroy_process_group()
    assert not dist.is_initialized()
"""


@pytest.mark.parametrize(
    "size, environment",
    [
        (2, {"TEST_DTYPES": ""}),
        (3, {"TEST_DTYPES": "float32 int16", "PLAIT_DISTRIBUTED_SHARED_MEMORY": "0"}),
        # One rank as if it were on another machine.
        (3, {"TEST_DTYPES": "float32 bool", "TEST_TCP_RANK": "1"}),
    ],
    ids=["memory", "tcp", "both"],
)
def test_collectives(tmp_path, size, environment):
    run_ranks(tmp_path, size, COLLECTIVES, **environment)


def test_floats_are_the_same_bits_on_all_ranks(tmp_path):
    outs = run_ranks(
        tmp_path,
        3,
        """
        start()
        import hashlib
        for numel in (100, 50_001):
            for dtype in (plait.float32, plait.bfloat16):
                plait.manual_seed(rank)
                mine = plait.randn(numel, dtype=dtype)
                every = [plait.empty_like(mine) for _ in range(size)]
                dist.all_gather(every, mine)
                x = mine.clone()
                dist.all_reduce(x)
                exact = sum(e.double() for e in every)
                # Two additions, each rounded to half a unit in the last place of a partial sum.
                bound = sum(e.double().abs() for e in every) * 2 * plait.finfo(dtype).eps
                assert ((x.double() - exact).abs() <= bound).all()
                print(hashlib.sha256(bytes(memoryview(x.float()))).hexdigest())
        """,
    )
    assert len(set(outs)) == 1 and len(outs[0].split()) == 4


def test_transfers(tmp_path):
    run_ranks(
        tmp_path,
        3,
        """
        start(timeout=timedelta(seconds=60))
        right, left = (rank + 1) % size, (rank - 1) % size
        # A ring in which everybody sends first, with more than the system keeps for a connection.
        a, b = plait.full((3_000_000,), float(rank)), plait.empty(3_000_000)
        work = dist.isend(a, right)
        dist.recv(b, left)
        work.wait()
        assert (b == left).all()
        # Tags, in another order than they were sent.
        sends = [dist.isend(plait.tensor([100.0 * rank + t]), right, tag=t) for t in range(5)]
        for t in reversed(range(5)):
            x = plait.empty(1)
            assert dist.recv(x, left, tag=t) == left
            assert x.item() == 100 * left + t
        [w.wait() for w in sends]
        ops = [dist.P2POp(dist.irecv, x, left), dist.P2POp(dist.isend, plait.tensor([7.0 + rank]), right)]
        [w.wait() for w in dist.batch_isend_irecv(ops)]
        assert x.item() == 7 + left
        # From anybody.
        if rank == 0:
            came = {}
            for _ in range(size - 1):
                source = dist.recv(x)
                came[source] = x.item()
            assert came == {r: 10.0 * r for r in range(1, size)}
        else:
            dist.send(plait.tensor([10.0 * rank]), 0)
        # Not contiguous; nothing; objects.
        if rank == 0:
            dist.send(plait.arange(6).reshape(2, 3).t(), 1)
            dist.send(plait.empty(0), 1)
            dist.send_object_list([1, {"a": 2}], 1)
        elif rank == 1:
            y = plait.zeros(3, 4, dtype=plait.int64)
            dist.recv(y[:, ::2], 0)
            assert y.tolist() == [[0, 0, 3, 0], [1, 0, 4, 0], [2, 0, 5, 0]]
            dist.recv(plait.empty(0), 0)
            objects = [None, None]
            assert dist.recv_object_list(objects, 0) == 0 and objects == [1, {"a": 2}]
        dist.barrier()
        with pytest.raises(ValueError, match="another process"):
            dist.send(x, rank)
        # What does not fit says so, and the group goes on.
        if rank == 0:
            dist.send(plait.ones(3), 1)
            dist.send(plait.ones(2), 1)
        elif rank == 1:
            with pytest.raises(dist.DistBackendError, match="rank 0.*3 elements of float32.*has 2"):
                dist.recv(plait.empty(2), 0)
            dist.recv(plait.empty(2), 0)
        dist.monitored_barrier()
        """,
    )


def test_groups(tmp_path):
    run_ranks(
        tmp_path,
        4,
        """
        start(backend="cpu:gloo")
        evens, odds = dist.new_group([0, 2]), dist.new_group([1, 3])
        mine, other = (evens, odds) if rank % 2 == 0 else (odds, evens)
        assert other is dist.GroupMember.NON_GROUP_MEMBER and dist.get_rank(other) == -1
        assert dist.get_rank(mine) == rank // 2 and dist.get_world_size(mine) == 2
        assert dist.get_process_group_ranks(mine) == [rank % 2, rank % 2 + 2]
        assert dist.get_group_rank(mine, rank) == rank // 2 and dist.get_global_rank(mine, rank // 2) == rank
        x = plait.tensor([float(rank)])
        dist.all_reduce(x, group=mine)
        assert x.item() == (2 if rank % 2 == 0 else 4)
        with pytest.warns(UserWarning, match="not in the group"):
            dist.all_reduce(x, group=other)
        dist.broadcast(x, src=rank % 2 + 2, group=mine)
        y = plait.tensor([float(rank)])
        dist.broadcast(y, group_src=1, group=mine)
        assert y.item() == rank % 2 + 2
        with pytest.raises(ValueError, match="expected rank"):
            dist.broadcast(x, src=(rank + 1) % 4, group=mine)
        own, every = dist.new_subgroups(2)
        assert dist.get_process_group_ranks(own) == [rank // 2 * 2, rank // 2 * 2 + 1] and len(every) == 2
        dist.barrier(own)
        # Both groups at once, each in its order.
        a, b = plait.ones(1000), plait.ones(1000)
        works = [dist.all_reduce(a, group=mine, async_op=True), dist.all_reduce(b, group=own, async_op=True)]
        [w.wait() for w in reversed(works)]
        assert (a == 2).all() and (b == 2).all()
        dist.destroy_process_group(own)
        # Only its members call this one.
        if rank in (1, 2):
            pair = dist.new_group([1, 2], use_local_synchronization=True)
            dist.all_reduce(a, group=pair)
            assert (a == 4).all()
        with pytest.raises(ValueError, match="different ranks from 0 to 3"):
            dist.new_group([0, 4])
        dist.barrier()
        assert dist.get_backend() == "gloo" and dist.get_backend_config() == "cpu:gloo"
        # The world, made anew in the same store.
        dist.destroy_process_group()
        start()
        dist.all_reduce(x)
        """,
    )


def test_gradients_flow_through(tmp_path):
    """Against the gradient of the sum of all ranks' losses, by central differences in float64."""
    run_ranks(
        tmp_path,
        2,
        """
        import plait.distributed.nn as dnn
        start()
        w = [[plait.linspace(0.3 + r + i, 1 + r * i, 3).double() for i in range(4)] for r in range(size)]

        def loss(name, x):
            mine = w[rank]
            if name == "all_reduce":
                return (dnn.all_reduce(x * x) * mine[0]).sum()
            if name == "broadcast":
                return (dnn.broadcast(x * x, 1) * mine[0]).sum()
            if name == "reduce":
                y = dnn.reduce(x * x, 1)
                return (y * mine[0]).sum() * float(rank == 1)
            if name == "all_gather":
                return sum((y * u).sum() for y, u in zip(dnn.all_gather(x * x), mine))
            if name == "gather":
                return sum((y * u).sum() for y, u in zip(dnn.gather(x * x, 1), mine)) * float(rank == 1)
            if name == "scatter":
                return (dnn.scatter([x * x, x.sin()], 0) * mine[0]).sum()
            if name == "reduce_scatter":
                return (dnn.reduce_scatter(x, [x * x, x.sin()]) * mine[0]).sum()
            if name == "all_to_all":
                ys = dnn.all_to_all([x, x], [x * x, x.sin()])
                return sum((y * u).sum() for y, u in zip(ys, mine))
            two = plait.stack([x * x, x.sin()])
            return (dnn.all_to_all_single(two, two) * plait.stack(mine[:2])).sum()

        for name in ("all_reduce", "broadcast", "reduce", "all_gather", "gather", "scatter", "reduce_scatter",
                     "all_to_all", "all_to_all_single"):
            base = plait.tensor([0.5, -1.0, 2.0], dtype=plait.float64) + rank
            x = base.clone().requires_grad_()
            loss(name, x).backward()
            # Every rank moves in turn, one element at a time; what counts is the sum of all losses.
            for r in range(size):
                for i in range(3):
                    total = []
                    for step in (1e-6, -1e-6):
                        moved = base.clone()
                        if r == rank:
                            moved[i] += step
                        value = loss(name, moved).detach().reshape(1)
                        dist.all_reduce(value)
                        total.append(value.item())
                    slope = (total[0] - total[1]) / 2e-6
                    if r == rank:
                        got = 0.0 if x.grad is None else x.grad[i].item()
                        # A difference quotient of step 1e-6 in float64 is good to about 1e-8.
                        assert abs(got - slope) < 1e-6 * max(1, abs(slope)), (name, r, i, got, slope)
        """,
    )


def test_sampler_asks_the_group(tmp_path):
    outs = run_ranks(
        tmp_path,
        2,
        """
        start()
        print(list(plait.utils.data.DistributedSampler(range(7), shuffle=False)))
        """,
    )
    assert [eval(o) for o in outs] == [[0, 2, 4, 6], [1, 3, 5, 0]]


def test_tensors_of_numpy_survive_an_asynchronous_call(tmp_path):
    """The memory belongs to an array, which the group's thread lets go."""
    run_ranks(
        tmp_path,
        2,
        """
        start()
        for i in range(50):
            a = np.full(1000, rank + 1.0, np.float32)
            w = dist.all_reduce(plait.from_numpy(a), async_op=True)
            w.wait()
            assert (a == 3).all()
        """,
    )


def test_cuda_through_the_cpu(tmp_path):
    import os

    library = os.environ.get("PLAIT_CUDA_LIBRARY")
    if library is None or not plait.cuda.is_available():
        pytest.skip("the processes share an emulator's library")
    run_ranks(
        tmp_path,
        2,
        """
        start(backend="gloo")
        x = plait.full((5,), rank + 1.0, device="cuda")
        dist.all_reduce(x)
        assert x.tolist() == [3] * 5 and x.is_cuda
        work = dist.all_reduce(x, async_op=True)
        work.wait()
        assert x.tolist() == [6] * 5
        outs = [plait.empty(5, device="cuda") for _ in range(2)]
        dist.all_gather(outs, x * (rank + 1))
        assert [o[0].item() for o in outs] == [6, 12]
        plait.manual_seed(rank)
        m = nn.Linear(3, 2).cuda()
        ddp = nn.parallel.DistributedDataParallel(m, device_ids=[0])
        inputs = plait.arange(12.0).reshape(2, 2, 3)
        ddp(inputs[rank]).square().sum().backward()  # the input is moved
        alone = nn.Linear(3, 2).cuda()
        alone.load_state_dict(m.state_dict())
        (alone(inputs.cuda()).square().sum() / 2).backward()
        assert plait.allclose(m.weight.grad, alone.weight.grad) and plait.allclose(m.bias.grad, alone.bias.grad)
        """,
        PLAIT_CUDA_LIBRARY=library,
    )
