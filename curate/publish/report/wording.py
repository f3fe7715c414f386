"""Numbers and sentences as the page writes them."""

import math
from datetime import datetime, timezone
from typing import Any

from curate.find.self_estimate import about

NBSP = "\u00a0"
MINUS = "\u2212"


def count(n: float) -> str:
    """A whole number with thousands separators: `70,000`."""
    return f"{int(n):,}"


def counted(n: float, one: str, many: str | None = None) -> str:
    """`n` with its noun: `1 sample`, `70,000 samples`."""
    return f"{count(n)} {one if int(n) == 1 else many or one + 's'}"


def percent(share: float | None, digits: int | None = None) -> str:
    """A share in [0, 1] with digits that mean something: `0.27 %`, `12.4 %`, `100 %`; a dash where there is none."""
    if share is None or math.isnan(share):
        return "–"
    value = 100 * share
    if digits is None:
        digits = 0 if value in (0, 100) else 1 if value >= 10 else 2
        if 0 < value < 0.01:
            return f"< 0.01{NBSP}%"
    return f"{value:.{digits}f}{NBSP}%"


def points(difference: float, digits: int = 2) -> str:
    """A difference of two shares in percentage points, signed: `+0.09`, `0.00`."""
    value = round(100 * difference, digits)
    sign = MINUS if value < 0 else "+" if value > 0 else ""
    return f"{sign}{abs(value):.{digits}f}"


def score(value: float | None) -> str:
    """A score in [0, 1]; small ones keep their leading digits: `0.731`, `0.0042`, `< 0.0001`."""
    if value is None or math.isnan(value):
        return "–"
    if 0 <= value < 1e-4:
        return "< 0.0001"
    return f"{value:.4f}" if value < 0.01 else f"{value:.3f}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `2 min 05 s`, `1 h 02 min`."""
    if seconds < 10:
        return f"{seconds:.1f}{NBSP}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{NBSP}s"
    if whole < 3600:
        return f"{whole // 60}{NBSP}min {whole % 60:02d}{NBSP}s"
    return f"{whole // 3600}{NBSP}h {whole % 3600 // 60:02d}{NBSP}min"


def memory(mib: float) -> str:
    """`512 MiB`, `3.2 GiB`."""
    return f"{mib / 1024:.1f}{NBSP}GiB" if mib >= 1024 else f"{mib:.0f}{NBSP}MiB"


def day(iso: str) -> str:
    """An ISO 8601 time as `20 November 2026, 18:53 UTC`; any other text as it is."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    if moment.tzinfo is not None:
        moment = moment.astimezone(timezone.utc)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def headline(num_issues: int, num_labelled: int, detection: dict[str, Any], *, unjudged: str | None = None) -> str:
    """The finding in one sentence.

    Args:
        num_issues: labels that are flagged.
        detection: what the audit says of itself, as `findings.json` has it; empty for a run of 0.1.
        unjudged: why no label was judged, where none was.
    """
    if unjudged is not None:
        return f"No label was judged: {unjudged}. Below are outliers, near duplicates and what is wrong with pictures."
    if detection.get("num_labels") and not detection["can_count"]:
        return f"How many of {count(num_labelled)} labels are wrong cannot be told; here are the most suspect."
    errors = detection["num_errors"]["value"] if detection.get("num_labels") else None
    if errors is not None and round(errors):
        verb = "is" if round(errors) == 1 else "are"
        return f"About {about(errors)} of {count(num_labelled)} labels {verb} wrong; here are the most suspect."
    if num_issues == 0:
        return f"None of {count(num_labelled)} labels is probably wrong."
    verb, worst = ("is", "here it is") if num_issues == 1 else ("are", "here are the worst")
    return f"{count(num_issues)} of {count(num_labelled)} labels ({percent(num_issues / num_labelled)}) {verb} probably wrong; {worst}."
