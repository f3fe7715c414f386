"""decisions, import-decisions: what reviewers decided so far, and decisions made elsewhere."""

import shlex
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from curate.errors import CurateError
from curate.find.find import load_table
from curate.review.decision_files import Contents, read_file
from curate.review.journal import JOURNAL, Decision, append_decisions, content_id, later_than, read_journal, utc_now
from curate.review.verdicts import agreement, changed_since, conflicts, standing_decisions, verdict_of, without_stale
from curate.review.votes import Known, given_labels
from curate.run import Run


def decisions(run: Run) -> dict[str, Any]:
    """How many decisions stand in the journal of a run, how alike reviewers judge, what is in conflict, and what an audit changed since.

    Verdicts and conflicts are those that `clean` goes by: decisions about another given label than today's are left out of them, and
    stand among the changes.

    Raises:
        RunError: `find` has not been run.
        DataError: a line of the journal is malformed.
    """
    table = load_table(run)
    journal = read_journal(run.path / JOURNAL)
    standing = standing_decisions(journal.decisions)
    each = [decision for by_who in standing.values() for decision in by_who.values()]
    fresh, stale = without_stale(standing, given_labels(table))
    waiting = conflicts(fresh)
    return {
        "run": run.name,
        "journal": run.path / JOURNAL,
        "num_samples": len(standing),
        "num_decisions": len(each),
        "actions": _counts(decision.action for decision in each),
        "reviewers": _counts(decision.who for decision in each),
        "verdicts": _counts(verdict_of(by_who).action for by_who in fresh.values()),
        "num_conflicts": len(waiting),
        "num_stale_decisions": len(stale),
        "num_half_written_lines": journal.num_ignored,
        "agreement": [asdict(pair) for pair in agreement(fresh)],
        "conflicts": [{"sample_id": sample_id, "decisions": [_shown(d) for d in fresh[sample_id].values()]} for sample_id in waiting],
        "changes": [
            {
                "sample_id": change.decision.sample_id,
                "who": change.decision.who,
                "what": change.what,
                "before": change.before,
                "now": change.now,
            }
            for change in changed_since(each, table)
        ],
    }


def import_decisions(run: Run, path: Path, *, who: str = "", contents: Contents | None = None) -> dict[str, Any]:
    """Adds the decisions in a file to the journal of a run; those that are there already are not added again.

    A table with a mistake adds nothing. A journal may be about more pictures than the run has: those are counted, and the file keeps them.

    Args:
        path: a journal, a table, corrected labels, or a vote file of labelerrors.com, see `curate.review.decision_files`.
        who: reviewer of the lines that name none.
        contents: where pictures are under other ids, asked only if an id is not known.

    Raises:
        RunError: `find` has not been run.
        DataError: the file is of another form, or has an unknown sample, class or action.
        UsageError: `who` is given for votes.
    """
    table = load_table(run)
    known = Known.of(table, tuple(run.meta["dataset"]["class_names"]))
    before = read_journal(run.path / JOURNAL).decisions
    now = later_than(max((decision.when for decision in before), default=""), utc_now())
    reading = read_file(path, known, who=who, run=run.name, contents=contents, now=now)
    there = {decision.id: _content(decision) for decision in before}
    new = []
    for decision in reading.decisions:
        if decision.id in there and there[decision.id] != _content(decision):  # somebody edited the file: another decision, taken later
            decision = replace(decision, id=content_id(decision.id, *_content(decision)))
        if decision.id not in there:
            there[decision.id] = _content(decision)
            new.append(decision)
    if new:
        append_decisions(run.path / JOURNAL, new)
    return {
        "run": run.name,
        "journal": run.path / JOURNAL,
        "num_added": len(new),
        "num_already_there": len(reading.decisions) - len(new),
        "num_stale_decisions": sum(change.what == "given" for change in changed_since(new, table)),
        "num_of_other_pictures": len(reading.unknown),
        "note": f"{path.name} keeps those, such as '{reading.unknown[0]}': they are not in this run" if reading.unknown else None,
        "num_followed_the_picture": reading.num_moved,
        "actions": _counts(decision.action for decision in new),
        "reviewers": _counts(decision.who for decision in new),
    }


def decided_elsewhere(run: Run) -> str | None:
    """Which run beside `run` holds decisions on the same source, and how to take them over; None where `run` has decisions itself."""
    if run.has(JOURNAL):
        return None
    source = run.meta["dataset"].get("origin", {}).get("source")
    for journal in sorted(run.path.parent.glob(f"*/{JOURNAL}"), key=lambda path: -path.stat().st_mtime):
        try:
            other = Run.open(journal.parent)
            found = read_journal(journal).decisions
        except CurateError:  # of another version, or broken: told where it is opened
            continue
        if found and source is not None and other.meta["dataset"].get("origin", {}).get("source") == source:
            command = shlex.join(["curate", "import-decisions", run.handle, str(journal)])
            return f"run '{other.name}' of the same source has {len(found)} decisions; `{command}` takes them over"
    return None


def _content(decision: Decision) -> tuple[str, ...]:
    """What makes two decisions the same."""
    return (decision.sample_id, decision.action, decision.label or "", decision.who, decision.note, decision.undoes)


def _counts(values: Any) -> dict[str, int]:
    """How often each value comes, the most frequent first."""
    return dict(sorted(Counter(values).items(), key=lambda item: (-item[1], item[0])))


def _shown(decision: Decision) -> dict[str, Any]:
    return {"who": decision.who, "action": decision.action, "label": decision.label, "when": decision.when, "note": decision.note}
