"""The tour: one page with every station, which needs nothing but itself and tells what is really computed."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
from tour_runs import SIZE, Tour, pixels

from curate.errors import DataError, RunError
from curate.judge.fold_nets import RunNets
from curate.lab.tour.drawings import busiest_window
from curate.lab.tour.stations_image import numbers
from curate.lab.tour.stations_seeing import maps
from curate.lab.tour.subject import make_subject
from curate.lab.tour.tour import SECTIONS, write_tour
from curate.run import Run

STATIONS = [
    "numbers", "kernels", "walks", "product", "pooling", "channels", "one-by-one", "arithmetic", "fields", "shifts",
    "filters", "maps", "excitement", "suspects", "why", "mistakes",
]  # fmt: skip
OF_DIGITS = 2  # the loss and transfer learning are shown on digits only


@pytest.fixture(scope="module")
def made(tour_run):
    return tour_run


@pytest.fixture(scope="module")
def page(tour_page):
    return Tour(tour_page.read_text())


def test_every_station_is_there_in_its_order(page):
    assert list(page.sections) == [*STATIONS, "audit"] and len(SECTIONS) == len(STATIONS) + OF_DIGITS


def test_every_station_has_a_heading_words_pictures_and_one_command(page):
    for name in STATIONS:
        section = page.sections[name]
        tags = [tag for tag, _ in section["elements"]]
        classes = [attributes.get("class") for _, attributes in section["elements"]]
        assert tags.count("h2") == tags.count("code") == classes.count("words") == 1, name
        assert tags.count("svg") + tags.count("img") >= 1, name
        assert page.command(name).startswith("curate explain "), name


def test_every_station_is_in_the_bar_of_links(page):
    assert [a["href"] for a in page.all("a") if a["href"] != "#top"] == [f"#{name}" for name in STATIONS]


def test_every_figure_says_what_it_shows(page):
    labels = [a["aria-label"] for a in page.all("svg")]
    assert len(labels) >= 20 and all(len(label) > 25 for label in labels)


def test_every_image_can_be_decoded_and_is_large_enough_to_see(page):
    shapes = [pixels(uri).shape for uri in page.images]
    assert len(shapes) > 150 and min(min(shape[:2]) for shape in shapes) >= 10


def test_every_drawing_is_sound_xml(page):
    for drawing in page.drawings:
        ElementTree.fromstring(drawing)


def test_nothing_is_loaded_from_elsewhere(page):
    assert all(a.get(key, "#").startswith(("#", "data:")) for _, a in page.elements for key in ("src", "href", "xlink:href"))
    assert not page.all("script") and "@import" not in page.raw
    assert set(re.findall(r"url\(([^)]*)\)", page.raw)) <= set(re.findall(r"url\((#\w+)\)", page.raw)) | {
        f"#{a['id']}" for _, a in page.elements if "id" in a
    }
    named_only = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}  # namespaces
    assert set(re.findall(r"https?://[^\"'\s)]+", page.raw)) <= named_only


def test_policy_of_the_tour_forbids_requests(page):
    [policy] = [a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;") and "script-src" not in policy


def test_numbers_are_those_of_the_image(made, page):
    image = made[1].images[0, 0]
    top, left = busiest_window(image, 14)
    shown = [int(word) for word in page.text("numbers").split() if word.isdecimal()]
    wanted = image[top : top + 14, left : left + 14].ravel().tolist()
    assert any(shown[i : i + len(wanted)] == wanted for i in range(len(shown)))


def test_busiest_window_has_the_largest_deviation_of_all():
    image = np.random.default_rng(0).integers(0, 256, (12, 11)).astype(np.uint8)
    deviations = {(y, x): image[y : y + 5, x : x + 5].std() for y in range(8) for x in range(7)}
    assert busiest_window(image, 5) == max(deviations, key=deviations.get)


def test_product_tells_the_difference_from_torch(page):
    difference = re.search(r"torch's own convolution says is (?:less than )?([\d.]+),", page.text("product")).group(1)
    assert float(difference.rstrip(".")) < 1e-4


def test_table_of_layers_adds_up_to_the_parameters_of_the_net(made, page):
    net = RunNets(*made).fold_net().net
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r'<tr><th scope="row">.*?</tr>', page.raw)]
    terms = [int(row[2].rpartition(" = ")[2].replace(",", "")) for row in rows if row[2]]  # the column of parameters
    assert len(terms) == 5 and sum(terms) == sum(parameter.numel() for parameter in net.parameters())
    assert f"{sum(terms):,} numbers" in page.text("arithmetic")


def test_accuracy_under_a_shift_is_that_of_the_net_that_held_the_images_out(made, page):
    run, image_set = made
    judge = RunNets(run, image_set).judge(0)
    held_out = np.flatnonzero(run.load_array("fold.npy")[0] == judge.fold)
    with torch.no_grad():
        for shift, said in zip((0, 2, 8), re.findall(r"([\d.]+) % (?:read|two|8 pixels)", page.text("shifts")), strict=True):
            moved = np.roll(image_set.images[held_out], shift, axis=-1)
            right = judge.net(judge.normalised(moved)).argmax(1).numpy() == image_set.labels[held_out]
            assert float(said) == pytest.approx(100 * right.mean(), abs=0.06)


def test_mistakes_are_counted_as_the_probabilities_have_them(made, page):
    run, image_set = made
    predicted = run.load_array("pred_probs.npy").argmax(1)
    wanted = np.zeros((3, 3), int)
    np.add.at(wanted, (image_set.labels, predicted), 1)
    np.fill_diagonal(wanted, 0)
    drawing = page.drawings[-1]
    counts = [int(n) for n in re.findall(r"fill: var\(--c1\)[^>]*>(\d+)<", drawing)]
    assert sorted(counts) == sorted(wanted[wanted > 0].tolist())


def test_suspects_are_the_worst_of_the_table(made, page):
    table = made[0].load_table("issues.parquet", verb="find")
    worst = table[table["is_label_issue"]].sort_values("rank")["sample_id"].head(14).tolist()
    assert worst and [a["alt"] for a in page.all("img")] == worst
    assert worst[0] in page.command("why")


def test_numbers_on_pictures_keep_their_colour_in_the_dark(page):
    kernels = page.drawings[1]
    assert "#010101" in kernels and "#fefefe" in kernels


def test_another_sample_is_led_through(made):
    sample_id = str(made[1].sample_ids[7])
    subject = make_subject(*made, sample_id)
    np.testing.assert_array_equal(subject.image, made[1].images[7, 0])
    assert sample_id in maps(subject).command and sample_id in numbers(subject).pictures[0].caption


def test_run_of_another_net_is_refused(made):
    run, image_set = made
    other = Run(run.path, {**run.meta, "config": {**run.meta["config"], "model": "mnist-cnn"}})
    with pytest.raises(RunError, match="goes through a lenet5, and run 'shapes' has a mnist-cnn"):
        write_tour(other, image_set)


def test_colour_images_are_refused(made, make_shapes):
    with pytest.raises(DataError, match="takes grey images, those of 'shapes' have 3 channels"):
        write_tour(made[0], make_shapes(12, size=SIZE, channels=3))


def test_unknown_sample_of_the_tour_is_told(made):
    with pytest.raises(DataError, match="no sample 'shapes/nowhere'"):
        write_tour(*made, sample_id="shapes/nowhere")
