"""labelerrors: what labelerrors.com published, found again from its probabilities and from our own."""

import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.bench.published import Published, read_published
from curate.errors import DataError
from curate.find.evaluation import evaluate_detection
from curate.find.label_issues import find_label_issues
from curate.find.saved_table import load_table
from curate.review.votes import CATEGORIES
from curate.run import Run


def normalized_margin(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probability of the given label less that of the best other class.

    Args:
        labels: (N,) in 0..K-1.
        pred_probs: (N, K), rows sum to 1.

    Returns:
        (N,) in [-1, 1]; low means that the label is suspect.

    Source: Northcutt, Jiang & Chuang 2021, arXiv:1911.00068 (there shifted by a constant).
    """
    rows = np.arange(len(labels))
    others = pred_probs.astype(np.float64)  # a copy
    own = others[rows, labels]
    others[rows, labels] = -np.inf
    return own - others.max(axis=1)


def lowest_margins(labels: NDArray[np.int64], pred_probs: NDArray[np.floating], num: int) -> NDArray[np.int64]:
    """(num,) positions of the lowest normalized margins, the lowest first, ties in dataset order."""
    return np.argsort(normalized_margin(labels, pred_probs), kind="stable")[:num]


def num_candidates(labels: NDArray[np.int64], pred_probs: NDArray[np.floating]) -> int:
    """How many labels are wrong by the confident joint as it is counted, not calibrated: N (1 - trace / sum), rounded down.

    275 for the CIFAR-10 test set as published, all of which were checked.

    Args:
        labels: (N,) in 0..K-1.
        pred_probs: (N, K) out-of-fold, rows sum to 1.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
    """
    from cleanlab.count import compute_confident_joint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with few or no labels
        joint = compute_confident_joint(labels, pred_probs, calibrate=False)
    return int((1 - np.trace(joint) / joint.sum()) * len(labels))


def labelerrors(folder: Path, *, runs: list[Run] | None = None, samples: Sequence[int] = ()) -> dict[str, Any]:
    """The published tables again, and how well each way of ranking finds the errors that people confirmed.

    Args:
        folder: files of the label-errors repository, see `curate.bench.published`.
        runs: audited runs of datasets that are in the folder; their test samples are ranked as the run has them.
        samples: positions in the test split to tell more of.

    Returns:
        `samples`: of each of `samples` that people voted on, the labels, the votes, and its rank by each ranking;
        `datasets`: of each its candidates and errors as ids and counts, and whether the candidates are those with the lowest margins;
        `detection`: one record per dataset and ranking, with precision, recall and F1 of the flags, average precision, the rank of the
        last error and the `ranks` of all in the order of the ids; `left_out`: datasets that could not be tabulated, and why. Labels that
        nobody checked count as right, so that precision and average precision are lower bounds.

    Raises:
        DataError: the folder does not hold what it should, a run is of none of its datasets or of other labels, or nobody voted on one of
            `samples`.
        RunError: `find` has not been run.
    """
    published, left_out = read_published(folder)
    by_name = {dataset.name: dataset for dataset in published}
    for run in runs or []:
        if run.meta["dataset"]["name"] not in by_name:
            raise DataError(
                f"run '{run.name}' is of '{run.meta['dataset']['name']}', but {folder} has {', '.join(by_name)}; audit one of these"
            )
    detection = [record for dataset in published for record in _from_published(dataset)]
    detection += [_from_run(run, by_name[run.meta["dataset"]["name"]]) for run in runs or []]
    told = [sample for index in samples for sample in _of_sample(index, published, detection)]
    shown = [{key: value for key, value in record.items() if key != "rank_of_sample"} for record in detection]
    return {"samples": told, "datasets": [_table(dataset) for dataset in published], "detection": shown, "left_out": left_out}


def _of_sample(index: int, published: list[Published], detection: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What people said of test sample `index` of each dataset where they were asked about it, and where each ranking has it."""
    found = []
    for dataset in published:
        for candidate in dataset.candidates:
            if candidate.id == index:
                ranks = {
                    record["ranked_by"]: int(record["rank_of_sample"][index]) for record in detection if record["name"] == dataset.name
                }
                found.append(
                    {"name": dataset.name, "sample": index, "says": candidate.sentence, "is_error": candidate.is_error, "ranks": ranks}
                )
    if not found:
        raise DataError(
            f"nobody voted on test sample {index}; of {', '.join(one.name for one in published)}, candidates were shown to people only"
        )
    return found


def _table(dataset: Published) -> dict[str, Any]:
    """The row of the published table, and whether the probabilities give the same candidates."""
    checked = {int(candidate.id) for candidate in dataset.candidates}
    lowest = set(lowest_margins(dataset.labels, dataset.pred_probs, len(checked)).tolist())
    errors = sorted((int(candidate.id), candidate.category) for candidate in dataset.candidates if candidate.is_error)
    counts = Counter(category for _, category in errors)
    return {
        "name": dataset.name,
        "num_samples": len(dataset.labels),
        "num_counted_by_confident_joint": num_candidates(dataset.labels, dataset.pred_probs),
        "num_candidates": len(checked),
        "num_candidates_of_lowest_margin": len(checked & lowest),
        "is_same_candidates": checked == lowest,
        "num_errors": len(errors),
        **{f"num_{category}": counts[category] for category in CATEGORIES},
        "candidates": sorted(checked),
        "errors": {index: category for index, category in errors},
    }


def _from_published(dataset: Published) -> list[dict[str, Any]]:
    margins = normalized_margin(dataset.labels, dataset.pred_probs)
    flagged = np.zeros(len(margins), dtype=bool)
    flagged[lowest_margins(dataset.labels, dataset.pred_probs, len(dataset.candidates))] = True
    ours = find_label_issues(dataset.labels, dataset.pred_probs)
    return [
        _detection(dataset, "published probabilities, lowest margins", flagged, margins),
        _detection(dataset, "published probabilities, curate's default", ours.is_label_issue, ours.rank),
    ]


def _from_run(run: Run, dataset: Published) -> dict[str, Any]:
    """Detection among the test samples of a run, in the order that its issue table gives them."""
    table = load_table(run)
    test = table[table["split"] == "test"].sort_values("index")
    if test["index"].tolist() != list(range(len(dataset.labels))):
        raise DataError(
            f"run '{run.name}' has {len(test)} test samples of {dataset.name}, expected all {len(dataset.labels)}; audit the whole dataset"
        )
    names = [str(name) for name in run.meta["dataset"]["class_names"]]
    given = test["given_label"].map({name: index for index, name in enumerate(names)}).to_numpy()
    other = np.flatnonzero(given != dataset.labels)
    if len(other):
        raise DataError(
            f"run '{run.name}' has other labels than published for {len(other)} test samples of {dataset.name}, such as {other[0]}; "
            "audit the labels as given"
        )
    return _detection(dataset, f"run {run.name}", test["is_label_issue"].to_numpy(), test["rank"].to_numpy())


def _detection(dataset: Published, by: str, flagged: NDArray[np.bool_], score: NDArray) -> dict[str, Any]:
    """Figures of flags and of a score (N,), low = suspect."""
    is_error = np.zeros(len(dataset.labels), dtype=bool)
    is_error[[int(candidate.id) for candidate in dataset.candidates if candidate.is_error]] = True
    found = evaluate_detection(is_error, flagged, score)
    rank = np.empty(len(score), dtype=np.int64)
    rank[np.argsort(score, kind="stable")] = np.arange(1, len(score) + 1)
    ranks = rank[is_error]
    return {
        "name": dataset.name,
        "ranked_by": by,
        "num_flagged": found.num_flagged,
        "num_errors": found.num_errors,
        "num_errors_flagged": int((is_error & flagged).sum()),
        "precision": found.precision,
        "recall": found.recall,
        "f1": found.f1,
        "average_precision": found.average_precision,
        "last_error_rank": found.last_error_rank,
        "num_errors_in_first_60": int((ranks <= 60).sum()),
        "num_errors_in_first_100": int((ranks <= 100).sum()),
        "ranks": ranks.tolist(),
        "rank_of_sample": rank,
    }
