"""Matrix products take one of several roads, by shape, strides and how often a shape was seen: all give the same."""

import random

import numpy as np
import plait
import plait.nn.functional as F
import pytest

CALLS = 12  # more than go the first road


def operand(rows, columns, transposed, generator):
    values = generator.standard_normal((columns, rows) if transposed else (rows, columns)).astype(np.float32)
    made = plait.from_numpy(values)
    return made.T if transposed else made


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_repeated_products_have_the_same_bits(threads, seed):
    chosen, generator = random.Random(seed), np.random.default_rng(seed)
    before = plait.get_num_threads()
    plait.set_num_threads(threads)
    try:
        for _ in range(40):
            m, n = (chosen.choice([1, 2, 5, 16, 31, 33, 64, 100, 200, 300, 700]) for _ in range(2))
            k = chosen.choice([1, 3, 16, 33, 64, 100, 200, 255, 256, 257, 384])
            a = operand(m, k, chosen.random() < 0.4, generator)
            w = operand(n, k, chosen.random() < 0.5, generator)
            bias = operand(n, 1, False, generator)[:, 0] if chosen.random() < 0.5 else None
            relu = chosen.random() < 0.3
            if chosen.random() < 0.3:  # a weight that stays is packed
                w = plait.nn.Parameter(w.contiguous())
            with plait.no_grad():
                results = [F.linear(a, w, bias) for _ in range(CALLS)]
                if relu:
                    results = [F.relu(y) for y in results]
            case = f"{m=} {n=} {k=} bias={bias is not None} {relu=} strides {a.stride()} {w.stride()} {seed=}"
            assert all(plait.equal(results[0], y) for y in results[1:]), case
            want = a.numpy().astype(np.float64) @ w.detach().numpy().astype(np.float64).T
            want = want if bias is None else want + bias.numpy()
            want = np.maximum(want, 0) if relu else want
            near = {"rtol": 1e-5, "atol": 1e-5 * np.sqrt(k) + 1e-6}  # sums of k numbers about 1
            np.testing.assert_allclose(results[0].numpy(), want, **near, err_msg=case)
    finally:
        plait.set_num_threads(before)


def test_products_of_a_growing_sum_have_the_same_bits():
    """addmm and baddbmm with beta: what is added to is part of the sum."""
    generator = np.random.default_rng(0)
    a, b = operand(40, 100, False, generator), operand(100, 70, False, generator)
    c = operand(40, 70, False, generator)
    for beta, alpha in ((1, 1), (0.5, 2), (0, 1)):
        results = [plait.addmm(c, a, b, beta=beta, alpha=alpha) for _ in range(CALLS)]
        assert all(plait.equal(results[0], y) for y in results[1:])
        want = beta * c.numpy().astype(np.float64) + alpha * (a.numpy().astype(np.float64) @ b.numpy())
        np.testing.assert_allclose(results[0].numpy(), want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "complex64", "bfloat16"])
@pytest.mark.parametrize("rows", [1, 2, 4, 16, 17])
def test_rows_of_a_batch_that_lie_apart(dtype, rows):
    """A batch-first tensor, transposed: its rows are not those of one matrix."""
    generator = np.random.default_rng(rows)
    make = lambda *sizes: plait.tensor(generator.integers(-9, 9, sizes)).to(getattr(plait, dtype))  # noqa: E731
    exact = lambda t: t.to(plait.int64).numpy() if dtype == "bfloat16" else t.numpy()  # noqa: E731
    for inner, count, width in ((6, 16, 20), (33, 40, 7), (8, 64, 130), (5, 16, 1)):
        x = make(rows, inner, 3, width).permute(1, 2, 0, 3)
        b, bias = make(width, count), make(count)
        want = np.matmul(exact(x), exact(b))
        small = dtype != "bfloat16" or np.abs(want).max() < 256  # whole numbers that the dtype has
        if not small:
            continue
        assert np.array_equal(exact(x @ b), want)
        assert np.array_equal(exact(x[:, 0] @ b), want[:, 0])
        assert np.array_equal(exact(x[:, 0].expand(2, inner, rows, width) @ b), np.stack([want[:, 0]] * 2))
        if dtype != "int64":
            assert np.array_equal(exact(F.linear(x, b.T, bias)), want + exact(bias))
        out = make(count, inner, 3, rows).permute(1, 2, 3, 0)
        assert np.array_equal(exact(plait.matmul(x, b, out=out)), want)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_repeated_products_of_a_batch_have_the_same_bits(threads, seed):
    chosen, generator = random.Random(seed), np.random.default_rng(seed)
    before = plait.get_num_threads()
    plait.set_num_threads(threads)
    try:
        for _ in range(40):
            batch = chosen.choice([(2,), (8,), (2, 3), (3, 1), (4, 2)])
            m, n = (chosen.choice([1, 2, 7, 16, 33, 64, 100, 200]) for _ in range(2))
            k = chosen.choice([1, 8, 31, 64, 96, 128, 255, 256, 300])
            shared = chosen.random() < 0.3  # one b for some of the matrices
            operands = []
            for sizes, rows, columns in ((batch, m, k), (((1, *batch[1:]) if shared else batch), k, n)):
                turned = chosen.random() < 0.4
                shape = (*sizes, columns, rows) if turned else (*sizes, rows, columns)
                x = plait.from_numpy(generator.standard_normal(shape).astype(np.float32))
                operands.append(x.mT if turned else x)
            a, b = operands
            if len(batch) == 2 and chosen.random() < 0.5:
                a = a.transpose(0, 1).contiguous().transpose(0, 1)
            results = [a @ b for _ in range(CALLS)]
            case = f"{a.shape} {a.stride()} {b.shape} {b.stride()} {seed=}"
            assert all(plait.equal(results[0], y) for y in results[1:]), case
            want = a.numpy().astype(np.float64) @ b.numpy().astype(np.float64)
            near = {"rtol": 1e-5, "atol": 1e-5 * np.sqrt(k) + 1e-6}
            np.testing.assert_allclose(results[0].numpy(), want, **near)
    finally:
        plait.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 6, 7, 11, 13, 32, 33])
def test_few_rows(dtype, rows):
    """Sums of the other matrix's rows and dot products: whole numbers, so that every sum is exact."""
    generator = np.random.default_rng(rows)
    for inner, columns in ((16, 64), (17, 65), (64, 79), (65, 80), (100, 128), (131, 257), (300, 1600)):
        a, wide = (generator.integers(-9, 9, s).astype(dtype) for s in ((rows, inner), (inner, columns + 5)))
        c, bias = (generator.integers(-9, 9, s).astype(dtype) for s in ((rows, columns), columns))
        b = wide[:, 3 : 3 + columns]
        x, w, y = plait.tensor(a), plait.tensor(wide)[:, 3 : 3 + columns], plait.tensor(c)
        want = a @ b
        assert np.array_equal((x @ w).numpy(), want)
        assert np.array_equal((x @ w.T.contiguous().T).numpy(), want)
        assert np.array_equal((w.T @ x.T).numpy(), want.T)
        assert np.array_equal(plait.addmm(y, x, w, beta=3, alpha=2).numpy(), 3 * c + 2 * want)
        assert np.array_equal(F.linear(x, w.T, plait.tensor(bias)).numpy(), want + bias)
        assert np.array_equal(F.linear(x, w.T.contiguous(), plait.tensor(bias)).numpy(), want + bias)
        # What one element holds is nothing to the others.
        a[0, -2] = b[1, 0] = np.inf
        want = a @ b
        x, w = plait.tensor(a), plait.tensor(b)
        assert np.array_equal((x @ w).numpy(), want, equal_nan=True)
        assert np.array_equal((x @ w.T.contiguous().T).numpy(), want, equal_nan=True)
