import builtins

import pytest
import torch

from curate.errors import DataError, DependencyError, StorageError
from curate.judge.models.lenet import LeNet5
from curate.judge.models.registry import make_model, model_names
from curate.judge.models.weights import load_weights, save_weights
from curate.judge.models.zoo import ZOO


@pytest.mark.parametrize("name", [name for name in model_names() if name not in ZOO])  # the others: test_zoo.py
def test_weights_come_back_bit_for_bit_with_their_model(name, tmp_path):
    model = make_model(name, num_classes=4, in_channels=3, image_size=(24, 25), seed=0).to(memory_format=torch.channels_last)
    again = load_weights(save_weights(tmp_path / "model.safetensors", model))
    assert (again.name, again.num_classes, again.in_channels, again.image_size) == (name, 4, 3, (24, 25))
    assert not again.training
    assert all(torch.equal(again.state_dict()[key], value) for key, value in model.state_dict().items())


def test_a_pickle_is_refused_and_never_unpickled(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(make_model("lenet5", num_classes=10, in_channels=1, image_size=28).state_dict(), path)
    with pytest.raises(DataError, match="weights are read as safetensors only"):
        load_weights(path)


def test_a_truncated_file_is_refused(tmp_path):
    path = save_weights(tmp_path / "model.safetensors", make_model("lenet5", num_classes=10, in_channels=1, image_size=28))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"model\.safetensors is not a safetensors file"):
        load_weights(path)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no weights at .*nowhere\.safetensors"):
        load_weights(tmp_path / "nowhere.safetensors")


def test_safetensors_of_another_program_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="does not say which model"):
        load_weights(tmp_path / "other.safetensors")


def test_a_tensor_of_another_shape_is_named_with_both_shapes(tmp_path):
    model = make_model("lenet5", num_classes=10, in_channels=1, image_size=28)
    model.fc3 = torch.nn.Linear(84, 9)
    path = save_weights(tmp_path / "model.safetensors", model)
    with pytest.raises(DataError, match=r"tensor 'fc3.weight' expected shape \(10, 84\), found shape \(9, 84\)"):
        load_weights(path)


def test_a_net_that_cannot_be_built_again_is_not_saved(tmp_path):
    with pytest.raises(DataError, match="this LeNet5 has no name"):
        save_weights(tmp_path / "model.safetensors", LeNet5(num_classes=10, in_channels=1, image_size=(28, 28)))


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        save_weights(tmp_path / "file" / "model.safetensors", make_model("lenet5", num_classes=10, in_channels=1, image_size=28))


def test_without_safetensors_the_error_names_the_pip_command(tmp_path, monkeypatch):
    real_import = builtins.__import__

    def no_safetensors(name, *args, **kwargs):
        if name.startswith("safetensors"):
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_safetensors)
    with pytest.raises(DependencyError, match="pip install 'safetensors>="):
        load_weights(tmp_path / "model.safetensors")
