"""Whether a file's bytes are those that were published."""

import hashlib
from pathlib import Path

from curate.datasets.entry import DataFile
from curate.errors import IntegrityError


def digest_of(path: Path, algorithm: str) -> str:
    """`algorithm:hex` of the file's content; `algorithm` is md5 or sha256."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"{algorithm}:{digest.hexdigest()}"


def has_digest(path: Path, digest: str) -> bool:
    """Whether the file's content has `digest`, `algorithm:hex`."""
    return digest_of(path, digest.partition(":")[0]) == digest


def check_file(path: Path, expected: DataFile) -> None:
    """Passes where `path` holds the bytes of `expected`.

    Raises:
        IntegrityError: it is missing, truncated or has other content.
    """
    if not path.is_file():
        raise IntegrityError(f"{path} is missing; expected a file with {expected.digest}")
    size = path.stat().st_size
    if expected.size and size != expected.size:
        what = "is truncated" if size < expected.size else "is too long"
        raise IntegrityError(f"{path} {what}: expected {expected.size} bytes, found {size}; {_remedy(path)}")
    found = digest_of(path, expected.digest.partition(":")[0])
    if found != expected.digest:
        raise IntegrityError(f"{path} has other content: expected {expected.digest}, found {found} ({size} bytes); {_remedy(path)}")


def check_content(name: str, content: bytes, expected: DataFile) -> None:
    """Passes where `content`, taken from `name`, is that of `expected`.

    Raises:
        IntegrityError: it is not.
    """
    algorithm = expected.digest.partition(":")[0]
    found = f"{algorithm}:{hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()}"
    if found != expected.digest:
        raise IntegrityError(
            f"{expected.name} from {name} has other content: expected {expected.digest}, found {found} ({len(content)} bytes); "
            f"replace {name} by the published one, or delete it to have it fetched"
        )


def _remedy(path: Path) -> str:
    return f"replace it by the published file, or delete {path.name} to have it fetched again"
