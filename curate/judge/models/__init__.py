"""CNNs: a registry of architectures, each with features (B, D) and a classifier on them."""
