"""No sample is judged by a model that saw it: told by the models themselves, from the pixels that passed through them.

The images carry codes, the nets write down the codes that they are trained on and answer with their own number. So the final
probabilities say who judged a sample, and that net's notes say whether it ever saw it. Exact duplicates carry the same code.
"""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.data.exact_duplicates import duplicate_groups
from curate.judge.models.registry import make_model
from curate.judge.training.augment import Batches
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.predict import embed
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")
NUM, FOLDS, REPEATS = 90, 3, 2
CLASSES = FOLDS * REPEATS  # one answer for each net
ORDINARY = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def audited(recorder, cpu, codes, labels, *, recipe, seed, trainable=None):
    recorder.nets.clear()
    images = recorder.coded_images(codes)
    return cross_validate(
        recorder.factory(CLASSES),
        images,
        labels,
        num_classes=CLASSES,
        recipe=recipe,
        device=cpu,
        num_folds=FOLDS,
        num_repeats=REPEATS,
        seed=seed,
        groups=duplicate_groups(images),
        trainable=trainable,
    )


@given(seed=st.integers(0, 1000), num_copies=st.integers(0, 20), mirror=st.booleans(), views=st.sampled_from([1, 2, 6]))
@settings(max_examples=10, **ORDINARY)
def test_no_sample_and_no_copy_of_it_was_seen_by_a_model_that_judged_it(recorder, cpu, seed, num_copies, mirror, views):
    generator = np.random.default_rng(seed)
    codes = generator.choice(60_000, NUM, replace=False)
    labels = np.arange(NUM) % CLASSES
    copies = generator.choice(NUM, num_copies, replace=False)
    codes, labels = np.r_[codes, codes[copies]], np.r_[labels, generator.integers(0, CLASSES, num_copies)]
    recipe = Recipe(epochs=2, batch_size=16, shift=2, mirror=mirror, views=views)
    result = audited(recorder, cpu, codes, labels, recipe=recipe, seed=seed)
    judges = recorder.judges(result.pred_probs)
    assert len(recorder.nets) == CLASSES and all(net.trained_on for net in recorder.nets)
    for code, nets in zip(codes.tolist(), judges, strict=True):
        assert len(nets) == REPEATS
        assert not any(code in net.trained_on for net in nets)


def test_the_notes_would_tell_if_a_model_had_seen_its_samples(recorder, cpu):
    codes = np.arange(NUM)
    copied = np.r_[codes, codes]  # copies that nobody calls copies
    images = recorder.coded_images(copied)
    result = cross_validate(
        recorder.factory(CLASSES),
        images,
        np.r_[np.arange(NUM), np.arange(NUM)] % CLASSES,
        num_classes=CLASSES,
        recipe=Recipe(epochs=2, batch_size=16),
        device=cpu,
        num_folds=FOLDS,
    )
    seen = [code in net.trained_on for code, nets in zip(copied.tolist(), recorder.judges(result.pred_probs), strict=True) for net in nets]
    assert sum(seen) > NUM


def test_every_other_sample_is_seen(recorder, cpu):
    codes, labels = np.arange(NUM), np.arange(NUM) % CLASSES
    result = audited(recorder, cpu, codes, labels, recipe=Recipe(epochs=1, batch_size=15), seed=0)
    for number, net in enumerate(recorder.nets):
        held_out = result.fold[number // FOLDS] == number % FOLDS
        assert net.trained_on == set(codes[~held_out].tolist())


def test_samples_that_must_not_be_trained_on_never_are(recorder, cpu):
    codes, labels = np.arange(NUM), np.arange(NUM) % CLASSES
    trainable = np.arange(NUM) < 60  # the rest is a test split
    audited(recorder, cpu, codes, labels, recipe=Recipe(epochs=2, batch_size=8, shift=1), seed=1, trainable=trainable)
    assert set.union(*(net.trained_on for net in recorder.nets)) == set(range(60))


def test_unlabelled_samples_are_judged_and_never_trained_on(recorder, cpu):
    codes, labels = np.arange(NUM), np.arange(NUM) % CLASSES
    labels[::7] = -1
    result = audited(recorder, cpu, codes, labels, recipe=Recipe(epochs=2, batch_size=8), seed=2)
    assert set.union(*(net.trained_on for net in recorder.nets)).isdisjoint(codes[::7].tolist())
    for label, nets in zip(labels.tolist(), recorder.judges(result.pred_probs), strict=True):
        assert len(nets) == (CLASSES if label < 0 else REPEATS)  # nobody learns from it, so that every net may judge it


def test_a_test_split_is_judged_by_every_net_but_for_copies_of_what_is_learnt(recorder, cpu):
    codes, labels = np.arange(NUM), np.arange(NUM) % CLASSES
    trainable = np.arange(NUM) < 60
    codes[60:65] = codes[10:15]  # leaked
    result = audited(recorder, cpu, codes, labels, recipe=Recipe(epochs=1, batch_size=8, views=2), seed=3, trainable=trainable)
    judges = recorder.judges(result.pred_probs)
    assert [len(nets) for nets in judges] == [REPEATS] * 65 + [CLASSES] * 25
    for code, nets in zip(codes.tolist(), judges, strict=True):
        assert not any(code in net.trained_on for net in nets)


def test_embeddings_are_all_of_one_model(make_shapes, cpu):
    shapes, made = make_shapes(45), []

    def factory(seed):
        made.append(make_model("lenet5", num_classes=3, in_channels=1, image_size=16, seed=seed))
        return made[-1]

    result = cross_validate(
        factory, shapes.images, shapes.labels, num_classes=3, recipe=Recipe(epochs=1, batch_size=15), device=cpu, num_folds=3
    )
    batches = Batches(torch.from_numpy(shapes.images))
    batches.standardise(torch.from_numpy(np.flatnonzero(result.fold[0] != 0)))
    expected = embed(made[0], batches, torch.arange(45), cpu).numpy()
    np.testing.assert_allclose(result.embeddings, expected, rtol=1e-4, atol=1e-5)
