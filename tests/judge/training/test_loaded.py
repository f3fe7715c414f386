"""Images that do not fit on the device come by a DataLoader: the same pixels, the same nets."""

import multiprocessing as mp
import pickle

import numpy as np
import pytest
import torch

from curate.judge.models.registry import make_model
from curate.judge.training import loaded_batches as loaded
from curate.judge.training.augment import Batches
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.loaded_batches import LoadedBatches, MappedFile, batches_of
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
OPTIONS = [{}, {"shift": 2}, {"shift": 3, "mirror": True}, {"shift": 2, "border": "zeros"}, {"mirror": True}]


def shown(batches, num=23):
    generator = torch.Generator().manual_seed(3)
    batches.start(generator)
    order = torch.randperm(num, generator=generator)
    return [(chosen, x) for epoch in range(2) for chosen, x in batches.epoch(order, 5, epoch, generator)]


@pytest.mark.parametrize("num_workers", [0, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "options", [{}, {"shift": 2}, {"shift": 3, "mirror": True}, {"shift": 2, "border": "zeros"}, {"mirror": True}], ids=str
)
def test_batches_by_torchvisions_transforms_are_those_of_the_tensor(make_shapes, options, num_workers):
    images = make_shapes(23, channels=3).images
    ours, theirs = (
        shown(LoadedBatches(images, CPU, num_workers=num_workers, **options)),
        shown(Batches(torch.from_numpy(images), **options)),
    )
    assert len(ours) == len(theirs) == 8
    for (chosen, x), (expected_chosen, expected) in zip(ours, theirs, strict=True):
        assert torch.equal(chosen, expected_chosen)
        torch.testing.assert_close(x, expected, rtol=0, atol=1e-6)
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_single_batches_and_plain_pixels_are_the_same_too(make_shapes):
    images, chosen = make_shapes(23).images, torch.tensor([7, 0, 22])
    pair = LoadedBatches(images, CPU, shift=2, mirror=True), Batches(torch.from_numpy(images), shift=2, mirror=True)
    assert torch.equal(pair[0].pixels(chosen), pair[1].pixels(chosen))
    for batches in pair:
        batches.start(torch.Generator().manual_seed(0))
    ours, theirs = (batches(chosen, 1, torch.Generator().manual_seed(1)) for batches in pair)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_a_set_larger_than_half_the_memory_is_loaded_and_gives_the_same_arrays(make_shapes, cpu, monkeypatch, tmp_path):
    shapes = make_shapes(45, channels=3)
    np.save(tmp_path / "images.npy", shapes.images)
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    recipe = Recipe(epochs=2, batch_size=10, shift=1, mirror=True, color_jitter=0.1)

    def lenet(seed):
        return make_model("lenet5", num_classes=3, in_channels=3, image_size=16, seed=seed)

    def validated():
        return cross_validate(lenet, images, shapes.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=3)

    assert type(batches_of(images, recipe, cpu)) is Batches
    in_memory = validated()
    monkeypatch.setattr(loaded, "memory_of", lambda device: 2 * images.nbytes)  # with its border it is more than that
    assert type(batches_of(images, recipe, cpu)) is LoadedBatches
    by_loader = validated()
    np.testing.assert_allclose(by_loader.pred_probs, in_memory.pred_probs, atol=1e-5)
    np.testing.assert_allclose(by_loader.embeddings, in_memory.embeddings, rtol=1e-4, atol=1e-5)


def test_a_memory_map_that_needs_no_border_is_read_where_it_lies_on_a_cpu(make_shapes, cpu, monkeypatch):
    monkeypatch.setattr(loaded, "memory_of", lambda device: 0)
    assert type(batches_of(make_shapes(45).images, Recipe(epochs=1), cpu)) is Batches


@pytest.fixture
def mapped(make_shapes, tmp_path):
    np.save(tmp_path / "images.npy", np.repeat(make_shapes(23, channels=3).images, 40, axis=0))
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize("part", [slice(None), slice(200, None), slice(3, 500)], ids=str)
def test_a_process_of_the_loader_is_sent_the_place_of_a_memory_map_and_not_its_content(mapped, part):
    shown = LoadedBatches(mapped[part], CPU, num_workers=0)
    shown.start(torch.Generator().manual_seed(0))
    images = shown.shown(torch.arange(20), torch.empty((0, 20), dtype=torch.int64), 0)
    sent = pickle.dumps(images)
    assert len(sent) < 5000 < mapped.nbytes
    again = pickle.loads(sent)
    assert all(torch.equal(again[number], images[number]) for number in range(20))


def test_an_array_in_memory_or_in_pieces_has_no_place_in_a_file(mapped):
    assert MappedFile.of(np.array(mapped)) is None and MappedFile.of(mapped[:, :, ::2]) is None


@pytest.mark.slow
def test_a_loader_whose_processes_begin_anew_gives_the_same_batches(mapped, monkeypatch):
    plain = shown(LoadedBatches(mapped, CPU, shift=1, num_workers=0))
    monkeypatch.setattr(mp, "get_all_start_methods", lambda: ["spawn"])
    monkeypatch.setattr(mp, "get_start_method", lambda allow_none=False: "spawn")
    spawned = shown(LoadedBatches(mapped, CPU, shift=1, num_workers=1))
    assert all(torch.equal(a[1], b[1]) for a, b in zip(plain, spawned, strict=True))
