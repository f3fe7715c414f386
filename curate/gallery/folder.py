"""The folder of the site: made beside its place and moved there when it is whole."""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from curate.errors import UsageError
from curate.run import storage_errors

OURS = re.compile(r"index\.html|data\.js|images(/\d+\.(png|jpg))?")
MARK = '<meta name="generator" content="curate gallery">'


@contextlib.contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """An empty folder to write into; when the block ends well it takes the place of `target`, when not it vanishes.

    A kill leaves either the old site or the new one at `target`, or for the blink between two renames none.

    Raises:
        UsageError: something is at `target` that is not an earlier gallery.
        StorageError: the disk is full or read-only.
    """
    target = target.resolve()
    check_replaceable(target)
    fresh, old = (target.with_name(f".{target.name}.{kind}") for kind in ("new", "old"))
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for left_over in (fresh, old):  # of a run that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        fresh.mkdir()
        try:
            yield fresh
            if target.exists():
                os.replace(target, old)
            os.replace(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def check_replaceable(target: Path) -> None:
    """Passes where nothing is lost when `target` is replaced: nothing is there, an empty folder, or an earlier gallery.

    Raises:
        UsageError: anything else; names a file that would be lost.
    """
    if not target.exists():
        return
    if not target.is_dir():
        raise UsageError(f"{target} is a file, expected a folder; give another one by --to")
    held = sorted(path.relative_to(target).as_posix() for path in target.rglob("*"))
    index = target / "index.html"
    is_gallery = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")
    foreign = [name for name in held if not (is_gallery and OURS.fullmatch(name))]
    if foreign:
        raise UsageError(f"{target} holds {foreign[0]}, which is not of an earlier gallery and would be lost; give another folder by --to")
