"""MNIST in any size, with a run folder as `curate train` leaves it: what `scale.py` measures the later steps on."""

import hashlib
from pathlib import Path

import numpy as np
import torch

from curate.data.image_set import ImageSet, describe
from curate.judge.fold_nets import load_fold_net
from curate.judge.judgement import accuracies
from curate.judge.training.augment import Batches, as_tensor
from curate.judge.training.device import pick_device
from curate.judge.training.predict import embed, predict
from curate.progress import Progress
from curate.run import Run
from curate.sources import images_of

NOISE = 8  # grey values that a copy may differ by, where there is ink


def repeated(mnist: ImageSet, size: int) -> tuple[ImageSet, np.ndarray]:
    """`size` samples, and the position of the original of each: evenly drawn of MNIST where they are fewer, else all of it and copies.

    Each copy is moved by up to one pixel and its ink changed a little, at random: it is like its original, and equal to nothing.
    """
    originals = np.arange(size) % len(mnist) if size >= len(mnist) else np.arange(0, len(mnist), len(mnist) // size)[:size]
    images, splits = mnist.images[originals], mnist.splits[originals]
    for start in range(len(mnist), size, len(mnist)):
        part, generator = images[start : start + len(mnist)], np.random.default_rng(start)
        down, right = generator.integers(-1, 2, (2, len(part)))
        rows = (np.arange(28) - down[:, None]) % 28  # MNIST has an empty margin, so that nothing comes in at the other side
        columns = (np.arange(28) - right[:, None]) % 28
        moved = part[np.arange(len(part))[:, None, None], 0, rows[:, :, None], columns[:, None, :]].astype(np.int16)
        noise = generator.integers(-NOISE, NOISE + 1, moved.shape, dtype=np.int16)
        part[:, 0] = np.where(moved > 0, np.clip(moved + noise, 1, 255), 0)
    name = f"mnist-{size}"
    number = np.empty(size, dtype=np.int64)
    for split in np.unique(splits):
        number[splits == split] = np.arange((splits == split).sum())
    sample_ids = np.array([f"{name}/{split}/{i}" for split, i in zip(splits.tolist(), number.tolist(), strict=True)])
    return ImageSet(name, images, mnist.labels[originals], sample_ids, splits, mnist.class_names), originals


def make_run(source: Run, path: Path, size: int, progress: Progress) -> tuple[Run, ImageSet]:
    """The run at `path` of `size` samples with probabilities and embeddings by the nets of `source`, an audit of MNIST.

    A sample is judged by the net that did not see its original, so that probabilities are out-of-fold as those of an audit are.
    """
    mnist = images_of(source, progress=progress)
    image_set, originals = repeated(mnist, size)
    run = Run.create(path, {"dataset": describe(image_set), **{key: source.meta[key] for key in ("config", "versions", "device")}})
    if run.has("pred_probs.npy"):
        return run, image_set
    fold, device = source.load_array("fold.npy")[:1, originals], pick_device("cpu")
    pred_probs = np.empty((size, mnist.num_classes), dtype=np.float32)
    for number in range(int(fold.max()) + 1):
        net, normalised = load_fold_net(source, mnist, number)
        net = net.to(memory_format=torch.channels_last)
        batches = Batches(as_tensor(image_set.images))
        batches.normalise_by(*(net.input_statistics or normalised.statistics))
        members = np.flatnonzero(fold[0] == number)
        pred_probs[members] = predict(net, batches, torch.from_numpy(members), device).numpy()
        if number == 0:
            run.save_array("embeddings.npy", embed(net, batches, torch.arange(size), device).numpy())
        progress("predict", number + 1, int(fold.max()) + 1)
    for name, values in (("fold", fold), ("labels", image_set.labels), ("splits", image_set.splits), ("sample_ids", image_set.sample_ids)):
        run.save_array(f"{name}.npy", values)
    run.save_array("pred_probs.npy", pred_probs)
    run.update("metrics", **accuracies(image_set, pred_probs), sha256=hashlib.sha256(pred_probs.tobytes()).hexdigest())
    return run, image_set
