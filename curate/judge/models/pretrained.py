"""Pretrained weights for a new net: those of ImageNet, a file that curat wrote, or one with the tensors of the published net."""

import os
import pickle
import re
from pathlib import Path
from urllib.parse import urlsplit

import torch
from torch import Tensor
from torch.nn import functional as F

from curate.data.download import download, probe
from curate.data.fetch import digest_of
from curate.errors import DataError, FetchError, IntegrityError
from curate.files import storage_errors
from curate.judge.backbones import EMBEDDED, embedded_net, why_not
from curate.judge.models.base import ConvNet
from curate.judge.models.light_torchvision import import_torchvision_models
from curate.judge.models.weight_files import SPEC_KEY, read_tensors, read_weight_file
from curate.judge.models.zoo import ZOO, import_timm
from curate.judge.models.zoo_net import VisionTransformerNet, first_convolution
from curate.progress import Progress, silent


def imagenet_weights(name: str, *, progress: Progress = silent) -> dict[str, Tensor]:
    """Tensors of the net `name` of the zoo, by their published names, with 1,000 classes and RGB input.

    Weights that a package carries (`EMBEDDED`) come from there, where it is installed. The file of the others comes from torch's cache
    (`$TORCH_HOME/hub/checkpoints`, where torchvision keeps it, too), else from its publisher. It is a pickle, since nothing else is
    published, and read as tensors only, so that no code in it can run.

    Raises:
        DataError: the zoo has no net `name`.
        FetchError: the file is not there and cannot be downloaded; says what to put where.
        IntegrityError: the file is truncated or has other content.
        StorageError: the disk is full or read-only.
    """
    if name not in ZOO:
        raise DataError(f"there are no ImageNet weights for '{name}'; there are for {', '.join(ZOO)}")
    if ZOO[name].package == "curate":
        raise DataError(
            f"nobody we know of publishes ImageNet weights of '{name}' under these names; give --pretrained a .safetensors file"
        )
    if name in EMBEDDED and why_not(name) is None:
        return dict(embedded_net(name).state_dict())
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
    return str(import_torchvision_models().get_model_weights(spec.published)["IMAGENET1K_V1"].url)


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


IMAGENET = "imagenet"

Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def load_pretrained(model: ConvNet, source: str, *, progress: Progress = silent) -> tuple[str, ...]:
    """Gives `model` the weights of `source` wherever they fit, and the normalisation that belongs to them.

    The output layer stays new, whatever its size, because its classes are others. Of a file of curate's the whole head does: hidden
    layers that served few classes were measured to hurt (pipelines/transfer.py), those of ImageNet's 1,000 are kept. Greyscale
    input gets the first filters summed over their channels, colour input those of a greyscale net spread over the channels.
    Positions of a vision transformer are interpolated. What has another shape stays new.

    Args:
        source: `imagenet`; or the path of a safetensors file, which `save_weights` wrote for the same architecture, or which holds
            the tensors of the published net under their names, as torchvision and timm have them: that one is used like `imagenet`.

    Returns:
        Names of the tensors that stay new although weights were there for them, or should have been.

    Raises:
        DataError: the file is of another architecture, there are no such weights, or nothing of the first stages fits.
        FetchError: the weights of ImageNet are not there and cannot be downloaded; says where to put them.
    """
    statistics: Statistics | None
    own = {key: tensor for key, tensor in model.state_dict().items() if key.rpartition(".")[0] != model.output_layer}
    name = model.name or ""
    if source == IMAGENET:
        tensors, statistics = imagenet_weights(name, progress=progress), ZOO[name].input_statistics
    elif name in ZOO and not is_own(source):
        tensors = {modern_name(key): tensor for key, tensor in read_tensors(Path(source))[1].items()}
        statistics = ZOO[name].input_statistics
    else:
        file = read_weight_file(Path(source))
        if file.name != model.name:
            raise DataError(f"{source} holds weights of '{file.name}', the net is '{model.name}'; choose --model {file.name}")
        tensors, statistics = file.tensors, file.input_statistics
        own = {key: tensor for key, tensor in own.items() if model.stage_of(key) < len(model.stages)}
    found = {key: fit_tensor(model, key, tensors[key], new) for key, new in own.items() if key in tensors}
    fitting = {key: tensor for key, tensor in found.items() if tensor is not None}
    left = tuple(key for key in own if key not in fitting and not key.endswith("num_batches_tracked"))  # old files have no such counts
    if not any(model.stage_of(key) < len(model.stages) for key in fitting):
        raise DataError(f"nothing of {source} fits this '{model.name}'; first of all '{left[0]}' of shape {tuple(own[left[0]].shape)}")
    model.load_state_dict(fitting, strict=False)
    model.loaded = frozenset(fitting)
    model.input_statistics = statistics and of_channels(statistics, model.in_channels)
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    progress("pretrained weights", 1, 1, f"all but {', '.join(left[:3])}{more}" if left else "")
    return left


def is_own(source: str) -> bool:
    """Whether the file says what net its weights are of, as those that curate writes do."""
    return SPEC_KEY in read_tensors(Path(source))[0]


def check_unseen(source: str, images_hash: str) -> None:
    """Passes unless the file `source` says that its weights were trained on the images with `images_hash`.

    Nets that start from such weights would have seen the samples that they are to judge. Parts of a dataset have other hashes, so
    that only the very same images are noticed.

    Raises:
        DataError: it does.
    """
    if source != IMAGENET and is_own(source) and read_weight_file(Path(source)).trained_on == images_hash:
        raise DataError(
            f"{source} was trained on these very images, so that no sample would be judged by a net that never saw it; "
            "start from weights of another dataset"
        )


def fit_tensor(model: ConvNet, name: str, old: Tensor, new: Tensor) -> Tensor | None:
    """`old` in the shape of `new`; None where there is no honest way to it."""
    if old.shape == new.shape:
        return old
    if name == f"{first_convolution(model)}.weight" and (len(old), *old.shape[2:]) == (len(new), *new.shape[2:]):
        if new.shape[1] == 1:
            return old.sum(dim=1, keepdim=True)
        if old.shape[1] == 1:
            return old.expand_as(new) / new.shape[1]
    if isinstance(model, VisionTransformerNet) and name == "encoder.pos_embedding":
        return resized_positions(old, model.grid)
    return None


def resized_positions(old: Tensor, grid: tuple[int, int]) -> Tensor | None:
    """Positions (1, 1 + s * s, D) of a square of patches, resampled to `grid`: (1, 1 + h * w, D). That of the class token stays."""
    side = round((old.shape[1] - 1) ** 0.5)
    if side * side != old.shape[1] - 1:
        return None
    square = old[:, 1:].transpose(1, 2).unflatten(2, (side, side))  # (1, D, s, s)
    resampled = F.interpolate(square, size=grid, mode="bicubic", align_corners=True)
    return torch.cat([old[:, :1], resampled.flatten(2).transpose(1, 2)], dim=1)


def of_channels(statistics: Statistics, in_channels: int) -> Statistics | None:
    """Mean and deviation for as many channels: grey has the mean of the colours, and colours have those of grey."""
    mean, std = statistics
    if len(mean) == in_channels:
        return statistics
    if in_channels == 1:
        return (sum(mean) / len(mean),), (sum(std) / len(std),)
    return (mean * in_channels, std * in_channels) if len(mean) == 1 else None
