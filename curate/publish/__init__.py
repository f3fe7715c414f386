"""What leaves a run for others: the report, the gallery, exports, trackers."""
