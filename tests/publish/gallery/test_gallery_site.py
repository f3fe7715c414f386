"""The site says what the run folder says, needs nothing from elsewhere, and tells nothing that is nobody's business."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from pets_gallery import CLASSES, NUM_FLAGGED, decision, make_pets, make_run, pet_id

from curate.errors import RunError, UsageError
from curate.publish.gallery.credits import credits_of, public_command
from curate.publish.gallery.site import gallery
from curate.review.journal import append_decisions


class Page(HTMLParser):
    """Elements as (tag, attributes), the text outside scripts and styles, and the inline scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.scripts = [], [], []
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag):
        self._inside = None

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag):
        return [attributes for found, attributes in self.elements if found == tag]


def page_of(run, image_set, **options):
    return Page(gallery(run, image_set, **options)["gallery"].read_text())


def test_the_site_is_a_page_its_data_and_its_pictures(reviewed):
    result = gallery(*reviewed)
    folder = reviewed[0].path / "gallery"
    counts = {"num_pictures": NUM_FLAGGED + 1, "num_reviewed": 6, "num_errors": 2, "num_stale_decisions": 0}
    assert result == {"run": "pets", "gallery": folder / "index.html", **counts}
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == ["data.js", "images", "images/0.png", "index.html"]


def test_the_lead_counts_doubts_reviews_and_errors(reviewed):
    page = page_of(*reviewed)
    assert "A model doubts 9 of 40 labels. People looked at 6 of the 10 pictures shown here and confirmed 2 errors." in page.text
    assert "Label errors in pets" in page.text


def test_a_decision_about_another_given_label_is_not_shown_under_todays(pets, tmp_path):
    run = make_run(tmp_path / "pets", *pets)
    append_decisions(run.path / "decisions.jsonl", [decision(5, "ok", given=CLASSES[0]), decision(6, "ok", given=CLASSES[0])])
    result = gallery(run, pets[0])  # sample 5 is given class 2 today, sample 6 class 0
    assert (result["num_reviewed"], result["num_stale_decisions"]) == (1, 1)


def test_what_nobody_reviewed_is_called_suspect(pets, tmp_path):
    page = page_of(make_run(tmp_path / "pets", *pets), pets[0])
    assert "Nobody has reviewed them yet, so they are suspects, not errors." in page.text
    assert "Suspect labels in pets" in page.text


def test_a_limit_is_told(reviewed):
    assert "Here are the 3 worst of 10." in page_of(*reviewed, limit=3).text


def test_the_page_asks_for_nothing_but_its_data(reviewed):
    page = page_of(*reviewed)
    sources = [attributes[key] for _, attributes in page.elements for key in ("src", "href", "srcset", "action") if attributes.get(key)]
    assert [source for source in sources if not source.startswith(("#", "data:"))] == ["data.js"]


def test_the_content_policy_lets_its_own_script_run_and_forbids_the_rest(reviewed):
    page = page_of(*reviewed)
    [policy] = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    own = base64.b64encode(hashlib.sha256("".join(page.scripts).strip("\n").encode() + b"\n").digest()).decode()
    assert f"'sha256-{own}'" in policy
    assert "default-src 'none'" in policy and "http" not in policy and "script-src 'self' file: 'sha256-" in policy


def test_a_title_is_text_and_not_markup(reviewed):
    page = page_of(*reviewed, title="Cats <script>alert(1)</script> & dogs")
    assert "Cats <script>alert(1)</script> & dogs" in page.text
    assert len(page.all("script")) == 2


def test_the_foot_tells_model_accuracy_and_date(reviewed):
    text = page_of(*reviewed).text
    assert "lenet5, 3 folds" in text and "77.50% of 40 labels" in text and "curate 0.1.0, torch 2.15.0" in text
    assert reviewed[0].meta["created"][:10] in text


def test_licence_and_source_of_a_catalog_dataset_are_known():
    known = credits_of({"dataset": {"name": "mnist", "origin": {"source": "mnist"}}})
    assert known.title.startswith("MNIST") and "CC BY-SA" in known.licence and known.source.startswith("http")


def test_licence_and_source_can_be_given(reviewed):
    page = page_of(*reviewed, licence="CC0 <1.0>", source="https://example.org/pets")
    assert "CC0 <1.0>" in page.text
    assert {"href": "https://example.org/pets", "rel": "noopener noreferrer"} in page.all("a")


def test_a_source_that_is_no_web_address_is_no_link(reviewed):
    page = page_of(*reviewed, source="javascript:alert(1)")
    assert "javascript:alert(1)" in page.text
    assert not [a for a in page.all("a") if a["href"].startswith("javascript")]


@pytest.mark.parametrize(
    ("command", "public"),
    [
        ("curate audit mnist --no-app", "curate audit mnist --no-app"),
        ("curate audit /home/jane/pets --labels=/mnt/x/new.csv", "curate audit pets --labels=new.csv"),
        ("curate audit '~/my pets' --root ../secret/place", "curate audit 'my pets' --root place"),
        ("curate audit fiftyone:pets --field ground_truth", "curate audit fiftyone:pets --field ground_truth"),
        ("curate audit 'half", ""),
    ],
)
def test_folders_of_the_machine_are_not_published(command, public):
    assert public_command(command) == public


def test_nothing_in_the_site_names_a_folder_or_a_reviewer(pets, reviewed, tmp_path):
    run = make_run(tmp_path / "secret" / "pets", *pets, command="curate audit /home/jane/pets")
    append_decisions(run.path / "decisions.jsonl", [])
    (run.path / "decisions.jsonl").write_bytes((reviewed[0].path / "decisions.jsonl").read_bytes())
    index = gallery(run, pets[0])["gallery"]
    content = index.read_text() + (index.parent / "data.js").read_text()
    assert not [word for word in ("jane", "secret", str(tmp_path), '"ann"', '"ben"') if word in content]


def test_the_same_run_gives_the_same_bytes(reviewed, tmp_path):
    folders = [gallery(*reviewed, to=tmp_path / name)["gallery"].parent for name in ("one", "two")]
    one, two = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in folders)
    assert one == two


def test_votes_of_labelerrors_count_beside_the_journal(reviewed, tmp_path):
    names = {"given_original_label_name": CLASSES[36 % 3], "our_guessed_label_name": "dog"}
    votes = tmp_path / "votes.json"
    votes.write_text(json.dumps([{"id": 36, **names, "mturk": {"given": 1, "guessed": 4, "neither": 0}}]))
    result = gallery(*reviewed, votes=votes, only="errors")
    script = (result["gallery"].parent / "data.js").read_text()
    data = json.loads(script.removeprefix("window.GALLERY = ").removesuffix(";\n"))
    assert (result["num_errors"], data["id"][-1]) == (3, pet_id(36).removeprefix("pets/"))
    assert data["opinions"]["2"] == [[1, 4], [0, 1]]


def test_a_foreign_folder_is_refused_before_anything_is_read(reviewed, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_text("")
    with pytest.raises(UsageError, match=r"holds cat\.png"):
        gallery(*reviewed, to=tmp_path / "photos")


def test_pictures_in_colour_are_shown_in_colour(tmp_path):
    image_set, table = make_pets(shape=(3, 8, 8))
    index = gallery(make_run(tmp_path / "pets", image_set, table), image_set)["gallery"]
    from PIL import Image

    with Image.open(index.parent / "images" / "0.png") as picture:
        assert picture.mode == "RGB"


def test_pictures_of_other_samples_are_refused(reviewed):
    run, image_set = reviewed
    with pytest.raises(RunError, match="which are not the 20 of 'pets'"):
        gallery(run, image_set.subset(np.arange(20)))
