"""What a network sees and what it is made of: convolutions, arithmetic, fields, saliency, the tour, the page about a model."""
