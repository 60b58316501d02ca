"""The pages of operations, and what the scene needs for each to have something to show."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert

from hub.store.models import incidents, notice_channels, notices, replay_jobs
from hub.store.store import Store

OPS_PAGES = (
    "/admin",
    "/admin/incidents",
    "/admin/events?tail=1",
    "/admin/events?text=evt&path=id&further=1",
    "/admin/replays",
    "/admin/replays/new?ids=1&ids=2",
    "/admin/replays/new?connection=site",
    "/admin/notices",
    "/admin/notices/mail/0",
    "/admin/notices/telegram/0",
    "/admin/notices/webhook/0",
    "/admin/reconciliation",
    "/admin/queues",
    "/admin/incidents/1",
    "/admin/replays/1",
    "/admin/notices/telegram/1",
)
OPS_ACTS = (
    "/admin/replays",
    "/admin/replays/1/cancel",
    "/admin/incidents/1/mute",
    "/admin/notices/mail/0",
    "/admin/notices/1/test",
    "/admin/reconciliation",
)


def furnish(store: Store, connection_id: int, dead_event: int, now: datetime) -> None:
    """An incident that was told of, a dry run with its findings, a channel."""
    with store.database.write() as db:
        db.execute(
            insert(incidents).values(
                key=f"dead_events:{connection_id}:payload",
                kind="dead_events",
                connection_id=connection_id,
                subject="Сайт, формы заявок",
                cause="payload",
                severity="warning",
                count=3,
                message="there is no «lead» in this body",
                samples=[dead_event],
                opened_at=now,
                seen_at=now,
            )
        )
        db.execute(
            insert(notice_channels).values(
                title="Дежурные",
                kind="telegram",
                settings={"chat_id": "-100200"},
                quiet_from="22:00",
                quiet_until="08:00",
                error_message="api.telegram.org cannot be reached",
                created_at=now,
            )
        )
        db.execute(
            insert(notices).values(
                incident_id=1,
                channel_id=1,
                transition=1,
                event="opened",
                severity="warning",
                due_at=now,
                created_at=now,
            )
        )
    _dry_run(store, dead_event, now)


def _dry_run(store: Store, dead_event: int, now: datetime) -> None:
    cause = {"code": "payload", "message": "there is no «lead»", "count": 3, "event_id": dead_event}
    sample = {
        "event_id": dead_event,
        "entity": "lead",
        "record_id": 1,
        "action": "updated",
        "fields": {"title": ["Заявка 1", "Заявка"]},
    }
    with store.database.write() as db:
        db.execute(
            insert(replay_jobs).values(
                mode="dry",
                status="done",
                selection={"filter": {"connection": "site"}},
                step="parse",
                total=4,
                taken=4,
                counts={"failed": 3, "changed": 1},
                findings={
                    "causes": [cause], "samples": [sample], "actions": {"lead.updated": 1},
                    "stock_rows": 0,
                },
                created_at=now,
                updated_at=now,
                finished_at=now,
            )
        )  # fmt: skip
