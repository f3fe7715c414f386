"""Out-of-fold multinomial logistic regression on features, its strength chosen inside the folds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curate.errors import DataError


@dataclass(frozen=True)
class HeadOptions:
    """How the head on the features is made.

    Attributes:
        dimensions: principal components that are kept of the standardised features at most.
        penalties: L2 penalties to choose from, from strong to weak: of a mean log loss, per unit of variance of one feature where all
            features together have the variance of 1,000.
        power: the features' own signed power before they are standardised: 0.5 tames their heavy tails.
        balance: power of the inverse class frequency by which samples weigh; 0 = all alike, 1 = all classes alike.
        iterations: of L-BFGS at most, for one fit.
    """

    dimensions: int = 512
    penalties: tuple[float, ...] = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
    power: float = 0.5
    balance: float = 0.5
    iterations: int = 60


@dataclass(frozen=True)
class LogisticHead:
    """What cross-validation of the head gives.

    Attributes:
        pred_probs: (N, K) float32, out of fold; rows sum to 1.
        penalties: the penalty of each fold.
    """

    pred_probs: NDArray[np.float32]
    penalties: tuple[float, ...]


def principal_space(
    features: NDArray[np.floating], *, dimensions: int, power: float = 1.0, is_standard: bool = False
) -> NDArray[np.float32]:
    """(N, q) float32: the standardised features, turned to their principal axes, the strongest first.

    A turned space gives the same logistic regression and the same ridge as the features do, and makes both fast. No label is looked at.

    Args:
        features: (N, D), of any scale; constant ones are left out.
        dimensions: q is at most this.
        power: the features' own signed power before they are standardised.
        is_standard: leave the scale of each feature as it is.
    """
    block = 8192
    if not len(features):
        raise DataError("there are no features to learn from")

    def rows() -> Iterator[tuple[int, NDArray[np.float32]]]:
        for start in range(0, len(features), block):
            part = np.asarray(features[start : start + block], dtype=np.float32)
            yield start, part if power == 1.0 else np.sign(part) * np.abs(part) ** np.float32(power)

    n, d = features.shape
    total, squares = np.zeros(d), np.zeros((d, d))
    for _, part in rows():
        total += part.sum(axis=0, dtype=np.float64)
    mean = (total / n).astype(np.float32)
    for _, part in rows():
        part = part - mean
        squares += part.T @ part
    deviation = np.sqrt(np.diag(squares) / n)
    kept = deviation > 1e-6 * max(float(deviation.max(initial=0.0)), 1e-12)
    if not kept.any():
        raise DataError("all pictures have the same features: are they all the same picture?")
    scale = np.ones(int(kept.sum()), np.float32) if is_standard else (1 / deviation[kept]).astype(np.float32)
    correlation = squares[np.ix_(kept, kept)] * scale[:, None] * scale[None] / n
    values, axes = np.linalg.eigh(correlation.astype(np.float32))
    order = np.argsort(values)[::-1][: min(dimensions, n)]
    order = order[values[order] > 1e-7 * values[order[0]]]
    turn = (scale[:, None] * axes[:, order]).astype(np.float32)
    space = np.empty((n, len(order)), np.float32)
    for start, part in rows():
        space[start : start + block] = (part - mean)[:, kept] @ turn
    return space


def joint_space(features: Sequence[NDArray[np.floating]], *, dimensions: int, power: float = 1.0) -> NDArray[np.float32]:
    """`principal_space` of the features (N, D) of several nets together, each net's reduced by itself first: less work, nearly the same."""
    spaces = [principal_space(each, dimensions=dimensions, power=power) for each in features]
    if len(spaces) == 1:
        return spaces[0]
    joined = np.hstack(spaces)
    spaces.clear()  # they are as large as what is made of them
    return principal_space(joined, dimensions=dimensions, is_standard=True)


def class_weights(labels: NDArray[np.int64], num_classes: int, balance: float) -> NDArray[np.float32]:
    """(N,) weights with a mean of 1, by the inverse frequency of the class to the power of `balance`."""
    counts = np.bincount(labels, minlength=num_classes).astype(np.float64)
    weight = np.where(counts > 0, counts, 1.0) ** -balance
    weights = weight[labels]
    return (weights / weights.mean()).astype(np.float32)


def logistic_out_of_fold(
    space: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold: NDArray[np.integer],
    *,
    num_classes: int,
    trainable: NDArray[np.bool_] | None = None,
    options: HeadOptions = HeadOptions(),
) -> LogisticHead:
    """Probabilities of every sample from a head that saw neither it nor its group.

    The penalty of fold k is chosen by the log loss on folds k + 1 and k - 1 of heads that saw neither that fold nor fold k: nested, and
    each such head serves two folds. Unlabelled samples, and those that are not trainable, are judged and never learnt from.

    Args:
        space: (N, q) from `principal_space`.
        labels: (N,) in -1..K-1.
        fold: (N,) in 0..F-1, the fold that holds the sample out; groups share one.
        num_classes: K.
        trainable: (N,) samples that may be learnt from; default all that are labelled.

    Raises:
        DataError: fewer than two classes can be learnt from.
    """
    learnt = (labels >= 0) & (True if trainable is None else trainable)
    if (found := len(np.unique(labels[learnt]))) < 2:
        raise DataError(f"expected labels of at least two classes to learn from, found {found or 'none'}")
    folds = np.unique(fold)
    losses = _inner_losses(space, labels, fold, folds, learnt, num_classes, options)
    pred_probs = np.zeros((len(labels), num_classes), np.float32)
    chosen = []
    for i, held in enumerate(folds):
        penalty = options.penalties[int(np.argmin(losses[i]))]
        chosen.append(penalty)
        train, judged = learnt & (fold != held), fold == held
        weights = fit_head(space[train], labels[train], num_classes, (penalty,), options)[-1]
        pred_probs[judged] = probabilities(space[judged], weights)
    return LogisticHead(pred_probs, tuple(chosen))


def fit_head(
    space: NDArray[np.float32], labels: NDArray[np.int64], num_classes: int, penalties: tuple[float, ...], options: HeadOptions
) -> list[NDArray[np.float32]]:
    """The (q + 1, K) weights, intercept last, of a head for each of the penalties, each started from the one before."""
    return list(_path(space, labels, num_classes, penalties, options))


def probabilities(space: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, K) float32, rows sum to 1, of a head with (q + 1, K) weights."""
    logits = space @ weights[:-1] + weights[-1]
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    return logits / logits.sum(axis=1, keepdims=True)


def _path(
    space: NDArray[np.float32], labels: NDArray[np.int64], num_classes: int, penalties: tuple[float, ...], options: HeadOptions
) -> Iterator[NDArray[np.float32]]:
    """L-BFGS in coordinates that are stretched until the loss is about as curved in all of them: some 20 steps instead of hundreds."""
    from scipy.optimize import minimize

    n, q = space.shape
    present, local = np.unique(labels, return_inverse=True)
    k = len(present)
    share = class_weights(local, k, options.balance) / np.float32(n)  # (n,), sums to 1
    variance = np.square(space).mean(axis=0)  # (q,)
    unit = 1000 / max(float(variance.sum()), 1e-12)
    rows = np.arange(n)
    mass = np.bincount(local, weights=share, minlength=k)
    start = np.zeros((q + 1, k), np.float64)
    start[-1] = np.log(mass)
    for penalty in penalties:
        alpha = penalty / unit / 10  # so that the middle of the usual penalties is the usual choice
        stretch = 1 / np.sqrt(variance * (1 - 1 / k) / k + alpha)  # (q,)
        stretched = space * stretch.astype(np.float32)
        shrink = alpha * np.square(stretch)[:, None]

        def loss(flat: NDArray[np.float64], stretched: NDArray = stretched, shrink: NDArray = shrink) -> tuple[float, NDArray[np.float64]]:
            weights = flat.reshape(q + 1, k)
            logits = stretched @ weights[:-1].astype(np.float32) + weights[-1].astype(np.float32)
            logits -= logits.max(axis=1, keepdims=True)
            given = logits[rows, local]
            np.exp(logits, out=logits)
            sums = logits.sum(axis=1)
            value = float(share @ (np.log(sums) - given)) + 0.5 * float((shrink * np.square(weights[:-1])).sum())
            logits *= (share / sums)[:, None]
            logits[rows, local] -= share
            slope = np.empty_like(weights)
            slope[:-1] = stretched.T @ logits + shrink * weights[:-1]
            slope[-1] = logits.sum(axis=0)
            return value, slope.ravel()

        begin = start.copy()
        begin[:-1] /= stretch[:, None]
        limits = {"maxiter": options.iterations, "ftol": 1e-6, "gtol": 1e-5}
        found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options=limits)
        start = found.x.reshape(q + 1, k).copy()
        start[:-1] *= stretch[:, None]
        weights = np.zeros((q + 1, num_classes), np.float32)
        weights[-1] = -30.0  # a class that was not there
        weights[:, present] = start
        yield weights


def _inner_losses(
    space: NDArray[np.float32],
    labels: NDArray[np.int64],
    fold: NDArray[np.integer],
    folds: NDArray,
    learnt: NDArray[np.bool_],
    num_classes: int,
    options: HeadOptions,
) -> NDArray[np.float64]:
    """(F, P): log loss by which each fold's penalty is chosen; no label of the fold itself has a part in it.

    Heads that saw neither fold i nor fold i + 1 are judged on both: on i + 1 for the choice of i, and on i for the choice of i + 1.
    """
    num_folds = len(folds)
    pairs: list[tuple[int, tuple[int, ...], NDArray, list[NDArray]]] = []
    losses = np.zeros((num_folds, len(options.penalties)))
    if num_folds < 3:  # nothing is left without two folds: a half of what is learnt judges the other half
        halves = np.arange(len(labels)) % 2
        outside = [learnt & (fold != held) for held in folds]
        pairs = [(i, (i,), rows & (halves == 0), [rows & (halves == 1)]) for i, rows in enumerate(outside)]
    else:
        for i in range(num_folds):
            j = (i + 1) % num_folds
            inside = [learnt & (fold == folds[j]), learnt & (fold == folds[i])]
            pairs.append((i, (i, j), learnt & (fold != folds[i]) & (fold != folds[j]), inside))
    for _, served, train, judged in pairs:
        if len(np.unique(labels[train])) < 2:
            continue
        best = np.inf
        for p, weights in enumerate(_path(space[train], labels[train], num_classes, options.penalties, options)):
            sums = 0.0
            for fold_index, rows in zip(served, judged, strict=True):
                given = probabilities(space[rows], weights)[np.arange(int(rows.sum())), labels[rows]]
                loss = float(-np.log(np.maximum(given, 1e-6)).sum())
                losses[fold_index, p] += loss
                sums += loss
            if sums > best * 1.02:  # it only gets worse from here
                for fold_index in served:
                    losses[fold_index, p + 1 :] += 1e9
                break
            best = min(best, sums)
    return losses
