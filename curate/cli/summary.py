"""A result dict as people read it: one fact per line, lists of records as tables."""

from typing import Any

SHARES = ("accuracy", "calibration_error", "share", "noise", "confidence", "precision", "recall")
POINTS = ("difference", "interval")  # between two shares
LONGEST_LIST = 10


def render(result: dict[str, Any]) -> None:
    """Prints `result` on stdout, in its own order. Nothing is cut or wrapped, so that paths can be copied."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    facts, tables = split_facts(result)
    width = max((len(label) for label, _ in facts), default=0)
    for label, text in facts:
        console.print(f"{label:<{width}}  {text}", markup=False)
    for title, records in tables:
        _print_table(console, title, records)


def split_facts(result: dict[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, list[dict[str, Any]]]]]:
    """(label, text) of each fact, and (title, records) of each list of dicts; what is empty or said twice is left out."""
    facts, tables = [], []
    for key, value in result.items():
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            tables.append((words(key), list(value)))
        elif isinstance(value, dict):
            facts.append((words(key), _facts_of(key, value)))
        elif value is not None and value != []:
            facts.append((words(key), text_of(key, value)))
    return list(dict.fromkeys(facts)), tables


def words(key: str) -> str:
    """`num_label_issues` as `label issues`."""
    return key.removeprefix("num_").replace("_", " ").replace("out of fold", "out-of-fold")


def text_of(key: str, value: Any) -> str:
    """`value` as text; its key tells whether a number is a share, seconds or a seed."""
    if value is None:
        return "–"
    if isinstance(value, dict) and "value" in value:  # an estimate with its interval
        return f"{text_of(key, value['value'])} ({text_of(key, value['low'])} to {text_of(key, value['high'])})"
    if isinstance(value, dict):
        return _facts_of(key, value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        shown = ", ".join(text_of(key, item) for item in value[:LONGEST_LIST])
        return shown if len(value) <= LONGEST_LIST else f"{shown} and {len(value) - LONGEST_LIST:,} more"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if any(word in key for word in POINTS):
            return f"{100 * value:+.2f} points"
        if any(word in key for word in SHARES):
            return f"{100 * value:.2f} %"
        return f"{value:.1f}" if "seconds" in key else f"{value:,.0f}" if "_num_" in key or abs(value) >= 10_000 else f"{value:.4g}"
    return str(value)


def _facts_of(key: str, facts: dict[str, Any]) -> str:
    """Several facts in a line: `train 8.1, find 2.4`."""
    return ", ".join(f"{words(inner)} {text_of(f'{key}_{inner}', item)}" for inner, item in facts.items())


def _print_table(console: Any, title: str, records: list[dict[str, Any]]) -> None:
    """One record a column: there are few of them, with many facts each."""
    from rich.table import Table

    columns = list(dict.fromkeys(key for record in records for key in record))
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    for _ in records:
        table.add_column(overflow="fold")
    for column in columns:
        table.add_row(words(column), *(text_of(column, record.get(column)) for record in records))
    console.print(table, markup=False, soft_wrap=False)
