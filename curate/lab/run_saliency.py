"""Why a run's net believes another label of a sample than the given one: for a figure, and for the App while one reviews."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from curate.judge.fold_nets import RunNets, run_nets
from curate.lab.saliency import chosen_method, overlay_png, saliency

NUM_REFERENCES = 8


@dataclass(frozen=True)
class Evidence:
    """What speaks for a label, and against it.

    Attributes:
        class_index, class_name: the label.
        probability: that the net gives to it, in [0, 1].
        heat: (H, W) float32 in [-1, 1]: above 0 for the label, below 0 against it.
    """

    class_index: int
    class_name: str
    probability: float
    heat: NDArray[np.float32]


@dataclass(frozen=True)
class SampleSaliency:
    """A sample, and the evidence for two labels.

    Attributes:
        sample_id, image: the sample and its pixels, (C, H, W) uint8.
        given: the evidence for the label as given; None where there is none.
        suggested: the evidence for the most probable label other than the given one.
        method: how the evidence was found, see `curate.lab.saliency`.
        fold: the net is the one that held out this fold.
        has_seen: the net was trained on the sample, since a run of an older version kept no net that was not.
    """

    sample_id: str
    image: NDArray[np.uint8]
    given: Evidence | None
    suggested: Evidence
    method: str
    fold: int
    has_seen: bool

    def pngs(self, *, side: int = 224) -> dict[str, bytes]:
        """The heat over the image as PNG files, `given` (where there is a label) and `suggested`, `side` pixels on the longer side."""
        sides = {"given": self.given, "suggested": self.suggested}
        return {kind: overlay_png(self.image, evidence.heat, side=side) for kind, evidence in sides.items() if evidence is not None}


def explain_sample(run: Path | RunNets, sample_id: str, *, method: str = "auto") -> SampleSaliency:
    """The evidence for the given and for the suggested label of a sample, from the net that did not see it.

    Nets and images of a run given by its path are kept, so that from the second call on this takes the time of the method alone.

    Raises:
        RunError: there is no run, its net was not kept, or its images are not there any more.
        DataError: there is no such sample.
        UsageError: there is no such method.
        DependencyError: captum is not installed.
    """
    nets = run_nets(run) if isinstance(run, Path) else run
    with nets.lock:
        position = nets.position(sample_id)
        image_set = nets.image_set
        judge = nets.judge(position)
        x = judge.normalised(image_set.images[position][None])[0]
        with torch.inference_mode():
            probs = judge.net(x[None]).softmax(dim=1)[0].numpy()
        chosen = chosen_method(judge.net, x) if method == "auto" else method
        references = None
        if len(x) == 1:  # ink or none: see `saliency`
            spread = np.linspace(0, len(image_set) - 1, min(NUM_REFERENCES, len(image_set))).astype(int)
            references = judge.normalised(image_set.images[spread])

        def evidence(label: int) -> Evidence:
            heat = saliency(judge.net, x, label, chosen, references=references).numpy()
            return Evidence(label, image_set.class_names[label], float(probs[label]), heat)

        label = int(image_set.labels[position])
        return SampleSaliency(
            sample_id=sample_id,
            image=image_set.images[position],
            given=evidence(label) if label >= 0 else None,
            suggested=evidence(suggested_label(nets.run.load_array("pred_probs.npy", mmap=True)[position], label)),
            method=chosen,
            fold=judge.fold,
            has_seen=nets.has_seen(position, judge.fold),
        )


def suggested_label(pred_probs: NDArray[np.float32], given: int) -> int:
    """The most probable class of one sample (K,) other than `given`, which is -1 where there is no label."""
    return int(np.argmax(np.where(np.arange(len(pred_probs)) == given, -1.0, pred_probs)))
