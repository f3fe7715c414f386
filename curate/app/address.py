"""Where the App listens, and by which names it may be called."""

import errno
import ipaddress
import socket
from dataclasses import dataclass

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
        """For a browser, such as `http://127.0.0.1:5151`; by the name of the machine where that listens on all its networks."""
        host = socket.gethostname().lower() if self.host in ("0.0.0.0", "::") else self.host
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
