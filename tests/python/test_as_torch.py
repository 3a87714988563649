"""Programs written for PyTorch run on plait, in processes of their own."""

import os
import subprocess
import sys
import textwrap

import pytest


def python(*arguments, code=None, path=(), cwd=None, fails=False):
    """Run the interpreter; return what it printed (what it wrote to stderr, where it is to fail)."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-W", "ignore", *arguments]
    if code is not None:
        command += ["-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    assert (result.returncode != 0) == fails, result.stdout + result.stderr
    return result.stderr if fails else result.stdout


def as_torch(code, **options):
    return python("-m", "plait.as_torch", "-c", textwrap.dedent(code), **options)


def test_the_modules_are_plaits_own():
    as_torch("""
        import torch, plait
        import torch.nn as nn, torch.nn.functional as F, torch.utils.data.dataloader
        from torch import Tensor, nn as nn2, optim
        from torch.utils.data import DataLoader
        from torch.optim.adamw import AdamW
        from torch.utils.data._utils.collate import default_collate
        assert nn is nn2 is plait.nn and F is plait.nn.functional and optim is plait.optim
        assert Tensor is plait.Tensor and DataLoader is plait.utils.data.DataLoader and AdamW is plait.optim.AdamW
        assert torch.utils.data.dataloader is plait.utils.data.dataloader
        assert nn.__spec__.name == nn.__name__ == "plait.nn"  # as if nothing had been installed
        assert torch.float32 is plait.float32 and torch.float is plait.float
        assert isinstance(torch.ones(2), torch.Tensor) and type(torch.ones(2)).__module__ == "plait"
        assert "cat" in dir(torch) and "__version__" in dir(torch)
    """)


def test_names_that_programs_import():
    as_torch("""
        import torch, torch._C, torch._C._functorch, torch._custom_ops, torch.futures, torch.overrides
        from torch._C import DisableTorchFunctionSubclass
        from torch._dynamo.utils import is_compile_supported
        from torch._subclasses.fake_tensor import is_fake
        from torch.ao.quantization import DeQuantStub, QuantStub
        from torch.autograd import forward_ad
        from torch.fx.experimental.proxy_tensor import get_proxy_mode
        from torch.hub import _get_torch_home, tqdm
        from torch.jit.annotations import BroadcastingList2
        from torch.nn.parallel.scatter_gather import gather, scatter
        from torch.onnx import symbolic_opset11
        from torch.onnx.symbolic_helper import parse_args
        from torch.overrides import handle_torch_function, has_torch_function
        from torch.serialization import DEFAULT_PROTOCOL
        from torch.utils.data._utils.collate import default_collate_fn_map, np_str_obj_array_pattern
        from torch.utils.model_zoo import load_url, tqdm
        assert torch.torch is torch and list(tqdm([1, 2])) == [1, 2]
        assert torch._C._get_tracing_state() is None and torch._C._log_api_usage_once("x") is None
        assert not torch._C._are_functorch_transforms_active() and not torch._C._jit_set_profiling_mode(False)
        assert not torch._C._functorch.is_batchedtensor(torch.ones(1)) and not is_fake(torch.ones(1))
        assert torch._C._nn._parse_to("cpu", torch.float64)[:2] == (torch.device("cpu"), torch.float64)
        assert torch._C.Generator is torch.Generator and get_proxy_mode() is None
        keys = torch._C.DispatchKeySet(torch._C.DispatchKey.AutocastCPU)
        with torch.autocast("cpu"), torch._C._ExcludeDispatchKeyGuard(keys):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype is torch.float32
        assert isinstance(torch.uint16, torch.dtype) and forward_ad.unpack_dual(torch.ones(1)).tangent is None
        assert isinstance(torch.fx.node.Node, type) and torch.utils.hooks.RemovableHandle
    """)


def test_the_version_is_the_interfaces():
    as_torch("""
        import torch, plait, importlib.metadata
        assert torch.__version__ == torch.version.__version__ == "2.13.0+plait" != plait.__version__
        assert torch.__version__ >= "2.4" and torch.__version__ >= (2, 0) and torch.__version__ < "10.0"
        assert tuple(map(int, torch.__version__.split("+")[0].split(".")[:2])) == (2, 13)
        assert importlib.metadata.version("torch") == "2.13.0+plait"
        assert torch.version.cuda is None or torch.cuda.is_available()
        assert torch.version.hip is None and torch.backends.cudnn.benchmark in (True, False)
        import torch.version
        assert torch.version is __import__("sys").modules["torch.version"]
        assert plait.version.__version__ == plait.__version__
    """)


def test_versions_compare_as_pytorchs():
    from plait.torch_version import TorchVersion

    v = TorchVersion("2.13.0+plait")
    assert v > "2.13.0" and v != "2.13.0" and v >= "2.13" and v < "2.13.1" and not v < "2.9"
    assert v > (2, 9) and v >= (2, 13, 0) and v < (3,) and TorchVersion("2.1.0rc1") < "2.1"
    assert TorchVersion("2.1.0") == "2.1" and TorchVersion("2.1.0") == (2, 1) and v != "none"
    assert (v.major, v.minor, v.micro) == (2, 13, 0) and isinstance(v, str) and {v: 1}["2.13.0+plait"] == 1


def test_what_is_set_on_torch_is_set_on_plait():
    as_torch("""
        import torch, plait
        torch.load = lambda f: "patched"
        assert plait.load(0) == "patched" == torch.load(0)
        torch.mine = 1
        assert plait.mine == 1
        del torch.mine
        assert not hasattr(plait, "mine") and not hasattr(torch, "mine")
        torch.set_default_dtype(torch.float64)
        assert torch.ones(1).dtype is plait.get_default_dtype() is torch.float64
    """)


def test_star_imports():
    as_torch("""
        from torch import *
        assert cat([ones(1), zeros(1)]).tolist() == [1, 0] and float32 and stft
        import builtins
        assert "nn" not in globals()
    """)


def test_what_is_not_there_is_named():
    error = as_torch("import torch.sparse", fails=True)
    assert "No module named 'torch.sparse'" in error and "index_add" in error
    as_torch("""
        import importlib.util
        try:
            import torch.no.such
        except ModuleNotFoundError as error:
            assert error.name == "torch.no" and "plait.no" in str(error)
        try:
            from torch import no_such_name
        except ImportError as error:
            assert "no_such_name" in str(error)
        try:
            import torch.nn.functional.conv
        except ModuleNotFoundError as error:
            assert "not a package" in str(error)
        import torch
        try:
            torch.zeross
        except AttributeError as error:
            assert "did you mean 'zeros'" in str(error)
    """)


def test_a_missing_name_costs_little_until_it_is_printed():
    as_torch("""
        import pickle, sys
        import torch
        for owner, name in ((torch, "zeross"), (torch.nn, "Linar"), (torch.nn.functional, "reluu"),
                            (torch.library, "custom_opp")):
            assert not hasattr(owner, name)
            assert "difflib" not in sys.modules, (owner, name)
        for owner, name, near in ((torch, "zeross", "zeros"), (torch.nn, "Linar", "Linear"),
                                  (torch.nn.functional, "reluu", "relu")):
            try:
                getattr(owner, name)
            except AttributeError as error:
                again = pickle.loads(pickle.dumps(error))
                assert str(again) == str(error) and f"did you mean '{near}'" in str(error), str(error)
    """)


def test_scripts_and_modules_run_as_main(tmp_path):
    (tmp_path / "beside.py").write_text("import torch\nx = torch.ones(2)\n")
    script = tmp_path / "train.py"
    script.write_text(
        textwrap.dedent("""
        import sys, pickle
        from beside import x
        class Config:
            lr: float = 1.0
        assert Config.__annotations__ == {"lr": float}  # not text: no __future__ but the program's own
        assert __name__ == "__main__" and __file__.endswith("train.py")
        assert pickle.loads(pickle.dumps(Config())).__class__ is Config
        print(sys.argv[1:], x.sum().item())
        """)
    )
    assert python("-m", "plait.as_torch", str(script), "--lr", "1", cwd="/") == "['--lr', '1'] 2.0\n"
    assert python("-m", "plait.as_torch", "-m", "train", "-x", cwd=tmp_path) == "['-x'] 2.0\n"
    script.write_text("raise SystemExit(3)")
    assert python("-m", "plait.as_torch", str(script), fails=True) == ""
    script.write_text("import torch\ndef f():\n    torch.ones(2) @ torch.ones(3)\nf()")
    error = python("-m", "plait.as_torch", str(script), fails=True)
    assert 'train.py", line 3, in f' in error
    assert "can't open file" in python("-m", "plait.as_torch", "nothing.py", fails=True)
    assert "usage" in python("-m", "plait.as_torch", fails=True)
    assert "usage" in python("-m", "plait.as_torch", "--help")


def test_install_beside_pytorch(tmp_path):
    (tmp_path / "torch.py").write_text("__version__ = 'real'\n")
    error = python(
        code="import torch, plait.as_torch\nplait.as_torch.install()", path=[str(tmp_path)], fails=True
    )
    assert "PyTorch has been imported already" in error and "torch.py" in error
    python(
        code="""
        import warnings, plait.as_torch
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            plait.as_torch.install()
            plait.as_torch.install()
        assert len(seen) == 1 and "torch.py" in str(seen[0].message)
        assert plait.as_torch.is_installed()
        import torch
        assert torch.nn is plait.nn
        plait.as_torch.uninstall()
        assert not plait.as_torch.is_installed()
        import torch
        assert torch.__version__ == "real"
        """,
        path=[str(tmp_path)],
    )


def test_only_torch_is_touched():
    python(
        code="""
        import sys, plait.as_torch
        before = set(sys.modules)
        plait.as_torch.install()
        assert "torch" not in sys.modules and "numpy" not in sys.modules
        import importlib.util
        assert importlib.util.find_spec("torchvision_") is None
        assert importlib.util.find_spec("torch") is not None
        assert "torch" not in sys.modules
        """
    )


def test_einops():
    pytest.importorskip("einops")
    as_torch("""
        import torch, einops, einops.layers.torch as layers
        from einops import rearrange, reduce, repeat, einsum, pack, unpack
        x = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4).requires_grad_()
        y = rearrange(x, "b c (h p) (w q) -> b (h w) (p q c)", p=2, q=2)
        want = x.reshape(2, 3, 2, 2, 2, 2).permute(0, 2, 4, 3, 5, 1).reshape(2, 4, 12)
        assert torch.equal(y, want)
        y.sum().backward()
        assert torch.equal(x.grad, torch.ones_like(x))
        assert torch.equal(reduce(x, "b c h w -> b c", "mean"), x.mean((2, 3)))
        assert torch.equal(repeat(x, "b c h w -> b c h (w r)", r=2), x.repeat_interleave(2, -1))
        assert torch.allclose(einsum(x, x, "b c h w, b c h w -> b"), (x * x).sum((1, 2, 3)))
        packed, shapes = pack([x, x[:, 0]], "b * h w")
        assert packed.shape == (2, 4, 4, 4) and torch.equal(unpack(packed, shapes, "b * h w")[1], x[:, 0])
        net = torch.nn.Sequential(
            layers.Rearrange("b c (h p) w -> b c h p w", p=2),
            layers.Reduce("b c h p w -> b c", "max"),
            layers.EinMix("b c -> b d", weight_shape="c d", bias_shape="d", c=3, d=5),
        )
        assert net(x).shape == (2, 5) and len(list(net.parameters())) == 2
    """)


def test_safetensors(tmp_path):
    pytest.importorskip("safetensors")
    as_torch(
        """
        import torch, safetensors.torch as st
        model = torch.nn.Linear(3, 4)
        tensors = {**model.state_dict(), "b": torch.ones(3, dtype=torch.bfloat16), "n": torch.arange(5),
                   "e": torch.zeros(0, 3), "s": torch.tensor(2.5), "t": torch.tensor([True])}
        st.save_file(tensors, "x.safetensors", metadata={"format": "pt"})
        for loaded in (st.load_file("x.safetensors"), st.load(st.save(tensors))):
            assert set(loaded) == set(tensors)
            for name, t in tensors.items():
                assert loaded[name].dtype is t.dtype and torch.equal(loaded[name], t), name
        with st.safe_open("x.safetensors", "pt") as file:
            assert torch.equal(file.get_slice("weight")[1:3, ::1], tensors["weight"][1:3])
            assert file.metadata() == {"format": "pt"}
        tied = torch.nn.Sequential(model, torch.nn.Linear(3, 4))
        tied[1].weight = model.weight
        st.save_model(tied, "m.safetensors")
        assert st.load_model(tied, "m.safetensors") == (set(), [])
        import plait.utils.safetensors as ours
        assert torch.equal(ours.load_file("x.safetensors")["weight"], tensors["weight"])
        """,
        cwd=tmp_path,
    )


def test_a_training_program(tmp_path):
    (tmp_path / "train.py").write_text(
        textwrap.dedent("""
        import argparse, inspect, os
        from contextlib import nullcontext
        import torch
        import torch.nn as nn
        import torch.backends.cudnn as cudnn
        import torch.distributed as dist
        import torch.multiprocessing as mp
        from torch.nn import functional as F
        from torch.nn.parallel import DistributedDataParallel as DDP
        from torch.utils.data import DataLoader, TensorDataset
        from torch.cuda.amp import GradScaler
        from torch.types import Device, Number

        parser = argparse.ArgumentParser()
        parser.add_argument("--steps", type=int, default=1)
        args = parser.parse_args()
        device = "cuda" if torch.cuda.is_available() and os.environ.get("TEST_CUDA") else "cpu"
        cudnn.benchmark = True
        torch.manual_seed(1337)
        torch.backends.cuda.matmul.allow_tf32 = True

        class Attention(nn.Module):
            def __init__(self, width, heads, block):
                super().__init__()
                self.heads = heads
                self.qkv = nn.Linear(width, 3 * width, bias=False)
                self.flash = hasattr(torch.nn.functional, "scaled_dot_product_attention")
                self.register_buffer("bias", torch.tril(torch.ones(block, block)).view(1, 1, block, block))
            def forward(self, x):
                B, T, C = x.size()
                q, k, v = (t.view(B, T, self.heads, C // self.heads).transpose(1, 2)
                           for t in self.qkv(x).split(C, dim=2))
                y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
                att = (q @ k.transpose(-2, -1)) * (1.0 / k.size(-1) ** 0.5)
                att = att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf")).softmax(-1)
                assert torch.allclose(y, att @ v, atol=1e-5)
                return y.transpose(1, 2).contiguous().view(B, T, C)

        model = torch.compile(nn.Sequential(nn.Embedding(16, 8), Attention(8, 2, 8), nn.Linear(8, 16)).to(device))
        fused = "fused" in inspect.signature(torch.optim.AdamW).parameters
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95), **({"fused": True} if fused else {}))
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
        data = torch.arange(64).remainder(16).view(8, 8)
        losses = []
        for _ in range(args.steps):
            for (x,) in DataLoader(TensorDataset(data), batch_size=4, shuffle=True):
                with nullcontext():
                    logits = model(x.to(device))
                    loss = F.cross_entropy(logits[:, :-1].reshape(-1, 16), x[:, 1:].reshape(-1))
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                losses.append(loss.item())
            scheduler.step()
        torch.save({"model": model.state_dict(), "args": vars(args)}, "ckpt.pt")
        checkpoint = torch.load("ckpt.pt", map_location=device)
        model.load_state_dict(checkpoint["model"])
        assert checkpoint["args"] == {"steps": args.steps} and losses[-1] < losses[0] / 2, losses
        print("trained")
        """)
    )
    assert python("-m", "plait.as_torch", "train.py", "--steps", "40", cwd=tmp_path) == "trained\n"
