"""P5, P7: slow destinations hold nobody up, also while their worker is killed in a call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest
import requests

from connectors.webhook_out.emulator import SECRET
from hub.sdk.testing import VendorServer, body_of, reply
from hub.store.models import deliveries
from tests.faults.conftest import environment
from tests.support.hub import Hub, lead
from tests.support.running import running_hub
from tests.support.waiting import wait_until

SLOW = 6


class Receivers:
    """Receivers on one port: the slow ones answer only when the test lets them."""

    def __init__(self) -> None:
        self.came: dict[str, list[str]] = {}
        self.let = threading.Event()
        self._lock = threading.Lock()
        self.server = VendorServer(self._app)

    def ids(self, name: str) -> list[str]:
        """The message ids that came to one of them, in order."""
        with self._lock:
            return list(self.came.get(name, []))

    def _app(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        body_of(environ)
        name = str(environ["PATH_INFO"]).strip("/")
        with self._lock:
            self.came.setdefault(name, []).append(str(environ["HTTP_WEBHOOK_ID"]))
        if name.startswith("slow"):
            self.let.wait(60)
        return reply(start, 204, b"")


@pytest.fixture
def receivers() -> Iterator[Receivers]:
    made = Receivers()
    made.server.start()
    yield made
    made.let.set()
    made.server.stop()


def test_quick_ones_go_on_and_a_killed_call_is_made_again(
    sqlite_hub: Hub, home: Path, receivers: Receivers
) -> None:
    hub = sqlite_hub
    threads = "workers: {live: 1, deliver: 1, bulk: 1, deliver_threads: 4}\n"
    (home / "hub.yml").write_text(f"network: {{allow: [127.0.0.0/8]}}\n{threads}")
    hub.site()
    names = ["quick", *(f"slow{number}" for number in range(SLOW))]
    for name in names:
        settings = {"url": f"{receivers.server.url}/{name}", "entities": ["lead"]}
        document = {"connector": "webhook_out", "settings": settings, "secrets": {"secret": SECRET}}
        hub.connect(name, document)
    with running_hub(home, **environment(hub)) as running, requests.Session() as session:
        assert running.post(session, "site", lead(1))
        wait_until(lambda: receivers.ids("quick"), 40, f"the first delivery {running.output}")
        # More slow ones than threads, and each holds its call.
        wait_until(lambda: sum(name != "quick" for name in receivers.came) >= 3, 20, "slow calls")
        assert running.post(session, "site", lead(2))
        wait_until(lambda: len(receivers.ids("quick")) == 2, 20, "a quick one beside them")
        before = {name: ids for name in names if (ids := receivers.ids(name)) and name != "quick"}
        assert running.kill("worker deliver") == 1
        assert running.post(session, "site", lead(3))
        wait_until(lambda: len(receivers.ids("quick")) == 3, 40, "a quick one after the kill")
        receivers.let.set()
        wait_until(lambda: all(row["status"] == "delivered" for row in hub.rows(deliveries)),
                   40, f"the slow ones {running.output}")  # fmt: skip
    assert len(hub.rows(deliveries)) == 3 * len(names)
    assert len(set(receivers.ids("quick"))) == 3
    for name in names[1:]:
        # The killed call was made again under its own id, so the receiver can tell.
        assert len(set(receivers.ids(name))) == 3
        assert before.get(name, [""])[0] in {"", *receivers.ids(name)[1:]}
