"""ImageNet weights of the zoo, as torchvision and timm publish them, in torch's own cache."""

import os
import pickle
import re
from pathlib import Path
from urllib.parse import urlsplit

import torch
from torch import Tensor

from curate.datasets.download import download, probe
from curate.datasets.integrity import digest_of
from curate.errors import DataError, FetchError, IntegrityError
from curate.models.zoo import ZOO, import_timm
from curate.progress import Progress, silent
from curate.run import storage_errors


def imagenet_weights(name: str, *, progress: Progress = silent) -> dict[str, Tensor]:
    """Tensors of the net `name` of the zoo, by their published names, with 1,000 classes and RGB input.

    The file comes from torch's cache (`$TORCH_HOME/hub/checkpoints`, where torchvision keeps it, too), else from its publisher. It
    is a pickle, since nothing else is published, and read as tensors only, so that no code in it can run.

    Raises:
        DataError: the zoo has no net `name`.
        FetchError: the file is not there and cannot be downloaded; says what to put where.
        IntegrityError: the file is truncated or has other content.
        StorageError: the disk is full or read-only.
    """
    if name not in ZOO:
        raise DataError(f"there are no ImageNet weights for '{name}'; there are for {', '.join(ZOO)}")
    path = fetch_weights(published_url(name), is_named_by_hash=ZOO[name].package == "torchvision", progress=progress)
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise IntegrityError(f"{path} cannot be read as weights ({str(error).splitlines()[0]}); delete it and run again") from error
    return {modern_name(key): tensor for key, tensor in tensors.items()}


def published_url(name: str) -> str:
    """Where the weights of the net `name` are published; of several, those of its first training, which all nets have."""
    spec = ZOO[name]
    if spec.package == "timm":
        return str(import_timm(name).get_pretrained_cfg(spec.published).url)
    from torchvision.models import get_model_weights

    return str(get_model_weights(spec.published)["IMAGENET1K_V1"].url)


def fetch_weights(url: str, *, is_named_by_hash: bool, progress: Progress = silent) -> Path:
    """The file of `url` in torch's cache, downloaded if it is not there.

    Args:
        is_named_by_hash: whether its name ends in the first digits of its SHA-256, as torchvision's do; they are checked then.

    Raises:
        FetchError, IntegrityError, StorageError: as in `imagenet_weights`.
    """
    file = Path(urlsplit(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    if path.is_file():
        if is_named_by_hash:
            check_name(path, file)
        return path
    part = path.with_name(f"{file}.part")
    try:
        probe(url)
        download(url, part, progress=progress)
    except FetchError as error:
        raise FetchError(
            f"no weights at {path}, and they cannot be downloaded ({error}); get {url} elsewhere and put it there, "
            "or give --pretrained a .safetensors file of this net"
        ) from error
    if is_named_by_hash:
        try:
            check_name(part, file)
        except IntegrityError:
            part.unlink()
            raise
    with storage_errors(path):
        os.replace(part, path)
    return path


def check_name(path: Path, file: str) -> None:
    """Passes where the content of `path` has the SHA-256 whose first digits are in the published name `file`.

    Raises:
        IntegrityError: it has not.
    """
    digits = Path(file).stem.rpartition("-")[2]
    if not digest_of(path, "sha256").startswith(f"sha256:{digits}"):
        raise IntegrityError(f"{path} is truncated or has other content than was published; delete it and run again")


def modern_name(name: str) -> str:
    """The tensor's name in today's code; the files of DenseNet say `norm.1` for `norm1`."""
    return re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.", r"\1\2.", name)
