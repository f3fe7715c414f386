"""Probabilities and embeddings as people save them: read as they are meant, or told in one line what to do."""

import numpy as np
import pytest

from curate.data.image_set import ImageSet
from curate.errors import DataError
from curate.judge.given import read_embeddings, read_pred_probs

N = 6
LABELS = np.array([0, 0, 0, 1, 1, 1])
PROBS = np.where(LABELS[:, None] == np.arange(2), 0.9, 0.1)
IDS = [f"pets/{number}.png" for number in range(N)]
ROWS = [f"{a},{b}" for a, b in PROBS]


@pytest.fixture
def pets():
    return ImageSet("pets", np.zeros((N, 1, 4, 4), np.uint8), LABELS, np.array(IDS), np.array(["train"] * N), ("cat", "dog"))


def lines(*rows):
    return "\n".join(rows) + "\n"


READ = {  # tables that say what PROBS says
    "plain": lines("cat,dog", *ROWS),
    "a byte order mark": "\ufeff" + lines("cat,dog", *ROWS),
    "lines of Windows": lines("cat,dog", *ROWS).replace("\n", "\r\n"),
    "UTF-16": lines("cat,dog", *ROWS).encode("utf-16"),
    "UTF-16 with tabs": lines("cat,dog", *ROWS).replace(",", "\t").encode("utf-16"),
    "a line for Excel": lines("sep=;", "cat;dog", *(row.replace(",", ";") for row in ROWS)),
    "decimal commas": lines("cat;dog", *(row.replace(",", ";").replace(".", ",") for row in ROWS)),
    "blanks around names": lines(" cat , dog ", *ROWS),
    "empty lines": lines("", "", "cat,dog", *(f"{row}\n" for row in ROWS)),
    "separators at the ends of lines": lines("cat,dog", *(f"{row}," for row in ROWS)),
    "separators at the ends of all lines": lines("cat,dog,", *(f"{row}," for row in ROWS)),
    "an index": lines(",cat,dog", *(f"{number},{row}" for number, row in enumerate(ROWS))),
    "another order of columns": lines("dog,cat", *(",".join(row.split(",")[::-1]) for row in ROWS)),
    "ids": lines("sample_id,cat,dog", *[f"{one},{row}" for one, row in zip(IDS, ROWS, strict=True)][::-1]),
    "ids under another name": lines("file,cat,dog", *[f"{one},{row}" for one, row in zip(IDS, ROWS, strict=True)][::-1]),
}


@pytest.mark.parametrize("kind", READ)
def test_tables_of_probabilities_are_read_as_they_are_meant(pets, tmp_path, kind):
    content = READ[kind]
    (tmp_path / "p.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    np.testing.assert_allclose(read_pred_probs(tmp_path / "p.csv", pets), PROBS, rtol=1e-6)


TOLD = {  # tables, and what is said of them
    "an index without a name": (
        lines("cat,dog", *(f"{i},{row}" for i, row in enumerate(ROWS))),
        "line 2 of .* has 3 values, the first line 2",
    ),
    "a class twice": (lines("cat,dog,cat ", *(f"{row},0" for row in ROWS)), "has the column 'cat' twice; rename one of them"),
    "no names": (lines(*ROWS), "must have a column for every class"),
    "a gap": (lines("cat,dog", *ROWS[:5], "0.1,"), "row 5 of pred_probs is not finite .*every class needs a number"),
    "per cent signs": (lines("cat,dog", *["90%,10%"] * N), "has a value that is no number"),
    "nothing": ("", "is not a readable table"),
    "a row of zeros": (lines("cat,dog", *ROWS[:5], "0,0"), "sums to 0.0000, expected 1; every row needs the probabilities of its sample"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_tables_that_are_not_meant_so_are_told(pets, tmp_path, kind):
    content, message = TOLD[kind]
    (tmp_path / "p.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        read_pred_probs(tmp_path / "p.csv", pets)


ARRAYS = {  # arrays, what is said of them, what that says to do
    "on its side": (PROBS.T, r"turn it: save its transpose", lambda array: array.T),
    "whole percentages": (
        np.round(PROBS * 100).astype(np.uint8),
        "found uint8; divide each row by its sum",
        lambda array: array / array.sum(1)[:, None],
    ),
    "text": (PROBS.astype(str), "save numbers", lambda array: array.astype(float)),
    "objects": (PROBS.astype(object), "is not a readable .npy array", lambda array: array.astype(float)),
    "flags": (PROBS > 0.5, "pass probabilities, not classes", lambda array: PROBS),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_probabilities_are_taken_once_they_are_as_the_message_says(pets, tmp_path, kind):
    wrong, message, remedy = ARRAYS[kind]
    np.save(tmp_path / "p.npy", wrong)
    with pytest.raises(DataError, match=message):
        read_pred_probs(tmp_path / "p.npy", pets)
    np.save(tmp_path / "p.npy", np.ascontiguousarray(remedy(wrong)))
    np.testing.assert_allclose(read_pred_probs(tmp_path / "p.npy", pets), PROBS, rtol=1e-6)


@pytest.mark.parametrize("name", ["p.npz", "p.npy"])
@pytest.mark.parametrize("arrays", [{"a": PROBS}, {"a": PROBS, "b": LABELS}], ids=["one", "two"])
def test_an_archive_is_taken_once_the_array_that_is_meant_is_saved_alone(pets, tmp_path, name, arrays):
    with open(tmp_path / name, "wb") as file:
        np.savez(file, **arrays)
    for read in (lambda path: read_pred_probs(path, pets), lambda path: read_embeddings(path, N)):
        with pytest.raises(DataError, match=r"is an archive of arrays \(a.*\); save the one array you mean with numpy.save"):
            read(tmp_path / name)
    with open(tmp_path / name, "rb") as file:
        np.save(tmp_path / "alone.npy", np.load(file)["a"])
    assert read_pred_probs(tmp_path / "alone.npy", pets).shape == read_embeddings(tmp_path / "alone.npy", N).shape == (N, 2)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY", b"cat,dog\n1,0\n"])
def test_what_is_no_array_is_told_without_advice_to_trust_it(pets, tmp_path, content):
    (tmp_path / "p.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"is not a readable \.npy array") as told:
        read_pred_probs(tmp_path / "p.npy", pets)
    assert "pickle" not in str(told.value)
    with pytest.raises(DataError, match="there is no file at"):
        read_pred_probs(tmp_path / "nothing.npy", pets)


@pytest.mark.parametrize(
    "array",
    [np.full((N, 2), "a"), np.ones((N, 2), complex), np.ones((N, 0)), np.ones((2, N)), np.ones(N)],
    ids=["text", "complex", "no columns", "on its side", "one row"],
)
def test_embeddings_that_are_no_table_of_numbers_are_told(tmp_path, array):
    np.save(tmp_path / "e.npy", array)
    with pytest.raises(DataError, match="embeddings must be"):
        read_embeddings(tmp_path / "e.npy", N)
