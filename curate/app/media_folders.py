"""Which files the App may give out: those in the folders of the dataset's images."""

import os
from typing import Any


class MediaFolders:
    """The folders that hold media of `dataset` as it is now: later changes of its paths do not widen them.

    A folder counts without its subfolders.

    Args:
        dataset: a FiftyOne dataset; `filepath` and the further media fields that the App is set to show.
    """

    def __init__(self, dataset: Any) -> None:
        self._collection = dataset._sample_collection
        self._fields = sorted({"filepath", *dataset.app_config.media_fields} & set(dataset.get_field_schema()))
        found = set().union(*(self._folders_of(field) for field in self._fields))
        self._as_written = frozenset(os.path.normpath(folder) for folder in found)
        self._resolved = frozenset(os.path.realpath(folder) for folder in found)

    def serves(self, path: str) -> bool:
        """Whether the file `path` lies in one of the folders once links and `..` are resolved, or is a link that the dataset names.

        Datasets of links are common (git-annex, DVC, the cache of the Hugging Face Hub): such a link is taken where it stands in a
        folder of the dataset and a sample has exactly this path. Whatever else leads out of the folders is refused.
        """
        if not os.path.isabs(path) or "\0" in path:
            return False
        if os.path.dirname(os.path.realpath(path)) in self._resolved:
            return True
        return os.path.dirname(path) in self._as_written and self._is_named(path)

    def _folders_of(self, field: str) -> set[str]:
        """The folders of the paths in `field`; MongoDB finds those of `filepath` in its index, and no path is sent here."""
        pipeline = [
            {"$match": {field: {"$gte": ""}}},
            {"$project": {"_id": 0, "folder": {"$regexFind": {"input": f"${field}", "regex": "^/(.*/)?"}}}},
            {"$group": {"_id": "$folder.match"}},
        ]
        return {entry["_id"] for entry in self._collection.aggregate(pipeline)} - {None}

    def _is_named(self, path: str) -> bool:
        return self._collection.find_one({"$or": [{field: path} for field in self._fields]}, {"_id": 1}) is not None
