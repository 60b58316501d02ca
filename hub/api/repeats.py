"""A request that is sent again with its Idempotency-Key is carried out once (the IETF's draft
«The Idempotency-Key HTTP Header Field»)."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any, Final

from flask import Response, current_app, g, request
from werkzeug.exceptions import HTTPException

from hub.api import problems
from hub.api.access import store, token
from hub.sdk.errors import HubError
from hub.store import kept_answers
from hub.store.database import sorted_json
from hub.store.kept_answers import Also, Claim, KeptAnswer, Refusal
from hub.store.leases import LeaseLostError

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
LONGEST: Final = 255
PARAMETER: Final[dict[str, Any]] = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "description": (
        "Any text of yours, new for each thing you want done, the same when you send it again. "
        "For 24 hours the repeat does nothing anew and gets the first answer, marked "
        f"`{REPLAYED}: true`; with another body it is refused with 422; while the first is still "
        "at work, with 409. Only successes are kept: after an error the same key tries anew, "
        "except a call back, whose every outcome is kept."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST, "pattern": "^[!-~]+$"},
}
_KEPT_HEADERS: Final = ("Content-Type", "Location", "Retry-After")
_AT_WORK: Final = "A request with this key is still at work; ask again in a moment."
_UNSURE: Final = (
    "An earlier request with this key ended without an answer: nobody can say whether it had its "
    "effect. Look, and send what is missing with a new key."
)
View = Callable[..., Any]


def answered_once(view: View, *, once: bool = False) -> View:
    """A view that knows a request sent again by its key.

    `once`: what it does cannot be undone with our transaction, so a try whose end nobody knows is
    never made again.
    """

    @functools.wraps(view)
    def answer(**given: Any) -> Any:
        if HEADER not in request.headers:
            return view(**given)
        key = _key(request.headers[HEADER])
        if not key:
            places = [{"place": f"header.{HEADER}", "message": "1 to 255 visible characters."}]
            return problems.problem(422, "Unprocessable Entity", errors=places)
        found = kept_answers.take(store().database, token().id, key, _fingerprint())
        if isinstance(found, KeptAnswer):
            return _again(found)
        if found is Refusal.OTHER_REQUEST:
            detail = "This key came with another request before; take a new one for each request."
            return problems.problem(422, "Unprocessable Entity", detail, "key_reused")
        if not isinstance(found, Claim):
            return problems.problem(409, "Conflict", _AT_WORK, "at_work")
        if once and found.is_second:
            kept_answers.let_go(store().database, found, is_unsure=True)
            return problems.problem(409, "Conflict", _UNSURE, "unsure")
        return _first(view, given, found, once=once)

    return answer


def _first(view: View, given: dict[str, Any], claim: Claim, *, once: bool) -> Any:
    """Carry the request out, and keep what it is answered."""
    database = store().database
    g.claim = claim
    is_unsure, is_kept = once, False
    try:
        try:
            answer = current_app.make_response(view(**given))
        except HubError as error:
            if not once:
                raise
            answer = problems.from_hub(error)
        except HTTPException:
            is_unsure = False
            raise
        except LeaseLostError:
            return problems.problem(409, "Conflict", _AT_WORK, "at_work")
        if answer.status_code < 300 or once:
            kept_answers.keep(database, claim, _kept(answer))
            is_kept = True
        return answer
    finally:
        if not is_kept:
            kept_answers.let_go(database, claim, is_unsure=is_unsure)


def _kept(answer: Response) -> KeptAnswer:
    headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
    return KeptAnswer(answer.status_code, headers, answer.get_json())


def made_once(make: Callable[[Also | None], int]) -> int:
    """What `make` makes, or what this request made already before its process died.

    `make` gets what is to be done in the transaction of its effect.
    """
    claim: Claim | None = g.get("claim")
    if claim is None:
        return make(None)
    if claim.made_id is not None:
        return claim.made_id
    return make(functools.partial(_note, claim))


def _note(claim: Claim, db: Any, record_id: int) -> None:
    kept_answers.note_made(db, claim, record_id)


def _again(kept: KeptAnswer) -> Response:
    answer = current_app.make_response((current_app.json.response(kept.body), kept.status_code))
    answer.headers.update({**kept.headers, REPLAYED: "true"})
    return answer


def _key(value: str) -> str:
    """The key, with or without the quotes the draft asks for; empty when it cannot be one."""
    bare = value.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    visible = all("!" <= letter <= "~" for letter in bare)
    return bare if visible and len(bare) <= LONGEST else ""


def _fingerprint() -> str:
    """What is asked for: JSON by its values, so that spaces and the order of names do not count."""
    sent = request.get_json(silent=True)
    body = request.get_data() if sent is None else sorted_json(sent)
    asked = f"{request.method} {request.full_path}\n".encode()
    return hashlib.sha256(asked + body).hexdigest()
