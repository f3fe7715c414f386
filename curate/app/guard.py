"""Who may speak to FiftyOne's server, which has no login of its own, and which files it gives out."""

from html import escape
from urllib.parse import parse_qsl, urlencode

from anyio.to_thread import run_sync
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import compile_path, get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from curate.app.address import Address
from curate.app.media_folders import MediaFolders
from curate.app.tokens import Tokens

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
    origin = headers.get("origin")
    if origin is not None and origin.lower() != f"http://{host.lower()}":
        return True
    is_foreign = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    return is_foreign and headers.get("sec-fetch-mode") != "navigate"


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
