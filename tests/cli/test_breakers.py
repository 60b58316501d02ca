"""A host that is left alone is told by `hub connections show` and `hub doctor`, and let go by
`check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.webhook_out.emulator import Emulator as Receiver
from hub.store.connections import Configured
from hub.traffic.roads import road_for
from tests.cli.conftest import Cli
from tests.support.hub import Hub

REASON = "a.example:443 cannot be reached"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that is well again."""
    emulator = Receiver()
    emulator.start()
    yield emulator
    emulator.stop()


def open_breaker(
    hub: Hub, configured: Configured, redis_url: str, host: str = "a.example:443"
) -> None:
    """A worker of the hub finds that the host fails, until it is left alone."""
    settings = replace(hub.store.settings, redis_url=redis_url)
    road = road_for(settings, configured.connector.manifest, configured.id, {})
    for _ in range(5):
        road.enter(host, "", 1).failed(REASON)


def test_it_is_shown_with_its_reason_and_the_next_try(
    cli: Cli, inside: Hub, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    document = Receiver().connection()
    settings = {**document["settings"], "limits": {"requests_per_second": 5, "burst": 7}}
    configured = inside.connect("out", {**document, "settings": settings})
    calm = cli("connections", "show", "out", "--json").json
    assert calm["breakers"] == []
    assert calm["limits"] == {"all": "5/s, burst 7"}
    assert calm["retry_seconds"][0] == pytest.approx([5 * 5 / 6, 5 * 7 / 6])
    open_breaker(inside, configured, redis_url)
    (breaker,) = cli("connections", "show", "out", "--json").json["breakers"]
    assert (breaker["host"], breaker["state"], breaker["failures"]) == ("a.example:443", "open", 5)
    assert breaker["reason"] == REASON
    text = cli("connections", "show", "out").out
    assert "# a.example:443: не вызывается до · not called before " in text
    assert "# запросов · requests (all): 5/s, burst 7" in text
    assert "# повторы через, с · retries after, s: 4.16667–5.83333, 25–35, 100–140" in text
    found = [row for row in cli("doctor", "--json", code=1).json if row["name"] == "connection out"]
    assert found[0]["message"].endswith(f"отказов подряд: 5: {REASON}")
    assert found[0]["remedy"] == "hub connections check out"


def test_a_person_s_check_goes_through_and_closes_it(
    cli: Cli, inside: Hub, redis_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    (inside.store.settings.home / "hub.yml").write_text("network: {allow: [127.0.0.0/8]}")
    configured = inside.connect("out", receiver.connection())
    open_breaker(
        inside, configured, redis_url, receiver.url.removeprefix("http://").partition("/")[0]
    )
    assert cli("connections", "show", "out", "--json").json["breakers"]
    cli("connections", "check", "out")
    assert cli("connections", "show", "out", "--json").json["breakers"] == []
