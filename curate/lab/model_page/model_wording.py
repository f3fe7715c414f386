"""Numbers and sentences of the page of a model."""

from curate.intervals import Estimate
from curate.lab.model_page.model_facts import ModelFacts, Trained
from curate.publish.report.wording import NBSP, count, counted, duration, percent

PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))
CHOSEN_ON = ("mnist", "cifar10")
"""The datasets on whose last 10,000 training images the presets were chosen."""


def short(number: float, unit: str = "") -> str:
    """Three digits and a prefix: `98.4 k`, `4.21 M`, `397 kB`."""
    for size, prefix in PREFIXES:
        if number >= size:
            return f"{_digits(number / size)}{NBSP}{prefix}{unit}"
    return f"{number:.0f}{NBSP}{unit}".rstrip(NBSP)


def milliseconds(seconds: float) -> str:
    """`0.351 ms`, `12.3 ms`, `1.20 s`."""
    return f"{_digits(seconds)}{NBSP}s" if seconds >= 1 else f"{_digits(1000 * seconds)}{NBSP}ms"


def interval(estimate: Estimate, digits: int = 2) -> str:
    """The interval of a share: `99.36 to 99.47 %`."""
    return f"{100 * estimate.low:.{digits}f} to {percent(estimate.high, digits)}"


def plain_interval(estimate: Estimate) -> str:
    """The interval of any other number: `0.131 to 0.135`."""
    return f"{estimate.low:.3f} to {estimate.high:.3f}"


def what_it_is(facts: ModelFacts) -> list[str]:
    """The model in two sentences."""
    itself, dataset, num = facts.itself, facts.meta["dataset"], facts.qualities["all"].num_samples
    channels, height, width = dataset["image_shape"]
    kind = {1: "grey", 3: "colour"}.get(channels, f"{channels}-channel")
    return [
        f"{itself.model} ({itself.description}) is a net of {counted(itself.costs.parameters, 'parameter')} that tells the "
        f"{count(len(dataset['class_names']))} classes of {dataset['name']} apart on {kind} images of {height} × {width} pixels.",
        f"Of {counted(num, 'image')} that it was not trained on, {percent(facts.accuracy.value, 2)} get from it the label that "
        f"they have (95{NBSP}% interval {interval(facts.accuracy)}); one image takes {milliseconds(itself.latency.p50)} "
        f"on {_where(facts)}.",
    ]


def grounds(facts: ModelFacts) -> list[tuple[str, str]]:
    """What the figures stand on: a word, and what is to be known."""
    num_wrong = facts.qualities["all"].num_samples - int(facts.matrix.trace())
    return [
        (
            "Judged on.",
            f"Images that the judging net never saw: {counted(facts.trained.num_nets, 'net')} of this kind were trained by "
            "cross-validation, and each image was judged by those that did not have it. The file of the run holds one of them.",
        ),
        ("Chosen on.", _chosen_on(facts)),
        ("Labels.", _labels(facts, num_wrong)),
        (
            "Intervals.",
            "95 in 100 such intervals hold what very many images of the same kind would give. Another training would move the figures "
            "too, and images of another kind may do far more; neither is in them.",
        ),
    ]


def how_sure(facts: ModelFacts) -> str:
    """What the calibration says, and what would mend it."""
    found = facts.calibration
    sure, right = percent(found.confidence, 1), percent(found.accuracy, 1)
    if found.error.value < 2 * found.chance:
        text = f"It is {sure} sure on average and right in {right}: its probabilities can be taken at their word."
    else:
        way = "less sure than it is right" if found.confidence < found.accuracy else "surer than it is right"
        text = f"It is {way}: {sure} sure on average, and right in {right}."
        if facts.meta["config"]["recipe"].get("label_smoothing") and found.confidence < found.accuracy:
            text += " Training with label smoothing does that on purpose."
    if facts.rescaled.error.value < found.error.value:
        text += (
            f" Dividing its logits by {facts.temperature:.2f} (temperature scaling, fitted on the other folds) changes no answer and "
            f"brings the error from {percent(found.error.value, 2)} to {percent(facts.rescaled.error.value, 2)}."
        )
    return text


def trained_how(trained: Trained) -> str:
    """`preset quick: 3 epochs, 2 nets, 41 s in all`."""
    time = f"{duration(trained.seconds)} in all" + (", since it was resumed" if trained.is_resumed else "")
    return f"preset {trained.preset}: {counted(trained.epochs, 'epoch')}, {counted(trained.num_nets, 'net')}, {time}"


def threads(num: int) -> str:
    """`one thread`, `4 threads`."""
    return "one thread" if num == 1 else f"{num} threads"


def disturbance(facts: ModelFacts) -> str | None:
    """A warning where other programs were in the way of the measurement."""
    shares = [each.undisturbed for each in (*facts.latencies, *(other.latency for other in facts.others)) if each.undisturbed is not None]
    if not shares or min(shares) >= 0.97:
        return None
    return (
        f"Other programs had up to {percent(1 - min(shares), 0)} of the processor's time meanwhile: these times may be too long. "
        "Measure again on an idle machine."
    )


def _chosen_on(facts: ModelFacts) -> str:
    name, preset = facts.meta["dataset"]["name"], facts.trained.preset
    text = f"Nothing was chosen on the images reported here: the recipe is the preset {preset}, and no training was stopped by a score."
    if name not in CHOSEN_ON:
        return f"{text} The preset was chosen on other datasets."
    return (
        f"{text} The preset itself was chosen on 10,000 training images of {name}, never on test images, which makes the figure of the "
        "test split the cleaner one."
    )


def _labels(facts: ModelFacts, num_wrong: int) -> str:
    text = "Right means: as labelled. Labels as given contain errors"
    if facts.suspects is None:
        return f"{text}; `curate find` has not looked for them in this run."
    if num_wrong == 0:
        return f"{text}, but the model contradicts none here."
    doubted, among = facts.suspects.num, facts.suspects.num_mistakes
    return (
        f"{text}: the audit doubts {count(doubted)} of them, {'all' if doubted == among else count(among)} among the "
        f"{counted(num_wrong, 'image')} that count as mistakes of the model here."
    )


def _where(facts: ModelFacts) -> str:
    """`one thread of AMD EPYC`, or the GPU's name."""
    latency = facts.itself.latency
    return f"{threads(latency.num_threads)} of {facts.machine}" if facts.is_on_cpu else facts.machine


def _digits(value: float) -> str:
    """Three digits that mean something: `0.351`, `4.21`, `98.4`, `397`."""
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3}f}"
