"""Attention of sequences that lie one after the other, against NumPy, sequence by sequence."""

import numpy as np
import plait
import pytest
from plait.nn.attention.varlen import AuxRequest, varlen_attn, varlen_attn_out

Q, K = [0, 3, 3, 7], [0, 4, 6, 8]  # lengths 3, 0, 4 and 4, 2, 2


def values(*shape, seed=0):
    return plait.tensor(np.random.default_rng(seed).standard_normal(shape))


def expected(q, k, v, window, scale=None, lengths=None):
    q, k, v = (t.detach().numpy() for t in (q, k, v))
    heads, scale = q.shape[1], q.shape[2] ** -0.5 if scale is None else scale
    result, sums = np.zeros((q.shape[0], heads, v.shape[2])), np.full(q.shape[:2], -np.inf)
    for s in range(len(Q) - 1):
        queries, keys = Q[s + 1] - Q[s], K[s + 1] - K[s] if lengths is None else lengths[s]
        for i in range(queries):
            at = i + keys - queries
            seen = [
                j
                for j in range(keys)
                if (window[0] < 0 or j >= at - window[0]) and (window[1] < 0 or j <= at + window[1])
            ]
            if not seen:
                continue
            rows = [K[s] + j for j in seen]
            for h in range(heads):
                g = h // (heads // k.shape[1])
                scores = k[rows, g] @ q[Q[s] + i, h] * scale
                weights = np.exp(scores)
                sums[Q[s] + i, h] = np.log(weights.sum())
                result[Q[s] + i, h] = weights / weights.sum() @ v[rows, g]
    return result, sums


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("window", [(-1, -1), (-1, 0), (1, 0), (0, 2), (-1, 1)], ids=str)
def test_sequences(window, groups):
    q, k, v = values(7, 4, 3), values(8, groups, 3, seed=1), values(8, groups, 2, seed=2)
    places = plait.tensor(Q, dtype=plait.int32), plait.tensor(K)
    options = {"window_size": window, "enable_gqa": groups != 4}
    result, sums = varlen_attn(q, k, v, *places, 4, 4, return_aux=AuxRequest(lse=True), **options)
    for given, wanted in zip((result, sums), expected(q, k, v, window)):
        np.testing.assert_allclose(given.numpy(), wanted, rtol=1e-6, atol=1e-12)
    assert plait.equal(varlen_attn(q, k, v, *places, 4, 4, **options), result)
    scaled = varlen_attn(q, k, v, *places, 4, 4, scale=0.3, **options)
    np.testing.assert_allclose(scaled.numpy(), expected(q, k, v, window, 0.3)[0], rtol=1e-6, atol=1e-12)
    used = plait.tensor([2, 0, 1])
    shorter = varlen_attn(q, k, v, *places, 4, 4, seqused_k=used, **options)
    np.testing.assert_allclose(
        shorter.numpy(), expected(q, k, v, window, lengths=[2, 0, 1])[0], rtol=1e-6, atol=1e-12
    )
    out = plait.zeros(7, 4, 2, dtype=plait.float64)
    assert varlen_attn_out(out, q, k, v, *places, 4, 4, **options) is out and plait.equal(out, result)


def test_derivatives():
    q, k, v = (t.requires_grad_() for t in (values(7, 2, 3), values(8, 2, 3, seed=1), values(8, 2, 3, seed=2)))
    places = plait.tensor(Q), plait.tensor(K)
    for window in ((-1, -1), (1, 0)):
        assert plait.autograd.gradcheck(
            lambda q, k, v, w=window: varlen_attn(q, k, v, *places, 4, 4, window_size=w), (q, k, v)
        )


def test_pages():
    q, pages, more = values(7, 2, 3), values(5, 2, 2, 3, seed=1), values(5, 2, 2, 3, seed=2)
    table = plait.tensor([[3, 0], [1, 4], [2, 2]], dtype=plait.int32)
    lengths = plait.tensor([4, 1, 3])
    k, v = (plait.cat([t[table[i].long()].flatten(0, 1)[: lengths[i]] for i in range(3)]) for t in (pages, more))
    places = plait.tensor(Q), plait.tensor([0, 4, 5, 8])
    wanted = varlen_attn(q, k, v, *places, 4, 4)
    given = varlen_attn(q, pages, more, places[0], None, 4, 4, seqused_k=lengths, block_table=table)
    np.testing.assert_allclose(given.numpy(), wanted.numpy())


def test_what_is_refused():
    q, k = values(7, 4, 3), values(8, 2, 3)
    places = plait.tensor(Q), plait.tensor(K)
    for arguments, options, message in (
        ((q[0], k, k, *places), {}, "expected query"),
        ((q, k, k[:7], *places), {}, "expected query"),
        ((q, k, k, *places), {}, "heads of keys"),
        ((q[:, :3], k, k, *places), {"enable_gqa": True}, "heads of keys"),
        ((q, q, q, places[0], plait.tensor([0, 7])), {}, "sequences of keys as of queries, 3, got 1"),
        ((q, q, q, places[0], None), {}, "expected cu_seq_k"),
        ((q, q, q, places[0] + 1, places[0]), {}, "rise from 0 to 7"),
        ((q, q, q, places[0].float(), places[0]), {}, "vector of integers"),
        ((q, q, q, places[0], places[0]), {"seqused_k": plait.tensor([1])}, "seqused_k of 3 lengths"),
        ((q, k[None], k[None], *places), {"block_table": plait.zeros(3, 1)}, "heads of keys"),
    ):
        with pytest.raises(ValueError, match=message):
            varlen_attn(*arguments, 4, 4, **options)
