"""The page about the net of a run: what it is, how good, how sure, how quick, and against what."""
