import hashlib
import io
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import get_model

from curate.errors import DataError, FetchError, IntegrityError
from curate.judge.models import pretrained as imagenet
from curate.judge.models.pretrained import check_unseen, fit_tensor, load_pretrained, published_url, resized_positions
from curate.judge.models.registry import ModelSpec, make_model
from curate.judge.models.weights import load_weights, save_weights
from curate.judge.models.zoo import ZOO

pytestmark = pytest.mark.usefixtures("one_thread")


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def saved(tmp_path, name, *, in_channels=1, size=28, num_classes=10, **options):
    """A net whose batch norms have seen something, and the file of its weights."""
    model = make_model(name, num_classes=num_classes, in_channels=in_channels, image_size=size, seed=1)
    with torch.no_grad():
        model(noise(8, in_channels, size, size))
    model.input_statistics = options.pop("input_statistics", None)
    return model.eval(), str(save_weights(tmp_path / f"{name}.safetensors", model, **options))


def maps(model, x):
    with torch.inference_mode():
        return model.eval().forward_maps(x)


@pytest.mark.parametrize("name", ["lenet5", "lenet5-1998", "mnist-cnn", "mnist-fcn", "cifar-cnn-gap", "resnet-small", "shufflenet-v2"])
def test_the_body_comes_from_the_file_and_the_head_stays_new_whatever_its_size(name, tmp_path):
    old, file = saved(tmp_path, name)
    for num_classes in (10, 4):
        fresh = make_model(name, num_classes=num_classes, in_channels=1, image_size=28, seed=2)
        model = make_model(name, num_classes=num_classes, in_channels=1, image_size=28, seed=2, pretrained=file)
        x = noise(2, 1, 28, 28)
        assert torch.equal(maps(model, x), maps(old, x))
        head = [key for key in fresh.state_dict() if model.stage_of(key) == len(model.stages)]
        assert head and all(torch.equal(model.state_dict()[key], fresh.state_dict()[key]) for key in head)


def test_grey_images_go_through_weights_of_colour_as_their_colour_copies_do(tmp_path):
    old, file = saved(tmp_path, "resnet-small", in_channels=3)
    model = make_model("resnet-small", num_classes=10, in_channels=1, image_size=28, pretrained=file)
    x = noise(2, 1, 28, 28)
    torch.testing.assert_close(maps(model, x), maps(old, x.expand(-1, 3, -1, -1)), rtol=1e-4, atol=1e-5)


def test_weights_of_grey_images_see_the_mean_of_the_colours(tmp_path):
    old, file = saved(tmp_path, "resnet-small", in_channels=1)
    model = make_model("resnet-small", num_classes=10, in_channels=3, image_size=28, pretrained=file)
    x = noise(2, 3, 28, 28)
    torch.testing.assert_close(maps(model, x), maps(old, x.mean(dim=1, keepdim=True)), rtol=1e-4, atol=1e-5)


def test_parts_that_do_not_fit_stay_new_and_are_named(tmp_path):
    _, file = saved(tmp_path, "airbench", in_channels=1, size=32)
    model = make_model("airbench", num_classes=10, in_channels=3, image_size=32)
    notes = []
    left = load_pretrained(model, file, progress=lambda stage, done, total, note="": notes.append(note))
    assert left == ("whiten.weight", "groups.0.conv1.weight")
    assert notes == ["all but whiten.weight, groups.0.conv1.weight"]


def test_whitening_that_came_with_the_weights_is_not_done_again(tmp_path):
    old, file = saved(tmp_path, "airbench", in_channels=3, size=32)
    model = make_model("airbench", num_classes=10, in_channels=3, image_size=32, pretrained=file)
    model.init_from_images(noise(20, 3, 32, 32))
    assert torch.equal(model.get_parameter("whiten.weight"), old.get_parameter("whiten.weight"))


def test_weights_of_another_architecture_are_refused(tmp_path):
    _, file = saved(tmp_path, "mnist-fcn")
    with pytest.raises(DataError, match="holds weights of 'mnist-fcn', the net is 'mnist-cnn'; choose --model mnist-fcn"):
        make_model("mnist-cnn", num_classes=10, in_channels=1, image_size=28, pretrained=file)


def test_a_net_takes_over_the_normalisation_that_its_weights_are_used_to(tmp_path):
    _, file = saved(tmp_path, "resnet-small", in_channels=3, input_statistics=((0.5, 0.4, 0.3), (0.2, 0.2, 0.2)))
    assert load_weights(tmp_path / "resnet-small.safetensors").input_statistics == ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))
    for channels, expected in ((3, ((0.5, 0.4, 0.3), (0.2, 0.2, 0.2))), (1, ((0.4,), (0.2,)))):
        model = make_model("resnet-small", num_classes=10, in_channels=channels, image_size=28, pretrained=file)
        assert model.input_statistics is not None
        for found, wanted in zip(model.input_statistics, expected, strict=True):
            assert found == pytest.approx(wanted)


def test_weights_that_were_trained_on_the_images_to_judge_are_refused(tmp_path):
    _, file = saved(tmp_path, "lenet5", trained_on="abc")
    check_unseen(file, "def")
    with pytest.raises(DataError, match="was trained on these very images"):
        check_unseen(file, "abc")


def test_a_spec_starts_every_seed_from_the_same_body(tmp_path):
    _, file = saved(tmp_path, "lenet5")
    first, second = (ModelSpec("lenet5", 3, 1, (28, 28), pretrained=file)(seed) for seed in (0, 1))
    assert torch.equal(first.get_parameter("conv2.weight"), second.get_parameter("conv2.weight"))
    assert not torch.equal(first.get_parameter("fc3.weight"), second.get_parameter("fc3.weight"))


def test_positions_of_patches_keep_their_places_when_the_grid_changes():
    rows, columns = torch.meshgrid(torch.linspace(0, 1, 14), torch.linspace(0, 1, 14), indexing="ij")
    old = torch.cat([torch.full((1, 1, 2), 7.0), torch.stack([rows, columns], dim=2).reshape(1, 196, 2)], dim=1)
    new = resized_positions(old, (5, 9))
    assert new is not None and new.shape == (1, 46, 2) and torch.equal(new[:, 0], old[:, 0])
    grid = new[0, 1:].reshape(5, 9, 2)
    torch.testing.assert_close(grid[:, 3, 0], torch.linspace(0, 1, 5), atol=0.02, rtol=0)
    torch.testing.assert_close(grid[2, :, 1], torch.linspace(0, 1, 9), atol=0.02, rtol=0)
    assert torch.equal(resized_positions(old, (14, 14)), old)


# ImageNet: files as torchvision publishes them, of random nets, from a server on this machine.


@pytest.fixture
def publisher(tmp_path, monkeypatch):
    """Publishes a state dict under a name that ends in its hash, as the weights of every net, and returns the address."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "published"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def publish(tensors):
        content = io.BytesIO()
        torch.save(tensors, content)
        file = folder / f"net-{hashlib.sha256(content.getvalue()).hexdigest()[:8]}.pth"
        file.write_bytes(content.getvalue())
        url = f"http://127.0.0.1:{server.server_port}/{file.name}"
        monkeypatch.setattr(imagenet, "published_url", lambda name: url)
        return url

    yield publish
    server.shutdown()
    server.server_close()
    thread.join()


def test_imagenet_weights_are_fetched_once_and_give_the_published_maps(publisher, tmp_path):
    published = get_model("resnet18", weights=None).eval()
    publisher(published.state_dict())
    model = make_model("resnet18", num_classes=5, in_channels=3, image_size=224, seed=0, pretrained="imagenet").eval()
    assert model.input_statistics == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    model.fc, published.fc = torch.nn.Identity(), torch.nn.Identity()
    x = noise(1, 3, 224, 224)
    with torch.inference_mode():
        torch.testing.assert_close(model(x), published(x), rtol=1e-4, atol=1e-5)
    (file,) = (tmp_path / "published").glob("*.pth")
    file.unlink()
    again = make_model("resnet18", num_classes=3, in_channels=1, image_size=32, pretrained="imagenet")
    first = published.get_parameter("conv1.weight")
    assert torch.equal(again.get_parameter("conv1.weight"), first.sum(dim=1, keepdim=True))
    assert again.input_statistics is not None and again.input_statistics[0][0] == pytest.approx((0.485 + 0.456 + 0.406) / 3)


def test_old_names_of_densenet_and_heads_left_out_are_understood(publisher):
    tensors = get_model("densenet121", weights=None).state_dict()
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", key): value for key, value in tensors.items()}
    assert old.keys() != tensors.keys()
    publisher({key: value for key, value in old.items() if not key.endswith("num_batches_tracked")})
    model = make_model("densenet121", num_classes=5, in_channels=3, image_size=32)
    assert load_pretrained(model, "imagenet") == ()
    key = "features.denseblock3.denselayer5.conv2.weight"
    assert torch.equal(model.get_parameter(key), tensors[key])


def test_a_file_with_the_tensors_of_the_published_net_is_used_as_imagenet_weights_are(tmp_path):
    published = get_model("resnet18", weights=None)
    file = tmp_path / "model.safetensors"
    save_file(published.state_dict(), file)  # as the hubs have them: nothing says of which net they are
    model = make_model("resnet18", num_classes=5, in_channels=1, image_size=32, pretrained=str(file))
    assert torch.equal(model.get_parameter("layer4.1.conv2.weight"), published.get_parameter("layer4.1.conv2.weight"))
    assert model.input_statistics is not None and model.input_statistics[0][0] == pytest.approx((0.485 + 0.456 + 0.406) / 3)
    check_unseen(str(file), "abc")
    with pytest.raises(DataError, match=r"nothing of .* fits this 'squeezenet'"):
        make_model("squeezenet", num_classes=5, in_channels=1, image_size=32, pretrained=str(file))
    with pytest.raises(DataError, match="does not say which model its weights are of"):
        make_model("lenet5", num_classes=5, in_channels=1, image_size=28, pretrained=str(file))


def test_hidden_layers_of_the_head_are_kept_of_imagenet(publisher):
    published = get_model("mobilenet_v3_large", weights=None)
    publisher(published.state_dict())
    model = make_model("mobilenet-v3", num_classes=5, in_channels=3, image_size=32, pretrained="imagenet")
    assert torch.equal(model.get_parameter("classifier.0.weight"), published.get_parameter("classifier.0.weight"))
    assert model.get_parameter("classifier.3.weight").shape[0] == 5


def test_patches_of_another_size_stay_new_and_positions_are_resampled():
    published = {"conv_proj.weight": (768, 3, 16, 16), "encoder.pos_embedding": (1, 197, 768)}
    for size, taken in ((32, ["encoder.pos_embedding"]), (224, list(published))):
        with torch.device("meta"):
            model = make_model("vit-b16", num_classes=5, in_channels=3, image_size=size)
            found = {key: fit_tensor(model, key, torch.empty(shape), model.get_parameter(key)) for key, shape in published.items()}
        assert [key for key, tensor in found.items() if tensor is not None] == taken
        assert all(tensor.shape == model.get_parameter(key).shape for key, tensor in found.items() if tensor is not None)


def test_a_truncated_file_in_the_cache_is_refused(publisher, tmp_path):
    url = publisher(get_model("squeezenet1_1", weights=None).state_dict())
    file = tmp_path / "cache" / "hub" / "checkpoints" / url.rpartition("/")[2]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"half of it")
    with pytest.raises(IntegrityError, match=rf"{file.name} is truncated or has other content"):
        make_model("squeezenet", num_classes=5, in_channels=3, image_size=32, pretrained="imagenet")


def test_a_pickle_with_code_in_it_is_refused(publisher, tmp_path):
    class Mischief:
        def __reduce__(self):
            return (open, (str(tmp_path / "done"), "w"))

    publisher({"conv1.weight": Mischief()})
    with pytest.raises(IntegrityError, match="cannot be read as weights"):
        make_model("resnet18", num_classes=5, in_channels=3, image_size=32, pretrained="imagenet")
    assert not (tmp_path / "done").exists()


def test_offline_the_message_says_where_to_put_which_file(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(imagenet, "published_url", lambda name: "http://127.0.0.1:9/models/resnet18-f37072fd.pth")
    place = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    with pytest.raises(
        FetchError, match=rf"no weights at {place}.*get http://127.0.0.1:9/models/resnet18-f37072fd.pth elsewhere and put it"
    ):
        make_model("resnet18", num_classes=5, in_channels=3, image_size=32, pretrained="imagenet")


@pytest.mark.parametrize("name", [name for name, spec in ZOO.items() if spec.package == "torchvision"])
def test_torchvision_publishes_each_net_under_a_name_with_its_hash(name):
    assert re.fullmatch(r"https://download\.pytorch\.org/models/[\w-]+-[0-9a-f]{8,}\.pth", published_url(name))


def test_the_nets_of_tensorflow_are_normalised_as_they_were_trained():
    pytest.importorskip("timm", reason="xception needs timm: pip install 'curate[zoo]'")
    import timm

    config = timm.get_pretrained_cfg(ZOO["xception"].published)
    assert ZOO["xception"].input_statistics == (config.mean, config.std)
    assert published_url("xception").endswith("/xception-43020ad28.pth")


def test_transform_input_of_googlenet_is_the_normalisation_by_one_half():
    """torchvision hands its ported nets ImageNet's normalisation and undoes it inside; here they get theirs at once."""
    net = get_model("googlenet", weights=None, aux_logits=False, init_weights=False, transform_input=True)
    (mean, std), pixels = ZOO["googlenet"].input_statistics, noise(1, 3, 4, 4)
    rgb_mean, rgb_std = (torch.tensor(v).view(1, 3, 1, 1) for v in ZOO["resnet18"].input_statistics)
    expected = net._transform_input((pixels - rgb_mean) / rgb_std)
    torch.testing.assert_close((pixels - torch.tensor(mean).view(1, 3, 1, 1)) / torch.tensor(std).view(1, 3, 1, 1), expected)


def test_own_nets_have_no_imagenet_weights():
    with pytest.raises(DataError, match="no ImageNet weights for 'lenet5'; there are for alexnet"):
        make_model("lenet5", num_classes=10, in_channels=1, image_size=28, pretrained="imagenet")
