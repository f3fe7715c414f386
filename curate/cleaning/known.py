"""The samples and classes that decisions from elsewhere may be about."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from curate.errors import DataError, UnknownNameError


@dataclass(frozen=True)
class Known:
    """The samples and classes of one run.

    Attributes:
        given: class name by sample id, None where unlabelled.
        test_ids: sample id by position in the official order of the test split.
        class_names: K names.
    """

    given: Mapping[str, str | None]
    test_ids: Mapping[int, str]
    class_names: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, class_names: tuple[str, ...]) -> "Known":
        """Those of an issue table: `sample_id`, `given_label`, `split` and `index` are read."""
        test = table[table["split"] == "test"]
        return cls(
            given=given_labels(table),
            test_ids=dict(zip(test["index"].tolist(), test["sample_id"], strict=True)),
            class_names=class_names,
        )

    def class_name(self, text: str) -> str:
        """The class called `text`, or else the one with that index."""
        if text in self.class_names:
            return text
        index = int(text) if text.isdecimal() and len(text) < 10 else len(self.class_names)
        if index < len(self.class_names):
            return self.class_names[index]
        raise UnknownNameError.of("class", text, self.class_names)

    def given_label(self, sample_id: str) -> str | None:
        if sample_id not in self.given:
            raise DataError(f"there is no sample '{sample_id}' in this run; expected an id like '{next(iter(self.given), '')}'")
        return self.given[sample_id]


def given_labels(table: pd.DataFrame) -> dict[str, str | None]:
    """Class name by sample id of an issue table, None where unlabelled."""
    labels = table["given_label"].astype(object)
    return dict(zip(table["sample_id"], labels.where(labels.notna(), None), strict=True))
