"""Cross-validated training: recipes, augmentation, extras, fit, predict, folds, executors, ensembles."""
