"""The second half of the tour: what the net learned, what it sees in an image, and where it disagrees with the labels."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from curate.lab.excitation import most_exciting
from curate.lab.layers import conv_layers
from curate.lab.run_saliency import explain_sample
from curate.lab.seeing_figures import depth_figure, excitation_figure, filters_figure, saliency_figure
from curate.lab.tour.mistakes import mistakes_figure, probabilities_figure
from curate.lab.tour.section import Picture, Section, picture
from curate.lab.tour.subject import Subject
from curate.lab.tracing import trace
from curate.lab.visible import visible
from curate.publish.report.suspects import make_gallery

BATCH = 500
NUM_CHANNELS, NUM_EXPLAINED, NUM_SUSPECTS = 8, 2, 14


def filters(subject: Subject) -> Section:
    net = subject.judge.net
    first, second = list(conv_layers(net))[:2]
    return Section(
        "filters",
        "The kernels that the net learned",
        "Filters",
        "Nobody gave these numbers to the net. It began with noise and changed them a little with every image, so that its answers came "
        "nearer to the labels; edges and strokes are what it found useful.",
        (
            picture(
                filters_figure(net, first),
                "The first layer. Red wants bright pixels, blue dark ones: a filter that is red on one side and blue on the other looks "
                "for an edge in that direction.",
            ),
            picture(
                filters_figure(net, second),
                "The second layer looks at the maps of the first: each filter has one kernel for each of them. Few people can read these; "
                "the next two sections show what they do instead.",
            ),
        ),
        f"curate explain filters {subject.run} --layer {second}",
    )


def maps(subject: Subject) -> Section:
    net = subject.judge.net
    records, _ = trace(net, subject.x, keep_outputs=True)
    maps = [(record.name, record.output[0]) for record in records if record.output is not None and record.output.ndim == 4]
    layers = {_stage(name, [earlier for earlier, _ in maps[:i]]): output for i, (name, output) in enumerate(maps)}
    with torch.inference_mode():
        probs = net(subject.x).softmax(1)[0].numpy()
    label, names = int(subject.image_set.labels[subject.position]), subject.image_set.class_names
    return Section(
        "maps",
        "One image on its way through the net",
        "Feature maps",
        "Each row is a stage: convolution, then everything below 0 cut off (ReLU), then pooling, and the same once more. What was a "
        f"picture becomes a set of small answers: here a stroke, there an end of one. At the end {len(names)} numbers are left, "
        "one for each class.",
        (
            picture(
                depth_figure(subject.image[None], layers, name=subject.sample_id),
                "Early maps still look like the digit; late ones hold answers. A map keeps its number from convolution to pooling, so "
                "that each column can be followed down. Red is above 0, blue below; after ReLU nothing is blue.",
            ),
            picture(
                probabilities_figure(probs, names, label),
                f"The end of the way: the net takes it for {names[int(probs.argmax())]}; its label in the dataset is "
                f"{names[label] if label >= 0 else 'missing'}. It never saw this image in training.",
            ),
        ),
        f"curate explain maps {subject.run} {subject.sample_id}",
    )


def _stage(name: str, earlier: Sequence[str]) -> str:
    """`conv1`, `ReLU 1`, `pooling 1` and so on for the names of a trace."""
    word = {"relu": "ReLU", "max_pool2d": "pooling"}.get(name)
    return name if word is None else f"{word} {1 + earlier.count(name)}"


def excitement(subject: Subject) -> Section:
    net, layer = subject.judge.net, list(conv_layers(subject.judge.net))[1]
    images = subject.image_set.images[subject.held_out]

    def batches() -> Iterator[Tensor]:
        for start in range(0, len(images), BATCH):
            yield subject.judge.normalised(images[start : start + BATCH])

    found = most_exciting(net, batches(), layer)
    seen = visible(net, subject.x, layer)
    channels = list(range(min(NUM_CHANNELS, len(found.values))))
    return Section(
        "excitement",
        "What a channel is looking for",
        "Excitement",
        "To learn what a channel means, do not read its weights: ask which images it answers to most. Patches in one row look alike in "
        "something, and that is what this channel has come to look for.",
        (
            picture(
                excitation_figure(images, found, seen, channels),
                f"The nine strongest answers of each channel among {len(images):,} images, cut to what a unit of that layer can see.",
            ),
        ),
        f"curate explain excite {subject.run} --layer {layer} --channel 3",
    )


def why(subject: Subject) -> Section | None:
    """None where nothing is suspect, or captum, which finds the evidence, is not installed."""
    worst = subject.evidence.suspects["sample_id"].head(NUM_EXPLAINED).tolist()
    if not worst:
        return None
    return Section(
        "why",
        "Why does the net believe another label?",
        "Why",
        "Hide a part of the image: if the net becomes less sure of a label, that part spoke for it. Done all over the image, this shows "
        "the evidence for the label in the dataset and for the one that the net believes. Neither is proven by that; look and decide.",
        tuple(_evidence(subject, sample_id) for sample_id in worst),
        f"curate explain saliency {subject.run} {worst[0]} --method gradients",
    )


def _evidence(subject: Subject, sample_id: str) -> Picture:
    found = explain_sample(subject.nets, sample_id)
    given = found.given.class_name if found.given is not None else "nothing"
    return picture(
        saliency_figure(found),
        f"{sample_id} is {given} in the dataset and {found.suggested.class_name} to the net. Red speaks for, blue against.",
    )


def suspects(subject: Subject) -> Section:
    gallery = make_gallery(subject.evidence, NUM_SUSPECTS)
    num, cards = gallery.num_suspects, gallery.queue
    found = f"flags {num:,} of {int(subject.evidence.is_labelled.sum()):,} labels" if num else "flags no label; these are the closest calls"
    return Section(
        "suspects",
        "The labels that look wrong",
        "Suspects",
        "Every image was judged by a net that never saw it. Where that net clearly believes another label than the dataset gives, the "
        f"label is a suspect. This run {found}. Some are wrong beyond doubt, some are pictures that nobody can read, and some are right.",
        (),
        f"curate explain saliency {subject.run} {cards[0]['sample_id']}",
        cards=cards,
    )


def mistakes(subject: Subject) -> Section:
    probs = subject.nets.run.load_array("pred_probs.npy")
    images, labels = subject.image_set.images[:, 0], subject.image_set.labels
    return Section(
        "mistakes",
        "All mistakes in one picture",
        "Mistakes",
        "A confusion matrix counts how often each label was taken for each other one. Here each cell also shows its surest mistake: the "
        "image in whose wrong class the net had the most confidence. In some it is the label that is wrong.",
        (
            picture(
                mistakes_figure(images, labels, probs, subject.image_set.class_names),
                "Rows are labels, columns what the net believed, orange numbers how often. Framed, on the diagonal: the image of each "
                "class of which the nets were surest.",
            ),
        ),
        f"curate explain model {subject.run}",
    )


SECTIONS = (filters, maps, excitement, suspects, why, mistakes)
