"""The training engine: recipes, augmentation, fit, predict, folds, and where the jobs run."""
