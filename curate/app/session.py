"""The FiftyOne App on a curate dataset, for this machine only."""

import contextlib
import os
import socket
import sys
import webbrowser
from collections.abc import Callable
from typing import Any

from curate.app.database import connect, mute_children, quiet_fiftyone
from curate.app.look import WORKSPACE
from curate.app.mongod import answers
from curate.app.views import LABEL_ISSUES
from curate.errors import DatabaseError, UnknownNameError, UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def open_app(
    dataset_name: str,
    *,
    port: int = 5151,
    address: str = "127.0.0.1",
    wait: bool,
    on_ready: Callable[[str], None] = lambda url: None,
) -> str:
    """Serves the App with the grid beside the map, and opens a browser where there is a screen.

    Args:
        dataset_name: a FiftyOne dataset; one that curate made opens at its label issues.
        port: of the App.
        address: of this machine only: the App has no login, and its server gives out any file that the user can read. From another
            machine, tunnel: `ssh -N -L 5151:127.0.0.1:5151 HOST`.
        wait: return at Ctrl-C, and end the App then; else return at once, and the App ends with this process or `close_app`.
        on_ready: called with the address of the App once it answers.

    Returns:
        The address, such as `http://127.0.0.1:5151/datasets/mnist?view=label-issues&workspace=review`.

    Raises:
        UsageError: the port is taken or out of range, or the address is not of this machine.
        UnknownNameError: no dataset of that name.
        DatabaseError: no database, or the App does not start.
    """
    check_address(address, port)  # FiftyOne would attach to whatever App answers there, of whichever database
    connect()
    import fiftyone as fo

    with quiet_fiftyone():
        if not fo.dataset_exists(dataset_name):
            raise UnknownNameError.of("FiftyOne dataset", dataset_name, fo.list_datasets())
        dataset = fo.load_dataset(dataset_name)
        try:
            with mute_children():
                session = fo.launch_app(dataset, port=port, address=address, remote=True)  # remote only means: no browser yet
        except Exception as error:  # a server that does not come up fails in many ways
            raise DatabaseError(
                f"the FiftyOne App does not start on port {port} ({str(error) or type(error).__name__}); see `curate doctor`"
            ) from error
    url = f"http://{address}:{port}/datasets/{dataset.slug}{_opening(dataset)}"
    if _has_screen():
        with contextlib.suppress(webbrowser.Error):
            webbrowser.open(url)
    if not wait:
        on_ready(url)
        return url
    try:
        on_ready(url)  # inside: who is told of the address may press Ctrl-C at once
        with quiet_fiftyone():
            session.wait(-1)
    except KeyboardInterrupt:
        pass
    finally:
        close_app()
    return url


def close_app() -> None:
    """Ends the App that `open_app` opened; nothing happens where there is none."""
    import fiftyone as fo
    import fiftyone.core.session.session as sessions

    with quiet_fiftyone():
        fo.close_app()
        for port in list(sessions._server_services):
            sessions._server_services.pop(port).stop()


def _opening(dataset: Any) -> str:
    """The part of the address that opens the label issues beside the map, where the dataset has them."""
    from fiftyone.core.utils import to_slug

    parts = []
    if dataset.has_saved_view(LABEL_ISSUES):
        parts.append(f"view={to_slug(LABEL_ISSUES)}")
    if dataset.has_workspace(WORKSPACE):
        parts.append(f"workspace={to_slug(WORKSPACE)}")
    return "?" + "&".join(parts) if parts else ""


def check_address(address: str, port: int) -> None:
    """Raises UsageError where the App cannot listen at `address` and `port`, or must not."""
    if address not in LOOPBACK:
        raise UsageError(
            f"the App has no login and is for this machine only: the address must be 127.0.0.1, found {address}; "
            f"from another machine use `ssh -N -L {port}:127.0.0.1:{port} HOST`"
        )
    if not 1024 <= port <= 65535:
        raise UsageError(f"--port must be in 1024..65535, found {port}")
    taken = UsageError(f"port {port} is taken; close what uses it, or give another with --port")
    if answers(address, port):
        raise taken
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the App's server does: one that just ended is no obstacle
        try:
            probe.bind((address, port))
        except OSError as error:
            raise taken from error


def _has_screen() -> bool:
    """Whether a browser window would be seen; without one, Python would open a text browser in the terminal."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
