"""Probabilities of the user's own, in tables: told in one line where they are not what they should be."""

import numpy as np
import pytest

from curate.errors import DataError
from curate.judge.given import read_pred_probs


@pytest.fixture
def table(make_shapes, tmp_path):
    """Writes rows of three probabilities for six samples, with a header of the test's own."""
    images = make_shapes(6)
    ids = images.sample_ids.tolist()

    def write(header="sample_id,across,down,disc", ids=ids, separator=","):
        rows = [header.replace(",", separator)]
        rows += [
            separator.join([sample_id, *("0.8" if images.labels[i] == k else "0.1" for k in range(3))]) for i, sample_id in enumerate(ids)
        ]
        (tmp_path / "p.csv").write_text("\n".join(rows) + "\n")
        return tmp_path / "p.csv", images

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separators_of_excel_and_blanks_around_names_are_read(table, separator):
    probs = read_pred_probs(*table(" sample_id, across ,down,disc", separator=separator))
    assert probs.argmax(axis=1).tolist() == table()[1].labels.tolist()


def test_an_empty_id_is_told_as_a_sample_that_is_lacking(table):
    path, images = table()
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], "," + lines[-1].partition(",")[2]]) + "\n")
    with pytest.raises(DataError, match=r"lacks 1 of 6 samples"):
        read_pred_probs(path, images)


def test_rows_may_come_in_any_order(table):
    path, images = table()
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n")
    np.testing.assert_array_equal(read_pred_probs(path, images).argmax(axis=1), images.labels)
