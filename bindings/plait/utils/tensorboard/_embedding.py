"""The files that TensorBoard's projector reads, beside the events."""

from __future__ import annotations

import io
import math
from typing import Any
from urllib.parse import quote

import numpy as np
from google.protobuf import text_format
from PIL import Image
from tensorboard.compat import tf
from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo, ProjectorConfig

from ._summary import array, grid, pixels, png


def _write(folder: str, name: str, content: bytes) -> None:
    with tf.io.gfile.GFile(f"{folder}/{name}", "wb") as file:
        file.write(content)


def _lines(metadata: Any, header: Any) -> str:
    if header:
        wrong = [row for row in metadata if len(row) != len(header)]
        if wrong:
            raise ValueError(
                f"add_embedding: expected {len(header)} values in each row of metadata, as in "
                f"metadata_header, got {wrong[0]!r}"
            )
        metadata = ["\t".join(map(str, row)) for row in [header, *metadata]]
    return "".join(f"{row}\n" for row in metadata)


def _sprite(images: np.ndarray) -> bytes:
    """The images as one PNG, a square of as many rows as columns."""
    side = math.ceil(math.sqrt(len(images)))
    sheet = grid(pixels(images).transpose(0, 2, 3, 1), side, side)
    return png(Image.fromarray(np.broadcast_to(sheet, (*sheet.shape[:2], 3)).copy()))


def write(
    log_dir: str,
    config: ProjectorConfig,
    matrix: Any,
    metadata: Any,
    label_img: Any,
    step: int,
    tag: str,
    header: Any,
) -> None:
    """Writes the points, their labels and pictures, and the list of what there is, `config` with these."""
    points = array(matrix)
    if points.ndim != 2 or points.size == 0:
        raise ValueError(f"add_embedding: expected mat of shape (points, features), got {points.shape}")
    if metadata is not None and len(metadata) != len(points):
        raise ValueError(
            f"add_embedding: expected metadata for each of {len(points)} points, got {len(metadata)}"
        )
    files: dict[str, bytes] = {}
    folder = f"{step:05d}/{quote(tag, safe='')}"
    info = EmbeddingInfo(tensor_name=f"{tag}:{step:05d}", tensor_path=f"{folder}/tensors.tsv")
    if metadata is not None:
        info.metadata_path = f"{folder}/metadata.tsv"
        files["metadata.tsv"] = _lines(metadata, header).encode()
    if label_img is not None:
        images = array(label_img)
        if images.ndim != 4 or len(images) != len(points) or images.shape[1] not in (1, 3):
            raise ValueError(
                f"add_embedding: expected label_img of shape ({len(points)}, 1 or 3, H, W), got "
                f"{images.shape}"
            )
        info.sprite.image_path = f"{folder}/sprite.png"
        info.sprite.single_image_dim.extend([images.shape[3], images.shape[2]])
        files["sprite.png"] = _sprite(images)
    table = io.StringIO()
    np.savetxt(table, points, "%s", "\t")
    files["tensors.tsv"] = table.getvalue().encode()
    tf.io.gfile.makedirs(f"{log_dir}/{folder}")
    for name, content in files.items():
        _write(f"{log_dir}/{folder}", name, content)
    others = [each for each in config.embeddings if each.tensor_name != info.tensor_name]
    del config.embeddings[:]
    config.embeddings.extend([*others, info])
    _write(log_dir, "projector_config.pbtxt", text_format.MessageToString(config).encode())
