"""The gallery: a static site of suspect labels in the manner of labelerrors.com, to open from a folder or to publish."""
