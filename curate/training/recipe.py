"""Recipe: everything that decides how one network is trained."""

from dataclasses import asdict, dataclass

from curate.errors import UnknownNameError, UsageError


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
        views: predictions are averaged over `1` view, `2` (mirrored too), or `6` (each also shifted by a pixel two ways).
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

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise UsageError(f"a recipe needs at least 1 epoch and a batch of 1, found {self.epochs} and {self.batch_size}")
        if self.optimizer not in ("muon", "sgd", "adamw"):
            raise UnknownNameError.of("optimizer", self.optimizer, ("muon", "sgd", "adamw"))
        if self.views not in (1, 2, 6):
            raise UsageError(f"views must be 1, 2 or 6, found {self.views}")

    def to_json(self) -> dict:
        return asdict(self)
