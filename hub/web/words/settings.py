"""What each setting means, for the page that shows them; a key without a text here shows what
config/hub.yml itself says above it."""

from __future__ import annotations

from typing import Any, Final

from flask_babel import lazy_gettext as _l

VARIABLES: Final[dict[str, Any]] = {
    "HUB_HOME": _l("the folder with everything the hub writes"),
    "HUB_HOST": _l("the address at which the hub listens"),
    "HUB_PORT": _l("the port at which the hub listens"),
    "DATABASE_URL": _l("the PostgreSQL database; empty: SQLite in the hub's folder"),
    "REDIS_URL": _l("the Redis of the queues; empty: the hub's own"),
    "HUB_SECRET_KEY": _l("the key that seals secrets; empty: the file secret.key"),
    "HUB_LANGUAGE": _l("the language of pages and letters, unless a user chose another"),
    "HUB_TIMEZONE": _l("the company's time zone: times on pages, days of reports"),
    "HUB_PHONE_REGION": _l("the country of phones written without a country code"),
}

#: The parts of hub.yml.
PARTS: Final[dict[str, Any]] = {
    "network": _l("Private networks"),
    "http": _l("Calls to other systems"),
    "events": _l("Events and tries"),
    "leases": _l("Takeover of work"),
    "stock": _l("Stock"),
    "export": _l("Lists as files"),
    "workers": _l("Workers"),
    "gateway": _l("Site and gateway"),
    "sessions": _l("Sessions"),
    "site": _l("The site's address"),
    "second_factor": _l("Code from the phone"),
    "oidc": _l("The company's sign-on"),
    "retention": _l("How long data is kept"),
    "mail": _l("Mail"),
}

EXPLAINED: Final[dict[str, Any]] = {
    "network.allow": _l("private networks that addresses from payloads may reach"),
    "http.connectors": _l("limits of calls by connector"),
    "http.hosts": _l("limits of calls by host"),
    "http.live_share": _l("the share of a limit kept for fresh changes"),
    "http.wait_seconds": _l("seconds a call may wait for its turn"),
    "http.breaker": _l("after how many failures a host is left alone, and for how long"),
    "events.batch_size": _l("events in one transaction"),
    "events.retry_schedule": _l("seconds before each new try of an event or delivery"),
    "events.bug_tries": _l("tries for what looks like a bug"),
    "events.poison_deaths": _l("deaths of a worker after which its event is put aside"),
    "leases.drain_seconds": _l(
        "seconds of silence after which another worker takes the events over"
    ),
    "leases.deliver_seconds": _l(
        "seconds of silence after which another worker takes the deliveries over"
    ),
    "leases.sync_seconds": _l("seconds of silence after which another worker takes the run over"),
    "stock.snapshot_min_share": _l("a smaller share of the former rows holds a snapshot back"),
    "stock.stale_after_periods": _l("after how many missed runs stock counts as out of date"),
    "stock.sources": _l("whose word on stock counts, the most trusted first"),
    "export.roles": _l("roles that may take lists away as files"),
    "export.max_rows": _l("rows that one file holds at most"),
    "export.csv_separator": _l("what separates the fields of a CSV"),
    "workers.live": _l("processes that take events up"),
    "workers.deliver": _l("processes that send changes out"),
    "workers.bulk": _l("processes that read other systems"),
    "workers.deliver_threads": _l("destinations served side by side by one process"),
    "workers.bulk_threads": _l("runs side by side in one process"),
    "gateway.processes": _l("processes of the site and of the gateway"),
    "gateway.threads": _l("threads in each of them"),
    "sessions.idle_minutes": _l("minutes without a click after which one signs in anew"),
    "sessions.longest_hours": _l("hours after which one signs in anew in any case"),
    "site.url": _l("the site's address in letters; without it nobody can ask for a new password"),
    "second_factor.required_roles": _l("roles that must sign in with a code from the phone"),
    "oidc.issuer": _l("the company's identity provider; empty: sign-in by password"),
    "oidc.client_id": _l("the hub's name at the provider"),
    "oidc.client_secret": _l("the hub's password at the provider"),
    "oidc.title": _l("what the button says"),
    "oidc.scope": _l("what the provider is asked to tell"),
    "oidc.allowed_domains": _l("mail domains that may come in"),
    "oidc.create_users": _l("whether who signs on becomes a user without an invitation"),
    "oidc.default_role": _l("the role of such a user"),
    "oidc.role_claim": _l("where the provider tells the groups"),
    "oidc.roles": _l("which groups give which role"),
    "oidc.only": _l("whether passwords are for admins alone"),
    "oidc.redirect_uri": _l("where the provider leads back to"),
    "retention.events_days": _l("days that raw requests are kept; 0: for ever"),
    "retention.attempts_days": _l("days that bodies of tries are kept; 0: for ever"),
    "retention.rejections_days": _l("days that refused requests are kept; 0: for ever"),
    "retention.recordings_days": _l("days that links to recordings are kept; 0: for ever"),
    "retention.audit_days": _l("days that the audit log is kept; 0: for ever"),
    "mail.host": _l("the mail server; empty: no letters"),
    "mail.port": _l("its port; empty: the usual one"),
    "mail.security": _l("how the connection is protected"),
    "mail.username": _l("the login at the mail server"),
    "mail.password": _l("the password at the mail server"),
    "mail.from": _l("whom letters come from"),
    "mail.ca_file": _l("the authority of the server's certificate"),
}
