"""What the page of a model tells, as values: measured by `explain_model`, drawn by `model_page`."""

from dataclasses import asdict, dataclass
from typing import Any

from numpy import int64
from numpy.typing import NDArray

from curate.intervals import Estimate
from curate.lab.calibration import Calibration
from curate.lab.latency import Latency
from curate.lab.metrics import ClassQuality, Quality


@dataclass(frozen=True)
class Costs:
    """What a net costs for one image, whatever it has learnt.

    Attributes:
        parameters: learned numbers.
        size_bytes: of its safetensors file; of a net that has none, of parameters and buffers, without the few kB of a header.
        multiply_adds: products in matrices and convolutions, for one image.
        activation_bytes: memory of all layers' outputs for one image, float32.
    """

    parameters: int
    size_bytes: int
    multiply_adds: int
    activation_bytes: int


@dataclass(frozen=True)
class Trained:
    """How a run's nets were trained: `seconds` for all `num_nets` of them, and whether that is only the part after an interruption."""

    run: str
    preset: str
    epochs: int
    num_nets: int
    seconds: float
    is_resumed: bool


@dataclass(frozen=True)
class Judged:
    """How good a net is by a run of its own.

    Attributes:
        trained: that run.
        accuracy: out-of-fold.
        difference: that accuracy less the one of the page's net, on the same samples.
        is_made_for_this: whether that run was made for this page.
    """

    trained: Trained
    accuracy: Estimate
    difference: Estimate
    is_made_for_this: bool = False


@dataclass(frozen=True)
class Candidate:
    """A net of the registry: what it costs, its latency for one image, and how good it is.

    `judged` is None where it was not trained on the same images and labels, and of the net that the page is about.
    """

    model: str
    description: str
    costs: Costs
    latency: Latency
    judged: Judged | None = None


@dataclass(frozen=True)
class Suspects:
    """Labels that the audit believes to be wrong: `num` of all, and `num_mistakes` of the samples counted as the model's mistakes."""

    num: int
    num_mistakes: int


@dataclass(frozen=True)
class ModelFacts:
    """Everything on the page.

    Attributes:
        meta: content of `run.json`.
        trained: the training of the run.
        itself: the net of the run.
        others: what it is compared with.
        qualities: by `all` and by split, out-of-fold.
        calibration, rescaled: before and after temperature scaling.
        temperature: the mean over the folds.
        matrix: (K, K), given label by predicted one.
        latencies: by rising batch size; the first is of one image.
        machine: the name of the processor or GPU that the latencies were measured on; `is_on_cpu` says which.
        suspects: None where `find` has not been run.
    """

    meta: dict[str, Any]
    trained: Trained
    itself: Candidate
    others: tuple[Candidate, ...]
    qualities: dict[str, Quality]
    calibration: Calibration
    rescaled: Calibration
    temperature: float
    matrix: NDArray[int64]
    classes: tuple[ClassQuality, ...]
    latencies: tuple[Latency, ...]
    machine: str
    is_on_cpu: bool
    suspects: Suspects | None

    @property
    def accuracy(self) -> Estimate:
        """Over all labelled samples."""
        return self.qualities["all"].accuracy

    def as_dict(self) -> dict[str, Any]:
        """The measured values for JSON; `run.json` holds the rest."""
        values = asdict(self)
        del values["meta"]
        return {"model": self.itself.model, **values, "matrix": self.matrix.tolist()}
