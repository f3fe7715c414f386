"""The issue table of a run: read and written without what it is made by, so that a verb that only reads imports no torch."""

import pandas as pd

from curate.run import Run

ISSUES = "issues.parquet"


def load_table(run: Run) -> pd.DataFrame:
    """The issue table.

    Raises:
        RunError: `find` has not been run.
    """
    return run.load_table(ISSUES, verb="find")


def save_table(run: Run, table: pd.DataFrame) -> None:
    """Writes `issues.parquet` and `issues.csv`."""
    run.write_bytes(ISSUES, table.to_parquet(index=False))
    save_csv(run, "issues.csv", table)


def save_csv(run: Run, name: str, table: pd.DataFrame) -> None:
    """Writes the table as text, without its index."""
    run.write_text(name, table.to_csv(index=False))
