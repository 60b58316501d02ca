"""How the hub is started: `hub up` as it ships, with one standard_webhook connection.

Redis is the bench's own, as for the others: it outlives the kill.
"""

from __future__ import annotations

import sys
from importlib.metadata import version

from tests.bench.peers import job
from tests.bench.peers.place import Command, Peer, Place

CONNECTION = f"""\
connector: standard_webhook
title: Звонки
settings:
  scheme: hmac
  header: {job.SIGNATURE_HEADER}
  encoding: hex
  body: json
  event_id: id
  ordering_key: call.id
  records: [{{entity: call, when: "type == 'call'", from: call}}]
secrets: {{secret: "{job.SECRET.decode()}"}}
mappings:
  call:
    external_id: id
    fields:
      direction: {{from: direction, choices: {{"1": in, "2": out}}}}
      status: {{from: result, choices: {{"1": answered, "2": missed, "3": busy, "4": failed}}}}
      from_number: from.number
      to_number: to.number
      line_number: line
      started_at: {{from: created, as: unixtime}}
      answered_at: {{from: answered, as: unixtime}}
      ended_at: {{from: ended, as: unixtime}}
      recording_url: recording.url
      manager: to.user
    contact:
      name: client.name
      phone: {{from: from.number, as: phone}}
      email: {{from: client.email, as: email}}
"""


def prepare(place: Place) -> None:
    """The connection file."""
    folder = place.folder / "connections"
    folder.mkdir()
    (folder / "calls.yml").write_text(CONNECTION, encoding="utf-8")


def start(place: Place) -> list[Command]:
    """All its processes."""
    home = {"HUB_HOME": str(place.folder), "HUB_PORT": str(place.port)}
    return [
        Command((sys.executable, "-m", "hub.cli", "up"), {**home, "REDIS_URL": place.redis_url})
    ]


PEER = Peer(
    name="uzel",
    title="Узел",
    keeps="SQLite (FULL)",
    install=lambda: version("uzel"),
    prepare=prepare,
    start=start,
    database=lambda place: str(place.folder / "hub.db"),
    needs=frozenset({"redis"}),
    # A row of `changes` is written by every execution that had an effect.
    rows_sql=(
        "select c.external_id from calls c left join changes h"
        " on h.entity = 'call' and h.record_id = c.id"
    ),
    note="hub up as it ships: one worker takes events",
)
