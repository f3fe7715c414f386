"""Heat map of the given and the suggested labels of the flagged samples."""

from dataclasses import dataclass

import pandas as pd

MAX_CLASSES = 15  # a larger table shows the classes with the most flagged samples only
NUM_TOP_PAIRS, NUM_PAIRS_ALONE = 10, 30
LEAST_SHOWN = 0.25
"""Share of the flagged samples that a table of the most confused classes must hold; else their pairs stand alone."""
TABLE_WIDTH, LETTER_WIDTH = 610, 6  # pixels that the columns share, and that a letter of their names takes


@dataclass(frozen=True)
class Cell:
    """`strength` in [0, 1] is the shade: the square root of the share of the largest count."""

    given_label: str
    suggested_label: str
    num_samples: int
    strength: float


@dataclass(frozen=True)
class Confusion:
    classes: list[str]  # rows and columns, in the order of the classes
    rows: list[list[Cell]]
    top_pairs: list[Cell]
    num_classes: int  # of the dataset
    num_shown: int  # flagged samples in the cells
    num_flagged: int

    @property
    def has_table(self) -> bool:
        """Whether the table of classes tells something: among hundreds of classes few pairs are of the same 15."""
        return self.num_shown >= LEAST_SHOWN * self.num_flagged

    @property
    def is_upright(self) -> bool:
        """Whether the column names are too long to stand side by side."""
        return max(map(len, self.classes)) * LETTER_WIDTH > TABLE_WIDTH / len(self.classes)


def make_confusion(label_pairs: pd.DataFrame, class_names: tuple[str, ...]) -> Confusion:
    """Cells of all classes, or of those that are most often confused where there are too many to read.

    Args:
        label_pairs: given_label, suggested_label, num_samples of the flagged rows, most frequent first.
        class_names: K names.
    """
    counts = {(p.given_label, p.suggested_label): int(p.num_samples) for p in label_pairs.itertuples()}
    classes = list(class_names)
    if len(classes) > MAX_CLASSES:
        involved = dict.fromkeys(classes, 0)
        for pair, n in counts.items():
            for name in pair:
                involved[name] = involved.get(name, 0) + n
        most = set(sorted(involved, key=lambda name: -involved[name])[:MAX_CLASSES])
        classes = [name for name in classes if name in most]
    largest = max(counts.values(), default=1)

    def cell(given: str, suggested: str) -> Cell:
        n = counts.get((given, suggested), 0)
        return Cell(given, suggested, n, round((n / largest) ** 0.5, 3))

    rows = [[cell(given, suggested) for suggested in classes] for given in classes]
    num_shown = sum(c.num_samples for row in rows for c in row)
    num_pairs = NUM_TOP_PAIRS if num_shown >= LEAST_SHOWN * sum(counts.values()) else NUM_PAIRS_ALONE
    return Confusion(
        classes=classes,
        rows=rows,
        top_pairs=[cell(*pair) for pair in sorted(counts, key=lambda pair: -counts[pair])[:num_pairs]],
        num_classes=len(class_names),
        num_shown=num_shown,
        num_flagged=sum(counts.values()),
    )
