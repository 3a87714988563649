"""DataLoader: batches of a dataset, fetched by this thread or ahead of time by worker threads.

Note [Workers are threads]
    Reading files, decoding and tensor ops release the interpreter lock, so threads overlap them with
    training, start in microseconds, and hand over batches without copying or pickling. What they share: the
    dataset (an IterableDataset is copied shallowly for each), the `random` module and plait's default
    generator; so random augmentation is reproducible with num_workers=0 or 1, or with a generator seeded by
    `get_worker_info().seed`.
"""

from __future__ import annotations

from plait._missing import absent_class

from .collate import default_collate, default_convert
from .dataset import IterableDataset, many_of
from .sampler import BatchSampler, RandomSampler, SequentialSampler, _seed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

__all__ = ["DataLoader", "WorkerInfo", "default_collate", "default_convert", "get_worker_info"]

_END = object()  # a stream has no more samples


class WorkerInfo:
    """What a worker knows of itself: `id`, `num_workers`, `seed` (differs by worker and pass), `dataset`."""

    __slots__ = ("dataset", "id", "num_workers", "seed")

    def __init__(self, id: int, num_workers: int, seed: int, dataset: Any):
        self.id = id
        self.num_workers = num_workers
        self.seed = seed
        self.dataset = dataset

    def __repr__(self) -> str:
        return f"WorkerInfo(id={self.id}, num_workers={self.num_workers}, seed={self.seed})"


_workers: dict[int, WorkerInfo] = {}  # by thread


def get_worker_info() -> WorkerInfo | None:
    """The WorkerInfo of the worker that this code runs in; None outside of workers."""
    if not _workers:
        return None
    from _thread import get_ident

    return _workers.get(get_ident())


# ---- Fetching: one batch from a dataset


class _MapFetcher:
    """Samples by index."""

    def __init__(self, dataset: Any, collate: Callable, batched: bool):
        self.dataset = dataset
        self.collate = collate
        self.batched = batched
        self.many = callable(getattr(dataset, "__getitems__", None))
        self.fast = getattr(dataset, "_collated", None) if batched and collate is default_collate else None

    def __call__(self, indices: Any) -> Any:
        if not self.batched:
            return self.collate(self._one(indices))
        if self.fast is not None:
            batch = self.fast(indices)
            if batch is not None:
                return batch
        if self.many:
            samples = self._read(lambda at: many_of(self.dataset, at), indices)
        else:
            samples = [self._one(i) for i in indices]
        try:
            return self.collate(samples)
        except Exception as error:
            error.add_note(f"while collating the samples with indices {_short(indices)}")
            raise

    def _one(self, index: Any) -> Any:
        return self._read(self.dataset.__getitem__, index)

    def _read(self, get: Callable, index: Any) -> Any:
        try:
            return get(index)
        except StopIteration as error:  # would end the user's loop without a word
            name = type(self.dataset).__name__
            raise RuntimeError(
                f"{name} raised StopIteration for the sample with index {_short(index)}"
            ) from error
        except Exception as error:
            error.add_note(f"while fetching the sample with index {_short(index)}")
            raise


class _StreamFetcher:
    """The next samples of a stream; returns _END when there are none (or too few, with drop_last)."""

    def __init__(self, dataset: Any, collate: Callable, batched: bool, drop_last: bool):
        self.iterator = iter(dataset)
        self.collate = collate
        self.batched = batched
        self.drop_last = drop_last

    def __call__(self, indices: Any) -> Any:
        from itertools import islice

        if not self.batched:
            sample = next(self.iterator, _END)
            return _END if sample is _END else self.collate(sample)
        samples = list(islice(self.iterator, len(indices)))
        if not samples or (self.drop_last and len(samples) < len(indices)):
            return _END
        return self.collate(samples)


class _PinningFetcher:
    """What another fetcher gives, in page-locked memory. With workers, it is they who copy it there."""

    def __init__(self, fetch: Callable):
        self.fetch = fetch

    def __call__(self, indices: Any) -> Any:
        from .pin import pin_memory

        batch = self.fetch(indices)
        return _END if batch is _END else pin_memory(batch)


def _short(indices: Any) -> str:
    text = repr(indices)
    return text if len(text) <= 200 else text[:200] + "..."


# ---- Iterators


class _InlineIterator:
    """Fetches in the thread of the caller, when asked."""

    def __init__(self, loader: DataLoader):
        _seed(loader.generator)  # as with workers, so that their number does not change later random numbers
        self._sampler_iter = iter(loader._index_sampler())
        self._fetch = loader._fetcher(loader.dataset)

    def __iter__(self) -> _InlineIterator:
        return self

    def __next__(self) -> Any:
        batch = self._fetch(next(self._sampler_iter))
        if batch is _END:
            raise StopIteration
        return batch


class _Pool:
    """Threads that turn tasks into results. It does not know the iterator: dropping that one ends it."""

    def __init__(self, loader: DataLoader, seed: int):
        from queue import SimpleQueue
        from threading import Condition, Thread

        count = loader.num_workers
        stream = isinstance(loader.dataset, IterableDataset)
        # A worker of a stream has its own samples, hence its own queue; indices go to whoever is free.
        queues: list[SimpleQueue] = (
            [SimpleQueue() for _ in range(count)] if stream else [SimpleQueue()] * count
        )
        self.queues = queues
        self.ready = Condition()
        self.results: dict[int, tuple[Any, BaseException | None]] = {}
        self.stopped = False
        self.running = count
        self.threads = []
        for i in range(count):
            dataset = loader.dataset
            if stream and count > 1:
                from copy import copy

                dataset = copy(dataset)
            info = WorkerInfo(i, count, seed + i, dataset)
            args = (self, queues[i], info, loader._fetcher, loader.worker_init_fn)
            thread = Thread(target=_work, args=args, name=f"plait-data-{i}", daemon=True)
            self.threads.append(thread)
        _live_pools.add(self)
        for thread in self.threads:
            thread.start()

    def put(self, sequence: int, worker: int, indices: Any) -> None:
        self.queues[worker].put((sequence, indices))

    def take(self, sequence: int, timeout: float) -> tuple[Any, BaseException | None]:
        """Waits for a result: the batch, and the error that came in its place."""
        with self.ready:
            if not self.ready.wait_for(lambda: sequence in self.results, timeout or None):
                raise RuntimeError(
                    f"DataLoader: no batch within timeout={timeout} s; the dataset is slow or stuck, try "
                    "a longer timeout or num_workers=0 to see where"
                )
            return self.results.pop(sequence)

    def stop(self, wait: float = 0) -> None:
        if not self.stopped:
            self.stopped = True
            for queue in self.queues:
                queue.put(None)
        if wait:
            for thread in self.threads:
                thread.join(wait)


class _LivePools:
    """The pools to stop before the interpreter goes: a thread must not run into its ruins."""

    def __init__(self) -> None:
        self.pools: set[_Pool] = set()
        self.registered = False

    def add(self, pool: _Pool) -> None:
        if not self.registered:
            import atexit

            atexit.register(self.stop)
            self.registered = True
        self.pools.add(pool)

    def discard(self, pool: _Pool) -> None:
        self.pools.discard(pool)

    def stop(self) -> None:
        for pool in list(self.pools):
            pool.stop(wait=5)


_live_pools = _LivePools()


def _work(pool: _Pool, queue: Any, info: WorkerInfo, make_fetcher: Callable, init: Callable | None) -> None:
    """The life of a worker."""
    from _thread import get_ident

    ident = get_ident()
    _workers[ident] = info
    fetch: Any = None
    failed: BaseException | None = None
    try:
        try:
            if init is not None:
                init(info.id)
            fetch = make_fetcher(info.dataset)
        except BaseException as problem:
            problem.add_note(f"while DataLoader worker {info.id} of {info.num_workers} was starting")
            failed = problem
        while (task := queue.get()) is not None and not pool.stopped:
            sequence, indices = task
            batch, error = None, failed
            if failed is None:
                try:
                    batch = fetch(indices)
                except BaseException as problem:
                    problem.add_note(f"in DataLoader worker {info.id} of {info.num_workers}")
                    error = problem
            with pool.ready:
                pool.results[sequence] = (batch, error)
                pool.ready.notify_all()
            del batch, error
    finally:
        del _workers[ident]
        with pool.ready:
            pool.running -= 1
            last = pool.running == 0
        if last:  # not before: a pool that was told to stop may still be in the middle of a sample
            _live_pools.discard(pool)


class _ThreadedIterator:
    """Hands out the workers' batches in order and keeps `prefetch_factor` batches a worker under way."""

    def __init__(self, loader: DataLoader):
        self._timeout = loader.timeout
        self._workers = loader.num_workers
        self._stream = isinstance(loader.dataset, IterableDataset)
        self._active = [True] * loader.num_workers
        seed = _seed(loader.generator)
        self._sampler_iter = iter(loader._index_sampler())
        self._sent = self._given = self._turn = 0
        self._owner: dict[int, int] = {}
        self._pool = _Pool(loader, seed)
        for _ in range((loader.prefetch_factor or 2) * loader.num_workers):
            self._send()

    def _send(self) -> None:
        for _ in range(self._workers):
            worker = self._turn
            self._turn = (worker + 1) % self._workers
            if self._active[worker]:
                break
        else:
            return
        indices = next(self._sampler_iter, _END)
        if indices is _END:
            return
        self._owner[self._sent] = worker
        self._pool.put(self._sent, worker, indices)
        self._sent += 1

    def __iter__(self) -> _ThreadedIterator:
        return self

    def __next__(self) -> Any:
        while self._given < self._sent:
            sequence = self._given
            batch, error = self._pool.take(sequence, self._timeout)
            self._given += 1
            worker = self._owner.pop(sequence)
            if batch is _END:
                self._active[worker] = False
                self._send()
                continue
            self._send()
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # the traceback holds this frame: no cycle
            return batch
        self._pool.stop()
        raise StopIteration

    def __del__(self) -> None:
        pool = getattr(self, "_pool", None)
        if pool is not None:
            pool.stop()


def _has_cuda() -> bool:
    import plait

    return plait.cuda.is_available()


# ---- The loader


class _Endless:
    """As many Nones as somebody wants: the indices of a stream."""

    def __iter__(self) -> Iterator[None]:
        from itertools import repeat

        return repeat(None)


# What the samplers were made of: to set one of them later would change nothing.
_FIXED = frozenset(("batch_sampler", "batch_size", "dataset", "drop_last", "persistent_workers", "sampler"))


class DataLoader:
    """Iterates over batches of a dataset; see Note [Workers are threads].

    Args:
        dataset: a `Dataset` (anything with `__getitem__` and `__len__`) or an `IterableDataset`.
        batch_size: samples in a batch; None gives the samples one by one, without a batch dimension.
        shuffle: a new random order at every pass.
        sampler, batch_sampler: an order of one's own, of indices or of lists of indices.
        num_workers: threads that fetch ahead; 0 fetches in the caller's thread. The order of the batches is
            the same.
        collate_fn: makes a batch of a list of samples; `default_collate` if None.
        pin_memory: batches are put into page-locked memory, from which `.cuda(non_blocking=True)` copies
            without waiting; without a CUDA device it changes nothing.
        drop_last: leaves out a last batch that is not full.
        timeout: seconds to wait for a worker's batch, 0 for ever.
        worker_init_fn: called as `worker_init_fn(worker_id)` in each worker first.
        generator: where the random order comes from; the default generator if None.
        prefetch_factor: batches under way for each worker, 2 if None.
        persistent_workers, multiprocessing_context, pin_memory_device, in_order: accepted, as in PyTorch;
            threads start fast enough and share memory, so they change nothing.

    An error in a worker is raised as it is, with the worker's traceback and a note that names the sample's
    index.

    >>> data = plait.utils.data.TensorDataset(plait.arange(5))
    >>> [batch.tolist() for (batch,) in plait.utils.data.DataLoader(data, batch_size=2, num_workers=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable | None = None,
        batch_sampler: Iterable | None = None,
        num_workers: int = 0,
        collate_fn: Callable | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ):
        if isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 0:
            raise ValueError(f"DataLoader: num_workers should be an int of at least 0, got {num_workers!r}")
        if timeout < 0:
            raise ValueError(f"DataLoader: timeout should not be negative, got {timeout}")
        if num_workers == 0 and prefetch_factor is not None:
            raise ValueError("DataLoader: prefetch_factor needs num_workers > 0")
        if prefetch_factor is not None and prefetch_factor < 1:
            raise ValueError(f"DataLoader: prefetch_factor should be at least 1, got {prefetch_factor}")
        if persistent_workers and num_workers == 0:
            raise ValueError("DataLoader: persistent_workers needs num_workers > 0")
        stream = isinstance(dataset, IterableDataset)
        if stream and shuffle:
            raise ValueError(
                "DataLoader: an IterableDataset decides its own order; shuffle should be left out"
            )
        if stream and (sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: an IterableDataset takes no sampler and no batch_sampler")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: give either sampler or shuffle=True, not both")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last: it "
                    "decides them"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("DataLoader: batch_size=None makes no batches, so drop_last has no meaning")
        if sampler is None:
            if stream:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
        self._batched = batch_size is not None or batch_sampler is not None
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)  # type: ignore[arg-type]
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_collate if self._batched else default_convert)
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers > 0 else prefetch_factor
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.persistent_workers = persistent_workers
        self.multiprocessing_context = multiprocessing_context
        self.in_order = in_order

        self._built = True

    def __class_getitem__(cls, _item: Any) -> type:
        return cls  # DataLoader[Sample] in annotations

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _FIXED and "_built" in self.__dict__:
            raise ValueError(f"DataLoader: {name} cannot be set after the loader is made; make another one")
        object.__setattr__(self, name, value)

    def _index_sampler(self) -> Any:
        return self.batch_sampler if self._batched else self.sampler

    def _fetcher(self, dataset: Any) -> Callable:
        fetch: Callable
        if isinstance(dataset, IterableDataset):
            fetch = _StreamFetcher(dataset, self.collate_fn, self._batched, self.drop_last)
        else:
            fetch = _MapFetcher(dataset, self.collate_fn, self._batched)
        return _PinningFetcher(fetch) if self.pin_memory and _has_cuda() else fetch

    def __iter__(self) -> Iterator:
        return _ThreadedIterator(self) if self.num_workers else _InlineIterator(self)

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._index_sampler())
        length = len(self.dataset)  # type: ignore[arg-type]  # TypeError where the stream does not know
        if self.batch_size is None:
            return length
        full, rest = divmod(length, self.batch_size)
        return full + (rest > 0 and not self.drop_last)


_WHY = "plait's loaders read in threads"
_BaseDataLoaderIter = absent_class(__name__, "_BaseDataLoaderIter", _WHY)
_SingleProcessDataLoaderIter = absent_class(__name__, "_SingleProcessDataLoaderIter", _WHY)
_MultiProcessingDataLoaderIter = absent_class(__name__, "_MultiProcessingDataLoaderIter", _WHY)
