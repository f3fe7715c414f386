"""One page for whoever decides about money and time: what was wrong, what was done, what it brought. Prints on one sheet."""

import base64
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from curate.data.image_set import ImageSet
from curate.files import write_atomically
from curate.find.saved_table import load_table
from curate.progress import Progress, silent
from curate.publish.export.export import cleaned_for_export
from curate.publish.report.evidence import read_json
from curate.publish.report.gain_rows import make_gains
from curate.publish.report.wording import day
from curate.publish.review_page.encoded_picture import photograph
from curate.publish.review_page.send_away import kind_of
from curate.review.estimates import UNDECIDED, WRONG, missed_errors
from curate.review.journal import JOURNAL, read_journal
from curate.review.random_check import check_ranks
from curate.review.verdicts import CONFLICT, Verdict, agreement, standing_decisions, verdict_of, without_stale
from curate.review.votes import given_labels
from curate.run import Run

STAGE = "summary"
NUM_PICTURES, NUM_PAIRS = 6, 5
SIDE = 200  # pixels


@dataclass(frozen=True)
class Wrong:
    """A label that is wrong by people, or is doubted where nobody looked; `right` is '' where it is not known."""

    row: int
    sample_id: str
    given: str
    right: str


def summary_page(run: Run, image_set: ImageSet | None, *, to: Path | None = None, progress: Progress = silent) -> Path:
    """Writes `summary.html` into the run folder, or to `to`, and returns its path.

    Args:
        image_set: for the pictures; None leaves them out.

    Raises:
        RunError: `find` has not been run.
        StorageError: the disk is full or read-only.
    """
    progress(STAGE, 0, 1)
    text = render_summary(run, image_set)
    target = run.path / "summary.html" if to is None else to
    write_atomically(target, text.encode())
    progress(STAGE, 1, 1)
    return target


def render_summary(run: Run, image_set: ImageSet | None) -> str:
    """The page as text."""
    table = load_table(run).reset_index(drop=True)
    standing, _ = without_stale(standing_decisions(read_journal(run.path / JOURNAL).decisions), given_labels(table))
    verdicts = {sample_id: verdict_of(by_who) for sample_id, by_who in standing.items()}
    flagged = table["is_label_issue"].astype(bool)
    wrong = _wrong(table, verdicts)
    looked = [verdicts[sample_id] for sample_id in table["sample_id"] if sample_id in verdicts]
    has_cleaned = bool(verdicts) or run.has("cleaned.csv")
    cleaned = cleaned_for_export(run) if has_cleaned else None
    comparison = read_json(run, "comparison.json", verb="compare")
    shown = wrong if wrong else _suspects(table[flagged].sort_values("rank"))
    return (
        _environment()
        .get_template("summary.html")
        .render(
            name=run.meta["dataset"]["name"],
            run=run.name,
            audited=day(run.meta.get("created", "")),
            num_labels=int(table["given_label"].notna().sum()),
            num_unlabelled=int(table["given_label"].isna().sum()),
            num_suspects=int(flagged.sum()),
            num_looked=len(looked),
            num_looked_suspects=sum(sample_id in verdicts for sample_id in table["sample_id"][flagged]),
            num_wrong=len(wrong),
            num_ambiguous=sum(verdict.action == "ambiguous" for verdict in looked),
            num_conflicts=sum(verdict.action == CONFLICT for verdict in looked),
            reviewers=sorted({who or "somebody without a name" for by_who in standing.values() for who in by_who}),
            agreement=agreement(standing),
            pairs=Counter((one.given, one.right) for one in shown if one.right).most_common(NUM_PAIRS),
            pictures=_pictures(image_set, shown),
            is_confirmed=bool(wrong),
            missed=_missed(table, verdicts),
            expected=_expected(run),
            cleaned=None
            if cleaned is None
            else {**Counter(cleaned.table["action"]), "policy": cleaned.policy, "total": len(cleaned.table)},
            gains=make_gains(comparison) if comparison else [],
            num_seeds=len(comparison["test"][0]["seeds"]) if comparison else 0,
        )
    )


def _wrong(table: pd.DataFrame, verdicts: dict[str, Verdict]) -> list[Wrong]:
    """What people found wrong, the most suspect first."""
    found = []
    for row, sample_id, given in table.sort_values("rank", kind="stable")[["sample_id", "given_label"]].itertuples():
        verdict = verdicts.get(sample_id)
        if verdict is None or verdict.action in ("ok", "ambiguous", CONFLICT) or pd.isna(given):
            continue
        found.append(Wrong(row, sample_id, given, verdict.label or ""))
    return [one for one in found if one.right != one.given]


def _suspects(suspects: pd.DataFrame) -> list[Wrong]:
    rows = suspects[["sample_id", "given_label", "suggested_label"]].itertuples()
    return [Wrong(row, sample_id, given, "" if pd.isna(suggested) else suggested) for row, sample_id, given, suggested in rows]


def _pictures(image_set: ImageSet | None, shown: list[Wrong]) -> list[dict[str, str]]:
    if image_set is None:
        return []
    made = []
    for one in shown[:NUM_PICTURES]:
        picture = photograph(image_set, one.row, SIDE)
        source = f"data:{kind_of(picture)};base64,{base64.b64encode(picture.content).decode()}"
        made.append({"source": source, "given": one.given, "right": one.right, "id": one.sample_id})
    return made


def _missed(table: pd.DataFrame, verdicts: dict[str, Verdict]) -> dict[str, Any] | None:
    """What the random check says of the labels that were not doubted."""
    ids = [sample_id for sample_id, rank in zip(table["sample_id"], check_ranks(table), strict=True) if rank is not None]
    codes = [_code(verdicts.get(sample_id)) for sample_id in ids]
    num_checked = sum(code != UNDECIDED for code in codes)
    num_unflagged = int((~table["is_label_issue"].astype(bool) & table["given_label"].notna()).sum())
    if not num_checked:
        return None
    missed = missed_errors(num_unflagged, num_checked, codes.count(WRONG))
    return {"value": missed.value, "low": missed.low, "high": missed.high, "num_checked": num_checked}


def _code(verdict: Verdict | None) -> int:
    if verdict is None or verdict.action == CONFLICT:
        return UNDECIDED
    return WRONG if verdict.action not in ("ok", "ambiguous") else 0


def _expected(run: Run) -> dict[str, float] | None:
    """How many labels the audit itself believes wrong, with its interval."""
    findings = read_json(run, "findings.json", verb="find") or {}
    detection = findings.get("detection") or {}
    errors = (detection.get("num_errors") or {}) if detection.get("can_count", True) else {}
    return errors if errors.get("value") is not None and errors.get("high") is not None else None


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: (files("curate.publish") / "pages" / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["count"] = lambda n: f"{n:,.0f}"
    made.filters["counted"] = lambda n, one: f"{n:,} {one}{'' if n == 1 else 's'}"
    return made
