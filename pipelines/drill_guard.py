"""Forges requests to the App on loopback and looks whether one is served that should not be.

    python pipelines/drill_guard.py [--requests 10000] [--seed 0]

The guard stands in front of an app that answers everything, on the server that curate uses. Every request is wrong in at least one thing:
Host, Origin, fetch metadata, token, cookie, path of a file, encoding, headers that come twice, or an upgrade to a web socket; often all
else about it is right. What the app behind the guard is asked at all counts as served.
"""

import argparse
import base64
import os
import random
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from drilling import Tally

INSIDE = "/images/1.png"
SERVER = """
import sys
from curate.app.guard import Address, Guard, Tokens, listen
from curate.app.server import serve

class OneFile:
    def serves(self, path):
        return path == "/images/1.png"

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": "SERVED"})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-served", b"SERVED")]})
    await send({"type": "http.response.body", "body": b"SERVED"})

port = int(sys.argv[1])
tokens = Tokens()
listener = listen(Address("127.0.0.1", port))
print(tokens.session, flush=True)
serve(Guard(app, Address("127.0.0.1", port), tokens, OneFile()), listener)
"""


@dataclass
class Request:
    """A request as bytes on the wire will have it; headers may come twice."""

    port: int
    token: str
    method: str = "GET"
    target: str = "/"
    host: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    cookie: str | None = None

    def __post_init__(self) -> None:
        self.host = [f"127.0.0.1:{self.port}"]
        self.cookie = f"curate-{self.port}={self.token}"

    def wire(self) -> bytes:
        headers = [("Host", value) for value in self.host] + self.headers
        if self.cookie is not None:
            headers.append(("Cookie", self.cookie))
        head = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "Connection: close", "", ""]
        return "\r\n".join(head).encode("latin-1", "replace")


def foreign_host(request: Request, rng: random.Random) -> None:
    here = request.host[0]
    request.host = [
        rng.choice(
            [
                f"evil.example:{request.port}",
                "127.0.0.1",
                "localhost",
                f"127.0.0.1:{request.port + 1}",
                f"127.0.0.2:{request.port}",
                f"0.0.0.0:{request.port}",
                f"127.1:{request.port}",
                f"2130706433:{request.port}",
                f"127.0.0.1.evil.example:{request.port}",
                f"evil.example#127.0.0.1:{request.port}",
                f"evil.example@127.0.0.1:{request.port}",
                f"localhost.:{request.port}",
                f"[::ffff:127.0.0.1]:{request.port}",
                f"127.0.0.1:{request.port}/",
                f"127.0.0.1:0{request.port}",
                f"127.0.0.1:{request.port} ",
                "",
                ":",
                f"{here},evil.example",
                "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(1, 30))),
            ]
        )
    ]
    if request.host[0].strip() == here:  # white space around a value is no part of it
        request.host = [f"evil.example:{request.port}"]


def two_hosts(request: Request, rng: random.Random) -> None:
    request.host = rng.sample([request.host[0], rng.choice(["evil.example", request.host[0], f"localhost:{request.port}"])], 2)


def no_host(request: Request, rng: random.Random) -> None:
    request.host = []


def foreign_origin(request: Request, rng: random.Random) -> None:
    here = request.host[0] if request.host else f"127.0.0.1:{request.port}"
    values = [
        "null",
        "",
        "http://evil.example",
        f"https://{here}",
        f"http://{here}.evil.example",
        f"http://{here}@evil.example",
        f"http://evil.example:{request.port}",
        "http://127.0.0.1",
        f"http://127.0.0.1:{request.port + 1}",
        f"ws://{here}",
        f"file://{here}",
        "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(1, 30))),
    ]
    origins = [rng.choice(values)]
    if rng.random() < 0.3:  # the foreign one before or after the own one
        origins.insert(rng.randrange(2), f"http://{here}") if rng.random() < 0.5 else origins.append(rng.choice(values))
    request.headers += [(rng.choice(["Origin", "origin", "ORIGIN"]), value) for value in origins]


def another_site(request: Request, rng: random.Random) -> None:
    request.headers.append(("Sec-Fetch-Site", rng.choice(["cross-site", "same-site", "Cross-Site", "elsewhere", ""])))
    request.headers.append(("Sec-Fetch-Mode", rng.choice(["cors", "no-cors", "websocket", "same-origin", "Navigate?", ""])))


def wrong_token(request: Request, rng: random.Random) -> None:
    name, token = f"curate-{request.port}", request.token
    request.cookie = rng.choice(
        [
            None,
            "",
            f"{name}=",
            f"{name}={token[:-1]}",
            f"{name}={token}x",
            f"{name}={token.swapcase()}",
            f"{name}=ü{token}",
            f"{name}x={token}",
            f"curate-{request.port + 1}={token}",
            f"x{name}={token}",
            f"{name}%3D{token}",
            f"{name.upper()}={token}",
            f"{name}={base64.b64encode(token.encode()).decode()}",
            f"{name}={rng.getrandbits(256):x}",
            f'{name}="{token[:-2]}"',
        ]
    )
    if rng.random() < 0.4:
        separator = "&" if "?" in request.target else "?"
        value = rng.choice(["", "x", token[:-1], token + "x", token.swapcase(), "%00", "%ff%fe", f"{rng.getrandbits(256):x}", "ü", "[]"])
        request.target += separator + rng.choice(["token", "Token", "token[]", "to%6ben"]) + "=" + value
    if rng.random() < 0.2:
        request.headers.append(("Authorization", f"Bearer {token}"))
    if rng.random() < 0.2:
        request.method = rng.choice(["POST", "PUT", "OPTIONS", "HEAD", "DELETE", "PATCH"])
        request.target += ("&" if "?" in request.target else "?") + f"token={token}"


def foreign_file(request: Request, rng: random.Random) -> None:
    inside = INSIDE
    path = rng.choice(
        [
            "/etc/passwd",
            "/images/../etc/passwd",
            "/images/1.png/../../etc/passwd",
            "/images/2.png",
            "images/1.png",
            f"{inside}%00",
            f"{inside}%0a",
            f"%2e%2e{inside}",
            f"file://{inside}",
            f"{inside}%20",
            inside.upper(),
            "//images/1.png",
            "/images//1.png",
            "/images/%2e/1.png",
            "%ff",
            "a" * rng.randrange(1, 3000),
        ]
    )
    route = rng.choice(["/media", "/media", "/media", "/%6dedia", "/media%0a"])
    request.method = rng.choice(["GET", "GET", "HEAD"])
    request.target = f"{route}?" + rng.choice([f"filepath={path}", f"filepath={inside}&filepath={path}", f"x=1&filepath={path}&y=2"])


def upgraded(request: Request, rng: random.Random) -> None:
    """A web socket, wrong in something else."""
    request.headers += [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", base64.b64encode(rng.randbytes(16)).decode()),
        ("Sec-WebSocket-Version", "13"),
    ]
    rng.choice([foreign_host, foreign_origin, another_site, wrong_token])(request, rng)


def odd_bytes(request: Request, rng: random.Random) -> None:
    """Something that is no proper request, without the token."""
    request.cookie = None
    request.method = rng.choice(["GET", "G\tT", "get", "PRI", "CONNECT", "TRACE", "X" * 500])
    request.target = rng.choice(
        ["*", "", "//", "http://127.0.0.1/", "/%", "/%zz", "/\x80", "/" + "a" * 70_000, "/ /", "/\\..\\x", "?token"]
    )
    if rng.random() < 0.5:
        request.headers.append(
            (rng.choice(["X", "Transfer-Encoding", "Content-Length", " Host", "Host "]), rng.choice(["", "chunked", "-1", "x"]))
        )


FORGERIES: dict[str, Callable[[Request, random.Random], None]] = {
    "foreign host": foreign_host,
    "two hosts": two_hosts,
    "no host": no_host,
    "foreign origin": foreign_origin,
    "another site": another_site,
    "wrong token": wrong_token,
    "foreign file": foreign_file,
    "web socket": upgraded,
    "odd bytes": odd_bytes,
}
TARGETS = ("/", "/datasets/a", "/graphql", "/operators/execute", "/media?filepath=/images/1.png", "/events", "/plugins", "/x?y=z&token=")


def forged(port: int, token: str, kind: str, rng: random.Random) -> Request:
    """A request that is wrong by `kind`, and may be wrong by others too."""
    request = Request(port, token, target=rng.choice(TARGETS[:-1]), method=rng.choice(["GET", "GET", "POST"]))
    if kind in ("another site", "foreign origin") and rng.random() < 0.3:
        request.method = "POST"
    FORGERIES[kind](request, rng)
    if kind not in ("odd bytes", "foreign file") and rng.random() < 0.2:
        rng.choice([foreign_origin, another_site, wrong_token])(request, rng)
    return request


def answer(port: int, wire: bytes) -> bytes:
    """What comes back until the server closes, or within five seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        try:
            connection.sendall(wire)
            found = b""
            while piece := connection.recv(65536):
                found += piece
                if len(found) > 200_000 or found.endswith(b"\x03\xe8"):
                    break
        except (TimeoutError, ConnectionError):
            pass
        return found


def forge(num_requests: int, *, seed: int = 0, tally: Tally | None = None) -> Tally:
    """The tally of so many forged requests; a request that is right must be served before and after, or the drill shows nothing."""
    from curate.app.mongod import free_port

    tally, rng, port = Tally() if tally is None else tally, random.Random(seed), free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    try:
        assert process.stdout is not None
        token = process.stdout.readline().strip()
        _must_be_served(port, token)
        for number in range(num_requests):
            kind = list(FORGERIES)[number % len(FORGERIES)]
            wire = forged(port, token, kind, rng).wire()
            found = answer(port, wire)
            gone = process.poll() is not None
            tally.note(kind, f"served: {wire[:300]!r}" if b"SERVED" in found else "the server ended" if gone else None)
            if gone:
                break
        _must_be_served(port, token)
    finally:
        process.terminate()
        process.wait()
    return tally


def _must_be_served(port: int, token: str) -> None:
    for target in ("/", "/media?filepath=/images/1.png"):
        if b"SERVED" not in answer(port, Request(port, token, target=target).wire()):
            raise SystemExit("a request that is right was not served: the drill shows nothing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tally = Tally()
    with tally.shown():
        forge(options.requests, seed=options.seed, tally=tally)


if __name__ == "__main__":
    main()
