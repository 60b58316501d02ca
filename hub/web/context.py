"""What every view asks for: the store, the signed-in user, the company's clock."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

from flask import current_app, g
from flask_login import UserMixin, current_user

from hub.store import users
from hub.store.database import utc_now
from hub.store.store import Store

EXTENSION = "uzel-web"


class SiteUser(UserMixin):  # type: ignore[misc]  # flask-login ships no types
    """The user of this request. The session holds the id, the epoch it was made in, the sign-in."""

    def __init__(
        self,
        row: users.UserRow,
        sign_in_id: int = 0,
        *,
        has_factor: bool = False,
        must_enrol: bool = False,
    ) -> None:
        self.row, self.sign_in_id = row, sign_in_id
        #: Whether a second factor is set up; whether the role demands one that is not.
        self.has_factor, self.must_enrol = has_factor, must_enrol

    def get_id(self) -> str:
        """What the session keeps; another epoch than the stored one ends it."""
        return f"{self.row.id}.{self.row.session_epoch}.{self.sign_in_id}"

    @property
    def role(self) -> str:
        """admin, head, manager or auditor."""
        return self.row.role

    @property
    def may_administer(self) -> bool:
        """Whether buttons that change something on admin pages are theirs."""
        return self.row.role == users.ADMIN

    @property
    def sees_admin(self) -> bool:
        """Whether admin pages are open to them, if only to read."""
        return self.row.role in (users.ADMIN, users.AUDITOR)


def the_store() -> Store:
    """The store of this hub."""
    return cast(Store, current_app.extensions[EXTENSION])


def the_user() -> SiteUser | None:
    """The signed-in user, None for a stranger."""
    return cast(SiteUser, current_user) if current_user.is_authenticated else None


def actor() -> str:
    """Who acts, as the audit log and the journals name them."""
    user = the_user()
    return user.row.email if user else ""


def company_zone() -> ZoneInfo:
    """The zone in which pages show times."""
    return ZoneInfo(the_store().settings.timezone)


def local_now() -> datetime:
    """The present moment in the company's zone."""
    return utc_now().astimezone(company_zone())


def people() -> dict[str, str]:
    """Names of users by e-mail, read once a request."""
    if "people" not in g:
        g.people = {row.email: row.name for row in users.list_users(the_store().database)}
    return cast(dict[str, str], g.people)
