"""Every table of the store. Core tables, no ORM: rows fly, and what is written is what is meant."""

from hub.store.models.base import metadata
from hub.store.models.call_marks import call_marks
from hub.store.models.config import audit, connection_revisions, connections, tokens, users
from hub.store.models.crm import (
    calls,
    companies,
    contacts,
    deals,
    leads,
    message_refs,
    messages,
    orders,
    products,
)
from hub.store.models.exchange import exchange_sessions, hand_outs, uploads
from hub.store.models.history import changes, timeline
from hub.store.models.identity import (
    bindings,
    company_claims,
    contact_points,
    identity_claims,
    merges,
    possible_duplicates,
)
from hub.store.models.inbox import (
    attempts,
    event_bodies,
    event_counts,
    events,
    facts,
    leases,
    rejections,
    replays,
)
from hub.store.models.kept_answers import kept_answers
from hub.store.models.notes import notes
from hub.store.models.ops import (
    incidents,
    notice_channels,
    notices,
    reconcile_jobs,
    replay_jobs,
    replayed_events,
)
from hub.store.models.people import (
    erased_marks,
    erasures,
    invitations,
    recovery_codes,
    sign_ins,
    totp,
)
from hub.store.models.report import (
    report_days,
    report_letters,
    report_marks,
    report_subscriptions,
)
from hub.store.models.stock import (
    possible_products,
    stock_history,
    stock_levels,
    stock_sent,
    stock_thresholds,
)
from hub.store.models.sync import (
    cursors,
    deliveries,
    reconciliations,
    row_issues,
    sync_runs,
)
from hub.store.models.tasks import task_reminders, tasks
from hub.store.models.trade import stock_items, stock_places

#: The table behind each entity that has an external id and origins.
ENTITY_TABLES = {
    "contact": contacts,
    "company": companies,
    "lead": leads,
    "deal": deals,
    "order": orders,
    "product": products,
    "call": calls,
    "message": messages,
    "task": tasks,
}

__all__ = [
    "ENTITY_TABLES",
    "attempts",
    "audit",
    "bindings",
    "call_marks",
    "calls",
    "changes",
    "companies",
    "company_claims",
    "connection_revisions",
    "connections",
    "contact_points",
    "contacts",
    "cursors",
    "deals",
    "deliveries",
    "erased_marks",
    "erasures",
    "event_bodies",
    "event_counts",
    "events",
    "exchange_sessions",
    "facts",
    "hand_outs",
    "identity_claims",
    "incidents",
    "invitations",
    "kept_answers",
    "leads",
    "leases",
    "merges",
    "message_refs",
    "messages",
    "metadata",
    "notes",
    "notice_channels",
    "notices",
    "orders",
    "possible_duplicates",
    "possible_products",
    "products",
    "reconcile_jobs",
    "reconciliations",
    "recovery_codes",
    "rejections",
    "replay_jobs",
    "replayed_events",
    "replays",
    "report_days",
    "report_letters",
    "report_marks",
    "report_subscriptions",
    "row_issues",
    "sign_ins",
    "stock_history",
    "stock_items",
    "stock_levels",
    "stock_places",
    "stock_sent",
    "stock_thresholds",
    "sync_runs",
    "task_reminders",
    "tasks",
    "timeline",
    "tokens",
    "totp",
    "uploads",
    "users",
]
