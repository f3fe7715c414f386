"""The HTML report: one self-contained page per run, for an analyst and for a manager."""
