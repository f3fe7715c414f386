"""Recipe: everything that decides how one network is trained."""

from dataclasses import dataclass, fields

from curate.errors import UnknownNameError, UsageError

OPTIMIZERS = ("muon", "sgd", "adamw")
BORDERS = ("reflect", "zeros")
VIEWS = (1, 2, 5, 6, 10)
EXTRAS = ("border", "color_jitter", "cutout", "mixup", "dropout", "head_epochs", "stage_epochs", "stage_decay")


@dataclass(frozen=True)
class Recipe:
    """How one network is trained.

    Attributes:
        epochs: passes over the training samples.
        batch_size: B.
        optimizer: `muon` (filters by Muon, the rest by SGD), `sgd` (Nesterov) or `adamw`.
        peak_lr: highest learning rate; for Muon, that of the filters.
        head_lr, bias_lr: rates of linear layers and of one-dimensional parameters, where the optimizer is not `adamw`.
        momentum: of SGD; Muon's own is `muon_momentum`.
        weight_decay: of AdamW, and of SGD's filters and head (coupled).
        warmup: share of the steps in which the rate rises from 0 to the peak; it falls to 0 linearly after that.
        label_smoothing: share of the target spread over all classes.
        shift: largest random shift in pixels; mirror: whether images are mirrored at random.
        views: predictions are averaged over `1` view, `2` (mirrored too), `6` (each also shifted by a pixel two ways), `5` (the
            centre and the four corner crops of the image padded by `shift`, or by a pixel), or `10` (those, mirrored too).
        border: what a shifted image shows beyond its edge: `reflect`, its mirror image, or `zeros`, black.
        color_jitter: deviation of the noise along the principal axes of the training pixels; 0.1 in AlexNet.
        cutout: side in pixels of a square that is blanked at a random place; 16 suits CIFAR-10.
        mixup: alpha of Beta(alpha, alpha), the share in which two images are blended; 1 is uniform.
        dropout: share of the last feature maps that is dropped.
        head_epochs: epochs in which only the head learns.
        stage_epochs: epochs from one stage that joins in to the next below it; 0 = all at once after `head_epochs`.
        stage_decay: rate of a stage as a share of that of the part above it.

    All from `border` on are off by default: see `curate.training.extras`, and for the last three `curate.training.transfer`.
    """

    epochs: int
    batch_size: int = 500
    optimizer: str = "adamw"
    peak_lr: float = 0.01
    head_lr: float = 0.5
    bias_lr: float = 0.05
    momentum: float = 0.85
    muon_momentum: float = 0.6
    weight_decay: float = 0.01
    warmup: float = 0.2
    label_smoothing: float = 0.0
    shift: int = 0
    mirror: bool = False
    views: int = 1
    border: str = "reflect"
    color_jitter: float = 0.0
    cutout: int = 0
    mixup: float = 0.0
    dropout: float = 0.0
    head_epochs: int = 0
    stage_epochs: int = 0
    stage_decay: float = 1.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise UsageError(f"a recipe needs at least 1 epoch and a batch of 1, found {self.epochs} and {self.batch_size}")
        for kind, name, known in (("optimizer", self.optimizer, OPTIMIZERS), ("border", self.border, BORDERS)):
            if name not in known:
                raise UnknownNameError.of(kind, name, known)
        if self.views not in VIEWS:
            raise UsageError(f"views must be {', '.join(map(str, VIEWS[:-1]))} or {VIEWS[-1]}, found {self.views}")
        for extra in ("color_jitter", "cutout", "mixup"):
            if not getattr(self, extra) >= 0:
                raise UsageError(f"{extra} must be 0 (off) or more, found {getattr(self, extra)}")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must be 0 (off) or more and less than 1, found {self.dropout}")
        if self.head_epochs < 0 or self.stage_epochs < 0 or not 0 < self.stage_decay <= 1:
            raise UsageError(
                "head_epochs and stage_epochs must be 0 or more and stage_decay more than 0 and at most 1, "
                f"found {self.head_epochs}, {self.stage_epochs} and {self.stage_decay}"
            )
        if (self.head_epochs or self.stage_epochs or self.stage_decay < 1) and self.optimizer != "adamw":
            raise UsageError(f"head_epochs, stage_epochs and stage_decay need optimizer adamw, found {self.optimizer}")

    def to_json(self) -> dict:
        """What `Recipe(**...)` takes; extras that are off are left out, so that runs from before there were any go on."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in EXTRAS or getattr(self, f.name) != f.default}
