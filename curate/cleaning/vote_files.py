"""Vote files of labelerrors.com as decisions of five workers."""

import json
from pathlib import Path
from typing import Any

from curate.cleaning.decisions import Decision, content_id, utc_now
from curate.cleaning.known import Known
from curate.errors import DataError

NUM_WORKERS = 5  # of a candidate
ACTION_OF_VOTE = {"given": "ok", "guessed": "relabel", "neither": "confirm_error", "both": "ambiguous"}


def decisions_from_votes(path: Path, text: str, known: Known, *, run: str = "", batch: str = "") -> list[Decision]:
    """The votes in a JSON list of candidates as decisions of `worker 1` to `worker 5`, in its order.

    A candidate has `id` (position in the test split), `given_original_label_name` and `our_guessed_label_name` (or both without
    `_name`, as indices) and the counts `mturk`: `given`, `guessed`, `neither` and `both`; one that lacks is 0. Where both labels are the
    same, `guessed` repeats the votes for `given` and is left out.

    The file does not tell who voted what. Each candidate's votes go to the workers in an order that its sample id shuffles: so the
    agreement of two workers is that of any two, and the same file always gives the same decisions.

    Args:
        path: where the text is from, for messages.
        text: content of the file.
        known: the samples and classes of the run.
        run, batch: of the decisions.

    Raises:
        DataError: the text is of another form, or about an unknown sample or class; names the candidate, the first being 1.

    Source: Northcutt, Athalye & Mueller 2021, arXiv:2103.14749.
    """
    try:
        candidates = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not readable as JSON ({error})") from error
    if not isinstance(candidates, list):
        raise DataError(f"{path} must be a JSON list of candidates, found {type(candidates).__name__}")
    decisions, now = [], utc_now()
    for number, candidate in enumerate(candidates, 1):
        try:
            decisions += _from_candidate(candidate, known, run, batch, now)
        except DataError as error:
            raise DataError(f"{path} candidate {number}: {error}") from error
    return decisions


def _from_candidate(candidate: Any, known: Known, run: str, batch: str, now: str) -> list[Decision]:
    if not isinstance(candidate, dict):
        raise DataError(f"expected an object, found {candidate!r}")
    position = candidate.get("id")
    if type(position) is not int or position not in known.test_ids:
        raise DataError(f"there is no test sample {position!r} in this run; expected a position in the official order of the test split")
    sample_id = known.test_ids[position]
    given, guessed = (_label(candidate, key, known) for key in ("given_original_label", "our_guessed_label"))
    counts = _counts(candidate.get("mturk"))
    if given == guessed:
        counts["guessed"] = 0
    actions = [ACTION_OF_VOTE[vote] for vote, count in counts.items() for _ in range(count)]
    if not 1 <= len(actions) <= NUM_WORKERS:
        raise DataError(f"mturk must hold 1 to {NUM_WORKERS} votes, found {len(actions)}")
    workers = sorted(range(1, NUM_WORKERS + 1), key=lambda worker: content_id(sample_id, str(worker)))
    return [
        Decision(
            sample_id,
            action,
            guessed if action == "relabel" else None,
            who=f"worker {worker}",
            when=now,
            run=run,
            given=given,
            suggested=guessed,
            batch=batch,
            id=content_id("votes", sample_id, action, given, guessed, str(worker)),
        )
        for worker, action in sorted(zip(workers, actions, strict=False))
    ]


def _counts(votes: Any) -> dict[str, int]:
    counts: dict[str, Any] = {vote: votes.get(vote, 0) if isinstance(votes, dict) else None for vote in ACTION_OF_VOTE}
    if not all(type(count) is int and 0 <= count <= NUM_WORKERS for count in counts.values()):
        raise DataError(f"mturk must hold counts of up to {NUM_WORKERS} votes ({', '.join(ACTION_OF_VOTE)}), found {votes!r}")
    return counts


def _label(candidate: dict[str, Any], key: str, known: Known) -> str:
    """The class name under `key` + `_name`, or else that of the index under `key`."""
    value = candidate.get(f"{key}_name", candidate.get(key))
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise DataError(f"expected a class under {key}_name, found {value!r}")
    return known.class_name(str(value))
