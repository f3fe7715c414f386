"""The secrets that let a browser into the App: one for the printed link, single tickets for a browser that curate opens itself."""

import secrets


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
