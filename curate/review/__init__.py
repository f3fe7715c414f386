"""Decisions of people: the journal, verdicts, agreement, when to stop, and what becomes of each label. Knows no FiftyOne."""
