"""The parts of pipelines/photos.py that are run apart: the usual script, decoding by itself, repeated and enlarged pictures.

As a script, `python pipelines/photo_measures.py usual FOLDER NET LIMIT` is what people write today: torchvision's ImageFolder, timm's net,
scikit-learn's `cross_val_predict` and cleanlab.
"""

import io
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from curate.progress import Progress, silent


def usual(folder: str, net: str, limit: int) -> dict[str, Any]:
    """Accuracy and seconds by part of the usual script."""
    import torch
    from cleanlab.filter import find_label_issues
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from torch.utils.data import DataLoader, Subset
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    from curate.judge.backbones import EMBEDDED, load_backbone

    backbone = load_backbone(net)
    model = backbone.trainable().eval()  # as timm makes it
    start = time.perf_counter()
    prepare = transforms.Compose(
        [
            transforms.Resize(round(backbone.pixels / 0.875)),
            transforms.CenterCrop(backbone.pixels),
            transforms.ToTensor(),
            transforms.Normalize(EMBEDDED[net].mean, EMBEDDED[net].deviation),
        ]
    )
    data = ImageFolder(folder, prepare)
    chosen = np.arange(len(data)) if not limit else np.linspace(0, len(data) - 1, min(limit, len(data))).round().astype(int)
    labels = np.array(data.targets)[chosen]
    loader = DataLoader(Subset(data, chosen.tolist()), batch_size=64, num_workers=os.cpu_count() or 1)
    with torch.no_grad():
        features = torch.cat([model(x) for x, _ in loader]).numpy()
    extraction = time.perf_counter() - start
    start = time.perf_counter()
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    pred_probs = cross_val_predict(head, features, labels, cv=5, method="predict_proba", n_jobs=-1)
    heads = time.perf_counter() - start
    start = time.perf_counter()
    issues = find_label_issues(labels, pred_probs)
    return {
        "accuracy": float((pred_probs.argmax(1) == labels).mean()),
        "num_issues": int(issues.sum()),
        "seconds": {
            "extraction": round(extraction, 1),
            "cross_val_predict": round(heads, 1),
            "cleanlab": round(time.perf_counter() - start, 1),
        },
    }


def decoding_seconds(folder: str, backbone: str | None, most: int, progress: Progress = silent) -> dict[str, float]:
    """Processor seconds a picture of decoding and features with nothing cached, of the forward pass alone, and of libjpeg alone.

    The bar is the sum of the last two: nothing can be quicker that reads JPEGs and runs the nets.
    """
    import tempfile

    import torch

    from curate.data.load import load
    from curate.judge.backbones import load_backbones
    from curate.judge.extraction import CPU_BATCH, extract
    from curate.judge.training.device import pick_device

    device = pick_device("cpu")
    nets = load_backbones(backbone)
    for net in nets:
        _forward(net, device, 1)  # the first pass sets up kernels
    before = os.environ.get("CURATE_DATA")
    with tempfile.TemporaryDirectory() as data:
        os.environ["CURATE_DATA"] = data
        try:
            start = _processor_seconds()
            image_set = load(folder, limit=most, progress=progress)
            read = _processor_seconds() - start
            start = _processor_seconds()
            for net in nets:
                extract(image_set, net, device=device, folder=Path(data) / "features", progress=progress)
            extracted = _processor_seconds() - start
        finally:
            if before is None:
                os.environ.pop("CURATE_DATA")
            else:
                os.environ["CURATE_DATA"] = before
    num = len(image_set)
    assert image_set.filepaths is not None
    start = _processor_seconds()
    for path in image_set.filepaths:
        _libjpeg(str(path))
    libjpeg = _processor_seconds() - start
    start = _processor_seconds()
    batches, num_threads = max(1, num // CPU_BATCH), torch.get_num_threads()
    torch.set_num_threads(1)  # the leanest: cores that share a batch wait for each other
    for net in nets:
        _forward(net, device, batches)
    torch.set_num_threads(num_threads)
    forward = (_processor_seconds() - start) / (batches * CPU_BATCH) * num
    bar = libjpeg + forward
    return {
        "read_seconds": read / num,
        "features_seconds": extracted / num,
        "libjpeg_seconds": libjpeg / num,
        "forward_seconds": forward / num,
        "ratio": (read + extracted) / bar,
    }


def _forward(net: Any, device: Any, batches: int) -> None:
    """So many batches of noise through the net, as they are when features are made."""
    import torch

    from curate.judge.extraction import CPU_BATCH

    x = torch.randn(CPU_BATCH, 3, net.pixels, net.pixels).to(memory_format=torch.channels_last)
    model = net.net.to(memory_format=torch.channels_last)
    with torch.inference_mode(), device.autocast():
        for _ in range(batches):
            model(x)


def _libjpeg(path: str) -> None:
    """The smallest decoding that libjpeg has of a JPEG for a net of 224 pixels and more."""
    from PIL import Image

    from curate.data.working_copies import COPY_SIDE

    with open(path, "rb") as file, Image.open(io.BytesIO(file.read())) as image:
        image.draft("RGB", (COPY_SIDE, COPY_SIDE))
        image.load()


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def enlarged(folder: Path, to: Path, *, megapixels: float, most: int) -> Path:
    """A folder with JPEGs of so many megapixels made from pictures of `folder`, with a camera's noise."""
    from PIL import Image

    from curate.data.pictures import decode

    rng = np.random.default_rng(0)
    noise = rng.normal(0, 6, (512, 512, 3))
    files = _files(folder)
    for path in [files[i] for i in np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int)]:
        image = decode(path.read_bytes(), name=str(path)).image
        scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        large = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BICUBIC)
        pixels = np.asarray(large).astype(np.float32)
        tiled = np.tile(noise, (-(-pixels.shape[0] // 512), -(-pixels.shape[1] // 512), 1))[: pixels.shape[0], : pixels.shape[1]]
        target = to / path.parent.name / f"{path.stem}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels + tiled).clip(0, 255).astype(np.uint8)).save(target, quality=92)
    return to


def repeated(folder: Path, to: Path, num: int) -> Path:
    """A folder with `num` links to pictures of `folder`, class by class."""
    files = _files(folder)
    for number in range(num):
        path = files[number % len(files)]
        target = to / path.parent.name / f"{number // len(files):05d}-{path.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.absolute())
    return to


def _files(folder: Path) -> list[Path]:
    from curate.data.pictures import readable_suffixes

    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in readable_suffixes() and path.is_file())


if __name__ == "__main__":
    if len(sys.argv) != 5 or sys.argv[1] != "usual":
        raise SystemExit(__doc__)
    print(json.dumps(usual(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
