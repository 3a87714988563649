"""Autocast regions: the dtypes that ops choose, gradients, nesting, the cache of parameters, custom Functions."""

import shutil
import threading
import warnings

import numpy as np
import plait
import plait.nn.functional as F
import plait.utils.cpp_extension
import pytest
from cuda_device import needs_cuda
from opinfo import OPS
from opinfo.bridge import Bridge
from plait import autocast, nn

BF16, F16, F32, F64 = plait.bfloat16, plait.float16, plait.float32, plait.float64


# ---- which dtype an op computes in

# What PyTorch 2.13 gives on the CPU in a bfloat16 region: x is float32, h bfloat16, v a vector, i images, s a
# volume, c classes.
CPU = {
    "lower": """x @ x; x @ v; v @ v; plait.mm(x, x); plait.bmm(x[None], x[None]); F.linear(x, x, v)
        plait.addmm(x, x, x); plait.baddbmm(x[None], x[None], x[None]); plait.addbmm(x, x[None], x[None])
        plait.einsum('ij,jk->ik', x, x); plait.einsum('ij,ij->', x, x); plait.tensordot(x, x, 1); plait.inner(x, x)
        F.conv1d(x[None], x[None]); F.conv2d(i, w); F.conv2d(i, w, padding='same'); F.conv_transpose2d(i, w.transpose(0, 1))
        F.prelu(x, v[:1]); F.scaled_dot_product_attention(x[None], x[None], x[None]); plait.linalg.vecdot(x, x)
        h + h; h.exp(); h.sum(); h ** 2; F.softmax(h, -1); F.layer_norm(h, (4,), v, v); h.norm(); h.std(); h.cumsum(0)
        F.avg_pool2d(i.to(h.dtype), 2); F.pad(i.to(h.dtype), (1, 1)); F.pad(i.to(h.dtype), (1, 1), 'circular')
        F.batch_norm(h, v, v, v, v); F.pairwise_distance(h, h); F.cosine_similarity(h, h); F.gaussian_nll_loss(h, h, h)
        F.max_pool3d(s.to(h.dtype), 2, return_indices=True)[0]; F.multilabel_soft_margin_loss(h, h)""",
    "float32": """x + h; x.exp(); plait.mv(x, v); plait.dot(v, v); plait.addmv(v, x, v); plait.outer(v, v)
        plait.einsum('ij,ij->ij', x, x); plait.inner(v, v); plait.kron(x, x); F.bilinear(x, x, x[None])
        h.prod(); h.prod(1); h.trace(); plait.cdist(h, h); plait.cat([h, x]); plait.stack([h, x])
        h.index_copy(0, plait.tensor([0]), x[:1]); plait.addcmul(h, h, x); F.embedding(plait.tensor([0]), x)
        F.mse_loss(h, h); F.l1_loss(h, h); F.smooth_l1_loss(h, h); F.huber_loss(h, h); F.kl_div(h, h); F.nll_loss(h, c)
        F.cross_entropy(h, c); F.binary_cross_entropy(h, h); F.binary_cross_entropy_with_logits(h, h)
        F.poisson_nll_loss(h, h); F.hinge_embedding_loss(h, h); F.margin_ranking_loss(h, h, h)
        F.cosine_embedding_loss(h, h, v); F.triplet_margin_loss(h, h, h); F.soft_margin_loss(h, h)
        F.multi_margin_loss(h, c); F.multilabel_margin_loss(h, plait.zeros(4, 4).long())
        F.ctc_loss(h[:, None].log_softmax(-1), plait.ones(1, 2).long(), [4], [2])
        F.avg_pool3d(s.to(h.dtype), 2); F.max_pool3d(s.to(h.dtype), 2); F.adaptive_avg_pool3d(s.to(h.dtype), 2)
        F.adaptive_max_pool3d(s.to(h.dtype), 2); F.pad(i.to(h.dtype), (1, 1), 'reflect')
        F.pad(s.to(h.dtype), (1, 1), 'replicate'); F.grid_sample(i.to(h.dtype), i[:, :2, :, :2], align_corners=False)
        plait.linalg.inv(h); plait.linalg.qr(h).Q; plait.linalg.svdvals(h); plait.linalg.solve(h, h); plait.pinverse(h)
        plait.linalg.cholesky(h @ h.T + plait.eye(4)); plait.linalg.eigvalsh(h)""",
    "float64": "x.double() @ x.double(); x.double().exp(); F.mse_loss(x.double(), x.double())",
    "complex64": "plait.fft.fft(h); plait.view_as_complex(h[:, :2]); plait.polar(h, h)",
    "int64": "c @ c; c + 1; plait.linalg.matrix_rank(h)",
}
# ATen/autocast_mode.h of PyTorch 2.13, for CUDA: h is float16.
CUDA = {
    "lower": """x @ x; x @ v; v @ v; plait.mm(x, x); plait.bmm(x[None], x[None]); plait.mv(x, v); F.linear(x, x, v)
        plait.addmm(x, x, x); plait.addmv(v, x, v); plait.baddbmm(x[None], x[None], x[None])
        plait.addbmm(x, x[None], x[None]); plait.einsum('ij,jk->ik', x, x); plait.einsum('ij,ij->ij', x, x)
        F.conv1d(x[None], x[None]); F.conv2d(i, w); F.conv_transpose2d(i, w.transpose(0, 1)); F.prelu(x, v[:1])
        F.scaled_dot_product_attention(x[None], x[None], x[None]); plait.linalg.vecdot(x, x)
        h + h; h.sin(); h.sqrt(); h.sigmoid(); F.relu(h); h.mean(); h.amax(); F.batch_norm(h, v, v, v, v); h.std()
        plait.tensordot(h, h, 1); plait.dot(h[0], h[0]); plait.addcmul(h, h, h); F.avg_pool2d(i.to(h.dtype), 2)""",
    "float32": """x + h; h.exp(); h.expm1(); h.log(); h.log2(); h.log10(); h.log1p(); h ** 2; 2 ** h; h ** h
        h.reciprocal(); h.rsqrt(); h.acos(); h.arccos(); h.asin(); h.tan(); h.sinh(); h.cosh(); h.erfinv(); F.softplus(h)
        F.layer_norm(h, (4,)); F.rms_norm(h, (4,)); F.group_norm(h, 2); h.logsumexp(0); h.norm(); h.norm(1, 0)
        plait.linalg.vector_norm(h); plait.linalg.matrix_norm(h); h.prod(); h.prod(1); h.sum(); h.sum(1)
        F.softmax(h, -1); F.log_softmax(h, -1); F.softmin(h, -1); h.cumsum(0); h.cumprod(0); plait.cdist(h, h)
        F.cosine_similarity(h, h); F.pairwise_distance(h, h); F.mse_loss(h, h); F.l1_loss(h, h); F.smooth_l1_loss(h, h)
        F.huber_loss(h, h); F.kl_div(h, h); F.nll_loss(h, c); F.cross_entropy(h, c)
        F.binary_cross_entropy_with_logits(h, h); F.poisson_nll_loss(h, h); F.hinge_embedding_loss(h, h)
        F.margin_ranking_loss(h, h, h); F.cosine_embedding_loss(h, h, v); F.triplet_margin_loss(h, h, h)
        F.soft_margin_loss(h, h); F.multi_margin_loss(h, c); F.interpolate(i.to(h.dtype), scale_factor=2)
        F.interpolate(i.to(h.dtype), scale_factor=2, mode='bilinear'); F.gaussian_nll_loss(h, h, h)
        plait.tensordot(x, h, 1); plait.dot(h[0], v); plait.addcmul(h, h, x); plait.addcdiv(h, h, x)
        plait.atan2(h, x); plait.cross(h[:3], x[:3], 0); plait.cat([h, x]); plait.stack([h, x])
        h.scatter_add(0, c[None], x); h.index_put([c[:1]], x[:1]); F.bilinear(h, x, h[None])
        F.grid_sample(i.to(h.dtype), i[:, :2, :, :2], align_corners=False)""",
    "float64": "x.double() @ x.double(); x.double().exp(); h.sum(dtype=plait.float64)",
    "float16": "h.sum(dtype=plait.float16); F.softmax(h, -1, dtype=plait.float16)",
}


def operands(device, low):
    g = np.random.default_rng(3)
    x = (
        plait.from_numpy(g.uniform(0.2, 0.8, (4, 4)).astype("float32") + np.eye(4, dtype="float32")).to(
            device
        )
        / 2
    )
    i = plait.from_numpy(g.uniform(-1, 1, (1, 4, 4, 4)).astype("float32")).to(device)
    w = plait.from_numpy(g.uniform(-1, 1, (2, 4, 3, 3)).astype("float32")).to(device)
    return {
        "plait": plait,
        "F": F,
        "x": x,
        "h": x.to(low),
        "v": x[0].clone(),
        "i": i,
        "w": w,
        "s": i[None],
    } | {"c": plait.tensor([0, 1, 2, 3]).to(device)}


def cases(table):
    return [
        pytest.param(code.strip(), wanted, id=code.strip())
        for wanted, lines in table.items()
        for code in lines.replace("\n", ";").split(";")
        if code.strip()
    ]


@pytest.mark.parametrize(("code", "wanted"), cases(CPU))
def test_cpu_dtypes(code, wanted):
    names = operands("cpu", BF16)
    with autocast("cpu", dtype=BF16):
        result = eval(code, names)
    assert str(result.dtype) == f"plait.{'bfloat16' if wanted == 'lower' else wanted}"


@needs_cuda
@pytest.mark.parametrize(("code", "wanted"), cases(CUDA))
def test_cuda_dtypes(code, wanted):
    names = operands("cuda", F16)
    with autocast("cuda", dtype=F16):
        result = eval(code, names)
    assert result.is_cuda and str(result.dtype) == f"plait.{'float16' if wanted == 'lower' else wanted}"


# Where PyTorch cannot: its own call fails, or takes other arguments.
NOT_COMPARED = {"index_put", "dropout", "imag", "view_as_real", "alias", "slice", "zero"}
NAMES = {e["name"] for e in plait._C.registry()}
COMPARED = sorted(n for n, i in OPS.items() if n in NAMES and i.ref and n[0] != "_" and n not in NOT_COMPARED)


@pytest.mark.parametrize("name", COMPARED)
def test_every_op_chooses_as_pytorch(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: there is nothing to compare with")
    from test_parity import run_torch

    info, ours, theirs = OPS[name], Bridge(plait), Bridge(torch)
    for dtype in sorted({"float32", "bfloat16", "float64"} & set(info.dtypes)):
        for sample in info.make_samples(dtype):
            found = []
            for bridge, run in (
                (ours, lambda a, k: info.run(plait, *a, **k)),
                (theirs, lambda a, k: run_torch(info, a, k)),
            ):
                args, kwargs = bridge.arguments(sample)
                with bridge.lib.amp.autocast("cpu", dtype=bridge.lib.bfloat16), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    result = run(args, kwargs)
                found.append([bridge.name(t.dtype) for t in bridge.tensors(result)])
            assert found[0] == found[1], sample


def test_values_are_those_of_the_converted_arguments():
    x, w, b = plait.randn(8, 16), plait.randn(4, 16), plait.randn(4)
    with autocast("cpu", dtype=F16):
        y = F.linear(x, w, b)
    assert y.equal(F.linear(x.half(), w.half(), b.half()))
    h = x.bfloat16()
    with autocast("cpu"):
        assert F.mse_loss(h, h * 2).equal(F.mse_loss(h.float(), (h * 2).float()))


def test_tensors_elsewhere_are_left_alone():
    x = plait.ones(2, 2)
    plait.set_autocast_enabled("cuda", True)
    try:
        assert (x @ x).dtype is F32 and x.half().exp().dtype is F16
    finally:
        plait.set_autocast_enabled("cuda", False)
    with autocast("cpu"):
        meta = x.to("meta")
        assert (meta @ meta).dtype is F32


def test_in_place_and_out_forms_compute_in_their_own_dtype():
    x, out = plait.randn(8, 8), plait.empty(8, 8)
    product, total = plait.mm(x, x), plait.addmm(x, x, x)
    with autocast("cpu"):
        assert plait.mm(x, x, out=out).equal(product) and plait.addmm(x, x, x).dtype is BF16
        assert x.clone().addmm_(x, x).equal(total)
        assert x.half().exp_().dtype is F16


@needs_cuda
def test_binary_cross_entropy_is_refused_on_cuda():
    p = plait.full((3,), 0.5).to("cuda")
    with (
        autocast("cuda"),
        pytest.raises(RuntimeError, match=r"binary_cross_entropy_with_logits.*enabled=False"),
    ):
        F.binary_cross_entropy(p, p)
    with autocast("cuda"), autocast("cuda", enabled=False):
        assert F.binary_cross_entropy(p, p).dtype is F32


# ---- regions


def test_regions_nest():
    x = plait.ones(2, 2)
    assert not plait.is_autocast_enabled("cpu") and not plait.is_autocast_cpu_enabled()
    with autocast("cpu", dtype=BF16) as region:
        assert isinstance(region, autocast) and plait.is_autocast_enabled("cpu")
        assert not plait.is_autocast_enabled() and not plait.is_autocast_enabled("cuda")
        assert (x @ x).dtype is BF16
        with autocast("cpu", dtype=F16):
            assert (x @ x).dtype is F16 and plait.get_autocast_dtype("cpu") is F16
        assert (x @ x).dtype is BF16 and plait.get_autocast_cpu_dtype() is BF16
        with autocast("cpu", enabled=False):
            assert (x @ x).dtype is F32 and not plait.is_autocast_enabled("cpu")
            with autocast("cpu", dtype=F16):
                assert (x @ x).dtype is F16
            assert (x @ x).dtype is F32
        with region:  # once more, inside of itself
            assert (x @ x).dtype is BF16
        assert (x @ x).dtype is BF16
    assert (x @ x).dtype is F32 and plait.get_autocast_dtype("cpu") is BF16


def test_an_exception_ends_a_region():
    with pytest.raises(ZeroDivisionError), autocast("cpu"):
        raise ZeroDivisionError
    assert not plait.is_autocast_enabled("cpu") and (plait.ones(1, 1) @ plait.ones(1, 1)).dtype is F32


def test_grad_modes_do_not_touch_the_region():
    w = plait.ones(2, 2, requires_grad=True)
    with autocast("cpu"):
        with plait.no_grad():
            assert (w @ w).dtype is BF16
        with plait.inference_mode():
            assert (w @ w).dtype is BF16
        assert (w @ w).dtype is BF16 and (w @ w).requires_grad
    with plait.no_grad():
        with autocast("cpu"):
            assert not plait.is_grad_enabled()
        assert not plait.is_grad_enabled()
    assert plait.is_grad_enabled()


def test_decorator():
    @autocast("cpu", dtype=BF16)
    def product(a, *, b):
        """Multiplies."""
        return a @ b if a.shape[0] else product(plait.ones(1, 1), b=plait.ones(1, 1))

    assert product(plait.ones(2, 2), b=plait.ones(2, 2)).dtype is BF16 and product.__doc__ == "Multiplies."
    assert product(plait.ones(0, 0), b=plait.ones(1, 1)).dtype is BF16
    assert not plait.is_autocast_enabled("cpu")

    class Net(nn.Module):
        @autocast("cpu")
        def forward(self, x):
            return x @ x

    assert Net()(plait.ones(2, 2)).dtype is BF16
    with pytest.raises(TypeError, match="context manager"):
        autocast("cpu")(3)


def test_state_is_the_threads():
    found = {}
    entered, done = threading.Event(), threading.Event()

    def other():
        found["outside"] = plait.is_autocast_enabled("cpu"), (plait.ones(1, 1) @ plait.ones(1, 1)).dtype
        with autocast("cpu", dtype=F16):
            entered.set()
            done.wait(30)
            found["inside"] = (plait.ones(1, 1) @ plait.ones(1, 1)).dtype

    with autocast("cpu", dtype=BF16):
        thread = threading.Thread(target=other)
        thread.start()
        assert entered.wait(30)
        assert (plait.ones(1, 1) @ plait.ones(1, 1)).dtype is BF16
        done.set()
        thread.join()
    assert found == {"outside": (False, F32), "inside": F16}


def test_switches_with_pytorchs_names():
    x = plait.ones(2, 2)
    assert plait.autocast_increment_nesting() == 1
    plait.set_autocast_enabled("cpu", True)
    plait.set_autocast_dtype("cpu", F16)
    assert (x @ x).dtype is F16
    plait.set_autocast_cpu_dtype(BF16)
    assert (x @ x).dtype is BF16
    plait.set_autocast_cpu_enabled(False)
    assert (x @ x).dtype is F32 and plait.autocast_decrement_nesting() == 0
    plait.set_autocast_enabled(True)
    assert plait.is_autocast_enabled() and plait.is_autocast_enabled("cuda")
    plait.set_autocast_enabled(False)
    plait.set_autocast_gpu_dtype(BF16)
    assert plait.get_autocast_gpu_dtype() is BF16
    plait.set_autocast_gpu_dtype(F16)
    assert plait.is_autocast_cache_enabled()
    with autocast("cpu", cache_enabled=False):
        assert not plait.is_autocast_cache_enabled()
    assert plait.is_autocast_cache_enabled()
    for name in ("cpu", "cuda"):
        assert plait.is_autocast_available(name) and plait.amp.is_autocast_available(name)
    assert not plait.is_autocast_available("tpu")
    with pytest.raises(RuntimeError, match="'cpu' or 'cuda'"):
        plait.is_autocast_enabled("tpu")
    with pytest.raises(TypeError, match=r"dtype"):
        plait.set_autocast_dtype("cpu", 3)
    with pytest.raises(TypeError, match=r"floating"):
        plait.set_autocast_dtype("cpu", plait.int64)


def test_other_dtypes_disable_the_region():
    for dtype in (F32, F64):
        with pytest.warns(UserWarning, match=str(dtype)), autocast("cpu", dtype=dtype):
            assert not plait.is_autocast_enabled("cpu")
    with pytest.raises(RuntimeError, match="'cpu' or 'cuda'"):
        autocast("tpu")
    with pytest.raises(ValueError, match="str"):
        autocast(F16)


# ---- gradients


def test_gradients_have_the_parameters_dtype():
    layers = nn.Linear(8, 8), nn.Conv1d(4, 4, 3), nn.LSTM(6, 5), nn.LayerNorm(5), nn.MultiheadAttention(5, 1)
    x = plait.randn(3, 4, 8, requires_grad=True)
    with autocast("cpu"):
        y = layers[1](layers[0](x))
        y = layers[3](layers[2](y)[0])
        y, _ = layers[4](y, y, y)
        loss = F.mse_loss(y, plait.zeros_like(y))
    assert y.dtype is BF16 and loss.dtype is F32
    loss.backward()
    for parameter in [x, *(p for layer in layers for p in layer.parameters())]:
        assert parameter.grad.dtype is F32 and parameter.grad.isfinite().all()


def test_gradients_are_near_those_of_float32():
    x, target = plait.randn(16, 12), plait.randn(16, 3)
    model = nn.Sequential(nn.Linear(12, 32), nn.GELU(), nn.LayerNorm(32), nn.Linear(32, 3))
    grads = []
    for enabled in (False, True):
        model.zero_grad()
        with autocast("cpu", enabled=enabled):
            loss = F.mse_loss(model(x), target)
        loss.backward()
        grads.append([p.grad.clone() for p in model.parameters()])
    for exact, found in zip(*grads):
        # A handful of bfloat16 roundings, each of 2^-9 at most.
        assert (found - exact).norm() <= 0.03 * exact.norm() and not found.equal(exact)


def test_backward_computes_outside_of_the_lists():
    seen = []

    class Probe(plait.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            seen.append((plait.is_autocast_enabled("cpu"), (plait.ones(2, 2) @ plait.ones(2, 2)).dtype))
            return grad

    x = plait.randn(4, 4, requires_grad=True)
    exact = plait.autograd.grad((x @ x).square().sum(), x)[0]
    with autocast("cpu"):
        with autocast("cpu", enabled=False):
            y = (Probe.apply(x) @ x).square().sum()
        x.register_hook(lambda grad: seen.append((plait.is_autocast_enabled("cpu"), (grad @ grad).dtype)))
        y.backward()
        assert plait.is_autocast_enabled("cpu") and (x @ x).dtype is BF16
    assert seen == [(False, F32), (False, F32)] and x.grad.equal(exact)

    w = plait.randn(4, 4, requires_grad=True)
    with autocast("cpu"):
        loss = (w @ w).float().square().sum()
        inside = plait.autograd.grad(loss, w, create_graph=True)[0]
    with autocast("cpu"):
        loss = (w @ w).float().square().sum()
    outside = plait.autograd.grad(loss, w, create_graph=True)[0]
    assert inside.equal(outside)
    again = [plait.autograd.grad(g.sum(), w)[0] for g in (inside, outside)]
    assert again[0].dtype is F32 and again[0].equal(again[1])


def test_checkpoint_runs_again_as_it_ran():
    from plait.utils.checkpoint import checkpoint

    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))
    x = plait.randn(5, 4)
    grads = []
    for through in (model, lambda t: checkpoint(model, t, use_reentrant=False)):
        model.zero_grad()
        with autocast("cpu", dtype=F16):
            y = through(x)
        assert y.dtype is F16
        y.float().sum().backward()
        grads.append([p.grad.clone() for p in model.parameters()])
    for a, b in zip(*grads):
        assert a.equal(b)


# ---- the cache of converted parameters


def source(product, argument):
    """The node that converted an argument of a product."""
    return product.grad_fn.next_functions[argument][0]


def test_a_parameter_is_converted_once():
    w = plait.randn(4, 4, requires_grad=True)
    x = plait.randn(3, 4)
    with autocast("cpu"):
        first, second = x @ w, x @ w
        assert source(first, 1) is source(second, 1)
        with autocast("cpu", enabled=False):
            x @ w
        with autocast("cpu", dtype=F16):
            assert source(x @ w, 1) is not source(first, 1)
        assert source(x @ w, 1) is source(first, 1)
        plait.clear_autocast_cache()
        assert source(x @ w, 1) is not source(first, 1)
        (first + second).sum().backward()
    assert w.grad.equal((2 * x).bfloat16().sum(0)[:, None].expand(4, 4).float())
    with autocast("cpu"):
        assert source(x @ w, 1) is not source(first, 1)
    with autocast("cpu", cache_enabled=False):
        first, second = x @ w, x @ w
        assert source(first, 1) is not source(second, 1)


def test_writes_to_a_parameter_are_seen():
    w = plait.ones(2, 2, requires_grad=True)
    x = plait.eye(2)
    optimizer = plait.optim.SGD([w], lr=1.0)
    with autocast("cpu"):
        assert (x @ w).tolist() == [[1, 1], [1, 1]]
        with plait.no_grad():
            w.mul_(2)
        assert (x @ w).tolist() == [[2, 2], [2, 2]]
        (x @ w).sum().backward()
        optimizer.step()
        assert (x @ w).tolist() == [[1, 1], [1, 1]]
        w.data = plait.full((2, 2), 5.0)
        assert (x @ w).tolist() == [[5, 5], [5, 5]]


def test_graphs_that_share_a_converted_parameter():
    """Two steps of gradient accumulation within one region."""
    w = plait.randn(3, 3, requires_grad=True)
    x = plait.randn(2, 3)
    with autocast("cpu"):
        (x @ w).sum().backward()
        once = w.grad.clone()
        (x @ w).sum().backward()
    assert w.grad.equal(2 * once)


def test_a_copy_made_without_a_tape_is_not_used_with_one():
    w = plait.randn(3, 3, requires_grad=True)
    x = plait.randn(2, 3)
    with autocast("cpu"):
        for mode in (plait.no_grad, plait.inference_mode):
            with mode():
                assert not (x @ w).requires_grad
            (x @ w).sum().backward()
            assert w.grad is not None
            w.grad = None
            with mode():
                assert not (x @ w).requires_grad


def test_only_leaves_are_kept():
    w = plait.randn(3, 3, requires_grad=True)
    x = plait.randn(2, 3)
    with autocast("cpu"):
        scaled, view = w * 2, w.t()
        for other in (scaled, view):
            assert source(x @ other, 1) is not source(x @ other, 1)


def test_leaves_that_nobody_holds_leave_the_cache():
    """One region around a long training, with a new leaf in every step, does not grow."""
    n, size = 600, 64 * 1024
    with autocast("cpu"):
        before = plait.memory_stats()["allocated"]
        plait.reset_peak_memory_stats()
        for _ in range(n):
            x = plait.ones(1, size, requires_grad=True)
            F.linear(x, x).sum().backward()
        del x
        grown = plait.memory_stats()["peak"] - before
    assert grown < 200 * 10 * size  # all of them would be n * 10 bytes an element


# ---- custom Functions


class Product(plait.autograd.Function):
    @staticmethod
    @plait.amp.custom_fwd(device_type="cpu")
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    @plait.amp.custom_bwd(device_type="cpu")
    def backward(ctx, grad):
        a, b = ctx.saved_tensors
        assert plait.is_autocast_enabled("cpu") is (grad.dtype is not F32)
        return grad @ b.T, a.T @ grad


def test_backward_of_a_custom_function_runs_as_forward():
    a, b = (plait.randn(3, 3, requires_grad=True) for _ in range(2))
    with autocast("cpu", dtype=F16):
        c = Product.apply(a, b)
    assert c.dtype is F16
    c.sum().backward()
    assert a.grad.dtype is F32 and not plait.is_autocast_enabled("cpu")
    Product.apply(a, b).sum().backward()


def test_cast_inputs():
    seen = []

    class Exact(plait.autograd.Function):
        @staticmethod
        @plait.amp.custom_fwd(device_type="cpu", cast_inputs=F32)
        def forward(ctx, a, extra):
            seen.append((a.dtype, extra["k"][0].dtype, extra["n"], plait.is_autocast_enabled("cpu")))
            return a @ a

        @staticmethod
        @plait.amp.custom_bwd(device_type="cpu")
        def backward(ctx, grad):
            seen.append((grad.dtype, plait.is_autocast_enabled("cpu")))
            return grad, None

    h = plait.ones(2, 2, dtype=BF16, requires_grad=True)
    extra = {"k": [plait.ones(1, dtype=BF16), plait.ones(1, dtype=F64)], "n": 3}
    with autocast("cpu"):
        y = Exact.apply(h, extra)
        y.sum().backward()
    assert y.dtype is F32 and h.grad.dtype is BF16
    assert seen == [(F32, F32, 3, False), (F32, False)]
    assert Exact.apply(h, extra).dtype is BF16 and seen[2][3] is False


def test_outside_ops():
    """A kernel from outside runs as it is."""

    @plait.library.custom_op("autocast_tests::product", mutates_args=())
    def product(a: plait.Tensor, b: plait.Tensor) -> plait.Tensor:
        return a @ b

    with autocast("cpu"):
        assert product(plait.ones(2, 2), plait.ones(2, 2)).dtype is F32


COMPOSITE = """
using namespace plait;
PLAIT_OP(square, Tensor(const Tensor&)){
    .schema = "square(Tensor x) -> Tensor",
    .composite = [](const Tensor& x) { return matmul(x, x); },
};
"""


@pytest.mark.skipif(not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="there is no C++ compiler")
def test_outside_composites():
    """A composite from outside is what it is written in."""
    square = plait.utils.cpp_extension.load_inline("test_autocast", COMPOSITE).square
    x = plait.randn(3, 3, requires_grad=True)
    assert square(x).dtype is F32
    with autocast("cpu"):
        y = square(x)
    assert y.dtype is BF16 and y.equal(x.bfloat16() @ x.bfloat16())
    y.sum().backward()
    assert x.grad.dtype is F32


# ---- training


def train(enabled, dtype=BF16, scaler=None):
    plait.manual_seed(1)
    points = plait.randn(256, 2)
    inside = (points.square().sum(1) < 1.0).long()
    model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.LayerNorm(32), nn.Linear(32, 2))
    optimizer = plait.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(60):
        optimizer.zero_grad()
        with autocast("cpu", dtype=dtype, enabled=enabled):
            loss = F.cross_entropy(model(points), inside)
        if scaler is None:
            loss.backward()
            optimizer.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    assert all(p.dtype is F32 for p in model.parameters())
    return loss.item()


def test_training_reaches_the_loss_of_float32():
    exact = train(False)
    assert exact < 0.1
    # Losses fall from 0.7; rounding to 8 bits shifts the path a little.
    assert abs(train(True) - exact) < 0.02
    assert abs(train(True, F16, plait.amp.GradScaler("cpu", init_scale=2.0**10)) - exact) < 0.02
