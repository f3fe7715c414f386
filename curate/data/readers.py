"""From a dataset's files to arrays in official order, training samples first.

The files were checked against their hashes before; what a reader still checks is what protects it from reading past an end.
"""

import csv
import io
import json
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.archives import gunzip, tar_members, zip_members, zip_names
from curate.data.entry import Arrays
from curate.errors import IntegrityError

STRIP_ROWS = 10_000
"""Images per strip: row i of its 10,000 rows of 1,024 RGB pixels is image i."""


def strips_to_batches(members: dict[str, bytes]) -> dict[str, bytes]:
    """The six binary files: rows of 1 label byte and 3,072 pixels, red first.

    Args:
        members: `data_batch_1.png` … `data_batch_5.png`, `test_batch.png`, and the label lists `train.json`, `test.json`.
    """
    from PIL import Image

    train_labels = np.array(json.loads(members["train.json"]), dtype=np.uint8)
    labels = {f"data_batch_{i + 1}": train_labels[i * STRIP_ROWS : (i + 1) * STRIP_ROWS] for i in range(5)}
    labels["test_batch"] = np.array(json.loads(members["test.json"]), dtype=np.uint8)
    batches = {}
    for stem, given in labels.items():
        with Image.open(io.BytesIO(members[f"{stem}.png"])) as image:
            pixels = np.asarray(image.convert("RGB"))  # (B, 1024, 3)
        rows = np.empty((len(given), 3073), dtype=np.uint8)
        rows[:, 0] = given
        rows[:, 1:] = pixels.transpose(0, 2, 1).reshape(len(given), 3072)
        batches[f"{stem}.bin"] = rows.tobytes()
    return batches


GTSRB_SIZE = 48
"""Side of the GTSRB images once resized, as in Ciresan et al. 2012, arXiv:1202.2745; they come in 15 to 250 pixels."""


def read_idx(folder: Path) -> Arrays:
    """MNIST and its relatives: four IDX files, gzipped or not. Images are (N, 1, H, W)."""
    parts = [_idx_array(folder, f"{part}-{kind}") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte") for part in ("train", "t10k")]
    train_images, test_images, train_labels, test_labels = parts
    images = np.concatenate([train_images, test_images])[:, None]  # (N, 1, H, W)
    return images, np.concatenate([train_labels, test_labels]).astype(np.int64), len(train_images)


def read_cifar10(folder: Path) -> Arrays:
    """Six binary files of rows of 1 label byte and 3,072 pixels. Images are (N, 3, 32, 32)."""
    contents = [(folder / name).read_bytes() for name in cifar10_names()]
    return _cifar_arrays(contents, num_label_bytes=1, num_train_files=5)


def read_cifar100(folder: Path) -> Arrays:
    """The binary archive: rows of coarse label, fine label, 3,072 pixels; the fine labels count. Images are (N, 3, 32, 32)."""
    members = tar_members(folder / "cifar-100-binary.tar.gz", ["cifar-100-binary/train.bin", "cifar-100-binary/test.bin"])
    return _cifar_arrays(
        [members["cifar-100-binary/train.bin"], members["cifar-100-binary/test.bin"]], num_label_bytes=2, num_train_files=1
    )


def read_svhn(folder: Path) -> Arrays:
    """Two MATLAB files with X (32, 32, 3, N) and y (N, 1), where 10 stands for the digit 0. Images are (N, 3, 32, 32)."""
    from scipy.io import loadmat

    images, labels = [], []
    for name in ("train_32x32.mat", "test_32x32.mat"):
        content = loadmat(folder / name)
        images.append(content["X"].transpose(3, 2, 0, 1))  # (N, 3, 32, 32)
        labels.append(content["y"].reshape(-1).astype(np.int64) % 10)
    return np.concatenate(images), np.concatenate(labels), len(labels[0])


def read_gtsrb(folder: Path) -> Arrays:
    """Three zip files of PPM images, squeezed to GTSRB_SIZE; training in the order of their names. Images are (N, 3, 48, 48)."""
    train, test = folder / "GTSRB-Training_fixed.zip", folder / "GTSRB_Final_Test_Images.zip"
    train_names = sorted(name for name in zip_names(train) if name.endswith(".ppm"))
    (truth,) = zip_members(folder / "GTSRB_Final_Test_GT.zip", ["GT-final_test.csv"])
    rows = list(csv.DictReader(io.StringIO(truth.decode()), delimiter=";", skipinitialspace=True))
    test_names = [f"GTSRB/Final_Test/Images/{row['Filename']}" for row in rows]
    images = np.concatenate([_ppm_images(train, train_names), _ppm_images(test, test_names)])
    labels = [int(name.split("/")[-2]) for name in train_names] + [int(row["ClassId"]) for row in rows]
    return images, np.array(labels, dtype=np.int64), len(train_names)


def cifar10_names() -> list[str]:
    """Names of CIFAR-10's binary files in official order."""
    return [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def _idx_array(folder: Path, name: str) -> NDArray[np.uint8]:
    path = folder / name
    content = path.read_bytes() if path.exists() else gunzip(folder / f"{name}.gz")
    num_axes = content[3] if len(content) >= 4 and content[:3] == b"\x00\x00\x08" else 0  # 8 = unsigned bytes
    start = 4 + 4 * num_axes
    shape = struct.unpack(f">{num_axes}I", content[4:start]) if num_axes and len(content) >= start else ()
    if not shape or len(content) - start != int(np.prod(shape, dtype=np.int64)):
        raise IntegrityError(f"{path} is not a complete IDX file of bytes; replace it by the published file")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def _cifar_arrays(contents: list[bytes], *, num_label_bytes: int, num_train_files: int) -> Arrays:
    width = num_label_bytes + 3072
    rows = [np.frombuffer(content, dtype=np.uint8).reshape(-1, width) for content in contents]
    num_train = sum(map(len, rows[:num_train_files]))
    images = np.empty((sum(map(len, rows)), 3, 32, 32), dtype=np.uint8)
    np.concatenate([part[:, num_label_bytes:] for part in rows], out=images.reshape(-1, 3072))
    return images, np.concatenate([part[:, num_label_bytes - 1] for part in rows]).astype(np.int64), num_train


def _ppm_images(archive: Path, names: list[str]) -> NDArray[np.uint8]:
    from PIL import Image

    images = np.empty((len(names), 3, GTSRB_SIZE, GTSRB_SIZE), dtype=np.uint8)
    for i, content in enumerate(zip_members(archive, names)):
        with Image.open(io.BytesIO(content)) as image:
            small = image.convert("RGB").resize((GTSRB_SIZE, GTSRB_SIZE), Image.Resampling.BILINEAR)
        images[i] = np.asarray(small).transpose(2, 0, 1)
    return images
