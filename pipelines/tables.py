"""Tables of docs/measured.md that come from records: between `<!-- records: NAME -->` and `<!-- end -->`, made again by

python pipelines/tables.py
"""

import json
import re
from typing import Any

from records import RECORDS, ROOT


def speed(records: list[dict[str, Any]]) -> str:
    """The rounds of the latest `benchmark speed mnist lenet5`."""
    found = [each["values"] for each in records if each["name"] == "benchmark speed mnist lenet5"]
    if not found:
        return "Not on record yet: `python pipelines/benchmark.py`, then `python pipelines/tables.py`."
    rows = [*((str(number), each) for number, each in enumerate(found[-1]["rounds"], 1)), ("median", found[-1]["median"])]
    lines = ["| round | curate | out of fold | skorch | out of fold | times faster |", "|" + "---|" * 6]
    for name, each in rows:
        ours = f"{each['curate_seconds']:.1f} s | {each['curate_accuracy']:.2%}"
        theirs = f"{each['rival_seconds']:.1f} s | {each['rival_accuracy']:.2%}"
        lines.append(f"| {name} | {ours} | {theirs} | {each['times_faster']:.1f} |")
    return "\n".join(lines)


TABLES = {"speed": speed}


def with_tables(page: str, records: list[dict[str, Any]]) -> str:
    """The page with all its tables made anew."""

    def table(match: re.Match[str]) -> str:
        return f"<!-- records: {match[1]} -->\n{TABLES[match[1]](records)}\n<!-- end -->"

    return re.sub(r"<!-- records: ([a-z ]+) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


def main() -> None:
    path = ROOT / "docs" / "measured.md"
    path.write_text(with_tables(path.read_text(), [json.loads(line) for line in RECORDS.read_text().splitlines()]))


if __name__ == "__main__":
    main()
