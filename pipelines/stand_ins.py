"""Image folders of kinds of pictures that are not plain photographs, to try the choice of the judge on (`pipelines/photos.py choice`).

    python pipelines/stand_ins.py TO [--per-class 150]

Written below TO, one folder per class each: `digits` (MNIST at 160 pixels), `garments` (Fashion-MNIST at 140 pixels), `photographs`
(CIFAR-10 at 160 pixels), `strokes` (drawn characters: MNIST's digits thinned to a pen's line on paper, at 240 pixels, turned and moved),
`textures` and `grey-textures` (patches of the sample pictures that scikit-image brings: bricks, grass, gravel, cells and the like; no
patch shares a pixel with another), and `numerals`: Roman numerals from I to X drawn with a shaky pen, of which 13 % are in a wrong folder
(mostly a neighbouring number's, some anywhere; some are no numeral at all). Beside it, `numerals.csv` has their true classes.
"""

import argparse
import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from curate.cli.output import working
from curate.progress import Progress
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
    parser.add_argument("--numerals", type=int, default=2831, help="how many numerals; the default is that of a published set by hand")
    parser.add_argument("--seed", type=int, default=0, help="of the numerals")
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
        numerals(options.to, options.numerals, seed=options.seed, progress=progress)


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
    x, y = (int(rng.integers(5, 36)) for _ in range(2))
    paper.paste(40, box=(x, y, x + 200, y + 200), mask=line)
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


NUMERALS = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x")
WRONG, NEIGHBOUR, ANYWHERE = 0.13, 0.6, 0.25
"""Share of wrong labels; of those, shares that are a neighbouring number's, and any other's; the rest are scribbles."""
SIDE = 240


def numerals(to: Path, num: int, *, seed: int, progress: Progress) -> None:
    """Draws `num` numerals into `to / "numerals"`, and writes `filepath,given,true` beside; of a scribble, `true` is empty."""
    rng = np.random.default_rng(seed)
    with (to / "numerals.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["filepath", "given", "true"])
        for number in range(num):
            true = given = int(rng.integers(len(NUMERALS)))
            kind = rng.random() if rng.random() < WRONG else None
            if kind is not None and kind < NEIGHBOUR:
                given = int(rng.choice([near for near in (true - 1, true + 1) if 0 <= near < len(NUMERALS)]))
            elif kind is not None and kind < NEIGHBOUR + ANYWHERE:
                given = int((true + rng.integers(1, len(NUMERALS))) % len(NUMERALS))
            is_scribble = kind is not None and kind >= NEIGHBOUR + ANYWHERE
            lines = [curve(*rng.uniform(0, 1, (3, 2))) for _ in range(rng.integers(1, 6))] if is_scribble else strokes(NUMERALS[true], rng)
            name = f"{NUMERALS[given]}/{number:05d}.png"
            write(to / "numerals" / name, on_paper(lines, rng))
            table.writerow([name, NUMERALS[given], "" if is_scribble else NUMERALS[true]])
            progress("numerals", number + 1, num)


def strokes(numeral: str, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """The lines of a numeral, each (M, 2): small or capital letters, with or without serifs and the bars over and under all of it."""
    is_small, has_serifs, has_bars = rng.random() < 0.5, rng.random() < 0.4, rng.random() < 0.25
    gap, left, lines = rng.uniform(0.12, 0.4), 0.0, []

    def line(start: tuple[float, float], end: tuple[float, float], shake: float = 0.05) -> None:
        a, b = start + rng.normal(0, shake, 2), end + rng.normal(0, shake, 2)
        lines.append(curve(a, (a + b) / 2 + rng.normal(0, 0.06, 2), b))

    for letter in numeral:
        width = (0.15 if letter == "i" else 0.6) * rng.uniform(0.7, 1.3)
        right, middle = left + width, left + width / 2
        if letter == "i":
            line((middle, 0.12 if is_small else 0), (middle, 1))
            if is_small and rng.random() < 0.75:
                dot = np.array((middle, -0.08)) + rng.normal(0, 0.03, 2)
                lines.append(np.array([dot, dot + 0.01]))
            elif has_serifs and not is_small:
                line((left - 0.05, 0), (right + 0.05, 0))
                line((left - 0.05, 1), (right + 0.05, 1))
        elif letter == "v":
            line((left, 0), (middle, 1))
            line((middle, 1), (right, 0))
        else:
            line((left, 0), (right, 1))
            line((right, 0), (left, 1))
        left = right + gap * rng.uniform(0.4, 1.4)
    if has_bars and not is_small and len(numeral) > 1:
        for y in (0, 1):
            line((-0.1, y), (left - gap + 0.1, y), shake=0.04)
    return lines


def curve(start: NDArray[np.float64], bend: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """(14, 2): a quadratic Bézier curve."""
    t = np.linspace(0, 1, 14)[:, None]
    return (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end


def on_paper(lines: list[NDArray[np.float64]], rng: np.random.Generator) -> Image.Image:
    """The lines drawn somewhere on a sheet, large or small, turned and slanted, blurred, with stains and the noise of a scanner."""
    points = np.concatenate(lines)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = rng.uniform(60, 190) / max(float((high - low).max()), 0.3) * np.array([rng.uniform(0.6, 1.4), 1])
    turn = np.deg2rad(rng.normal(0, 9))
    slant = np.array([[1, rng.normal(0, 0.15)], [0, 1]])
    place = slant.T @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    centre = SIDE / 2 + rng.normal(0, 18, 2)
    sheet = Image.new("L", (SIDE, SIDE), int(rng.integers(215, 256)))
    pen = ImageDraw.Draw(sheet)
    width, ink = max(2, int(rng.normal(7, 3))), int(rng.integers(10, 130))
    for line in lines:
        drawn = [(float(x), float(y)) for x, y in (line - (low + high) / 2) * scale @ place + centre]
        pen.line(drawn, fill=ink, width=width, joint="curve")
        for x, y in (drawn[0], drawn[-1]):
            pen.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=ink)
    for _ in range(rng.poisson(0.5)):
        start, end = rng.uniform(0, SIDE, (2, 2))
        stain = [*start, *(start + (end - start) * rng.uniform(0.1, 0.6))]
        pen.line([float(at) for at in stain], fill=int(rng.integers(60, 200)), width=int(rng.integers(1, 5)))
    blurred = np.asarray(sheet.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 3))), dtype=np.float64)
    return Image.fromarray((blurred + rng.normal(0, rng.uniform(2, 22), blurred.shape)).clip(0, 255).astype(np.uint8))


def write(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


if __name__ == "__main__":
    main()
