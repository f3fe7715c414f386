"""Listings: the image files of a user's dataset with their labels, before any is decoded; and those that a table names."""

import json
import os
import re
import unicodedata
import urllib.parse
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curate.data.image_set import split_named
from curate.data.label_values import whole_numbers
from curate.data.pictures import readable_suffixes
from curate.errors import DataError
from curate.tables import NO_TEXT, TABLE_SUFFIXES, Table, is_text, plain, read_table

GROUP_COLUMN = "group"


@dataclass
class LeftOut:
    """Files that are not read, by the reason."""

    files: dict[str, list[str]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return (file for files in self.files.values() for file in files)

    def put(self, reason: str, *files: str) -> None:
        """Adds files."""
        if files:
            self.files.setdefault(reason, []).extend(files)

    def add(self, others: "LeftOut") -> None:
        """Adds those of others."""
        for reason, files in others.files.items():
            self.put(reason, *files)

    def below(self, folder: Path) -> dict[str, list[str]]:
        """The files by the reason, sorted, each relative to the folder where it lies in it."""
        return {reason: sorted(os.path.relpath(file, folder) for file in files) for reason, files in self.files.items()}


@dataclass(frozen=True)
class Listing:
    """Files in dataset order.

    Attributes:
        filepaths: N absolute paths.
        keys: N texts, unique, that identify a file within its dataset on any machine.
        labels: (N,) int64 in 0..K-1, -1 = unlabelled.
        splits: (N,), each one of `train`, `validation`, `test`.
        class_names: K names.
        groups: N texts, equal for files that must share a fold, empty = in no group; None where the source names no groups.
        group_column: where they stand.
        left_out: files that were not read, by the reason.
        remarks: what else is odd, a sentence each.
    """

    filepaths: list[str]
    keys: list[str]
    labels: NDArray[np.int64]
    splits: NDArray[np.str_]
    class_names: tuple[str, ...]
    groups: list[str] | None = None
    group_column: str = GROUP_COLUMN
    left_out: dict[str, list[str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def passed_over(self) -> dict[str, int]:
        """Number of files that were not read, by the reason."""
        return {reason: len(files) for reason, files in self.left_out.items()}

    @classmethod
    def of(cls, source: Path, filepaths: list[str], keys: list[str], labels: list[str], splits: list[str]) -> "Listing":
        """The listing of files with the class name of each (empty = unlabelled).

        Classes come in alphabetical order, or in that of their numbers where all names are numbers. Names of classes and keys are in
        Unicode's NFC form, however a system writes its file names; what is odd about the names of the classes is a remark.

        There may be a single class, or none: then no label can be judged.

        Raises:
            DataError: a file's name is no text in UTF-8.
        """
        for key in keys:
            if not is_text(key):
                raise DataError(f"file name {key!r} in {source} is no text in UTF-8 on one line; rename it")
        labels = whole_numbers([plain(label) for label in labels])  # one class, however a system or a table writes its name
        composed = [unicodedata.normalize("NFC", key) for key in keys]
        keys = composed if len(set(composed)) == len(composed) else keys
        present = {label for label in labels if label}
        are_numbers = all(name.isdecimal() for name in present)
        class_names = sorted(present, key=lambda name: (int(name) if are_numbers else 0, name))  # 1 and 01 always in one order
        index = {name: i for i, name in enumerate(class_names)} | {"": -1}
        codes = np.array([index[label] for label in labels], dtype=np.int64)
        return cls(filepaths, keys, codes, np.array(splits), tuple(class_names), remarks=tuple(name_remarks(class_names)))


NO_LABEL = ("nan", "none", "null", "na", "n/a", "-1", "?")
"""What tools write where there is no label."""


def name_remarks(class_names: Iterable[str]) -> list[str]:
    """What is odd about the names of classes, a sentence each: those that are alike to a reader, or mean no label."""
    alike: defaultdict[str, list[str]] = defaultdict(list)
    names = list(class_names)
    for name in names:
        alike[_loose(name)].append(name)
    remarks = [
        f"classes {' and '.join(repr(name) for name in group)} differ only in case, blanks, accents, unseen signs or how a number is "
        "written; give them one name if they are one class"
        for group in alike.values()
        if len(group) > 1
    ]
    missing = [name for name in names if name.casefold() in NO_LABEL]
    if missing:
        remarks.append(f"{' and '.join(repr(name) for name in missing)} counts as a class; leave the label empty where there is none")
    return remarks


def _loose(name: str) -> str:
    """`name` without what is easily mistyped."""
    if re.fullmatch(r"[+-]?\d+([.]\d*)?(e[+-]?\d{1,2})?", name, re.ASCII | re.IGNORECASE):
        return repr(float(name))
    signs = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(sign for sign in signs if not unicodedata.combining(sign) and unicodedata.category(sign) != "Cf")
    return re.sub(r"[\s_-]+", "", letters) or name


JSON_LINES = ".jsonl"
LISTING_SUFFIXES = (*TABLE_SUFFIXES, JSON_LINES)
PATH_COLUMNS = ("filepath", "file_name", "filename", "image", "image_path", "path", "file")
"""What tables call the column of files; the first that is there counts."""
LABEL_COLUMNS = ("label", "class", "category", "class_name", "label_name", "target", "labels", "tags")


def list_manifest(
    path: Path, *, base: Path | None = None, label_column: str | None = None, group_column: str | None = None, strict: bool = False
) -> Listing:
    """The files that a table names, in its order, which is also their key.

    Columns: `filepath` (relative to `base`), `label` (a class name; empty = unlabelled; a table of files alone has none) and, if there are
    such, `split` (`train`, `validation` or `test`; empty = train) and `group` (what must be judged together; empty = in no group). The
    names of other tools, such as `file_name`, are known too. A row that names a file again is left out, with a remark.

    Args:
        path: the table, `.csv`, `.tsv`, `.jsonl` or `.parquet`.
        base: what relative paths are relative to; the table's own folder by default.
        label_column: the column of labels, where it has another name or there are several.
        group_column: the column of groups, where it has another name.
        strict: a file that comes twice is an error.

    Raises:
        DataError: the table cannot be read, lacks a column, is empty, has several labels in a cell, has an unknown split, or names none of
            the files that are there.
        DependencyError: it is a parquet file and pandas is missing.
    """
    named = read_named_files(path, base=base, label_column=label_column, group_column=group_column, strict=strict)
    listing = Listing.of(path, named.filepaths, named.keys, named.labels, named.splits)
    return replace(
        listing,
        groups=named.groups,
        group_column=group_column or GROUP_COLUMN,
        left_out={NAMED_AGAIN: named.again} if named.again else {},
        remarks=(*named.remarks, *listing.remarks),
    )


@dataclass
class NamedFiles:
    """What the rows of a table say of N files, each once: as of Listing, but labels by name; `again`: keys of rows that name one again."""

    filepaths: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    splits: list[str] = field(default_factory=list)
    groups: list[str] | None = None
    again: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_named_files(
    path: Path, *, base: Path | None = None, label_column: str | None = None, group_column: str | None = None, strict: bool = False
) -> NamedFiles:
    """What a table says of the files that it names. Arguments and errors as of `list_manifest`."""
    table = read_listing_table(path)
    if not table.rows:
        raise DataError(f"the table {path} has no rows")
    file_column = _column(table, PATH_COLUMNS)
    known = {*PATH_COLUMNS, "split", group_column or GROUP_COLUMN}
    if label_column is not None or not known.issuperset(table.columns):  # a table of files alone has no labels
        label_column = _column(table, LABEL_COLUMNS if label_column is None else (label_column,))
    if group_column is not None and group_column not in table.columns:
        raise DataError(f"{path} has no column '{group_column}' to group by; found {', '.join(table.columns)}")
    group_column = group_column or (GROUP_COLUMN if GROUP_COLUMN in table.columns else None)
    if label_column is not None and any(row[label_column].startswith(NO_TEXT) for row in table.rows):
        raise DataError(several_labels(label_column, table.path))
    columns = [column for column in (file_column, label_column) if column is not None]
    table = table.require(*columns, optional=["split", *([group_column] if group_column else [])])
    finder = Finder(path.parent if base is None else base)
    found = NamedFiles(groups=[] if group_column else None)
    first: dict[str, tuple[str, str]] = {}
    for row, place in zip(table.rows, table.places, strict=True):
        if not row[file_column]:
            raise DataError(f"{place} has no {file_column}")
        split, label = split_of_cell(row.get("split", ""), place), "" if label_column is None else row[label_column]
        key, filepath = finder.find(row[file_column])
        if filepath in first:
            before, other = first[filepath]
            differs = f", there as '{other}', here as '{label}'" if label != other else ""
            told = f"{place} names {key} again (as {before.partition(' of ')[0]} does{differs})"
            if strict:
                raise DataError(f"{told}; each file may come once")
            found.again.append(key)
            if len(found.again) <= MOST_REMARKS:
                found.remarks.append(f"{told}: the first counts")
            continue
        first[filepath] = place, label
        found.filepaths.append(filepath)
        found.keys.append(key)
        found.labels.append(label)
        found.splits.append(split)
        if found.groups is not None and group_column:
            found.groups.append(row[group_column])
    if len(found.again) > MOST_REMARKS:
        found.remarks.append(f"{len(found.again) - MOST_REMARKS:,} more lines of {path.name} name a file again")
    finder.check(path, found.filepaths, [row[file_column] for row in table.rows])
    if label_column is not None:
        leave_one_label(path, label_column, found)
    return found


def split_of_cell(text: str, place: str) -> str:
    """The split that a cell names; `train` where it is empty.

    Raises:
        DataError: it is none; `place` says where the cell stands.
    """
    split = split_named(text) if text else "train"
    if split is None:
        raise DataError(f"{place} has split '{text}'; expected train, validation or test")
    return split


NO_PATH = {
    r"[A-Za-z][\w+.-]+://": "that is the address of a file elsewhere: bring the files here, and name them relative to the table",
    r"[A-Za-z]:[\\/]": "that is a path of another machine: name the files relative to a folder, such as cat/1.png, and give it by --root",
    "['\"`\u2018\u201c\u201e\u00ab]": "take off the quotes: in a table, values stand in straight double ones or in none",
}
"""What paths begin with that no --root finds, and what to do about it."""
MOST_REMARKS = 10  # of one kind
NAMED_AGAIN = "named again in the table"


class Finder:
    """Finds the files that a table names, however it writes their paths.

    A path is taken as it stands where there is such a file. Else it may be a `file://` address or begin with `~`, have
    Windows' backslashes, another Unicode form than the file system, or lack the ending of the one picture that is called so.

    Args:
        base: what relative paths are relative to.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self._by_stem: dict[str, dict[str, list[str]]] = {}

    def find(self, written: str) -> tuple[str, str]:
        """The path as the key of a sample, and the absolute one; as it is written where there is no such file."""
        plain_path = urllib.parse.unquote(written[7:]) if written.startswith("file://") else os.path.expanduser(written)
        for key in dict.fromkeys((written, plain_path, plain_path.replace("\\", "/"))):
            for form in (key, unicodedata.normalize("NFC", key), unicodedata.normalize("NFD", key)):
                if os.path.isfile(found := os.path.join(self.base, form)):
                    return os.path.normpath(key), os.path.abspath(found)
        key = os.path.normpath(plain_path.replace("\\", "/"))
        called = self._called(os.path.join(self.base, key))
        return (key, called) if called is not None else (os.path.normpath(written), os.path.abspath(os.path.join(self.base, written)))

    def check(self, table: Path, filepaths: list[str], written: Sequence[str] = ()) -> None:
        """Raises DataError where not one of the files is there: they are looked for in the wrong place; `written` as the table has them."""
        if not any(map(os.path.isfile, filepaths)):
            which = "the only file" if len(filepaths) == 1 else f"none of the {len(filepaths):,} files"
            missing = f"{which} that {table} names is {'missing' if len(filepaths) == 1 else 'there'}, such as"
            odd = next((told for form, told in NO_PATH.items() if written and re.match(form, written[0])), None)
            if odd is not None:
                raise DataError(f"{missing} {written[0]}; {odd}")
            raise DataError(
                f"{missing} {filepaths[0]}; its paths are "
                f"taken relative to {self.base.absolute()}: give the folder that they are relative to by --root"
            )

    def _called(self, path: str) -> str | None:
        """The one picture in its folder that is called like `path` but for its ending."""
        folder, stem = os.path.split(path)
        if folder not in self._by_stem:
            known = self._by_stem[folder] = {}
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                if os.path.splitext(name)[1].lower() in readable_suffixes():
                    known.setdefault(plain(os.path.splitext(name)[0]), []).append(name)
        names = self._by_stem[folder].get(plain(stem), [])
        return os.path.abspath(os.path.join(folder, names[0])) if len(names) == 1 else None


def read_listing_table(path: Path) -> Table:
    """The table of `curate.tables.read_table`, or one of JSON lines."""
    return _from_jsonl(path) if path.suffix.lower() == JSON_LINES else read_table(path)


def _column(table: Table, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None and names in (PATH_COLUMNS, LABEL_COLUMNS):  # as Excel's users write them: Filepath, LABEL
        found = next((column for name in names for column in table.columns if column.casefold().replace(" ", "_") == name), None)
    if found is None and names == LABEL_COLUMNS and (yes_no := _yes_no_columns(table)):
        raise DataError(
            f"{table.path} has a column for each label ({', '.join(yes_no[:5])}{' …' if len(yes_no) > 5 else ''}: 0 or 1) and none of "
            f"one label a picture, which curate judges; audit one of them, as yes and no, by --field {yes_no[0]}"
        )
    if found is None:
        raise DataError(
            f"{table.path} has no column '{names[0]}'; expected filepath, label and optionally split and group, found "
            f"{', '.join(table.columns)}{'; name the one with the labels by --field' if names == LABEL_COLUMNS else ''}"
        )
    return found


def _yes_no_columns(table: Table) -> list[str]:
    """Two and more columns that hold nothing but 0 and 1."""
    found = [name for name in table.columns if {row[name] for row in table.rows} in ({"0", "1"}, {"0.0", "1.0"})]
    return found if len(found) > 1 else []


def several_labels(column: str, path: Path, such: str = "") -> str:
    """What to say of a column that holds several labels a row; `such`: an example, where it is a text."""
    example = f", such as '{such}'" if such else ""
    return (
        f"the column '{column}' of {path} holds several labels a row{example}; curate judges one label a picture: "
        "name a column with one by --field, or audit a table per label with yes and no"
    )


SEPARATORS = re.compile(r"\s*[|;,]\s*")
"""What stands between several labels in a cell."""


def rows_of_several(labels: list[str]) -> set[str]:
    """The labels that are several in one: their parts are labels too, or parts of others, or most labels have a `|` or `;`.

    A name that merely has a comma is one label: `maillot, tank suit` is, beside `maillot` and hundreds of others, since hardly one of the
    parts of all such names comes again.
    """
    parts = {label: set(filter(None, SEPARATORS.split(label))) for label in dict.fromkeys(labels)}
    joined = {label for label in parts if SEPARATORS.search(label)}
    used = Counter(part for label in parts for part in parts[label])
    of_joined = {part for label in joined for part in parts[label]}
    again = sum(used[part] > 1 for part in of_joined)
    is_listed = 2 * sum(bool(re.search(r"[|;]", label)) for label in labels) > len(labels)
    return joined if is_listed or 2 * again > len(of_joined) else set()


def leave_one_label(path: Path, column: str, found: "NamedFiles") -> None:
    """Takes the labels of rows with several for missing, and says so.

    Raises:
        DataError: more than half of the labelled rows have several.
    """
    several = rows_of_several([label for label in found.labels if label])
    rows = [i for i, label in enumerate(found.labels) if label in several]
    if not rows:
        return
    such = found.labels[rows[0]]
    if 2 * len(rows) > sum(map(bool, found.labels)):
        raise DataError(several_labels(column, path, such))
    found.remarks.append(
        f"{len(rows):,} rows of {path.name} hold several labels, such as '{such}', and count as unlabelled: curate judges one "
        "label a picture"
    )
    for i in rows:
        found.labels[i] = ""


def _from_jsonl(path: Path) -> Table:
    if not path.is_file():
        raise DataError(f"there is no table at {path}")
    try:
        text = path.read_text(encoding="utf-8-sig").split("\n")
        lines = [(number, json.loads(line)) for number, line in enumerate(text, 1) if line.strip()]
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} must have one JSON object a line, in UTF-8 ({error})") from error
    strange = next((number for number, row in lines if not isinstance(row, dict)), None)
    if strange is not None:
        raise DataError(f'line {strange} of {path} is no JSON object; expected one a line, such as {{"file_name": …, "label": …}}')
    columns = tuple(dict.fromkeys(plain(key) for _, row in lines for key in row))
    lines = [(number, {plain(key): value for key, value in row.items()}) for number, row in lines]
    rows = tuple({column: _json_text(row.get(column)) for column in columns} for _, row in lines)
    return Table(path, columns, rows, tuple(f"line {number} of {path}" for number, _ in lines))


def _json_text(value: object) -> str:
    if value is None:
        return ""
    return f"{NO_TEXT} {type(value).__name__}" if isinstance(value, (list, dict)) else plain(str(value))
