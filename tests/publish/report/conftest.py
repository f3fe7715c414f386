"""One run of a LeNet-5 and one tour through it, for all tests that read them."""

import pytest
import torch
from tour_runs import shapes_run

from curate.lab.tour.tour import write_tour


@pytest.fixture(scope="session")
def tour_run(make_shapes, write_shapes, tmp_path_factory):
    """The run and its images; its page is beside its other files, and nobody changes anything."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run, image_set = shapes_run(make_shapes, write_shapes, tmp_path_factory.mktemp("tour"))
    write_tour(run, image_set)
    torch.set_num_threads(threads)
    return run, image_set


@pytest.fixture(scope="session")
def tour_page(tour_run):
    return tour_run[0].path / "tour.html"
