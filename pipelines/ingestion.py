"""How fast samples with all fields get into FiftyOne: documents written directly against FiftyOne's own `add_samples`.

    python pipelines/ingestion.py [--run mnist] [--samples 20000] [--times 3]

Both write the same values of the same audited run, in turn, into datasets of a mongod of their own.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import records

from curate.app.mongod import private_mongod
from curate.run import Run, run_path
from curate.sources import images_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", default="mnist", help="an audited run")
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--times", type=int, default=3)
    options = parser.parse_args()
    run = Run.open(run_path(options.run))
    with tempfile.TemporaryDirectory() as folder, private_mongod(Path(folder), cache_gb=1) as uri:
        os.environ["FIFTYONE_DATABASE_URI"] = uri
        values = measure(run, options.samples, options.times)
    medians = {way: statistics.median(seconds) for way, seconds in values.items()}
    for way, seconds in values.items():
        print(f"{way:12} median {medians[way]:6.1f} s   {options.samples / medians[way]:7,.0f} samples a second   of {seconds}")
    ratio = medians["add_samples"] / medians["documents"]
    print(f"{ratio:.1f} times as fast as add_samples")
    records.append(f"ingestion {options.run} {options.samples}", run, {"seconds": values, "ratio_of_medians": round(ratio, 2)})


def measure(run: Run, num_samples: int, num_times: int) -> dict[str, list[float]]:
    """Seconds of each of `num_times` runs of both ways, one after the other in turn; from columns of values to stored samples."""
    from curate.app.database import connect, quiet_fiftyone
    from curate.app.documents import write_documents
    from curate.app.fields import declare_fields
    from curate.app.sample_columns import read_issue_table, sample_columns
    from curate.app.samples import documents_are_sound, write_samples

    connect()
    import fiftyone as fo

    if not documents_are_sound():
        raise SystemExit("this FiftyOne stores samples in another form: curate uses add_samples here, and there is nothing to compare")
    image_set = images_of(run)
    files = [f"/images/{i}.png" for i in range(len(image_set))]  # FiftyOne does not open them
    columns = sample_columns(read_issue_table(run, image_set), image_set, files)
    columns = {name: column[:num_samples] for name, column in columns.items()}
    embeddings = run.load_array("embeddings.npy")[:num_samples]
    seconds: dict[str, list[float]] = {"documents": [], "add_samples": []}
    with quiet_fiftyone():
        for i in range(num_times):
            for way, write in (("documents", write_documents), ("add_samples", write_samples)):
                dataset = fo.Dataset(f"{way}-{i}")
                dataset.media_type = "image"
                declare_fields(dataset)
                start = time.perf_counter()
                write(dataset, columns, embeddings)
                seconds[way].append(round(time.perf_counter() - start, 2))
                if dataset.count() != num_samples:
                    raise SystemExit(f"{way} wrote {dataset.count()} of {num_samples} samples")
                dataset.delete()
    return seconds


if __name__ == "__main__":
    main()
