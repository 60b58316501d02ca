"""Mailgun's side of an inbound route: signed forms, as urlencoded, multipart and raw MIME."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote_plus

from hub.sdk.request import RawRequest
from hub.sdk.signatures import hmac_sha256

SIGNING_KEY = "emulated-signing-key"
RECIPIENT = "sales@in.shop.example"
BOUNDARY = "8f1c2d7e-mailgun"


@dataclass(frozen=True)
class Mail:
    """One mail that arrives: who, what about, and what it answers."""

    id: str
    name: str
    address: str
    subject: str
    text: str
    answers: tuple[str, ...] = ()
    hours_ago: int = 1

    def headers(self) -> list[list[str]]:
        """As Mailgun lists them."""
        sent_at = datetime.now(UTC) - timedelta(hours=self.hours_ago)
        chain = [f"<{one}@client.example>" for one in self.answers]
        return [
            ["Received", "from mail.client.example by mxa.mailgun.org"],
            ["From", f"{self.name} <{self.address}>"],
            ["To", RECIPIENT],
            ["Date", format_datetime(sent_at)],
            ["Message-Id", f"<{self.id}@client.example>"],
            *([["In-Reply-To", chain[-1]], ["References", " ".join(chain)]] if chain else []),
            ["Subject", self.subject],
        ]


ANNA = ("Анна Смирнова", "anna.smirnova@client.example")
QUESTION = Mail("mg-1", *ANNA, "Доставка в Казань", "Сколько стоит доставка?", (), 9)
ANSWER = Mail(
    "mg-2",
    *ANNA,
    "Re: Доставка в Казань",
    'Подходит.\n\n12.01.2026, 18:20, "Отдел продаж" <sales@in.shop.example>:\n> 390 рублей.',
    ("mg-1",),
    7,
)
THANKS = Mail("mg-3", *ANNA, "Re: Доставка в Казань", "Спасибо, жду.", ("mg-1", "mg-2"), 5)
PAPERS = Mail("mg-4", "Олег Ким", "oleg@client.example", "Реквизиты", "Во вложении.", (), 4)
MIME = Mail("mg-5", "Пётр Сидоров", "petr@opt.example", "Счёт на 10 штук", "Выставите счёт.", (), 3)
AWAY = Mail("mg-6", "Ольга Петрова", "olga@opt.example", "Автоответ", "Я в отпуске.", (), 2)


def sign(token: str, stamp: int, key: str = SIGNING_KEY) -> list[tuple[str, str]]:
    """The three fields Mailgun adds to every delivery."""
    signature = hmac_sha256(key, f"{stamp}{token}".encode()).hex()
    return [("timestamp", str(stamp)), ("token", token), ("signature", signature)]


class Emulator:
    """A Mailgun account with one inbound route."""

    def start(self) -> None:
        """Nothing is served: Mailgun only posts."""

    def stop(self) -> None:
        """Nothing to stop."""

    def connection(self) -> dict[str, Any]:
        """The connection file for this account."""
        return {
            "connector": "mailgun",
            "title": "Входящая почта (Mailgun)",
            "secrets": {"signing_key": SIGNING_KEY},
        }

    def webhooks(self) -> list[RawRequest]:
        """Seven deliveries of six mails: an answer before its question, one token twice."""
        away = [*AWAY.headers(), ["Auto-Submitted", "auto-replied"]]
        question = urlencoded(fields(QUESTION))
        return [
            urlencoded(fields(ANSWER)),
            question,
            question,
            urlencoded(fields(THANKS)),
            multipart(fields(PAPERS), [("Реквизиты.pdf", "application/pdf", b"%PDF-1.4\n")]),
            urlencoded(mime_fields(MIME)),
            urlencoded(fields(AWAY, away)),
        ]

    def expected(self) -> Mapping[str, int]:
        """One message a mail."""
        return {"message": 6}


def fields(
    mail: Mail, headers: Sequence[Sequence[str]] = (), key: str = SIGNING_KEY
) -> list[tuple[str, str]]:
    """The form of a parsed mail."""
    return [
        ("recipient", RECIPIENT),
        ("sender", mail.address),
        ("from", f"{mail.name} <{mail.address}>"),
        ("subject", mail.subject),
        ("body-plain", mail.text.replace("\n", "\r\n")),
        ("message-headers", json.dumps(headers or mail.headers())),
        *_signed(mail, key),
    ]


def mime_fields(mail: Mail) -> list[tuple[str, str]]:
    """The form of a route whose address ends in `mime`."""
    message = EmailMessage()
    for name, value in mail.headers():
        message[name] = value
    message.set_content(mail.text)
    return [
        ("recipient", RECIPIENT),
        ("sender", mail.address),
        ("body-mime", message.as_bytes().decode()),
        *_signed(mail),
    ]


def _signed(mail: Mail, key: str = SIGNING_KEY) -> list[tuple[str, str]]:
    token = hashlib.sha256(mail.id.encode()).hexdigest()[:50]
    return sign(token, int(datetime.now(UTC).timestamp()), key)


def urlencoded(pairs: Sequence[tuple[str, str]]) -> RawRequest:
    """A form without files."""
    body = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    return RawRequest(
        body=body.encode(), headers=(("Content-Type", "application/x-www-form-urlencoded"),)
    )


def multipart(
    pairs: Sequence[tuple[str, str]], files: Sequence[tuple[str, str, bytes]]
) -> RawRequest:
    """A form with files (name, type, bytes), fields attachment-1 and so on."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in [*pairs, ("attachment-count", str(len(files)))]
    ]
    for place, (name, media, content) in enumerate(files, 1):
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="attachment-{place}"; '
            f'filename="{name}"\r\nContent-Type: {media}\r\n\r\n'
        )
        parts.append(head.encode() + content + b"\r\n")
    parts.append(f"--{BOUNDARY}--\r\n".encode())
    media = f"multipart/form-data; boundary={BOUNDARY}"
    return RawRequest(body=b"".join(parts), headers=(("Content-Type", media),))
