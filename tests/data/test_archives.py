import gzip
import io
import tarfile
import zipfile

import pytest

from curate.data import archives
from curate.data.archives import gunzip, tar_members, zip_members
from curate.errors import IntegrityError


def tar_with(path, *members):
    """A tar.gz of (name, content) files and of ready TarInfo objects."""
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                archive.addfile(info, io.BytesIO(member[1]))
    return path


def link(name, target):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


def test_members_are_read_by_name(tmp_path):
    path = tar_with(tmp_path / "a.tar.gz", ("x/one", b"1"), ("x/two", b"2"), ("x/three", b"3"))
    assert tar_members(path, ["x/two", "x/one"]) == {"x/one": b"1", "x/two": b"2"}


def test_a_tar_cannot_write_outside_its_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    outside = tmp_path / "outside"
    evil = [("../outside", b"evil"), (str(outside), b"evil"), link("door", str(tmp_path)), ("door/outside", b"evil"), ("good", b"fine")]
    path = tar_with(home / "a.tar.gz", *evil)
    assert tar_members(path, ["good"]) == {"good": b"fine"}
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tar.gz", "home"]


def test_a_zip_cannot_write_outside_its_folder(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    with zipfile.ZipFile(home / "a.zip", "w") as archive:
        archive.writestr("../outside", b"evil")
        archive.writestr(str(tmp_path / "outside"), b"evil")
        archive.writestr("good", b"fine")
    assert list(zip_members(home / "a.zip", ["good"])) == [b"fine"]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.zip", "home"]


def test_a_link_in_place_of_a_member_is_refused(tmp_path):
    (tmp_path / "secret").write_text("secret")
    path = tar_with(tmp_path / "a.tar.gz", link("good", str(tmp_path / "secret")))
    with pytest.raises(IntegrityError, match=r"good in .* is not a regular file"):
        tar_members(path, ["good"])


def test_a_member_that_is_not_there_is_named(tmp_path):
    path = tar_with(tmp_path / "a.tar.gz", ("one", b"1"))
    with pytest.raises(IntegrityError, match=r"a\.tar\.gz lacks two"):
        tar_members(path, ["one", "two"])


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_truncated_tar_is_named(tmp_path, keep):
    path = tar_with(tmp_path / "a.tar.gz", ("one", bytes(range(256)) * 40))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IntegrityError, match=r"a\.tar\.gz is truncated or damaged"):
        tar_members(path, ["one"])


def test_a_truncated_gzip_is_named(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(range(256)))[:-12])
    with pytest.raises(IntegrityError, match=r"a\.gz is truncated or damaged"):
        gunzip(tmp_path / "a.gz")


def test_a_truncated_zip_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one", b"1" * 100)
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-30])
    with pytest.raises(IntegrityError, match=r"a\.zip is truncated or damaged"):
        list(zip_members(tmp_path / "a.zip", ["one"]))


@pytest.mark.parametrize("kind", ["gz", "tar", "zip"])
def test_what_unpacks_to_absurd_size_is_refused(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(archives, "LIMIT", 1000)
    bomb = bytes(100_000)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bomb))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", bomb)
    tar_with(tmp_path / "a.tar", ("one", bomb))
    read = {
        "gz": lambda: gunzip(tmp_path / "a.gz"),
        "tar": lambda: tar_members(tmp_path / "a.tar", ["one"]),
        "zip": lambda: list(zip_members(tmp_path / "a.zip", ["one"])),
    }
    with pytest.raises(IntegrityError, match="unpacks to"):
        read[kind]()
