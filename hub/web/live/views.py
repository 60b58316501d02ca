"""GET /live: the stream of news of one signed-in user."""

from __future__ import annotations

import random
import socket
from typing import cast

from flask import Blueprint, Flask, current_app, request
from werkzeug.wrappers import Response

from hub.store import users
from hub.store.store import Store
from hub.web.context import the_store, the_user
from hub.web.guard import protect
from hub.web.live.broadcast import Broadcaster
from hub.web.live.ears import PRESENT, Ears
from hub.web.live.wire import StreamResponse, message

EXTENSION = "uzel-live"
DEFAULT_STREAMS = 400
#: A full process asks to come again after so many seconds; the page draws its own within them.
AGAIN_SECONDS = 20
blueprint = Blueprint("live", __name__)
protect(blueprint, readers=users.ROLES)


class Live:
    """The streams of this process and the ears that feed them."""

    def __init__(self, store: Store) -> None:
        limit = int(store.settings.option("live.streams", DEFAULT_STREAMS))
        self.streams = Broadcaster(limit)
        self.ears = Ears(store, self.streams)


def init(app: Flask, store: Store) -> None:
    """Make ready; threads start with the first stream."""
    app.extensions[EXTENSION] = Live(store)


@blueprint.get("/live")
def stream() -> Response:
    """News by server-sent events. Its session is looked at again and again, and not prolonged."""
    user = the_user()
    live = cast(Live, current_app.extensions[EXTENSION])
    if user is None or live.streams.is_full:
        refused = Response("too many pages are open", 503, content_type="text/plain")
        refused.headers["Retry-After"] = str(AGAIN_SECONDS)
        return refused
    mark = (user.row.session_epoch, user.row.role)
    user_id = user.row.id
    # After a restart all come again, but not in the same moment.
    retry_ms = random.randrange(1000, 4000)  # noqa: S311  # no secret
    now = {
        name: ids for name, find in PRESENT.items() if (ids := find(the_store(), user.row.email))
    }
    hello = {"again": "Last-Event-ID" in request.headers, "now": now}
    first = message("hello", hello, live.ears.stamp, retry_ms)

    def join(sock: socket.socket, head: bytes) -> None:
        live.streams.join(sock, user_id, mark, head)
        live.ears.open()

    return StreamResponse(join, first)
