"""An image folder of real CIFAR-10 pictures, some of them spoilt, doubled or leaked into the test split, audited: are they found again?

    python pipelines/spoilt_pictures.py [--samples 4000] [--spoilt 60] [--seed 0]

What was spoilt is used to measure, never to detect. Of each kind `--spoilt` training pictures; a double is a JPEG of the same picture.
"""

import argparse
import shutil
from collections.abc import Callable

import numpy as np
import records
from PIL import Image, ImageEnhance, ImageFilter

import curate
from curate.cli.output import working
from curate.find.find import find
from curate.find.saved_table import load_table
from curate.run import data_root, run_path
from curate.sources import load_source

SPOIL: dict[str, Callable[[Image.Image], Image.Image]] = {  # kind: what is done to the picture
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.2),
    "light": lambda image: Image.blend(image, Image.new("RGB", image.size, "white"), 0.97),
    "blurry": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "low_information": lambda image: Image.new("RGB", image.size, image.getpixel((5, 5))),
    "odd_size": lambda image: image.resize((320, 320)),
    "odd_aspect_ratio": lambda image: image.crop((0, 12, 32, 20)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=4000)
    parser.add_argument("--spoilt", type=int, default=60, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with working() as progress:
        source = load_source("cifar10", limit=options.samples, progress=progress)
        folder = data_root() / "raw" / f"spoilt-{options.samples}-{options.spoilt}-s{options.seed}"
        truth = write_folder(source, folder, options.spoilt, np.random.default_rng(options.seed))
        images = load_source(str(folder), progress=progress)
        run = curate.train(
            images,
            run=run_path(folder.name),
            judge=curate.Nets(model="lenet5", preset="default", seed=options.seed),
            command="spoilt_pictures",
            progress=progress,
        ).run
        find(run, images, with_map=False, progress=progress)
    table = load_table(run).set_index("sample_id")
    flags = {f"is_{kind}_issue": {kind} for kind in SPOIL}
    flags["is_odd_size_issue"] = {"odd_size", "odd_aspect_ratio"}  # a strip is small, too
    flags |= {
        "is_duplicate_issue": {"double", "leak"},
        "is_hash_duplicate_issue": {"double", "leak"},
        "is_leak_issue": {"leak"},
        "is_hash_leak_issue": {"leak"},
    }
    measured = {}
    for flag, kinds in flags.items():
        is_true = np.array([bool(truth.get(sample_id.split("/", 1)[1], set()) & kinds) for sample_id in table.index])
        found = table[flag].to_numpy(bool)
        hits = int((found & is_true).sum())
        measured[flag] = {
            "num_spoilt": int(is_true.sum()),
            "num_flagged": int(found.sum()),
            "precision": hits / max(found.sum(), 1),
            "recall": hits / is_true.sum(),
        }
        print(f"{flag:26} {' '.join(f'{key} {value:.3g}' for key, value in measured[flag].items())}")
    records.append(f"spoilt pictures {options.samples}", run, measured)


def write_folder(source, folder, num, generator) -> dict[str, set[str]]:
    """Writes the folder anew; returns what was done to which file, by its path inside. Doubles and what they double are both named."""
    shutil.rmtree(folder, ignore_errors=True)
    training = generator.permutation(np.flatnonzero(source.splits == "train"))
    kind_of = {int(i): kind for k, kind in enumerate((*SPOIL, "double", "leak")) for i in training[k * num : (k + 1) * num]}
    truth: dict[str, set[str]] = {}
    for i, pixels in enumerate(source.images):
        image, kind = Image.fromarray(np.asarray(pixels).transpose(1, 2, 0)), kind_of.get(i)
        place = f"{source.class_names[source.labels[i]]}/{i:05}"
        files = {f"{source.splits[i]}/{place}.png": SPOIL[kind](image) if kind in SPOIL else image}
        if kind in ("double", "leak"):
            files[f"{'train' if kind == 'double' else 'test'}/{place}-again.jpg"] = image
        for name, made in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            made.save(folder / name, **({"quality": 92} if name.endswith("jpg") else {}))
            if kind:
                truth[name] = {kind}
    return truth


if __name__ == "__main__":
    main()
