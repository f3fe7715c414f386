"""CIFAR-10 as lossless PNG strips, turned back into the official binary files."""

import io
import json

import numpy as np

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
