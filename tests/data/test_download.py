import socket

import pytest

from curate.data import download as module
from curate.data.download import download, probe
from curate.errors import FetchError

CONTENT = bytes(range(256)) * 4000  # 1 MB


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_whole_file_arrives(mirror, tmp_path):
    mirror.files["a.bin"] = CONTENT
    download(mirror.url + "a.bin", tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_a_cut_off_download_goes_on_where_it_stopped(mirror, tmp_path):
    mirror.files["a.bin"] = CONTENT
    (tmp_path / "a.part").write_bytes(CONTENT[:300_000])
    download(mirror.url + "a.bin", tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT
    assert mirror.asked == [("a.bin", "bytes=300000-")]


def test_a_connection_that_breaks_off_is_taken_up_again(mirror, tmp_path):
    mirror.files["a.bin"] = CONTENT
    mirror.cuts = [100_000, 200_000]
    download(mirror.url + "a.bin", tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT
    assert [asked for _, asked in mirror.asked] == [None, "bytes=100000-", "bytes=300000-"]


def test_a_server_without_ranges_makes_it_start_again(mirror, tmp_path):
    mirror.files["a.bin"], mirror.ranges = CONTENT, False
    (tmp_path / "a.part").write_bytes(b"x" * 1000)
    download(mirror.url + "a.bin", tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_a_part_longer_than_the_file_is_thrown_away(mirror, tmp_path):
    mirror.files["a.bin"] = CONTENT
    (tmp_path / "a.part").write_bytes(CONTENT + b"more")
    download(mirror.url + "a.bin", tmp_path / "a.part")
    assert (tmp_path / "a.part").read_bytes() == CONTENT


def test_a_server_that_never_sends_more_is_given_up(mirror, tmp_path):
    mirror.files["a.bin"], mirror.cuts = CONTENT, [1000, 0, 0, 0, 0, 0]
    with pytest.raises(FetchError, match="broke off 3 times in a row after 1000 bytes"):
        download(mirror.url + "a.bin", tmp_path / "a.part")


def test_a_file_that_the_server_lacks_is_not_asked_for_again(mirror, tmp_path):
    with pytest.raises(FetchError, match=r"a\.bin answers 404"):
        download(mirror.url + "a.bin", tmp_path / "a.part")
    assert len(mirror.asked) == 1


def test_progress_counts_bytes_up_to_the_total(mirror, tmp_path):
    mirror.files["a.bin"] = CONTENT
    calls = []
    download(mirror.url + "a.bin", tmp_path / "a.part", progress=lambda *call: calls.append(call))
    assert [stage for stage, *_ in calls] == ["download a.bin"] * len(calls)
    assert calls[-1][1:3] == (len(CONTENT), len(CONTENT)) and len(calls) > 1


def test_a_closed_port_is_reported_at_once():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(FetchError, match=r"127\.0\.0\.1 cannot be reached \(Connection refused\)"):
        probe(f"http://127.0.0.1:{port}/")


def test_a_server_that_does_not_answer_is_given_up_in_time(monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.3)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(4)]  # fill the queue, so that the kernel drops the next connection
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        with pytest.raises(FetchError, match="cannot be reached"):
            probe(f"http://127.0.0.1:{server.getsockname()[1]}/")
        for client in waiting:
            client.close()


def test_behind_a_proxy_nothing_is_probed(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    probe("http://mirror.invalid/")
