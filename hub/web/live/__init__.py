"""Open pages hear at once what changed: server-sent events, one stream a browser (decision 0030).

A page part that shows records of a topic says `hx-trigger="live:calls from:body"` and asks for
itself anew. Code tells by `publish("tasks", [id])` here, by `hub.flow.tell` below.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.flow import tell
from hub.web.context import the_store
from hub.web.live.ears import AUDIENCES, PRESENT, Audience, Present
from hub.web.live.views import blueprint

__all__ = ["audience", "blueprint", "publish"]


def publish(topic: str, ids: Iterable[int] = ()) -> None:
    """Tell open pages that these records of a topic changed; without ids: the topic as a whole.

    After the commit. Returns at once, raises nothing.
    """
    tell.topic(the_store(), topic, ids)


def audience(name: str, topic: str, find: Audience, present: Present) -> None:
    """Whenever a topic is told of, tell `name` to those users whom `find` names, and only to them.

    `find` gets the store and the ids; it returns ids by user, and runs in a thread of its own.
    `present` gets the store and a user's e-mail: what is going on for whoever opens a page now.
    """
    AUDIENCES[name] = (topic, find)
    PRESENT[name] = present
