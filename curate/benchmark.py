"""`curate.benchmark`: the verbs of `curate benchmark …`, measurements against what others published."""

from curate.bench.labelerrors import labelerrors
from curate.bench.speed import speed

__all__ = ["labelerrors", "speed"]
