"""CNNs: a registry of architectures, each with forward_features (B, D) and forward_head."""
