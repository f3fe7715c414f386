"""One file over HTTP, resumed where an earlier try stopped, which pooch and urllib do not do."""

import http.client
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from curate.errors import FetchError
from curate.files import storage_errors
from curate.progress import Progress, silent

TIMEOUT_SECONDS = 5.0
"""Longest wait for a connection, and for the next bytes on one."""
ATTEMPTS = 3
"""Tries in a row that brought nothing new before a source counts as dead."""


def download(url: str, part: Path, *, progress: Progress = silent) -> None:
    """Brings the content of `url` into the file `part`, going on after the bytes that are there already.

    A server that does not know ranges makes it start again. The content is not checked here.

    Raises:
        FetchError: the server cannot be reached, does not have the file, or broke off too often.
        StorageError: the disk is full or read-only.
    """
    idle = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _transfer(url, part, before, progress):
                return
            reason = "the connection broke off"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 416 or not before:
                raise FetchError(f"{url} answers {error.code} {error.reason}") from error
            part.unlink()  # longer than the file on the server: not the same file
            reason = "the part that was there did not fit"
        except (OSError, http.client.HTTPException) as error:
            reason = _reason(error)
        after = part.stat().st_size if part.exists() else 0
        idle = 0 if after > before else idle + 1
        if idle >= ATTEMPTS:
            raise FetchError(f"{url} broke off {idle} times in a row after {after} bytes ({reason})")
        time.sleep(0.5 * idle)


def probe(url: str) -> None:
    """Passes where the server of `url` takes connections, or a proxy stands before it.

    A machine behind a firewall would else wait for each of a server's addresses in turn.

    Raises:
        FetchError: it cannot be reached within TIMEOUT_SECONDS.
    """
    address = urllib.parse.urlsplit(url)
    host, port = address.hostname or "", address.port or (443 if address.scheme == "https" else 80)
    if address.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(host):
        return
    outcome: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=TIMEOUT_SECONDS).close()
            outcome.append("")
        except OSError as error:
            outcome.append(_reason(error))

    thread = threading.Thread(target=connect, daemon=True)  # a thread, since a name server may keep it waiting, too
    thread.start()
    thread.join(TIMEOUT_SECONDS)
    if outcome != [""]:
        raise FetchError(f"{host} cannot be reached ({outcome[0] if outcome else f'no answer in {TIMEOUT_SECONDS:g} s'})")


def _reason(error: Exception) -> str:
    error = getattr(error, "reason", error)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _transfer(url: str, part: Path, have: int, progress: Progress) -> bool:
    """Appends to or replaces `part`; whether it is complete then."""
    stage = f"download {Path(urllib.parse.urlsplit(url).path).name}"
    request = urllib.request.Request(url, headers={"User-Agent": "curate", **({"Range": f"bytes={have}-"} if have else {})})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
        if response.status != 206 or not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            have = 0  # the server sends it from the start
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else 0
        with storage_errors(part):
            part.parent.mkdir(parents=True, exist_ok=True)
            file = open(part, "ab" if have else "wb")  # noqa: SIM115
        with file:
            while block := response.read(1 << 18):
                with storage_errors(part):
                    file.write(block)
                have += len(block)
                progress(stage, have, max(total, have))
    return not total or have >= total
