"""Transfer learning: when the stages of a pretrained net begin to learn, and how fast each of them learns."""

from typing import Any

from curate.models.base import ConvNet


def num_frozen(epoch: int, num_stages: int, *, head_epochs: int, stage_epochs: int) -> int:
    """How many stages, from the first on, learn nothing in `epoch`, counted from 0.

    The head learns alone at first, so that what is random in it does not spoil the stages below; then the highest stage joins in,
    and the next below it every `stage_epochs`.

    Args:
        num_stages: of the net.
        head_epochs: epochs in which only the head learns.
        stage_epochs: epochs from one stage to the next below it; 0 = all at once after `head_epochs`.

    Returns:
        0 where all learn, `num_stages` where only the head does; for `ConvNet.freeze`.

    Source: Howard & Ruder 2018, arXiv:1801.06146 (gradual unfreezing).
    """
    if epoch < head_epochs:
        return num_stages
    return max(0, num_stages - 1 - (epoch - head_epochs) // stage_epochs) if stage_epochs else 0


def parameter_groups(model: ConvNet, *, lr: float, weight_decay: float, stage_decay: float = 1.0) -> list[dict[str, Any]]:
    """Groups for a torch optimizer over what can learn: two per stage, weights and one-dimensional parameters, the head first.

    Args:
        lr: rate of the head.
        weight_decay: of the weights; biases and normalisation have none.
        stage_decay: rate of a stage as a share of that of the part above it; what is lower is more general and changes less.

    Returns:
        Without empty groups. Call it before anything is frozen: what is frozen then is in no group.

    Source: Howard & Ruder 2018, arXiv:1801.06146 (discriminative fine-tuning).
    """
    groups: dict[tuple[int, bool], list] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((model.stage_of(name), parameter.ndim > 1), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": lr * stage_decay ** (len(model.stages) - stage),
            "weight_decay": weight_decay if is_decayed else 0.0,
        }
        for (stage, is_decayed), parameters in sorted(groups.items(), key=lambda item: item[0], reverse=True)
    ]
