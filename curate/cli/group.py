"""The command group: how errors, Ctrl-C and closed pipes leave the program."""

import contextlib
import errno
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from curate.errors import CurateError
from curate.tables import is_text

# Typer brought click along as a package until 0.20 and carries it inside since: this is its base of usage errors in both.
ClickError: type[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

BAD_INPUT, STOPPED = 2, 130
STOPPED_WORDS = "stopped; run the same command again to go on where it stopped"


class CommandLine(TyperGroup):
    """Prints what is the input's or the machine's fault as one line on stderr, and exits with code 2.

    Any other exception is a bug and keeps its traceback. The context's `obj` is the command as it was typed.
    """

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]
        arguments = list(sys.argv[1:] if args is None else args)
        extra.pop("standalone_mode", None)
        _check_words(arguments)
        with one_line_errors():
            code = super().main(arguments, "curate", standalone_mode=False, obj=shlex.join(["curate", *arguments]), **extra)
            sys.stdout.flush()  # here, where a closed pipe is still caught
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            fail(STOPPED_WORDS, STOPPED, prefix="")


def _check_words(arguments: list[str]) -> None:
    """Fails where there is no folder to begin from, or a path could not be written down."""
    try:
        here = os.getcwd()
    except FileNotFoundError:
        fail("the folder that this command was given in is gone; change to one that is there")
    strange = next((text for text in (here, os.environ.get("CURATE_DATA", ""), *arguments) if not is_text(text)), None)
    if strange is not None:
        fail(f"{strange!r} is no text in UTF-8 on one line; rename it")


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Ends the program with one line instead of a traceback, for the exceptions that are not bugs."""
    try:
        yield
    except CurateError as error:
        fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        fail(STOPPED_WORDS, STOPPED, prefix="")
    except ClickError as error:
        message = error.format_message().rstrip(".").replace(": Value error, ", ": ")  # as typer says it of choices
        context = getattr(error, "ctx", None)
        fail(f"{message[:1].lower()}{message[1:]} (see `{context.command_path if context else 'curate'} --help`)")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the last flush of Python's stdout would complain once more
        sys.exit(1)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM) and error.filename:
            fail(f"no permission for {error.filename}; change its rights, or choose another place")
        if error.errno == errno.ENAMETOOLONG:
            fail(f"{error.filename or 'a name'} is too long a name for this disk; give a shorter one")
        if error.errno in (errno.EIO, errno.ESTALE):
            fail(f"the disk fails at {error.filename or 'a file'} ({error.strerror}); look at the disk, then run the same command again")
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            raise
        from curate.errors import StorageError
        from curate.files import storage_errors
        from curate.run import data_root

        try:
            with storage_errors(Path(error.filename or data_root())):
                raise error
        except StorageError as storage_error:
            fail(str(storage_error))


def fail(message: str, code: int = BAD_INPUT, *, prefix: str = "error: ") -> None:
    """Prints `message` as one line on stderr, whatever its length, and exits."""
    print(prefix + " ".join(message.splitlines()), file=sys.stderr)
    raise SystemExit(code)
