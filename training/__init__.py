"""Dataset, split, augmentation, fit and evaluation of a new model version."""
