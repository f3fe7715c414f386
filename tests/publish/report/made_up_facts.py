"""Facts of a model, made up, for the tests of its page."""

from dataclasses import replace

import numpy as np

from curate.intervals import Estimate
from curate.lab.calibration import calibration, cross_fitted
from curate.lab.latency import Latency
from curate.lab.metrics import class_qualities, confusion_matrix, quality
from curate.lab.model_page.model_facts import Candidate, Costs, Judged, ModelFacts, Suspects, Trained


def made_up_facts(class_names=("cat", "dog", "owl"), *, sharpness=0.5, num=600, **changes):
    """Facts of a net that is less sure than it is right where `sharpness` is under 1."""
    generator, k = np.random.default_rng(0), len(class_names)
    logits = 3 * generator.normal(size=(num, k))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    told = np.exp(sharpness * logits) / np.exp(sharpness * logits).sum(1, keepdims=True)
    labels = (true.cumsum(1) > generator.random((num, 1))).argmax(1)
    matrix = confusion_matrix(labels, told)
    rescaled, temperature = cross_fitted(labels, told, np.arange(num) % 3)
    meta = {
        "created": "2026-11-20T10:00:00+00:00",
        "command": "curate audit pets",
        "dataset": {"name": "pets", "class_names": list(class_names), "image_shape": [3, 32, 32]},
        "config": {"model": "lenet5", "recipe": {"epochs": 3, "label_smoothing": 0.1}},
        "device": {"name": "a small machine"},
        "steps": {"train": {"seconds": 125.0, "peak_memory_mib": 2048.0, "started": "2026-11-20T10:00:00+00:00"}},
    }
    quick = Trained("pets-other", "quick", 3, 2, 41.0, False)
    judged = Judged(quick, Estimate(0.91, 0.89, 0.93), Estimate(0.012, -0.004, 0.028), is_made_for_this=True)
    facts = ModelFacts(
        meta=meta,
        trained=Trained("pets", "default", 5, 5, 125.0, False),
        itself=Candidate("lenet5", "LeNet-5", Costs(61_706, 247_000, 416_520, 58_408), latency(1, 0.0003)),
        others=(
            Candidate("mnist-cnn", "three convolutions", Costs(98_554, 396_984, 1_994_240, 152_232), latency(1, 0.0004), judged),
            Candidate("airbench", "quick", Costs(1_963_296, 7_862_448, 82_310_944, 980_368), latency(1, 0.02)),
        ),
        qualities={"all": quality(labels, told)},
        calibration=calibration(labels, told),
        rescaled=calibration(labels, rescaled),
        temperature=temperature,
        matrix=matrix,
        classes=tuple(class_qualities(matrix, class_names)),
        latencies=(latency(1, 0.0003), latency(16, 0.002)),
        machine="a small machine",
        is_on_cpu=True,
        suspects=Suspects(40, 30),
    )
    return replace(facts, **changes)


def latency(batch_size, seconds, undisturbed=0.99):
    return Latency(batch_size, seconds, 1.1 * seconds, 1.5 * seconds, 1000, 50, 1, undisturbed)
