"""The middle of the tour: the net's arithmetic, what its units see, and what becomes of a shift."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from curate.judge.models.registry import make_model
from curate.lab.arithmetic import arithmetic
from curate.lab.arithmetic_figure import amount, arithmetic_figure
from curate.lab.counted import Arithmetic, Layer, field_text
from curate.lab.effective_field import effective_field_figure, effective_fields, layers_by_stride
from curate.lab.equivariance import equivariance, equivariance_figure
from curate.lab.explain_net import counting_net
from curate.lab.formulas import shape_text
from curate.lab.invariance import invariance_figure, pooling_invariance
from curate.lab.kernels import make_kernel
from curate.lab.layers import conv_layers
from curate.lab.tour.mistakes import accuracy_by_shift, shift_accuracy_figure
from curate.lab.tour.products import shift_figure
from curate.lab.tour.section import Section, picture
from curate.lab.tour.subject import MODEL, Subject
from curate.lab.tracing import trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALEXNET_INPUT = (3, 227, 227)
DEEP, DEEP_INPUT, NUM_NOISE = "resnet18", (3, 96, 96), 8
NUM_FIELD_IMAGES = 200
SHIFTS = tuple(range(9))


def counting(subject: Subject) -> Section:
    height, width = subject.image.shape
    made = arithmetic(subject.judge.net, (1, height, width))
    alexnet = arithmetic(counting_net("alexnet", ALEXNET_INPUT, num_classes=1000), ALEXNET_INPUT, skips=True)
    return Section(
        "arithmetic",
        "Where the numbers sit",
        "Arithmetic",
        f"LeNet-5 learns {made.parameters:,} numbers and multiplies {made.multiply_adds:,} times for one image. A convolution has "
        "few numbers and uses each at every place; a fully connected layer has many and uses each once. So "
        f"{_share(made, 'parameters', 'fully connected')} of the numbers sit in the fully connected layers, and "
        f"{_share(made, 'multiply_adds', 'convolutions')} of the work in the convolutions.",
        (
            picture(arithmetic_figure(made, title="LeNet-5"), "LeNet-5 from its input, above, to its output."),
            picture(
                arithmetic_figure(alexnet, title="AlexNet"),
                f"AlexNet, which began the rush in 2012: of its {amount(alexnet.parameters)} parameters "
                f"{_share(alexnet, 'parameters', 'fully connected')} sit in the three fully connected layers, yet "
                f"{_share(alexnet, 'multiply_adds', 'convolutions')} of the work is in the convolutions. Later nets left those layers out.",
            ),
        ),
        "curate explain arithmetic alexnet --input 3x227x227",
        layers=[_row(layer) for layer in made.layers if layer.parameters or layer.size_formula],
    )


def _share(made: Arithmetic, what: str, part: str) -> str:
    parts = made.parts(what)
    return f"{100 * parts[part] / sum(parts.values()):.0f} %"


def _row(layer: Layer) -> dict[str, str]:
    return {
        "name": layer.name,
        "shape": shape_text(layer.output_shape),
        "size": layer.size_formula,
        "parameters": layer.parameter_formula,
        "multiply_adds": layer.multiply_add_formula,
        "sees": field_text(layer.receptive_field),
    }


def fields(subject: Subject) -> Section:
    net = subject.judge.net
    spread = subject.held_out[:: max(1, len(subject.held_out) // NUM_FIELD_IMAGES)]
    images = subject.judge.normalised(subject.image_set.images[spread])
    deep = make_model(DEEP, num_classes=10, in_channels=3, image_size=DEEP_INPUT[1:], seed=0)
    noise = torch.randn(NUM_NOISE, *DEEP_INPUT, generator=torch.Generator().manual_seed(0))
    return Section(
        "fields",
        "What one unit can see",
        "Receptive fields",
        "A unit of the first layer looks at a few pixels, one of the second at a patch of what the first layer saw, and so on: the "
        "deeper, the more of the image. That is the theory. In truth the middle of that square counts more than its rim.",
        (
            picture(
                _fields_figure(net, list(conv_layers(net)), images, title="LeNet-5, trained"),
                f"How much each pixel moves the unit in the middle of a layer, over {len(images)} images that the net never saw. The "
                "orange square is what it could see.",
            ),
            picture(
                _fields_figure(deep, [], noise, title="ResNet-18, before any training"),
                "The same in a deep net, for a unit near the middle: in theory its last units see far beyond the image; in fact what is "
                "near counts most, and the rest fades away.",
            ),
        ),
        f"curate explain receptive-field {DEEP} --input {'x'.join(map(str, DEEP_INPUT))}",
    )


def _fields_figure(net: nn.Module, layers: list[str], images: Tensor, *, title: str) -> "Figure":
    """Effective fields of the layers, by default the last of each size."""
    records, _ = trace(net, images[:1])
    return effective_field_figure(effective_fields(net, layers or layers_by_stride(net, records), images), records, title=title)


def shifts(subject: Subject) -> Section:
    net, layer = subject.judge.net, next(iter(conv_layers(subject.judge.net)))
    moved, error = shift_figure(net, subject.image, subject.x, layer, 4)
    steps = [shift for shift in SHIFTS if shift < subject.image.shape[1]]
    changes = pooling_invariance(subject.image, make_kernel("sobel-vertical"), shifts=steps)
    labels = subject.image_set.labels[subject.held_out]
    accuracy = accuracy_by_shift(net, subject.judge.normalised(subject.image_set.images[subject.held_out]), labels, steps)
    return Section(
        "shifts",
        "Shift the image, and the maps shift along",
        "Shifts",
        "A kernel does the same at every place. So where the image moves, the maps move with it and are otherwise the same: that is "
        "called equivariance. Pooling then forgets, step by step, where things are: invariance.",
        (
            picture(
                moved,
                "What leaves at the right comes in again at the left. Lay the second map on the first, shifted by as much: away from the "
                "border "
                f"they differ by {f'{100 * error:.5f}' if error >= 1e-7 else 'less than 0.00001'} %. Moving is "
                "all that happened.",
            ),
            picture(
                equivariance_figure(equivariance(net, subject.x[0], steps), steps, title="Every layer, every shift"),
                "0 where a layer followed exactly. Layers after a pooling of 2 × 2 follow shifts by 2 pixels exactly, those after two of "
                "them shifts by 4; in between they can only come near. The fully connected layers at the end have no places to follow "
                "with.",
            ),
            picture(
                invariance_figure(changes, steps, title="Pooling forgets where", kernel="sobel-vertical"),
                "How much a description of the image by its upright edges changes with the shift: without pooling at once; the larger "
                "the windows, the later; with one window over all not at all.",
            ),
            picture(
                shift_accuracy_figure(accuracy, steps, guess=1 / subject.image_set.num_classes),
                f"The trained net as a whole, on {len(labels):,} images that it never saw: {100 * accuracy[0]:.1f} % read correctly where "
                f"they are, {100 * accuracy[2]:.1f} % two pixels further, {100 * accuracy[-1]:.1f} % {steps[-1]} pixels further. It "
                "forgives what its pooling and its training taught it to forgive, and no more.",
            ),
        ),
        f"curate explain equivariance {subject.source} --model {MODEL}",
    )


SECTIONS = (counting, fields, shifts)
