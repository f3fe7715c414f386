"""From an issue table to a cleaned dataset, and whether that helped."""
