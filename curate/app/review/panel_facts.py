"""How a review stands: what the panel shows, read from the database in a few short queries."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from curate.app.review.store import STALE, ReviewStore
from curate.find.self_estimate import LOOKING_PAYS
from curate.options import NUM_CHECK
from curate.review.estimates import (
    AMBIGUOUS,
    NUM_NEXT,
    RIGHT,
    UNDECIDED,
    WRONG,
    Bucket,
    Estimate,
    Pace,
    advice,
    errors_among,
    expected_errors_in_next,
    missed_errors,
    pace,
    precision_by_bucket,
)
from curate.review.journal import Decision
from curate.review.verdicts import CONFLICT, PairAgreement, agreement

CODES = {
    None: UNDECIDED,
    CONFLICT: UNDECIDED,
    STALE: UNDECIDED,
    "ok": RIGHT,
    "ambiguous": AMBIGUOUS,
}  # all others say that the label is wrong
UNFLAGGED = {
    "is_label_issue": False,
    "ground_truth.label": {"$gt": ""},
}  # what the random check is drawn from: without a label nothing is missed
DECIDED = {"review.label": {"$gt": ""}}  # the samples that an index finds
NUM_RECENT = 300  # decisions that the pace is taken from


@dataclass(frozen=True)
class Summary:
    """How the review of one dataset stands.

    Attributes:
        num_suspects: label issues.
        num_less: labels that are not, and at which a look pays all the same: the rest of the queue.
        num_decided: of them, by this reviewer.
        pace: of this reviewer.
        kinds: number of samples by what was decided on them, `conflict` among them.
        buckets: the suspects in order of suspicion.
        advice: go on or stop.
        wrong: errors among the suspects, those decided and those ahead; None where their probability is not known.
        num_checked: of the random sample of the other labels.
        missed: errors among all other labels; None where none of the sample is decided.
        pairs: suspects by (given, suggested label).
        agreement: of every two reviewers.
    """

    num_suspects: int
    num_less: int
    num_decided: int
    pace: Pace
    kinds: dict[str, int]
    buckets: list[Bucket]
    advice: str
    wrong: Estimate | None
    num_checked: int
    missed: Estimate | None
    pairs: Counter[tuple[str, str]]
    agreement: list[PairAgreement]


def summarize(store: ReviewStore, reviewer: str) -> Summary:
    """The state of the review as `reviewer` sees it."""
    wanted = {"_id": 0, "review.action": 1, "review.reviewers": 1, "ground_truth.label": 1, "suggested.label": 1, "error_probability": 1}
    suspects = list(store.samples.find({"is_label_issue": True}, wanted).sort("rank", 1))
    codes = np.array([_code(sample) for sample in suspects], dtype=np.int64)
    num_decided = sum(reviewer in sample.get("review", {}).get("reviewers", []) for sample in suspects)
    recent = store.log.find({"dataset": store.dataset_id, "who": reviewer, "action": {"$ne": "undo"}}, {"_id": 0, "when": 1})
    times = [datetime.fromisoformat(one["when"]).timestamp() for one in recent.sort("when", -1).limit(NUM_RECENT)]
    own_pace = pace(times, len(suspects) - num_decided)
    prediction = expected_errors_in_next(codes, NUM_NEXT)
    kinds = store.samples.aggregate([{"$match": DECIDED}, {"$group": {"_id": "$review.action", "n": {"$sum": 1}}}])
    checked = [_code(sample) for sample in store.samples.find({"check_rank": {"$gte": 1, "$lte": NUM_CHECK}}, {"review.action": 1})]
    num_checked = sum(code != UNDECIDED for code in checked)
    num_unflagged = store.samples.count_documents(UNFLAGGED)
    seconds_each = None if own_pace.per_minute is None else 60 / own_pace.per_minute
    decided = int((codes != UNDECIDED).sum())
    return Summary(
        num_suspects=len(suspects),
        num_less=store.samples.count_documents({"is_label_issue": False, "error_probability": {"$gte": LOOKING_PAYS}}),
        num_decided=num_decided,
        pace=own_pace,
        kinds={kind["_id"]: kind["n"] for kind in kinds},
        buckets=precision_by_bucket(codes, 100 if len(codes) >= 500 else 25) if len(codes) else [],
        advice=advice(prediction, num_decided=decided, num_left=len(codes) - decided, seconds_each=seconds_each),
        wrong=errors_among(codes, [np.nan if (one := sample.get("error_probability")) is None else one for sample in suspects]),
        num_checked=num_checked,
        missed=missed_errors(num_unflagged, num_checked, checked.count(WRONG)) if num_checked else None,
        pairs=Counter(pair for pair in map(_pair, suspects) if None not in pair),
        agreement=agreement(_decisions_of_several(store)),
    )


def _decisions_of_several(store: ReviewStore) -> dict[str, dict[str, Decision]]:
    """What stands on the samples that more than one reviewer decided."""
    several = DECIDED | {"review.reviewers.1": {"$exists": True}}
    shared = [sample["sample_id"] for sample in store.samples.find(several, {"sample_id": 1})]
    return store.decisions(shared) if shared else {}


def _code(sample: dict[str, Any]) -> int:
    return CODES.get(sample.get("review", {}).get("action"), WRONG)


def _pair(sample: dict[str, Any]) -> tuple[Any, Any]:
    return sample.get("ground_truth", {}).get("label"), sample.get("suggested", {}).get("label")
