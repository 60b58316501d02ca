"""What to do about each kind of trouble, in words one can act on."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

#: By an error's code.
BY_CODE: Final[dict[str, Any]] = {
    "payload": _l(
        "Look at the body of the event: the sender may have changed its format, or another system "
        "posts to this address. After the connection's settings are put right, replay the event."
    ),
    "mapping": _l(
        "Open the event: step 2 shows which field could not be filled and from what. Correct that "
        "row of the mapping, or make the field not required, then replay the group."
    ),
    "mapping_config": _l(
        "Open the mapping of the connection: the row that the message names is wrong. Correct it "
        "or restore the former revision; waiting events then go on."
    ),
    "signature": _l(
        "The secret here and the one at the sender differ. Copy it anew from the sender's "
        "settings; while it is being changed both the old and the new one may be valid."
    ),
    "too_large": _l(
        "The sender posts more than this connection takes. Let it send less at once, or raise the "
        "limit in the connection's settings."
    ),
    "retry_later": _l(
        "The other system answers with a failure or not at all; the hub goes on trying by itself. "
        "If it lasts, check that the system runs and can be reached from this machine: test the "
        "connection step by step on its page."
    ),
    "not_called": _l(
        "Nothing was sent: the system failed too often just now, or its limit of requests is used "
        "up. The hub goes on by itself; the connection's page shows when."
    ),
    "auth": _l(
        "Renew the key or the password in the connection's settings. What waits goes out by itself "
        "after the first success; nothing is lost."
    ),
    "rejected": _l(
        "The other system does not take these data; its own words are in the message. Correct the "
        "record or the mapping, then send it again."
    ),
    "config": _l(
        "A setting of the connection is missing or wrong: the message names it. Correct it on the "
        "connection's page; no restart is needed."
    ),
    "address": _l(
        "The address lies in a private network that nothing allows. If it is right, add the "
        "network to network.allow in hub.yml."
    ),
    "bug": _l(
        "The code met what it did not expect. Download the event and send it with the traceback to "
        "the developers; after an update replay it."
    ),
    "poison": _l(
        "Workers died while they worked on this event, so it was set aside. Look at its size and "
        "body, and at the memory of the machine, before you replay it."
    ),
    "error": _l("Read the message and the attempts below, then replay the event."),
}
#: By the kind of an incident, where the code says less.
BY_KIND: Final[dict[str, Any]] = {
    "attention": BY_CODE["auth"],
    "broken": BY_CODE["config"],
    "breaker": BY_CODE["retry_later"],
    "stale": _l(
        "Open the connection: is its stream scheduled, do its runs succeed? For 1C: is the service "
        "published and the base not locked? «Run now» tries at once."
    ),
    "run_failed": _l(
        "Open the last run: its message says what failed. The stream is tried again by its "
        "schedule; «Run now» on the connection's page tries at once."
    ),
    "run_held": _l(
        "The source sent far fewer rows than before, and nothing was deleted. Look at the run: if "
        "the snapshot is right, let it through; if not, mend the source and run the stream again."
    ),
    "queue_old": _l(
        "Look at queues and workers: is a worker of the queue «live» running, does one event hold "
        "up the others, is the machine overloaded?"
    ),
    "delivery_old": _l(
        "Open the deliveries of this destination: the last attempt says why they do not go out."
    ),
    "disk": _l(
        "Free some space where the hub keeps its data, or shorten the time that raw events are "
        "kept. When the disk is full, nothing more can be accepted."
    ),
    "redis": _l(
        "Start Redis, or correct REDIS_URL. Events are accepted meanwhile; the hub goes on within "
        "seconds when Redis is back."
    ),
    "workers": _l(
        "Start the worker: «hub up» does so by itself; on other machines see the Procfile. What "
        "waits is not lost."
    ),
    "unexplained": _l(
        "Open the reconciliation of that day: each record is named with the reason why it could "
        "not be fetched."
    ),
}


def fix_hint(code: str | None, kind: str = "") -> Any:
    """What to do about an error of this code, or an incident of this kind; empty when unknown."""
    return BY_KIND.get(kind) or BY_CODE.get(code or "") or ""
