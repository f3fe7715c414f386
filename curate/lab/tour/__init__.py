"""The tour: one page that leads a newcomer through a convolutional network."""
