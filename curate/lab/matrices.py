"""Matrices in: as text, from a CSV file; and the worked examples of the courses by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError, UnknownNameError
from curate.lab.kernels import number_of

LARGEST_SIDE = 4096
"""Rows or columns of a matrix that is given."""


def read_matrix(text: str) -> NDArray[np.float64]:
    """A matrix (H, W) from text such as `10 10 0; 10 10 0`, or from the CSV file of that name.

    Rows are parted by `;` or by lines, numbers by blanks, commas or tabs. A number may be a fraction, such as 1/9.

    Raises:
        DataError: there is no such file, rows differ in length, or something is no number; says which.
    """
    where = "the matrix"
    if _is_file(text):
        where = text
        try:
            text = Path(text).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{where} is no text; a matrix is a CSV file with numbers only, one row a line") from error
    elif re.search(r"\.(csv|tsv|txt)$", text.strip(), re.IGNORECASE):
        raise DataError(f"there is no file '{text}' with a matrix")
    lines = [line for line in re.split(r"[;\n]", text.replace("\r", "")) if line.strip(" ,\t")]
    rows = [[_cell(where, number, cell) for cell in _cells(line)] for number, line in enumerate(lines, 1)]
    if not rows:
        raise DataError(f"{where} has no numbers; write rows such as '10 10 0; 10 10 0'")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise DataError(
                f"the rows of a matrix must have one length: row 1 of {where} has {len(rows[0])} numbers, row {number} has {len(row)}"
            )
    if max(len(rows), len(rows[0])) > LARGEST_SIDE:
        raise DataError(f"{where} has {len(rows)} x {len(rows[0])} numbers; take {LARGEST_SIDE} rows and columns at most")
    return np.array(rows)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name
        return False


def _cells(line: str) -> list[str]:
    return line.replace(",", " ").split()


def _cell(where: str, row: int, text: str) -> float:
    try:
        value = number_of(text)
    except ValueError as error:
        raise DataError(f"'{text}' in row {row} of {where} is no number; write numbers, and ';' between rows") from error
    if not np.isfinite(value):
        raise DataError(f"'{text}' in row {row} of {where} is not finite; write ordinary numbers")
    return value


@dataclass(frozen=True)
class Example:
    """A worked example of the courses.

    Attributes:
        says: what it shows, in a line.
        matrix: the image, as text.
        kernel: by name or as text; '' for pooling.
        options: of `curate.lab.convolution.convolve`, or of `pool`.
        answer: the result as the slides have it, as text.
    """

    says: str
    matrix: str
    kernel: str
    answer: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))


def _rows(row: str, times: int) -> str:
    return "; ".join([row] * times)


def _dot(side: int, value: int) -> str:
    """A square of zeros with `value` in the middle."""
    blank = " ".join(["0"] * side)
    middle = " ".join([*["0"] * (side // 2), str(value), *["0"] * (side // 2)])
    return "; ".join([*[blank] * (side // 2), middle, *[blank] * (side // 2)])


_NG = "3 0 1 2 7 4; 1 5 8 9 3 1; 2 7 2 5 1 3; 0 1 3 1 7 8; 4 2 1 6 2 8; 2 4 5 2 3 9"
_NG_STRIDED = "2 3 7 4 6 2 9; 6 6 9 8 7 4 3; 3 4 8 3 8 9 7; 7 8 3 6 6 3 4; 4 2 1 8 3 4 6; 3 2 4 1 9 8 3; 0 1 3 9 2 1 4"
_COUNTING = "; ".join(" ".join(str(10 * row + column) for column in range(1, 8)) for row in range(8))
_MEANS = "31 15 28 184; 0 100 70 38; 12 12 7 2; 12 12 45 6"
_HORIZONTAL = f"{_rows('10 10 10 0 0 0', 3)}; {_rows('0 0 0 10 10 10', 3)}"
_ONES_AND_ZEROS = "1 1 1 0 0; 0 1 1 1 0; 0 0 1 1 1; 0 0 1 1 0; 0 1 1 0 0"

CONVOLUTIONS: dict[str, Example] = {
    "sharpen": Example("sharpen on 10 … 90", "10 20 30; 40 50 60; 70 80 90", "sharpen", "50"),
    "vertical-edge": Example("an upright edge, light to dark, 6x6", _rows("10 10 10 0 0 0", 6), "prewitt-vertical", _rows("0 30 30 0", 4)),
    "vertical-edge-dark-to-light": Example(
        "the same edge the other way round", _rows("0 0 0 10 10 10", 6), "prewitt-vertical", _rows("0 -30 -30 0", 4)
    ),
    "horizontal-edge": Example("a level edge, 6x6", _HORIZONTAL, "prewitt-horizontal", "0 0 0 0; 30 10 -10 -30; 30 10 -10 -30; 0 0 0 0"),
    "numbers-6x6": Example("the edge kernel on 36 numbers", _NG, "prewitt-vertical", "-5 -4 0 8; -10 -2 2 3; 0 -2 -4 -7; -3 -2 -3 -16"),
    "stride-2-6x6": Example("the same numbers at stride 2", _NG, "prewitt-vertical", "-5 0; 0 -4", MappingProxyType({"stride": 2})),
    "stride-2-7x7": Example(
        "a kernel of its own on 7x7 at stride 2; the lecture says 83 for 88 and 127 for 117",
        _NG_STRIDED,
        "3 4 4; 1 0 2; -1 0 3",
        "91 100 88; 69 91 117; 44 72 74",
        MappingProxyType({"stride": 2}),
    ),
    "stride-2-8x7": Example(
        "a kernel of ones on counted numbers at stride 2",
        _COUNTING,
        "1 1 1; 1 1 1; 1 1 1",
        "108 126 144; 288 306 324; 468 486 504",
        MappingProxyType({"stride": 2}),
    ),
    "one-zero-one": Example("the filter 1 0 1, 0 1 0, 1 0 1 on 5x5", _ONES_AND_ZEROS, "one-zero-one", "4 3 4; 2 4 3; 2 3 4"),
    "blur-3x3": Example("the mean of 3x3 around a bright pixel", _dot(5, 90), "box-blur", _rows("10 10 10", 3)),
    "blur-5x5": Example(
        "the mean of 5x5 around a bright pixel", _dot(9, 100), "box-blur", _rows("4 4 4 4 4", 5), MappingProxyType({"size": 5})
    ),
    "gaussian-3x3": Example("the slide's bell, 1/16 (1 2 1; 2 4 2; 1 2 1)", _dot(5, 160), "gaussian-1-2-1", "10 20 10; 20 40 20; 10 20 10"),
    "padding-1": Example(
        "3x3 with one row of zeros around keeps the size",
        "1 2 3; 4 5 6; 7 8 9",
        "1 1 1; 1 1 1; 1 1 1",
        "12 21 16; 27 45 33; 24 39 28",
        MappingProxyType({"padding": "zeros", "mode": 1}),
    ),
    "dilation-2": Example(
        "a kernel pulled apart sees 5x5 with nine numbers",
        "; ".join(" ".join(str(5 * row + column) for column in range(1, 6)) for row in range(5)),
        "1 1 1; 1 1 1; 1 1 1",
        "117",
        MappingProxyType({"dilation": 2}),
    ),
}
"""Worked convolutions by name."""

POOLINGS: dict[str, Example] = {
    "max-pool-4x4": Example("max pooling 2x2; the mean beside it", "1 9 6 2; 5 4 3 1; 9 2 8 7; 3 1 0 5", "", "9 6; 9 8"),
    "mean-pool-4x4": Example(
        "mean pooling 2x2; slides may print 36 for 36.5", _MEANS, "", "36.5 80; 12 15", MappingProxyType({"kind": "mean"})
    ),
    "max-pool-4x4-ng": Example("max pooling 2x2 on other numbers", "1 3 2 1; 2 9 1 1; 1 3 2 3; 5 6 1 2", "", "9 2; 6 3"),
    "max-pool-4x4-cs231n": Example("max pooling 2x2 as CS231n has it", "1 1 2 4; 5 6 7 8; 3 2 1 0; 1 2 3 4", "", "6 8; 3 4"),
}
"""Worked poolings by name."""


def find_example(name: str, examples: Mapping[str, Example]) -> Example:
    """The worked example `name`.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in examples:
        raise UnknownNameError.of("worked example", name, examples)
    return examples[name]


def is_name(text: str) -> bool:
    """Whether `--matrix TEXT` is a name rather than numbers or a file."""
    return bool(re.fullmatch(r"[A-Za-z][\w-]*", text.strip())) and not _is_file(text)


def matrix_text(matrix: NDArray) -> str:
    """The rows of a matrix as aligned lines, whole numbers as such, others with up to four digits after the point."""
    cells = [[f"{value:.0f}" if value == round(value) else f"{value:.4g}" for value in row] for row in np.asarray(matrix).tolist()]
    cells = [["0" if cell == "-0" else cell for cell in row] for row in cells]
    width = max(len(cell) for row in cells for cell in row)
    return "\n".join("  ".join(cell.rjust(width) for cell in row) for row in cells)
