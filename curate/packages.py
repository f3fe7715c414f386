"""Packages that curate needs, in the versions that `pyproject.toml` names: what messages say to install."""

import functools
import importlib.metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def requirements(extra: str = "") -> "list[Requirement]":
    """What this Python needs for curate, or for one of its extras alone; nothing where curate is not installed, as in a bare checkout."""
    from packaging.requirements import Requirement

    try:
        lines = importlib.metadata.requires("curate") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [Requirement(line) for line in lines]
    return [
        one
        for one in found
        if (one.marker is not None and "extra" in str(one.marker)) == bool(extra)
        and (one.marker is None or one.marker.evaluate({"extra": extra}))
    ]


def worded(requirement: "Requirement") -> str:
    """Name and versions as people write them: `timm>=1.0,<2`."""
    return requirement.name + ",".join(sorted(map(str, requirement.specifier), reverse=True))


@functools.cache  # asked for every file that is not read
def pip_install(*names: str, extra: str = "", options: str = "") -> str:
    """The command that brings packages in a version that curate takes: `pip install 'timm>=1.0,<2'`.

    Args:
        extra: of curate, where the packages are among its requirements.
        options: of pip, such as `--no-deps`.
    """
    known = {one.name: worded(one) for one in requirements(extra)}
    asked = [f"'{known[name]}'" if known.get(name, name) != name else name for name in names]
    return " ".join(["pip install", *options.split(), *asked])
