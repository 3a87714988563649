"""The examples run, with settings small enough for a test, and leave behind what they promise."""

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the examples' data come with scikit-learn")
pytest.importorskip("matplotlib", reason="the examples draw with matplotlib")
pytest.importorskip("tqdm", reason="the examples show their progress with tqdm")

EXAMPLES = Path(__file__).parents[2] / "examples"


def command(name: str, out: Path, *options: str) -> list[str]:
    return [sys.executable, str(EXAMPLES / name), "--device", "cpu", "--out", str(out), *options]


def run(name: str, out: Path, *options: str) -> str:
    """What the example printed. It runs as a user runs it, in a process of its own."""
    words = command(name, out, *options)
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n", f"{path} is no PNG"
    return struct.unpack(">II", head[16:24])


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found, f"{pattern!r} not in {text!r}"
    return float(found[1])


def test_digits_reads_most_digits_after_three_epochs(tmp_path):
    said = run("digits.py", tmp_path, "--epochs", "3", "--seed", "1")
    assert number(r"test accuracy ([\d.]+)%", said) > 85  # ten classes: guessing gives 10
    assert min(png_size(tmp_path / "curves.png")) > 100
    assert min(png_size(tmp_path / "misread.png")) > 100


@pytest.mark.slow
def test_digits_reaches_98_percent(tmp_path):
    said = run("digits.py", tmp_path)
    assert number(r"test accuracy ([\d.]+)%", said) >= 98


GPT = (
    "--batch-size", "4", "--context", "32", "--letters", "50000",
    "--width", "32", "--layers", "2", "--heads", "2",
)


def test_char_gpt_learns_and_resumes(tmp_path):
    first = run("char_gpt.py", tmp_path, *GPT, "--steps", "20", "--every", "10", "--seed", "3")
    assert first.count("--- step") == 2
    assert "def " in first
    losses = [float(x) for x in re.findall(r"held-out loss ([\d.]+)\n", first)]
    assert losses[-1] < losses[0] < 4.7  # a uniform guess among 96 letters costs 4.56
    assert (tmp_path / "checkpoint.pt").exists()
    assert not list(tmp_path.glob("*.partial"))

    second = run("char_gpt.py", tmp_path, *GPT, "--steps", "30", "--every", "10", "--seed", "3", "--resume")
    assert "resumed at step 20" in second
    assert re.findall(r"--- step (\d+)", second) == ["30"]
    assert min(png_size(tmp_path / "loss.png")) > 100


def test_char_gpt_killed_and_resumed_equals_an_unbroken_run(tmp_path):
    """Weights, moments, the random stream and the place in the schedule all come back from the checkpoint."""
    options = (*GPT, "--steps", "60", "--every", "10")
    whole = run("char_gpt.py", tmp_path / "whole", *options)
    broken = subprocess.Popen(
        command("char_gpt.py", tmp_path / "broken", *options), stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert any("--- step 10" in line for line in broken.stdout), "it ended before its first checkpoint"
    finally:
        broken.kill()
        broken.communicate()
    resumed = run("char_gpt.py", tmp_path / "broken", *options, "--resume")
    assert number(r"resumed at step (\d+)", resumed) >= 10
    assert resumed.split("--- step 60")[1].split("\n\n")[0] == whole.split("--- step 60")[1].split("\n\n")[0]


def test_photo_comes_nearer_to_the_photograph(tmp_path):
    said = run("photo.py", tmp_path, "--steps", "60", "--shrink", "8", "--batch-size", "512", "--width", "32")
    assert number(r"([\d.]+) dB", said) > 12  # a picture of the mean colour reaches 10.5
    width, height = png_size(tmp_path / "strip.png")
    assert width > 2 * height
