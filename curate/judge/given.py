"""Given: the judge whose word is brought along: out-of-fold probabilities and embeddings of the user's own; nothing is trained."""

import contextlib
import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from curate.arrays import read_array
from curate.errors import DataError, UsageError
from curate.judge.judgement import Judgement, Ready
from curate.options import Place, described, option
from curate.progress import Progress, silent
from curate.tables import pandas_options, plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from curate.data.image_set import ImageSet

OWN = "Probabilities of your own"
TABLES = (".csv", ".tsv", ".parquet")


@described
@dataclass(frozen=True)
class Given:
    """Out-of-fold probabilities of the user's own, of one model or of several independent ones, and embeddings.

    Attributes:
        pred_probs: (N, K) array in dataset order, a file with one (.npy; .csv or .parquet with the class names as columns and, where the
            order is another, `sample_id`), or a sequence of those: the first judges, the others are independent opinions.
        embeddings: (N, D) array in dataset order or a .npy file with one; without them nothing is said of outliers, near duplicates,
            groups and the map.

    The probabilities of a sample must come from a model that did not learn from it, such as
    `sklearn.model_selection.cross_val_predict(..., method="predict_proba")` gives.
    """

    name: ClassVar[str] = "given"
    step: ClassVar[str] = "judge"

    pred_probs: Any = option(
        (),
        "Out-of-fold probabilities of your own model: .npy, or .csv or .parquet with the class names as columns. Nothing is trained "
        "then. Give it twice for a second, independent model.",
        metavar="FILE",
    )
    embeddings: Any = option(None, "Embeddings of your own, .npy (N, D), with --pred-probs.", metavar="FILE", panel=OWN)

    @contextlib.contextmanager
    def ready(self, image_set: "ImageSet", place: Place, progress: Progress = silent) -> Iterator[Ready]:
        """Reads and checks what was given; `config` has the hashes.

        Raises:
            DataError: a file is missing or no such array, a row is no probability distribution, or columns and classes differ.
            UsageError: no probabilities.
        """
        given = list(self.pred_probs) if isinstance(self.pred_probs, (list, tuple)) else [self.pred_probs]
        if not given:
            raise UsageError("the judge Given needs pred_probs: an (N, K) array, or a .npy, .csv or .parquet file")
        main, *others = (read_pred_probs(each, image_set) for each in given)
        embeddings = None if self.embeddings is None else read_embeddings(self.embeddings, len(image_set))
        hashes = {
            "pred_probs": [_digest(array) for array in (main, *others)],
            "embeddings": None if embeddings is None else _digest(embeddings),
        }
        judgement = Judgement(main, embeddings, opinions={f"given-{i}": array for i, array in enumerate(others, 2)})
        yield Ready({"judge": self.name, "seed": 0, **hashes}, lambda run, progress: judgement)


def read_pred_probs(given: Any, image_set: "ImageSet") -> "NDArray[np.float32]":
    """Probabilities (N, K) in the order of `image_set`, from an array or a file; a memory map stays one.

    Raises:
        DataError: no such file or array; names the first row that is no distribution, and columns that are in another order.
    """
    import numpy as np

    from curate.judge.probabilities import check_column_order, probability_blocks

    what = str(given) if isinstance(given, (str, Path)) else "pred_probs"
    raw = _from_file(Path(given), image_set) if isinstance(given, (str, Path)) else np.asanyarray(given)
    if raw.shape == (image_set.num_classes, len(image_set)) and len(image_set) != image_set.num_classes:
        raise DataError(f"{what} has a row for every class and a column for every sample; turn it: save its transpose, pred_probs.T")
    if raw.ndim == 2 and raw.shape[1] != image_set.num_classes:
        raise DataError(
            f"{what} has {raw.shape[1]} columns but '{image_set.name}' has {image_set.num_classes} classes; "
            "a column is needed for every class, in the order of class_names"
        )
    probs = np.empty(raw.shape, dtype=np.float32)
    for start, block in probability_blocks(raw, len(image_set)):
        probs[start : start + len(block)] = block
    check_column_order(image_set.labels, probs.argmax(axis=1), image_set.class_names, what=what)
    return probs


def read_embeddings(given: Any, num_samples: int) -> "NDArray[np.float32]":
    """Embeddings (N, D) as float32, from an array or a .npy file.

    Raises:
        DataError: no such file or array, or a row that is not finite.
    """
    import numpy as np

    array = read_array(Path(given), "embeddings", mmap=True) if isinstance(given, (str, Path)) else np.asanyarray(given)
    if array.ndim != 2 or len(array) != num_samples or array.shape[1] == 0:
        raise DataError(f"embeddings must be (N, D) with N = {num_samples} samples, found shape {array.shape}")
    if array.dtype.kind not in "fiub":
        raise DataError(f"embeddings must be real numbers, found {array.dtype}; save them as float32")
    array = array.astype(np.float32)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise DataError(f"row {int((~finite).argmax())} of embeddings is not finite; make the embeddings again, or leave them out")
    return array


def _from_file(path: Path, image_set: "ImageSet") -> "NDArray[np.floating]":
    if path.suffix.lower() not in TABLES:
        return read_array(path, "probabilities", mmap=True)
    table = _read_table(path)
    columns = [plain(str(column)) for column in table.columns]
    table.columns = columns
    others = [column for column in columns if column not in image_set.class_names]
    ids = next((column for column in others if column == "sample_id" or _are_ids(table[column], image_set)), None)
    if ids is not None:
        table = _in_order(path, table, table[ids], image_set)
    lacking = [name for name in image_set.class_names if name not in columns]
    if lacking:
        raise DataError(
            f"{path} must have a column for every class of '{image_set.name}' (and may have sample_id); it lacks "
            f"{', '.join(lacking[:5])}{' …' if len(lacking) > 5 else ''}, found {', '.join(columns[:8])}{' …' if len(columns) > 8 else ''}"
        )
    try:
        return table[list(image_set.class_names)].to_numpy(dtype="float64")
    except (TypeError, ValueError) as error:
        raise DataError(f"{path} has a value that is no number ({error}); a probability is needed for every class") from error


def _are_ids(cells: Any, image_set: "ImageSet") -> bool:
    """Whether a column, however it is called, names the samples."""
    return cells.ndim == 1 and {plain(str(cell)) for cell in cells} == set(image_set.sample_ids.tolist())


def _in_order(path: Path, table: "pd.DataFrame", ids: "pd.Series", image_set: "ImageSet") -> "pd.DataFrame":
    ids = ids.map(lambda sample_id: plain(str(sample_id)))
    if ids.duplicated().any():
        raise DataError(f"{path} has sample {ids[ids.duplicated()].iloc[0]} more than once; keep one row of each")
    wanted = image_set.sample_ids.tolist()
    lacking = set(wanted) - set(ids)
    if lacking:
        raise DataError(f"{path} lacks {len(lacking)} of {len(wanted)} samples, such as {min(lacking)}; give a row for every sample")
    return table.set_axis(ids).loc[wanted]


def _read_table(path: Path) -> "pd.DataFrame":
    import pandas as pd

    if not path.is_file():
        raise DataError(f"there is no file at {path}")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        options = pandas_options(path)
        table = pd.read_csv(path, **options)
    except (ValueError, OSError, csv.Error) as error:  # pandas' and pyarrow's own errors are ValueErrors
        raise DataError(f"{path} is not a readable table ({str(error).splitlines()[0]})") from error
    if options["sep"] == ";":  # of a country that writes 0,5
        texts = table.select_dtypes(include=["object", "string"]).columns
        table[texts] = table[texts].replace(r"^(\d*),(\d+)$", r"\1.\2", regex=True)
    return table


def _digest(array: "NDArray") -> str:
    import numpy as np

    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
