"""Labels as people write them, as indices."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError


def label_values(path: Path, labels: Sequence[str], class_names: Sequence[str]) -> NDArray[np.int64]:
    """(M,) indices of class names, else of indices as text, else -1 for empty text.

    Args:
        path: where they were read, for the message.

    Raises:
        DataError: a label is neither.
    """
    index = {str(i): i for i in range(-1, len(class_names))} | {name: i for i, name in enumerate(class_names)} | {"": -1}
    unknown = [label for label in labels if label not in index]
    if unknown:
        raise DataError(
            f"{path} has label '{unknown[0]}', which is no class; expected {', '.join(class_names[:10])}"
            f"{', …' if len(class_names) > 10 else ''} or an index in 0..{len(class_names) - 1}"
        )
    return np.array([index[label] for label in labels], dtype=np.int64)
