"""SummaryWriter and the file that it writes, by the package `tensorboard`."""

from __future__ import annotations

import os
import socket
import time
import weakref
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["FileWriter", "SummaryWriter"]


def _load(who: str, name: str) -> Any:
    """A module that needs TensorBoard, which is imported when a writer is made and not before."""
    try:
        import_module("tensorboard")
    except ModuleNotFoundError as error:
        if error.name != "tensorboard":
            raise
        raise ModuleNotFoundError(
            f"{who}: needs TensorBoard, which is not installed; pip install tensorboard", name=error.name
        ) from error
    return import_module(name, __package__)


def _finish(events: Any, process: int) -> None:
    if os.getpid() == process:  # a fork has no thread that writes, and the file is its parent's
        events.close()


class FileWriter:
    """One file of events. A thread writes it, from a queue of `max_queue` events, and flushes it every
    `flush_secs` seconds; at the end of the program it is closed.

    >>> import tempfile
    >>> from tensorboard.compat.proto.summary_pb2 import Summary
    >>> file = FileWriter(tempfile.mkdtemp())
    >>> file.add_summary(Summary(value=[Summary.Value(tag="loss", simple_value=0.5)]), global_step=1)
    >>> file.close()
    """

    def __init__(
        self,
        log_dir: str | os.PathLike,
        max_queue: int = 10,
        flush_secs: float = 120,
        filename_suffix: str = "",
    ):
        self._options = (os.fspath(log_dir), max_queue, flush_secs, filename_suffix)
        self._open()

    def _open(self) -> None:
        writers = _load("FileWriter", "tensorboard.summary.writer.event_file_writer")
        self._events = _load("FileWriter", "tensorboard.compat.proto.event_pb2")
        self.event_writer = writers.EventFileWriter(*self._options)
        self._close = weakref.finalize(self, _finish, self.event_writer, os.getpid())

    def get_logdir(self) -> str:
        """The folder."""
        return self._options[0]

    def add_event(self, event: Any, step: int | None = None, walltime: float | None = None) -> None:
        """Writes an Event message, with the step and the time, now if none is given."""
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self.event_writer.add_event(event)

    def add_summary(
        self, summary: Any, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Writes an event with a Summary message."""
        self.add_event(self._events.Event(summary=summary), global_step, walltime)

    def flush(self) -> None:
        """Waits until everything is in the file."""
        if self._close.alive:
            self.event_writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the file."""
        self.flush()  # tells of what went wrong in the thread
        self._close()

    def reopen(self) -> None:
        """Goes on after close(), in a new file of the same folder."""
        if not self._close.alive:
            self._open()


class SummaryWriter:
    """Writes what TensorBoard shows into a folder: `log_dir`, or runs/<date>_<host><comment>.

    Tags are the names of the charts, grouped by what stands before a slash; `global_step` is where a value
    stands on the horizontal axis, `walltime` when it came, now if none is given. A program that starts again
    in the same folder at an earlier step gives it as `purge_step`: what stands there from that step on is
    no longer shown. `max_queue` events wait for the thread that writes, which flushes the file every
    `flush_secs` seconds; `filename_suffix` ends the file's name.

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
        self._make = _load("SummaryWriter", "._summary")
        if not log_dir:
            stamp = time.strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{stamp}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self.purge_step = purge_step
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self._projector_config: Any = None
        self._get_file_writer()

    def _new_writer(self, folder: str) -> FileWriter:
        return FileWriter(folder, self.max_queue, self.flush_secs, self.filename_suffix)

    def _get_file_writer(self) -> FileWriter:
        """The writer of the folder, a new one after close()."""
        if self.file_writer is None:
            self.file_writer = self._new_writer(self.log_dir)
            self.all_writers = {self.log_dir: self.file_writer}
            if self.purge_step is not None:
                self.file_writer.add_event(self._make.session_start(), self.purge_step)
                self.purge_step = None
        return self.file_writer

    def _add(self, summary: Any, step: Any = None, walltime: float | None = None) -> None:
        self._get_file_writer().add_summary(summary, step, walltime)

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """A point of a curve: a number or a tensor of one element. In the new style it is written as a
        tensor, which can be of double precision.
        """
        summary = self._make.scalar("add_scalar", tag, scalar_value, new_style, double_precision)
        self._add(summary, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A point of each of several curves in one chart; each is a run of its own, in a folder below.

        >>> import tempfile
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     writer.add_scalars("loss", {"train": 0.5, "test": 0.75}, global_step=1)
        """
        walltime = time.time() if walltime is None else walltime
        self._get_file_writer()
        writers = self.all_writers
        assert writers is not None
        for tag, value in tag_scalar_dict.items():
            summary = self._make.scalar("add_scalars", main_tag, value)
            folder = os.path.join(self.log_dir, main_tag.replace("/", "_") + "_" + tag)
            if folder not in writers:
                writers[folder] = self._new_writer(folder)
            writers[folder].add_summary(summary, global_step, walltime)

    def add_tensor(
        self, tag: str, tensor: Any, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """A tensor with all its elements, for programs that read the events."""
        self._add(self._make.tensor(tag, tensor), global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """The distribution of the finite values. `bins`: "tensorflow" for TensorBoard's exponential ones, or
        what numpy.histogram takes; they are joined until there are at most `max_bins`.
        """
        self._add(self._make.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_histogram_raw(
        self,
        tag: str,
        min: float,
        max: float,
        num: int,
        sum: float,
        sum_squares: float,
        bucket_limits: Any,
        bucket_counts: Any,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """A distribution counted already: `bucket_counts` values up to each of the `bucket_limits`, and of
        all `num` values the least, the greatest, the sum and the sum of squares.
        """
        summary = self._make.histogram_raw(
            tag, min, max, num, sum, sum_squares, bucket_limits, bucket_counts
        )
        self._add(summary, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """An image of bytes, or of floats in [0, 1], with 1, 3 or 4 channels. `dataformats` names the
        dimensions: "CHW", "HWC", "HW", ...

        >>> import tempfile
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     writer.add_image("noise", plait.rand(3, 16, 16))
        """
        self._add(self._make.image("add_image", tag, img_tensor, dataformats), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Several images, in a grid of eight columns."""
        self._add(self._make.image("add_images", tag, img_tensor, dataformats), global_step, walltime)

    def add_image_with_boxes(
        self,
        tag: str,
        img_tensor: Any,
        box_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        rescale: float = 1,
        dataformats: str = "CHW",
        labels: Any = None,
    ) -> None:
        """An image with red boxes, rows of left, top, right and bottom, and a label for each; `rescale`
        multiplies the sides of the whole.
        """
        summary = self._make.image_with_boxes(tag, img_tensor, box_tensor, rescale, dataformats, labels)
        self._add(summary, global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """A figure of Matplotlib, or a list of them, as an image; `close` closes them."""
        shots = self._make.figures(figure, close)
        self._add(self._make.image("add_figure", tag, shots, "NHWC"), global_step, walltime)

    def add_video(
        self,
        tag: str,
        vid_tensor: Any,
        global_step: int | None = None,
        fps: float = 4,
        walltime: float | None = None,
    ) -> None:
        """A film of shape (N, T, C, H, W), bytes or floats in [0, 1], as a GIF of `fps` frames a second;
        several play side by side.
        """
        self._add(self._make.video(tag, vid_tensor, fps), global_step, walltime)

    def add_audio(
        self,
        tag: str,
        snd_tensor: Any,
        global_step: int | None = None,
        sample_rate: int = 44100,
        walltime: float | None = None,
    ) -> None:
        """A sound of one channel, with values in [-1, 1], as 16-bit WAV."""
        self._add(self._make.audio(tag, snd_tensor, sample_rate), global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Text, in Markdown."""
        self._add(self._make.text(tag, text_string), global_step, walltime)

    def add_pr_curve(
        self,
        tag: str,
        labels: Any,
        predictions: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """Precision and recall of predictions, chances between 0 and 1, against labels, 0 or 1, at
        `num_thresholds` thresholds; `weights` count elements differently.

        >>> import tempfile
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     writer.add_pr_curve("cats", plait.tensor([0, 1, 1]), plait.tensor([0.2, 0.4, 0.9]))
        """
        summary = self._make.pr_curve(tag, labels, predictions, num_thresholds, weights)
        self._add(summary, global_step, walltime)

    def add_pr_curve_raw(
        self,
        tag: str,
        true_positive_counts: Any,
        false_positive_counts: Any,
        true_negative_counts: Any,
        false_negative_counts: Any,
        precision: Any,
        recall: Any,
        global_step: int | None = None,
        num_thresholds: int = 127,
        weights: Any = None,
        walltime: float | None = None,
    ) -> None:
        """A precision and recall curve counted already, with `num_thresholds` elements of each. `weights` are
        in the counts already.
        """
        rows = (true_positive_counts, false_positive_counts, true_negative_counts, false_negative_counts)
        summary = self._make.pr_curve_raw(tag, (*rows, precision, recall), num_thresholds)
        self._add(summary, global_step, walltime)

    def add_custom_scalars(self, layout: dict[str, dict[str, Any]]) -> None:
        """Charts of several scalars: {category: {title: [kind, tags]}}, where the kind is "Multiline", or
        "Margin" for a value between two others.

        >>> import tempfile
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     writer.add_custom_scalars({"all": {"loss": ["Multiline", ["loss/train", "loss/test"]]}})
        """
        self._add(self._make.custom_scalars(layout))

    def add_custom_scalars_multilinechart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart of several scalars."""
        self.add_custom_scalars({category: {title: ["Multiline", tags]}})

    def add_custom_scalars_marginchart(
        self, tags: list[str], category: str = "default", title: str = "untitled"
    ) -> None:
        """One chart of a scalar between two others: the tags of the value, the lower and the upper one."""
        self.add_custom_scalars({category: {title: ["Margin", tags]}})

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, list[Any]] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """The hyperparameters of a run and its results, for TensorBoard's page of hyperparameters, as a run
        of their own, `run_name` or the time, in a folder below. `hparam_domain_discrete`: all values that a
        hyperparameter can have.

        >>> import tempfile
        >>> with SummaryWriter(tempfile.mkdtemp()) as writer:
        ...     writer.add_hparams({"lr": 0.1, "optimizer": "SGD"}, {"hparam/accuracy": 0.9})
        """
        if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
            raise TypeError(
                "add_hparams: expected dictionaries hparam_dict and metric_dict, got "
                f"{type(hparam_dict).__name__} and {type(metric_dict).__name__}"
            )
        summaries = self._make.hparams(hparam_dict, metric_dict, hparam_domain_discrete)
        summaries += [self._make.scalar("add_hparams", tag, value) for tag, value in metric_dict.items()]
        writer = self._new_writer(os.path.join(self.log_dir, run_name or str(time.time())))
        for summary in summaries:
            writer.add_summary(summary, global_step)
        writer.close()

    def add_embedding(
        self,
        mat: Any,
        metadata: Any = None,
        label_img: Any = None,
        global_step: int | None = None,
        tag: str = "default",
        metadata_header: Any = None,
    ) -> None:
        """Points for TensorBoard's projector: the rows of `mat`, with a label and an image (C, H, W) for
        each. Labels of several columns have a `metadata_header`, which names those.
        """
        embedding = _load("SummaryWriter", "._embedding")
        if self._projector_config is None:
            self._projector_config = embedding.ProjectorConfig()
        embedding.write(
            self.log_dir,
            self._projector_config,
            mat,
            metadata,
            label_img,
            int(global_step or 0),
            tag,
            metadata_header,
        )

    def add_mesh(
        self,
        tag: str,
        vertices: Any,
        colors: Any = None,
        faces: Any = None,
        config_dict: dict | None = None,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Points in space, (B, N, 3), with their colors, integers to 255 or floats in [0, 1], and triangles
        between them, (B, M, 3) numbers of points. `config_dict`: options of Three.js.
        """
        self._add(self._make.mesh(tag, vertices, colors, faces, config_dict), global_step, walltime)

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Not there: plait runs eagerly and records no graph of a model."""
        raise NotImplementedError(
            "SummaryWriter.add_graph: plait records no graph of a model; try add_text(tag, str(model)), "
            "which logs its layers"
        )

    def add_onnx_graph(self, prototxt: Any) -> None:
        """Not there: plait reads no ONNX."""
        raise NotImplementedError("SummaryWriter.add_onnx_graph: plait reads no ONNX files")

    def flush(self) -> None:
        """Waits until everything is in the files."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Writes what waits and closes the files. What is added afterwards goes into new ones."""
        for writer in (self.all_writers or {}).values():
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
