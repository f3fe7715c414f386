"""Where decisions are kept: the journal on disk first, then a log in the database, then the `review` field that the App shows.

A decision is done when `record` returns: then it is on the disk of this machine and in the database. Nothing overwrites anything:
journal and log are only added to, and the field is computed from the log, so that two reviewers with a server each cannot undo
each other's work, and the database can be made again from the journals.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from curate.app.database import load_dataset, mend_count, quiet_fiftyone
from curate.errors import DatabaseError
from curate.review.journal import IMPORTED, Decision, append_decisions, later_than, read_journal
from curate.review.verdicts import Verdict, standing_decisions, verdict_of

LOG = "curate_decisions"
STALE = "stale"  # the action of a sample that was decided under another given label only
ATTEMPTS = 20
BLOCK = 5000


class ReviewStore:
    """The decisions on one dataset.

    Args:
        dataset: a FiftyOne dataset that curate made.
        journal: `decisions.jsonl` of its run.
    """

    def __init__(self, dataset: Any, journal: Path) -> None:
        from fiftyone.core.odm import get_db_conn
        from pymongo import WriteConcern

        self.dataset_id = str(dataset._doc.id)
        self.journal = journal
        durable = WriteConcern(w=1, j=True)  # without it a kill -9 of mongod loses what it had said was written
        self.samples = dataset._sample_collection.with_options(write_concern=durable)
        self.log = get_db_conn()[LOG].with_options(write_concern=durable)
        self.log.create_index([("dataset", 1), ("sample_id", 1)])
        self.log.create_index([("dataset", 1), ("who", 1)])
        self._lock = threading.Lock()
        self._unsent: list[Decision] = []
        self._last = ""  # the latest time of a decision that was seen

    def record(self, decisions: Sequence[Decision]) -> dict[str, dict[str, Any] | None]:
        """Writes decisions down, and returns the new `review` by id of the FiftyOne sample (None: none stands any more).

        Raises:
            StorageError: the journal cannot be written; nothing is recorded.
            DatabaseError: the database does not answer; the decisions are in the journal, and get into the database with the next
                one, or when the review is opened again.
        """
        from pymongo.errors import PyMongoError

        with self._lock:
            decisions = [self._later(decision) for decision in decisions]
            append_decisions(self.journal, decisions)
            self._unsent += decisions
            try:
                self._insert(self._unsent)
                shown = self._show({decision.sample_id for decision in self._unsent})
                if len(self._unsent) > len(decisions) or not self.samples.estimated_document_count():  # the database was away
                    mend_count(self.samples)
            except PyMongoError as error:
                raise DatabaseError(
                    f"the database does not answer ({type(error).__name__}); {len(self._unsent)} decisions are safe in {self.journal} "
                    "and get into the database as soon as it is back"
                ) from error
            self._unsent = []
            return shown

    def _later(self, decision: Decision) -> Decision:
        """`decision`, later than all that were seen."""
        self._last = later_than(self._last, decision.when)
        return decision if decision.when == self._last else replace(decision, when=self._last)

    def sync(self) -> tuple[int, int]:
        """Makes journal and database hold the same decisions; to be called when a review is opened and when it ends.

        Returns:
            How many decisions the database got from the journal, and the journal from the database (other machines' reviewers).

        Raises:
            DataError: a line of the journal is not a decision.
            StorageError: the journal cannot be written.
        """
        with self._lock:
            mend_count(self.samples)
            written = {decision.id: decision for decision in read_journal(self.journal).decisions}
            logged = {decision.id: decision for decision in self._logged({})}
            self._last = max([self._last, *(decision.when for decision in (written | logged).values())])
            to_database = [decision for identity, decision in written.items() if identity not in logged]
            to_journal = [decision for identity, decision in logged.items() if identity not in written]
            self._insert(to_database)
            if to_journal and os.access(self.journal.parent, os.W_OK):  # on a read-only disk they stay in the database
                append_decisions(self.journal, sorted(to_journal, key=lambda decision: decision.when))
            self._show({decision.sample_id for decision in (written | logged).values()})
            return len(to_database), len(to_journal)

    def decisions(self, sample_ids: Iterable[str]) -> dict[str, dict[str, Decision]]:
        """What stands on these samples, by sample id and reviewer."""
        return standing_decisions(self._logged({"sample_id": {"$in": list(sample_ids)}}))

    def last_of(self, who: str, sample_ids: Sequence[str] = ()) -> list[Decision]:
        """What an undo takes back: the reviewer's standing decisions on `sample_ids`; without any, the latest that was not imported, with
        all of its batch.
        """
        query: dict[str, Any] = {"who": who} | ({"sample_id": {"$in": list(sample_ids)}} if sample_ids else {})
        standing = [by_who[who] for by_who in standing_decisions(self._logged(query)).values() if who in by_who]
        if sample_ids:
            return standing
        standing = [decision for decision in standing if not decision.batch.startswith(IMPORTED)]
        if not standing:
            return []
        last = max(standing, key=lambda decision: decision.when)
        return [decision for decision in standing if decision.id == last.id or decision.batch == last.batch != ""]

    def _insert(self, decisions: Sequence[Decision]) -> None:
        """Adds to the log what it does not hold yet."""
        from pymongo import UpdateOne

        for start in range(0, len(decisions), BLOCK):
            block = decisions[start : start + BLOCK]
            self.log.bulk_write(
                [
                    UpdateOne(
                        {"_id": f"{self.dataset_id}:{decision.id}"},
                        {"$setOnInsert": {"dataset": self.dataset_id, **asdict(decision)}},
                        upsert=True,
                    )
                    for decision in block
                ],
                ordered=False,
            )

    def _logged(self, query: dict[str, Any]) -> list[Decision]:
        """The decisions of the log; what a newer version of curate adds to them is left out."""
        known = {field.name: 1 for field in fields(Decision)}
        return [Decision(**document) for document in self.log.find({"dataset": self.dataset_id, **query}, {"_id": 0, **known})]

    def _show(self, sample_ids: set[str]) -> dict[str, dict[str, Any] | None]:
        """Brings the `review` field of these samples up to date with the log.

        The log is counted again afterwards: whoever writes a field last has then seen all decisions that were made before.
        """
        shown: dict[str, dict[str, Any] | None] = {}
        ids = sorted(sample_ids)
        for start in range(0, len(ids), BLOCK):
            block = ids[start : start + BLOCK]
            query = {"dataset": self.dataset_id, "sample_id": {"$in": block}}
            for _ in range(ATTEMPTS):
                logged = self._logged({"sample_id": {"$in": block}})
                shown |= self._write(block, standing_decisions(logged))
                if self.log.count_documents(query) == len(logged):
                    break
        return shown

    def _write(self, sample_ids: list[str], standing: dict[str, dict[str, Decision]]) -> dict[str, dict[str, Any] | None]:
        from pymongo import UpdateOne

        now = datetime.now(timezone.utc).replace(tzinfo=None)  # FiftyOne keeps UTC without zone
        shown: dict[str, dict[str, Any] | None] = {}
        updates = []
        wanted = {"sample_id": 1, "ground_truth.label": 1, "suggested.label": 1, "is_label_issue": 1, "review._id": 1}
        for sample in self.samples.find({"sample_id": {"$in": sample_ids}}, wanted):
            by_who = standing.get(sample["sample_id"])
            review = review_field(by_who, sample) if by_who else None
            change = {"$set": {"review": review, "last_modified_at": now}} if review else {"$unset": {"review": ""}}
            updates.append(UpdateOne({"_id": sample["_id"]}, change))
            shown[str(sample["_id"])] = review
        if updates:
            self.samples.bulk_write(updates, ordered=False)
        return shown


def sync_journal(name: str, journal: Path) -> None:
    """Makes the FiftyOne dataset `name` and `journal` hold the same decisions, such as those that were imported. Needs `connect`.

    Raises:
        DataError, StorageError: as `ReviewStore.sync`.
        DatabaseError: the database does not answer.
    """
    from pymongo.errors import PyMongoError

    try:
        with quiet_fiftyone():
            ReviewStore(load_dataset(name), journal).sync()
    except PyMongoError as error:
        raise DatabaseError(f"the database does not answer any more ({type(error).__name__}); see `curate doctor`") from error


def review_field(by_who: dict[str, Decision], sample: dict[str, Any]) -> dict[str, Any]:
    """The `review` of a sample as FiftyOne stores a Classification: `label` is what a tile shows.

    Decisions about another given label than today's count for nothing: where there are no others, the sample is undecided again, and
    marked as changed.

    Args:
        by_who: the standing decision of each reviewer, at least one.
        sample: with `ground_truth.label`, `suggested.label` and `is_label_issue` as they are now; `review._id` is kept.
    """
    from bson import ObjectId

    given = sample.get("ground_truth", {}).get("label")
    suggested = sample.get("suggested", {}).get("label")
    seen_now = (given, suggested, sample.get("is_label_issue"))
    is_changed = any(seen(one, seen_now) != seen_now for one in by_who.values())
    fresh = {who: one for who, one in by_who.items() if one.given in (None, given)}
    verdict = verdict_of(fresh or by_who)
    action = verdict.action if fresh else STALE
    return {
        "_id": sample.get("review", {}).get("_id") or ObjectId(),
        "_cls": "Classification",
        "tags": [],
        "label": shown_as(verdict) if fresh else "label changed",
        "action": action,
        "final": given if action == "ok" else verdict.label if fresh else None,
        "reviewers": sorted(fresh),
        "when": datetime.fromisoformat(verdict.when).astimezone(timezone.utc).replace(tzinfo=None),
        "note": verdict.note,
        "is_adjudicated": verdict.is_adjudicated,
        "is_changed": is_changed,
    }


def seen(decision: Decision, now: tuple[str | None, str | None, bool | None]) -> tuple[str | None, str | None, bool | None]:
    """Given label, suggested label and flag when the decision was taken; as they are `now` where the decision does not tell."""
    if decision.given is None:
        return now
    return decision.given, decision.suggested, now[2] if decision.is_label_issue is None else decision.is_label_issue


def shown_as(verdict: Verdict) -> str:
    """What the tile says: `ok`, `error`, `drop`, `ambiguous`, `conflict`, or `→ 7` for a new label."""
    if verdict.action in ("relabel", "accept_suggestion"):
        return f"→ {verdict.label}"
    return "error" if verdict.action == "confirm_error" else verdict.action
