"""Issues and what they are worth: detectors from arrays to flags, scores, counts and one table."""
