"""Tables of docs/measured.md are those of the records."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_making_the_tables_again_changes_nothing(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "pipelines")
    from tables import TABLES, with_tables

    page = (ROOT / "docs" / "measured.md").read_text()
    records = [json.loads(line) for line in (ROOT / "data" / "records.jsonl").read_text().splitlines()]
    assert all(f"<!-- records: {name} -->" in page for name in TABLES)
    assert with_tables(page, records) == page


def test_a_record_becomes_rows(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "pipelines")
    from tables import with_tables

    each = {"curate_seconds": 7.04, "curate_accuracy": 0.985, "rival_seconds": 60.0, "rival_accuracy": 0.9825, "times_faster": 8.52}
    record = {"name": "benchmark speed mnist lenet5", "values": {"rounds": [each], "median": each}}
    made = with_tables("before\n<!-- records: speed -->\nstale\n<!-- end -->\nafter", [record])
    assert "| 1 | 7.0 s | 98.50% | 60.0 s | 98.25% | 8.5 |" in made and "stale" not in made and made.endswith("after")
