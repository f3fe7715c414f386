"""300 real digits, 30 of them in the folder of another class, audited: what the browser tests of the review decide on."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

import curate
from curate.data.image_set import describe
from curate.data.load import load
from curate.find.find import find
from curate.find.self_estimate import LOOKING_PAYS
from curate.review.journal import Decision, read_journal
from curate.run import Run

sys.path.append(str(Path(__file__).parents[2] / "pipelines"))  # review_driver and review_page serve the measurements too

NUM, EVERY = 300, 10


def write_digits(folder: Path) -> Path:
    """An image folder of scikit-learn's digits; every tenth lies in the folder of the next class."""
    images, labels = load_digits(return_X_y=True)
    for i, (image, label) in enumerate(zip(images[:NUM], labels[:NUM], strict=True)):
        given = (label + (i % EVERY == 0)) % 10
        file = folder / str(given) / f"{i:03}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image.reshape(8, 8) * 15.9).astype(np.uint8)).resize((32, 32)).save(file)
    return folder


def audit_digits(images: Path, path: Path) -> Run:
    """The run of these images, with out-of-fold probabilities of a logistic regression."""
    image_set = load(str(images))
    pixels = image_set.images[..., 2::4, 2::4].reshape(NUM, -1).astype(np.float32) / 255  # (N, 64)
    config = {"model": "logistic regression", "seed": 0}
    run = Run.create(path, {"dataset": describe(image_set), "config": config, "versions": {}, "device": {"kind": "cpu"}})
    for name in ("sample_ids", "splits", "labels"):
        run.save_array(f"{name}.npy", getattr(image_set, name))
    model = LogisticRegression(C=1, max_iter=500)
    run.save_array("pred_probs.npy", cross_val_predict(model, pixels, image_set.labels, method="predict_proba").astype(np.float32))
    run.save_array("fold.npy", np.zeros((1, NUM), np.int16))
    embeddings = PCA(16, random_state=0).fit_transform(pixels).astype(np.float32)
    run.save_array("embeddings.npy", embeddings)
    run.save_array("projection.npy", embeddings[:, :2])
    find(run, image_set, with_map=False)
    return run


SORTS, EACH = 30, 4


def write_many(folder: Path) -> Path:
    """An image folder of 300 classes with four of scikit-learn's digits each: 30 sorts of every digit. Some lie elsewhere, most of those in
    `sort 0 of 3`.
    """
    images, labels = load_digits(return_X_y=True)
    for digit in range(10):
        for i, image in enumerate(images[labels == digit][: SORTS * EACH]):
            own = f"sort {i // EACH} of {digit}"
            given = "sort 0 of 3" if i % 40 == 0 else f"sort {i // EACH} of {(digit + 1) % 10}" if i % 40 == 1 else own
            file = folder / given / f"{own.replace(' ', '-')}-{i:03}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image.reshape(8, 8) * 15.9).astype(np.uint8)).resize((32, 32)).save(file)
    return folder


def audit_many(images: Path, path: Path) -> Run:
    """The run of these images, by a judge that knows which class they come from."""
    image_set = load(str(images))
    names = list(image_set.class_names)
    own = [names.index(Path(sample_id).name.rpartition("-")[0].replace("-", " ")) for sample_id in image_set.sample_ids.tolist()]
    pred_probs = np.full((len(own), len(names)), 0.2 / (len(names) - 1), np.float32)
    pred_probs[np.arange(len(own)), own] = 0.8
    audit = curate.audit(image_set, judge=curate.Given(pred_probs=[pred_probs]), run=path)
    return audit.run


class Kept:
    """What database and journal hold of a run's decisions.

    Attributes:
        suspects: the `sample_id`s of the label issues, worst first.
        queue: those of the queue, which goes on below the flags as far as looking pays.
    """

    def __init__(self, uri: str, run: Run) -> None:
        self.client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000)
        self.name, self.journal_file = run.name, run.path / "decisions.jsonl"
        table = run.load_table("issues.parquet", verb="find").sort_values("rank")
        self.suspects = table.loc[table["is_label_issue"], "sample_id"].tolist()
        self.queue = table.loc[table["is_label_issue"] | (table["error_probability"] >= LOOKING_PAYS), "sample_id"].tolist()
        self.labels = table.set_index("sample_id")[["given_label", "suggested_label"]]

    @property
    def samples(self) -> Any:
        datasets = self.client["fiftyone"]["datasets"]
        return self.client["fiftyone"][datasets.find_one({"name": self.name})["sample_collection_name"]]

    def shown(self) -> dict[str, str]:
        """The label of `review` by `sample_id`: what tiles show."""
        return {sample["sample_id"]: sample["review"]["label"] for sample in self.samples.find({"review.label": {"$exists": True}})}

    def journal(self) -> list[Decision]:
        return list(read_journal(self.journal_file).decisions)

    def told(self) -> list[tuple[str, str, str | None]]:
        """Sample, action and new label of each line of the journal."""
        return [(decision.sample_id, decision.action, decision.label) for decision in self.journal()]

    def forget(self) -> list[str]:
        """Takes all decisions out of both; the ids that FiftyOne's samples with one have."""
        self.journal_file.unlink(missing_ok=True)
        self.client["fiftyone"]["curate_decisions"].delete_many({})
        decided = [str(sample["_id"]) for sample in self.samples.find({"review": {"$exists": True}}, {"_id": 1})]
        self.samples.update_many({}, {"$unset": {"review": ""}})
        return decided
