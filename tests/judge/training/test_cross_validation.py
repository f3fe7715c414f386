"""Cross-validation: it learns, it repeats bit by bit, and a killed one goes on to the same end."""

import numpy as np
import pytest

from curate.errors import DataError, RunError, UsageError
from curate.judge.models.registry import make_model
from curate.judge.training.cross_validation import cross_validate, job_seed
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")
SHORT = Recipe(epochs=1, batch_size=20, peak_lr=0.005, shift=1, mirror=True)


def lenet(seed):
    return make_model("lenet5", num_classes=3, in_channels=1, image_size=16, seed=seed)


def validated(shapes, cpu, *, recipe=SHORT, factory=lenet, num_folds=3, **options):
    return cross_validate(factory, shapes.images, shapes.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=num_folds, **options)


def arrays(result):
    return [result.pred_probs.tobytes(), result.fold.tobytes(), result.embeddings.tobytes()]


class Killed(Exception):
    pass


class Store(dict):
    """Keeps arrays in memory; dies before its `die_at`-th write."""

    die_at = None
    writes = 0

    def load(self, name):
        return self.get(name)

    def save(self, name, array):
        if self.writes == self.die_at:
            raise Killed
        self.writes += 1
        self[name] = np.array(array)

    def save_model(self, name, model):
        self.save(f"{name}.model", 0)


def test_nets_learn_to_tell_shapes(make_shapes, cpu):
    shapes = make_shapes(240)
    result = validated(shapes, cpu, recipe=Recipe(epochs=8, batch_size=20, peak_lr=0.005, shift=2), num_folds=2)
    assert (result.pred_probs.argmax(axis=1) == shapes.labels).mean() > 0.9


def test_rows_are_probabilities(make_shapes, cpu):
    result = validated(make_shapes(45), cpu, num_repeats=2)
    assert result.pred_probs.dtype == np.float32 and result.fold.shape == (2, 45)
    assert result.pred_probs.min() >= 0
    np.testing.assert_allclose(result.pred_probs.sum(axis=1), 1, atol=1e-6)


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(make_shapes, cpu):
    shapes = make_shapes(60)
    first, again, other = (validated(shapes, cpu, seed=seed) for seed in (1, 1, 2))
    assert arrays(first) == arrays(again)
    assert (first.pred_probs != other.pred_probs).any() and (first.fold != other.fold).any()


def test_the_global_generators_are_neither_used_nor_moved(make_shapes, cpu):
    import torch

    shapes = make_shapes(45)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = validated(shapes, cpu)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert arrays(validated(shapes, cpu)) == arrays(first)


def with_dropout(seed):
    return make_model("mnist-cnn", num_classes=3, in_channels=1, image_size=16, seed=seed)


def test_a_net_with_dropout_layers_ends_with_the_same_arrays_whatever_ran_before_and_where_it_was_killed(make_shapes, cpu):
    import torch

    shapes, store = make_shapes(45), Store()
    first = arrays(validated(shapes, cpu, factory=with_dropout))
    torch.rand(1)
    assert arrays(validated(shapes, cpu, factory=with_dropout)) == first
    store.die_at = 8  # in the second fold
    with pytest.raises(Killed):
        validated(shapes, cpu, factory=with_dropout, store=store)
    store.die_at = None
    assert arrays(validated(shapes, cpu, factory=with_dropout, store=store)) == first


def test_each_repeat_divides_anew(make_shapes, cpu):
    fold = validated(make_shapes(45), cpu, num_repeats=3).fold
    assert (fold[0] != fold[1]).any() and (fold[1] != fold[2]).any() and (fold[0] != fold[2]).any()


def test_places_give_different_seeds():
    places = [(), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (1000,), (1000, 0)]
    assert len({job_seed(seed, *place) for seed in (0, 1) for place in places}) == 2 * len(places)


@pytest.mark.parametrize("die_at", range(12))  # the division; of each fold its net, its curve, its answers; once embeddings and their net
def test_killed_at_any_write_it_ends_with_the_same_arrays(make_shapes, cpu, die_at):
    shapes, store = make_shapes(45), Store()
    store.die_at = die_at
    with pytest.raises(Killed):
        validated(shapes, cpu, store=store)
    store.die_at = None
    assert arrays(validated(shapes, cpu, store=store)) == arrays(validated(shapes, cpu))


def test_killed_in_the_second_fold_it_trains_the_first_one_no_more(make_shapes, cpu):
    shapes, store, made = make_shapes(45), Store(), []

    def counting(seed):
        made.append(seed)
        return lenet(seed)

    def kill(stage, done, total, note=""):
        if done > 1.3:
            raise Killed

    with pytest.raises(Killed):
        validated(shapes, cpu, factory=counting, store=store, progress=kill)
    assert len(made) == 2
    result = validated(shapes, cpu, factory=counting, store=store)
    assert len(made) == 4 and made[1] == made[2]
    assert arrays(result) == arrays(validated(shapes, cpu))


def test_a_finished_store_trains_nothing(make_shapes, cpu):
    shapes, store = make_shapes(45), Store()
    first = validated(shapes, cpu, store=store, num_repeats=2)
    assert arrays(validated(shapes, cpu, store=store, num_repeats=2, factory=None)) == arrays(first)


def test_finished_folds_of_another_division_are_refused(make_shapes, cpu):
    shapes, store = make_shapes(45), Store()
    validated(shapes, cpu, store=store)
    store["fold"] = store["fold"][:, ::-1].copy()
    with pytest.raises(RunError, match=r"divided otherwise .*; audit again under another --run name"):
        validated(shapes, cpu, store=store)


def test_a_division_of_which_nothing_was_trained_is_replaced(make_shapes, cpu):
    shapes, store = make_shapes(45), Store(fold=np.zeros((1, 45), np.int16))
    assert arrays(validated(shapes, cpu, store=store)) == arrays(validated(shapes, cpu))


def test_a_training_that_diverges_is_told_and_not_kept(make_shapes, cpu):
    shapes, store = make_shapes(45), Store()
    with pytest.raises(DataError, match="fold 0 diverged"):
        validated(
            shapes, cpu, recipe=Recipe(epochs=1, batch_size=5, optimizer="sgd", peak_lr=1e20, bias_lr=1e20, head_lr=1e20), store=store
        )
    assert list(store) == ["fold"]


def test_the_nets_of_the_first_repeat_and_the_curves_of_all_are_kept(make_shapes, cpu):
    store = Store()
    validated(make_shapes(45), cpu, store=store, num_repeats=2, recipe=Recipe(epochs=2, batch_size=20, peak_lr=0.005))
    assert {name for name in store if name.endswith(".model")} == {"model.model", *(f"models/fold-{fold}.model" for fold in range(3))}
    curves = [store[f"curve-r{repeat}-f{fold}"] for repeat in range(2) for fold in range(3)]
    assert all(curve.shape == (2, 2) and curve.dtype == np.float32 for curve in curves)
    assert all((curve[:, 0] > 0).all() and (curve[:, 1] >= 0).all() and (curve[:, 1] <= 1).all() for curve in curves)
    assert len({curve.tobytes() for curve in curves}) == 6


def test_folds_that_an_older_version_kept_without_curves_are_not_trained_again(make_shapes, cpu):
    shapes, store = make_shapes(45), Store()
    first = validated(shapes, cpu, store=store)
    for name in [name for name in store if name.startswith(("curve", "models/"))]:
        del store[name]
    assert arrays(validated(shapes, cpu, store=store, factory=None)) == arrays(first)


def test_what_no_net_learns_from_is_judged_by_the_mean_of_all(make_shapes, cpu):
    shapes, store = make_shapes(45), Store()
    trainable = np.arange(45) < 36
    result = validated(shapes, cpu, store=store, num_repeats=2, trainable=trainable)
    kept = [store[f"pred_probs-r{repeat}-f{fold}"] for repeat in range(2) for fold in range(3)]
    by_all = np.zeros((45, 3))
    for probs, (repeat, fold) in zip(kept, np.ndindex(2, 3), strict=True):
        held = result.fold[repeat] == fold
        assert len(probs) == held.sum() + (~trainable & ~held).sum()
        by_all[np.r_[np.flatnonzero(held), np.flatnonzero(~trainable & ~held)]] += probs
    np.testing.assert_allclose(result.pred_probs[~trainable], by_all[~trainable] / 6, rtol=1e-5)
    np.testing.assert_allclose(result.pred_probs[trainable], by_all[trainable] / 2, rtol=1e-5)


def test_folds_of_an_older_version_that_judged_fewer_are_trained_again(make_shapes, cpu):
    shapes, store, trainable = make_shapes(45), Store(), np.arange(45) < 36
    first = validated(shapes, cpu, store=store, trainable=trainable)
    held = int((first.fold[0] == 1).sum())
    store["pred_probs-r0-f1"] = store["pred_probs-r0-f1"][:held]
    assert arrays(validated(shapes, cpu, store=store, trainable=trainable)) == arrays(first)


def test_progress_rises_to_the_number_of_models(make_shapes, cpu):
    told = []
    validated(make_shapes(45), cpu, progress=lambda stage, done, total, note="": told.append((stage, done, total)))
    done = [d for _, d, _ in told]
    assert done == sorted(done) and done[-1] == 3 and {(s, t) for s, _, t in told} == {("train", 3)}


def test_images_of_a_read_only_memory_map_give_the_same(make_shapes, cpu, tmp_path):
    shapes = make_shapes(45)
    np.save(tmp_path / "images.npy", shapes.images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    result = cross_validate(lenet, mapped, shapes.labels, num_classes=3, recipe=SHORT, device=cpu, num_folds=3)
    assert arrays(result) == arrays(validated(shapes, cpu))


@pytest.mark.parametrize(("labels", "found"), [(np.full(30, -1), "none"), (np.zeros(30, int), "1")])
def test_fewer_than_two_classes_are_told(make_shapes, cpu, labels, found):
    with pytest.raises(DataError, match=f"at least two classes to train on, found {found}"):
        validated(make_shapes(30).with_labels(labels), cpu)


def test_no_repeats_are_refused(make_shapes, cpu):
    with pytest.raises(UsageError, match="at least 1 repeat, found 0"):
        validated(make_shapes(30), cpu, num_repeats=0)
