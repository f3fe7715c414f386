"""Why does the net believe a label? How much each pixel of an image speaks for it, as numbers and as heat.

All methods explain the same quantity, the log odds of the class: log p / (1 - p). It weighs the class against all others,
so that what an image shares with every class (being centred, say) counts for none of them.
"""

import io
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from curate.errors import DataError, DependencyError, UsageError
from curate.judge.models.base import ConvNet
from curate.lab.layers import evaluating
from curate.lab.walk_back import project_value

FOR, AGAINST = (178, 24, 43), (33, 102, 172)
"""Red speaks for, blue against: the two dark tones of matplotlib's `RdBu_r`, told apart with every kind of colour vision."""
LIGHTEST, DARKEST = 255, 110  # grey range that the image is printed in, so that heat shows on all of it


def overlay(image: NDArray[np.uint8], heat: NDArray[np.float32], *, side: int = 224) -> NDArray[np.uint8]:
    """The image in pale grey under its heat: (h, w, 3) uint8, enlarged to `side` pixels on the longer side, or as it is if larger.

    Pixels of the image stay squares; heat, which changes slowly, is interpolated. A grey image on a dark ground, such as a
    digit of MNIST, is printed as dark ink on white.

    Args:
        image: (C, H, W).
        heat: (H, W) in [-1, 1]; above 0 is red, below 0 blue, 0 leaves the grey as it is.
    """
    from PIL import Image

    height, width = heat.shape
    scale = max(1.0, side / max(height, width))
    size = (round(width * scale), round(height * scale))
    grey = image.mean(axis=0)
    if len(image) == 1 and _ground(grey) < 96:
        grey = 255 - grey
    paper = DARKEST + grey / 255 * (LIGHTEST - DARKEST)
    paper = np.asarray(Image.fromarray(paper.astype(np.float32)).resize(size, Image.Resampling.NEAREST))
    smooth = np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BICUBIC)).clip(-1, 1)
    ink = np.where(smooth[..., None] > 0, FOR, AGAINST)
    strength = np.abs(smooth)[..., None]
    colour = (255 - strength * (255 - ink)) * paper[..., None] / 255
    return np.round(colour).clip(0, 255).astype(np.uint8)


def overlay_png(image: NDArray[np.uint8], heat: NDArray[np.float32], *, side: int = 224) -> bytes:
    """`overlay` as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(overlay(image, heat, side=side)).save(buffer, "PNG")
    return buffer.getvalue()


def _ground(grey: NDArray) -> float:
    """The median along the border of the image (H, W)."""
    return float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))


METHODS = ("occlusion", "gradients", "gradcam", "guided", "deconvolution")
SMALLEST_CAM = 7  # maps with shorter sides than this are too coarse for Grad-CAM
WINDOWS = 10  # steps in which the occluding window crosses the longer side, about
IMAGES_AT_ONCE = 256


def saliency(net: ConvNet, x: Tensor, class_index: int, method: str = "auto", *, references: Tensor | None = None) -> Tensor:
    """How much each pixel speaks for the class (above 0) or against it (below 0): (H, W) float32 on the CPU, in [-1, 1].

    The largest absolute value is 1, or all are 0 where nothing matters.

    Methods:
        occlusion: a window of a quarter of the side slides over the image and what it hides is replaced by the same place of the
            references; a pixel has the mean fall of the log odds over the windows that hide it. Smooth, and it also
            shows what is *missing* in an image (the gap that makes a 9 a 4). Source: Zeiler & Fergus 2014, arXiv:1311.2901;
            hidden parts filled from other images as in Zintgraf et al. 2017, arXiv:1702.04595.
        gradients: integrated gradients, from each of the references to the image, and their mean. Sharp to the pixel, and noisy.
            Source: Sundararajan et al. 2017, arXiv:1703.01365; Erion et al. 2021, arXiv:1906.10670.
        gradcam: the last maps, weighted by the mean gradient of each, and of the sum what is above 0: never against. Needs
            one pass back, but shows no more than the maps resolve. Source: Selvaraju et al. 2017, arXiv:1610.02391.
        guided, deconvolution: the walk back to the pixels through ReLU, in two ways: fine lines and edges that the answer used. They
            follow the image more than the class. See `curate.lab.walk_back`.
        auto: `gradcam` where the last maps are at least 7 x 7, else `occlusion`.

    Args:
        net: in evaluation mode for the time being.
        x: (C, H, W) float, normalised as the net was trained, on the device of the net.
        class_index: 0..K-1.
        references: (R, C, H, W), a few other images, normalised likewise: what an image looks like where nothing is known of it.
            By default one image of the mean colour, which does for photographs; where a flat ground means something, as
            between the strokes of a digit, take several images.

    Raises:
        UsageError: there is no such method or class.
        DataError: the image is none that the net takes.
        DependencyError: captum, which occlusion and gradients need, is not installed.
    """
    if method not in ("auto", *METHODS):
        raise UsageError(f"saliency is made by auto, {', '.join(METHODS)}; found '{method}'")
    if not 0 <= class_index < net.num_classes:
        raise UsageError(f"the net has classes 0 to {net.num_classes - 1}, found {class_index}")
    if x.shape != (net.in_channels, *net.image_size):
        raise DataError(f"the net takes images (C, H, W) = {(net.in_channels, *net.image_size)}, found {tuple(x.shape)}")
    needed_gradients = [parameter for parameter in net.parameters() if parameter.requires_grad]
    odds = _LogOdds(net)
    for parameter in needed_gradients:
        parameter.requires_grad_(False)  # only those of the image are wanted
    try:
        with evaluating(net), torch.enable_grad():
            if method == "auto":
                method = chosen_method(net, x)
            if references is None:
                references = torch.zeros_like(x)[None]
            if method == "gradcam":
                values = _gradcam(net, x, class_index)
            elif method == "occlusion":
                values = _occlusion(_captum(), odds, x, class_index, references)
            elif method == "gradients":
                values = _gradients(_captum(), odds, x, class_index, references)
            else:
                values = project_value(lambda image: odds(image)[0, class_index], x, method).sum(dim=0)
    finally:
        for parameter in needed_gradients:
            parameter.requires_grad_(True)
    values = values.detach().float().cpu()
    largest = values.abs().max()
    return values / largest if largest > 0 else values


@torch.no_grad()
def chosen_method(net: ConvNet, x: Tensor) -> str:
    """What `auto` means for the image `x` (C, H, W): Grad-CAM where the last maps are fine enough, else occlusion."""
    return "gradcam" if min(net.forward_maps(x[None]).shape[2:]) >= SMALLEST_CAM else "occlusion"


def _log_odds(net: ConvNet, maps: Tensor) -> Tensor:
    """log p / (1 - p) of every class, (B, K), from the last feature maps."""
    logits = net.forward_head(maps).float()
    others = logits[:, None, :].expand(-1, logits.shape[1], -1)  # (B, K, K)
    itself = torch.eye(logits.shape[1], dtype=torch.bool, device=logits.device)
    return logits - others.masked_fill(itself, -torch.inf).logsumexp(dim=2)


class _LogOdds(nn.Module):
    """`_log_odds` of images."""

    def __init__(self, net: ConvNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return _log_odds(self.net, self.net.forward_maps(x))


def _occlusion(captum: ModuleType, odds: _LogOdds, x: Tensor, class_index: int, references: Tensor) -> Tensor:
    channels, height, width = x.shape
    window = (channels, max(1, round(height / 4)), max(1, round(width / 4)))
    stride = max(1, round(max(height, width) / WINDOWS))
    values = captum.Occlusion(odds).attribute(
        x.expand_as(references),
        sliding_window_shapes=window,
        strides=(channels, min(stride, window[1]), min(stride, window[2])),
        baselines=references,
        target=class_index,
        perturbations_per_eval=max(1, IMAGES_AT_ONCE // len(references)),
    )  # (R, C, H, W), the same for each channel
    mean, side = values.mean(dim=(0, 1)), stride | 1
    for _ in range(2):  # smooths out the steps of the window
        mean = F.avg_pool2d(mean[None], side, stride=1, padding=side // 2, count_include_pad=False)[0]
    return mean


def _gradients(captum: ModuleType, odds: _LogOdds, x: Tensor, class_index: int, references: Tensor) -> Tensor:
    images = x.expand_as(references).contiguous()
    values = captum.IntegratedGradients(odds).attribute(
        images, baselines=references, target=class_index, n_steps=16, internal_batch_size=max(IMAGES_AT_ONCE, len(references))
    )
    return values.sum(dim=1).mean(dim=0)


def _gradcam(net: ConvNet, x: Tensor, class_index: int) -> Tensor:
    maps = net.forward_maps(x[None]).detach().requires_grad_(True)  # (1, M, h, w)
    (slopes,) = torch.autograd.grad(_log_odds(net, maps)[0, class_index], maps)
    heat = (slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1, keepdim=True).relu()  # (1, 1, h, w)
    return F.interpolate(heat.detach(), x.shape[1:], mode="bilinear", align_corners=False)[0, 0]


def _captum() -> ModuleType:
    try:
        import captum.attr
    except ImportError as error:
        raise DependencyError("occlusion and gradients need captum; install it with: pip install 'curate[explain]'") from error
    return captum.attr
