"""Letters over SMTP, to a real server that behaves well and badly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hub.sdk.errors import AuthError, ConfigError, HubError, Rejected, RetryLater
from hub.sending import mail
from hub.sending.mail import Attachment, Letter, MailServer
from hub.settings import Settings
from tests.support.smtp import PASSWORD, USER, Receiver, receiver

LETTER = Letter(
    to="boris@example.ru",
    subject="Отчёт за день: звонки, заказы\nBcc: stranger@example.net",
    text="Доброе утро!\n.\nЗвонков: 12\n",
    html="<p>Звонков: <b>12</b></p>",
    attachments=(Attachment("Отчёт.xlsx", b"PK\x03\x04", "application/x-test"),),
)


def plain(port: int, **values: str) -> MailServer:
    server = MailServer("127.0.0.1", port, "none", "Узел <hub@example.ru>")
    return replace(server, **values)  # type: ignore[arg-type]  # only texts are replaced


@pytest.fixture
def server() -> Iterator[Receiver]:
    """A server in one's own network: neither TLS nor logins."""
    with receiver() as found:
        yield found


def send(server: MailServer, letter: Letter = LETTER) -> list[float]:
    """Send without waiting in earnest; returns the waits."""
    waits: list[float] = []
    mail.send(server, letter, sleep=waits.append)
    return waits


def test_a_letter_arrives_whole(server: Receiver) -> None:
    send(plain(server.port))
    [found] = server.letters
    assert (found.sender, found.recipient) == ("hub@example.ru", "boris@example.ru")
    message = found.message
    # A line break in the subject is no way to another header.
    assert message["Subject"] == "Отчёт за день: звонки, заказы Bcc: stranger@example.net"
    assert message["Bcc"] is None
    assert message["From"] == "Узел <hub@example.ru>"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == LETTER.text
    assert html is not None
    assert "<b>12</b>" in html.get_content()
    [file] = message.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("Отчёт.xlsx", b"PK\x03\x04")


def test_a_letter_sent_again_has_the_same_id(server: Receiver) -> None:
    for _ in range(2):
        send(plain(server.port), replace(LETTER, message_id="<slot-7@example.ru>"))
    assert {found.message["Message-ID"] for found in server.letters} == {"<slot-7@example.ru>"}


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_with_tls_and_a_login(tmp_path: Path, security: str) -> None:
    with receiver(
        tmp_path, tls=security == "tls", starttls=security == "starttls", login=True
    ) as server:
        good = plain(server.port, security=security, username=USER, password=PASSWORD)
        with pytest.raises(ConfigError, match="not trusted"):
            send(good)
        good = replace(good, ca_file=str(tmp_path / "ca.pem"))
        send(good)
        mail.check(good)
        with pytest.raises(AuthError, match="refused the login") as refused:
            send(replace(good, password="wrong-password-1"))
    [found] = server.letters
    assert found.encrypted
    assert found.logged_in
    assert "wrong-password-1" not in str(refused.value) + repr(good)


def test_a_passing_failure_is_tried_again(server: Receiver) -> None:
    server.answers = {"RCPT": ["450 4.2.1 greylisted"], "DATA": [""]}
    assert len(send(plain(server.port))) == 2
    assert len(server.letters) == 1


@pytest.mark.parametrize(
    ("answers", "kind", "said"),
    [
        ({"RCPT": ["550 5.1.1 no such user"]}, Rejected, "does not take letters to boris@"),
        ({"MAIL": ["553 5.7.1 not owned"]}, Rejected, "does not let us write as hub@"),
        ({"DATA": ["554 5.7.1 spam"]}, Rejected, "did not take the letter: 554"),
        ({"DATA": ["451 later"] * 3}, RetryLater, "is not ready: 451"),
        ({"EHLO": ["", "", ""]}, RetryLater, "broke off"),
    ],
)
def test_what_the_server_refuses_is_said(
    server: Receiver, answers: dict[str, list[str]], kind: type[HubError], said: str
) -> None:
    server.answers = answers
    with pytest.raises(kind, match=said):
        send(plain(server.port))
    assert server.letters == []


def test_wrong_settings_are_said_with_the_remedy(server: Receiver) -> None:
    with pytest.raises(ConfigError, match="offers no STARTTLS"):
        send(plain(server.port, security="starttls"))
    with pytest.raises(ConfigError, match="port 465 usually takes"):
        send(plain(server.port, security="tls"))
    with pytest.raises(ConfigError, match="offers no login"):
        send(plain(server.port, username=USER, password=PASSWORD))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(RetryLater, match=r"does not answer; check mail\.host"):
            send(plain(free.getsockname()[1]))


def given(**keys: object) -> Settings:
    return Settings(home=Path(), file={"mail": keys})


def test_the_settings(tmp_path: Path) -> None:
    assert mail.server_of(given(host="")) is None
    (tmp_path / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    found = mail.server_of(given(host="mx", username=USER, password=f"file:{tmp_path}/password"))
    assert found == MailServer("mx", 587, "starttls", USER, USER, PASSWORD)
    for wrong in ({"tls": True}, {"security": "ssl"}, {"port": "587"}, {"from": "Узел"},
                  {"password": "env:NO_SUCH_NAME"}):  # fmt: skip
        with pytest.raises(ConfigError, match=r"hub\.yml, mail\."):
            mail.server_of(given(**{"host": "mx", "from": USER, **wrong}))


def test_a_domain_in_cyrillic(server: Receiver) -> None:
    send(plain(server.port), replace(LETTER, to="boris@почта.рф"))
    assert server.letters[0].recipient == "boris@xn--80a1acny.xn--p1ai"
