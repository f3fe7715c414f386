"""Where the pictures and the guesses come from, as the foot of the page states it."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from curate.data.catalog import CATALOG

OUTSIDE = re.compile(r"(?:(?<==)|^)(?:/|~|\.\.).*")  # a whole word, or what follows `--option=`


@dataclass(frozen=True)
class Credits:
    """Attributes:
    title: the dataset's full name.
    licence: the terms of the pictures; empty where they are not known.
    source: where the dataset is published; empty where that is not known.
    """

    title: str
    licence: str
    source: str


def credits_of(meta: dict[str, Any], *, licence: str | None = None, source: str | None = None) -> Credits:
    """What the catalog knows of the run's dataset; `licence` and `source` come before it."""
    dataset = meta["dataset"]
    entry = CATALOG.get(dataset.get("origin", {}).get("source", ""))
    return Credits(
        title=entry.title if entry else dataset["name"],
        licence=licence or (entry.licence if entry else ""),
        source=source or (entry.homepage if entry else ""),
    )


def provenance(meta: dict[str, Any], table: pd.DataFrame) -> list[tuple[str, str]]:
    """What the guesses were made with, as names and values.

    Args:
        meta: the content of `run.json`.
        table: the issue table of all samples.
    """
    config, versions = meta.get("config", {}), meta.get("versions", {})
    labelled = table[table["given_label"].notna()]
    accuracy = (labelled["given_label"] == labelled["predicted_label"]).mean()
    folds = f"{config['num_folds']} folds" if "num_folds" in config else ""
    repeats = f"{config['num_repeats']} repeats" if config.get("num_repeats", 1) > 1 else ""
    facts = {
        "Command": public_command(meta.get("command", "")),
        "Model": ", ".join(filter(None, [config.get("model"), folds, repeats])),
        "Out-of-fold accuracy": f"{accuracy:.2%} of {len(labelled):,} labels" if len(labelled) else "",
        "Audited": meta.get("created", "")[:10],
        "Made with": ", ".join(f"{name} {versions[name]}" for name in ("curate", "cleanlab", "torch") if name in versions),
    }
    return [(name, value) for name, value in facts.items() if value]


def public_command(command: str) -> str:
    """`command` without the folders of the machine that it ran on: of a path outside the working folder only its last part is told."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    return shlex.join(OUTSIDE.sub(lambda path: Path(path[0]).name, word) for word in words)
