"""Stations of the tour on photographs and on learning: colour channels, 1x1 convolutions, the loss, transfer learning."""

import numpy as np
import torch

from curate.lab.explain_image import photograph
from curate.lab.tour.learning import loss_figure, transfer_figure
from curate.lab.tour.photograph_drawings import (
    channels_figure,
    layouts_figure,
    one_by_one_figure,
    photograph_kernels_figure,
    small_photograph,
)
from curate.lab.tour.section import Section, picture
from curate.lab.tour.subject import Subject

PHOTOGRAPH = "flower"


def channels(_: Subject) -> Section:
    photo = small_photograph(photograph(PHOTOGRAPH))
    return Section(
        "channels",
        "A photograph is three tables",
        "Channels",
        "A colour image has a table of numbers for each of red, green and blue: three channels. A kernel for it has three layers, too, "
        "one for each channel; the three answers are added up. Programs store the numbers in one of two orders. Mix them up, and you get "
        "noise.",
        (
            picture(channels_figure(photo), "A dahlia and its channels. Orange petals have much red, half as much green, and little blue."),
            picture(
                layouts_figure(photo),
                "The twelve numbers of 2 × 2 pixels as they lie in memory. Channel-first: all reds, then all greens, then all blues. "
                "Channel-last: red, green, blue of one pixel, then of the next.",
            ),
            picture(
                photograph_kernels_figure(photo),
                "The kernels that you know from the digit, on the photograph: the same nine numbers do the same here.",
            ),
        ),
        f"curate explain conv {PHOTOGRAPH} --kernel sobel-vertical",
    )


def one_by_one(_: Subject) -> Section:
    photo = small_photograph(photograph(PHOTOGRAPH))
    return Section(
        "one-by-one",
        "A kernel of 1 × 1 mixes channels",
        "1 × 1",
        "A kernel of one pixel sees no neighbours. What it does is to mix the channels of each pixel into a new one: red minus blue, say. "
        "Nets use it to make many maps few: 512 maps of 32 × 32 become 64 by 512 · 64 + 64 = 32,832 numbers.",
        (
            picture(
                one_by_one_figure(photo),
                "Four such filters, three numbers each. Red is above 0, blue below, white is 0. In a net these numbers are learned.",
            ),
        ),
        "curate explain arithmetic conv --in 512x32x32 --filters 64 --kernel 1",
    )


def loss(subject: Subject) -> Section | None:
    lesson = subject.lesson
    label = int(subject.image_set.labels[subject.position])
    if lesson is None or label < 0:
        return None
    with torch.inference_mode():
        probs = subject.judge.net(subject.x).softmax(1)[0].numpy()
    last = float(np.mean(lesson.losses[-10:]))
    name = subject.image_set.class_names[label]
    return Section(
        "loss",
        "Learning is making one number smaller",
        "Loss",
        "Softmax turns the last numbers of the net into probabilities that add up to 1. The loss of an image is − ln of the probability of "
        "its label: 0 where the net is sure and right, large where it is sure and wrong. Each step of training changes all weights a "
        "little so that the mean loss of some images falls. A wrong label has a large loss, too: that is how it becomes suspect.",
        (
            picture(
                loss_figure(float(probs[label]), name, lesson.losses, num_classes=len(lesson.first)),
                f"Left: {subject.sample_id}, whose label is {name}. Right: a new LeNet-5 on {len(lesson.first)} classes; its loss falls "
                f"from "
                f"{lesson.losses[0]:.2f}, which is guessing, to {last:.2f} in {len(lesson.losses)} steps of 64 images.",
            ),
        ),
        "curate audit mnist --model lenet5 --recipe course",
    )


def transfer(subject: Subject) -> Section | None:
    lesson = subject.lesson
    if lesson is None:
        return None
    few, one = lesson.per_class[0], "image" if lesson.per_class[0] == 1 else "images"
    return Section(
        "transfer",
        "What was learned once can be used again",
        "Transfer",
        f"The net above learned {', '.join(lesson.first)}. Now it shall tell {', '.join(lesson.second)} apart, of which it never saw one. "
        "Its edges and strokes are of use there, too: only the last layer begins anew. That is transfer learning. It helps while images "
        "are few; with many of them both ways end alike.",
        (
            picture(
                transfer_figure(lesson),
                f"With {few} {one} of each new class, {100 * lesson.from_nothing[0]:.0f} % are read correctly from nothing and "
                f"{100 * lesson.from_first[0]:.0f} % with the old weights. {lesson.num_judged:,} other images were judged; "
                "one training each.",
            ),
        ),
        "curate audit my-photos/ --model resnet18 --pretrained imagenet",
    )


BEFORE, AFTER = (channels, one_by_one), (loss, transfer)
"""Stations that come after those on one image, and after those on the arithmetic."""
