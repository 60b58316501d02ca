"""Transforms for what identifies people and companies: phone, e-mail, name, INN, KPP."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

import email_validator
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.ru import inn as stdnum_inn

from hub.mapping.transforms.registry import (
    MappingContext,
    TransformError,
    as_text,
    is_empty,
    sample,
    transform,
)

MAX_PHONE_CHARACTERS = 100
MAX_EMAIL_CHARACTERS = 320
#: Callers that hide their number: no value, and nothing wrong either.
WITHHELD = frozenset(
    {"anonymous", "unknown", "restricted", "private", "hidden", "unavailable", "аноним"}
)

# A demo shop's or a test's mail stands under example.test or .invalid, an office's under .local:
# the library documents this list as the place to allow them.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

_SEVERAL = re.compile(r"[,;/|\n]| или | и ")
_SHORT = re.compile(r"[0-9*#]{1,6}")
_SIP = re.compile(r"(?:sips?:)?\+?([0-9]{1,15})@.*", re.IGNORECASE)
_ANGLE = re.compile(r"[^<>]*<([^<>]+)>")
_KPP = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")


def _parse_one(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
        return phonenumbers.format_number(number, PhoneNumberFormat.E164)
    digits = re.sub(r"[^0-9]", "", text).removeprefix("00")
    if "+" in text or len(digits) < 11:
        return None
    try:
        foreign = phonenumbers.parse(f"+{digits}", None)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(foreign):
        return None
    return phonenumbers.format_number(foreign, PhoneNumberFormat.E164)


@lru_cache(maxsize=50_000)
def e164(text: str, region: str) -> str | None:
    """A phone number as E.164, or None; of several numbers in one text the first that is one."""
    found = _parse_one(text, region)
    if found is None and _SEVERAL.search(text):
        parts = (part.strip() for part in _SEVERAL.split(text))
        found = next((one for one in (_parse_one(part, region) for part in parts) if one), None)
    return found


@transform("phone")
def phone(value: Any, argument: Any, context: MappingContext) -> str | None:
    """A phone number as E.164 (+79161234567); without a country it is the region's own."""
    text = as_text(value)
    found = e164(text, context.phone_region) if len(text) <= MAX_PHONE_CHARACTERS else None
    if found is None:
        if text.lower() in WITHHELD:
            return None
        raise TransformError(f"«{sample(value)}» is not a phone number")
    return found


@transform("phone_of_country", takes_list=True)
def phone_of_country(value: Any, argument: Any, context: MappingContext) -> str | None:
    """[number, country]: the number as E.164, read as one of that country (ISO code, «US»)."""
    parts = value if isinstance(value, list) else [value]
    if not parts or is_empty(parts[0]):
        return None
    country = as_text(parts[1]).strip().upper() if len(parts) > 1 and parts[1] else ""
    if country not in phonenumbers.SUPPORTED_REGIONS:
        country = context.phone_region
    found: str | None = phone(parts[0], argument, replace(context, phone_region=country))
    return found


@transform("phone_or_extension")
def phone_or_extension(value: Any, argument: Any, context: MappingContext) -> str | None:
    """A phone number as E.164, or a short number (at most 6 digits) as it is."""
    text = as_text(value)
    sip = _SIP.fullmatch(text) if "@" in text and len(text) <= MAX_PHONE_CHARACTERS else None
    if sip:
        text = sip.group(1)
    is_short = len(text) <= 6 and _SHORT.fullmatch(text)
    return text if is_short else phone(text, argument, context)


@lru_cache(maxsize=20_000)
def _address(text: str) -> str | None:
    angle = _ANGLE.fullmatch(text)
    try:
        checked = email_validator.validate_email(
            (angle.group(1) if angle else text).strip(),
            check_deliverability=False,
            globally_deliverable=False,
        )
    except (email_validator.EmailNotValidError, ValueError):
        return None
    return checked.normalized.lower()


@transform("email")
def email(value: Any, argument: Any, context: MappingContext) -> str:
    """An e-mail address in lower case; «Name <address>» gives the address."""
    text = as_text(value).removeprefix("mailto:")
    found = _address(text) if len(text) <= MAX_EMAIL_CHARACTERS else None
    if found is None:
        raise TransformError(f"«{sample(value)}» is not an e-mail address")
    return found


@transform("person_name", takes_list=True)
def person_name(value: Any, argument: Any, context: MappingContext) -> str | None:
    """A person's name from one value or several parts: joined by a space, spare spaces gone."""
    parts = value if isinstance(value, list) else [value]
    words = " ".join(as_text(part) for part in parts if not is_empty(part)).split()
    return " ".join(words) or None


@transform("inn")
def inn(value: Any, argument: Any, context: MappingContext) -> str:
    """A Russian INN of 10 or 12 digits, its check digits verified."""
    text = as_text(value)
    if isinstance(value, int) and len(text) in {9, 11}:
        text = f"0{text}"
    try:
        return str(stdnum_inn.validate(text))
    except (StdnumError, ValueError) as error:
        raise TransformError(f"«{sample(value)}» is not an INN") from error


@transform("kpp")
def kpp(value: Any, argument: Any, context: MappingContext) -> str:
    """A Russian KPP: nine characters."""
    text = as_text(value).replace(" ", "").upper()
    if isinstance(value, int) and len(text) == 8:
        text = f"0{text}"
    if not _KPP.fullmatch(text):
        raise TransformError(f"«{sample(value)}» is not a KPP")
    return text
