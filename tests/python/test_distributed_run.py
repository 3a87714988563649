"""The launcher: environments, exit codes, restarts; programs written for PyTorch."""

import os
import socket
import subprocess
import sys
import textwrap

import pytest

_NOT_HANDED_ON = ("RANK", "WORLD_SIZE", "OMP_NUM_THREADS", "PLAIT_CUDA_LIBRARY")


def launch(tmp_path, program, *options, arguments=(), name="program.py", timeout=100):
    script = tmp_path / name
    script.write_text(textwrap.dedent(program))
    env = {k: v for k, v in os.environ.items() if k not in _NOT_HANDED_ON}
    command = [sys.executable, "-m", "plait.distributed.run", *options]
    return subprocess.run(
        [*command, str(script), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=env,
        check=False,
        cwd=tmp_path,
    )


def test_environment(tmp_path):
    done = launch(
        tmp_path,
        """
        import os, sys
        import plait, plait.distributed as dist
        dist.init_process_group()
        names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "OMP_NUM_THREADS")
        out = [None] * 2
        dist.all_gather_object(out, [os.environ[n] for n in names])
        if dist.get_rank() == 0:
            print(out, sys.argv[1:], plait.get_num_threads(), dist.is_torchelastic_launched())
        dist.destroy_process_group()
        """,
        "--nproc-per-node=2",
        arguments=["--lr", "0.1"],
    )
    assert done.returncode == 0, done.stderr
    expected = [["0", "0", "2", "2", "0", "1"], ["1", "1", "2", "2", "0", "1"]]
    assert done.stdout.strip() == f"{expected} ['--lr', '0.1'] 1 True"


def test_a_rank_that_fails(tmp_path):
    done = launch(
        tmp_path,
        """
        import os, time
        if os.environ["RANK"] == "1":
            raise SystemExit(5)
        time.sleep(60)
        """,
        "--nproc_per_node=2",
        "--standalone",
        timeout=40,
    )
    assert done.returncode == 5 and "rank 1 (process" in done.stderr and "code 5; all others were ended" in done.stderr


def test_a_rank_that_is_killed_while_others_wait(tmp_path):
    done = launch(
        tmp_path,
        """
        import os, signal
        import plait, plait.distributed as dist
        dist.init_process_group()
        if dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        dist.all_reduce(plait.ones(2))
        """,
        "--nproc-per-node=2",
        timeout=40,
    )
    assert done.returncode == 137 and "rank 1" in done.stderr and "SIGKILL" in done.stderr


def test_restarts(tmp_path):
    done = launch(
        tmp_path,
        """
        import os, sys
        import plait, plait.distributed as dist
        dist.init_process_group()
        x = plait.ones(1)
        dist.all_reduce(x)
        start = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
        if start == 0 and dist.get_rank() == 0:
            sys.exit(3)
        dist.barrier() if start else None
        print("start", start, x.item())
        """,
        "--nproc-per-node=2",
        "--max-restarts=2",
        "--tee=1",
    )
    assert done.returncode == 0, done.stderr
    assert "starting all again" in done.stderr
    assert sorted(line for line in done.stdout.splitlines() if "start 1" in line) == [
        "[default0]:start 1 2.0",
        "[default1]:start 1 2.0",
    ]


def test_two_machines(tmp_path):
    """Two launchers, as on two machines; c10d finds out which is the first."""
    script = tmp_path / "program.py"
    script.write_text(
        textwrap.dedent("""
        import os
        import plait, plait.distributed as dist
        dist.init_process_group()
        x = plait.tensor([float(dist.get_rank())])
        dist.all_reduce(x)
        print(dist.get_rank(), os.environ["LOCAL_RANK"], os.environ["GROUP_RANK"], x.item())
        dist.destroy_process_group()
        """)
    )
    for how in ("static", "c10d"):
        with socket.socket() as s:  # free, and free it stays for the moment that this takes
            s.bind(("localhost", 0))
            port = s.getsockname()[1]
        launchers = []
        for node in range(2):
            options = [f"--node-rank={node}"] if how == "static" else ["--rdzv-backend=c10d"]
            command = [sys.executable, "-m", "plait.distributed.run", "--nnodes=2", "--nproc-per-node", str(1 + node)]
            command += [*options, f"--rdzv-endpoint=localhost:{port}", str(script)]
            launchers.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        results = [p.communicate(timeout=60) for p in launchers]
        assert [p.returncode for p in launchers] == [0, 0], results
        lines = sorted(line.split() for out, _ in results for line in out.splitlines())
        assert [line[0] for line in lines] == ["0", "1", "2"] and all(line[3] == "3.0" for line in lines)
        assert sorted(line[1] for line in lines) == ["0", "0", "1"]


def test_modules_and_other_programs(tmp_path):
    (tmp_path / "shout.sh").write_text("#!/bin/sh\necho rank $RANK of $WORLD_SIZE $1\n")
    (tmp_path / "shout.sh").chmod(0o755)
    command = [sys.executable, "-m", "plait.distributed.run", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "--no-python", tmp_path / "shout.sh", "x"], capture_output=True, text=True, timeout=60, check=False
    )
    assert sorted(done.stdout.splitlines()) == ["rank 0 of 2 x", "rank 1 of 2 x"], done.stderr
    (tmp_path / "tool.py").write_text("import os, sys; os.write(1, f'tool {sys.argv[1:]}\\n'.encode())")
    done = subprocess.run(
        [*command, "-m", "tool", "--a"], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.stdout.splitlines() == ["tool ['--a']"] * 2, done.stderr


@pytest.mark.parametrize(
    "options, message",
    [
        (["--nproc-per-node=0"], "at least one process"),
        (["--nproc-per-node=many"], "expected a number"),
        (["--nnodes=2"], "give each its --node-rank"),
        (["-m", "--no-python"], "exclude each other"),
    ],
)
def test_bad_options(tmp_path, options, message):
    done = launch(tmp_path, "", *options)
    assert done.returncode == 2 and message in done.stderr


def test_a_program_written_for_pytorch(tmp_path):
    """As nanoGPT's train.py uses it: torch.distributed, DDP, a checkpoint by rank 0."""
    program = """
        import os
        import torch
        from torch.nn.parallel import DistributedDataParallel as DDP
        from torch.distributed import init_process_group, destroy_process_group
        from torch.distributed.elastic.multiprocessing.errors import record
        from torch.distributed.algorithms.ddp_comm_hooks import default_hooks
        import torch.distributed as dist

        @record
        def main():
            init_process_group(backend="gloo")
            rank, local_rank = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
            master = rank == 0
            torch.manual_seed(1337 + rank)
            model = torch.nn.Sequential(torch.nn.Embedding(16, 8), torch.nn.Flatten(), torch.nn.Linear(32, 16))
            ddp = DDP(model)
            optimizer = torch.optim.AdamW(ddp.parameters(), lr=1e-2)
            steps = 2
            for i in range(4):
                for micro in range(steps):
                    ddp.require_backward_grad_sync = micro == steps - 1
                    x = torch.randint(16, (8, 4))
                    loss = torch.nn.functional.cross_entropy(ddp(x), x[:, 0]) / steps
                    loss.backward()
                torch.nn.utils.clip_grad_norm_(ddp.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            total = torch.cat([p.detach().flatten() for p in model.parameters()]).double().sum()
            both = [torch.zeros_like(total) for _ in range(dist.get_world_size())]
            dist.all_gather(both, total)
            assert both[0] == both[1]
            if master:
                torch.save(ddp.module.state_dict(), "ckpt.pt")
                print(type(ddp).__module__, sorted(torch.load("ckpt.pt")))
            destroy_process_group()

        main()
        """
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(program))
    done = subprocess.run(
        [sys.executable, "-m", "plait.distributed.run", "--nproc-per-node=2", "-m", "plait.as_torch", str(script)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "plait.nn.parallel.distributed ['0.weight', '2.bias', '2.weight']"


def test_spawn(tmp_path):
    """Processes of plait.multiprocessing.spawn, which meet by their environment."""
    script = tmp_path / "spawned.py"
    script.write_text(
        textwrap.dedent("""
        import os
        import plait
        import plait.distributed as dist

        def work(rank, size, where):
            dist.init_process_group(init_method=where, rank=rank, world_size=size)
            x = plait.ones(3)
            dist.all_reduce(x)
            assert x.tolist() == [2, 2, 2]
            dist.destroy_process_group()

        if __name__ == "__main__":
            plait.multiprocessing.spawn(work, (2, "file://" + os.path.abspath("meeting")), nprocs=2)
            print("done")
        """)
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.stdout == "done\n", done.stderr
