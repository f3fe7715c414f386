"""Whether cleaning helped: nets trained before and after, and the difference with its interval."""
