"""What an open sample is shown beside: more like it, and why the net believes another label."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.app.review.context import facts_of, run_folder, seen_sample, target_ids, to_update
from curate.app.review.deciding import show
from curate.errors import RunError, UsageError
from curate.judge.given import Given
from curate.run import Run

NUM_SIMILAR = 48
BLOCK = 100_000


def show_similar(ctx: Any) -> None:
    """Fills the grid with the samples nearest to that seen or the selected ones by embedding, these first, with their given labels.

    Read from the run folder: FiftyOne's own index would first fetch all embeddings from the database, and up to 15,000 samples it
    computes all their distances, some seconds.

    Raises:
        UsageError: as `target_ids`.
        RunError: the run folder is not here, or has no embeddings of these samples.
    """
    folder = run_folder(ctx.dataset)
    run = Run.open(folder)
    if run.meta["config"].get("judge") == Given.name and not run.has("embeddings.npy"):
        raise RunError(
            "alike samples are found by embeddings, which this run has none of; give those of your model by --embeddings, to an audit "
            "under another --run name"
        )
    embeddings, sample_ids = (run.load_array(name, mmap=True) for name in ("embeddings.npy", "sample_ids.npy"))
    asked = [fact["sample_id"] for fact in facts_of(ctx.dataset, target_ids(ctx))]
    rows = np.flatnonzero(np.isin(sample_ids, asked))
    if len(rows) == 0 or len(sample_ids) != len(embeddings):
        raise RunError(f"{folder} has no embedding of {asked[0]}; {to_update(run)}")
    nearest = sample_ids[nearest_rows(embeddings, rows, NUM_SIMILAR)].tolist()
    found = {
        one["sample_id"]: str(one["_id"]) for one in ctx.dataset._sample_collection.find({"sample_id": {"$in": nearest}}, {"sample_id": 1})
    }
    if ctx.current_sample:
        ctx.ops.close_sample()
    ctx.ops.set_view(ctx.dataset.select([found[sample_id] for sample_id in nearest if sample_id in found], ordered=True))
    ctx.ops.clear_selected_samples()


def nearest_rows(embeddings: NDArray[np.float32], rows: NDArray[np.int64], num: int) -> NDArray[np.int64]:
    """The `num` rows of most cosine similarity to the mean direction of `rows`, these first, then the nearest first.

    Args:
        embeddings: (N, D), may be memory-mapped: it is read once, in blocks.
        rows: (M,) in 0..N-1, at least one.
        num: at least M are returned where N allows.
    """
    chosen = np.asarray(embeddings[rows], dtype=np.float32)
    query = _unit(chosen).mean(axis=0)
    similarity = np.concatenate(
        [_unit(np.asarray(embeddings[start : start + BLOCK])) @ query for start in range(0, len(embeddings), BLOCK)]
    )
    similarity[rows] = np.inf
    num = min(max(num, len(rows)), len(similarity))
    first = np.argpartition(-similarity, num - 1)[:num]
    return first[np.argsort(-similarity[first], kind="stable")]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


SHOW = "@curate/review/show_picture"


def show_why(ctx: Any) -> None:
    """Shows what in the sample that was seen speaks for its given label and for the suggested one, to the net that did not see it.

    Where no net of the run saw pixels, as where features judge, it says which classes the judge thinks of.

    Raises:
        UsageError: no sample is open.
        RunError: the run is not on this machine, or its nets were not kept.
        DependencyError: captum is not installed.
    """
    seen = seen_sample(ctx)
    if seen is None:
        raise UsageError("open a sample first, to see why its label is doubted")
    folder = run_folder(ctx.dataset)
    sample_id = facts_of(ctx.dataset, [seen])[0]["sample_id"]
    if not (folder / "models").is_dir():
        show(ctx, {}, likeliest(folder, sample_id, ctx.dataset.default_classes), leaves=True)
        return
    from curate.app.fiftyone_source import load_again
    from curate.judge.fold_nets import run_nets
    from curate.lab.figure import to_png
    from curate.lab.run_saliency import explain_sample
    from curate.lab.seeing_figures import saliency_figure

    nets = run_nets(folder)
    if nets.run.meta["dataset"]["origin"].get("kind") == "fiftyone":
        nets.read = load_again
    picture = base64.b64encode(to_png(saliency_figure(explain_sample(nets, sample_id)))).decode()
    ctx.trigger(SHOW, {"source": f"data:image/png;base64,{picture}", "text": f"What speaks for the labels of {sample_id}"})


NUM_LIKELY = 3


def likeliest(folder: Path, sample_id: str, class_names: Sequence[str]) -> str:
    """The classes that the judge of the run thinks of first, such as `the judge alone says: shirt (84 %), dress (9 %), hat (2 %)`.

    Raises:
        RunError: the run has no probabilities of this sample.
    """
    run = Run.open(folder)
    rows = np.flatnonzero(run.load_array("sample_ids.npy", mmap=True) == sample_id)
    pred_probs = run.load_array("pred_probs.npy", mmap=True)
    if len(rows) == 0 or rows[0] >= len(pred_probs):
        raise RunError(f"the run in {folder} has no probabilities of {sample_id}; {to_update(run)}")
    probs = pred_probs[rows[0]]
    best = np.argsort(-probs, kind="stable")[:NUM_LIKELY].tolist()
    return "the judge alone says: " + ", ".join(f"{class_names[k]} ({100 * probs[k]:.0f} %)" for k in best)
