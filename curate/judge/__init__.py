"""Judges: from an image set to out-of-fold probabilities and embeddings, by nets, by features or as given."""
