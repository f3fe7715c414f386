"""Exact leave-one-out ridge regression on features: a second opinion in closed form, without any fold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.judge.heads import class_weights

PENALTIES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""To choose from; per unit of variance where all features together have the variance of 1."""
BLOCK = 8192
"""Rows that are turned at a time."""


@dataclass(frozen=True)
class RidgeOpinion:
    """What ridge regression says.

    Attributes:
        pred_probs: (N, K) float32, each row from weights that the sample and its group had no part in.
        penalty: that was chosen, by the leave-one-out error.
    """

    pred_probs: NDArray[np.float32]
    penalty: float


def ridge_leave_one_out(
    space: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fold: NDArray[np.integer],
    *,
    num_classes: int,
    trainable: NDArray[np.bool_] | None = None,
    balance: float = 0.5,
) -> RidgeOpinion:
    """Least squares onto the classes, each sample judged as if it and its group had been left out: exactly, by one factorisation.

    With H the matrix that maps targets to fits, a group's own residuals r become (I - H_gg)^-1 r once the group is left out. Scores become
    probabilities by a temperature and a bias per class, fitted for each fold on the others.

    Args:
        space: (N, q) from `curate.judge.heads.principal_space`.
        labels: (N,) in -1..K-1; unlabelled samples are judged only.
        groups: (N,), equal for samples that are left out together.
        fold: (N,), for the calibration.
        num_classes: K.
        trainable: (N,) samples that may be learnt from; default all that are labelled.
        balance: power of the inverse class frequency by which samples weigh.

    Source: the block form of Allen's PRESS residuals (1974).
    """
    learnt = (labels >= 0) & (True if trainable is None else trainable)
    given = labels[learnt]
    weight = class_weights(given, num_classes, balance).astype(np.float64)
    root = np.sqrt(weight)[:, None]
    targets = np.eye(num_classes)[given] - 1 / num_classes
    design, scale = _design(space[learnt])
    design *= root
    values, axes = np.linalg.eigh(design.T @ design)
    turned = _turn(design, axes)
    aim = turned.T @ (targets * root)  # (q + 1, K)
    blocks = _blocks(groups[learnt])
    best: tuple[float, float, NDArray, NDArray] | None = None
    for penalty in PENALTIES:
        shrink = 1 / (np.maximum(values, 0) + penalty * len(given) / 100)  # the intercept is shrunk with the rest, hardly
        solution = shrink[:, None] * aim  # (q + 1, K)
        residual = targets * root - turned @ solution
        leverage = np.einsum("nq,q,nq->n", turned, shrink, turned)
        left_out = residual / np.maximum(1 - leverage, 1e-6)[:, None]
        for rows in blocks:
            hat = (turned[rows] * shrink) @ turned[rows].T
            left_out[rows] = np.linalg.solve(np.eye(len(rows)) * (1 + 1e-9) - hat, residual[rows])
        error = float(np.square(left_out).sum())
        if best is None or error < best[0]:
            best = error, penalty, targets - left_out / root, axes @ solution
    assert best is not None
    scores = np.empty((len(space), num_classes))
    scores[learnt] = best[2]
    if not learnt.all():
        scores[~learnt] = _design(space[~learnt], scale)[0] @ best[3]
    return RidgeOpinion(calibrated(scores.astype(np.float32), labels, fold, learnt), best[1])


def _design(space: NDArray[np.float32], scale: float | None = None) -> tuple[NDArray[np.float64], float]:
    """(n, q + 1): the features over the root of their scale, and ones, for the intercept; and the scale, their mean square by default."""
    design = np.empty((len(space), space.shape[1] + 1))
    design[:, :-1], design[:, -1] = space, 1
    if scale is None:
        scale = max(float(np.einsum("nq,nq->n", design[:, :-1], design[:, :-1]).mean()), 1e-12)
    design[:, :-1] /= np.sqrt(scale)
    return design, scale


def _turn(design: NDArray[np.float64], axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """`design @ axes` in the memory of `design`, which is the largest array that there is."""
    for start in range(0, len(design), BLOCK):
        design[start : start + BLOCK] = design[start : start + BLOCK] @ axes
    return design


def calibrated(
    scores: NDArray[np.float32], labels: NDArray[np.int64], fold: NDArray[np.integer], learnt: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(N, K) probabilities of scores (N, K): softmax of temperature times score plus bias, fitted for each fold on the other folds."""
    from scipy.optimize import minimize

    num_classes = scores.shape[1]
    pred_probs = np.empty(scores.shape, np.float32)
    start = np.zeros(num_classes + 1)
    start[0] = 10.0
    for held in np.unique(fold):
        rows = np.flatnonzero(learnt & (fold != held))
        if not len(rows):
            rows = np.flatnonzero(learnt)
        x, y = scores[rows], labels[rows]

        def loss(flat: NDArray[np.float64], x: NDArray = x, y: NDArray = y) -> tuple[float, NDArray[np.float64]]:
            logits = x * np.float32(flat[0]) + flat[1:].astype(np.float32)
            logits -= logits.max(axis=1, keepdims=True)
            probs = np.exp(logits)
            sums = probs.sum(axis=1)
            value = float(np.mean(np.log(sums) - logits[np.arange(len(y)), y])) + 1e-3 * float(np.square(flat[1:]).sum())
            probs /= sums[:, None]
            probs[np.arange(len(y)), y] -= 1
            slope = np.concatenate([[float((probs * x).sum()) / len(y)], probs.mean(axis=0) + 2e-3 * flat[1:]])
            return value, slope

        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 50})
        start = found.x
        judged = fold == held
        logits = scores[judged] * np.float32(found.x[0]) + found.x[1:].astype(np.float32)
        logits -= logits.max(axis=1, keepdims=True)
        probs = np.exp(logits)
        pred_probs[judged] = probs / probs.sum(axis=1, keepdims=True)
    return pred_probs


def _blocks(groups: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The positions of each group of two and more."""
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    return [rows for rows in np.split(order, cuts) if len(rows) > 1]
