"""Measurements against what others published, and with errors that are known."""
