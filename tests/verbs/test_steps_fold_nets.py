"""The nets of all folds are kept, and read back as they judged."""

import numpy as np
import pytest
import torch

from curate.errors import RunError
from curate.judge.fold_nets import fold_of, load_fold_net
from curate.judge.training.device import pick_device
from curate.judge.training.predict import predict


def test_the_nets_that_are_read_back_give_the_probabilities_of_the_run(trained):
    config, probs = trained.run.meta["config"], trained.run.load_array("pred_probs.npy")
    device = pick_device("cpu", precision=config["precision"])
    folds = np.array([fold_of(trained.run, position) for position in range(len(trained.images))])
    is_test = trained.images.splits == "test"
    answers = []
    for fold in (0, 1):
        net, batches = load_fold_net(trained.run, trained.images, fold)
        answers.append(predict(net, batches, torch.arange(len(trained.images)), device, views=config["recipe"]["views"]).numpy())
    own, other = np.array(answers)[folds, np.arange(len(folds))], np.array(answers)[1 - folds, np.arange(len(folds))]
    np.testing.assert_allclose(own[~is_test], probs[~is_test], atol=1e-6)
    assert (abs(other - probs)[~is_test] > 1e-3).any()
    np.testing.assert_allclose(((own + other) / 2)[is_test], probs[is_test], atol=1e-6)


def test_the_net_of_the_first_fold_of_an_older_run_is_found(trained):
    new, _ = load_fold_net(trained.run, trained.images, 0)
    for file in (trained.run.path / "models").iterdir():
        file.unlink()
    old, _ = load_fold_net(trained.run, trained.images, 0)
    assert all(torch.equal(old.state_dict()[key], value) for key, value in new.state_dict().items())
    with pytest.raises(RunError, match=r"has no models/fold-1\.safetensors: the run is of an older version"):
        load_fold_net(trained.run, trained.images, 1)
