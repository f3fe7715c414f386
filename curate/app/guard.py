"""Who may speak to FiftyOne's server, which has no login of its own: addresses, secrets, and which requests are answered."""

import errno
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qsl, urlencode

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import compile_path, get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from curate.app.media import MediaFolders
from curate.app.mongod import answers
from curate.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
BACKLOG = 100


@dataclass(frozen=True)
class Address:
    """Where the App listens.

    Attributes:
        host: such as `127.0.0.1`, or `0.0.0.0` for all networks of the machine.
        port: in 1024..65535.
    """

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOOPBACK

    @property
    def url(self) -> str:
        """For a browser, such as `http://127.0.0.1:5151`; by the name of the machine where that listens on all its networks.

        `$CURATE_LINK_HOST` is another name for it: a container has one that nobody outside knows.
        """
        name = os.environ.get("CURATE_LINK_HOST") or socket.gethostname().lower()
        host = name if self.host in ("0.0.0.0", "::") else self.host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def is_named_by(self, host_header: str) -> bool:
        """Whether a Host header means this App.

        A name that its owner pointed to this machine after his page was loaded (DNS rebinding) does not. An IP address cannot be
        pointed elsewhere: where the App is exposed, any is taken, since the machine may not know all of its own.
        """
        name, _, port = host_header.lower().rpartition(":")
        name = name.removeprefix("[").removesuffix("]")
        if port != str(self.port):
            return False
        if self.is_loopback or name in LOOPBACK:
            return name in LOOPBACK
        return name in (self.host.lower(), socket.gethostname().lower()) or _is_ip_address(name)


def check_meant(address: Address, *, expose: bool) -> None:
    """Raises UsageError where other machines would reach the App and `expose` does not say so, or the port is out of range."""
    port = address.port
    if not address.is_loopback and not expose:
        raise UsageError(
            f"--address {address.host} lets other machines reach the App; if that is meant, say --expose too; "
            f"safer is a tunnel from there: `ssh -N -L {port}:127.0.0.1:{port} HOST`"
        )
    if not 1024 <= port <= 65535:
        raise UsageError(f"--port must be in 1024..65535, found {port}")


def check_address(host: str, port: int, *, expose: bool = False) -> None:
    """Raises UsageError where the App cannot listen there now, or must not."""
    address = Address(host, port)
    check_meant(address, expose=expose)
    listen(address).close()


def listen(address: Address) -> socket.socket:
    """A socket that listens at `address`, to be closed by the caller; from here on nobody else gets that port.

    Raises:
        UsageError: the port is taken, or this machine has no such address.
    """
    taken = f"port {address.port} is taken; close what uses it, or give another with --port"
    try:
        if answers(address.host, address.port):  # some systems let two listen at one port, on different addresses
            raise UsageError(taken)
        family = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise UsageError(taken) from error
        raise UsageError(f"cannot listen at --address {address.host} ({error.strerror}); expected an address of this machine") from error


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Tokens:
    """The secrets of one running App, of 256 random bits each; a new start makes new ones.

    Attributes:
        session: the token of the printed link, valid until the App ends; the browser keeps it as a cookie.
    """

    def __init__(self) -> None:
        self.session = secrets.token_urlsafe(32)
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """A token that lets in once: the command line of a browser can be read by all users of the machine, as long as it runs."""
        ticket = secrets.token_urlsafe(32)
        self._tickets.add(ticket)
        return ticket

    def is_session(self, value: str) -> bool:
        """Whether `value` is the session's token; takes equally long for every wrong one."""
        return secrets.compare_digest(value.encode(), self.session.encode())

    def lets_in(self, value: str) -> bool:
        """Whether a link with the token `value` lets in; a ticket is used up by that."""
        for ticket in self._tickets:
            if secrets.compare_digest(value.encode(), ticket.encode()):
                self._tickets.discard(ticket)
                return True
        return self.is_session(value)


MEDIA = compile_path("/media")[0]  # what FiftyOne's router takes for /media, such as with a line feed at its end
NO_TOKEN = "Open the link that curate printed when it started: it carries the token that lets you in."
FOREIGN_HOST = "This App answers under the address that curate printed only; a tunnel to it has port {port} at both of its ends."
FOREIGN_PAGE = "Requests of other web pages are refused."
FOREIGN_FILE = "This file is not in a folder of the dataset's images."
HEADERS = {
    "X-Frame-Options": "SAMEORIGIN",  # no other page may put the App under its own buttons
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Guard:
    """ASGI middleware in front of FiftyOne's server: lets in who has the token, and gives out media of the dataset only.

    Every request needs a Host header that means this App, an Origin (where one is sent) that is this App, no sign that another site
    made it, and the token: in the link, from which it goes into a cookie, or in that cookie. The cookie's name holds the port, so that
    Apps on several ports do not log each other out. `/media` serves files of `folders`. All else is answered with 403.

    What it does not do: whoever has the token acts with the rights of the user who started the App. FiftyOne's operators list any
    folder (`list_files`), those of the user's own plugins may read and write files, and the dataset, like all others in that database,
    can be changed and deleted. Nothing is encrypted. A browser sends cookies to all ports of a host: programs of other users that
    listen on this machine see the cookie of who visits them, too.

    Args:
        app: FiftyOne's ASGI app.
        address: where it listens.
        tokens: the secrets that let in.
        folders: the media that are served.

    Source: OWASP's cheat sheet on cross-site request forgery (Origin, Fetch metadata, SameSite); Jupyter's server, for the token.
    """

    def __init__(self, app: ASGIApp, address: Address, tokens: Tokens, folders: MediaFolders) -> None:
        self.app = app
        self.address = address
        self.tokens = tokens
        self.folders = folders
        self.cookie = f"curate-{address.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        response = self._answer(HTTPConnection(scope))
        if response is None and scope["type"] == "http" and MEDIA.match(get_route_path(scope)):
            path = QueryParams(scope["query_string"]).get("filepath")  # the last of several, as FiftyOne takes it
            if path and not await run_sync(self.folders.serves, path):
                response = _refusal(FOREIGN_FILE)
        if response is None:
            await self.app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008)(scope, receive, send)
        else:
            await response(scope, receive, _with_headers(send))

    def _answer(self, connection: HTTPConnection) -> Response | None:
        """What is answered in place of FiftyOne; None where the request may pass."""
        headers = connection.headers
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self.address.is_named_by(hosts[0]):
            return _refusal(FOREIGN_HOST.format(port=self.address.port))
        if _is_of_another_page(headers, hosts[0]):
            return _refusal(FOREIGN_PAGE)
        is_known = self.tokens.is_session(connection.cookies.get(self.cookie, ""))
        token = connection.query_params.get("token") if connection.scope.get("method") == "GET" else None
        if token is None:
            return None if is_known else _refusal(NO_TOKEN)
        if not is_known and not self.tokens.lets_in(token):
            return _refusal(NO_TOKEN)
        return self._without_token(connection)

    def _without_token(self, connection: HTTPConnection) -> Response:
        """Sets the cookie and leads to the same address without its token, which is then neither on the screen nor in the history."""
        path = "/" + connection.scope.get("raw_path", connection.url.path.encode()).decode("latin-1").lstrip("/")
        query = [(name, value) for name, value in parse_qsl(connection.url.query, keep_blank_values=True) if name != "token"]
        target = f"{path.partition('?')[0]}?{urlencode(query)}".removesuffix("?")
        response: Response
        if connection.headers.get("sec-fetch-site") == "cross-site":
            # A link on another page, such as a terminal in the browser: strict cookies are not sent along a redirect that began there.
            response = HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="0;url={escape(target)}">')
        else:
            response = RedirectResponse(target, status_code=303)
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(self.cookie, self.tokens.session, httponly=True, samesite="strict", path="/")
        return response


def _is_of_another_page(headers: Headers, host: str) -> bool:
    """Whether a browser says that another page made the request; following a link is not held against it."""
    if any(origin.lower() != f"http://{host.lower()}" for origin in headers.getlist("origin")):
        return True
    is_foreign = any(site not in ("none", "same-origin") for site in headers.getlist("sec-fetch-site"))
    return is_foreign and headers.getlist("sec-fetch-mode") != ["navigate"]


def _refusal(sentence: str) -> Response:
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>curate</title><p>{escape(sentence)}</p></html>'
    return HTMLResponse(page, status_code=403, headers={"Cache-Control": "no-store"})


def _with_headers(send: Send) -> Send:
    """`send` that adds HEADERS to the start of the response."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return wrapped
