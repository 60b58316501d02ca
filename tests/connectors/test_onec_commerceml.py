"""The protocol to the letter: what 1C reads untrimmed, and who is let in."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from connectors.onec_commerceml.emulator import PASSWORD, USERNAME
from hub.flow import logins
from hub.store.models import event_bodies, events, rejections
from hub.store.store import Store
from tests.support.exchange import NAME, Site, amount, offers_file, site_of

GOOD = f"{USERNAME}:{PASSWORD}"


@pytest.fixture
def site(sqlite_store: Store) -> Iterator[Site]:
    with site_of(sqlite_store) as opened:
        yield opened


def ask(site: Site, mode: str, method: str = "GET", path: str = "", **options: Any) -> Any:
    query = {"type": options.pop("type", "catalog"), "mode": mode, **options.pop("query", {})}
    return requests.request(method, site.url + path, params=query, timeout=20, **options)


def basic(pair: str, encoding: str = "utf-8") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(pair.encode(encoding)).decode()}


def login(site: Site, **query: str) -> dict[str, str]:
    lines = ask(site, "checkauth", headers=basic(GOOD), query=query).text.split("\n")
    return {"Cookie": f"{lines[1]}={lines[2]}"}


def test_the_login_is_four_lines_that_the_client_takes_as_they_are(site: Site) -> None:
    reply = ask(site, "checkauth", headers=basic(GOOD))
    assert reply.status_code == 200
    assert b"\r" not in reply.content
    assert not reply.content.startswith(b"\xef\xbb\xbf")
    status, name, value, sessid = reply.content.decode().split("\n")
    assert (status, name) == ("success", "uzel_exchange")
    assert value == value.strip()
    assert sessid.startswith("sessid=")
    assert reply.cookies[name] == value


def test_init_is_exactly_two_lines_without_an_end(site: Site) -> None:
    reply = ask(site, "init", headers=login(site))
    assert reply.content == b"zip=yes\nfile_limit=4194304"
    site.connect(zip=False, file_limit=70_000_000)
    assert ask(site, "init", headers=login(site)).content == b"zip=no\nfile_limit=33554432"


def test_any_path_behind_the_connection_is_the_exchange(site: Site) -> None:
    path = "/bitrix/admin/1c_exchange.php"
    assert ask(site, "checkauth", path=path, headers=basic(GOOD)).text.startswith("success\n")


def test_a_login_without_a_password_is_asked_for_one_and_counts_for_nothing(site: Site) -> None:
    reply = ask(site, "checkauth")
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Basic ")
    assert reply.text.startswith("failure\n")
    assert site.hub.rows(rejections) == []


@pytest.mark.parametrize("header", ["Authorization", "Redirect-Http-Authorization"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_the_password_comes_in_either_encoding_and_by_a_web_servers_detour(
    site: Site, header: str, encoding: str
) -> None:
    (value,) = basic(GOOD, encoding).values()
    assert ask(site, "checkauth", headers={header: value}).text.startswith("success\n")


def test_the_web_servers_own_variable_is_a_header(site: Site) -> None:
    """REDIRECT_HTTP_AUTHORIZATION stands in the WSGI environment, not among the headers."""
    from hub.gateway.door import _header_name

    assert _header_name("REDIRECT_HTTP_AUTHORIZATION") == "Redirect-Http-Authorization"


@pytest.mark.parametrize("pair", ["Обмен:wrong", "другой:emulated", "", ":", "Обмен"])
def test_a_wrong_password_is_refused_in_words_and_counted(site: Site, pair: str) -> None:
    reply = ask(site, "checkauth", headers=basic(pair))
    assert reply.status_code == 401
    assert reply.text.startswith("failure\n")
    assert PASSWORD not in reply.text


def test_whoever_guesses_waits_and_an_open_session_does_not(site: Site) -> None:
    cookie = login(site)
    for _ in range(logins.MAX_FAILURES):
        assert ask(site, "checkauth", headers=basic("Обмен:guess")).status_code == 401
    locked = ask(site, "checkauth", headers=basic(GOOD))
    assert locked.status_code == 401
    assert "подождите" in locked.text
    assert ask(site, "init", headers=cookie).text.startswith("zip=")
    logins.forget()
    assert ask(site, "checkauth", headers=basic(GOOD)).text.startswith("success\n")


def test_a_long_exchange_is_no_guessing(site: Site) -> None:
    cookie = login(site)
    for _ in range(5 * logins.MAX_FAILURES):
        assert ask(site, "init", headers=cookie).text.startswith("zip=")
    assert ask(site, "checkauth", headers=basic(GOOD)).text.startswith("success\n")


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "uzel_exchange=",
        "uzel_exchange=abc.def",
        "other=1",
        'uzel_exchange="',
        "uzel_exchange=0123456789abcdef0123456789abcdef." + "0" * 64,
    ],
)
@pytest.mark.parametrize("mode", ["init", "file", "import", "query", "success"])
def test_no_step_goes_without_the_sessions_own_cookie(site: Site, mode: str, cookie: str) -> None:
    reply = ask(site, mode, "POST", headers={"Cookie": cookie, **basic(GOOD)}, data=b"<a/>")
    assert reply.status_code == 401
    assert site.hub.rows(events) == []


def test_a_new_password_ends_the_sessions_and_two_passwords_keep_them(site: Site) -> None:
    cookie = login(site)
    document = site.onec.connection()
    site.hub.connect(NAME, {**document, "secrets": {"password": ["new", PASSWORD]}})
    assert ask(site, "init", headers=cookie).status_code == 200
    site.hub.connect(NAME, {**document, "secrets": {"password": "new"}})
    assert ask(site, "init", headers=cookie).status_code == 401


def test_sessid_is_not_asked_for_and_must_be_right_when_it_comes(site: Site) -> None:
    reply = ask(site, "checkauth", headers=basic(GOOD))
    lines = reply.text.split("\n")
    headers = {"Cookie": f"{lines[1]}={lines[2]}"}
    good = lines[3].removeprefix("sessid=")
    assert ask(site, "init", headers=headers, query={"sessid": good}).text.startswith("zip=")
    assert ask(site, "init", headers=headers, query={"sessid": "x"}).text.startswith("failure\n")


@pytest.mark.parametrize("mode", ["", "nothing", "checkauth2"])
def test_an_unknown_step_is_a_failure_in_words(site: Site, mode: str) -> None:
    reply = ask(site, mode, headers=login(site))
    assert (reply.status_code, reply.text.split("\n")[0]) == (200, "failure")


@pytest.mark.parametrize("mode", ["complete", "deactivate", "success"])
def test_steps_of_the_bitrix_module_are_taken_and_remove_nothing(site: Site, mode: str) -> None:
    assert ask(site, mode, headers=login(site)).content == b"success"


@pytest.mark.parametrize("kind", ["catalog", "sale"])
def test_info_and_an_empty_query_are_an_empty_root(site: Site, kind: str) -> None:
    for mode in ("info", "query"):
        body = ask(site, mode, type=kind, headers=login(site)).content
        assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
        assert "<Документ>".encode() not in body


@pytest.mark.parametrize(
    "name",
    ["", "../offers.xml", "/etc/passwd.xml", "a/../../b.xml", "..\\offers.xml", "C:\\offers.xml",
     "x" * 200 + ".xml", "a\x01.xml", "im?port.xml"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(site: Site, name: str) -> None:
    reply = ask(
        site, "file", "POST", headers=login(site), query={"filename": name}, data=b"<?xml ?>"
    )
    assert reply.text.startswith("failure\n")
    assert site.hub.rows(events) == []


def test_pictures_are_taken_and_not_kept(site: Site) -> None:
    query = {"filename": "import_files/5e/5e1f.jpg"}
    reply = ask(site, "file", "POST", headers=login(site), query=query, data=b"\xff\xd8 picture")
    assert reply.content == b"success"
    assert site.hub.rows(events) == []


def test_a_piece_is_an_event_like_any_other_and_twice_it_is_one(site: Site) -> None:
    headers, body = login(site), offers_file({"a": amount("1")})
    query = {"filename": "offers0_1.xml"}
    for _ in range(2):
        reply = ask(site, "file", "POST", headers=headers, query=query, data=body)
        assert reply.content == b"success"
    event = site.hub.one(events)
    assert (event["type"], event["status"]) == ("file", "received")
    assert event["ordering_key"].endswith("/offers0_1.xml")
    kept = site.hub.one(event_bodies)
    assert bytes(kept["body"]) == body
    assert headers["Cookie"].partition("=")[2] not in str(kept["headers"])
    site.drain()
    event = site.hub.one(events)
    assert (event["status"], event["error_code"]) == ("done", None)


def test_a_piece_beyond_every_limit_is_refused_in_words(site: Site) -> None:
    query = {"filename": "offers.xml"}
    body = b"<?xml ?>" + b" " * (33 * 1024 * 1024)
    reply = ask(site, "file", "POST", headers=login(site), query=query, data=body)
    assert reply.status_code == 413
    assert reply.text.startswith("failure\n")
    assert "file_limit" in reply.text


def test_an_import_of_what_never_came_is_a_failure(site: Site) -> None:
    reply = ask(site, "import", headers=login(site), query={"filename": "import0_1.xml"})
    assert reply.text == "failure\nфайл «import0_1.xml» в этом сеансе не загружен"


def test_files_of_another_session_are_not_found(site: Site) -> None:
    first, second = login(site), login(site)
    query = {"filename": "offers0_1.xml"}
    ask(site, "file", "POST", headers=first, query=query, data=offers_file({"a": amount("1")}))
    assert ask(site, "import", headers=second, query=query).text.startswith("failure\n")


def test_a_paused_connection_says_so_and_keeps_the_pieces(site: Site) -> None:
    headers, query = login(site), {"filename": "offers0_1.xml"}
    site.hub.set_state(NAME, "paused")
    body = offers_file({"a": amount("1")})
    assert ask(site, "file", "POST", headers=headers, query=query, data=body).text == "success"
    assert "приостановлено" in ask(site, "import", headers=headers, query=query).text
    assert "приостановлено" in ask(site, "query", type="sale", headers=headers).text
    site.hub.set_state(NAME, "active")
    while (reply := ask(site, "import", headers=headers, query=query)).text == "progress":
        pass
    assert reply.text == "success"
