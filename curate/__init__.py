"""Find and fix wrong labels in image-classification datasets."""
