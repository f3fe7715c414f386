"""The only package that imports fiftyone: the database, the dataset, its views, the App."""
