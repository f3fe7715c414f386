import gzip
import os
from dataclasses import replace

import pytest
from making import ONE, TWO, md5

from curate.data import catalog
from curate.data.entry import Package
from curate.data.fetch import fetch
from curate.errors import FetchError, IntegrityError, StorageError, UnknownNameError


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_files_come_from_the_mirror_into_the_data_folder(entry, data_folder):
    assert fetch("made-up") == data_folder / "raw" / "made-up"
    assert contents(data_folder / "raw" / "made-up") == {"one": ONE, "two": TWO}


def test_what_is_there_is_not_fetched_again(entry, data_folder, mirror):
    fetch("made-up")
    asked = len(mirror.asked)
    fetch("made-up")
    assert len(mirror.asked) == asked


def test_files_placed_by_hand_need_no_source(entry, tmp_path, mirror):
    (tmp_path / "one").write_bytes(ONE)
    (tmp_path / "two").write_bytes(TWO)
    assert fetch("made-up", root=tmp_path) == tmp_path
    assert mirror.asked == []


def test_files_placed_packed_by_hand_are_unpacked_whatever_packed_them(entry, tmp_path, mirror):
    (tmp_path / "one.gz").write_bytes(gzip.compress(ONE, compresslevel=1))
    (tmp_path / "two").write_bytes(TWO)
    fetch("made-up", root=tmp_path)
    assert (tmp_path / "one").read_bytes() == ONE
    assert mirror.asked == []


def test_a_truncated_file_under_root_is_reported_and_left_alone(entry, tmp_path):
    (tmp_path / "one").write_bytes(ONE[:-1])
    with pytest.raises(IntegrityError, match=rf"one is truncated: expected {len(ONE)} bytes, found {len(ONE) - 1}; replace it"):
        fetch("made-up", root=tmp_path)
    assert (tmp_path / "one").read_bytes() == ONE[:-1]


def test_a_wrong_file_under_root_names_both_hashes(entry, tmp_path):
    (tmp_path / "two").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=f"two has other content: expected {md5(TWO)}, found {md5(b'other')}"):
        fetch("made-up", root=tmp_path)


def test_a_damaged_archive_under_root_is_reported(entry, tmp_path):
    (tmp_path / "one.gz").write_bytes(gzip.compress(ONE)[:-20])
    with pytest.raises(IntegrityError, match=r"one\.gz is truncated or damaged"):
        fetch("made-up", root=tmp_path)


@pytest.mark.parametrize("wrong", [ONE[:1000], b"", ONE + b"x"])
def test_a_wrong_file_of_its_own_is_fetched_again(entry, data_folder, wrong):
    folder = fetch("made-up")
    (folder / "one").write_bytes(wrong)
    fetch("made-up")
    assert contents(folder) == {"one": ONE, "two": TWO}


def test_a_killed_download_goes_on(entry, data_folder, mirror):
    folder = data_folder / "raw" / "made-up"
    folder.mkdir(parents=True)
    (folder / "two.part").write_bytes(TWO[:4000])
    fetch("made-up")
    assert ("two", "bytes=4000-") in mirror.asked
    assert contents(folder) == {"one": ONE, "two": TWO}


def test_a_part_of_something_else_is_started_again(entry, data_folder):
    folder = data_folder / "raw" / "made-up"
    folder.mkdir(parents=True)
    (folder / "two.part").write_bytes(b"rubbish")
    fetch("made-up")
    assert contents(folder) == {"one": ONE, "two": TWO}


def test_a_mirror_with_other_bytes_is_not_believed(entry, data_folder, mirror):
    mirror.files["two"] = b"evil"
    with pytest.raises(FetchError, match="serves another two than the published one"):
        fetch("made-up")
    assert not (data_folder / "raw" / "made-up" / "two").exists()


def test_the_next_mirror_delivers_what_the_first_lacks(entry, data_folder, mirror, monkeypatch):
    monkeypatch.setitem(catalog.CATALOG, "made-up", replace(entry, mirrors=(f"{mirror.url}lacks/", mirror.url)))
    notes = []
    folder = fetch("made-up", progress=lambda stage, done, total, note="": notes.append(note))
    assert contents(folder) == {"one": ONE, "two": TWO}
    assert any("answers 404" in note and "next source" in note for note in notes)


def test_without_any_source_the_error_says_what_to_place_where(entry, data_folder, mirror):
    mirror.files.clear()
    served = rf"one\.gz \({entry.downloads[0].digest}\), two \({md5(TWO)}\)"
    expected = rf"answers 404.*these files, packed or unpacked, in .*made-up, or name their folder with --root: {served}.*example\.org"
    with pytest.raises(FetchError, match=expected):
        fetch("made-up")


def test_without_any_source_a_wrong_file_is_named_too(entry, data_folder, mirror):
    folder = fetch("made-up")
    (folder / "one").write_bytes(b"short")
    mirror.files.clear()
    with pytest.raises(FetchError, match="one is truncated"):
        fetch("made-up")


def test_without_any_source_a_damaged_archive_is_named_too(entry, data_folder, mirror):
    (data_folder / "raw" / "made-up").mkdir(parents=True)
    (data_folder / "raw" / "made-up" / "one.gz").write_bytes(gzip.compress(ONE)[:-20])
    mirror.files.clear()
    with pytest.raises(FetchError, match=r"one\.gz is truncated or damaged"):
        fetch("made-up")


def test_a_machine_without_the_package_manager_is_told(entry, data_folder, mirror, monkeypatch):
    mirror.files.clear()
    package = Package("npm", "some-package", "1.0.0", {"one": "package/one", "two": "package/two"})
    monkeypatch.setitem(catalog.CATALOG, "made-up", replace(entry, packages=(package,)))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FetchError, match="npm is not on this machine"):
        fetch("made-up")


def test_what_a_killed_package_fetch_left_is_removed(entry, data_folder, mirror, monkeypatch):
    left_over = data_folder / "raw" / "made-up" / ".registry-left"
    left_over.mkdir(parents=True)
    mirror.files.clear()
    package = Package("npm", "some-package", "1.0.0", {"one": "package/one"})
    monkeypatch.setitem(catalog.CATALOG, "made-up", replace(entry, packages=(package,)))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(FetchError):
        fetch("made-up")
    assert not left_over.exists()


def test_a_file_where_the_folder_should_be_is_a_storage_error(entry, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        fetch("made-up", root=tmp_path / "file" / "inside")


def test_nothing_but_the_data_stays(entry, data_folder):
    folder = fetch("made-up")
    assert sorted(os.listdir(folder)) == [".lock", "one", "two"]


def test_an_unknown_name_brings_the_nearest_and_the_other_ways():
    with pytest.raises(UnknownNameError, match=r"unknown dataset 'minst'; did you mean mnist.*path of an image folder.*fiftyone:NAME"):
        fetch("minst")
