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


@pytest.mark.parametrize(
    "text",
    [
        "\n\nsample_id,label\na,cat\nb,dog\n",
        ",\n , \r\nsample_id,label\r\na,cat\r\nb,dog\r\n",
        "sep=;\r\n\r\nsample_id;label\r\na;cat\r\nb;dog\r\n",
        "sample_id,label\na,cat,\nb,dog,,,\n",
        "sample_id\tlabel\na\tcat\t\nb\tdog\n",
        "sample_id,label,\na,cat,\nb,dog,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_empty_lines_above_and_separators_at_the_end_of_lines_change_nothing(tmp_path, text, encoding):
    path = written(tmp_path, text.encode(encoding))
    table = read_table(path)
    assert [(row["sample_id"], row["label"]) for row in table.rows] == [("a", "cat"), ("b", "dog")]
    lines = text.splitlines()
    assert [place.partition(" of ")[0] for place in table.places] == [
        f"line {i}" for i, line in enumerate(lines, 1) if line[0:1] in ("a", "b")
    ]
    assert columns_of(path) == table.columns


def test_a_line_above_the_names_of_the_columns_is_removed_as_the_message_says(tmp_path):
    text = "# made on Monday\nsample_id,label\na,cat\n"
    with pytest.raises(DataError, match="the first line must name the columns; found '# made on Monday': remove it"):
        read_table(written(tmp_path, text))
    assert len(read_table(written(tmp_path, text.partition("\n")[2])).rows) == 1


@pytest.mark.parametrize("line", [1, 3, 5])
def test_a_quote_without_an_end_is_found_by_the_line_that_the_message_names(tmp_path, line):
    lines = ["sample_id,label", *(f"{number},cat" for number in range(6))]
    open_ones = [*lines[:line], lines[line].replace("cat", '"cat'), *lines[line + 1 :]]
    with pytest.raises(DataError, match=f"a quote that begins after line {line} has no end: close it, or take it away"):
        read_table(written(tmp_path, "\n".join(open_ones)))
    open_ones[line] += '"'
    assert len(read_table(written(tmp_path, "\n".join(open_ones))).rows) == 6


@pytest.mark.parametrize("unseen", ["\u200b", "\ufeff", "\xa0", "\u2007", "\u200e", "\u2060", "\xad", "\u3000", "\x85", "\v"])
def test_signs_that_nobody_sees_at_the_ends_make_no_other_name(unseen):
    assert plain(f"{unseen}cat{unseen}") == plain(f" {unseen} cat") == "cat"


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
