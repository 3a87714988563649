"""Datasets, samplers, collation and the DataLoader."""

import collections
import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import plait
import pytest
from plait.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)

Point = collections.namedtuple("Point", "x y")


class Squares(Dataset):
    """Sample i is (i, i * i); slow now and then, so that workers finish out of order."""

    def __init__(self, n=23, pause=0.0):
        self.n, self.pause = n, pause

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(i)
        if self.pause and i % 3 == 0:
            time.sleep(self.pause)
        return i, float(i * i)


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        start, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(start, self.n, step))

    def __len__(self):
        return self.n


def worker_threads():
    return [t for t in threading.enumerate() if t.name.startswith("plait-data")]


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return condition()


# ---- Datasets


def test_tensor_dataset():
    data = TensorDataset(plait.arange(6).reshape(3, 2), plait.tensor([7, 8, 9]))
    assert len(data) == 3
    x, y = data[1]
    assert (x.tolist(), y.item()) == ([2, 3], 8)
    with pytest.raises(ValueError, match=r"first dimension, got shapes \(3,\), \(2,\)"):
        TensorDataset(plait.ones(3), plait.ones(2))
    with pytest.raises(TypeError, match="argument 1 should be a Tensor, got list"):
        TensorDataset(plait.ones(3), [1, 2, 3])


def test_composed_datasets():
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset)
    assert [both[i][0] for i in range(5)] == [0, 1, 2, 0, 1]
    assert both[-1] == (1, 1.0)
    with pytest.raises(IndexError, match="index 5 is out of range for 5 samples"):
        both[5]
    assert StackDataset(Squares(3), [5, 6, 7])[2] == ((2, 4.0), 7)
    assert StackDataset(a=[1, 2], b="xy")[1] == {"a": 2, "b": "y"}
    with pytest.raises(ValueError, match="one length"):
        StackDataset([1], [1, 2])
    assert list(Stream(3) + Stream(2)) == [0, 1, 2, 0, 1]
    assert isinstance(Stream(1) + Stream(1), ChainDataset)
    with pytest.raises(TypeError, match="ChainDataset"):
        ConcatDataset([Stream(2)])
    assert Subset(Squares(9), [8, 1])[0] == (8, 64.0)
    assert Dataset[int] is Dataset


def test_random_split_covers_the_dataset():
    for lengths, want in [
        ([4, 6], [4, 6]),
        ([0.5, 0.3, 0.2], [5, 3, 2]),
        ([0.55, 0.45], [6, 4]),
        ([1 / 3] * 3, [4, 3, 3]),
    ]:
        parts = random_split(range(10), lengths)
        assert [len(p) for p in parts] == want
        assert sorted(i for p in parts for i in p.indices) == list(range(10))
    with pytest.raises(ValueError, match="sum to 9, but the dataset has 10"):
        random_split(range(10), [4, 5])
    with pytest.raises(ValueError, match="fractions"):
        random_split(range(10), [0.5, 0.4])
    g = plait.Generator()
    one, two = ([p.indices for p in random_split(range(50), [0.5, 0.5], g.manual_seed(3))] for _ in range(2))
    assert one == two


# ---- Samplers


def test_samplers():
    assert list(SequentialSampler(range(4))) == [0, 1, 2, 3]
    order = list(RandomSampler(range(100)))
    assert sorted(order) == list(range(100))
    assert order != list(range(100))
    assert len(list(RandomSampler(range(10), num_samples=25))) == 25
    draws = list(RandomSampler(range(4), replacement=True, num_samples=9000))
    assert len(draws) == len(RandomSampler(range(4), replacement=True, num_samples=9000)) == 9000
    counts = np.bincount(draws, minlength=4)
    # a share of 9000 / 4 has a standard deviation of 41; 6 of them
    assert np.all(np.abs(counts - 2250) < 250)
    assert sorted(SubsetRandomSampler([3, 5, 9])) == [3, 5, 9]
    draws = list(WeightedRandomSampler([0.0, 1.0, 3.0], 4000))
    counts = np.bincount(draws, minlength=3)
    assert counts[0] == 0
    assert abs(counts[2] - 3000) < 170  # standard deviation 27
    assert sorted(WeightedRandomSampler([1.0, 1.0, 1.0], 3, replacement=False)) == [0, 1, 2]
    assert list(BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    for n, drop in [(5, True), (5, False), (4, True), (0, False)]:
        sampler = BatchSampler(SequentialSampler(range(n)), 2, drop)
        assert len(list(sampler)) == len(sampler)
    with pytest.raises(ValueError, match="batch_size should be an int of at least 1, got 0"):
        BatchSampler(range(5), 0, False)
    with pytest.raises(ValueError, match="empty dataset"):
        list(RandomSampler([], num_samples=3))
    assert list(RandomSampler([])) == []


def test_manual_seed_fixes_the_order_and_workers_do_not_change_it():
    orders = []
    for workers in (0, 0, 2):
        plait.manual_seed(7)
        loader = DataLoader(range(40), batch_size=5, shuffle=True, num_workers=workers)
        orders.append([batch.tolist() for batch in loader] + [batch.tolist() for batch in loader])
    assert orders[0] == orders[1] == orders[2]
    assert orders[0][:8] != orders[0][8:]  # a new order at the second pass
    g = plait.Generator()
    g.manual_seed(1)
    first = [b.tolist() for b in DataLoader(range(40), shuffle=True, generator=g)]
    g.manual_seed(1)
    assert first == [b.tolist() for b in DataLoader(range(40), shuffle=True, generator=g)]


def test_distributed_sampler_shares_everything():
    for n, drop, shuffle in [(10, False, True), (10, True, False), (12, False, False), (1, False, True)]:
        shares = [list(DistributedSampler(range(n), 4, r, shuffle=shuffle, drop_last=drop)) for r in range(4)]
        assert len({len(s) for s in shares}) == 1
        union = {i for s in shares for i in s}
        assert union == set(range(n)) if not drop else len(union) == n - n % 4
    sampler = DistributedSampler(range(50), 2, 0)
    first = list(sampler)
    assert first == list(sampler)
    sampler.set_epoch(1)
    assert first != list(sampler)


# ---- Collation


def test_default_collate_nests():
    batch = [
        {
            "image": np.full((2, 2), i, np.float32),
            "label": i,
            "weight": i / 2,
            "flag": i > 0,
            "name": f"n{i}",
            "point": Point(plait.tensor([i]), (i, [np.float32(i)])),
        }
        for i in range(3)
    ]
    got = default_collate(batch)
    assert got["image"].shape == (3, 2, 2)
    assert got["image"].dtype == plait.float32
    assert (got["label"].tolist(), got["label"].dtype) == ([0, 1, 2], plait.int64)
    assert (got["weight"].tolist(), got["weight"].dtype) == ([0, 0.5, 1], plait.float64)
    assert got["flag"].dtype == plait.bool
    assert got["name"] == ["n0", "n1", "n2"]
    assert isinstance(got["point"], Point)
    assert got["point"].x.tolist() == [[0], [1], [2]]
    assert got["point"].y[0].tolist() == [0, 1, 2]
    assert got["point"].y[1][0].dtype == plait.float32
    ordered = default_collate([collections.OrderedDict(a=1), collections.OrderedDict(a=2)])
    assert isinstance(ordered, collections.OrderedDict)
    assert default_collate([b"x", b"y"]) == [b"x", b"y"]


def test_default_collate_errors_name_the_place():
    with pytest.raises(
        RuntimeError,
        match=r"sample\['x'\]\[1\] should have one shape, got \(2,\) in sample 0 and \(3,\) in sample 1",
    ):
        default_collate([{"x": (1, plait.ones(2))}, {"x": (1, plait.ones(3))}])
    with pytest.raises(TypeError, match=r"got NoneType at sample\[1\]; give the DataLoader a collate_fn"):
        default_collate([(1, None), (2, None)])
    with pytest.raises(RuntimeError, match="one length, got 2 in sample 0 and 1 in sample 1"):
        default_collate([[1, 2], [1]])
    with pytest.raises(KeyError, match="sample 1 has no key 'a'"):
        default_collate([{"a": 1}, {"b": 1}])
    with pytest.raises(TypeError, match="NumPy dtype"):
        default_collate([np.array(["a"])])
    with pytest.raises(ValueError, match="empty"):
        default_collate([])


def test_default_convert():
    got = default_convert({"a": np.ones(2), "b": (1, "x"), "c": Point(np.int64(3), None)})
    assert isinstance(got["a"], plait.Tensor)
    assert got["b"] == [1, "x"]
    assert got["c"].x.item() == 3
    assert got["c"].y is None


# ---- DataLoader


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_order(workers):
    loader = DataLoader(Squares(23, 0.002), batch_size=4, num_workers=workers)
    assert len(loader) == 6
    for _ in range(2):
        batches = list(loader)
        assert [b[0].tolist() for b in batches] == [list(range(i, min(i + 4, 23))) for i in range(0, 23, 4)]
        assert batches[1][1].tolist() == [16.0, 25.0, 36.0, 49.0]
    dropped = DataLoader(Squares(23), batch_size=4, drop_last=True, num_workers=workers)
    assert len(list(dropped)) == len(dropped) == 5
    assert list(DataLoader(Squares(0), num_workers=workers)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_other_ways_to_batch(workers):
    single = DataLoader([np.ones(2), np.zeros(2)], batch_size=None, num_workers=workers)
    assert [x.tolist() for x in single] == [[1, 1], [0, 0]]
    own = DataLoader(range(9), batch_sampler=[[8, 1], [3]], num_workers=workers)
    assert [b.tolist() for b in own] == [[8, 1], [3]]
    sampled = DataLoader(range(9), batch_size=2, sampler=[5, 6, 7], num_workers=workers)
    assert [b.tolist() for b in sampled] == [[5, 6], [7]]
    collated = DataLoader(range(4), batch_size=3, collate_fn=tuple, num_workers=workers)
    assert list(collated) == [(0, 1, 2), (3,)]


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("batch_size", [None, 1, 4])
def test_streams_are_shared_among_workers(workers, batch_size):
    loader = DataLoader(Stream(13), batch_size=batch_size, num_workers=workers)
    got = list(loader)
    if batch_size is None:
        assert sorted(got) == list(range(13))
    else:
        assert sorted(i for b in got for i in b.tolist()) == list(range(13))
        assert all(len(b) <= batch_size for b in got)
    if workers < 2:
        assert len(got) == len(loader)


def test_worker_init_may_configure_its_copy_of_a_stream():
    class Range(IterableDataset):
        def __init__(self, start, end):
            self.start, self.end = start, end

        def __iter__(self):
            return iter(range(self.start, self.end))

    def share(worker_id):
        info = get_worker_info()
        assert info.id == worker_id
        info.dataset.start, info.dataset.end = worker_id * 5, worker_id * 5 + 5

    loader = DataLoader(Range(0, 10), batch_size=5, num_workers=2, worker_init_fn=share)
    assert [b.tolist() for b in loader] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_worker_info():
    infos = DataLoader(
        range(8),
        batch_size=None,
        num_workers=2,
        collate_fn=lambda i: (time.sleep(0.002), get_worker_info())[1],
    )
    infos = list(infos)
    assert {i.num_workers for i in infos} == {2}
    assert len({i.seed for i in infos}) == len({i.id for i in infos})
    assert get_worker_info() is None


@pytest.mark.parametrize("workers", [0, 2])
def test_tensor_dataset_batches_are_copies(workers):
    x = plait.arange(12, dtype=plait.float32).reshape(6, 2)
    y = plait.arange(6)
    for dataset in (
        TensorDataset(x, y),
        Subset(TensorDataset(x, y), range(6)),
        Subset(Subset(TensorDataset(x, y), range(6)), range(6)),
    ):
        a, b = next(iter(DataLoader(dataset, batch_size=4, num_workers=workers)))
        assert a.tolist() == x[:4].tolist()
        assert b.tolist() == [0, 1, 2, 3]
        a.zero_()
        assert x[1, 1].item() == 3.0
    shuffled = DataLoader(TensorDataset(x, y), batch_size=4, shuffle=True, num_workers=workers)
    rows = {int(j): row.tolist() for a, b in shuffled for row, j in zip(a, b)}
    assert rows == {i: x[i].tolist() for i in range(6)}


def test_tensor_dataset_subclass_keeps_its_getitem():
    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return tuple(t * 2 for t in super().__getitem__(index))

    (batch,) = next(iter(DataLoader(Doubled(plait.arange(4)), batch_size=4)))
    assert batch.tolist() == [0, 2, 4, 6]
    (batch,) = next(iter(DataLoader(TensorDataset(plait.arange(4)), batch_sampler=[[-1, 0]])))
    assert batch.tolist() == [3, 0]
    with pytest.raises(IndexError):
        next(iter(DataLoader(TensorDataset(plait.arange(4)), batch_sampler=[[4]])))


def test_getitems_is_used():
    class Many(Squares):
        def __getitems__(self, indices):
            return [i * 10 for i in indices]

    assert next(iter(DataLoader(Many(), batch_size=3))).tolist() == [0, 10, 20]


# ---- Errors and shutting down


class Broken(Squares):
    def __getitem__(self, i):
        if i == 5:
            raise LookupError(f"no picture {i}")
        return i


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_keeps_its_type_traceback_and_names_the_sample(workers):
    import traceback

    iterator = iter(DataLoader(Broken(8), batch_size=2, num_workers=workers))
    assert [next(iterator).tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(LookupError, match="no picture 5") as caught:
        next(iterator)
    text = "".join(traceback.format_exception(caught.value))
    assert "in __getitem__" in text
    assert "sample with index 5" in text
    assert ("DataLoader worker" in text) == (workers > 0)
    assert next(iterator).tolist() == [6, 7]
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stop_iteration_in_a_dataset_is_not_silent(workers):
    class Stops(Squares):
        def __getitem__(self, i):
            raise StopIteration

    with pytest.raises(RuntimeError, match="raised StopIteration for the sample with index 0"):
        list(DataLoader(Stops(), num_workers=workers))


def test_errors_in_worker_init_and_collate_are_raised():
    def bad(worker_id):
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        list(DataLoader(range(4), num_workers=2, worker_init_fn=bad))
    with pytest.raises(RuntimeError, match="one shape") as caught:
        list(DataLoader([plait.ones(1), plait.ones(2)], batch_size=2, num_workers=1))
    assert any("indices [0, 1]" in note for note in caught.value.__notes__)


def test_a_dropped_iterator_ends_its_workers():
    before = len(worker_threads())
    iterator = iter(DataLoader(Squares(1000, 0.001), batch_size=2, num_workers=3))
    next(iterator)
    assert len(worker_threads()) == before + 3
    gone = weakref.ref(iterator)
    del iterator
    gc.collect()
    assert gone() is None
    assert wait_until(lambda: len(worker_threads()) == before)


def test_a_finished_iterator_ends_its_workers_and_stays_finished():
    before = len(worker_threads())
    iterator = iter(DataLoader(Squares(10), num_workers=3))
    assert len(list(iterator)) == 10
    assert wait_until(lambda: len(worker_threads()) == before)
    assert list(iterator) == []


def test_workers_do_not_run_far_ahead():
    read = []

    class Recorded(Squares):
        def __getitem__(self, i):
            read.append(i)
            return i

    iterator = iter(DataLoader(Recorded(500), num_workers=2, prefetch_factor=3))
    next(iterator)
    assert wait_until(lambda: len(read) >= 7)
    time.sleep(0.05)
    assert len(read) == 7
    del iterator


def test_a_timeout_says_so_and_the_batch_can_still_come():
    iterator = iter(DataLoader(Squares(1, 0.3), num_workers=1, timeout=0.05))
    with pytest.raises(RuntimeError, match=r"no batch within timeout=0.05 s"):
        next(iterator)
    time.sleep(0.5)
    assert next(iterator)[0].tolist() == [0]


def test_an_iterator_alive_at_exit_does_not_hang_the_process():
    program = (
        "import plait\n"
        "it = iter(plait.utils.data.DataLoader(range(100), num_workers=2))\n"
        "print(next(it).item())\n"
    )
    if not hasattr(plait, "__file__"):
        pytest.skip("needs an installed package")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_an_error_in_the_loop_ends_the_process_with_its_own_text():
    """The iterator goes with the loop; its workers are in the middle of samples."""
    code = """
import plait
class Slow(plait.utils.data.Dataset):
    def __len__(self): return 1000
    def __getitem__(self, i): return (plait.randn(200, 200) @ plait.randn(200, 200)).sum(0)
for i, batch in enumerate(plait.utils.data.DataLoader(Slow(), batch_size=16, num_workers=3)):
    if i == 1: raise ValueError("from the loop")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip().endswith("ValueError: from the loop"), done.stderr


def test_arguments_that_contradict_each_other():
    cases = [
        ({"num_workers": -1}, "num_workers should be an int of at least 0"),
        ({"prefetch_factor": 2}, "prefetch_factor needs num_workers > 0"),
        ({"persistent_workers": True}, "persistent_workers needs num_workers > 0"),
        ({"shuffle": True, "sampler": [1]}, "either sampler or shuffle"),
        ({"batch_sampler": [[1]], "batch_size": 3}, "batch_sampler excludes"),
        ({"batch_size": None, "drop_last": True}, "drop_last has no meaning"),
        ({"batch_size": 0}, "batch_size should be an int of at least 1"),
        ({"timeout": -1}, "timeout should not be negative"),
    ]
    for options, message in cases:
        with pytest.raises(ValueError, match=message):
            DataLoader(range(4), **options)
    with pytest.raises(ValueError, match="decides its own order"):
        DataLoader(Stream(3), shuffle=True)
    accepted = DataLoader(
        range(4), num_workers=1, pin_memory=True, persistent_workers=True, prefetch_factor=1
    )
    assert len(list(accepted)) == 4


class Recorded(Dataset):
    """Squares; remembers how it was asked."""

    def __init__(self):
        self.asked = []

    def __len__(self):
        return 6

    def __getitem__(self, i):
        return i * i

    def __getitems__(self, indices):
        self.asked.append(list(indices))
        return [i * i for i in indices]


def test_datasets_side_by_side_are_read_at_once():
    many, plain = Recorded(), [10, 11, 12, 13, 14, 15]
    assert StackDataset(many, plain).__getitems__([4, 1]) == [(16, 14), (1, 11)]
    assert StackDataset(a=many, b=plain).__getitems__([2]) == [{"a": 4, "b": 12}]
    batches = list(DataLoader(StackDataset(many, plain), batch_size=3))
    assert [b.tolist() for b in batches[1]] == [[9, 16, 25], [13, 14, 15]]
    assert many.asked == [[4, 1], [2], [0, 1, 2], [3, 4, 5]]
    many.__class__ = type("TooFew", (Recorded,), {"__getitems__": lambda self, indices: []})
    with pytest.raises(ValueError, match=r"gave 0 samples for 2"):
        StackDataset(many, plain).__getitems__([0, 1])


def test_a_chain_is_of_streams():
    with pytest.raises(TypeError, match=r"datasets\[1\].*Recorded.*ConcatDataset"):
        list(ChainDataset([Stream(2), Recorded()]))


def test_what_the_samplers_were_made_of_cannot_be_set():
    loader = DataLoader(range(4), batch_size=2)
    for name in ("batch_size", "sampler", "batch_sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=name):
            setattr(loader, name, None)
    loader.timeout, loader.of_the_user = 5, 1
    assert DataLoader[int] is DataLoader and len(list(loader)) == 2
