"""The FiftyOne App on a curate dataset: served by this process, guarded, for this machine unless the user says otherwise."""

import contextlib
import getpass
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from curate.app.appearance import WORKSPACE
from curate.app.database import connect, database_errors, load_dataset, quiet_fiftyone
from curate.app.guard import Address, Guard, Tokens, check_meant, listen
from curate.app.media import MediaFolders
from curate.app.plugins_folder import plugins_folder
from curate.app.review.context import REVIEWER, store_of
from curate.app.review.queues import check_reviewer, prepare_review
from curate.app.server import fiftyone_app, serve
from curate.app.views import LABEL_ISSUES
from curate.errors import CurateError, RunError, UnknownNameError, UsageError


def open_app(
    dataset_name: str,
    *,
    port: int = 5151,
    address: str = "127.0.0.1",
    expose: bool = False,
    reviewer: str | None = None,
    view: str | None = None,
    on_ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Serves the App until Ctrl-C or SIGTERM, and opens a browser where there is a screen. To be called in the main thread.

    Args:
        dataset_name: a FiftyOne dataset; the App gives out files of its folders only.
        port, address: where the App listens; an address that other machines reach needs `expose`.
        reviewer: whose decisions are made here; default: see `reviewer_name`.
        view: the saved view to open at; default: the label issues, where the dataset has that view.
        on_ready: called with the link that lets a browser in, such as
            `http://127.0.0.1:5151/datasets/mnist?view=label-issues&workspace=review&token=…`; requests are answered from then on.

    Raises:
        UsageError: the port is taken or out of range; the address is not of this machine, or not meant to be seen by others.
        UnknownNameError: no dataset or saved view of that name.
        DatabaseError: no database.
        StorageError: the folder of plugins cannot be made.
        DataError: a line of the journal is not a decision.
    """
    where = Address(address, port)
    check_meant(where, expose=expose)
    who = reviewer_name(reviewer)
    with listen(where) as listener:  # before all that takes time: nobody else gets the port
        dataset = _load(dataset_name)
        with _server_settings(who) as plugins_dir:
            with database_errors(), ThreadPoolExecutor(1) as beside:
                folders = beside.submit(MediaFolders, dataset)  # while the server is imported
                path = f"/datasets/{dataset.slug}?{_opening(dataset, view)}token="
                tokens = Tokens()
                guarded = Guard(fiftyone_app(port, plugins_dir), where, tokens, folders.result())
            with _kept_decisions(dataset), contextlib.suppress(KeyboardInterrupt):  # who is told of the address may press Ctrl-C at once
                on_ready(where.url + path + tokens.session)
                if _has_screen():
                    threading.Thread(target=_open_browser, args=[where.url + path + tokens.ticket()], daemon=True).start()
                with quiet_fiftyone():
                    serve(guarded, listener)


def review_queue(dataset_name: str, reviewer: str | None = None) -> str:
    """The saved view of what `reviewer` (default: see `reviewer_name`) has not decided yet, made or brought up to date.

    Raises:
        UsageError, UnknownNameError, DatabaseError: as `open_app`.
    """
    who = reviewer_name(reviewer)
    dataset = _load(dataset_name)
    with database_errors(), quiet_fiftyone():
        return prepare_review(dataset, who)


def reviewer_name(given: str | None = None) -> str:
    """`given`, else CURATE_REVIEWER, else the login name.

    Raises:
        UsageError: there is none of them, or it cannot be used as a name.
    """
    try:
        return check_reviewer(given if given is not None else os.environ.get(REVIEWER) or getpass.getuser())
    except (KeyError, OSError) as error:
        raise UsageError("this user has no login name; say who reviews with --reviewer NAME") from error


@contextlib.contextmanager
def _kept_decisions(dataset: Any) -> Iterator[None]:
    """Context before and after which the journal on this machine and the database hold the same decisions, whoever took them."""
    try:
        with database_errors():
            store = store_of(dataset)
            store.sync()
    except (RunError, UsageError):  # nothing can be decided, but looked at: the App says why when a key is pressed
        yield
        return
    yield
    with contextlib.suppress(CurateError), database_errors():
        store.sync()


def _load(name: str) -> Any:
    """The FiftyOne dataset `name`."""
    connect()
    with database_errors():
        return load_dataset(name)


def _opening(dataset: Any, view: str | None) -> str:
    """The part of the address that opens `view`, or else the label issues, in the review workspace, as far as there are such."""
    from fiftyone.core.utils import to_slug

    if view is not None and not dataset.has_saved_view(view):
        raise UnknownNameError.of("saved view", view, dataset.list_saved_views())
    if view is None and dataset.has_saved_view(LABEL_ISSUES):
        view = LABEL_ISSUES
    parts = [] if view is None else [f"view={to_slug(view)}&"]
    if dataset.has_workspace(WORKSPACE):
        parts.append(f"workspace={to_slug(WORKSPACE)}&")
    return "".join(parts)


@contextlib.contextmanager
def _server_settings(reviewer: str) -> Iterator[str]:
    """Context with FiftyOne set as its server needs it, and for `reviewer`; yields the folder of plugins."""
    import fiftyone as fo

    with plugins_folder(Path(fo.config.plugins_dir)) as folder:
        settings = {"plugins_dir": str(folder), "plugins_cache_enabled": True, "singleton_cache": False}
        environment = {
            REVIEWER: reviewer,
            "FIFTYONE_PLUGINS_DIR": str(folder),  # for processes that plugins start
            "FIFTYONE_SERVER": "1",
        }
        old_settings = {name: getattr(fo.config, name) for name in settings}
        old_environment = {name: os.environ.get(name) for name in environment}
        try:
            os.environ.update(environment)
            for name, value in settings.items():
                setattr(fo.config, name, value)
            yield str(folder)
        finally:
            for name, value in old_settings.items():
                setattr(fo.config, name, value)
            for name, text in old_environment.items():
                if text is None:
                    del os.environ[name]
                else:
                    os.environ[name] = text


def _has_screen() -> bool:
    """Whether a browser window would be seen; without one, Python would open a text browser in the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open_browser(url: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(url)
