"""Logs for TensorBoard, read back by TensorBoard's own reader; the oracles are NumPy, Pillow, and PyTorch's writer
where it is installed."""

import io
import os
import subprocess
import sys
import wave

import numpy as np
import plait
import pytest

WITHOUT = """
import sys
import plait.utils.tensorboard
assert not {"tensorboard", "google.protobuf", "PIL"} & set(sys.modules)
sys.modules["tensorboard"] = None  # its import fails from here on
for make in (plait.utils.tensorboard.SummaryWriter, plait.utils.tensorboard.FileWriter):
    try:
        make(sys.argv[1])
    except ImportError as error:
        print(error)
"""


def test_without_tensorboard(tmp_path):
    command = [sys.executable, "-c", WITHOUT, str(tmp_path / "log")]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert shown == [
        f"{name}: needs TensorBoard, which is not installed; pip install tensorboard"
        for name in ("SummaryWriter", "FileWriter")
    ]
    assert not (tmp_path / "log").exists()


@pytest.fixture
def read():
    """Make a reader of a folder, that keeps everything."""
    module = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    sizes = dict.fromkeys(module.DEFAULT_SIZE_GUIDANCE, 0)
    return lambda folder: module.EventAccumulator(str(folder), size_guidance=sizes).Reload()


@pytest.fixture
def writer(tmp_path):
    pytest.importorskip("tensorboard")
    with plait.utils.tensorboard.SummaryWriter(tmp_path) as made:
        yield made


def numbers(event):
    from tensorboard.util.tensor_util import make_ndarray

    return make_ndarray(event.tensor_proto)


def picture(event):
    from PIL import Image

    return Image.open(io.BytesIO(event.encoded_image_string))


def test_scalars_of_all_kinds(tmp_path, writer, read):
    values = [1, 2.5, plait.tensor([3.0], requires_grad=True), np.float64(4), True, np.ones((1, 1), np.int8)]
    for step, value in enumerate(values):
        writer.add_scalar("a/loss", value, step, walltime=100.5 + step)
    writer.add_scalar("late", plait.tensor(5.0, dtype=plait.bfloat16), plait.tensor(1 << 40))
    writer.add_scalar("none", float("inf"))
    with pytest.raises(ValueError, match=r"add_scalar: .* one element.*\(2,\)"):
        writer.add_scalar("a/loss", plait.ones(2))
    writer.close()
    found = read(tmp_path)
    assert found.Tags()["scalars"] == ["a/loss", "late", "none"]
    assert [e.value for e in found.Scalars("a/loss")] == [1, 2.5, 3, 4, 1, 1]
    assert [e.step for e in found.Scalars("a/loss")] == list(range(6))
    assert [e.wall_time for e in found.Scalars("a/loss")] == [100.5 + step for step in range(6)]
    assert [(e.step, e.value) for e in found.Scalars("late")] == [(1 << 40, 5)]
    assert found.Scalars("none")[0].value == float("inf")


def test_scalars_and_tensors_as_tensors(tmp_path, writer, read):
    writer.add_scalar("single", 0.1, 3, new_style=True)
    writer.add_scalar("double", 0.1, 3, new_style=True, double_precision=True)
    x = plait.arange(6, dtype=plait.int64).reshape(2, 3)
    writer.add_tensor("x", x, 4)
    writer.add_tensor("half", x.to(plait.bfloat16))
    writer.flush()  # what is in the file can be read before it is closed
    found = read(tmp_path)
    for tag, expected in (("single", np.float32(0.1)), ("double", np.float64(0.1)), ("x", x.numpy())):
        array = numbers(found.Tensors(tag)[0])
        assert array.dtype == expected.dtype and array.shape == expected.shape
        np.testing.assert_array_equal(array, expected)
    np.testing.assert_array_equal(numbers(found.Tensors("half")[0]), x.numpy().astype(np.float32))
    assert found.SummaryMetadata("single").plugin_data.plugin_name == "scalars"


def test_histogram(tmp_path, writer, read):
    x = np.concatenate([np.random.default_rng(0).normal(size=500), [0.0, 1e-3, np.nan, np.inf]])
    writer.add_histogram("w", plait.tensor(x), 3)
    writer.add_histogram("w", x, 4, bins=[-10, 0, 10])
    writer.add_histogram("w", x, 5, bins=np.linspace(-10, 10, 101), max_bins=10)
    writer.add_histogram("w", x[:-2], 6, bins="auto")
    writer.add_histogram("one", [2.0], 0)
    with pytest.raises(ValueError, match="'w' has no finite values"):
        writer.add_histogram("w", [np.nan])
    writer.close()
    finite = x[np.isfinite(x)]
    events = read(tmp_path).Histograms("w")
    assert [e.step for e in events] == [3, 4, 5, 6]
    for event, most in zip(events, (1500, 3, 11, 500)):
        value = event.histogram_value
        assert (value.min, value.max, value.num) == (finite.min(), finite.max(), finite.size)
        np.testing.assert_allclose([value.sum, value.sum_squares], [finite.sum(), (finite**2).sum()])
        limits, counts = np.array(value.bucket_limit), np.array(value.bucket)
        assert counts[0] == 0 and counts.sum() == finite.size and (np.diff(limits) > 0).all()
        # bucket i holds the values between limit i - 1 and limit i
        np.testing.assert_array_equal(counts[1:], np.histogram(finite, limits)[0])
        assert len(limits) <= most
    (event,) = read(tmp_path).Histograms("one")
    low, high = event.histogram_value.bucket_limit
    assert low <= 2 < high and list(event.histogram_value.bucket) == [0, 1]


def test_histogram_counted_already(tmp_path, writer, read):
    limits, counts = plait.tensor([1.0, 2.0, 4.0]), plait.tensor([0, 3, 1])
    writer.add_histogram_raw("w", 1.5, 3.0, 4, 7.5, 15.75, limits, counts, global_step=2)
    with pytest.raises(ValueError, match="got 2 and 3"):
        writer.add_histogram_raw("w", 1.5, 3.0, 4, 7.5, 15.75, limits, [1, 2])
    writer.close()
    (event,) = read(tmp_path).Histograms("w")
    value = event.histogram_value
    assert (event.step, value.min, value.max, value.num, value.sum, value.sum_squares) == (2, 1.5, 3, 4, 7.5, 15.75)
    assert (value.bucket_limit, value.bucket) == ([1, 2, 4], [0, 3, 1])


def test_images(tmp_path, writer, read):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    several = rng.uniform(-0.2, 1.2, (9, 1, 2, 3)).astype(np.float32)
    writer.add_image("a", pixels, dataformats="HWC")
    writer.add_image("b", plait.tensor(pixels.transpose(2, 0, 1)))
    writer.add_image("floats", plait.tensor(pixels.transpose(2, 0, 1)) / 255)
    writer.add_image("gray", pixels[..., 0].T, dataformats="WH")
    writer.add_image("alpha", np.concatenate([pixels, pixels[..., :1]], -1), dataformats="hwc")
    writer.add_images("many", plait.tensor(several))
    with pytest.raises(ValueError, match="dataformats"):
        writer.add_image("a", pixels, dataformats="CH")
    with pytest.raises(ValueError, match="dataformats"):
        writer.add_image("a", pixels, dataformats="NCH")
    with pytest.raises(ValueError, match="1, 3 or 4 channels, got 2"):
        writer.add_image("a", np.zeros((2, 4, 4)))
    with pytest.raises(ValueError, match="add_images: expected an image with pixels"):
        writer.add_images("a", np.zeros((0, 3, 4, 4)))
    writer.close()
    found, shown = read(tmp_path), {}
    for tag in found.Tags()["images"]:
        (event,) = found.Images(tag)
        shown[tag] = np.asarray(picture(event))
        assert shown[tag].shape[:2] == (event.height, event.width)
    for tag in ("a", "b", "floats"):
        np.testing.assert_array_equal(shown[tag], pixels)
    np.testing.assert_array_equal(shown["gray"], pixels[..., 0])
    np.testing.assert_array_equal(shown["alpha"], np.concatenate([pixels, pixels[..., :1]], -1))
    bytes_ = (several.clip(0, 1) * 255).astype(np.uint8)
    assert shown["many"].shape == (4, 24)
    np.testing.assert_array_equal(shown["many"][:2, 21:], bytes_[7, 0])
    np.testing.assert_array_equal(shown["many"][2:, :3], bytes_[8, 0])
    assert (shown["many"][2:, 3:] == 0).all()


def test_image_with_boxes(tmp_path, writer, read):
    boxes = plait.tensor([[4.0, 6.0, 30.0, 40.0]])
    writer.add_image_with_boxes("plain", plait.zeros(1, 50, 60), boxes, rescale=2)
    writer.add_image_with_boxes("named", np.zeros((50, 60), np.uint8), boxes, dataformats="HW", labels="cat")
    with pytest.raises(ValueError, match=r"\(N, 4\)"):
        writer.add_image_with_boxes("plain", plait.zeros(1, 50, 60), plait.ones(4))
    with pytest.raises(ValueError, match="a label for each of 1 boxes, got 2"):
        writer.add_image_with_boxes("plain", plait.zeros(1, 50, 60), boxes, labels=["a", "b"])
    writer.close()
    found = read(tmp_path)
    (plain,), (named,) = found.Images("plain"), found.Images("named")
    assert (plain.height, plain.width) == (100, 120) == np.asarray(picture(plain)).shape[:2]
    named = np.asarray(picture(named))
    for y, x in ((6, 15), (40, 25), (20, 4), (20, 30)):
        np.testing.assert_array_equal(named[y, x], [255, 0, 0])
    assert (named[..., 1:] == 0).all() and (named[15:25, 8:25] == 0).all() and (named[45:] == 0).all()
    # The label is black on red, above the box's lower left corner.
    assert (named[30:39, 6:25, 0] == 255).any() and (named[30:39, 6:25, 0] < 255).any()


def test_figures(tmp_path, writer, read):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    backend = pyplot.get_backend()
    pyplot.switch_backend("agg")
    try:
        red, blue = (pyplot.figure(figsize=(1, 2), dpi=20, facecolor=name) for name in ("red", "blue"))
        writer.add_figure("kept", red, 1, close=False)
        assert pyplot.fignum_exists(red.number)
        writer.add_figure("both", [red, blue], 1)
        assert not pyplot.get_fignums()
    finally:
        pyplot.switch_backend(backend)
    writer.close()
    found = read(tmp_path)
    (kept,), (both,) = found.Images("kept"), found.Images("both")
    expected = np.zeros((40, 40, 3), np.uint8)
    expected[:, :20, 0] = expected[:, 20:, 2] = 255
    np.testing.assert_array_equal(np.asarray(picture(both)), expected)
    np.testing.assert_array_equal(np.asarray(picture(kept)), expected[:, :20])


def test_video(tmp_path, writer, read):
    rng = np.random.default_rng(0)
    films = rng.integers(0, 2, (3, 4, 3, 5, 6)).astype(np.float32)
    writer.add_video("films", plait.tensor(films), 1, fps=5)
    writer.add_video("gray", (films[:1, :, :1] * 255).astype(np.uint8))
    with pytest.raises(ValueError, match=r"\(N, T, C, H, W\)"):
        writer.add_video("films", films[0])
    writer.close()
    found = read(tmp_path)
    (event,), (gray,) = found.Images("films"), found.Images("gray")
    film = picture(event)
    assert (film.format, film.n_frames, film.info["duration"], film.info["loop"]) == ("GIF", 4, 200, 0)
    assert (event.height, event.width) == (10, 12)
    for i in range(4):
        film.seek(i)
        frame = np.asarray(film.convert("RGB"))
        for n in range(3):
            y, x = divmod(n, 2)
            part = frame[5 * y : 5 * y + 5, 6 * x : 6 * x + 6]
            np.testing.assert_array_equal(part, films[n, i].transpose(1, 2, 0) * 255)
        assert (frame[5:, 6:] == 0).all()
    gray = picture(gray)
    gray.seek(3)
    np.testing.assert_array_equal(np.asarray(gray.convert("L")), films[0, 3, 0] * 255)


def test_audio(tmp_path, writer, read):
    sound = np.array([0, 0.5, -1, 1, 2, np.nan], np.float32)
    writer.add_audio("beep", plait.tensor(sound)[None], 1, sample_rate=8000)
    with pytest.raises(ValueError, match=r"\(1, L\), got \(2, 6\)"):
        writer.add_audio("beep", np.stack([sound, sound]))
    writer.close()
    (event,) = read(tmp_path).Audio("beep")
    assert (event.sample_rate, event.length_frames, event.content_type) == (8000, 6, "audio/wav")
    with wave.open(io.BytesIO(event.encoded_audio_string)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        samples = np.frombuffer(file.readframes(9), "<i2")
    np.testing.assert_array_equal(samples, [0, 16383, -32767, 32767, 32767, 0])


def test_text(tmp_path, writer, read):
    writer.add_text("note", "**bold** ü", 1)
    writer.close()
    (event,) = read(tmp_path).Tensors("note/text_summary")
    assert event.step == 1 and numbers(event).item().decode() == "**bold** ü"
    assert read(tmp_path).SummaryMetadata("note/text_summary").plugin_data.plugin_name == "text"


@pytest.mark.parametrize("weighted", [False, True])
def test_pr_curve(tmp_path, writer, read, weighted):
    rng = np.random.default_rng(0)
    labels, chances = rng.integers(0, 2, 60), np.append(rng.uniform(0, 1, 58), [0, 1])
    weights = rng.uniform(0, 2, 60) if weighted else np.ones(60)
    options = {"weights": plait.tensor(weights)} if weighted else {}
    writer.add_pr_curve("cats", plait.tensor(labels) == 1, plait.tensor(chances), 2, num_thresholds=201, **options)
    with pytest.raises(ValueError, match="one shape"):
        writer.add_pr_curve("cats", labels, chances[1:])
    with pytest.raises(ValueError, match="between 0 and 1"):
        writer.add_pr_curve("cats", labels, chances * 2)
    with pytest.raises(ValueError, match="num_thresholds=1"):
        writer.add_pr_curve("cats", labels, chances, num_thresholds=1)
    writer.close()
    (event,) = read(tmp_path).Tensors("cats")
    rows = []
    for i in range(201):
        said = np.floor(chances * 200) >= i
        tp, fp, tn, fn = (
            weights[(said == guess) & (labels == truth)].sum()
            for guess, truth in ((True, 1), (True, 0), (False, 0), (False, 1))
        )
        rows.append([tp, fp, tn, fn, tp / max(1e-7, tp + fp), tp / max(1e-7, tp + fn)])
    assert event.step == 2
    np.testing.assert_allclose(numbers(event), np.transpose(rows), rtol=1e-5, atol=1e-5)
    from tensorboard.plugins.pr_curve import metadata

    plugin = read(tmp_path).SummaryMetadata("cats").plugin_data
    assert metadata.parse_plugin_metadata(plugin.content).num_thresholds == 201
    assert plugin.plugin_name == "pr_curves"


def test_pr_curve_counted_already(tmp_path, writer, read):
    rows = np.arange(18, dtype=np.float32).reshape(6, 3)
    writer.add_pr_curve_raw("cats", *plait.tensor(rows), num_thresholds=3)
    with pytest.raises(ValueError, match="num_thresholds=127 elements of each count, got 3"):
        writer.add_pr_curve_raw("cats", *rows)
    writer.close()
    np.testing.assert_array_equal(numbers(read(tmp_path).Tensors("cats")[0]), rows)


def test_custom_scalars(tmp_path, writer, read):
    layout = {"all": {"lines": ["Multiline", ["a", "b"]], "band": ["Margin", ["a", "low", "high"]]}, "none": {}}
    writer.add_custom_scalars(layout)
    for wrong in (["Pie", ["a"]], ["Margin", ["a", "b"]]):
        with pytest.raises(ValueError, match=r"the (margin )?chart 'x'"):
            writer.add_custom_scalars({"all": {"x": wrong}})
    writer.add_custom_scalars_multilinechart(["c", "d"], title="t")
    writer.add_custom_scalars_marginchart(["c", "d", "e"], category="k")
    writer.close()
    from tensorboard.plugins.custom_scalar import layout_pb2, metadata

    events = read(tmp_path).Tensors(metadata.CONFIG_SUMMARY_TAG)
    first, lines, band = (layout_pb2.Layout.FromString(numbers(e).item()) for e in events)
    assert [c.title for c in first.category] == ["all", "none"]
    one, two = first.category[0].chart
    assert (one.title, list(one.multiline.tag)) == ("lines", ["a", "b"])
    (series,) = two.margin.series
    assert (two.title, series.value, series.lower, series.upper) == ("band", "a", "low", "high")
    assert (lines.category[0].title, list(lines.category[0].chart[0].multiline.tag)) == ("default", ["c", "d"])
    assert (band.category[0].title, band.category[0].chart[0].margin.series[0].upper) == ("k", "e")


def test_hyperparameters(tmp_path, writer, read):
    values = {"lr": 0.1, "size": 32, "name": "SGD", "flag": True, "x": plait.tensor(2.5), "none": None}
    metrics = {"hparam/accuracy": plait.tensor(0.5), "hparam/loss": 1}
    writer.add_hparams(values, metrics, {"size": [16, 32], "name": ["SGD"], "flag": [True]}, "run", 7)
    writer.add_hparams({}, {})
    for wrong, error in (({"lr": [1, 2]}, ValueError), ([1], TypeError)):
        with pytest.raises(error, match="add_hparams"):
            writer.add_hparams(wrong, {})
    with pytest.raises(ValueError, match="'b', which hparam_dict lacks"):
        writer.add_hparams({"a": 1}, {}, {"b": [1]})
    with pytest.raises(TypeError, match=r"hparam_domain_discrete\['a'\] .* got 'x'"):
        writer.add_hparams({"a": 1}, {}, {"a": ["x"]})
    writer.close()
    runs = [p.name for p in tmp_path.iterdir() if p.is_dir()]
    assert len(runs) == 2 and "run" in runs
    from tensorboard.plugins.hparams import api_pb2, metadata

    found = read(tmp_path / "run")

    def content(tag):
        return found.SummaryMetadata(tag).plugin_data.content

    started = metadata.parse_session_start_info_plugin_data(content(metadata.SESSION_START_INFO_TAG))
    kinds = {name: value.WhichOneof("kind") for name, value in started.hparams.items()}
    read_back = {name: getattr(value, kinds[name]) for name, value in started.hparams.items()}
    assert read_back == {"lr": 0.1, "size": 32, "name": "SGD", "flag": True, "x": 2.5}
    assert read_back["flag"] is True
    experiment = metadata.parse_experiment_plugin_data(content(metadata.EXPERIMENT_TAG))
    infos = {info.name: info for info in experiment.hparam_infos}
    assert infos["lr"].type == api_pb2.DATA_TYPE_FLOAT64 and infos["flag"].type == api_pb2.DATA_TYPE_BOOL
    assert infos["name"].type == api_pb2.DATA_TYPE_STRING and not infos["lr"].HasField("domain_discrete")
    assert [v.number_value for v in infos["size"].domain_discrete.values] == [16, 32]
    assert [m.name.tag for m in experiment.metric_infos] == list(metrics)
    ended = metadata.parse_session_end_info_plugin_data(content(metadata.SESSION_END_INFO_TAG))
    assert ended.status == api_pb2.STATUS_SUCCESS
    assert [(e.step, e.value) for e in found.Scalars("hparam/accuracy")] == [(7, 0.5)]


def test_embeddings(tmp_path, writer):
    from google.protobuf import text_format
    from PIL import Image
    from tensorboard.plugins.projector.projector_config_pb2 import ProjectorConfig

    rng = np.random.default_rng(0)
    points, images = rng.normal(size=(5, 3)).astype(np.float32), rng.uniform(0, 1, (5, 3, 4, 2)).astype(np.float32)
    writer.add_embedding(plait.tensor(points), [*"abcde"], plait.tensor(images), 7, "a/b")
    rows = [(i, "ü") for i in range(5)]
    for _ in range(2):  # written again, not listed again
        writer.add_embedding(points.astype(np.float64), rows, metadata_header=["number", "letter"])
    for wrong in ({"mat": points[0]}, {"mat": points, "metadata": [1]}, {"mat": points, "label_img": images[1:]}):
        with pytest.raises(ValueError, match="add_embedding: expected"):
            writer.add_embedding(**wrong)
    config = text_format.Parse((tmp_path / "projector_config.pbtxt").read_text(), ProjectorConfig())
    first, second = config.embeddings
    assert (first.tensor_name, second.tensor_name) == ("a/b:00007", "default:00000")
    assert list(first.sprite.single_image_dim) == [2, 4] and not second.sprite.image_path
    np.testing.assert_array_equal(np.loadtxt(tmp_path / first.tensor_path, np.float32, delimiter="\t"), points)
    assert (tmp_path / first.metadata_path).read_text() == "a\nb\nc\nd\ne\n"
    lines = (tmp_path / second.metadata_path).read_text(encoding="utf-8").splitlines()
    assert lines == ["number\tletter", *(f"{i}\tü" for i in range(5))]
    sprite = np.asarray(Image.open(tmp_path / first.sprite.image_path))
    assert sprite.shape == (12, 6, 3)
    for i in range(5):
        y, x = divmod(i, 3)
        expected = (images[i].transpose(1, 2, 0) * 255).astype(np.uint8)
        np.testing.assert_array_equal(sprite[4 * y : 4 * y + 4, 2 * x : 2 * x + 2], expected)
    assert (sprite[8:] == 0).all()


def test_meshes(tmp_path, writer, read):
    points = np.random.default_rng(0).normal(size=(1, 4, 3)).astype(np.float32)
    colors = np.array([[[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 2, -1]]])
    faces = plait.tensor([[[0, 2, 3], [0, 3, 1]]])
    writer.add_mesh("m", plait.tensor(points), colors, faces, {"camera": {"fov": 75}}, 3)
    with pytest.raises(ValueError, match=r"vertices of shape \(B, N, 3\), got \(4, 3\)"):
        writer.add_mesh("m", points[0])
    with pytest.raises(ValueError, match=r"colors of the vertices' shape"):
        writer.add_mesh("m", points, colors[:, :2])
    writer.close()
    found = read(tmp_path)
    np.testing.assert_array_equal(numbers(found.Tensors("m_VERTEX")[0]), points)
    np.testing.assert_array_equal(numbers(found.Tensors("m_FACE")[0]), faces.numpy())
    expected = [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [127, 255, 0]]]
    np.testing.assert_array_equal(numbers(found.Tensors("m_COLOR")[0]), expected)
    from tensorboard.plugins.mesh import metadata

    about = metadata.parse_plugin_metadata(found.SummaryMetadata("m_FACE").plugin_data.content)
    assert (about.json_config, list(about.shape)) == ('{"camera": {"fov": 75}}', [1, 2, 3])


def test_groups_of_scalars_and_going_on_after_close(tmp_path, writer, read):
    writer.add_scalar("x", 1.0, 0)
    writer.add_scalars("group/x", {"a": 1.0, "b": plait.tensor(2.0)}, 7)
    with pytest.raises(ValueError, match=r"add_scalars: .* one element"):
        writer.add_scalars("group/x", {"a": plait.ones(2)})
    writer.close()
    writer.close()
    writer.flush()
    writer.add_scalar("x", 2.0, 1)
    writer.add_scalars("group/x", {"a": 3.0}, 8)
    writer.close()
    assert len([*tmp_path.glob("events.out.tfevents.*")]) == 2
    assert [(e.step, e.value) for e in read(tmp_path).Scalars("x")] == [(0, 1), (1, 2)]
    for name, values in (("a", [(7, 1), (8, 3)]), ("b", [(7, 2)])):
        found = read(tmp_path / f"group_x_{name}").Scalars("group/x")
        assert [(e.step, e.value) for e in found] == values


def test_going_on_from_an_earlier_step(tmp_path, read):
    with plait.utils.tensorboard.SummaryWriter(tmp_path) as writer:
        for step in range(5):
            writer.add_scalar("x", step, step)
    with plait.utils.tensorboard.SummaryWriter(tmp_path, purge_step=3) as writer:
        writer.add_scalar("x", 30, 3)
    assert [(e.step, e.value) for e in read(tmp_path).Scalars("x")] == [(0, 0), (1, 1), (2, 2), (3, 30)]


def test_folders_and_names(tmp_path, monkeypatch, read):
    monkeypatch.chdir(tmp_path)
    with plait.utils.tensorboard.SummaryWriter(comment="_lr1", filename_suffix=".end") as writer:
        folder = writer.get_logdir()
        assert writer.file_writer.get_logdir() == folder == writer.log_dir
    assert os.path.dirname(folder) == "runs" and folder.endswith("_lr1")
    (name,) = os.listdir(folder)
    assert name.startswith("events.out.tfevents.") and name.endswith(".end")


def test_the_file_writer(tmp_path, read):
    summaries = pytest.importorskip("tensorboard.compat.proto.summary_pb2")
    file = plait.utils.tensorboard.FileWriter(tmp_path, max_queue=2, flush_secs=1)

    def add(step):
        value = summaries.Summary.Value(tag="x", simple_value=step)
        file.add_summary(summaries.Summary(value=[value]), step, walltime=9.0)

    add(1)
    file.reopen()  # nothing was closed
    add(2)
    file.close()
    with pytest.raises(OSError, match="closed"):
        add(3)
    file.reopen()
    add(4)
    file.close()
    assert [(e.step, e.wall_time) for e in read(tmp_path).Scalars("x")] == [(1, 9), (2, 9), (4, 9)]


ENDS = """
import os, sys
from plait.utils.tensorboard import SummaryWriter
writer = SummaryWriter(sys.argv[1])
for step in range(25):
    writer.add_scalar("x", step, step)
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


def test_what_the_end_of_a_program_leaves(tmp_path, read):
    # Nobody closed the writer, and a forked process ended before: everything is there, once.
    subprocess.run([sys.executable, "-c", ENDS, str(tmp_path)], check=True)
    assert [e.step for e in read(tmp_path).Scalars("x")] == list(range(25))


def test_what_there_is_not(writer):
    with pytest.raises(NotImplementedError, match="records no graph"):
        writer.add_graph(plait.nn.Linear(2, 2), plait.ones(1, 2))
    with pytest.raises(NotImplementedError, match="ONNX"):
        writer.add_onnx_graph("model.onnx")


def test_like_pytorch(tmp_path, read):
    pytest.importorskip("torch")
    from torch.utils.tensorboard import SummaryWriter

    rng = np.random.default_rng(0)
    x, image = rng.normal(size=1000), rng.uniform(-0.1, 1.1, (9, 3, 6, 5)).astype(np.float32)
    labels, chances = rng.integers(0, 2, 50), rng.uniform(0, 1, 50).astype(np.float32)

    def log(writer):
        writer.add_scalar("x", 0.1, 3)
        writer.add_scalars("group/x", {"a": 1, "b": 2}, 4)
        for tag, options in {"h": {}, "n": {"bins": 20}, "m": {"bins": 100, "max_bins": 10}}.items():
            writer.add_histogram(tag, x, **options)
        writer.add_images("i", image)
        writer.add_audio("s", x[None].clip(-1, 1))
        writer.add_text("t", "text")
        writer.add_pr_curve("p", labels, chances)
        writer.add_mesh("m", x[:12].reshape(1, 4, 3))
        writer.close()

    log(plait.utils.tensorboard.SummaryWriter(tmp_path / "plait"))
    log(SummaryWriter(tmp_path / "torch"))
    ours, theirs = read(tmp_path / "plait"), read(tmp_path / "torch")
    assert ours.Tags() == theirs.Tags()
    folders = [{p.name for p in (tmp_path / who).iterdir() if p.is_dir()} for who in ("plait", "torch")]
    assert folders[0] == folders[1]
    scalar, other = (each.Scalars("x")[0] for each in (ours, theirs))
    assert (scalar.step, scalar.value) == (other.step, other.value)
    for tag in ("h", "n", "m"):
        mine, other = (each.Histograms(tag)[0].histogram_value for each in (ours, theirs))
        assert (mine.bucket_limit, mine.bucket) == (other.bucket_limit, other.bucket)
        sums = [[h.min, h.max, h.num, h.sum, h.sum_squares] for h in (mine, other)]
        np.testing.assert_allclose(*sums, rtol=1e-12)
    np.testing.assert_array_equal(*(np.asarray(picture(each.Images("i")[0])) for each in (ours, theirs)))
    assert ours.Audio("s")[0].encoded_audio_string == theirs.Audio("s")[0].encoded_audio_string
    for tag in ("p", "m_VERTEX"):
        np.testing.assert_allclose(*(numbers(each.Tensors(tag)[0]) for each in (ours, theirs)), rtol=1e-6)
    np.testing.assert_array_equal(*(numbers(each.Tensors("t/text_summary")[0]).item() for each in (ours, theirs)))
