"""One strict reader for all tables that people bring."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import DataError
from curate.tables import columns_of, plain, read_table


def written(folder, text, name="t.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_of_excel_are_read(tmp_path, separator):
    table = read_table(written(tmp_path, separator.join(("sample_id ", " label")) + "\r\n" + separator.join(("a", " cat ")) + "\r\n"))
    assert table.columns == ("sample_id", "label") and table.rows == ({"sample_id": "a", "label": "cat"},)


def test_a_byte_order_mark_and_blank_lines_change_nothing(tmp_path):
    table = read_table(written(tmp_path, "\ufeffsample_id,label\n\na,cat\n,\n"))
    assert table.rows == ({"sample_id": "a", "label": "cat"},)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("b,cat,dog", "line 3 of .* has 3 values, the first line 2; a value with a separator in it stands in quotes"),
        ("b", "line 3 of .* has 1 values, the first line 2; leave none out"),
        ('b,"cat', "line 3 of .* cannot be read as CSV"),
    ],
)
def test_a_ragged_line_is_told_by_its_number(tmp_path, line, message):
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, f"sample_id,label\na,cat\n{line}\n"))


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    table = read_table(written(tmp_path, 'sample_id,note\n\na,"two\nlines"\nb,one\n'))
    assert [place.partition(" of ")[0] for place in table.places] == ["line 4", "line 5"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\xe4".encode("latin-1"), "UTF-8"),
        (b"a,b\n\x00,c\n", "NUL"),
        (b"a,b,a\n1,2,3\n", "column 'a' twice"),
    ],
)
def test_what_is_no_table_is_told(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, content))


def test_a_column_that_is_missing_is_told_with_all_that_are_there(tmp_path):
    with pytest.raises(DataError, match="no column 'label'; expected sample_id, label and optionally split, found sample_id, class"):
        read_table(written(tmp_path, "sample_id,class\na,cat\n")).require("sample_id", "label", optional=["split"])


def test_parquet_says_the_same_as_csv(tmp_path):
    frame = pd.DataFrame({"sample_id": ["a", "b", "c"], "label": pd.array([1, None, 3], dtype="Int64"), "share": [0.5, None, 2.0]})
    frame.to_parquet(tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet").rows
    assert [tuple(row.values()) for row in rows] == [("a", "1", "0.5"), ("b", "", ""), ("c", "3", "2")]


def test_bytes_are_no_label(tmp_path):
    pd.DataFrame({"sample_id": ["a"], "label": [b"cat"], "image": [b"png"]}).to_parquet(tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet")
    assert table.require("sample_id") is table
    with pytest.raises(DataError, match=r"row 1 of .* has bytes in the column 'label'"):
        table.require("sample_id", "label")


def test_names_in_nfd_are_those_in_nfc():
    assert plain("cafe\u0301 ") == "caf\u00e9"


@given(text=st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=80))
def test_any_text_is_a_table_or_one_line(tmp_path_factory, text):
    path = written(tmp_path_factory.mktemp("any"), text)
    try:
        table = read_table(path)
    except DataError as error:
        assert str(path) in str(error)
    else:
        assert all(set(row) == set(table.columns) for row in table.rows) and len(table.rows) == len(table.places)
    columns_of(path)
