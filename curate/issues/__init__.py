"""Detectors from arrays to scores and flags, and the table that joins them."""
