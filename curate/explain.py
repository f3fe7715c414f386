"""`curate.explain`: the verbs of `curate explain …` that need no run; those about a run are methods of an Audit."""

from curate.lab.explain_image import conv, invariance, load_image, pool
from curate.lab.explain_net import arithmetic_of, receptive_field
from curate.lab.explain_shift import shifts_of

equivariance = shifts_of
arithmetic = arithmetic_of

__all__ = ["arithmetic", "conv", "equivariance", "invariance", "load_image", "pool", "receptive_field"]
