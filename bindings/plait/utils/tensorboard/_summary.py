"""What a writer logs, as TensorBoard's messages. Importing this module imports TensorBoard."""

from __future__ import annotations

import io
import json
import math
import wave
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import metadata as custom_scalar
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo
from tensorboard.plugins.mesh import metadata as mesh_metadata
from tensorboard.plugins.mesh.plugin_data_pb2 import MeshPluginData
from tensorboard.plugins.pr_curve import metadata as pr_metadata
from tensorboard.plugins.scalar import metadata as scalar_metadata
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.util.tensor_util import make_tensor_proto

from plait import Tensor, bfloat16


def array(value: Any) -> np.ndarray:
    """Numbers of any kind as NumPy's; bfloat16, which NumPy lacks, as float32."""
    if isinstance(value, Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype is bfloat16 else value).numpy()
    elif isinstance(value, list | tuple) and any(isinstance(each, Tensor) for each in value):
        value = [array(each) for each in value]
    return np.asarray(value)


def number(who: str, value: Any) -> float:
    """The one number of the value."""
    if isinstance(value, int | float):
        return float(value)
    numbers = array(value)
    if numbers.size != 1:
        raise ValueError(f"{who}: expected a number or one element, got shape {numbers.shape}")
    return float(numbers.reshape(()))


def _one(tag: str, **content: Any) -> Summary:
    return Summary(value=[Summary.Value(tag=tag, **content)])


def session_start() -> Event:
    """What voids the events from its step on."""
    return Event(session_log=SessionLog(status=SessionLog.START))


# ---- numbers


def scalar(
    who: str, tag: str, value: Any, new_style: bool = False, double_precision: bool = False
) -> Summary:
    """A scalar, in the new style as a tensor."""
    one = number(who, value)
    if not new_style:
        return _one(tag, simple_value=one)
    tensor = make_tensor_proto(np.float64(one) if double_precision else np.float32(one))
    return _one(tag, tensor=tensor, metadata=scalar_metadata.create_summary_metadata(None, None))


def tensor(tag: str, value: Any) -> Summary:
    """A tensor as it is."""
    plugin = SummaryMetadata.PluginData(plugin_name="tensor")
    return _one(tag, tensor=make_tensor_proto(array(value)), metadata=SummaryMetadata(plugin_data=plugin))


def exponential_bins() -> np.ndarray:
    """TensorFlow's limits of buckets: from 1e-12 to 1e20 by steps of a tenth, 0, and the same below it."""
    steps = np.cumprod(np.concatenate([[1e-12], np.full(math.ceil(math.log(1e32, 1.1)), 1.1)]))
    steps = steps[steps < 1e20]
    return np.concatenate([-steps[::-1], [0.0], steps])


def histogram(tag: str, values: Any, bins: Any, max_bins: int | None) -> Summary:
    """The counts of finite values in NumPy's bins."""
    numbers = array(values).astype(np.float64).reshape(-1)
    numbers = numbers[np.isfinite(numbers)]
    if numbers.size == 0:
        raise ValueError(f"add_histogram: {tag!r} has no finite values")
    if isinstance(bins, str) and bins == "tensorflow":
        bins = exponential_bins()
    elif isinstance(bins, Tensor):
        bins = array(bins)
    counts, limits = np.histogram(numbers, bins)
    if max_bins is not None and len(counts) > max_bins:
        factor = math.ceil(len(counts) / max_bins)
        limits = np.append(limits[:-1:factor], limits[-1])
        counts = np.add.reduceat(counts, np.arange(0, len(counts), factor))
    # A bucket of TensorBoard's has a right limit only. Of the empty ones at the ends one is kept, at the
    # left: where the first full one begins.
    full = np.flatnonzero(counts)
    first, last = (int(full[0]), int(full[-1])) if full.size else (0, 0)
    return histogram_raw(
        tag,
        numbers.min(),
        numbers.max(),
        numbers.size,
        numbers.sum(),
        float(numbers @ numbers),
        limits[first : last + 2],
        [0, *counts[first : last + 1]],
    )


def histogram_raw(
    tag: str, low: float, high: float, count: int, total: float, squares: float, limits: Any, counts: Any
) -> Summary:
    """A histogram that somebody else counted."""
    limits, counts = (array(each).astype(np.float64).reshape(-1) for each in (limits, counts))
    if len(limits) != len(counts):
        raise ValueError(
            f"add_histogram_raw: expected as many bucket_counts as bucket_limits, got {len(counts)} and "
            f"{len(limits)}"
        )
    names = ("min", "max", "num", "sum", "sum_squares")
    sums = {name: float(each) for name, each in zip(names, (low, high, count, total, squares))}
    return _one(tag, histo=HistogramProto(**sums, bucket_limit=limits.tolist(), bucket=counts.tolist()))


def pr_curve(tag: str, labels: Any, predictions: Any, thresholds: int, weights: Any) -> Summary:
    """Precision and recall of predictions at thresholds between 0 and 1."""
    truth, chance = array(labels).astype(np.float64), array(predictions).astype(np.float64)
    if truth.shape != chance.shape or truth.size == 0:
        raise ValueError(
            f"add_pr_curve: expected labels and predictions of one shape, with elements, got {truth.shape} "
            f"and {chance.shape}"
        )
    if not ((chance >= 0) & (chance <= 1)).all():
        raise ValueError("add_pr_curve: expected predictions between 0 and 1; try sigmoid or softmax")
    if thresholds < 2:
        raise ValueError(f"add_pr_curve: expected at least 2 thresholds, got num_thresholds={thresholds}")
    weight = np.broadcast_to(1.0 if weights is None else array(weights).astype(np.float64), truth.shape)
    # Bin i holds what is predicted at thresholds 0 to i and no further: sums from the end count those.
    bins = np.floor(chance * (thresholds - 1)).astype(np.int64).reshape(-1)
    true_positives, false_positives = (
        np.bincount(bins, (part * weight).reshape(-1), thresholds)[::-1].cumsum()[::-1]
        for part in (truth, 1 - truth)
    )
    false_negatives = true_positives[0] - true_positives
    precision, recall = (
        true_positives / np.maximum(1e-7, true_positives + others)
        for others in (false_positives, false_negatives)
    )
    true_negatives = false_positives[0] - false_positives
    rows = (true_positives, false_positives, true_negatives, false_negatives, precision, recall)
    return pr_curve_raw(tag, rows, thresholds)


def pr_curve_raw(tag: str, rows: Any, thresholds: int) -> Summary:
    """The counts of true and false positives and negatives, precision and recall at each threshold."""
    table = np.stack([array(row).reshape(-1) for row in rows]).astype(np.float32)
    if table.shape[1] != thresholds:
        raise ValueError(
            f"add_pr_curve_raw: expected num_thresholds={thresholds} elements of each count, got "
            f"{table.shape[1]}"
        )
    about = pr_metadata.create_summary_metadata(tag, "", thresholds)
    return _one(tag, tensor=make_tensor_proto(table), metadata=about)


# ---- pictures and sounds


def pixels(numbers: np.ndarray) -> np.ndarray:
    """Bytes as they are; other numbers from [0, 1], in float32, where k / 255 comes back as k."""
    if numbers.dtype == np.uint8:
        return numbers
    return (np.nan_to_num(numbers.astype(np.float32)).clip(0, 1) * 255).astype(np.uint8)


def grid(images: np.ndarray, columns: int, rows: int = 0) -> np.ndarray:
    """Images (N, H, W, C) as one, row after row; what is left over is black."""
    count, height, width, channels = images.shape
    rows = rows or math.ceil(count / columns)
    canvas = np.zeros((rows * columns, height, width, channels), np.uint8)
    canvas[:count] = images
    canvas = canvas.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    return canvas.reshape(rows * height, columns * width, channels)


def _nhwc(who: str, value: Any, dataformats: str) -> np.ndarray:
    numbers, formats = array(value), dataformats.upper()
    letters = set(formats)
    if len(letters) != len(formats) or len(formats) != numbers.ndim or not {*"HW"} <= letters <= {*"NCHW"}:
        raise ValueError(
            f"{who}: expected dataformats with H, W and possibly N and C, a letter for each dimension of "
            f"shape {numbers.shape}, got {dataformats!r}"
        )
    for letter in "NC":
        if letter not in formats:
            numbers, formats = numbers[..., None], formats + letter
    numbers = numbers.transpose([formats.index(letter) for letter in "NHWC"])
    if numbers.shape[-1] not in (1, 3, 4):
        raise ValueError(f"{who}: expected 1, 3 or 4 channels, got {numbers.shape[-1]}")
    if numbers.size == 0:
        raise ValueError(f"{who}: expected an image with pixels, got shape {tuple(array(value).shape)}")
    return pixels(numbers)


def _picture(rows: np.ndarray) -> Image.Image:
    """Bytes (H, W, C) as Pillow's image."""
    return Image.fromarray(np.ascontiguousarray(rows[..., 0] if rows.shape[-1] == 1 else rows))


def png(picture: Image.Image) -> bytes:
    """The image as a PNG file."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _shown(tag: str, picture: Image.Image, encoded: bytes) -> Summary:
    channels = len(picture.getbands())
    message = Summary.Image(
        height=picture.height, width=picture.width, colorspace=channels, encoded_image_string=encoded
    )
    return _one(tag, image=message)


def image(who: str, tag: str, value: Any, dataformats: str) -> Summary:
    """An image; several in a grid of eight columns."""
    images = _nhwc(who, value, dataformats)
    picture = _picture(grid(images, min(8, len(images))))
    return _shown(tag, picture, png(picture))


def image_with_boxes(
    tag: str, value: Any, boxes: Any, rescale: float, dataformats: str, labels: Any
) -> Summary:
    """An image with red frames, each with its name."""
    images, corners = _nhwc("add_image_with_boxes", value, dataformats), array(boxes).astype(np.float64)
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise ValueError(
            "add_image_with_boxes: expected boxes of shape (N, 4), left, top, right, bottom, got "
            f"{corners.shape}"
        )
    labels = [labels] if isinstance(labels, str) else labels
    if labels is not None and len(labels) != len(corners):
        raise ValueError(
            f"add_image_with_boxes: expected a label for each of {len(corners)} boxes, got {len(labels)}"
        )
    picture = _picture(grid(images, min(8, len(images)))).convert("RGB")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default()
    for i, (left, top, right, bottom) in enumerate(corners.tolist()):
        draw.line([(left, top), (left, bottom), (right, bottom), (right, top), (left, top)], "red", width=2)
        if labels is not None:
            x, y, text_right, text_bottom = draw.textbbox((left, bottom), labels[i], font, anchor="lb")
            draw.rectangle([(x, y), (text_right, text_bottom)], fill="red")
            draw.text((left, bottom), labels[i], "black", font, anchor="lb")
    if rescale != 1:
        size = (max(1, int(picture.width * rescale)), max(1, int(picture.height * rescale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    return _shown(tag, picture, png(picture))


def video(tag: str, value: Any, fps: float) -> Summary:
    """Frames (N, T, C, H, W) as a GIF, which is what TensorBoard plays; N films stand side by side."""
    numbers = array(value)
    if numbers.ndim != 5 or numbers.size == 0 or numbers.shape[2] not in (1, 3, 4):
        raise ValueError(
            f"add_video: expected shape (N, T, C, H, W) with 1, 3 or 4 channels, got {numbers.shape}"
        )
    films = pixels(numbers).transpose(1, 0, 3, 4, 2)
    columns = math.ceil(math.sqrt(films.shape[1]))
    first, *others = [_picture(grid(frame, columns)) for frame in films]
    file, milliseconds = io.BytesIO(), max(10, round(1000 / fps))
    first.save(file, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    return _shown(tag, first, file.getvalue())


def audio(tag: str, value: Any, rate: int) -> Summary:
    """A sound of one channel as 16-bit WAV."""
    sound = array(value)
    if sound.size != max(sound.shape, default=0):
        raise ValueError(f"add_audio: expected a sound of shape (L,) or (1, L), got {sound.shape}")
    samples = (np.nan_to_num(sound.astype(np.float64)).reshape(-1).clip(-1, 1) * 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, int(rate), len(samples), "NONE", ""))
        wav.writeframes(samples.tobytes())
    message = Summary.Audio(
        sample_rate=rate,
        num_channels=1,
        length_frames=len(samples),
        encoded_audio_string=file.getvalue(),
        content_type="audio/wav",
    )
    return _one(tag, audio=message)


def figures(value: Any, close: bool) -> np.ndarray:
    """Matplotlib's figures as images (N, H, W, 3)."""
    from matplotlib import pyplot
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    shots = []
    for figure in value if isinstance(value, list | tuple) else [value]:
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        shots.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        if close:
            pyplot.close(figure)
    return np.stack(shots)


# ---- text, layouts, hyperparameters, meshes


def text(tag: str, value: str) -> Summary:
    """Markdown."""
    return text_pb(f"{tag}/text_summary", value)


def custom_scalars(layout: dict[str, dict[str, Any]]) -> Summary:
    """Charts of several scalars, by category and title."""
    categories = []
    for category, charts in layout.items():
        made = []
        for title, (kind, tags) in charts.items():
            if kind == "Multiline":
                lines = layout_pb2.MultilineChartContent(tag=tags)
                made.append(layout_pb2.Chart(title=title, multiline=lines))
            elif kind == "Margin":
                if len(tags) != 3:
                    raise ValueError(
                        f"add_custom_scalars: expected 3 tags of the margin chart {title!r}, value, lower "
                        f"and upper, got {len(tags)}"
                    )
                series = layout_pb2.MarginChartContent.Series(value=tags[0], lower=tags[1], upper=tags[2])
                margin = layout_pb2.MarginChartContent(series=[series])
                made.append(layout_pb2.Chart(title=title, margin=margin))
            else:
                raise ValueError(
                    f"add_custom_scalars: expected 'Multiline' or 'Margin' for the chart {title!r}, got "
                    f"{kind!r}"
                )
        categories.append(layout_pb2.Category(title=category, chart=made))
    encoded = layout_pb2.Layout(category=categories).SerializeToString()
    about = custom_scalar.create_summary_metadata()
    return _one(custom_scalar.CONFIG_SUMMARY_TAG, tensor=make_tensor_proto(encoded), metadata=about)


def hparams(
    values: dict[str, Any], metrics: dict[str, Any], domains: dict[str, list[Any]] | None
) -> list[Summary]:
    """What the page of hyperparameters reads: the experiment, a run's beginning with its values, its end."""
    domains = domains or {}
    for name in domains:
        if name not in values:
            raise ValueError(f"add_hparams: hparam_domain_discrete names {name!r}, which hparam_dict lacks")
    start, infos = SessionStartInfo(), []
    for name, value in values.items():
        if value is None:
            continue
        if not isinstance(value, bool | str):
            value = array(value)
            if value.size != 1 or value.dtype.kind not in "biuf":
                raise ValueError(
                    f"add_hparams: expected a bool, str, int, float, a tensor of one element or None for "
                    f"{name!r}, got {values[name]!r}"
                )
            value = value.item()
        field, kind = (
            ("bool_value", api_pb2.DATA_TYPE_BOOL)
            if isinstance(value, bool)
            else ("string_value", api_pb2.DATA_TYPE_STRING)
            if isinstance(value, str)
            else ("number_value", api_pb2.DATA_TYPE_FLOAT64)
        )
        setattr(start.hparams[name], field, value)
        info = api_pb2.HParamInfo(name=name, type=kind)
        if name in domains:
            for each in domains[name]:
                if isinstance(each, bool | str) and type(each) is not type(value):
                    raise TypeError(
                        f"add_hparams: expected values of hparam_domain_discrete[{name!r}] of the type of "
                        f"{value!r}, got {each!r}"
                    )
                setattr(info.domain_discrete.values.add(), field, each)
        infos.append(info)
    about = [api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in metrics]
    experiment = api_pb2.Experiment(hparam_infos=infos, metric_infos=about)
    end = SessionEndInfo(status=api_pb2.STATUS_SUCCESS)
    contents = {
        hparams_metadata.EXPERIMENT_TAG: HParamsPluginData(experiment=experiment),
        hparams_metadata.SESSION_START_INFO_TAG: HParamsPluginData(session_start_info=start),
        hparams_metadata.SESSION_END_INFO_TAG: HParamsPluginData(session_end_info=end),
    }
    return [
        _one(
            tag, tensor=hparams_metadata.NULL_TENSOR, metadata=hparams_metadata.create_summary_metadata(data)
        )
        for tag, data in contents.items()
    ]


def mesh(tag: str, vertices: Any, colors: Any, faces: Any, config: dict | None) -> Summary:
    """Points in space, with colours, and the triangles between them."""
    points = array(vertices)
    if points.ndim != 3 or points.shape[2] != 3:
        raise ValueError(f"add_mesh: expected vertices of shape (B, N, 3), got {points.shape}")
    parts = [(MeshPluginData.VERTEX, points.astype(np.float32))]
    if faces is not None:
        parts.append((MeshPluginData.FACE, array(faces).astype(np.int32)))
    if colors is not None:
        shades = array(colors)
        # Floats are in [0, 1], integers in [0, 255].
        shades = pixels(shades) if shades.dtype.kind == "f" else shades.clip(0, 255).astype(np.uint8)
        if shades.shape != points.shape:
            raise ValueError(
                f"add_mesh: expected colors of the vertices' shape {points.shape}, got {shades.shape}"
            )
        parts.append((MeshPluginData.COLOR, shades))
    components = mesh_metadata.get_components_bitmask([kind for kind, _ in parts])
    summary = Summary()
    for kind, part in parts:
        if part.ndim != 3 or part.shape[2] != 3:
            raise ValueError(f"add_mesh: expected faces of shape (B, N, 3), got {part.shape}")
        about = mesh_metadata.create_summary_metadata(
            tag, None, kind, components, part.shape, json_config=json.dumps(config or {}, sort_keys=True)
        )
        name = mesh_metadata.get_instance_name(tag, kind)
        summary.value.add(tag=name, tensor=make_tensor_proto(part), metadata=about)
    return summary
