"""The guard lets in who has the token, under the App's own name, from the App's own pages; and gives out the dataset's files only."""

import asyncio
import sys

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from curate.app.guard import Address, Guard, Tokens
from curate.app.media import MediaFolders

PORT = 5151
HERE = f"http://127.0.0.1:{PORT}"
INSIDE = "/images/1.png"


class OneFile:
    """Serves INSIDE and nothing else."""

    def serves(self, path):
        return path == INSIDE


async def passed(request):
    return PlainTextResponse("passed")


def guard(host="127.0.0.1", port=PORT):
    app = Starlette(routes=[Route("/{path:path}", passed, methods=["GET", "POST", "OPTIONS"])])
    return Guard(app, Address(host, port), Tokens(), OneFile())


@pytest.fixture
def guarded():
    return guard()


def ask(guarded, path="/", *, method="GET", known=True, **headers):
    """The response to one request, which carries the cookie if `known`."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if known:
        headers.setdefault("cookie", f"{guarded.cookie}={guarded.tokens.session}")

    async def send():
        transport = httpx.ASGITransport(app=guarded)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(send())


def test_cookie_lets_in(guarded):
    assert ask(guarded).text == "passed"


@pytest.mark.parametrize("cookie", ["", "curate-5151=", "curate-5151=wrong", "curate-5152={token}", "curate-5151={token}x"])
def test_other_cookies_do_not(guarded, cookie):
    response = ask(guarded, cookie=cookie.format(token=guarded.tokens.session))
    assert response.status_code == 403
    assert "Open the link that curate printed" in response.text


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?TOKEN={token}", "?x={token}"])
def test_wrong_token_does_not(guarded, query):
    assert ask(guarded, "/datasets/a" + query.format(token=guarded.tokens.session), known=False).status_code == 403


def test_token_of_another_app_does_not(guarded):
    assert ask(guarded, f"/?token={Tokens().session}", known=False).status_code == 403


def test_link_gives_the_cookie_and_leads_on_without_the_token(guarded):
    response = ask(guarded, f"/datasets/a%20b?view=x&token={guarded.tokens.session}&workspace=y%26z", known=False)
    assert response.status_code == 303
    assert response.headers["location"] == "/datasets/a%20b?view=x&workspace=y%26z"
    assert response.headers["set-cookie"].lower() == f"curate-5151={guarded.tokens.session.lower()}; httponly; path=/; samesite=strict"
    assert response.headers["cache-control"] == "no-store"


def test_link_leads_to_no_other_host(guarded):
    response = ask(guarded, f"{HERE}//evil.example/?token={guarded.tokens.session}", known=False)
    assert response.headers["location"] == "/evil.example/"


def test_link_on_another_site_leads_on_by_a_page_of_the_app(guarded):
    link = f"/datasets/a?view=%22x%22&token={guarded.tokens.session}"
    response = ask(guarded, link, known=False, sec_fetch_site="cross-site", sec_fetch_mode="navigate")
    assert response.status_code == 200
    assert 'content="0;url=/datasets/a?view=%22x%22"' in response.text
    assert "set-cookie" in response.headers


def test_old_link_does_no_harm_to_who_is_in(guarded):
    assert ask(guarded, "/datasets/a?token=old").headers["location"] == "/datasets/a"


def test_token_in_a_posted_address_is_not_taken(guarded):
    assert ask(guarded, f"/operators/execute?token={guarded.tokens.session}", method="POST", known=False).status_code == 403


def test_ticket_lets_in_once(guarded):
    ticket = guarded.tokens.ticket()
    first = ask(guarded, f"/?token={ticket}", known=False)
    assert (first.status_code, guarded.tokens.session in first.headers["set-cookie"]) == (303, True)
    assert ask(guarded, f"/?token={ticket}", known=False).status_code == 403
    assert ask(guarded, cookie=f"curate-5151={ticket}").status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:5151", "localhost:5151", "LocalHost:5151", "[::1]:5151"])
def test_own_names_are_answered(guarded, host):
    assert ask(guarded, host=host).status_code == 200


OTHER_HOSTS = [
    "evil.example:5151",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost.evil.example:5151",
    "10.0.0.7:5151",
    "",
    "127.0.0.1:5151@evil.example",
]


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_other_names_are_refused_even_with_the_token(guarded, host):
    response = ask(guarded, f"/?token={guarded.tokens.session}", host=host)
    assert response.status_code == 403
    assert "port 5151 at both of its ends" in response.text


def test_two_host_headers_are_refused(guarded):
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:5151")] * 2,
    }
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(guarded(scope, None, send))
    assert sent[0]["status"] == 403


def test_the_link_calls_a_container_as_the_browser_outside_does(monkeypatch):
    monkeypatch.setenv("CURATE_LINK_HOST", "localhost")
    assert Address("0.0.0.0", 5151).url == "http://localhost:5151"
    assert Address("0.0.0.0", 5151).is_named_by("localhost:5151")
    assert Address("127.0.0.1", 5151).url == "http://127.0.0.1:5151"


def test_exposed_app_is_answered_by_its_addresses_but_not_by_any_name(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Box")
    exposed = guard("0.0.0.0")
    assert [ask(exposed, host=f"{name}:5151").status_code for name in ("10.0.0.7", "box", "[fe80::1]", "localhost")] == [200] * 4
    assert ask(exposed, host="evil.example:5151").status_code == 403
    assert exposed.address.url == "http://box:5151"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:8000", "https://127.0.0.1:5151", "http://localhost:5151"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_requests_of_other_pages_are_refused(guarded, origin, method):
    response = ask(guarded, "/operators/execute", method=method, origin=origin)
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


def test_own_pages_may_post(guarded):
    assert ask(guarded, "/events", method="POST", origin=HERE, sec_fetch_site="same-origin", sec_fetch_mode="cors").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pictures_and_scripts_are_not_for_other_sites_but_links_may_be_followed(guarded, site):
    assert ask(guarded, sec_fetch_site=site, sec_fetch_mode="no-cors").status_code == 403
    assert ask(guarded, sec_fetch_site=site, sec_fetch_mode="navigate").status_code == 200


def test_other_pages_may_not_frame_the_app(guarded):
    assert ask(guarded).headers["x-frame-options"] == "SAMEORIGIN"


FOREIGN_FILES = [
    "/media?filepath=/etc/passwd",
    "/media%0A?filepath=/etc/passwd",  # a router that matches by `$` takes this for /media
    f"/media?filepath={INSIDE}&filepath=/etc/passwd",
    "/media?filepath=%2Fetc%2Fpasswd",
    "/%6dedia?filepath=/etc/passwd",
]


@pytest.mark.parametrize("path", FOREIGN_FILES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_files_outside_are_refused_however_they_are_asked_for(guarded, path, method):
    response = ask(guarded, path, method=method)
    assert response.status_code == 403
    assert "not in a folder of the dataset" in response.text


def test_files_inside_are_served(guarded):
    assert ask(guarded, f"/media?filepath={INSIDE}").status_code == 200


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({}, "websocket.close"), ({"cookie": True}, "passed"), ({"cookie": True, "origin": "http://evil.example"}, "websocket.close")],
)
def test_web_sockets_need_the_same(guarded, headers, expected):
    sent = []

    async def app(scope, receive, send):
        await send({"type": "passed"})

    async def send(message):
        sent.append(message["type"])

    guarded.app = app
    headers = {"host": f"127.0.0.1:{PORT}", **headers}
    if "cookie" in headers:
        headers["cookie"] = f"{guarded.cookie}={guarded.tokens.session}"
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    asyncio.run(guarded({"type": "websocket", "path": "/graphql", "query_string": b"", "headers": raw}, None, send))
    assert sent == [expected]


def test_guard_makes_few_calls_for_a_request(guarded):
    """Seconds are measured by `pipelines/response_times.py`."""
    headers = [(b"host", b"127.0.0.1:5151"), (b"cookie", f"{guarded.cookie}={guarded.tokens.session}".encode()), (b"origin", HERE.encode())]
    scope = {"type": "http", "method": "POST", "path": "/events", "raw_path": b"/events", "query_string": b"", "headers": headers}

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        pass

    async def num_calls():
        calls = []
        await guarded(dict(scope), None, send)
        sys.setprofile(lambda frame, event, argument: calls.append(event) if event.endswith("call") else None)
        try:
            await guarded(dict(scope), None, send)
        finally:
            sys.setprofile(None)
        return len(calls)

    guarded.app = app
    assert asyncio.run(num_calls()) < 300


@pytest.fixture
def tree(tmp_path):
    """A folder of images with a subfolder, links in it, and a secret beside it."""
    images = tmp_path / "images"
    (images / "deeper").mkdir(parents=True)
    for file in (images / "1.png", images / "deeper" / "2.png", tmp_path / "secret.txt", tmp_path / "blob"):
        file.write_bytes(b"x")
    (images / "named.png").symlink_to(tmp_path / "blob")
    (images / "other.png").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "door").symlink_to(images)
    return tmp_path


@pytest.fixture
def folders(fo, tree):
    dataset = fo.Dataset()
    dataset.add_samples([fo.Sample(filepath=str(tree / "images" / name)) for name in ("1.png", "named.png")])
    return MediaFolders(dataset)


@pytest.mark.db
def test_folder_of_the_images_is_served(folders, tree):
    assert folders.serves(f"{tree}/images/1.png")
    assert folders.serves(f"{tree}/images/../images/./1.png")
    assert folders.serves(f"{tree}/door/1.png")


@pytest.mark.db
def test_link_is_served_where_the_dataset_names_it(folders, tree):
    assert folders.serves(f"{tree}/images/named.png")
    assert not folders.serves(f"{tree}/images/other.png")
    assert not folders.serves(f"{tree}/blob")


@pytest.mark.db
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{0}/secret.txt", "{0}/images/../secret.txt", "{0}/images/deeper/2.png", "{0}/images", "images/1.png", ""]
)
def test_other_files_are_not_served(folders, tree, path):
    assert not folders.serves(path.format(tree))


@pytest.mark.db
def test_null_byte_is_no_error(folders, tree):
    assert not folders.serves(f"{tree}/images/1.png\0.txt")


@pytest.mark.db
def test_path_changed_later_opens_no_folder(fo, tree):
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=f"{tree}/images/1.png"))
    folders = MediaFolders(dataset)
    dataset.set_values("filepath", [f"{tree}/secret.txt"])
    assert not folders.serves(f"{tree}/secret.txt")
    assert folders.serves(f"{tree}/images/1.png")


@pytest.mark.db
def test_further_media_of_the_app_are_served(fo, tree):
    dataset = fo.Dataset()
    dataset.add_sample(fo.Sample(filepath=f"{tree}/images/1.png", thumbnail=f"{tree}/images/deeper/2.png"))
    assert not MediaFolders(dataset).serves(f"{tree}/images/deeper/2.png")
    dataset.app_config.media_fields = ["filepath", "thumbnail"]
    assert MediaFolders(dataset).serves(f"{tree}/images/deeper/2.png")


@pytest.mark.db
def test_dataset_without_samples_serves_nothing(fo, tree):
    assert not MediaFolders(fo.Dataset()).serves(f"{tree}/images/1.png")


@pytest.mark.parametrize("name", ["origin", "sec-fetch-site"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_foreign_page_does_not_hide_behind_a_second_header(guarded, name, is_first):
    own, foreign = {"origin": (HERE, "http://evil.example"), "sec-fetch-site": ("same-origin", "cross-site")}[name]
    values = [foreign, own] if is_first else [own, foreign]

    async def send():
        transport = httpx.ASGITransport(app=guarded)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            cookie = ("cookie", f"{guarded.cookie}={guarded.tokens.session}")
            return await client.post("/operators/execute", headers=[cookie, *((name, value) for value in values)])

    assert asyncio.run(send()).status_code == 403
