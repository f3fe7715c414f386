"""Tables that people bring: one strict reader for manifests, labels, annotators and corrections, in CSV and parquet."""

import csv
import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import DataError, DependencyError
from curate.packages import pip_install

CSV_SUFFIXES = (".csv", ".tsv")
TABLE_SUFFIXES = (*CSV_SUFFIXES, ".parquet")
SEPARATORS = (",", ";", "\t")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # what files of it begin with, such as Excel's "Unicode text"
LARGEST_CELL = 2**24
NO_TEXT = "\0"  # begins a cell of a parquet file that holds bytes or a list


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        path: where it was read.
        columns: their names, without blanks around them.
        rows: a dict of column to cell each; cells are stripped and in Unicode's NFC form, empty where there is nothing.
        places: where each row stands, for messages: `line 6 of labels.csv`, `row 5 of labels.parquet`.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    places: tuple[str, ...]

    def require(self, *columns: str, optional: Sequence[str] = ()) -> "Table":
        """The table itself, where it has `columns`.

        Raises:
            DataError: one is missing (names all that were expected and all that are there), or a cell holds bytes or a list.
        """
        lacking = [column for column in columns if column not in self.columns]
        if lacking:
            wanted = ", ".join(columns) + (f" and optionally {', '.join(optional)}" if optional else "")
            raise DataError(f"{self.path} has no column '{lacking[0]}'; expected {wanted}, found {', '.join(self.columns) or 'none'}")
        for row, place in zip(self.rows, self.places, strict=True):
            strange = next((column for column in (*columns, *optional) if row.get(column, "").startswith(NO_TEXT)), None)
            if strange is not None:
                raise DataError(f"{place} has {row[strange][2:]} in the column '{strange}'; expected text or a number")
        return self


def read_table(path: Path) -> Table:
    """The table in a `.csv`, `.tsv` or `.parquet` file.

    A CSV is text in UTF-8, or in UTF-16 where its first bytes say so; its first line has the names of the columns, separated by commas,
    semicolons or tabs. Every line has as many values as there are columns; values with a separator in them stand in quotes. Lines without
    any value, and a first line such as `sep=;`, are passed over. In parquet, numbers are written as text, whole ones without a decimal
    point.

    Raises:
        DataError: there is no such file, it cannot be read, a line has too many or too few values, or a cell holds no text or number.
        DependencyError: it is a parquet file and pandas is missing.
    """
    if not path.is_file():
        raise DataError(f"there is no table at {path}")
    return _from_parquet(path) if path.suffix.lower() == ".parquet" else _from_csv(path)


def columns_of(path: Path) -> tuple[str, ...]:
    """The names of the columns of a CSV, or none where the file is no such table."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return _split_header(next(iter(file), ""))[0]
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()


def separator_of(path: Path) -> str:
    """What separates the values of a CSV, by its first line."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            return _split_header(next(iter(file), ""))[1]
    except (OSError, UnicodeDecodeError, csv.Error):
        return SEPARATORS[0]


def is_text(path: str) -> bool:
    """Whether `path` is text in UTF-8 on one line, so that it can be written down; Python shows other bytes as surrogates."""
    return "\n" not in path and not any("\ud800" <= sign <= "\udfff" for sign in path)


def plain(text: str) -> str:
    """Text from outside as it is compared: stripped, in Unicode's NFC form (macOS writes file names in NFD)."""
    return unicodedata.normalize("NFC", text.strip())


def _from_csv(path: Path) -> Table:
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content[:2] in UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8 ({error}); save it as UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path} cannot be read as CSV: it holds a NUL character, as binary files do")
    first, _, rest = text.partition("\n")
    says_separator = re.fullmatch(r"sep=[,;\t]\r?", first)  # a first line that Excel writes for itself
    text, num_before = (rest, 1) if says_separator else (text, 0)
    columns, separator = _split_header(text.splitlines()[0] if text else "")
    again = next((column for i, column in enumerate(columns) if column and column in columns[:i]), None)
    if again is not None:
        raise DataError(f"{path} has the column '{again}' twice; rename one of them")
    csv.field_size_limit(LARGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, places = [], []
    try:
        next(reader, None)
        for values in reader:
            place = f"line {reader.line_num + num_before} of {path}"
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(columns):
                more = "a value with a separator in it stands in quotes" if len(values) > len(columns) else "leave none out"
                raise DataError(f"{place} has {len(values)} values, the first line {len(columns)}; {more}")
            rows.append({column: plain(value) for column, value in zip(columns, values, strict=True)})
            places.append(place)
    except csv.Error as error:
        raise DataError(f"line {reader.line_num + num_before} of {path} cannot be read as CSV ({error})") from error
    return Table(path, columns, tuple(rows), tuple(places))


def _split_header(line: str) -> tuple[tuple[str, ...], str]:
    """The column names in the first line, and the separator that makes most of it."""
    found = {separator: next(csv.reader([line], delimiter=separator), []) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda each: len(found[each]))
    return tuple(plain(column) for column in found[separator]), separator


def _from_parquet(path: Path) -> Table:
    try:
        import pandas
    except ImportError as error:
        raise DependencyError(f"parquet tables need pandas and pyarrow: {pip_install('pandas', 'pyarrow')}") from error
    try:
        frame = pandas.read_parquet(path)
    except Exception as error:  # pyarrow's own errors have no common base that pandas promises
        raise DataError(f"{path} cannot be read as parquet ({str(error).splitlines()[0]})") from error
    columns = tuple(plain(str(column)) for column in frame.columns)
    places = tuple(f"row {number} of {path}" for number in range(1, len(frame) + 1))
    cells = [[_text(cell) for cell in frame.iloc[:, i]] for i in range(len(columns))]
    return Table(path, columns, tuple(dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)), places)


def _text(cell: object) -> str:
    import pandas

    if not isinstance(cell, str) and (isinstance(cell, bytes) or hasattr(cell, "__len__")):
        return f"{NO_TEXT} {type(cell).__name__}"
    if pandas.isna(cell):  # type: ignore[call-overload]
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else plain(str(cell))
