"""The plugins that the App finds: curate's beside the user's own, without touching a file of theirs."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from curate.errors import StorageError
from curate.temporary import temporary_folder

PLUGIN = Path(__file__).parent / "plugin"
SCOPE = "@curate"
DEFINITIONS = ("fiftyone.yml", "fiftyone.yaml")


@contextlib.contextmanager
def plugins_folder(own: Path) -> Iterator[Path]:
    """Context with a folder of links for FiftyOne's `plugins_dir`: `@curate/review`, and all that is in the user's folder `own`.

    FiftyOne follows links, and takes one folder only. Of two plugins of one name it takes either: whatever the user has as
    `@curate` stays out.

    Args:
        own: the folder that FiftyOne would use, whether or not it is there.

    Raises:
        StorageError: no folder or link can be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(temporary_folder("curate-plugins-"))
            (folder / SCOPE).mkdir()
            (folder / SCOPE / "review").symlink_to(PLUGIN, target_is_directory=True)
            for entry in _entries(own.absolute()):
                (folder / entry.name).symlink_to(entry, target_is_directory=entry.is_dir())
        except OSError as error:
            raise StorageError(
                f"the folder that links the App's plugins cannot be made ({error.strerror or error}); "
                "expected a temporary folder that can be written and takes links: set TMPDIR to one"
            ) from error
        yield folder


def _entries(own: Path) -> list[Path]:
    """What to link of the user's folder: its entries; or itself, where it is a plugin rather than a folder of plugins."""
    if not own.is_dir():
        return []
    if any((own / name).is_file() for name in DEFINITIONS):
        return [own]
    return sorted(entry for entry in own.iterdir() if entry.name != SCOPE and not entry.name.startswith("."))
