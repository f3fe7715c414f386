"""Small, weak judges of real pictures: how near to the best cut the flags are, and what is flagged of clean labels.

    python pipelines/small_judges.py [--people NAME=FILE.npy ...] [--size 2000 --size 700] [--seeds 2] [--record]

A regression, one without restraint (which is overconfident), neighbours and a small net judge a few hundred to a few thousand pictures of
CIFAR-10 (pretrained features), Fashion-MNIST and MNIST (pixels), out of fold. Labels are those of the source, which count as true, then
with 13 % flipped anywhere, 8 % to the next class, 5 and 13 % where a weak judge doubts, as people do, and for CIFAR-10 people's own: a
file each with the labels of its 50,000 training pictures. Alone, and every two judges together.
"""

import argparse
import itertools
import warnings
from typing import Any

import numpy as np
import records
from detection_bench import measure, summary
from numpy.typing import NDArray

from curate.cli.output import working
from curate.judge.backbones import load_backbone
from curate.run import versions
from curate.sources import load_source

SOURCES = ("cifar10", "fashion-mnist", "mnist")
KINDS = ("clean", "anywhere:0.13", "next:0.08", "doubted:0.05", "doubted:0.13")
SIDE = 112  # pixels at which the pretrained net sees CIFAR-10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", action="append", default=[], metavar="NAME=FILE", help="labels of CIFAR-10's training split, .npy")
    parser.add_argument("--size", action="append", type=int, metavar="N", help="pictures of a set; 2,000 and 700 by default")
    parser.add_argument("--seeds", type=int, default=2, help="sets of each kind")
    parser.add_argument("--record", action="store_true", help="append the figures to data/records.jsonl")
    options = parser.parse_args()
    sizes = options.size or [2000, 700]
    people = {name: np.load(file).astype(np.int64) for name, file in (one.split("=", 1) for one in options.people)}
    found: dict[str, list[dict[str, Any]]] = {}
    with working() as progress:
        for source in SOURCES:
            images = load_source(source, split="train", progress=progress)
            for size, seed in itertools.product(sizes, range(options.seeds)):
                chosen = np.sort(np.random.default_rng(1000 + seed).permutation(len(images))[:size])
                x, true = vectors(images.images[chosen], source), images.labels[chosen]
                sets = {kind: noisy(kind, x, true, seed) for kind in KINDS}
                sets |= {name: labels[chosen] for name, labels in people.items()} if source == "cifar10" else {}
                for kind, labels in sets.items():
                    opinions = judged(x, labels, seed)
                    for number in (1, 2):
                        for names in itertools.combinations(opinions, number):
                            one = measure(labels, true, [opinions[name] for name in names])
                            part = "clean labels" if kind == "clean" else "wrong labels"
                            found.setdefault(f"{source}, {part}, {number} opinion{'s'[: number - 1]}", []).append(one)
                progress(f"{source}, {size} pictures, seed {seed}", 1, 1)
    figures = {name: summary(several) for name, several in found.items()}
    for name, values in figures.items():
        short, clean = values["short_of_best_cut"], values["clean_flagged"]
        told = f"clean labels flagged {100 * clean[0]:.1f} %, at worst {100 * clean[1]:.1f} %" if clean else ""
        told = (
            told
            or f"F1 {short[0]:.3f} short of the best cut, at worst {short[2]:.3f}; a filter is better in {values['behind_best_filter']:.0%}"
        )
        print(f"{name}: {told}; the number in the interval in {values['inside']['num_errors']:.0%} ({values['measurements']} sets)")
    if options.record:
        about = {"name": "small judges", "num_samples": sum(sizes), "images_hash": "", "labels_hash": ""}
        config = {"sizes": sizes, "seeds": options.seeds, "people": sorted(people)}
        records.append_measured(
            "small judges", {"device": {"device": "cpu"}, "versions": versions(), "config": config, "dataset": about}, {"figures": figures}
        )


def vectors(images: NDArray[np.uint8], source: str) -> NDArray[np.float32]:
    """(N, D) pretrained features of colour pictures, pixels of grey ones; the largest components of both."""
    import torch
    from sklearn.decomposition import PCA

    flat = np.asarray(images, dtype=np.float32).reshape(len(images), -1)
    if source == "cifar10":
        net, parts = load_backbone("efficientnet-lite0").net.eval(), []
        with torch.no_grad():
            for start in range(0, len(images), 100):
                pixels = torch.from_numpy(np.asarray(images[start : start + 100], dtype=np.float32))
                large = torch.nn.functional.interpolate(pixels, size=(SIDE, SIDE), mode="bicubic", align_corners=False)
                parts.append(net((large - 127) / 128).numpy())
        flat = np.concatenate(parts)
    return PCA(min(128, len(flat) // 8), random_state=0).fit_transform(flat)


def noisy(kind: str, x: NDArray[np.float32], true: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The true labels with a share of mistakes, as `kind` says."""
    from sklearn.linear_model import LogisticRegression

    rng, size = np.random.default_rng(seed), int(true.max()) + 1
    name, _, share = kind.partition(":")
    labels, hit = true.copy(), rng.random(len(true)) < float(share or 0)
    if name == "anywhere":
        labels[hit] = (true[hit] + rng.integers(1, size, hit.sum())) % size
    elif name == "next":
        labels[hit] = (true[hit] + 1) % size
    elif name == "doubted":
        doubt = out_of_fold(LogisticRegression(C=0.0005, max_iter=300), x[:, :24], true, seed=99)
        doubt[np.arange(len(true)), true] = 0
        order = np.argsort(-(np.log(doubt.sum(axis=1) + 1e-9) + rng.gumbel(size=len(true))))
        for i in order[: int(float(share) * len(true))]:
            labels[i] = rng.choice(size, p=doubt[i] / doubt[i].sum())
    return labels


def judged(x: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> dict[str, NDArray[np.float32]]:
    """(N, K) out-of-fold probabilities of each judge."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier

    judges = {
        "regression": LogisticRegression(C=0.003, max_iter=300),
        "unrestrained regression": LogisticRegression(C=1, max_iter=60),
        "neighbours": KNeighborsClassifier(15, weights="distance"),
        "net": MLPClassifier((128,), alpha=1e-3, max_iter=40, random_state=seed),
    }
    return {name: out_of_fold(judge, x, labels, seed=seed) for name, judge in judges.items()}


def out_of_fold(judge: Any, x: NDArray[np.float32], labels: NDArray[np.int64], *, seed: int) -> NDArray[np.float32]:
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # steps are few on purpose
        return cross_val_predict(make_pipeline(StandardScaler(), judge), x, labels, cv=folds, method="predict_proba").astype(np.float32)


if __name__ == "__main__":
    main()
