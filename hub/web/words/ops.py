"""Words of operations: replays, incidents, notices, what queues do."""

from __future__ import annotations

from typing import Final

from flask_babel import lazy_gettext as _l

from hub.web.words.model import BAD, GOOD, INFO, WARN, Word

WORDS: Final[dict[str, dict[str, Word]]] = {
    "replay": {
        "queued": Word(_l("queued"), "clock", INFO),
        "running": Word(_l("running"), "refresh", INFO),
        "done": Word(_l("finished"), "check", GOOD),
        "failed": Word(_l("failed"), "x", BAD),
        "cancelled": Word(_l("stopped"), "player-stop", WARN),
    },
    "replay_mode": {
        "run": Word(_l("replay"), "refresh"),
        "dry": Word(_l("dry run"), "test-pipe"),
    },
    "tried": {
        "changed": Word(_l("would change something"), "edit", INFO),
        "unchanged": Word(_l("would change nothing"), "check", GOOD),
        "ignored": Word(_l("nothing to keep"), "circle-minus"),
        "failed": Word(_l("would fail"), "x", BAD),
    },
    "incident": {
        "open": Word(_l("open"), "alert-triangle", BAD),
        "acknowledged": Word(_l("being seen to"), "user-check", WARN),
        "muted": Word(_l("muted"), "bell-off"),
        "resolved": Word(_l("recovered"), "circle-check", GOOD),
    },
    "severity": {
        "warning": Word(_l("warning"), "alert-triangle", WARN),
        "critical": Word(_l("critical"), "alert-circle", BAD),
    },
    "notice": {
        "pending": Word(_l("waits"), "clock", INFO),
        "sent": Word(_l("sent"), "check", GOOD),
        "dead": Word(_l("given up"), "x", BAD),
    },
    "notice_event": {
        "opened": Word(_l("trouble"), "alert-triangle", BAD),
        "reopened": Word(_l("trouble again"), "alert-triangle", BAD),
        "recovered": Word(_l("recovered"), "circle-check", GOOD),
    },
    "channel": {
        "mail": Word(_l("E-mail"), "mail"),
        "telegram": Word("Telegram", "brand-telegram"),
        "webhook": Word(_l("Webhook"), "webhook"),
    },
    "job": {
        "queued": Word(_l("queued"), "clock", INFO),
        "running": Word(_l("running"), "refresh", INFO),
        "done": Word(_l("finished"), "check", GOOD),
        "failed": Word(_l("failed"), "x", BAD),
    },
    "worker": {
        "busy": Word(_l("at work"), "bolt", INFO),
        "idle": Word(_l("waits for work"), "check", GOOD),
        "listening": Word(_l("listens"), "antenna", GOOD),
        "silent": Word(_l("gives no sign of life"), "alert-triangle", BAD),
    },
}
