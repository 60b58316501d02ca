"""What people do with calls: done and undone, notes, calling back, listening; the card."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from connectors.mango.emulator import Emulator, signed
from connectors.mango.emulator_calls import LINE, person
from hub.store.lists import calls as call_lists
from hub.store.lists.pages import contact_briefs
from hub.store.store import Store
from tests.support.hub import Hub
from tests.support.people import BORIS, GLEB, IRINA, PAVEL, STRANGER, VERA
from tests.web.conftest import SignIn, Visitor
from tests.web.scene import MANGO, Scene
from tests.web.test_managers import text_of

KEYS = ("mango-key-123", "mango-salt-456")


@pytest.fixture
def mango(sqlite_store: Store, scene: Scene) -> Iterator[Emulator]:
    """The telephony of the scene, answering."""
    emulator = Emulator()
    emulator.start()
    settings = {**emulator.connection()["settings"], "managers": {"101": VERA.email},
                "lines": {LINE: "Реклама"}}  # fmt: skip
    secrets = emulator.connection()["secrets"]
    Hub(sqlite_store).connect("mango-main", {**MANGO, "settings": settings, "secrets": secrets})
    yield emulator
    emulator.stop()


def ring(store: Store, number: str, state: str = "Appeared", seq: int = 1, **said: object) -> int:
    """Mango tells of a leg at Vera's extension; returns the call's id."""
    told = {
        "entry_id": f"E{number}", "call_id": "L", "timestamp": int(time.time()), "seq": seq,
        "call_state": state, "location": "abonent", "from": {"number": number.lstrip("+")},
        "to": {**person("101"), "line_number": LINE}, **said,
    }  # fmt: skip
    hub = Hub(store)
    secrets = store.catalog.require("mango-main").connection.secrets
    keys = (secrets["api_key"], secrets["api_salt"])
    hub.post("mango-main", signed("events/call", json.dumps(told), *keys))
    hub.drain("mango-main")
    page = call_lists.list_calls(store.database, call_lists.CallFilters(q=number))
    return int(page.items[0]["id"])


def card(visitor: Visitor, *shown: int) -> str:
    """What the page gets on news of a ringing call."""
    return visitor.get("/ringing?" + "&".join(f"shown={one}" for one in shown))


def test_done_is_said_with_a_name_and_can_be_undone(
    sign_in: SignIn, scene: Scene, sqlite_store: Store
) -> None:
    vera = sign_in(VERA)
    page = vera.get("/calls?show=unreturned")
    key = re.findall(r'<tr data-href="/calls/(\d+)">', page)[0]
    before = len(re.findall("<tr data-href", page))
    assert vera.post(f"/calls/{key}/done", done="yes", next="/calls")[1] == "/calls"
    page = vera.get("/calls?show=unreturned")
    assert len(re.findall("<tr data-href", page)) == before - 1
    assert f"готово: {VERA.name}" in text_of(vera.get(f"/calls/{key}"))
    vera.post(f"/calls/{key}/done", done="", next="/calls")
    assert f'data-href="/calls/{key}"' in vera.get("/calls?show=unreturned")


def test_an_auditor_looks_and_changes_nothing(sign_in: SignIn, scene: Scene) -> None:
    gleb = sign_in(GLEB)
    page = gleb.get(f"/calls/{scene.call}")
    assert "/note" not in page
    for act in ("done", "note", "call-back"):
        assert gleb.post(f"/calls/{scene.call}/{act}")[0] == 403


def test_calling_back_rings_the_managers_own_phone(
    sign_in: SignIn, scene: Scene, mango: Emulator
) -> None:
    vera, boris = sign_in(VERA), sign_in(BORIS)
    assert vera.post(f"/calls/{scene.call}/call-back", next="/calls")[1] == "/calls"
    assert [asked["to_number"] for asked in mango.asked] == [IRINA.phone.lstrip("+")]
    assert "Звоним вам на 101" in text_of(vera.get("/calls"))
    assert "call-back" not in boris.get("/calls")
    boris.post(f"/calls/{scene.call}/call-back", next="/calls")
    assert "вашего внутреннего номера нет" in text_of(boris.get("/calls"))
    assert len(mango.asked) == 1


def test_the_clients_card_rings_one_of_their_phones_and_no_other(
    sign_in: SignIn, scene: Scene, mango: Emulator
) -> None:
    vera, boris, card_of = sign_in(VERA), sign_in(BORIS), f"/clients/{scene.irina}"
    assert f'action="{card_of}/call"' in vera.get(card_of)
    assert f'action="{card_of}/call"' not in boris.get(card_of)
    assert vera.post(f"{card_of}/call", number=IRINA.phone)[1] == card_of
    assert "Звоним вам на 101" in text_of(vera.get(card_of))
    assert vera.post(f"{card_of}/call", number=PAVEL.phone)[0] == 400
    assert sign_in(GLEB).post(f"{card_of}/call", number=IRINA.phone)[0] == 403
    assert [asked["to_number"] for asked in mango.asked] == [IRINA.phone.lstrip("+")]


def test_the_card_tells_who_calls_and_takes_a_note(
    sign_in: SignIn, scene: Scene, sqlite_store: Store, mango: Emulator
) -> None:
    vera, boris = sign_in(VERA), sign_in(BORIS)
    call_id = ring(sqlite_store, IRINA.phone)
    said = text_of(card(vera))
    for words in ("Входящий звонок", IRINA.name, "№ 2041", "Последний разговор", "Реклама"):
        assert words in said
    assert text_of(card(boris)).strip() == ""
    ring(sqlite_store, IRINA.phone, "Connected", 2)
    state = card(vera, call_id)
    assert "Вы разговариваете" in state
    assert "<article" not in state
    answer = vera.client.post(
        f"/ringing/{call_id}/note", data={"csrf_token": vera.token(), "note": "хочет скидку"}
    )
    assert "Заметка сохранена" in answer.text
    assert "хочет скидку" in vera.get(f"/calls/{call_id}")
    ring(sqlite_store, IRINA.phone, "Disconnected", 3, disconnect_reason=1110)
    assert "Разговор окончен" in card(vera, call_id)
    assert text_of(card(vera)).strip() == ""


def test_a_stranger_becomes_a_client_or_turns_out_to_be_one(
    sign_in: SignIn, scene: Scene, sqlite_store: Store, mango: Emulator
) -> None:
    vera = sign_in(VERA)
    call_id = ring(sqlite_store, "+79267770011")
    assert "Новый клиент" in text_of(card(vera))
    found = vera.get(f"/ringing/{call_id}/search?q=Ёлкин")
    assert PAVEL.name in found
    token = vera.token()
    vera.client.post(
        f"/ringing/{call_id}/attach", data={"csrf_token": token, "contact_id": scene.pavel}
    )
    (row,) = call_lists.of_calls(sqlite_store.database, [call_id])
    assert row["contact_id"] == scene.pavel
    other = ring(sqlite_store, STRANGER.phone)
    vera.client.post(f"/ringing/{other}/client", data={"csrf_token": token, "name": "Ольга Новая"})
    (row,) = call_lists.of_calls(sqlite_store.database, [other])
    assert contact_briefs(sqlite_store.database, [row["contact_id"]])[row["contact_id"]][
        "name"
    ] == ("Ольга Новая")


def test_the_player_gets_sound_and_nothing_else(
    sign_in: SignIn, scene: Scene, sqlite_store: Store, mango: Emulator
) -> None:
    known = next(
        told["recording_id"]
        for call in mango.calls
        for path, told in call.messages
        if path == "events/record/added"
    )
    hub = Hub(sqlite_store)
    for request in mango.webhooks():
        hub.post("mango-main", request)
    hub.drain("mango-main")
    rows = call_lists.list_calls(sqlite_store.database, call_lists.CallFilters(), limit=200).items
    heard = next(row for row in rows if row["recording_id"] == known)
    answer = sign_in(VERA).client.get(f"/calls/{heard['id']}/sound")
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.data.startswith(b"RIFF")
