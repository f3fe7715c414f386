"""Tables that people bring: one strict reader for manifests, labels, annotators and corrections, in CSV and parquet."""

import csv
import io
import re
import string
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from curate.errors import DataError, DependencyError
from curate.packages import pip_install

CSV_SUFFIXES = (".csv", ".tsv")
TABLE_SUFFIXES = (*CSV_SUFFIXES, ".parquet")
SEPARATORS = (",", ";", "\t")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # what files of it begin with, such as Excel's "Unicode text"
SAYS_SEPARATOR = r"sep=[,;\t]"  # a first line that Excel writes for itself
LARGEST_CELL, LONGEST_LINE = 2**24, 2**20
UNSEEN = string.whitespace + "".join(map(chr, (*range(0x1C, 0x20), 0x85, 0xA0, 0x1680, *range(0x2000, 0x2010), 0x2028, 0x2029)))
UNSEEN += "\u202f\u205f\u2060\u3000\ufeff\u00ad"
"""What nobody sees at the ends of a name: blanks of all kinds, and signs without a width, as copied from web pages."""
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
        """The table itself, where it has `columns`; in small letters and with `_` for blanks, whoever wrote their names otherwise.

        Raises:
            DataError: one is missing (names all that were expected and all that are there), or a cell holds bytes or a list.
        """
        known = {column.casefold().replace(" ", "_"): column for column in reversed(self.columns)}
        meant = {known[name]: name for name in (*columns, *optional) if name not in self.columns and name in known}
        if meant:  # as Excel's users write them: Sample ID, LABEL
            named = tuple(meant.get(column, column) for column in self.columns)
            rows = tuple({meant.get(column, column): cell for column, cell in row.items()} for row in self.rows)
            return replace(self, columns=named, rows=rows).require(*columns, optional=optional)
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
        return _split_header(_first_line(path))[0]
    except (OSError, csv.Error):
        return ()


def pandas_options(path: Path) -> dict[str, Any]:
    """How pandas reads a CSV as `read_table` does, for tables of numbers that are large.

    Raises:
        DataError: a column comes twice, or the first line of values has more of them than there are columns, of which pandas would make
            an index.
    """
    with open(path, "rb") as file:
        content = file.read(LONGEST_LINE)
    is_utf_16 = content[:2] in UTF_16
    lines = content.decode("utf-16" if is_utf_16 else "utf-8-sig", errors="ignore").splitlines()
    start = next((i for i, line in enumerate(lines) if line.strip(",;\t ") and not re.fullmatch(SAYS_SEPARATOR, line)), 0)
    columns, separator = _split_header(lines[start] if lines else "")
    _check_columns(path, columns)
    number, line = next(((i, line) for i, line in enumerate(lines[start + 1 :], start + 2) if line.strip(",;\t ")), (0, ""))
    values = next(csv.reader([line], delimiter=separator), [])
    if len(values) > len(columns) and any(value.strip() for value in values[len(columns) :]):
        raise DataError(f"line {number} of {path} has {len(values)} values, the first line {len(columns)}; every column needs a name")
    return {"sep": separator, "encoding": "utf-16" if is_utf_16 else "utf-8-sig", "skiprows": start, "index_col": False}


def _first_line(path: Path) -> str:
    """The line of a CSV that names its columns; '' where there is none."""
    if not path.is_file():  # a pipe would be waited for
        return ""
    with open(path, "rb") as file:
        content = file.read(LONGEST_LINE)
    text = content.decode("utf-16" if content[:2] in UTF_16 else "utf-8-sig", errors="ignore")
    lines = (line for line in text.splitlines() if line.strip(",;\t "))
    return next((line for line in lines if not re.fullmatch(SAYS_SEPARATOR, line)), "")


def is_text(path: str) -> bool:
    """Whether `path` is text in UTF-8 on one line, so that it can be written down; Python shows other bytes as surrogates."""
    return "\n" not in path and not any("\ud800" <= sign <= "\udfff" for sign in path)


def plain(text: str) -> str:
    """Text from outside as it is compared: stripped, in Unicode's NFC form (macOS writes file names in NFD)."""
    return unicodedata.normalize("NFC", text.strip(UNSEEN))


def _from_csv(path: Path) -> Table:
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content[:2] in UTF_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read as CSV in UTF-8 ({error}); save it as UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path} cannot be read as CSV: it holds a NUL character, as binary files do")
    first, _, rest = text.partition("\n")
    text, num_before = (rest, 1) if re.fullmatch(SAYS_SEPARATOR, first.rstrip("\r")) else (text, 0)
    empty = re.match(r"([,;\t ]*\r?\n)*", text)
    if empty is not None and empty.end() < len(text):  # empty lines above the table, as spreadsheets export them
        num_before += empty[0].count("\n")
        text = text[empty.end() :]
    columns, separator = _split_header(text.splitlines()[0] if text else "")
    _check_columns(path, columns)
    csv.field_size_limit(LARGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows, places = [], []
    last = 1 + num_before  # the last line that was read whole
    try:
        next(reader, None)
        for values in reader:
            last = reader.line_num + num_before
            place = f"line {reader.line_num + num_before} of {path}"
            if not any(value.strip() for value in values):
                continue
            if len(values) > len(columns) and not any(value.strip() for value in values[len(columns) :]):
                values = values[: len(columns)]  # separators at the end of a line, as spreadsheets leave them
            if len(values) != len(columns):
                more = "a value with a separator in it stands in quotes" if len(values) > len(columns) else "leave none out"
                if len(columns) == 1:
                    more = f"the first line must name the columns; found '{columns[0]}': remove it, if it is none of the table's"
                raise DataError(f"{place} has {len(values)} values, the first line {len(columns)}; {more}")
            rows.append({column: plain(value) for column, value in zip(columns, values, strict=True)})
            places.append(place)
    except csv.Error as error:
        raise DataError(f"line {reader.line_num + num_before} of {path} cannot be read as CSV ({_why(error, last)})") from error
    return Table(path, columns, tuple(rows), tuple(places))


def _check_columns(path: Path, columns: tuple[str, ...]) -> None:
    again = next((column for i, column in enumerate(columns) if column and column in columns[:i]), None)
    if again is not None:
        raise DataError(f"{path} has the column '{again}' twice; rename one of them")


def _why(error: csv.Error, last: int) -> str:
    is_open = "unexpected end of data" in str(error)
    return f"a quote that begins after line {last} has no end: close it, or take it away" if is_open else str(error)


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
