"""Image folders of kinds of pictures that are not plain photographs, to try the choice of the judge on (`pipelines/photos.py choice`).

    python pipelines/stand_ins.py TO [--per-class 150]

Written below TO, one folder per class each: `digits` (MNIST at 160 pixels), `garments` (Fashion-MNIST at 140 pixels), `photographs`
(CIFAR-10 at 160 pixels), `strokes` (drawn characters: MNIST's digits thinned to a pen's line on paper, at 240 pixels, turned and moved),
`textures` and `grey-textures` (patches of the sample pictures that scikit-image brings: bricks, grass, gravel, cells and the like; no
patch shares a pixel with another).
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from curate.cli.output import working
from curate.sources import load_source

TEXTURES = (
    "brick",
    "grass",
    "gravel",
    "coins",
    "page",
    "moon",
    "cell",
    "immunohistochemistry",
    "hubble_deep_field",
    "rocket",
    "coffee",
    "cat",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("to", type=Path)
    parser.add_argument("--per-class", type=int, default=150)
    options = parser.parse_args()
    sets: dict[str, tuple[str, Callable[[NDArray[np.uint8], np.random.Generator], Image.Image]]] = {
        "digits": ("mnist", lambda pixels, rng: enlarged(pixels, 160)),
        "garments": ("fashion-mnist", lambda pixels, rng: enlarged(pixels, 140)),
        "photographs": ("cifar10", lambda pixels, rng: enlarged(pixels, 160)),
        "strokes": ("mnist", stroke),
    }
    with working() as progress:
        for name, (source, make) in sets.items():
            image_set = load_source(source, split="train", progress=progress)
            rng = np.random.default_rng(0)
            for label, class_name in enumerate(image_set.class_names):
                for i in np.flatnonzero(image_set.labels == label)[: options.per_class]:
                    write(options.to / name / class_name.replace("/", "-") / f"{i:05d}.png", make(image_set.images[i], rng))
        textures(options.to, options.per_class)


def enlarged(pixels: NDArray[np.uint8], side: int) -> Image.Image:
    """(C, H, W) as a picture of `side` pixels."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    return image.resize((side, side), Image.Resampling.BICUBIC)


def stroke(pixels: NDArray[np.uint8], rng: np.random.Generator) -> Image.Image:
    """A digit as a pen draws it: a dark line on light, uneven paper, turned and moved a little."""
    large = enlarged(pixels, 200).filter(ImageFilter.GaussianBlur(3))
    mask = large.point(lambda value: 255 if value > 120 else 0)
    line = mask.filter(ImageFilter.MinFilter(7)).rotate(float(rng.normal(0, 8)), fillcolor=0, resample=Image.Resampling.BILINEAR)
    paper = Image.fromarray((235 + rng.normal(0, 5, (240, 240))).clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))
    place = tuple(int(rng.integers(5, 36)) for _ in range(2))
    paper.paste(40, box=(*place, place[0] + 200, place[1] + 200), mask=line)
    return paper


def textures(to: Path, per_class: int, side: int = 100) -> None:
    """Patches of scikit-image's sample pictures that are installed with it, in colour and grey; a grid, so that none overlap."""
    from skimage import data

    for name in TEXTURES:
        try:
            pixels = getattr(data, name)()
        except Exception:  # not among the pictures that are installed
            continue
        image = Image.fromarray(pixels.astype(np.uint8) if pixels.dtype != bool else pixels.astype(np.uint8) * 255)
        step = max(24, int((image.width * image.height / per_class) ** 0.5))
        boxes = [(x, y, x + step, y + step) for y in range(0, image.height - step, step) for x in range(0, image.width - step, step)]
        for number, box in enumerate(boxes[:per_class]):
            patch = image.crop(box).resize((side, side), Image.Resampling.BICUBIC)
            write(to / "textures" / name / f"{number:03d}.png", patch.convert("RGB"))
            write(to / "grey-textures" / name / f"{number:03d}.png", patch.convert("L"))


def write(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


if __name__ == "__main__":
    main()
