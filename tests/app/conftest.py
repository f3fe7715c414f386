"""One mongod of its own for all database tests; a small audited set to show. Never touches the user's FiftyOne."""

import contextlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import curate.app
from curate.app.database import connect
from curate.app.mongod import free_port, private_mongod
from curate.data.image_set import ImageSet
from curate.review.journal import read_journal
from curate.run import Run

PLUGIN = Path(curate.app.__file__).parent / "plugin"

CLASS_NAMES = ("disc", "square", "cross")


@pytest.fixture(scope="session")
def mongod_uri(tmp_path_factory):
    """A private mongod, and fiftyone imported and connected to it with a home folder that is not the user's."""
    folder = tmp_path_factory.mktemp("mongod")
    with private_mongod(folder, cache_gb=0.25) as uri, pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIFTYONE_DATABASE_URI", uri)
        patch.setenv("FIFTYONE_CONFIG_PATH", str(folder / "config.json"))
        with pytest.MonkeyPatch.context() as at_import:
            at_import.setenv("HOME", str(folder))
            connect()
        yield uri
        import fiftyone.core.odm.database as odm

        odm._disconnect()  # else its threads complain about the server that is stopped now


@pytest.fixture
def damaged_folder(tmp_path):
    """A folder for `private_mongod` whose data files are not what they were."""
    with private_mongod(tmp_path / "damaged", cache_gb=0.25):
        pass
    (tmp_path / "damaged" / "db" / "WiredTiger.wt").write_bytes(b"x" * 8192)
    (tmp_path / "damaged" / "db" / "WiredTiger.turtle").write_bytes(b"x" * 1000)
    return tmp_path / "damaged"


@pytest.fixture
def fo(mongod_uri, tmp_path, monkeypatch):
    """The module fiftyone, connected to the private mongod, without datasets; data goes to a temporary folder."""
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    info = connect()
    assert info.is_external and info.uri in mongod_uri
    import fiftyone

    for name in fiftyone.list_datasets():
        fiftyone.delete_dataset(name)
    return fiftyone


@pytest.fixture
def shapes() -> ImageSet:
    """36 drawings of 3 classes in 2 splits; the label of every 12th is wrong, that of number 5 is missing."""
    return draw_shapes()


def draw_shapes() -> ImageSet:
    rng = np.random.default_rng(0)
    n = 36
    true = np.arange(n) % 3
    images = rng.integers(0, 40, size=(n, 1, 16, 16), dtype=np.uint8)
    y, x = np.mgrid[:16, :16] - 7.5
    masks = (x**2 + y**2 < 30, np.maximum(abs(x), abs(y)) < 5.5, np.minimum(abs(x), abs(y)) < 2)
    for image, label in zip(images, true, strict=True):
        image[0][masks[label]] = 220
    labels = true.copy()
    labels[::12] = (labels[::12] + 1) % 3
    labels[5] = -1
    splits = np.array(["train"] * 24 + ["test"] * 12)
    sample_ids = np.array([f"shapes/{split}/{i % 24}" for i, split in enumerate(splits)])
    return ImageSet("shapes", images, labels, sample_ids, splits, CLASS_NAMES)


@pytest.fixture
def make_run(tmp_path):
    """Writes a run folder for an image set, as the steps before the App leave it, from made-up probabilities."""
    return lambda image_set, name=None: write_run(tmp_path / "runs" / (name or image_set.name), image_set)


@pytest.fixture(scope="module")
def shapes_once(mongod_uri, tmp_path_factory):
    """The dataset of the shapes, its run, and what the build told: built once for those tests of a module, at its beginning, that leave
    them as they are. `fo` deletes them.
    """
    import fiftyone

    from curate.app.dataset import build_dataset

    folder = tmp_path_factory.mktemp("shapes")
    for name in fiftyone.list_datasets():
        fiftyone.delete_dataset(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURATE_DATA", str(folder / "data"))
        run = write_run(folder / "runs" / "shapes", draw_shapes())
        run.save_array("sample_ids.npy", draw_shapes().sample_ids)  # as `curate train` does
        result = build_dataset(run, draw_shapes())
        yield fiftyone.load_dataset(result.name), run, result


@pytest.fixture
def undecided(shapes_once):
    """The dataset of the shapes and its journal, without a decision, and without what other tests added to it or beside it."""
    import fiftyone

    from curate.app.review.context import _stores
    from curate.app.review.store import LOG

    dataset, run, _ = shapes_once
    for name in set(fiftyone.list_datasets()) - {dataset.name}:
        fiftyone.delete_dataset(name)
    fiftyone.core.odm.get_db_conn()[LOG].delete_many({})
    dataset._sample_collection.delete_many({"sample_id": None})
    dataset._sample_collection.update_many({}, {"$unset": {"review": ""}})
    for name in dataset.list_saved_views():
        if name.startswith("to review"):
            dataset.delete_saved_view(name)
    dataset.reload()
    (run.path / "decisions.jsonl").unlink(missing_ok=True)
    _stores.clear()
    yield dataset, run.path / "decisions.jsonl"
    _stores.clear()


class Review:
    """Runs the plugin's operators on a dataset, as FiftyOne does, without a browser."""

    def __init__(self, dataset, journal):
        self.dataset, self.journal = dataset, journal

    def ids(self, view=None):
        return (self.dataset if view is None else view).values("id")

    def press(self, operator, *, selected=(), opened=None, view=None, **params):
        """What FiftyOne is told to do, by the last part of the operator's name."""
        import fiftyone.operators as foo

        context = {"dataset": self.dataset, "view": view if view is not None else self.dataset.view(), "selected": list(selected)}
        result = foo.execute_operator(f"@curate/review/{operator}", ctx={**context, "current_sample": opened, "params": params})
        return [(request.operator_uri.split("/")[-1], request.params) for request in result.executor._requests] if result.executor else []

    def labels(self):
        self.dataset.reload()
        return {sample.sample_id: sample.review.label for sample in self.dataset.exists("review.label")}

    @property
    def journalled(self):
        return [(decision.sample_id, decision.action, decision.label) for decision in read_journal(self.journal).decisions]


@pytest.fixture
def pressing(mongod_uri, tmp_path, monkeypatch):
    """`Review`, where FiftyOne knows the plugin and the reviewer is `anna`."""
    import fiftyone

    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "curate").symlink_to(PLUGIN)
    monkeypatch.setattr(fiftyone.config, "plugins_dir", str(folder))
    monkeypatch.setenv("CURATE_REVIEWER", "anna")
    return Review


@pytest.fixture
def review(pressing, undecided):
    """Operators on the built shapes."""
    return pressing(*undecided)


def write_run(path: Path, image_set: ImageSet) -> Run:
    rng = np.random.default_rng(1)
    n, k = len(image_set), image_set.num_classes
    pred_probs = rng.dirichlet(np.full(k, 0.3), size=n)
    believed = image_set.labels.copy()
    believed[::12] = (believed[::12] - 1) % k
    pred_probs[np.arange(n), believed] += np.where(image_set.labels >= 0, 3, 0)
    pred_probs /= pred_probs.sum(axis=1, keepdims=True)
    hashes = {"images_hash": image_set.images_hash, "labels_hash": image_set.labels_hash}
    described = {"name": image_set.name, "num_samples": n, **hashes}
    run = Run.create(path, {"dataset": described, "config": {"model": "none"}, "versions": {"cleanlab": "2.9.0"}})
    run.save_array("pred_probs.npy", pred_probs.astype(np.float32))
    run.save_array("embeddings.npy", rng.normal(size=(n, 8)).astype(np.float32))
    run.save_array("projection.npy", rng.normal(size=(n, 2)).astype(np.float32))
    issue_table(image_set, pred_probs).to_parquet(run.path / "issues.parquet")
    return run


def issue_table(image_set: ImageSet, pred_probs: np.ndarray) -> pd.DataFrame:
    n = len(image_set)
    names = np.array(image_set.class_names, dtype=object)
    labels, labelled = image_set.labels, image_set.labels >= 0
    given = np.where(labelled, pred_probs[np.arange(n), labels], np.nan)
    others = pred_probs.copy()
    others[np.arange(n)[labelled], labels[labelled]] = -1
    quality = given / (given + others.max(axis=1))
    is_issue = labelled & (quality < 0.4)
    doubted = is_issue | (labelled & (pred_probs.argmax(axis=1) != labels))
    rank = np.empty(n, dtype=np.int64)
    rank[np.argsort(np.where(labelled, quality, 2), kind="stable")] = np.arange(1, n + 1)
    duplicate_set = np.full(n, -1)
    duplicate_set[[1, n - 1]] = 0  # a near duplicate across splits
    return pd.DataFrame(
        {
            "sample_id": image_set.sample_ids.astype(object),
            "split": image_set.splits.astype(object),
            "index": pd.Series(image_set.splits).groupby(image_set.splits).cumcount().to_numpy(),
            "given_label": np.where(labelled, names[labels], None),
            "predicted_label": names[pred_probs.argmax(axis=1)],
            "confidence": pred_probs.max(axis=1).astype(np.float32),
            "suggested_label": np.where(doubted, names[others.argmax(axis=1)], None),
            "suggested_confidence": np.where(doubted, others.max(axis=1), np.nan).astype(np.float32),
            "label_quality": quality.astype(np.float32),
            "error_probability": np.where(labelled, np.where(is_issue, 0.9, 0.1), np.nan).astype(np.float32),
            "is_label_issue": is_issue,
            "rank": rank,
            "outlier_score": np.linspace(0, 1, n, dtype=np.float32),
            "is_outlier_issue": np.arange(n) < 2,
            "duplicate_score": np.ones(n, dtype=np.float32),
            "duplicate_set": duplicate_set,
            "is_duplicate_issue": duplicate_set >= 0,
            "is_leak_issue": duplicate_set >= 0,
            "fold": (np.arange(n) % 5).astype(np.int16),
        }
    )


@dataclass
class Served:
    """An App in a process of its own: the link that it told, the same without path, its port and its token."""

    process: subprocess.Popen
    link: str

    @property
    def address(self) -> str:
        return self.link.partition("/datasets")[0]

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def token(self) -> str:
        return self.link.rpartition("token=")[2]


@contextlib.contextmanager
def serving(dataset_name: str, home: Path, **options):
    """Context with the App of a dataset as `open_app` serves it, killed at the end if it still runs."""
    options.setdefault("port", free_port())
    code = "from functools import partial\nfrom curate.app.session import open_app\n"
    code += f"open_app({dataset_name!r}, on_ready=partial(print, flush=True), **{options!r})"
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    with subprocess.Popen(
        [sys.executable, "-c", code], env={**kept, "HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            link = process.stdout.readline().strip()
            assert link, process.stderr.read()
            yield Served(process, link)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


@pytest.fixture(scope="session")
def serve_app(mongod_uri):
    """`serving`, on the private mongod."""
    return serving
