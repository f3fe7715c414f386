"""Rare classes among nets: their samples are judged by their neighbours, in the features of a net that saw none of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from curate.data.image_set import ImageSet
from curate.errors import RunError
from curate.judge.alike import NUM_NEIGHBORS, Neighbors, class_shares
from curate.judge.fold_nets import load_fold_net
from curate.judge.training.device import Device
from curate.judge.training.predict import embed
from curate.run import Run


@dataclass(frozen=True)
class RareJudged:
    """What neighbours say of M samples of rare classes.

    Attributes:
        positions: (M,) int64 in the image set.
        pred_probs: (M, K) float32, rows sum to 1.
    """

    positions: NDArray[np.int64]
    pred_probs: NDArray[np.float32]


def judge_rare(
    run: Run,
    image_set: ImageSet,
    *,
    weak: Sequence[int],
    fold: NDArray[np.integer],
    groups: NDArray[np.int64],
    learnt: NDArray[np.bool_],
    device: Device,
) -> RareJudged:
    """Judges the samples of the classes `weak` by their neighbours among what the net of their fold learnt from.

    A net hardly tells a class of which it saw one sample or none, and says so with false certainty; its features still tell what is alike.
    A sample whose net was not kept, on a machine without safetensors, is left out.

    Args:
        weak: numbers of the classes.
        fold: (N,) the fold that held each sample out.
        groups: (N,), equal for samples that shared a fold.
        learnt: (N,) samples that nets learnt from.
    """
    labels = image_set.labels
    wanted = np.isin(labels, weak)
    positions, pred_probs = [np.empty(0, np.int64)], [np.empty((0, image_set.num_classes), np.float32)]
    for held in np.unique(fold[wanted]).tolist():
        judged, base = np.flatnonzero(wanted & (fold == held)), np.flatnonzero(learnt & (fold != held))
        try:
            net, batches = load_fold_net(run, image_set, held)
        except RunError:
            continue
        where = device.where
        batches.images = batches.images.to(where)
        space = embed(net.to(where), batches, torch.from_numpy(np.concatenate([judged, base])), device)
        space = space / space.norm(dim=1, keepdim=True).clamp(min=1e-9)
        values, places = (space[: len(judged)] @ space[len(judged) :].T).topk(min(NUM_NEIGHBORS, len(base)), dim=1)
        near = Neighbors(base[places.numpy()], values.numpy())
        usable = groups[near.indices] != groups[judged][:, None]
        pred_probs.append(class_shares(near, labels, usable, num_classes=image_set.num_classes, learnt=learnt))
        positions.append(judged)
    return RareJudged(np.concatenate(positions), np.concatenate(pred_probs))
