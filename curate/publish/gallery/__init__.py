"""The gallery: a static site of suspect labels in the manner of labelerrors.com."""
