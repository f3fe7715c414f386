"""The verbs as functions: each reads a run folder and adds to it."""
