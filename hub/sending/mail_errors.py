"""What a mail server or the way to it says, in words that name the remedy."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from hub.sdk.errors import AuthError, ConfigError, HubError, Rejected, RetryLater

MAX_SAID = 300


@contextmanager
def translated(host: str, port: int, recipient: str = "") -> Iterator[None]:
    """Turn every failure of the block into an error of the hub."""
    try:
        yield
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise in_hub_terms(error, host, port, recipient) from error


def in_hub_terms(error: Exception, host: str, port: int, recipient: str = "") -> HubError:
    """The error by who must act: RetryLater, AuthError, Rejected or ConfigError."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()), (550, b""))
        return _refused_recipient(host, recipient, code, _text(said))
    if isinstance(error, smtplib.SMTPResponseException):
        return _answered(error, host)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return _not_offered(str(error), host)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return RetryLater(f"the mail server {host} broke off; it will be tried again")
    if isinstance(error, smtplib.SMTPException):
        # Said when the server's logins are none that we know.
        return ConfigError(f"the mail server {host} knows no login of ours: {_text(str(error))}")
    return _on_the_way(error, host, port)


def _on_the_way(error: Exception, host: str, port: int) -> HubError:
    """Trouble before the server said a word."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ConfigError(
            f"the certificate of the mail server {host} is not trusted ({error.verify_message}); "
            "name its authority in mail.ca_file"
        )
    if isinstance(error, ssl.SSLError):
        return ConfigError(
            f"TLS with the mail server {host}:{port} failed; port 465 usually takes "
            "mail.security: tls, port 587 starttls"
        )
    if isinstance(error, socket.gaierror):
        if error.errno == socket.EAI_AGAIN:
            return RetryLater(f"the name of the mail server {host} cannot be looked up now")
        return ConfigError(f"there is no mail server {host}; check mail.host in hub.yml")
    if isinstance(error, FileNotFoundError):
        return ConfigError("the file of mail.ca_file is not there")
    if isinstance(error, OSError):
        return RetryLater(
            f"the mail server {host}:{port} does not answer; check mail.host, mail.port and "
            "whether a firewall lets it through"
        )
    return ConfigError(f"the letter cannot be written: {_text(str(error))}")


def _answered(error: smtplib.SMTPResponseException, host: str) -> HubError:
    said = f"{error.smtp_code} {_text(error.smtp_error)}".strip()
    if 400 <= error.smtp_code < 500:
        return RetryLater(f"the mail server {host} is not ready: {said}")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return AuthError(
            f"the mail server {host} refused the login; check mail.username and mail.password, "
            f"some services want a password made for programs ({said})"
        )
    if isinstance(error, smtplib.SMTPSenderRefused):
        return Rejected(
            f"the mail server {host} does not let us write as {error.sender}; mail.from must be "
            f"an address of the mailbox that logs in ({said})"
        )
    return Rejected(f"the mail server {host} did not take the letter: {said}")


def _refused_recipient(host: str, recipient: str, code: int, said: str) -> HubError:
    if 400 <= code < 500:
        return RetryLater(f"the mail server {host} is not ready: {code} {said}".strip())
    return Rejected(
        f"the mail server {host} does not take letters to {recipient}; "
        f"check the address ({code} {said})"
    )


def _not_offered(said: str, host: str) -> HubError:
    if "STARTTLS" in said:
        return ConfigError(
            f"the mail server {host} offers no STARTTLS; set mail.security to tls, or to none in "
            "your own network"
        )
    if "AUTH" in said:
        return ConfigError(
            f"the mail server {host} offers no login; leave mail.username empty, or set "
            "mail.security to tls or starttls"
        )
    return Rejected(f"the mail server {host} cannot do it: {_text(said)}")


def _text(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(text.split())[:MAX_SAID]
