"""A LeNet-5 run on shapes, and the tour through it, read as elements."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from making import train
from PIL import Image

from curate.data.load import load
from curate.find.find import find

NUM, NUM_TEST, SIZE = 240, 60, 28
VOID = {"meta", "link", "img", "br"}


def shapes_run(make_shapes, write_shapes, folder, *, model="lenet5", channels=1):
    """A run of two folds, and its images; every tenth label is wrong."""
    shapes = make_shapes(NUM, num_test=NUM_TEST, size=SIZE)
    labels = shapes.labels.copy()
    labels[::10] = (labels[::10] + 1) % 3
    image_set = load(str(write_shapes(shapes.with_labels(labels), folder / "shapes")))
    run = train(image_set, folder / "runs" / "shapes", model=model, preset="default", num_folds=2, device="cpu")
    find(run, image_set, with_map=False)
    return run, image_set


class Tour(HTMLParser):
    """The page, and for each section its elements as (tag, attributes) and its text."""

    def __init__(self, raw):
        super().__init__()
        self.raw, self.elements, self.sections, self._now, self._inside = raw, [], {}, None, []
        self.feed(raw)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if tag == "section":
            self._now = self.sections.setdefault(attributes["id"], {"elements": [], "text": "", "code": ""})
        if self._now is not None:
            self._now["elements"].append((tag, attributes))
        if tag not in VOID:
            self._inside.append(tag)

    handle_startendtag = HTMLParser.handle_startendtag

    def handle_endtag(self, tag):
        if tag == "section":
            self._now = None
        if self._inside:
            self._inside.pop()

    def handle_data(self, data):
        if self._now is not None and "style" not in self._inside:
            self._now["text"] += f" {data}"
            if "code" in self._inside:
                self._now["code"] += data

    def all(self, tag):
        return [attributes for found, attributes in self.elements if found == tag]

    def text(self, section):
        return re.sub(r"\s+", " ", self.sections[section]["text"])

    def command(self, section):
        return self.sections[section]["code"].strip()

    @property
    def images(self):
        """Addresses of all images."""
        return [a["src"] for a in self.all("img")] + [a["xlink:href"] for a in self.all("image")]

    @property
    def drawings(self):
        """The SVG elements as text."""
        return re.findall(r"<svg.*?</svg>", self.raw, re.DOTALL)


def pixels(uri):
    """The image in a data URI."""
    head, _, packed = re.sub(r"\s", "", uri).partition(",")
    assert re.fullmatch(r"data:image/(png|jpeg);base64", head)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(packed))))
