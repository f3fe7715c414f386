import subprocess
import sys

import pytest

from curate.errors import StorageError, UsageError
from curate.files import replaced_folder
from curate.publish.gallery.site import MARK, check_replaceable


def write_gallery(target, *pictures):
    check_replaceable(target)
    with replaced_folder(target) as folder:
        (folder / "images").mkdir()
        (folder / "index.html").write_text(MARK)
        (folder / "data.js").write_text("")
        for name in pictures:
            (folder / "images" / name).write_text("")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_earlier_gallery_is_replaced_and_nothing_of_it_stays(tmp_path):
    write_gallery(tmp_path / "site", "0.png", "1.png")
    write_gallery(tmp_path / "site", "0.jpg")
    assert files(tmp_path) == ["site/data.js", "site/images/0.jpg", "site/index.html"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "site").mkdir()
    write_gallery(tmp_path / "site")
    assert files(tmp_path) == ["site/data.js", "site/index.html"]


def test_folders_on_the_way_are_made(tmp_path):
    write_gallery(tmp_path / "a" / "b")
    assert files(tmp_path) == ["a/b/data.js", "a/b/index.html"]


@pytest.mark.parametrize("name", ["CNAME", "images/cat.png", "notes/0.png", ".git/config"])
def test_a_gallery_with_a_file_of_somebody_else_is_left_as_it_is(tmp_path, name):
    write_gallery(tmp_path / "site", "0.png")
    file = tmp_path / "site" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    before = files(tmp_path)
    with pytest.raises(UsageError, match=name.split("/")[0]):
        write_gallery(tmp_path / "site")
    assert files(tmp_path) == before and file.read_text() == "mine"


@pytest.mark.parametrize("name", ["index.html", "data.js", "images/0.png"])
def test_files_that_are_only_called_like_ours_are_left_as_they_are(tmp_path, name):
    file = tmp_path / "site" / name
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    with pytest.raises(UsageError, match="would be lost"):
        write_gallery(tmp_path / "site")
    assert file.read_text() == "mine"


def test_a_file_in_the_place_of_the_folder_is_an_error(tmp_path):
    (tmp_path / "site").write_text("mine")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        write_gallery(tmp_path / "site")


def test_what_fails_half_way_leaves_the_earlier_gallery(tmp_path):
    write_gallery(tmp_path / "site", "0.png")
    before = files(tmp_path)
    with pytest.raises(ZeroDivisionError), replaced_folder(tmp_path / "site") as folder:
        (folder / "index.html").write_text(str(1 / 0))
    assert files(tmp_path) == before


def test_what_a_kill_left_behind_is_swept_up(tmp_path):
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True).stdout.strip()
    (tmp_path / f".site.curate-new-{ended}" / "images").mkdir(parents=True)
    (tmp_path / f".site.curate-old-{ended}").mkdir()
    write_gallery(tmp_path / "site")
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_place_that_cannot_be_written_is_an_error_with_its_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="site"):
        write_gallery(tmp_path / "file" / "site")
