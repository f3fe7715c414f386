"""Drawings of the tour about what a net believes: its probabilities, how far it forgives a shift, and its mistakes as pictures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from curate.lab.figure import BLUE, FAINT, GREY, ORANGE, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BATCH = 500
MOST_CLASSES = 12
"""Classes that a picture shows; of more, those that matter most."""


@styled
def probabilities_figure(probs: NDArray[np.float32], class_names: Sequence[str], label: int) -> "Figure":
    """How sure the net is of each class (K,), as bars; the given label in orange. Of many classes, the most probable ones."""
    shown = np.sort(np.argsort(-probs, kind="stable")[:MOST_CLASSES]).tolist()
    figure, axes = new_figure(1, 1, width=10.6, height=2.3)
    place = axes[0, 0]
    place.bar(range(len(shown)), 100 * probs[shown], color=[ORANGE if k == label else BLUE for k in shown], width=0.7)
    for i, p in enumerate(probs[shown].tolist()):
        place.text(i, 100 * p + 2, f"{100 * p:.1f} %" if p >= 0.0005 else "0 %", ha="center", fontsize=8, color=GREY)
    place.set_xticks(range(len(shown)), [class_names[k] for k in shown], parse_math=False)
    place.set_ylim(0, 112)
    place.set_yticks([0, 50, 100])
    place.set_ylabel("probability, %")
    place.set_xlabel("class; orange is the label in the dataset")
    return figure


@torch.no_grad()
def accuracy_by_shift(net: nn.Module, x: Tensor, labels: NDArray[np.int64], shifts: Sequence[int]) -> NDArray[np.float64]:
    """For each shift to the right, the share of the images `x` (N, C, H, W) that the net takes for their label."""
    truth = torch.from_numpy(labels)
    return np.array([float((_predictions(net, x.roll(shift, -1)) == truth).double().mean()) for shift in shifts])


def _predictions(net: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([net(part).argmax(1) for part in x.split(BATCH)])


@styled
def shift_accuracy_figure(accuracy: NDArray[np.float64], shifts: Sequence[int], *, guess: float) -> "Figure":
    """Accuracy by shift, with the line of guessing."""
    figure, axes = new_figure(1, 1, width=7.2, height=3.4)
    place = axes[0, 0]
    place.plot(shifts, 100 * accuracy, color=BLUE, marker="o", markersize=4)
    for shift, value in zip(shifts, accuracy.tolist(), strict=True):
        place.annotate(f"{100 * value:.0f}", (shift, 100 * value), (0, 7), textcoords="offset points", ha="center", fontsize=8, color=GREY)
    place.axhline(100 * guess, color=GREY, linewidth=1, linestyle="--")
    place.text(shifts[0], 100 * guess + 2, "by guessing", fontsize=8, color=GREY)
    place.set_ylim(0, 112)
    place.set_yticks([0, 25, 50, 75, 100])
    place.set_xticks(list(shifts))
    place.set_xlabel("shift of the image, pixels")
    place.set_ylabel("read correctly, %")
    place.grid(axis="y")
    return figure


@styled
def mistakes_figure(
    images: NDArray[np.uint8], labels: NDArray[np.int64], pred_probs: NDArray[np.float32], class_names: Sequence[str]
) -> "Figure":
    """The confusion matrix in pictures: in each cell the image that was confused most surely, and how often that happened.

    On the diagonal stands the image of which the nets were surest, without a count. Of many classes, those with the most mistakes.

    Args:
        images: (N, H, W).
        labels: (N,), -1 where unlabelled.
        pred_probs: (N, K), out-of-fold.
    """
    predicted = pred_probs.argmax(axis=1)
    shown = most_mistaken(labels, predicted, len(class_names))
    names = [class_names[k] for k in shown]
    num, (height, width) = len(shown), images.shape[1:]
    sheet = np.full((num * (height + 2) + 2, num * (width + 2) + 2), np.nan)
    figure, axes = new_figure(1, 1, width=10.6, height=10.4)
    place = axes[0, 0]
    for row, column in np.ndindex(num, num):
        given, believed = shown[row], shown[column]
        found = np.flatnonzero((labels == given) & (predicted == believed))
        top, left = 2 + row * (height + 2), 2 + column * (width + 2)
        if not len(found):
            continue
        surest = images[found[pred_probs[found, believed].argmax()]].astype(np.float64)
        sheet[top : top + height, left : left + width] = surest
        if given != believed:
            place.text(left + 0.6, top + 0.4, f"{len(found):,}", ha="left", va="top", fontsize=9, fontweight="bold", color=ORANGE)
    place.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    middles = 2 + np.arange(num) * (height + 2) + height / 2 - 0.5
    place.set_xticks(2 + np.arange(num) * (width + 2) + width / 2 - 0.5, names, fontsize=11, parse_math=False)
    place.set_yticks(middles, names, fontsize=11, parse_math=False)
    place.xaxis.tick_top()
    place.xaxis.set_label_position("top")
    place.set_xlabel("what the net believed", fontsize=11)
    place.set_ylabel("the label in the dataset", fontsize=11)
    place.tick_params(length=0)
    place.set_facecolor(FAINT)
    for k in range(num):
        _ring(place, 2 + k * (width + 2), 2 + k * (height + 2), width, height)
    for spine in place.spines.values():
        spine.set_visible(False)
    return figure


def most_mistaken(labels: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> list[int]:
    """Up to MOST_CLASSES classes, in their order: those that take part in the most mistakes."""
    wrong = (labels >= 0) & (labels != predicted)
    parts = np.bincount(labels[wrong], minlength=num_classes) + np.bincount(predicted[wrong], minlength=num_classes)
    return np.sort(np.argsort(-parts, kind="stable")[:MOST_CLASSES]).tolist()


def _ring(place, left: int, top: int, width: int, height: int) -> None:  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    place.add_patch(Rectangle((left - 1, top - 1), width + 1, height + 1, fill=False, edgecolor=BLUE, linewidth=2))
