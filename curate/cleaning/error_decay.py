"""How the chance of an error falls along the queue of suspects: a small Bayesian fit on a grid."""

import numpy as np
from numpy.typing import NDArray

NUM_DRAWS = 1000
INTERCEPTS = np.linspace(-10, 10, 81)
SLOPES = np.linspace(-7.5, 0, 31)  # never rising
SLOPE_SCALE = 2.5


def error_chances(used: NDArray[np.int64], is_error: NDArray[np.bool_], ahead: NDArray[np.int64], *, seed: int = 0) -> NDArray[np.float64]:
    """Draws of the chance that each suspect ahead is an error, from the posterior given those that are decided.

    The chance is logistic in the logarithm of the rank. Its intercept has Jeffreys' prior in the middle of `used`, so that a flat queue
    gives what a plain share gives; its slope, per standard deviation of the log-ranks in `used`, a half-normal prior of scale 2.5.

    Args:
        used: (W,), at least two different places in the queue, 0 = most suspect.
        is_error: (W,), what was decided there.
        ahead: (n,), the places in question.
        seed: of the draws.

    Returns:
        (1000, n) in [0, 1]; a row is one draw.
    """
    from scipy.special import expit

    centre, spread = np.log1p(used).mean(), np.log1p(used).std()
    x, x_ahead = (np.log1p(used) - centre) / spread, (np.log1p(ahead) - centre) / spread
    intercepts, slopes = (axis.ravel() for axis in np.meshgrid(INTERCEPTS, SLOPES, indexing="ij"))
    logits = intercepts[:, None] + slopes[:, None] * x  # (G, W)
    log_posterior = (is_error * logits - np.logaddexp(0, logits)).sum(axis=1)
    log_posterior += 0.5 * intercepts - np.logaddexp(0, intercepts) - 0.5 * (slopes / SLOPE_SCALE) ** 2
    weights = np.exp(log_posterior - log_posterior.max())
    cells = np.random.default_rng(seed).choice(len(weights), NUM_DRAWS, p=weights / weights.sum())
    return expit(intercepts[cells, None] + slopes[cells, None] * x_ahead)
