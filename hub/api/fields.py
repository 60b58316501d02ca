"""Fields and schemas that the API's operations share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from hub.api.access import store
from hub.sdk.payload import clean_text
from hub.store.lists.paging import MAX_ID, MAX_LIMIT
from hub.store.lists.record_filters import e164

MAX_TEXT: Final = 20_000
_EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 30, tzinfo=UTC)


class Text(fields.String):
    """Text without what a database cannot hold."""

    def __init__(self, *, max_length: int = 500, **options: Any) -> None:
        given = options.pop("validate", None)
        checks = [validate.Length(max=max_length)] + ([given] if given else [])
        super().__init__(validate=checks, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return clean_text(super()._deserialize(value, attr, data, **kwargs) or "")


class Moment(fields.DateTime):
    """RFC 3339. Without a zone it is UTC; a «+» that a URL turned into a space is mended."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or len(value) > 60:
            raise self.make_error("invalid", input=value, obj_type="datetime")
        text = value.strip().replace(":60", ":59")
        head, space, zone = text.rpartition(" ")
        if space and len(head) > 10:
            text = f"{head}+{zone}"
        try:
            moment = datetime.fromisoformat(text.upper())
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return min(max(moment.astimezone(UTC), _EARLIEST), _LATEST)
        except OverflowError:
            return _EARLIEST if text.startswith("0") else _LATEST
        except ValueError:
            raise self.make_error("invalid", input=value, obj_type="datetime") from None


class Phone(Text):
    """A phone in any spelling, kept as E.164."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        number = e164(text, store().settings.phone_region) if text else ""
        if text and not number.startswith("+"):
            raise ValidationError("Not a phone number.")
        return number


class EmailText(fields.Email):
    """An e-mail address in lower case."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        return clean_text(text).strip().lower() if text else text


def an_id(**options: Any) -> fields.Integer:
    """A record's id in what is sent."""
    return fields.Integer(strict=True, validate=validate.Range(min=1, max=MAX_ID), **options)


def query_id(**options: Any) -> fields.Integer:
    """A record's id in a URL, where every value is text."""
    return fields.Integer(validate=validate.Range(min=1, max=MAX_ID), **options)


class Strict(Schema):
    """What is sent: an unknown name is an error, never ignored in silence."""

    class Meta:
        unknown = RAISE


class PageQuery(Strict):
    """The page of a list."""

    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(min=1, max=MAX_LIMIT),
        metadata={"description": "How many items at most."},
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=500),
        metadata={"description": "`next_cursor` of the page before."},
    )


def one_of(values: tuple[str, ...], **options: Any) -> fields.String:
    """Text out of a fixed set."""
    return fields.String(validate=validate.OneOf(values), **options)


def list_of(name: str, item: type[Schema]) -> type[Schema]:
    """The schema of a list's page."""
    return Schema.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
        name=name,
    )


def shown(kind: type[fields.Field[Any]] = fields.String, **options: Any) -> fields.Field[Any]:
    """A field of a document that is always there, and may be null."""
    return kind(required=True, allow_none=True, **options)


def time_shown() -> fields.Field[Any]:
    """A moment in a document: already text."""
    return shown(metadata={"format": "date-time"})


def table_shown() -> fields.Field[Any]:
    """A table of names and values in a document."""
    return fields.Dict(keys=fields.String(), required=True)


def given(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Those of the names that were sent and are not empty."""
    return {name: data[name] for name in names if data.get(name) not in (None, "")}
