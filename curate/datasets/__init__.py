"""Image-classification datasets: the catalog, fetching, reading, and the user's own folders and manifests."""
