"""A photograph through a published net, as one verb: what it is taken for, the filters, the maps of every layer, and why."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.errors import DataError, FetchError, UnknownNameError, UsageError
from curate.files import TO, storage_errors
from curate.judge.backbones import EMBEDDED, why_not
from curate.judge.models.base import ConvNet
from curate.judge.models.light_torchvision import import_torchvision_models
from curate.judge.models.pretrained import IMAGENET, imagenet_weights, modern_name
from curate.judge.models.registry import MODELS
from curate.judge.models.weight_files import read_tensors
from curate.judge.models.zoo import ZOO
from curate.judge.models.zoo_net import VisionTransformerNet
from curate.lab.explain_image import load_image
from curate.lab.explain_net import counting_net, new_net
from curate.lab.figure import save
from curate.lab.layers import conv_layers, kind_of_layer
from curate.lab.photo_figures import evidence_figure, maps_of_all_layers_figure, prediction_figure, projection_figure
from curate.lab.saliency import saliency
from curate.lab.seeing_figures import filters_figure
from curate.lab.tracing import maps_of_layers
from curate.lab.walk_back import project
from curate.progress import Progress, silent

NONE = "none"
"""In place of weights: the net as it begins, with random ones."""
NUM_PROJECTED, NUM_CHANNELS = 3, 6


def photo(
    image: str,
    *,
    model: str = "vgg16",
    pretrained: str = IMAGENET,
    to: Path = Path("photo"),
    root: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Shows a photograph to a net of the zoo and draws five pictures into the folder `to`.

    The shorter side is made 8/7 of what the net takes, and the middle square of it is cut out, as nets of ImageNet are tested.

    Args:
        image: a file, the id of a sample, or `flower` or `china`.
        model: of the zoo.
        pretrained: `imagenet`, a file with the published weights (.safetensors, .pth), or `none` for random ones.

    Raises:
        UnknownNameError, UsageError: there is no such model, or it is none of the zoo; `to` is a file.
        DataError: the image cannot be read, or the weights are not of this net.
        FetchError: the weights are not there and cannot be downloaded; says where to put them.
    """
    if model not in MODELS:
        raise UnknownNameError.of("model", model, ZOO)
    if model not in ZOO:
        raise UsageError(f"'{model}' has no classes of its own to name; take a net of ImageNet: {', '.join(ZOO)}")
    if to.is_file():
        raise UsageError(f"{to} is a file; --to names a folder for the pictures")
    pixels = load_image(image, root=root, progress=progress)
    pixels = np.repeat(pixels, 3, axis=0) if len(pixels) == 1 else pixels
    shape = ZOO[model].own_input
    make = new_net if pretrained == NONE else counting_net  # random numbers only where they stay
    net = make(model, shape, num_classes=1000)
    load_all(net, model, pretrained, progress=progress)
    names = class_names()
    seen = middle_square(pixels, shape[1])
    mean, std = (torch.tensor(values)[:, None, None] for values in ZOO[model].input_statistics)
    x = (torch.from_numpy(seen).float() / 255 - mean) / std

    progress("photo", 0, 5, "prediction")
    with torch.inference_mode():
        probs = net(x[None]).softmax(1)[0].numpy()
    best = np.argsort(-probs, kind="stable")[:5].tolist()
    answers = [(names[k], float(probs[k])) for k in best]
    is_random = pretrained == NONE
    with storage_errors(to, remedy=TO):
        to.mkdir(parents=True, exist_ok=True)
    pictures = {"prediction": save(prediction_figure(seen, answers, model=model, is_random=is_random), to / "prediction.png")}
    progress("photo", 1, 5, "filters")
    pictures["filters"] = save(filters_figure(net, next(iter(conv_layers(net))), is_random=is_random), to / "filters.png")
    progress("photo", 2, 5, "maps")
    layers = maps_of_layers(net, x)
    kinds = {name: kind_of_layer(net, name) for name in layers}
    figure = maps_of_all_layers_figure(seen, layers, name=Path(image).name, model=model, kinds=kinds)
    pictures["maps"] = save(figure, to / "maps.png")
    progress("photo", 3, 5, "evidence")
    heats = {method: saliency(net, x, best[0], method) for method in ("gradcam", "guided", "deconvolution")}
    figure = evidence_figure(seen, heats, class_name=answers[0][0], probability=answers[0][1], is_random=is_random)
    pictures["evidence"] = save(figure, to / "evidence.png")
    progress("photo", 4, 5, "projections")
    chosen = [name for name in layers if name in dict(net.named_modules())]
    chosen = [chosen[i] for i in sorted({round(k) for k in np.linspace(len(chosen) // 4, len(chosen) - 1, NUM_PROJECTED)})]
    rows = {layer: projections(net, x, layer, layers[layer]) for layer in chosen}
    pictures["projections"] = save(projection_figure(seen, rows), to / "projections.png")
    progress("photo", 5, 5)
    return {
        "image": image,
        "model": model,
        "weights": "random: what the net answers means nothing" if is_random else pretrained,
        "prediction": answers[0][0],
        "answers": {name: p for name, p in answers},
        "layers": [{"layer": name, "maps": "×".join(map(str, maps.shape))} for name, maps in layers.items()],
        "pictures": pictures,
    }


def class_names() -> list[str]:
    """The 1,000 classes of ImageNet, in order."""
    return list(import_torchvision_models().ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def load_all(net: ConvNet, model: str, source: str, *, progress: Progress = silent) -> None:
    """Gives the net every weight of the published one, those of the classes too.

    Raises:
        DataError: the file cannot be read, is of another net, or this net is not the published one to the last layer.
        FetchError: as `imagenet_weights`.
    """
    if source == NONE:
        return
    if isinstance(net, VisionTransformerNet):
        raise DataError(f"the head of '{model}' sits on the mean of the patches here, so that published weights do not fit it; take a CNN")
    try:
        tensors = imagenet_weights(model, progress=progress) if source == IMAGENET else _read(Path(source))
    except FetchError as error:
        ready = next((name for name in EMBEDDED if name in ZOO and why_not(name) is None), None)
        offline = f"; or take --model {ready}, whose weights are installed" if ready is not None else ""
        raise FetchError(f"{error}{offline}; or see the untrained net with --pretrained none") from error
    own = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    fitting = {key: tensors[key] for key, value in own.items() if key in tensors and tensors[key].shape == value.shape}
    if len(fitting) < len(own):  # other names for the same tensors, in the same order
        given = [tensor for key, tensor in tensors.items() if not key.endswith("num_batches_tracked")]
        if [tuple(tensor.shape) for tensor in given] != [tuple(tensor.shape) for tensor in own.values()]:
            missing = next(key for key in own if key not in fitting)
            raise DataError(f"{source} does not fit '{model}': it has no '{missing}' of shape {tuple(own[missing].shape)}")
        fitting = dict(zip(own, given, strict=True))
    net.load_state_dict(fitting, strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a pickle of which tensors only are read."""
    if path.suffix == ".safetensors":
        return {modern_name(key): tensor for key, tensor in read_tensors(path)[1].items()}
    if not path.is_file():
        raise DataError(f"no weights at {path}")
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"{path} cannot be read as weights; give a .safetensors or .pth file with tensors only") from error
    if not isinstance(tensors, dict) or not all(isinstance(tensor, Tensor) for tensor in tensors.values()):
        raise DataError(f"{path} holds other things than tensors by name; save the net's state_dict()")
    return {modern_name(key): tensor for key, tensor in tensors.items()}


def middle_square(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """The middle (3, side, side) of an image whose shorter side was made 8/7 of that."""
    from PIL import Image

    image = Image.fromarray(np.moveaxis(pixels, 0, 2))
    scale = side * 8 / 7 / min(image.size)
    size = [max(side, round(edge * scale)) for edge in image.size]
    image = image.resize((size[0], size[1]), Image.Resampling.BILINEAR)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    return np.moveaxis(np.array(image.crop((left, top, left + side, top + side))), 2, 0)


def projections(net: nn.Module, x: Tensor, layer: str, maps: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
    """The channels of a layer that answer most, and their strongest activations back in pixels: guided, and by deconvolution."""
    channels = maps.flatten(1).amax(1).topk(min(NUM_CHANNELS, len(maps))).indices.tolist()
    ways = (project(net, x, layer, channels, way) for way in ("guided", "deconvolution"))
    return dict(zip(channels, zip(*ways, strict=True), strict=True))
