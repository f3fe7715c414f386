"""The doctor says what is there, and repairs what can be repaired."""

import sys
from pathlib import Path

import pytest

from curate import machine as doctor
from curate.app.mongod import free_port
from curate.errors import DependencyError
from curate.machine import Check, fix


@pytest.mark.db
def test_all_is_well_on_a_machine_that_runs_these_tests(mongod_uri):
    checks = doctor.diagnose()
    assert [check.name for check in checks if check.status == "failed"] == []
    machine = {"Python", "PyTorch", "Device", "Data folder", "Memory", "Browser"}
    installed = {"cleanlab", "Packages", "Extras", "Weights", "FiftyOne", "MongoDB", "Database"}
    assert machine | installed == {check.name for check in checks}


@pytest.mark.db
def test_mongod_is_tried_where_no_server_is_named(monkeypatch):
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    check = doctor.check_mongodb()
    assert check.status == "ok"
    assert check.found.endswith("starts")


def test_missing_mongod_can_be_installed(tmp_path, monkeypatch):
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    monkeypatch.setattr(doctor, "mongod_path", lambda: tmp_path / "mongod")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "x86_64")
    check = doctor.check_mongodb()
    assert check.status == "failed"
    assert "curate doctor --fix" in check.advice
    assert check.fix is doctor.install_mongod


def test_missing_mongod_elsewhere_is_for_the_user_to_install(tmp_path, monkeypatch):
    monkeypatch.delenv("FIFTYONE_DATABASE_URI", raising=False)
    monkeypatch.setattr(doctor, "mongod_path", lambda: tmp_path / "mongod")
    monkeypatch.setattr(doctor.platform, "machine", lambda: "arm64")
    check = doctor.check_mongodb()
    assert check.fix is None
    assert "FIFTYONE_DATABASE_URI=" in check.advice


def test_named_server_that_does_not_answer_fails(monkeypatch):
    monkeypatch.setenv("FIFTYONE_DATABASE_URI", f"mongodb://127.0.0.1:{free_port()}")
    assert doctor.check_mongodb().status == "failed"


def test_a_package_that_is_missing_or_too_old_is_named_with_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: ["numpy>=99", "no-such-package", "ray>=2; extra == 'ray'"])
    check = doctor.check_packages()
    assert check.status == "failed" and check.advice == "pip install 'numpy>=99' 'no-such-package'"
    assert doctor.lacking("track") == []


def test_an_extra_that_is_not_complete_is_told_with_what_it_would_bring(monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: ["no-such-package; extra == 'ray'", "numpy; extra == 'app'"])
    check = doctor.check_extras()
    assert check.status == "ok" and "ray (folds on a cluster)" in check.found.partition("not installed")[2]
    assert "app" in check.found.partition("not installed")[0]


def test_without_a_browser_the_doctor_says_how_to_reach_the_app(monkeypatch):
    def none():
        raise doctor.webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(doctor.webbrowser, "get", none)
    assert "ssh -N -L" in doctor.check_browser().advice


def test_the_memory_of_a_container_is_told_beside_that_of_the_machine(monkeypatch):
    monkeypatch.setattr(doctor, "total_memory", lambda: 2**33)
    monkeypatch.setattr(doctor, "machine_memory", lambda: 2**35)
    assert doctor.check_memory().found == "8.0 GiB, all that this container may take of the machine's 32 GiB"


def test_a_data_folder_that_is_not_there_yet_is_no_fault(tmp_path, monkeypatch):
    monkeypatch.setenv("CURATE_DATA", str(tmp_path / "new" / "data"))
    check = doctor.check_data_folder()
    assert check.status == "ok" and check.found.startswith(f"{tmp_path / 'new' / 'data'}, will be made at first use")
    assert not (tmp_path / "new").exists()


def test_fix_that_cannot_is_told_and_the_rest_goes_on():
    def cannot():
        raise DependencyError("pip could not")

    done = []
    checks = [
        Check("a", "failed", "", fix=cannot),
        Check("b", "warning", "", fix=lambda: done.append("b")),
        Check("c", "ok", "", fix=cannot),
    ]
    assert fix(checks) == ["a: pip could not", "b: fixed"]
    assert done == ["b"]


def test_failed_installation_gives_the_reason_in_one_line(monkeypatch, tmp_path):
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho 'a warning' >&2\necho 'ERROR: No matching distribution found' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(DependencyError, match=r"\(ERROR: No matching distribution found\)"):
        doctor.install_mongod()


def test_doctor_does_not_import_fiftyone():
    import subprocess

    code = "import sys, curate.machine; sys.exit('fiftyone' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
