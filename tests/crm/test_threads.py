"""A conversation is one, in whatever order its mails arrive."""

from __future__ import annotations

import itertools
import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from connectors.mailgun import emulator as mailgun
from hub.sdk.request import RawRequest
from hub.sdk.signatures import hmac_sha256
from hub.store.models import contacts, message_refs, messages, timeline
from hub.store.working_set import WorkingSet
from tests.support.hub import NOW, Hub

numbers = itertools.count(1)


def mail(mail_id: str, answers: list[str], sender: str = "irina@client.example") -> RawRequest:
    """A mail that names the ones it answers, oldest first."""
    headers = [["From", sender], ["Message-Id", f"<{mail_id}>"], ["Subject", "Доставка"]]
    if answers:
        chain = [f"<{one}>" for one in answers]
        headers += [["In-Reply-To", chain[-1]], ["References", " ".join(chain)]]
    stamp, token = str(int(NOW.timestamp())), f"token-{mail_id}"
    form = {
        "recipient": "sales@in.shop.example",
        "sender": sender,
        "from": sender,
        "subject": "Доставка",
        "body-plain": "Текст",
        "message-headers": json.dumps(headers),
        "timestamp": stamp,
        "token": token,
        "signature": hmac_sha256(mailgun.SIGNING_KEY, f"{stamp}{token}".encode()).hex(),
    }
    kind = (("Content-Type", "application/x-www-form-urlencoded"),)
    return RawRequest(urlencode(form).encode(), headers=kind)


def receive(hub: Hub, sent: list[RawRequest], pauses: set[int]) -> None:
    for place, request in enumerate(sent):
        hub.post("mail", request, NOW)
        if place in pauses:
            hub.drain("mail")
    hub.drain("mail")


def threads(hub: Hub, suffix: str) -> dict[str, str]:
    """mail → its conversation, of one example."""
    return {
        row["message_id"].strip("<>").split("@")[0]: row["thread_key"]
        for row in hub.rows(messages)
        if row["message_id"].strip("<>").endswith(suffix)
    }


#: Two conversations; «d» answers a mail that never arrives.
ANSWERS = {"a": [], "b": ["a"], "c": ["a", "b"], "d": ["lost"], "e": ["lost", "d"], "z": []}


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(sorted(ANSWERS)), pauses=st.sets(st.integers(0, 5)))
def test_any_order(hub: Hub, order: list[str], pauses: set[int]) -> None:
    if not hub.store.catalog.all():
        hub.connect("mail", mailgun.Emulator().connection())
    suffix = f"@{next(numbers)}.example"
    sent = [mail(one + suffix, [other + suffix for other in ANSWERS[one]]) for one in order]
    receive(hub, sent, pauses)
    found = threads(hub, suffix)
    assert found["a"] == found["b"] == found["c"]
    assert found["d"] == found["e"]
    assert len(set(found.values())) == 3
    assert all(found.values())
    # The key does not depend on the order either: it is the smallest id of the conversation.
    assert "a" + suffix in found["a"]


def test_a_late_mail_joins_two_conversations_into_one(hub: Hub) -> None:
    hub.connect("mail", mailgun.Emulator().connection())
    receive(hub, [mail("b@x", ["a@x"]), mail("d@x", ["c@x"])], {0, 1})
    assert len(set(threads(hub, "@x").values())) == 2
    receive(hub, [mail("e@x", ["a@x", "d@x"])], set())
    assert len(set(threads(hub, "@x").values())) == 1


@pytest.mark.parametrize("length", [100, 300])
def test_a_message_id_of_any_length_is_a_key(hub: Hub, length: int) -> None:
    """PostgreSQL's index takes no long keys, and a vendor's id may be long and random."""
    hub.connect("mail", mailgun.Emulator().connection())
    long = "".join(hmac_sha256("k", str(n).encode()).hex() for n in range(length // 64 + 1))
    receive(hub, [mail(f"{long}@x", []), mail("b@x", [f"{long}@x"])], {0})
    assert hub.statuses() == {"done": 2}
    assert len({row["thread_key"] for row in hub.rows(messages)}) == 1


def test_mails_stand_on_their_sender_s_timeline(hub: Hub) -> None:
    hub.connect("mail", mailgun.Emulator().connection())
    receive(hub, [mail("a@x", []), mail("b@x", ["a@x"]), mail("a@x", [])], {0, 1, 2})
    contact = hub.one(contacts)
    assert contact["email"] == "irina@client.example"
    assert [row["contact_id"] for row in hub.rows(timeline)] == [contact["id"]] * 2


def test_a_mail_that_was_not_stored_joins_nothing(hub: Hub) -> None:
    """Its event failed after it had named two conversations: they stay two."""
    with hub.store.database.write() as db:
        ws = WorkingSet(db, NOW)
        first, second = ws.threads.join(["<a@1>"]), ws.threads.join(["<b@1>"])
        mark = ws.mark()
        ws.threads.join(["<c@1>", "<a@1>", "<b@1>"])
        ws.rollback(mark)
        ws.flush()
        kept = dict(map(tuple, db.execute(select(message_refs))))
    assert kept == {"<a@1>": first, "<b@1>": second}
