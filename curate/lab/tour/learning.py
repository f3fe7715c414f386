"""How a net learns, measured in seconds: its loss step by step, and what it brings along to classes that it has never seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from curate.judge.models.registry import make_model
from curate.judge.training.optimizers import AdamW
from curate.lab.figure import BLUE, GREY, ORANGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH, RATE = 64, 0.003
MOST_IMAGES, STEPS, FEW_STEPS = 6000, 120, 50
PER_CLASS = (1, 2, 5, 10, 20)
MOST_JUDGED = 1000
SEED = 0


@dataclass(frozen=True)
class Lesson:
    """What was measured.

    Attributes:
        losses: of each step of the first training, on half of the classes.
        first, second: the classes of both halves.
        per_class: images of each class of the second half, for each later training.
        from_nothing, from_first: accuracy on other images of the second half, begun with random and with the first training's weights.
        num_judged: how many images the accuracies are of.
    """

    losses: NDArray[np.float64]
    first: tuple[str, ...]
    second: tuple[str, ...]
    per_class: tuple[int, ...]
    from_nothing: tuple[float, ...]
    from_first: tuple[float, ...]
    num_judged: int


def learn(net: nn.Module, x: Tensor, labels: Tensor, steps: int, generator: torch.Generator) -> list[float]:
    """Trains `net` for so many steps on batches drawn from `x` (N, C, H, W), at a constant rate; the loss of each step."""
    optimizer = AdamW([{"params": list(net.parameters()), "lr": RATE, "weight_decay": 0.01}])
    losses = []
    net.train()
    for _ in range(steps):
        drawn = torch.randint(len(x), (min(BATCH, len(x)),), generator=generator)
        loss = F.cross_entropy(net(x[drawn]), labels[drawn])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    net.eval()
    return losses


def take_lesson(model: str, images: NDArray[np.uint8], labels: NDArray[np.int64], class_names: Sequence[str]) -> Lesson | None:
    """Trains on the first half of the classes, then on few images of the second, with and without what was learnt.

    None where a class of the second half has too few images.

    Args:
        images: (N, C, H, W); labels: (N,), -1 where there is none.
    """
    half = len(class_names) // 2
    generator = torch.Generator().manual_seed(SEED)
    order = torch.randperm(len(labels), generator=generator).numpy()
    early = order[(labels[order] >= 0) & (labels[order] < half)][:MOST_IMAGES]
    later = [order[labels[order] == k] for k in range(half, len(class_names))]
    if half < 2 or not len(early) or min(len(found) for found in later) < 2 * max(PER_CLASS):
        return None
    judged = np.concatenate([found[max(PER_CLASS) :] for found in later])
    judged = judged[torch.randperm(len(judged), generator=generator).numpy()][:MOST_JUDGED]

    mean, std = images[early].mean() / 255, images[early].std() / 255

    def taken(positions: NDArray[np.int64]) -> Tensor:
        return (torch.from_numpy(images[positions]).float() / 255 - mean) / std

    def new_net(num_classes: int) -> nn.Module:
        shape = images.shape[1:]
        return make_model(model, num_classes=num_classes, in_channels=shape[0], image_size=(shape[1], shape[2]), seed=SEED)

    first = new_net(half)
    losses = learn(first, taken(early), torch.from_numpy(labels[early]), STEPS, generator)
    x, truth = taken(judged), torch.from_numpy(labels[judged] - half)

    def accuracy(num: int, *, keeps: bool) -> float:
        net = new_net(len(later))
        if keeps:
            same = {key: value for key, value in first.state_dict().items() if net.state_dict()[key].shape == value.shape}
            net.load_state_dict(same, strict=False)
        chosen = np.concatenate([found[:num] for found in later])
        learn(net, taken(chosen), torch.from_numpy(labels[chosen] - half), FEW_STEPS, torch.Generator().manual_seed(SEED))
        with torch.inference_mode():
            return float((net(x).argmax(1) == truth).double().mean())

    names = tuple(class_names)
    return Lesson(
        np.array(losses),
        names[:half],
        names[half:],
        PER_CLASS,
        tuple(accuracy(num, keeps=False) for num in PER_CLASS),
        tuple(accuracy(num, keeps=True) for num in PER_CLASS),
        len(judged),
    )


@styled
def loss_figure(probability: float, label: str, losses: NDArray[np.float64], *, num_classes: int) -> "Figure":
    """The loss of one image as a function of its label's probability, and the mean loss of each step of a training."""
    figure, axes = new_figure(1, 2, width=10.6, height=3.3)
    curve, steps = axes[0]
    p = np.linspace(0.005, 1, 200)
    curve.plot(100 * p, -np.log(p), color=BLUE)
    at = max(probability, 0.005)
    curve.plot([100 * at], [-np.log(at)], color=ORANGE, marker="o", markersize=8)
    curve.annotate(
        f"this image: {100 * probability:.1f} %,\nloss {-np.log(max(probability, 1e-12)):.2f}",
        (100 * at, -np.log(at)),
        (14, 12) if at < 0.6 else (-110, 24),
        textcoords="offset points",
        fontsize=9,
        arrowprops={"arrowstyle": "-", "color": GREY},
    )
    curve.set(xlabel=f"probability of its label, {label}, in %", ylabel="loss = − ln p", ylim=(0, 5.6))
    steps.plot(np.arange(1, len(losses) + 1), losses, color=BLUE, linewidth=1.2)
    guess = float(np.log(num_classes))
    steps.axhline(guess, color=GREY, linestyle="--", linewidth=1)
    steps.text(len(losses), guess, f"guessing: ln {num_classes} = {guess:.2f}", ha="right", va="bottom", fontsize=8, color=GREY)
    steps.set(xlabel="step of training", ylabel="mean loss of the batch", ylim=(0, max(1.15 * guess, float(losses.max()) * 1.05)))
    return figure


@styled
def transfer_figure(lesson: Lesson) -> "Figure":
    """Accuracy on classes that the first training never saw, by images of each: begun from nothing, and from its weights."""
    figure, axes = new_figure(1, 1, width=7.4, height=3.4)
    place = axes[0, 0]
    places = range(len(lesson.per_class))
    for values, colour, name, off in (
        (lesson.from_first, ORANGE, "from the first net's weights", 7),
        (lesson.from_nothing, BLUE, "from nothing", -14),
    ):
        place.plot(places, [100 * value for value in values], color=colour, marker="o", markersize=5, label=name)
        for i, value in enumerate(values):
            place.annotate(
                f"{100 * value:.0f}", (i, 100 * value), (0, off), textcoords="offset points", ha="center", fontsize=8, color=GREY
            )
    place.set_xticks(places, [str(num) for num in lesson.per_class])
    place.set(xlabel="images of each new class", ylabel="read correctly, %", ylim=(0, 108))
    place.legend(loc="lower right")
    place.grid(axis="y")
    return figure
