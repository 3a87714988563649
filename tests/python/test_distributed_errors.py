"""What ranks hear when another one dies, is late, leaves or calls something else. Nobody hangs."""

import subprocess
import sys
import textwrap
import time

import plait.distributed as dist
import pytest
from distributed_case import run_ranks


@pytest.mark.parametrize("memory", ["0", "1"])
def test_a_rank_that_dies(tmp_path, memory):
    run_ranks(
        tmp_path,
        3,
        """
        start(timeout=timedelta(seconds=60))
        dist.all_reduce(plait.ones(3))
        if rank == 1:
            time.sleep(0.3)
            os.kill(os.getpid(), signal.SIGKILL)
        begin = time.monotonic()
        with pytest.raises(dist.DistBackendError, match=r"all_reduce\\(sum, float32, 100000 elements\\).*rank 1 has gone"):
            dist.all_reduce(plait.ones(100000))
        assert time.monotonic() - begin < 20
        # Whatever is called later says the same.
        with pytest.raises(dist.DistBackendError, match="rank 1 has gone"):
            dist.barrier()
        """,
        expected={1: -9},
        PLAIT_DISTRIBUTED_SHARED_MEMORY=memory,
    )


def test_a_rank_that_dies_while_others_wait_for_a_transfer(tmp_path):
    run_ranks(
        tmp_path,
        2,
        """
        start()
        if rank == 1:
            time.sleep(0.3)
            os._exit(3)
        work = dist.irecv(plait.empty(3), 1)
        with pytest.raises(dist.DistBackendError, match="rank 1 .*has gone"):
            work.wait()
        assert not work.is_success() and "rank 1" in str(work.exception())
        """,
        expected={1: 3},
    )


def test_a_rank_that_is_late(tmp_path):
    run_ranks(
        tmp_path,
        3,
        """
        start(timeout=timedelta(seconds=1))
        dist.barrier()
        if rank == 2:
            time.sleep(3)
            with pytest.raises(dist.DistBackendError, match="rank 2 did not take part"):
                dist.all_reduce(plait.ones(1))
        else:
            work = dist.all_reduce(plait.ones(1), async_op=True)
            with pytest.raises(dist.DistBackendError, match="has not ended after 0.2 s"):
                work.wait(timedelta(seconds=0.2))
            with pytest.raises(dist.DistBackendError, match=r"all_reduce.*on rank [01]: rank 2 did not take part within 1\\.[0-9] s"):
                work.wait()
        """,
    )


def test_a_rank_that_leaves(tmp_path):
    run_ranks(
        tmp_path,
        2,
        """
        start()
        # What was sent before still arrives.
        x = plait.ones(200_000)
        work = dist.isend(x, 1) if rank == 0 else None
        dist.all_reduce(x) if rank == 1 else dist.all_reduce(plait.ones(200_000))
        if rank == 0:
            work.wait()
            dist.destroy_process_group()
            with pytest.raises(ValueError, match="no process group"):
                dist.barrier()
        else:
            dist.recv(x, 0)
            assert (x == 1).all()
            with pytest.raises(dist.DistBackendError, match="rank 0 has left the group"):
                dist.barrier()
        """,
    )


MISMATCHES = {
    "shapes": (
        "dist.all_reduce(plait.ones(3 + rank))",
        r"all_reduce\(sum, float32, [34] elements\).*all_reduce\(sum, float32, [34] elements\) instead",
    ),
    "dtypes": (
        "dist.all_reduce(plait.ones(3, dtype=[plait.float32, plait.int32][rank]))",
        r"(int32|float32).*rank [01] called.*(int32|float32)",
    ),
    "reductions": (
        "dist.all_reduce(plait.ones(3), [dist.ReduceOp.SUM, dist.ReduceOp.MAX][rank])",
        r"called all_reduce\((sum|max)",
    ),
    "roots": ("dist.broadcast(plait.ones(3), src=1 - rank)", r"called broadcast\(.*root [01]\)"),
    "calls": (
        "dist.all_reduce(plait.ones(3)) if rank else dist.broadcast(plait.ones(3), src=0)",
        r"called (broadcast|all_reduce)",
    ),
    "receivers": (
        "dist.reduce(plait.ones(3), dst=0) if rank else dist.broadcast(plait.ones(3), src=1)",
        r"called (broadcast|reduce)",
    ),
}


@pytest.mark.parametrize("case", sorted(MISMATCHES))
def test_ranks_that_call_different_things(tmp_path, case):
    call, message = MISMATCHES[case]
    run_ranks(
        tmp_path,
        2,
        f"""
        start(timeout=timedelta(seconds=60))
        dist.barrier()
        with pytest.raises(dist.DistBackendError, match={message!r}):
            {call}
            dist.barrier()  # the sender of a broadcast waits for nobody
        """,
    )


def test_splits_that_do_not_fit(tmp_path):
    run_ranks(
        tmp_path,
        2,
        """
        start(timeout=timedelta(seconds=60))
        with pytest.raises(ValueError, match=r"2 input_split_sizes with the sum 4, got \\[1, 2\\]"):
            dist.all_to_all_single(plait.ones(4), plait.ones(4), [2, 2], [1, 2])
        with pytest.raises(ValueError, match="keeps 3 elements for itself.*takes 1"):
            dist.all_to_all_single(plait.ones(4), plait.ones(4), [1, 3][:: 1 - 2 * rank], [3, 1][:: 1 - 2 * rank])
        with pytest.raises(ValueError, match="rows do not divide"):
            dist.all_to_all_single(plait.ones(3), plait.ones(3))
        with pytest.raises(ValueError, match="8 elements of plait.float32 in a group of 2, got 3"):
            dist.all_gather_into_tensor(plait.ones(3), plait.ones(4))
        with pytest.raises(ValueError, match="list of 2.*got 1"):
            dist.all_gather([plait.ones(3)], plait.ones(3))
        with pytest.raises(TypeError, match="ReduceOp"):
            dist.all_reduce(plait.ones(3), "sum")
        with pytest.raises(TypeError, match="expected a Tensor, got list"):
            dist.all_reduce([1.0])
        with pytest.raises(dist.DistBackendError, match="rank 0 sends 4 bytes here, expected 8"):
            dist.all_to_all_single(plait.ones(4), plait.ones(3 + rank), [2, 2], [2, 1 + rank])
            dist.barrier()
        """,
    )


def test_interrupt(tmp_path):
    """Ctrl-C ends a call that waits."""
    run_ranks(
        tmp_path,
        2,
        """
        start(timeout=timedelta(seconds=60))
        dist.barrier()
        if rank == 1:
            with pytest.raises(dist.DistBackendError, match="interrupted in all_reduce"):
                time.sleep(1)
                dist.all_reduce(plait.ones(1))
                dist.all_reduce(plait.ones(1))
        else:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it
            threading.Timer(0.4, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
            begin = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                dist.all_reduce(plait.ones(1))
                time.sleep(10)
            assert time.monotonic() - begin < 5
        """,
    )


def test_monitored_barrier_names_who_is_missing(tmp_path):
    run_ranks(
        tmp_path,
        4,
        """
        start()
        dist.monitored_barrier()
        if rank == 0:
            with pytest.raises(RuntimeError, match="ranks 1, 3 did not reach the barrier within 1 s"):
                dist.monitored_barrier(timeout=timedelta(seconds=1), wait_all_ranks=True)
        elif rank == 2:
            with pytest.raises(RuntimeError, match="rank 0 did not answer rank 2 within 1.5 s"):
                dist.monitored_barrier(timeout=timedelta(seconds=1.5))
        else:
            time.sleep(2)
        """,
    )


def test_processes_that_never_come(tmp_path):
    begin = time.monotonic()
    run_ranks(
        tmp_path,
        1,
        """
        with pytest.raises(RuntimeError, match="nobody set 'world1/gloo/rank1' within 1 s"):
            dist.init_process_group(init_method=sys.argv[3], rank=0, world_size=2, timeout=timedelta(seconds=1))
        assert not dist.is_initialized()
        with pytest.raises(dist.DistNetworkError, match="no connection to localhost port 1 after 0.[0-9] s"):
            dist.init_process_group(init_method="tcp://localhost:1", rank=1, world_size=2, timeout=timedelta(seconds=0.3))
        """,
    )
    assert time.monotonic() - begin < 30


def test_a_forked_child_may_not_use_the_group(tmp_path):
    run_ranks(
        tmp_path,
        2,
        """
        start(timeout=timedelta(seconds=60))
        dist.barrier()
        child = os.fork()
        if child == 0:
            try:
                dist.barrier()
            except RuntimeError as error:
                os._exit(7 if "forked" in str(error) else 8)
            os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        dist.all_reduce(plait.ones(5))
        # A child that outlives a rank does not hide its end from the others.
        if rank == 0:
            if os.fork() == 0:
                time.sleep(3.5)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)
        begin = time.monotonic()
        with pytest.raises(dist.DistBackendError, match="rank 0 has gone"):
            dist.barrier()
        assert time.monotonic() - begin < 3
        """,
        expected={0: -9},
    )


def test_nothing_hangs_at_exit(tmp_path):
    """Neither calls that are under way, nor groups that nobody destroyed."""
    run_ranks(
        tmp_path,
        2,
        """
        start()
        dist.barrier()
        if rank == 0:
            works = [dist.all_reduce(plait.ones(10), async_op=True), dist.irecv(plait.ones(1), 1)]
        else:
            time.sleep(0.5)
        """,
        timeout=30,
    )


# ---- stores


@pytest.mark.parametrize("kind", ["hash", "file", "tcp", "prefix"])
def test_stores(tmp_path, kind):
    from datetime import timedelta

    store = {
        "hash": dist.HashStore,
        "file": lambda: dist.FileStore(str(tmp_path / "store"), 1),
        "tcp": lambda: dist.TCPStore("localhost", 0, 1, True),
        "prefix": lambda: dist.PrefixStore("p", dist.HashStore()),
    }[kind]()
    store.set("a", "1")
    store.set("a", b"\x00\xff")
    assert store.get("a") == b"\x00\xff"
    assert store.add("n", 5) == 5 and store.add("n", -2) == 3 and store.get("n") == b"3"
    assert store.compare_set("c", "", "first") == b"first"
    assert store.compare_set("c", "other", "second") == b"first"
    assert store.compare_set("c", "first", "second") == b"second"
    assert store.compare_set("absent", "x", "y") == b"x"
    before = store.num_keys()
    assert store.delete_key("c") and not store.delete_key("c") and store.num_keys() == before - 1
    assert store.check(["a", "n"]) and not store.check(["a", "c"])
    store.append("l", "ab")
    store.append("l", "cd")
    store.multi_set(["x", "y"], ["1", "2"])
    assert store.multi_get(["l", "x", "y"]) == [b"abcd", b"1", b"2"]
    store.wait(["a", "x"])
    with pytest.raises(RuntimeError, match=r"nobody set '(p/)?zz' within 0.2 s"):
        store.wait(["a", "zz"], timedelta(seconds=0.2))
    assert store.get("x") == b"1"  # after a wait in vain
    store.set_timeout(timedelta(seconds=0.1))
    with pytest.raises(dist.DistStoreError, match="never'"):
        store.get("never")
    if hasattr(store, "close"):
        store.close()


def test_stores_of_several_processes(tmp_path):
    program = tmp_path / "client.py"
    program.write_text(
        textwrap.dedent("""
        import sys
        import plait.distributed as dist
        kind, where, me = sys.argv[1], sys.argv[2], int(sys.argv[3])
        store = dist.FileStore(where, 3) if kind == "file" else dist.TCPStore("localhost", int(where))
        for _ in range(200):
            store.add("count", 1)
        store.set(f"done{me}", "x" * 100_000)
        store.wait(["go"])
        print(len(store.get("go")))
        """)
    )
    for kind in ("file", "tcp"):
        store = (
            dist.FileStore(str(tmp_path / "many"), 3)
            if kind == "file"
            else dist.TCPStore("localhost", 0, None, True)
        )
        where = store.path if kind == "file" else str(store.port)
        clients = [
            subprocess.Popen(
                [sys.executable, program, kind, where, str(i)], stdout=subprocess.PIPE, text=True
            )
            for i in range(3)
        ]
        store.wait([f"done{i}" for i in range(3)])
        assert store.get("count") == b"600" and len(store.get("done2")) == 100_000
        store.set("go", "y" * 50_000)
        assert [c.communicate(timeout=60)[0].strip() for c in clients] == ["50000"] * 3


def test_a_port_that_is_taken():
    store = dist.TCPStore("localhost", 0, 1, True)
    with pytest.raises(dist.DistNetworkError, match=f"cannot listen on port {store.port}.*MASTER_PORT"):
        dist.TCPStore("localhost", store.port, 1, True)
    store.close()


def test_what_answers_is_no_store():
    import socket
    import threading

    with socket.create_server(("localhost", 0)) as other:
        port = other.getsockname()[1]

        def close_all():
            try:
                while True:
                    other.accept()[0].close()
            except OSError:
                pass

        threading.Thread(target=close_all, daemon=True).start()
        begin = time.monotonic()
        with pytest.raises(dist.DistNetworkError, match=r"no store of plait's.*plait\.distributed\.run"):
            dist.TCPStore("localhost", port)
        assert time.monotonic() - begin < 60
        other.shutdown(socket.SHUT_RDWR)


def test_messages_that_nobody_asks_for_wait_at_the_sender(tmp_path):
    """No more than the limit is kept; what is asked for goes around it, and nothing is lost."""
    run_ranks(
        tmp_path,
        2,
        """
        import resource
        start(timeout=timedelta(seconds=60))
        count, megabyte = 60, 1 << 20
        if rank == 0:
            dist.barrier()
            for i in range(count):
                dist.send(plait.full((megabyte,), i % 100, dtype=plait.uint8), 1, tag=i)
        else:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            dist.barrier()
            time.sleep(1)
            kept = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before  # in KiB
            assert kept < 30 * 1024, kept
            got = plait.empty(megabyte, dtype=plait.uint8)
            for i in [3, 2, 1, 0, *range(4, count)]:
                dist.recv(got, 0, tag=i)
                assert (got == i % 100).all()
        dist.barrier()
        """,
        PLAIT_DISTRIBUTED_MAILBOX_BYTES=str(5 << 20),
    )


def test_a_message_behind_more_than_may_be_kept(tmp_path):
    run_ranks(
        tmp_path,
        2,
        """
        start(timeout=timedelta(seconds=4))
        big, small = plait.zeros(100_000), plait.zeros(2)
        if rank == 0:
            with pytest.raises(dist.DistBackendError, match=r"send: rank 1 .*has not taken 40000000 bytes with tag 7.*MAILBOX_BYTES"):
                dist.send(plait.zeros(10_000_000), 1, tag=7)
        else:
            with pytest.raises(dist.DistBackendError, match=r"recv: rank 0 .*tag 8 within.*tag 7 has to be received first: it has 40000000 bytes, and 0 bytes of 1000"):
                dist.recv(small, 0, tag=8)
            time.sleep(2)
            # What was on its way comes, where it is asked for after all.
            got = plait.ones(10_000_000)
            dist.recv(got, 0, tag=7)
            assert got.sum() == 0
            dist.send(small, 0, tag=9)
        if rank == 0: dist.recv(small, 1, tag=9)
        """,
        PLAIT_DISTRIBUTED_MAILBOX_BYTES="1000",
    )


@pytest.mark.parametrize(
    "header",
    [
        "os.urandom(640)",
        "b'GET / HTTP/1.1' * 50",
        "head(kind=7, bytes=1 << 60, numel=1 << 60)",
        "head(kind=7, bytes=1 << 40, numel=3)",
        "head(kind=7, bytes=0, numel=1 << 63, dtype=5)",
        "head(kind=7, bytes=8, numel=8, dtype=200)",
        "head(kind=9, bytes=1 << 40)",
        "head(kind=77, bytes=0)",
        "head(kind=0, bytes=1 << 50, reduction=99)",
    ],
)
def test_bytes_that_are_no_message(tmp_path, header):
    """Whatever comes on a mailbox's connection, the rank that hears it says so and needs no memory for it."""
    run_ranks(
        tmp_path,
        2,
        f"""
        import resource, struct
        def head(kind, bytes, numel=0, dtype=1, reduction=0):
            return struct.pack("<IBBBBiiQQQq16x", 0x706c7431, kind, dtype, reduction, 0, -1, 0, 0, numel, bytes, 0)
        start(timeout=timedelta(seconds=60))
        dist.barrier()
        if rank == 0:
            for name in os.listdir("/proc/self/fd"):
                try:
                    if os.readlink("/proc/self/fd/" + name).startswith("socket:"): os.write(int(name), {header})
                except OSError: pass
            time.sleep(1)
            os._exit(0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(dist.DistBackendError, match="rank 0 .*(no message of plait's|but the tensor given)"):
            dist.recv(plait.zeros(3), 0)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
        """,
    )


def test_a_store_survives_what_is_no_message():
    """Whoever sends it is dropped; others are served on."""
    import random
    import socket
    import struct

    from plait.distributed._tcp_store import _HELLO, _pack

    seed = random.randrange(1 << 30)
    print("seed", seed)
    source = random.Random(seed)
    store = dist.TCPStore("localhost", 0, is_master=True)
    store.set("key", "value")
    good = [
        _pack([bytes([0]), b"key"]),
        _pack([bytes([2])]),
        _pack([bytes([3]), b"k", None, b"v"]),
        _pack([bytes([1]), b"x"]),
    ]
    bad = [
        b"",
        struct.pack("<II", 0xFFFFFFFF, 0xFFFFFFFF),
        struct.pack("<II", 0, 5),
        struct.pack("<II", 0, 0),
        _pack([]),
        _pack([None]),
        _pack([b""]),
        _pack([bytes([3]), b"k"]),
        _pack([bytes([3]), None, None, None]),
        _pack([bytes([1]), None]),
        _pack([bytes([99]), b"k"]),
        struct.pack("<III", 4, 1, 0x7FFFFFFF),
    ]
    for _ in range(300):
        message = bytearray(source.choice(good))
        for _ in range(source.randrange(1, 4)):
            message[source.randrange(len(message))] = source.randrange(256)
        bad.append(
            bytes(message[: source.randrange(len(message) + 1)]) if source.random() < 0.3 else bytes(message)
        )
    for message in bad:
        with socket.create_connection(("localhost", store.port)) as stranger:
            stranger.sendall(_HELLO + message)
            if source.random() < 0.1:
                stranger.settimeout(0.05)
                try:
                    while stranger.recv(1000):
                        pass
                except (TimeoutError, ConnectionError):
                    pass
    assert store.get("key") == b"value" and dist.TCPStore("localhost", store.port).get("key") == b"value"
    with pytest.raises(ValueError, match="at most 268435456 bytes together, got"):
        store.set("big", b"0" * (1 << 28))
    assert store.get("key") == b"value"
    store.close()
    # And a server that answers nonsense.
    listener = socket.create_server(("localhost", 0))

    def answer():
        connection, _ = listener.accept()
        connection.sendall(connection.recv(len(_HELLO)))
        connection.recv(1000)
        connection.sendall(struct.pack("<II", 0xFFFFFFF0, 1))

    import threading

    threading.Thread(target=answer, daemon=True).start()
    client = dist.TCPStore("localhost", listener.getsockname()[1])
    with pytest.raises(dist.DistNetworkError, match="no message of a store"):
        client.get("key")
    listener.close()
