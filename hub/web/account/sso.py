"""Sign-on through the company's identity provider (OpenID Connect), where hub.yml names one."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from flask import flash, redirect, request, session, url_for
from flask_babel import gettext as _
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

from hub import settings as hub_settings
from hub.sdk.errors import AuthError, HubError
from hub.store import audit, staff, users
from hub.store.store import Store
from hub.web.account.base import begin, blueprint
from hub.web.context import the_store
from hub.web.guard import safe_next
from hub.web.places import goes_out

if TYPE_CHECKING:
    from hub.web import oidc

#: Set while the person is at the provider.
BEGUN = "sso"
DEFAULT_SCOPE = "openid email profile"
log = logging.getLogger("hub.sso")


@dataclass(frozen=True)
class Provider:
    """What hub.yml says of the sign-on."""

    client: oidc.Client
    title: str
    create_users: bool
    default_role: str
    allowed_domains: tuple[str, ...]
    role_claim: str
    #: {role: values of the claim that give it}
    roles: Mapping[str, tuple[str, ...]]
    redirect_uri: str


def provider(store: Store) -> Provider | None:
    """The configured provider; None where there is none."""
    settings = store.settings
    issuer = str(settings.option("oidc.issuer", ""))
    if not issuer:
        return None
    # Imported here: its libraries are of use only to those who have a provider.
    from hub.web import oidc

    client = oidc.Client(
        issuer,
        _secret(settings.option("oidc.client_id", "")),
        _secret(settings.option("oidc.client_secret", "")),
        str(settings.option("oidc.scope", DEFAULT_SCOPE)),
        settings.allowed_networks,
    )
    domains = settings.option("oidc.allowed_domains", [])
    roles = settings.option("oidc.roles", {})
    return Provider(
        client,
        str(settings.option("oidc.title", "")),
        bool(settings.option("oidc.create_users", False)),
        str(settings.option("oidc.default_role", users.MANAGER)),
        tuple(str(domain).lower().lstrip("@") for domain in domains),
        str(settings.option("oidc.role_claim", "")),
        {role: tuple(map(str, roles.get(role) or ())) for role in users.ROLES},
        str(settings.option("oidc.redirect_uri", "")),
    )


def _secret(value: Any) -> str:
    text = str(value)
    if text.startswith(("env:", "file:")):
        return hub_settings.secret_reference(text) or ""
    return text


def may_use_password(store: Store, role: str) -> bool:
    """Whether a user of this role signs in by password too: where «only» is set, admins alone."""
    only = bool(store.settings.option("oidc.only", False)) and provider(store) is not None
    return not only or role == users.ADMIN


@blueprint.get("/login/sso")
@goes_out
def sso_begin() -> Response:
    """Lead to the provider."""
    found = provider(the_store())
    if found is None:
        return redirect(url_for("auth.login"))
    from hub.web import oidc

    begun = oidc.Request.fresh()
    try:
        address = found.client.authorization_url(begun, _redirect_uri(found))
    except HubError as error:
        return _refused(error)
    session.clear()
    session[BEGUN] = {**asdict(begun), "next": request.args.get("next", "")}
    return redirect(address)


@blueprint.get("/login/sso/back")
@goes_out
def sso_back() -> Response:
    """The person comes back from the provider with a code."""
    found, kept = provider(the_store()), session.pop(BEGUN, None)
    if found is None or not isinstance(kept, dict):
        return _refused(AuthError("the sign-on was not begun in this browser, or is too old"))
    wanted = kept.pop("next", "")
    from hub.web import oidc

    begun = oidc.Request(**kept)
    try:
        if not hmac.compare_digest(begun.state.encode(), request.args.get("state", "").encode()):
            raise AuthError("the answer does not belong to this sign-on")
        if said := request.args.get("error"):
            raise AuthError(f"the identity provider refused: {said[:100]}")
        code = request.args.get("code", "")
        claims = found.client.claims(code, begun, _redirect_uri(found))
        row = _user(found, claims)
    except HubError as error:
        return _refused(error)
    begin(row, "oidc")
    staff.note_login(the_store().database, row.id)
    return redirect(safe_next(wanted))


def _redirect_uri(found: Provider) -> str:
    return found.redirect_uri or url_for("auth.sso_back", _external=True)


def _user(found: Provider, claims: Mapping[str, Any]) -> users.UserRow:
    """The hub's user whom the claims name, made or given another role where the settings say so."""
    database = the_store().database
    email = _email(found, claims)
    subject = f"{found.client.issuer} {claims['sub']}"
    role = _role(found, claims)
    user_id = staff.by_subject(database, subject) or staff.bind_subject(database, email, subject)
    if user_id is None:
        if not found.create_users or not role:
            raise AuthError(f"{email} is no user of the hub: ask an administrator to invite you")
        user_id = _create(found, claims, email, role, subject)
    row = users.get_user(database, user_id)
    if row is None or not row.is_active:
        raise AuthError(f"{email} may not sign in: ask an administrator")
    if found.role_claim and role and role != row.role:
        row = _change_role(row, role)
    return row


def _email(found: Provider, claims: Mapping[str, Any]) -> str:
    email = users.normalise(str(claims.get("email") or ""))
    if "@" not in email:
        raise AuthError("the identity provider tells no e-mail")
    is_allowed = email.rpartition("@")[2] in found.allowed_domains
    if found.allowed_domains and not is_allowed:
        raise AuthError(f"addresses like {email} may not sign in")
    # Who can write any address into their profile there must not become somebody else here.
    if claims.get("email_verified") is False or not (claims.get("email_verified") or is_allowed):
        raise AuthError(f"the identity provider has not verified {email}")
    return email


def _role(found: Provider, claims: Mapping[str, Any]) -> str:
    """The highest role that the claim gives; the default one where no claim decides, else none."""
    if not found.role_claim:
        return found.default_role
    told: Any = claims
    for step in found.role_claim.split("."):
        told = told.get(step) if isinstance(told, Mapping) else None
    values = {str(one) for one in (told if isinstance(told, list) else [told]) if one}
    for role in (users.ADMIN, users.HEAD, users.AUDITOR, users.MANAGER):
        if values & set(found.roles[role]):
            return role
    raise AuthError("none of your groups opens the hub: ask an administrator")


def _create(found: Provider, claims: Mapping[str, Any], email: str, role: str, subject: str) -> int:
    database = the_store().database
    try:
        user_id = staff.add_by_subject(
            database, email, str(claims.get("name") or ""), role, subject
        )
    except IntegrityError as error:
        raise AuthError(f"{email} is taken by another account") from error
    with database.write() as db:
        details = {"role": role, "issuer": found.client.issuer}
        audit.record(db, email, "create user", "user", user_id, details)
    return user_id


def _change_role(row: users.UserRow, role: str) -> users.UserRow:
    database = the_store().database
    try:
        former = staff.set_role(database, row.id, role)
    except staff.LastAdmin:
        return row
    with database.write() as db:
        details = {"role": [former, role], "by": "sso"}
        audit.record(db, row.email, "change role", "user", row.id, details)
    return users.get_user(database, row.id) or row


def _refused(error: HubError) -> Response:
    from hub.web.error_texts import in_words

    log.warning("sign-on refused: %s", error.message, extra={"detail": error.detail})
    said = _("Sign-on did not work: %(reason)s", reason=in_words(error.message))
    flash(said, "danger")
    return redirect(url_for("auth.login"))
