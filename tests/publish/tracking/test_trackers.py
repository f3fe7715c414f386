"""Which trackers there are, and what is told when one cannot be used."""

import subprocess
import sys

import pytest

from curate.errors import DependencyError, UnknownNameError, UsageError
from curate.publish.tracking import TRACKERS, check_tracker


def test_both_are_there():
    for name in TRACKERS:
        check_tracker(name)


def test_an_unknown_tracker_names_the_nearest():
    with pytest.raises(UnknownNameError, match="unknown tracker 'tensorbord'; did you mean tensorboard"):
        check_tracker("tensorbord")


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_package_is_told_with_the_command_that_installs_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)  # Python's own way to say that it is not there
    with pytest.raises(DependencyError, match=rf"--track {name} needs the package {name}; install it with: pip install 'curate\[track\]'"):
        check_tracker(name)


def test_a_mode_that_wandb_does_not_have_is_told_before_the_training(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offlin")
    with pytest.raises(UsageError, match="WANDB_MODE must be online, offline or disabled, found 'offlin'"):
        check_tracker("wandb")
    check_tracker("tensorboard")


def test_neither_is_loaded_before_it_is_used():
    code = "import sys, curate.publish.tracking; print({'wandb', 'tensorboard', 'torch.utils.tensorboard'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
