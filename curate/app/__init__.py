"""All that knows FiftyOne: the database, the dataset, its views, the App."""
