"""Extras: each does what its paper says, by its seed, and changes nothing beside."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from curate.judge.models.registry import make_model
from curate.judge.training.augment import Batches, Extras, color_axes, cut_out, drop_maps, jitter_colors, mix_up
from curate.judge.training.cross_validation import cross_validate
from curate.judge.training.fit import fit
from curate.judge.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")


def draws(seed=0):
    return np.random.default_rng(seed)


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_color_axes_are_eigenvectors_times_eigenvalues_of_the_chosen_pixels():
    images = draws().integers(0, 256, (5000, 3, 4, 4)).astype(np.uint8)
    images[:, 1] = images[:, 0] // 2  # green follows red
    chosen = draws(1).permutation(5000)[:4500]
    axes = color_axes(torch.from_numpy(images), torch.from_numpy(chosen)).numpy()
    values, vectors = np.linalg.eigh(np.cov(images[chosen].transpose(1, 0, 2, 3).reshape(3, -1) / 255, bias=True))
    np.testing.assert_allclose(np.linalg.norm(axes, axis=0), values, atol=1e-5)
    np.testing.assert_allclose(np.abs(axes), np.abs(vectors * values), atol=1e-5)


def test_jitter_adds_one_colour_per_image_along_the_axes_with_the_deviation_that_was_asked_for():
    x = noise(4000, 3, 2, 2)
    axes = torch.linalg.qr(noise(3, 3))[0] * torch.tensor([0.2, 2.0, 5.0])
    added = jitter_colors(x, axes, 0.1, draws()) - x
    torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(added), atol=1e-5, rtol=0)
    alphas = torch.linalg.solve(axes, added[:, :, 0, 0].T)  # (3, B)
    torch.testing.assert_close(alphas.std(dim=1), torch.full((3,), 0.1), rtol=0.06, atol=0)
    torch.testing.assert_close(alphas.mean(dim=1), torch.zeros(3), atol=0.006, rtol=0)


def test_jitter_of_normalised_images_is_that_of_their_pixels():
    images = draws().integers(0, 256, (200, 3, 4, 4)).astype(np.uint8)
    images[:, 2] //= 8
    batches, chosen = Batches(torch.from_numpy(images)), torch.arange(200)
    batches.standardise(chosen)
    x = batches.normalise(batches.images)
    changed, _ = Extras(Recipe(epochs=1, color_jitter=0.1), batches, chosen, 5).on_batch(x, torch.zeros(200).long(), 2)
    pixels = (changed + batches.offset) / batches.scale / 255
    expected = jitter_colors(batches.images / 255, color_axes(batches.images, chosen), 0.1, draws(5))
    torch.testing.assert_close(pixels, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [1, 2, 5, 8])
def test_cutout_blanks_one_square_whose_centre_is_anywhere_in_the_image(side):
    height, width = 6, 9
    blank = (cut_out(torch.ones(3000, 2, height, width), side, draws()) == 0).numpy()
    assert (blank[:, 0] == blank[:, 1]).all()
    squares = {
        (y, x): [(i, j) for i in range(height) for j in range(width) if 0 <= i - y + side // 2 < side and 0 <= j - x + side // 2 < side]
        for y in range(height)
        for x in range(width)
    }
    seen = {tuple(map(tuple, np.argwhere(image).tolist())) for image in blank[:, 0]}
    assert seen == {tuple(square) for square in squares.values()}


def test_cutout_leaves_the_other_pixels_as_they_are():
    x = noise(50, 3, 8, 8)
    cut = cut_out(x, 3, draws())
    assert ((cut == x) | (cut == 0)).all() and (cut == 0).any()


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixup_blends_images_and_targets_in_the_same_share(alpha):
    x, targets, shares = noise(40, 3, 4, 4), F.one_hot(torch.arange(40) % 5, 5).float(), []
    for seed in range(300):
        mixed, shares_of_classes = mix_up(x, targets, alpha, draws(seed))
        generator = draws(seed)
        share, other = generator.beta(alpha, alpha), generator.permutation(40)
        torch.testing.assert_close(mixed, (share * x + (1 - share) * x[other]).float(), atol=1e-5, rtol=0)
        torch.testing.assert_close(shares_of_classes.sum(dim=1), torch.ones(40))
        assert ((shares_of_classes * targets).sum(dim=1) >= share - 1e-6).all()
        shares.append(share)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)  # the variance of Beta(alpha, alpha)


def test_smoothed_mixed_targets_give_the_blend_of_both_smoothed_losses():
    logits, first, second = noise(8, 5), torch.arange(8) % 5, (torch.arange(8) + 2) % 5
    mixed = 0.3 * F.one_hot(first, 5) + 0.7 * F.one_hot(second, 5)
    both = [F.cross_entropy(logits, labels, label_smoothing=0.1) for labels in (first, second)]
    torch.testing.assert_close(F.cross_entropy(logits, mixed, label_smoothing=0.1), 0.3 * both[0] + 0.7 * both[1])


def test_dropout_drops_whole_maps_at_its_rate_and_keeps_the_mean():
    maps = torch.ones(500, 40, 3, 2)
    dropped = drop_maps(maps, 0.25, draws())
    assert (dropped == dropped[:, :, :1, :1]).all()
    assert sorted(dropped.unique().tolist()) == pytest.approx([0, 4 / 3])
    assert (dropped == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)


def test_dropped_maps_keep_the_type_of_half_precision():
    assert drop_maps(torch.ones(2, 3, 1, 1, dtype=torch.bfloat16), 0.5, draws()).dtype == torch.bfloat16


EACH = [{"color_jitter": 0.5}, {"cutout": 6}, {"mixup": 1.0}, {"dropout": 0.3}, {"border": "zeros", "shift": 3}]
ALL = {key: value for extra in EACH for key, value in extra.items()}


def trained(shapes, cpu, *, seed=0, on_epoch=lambda epoch, metrics: None, look=None, **extras):
    """A small net trained on all images; `look` sees the batches as they reach the net."""
    recipe = Recipe(**{"epochs": 2, "batch_size": 20, "peak_lr": 0.005, "shift": 1, "mirror": True, "label_smoothing": 0.1, **extras})
    net = make_model("cifar-cnn-gap", num_classes=3, in_channels=shapes.images.shape[1], image_size=16, seed=seed)
    if look is not None:
        net.body.register_forward_pre_hook(lambda _body, arguments: look(arguments[0].detach().clone()))
    batches = Batches(torch.from_numpy(shapes.images), shift=recipe.shift, mirror=recipe.mirror, border=recipe.border)
    chosen = torch.arange(len(shapes.images))
    return fit(net, batches, torch.from_numpy(shapes.labels), chosen, recipe, cpu, seed=seed, on_epoch=on_epoch)


def weights(net):
    return b"".join(value.numpy().tobytes() for value in net.state_dict().values())


@pytest.mark.parametrize("extra", [*EACH, ALL], ids=lambda e: "+".join(e))
def test_an_extra_changes_the_training_and_repeats_for_its_seed(make_shapes, cpu, extra):
    shapes = make_shapes(60, channels=3)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = weights(trained(shapes, cpu, **extra))
    assert weights(trained(shapes, cpu, **extra)) == first
    assert weights(trained(shapes, cpu)) != first and weights(trained(shapes, cpu, seed=1, **extra)) != first
    assert torch.equal(torch.get_rng_state(), before)


def test_images_come_in_the_same_order_and_places_with_an_extra_and_without(make_shapes, cpu):
    shapes, plain, cut = make_shapes(60, channels=3), [], []
    trained(shapes, cpu, look=plain.append)
    trained(shapes, cpu, look=cut.append, cutout=6)
    assert len(plain) == len(cut) == 6
    for a, b in zip(plain, cut, strict=True):
        assert ((a == b) | (b == 0)).all() and (a != b).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_net_learns_with_all_extras_at_once(make_shapes, cpu, channels):
    shapes = make_shapes(150, channels=channels)
    recipe = Recipe(epochs=14, batch_size=20, peak_lr=0.005, shift=2, border="zeros", color_jitter=0.1, cutout=4, mixup=0.2, dropout=0.1)

    def lenet(seed):
        return make_model("lenet5", num_classes=3, in_channels=channels, image_size=16, seed=seed)

    result = cross_validate(lenet, shapes.images, shapes.labels, num_classes=3, recipe=recipe, device=cpu, num_folds=2)
    assert (result.pred_probs.argmax(axis=1) == shapes.labels).mean() > 0.8


def test_each_epoch_tells_loss_and_accuracy_of_what_was_shown(make_shapes, cpu):
    shapes, told, seen, logits = make_shapes(60, channels=3), [], [], []

    class Watched(Batches):
        def augmented(self, indices, shifts, epoch):
            seen.append(indices)
            return super().augmented(indices, shifts, epoch)

    net = make_model("cifar-cnn-gap", num_classes=3, in_channels=3, image_size=16, seed=0)
    net.register_forward_hook(lambda _net, _x, out: logits.append(out.detach().clone()))
    labels, batches = torch.from_numpy(shapes.labels), Watched(torch.from_numpy(shapes.images))
    recipe = Recipe(epochs=3, batch_size=25)
    fit(net, batches, labels, torch.arange(60), recipe, cpu, seed=0, on_epoch=lambda *arguments: told.append(arguments))
    assert [epoch for epoch, _ in told] == [0, 1, 2] and len(seen) == 6
    for epoch, metrics in told:
        shown = slice(2 * epoch, 2 * epoch + 2)
        out, wanted = torch.cat(logits[shown]), labels[torch.cat(seen[shown])]
        assert metrics["loss"] == pytest.approx(F.cross_entropy(out, wanted).item(), rel=1e-5)
        assert metrics["accuracy"] == pytest.approx((out.argmax(dim=1) == wanted).float().mean().item())


def test_the_loss_falls_with_soft_targets_too(make_shapes, cpu):
    told = []
    trained(make_shapes(150, channels=3), cpu, epochs=8, mixup=0.2, on_epoch=lambda _, metrics: told.append(metrics))
    assert told[-1]["loss"] < told[0]["loss"] and told[-1]["accuracy"] > told[0]["accuracy"]


def test_a_black_border_is_that_of_numpy():
    images = draws().integers(1, 256, (1, 2, 5, 6)).astype(np.uint8)
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    windows = {padded[0, :, y : y + 5, x : x + 6].tobytes() for y in range(5) for x in range(5)}
    batches, generator = Batches(torch.from_numpy(images), shift=2, border="zeros"), torch.Generator().manual_seed(0)
    batches.start(generator)
    shown = (batches(torch.zeros(500).long(), 0, generator) + batches.offset) / batches.scale
    assert {image.tobytes() for image in shown.round().numpy().astype(np.uint8)} == windows
