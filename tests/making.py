"""What tests of several files share: runs, made by the product itself, and the files of a made-up download."""

import gzip
import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

from curate.data.image_set import ImageSet
from curate.judge.judgement import judge_into
from curate.judge.nets import Nets
from curate.options import Place
from curate.progress import Progress, silent
from curate.run import Run
from curate.verbs.audited import Audit


def train(image_set: ImageSet, path: Path, *, command: str = "", progress: Progress = silent, **options: Any) -> Run:
    """The run at `path` as the nets judge it; `options` are fields of Nets and of Place."""
    names = {field.name for field in fields(Place)}
    place = Place(**{name: value for name, value in options.items() if name in names})
    nets = Nets(**{name: value for name, value in options.items() if name not in names})
    return judge_into(image_set, path, nets, place=place, command=command, progress=progress)


def export(run: Run, to: Path, *, format: str, root: Path | None = None, **options: Any) -> dict[str, Any]:
    """What `curate export` does."""
    return Audit(run, root=root).export(to, format, **options)


ONE, TWO = b"content of one " * 5000, b"content of two " * 5000
PACKED = gzip.compress(ONE, mtime=0)
"""The two files of the catalog's made-up entry, and the first as a mirror serves it."""


def md5(content):
    return "md5:" + hashlib.md5(content, usedforsecurity=False).hexdigest()
