"""A made-up run of photographs of several shapes, as a review page sees it: 130 samples, 40 flagged, with probabilities and embeddings."""

import numpy as np
import pandas as pd
from PIL import Image

from curate.data.decode import decode_images
from curate.data.image_set import ImageSet
from curate.run import Run

NUM, NUM_FLAGGED = 130, 40
SIZES = ((600, 400), (400, 600), (500, 500), (80, 300))


def names(num_classes):
    return tuple(f"class <{k:03}>" if num_classes > 20 else ("ant", "bee", "cow", "dog", "eel")[k] for k in range(num_classes))


def make_images(folder, num_classes=5):
    """An ImageSet with files: noise of four shapes, 16 pixels a side in the array."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for i in range(NUM):
        width, height = SIZES[i % len(SIZES)]
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        files.append(str(folder / f"{i:03}.jpg"))
        Image.fromarray(coarse).resize((width, height)).save(files[-1], quality=60)
    read = decode_images(files, image_size=16, cache=folder / "cache" / "pixels")
    ids = np.array([f"zoo/train/{names(num_classes)[i % num_classes]}/{i:03}.jpg" for i in range(NUM)])
    return ImageSet(
        "zoo",
        read.images,
        np.arange(NUM) % num_classes,
        ids,
        np.full(NUM, "train"),
        names(num_classes),
        filepaths=np.array(files),
        pictures=read.pictures,
    )


def make_run(path, image_set):
    """Sample i < 40 is flagged, and suggested the class after its own; the lower the number, the worse."""
    labels, classes = image_set.labels, np.array([*image_set.class_names, None], dtype=object)
    flagged = np.arange(NUM) < NUM_FLAGGED
    guessed = np.where(flagged, (labels + 1) % image_set.num_classes, labels)
    table = pd.DataFrame(
        {
            "sample_id": image_set.sample_ids,
            "split": image_set.splits,
            "index": np.arange(NUM),
            "given_label": classes[labels],
            "predicted_label": classes[guessed],
            "suggested_label": classes[np.where(flagged, guessed, -1)],
            "suggested_confidence": np.where(flagged, 0.8, np.nan),
            "label_quality": np.linspace(0.01, 0.99, NUM),
            "is_label_issue": flagged,
            "rank": 1 + np.arange(NUM),
        }
    )
    dataset = {"name": "zoo", "origin": {"source": "zoo"}, "class_names": list(image_set.class_names), "num_samples": NUM}
    run = Run.create(path, {"command": "curate audit zoo", "dataset": dataset, "config": {"model": "given"}, "versions": {}})
    table.to_parquet(run.path / "issues.parquet")
    probs = np.full((NUM, image_set.num_classes), 0.2 / max(image_set.num_classes - 1, 1), dtype=np.float32)
    probs[np.arange(NUM), guessed] = 0.8
    run.save_array("pred_probs.npy", probs)
    run.save_array("embeddings.npy", np.random.default_rng(1).normal(size=(NUM, 4)).astype(np.float32))
    return run
