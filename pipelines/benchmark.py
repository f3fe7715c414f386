"""Cross-validation of MNIST by curate and by skorch in cross_val_predict, in turns: the ratio of times in docs/measured.md.

python pipelines/benchmark.py [--rounds 3] [--stages]
"""

import argparse

import records

from curate.bench.speed import speed
from curate.cli.output import working
from curate.cli.verbs_benchmark import render_speed
from curate.sources import load_source


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--stages", action="store_true", help="time what follows training, too")
    options = parser.parse_args()
    with working() as progress:
        image_set = load_source(options.dataset, progress=progress)
        result = speed(
            image_set, model=options.model, preset=options.preset, rounds=options.rounds, with_stages=options.stages, progress=progress
        )
    render_speed(result)
    values = {key: result[key] for key in ("rounds", "median", "one_net", "operators", "stages", "limit")}
    records.append_measured(f"benchmark speed {options.dataset} {options.model}", result, values)


if __name__ == "__main__":
    main()
