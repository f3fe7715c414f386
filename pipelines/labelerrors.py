"""The label errors that labelerrors.com published, found again: from its probabilities, and from our own over several seeds.

    python pipelines/labelerrors.py ../shared/data/labelerrors-mnist [--seeds 3] [--preset default]

Of each dataset in the folder that the catalog has, `--seeds` runs are trained as `curate audit` does. The votes are used to measure,
never to detect.
"""

import argparse
from pathlib import Path

import numpy as np
import records

import curate
from curate.bench.labelerrors import labelerrors
from curate.bench.published import read_published
from curate.cli.output import jsonable, working
from curate.cli.verbs_benchmark import render_labelerrors
from curate.data.catalog import CATALOG
from curate.find.find import find
from curate.run import Run, run_path
from curate.sources import load_source

MEASURED = ("average_precision", "last_error_rank", "num_errors_in_first_60", "num_errors_in_first_100", "f1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="files of the label-errors repository")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    runs: dict[str, list[Run]] = {}
    with working() as progress:
        for name in (dataset.name for dataset in read_published(options.folder)[0] if dataset.name in CATALOG):
            image_set = load_source(name, progress=progress)
            for seed in range(options.seeds):
                path = run_path(f"labelerrors-{name}-{options.preset}-s{seed}")
                run = curate.train(
                    image_set,
                    run=path,
                    judge=curate.Nets(preset=options.preset, seed=seed),
                    command="pipelines/labelerrors.py",
                    progress=progress,
                ).run
                find(run, image_set, with_map=False, progress=progress)
                runs.setdefault(name, []).append(run)
        result = labelerrors(options.folder, runs=[run for of_one in runs.values() for run in of_one])
    render_labelerrors(result)
    for name, of_one in runs.items():
        ours = [each for each in result["detection"] if each["ranked_by"] in {f"run {run.name}" for run in of_one}]
        for key in MEASURED:
            values = [each[key] for each in ours]
            print(f"{name} {key:24} mean {np.mean(values):.4g}  lowest {min(values):.4g}  highest {max(values):.4g}")
        published = [each for each in result["detection"] if each["name"] == name and each not in ours]
        table = next(each for each in result["datasets"] if each["name"] == name)
        values = {"seeds": list(range(len(ours))), "each": ours, "published": published, "table": table}
        records.append(f"labelerrors {name} {options.preset}", of_one[-1], jsonable(values))


if __name__ == "__main__":
    main()
