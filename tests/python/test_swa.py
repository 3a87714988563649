"""Averages of weights: by their formulas."""

import numpy as np
import plait
import pytest
from plait import nn
from plait.optim import swa_utils


def run(average, values):
    model = nn.Linear(2, 1, bias=False)
    model.register_buffer("b", plait.zeros(1))
    averaged = average(model)
    for value in values:
        nn.init.constant_(model.weight, value)
        model.b.fill_(value)
        averaged.update_parameters(model)
    return averaged


VALUES = [1.0, 4.0, -3.0, 7.5]


@pytest.mark.parametrize("use_buffers", [False, True])
def test_means(use_buffers):
    for options in (
        {},
        {"avg_fn": swa_utils.get_swa_avg_fn()},
        {"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()},
    ):
        averaged = run(lambda m, o=options: swa_utils.AveragedModel(m, use_buffers=use_buffers, **o), VALUES)
        np.testing.assert_allclose(averaged.module.weight.detach().numpy(), np.mean(VALUES), rtol=1e-6)
        assert averaged.module.b.item() == pytest.approx(np.mean(VALUES) if use_buffers else VALUES[-1])
        assert averaged.n_averaged.item() == 4
        assert sorted(averaged.state_dict()) == ["module.b", "module.weight", "n_averaged"]
        assert averaged(plait.ones(1, 2)).item() == pytest.approx(2 * np.mean(VALUES))


def test_moving_averages():
    expected = VALUES[0]
    for value in VALUES[1:]:
        expected = 0.9 * expected + 0.1 * value
    for options in (
        {"avg_fn": swa_utils.get_ema_avg_fn(0.9)},
        {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.9)},
    ):
        averaged = run(lambda m, o=options: swa_utils.AveragedModel(m, **o), VALUES)
        np.testing.assert_allclose(averaged.module.weight.detach().numpy(), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="decay"):
        swa_utils.get_ema_avg_fn(1.5)
    with pytest.raises(ValueError, match="both"):
        swa_utils.AveragedModel(nn.ReLU(), avg_fn=print, multi_avg_fn=print)


def test_update_bn():
    plait.manual_seed(0)
    model = nn.Sequential(nn.BatchNorm1d(3, momentum=0.3)).eval()
    batches = [plait.randn(8, 3) * 3 + 1 for _ in range(5)]
    swa_utils.update_bn([(x, 0) for x in batches], model)
    data = [x.numpy() for x in batches]
    np.testing.assert_allclose(
        model[0].running_mean.numpy(), np.mean([x.mean(0) for x in data], 0), rtol=1e-5
    )
    np.testing.assert_allclose(
        model[0].running_var.numpy(), np.mean([x.var(0, ddof=1) for x in data], 0), rtol=1e-5
    )
    assert model[0].momentum == 0.3 and not model.training


@pytest.mark.parametrize("strategy", ["cos", "linear"])
def test_swalr(strategy):
    optimizer = plait.optim.SGD(
        [{"params": [plait.zeros(1)], "lr": 1.0}, {"params": [plait.zeros(1)], "lr": 2.0}]
    )
    scheduler = swa_utils.SWALR(optimizer, [0.1, 0.2], anneal_epochs=4, anneal_strategy=strategy)
    for epoch in range(6):
        t = min(epoch / 4, 1)
        share = (1 - np.cos(np.pi * t)) / 2 if strategy == "cos" else t
        expected = [0.1 * share + 1 - share, 0.2 * share + 2 * (1 - share)]
        np.testing.assert_allclose([g["lr"] for g in optimizer.param_groups], expected)
        optimizer.step()
        scheduler.step()
    # From what another scheduler has come to, not from where that one began.
    optimizer = plait.optim.SGD([plait.zeros(1)], lr=1.0)
    plait.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.param_groups[0]["lr"] = 0.5
    scheduler = swa_utils.SWALR(optimizer, 0.1, anneal_epochs=2, anneal_strategy="linear")
    for expected in (0.5, 0.3, 0.1, 0.1):
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match="swa_lr"):
        swa_utils.SWALR(optimizer, [0.1, 0.2])
    with pytest.raises(ValueError, match="anneal_strategy"):
        swa_utils.SWALR(optimizer, 0.1, anneal_strategy="step")
