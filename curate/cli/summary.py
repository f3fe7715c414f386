"""A result dict as people read it: one fact per line, lists of records as tables."""

from typing import Any

SHARES = ("accuracy", "share", "noise", "difference", "confidence", "precision", "recall", "rate")


def render(result: dict[str, Any]) -> None:
    """Prints `result` on stdout, in its own order. Nothing is cut or wrapped, so that paths can be copied."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    facts, tables = _flatten(result)
    width = max((len(label) for label, _ in facts), default=0)
    for label, value in facts:
        console.print(f"{label:<{width}}  {value}", markup=False)
    for title, records in tables:
        console.print()
        _print_table(console, title, records)


def _print_table(console: Any, title: str, records: list[dict[str, Any]]) -> None:
    from rich.table import Table

    columns = list(dict.fromkeys(key for record in records for key in record))
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        numeric = all(isinstance(record.get(column), (int, float)) for record in records)
        table.add_column(_words(column), justify="right" if numeric else "left", overflow="fold")
    for record in records:
        table.add_row(*(_text(column, record.get(column)) for column in columns))
    console.print(table, markup=False, soft_wrap=False)


def _flatten(result: dict[str, Any], prefix: str = "") -> tuple[list[tuple[str, str]], list[tuple[str, list[dict[str, Any]]]]]:
    """(label, text) pairs, and (title, records) of the lists of dicts, from a nested dict."""
    facts, tables = [], []
    for key, value in result.items():
        label = f"{prefix}{_words(key)}"
        if isinstance(value, dict):
            inner_facts, inner_tables = _flatten(value, f"{label}: ")
            facts += inner_facts
            tables += inner_tables
        elif isinstance(value, (list, tuple)) and value and all(isinstance(item, dict) for item in value):
            tables.append((label, list(value)))
        elif value is not None:
            facts.append((label, _text(key, value)))
    return facts, tables


def _words(key: str) -> str:
    return str(key).removeprefix("num_").removeprefix("is_").replace("_", " ").replace("out of fold", "out-of-fold")


def _text(key: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(key, item) for item in value)
    if isinstance(value, int):
        return f"{value:,}" if not str(key).endswith(("port", "seed", "seeds")) else str(value)
    if isinstance(value, float):
        if str(key).endswith("seconds"):
            return f"{value:.1f}"
        return f"{value:.2%}".replace("%", " %") if any(word in str(key) for word in SHARES) else f"{value:.4g}"
    return str(value)
