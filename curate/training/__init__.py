"""Cross-validated training: recipes, augmentation, fit, predict, folds, executors."""
