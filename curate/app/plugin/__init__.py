"""What FiftyOne executes when it loads the plugin; the code is in `curate.app.review`."""

from curate.app.review.operators import register

__all__ = ["register"]
