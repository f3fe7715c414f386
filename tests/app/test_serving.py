"""The App as it is served: by a real server on a real database, asked as a browser and as a stranger would."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from curate.app.dataset import build
from curate.app.mongod import answers, free_port, private_mongod
from curate.app.plugins_folder import plugins_folder
from curate.errors import StorageError

LISTENING = {
    "initializer": {"dataset": "pictures", "group_id": None, "group_slice": None, "sample_id": None, "view": None, "workspace": None},
    "events": ["state_update"],
    "subscription": "test",
}
EXECUTE = {"dataset_name": "pictures", "params": {"path": "/"}, "operator_uri": "@voxel51/operators/list_files"}


@pytest.fixture(scope="module")
def pictures(mongod_uri, tmp_path_factory):
    """The folder of a persistent dataset `pictures` of two images."""
    import fiftyone as fo

    folder = tmp_path_factory.mktemp("pictures")
    for name in ("1.png", "2.png"):
        Image.new("L", (8, 8), 99).save(folder / name)
    dataset = fo.Dataset("pictures", persistent=True, overwrite=True)
    dataset.add_samples([fo.Sample(filepath=str(folder / name)) for name in ("1.png", "2.png")])
    return folder


@pytest.fixture(scope="module")
def served(pictures, serve_app, tmp_path_factory):
    """The App on `pictures`, with a plugin of the user's own."""
    home = tmp_path_factory.mktemp("home")
    write_plugin(home / "fiftyone" / "__plugins__" / "mine")
    with serve_app("pictures", home) as app:
        yield app


def write_plugin(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "fiftyone.yml").write_text("name: '@me/mine'\ntype: plugin\noperators: [who]\n")
    (folder / "dist").mkdir()
    (folder / "dist" / "index.umd.js").write_text("// mine")
    code = "import os\nimport fiftyone.operators as foo\nclass Who(foo.Operator):\n    @property\n    def config(self):\n"
    code += "        return foo.OperatorConfig(name='who', label='who')\n    def execute(self, ctx):\n"
    code += "        return {'who': os.environ['CURATE_REVIEWER']}\ndef register(plugin):\n    plugin.register(Who)\n"
    (folder / "__init__.py").write_text(code)


@pytest.fixture
def browser(served):
    """A client that followed the link."""
    with httpx.Client(base_url=served.address, follow_redirects=True, timeout=30) as client:
        assert client.get(served.link).status_code == 200
        yield client


@pytest.fixture
def stranger(served):
    with httpx.Client(base_url=served.address, timeout=30) as client:
        yield client


@pytest.mark.db
def test_link_opens_the_dataset_without_the_token_in_the_address(served, browser):
    response = browser.get(served.link)
    assert str(response.url) == f"{served.address}/datasets/pictures"
    assert "<title>FiftyOne</title>" in response.text


WAYS_IN = [
    ("GET", "/"),
    ("GET", "/datasets/pictures"),
    ("GET", "/fiftyone"),
    ("GET", "/assets/"),
    ("GET", "/plugins"),
    ("GET", "/plugins/mine/fiftyone.yml"),
    ("GET", "/media?filepath={0}/1.png"),
    ("GET", "/screenshot/x.html?proxy=x"),
    ("POST", "/operators/execute"),
    ("POST", "/operators"),
    ("POST", "/graphql"),
    ("POST", "/events"),
    ("POST", "/embeddings/plot"),
    ("DELETE", "/nowhere"),
]


@pytest.mark.db
@pytest.mark.parametrize(("method", "path"), WAYS_IN)
def test_nothing_is_answered_without_the_token(stranger, pictures, method, path):
    response = stranger.request(method, path.format(pictures), json={} if method == "POST" else None)
    assert response.status_code == 403
    assert "Open the link that curate printed" in response.text


@pytest.mark.db
def test_other_pages_cannot_run_operators_with_the_cookie_of_the_analyst(browser):
    as_form = {"content-type": "text/plain", "origin": "http://evil.example"}
    assert browser.post("/operators/execute", json=EXECUTE, headers=as_form).status_code == 403
    assert browser.post("/operators/execute", json=EXECUTE).status_code == 200


@pytest.mark.db
def test_name_that_was_pointed_here_is_refused(browser, served):
    assert browser.get("/fiftyone", headers={"host": f"evil.example:{served.port}"}).status_code == 403


@pytest.mark.db
def test_images_are_served_and_other_files_are_not(browser, pictures, tmp_path):
    (pictures / "out.png").symlink_to("/etc/passwd")
    assert browser.get("/media", params={"filepath": f"{pictures}/2.png"}).headers["content-type"] == "image/png"
    for path in ("/etc/passwd", f"{pictures}/../../../../../../etc/passwd", f"{pictures}/out.png"):
        response = browser.get("/media", params={"filepath": path})
        assert (response.status_code, "root:" in response.text) == (403, False)
    raw = f"GET /media%0a?filepath=/etc/passwd HTTP/1.1\r\nHost: {browser.base_url.netloc.decode()}\r\nConnection: close\r\n"
    raw += f"Cookie: {'; '.join(f'{name}={value}' for name, value in browser.cookies.items())}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", browser.base_url.port)) as connection:
        connection.sendall(raw.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


@pytest.mark.db
def test_event_stream_runs_through_the_guard(browser):
    with browser.stream("POST", "/events", json=LISTENING) as response:
        lines = response.iter_lines()
        assert next(lines) == "event: state_update"
        assert '"pictures"' in next(lines)


@pytest.mark.db
def test_plugins_of_curate_and_of_the_user_are_there(browser):
    assert {plugin["name"] for plugin in browser.get("/plugins").json()["plugins"]} == {"@curate/review", "@me/mine"}
    assert browser.get("/plugins/mine/dist/index.umd.js").text == "// mine"
    assert "javascript" in browser.get("/plugins/@curate/review/dist/index.umd.js").headers["content-type"]
    told = browser.post("/operators", json={"dataset_name": "pictures"}).json()
    assert told["errors"] == []
    assert "@me/mine/who" in {operator["uri"] for operator in told["operators"]}


@pytest.mark.db
def test_debugging_pages_are_off(browser):
    response = browser.post("/graphql", content=b"\xff", headers={"content-type": "application/json"})
    assert "Traceback" not in response.text
    assert response.status_code in (400, 500)


@pytest.mark.db
def test_two_apps_keep_their_cookies_apart_and_know_their_reviewers(served, browser, pictures, serve_app, tmp_path):
    write_plugin(tmp_path / "fiftyone" / "__plugins__" / "mine")
    with serve_app("pictures", tmp_path, reviewer="ann") as other:
        assert browser.get(other.link).status_code == 200
        assert browser.get(f"{other.address}/fiftyone").status_code == 200
        assert browser.get("/fiftyone").status_code == 200
        asked = {"dataset_name": "pictures", "operator_uri": "@me/mine/who", "params": {}}
        assert browser.post(f"{other.address}/operators/execute", json=asked).json()["result"] == {"who": "ann"}
        assert httpx.get(f"{other.address}/fiftyone", cookies={f"curate-{other.port}": served.token}).status_code == 403


@pytest.mark.db
def test_ctrl_c_ends_the_app_at_once_though_a_tab_is_open(pictures, serve_app, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with serve_app("pictures", tmp_path) as app, httpx.Client(base_url=app.address, follow_redirects=True, timeout=30) as client:
        client.get(app.link)
        assert len(list(tmp_path.glob("curate-plugins-*"))) == 1
        with client.stream("POST", "/events", json=LISTENING) as response:
            assert next(response.iter_lines()) == "event: state_update"
            app.process.send_signal(signal.SIGINT)
            out, err = app.process.communicate(timeout=600)  # while the tab is open: it would wait for ever for that
        assert not answers("127.0.0.1", app.port) and not list(tmp_path.glob("curate-plugins-*"))
    assert (app.process.returncode, out, err) == (0, "", "")


@pytest.mark.db
def test_lost_database_is_told_in_one_line_and_the_app_answers_on(tmp_path, serve_app, monkeypatch):
    with private_mongod(tmp_path / "own", cache_gb=0.25) as uri:
        monkeypatch.setenv("FIFTYONE_DATABASE_URI", uri)
        code = "from curate.app.database import connect\nconnect()\nimport fiftyone\nfiftyone.Dataset('pictures', persistent=True)"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "HOME": str(tmp_path)})
        with serve_app("pictures", tmp_path) as app, httpx.Client(base_url=app.address, follow_redirects=True, timeout=30) as client:
            client.get(app.link)
            os.kill(int((tmp_path / "own" / "mongod.pid").read_text()), signal.SIGKILL)
            assert client.post("/tagging", json={"dataset": "pictures"}).status_code == 500  # within 30 s, FiftyOne's own patience
            assert client.get("/fiftyone").status_code == 200
            app.process.kill()
            assert app.process.stderr.read() == "error: the database does not answer; the App goes on as soon as it is back\n"


def test_plugins_of_the_user_are_linked_but_for_what_they_have_in_our_name(tmp_path):
    own = tmp_path / "own"
    for name in ("@me/one", "two", "@curate/review", ".hidden"):
        (own / name).mkdir(parents=True)
    with plugins_folder(own) as folder:
        assert {entry.name for entry in folder.iterdir()} == {"@curate", "@me", "two"}
        assert (folder / "@curate" / "review" / "fiftyone.yml").exists()
        assert (folder / "@me" / "one").is_dir()
    assert not folder.exists()
    assert (own / "two").is_dir()


def test_user_whose_folder_is_one_plugin_keeps_it(tmp_path):
    (tmp_path / "fiftyone.yaml").write_text("name: mine")
    with plugins_folder(tmp_path) as folder:
        assert (folder / tmp_path.name / "fiftyone.yaml").exists()
        assert not (folder / "fiftyone.yaml").exists()


def test_user_without_plugins_gets_ours(tmp_path):
    with plugins_folder(tmp_path / "nowhere") as folder:
        assert [entry.name for entry in folder.iterdir()] == ["@curate"]


def test_folder_of_plugins_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(StorageError, match="set TMPDIR to one"), plugins_folder(tmp_path):
        pass


@pytest.fixture
def run(fo, shapes, make_run):
    """A run whose dataset is there."""
    run = make_run(shapes)
    build(run, shapes)
    return run


def curate(run, home, *arguments, verb="app"):
    """The program `curate`, started on the run."""
    code = "from curate.cli import main; main()"
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    words = [verb, str(run.path), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code, *words], env={**kept, "HOME": str(home)}, text=True, **pipes)


@pytest.mark.db
def test_port_in_use_is_told_in_one_line(shapes, make_run, tmp_path, served):
    with curate(make_run(shapes), tmp_path, "--port", served.port) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err == f"error: port {served.port} is taken; close what uses it, or give another with --port\n"


@pytest.mark.db
def test_other_addresses_need_a_flag(shapes, make_run, tmp_path):
    with curate(make_run(shapes), tmp_path, "--address", "0.0.0.0") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert "if that is meant, say --expose too" in err


@pytest.mark.db
def test_exposed_review_says_what_that_means_and_opens_at_the_queue_of_its_reviewer(run, tmp_path):
    port = free_port()
    options = ["--address", "0.0.0.0", "--expose", "--reviewer", "ann", "--port", port]
    with curate(run, tmp_path, *options, verb="review") as process:
        assert "nothing is encrypted" in process.stderr.readline()
        while "http://" not in (line := process.stderr.readline()):
            assert line
        link = line.split()[-1]
        assert link.startswith(f"http://{socket.gethostname().lower()}:{port}/datasets/shapes?view=to-review-ann&workspace=review&token=")
        with httpx.Client(follow_redirects=True, timeout=30) as client:
            assert client.get(link.replace(socket.gethostname().lower(), "127.0.0.1")).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.stderr.read() == "Ctrl-C ends it\n"
        assert "to review (ann)" in process.stdout.read()
    assert process.returncode == 0


@pytest.mark.db
def test_unknown_queue_is_told_with_those_that_are_there(run, tmp_path):
    with curate(run, tmp_path, "--queue", "label isues", "--port", free_port(), verb="review") as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.splitlines()[-1].startswith("error: unknown saved view 'label isues'; did you mean label issues")
