"""The HTML report says what the run folder says, needs nothing from elsewhere, and escapes what users named."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from made_up_runs import COMPARISON, made_up_run

from curate.errors import RunError, UsageError
from curate.publish.report.page import report, write_report


class Page(HTMLParser):
    """Elements as (tag, attributes), text without markup, and the text of scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.raw = [], [], text
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag, **attributes):
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in attributes.items())]

    @property
    def suspects(self):
        return [a for a in self.all("figure") if "data-rank" in a]

    @property
    def map_data(self):
        return json.loads(re.search(r'id="map-data">(.*?)</script>', self.raw, re.S).group(1))


def report_of(path, **options):
    num_shown = options.pop("num_shown", 60)
    run, image_set = made_up_run(path, **options)
    return Page(write_report(run, image_set, num_shown=num_shown).read_text())


def test_title_says_how_many_labels_are_believed_wrong(tmp_path):
    page = report_of(tmp_path / "pets")
    assert "About 7 of 30 labels are wrong; here are the most suspect." in page.text
    assert "About 7 of 60 labels are wrong (4 to 12). We flag 6; about 5 of them are really wrong." in page.text


def test_where_nobody_can_tell_how_many_are_wrong_the_title_says_so(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    findings = json.loads((run.path / "findings.json").read_text())
    findings["detection"].update(can_count=False, reason="this judge agrees with 31 % of the labels")
    run.write_text("findings.json", json.dumps(findings))
    page = Page(write_report(run, image_set).read_text())
    assert "How many of 30 labels are wrong cannot be told; here are the most suspect." in page.text
    assert "We cannot tell how many labels are wrong: this judge agrees with 31 % of the labels. We flag the 6 most suspect" in page.text


def test_a_run_of_before_there_were_estimates_says_what_is_flagged(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    findings = json.loads((run.path / "findings.json").read_text())
    del findings["detection"]
    run.write_text("findings.json", json.dumps(findings))
    assert "6 of 30 labels (20.0 %) are probably wrong; here are the worst." in Page(write_report(run, image_set).read_text()).text


def test_below_the_suspects_the_page_shows_what_else_is_worth_a_look(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    table = pd.read_parquet(run.path / "issues.parquet")
    table["error_probability"] = np.where(table["is_label_issue"], 0.9, np.where(table["rank"] <= 10, 0.06, 0.04))
    table.to_parquet(run.path / "issues.parquet")
    page = Page(write_report(run, image_set).read_text())
    assert [int(card["data-rank"]) for card in page.suspects] == list(range(1, 11))
    assert [card["class"] for card in page.suspects] == ["card"] * 6 + ["card below"] * 4
    assert "All 6 label issues, then, in thin letters, 4 labels that are not flagged, but worth a look." in page.text
    page = Page(write_report(run, image_set, num_shown=8).read_text())
    assert "then, in thin letters, the next 2 of 4 labels that are not flagged, but worth a look." in page.text and len(page.suspects) == 8


def test_page_lies_in_the_run_folder(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    assert write_report(run, image_set) == run.path / "report.html"


def test_every_suspect_is_a_card_in_order_of_rank(tmp_path):
    page = report_of(tmp_path / "pets")
    assert [int(card["data-rank"]) for card in page.suspects] == [1, 2, 3, 4, 5, 6]


def test_suspects_are_limited_and_the_page_says_so(tmp_path):
    page = report_of(tmp_path / "pets", num_shown=4)
    assert len(page.suspects) == 4
    assert "The 4 most doubtful of 6 label issues" in page.text


def test_card_shows_given_and_suggested_label(tmp_path):
    worst = report_of(tmp_path / "pets").suspects[0]
    assert (worst["data-given"], worst["data-suggested"], worst["data-split"]) == ("cat", "dog", "train")


def test_picture_of_a_suspect_has_the_pixels_of_its_image(tmp_path):
    import base64
    import io

    from PIL import Image

    run, image_set = made_up_run(tmp_path / "pets")
    page = Page(write_report(run, image_set).read_text())
    uri = page.all("img", alt="pets/train/0")[0]["src"]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))))
    np.testing.assert_array_equal(pixels, image_set.images[0, 0])


def test_key_figures_equal_the_table(tmp_path):
    page = report_of(tmp_path / "pets")
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd><b>([^<]+)</b>", page.raw))
    assert figures == {
        "Samples": "30",
        "Label issues": "6",
        "Outliers": "4",
        "Near duplicates": "4",
        "Leaks": "2",
        "Out-of-fold accuracy": "80.00\u00a0%",
    }


def test_heat_map_counts_add_up_to_the_flagged_samples(tmp_path):
    page = report_of(tmp_path / "pets")
    heat = page.raw[page.raw.index('<table class="heat') : page.raw.index("</table>")]
    assert sum(int(n) for n in re.findall(r">([\d,]+)</a></td>", heat)) == 6


def test_map_holds_every_sample_and_every_suspect(tmp_path):
    import base64

    page = report_of(tmp_path / "pets", num_unlabelled=3)
    data = page.map_data
    packed = np.frombuffer(base64.b64decode(data["points"]), dtype="<u2").reshape(3, -1)
    assert packed.shape == (3, 30)
    assert np.bincount(packed[2])[[0, 1, 2, 65535]].tolist() == [9, 9, 9, 3]
    assert len(data["rings"]) == 6


def test_leaking_sets_come_first_among_the_duplicates(tmp_path):
    page = report_of(tmp_path / "pets")
    captions = re.findall(r"<figcaption>(2 pictures.*?)</figcaption>", page.raw)
    assert ["across splits" in caption for caption in captions] == [True, False]


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    page = report_of(tmp_path / "pets", comparison=COMPARISON)
    assert not re.search(r"https?:|//[a-z]|@import", re.sub(r"[A-Za-z0-9+/=]{60,}", "", page.raw.replace("// ", "")))
    sources = [a[k] for _, a in page.elements for k in ("src", "href") if k in a]
    assert all(s.startswith(("data:", "#")) for s in sources)


def test_policy_of_the_page_forbids_requests(tmp_path):
    policies = [a["content"] for a in report_of(tmp_path / "pets").all("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0].startswith("default-src 'none'; img-src data:;")


def test_class_names_are_escaped_everywhere(tmp_path):
    evil = "<script>alert(1)</script>"
    page = report_of(tmp_path / "pets", class_names=(evil, '"><img src=x onerror=y>', "a&b'</style>"))
    assert evil not in page.raw
    assert len(page.all("script")) == 2
    assert not [a for a in page.all("img") if "onerror" in a]
    assert page.suspects[0]["data-given"] == evil
    assert page.map_data["names"][0]["name"] == evil


def test_class_called_na_keeps_its_name(tmp_path):
    page = report_of(tmp_path / "pets", class_names=("NA", "null", "007"))
    assert {a["title"] for a in page.all("th", scope="row") if "title" in a} == {"NA", "null", "007"}


def test_without_comparison_the_command_is_named(tmp_path):
    page = report_of(tmp_path / "pets")
    assert "Not measured yet" in page.text
    assert "curate compare ./pets" in page.text  # by its folder, since it does not lie among the runs


def test_comparison_shows_both_accuracies_and_the_interval(tmp_path):
    page = report_of(tmp_path / "pets", comparison=COMPARISON)
    assert "91.00 % before 95.00 % after +4.00 points" in page.text
    assert "95 % interval +1.00 to +7.00" in page.text
    assert "the interval lies above zero" in page.text


def test_interval_over_zero_is_called_no_difference(tmp_path):
    test = {**COMPARISON["test"][0], "interval": [-0.01, 0.09]}
    assert "No difference is shown" in report_of(tmp_path / "pets", comparison={**COMPARISON, "test": [test]}).text


def test_gain_that_other_pictures_might_not_show_is_said_so(tmp_path):
    test = {**COMPARISON["test"][0], "interval_with_images": [-0.01, 0.09]}
    text = report_of(tmp_path / "pets", comparison={**COMPARISON, "test": [test]}).text
    assert "other pictures of the same kind might not show it" in text
    assert "with other test pictures −1.00 to +9.00" in text


def test_hundred_classes_show_the_most_confused_ones_only(tmp_path):
    names = [f"class {i:03d}" for i in range(100)]
    page = report_of(tmp_path / "pets", class_names=names, per_class=3, num_flagged=40)
    heat = page.raw[page.raw.index('<table class="heat') :]
    heat = heat[: heat.index("</table>")]
    assert len(re.findall(r'<th scope="row"', heat)) == 15
    assert "Of 100 classes only the 15 with the most label issues are shown" in page.text
    assert len(page.all("th", scope="row", title="class 099")) == 1  # the table of classes has them all


def test_unlabelled_samples_are_counted_and_not_called_wrong(tmp_path):
    page = report_of(tmp_path / "pets", num_unlabelled=5)
    assert "7 of 25 labels" in page.text
    assert "5 samples have no label" in page.text


def test_wholly_unlabelled_set_has_a_report(tmp_path):
    page = report_of(tmp_path / "pets", num_unlabelled=30, num_flagged=0)
    assert "No label was judged: no picture has a class" in page.text
    assert page.suspects == []


def test_clean_set_shows_its_closest_calls(tmp_path):
    page = report_of(tmp_path / "pets", num_flagged=0)
    assert "No label is flagged; these come closest." in page.text
    assert len(page.suspects) == 12


def test_run_without_projection_has_no_map(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    (run.path / "projection.npy").unlink()
    page = Page(write_report(run, image_set).read_text())
    assert page.all("canvas") == []
    assert "#map" not in [a.get("href") for a in page.all("a")]


def test_large_colour_images_are_scaled_down(tmp_path):
    import base64
    import io

    from PIL import Image

    page = report_of(tmp_path / "pets", shape=(3, 400, 240))
    uri = page.all("img")[0]["src"]
    assert Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).size == (154, 256)


def test_run_that_was_not_judged_names_the_step(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    (run.path / "issues.parquet").unlink()
    with pytest.raises(RunError, match="curate find"):
        write_report(run, image_set)


def test_images_of_another_set_are_refused(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    with pytest.raises(RunError, match="which are not the 29 of 'pets'"):
        write_report(run, image_set.subset(np.arange(29)))


def test_steps_show_time_and_memory(tmp_path):
    text = report_of(tmp_path / "pets").text
    assert "train 2 min 05 s 2.0 GiB" in text


def test_report_of_seventy_thousand_samples_stays_under_three_megabytes(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets", class_names="0123456789", per_class=7000, num_flagged=500, shape=(1, 28, 28))
    assert write_report(run, image_set).stat().st_size < 3_000_000


def test_worst_class_comes_first(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    health = run.path / "class_health.csv"
    health.write_text(re.sub(r"owl,10,2,", "owl,10,7,", health.read_text()))
    page = Page(write_report(run, image_set).read_text())
    classes = re.findall(r'<th scope="row" title="(\w+)">', page.raw[page.raw.index('id="classes"') :])
    assert classes == ["owl", "cat", "dog"]


def test_order_of_classes_with_equal_shares_is_that_of_the_dataset(tmp_path):
    page = report_of(tmp_path / "pets", num_flagged=6)
    classes = re.findall(r'<th scope="row" title="(\w+)">', page.raw[page.raw.index('id="classes"') :])
    assert classes == ["cat", "dog", "owl"]


def test_provenance_leaves_out_what_was_not_set(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    run.meta["config"] = {"recipe": {"peak_lr": 0.005, "momentum": None}}
    text = Page(write_report(run, image_set).read_text()).text
    assert "recipe · peak lr 0.005" in text
    assert "momentum" not in text


def test_the_page_names_no_folders_of_the_machine(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    skipped = [f"/home/ann/secret/{i}.png" for i in range(3)]
    origin = {"kind": "folder", "source": "/home/ann/secret/pets", "labels": "/home/ann/secret/labels.csv", "skipped": skipped}
    run.update("dataset", origin=origin)
    run.replace_sections(command="curate audit /home/ann/secret/pets --labels=/home/ann/secret/labels.csv")
    text = write_report(run, image_set).read_text()
    assert "/home/ann" not in text and str(tmp_path) not in text
    assert "curate audit pets --labels=labels.csv" in text and "3 files" in text


def test_a_page_elsewhere_leaves_the_run_as_it_was(tmp_path):
    run, image_set = made_up_run(tmp_path / "pets")
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    assert report(run, image_set, to=tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before
    with pytest.raises(UsageError, match="give --to a file that ends in"):
        report(run, image_set, to=tmp_path)


def test_pairs_stand_alone_where_hundreds_of_classes_leave_a_table_empty():
    from curate.publish.report.confusion import NUM_PAIRS_ALONE, NUM_TOP_PAIRS, make_confusion

    names = tuple(f"c{k:03}" for k in range(300))
    spread = pd.DataFrame({"given_label": names[:150], "suggested_label": names[150:], "num_samples": [1] * 150})
    assert not make_confusion(spread, names).has_table and len(make_confusion(spread, names).top_pairs) == NUM_PAIRS_ALONE
    few = pd.DataFrame({"given_label": names[:12], "suggested_label": names[1:13], "num_samples": [3] * 12})
    assert make_confusion(few, names).has_table and len(make_confusion(few, names).top_pairs) == NUM_TOP_PAIRS
