"""Nets and classes with fewer pictures than folds: kept, trained on where it can be, judged by neighbours, marked."""

import numpy as np

import curate
from curate.judge.nets import Nets
from curate.options import Place
from curate.sources import from_arrays


def bands(counts, seed=0):
    """Pictures of 16 pixels, each class a bright band at another height, on noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    images = rng.integers(0, 60, (len(labels), 16, 16))
    for image, label in zip(images, labels, strict=True):
        image[4 * label : 4 * label + 4] += 180
    return from_arrays(images.astype(np.uint8), labels, class_names=["top", "upper", "lower", "rare"][: len(counts)], name="bands")


def test_a_rare_class_is_kept_judged_by_neighbours_and_marked(tmp_path, one_thread):
    image_set = bands([40, 40, 40, 3])
    judge = Nets(model="lenet5", preset="quick", num_folds=5)
    made = curate.audit(image_set, judge=judge, place=Place(device="cpu"), run=tmp_path / "run")
    assert made.run.meta["judged"] == {"weak_classes": ["rare"], "num_judged_weakly": 3}
    probs = np.asarray(made.pred_probs)
    np.testing.assert_allclose(probs.sum(1), 1, atol=1e-5)
    assert (probs[120:].argmax(1) == 3).all()  # the nearest of the three are the other two
    table = made.issues.set_index("sample_id")
    assert table["is_judged_weakly"].sum() == 3 and table.loc["bands/121", "is_judged_weakly"]
    assert "Judged weakly" in (tmp_path / "run" / "report.html").read_text()


def test_a_picture_alone_in_its_class_is_judged_too(tmp_path, one_thread):
    made = curate.train(bands([40, 40, 1]), judge=Nets(model="lenet5", preset="quick"), place=Place(device="cpu"), run=tmp_path / "run")
    assert made.run.meta["judged"]["weak_classes"] == ["lower"]
    assert np.isfinite(np.asarray(made.pred_probs)).all()


def test_several_repeats_say_the_same_of_rare_samples(tmp_path, one_thread):
    judge = Nets(model="lenet5", preset="quick", num_folds=4, num_repeats=2)
    run = curate.train(bands([30, 30, 2]), judge=judge, place=Place(device="cpu"), run=tmp_path / "run").run
    whole, *parts = (run.load_array(name)[60:] for name in ("pred_probs.npy", "opinions/part-0.npy", "opinions/part-1.npy"))
    for part in parts:
        np.testing.assert_array_equal(part, whole)
