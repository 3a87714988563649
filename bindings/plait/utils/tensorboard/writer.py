"""SummaryWriter and the file that it writes."""

from __future__ import annotations

import math
import os
import socket
import threading
import time
from itertools import count

from . import _records as records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np

__all__ = ["FileWriter", "SummaryWriter"]

_serial = count()


class FileWriter:
    """One file of events, written through a buffer of `max_queue` records or `flush_secs` seconds."""

    def __init__(
        self,
        log_dir: str | os.PathLike,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ):
        self._dir = os.fspath(log_dir)
        os.makedirs(self._dir, exist_ok=True)
        name = (
            f"events.out.tfevents.{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}."
            f"{next(_serial)}{filename_suffix}"
        )
        self._file = open(os.path.join(self._dir, name), "wb")  # noqa: SIM115  (closed by close)
        self._lock = threading.Lock()
        self._max_queue, self._flush_secs = max_queue, flush_secs
        self._waiting, self._flushed = 0, time.monotonic()
        self.add(records.file_version(), None, None)
        self.flush()

    def get_logdir(self) -> str:
        """The folder."""
        return self._dir

    def add(self, content: bytes, step: int | None, walltime: float | None) -> None:
        """Writes an event."""
        event = records.event(time.time() if walltime is None else walltime, step, content)
        with self._lock:
            self._file.write(records.record(event))
            self._waiting += 1
            late = time.monotonic() - self._flushed > self._flush_secs
            if self._waiting >= self._max_queue or late:
                self._flush()

    def _flush(self) -> None:
        self._file.flush()
        self._waiting, self._flushed = 0, time.monotonic()

    def flush(self) -> None:
        """Writes what is in the buffer."""
        with self._lock:
            self._flush()

    def close(self) -> None:
        """Writes what is in the buffer and closes the file."""
        with self._lock:
            if not self._file.closed:
                self._file.close()

    def reopen(self) -> None:
        """Goes on after close()."""
        with self._lock:
            if self._file.closed:
                self._file = open(self._file.name, "ab")  # noqa: SIM115


def _array(value: Any) -> np.ndarray:
    import numpy as np

    from plait import Tensor, bfloat16

    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype is bfloat16 else value).numpy()
    elif isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
        value = [_array(each) for each in value]
    return np.asarray(value)


def _number(who: str, value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    array = _array(value)
    if array.size != 1:
        raise ValueError(f"{who}: expected a number or one element, got shape {array.shape}")
    return float(array.reshape(()))


def _hwc(who: str, array: np.ndarray, dataformats: str) -> np.ndarray:
    """The image as bytes (height, width, channels), of 1, 3 or 4 channels; floats are in [0, 1]."""
    import numpy as np

    formats = dataformats.upper()
    if sorted(formats) != sorted(set(formats)) or len(formats) != array.ndim or set(formats) - set("NCHW"):
        raise ValueError(
            f"{who}: expected dataformats with one letter of N, C, H, W for each dimension of shape "
            f"{array.shape}, got {dataformats!r}"
        )
    for letter in "NHWC":
        if letter not in formats:
            array, formats = array[..., None], formats + letter
    array = array.transpose([formats.index(letter) for letter in "NHWC"])
    if array.dtype != np.uint8:
        array = (np.nan_to_num(array.astype(np.float64)).clip(0, 1) * 255).astype(np.uint8)
    if array.shape[-1] not in (1, 3, 4):
        raise ValueError(f"{who}: expected 1, 3 or 4 channels, got {array.shape[-1]}")
    images, height, width, channels = array.shape
    if images == 1:
        return np.ascontiguousarray(array[0])
    # Several in a grid of 8 columns, as PyTorch shows them.
    columns = min(images, 8)
    rows = math.ceil(images / columns)
    grid = np.zeros((rows * height, columns * width, channels), np.uint8)
    for index in range(images):
        row, column = divmod(index, columns)
        grid[row * height : (row + 1) * height, column * width : (column + 1) * width] = array[index]
    return grid


class SummaryWriter:
    """Writes what TensorBoard shows into a folder: `log_dir`, or runs/<date>_<host><comment>.

    Tags are the names of the charts; `global_step` is where a value stands on the horizontal axis.

    >>> import tempfile
    >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
    ...     for step in range(3):
    ...         writer.add_scalar("loss", 1 / (step + 1), step)
    """

    def __init__(
        self,
        log_dir: str | os.PathLike | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ):
        if not log_dir:
            stamp = time.strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{stamp}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self._options = (max_queue, flush_secs, filename_suffix)
        self.file_writer = FileWriter(self.log_dir, *self._options)
        self.all_writers: dict[str, FileWriter] = {self.log_dir: self.file_writer}
        if purge_step is not None:
            # Event.session_log = 7 with status START = 1: what came from this step on is void.
            self.file_writer.add(records.data(7, records.integer(1, 1)), purge_step, None)

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def _add(self, value: bytes, step: Any, walltime: float | None) -> None:
        self.file_writer.reopen()
        self.file_writer.add(records.summary(value), None if step is None else int(step), walltime)

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """A point of a curve."""
        make = records.scalar_tensor if new_style else records.scalar
        self._add(make(tag, _number("add_scalar", scalar_value)), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A point of each of several curves in one chart; each is a run of its own, in a folder below."""
        walltime = time.time() if walltime is None else walltime
        for tag, value in tag_scalar_dict.items():
            folder = os.path.join(self.log_dir, main_tag.replace("/", "_") + "_" + tag)
            writer = self.all_writers.get(folder)
            if writer is None:
                writer = self.all_writers[folder] = FileWriter(folder, *self._options)
            writer.reopen()
            content = records.summary(records.scalar(main_tag, _number("add_scalars", value)))
            writer.add(content, None if global_step is None else int(global_step), walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """The distribution of values. `bins`: "tensorflow" for TensorBoard's exponential ones, or what
        numpy.histogram takes; at most `max_bins` are kept.
        """
        import numpy as np

        array = _array(values).astype(np.float64).reshape(-1)
        array = array[np.isfinite(array)]
        if array.size == 0:
            raise ValueError(f"add_histogram: {tag!r} has no finite values")
        if isinstance(bins, str) and bins == "tensorflow":
            steps = 1e-12 * 1.1 ** np.arange(math.ceil(math.log(1e20 / 1e-12, 1.1)))
            bins = np.concatenate([-steps[::-1], [0.0], steps])
        counts, limits = np.histogram(array, bins)
        if max_bins is not None and len(counts) > max_bins:
            factor = math.ceil(len(counts) / max_bins)
            limits = np.append(limits[:-1:factor], limits[-1])
            counts = np.add.reduceat(counts, np.arange(0, len(counts), factor))
        # Of the empty bins at the ends one is kept: where the first full one begins.
        full = np.flatnonzero(counts)
        first, last = (int(full[0]), int(full[-1])) if full.size else (0, 0)
        shown = [0.0, *counts[first : last + 1].tolist()]
        ends = limits[first : last + 2].tolist()
        proto = records.histogram(
            tag, array.min(), array.max(), array.sum(), float(array @ array), ends, shown
        )
        self._add(proto, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image of bytes, or of floats in [0, 1]."""
        pixels = _hwc("add_image", _array(img_tensor), dataformats)
        height, width, channels = pixels.shape
        proto = records.image(tag, height, width, channels, records.png(pixels))
        self._add(proto, global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Several images, in a grid."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A figure of Matplotlib, or a list of them, as an image."""
        import numpy as np

        figures = figure if isinstance(figure, list) else [figure]
        shots = []
        for each in figures:
            from matplotlib.backends.backend_agg import FigureCanvasAgg

            canvas = FigureCanvasAgg(each)
            canvas.draw()
            shots.append(np.asarray(canvas.buffer_rgba())[..., :3])
            if close:
                from matplotlib import pyplot

                pyplot.close(each)
        self.add_image(tag, np.stack(shots), global_step, walltime, dataformats="NHWC")

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Text, in Markdown."""
        self._add(records.text(tag, text_string), global_step, walltime)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: int | None = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """A sound of one channel, with values in [-1, 1], as 16-bit WAV."""
        import io
        import wave

        import numpy as np

        sound = (_array(snd_tensor).astype(np.float64).reshape(-1).clip(-1, 1) * 32767).astype("<i2")
        buffer = io.BytesIO()
        with wave.open(buffer, "wb") as file:
            file.setparams((1, 2, sample_rate, len(sound), "NONE", ""))
            file.writeframes(sound.tobytes())
        proto = records.audio(tag, sample_rate, 1, len(sound), buffer.getvalue())
        self._add(proto, global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: Any = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """The hyperparameters of a run, as a table in text, and its results, as scalars, in a run of their
        own below the folder. TensorBoard's own page of hyperparameters is not fed.
        """
        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        with SummaryWriter(folder, filename_suffix=self._options[2]) as writer:
            rows = "\n".join(f"|{name}|{value}|" for name, value in hparam_dict.items())
            writer.add_text("hparams", f"|name|value|\n|-|-|\n{rows}", global_step)
            for name, value in metric_dict.items():
                writer.add_scalar(name, value, global_step)

    def _unsupported(self, what: str) -> None:
        import warnings

        warnings.warn(f"SummaryWriter.{what} writes nothing: plait has no such log", stacklevel=3)

    def add_graph(self, model: Any, input_to_model: Any = None, *args: Any, **kwargs: Any) -> None:
        """Nothing, with a warning: plait records no graphs."""
        self._unsupported("add_graph")

    def add_embedding(self, mat: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing, with a warning."""
        self._unsupported("add_embedding")

    def add_pr_curve(self, tag: str, labels: Any, predictions: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing, with a warning."""
        self._unsupported("add_pr_curve")

    def add_video(self, tag: str, vid_tensor: Any, *args: Any, **kwargs: Any) -> None:
        """Nothing, with a warning."""
        self._unsupported("add_video")

    def flush(self) -> None:
        """Writes what is in the buffers."""
        for writer in self.all_writers.values():
            if not writer._file.closed:
                writer.flush()

    def close(self) -> None:
        """Writes what is in the buffers and closes the files."""
        for writer in self.all_writers.values():
            writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
