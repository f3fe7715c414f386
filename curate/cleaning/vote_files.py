"""Vote files of labelerrors.com as decisions of five workers."""

from pathlib import Path

from curate.cleaning.candidates import NUM_WORKERS, Candidate, parse_candidates
from curate.cleaning.decisions import Decision, content_id, utc_now
from curate.cleaning.known import Known
from curate.errors import DataError

ACTION_OF_VOTE = {"given": "ok", "guessed": "relabel", "neither": "confirm_error", "both": "ambiguous"}


def decisions_from_votes(path: Path, text: str, known: Known, *, run: str = "", batch: str = "") -> list[Decision]:
    """The votes in a JSON list of candidates as decisions of `worker 1` to `worker 5`, in its order.

    The form is that of `curate.cleaning.candidates`. Where both labels are the same, `guessed` repeats the votes for `given` and is left
    out.

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
    decisions, now = [], utc_now()
    for number, candidate in enumerate(parse_candidates(path, text), 1):
        try:
            decisions += _from_candidate(candidate, known, run, batch, now)
        except DataError as error:
            raise DataError(f"{path} candidate {number}: {error}") from error
    return decisions


def _from_candidate(candidate: Candidate, known: Known, run: str, batch: str, now: str) -> list[Decision]:
    if not isinstance(candidate.id, int) or candidate.id not in known.test_ids:
        raise DataError(
            f"there is no test sample {candidate.id!r} in this run; expected a position in the official order of the test split"
        )
    sample_id = known.test_ids[candidate.id]  # type: ignore[index]
    given, guessed = known.class_name(candidate.given), known.class_name(candidate.guessed)
    counts = {**candidate.votes, **({"guessed": 0} if given == guessed else {})}
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
